/* Goal: notes come out in order, each sink on its own, none before it may; the oldest gives way
 * when there is no room. Method: a few notes by hand, and one more than the maximum. */
#include "serve/alert_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    LOG = 1,
    WEBHOOK = 2
};

static bool add(struct tide_alert_outbox *outbox, uint64_t number, unsigned sinks)
{
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    tide_bytes_append_format(&line, "line %u", (unsigned)number);
    tide_bytes_append_format(&body, "body %u", (unsigned)number);
    const bool is_added =
        tide_alert_outbox_add(outbox, (struct tide_u128){0, number}, sinks, &line, &body);
    assert_null(line.data); /* it was taken over */
    assert_null(body.data);
    return is_added;
}

static uint64_t next(const struct tide_alert_outbox *outbox, unsigned sink, uint64_t sequence_max)
{
    const struct tide_alert_note *note = tide_alert_outbox_next(outbox, sink, sequence_max);
    return note == NULL ? 0 : note->id.low;
}

static bool done(struct tide_alert_outbox *outbox, uint64_t number, unsigned sink)
{
    return tide_alert_outbox_done(outbox, (struct tide_u128){0, number}, sink);
}

static void test_order(void **state)
{
    (void)state;
    struct tide_alert_outbox *outbox = tide_alert_outbox_create();
    assert_non_null(outbox);
    assert_true(add(outbox, 10, LOG | WEBHOOK));
    assert_true(add(outbox, 11, WEBHOOK));
    assert_true(add(outbox, 12, LOG));
    assert_int_equal(tide_alert_outbox_sequence(outbox), 3);
    assert_int_equal(next(outbox, LOG, 0), 0); /* nothing is saved yet */
    assert_int_equal(next(outbox, LOG, 3), 10);
    assert_true(done(outbox, 10, LOG));
    assert_false(done(outbox, 10, LOG));
    assert_int_equal(next(outbox, LOG, 2), 0);
    assert_int_equal(next(outbox, LOG, 3), 12);
    assert_int_equal(next(outbox, WEBHOOK, 3), 10);
    assert_int_equal(tide_alert_outbox_count(outbox), 3);
    assert_true(done(outbox, 10, WEBHOOK));
    assert_int_equal(tide_alert_outbox_count(outbox), 2);
    assert_int_equal(next(outbox, WEBHOOK, 3), 11);
    const struct tide_view line = tide_bytes_view(&tide_alert_outbox_at(outbox, 1)->line);
    assert_true(tide_view_equal(line, TIDE_VIEW("line 12")));
    tide_alert_outbox_destroy(outbox);
    tide_alert_outbox_destroy(NULL);
}

static void test_full(void **state)
{
    (void)state;
    struct tide_alert_outbox *outbox = tide_alert_outbox_create();
    for (uint64_t i = 1; i <= TIDE_ALERT_NOTES_MAX + 2; i++) {
        assert_true(add(outbox, i, WEBHOOK));
    }
    assert_int_equal(tide_alert_outbox_count(outbox), TIDE_ALERT_NOTES_MAX);
    assert_int_equal(tide_alert_outbox_dropped(outbox), 2);
    assert_int_equal(next(outbox, WEBHOOK, UINT64_MAX), 3);
    assert_false(done(outbox, 1, WEBHOOK)); /* delivered while it was dropped */
    tide_alert_outbox_destroy(outbox);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct tide_alert_outbox *outbox = tide_alert_outbox_create();
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    tide_bytes_append_text(&line, "x");
    body.failed = true;
    assert_false(tide_alert_outbox_add(outbox, (struct tide_u128){0, 1}, LOG, &line, &body));
    assert_null(line.data);
    assert_int_equal(tide_alert_outbox_count(outbox), 0);
    assert_int_equal(tide_alert_outbox_dropped(outbox), 1);
    tide_alert_outbox_destroy(outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
