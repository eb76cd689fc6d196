/* Names that a column must not have: in SQL they would need quotes on one engine and not on the
 * other, or would hide a column that the lake writes itself.
 *
 * The words are those that DuckDB lists as reserved or type_function (duckdb_keywords()), and those
 * that Spark reserves in ANSI mode or refuses as table aliases. Sorted, for binary search. */
#include "event/reserved.h"

#include <stdlib.h>

#include "base/banned.h"

/* TIDE_VIEW is an expression; a table of constants wants an initializer. */
#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct tide_view words[] = {
    WORD("all"),
    WORD("analyse"),
    WORD("analyze"),
    WORD("and"),
    WORD("anti"),
    WORD("any"),
    WORD("array"),
    WORD("as"),
    WORD("asc"),
    WORD("asof"),
    WORD("asymmetric"),
    WORD("at"),
    WORD("authorization"),
    WORD("binary"),
    WORD("both"),
    WORD("by"),
    WORD("case"),
    WORD("cast"),
    WORD("check"),
    WORD("collate"),
    WORD("collation"),
    WORD("column"),
    WORD("columns"),
    WORD("concurrently"),
    WORD("constraint"),
    WORD("create"),
    WORD("cross"),
    WORD("current_date"),
    WORD("current_time"),
    WORD("current_timestamp"),
    WORD("current_user"),
    WORD("default"),
    WORD("deferrable"),
    WORD("desc"),
    WORD("describe"),
    WORD("distinct"),
    WORD("do"),
    WORD("else"),
    WORD("end"),
    WORD("escape"),
    WORD("except"),
    WORD("execute"),
    WORD("false"),
    WORD("fetch"),
    WORD("filter"),
    WORD("for"),
    WORD("foreign"),
    WORD("freeze"),
    WORD("from"),
    WORD("full"),
    WORD("generated"),
    WORD("glob"),
    WORD("grant"),
    WORD("group"),
    WORD("having"),
    WORD("ilike"),
    WORD("in"),
    WORD("initially"),
    WORD("inner"),
    WORD("intersect"),
    WORD("into"),
    WORD("is"),
    WORD("isnull"),
    WORD("join"),
    WORD("lambda"),
    WORD("lateral"),
    WORD("leading"),
    WORD("left"),
    WORD("like"),
    WORD("limit"),
    WORD("map"),
    WORD("minus"),
    WORD("natural"),
    WORD("not"),
    WORD("notnull"),
    WORD("null"),
    WORD("offset"),
    WORD("on"),
    WORD("only"),
    WORD("or"),
    WORD("order"),
    WORD("outer"),
    WORD("overlaps"),
    WORD("percentile_cont"),
    WORD("percentile_disc"),
    WORD("pivot"),
    WORD("pivot_longer"),
    WORD("pivot_wider"),
    WORD("placing"),
    WORD("positional"),
    WORD("primary"),
    WORD("qualify"),
    WORD("recursive"),
    WORD("references"),
    WORD("returning"),
    WORD("right"),
    WORD("select"),
    WORD("semi"),
    WORD("session_user"),
    WORD("show"),
    WORD("similar"),
    WORD("some"),
    WORD("struct"),
    WORD("summarize"),
    WORD("symmetric"),
    WORD("table"),
    WORD("tablesample"),
    WORD("then"),
    WORD("time"),
    WORD("to"),
    WORD("trailing"),
    WORD("true"),
    WORD("try_cast"),
    WORD("union"),
    WORD("unique"),
    WORD("unknown"),
    WORD("unpack"),
    WORD("unpivot"),
    WORD("user"),
    WORD("using"),
    WORD("variadic"),
    WORD("verbose"),
    WORD("when"),
    WORD("where"),
    WORD("window"),
    WORD("with"),
    WORD("within"),
};

/* Columns of the tables events and rejected, beside those of the schema. */
static const struct tide_view lake_names[] = {
    WORD("bytes"),
    WORD("detail"),
    WORD("event_date"),
    WORD("event_time"),
    WORD("payload"),
    WORD("pointer"),
    WORD("reason"),
    WORD("received_date"),
    WORD("received_time"),
    WORD("sent_time"),
    WORD("source"),
    WORD("uid_high"),
    WORD("uid_low"),
};

static int compare(const void *a, const void *b)
{
    return tide_view_compare(*(const struct tide_view *)a, *(const struct tide_view *)b);
}

bool tide_reserved_word(struct tide_view name)
{
    return bsearch(&name, words, sizeof words / sizeof *words, sizeof *words, compare) != NULL;
}

bool tide_reserved_lake_name(struct tide_view name)
{
    return bsearch(&name,
                   lake_names,
                   sizeof lake_names / sizeof *lake_names,
                   sizeof *lake_names,
                   compare) != NULL;
}
