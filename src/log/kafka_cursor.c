/* Reading: each topic of a partition has its own queue, which the library fills in the background
 * up to its share of the prefetch; the cursor takes messages from them in turn, and a frame is of
 * one topic and one source. A replay of several topics takes them in the order that the notes
 * recall. */
#include "log/kafka_log.h"

#include "base/assert.h"
#include "log/kafka_message.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    BATCH = 1024, /* messages taken from a queue at once */
};

struct tide_log_cursor {
    struct kafka_log *log;
    uint32_t partition;
    uint32_t topic; /* of the messages below */
    uint64_t offset;
    rd_kafka_message_t *messages[BATCH];
    uint32_t message_count;
    uint32_t message_next; /* those below were handed out */
    struct tide_log_record records[BATCH];
    struct tide_instant receiveds[BATCH];
    struct tide_instant sents[BATCH];
    struct tide_kafka_runs runs; /* since the last note */
    size_t recalled_next;        /* the run that the replay is in */
    uint64_t recalled_used;      /* records of it that were read */
};

void kafka_stream_raise(struct kafka_stream *stream, int64_t high)
{
    int64_t known = atomic_load(&stream->high);
    while (known < high && !atomic_compare_exchange_weak(&stream->high, &known, high)) {
    }
}

void kafka_partition_rewind(const struct kafka_log *log, uint32_t partition)
{
    int64_t before = 0;
    for (uint32_t t = 0; t < log->options.topic_count; t++) {
        struct kafka_stream *stream = &log->partitions[partition].streams[t];
        stream->place.next = stream->place.first;
        stream->place.last_hash = 0;
        stream->fetched = stream->place.first;
        before += stream->place.first;
    }
    atomic_store(&log->partitions[partition].skew, -before);
}

static struct kafka_partition *partition_of(const struct tide_log_cursor *cursor)
{
    return &cursor->log->partitions[cursor->partition];
}

static void release_messages(struct tide_log_cursor *cursor)
{
    for (uint32_t i = 0; i < cursor->message_count; i++) {
        rd_kafka_message_destroy(cursor->messages[i]);
    }
    cursor->message_count = 0;
    cursor->message_next = 0;
}

/* ---- which topic, and how many */

/* What the replay wants next of the present run; false: there is no run, any topic will do. */
static bool recalled_run(struct tide_log_cursor *cursor, struct tide_kafka_run *run)
{
    struct tide_kafka_runs *recalled = &partition_of(cursor)->recalled;
    if (cursor->recalled_next < recalled->count) {
        *run = recalled->items[cursor->recalled_next];
        run->count -= cursor->recalled_used;
        return true;
    }
    tide_kafka_runs_release(recalled); /* the replay is over */
    return false;
}

/* Records were handed out; false: they were none of a recalled run. */
static bool recalled_advance(struct tide_log_cursor *cursor, uint64_t count)
{
    const struct tide_kafka_runs *recalled = &partition_of(cursor)->recalled;
    if (cursor->recalled_next >= recalled->count) {
        return false;
    }
    cursor->recalled_used += count;
    tide_assert(cursor->recalled_used <= recalled->items[cursor->recalled_next].count);
    if (cursor->recalled_used == recalled->items[cursor->recalled_next].count) {
        cursor->recalled_next++;
        cursor->recalled_used = 0;
    }
    return true;
}

/* ---- what came */

/* Everything below offset was seen: what is between there and where we stood has no records. */
static void move_to(struct tide_log_cursor *cursor, struct kafka_stream *stream, int64_t offset)
{
    int64_t gap = offset - stream->fetched;
    if (gap > 0) {
        kafka_stream_raise(stream, offset);
        atomic_fetch_sub(&partition_of(cursor)->skew, gap);
        atomic_fetch_add(&cursor->log->facts.offsets_skipped, (uint64_t)gap);
        stream->fetched = offset;
    }
}

static enum tide_status refuse_message(struct tide_log_cursor *cursor,
                                       const rd_kafka_message_t *message,
                                       struct tide_error *error)
{
    struct kafka_stream *stream = &partition_of(cursor)->streams[cursor->topic];
    const char *topic = cursor->log->topics[cursor->topic];
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        /* The end may lie behind markers of transactions, which are no messages. */
        move_to(cursor, stream, message->offset);
        return TIDE_OK;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return tide_error_set(error,
                              TIDE_FATAL,
                              "topic %s, partition %u: offset %" PRId64
                              " is gone: the topic was cut or made anew, and what is missing is "
                              "lost at the source",
                              topic,
                              cursor->partition,
                              stream->fetched);
    default: /* the library goes on trying; lag and log lines tell */
        atomic_fetch_add(&cursor->log->facts.fetch_errors, 1);
        return TIDE_OK;
    }
}

/* Keeps the messages that are new, in place. */
static enum tide_status sift(struct tide_log_cursor *cursor, struct tide_error *error)
{
    struct kafka_stream *stream = &partition_of(cursor)->streams[cursor->topic];
    struct kafka_facts *facts = &cursor->log->facts;
    enum tide_status status = TIDE_OK;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cursor->message_count; i++) {
        rd_kafka_message_t *message = cursor->messages[i];
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            enum tide_status told = refuse_message(cursor, message, error);
            status = status == TIDE_OK ? told : status;
            rd_kafka_message_destroy(message);
        } else if (message->offset < stream->fetched) {
            atomic_fetch_add(&facts->duplicates_dropped, 1);
            rd_kafka_message_destroy(message);
        } else {
            move_to(cursor, stream, message->offset);
            stream->fetched = message->offset + 1;
            kafka_stream_raise(stream, stream->fetched);
            cursor->messages[kept++] = message;
        }
    }
    cursor->message_count = kept;
    atomic_fetch_add(&facts->consumed, kept);
    return status;
}

/* Takes what a topic has; none: message_count is 0. */
static enum tide_status take(struct tide_log_cursor *cursor,
                             uint32_t topic,
                             size_t count_max,
                             struct tide_error *error)
{
    struct kafka_stream *stream = &partition_of(cursor)->streams[topic];
    size_t size = count_max < BATCH ? count_max : BATCH;
    cursor->topic = topic;
    ssize_t count = rd_kafka_consume_batch_queue(stream->queue, 0, cursor->messages, size);
    cursor->message_count = count > 0 ? (uint32_t)count : 0;
    return sift(cursor, error);
}

/* At the end of what was fetched: how much more there is, as the last answers said. */
static void refresh_high(struct tide_log_cursor *cursor)
{
    struct kafka_log *log = cursor->log;
    for (uint32_t t = 0; t < log->options.topic_count; t++) {
        int64_t low = 0;
        int64_t high = 0;
        if (rd_kafka_get_watermark_offsets(
                log->consumer, log->topics[t], (int32_t)cursor->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_stream_raise(&partition_of(cursor)->streams[t], high);
        }
    }
}

/* A topic after the other, each in turn; of a note that is full only the one that it ends with,
 * until the next epoch. */
static enum tide_status take_any(struct tide_log_cursor *cursor, struct tide_error *error)
{
    uint32_t topic_count = cursor->log->options.topic_count;
    enum tide_status status = TIDE_OK;
    if (cursor->runs.count >= cursor->log->note_runs_max) {
        return take(cursor, cursor->runs.items[cursor->runs.count - 1].topic, BATCH, error);
    }
    for (uint32_t i = 1; i <= topic_count && status == TIDE_OK; i++) {
        status = take(cursor, (cursor->topic + 1) % topic_count, BATCH, error);
        if (cursor->message_count > 0) {
            break;
        }
    }
    return status;
}

static enum tide_status refill(struct tide_log_cursor *cursor, struct tide_error *error)
{
    struct tide_kafka_run run;
    release_messages(cursor);
    enum tide_status status = recalled_run(cursor, &run) ? take(cursor, run.topic, run.count, error)
                                                         : take_any(cursor, error);
    if (status == TIDE_OK && cursor->message_count == 0) {
        refresh_high(cursor);
        status = TIDE_AGAIN;
    }
    return status;
}

/* ---- a frame of it */

static struct tide_view header_of(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return (struct tide_view){0};
    }
    return (struct tide_view){value, size};
}

static struct tide_kafka_stamp stamp_of(const struct tide_log_cursor *cursor,
                                        const rd_kafka_message_t *message)
{
    struct tide_kafka_stamp stamp;
    struct tide_view header = header_of(message, TIDE_KAFKA_HEADER);
    if (header.size > 0 && tide_kafka_stamp_read(header, &stamp)) {
        return stamp;
    }
    stamp.received = tide_kafka_message_time(message);
    stamp.sent = TIDE_INSTANT_UNKNOWN;
    stamp.source = tide_view_of(cursor->log->topics[cursor->topic]);
    return stamp;
}

static struct tide_log_record record_of(const rd_kafka_message_t *message)
{
    struct tide_log_record record = {.text = {message->payload, message->len},
                                     .reason = TIDE_REASON_ACCEPTED};
    struct tide_view verdict = header_of(message, TIDE_KAFKA_HEADER_VERDICT);
    struct tide_log_record judged = record;
    if (message->payload == NULL) { /* a tombstone: no JSON, and kept as such */
        record.text = (struct tide_view){"", 0};
    }
    return verdict.size > 0 && tide_kafka_verdict_read(verdict, &judged) ? judged : record;
}

/* The message that the newest manifest saw last must still be the same: otherwise the topic was
 * made anew, or a broker that lagged behind was made its leader. */
static enum tide_status prove(struct tide_log_cursor *cursor,
                              uint32_t first,
                              uint32_t count,
                              struct tide_error *error)
{
    struct kafka_stream *stream = &partition_of(cursor)->streams[cursor->topic];
    for (uint32_t i = first; stream->proof_offset >= 0 && i < first + count; i++) {
        if (cursor->messages[i]->offset < stream->proof_offset) {
            continue;
        }
        if (cursor->messages[i]->offset > stream->proof_offset ||
            tide_hash64(cursor->records[i].text, 0) != stream->proof_hash) {
            return tide_error_set(error,
                                  TIDE_FATAL,
                                  "topic %s, partition %u: the message at offset %" PRId64
                                  " is not the one that was counted: the topic has another history "
                                  "than the lake",
                                  cursor->log->topics[cursor->topic],
                                  cursor->partition,
                                  stream->proof_offset);
        }
        stream->proof_offset = -1;
    }
    return TIDE_OK;
}

/* Messages from message_next on, as far as they are of one source. */
static void make_frame(struct tide_log_cursor *cursor, struct tide_log_frame *frame)
{
    uint32_t first = cursor->message_next;
    struct tide_view source = {0};
    uint32_t at = first;
    for (; at < cursor->message_count; at++) {
        struct tide_kafka_stamp stamp = stamp_of(cursor, cursor->messages[at]);
        if (at > first && !tide_view_equal(stamp.source, source)) {
            break;
        }
        source = stamp.source;
        cursor->receiveds[at] = stamp.received;
        cursor->sents[at] = stamp.sent;
        cursor->records[at] = record_of(cursor->messages[at]);
    }
    *frame = (struct tide_log_frame){.partition = cursor->partition,
                                     .first_offset = cursor->offset,
                                     .received = cursor->receiveds[first],
                                     .sent = cursor->sents[first],
                                     .receiveds = cursor->receiveds + first,
                                     .sents = cursor->sents + first,
                                     .source = source,
                                     .records = cursor->records + first,
                                     .record_count = at - first};
    cursor->message_next = at;
}

enum tide_status kafka_read(struct tide_log_cursor *cursor,
                            struct tide_log_frame *frame,
                            struct tide_error *error)
{
    if (cursor->message_next == cursor->message_count) {
        enum tide_status status = refill(cursor, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    uint32_t first = cursor->message_next;
    make_frame(cursor, frame);
    enum tide_status status = prove(cursor, first, frame->record_count, error);
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_log_record *last = &frame->records[frame->record_count - 1];
    struct tide_kafka_place *place = &partition_of(cursor)->streams[cursor->topic].place;
    place->next = cursor->messages[cursor->message_next - 1]->offset + 1;
    place->last_hash = tide_hash64(last->text, 0);
    cursor->offset += frame->record_count;
    /* What is replayed is in the notes already. */
    bool is_replay = recalled_advance(cursor, frame->record_count);
    if (!is_replay && cursor->log->options.topic_count > 1 &&
        !tide_kafka_runs_add(&cursor->runs, cursor->topic, frame->record_count)) {
        return tide_error_set(error, TIDE_FATAL, "no memory for the order of topics");
    }
    return TIDE_OK;
}

void kafka_note(struct tide_log_cursor *cursor, struct tide_bytes *text)
{
    struct kafka_partition *partition = partition_of(cursor);
    struct tide_kafka_place places[TIDE_KAFKA_TOPICS_MAX];
    uint32_t topic_count = cursor->log->options.topic_count;
    for (uint32_t t = 0; t < topic_count; t++) {
        struct kafka_stream *stream = &partition->streams[t];
        bool is_waiting = t == cursor->topic && cursor->message_next < cursor->message_count;
        places[t] = stream->place;
        stream->noted = is_waiting ? stream->place.next : stream->fetched;
    }
    tide_kafka_note_write(cursor->log->topics, places, topic_count, &cursor->runs, text);
    cursor->runs.count = 0;
}

/* ---- open and close */

static enum tide_status start(struct tide_log_cursor *cursor,
                              uint32_t topic,
                              struct tide_error *error)
{
    struct kafka_log *log = cursor->log;
    struct kafka_stream *stream = &partition_of(cursor)->streams[topic];
    int32_t partition = (int32_t)cursor->partition;
    if (rd_kafka_consume_start_queue(
            log->read[topic], partition, stream->place.first, stream->queue) != 0) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "topic %s, partition %u cannot be read: %s",
                              log->topics[topic],
                              cursor->partition,
                              rd_kafka_err2str(rd_kafka_last_error()));
    }
    stream->is_started = true;
    return TIDE_OK;
}

enum tide_status kafka_cursor_open(void *self,
                                   uint32_t partition,
                                   uint64_t offset,
                                   struct tide_log_cursor **out,
                                   struct tide_error *error)
{
    struct kafka_log *log = self;
    tide_assert(partition < log->options.partition_count);
    tide_assert(log->partitions[partition].cursor == NULL);
    if (offset != 0) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "a log of topics is read from its beginning, not from %" PRIu64,
                              offset);
    }
    struct tide_log_cursor *cursor = calloc(1, sizeof(*cursor));
    if (cursor == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a reader");
    }
    cursor->log = log;
    cursor->partition = partition;
    log->partitions[partition].cursor = cursor;
    enum tide_status status = TIDE_OK;
    kafka_partition_rewind(log, partition);
    for (uint32_t t = 0; t < log->options.topic_count && status == TIDE_OK; t++) {
        status = start(cursor, t, error);
    }
    if (status != TIDE_OK) {
        kafka_cursor_close(cursor);
        return status;
    }
    *out = cursor;
    return TIDE_OK;
}

void kafka_cursor_close(struct tide_log_cursor *cursor)
{
    struct kafka_partition *partition = partition_of(cursor);
    release_messages(cursor);
    for (uint32_t t = 0; t < cursor->log->options.topic_count; t++) {
        struct kafka_stream *stream = &partition->streams[t];
        if (stream->is_started) {
            (void)rd_kafka_consume_stop(cursor->log->read[t], (int32_t)cursor->partition);
            stream->is_started = false;
        }
    }
    tide_kafka_runs_release(&cursor->runs);
    partition->cursor = NULL;
    free(cursor);
}
