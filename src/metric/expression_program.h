/* What an expression compiles to: an array of operations in postfix order. Private to the files
 * expression*.c.
 *
 * A leaf looks at one column and gives true or false for a row; `and`, `or`, `not` combine what the
 * operations before them gave. The right operand of operation i ends at i - 1, the left one before
 * it, `size` tells where. Comparisons with numbers are already comparisons of 64-bit integers: a
 * literal that no column value can reach became ANY or NEVER. */
#ifndef TIDE_METRIC_EXPRESSION_PROGRAM_H
#define TIDE_METRIC_EXPRESSION_PROGRAM_H

#include "metric/expression.h"

enum tide_operation_kind { /* the values are in definition hashes: they never change */
    TIDE_OPERATION_AND = 1,
    TIDE_OPERATION_OR = 2,
    TIDE_OPERATION_NOT = 3,
    TIDE_OPERATION_IS_NULL = 4,
    TIDE_OPERATION_ANY = 5,   /* the column is not null */
    TIDE_OPERATION_NEVER = 6, /* false */
    TIDE_OPERATION_AT_MOST = 7,
    TIDE_OPERATION_AT_LEAST = 8,
    TIDE_OPERATION_EQUAL = 9, /* also a bool column: number 0 or 1 */
    TIDE_OPERATION_NOT_EQUAL = 10,
    TIDE_OPERATION_IN = 11,
    TIDE_OPERATION_TEXT_LESS = 12,
    TIDE_OPERATION_TEXT_AT_MOST = 13,
    TIDE_OPERATION_TEXT_GREATER = 14,
    TIDE_OPERATION_TEXT_AT_LEAST = 15,
    TIDE_OPERATION_TEXT_EQUAL = 16,
    TIDE_OPERATION_TEXT_NOT_EQUAL = 17,
    TIDE_OPERATION_TEXT_IN = 18,
};

struct tide_operation {
    enum tide_operation_kind kind;
    uint32_t column; /* of a leaf */
    uint32_t size;   /* operations of this subtree, itself included */
    /* The left operand of an `and` (`or`): the index of that operation, at which to go on when no
     * row (every row) holds already. 0: it is no left operand. */
    uint32_t skip_to;
    bool skip_if_all; /* else: if none */
    int64_t number;
    struct tide_view text;
    const int64_t *numbers; /* IN: ascending, each once */
    const struct tide_view *texts;
    uint32_t list_count;
};

/* Each level of parentheses or `not` can leave one `or` and one `and` waiting for its right
 * side. */
enum {
    TIDE_EXPRESSION_STACK_MAX = 2 * (TIDE_EXPRESSION_DEPTH_MAX + 1) + 1
};

struct tide_expression {
    const struct tide_schema *schema;
    const struct tide_operation *operations;
    uint32_t operation_count;
};

/* In place of columns: facts, written name(argument). */
struct tide_fact_name {
    struct tide_view name;
    struct tide_position position;
    struct tide_view argument; /* empty: none */
    struct tide_position argument_position;
};

/* resolve gives the column of the schema that is parsed for, or NONE after it reported what is
 * wrong. */
struct tide_expression_facts {
    uint32_t (*resolve)(void *context, const struct tide_fact_name *fact);
    void *context;
};

/* As tide_expression_parse; facts NULL: columns. */
struct tide_expression *tide_expression_parse_facts(struct tide_arena *arena,
                                                    const struct tide_schema *schema,
                                                    const struct tide_expression_facts *facts,
                                                    struct tide_view text,
                                                    struct tide_position position,
                                                    struct tide_diagnostics *diagnostics);

#endif
