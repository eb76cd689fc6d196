/* The numbers of the keys of many rows: a key is the canonical bytes (tide_value_encode) of some
 * columns, its number that of a dictionary.
 *
 * Most rows have a key that was seen a moment ago. So the number is first looked for by a cheap
 * hash of the values themselves, and compared with what the dictionary has under it, column by
 * column; only what is not there is encoded, and then a wave of keys is looked up at once. Private
 * to the room. One thread. */
#ifndef TIDE_OPERATOR_ROW_KEYS_H
#define TIDE_OPERATOR_ROW_KEYS_H

#include "event/batch.h"
#include "operator/dictionary.h"

/* All zero is valid and empty. */
struct row_keys {
    uint32_t *recent; /* number plus one, by hash; 0: none */
    uint32_t recent_count;
    struct tide_bytes bytes; /* encoded keys of a wave */
};

struct row_keys_source {
    const struct tide_batch *batch;
    const uint32_t *columns; /* at least one */
    uint32_t column_count;
};

void row_keys_release(struct row_keys *keys);
/* numbers[i]: of the key of rows[i]; NONE: it is new, and the dictionary is full or out of memory.
 * It must be the same dictionary, and the same columns, every time. false: out of memory. */
bool row_keys_find(struct row_keys *keys,
                   struct tide_dictionary *dictionary,
                   const struct row_keys_source *source,
                   const uint32_t *rows,
                   uint32_t count,
                   uint32_t *numbers);
size_t row_keys_bytes(const struct row_keys *keys); /* memory held */

#endif
