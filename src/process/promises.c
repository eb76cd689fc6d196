#include "process/promises.h"

#include "base/assert.h"
#include "process/manifest.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 30
};

struct tide_promises {
    struct tide_arena arena;
    struct tide_manifest *manifests; /* the newest of each partition that has one */
    uint32_t count;
};

enum tide_status tide_promises_read(struct tide_store store,
                                    uint32_t partition_count,
                                    struct tide_promises **promises,
                                    struct tide_error *error)
{
    struct tide_promises *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for manifests");
    }
    tide_arena_init(&made->arena, ARENA_BYTES_MAX);
    made->manifests = calloc(partition_count + 1U, sizeof(*made->manifests));
    enum tide_status status = made->manifests == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for manifests")
                                  : TIDE_OK;
    for (uint32_t p = 0; status == TIDE_OK && p < partition_count; p++) {
        struct tide_u128 hash;
        struct tide_manifest *manifest = &made->manifests[made->count];
        status = tide_manifest_newest(store, p, &made->arena, manifest, &hash, error);
        made->count += status == TIDE_OK;
        status = status == TIDE_REJECT ? TIDE_OK : status; /* it has none yet */
    }
    if (status != TIDE_OK) {
        tide_promises_destroy(made);
        return status;
    }
    *promises = made;
    return TIDE_OK;
}

void tide_promises_destroy(struct tide_promises *promises)
{
    if (promises != NULL) {
        tide_arena_release(&promises->arena);
        free(promises->manifests);
        free(promises);
    }
}

bool tide_promises_has(const struct tide_promises *promises,
                       enum tide_table table,
                       struct tide_view path)
{
    for (uint32_t i = 0; table < TIDE_TABLE_COUNT && i < promises->count; i++) {
        const struct tide_manifest_table *files = &promises->manifests[i].tables[table];
        for (uint32_t n = 0; n < files->file_count; n++) {
            if (tide_view_equal(files->files[n].path, path)) {
                return true;
            }
        }
    }
    return false;
}

bool tide_promised_has(void *promised, struct tide_view path)
{
    const struct tide_promised *of = promised;
    return tide_promises_has(of->promises, of->table, path);
}
