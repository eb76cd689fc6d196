/* One entry of `metrics:`: name, kind and the keys that most kinds share. Every part is looked at
 * by itself, so that all mistakes come at once. */
#include "base/assert.h"
#include "base/civil.h"
#include "base/digits.h"
#include "base/timezone.h"
#include "metric/column.h"
#include "metric/metric_parser.h"

#include "base/banned.h"

enum {
    TOP_MAX = 1000000,
    NUMBER_DIGITS_MAX = 9
};

/* Keys besides the kind's own. */
enum key {
    KEY_WHERE = 1 << 0,
    KEY_BY = 1 << 1,
    KEY_EVERY = 1 << 2,
    KEY_TIMEZONE = 1 << 3,
    KEY_OVER = 1 << 4,
    KEY_TOP = 1 << 5,
    KEY_HAVING = 1 << 6,
    KEY_OF = 1 << 7,
    KEYS_WINDOWED = KEY_WHERE | KEY_BY | KEY_EVERY | KEY_TIMEZONE,
    KEYS_AGGREGATE = KEYS_WINDOWED | KEY_OVER | KEY_TOP,
};

#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct kind {
    struct tide_view name;
    enum tide_metric_kind kind;
    unsigned keys;                               /* that go with it */
    void (*parse)(struct metric_parser *parser); /* NULL: the value names a column */
} kinds[] = {
    {WORD("count"), TIDE_METRIC_COUNT, KEYS_AGGREGATE, NULL},
    {WORD("distinct"), TIDE_METRIC_DISTINCT, KEYS_AGGREGATE | KEY_HAVING, NULL},
    {WORD("sum"), TIDE_METRIC_SUM, KEYS_AGGREGATE, NULL},
    {WORD("mean"), TIDE_METRIC_MEAN, KEYS_AGGREGATE, NULL},
    {WORD("min"), TIDE_METRIC_MIN, KEYS_AGGREGATE, NULL},
    {WORD("max"), TIDE_METRIC_MAX, KEYS_AGGREGATE, NULL},
    {WORD("quantiles"),
     TIDE_METRIC_QUANTILES,
     KEYS_WINDOWED | KEY_OVER | KEY_OF,
     metric_parse_quantiles},
    {WORD("approx_distinct"), TIDE_METRIC_APPROX_DISTINCT, KEYS_AGGREGATE, NULL},
    {WORD("sessions"), TIDE_METRIC_SESSIONS, KEYS_WINDOWED, metric_parse_sessions},
    {WORD("funnel"), TIDE_METRIC_FUNNEL, KEYS_WINDOWED, metric_parse_funnel},
    {WORD("retention"), TIDE_METRIC_RETENTION, KEY_WHERE | KEY_TIMEZONE, metric_parse_retention},
    {WORD("ratio"), TIDE_METRIC_RATIO, 0, metric_parse_ratio},
};

static const struct {
    struct tide_view name;
    enum key key;
} keys[] = {
    {WORD("where"), KEY_WHERE},
    {WORD("by"), KEY_BY},
    {WORD("every"), KEY_EVERY},
    {WORD("timezone"), KEY_TIMEZONE},
    {WORD("over"), KEY_OVER},
    {WORD("top"), KEY_TOP},
    {WORD("having"), KEY_HAVING},
    {WORD("of"), KEY_OF},
};

enum {
    KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]),
    KEY_COUNT = sizeof(keys) / sizeof(keys[0]),
};

bool metric_is_scalar(struct metric_parser *parser,
                      const struct tide_yaml *node,
                      const char *expected)
{
    if (node->kind == TIDE_YAML_SCALAR && node->text.size > 0) {
        return true;
    }
    METRIC_REPORT(
        parser, node->position, "'%.*s' must be %s", TIDE_VIEW_ARGUMENTS(node->key), expected);
    return false;
}

static bool is_digits(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!tide_is_digit(text.data[i])) {
            return false;
        }
    }
    return text.size > 0;
}

bool metric_parse_number(struct tide_view text, uint32_t *number)
{
    uint64_t value = 0;
    const bool is_number = text.size <= NUMBER_DIGITS_MAX && tide_digits_parse(text, &value);
    *number = (uint32_t)value;
    return is_number;
}

/* ------- kind */

static const struct kind *kind_of(struct tide_view key)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (tide_view_equal(key, kinds[i].name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static const struct kind *parse_kind(struct metric_parser *parser)
{
    const struct kind *found = NULL;
    for (const struct tide_yaml *m = parser->node->first; m != NULL; m = m->next) {
        const struct kind *kind = kind_of(m->key);
        if (kind == NULL) {
            continue;
        }
        if (found != NULL) {
            METRIC_REPORT(parser,
                          m->key_position,
                          "metric '%.*s' has two kinds, %.*s and %.*s; keep one",
                          TIDE_VIEW_ARGUMENTS(parser->metric->name),
                          TIDE_VIEW_ARGUMENTS(found->name),
                          TIDE_VIEW_ARGUMENTS(m->key));
            return NULL;
        }
        found = kind;
        parser->kind_node = m;
    }
    if (found == NULL) {
        METRIC_REPORT(parser,
                      parser->metric->position,
                      "metric '%.*s' has no kind; write one of count, distinct, sum, mean, min, "
                      "max, quantiles, approx_distinct, sessions, funnel, retention, ratio",
                      TIDE_VIEW_ARGUMENTS(parser->metric->name));
    }
    return found;
}

static void check_keys(struct metric_parser *parser, const struct kind *kind)
{
    struct tide_view known[KIND_COUNT + KEY_COUNT];
    for (size_t i = 0; i < KIND_COUNT; i++) {
        known[i] = kinds[i].name;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        known[KIND_COUNT + i] = keys[i].name;
    }
    tide_yaml_check_keys(
        parser->node, known, KIND_COUNT + KEY_COUNT, "metric", parser->diagnostics);
    for (size_t i = 0; kind != NULL && i < KEY_COUNT; i++) {
        const struct tide_yaml *node = tide_yaml_get(parser->node, keys[i].name.data);
        if (node != NULL && (kind->keys & (unsigned)keys[i].key) == 0) {
            METRIC_REPORT(parser,
                          node->key_position,
                          "'%.*s' does not go with %.*s; remove it",
                          TIDE_VIEW_ARGUMENTS(keys[i].name),
                          TIDE_VIEW_ARGUMENTS(kind->name));
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
    case TIDE_METRIC_APPROX_DISTINCT:
        return true;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_QUANTILES:
        return is_number;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        return is_number || tide_type_is_time(type);
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return false;
}

static void check_aggregate(struct metric_parser *parser, struct tide_position position)
{
    const struct tide_metric *metric = parser->metric;
    const struct tide_column *c = &parser->schema->columns[metric->column];
    if (!can_aggregate(metric->kind, c->type)) {
        const bool takes_time = can_aggregate(metric->kind, TIDE_TYPE_TIME_MS);
        METRIC_REPORT(parser,
                      position,
                      "%s needs an int%s column, but '%.*s' is %s",
                      tide_metric_kind_name(metric->kind),
                      takes_time ? ", decimal or time" : " or decimal",
                      TIDE_VIEW_ARGUMENTS(c->name),
                      tide_type_name(c->type));
    }
}

uint32_t metric_parse_column(struct metric_parser *parser, const struct tide_yaml *node)
{
    if (!metric_is_scalar(parser, node, "the name of a column")) {
        return TIDE_COLUMN_NONE;
    }
    return tide_column_find(parser->schema, node->text, node->position, parser->diagnostics);
}

static void parse_aggregate(struct metric_parser *parser)
{
    const struct tide_yaml *node = parser->kind_node;
    struct tide_metric *metric = parser->metric;
    if (metric->kind == TIDE_METRIC_COUNT) {
        if (node->kind != TIDE_YAML_SCALAR || !tide_view_equal(node->text, TIDE_VIEW("events"))) {
            METRIC_REPORT(parser, node->position, "count takes only 'events'");
        }
        return;
    }
    metric->column = metric_parse_column(parser, node);
    if (metric->column != TIDE_COLUMN_NONE) {
        check_aggregate(parser, node->position);
    }
}

static void parse_of(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "of");
    if (node == NULL) {
        METRIC_REPORT(parser,
                      parser->metric->position,
                      "metric '%.*s' has no column; write 'of: duration'",
                      TIDE_VIEW_ARGUMENTS(parser->metric->name));
        return;
    }
    parser->metric->column = metric_parse_column(parser, node);
    if (parser->metric->column != TIDE_COLUMN_NONE) {
        check_aggregate(parser, node->position);
    }
}

/* ------- by */

static void parse_listed_column(struct metric_parser *parser,
                                const struct tide_yaml *item,
                                const char *what,
                                uint32_t *columns,
                                uint32_t *count)
{
    if (item->kind != TIDE_YAML_SCALAR) {
        METRIC_REPORT(
            parser, item->position, "%s must be a list of columns, such as [os, region]", what);
        return;
    }
    const uint32_t column =
        tide_column_find(parser->schema, item->text, item->position, parser->diagnostics);
    if (column == TIDE_COLUMN_NONE) {
        return;
    }
    for (uint32_t i = 0; i < *count; i++) {
        if (columns[i] == column) {
            METRIC_REPORT(parser,
                          item->position,
                          "column '%.*s' stands in %s twice",
                          TIDE_VIEW_ARGUMENTS(item->text),
                          what);
            return;
        }
    }
    tide_assert(*count < TIDE_METRIC_BY_MAX);
    columns[(*count)++] = column;
}

void metric_parse_columns(struct metric_parser *parser,
                          const struct tide_yaml *node,
                          const char *what,
                          uint32_t *columns,
                          uint32_t *count)
{
    if (node->kind != TIDE_YAML_SEQUENCE) {
        const bool is_text = node->kind == TIDE_YAML_SCALAR && node->text.size > 0;
        const struct tide_view text = is_text ? node->text : TIDE_VIEW("os, region");
        METRIC_REPORT(parser,
                      node->position,
                      "%s must be a list of columns, such as [%.*s]",
                      what,
                      TIDE_VIEW_ARGUMENTS(text));
        return;
    }
    if (node->count > TIDE_METRIC_BY_MAX) {
        METRIC_REPORT(parser,
                      node->position,
                      "%s has %u columns; at most %d are possible",
                      what,
                      node->count,
                      TIDE_METRIC_BY_MAX);
        return;
    }
    for (const struct tide_yaml *item = node->first; item != NULL; item = item->next) {
        parse_listed_column(parser, item, what, columns, count);
    }
}

static void parse_by(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "by");
    if (node != NULL) {
        metric_parse_columns(parser, node, "'by'", parser->metric->by, &parser->metric->by_count);
    }
}

/* ------- where, having */

const struct tide_expression *metric_parse_condition(struct metric_parser *parser,
                                                     const struct tide_yaml *node)
{
    if (!metric_is_scalar(parser, node, "a condition in quotes, such as 'os == \"ios\"'")) {
        return NULL;
    }
    return tide_expression_parse(
        parser->arena, parser->schema, node->text, node->position, parser->diagnostics);
}

static void parse_where(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "where");
    if (node != NULL) {
        parser->metric->where = metric_parse_condition(parser, node);
    }
}

static void parse_having(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "having");
    struct tide_metric *metric = parser->metric;
    if (node == NULL ||
        !metric_is_scalar(parser, node, "a condition in quotes, such as 'count() > 2'")) {
        return;
    }
    if (metric->kind == TIDE_METRIC_DISTINCT && metric->column != TIDE_COLUMN_NONE &&
        metric->column != parser->schema->entity) {
        METRIC_REPORT(parser,
                      node->key_position,
                      "'having' counts entities; write distinct: %.*s",
                      TIDE_VIEW_ARGUMENTS(parser->schema->columns[parser->schema->entity].name));
    }
    metric->having = tide_having_parse(
        parser->arena, parser->schema, node->text, node->position, parser->diagnostics);
}

/* ------- every, over, timezone, top */

/* What is wrong with a text that is no window. */
static void report_window(struct metric_parser *parser, const struct tide_yaml *node)
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
        METRIC_REPORT(parser,
                      node->position,
                      "a window must be longer than '%.*s'",
                      TIDE_VIEW_ARGUMENTS(text));
    } else if (is_digits(text)) {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a window; write a unit: %.*sm",
                      TIDE_VIEW_ARGUMENTS(text),
                      TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && is_unit) {
        METRIC_REPORT(parser,
                      node->position,
                      "a window of '%.*s' is longer than 100 years",
                      TIDE_VIEW_ARGUMENTS(text));
    } else if (digits > 0 && tide_view_equal(unit, TIDE_VIEW("mo"))) {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a window; a window of months is 1mo",
                      TIDE_VIEW_ARGUMENTS(text));
    } else {
        METRIC_REPORT(parser,
                      node->position,
                      "'%.*s' is not a window; write a number and s, m, h, d or w, or 1mo",
                      TIDE_VIEW_ARGUMENTS(text));
    }
}

static bool parse_window(struct metric_parser *parser,
                         const struct tide_yaml *node,
                         const char *expected,
                         struct tide_window_spec *spec)
{
    if (!metric_is_scalar(parser, node, expected)) {
        return false;
    }
    if (!tide_window_parse(node->text, spec)) {
        report_window(parser, node);
        return false;
    }
    return true;
}

static bool parse_every(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "every");
    if (node == NULL) {
        METRIC_REPORT(parser,
                      parser->metric->position,
                      "metric '%.*s' has no window; write 'every: 1h'",
                      TIDE_VIEW_ARGUMENTS(parser->metric->name));
        return false;
    }
    return parse_window(parser, node, "a window, such as 1h", &parser->metric->every);
}

/* How many panes of `every` are `over`; 0: it is none of their multiples. */
static uint64_t panes_of(struct tide_window_spec every, struct tide_window_spec over)
{
    uint64_t size = (uint64_t)over.size;
    if (every.unit == TIDE_WINDOW_DAYS) {
        return every.size == 1 && over.unit == TIDE_WINDOW_DAYS ? size : 0;
    }
    if (every.unit != TIDE_WINDOW_FIXED || over.unit == TIDE_WINDOW_MONTHS) {
        return 0;
    }
    if (over.unit != TIDE_WINDOW_FIXED) { /* of its nominal length */
        size *= (uint64_t)TIDE_US_PER_DAY * (over.unit == TIDE_WINDOW_WEEKS ? 7 : 1);
    }
    return size % (uint64_t)every.size == 0 ? size / (uint64_t)every.size : 0;
}

static void report_over(struct metric_parser *parser,
                        const struct tide_yaml *node,
                        struct tide_window_spec over)
{
    const struct tide_window_spec every = parser->metric->every;
    const bool is_daily = every.unit == TIDE_WINDOW_DAYS && every.size == 1;
    if (every.unit != TIDE_WINDOW_FIXED && !is_daily) {
        METRIC_REPORT(parser,
                      node->position,
                      "'over' goes with an 'every' in s, m or h, or with 'every: 1d'");
    } else if (is_daily || over.unit == TIDE_WINDOW_MONTHS) {
        METRIC_REPORT(parser,
                      node->position,
                      "'over: %.*s' is no number of days; write such as 'over: 28d'",
                      TIDE_VIEW_ARGUMENTS(node->text));
    } else {
        METRIC_REPORT(parser,
                      node->position,
                      "'over: %.*s' is not a multiple of 'every'",
                      TIDE_VIEW_ARGUMENTS(node->text));
    }
}

/* has_every: else only the text is looked at. */
static void parse_over(struct metric_parser *parser, bool has_every)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "over");
    struct tide_metric *metric = parser->metric;
    struct tide_window_spec over = {0};
    if (node == NULL || !parse_window(parser, node, "a length, such as 28d", &over) || !has_every) {
        return;
    }
    const uint64_t panes = panes_of(metric->every, over);
    const bool has_having = tide_yaml_get(parser->node, "having") != NULL;
    const uint64_t panes_max = has_having ? TIDE_HAVING_WINDOWS_MAX : TIDE_PANES_MAX;
    if (panes == 0) {
        report_over(parser, node, over);
    } else if (panes > panes_max) {
        METRIC_REPORT(parser,
                      node->position,
                      "'over' is %llu times 'every'; at most %llu are possible%s",
                      (unsigned long long)panes,
                      (unsigned long long)panes_max,
                      has_having ? " with 'having'" : "");
    } else {
        metric->pane_count = (uint32_t)panes;
    }
}

/* has_every: else the window is not known. */
static void parse_timezone(struct metric_parser *parser, bool has_every)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "timezone");
    const struct tide_timezone *zone = NULL;
    struct tide_error error = {0};
    if (node == NULL || !metric_is_scalar(parser, node, "a time zone, such as Europe/Berlin")) {
        return;
    }
    if (!tide_view_equal(node->text, TIDE_VIEW("UTC")) &&
        tide_timezone_open(parser->arena, node->text, &zone, &error) != TIDE_OK) {
        METRIC_REPORT(parser, node->position, "%s", error.text);
    }
    if (has_every && parser->metric->every.unit == TIDE_WINDOW_FIXED) {
        METRIC_REPORT(parser,
                      node->key_position,
                      "a window in s, m or h takes no timezone; remove it, or write 'every: 1d'");
    } else {
        parser->metric->every.zone = zone;
    }
}

static void parse_top(struct metric_parser *parser)
{
    const struct tide_yaml *node = tide_yaml_get(parser->node, "top");
    uint32_t number = 0;
    if (node == NULL || !metric_is_scalar(parser, node, "a number")) {
        return;
    }
    if (!metric_parse_number(node->text, &number) || number < 1 || number > TOP_MAX) {
        METRIC_REPORT(parser,
                      node->position,
                      "top '%.*s' is not a number of 1..%d",
                      TIDE_VIEW_ARGUMENTS(node->text),
                      TOP_MAX);
        return;
    }
    parser->metric->top = number;
}

/* ------- the whole */

static void parse_windows(struct metric_parser *parser, unsigned allowed)
{
    const bool has_every = (allowed & KEY_EVERY) != 0 && parse_every(parser);
    if ((allowed & KEY_TIMEZONE) != 0) {
        parse_timezone(parser, has_every);
    }
    if ((allowed & KEY_OVER) != 0) {
        parse_over(parser, has_every);
    }
}

/* What the kind's name stands for. */
static void parse_own(struct metric_parser *parser, const struct kind *kind)
{
    parser->metric->kind = kind->kind;
    if (kind->parse != NULL) {
        kind->parse(parser);
    } else {
        parse_aggregate(parser);
    }
    if ((kind->keys & KEY_OF) != 0) {
        parse_of(parser);
    }
}

/* allowed: the keys that go with the kind. */
static void parse_shared(struct metric_parser *parser, unsigned allowed)
{
    if ((allowed & KEY_WHERE) != 0) {
        parse_where(parser);
    }
    if ((allowed & KEY_BY) != 0) {
        parse_by(parser);
    }
    if ((allowed & KEY_HAVING) != 0) {
        parse_having(parser);
    }
    parse_windows(parser, allowed);
    if ((allowed & KEY_TOP) != 0) {
        parse_top(parser);
    }
}

/* Of a metric whose kind is not clear: what is there is looked at. */
static unsigned keys_of_any(const struct tide_yaml *node)
{
    const unsigned allowed = KEYS_AGGREGATE | KEY_HAVING;
    return tide_yaml_get(node, "every") != NULL ? allowed : allowed & ~(unsigned)KEY_EVERY;
}

bool tide_metric_parse(const struct tide_metric_parse *parse,
                       const struct tide_yaml *node,
                       struct tide_metric *metric)
{
    const uint32_t errors_before = parse->diagnostics->error_count;
    struct metric_parser parser = {
        .arena = parse->arena,
        .schema = parse->schema,
        .diagnostics = parse->diagnostics,
        .node = node,
        .metric = metric,
    };
    *metric = (struct tide_metric){.name = node->key,
                                   .position = node->key_position,
                                   .column = TIDE_COLUMN_NONE,
                                   .pane_count = 1};
    tide_name_check(node, "a metric", parse->diagnostics);
    if (node->kind != TIDE_YAML_MAPPING) {
        METRIC_REPORT(&parser,
                      node->position,
                      "metric '%.*s' must be a mapping, such as {count: events, every: 1h}",
                      TIDE_VIEW_ARGUMENTS(node->key));
        return false;
    }
    const struct kind *kind = parse_kind(&parser);
    check_keys(&parser, kind);
    if (kind != NULL) {
        parse_own(&parser, kind);
    }
    parse_shared(&parser, kind != NULL ? kind->keys : keys_of_any(node));
    if (parse->diagnostics->error_count != errors_before) {
        return false;
    }
    if (!metric_compute_hash(parse->schema, metric)) {
        METRIC_REPORT(&parser, metric->position, "out of memory");
        return false;
    }
    return true;
}

const char *tide_metric_kind_name(enum tide_metric_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].name.data;
        }
    }
    tide_assert(false);
    return "";
}
