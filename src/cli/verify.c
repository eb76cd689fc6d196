/* tidemark verify: the proof. At a barrier the service tells every cell and the ledger; this other
 * process reads the lake up to that barrier and computes both again, by SQL. Cells are compared as
 * the lines that people see; the ledger with the rows themselves. */
#include "base/json.h"
#include "batch/compute.h"
#include "cli/ask.h"
#include "lake/store.h"
#include "operator/result.h"
#include "process/ledger.h"

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
    const char *server;
    struct tide_http_client *client;
    struct tide_arena arena;
    struct tide_bytes barrier;     /* NDJSON as the service told it */
    struct tide_bytes definitions; /* JSON with the sources */
    struct tide_bytes metrics;     /* JSON: which ones are served */
    const struct tide_definitions *loaded;
    struct tide_view lake_url;
    uint32_t partition_count;
    int64_t *epochs;
    struct tide_ledger *ledgers;
    struct tide_lake_view *view;
    uint64_t cells;
    uint64_t differences;
};

__attribute__((format(printf, 2, 3))) static void differ(struct verify *v, const char *format, ...)
{
    if (v->differences++ < DIFFERENCES_SHOWN) {
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

/* The names in {"metrics":[{"name":..}]}. */
static uint32_t served_metrics(struct verify *v, struct tide_view **names)
{
    struct tide_json *json = NULL;
    uint32_t count = 0;
    if (tide_json_parse(&v->arena, tide_bytes_view(&v->metrics), &json, NULL) != TIDE_OK) {
        return 0;
    }
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    *names =
        TIDE_ARENA_ARRAY(&v->arena, struct tide_view, metrics == NULL ? 1 : metrics->count + 1);
    for (const struct tide_json *m = metrics == NULL ? NULL : metrics->first;
         *names != NULL && m != NULL;
         m = m->next) {
        count += tide_json_get_text(m, "name", &(*names)[count]);
    }
    return count;
}

static void read_source(const struct tide_json *json, struct tide_source *source)
{
    (void)tide_json_get_text(json, "name", &source->name);
    (void)tide_json_get_text(json, "text", &source->text);
}

/* The definitions are the service's own texts, compiled again here. */
static enum tide_exit load_definitions(struct verify *v)
{
    struct tide_json *json = NULL;
    struct tide_diagnostics diagnostics;
    struct tide_definitions_input input = {.is_judged = true};
    struct tide_view *names = NULL;
    if (tide_json_parse(&v->arena, tide_bytes_view(&v->definitions), &json, NULL) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_FAILURE, "%s did not answer with JSON", v->server);
    }
    const struct tide_json *sources = tide_json_get(json, "sources");
    for (const struct tide_json *s = sources == NULL ? NULL : sources->first; s != NULL;
         s = s->next) {
        struct tide_source *source = TIDE_ARENA_NEW(&v->arena, struct tide_source);
        if (source == NULL) {
            return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
        }
        read_source(s, source);
        const struct tide_source *preset = tide_preset_find(source->name);
        if (preset == NULL) {
            input.file = source;
        } else if (tide_view_equal(preset->text, source->text)) {
            input.preset = source->name;
        } else {
            return tide_fail(TIDE_EXIT_FAILURE,
                             "the service's preset %.*s is of another version than this program's",
                             TIDE_VIEW_ARGUMENTS(source->name));
        }
    }
    input.only_count = served_metrics(v, &names);
    input.only = names;
    tide_diagnostics_init(&diagnostics, &v->arena);
    v->loaded = tide_definitions_load(&v->arena, &input, &diagnostics);
    return v->loaded != NULL && v->loaded->metric_count == input.only_count
               ? TIDE_EXIT_OK
               : tide_fail(TIDE_EXIT_FAILURE, "cannot compile the service's definitions");
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
    enum tide_exit exit =
        tide_ask(v->client, v->server, "GET", TIDE_VIEW("/api/v1/definitions"), &v->definitions);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_ask(v->client, v->server, "GET", TIDE_VIEW("/api/v1/metrics"), &v->metrics);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = ask_barrier(v);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    if (!read_barrier(v, first_line(tide_bytes_view(&v->barrier)))) {
        return tide_fail(
            TIDE_EXIT_FAILURE, "%s answered with a barrier that cannot be read", v->server);
    }
    return load_definitions(v);
}

/* ---- lines of a metric, sorted */

struct lines {
    struct tide_view *views; /* owned */
    uint64_t count;
    uint64_t capacity;
};

static bool add_line(struct lines *lines, struct tide_view line)
{
    if (lines->count == lines->capacity) {
        uint64_t capacity = lines->capacity == 0 ? 1024 : lines->capacity * 2;
        struct tide_view *views = realloc(lines->views, capacity * sizeof(*views));
        if (views == NULL) {
            return false;
        }
        lines->views = views;
        lines->capacity = capacity;
    }
    lines->views[lines->count++] = line;
    return true;
}

static int compare_views(const void *a, const void *b)
{
    const struct tide_view *left = a;
    const struct tide_view *right = b;
    return tide_view_compare(*left, *right);
}

static void sort_lines(struct lines *lines)
{
    if (lines->count > 1) {
        qsort(lines->views, lines->count, sizeof(*lines->views), compare_views);
    }
}

struct gather {
    struct tide_view prefix;
    struct lines *lines;
};

static enum tide_exit gather_line(void *context, struct tide_view line)
{
    struct gather *gather = context;
    if (tide_view_starts_with(line, gather->prefix) && !add_line(gather->lines, line)) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit live_lines(struct verify *v,
                                 const struct tide_metric *metric,
                                 struct lines *lines)
{
    struct tide_bytes prefix = {0};
    tide_bytes_append_format(&prefix, "{\"metric\": \"%.*s\",", TIDE_VIEW_ARGUMENTS(metric->name));
    struct gather gather = {tide_bytes_view(&prefix), lines};
    enum tide_exit exit = tide_each_line(tide_bytes_view(&v->barrier), gather_line, &gather);
    tide_bytes_release(&prefix);
    sort_lines(lines);
    return exit;
}

/* ---- the same from the lake */

struct collect {
    const struct tide_metric *metric;
    struct tide_cell_table *table;
};

static enum tide_status collect_cell(void *context, const struct tide_batch_cell *cell)
{
    struct collect *collect = context;
    struct tide_cell_value value = {.events = cell->count, .count = cell->count};
    switch (collect->metric->kind) {
    case TIDE_METRIC_COUNT:
        break;
    case TIDE_METRIC_DISTINCT:
        value.distinct = cell->value;
        break;
    case TIDE_METRIC_SUM:
    case TIDE_METRIC_MEAN:
        value.sum = cell->sum;
        break;
    case TIDE_METRIC_MIN:
    case TIDE_METRIC_MAX:
        value.min = cell->min_or_max;
        value.max = cell->min_or_max;
        break;
    case TIDE_METRIC_QUANTILES:
    case TIDE_METRIC_APPROX_DISTINCT:
    case TIDE_METRIC_SESSIONS:
    case TIDE_METRIC_FUNNEL:
    case TIDE_METRIC_RETENTION:
    case TIDE_METRIC_RATIO:
        break;
    }
    return tide_cell_table_add(collect->table, cell->window, cell->group, &value);
}

/* text holds what the views of lines point into. */
static enum tide_exit lake_lines(struct verify *v,
                                 const struct tide_metric *metric,
                                 struct tide_bytes *text,
                                 struct lines *lines)
{
    struct tide_error error = {0};
    const struct tide_schema *schema = v->loaded->schema;
    struct collect collect = {.metric = metric};
    enum tide_exit exit = TIDE_EXIT_OK;
    enum tide_status status = tide_cell_table_create(schema, metric, &collect.table, &error);
    if (status == TIDE_OK) {
        status = tide_batch_compute(v->view, v->loaded, metric, collect_cell, &collect, &error);
    }
    if (status == TIDE_OK) {
        struct tide_result *result = NULL;
        status = tide_result_create(v->loaded, metric, collect.table, NULL, &result);
        collect.table = NULL;
        for (uint64_t i = 0; status == TIDE_OK && i < tide_result_count(result); i++) {
            const struct tide_result_row row = tide_result_at(result, i);
            tide_result_write_json(result, &row, (struct tide_view){0}, text);
            tide_bytes_append_byte(text, '\n');
        }
        tide_result_destroy(result);
        struct gather gather = {{0}, lines};
        exit = tide_each_line(tide_bytes_view(text), gather_line, &gather);
        sort_lines(lines);
    } else {
        exit = tide_fail(
            tide_exit_of(status), "%.*s: %s", TIDE_VIEW_ARGUMENTS(metric->name), error.text);
    }
    tide_cell_table_destroy(collect.table);
    return exit;
}

/* ---- comparing */

static void compare_lines(struct verify *v, const struct lines *live, const struct lines *lake)
{
    uint64_t i = 0;
    uint64_t j = 0;
    while (i < live->count || j < lake->count) {
        int order = i == live->count   ? 1
                    : j == lake->count ? -1
                                       : tide_view_compare(live->views[i], lake->views[j]);
        if (order < 0) {
            differ(v, "live only: %.*s", TIDE_VIEW_ARGUMENTS(live->views[i]));
        } else if (order > 0) {
            differ(v, "lake only: %.*s", TIDE_VIEW_ARGUMENTS(lake->views[j]));
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static enum tide_exit verify_metric(struct verify *v, const struct tide_metric *metric)
{
    struct lines live = {0};
    struct lines lake = {0};
    struct tide_bytes text = {0};
    uint64_t before = v->differences;
    enum tide_exit exit = live_lines(v, metric, &live);
    if (exit == TIDE_EXIT_OK) {
        exit = lake_lines(v, metric, &text, &lake);
    }
    if (exit == TIDE_EXIT_OK) {
        compare_lines(v, &live, &lake);
        v->cells += live.count;
        printf("%-32.*s %10" PRIu64 " cells  %s\n",
               TIDE_VIEW_ARGUMENTS(metric->name),
               live.count,
               v->differences == before ? "equal" : "DIFFERENT");
    }
    free(live.views);
    free(lake.views);
    tide_bytes_release(&text);
    return exit;
}

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
    enum tide_status status = tide_batch_audit(v->view, audits, v->partition_count, &error);
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

static enum tide_exit verify_all(struct verify *v)
{
    struct tide_error error = {0};
    struct tide_bytes path = {0};
    enum tide_exit exit = ask_service(v);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    enum tide_status status = tide_store_local_path(v->lake_url, &path, &error);
    if (status == TIDE_OK) {
        struct tide_lake_view_options options = {.io = tide_io_os(),
                                                 .clock = tide_clock_os(),
                                                 .lake_directory = tide_bytes_terminated(&path),
                                                 .schema = v->loaded->schema,
                                                 .epochs = v->epochs,
                                                 .partition_count = v->partition_count};
        status = tide_lake_view_open(&options, &v->view, &error);
    }
    tide_bytes_release(&path);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < v->loaded->metric_count; i++) {
        exit = verify_metric(v, &v->loaded->metrics[i]);
    }
    return exit == TIDE_EXIT_OK ? verify_ledger(v) : exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct verify v = {.server = tide_invocation_text(invocation, "--server", TIDE_DEFAULT_SERVER)};
    struct tide_error error = {0};
    tide_arena_init(&v.arena, ARENA_BYTES_MAX);
    if (tide_http_client_create(&v.client, &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    enum tide_exit exit = verify_all(&v);
    if (exit == TIDE_EXIT_OK) {
        if (v.differences > DIFFERENCES_SHOWN) {
            printf("... and %" PRIu64 " more\n", v.differences - DIFFERENCES_SHOWN);
        }
        printf("%" PRIu64 " cells, %" PRIu64 " differences: %s\n",
               v.cells,
               v.differences,
               v.differences == 0 ? "live and lake are equal" : "live and lake DIFFER");
        exit = v.differences == 0 ? TIDE_EXIT_OK : TIDE_EXIT_CHECK_FAILED;
    }
    tide_lake_view_close(v.view);
    tide_http_client_destroy(v.client);
    tide_bytes_release(&v.barrier);
    tide_bytes_release(&v.definitions);
    tide_bytes_release(&v.metrics);
    tide_arena_release(&v.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--server", NULL, "URL", "the service (" TIDE_DEFAULT_SERVER ")"},
};

const struct tide_command tide_command_verify = {
    .name = "verify",
    .summary = "recompute every number from the lake and compare it with what is served",
    .operands = "",
    .examples = "  tidemark verify\n"
                "  tidemark verify --server http://127.0.0.1:9000\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
