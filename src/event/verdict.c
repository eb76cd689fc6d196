#include "event/verdict.h"

#include "base/assert.h"

#include "base/banned.h"

/* TIDE_VIEW is an expression; a table of constants wants an initializer. */
#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

/* In the order of the enum, which is the order on disk. */
static const struct tide_view names[TIDE_REASON_COUNT] = {
    WORD("accepted"),
    WORD("json_invalid"),
    WORD("utf8_invalid"),
    WORD("too_deep"),
    WORD("too_large"),
    WORD("duplicate_key"),
    WORD("not_an_object"),
    WORD("missing"),
    WORD("type"),
    WORD("time_invalid"),
    WORD("clock_ahead"),
    WORD("too_old"),
    WORD("schema"),
    WORD("schema_unknown"),
};

const char *tide_reason_name(enum tide_reason reason)
{
    tide_assert(reason < TIDE_REASON_COUNT);
    return names[reason].data;
}

enum tide_reason tide_reason_parse(struct tide_view word)
{
    unsigned reason = 0;
    while (reason < TIDE_REASON_COUNT && !tide_view_equal(names[reason], word)) {
        reason++;
    }
    return (enum tide_reason)reason;
}
