/* tidemark verify: the proof. At a barrier the service tells every cell and the ledger; this other
 * process reads the lake up to that barrier and computes both again, by SQL. Cells are compared as
 * the lines that people see; the ledger with the rows themselves. */
#include "base/json.h"
#include "batch/lake_engine.h"
#include "cli/cell_compare.h"
#include "cli/lake_place.h"
#include "cli/served.h"
#include "cli/spark.h"
#include "process/identity.h"
#include "process/ledger.h"
#include "serve/batch_result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 1 << 30,
    PARTITIONS_MAX = 1024,
    DIFFERENCES_SHOWN = 20,
    ATTEMPTS_MAX = 60,
    ATTEMPT_PAUSE_US = 1000000,
};

struct verify {
    const struct tide_invocation *invocation;
    const char *server;
    struct tide_http_client *client;
    struct tide_arena arena;
    struct tide_bytes barrier; /* NDJSON as the service told it */
    const struct tide_definitions *loaded;
    struct tide_config config; /* its keys */
    struct tide_view lake_url;
    struct tide_lake_place place;
    uint32_t partition_count;
    int64_t *epochs;
    struct tide_ledger *ledgers;
    struct tide_lake_view *view; /* what recomputes: this, */
    struct tide_spark spark;     /* or this */
    struct tide_batch_engine engine;
    uint64_t cells;
    uint64_t differences;
    uint64_t lines_shown; /* of differences; more are only counted */
};

__attribute__((format(printf, 2, 3))) static void differ(struct verify *v, const char *format, ...)
{
    v->differences++;
    if (v->lines_shown++ < DIFFERENCES_SHOWN) {
        va_list arguments;
        va_start(arguments, format);
        vprintf(format, arguments);
        putchar('\n');
        va_end(arguments);
    }
}

/* ---- what the service says */

static bool read_partition(struct verify *v, const struct tide_json *json)
{
    uint64_t partition = 0;
    int64_t epoch = 0;
    if (!tide_json_get_u64(json, "partition", &partition) || partition >= v->partition_count ||
        !tide_json_get_i64(json, "epoch", &epoch)) {
        return false;
    }
    v->epochs[partition] = epoch;
    return tide_ledger_read_json(tide_json_get(json, "ledger"), &v->ledgers[partition]);
}

static bool read_barrier(struct verify *v, struct tide_view line)
{
    struct tide_json *json = NULL;
    if (tide_json_parse(&v->arena, line, &json, NULL) != TIDE_OK) {
        return false;
    }
    const struct tide_json *barrier = tide_json_get(json, "barrier");
    const struct tide_json *partitions = tide_json_get(barrier, "partitions");
    if (partitions == NULL || partitions->count == 0 || partitions->count > PARTITIONS_MAX ||
        !tide_json_get_text(barrier, "lake", &v->lake_url)) {
        return false;
    }
    v->partition_count = partitions->count;
    v->epochs = TIDE_ARENA_ARRAY(&v->arena, int64_t, v->partition_count);
    v->ledgers = TIDE_ARENA_ARRAY(&v->arena, struct tide_ledger, v->partition_count);
    bool valid = v->epochs != NULL && v->ledgers != NULL;
    for (const struct tide_json *p = partitions->first; valid && p != NULL; p = p->next) {
        valid = read_partition(v, p);
    }
    return valid;
}

static struct tide_view first_line(struct tide_view text)
{
    const char *end = text.size == 0 ? NULL : memchr(text.data, '\n', text.size);
    return end == NULL ? text : tide_view_slice(text, 0, (size_t)(end - text.data));
}

/* A service that has just started, or whose lake is away, says 503: ask again for a while. */
static enum tide_exit ask_barrier(struct verify *v)
{
    struct tide_clock clock = tide_clock_os();
    enum tide_exit exit = TIDE_EXIT_TEMPORARY;
    for (int attempt = 0; exit == TIDE_EXIT_TEMPORARY && attempt < ATTEMPTS_MAX; attempt++) {
        if (attempt > 0) {
            tide_clock_sleep(clock, (struct tide_duration){ATTEMPT_PAUSE_US});
        }
        exit = tide_ask(v->client, v->server, "POST", TIDE_VIEW("/api/v1/barrier"), &v->barrier);
    }
    return exit;
}

static enum tide_exit ask_service(struct verify *v)
{
    enum tide_exit exit = tide_served_definitions(&v->arena, v->client, v->server, &v->loaded);
    if (exit == TIDE_EXIT_OK) {
        exit = ask_barrier(v);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    return read_barrier(v, first_line(tide_bytes_view(&v->barrier)))
               ? TIDE_EXIT_OK
               : tide_fail(TIDE_EXIT_FAILURE,
                           "%s answered with a barrier that cannot be read",
                           v->server);
}

/* ---- cells */

/* A metric's cells as lines, from the lake. */
static enum tide_exit lake_lines(struct verify *v,
                                 const struct tide_metric *metric,
                                 struct tide_bytes *text)
{
    struct tide_error error = {0};
    struct tide_result *result = NULL;
    const enum tide_status status =
        tide_batch_result(v->engine, v->loaded, metric, &result, &error);
    if (status != TIDE_OK) {
        return tide_fail(
            tide_exit_of(status), "%.*s: %s", TIDE_VIEW_ARGUMENTS(metric->name), error.text);
    }
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        tide_result_write_json(result, &row, (struct tide_view){0}, text);
        tide_bytes_append_byte(text, '\n');
    }
    tide_result_destroy(result);
    return text->failed ? tide_fail(TIDE_EXIT_TEMPORARY, "out of memory") : TIDE_EXIT_OK;
}

static void differ_line(void *context, const char *what, struct tide_view line)
{
    struct verify *v = context;
    if (v->lines_shown++ < DIFFERENCES_SHOWN) {
        printf("%s: %.*s\n", what, TIDE_VIEW_ARGUMENTS(line));
    }
}

static void print_comparison(const struct tide_cell_comparison *comparison)
{
    printf("%-32.*s %10" PRIu64 " cells  ",
           TIDE_VIEW_ARGUMENTS(comparison->metric->name),
           comparison->cell_count);
    if (comparison->differences > 0) {
        printf("DIFFERENT");
    } else if (comparison->within > 0) {
        printf("equal within %g %%", comparison->within * 100);
    } else {
        printf("equal");
    }
    if (comparison->left_count > 0) {
        printf(", but for %" PRIu64 " left to batch", comparison->left_count);
    }
    putchar('\n');
}

static enum tide_exit verify_metric(struct verify *v, const struct tide_metric *metric)
{
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    struct tide_instant from;
    if (!tide_batch_kept_from(v->engine, v->loaded, metric, &from)) {
        printf(
            "%-32.*s          - cells  not compared: it looks back to events that left the lake\n",
            TIDE_VIEW_ARGUMENTS(metric->name));
        return TIDE_EXIT_OK;
    }
    enum tide_exit exit = lake_lines(v, metric, &text);
    if (exit == TIDE_EXIT_OK) {
        struct tide_cell_comparison comparison = {.definitions = v->loaded,
                                                  .metric = metric,
                                                  .live = tide_bytes_view(&v->barrier),
                                                  .lake = tide_bytes_view(&text),
                                                  .from = from,
                                                  .differ = differ_line,
                                                  .context = v};
        const enum tide_status status = tide_cells_compare(&comparison, &error);
        if (status == TIDE_OK) {
            v->cells += comparison.cell_count;
            v->differences += comparison.differences;
            print_comparison(&comparison);
        } else {
            exit = tide_fail(
                tide_exit_of(status), "%.*s: %s", TIDE_VIEW_ARGUMENTS(metric->name), error.text);
        }
    }
    tide_bytes_release(&text);
    return exit;
}

/* ---- the ledger */

static void verify_partition(struct verify *v, uint32_t p, const struct tide_batch_audit *audit)
{
    const struct tide_ledger *ledger = &v->ledgers[p];
    if (!tide_ledger_holds(ledger)) {
        differ(v, "partition %u: the ledger does not hold", p);
    }
    if (audit->events != ledger->processed || audit->distinct_uids != ledger->processed) {
        differ(v,
               "partition %u: processed %" PRIu64 ", rows in events %" PRIu64 ", different uids "
               "%" PRIu64,
               p,
               ledger->processed,
               audit->events,
               audit->distinct_uids);
    }
    if (!tide_u128_equal(audit->uids, ledger->uids)) {
        differ(v, "partition %u: the uids in events are not those that were processed", p);
    }
    for (int r = 0; r < TIDE_REASON_COUNT; r++) {
        if (audit->rejected[r] != ledger->rejected[r]) {
            differ(v,
                   "partition %u: rejected %s %" PRIu64 ", rows %" PRIu64,
                   p,
                   tide_reason_name((enum tide_reason)r),
                   ledger->rejected[r],
                   audit->rejected[r]);
        }
    }
}

static enum tide_exit verify_ledger(struct verify *v)
{
    struct tide_error error = {0};
    struct tide_ledger sum = {0};
    uint64_t before = v->differences;
    struct tide_batch_audit *audits =
        TIDE_ARENA_ARRAY(&v->arena, struct tide_batch_audit, v->partition_count);
    if (audits == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    enum tide_status status = tide_batch_audit(v->engine, audits, v->partition_count, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    for (uint32_t p = 0; p < v->partition_count; p++) {
        verify_partition(v, p, &audits[p]);
        tide_ledger_add(&sum, &v->ledgers[p]);
    }
    printf("%-32s %10" PRIu64 " verdicts = %" PRIu64 " processed + %" PRIu64 " duplicate + %" PRIu64
           " rejected  %s\n",
           "ledger",
           sum.verdicts,
           sum.processed,
           sum.duplicate,
           tide_ledger_rejected(&sum),
           v->differences == before ? "equal" : "DIFFERENT");
    return TIDE_EXIT_OK;
}

/* ---- who recomputes */

static enum tide_exit open_view(struct verify *v)
{
    struct tide_error error = {0};
    struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                             .store = v->place.store,
                                             .schema = v->loaded->schema,
                                             .epochs = v->epochs,
                                             .partition_count = v->partition_count};
    const enum tide_status status = tide_lake_view_open(&options, &v->view, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    v->engine = tide_lake_engine(v->view);
    return TIDE_EXIT_OK;
}

static enum tide_exit open_spark(struct verify *v)
{
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    struct tide_identity identity;
    struct tide_error error = {0};
    const enum tide_status status = tide_identity_read(v->place.store, &identity, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    tide_identity_format(identity.pipeline, pipeline);
    const struct tide_spark_options options = {
        .config = &v->config,
        .definitions = v->loaded,
        .purpose = "verify",
        .store = v->place.store,
        .lake_url = v->lake_url,
        .pipeline = tide_view_of(pipeline),
        .partition_count = v->partition_count,
        .epochs = v->epochs,
        .span = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN},
        .has_audits = true,
    };
    const enum tide_exit exit = tide_spark_open(&options, &v->spark);
    v->engine = v->spark.engine;
    return exit;
}

static enum tide_exit open_engine(struct verify *v)
{
    struct tide_error error = {0};
    const char *engine = tide_invocation_text(v->invocation, "--engine", "duckdb");
    const bool is_spark = strcmp(engine, "spark") == 0;
    if (!is_spark && strcmp(engine, "duckdb") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--engine '%s' is neither duckdb nor spark", engine);
    }
    const enum tide_exit exit = ask_service(v);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    const struct tide_lake_place_options place = {.config = &v->config, .url = v->lake_url};
    const enum tide_status status = tide_lake_place_open(&place, &v->place, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    return is_spark ? open_spark(v) : open_view(v);
}

static enum tide_exit verify_all(struct verify *v)
{
    enum tide_exit exit = open_engine(v);
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < v->loaded->metric_count; i++) {
        if (!v->loaded->metrics[i].is_hidden) {
            exit = verify_metric(v, &v->loaded->metrics[i]);
        }
    }
    return exit == TIDE_EXIT_OK ? verify_ledger(v) : exit;
}

static enum tide_exit load_config(struct verify *v)
{
    const struct tide_invocation *invocation = v->invocation;
    const char *file = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *data = tide_invocation_text(invocation, "--data", NULL);
    const enum tide_exit exit = tide_config_keys_only(&v->arena, invocation, file, &v->config);
    return exit == TIDE_EXIT_OK ? tide_config_flags(&v->arena, data, NULL, &v->config) : exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct verify v = {.invocation = invocation,
                       .server = tide_invocation_text(invocation, "--server", TIDE_DEFAULT_SERVER)};
    struct tide_error error = {0};
    tide_arena_init(&v.arena, ARENA_BYTES_MAX);
    if (tide_http_client_create(&v.client, &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    enum tide_exit exit = load_config(&v);
    if (exit == TIDE_EXIT_OK) {
        exit = verify_all(&v);
    }
    if (exit == TIDE_EXIT_OK) {
        if (v.lines_shown > DIFFERENCES_SHOWN) {
            printf("... and %" PRIu64 " lines more\n", v.lines_shown - DIFFERENCES_SHOWN);
        }
        printf("%" PRIu64 " cells, %" PRIu64 " differences: %s\n",
               v.cells,
               v.differences,
               v.differences == 0 ? "live and lake are equal" : "live and lake DIFFER");
        exit = v.differences == 0 ? TIDE_EXIT_OK : TIDE_EXIT_CHECK_FAILED;
    }
    tide_lake_view_close(v.view);
    if (exit == TIDE_EXIT_OK || exit == TIDE_EXIT_CHECK_FAILED) {
        tide_spark_forget(&v.spark); /* else its log explains */
    }
    tide_spark_close(&v.spark);
    tide_lake_place_close(&v.place);
    tide_http_client_destroy(v.client);
    tide_bytes_release(&v.barrier);
    tide_arena_release(&v.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--server", NULL, "URL", "the service (" TIDE_DEFAULT_SERVER ")"},
    {"--engine", NULL, "ENGINE", "what recomputes: duckdb; spark: by spark-submit (batch.spark)"},
    {"--data", NULL, "DIR", "working files below DIR/data; as run has it"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_verify = {
    .name = "verify",
    .summary = "recompute every number from the lake and compare it with what is served",
    .operands = "[FILE]",
    .examples = "  tidemark verify\n"
                "  tidemark verify --server http://127.0.0.1:9000\n"
                "  tidemark verify tidemark.yaml --engine spark\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
