/* Goal: a look finds every cell that changed, and no other; what was missed is found later; only
 * the newest windows and largest groups are looked at. Method: an engine of three partitions, a few
 * events between looks, and the rows that each look shows. */
#include "serve/live_cells.h"

#include "fixture.h"

enum {
    METRICS = 6,
    TEXT_MAX = 1 << 18
};

static const char text[] =
    FIXTURE_SCHEMA "  by_region: {count: events, by: [region], every: 1h}\n"
                   "  users: {distinct: user_id, every: 1d}\n"
                   "  week: {distinct: user_id, every: 1d, over: 7d}\n"
                   "  stickiness: {ratio: [users, week]}\n"
                   "  slide: {count: events, by: [region], every: 1m, over: 3m}\n"
                   "  best: {count: events, by: [region], every: 1d, top: 1}\n";

enum metric {
    BY_REGION,
    USERS,
    WEEK,
    STICKINESS,
    SLIDE,
    BEST
};

struct world {
    struct fixture *fixture;
    struct live_cells *cells;
    struct live_want wants[METRICS];
    uint32_t groups[2];
    uint64_t before;               /* the number of the look before this one */
    char shown[METRICS][TEXT_MAX]; /* by metric: the cells of the last look, a line each */
    bool is_seen[METRICS];
};

static bool is_complete(struct tide_view row)
{
    static const char mark[] = "\"complete\": true";
    return memmem(row.data, row.size, mark, sizeof(mark) - 1) != NULL;
}

static void see(void *context,
                uint32_t metric_index,
                const struct live_row *rows,
                uint32_t row_count)
{
    struct world *world = context;
    char *shown = world->shown[metric_index];
    size_t size = 0;
    world->is_seen[metric_index] = true;
    for (uint32_t i = 0; i < row_count; i++) {
        /* From the window on, without what hashes are in. */
        const struct tide_view cell = rows[i].text; /* not terminated */
        const char *from = memmem(cell.data, cell.size, "\"start\"", strlen("\"start\""));
        const char *to =
            memmem(cell.data, cell.size, ", \"definition\"", strlen(", \"definition\""));
        assert_true(from != NULL && to != NULL && from < to);
        const int more = snprintf(shown + size,
                                  TEXT_MAX - size,
                                  "%u.%u %s %.*s%s\n",
                                  rows[i].window,
                                  rows[i].rank,
                                  rows[i].look > world->before ? "*" : "-",
                                  (int)(to - from),
                                  from,
                                  is_complete(rows[i].text) ? " complete" : "");
        assert_true(more > 0 && size + (size_t)more < TEXT_MAX);
        size += (size_t)more;
    }
}

static struct world *open_world(void)
{
    struct tide_error error = {0};
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->fixture = fixture_open_definitions(text, NULL, 3);
    assert_int_equal(world->fixture->definitions->metric_count, METRICS);
    fixture_check(live_cells_create(world->fixture->api, 1000, &world->cells, &error), &error);
    world->groups[0] = 1;
    world->groups[1] = 10;
    return world;
}

static void close_world(struct world *world)
{
    live_cells_destroy(world->cells);
    live_cells_destroy(NULL);
    fixture_close(world->fixture);
    free(world);
}

static void want(struct world *world, enum metric metric, uint32_t windows, bool all)
{
    world->wants[metric] = (struct live_want){windows, 10, all};
}

/* Looks until nothing is left out: a metric may not be due yet. */
static void look(struct world *world)
{
    struct tide_error error = {0};
    const struct live_look options = {world->wants, world->groups, 2, see, world};
    world->before = live_cells_number(world->cells);
    memset(world->shown, 0, sizeof(world->shown));
    memset(world->is_seen, 0, sizeof(world->is_seen));
    fixture_check(live_cells_look(world->cells, &options, &error), &error);
    for (uint32_t i = 0; i < METRICS; i++) {
        while (world->wants[i].windows > 0 && !world->is_seen[i]) {
            fixture_check(live_cells_look(world->cells, &options, &error), &error);
        }
        world->wants[i].all = false;
    }
}

static void expect(struct world *world, enum metric metric, const char *wanted)
{
    assert_true(world->is_seen[metric]);
    assert_string_equal(world->shown[metric], wanted);
}

/* A cell of by_region; place: window, rank, and whether it changed since the look before. */
#define ROW(place, start, end, region, value)                                                      \
    place " \"start\": \"2026-03-08T" start ":00:00Z\", \"end\": \"2026-03-08T" end                \
          ":00:00Z\", \"group\": {\"region\": \"" region "\"}, \"value\": " value "\n"
#define DAY "\"start\": \"2026-03-08T00:00:00Z\", \"end\": \"2026-03-09T00:00:00Z\", "

static void test_what_changed(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 2, true);
    want(world, USERS, 2, true);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(world->fixture, "bob", 3600, ",\"region\":\"south\"");
    fixture_event(world->fixture, "cid", 7200, ",\"region\":\"south\"");
    fixture_event(world->fixture, "ann", 7201, ",\"region\":\"south\"");
    fixture_event(world->fixture, "dan", 7202, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    assert_true(live_cells_is_behind(world->cells, world->wants));
    look(world);
    assert_int_equal(live_cells_number(world->cells), 1);
    assert_int_equal(live_cells_looked(world->cells, BY_REGION), 1);
    assert_int_equal(live_cells_looked(world->cells, USERS), 1);
    assert_int_equal(live_cells_looked(world->cells, WEEK), 0);
    /* the newest two hours, and in them the largest first */
    expect(world,
           BY_REGION,
           ROW("1.0 *", "11", "12", "south", "1") ROW("0.0 *", "12", "13", "south", "2")
               ROW("0.1 *", "12", "13", "north", "1"));
    expect(world, USERS, "0.0 * " DAY "\"group\": {}, \"value\": 4\n");
    assert_false(live_cells_is_behind(world->cells, world->wants));

    /* One more: only its window is shown, and its cell has the new number. */
    fixture_event(world->fixture, "bob", 3601, ",\"region\":\"east\"");
    fixture_settle(world->fixture);
    assert_true(live_cells_is_behind(world->cells, world->wants));
    look(world);
    expect(world,
           BY_REGION,
           ROW("1.0 *", "11", "12", "east", "1") ROW("1.1 -", "11", "12", "south", "1"));
    expect(world, USERS, "0.0 * " DAY "\"group\": {}, \"value\": 4\n"); /* its revision rose */

    close_world(world);
}

/* Windows come and go: a late event in one that has left, a newer one, and more of them. */
static void test_which_windows(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 2, true);
    want(world, USERS, 2, true);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(world->fixture, "bob", 3600, ",\"region\":\"south\"");
    fixture_event(world->fixture, "bob", 3601, ",\"region\":\"east\"");
    fixture_event(world->fixture, "cid", 7200, ",\"region\":\"south\"");
    fixture_event(world->fixture, "ann", 7201, ",\"region\":\"south\"");
    fixture_event(world->fixture, "dan", 7202, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    fixture_event(world->fixture, "eve", 1, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world, BY_REGION, "");
    expect(world, USERS, "0.0 * " DAY "\"group\": {}, \"value\": 5\n");

    /* A newer window, and then all again, for who has nothing. */
    fixture_event(world->fixture, "ann", 10800, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world, BY_REGION, ROW("0.0 *", "13", "14", "north", "1"));
    want(world, BY_REGION, 3, true);
    look(world);
    expect(world,
           BY_REGION,
           ROW("2.0 -", "11", "12", "east", "1") ROW("2.1 -", "11", "12", "south", "1")
               ROW("1.0 -", "12", "13", "south", "2") ROW("1.1 -", "12", "13", "north", "1")
                   ROW("0.0 -", "13", "14", "north", "1"));
    close_world(world);
}

/* What changed while nobody looked is found by who looks again, also in a window that was looked
 * at by others with fewer windows in between. */
static void test_what_was_missed(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 5, true);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(world->fixture, "bob", 3600, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    want(world, BY_REGION, 1, false);
    fixture_event(world->fixture, "cid", 1, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world, BY_REGION, "");
    want(world, BY_REGION, 5, true);
    look(world);
    expect(world,
           BY_REGION,
           ROW("1.0 *", "10", "11", "north", "2") ROW("0.0 -", "11", "12", "north", "1"));
    close_world(world);
}

/* A cell that comes among the largest is new to who follows those alone, though it did not change.
 */
static void test_coming_in(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 1, true);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(world->fixture, "ann", 1, ",\"region\":\"north\"");
    fixture_event(world->fixture, "ann", 2, ",\"region\":\"south\"");
    fixture_settle(world->fixture);
    look(world);
    fixture_event(world->fixture, "bob", 3, ",\"region\":\"south\"");
    fixture_event(world->fixture, "bob", 4, ",\"region\":\"south\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world,
           BY_REGION,
           ROW("0.0 *", "10", "11", "south", "3") ROW("0.1 -", "10", "11", "north", "2"));
    world->groups[1] = 2; /* somebody follows two: north has always been among them */
    fixture_event(world->fixture, "bob", 5, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world,
           BY_REGION,
           ROW("0.0 *", "10", "11", "north", "3") ROW("0.1 -", "10", "11", "south", "3"));
    close_world(world);
}

static void test_sliding_ratio_and_top(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, SLIDE, 2, true);
    want(world, STICKINESS, 3, true);
    want(world, BEST, 3, true);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"north\"");
    fixture_event(world->fixture, "ann", -86400, ",\"region\":\"south\"");
    fixture_event(world->fixture, "bob", -86400, ",\"region\":\"north\"");
    fixture_settle(world->fixture);
    look(world);
    /* Windows end in the future, as the API has them. */
    expect(world,
           SLIDE,
           "1.0 * \"start\": \"2026-03-08T09:59:00Z\", \"end\": \"2026-03-08T10:02:00Z\", "
           "\"group\": {\"region\": \"north\"}, \"value\": 1\n"
           "0.0 * \"start\": \"2026-03-08T10:00:00Z\", \"end\": \"2026-03-08T10:03:00Z\", "
           "\"group\": {\"region\": \"north\"}, \"value\": 1\n");
    /* At the days of the part above alone, each with the week that ends with it. */
    expect(world,
           STICKINESS,
           "1.0 * \"start\": \"2026-03-01T00:00:00Z\", \"end\": \"2026-03-08T00:00:00Z\", "
           "\"group\": {}, \"value\": 1, \"numerator\": 2, \"denominator\": 2\n"
           "0.0 * \"start\": \"2026-03-02T00:00:00Z\", \"end\": \"2026-03-09T00:00:00Z\", "
           "\"group\": {}, \"value\": 0.5, \"numerator\": 1, \"denominator\": 2\n");
    fixture_event(world->fixture, "cid", -86400, ",\"region\":\"south\"");
    fixture_settle(world->fixture);
    look(world);
    expect(world, SLIDE, "");
    expect(world,
           STICKINESS,
           "1.0 * \"start\": \"2026-03-01T00:00:00Z\", \"end\": \"2026-03-08T00:00:00Z\", "
           "\"group\": {}, \"value\": 1, \"numerator\": 3, \"denominator\": 3\n"
           /* the week of the next day has changed, too */
           "0.0 * \"start\": \"2026-03-02T00:00:00Z\", \"end\": \"2026-03-09T00:00:00Z\", "
           "\"group\": {}, \"value\": 0.3333333333333333, \"numerator\": 1, \"denominator\": 3\n");
    expect(world,
           BEST,
           "1.0 * \"start\": \"2026-03-07T00:00:00Z\", \"end\": \"2026-03-08T00:00:00Z\", "
           "\"group\": {\"region\": \"south\"}, \"value\": 2\n");
    close_world(world);
}

/* More cells than can be remembered are told more than once, never less. */
static void test_forgetting(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 500, true);
    for (int i = 0; i < 900; i++) {
        char rest[64];
        (void)snprintf(rest, sizeof(rest), ",\"region\":\"r%d\"", i % 9);
        fixture_event(world->fixture, "ann", i / 9 * 3600, rest);
    }
    fixture_settle(world->fixture);
    look(world);
    fixture_event(world->fixture, "ann", 0, ",\"region\":\"r0\"");
    fixture_settle(world->fixture);
    look(world); /* the memory was full */
    assert_non_null(strstr(world->shown[BY_REGION], "99.0 * "));
    assert_non_null(strstr(world->shown[BY_REGION], "99.8 * "));
    close_world(world);
}

/* An event of somebody in each partition. */
static void move_clocks(struct world *world, int64_t seconds)
{
    for (uint32_t p = 0; p < 3; p++) {
        char user[16];
        unsigned number = 0;
        do {
            (void)snprintf(user, sizeof(user), "user %u", number++);
        } while (tide_partition_of(tide_view_of(user), 3) != p);
        fixture_event(world->fixture, user, seconds, ",\"region\":\"north\"");
    }
    fixture_settle(world->fixture);
}

/* By time alone a window becomes complete. */
static void test_beat(void **state)
{
    (void)state;
    struct world *world = open_world();
    want(world, BY_REGION, 2, true);
    move_clocks(world, 0);
    live_cells_beat(world->cells);
    look(world);
    expect(world, BY_REGION, ROW("0.0 *", "10", "11", "north", "3"));
    live_cells_beat(world->cells);
    assert_false(live_cells_is_behind(world->cells, world->wants)); /* nothing is new */
    move_clocks(world, 7200);
    look(world); /* the window that is complete now was not touched */
    expect(world, BY_REGION, ROW("0.0 *", "12", "13", "north", "3"));
    live_cells_beat(world->cells);
    assert_true(live_cells_is_behind(world->cells, world->wants));
    look(world);
    expect(world, BY_REGION, ROW("1.0 *", "10", "11", "north", "3 complete"));
    close_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_changed),
        cmocka_unit_test(test_which_windows),
        cmocka_unit_test(test_what_was_missed),
        cmocka_unit_test(test_coming_in),
        cmocka_unit_test(test_sliding_ratio_and_top),
        cmocka_unit_test(test_forgetting),
        cmocka_unit_test(test_beat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
