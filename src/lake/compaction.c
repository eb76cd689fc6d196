/* A step: look at the log again -> choose a day's small files -> merge them into a scratch file ->
 * put it -> commit, if all of them are still live. Whatever ends it early leaves a file that nobody
 * names, which vacuum finds.
 *
 * Which files: the smallest of the day first, up to the target's size; and when there are enough,
 * no file that is larger than all those before it together, so that a day that grows by small files
 * rewrites each row a logarithmic number of times. */
#include "lake/compaction.h"

#include "base/assert.h"
#include "base/civil.h"
#include "lake/object_paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BYTES_MAX = 1024,
    PATH_BYTES_MAX = 4096,
    ARENA_BYTES_MAX = 256 << 20
};

struct candidate { /* a small file */
    struct tide_view path;
    int32_t date_days;
    uint64_t size;
    bool has_row_count;
    uint64_t row_count;
};

struct tide_compactor {
    struct tide_compaction_options options;
    struct tide_delta *delta;
    struct tide_u128 id; /* of this process, in the names of its files */
    uint64_t file_number;
    struct candidate *candidates;
    uint32_t candidate_count;
    uint32_t candidate_capacity;
    struct tide_arena arena; /* of a step */
};

/* ---- life */

void tide_compaction_options_default(struct tide_compaction_options *options, enum tide_table table)
{
    *options = (struct tide_compaction_options){
        .target_bytes = UINT64_C(128) << 20,
        .files_min = table == TIDE_TABLE_METRICS ? 2 : 8,
        .files_max = 1000,
    };
}

enum tide_status tide_compactor_open(const struct tide_compaction_options *options,
                                     struct tide_compactor **compactor,
                                     struct tide_error *error)
{
    tide_assert(options->files_min >= 2 && options->files_max >= options->files_min);
    tide_assert(options->table.scratch_directory != NULL);
    struct tide_compactor *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a compaction");
    }
    const struct tide_io io = options->table.io;
    made->options = *options;
    made->options.table.keeps_files = true;
    tide_arena_init(&made->arena, ARENA_BYTES_MAX);
    io.operations->random(io.self, &made->id, sizeof(made->id));
    enum tide_status status =
        io.operations->make_directory(io.self, options->table.scratch_directory, error);
    if (status == TIDE_OK) {
        status = tide_delta_open(&made->options.table, &made->delta, error);
    }
    if (status != TIDE_OK) {
        tide_compactor_close(made);
        return status;
    }
    *compactor = made;
    return TIDE_OK;
}

void tide_compactor_close(struct tide_compactor *compactor)
{
    if (compactor != NULL) {
        tide_delta_close(compactor->delta);
        tide_arena_release(&compactor->arena);
        free(compactor->candidates);
        free(compactor);
    }
}

/* ---- choosing */

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory for a compaction");
}

static enum tide_status see_file(void *context, const struct tide_delta_entry *entry)
{
    struct tide_compactor *compactor = context;
    if (entry->size >= compactor->options.target_bytes / 2) {
        return TIDE_OK;
    }
    if (compactor->candidate_count == compactor->candidate_capacity) {
        const uint32_t capacity =
            compactor->candidate_capacity == 0 ? 256 : compactor->candidate_capacity * 2;
        struct candidate *candidates =
            reallocarray(compactor->candidates, capacity, sizeof(*candidates));
        if (candidates == NULL) {
            return TIDE_RETRY;
        }
        compactor->candidates = candidates;
        compactor->candidate_capacity = capacity;
    }
    compactor->candidates[compactor->candidate_count++] = (struct candidate){
        entry->path, entry->date_days, entry->size, entry->has_row_count, entry->row_count};
    return TIDE_OK;
}

/* By day, then by size; names make the order one for every process. */
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    if (left->date_days != right->date_days) {
        return left->date_days < right->date_days ? -1 : 1;
    }
    if (left->size != right->size) {
        return left->size < right->size ? -1 : 1;
    }
    return tide_view_compare(left->path, right->path);
}

/* Of one day's, from the smallest: how many make a step; 0: too few. */
static uint32_t count_worth(const struct tide_compaction_options *options,
                            const struct candidate *candidates,
                            uint32_t count)
{
    uint64_t bytes = 0;
    uint32_t taken = 0;
    while (taken < count && taken < options->files_max) {
        const uint64_t size = candidates[taken].size;
        const bool is_full = taken >= 2 && bytes + size > options->target_bytes;
        if (is_full || (taken >= options->files_min && size > bytes)) {
            break;
        }
        bytes += size;
        taken++;
    }
    return taken >= options->files_min ? taken : 0;
}

static enum tide_status choose(struct tide_compactor *compactor,
                               const struct candidate **first,
                               uint32_t *count,
                               struct tide_error *error)
{
    struct tide_delta_visitor visitor = {see_file, compactor};
    *count = 0;
    compactor->candidate_count = 0;
    enum tide_status status = tide_delta_refresh(compactor->delta, error);
    if (status == TIDE_OK) {
        status = tide_delta_entries(compactor->delta, visitor, error);
        status = status == TIDE_RETRY ? no_memory(error) : status;
    }
    if (status != TIDE_OK || compactor->candidate_count == 0) {
        return status;
    }
    const struct candidate *all = compactor->candidates;
    qsort(compactor->candidates, compactor->candidate_count, sizeof(*all), compare_candidates);
    uint32_t end = 0;
    for (uint32_t start = 0; start < compactor->candidate_count; start = end) {
        for (end = start + 1;
             end < compactor->candidate_count && all[end].date_days == all[start].date_days;) {
            end++;
        }
        const uint32_t worth = count_worth(&compactor->options, all + start, end - start);
        if (worth > *count) {
            *first = all + start;
            *count = worth;
        }
    }
    return TIDE_OK;
}

/* ---- objects on this machine */

static enum tide_status fetch_all(struct tide_compactor *compactor,
                                  const struct candidate *files,
                                  uint32_t count,
                                  struct tide_object_paths *paths,
                                  struct tide_error *error)
{
    const struct tide_delta_options *table = &compactor->options.table;
    enum tide_status status = tide_object_paths_reserve(paths, &compactor->arena, count, error);
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        status = tide_object_paths_add(
            paths, &compactor->arena, table->store, table->layout->name, files[i].path, error);
    }
    return status;
}

struct coverage {
    struct tide_compactor *compactor;
    struct tide_view *paths;
    uint32_t count;
    uint32_t capacity;
};

static enum tide_status see_coverage(void *context, const struct tide_delta_entry *entry)
{
    struct coverage *coverage = context;
    if (entry->date_days == TIDE_DATE_UNKNOWN && coverage->count < coverage->capacity) {
        coverage->paths[coverage->count] = entry->path;
    }
    coverage->count += entry->date_days == TIDE_DATE_UNKNOWN;
    return TIDE_OK;
}

/* Rows of coverage are of no window: they are where the date is unknown, whatever their size. */
static enum tide_status fetch_coverage(struct tide_compactor *compactor,
                                       struct tide_object_paths *paths,
                                       struct tide_error *error)
{
    struct coverage coverage = {.compactor = compactor};
    const struct tide_delta_visitor visitor = {see_coverage, &coverage};
    const struct tide_delta_options *table = &compactor->options.table;
    if (table->layout->table != TIDE_TABLE_METRICS) {
        return TIDE_OK;
    }
    enum tide_status status = tide_delta_entries(compactor->delta, visitor, error);
    coverage.capacity = coverage.count;
    coverage.paths = TIDE_ARENA_ARRAY(&compactor->arena, struct tide_view, coverage.count + 1U);
    if (status == TIDE_OK && coverage.paths == NULL) {
        return no_memory(error);
    }
    coverage.count = 0;
    if (status == TIDE_OK) {
        status = tide_delta_entries(compactor->delta, visitor, error);
    }
    if (status == TIDE_OK) {
        status = tide_object_paths_reserve(paths, &compactor->arena, coverage.count, error);
    }
    for (uint32_t i = 0; status == TIDE_OK && i < coverage.count; i++) {
        status = tide_object_paths_add(
            paths, &compactor->arena, table->store, table->layout->name, coverage.paths[i], error);
    }
    return status;
}

/* ---- the new file */

static struct tide_view new_path(struct tide_compactor *compactor, int32_t date_days)
{
    char date[TIDE_CIVIL_TEXT_MAX] = "__HIVE_DEFAULT_PARTITION__";
    char path[KEY_BYTES_MAX];
    if (date_days != TIDE_DATE_UNKNOWN) {
        (void)tide_civil_format_date(date_days, date);
    }
    const int size = snprintf(path,
                              sizeof(path),
                              "%s=%s/%016" PRIx64 "%016" PRIx64 "-compact-%" PRIu64 ".%s",
                              compactor->options.table.layout->date_column,
                              date,
                              compactor->id.high,
                              compactor->id.low,
                              compactor->file_number++,
                              compactor->options.rewriter.extension);
    tide_assert(size > 0 && (size_t)size < sizeof(path));
    return tide_arena_copy(&compactor->arena, (struct tide_view){path, (size_t)size});
}

/* Every row, or (of metrics) none that was not there. */
static enum tide_status check_counts(const struct tide_compactor *compactor,
                                     const struct candidate *files,
                                     uint32_t count,
                                     const struct tide_merged *merged,
                                     struct tide_error *error)
{
    uint64_t known = 0;
    bool is_known = true;
    for (uint32_t i = 0; i < count; i++) {
        is_known = is_known && files[i].has_row_count;
        known += files[i].row_count;
    }
    const bool may_drop = compactor->options.table.layout->table == TIDE_TABLE_METRICS;
    const bool is_right = (!is_known || known == merged->input_rows) &&
                          (merged->row_count == merged->input_rows ||
                           (may_drop && merged->row_count < merged->input_rows));
    return is_right ? TIDE_OK
                    : tide_error_set(error,
                                     TIDE_FATAL,
                                     "%u files of %s should have %" PRIu64 " rows, have %" PRIu64
                                     ", and %" PRIu64 " were written: nothing was changed",
                                     count,
                                     compactor->options.table.layout->name,
                                     is_known ? known : merged->input_rows,
                                     merged->input_rows,
                                     merged->row_count);
}

static enum tide_status put_merged(struct tide_compactor *compactor,
                                   const char *scratch_path,
                                   struct tide_view path,
                                   struct tide_error *error)
{
    char key[KEY_BYTES_MAX];
    const struct tide_store store = compactor->options.table.store;
    (void)snprintf(key,
                   sizeof(key),
                   "%s/%.*s",
                   compactor->options.table.layout->name,
                   TIDE_VIEW_ARGUMENTS(path));
    return store.operations->put_file(store.self, key, scratch_path, error);
}

static void remove_merged(struct tide_compactor *compactor, struct tide_view path)
{
    char key[KEY_BYTES_MAX];
    const struct tide_store store = compactor->options.table.store;
    (void)snprintf(key,
                   sizeof(key),
                   "%s/%.*s",
                   compactor->options.table.layout->name,
                   TIDE_VIEW_ARGUMENTS(path));
    (void)store.operations->remove(store.self, key, NULL);
}

static enum tide_status exchange(struct tide_compactor *compactor,
                                 const struct candidate *files,
                                 uint32_t count,
                                 const struct tide_delta_file *merged,
                                 struct tide_compaction_step *step,
                                 struct tide_error *error)
{
    bool is_done = false;
    struct tide_view *removes = TIDE_ARENA_ARRAY(&compactor->arena, struct tide_view, count);
    const bool has_file = merged->row_count > 0;
    if (removes == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        removes[i] = files[i].path;
    }
    struct tide_delta_change change = {
        .operation = "OPTIMIZE",
        .is_data_change = merged->row_count != step->rows_before,
        .removes = removes,
        .remove_count = count,
        .adds = merged,
        .add_count = has_file ? 1 : 0,
    };
    if (!has_file) { /* by what else would one know that it was done? */
        change.app_id = TIDE_VIEW("tidemark/compaction");
        change.expected = tide_delta_transaction_version(compactor->delta, change.app_id);
        change.version = change.expected + 1;
    }
    const enum tide_status status = tide_delta_change(compactor->delta, &change, &is_done, error);
    step->is_lost = status == TIDE_OK && !is_done;
    if (step->is_lost && has_file) {
        remove_merged(compactor, merged->path);
    }
    return status;
}

/* ---- a step */

/* They live in the table's snapshot, which may be another one when the commit is made. */
static bool keep_paths(struct tide_compactor *compactor, size_t first, uint32_t count)
{
    bool is_kept = true;
    for (size_t i = first; i < first + count; i++) {
        struct tide_view *path = &compactor->candidates[i].path;
        *path = tide_arena_copy(&compactor->arena, *path);
        is_kept = is_kept && path->data != NULL;
    }
    return is_kept;
}

static enum tide_status merge(struct tide_compactor *compactor,
                              const struct candidate *files,
                              uint32_t count,
                              struct tide_compaction_step *step,
                              struct tide_error *error)
{
    char scratch[PATH_BYTES_MAX];
    struct tide_object_paths inputs = {0};
    struct tide_object_paths coverage = {0};
    struct tide_merged merged = {0};
    struct tide_bytes stats = {0};
    const struct tide_compaction_options *options = &compactor->options;
    const int size = snprintf(scratch,
                              sizeof(scratch),
                              "%s/%s-compact-%016" PRIx64 ".%s",
                              options->table.scratch_directory,
                              options->table.layout->name,
                              compactor->id.low,
                              options->rewriter.extension);
    if (size < 0 || (size_t)size >= sizeof(scratch)) {
        return tide_error_set(error, TIDE_FATAL, "the scratch directory's path is too long");
    }
    enum tide_status status = fetch_all(compactor, files, count, &inputs, error);
    if (status == TIDE_OK) {
        status = fetch_coverage(compactor, &coverage, error);
    }
    if (status == TIDE_OK) {
        const struct tide_merge wanted = {.layout = options->table.layout,
                                          .paths = inputs.paths,
                                          .path_count = inputs.count,
                                          .coverage_paths = coverage.paths,
                                          .coverage_count = coverage.count,
                                          .scratch_path = scratch};
        status = options->rewriter.operations->merge(
            options->rewriter.self, &wanted, &merged, &stats, error);
    }
    tide_object_paths_unpin(&inputs, options->table.store);
    tide_object_paths_unpin(&coverage, options->table.store);
    if (status == TIDE_OK) {
        status = check_counts(compactor, files, count, &merged, error);
    }
    struct tide_delta_file file = {.path = new_path(compactor, files[0].date_days),
                                   .date_days = files[0].date_days,
                                   .size = merged.size,
                                   .row_count = merged.row_count,
                                   .stats = tide_bytes_view(&stats)};
    if (status == TIDE_OK && (file.path.data == NULL || stats.failed)) {
        status = no_memory(error);
    }
    if (status == TIDE_OK && merged.row_count > 0) {
        status = put_merged(compactor, scratch, file.path, error);
    }
    step->files_after = merged.row_count > 0 ? 1 : 0;
    step->bytes_after = merged.size;
    step->rows_before = merged.input_rows;
    step->rows_after = merged.row_count;
    if (status == TIDE_OK) {
        status = exchange(compactor, files, count, &file, step, error);
    }
    tide_bytes_release(&stats);
    return status;
}

enum tide_status tide_compactor_step(struct tide_compactor *compactor,
                                     struct tide_compaction_step *step,
                                     struct tide_error *error)
{
    const struct candidate *files = NULL;
    uint32_t count = 0;
    *step = (struct tide_compaction_step){0};
    tide_arena_reset(&compactor->arena);
    enum tide_status status = choose(compactor, &files, &count, error);
    step->is_idle = status == TIDE_OK && count == 0;
    if (status != TIDE_OK || step->is_idle) {
        return status;
    }
    if (!keep_paths(compactor, (size_t)(files - compactor->candidates), count)) {
        return no_memory(error);
    }
    step->date_days = files[0].date_days;
    step->files_before = count;
    for (uint32_t i = 0; i < count; i++) {
        step->bytes_before += files[i].size;
    }
    status = merge(compactor, files, count, step, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "compaction of %s", compactor->options.table.layout->name);
    }
    return status;
}
