/* Every allocation of the program is counted. For one source of a test that is linked with the
 * wrapped allocator (`sweeps`, tests/unit/meson.build). */
#ifndef TIDE_SUPPORT_COUNTED_ALLOCATION_H
#define TIDE_SUPPORT_COUNTED_ALLOCATION_H

#include "support/wrapped_allocation.h"

#include <stdint.h>

static uint64_t allocation_count;

void *__wrap_malloc(size_t size)
{
    allocation_count++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocation_count++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocation_count++;
    return __real_realloc(old, size);
}

#endif
