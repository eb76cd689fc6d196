/* tidemark batch: every number again, from the lake alone, and into it as the generation `batch`.
 * The process needs nothing of a service, and does not disturb one that writes the same lake. */
#include "base/json.h"
#include "batch/lake_engine.h"
#include "cli/lake_place.h"
#include "cli/spark.h"
#include "lake/duckdb.h"
#include "process/identity.h"
#include "serve/batch_result.h"
#include "serve/generation_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    PARTITIONS_MAX = TIDE_SNAPSHOT_PARTITIONS_MAX,
    WRITER_THREADS = 1
};
static const uint64_t writer_memory_max = UINT64_C(512) << 20;

struct batch {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_config config;
    struct tide_window span;
    bool is_json;
    bool is_spark;
    struct tide_view lake; /* its URL */
    struct tide_lake_place place;
    struct tide_identity identity;
    int64_t epochs[PARTITIONS_MAX];
    uint64_t reads[PARTITIONS_MAX];
    struct tide_lake_view *view; /* what computes: this, */
    struct tide_spark spark;     /* or this */
    struct tide_batch_engine engine;
    struct tide_bytes engine_name;
    struct tide_duckdb *duckdb;
    struct tide_table_writer files;
    struct tide_checkpoint_codec codec;
    struct tide_generation_writer_options table;
    struct tide_generation_writer *writer;
    struct tide_generation_count *counts; /* by metric */
};

/* ---- what to do */

static enum tide_exit read_options(struct batch *batch)
{
    const struct tide_invocation *invocation = batch->invocation;
    const char *format = tide_invocation_text(invocation, "--format", "text");
    if (!tide_invocation_time(invocation, "--from", TIDE_INSTANT_UNKNOWN, &batch->span.start) ||
        !tide_invocation_time(invocation, "--to", TIDE_INSTANT_UNKNOWN, &batch->span.end)) {
        return TIDE_EXIT_USAGE;
    }
    if (tide_instant_known(batch->span.start) && tide_instant_known(batch->span.end) &&
        batch->span.start.us >= batch->span.end.us) {
        return tide_fail(TIDE_EXIT_USAGE, "--from is not before --to");
    }
    const char *engine = tide_invocation_text(invocation, "--engine", "duckdb");
    batch->is_spark = strcmp(engine, "spark") == 0;
    if (!batch->is_spark && strcmp(engine, "duckdb") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--engine '%s' is neither duckdb nor spark", engine);
    }
    batch->is_json = strcmp(format, "json") == 0;
    if (!batch->is_json && strcmp(format, "text") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--format '%s' is neither text nor json", format);
    }
    if (tide_invocation_has(invocation, "--data") && tide_invocation_has(invocation, "--lake")) {
        return tide_fail(TIDE_EXIT_USAGE, "--data DIR is --lake DIR/lake: give one of them");
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit load(struct batch *batch)
{
    const struct tide_invocation *invocation = batch->invocation;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *lake = tide_invocation_text(invocation, "--lake", NULL);
    enum tide_exit exit = tide_config_load(&batch->arena,
                                           invocation,
                                           file,
                                           tide_invocation_text(invocation, "--preset", NULL),
                                           &batch->config);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_config_flags(
            &batch->arena, tide_invocation_text(invocation, "--data", NULL), NULL, &batch->config);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    batch->lake = lake != NULL ? tide_view_of(lake) : batch->config.lake_url;
    return TIDE_EXIT_OK;
}

/* ---- the lake */

static enum tide_exit open_store(struct batch *batch)
{
    struct tide_error error = {0};
    const struct tide_lake_place_options options = {
        .config = &batch->config, .url = batch->lake, .must_exist = true};
    enum tide_status status = tide_lake_place_open(&options, &batch->place, &error);
    const char *path = tide_bytes_terminated(&batch->place.where);
    if (batch->place.is_missing) {
        return tide_fail(TIDE_EXIT_NOT_FOUND, "there is no lake in %s: %s", path, error.text);
    }
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    status = tide_identity_read(batch->place.store, &batch->identity, &error);
    if (status == TIDE_REJECT) {
        return tide_fail(TIDE_EXIT_NOT_FOUND, "%s: %s", path, error.text);
    }
    if (status == TIDE_OK && batch->identity.partition_count > PARTITIONS_MAX) {
        return tide_fail(TIDE_EXIT_FAILURE, "%s has over %d partitions", path, PARTITIONS_MAX);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

/* ---- the table */

/* What a writer of it needs, but for what is known when there is an engine. */
static enum tide_status open_table(struct batch *batch, struct tide_error *error)
{
    const struct tide_layout *layout =
        tide_layout_create(&batch->arena, batch->config.definitions->schema, TIDE_TABLE_METRICS);
    enum tide_status status =
        layout == NULL ? tide_error_set(error, TIDE_RETRY, "out of memory")
                       : tide_duckdb_open(WRITER_THREADS, writer_memory_max, &batch->duckdb, error);
    if (status == TIDE_OK) {
        status = tide_parquet_writer_open(batch->duckdb, &batch->files, error);
    }
    if (status == TIDE_OK) {
        status = tide_checkpoint_parquet_open(batch->duckdb, &batch->codec, error);
    }
    batch->table = (struct tide_generation_writer_options){
        .io = tide_io_os(),
        .clock = tide_clock_os(),
        .store = batch->place.store,
        .writer = batch->files,
        .codec = batch->codec,
        .scratch_directory = tide_bytes_terminated(&batch->place.scratch),
        .identity = batch->identity,
        .definitions = batch->config.definitions,
        .layout = layout,
        .epochs = batch->epochs,
        .reads = batch->reads};
    return status;
}

/* "duckdb/1.5.5" */
static void name_engine(struct batch *batch)
{
    if (batch->is_spark) {
        tide_bytes_append_view(&batch->engine_name, tide_bytes_view(&batch->spark.version));
    } else {
        const char *version = tide_duckdb_version(batch->duckdb);
        tide_bytes_append_format(
            &batch->engine_name, "duckdb/%s", version[0] == 'v' ? version + 1 : version);
    }
}

static enum tide_status open_writer(struct batch *batch, struct tide_error *error)
{
    struct tide_bytes text = {0};
    name_engine(batch);
    tide_bytes_append_format(
        &text, "tidemark/%s %s", tide_version, tide_bytes_terminated(&batch->engine_name));
    batch->table.engine = tide_arena_copy(&batch->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    return batch->table.engine.data == NULL
               ? tide_error_set(error, TIDE_RETRY, "out of memory")
               : tide_generation_writer_open(&batch->table, &batch->writer, error);
}

/* ---- who computes */

static enum tide_status open_view(struct batch *batch,
                                  const char *pipeline,
                                  struct tide_error *error)
{
    struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                             .store = batch->place.store,
                                             .schema = batch->config.definitions->schema,
                                             .partition_count = batch->identity.partition_count};
    enum tide_status status = tide_lake_epochs(&options, pipeline, batch->epochs, error);
    if (status == TIDE_OK) {
        options.epochs = batch->epochs;
        status = tide_lake_view_open(&options, &batch->view, error);
    }
    if (status == TIDE_OK) {
        batch->engine = tide_lake_engine(batch->view);
    }
    return status;
}

static enum tide_exit open_spark(struct batch *batch, const char *pipeline)
{
    int64_t last_run = 0;
    struct tide_error error = {0};
    const enum tide_status status = tide_generation_last_run(&batch->table, &last_run, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    const struct tide_spark_options options = {.config = &batch->config,
                                               .definitions = batch->config.definitions,
                                               .purpose = "batch",
                                               .store = batch->place.store,
                                               .lake_url = tide_bytes_view(&batch->place.url),
                                               .pipeline = tide_view_of(pipeline),
                                               .partition_count = batch->identity.partition_count,
                                               .span = batch->span,
                                               .last_run = last_run,
                                               .has_reads = true,
                                               .is_kept = true};
    const enum tide_exit exit = tide_spark_open(&options, &batch->spark);
    if (exit == TIDE_EXIT_OK) {
        memcpy(batch->epochs,
               batch->spark.snapshot.epochs,
               batch->identity.partition_count * sizeof(batch->epochs[0]));
        batch->engine = batch->spark.engine;
    }
    return exit;
}

static enum tide_exit open_engine(struct batch *batch)
{
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    struct tide_error error = {0};
    enum tide_status status = open_table(batch, &error);
    tide_identity_format(batch->identity.pipeline, pipeline);
    if (status == TIDE_OK && batch->is_spark) {
        const enum tide_exit exit = open_spark(batch, pipeline);
        if (exit != TIDE_EXIT_OK) {
            return exit;
        }
    } else if (status == TIDE_OK) {
        status = open_view(batch, pipeline, &error);
    }
    if (status == TIDE_OK) {
        status =
            tide_batch_reads(batch->engine, batch->reads, batch->identity.partition_count, &error);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

static void close_all(struct batch *batch)
{
    tide_generation_writer_close(batch->writer);
    if (batch->files.operations != NULL) {
        batch->files.operations->close(batch->files.self);
    }
    tide_checkpoint_codec_close(&batch->codec);
    tide_duckdb_close(batch->duckdb);
    tide_lake_view_close(batch->view);
    tide_spark_close(&batch->spark);
    tide_bytes_release(&batch->engine_name);
    tide_lake_place_close(&batch->place);
    tide_arena_release(&batch->arena);
}

/* ---- the run */

static enum tide_status compute_metric(struct batch *batch,
                                       uint32_t index,
                                       struct tide_error *error)
{
    const struct tide_definitions *definitions = batch->config.definitions;
    const struct tide_metric *metric = &definitions->metrics[index];
    struct tide_result *result = NULL;
    struct tide_window span = batch->span;
    struct tide_instant from;
    if (!tide_batch_kept_from(batch->engine, definitions, metric, &from)) {
        fprintf(stderr,
                "%.*s looks back to events that left the lake: it stays as it was computed\n",
                TIDE_VIEW_ARGUMENTS(metric->name));
        return TIDE_OK;
    }
    if (tide_instant_known(from) && (!tide_instant_known(span.start) || span.start.us < from.us)) {
        span.start = from; /* what was computed of the time before stays */
    }
    enum tide_status status = tide_batch_result(batch->engine, definitions, metric, &result, error);
    if (status == TIDE_OK) {
        status = tide_generation_writer_add(
            batch->writer, metric, result, span, &batch->counts[index], error);
    }
    tide_result_destroy(result);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "%.*s", TIDE_VIEW_ARGUMENTS(metric->name));
    }
    return status;
}

static enum tide_exit compute(struct batch *batch)
{
    const struct tide_definitions *definitions = batch->config.definitions;
    struct tide_error error = {0};
    const enum tide_exit exit = open_engine(batch);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    enum tide_status status = open_writer(batch, &error);
    for (uint32_t i = 0; status == TIDE_OK && i < definitions->metric_count; i++) {
        status = compute_metric(batch, i, &error);
        if (status == TIDE_OK && !batch->is_spark) { /* which has told its own way */
            fprintf(stderr,
                    "[%" PRIu32 "/%" PRIu32 "] %.*s: %" PRIu64 " cells\n",
                    i + 1,
                    definitions->metric_count,
                    TIDE_VIEW_ARGUMENTS(definitions->metrics[i].name),
                    batch->counts[i].cells);
        }
    }
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    status = tide_generation_writer_commit(batch->writer, &error);
    if (status == TIDE_OK) {
        tide_spark_forget(&batch->spark);
        return TIDE_EXIT_OK;
    }
    /* Another batch had the number: the same command may succeed now. */
    return tide_fail(
        status == TIDE_REJECT ? TIDE_EXIT_TEMPORARY : tide_exit_of(status), "%s", error.text);
}

/* ---- the summary */

static void print_text(const struct batch *batch)
{
    const struct tide_definitions *definitions = batch->config.definitions;
    uint64_t cells = 0;
    uint32_t metric_count = 0;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        if (!metric->is_hidden) {
            printf("%-32.*s %10" PRIu64 " windows %10" PRIu64 " cells\n",
                   TIDE_VIEW_ARGUMENTS(metric->name),
                   batch->counts[i].windows,
                   batch->counts[i].cells);
            cells += batch->counts[i].cells;
            metric_count++;
        }
    }
    printf("run %" PRId64 ": %" PRIu32 " metrics, %" PRIu64 " cells, by %.*s\n",
           tide_generation_writer_run(batch->writer),
           metric_count,
           cells,
           TIDE_VIEW_ARGUMENTS(tide_bytes_view(&batch->engine_name)));
}

static enum tide_exit print_json(const struct batch *batch)
{
    const struct tide_definitions *definitions = batch->config.definitions;
    struct tide_bytes json = {0};
    tide_bytes_append_byte(&json, '{');
    tide_json_write_i64_member(&json, "run", tide_generation_writer_run(batch->writer));
    tide_json_write_text_member(&json, "engine", tide_bytes_view(&batch->engine_name));
    tide_json_write_key(&json, "epochs");
    for (uint32_t p = 0; p < batch->identity.partition_count; p++) {
        tide_bytes_append_format(&json, "%s%" PRId64, p == 0 ? "[" : ",", batch->epochs[p]);
    }
    tide_bytes_append_byte(&json, ']');
    tide_json_write_key(&json, "metrics");
    tide_bytes_append_byte(&json, '[');
    const char *separator = "{";
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        const struct tide_metric *metric = &definitions->metrics[i];
        char hash[TIDE_IDENTITY_TEXT_SIZE];
        if (metric->is_hidden) {
            continue;
        }
        tide_identity_format(metric->hash, hash);
        tide_bytes_append_text(&json, separator);
        tide_json_write_text_member(&json, "metric", metric->name);
        tide_json_write_text_member(&json, "definition", tide_view_of(hash));
        tide_json_write_u64_member(&json, "windows", batch->counts[i].windows);
        tide_json_write_u64_member(&json, "cells", batch->counts[i].cells);
        tide_bytes_append_byte(&json, '}');
        separator = ",{";
    }
    tide_bytes_append_text(&json, "]}\n");
    fwrite(json.data, 1, json.size, stdout);
    const bool is_whole = !json.failed;
    tide_bytes_release(&json);
    return is_whole ? TIDE_EXIT_OK : tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
}

static enum tide_exit run_batch(struct batch *batch)
{
    enum tide_exit exit = read_options(batch);
    if (exit == TIDE_EXIT_OK) {
        exit = load(batch);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = open_store(batch);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    batch->counts = TIDE_ARENA_ARRAY(
        &batch->arena, struct tide_generation_count, batch->config.definitions->metric_count + 1U);
    if (batch->counts == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    exit = compute(batch);
    if (exit == TIDE_EXIT_OK && batch->is_json) {
        return print_json(batch);
    }
    if (exit == TIDE_EXIT_OK) {
        print_text(batch);
    }
    return exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    static struct batch batch; /* large, and there is one */
    batch.invocation = invocation;
    tide_arena_init(&batch.arena, ARENA_BYTES_MAX);
    const enum tide_exit exit = run_batch(&batch);
    close_all(&batch);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device; needs no file"},
    {"--data", NULL, "DIR", "the lake in DIR/lake, as run has it"},
    {"--lake", NULL, "URL", "a lake by itself: a directory, or as lake.url"},
    {"--from", NULL, "TIME", "windows that start at or after: 2026-03-08 or ISO 8601"},
    {"--to", NULL, "TIME", "windows that end at or before"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--engine", NULL, "ENGINE", "duckdb; spark: by spark-submit (batch.spark)"},
    {"--format", NULL, "FORMAT", "of the summary: text, json"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_batch = {
    .name = "batch",
    .summary = "compute every number from the lake, and write it there as generation batch",
    .operands = "[FILE]",
    .examples = "  tidemark batch --preset sunbird\n"
                "  tidemark batch tidemark.yaml --from 2026-03-01 --to 2026-03-08\n"
                "  tidemark batch --preset device --data ./place --metric crashes --format json\n"
                "  tidemark batch --preset sunbird --engine spark --set "
                "batch.spark.master=spark://10.0.0.5:7077\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
