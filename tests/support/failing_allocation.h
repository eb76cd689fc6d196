/* Allocations that fail when told. A test includes the source that it tests after
 *     #define malloc failing_malloc
 * and the like. */
#ifndef TIDE_SUPPORT_FAILING_ALLOCATION_H
#define TIDE_SUPPORT_FAILING_ALLOCATION_H

#include <stdbool.h>
#include <stdlib.h>

static int allocations_left = -1; /* so many succeed, then none; negative: all */

static inline bool may_allocate(void)
{
    const bool may = allocations_left != 0;
    allocations_left -= allocations_left > 0;
    return may;
}

static inline void *failing_malloc(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

static inline void *failing_calloc(size_t count, size_t size)
{
    return may_allocate() ? calloc(count, size) : NULL;
}

static inline void *failing_realloc(void *data, size_t size)
{
    return may_allocate() ? realloc(data, size) : NULL;
}

#endif
