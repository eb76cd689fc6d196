/* Appends become messages at once, on the thread that appends; the broker's answers come while the
 * log-commit thread syncs. An append is done when the last of its messages is answered.
 *
 *     append:  reserve its bytes; count it into the present generation; produce each record
 *     sync:    start a new generation; serve answers until the one before has none waiting
 *
 * So appends go on while a sync waits, and a sync waits for no append that came after it. */
#include "log/kafka_log.h"

#include "base/assert.h"
#include "base/logline.h"
#include "log/kafka_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    POLL_MS = 50,
    CLOSE_FLUSH_MS = 10000,
    MESSAGE_OVERHEAD = 512, /* headers, and the library's own */
    WIRE_OVERHEAD = 2048,   /* at most, of a record's headers as they are sent */
};

struct leg { /* a batch of an append */
    struct kafka_flight *flight;
    struct tide_log_receipt *receipt;
    bool has_offset;
};

struct kafka_flight { /* an append under way */
    struct kafka_log *log;
    struct tide_log_append *append;
    struct kafka_flight *next; /* the list of those that landed */
    size_t bytes;
    struct tide_monotonic since; /* for the meter */
    uint32_t generation;
    _Atomic uint32_t waiting; /* messages without an answer */
    _Atomic int status;       /* enum tide_status: the worst of its messages */
    _Atomic int why;          /* rd_kafka_resp_err_t of that one */
    struct leg legs[];
};

size_t kafka_pending_bytes(void *self)
{
    struct kafka_log *log = self;
    return atomic_load(&log->pending_bytes);
}

/* What an append takes while it is under way. false: a record is too large for a message. */
static bool append_bytes(const struct kafka_log *log,
                         const struct tide_log_append *append,
                         size_t *bytes,
                         uint32_t *message_count)
{
    *bytes = 0;
    *message_count = 0;
    for (uint32_t b = 0; b < append->batch_count; b++) {
        const struct tide_log_batch *batch = &append->batches[b];
        *message_count += batch->record_count;
        for (uint32_t i = 0; i < batch->record_count; i++) {
            const struct tide_log_record *record = &batch->records[i];
            size_t key = record->key.size <= KAFKA_KEY_BYTES_MAX ? record->key.size : 0;
            size_t size = record->text.size + key + record->pointer.size + record->detail.size;
            if (size + WIRE_OVERHEAD > log->message_bytes_max) {
                return false;
            }
            *bytes += size + MESSAGE_OVERHEAD;
        }
    }
    return true;
}

/* Room for the append, or none: an append of any size is taken when nothing else waits. */
static bool reserve(struct kafka_log *log, size_t bytes)
{
    size_t pending = atomic_load(&log->pending_bytes);
    do {
        if (pending > 0 && pending + bytes > log->options.pending_bytes_max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&log->pending_bytes, &pending, pending + bytes));
    return true;
}

static struct tide_monotonic now(const struct kafka_log *log)
{
    return log->options.meter == NULL ? (struct tide_monotonic){0}
                                      : tide_clock_monotonic(log->options.clock);
}

static struct kafka_flight *take_off(struct kafka_log *log,
                                     struct tide_log_append *append,
                                     size_t bytes,
                                     uint32_t message_count)
{
    struct kafka_flight *flight =
        calloc(1, sizeof(*flight) + append->batch_count * sizeof(flight->legs[0]));
    if (flight == NULL) {
        return NULL;
    }
    flight->log = log;
    flight->append = append;
    flight->bytes = bytes;
    flight->since = now(log);
    atomic_init(&flight->status, TIDE_OK);
    atomic_init(&flight->why, RD_KAFKA_RESP_ERR_NO_ERROR);
    atomic_init(&flight->waiting, message_count);
    for (uint32_t b = 0; b < append->batch_count; b++) {
        const struct tide_log_batch *batch = &append->batches[b];
        append->receipts[b] = (struct tide_log_receipt){batch->partition, batch->record_count, 0};
        flight->legs[b] = (struct leg){flight, &append->receipts[b], false};
    }
    pthread_mutex_lock(&log->mutex);
    flight->generation = log->generation;
    log->waiting[flight->generation]++;
    pthread_mutex_unlock(&log->mutex);
    return flight;
}

/* Some of its messages have failed. A record that can never be taken is worse than one that may be
 * taken later. */
static void fail(struct kafka_flight *flight, rd_kafka_resp_err_t why)
{
    bool is_too_large = why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (is_too_large || atomic_load(&flight->status) != TIDE_REJECT) {
        atomic_store(&flight->why, (int)why);
        atomic_store(&flight->status, is_too_large ? TIDE_REJECT : TIDE_RETRY);
    }
}

/* All its messages are answered. By the thread that syncs, or closes. */
static void finish(struct kafka_flight *flight)
{
    struct kafka_log *log = flight->log;
    struct tide_error error = {0};
    enum tide_status status = (enum tide_status)atomic_load(&flight->status);
    uint32_t generation = flight->generation;
    if (status != TIDE_OK) {
        rd_kafka_resp_err_t why = (rd_kafka_resp_err_t)atomic_load(&flight->why);
        (void)tide_error_set(
            &error, status, "the brokers did not take all of it: %s", rd_kafka_err2str(why));
        log->failed_appends++;
    }
    atomic_fetch_sub(&log->pending_bytes, flight->bytes);
    flight->append->done(flight->append->context, status, &error);
    free(flight);
    pthread_mutex_lock(&log->mutex);
    log->waiting[generation]--;
    pthread_mutex_unlock(&log->mutex);
}

/* Messages have been answered, or will never be sent; true: they were the last. */
static bool land(struct kafka_flight *flight, uint32_t count)
{
    return atomic_fetch_sub(&flight->waiting, count) == count;
}

/* done is called by a sync alone: what landed elsewhere waits for one. */
static void leave_to_sync(struct kafka_flight *flight)
{
    struct kafka_log *log = flight->log;
    pthread_mutex_lock(&log->mutex);
    flight->next = log->landed;
    log->landed = flight;
    pthread_mutex_unlock(&log->mutex);
}

static void finish_landed(struct kafka_log *log)
{
    pthread_mutex_lock(&log->mutex);
    struct kafka_flight *landed = log->landed;
    log->landed = NULL;
    pthread_mutex_unlock(&log->mutex);
    while (landed != NULL) {
        struct kafka_flight *next = landed->next;
        finish(landed);
        landed = next;
    }
}

/* The stamp is the same for all records of a batch. */
static rd_kafka_headers_t *make_headers(struct tide_view stamp,
                                        const struct tide_log_record *record)
{
    struct tide_bytes verdict = {0};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    bool is_made =
        headers != NULL &&
        rd_kafka_header_add(headers, TIDE_KAFKA_HEADER, -1, stamp.data, (ssize_t)stamp.size) ==
            RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_made && record->reason != TIDE_REASON_ACCEPTED) {
        tide_kafka_verdict_write(record, &verdict);
        is_made =
            !verdict.failed &&
            rd_kafka_header_add(
                headers, TIDE_KAFKA_HEADER_VERDICT, -1, verdict.data, (ssize_t)verdict.size) ==
                RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    tide_bytes_release(&verdict);
    if (!is_made && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return is_made ? headers : NULL;
}

/* The library copies the value and takes the headers. */
static rd_kafka_resp_err_t produce(struct kafka_log *log,
                                   struct tide_view stamp,
                                   const struct tide_log_record *record,
                                   struct leg *leg)
{
    rd_kafka_headers_t *headers = make_headers(stamp, record);
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
    tide_assert(record->topic < log->options.topic_count);
    if (headers == NULL) {
        return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    }
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = log->written[record->topic]},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = (int32_t)leg->receipt->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = leg},
        {.vtype = RD_KAFKA_VTYPE_KEY},
    };
    /* The interface wants pointers to bytes that it does not change. */
    memcpy(&parts[3].u.mem.ptr, &record->text.data, sizeof(void *));
    parts[3].u.mem.size = record->text.size;
    memcpy(&parts[6].u.mem.ptr, &record->key.data, sizeof(void *));
    parts[6].u.mem.size = record->key.size;
    bool has_key = record->key.size > 0 && record->key.size <= KAFKA_KEY_BYTES_MAX;
    size_t count = sizeof(parts) / sizeof(parts[0]) - !has_key;
    rd_kafka_error_t *why = rd_kafka_produceva(log->producer, parts, count);
    if (why != NULL) {
        result = rd_kafka_error_code(why);
        rd_kafka_headers_destroy(headers);
        rd_kafka_error_destroy(why);
    }
    return result;
}

/* Returns how many messages were not taken, the first because of *why. */
static uint32_t produce_all(struct kafka_log *log,
                            struct kafka_flight *flight,
                            uint32_t message_count,
                            rd_kafka_resp_err_t *why)
{
    const struct tide_log_append *append = flight->append;
    uint32_t left = message_count;
    struct tide_bytes stamp = {0};
    *why = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (uint32_t b = 0; *why == RD_KAFKA_RESP_ERR_NO_ERROR && b < append->batch_count; b++) {
        const struct tide_log_batch *batch = &append->batches[b];
        struct tide_kafka_stamp known = {batch->received, batch->sent, batch->source};
        tide_bytes_reset(&stamp);
        tide_kafka_stamp_write(&known, &stamp);
        if (stamp.failed) {
            *why = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        }
        for (uint32_t i = 0; *why == RD_KAFKA_RESP_ERR_NO_ERROR && i < batch->record_count; i++) {
            *why = produce(log, tide_bytes_view(&stamp), &batch->records[i], &flight->legs[b]);
            left -= *why == RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    tide_bytes_release(&stamp);
    return left;
}

enum tide_status kafka_append(void *self, struct tide_log_append *append, struct tide_error *error)
{
    struct kafka_log *log = self;
    uint32_t message_count;
    size_t bytes;
    rd_kafka_resp_err_t why;
    if (!append_bytes(log, append, &bytes, &message_count)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "a record is too large for a message of %" PRIu64 " bytes",
                              log->message_bytes_max);
    }
    tide_assert(message_count > 0);
    if (atomic_load(&log->is_closed)) {
        return tide_error_set(error, TIDE_FATAL, "the producer has failed");
    }
    if (!reserve(log, bytes)) {
        return tide_error_set(error, TIDE_AGAIN, "too much waits for the brokers");
    }
    struct kafka_flight *flight = take_off(log, append, bytes, message_count);
    if (flight == NULL) {
        atomic_fetch_sub(&log->pending_bytes, bytes);
        return tide_error_set(error, TIDE_AGAIN, "no memory for an append");
    }
    uint32_t left = produce_all(log, flight, message_count, &why);
    if (left > 0) { /* what was sent is sent, but the append has failed */
        fail(flight, why);
        if (land(flight, left)) {
            leave_to_sync(flight);
        }
    }
    return TIDE_OK;
}

static void measure(struct kafka_log *log,
                    uint32_t topic,
                    const struct kafka_flight *flight,
                    const rd_kafka_message_t *message)
{
    if (log->options.meter != NULL) {
        bool is_durable = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        struct tide_produced produced = {is_durable ? TIDE_OK : TIDE_RETRY,
                                         1,
                                         message->len,
                                         tide_monotonic_since(now(log), flight->since)};
        tide_produce_meter_add(log->options.meter, log->metered[topic], produced);
    }
}

static uint32_t topic_of(const struct kafka_log *log, const rd_kafka_message_t *message)
{
    uint32_t topic = 0;
    while (log->written[topic] != message->rkt) {
        topic++;
        tide_assert(topic < log->options.topic_count);
    }
    return topic;
}

void kafka_on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    struct kafka_log *log = opaque;
    struct leg *leg = message->_private;
    uint32_t topic = topic_of(log, message);
    measure(log, topic, leg->flight, message);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_fetch_add(&log->facts.produced, 1);
        uint64_t offset = (uint64_t)message->offset;
        if (!leg->has_offset || offset < leg->receipt->first_offset) {
            leg->receipt->first_offset = offset;
            leg->has_offset = true;
        }
        kafka_stream_raise(&log->partitions[message->partition].streams[topic],
                           message->offset + 1);
    } else {
        atomic_fetch_add(&log->facts.produce_failures, 1);
        (void)snprintf(log->failure,
                       sizeof(log->failure),
                       "topic %s, partition %d: %s",
                       rd_kafka_topic_name(message->rkt),
                       message->partition,
                       rd_kafka_err2str(message->err));
        fail(leg->flight, message->err);
    }
    if (land(leg->flight, 1)) {
        finish(leg->flight);
    }
}

static void tell_failures(struct kafka_log *log)
{
    uint64_t failures = atomic_load(&log->facts.produce_failures);
    if (failures > log->failures_told) {
        tide_logline(TIDE_LOGLINE_WARNING,
                     "log",
                     "%" PRIu64 " messages were not acknowledged; the last: %s",
                     failures - log->failures_told,
                     log->failure);
        log->failures_told = failures;
    }
}

static uint64_t waiting_of(struct kafka_log *log, uint32_t generation)
{
    pthread_mutex_lock(&log->mutex);
    uint64_t waiting = log->waiting[generation];
    pthread_mutex_unlock(&log->mutex);
    return waiting;
}

/* Sequences are lost: whether a message is there is not known. Whoever sent it asks again, and its
 * uid tells. */
static void check_producer(struct kafka_log *log, char why[TIDE_ERROR_TEXT_MAX])
{
    if (rd_kafka_fatal_error(log->producer, why, TIDE_ERROR_TEXT_MAX) ==
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        atomic_load(&log->is_closed)) {
        return;
    }
    atomic_store(&log->is_closed, true);
    (void)rd_kafka_purge(log->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

enum tide_status kafka_sync(void *self, struct tide_error *error)
{
    struct kafka_log *log = self;
    char why[TIDE_ERROR_TEXT_MAX] = "";
    uint64_t failed_appends = log->failed_appends;
    pthread_mutex_lock(&log->mutex);
    uint32_t generation = log->generation;
    log->generation = 1 - generation;
    tide_assert(log->waiting[log->generation] == 0); /* the sync before saw them out */
    pthread_mutex_unlock(&log->mutex);
    finish_landed(log);
    check_producer(log, why);
    while (waiting_of(log, generation) > 0) {
        (void)rd_kafka_poll(log->producer, POLL_MS);
        finish_landed(log);
        check_producer(log, why);
    }
    tell_failures(log);
    if (atomic_load(&log->is_closed)) {
        return tide_error_set(error, TIDE_FATAL, "the producer has failed: %s", why);
    }
    return log->failed_appends == failed_appends
               ? TIDE_OK
               : tide_error_set(
                     error, TIDE_RETRY, "the brokers did not take all that was appended");
}

void kafka_writer_close(struct kafka_log *log)
{
    (void)rd_kafka_flush(log->producer, CLOSE_FLUSH_MS);
    (void)rd_kafka_purge(log->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(log->producer) > 0) {
        (void)rd_kafka_poll(log->producer, POLL_MS);
    }
    finish_landed(log);
}
