/* The kernels of x86-64: AVX-512, AVX2, SSE4.2. See index.h. */
#ifndef TIDE_DECODE_INDEX_X86_H
#define TIDE_DECODE_INDEX_X86_H

#include "decode/index.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define TIDE_INDEX_HAS_X86 1
const struct tide_index_kernel *tide_index_x86_kernels(size_t *count);
#else
#define TIDE_INDEX_HAS_X86 0
#endif

#endif
