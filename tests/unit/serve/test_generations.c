/* Goal: what batches wrote is read back as it was computed, of each window the newest run that
 * covers it; another definition's rows, and rows that cannot be, are never served.
 * Method: runs of all metrics, of spans, of another definition over one small lake; series taken
 * while new runs come; rows written by a stranger. */
#include "generation_fixture.h"

#include "serve/generations.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(KINDS_TEXT, NULL, 2);
    kinds_send(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static uint32_t index_of(const char *name)
{
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    return (uint32_t)(metric - fixture->definitions->metrics);
}

static struct tide_batch_series *take(const char *name)
{
    struct tide_batch_series *series = NULL;
    struct tide_error error = {0};
    fixture_check(tide_generations_take(
                      fixture->generations, index_of(name), TIDE_CELL_SPAN_ALL, &series, &error),
                  &error);
    return series;
}

static void give(struct tide_batch_series *series)
{
    tide_generations_give(fixture->generations, series);
}

static enum tide_status add_cell(void *context, const struct tide_cell *cell)
{
    return tide_cell_table_add(context, cell->window, cell->group, cell->value);
}

/* The cells of a series as people see them. */
static void print_series(const struct tide_batch_series *series,
                         const struct tide_metric *metric,
                         struct tide_bytes *text)
{
    struct tide_cell_table *table = NULL;
    struct tide_result *result = NULL;
    struct tide_error error = {0};
    fixture_check(tide_cell_table_create(fixture->definitions->schema, metric, &table, &error),
                  &error);
    if (series->table != NULL) {
        fixture_check(tide_cell_table_visit(series->table, add_cell, table), &error);
    }
    assert_int_equal(tide_result_create(fixture->definitions, metric, table, NULL, &result),
                     TIDE_OK);
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        tide_result_write_json(result, &row, (struct tide_view){0}, text);
        tide_bytes_append_byte(text, '\n');
    }
    tide_result_destroy(result);
}

static void has_nothing_without_a_run(void **state)
{
    (void)state;
    struct tide_batch_series *series = take("events_");
    assert_false(tide_instant_known(tide_generations_newest(fixture->generations)));
    assert_int_equal(series->run_count, 0);
    assert_null(series->table);
    assert_null(tide_batch_series_run(series, hours_of(0, 1)));
    give(series);
    give(NULL);
}

static void reads_every_kind(void **state)
{
    (void)state;
    struct batch_run run;
    assert_int_equal(batch_commit(fixture, NULL, BATCH_ALL), 1);
    batch_open(&run, fixture); /* for its view */
    for (uint32_t i = 0; i < fixture->definitions->metric_count; i++) {
        const struct tide_metric *metric = &fixture->definitions->metrics[i];
        struct tide_result *result = NULL;
        struct tide_batch_series *series = NULL;
        struct tide_bytes wanted = {0};
        struct tide_bytes found = {0};
        struct tide_error error = {0};
        if (metric->kind == TIDE_METRIC_RATIO) {
            continue;
        }
        fixture_check(
            tide_batch_result(
                tide_lake_engine(run.view), fixture->definitions, metric, &result, &error),
            &error);
        for (uint64_t k = 0; k < tide_result_count(result); k++) {
            const struct tide_result_row row = tide_result_at(result, k);
            tide_result_write_json(result, &row, (struct tide_view){0}, &wanted);
            tide_bytes_append_byte(&wanted, '\n');
        }
        fixture_check(
            tide_generations_take(fixture->generations, i, TIDE_CELL_SPAN_ALL, &series, &error),
            &error);
        assert_int_equal(series->run_count, 1);
        assert_int_equal(series->runs[0].number, 1);
        assert_int_equal(series->runs[0].reads[0], run.reads[0]);
        assert_int_equal(series->runs[0].reads[1], run.reads[1]);
        print_series(series, metric, &found);
        assert_string_equal(tide_bytes_terminated(&found), tide_bytes_terminated(&wanted));
        tide_generations_give(fixture->generations, series);
        tide_result_destroy(result);
        tide_bytes_release(&wanted);
        tide_bytes_release(&found);
    }
    batch_close(&run);
}

static int64_t run_of(const struct tide_batch_series *series, struct tide_window window)
{
    const struct tide_batch_run *run = tide_batch_series_run(series, window);
    return run == NULL ? 0 : run->number;
}

static void takes_the_newest_run_of_a_window(void **state)
{
    (void)state;
    struct tide_batch_series *old = take("hourly");
    assert_int_equal(run_of(old, hours_of(0, 1)), 1);
    assert_int_equal(batch_commit(fixture, "hourly", hours_of(0, 2)), 2);
    assert_int_equal(batch_commit(fixture, "hourly", hours_of(1, 3)), 3);
    struct tide_batch_series *series = take("hourly");
    assert_int_equal(series->run_count, 3);
    assert_int_equal(run_of(series, hours_of(-1, 0)), 1);
    assert_int_equal(run_of(series, hours_of(0, 1)), 2);
    assert_int_equal(run_of(series, hours_of(1, 2)), 3);
    assert_int_equal(run_of(series, hours_of(2, 3)), 3);
    assert_int_equal(run_of(series, hours_of(2, 4)), 1); /* a window must lie in the span */
    assert_int_equal(run_of(series, hours_of(26, 27)), 1);
    assert_int_equal(tide_cell_table_count(series->table), 3); /* each cell once */
    /* What was taken before stays what it was. */
    assert_int_equal(old->run_count, 1);
    assert_int_equal(tide_cell_table_count(old->table), 3);
    give(old);
    give(series);
    /* Of a metric with a run of everything older ones do not matter any more. */
    assert_int_equal(batch_commit(fixture, "hourly", BATCH_ALL), 4);
    series = take("hourly");
    assert_int_equal(series->run_count, 1);
    assert_int_equal(run_of(series, hours_of(0, 1)), 4);
    give(series);
}

static void tells_when_the_newest_run_began(void **state)
{
    (void)state;
    const int64_t before_us = tide_clock_now(tide_clock_os()).us;
    (void)batch_commit(fixture, "hourly", hours_of(0, 1));
    const struct tide_instant first = tide_generations_newest(fixture->generations);
    assert_in_range(first.us, before_us, tide_clock_now(tide_clock_os()).us);
    assert_int_equal(tide_generations_newest(fixture->generations).us, first.us);
    (void)batch_commit(fixture, "hourly", hours_of(0, 1));
    assert_true(tide_generations_newest(fixture->generations).us > first.us);
}

static void looks_at_most_once_a_second(void **state)
{
    (void)state;
    struct tide_batch_series *first = take("people");
    struct tide_batch_series *again = take("people");
    assert_ptr_equal(first, again); /* kept */
    give(again);
    const int64_t number = batch_commit(fixture, "people", BATCH_ALL);
    fixture->probes.monotonic.ns -= 1000; /* not yet */
    again = take("people");
    assert_ptr_equal(first, again);
    give(again);
    fixture->probes.monotonic.ns += 1000;
    again = take("people");
    assert_int_equal(again->runs[0].number, number);
    give(again);
    give(first);
}

/* ---- limits */

static uint64_t count_cells(struct tide_generations *own,
                            const char *name,
                            struct tide_cell_span span)
{
    struct tide_batch_series *series = NULL;
    struct tide_error error = {0};
    const enum tide_status status =
        tide_generations_take(own, index_of(name), span, &series, &error);
    if (status != TIDE_OK) {
        assert_int_equal(status, TIDE_REJECT);
        assert_non_null(strstr(error.text, "over 3 batch cells"));
        return UINT64_MAX;
    }
    const uint64_t count = tide_cell_table_count(series->table);
    tide_generations_give(own, series);
    return count;
}

static int asked_count;

static enum tide_status fail_to_list(void *self,
                                     const char *prefix,
                                     void (*visit)(void *context,
                                                   const struct tide_store_entry *entry),
                                     void *context,
                                     struct tide_error *error)
{
    (void)self;
    (void)prefix;
    (void)visit;
    (void)context;
    asked_count++;
    return tide_error_set(error, TIDE_RETRY, "the lake is away");
}

static enum tide_status fail_to_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    (void)key;
    (void)into;
    (void)size_max;
    return fail_to_list(self, NULL, NULL, NULL, error);
}

/* Everybody who asks for a metric would wait for a lake that is away. */
static void leaves_a_failing_lake_alone(void **state)
{
    (void)state;
    static const struct tide_store_operations operations = {.get = fail_to_get,
                                                            .list = fail_to_list};
    struct tide_generations *own = NULL;
    struct tide_error error = {0};
    struct tide_generations_options options = tide_generations_options_default();
    options.clock = tide_clock_simulated(&fixture->probes);
    options.store = (struct tide_store){&operations, NULL};
    options.definitions = fixture->definitions;
    options.partition_count = fixture->partition_count;
    fixture_check(tide_generations_create(&options, &own, &error), &error);
    asked_count = 0;
    int counts[3] = {0};
    for (int round = 0; round < 3; round++) { /* at 0 s, 0 s, 6 s */
        struct tide_batch_series *series = NULL;
        error = (struct tide_error){0};
        assert_int_equal(
            tide_generations_take(own, index_of("hourly"), TIDE_CELL_SPAN_ALL, &series, &error),
            TIDE_RETRY);
        assert_non_null(strstr(error.text, "the lake is away"));
        counts[round] = asked_count;
        if (round == 1) {
            tide_clock_simulated_advance(&fixture->probes, (struct tide_duration){6000000});
        }
    }
    assert_true(counts[0] > 0 && counts[1] == counts[0] && counts[2] > counts[1]);
    tide_generations_destroy(own);
}

static void keeps_within_its_limits(void **state)
{
    (void)state;
    struct tide_generations *own = NULL;
    struct tide_error error = {0};
    struct tide_generations_options options = tide_generations_options_default();
    options.clock = tide_clock_simulated(&fixture->probes);
    options.store = fixture->store;
    options.definitions = fixture->definitions;
    options.partition_count = fixture->partition_count;
    options.cells_max = 3;
    options.kept_cells_max = 4;
    fixture_check(tide_generations_create(&options, &own, &error), &error);
    const struct tide_cell_span all = TIDE_CELL_SPAN_ALL;
    const struct tide_window hour = hours_of(0, 1);
    const struct tide_cell_span first = {hour.start, hour.end, TIDE_INSTANT_UNKNOWN};
    const struct tide_cell_span later = {hour.end, TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(count_cells(own, "events_", all), UINT64_MAX); /* it has 5 */
        assert_int_equal(count_cells(own, "events_", first), 3);
        assert_int_equal(count_cells(own, "events_", later), 2);
        assert_int_equal(count_cells(own, "hourly", all), 3);
        assert_int_equal(count_cells(own, "hourly", first), 3); /* kept whole */
        assert_int_equal(count_cells(own, "two_days", all), 3); /* the other is forgotten */
        assert_int_equal(count_cells(own, "people", all), 2);
    }
    tide_generations_destroy(own);
}

/* ---- other series, and strangers */

/* Commits rows as somebody else might, whose values SQL gives. */
static void commit_rows(const struct tide_metric *metric,
                        const char *generation,
                        int64_t run,
                        struct tide_window window,
                        const char *text)
{
    struct tide_arena arena = {0};
    struct tide_error error = {0};
    struct tide_rows *rows = NULL;
    struct tide_delta *delta = NULL;
    uint64_t size = 0;
    const uint32_t index = 0;
    static int64_t commits;
    char path[64];
    char key[96];
    char scratch[192];
    char app[32];
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    const struct tide_layout *layout =
        tide_layout_create(&arena, fixture->definitions->schema, TIDE_TABLE_METRICS);
    tide_identity_format(metric->hash, hash);
    (void)snprintf(path, sizeof(path), "strange-%lld.parquet", (long long)++commits);
    (void)snprintf(app, sizeof(app), "stranger-%lld", (long long)commits);
    (void)snprintf(key, sizeof(key), "metrics/%s", path);
    (void)snprintf(scratch, sizeof(scratch), "%s/%s", fixture->scratch, path);
    fixture_check(tide_rows_create(layout, &rows, &error), &error);
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    assert_int_equal(tide_rows_set_text(rows, 0, metric->name), TIDE_OK);
    assert_int_equal(tide_rows_set_text(rows, 1, tide_view_of(hash)), TIDE_OK);
    assert_int_equal(tide_rows_set_text(rows, 2, tide_view_of(generation)), TIDE_OK);
    if (tide_instant_known(window.start)) {
        tide_rows_set_number(rows, 3, window.start.us);
        tide_rows_set_number(rows, 4, window.end.us);
    }
    const uint32_t column = strcmp(generation, "coverage") == 0 ? 10 : 8;
    assert_int_equal(tide_rows_set_text(rows, column, tide_view_of(text)), TIDE_OK);
    tide_rows_set_number(rows, 11, run);
    fixture_check(fixture->writer.operations->write(
                      fixture->writer.self, rows, &index, 1, scratch, &size, &error),
                  &error);
    fixture_check(fixture->store.operations->put_file(fixture->store.self, key, scratch, &error),
                  &error);
    const struct tide_delta_options options = {.store = fixture->store,
                                               .clock = tide_clock_os(),
                                               .layout = layout,
                                               .table_id = TIDE_VIEW("x"),
                                               .engine = TIDE_VIEW("stranger")};
    const struct tide_delta_file file = {tide_view_of(path), 0, size, 1, {0}};
    const struct tide_delta_transaction transaction = {
        tide_view_of(app), 0, TIDE_DELTA_NEVER, &file, 1};
    fixture_check(tide_delta_open(&options, &delta, &error), &error);
    fixture_check(tide_delta_commit(delta, &transaction, 1, &error), &error);
    tide_delta_close(delta);
    tide_rows_destroy(rows);
    tide_arena_release(&arena);
    tide_clock_simulated_advance(&fixture->probes, (struct tide_duration){1000000});
}

static void does_not_see_other_definitions(void **state)
{
    (void)state;
    struct tide_metric other = fixture->definitions->metrics[index_of("hourly")];
    struct tide_metric namesake = fixture->definitions->metrics[index_of("events_")];
    struct tide_batch_series *series = take("hourly");
    const uint64_t cells = tide_cell_table_count(series->table);
    const int64_t number = series->runs[0].number;
    give(series);
    other.hash.low++;
    commit_rows(&other, "coverage", 1000, BATCH_ALL, "[9,9]");
    commit_rows(&other, "batch", 1000, hours_of(5, 6), "{\"group\":[],\"count\":7}");
    namesake.name = TIDE_VIEW("it's another");
    commit_rows(&namesake, "coverage", 1000, BATCH_ALL, "[9,9]");
    series = take("hourly");
    assert_int_equal(series->runs[0].number, number);
    assert_int_equal(tide_cell_table_count(series->table), cells);
    give(series);
    series = take("events_");
    assert_int_equal(series->runs[0].number, 1);
    give(series);
}

static void passes_over_coverage_that_is_not_ours(void **state)
{
    static const char *const texts[] = {
        "[9]", "[9,9,9]", "", "null", "[9,-1]", "[9,\"9\"]", "[9,1.5]", "{\"a\":9}"};
    (void)state;
    const struct tide_metric *metric = &fixture->definitions->metrics[index_of("most")];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        commit_rows(metric, "coverage", 2000, BATCH_ALL, texts[i]);
    }
    struct tide_batch_series *series = take("most");
    assert_int_equal(series->run_count, 1);
    assert_int_equal(series->runs[0].number, 1);
    give(series);
    commit_rows(metric, "coverage", 2000, BATCH_ALL, "[9,10]");
    series = take("most");
    assert_int_equal(series->runs[0].number, 2000);
    assert_int_equal(series->runs[0].reads[1], 10);
    assert_int_equal(tide_cell_table_count(series->table), 0); /* all cells are of run 1 */
    give(series);
}

static void refuses_cells_that_cannot_be(void **state)
{
    const struct {
        const char *metric;
        struct tide_window window;
        const char *text;
        const char *error;
    } cases[] = {
        {"events_", hours_of(0, 1), "{\"group\":[]}", "none of metric 'events_'"},
        {"spent", BATCH_ALL, "{\"group\":[\"x\",1]}", "without run, window"},
        {"typical", {{5}, {5}}, "{\"group\":[\"x\"]}", "without run, window"},
        {"visits", {{0}, {1500000}}, "{\"group\":[\"x\"]}", "without run, window"},
        {"way", {{0}, {INT64_MAX - 807}}, "{\"group\":[\"x\"]}", "without run, window"},
        {"best", {{INT64_MIN + 808}, {0}}, "{\"group\":[\"x\"]}", "without run, window"},
        /* The cell of run 1 again. */
        {"back",
         {{INT64_C(1772928000000000)}, {INT64_C(1773014400000000)}},
         "{\"group\":[],\"steps\":[[1,0],[0,0]]}",
         "none of metric 'back'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t index = index_of(cases[i].metric);
        struct tide_batch_series *series = NULL;
        struct tide_error error = {0};
        commit_rows(
            &fixture->definitions->metrics[index], "batch", 1, cases[i].window, cases[i].text);
        assert_int_equal(
            tide_generations_take(fixture->generations, index, TIDE_CELL_SPAN_ALL, &series, &error),
            TIDE_REJECT);
        assert_null(series);
        if (strstr(error.text, cases[i].error) == NULL) {
            fail_msg("%s: %s", cases[i].text, error.text);
        }
    }
    /* Others are read all the same. */
    give(take("people"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_nothing_without_a_run),
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(takes_the_newest_run_of_a_window),
        cmocka_unit_test(tells_when_the_newest_run_began),
        cmocka_unit_test(looks_at_most_once_a_second),
        cmocka_unit_test(leaves_a_failing_lake_alone),
        cmocka_unit_test(keeps_within_its_limits),
        cmocka_unit_test(does_not_see_other_definitions),
        cmocka_unit_test(passes_over_coverage_that_is_not_ours),
        cmocka_unit_test(refuses_cells_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
