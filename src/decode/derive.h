/* Derived columns: a string by the first glob that matches its source, else the default.
 *
 * Sources are mostly one of a few short words (a platform, a type), so what was said of a word is
 * remembered, in a place that the word itself gives; another word there takes it over. One for
 * each decoder; one thread. */
#ifndef TIDE_DECODE_DERIVE_H
#define TIDE_DECODE_DERIVE_H

#include "event/batch.h"

struct tide_derive_memo;

struct tide_deriver {
    const struct tide_schema *schema;
    struct tide_derive_memo *memos; /* some for each derived column */
};

/* RETRY: out of memory. */
enum tide_status tide_deriver_init(struct tide_deriver *deriver, const struct tide_schema *schema);
void tide_deriver_release(struct tide_deriver *deriver);
/* Fills the derived columns of a row whose others are there. */
void tide_derive(struct tide_deriver *deriver, struct tide_batch *batch, uint32_t row);

#endif
