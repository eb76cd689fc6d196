/* The bytes that a definition's hash is of: all that decides its numbers, nothing that does not. */
#include "base/assert.h"
#include "base/timezone.h"
#include "metric/metric_parser.h"

#include "base/banned.h"

/* Changes with the encoding below: numbers of one hash are comparable. */
enum {
    HASH_VERSION = 2
};

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
    if (!c->derived) {
        return;
    }
    encode_column(schema, c->from, bytes);
    tide_bytes_append_u32(bytes, c->glob_count);
    for (uint32_t i = 0; i < c->glob_count; i++) {
        encode_view(c->globs[i].pattern, bytes);
        encode_view(c->globs[i].value, bytes);
    }
    tide_bytes_append_byte(bytes, c->has_default ? (char)1 : (char)0);
    encode_view(c->fallback, bytes);
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

static void encode_columns(const struct tide_schema *schema,
                           const uint32_t *columns,
                           uint32_t count,
                           struct tide_bytes *bytes)
{
    tide_bytes_append_u32(bytes, count);
    for (uint32_t i = 0; i < count; i++) {
        encode_column(schema, columns[i], bytes);
    }
}

static void encode_windows(const struct tide_metric *metric, struct tide_bytes *bytes)
{
    const struct tide_timezone *zone = metric->every.zone;
    tide_bytes_append_byte(bytes, (char)metric->every.unit);
    tide_bytes_append_u64(bytes, (uint64_t)metric->every.size);
    encode_view(zone == NULL ? TIDE_VIEW("") : tide_timezone_name(zone), bytes);
    tide_bytes_append_u32(bytes, metric->pane_count);
}

static void encode_having(const struct tide_schema *schema,
                          const struct tide_having *having,
                          struct tide_bytes *bytes)
{
    tide_bytes_append_byte(bytes, having == NULL ? (char)0 : (char)1);
    if (having == NULL) {
        return;
    }
    tide_expression_encode(having->expression, bytes);
    for (uint32_t i = 0; i < having->fact_count; i++) {
        if (having->columns[i] != TIDE_COLUMN_NONE) {
            encode_column(schema, having->columns[i], bytes);
        }
    }
}

static void encode_funnel(const struct tide_schema *schema,
                          const struct tide_funnel_plan *funnel,
                          struct tide_bytes *bytes)
{
    encode_columns(schema, funnel->per, funnel->per_count, bytes);
    tide_bytes_append_u64(bytes, (uint64_t)funnel->timeout.us);
    tide_bytes_append_u32(bytes, funnel->step_count);
    for (uint32_t i = 0; i < funnel->step_count; i++) {
        encode_view(funnel->step_names[i], bytes);
        encode_where(schema, funnel->steps[i], bytes);
    }
}

/* What only some kinds have. */
static void encode_kind(const struct tide_schema *schema,
                        const struct tide_metric *metric,
                        struct tide_bytes *bytes)
{
    switch (metric->kind) {
    case TIDE_METRIC_COUNT:
    case TIDE_METRIC_DISTINCT:
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_RATIO:
        break;
    case TIDE_METRIC_QUANTILES:
        for (uint32_t i = 0; i < metric->quantile_count; i++) {
            encode_view(metric->quantiles[i].text, bytes);
        }
        break;
    case TIDE_METRIC_SESSIONS:
        encode_column(schema, schema->entity, bytes);
        tide_bytes_append_u64(bytes, (uint64_t)metric->sessions.timeout.us);
        break;
    case TIDE_METRIC_FUNNEL:
        encode_funnel(schema, metric->funnel, bytes);
        break;
    case TIDE_METRIC_RETENTION:
        encode_column(schema, schema->entity, bytes);
        tide_bytes_append_u32(bytes, metric->retention.period_count);
        tide_bytes_append_byte(bytes, metric->retention.is_unbounded ? (char)1 : (char)0);
        break;
    }
}

bool metric_compute_hash(const struct tide_schema *schema, struct tide_metric *metric)
{
    struct tide_bytes bytes = {0};
    tide_bytes_append_byte(&bytes, HASH_VERSION);
    tide_bytes_append_byte(&bytes, (char)metric->kind);
    if (metric->column != TIDE_COLUMN_NONE) {
        encode_column(schema, metric->column, &bytes);
    }
    encode_where(schema, metric->where, &bytes);
    encode_having(schema, metric->having, &bytes);
    encode_columns(schema, metric->by, metric->by_count, &bytes);
    encode_windows(metric, &bytes);
    tide_bytes_append_u32(&bytes, metric->top);
    encode_kind(schema, metric, &bytes);
    const bool is_whole = !bytes.failed;
    metric->hash = tide_hash128(tide_bytes_view(&bytes), 0);
    tide_bytes_release(&bytes);
    return is_whole;
}

bool metric_join_hashes(struct tide_metric *ratio, const struct tide_metric *const parts[2])
{
    const struct tide_u128 hashes[] = {ratio->hash, parts[0]->hash, parts[1]->hash};
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        tide_bytes_append_u64(&bytes, hashes[i].high);
        tide_bytes_append_u64(&bytes, hashes[i].low);
    }
    const bool is_whole = !bytes.failed;
    ratio->hash = tide_hash128(tide_bytes_view(&bytes), 0);
    tide_bytes_release(&bytes);
    return is_whole;
}
