/* Goal: the statements make what the lake has and nothing that it has not, name the live files, and
 * quote what they are given. Method: a lake written by hand; the statements of both engines by what
 * is in them (whole texts: tests/golden/hive). */
#include "batch/hive_ddl.h"
#include "fixture.h"

struct written {
    struct tide_bytes sql; /* each statement, then ";\n" */
    struct tide_bytes missing;
    uint32_t count;
};

static void take(void *context, struct tide_view sql)
{
    struct written *written = context;
    tide_bytes_append_view(&written->sql, sql);
    tide_bytes_append_text(&written->sql, ";\n");
    written->count++;
}

static void take_missing(void *context, const char *name, const char *why)
{
    struct written *written = context;
    assert_true(why[0] != '\0');
    tide_bytes_append_format(&written->missing, "%s,", name);
}

static enum tide_status write_ddl(struct fixture *fixture,
                                  enum tide_dialect dialect,
                                  const char *database,
                                  const char *location,
                                  struct written *written)
{
    struct tide_error error = {0};
    const struct tide_hive_ddl_options options = {.store = fixture->store,
                                                  .clock = tide_clock_os(),
                                                  .definitions = fixture->definitions,
                                                  .dialect = dialect,
                                                  .database = tide_view_of(database),
                                                  .location = tide_view_of(location),
                                                  .statement = take,
                                                  .missing = take_missing,
                                                  .context = written};
    const enum tide_status status = tide_hive_ddl_write(&options, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static void release(struct written *written)
{
    tide_bytes_release(&written->sql);
    tide_bytes_release(&written->missing);
}

static void assert_has(const struct written *written, const char *part, bool is_there)
{
    struct tide_bytes copy = written->sql;
    if ((strstr(tide_bytes_terminated(&copy), part) != NULL) != is_there) {
        fail_msg("%s '%s' in: %s", is_there ? "no" : "a", part, copy.data);
    }
}

static struct fixture *lake_of_two_days(void)
{
    struct fixture *fixture = fixture_open();
    for (int i = 0; i < 3; i++) {
        const struct fixture_event event = {
            .seconds = i == 0 ? 86400 : 0, .kind = "a", .offset = i, .epoch = i};
        fixture_add_event(fixture, &event);
        fixture_commit(fixture);
    }
    fixture_add_rejected(fixture, "type", 0, 9, 3);
    fixture_commit(fixture);
    return fixture;
}

static void writes_for_spark(void **state)
{
    struct written written = {0};
    (void)state;
    struct fixture *fixture = lake_of_two_days();
    assert_int_equal(
        write_ddl(fixture, TIDE_DIALECT_SPARK, "my_lake", "hdfs://n:9000/it's", &written), TIDE_OK);
    assert_has(&written, "CREATE DATABASE IF NOT EXISTS `my_lake`;\nUSE `my_lake`;\n", true);
    assert_has(&written,
               "CREATE TABLE IF NOT EXISTS `events` USING delta LOCATION "
               "'hdfs://n:9000/it\\'s/events';\n",
               true);
    assert_has(&written, "CREATE TABLE IF NOT EXISTS `rejected` USING delta", true);
    assert_has(&written, "CREATE OR REPLACE VIEW `events_derived` AS SELECT e.*", true);
    assert_has(&written, "journeys", false); /* neither is there yet */
    assert_has(&written, "metrics", false);
    assert_non_null(strstr(tide_bytes_terminated(&written.missing), "journeys,"));
    assert_non_null(strstr(tide_bytes_terminated(&written.missing), "metrics,"));
    release(&written);
    fixture_close(fixture);
}

static void writes_for_hive(void **state)
{
    struct written written = {0};
    (void)state;
    struct fixture *fixture = lake_of_two_days();
    assert_int_equal(write_ddl(fixture, TIDE_DIALECT_HIVE, "l", "/lake", &written), TIDE_OK);
    assert_has(
        &written, "CREATE EXTERNAL TABLE IF NOT EXISTS `events_files` (\n    `id` STRING,", true);
    assert_has(&written, "`amount` DECIMAL(18, 6),\n    `event_time` TIMESTAMP,", true);
    assert_has(&written,
               "PARTITIONED BY (`event_date` DATE)\nSTORED AS PARQUET\nLOCATION '/lake/events';\n",
               true);
    assert_has(&written,
               "ALTER TABLE `events_files` ADD IF NOT EXISTS\n"
               "    PARTITION (`event_date` = '2026-03-08') LOCATION "
               "'/lake/events/event_date=2026-03-08'\n"
               "    PARTITION (`event_date` = '2026-03-09') LOCATION "
               "'/lake/events/event_date=2026-03-09';\n",
               true);
    assert_has(&written,
               "WHERE regexp_extract(INPUT__FILE__NAME, '[^/]+/[^/]+$', 0) IN (\n"
               "    'event_date=2026-03-08/1.parquet',\n"
               "    'event_date=2026-03-08/2.parquet',\n"
               "    'event_date=2026-03-09/0.parquet'\n);\n",
               true);
    assert_has(&written,
               "PARTITION (`received_date` = '9999-12-31') LOCATION "
               "'/lake/rejected/received_date=__HIVE_DEFAULT_PARTITION__'",
               true);
    assert_has(&written,
               "CASE WHEN `received_date` = DATE '9999-12-31' THEN NULL ELSE `received_date` END "
               "AS `received_date`",
               true);
    assert_has(&written, "FROM `journeys_files`\nWHERE false;\n", true);
    assert_has(&written, "CREATE OR REPLACE VIEW `metrics_now` AS", true);
    assert_has(&written, "CREATE OR REPLACE VIEW `way` AS", true);
    release(&written);
    fixture_close(fixture);
}

/* Statements of a hundred partitions; files of one date are one partition. */
static void cuts_long_statements(void **state)
{
    struct written written = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    for (int i = 0; i < 101; i++) {
        const struct fixture_event event = {
            .seconds = (int64_t)i * 86400, .kind = "a", .offset = i};
        fixture_add_event(fixture, &event);
    }
    fixture_commit(fixture);
    assert_int_equal(write_ddl(fixture, TIDE_DIALECT_HIVE, "l", "/lake", &written), TIDE_OK);
    uint32_t count = 0;
    const char *at = tide_bytes_terminated(&written.sql);
    while ((at = strstr(at, "ALTER TABLE `events_files` ADD")) != NULL) {
        count++;
        at++;
    }
    assert_int_equal(count, 2);
    release(&written);
    fixture_close(fixture);
}

static const char odd_text[] = "schema:\n"
                               "  name: t\n"
                               "  entity: who\n"
                               "  id: who\n"
                               "  time: t\n"
                               "  columns:\n"
                               "    who: {path: who}\n"
                               "    t: {path: t, type: time_ms, required: true}\n"
                               "    sort: {from: who, map: [{'a_*': A}]}\n";

/* Whoever asks is told which view is not there. */
static void leaves_out_what_hive_cannot(void **state)
{
    struct tide_diagnostics diagnostics;
    struct written written = {0};
    (void)state;
    struct fixture *fixture = fixture_open();
    const struct tide_source source = {TIDE_VIEW("odd.yaml"), TIDE_VIEW(odd_text)};
    const struct tide_definitions_input input = {.file = &source};
    tide_diagnostics_init(&diagnostics, &fixture->arena);
    fixture->definitions = tide_definitions_load(&fixture->arena, &input, &diagnostics);
    assert_non_null(fixture->definitions);
    assert_int_equal(write_ddl(fixture, TIDE_DIALECT_HIVE, "l", "/lake", &written), TIDE_OK);
    assert_has(&written, "events_derived", false);
    assert_has(&written, "`journeys_now`", true);
    assert_non_null(strstr(tide_bytes_terminated(&written.missing), "events_derived,"));
    release(&written);
    fixture_close(fixture);
}

static void refuses_names(void **state)
{
    static const struct {
        const char *database;
        const char *location;
    } cases[] = {{"", "/l"}, {"a-b", "/l"}, {"a`b", "/l"}, {"a b", "/l"}, {"a", "/l\n"}};
    (void)state;
    struct fixture *fixture = fixture_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct written written = {0};
        assert_int_equal(
            write_ddl(fixture, TIDE_DIALECT_SPARK, cases[i].database, cases[i].location, &written),
            TIDE_REJECT);
        assert_int_equal(written.count, 0);
        release(&written);
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_for_spark),
        cmocka_unit_test(writes_for_hive),
        cmocka_unit_test(cuts_long_statements),
        cmocka_unit_test(leaves_out_what_hive_cannot),
        cmocka_unit_test(refuses_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
