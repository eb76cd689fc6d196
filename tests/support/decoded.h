/* What a decoder makes of a block, as text: equal texts, equal decoders. For tests that compare
 * scanners, and records that were walked with those that were compared with a shape. */
#ifndef TIDE_SUPPORT_DECODED_H
#define TIDE_SUPPORT_DECODED_H

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "decode/decode.h"
#include "support/scanner_variants.h"

static inline struct tide_decoder *decoded_create(const struct tide_schema *schema,
                                                  const char *scanner)
{
    struct tide_decoder *decoder = NULL;
    struct tide_error error = {0};
    const bool is_set = setenv(SCANNER_VARIABLE, scanner, 1) == 0;
    tide_assert(is_set);
    const enum tide_status status = tide_decoder_create(schema, 1, &decoder, &error);
    tide_assert(status == TIDE_OK);
    (void)unsetenv(SCANNER_VARIABLE);
    return decoder;
}

static inline void decoded_append_row(const struct tide_batch *batch,
                                      uint32_t row,
                                      const char *block,
                                      struct tide_bytes *out)
{
    const struct tide_verdict *verdict = &batch->verdicts[row];
    tide_bytes_append_format(out,
                             "%td+%zu %s %.*s %.*s sent %" PRId64 " uid %016" PRIx64 "%016" PRIx64,
                             batch->texts[row].data - block,
                             batch->texts[row].size,
                             tide_reason_name(verdict->reason),
                             TIDE_VIEW_ARGUMENTS(verdict->pointer),
                             TIDE_VIEW_ARGUMENTS(verdict->detail),
                             batch->sents[row].us,
                             batch->uids[row].high,
                             batch->uids[row].low);
    for (uint32_t i = 0; verdict->reason == TIDE_REASON_ACCEPTED && i < batch->schema->column_count;
         i++) {
        const struct tide_vector *vector = &batch->columns[i];
        if (!vector->present[row]) {
            tide_bytes_append_text(out, vector->mistyped[row] ? " ?" : " -");
        } else if (vector->strings != NULL) {
            tide_bytes_append_format(out, " %zu:", vector->strings[row].size);
            tide_bytes_append_view(out, vector->strings[row]);
        } else {
            tide_bytes_append_format(out, " %" PRId64, vector->numbers[row]);
        }
    }
    tide_bytes_append_text(out, " payload ");
    tide_bytes_append_view(out, batch->payloads[row]);
    tide_bytes_append_byte(out, '\n');
}

/* Appends every row, and the facts. */
static inline void decoded_append(struct tide_decoder *decoder,
                                  struct tide_batch *batch,
                                  struct tide_view block,
                                  enum tide_framing framing,
                                  struct tide_bytes *out)
{
    tide_decoder_begin(decoder, block, framing);
    enum tide_status status;
    do {
        tide_batch_reset(batch);
        status = tide_decoder_next(decoder, batch);
        for (uint32_t row = 0; row < batch->row_count; row++) {
            decoded_append_row(batch, row, block.data, out);
        }
    } while (status == TIDE_AGAIN);
    const struct tide_decoder_facts facts = tide_decoder_facts(decoder);
    tide_bytes_append_format(out,
                             "%" PRIu64 " records%s%s\n",
                             facts.record_count,
                             facts.split_failed ? ", split failed" : "",
                             facts.is_envelope ? ", envelope" : "");
}

#endif
