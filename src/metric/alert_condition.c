/* Recursive descent into postfix order, with the kind of each part (number or condition) passed up,
 * so that a mistake is told where the operator stands. */
#include "metric/alert_condition.h"

#include "base/assert.h"
#include "metric/expression_token.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum part_kind { /* the values are in alerts' hashes: they never change */
    PART_NUMBER = 1,
    PART_VALUE = 2,
    PART_BASELINE = 3,
    PART_NEGATE = 4,
    PART_ADD = 5,
    PART_SUBTRACT = 6,
    PART_MULTIPLY = 7,
    PART_DIVIDE = 8,
    PART_EQUAL = 9,
    PART_NOT_EQUAL = 10,
    PART_LESS = 11,
    PART_AT_MOST = 12,
    PART_GREATER = 13,
    PART_AT_LEAST = 14,
    PART_AND = 15,
    PART_OR = 16,
    PART_NOT = 17,
};

struct part {
    enum part_kind kind;
    double number;
};

struct tide_alert_condition {
    const struct part *parts;
    uint32_t part_count;
    bool has_baseline;
    struct tide_position baseline; /* where it is named first */
};

enum type {
    TYPE_NONE, /* after a mistake that was told: fits everything */
    TYPE_NUMBER,
    TYPE_CONDITION,
};

struct parser {
    struct tide_view text;
    struct tide_position position;
    struct tide_diagnostics *diagnostics;
    struct tide_token token; /* the next one */
    char sign;               /* + - * / where the token is one of them, else '\0' */
    struct part *parts;
    uint32_t count;
    uint32_t depth;
    bool stopped; /* by an error of grammar */
    bool has_value;
    struct tide_alert_condition *condition;
};

/* ------- tokens */

static struct tide_position position_of(const struct parser *parser, struct tide_token token)
{
    return tide_token_position(parser->position, parser->text, token.start, token.text.size);
}

#define REPORT(parser, token, ...)                                                                 \
    tide_diagnostics_error((parser)->diagnostics, position_of((parser), (token)), __VA_ARGS__)

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_sign(char c)
{
    return c == '+' || c == '-' || c == '*' || c == '/';
}

/* Signs are no tokens of other conditions, whose numbers may begin with '-'. */
static void read_token(struct parser *parser, size_t start)
{
    const struct tide_view text = parser->text;
    while (start < text.size && is_space(text.data[start])) {
        start++;
    }
    parser->sign = '\0';
    if (start == text.size || !is_sign(text.data[start])) {
        parser->token = tide_token_next(text, start);
    } else {
        parser->sign = text.data[start];
        parser->token = (struct tide_token){
            .kind = TIDE_TOKEN_BAD, .start = start, .text = {text.data + start, 1}};
    }
}

static void advance(struct parser *parser)
{
    read_token(parser, parser->token.start + parser->token.text.size);
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TIDE_TOKEN_NAME &&
           tide_view_equal(parser->token.text, tide_view_of(word));
}

/* The first error of grammar is told; then everything returns. */
static enum type stop(struct parser *parser, const char *expected)
{
    const struct tide_token token = parser->token;
    if (parser->stopped) {
        return TYPE_NONE;
    }
    parser->stopped = true;
    if (token.kind == TIDE_TOKEN_BAD && parser->sign == '\0') {
        REPORT(parser, token, "%s", token.problem);
    } else if (token.kind == TIDE_TOKEN_END) {
        REPORT(parser, token, "the condition ends where %s is expected", expected);
    } else {
        REPORT(parser, token, "expected %s, not '%.*s'", expected, TIDE_VIEW_ARGUMENTS(token.text));
    }
    return TYPE_NONE;
}

static void emit(struct parser *parser, enum part_kind kind, double number)
{
    if (parser->count < TIDE_ALERT_CONDITION_PARTS_MAX) {
        parser->parts[parser->count++] = (struct part){kind, number};
    } else if (!parser->stopped) {
        parser->stopped = true;
        REPORT(parser,
               parser->token,
               "the condition has more than %d parts",
               TIDE_ALERT_CONDITION_PARTS_MAX);
    }
}

/* Both sides must be of the wanted type; the operator is where a mistake is told. */
static void check(struct parser *parser, struct tide_token op, enum type wanted, enum type got)
{
    if (got == wanted || got == TYPE_NONE || parser->stopped) {
        return;
    }
    if (wanted == TYPE_NUMBER) {
        REPORT(parser, op, "'%.*s' is between numbers", TIDE_VIEW_ARGUMENTS(op.text));
    } else {
        REPORT(parser,
               op,
               "'%.*s' is of conditions, such as 'value > 10'",
               TIDE_VIEW_ARGUMENTS(op.text));
    }
}

/* ------- numbers */

static enum type parse_either(struct parser *parser);

static enum type parse_number(struct parser *parser)
{
    enum {
        DIGITS_MAX = 40
    };
    char digits[DIGITS_MAX + 1];
    const struct tide_view text = parser->token.text;
    if (text.size > DIGITS_MAX) {
        parser->stopped = true;
        REPORT(parser, parser->token, "a number has at most %d digits", DIGITS_MAX);
        return TYPE_NONE;
    }
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    emit(parser, PART_NUMBER, strtod(digits, NULL));
    advance(parser);
    return TYPE_NUMBER;
}

static enum type parse_name(struct parser *parser)
{
    static const struct tide_view names[] = {{"value", 5}, {"baseline", 8}};
    const struct tide_token token = parser->token;
    if (is_word(parser, "value")) {
        parser->has_value = true;
        emit(parser, PART_VALUE, 0);
    } else if (is_word(parser, "baseline")) {
        if (!parser->condition->has_baseline) {
            parser->condition->has_baseline = true;
            parser->condition->baseline = position_of(parser, token);
        }
        emit(parser, PART_BASELINE, 0);
    } else if (is_word(parser, "and") || is_word(parser, "or")) {
        return stop(parser, "value, baseline or a number");
    } else {
        const struct tide_view near = tide_nearest(token.text, names, 2);
        REPORT(parser,
               token,
               "an alert knows 'value' and 'baseline', not '%.*s'%s%.*s%s",
               TIDE_VIEW_ARGUMENTS(token.text),
               near.size > 0 ? "; did you mean '" : "",
               TIDE_VIEW_ARGUMENTS(near),
               near.size > 0 ? "'?" : "");
        parser->has_value = true; /* one mistake is enough */
        advance(parser);
        return TYPE_NONE;
    }
    advance(parser);
    return TYPE_NUMBER;
}

static enum type parse_factor(struct parser *parser)
{
    enum type type = TYPE_NONE;
    if (++parser->depth > TIDE_ALERT_CONDITION_DEPTH_MAX) {
        parser->stopped = true;
        REPORT(parser,
               parser->token,
               "the condition is nested deeper than %d levels",
               TIDE_ALERT_CONDITION_DEPTH_MAX);
    } else if (parser->sign == '-') {
        const struct tide_token op = parser->token;
        advance(parser);
        check(parser, op, TYPE_NUMBER, parse_factor(parser));
        emit(parser, PART_NEGATE, 0);
        type = TYPE_NUMBER;
    } else if (parser->token.kind == TIDE_TOKEN_OPEN) {
        advance(parser);
        type = parse_either(parser);
        if (!parser->stopped && parser->token.kind != TIDE_TOKEN_CLOSE) {
            (void)stop(parser, "')'");
        } else if (!parser->stopped) {
            advance(parser);
        }
    } else if (parser->token.kind == TIDE_TOKEN_NUMBER) {
        type = parse_number(parser);
    } else if (parser->token.kind == TIDE_TOKEN_NAME) {
        type = parse_name(parser);
    } else {
        (void)stop(parser, "value, baseline or a number");
    }
    parser->depth--;
    return type;
}

static enum type parse_term(struct parser *parser)
{
    enum type type = parse_factor(parser);
    while (!parser->stopped && (parser->sign == '*' || parser->sign == '/')) {
        const struct tide_token op = parser->token;
        const enum part_kind kind = parser->sign == '*' ? PART_MULTIPLY : PART_DIVIDE;
        check(parser, op, TYPE_NUMBER, type);
        advance(parser);
        check(parser, op, TYPE_NUMBER, parse_factor(parser));
        emit(parser, kind, 0);
        type = TYPE_NUMBER;
    }
    return type;
}

static enum type parse_sum(struct parser *parser)
{
    enum type type = parse_term(parser);
    while (!parser->stopped && (parser->sign == '+' || parser->sign == '-')) {
        const struct tide_token op = parser->token;
        const enum part_kind kind = parser->sign == '+' ? PART_ADD : PART_SUBTRACT;
        check(parser, op, TYPE_NUMBER, type);
        advance(parser);
        check(parser, op, TYPE_NUMBER, parse_term(parser));
        emit(parser, kind, 0);
        type = TYPE_NUMBER;
    }
    return type;
}

/* ------- conditions */

static enum part_kind comparison_of(struct tide_view op)
{
    static const struct {
        struct tide_view op;
        enum part_kind kind;
    } kinds[] = {
        {{"==", 2}, PART_EQUAL},
        {{"!=", 2}, PART_NOT_EQUAL},
        {{"<=", 2}, PART_AT_MOST},
        {{">=", 2}, PART_AT_LEAST},
        {{"<", 1}, PART_LESS},
        {{">", 1}, PART_GREATER},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (tide_view_equal(op, kinds[i].op)) {
            return kinds[i].kind;
        }
    }
    tide_assert(false);
    return PART_EQUAL;
}

static enum type parse_comparison(struct parser *parser)
{
    const enum type type = parse_sum(parser);
    if (parser->stopped || parser->token.kind != TIDE_TOKEN_COMPARISON) {
        return type;
    }
    const struct tide_token op = parser->token;
    check(parser, op, TYPE_NUMBER, type);
    advance(parser);
    check(parser, op, TYPE_NUMBER, parse_sum(parser));
    emit(parser, comparison_of(op.text), 0);
    if (!parser->stopped && parser->token.kind == TIDE_TOKEN_COMPARISON) {
        return stop(parser, "'and', 'or' or the end");
    }
    return TYPE_CONDITION;
}

static enum type parse_unary(struct parser *parser)
{
    const struct tide_token op = parser->token;
    enum type type = TYPE_CONDITION;
    if (!is_word(parser, "not")) {
        return parse_comparison(parser);
    }
    if (++parser->depth > TIDE_ALERT_CONDITION_DEPTH_MAX) {
        parser->stopped = true;
        REPORT(parser,
               op,
               "the condition is nested deeper than %d levels",
               TIDE_ALERT_CONDITION_DEPTH_MAX);
        type = TYPE_NONE;
    } else {
        advance(parser);
        check(parser, op, TYPE_CONDITION, parse_unary(parser));
        emit(parser, PART_NOT, 0);
    }
    parser->depth--;
    return type;
}

static enum type parse_both(struct parser *parser)
{
    enum type type = parse_unary(parser);
    while (!parser->stopped && is_word(parser, "and")) {
        const struct tide_token op = parser->token;
        check(parser, op, TYPE_CONDITION, type);
        advance(parser);
        check(parser, op, TYPE_CONDITION, parse_unary(parser));
        emit(parser, PART_AND, 0);
        type = TYPE_CONDITION;
    }
    return type;
}

static enum type parse_either(struct parser *parser)
{
    enum type type = parse_both(parser);
    while (!parser->stopped && is_word(parser, "or")) {
        const struct tide_token op = parser->token;
        check(parser, op, TYPE_CONDITION, type);
        advance(parser);
        check(parser, op, TYPE_CONDITION, parse_both(parser));
        emit(parser, PART_OR, 0);
        type = TYPE_CONDITION;
    }
    return type;
}

const struct tide_alert_condition *tide_alert_condition_parse(struct tide_arena *arena,
                                                              struct tide_view text,
                                                              struct tide_position position,
                                                              struct tide_diagnostics *diagnostics)
{
    const uint32_t errors_before = diagnostics->error_count;
    struct tide_alert_condition *condition = TIDE_ARENA_NEW(arena, struct tide_alert_condition);
    struct parser parser = {
        .text = text,
        .position = position,
        .diagnostics = diagnostics,
        .parts = TIDE_ARENA_ARRAY(arena, struct part, TIDE_ALERT_CONDITION_PARTS_MAX),
        .condition = condition,
    };
    if (parser.parts == NULL || condition == NULL) {
        tide_diagnostics_error(diagnostics, position, "out of memory");
        return NULL;
    }
    read_token(&parser, 0);
    const enum type type = parse_either(&parser);
    if (!parser.stopped && parser.token.kind != TIDE_TOKEN_END) {
        (void)stop(&parser, "'and', 'or' or the end");
    }
    if (diagnostics->error_count == errors_before && type == TYPE_NUMBER) {
        tide_diagnostics_error(diagnostics, position, "this is a number; compare it: 'value > 10'");
    } else if (diagnostics->error_count == errors_before && !parser.has_value) {
        tide_diagnostics_error(diagnostics, position, "the condition does not look at 'value'");
    }
    condition->parts = parser.parts;
    condition->part_count = parser.count;
    return diagnostics->error_count == errors_before ? condition : NULL;
}

/* ------- use */

bool tide_alert_condition_baseline(const struct tide_alert_condition *condition,
                                   struct tide_position *position)
{
    if (condition->has_baseline) {
        *position = condition->baseline;
    }
    return condition->has_baseline;
}

static double combine(enum part_kind kind, double left, double right)
{
    switch (kind) {
    case PART_ADD:
        return left + right;
    case PART_SUBTRACT:
        return left - right;
    case PART_MULTIPLY:
        return left * right;
    case PART_DIVIDE:
        return left / right;
    case PART_EQUAL:
        return left == right;
    case PART_NOT_EQUAL:
        return left != right;
    case PART_LESS:
        return left < right;
    case PART_AT_MOST:
        return left <= right;
    case PART_GREATER:
        return left > right;
    case PART_AT_LEAST:
        return left >= right;
    case PART_AND:
        return left != 0 && right != 0;
    case PART_OR:
        return left != 0 || right != 0;
    case PART_NUMBER:
    case PART_VALUE:
    case PART_BASELINE:
    case PART_NEGATE:
    case PART_NOT:
        break;
    }
    tide_assert(false);
    return 0;
}

bool tide_alert_condition_holds(const struct tide_alert_condition *condition,
                                struct tide_alert_number value,
                                struct tide_alert_number baseline)
{
    double stack[TIDE_ALERT_CONDITION_PARTS_MAX]; /* conditions are 0 or 1 */
    uint32_t depth = 0;
    if (!value.known || (condition->has_baseline && !baseline.known)) {
        return false;
    }
    for (uint32_t i = 0; i < condition->part_count; i++) {
        const struct part *part = &condition->parts[i];
        if (part->kind == PART_NUMBER) {
            stack[depth++] = part->number;
        } else if (part->kind == PART_VALUE) {
            stack[depth++] = value.number;
        } else if (part->kind == PART_BASELINE) {
            stack[depth++] = baseline.number;
        } else if (part->kind == PART_NEGATE) {
            tide_assert(depth >= 1);
            stack[depth - 1] = -stack[depth - 1];
        } else if (part->kind == PART_NOT) {
            tide_assert(depth >= 1);
            stack[depth - 1] = stack[depth - 1] == 0;
        } else {
            tide_assert(depth >= 2);
            depth--;
            if (part->kind == PART_DIVIDE && stack[depth] == 0) {
                return false;
            }
            stack[depth - 1] = combine(part->kind, stack[depth - 1], stack[depth]);
        }
    }
    tide_assert(depth == 1);
    return stack[0] != 0;
}

void tide_alert_condition_encode(const struct tide_alert_condition *condition,
                                 struct tide_bytes *bytes)
{
    tide_bytes_append_u32(bytes, condition->part_count);
    for (uint32_t i = 0; i < condition->part_count; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &condition->parts[i].number, sizeof(bits));
        tide_bytes_append_byte(bytes, (char)condition->parts[i].kind);
        tide_bytes_append_u64(bytes, bits);
    }
}
