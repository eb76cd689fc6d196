/* Envelopes beside simdjson. The first byte says whether the rest is a document or a line.
 *
 * Checked: what is an envelope gives exactly its events, in order, each judged as it would be
 * alone, each with the envelope's sent time; what is not JSON gives one rejected record; a key of
 * the envelope's paths that stands twice rejects the whole; and anything else is one event. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "simdjson_reference.h"
#include "support/schema_text.h"
#include "tame.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] = "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
                                  "envelope: {events: es.list, sent_time: sent, id: mid}\n"
                                  "columns: {mid: {path: mid}, who: {path: who},\n"
                                  "  at_: {path: at, type: time_ms, required: true}}\n";

static const struct reference_key events_path[] = {{"es", 2}, {"list", 4}};
static const struct reference_key sent_path[] = {{"sent", 4}};

enum {
    ROWS = 3, /* so that arrays are decoded in pieces */
    SIZE_MAX_INPUT = 1 << 16
};

static struct tide_decoder *decoder; /* made once: a fuzz target is called for ever */
static struct tide_decoder *event_decoder;
static struct tide_batch *batch;
static struct tide_batch *event_batch;

static void setup(void)
{
    static struct schema_text text;
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(text.schema, 1, &decoder, NULL) == TIDE_OK);
    tide_assert(tide_decoder_create(text.schema, 1, &event_decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, ROWS, &batch, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &event_batch, NULL) == TIDE_OK);
}

/* What simdjson says of the document, and what must come of it. */
struct document {
    struct tide_view text;
    char *tamed; /* the same, for simdjson */
    struct reference_value events;
    struct reference_value sent;
    bool is_json;
    bool is_envelope;
    bool is_twice;
};

static void check_alone(struct tide_view event, uint32_t row)
{
    const struct tide_verdict *verdict = &batch->verdicts[row];
    tide_batch_reset(event_batch);
    tide_decoder_begin(event_decoder, event, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(event_decoder, event_batch) == TIDE_OK);
    tide_assert(event_batch->row_count == 1);
    tide_assert(event_batch->verdicts[0].reason == verdict->reason);
    tide_assert(verdict->reason != TIDE_REASON_ACCEPTED ||
                tide_u128_equal(event_batch->uids[0], batch->uids[row]));
    /* Too deep is told with the depth of the whole, or without. */
    tide_assert(verdict->reason == TIDE_REASON_ACCEPTED ||
                verdict->reason == TIDE_REASON_TOO_DEEP ||
                tide_view_equal(event_batch->verdicts[0].detail, verdict->detail));
}

/* The index-th row is the index-th element. */
static void check_element(const struct document *document, uint32_t row, size_t index)
{
    const struct tide_view event = batch->texts[row];
    const size_t at = (size_t)(event.data - document->text.data);
    tide_assert(event.data >= document->text.data && at + event.size <= document->text.size);
    tide_assert(reference_parse(document->tamed, document->text.size));
    struct tide_bytes element = {0};
    struct reference_key written = reference_element(events_path, 2, index);
    tide_bytes_append(&element, written.text, written.size);
    tide_assert(!element.failed && reference_parse(document->tamed + at, event.size));
    written = reference_document();
    tide_assert(
        tide_view_equal(tide_bytes_view(&element), (struct tide_view){written.text, written.size}));
    tide_bytes_release(&element);
    const bool has_time = document->sent.kind == REFERENCE_INT &&
                          document->sent.integer >= -1000000000000000 &&
                          document->sent.integer <= 1000000000000000;
    tide_assert(!has_time || batch->sents[row].us == document->sent.integer * 1000);
    check_alone(event, row);
}

static void check_row(const struct document *document, uint32_t row, size_t index)
{
    const struct tide_verdict *verdict = &batch->verdicts[row];
    if (document->is_envelope && !document->is_twice) {
        check_element(document, row, index);
        return;
    }
    tide_assert(index == 0 && tide_view_equal(batch->texts[row], document->text));
    if (document->is_twice) {
        tide_assert(verdict->reason == TIDE_REASON_DUPLICATE_KEY);
    } else if (document->is_json) {
        check_alone(document->text, row);
    } else {
        tide_assert(verdict->reason == TIDE_REASON_JSON_INVALID ||
                    verdict->reason == TIDE_REASON_UTF8_INVALID);
    }
}

static bool is_too_deep(void)
{
    return batch->row_count == 1 && batch->verdicts[0].reason == TIDE_REASON_TOO_DEEP &&
           tide_decoder_facts(decoder).record_count == 1;
}

static void run(const struct document *document, enum tide_framing framing)
{
    enum tide_status status = TIDE_AGAIN;
    size_t count = 0;
    tide_decoder_begin(decoder, document->text, framing);
    while (status == TIDE_AGAIN) {
        tide_batch_reset(batch);
        status = tide_decoder_next(decoder, batch);
        if (count == 0 && is_too_deep() && tide_view_equal(batch->texts[0], document->text)) {
            return; /* simdjson takes it */
        }
        for (uint32_t row = 0; row < batch->row_count; row++) {
            check_row(document, row, count++);
        }
    }
    tide_assert(status == TIDE_OK);
    const bool is_open = document->is_envelope && !document->is_twice;
    tide_assert(count == (is_open ? document->events.count : 1));
    const struct tide_decoder_facts facts = tide_decoder_facts(decoder);
    tide_assert(framing == TIDE_FRAMING_NDJSON || facts.is_envelope == is_open);
    tide_assert(framing == TIDE_FRAMING_NDJSON ||
                facts.split_failed == (!document->is_json || document->is_twice));
}

static struct document read_document(struct tide_view text, char *tamed)
{
    struct document it = {.text = text, .tamed = tamed};
    memcpy(tamed, text.data, text.size);
    tame_numbers(tamed, text.size);
    it.is_json = reference_parse(tamed, text.size);
    if (!it.is_json && tide_utf8_valid_size(text) == text.size) {
        /* It may be for an unpaired escape alone, which is the events' affair. */
        tame_surrogates(tamed, text.size);
        it.is_json = reference_parse(tamed, text.size);
    }
    if (it.is_json) {
        it.events = reference_find(events_path, 2);
        it.sent = reference_find(sent_path, 1);
        it.is_envelope = it.events.kind == REFERENCE_ARRAY;
        it.is_twice = it.events.is_twice || (it.is_envelope && it.sent.is_twice);
    }
    return it;
}

static bool is_blank(struct tide_view line)
{
    size_t at = 0;
    while (at < line.size && strchr(" \t\r", line.data[at]) != NULL && line.data[at] != '\0') {
        at++;
    }
    return at == line.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (decoder == NULL) {
        setup();
    }
    if (size < 2 || size > SIZE_MAX_INPUT) {
        return 0;
    }
    const enum tide_framing framing =
        data[0] % 2 == 0 ? TIDE_FRAMING_DOCUMENT : TIDE_FRAMING_NDJSON;
    if (framing == TIDE_FRAMING_NDJSON && memchr(data + 1, '\n', size - 1) != NULL) {
        return 0; /* one line, and not a blank one, below */
    }
    char *copy = malloc(size - 1); /* exact: the sanitizer sees the block's end */
    char *tamed = malloc(size - 1);
    tide_assert(copy != NULL && tamed != NULL);
    memcpy(copy, data + 1, size - 1);
    const struct tide_view text = {copy, size - 1};
    if (framing == TIDE_FRAMING_DOCUMENT || !is_blank(text)) {
        const struct document document = read_document(text, tamed);
        run(&document, framing);
    }
    free(tamed);
    free(copy);
    return 0;
}
