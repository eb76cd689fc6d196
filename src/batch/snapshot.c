/* Epochs and files of events are of one version of the table. Epochs that were given, and files of
 * rejected, may be others: rows beyond the epochs are left out by whoever reads. */
#include "batch/snapshot.h"

#include "base/assert.h"
#include "base/json.h"
#include "batch/lake_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    LAYOUT_BYTES_MAX = 4 << 20
};

/* ---- files */

static int compare_files(const void *a, const void *b)
{
    const struct tide_snapshot_file *left = a;
    const struct tide_snapshot_file *right = b;
    return tide_view_compare(left->path, right->path);
}

struct listing {
    const char *name; /* of the table */
    struct tide_arena *arena;
    struct tide_snapshot_table table;
    uint32_t capacity;
    struct tide_error *error;
};

static enum tide_status out_of_memory(const struct listing *listing)
{
    return tide_error_set(
        listing->error, TIDE_RETRY, "no memory for the files of %s", listing->name);
}

static enum tide_status add_file(void *context, const struct tide_delta_entry *entry)
{
    struct listing *listing = context;
    struct tide_snapshot_table *table = &listing->table;
    if (table->file_count == TIDE_SNAPSHOT_FILES_MAX) {
        return tide_error_set(listing->error,
                              TIDE_REJECT,
                              "table %s has more than %d files",
                              listing->name,
                              TIDE_SNAPSHOT_FILES_MAX);
    }
    if (table->file_count == listing->capacity) {
        const uint32_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        struct tide_snapshot_file *files =
            TIDE_ARENA_ARRAY(listing->arena, struct tide_snapshot_file, capacity);
        if (files == NULL) {
            return out_of_memory(listing);
        }
        if (table->file_count > 0) {
            memcpy(files, table->files, table->file_count * sizeof(files[0]));
        }
        table->files = files;
        listing->capacity = capacity;
    }
    const struct tide_view path = tide_arena_copy(listing->arena, entry->path);
    table->files[table->file_count++] =
        (struct tide_snapshot_file){path, entry->size, entry->date_days};
    return path.data != NULL ? TIDE_OK : out_of_memory(listing);
}

/* ---- taking */

static enum tide_status open_table(const struct tide_snapshot_options *options,
                                   const struct tide_layout *layout,
                                   struct tide_checkpoint_codec codec,
                                   struct tide_delta **delta,
                                   struct tide_error *error)
{
    struct tide_delta_options delta_options =
        tide_lake_files_reading(options->store, options->clock, layout, codec);
    delta_options.keeps_files = true;
    return tide_delta_open(&delta_options, delta, error);
}

/* One version of the table: its files, and what had left it. */
static enum tide_status read_table(const struct tide_snapshot_options *options,
                                   const struct tide_layout *layout,
                                   const struct tide_delta *delta,
                                   struct listing *listing,
                                   struct tide_error *error)
{
    struct tide_snapshot_table *table = &listing->table;
    enum tide_status status = TIDE_OK;
    if (tide_delta_version(delta) >= 0) {
        status = tide_delta_entries(delta, (struct tide_delta_visitor){add_file, listing}, error);
    }
    if (status == TIDE_OK) {
        status = tide_expired_read(
            options->store, layout, delta, listing->arena, &table->expired, error);
    }
    if (table->file_count > 0) {
        qsort(table->files, table->file_count, sizeof(table->files[0]), compare_files);
    }
    return status;
}

static enum tide_status read_epochs(struct tide_delta *delta,
                                    const struct tide_snapshot_options *options,
                                    int64_t *epochs,
                                    struct tide_error *error)
{
    struct tide_bytes app_id = {0};
    for (uint32_t p = 0; p < options->partition_count; p++) {
        tide_bytes_reset(&app_id);
        tide_bytes_append_format(&app_id, "%.*s/%u", TIDE_VIEW_ARGUMENTS(options->pipeline), p);
        epochs[p] = options->epochs != NULL
                        ? options->epochs[p]
                        : tide_delta_transaction_version(delta, tide_bytes_view(&app_id));
    }
    const bool is_whole = !app_id.failed;
    tide_bytes_release(&app_id);
    return is_whole ? TIDE_OK
                    : tide_error_set(error, TIDE_RETRY, "no memory for a partition's name");
}

static enum tide_status take_table(const struct tide_snapshot_options *options,
                                   enum tide_table which,
                                   struct tide_arena *arena,
                                   struct tide_snapshot *snapshot,
                                   struct tide_error *error)
{
    const bool is_events = which == TIDE_TABLE_EVENTS;
    struct tide_delta *delta = NULL;
    struct tide_checkpoint_codec codec = {0}; /* opens a DuckDB only if there is a checkpoint */
    struct tide_arena layouts;
    tide_arena_init(&layouts, LAYOUT_BYTES_MAX);
    const struct tide_layout *layout = tide_layout_create(&layouts, options->schema, which);
    enum tide_status status = layout == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for a layout")
                                  : tide_checkpoint_parquet_open(NULL, &codec, error);
    if (status == TIDE_OK) {
        status = open_table(options, layout, codec, &delta, error);
    }
    if (status == TIDE_OK && is_events) {
        status = read_epochs(delta, options, snapshot->epochs, error);
    }
    if (status == TIDE_OK) {
        struct listing listing = {.name = layout->name, .arena = arena, .error = error};
        status = read_table(options, layout, delta, &listing, error);
        *(is_events ? &snapshot->events : &snapshot->rejected) = listing.table;
    }
    tide_delta_close(delta);
    tide_checkpoint_codec_close(&codec);
    tide_arena_release(&layouts);
    return status;
}

enum tide_status tide_snapshot_take(const struct tide_snapshot_options *options,
                                    struct tide_arena *arena,
                                    struct tide_snapshot *snapshot,
                                    struct tide_error *error)
{
    const uint32_t partition_count = options->partition_count;
    tide_assert(partition_count > 0 && partition_count <= TIDE_SNAPSHOT_PARTITIONS_MAX);
    *snapshot = (struct tide_snapshot){.taken = tide_clock_now(options->clock),
                                       .partition_count = partition_count,
                                       .events.expired.before_days = TIDE_DATE_UNKNOWN,
                                       .rejected.expired.before_days = TIDE_DATE_UNKNOWN};
    snapshot->pipeline = tide_arena_copy(arena, options->pipeline);
    snapshot->epochs = TIDE_ARENA_ARRAY(arena, int64_t, partition_count);
    if (snapshot->pipeline.data == NULL || snapshot->epochs == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a snapshot");
    }
    enum tide_status status = take_table(options, TIDE_TABLE_EVENTS, arena, snapshot, error);
    if (status == TIDE_OK && options->has_rejected) {
        status = take_table(options, TIDE_TABLE_REJECTED, arena, snapshot, error);
    }
    return status;
}

/* ---- as text */

static void write_day(int32_t days, struct tide_bytes *json)
{
    if (days == TIDE_DATE_UNKNOWN) {
        tide_bytes_append_text(json, "null");
    } else {
        tide_bytes_append_format(json, "%d", days);
    }
}

static void write_table(const struct tide_snapshot_table *table,
                        const char *name,
                        struct tide_bytes *json)
{
    tide_json_write_key(json, name);
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < table->file_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "\n[" : ",\n[");
        tide_json_write_string(json, table->files[i].path);
        tide_bytes_append_byte(json, ',');
        write_day(table->files[i].date_days, json);
        tide_bytes_append_format(json, ",%llu]", (unsigned long long)table->files[i].size);
    }
    tide_bytes_append_byte(json, ']');
}

void tide_snapshot_write(const struct tide_snapshot *snapshot, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "pipeline", snapshot->pipeline);
    tide_json_write_i64_member(json, "taken", snapshot->taken.us);
    tide_json_write_key(json, "epochs");
    for (uint32_t p = 0; p < snapshot->partition_count; p++) {
        tide_bytes_append_format(
            json, "%s%lld", p == 0 ? "[" : ",", (long long)snapshot->epochs[p]);
    }
    tide_bytes_append_byte(json, ']');
    tide_json_write_key(json, "kept_from");
    write_day(snapshot->events.expired.before_days, json);
    write_table(&snapshot->events, "events", json);
    write_table(&snapshot->rejected, "rejected", json);
    tide_bytes_append_text(json, "}\n");
}

/* ---- from text */

/* A whole number that is an element, not a member. */
static bool read_number(const struct tide_json *json, int64_t *number)
{
    char text[24];
    if (json == NULL || json->kind != TIDE_JSON_NUMBER || json->text.size >= sizeof(text)) {
        return false;
    }
    memcpy(text, json->text.data, json->text.size);
    text[json->text.size] = '\0';
    char *end = NULL;
    *number = strtoll(text, &end, 10);
    return *end == '\0';
}

/* Null, or a day. */
static bool read_day(const struct tide_json *json, int32_t *days)
{
    int64_t number = 0;
    const bool is_null = json != NULL && json->kind == TIDE_JSON_NULL;
    *days = TIDE_DATE_UNKNOWN;
    if (is_null || !read_number(json, &number) || number <= INT32_MIN || number > INT32_MAX) {
        return is_null;
    }
    *days = (int32_t)number;
    return true;
}

static bool read_file(const struct tide_json *json, struct tide_snapshot_file *file)
{
    int64_t size = 0;
    if (json->kind != TIDE_JSON_ARRAY || json->count != 3 ||
        json->first->kind != TIDE_JSON_STRING || !read_day(json->first->next, &file->date_days) ||
        !read_number(json->first->next->next, &size) || size < 0) {
        return false;
    }
    file->path = json->first->text;
    file->size = (uint64_t)size;
    return true;
}

static bool read_files(const struct tide_json *json,
                       struct tide_arena *arena,
                       struct tide_snapshot_table *table)
{
    if (json == NULL || json->kind != TIDE_JSON_ARRAY || json->count > TIDE_SNAPSHOT_FILES_MAX) {
        return false;
    }
    table->files = TIDE_ARENA_ARRAY(arena, struct tide_snapshot_file, json->count + 1U);
    for (const struct tide_json *file = json->first; table->files != NULL && file != NULL;
         file = file->next) {
        if (!read_file(file, &table->files[table->file_count++])) {
            return false;
        }
    }
    return table->files != NULL;
}

static bool read_epoch_array(const struct tide_json *json,
                             struct tide_arena *arena,
                             struct tide_snapshot *snapshot)
{
    if (json == NULL || json->kind != TIDE_JSON_ARRAY || json->count == 0 ||
        json->count > TIDE_SNAPSHOT_PARTITIONS_MAX) {
        return false;
    }
    snapshot->epochs = TIDE_ARENA_ARRAY(arena, int64_t, json->count);
    for (const struct tide_json *e = json->first; snapshot->epochs != NULL && e != NULL;
         e = e->next) {
        if (!read_number(e, &snapshot->epochs[snapshot->partition_count++])) {
            return false;
        }
    }
    return snapshot->epochs != NULL;
}

enum tide_status tide_snapshot_read(struct tide_view json,
                                    struct tide_arena *arena,
                                    struct tide_snapshot *snapshot,
                                    struct tide_error *error)
{
    struct tide_json *root = NULL;
    *snapshot = (struct tide_snapshot){.rejected.expired.before_days = TIDE_DATE_UNKNOWN};
    const enum tide_status status = tide_json_parse(arena, json, &root, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (!tide_json_get_text(root, "pipeline", &snapshot->pipeline) ||
        !tide_json_get_i64(root, "taken", &snapshot->taken.us) ||
        !read_epoch_array(tide_json_get(root, "epochs"), arena, snapshot) ||
        !read_day(tide_json_get(root, "kept_from"), &snapshot->events.expired.before_days) ||
        !read_files(tide_json_get(root, "events"), arena, &snapshot->events) ||
        !read_files(tide_json_get(root, "rejected"), arena, &snapshot->rejected)) {
        return tide_error_set(error, TIDE_REJECT, "not a snapshot of a lake");
    }
    return TIDE_OK;
}
