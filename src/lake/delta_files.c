/* The files that a Delta log names: a table of them by path, and what an add says of its file.
 *
 * Of each file the newest action is kept as the log has it, so that a checkpoint can repeat what
 * other writers said, and the rest is read when somebody asks. */
#include "lake/delta_internal.h"
#include "base/assert.h"
#include "base/civil.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FIRST_CAPACITY = 16,
    DATE_SIZE = 10 /* "2026-03-08" */
};

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory for the table's log");
}

static uint32_t *slot_of(const struct tide_delta_snapshot *snapshot, struct tide_view path)
{
    uint64_t at = tide_hash64(path, 0);
    for (;; at++) {
        uint32_t *slot = &snapshot->slots[at & (snapshot->slot_count - 1)];
        if (*slot == 0 || tide_view_equal(snapshot->files[*slot - 1].path, path)) {
            return slot;
        }
    }
}

/* Twice as many slots as files, so a search ends soon. */
static bool grow_files(struct tide_delta_snapshot *snapshot)
{
    uint32_t capacity = snapshot->file_capacity == 0 ? FIRST_CAPACITY : snapshot->file_capacity * 2;
    struct tide_delta_live *files = reallocarray(snapshot->files, capacity, sizeof(*files));
    if (files == NULL) {
        return false;
    }
    snapshot->files = files;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(snapshot->slots);
    snapshot->slots = slots;
    snapshot->slot_count = capacity * 2;
    snapshot->file_capacity = capacity;
    for (uint32_t i = 0; i < snapshot->file_count; i++) {
        *slot_of(snapshot, files[i].path) = i + 1;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Percent-decoded into the scratch arena; data NULL: no memory. A lone '%' stays. */
static struct tide_view decode_path(struct tide_delta_snapshot *snapshot, struct tide_view path)
{
    char *text = tide_arena_allocate_text(&snapshot->scratch, path.size);
    size_t size = 0;
    for (size_t i = 0; text != NULL && i < path.size; i++) {
        bool may_be = path.data[i] == '%' && path.size - i > 2;
        int high = may_be ? hex_digit(path.data[i + 1]) : -1;
        int low = may_be ? hex_digit(path.data[i + 2]) : -1;
        bool is_escape = high >= 0 && low >= 0;
        text[size++] = is_escape ? (char)(high * 16 + low) : path.data[i];
        i += is_escape ? 2 : 0;
    }
    return (struct tide_view){text, size};
}

enum tide_status tide_delta_snapshot_fold_file(struct tide_delta_snapshot *snapshot,
                                               const struct tide_json *action,
                                               bool is_add,
                                               struct tide_error *error)
{
    struct tide_view path = {0};
    uint64_t size = 0;
    if (!tide_json_get_text(action, "path", &path) || path.size == 0) {
        return tide_error_set(error, TIDE_FATAL, "an add or remove action without path");
    }
    if (!snapshot->keeps_files) {
        return TIDE_OK;
    }
    (void)tide_json_get_u64(action, "size", &size);
    if (snapshot->file_count == TIDE_DELTA_FILES_MAX) {
        return tide_error_set(
            error, TIDE_FATAL, "the table's log has over %d files", TIDE_DELTA_FILES_MAX);
    }
    path = decode_path(snapshot, path);
    if (path.data == NULL ||
        (snapshot->file_count == snapshot->file_capacity && !grow_files(snapshot))) {
        return no_memory(error);
    }
    uint32_t *slot = slot_of(snapshot, path);
    if (*slot == 0) {
        struct tide_view kept = tide_arena_copy(&snapshot->arena, path);
        if (kept.data == NULL) {
            return no_memory(error);
        }
        snapshot->files[snapshot->file_count++].path = kept;
        *slot = snapshot->file_count;
    }
    struct tide_delta_live *live = &snapshot->files[*slot - 1];
    live->source = tide_arena_copy(&snapshot->arena, action->source);
    live->size = size;
    live->is_live = is_add;
    return live->source.data == NULL ? no_memory(error) : TIDE_OK;
}

const struct tide_delta_live *tide_delta_snapshot_file(const struct tide_delta_snapshot *snapshot,
                                                       struct tide_view path)
{
    tide_assert(snapshot->keeps_files);
    if (snapshot->slot_count == 0) {
        return NULL;
    }
    const uint32_t slot = *slot_of(snapshot, path);
    return slot == 0 ? NULL : &snapshot->files[slot - 1];
}

/* ---- what an add says */

/* "2026-03-08"; null and "" are no date, and so is what is none. */
static int32_t read_date(const struct tide_json *value)
{
    char text[] = "0000-00-00T00:00:00Z";
    struct tide_instant t = {0};
    if (value == NULL || value->kind != TIDE_JSON_STRING || value->text.size != DATE_SIZE) {
        return TIDE_DATE_UNKNOWN;
    }
    memcpy(text, value->text.data, DATE_SIZE);
    return tide_civil_parse(tide_view_of(text), &t) ? (int32_t)tide_days_of(t) : TIDE_DATE_UNKNOWN;
}

enum tide_status tide_delta_entry_read(const struct tide_layout *layout,
                                       const struct tide_delta_live *live,
                                       struct tide_arena *scratch,
                                       struct tide_delta_entry *entry,
                                       struct tide_error *error)
{
    struct tide_json *add = NULL;
    struct tide_json *stats = NULL;
    int64_t time_ms = 0;
    *entry = (struct tide_delta_entry){.path = live->path, .size = live->size};
    tide_arena_reset(scratch);
    enum tide_status status = tide_json_parse(scratch, live->source, &add, error);
    if (status != TIDE_OK) {
        return status == TIDE_RETRY ? TIDE_RETRY : TIDE_FATAL;
    }
    entry->date_days =
        read_date(tide_json_get(tide_json_get(add, "partitionValues"), layout->date_column));
    entry->modified = tide_json_get_i64(add, "modificationTime", &time_ms)
                          ? (struct tide_instant){time_ms * 1000}
                          : TIDE_INSTANT_UNKNOWN;
    entry->has_row_count = tide_json_get_text(add, "stats", &entry->stats) &&
                           tide_json_parse(scratch, entry->stats, &stats, NULL) == TIDE_OK &&
                           tide_json_get_u64(stats, "numRecords", &entry->row_count);
    return TIDE_OK;
}
