/* Zeros for a table that will be read and written at random places.
 *
 * calloc's pages come into being when they are touched, and who reads one first, as looking
 * something up does, is shown a page of zeros that all share: the first write then faults again,
 * and makes the other processors forget the shared one, which costs them more than it costs us.
 * So these are written at once; and those of a large table are asked for together, since a fault
 * for each costs as much as its zeros. free() gives them back. */
#ifndef TIDE_BASE_TABLE_MEMORY_H
#define TIDE_BASE_TABLE_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; an older one, or its headers, do without */
#endif

/* NULL: out of memory, or more than there can be. */
static inline void *tide_table_memory(size_t count, size_t size)
{
    const size_t large = (size_t)1 << 20;
    const size_t page = 4096; /* or larger: then nothing is asked for, and faults do it */
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    char *memory = malloc(bytes);
    __asm__("" : "+r"(memory)); /* compilers know that this is calloc, and would call it */
    if (memory != NULL && bytes >= large) {
        const size_t before = (page - (uintptr_t)memory % page) % page;
        (void)madvise(memory + before, (bytes - before) / page * page, MADV_POPULATE_WRITE);
    }
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

#endif
