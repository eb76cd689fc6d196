/* The words of a condition, and where each stands in the file. Private to the files
 * expression*.c. */
#ifndef TIDE_METRIC_EXPRESSION_TOKEN_H
#define TIDE_METRIC_EXPRESSION_TOKEN_H

#include "base/diagnostic.h"

enum tide_token_kind {
    TIDE_TOKEN_END,
    TIDE_TOKEN_NAME,   /* also and, or, not, in, is, null, true, false */
    TIDE_TOKEN_NUMBER, /* -?digits(.digits)? */
    TIDE_TOKEN_STRING, /* with its double quotes */
    TIDE_TOKEN_COMPARISON,
    TIDE_TOKEN_OPEN,
    TIDE_TOKEN_CLOSE,
    TIDE_TOKEN_LIST_OPEN,
    TIDE_TOKEN_LIST_CLOSE,
    TIDE_TOKEN_COMMA,
    TIDE_TOKEN_BAD, /* problem says why */
};

struct tide_token {
    enum tide_token_kind kind;
    size_t start;
    struct tide_view text;
    const char *problem;
};

/* The token at or after start. BAD covers the bytes that are wrong. */
struct tide_token tide_token_next(struct tide_view text, size_t start);

/* Where text[start, start + size) stands, when text is the value of the YAML scalar at `scalar`:
 * quotes, '' and folded lines are followed; where that does not work, the scalar itself. */
struct tide_position tide_token_position(struct tide_position scalar,
                                         struct tide_view text,
                                         size_t start,
                                         size_t size);

#endif
