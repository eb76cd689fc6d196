/* Goal: each complete window is judged once, in order, with the baseline and the silence that the
 * header promises; restarts, late events, gaps and too many groups change nothing that was told.
 * Method: cells written by hand, a closing clock moved by hand; the steps come out as text. */
#include "alert_fixture.h"

struct rig {
    struct fixture *fixture;
    struct tide_alert_watch watch;
    struct tide_bytes steps; /* "ios firing@5 ", minutes since the start */
    bool shows_untold;
};

static void tell(void *context,
                 const struct tide_alert_watch *watch,
                 const struct tide_alert_instance *instance,
                 const struct tide_alert_step *step)
{
    struct rig *rig = context;
    size_t at = 0;
    assert_ptr_equal(watch, &rig->watch);
    if (!tide_alert_step_is_told(step) && !rig->shows_untold) {
        return;
    }
    if (instance->group.size > 0) {
        const struct tide_value value = tide_value_decode(instance->group, &at);
        tide_bytes_append_view(&rig->steps, value.string);
        tide_bytes_append_byte(&rig->steps, ' ');
    }
    tide_bytes_append_format(&rig->steps,
                             "%s@%d ",
                             tide_alert_phase_name(step->to),
                             (int)((step->at.us - FIXTURE_START_US) / FIXTURE_MINUTE_US));
}

static void open_rig(struct rig *rig, const char *alert)
{
    *rig = (struct rig){.fixture = fixture_open(alert)};
    assert_true(tide_alert_watch_init(
        &rig->watch, rig->fixture->definitions, &rig->fixture->definitions->alerts[0]));
}

static void close_rig(struct rig *rig)
{
    tide_alert_watch_release(&rig->watch);
    tide_bytes_release(&rig->steps);
    fixture_close(rig->fixture);
}

/* One look with the closing clock there. Returns how many turns it took. */
static int look(struct rig *rig, int64_t minute)
{
    const struct tide_alert_teller teller = {tell, rig};
    const struct tide_instant closing = fixture_minute(minute);
    const struct tide_alert *alert = rig->watch.alert;
    struct tide_alert_turn turn;
    int turns = 0;
    while (tide_alert_plan(&rig->watch, closing, &turn)) {
        struct tide_result *results[2];
        turns++;
        assert_int_equal(
            fixture_ask(rig->fixture, alert->metric, turn.span, alert->where, results, NULL),
            TIDE_OK);
        assert_int_equal(tide_alert_judge(&rig->watch, &turn, results[0], results[1], teller),
                         TIDE_OK);
        tide_alert_results_destroy(results);
        if (turn.is_whole) {
            break;
        }
    }
    tide_alert_pass(&rig->watch, closing, teller);
    return turns;
}

static void expect(struct rig *rig, const char *steps)
{
    assert_string_equal(tide_bytes_terminated(&rig->steps), steps);
    tide_bytes_reset(&rig->steps);
}

static const struct tide_alert_instance *find(struct rig *rig, const char *group)
{
    struct tide_bytes key = {0};
    fixture_encode(group, &key);
    const struct tide_alert_instance *instance =
        tide_alert_book_find(rig->watch.book, tide_bytes_view(&key));
    tide_bytes_release(&key);
    return instance;
}

static void restart(struct rig *rig)
{
    /* What the file keeps: instances that are not ok, and the two marks. */
    struct tide_alert_watch old = rig->watch;
    assert_true(tide_alert_watch_init(&rig->watch, old.definitions, old.alert));
    rig->watch.judged_until = old.judged_until;
    rig->watch.seen_since = old.seen_since;
    for (uint32_t i = 0; i < tide_alert_book_count(old.book); i++) {
        const struct tide_alert_instance *from = tide_alert_book_at(old.book, i);
        if (from->state.phase != TIDE_ALERT_OK) {
            struct tide_alert_instance *to =
                tide_alert_book_add(rig->watch.book, from->group, true);
            const struct tide_view group = to->group;
            *to = *from;
            to->group = group;
        }
    }
    tide_alert_watch_release(&old);
}

/* ------- windows */

static void test_each_window_once(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value >= 5'}\n");
    fixture_events(rig.fixture, "hits", -3, "ios", 9);
    fixture_events(rig.fixture, "hits", 0, "ios", 5);
    fixture_events(rig.fixture, "hits", 0, "web", 4);
    assert_int_equal(look(&rig, 1), 1);
    expect(&rig, "ios firing@1 ");      /* the past before it is no news */
    assert_int_equal(look(&rig, 1), 0); /* nothing new is complete */
    fixture_events(rig.fixture, "hits", 1, "ios", 5);
    fixture_events(rig.fixture, "hits", 2, "ios", 1);
    assert_int_equal(look(&rig, 2), 1);
    expect(&rig, ""); /* it fires on */
    assert_int_equal(look(&rig, 3), 1);
    expect(&rig, "ios resolved@3 ");
    /* Late events make more of a window that was judged: nobody is told. */
    fixture_events(rig.fixture, "hits", 2, "ios", 100);
    fixture_events(rig.fixture, "hits", 2, "web", 100);
    assert_int_equal(look(&rig, 3), 0);
    assert_int_equal(look(&rig, 4), 1);
    expect(&rig, "");
    close_rig(&rig);
}

/* A window that is open is not looked at, however much is in it. */
static void test_open_window(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value >= 5'}\n");
    fixture_events(rig.fixture, "hits", 0, "ios", 1);
    fixture_events(rig.fixture, "hits", 1, "ios", 50);
    (void)look(&rig, 1);
    expect(&rig, "");
    (void)look(&rig, 2);
    expect(&rig, "ios firing@2 ");
    close_rig(&rig);
}

/* A funnel's window is complete when its timeout is over. */
static void test_timeout(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: way, of: unmatched, when: 'value >= 2'}\n");
    struct tide_cell_value *value = fixture_cell(rig.fixture, "way", 0, NULL);
    assert_true(tide_cell_value_open(rig.watch.metric, value));
    value->events = value->distinct = 2;
    (void)look(&rig, 10);
    expect(&rig, "");
    (void)look(&rig, 11);
    expect(&rig, "firing@11 ");
    close_rig(&rig);
}

/* Many windows at once give what one by one gives. */
static void test_jump(void **state)
{
    (void)state;
    static const int counts[] = {1, 6, 7, 2, 8, 8, 8, 1, 1, 6, 0, 7, 7, 7, 0};
    enum {
        COUNT = sizeof(counts) / sizeof(counts[0])
    };
    struct tide_bytes expected = {0};
    for (int step = 1; step <= COUNT; step++) {
        struct rig rig;
        open_rig(&rig, "  a: {metric: hits, when: 'value >= 5', for: 2m}\n");
        for (int i = 0; i < COUNT; i++) {
            if (counts[i] > 0) {
                fixture_events(rig.fixture, "hits", i, "ios", (uint64_t)counts[i]);
            }
        }
        (void)look(&rig, 1);
        for (int minute = 1 + step; minute < COUNT; minute += step) {
            (void)look(&rig, minute);
        }
        (void)look(&rig, COUNT);
        if (step == 1) {
            tide_bytes_append_view(&expected, tide_bytes_view(&rig.steps));
        }
        expect(&rig, tide_bytes_terminated(&expected));
        close_rig(&rig);
    }
    assert_string_equal(tide_bytes_terminated(&expected),
                        "ios pending@2 ios ok@4 ios pending@5 ios firing@7 ios resolved@8 "
                        "ios pending@10 ios ok@11 ios pending@12 ios firing@14 ios resolved@15 ");
    tide_bytes_release(&expected);
}

/* Beyond a bound only the newest windows count, and turns are short. */
static void test_gap(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value >= 5'}\n");
    fixture_events(rig.fixture, "hits", 0, "ios", 1);
    (void)look(&rig, 1);
    fixture_events(rig.fixture, "hits", 10, "ios", 9); /* too long ago when somebody looks */
    fixture_events(rig.fixture, "hits", 5000 - TIDE_ALERT_BEHIND_WINDOWS, "ios", 9);
    assert_int_equal(look(&rig, 5000), TIDE_ALERT_BEHIND_WINDOWS / TIDE_ALERT_TURN_WINDOWS);
    expect(&rig, "ios firing@4001 ios resolved@4002 ");
    assert_int_equal(rig.watch.windows_skipped, 4999 - TIDE_ALERT_BEHIND_WINDOWS);
    assert_int_equal(rig.watch.judged_until.us, fixture_minute(5000).us);
    close_rig(&rig);
}

/* Calendar windows, a day at a time. */
static void test_days(void **state)
{
    (void)state;
    enum {
        DAY = 24 * 60,
        MIDNIGHT = -10 * 60
    };
    struct rig rig;
    open_rig(&rig, "  a: {metric: daily, when: 'value > 2 * baseline', baseline: 2d}\n");
    for (int day = 0; day < 4; day++) {
        fixture_events(rig.fixture, "daily", MIDNIGHT + day * DAY, NULL, day == 3 ? 7 : 3);
    }
    (void)look(&rig, MIDNIGHT + 3 * DAY);
    expect(&rig, "");
    (void)look(&rig, MIDNIGHT + 4 * DAY - 1);
    expect(&rig, "");
    (void)look(&rig, MIDNIGHT + 4 * DAY);
    expect(&rig, "firing@5160 ");
    close_rig(&rig);
}

/* ------- baseline */

static void test_baseline(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value > 3 * baseline', baseline: 4m}\n");
    fixture_events(rig.fixture, "hits", 0, "web", 1); /* the metric is seen from here */
    fixture_events(rig.fixture, "hits", 3, "ios", 100);
    (void)look(&rig, 4);
    expect(&rig, ""); /* three minutes of four: not known */
    assert_false(find(&rig, "ios")->baseline.known);
    fixture_events(rig.fixture, "hits", 4, "ios", 75);
    (void)look(&rig, 5);
    expect(&rig, ""); /* (100 + 0 + 0 + 0) / 4 = 25: not more than three times */
    assert_true(find(&rig, "ios")->baseline.known);
    assert_int_equal((int)find(&rig, "ios")->baseline.number, 25);
    fixture_events(rig.fixture, "hits", 5, "ios", 132); /* (100 + 75) / 4 = 43.75 */
    (void)look(&rig, 6);
    expect(&rig, "ios firing@6 ");
    /* A new group has a baseline of 0: the metric was there, it was not. */
    fixture_events(rig.fixture, "hits", 6, "new", 1);
    (void)look(&rig, 7);
    expect(&rig, "ios resolved@7 new firing@7 ");
    assert_int_equal((int)find(&rig, "new")->baseline.number, 0);
    close_rig(&rig);
}

/* The windows of a sliding baseline end where the window that is looked at begins. */
static void test_sliding(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: slid, when: 'value >= 2 * baseline', baseline: 4m}\n");
    for (int start = -10; start <= 7; start++) { /* of windows of three minutes */
        fixture_events(rig.fixture, "slid", start, NULL, start <= 3 ? 10 : 20);
    }
    (void)look(&rig, 6); /* the newest that ends by then is 3..6; before it -1..2 and 0..3 */
    expect(&rig, "");
    assert_int_equal((int)find(&rig, NULL)->value.number, 10);
    assert_int_equal((int)find(&rig, NULL)->baseline.number, 10);
    (void)look(&rig, 7); /* 4..7; before it 0..3 and 1..4 */
    expect(&rig, "firing@7 ");
    (void)look(&rig, 10); /* 7..10; before it 3..6 and 4..7: 15 */
    expect(&rig, "resolved@10 ");
    assert_int_equal((int)find(&rig, NULL)->baseline.number, 15);
    close_rig(&rig);
}

static void test_ratio(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: part, when: 'value >= 0.5', at_least: 100}\n");
    fixture_events(rig.fixture, "hits", 0, "ios", 60);
    fixture_events(rig.fixture, "hits", 0, "web", 10);
    fixture_events(rig.fixture, "all", 0, NULL, 70);
    fixture_events(rig.fixture, "hits", 1, "ios", 2);
    fixture_events(rig.fixture, "all", 1, NULL, 3);
    (void)look(&rig, 1);
    expect(&rig, "ios firing@1 ");
    (void)look(&rig, 2);
    expect(&rig, "ios resolved@2 "); /* the ratio holds, but of five events */
    close_rig(&rig);
}

/* Of two metrics of which the lower has longer windows: a row begins where that one does. */
static void test_ratio_of_lengths(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: share, when: 'value > 2 * baseline', baseline: 4m}\n");
    for (int start = -10; start <= 8; start++) {
        fixture_events(rig.fixture, "all", start, NULL, start == 8 ? 9 : 1);
        fixture_events(rig.fixture, "slid", start - 2, NULL, start == -10 ? 1 : 3);
    }
    (void)look(&rig, -6); /* seen for four minutes, from the first event on, not from its window */
    assert_false(find(&rig, NULL)->baseline.known);
    (void)look(&rig, -5);
    assert_true(find(&rig, NULL)->baseline.known);
    assert_int_equal((int)(find(&rig, NULL)->baseline.number * 100 + 0.5), 50); /* 1, 1/3.. */
    (void)look(&rig, 8);
    expect(&rig, "");
    assert_int_equal((int)(find(&rig, NULL)->baseline.number * 100 + 0.5), 33);
    (void)look(&rig, 9);
    expect(&rig, "firing@9 ");
    close_rig(&rig);
}

/* What is seen of the metric counts, not what passes the alert's own condition. */
static void test_where(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig,
             "  a: {metric: hits, where: 'os == \"ios\"', when: 'value > 3 * baseline', "
             "baseline: 4m}\n");
    fixture_events(rig.fixture, "hits", 0, "web", 1);
    (void)look(&rig, 4);
    fixture_events(rig.fixture, "hits", 4, "web", 1000);
    fixture_events(rig.fixture, "hits", 4, "ios", 1);
    (void)look(&rig, 5);
    expect(&rig, "ios firing@5 ");
    assert_null(find(&rig, "web"));
    close_rig(&rig);
}

/* ------- groups without events */

static void test_drop_to_nothing(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value < 0.5 * baseline', baseline: 4m, for: 1m}\n");
    for (int minute = 0; minute < 5; minute++) {
        fixture_events(rig.fixture, "hits", minute, "ios", 10);
    }
    (void)look(&rig, 5);
    (void)look(&rig, 6);
    (void)look(&rig, 7);
    expect(&rig, "ios pending@6 ios firing@7 ");
    (void)look(&rig, 20);
    expect(&rig, "ios resolved@10 "); /* no baseline of it is left: 0 is not less than 0 */
    close_rig(&rig);
}

/* An ungrouped metric is one instance, also before and after its events. */
static void test_whole_metric(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: all, when: 'value < 3'}\n");
    (void)look(&rig, 1);
    expect(&rig, ""); /* never seen: not too few */
    fixture_events(rig.fixture, "all", 1, NULL, 5);
    (void)look(&rig, 2);
    (void)look(&rig, 3);
    expect(&rig, "firing@3 ");
    (void)look(&rig, 4000);
    expect(&rig, ""); /* it is not forgotten */
    fixture_events(rig.fixture, "all", 4000, NULL, 5);
    (void)look(&rig, 4001);
    expect(&rig, "resolved@4001 ");
    close_rig(&rig);
}

/* A mean of nothing is not known: no alert, and the end of one. */
static void test_unknown_value(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: spent, when: 'not value > 3'}\n");
    struct tide_cell_value *value = fixture_cell(rig.fixture, "spent", 0, NULL);
    value->events = value->count = 2;
    value->sum = 2 * TIDE_DECIMAL_SCALE;
    (void)look(&rig, 1);
    expect(&rig, "firing@1 ");
    (void)look(&rig, 2);
    expect(&rig, "resolved@2 ");
    close_rig(&rig);
}

/* A version that nobody uses any more does not fire for ever. */
static void test_forgotten(void **state)
{
    (void)state;
    enum {
        DAY = 24 * 60
    };
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value < 5'}\n");
    rig.shows_untold = true;
    fixture_events(rig.fixture, "hits", 0, "old", 9);
    fixture_events(rig.fixture, "hits", 0, "new", 9);
    (void)look(&rig, 1);
    fixture_events(rig.fixture, "hits", 1, "new", 9);
    (void)look(&rig, 2);
    expect(&rig, "old firing@2 ");
    for (int minute = 2; minute < DAY + 5; minute++) {
        fixture_events(rig.fixture, "hits", minute, "new", 9);
        (void)look(&rig, minute + 1);
    }
    expect(&rig, "old resolved@1442 old ok@1443 "); /* a day after its last window ended */
    assert_null(find(&rig, "old"));
    assert_non_null(find(&rig, "new"));
    close_rig(&rig);
}

static void test_too_many_groups(void **state)
{
    (void)state;
    static char names[TIDE_ALERT_INSTANCES_MAX + 5][8];
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, when: 'value >= 2'}\n");
    for (int i = 0; i < TIDE_ALERT_INSTANCES_MAX + 5; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%d", i);
        fixture_events(rig.fixture, "hits", 0, names[i], i < TIDE_ALERT_INSTANCES_MAX ? 1 : 2);
    }
    (void)look(&rig, 1);
    assert_int_equal(tide_alert_book_count(rig.watch.book), TIDE_ALERT_INSTANCES_MAX);
    assert_non_null(strstr(tide_bytes_terminated(&rig.steps), "10004 firing@1 "));
    assert_non_null(find(&rig, "10000"));                    /* those that fire have a place */
    assert_int_equal(rig.watch.groups_beyond, 5);            /* the last five, which are ok */
    for (int i = 0; i < TIDE_ALERT_INSTANCES_MAX - 5; i++) { /* all of them fire now */
        rig.fixture->cells[i].value.count = 2;
        rig.fixture->cells[i].start_us = fixture_minute(1).us;
    }
    for (int i = TIDE_ALERT_INSTANCES_MAX - 5; i < TIDE_ALERT_INSTANCES_MAX + 5; i++) {
        fixture_events(rig.fixture, "hits", 1, names[i], 2);
    }
    (void)look(&rig, 2);
    assert_int_equal(tide_alert_book_count(rig.watch.book), TIDE_ALERT_INSTANCES_MAX);
    assert_int_equal(rig.watch.groups_beyond, 10);
    close_rig(&rig);
}

/* ------- restarts */

/* At every point of a long script a restart changes nothing that is told. */
static void test_restarts(void **state)
{
    (void)state;
    static const int counts[] = {1, 6, 7, 2, 8, 8, 8, 1, 1, 6, 0, 7, 7, 7, 0, 0, 9, 9, 9, 9};
    enum {
        COUNT = sizeof(counts) / sizeof(counts[0])
    };
    static const char *const alerts[] = {
        "  a: {metric: hits, when: 'value >= 5', for: 2m}\n",
        "  a: {metric: hits, when: 'value > 2 * baseline', baseline: 3m}\n",
        "  a: {metric: hits, when: 'value < 5'}\n",
        "  a: {metric: all, absent: 1m}\n",
    };
    for (size_t n = 0; n < sizeof(alerts) / sizeof(alerts[0]); n++) {
        struct tide_bytes expected = {0};
        for (int at = 0; at <= COUNT; at++) { /* 0: never */
            struct rig rig;
            open_rig(&rig, alerts[n]);
            for (int i = 0; i < COUNT; i++) {
                if (counts[i] > 0) {
                    fixture_events(rig.fixture, "hits", i, "ios", (uint64_t)counts[i]);
                    fixture_events(rig.fixture, "all", i, NULL, (uint64_t)counts[i]);
                }
            }
            const uint32_t cell_count = rig.fixture->cell_count;
            for (int minute = 1; minute <= COUNT; minute++) {
                /* an absence looks at windows that are open: they come with their time */
                rig.fixture->cell_count = 0;
                while (rig.fixture->cell_count < cell_count &&
                       rig.fixture->cells[rig.fixture->cell_count].start_us <
                           fixture_minute(minute).us) {
                    rig.fixture->cell_count++;
                }
                (void)look(&rig, minute);
                if (minute == at) {
                    restart(&rig);
                }
            }
            rig.fixture->cell_count = cell_count;
            if (at == 0) {
                tide_bytes_append_view(&expected, tide_bytes_view(&rig.steps));
                assert_true(expected.size > 0);
            }
            expect(&rig, tide_bytes_terminated(&expected));
            close_rig(&rig);
        }
        tide_bytes_release(&expected);
    }
}

/* ------- absence */

static void test_absent(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  a: {metric: hits, absent: 10m, for: 2m}\n");
    (void)look(&rig, 100);
    expect(&rig, ""); /* never seen */
    assert_int_equal(tide_alert_book_count(rig.watch.book), 0);
    fixture_events(rig.fixture, "hits", 100, "ios", 1);
    (void)look(&rig, 100); /* the window is open still, and yet there is life */
    (void)look(&rig, 110);
    expect(&rig, "");
    (void)look(&rig, 111); /* ten minutes after the end of its window */
    expect(&rig, "pending@111 ");
    (void)look(&rig, 114);
    expect(&rig, "firing@113 ");
    fixture_events(rig.fixture, "hits", 90, "ios", 1); /* late: no sign of life now */
    fixture_events(rig.fixture, "hits", 90, "zzz", 1);
    (void)look(&rig, 115);
    expect(&rig, "");
    fixture_events(rig.fixture, "hits", 116, "web", 1);
    (void)look(&rig, 116);
    expect(&rig, "resolved@116 ");
    (void)look(&rig, 116);
    (void)look(&rig, 117);
    expect(&rig, "");
    assert_int_equal(find(&rig, NULL)->state.phase, TIDE_ALERT_OK);
    (void)look(&rig, 300);
    expect(&rig, "pending@127 firing@129 "); /* when it was, not when somebody looked */
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_window_once),
        cmocka_unit_test(test_open_window),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_jump),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_sliding),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_ratio_of_lengths),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_drop_to_nothing),
        cmocka_unit_test(test_whole_metric),
        cmocka_unit_test(test_unknown_value),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_too_many_groups),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
