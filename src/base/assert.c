/* The end of a process that found itself wrong. Nothing is released or flushed: the state cannot be
 * trusted, and what was durable before is what the next process starts from. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

_Noreturn void tide_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
