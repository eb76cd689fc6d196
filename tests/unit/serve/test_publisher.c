/* Goal: each cell is told when it is new or other than it was told last, as the API shows it, and
 * all of them again after a failure; what is not told is counted.
 * Method: a publisher over a real API, on a clock that stands still until the test lets a round
 * happen, with a sink that answers as it is told. */
#include "fixture.h"

#include "base/assert.h"
#include "base/logline.h"
#include "serve/publisher.h"

#include <pthread.h>
#include <sched.h>

enum {
    TOLD_MAX = 2048
};

static struct {
    struct fixture *fixture;
    struct tide_publisher *publisher;
    _Atomic int64_t now_us;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    uint32_t rounds_due;
    bool is_stopping;
    char *told[TOLD_MAX]; /* "key\nvalue" since the last look */
    uint32_t told_count;
    uint32_t flush_count;
    enum tide_status send_answers[8]; /* popped from the end; none left: OK */
    uint32_t send_answer_count;
    enum tide_status flush_answers[8];
    uint32_t flush_answer_count;
} rig;

static enum tide_status pop(enum tide_status *answers, uint32_t *count)
{
    return *count > 0 ? answers[--*count] : TIDE_OK;
}

static enum tide_status send_cell(void *context,
                                  struct tide_view key,
                                  struct tide_view value,
                                  struct tide_error *error)
{
    struct tide_bytes text = {0};
    (void)context;
    pthread_mutex_lock(&rig.mutex);
    const enum tide_status status = pop(rig.send_answers, &rig.send_answer_count);
    if (status == TIDE_OK) {
        tide_assert(rig.told_count < TOLD_MAX);
        tide_bytes_append_view(&text, key);
        tide_bytes_append_byte(&text, '\n');
        tide_bytes_append_view(&text, value);
        rig.told[rig.told_count++] = strdup(tide_bytes_terminated(&text));
        tide_bytes_release(&text);
    }
    pthread_mutex_unlock(&rig.mutex);
    return status == TIDE_OK ? TIDE_OK : tide_error_set(error, status, "as told");
}

static enum tide_status flush_cells(void *context, struct tide_error *error)
{
    (void)context;
    pthread_mutex_lock(&rig.mutex);
    const enum tide_status status = pop(rig.flush_answers, &rig.flush_answer_count);
    rig.flush_count++;
    pthread_mutex_unlock(&rig.mutex);
    return status == TIDE_OK ? TIDE_OK : tide_error_set(error, status, "as told");
}

static struct tide_instant now(void *self)
{
    (void)self;
    return (struct tide_instant){atomic_load(&rig.now_us)};
}

static struct tide_monotonic monotonic(void *self)
{
    (void)self;
    return (struct tide_monotonic){atomic_load(&rig.now_us) * 1000};
}

/* Until the test lets a round happen, or stops. */
static void pass(void *self, struct tide_duration duration)
{
    (void)self;
    pthread_mutex_lock(&rig.mutex);
    while (rig.rounds_due == 0 && !rig.is_stopping) {
        pthread_cond_wait(&rig.changed, &rig.mutex);
    }
    if (rig.rounds_due > 0) {
        rig.rounds_due--;
        atomic_fetch_add(&rig.now_us, duration.us);
    }
    pthread_mutex_unlock(&rig.mutex);
}

static void stop(void)
{
    pthread_mutex_lock(&rig.mutex);
    rig.is_stopping = true;
    pthread_cond_signal(&rig.changed);
    pthread_mutex_unlock(&rig.mutex);
    tide_publisher_stop(rig.publisher);
    rig.publisher = NULL;
}

static void forget_told(void)
{
    pthread_mutex_lock(&rig.mutex);
    for (uint32_t i = 0; i < rig.told_count; i++) {
        free(rig.told[i]);
    }
    rig.told_count = 0;
    pthread_mutex_unlock(&rig.mutex);
}

static void start(uint32_t cells_max)
{
    static const struct tide_clock_operations operations = {
        .now = now, .monotonic = monotonic, .sleep = pass};
    struct tide_error error = {0};
    rig.is_stopping = false;
    const struct tide_publisher_options options = {.api = rig.fixture->api,
                                                   .clock = {&operations, NULL},
                                                   .interval = {1000},
                                                   .cells_max = cells_max,
                                                   .send = send_cell,
                                                   .flush = flush_cells};
    fixture_check(tide_publisher_start(&options, &rig.publisher, &error), &error);
}

static void begin(uint32_t cells_max)
{
    memset(&rig, 0, sizeof(rig));
    (void)pthread_mutex_init(&rig.mutex, NULL);
    (void)pthread_cond_init(&rig.changed, NULL);
    rig.fixture = fixture_open(2);
    fixture_settle(rig.fixture);
    start(cells_max);
}

static void end(void)
{
    stop();
    forget_told();
    fixture_close(rig.fixture);
    (void)pthread_cond_destroy(&rig.changed);
    (void)pthread_mutex_destroy(&rig.mutex);
}

/* Lets one round happen; what it told is in rig. */
static void let_a_round_happen(void)
{
    const uint64_t before = tide_publisher_facts(rig.publisher).rounds;
    forget_told();
    pthread_mutex_lock(&rig.mutex);
    rig.rounds_due++;
    pthread_cond_signal(&rig.changed);
    pthread_mutex_unlock(&rig.mutex);
    while (tide_publisher_facts(rig.publisher).rounds == before) {
        sched_yield();
    }
}

/* The value under a key that has both in it. */
static const char *told_of(const char *metric, const char *part)
{
    for (uint32_t i = 0; i < rig.told_count; i++) {
        const char *value = strchr(rig.told[i], '\n');
        const char *found[] = {strstr(rig.told[i], metric), strstr(rig.told[i], part)};
        if (found[0] != NULL && found[0] < value && found[1] != NULL && found[1] < value) {
            return value + 1;
        }
    }
    return NULL;
}

static void pay(const char *user, int64_t seconds, const char *region)
{
    char rest[128];
    (void)snprintf(rest, sizeof(rest), ",\"region\":\"%s\",\"amount\":1", region);
    fixture_event(rig.fixture, user, seconds, rest);
    fixture_settle(rig.fixture);
}

/* ---- */

static void tells_what_is_new_or_changed(void **state)
{
    (void)state;
    begin(1000);
    let_a_round_happen();
    assert_int_equal(rig.told_count, 0);
    assert_int_equal(rig.flush_count, 1);
    pay("ann", 0, "eu");
    let_a_round_happen();
    const uint32_t first = rig.told_count; /* a cell of each metric */
    assert_int_equal(first, 5);
    const char *value = told_of("\"by_region\"", "\"eu\"");
    assert_non_null(value);
    assert_int_equal(fixture_ask(rig.fixture, "GET", "/api/v1/metrics/by_region?format=ndjson"),
                     200);
    assert_non_null(strstr(fixture_body(rig.fixture), value)); /* as the API shows it */
    let_a_round_happen();
    assert_int_equal(rig.told_count, 0);
    pay("ann", 1, "us"); /* another cell of by_region */
    let_a_round_happen();
    assert_non_null(told_of("\"by_region\"", "\"us\""));
    assert_null(told_of("\"by_region\"", "\"eu\""));
    value = told_of("\"users\"", "");
    assert_non_null(value); /* the same value, and one more event in it */
    assert_non_null(strstr(value, "\"value\": 1"));
    assert_non_null(strstr(value, "\"revision\": 2"));
    pay("ann", 2, "eu"); /* the same cell with another value */
    let_a_round_happen();
    value = told_of("\"by_region\"", "\"eu\"");
    assert_non_null(value);
    assert_non_null(strstr(value, "\"value\": 2"));
    assert_null(told_of("\"by_region\"", "\"us\""));
    const struct tide_publisher_facts facts = tide_publisher_facts(rig.publisher);
    assert_int_equal(facts.failures, 0);
    assert_int_equal(facts.left_out, 0);
    assert_true(facts.cells > first);
    end();
}

/* Keys are the same for all revisions of a cell, and different for different cells. */
static void keys_name_cells(void **state)
{
    static char keys[64][256];
    uint32_t count = 0;
    (void)state;
    begin(1000);
    pay("ann", 0, "eu");
    pay("bob", 86400, "us");
    let_a_round_happen();
    for (uint32_t i = 0; i < rig.told_count; i++) {
        const size_t size = (size_t)(strchr(rig.told[i], '\n') - rig.told[i]);
        assert_true(size < sizeof(keys[0]));
        (void)snprintf(keys[count++], sizeof(keys[0]), "%.*s", (int)size, rig.told[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = i + 1; j < count; j++) {
            assert_string_not_equal(keys[i], keys[j]);
        }
    }
    pay("ann", 3, "eu");
    let_a_round_happen();
    for (uint32_t i = 0; i < rig.told_count; i++) {
        bool is_known = false;
        for (uint32_t j = 0; j < count; j++) {
            is_known |= strncmp(rig.told[i], keys[j], strlen(keys[j])) == 0;
        }
        assert_true(is_known);
    }
    assert_true(rig.told_count > 0);
    end();
}

/* Whatever failed, the next round tells all; and the flush is asked each time, for it may mend
 * it. */
static void tells_all_again_after_a_failure(void **state)
{
    static const struct {
        enum tide_status sends[2]; /* the last first */
        uint32_t send_count;
        enum tide_status flushes[1];
        uint32_t flush_count;
    } rows[] = {
        {{0}, 0, {TIDE_RETRY}, 1},
        {{TIDE_RETRY}, 1, {0}, 0},
        {{TIDE_RETRY, TIDE_OK}, 2, {0}, 0},
        {{TIDE_FATAL}, 1, {TIDE_RETRY}, 1},
    };
    (void)state;
    begin(1000);
    pay("ann", 0, "eu");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint64_t failures = tide_publisher_facts(rig.publisher).failures;
        pay("ann", (int64_t)i + 1, "eu"); /* something to tell */
        pthread_mutex_lock(&rig.mutex);
        memcpy(rig.send_answers, rows[i].sends, sizeof(rows[i].sends));
        rig.send_answer_count = rows[i].send_count;
        memcpy(rig.flush_answers, rows[i].flushes, sizeof(rows[i].flushes));
        rig.flush_answer_count = rows[i].flush_count;
        rig.flush_count = 0;
        pthread_mutex_unlock(&rig.mutex);
        let_a_round_happen();
        assert_int_equal(tide_publisher_facts(rig.publisher).failures, failures + 1);
        assert_int_equal(rig.flush_count, 1);
        let_a_round_happen();
        assert_int_equal(rig.told_count, 5);
    }
    end();
}

static void leaves_out_what_cannot_be_told(void **state)
{
    (void)state;
    begin(3);
    pay("ann", 0, "eu");
    let_a_round_happen();
    assert_int_equal(rig.told_count, 3); /* as many as are remembered */
    assert_int_equal(tide_publisher_facts(rig.publisher).left_out, 2);
    pay("ann", 1, "eu");
    let_a_round_happen(); /* those are told on, the others never */
    assert_true(rig.told_count > 0 && rig.told_count <= 3);
    assert_int_equal(tide_publisher_facts(rig.publisher).failures, 0);
    stop();
    start(1000);
    pthread_mutex_lock(&rig.mutex);
    rig.send_answers[0] = TIDE_REJECT; /* too large for a message */
    rig.send_answer_count = 1;
    pthread_mutex_unlock(&rig.mutex);
    let_a_round_happen(); /* a new publisher tells all */
    assert_int_equal(rig.told_count, 4);
    const struct tide_publisher_facts facts = tide_publisher_facts(rig.publisher);
    assert_int_equal(facts.left_out, 1);
    assert_int_equal(facts.failures, 0);
    assert_int_equal(facts.cells, 4);
    let_a_round_happen();
    assert_int_equal(rig.told_count, 0); /* nor is it tried again while it is the same */
    end();
}

/* More cells than the table has at first: it grows, and forgets none. */
static void remembers_many(void **state)
{
    (void)state;
    begin(100000);
    forget_told();
    for (int region = 0; region < 500; region++) { /* a cell of by_region and of spent each */
        char rest[64];
        (void)snprintf(rest, sizeof(rest), ",\"region\":\"r%d\",\"amount\":1", region);
        fixture_event(rig.fixture, "ann", 0, rest);
    }
    fixture_settle(rig.fixture);
    let_a_round_happen();
    assert_true(rig.told_count > 1000);
    let_a_round_happen();
    assert_int_equal(rig.told_count, 0);
    end();
}

static void looks_a_last_time(void **state)
{
    (void)state;
    begin(1000);
    let_a_round_happen();
    pay("ann", 0, "eu");
    forget_told();
    stop(); /* no time has passed */
    assert_int_equal(rig.told_count, 5);
    tide_publisher_stop(NULL);
    assert_int_equal(tide_publisher_facts(NULL).rounds, 0);
    end();
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_new_or_changed),
        cmocka_unit_test(keys_name_cells),
        cmocka_unit_test(tells_all_again_after_a_failure),
        cmocka_unit_test(leaves_out_what_cannot_be_told),
        cmocka_unit_test(remembers_many),
        cmocka_unit_test(looks_a_last_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
