#include "serve/api_filters.h"

#include "base/assert.h"
#include "base/json.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 20,
    NAMES_SIZE = 256, /* of a list in a message */
};

static const struct {
    const char *parameter;
    const char *column;
} table[API_FILTERS_MAX] = {
    {"region", "region"},
    {"device_type", "device_type"},
    {"os", "os"},
    {"app_version", "app_version"},
    {"feature", "feature_name"},
};

static void append_condition(struct api_filters *filters, uint32_t i)
{
    tide_bytes_append_text(&filters->text, i == 0 ? "" : " and ");
    tide_bytes_append_view(&filters->text, filters->columns[i]);
    tide_bytes_append_text(&filters->text, " == ");
    tide_json_write_string(&filters->text, filters->values[i]);
}

static bool parse(const struct tide_schema *schema,
                  struct tide_http_exchange *exchange,
                  struct api_filters *filters)
{
    filters->source = (struct tide_source){TIDE_VIEW("filters"), tide_bytes_view(&filters->text)};
    const struct tide_position position = {&filters->source, 1, 1, 1};
    tide_diagnostics_init(&filters->diagnostics, &filters->arena);
    filters->condition =
        filters->text.failed
            ? NULL
            : tide_expression_parse(
                  &filters->arena, schema, filters->source.text, position, &filters->diagnostics);
    if (filters->condition != NULL) {
        return true;
    }
    if (filters->diagnostics.count == 0) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for the filters");
    } else { /* a column of another type than text */
        tide_http_reply_problem(exchange,
                                400,
                                0,
                                "filters: %.*s",
                                TIDE_VIEW_ARGUMENTS(filters->diagnostics.items[0].message));
    }
    return false;
}

bool api_filters_read(const struct tide_schema *schema,
                      struct tide_http_exchange *exchange,
                      struct api_filters *filters)
{
    bool are_known = true;
    tide_arena_init(&filters->arena, ARENA_BYTES_MAX);
    tide_bytes_init(&filters->text, ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < API_FILTERS_MAX; i++) {
        bool present = false;
        const struct tide_view value = tide_http_query(exchange, table[i].parameter, &present);
        if (present) {
            const uint32_t k = filters->count++;
            filters->parameters[k] = table[i].parameter;
            filters->columns[k] = tide_view_of(table[i].column);
            filters->indices[k] = tide_schema_find(schema, filters->columns[k]);
            filters->values[k] = value;
            are_known = are_known && filters->indices[k] != TIDE_COLUMN_NONE;
            append_condition(filters, k);
        }
    }
    return filters->count == 0 || !are_known || parse(schema, exchange, filters);
}

void api_filters_release(struct api_filters *filters)
{
    tide_bytes_release(&filters->text);
    tide_arena_release(&filters->arena);
}

bool api_filters_fit(const struct api_filters *filters, const struct tide_metric *metric)
{
    for (uint32_t i = 0; i < filters->count; i++) {
        bool is_group = false;
        for (uint32_t k = 0; k < metric->by_count; k++) {
            is_group = is_group || metric->by[k] == filters->indices[i];
        }
        if (!is_group) {
            return false;
        }
    }
    return true;
}

/* Appends a name with what separates it; what does not fit is left out. */
static size_t append_name(char *list, size_t size, const char *separator, struct tide_view name)
{
    const int more =
        snprintf(list + size, NAMES_SIZE - size, "%s%.*s", separator, TIDE_VIEW_ARGUMENTS(name));
    if (more < 0 || size + (size_t)more >= NAMES_SIZE) {
        list[size] = '\0';
        return size;
    }
    return size + (size_t)more;
}

void api_filters_reply_unfit(const struct api_filters *filters,
                             const struct tide_definitions *definitions,
                             const char *what,
                             struct tide_http_exchange *exchange)
{
    char columns[NAMES_SIZE] = "";
    char metrics[NAMES_SIZE] = "";
    size_t size = 0;
    tide_assert(filters->count > 0);
    for (uint32_t i = 0; i < filters->count; i++) {
        size = append_name(columns, size, i == 0 ? "" : " and ", filters->columns[i]);
    }
    size = 0;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (!metric->is_hidden && api_filters_fit(filters, metric)) {
            size = append_name(metrics, size, size == 0 ? "" : ", ", metric->name);
        }
    }
    tide_http_reply_problem(exchange,
                            400,
                            0,
                            "no metric of %s is grouped by %s; %s%s",
                            what,
                            columns,
                            size == 0 ? "no other is" : "these are: ",
                            metrics);
}

void api_filters_write(const struct api_filters *filters, struct tide_bytes *json)
{
    tide_json_write_key(json, "filters");
    tide_bytes_append_byte(json, '{');
    for (uint32_t i = 0; i < filters->count; i++) {
        tide_json_write_text_member(json, filters->parameters[i], filters->values[i]);
    }
    tide_bytes_append_byte(json, '}');
}
