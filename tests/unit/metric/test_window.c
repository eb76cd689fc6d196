/* Goal: windows are where the semantics put them, on both sides of every boundary and of 1970.
 * Method: tables of texts, and of times with the window computed by hand (or by a calendar). */
#include "metric/window.h"

#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
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
        const struct tide_window window = tide_window_of(parse(cases[i].every), at(cases[i].time));
        char text[TIDE_CIVIL_TEXT_MAX];
        (void)tide_civil_format(window.start, text);
        assert_string_equal(text, cases[i].start);
        (void)tide_civil_format(window.end, text);
        assert_string_equal(text, cases[i].end);
    }
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
            window = tide_window_of(spec, window.end);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_windows_tile_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
