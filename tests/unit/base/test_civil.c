/* Goal: days, dates, ISO times and durations as semantics.md has them. Method: tables of edges;
 * every day of ten thousand years there and back, against a calendar that only counts. */
#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void test_floor_divide(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        int64_t by;
        int64_t quotient;
    } rows[] = {
        {7, 2, 3},
        {-7, 2, -4},
        {-8, 2, -4},
        {0, 5, 0},
        {-1, 5, -1},
        {1, 5, 0},
        {INT64_MIN, 1, INT64_MIN},
        {INT64_MIN, INT64_MAX, -2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(tide_floor_divide(rows[i].value, rows[i].by), rows[i].quotient);
    }
}

static void test_every_day_of_ten_thousand_years(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = -719528; /* 0000-01-01 */
    for (int32_t year = 0; year <= 9999; year++) {
        const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            const int length = lengths[month - 1] + (month == 2 && is_leap ? 1 : 0);
            for (int day = 1; day <= length; day++, days++) {
                const struct tide_date date = tide_date_from_days(days);
                if (date.year != year || date.month != month || date.day != day ||
                    tide_days_from_date(date) != days) {
                    fail_msg("%04d-%02d-%02d is not day %jd", year, month, day, (intmax_t)days);
                }
            }
        }
    }
    assert_int_equal(days, 2932897);
    assert_int_equal(tide_days_from_date((struct tide_date){1970, 1, 1}), 0);
}

static void test_parse_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        const char *canonical;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
        {"1970-01-01T00:00:00", 0, "1970-01-01T00:00:00Z"},
        {"1970-01-01 00:00:00z", 0, "1970-01-01T00:00:00Z"},
        {"1969-12-31t23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
        {"2026-03-08T00:00:00+00:00", 1772928000000000, "2026-03-08T00:00:00Z"},
        {"2026-03-08T05:30:00+0530", 1772928000000000, "2026-03-08T00:00:00Z"},
        {"2026-03-07T16:00:00-08:00", 1772928000000000, "2026-03-08T00:00:00Z"},
        {"2026-03-08T23:59:00+23:59", 1772928000000000, "2026-03-08T00:00:00Z"},
        {"2026-03-08T00:00:00.5Z", 1772928000500000, "2026-03-08T00:00:00.5Z"},
        {"2026-03-08T00:00:00.000001Z", 1772928000000001, "2026-03-08T00:00:00.000001Z"},
        {"2026-03-08T00:00:00.0000019999999999999999Z",
         1772928000000001,
         "2026-03-08T00:00:00.000001Z"},
        {"2026-03-08T00:00:00.120000", 1772928000120000, "2026-03-08T00:00:00.12Z"},
        {"2024-02-29T12:34:56Z", 1709210096000000, "2024-02-29T12:34:56Z"},
        {"2000-02-29T00:00:00Z", 951782400000000, "2000-02-29T00:00:00Z"},
        {"0001-01-01T00:00:00Z", -62135596800000000, "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {"0001-01-01T00:00:00+00:01", -62135596860000000, "0000-12-31T23:59:00Z"},
        {"9999-12-31T23:59:59-00:01", 253402300859000000, "+010000-01-01T00:00:59Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_instant t = {0};
        char text[TIDE_CIVIL_TEXT_MAX];
        assert_true(tide_civil_parse(tide_view_of(rows[i].text), &t));
        assert_int_equal(t.us, rows[i].us);
        assert_int_equal(tide_civil_format(t, text), strlen(rows[i].canonical));
        assert_string_equal(text, rows[i].canonical);
    }
}

static void test_not_times(void **state)
{
    (void)state;
    static const struct tide_view rows[] = {
        {NULL, 0},
        {"2026-03-08", 10},
        {"2026-03-08T00:00", 16},
        {"2026-03-08T00:00Z", 17},
        {"2026-03-08T00:00:0", 18},
        {"2026-03-08T00:00:00.", 20},
        {"2026-03-08T00:00:00.Z", 21},
        {"2026-03-08T00:00:00,5Z", 22},
        {"2026-03-08T00:00:00ZZ", 21},
        {"2026-03-08T00:00:00Z ", 21},
        {" 2026-03-08T00:00:00Z", 21},
        {"2026-03-08T00:00:00\0", 20},
        {"2026-03-08\0"
         "00:00:00",
         19},
        {"2026-03-08_00:00:00", 19},
        {"2026/03/08T00:00:00", 19},
        {"20260308T000000Z", 16},
        {"0000-01-01T00:00:00Z", 20},
        {"10000-01-01T00:00:00Z", 21},
        {"-001-01-01T00:00:00Z", 20},
        {"2026-00-08T00:00:00Z", 20},
        {"2026-13-08T00:00:00Z", 20},
        {"2026-03-00T00:00:00Z", 20},
        {"2026-03-32T00:00:00Z", 20},
        {"2026-04-31T00:00:00Z", 20},
        {"2025-02-29T00:00:00Z", 20},
        {"1900-02-29T00:00:00Z", 20},
        {"2026-03-08T24:00:00Z", 20},
        {"2026-03-08T00:60:00Z", 20},
        {"2026-03-08T00:00:60Z", 20},
        {"2026-03-08T00:00:00+24:00", 25},
        {"2026-03-08T00:00:00+00:60", 25},
        {"2026-03-08T00:00:00+", 20},
        {"2026-03-08T00:00:00+01", 22},
        {"2026-03-08T00:00:00+01:", 23},
        {"2026-03-08T00:00:00+1:00", 24},
        {"2026-03-08T00:00:00Z+01:00", 26},
        {"2026-03-08T00:00:00.5.5Z", 24},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_instant t = {42};
        if (tide_civil_parse(rows[i], &t)) {
            fail_msg("'%.*s' was taken for a time", TIDE_VIEW_ARGUMENTS(rows[i]));
        }
        assert_int_equal(t.us, 42);
    }
}

static void test_format_at_the_ends(void **state)
{
    (void)state;
    char text[TIDE_CIVIL_TEXT_MAX];
    tide_civil_format((struct tide_instant){INT64_MAX}, text);
    assert_string_equal(text, "+294247-01-10T04:00:54.775807Z");
    tide_civil_format((struct tide_instant){INT64_MIN + 1}, text);
    assert_string_equal(text, "-290308-12-21T19:59:05.224193Z");
    assert_int_equal(tide_civil_format_date(0, text), 10);
    assert_string_equal(text, "1970-01-01");
    tide_civil_format_date(-719528, text);
    assert_string_equal(text, "0000-01-01");
    assert_int_equal(tide_days_of((struct tide_instant){-1}), -1);
    assert_int_equal(tide_days_of((struct tide_instant){TIDE_US_PER_DAY - 1}), 0);
    assert_int_equal(tide_days_of((struct tide_instant){TIDE_US_PER_DAY}), 1);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: not a duration */
    } rows[] = {
        {"0s", 0},
        {"250ms", 250000},
        {"30s", 30000000},
        {"5m", 300000000},
        {"26h", 93600000000},
        {"400d", 34560000000000},
        {"2w", 1209600000000},
        {"007s", 7000000},
        {"9223372036854s", 9223372036854000000},
        {"9223372036855s", -1},
        {"9223372036854775807ms", -1},
        {"99999999999999999999s", -1},
        {"", -1},
        {"s", -1},
        {"5", -1},
        {"5 s", -1},
        {"-5s", -1},
        {"5S", -1},
        {"5sec", -1},
        {"1mo", -1},
        {"1.5h", -1},
        {"1h30m", -1},
        {"5us", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_duration duration = {-1};
        assert_int_equal(tide_duration_parse(tide_view_of(rows[i].text), &duration),
                         rows[i].us >= 0);
        assert_int_equal(duration.us, rows[i].us);
    }
    struct tide_duration duration = {-1};
    assert_false(tide_duration_parse((struct tide_view){0}, &duration));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floor_divide),
        cmocka_unit_test(test_every_day_of_ten_thousand_years),
        cmocka_unit_test(test_parse_times),
        cmocka_unit_test(test_not_times),
        cmocka_unit_test(test_format_at_the_ends),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
