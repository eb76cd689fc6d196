/* Goal: the tracker remembers of each key what it was before its first change, and nothing else.
 * Method: keys of many sizes are noted, overwritten and noted again, in several rounds. */
#include "operator/funnel_tracker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/banned.h"

enum {
    KEYS = 1000,
    EVENTS_MAX = 40
};

static void test_off(void **state)
{
    (void)state;
    struct funnel_tracker tracker = {0};
    const struct funnel_event event = {.time_us = 1};
    assert_true(funnel_tracker_note(&tracker, 3, &event, 1));
    assert_int_equal(tracker.count, 0);
    assert_false(tide_pair_set_has(&tracker.changed, 0, 3));
    funnel_tracker_reset(&tracker);
    funnel_tracker_release(&tracker);
}

/* The key's events of a round. */
static uint32_t fill(struct funnel_event events[EVENTS_MAX], uint32_t key, uint32_t round)
{
    const uint32_t count = (key * 7 + round) % (EVENTS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        events[i] = (struct funnel_event){
            .time_us = (int64_t)key * 1000 + i, .group = round, .step = i % 3};
    }
    return count;
}

static void test_keeps_the_first(void **state)
{
    (void)state;
    struct funnel_tracker tracker = {.is_on = true};
    for (uint32_t round = 0; round < 3; round++) {
        struct funnel_event events[EVENTS_MAX];
        for (uint32_t i = 0; i < KEYS; i++) {
            const uint32_t key = i * 37 % KEYS; /* in an order of their own */
            const uint32_t count = fill(events, key, round);
            assert_false(tide_pair_set_has(&tracker.changed, 0, key));
            assert_true(funnel_tracker_note(&tracker, key, count == 0 ? NULL : events, count));
            assert_true(tide_pair_set_has(&tracker.changed, 0, key));
            events[0].time_us = -1;
            assert_true(funnel_tracker_note(&tracker, key, events, 1)); /* noted already */
        }
        assert_int_equal(tracker.count, KEYS);
        for (uint32_t i = 0; i < KEYS; i++) {
            const struct funnel_change *change = &tracker.changes[i];
            const uint32_t count = fill(events, i * 37 % KEYS, round);
            assert_int_equal(change->key, i * 37 % KEYS);
            assert_int_equal(change->count, count);
            if (count == 0) {
                assert_int_equal(change->block, TIDE_BLOCK_NONE);
                continue;
            }
            const struct funnel_event *kept = tide_block_pool_at(&tracker.events, change->block);
            for (uint32_t k = 0; k < count; k++) {
                assert_true(kept[k].time_us == events[k].time_us &&
                            kept[k].group == events[k].group && kept[k].step == events[k].step);
            }
        }
        assert_true(funnel_tracker_bytes(&tracker) > 0);
        funnel_tracker_reset(&tracker);
        assert_true(tracker.is_on);
        assert_int_equal(tracker.count, 0);
    }
    funnel_tracker_release(&tracker);
    assert_false(tracker.is_on);
    assert_int_equal(funnel_tracker_bytes(&tracker), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_keeps_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
