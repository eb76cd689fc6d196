/* Goal: a batch's cell of every kind is served from its text as it was computed, to the last digit;
 * and what is no state of the metric is refused before anything is made of it.
 * Method: a lake of a few events with texts, nulls and numbers at their limits: each cell there and
 * back, printed before and after; then texts with one thing wrong each. */
#include "generation_fixture.h"

#include "serve/batch_cell.h"

static struct fixture *fixture;
static struct batch_run run;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(KINDS_TEXT, NULL, 2);
    kinds_send(fixture);
    batch_open(&run, fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    batch_close(&run);
    fixture_close(fixture);
    return 0;
}

static void print(const struct tide_result *result, struct tide_bytes *text)
{
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        tide_result_write_json(result, &row, (struct tide_view){0}, text);
        tide_bytes_append_format(text, " %llu\n", (unsigned long long)tide_result_revision(&row));
        assert_true(tide_result_is_exact(result, &row));
    }
}

/* The cells of a result as text and back, as another result. */
static struct tide_result *there_and_back(const struct tide_metric *metric,
                                          const struct tide_result *result)
{
    const struct tide_schema *schema = fixture->definitions->schema;
    struct tide_cell_table *table = NULL;
    struct tide_result *back = NULL;
    struct tide_arena scratch = {0};
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    fixture_check(tide_cell_table_create(schema, metric, &table, &error), &error);
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        const struct tide_cell cell = {row.window, row.group, row.value};
        tide_bytes_reset(&text);
        tide_batch_cell_write(metric, &cell, &text);
        const struct tide_view state = tide_bytes_view(&text);
        fixture_check(tide_batch_cell_read(schema, table, row.window, state, &scratch, &error),
                      &error);
        assert_int_equal(tide_batch_cell_read(schema, table, row.window, state, &scratch, &error),
                         TIDE_REJECT); /* twice */
    }
    assert_int_equal(tide_result_create(fixture->definitions, metric, table, NULL, &back), TIDE_OK);
    tide_bytes_release(&text);
    tide_arena_release(&scratch);
    return back;
}

static void keeps_every_kind(void **state)
{
    (void)state;
    assert_int_equal(fixture->definitions->metric_count, KINDS_COUNT);
    for (uint32_t i = 0; i < fixture->definitions->metric_count; i++) {
        const struct tide_metric *metric = &fixture->definitions->metrics[i];
        struct tide_result *result = NULL;
        struct tide_bytes before = {0};
        struct tide_bytes after = {0};
        struct tide_error error = {0};
        if (metric->kind == TIDE_METRIC_RATIO) {
            continue;
        }
        fixture_check(
            tide_batch_result(
                tide_lake_engine(run.view), fixture->definitions, metric, &result, &error),
            &error);
        assert_true(tide_result_count(result) > 0);
        struct tide_result *back = there_and_back(metric, result);
        print(result, &before);
        print(back, &after);
        assert_string_equal(tide_bytes_terminated(&after), tide_bytes_terminated(&before));
        tide_bytes_release(&before);
        tide_bytes_release(&after);
        tide_result_destroy(result);
        tide_result_destroy(back);
    }
}

static void is_as_documented(void **state)
{
    static const struct {
        const char *name;
        uint64_t index; /* of the row */
        const char *text;
    } cases[] = {
        {"events_", 1, "{\"group\":[\"north\"],\"events\":2,\"count\":2}"},
        {"spent", 2, "{\"group\":[\"north\",1],\"events\":1,\"count\":1,\"sum\":\"2500000\"}"},
        {"most", 0, "{\"group\":[],\"events\":1,\"count\":1,\"extreme\":\"123456789012000001\"}"},
        {"typical",
         1,
         "{\"group\":[\"north\"],\"events\":2,\"count\":2,\"ranks\":[100000,2500000]}"},
        {"way",
         1,
         "{\"group\":[\"north\"],\"events\":1,\"count\":1,\"sum\":\"600000000\","
         "\"steps\":[[1,1],[1,1]],\"ranks\":[600000000]}"},
        {"back", 0, "{\"group\":[],\"steps\":[[3,0],[0,0]]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_metric *metric =
            tide_definitions_find(fixture->definitions, tide_view_of(cases[i].name));
        struct tide_result *result = NULL;
        struct tide_bytes text = {0};
        struct tide_error error = {0};
        fixture_check(
            tide_batch_result(
                tide_lake_engine(run.view), fixture->definitions, metric, &result, &error),
            &error);
        const struct tide_result_row row = tide_result_at(result, cases[i].index);
        const struct tide_cell cell = {row.window, row.group, row.value};
        tide_batch_cell_write(metric, &cell, &text);
        assert_string_equal(tide_bytes_terminated(&text), cases[i].text);
        tide_bytes_release(&text);
        tide_result_destroy(result);
    }
}

static void refuses_what_is_no_state(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool is_good;
    } cases[] = {
        {"events_", "{\"group\":[\"x\"],\"count\":2}", true},
        {"events_", "{\"group\":[null],\"count\":2,\"later\":[1]}", true},
        {"events_", "", false},
        {"events_", "[]", false},
        {"events_", "{\"count\":2}", false},
        {"events_", "{\"group\":\"x\",\"count\":2}", false},
        {"events_", "{\"group\":[],\"count\":2}", false},
        {"events_", "{\"group\":[\"x\",\"y\"],\"count\":2}", false},
        {"events_", "{\"group\":[7],\"count\":2}", false},
        {"events_", "{\"group\":[\"x\"],\"count\":-2}", false},
        {"events_", "{\"group\":[\"x\"],\"count\":2,\"steps\":[[1,1]]}", false},
        {"events_", "{\"group\":[\"x\"],\"count\":2,\"ranks\":[1]}", false},
        {"spent", "{\"group\":[\"x\",1],\"count\":1,\"sum\":\"1\"}", true},
        {"spent", "{\"group\":[\"x\",\"1\"],\"count\":1,\"sum\":\"1\"}", false},
        {"spent", "{\"group\":[\"x\",1.5],\"count\":1,\"sum\":\"1\"}", false},
        {"spent", "{\"group\":[\"x\",1],\"count\":1,\"sum\":1}", false},
        {"spent", "{\"group\":[\"x\",1],\"count\":1,\"sum\":\"1e9\"}", false},
        {"most", "{\"group\":[],\"count\":1,\"extreme\":\"9223372036854775807\"}", true},
        {"most", "{\"group\":[],\"count\":1,\"extreme\":\"9223372036854775808\"}", false},
        {"typical", "{\"group\":[null],\"count\":1,\"ranks\":[1,2]}", true},
        {"typical", "{\"group\":[null],\"count\":0}", true},
        {"typical", "{\"group\":[null],\"count\":1}", false},
        {"typical", "{\"group\":[null],\"count\":1,\"ranks\":[1]}", false},
        {"typical", "{\"group\":[null],\"count\":1,\"ranks\":[1,2,3]}", false},
        {"typical", "{\"group\":[null],\"count\":0,\"ranks\":[1,2]}", false},
        {"typical", "{\"group\":[null],\"count\":1,\"ranks\":[1,\"2\"]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,1],[0,0]]}", true},
        {"way", "{\"group\":[null],\"steps\":[[2,1],[1,1]],\"ranks\":[5]}", true},
        {"way", "{\"group\":[null]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,1]]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,1],[3,1]],\"ranks\":[5]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,3],[0,0]]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,-1],[0,0]]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,1,0],[0,0]]}", false},
        {"way", "{\"group\":[null],\"steps\":[[2,1],[1,1]]}", false},
        {"back", "{\"group\":[],\"steps\":[[1,0],[5,0]]}", true},
        {"back", "{\"group\":[],\"steps\":[[1,0],[1,0],[1,0]]}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_schema *schema = fixture->definitions->schema;
        const struct tide_metric *metric =
            tide_definitions_find(fixture->definitions, tide_view_of(cases[i].name));
        struct tide_cell_table *table = NULL;
        struct tide_arena scratch = {0};
        struct tide_error error = {0};
        fixture_check(tide_cell_table_create(schema, metric, &table, &error), &error);
        const enum tide_status status = tide_batch_cell_read(
            schema, table, hours_of(0, 1), tide_view_of(cases[i].text), &scratch, &error);
        if (status != (cases[i].is_good ? TIDE_OK : TIDE_REJECT)) {
            fail_msg("%s: %s", cases[i].text, tide_status_name(status));
        }
        assert_int_equal(tide_cell_table_count(table), cases[i].is_good);
        if (!cases[i].is_good) {
            assert_non_null(strstr(error.text, cases[i].name));
        }
        tide_cell_table_destroy(table);
        tide_arena_release(&scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_kind),
        cmocka_unit_test(is_as_documented),
        cmocka_unit_test(refuses_what_is_no_state),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
