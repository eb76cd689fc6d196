/* The folders are listed before the log is read: a file that is committed between the two is in the
 * log by then, and one that is written between the two was not in the listing. */
#include "lake/vacuum.h"

#include "base/assert.h"
#include "lake/table_objects.h"

#include <stdio.h>

#include "base/banned.h"

static bool is_old(const struct tide_vacuum_options *options,
                   const struct tide_delta *delta,
                   const struct tide_table_object *object)
{
    const int64_t limit = tide_clock_now(options->table.clock).us - options->older.us;
    const struct tide_instant removed = tide_delta_removed(delta, object->path);
    return tide_instant_known(object->modified) && object->modified.us < limit &&
           (!tide_instant_known(removed) || removed.us < limit);
}

static bool is_needed(const struct tide_vacuum_options *options,
                      const struct tide_delta *delta,
                      const struct tide_table_object *object)
{
    return tide_delta_is_live(delta, object->path) ||
           (options->is_promised != NULL && options->is_promised(options->context, object->path));
}

static enum tide_status remove_object(const struct tide_vacuum_options *options,
                                      const struct tide_table_object *object,
                                      struct tide_error *error)
{
    char key[TIDE_STORE_KEY_BYTES_MAX];
    const struct tide_delta_options *table = &options->table;
    const int size = snprintf(
        key, sizeof(key), "%s/%.*s", table->layout->name, TIDE_VIEW_ARGUMENTS(object->path));
    if (size < 0 || (size_t)size >= sizeof(key)) {
        return tide_error_set(error, TIDE_FATAL, "a file's name is too long");
    }
    const enum tide_status status = table->store.operations->remove(table->store.self, key, error);
    return status == TIDE_REJECT ? TIDE_OK : status; /* somebody else was faster */
}

static enum tide_status remove_old(const struct tide_vacuum_options *options,
                                   const struct tide_delta *delta,
                                   const struct tide_table_objects *objects,
                                   struct tide_vacuum_report *report,
                                   struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < objects->count; i++) {
        const struct tide_table_object *object = &objects->items[i];
        if (is_needed(options, delta, object)) {
            continue;
        }
        if (!is_old(options, delta, object)) {
            report->kept_young++;
            continue;
        }
        if (options->files_max > 0 && report->files == options->files_max) {
            report->is_more = true;
            break;
        }
        status = options->is_dry ? TIDE_OK : remove_object(options, object, error);
        report->files += status == TIDE_OK;
        report->bytes += status == TIDE_OK ? object->size : 0;
    }
    return status;
}

enum tide_status tide_vacuum(const struct tide_vacuum_options *options,
                             struct tide_vacuum_report *report,
                             struct tide_error *error)
{
    struct tide_table_objects objects = {0};
    struct tide_delta_options table = options->table;
    struct tide_delta *delta = NULL;
    tide_assert(options->older.us >= INT64_C(3600000000) * TIDE_VACUUM_HOURS_MIN);
    *report = (struct tide_vacuum_report){0};
    table.keeps_files = true;
    enum tide_status status =
        tide_table_objects_list(table.store, table.layout->name, &objects, error);
    if (status == TIDE_OK) {
        status = tide_delta_open(&table, &delta, error);
    }
    /* Without a log every file would be nobody's. */
    if (status == TIDE_OK && tide_delta_version(delta) >= 0) {
        status = remove_old(options, delta, &objects, report, error);
    }
    if (status != TIDE_OK) {
        tide_error_prefix(error, "vacuum of %s", options->table.layout->name);
    }
    tide_delta_close(delta);
    tide_table_objects_release(&objects);
    return status;
}
