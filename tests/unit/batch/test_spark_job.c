/* Goal: the job says all that the program on the other side needs, in JSON, whatever names there
 * are; what is done is left out. Method: read the job back. */
#include "spark_plan_text.h"

#include "base/json.h"
#include "batch/spark_job.h"

static struct plan_world world;

static struct tide_json *write_job(const struct tide_spark_plan *plan, const bool *is_done)
{
    struct tide_bytes text = {0};
    struct tide_json *json = NULL;
    struct tide_error error = {0};
    const struct tide_spark_job job = {.plan = plan,
                                       .schema = world.definitions->schema,
                                       .application = TIDE_VIEW("tidemark batch"),
                                       .lake_url = TIDE_VIEW("file:/a \"b\""),
                                       .lock = TIDE_VIEW("/lock"),
                                       .results = TIDE_VIEW("/results"),
                                       .is_done = is_done};
    assert_int_equal(tide_spark_job_write(&job, &text, &error), TIDE_OK);
    const struct tide_view kept = tide_arena_copy(&world.arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    assert_int_equal(tide_json_parse(&world.arena, kept, &json, &error), TIDE_OK);
    return json;
}

static const char *text_of(const struct tide_json *json, const char *key)
{
    struct tide_view text;
    assert_true(tide_json_get_text(json, key, &text));
    return tide_arena_copy(&world.arena, text).data;
}

static void says_where_the_lake_is(void **state)
{
    (void)state;
    const struct tide_window always = {TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
    const struct tide_spark_plan plan = plan_of(&world, always, true);
    const struct tide_json *job = write_job(&plan, NULL);
    const struct tide_json *tables = tide_json_get(job, "tables");
    const struct tide_json *events = tide_json_get(tables, "lake_events");
    assert_string_equal(text_of(job, "application"), "tidemark batch");
    assert_string_equal(text_of(job, "lock"), "/lock");
    assert_string_equal(text_of(events, "root"), "file:/a \"b\"/events");
    assert_string_equal(text_of(events, "where"),
                        "_epoch <= try_element_at(array(4L, -1L), CAST(`_partition` + 1 AS INT))");
    assert_non_null(strstr(text_of(events, "schema"), "`n` BIGINT, "));
    assert_non_null(strstr(text_of(events, "schema"), "`event_time` TIMESTAMP, "));
    const struct tide_json *files = tide_json_get(events, "files");
    assert_int_equal(files->count, PLAN_DAYS);
    const struct tide_json *file = files->first->next;
    assert_int_equal(file->count, 3);
    assert_true(tide_view_equal(file->first->text, world.files[1].path));
    assert_true(tide_view_equal(file->first->next->text, TIDE_VIEW("2026-03-01")));
    const struct tide_json *rejected = tide_json_get(tables, "lake_rejected");
    assert_non_null(strstr(text_of(rejected, "where"), "CAST(`partition` + 1 AS INT)"));
    assert_non_null(strstr(text_of(rejected, "schema"), "`bytes` BINARY"));
    assert_non_null(strstr(text_of(job, "events"), "FROM lake_events"));
    assert_int_equal(tide_json_get(job, "units")->count, plan.unit_count);
}

static void says_what_to_ask(void **state)
{
    (void)state;
    const int64_t from = INT64_C(20514) * TIDE_US_PER_DAY;
    const struct tide_spark_plan plan =
        plan_of(&world, (struct tide_window){{from}, {from + TIDE_US_PER_DAY}}, true);
    bool *is_done = TIDE_ARENA_ARRAY(&world.arena, bool, plan.unit_count);
    for (uint32_t i = 0; i < plan.unit_count; i++) {
        is_done[i] = i != 1;
    }
    const struct tide_json *units = tide_json_get(write_job(&plan, is_done), "units");
    assert_int_equal(units->count, 1);
    const struct tide_json *unit = units->first;
    char bounds[64];
    (void)snprintf(bounds,
                   sizeof(bounds),
                   "[%lld,%lld]",
                   (long long)from,
                   (long long)(from + TIDE_US_PER_DAY));
    assert_string_equal(text_of(unit, "result"), "00001.ndjson");
    assert_string_equal(text_of(unit, "name"), "hourly 2026-03-02");
    assert_string_equal(text_of(unit, "table"), "lake_events");
    assert_non_null(strstr(text_of(unit, "sql"), "FROM events"));
    assert_true(tide_view_equal(tide_json_get(unit, "starts")->source, tide_view_of(bounds)));
    assert_true(tide_view_equal(tide_json_get(unit, "events")->source, tide_view_of(bounds)));
}

static void the_program_is_there(void **state)
{
    (void)state;
    const struct tide_view program = tide_spark_program();
    assert_true(tide_view_starts_with(program, TIDE_VIEW("\"\"\"The Spark side")));
    assert_int_equal(program.data[program.size - 1], '\n');
}

static int open_world(void **state)
{
    (void)state;
    plan_world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_arena_release(&world.arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_the_lake_is),
        cmocka_unit_test(says_what_to_ask),
        cmocka_unit_test(the_program_is_there),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
