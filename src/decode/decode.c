/* Framing: from a block to records, and from a record that is an envelope to its events.
 *
 * An envelope's events become rows while it is scanned, so there is one pass. They are provisional
 * until the document has proved to be valid JSON; if it does not, the batch's row count goes back
 * to where it was and one rejected row takes their place. If the batch fills up on the way, the
 * rest of the array is only validated, and decoded by the calls that follow:
 *
 *     scanning --(batch full)--> validating --(document valid)--> rest pending
 *        |                           |                               |  next(): decode until full
 *        +------- not JSON ----------+--> rows taken back            +--> pending or done
 *
 * While a rest is pending it is known to be valid, so nothing can take its rows back. */
#include "decode/decode.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "decode/diagnose.h"
#include "decode/extract.h"
#include "decode/walk_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Events of an array that are valid, but did not fit into the batch. */
struct rest {
    const char *at; /* the first of them; NULL: none */
    uint32_t depth; /* of the array */
    struct tide_instant sent;
};

enum {
    /* Bytes at a time: they and their tokens are in the first cache when they are walked. */
    LINES_INDEXED = 16 << 10,
    LINES_GROWTH = 8, /* times as much, and again, where whole lines are less than half of it */
    INDEXED_MIN = 2 * TIDE_INDEX_BLOCK_SIZE, /* of one document: less does not pay */
};

struct tide_decoder {
    const struct tide_schema *schema;
    struct tide_arena arena;   /* plans, and the compiled JSON Schemas */
    struct tide_plan document; /* columns, payload and envelope: lines and documents */
    struct tide_plan event;    /* columns and payload: elements, and records of the log */
    struct tide_extractor extractor;
    struct tide_scan scan;
    const struct tide_index_kernel *kernel; /* NULL: texts are walked by bytes */
    struct tide_index index;
    const uint32_t *token; /* of the index, the next record's first; NULL: it is not indexed */
    uint32_t token_count;  /* of that record; 0: not known */
    uint32_t line;         /* of the index, the next one */
    const struct tide_shape *shape; /* of the record that was read last; NULL: it was walked */
    const uint32_t *tokens;         /* its first */
    struct tide_view block;
    size_t at; /* in the block */
    enum tide_framing framing;
    bool is_done;
    struct rest rest;
    uint64_t element_count;   /* of the array that was split last */
    struct tide_batch *batch; /* during next */
    struct tide_decoder_facts facts;
    struct tide_arena id_arena; /* the envelope's id */
};

/* ---- elements of an array ---- */

static bool has_room(const struct tide_batch *batch)
{
    return batch->row_count < batch->row_capacity && batch->arena.used <= TIDE_BATCH_ARENA_FULL;
}

/* Depth counts from the element on; but the document's own limit holds as well, and there is no
 * room for more open brackets than that. */
static void limit_elements(struct tide_scan *scan)
{
    uint32_t limit = scan->depth + TIDE_RECORD_DEPTH_MAX;
    scan->depth_event = limit < scan->depth_max ? limit : scan->depth_max;
}

static inline bool stands_at_token(const struct tide_scan *scan, const char *at)
{
    return scan->token != NULL && at == scan->index->text + *scan->token;
}

/* By its shape or by the index, where there is one; by bytes where there is none, or it does not
 * like what it sees. */
static const char *walk_event(struct tide_decoder *decoder, struct tide_plan *plan, const char *at)
{
    struct tide_walk *walk = &plan->walk;
    struct tide_scan *scan = &decoder->scan;
    const uint32_t depth = scan->depth;
    const uint32_t row_count = decoder->batch->row_count;
    scan->too_deep = false;
    scan->broken_surrogate = false;
    decoder->shape = NULL;
    if (stands_at_token(scan, at) && *at == '{') {
        struct tide_shape_key key;
        const uint32_t token_count = scan->token == decoder->token ? decoder->token_count : 0;
        decoder->tokens = scan->token;
        decoder->shape = tide_shapes_match(&plan->shapes, scan, token_count, &key);
        if (decoder->shape != NULL) {
            tide_walk_start(walk);
            return scan->index->text + scan->token[-1] + 1;
        }
        const char *end = tide_walk_index_event(walk, scan, at);
        if (end != NULL) {
            tide_shapes_learn(&plan->shapes, walk, scan, key);
            return end;
        }
        scan->depth = depth;
        scan->too_deep = false;
        scan->broken_surrogate = false;
        decoder->batch->row_count = row_count; /* of an envelope: its rows come again */
    }
    scan->token = NULL;
    return tide_walk_event(walk, scan, at);
}

/* A row of what was walked last; first: the byte that its value begins with. */
static void extract(struct tide_decoder *decoder,
                    const struct tide_plan *plan,
                    struct tide_view text,
                    char first)
{
    const struct tide_found found = {
        .text = text,
        .is_object = first == '{',
        .too_deep = decoder->scan.too_deep,
        .broken_surrogate = decoder->scan.broken_surrogate,
        .shape = decoder->shape,
        .tokens = decoder->tokens,
        .index_text = decoder->index.text,
    };
    tide_extract_event(&decoder->extractor, plan, &found, decoder->batch);
}

static const char *decode_element(struct tide_decoder *decoder, const char *at)
{
    const char *end = walk_event(decoder, &decoder->event, at);
    if (end == NULL) {
        return NULL;
    }
    extract(decoder, &decoder->event, (struct tide_view){at, (size_t)(end - at)}, *at);
    return end;
}

/* at: the ']' of the array of events. */
static const char *end_elements(struct tide_scan *scan, const char *at)
{
    scan->token = stands_at_token(scan, at) ? scan->token + 1 : NULL;
    scan->depth--;
    return at + 1;
}

/* at: behind an element. The next element, or with *is_last the place behind the array. */
static const char *after_element(struct tide_scan *scan, const char *at, bool *is_last)
{
    at = tide_scan_space(scan, at);
    char next = tide_scan_peek(scan, at);
    *is_last = next == ']';
    if (*is_last) {
        return end_elements(scan, at);
    }
    return next == ',' ? tide_scan_space(scan, at + 1) : tide_scan_fault(scan, at);
}

/* The walk's and the ARRAY framing's way into an array of events; at: its '['. */
static const char *decode_elements(void *context, const char *at)
{
    struct tide_decoder *decoder = context;
    struct tide_scan *scan = &decoder->scan;
    if (!tide_scan_enter(scan, at)) {
        return NULL;
    }
    uint32_t depth_event = scan->depth_event;
    limit_elements(scan);
    decoder->rest = (struct rest){.depth = scan->depth, .sent = TIDE_INSTANT_UNKNOWN};
    decoder->element_count = 0;
    scan->token = stands_at_token(scan, at) ? scan->token + 1 : NULL;
    at = tide_scan_space(scan, at + 1);
    bool is_last = tide_scan_peek(scan, at) == ']';
    if (is_last) {
        at = end_elements(scan, at);
    }
    while (!is_last && at != NULL) {
        if (decoder->rest.at == NULL && !has_room(decoder->batch)) {
            decoder->rest.at = at;
            scan->token = NULL; /* the rest is walked by bytes, now and when its turn comes */
        }
        at = decoder->rest.at == NULL ? decode_element(decoder, at) : tide_scan_value(scan, at);
        decoder->element_count++;
        at = at == NULL ? NULL : after_element(scan, at, &is_last);
    }
    scan->depth_event = depth_event;
    return at;
}

static void scan_begin(struct tide_decoder *decoder, struct tide_view text, uint32_t depth_max)
{
    struct tide_scan *scan = &decoder->scan;
    scan->end = text.data + text.size;
    scan->readable = decoder->block.data + decoder->block.size;
    scan->fault = NULL;
    scan->depth = 0;
    scan->depth_max = depth_max;
    scan->depth_event = TIDE_RECORD_DEPTH_MAX;
    scan->too_deep = false;
    scan->broken_surrogate = false;
    scan->space_count = 0;
    scan->index = &decoder->index;
    scan->token = NULL;
}

/* What is left of an array, until the batch is full. */
static void decode_rest(struct tide_decoder *decoder)
{
    struct tide_scan *scan = &decoder->scan;
    struct rest *rest = &decoder->rest;
    scan_begin(decoder, decoder->block, TIDE_SCAN_DEPTH_MAX);
    scan->depth = rest->depth;
    limit_elements(scan);
    bool is_last = false;
    while (!is_last && has_room(decoder->batch)) {
        const char *at = decode_element(decoder, rest->at);
        tide_assert(at != NULL); /* it was valid the first time */
        decoder->batch->sents[decoder->batch->row_count - 1] = rest->sent;
        rest->at = after_element(scan, at, &is_last);
        tide_assert(rest->at != NULL);
    }
    if (is_last) {
        rest->at = NULL;
    }
}

/* ---- whole documents ---- */

/* Spaces, one value, spaces. plan NULL: the value is an array of events. */
static const char *scan_whole(struct tide_decoder *decoder,
                              struct tide_plan *plan,
                              struct tide_view text)
{
    struct tide_scan *scan = &decoder->scan;
    const char *at = tide_scan_space(scan, text.data);
    scan->token = decoder->token;
    at = plan == NULL ? decode_elements(decoder, at) : walk_event(decoder, plan, at);
    if (at == NULL) {
        return NULL;
    }
    at = tide_scan_space(scan, at);
    return at == scan->end ? at : tide_scan_fault(scan, at);
}

/* One rejected row instead of what the document had given so far. */
static void reject_whole(struct tide_decoder *decoder,
                         struct tide_view text,
                         uint32_t first_row,
                         struct tide_verdict verdict)
{
    decoder->batch->row_count = first_row;
    decoder->rest.at = NULL;
    decoder->facts.split_failed = decoder->framing != TIDE_FRAMING_NDJSON;
    tide_extract_rejected(decoder->batch, text, verdict);
}

static void reject_duplicate(struct tide_decoder *decoder,
                             struct tide_view text,
                             uint32_t first_row,
                             const struct tide_path *path)
{
    struct tide_verdict verdict = {
        .reason = TIDE_REASON_DUPLICATE_KEY,
        .pointer = path->pointer,
        .detail = TIDE_VIEW("a key of this path stands twice in its object"),
    };
    reject_whole(decoder, text, first_row, verdict);
}

static struct tide_instant sent_time(const struct tide_plan *plan)
{
    const struct tide_capture *capture =
        plan->sent_time_node == 0 ? NULL : tide_walk_capture(&plan->walk, plan->sent_time_node);
    struct tide_instant sent = TIDE_INSTANT_UNKNOWN;
    if (capture != NULL && capture->kind == TIDE_JSON_NUMBER) {
        struct tide_view text = {capture->start, (size_t)(capture->end - capture->start)};
        int64_t us;
        sent = tide_decimal_parse_time_ms(text, &us) ? (struct tide_instant){us} : sent;
    }
    return sent;
}

static struct tide_view envelope_id(struct tide_decoder *decoder)
{
    const struct tide_plan *plan = &decoder->document;
    struct tide_capture *capture =
        plan->envelope_id_node == 0 ? NULL : tide_walk_capture(&plan->walk, plan->envelope_id_node);
    if (capture == NULL || capture->kind != TIDE_JSON_STRING) {
        return TIDE_VIEW("");
    }
    return tide_capture_text(capture, &decoder->id_arena);
}

/* The document is valid JSON: is it an envelope? Then its rows are final, or it is rejected for a
 * key that stands twice, and true is returned. */
static bool finish_envelope(struct tide_decoder *decoder, struct tide_view text, uint32_t first_row)
{
    const struct tide_plan *plan = &decoder->document;
    if (tide_walk_is_twice(&plan->walk, plan->events_node)) {
        reject_duplicate(decoder, text, first_row, &decoder->schema->envelope_events);
        return true;
    }
    const struct tide_capture *events = tide_walk_capture(&plan->walk, plan->events_node);
    if (events == NULL || events->kind != TIDE_JSON_ARRAY) {
        tide_assert(decoder->batch->row_count == first_row);
        return false;
    }
    if (plan->sent_time_node != 0 && tide_walk_is_twice(&plan->walk, plan->sent_time_node)) {
        reject_duplicate(decoder, text, first_row, &decoder->schema->envelope_sent_time);
        return true;
    }
    struct tide_batch *batch = decoder->batch;
    decoder->rest.sent = sent_time(plan);
    for (uint32_t row = first_row; row < batch->row_count; row++) {
        batch->sents[row] = decoder->rest.sent;
    }
    if (decoder->framing != TIDE_FRAMING_NDJSON) {
        decoder->facts.is_envelope = true;
        decoder->facts.envelope_id = envelope_id(decoder);
    }
    return true;
}

/* A line, a document, or one event (plan says which). */
static void decode_document(struct tide_decoder *decoder,
                            struct tide_view text,
                            struct tide_plan *plan)
{
    const bool may_be_envelope = plan->events_node != 0;
    const struct tide_diagnose_limits limits = {
        .size_max = may_be_envelope ? TIDE_ENVELOPE_BYTES_MAX : TIDE_RECORD_BYTES_MAX,
        .depth_max = may_be_envelope ? TIDE_SCAN_DEPTH_MAX : TIDE_RECORD_DEPTH_MAX,
    };
    struct tide_batch *batch = decoder->batch;
    const uint32_t first_row = batch->row_count;
    decoder->facts.record_count++;
    decoder->rest.at = NULL;
    scan_begin(decoder, text, (uint32_t)limits.depth_max);
    if (text.size > limits.size_max || scan_whole(decoder, plan, text) == NULL) {
        reject_whole(decoder,
                     text,
                     first_row,
                     tide_diagnose(text, limits, decoder->scan.fault, &batch->arena));
        return;
    }
    if (may_be_envelope && finish_envelope(decoder, text, first_row)) {
        return;
    }
    extract(decoder, plan, text, *tide_scan_space(&decoder->scan, text.data));
}

/* The whole block is one array of events; its limits are those of an envelope. */
static void decode_array(struct tide_decoder *decoder, struct tide_view text)
{
    const struct tide_diagnose_limits limits = {.size_max = TIDE_ENVELOPE_BYTES_MAX,
                                                .depth_max = TIDE_SCAN_DEPTH_MAX};
    const uint32_t first_row = decoder->batch->row_count;
    scan_begin(decoder, text, TIDE_SCAN_DEPTH_MAX);
    if (text.size > limits.size_max || scan_whole(decoder, NULL, text) == NULL) {
        decoder->facts.record_count++;
        reject_whole(decoder,
                     text,
                     first_row,
                     tide_diagnose(text, limits, decoder->scan.fault, &decoder->batch->arena));
        return;
    }
    decoder->facts.record_count += decoder->element_count;
}

/* ---- framing ---- */

static bool is_blank(struct tide_view line)
{
    size_t at = 0;
    while (at < line.size &&
           (line.data[at] == ' ' || line.data[at] == '\t' || line.data[at] == '\r')) {
        at++;
    }
    return at == line.size;
}

/* Where the last whole line ends that is indexed. */
static size_t lines_end(const struct tide_index *index)
{
    return index->line_count == 0 ? 0 : index->tokens[index->lines[index->line_count - 1]];
}

/* Indexes what comes next; the lines that are whole there are next_line's. What is behind them will
 * be indexed again. */
static void index_lines(struct tide_decoder *decoder)
{
    const char *text = decoder->block.data + decoder->at;
    const size_t left = decoder->block.size - decoder->at;
    struct tide_index *index = &decoder->index;
    size_t size = left < LINES_INDEXED ? left : LINES_INDEXED;
    bool is_whole = decoder->kernel->run(index, text, size, true) == size;
    while (is_whole && lines_end(index) < size / 2 && size < left && size < TIDE_INDEX_BYTES_MAX) {
        const size_t larger =
            size * LINES_GROWTH < TIDE_INDEX_BYTES_MAX ? size * LINES_GROWTH : TIDE_INDEX_BYTES_MAX;
        size = left < larger ? left : larger;
        is_whole = decoder->kernel->run(index, text, size, true) == size;
    }
    decoder->line = 0;
    decoder->token = index->line_count > 0 ? index->tokens : NULL;
}

/* The token that ends the next line. */
static inline const uint32_t *line_feed(const struct tide_decoder *decoder)
{
    return decoder->index.tokens + decoder->index.lines[decoder->line];
}

/* The line at decoder->at, without its line feed; decoder->token is its first if it is indexed: a
 * line without one, broken inside a string, or too long is not. */
static struct tide_view next_line(struct tide_decoder *decoder)
{
    const char *start = decoder->block.data + decoder->at;
    if (decoder->token == NULL && decoder->kernel != NULL) {
        index_lines(decoder);
    }
    if (decoder->token != NULL) {
        decoder->token_count = (uint32_t)(line_feed(decoder) - decoder->token);
        const char *end = decoder->index.text + *line_feed(decoder);
        return (struct tide_view){start, (size_t)(end - start)};
    }
    size_t left = decoder->block.size - decoder->at;
    const char *newline = memchr(start, '\n', left);
    return (struct tide_view){start, newline != NULL ? (size_t)(newline - start) : left};
}

static void end_line(struct tide_decoder *decoder, struct tide_view line)
{
    decoder->at += line.size;
    decoder->at += decoder->at < decoder->block.size;
    if (decoder->token == NULL) {
        return;
    }
    const uint32_t *end = line_feed(decoder);
    decoder->line++;
    decoder->token = decoder->line < decoder->index.line_count ? end + 1 : NULL;
}

static enum tide_status next_lines(struct tide_decoder *decoder)
{
    while (decoder->at < decoder->block.size) {
        const struct tide_view line = next_line(decoder);
        if (!is_blank(line)) {
            if (!has_room(decoder->batch)) {
                return TIDE_AGAIN;
            }
            decode_document(decoder, line, &decoder->document);
        }
        end_line(decoder, line);
        if (decoder->rest.at != NULL) {
            return TIDE_AGAIN;
        }
    }
    return TIDE_OK;
}

/* The whole block is one text. Two more tokens that end it: walk_index.h. */
static void index_block(struct tide_decoder *decoder)
{
    const struct tide_view block = decoder->block;
    struct tide_index *index = &decoder->index;
    decoder->token = NULL;
    if (decoder->kernel == NULL || block.size < INDEXED_MIN || block.size > TIDE_INDEX_BYTES_MAX) {
        return;
    }
    decoder->kernel->run(index, block.data, block.size, false);
    if (index->count == 0 || index->ends_in_string) {
        return;
    }
    const uint32_t last = index->tokens[index->count - 1];
    if (block.data[last] == '}' || block.data[last] == ']') {
        index->tokens[index->count] = last;
        index->tokens[index->count + 1] = last;
        decoder->token = index->tokens;
        decoder->token_count = index->count;
    }
}

static enum tide_status next_whole(struct tide_decoder *decoder)
{
    if (decoder->is_done) {
        return TIDE_OK;
    }
    if (!has_room(decoder->batch)) {
        return TIDE_AGAIN;
    }
    const struct tide_view block = decoder->block;
    index_block(decoder);
    scan_begin(decoder, block, TIDE_SCAN_DEPTH_MAX);
    const char *first = tide_scan_space(&decoder->scan, block.data);
    if (decoder->framing == TIDE_FRAMING_ARRAY && tide_scan_peek(&decoder->scan, first) == '[') {
        decode_array(decoder, block);
    } else if (decoder->framing == TIDE_FRAMING_EVENT) {
        decode_document(decoder, block, &decoder->event);
    } else {
        decode_document(decoder, block, &decoder->document);
    }
    decoder->is_done = true;
    return decoder->rest.at != NULL ? TIDE_AGAIN : TIDE_OK;
}

/* ---- the public face ---- */

/* Where the schema wants it. Each decoder compiles for itself: it takes a millisecond. */
static enum tide_status create_checker(struct tide_decoder *decoder, struct tide_error *error)
{
    const struct tide_validation *validation = &decoder->schema->validation;
    const struct tide_json_schema *compiled = NULL;
    if (validation->by.size == 0) {
        return TIDE_OK;
    }
    enum tide_status status =
        tide_json_schema_compile(&decoder->arena, &validation->files, &compiled, error);
    return status != TIDE_OK
               ? status
               : tide_json_checker_create(compiled, &decoder->extractor.checker, error);
}

enum tide_status tide_decoder_create(const struct tide_schema *schema,
                                     uint64_t seed,
                                     struct tide_decoder **decoder,
                                     struct tide_error *error)
{
    struct tide_decoder *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for a decoder");
    }
    made->schema = schema;
    made->extractor = (struct tide_extractor){.schema = schema};
    tide_hash_key_init(&made->extractor.key, seed);
    made->rest.sent = TIDE_INSTANT_UNKNOWN;
    made->is_done = true;
    if (tide_plan_init(&made->document, schema, true, &made->arena) != TIDE_OK ||
        tide_plan_init(&made->event, schema, false, &made->arena) != TIDE_OK) {
        tide_decoder_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for a decoder");
    }
    enum tide_status status = tide_deriver_init(&made->extractor.deriver, schema);
    if (status == TIDE_OK) {
        status = create_checker(made, error);
    }
    if (status == TIDE_OK) {
        status = tide_index_choose(&made->kernel, error);
    }
    if (status == TIDE_OK && made->kernel != NULL) {
        status = tide_index_init(&made->index, error);
    }
    if (status != TIDE_OK) {
        tide_decoder_destroy(made);
        return status;
    }
    made->document.walk.elements = decode_elements;
    made->document.walk.context = made;
    *decoder = made;
    return TIDE_OK;
}

void tide_decoder_destroy(struct tide_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    tide_json_checker_destroy(decoder->extractor.checker);
    tide_deriver_release(&decoder->extractor.deriver);
    tide_bytes_release(&decoder->extractor.compact);
    tide_bytes_release(&decoder->extractor.canonical);
    tide_arena_release(&decoder->arena);
    tide_arena_release(&decoder->id_arena);
    tide_index_release(&decoder->index);
    tide_shapes_release(&decoder->document.shapes);
    tide_shapes_release(&decoder->event.shapes);
    free(decoder);
}

void tide_decoder_route_only(struct tide_decoder *decoder)
{
    decoder->extractor.is_for_routing = true;
}

void tide_decoder_begin(struct tide_decoder *decoder,
                        struct tide_view block,
                        enum tide_framing framing)
{
    decoder->block = block.data != NULL ? block : TIDE_VIEW("");
    decoder->at = 0;
    decoder->framing = framing;
    decoder->is_done = false;
    decoder->rest.at = NULL;
    decoder->token = NULL;
    decoder->facts = (struct tide_decoder_facts){0};
    tide_arena_reset(&decoder->id_arena);
}

enum tide_status tide_decoder_next(struct tide_decoder *decoder, struct tide_batch *batch)
{
    tide_assert(batch->schema == decoder->schema);
    decoder->batch = batch;
    if (decoder->rest.at != NULL) {
        decode_rest(decoder);
        if (decoder->rest.at != NULL) {
            return TIDE_AGAIN;
        }
    }
    switch (decoder->framing) {
    case TIDE_FRAMING_NDJSON:
        return next_lines(decoder);
    case TIDE_FRAMING_ARRAY:
    case TIDE_FRAMING_DOCUMENT:
    case TIDE_FRAMING_EVENT:
        return next_whole(decoder);
    }
    tide_assert(false);
    return TIDE_OK;
}

bool tide_decoder_restore(struct tide_decoder *decoder,
                          struct tide_view text,
                          const struct tide_row_image *image,
                          struct tide_batch *batch)
{
    tide_assert(batch->schema == decoder->schema);
    if (image->text_size == 0 || !has_room(batch)) {
        return false;
    }
    tide_extract_restored(&decoder->extractor, text, image, batch);
    return true;
}

struct tide_decoder_facts tide_decoder_facts(const struct tide_decoder *decoder)
{
    return decoder->facts;
}
