/* Goal: a funnel's cells are those of its definition (sort each key's events, cut, walk through
 * each run), for every order of arrival and at every closing clock; entered >= reached 2 >= ..
 * always. Method: every sequence of up to five events over three steps and four gaps, and random
 * streams with groups and ties, against a plain model; the traps and the limits by hand. */
#include "operator/funnel.h"
#include "unit/operator/funnel_model.h"
#include "unit/operator/harm.h"

enum {
    ROWS = 500,
    MINUTE_US = 60000000
};

#define STEPS "steps: [{i: 'kind == \"I\"'}, {s: 'kind == \"S\"'}, {e: 'kind == \"E\"'}]"
#define FUNNEL(per, rest) "{funnel: {per: [" per "], timeout: 30m, " STEPS "}, " rest "}"

static struct funnel_model model; /* too large for a stack */

static void check(
    const struct room *room, struct tide_operator *operator, struct tide_instant closing)
{
    struct tide_cell_table *table = room_table(room, room->metric, operator, closing);
    tide_cell_table_finish(table);
    funnel_model_check(&model, table, closing);
    tide_cell_table_destroy(table);
}

/* ------- random streams */

/* i: I or S, s: S or E, e: b is true; of several the earliest. */
static uint32_t step_of_many(const struct stream *stream, uint32_t row)
{
    const uint32_t kind = funnel_step_of_kind(stream, row);
    const struct tide_vector *b = fixture_column(stream->batch, "b");
    if (kind == 0 || kind == 1) {
        return 0;
    }
    return kind == 2 ? 1 : b->present[row] != 0 && b->numbers[row] == 1 ? 2 : FUNNEL_NO_STEP;
}

static uint32_t step_of_two(const struct stream *stream, uint32_t row)
{
    const uint32_t kind = funnel_step_of_kind(stream, row);
    return kind == 0 ? 0 : kind == 2 ? 1 : FUNNEL_NO_STEP;
}

static uint32_t step_of_one(const struct stream *stream, uint32_t row)
{
    return funnel_step_of_kind(stream, row) == 1 ? 0 : FUNNEL_NO_STEP;
}

static const struct {
    const char *metric;
    uint32_t (*step_of)(const struct stream *stream, uint32_t row);
} funnels[] = {
    {FUNNEL("user_id", "every: 1d"), funnel_step_of_kind},
    {FUNNEL("user_id", "every: 10m, by: [a]"), funnel_step_of_kind},
    {FUNNEL("user_id, a", "every: 1h, by: [b, n]"), funnel_step_of_kind},
    {FUNNEL("a, user_id, b", "every: 1d, timezone: America/New_York"), funnel_step_of_kind},
    {"{funnel: {per: [user_id], timeout: 20m, steps: [{i: 'kind in [\"I\", \"S\"]'}, "
     "{s: 'kind in [\"S\", \"E\"]'}, {e: b}]}, every: 1h, by: [x]}",
     step_of_many},
    {"{funnel: {per: [user_id], timeout: 1h, steps: [{i: 'kind == \"I\"'}, {e: 'kind == \"E\"'}]}, "
     "every: 1d, by: [a]}",
     step_of_two},
    {"{funnel: {per: [user_id], timeout: 10m, steps: [{s: 'kind == \"S\"'}]}, every: 10m}",
     step_of_one},
};

static void run(size_t index, uint64_t seed)
{
    enum {
        ORDERS = 4
    };
    static uint32_t rows[ROWS];
    struct room room;
    struct stream stream = {0};
    room_open(&room, funnels[index].metric);
    stream_create(&stream, room.definitions->schema, ROWS, stream_time_gaps, &seed);
    model.stream = &stream;
    model.metric = room.metric;
    model.step_of = funnels[index].step_of;
    for (uint32_t order = 0; order < ORDERS; order++) {
        struct tide_operator *operator=
            room_operator(&room, room.metric, tide_operator_limits_default());
        stream_order(rows, ROWS, order == 0, &seed);
        for (uint32_t fed = 0; fed < ROWS; fed += ROWS / 5) { /* somebody asks in between */
            stream_feed(&stream, rows + fed, ROWS / 5, operator, order % 2 == 0 ? ROWS : 2, &seed);
            funnel_model_make(&model, rows, fed + ROWS / 5);
            check(&room, operator, TIDE_INSTANT_UNKNOWN);
            check(&room, operator, stream.times[fixture_below(&seed, ROWS)]);
        }
        check(&room, operator,(struct tide_instant){0});
        check(&room, operator,(struct tide_instant){INT64_MAX / 4});
        assert_int_equal(tide_operator_facts(operator).pending_keys, 0);
        tide_operator_destroy(operator);
    }
    stream_destroy(&stream);
    room_close(&room);
}

static void test_against_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(funnels) / sizeof(*funnels); i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            run(i, seed);
        }
    }
}

/* ------- every short sequence */

enum {
    SHORT_MAX = 5,
    GAPS = 4
};

static const int64_t gaps_us[GAPS] = {
    0, INT64_C(30) * MINUTE_US - 1, INT64_C(30) * MINUTE_US, INT64_C(30) * MINUTE_US + 1};

static void set_event(struct stream *stream, uint32_t row, int64_t time_us, uint32_t step)
{
    static const char *const kinds[] = {"I", "S", "E"};
    stream->times[row].us = time_us;
    stream->entities[row] = 0;
    fixture_set_text(stream->batch, row, "user_id", TIDE_VIEW("u0"));
    fixture_set_text(stream->batch, row, "kind", tide_view_of(kinds[step]));
}

static void check_sequence(const struct room *room,
                           const struct stream *stream,
                           uint32_t length,
                           uint64_t *seed)
{
    enum {
        ORDERS = 3 /* as they are, and two others */
    };
    uint32_t rows[SHORT_MAX];
    const struct tide_instant last = stream->times[length - 1];
    const struct tide_instant closing = {last.us + gaps_us[1 + fixture_below(seed, GAPS - 1)]};
    for (uint32_t order = 0; order < ORDERS; order++) {
        struct tide_operator *operator=
            room_operator(room, room->metric, tide_operator_limits_default());
        stream_order(rows, length, order == 0, seed);
        if (order == 0) {
            funnel_model_make(&model, rows, length);
        }
        stream_feed(stream, rows, length, operator, 1 + order, seed);
        check(room, operator, order == 0 ? last : closing);
        tide_operator_destroy(operator);
    }
}

static void test_every_short_sequence(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    uint32_t sequences = 0;
    room_open(&room, FUNNEL("user_id", "every: 365d"));
    stream_create(&stream, room.definitions->schema, SHORT_MAX, stream_time_hours, &seed);
    model.stream = &stream;
    model.metric = room.metric;
    model.step_of = funnel_step_of_kind;
    const uint32_t length_max = TIDE_TEST_SANITIZED ? SHORT_MAX - 1 : SHORT_MAX;
    for (uint32_t length = 1; length <= length_max; length++) {
        uint32_t count = 3;
        for (uint32_t i = 1; i < length; i++) {
            count *= 3 * GAPS;
        }
        for (uint32_t sequence = 0; sequence < count; sequence++, sequences++) {
            uint32_t rest = sequence / 3;
            int64_t time_us = INT64_C(86400000000);
            set_event(&stream, 0, time_us, sequence % 3);
            for (uint32_t i = 1; i < length; i++) {
                time_us += gaps_us[rest % GAPS];
                set_event(&stream, i, time_us, rest / GAPS % 3);
                rest /= 3 * GAPS;
            }
            check_sequence(&room, &stream, length, &seed);
        }
    }
    assert_int_equal(sequences, length_max == 5 ? 67863 : 5655);
    stream_destroy(&stream);
    room_close(&room);
}

/* ------- the traps, by hand */

struct hand {
    struct room room;
    struct stream stream;
    struct tide_operator *operator;
    struct tide_bytes text;
    uint64_t seed;
};

static void hand_open(struct hand *hand, const char *metric, struct tide_operator_limits limits)
{
    *hand = (struct hand){.seed = 1};
    room_open(&hand->room, metric);
    stream_create(&hand->stream, hand->room.definitions->schema, 1, stream_time_hours, &hand->seed);
    hand->operator= room_operator(&hand->room, hand->room.metric, limits);
}

static void hand_close(struct hand *hand)
{
    tide_operator_destroy(hand->operator);
    stream_destroy(&hand->stream);
    tide_bytes_release(&hand->text);
    room_close(&hand->room);
}

/* One event: its minute, its step from 1, its a. */
static void hand_feed(struct hand *hand, int64_t minute, uint32_t step, const char *a)
{
    const uint32_t row = 0;
    set_event(&hand->stream, row, minute * MINUTE_US, step - 1);
    fixture_set_text(hand->stream.batch, row, "a", tide_view_of(a));
    stream_feed(&hand->stream, &row, 1, hand->operator, 1, &hand->seed);
}

/* The lines behind the group, by a closing clock. */
static const char *hand_lines(struct hand *hand, int64_t closing_minute)
{
    const struct tide_instant closing = {closing_minute * MINUTE_US};
    return room_print(&hand->room,
                      hand->room.metric,
                      room_table(&hand->room, hand->room.metric, hand->operator, closing),
                      &hand->text);
}

static void assert_has(const char *lines, const char *piece)
{
    if (strstr(lines, piece) == NULL) {
        fail_msg("'%s' is not in: %s", piece, lines);
    }
}

static void test_trap_15_late_completion(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id", "every: 1d"), tide_operator_limits_default());
    hand_feed(&hand, 0, 1, "x");
    hand_feed(&hand, 10, 2, "x");
    assert_has(hand_lines(&hand, 39), "\"entered\": 1, \"completed\": 0, \"open\": 1, ");
    const char *lines = hand_lines(&hand, 40); /* timed out */
    assert_has(lines, "\"entered\": 1, \"completed\": 0, \"open\": 0, \"unmatched\": 0, ");
    assert_has(lines, "{\"name\": \"s\", \"reached\": 1, \"entities\": 1, \"abandoned\": 1}");
    hand_feed(&hand, 39, 3, "x"); /* only late */
    lines = hand_lines(&hand, 100);
    assert_has(lines, "\"entered\": 1, \"completed\": 1, \"open\": 0, \"unmatched\": 0, ");
    assert_has(lines, "{\"name\": \"s\", \"reached\": 1, \"entities\": 1, \"abandoned\": 0}");
    assert_has(lines, "\"mean_time\": 2340, ");
    hand_close(&hand);
}

/* All 120 orders of five events, with cuts and groups among them, give the same lines. */
static void test_trap_16_arrival_order(void **state)
{
    static const struct {
        int64_t minute;
        uint32_t step;
        const char *a;
    } events[SHORT_MAX] = {{0, 1, "x"}, {25, 2, "y"}, {54, 3, "z"}, {55, 1, "x"}, {85, 2, "y"}};
    (void)state;
    char expected[4096] = "";
    for (uint32_t permutation = 0; permutation < 120; permutation++) {
        struct hand hand;
        uint32_t left[SHORT_MAX] = {0, 1, 2, 3, 4};
        uint32_t rest = permutation;
        hand_open(&hand, FUNNEL("user_id", "every: 10m, by: [a]"), tide_operator_limits_default());
        for (uint32_t count = SHORT_MAX; count > 0; count--) {
            const uint32_t at = rest % count;
            rest /= count;
            const uint32_t event = left[at];
            left[at] = left[count - 1];
            hand_feed(&hand, events[event].minute, events[event].step, events[event].a);
            (void)hand_lines(&hand, permutation % 2 == 0 ? 0 : 1000);
        }
        const char *lines = hand_lines(&hand, 1000);
        if (permutation == 0) {
            (void)snprintf(expected, sizeof(expected), "%s", lines);
            assert_has(lines, "\"group\": {\"a\": \"x\"}, \"entered\": 1, \"completed\": 1, ");
            assert_has(lines, "\"group\": {\"a\": \"y\"}, \"entered\": 0, \"completed\": 0, ");
        }
        assert_string_equal(lines, expected);
        hand_close(&hand);
    }
}

/* Steps at one instant are in the order of the steps; one event fills one step, the earliest. */
static void test_trap_17_steps_at_one_instant(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id", "every: 1d"), tide_operator_limits_default());
    hand_feed(&hand, 5, 3, "x");
    hand_feed(&hand, 5, 2, "x");
    hand_feed(&hand, 5, 1, "x");
    assert_has(hand_lines(&hand, 0), "\"entered\": 1, \"completed\": 1, ");
    assert_has(hand_lines(&hand, 0), "\"mean_time\": 0, \"median_time\": 0}");
    hand_close(&hand);

    hand_open(&hand,
              "{funnel: {per: [user_id], timeout: 30m, steps: [{i: 'kind == \"I\"'}, "
              "{s: 'kind in [\"I\", \"S\"]'}]}, every: 1d}",
              tide_operator_limits_default());
    hand_feed(&hand, 5, 1, "x");
    hand_feed(&hand, 5, 1, "x");
    assert_has(hand_lines(&hand, 0), "\"entered\": 1, \"completed\": 0, \"open\": 1, ");
    hand_feed(&hand, 5, 2, "x");
    assert_has(hand_lines(&hand, 0), "\"entered\": 1, \"completed\": 1, \"open\": 0, ");
    hand_close(&hand);
}

/* More events of step 2 than of step 1, by one entity and by another. */
static void test_trap_18_steps_do_not_grow(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id, a", "every: 1d"), tide_operator_limits_default());
    for (int64_t minute = 0; minute < 50; minute += 10) {
        hand_feed(&hand, minute, 2, "x");
        hand_feed(&hand, minute, 3, "y");
    }
    assert_has(hand_lines(&hand, 0),
               "\"entered\": 0, \"completed\": 0, \"open\": 0, \"unmatched\": 6, ");
    hand_feed(&hand, 5, 1, "x");
    const char *lines = hand_lines(&hand, 500);
    assert_has(lines, "{\"name\": \"i\", \"reached\": 1, \"entities\": 1, \"abandoned\": 0}, ");
    assert_has(lines, "{\"name\": \"s\", \"reached\": 1, \"entities\": 1, \"abandoned\": 1}, ");
    assert_has(lines, "{\"name\": \"e\", \"reached\": 0, \"entities\": 0, \"abandoned\": 0}]");
    hand_close(&hand);
}

/* A first attempt that timed out, and a second first step inside the run, have no part in it. */
static void test_trap_19_time_of_the_winning_run(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id", "every: 1d"), tide_operator_limits_default());
    hand_feed(&hand, 0, 1, "x");
    hand_feed(&hand, 20, 2, "x");
    hand_feed(&hand, 100, 1, "x");
    hand_feed(&hand, 105, 1, "x");
    hand_feed(&hand, 110, 2, "x");
    hand_feed(&hand, 120, 3, "x");
    hand_feed(&hand, 125, 3, "x");
    const char *lines = hand_lines(&hand, 500);
    assert_has(lines, "\"entered\": 2, \"completed\": 1, \"open\": 0, \"unmatched\": 1, ");
    assert_has(lines, "{\"name\": \"i\", \"reached\": 2, \"entities\": 1, \"abandoned\": 0}, ");
    assert_has(lines, "\"mean_time\": 1200, ");
    hand_close(&hand);
}

/* Only the last run of a key is open, until its timeout has passed by the closing clock. */
static void test_open_and_abandoned(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id", "every: 1d"), tide_operator_limits_default());
    hand_feed(&hand, 0, 1, "x");
    hand_feed(&hand, 30, 1, "x");
    assert_has(hand_lines(&hand, 0), "\"entered\": 2, \"completed\": 0, \"open\": 1, ");
    assert_has(hand_lines(&hand, 0), "\"reached\": 2, \"entities\": 1, \"abandoned\": 1}, ");
    assert_has(hand_lines(&hand, 59), "\"open\": 1, ");
    assert_has(hand_lines(&hand, 60), "\"open\": 0, ");
    assert_has(hand_lines(&hand, 60), "\"reached\": 2, \"entities\": 1, \"abandoned\": 2}, ");
    assert_has(hand_lines(&hand, 59), "\"open\": 1, "); /* nothing was remembered */
    assert_has(room_lines(&hand.room, hand.operator, & hand.text), "\"open\": 0, ");
    hand_close(&hand);
}

/* An entity's only run leaves a cell, and another one's stays. */
static void test_entity_sets_are_renewed(void **state)
{
    (void)state;
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id, a", "every: 10m, by: [b]"), tide_operator_limits_default());
    fixture_column(hand.stream.batch, "b")->present[0] = 0;
    hand_feed(&hand, 12, 1, "x");
    hand_feed(&hand, 12, 1, "y"); /* the same entity, another key */
    hand_feed(&hand, 13, 2, "x");
    const char *lines = hand_lines(&hand, 1000);
    assert_has(lines, "{\"name\": \"i\", \"reached\": 2, \"entities\": 1, ");
    assert_has(lines, "{\"name\": \"s\", \"reached\": 1, \"entities\": 1, ");
    hand_feed(&hand, 12, 3, "x"); /* a cut before the second step */
    lines = hand_lines(&hand, 1000);
    assert_has(lines, "{\"name\": \"i\", \"reached\": 2, \"entities\": 1, ");
    assert_has(lines, "{\"name\": \"s\", \"reached\": 0, \"entities\": 0, ");
    hand_feed(&hand, 9, 1, "x"); /* x now begins in the window before */
    hand_feed(&hand, 9, 1, "y");
    lines = hand_lines(&hand, 1000);
    assert_has(lines, "\"start\": \"1970-01-01T00:00:00Z\"");
    assert_has(lines, "{\"name\": \"i\", \"reached\": 2, \"entities\": 1, ");
    hand_close(&hand);
}

/* ------- limits */

static void test_long_keys_are_left_to_batch(void **state)
{
    (void)state;
    struct hand hand;
    const struct tide_operator_limits limits = {.cells_max = 1000, .key_events_max = 4};
    hand_open(&hand, FUNNEL("user_id, a", "every: 10m, by: [a]"), limits);
    for (uint32_t minute = 0; minute < 40; minute += 10) {
        hand_feed(&hand, minute, 1 + minute / 10 % 2, "x");
        hand_feed(&hand, minute, 1 + minute / 10 % 2, "y");
    }
    assert_int_equal(tide_operator_facts(hand.operator).pending_keys, 0);
    struct tide_bytes before = {0};
    tide_bytes_append_text(&before, hand_lines(&hand, 1000));
    const char *y = strstr(tide_bytes_terminated(&before), "{\"a\": \"y\"}");
    assert_non_null(y);
    assert_has(y, "\"entered\": 1, ");
    hand_feed(&hand, 35, 3, "x"); /* the fifth */
    assert_int_equal(tide_operator_facts(hand.operator).pending_keys, 1);
    hand_feed(&hand, 95, 3, "x"); /* one more, far away */
    assert_int_equal(tide_operator_facts(hand.operator).pending_keys, 1);
    assert_int_equal(tide_operator_facts(hand.operator).key_count, 2);
    struct tide_cell_table *table =
        room_table(&hand.room, hand.room.metric, hand.operator,(struct tide_instant){0});
    tide_cell_table_finish(table);
    uint32_t pending = 0;
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        const bool is_x = memchr(cell.group.data, 'x', cell.group.size) != NULL;
        assert_int_equal(cell.value->is_pending, is_x);
        assert_int_equal(cell.value->count, !is_x);
        assert_int_equal(cell.value->events, is_x ? 0 : 4);
        assert_int_equal(tide_cell_is_exact(hand.room.metric, cell.value), !is_x);
        pending += is_x;
    }
    assert_int_equal(pending, 5); /* windows 0, 10, 20, 30, 90 */
    tide_cell_table_destroy(table);
    assert_has(hand_lines(&hand, 1000), y + strlen("{\"a\": \"y\"}")); /* y is as it was */
    tide_bytes_release(&before);
    hand_close(&hand);
}

/* Beyond the budget runs of all groups are in (other) of their window, and move as they do
 * elsewhere: what all cells hold together is what the model says. */
static void test_cells_beyond_the_budget(void **state)
{
    static uint32_t rows[ROWS];
    (void)state;
    for (uint64_t first_seed = 1; first_seed <= 6; first_seed++) {
        uint64_t seed = first_seed;
        struct room room;
        struct stream stream = {0};
        room_open(&room, FUNNEL("user_id", "every: 1h, by: [a, n]"));
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_gaps, &seed);
        const struct tide_operator_limits limits = {.cells_max = 7, .key_events_max = 512};
        struct tide_operator *operator= room_operator(&room, room.metric, limits);
        model.stream = &stream;
        model.metric = room.metric;
        model.step_of = funnel_step_of_kind;
        stream_order(rows, ROWS, false, &seed);
        for (uint32_t fed = 0; fed < ROWS; fed += ROWS / 5) {
            stream_feed(&stream, rows + fed, ROWS / 5, operator, 30, &seed);
            const struct tide_instant closing = stream.times[0];
            struct tide_cell_table *table = room_table(&room, room.metric, operator, closing);
            tide_cell_table_finish(table);
            uint64_t entered = 0;
            uint64_t unmatched = 0;
            uint64_t own = 0;
            for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
                const struct tide_cell cell = tide_cell_table_at(table, i);
                assert_int_equal(cell.value->is_folded, tide_group_is_other(cell.group));
                own += !cell.value->is_folded;
                entered += cell.value->count;
                unmatched += cell.value->distinct;
            }
            assert_true(own <= 7);
            tide_cell_table_destroy(table);
            funnel_model_make(&model, rows, fed + ROWS / 5);
            for (uint32_t i = 0; i < model.run_count; i++) {
                entered -= model.runs[i].reached > 0;
                unmatched -= model.runs[i].reached == 0;
            }
            assert_int_equal(entered, 0);
            assert_int_equal(unmatched, 0);
        }
        assert_in_range(tide_operator_facts(operator).folded_events, 1, ROWS);
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        room_close(&room);
    }
}

/* A replay has no limit of events: a million of one key, nearly in order, in one run. If each of
 * them cost the length of the run, this would take hours. */
static void test_a_key_with_a_million_events(void **state)
{
    enum {
        PIECE = 1000,
        PIECES = TIDE_TEST_SANITIZED ? 100 : 1000
    };
    (void)state;
    static uint32_t rows[PIECE];
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct tide_bytes text = {0};
    room_open(&room, FUNNEL("user_id", "every: 365d"));
    struct tide_operator *operator= room_operator(&room, room.metric, tide_operator_limits_none());
    stream_create(&stream, room.definitions->schema, PIECE, stream_time_hours, &seed);
    for (uint32_t piece = 0; piece < PIECES; piece++) {
        for (uint32_t i = 0; i < PIECE; i++) {
            const uint32_t event = piece * PIECE + i;
            set_event(&stream, i, INT64_C(1000) * event, event == 0 ? 0 : event % 3 == 0);
            rows[i] = i ^ 5; /* a little out of order */
        }
        stream_feed(&stream, rows, PIECE, operator, PIECE, &seed);
    }
    assert_has(room_lines(&room, operator, & text),
               "\"entered\": 1, \"completed\": 0, \"open\": 0, \"unmatched\": 0, ");
    const uint32_t last = PIECES * PIECE;
    set_event(&stream, 0, INT64_C(1000) * last, 2);
    stream_feed(&stream, (const uint32_t[]){0}, 1, operator, 1, &seed);
    const char *lines = room_lines(&room, operator, & text);
    assert_has(lines, "\"entered\": 1, \"completed\": 1, \"open\": 0, \"unmatched\": 0, ");
    assert_has(lines, TIDE_TEST_SANITIZED ? "\"mean_time\": 100, " : "\"mean_time\": 1000, ");
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    tide_bytes_release(&text);
    room_close(&room);
}

/* What is known of a long key's last run stays true whatever comes, wherever. */
static void test_long_keys_in_every_order(void **state)
{
    (void)state;
    static uint32_t rows[ROWS];
    for (uint64_t first_seed = 1; first_seed <= (TIDE_TEST_SANITIZED ? 60 : 300); first_seed++) {
        uint64_t seed = first_seed;
        const uint32_t reach = 1 + fixture_below(&seed, 60); /* how far out of order */
        const uint32_t cuts = 1 + fixture_below(&seed, 200);
        const uint32_t firsts = 2 + fixture_below(&seed, 200); /* one in so many is of step 1 */
        struct room room;
        struct stream stream = {0};
        int64_t time_us = 0;
        room_open(&room, FUNNEL("user_id", "every: 365d"));
        struct tide_operator *operator=
            room_operator(&room, room.metric, tide_operator_limits_default());
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_hours, &seed);
        for (uint32_t row = 0; row < ROWS; row++) {
            time_us += fixture_below(&seed, cuts) == 0 ? INT64_C(30) * MINUTE_US
                                                       : (int64_t)fixture_below(&seed, 3);
            const bool is_end = fixture_below(&seed, cuts) == 0;
            set_event(&stream, row, time_us, is_end ? 2 : fixture_below(&seed, firsts) != 0);
        }
        stream_order(rows, ROWS, true, &seed);
        for (uint32_t i = 0; i < ROWS; i++) {
            const uint32_t k = i + fixture_below(&seed, ROWS - i < reach ? ROWS - i : reach);
            const uint32_t row = rows[i];
            rows[i] = rows[k];
            rows[k] = row;
        }
        model.stream = &stream;
        model.metric = room.metric;
        model.step_of = funnel_step_of_kind;
        for (uint32_t fed = 0; fed < ROWS; fed += ROWS / 10) {
            stream_feed(&stream, rows + fed, ROWS / 10, operator, 7, &seed);
            funnel_model_make(&model, rows, fed + ROWS / 10);
            check(&room, operator, stream.times[rows[fed]]);
        }
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        room_close(&room);
    }
}

/* ------- invariants */

static void visit_after(harm_cell harm)
{
    struct hand hand;
    hand_open(&hand, FUNNEL("user_id", "every: 1d"), tide_operator_limits_default());
    hand_feed(&hand, 0, 1, "x");
    hand_feed(&hand, 10, 2, "x");
    hand_feed(&hand, 60, 1, "x");
    harm(&hand.operator->map.records[0].value);
    (void)hand_lines(&hand, 0);
    hand_close(&hand);
}

static void harm_step(struct tide_cell_value *value)
{
    value->parts->steps[1].reached += 2; /* more than entered */
}

static void harm_entered(struct tide_cell_value *value)
{
    value->count++;
}

static void harm_entities(struct tide_cell_value *value)
{
    value->parts->steps[1].entities++;
}

static void harm_events(struct tide_cell_value *value)
{
    value->events--;
}

static void test_invariants_are_asserted(void **state)
{
    (void)state;
    assert_int_equal(harm_signal(visit_after, harm_nothing), 0);
    assert_int_equal(harm_signal(visit_after, harm_step), SIGABRT);
    assert_int_equal(harm_signal(visit_after, harm_entered), SIGABRT);
    assert_int_equal(harm_signal(visit_after, harm_entities), SIGABRT);
    assert_int_equal(harm_signal(visit_after, harm_events), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_every_short_sequence),
        cmocka_unit_test(test_trap_15_late_completion),
        cmocka_unit_test(test_trap_16_arrival_order),
        cmocka_unit_test(test_trap_17_steps_at_one_instant),
        cmocka_unit_test(test_trap_18_steps_do_not_grow),
        cmocka_unit_test(test_trap_19_time_of_the_winning_run),
        cmocka_unit_test(test_open_and_abandoned),
        cmocka_unit_test(test_entity_sets_are_renewed),
        cmocka_unit_test(test_long_keys_are_left_to_batch),
        cmocka_unit_test(test_cells_beyond_the_budget),
        cmocka_unit_test(test_a_key_with_a_million_events),
        cmocka_unit_test(test_long_keys_in_every_order),
        cmocka_unit_test(test_invariants_are_asserted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
