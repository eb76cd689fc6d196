#include "process/worker.h"

#include "base/assert.h"

#include <stdatomic.h>

enum tide_status tide_feed_open(struct tide_feed *feed, struct tide_error *error)
{
    tide_assert(feed->handover == NULL || tide_handover_image_size(feed->handover) ==
                                              tide_row_image_size(feed->batch->schema));
    return feed->log.operations->cursor_open(feed->log.self,
                                             tide_partition_index(feed->partition),
                                             tide_partition_next_offset(feed->partition),
                                             &feed->cursor,
                                             error);
}

void tide_feed_close(struct tide_feed *feed)
{
    if (feed->cursor != NULL) {
        feed->log.operations->cursor_close(feed->cursor);
        feed->cursor = NULL;
    }
}

/* A record that was judged when it came: its text alone would not say the same again. */
static void append_judged(struct tide_batch *batch, const struct tide_log_record *record)
{
    tide_assert(batch->row_count < batch->row_capacity);
    uint32_t row = batch->row_count++;
    batch->texts[row] = record->text;
    batch->payloads[row] = (struct tide_view){0};
    batch->verdicts[row] = (struct tide_verdict){record->reason, record->pointer, record->detail};
}

/* Images of records [first, end) of a frame. */
struct images {
    const char *bytes;
    uint32_t first;
    uint32_t end; /* first: there are none */
};

/* Of a record, in ascending order; NULL: there is none, it must be decoded. */
static const struct tide_row_image *image_of(struct tide_feed *feed,
                                             const struct tide_log_frame *frame,
                                             uint32_t index,
                                             struct images *images)
{
    if (feed->handover != NULL && index >= images->end) {
        uint32_t count = frame->record_count - index;
        images->bytes = tide_handover_take(
            feed->handover, frame->partition, frame->first_offset + index, &count);
        images->first = index;
        images->end = images->bytes == NULL ? index : index + count;
    }
    if (index >= images->end) {
        return NULL;
    }
    const size_t size = tide_row_image_size(feed->batch->schema);
    return (const void *)(images->bytes + (index - images->first) * size);
}

/* Since the batch was reset. */
struct made {
    uint32_t restored;
    uint32_t decoded;
};

/* One record, one row. false: the batch's text memory is spent: it must be applied first. */
static bool append_record(struct tide_feed *feed,
                          const struct tide_log_record *record,
                          const struct tide_row_image *image,
                          struct made *made)
{
    struct tide_batch *batch = feed->batch;
    const uint32_t row = batch->row_count;
    if (record->reason != TIDE_REASON_ACCEPTED) {
        append_judged(batch, record);
    } else if (image != NULL && tide_decoder_restore(feed->decoder, record->text, image, batch)) {
        made->restored++;
    } else {
        tide_decoder_begin(feed->decoder, record->text, TIDE_FRAMING_EVENT);
        enum tide_status status = tide_decoder_next(feed->decoder, batch);
        if (status == TIDE_AGAIN && batch->row_count == row) {
            tide_assert(row > 0);
            return false;
        }
        made->decoded++;
    }
    tide_assert(batch->row_count == row + 1);
    return true;
}

static void count(struct tide_feed_counts *counts, struct made made)
{
    if (counts != NULL) {
        atomic_fetch_add_explicit(&counts->restored, made.restored, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts->decoded, made.decoded, memory_order_relaxed);
    }
}

/* Makes rows of records [first, ...) of a frame until the batch is full; returns how many. */
static uint32_t append_records(struct tide_feed *feed,
                               const struct tide_log_frame *frame,
                               uint32_t first,
                               struct images *images)
{
    struct tide_batch *batch = feed->batch;
    struct made made = {0};
    uint32_t next = first;
    while (next < frame->record_count && batch->row_count < batch->row_capacity) {
        const uint32_t row = batch->row_count;
        const struct tide_row_image *image = image_of(feed, frame, next, images);
        if (!append_record(feed, &frame->records[next], image, &made)) {
            break;
        }
        batch->sents[row] = frame->sents != NULL ? frame->sents[next] : frame->sent;
        next++;
    }
    count(feed->counts, made);
    return next - first;
}

static enum tide_status apply_frame(struct tide_feed *feed,
                                    const struct tide_log_frame *frame,
                                    struct tide_error *error)
{
    uint32_t rows[TIDE_BATCH_ROWS_DEFAULT];
    tide_assert(feed->batch->row_capacity <= TIDE_BATCH_ROWS_DEFAULT);
    uint32_t done = 0;
    struct images images = {0};
    while (done < frame->record_count) {
        tide_batch_reset(feed->batch);
        uint32_t count = append_records(feed, frame, done, &images);
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = i;
        }
        struct tide_partition_input input = {
            .batch = feed->batch,
            .rows = rows,
            .row_count = count,
            .first_offset = frame->first_offset + done,
            .received = frame->received,
            .receiveds = frame->receiveds == NULL ? NULL : frame->receiveds + done,
            .source = frame->source};
        enum tide_status status = tide_partition_apply(feed->partition, &input, error);
        if (status != TIDE_OK) {
            return status;
        }
        done += count;
    }
    return TIDE_OK;
}

enum tide_status tide_feed_step(struct tide_feed *feed,
                                uint32_t row_count_max,
                                uint32_t *row_count,
                                struct tide_error *error)
{
    *row_count = 0;
    while (*row_count < row_count_max) {
        struct tide_log_frame frame;
        enum tide_status status = feed->log.operations->read(feed->cursor, &frame, error);
        if (status != TIDE_OK) {
            return status;
        }
        tide_assert(frame.first_offset == tide_partition_next_offset(feed->partition));
        status = apply_frame(feed, &frame, error);
        if (status != TIDE_OK) {
            return status;
        }
        if (feed->delays != NULL && tide_instant_known(frame.received)) {
            const int64_t now_us = tide_clock_now(feed->clock).us;
            tide_histogram_add(feed->delays,
                               (struct tide_duration){now_us - frame.received.us},
                               frame.record_count);
        }
        *row_count += frame.record_count;
    }
    return TIDE_OK;
}
