#include "serve/live_query.h"

#include "base/assert.h"
#include "base/hash.h"
#include "serve/api_internal.h"
#include "serve/live_cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SUGGESTION_SIZE = 128,
    PREFIX_SIZE = 17, /* of an id: 16 digits and a hyphen */
    SUFFIX_SIZE = 9,
};

static void refuse_metric(const struct tide_definitions *definitions,
                          struct tide_view name,
                          struct tide_http_exchange *exchange)
{
    char suggestion[SUGGESTION_SIZE];
    const struct tide_view clipped = api_clip(name);
    tide_http_reply_problem(exchange,
                            400,
                            0,
                            "metrics: there is no metric '%.*s'%s",
                            TIDE_VIEW_ARGUMENTS(clipped),
                            api_suggest_metric(definitions, name, suggestion, sizeof(suggestion)));
}

/* A list of names with commas between them. */
static bool choose_named(const struct tide_definitions *definitions,
                         struct tide_view list,
                         struct tide_http_exchange *exchange,
                         struct live_query *query)
{
    size_t at = 0;
    while (at <= list.size) {
        const char *comma = at < list.size ? memchr(list.data + at, ',', list.size - at) : NULL;
        const size_t end = comma == NULL ? list.size : (size_t)(comma - list.data);
        const struct tide_view name = tide_view_slice(list, at, end - at);
        const struct tide_metric *metric = tide_definitions_find(definitions, name);
        if (metric == NULL || metric->is_hidden) {
            refuse_metric(definitions, name, exchange);
            return false;
        }
        query->follows[metric - definitions->metrics] = true;
        at = end + 1;
    }
    return true;
}

static void choose_all(const struct tide_definitions *definitions, struct live_query *query)
{
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        query->follows[i] = !definitions->metrics[i].is_hidden;
    }
}

static uint32_t fingerprint(const struct tide_definitions *definitions,
                            const struct live_query *query)
{
    uint64_t hash =
        tide_hash64((struct tide_view){(const char *)query->follows,
                                       definitions->metric_count * sizeof(*query->follows)},
                    query->windows * (uint64_t)LIVE_CELLS_MAX + query->groups);
    return (uint32_t)(hash ^ hash >> 32);
}

bool live_query_read(const struct tide_definitions *definitions,
                     uint64_t instance,
                     struct tide_http_exchange *exchange,
                     struct live_query *query)
{
    bool present = false;
    const struct tide_view list = tide_http_query(exchange, "metrics", &present);
    *query = (struct live_query){
        .follows = calloc((size_t)definitions->metric_count + 1, sizeof(*query->follows)),
        .windows = (uint32_t)api_whole(exchange, "windows", LIVE_WINDOWS_DEFAULT),
        .groups = (uint32_t)api_whole(exchange, "groups", LIVE_GROUPS_DEFAULT),
    };
    if (query->follows == NULL) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for a listener");
        return false;
    }
    if (query->windows * query->groups > LIVE_CELLS_MAX) {
        tide_http_reply_problem(exchange,
                                400,
                                0,
                                "%" PRIu32 " windows of %" PRIu32
                                " groups are more than %d cells of a metric",
                                query->windows,
                                query->groups,
                                LIVE_CELLS_MAX);
        return false;
    }
    if (!present) {
        choose_all(definitions, query);
    } else if (!choose_named(definitions, list, exchange, query)) {
        return false;
    }
    query->fingerprint = fingerprint(definitions, query);
    query->position =
        live_query_read_id(instance, query, tide_http_header(exchange, "last-event-id"));
    return true;
}

void live_query_release(struct live_query *query)
{
    free(query->follows);
    *query = (struct live_query){0};
}

void live_query_write_id(uint64_t instance,
                         const struct live_query *query,
                         uint64_t position,
                         struct tide_bytes *text)
{
    tide_bytes_append_format(
        text, "%016" PRIx64 "-%" PRIu64 "-%08" PRIx32, instance, position, query->fingerprint);
}

uint64_t live_query_read_id(uint64_t instance, const struct live_query *query, struct tide_view id)
{
    char prefix[PREFIX_SIZE + 1];
    char suffix[SUFFIX_SIZE + 1];
    uint64_t position = 0;
    (void)snprintf(prefix, sizeof(prefix), "%016" PRIx64 "-", instance);
    (void)snprintf(suffix, sizeof(suffix), "-%08" PRIx32, query->fingerprint);
    if (id.size <= PREFIX_SIZE + SUFFIX_SIZE || !tide_view_starts_with(id, tide_view_of(prefix)) ||
        !tide_view_equal(tide_view_slice(id, id.size - SUFFIX_SIZE, SUFFIX_SIZE),
                         tide_view_of(suffix))) {
        return 0;
    }
    const struct tide_view number =
        tide_view_slice(id, PREFIX_SIZE, id.size - PREFIX_SIZE - SUFFIX_SIZE);
    return tide_http_parse_whole(number, &position) ? position : 0;
}
