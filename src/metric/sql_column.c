/* Names of columns, and values: literals, and derived columns as CASE over their globs.
 *
 * A glob without sets is LIKE or a comparison. A set needs a regular expression; what is used of
 * them means the same to RE2 and to Java: literal characters, sets, "." (with (?s)), "*", and the
 * end of the text as \z, because Java's $ also stands before a last line break. A pattern with a
 * set never matches the empty text, so what it extracted tells whether it matched. */
#include "base/assert.h"
#include "base/utf8.h"
#include "event/glob.h"
#include "metric/sql_writer.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

enum {
    DECIMAL_PLACES = 6
};

/* ------- literals */

static bool is_difficult(char c)
{
    return c == '\'' || c == '\\' || c == '$' || ((unsigned char)c < 0x20);
}

void tide_sql_literal(struct tide_view text, struct tide_bytes *sql)
{
    size_t parts = 0;
    const size_t start = sql->size;
    for (size_t i = 0; i < text.size;) {
        tide_bytes_append_text(sql, parts++ == 0 ? "" : " || ");
        if (is_difficult(text.data[i])) {
            tide_bytes_append_format(sql, "CHR(%u)", (unsigned)(unsigned char)text.data[i++]);
            continue;
        }
        tide_bytes_append_byte(sql, '\'');
        for (; i < text.size && !is_difficult(text.data[i]); i++) {
            tide_bytes_append_byte(sql, text.data[i]);
        }
        tide_bytes_append_byte(sql, '\'');
    }
    if (parts == 0) {
        tide_bytes_append_text(sql, "''");
    } else if (parts > 1 && tide_bytes_reserve(sql, 2)) {
        for (size_t i = sql->size; i > start; i--) { /* the parenthesis before what was written */
            sql->data[i] = sql->data[i - 1];
        }
        sql->data[start] = '(';
        sql->size++;
        tide_bytes_append_byte(sql, ')');
    }
}

/* ------- names, in the texts of metrics */

void sql_write_name(const struct sql_writer *writer, uint32_t column)
{
    tide_bytes_append_view(writer->sql, writer->schema->columns[column].name);
}

void sql_use_group(const struct sql_writer *writer, bool used[TIDE_SCHEMA_COLUMNS_MAX])
{
    for (uint32_t i = 0; i < writer->metric->by_count; i++) {
        used[writer->metric->by[i]] = true;
    }
}

void sql_write_used(const struct sql_writer *writer, const bool used[TIDE_SCHEMA_COLUMNS_MAX])
{
    for (uint32_t i = 0; i < writer->schema->column_count; i++) {
        if (used[i]) {
            sql_write_name(writer, i);
            SQL(writer, ", ");
        }
    }
}

void sql_write_cell(const struct sql_writer *writer)
{
    SQL(writer, "_start, _end");
    for (uint32_t i = 0; i < writer->metric->by_count; i++) {
        SQL(writer, ", ");
        sql_write_name(writer, writer->metric->by[i]);
    }
}

void sql_write_where(const struct sql_writer *writer, const uint32_t *present, uint32_t count)
{
    const char *word = "\nWHERE ";
    for (uint32_t i = 0; i < count; i++) {
        SQL(writer, word);
        sql_write_name(writer, present[i]);
        SQL(writer, " IS NOT NULL");
        word = " AND ";
    }
    if (writer->metric->where != NULL) {
        SQL(writer, word);
        tide_expression_sql(writer->metric->where, writer->sql);
    }
}

unsigned sql_places(const struct sql_writer *writer, uint32_t column)
{
    return writer->schema->columns[column].type == TIDE_TYPE_DECIMAL ? DECIMAL_PLACES : 0;
}

void sql_write_sum(const struct sql_writer *writer, struct tide_view column, unsigned places)
{
    SQL_FORMAT(writer,
               "CAST(SUM(CAST(%.*s AS DECIMAL(38, %u))) AS STRING)",
               TIDE_VIEW_ARGUMENTS(column),
               places);
}

/* ------- globs */

static bool is_alphanumeric(uint32_t point)
{
    return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') ||
           (point >= 'a' && point <= 'z');
}

/* A code point in a set: those that could be part of its syntax by their number. */
static void write_member(uint32_t point, struct tide_bytes *regex)
{
    const bool is_syntax = point < 0x20 || (point < 0x80 && strchr("\\[]^-&", (int)point) != NULL);
    if (is_syntax) {
        tide_bytes_append_format(regex, "\\x{%" PRIX32 "}", point);
    } else {
        char text[TIDE_UTF8_SIZE_MAX];
        tide_bytes_append(regex, text, tide_utf8_encode(point, text));
    }
}

static void write_set(const struct tide_glob_unit *unit, struct tide_bytes *regex)
{
    const bool is_negated = unit->kind == TIDE_GLOB_NOT_IN;
    const size_t start = regex->size;
    uint32_t low = 0;
    uint32_t high = 0;
    bool is_empty = true;
    tide_bytes_append_text(regex, is_negated ? "[^" : "[");
    for (size_t at = 0; tide_glob_range(unit->text, &at, &low, &high);) {
        if (low > high) {
            continue;
        }
        is_empty = false;
        write_member(low, regex);
        if (low < high) {
            tide_bytes_append_byte(regex, '-');
            write_member(high, regex);
        }
    }
    tide_bytes_append_byte(regex, ']');
    if (is_empty && !regex->failed) { /* no regular expression has an empty set */
        regex->size = start;
        tide_bytes_append_text(regex, is_negated ? "." : "[^\\x{0}-\\x{10FFFF}]");
    }
}

static void write_regex(struct tide_view pattern, struct tide_bytes *regex)
{
    struct tide_glob_unit unit;
    tide_bytes_append_text(regex, "(?s)^");
    for (size_t at = 0; tide_glob_next(pattern, &at, &unit);) {
        switch (unit.kind) {
        case TIDE_GLOB_POINT:
            if (is_alphanumeric((unsigned char)unit.text.data[0]) || unit.text.size > 1) {
                tide_bytes_append_view(regex, unit.text);
            } else { /* punctuation in a set of its own is never syntax */
                tide_bytes_append_byte(regex, '[');
                write_member((unsigned char)unit.text.data[0], regex);
                tide_bytes_append_byte(regex, ']');
            }
            break;
        case TIDE_GLOB_STAR:
            tide_bytes_append_text(regex, ".*");
            break;
        case TIDE_GLOB_ANY:
            tide_bytes_append_byte(regex, '.');
            break;
        case TIDE_GLOB_IN:
        case TIDE_GLOB_NOT_IN:
            write_set(&unit, regex);
            break;
        }
    }
    tide_bytes_append_text(regex, "\\z");
}

static void write_like(struct tide_view pattern, struct tide_bytes *like)
{
    struct tide_glob_unit unit;
    for (size_t at = 0; tide_glob_next(pattern, &at, &unit);) {
        if (unit.kind == TIDE_GLOB_POINT) {
            const bool is_syntax = memchr("%_!", unit.text.data[0], 3) != NULL;
            tide_bytes_append_text(like, is_syntax ? "!" : "");
            tide_bytes_append_view(like, unit.text);
        } else {
            tide_bytes_append_byte(like, unit.kind == TIDE_GLOB_STAR ? '%' : '_');
        }
    }
}

/* The simplest of the three that can say it. */
static void write_glob(struct tide_view name, struct tide_view pattern, struct tide_bytes *sql)
{
    struct tide_glob_unit unit;
    struct tide_bytes text = {0};
    bool has_set = false;
    bool has_wildcard = false;
    for (size_t at = 0; tide_glob_next(pattern, &at, &unit);) {
        has_set = has_set || unit.kind == TIDE_GLOB_IN || unit.kind == TIDE_GLOB_NOT_IN;
        has_wildcard = has_wildcard || unit.kind != TIDE_GLOB_POINT;
    }
    if (has_set) {
        write_regex(pattern, &text);
        tide_bytes_append_format(sql, "regexp_extract(%.*s, ", TIDE_VIEW_ARGUMENTS(name));
        tide_sql_literal(tide_bytes_view(&text), sql);
        tide_bytes_append_text(sql, ", 0) <> ''");
    } else if (has_wildcard) {
        write_like(pattern, &text);
        tide_bytes_append_format(sql, "%.*s LIKE ", TIDE_VIEW_ARGUMENTS(name));
        tide_sql_literal(tide_bytes_view(&text), sql);
        if (memchr(text.data, '!', text.size) != NULL ||
            memchr(text.data, '\\', text.size) != NULL) {
            tide_bytes_append_text(sql,
                                   " ESCAPE '!'"); /* Spark has '\' without it, Hive no other */
        }
    } else {
        tide_bytes_append_format(sql, "%.*s = ", TIDE_VIEW_ARGUMENTS(name));
        tide_sql_literal(pattern, sql);
    }
    sql->failed = sql->failed || text.failed;
    tide_bytes_release(&text);
}

/* ------- columns of `events` */

void tide_column_sql(const struct tide_schema *schema, uint32_t column, struct tide_bytes *sql)
{
    tide_assert(column < schema->column_count);
    const struct tide_column *derived = &schema->columns[column];
    if (!derived->derived) {
        tide_bytes_append_view(sql, derived->name);
        return;
    }
    const struct tide_view from = schema->columns[derived->from].name;
    tide_bytes_append_format(sql, "CASE WHEN %.*s IS NULL THEN NULL", TIDE_VIEW_ARGUMENTS(from));
    for (uint32_t i = 0; i < derived->glob_count; i++) {
        tide_bytes_append_text(sql, " WHEN ");
        write_glob(from, derived->globs[i].pattern, sql);
        tide_bytes_append_text(sql, " THEN ");
        tide_sql_literal(derived->globs[i].value, sql);
    }
    if (derived->has_default) {
        tide_bytes_append_text(sql, " ELSE ");
        tide_sql_literal(derived->fallback, sql);
    }
    tide_bytes_append_text(sql, " END");
}

void tide_events_sql(const struct tide_schema *schema,
                     enum tide_sql_engine engine,
                     struct tide_view table,
                     struct tide_bytes *sql)
{
    static const char *const times[] = {"event_time", "received_time", "sent_time"};
    const char *function = engine == TIDE_SQL_DUCKDB ? "epoch_us" : "unix_micros";
    tide_bytes_append_text(sql, "SELECT ");
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct tide_column *column = &schema->columns[i];
        const bool is_time = tide_type_is_time(column->type);
        if (is_time) {
            tide_bytes_append_format(sql, "%s(", function);
        }
        tide_column_sql(schema, i, sql);
        tide_bytes_append_text(sql, is_time ? ")" : "");
        if (is_time || column->derived) {
            tide_bytes_append_format(sql, " AS %.*s", TIDE_VIEW_ARGUMENTS(column->name));
        }
        tide_bytes_append_text(sql, ",\n");
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        tide_bytes_append_format(sql, "%s(%s) AS %s, ", function, times[i], times[i]);
    }
    tide_bytes_append_format(sql, "uid_high, uid_low\nFROM %.*s", TIDE_VIEW_ARGUMENTS(table));
}
