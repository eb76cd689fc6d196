/* Goal: TZ strings mean what POSIX and RFC 8536 say, and what is none of them is refused. Method:
 * tables: texts with their fields, changes computed with a calendar, texts with one fault each. */
#include "base/timezone_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/civil.h"

static int64_t second(const char *text)
{
    struct tide_instant t = {0};
    assert_true(tide_civil_parse(tide_view_of(text), &t));
    return t.us / TIDE_US_PER_SECOND;
}

static void test_offsets(void **state)
{
    static const struct {
        const char *text;
        int32_t standard_offset;
        int32_t daylight_offset;
        bool has_daylight;
    } cases[] = {
        {"UTC0", 0, 0, false},
        {"IST-5:30", 19800, 19800, false},
        {"<+0330>-3:30", 12600, 12600, false},
        {"AAA+1:02:03", -3723, -3723, false},
        {"<-00>24", -86400, -86400, false},
        {"EST5EDT,M3.2.0,M11.1.0", -18000, -14400, true},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800, 39600, true},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 3600, 0, true},
        {"AAA-24:59:59BBB,0,J365", 89999, 93599, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_timezone_rule rule = {0};
        if (!tide_timezone_rule_parse(tide_view_of(cases[i].text), &rule)) {
            fail_msg("'%s' was refused", cases[i].text);
        }
        assert_int_equal(rule.standard_offset, cases[i].standard_offset);
        assert_int_equal(rule.daylight_offset, cases[i].daylight_offset);
        assert_int_equal(rule.has_daylight, cases[i].has_daylight);
    }
}

static void test_changes(void **state)
{
    static const struct {
        const char *text;
        int32_t year;
        const char *start;
        const char *end;
    } cases[] = {
        {"EST5EDT,M3.2.0,M11.1.0", 2026, "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
        {"EST5EDT,M3.2.0,M11.1.0", 2050, "2050-03-13T07:00:00Z", "2050-11-06T06:00:00Z"},
        /* the last Sunday, in months of every length; October 2027 begins on a Friday */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2027, "2027-03-28T01:00:00Z", "2027-10-31T01:00:00Z"},
        {"CET-1CEST,M2.5.0,M12.5.0/3", 2032, "2032-02-29T01:00:00Z", "2032-12-26T01:00:00Z"},
        {"CET-1CEST,M2.5.6,M12.5.5/3", 2026, "2026-02-28T01:00:00Z", "2026-12-25T01:00:00Z"},
        /* the south: the end comes first */
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
         2026,
         "2026-10-03T15:30:00Z",
         "2026-04-04T15:00:00Z"},
        /* the day before, the days after */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", 2026, "2026-03-28T00:00:00Z", "2026-10-23T23:00:00Z"},
        {"AAA0BBB,M1.1.0/-167:59:59,M6.1.1/+167", /* the week before, and after */
         2026,
         "2025-12-28T00:00:01Z",
         "2026-06-07T22:00:00Z"},
        /* days of the year, with and without a leap day */
        {"AAA0BBB,J59,J60", 2028, "2028-02-28T02:00:00Z", "2028-03-01T01:00:00Z"},
        {"AAA0BBB,58,59", 2028, "2028-02-28T02:00:00Z", "2028-02-29T01:00:00Z"},
        {"AAA0BBB,J1/0,J365/1:30", 2028, "2028-01-01T00:00:00Z", "2028-12-31T00:30:00Z"},
        {"AAA0BBB,0/0,365/1:30", 2028, "2028-01-01T00:00:00Z", "2028-12-31T00:30:00Z"},
        {"AAA0BBB,J60,59", 2027, "2027-03-01T02:00:00Z", "2027-03-01T01:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_timezone_rule rule = {0};
        assert_true(tide_timezone_rule_parse(tide_view_of(cases[i].text), &rule));
        if (tide_timezone_rule_start(&rule, cases[i].year) != second(cases[i].start) ||
            tide_timezone_rule_end(&rule, cases[i].year) != second(cases[i].end)) {
            fail_msg("the changes of '%s' in %d", cases[i].text, cases[i].year);
        }
    }
}

static void test_refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "EST",
        "ES5",
        "5",
        ":EST5",
        "EST5 ",
        " EST5",
        "EST25",
        "EST5:60",
        "EST5:00:60",
        "EST5:",
        "EST5:00:",
        "EST--5",
        "EST0005",
        "<E>5",
        "<EST5",
        "<E:T>5",
        "<>5",
        "EST5EDT",
        "EST5ED,M3.2.0,M11.1.0",
        "EST5EDT25,M3.2.0,M11.1.0",
        "EST5EDT,M3.2.0",
        "EST5,M3.2.0,M11.1.0",
        "EST5EDT,M3.2.0,M11.1.0,",
        "EST5EDT,M3.2.0,M11.1.0 ",
        "EST5EDT,M0.2.0,M11.1.0",
        "EST5EDT,M13.2.0,M11.1.0",
        "EST5EDT,M3.0.0,M11.1.0",
        "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.2.7,M11.1.0",
        "EST5EDT,M3.2,M11.1.0",
        "EST5EDT,M3-2-0,M11.1.0",
        "EST5EDT,J0,J365",
        "EST5EDT,J1,J366",
        "EST5EDT,0,366",
        "EST5EDT,J,J365",
        "EST5EDT,M3.2.0/168,M11.1.0",
        "EST5EDT,M3.2.0/,M11.1.0",
        "EST5EDT,M3.2.0/2:60,M11.1.0",
        "EST5EDT,,M11.1.0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_timezone_rule rule = {0};
        if (tide_timezone_rule_parse(tide_view_of(cases[i]), &rule)) {
            fail_msg("'%s' was taken for a rule", cases[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
