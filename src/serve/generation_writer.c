/* Rows gather in memory; when they are many, or at the end, each date's become a file. Only the
 * commit gives the files a meaning, so files come first and nothing has to be undone. */
#include "serve/generation_writer.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "serve/batch_cell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEY_BYTES_MAX = 512,
    FILES_MAX = 1 << 20,
    ARENA_BYTES_MAX = 1 << 30,
    SCRATCH_BYTES_MAX = 64 << 20,
    ROWS_BYTES_MAX = 256 << 20,
    APP_ID_SIZE = TIDE_IDENTITY_TEXT_SIZE + sizeof("/batch")
};

enum metrics_column { /* in the order of lake/rows.h */
    METRICS_METRIC,
    METRICS_DEFINITION,
    METRICS_GENERATION,
    METRICS_WINDOW_START,
    METRICS_WINDOW_END,
    METRICS_DIMENSIONS,
    METRICS_VALUE,
    METRICS_RESULT,
    METRICS_STATE,
    METRICS_EPOCHS,
    METRICS_OFFSETS,
    METRICS_RUN,
    METRICS_COMPUTED_TIME,
    METRICS_COLUMN_COUNT,
};

struct tide_generation_writer {
    struct tide_generation_writer_options options;
    struct tide_delta *delta;
    char app_id[APP_ID_SIZE];
    char id[TIDE_IDENTITY_TEXT_SIZE]; /* of this process, in the names of its files */
    int64_t run;
    int64_t last_run; /* that the table has, or TIDE_DELTA_NEVER */
    struct tide_instant computed;
    struct tide_bytes epochs; /* JSON arrays */
    struct tide_bytes reads;
    struct tide_rows *rows;
    struct tide_delta_file *files;
    uint32_t file_count;
    uint32_t file_capacity;
    struct tide_arena arena;   /* paths and stats of files */
    struct tide_arena scratch; /* of a row */
    struct tide_bytes text;    /* of a row */
    struct tide_bytes part;    /* of a row */
};

/* ---- life */

static void write_arrays(struct tide_generation_writer *writer)
{
    const struct tide_generation_writer_options *options = &writer->options;
    for (uint32_t p = 0; p < options->identity.partition_count; p++) {
        const char *separator = p == 0 ? "[" : ",";
        tide_bytes_append_format(&writer->epochs, "%s%" PRId64, separator, options->epochs[p]);
        tide_bytes_append_format(&writer->reads, "%s%" PRIu64, separator, options->reads[p]);
    }
    tide_bytes_append_byte(&writer->epochs, ']');
    tide_bytes_append_byte(&writer->reads, ']');
}

static void write_app_id(const struct tide_identity *identity, char app_id[APP_ID_SIZE])
{
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(identity->pipeline, pipeline);
    (void)snprintf(app_id, APP_ID_SIZE, "%s/batch", pipeline);
}

static enum tide_status open_table(const struct tide_generation_writer_options *options,
                                   struct tide_delta **out,
                                   struct tide_error *error)
{
    char table_id[TIDE_IDENTITY_TEXT_SIZE];
    struct tide_u128 id = options->identity.pipeline;
    id.low += options->layout->number; /* as those that epochs write have theirs */
    tide_identity_format(id, table_id);
    const struct tide_delta_options delta = {.store = options->store,
                                             .clock = options->clock,
                                             .layout = options->layout,
                                             .table_id = tide_view_of(table_id),
                                             .engine = options->engine,
                                             .codec = options->codec,
                                             .scratch_directory = options->scratch_directory,
                                             .io = options->io};
    return tide_delta_open(&delta, out, error);
}

enum tide_status tide_generation_last_run(const struct tide_generation_writer_options *options,
                                          int64_t *run,
                                          struct tide_error *error)
{
    char app_id[APP_ID_SIZE];
    struct tide_delta *delta = NULL;
    const enum tide_status status = open_table(options, &delta, error);
    if (status == TIDE_OK) {
        write_app_id(&options->identity, app_id);
        const int64_t last = tide_delta_transaction_version(delta, tide_view_of(app_id));
        *run = last == TIDE_DELTA_NEVER ? 0 : last;
    }
    tide_delta_close(delta);
    return status;
}

enum tide_status tide_generation_writer_open(const struct tide_generation_writer_options *options,
                                             struct tide_generation_writer **out,
                                             struct tide_error *error)
{
    struct tide_u128 id = {0};
    tide_assert(options->layout->column_count == METRICS_COLUMN_COUNT);
    struct tide_generation_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a batch run");
    }
    writer->options = *options;
    tide_arena_init(&writer->arena, ARENA_BYTES_MAX);
    tide_arena_init(&writer->scratch, SCRATCH_BYTES_MAX);
    options->io.operations->random(options->io.self, &id, sizeof(id));
    tide_identity_format(id, writer->id);
    write_app_id(&options->identity, writer->app_id);
    writer->computed = tide_clock_now(options->clock);
    write_arrays(writer);
    enum tide_status status =
        options->io.operations->make_directory(options->io.self, options->scratch_directory, error);
    if (status == TIDE_OK) {
        status = open_table(options, &writer->delta, error);
    }
    if (status == TIDE_OK) {
        status = tide_rows_create(options->layout, &writer->rows, error);
    }
    if (status != TIDE_OK) {
        tide_generation_writer_close(writer);
        return status;
    }
    const struct tide_view app_id = tide_view_of(writer->app_id);
    writer->last_run = tide_delta_transaction_version(writer->delta, app_id);
    writer->run = writer->last_run == TIDE_DELTA_NEVER ? 1 : writer->last_run + 1;
    *out = writer;
    return TIDE_OK;
}

void tide_generation_writer_close(struct tide_generation_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    tide_delta_close(writer->delta);
    tide_rows_destroy(writer->rows);
    tide_arena_release(&writer->arena);
    tide_arena_release(&writer->scratch);
    tide_bytes_release(&writer->epochs);
    tide_bytes_release(&writer->reads);
    tide_bytes_release(&writer->text);
    tide_bytes_release(&writer->part);
    free(writer->files);
    free(writer);
}

int64_t tide_generation_writer_run(const struct tide_generation_writer *writer)
{
    return writer->run;
}

/* ---- files */

static struct tide_delta_file *add_file(struct tide_generation_writer *writer)
{
    if (writer->file_count == writer->file_capacity) {
        const uint32_t capacity = writer->file_capacity == 0 ? 64 : writer->file_capacity * 2;
        struct tide_delta_file *files =
            capacity > FILES_MAX ? NULL : reallocarray(writer->files, capacity, sizeof(*files));
        if (files == NULL) {
            return NULL;
        }
        writer->files = files;
        writer->file_capacity = capacity;
    }
    return &writer->files[writer->file_count];
}

static struct tide_view file_path(struct tide_generation_writer *writer, int32_t date_days)
{
    char date[TIDE_CIVIL_TEXT_MAX] = "__HIVE_DEFAULT_PARTITION__";
    char path[KEY_BYTES_MAX];
    if (date_days != TIDE_DATE_UNKNOWN) {
        tide_civil_format_date(date_days, date);
    }
    const int size = snprintf(path,
                              sizeof(path),
                              "%s=%s/%s-batch-%" PRId64 "-%" PRIu32 ".%s",
                              writer->options.layout->date_column,
                              date,
                              writer->id,
                              writer->run,
                              writer->file_count,
                              writer->options.writer.extension);
    tide_assert(size > 0 && (size_t)size < sizeof(path));
    return tide_arena_copy(&writer->arena, (struct tide_view){path, (size_t)size});
}

struct filing {
    struct tide_generation_writer *writer;
    struct tide_error *error;
};

static enum tide_status write_file(void *context,
                                   int32_t date_days,
                                   const uint32_t *row_indices,
                                   uint32_t row_count)
{
    const struct filing *filing = context;
    struct tide_generation_writer *writer = filing->writer;
    const struct tide_generation_writer_options *options = &writer->options;
    const struct tide_table_writer table = options->writer;
    char scratch[KEY_BYTES_MAX * 2];
    char key[KEY_BYTES_MAX * 2];
    struct tide_delta_file *file = add_file(writer);
    if (file == NULL) {
        return tide_error_set(filing->error, TIDE_RETRY, "no memory for the files of a batch run");
    }
    *file = (struct tide_delta_file){.date_days = date_days, .row_count = row_count};
    tide_bytes_reset(&writer->text);
    tide_rows_stats(writer->rows, row_indices, row_count, &writer->text);
    file->stats = tide_arena_copy(&writer->arena, tide_bytes_view(&writer->text));
    file->path = file_path(writer, date_days);
    if (writer->text.failed || file->stats.data == NULL || file->path.data == NULL) {
        return tide_error_set(filing->error, TIDE_RETRY, "no memory for the files of a batch run");
    }
    const int scratch_size = snprintf(scratch,
                                      sizeof(scratch),
                                      "%s/%s-%s.%s",
                                      options->scratch_directory,
                                      options->layout->name,
                                      writer->id,
                                      table.extension);
    if (scratch_size < 0 || (size_t)scratch_size >= sizeof(scratch)) {
        return tide_error_set(filing->error, TIDE_FATAL, "the path of the lake is too long");
    }
    (void)snprintf(
        key, sizeof(key), "%s/%.*s", options->layout->name, TIDE_VIEW_ARGUMENTS(file->path));
    enum tide_status status = table.operations->write(
        table.self, writer->rows, row_indices, row_count, scratch, &file->size, filing->error);
    if (status == TIDE_OK) {
        status =
            options->store.operations->put_file(options->store.self, key, scratch, filing->error);
    }
    writer->file_count += status == TIDE_OK;
    return status;
}

/* The rows so far become files; then there are none. */
static enum tide_status write_files(struct tide_generation_writer *writer, struct tide_error *error)
{
    struct filing filing = {writer, error};
    enum tide_status status = tide_rows_by_date(writer->rows, write_file, &filing, error);
    if (status == TIDE_OK) {
        tide_rows_destroy(writer->rows);
        writer->rows = NULL;
        status = tide_rows_create(writer->options.layout, &writer->rows, error);
    }
    return status;
}

/* ---- rows */

/* Of the line that people see: its group, and all behind it. A cohort has no group. */
static bool split_line(struct tide_generation_writer *writer,
                       struct tide_view *group,
                       struct tide_bytes *rest)
{
    struct tide_json *line = NULL;
    tide_arena_reset(&writer->scratch);
    tide_bytes_reset(rest);
    if (tide_json_parse(&writer->scratch, tide_bytes_view(&writer->text), &line, NULL) != TIDE_OK) {
        return false;
    }
    *group = TIDE_VIEW("{}");
    tide_bytes_append_byte(rest, '{');
    for (const struct tide_json *member = line->first; member != NULL; member = member->next) {
        if (tide_view_equal(member->key, TIDE_VIEW("group"))) {
            *group = member->source;
        } else if (!tide_view_equal(member->key, TIDE_VIEW("metric")) &&
                   !tide_view_equal(member->key, TIDE_VIEW("start")) &&
                   !tide_view_equal(member->key, TIDE_VIEW("end"))) {
            tide_bytes_append_text(rest, rest->size > 1 ? ", " : "");
            tide_json_write_string(rest, member->key);
            tide_bytes_append_text(rest, ": ");
            tide_bytes_append_view(rest, member->source);
        }
    }
    tide_bytes_append_byte(rest, '}');
    return !rest->failed;
}

/* What a row of either kind begins with. */
static bool begin_row(struct tide_generation_writer *writer,
                      const struct tide_metric *metric,
                      const char *generation,
                      int32_t date_days)
{
    struct tide_rows *rows = writer->rows;
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(metric->hash, hash);
    if (tide_rows_begin(rows, date_days) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_METRIC, metric->name) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_DEFINITION, tide_view_of(hash)) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_GENERATION, tide_view_of(generation)) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_EPOCHS, tide_bytes_view(&writer->epochs)) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_OFFSETS, tide_bytes_view(&writer->reads)) != TIDE_OK) {
        return false;
    }
    tide_rows_set_number(rows, METRICS_RUN, writer->run);
    tide_rows_set_number(rows, METRICS_COMPUTED_TIME, writer->computed.us);
    return true;
}

static bool add_coverage(struct tide_generation_writer *writer,
                         const struct tide_metric *metric,
                         struct tide_window span)
{
    if (!begin_row(writer, metric, "coverage", TIDE_DATE_UNKNOWN)) {
        return false;
    }
    if (tide_instant_known(span.start)) {
        tide_rows_set_number(writer->rows, METRICS_WINDOW_START, span.start.us);
    }
    if (tide_instant_known(span.end)) {
        tide_rows_set_number(writer->rows, METRICS_WINDOW_END, span.end.us);
    }
    return true;
}

static bool add_cell(struct tide_generation_writer *writer,
                     const struct tide_metric *metric,
                     const struct tide_result *result,
                     const struct tide_result_row *row)
{
    struct tide_rows *rows = writer->rows;
    struct tide_view group = {0};
    double number = 0;
    tide_bytes_reset(&writer->text);
    tide_result_write_json(result, row, (struct tide_view){0}, &writer->text);
    if (writer->text.failed || !split_line(writer, &group, &writer->part) ||
        !begin_row(writer, metric, "batch", (int32_t)tide_days_of(row->window.start)) ||
        tide_rows_set_text(rows, METRICS_DIMENSIONS, group) != TIDE_OK ||
        tide_rows_set_text(rows, METRICS_RESULT, tide_bytes_view(&writer->part)) != TIDE_OK) {
        return false;
    }
    tide_rows_set_number(rows, METRICS_WINDOW_START, row->window.start.us);
    tide_rows_set_number(rows, METRICS_WINDOW_END, row->window.end.us);
    if (tide_result_number(result, row, &number)) {
        tide_rows_set_double(rows, METRICS_VALUE, number);
    }
    if (metric->kind == TIDE_METRIC_RATIO) {
        return true; /* it is divided from its parts when asked */
    }
    const struct tide_cell cell = {row->window, row->group, row->value};
    tide_bytes_reset(&writer->text);
    tide_batch_cell_write(metric, &cell, &writer->text);
    return !writer->text.failed &&
           tide_rows_set_text(rows, METRICS_STATE, tide_bytes_view(&writer->text)) == TIDE_OK;
}

static bool is_within(struct tide_window span, struct tide_window window)
{
    return (!tide_instant_known(span.start) || window.start.us >= span.start.us) &&
           (!tide_instant_known(span.end) || window.end.us <= span.end.us);
}

enum tide_status tide_generation_writer_add(struct tide_generation_writer *writer,
                                            const struct tide_metric *metric,
                                            const struct tide_result *result,
                                            struct tide_window span,
                                            struct tide_generation_count *count,
                                            struct tide_error *error)
{
    struct tide_window last = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    *count = (struct tide_generation_count){0};
    enum tide_status status = add_coverage(writer, metric, span) ? TIDE_OK : TIDE_RETRY;
    for (uint64_t i = 0; status == TIDE_OK && i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        if (!is_within(span, row.window)) {
            continue;
        }
        status = add_cell(writer, metric, result, &row) ? TIDE_OK : TIDE_RETRY;
        count->cells++;
        count->windows += row.window.start.us != last.start.us || row.window.end.us != last.end.us;
        last = row.window;
        if (status == TIDE_OK && tide_rows_bytes(writer->rows) > ROWS_BYTES_MAX) {
            status = write_files(writer, error);
            if (status != TIDE_OK) {
                return status;
            }
        }
    }
    return status == TIDE_OK ? TIDE_OK
                             : tide_error_set(error,
                                              TIDE_RETRY,
                                              "no memory for the rows of metric '%.*s'",
                                              TIDE_VIEW_ARGUMENTS(metric->name));
}

/* ---- the commit */

struct search {
    struct tide_view path;
    bool is_found;
};

static void compare_path(void *context, struct tide_view path, uint64_t size)
{
    struct search *search = context;
    (void)size;
    search->is_found = search->is_found || tide_view_equal(path, search->path);
}

/* The table has a run of our number: is it ours? */
static enum tide_status find_ours(struct tide_generation_writer *writer,
                                  bool *is_ours,
                                  struct tide_error *error)
{
    struct search search = {.path = writer->files[0].path};
    const enum tide_status status = tide_delta_files(writer->delta, compare_path, &search, error);
    *is_ours = search.is_found;
    return status;
}

static void remove_files(const struct tide_generation_writer *writer)
{
    const struct tide_generation_writer_options *options = &writer->options;
    char key[KEY_BYTES_MAX * 2];
    for (uint32_t i = 0; i < writer->file_count; i++) {
        (void)snprintf(key,
                       sizeof(key),
                       "%s/%.*s",
                       options->layout->name,
                       TIDE_VIEW_ARGUMENTS(writer->files[i].path));
        (void)options->store.operations->remove(options->store.self, key, NULL);
    }
}

enum tide_status tide_generation_writer_commit(struct tide_generation_writer *writer,
                                               struct tide_error *error)
{
    const struct tide_view app_id = tide_view_of(writer->app_id);
    enum tide_status status = write_files(writer, error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_assert(writer->file_count > 0);
    const struct tide_delta_transaction transaction = {.app_id = app_id,
                                                       .version = writer->run,
                                                       .expected = writer->last_run,
                                                       .files = writer->files,
                                                       .file_count = writer->file_count};
    bool is_ours = false;
    status = tide_delta_commit(writer->delta, &transaction, 1, error);
    const bool is_taken = status != TIDE_RETRY &&
                          tide_delta_transaction_version(writer->delta, app_id) >= writer->run;
    if (is_taken) {
        status = find_ours(writer, &is_ours, error);
    }
    if (status == TIDE_OK && !is_ours) {
        remove_files(writer);
        return tide_error_set(error,
                              TIDE_REJECT,
                              "another batch was committed as run %" PRId64
                              " while this one computed: nothing of this one is in the lake",
                              writer->run);
    }
    return status;
}
