#include "cli/kafka_setup.h"

#include "cli/config_value.h"

#include <string.h>

#include "base/banned.h"

enum {
    ROUTES_MAX = 64
};

static const char *keep(struct tide_arena *arena, struct tide_view text)
{
    char *kept = tide_arena_allocate_text(arena, text.size + 1);
    if (kept != NULL) {
        memcpy(kept, text.data, text.size);
        kept[text.size] = '\0';
    }
    return kept;
}

enum tide_status tide_kafka_setup_cluster(struct tide_arena *arena,
                                          struct tide_view brokers,
                                          struct tide_view properties,
                                          struct tide_kafka_cluster *cluster,
                                          struct tide_error *error)
{
    struct tide_kafka_property *kept =
        TIDE_ARENA_ARRAY(arena, struct tide_kafka_property, TIDE_KAFKA_PROPERTIES_MAX);
    struct tide_view name;
    struct tide_view value;
    *cluster = (struct tide_kafka_cluster){.brokers = keep(arena, brokers), .properties = kept};
    if (kept == NULL || cluster->brokers == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    while (tide_config_map_next(&properties, &name, &value)) {
        if (cluster->property_count == TIDE_KAFKA_PROPERTIES_MAX) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "more than %d properties of librdkafka",
                                  TIDE_KAFKA_PROPERTIES_MAX);
        }
        struct tide_kafka_property *property = &kept[cluster->property_count++];
        property->name = keep(arena, name);
        property->value = keep(arena, value);
        if (property->name == NULL || property->value == NULL) {
            return tide_error_set(error, TIDE_RETRY, "out of memory");
        }
    }
    return TIDE_OK;
}

static uint32_t index_of(const char *const *topics, uint32_t topic_count, struct tide_view name)
{
    uint32_t at = 0;
    while (at < topic_count && !tide_view_equal(tide_view_of(topics[at]), name)) {
        at++;
    }
    return at;
}

enum tide_status tide_kafka_setup_topics(struct tide_arena *arena,
                                         struct tide_view list,
                                         const char **topics,
                                         uint32_t *topic_count,
                                         struct tide_error *error)
{
    struct tide_view item;
    *topic_count = 0;
    while (tide_config_list_next(&list, &item)) {
        if (*topic_count == TIDE_KAFKA_TOPICS_MAX) {
            return tide_error_set(error, TIDE_REJECT, "more than %d topics", TIDE_KAFKA_TOPICS_MAX);
        }
        if (index_of(topics, *topic_count, item) < *topic_count) {
            return tide_error_set(
                error, TIDE_REJECT, "topic %.*s stands twice", TIDE_VIEW_ARGUMENTS(item));
        }
        topics[*topic_count] = keep(arena, item);
        if (topics[(*topic_count)++] == NULL) {
            return tide_error_set(error, TIDE_RETRY, "out of memory");
        }
    }
    return *topic_count > 0 ? TIDE_OK : tide_error_set(error, TIDE_REJECT, "no topic is named");
}

static bool find_column(const struct tide_schema *schema, struct tide_view name, uint32_t *column)
{
    for (uint32_t c = 0; c < schema->column_count; c++) {
        if (tide_view_equal(schema->columns[c].name, name) &&
            schema->columns[c].type == TIDE_TYPE_STRING) {
            *column = c;
            return true;
        }
    }
    return false;
}

enum tide_status tide_kafka_setup_route(struct tide_arena *arena,
                                        const struct tide_config *config,
                                        const char *const *topics,
                                        uint32_t topic_count,
                                        struct tide_intake_topics *route,
                                        struct tide_error *error)
{
    struct tide_view rest = config->kafka.log_route;
    struct tide_view value;
    struct tide_view topic;
    struct tide_intake_topic *items = TIDE_ARENA_ARRAY(arena, struct tide_intake_topic, ROUTES_MAX);
    *route = (struct tide_intake_topics){.is_by_column = config->kafka.log_route_by.size > 0,
                                         .items = items};
    if (items == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    if (route->is_by_column &&
        !find_column(config->definitions->schema, config->kafka.log_route_by, &route->column)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "log.kafka.route_by: the schema has no string column '%.*s'",
                              TIDE_VIEW_ARGUMENTS(config->kafka.log_route_by));
    }
    while (tide_config_map_next(&rest, &value, &topic)) {
        uint32_t index = index_of(topics, topic_count, topic);
        if (index == topic_count || route->count == ROUTES_MAX) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "log.kafka.route: '%.*s' is not among log.kafka.topics, or there "
                                  "are more than %d routes",
                                  TIDE_VIEW_ARGUMENTS(topic),
                                  ROUTES_MAX);
        }
        items[route->count++] = (struct tide_intake_topic){value, index};
    }
    return TIDE_OK;
}
