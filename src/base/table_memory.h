/* Zeros for a table that will be read and written at random places.
 *
 * calloc's pages come into being when they are touched, and who reads one first, as looking
 * something up does, is shown a page of zeros that all share: the first write then faults again,
 * and makes the other processors forget the shared one, which costs them more than it costs us.
 * So these are written at once. free() gives them back. */
#ifndef TIDE_BASE_TABLE_MEMORY_H
#define TIDE_BASE_TABLE_MEMORY_H

#include <stdlib.h>
#include <string.h>

/* NULL: out of memory, or more than there can be. */
static inline void *tide_table_memory(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    void *memory = malloc(bytes);
    __asm__("" : "+r"(memory)); /* compilers know that this is calloc, and would call it */
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

#endif
