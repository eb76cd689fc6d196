#include "decode/index.h"

#include "decode/index_x86.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const struct tide_index_kernel *tide_index_kernels(size_t *count)
{
#if TIDE_INDEX_HAS_X86
    return tide_index_x86_kernels(count);
#else
    *count = 0;
    return NULL;
#endif
}

enum tide_status tide_index_choose(const struct tide_index_kernel **kernel,
                                   struct tide_error *error)
{
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    const char *wanted = getenv("TIDEMARK_SCANNER");
    if (wanted != NULL && wanted[0] == '\0') {
        wanted = NULL;
    }
    *kernel = NULL;
    for (size_t i = 0; *kernel == NULL && i < count; i++) {
        const bool is_wanted = wanted == NULL || strcmp(wanted, kernels[i].name) == 0;
        *kernel = is_wanted && kernels[i].is_supported() ? &kernels[i] : NULL;
    }
    if (*kernel == NULL && wanted != NULL && strcmp(wanted, "portable") != 0) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "TIDEMARK_SCANNER=%.40s: there is no such scanner on this machine",
                              wanted);
    }
    return TIDE_OK;
}

enum tide_status tide_index_init(struct tide_index *index, struct tide_error *error)
{
    index->tokens = malloc(TIDE_INDEX_TOKENS_MAX * sizeof *index->tokens);
    index->kinds = malloc(TIDE_INDEX_TOKENS_MAX);
    index->lines = malloc(TIDE_INDEX_BYTES_MAX * sizeof *index->lines);
    if (index->tokens == NULL || index->kinds == NULL || index->lines == NULL) {
        tide_index_release(index);
        return tide_error_set(error, TIDE_RETRY, "out of memory for an index of tokens");
    }
    return TIDE_OK;
}

void tide_index_release(struct tide_index *index)
{
    free(index->tokens);
    free(index->kinds);
    free(index->lines);
    index->tokens = NULL;
    index->kinds = NULL;
    index->lines = NULL;
}
