#include "cli/spark.h"

#include "base/civil.h"
#include "batch/spark_job.h"
#include "batch/spark_path.h"
#include "cli/spark_run.h"
#include "cli/work_folder.h"
#include "process/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 1 << 30,
    SNAPSHOT_BYTES_MAX = 256 << 20,
    JOB_BYTES_MAX = 1 << 30,
    ENGINE_BYTES_MAX = 64,
    KEPT_DAYS = 7,
    RESUMED_DAYS = 1
};

static enum tide_exit fail(enum tide_status status, const struct tide_error *error)
{
    return tide_fail(tide_exit_of(status), "%s", error->text);
}

static enum tide_exit out_of_memory(void)
{
    return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
}

/* ---- folders */

/* path = base "/" name. */
static const char *join(struct tide_bytes *path, struct tide_bytes *base, const char *name)
{
    tide_bytes_reset(path);
    tide_bytes_append_format(path, "%s/%s", tide_bytes_terminated(base), name);
    return tide_bytes_terminated(path);
}

/* What the answers depend on, but for the lake's state. */
static struct tide_u128 hash_run(const struct tide_spark_options *options)
{
    const struct tide_definitions *definitions = options->definitions;
    struct tide_bytes text = {0};
    tide_bytes_append_format(&text,
                             "%s %.*s %.*s %" PRId64 " %" PRId64 " %" PRId64 " %d\n",
                             tide_version,
                             TIDE_VIEW_ARGUMENTS(options->pipeline),
                             TIDE_VIEW_ARGUMENTS(options->lake_url),
                             options->span.start.us,
                             options->span.end.us,
                             options->last_run,
                             options->has_audits);
    for (uint32_t i = 0; i < definitions->source_count; i++) {
        tide_bytes_append_view(&text, definitions->sources[i].text);
    }
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        tide_bytes_append_format(
            &text, "\n%.*s", TIDE_VIEW_ARGUMENTS(definitions->metrics[i].name));
    }
    const struct tide_view program = tide_spark_program();
    tide_bytes_append_view(&text, program);
    const struct tide_u128 hash = tide_hash128(tide_bytes_view(&text), 0);
    tide_bytes_release(&text);
    return hash;
}

static enum tide_status lock(const struct tide_spark_options *options,
                             struct tide_spark *spark,
                             struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    tide_bytes_append_format(
        &path, "%.*s/spark/%s", TIDE_VIEW_ARGUMENTS(options->config->data), options->purpose);
    enum tide_status status =
        io.operations->make_directory(io.self, tide_bytes_terminated(&path), error);
    if (status == TIDE_OK) {
        status = tide_io_os_absolute(tide_bytes_terminated(&path), &spark->root, error);
    }
    if (status == TIDE_OK) {
        status = tide_io_os_lock(join(&path, &spark->root, "lock"), &spark->lock, error);
        if (status == TIDE_REJECT) {
            status = tide_error_set(
                error, TIDE_RETRY, "another %s runs on Spark already", options->purpose);
        }
    }
    tide_bytes_release(&path);
    return status;
}

/* ---- the snapshot */

static bool is_younger(struct tide_instant taken, int64_t days)
{
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    return taken.us <= now.us && now.us - taken.us < days * TIDE_US_PER_DAY;
}

/* The one that is written down there; false: there is none that can be read. */
static bool read_snapshot(const char *directory,
                          struct tide_arena *arena,
                          struct tide_snapshot *snapshot)
{
    struct tide_bytes path = {0};
    struct tide_bytes text = {0};
    tide_bytes_append_format(&path, "%s/snapshot.json", directory);
    bool is_read =
        tide_io_read_file(
            tide_io_os(), tide_bytes_terminated(&path), &text, SNAPSHOT_BYTES_MAX, NULL) == TIDE_OK;
    const struct tide_view kept =
        is_read ? tide_arena_copy(arena, tide_bytes_view(&text)) : (struct tide_view){0};
    is_read = kept.data != NULL && tide_snapshot_read(kept, arena, snapshot, NULL) == TIDE_OK;
    tide_bytes_release(&path);
    tide_bytes_release(&text);
    return is_read;
}

static bool is_old_run(void *context, const char *folder_path)
{
    const struct tide_spark *spark = context;
    struct tide_arena arena;
    struct tide_snapshot snapshot;
    const struct tide_view own = {spark->directory.data, spark->directory.size};
    if (tide_view_equal(tide_view_of(folder_path), own)) {
        return false;
    }
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    const bool is_old =
        !read_snapshot(folder_path, &arena, &snapshot) || !is_younger(snapshot.taken, KEPT_DAYS);
    tide_arena_release(&arena);
    return is_old;
}

static enum tide_status take_snapshot(const struct tide_spark_options *options,
                                      struct tide_spark *spark,
                                      struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    const struct tide_snapshot_options wanted = {.store = options->store,
                                                 .clock = tide_clock_os(),
                                                 .schema = options->definitions->schema,
                                                 .pipeline = options->pipeline,
                                                 .partition_count = options->partition_count,
                                                 .epochs = options->epochs,
                                                 .has_rejected = options->has_audits};
    struct tide_bytes path = {0};
    struct tide_bytes text = {0};
    enum tide_status status =
        tide_work_folder_remove(io, tide_bytes_terminated(&spark->directory), error);
    if (status == TIDE_OK) {
        status = tide_snapshot_take(&wanted, &spark->arena, &spark->snapshot, error);
    }
    if (status == TIDE_OK) {
        status = io.operations->make_directory(
            io.self, tide_bytes_terminated(&spark->results_directory), error);
    }
    if (status == TIDE_OK) {
        tide_snapshot_write(&spark->snapshot, &text);
        status = text.failed ? tide_error_set(error, TIDE_RETRY, "no memory for a snapshot")
                             : tide_io_replace_file(io,
                                                    join(&path, &spark->directory, "snapshot.json"),
                                                    tide_bytes_view(&text),
                                                    error);
    }
    tide_bytes_release(&path);
    tide_bytes_release(&text);
    return status;
}

/* An earlier one, or a new one. */
static enum tide_status find_snapshot(const struct tide_spark_options *options,
                                      struct tide_spark *spark,
                                      struct tide_error *error)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(hash_run(options), hash);
    (void)join(&spark->directory, &spark->root, hash);
    (void)join(&spark->results_directory, &spark->directory, "results");
    const enum tide_status status = tide_work_folder_sweep(
        tide_io_os(), tide_bytes_terminated(&spark->root), is_old_run, spark, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (options->is_kept &&
        read_snapshot(tide_bytes_terminated(&spark->directory), &spark->arena, &spark->snapshot) &&
        is_younger(spark->snapshot.taken, RESUMED_DAYS) &&
        spark->snapshot.partition_count == options->partition_count) {
        return TIDE_OK;
    }
    return take_snapshot(options, spark, error);
}

/* ---- the job */

static enum tide_status find_url(const struct tide_spark_options *options,
                                 struct tide_spark *spark,
                                 struct tide_error *error)
{
    if (tide_store_is_remote(options->lake_url)) {
        return tide_spark_hdfs_url(
            options->lake_url, options->config->hdfs_spark_url, &spark->url, error);
    }
    struct tide_bytes path = {0};
    struct tide_bytes absolute = {0};
    enum tide_status status = tide_store_local_path(options->lake_url, &path, error);
    if (status == TIDE_OK) {
        status = tide_io_os_absolute(tide_bytes_terminated(&path), &absolute, error);
    }
    if (status == TIDE_OK) {
        tide_spark_local_url(tide_bytes_view(&absolute), &spark->url);
    }
    tide_bytes_release(&path);
    tide_bytes_release(&absolute);
    return status;
}

static enum tide_status write_job(const struct tide_spark_options *options,
                                  struct tide_spark *spark,
                                  const bool *is_done,
                                  struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    char application[32];
    struct tide_bytes lock_path = {0};
    struct tide_bytes path = {0};
    struct tide_bytes text = {0};
    (void)snprintf(application, sizeof(application), "tidemark %s", options->purpose);
    (void)join(&lock_path, &spark->root, "lock");
    const struct tide_spark_job job = {.plan = &spark->plan,
                                       .schema = options->definitions->schema,
                                       .application = tide_view_of(application),
                                       .lake_url = tide_bytes_view(&spark->url),
                                       .lock = tide_bytes_view(&lock_path),
                                       .results = tide_bytes_view(&spark->results_directory),
                                       .is_done = is_done};
    tide_bytes_init(&text, JOB_BYTES_MAX);
    enum tide_status status = tide_spark_job_write(&job, &text, error);
    if (status == TIDE_OK) {
        status = tide_io_replace_file(
            io, join(&path, &spark->directory, "job.json"), tide_bytes_view(&text), error);
    }
    if (status == TIDE_OK) {
        status = tide_io_replace_file(
            io, join(&path, &spark->directory, "program.py"), tide_spark_program(), error);
    }
    tide_bytes_release(&lock_path);
    tide_bytes_release(&path);
    tide_bytes_release(&text);
    return status;
}

/* ---- the run */

/* Which Spark it was, also for a run that needs it no more. */
static void keep_engine(struct tide_spark *spark)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    (void)join(&path, &spark->directory, "engine");
    if (spark->version.size > 0) {
        (void)tide_io_replace_file(
            io, tide_bytes_terminated(&path), tide_bytes_view(&spark->version), NULL);
    } else if (tide_io_read_file(
                   io, tide_bytes_terminated(&path), &spark->version, ENGINE_BYTES_MAX, NULL) !=
               TIDE_OK) {
        tide_bytes_reset(&spark->version);
        tide_bytes_append_text(&spark->version, "spark");
    }
    tide_bytes_release(&path);
}

/* The next run takes another. */
static void lose_snapshot(struct tide_spark *spark)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    (void)io.operations->remove(io.self, join(&path, &spark->directory, "snapshot.json"), NULL);
    tide_bytes_release(&path);
}

static uint32_t count_done(const struct tide_spark *spark, const bool *is_done)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < spark->plan.unit_count; i++) {
        count += is_done[i];
    }
    return count;
}

static enum tide_exit run_rest(const struct tide_spark_options *options,
                               struct tide_spark *spark,
                               const bool *is_done)
{
    char application[32];
    struct tide_error error = {0};
    struct tide_spark_run run = {.config = &options->config->spark,
                                 .application = application,
                                 .directory = tide_bytes_terminated(&spark->directory),
                                 .unit_count = spark->plan.unit_count,
                                 .done_count = count_done(spark, is_done)};
    (void)snprintf(application, sizeof(application), "tidemark %s", options->purpose);
    if (run.done_count > 0) {
        fprintf(stderr,
                "spark: going on with %" PRIu32 " of %" PRIu32 " pieces finished\n",
                run.done_count,
                run.unit_count);
    }
    enum tide_exit exit = TIDE_EXIT_OK;
    if (run.done_count < run.unit_count) {
        const enum tide_status status = write_job(options, spark, is_done, &error);
        exit = status == TIDE_OK ? tide_spark_run(&run) : fail(status, &error);
    }
    tide_bytes_append_view(&spark->version, tide_bytes_view(&run.engine));
    tide_bytes_release(&run.engine);
    keep_engine(spark);
    if (run.is_snapshot_lost) {
        lose_snapshot(spark);
    }
    return exit;
}

static enum tide_exit ask_all(const struct tide_spark_options *options, struct tide_spark *spark)
{
    struct tide_error error = {0};
    bool *is_done = TIDE_ARENA_ARRAY(&spark->arena, bool, spark->plan.unit_count + 1U);
    if (is_done == NULL) {
        return out_of_memory();
    }
    spark->results = (struct tide_spark_results){
        tide_io_os(), &spark->plan, tide_bytes_terminated(&spark->results_directory)};
    spark->engine = tide_spark_engine(&spark->results);
    const enum tide_status status = tide_spark_results_find(&spark->results, is_done, &error);
    return status == TIDE_OK ? run_rest(options, spark, is_done) : fail(status, &error);
}

enum tide_exit tide_spark_open(const struct tide_spark_options *options, struct tide_spark *spark)
{
    struct tide_error error = {0};
    tide_arena_init(&spark->arena, ARENA_BYTES_MAX);
    enum tide_status status = lock(options, spark, &error);
    if (status == TIDE_OK) {
        status = find_url(options, spark, &error);
    }
    if (status == TIDE_OK) {
        status = find_snapshot(options, spark, &error);
    }
    if (status == TIDE_OK) {
        const struct tide_spark_plan_options plan = {.definitions = options->definitions,
                                                     .snapshot = &spark->snapshot,
                                                     .span = options->span,
                                                     .has_reads = options->has_reads,
                                                     .has_audits = options->has_audits};
        status = tide_spark_plan_make(&plan, &spark->arena, &spark->plan, &error);
    }
    return status == TIDE_OK ? ask_all(options, spark) : fail(status, &error);
}

void tide_spark_forget(struct tide_spark *spark)
{
    if (spark->directory.size > 0) {
        (void)tide_work_folder_remove(tide_io_os(), tide_bytes_terminated(&spark->directory), NULL);
    }
}

void tide_spark_close(struct tide_spark *spark)
{
    const struct tide_io io = tide_io_os();
    io.operations->close(io.self, &spark->lock);
    tide_bytes_release(&spark->version);
    tide_bytes_release(&spark->root);
    tide_bytes_release(&spark->directory);
    tide_bytes_release(&spark->results_directory);
    tide_bytes_release(&spark->url);
    tide_arena_release(&spark->arena);
    *spark = (struct tide_spark){0};
}
