/* A fault that was put here to be found: where it is not, the fuzzers that found nothing looked at
 * nothing. It stands behind a word that only traced comparisons lead to, before an event that the
 * decoder must accept, and only a sanitizer sees it. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] = "name: t\nentity: who\nid: who\ntime: at_\n"
                                  "columns: {who: {path: who},\n"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char magic[8] = "TIDEMARK";
    if (decoder == NULL) {
        setup();
    }
    if (size < sizeof magic || memcmp(data, magic, sizeof magic) != 0) {
        return 0;
    }
    const struct tide_view event = {(const char *)data + sizeof magic, size - sizeof magic};
    tide_batch_reset(batch);
    tide_decoder_begin(decoder, event, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(decoder, batch) == TIDE_OK);
    if (batch->verdicts[0].reason == TIDE_REASON_ACCEPTED) {
        volatile char *byte = malloc(batch->row_count);
        tide_assert(byte != NULL);
        byte[batch->row_count] = 1; /* the fault: one byte too far */
    }
    return 0;
}
