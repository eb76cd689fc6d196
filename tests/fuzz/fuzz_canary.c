/* A fault that was put here to be found: where it is not, the fuzzers that found nothing looked at
 * nothing. It stands behind a number and a text that only coverage and traced comparisons lead to,
 * in an event that the decoder must accept, and only a sanitizer sees it. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] = "name: t\nentity: who\nid: who\ntime: at_\n"
                                  "columns: {who: {path: who}, n: {path: n, type: int},\n"
                                  "  at_: {path: at, type: time_ms, required: true}}\n";

enum {
    WHO,
    N
};

static struct tide_decoder *decoder; /* made once: a fuzz target is called for ever */
static struct tide_batch *batch;

static void setup(void)
{
    static struct schema_text text;
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(text.schema, 1, &decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &batch, NULL) == TIDE_OK);
}

/* How many bytes are right; byte by byte, so that coverage leads there. */
static size_t agree(struct tide_view text, struct tide_view magic)
{
    size_t count = 0;
    while (count < text.size && count < magic.size && text.data[count] == magic.data[count]) {
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tide_view magic = {"tide", 4};
    if (decoder == NULL) {
        setup();
    }
    tide_batch_reset(batch);
    tide_decoder_begin(decoder, (struct tide_view){(const char *)data, size}, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(decoder, batch) == TIDE_OK);
    const struct tide_vector *who = &batch->columns[WHO];
    const struct tide_vector *n = &batch->columns[N];
    const bool is_event = batch->verdicts[0].reason == TIDE_REASON_ACCEPTED;
    if (!is_event || !who->present[0] || agree(who->strings[0], magic) < magic.size) {
        return 0;
    }
    if (n->present[0] && n->numbers[0] == 47) {
        volatile char *byte = malloc(1);
        tide_assert(byte != NULL);
        byte[n->numbers[0] - 46] = 1; /* the fault: one byte too far */
    }
    return 0;
}
