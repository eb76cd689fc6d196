/* Goal: sessions, funnels, retention, quantiles, ratios and sets of values over the API: their
 * members, what is exact and complete, what is hidden, what narrows a ratio.
 * Method: a morning of a few people whose cells are worked out by hand. With three partitions the
 * closing clock is unknown as long as one of them is empty; with one it is what the events say. */
#include "fixture.h"

#include <math.h>

static const char kinds_text[] =
    FIXTURE_SCHEMA "  people: {distinct: user_id, every: 1d}\n"
                   "  month: {distinct: user_id, every: 1d, over: 28d}\n"
                   "  stickiness: {ratio: [people, month]}\n"
                   "  busy: {count: events, by: [region], where: 'amount >= 2', every: 1h}\n"
                   "  all: {count: events, by: [region], every: 1h}\n"
                   "  share: {ratio: [busy, all]}\n"
                   "  visits: {sessions: {per: user_id, timeout: 30m}, by: [region], every: 1d}\n"
                   "  way:\n"
                   "    funnel:\n"
                   "      per: [user_id]\n"
                   "      timeout: 30m\n"
                   "      steps: [{look: 'kind == \"look\"'}, {pay: 'kind == \"pay\"'}]\n"
                   "    every: 1d\n"
                   "  back: {retention: {per: user_id, period: 1d, periods: 2}}\n"
                   "  typical: {quantiles: [0.5, 1], of: amount, by: [region], every: 1h}\n"
                   "  regulars: {distinct: user_id, having: 'count() > 1', every: 1d}\n"
                   "  places: {distinct: region, every: 1d, timezone: Asia/Kolkata}\n"
                   "  about: {approx_distinct: region, every: 1d}\n"
                   "  about_each: {ratio: [about, places_day]}\n"
                   "  places_day: {distinct: region, every: 1d}\n";

enum {
    MINUTE = 60,
    HOUR = 3600,
    REGIONS_BEYOND_EXACT = 5000,
};

static struct fixture *fixture;

static void append_sample(struct fixture *into)
{
    static const struct fixture_event events[] = {
        {"look", "ann", 0, ",\"region\":\"north\",\"amount\":1"},
        {"pay", "ann", 10 * MINUTE, ",\"region\":\"north\",\"amount\":2"},
        {"look", "bob", MINUTE, ",\"region\":\"north\",\"amount\":4"},
        /* The timeout exactly: another session, another run. */
        {"pay", "bob", 31 * MINUTE, ",\"region\":\"south\",\"amount\":8"},
        {"look", "cid", 2 * HOUR, ""},
    };
    fixture_send(into, events, sizeof(events) / sizeof(events[0]));
}

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(kinds_text, NULL, 3);
    append_sample(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

/* ---- reading cells */

static const struct tide_json *ask_cells(struct fixture *own, const char *question)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "/api/v1/metrics/%s", question);
    if (fixture_ask(own, "GET", path) != 200) {
        fail_msg("%s: %u %s", path, own->response.status, fixture_body(own));
    }
    const struct tide_json *json = fixture_json(own, tide_bytes_view(&own->response.body));
    const struct tide_json *cells = tide_json_get(json, "cells");
    assert_non_null(cells);
    return cells;
}

static const struct tide_json *cell_at(const struct tide_json *cells, uint32_t index)
{
    const struct tide_json *cell = cells->first;
    assert_true(index < cells->count);
    for (uint32_t i = 0; i < index; i++) {
        cell = cell->next;
    }
    return cell;
}

/* The member as it is written: `3`, `"north"`, `null`; absent: "". */
static void expect_member(const struct tide_json *cell, const char *key, const char *wanted)
{
    const struct tide_json *member = tide_json_get(cell, key);
    const struct tide_view source = member == NULL ? TIDE_VIEW("") : member->source;
    if (!tide_view_equal(source, tide_view_of(wanted))) {
        fail_msg("%s: %.*s, wanted %s", key, TIDE_VIEW_ARGUMENTS(source), wanted);
    }
}

struct expected_member {
    const char *key;
    const char *text;
};

static void expect_members(const struct tide_json *cell,
                           const struct expected_member *members,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_member(cell, members[i].key, members[i].text);
    }
}

#define EXPECT(cell, ...)                                                                          \
    expect_members(cell,                                                                           \
                   (const struct expected_member[]){__VA_ARGS__},                                  \
                   sizeof((const struct expected_member[]){__VA_ARGS__}) /                         \
                       sizeof(struct expected_member))

/* Within the error that a quantile may have. */
static void expect_about(const struct tide_json *cell, const char *key, double wanted)
{
    const struct tide_json *member = tide_json_get(cell, key);
    char text[64];
    assert_non_null(member);
    (void)snprintf(text, sizeof(text), "%.*s", TIDE_VIEW_ARGUMENTS(member->source));
    const double got = strtod(text, NULL);
    if (fabs(got - wanted) > 0.01 * fabs(wanted)) {
        fail_msg("%s: %s, wanted about %g", key, text, wanted);
    }
}

/* ---- cells of each kind */

static void tells_sessions(void **state)
{
    (void)state;
    const struct tide_json *cells = ask_cells(fixture, "visits");
    assert_int_equal(cells->count, 3); /* nowhere, north, south */
    EXPECT(cell_at(cells, 0),
           {"group", "{\"region\": null}"},
           {"sessions", "1"},
           {"events", "1"},
           {"bounced", "1"},
           {"mean_duration", "0"},
           {"complete", "null"});
    const struct tide_json *north = cell_at(cells, 1);
    EXPECT(north,
           {"start", "\"2026-03-08T00:00:00Z\""},
           {"end", "\"2026-03-09T00:00:00Z\""},
           {"sessions", "2"},
           {"events", "3"},
           {"bounced", "1"},
           {"mean_duration", "300"},
           {"revision", "3"},
           {"generation", "\"speed\""},
           {"exact", "false"},
           {"error", "0.01"},
           {"value", ""});
    expect_about(north, "median_duration", 0);
    assert_int_equal(ask_cells(fixture, "visits?filter=region%20==%20%22south%22")->count, 1);
}

static void tells_funnels(void **state)
{
    (void)state;
    const struct tide_json *cells = ask_cells(fixture, "way");
    assert_int_equal(cells->count, 1);
    const struct tide_json *cell = cells->first;
    EXPECT(cell,
           {"group", "{}"},
           {"entered", "3"},
           {"completed", "1"},
           {"open", "0"}, /* the closing clock is unknown */
           {"unmatched", "1"},
           {"mean_time", "600"},
           {"revision", "5"},
           {"exact", "false"},
           {"pending_batch", ""});
    expect_about(cell, "median_time", 600);
    const struct tide_json *steps = tide_json_get(cell, "steps");
    assert_int_equal(steps->count, 2);
    EXPECT(steps->first,
           {"name", "\"look\""},
           {"reached", "3"},
           {"entities", "3"},
           {"abandoned", "2"});
    EXPECT(steps->first->next,
           {"name", "\"pay\""},
           {"reached", "1"},
           {"entities", "1"},
           {"abandoned", "0"});
}

static void tells_retention(void **state)
{
    (void)state;
    const struct tide_json *cells = ask_cells(fixture, "back");
    assert_int_equal(cells->count, 1);
    EXPECT(cells->first,
           {"cohort", "\"2026-03-08\""},
           {"size", "3"},
           {"retained", "[3, 0, 0]"},
           {"start", ""},
           {"revision", "3"}, /* a person's period changes it once */
           {"exact", "true"},
           {"error", ""});
    assert_int_equal(ask_cells(fixture, "back?from=2026-03-09")->count, 0);
}

static void tells_quantiles(void **state)
{
    (void)state;
    const struct tide_json *cells = ask_cells(fixture, "typical");
    assert_int_equal(cells->count, 3);
    const struct tide_json *north = cell_at(cells, 0);
    const struct tide_json *nowhere = cell_at(cells, 2); /* an hour with nothing but null */
    EXPECT(north,
           {"group", "{\"region\": \"north\"}"},
           {"count", "3"},
           {"exact", "false"},
           {"error", "0.01"});
    expect_about(tide_json_get(north, "quantiles"), "0.5", 2);
    expect_about(tide_json_get(north, "quantiles"), "1", 4);
    EXPECT(nowhere,
           {"count", "0"},
           {"quantiles", "{\"0.5\": null, \"1\": null}"},
           {"exact", "true"},
           {"error", ""});
}

static void tells_entities_and_values(void **state)
{
    (void)state;
    EXPECT(ask_cells(fixture, "regulars")->first, {"value", "2"}, {"exact", "true"});
    EXPECT(ask_cells(fixture, "places")->first,
           {"start", "\"2026-03-07T18:30:00Z\""},
           {"end", "\"2026-03-08T18:30:00Z\""},
           {"value", "2"},
           {"exact", "true"});
    EXPECT(ask_cells(fixture, "about")->first,
           {"value", "2"},
           {"exact", "false"},
           {"error", "0.0081"});
    EXPECT(ask_cells(fixture, "about_each")->first,
           {"value", "1"},
           {"exact", "false"},
           {"error", "0.0081"});
}

/* ---- ratios */

static void divides(void **state)
{
    (void)state;
    const struct tide_json *cells = ask_cells(fixture, "share");
    assert_int_equal(cells->count, 3); /* also where there is nothing above the line */
    EXPECT(cell_at(cells, 0),
           {"start", "\"2026-03-08T10:00:00Z\""},
           {"group", "{\"region\": \"north\"}"},
           {"value", "0.6666666666666666"},
           {"numerator", "2"},
           {"denominator", "3"},
           {"revision", "5"}, /* of both parts */
           {"exact", "true"});
    EXPECT(cell_at(cells, 1), {"group", "{\"region\": \"south\"}"}, {"value", "1"});
    EXPECT(cell_at(cells, 2),
           {"start", "\"2026-03-08T12:00:00Z\""},
           {"value", "0"},
           {"numerator", "0"},
           {"denominator", "1"},
           {"revision", "1"});
}

/* A ratio's rows are narrowed by their own start and groups. */
static void narrows_a_ratio(void **state)
{
    static const struct {
        const char *question;
        uint32_t count;
    } cases[] = {
        {"share?filter=region%20==%20%22north%22", 1},
        {"share?filter=region%20is%20null", 1},
        {"share?filter=region%20in%20%5B%22north%22,%22south%22%5D", 2},
        {"share?from=2026-03-08T12:00:00Z", 1},
        {"share?to=2026-03-08T12:00:00Z", 2},
        {"share?to=2026-03-08T12:00:00Z&filter=region%20is%20null", 0},
        /* Months that end on the 9th of March .. on the 5th of April; a month's start counts. */
        {"stickiness", 28},
        {"stickiness?from=2026-02-09", 28},
        {"stickiness?from=2026-02-10", 27},
        {"stickiness?from=2026-03-08", 1},
        {"stickiness?to=2026-02-10", 1},
        {"stickiness?to=2026-02-09", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t count = ask_cells(fixture, cases[i].question)->count;
        if (count != cases[i].count) {
            fail_msg("%s: %u cells, wanted %u", cases[i].question, count, cases[i].count);
        }
    }
    EXPECT(ask_cells(fixture, "stickiness?to=2026-02-10")->first,
           {"start", "\"2026-02-09T00:00:00Z\""},
           {"end", "\"2026-03-09T00:00:00Z\""},
           {"numerator", "3"},
           {"denominator", "3"});
    EXPECT(ask_cells(fixture, "stickiness?from=2026-03-08")->first,
           {"numerator", "0"},
           {"denominator", "3"});
    fixture_expect(fixture,
                   "/api/v1/metrics/stickiness?filter=region%20is%20null",
                   400,
                   "'region' is not a group of metric 'stickiness'");
    fixture_expect(
        fixture, "/api/v1/metrics/share?filter=ok", 400, "'ok' is not a group of metric 'share'");
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics/share?format=ndjson"), 200);
    assert_memory_equal(fixture_body(fixture), "{\"metric\": \"share\"", 18);
}

static void hides_the_parts_of_a_ratio(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(kinds_text, "share", 2);
    append_sample(own);
    EXPECT(ask_cells(own, "share")->first, {"numerator", "2"}, {"denominator", "3"});
    assert_int_equal(fixture_ask(own, "GET", "/api/v1/metrics"), 200);
    const struct tide_json *json = fixture_json(own, tide_bytes_view(&own->response.body));
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    assert_int_equal(metrics->count, 1);
    EXPECT(metrics->first, {"name", "\"share\""}, {"parts", "[\"busy\",\"all\"]"});
    fixture_expect(own, "/api/v1/metrics/all", 404, "there is no metric 'all'\"");
    fixture_expect(own, "/api/v1/metrics/busy", 404, "there is no metric 'busy'\"");
    assert_int_equal(fixture_ask(own, "POST", "/api/v1/barrier"), 200);
    assert_non_null(strstr(fixture_body(own), "{\"metric\": \"share\""));
    assert_null(strstr(fixture_body(own), "{\"metric\": \"busy\""));
    assert_null(strstr(fixture_body(own), "{\"metric\": \"all\""));
    fixture_expect(own, "/metrics", 200, "tidemark_cells{metric=\"busy\"} ");
    assert_null(strstr(fixture_body(own), "{metric=\"share\"}")); /* it has no state */
    fixture_close(own);
}

static void lists_definitions(void **state)
{
    static const struct {
        uint32_t index;
        const char *name;
        const char *kind;
        const char *column;
        const char *every;
        const char *over;
        const char *timezone;
        const char *parts;
        const char *having_sql;
    } cases[] = {
        {0, "\"people\"", "\"distinct\"", "\"user_id\"", "\"1d\"", "", "", "", ""},
        {1, "\"month\"", "\"distinct\"", "\"user_id\"", "\"1d\"", "\"28d\"", "", "", ""},
        {2, "\"stickiness\"", "\"ratio\"", "null", "", "", "", "[\"people\",\"month\"]", ""},
        {6, "\"visits\"", "\"sessions\"", "null", "\"1d\"", "", "", "", ""},
        {7, "\"way\"", "\"funnel\"", "null", "\"1d\"", "", "", "", ""},
        {8, "\"back\"", "\"retention\"", "null", "\"1d\"", "", "", "", ""},
        {9, "\"typical\"", "\"quantiles\"", "\"amount\"", "\"1h\"", "", "", "", ""},
        {10,
         "\"regulars\"",
         "\"distinct\"",
         "\"user_id\"",
         "\"1d\"",
         "",
         "",
         "",
         "\"COALESCE(COUNT(*) >= 2, FALSE)\""},
        {11, "\"places\"", "\"distinct\"", "\"region\"", "\"1d\"", "", "\"Asia/Kolkata\"", "", ""},
    };
    (void)state;
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/metrics"), 200);
    const struct tide_json *json = fixture_json(fixture, tide_bytes_view(&fixture->response.body));
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    assert_int_equal(metrics->count, 15);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_json *metric = cell_at(metrics, cases[i].index);
        EXPECT(metric,
               {"name", cases[i].name},
               {"kind", cases[i].kind},
               {"column", cases[i].column},
               {"every", cases[i].every},
               {"over", cases[i].over},
               {"timezone", cases[i].timezone},
               {"parts", cases[i].parts},
               {"having_sql", cases[i].having_sql});
        assert_int_equal(tide_json_get(metric, "definition")->text.size, 32);
    }
    EXPECT(cell_at(metrics, 5), {"by", "[\"region\"]"}, {"parts", "[\"busy\",\"all\"]"});
}

/* ---- the closing clock */

/* With one partition and out_of_orderness of 10 s the clock is 10 s behind the latest event. */
static void open_until_the_timeout(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(kinds_text, NULL, 1);
    append_sample(own); /* cid looked at 12:00 */
    EXPECT(ask_cells(own, "way")->first, {"entered", "3"}, {"open", "1"}, {"complete", "false"});
    EXPECT(tide_json_get(ask_cells(own, "way")->first, "steps")->first, {"abandoned", "1"});
    /* bob's events only move the clock: they are nobody's step. */
    fixture_event_of_kind(own, "idle", "bob", 2 * HOUR + 30 * MINUTE + 9, "");
    fixture_settle(own);
    EXPECT(ask_cells(own, "way")->first, {"open", "1"});
    fixture_event_of_kind(own, "idle", "bob", 2 * HOUR + 30 * MINUTE + 10, "");
    fixture_settle(own);
    EXPECT(ask_cells(own, "way")->first, {"entered", "3"}, {"open", "0"});
    EXPECT(tide_json_get(ask_cells(own, "way")->first, "steps")->first, {"abandoned", "2"});
    /* A barrier's numbers are those of the events alone: what is open is a matter of time. */
    fixture_event_of_kind(own, "look", "dan", 5 * HOUR, "");
    fixture_settle(own);
    EXPECT(ask_cells(own, "way")->first, {"open", "1"});
    assert_int_equal(fixture_ask(own, "POST", "/api/v1/barrier"), 200);
    assert_non_null(strstr(fixture_body(own), "\"open\": 0"));
    fixture_close(own);
}

static void expect_complete(struct fixture *own, const char *question, const char *complete)
{
    const struct tide_json *cells = ask_cells(own, question);
    assert_non_null(cells->first);
    expect_member(cells->first, "complete", complete);
}

/* Sessions and funnels that began in a window may still change until a timeout after its end; a
 * cohort until its last period is over. */
static void complete_after_the_timeout(void **state)
{
    static const struct {
        int64_t seconds; /* of the event that moves the clock, after 10:00 */
        const char *people;
        const char *visits;
        const char *back;
        const char *open_periods; /* of back */
    } cases[] = {
        {14 * HOUR + 9, "false", "false", "false", "3"},
        {14 * HOUR + 10, "true", "false", "false", "2"},
        {14 * HOUR + 30 * MINUTE + 9, "true", "false", "false", "2"},
        {14 * HOUR + 30 * MINUTE + 10, "true", "true", "false", "2"},
        {38 * HOUR + 9, "true", "true", "false", "2"},
        {38 * HOUR + 10, "true", "true", "false", "1"},
        {62 * HOUR + 9, "true", "true", "false", "1"},
        {62 * HOUR + 10, "true", "true", "true", "0"},
    };
    (void)state;
    struct fixture *own = fixture_open_definitions(kinds_text, NULL, 1);
    append_sample(own);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_event_of_kind(own, "idle", "eve", cases[i].seconds, "");
        fixture_settle(own);
        expect_complete(own, "people", cases[i].people);
        expect_complete(own, "stickiness", cases[i].people); /* the month that ends that day */
        expect_complete(own, "visits?filter=region%20==%20%22north%22", cases[i].visits);
        expect_complete(own, "way", cases[i].visits);
        expect_complete(own, "back", cases[i].back);
        expect_member(ask_cells(own, "back")->first, "open_periods", cases[i].open_periods);
        expect_member(ask_cells(own, "people")->first, "open_periods", "");
    }
    fixture_close(own);
}

/* More values than a partition counts one by one: an estimate, and it says so. */
static void says_what_is_estimated(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(kinds_text, NULL, 1);
    char rest[64];
    for (uint32_t i = 0; i < REGIONS_BEYOND_EXACT; i++) {
        (void)snprintf(rest, sizeof(rest), ",\"region\":\"r%u\"", i);
        fixture_event(own, "ann", 0, rest);
    }
    fixture_settle(own);
    const struct tide_json *cell = ask_cells(own, "places")->first;
    EXPECT(cell, {"exact", "false"}, {"error", "0.0081"});
    const double value = strtod(tide_json_get(cell, "value")->source.data, NULL);
    assert_true(fabs(value - REGIONS_BEYOND_EXACT) < 0.05 * REGIONS_BEYOND_EXACT);
    EXPECT(ask_cells(own, "about_each")->first, {"exact", "false"}, {"error", "0.0162"});
    fixture_close(own);
}

/* A key with more events than the funnel keeps is left to batch; its cell says that one is
 * missing. */
static void says_what_is_left_to_batch(void **state)
{
    (void)state;
    struct fixture *own = fixture_open_definitions(kinds_text, NULL, 1);
    for (uint32_t i = 0; i < 600; i++) {
        fixture_event_of_kind(own, "look", "ann", i, "");
    }
    fixture_event_of_kind(own, "look", "bob", 0, "");
    fixture_settle(own);
    EXPECT(ask_cells(own, "way")->first,
           {"entered", "1"},
           {"pending_batch", "true"},
           {"exact", "false"},
           {"error", ""});
    fixture_expect(own, "/metrics", 200, "tidemark_pending_keys{metric=\"way\"} 1\n");
    assert_int_equal(fixture_ask(own, "POST", "/api/v1/barrier"), 200);
    assert_non_null(strstr(fixture_body(own), ", \"exact\": false, \"pending_batch\": true}\n"));
    fixture_close(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_sessions),
        cmocka_unit_test(tells_funnels),
        cmocka_unit_test(tells_retention),
        cmocka_unit_test(tells_quantiles),
        cmocka_unit_test(tells_entities_and_values),
        cmocka_unit_test(divides),
        cmocka_unit_test(narrows_a_ratio),
        cmocka_unit_test(hides_the_parts_of_a_ratio),
        cmocka_unit_test(lists_definitions),
        cmocka_unit_test(open_until_the_timeout),
        cmocka_unit_test(complete_after_the_timeout),
        cmocka_unit_test(says_what_is_estimated),
        cmocka_unit_test(says_what_is_left_to_batch),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
