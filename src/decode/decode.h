/* The decoder: blocks of bytes in, column batches and verdicts out.
 *
 * One pass over the block, no DOM: only declared columns are materialised, everything is validated
 * (RFC 8259, UTF-8, surrogate escapes, depth, size, keys on declared paths that stand twice). One
 * broken record never affects its neighbours. Vector instructions find the tokens where the machine
 * has them (index.h); the result is the same without. One thread owns a decoder; it holds no events
 * between calls.
 *
 * Verdict order, as the oracle has it: of a whole record utf8_invalid (bytes), too_large, too_deep,
 * json_invalid; then of each event too_large, too_deep, utf8_invalid (escapes), not_an_object, its
 * JSON Schema (missing, schema_unknown, schema), and the columns in declared order: duplicate_key,
 * missing, type, time_invalid. Times' bounds are not checked here (event_time.h). */
#ifndef TIDE_DECODE_DECODE_H
#define TIDE_DECODE_DECODE_H

#include "decode/row_image.h"

struct tide_decoder;

enum tide_framing {
    TIDE_FRAMING_NDJSON, /* lines; each an event or an envelope; blank ones are none; an array line
                              is not_an_object. A last line without '\n' counts */
    TIDE_FRAMING_ARRAY,  /* one JSON array of events (of another document: one event) */
    TIDE_FRAMING_DOCUMENT, /* one event or one envelope */
    TIDE_FRAMING_EVENT,    /* one event, an element of an envelope or a record of the log */
};

/* seed: of the uid, from the pipeline's identity. RETRY: out of memory. REJECT: the schema's JSON
 * Schemas do not compile (who loads definitions has tried: tide_json_schema_compile), or the
 * environment asks for a scanner that is not here (tide_index_choose). */
enum tide_status tide_decoder_create(const struct tide_schema *schema,
                                     uint64_t seed,
                                     struct tide_decoder **decoder,
                                     struct tide_error *error);
void tide_decoder_destroy(struct tide_decoder *decoder);
/* From here on for who judges and routes events, and leaves the rest to the reader of the log: an
 * event that has an entity gets no uid. */
void tide_decoder_route_only(struct tide_decoder *decoder);

/* Starts a block, which must stay until its last batch was used. What was left of the one before
 * is forgotten. Size limits apply to records; the block itself may be larger. */
void tide_decoder_begin(struct tide_decoder *decoder,
                        struct tide_view block,
                        enum tide_framing framing);
/* Appends rows to batch. AGAIN: the batch is full (use it, reset it, call again); OK: the block is
 * finished. Never fails on input. Running out of memory for decoded strings is asserted against the
 * batch arena's budget of the largest record. An envelope's rows appear only once the whole
 * envelope is known to be valid JSON, unless it holds more events than a batch (then what did not
 * fit follows in later batches; validity was still checked before the first row). */
enum tide_status tide_decoder_next(struct tide_decoder *decoder, struct tide_batch *batch);

/* Appends the row that decoding text as one event would give, from the image that was taken of it
 * then. false: it must be decoded, or the batch is full; nothing was appended. Between blocks. */
bool tide_decoder_restore(struct tide_decoder *decoder,
                          struct tide_view text,
                          const struct tide_row_image *image,
                          struct tide_batch *batch);

/* Since begin. */
struct tide_decoder_facts {
    uint64_t record_count; /* lines, documents, or elements of an array */
    bool split_failed; /* ARRAY, DOCUMENT: the whole could not be split; it is one rejected row */
    bool is_envelope;  /* DOCUMENT: it was one */
    struct tide_view envelope_id; /* decoded; empty if absent; valid until the next begin */
};
struct tide_decoder_facts tide_decoder_facts(const struct tide_decoder *decoder);

#endif
