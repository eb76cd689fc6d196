/* Strings to dense numbers from 0, for ever: entities of a partition, groups of a metric.
 * Open addressing over one slab of text; no allocation per string beyond doubling. One thread. */
#ifndef TIDE_OPERATOR_DICTIONARY_H
#define TIDE_OPERATOR_DICTIONARY_H

#include "base/hash.h"

#define TIDE_DICTIONARY_NONE UINT32_MAX

struct tide_dictionary;

/* entries_max: beyond it, or out of memory, intern answers NONE. RETRY: out of memory. */
enum tide_status tide_dictionary_create(uint32_t entries_max,
                                        struct tide_dictionary **dictionary,
                                        struct tide_error *error);
void tide_dictionary_destroy(struct tide_dictionary *dictionary);
/* The number of text, a new one if it was not there. */
uint32_t tide_dictionary_intern(struct tide_dictionary *dictionary, struct tide_view text);
/* The same for count texts in turn, faster: their memory is asked for early. */
void tide_dictionary_intern_many(struct tide_dictionary *dictionary,
                                 const struct tide_view *texts,
                                 uint32_t count,
                                 uint32_t *numbers);
uint32_t tide_dictionary_find(const struct tide_dictionary *dictionary, struct tide_view text);
/* Valid until the next intern. number: one that intern gave. */
struct tide_view tide_dictionary_text(const struct tide_dictionary *dictionary, uint32_t number);
uint32_t tide_dictionary_count(const struct tide_dictionary *dictionary);
size_t tide_dictionary_bytes(const struct tide_dictionary *dictionary); /* memory held */

#endif
