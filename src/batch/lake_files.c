#include "batch/lake_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    CAPACITY_FIRST = 64,
    DATE_SIZE = 10
};

struct listing {
    struct tide_arena *arena;
    const struct tide_layout *layout;
    struct tide_lake_file *files; /* grows in the arena; old ones stay there */
    uint32_t count;
    uint32_t capacity;
    bool failed;
    bool is_over;
    bool is_astray; /* a file is not in a date's folder */
};

/* Of "event_date=2026-03-08/name" the date; of the folder of unknown dates nothing. false: it is in
 * no folder of a date, so what reads dates from paths cannot read it. */
static bool read_date(const struct tide_layout *layout,
                      struct tide_view path,
                      struct tide_view *date)
{
    static const char unknown[] = "__HIVE_DEFAULT_PARTITION__";
    const struct tide_view name = tide_view_of(layout->date_column);
    const char *slash = memchr(path.data, '/', path.size);
    const size_t start = name.size + 1;
    if (slash == NULL || (size_t)(slash - path.data) < start ||
        !tide_view_starts_with(path, name) || path.data[name.size] != '=') {
        return false;
    }
    *date = tide_view_slice(path, start, (size_t)(slash - path.data) - start);
    if (tide_view_equal(*date, tide_view_of(unknown))) {
        *date = (struct tide_view){0};
        return true;
    }
    return date->size == DATE_SIZE;
}

static void add_file(void *context, struct tide_view path, uint64_t size)
{
    struct listing *listing = context;
    (void)size;
    if (listing->count == TIDE_LAKE_FILES_MAX) {
        listing->is_over = true;
        return;
    }
    if (listing->count == listing->capacity) {
        const uint32_t capacity = listing->capacity == 0 ? CAPACITY_FIRST : listing->capacity * 2;
        struct tide_lake_file *files =
            TIDE_ARENA_ARRAY(listing->arena, struct tide_lake_file, capacity);
        if (files == NULL) {
            listing->failed = true;
            return;
        }
        if (listing->count > 0) {
            memcpy(files, listing->files, listing->count * sizeof(*files));
        }
        listing->files = files;
        listing->capacity = capacity;
    }
    const struct tide_view kept = tide_arena_copy(listing->arena, path);
    listing->failed = listing->failed || kept.data == NULL;
    if (!listing->failed) {
        struct tide_lake_file *file = &listing->files[listing->count++];
        *file = (struct tide_lake_file){.path = kept};
        listing->is_astray |= !read_date(listing->layout, kept, &file->date);
    }
}

static int compare_files(const void *left, const void *right)
{
    const struct tide_lake_file *const a = left;
    const struct tide_lake_file *const b = right;
    return tide_view_compare(a->path, b->path);
}

struct tide_delta_options tide_lake_files_reading(struct tide_store store,
                                                  struct tide_clock clock,
                                                  const struct tide_layout *layout,
                                                  struct tide_checkpoint_codec codec)
{
    return (struct tide_delta_options){
        .store = store,
        .clock = clock,
        .layout = layout,
        .table_id = TIDE_VIEW("00000000-0000-0000-0000-000000000000"), /* nothing is committed */
        .engine = TIDE_VIEW("tidemark"),
        .codec = codec,
    };
}

enum tide_status tide_lake_files_list(struct tide_store store,
                                      struct tide_clock clock,
                                      const struct tide_layout *layout,
                                      struct tide_arena *arena,
                                      struct tide_lake_files *files,
                                      struct tide_error *error)
{
    struct listing listing = {.arena = arena, .layout = layout};
    struct tide_delta *delta = NULL;
    struct tide_checkpoint_codec codec = {0}; /* opens a DuckDB only if there is a checkpoint */
    enum tide_status status = tide_checkpoint_parquet_open(NULL, &codec, error);
    const struct tide_delta_options options = tide_lake_files_reading(store, clock, layout, codec);
    if (status == TIDE_OK) {
        status = tide_delta_open(&options, &delta, error);
    }
    const bool is_table = status == TIDE_OK && tide_delta_version(delta) >= 0;
    if (is_table) {
        status = tide_delta_files(delta, add_file, &listing, error);
    }
    tide_delta_close(delta);
    tide_checkpoint_codec_close(&codec);
    if (status == TIDE_OK && listing.is_over) {
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "table %s has more than %d files",
                                layout->name,
                                TIDE_LAKE_FILES_MAX);
    } else if (status == TIDE_OK && listing.is_astray) {
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "table %s has a file that is not in a folder %s=..",
                                layout->name,
                                layout->date_column);
    } else if (status == TIDE_OK && listing.failed) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the files of %s", layout->name);
    }
    if (listing.count > 1) {
        qsort(listing.files, listing.count, sizeof(*listing.files), compare_files);
    }
    *files = (struct tide_lake_files){listing.files, listing.count, is_table};
    return status;
}

enum tide_status tide_lake_pins_fetch(struct tide_lake_pins *pins,
                                      const char *table,
                                      struct tide_view path,
                                      struct tide_error *error)
{
    const struct tide_store store = pins->store;
    tide_bytes_reset(&pins->key);
    tide_bytes_append_format(&pins->key, "%s/%.*s", table, TIDE_VIEW_ARGUMENTS(path));
    const char *key = tide_bytes_terminated(&pins->key);
    if (!tide_bytes_reserve(&pins->keys, pins->key.size + 1) || pins->key.failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a file's key");
    }
    const enum tide_status status = store.operations->fetch(store.self, key, &pins->path, error);
    if (status == TIDE_OK) {
        tide_bytes_append(&pins->keys, key, pins->key.size + 1);
    } else if (status == TIDE_REJECT) {
        return tide_error_set(error, TIDE_FATAL, "the table names %s, which is not there", key);
    }
    return status;
}

void tide_lake_pins_release(struct tide_lake_pins *pins)
{
    for (size_t at = 0; at < pins->keys.size;) {
        const char *key = pins->keys.data + at;
        pins->store.operations->unpin(pins->store.self, key);
        at += tide_view_of(key).size + 1;
    }
    tide_bytes_release(&pins->keys);
    tide_bytes_release(&pins->key);
    tide_bytes_release(&pins->path);
}
