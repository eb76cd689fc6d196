/* The scanners that this machine can run, for tests that run on each of them. A decoder takes the
 * one that TIDEMARK_SCANNER names when it is created. */
#ifndef TIDE_SUPPORT_SCANNER_VARIANTS_H
#define TIDE_SUPPORT_SCANNER_VARIANTS_H

#include <stddef.h>
#include <stdlib.h>

#include "decode/index.h"

#define SCANNER_VARIABLE "TIDEMARK_SCANNER"

/* The index-th variant's name, the portable one first; NULL behind the last. One that the
 * environment of the test names is the only one. */
static inline const char *scanner_variant(size_t index)
{
    static const char *chosen;
    static int is_known;
    if (!is_known) {
        chosen = getenv(SCANNER_VARIABLE);
        is_known = 1;
    }
    if (chosen != NULL || index == 0) {
        return index > 0 ? NULL : chosen != NULL ? chosen : "portable";
    }
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    for (size_t i = 0; i < count; i++) {
        if (kernels[i].is_supported() && --index == 0) {
            return kernels[i].name;
        }
    }
    return NULL;
}

#endif
