/* Recursive descent over the grammar, straight into postfix order:
 *
 *     either     = both { "or" both }
 *     both       = unary { "and" unary }
 *     unary      = "not" unary | "(" either ")" | comparison
 *     comparison = column [ "is" ["not"] "null" | "in" "[" value { "," value } "]" | op value ]
 *
 * An error of grammar ends the parse, as what follows would be guesswork; unknown columns and wrong
 * types do not, so that all of them are told at once.
 *
 * What is parsed grows in memory of its own and is copied when its size is known: a file has
 * thousands of conditions, and few are large. */
#include "metric/expression_program.h"

#include "base/assert.h"
#include "base/json.h"
#include "metric/bound.h"
#include "metric/column.h"
#include "metric/expression_token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

enum {
    LIST_MAX = 1000,
    DECIMAL_PLACES = 6,
    SCRATCH_BYTES_MAX = 1 << 20
};

enum literal_kind {
    LITERAL_NUMBER,
    LITERAL_STRING,
    LITERAL_BOOL
};

struct literal {
    enum literal_kind kind;
    struct tide_view text; /* of a number as written, of a string decoded */
    bool is_true;
    struct tide_token token;
};

struct list {
    int64_t *numbers; /* those that a column value can have */
    struct tide_view *texts;
    uint32_t number_count;
    uint32_t text_count;
};

struct parser {
    struct tide_arena *arena;
    struct tide_arena *scratch; /* gone after the parse */
    const struct tide_schema *schema;
    const struct tide_expression_facts *facts; /* NULL: columns */
    struct tide_view text;
    struct tide_position position;
    struct tide_diagnostics *diagnostics;
    struct tide_token token;  /* the next one */
    struct tide_view subject; /* the column or fact that is compared, as it is written */
    struct list list;         /* of the `in` that is parsed; in scratch */
    struct tide_operation *operations;
    uint32_t count;
    uint32_t depth;
    bool stopped; /* by an error of grammar */
};

static struct tide_position position_of(const struct parser *parser, struct tide_token token)
{
    return tide_token_position(parser->position, parser->text, token.start, token.text.size);
}

#define REPORT(parser, token, ...)                                                                 \
    tide_diagnostics_error((parser)->diagnostics, position_of((parser), (token)), __VA_ARGS__)

static void advance(struct parser *parser)
{
    parser->token = tide_token_next(parser->text, parser->token.start + parser->token.text.size);
}

/* The first error of grammar is told; then everything returns. */
static void stop(struct parser *parser, const char *expected)
{
    const struct tide_token token = parser->token;
    if (parser->stopped) {
        return;
    }
    parser->stopped = true;
    if (token.kind == TIDE_TOKEN_BAD) {
        REPORT(parser, token, "%s", token.problem);
    } else if (token.kind == TIDE_TOKEN_END) {
        REPORT(parser, token, "the condition ends where %s is expected", expected);
    } else {
        REPORT(parser, token, "expected %s, not '%.*s'", expected, TIDE_VIEW_ARGUMENTS(token.text));
    }
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TIDE_TOKEN_NAME &&
           tide_view_equal(parser->token.text, tide_view_of(word));
}

static bool take_word(struct parser *parser, const char *word)
{
    if (!is_word(parser, word)) {
        return false;
    }
    advance(parser);
    return true;
}

static bool take(struct parser *parser, enum tide_token_kind kind, const char *expected)
{
    if (parser->token.kind != kind) {
        stop(parser, expected);
        return false;
    }
    advance(parser);
    return true;
}

static void emit(struct parser *parser, struct tide_operation operation)
{
    tide_assert(operation.size > 0 && operation.size <= parser->count + 1);
    if (parser->count < TIDE_EXPRESSION_NODES_MAX) {
        parser->operations[parser->count++] = operation;
    } else if (!parser->stopped) {
        parser->stopped = true;
        REPORT(parser,
               parser->token,
               "the condition has more than %d parts",
               TIDE_EXPRESSION_NODES_MAX);
    }
}

static void emit_leaf(struct parser *parser, enum tide_operation_kind kind, uint32_t column)
{
    emit(parser, (struct tide_operation){.kind = kind, .column = column, .size = 1});
}

/* ------- literals */

static bool read_string(struct parser *parser, struct literal *literal)
{
    struct tide_json *json = NULL;
    const enum tide_status status = tide_json_parse(parser->arena, parser->token.text, &json, NULL);
    if (status != TIDE_OK || json == NULL || json->kind != TIDE_JSON_STRING) {
        parser->stopped = true;
        REPORT(parser, parser->token, "this is not a string as JSON writes it");
        return false;
    }
    literal->kind = LITERAL_STRING;
    literal->text = json->text;
    return true;
}

static bool read_literal(struct parser *parser, struct literal *literal)
{
    *literal = (struct literal){.token = parser->token, .text = parser->token.text};
    if (parser->token.kind == TIDE_TOKEN_NUMBER) {
        literal->kind = LITERAL_NUMBER;
    } else if (is_word(parser, "true") || is_word(parser, "false")) {
        literal->kind = LITERAL_BOOL;
        literal->is_true = is_word(parser, "true");
    } else if (parser->facts != NULL && parser->token.kind != TIDE_TOKEN_STRING) {
        stop(parser, "a number");
    } else if (is_word(parser, "null")) {
        parser->stopped = true;
        REPORT(parser,
               parser->token,
               "a comparison with null is always false; "
               "write 'is null' or 'is not null'");
    } else if (parser->token.kind != TIDE_TOKEN_STRING) {
        stop(parser, "a string in double quotes, a number, true or false");
    } else if (!read_string(parser, literal)) {
        return false;
    }
    if (!parser->stopped) {
        advance(parser);
    }
    return !parser->stopped;
}

static const char *literal_name(enum literal_kind kind)
{
    switch (kind) {
    case LITERAL_NUMBER:
        return "a number";
    case LITERAL_STRING:
        return "a string";
    case LITERAL_BOOL:
        return "true or false";
    }
    return "";
}

static bool fits(enum tide_type type, enum literal_kind kind)
{
    switch (type) {
    case TIDE_TYPE_STRING:
        return kind == LITERAL_STRING;
    case TIDE_TYPE_BOOL:
        return kind == LITERAL_BOOL;
    case TIDE_TYPE_INT:
    case TIDE_TYPE_DECIMAL:
    case TIDE_TYPE_TIME_MS:
    case TIDE_TYPE_TIME_ISO:
        return kind == LITERAL_NUMBER;
    }
    return false;
}

/* Reports a literal of another type than the column's. */
static bool check_type(struct parser *parser, uint32_t column, const struct literal *literal)
{
    const struct tide_column *c = &parser->schema->columns[column];
    if (fits(c->type, literal->kind)) {
        return true;
    }
    REPORT(parser,
           literal->token,
           "'%.*s' is %s and cannot be compared with %s%s",
           TIDE_VIEW_ARGUMENTS(parser->subject),
           tide_type_name(c->type),
           literal_name(literal->kind),
           tide_type_is_time(c->type) ? "; a time is a number of microseconds since 1970" : "");
    return false;
}

/* ------- comparisons */

static struct tide_bound bound_of(const struct parser *parser,
                                  uint32_t column,
                                  struct tide_view literal)
{
    const enum tide_type type = parser->schema->columns[column].type;
    return tide_bound_of(literal, type == TIDE_TYPE_DECIMAL ? DECIMAL_PLACES : 0);
}

/* value <= floor + adjust, or value >= floor + adjust, where that may leave 64 bits by one. */
static void set_bound(struct tide_operation *operation,
                      enum tide_operation_kind kind,
                      struct tide_bound bound,
                      int adjust)
{
    const bool at_most = kind == TIDE_OPERATION_AT_MOST;
    operation->kind = kind;
    if (bound.place != TIDE_BOUND_WITHIN) {
        const bool is_above = bound.place == TIDE_BOUND_ABOVE;
        operation->kind = at_most == is_above ? TIDE_OPERATION_ANY : TIDE_OPERATION_NEVER;
    } else if (__builtin_add_overflow(bound.floor, adjust, &operation->number)) {
        operation->kind = TIDE_OPERATION_NEVER; /* < the least, > the greatest */
    }
}

/* The comparison of a column of 64-bit integers with a literal, in integers. */
static void compare_number(struct tide_operation *operation,
                           struct tide_view op,
                           struct tide_bound bound)
{
    const bool is_equal = tide_view_equal(op, TIDE_VIEW("=="));
    if (is_equal || tide_view_equal(op, TIDE_VIEW("!="))) {
        operation->number = bound.floor;
        if (bound.place == TIDE_BOUND_WITHIN && bound.exact) {
            operation->kind = is_equal ? TIDE_OPERATION_EQUAL : TIDE_OPERATION_NOT_EQUAL;
        } else {
            operation->kind = is_equal ? TIDE_OPERATION_NEVER : TIDE_OPERATION_ANY;
        }
    } else if (op.data[0] == '<') {
        const bool excludes_floor = op.size == 1 && bound.exact;
        set_bound(operation, TIDE_OPERATION_AT_MOST, bound, excludes_floor ? -1 : 0);
    } else {
        const bool includes_floor = op.size == 2 && bound.exact;
        set_bound(operation, TIDE_OPERATION_AT_LEAST, bound, includes_floor ? 0 : 1);
    }
}

static void compare_text(struct tide_operation *operation, struct tide_view op)
{
    static const struct {
        struct tide_view op;
        enum tide_operation_kind kind;
    } kinds[] = {
        {{"==", 2}, TIDE_OPERATION_TEXT_EQUAL},
        {{"!=", 2}, TIDE_OPERATION_TEXT_NOT_EQUAL},
        {{"<=", 2}, TIDE_OPERATION_TEXT_AT_MOST},
        {{">=", 2}, TIDE_OPERATION_TEXT_AT_LEAST},
        {{"<", 1}, TIDE_OPERATION_TEXT_LESS},
        {{">", 1}, TIDE_OPERATION_TEXT_GREATER},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (tide_view_equal(op, kinds[i].op)) {
            operation->kind = kinds[i].kind;
            return;
        }
    }
    tide_assert(false);
}

static void parse_compare(struct parser *parser, uint32_t column)
{
    const struct tide_token op = parser->token;
    struct literal literal = {0};
    advance(parser);
    if (!read_literal(parser, &literal)) {
        return;
    }
    struct tide_operation operation = {
        .kind = TIDE_OPERATION_NEVER,
        .column = column,
        .size = 1,
        .text = literal.kind == LITERAL_STRING ? literal.text : (struct tide_view){0},
    };
    if (column == TIDE_COLUMN_NONE || !check_type(parser, column, &literal)) {
        emit(parser, operation);
        return;
    }
    if (literal.kind == LITERAL_NUMBER) {
        compare_number(&operation, op.text, bound_of(parser, column, literal.text));
    } else if (literal.kind == LITERAL_STRING) {
        compare_text(&operation, op.text);
    } else if (op.text.data[0] == '<' || op.text.data[0] == '>') {
        REPORT(parser, op, "true and false have no order; compare with == or !=");
    } else {
        operation.kind = TIDE_OPERATION_EQUAL;
        operation.number = literal.is_true == (op.text.data[0] == '=');
    }
    emit(parser, operation);
}

/* ------- in */

static int compare_i64(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static uint32_t sort_numbers(int64_t *numbers, uint32_t count)
{
    uint32_t kept = 0;
    if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), compare_i64);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || numbers[kept - 1] != numbers[i]) {
            numbers[kept++] = numbers[i];
        }
    }
    return kept;
}

/* Empty, with room for LIST_MAX. false: stopped. */
static bool open_list(struct parser *parser)
{
    struct list *list = &parser->list;
    if (list->texts == NULL) {
        list->numbers = TIDE_ARENA_ARRAY(parser->scratch, int64_t, LIST_MAX);
        list->texts = TIDE_ARENA_ARRAY(parser->scratch, struct tide_view, LIST_MAX);
    }
    list->number_count = 0;
    list->text_count = 0;
    if (list->numbers == NULL || list->texts == NULL) {
        stop(parser, "more memory");
        return false;
    }
    return true;
}

static void add_to_list(struct parser *parser, uint32_t column, const struct literal *literal)
{
    struct list *list = &parser->list;
    if (literal->kind == LITERAL_STRING) {
        list->texts[list->text_count++] = literal->text;
    } else if (literal->kind == LITERAL_BOOL) {
        list->numbers[list->number_count++] = literal->is_true;
    } else {
        const struct tide_bound bound = bound_of(parser, column, literal->text);
        if (bound.place == TIDE_BOUND_WITHIN && bound.exact) {
            list->numbers[list->number_count++] = bound.floor;
        }
    }
}

/* Copies from scratch. NULL: reported. */
static const void *keep(struct parser *parser, const void *items, size_t count, size_t size)
{
    void *kept = tide_arena_allocate_array(parser->arena, count, size);
    if (kept == NULL) {
        stop(parser, "more memory");
        return NULL;
    }
    memcpy(kept, items, count * size);
    return kept;
}

static void emit_list(struct parser *parser, uint32_t column)
{
    struct list *list = &parser->list;
    struct tide_operation operation = {
        .kind = TIDE_OPERATION_NEVER,
        .column = column,
        .size = 1,
    };
    if (list->text_count > 0) {
        operation.kind = TIDE_OPERATION_TEXT_IN;
        operation.list_count = list->text_count;
        operation.texts = keep(parser, list->texts, list->text_count, sizeof(*list->texts));
    } else if (list->number_count > 0) {
        operation.kind = TIDE_OPERATION_IN;
        operation.list_count = sort_numbers(list->numbers, list->number_count);
        operation.numbers =
            keep(parser, list->numbers, operation.list_count, sizeof(*list->numbers));
    }
    emit(parser, operation);
}

static void parse_in(struct parser *parser, uint32_t column)
{
    if (!open_list(parser) || !take(parser, TIDE_TOKEN_LIST_OPEN, "'['")) {
        return;
    }
    for (uint32_t count = 0;; count++) {
        struct literal literal = {0};
        if (!read_literal(parser, &literal)) {
            return;
        }
        if (count == LIST_MAX) {
            parser->stopped = true;
            REPORT(parser, literal.token, "the list has more than %d values", LIST_MAX);
            return;
        }
        if (column != TIDE_COLUMN_NONE && check_type(parser, column, &literal)) {
            add_to_list(parser, column, &literal);
        }
        if (parser->token.kind != TIDE_TOKEN_COMMA) {
            break;
        }
        advance(parser);
    }
    if (take(parser, TIDE_TOKEN_LIST_CLOSE, "',' or ']'")) {
        emit_list(parser, column);
    }
}

/* ------- one column */

static void parse_is(struct parser *parser, struct tide_token is, uint32_t column)
{
    if (parser->facts != NULL) {
        parser->stopped = true;
        REPORT(parser, is, "'%.*s' is never null", TIDE_VIEW_ARGUMENTS(parser->subject));
        return;
    }
    const bool is_negated = take_word(parser, "not");
    if (!take_word(parser, "null")) {
        stop(parser, is_negated ? "'null'" : "'null' or 'not null'");
        return;
    }
    emit_leaf(parser, is_negated ? TIDE_OPERATION_ANY : TIDE_OPERATION_IS_NULL, column);
}

static void parse_bare(struct parser *parser, struct tide_token name, uint32_t column)
{
    if (column != TIDE_COLUMN_NONE && parser->schema->columns[column].type != TIDE_TYPE_BOOL) {
        const enum tide_type type = parser->schema->columns[column].type;
        REPORT(parser,
               name,
               "'%.*s' is %s, not a condition; compare it: %.*s == %s",
               TIDE_VIEW_ARGUMENTS(parser->subject),
               tide_type_name(type),
               TIDE_VIEW_ARGUMENTS(parser->subject),
               type == TIDE_TYPE_STRING ? "\"...\"" : "1");
    }
    emit(parser,
         (struct tide_operation){
             .kind = TIDE_OPERATION_EQUAL,
             .column = column,
             .size = 1,
             .number = 1,
         });
}

static bool is_keyword(struct tide_view text)
{
    static const char *const words[] = {"and", "or", "not", "in", "is", "null", "true", "false"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (tide_view_equal(text, tide_view_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static uint32_t parse_column(struct parser *parser, struct tide_token name)
{
    if (parser->token.kind == TIDE_TOKEN_OPEN) {
        parser->stopped = true;
        REPORT(parser, name, "there are no functions in a condition");
        return TIDE_COLUMN_NONE;
    }
    parser->subject = name.text;
    return tide_column_find(
        parser->schema, name.text, position_of(parser, name), parser->diagnostics);
}

/* name "(" [argument] ")" */
static uint32_t parse_fact(struct parser *parser, struct tide_token name)
{
    struct tide_fact_name fact = {.name = name.text, .position = position_of(parser, name)};
    if (parser->token.kind != TIDE_TOKEN_OPEN) {
        parser->stopped = true;
        REPORT(parser, name, "'having' compares count() or distinct(column)");
        return TIDE_COLUMN_NONE;
    }
    advance(parser);
    if (parser->token.kind == TIDE_TOKEN_NAME) {
        fact.argument = parser->token.text;
        fact.argument_position = position_of(parser, parser->token);
        advance(parser);
    }
    const size_t end = parser->token.start + parser->token.text.size;
    if (!take(parser, TIDE_TOKEN_CLOSE, "')'")) {
        return TIDE_COLUMN_NONE;
    }
    parser->subject = tide_view_slice(parser->text, name.start, end - name.start);
    return parser->facts->resolve(parser->facts->context, &fact);
}

static void parse_comparison(struct parser *parser)
{
    const struct tide_token name = parser->token;
    if (name.kind != TIDE_TOKEN_NAME || is_keyword(name.text)) {
        stop(parser, parser->facts != NULL ? "count() or distinct(column)" : "a column");
        return;
    }
    advance(parser);
    const uint32_t column =
        parser->facts != NULL ? parse_fact(parser, name) : parse_column(parser, name);
    if (parser->stopped) {
        return;
    }
    const struct tide_token word = parser->token;
    if (take_word(parser, "is")) {
        parse_is(parser, word, column);
    } else if (take_word(parser, "in")) {
        parse_in(parser, column);
    } else if (parser->token.kind == TIDE_TOKEN_COMPARISON) {
        parse_compare(parser, column);
    } else if (parser->token.kind == TIDE_TOKEN_BAD) {
        stop(parser, "");
    } else {
        parse_bare(parser, name, column);
    }
}

/* ------- and, or, not */

static void parse_either(struct parser *parser);

static void parse_nested(struct parser *parser)
{
    if (++parser->depth > TIDE_EXPRESSION_DEPTH_MAX) {
        parser->stopped = true;
        REPORT(parser,
               parser->token,
               "the condition is nested deeper than %d levels",
               TIDE_EXPRESSION_DEPTH_MAX);
    } else if (parser->token.kind == TIDE_TOKEN_OPEN) {
        advance(parser);
        parse_either(parser);
        (void)(parser->stopped || take(parser, TIDE_TOKEN_CLOSE, "'and', 'or' or ')'"));
    } else if (take_word(parser, "not")) {
        parse_nested(parser);
        if (!parser->stopped) {
            emit(parser,
                 (struct tide_operation){
                     .kind = TIDE_OPERATION_NOT,
                     .size = parser->operations[parser->count - 1].size + 1,
                 });
        }
    } else {
        parse_comparison(parser);
    }
    parser->depth--;
}

/* The left operand is the subtree that ends at `left`, the right one what came after it. */
static void emit_pair(struct parser *parser, enum tide_operation_kind kind, uint32_t left)
{
    if (parser->stopped) {
        return;
    }
    struct tide_operation *operation = &parser->operations[left];
    const uint32_t right_size = parser->count - 1 - left;
    operation->skip_to = parser->count;
    operation->skip_if_all = kind == TIDE_OPERATION_OR;
    emit(parser,
         (struct tide_operation){
             .kind = kind,
             .size = operation->size + right_size + 1,
         });
}

static void parse_both(struct parser *parser)
{
    parse_nested(parser);
    while (!parser->stopped && is_word(parser, "and")) {
        const uint32_t left = parser->count - 1;
        advance(parser);
        parse_nested(parser);
        emit_pair(parser, TIDE_OPERATION_AND, left);
    }
}

static void parse_either(struct parser *parser)
{
    parse_both(parser);
    while (!parser->stopped && is_word(parser, "or")) {
        const uint32_t left = parser->count - 1;
        advance(parser);
        parse_both(parser);
        emit_pair(parser, TIDE_OPERATION_OR, left);
    }
}

/* AND and Or are names to the grammar, and a likely slip. */
static void stop_at_left_over(struct parser *parser)
{
    static const char *const words[] = {"and", "or", "not", "in", "is"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tide_view text = parser->token.text;
        if (parser->token.kind == TIDE_TOKEN_NAME && text.size == strlen(words[i]) &&
            strncasecmp(text.data, words[i], text.size) == 0 && !is_keyword(text)) {
            parser->stopped = true;
            REPORT(parser,
                   parser->token,
                   "'%.*s' is written '%s'",
                   TIDE_VIEW_ARGUMENTS(text),
                   words[i]);
            return;
        }
    }
    stop(parser, "'and', 'or' or the end");
}

static struct tide_expression *parse_whole(struct parser *parser)
{
    const uint32_t errors_before = parser->diagnostics->error_count;
    struct tide_expression *expression = TIDE_ARENA_NEW(parser->arena, struct tide_expression);
    parser->operations =
        TIDE_ARENA_ARRAY(parser->scratch, struct tide_operation, TIDE_EXPRESSION_NODES_MAX);
    if (parser->operations == NULL || expression == NULL) {
        tide_diagnostics_error(parser->diagnostics, parser->position, "out of memory");
        return NULL;
    }
    parse_either(parser);
    if (!parser->stopped && parser->token.kind != TIDE_TOKEN_END) {
        stop_at_left_over(parser);
    }
    if (parser->diagnostics->error_count != errors_before) {
        return NULL;
    }
    tide_assert(parser->count > 0 && parser->operations[parser->count - 1].size == parser->count);
    const struct tide_operation *operations =
        keep(parser, parser->operations, parser->count, sizeof(*parser->operations));
    *expression = (struct tide_expression){parser->schema, operations, parser->count};
    return operations == NULL ? NULL : expression;
}

struct tide_expression *tide_expression_parse_facts(struct tide_arena *arena,
                                                    const struct tide_schema *schema,
                                                    const struct tide_expression_facts *facts,
                                                    struct tide_view text,
                                                    struct tide_position position,
                                                    struct tide_diagnostics *diagnostics)
{
    tide_assert(schema != NULL && diagnostics != NULL);
    struct tide_arena scratch;
    tide_arena_init(&scratch, SCRATCH_BYTES_MAX);
    struct parser parser = {
        .arena = arena,
        .scratch = &scratch,
        .schema = schema,
        .facts = facts,
        .text = text,
        .position = position,
        .diagnostics = diagnostics,
        .token = tide_token_next(text, 0),
    };
    struct tide_expression *expression = parse_whole(&parser);
    tide_arena_release(&scratch);
    return expression;
}

struct tide_expression *tide_expression_parse(struct tide_arena *arena,
                                              const struct tide_schema *schema,
                                              struct tide_view text,
                                              struct tide_position position,
                                              struct tide_diagnostics *diagnostics)
{
    return tide_expression_parse_facts(arena, schema, NULL, text, position, diagnostics);
}
