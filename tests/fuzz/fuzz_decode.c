/* The decoder on any bytes. The first byte chooses framing and batch size, the rest is the block.
 *
 * Checked: rows lie inside the block, in order, and do not depend on the batch's size; an accepted
 * event is accepted again on its own, with the same identity; what is accepted is JSON to our other
 * reader too (which, unlike the decoder, refuses any key that stands twice). */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/json.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "envelope: {events: es.list, sent_time: sent, id: mid}\n"
    "columns: {mid: {path: mid}, who: {path: who.id}, iso: {path: iso, type: time_iso},\n"
    "  n: {path: p.n, type: int}, x: {path: p.x, type: decimal}, b: {path: p.b, type: bool},\n"
    "  at_: {path: at, type: time_ms, required: true},\n"
    "  g: {from: mid, map: [{'*[a-c]?': one}, {'[!x]*': two}], default: three}}\n";

enum {
    ROWS_KEPT = 64
};

struct row {
    enum tide_reason reason;
    struct tide_view text;
    struct tide_u128 uid;
    struct tide_instant sent;
};

struct rows {
    struct row items[ROWS_KEPT];
    size_t count;
};

static struct tide_decoder *decoder; /* made once: a fuzz target is called for ever */
static struct tide_decoder *event_decoder;
static struct tide_batch *batches[2];
static struct tide_batch *event_batch;

static void setup(void)
{
    static struct schema_text text;
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(text.schema, 1, &decoder, NULL) == TIDE_OK);
    tide_assert(tide_decoder_create(text.schema, 1, &event_decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &batches[0], NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 64, &batches[1], NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &event_batch, NULL) == TIDE_OK);
}

static void check_accepted(struct tide_view text, struct tide_u128 uid)
{
    tide_batch_reset(event_batch);
    tide_decoder_begin(event_decoder, text, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(event_decoder, event_batch) == TIDE_OK);
    tide_assert(event_batch->row_count == 1);
    tide_assert(event_batch->verdicts[0].reason == TIDE_REASON_ACCEPTED);
    tide_assert(tide_u128_equal(event_batch->uids[0], uid));

    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    struct tide_error error = {{0}};
    if (tide_json_parse(&arena, text, &json, &error) != TIDE_OK) {
        tide_assert(strstr(error.text, "twice") != NULL);
    }
    tide_arena_release(&arena);
}

static void add_rows(const struct tide_batch *batch,
                     struct tide_view block,
                     struct rows *rows,
                     const char **last)
{
    for (uint32_t row = 0; row < batch->row_count; row++) {
        struct tide_view text = batch->texts[row];
        enum tide_reason reason = batch->verdicts[row].reason;
        tide_assert(text.data >= *last && text.data + text.size <= block.data + block.size);
        *last = text.data + text.size;
        if (reason == TIDE_REASON_ACCEPTED) {
            check_accepted(text, batch->uids[row]);
        }
        if (rows->count < ROWS_KEPT) {
            rows->items[rows->count++] =
                (struct row){reason, text, batch->uids[row], batch->sents[row]};
        }
    }
}

static void decode(struct tide_view block,
                   enum tide_framing framing,
                   struct tide_batch *batch,
                   struct rows *rows)
{
    const char *last = block.data;
    enum tide_status status = TIDE_AGAIN;
    rows->count = 0;
    tide_decoder_begin(decoder, block, framing);
    while (status == TIDE_AGAIN) {
        tide_batch_reset(batch);
        status = tide_decoder_next(decoder, batch);
        add_rows(batch, block, rows, &last);
    }
    tide_assert(status == TIDE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (decoder == NULL) {
        setup();
    }
    if (size == 0) {
        return 0;
    }
    enum tide_framing framing = (enum tide_framing)(data[0] % 4);
    char *copy = malloc(size); /* exact: the sanitizer sees the block's end */
    tide_assert(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    struct tide_view block = {copy, size - 1};
    static struct rows one;
    static struct rows many;
    decode(block, framing, batches[0], &one);
    decode(block, framing, batches[1], &many);
    tide_assert(one.count == many.count);
    for (size_t i = 0; i < one.count; i++) {
        tide_assert(one.items[i].reason == many.items[i].reason);
        tide_assert(one.items[i].text.data == many.items[i].text.data);
        tide_assert(one.items[i].text.size == many.items[i].text.size);
        tide_assert(tide_u128_equal(one.items[i].uid, many.items[i].uid));
        tide_assert(one.items[i].sent.us == many.items[i].sent.us);
    }
    free(copy);
    return 0;
}
