#include "collect/topics.h"

#include "base/assert.h"
#include "base/logline.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct tide_duration take_wait = {200 * 1000};
static const struct tide_duration retry_wait = {100 * 1000};
enum {
    APPEND_BYTES_MAX = 4 << 20, /* of messages, but for the last */
    WAITS_PER_LINE = 100,       /* a log line for every so many waits in a row */
};

struct tide_topics_collector {
    struct tide_topics_collector_options options;
    struct tide_kafka_source *source;
    struct tide_intake intake;
    struct tide_answer answer;
    struct tide_kafka_source_message messages[TIDE_KAFKA_SOURCE_BATCH];
    struct tide_log_append append;
    const char *images; /* of its records, in the intake's arena; NULL: none */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the three below */
    pthread_cond_t changed;
    bool is_done;
    enum tide_status status;
    struct tide_error error;
    _Atomic bool is_stopping;
    _Atomic uint64_t message_count;
    _Atomic uint64_t accepted;
    _Atomic uint64_t rejected;
    _Atomic uint64_t waits;
};

/* By the thread that syncs the log, before done. */
static void on_placed(void *context)
{
    const struct tide_topics_collector *c = context;
    tide_handover_give(
        c->options.intake.handover, c->append.receipts, c->append.batch_count, c->images);
}

/* By the thread that syncs the log. */
static void on_done(void *context, enum tide_status status, const struct tide_error *error)
{
    struct tide_topics_collector *c = context;
    pthread_mutex_lock(&c->mutex);
    c->is_done = true;
    c->status = status;
    c->error = *error;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

static enum tide_status append_once(struct tide_topics_collector *c, struct tide_error *error)
{
    c->is_done = false;
    c->append.batches = c->intake.batches; /* the log forgets them when it has copied them */
    c->append.batch_count = c->intake.batch_count;
    enum tide_status status = c->options.append(c->options.append_context, &c->append, error);
    if (status != TIDE_OK) {
        return status;
    }
    pthread_mutex_lock(&c->mutex);
    while (!c->is_done) {
        pthread_cond_wait(&c->changed, &c->mutex);
    }
    status = c->status;
    if (status != TIDE_OK) {
        *error = c->error;
    }
    pthread_mutex_unlock(&c->mutex);
    return status;
}

/* Until it is durable, or the collector stops. REJECT is waited out as well: a topic of the log
 * takes no message of that size, and whoever runs it reads why and lets it. */
static enum tide_status append_all(struct tide_topics_collector *c, struct tide_error *error)
{
    uint64_t waits = 0;
    for (;;) {
        enum tide_status status = append_once(c, error);
        if (status == TIDE_OK || status == TIDE_FATAL || atomic_load(&c->is_stopping)) {
            return status;
        }
        if (waits++ % WAITS_PER_LINE == 0) {
            tide_logline(TIDE_LOGLINE_WARNING,
                         "collect",
                         "topics are paused, the log does not take more: %s",
                         error->text);
        }
        atomic_fetch_add(&c->waits, 1);
        tide_kafka_source_wait(c->source);
        tide_clock_sleep(c->options.clock, retry_wait);
    }
}

static enum tide_status decode(struct tide_topics_collector *c,
                               const struct tide_kafka_source_message *message,
                               bool is_refused)
{
    struct tide_instant now = tide_clock_now(c->options.clock);
    bool is_past = tide_instant_known(message->time) && message->time.us <= now.us;
    struct tide_intake_origin origin = {is_past ? message->time : now,
                                        tide_view_of(message->topic)};
    return is_refused ? tide_intake_refuse(&c->intake, message->value, &origin, &c->answer)
                      : tide_intake_decode(
                            &c->intake, message->value, TIDE_FRAMING_DOCUMENT, &origin, &c->answer);
}

static void start_over(struct tide_topics_collector *c)
{
    tide_intake_reset(&c->intake);
    tide_answer_reset(&c->answer);
}

/* Messages [first, end), which are known to fit. */
static enum tide_status decode_again(struct tide_topics_collector *c, uint32_t first, uint32_t end)
{
    enum tide_status status = TIDE_OK;
    start_over(c);
    for (uint32_t i = first; i < end && status == TIDE_OK; i++) {
        status = decode(c, &c->messages[i], false);
    }
    return status == TIDE_OK ? tide_intake_order(&c->intake) : status;
}

/* Decodes messages from first on, as many as fit one append. *count: how many. */
static enum tide_status decode_some(struct tide_topics_collector *c,
                                    uint32_t first,
                                    uint32_t message_count,
                                    uint32_t *count)
{
    size_t bytes = 0;
    uint32_t next = first;
    enum tide_status status = TIDE_OK;
    start_over(c);
    while (next < message_count && bytes < APPEND_BYTES_MAX && status == TIDE_OK) {
        bytes += c->messages[next].value.size;
        status = decode(c, &c->messages[next], false);
        next += status == TIDE_OK;
    }
    if (status == TIDE_OK) {
        status = tide_intake_order(&c->intake);
    }
    /* Too many events together, or more than the arena holds: fewer, and in the end one alone,
     * which is kept as too large if it does not fit either. */
    while (status != TIDE_OK && next > first) {
        status = decode_again(c, first, next);
        next = status == TIDE_OK ? next : first + (next - first) / 2;
    }
    if (status != TIDE_OK) {
        next = first + 1;
        start_over(c);
        status = decode(c, &c->messages[first], true);
        status = status == TIDE_OK ? tide_intake_order(&c->intake) : status;
    }
    *count = next - first;
    return status;
}

static enum tide_status collect(struct tide_topics_collector *c,
                                uint32_t first,
                                uint32_t message_count,
                                uint32_t *count,
                                struct tide_error *error)
{
    if (decode_some(c, first, message_count, count) != TIDE_OK) {
        return tide_error_set(error, TIDE_FATAL, "no memory for messages of a topic");
    }
    if (c->intake.batch_count == 0) {
        return TIDE_OK;
    }
    c->append.receipts =
        TIDE_ARENA_ARRAY(&c->intake.arena, struct tide_log_receipt, c->intake.batch_count);
    c->append.done = on_done;
    c->append.context = c;
    c->images = tide_intake_copy_images(&c->intake, &c->intake.arena);
    c->append.placed = c->images != NULL ? on_placed : NULL;
    c->append.placed_context = c;
    enum tide_status status = c->append.receipts == NULL
                                  ? tide_error_set(error, TIDE_FATAL, "no memory for receipts")
                                  : append_all(c, error);
    if (status == TIDE_OK) {
        atomic_fetch_add(&c->accepted, c->answer.accepted);
        atomic_fetch_add(&c->rejected, c->answer.rejected);
    }
    return status;
}

/* A batch of messages: taken, decoded, durable, done. */
static enum tide_status step(struct tide_topics_collector *c, struct tide_error *error)
{
    uint32_t message_count = 0;
    enum tide_status status =
        tide_kafka_source_take(c->source, take_wait, c->messages, &message_count, error);
    for (uint32_t first = 0, count = 0; status == TIDE_OK && first < message_count;
         first += count) {
        status = collect(c, first, message_count, &count, error);
    }
    if (status == TIDE_OK && message_count > 0) {
        atomic_fetch_add(&c->message_count, message_count);
        tide_kafka_source_done(c->source);
    }
    return status;
}

static void *run(void *context)
{
    struct tide_topics_collector *c = context;
    struct tide_error error = {0};
    while (!atomic_load(&c->is_stopping)) {
        enum tide_status status = step(c, &error);
        if (status == TIDE_FATAL) {
            c->options.failed(c->options.context, &error);
            break;
        }
    }
    return NULL;
}

static void destroy(struct tide_topics_collector *c)
{
    tide_kafka_source_close(c->source);
    tide_intake_release(&c->intake);
    tide_answer_release(&c->answer);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->mutex);
    free(c);
}

enum tide_status tide_topics_collector_start(const struct tide_topics_collector_options *options,
                                             struct tide_topics_collector **collector,
                                             struct tide_error *error)
{
    struct tide_topics_collector *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a collector of topics");
    }
    c->options = *options;
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    enum tide_status status = tide_intake_init(&c->intake, &options->intake, error);
    if (status == TIDE_OK) {
        status = tide_kafka_source_open(&options->source, &c->source, error);
    }
    if (status == TIDE_OK && !tide_thread_start(&c->thread, "topics", run, c)) {
        status = tide_error_set(error, TIDE_RETRY, "cannot start the collector of topics");
    }
    if (status != TIDE_OK) {
        destroy(c);
        return status;
    }
    *collector = c;
    return TIDE_OK;
}

void tide_topics_collector_stop(struct tide_topics_collector *c)
{
    if (c == NULL) {
        return;
    }
    atomic_store(&c->is_stopping, true);
    (void)pthread_join(c->thread, NULL);
    destroy(c);
}

struct tide_topics_collector_facts tide_topics_collector_facts(
    const struct tide_topics_collector *c)
{
    if (c == NULL) {
        return (struct tide_topics_collector_facts){0};
    }
    return (struct tide_topics_collector_facts){
        .messages = atomic_load(&c->message_count),
        .events_accepted = atomic_load(&c->accepted),
        .events_rejected = atomic_load(&c->rejected),
        .waits = atomic_load(&c->waits),
    };
}
