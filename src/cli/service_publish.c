#include "cli/service_publish.h"

#include "base/logline.h"
#include "cli/kafka_setup.h"
#include "process/journeys.h"

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 20,
    PENDING_BYTES_MAX = 32 << 20,
    CELLS_MAX = 4000000,
};
static const struct tide_duration patience = {30 * INT64_C(1000000)};

static enum tide_status open_sink(struct tide_service_publish *publish,
                                  const struct tide_kafka_cluster *cluster,
                                  struct tide_view topic,
                                  const char **name,
                                  struct tide_kafka_sink **sink,
                                  struct tide_error *error)
{
    struct tide_view kept = tide_arena_copy(&publish->arena, topic);
    if (kept.data == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    *name = kept.data;
    struct tide_kafka_sink_options options = {.cluster = *cluster,
                                              .topics = name,
                                              .topic_count = 1,
                                              .pending_bytes_max = PENDING_BYTES_MAX};
    return tide_kafka_sink_open(&options, sink, error);
}

enum tide_status tide_service_publish_open(const struct tide_config *config,
                                           struct tide_service_publish *publish,
                                           struct tide_error *error)
{
    struct tide_kafka_cluster cluster;
    *publish = (struct tide_service_publish){0};
    tide_arena_init(&publish->arena, ARENA_BYTES_MAX);
    if (config->kafka.publish_brokers.size == 0) {
        return TIDE_OK;
    }
    enum tide_status status = tide_kafka_setup_cluster(&publish->arena,
                                                       config->kafka.publish_brokers,
                                                       config->kafka.publish_properties,
                                                       &cluster,
                                                       error);
    if (status == TIDE_OK) {
        status = open_sink(publish,
                           &cluster,
                           config->kafka.publish_topic,
                           &publish->topics[0],
                           &publish->cells,
                           error);
    }
    if (status == TIDE_OK) {
        status = open_sink(publish,
                           &cluster,
                           config->kafka.publish_journeys,
                           &publish->topics[1],
                           &publish->journeys,
                           error);
    }
    return status;
}

static enum tide_status send_cell(void *context,
                                  struct tide_view key,
                                  struct tide_view value,
                                  struct tide_error *error)
{
    struct tide_service_publish *publish = context;
    return tide_kafka_sink_send_waiting(publish->cells, 0, key, value, patience, error);
}

static enum tide_status flush_cells(void *context, struct tide_error *error)
{
    struct tide_service_publish *publish = context;
    return tide_kafka_sink_flush(publish->cells, patience, error);
}

enum tide_status tide_service_publish_start(const struct tide_config *config,
                                            const struct tide_api *api,
                                            struct tide_service_publish *publish,
                                            struct tide_error *error)
{
    struct tide_publisher_options options = {.api = api,
                                             .clock = tide_clock_os(),
                                             .interval = config->kafka.publish_interval,
                                             .cells_max = CELLS_MAX,
                                             .send = send_cell,
                                             .flush = flush_cells,
                                             .context = publish};
    return publish->cells == NULL ? TIDE_OK
                                  : tide_publisher_start(&options, &publish->publisher, error);
}

/* One journey; *key and *line are room for it. Too large for a message: it is left out, and
 * said. */
static enum tide_status send_journey(struct tide_kafka_sink *sink,
                                     const struct tide_rows *rows,
                                     uint32_t row,
                                     struct tide_bytes *key,
                                     struct tide_bytes *line,
                                     struct tide_error *error)
{
    tide_bytes_reset(key);
    tide_bytes_reset(line);
    tide_journey_write_key(rows, row, key);
    tide_journey_write_json(rows, row, line);
    if (key->failed || line->failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a journey");
    }
    struct tide_view message = tide_bytes_view(line);
    enum tide_status status =
        tide_kafka_sink_send_waiting(sink, 0, tide_bytes_view(key), message, patience, error);
    if (status == TIDE_REJECT) {
        tide_logline(TIDE_LOGLINE_WARNING,
                     "publish",
                     "a journey of %zu bytes is left out: %s",
                     message.size,
                     error->text);
        status = TIDE_OK;
    }
    return status;
}

enum tide_status tide_service_publish_journeys(struct tide_service_publish *publish,
                                               const struct tide_rows *rows,
                                               struct tide_error *error)
{
    struct tide_bytes key = {0};
    struct tide_bytes line = {0};
    struct tide_error ignored;
    enum tide_status status = TIDE_OK;
    if (publish->journeys == NULL) {
        return TIDE_OK;
    }
    for (uint32_t row = 0; row < tide_rows_count(rows) && status == TIDE_OK; row++) {
        status = send_journey(publish->journeys, rows, row, &key, &line, error);
    }
    /* After a failure too: it mends the producer, if that is what failed. */
    enum tide_status flushed =
        tide_kafka_sink_flush(publish->journeys, patience, status == TIDE_OK ? error : &ignored);
    status = status == TIDE_OK ? flushed : TIDE_RETRY;
    if (status != TIDE_OK) {
        tide_error_prefix(error, "journeys wait for their topic");
    }
    tide_bytes_release(&key);
    tide_bytes_release(&line);
    return status;
}

void tide_service_publish_stop(struct tide_service_publish *publish)
{
    tide_publisher_stop(publish->publisher);
    publish->publisher = NULL;
}

void tide_service_publish_close(struct tide_service_publish *publish)
{
    tide_service_publish_stop(publish);
    tide_kafka_sink_close(publish->cells);
    tide_kafka_sink_close(publish->journeys);
    tide_arena_release(&publish->arena);
    *publish = (struct tide_service_publish){0};
}
