/* Goal: what holds for every kind of metric: the result does not depend on where the stream was
 * cut, not even at the budgets; memory is bounded, whatever comes; when memory runs out, an update
 * says FATAL and everything can be destroyed. Method: the same streams in different cuts; hostile
 * streams; every allocation of a life, one after the other, fails. */
#include "operator/operator.h"

#include "support/wrapped_allocation.h"
#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 600
};

#define STEPS "steps: [{i: 'kind == \"I\"'}, {s: 'kind == \"S\"'}, {e: 'kind == \"E\"'}]"

static const char *const metrics[] = {
    "{count: events, every: 1h, by: [a, n]}",
    "{sum: x, every: 1h, by: [n, b], where: n > 0}",
    "{max: n, every: 10m, over: 30m, by: [a]}",
    "{quantiles: [0.5], of: x, every: 1h, by: [a, b]}",
    "{distinct: a, every: 1h, by: [n]}",
    "{approx_distinct: n, every: 1h, by: [a]}",
    "{distinct: user_id, every: 1h, by: [a, n]}",
    "{distinct: user_id, every: 10m, over: 1h, by: [a, n]}",
    "{distinct: user_id, every: 1h, by: [a, n], having: 'count() > 1 and distinct(b) < 2'}",
    "{distinct: user_id, every: 10m, over: 30m, by: [a], having: 'count() > 1'}",
    "{sessions: {per: user_id, timeout: 30m}, every: 1h, by: [a, n]}",
    "{funnel: {per: [user_id], timeout: 30m, " STEPS "}, every: 1h, by: [a, n]}",
    "{funnel: {per: [user_id, b], timeout: 30m, " STEPS "}, every: 1d, by: [a]}",
    "{retention: {per: user_id, period: 1d, periods: 3}}",
};

enum {
    METRICS = sizeof(metrics) / sizeof(*metrics)
};

/* ------- allocations that fail */

static int64_t allocations_left = -1; /* then one fails; -1: none does */
static bool is_for_good;              /* all after it fail too */
static bool has_failed;

static bool fails(void)
{
    if (allocations_left == 0) {
        has_failed = true;
        allocations_left = is_for_good ? 0 : -1;
        return true;
    }
    allocations_left -= allocations_left > 0;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* ------- cuts */

static void check_cuts(const char *metric, uint32_t cells_max, uint64_t seed)
{
    static const uint32_t pieces[] = {1, ROWS, 7, 100};
    static uint32_t rows[ROWS];
    struct room room;
    struct stream stream = {0};
    struct tide_bytes expected = {0};
    struct tide_bytes text = {0};
    struct tide_operator_facts facts = {0};
    const struct tide_operator_limits limits = {.cells_max = cells_max, .key_events_max = 30};
    room_open(&room, metric);
    stream_create(&stream, room.definitions->schema, ROWS, stream_time_gaps, &seed);
    stream_order(rows, ROWS, seed % 2 == 0, &seed);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        struct tide_operator *operator= room_operator(&room, room.metric, limits);
        stream_feed(&stream, rows, ROWS, operator, pieces[i], &seed);
        const struct tide_operator_facts now = tide_operator_facts(operator);
        const char *lines = room_lines(&room, operator, i == 0 ? &expected : & text);
        assert_string_equal(lines, tide_bytes_terminated(&expected));
        facts = i == 0 ? now : facts;
        assert_int_equal(now.cell_count, facts.cell_count);
        assert_int_equal(now.key_count, facts.key_count);
        assert_int_equal(now.folded_events, facts.folded_events);
        assert_int_equal(now.pending_keys, facts.pending_keys);
        tide_operator_destroy(operator);
    }
    const bool has_other = strstr(tide_bytes_terminated(&expected), "(other)") != NULL;
    assert_true(has_other || facts.folded_events == 0);
    if (room.metric->by_count > 0 && facts.pending_keys == 0 &&
        (cells_max == 1 || cells_max > 1000)) {
        assert_int_equal(facts.folded_events > 0, cells_max == 1);
    }
    tide_bytes_release(&expected);
    tide_bytes_release(&text);
    stream_destroy(&stream);
    room_close(&room);
}

/* Trap 8: the same input, split anywhere, is the same output. */
static void test_trap_8_cuts_at_the_budget(void **state)
{
    static const uint32_t budgets[] = {1, 2, 5, 20, 100000};
    (void)state;
    for (size_t i = 0; i < METRICS; i++) {
        for (size_t k = 0; k < sizeof(budgets) / sizeof(*budgets); k++) {
            for (uint64_t seed = 1; seed <= 6; seed++) {
                check_cuts(metrics[i], budgets[k], seed);
            }
        }
    }
}

/* Two events at one instant begin a session in the lesser of their groups. Whether that group is
 * known must not depend on what else was in the batch. */
static void test_a_group_at_the_budget(void **state)
{
    (void)state;
    static const uint32_t rows[] = {0, 1, 2, 3};
    static const char *const groups[] = {"z", "y", "b", "z"};
    char expected[1024] = "";
    for (uint32_t piece_max = 4; piece_max > 0; piece_max--) {
        uint64_t seed = 1;
        struct room room;
        struct stream stream = {0};
        struct tide_bytes text = {0};
        const struct tide_operator_limits limits = {.cells_max = 2, .key_events_max = 1};
        room_open(&room, "{sessions: {per: user_id, timeout: 1m}, every: 1d, by: [a]}");
        struct tide_operator *operator= room_operator(&room, room.metric, limits);
        stream_create(&stream, room.definitions->schema, 4, stream_time_hours, &seed);
        for (uint32_t row = 0; row < 4; row++) {
            stream.times[row].us = row < 2 ? row * INT64_C(600000000) : INT64_C(1200000000);
            stream.entities[row] = 1;
            fixture_set_text(stream.batch, row, "a", tide_view_of(groups[row]));
        }
        stream_feed(&stream, rows, 4, operator, piece_max, &seed);
        const char *lines = room_lines(&room, operator, & text);
        if (piece_max == 4) {
            assert_true(strlen(lines) < sizeof(expected));
            memcpy(expected, lines, strlen(lines) + 1);
        }
        assert_string_equal(lines, expected);
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        tide_bytes_release(&text);
        room_close(&room);
    }
}

/* Every event is booked once, in its group's cell or in (other). */
static void test_folding_loses_nothing(void **state)
{
    (void)state;
    static uint32_t rows[ROWS];
    for (uint32_t cells_max = 1; cells_max < 40; cells_max += 3) {
        uint64_t seed = cells_max;
        struct room room;
        struct stream stream = {0};
        room_open(&room, "{count: events, every: 1h, by: [a, n]}");
        const struct tide_operator_limits limits = {.cells_max = cells_max, .key_events_max = 1};
        struct tide_operator *operator= room_operator(&room, room.metric, limits);
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_gaps, &seed);
        stream_order(rows, ROWS, false, &seed);
        stream_feed(&stream, rows, ROWS, operator, 50, &seed);
        const struct tide_instant unknown = TIDE_INSTANT_UNKNOWN;
        struct tide_cell_table *table = room_table(&room, room.metric, operator, unknown);
        uint64_t own = 0;
        uint64_t own_cells = 0;
        uint64_t folded = 0;
        tide_cell_table_finish(table);
        for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
            const struct tide_cell cell = tide_cell_table_at(table, i);
            assert_int_equal(cell.value->is_folded, tide_group_is_other(cell.group));
            *(cell.value->is_folded ? &folded : &own) += cell.value->count;
            own_cells += !cell.value->is_folded;
        }
        assert_int_equal(own_cells, cells_max);
        assert_int_equal(own + folded, ROWS);
        assert_int_equal(tide_operator_facts(operator).folded_events, folded);
        tide_cell_table_destroy(table);
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        room_close(&room);
    }
}

/* ------- memory is bounded */

/* Memory after so many events, each with an `a` of its own. */
static size_t bytes_after(const char *metric,
                          struct tide_operator_limits limits,
                          const char *kind,
                          uint32_t event_count)
{
    enum {
        PIECE = 1000,
        TEXT_SIZE = 16
    };
    static char texts[PIECE][TEXT_SIZE];
    static uint32_t rows[PIECE];
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    room_open(&room, metric);
    struct tide_operator *operator= room_operator(&room, room.metric, limits);
    stream_create(&stream, room.definitions->schema, PIECE, stream_time_hours, &seed);
    for (uint32_t done = 0; done < event_count; done += PIECE) {
        for (uint32_t i = 0; i < PIECE; i++) {
            const int length = snprintf(texts[i], TEXT_SIZE, "page-%u", done + i);
            rows[i] = i;
            stream.times[i].us = 1000 * (int64_t)(done + i);
            stream.entities[i] = i % 7 == 0 ? TIDE_DICTIONARY_NONE : 0;
            fixture_set_text(stream.batch, i, "kind", tide_view_of(kind));
            fixture_set_text(stream.batch, i, "a", (struct tide_view){texts[i], (size_t)length});
        }
        stream_feed(&stream, rows, PIECE, operator, PIECE, &seed);
    }
    const size_t bytes = tide_operator_facts(operator).bytes;
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    room_close(&room);
    return bytes;
}

/* A new page in every event: groups are remembered while there is a budget for them, and not at all
 * if the event changes nothing. */
static void test_groups_are_bounded(void **state)
{
    static const struct {
        const char *metric;
        uint32_t cells_max;
        const char *kind;
    } cases[] = {
        {"{count: events, every: 1h, by: [a]}", 100, "L"},
        {"{sessions: {per: user_id, timeout: 1h}, every: 1d, by: [a]}", 100, "L"},
        {"{funnel: {per: [user_id], timeout: 1h, " STEPS "}, every: 1d, by: [a]}", 100, "S"},
        {"{funnel: {per: [user_id], timeout: 1h, " STEPS "}, every: 1d, by: [a]}", 1000000, "L"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct tide_operator_limits limits = {.cells_max = cases[i].cells_max,
                                                    .key_events_max = 512};
        const size_t few = bytes_after(cases[i].metric, limits, cases[i].kind, 2000);
        const size_t many = bytes_after(cases[i].metric, limits, cases[i].kind, 100000);
        assert_in_range(many, 1, few + 20000); /* pieces may have been larger */
    }
}

/* Of keys, their events and slots at most 40 bytes for a funnel key of one event; of a session 24
 * and the entity's 8. With 130,048 of them blocks fill their slabs, and the tables nearly. */
static void test_state_of_many_keys(void **state)
{
    enum {
        PIECE = 1024,
        KEYS = 127 * PIECE
    };
    static const struct {
        const char *metric;
        size_t bytes_max; /* of each */
    } cases[] = {
        {"{funnel: {per: [user_id], timeout: 1m, " STEPS "}, every: 1d}", 40},
        {"{sessions: {per: user_id, timeout: 1m}, every: 1d}", 24 + 8},
    };
    (void)state;
    static uint32_t rows[PIECE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t seed = 1;
        struct room room;
        struct stream stream = {0};
        room_open(&room, cases[i].metric);
        struct tide_operator *operator=
            room_operator(&room, room.metric, tide_operator_limits_default());
        stream_create(&stream, room.definitions->schema, PIECE, stream_time_hours, &seed);
        size_t first = 0; /* what does not depend on the keys */
        for (uint32_t done = 0; done < KEYS; done += PIECE) {
            for (uint32_t k = 0; k < PIECE; k++) {
                rows[k] = k;
                stream.times[k].us = 1;
                stream.entities[k] = done + k;
                fixture_set_text(stream.batch, k, "kind", TIDE_VIEW("I"));
                fixture_set_text(stream.batch, k, "user_id", TIDE_VIEW("somebody"));
            }
            first = done == 0 ? tide_operator_facts(operator).bytes + 30000 : first;
            stream_feed(&stream, rows, PIECE, operator, PIECE, &seed);
        }
        const struct tide_operator_facts facts = tide_operator_facts(operator);
        assert_int_equal(facts.key_count, KEYS);
        /* The cell has a set of all entities, which is another thing. */
        assert_in_range(facts.bytes, KEYS * 16, first + KEYS * cases[i].bytes_max);
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        room_close(&room);
    }
}

/* ------- small things */

static void test_group_order(void **state)
{
    (void)state;
    struct room room;
    struct tide_bytes groups[4] = {{0}};
    static const char *const texts[] = {NULL, "", "a", "a"};
    static const int64_t numbers[] = {9, 9, 1, 2};
    room_open(&room, "{count: events, every: 1h, by: [a, n]}");
    for (int i = 0; i < 4; i++) {
        const struct tide_value a = {.present = texts[i] != NULL,
                                     .type = TIDE_TYPE_STRING,
                                     .string = tide_view_of(texts[i])};
        const struct tide_value n = {.present = true, .type = TIDE_TYPE_INT, .number = numbers[i]};
        tide_value_encode(a, &groups[i]);
        tide_value_encode(n, &groups[i]);
    }
    for (int i = 0; i < 4; i++) {
        const struct tide_view left = tide_bytes_view(&groups[i]);
        for (int k = 0; k < 4; k++) {
            const int order = tide_group_compare(room.metric, left, tide_bytes_view(&groups[k]));
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
        assert_true(tide_group_compare(room.metric, left, TIDE_GROUP_OTHER) < 0);
        assert_true(tide_group_compare(room.metric, TIDE_GROUP_OTHER, left) > 0);
    }
    assert_int_equal(tide_group_compare(room.metric, TIDE_GROUP_OTHER, TIDE_GROUP_OTHER), 0);
    for (int i = 0; i < 4; i++) {
        tide_bytes_release(&groups[i]);
    }
    room_close(&room);
}

static enum tide_status stop_at_second(void *context,
                                       struct tide_window window,
                                       struct tide_view group,
                                       const struct tide_cell_value *value)
{
    uint32_t *count = context;
    (void)window;
    (void)group;
    (void)value;
    ++*count;
    return *count == 2 ? TIDE_RETRY : TIDE_OK;
}

/* A visit's answer ends it. */
static void test_visits_can_be_ended(void **state)
{
    (void)state;
    static uint32_t rows[ROWS];
    for (size_t i = 0; i < METRICS; i++) {
        uint64_t seed = 3;
        uint32_t count = 0;
        struct room room;
        struct stream stream = {0};
        room_open(&room, metrics[i]);
        struct tide_operator *operator=
            room_operator(&room, room.metric, tide_operator_limits_default());
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_gaps, &seed);
        for (uint32_t row = 0; row < ROWS; row += 2) { /* so that there are two cohorts */
            stream.times[row].us += INT64_C(3) * 86400000000;
            stream.entities[row] = 10 + row % 3;
        }
        const struct tide_cell_visitor visitor = {TIDE_INSTANT_UNKNOWN, stop_at_second, &count};
        assert_int_equal(tide_operator_visit(operator, visitor), TIDE_OK);
        assert_int_equal(count, 0);
        stream_order(rows, ROWS, true, &seed);
        stream_feed(&stream, rows, 0, operator, 1, &seed);
        stream_feed(&stream, rows, ROWS, operator, ROWS, &seed);
        assert_int_equal(tide_operator_visit(operator, visitor), TIDE_RETRY);
        assert_int_equal(count, 2);
        tide_operator_destroy(operator);
        stream_destroy(&stream);
        room_close(&room);
    }
    tide_operator_destroy(NULL);
}

/* ------- out of memory */

static enum tide_status feed_all(
    const struct stream *stream, struct tide_operator *operator, struct tide_error * error)
{
    enum {
        PIECE = 40
    };
    static uint32_t rows[ROWS];
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < stream->row_count; i++) {
        rows[i] = i;
    }
    for (uint32_t done = 0; status == TIDE_OK && done < stream->row_count; done += PIECE) {
        const uint32_t left = stream->row_count - done;
        const struct tide_operator_input input = {.batch = stream->batch,
                                                  .rows = rows + done,
                                                  .row_count = left < PIECE ? left : PIECE,
                                                  .event_times = stream->times,
                                                  .entities = stream->entities};
        status = tide_operator_update(operator, & input, error);
    }
    return status;
}

/* Create, update, ask, print, destroy; stops at the first that fails. Tables are as many as a
 * result of the metric needs: both of a ratio are of one part. */
static enum tide_status live(const struct room *room,
                             const struct tide_metric *part,
                             const struct stream *stream,
                             struct tide_operator_limits limits)
{
    const struct tide_schema *schema = room->definitions->schema;
    const int table_count = room->metric->kind == TIDE_METRIC_RATIO ? 2 : 1;
    struct tide_operator *operator= NULL;
    struct tide_cell_table *tables[2] = {NULL, NULL};
    struct tide_result *result = NULL;
    struct tide_error error = {{0}};
    enum tide_status status = tide_operator_create(schema, part, limits, &operator, & error);
    assert_true(status == TIDE_OK || status == TIDE_RETRY);
    assert_int_equal(error.text[0] != '\0', status != TIDE_OK);
    if (status == TIDE_OK) {
        status = feed_all(stream, operator, & error);
        assert_true(status == TIDE_OK || status == TIDE_FATAL);
        assert_int_equal(error.text[0] != '\0', status != TIDE_OK);
    }
    for (int i = 0; status == TIDE_OK && i < table_count; i++) {
        status = tide_cell_table_create(schema, part, &tables[i], &error);
        assert_true(status == TIDE_OK || status == TIDE_RETRY);
        if (status == TIDE_OK) {
            status = tide_cell_table_add_operator(tables[i], operator, TIDE_CELL_SPAN_ALL);
            assert_true(status == TIDE_OK || status == TIDE_FATAL);
        }
    }
    if (status == TIDE_OK) {
        status = tide_result_create(room->definitions, room->metric, tables[0], tables[1], &result);
        assert_true(status == TIDE_OK || status == TIDE_FATAL);
    } else {
        tide_cell_table_destroy(tables[0]);
        tide_cell_table_destroy(tables[1]);
    }
    tide_result_destroy(result);
    tide_operator_destroy(operator);
    return status;
}

static void sweep(const char *text, struct tide_operator_limits limits, bool for_good)
{
    enum {
        SWEEP_ROWS = 200,
        ALLOCATIONS_MAX = 20000
    };
    uint64_t seed = 5;
    struct room room;
    struct stream stream = {0};
    enum tide_status status = TIDE_FATAL;
    int64_t count = 0;
    room_open(&room, text);
    const struct tide_metric *part = room.metric->kind == TIDE_METRIC_RATIO
                                         ? &room.definitions->metrics[room.metric->parts[0]]
                                         : room.metric;
    stream_create(&stream, room.definitions->schema, SWEEP_ROWS, stream_time_gaps, &seed);
    for (; status != TIDE_OK && count < ALLOCATIONS_MAX; count++) {
        has_failed = false;
        is_for_good = for_good;
        allocations_left = count;
        status = live(&room, part, &stream, limits);
        allocations_left = -1;
        assert_int_equal(has_failed, status != TIDE_OK);
    }
    assert_int_equal(status, TIDE_OK);
    assert_true(count > 10);
    stream_destroy(&stream);
    room_close(&room);
}

static void test_out_of_memory(void **state)
{
    const struct tide_operator_limits small = {.cells_max = 12, .key_events_max = 6};
    (void)state;
    for (int for_good = 0; for_good < 2; for_good++) {
        for (size_t i = 0; i < METRICS; i++) {
            sweep(metrics[i], tide_operator_limits_none(), for_good != 0);
            sweep(metrics[i], small, for_good != 0);
        }
        sweep("  part: {count: events, every: 1h, by: [a]}\n  m: {ratio: [part, part]}\n",
              tide_operator_limits_default(),
              for_good != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trap_8_cuts_at_the_budget),
        cmocka_unit_test(test_a_group_at_the_budget),
        cmocka_unit_test(test_folding_loses_nothing),
        cmocka_unit_test(test_groups_are_bounded),
        cmocka_unit_test(test_state_of_many_keys),
        cmocka_unit_test(test_group_order),
        cmocka_unit_test(test_visits_can_be_ended),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
