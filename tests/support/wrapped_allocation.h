/* The allocator of a test that is linked with --wrap (`sweeps`, tests/unit/meson.build): one source
 * defines what is wrapped, and calls what is real. */
#ifndef TIDE_SUPPORT_WRAPPED_ALLOCATION_H
#define TIDE_SUPPORT_WRAPPED_ALLOCATION_H

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

#endif
