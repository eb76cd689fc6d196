#include "collect/intake.h"

#include "base/assert.h"
#include "base/civil.h"
#include "event/uid.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* A verdict that the text alone would not give again; else the log's reader decides by decoding. */
struct prejudged {
    struct tide_verdict verdict;
    struct tide_view kept; /* of the text */
    uint64_t original_size;
    struct tide_u128 original_hash;
};

struct row {
    struct tide_view text;
    struct tide_instant sent;
    struct tide_intake_origin origin;
    const struct prejudged *prejudged; /* usually NULL */
    struct tide_view key;              /* where somebody wants it */
    uint32_t topic;
    uint32_t partition;
};

struct tide_intake_rows {
    struct tide_intake_rows *next;
    uint32_t count;
    struct row *rows;
    char *images; /* of the rows; NULL: nobody wants them */
};

enum tide_status tide_intake_init(struct tide_intake *intake,
                                  const struct tide_intake_options *options,
                                  struct tide_error *error)
{
    *intake = (struct tide_intake){.options = *options,
                                   .image_size = tide_row_image_size(options->schema)};
    tide_arena_init(&intake->arena, TIDE_INTAKE_ARENA_MAX);
    enum tide_status status =
        tide_decoder_create(options->schema, options->seed, &intake->decoder, error);
    if (status == TIDE_OK) {
        tide_decoder_route_only(intake->decoder);
        status = tide_batch_create(options->schema, TIDE_BATCH_ROWS_DEFAULT, &intake->batch, error);
    }
    if (status != TIDE_OK) {
        tide_intake_release(intake);
    }
    return status;
}

void tide_intake_release(struct tide_intake *intake)
{
    tide_decoder_destroy(intake->decoder);
    if (intake->batch != NULL) {
        tide_batch_destroy(intake->batch);
    }
    tide_arena_release(&intake->arena);
    *intake = (struct tide_intake){0};
}

void tide_intake_reset(struct tide_intake *intake)
{
    if (intake->arena.held > TIDE_INTAKE_ARENA_KEPT_MAX) {
        tide_arena_release(&intake->arena);
        tide_arena_init(&intake->arena, TIDE_INTAKE_ARENA_MAX);
    } else {
        tide_arena_reset(&intake->arena);
    }
    tide_batch_reset(intake->batch);
    intake->first_rows = NULL;
    intake->last_rows = NULL;
    intake->event_count = 0;
    intake->batches = NULL;
    intake->batch_count = 0;
    intake->images = NULL;
    intake->has_images = false;
    intake->is_unsplit = false;
    intake->verdict = (struct tide_verdict){0};
    intake->envelope_id = (struct tide_view){0};
}

/* ---- verdicts ---- */

/* Brackets enough for the reader, who sees a line as one event, to call it too deep. */
static bool may_be_too_deep(struct tide_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size && count <= TIDE_RECORD_DEPTH_MAX; i++) {
        count += text.data[i] == '[' || text.data[i] == '{';
    }
    return count > TIDE_RECORD_DEPTH_MAX;
}

static bool is_envelope_pointer(const struct tide_schema *schema, struct tide_view pointer)
{
    return (schema->envelope_events.depth > 0 &&
            tide_view_equal(pointer, schema->envelope_events.pointer)) ||
           (schema->envelope_sent_time.depth > 0 &&
            tide_view_equal(pointer, schema->envelope_sent_time.pointer));
}

/* The reader decodes the text as one event. That gives another verdict than here where the text
 * stood for more: an envelope's own faults, and limits of envelopes, which are wider. */
static bool needs_prejudging(const struct tide_schema *schema,
                             struct tide_verdict verdict,
                             struct tide_view text)
{
    if (verdict.reason == TIDE_REASON_TOO_LARGE) {
        return true;
    }
    if (verdict.reason == TIDE_REASON_DUPLICATE_KEY) {
        return is_envelope_pointer(schema, verdict.pointer);
    }
    return verdict.reason == TIDE_REASON_JSON_INVALID &&
           (text.size > TIDE_RECORD_BYTES_MAX || may_be_too_deep(text));
}

/* As lines.c hashes what it does not keep: pieces of 64 KiB, each with the hash before it. */
static struct tide_u128 hash_pieces(struct tide_view text, char *piece)
{
    struct tide_u128 hash = {0, 0};
    while (text.size > 0) {
        const size_t size =
            text.size < TIDE_REJECTED_BYTES_KEPT ? text.size : TIDE_REJECTED_BYTES_KEPT;
        tide_store_u64(piece, hash.low);
        tide_store_u64(piece + 8, hash.high);
        memcpy(piece + 16, text.data, size);
        hash = tide_hash128((struct tide_view){piece, 16 + size}, 0);
        text = tide_view_slice(text, size, text.size - size);
    }
    return hash;
}

/* NULL: out of memory. */
static const struct prejudged *prejudge(struct tide_intake *intake,
                                        struct tide_verdict verdict,
                                        struct tide_view text)
{
    struct prejudged *made = TIDE_ARENA_NEW(&intake->arena, struct prejudged);
    if (made == NULL) {
        return NULL;
    }
    made->verdict = verdict;
    made->verdict.detail = tide_arena_copy(&intake->arena, verdict.detail);
    made->kept = text;
    if (verdict.reason == TIDE_REASON_TOO_LARGE) {
        char *piece = tide_arena_allocate_text(&intake->arena, TIDE_REJECTED_BYTES_KEPT + 16);
        if (piece == NULL) {
            return NULL;
        }
        made->kept.size =
            text.size < TIDE_REJECTED_BYTES_KEPT ? text.size : TIDE_REJECTED_BYTES_KEPT;
        made->original_size = text.size;
        made->original_hash = hash_pieces(text, piece);
    }
    return made->verdict.detail.data == NULL ? NULL : made;
}

/* As a date where it is one of our years. */
static void write_time(struct tide_instant t, char *text)
{
    const int64_t year_2100_us = INT64_C(4102444800) * TIDE_US_PER_SECOND;
    if (!tide_instant_known(t)) {
        (void)snprintf(text, TIDE_CIVIL_TEXT_MAX, "an unknown time");
    } else if (t.us >= 0 && t.us < year_2100_us) {
        (void)tide_civil_format(t, text);
    } else {
        (void)snprintf(text, TIDE_CIVIL_TEXT_MAX, "%lld us", (long long)t.us);
    }
}

/* The bounds of time, which the decoder does not know. detail has room for the text. */
static struct tide_verdict judge_time(const struct tide_intake *intake,
                                      uint32_t row,
                                      struct tide_instant received,
                                      char *detail,
                                      size_t detail_size)
{
    const struct tide_schema *schema = intake->options.schema;
    const struct tide_batch *batch = intake->batch;
    const struct tide_instant device = {batch->columns[schema->time].numbers[row]};
    struct tide_event_times times;
    struct tide_verdict verdict = {0};
    verdict.reason = tide_batch_event_times(batch, row, intake->options.arrival, received, &times);
    if (verdict.reason == TIDE_REASON_ACCEPTED) {
        return verdict;
    }
    char device_text[TIDE_CIVIL_TEXT_MAX];
    char received_text[TIDE_CIVIL_TEXT_MAX];
    write_time(device, device_text);
    write_time(times.received, received_text);
    const int size = snprintf(
        detail, detail_size, "device time is %s, received at %s", device_text, received_text);
    tide_assert(size > 0 && (size_t)size < detail_size);
    verdict.pointer = TIDE_VIEW(""); /* no single member is wrong: the clocks do not agree */
    verdict.detail = (struct tide_view){detail, (size_t)size};
    return verdict;
}

/* ---- decoding ---- */

static uint32_t topic_of(const struct tide_intake_topics *topics,
                         const struct tide_batch *batch,
                         uint32_t row)
{
    struct tide_value value = {0};
    if (topics->is_by_column) {
        value = tide_batch_value(batch, topics->column, row);
    }
    for (uint32_t i = 0; value.present && i < topics->count; i++) {
        if (tide_view_equal(topics->items[i].value, value.string)) {
            return topics->items[i].topic;
        }
    }
    return 0;
}

/* Of a valid event, for a log that others read too. false: out of memory. */
static bool take_key(struct tide_intake *intake, uint32_t index, struct row *row)
{
    const struct tide_intake_topics *topics = intake->options.topics;
    char text[TIDE_ROUTE_KEY_MAX];
    if (topics == NULL) {
        return true;
    }
    row->topic = topic_of(topics, intake->batch, index);
    /* Copied: the batch is reset before the records are ordered. */
    row->key = tide_arena_copy(&intake->arena, tide_route_key(intake->batch, index, text));
    return row->key.data != NULL;
}

static bool take_row(struct tide_intake *intake,
                     uint32_t index,
                     const struct tide_intake_origin *origin,
                     struct tide_answer *answer,
                     struct row *row)
{
    const struct tide_batch *batch = intake->batch;
    struct tide_verdict verdict = batch->verdicts[index];
    row->text = batch->texts[index];
    row->sent = batch->sents[index];
    row->origin = *origin;
    row->partition = tide_route(batch, index, intake->options.partition_count);
    char detail[160];
    if (verdict.reason == TIDE_REASON_ACCEPTED) {
        if (!take_key(intake, index, row)) {
            return false;
        }
        verdict = judge_time(intake, index, origin->received, detail, sizeof(detail));
    } else if (needs_prejudging(intake->options.schema, verdict, row->text)) {
        row->prejudged = prejudge(intake, verdict, row->text);
        if (row->prejudged == NULL) {
            return false;
        }
    }
    tide_answer_note(answer, verdict);
    return true;
}

/* Of all rows of the batch. Without memory, or where they are too many, no event has one: what is
 * not handed over is decoded again. */
static void take_images(struct tide_intake *intake, struct tide_intake_rows *stretch)
{
    const size_t size = intake->image_size;
    if (!intake->has_images) {
        return;
    }
    if (intake->event_count <= TIDE_INTAKE_IMAGE_BYTES_MAX / size) {
        stretch->images = tide_arena_allocate(&intake->arena, stretch->count * size);
    }
    intake->has_images = stretch->images != NULL;
    for (uint32_t i = 0; intake->has_images && i < stretch->count; i++) {
        tide_row_image_take(intake->batch, i, (void *)(stretch->images + i * size));
    }
}

/* All rows of the batch. RETRY: out of memory. */
static enum tide_status take_batch(struct tide_intake *intake,
                                   const struct tide_intake_origin *origin,
                                   struct tide_answer *answer)
{
    const struct tide_batch *batch = intake->batch;
    if (batch->row_count == 0) {
        return TIDE_OK;
    }
    struct tide_intake_rows *stretch = TIDE_ARENA_NEW(&intake->arena, struct tide_intake_rows);
    struct row *rows = TIDE_ARENA_ARRAY(&intake->arena, struct row, batch->row_count);
    if (stretch == NULL || rows == NULL) {
        return TIDE_RETRY;
    }
    stretch->rows = rows;
    stretch->count = batch->row_count;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        if (!take_row(intake, i, origin, answer, &rows[i])) {
            return TIDE_RETRY;
        }
    }
    if (intake->last_rows == NULL) {
        intake->first_rows = stretch;
    } else {
        intake->last_rows->next = stretch;
    }
    intake->last_rows = stretch;
    intake->event_count += batch->row_count;
    take_images(intake, stretch);
    return intake->event_count <= TIDE_INTAKE_EVENTS_MAX ? TIDE_OK : TIDE_REJECT;
}

/* The one row of a body that could not be split carries its verdict into the log. */
static enum tide_status note_unsplit(struct tide_intake *intake)
{
    tide_assert(intake->last_rows->count == 1 && intake->batch->row_count == 1);
    struct row *row = &intake->last_rows->rows[0];
    if (row->prejudged == NULL) {
        row->prejudged = prejudge(intake, intake->batch->verdicts[0], row->text);
    }
    if (row->prejudged == NULL) {
        return TIDE_RETRY;
    }
    intake->is_unsplit = true;
    intake->verdict = row->prejudged->verdict;
    return TIDE_OK;
}

enum tide_status tide_intake_decode(struct tide_intake *intake,
                                    struct tide_view body,
                                    enum tide_framing framing,
                                    const struct tide_intake_origin *origin,
                                    struct tide_answer *answer)
{
    if (intake->event_count == 0) {
        intake->has_images =
            intake->options.handover != NULL && tide_handover_is_wanted(intake->options.handover);
    }
    tide_decoder_begin(intake->decoder, body, framing);
    enum tide_status status = TIDE_AGAIN;
    enum tide_status taken = TIDE_OK;
    while (status == TIDE_AGAIN && taken == TIDE_OK) {
        tide_batch_reset(intake->batch);
        status = tide_decoder_next(intake->decoder, intake->batch);
        tide_assert(status == TIDE_OK || intake->batch->row_count > 0);
        taken = take_batch(intake, origin, answer);
    }
    const struct tide_decoder_facts facts = tide_decoder_facts(intake->decoder);
    if (taken == TIDE_OK && facts.split_failed) {
        taken = note_unsplit(intake);
    }
    intake->envelope_id = facts.envelope_id;
    return taken;
}

enum tide_status tide_intake_refuse(struct tide_intake *intake,
                                    struct tide_view body,
                                    const struct tide_intake_origin *origin,
                                    struct tide_answer *answer)
{
    struct tide_batch *batch = intake->batch;
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "more than %d events", TIDE_INTAKE_EVENTS_MAX);
    tide_batch_reset(batch);
    batch->row_count = 1;
    batch->texts[0] = body;
    batch->sents[0] = TIDE_INSTANT_UNKNOWN;
    batch->verdicts[0] = (struct tide_verdict){
        .reason = TIDE_REASON_TOO_LARGE, .pointer = TIDE_VIEW(""), .detail = tide_view_of(detail)};
    return take_batch(intake, origin, answer);
}

/* ---- ordering ---- */

static void fill_record(const struct row *row, struct tide_log_record *record)
{
    *record = (struct tide_log_record){
        .text = row->text, .reason = TIDE_REASON_ACCEPTED, .key = row->key, .topic = row->topic};
    if (row->prejudged != NULL) {
        record->text = row->prejudged->kept;
        record->reason = row->prejudged->verdict.reason;
        record->pointer = row->prejudged->verdict.pointer;
        record->detail = row->prejudged->verdict.detail;
        record->original_size = row->prejudged->original_size;
        record->original_hash = row->prejudged->original_hash;
    }
}

/* Where each partition's records start; one more entry at the end. */
static uint32_t *count_partitions(struct tide_intake *intake)
{
    const uint32_t partitions = intake->options.partition_count;
    uint32_t *starts = TIDE_ARENA_ARRAY(&intake->arena, uint32_t, (size_t)partitions + 1);
    if (starts == NULL) {
        return NULL;
    }
    for (const struct tide_intake_rows *it = intake->first_rows; it != NULL; it = it->next) {
        for (uint32_t i = 0; i < it->count; i++) {
            tide_assert(it->rows[i].partition < partitions);
            starts[it->rows[i].partition + 1]++;
        }
    }
    for (uint32_t i = 0; i < partitions; i++) {
        starts[i + 1] += starts[i];
    }
    tide_assert(starts[partitions] == intake->event_count);
    return starts;
}

/* An ordered record and what its frame must say. */
struct placed {
    struct tide_instant sent;
    struct tide_intake_origin origin;
    uint32_t partition;
};

static bool is_batch_start(const struct placed *placed, uint32_t at)
{
    return at == 0 || placed[at].partition != placed[at - 1].partition ||
           placed[at].sent.us != placed[at - 1].sent.us ||
           placed[at].origin.received.us != placed[at - 1].origin.received.us ||
           !tide_view_equal(placed[at].origin.source, placed[at - 1].origin.source);
}

static bool fill_batches(struct tide_intake *intake,
                         const struct placed *placed,
                         const struct tide_log_record *records)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < intake->event_count; i++) {
        count += is_batch_start(placed, i);
    }
    intake->batches = TIDE_ARENA_ARRAY(&intake->arena, struct tide_log_batch, count);
    if (intake->batches == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < intake->event_count; i++) {
        if (is_batch_start(placed, i)) {
            struct tide_log_batch *batch = &intake->batches[intake->batch_count++];
            *batch = (struct tide_log_batch){.partition = placed[i].partition,
                                             .received = placed[i].origin.received,
                                             .sent = placed[i].sent,
                                             .source = placed[i].origin.source,
                                             .records = &records[i]};
        }
        intake->batches[intake->batch_count - 1].record_count++;
    }
    tide_assert(intake->batch_count == count);
    return true;
}

enum tide_status tide_intake_order(struct tide_intake *intake)
{
    if (intake->event_count == 0) {
        return TIDE_OK;
    }
    uint32_t *next = count_partitions(intake);
    struct tide_log_record *records =
        TIDE_ARENA_ARRAY(&intake->arena, struct tide_log_record, intake->event_count);
    struct placed *placed = TIDE_ARENA_ARRAY(&intake->arena, struct placed, intake->event_count);
    if (intake->has_images) {
        intake->images =
            TIDE_ARENA_ARRAY(&intake->arena, const struct tide_row_image *, intake->event_count);
    }
    if (next == NULL || records == NULL || placed == NULL) {
        return TIDE_RETRY;
    }
    for (const struct tide_intake_rows *it = intake->first_rows; it != NULL; it = it->next) {
        for (uint32_t i = 0; i < it->count; i++) {
            const struct row *row = &it->rows[i];
            const uint32_t at = next[row->partition]++;
            fill_record(row, &records[at]);
            placed[at] = (struct placed){row->sent, row->origin, row->partition};
            if (intake->images != NULL) {
                intake->images[at] = (const void *)(it->images + i * intake->image_size);
            }
        }
    }
    return fill_batches(intake, placed, records) ? TIDE_OK : TIDE_RETRY;
}

const char *tide_intake_copy_images(const struct tide_intake *intake, struct tide_arena *arena)
{
    const size_t size = intake->image_size;
    char *copies = NULL;
    if (intake->images != NULL) {
        copies = tide_arena_allocate(arena, intake->event_count * size);
    }
    for (uint32_t i = 0; copies != NULL && i < intake->event_count; i++) {
        memcpy(copies + i * size, intake->images[i], size);
    }
    return copies;
}
