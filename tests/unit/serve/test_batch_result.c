/* Goal: what the lake says of every kind is the line that the service prints when it is exact.
 * Method: a morning of a few people whose cells are worked out by hand, written to a lake of real
 * files by a barrier; every cell of every metric, also of ratios and of what is cut to the top. */
#include "fixture.h"

#include "batch/lake_engine.h"
#include "serve/batch_result.h"

static const char kinds_text[] =
    FIXTURE_SCHEMA "  events_: {count: events, by: [region], every: 1d}\n"
                   "  best: {count: events, by: [region], every: 1d, top: 1}\n"
                   "  people: {distinct: user_id, every: 1d}\n"
                   "  two_days: {distinct: user_id, every: 1d, over: 2d}\n"
                   "  spent: {sum: amount, by: [region], every: 1d}\n"
                   "  paid: {mean: amount, by: [region], every: 1d, top: 1}\n"
                   "  least: {min: amount, every: 1d}\n"
                   "  most: {max: at_, where: amount > 100, every: 1d}\n"
                   "  first: {max: amount, every: 1d}\n"
                   "  places: {distinct: region, every: 1d, timezone: Asia/Kolkata}\n"
                   "  about: {approx_distinct: region, every: 1d}\n"
                   "  regulars: {distinct: user_id, having: 'count() > 1', every: 1d}\n"
                   "  typical: {quantiles: [0.5, 1], of: amount, by: [region], every: 1d}\n"
                   "  visits: {sessions: {per: user_id, timeout: 30m}, by: [region], every: 1d}\n"
                   "  way: {funnel: {per: [user_id], timeout: 30m, steps: [{look: 'kind == "
                   "\"look\"'}, {pay: 'kind == \"pay\"'}]}, every: 1d}\n"
                   "  back: {retention: {per: user_id, period: 1d, periods: 1}}\n"
                   "  share: {ratio: [best, events_]}\n"
                   "  each: {ratio: [spent, people]}\n";

enum {
    MINUTE = 60,
    HOUR = 3600
};

static struct fixture *fixture;
static struct tide_lake_view *view;

static int open_world(void **state)
{
    static const struct fixture_event events[] = {
        {"look", "ann", 0, ",\"region\":\"north\",\"amount\":1"},
        {"pay", "ann", 10 * MINUTE, ",\"region\":\"north\",\"amount\":2.5"},
        {"look", "bob", MINUTE, ",\"region\":\"north\",\"amount\":4"},
        /* The timeout exactly: another session, another run. */
        {"pay", "bob", 31 * MINUTE, ",\"region\":\"south\",\"amount\":8"},
        {"look", "cid", 2 * HOUR, ""},
    };
    struct tide_error error = {0};
    (void)state;
    fixture = fixture_open_definitions(kinds_text, NULL, 3);
    fixture_send(fixture, events, sizeof(events) / sizeof(events[0]));
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 200);
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1};
    fixture_check(tide_lake_view_open(&options, &view, &error), &error);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_lake_view_close(view);
    fixture_close(fixture);
    return 0;
}

/* Every cell, a line each, without what all lines of the metric and the day begin with. */
static void write_result(const char *name, struct tide_bytes *text)
{
    struct tide_error error = {0};
    struct tide_result *result = NULL;
    struct tide_bytes line = {0};
    char day[160];
    const struct tide_metric *metric =
        tide_definitions_find(fixture->definitions, tide_view_of(name));
    assert_non_null(metric);
    (void)snprintf(day,
                   sizeof(day),
                   "{\"metric\": \"%s\", \"start\": \"2026-03-08T00:00:00Z\", "
                   "\"end\": \"2026-03-09T00:00:00Z\", \"group\": ",
                   name);
    fixture_check(
        tide_batch_result(tide_lake_engine(view), fixture->definitions, metric, &result, &error),
        &error);
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        assert_true(tide_result_is_exact(result, &row));
        tide_bytes_reset(&line);
        tide_result_write_json(result, &row, (struct tide_view){0}, &line);
        const bool is_of_day = tide_view_starts_with(tide_bytes_view(&line), tide_view_of(day));
        tide_bytes_append_text(text, tide_bytes_terminated(&line) + (is_of_day ? strlen(day) : 0));
        tide_bytes_append_byte(text, '\n');
    }
    tide_bytes_release(&line);
    tide_result_destroy(result);
}

static void tells_every_kind(void **state)
{
    static const struct {
        const char *name;
        const char *lines;
    } cases[] = {
        {"events_",
         "{\"region\": null}, \"value\": 1}\n"
         "{\"region\": \"north\"}, \"value\": 3}\n"
         "{\"region\": \"south\"}, \"value\": 1}\n"},
        {"best", "{\"region\": \"north\"}, \"value\": 3}\n"},
        {"people", "{}, \"value\": 3}\n"},
        {"two_days",
         "{\"metric\": \"two_days\", \"start\": \"2026-03-07T00:00:00Z\", "
         "\"end\": \"2026-03-09T00:00:00Z\", \"group\": {}, \"value\": 3}\n"
         "{\"metric\": \"two_days\", \"start\": \"2026-03-08T00:00:00Z\", "
         "\"end\": \"2026-03-10T00:00:00Z\", \"group\": {}, \"value\": 3}\n"},
        {"spent",
         "{\"region\": null}, \"value\": null}\n"
         "{\"region\": \"north\"}, \"value\": 7.5}\n"
         "{\"region\": \"south\"}, \"value\": 8}\n"},
        {"paid", "{\"region\": \"south\"}, \"value\": 8, \"count\": 1, \"sum\": 8}\n"},
        {"least", "{}, \"value\": 1}\n"},
        {"most", ""},
        {"first", "{}, \"value\": 8}\n"},
        {"places",
         "{\"metric\": \"places\", \"start\": \"2026-03-07T18:30:00Z\", "
         "\"end\": \"2026-03-08T18:30:00Z\", \"group\": {}, \"value\": 2}\n"},
        {"about", "{}, \"value\": 2}\n"},
        {"regulars", "{}, \"value\": 2}\n"},
        {"typical",
         "{\"region\": null}, \"count\": 0, \"quantiles\": {\"0.5\": null, \"1\": null}}\n"
         "{\"region\": \"north\"}, \"count\": 3, \"quantiles\": {\"0.5\": 2.5, \"1\": 4}}\n"
         "{\"region\": \"south\"}, \"count\": 1, \"quantiles\": {\"0.5\": 8, \"1\": 8}}\n"},
        {"visits",
         "{\"region\": null}, \"sessions\": 1, \"events\": 1, \"bounced\": 1, "
         "\"mean_duration\": 0, \"median_duration\": 0}\n"
         "{\"region\": \"north\"}, \"sessions\": 2, \"events\": 3, \"bounced\": 1, "
         "\"mean_duration\": 300, \"median_duration\": 0}\n"
         "{\"region\": \"south\"}, \"sessions\": 1, \"events\": 1, \"bounced\": 1, "
         "\"mean_duration\": 0, \"median_duration\": 0}\n"},
        {"way",
         "{}, \"entered\": 3, \"completed\": 1, \"open\": 0, \"unmatched\": 1, \"steps\": ["
         "{\"name\": \"look\", \"reached\": 3, \"entities\": 3, \"abandoned\": 2}, "
         "{\"name\": \"pay\", \"reached\": 1, \"entities\": 1, \"abandoned\": 0}], "
         "\"mean_time\": 600, \"median_time\": 600}\n"},
        {"back",
         "{\"metric\": \"back\", \"cohort\": \"2026-03-08\", \"size\": 3, \"retained\": [3, 0]}\n"},
        {"share", /* the others are not among the best: 0 */
         "{\"region\": null}, \"value\": 0, \"numerator\": 0, \"denominator\": 1}\n"
         "{\"region\": \"north\"}, \"value\": 1, \"numerator\": 3, \"denominator\": 3}\n"
         "{\"region\": \"south\"}, \"value\": 0, \"numerator\": 0, \"denominator\": 1}\n"},
        {"each",
         "{\"region\": null}, \"value\": null, \"numerator\": null, \"denominator\": 3}\n"
         "{\"region\": \"north\"}, \"value\": 2.5, \"numerator\": 7.5, \"denominator\": 3}\n"
         "{\"region\": \"south\"}, \"value\": 2.6666666666666665, \"numerator\": 8, "
         "\"denominator\": 3}\n"},
    };
    (void)state;
    assert_int_equal(sizeof(cases) / sizeof(cases[0]), fixture->definitions->metric_count);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        write_result(cases[i].name, &text);
        assert_string_equal(tide_bytes_terminated(&text), cases[i].lines);
        tide_bytes_release(&text);
    }
}

static void ends_where_the_sql_fails(void **state)
{
    (void)state;
    struct tide_error error = {0};
    struct tide_result *result = NULL;
    fixture_check(tide_duckdb_query(tide_lake_view_connection(view),
                                    TIDE_VIEW("DROP VIEW events; CREATE TABLE events AS "
                                              "SELECT 0::BIGINT AS event_time"),
                                    NULL,
                                    NULL,
                                    &error),
                  &error);
    static const char *const names[] = {"events_", "share", "each"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct tide_metric *metric =
            tide_definitions_find(fixture->definitions, tide_view_of(names[i]));
        assert_int_equal(tide_batch_result(
                             tide_lake_engine(view), fixture->definitions, metric, &result, &error),
                         TIDE_REJECT);
        assert_null(result);
        assert_non_null(strstr(error.text, "region"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_every_kind),
        cmocka_unit_test(ends_where_the_sql_fails),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
