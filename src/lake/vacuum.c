/* The folders are listed before the log is read: a file that is committed between the two is in the
 * log by then, and one that is written between the two was not in the listing. */
#include "lake/vacuum.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    OBJECTS_MAX = 1 << 24,
    FOLDERS_MAX = 1 << 20,
    ARENA_BYTES_MAX = 1 << 30
};

struct object {
    struct tide_view path; /* in the table */
    uint64_t size;
    struct tide_instant modified;
};

struct vacuum {
    const struct tide_vacuum_options *options;
    struct tide_vacuum_report *report;
    struct tide_arena arena;
    struct tide_view *folders; /* with '/' behind them */
    uint32_t folder_count;
    uint32_t folder_capacity;
    struct tide_view folder; /* that is listed */
    struct object *objects;
    uint32_t object_count;
    uint32_t object_capacity;
    bool is_out_of_memory;
};

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory to vacuum a table");
}

/* ---- what lies there */

static bool grow(void **array, uint32_t count, uint32_t *capacity, size_t size, uint32_t most)
{
    if (count < *capacity) {
        return true;
    }
    const uint32_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = wanted > most ? NULL : reallocarray(*array, wanted, size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

static struct tide_view join(struct vacuum *vacuum, const char *name, const char *end)
{
    struct tide_bytes text = {0};
    tide_bytes_append_view(&text, vacuum->folder);
    tide_bytes_append_text(&text, name);
    tide_bytes_append_text(&text, end);
    const struct tide_view kept = tide_arena_copy(&vacuum->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    vacuum->is_out_of_memory = vacuum->is_out_of_memory || kept.data == NULL;
    return kept;
}

static void add_folder(struct vacuum *vacuum, const char *name)
{
    void *folders = vacuum->folders;
    if (!grow(&folders,
              vacuum->folder_count,
              &vacuum->folder_capacity,
              sizeof(*vacuum->folders),
              FOLDERS_MAX)) {
        vacuum->is_out_of_memory = true;
        return;
    }
    vacuum->folders = folders;
    vacuum->folders[vacuum->folder_count++] = join(vacuum, name, "/");
}

/* Names that begin with '_' or '.' are not data. */
static void see_entry(void *context, const struct tide_store_entry *entry)
{
    struct vacuum *vacuum = context;
    if (entry->name[0] == '_' || entry->name[0] == '.' || vacuum->is_out_of_memory) {
        return;
    }
    if (entry->is_folder) {
        add_folder(vacuum, entry->name);
        return;
    }
    void *objects = vacuum->objects;
    if (!grow(&objects,
              vacuum->object_count,
              &vacuum->object_capacity,
              sizeof(*vacuum->objects),
              OBJECTS_MAX)) {
        vacuum->is_out_of_memory = true;
        return;
    }
    vacuum->objects = objects;
    vacuum->objects[vacuum->object_count++] =
        (struct object){join(vacuum, entry->name, ""), entry->size, entry->modified};
}

static enum tide_status list_all(struct vacuum *vacuum, struct tide_error *error)
{
    const struct tide_delta_options *table = &vacuum->options->table;
    enum tide_status status = TIDE_OK;
    add_folder(vacuum, "");
    if (vacuum->folder_count > 0) {
        vacuum->folders[0] = TIDE_VIEW(""); /* the table's own */
    }
    for (uint32_t i = 0; status == TIDE_OK && i < vacuum->folder_count; i++) {
        char prefix[TIDE_STORE_KEY_BYTES_MAX];
        vacuum->folder = vacuum->folders[i];
        const int size = snprintf(prefix,
                                  sizeof(prefix),
                                  "%s/%.*s",
                                  table->layout->name,
                                  TIDE_VIEW_ARGUMENTS(vacuum->folder));
        if (size < 0 || (size_t)size >= sizeof(prefix)) {
            return tide_error_set(error, TIDE_FATAL, "a folder's name is too long");
        }
        status = table->store.operations->list(table->store.self, prefix, see_entry, vacuum, error);
    }
    return status == TIDE_OK && vacuum->is_out_of_memory ? no_memory(error) : status;
}

/* ---- what of it may go */

static bool is_old(const struct vacuum *vacuum,
                   const struct tide_delta *delta,
                   const struct object *object)
{
    const int64_t limit =
        tide_clock_now(vacuum->options->table.clock).us - vacuum->options->older.us;
    const struct tide_instant removed = tide_delta_removed(delta, object->path);
    return tide_instant_known(object->modified) && object->modified.us < limit &&
           (!tide_instant_known(removed) || removed.us < limit);
}

static enum tide_status remove_object(struct vacuum *vacuum,
                                      const struct object *object,
                                      struct tide_error *error)
{
    char key[TIDE_STORE_KEY_BYTES_MAX];
    const struct tide_delta_options *table = &vacuum->options->table;
    (void)snprintf(
        key, sizeof(key), "%s/%.*s", table->layout->name, TIDE_VIEW_ARGUMENTS(object->path));
    const enum tide_status status = table->store.operations->remove(table->store.self, key, error);
    return status == TIDE_REJECT ? TIDE_OK : status; /* somebody else was faster */
}

static enum tide_status remove_old(struct vacuum *vacuum,
                                   const struct tide_delta *delta,
                                   struct tide_error *error)
{
    const struct tide_vacuum_options *options = vacuum->options;
    struct tide_vacuum_report *report = vacuum->report;
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < vacuum->object_count; i++) {
        const struct object *object = &vacuum->objects[i];
        if (tide_delta_is_live(delta, object->path) ||
            (options->is_promised != NULL &&
             options->is_promised(options->context, object->path))) {
            continue;
        }
        if (!is_old(vacuum, delta, object)) {
            report->kept_young++;
            continue;
        }
        if (options->files_max > 0 && report->files == options->files_max) {
            report->is_more = true;
            break;
        }
        status = options->is_dry ? TIDE_OK : remove_object(vacuum, object, error);
        report->files += status == TIDE_OK;
        report->bytes += status == TIDE_OK ? object->size : 0;
    }
    return status;
}

enum tide_status tide_vacuum(const struct tide_vacuum_options *options,
                             struct tide_vacuum_report *report,
                             struct tide_error *error)
{
    struct vacuum vacuum = {.options = options, .report = report};
    struct tide_delta_options table = options->table;
    struct tide_delta *delta = NULL;
    tide_assert(options->older.us >= INT64_C(3600000000) * TIDE_VACUUM_HOURS_MIN);
    *report = (struct tide_vacuum_report){0};
    tide_arena_init(&vacuum.arena, ARENA_BYTES_MAX);
    table.keeps_files = true;
    enum tide_status status = list_all(&vacuum, error);
    if (status == TIDE_OK) {
        status = tide_delta_open(&table, &delta, error);
    }
    /* Without a log every file would be nobody's. */
    if (status == TIDE_OK && tide_delta_version(delta) >= 0) {
        status = remove_old(&vacuum, delta, error);
    }
    if (status != TIDE_OK) {
        tide_error_prefix(error, "vacuum of %s", options->table.layout->name);
    }
    tide_delta_close(delta);
    tide_arena_release(&vacuum.arena);
    free(vacuum.folders);
    free(vacuum.objects);
    return status;
}
