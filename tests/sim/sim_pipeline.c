/* Goal: whatever the disk and the moment of a crash, every acknowledged event is counted once and
 * is in the lake once, and the pipeline goes on afterwards.
 * Method: thousands of seeded lives of the whole service on a simulated disk and clock, see
 * support/sim_pipeline.h; each test takes a share of the seeds. TIDE_SIM_FIRST and TIDE_SIM_SEEDS
 * choose others, and an argument 2/3 the second third of them: a failure prints the line that plays
 * its seed again. */
#include "support/sim_pipeline.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/logline.h"
#include "support/sim_events.h"

#include "base/banned.h"

enum {
    SHARES = 5,
    SEEDS_DEFAULT = TIDE_TEST_SANITIZED ? 100 : 2000,
    TRACED_OF_100 = 1,
};

static struct tide_arena arena;
static const struct tide_definitions *definitions;
static uint64_t seed_first = 1;
static uint64_t seed_count = SEEDS_DEFAULT;
static struct sim_report total;

/* What a signal handler may print. */
static char replay_line[128];
static size_t replay_size;

static void on_abort(int number)
{
    (void)number;
    ssize_t ignored = write(STDERR_FILENO, replay_line, replay_size);
    (void)ignored;
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static void remember_seed(uint64_t seed)
{
    int size =
        snprintf(replay_line,
                 sizeof(replay_line),
                 "seed %llu failed; again: TIDE_SIM_FIRST=%llu TIDE_SIM_SEEDS=1 sim_pipeline\n",
                 (unsigned long long)seed,
                 (unsigned long long)seed);
    replay_size = (size_t)size;
}

static void add_report(const struct sim_report *report)
{
    total.records += report->records;
    total.acknowledged += report->acknowledged;
    total.refused += report->refused;
    total.power_cuts += report->power_cuts;
    total.kills += report->kills;
    total.failed_syncs += report->failed_syncs;
    total.crashes_in_recovery += report->crashes_in_recovery;
    total.retried_commits += report->retried_commits;
    total.compactions += report->compactions;
    total.epochs += report->epochs;
    total.quiet_epochs += report->quiet_epochs;
    total.journeys += report->journeys;
    total.revised += report->revised;
    total.withdrawn += report->withdrawn;
    total.segments += report->segments;
    total.late += report->late;
    total.duplicates += report->duplicates;
    total.rejected += report->rejected;
    total.handed += report->handed;
    total.dropped += report->dropped;
}

static void run_seed(uint64_t seed)
{
    struct sim_report report;
    remember_seed(seed);
    sim_pipeline_run(seed, definitions, &report);
    if (report.wrong[0] != '\0') {
        fail_msg("%s\n%s", report.wrong, replay_line);
    }
    add_report(&report);
    if (seed % 100 < TRACED_OF_100) {
        struct sim_report again;
        sim_pipeline_run(seed, definitions, &again);
        if (again.trace != report.trace) {
            fail_msg("the same seed took another course\n%s", replay_line);
        }
    }
}

static void test_share(void **state)
{
    const uint64_t *share = *state;
    for (uint64_t i = *share; i < seed_count; i += SHARES) {
        run_seed(seed_first + i);
    }
}

/* A simulator that never meets trouble proves nothing. Runs last. */
static void test_there_was_trouble(void **state)
{
    (void)state;
    if (seed_count < SHARES * 10) {
        skip();
    }
    print_message("# %llu records, %llu acknowledged, %llu bodies refused, %llu power cuts, "
                  "%llu kills, %llu failed syncs, %llu crashes in recovery, %llu retried commits, "
                  "%llu compactions, %llu epochs, %llu quiet ones, %llu journeys, %llu revised, "
                  "%llu withdrawn, "
                  "%llu segments, %llu late, %llu duplicates, %llu rejected, %llu handed over, "
                  "%llu not for want of room\n",
                  (unsigned long long)total.records,
                  (unsigned long long)total.acknowledged,
                  (unsigned long long)total.refused,
                  (unsigned long long)total.power_cuts,
                  (unsigned long long)total.kills,
                  (unsigned long long)total.failed_syncs,
                  (unsigned long long)total.crashes_in_recovery,
                  (unsigned long long)total.retried_commits,
                  (unsigned long long)total.compactions,
                  (unsigned long long)total.epochs,
                  (unsigned long long)total.quiet_epochs,
                  (unsigned long long)total.journeys,
                  (unsigned long long)total.revised,
                  (unsigned long long)total.withdrawn,
                  (unsigned long long)total.segments,
                  (unsigned long long)total.late,
                  (unsigned long long)total.duplicates,
                  (unsigned long long)total.rejected,
                  (unsigned long long)total.handed,
                  (unsigned long long)total.dropped);
    assert_true(total.acknowledged > seed_count * 20);
    assert_true(total.power_cuts > seed_count * 2); /* one of them is the last replay */
    assert_true(total.kills > seed_count / 4);
    assert_true(total.failed_syncs > seed_count / 50);
    assert_true(total.crashes_in_recovery > seed_count / 20);
    assert_true(total.retried_commits > seed_count / 20);
    assert_true(total.refused > seed_count / 10);
    assert_true(total.compactions > seed_count / 2);
    assert_true(total.epochs > seed_count * 3);
    assert_true(total.quiet_epochs > seed_count / 2);
    assert_true(total.journeys > seed_count * 20);
    assert_true(total.revised > seed_count);
    assert_true(total.withdrawn > seed_count / 5);
    assert_true(total.segments > seed_count * 2);
    assert_true(total.late > seed_count);
    assert_true(total.duplicates > seed_count);
    assert_true(total.rejected > seed_count);
    assert_true(total.handed > seed_count * 20);
    assert_true(total.dropped > seed_count);
}

static uint64_t number_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL) {
        return fallback;
    }
    uint64_t value = strtoull(text, &end, 10);
    return end != text && *end == '\0' ? value : fallback;
}

/* The seeds of one of so many parts that are side by side. */
static bool choose_part(const char *text)
{
    char *end = NULL;
    const uint64_t part = strtoull(text, &end, 10);
    const uint64_t parts = *end == '/' ? strtoull(end + 1, &end, 10) : 0;
    if (*end != '\0' || part < 1 || part > parts) {
        return false;
    }
    const uint64_t before = seed_count * (part - 1) / parts;
    seed_first += before;
    seed_count = seed_count * part / parts - before;
    return true;
}

int main(int argument_count, char **arguments)
{
    static uint64_t shares[SHARES] = {0, 1, 2, 3, 4};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_share, &shares[0]),
        cmocka_unit_test_prestate(test_share, &shares[1]),
        cmocka_unit_test_prestate(test_share, &shares[2]),
        cmocka_unit_test_prestate(test_share, &shares[3]),
        cmocka_unit_test_prestate(test_share, &shares[4]),
        cmocka_unit_test(test_there_was_trouble),
    };
    seed_first = number_of("TIDE_SIM_FIRST", seed_first);
    seed_count = number_of("TIDE_SIM_SEEDS", seed_count);
    if (argument_count > 1 && !choose_part(arguments[1])) {
        (void)fprintf(stderr, "sim_pipeline: %s is not a part like 2/3\n", arguments[1]);
        return 2;
    }
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    (void)signal(SIGABRT, on_abort);
    definitions = sim_definitions(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tide_arena_release(&arena);
    return failed;
}
