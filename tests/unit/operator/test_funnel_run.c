/* Goal: one run between two cuts: where it ends, how far it goes, by which event it is headed, at
 * which times its steps were reached; reading it in pieces gives the same. Method: a table by hand;
 * random keys read to every event and then on. */
#include "operator/funnel.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    STEPS = 3,
    TIMEOUT_US = 10,
    EVENTS_MAX = 24
};

static const struct tide_funnel_plan plan = {.timeout = {TIMEOUT_US}, .step_count = STEPS};
static const struct tide_metric metric = {.kind = TIDE_METRIC_FUNNEL, .funnel = &plan};

/* "0:1 9:2" are events at 0 us of step 1 and at 9 us of step 2. */
static uint32_t parse_events(const char *text, struct funnel_event *events)
{
    uint32_t count = 0;
    while (*text != '\0') {
        char *after = NULL;
        events[count].time_us = strtoll(text, &after, 10);
        assert_true(*after == ':');
        events[count].step = (uint32_t)strtoul(after + 1, &after, 10) - 1;
        events[count++].group = 0;
        text = after + (*after == ' ');
    }
    return count;
}

static void test_runs(void **state)
{
    static const struct {
        const char *events;
        uint32_t first;
        uint32_t end;
        uint32_t reached;
        uint32_t head;
        int64_t times_us[STEPS];
    } cases[] = {
        {"0:1", 0, 1, 1, 0, {0}},
        {"0:2", 0, 1, 0, 0, {0}},
        {"0:1 9:2 18:3", 0, 3, 3, 0, {0, 9, 18}},
        {"0:1 9:2 18:3 19:1", 0, 3, 3, 0, {0, 9, 18}}, /* a cut after the last step */
        {"0:1 9:2 18:3 19:1", 3, 4, 1, 3, {19}},
        {"0:1 9:2 19:3", 0, 2, 2, 0, {0, 9}}, /* exactly the timeout is a cut */
        {"0:1 9:2 19:3", 2, 3, 0, 2, {0}},
        {"0:1 1:3 2:2", 0, 2, 1, 0, {0}}, /* the last step cuts, even if it is not due */
        {"0:2 1:1 2:1 3:2 4:2 5:3", 0, 6, 3, 1, {1, 3, 5}},
        {"0:2 5:2 7:2", 0, 3, 0, 0, {0}},
        {"7:1 7:2 7:3", 0, 3, 3, 0, {7, 7, 7}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct funnel_event events[EVENTS_MAX];
        struct funnel_run run;
        const uint32_t count = parse_events(cases[i].events, events);
        funnel_run_at(&metric, events, cases[i].first, count, &run);
        assert_int_equal(run.first, cases[i].first);
        assert_int_equal(run.end, cases[i].end);
        assert_int_equal(run.reached, cases[i].reached);
        assert_int_equal(run.head, cases[i].head);
        for (uint32_t k = 0; k < run.reached; k++) {
            assert_int_equal(run.times_us[k], cases[i].times_us[k]);
        }
    }
}

static void test_reading_in_pieces(void **state)
{
    (void)state;
    for (uint64_t first_seed = 1; first_seed <= 300; first_seed++) {
        uint64_t seed = first_seed;
        struct funnel_event events[EVENTS_MAX];
        struct funnel_run run;
        const uint32_t count = 1 + fixture_below(&seed, EVENTS_MAX);
        for (uint32_t i = 0; i < count; i++) {
            const int64_t gap = fixture_below(&seed, 6) == 0 ? TIMEOUT_US : fixture_below(&seed, 3);
            events[i] = (struct funnel_event){
                (i == 0 ? 0 : events[i - 1].time_us) + gap, 0, fixture_below(&seed, STEPS)};
        }
        const uint32_t first = fixture_below(&seed, count);
        funnel_run_at(&metric, events, first, count, &run);
        for (uint32_t limit = first; limit <= count; limit++) {
            struct funnel_scan scan = {first, first, 0, first};
            funnel_scan_on(&metric, events, limit, &scan);
            assert_int_equal(scan.next, limit < run.end ? limit : run.end);
            funnel_scan_on(&metric, events, count, &scan);
            assert_int_equal(scan.next, run.end);
            assert_int_equal(scan.reached, run.reached);
            assert_int_equal(scan.head, run.head);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_reading_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
