/* Which store a URL means. */
#include "base/assert.h"
#include "lake/store.h"
#include "lake/store_remote.h"

#include <string.h>

#include "base/banned.h"

static const struct {
    const char *prefix;
    enum tide_status (*open)(const struct tide_store_url *url,
                             const struct tide_store_options *options,
                             struct tide_store *store,
                             struct tide_error *error);
} kinds[] = {
    {"hdfs://", tide_store_webhdfs_open},
    {"webhdfs://", tide_store_webhdfs_open},
    {"swebhdfs://", tide_store_webhdfs_open},
};
enum {
    KIND_COUNT = sizeof(kinds) / sizeof(kinds[0])
};

/* KIND_COUNT: local, or nothing that is known. */
static size_t kind_of(struct tide_view url)
{
    size_t kind = 0;
    while (kind < KIND_COUNT && !tide_view_starts_with(url, tide_view_of(kinds[kind].prefix))) {
        kind++;
    }
    return kind;
}

struct tide_store_options tide_store_options_default(void)
{
    return (struct tide_store_options){.io = tide_io_os(),
                                       .clock = tide_clock_os(),
                                       .cache_bytes_max = UINT64_C(4) << 30,
                                       .hdfs = {.patience = {10 * 1000000}}};
}

bool tide_store_is_remote(struct tide_view url)
{
    return kind_of(url) < KIND_COUNT;
}

static enum tide_status open_local(struct tide_view url,
                                   const struct tide_store_options *options,
                                   struct tide_store *store,
                                   struct tide_error *error)
{
    const struct tide_io io = options->io;
    struct tide_bytes path = {0};
    struct tide_io_facts facts = {0};
    enum tide_status status = tide_store_local_path(url, &path, error);
    const char *directory = tide_bytes_terminated(&path);
    if (status == TIDE_OK && options->must_exist) {
        status = io.operations->stat(io.self, directory, &facts, error);
        if (status == TIDE_OK && !facts.is_directory) {
            status = tide_error_set(error, TIDE_REJECT, "%s is no directory", directory);
        }
    }
    if (status == TIDE_OK) {
        status = tide_store_local_open(io, directory, store, error);
    }
    tide_bytes_release(&path);
    return status;
}

enum tide_status tide_store_open(struct tide_view url,
                                 const struct tide_store_options *options,
                                 struct tide_store *store,
                                 struct tide_error *error)
{
    const size_t kind = kind_of(url);
    struct tide_store_url parts = {0};
    if (kind == KIND_COUNT) {
        return open_local(url, options, store, error);
    }
    enum tide_status status = tide_store_url_parse(url, &parts, error);
    if (status == TIDE_OK) {
        status = kinds[kind].open(&parts, options, store, error);
    }
    tide_bytes_release(&parts.path);
    return status;
}
