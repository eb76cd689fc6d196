/* Goal: windows are where the semantics put them, on both sides of every boundary and of 1970.
 * Method: tables of texts, and of times with the window computed by hand (or by a calendar). */
#include "metric/window.h"

#include "base/arena.h"
#include "base/civil.h"
#include "base/timezone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tide_window_spec parse(const char *text)
{
    struct tide_window_spec spec = {0};
    assert_true(tide_window_parse(tide_view_of(text), &spec));
    return spec;
}

static struct tide_instant at(const char *text)
{
    struct tide_instant t = {0};
    assert_true(tide_civil_parse(tide_view_of(text), &t));
    return t;
}

static struct tide_window_spec parse_in(struct tide_arena *arena,
                                        const char *every,
                                        const char *zone)
{
    struct tide_window_spec spec = parse(every);
    struct tide_error error = {{0}};
    if (tide_timezone_open(arena, tide_view_of(zone), &spec.zone, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return spec;
}

static void expect(struct tide_window window, const char *start, const char *end)
{
    char text[TIDE_CIVIL_TEXT_MAX];
    (void)tide_civil_format(window.start, text);
    assert_string_equal(text, start);
    (void)tide_civil_format(window.end, text);
    assert_string_equal(text, end);
}

/* Tables of zones have times as "2026-03-08 05:00". */
static struct tide_instant at_minute(const char *text)
{
    char full[TIDE_CIVIL_TEXT_MAX];
    (void)snprintf(full, sizeof(full), "%s:00Z", text);
    return at(full);
}

static void expect_minutes(struct tide_window window, const char *start, const char *end)
{
    assert_int_equal(window.start.us, at_minute(start).us);
    assert_int_equal(window.end.us, at_minute(end).us);
}

static void test_parses(void **state)
{
    static const struct {
        const char *text;
        enum tide_window_unit unit;
        int64_t size;
        const char *formatted;
    } cases[] = {
        {"1s", TIDE_WINDOW_FIXED, 1000000, "1s"},
        {"30s", TIDE_WINDOW_FIXED, 30000000, "30s"},
        {"90s", TIDE_WINDOW_FIXED, 90000000, "90s"},
        {"60s", TIDE_WINDOW_FIXED, 60000000, "1m"},
        {"1m", TIDE_WINDOW_FIXED, 60000000, "1m"},
        {"24h", TIDE_WINDOW_FIXED, 86400000000, "24h"},
        {"1d", TIDE_WINDOW_DAYS, 1, "1d"},
        {"7d", TIDE_WINDOW_DAYS, 7, "7d"},
        {"36600d", TIDE_WINDOW_DAYS, 36600, "36600d"},
        {"2w", TIDE_WINDOW_WEEKS, 2, "2w"},
        {"1mo", TIDE_WINDOW_MONTHS, 1, "1mo"},
        {"878400h", TIDE_WINDOW_FIXED, 3162240000000000, "878400h"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        const struct tide_window_spec spec = parse(cases[i].text);
        assert_int_equal(spec.unit, cases[i].unit);
        assert_int_equal(spec.size, cases[i].size);
        assert_null(spec.zone);
        assert_int_equal(tide_window_format(spec, text), strlen(cases[i].formatted));
        assert_string_equal(text, cases[i].formatted);
    }
}

static void test_refuses(void **state)
{
    static const char *const cases[] = {
        "",    "7",    "s",      "0s",      "00m",     "-1s",         "+1s",
        "1ms", "1 m",  "1m ",    "2mo",     "1M",      "1y",          "1.5h",
        "1md", "1mos", "36601d", "878401h", "999999w", "9999999999s", "99999999999999999999s",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_window_spec spec = {0};
        if (tide_window_parse(tide_view_of(cases[i]), &spec)) {
            fail_msg("'%s' was taken for a window", cases[i]);
        }
    }
}

static void test_places(void **state)
{
    static const struct {
        const char *every;
        const char *time;
        const char *start;
        const char *end;
    } cases[] = {
        {"1m", "2026-03-08T10:00:00Z", "2026-03-08T10:00:00Z", "2026-03-08T10:01:00Z"},
        {"1m", "2026-03-08T09:59:59.999999Z", "2026-03-08T09:59:00Z", "2026-03-08T10:00:00Z"},
        {"7m", "1970-01-01T00:06:59.999Z", "1970-01-01T00:00:00Z", "1970-01-01T00:07:00Z"},
        {"7m", "1970-01-01T00:07:00Z", "1970-01-01T00:07:00Z", "1970-01-01T00:14:00Z"},
        {"1h", "1969-12-31T23:59:59.999999Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"},
        {"1h", "1969-12-31T23:00:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"},
        {"1h", "1969-12-31T22:59:59.999999Z", "1969-12-31T22:00:00Z", "1969-12-31T23:00:00Z"},
        {"1d", "2026-03-08T23:59:59.999999Z", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"},
        {"1d", "2026-03-09T00:00:00Z", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"},
        {"1d", "1969-12-31T12:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2d", "1970-01-02T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-03T00:00:00Z"},
        {"2d", "1970-01-03T00:00:00Z", "1970-01-03T00:00:00Z", "1970-01-05T00:00:00Z"},
        {"2d", "1969-12-31T00:00:00Z", "1969-12-30T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"1w", "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"},
        {"1w", "1970-01-05T00:00:00Z", "1970-01-05T00:00:00Z", "1970-01-12T00:00:00Z"},
        {"1w", "1969-12-28T23:59:59Z", "1969-12-22T00:00:00Z", "1969-12-29T00:00:00Z"},
        {"1w", "2026-11-24T04:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
        {"2w", "1970-01-11T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-12T00:00:00Z"},
        {"1mo", "2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
        {"1mo", "2024-02-29T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {"1mo", "2026-12-31T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"1mo", "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"1mo", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(
            tide_window_of(parse(cases[i].every), at(cases[i].time)), cases[i].start, cases[i].end);
    }
}

static void test_places_in_zones(void **state)
{
    static const struct {
        const char *zone;
        const char *every;
        const char *time;
        const char *start;
        const char *end;
    } cases[] = {
        /* 23 hours, 25 hours */
        {"America/New_York", "1d", "2026-03-08 12:00", "2026-03-08 05:00", "2026-03-09 04:00"},
        {"America/New_York", "1d", "2026-03-09 03:59", "2026-03-08 05:00", "2026-03-09 04:00"},
        {"America/New_York", "1d", "2026-03-09 04:00", "2026-03-09 04:00", "2026-03-10 04:00"},
        {"America/New_York", "1d", "2026-11-01 06:30", "2026-11-01 04:00", "2026-11-02 05:00"},
        {"America/New_York", "1d", "1970-01-01 00:00", "1969-12-31 05:00", "1970-01-01 05:00"},
        {"America/New_York", "1d", "2050-03-13 12:00", "2050-03-13 05:00", "2050-03-14 04:00"},
        /* two days from 1970-01-01: 2026-03-08 is day 20520 */
        {"America/New_York", "2d", "2026-03-09 12:00", "2026-03-08 05:00", "2026-03-10 04:00"},
        {"America/New_York", "2d", "2026-03-08 04:59", "2026-03-06 05:00", "2026-03-08 05:00"},
        /* from Monday */
        {"America/New_York", "1w", "2026-03-08 12:00", "2026-03-02 05:00", "2026-03-09 04:00"},
        {"America/New_York", "1w", "2026-03-09 03:59", "2026-03-02 05:00", "2026-03-09 04:00"},
        {"America/New_York", "2w", "1970-01-01 12:00", "1969-12-29 05:00", "1970-01-12 05:00"},
        {"America/New_York", "1mo", "2026-03-31 12:00", "2026-03-01 05:00", "2026-04-01 04:00"},
        {"America/New_York", "1mo", "2027-01-01 04:59", "2026-12-01 05:00", "2027-01-01 05:00"},
        {"Asia/Kolkata", "1mo", "2026-12-31 18:30", "2026-12-31 18:30", "2027-01-31 18:30"},
        {"America/Sao_Paulo", "1d", "2018-11-04 12:00", "2018-11-04 03:00", "2018-11-05 02:00"},
        {"Australia/Lord_Howe", "1d", "2026-04-05 00:00", "2026-04-04 13:00", "2026-04-05 13:30"},
        /* around the day that is missing, and the days it is one of */
        {"Pacific/Apia", "1d", "2011-12-30 09:59", "2011-12-29 10:00", "2011-12-30 10:00"},
        {"Pacific/Apia", "1d", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-31 10:00"},
        {"Pacific/Apia", "2d", "2011-12-30 09:00", "2011-12-28 10:00", "2011-12-30 10:00"},
        {"Pacific/Apia", "2d", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-31 10:00"},
        {"Pacific/Apia", "1mo", "2011-12-31 09:00", "2011-12-01 10:00", "2011-12-31 10:00"},
    };
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_window_spec spec = parse_in(&arena, cases[i].every, cases[i].zone);
        expect_minutes(
            tide_window_of(spec, at_minute(cases[i].time)), cases[i].start, cases[i].end);
    }
    tide_arena_release(&arena);
}

static void test_next(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    const struct tide_window_spec hour = parse("1h");
    struct tide_window window = tide_window_of(hour, at("1969-12-31T23:10:00Z"));
    expect(tide_window_next(hour, window), "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z");
    const struct tide_window_spec day = parse_in(&arena, "1d", "Pacific/Apia");
    window = tide_window_of(day, at("2011-12-30T00:00:00Z"));
    expect(window, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    expect(tide_window_next(day, window), "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
    tide_arena_release(&arena);
}

static void test_slides(void **state)
{
    static const struct {
        const char *zone; /* NULL: none */
        const char *every;
        uint32_t pane_count;
        const char *pane;
        uint32_t k;
        const char *start;
        const char *end;
    } cases[] = {
        {NULL, "5m", 1, "2026-03-08 10:05", 0, "2026-03-08 10:05", "2026-03-08 10:10"},
        {NULL, "5m", 3, "2026-03-08 10:05", 0, "2026-03-08 09:55", "2026-03-08 10:10"},
        {NULL, "5m", 3, "2026-03-08 10:05", 1, "2026-03-08 10:00", "2026-03-08 10:15"},
        {NULL, "5m", 3, "2026-03-08 10:05", 2, "2026-03-08 10:05", "2026-03-08 10:20"},
        {NULL, "1h", 2, "1969-12-31 23:00", 1, "1969-12-31 23:00", "1970-01-01 01:00"},
        {NULL, "1d", 7, "2026-03-08 00:00", 0, "2026-03-02 00:00", "2026-03-09 00:00"},
        {NULL, "1w", 2, "1969-12-29 00:00", 0, "1969-12-22 00:00", "1970-01-05 00:00"},
        {NULL, "1mo", 3, "2026-01-01 00:00", 0, "2025-11-01 00:00", "2026-02-01 00:00"},
        {NULL, "1mo", 3, "2026-01-01 00:00", 2, "2026-01-01 00:00", "2026-04-01 00:00"},
        {"America/New_York",
         "1d",
         28,
         "2026-03-08 05:00",
         0,
         "2026-02-09 05:00",
         "2026-03-09 04:00"},
        {"America/New_York",
         "1d",
         28,
         "2026-03-08 05:00",
         27,
         "2026-03-08 05:00",
         "2026-04-05 04:00"},
        /* the empty 30th counts: windows with one end, windows with one start */
        {"Pacific/Apia", "1d", 3, "2011-12-29 10:00", 0, "2011-12-27 10:00", "2011-12-30 10:00"},
        {"Pacific/Apia", "1d", 3, "2011-12-29 10:00", 1, "2011-12-28 10:00", "2011-12-30 10:00"},
        {"Pacific/Apia", "1d", 3, "2011-12-30 10:00", 1, "2011-12-30 10:00", "2012-01-01 10:00"},
        {"Pacific/Apia", "1d", 3, "2011-12-30 10:00", 2, "2011-12-30 10:00", "2012-01-02 10:00"},
    };
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_window_spec spec = cases[i].zone == NULL
                                                 ? parse(cases[i].every)
                                                 : parse_in(&arena, cases[i].every, cases[i].zone);
        expect_minutes(
            tide_window_slide(spec, cases[i].pane_count, at_minute(cases[i].pane), cases[i].k),
            cases[i].start,
            cases[i].end);
    }
    tide_arena_release(&arena);
}

/* 100 years, the most there is, do not overflow. */
static void test_longest_slides(void **state)
{
    (void)state;
    expect(tide_window_slide(parse("1d"), 36600, at("2099-12-31T00:00:00Z"), 36599),
           "2099-12-31T00:00:00Z",
           "2200-03-17T00:00:00Z");
    expect(tide_window_slide(parse("1s"), 3162240000, at("2099-12-31T00:00:00Z"), 3162239999),
           "2099-12-31T00:00:00Z",
           "2200-03-17T00:00:00Z");
    expect(tide_window_slide(parse("36600d"), 1, at("2070-03-17T00:00:00Z"), 0),
           "2070-03-17T00:00:00Z",
           "2170-06-01T00:00:00Z");
}

/* Every window begins where the one before it ends, and holds its own first and last
 * microsecond. */
static void test_windows_tile_time(void **state)
{
    static const char *const every[] = {"1s", "7m", "1h", "1d", "3d", "1w", "5w", "1mo"};
    (void)state;
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        const struct tide_window_spec spec = parse(every[i]);
        struct tide_window window = tide_window_of(spec, at("1969-11-03T04:05:06Z"));
        for (int k = 0; k < 40; k++) {
            const struct tide_instant last = {window.end.us - 1};
            assert_int_equal(tide_window_of(spec, window.start).start.us, window.start.us);
            assert_int_equal(tide_window_of(spec, last).start.us, window.start.us);
            assert_int_equal(tide_window_of(spec, window.end).start.us, window.end.us);
            window = tide_window_next(spec, window);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_in_zones),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_slides),
        cmocka_unit_test(test_longest_slides),
        cmocka_unit_test(test_windows_tile_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
