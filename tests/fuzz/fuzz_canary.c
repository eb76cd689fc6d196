/* A fault that was put here to be found: where it is not, the fuzzers that found nothing looked at
 * nothing. It needs all that they need: an event that the decoder accepts, a word of the dictionary
 * in one column, which coverage must tell and the corpus keep until another stands in the second,
 * and a sanitizer to see it. The corpus is one event without the words, and stays so: who already
 * holds what was found proves nothing. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] = "name: t\nentity: who\nid: who\ntime: at_\n"
                                  "columns: {who: {path: who}, what: {path: what},\n"
                                  "  at_: {path: at, type: time_ms, required: true}}\n";

static struct tide_decoder *decoder; /* made once: a fuzz target is called for ever */
static struct tide_batch *batch;

static void setup(void)
{
    static struct schema_text text;
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(text.schema, 1, &decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &batch, NULL) == TIDE_OK);
}

static bool holds(uint32_t column, const char word[4])
{
    const struct tide_vector *values = &batch->columns[column];
    return values->present[0] &&
           memmem(values->strings[0].data, values->strings[0].size, word, 4) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (decoder == NULL) {
        setup();
    }
    tide_batch_reset(batch);
    tide_decoder_begin(decoder, (struct tide_view){(const char *)data, size}, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(decoder, batch) == TIDE_OK);
    if (batch->verdicts[0].reason != TIDE_REASON_ACCEPTED) {
        return 0;
    }
    if (holds(0, "TIDE") && holds(1, "MARK")) {
        volatile char *byte = malloc(batch->row_count);
        tide_assert(byte != NULL);
        byte[batch->row_count] = 1; /* the fault: one byte too far */
    }
    return 0;
}
