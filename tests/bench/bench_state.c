/* Goal: what a key, a session and a cell take in memory, and that an event of a hostile stream
 * costs about what one of an ordinary stream does. Method: a million funnel keys with one event
 * each, a million sessions; streams of a million events through metrics of each kind: ordinary, a
 * new page in every event, one key (in order, a little out of order), a session in every event. */
#include "base/assert.h"
#include "unit/operator/stream.h"

#include <inttypes.h>
#include <time.h>

enum {
    EVENTS = 1000000,
    PIECE = 1000,
    ENTITIES = 100000,
    PAGES = 50,
    TEXT_SIZE = 16,
    SECOND_US = 1000000,
};

#define STEPS "steps: [{i: 'kind == \"I\"'}, {s: 'kind == \"S\"'}, {e: 'kind == \"E\"'}]"

static double now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ------- streams */

struct event {
    uint32_t entity;
    uint32_t page;
    uint32_t kind; /* of kinds */
    int64_t time_us;
};

static const char *const kinds[] = {"I", "S", "E", "L"};

/* Events of 100,000 entities on 50 pages in ten hours, nearly in order. */
static struct event ordinary(uint32_t i, uint64_t random)
{
    return (struct event){.entity = (uint32_t)(random % ENTITIES),
                          .page = (uint32_t)(random >> 20) % PAGES,
                          .kind = (uint32_t)(random >> 40) % 4,
                          .time_us = (int64_t)i * 36000 + (int64_t)(random >> 50) * 100};
}

static struct event new_page(uint32_t i, uint64_t random)
{
    struct event event = ordinary(i, random);
    event.page = i;
    return event;
}

/* Ten a second, steps 1 and 2: one run, and one session. */
static struct event one_key(uint32_t i, uint64_t random)
{
    struct event event = ordinary(i, random);
    event.entity = 0;
    event.kind %= 2;
    event.time_us = (int64_t)i * (SECOND_US / 10);
    return event;
}

static struct event one_key_late(uint32_t i, uint64_t random)
{
    struct event event = one_key(i, random);
    event.time_us -= (int64_t)(random >> 48) % (3 * SECOND_US / 2);
    return event;
}

/* Each event of one key is an hour after the one before. */
static struct event one_key_apart(uint32_t i, uint64_t random)
{
    struct event event = one_key(i, random);
    event.time_us = (int64_t)i * 3600 * SECOND_US;
    return event;
}

static const struct {
    const char *name;
    struct event (*make)(uint32_t i, uint64_t random);
} streams[] = {
    {"ordinary", ordinary},
    {"new page", new_page},
    {"one key", one_key},
    {"one key, late", one_key_late},
    {"one key, apart", one_key_apart},
};

enum {
    STREAMS = sizeof(streams) / sizeof(*streams)
};

static void fill(struct stream *stream,
                 uint32_t first,
                 struct event (*make)(uint32_t i, uint64_t random),
                 uint64_t *seed)
{
    static char pages[PIECE][TEXT_SIZE];
    static char users[PIECE][TEXT_SIZE];
    for (uint32_t i = 0; i < PIECE; i++) {
        const struct event event = make(first + i, fixture_random(seed));
        const int page = snprintf(pages[i], TEXT_SIZE, "page-%u", event.page);
        const int user = snprintf(users[i], TEXT_SIZE, "user-%u", event.entity);
        stream->times[i].us = INT64_C(1000) * 86400 * SECOND_US + event.time_us;
        stream->entities[i] = event.entity;
        fixture_set_text(stream->batch, i, "a", (struct tide_view){pages[i], (size_t)page});
        fixture_set_text(stream->batch, i, "user_id", (struct tide_view){users[i], (size_t)user});
        fixture_set_text(stream->batch, i, "kind", tide_view_of(kinds[event.kind]));
        fixture_set_number(stream->batch, i, "x", event.time_us % 1000000);
    }
}

/* Of an event, in ns. facts: at the end. */
static double run(const char *metric,
                  struct event (*make)(uint32_t i, uint64_t random),
                  struct tide_operator_limits limits,
                  struct tide_operator_facts *facts)
{
    static uint32_t rows[PIECE];
    uint64_t seed = 1;
    double spent_ns = 0;
    struct room room;
    struct stream stream = {0};
    room_open(&room, metric);
    struct tide_operator *operator= room_operator(&room, room.metric, limits);
    stream_create(&stream, room.definitions->schema, PIECE, stream_time_hours, &seed);
    stream_order(rows, PIECE, true, &seed);
    for (uint32_t done = 0; done < EVENTS; done += PIECE) {
        fill(&stream, done, make, &seed);
        const struct tide_operator_input input = {
            stream.batch, rows, PIECE, stream.times, stream.entities, NULL};
        const double start_ns = now_ns();
        const enum tide_status status = tide_operator_update(operator, & input, NULL);
        spent_ns += now_ns() - start_ns;
        tide_assert(status == TIDE_OK);
    }
    *facts = tide_operator_facts(operator);
    tide_operator_destroy(operator);
    stream_destroy(&stream);
    room_close(&room);
    return spent_ns / EVENTS;
}

/* ------- memory */

/* Entity i, one event. */
static struct event own_key(uint32_t i, uint64_t random)
{
    (void)random;
    return (struct event){.entity = i};
}

static void measure_state(void)
{
    static const struct {
        const char *what;
        const char *metric;
        struct event (*make)(uint32_t i, uint64_t random);
        double bytes_max; /* 0: printed only */
    } cases[] = {
        {"funnel key of one event",
         "{funnel: {per: [user_id], timeout: 30m, " STEPS "}, every: 1d}",
         own_key,
         40},
        {"session, an entity each (24 + 8)",
         "{sessions: {per: user_id, timeout: 30m}, every: 1d}",
         own_key,
         34},
        {"session, all of one entity",
         "{sessions: {per: user_id, timeout: 30m}, every: 365d}",
         one_key_apart,
         0},
        {"cell of a count", "{count: events, every: 1d, by: [a]}", new_page, 0},
        {"retention, entity seen in a period",
         "{retention: {per: user_id, period: 1d, periods: 7}}",
         own_key,
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tide_operator_facts facts;
        (void)run(cases[i].metric, cases[i].make, tide_operator_limits_none(), &facts);
        const double bytes = (double)facts.bytes / EVENTS;
        printf("%-38s %6.1f bytes each of %d\n", cases[i].what, bytes, EVENTS);
        (void)fflush(stdout);
        tide_assert(cases[i].bytes_max == 0 || bytes <= cases[i].bytes_max);
    }
}

/* ------- time */

static void measure_time(void)
{
    static const char *const metrics[] = {
        "{count: events, every: 1h, by: [a]}",
        "{sum: x, every: 10m, over: 1h, by: [a]}",
        "{quantiles: [0.5], of: x, every: 1h, by: [a]}",
        "{distinct: a, every: 1h}",
        "{distinct: user_id, every: 1h, by: [a]}",
        "{distinct: user_id, every: 1h, by: [a], having: 'count() > 2'}",
        "{sessions: {per: user_id, timeout: 30m}, every: 1d, by: [a]}",
        "{funnel: {per: [user_id], timeout: 30m, " STEPS "}, every: 1d, by: [a]}",
        "{funnel: {per: [user_id, a], timeout: 30m, " STEPS "}, every: 1d}",
        "{retention: {per: user_id, period: 1d, periods: 7}}",
    };
    for (int is_service = 0; is_service < 2; is_service++) {
        printf("\nns for an event, %s\n", is_service ? "limits of a service" : "no limits");
        for (uint32_t k = 0; k < STREAMS; k++) {
            printf("%16s", streams[k].name);
        }
        printf("\n");
        for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
            for (uint32_t k = 0; k < STREAMS; k++) {
                struct tide_operator_facts facts;
                const double ns =
                    run(metrics[i],
                        streams[k].make,
                        is_service ? tide_operator_limits_default() : tide_operator_limits_none(),
                        &facts);
                printf("%16.0f", ns);
                (void)fflush(stdout);
            }
            printf("  %s\n", metrics[i]);
        }
    }
}

int main(void)
{
    measure_state();
    measure_time();
    return 0;
}
