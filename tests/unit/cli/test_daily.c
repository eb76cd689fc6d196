/* Goal: what is due is run with the service's own configuration, once; its end is remembered; a
 * service that stops ends it. Method: a shell script in the program's place, and days that are due
 * at once. */
#include "cli/daily.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/stat.h>

#include "base/civil.h"
#include "support/remove_tree.h"

static char place[64];
static char program[96];
static struct tide_config config;
static struct tide_clock_simulated noon = {.now = {INT64_C(1772971200000000)}}; /* 2026-03-08 */

static int open_world(void **state)
{
    (void)state;
    (void)snprintf(place, sizeof(place), "/tmp/tidemark-daily-XXXXXX");
    assert_non_null(mkdtemp(place));
    (void)snprintf(program, sizeof(program), "%s/program", place);
    config = (struct tide_config){.data = tide_view_of(place),
                                  .daily = {.at = TIDE_VIEW("00:00"),
                                            .timezone = TIDE_VIEW("UTC"),
                                            .engine = TIDE_VIEW("spark"),
                                            .days = 1}};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    assert_int_equal(remove_tree(place), 0);
    return 0;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", place, name);
    assert_int_equal(tide_io_replace_file(tide_io_os(), path, tide_view_of(text), NULL), TIDE_OK);
    assert_int_equal(chmod(path, 0755), 0);
}

static char *read_file(const char *name)
{
    struct tide_bytes text = {0};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", place, name);
    const enum tide_status status = tide_io_read_file(tide_io_os(), path, &text, 1 << 16, NULL);
    char *copy = status == TIDE_OK ? strdup(tide_bytes_terminated(&text)) : NULL;
    tide_bytes_release(&text);
    return copy;
}

static int64_t today(void)
{
    return tide_days_of(noon.now);
}

static void write_state(int64_t done_day)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "{\"day\":%lld}", (long long)done_day);
    write_file("daily.json", text);
}

/* run's own options, as its table has them. */
static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", ""},
    {"--data", NULL, "DIR", ""},
    {"--listen", NULL, "ADDRESS", ""},
    {"--metric", NULL, "NAME", ""},
    {"--set", NULL, "KEY=VALUE", ""},
};

static enum tide_status start(const struct tide_invocation *invocation,
                              struct tide_daily **daily,
                              struct tide_error *error)
{
    const struct tide_daily_options daily_options = {.invocation = invocation,
                                                     .config = &config,
                                                     .io = tide_io_os(),
                                                     .clock = tide_clock_simulated(&noon),
                                                     .program = program};
    return tide_daily_start(&daily_options, daily, error);
}

static struct tide_daily *run_as(const char *words[][3], const char *operand)
{
    const struct tide_command command = {
        .name = "run", .options = options, .option_count = sizeof(options) / sizeof(options[0])};
    static struct tide_invocation invocation;
    static const char *operands[1];
    struct tide_daily *daily = NULL;
    struct tide_error error = {0};
    static struct tide_command kept;
    kept = command;
    invocation = (struct tide_invocation){.command = &kept, .operands = operands};
    for (uint32_t i = 0; i < kept.option_count; i++) {
        invocation.values[i] = words[i];
        while (words[i][invocation.value_counts[i]] != NULL) {
            invocation.value_counts[i]++;
        }
    }
    operands[0] = operand;
    invocation.operand_count = operand != NULL;
    assert_int_equal(start(&invocation, &daily, &error), TIDE_OK);
    return daily;
}

static struct tide_daily_facts wait_for_run(const struct tide_daily *daily)
{
    struct tide_daily_facts facts = tide_daily_facts(daily);
    while (facts.successes + facts.failures == 0) {
        (void)sched_yield();
        facts = tide_daily_facts(daily);
    }
    return facts;
}

static const char *no_words[5][3];

static void runs_with_the_services_configuration(void **state)
{
    (void)state;
    const char *words[5][3] = {
        {"device"}, {"/a place"}, {"127.0.0.1:1"}, {"crashes", "sessions"}, {"a=b"}};
    char wanted[512];
    char from[TIDE_CIVIL_TEXT_MAX];
    char to[TIDE_CIVIL_TEXT_MAX];
    char script[256];
    (void)snprintf(script,
                   sizeof(script),
                   "#!/bin/sh\nfor a in \"$@\"; do echo \"<$a>\" >> %s/words; done\necho well\n",
                   place);
    write_file("program", script);
    write_state(today() - 3);
    struct tide_daily *daily = run_as(words, "my.yaml");
    const struct tide_daily_facts facts = wait_for_run(daily);
    tide_daily_stop(daily);
    assert_int_equal(facts.successes, 1);
    assert_true(tide_instant_known(facts.last_success));
    tide_civil_format((struct tide_instant){(today() - 2) * TIDE_US_PER_DAY}, from);
    tide_civil_format((struct tide_instant){today() * TIDE_US_PER_DAY}, to);
    (void)snprintf(wanted,
                   sizeof(wanted),
                   "<batch>\n<--preset>\n<device>\n<--data>\n</a place>\n<--metric>\n<crashes>\n"
                   "<--metric>\n<sessions>\n<--set>\n<a=b>\n<--from>\n<%s>\n<--to>\n<%s>\n"
                   "<--engine>\n<spark>\n<-->\n<my.yaml>\n",
                   from,
                   to);
    char *found = read_file("words");
    assert_string_equal(found, wanted);
    free(found);

    /* It is done, also for the next process. */
    daily = run_as(words, "my.yaml");
    tide_daily_stop(daily);
    found = read_file("words");
    assert_string_equal(found, wanted);
    free(found);
}

static void a_failure_is_no_success(void **state)
{
    (void)state;
    write_file("program", "#!/bin/sh\necho 'tidemark: no'\nexit 3\n");
    write_state(today() - 3);
    struct tide_daily *daily = run_as(no_words, NULL);
    const struct tide_daily_facts facts = wait_for_run(daily);
    tide_daily_stop(daily);
    assert_int_equal(facts.successes, 0);
    assert_int_equal(facts.failures, 1);
    assert_false(tide_instant_known(facts.last_success));
    write_file("program", "not a program");
    daily = run_as(no_words, NULL);
    assert_int_equal(wait_for_run(daily).failures, 1);
    tide_daily_stop(daily);
    char *found = read_file("daily.json");
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "{\"day\":%lld}", (long long)(today() - 3));
    assert_string_equal(found, wanted);
    free(found);
}

static void stopping_ends_a_run(void **state)
{
    (void)state;
    char *found = NULL;
    char script[160];
    (void)snprintf(script, sizeof(script), "#!/bin/sh\necho $$ > %s/pid\nexec sleep 1000\n", place);
    write_file("program", script);
    write_state(today() - 3);
    struct tide_daily *daily = run_as(no_words, NULL);
    while (found == NULL) {
        (void)sched_yield();
        found = read_file("pid");
    }
    free(found);
    assert_true(tide_daily_facts(daily).is_running);
    tide_daily_stop(daily);
}

static void one_that_never_ran_has_missed_nothing(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/daily.json", place);
    assert_int_equal(tide_io_os().operations->remove(tide_io_os().self, path, NULL), TIDE_OK);
    write_file("program", "#!/bin/sh\nexit 1\n");
    struct tide_daily *daily = run_as(no_words, NULL);
    tide_daily_stop(daily);
    char *found = read_file("daily.json");
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "\"day\":%lld}", (long long)(today() - 1));
    assert_non_null(strstr(found, wanted));
    free(found);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    const struct tide_config good = config;
    struct tide_invocation invocation = {0};
    struct tide_daily *daily = NULL;
    struct tide_error error = {0};
    config.daily.at = TIDE_VIEW("half past two");
    assert_int_equal(start(&invocation, &daily, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "batch.daily.at"));
    config = good;
    config.daily.engine = TIDE_VIEW("hive");
    assert_int_equal(start(&invocation, &daily, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "batch.daily.engine"));
    config = good;
    config.daily.timezone = TIDE_VIEW("Mars/Olympus");
    assert_int_equal(start(&invocation, &daily, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "batch.daily.timezone"));
    config = good;
    write_file("daily.json", "{}");
    assert_int_equal(start(&invocation, &daily, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "daily.json"));
    assert_null(daily);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_with_the_services_configuration),
        cmocka_unit_test(a_failure_is_no_success),
        cmocka_unit_test(stopping_ends_a_run),
        cmocka_unit_test(one_that_never_ran_has_missed_nothing),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
