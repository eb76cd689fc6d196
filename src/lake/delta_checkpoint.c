/* Checkpoints of the Delta log, and what may be cleaned away behind one.
 *
 *     read the log with all its files -> lines of actions -> codec -> <version>.checkpoint.parquet
 *                                                                  -> _last_checkpoint
 *
 * Both objects are derived: writing them again, or half, harms nobody. In a checkpoint stand
 * protocol, metaData, every txn, every live file, and files that were removed so recently that a
 * vacuum must know when (delta.deletedFileRetentionDuration's default, a week). */
#include "lake/delta_internal.h"

#include "base/assert.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 4096,
    SCRATCH_BYTES_MAX = 64 << 20,
    VERSION_DIGITS = 20,
    NAMES_MAX = 1 << 20 /* of one listing of a log */
};
static const size_t lines_bytes_max = (size_t)2 << 30;
static const int64_t tombstone_ms = INT64_C(7) * 24 * 60 * 60 * 1000;

/* ---- lines */

struct counts { /* of actions in the checkpoint */
    uint64_t actions;
    uint64_t adds;
};

static void write_action(const char *name, struct tide_view body, struct tide_bytes *lines)
{
    tide_bytes_append_format(lines, "{\"%s\":", name);
    tide_bytes_append_view(lines, body);
    tide_bytes_append_text(lines, "}\n");
}

static void write_txn(const struct tide_delta_txn *txn, struct tide_bytes *lines)
{
    tide_bytes_append_text(lines, "{\"txn\":{");
    tide_json_write_text_member(lines, "appId", txn->app_id);
    tide_json_write_i64_member(lines, "version", txn->version);
    if (txn->last_updated >= 0) {
        tide_json_write_i64_member(lines, "lastUpdated", txn->last_updated);
    }
    tide_bytes_append_text(lines, "}}\n");
}

static bool is_recent(struct tide_view remove, int64_t now_ms, struct tide_arena *scratch)
{
    struct tide_json *json = NULL;
    int64_t time_ms = 0;
    tide_arena_reset(scratch);
    return tide_json_parse(scratch, remove, &json, NULL) != TIDE_OK ||
           !tide_json_get_i64(json, "deletionTimestamp", &time_ms) ||
           time_ms > now_ms - tombstone_ms;
}

static void write_lines(const struct tide_delta_snapshot *snapshot,
                        int64_t now_ms,
                        struct counts *counts,
                        struct tide_bytes *lines)
{
    struct tide_arena scratch = {0};
    tide_arena_init(&scratch, SCRATCH_BYTES_MAX);
    *counts = (struct counts){.actions = 2 + (uint64_t)snapshot->txn_count};
    write_action("protocol", snapshot->protocol, lines);
    write_action("metaData", snapshot->metadata, lines);
    for (uint32_t i = 0; i < snapshot->txn_count; i++) {
        write_txn(&snapshot->txns[i], lines);
    }
    for (uint32_t i = 0; i < snapshot->file_count; i++) {
        const struct tide_delta_live *file = &snapshot->files[i];
        if (file->is_live) {
            write_action("add", file->source, lines);
            counts->adds++;
            counts->actions++;
        } else if (is_recent(file->source, now_ms, &scratch)) {
            write_action("remove", file->source, lines);
            counts->actions++;
        }
    }
    tide_arena_release(&scratch);
}

/* ---- objects */

/* scratch is a path of our own: one thread owns the table, and processes draw different names. */
static enum tide_status scratch_path(const struct tide_delta *delta,
                                     const char *ending,
                                     char path[PATH_BYTES_MAX],
                                     struct tide_error *error)
{
    const struct tide_io io = delta->options.io;
    uint64_t number = 0;
    io.operations->random(io.self, &number, sizeof(number));
    const int size = snprintf(path,
                              PATH_BYTES_MAX,
                              "%s/%s-checkpoint-%016llx.%s",
                              delta->options.scratch_directory,
                              delta->options.layout->name,
                              (unsigned long long)random,
                              ending);
    return size > 0 && size < PATH_BYTES_MAX
               ? TIDE_OK
               : tide_error_set(error, TIDE_FATAL, "the scratch directory's path is too long");
}

static enum tide_status write_scratch(const struct tide_delta *delta,
                                      const char *path,
                                      struct tide_view content,
                                      struct tide_error *error)
{
    const struct tide_io io = delta->options.io;
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, error);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 0, content.data, content.size, error);
    }
    io.operations->close(io.self, &file);
    return status;
}

/* The scratch file goes whatever happens. */
static enum tide_status put(const struct tide_delta *delta,
                            const char *key,
                            const char *path,
                            struct tide_error *error)
{
    const struct tide_store store = delta->options.store;
    const enum tide_status status = store.operations->put_file(store.self, key, path, error);
    if (status != TIDE_OK) {
        (void)delta->options.io.operations->remove(delta->options.io.self, path, NULL);
    }
    return status;
}

static enum tide_status put_hint(const struct tide_delta *delta,
                                 int64_t version,
                                 const struct counts *counts,
                                 uint64_t size,
                                 struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    char path[PATH_BYTES_MAX];
    struct tide_bytes text = {0};
    tide_bytes_append_byte(&text, '{');
    tide_json_write_i64_member(&text, "version", version);
    tide_json_write_u64_member(&text, "size", counts->actions);
    tide_json_write_u64_member(&text, "sizeInBytes", size);
    tide_json_write_u64_member(&text, "numOfAddFiles", counts->adds);
    tide_bytes_append_byte(&text, '}');
    tide_delta_hint_key(delta->options.layout, key);
    enum tide_status status = scratch_path(delta, "json", path, error);
    if (status == TIDE_OK) {
        status = text.failed ? tide_error_set(error, TIDE_RETRY, "no memory for a checkpoint")
                             : write_scratch(delta, path, tide_bytes_view(&text), error);
    }
    tide_bytes_release(&text);
    return status == TIDE_OK ? put(delta, key, path, error) : status;
}

static enum tide_status put_checkpoint(const struct tide_delta *delta,
                                       const struct tide_delta_snapshot *snapshot,
                                       struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    char path[PATH_BYTES_MAX];
    struct tide_bytes lines = {0};
    struct counts counts;
    uint64_t size = 0;
    tide_bytes_init(&lines, lines_bytes_max);
    write_lines(snapshot, tide_clock_now(delta->options.clock).us / 1000, &counts, &lines);
    enum tide_status status = scratch_path(delta, "parquet", path, error);
    if (status == TIDE_OK) {
        status = lines.failed
                     ? tide_error_set(error, TIDE_RETRY, "no memory for a checkpoint")
                     : snapshot->codec.operations->write(
                           snapshot->codec.self, tide_bytes_view(&lines), path, &size, error);
    }
    tide_bytes_release(&lines);
    if (status == TIDE_OK) {
        tide_delta_checkpoint_key(snapshot->layout, snapshot->version, 0, 0, key);
        status = put(delta, key, path, error);
    }
    return status == TIDE_OK ? put_hint(delta, snapshot->version, &counts, size, error) : status;
}

static bool can_write(const struct tide_delta *delta)
{
    return delta->options.codec.operations != NULL && delta->options.scratch_directory != NULL;
}

enum tide_status tide_delta_checkpoint(struct tide_delta *delta, struct tide_error *error)
{
    struct tide_delta_snapshot snapshot;
    tide_assert(can_write(delta));
    tide_delta_snapshot_init(
        &snapshot, delta->options.store, delta->options.layout, delta->options.codec, true);
    enum tide_status status = tide_delta_snapshot_read(&snapshot, error);
    if (status == TIDE_OK && snapshot.version > snapshot.checkpoint) {
        status = put_checkpoint(delta, &snapshot, error);
        snapshot.checkpoint = snapshot.version;
    }
    if (status == TIDE_OK) {
        delta->snapshot.checkpoint = snapshot.checkpoint;
    }
    tide_delta_snapshot_release(&snapshot);
    return status;
}

/* The first checkpoint comes when a reader would have to read eleven commits. */
static bool is_due(const struct tide_delta *delta)
{
    const struct tide_delta_snapshot *snapshot = &delta->snapshot;
    const int64_t last = snapshot->checkpoint > delta->checkpoint_tried ? snapshot->checkpoint
                                                                        : delta->checkpoint_tried;
    const uint32_t commits = delta->options.checkpoint_commits == 0
                                 ? TIDE_DELTA_CHECKPOINT_COMMITS
                                 : delta->options.checkpoint_commits;
    return can_write(delta) && snapshot->version >= (last < 0 ? 0 : last) + commits;
}

void tide_delta_checkpoint_if_due(struct tide_delta *delta)
{
    struct tide_error error = {0};
    if (is_due(delta) && tide_delta_checkpoint(delta, &error) != TIDE_OK) {
        delta->checkpoint_tried = delta->snapshot.version;
        tide_logline(TIDE_LOGLINE_WARNING,
                     "lake",
                     "no checkpoint of table %s: %s",
                     delta->options.layout->name,
                     error.text);
    }
}

/* ---- cleaning */

struct old_name { /* an object of the log */
    int64_t version;
    struct tide_instant modified;
    bool is_checkpoint;
    char ending[64]; /* behind the version */
};

struct cleaning {
    struct old_name *names;
    uint32_t count;
    uint32_t capacity;
    bool is_full;
};

static void see_object(void *context, const struct tide_store_entry *entry)
{
    struct cleaning *cleaning = context;
    const char *ending = entry->name + VERSION_DIGITS;
    if (entry->is_folder || strspn(entry->name, "0123456789") != VERSION_DIGITS ||
        strlen(ending) >= sizeof(cleaning->names->ending)) {
        return;
    }
    const bool is_checkpoint = strncmp(ending, ".checkpoint.", 12) == 0;
    if (!is_checkpoint && strcmp(ending, ".json") != 0) {
        return;
    }
    if (cleaning->count == cleaning->capacity) {
        const uint32_t capacity = cleaning->capacity == 0 ? 1024 : cleaning->capacity * 2;
        struct old_name *names =
            capacity > NAMES_MAX ? NULL : reallocarray(cleaning->names, capacity, sizeof(*names));
        if (names == NULL) {
            cleaning->is_full = true;
            return;
        }
        cleaning->names = names;
        cleaning->capacity = capacity;
    }
    struct old_name *name = &cleaning->names[cleaning->count++];
    *name = (struct old_name){.version = strtoll(entry->name, NULL, 10),
                              .modified = entry->modified,
                              .is_checkpoint = is_checkpoint};
    memcpy(name->ending, ending, strlen(ending) + 1);
}

static int compare_names(const void *a, const void *b)
{
    const struct old_name *left = a;
    const struct old_name *right = b;
    return (left->version > right->version) - (left->version < right->version);
}

/* The newest checkpoint of one file that is older than the limit: all before it may go. */
static int64_t border_of(const struct cleaning *cleaning, struct tide_instant limit)
{
    int64_t border = -1;
    for (uint32_t i = 0; i < cleaning->count; i++) {
        const struct old_name *name = &cleaning->names[i];
        if (strcmp(name->ending, ".checkpoint.parquet") == 0 &&
            tide_instant_known(name->modified) && name->modified.us < limit.us) {
            border = name->version > border ? name->version : border;
        }
    }
    return border;
}

/* From the beginning, so that what is left is always one piece. */
static enum tide_status remove_names(const struct tide_delta *delta,
                                     const struct cleaning *cleaning,
                                     int64_t border,
                                     uint64_t limit,
                                     uint64_t *removed,
                                     struct tide_error *error)
{
    const struct tide_store store = delta->options.store;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < cleaning->count && *removed < limit; i++) {
        char key[TIDE_DELTA_KEY_MAX * 2];
        const struct old_name *name = &cleaning->names[i];
        if (name->version >= border) {
            break;
        }
        (void)snprintf(key,
                       sizeof(key),
                       "%s/_delta_log/%020lld%s",
                       delta->options.layout->name,
                       (long long)name->version,
                       name->ending);
        status = store.operations->remove(store.self, key, error);
        *removed += status == TIDE_OK;
        status = status == TIDE_REJECT ? TIDE_OK : status; /* somebody else cleans too */
    }
    return status;
}

/* Nothing may be taken away on the word of a checkpoint that cannot be read. */
static enum tide_status check_border(const struct tide_delta *delta,
                                     int64_t border,
                                     struct tide_error *error)
{
    struct tide_delta_snapshot snapshot;
    tide_delta_snapshot_init(
        &snapshot, delta->options.store, delta->options.layout, delta->options.codec, false);
    const enum tide_status status = tide_delta_snapshot_read_at(&snapshot, border, error);
    tide_delta_snapshot_release(&snapshot);
    return status;
}

enum tide_status tide_delta_clean_log(struct tide_delta *delta,
                                      struct tide_duration keep,
                                      uint64_t limit,
                                      uint64_t *removed,
                                      struct tide_error *error)
{
    char prefix[TIDE_DELTA_KEY_MAX];
    struct cleaning cleaning = {0};
    const struct tide_store store = delta->options.store;
    const struct tide_instant old = {tide_clock_now(delta->options.clock).us - keep.us};
    tide_assert(delta->options.codec.operations != NULL);
    *removed = 0;
    (void)snprintf(prefix, sizeof(prefix), "%s/_delta_log/", delta->options.layout->name);
    enum tide_status status =
        store.operations->list(store.self, prefix, see_object, &cleaning, error);
    const int64_t border = border_of(&cleaning, old);
    if (status == TIDE_OK && border > 0) {
        qsort(cleaning.names, cleaning.count, sizeof(*cleaning.names), compare_names);
        status = cleaning.names[0].version < border ? check_border(delta, border, error) : TIDE_OK;
        if (status == TIDE_OK) {
            status = remove_names(delta, &cleaning, border, limit, removed, error);
        }
    }
    free(cleaning.names);
    return status;
}
