#include "cli/generate_kafka.h"

#include "decode/decode.h"
#include "event/uid.h"
#include "log/kafka_sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    URL_BYTES_MAX = 1024,
    PENDING_BYTES_MAX = 64 << 20,
};
static const struct tide_duration patience = {60 * INT64_C(1000000)};
static const struct tide_duration breath = {1000};

struct tide_generate_kafka {
    struct tide_kafka_sink *sink;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    char url[URL_BYTES_MAX];
    const char *topics[1];
};

/* "kafka://brokers/topic": cuts url in place. */
static enum tide_status parse(struct tide_generate_kafka *to,
                              const char *url,
                              struct tide_kafka_sink_options *options,
                              struct tide_error *error)
{
    size_t size = strlen(url);
    if (size < sizeof(to->url)) {
        memcpy(to->url, url, size + 1);
    }
    char *brokers = to->url + strlen("kafka://");
    char *slash = size < sizeof(to->url) ? strchr(brokers, '/') : NULL;
    if (slash == NULL || slash == brokers || slash[1] == '\0' || strchr(slash + 1, '/') != NULL) {
        return tide_error_set(
            error, TIDE_REJECT, "--to %s: write kafka://host:port,host:port/topic", url);
    }
    *slash = '\0';
    to->topics[0] = slash + 1;
    *options = (struct tide_kafka_sink_options){.cluster = {.brokers = brokers},
                                                .topics = to->topics,
                                                .topic_count = 1,
                                                .pending_bytes_max = PENDING_BYTES_MAX};
    return TIDE_OK;
}

enum tide_status tide_generate_kafka_open(const char *url,
                                          const struct tide_schema *schema,
                                          struct tide_generate_kafka **out,
                                          struct tide_error *error)
{
    struct tide_kafka_sink_options options;
    struct tide_generate_kafka *to = calloc(1, sizeof(*to));
    if (to == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    enum tide_status status = parse(to, url, &options, error);
    if (status == TIDE_OK) {
        status = tide_decoder_create(schema, 0, &to->decoder, error);
    }
    if (status == TIDE_OK) {
        tide_decoder_route_only(to->decoder);
        status = tide_batch_create(schema, 1, &to->batch, error);
    }
    if (status == TIDE_OK) {
        status = tide_kafka_sink_open(&options, &to->sink, error);
    }
    if (status != TIDE_OK) {
        tide_generate_kafka_close(to);
        return status;
    }
    *out = to;
    return TIDE_OK;
}

enum tide_status tide_generate_kafka_add(struct tide_generate_kafka *to,
                                         struct tide_view line,
                                         struct tide_error *error)
{
    char text[TIDE_ROUTE_KEY_MAX];
    struct tide_view key = {0};
    tide_batch_reset(to->batch);
    tide_decoder_begin(to->decoder, line, TIDE_FRAMING_EVENT);
    (void)tide_decoder_next(to->decoder, to->batch);
    if (to->batch->row_count == 1 && to->batch->verdicts[0].reason == TIDE_REASON_ACCEPTED) {
        key = tide_route_key(to->batch, 0, text);
    }
    enum tide_status status;
    do {
        status = tide_kafka_sink_send(to->sink, 0, key, line, error);
        if (status == TIDE_AGAIN) {
            tide_kafka_sink_poll(to->sink);
            tide_clock_sleep(tide_clock_os(), breath);
        }
    } while (status == TIDE_AGAIN);
    tide_kafka_sink_poll(to->sink);
    return status;
}

enum tide_status tide_generate_kafka_flush(struct tide_generate_kafka *to, struct tide_error *error)
{
    return tide_kafka_sink_flush(to->sink, patience, error);
}

void tide_generate_kafka_close(struct tide_generate_kafka *to)
{
    if (to == NULL) {
        return;
    }
    tide_kafka_sink_close(to->sink);
    tide_decoder_destroy(to->decoder);
    tide_batch_destroy(to->batch);
    free(to);
}
