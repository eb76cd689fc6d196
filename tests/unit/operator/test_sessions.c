/* Goal: sessions are what a sort of each entity's events by (time, group), cut at gaps of the
 * timeout, gives, in every order and cut of the stream; each belongs to the window and group of its
 * first event. Method: random streams full of ties against that model; the bridging event by hand;
 * cells that no longer sum up must stop the process. */
#include "operator/operator_internal.h"
#include "unit/operator/harm.h"
#include "unit/operator/model.h"

enum {
    ROWS = 700,
    SESSIONS_MAX = ROWS
};

static const char *const metrics[] = {
    "{sessions: {per: user_id, timeout: 30m}, every: 1d}",
    "{sessions: {per: user_id, timeout: 30m}, every: 1h, by: [a]}",
    "{sessions: {per: user_id, timeout: 10m}, every: 10m, by: [b, n], where: n > 0}",
    "{sessions: {per: user_id, timeout: 20m}, every: 1d, by: [a, b], timezone: America/New_York}",
    "{sessions: {per: user_id, timeout: 3h}, every: 1h, by: [x]}",
};

struct session {
    struct tide_window window;
    uint32_t row; /* its first event */
    int64_t duration_us;
    uint64_t events;
};

/* ------- the model */

static const struct stream *sorted_stream;
static const struct tide_metric *sorted_metric;

static int compare_rows(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    const int64_t a_us = sorted_stream->times[a].us;
    const int64_t b_us = sorted_stream->times[b].us;
    if (a_us != b_us) {
        return a_us < b_us ? -1 : 1;
    }
    return model_compare_groups(sorted_stream, sorted_metric, a, b);
}

static uint32_t find_sessions(const struct stream *stream,
                              const struct tide_metric *metric,
                              struct session *sessions)
{
    static uint32_t rows[ROWS];
    const struct model model = {stream, metric, NULL, NULL};
    uint32_t count = 0;
    sorted_stream = stream;
    sorted_metric = metric;
    for (uint32_t entity = 0; entity < STREAM_ENTITIES; entity++) {
        uint32_t row_count = 0;
        for (uint32_t row = 0; row < stream->row_count; row++) {
            if (stream->entities[row] == entity && model_keeps_positive(&model, row)) {
                rows[row_count++] = row;
            }
        }
        qsort(rows, row_count, sizeof(*rows), compare_rows);
        for (uint32_t i = 0; i < row_count; i++) {
            const int64_t t = stream->times[rows[i]].us;
            if (i == 0 || t - stream->times[rows[i - 1]].us >= metric->sessions.timeout.us) {
                sessions[count++] = (struct session){
                    tide_window_of(metric->every, stream->times[rows[i]]), rows[i], 0, 0};
            }
            sessions[count - 1].duration_us = t - stream->times[sessions[count - 1].row].us;
            sessions[count - 1].events++;
        }
    }
    return count;
}

static int compare_numbers(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void check_median(const struct tide_metric *metric,
                         const struct tide_cell_value *value,
                         int64_t *durations,
                         uint64_t count)
{
    double median = 0;
    qsort(durations, count, sizeof(*durations), compare_numbers);
    const double exact = (double)durations[(count - 1) / 2];
    assert_true(tide_cell_value_rank(metric, value, 0, &median));
    assert_true(median == exact || (median > exact * 0.99 && median < exact * 1.01));
}

/* The sessions of one cell; returns how many. */
static uint64_t check_cell(const struct stream *stream,
                           const struct tide_metric *metric,
                           const struct session *sessions,
                           uint32_t session_count,
                           const struct tide_cell *cell)
{
    static int64_t durations[SESSIONS_MAX];
    uint64_t count = 0;
    uint64_t events = 0;
    uint64_t bounced = 0;
    tide_i128 sum = 0;
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *session = &sessions[i];
        if (session->window.start.us == cell->window.start.us &&
            model_is_of_group(stream, metric, session->row, cell->group)) {
            assert_true(session->window.end.us == cell->window.end.us);
            durations[count++] = session->duration_us;
            events += session->events;
            bounced += session->events == 1;
            sum += session->duration_us;
        }
    }
    assert_true(count > 0);
    assert_int_equal(cell->value->count, count);
    assert_int_equal(cell->value->events, events);
    assert_int_equal(cell->value->distinct, bounced);
    assert_true(cell->value->sum == sum);
    check_median(metric, cell->value, durations, count);
    return count;
}

static void check_table(const struct stream *stream,
                        const struct tide_metric *metric,
                        const struct tide_cell_table *table)
{
    static struct session sessions[SESSIONS_MAX];
    const uint32_t session_count = find_sessions(stream, metric, sessions);
    uint64_t booked = 0;
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        booked += check_cell(stream, metric, sessions, session_count, &cell);
    }
    assert_int_equal(booked, session_count);
}

static void run(const char *text, int64_t (*time)(uint64_t *seed), uint64_t seed)
{
    enum {
        ORDERS = 6
    };
    static uint32_t rows[ROWS];
    struct room room;
    struct stream stream = {0};
    room_open(&room, text);
    stream_create(&stream, room.definitions->schema, ROWS, time, &seed);
    for (uint32_t order = 0; order < ORDERS; order++) {
        struct tide_operator *operator=
            room_operator(&room, room.metric, tide_operator_limits_default());
        stream_order(rows, ROWS, order == 0, &seed);
        stream_feed(&stream, rows, ROWS, operator, order % 2 == 0 ? ROWS : 2, &seed);
        const struct tide_instant unknown = TIDE_INSTANT_UNKNOWN;
        struct tide_cell_table *table = room_table(&room, room.metric, operator, unknown);
        tide_cell_table_finish(table);
        check_table(&stream, room.metric, table);
        assert_in_range(tide_operator_facts(operator).key_count, 1, STREAM_ENTITIES);
        tide_cell_table_destroy(table);
        tide_operator_destroy(operator);
    }
    stream_destroy(&stream);
    room_close(&room);
}

static void test_against_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            run(metrics[i], stream_time_gaps, seed);
        }
        run(metrics[i], stream_time_days, 9);
    }
}

/* ------- by hand */

/* Events of entity 3 at those minutes, in that order. */
static void feed_minutes(const struct room *room,
                         struct tide_operator *
                         operator,
                         const int64_t * minutes,
                         const char *const *groups,
                         uint32_t count)
{
    uint64_t seed = 1;
    uint32_t rows[8];
    struct stream stream = {0};
    stream_create(&stream, room->definitions->schema, count, stream_time_hours, &seed);
    for (uint32_t row = 0; row < count; row++) {
        stream.times[row].us = minutes[row] * INT64_C(60000000);
        stream.entities[row] = 3;
        fixture_set_text(stream.batch, row, "a", tide_view_of(groups[row]));
    }
    stream_order(rows, count, true, &seed);
    stream_feed(&stream, rows, count, operator, 1, &seed);
    stream_destroy(&stream);
}

/* A(0) C(40) are two sessions of a bounce each, seen by everybody; B(20) makes them one, in the
 * window and group of the first. */
static void test_trap_12_bridging_event(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, "{sessions: {per: user_id, timeout: 25m}, every: 10m, by: [a]}");
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    feed_minutes(&room, operator,(const int64_t[]){0, 40}, (const char *const[]){"A", "C"}, 2);
    assert_string_equal(
        room_lines(&room, operator, & text),
        "{\"metric\": \"m\", \"start\": \"1970-01-01T00:00:00Z\", \"end\": "
        "\"1970-01-01T00:10:00Z\", "
        "\"group\": {\"a\": \"A\"}, \"sessions\": 1, \"events\": 1, \"bounced\": 1, "
        "\"mean_duration\": 0, \"median_duration\": 0}\n"
        "{\"metric\": \"m\", \"start\": \"1970-01-01T00:40:00Z\", \"end\": "
        "\"1970-01-01T00:50:00Z\", "
        "\"group\": {\"a\": \"C\"}, \"sessions\": 1, \"events\": 1, \"bounced\": 1, "
        "\"mean_duration\": 0, \"median_duration\": 0}\n");
    feed_minutes(&room, operator,(const int64_t[]){20}, (const char *const[]){"B"}, 1);
    const char *lines = room_lines(&room, operator, & text);
    assert_non_null(strstr(lines,
                           "\"group\": {\"a\": \"A\"}, \"sessions\": 1, \"events\": 3, "
                           "\"bounced\": 0, \"mean_duration\": 2400, \"median_duration\": "));
    assert_null(strstr(lines, "\"C\"")); /* nothing is left of it */
    assert_null(strstr(lines, "\"B\""));
    tide_operator_destroy(operator);
    tide_bytes_release(&text);
    room_close(&room);
}

/* A gap of exactly the timeout starts a new session; a microsecond less does not. */
static void test_timeout_is_a_new_session(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct tide_bytes text = {0};
    const uint32_t rows[] = {0, 1, 2};
    room_open(&room, "{sessions: {per: user_id, timeout: 1m}, every: 1d}");
    stream_create(&stream, room.definitions->schema, 3, stream_time_hours, &seed);
    const int64_t times[] = {0, 60000000, 119999999};
    for (uint32_t row = 0; row < 3; row++) {
        stream.times[row].us = times[row];
        stream.entities[row] = 0;
    }
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    stream_feed(&stream, rows, 3, operator, 1, &seed);
    assert_non_null(strstr(room_lines(&room, operator, & text),
                           "\"sessions\": 2, \"events\": 3, \"bounced\": 1, \"mean_duration\": "
                           "29.9999995,"));
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    tide_bytes_release(&text);
    room_close(&room);
}

/* Cells beyond the budget: the sessions in them are in (other) together, and move as they grow. */
static void test_sessions_beyond_the_budget(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, "{sessions: {per: user_id, timeout: 25m}, every: 1d, by: [a]}");
    const struct tide_operator_limits limits = {.cells_max = 1, .key_events_max = 512};
    struct tide_operator *operator= room_operator(&room, room.metric, limits);
    const int64_t minutes[] = {100, 200, 300, 80, 320, 220};
    const char *const groups[] = {"A", "C", "B", "D", "A", "C"};
    feed_minutes(&room, operator, minutes, groups, 6);
    assert_string_equal(
        room_lines(&room, operator, & text),
        "{\"metric\": \"m\", \"start\": \"1970-01-01T00:00:00Z\", \"end\": "
        "\"1970-01-02T00:00:00Z\", "
        "\"group\": {\"a\": \"(other)\"}, \"sessions\": 3, \"events\": 6, \"bounced\": 0, "
        "\"mean_duration\": 1200, \"median_duration\": 1204.1955777280612}\n");
    assert_int_equal(tide_operator_facts(operator).folded_events, 6);
    tide_operator_destroy(operator);
    tide_bytes_release(&text);
    room_close(&room);
}

/* ------- cells sum up to the intervals */

static void visit_after(harm_cell harm)
{
    struct room room;
    struct tide_bytes text = {0};
    room_open(&room, "{sessions: {per: user_id, timeout: 25m}, every: 1d, by: [a]}");
    struct tide_operator *operator=
        room_operator(&room, room.metric, tide_operator_limits_default());
    const int64_t minutes[] = {100, 200, 210};
    const char *const groups[] = {"A", "C", "B"};
    feed_minutes(&room, operator, minutes, groups, 3);
    harm(&operator->map.records[0].value);
    (void)room_lines(&room, operator, & text);
    tide_operator_destroy(operator);
    tide_bytes_release(&text);
    room_close(&room);
}

static void harm_count(struct tide_cell_value *value)
{
    value->count++;
}

static void harm_events(struct tide_cell_value *value)
{
    value->events++;
}

static void harm_bounced(struct tide_cell_value *value)
{
    value->distinct += 2;
}

static void test_sums_are_asserted(void **state)
{
    (void)state;
    assert_int_equal(harm_signal(visit_after, harm_nothing), 0);
    assert_int_equal(harm_signal(visit_after, harm_count), SIGABRT);
    assert_int_equal(harm_signal(visit_after, harm_events), SIGABRT);
    assert_int_equal(harm_signal(visit_after, harm_bounced), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_trap_12_bridging_event),
        cmocka_unit_test(test_timeout_is_a_new_session),
        cmocka_unit_test(test_sessions_beyond_the_budget),
        cmocka_unit_test(test_sums_are_asserted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
