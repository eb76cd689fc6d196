/* Goal: whatever comes in whatever order, and wherever epochs and restarts fall: what is told and
 * not withdrawn is what has ended by the clock of the telling, each change told once.
 * Method: random streams of few keys, times and groups, so that ties, late events and gaps of
 * exactly the timeout are the rule, against a plain model that sorts and cuts all events each time;
 * a second operator is restarted at each telling; the rest are cases with names. */
#include "operator/journey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "operator/dictionary.h"
#include "unit/metric/fixture.h"

#include "base/banned.h"

enum {
    STEPS = 3,
    ENTITIES = 3,
    GROUPS = 3, /* null, x, y: in their order */
    TIMEOUT = 10,
    EVENTS_MAX = 256,
    TOLD_MAX = 4096,
    ROUNDS = TIDE_TEST_SANITIZED ? 100 : 250,
};
static const int64_t unit_us = 1000000;

#define WAY(more)                                                                                  \
    FIXTURE_SCHEMA "metrics:\n"                                                                    \
                   "  way:\n"                                                                      \
                   "    funnel:\n"                                                                 \
                   "      per: [user_id, b]\n"                                                     \
                   "      timeout: 10s\n"                                                          \
                   "      steps: [{one: n == 0}, {two: n == 1}, {three: n == 2}]\n"                \
                   "    every: 1d\n" more

struct event {
    uint32_t entity;
    uint32_t b;
    int64_t t; /* units */
    uint32_t step;
    uint32_t group;
};

struct told {
    uint32_t entity;
    uint32_t b;
    int64_t start;
    uint32_t ordinal;
    enum tide_journey_outcome outcome;
    uint32_t reached;
    int64_t times[STEPS];
    int64_t end;
    uint32_t group;
};

struct told_list {
    struct told items[TOLD_MAX];
    uint32_t count;
};

static struct fixture fixture;
static const struct tide_definitions *definitions;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    definitions = fixture_load(&fixture, WAY("    by: [a]\n  all: {count: events, every: 1d}\n"));
    if (definitions == NULL) {
        print_error("%s", fixture_errors(&fixture));
    }
    return definitions == NULL;
}

static int teardown(void **state)
{
    (void)state;
    fixture_release(&fixture);
    return 0;
}

/* ---- an operator and its events */

static struct tide_operator *create(struct tide_operator_limits limits)
{
    struct tide_operator *made = NULL;
    assert_int_equal(
        tide_operator_create(definitions->schema, &definitions->metrics[0], limits, &made, NULL),
        TIDE_OK);
    return made;
}

static struct tide_operator *create_tracked(void)
{
    struct tide_operator *made = create(tide_operator_limits_default());
    tide_operator_track(made, TIDE_INSTANT_UNKNOWN);
    return made;
}

static void feed(struct tide_operator *funnel, const struct event *events, uint32_t count)
{
    static const char *const names[] = {"u0", "u1", "u2"};
    static const char *const groups[GROUPS] = {NULL, "x", "y"};
    struct tide_instant times[EVENTS_MAX];
    uint32_t entities[EVENTS_MAX];
    uint32_t rows[EVENTS_MAX];
    if (count == 0) {
        return;
    }
    struct tide_batch *batch = fixture_batch(definitions->schema, count);
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = i;
        times[i].us = events[i].t * unit_us;
        entities[i] = events[i].entity;
        fixture_set_text(batch, i, "user_id", tide_view_of(names[events[i].entity]));
        fixture_set_number(batch, i, "b", events[i].b);
        fixture_set_number(batch, i, "n", events[i].step);
        if (groups[events[i].group] != NULL) {
            fixture_set_text(batch, i, "a", tide_view_of(groups[events[i].group]));
        }
    }
    const struct tide_operator_input input = {batch, rows, count, times, entities, NULL};
    assert_int_equal(tide_operator_update(funnel, &input, NULL), TIDE_OK);
    tide_batch_destroy(batch);
}

/* In pieces of random size. */
static void feed_pieces(struct tide_operator *funnel,
                        const struct event *events,
                        uint32_t count,
                        uint64_t *seed)
{
    for (uint32_t done = 0; done < count;) {
        const uint32_t piece = 1 + fixture_below(seed, count - done);
        feed(funnel, events + done, piece);
        done += piece;
    }
}

static struct told read_journey(const struct tide_journey *journey)
{
    size_t at = 0;
    struct told told = {.entity = journey->entity,
                        .start = journey->start_us / unit_us,
                        .ordinal = journey->ordinal,
                        .outcome = journey->outcome,
                        .reached = journey->reached,
                        .end = journey->end_us / unit_us};
    told.b = (uint32_t)tide_value_decode(journey->rest, &at).number;
    assert_int_equal(at, journey->rest.size);
    at = 0;
    const bool is_other = tide_group_is_other(journey->group);
    const struct tide_value group =
        is_other ? (struct tide_value){0} : tide_value_decode(journey->group, &at);
    told.group = !group.present ? 0 : group.string.data[0] == 'x' ? 1 : 2;
    told.group = is_other ? GROUPS : told.group;
    assert_true(journey->reached <= STEPS);
    for (uint32_t k = 0; k < journey->reached; k++) {
        told.times[k] = journey->step_times_us[k] / unit_us;
    }
    return told;
}

static enum tide_status append(void *context, const struct tide_journey *journey)
{
    struct told_list *list = context;
    assert_true(list->count < TOLD_MAX);
    list->items[list->count++] = read_journey(journey);
    return TIDE_OK;
}

static struct tide_instant at(int64_t t)
{
    return (struct tide_instant){t * unit_us};
}

/* One telling, into a list of its own. */
static const struct told_list *tell(struct tide_operator *funnel, struct tide_instant closing)
{
    static struct told_list list;
    list.count = 0;
    assert_int_equal(
        tide_operator_tell(funnel, closing, (struct tide_journey_visitor){append, &list}), TIDE_OK);
    return &list;
}

/* ---- the model */

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->t != b->t) {
        return a->t < b->t;
    }
    return a->step != b->step ? a->step < b->step : a->group < b->group;
}

static struct told run_of(const struct event *events, uint32_t first, uint32_t end)
{
    struct told run = {.entity = events[first].entity, .b = events[first].b};
    uint32_t head = first;
    for (uint32_t i = first; i < end; i++) {
        if (events[i].step == run.reached) {
            head = run.reached == 0 ? i : head;
            run.times[run.reached++] = events[i].t;
        }
    }
    run.start = events[head].t;
    run.group = events[head].group;
    run.end = events[end - 1].t;
    run.outcome = run.reached == 0       ? TIDE_JOURNEY_UNMATCHED
                  : run.reached == STEPS ? TIDE_JOURNEY_COMPLETED
                                         : TIDE_JOURNEY_ABANDONED;
    return run;
}

static void end_runs_of_key(const struct event *sorted,
                            uint32_t count,
                            struct tide_instant closing,
                            struct told_list *list)
{
    const struct told *before = NULL;
    for (uint32_t first = 0; first < count;) {
        uint32_t end = first + 1;
        while (end < count && sorted[end - 1].step != STEPS - 1 &&
               sorted[end].t - sorted[end - 1].t < TIMEOUT) {
            end++;
        }
        const struct event *last = &sorted[end - 1];
        const bool is_over =
            tide_instant_known(closing) && (last->t + TIMEOUT) * unit_us <= closing.us;
        if (end == count && last->step != STEPS - 1 && !is_over) {
            return;
        }
        struct told *run = &list->items[list->count++];
        *run = run_of(sorted, first, end);
        run->ordinal = before != NULL && before->start == run->start ? before->ordinal + 1 : 0;
        before = run;
        first = end;
    }
}

static void model(const struct event *events,
                  uint32_t count,
                  struct tide_instant closing,
                  struct told_list *list)
{
    list->count = 0;
    for (uint32_t key = 0; key < 2 * ENTITIES; key++) {
        struct event own[EVENTS_MAX];
        uint32_t own_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].entity != key / 2 || events[i].b != key % 2) {
                continue;
            }
            uint32_t place = own_count++;
            for (; place > 0 && is_before(&events[i], &own[place - 1]); place--) {
                own[place] = own[place - 1];
            }
            own[place] = events[i];
        }
        end_runs_of_key(own, own_count, closing, list);
    }
}

/* ---- a table of what was told */

static bool is_same_identity(const struct told *a, const struct told *b)
{
    return a->entity == b->entity && a->b == b->b && a->start == b->start &&
           a->ordinal == b->ordinal;
}

static bool is_same(const struct told *a, const struct told *b)
{
    return is_same_identity(a, b) && a->outcome == b->outcome && a->reached == b->reached &&
           memcmp(a->times, b->times, a->reached * sizeof(a->times[0])) == 0 && a->end == b->end &&
           a->group == b->group;
}

static struct told *find(struct told_list *list, const struct told *identity)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (is_same_identity(&list->items[i], identity)) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* What one telling said, into the table: each row must change it. */
static void merge(struct told_list *table, const struct told_list *said)
{
    for (uint32_t i = 0; i < said->count; i++) {
        const struct told *row = &said->items[i];
        struct told *known = find(table, row);
        for (uint32_t k = 0; k < i; k++) {
            assert_false(is_same_identity(row, &said->items[k])); /* twice in one epoch */
        }
        if (known == NULL) {
            assert_int_not_equal(row->outcome, TIDE_JOURNEY_WITHDRAWN);
            assert_true(table->count < TOLD_MAX);
            table->items[table->count++] = *row;
        } else if (row->outcome == TIDE_JOURNEY_WITHDRAWN) {
            *known = table->items[--table->count];
        } else {
            assert_false(is_same(known, row));
            *known = *row;
        }
    }
}

static void expect_table(struct told_list *table,
                         const struct event *events,
                         uint32_t count,
                         struct tide_instant closing)
{
    static struct told_list expected;
    model(events, count, closing, &expected);
    for (uint32_t i = 0; i < expected.count; i++) {
        const struct told *known = find(table, &expected.items[i]);
        assert_true(known != NULL && is_same(known, &expected.items[i]));
    }
    assert_int_equal(table->count, expected.count);
}

/* ---- random streams */

/* Mostly around `now`, some late by far. */
static struct event draw(uint64_t *seed, int64_t now)
{
    const int64_t back =
        fixture_below(seed, 6) == 0 ? fixture_below(seed, 60) : fixture_below(seed, 4);
    return (struct event){.entity = fixture_below(seed, ENTITIES),
                          .b = fixture_below(seed, 8) == 0,
                          .t = 1000 + now - back,
                          .step = fixture_below(seed, STEPS),
                          .group = fixture_below(seed, GROUPS)};
}

struct stream {
    struct event events[EVENTS_MAX];
    uint32_t count;
    uint32_t told_count;         /* events that were there at the last telling */
    struct tide_instant closing; /* of the last telling */
    struct told_list table;
};

static bool is_changed(const struct stream *stream, const struct told *row)
{
    for (uint32_t i = stream->told_count; i < stream->count; i++) {
        if (stream->events[i].entity == row->entity && stream->events[i].b == row->b) {
            return true;
        }
    }
    return false;
}

/* Timeouts come behind the changes, in their order, and not more than the limit but for those of
 * one instant. */
static void expect_order(const struct stream *stream,
                         const struct told_list *said,
                         uint32_t journeys_max)
{
    const struct told *before = NULL;
    uint32_t count = 0;
    uint32_t of_last_instant = 0;
    for (uint32_t i = 0; i < said->count; i++) {
        const struct told *row = &said->items[i];
        if (is_changed(stream, row)) {
            assert_null(before);
            continue;
        }
        assert_true(row->outcome == TIDE_JOURNEY_ABANDONED ||
                    row->outcome == TIDE_JOURNEY_UNMATCHED);
        assert_true(before == NULL || before->end <= row->end);
        of_last_instant = before != NULL && before->end == row->end ? of_last_instant + 1 : 1;
        before = row;
        count++;
    }
    assert_true(count <= journeys_max || count - of_last_instant < journeys_max);
}

static void expect_same(const struct told_list *a, const struct told_list *b)
{
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        assert_true(is_same(&a->items[i], &b->items[i]));
    }
}

/* As recovery makes it from the log and the manifest of the last telling. */
static struct tide_operator *restart(const struct stream *stream,
                                     struct tide_operator_limits limits,
                                     uint64_t *seed)
{
    struct tide_operator *made = create(limits);
    feed_pieces(made, stream->events, stream->told_count, seed);
    tide_operator_track(made, stream->closing);
    feed_pieces(
        made, stream->events + stream->told_count, stream->count - stream->told_count, seed);
    return made;
}

/* The end of an epoch; whoever was restarted since the last one says the same. */
static struct tide_operator *end_epoch(struct stream *stream,
                                       struct tide_operator *funnel,
                                       struct tide_operator_limits limits,
                                       struct tide_instant closing,
                                       uint64_t *seed)
{
    static struct told_list said;
    struct tide_instant bounded = closing;
    struct tide_instant again = closing;
    struct tide_operator *other = restart(stream, limits, seed);
    assert_int_equal(tide_operator_bound_telling(funnel, &bounded), TIDE_OK);
    assert_int_equal(tide_operator_bound_telling(other, &again), TIDE_OK);
    assert_true(bounded.us == again.us && bounded.us <= closing.us);
    said = *tell(funnel, bounded);
    expect_same(&said, tell(other, bounded));
    expect_order(stream, &said, limits.journeys_max);
    merge(&stream->table, &said);
    stream->told_count = stream->count;
    stream->closing = bounded;
    expect_table(&stream->table, stream->events, stream->count, bounded);
    if (fixture_below(seed, 2) == 0) { /* go on with the other */
        struct tide_operator *first = funnel;
        funnel = other;
        other = first;
    }
    tide_operator_destroy(other);
    return funnel;
}

static void run_stream(uint64_t seed)
{
    static const uint32_t bounds[] = {1, 2, 100000};
    static struct stream stream;
    struct tide_operator_limits limits = tide_operator_limits_default();
    const uint32_t wanted = 1 + fixture_below(&seed, EVENTS_MAX);
    int64_t clock = INT64_MIN;
    int64_t now = 0;
    limits.journeys_max = bounds[fixture_below(&seed, 3)];
    stream.count = 0;
    stream.told_count = 0;
    stream.table.count = 0;
    stream.closing = TIDE_INSTANT_UNKNOWN;
    struct tide_operator *funnel = create(limits);
    tide_operator_track(funnel, TIDE_INSTANT_UNKNOWN);
    while (stream.count < wanted) {
        uint32_t piece = fixture_below(&seed, 12);
        piece = piece < wanted - stream.count ? piece : wanted - stream.count;
        for (uint32_t i = 0; i < piece; i++) {
            now += fixture_below(&seed, 3);
            stream.events[stream.count + i] = draw(&seed, now);
        }
        feed_pieces(funnel, stream.events + stream.count, piece, &seed);
        stream.count += piece;
        if (fixture_below(&seed, 3) != 0) {
            now += fixture_below(&seed, 4) == 0 ? fixture_below(&seed, 20) : 0;
            const int64_t reached = 1000 + now - (int64_t)fixture_below(&seed, 25);
            clock = reached > clock && fixture_below(&seed, 4) != 0 ? reached : clock;
            funnel = end_epoch(&stream,
                               funnel,
                               limits,
                               clock == INT64_MIN ? TIDE_INSTANT_UNKNOWN : at(clock),
                               &seed);
        }
    }
    do { /* nothing is left open, in as many turns as it takes */
        funnel = end_epoch(&stream, funnel, limits, at(100000), &seed);
    } while (stream.closing.us < at(100000).us);
    tide_operator_destroy(funnel);
}

static void test_random_streams(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        run_stream(seed);
    }
}

/* Beyond the budget of cells, too: whose group is (other) is decided event by event. */
static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        static struct told_list said;
        struct event events[EVENTS_MAX];
        struct tide_operator_limits limits = tide_operator_limits_default();
        uint64_t dice = seed;
        limits.cells_max = 1 + fixture_below(&dice, 3);
        const uint32_t count = 1 + fixture_below(&dice, 60);
        struct tide_operator *one = create(limits);
        struct tide_operator *other = create(limits);
        tide_operator_track(one, TIDE_INSTANT_UNKNOWN);
        tide_operator_track(other, TIDE_INSTANT_UNKNOWN);
        for (uint32_t i = 0; i < count; i++) {
            events[i] = draw(&dice, i);
            feed(one, &events[i], 1);
        }
        feed_pieces(other, events, count, &dice);
        said = *tell(one, at(100000));
        expect_same(&said, tell(other, at(100000)));
        tide_operator_destroy(one);
        tide_operator_destroy(other);
    }
}

/* ---- cases */

static void expect_row(const struct told_list *said,
                       uint32_t i,
                       enum tide_journey_outcome outcome,
                       int64_t start,
                       uint32_t ordinal,
                       uint32_t reached)
{
    assert_true(i < said->count);
    assert_int_equal(said->items[i].outcome, outcome);
    assert_int_equal(said->items[i].start, start);
    assert_int_equal(said->items[i].ordinal, ordinal);
    assert_int_equal(said->items[i].reached, reached);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tide_journey_outcome_name(TIDE_JOURNEY_COMPLETED), "completed");
    assert_string_equal(tide_journey_outcome_name(TIDE_JOURNEY_ABANDONED), "abandoned");
    assert_string_equal(tide_journey_outcome_name(TIDE_JOURNEY_UNMATCHED), "unmatched");
    assert_string_equal(tide_journey_outcome_name(TIDE_JOURNEY_WITHDRAWN), "withdrawn");
}

/* Of a funnel that nobody tracks, and of other kinds, nothing is told. */
static void test_nothing_to_tell(void **state)
{
    (void)state;
    const struct event done = {.t = 100, .step = 2};
    struct tide_operator *funnel = create(tide_operator_limits_default());
    struct tide_operator *count = NULL;
    struct tide_instant closing = at(1000);
    assert_int_equal(tide_operator_create(definitions->schema,
                                          &definitions->metrics[1],
                                          tide_operator_limits_default(),
                                          &count,
                                          NULL),
                     TIDE_OK);
    feed(funnel, &done, 1);
    feed(count, &done, 1);
    tide_operator_track(count, TIDE_INSTANT_UNKNOWN);
    assert_int_equal(tide_operator_bound_telling(funnel, &closing), TIDE_OK);
    assert_int_equal(tide_operator_bound_telling(count, &closing), TIDE_OK);
    assert_true(closing.us == at(1000).us);
    assert_int_equal(tell(funnel, closing)->count, 0);
    assert_int_equal(tell(count, closing)->count, 0);
    tide_operator_track(funnel, at(1000)); /* it had ended: it counts as told */
    assert_int_equal(tell(funnel, at(1000))->count, 0);
    tide_operator_destroy(funnel);
    tide_operator_destroy(count);
}

static void test_ends_at_exactly_the_timeout(void **state)
{
    (void)state;
    const struct event events[] = {{.t = 100, .step = 0}, {.t = 109, .step = 1}};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, events, 2);
    assert_int_equal(tell(funnel, TIDE_INSTANT_UNKNOWN)->count, 0);
    assert_int_equal(tell(funnel, (struct tide_instant){at(119).us - 1})->count, 0);
    const struct told_list *said = tell(funnel, at(119));
    assert_int_equal(said->count, 1);
    expect_row(said, 0, TIDE_JOURNEY_ABANDONED, 100, 0, 2);
    assert_int_equal(said->items[0].end, 109);
    assert_int_equal(tell(funnel, at(119))->count, 0);
    assert_int_equal(tell(funnel, at(9999))->count, 0);
    tide_operator_destroy(funnel);
}

static void test_a_late_event_revises(void **state)
{
    (void)state;
    const struct event first[] = {{.t = 100, .step = 0}, {.t = 105, .step = 1}};
    const struct event late = {.t = 110, .step = 2};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, first, 2);
    expect_row(tell(funnel, at(200)), 0, TIDE_JOURNEY_ABANDONED, 100, 0, 2);
    feed(funnel, &late, 1);
    const struct told_list *said = tell(funnel, at(200));
    assert_int_equal(said->count, 1);
    expect_row(said, 0, TIDE_JOURNEY_COMPLETED, 100, 0, 3);
    assert_int_equal(tell(funnel, at(300))->count, 0);
    tide_operator_destroy(funnel);
}

/* What changed and is the same again is not told. */
static void test_a_change_that_changes_nothing(void **state)
{
    (void)state;
    const struct event first[] = {{.t = 100, .step = 0}, {.t = 105, .step = 1}};
    const struct event between = {.t = 103, .step = 0};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, first, 2);
    assert_int_equal(tell(funnel, at(200))->count, 1);
    feed(funnel, &between, 1); /* the first step a second time, within the run */
    assert_int_equal(tell(funnel, at(200))->count, 0);
    tide_operator_destroy(funnel);
}

static void test_withdrawn_comes_back(void **state)
{
    (void)state;
    const struct event first = {.t = 100, .step = 0};
    const struct event earlier = {.t = 95, .step = 0};
    const struct event cut = {.t = 97, .step = 2};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, &first, 1);
    expect_row(tell(funnel, at(110)), 0, TIDE_JOURNEY_ABANDONED, 100, 0, 1);
    feed(funnel, &earlier, 1); /* the run begins before */
    const struct told_list *said = tell(funnel, at(110));
    assert_int_equal(said->count, 2);
    expect_row(said, 0, TIDE_JOURNEY_ABANDONED, 95, 0, 1);
    expect_row(said, 1, TIDE_JOURNEY_WITHDRAWN, 100, 0, 1);
    feed(funnel, &cut, 1); /* two runs again */
    said = tell(funnel, at(120));
    assert_int_equal(said->count, 2);
    expect_row(said, 0, TIDE_JOURNEY_ABANDONED, 95, 0, 1);
    assert_int_equal(said->items[0].end, 97);
    expect_row(said, 1, TIDE_JOURNEY_ABANDONED, 100, 0, 1);
    tide_operator_destroy(funnel);
}

/* An event of now makes a run open again that had timed out: it is no record until it ends. */
static void test_a_run_that_is_open_again(void **state)
{
    (void)state;
    const struct event first = {.t = 100, .step = 0};
    const struct event second = {.t = 109, .step = 1};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, &first, 1);
    assert_int_equal(tell(funnel, at(110))->count, 1);
    feed(funnel, &second, 1);
    expect_row(tell(funnel, at(115)), 0, TIDE_JOURNEY_WITHDRAWN, 100, 0, 1);
    assert_int_equal(tell(funnel, at(118))->count, 0);
    expect_row(tell(funnel, at(119)), 0, TIDE_JOURNEY_ABANDONED, 100, 0, 2);
    tide_operator_destroy(funnel);
}

static void test_ties_have_ordinals(void **state)
{
    (void)state;
    const struct event events[] = {{.t = 100, .step = 2}, {.t = 100, .step = 2}};
    struct tide_operator *funnel = create_tracked();
    feed(funnel, events, 2);
    const struct told_list *said = tell(funnel, TIDE_INSTANT_UNKNOWN);
    assert_int_equal(said->count, 2);
    expect_row(said, 0, TIDE_JOURNEY_UNMATCHED, 100, 0, 0);
    expect_row(said, 1, TIDE_JOURNEY_UNMATCHED, 100, 1, 0);
    tide_operator_destroy(funnel);
}

/* Keys beyond their number of events are left to batch: what was told of them stays. */
static void test_an_overfull_key_stays_as_it_was_told(void **state)
{
    (void)state;
    struct event events[8];
    struct tide_operator_limits limits = tide_operator_limits_default();
    limits.key_events_max = 6;
    for (uint32_t i = 0; i < 8; i++) {
        events[i] = (struct event){.t = 100 + 20 * i, .step = 0};
    }
    struct tide_operator *funnel = create(limits);
    tide_operator_track(funnel, TIDE_INSTANT_UNKNOWN);
    feed(funnel, events, 3);
    assert_int_equal(tell(funnel, TIDE_INSTANT_UNKNOWN)->count, 2); /* the last one is open */
    feed(funnel, events + 3, 4);                                    /* one too many */
    assert_int_equal(tell(funnel, at(9999))->count, 0);
    feed(funnel, events + 7, 1);
    assert_int_equal(tell(funnel, at(99999))->count, 0);
    tide_operator_destroy(funnel);
}

static void test_timeouts_in_turns(void **state)
{
    (void)state;
    const struct event events[] = {{.entity = 0, .b = 0, .t = 130},
                                   {.entity = 0, .b = 1, .t = 110},
                                   {.entity = 1, .b = 0, .t = 120},
                                   {.entity = 1, .b = 1, .t = 120},
                                   {.entity = 2, .b = 0, .t = 100}};
    static const int64_t clocks[] = {120, 130, 1000};
    static const uint32_t counts[] = {2, 2, 1};
    struct tide_operator_limits limits = tide_operator_limits_default();
    limits.journeys_max = 2;
    struct tide_operator *funnel = create(limits);
    tide_operator_track(funnel, TIDE_INSTANT_UNKNOWN);
    feed(funnel, events, 5);
    assert_int_equal(tell(funnel, TIDE_INSTANT_UNKNOWN)->count, 0);
    for (uint32_t turn = 0; turn < 3; turn++) {
        struct tide_instant closing = at(1000);
        assert_int_equal(tide_operator_bound_telling(funnel, &closing), TIDE_OK);
        assert_int_equal(closing.us, at(clocks[turn]).us);
        const struct told_list *said = tell(funnel, closing);
        assert_int_equal(said->count, counts[turn]);
        for (uint32_t i = 0; i < said->count; i++) {
            assert_true(said->items[i].end + TIMEOUT <= clocks[turn]);
            assert_true(i == 0 || said->items[i - 1].end <= said->items[i].end);
        }
    }
    limits.journeys_max = 1; /* those of one instant are not parted */
    struct tide_operator *other = create(limits);
    tide_operator_track(other, at(125));
    feed(other, events, 5);
    assert_int_equal(tell(other, at(125))->count, 2); /* changes are not bounded */
    struct tide_instant closing = at(1000);
    assert_int_equal(tide_operator_bound_telling(other, &closing), TIDE_OK);
    assert_int_equal(closing.us, at(130).us);
    assert_int_equal(tell(other, closing)->count, 2);
    tide_operator_destroy(other);
    tide_operator_destroy(funnel);
}

/* An event that comes between the bounding and the telling takes its key's timeout back. */
static void test_an_event_after_bounding(void **state)
{
    (void)state;
    const struct event events[] = {{.entity = 0, .b = 0, .t = 100},
                                   {.entity = 1, .b = 0, .t = 110},
                                   {.entity = 0, .b = 0, .step = 1, .t = 105}};
    struct tide_operator *funnel = create(tide_operator_limits_default());
    tide_operator_track(funnel, TIDE_INSTANT_UNKNOWN);
    feed(funnel, events, 2);
    assert_int_equal(tell(funnel, TIDE_INSTANT_UNKNOWN)->count, 0);
    struct tide_instant closing = at(110 + TIMEOUT);
    assert_int_equal(tide_operator_bound_telling(funnel, &closing), TIDE_OK);
    feed(funnel, events + 2, 1);
    const struct told_list *said = tell(funnel, closing);
    assert_int_equal(said->count, 2);
    for (uint32_t i = 0; i < said->count; i++) {
        assert_int_equal(said->items[i].reached, said->items[i].end == 105 ? 2 : 1);
    }
    tide_operator_destroy(funnel);
}

static enum tide_status refuse(void *context, const struct tide_journey *journey)
{
    (void)journey;
    return ++*(uint32_t *)context == 2 ? TIDE_FATAL : TIDE_OK;
}

/* Nothing of a telling that failed counts as told. */
static void test_a_visit_that_fails(void **state)
{
    (void)state;
    const struct event events[] = {
        {.entity = 0, .t = 100, .step = 2}, {.entity = 1, .t = 90}, {.entity = 2, .t = 95}};
    struct tide_operator *funnel = create_tracked();
    uint32_t calls = 0;
    feed(funnel, events + 1, 2);
    assert_int_equal(tell(funnel, TIDE_INSTANT_UNKNOWN)->count, 0);
    feed(funnel, events, 1);
    assert_int_equal(
        tide_operator_tell(funnel, at(200), (struct tide_journey_visitor){refuse, &calls}),
        TIDE_FATAL);
    assert_int_equal(calls, 2);
    assert_int_equal(tell(funnel, at(200))->count, 3);
    tide_operator_destroy(funnel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_streams),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nothing_to_tell),
        cmocka_unit_test(test_ends_at_exactly_the_timeout),
        cmocka_unit_test(test_a_late_event_revises),
        cmocka_unit_test(test_a_change_that_changes_nothing),
        cmocka_unit_test(test_withdrawn_comes_back),
        cmocka_unit_test(test_a_run_that_is_open_again),
        cmocka_unit_test(test_ties_have_ordinals),
        cmocka_unit_test(test_an_overfull_key_stays_as_it_was_told),
        cmocka_unit_test(test_timeouts_in_turns),
        cmocka_unit_test(test_an_event_after_bounding),
        cmocka_unit_test(test_a_visit_that_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
