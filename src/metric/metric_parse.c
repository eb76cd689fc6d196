/* What a metric asks for is looked at in two steps: first whether this version has it at all, as
 * the rest of a metric that cannot be computed is not worth a message; then every part by itself,
 * so that all mistakes come at once. */
#include "metric/metric_parse.h"

#include "base/assert.h"
#include "metric/column.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    NAME_MAX_BYTES = 100,
    TOP_MAX = 1000000,
    TOP_DIGITS_MAX = 9
};

/* Changes with the encoding below: numbers of one hash are comparable. */
enum {
    HASH_VERSION = 1
};

struct kind {
    struct tide_view name;
    bool supported;
    enum tide_metric_kind kind;
};

#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct kind kinds[] = {
    {WORD("count"), true, TIDE_METRIC_COUNT},
    {WORD("distinct"), true, TIDE_METRIC_DISTINCT},
    {WORD("sum"), true, TIDE_METRIC_SUM},
    {WORD("mean"), true, TIDE_METRIC_MEAN},
    {WORD("min"), true, TIDE_METRIC_MIN},
    {WORD("max"), true, TIDE_METRIC_MAX},
    {WORD("quantiles"), false, TIDE_METRIC_COUNT},
    {WORD("ratio"), false, TIDE_METRIC_COUNT},
    {WORD("sessions"), false, TIDE_METRIC_COUNT},
    {WORD("funnel"), false, TIDE_METRIC_COUNT},
    {WORD("retention"), false, TIDE_METRIC_COUNT},
    {WORD("approx_distinct"), false, TIDE_METRIC_COUNT},
};

static const struct tide_view known_keys[] = {
    WORD("count"), WORD("distinct"), WORD("sum"),    WORD("mean"),      WORD("min"),
    WORD("max"),   WORD("where"),    WORD("by"),     WORD("every"),     WORD("top"),
    WORD("over"),  WORD("timezone"), WORD("having"), WORD("quantiles"), WORD("of"),
    WORD("ratio"), WORD("sessions"), WORD("funnel"), WORD("retention"), WORD("approx_distinct"),
};

enum {
    KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]),
    KEY_COUNT = sizeof(known_keys) / sizeof(known_keys[0]),
};

struct parser {
    struct tide_arena *arena;
    const struct tide_schema *schema;
    struct tide_diagnostics *diagnostics;
    const struct tide_yaml *node;
    struct tide_metric *metric;
    const struct kind *kind;
    const struct tide_yaml *kind_node;
    struct tide_view why; /* not empty: unsupported */
};

#define REPORT(parser, position, ...)                                                              \
    tide_diagnostics_error((parser)->diagnostics, (position), __VA_ARGS__)

/* The first reason stays. */
static void refuse(struct parser *parser,
                   const char *before,
                   struct tide_view word,
                   const char *after)
{
    if (parser->why.size > 0) {
        return;
    }
    struct tide_bytes text = {0};
    tide_bytes_append_text(&text, before);
    tide_bytes_append_view(&text, word);
    tide_bytes_append_text(&text, after);
    parser->why = tide_arena_copy(parser->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    if (parser->why.data == NULL) {
        parser->why = TIDE_VIEW("it is not supported yet");
    }
}

static bool is_scalar(struct parser *parser, const struct tide_yaml *node, const char *expected)
{
    if (node->kind == TIDE_YAML_SCALAR && node->text.size > 0) {
        return true;
    }
    REPORT(parser, node->position, "'%.*s' must be %s", TIDE_VIEW_ARGUMENTS(node->key), expected);
    return false;
}

/* ------- name and kind */

static void parse_name(struct parser *parser)
{
    const struct tide_view name = parser->node->key;
    bool is_good = name.size > 0 && (name.data[0] < '0' || name.data[0] > '9');
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    if (!is_good) {
        REPORT(parser,
               parser->node->key_position,
               "the name of a metric has only a-z, 0-9 and _, and no digit first");
    } else if (name.size > NAME_MAX_BYTES) {
        REPORT(parser,
               parser->node->key_position,
               "the name of a metric has at most %d characters",
               NAME_MAX_BYTES);
    }
    parser->metric->name = name;
    parser->metric->position = parser->node->key_position;
}

static const struct kind *kind_of(struct tide_view key)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (tide_view_equal(key, kinds[i].name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void parse_kind(struct parser *parser)
{
    for (const struct tide_yaml *m = parser->node->first; m != NULL; m = m->next) {
        const struct kind *kind = kind_of(m->key);
        if (kind == NULL) {
            continue;
        }
        if (parser->kind != NULL) {
            REPORT(parser,
                   m->key_position,
                   "metric '%.*s' has two kinds, %.*s and %.*s; keep one",
                   TIDE_VIEW_ARGUMENTS(parser->metric->name),
                   TIDE_VIEW_ARGUMENTS(parser->kind->name),
                   TIDE_VIEW_ARGUMENTS(m->key));
            return;
        }
        parser->kind = kind;
        parser->kind_node = m;
    }
    if (parser->kind == NULL) {
        REPORT(parser,
               parser->metric->position,
               "metric '%.*s' has no kind; write one of count, distinct, sum, mean, min, max",
               TIDE_VIEW_ARGUMENTS(parser->metric->name));
    }
}

/* What can be told from the keys alone. */
static void refuse_by_keys(struct parser *parser)
{
    static const char *const later[] = {"over", "having"};
    if (parser->kind != NULL && !parser->kind->supported) {
        refuse(parser, "", parser->kind->name, " is not supported yet");
    }
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (tide_yaml_get(parser->node, later[i]) != NULL) {
            refuse(parser, "", tide_view_of(later[i]), " is not supported yet");
        }
    }
}

/* ------- the aggregated column */

static bool can_aggregate(enum tide_metric_kind kind, enum tide_type type)
{
    const bool is_number = type == TIDE_TYPE_INT || type == TIDE_TYPE_DECIMAL;
    switch (kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
        return true;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        return is_number;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        return is_number || tide_type_is_time(type);
    }
    return false;
}

static void check_aggregate(struct parser *parser, uint32_t column)
{
    const struct tide_column *c = &parser->schema->columns[column];
    const enum tide_metric_kind kind = parser->metric->kind;
    if (!can_aggregate(kind, c->type)) {
        const bool takes_time = can_aggregate(kind, TIDE_TYPE_TIME_MS);
        REPORT(parser,
               parser->kind_node->position,
               "%s needs an int%s column, but '%.*s' is %s",
               tide_metric_kind_name(kind),
               takes_time ? ", decimal or time" : " or decimal",
               TIDE_VIEW_ARGUMENTS(c->name),
               tide_type_name(c->type));
    } else if (kind == TIDE_METRIC_DISTINCT && column != parser->schema->entity) {
        refuse(
            parser, "distinct of '", c->name, "', which is not the entity, is not supported yet");
    }
}

static void parse_aggregate(struct parser *parser)
{
    const struct tide_yaml *node = parser->kind_node;
    struct tide_metric *metric = parser->metric;
    metric->kind = parser->kind->kind;
    metric->column = TIDE_COLUMN_NONE;
    if (metric->kind == TIDE_METRIC_COUNT) {
        if (node->kind != TIDE_YAML_SCALAR || !tide_view_equal(node->text, TIDE_VIEW("events"))) {
            REPORT(parser, node->position, "count takes only 'events'");
        }
        return;
    }
    if (!is_scalar(parser, node, "the name of a column")) {
        return;
    }
    metric->column =
        tide_column_find(parser->schema, node->text, node->position, parser->diagnostics);
    if (metric->column != TIDE_COLUMN_NONE) {
        check_aggregate(parser, metric->column);
    }
}

/* ------- by */

static void parse_by_column(struct parser *parser, const struct tide_yaml *item)
{
    struct tide_metric *metric = parser->metric;
    if (item->kind != TIDE_YAML_SCALAR) {
        REPORT(parser, item->position, "'by' must be a list of columns, such as [os, region]");
        return;
    }
    const uint32_t column =
        tide_column_find(parser->schema, item->text, item->position, parser->diagnostics);
    if (column == TIDE_COLUMN_NONE) {
        return;
    }
    for (uint32_t i = 0; i < metric->by_count; i++) {
        if (metric->by[i] == column) {
            REPORT(parser,
                   item->position,
                   "column '%.*s' stands in 'by' twice",
                   TIDE_VIEW_ARGUMENTS(item->text));
            return;
        }
    }
    if (parser->schema->columns[column].derived) {
        refuse(parser, "derived column '", item->text, "' is not supported yet");
    }
    tide_assert(metric->by_count < TIDE_METRIC_BY_MAX);
    metric->by[metric->by_count++] = column;
}

static void parse_by(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "by");
    if (node == NULL) {
        return;
    }
    if (node->kind != TIDE_YAML_SEQUENCE) {
        const bool is_text = node->kind == TIDE_YAML_SCALAR && node->text.size > 0;
        const struct tide_view text = is_text ? node->text : TIDE_VIEW("os, region");
        REPORT(parser,
               node->position,
               "'by' must be a list of columns, such as [%.*s]",
               TIDE_VIEW_ARGUMENTS(text));
        return;
    }
    if (node->count > TIDE_METRIC_BY_MAX) {
        REPORT(parser,
               node->position,
               "'by' has %u columns; at most %d are possible",
               node->count,
               TIDE_METRIC_BY_MAX);
        return;
    }
    for (const struct tide_yaml *item = node->first; item != NULL; item = item->next) {
        parse_by_column(parser, item);
    }
}

/* ------- where */

static void parse_where(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "where");
    if (node == NULL ||
        !is_scalar(parser, node, "a condition in quotes, such as 'os == \"ios\"'")) {
        return;
    }
    const struct tide_expression *where = tide_expression_parse(
        parser->arena, parser->schema, node->text, node->position, parser->diagnostics);
    if (where == NULL) {
        return;
    }
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    tide_expression_columns(where, used);
    for (uint32_t i = 0; i < parser->schema->column_count; i++) {
        if (used[i] && parser->schema->columns[i].derived) {
            refuse(parser,
                   "derived column '",
                   parser->schema->columns[i].name,
                   "' is not supported yet");
        }
    }
    parser->metric->where = where;
}

/* ------- every, timezone, top */

static bool is_digits(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size > 0;
}

/* What is wrong with a text that is no window. */
static void report_window(struct parser *parser, const struct tide_yaml *node)
{
    const struct tide_view text = node->text;
    size_t digits = 0;
    bool is_zero = true;
    for (; digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++) {
        is_zero = is_zero && text.data[digits] == '0';
    }
    const struct tide_view unit = tide_view_slice(text, digits, text.size - digits);
    const bool is_unit =
        unit.size == 1 && (unit.data[0] == 's' || unit.data[0] == 'm' || unit.data[0] == 'h' ||
                           unit.data[0] == 'd' || unit.data[0] == 'w');
    if (digits > 0 && is_zero && (is_unit || unit.size == 0)) {
        REPORT(parser,
               node->position,
               "a window must be longer than '%.*s'",
               TIDE_VIEW_ARGUMENTS(text));
    } else if (is_digits(text)) {
        REPORT(parser,
               node->position,
               "'%.*s' is not a window; write a unit: %.*sm",
               TIDE_VIEW_ARGUMENTS(text),
               TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && is_unit) {
        REPORT(parser,
               node->position,
               "a window of '%.*s' is longer than 100 years",
               TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && tide_view_equal(unit, TIDE_VIEW("mo"))) {
        REPORT(parser,
               node->position,
               "'%.*s' is not a window; a window of months is 1mo",
               TIDE_VIEW_ARGUMENTS(text));
    } else {
        REPORT(parser,
               node->position,
               "'%.*s' is not a window; write a number and s, m, h, d or w, or 1mo",
               TIDE_VIEW_ARGUMENTS(text));
    }
}

static bool parse_every(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "every");
    if (node == NULL) {
        REPORT(parser,
               parser->metric->position,
               "metric '%.*s' has no window; write 'every: 1h'",
               TIDE_VIEW_ARGUMENTS(parser->metric->name));
        return false;
    }
    if (!is_scalar(parser, node, "a window, such as 1h")) {
        return false;
    }
    if (!tide_window_parse(node->text, &parser->metric->every)) {
        report_window(parser, node);
        return false;
    }
    return true;
}

static void parse_timezone(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "timezone");
    if (node == NULL || !is_scalar(parser, node, "a time zone, such as UTC")) {
        return;
    }
    if (parser->metric->every.unit == TIDE_WINDOW_FIXED) {
        REPORT(parser,
               node->key_position,
               "a window in s, m or h takes no timezone; remove it, or write 'every: 1d'");
    } else if (!tide_view_equal(node->text, TIDE_VIEW("UTC"))) {
        refuse(parser, "timezone ", node->text, " is not supported yet; only UTC is");
    }
}

static void parse_top(struct parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "top");
    if (node == NULL || !is_scalar(parser, node, "a number")) {
        return;
    }
    uint32_t number = 0;
    if (is_digits(node->text) && node->text.size <= TOP_DIGITS_MAX) {
        for (size_t i = 0; i < node->text.size; i++) {
            number = number * 10 + (uint32_t)(node->text.data[i] - '0');
        }
    }
    if (number < 1 || number > TOP_MAX) {
        REPORT(parser,
               node->position,
               "top '%.*s' is not a number of 1..%d",
               TIDE_VIEW_ARGUMENTS(node->text),
               TOP_MAX);
        return;
    }
    parser->metric->top = number;
}

/* ------- hash */

static void encode_view(struct tide_view view, struct tide_bytes *bytes)
{
    tide_assert(view.size <= UINT32_MAX);
    tide_bytes_append_u32(bytes, (uint32_t)view.size);
    tide_bytes_append_view(bytes, view);
}

/* A column is its name, its type and where it is found: all that decides a number. */
static void encode_column(const struct tide_schema *schema,
                          uint32_t column,
                          struct tide_bytes *bytes)
{
    const struct tide_column *c = &schema->columns[column];
    encode_view(c->name, bytes);
    tide_bytes_append_byte(bytes, (char)c->type);
    encode_view(c->pointer, bytes);
}

static void encode_where(const struct tide_schema *schema,
                         const struct tide_expression *where,
                         struct tide_bytes *bytes)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    tide_bytes_append_byte(bytes, where == NULL ? (char)0 : (char)1);
    if (where == NULL) {
        return;
    }
    tide_expression_encode(where, bytes);
    tide_expression_columns(where, used);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (used[i]) {
            encode_column(schema, i, bytes);
        }
    }
}

/* Everything but the name: the same question has the same hash. false: out of memory. */
static bool compute_hash(const struct tide_schema *schema, struct tide_metric *metric)
{
    struct tide_bytes bytes = {0};
    tide_bytes_append_byte(&bytes, HASH_VERSION);
    tide_bytes_append_byte(&bytes, (char)metric->kind);
    if (metric->column != TIDE_COLUMN_NONE) {
        encode_column(schema, metric->column, &bytes);
    }
    encode_where(schema, metric->where, &bytes);
    tide_bytes_append_u32(&bytes, metric->by_count);
    for (uint32_t i = 0; i < metric->by_count; i++) {
        encode_column(schema, metric->by[i], &bytes);
    }
    tide_bytes_append_byte(&bytes, (char)metric->every.unit);
    tide_bytes_append_u64(&bytes, (uint64_t)metric->every.size);
    tide_bytes_append_u32(&bytes, metric->top);
    const bool is_whole = !bytes.failed;
    metric->hash = tide_hash128(tide_bytes_view(&bytes), 0);
    tide_bytes_release(&bytes);
    return is_whole;
}

static void parse_parts(struct parser *parser)
{
    const struct tide_yaml *of = tide_yaml_get(parser->node, "of");
    if (of != NULL) {
        REPORT(parser, of->key_position, "'of' belongs to quantiles");
    }
    parse_aggregate(parser);
    parse_where(parser);
    parse_by(parser);
    if (parse_every(parser)) {
        parse_timezone(parser);
    }
    parse_top(parser);
}

enum tide_metric_outcome tide_metric_parse(const struct tide_metric_parse *parse,
                                           const struct tide_yaml *node,
                                           struct tide_metric *metric,
                                           struct tide_view *why)
{
    const uint32_t errors_before = parse->diagnostics->error_count;
    struct parser parser = {
        .arena = parse->arena,
        .schema = parse->schema,
        .diagnostics = parse->diagnostics,
        .node = node,
        .metric = metric,
    };
    *metric = (struct tide_metric){.column = TIDE_COLUMN_NONE};
    parse_name(&parser);
    if (node->kind != TIDE_YAML_MAPPING) {
        REPORT(&parser,
               node->position,
               "metric '%.*s' must be a mapping, such as {count: events, every: 1h}",
               TIDE_VIEW_ARGUMENTS(node->key));
        return TIDE_METRIC_WRONG;
    }
    tide_yaml_check_keys(node, known_keys, KEY_COUNT, "metric", parse->diagnostics);
    parse_kind(&parser);
    refuse_by_keys(&parser);
    if (parser.why.size == 0 && parser.kind != NULL) {
        parse_parts(&parser);
    }
    if (parse->diagnostics->error_count != errors_before) {
        return TIDE_METRIC_WRONG;
    }
    if (parser.why.size > 0) {
        *why = parser.why;
        return TIDE_METRIC_UNSUPPORTED;
    }
    if (!compute_hash(parse->schema, metric)) {
        REPORT(&parser, metric->position, "out of memory");
        return TIDE_METRIC_WRONG;
    }
    return TIDE_METRIC_USABLE;
}

const char *tide_metric_kind_name(enum tide_metric_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].supported && kinds[i].kind == kind) {
            return kinds[i].name.data;
        }
    }
    tide_assert(false);
    return "";
}
