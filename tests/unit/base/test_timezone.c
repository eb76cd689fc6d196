/* Goal: local days of the world's stranger zones are where a calendar on the wall had them, and
 * only a good name of a good file is opened. Method: tables over the machine's zoneinfo files, of
 * times that are history or that the rule gives; an own folder for files that are not good. The
 * comparison with Python over all zones is tests/property/test_timezone.py. */
#include "base/timezone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/civil.h"
#include "base/io.h"
#include "support/tzif.h"

enum {
    PATH_SIZE_MAX = 512
};

static struct tide_instant at(const char *text)
{
    struct tide_instant t = {0};
    if (!tide_civil_parse(tide_view_of(text), &t)) {
        fail_msg("'%s' is no time", text);
    }
    return t;
}

static int64_t day(const char *date)
{
    char text[TIDE_CIVIL_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "%sT00:00:00Z", date);
    return tide_days_of(at(text));
}

static const struct tide_timezone *open_ok(struct tide_arena *arena, const char *name)
{
    const struct tide_timezone *zone = NULL;
    struct tide_error error = {{0}};
    if (tide_timezone_open(arena, tide_view_of(name), &zone, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(tide_view_equal(tide_timezone_name(zone), tide_view_of(name)));
    return zone;
}

static void test_midnights(void **state)
{
    static const struct {
        const char *zone;
        const char *date;
        const char *begin;
    } cases[] = {
        {"UTC", "2026-03-08", "2026-03-08T00:00:00Z"},
        {"Etc/UTC", "2026-03-08", "2026-03-08T00:00:00Z"},
        /* 23 and 25 hours */
        {"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"},
        {"America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"},
        {"America/New_York", "2026-11-01", "2026-11-01T04:00:00Z"},
        {"America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"},
        /* by the rule alone */
        {"America/New_York", "2050-03-13", "2050-03-13T05:00:00Z"},
        {"America/New_York", "2050-03-14", "2050-03-14T04:00:00Z"},
        {"America/New_York", "2099-11-01", "2099-11-01T04:00:00Z"},
        {"America/New_York", "2099-11-02", "2099-11-02T05:00:00Z"},
        {"America/New_York", "2200-07-01", "2200-07-01T04:00:00Z"},
        /* midnight is skipped: 00:00 becomes 01:00; it comes back: 24:00 becomes 23:00 */
        {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
        {"America/Sao_Paulo", "2018-11-05", "2018-11-05T02:00:00Z"},
        {"America/Sao_Paulo", "2019-02-16", "2019-02-16T02:00:00Z"},
        {"America/Sao_Paulo", "2019-02-17", "2019-02-17T03:00:00Z"},
        /* 23:30 becomes 00:30: the day begins when the old clock would have struck */
        {"America/Toronto", "1919-03-31", "1919-03-31T05:00:00Z"},
        /* midnight comes twice, 01:00 becomes 00:00: the first one */
        {"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},
        /* 00:01 becomes 23:01 */
        {"America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"},
        {"America/St_Johns", "2010-11-08", "2010-11-08T03:30:00Z"},
        /* a day that is not there */
        {"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
        {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", "2012-01-01", "2011-12-31T10:00:00Z"},
        /* half an hour */
        {"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30:00Z"},
        {"Australia/Lord_Howe", "2026-10-05", "2026-10-04T13:00:00Z"},
        {"Asia/Kolkata", "2026-03-08", "2026-03-07T18:30:00Z"},
        {"Asia/Kolkata", "2060-03-08", "2060-03-07T18:30:00Z"},
        {"Europe/Dublin", "2026-07-01", "2026-06-30T23:00:00Z"},
    };
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_timezone *zone = open_ok(&arena, cases[i].zone);
        char text[TIDE_CIVIL_TEXT_MAX];
        (void)tide_civil_format(tide_timezone_midnight(zone, day(cases[i].date)), text);
        if (strcmp(text, cases[i].begin) != 0) {
            fail_msg("%s of %s: %s", cases[i].date, cases[i].zone, text);
        }
    }
    tide_arena_release(&arena);
}

static void test_days_and_offsets(void **state)
{
    static const struct {
        const char *zone;
        const char *time;
        const char *date;
        int32_t offset;
    } cases[] = {
        {"UTC", "1969-12-31T23:59:59.999999Z", "1969-12-31", 0},
        {"America/New_York", "2026-03-08T04:59:59.999999Z", "2026-03-07", -18000},
        {"America/New_York", "2026-03-08T05:00:00Z", "2026-03-08", -18000},
        {"America/New_York", "2026-03-08T06:59:59.999999Z", "2026-03-08", -18000},
        {"America/New_York", "2026-03-08T07:00:00Z", "2026-03-08", -14400},
        {"America/New_York", "2026-03-09T03:59:59.999999Z", "2026-03-08", -14400},
        {"America/New_York", "2026-11-02T04:59:59.999999Z", "2026-11-01", -18000},
        {"America/New_York", "2050-07-01T03:59:59Z", "2050-06-30", -14400},
        {"America/New_York", "2050-12-01T04:59:59Z", "2050-11-30", -18000},
        {"America/Sao_Paulo", "2018-11-04T02:59:59.999999Z", "2018-11-03", -10800},
        {"America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04", -7200},
        {"America/Sao_Paulo", "2019-02-17T02:00:00Z", "2019-02-16", -10800},
        {"America/Sao_Paulo", "2019-02-17T02:59:59.999999Z", "2019-02-16", -10800},
        /* the wall shows 00:30 of the 31st, which has not begun */
        {"America/Toronto", "1919-03-31T04:30:00Z", "1919-03-30", -14400},
        {"America/Toronto", "1919-03-31T04:59:59.999999Z", "1919-03-30", -14400},
        {"America/Toronto", "1919-03-31T05:00:00Z", "1919-03-31", -14400},
        /* the wall shows 23:01 of the 6th again, but the 7th goes on */
        {"America/St_Johns", "2010-11-07T02:30:59.999999Z", "2010-11-07", -9000},
        {"America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-07", -12600},
        {"America/St_Johns", "2010-11-07T03:29:59.999999Z", "2010-11-07", -12600},
        {"America/Havana", "2026-11-01T05:00:00Z", "2026-11-01", -18000},
        {"Pacific/Apia", "2011-12-30T09:59:59.999999Z", "2011-12-29", -36000},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31", 50400},
        {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-01-01", 39600},
        {"Australia/Lord_Howe", "2026-07-01T13:29:59.999999Z", "2026-07-01", 37800},
        {"Asia/Kolkata", "2026-03-08T18:30:00Z", "2026-03-09", 19800},
    };
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_timezone *zone = open_ok(&arena, cases[i].zone);
        const struct tide_instant t = at(cases[i].time);
        if (tide_timezone_day_of(zone, t) != day(cases[i].date) ||
            tide_timezone_offset(zone, t) != cases[i].offset) {
            fail_msg("%s in %s", cases[i].time, cases[i].zone);
        }
    }
    tide_arena_release(&arena);
}

/* Whatever the zone does: an instant lies in its day, and days are in order. */
static void test_days_hold_their_instants(void **state)
{
    static const char *const names[] = {
        "America/New_York", "America/St_Johns", "Pacific/Apia", "Pacific/Kwajalein", "UTC"};
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct tide_timezone *zone = open_ok(&arena, names[i]);
        const int64_t step = 7 * TIDE_US_PER_DAY / 2 + 1234567;
        for (struct tide_instant t = at("1860-01-01T00:00:00Z"); t.us < 8000000000000000;
             t.us += step) {
            const int64_t local = tide_timezone_day_of(zone, t);
            const struct tide_instant begin = tide_timezone_midnight(zone, local);
            const struct tide_instant end = tide_timezone_midnight(zone, local + 1);
            assert_true(begin.us <= t.us && t.us < end.us);
        }
    }
    tide_arena_release(&arena);
}

static void test_refuses_names(void **state)
{
    static const char *const names[] = {
        "",
        "/etc/localtime",
        "..",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "Europe/./Berlin",
        "Europe//Berlin",
        "Europe/",
        "Europe/Berlin ",
        "Europe\\Berlin",
        "Europe/B\xc3\xa9rlin",
        "%s",
        "zone.tab",
        "America/Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    (void)state;
    struct tide_arena arena = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct tide_timezone *zone = NULL;
        struct tide_error error = {{0}};
        const struct tide_view name = tide_view_of(names[i]);
        assert_int_equal(tide_timezone_open(&arena, name, &zone, &error), TIDE_REJECT);
        if (strstr(error.text, "is not the name of a time zone") == NULL) {
            fail_msg("'%s' was looked for: %s", names[i], error.text);
        }
        assert_null(zone);
    }
    const struct tide_timezone *zone = NULL;
    const struct tide_view hidden = {"UTC\0x", 5};
    assert_int_equal(tide_timezone_open(&arena, hidden, &zone, NULL), TIDE_REJECT);
    assert_int_equal(tide_timezone_open(&arena, (struct tide_view){0}, &zone, NULL), TIDE_REJECT);
    tide_arena_release(&arena);
}

static void write_file(const char *folder, const char *name, struct tide_view content)
{
    char path[2 * PATH_SIZE_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(tide_io_create_file(tide_io_os(), path, content, NULL), TIDE_OK);
}

static void remove_file(const char *folder, const char *name)
{
    char path[2 * PATH_SIZE_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(tide_io_os().operations->remove(NULL, path, NULL), TIDE_OK);
}

static void expect_refused(struct tide_arena *arena, const char *name, const char *text)
{
    const struct tide_timezone *zone = NULL;
    struct tide_error error = {{0}};
    assert_int_equal(tide_timezone_open(arena, tide_view_of(name), &zone, &error), TIDE_REJECT);
    if (strstr(error.text, text) == NULL || strstr(error.text, name) == NULL) {
        fail_msg("%s", error.text);
    }
    assert_null(zone);
}

static void test_own_folder(void **state)
{
    (void)state;
    char folder[PATH_SIZE_MAX];
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/tide-zone-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(folder));
    static const int32_t offsets[] = {19800};
    struct tide_arena arena = {0};
    struct tide_bytes good =
        tzif_write((struct tzif){.offsets = offsets, .type_count = 1, .footer = "XYZ-5:30"});
    write_file(folder, "Good", tide_bytes_view(&good));
    write_file(folder, "Bad", TIDE_VIEW("a text"));
    write_file(folder, "Empty", TIDE_VIEW(""));
    while (good.size <= 64 * 1024) {
        tide_bytes_append_text(&good, " ");
    }
    write_file(folder, "Large", tide_bytes_view(&good));

    assert_int_equal(setenv("TZDIR", folder, 1), 0);
    assert_int_equal(tide_timezone_offset(open_ok(&arena, "Good"), at("2026-01-01T00:00:00Z")),
                     19800);
    assert_int_equal(tide_timezone_offset(open_ok(&arena, "UTC"), at("2026-01-01T00:00:00Z")), 0);
    expect_refused(&arena, "Bad", "time zone Bad: the file is cut short: it has 6 bytes");
    expect_refused(&arena, "Empty", "cut short: it has 0 bytes");
    expect_refused(&arena, "Large", "more than 65536");
    expect_refused(&arena, "America/New_York", "No such file or directory");
    expect_refused(&arena, "Good/Good", "Not a directory");

    char *long_folder = malloc(5001);
    assert_non_null(long_folder);
    memset(long_folder, 'a', 5000);
    long_folder[5000] = '\0';
    assert_int_equal(setenv("TZDIR", long_folder, 1), 0);
    free(long_folder);
    expect_refused(&arena, "Good", "the path in TZDIR has 5005 bytes");
    assert_int_equal(setenv("TZDIR", "", 1), 0); /* as if it were not set */
    (void)open_ok(&arena, "Europe/Berlin");
    assert_int_equal(unsetenv("TZDIR"), 0);
    expect_refused(&arena, "Europe", "Is a directory");

    static const char *const names[] = {"Good", "Bad", "Empty", "Large"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        remove_file(folder, names[i]);
    }
    assert_int_equal(tide_io_os().operations->remove(NULL, folder, NULL), TIDE_OK);
    tide_bytes_release(&good);
    tide_arena_release(&arena);
}

static void test_full_arena(void **state)
{
    static const char *const names[] = {"UTC", "America/New_York"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tide_arena arena = {0};
        const struct tide_timezone *zone = NULL;
        struct tide_error error = {{0}};
        tide_arena_init(&arena, 16);
        assert_int_equal(tide_timezone_open(&arena, tide_view_of(names[i]), &zone, &error),
                         TIDE_RETRY);
        assert_non_null(strstr(error.text, "no memory for"));
        assert_non_null(strstr(error.text, names[i]));
        tide_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_midnights),
        cmocka_unit_test(test_days_and_offsets),
        cmocka_unit_test(test_days_hold_their_instants),
        cmocka_unit_test(test_refuses_names),
        cmocka_unit_test(test_own_folder),
        cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
