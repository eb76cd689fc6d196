/* Goal: the newest windows are kept, each once, and what was touched is known until it was seen.
 * Method: lists by hand, of one length and of two that meet at their ends. */
#include "serve/live_windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tide_window window(int64_t start, int64_t end)
{
    return (struct tide_window){{start}, {end}};
}

static void add(struct live_windows *windows, int64_t start, int64_t end, bool is_touched)
{
    assert_true(live_windows_add(windows, window(start, end), is_touched, true));
}

static void test_newest_are_kept(void **state)
{
    (void)state;
    struct live_windows windows = {0};
    struct live_span span;
    live_windows_keep(&windows, 3);
    assert_false(windows.is_whole);
    assert_false(tide_instant_known(live_windows_from(&windows)));
    for (int64_t i = 0; i < 200; i++) { /* several times, in no order */
        add(&windows, (i * 7 % 50) * 10, (i * 7 % 50) * 10 + 10, false);
    }
    live_windows_settle(&windows);
    assert_true(windows.is_whole);
    assert_int_equal(windows.count, 3);
    assert_int_equal(windows.items[0].end.us, 500);
    assert_int_equal(windows.items[2].end.us, 480);
    assert_int_equal(live_windows_from(&windows).us, 470);
    assert_int_equal(live_windows_find(&windows, (struct tide_instant){500}), 0);
    assert_int_equal(live_windows_find(&windows, (struct tide_instant){480}), 2);
    assert_int_equal(live_windows_find(&windows, (struct tide_instant){470}), UINT32_MAX);
    assert_false(live_windows_touched(&windows, &span));

    add(&windows, 500, 510, true); /* a newer one: the oldest leaves */
    add(&windows, 480, 490, true);
    add(&windows, 100, 110, true); /* too old */
    live_windows_settle(&windows);
    assert_int_equal(windows.count, 3);
    assert_int_equal(live_windows_from(&windows).us, 480);
    assert_true(live_windows_touched(&windows, &span));
    assert_int_equal(span.from.us, 480);
    assert_int_equal(span.to.us, 501);
    assert_true(windows.items[0].is_touched && windows.items[2].is_touched);
    assert_false(windows.items[1].is_touched);
    live_windows_seen(&windows);
    assert_false(live_windows_touched(&windows, &span));
    live_windows_touch_all(&windows);
    assert_true(live_windows_touched(&windows, &span));
    live_windows_release(&windows);
}

static void test_keeping_more_and_less(void **state)
{
    (void)state;
    struct live_windows windows = {0};
    live_windows_keep(&windows, 2);
    add(&windows, 0, 10, false);
    live_windows_settle(&windows);
    live_windows_keep(&windows, 5); /* there is no other: nothing to list again */
    assert_true(windows.is_whole);
    add(&windows, 10, 20, false);
    add(&windows, 20, 30, false);
    live_windows_settle(&windows);
    assert_int_equal(windows.count, 3);
    assert_false(tide_instant_known(live_windows_from(&windows))); /* there is room for older */
    live_windows_keep(&windows, 2);
    assert_true(windows.is_whole);
    assert_int_equal(windows.count, 2);
    assert_int_equal(live_windows_from(&windows).us, 10);
    live_windows_keep(&windows, 3); /* the one that left has to come again */
    assert_false(windows.is_whole);
    assert_false(tide_instant_known(live_windows_from(&windows)));
    add(&windows, 0, 10, true);
    live_windows_settle(&windows);
    assert_int_equal(windows.count, 3);
    assert_true(windows.is_whole);
    live_windows_keep(&windows, 0);
    assert_int_equal(windows.count, 0);
    live_windows_release(&windows);
}

/* Days over 28 days: what ends together is one, and only days are windows of the ratio. */
static void test_two_lengths(void **state)
{
    (void)state;
    struct live_windows windows = {0};
    struct live_span span;
    live_windows_keep(&windows, 10);
    add(&windows, 270, 280, false);
    assert_true(live_windows_add(&windows, window(0, 280), true, false));
    assert_true(live_windows_add(&windows, window(10, 290), true, false)); /* no day ends there */
    live_windows_settle(&windows);
    assert_int_equal(windows.count, 1);
    assert_int_equal(windows.items[0].first_start.us, 0);
    assert_int_equal(windows.items[0].last_start.us, 270);
    assert_true(live_windows_touched(&windows, &span)); /* by the other side */
    assert_int_equal(span.from.us, 0);
    assert_int_equal(span.to.us, 271);
    live_windows_release(&windows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_are_kept),
        cmocka_unit_test(test_keeping_more_and_less),
        cmocka_unit_test(test_two_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
