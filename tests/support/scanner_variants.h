/* The scanners that this machine can run, for tests that run on each of them. A decoder takes the
 * one that TIDEMARK_SCANNER names when it is created. */
#ifndef TIDE_SUPPORT_SCANNER_VARIANTS_H
#define TIDE_SUPPORT_SCANNER_VARIANTS_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "decode/index.h"

#define SCANNER_VARIABLE "TIDEMARK_SCANNER"

enum {
    SCANNER_VARIANTS_MAX = 8
};

/* Their names, the portable one first; returns how many. */
static inline size_t scanner_variants(const char *names[SCANNER_VARIANTS_MAX])
{
    size_t kernel_count;
    size_t count = 0;
    const struct tide_index_kernel *kernels = tide_index_kernels(&kernel_count);
    names[count++] = "portable";
    for (size_t i = 0; i < kernel_count; i++) {
        if (kernels[i].is_supported()) {
            tide_assert(count < SCANNER_VARIANTS_MAX);
            names[count++] = kernels[i].name;
        }
    }
    return count;
}

/* Only the one that the environment of the test names, if it names one. To be asked before the
 * test sets the variable itself. */
static inline size_t scanner_variants_wanted(const char *names[SCANNER_VARIANTS_MAX])
{
    static char chosen[32]; /* what getenv gives does not outlive setenv */
    const char *value = getenv(SCANNER_VARIABLE);
    if (value == NULL) {
        return scanner_variants(names);
    }
    const size_t size = strlen(value);
    tide_assert(size < sizeof chosen);
    memcpy(chosen, value, size + 1);
    names[0] = chosen;
    return 1;
}

#endif
