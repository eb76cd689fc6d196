/* One mutex over everything: whoever asks first reads, the others find what was read. The view is
 * SQL over the files that the table had when it was opened; a new commit makes a new view. */
#include "serve/generations.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "base/logline.h"
#include "batch/lake_files.h"
#include "batch/lake_view.h"
#include "lake/delta.h"
#include "metric/sql.h"
#include "process/identity.h"
#include "serve/batch_cell.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 20,
    SERIES_BYTES_MAX = 64 << 20, /* of its runs */
    SCRATCH_BYTES_MAX = 64 << 20,
    RUNS_MAX = 1 << 16,
    DUCKDB_THREADS = 1,
    PROBE_INTERVAL_US = 1000000,
    PAUSE_US = 5000000, /* after a failure: a lake that is away would hold up everybody who asks */
    CELLS_MAX_DEFAULT = 1 << 20,
    NO_VERSION = -2
};
static const uint64_t duckdb_memory_max = UINT64_C(512) << 20;
static const int64_t time_us_max = INT64_C(10000000000000000); /* in 2286 */

struct series {
    struct tide_batch_series public; /* the first: what is lent */
    uint32_t holders;                /* the cache, and those who took it */
    uint64_t cell_count;
    struct tide_arena arena;
};

struct entry { /* of a metric */
    struct series *series;
    int64_t version; /* of the table that it was read from */
    uint64_t used;
    bool is_large;          /* too many cells to keep: read for each question */
    struct tide_error told; /* what was logged of it last */
};

struct tide_generations {
    struct tide_generations_options options;
    pthread_mutex_t mutex; /* over all that follows */
    struct tide_arena arena;
    struct tide_delta *delta; /* opened when first asked */
    struct tide_checkpoint_codec codec;
    struct tide_monotonic probed;
    struct tide_error failure; /* of the store, "" for none; told without asking for a while */
    struct tide_monotonic failed;
    struct tide_lake_view *view;
    int64_t view_version;
    struct tide_instant newest; /* when the newest run began, as of version: */
    int64_t newest_version;
    struct entry *entries; /* by metric */
    uint64_t kept_cells;
    uint64_t uses;
};

/* ---- life */

struct tide_generations_options tide_generations_options_default(void)
{
    return (struct tide_generations_options){
        .cells_max = CELLS_MAX_DEFAULT,
        .kept_cells_max = 2 * (uint64_t)CELLS_MAX_DEFAULT,
    };
}

enum tide_status tide_generations_create(const struct tide_generations_options *options,
                                         struct tide_generations **out,
                                         struct tide_error *error)
{
    tide_assert(options->cells_max > 0 && options->kept_cells_max >= options->cells_max);
    struct tide_generations *made = calloc(1, sizeof(*made));
    struct entry *entries = calloc(options->definitions->metric_count + 1U, sizeof(*made->entries));
    if (made == NULL || entries == NULL) {
        free(made);
        free(entries);
        return tide_error_set(error, TIDE_RETRY, "no memory for the generations of metrics");
    }
    made->options = *options;
    made->entries = entries;
    made->view_version = NO_VERSION;
    made->newest_version = NO_VERSION;
    made->newest = TIDE_INSTANT_UNKNOWN;
    for (uint32_t i = 0; i < options->definitions->metric_count; i++) {
        entries[i].version = NO_VERSION;
    }
    pthread_mutex_init(&made->mutex, NULL);
    tide_arena_init(&made->arena, ARENA_BYTES_MAX);
    *out = made;
    return TIDE_OK;
}

static void let_go(struct series *series)
{
    if (series != NULL && --series->holders == 0) {
        tide_cell_table_destroy(series->public.table);
        tide_arena_release(&series->arena);
        free(series->public.runs);
        free(series);
    }
}

static void forget(struct tide_generations *generations, struct entry *entry)
{
    if (entry->series != NULL) {
        generations->kept_cells -= entry->series->cell_count;
        let_go(entry->series);
        entry->series = NULL;
    }
}

void tide_generations_destroy(struct tide_generations *generations)
{
    if (generations == NULL) {
        return;
    }
    for (uint32_t i = 0; i < generations->options.definitions->metric_count; i++) {
        tide_assert(generations->entries[i].series == NULL ||
                    generations->entries[i].series->holders == 1);
        forget(generations, &generations->entries[i]);
    }
    tide_lake_view_close(generations->view);
    tide_delta_close(generations->delta);
    tide_checkpoint_codec_close(&generations->codec);
    tide_arena_release(&generations->arena);
    pthread_mutex_destroy(&generations->mutex);
    free(generations->entries);
    free(generations);
}

/* ---- the table */

static enum tide_status open_table(struct tide_generations *generations, struct tide_error *error)
{
    const struct tide_generations_options *options = &generations->options;
    const struct tide_layout *layout =
        tide_layout_create(&generations->arena, options->definitions->schema, TIDE_TABLE_METRICS);
    if (layout == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a layout");
    }
    if (generations->codec.operations == NULL) {
        const enum tide_status opened =
            tide_checkpoint_parquet_open(NULL, &generations->codec, error);
        if (opened != TIDE_OK) {
            return opened;
        }
    }
    const struct tide_delta_options delta =
        tide_lake_files_reading(options->store, options->clock, layout, generations->codec);
    const enum tide_status status = tide_delta_open(&delta, &generations->delta, error);
    if (status != TIDE_OK) {
        tide_arena_reset(&generations->arena);
    }
    return status;
}

/* Sees new commits, looking at most once an interval. */
static enum tide_status probe(struct tide_generations *generations, struct tide_error *error)
{
    const struct tide_monotonic now = tide_clock_monotonic(generations->options.clock);
    enum tide_status status = TIDE_OK;
    if (generations->delta == NULL) {
        status = open_table(generations, error);
    } else if (tide_monotonic_since(now, generations->probed).us >= PROBE_INTERVAL_US) {
        status = tide_delta_refresh(generations->delta, error);
    } else {
        return TIDE_OK;
    }
    generations->probed = now;
    return status;
}

static enum tide_status open_view(struct tide_generations *generations, struct tide_error *error)
{
    const int64_t version = tide_delta_version(generations->delta);
    if (generations->view != NULL && generations->view_version == version) {
        return TIDE_OK;
    }
    const struct tide_lake_view_options options = {.clock = generations->options.clock,
                                                   .store = generations->options.store,
                                                   .schema =
                                                       generations->options.definitions->schema,
                                                   .thread_count = DUCKDB_THREADS,
                                                   .memory_max = duckdb_memory_max,
                                                   .is_of_metrics = true};
    tide_lake_view_close(generations->view);
    generations->view = NULL;
    generations->view_version = version;
    return tide_lake_view_open(&options, &generations->view, error);
}

/* ---- a series */

struct loading {
    struct tide_generations *generations;
    const struct tide_metric *metric;
    struct tide_cell_span span;
    struct series *series;
    uint32_t run_capacity;
    bool is_complete; /* the last run covers everything: older ones do not matter */
    bool is_too_large;
    struct tide_arena scratch;
    struct tide_error *error;
};

static enum tide_status no_memory(const struct loading *loading)
{
    return tide_error_set(loading->error,
                          TIDE_RETRY,
                          "no memory for the batch's cells of metric '%.*s'",
                          TIDE_VIEW_ARGUMENTS(loading->metric->name));
}

static struct tide_instant instant_of(const struct tide_duckdb_value *value)
{
    return value->present ? (struct tide_instant){value->number} : TIDE_INSTANT_UNKNOWN;
}

/* "[12,0,7]"; NULL: it is not that of our partitions. */
static const uint64_t *read_places(struct loading *loading, struct tide_view text)
{
    const uint32_t count = loading->generations->options.partition_count;
    struct tide_json *json = NULL;
    tide_arena_reset(&loading->scratch);
    if (tide_json_parse(&loading->scratch, text, &json, NULL) != TIDE_OK ||
        json->kind != TIDE_JSON_ARRAY || json->count != count) {
        return NULL;
    }
    uint64_t *reads = TIDE_ARENA_ARRAY(&loading->series->arena, uint64_t, count);
    const struct tide_json *item = json->first;
    for (uint32_t p = 0; reads != NULL && p < count; p++, item = item->next) {
        int64_t place = 0;
        if (item->kind != TIDE_JSON_NUMBER || !tide_decimal_parse_int(item->text, &place) ||
            place < 0) {
            return NULL;
        }
        reads[p] = (uint64_t)place;
    }
    return reads;
}

static bool reserve_run(struct loading *loading)
{
    struct tide_batch_series *series = &loading->series->public;
    if (series->run_count < loading->run_capacity) {
        return true;
    }
    const uint32_t capacity = loading->run_capacity == 0 ? 8 : loading->run_capacity * 2;
    struct tide_batch_run *runs =
        capacity > RUNS_MAX ? NULL : reallocarray(series->runs, capacity, sizeof(*runs));
    if (runs != NULL) {
        series->runs = runs;
        loading->run_capacity = capacity;
    }
    return runs != NULL;
}

/* run, window_start, window_end, offsets; the newest first. A run that cannot be read is none. */
static enum tide_status add_run(void *context,
                                const struct tide_duckdb_value *row,
                                uint32_t column_count)
{
    struct loading *loading = context;
    struct tide_batch_series *series = &loading->series->public;
    tide_assert(column_count == 4);
    if (loading->is_complete || !row[0].present || !row[3].present || !row[3].is_text) {
        return TIDE_OK;
    }
    const uint64_t *reads = read_places(loading, row[3].text);
    if (reads == NULL) {
        return TIDE_OK;
    }
    if (!reserve_run(loading)) {
        return no_memory(loading);
    }
    const struct tide_window span = {instant_of(&row[1]), instant_of(&row[2])};
    series->runs[series->run_count++] = (struct tide_batch_run){row[0].number, span, reads};
    loading->is_complete = !tide_instant_known(span.start) && !tide_instant_known(span.end);
    return TIDE_OK;
}

/* Whole seconds, as every window is, and of a time that has windows. */
static bool read_window(const struct tide_duckdb_value *row, struct tide_window *window)
{
    int64_t length_us = 0;
    *window = (struct tide_window){{row[0].number}, {row[1].number}};
    return row[0].present && row[1].present && window->start.us > -time_us_max &&
           window->end.us < time_us_max &&
           !__builtin_sub_overflow(row[1].number, row[0].number, &length_us) && length_us > 0 &&
           length_us % TIDE_US_PER_SECOND == 0 && length_us / TIDE_US_PER_SECOND <= UINT32_MAX;
}

/* run, window_start, window_end, state */
static enum tide_status add_cell(void *context,
                                 const struct tide_duckdb_value *row,
                                 uint32_t column_count)
{
    struct loading *loading = context;
    struct series *series = loading->series;
    struct tide_window window;
    tide_assert(column_count == 4);
    if (!row[0].present || !row[3].present || !row[3].is_text || !read_window(row + 1, &window)) {
        return tide_error_set(loading->error,
                              TIDE_REJECT,
                              "table metrics has a cell of '%.*s' without run, window or state",
                              TIDE_VIEW_ARGUMENTS(loading->metric->name));
    }
    const struct tide_batch_run *run = tide_batch_series_run(&series->public, window);
    if (run == NULL || run->number != row[0].number) {
        return TIDE_OK; /* a newer run has computed the window again */
    }
    if (series->cell_count == loading->generations->options.cells_max) {
        loading->is_too_large = true;
        return tide_error_set(loading->error,
                              TIDE_REJECT,
                              "metric '%.*s' has over %llu batch cells there: narrow the question",
                              TIDE_VIEW_ARGUMENTS(loading->metric->name),
                              (unsigned long long)loading->generations->options.cells_max);
    }
    series->cell_count++;
    return tide_batch_cell_read(loading->generations->options.definitions->schema,
                                series->public.table,
                                window,
                                row[3].text,
                                &loading->scratch,
                                loading->error);
}

static void write_condition(const struct tide_metric *metric,
                            const char *generation,
                            struct tide_bytes *sql)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(metric->hash, hash);
    tide_bytes_append_format(
        sql,
        " FROM metrics WHERE generation = '%s' AND definition = '%s' AND metric = ",
        generation,
        hash);
    tide_sql_literal(metric->name, sql);
}

static enum tide_status query(struct loading *loading,
                              struct tide_bytes *sql,
                              enum tide_status (*visit)(void *context,
                                                        const struct tide_duckdb_value *row,
                                                        uint32_t column_count))
{
    const enum tide_status status =
        sql->failed ? no_memory(loading)
                    : tide_duckdb_query(tide_lake_view_connection(loading->generations->view),
                                        tide_bytes_view(sql),
                                        visit,
                                        loading,
                                        loading->error);
    tide_bytes_release(sql);
    return status;
}

static enum tide_status load_runs(struct loading *loading)
{
    struct tide_bytes sql = {0};
    tide_bytes_append_text(&sql, "SELECT run, window_start, window_end, offsets");
    write_condition(loading->metric, "coverage", &sql);
    tide_bytes_append_text(&sql, " ORDER BY run DESC");
    return query(loading, &sql, add_run);
}

static enum tide_status load_cells(struct loading *loading)
{
    const struct tide_batch_series *series = &loading->series->public;
    const int64_t oldest = series->runs[series->run_count - 1].number;
    struct tide_bytes sql = {0};
    tide_bytes_append_text(&sql, "SELECT run, window_start, window_end, state");
    write_condition(loading->metric, "batch", &sql);
    tide_bytes_append_format(&sql, " AND run >= %lld", (long long)oldest);
    if (tide_instant_known(loading->span.from)) {
        tide_bytes_append_format(
            &sql, " AND window_start >= %lld", (long long)loading->span.from.us);
    }
    if (tide_instant_known(loading->span.to)) {
        tide_bytes_append_format(&sql, " AND window_start < %lld", (long long)loading->span.to.us);
    }
    return query(loading, &sql, add_cell);
}

/* Reads a series, held once. */
static enum tide_status load(struct loading *loading)
{
    const struct tide_generations_options *options = &loading->generations->options;
    struct series *series = calloc(1, sizeof(*series));
    if (series == NULL) {
        return no_memory(loading);
    }
    series->holders = 1;
    tide_arena_init(&series->arena, SERIES_BYTES_MAX);
    tide_arena_init(&loading->scratch, SCRATCH_BYTES_MAX);
    loading->series = series;
    loading->run_capacity = 0;
    loading->is_complete = false;
    enum tide_status status = TIDE_OK;
    if (tide_delta_version(loading->generations->delta) >= 0) {
        status = open_view(loading->generations, loading->error);
        status = status == TIDE_OK ? load_runs(loading) : status;
    }
    if (status == TIDE_OK && series->public.run_count > 0) {
        status = tide_cell_table_create(
            options->definitions->schema, loading->metric, &series->public.table, loading->error);
        status = status == TIDE_OK ? load_cells(loading) : status;
        if (status == TIDE_OK) {
            tide_cell_table_finish(series->public.table);
        }
    }
    tide_arena_release(&loading->scratch);
    if (status != TIDE_OK) {
        let_go(series);
        loading->series = NULL;
    }
    return status;
}

/* ---- the cache */

static void keep(struct tide_generations *generations, struct entry *entry, struct series *series)
{
    entry->series = series;
    series->holders++;
    generations->kept_cells += series->cell_count;
    while (generations->kept_cells > generations->options.kept_cells_max) {
        struct entry *oldest = NULL;
        for (uint32_t i = 0; i < generations->options.definitions->metric_count; i++) {
            struct entry *other = &generations->entries[i];
            if (other != entry && other->series != NULL &&
                (oldest == NULL || other->used < oldest->used)) {
                oldest = other;
            }
        }
        tide_assert(oldest != NULL); /* one alone is not too large */
        forget(generations, oldest);
    }
}

static enum tide_status take(struct tide_generations *generations,
                             struct loading *loading,
                             struct entry *entry)
{
    const struct tide_cell_span asked = loading->span;
    enum tide_status status = TIDE_OK;
    const int64_t version = tide_delta_version(generations->delta);
    if (entry->version != version) {
        forget(generations, entry);
        entry->version = version;
        entry->is_large = false;
    }
    entry->used = ++generations->uses;
    if (entry->series != NULL) {
        loading->series = entry->series;
        entry->series->holders++;
        return TIDE_OK;
    }
    if (!entry->is_large) {
        loading->span = TIDE_CELL_SPAN_ALL;
        status = load(loading);
        if (status == TIDE_OK) {
            keep(generations, entry, loading->series);
        }
        entry->is_large = loading->is_too_large;
    }
    if (entry->is_large) {
        loading->span = asked;
        status = load(loading);
    }
    return status;
}

/* RETRY: the store failed a moment ago. */
static enum tide_status check_failure(struct tide_generations *generations,
                                      struct tide_error *error)
{
    const struct tide_monotonic now = tide_clock_monotonic(generations->options.clock);
    if (generations->failure.text[0] != '\0' &&
        tide_monotonic_since(now, generations->failed).us < PAUSE_US) {
        *error = generations->failure;
        return TIDE_RETRY;
    }
    generations->failure = (struct tide_error){0};
    return TIDE_OK;
}

static void tell(struct entry *entry, const struct loading *loading)
{
    if (strcmp(entry->told.text, loading->error->text) != 0) {
        entry->told = *loading->error;
        tide_logline(TIDE_LOGLINE_WARNING,
                     "serve",
                     "cannot read what batches wrote of %.*s, speed is served: %s",
                     TIDE_VIEW_ARGUMENTS(loading->metric->name),
                     loading->error->text);
    }
}

enum tide_status tide_generations_take(struct tide_generations *generations,
                                       uint32_t metric_index,
                                       struct tide_cell_span span,
                                       struct tide_batch_series **series,
                                       struct tide_error *error)
{
    const struct tide_definitions *definitions = generations->options.definitions;
    tide_assert(metric_index < definitions->metric_count);
    struct loading loading = {.generations = generations,
                              .metric = &definitions->metrics[metric_index],
                              .span = span,
                              .error = error};
    struct entry *entry = &generations->entries[metric_index];
    tide_assert(error != NULL);
    tide_assert(loading.metric->kind != TIDE_METRIC_RATIO);
    pthread_mutex_lock(&generations->mutex);
    enum tide_status status = check_failure(generations, error);
    if (status == TIDE_OK) {
        status = probe(generations, error);
        if (status == TIDE_OK) {
            status = take(generations, &loading, entry);
        }
        if (status == TIDE_RETRY) {
            generations->failure = *error;
            generations->failed = tide_clock_monotonic(generations->options.clock);
        }
    }
    if (status != TIDE_OK) {
        tell(entry, &loading);
    } else {
        entry->told = (struct tide_error){0};
    }
    pthread_mutex_unlock(&generations->mutex);
    if (status == TIDE_OK) {
        *series = &loading.series->public;
    }
    return status;
}

void tide_generations_give(struct tide_generations *generations, struct tide_batch_series *series)
{
    if (series != NULL) {
        pthread_mutex_lock(&generations->mutex);
        let_go((struct series *)series);
        pthread_mutex_unlock(&generations->mutex);
    }
}

static enum tide_status see_newest(void *context,
                                   const struct tide_duckdb_value *row,
                                   uint32_t column_count)
{
    struct tide_generations *generations = context;
    tide_assert(column_count == 1);
    generations->newest = instant_of(&row[0]);
    return TIDE_OK;
}

struct tide_instant tide_generations_newest(struct tide_generations *generations)
{
    static const char sql[] =
        "SELECT max(computed_time) FROM metrics WHERE generation = 'coverage'";
    pthread_mutex_lock(&generations->mutex);
    enum tide_status status = probe(generations, NULL);
    const int64_t version = status == TIDE_OK ? tide_delta_version(generations->delta) : -1;
    if (version >= 0 && version != generations->newest_version) {
        status = open_view(generations, NULL);
        if (status == TIDE_OK) {
            status = tide_duckdb_query(tide_lake_view_connection(generations->view),
                                       TIDE_VIEW(sql),
                                       see_newest,
                                       generations,
                                       NULL);
        }
        if (status == TIDE_OK) {
            generations->newest_version = version;
        }
    }
    const struct tide_instant newest =
        status == TIDE_OK ? generations->newest : TIDE_INSTANT_UNKNOWN;
    pthread_mutex_unlock(&generations->mutex);
    return newest;
}

const struct tide_batch_run *tide_batch_series_run(const struct tide_batch_series *series,
                                                   struct tide_window window)
{
    for (uint32_t i = 0; i < series->run_count; i++) {
        const struct tide_window span = series->runs[i].span;
        if ((!tide_instant_known(span.start) || window.start.us >= span.start.us) &&
            (!tide_instant_known(span.end) || window.end.us <= span.end.us)) {
            return &series->runs[i];
        }
    }
    return NULL;
}
