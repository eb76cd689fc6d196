/* A turn is compaction, table after table, and once an hour the rest: expiry before vacuum, so that
 * what leaves is deleted when its time has come, then the logs. */
#include "process/housekeeper.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/logline.h"
#include "base/thread.h"
#include "lake/compaction.h"
#include "lake/expiry.h"
#include "lake/vacuum.h"
#include "process/promises.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    STEPS_MAX = 1000, /* of one kind in a turn */
    SCRATCH_PATH_MAX = 4096,
    DELETIONS_MAX = 10000 /* of files, and of a log's objects, in a turn */
};
static const int64_t hour_us = INT64_C(3600) * 1000 * 1000;
static const int64_t first_us = INT64_C(300) * 1000 * 1000; /* of the hourly work, after a start */

struct tide_housekeeper {
    struct tide_housekeeper_options options;
    struct tide_housekeeper_facts facts; /* under mutex, as is stop */
    struct tide_monotonic hourly;        /* when it is next done */
    pthread_t thread;
    bool is_started;
    bool is_stopping;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static bool may_go_on(struct tide_housekeeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    const bool is_stopping = keeper->is_stopping;
    pthread_mutex_unlock(&keeper->mutex);
    return !is_stopping &&
           (keeper->options.is_quiet == NULL || keeper->options.is_quiet(keeper->options.context));
}

static void add_facts(struct tide_housekeeper *keeper, const struct tide_housekeeper_facts *more)
{
    pthread_mutex_lock(&keeper->mutex);
    struct tide_housekeeper_facts *facts = &keeper->facts;
    facts->turns += more->turns;
    facts->compactions += more->compactions;
    facts->files_merged += more->files_merged;
    facts->files_expired += more->files_expired;
    facts->rows_expired += more->rows_expired;
    facts->files_deleted += more->files_deleted;
    facts->log_objects_deleted += more->log_objects_deleted;
    facts->failures += more->failures;
    pthread_mutex_unlock(&keeper->mutex);
}

static void note_failure(struct tide_housekeeper *keeper, const struct tide_error *error)
{
    tide_logline(TIDE_LOGLINE_WARNING, "lake", "%s", error->text);
    add_facts(keeper, &(struct tide_housekeeper_facts){.failures = 1});
}

static struct tide_clock clock_of(const struct tide_housekeeper *keeper)
{
    return keeper->options.tables[0].clock;
}

/* ---- compaction */

static enum tide_status compact_once(struct tide_housekeeper *keeper,
                                     struct tide_compactor *compactor,
                                     bool *is_idle,
                                     struct tide_error *error)
{
    struct tide_compaction_step step;
    const enum tide_status status = tide_compactor_step(compactor, &step, error);
    *is_idle = status != TIDE_OK || step.is_idle;
    if (status == TIDE_OK && !step.is_idle && !step.is_lost) {
        const struct tide_housekeeper_facts done = {.compactions = 1,
                                                    .files_merged = step.files_before};
        add_facts(keeper, &done);
    }
    return status;
}

static void compact_table(struct tide_housekeeper *keeper,
                          enum tide_table table,
                          struct tide_monotonic begun)
{
    struct tide_error error = {0};
    struct tide_compactor *compactor = NULL;
    struct tide_compaction_options options;
    tide_compaction_options_default(&options, table);
    options.table = keeper->options.tables[table];
    options.rewriter = keeper->options.rewriter;
    options.target_bytes = keeper->options.target_bytes;
    if (table != TIDE_TABLE_METRICS) {
        options.files_min = keeper->options.files_min;
    }
    enum tide_status status = tide_compactor_open(&options, &compactor, &error);
    bool is_idle = false;
    for (int steps = 0; status == TIDE_OK && !is_idle && steps < STEPS_MAX; steps++) {
        const struct tide_monotonic now = tide_clock_monotonic(clock_of(keeper));
        if (tide_monotonic_since(now, begun).us >= keeper->options.work.us || !may_go_on(keeper)) {
            break;
        }
        status = compact_once(keeper, compactor, &is_idle, &error);
    }
    tide_compactor_close(compactor);
    if (status != TIDE_OK) {
        note_failure(keeper, &error);
    }
}

/* ---- what is old */

static void expire_table(struct tide_housekeeper *keeper, enum tide_table table)
{
    struct tide_error error = {0};
    struct tide_expiry_step step = {0};
    enum tide_status status = TIDE_OK;
    const struct tide_duration keep = keeper->options.keep[table];
    const struct tide_instant now = tide_clock_now(clock_of(keeper));
    const struct tide_expiry_options options = {
        .table = keeper->options.tables[table],
        .rewriter = keeper->options.rewriter,
        .before_days = (int32_t)tide_days_of((struct tide_instant){now.us - keep.us})};
    for (int steps = 0; keep.us > 0 && status == TIDE_OK && steps < STEPS_MAX; steps++) {
        if (!may_go_on(keeper)) {
            return;
        }
        status = tide_expire(&options, &step, &error);
        if (status != TIDE_OK || step.is_idle || step.is_lost) {
            break;
        }
        tide_logline(TIDE_LOGLINE_INFO,
                     "lake",
                     "%s: %" PRIu64 " rows of %d days were kept as long as they should be",
                     options.table.layout->name,
                     step.rows,
                     (int)(step.end_days - step.first_days));
        add_facts(keeper,
                  &(struct tide_housekeeper_facts){.files_expired = step.files,
                                                   .rows_expired = step.rows});
    }
    if (status != TIDE_OK) {
        note_failure(keeper, &error);
    }
}

static enum tide_status vacuum_table(struct tide_housekeeper *keeper,
                                     enum tide_table table,
                                     const struct tide_promises *promises,
                                     struct tide_error *error)
{
    struct tide_promised promised = {promises, table};
    struct tide_vacuum_report report;
    const struct tide_vacuum_options options = {.table = keeper->options.tables[table],
                                                .older = keeper->options.vacuum_older,
                                                .files_max = DELETIONS_MAX,
                                                .is_promised = tide_promised_has,
                                                .context = &promised};
    const enum tide_status status = tide_vacuum(&options, &report, error);
    add_facts(keeper, &(struct tide_housekeeper_facts){.files_deleted = report.files});
    return status;
}

static void vacuum_all(struct tide_housekeeper *keeper)
{
    struct tide_error error = {0};
    struct tide_promises *promises = NULL;
    if (keeper->options.vacuum_older.us == 0) {
        return;
    }
    enum tide_status status = tide_promises_read(
        keeper->options.tables[0].store, keeper->options.partition_count, &promises, &error);
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT && may_go_on(keeper); t++) {
        status = vacuum_table(keeper, (enum tide_table)t, promises, &error);
    }
    tide_promises_destroy(promises);
    if (status != TIDE_OK) {
        note_failure(keeper, &error);
    }
}

static void clean_log(struct tide_housekeeper *keeper, enum tide_table table)
{
    struct tide_error error = {0};
    struct tide_delta *delta = NULL;
    uint64_t removed = 0;
    const struct tide_delta_options *options = &keeper->options.tables[table];
    if (keeper->options.keep_log.us == 0 || options->codec.operations == NULL) {
        return;
    }
    enum tide_status status = tide_delta_open(options, &delta, &error);
    if (status == TIDE_OK) {
        status =
            tide_delta_clean_log(delta, keeper->options.keep_log, DELETIONS_MAX, &removed, &error);
    }
    tide_delta_close(delta);
    add_facts(keeper, &(struct tide_housekeeper_facts){.log_objects_deleted = removed});
    if (status != TIDE_OK) {
        note_failure(keeper, &error);
    }
}

/* ---- scratch files */

struct scratch {
    struct tide_housekeeper *keeper;
    uint64_t removed;
};

/* Whoever writes one is done within a day; a crash leaves it. */
static void see_scratch(void *context, const char *name, bool is_directory)
{
    struct scratch *scratch = context;
    char path[SCRATCH_PATH_MAX];
    struct tide_io_facts facts;
    const struct tide_delta_options *table = &scratch->keeper->options.tables[0];
    const int64_t limit = tide_clock_now(table->clock).us - 24 * hour_us;
    const int size = snprintf(path, sizeof(path), "%s/%s", table->scratch_directory, name);
    if (is_directory || size < 0 || (size_t)size >= sizeof(path) ||
        table->io.operations->stat(table->io.self, path, &facts, NULL) != TIDE_OK ||
        !tide_instant_known(facts.modified) || facts.modified.us >= limit) {
        return;
    }
    scratch->removed += table->io.operations->remove(table->io.self, path, NULL) == TIDE_OK;
}

static void clean_scratch(struct tide_housekeeper *keeper)
{
    struct scratch scratch = {.keeper = keeper};
    const struct tide_delta_options *table = &keeper->options.tables[0];
    (void)table->io.operations->list(
        table->io.self, table->scratch_directory, see_scratch, &scratch, NULL);
    add_facts(keeper, &(struct tide_housekeeper_facts){.files_deleted = scratch.removed});
}

static void work_hourly(struct tide_housekeeper *keeper)
{
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        expire_table(keeper, (enum tide_table)t);
    }
    vacuum_all(keeper);
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT && may_go_on(keeper); t++) {
        clean_log(keeper, (enum tide_table)t);
    }
    clean_scratch(keeper);
}

void tide_housekeeper_turn(struct tide_housekeeper *keeper)
{
    const struct tide_monotonic begun = tide_clock_monotonic(clock_of(keeper));
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT && may_go_on(keeper); t++) {
        compact_table(keeper, (enum tide_table)t, begun);
    }
    if (begun.ns >= keeper->hourly.ns && may_go_on(keeper)) {
        keeper->hourly.ns = begun.ns + hour_us * 1000;
        work_hourly(keeper);
    }
    add_facts(keeper, &(struct tide_housekeeper_facts){.turns = 1});
}

/* ---- life */

enum tide_status tide_housekeeper_create(const struct tide_housekeeper_options *options,
                                         struct tide_housekeeper **keeper,
                                         struct tide_error *error)
{
    pthread_condattr_t attributes;
    tide_assert(options->vacuum_older.us == 0 ||
                options->vacuum_older.us >= TIDE_VACUUM_HOURS_MIN * hour_us);
    struct tide_housekeeper *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the housekeeper");
    }
    made->options = *options;
    made->hourly.ns = tide_clock_monotonic(clock_of(made)).ns + first_us * 1000;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&made->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    *keeper = made;
    return TIDE_OK;
}

void tide_housekeeper_destroy(struct tide_housekeeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    if (keeper->is_started) {
        pthread_mutex_lock(&keeper->mutex);
        keeper->is_stopping = true;
        pthread_cond_signal(&keeper->wake);
        pthread_mutex_unlock(&keeper->mutex);
        pthread_join(keeper->thread, NULL);
    }
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}

static struct timespec deadline_after(struct tide_housekeeper *keeper)
{
    const int64_t ns = tide_clock_monotonic(clock_of(keeper)).ns + keeper->options.every.us * 1000;
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

static void *keep_house(void *context)
{
    struct tide_housekeeper *keeper = context;
    bool is_stopping = false;
    while (!is_stopping) {
        const struct timespec deadline = deadline_after(keeper);
        int waited = 0;
        pthread_mutex_lock(&keeper->mutex);
        while (!keeper->is_stopping && waited != ETIMEDOUT) {
            waited = pthread_cond_timedwait(&keeper->wake, &keeper->mutex, &deadline);
        }
        is_stopping = keeper->is_stopping;
        pthread_mutex_unlock(&keeper->mutex);
        if (!is_stopping) {
            tide_housekeeper_turn(keeper);
        }
    }
    return NULL;
}

enum tide_status tide_housekeeper_start(struct tide_housekeeper *keeper, struct tide_error *error)
{
    tide_assert(keeper->options.every.us > 0 && !keeper->is_started);
    if (!tide_thread_start(&keeper->thread, "housekeeper", keep_house, keeper)) {
        return tide_error_set(error, TIDE_RETRY, "no thread for the housekeeper");
    }
    keeper->is_started = true;
    return TIDE_OK;
}

struct tide_housekeeper_facts tide_housekeeper_facts(struct tide_housekeeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    const struct tide_housekeeper_facts facts = keeper->facts;
    pthread_mutex_unlock(&keeper->mutex);
    return facts;
}
