/* Goal: a transition is told once, whatever stops the process and wherever: nothing is told that
 * the file does not know, nothing twice, and what a kill left untold the next start says. Method:
 * the whole of alerts over cells written by hand and a simulated disk; stderr caught for the log's
 * lines; a kill at every operation of the disk, with a new process after it; a full disk; a closing
 * clock that falls back; a real thread. */
#include "alert_fixture.h"

#include "base/io_sim.h"
#include "base/json.h"
#include "serve/alert_file.h"
#include "serve/alerts.h"

#include <unistd.h>

#define PATH "data/alerts.json"
#define ALERT "  a: {metric: hits, when: 'value >= 5', for: 1m}\n  off: {metric: all, absent: 2h}\n"

enum {
    LOG_BYTES_MAX = 1 << 20,
    MINUTES = 8,
    OPERATIONS_MAX = 400
};

struct rig {
    struct fixture *fixture;
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_alerts *alerts;
    FILE *caught; /* stderr, since the rig was opened */
    int kept;
};

static enum tide_status start(struct rig *rig)
{
    const struct tide_alerts_options options = {.definitions = rig->fixture->definitions,
                                                .source = fixture_source(rig->fixture),
                                                .io = rig->io,
                                                .path = PATH,
                                                .pipeline = TIDE_VIEW("p"),
                                                .interval = {3600 * TIDE_US_PER_SECOND},
                                                .webhook = tide_webhook_options_default()};
    struct tide_error error = {0};
    return tide_alerts_create(&options, &rig->alerts, &error);
}

static void open_rig(struct rig *rig, uint64_t seed)
{
    *rig = (struct rig){.fixture = fixture_open(ALERT), .sim = tide_io_sim_create(seed)};
    rig->io = tide_io_sim_io(rig->sim);
    assert_int_equal(rig->io.operations->make_directory(rig->io.self, "data", NULL), TIDE_OK);
    rig->caught = tmpfile();
    rig->kept = dup(STDERR_FILENO);
    assert_non_null(rig->caught);
    (void)fflush(stderr);
    assert_true(dup2(fileno(rig->caught), STDERR_FILENO) >= 0);
}

static void close_rig(struct rig *rig)
{
    tide_alerts_destroy(rig->alerts);
    tide_io_sim_destroy(rig->sim);
    fixture_close(rig->fixture);
    (void)fflush(stderr);
    assert_true(dup2(rig->kept, STDERR_FILENO) >= 0);
    (void)close(rig->kept);
    (void)fclose(rig->caught);
}

/* How many lines of the log have the words. */
static int lines_with(struct rig *rig, const char *words)
{
    static char text[LOG_BYTES_MAX];
    (void)fflush(stderr);
    const ssize_t size = pread(fileno(rig->caught), text, sizeof(text) - 1, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    int count = 0;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) {
        count++;
    }
    return count;
}

static void fill(struct rig *rig)
{
    static const uint64_t counts[MINUTES] = {1, 9, 9, 9, 1, 9, 1, 1};
    for (int i = 0; i < MINUTES; i++) {
        fixture_events(rig->fixture, "hits", i, "ios", counts[i]);
    }
}

static void turn(struct rig *rig, int64_t minute)
{
    rig->fixture->closing = fixture_minute(minute);
    tide_alerts_turn(rig->alerts);
}

static const char *const told[] = {
    "pending at 2026-03-08T10:02:00Z",
    "firing at 2026-03-08T10:03:00Z",
    "resolved at 2026-03-08T10:05:00Z",
    "pending at 2026-03-08T10:06:00Z",
    " ok at 2026-03-08T10:07:00Z",
};
enum {
    TOLD = sizeof(told) / sizeof(told[0])
};

static void test_once(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 1);
    assert_int_equal(start(&rig), TIDE_OK);
    fill(&rig);
    tide_alerts_turn(rig.alerts); /* the closing clock is not known yet */
    for (int minute = 1; minute <= MINUTES; minute++) {
        turn(&rig, minute);
        turn(&rig, minute);
    }
    for (int i = 0; i < TOLD; i++) {
        assert_int_equal(lines_with(&rig, told[i]), 1);
    }
    assert_int_equal(lines_with(&rig, " alert: a "), TOLD);
    tide_alerts_destroy(rig.alerts);
    assert_int_equal(start(&rig), TIDE_OK); /* again, with all of it in the file */
    turn(&rig, MINUTES);
    turn(&rig, MINUTES + 1);
    assert_int_equal(lines_with(&rig, " alert: a "), TOLD);
    close_rig(&rig);
}

/* Plays the script; a process that the disk stopped is followed by another. */
static int play_with_kill(struct rig *rig, uint64_t operation)
{
    int kills = 0;
    if (operation > 0) {
        tide_io_sim_arm(rig->sim, TIDE_IO_SIM_FAULT_CRASH, operation);
    }
    for (int minute = 1; minute <= MINUTES + 1; minute++) {
        if (rig->alerts == NULL) {
            (void)start(rig);
        }
        if (rig->alerts != NULL) {
            turn(rig, minute < MINUTES ? minute : MINUTES);
        }
        if (tide_io_sim_crashed(rig->sim)) {
            tide_alerts_destroy(rig->alerts); /* it can write nothing any more */
            rig->alerts = NULL;
            tide_io_sim_kill(rig->sim);
            kills++;
        }
    }
    return kills;
}

/* No line stands twice. One may be missing where the kill came between the file and the line; then
 * the next process says what is still so. */
static void test_killed_anywhere(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 1);
    fill(&rig);
    assert_int_equal(play_with_kill(&rig, 0), 0);
    const uint64_t operations = tide_io_sim_operation_count(rig.sim);
    assert_int_equal(lines_with(&rig, " alert: a "), TOLD);
    close_rig(&rig);
    assert_true(operations > 30 && operations < OPERATIONS_MAX);
    int missing_runs = 0;
    for (uint64_t operation = 1; operation < operations - 1; operation++) {
        open_rig(&rig, operation);
        fill(&rig);
        const int kills = play_with_kill(&rig, operation);
        int lines[TOLD];
        int missing = 0;
        for (int i = 0; i < TOLD; i++) {
            lines[i] = lines_with(&rig, told[i]);
            missing += lines[i] == 0;
        }
        const bool is_said = lines[TOLD - 1] == 0 || lines_with(&rig, " is still ") > 0;
        close_rig(&rig); /* before anything is printed */
        assert_in_range(kills, 0, 1);
        for (int i = 0; i < TOLD; i++) {
            if (lines[i] > 1) {
                print_error("kill at %d: '%s' %d times\n", (int)operation, told[i], lines[i]);
            }
            assert_in_range(lines[i], 0, 1);
        }
        assert_in_range(missing, 0, kills);
        assert_true(missing == 0 || is_said);
        missing_runs += missing;
    }
    assert_in_range(missing_runs, 1, 2 * TOLD); /* at the rename, or the sync behind it */
}

/* The closing clock of an idle service follows the wall clock; after a restart it begins with the
 * events again. */
static void test_closing_falls_back(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 9);
    assert_int_equal(start(&rig), TIDE_OK);
    fixture_events(rig.fixture, "all", 0, NULL, 1);
    turn(&rig, 1);
    turn(&rig, 200);
    tide_alerts_destroy(rig.alerts);
    assert_int_equal(start(&rig), TIDE_OK);
    turn(&rig, 1);
    turn(&rig, 199);
    const int firing = lines_with(&rig, " off firing at 2026-03-08T12:01:00Z");
    const int resolved = lines_with(&rig, " off resolved at ");
    const int still = lines_with(&rig, " off is still firing, since 2026-03-08T12:01:00Z");
    fixture_events(rig.fixture, "all", 200, NULL, 1);
    turn(&rig, 200);
    const int resolved_then = lines_with(&rig, " off resolved at ");
    close_rig(&rig);
    assert_int_equal(firing, 1);
    assert_int_equal(still, 1);
    assert_int_equal(resolved, 0);
    assert_int_equal(resolved_then, 1);
}

/* While nothing can be written nothing is told; then all of it, once. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 3);
    assert_int_equal(start(&rig), TIDE_OK);
    fill(&rig);
    turn(&rig, 1);
    tide_io_sim_set_capacity(rig.sim, 1);
    for (int minute = 2; minute <= MINUTES; minute++) {
        turn(&rig, minute);
    }
    const int before = lines_with(&rig, " alert: a ");
    const int complaints = lines_with(&rig, "nothing is told for now");
    tide_io_sim_set_capacity(rig.sim, 0);
    turn(&rig, MINUTES);
    const int after = lines_with(&rig, " alert: a ");
    close_rig(&rig);
    assert_int_equal(before, 0);
    assert_int_equal(complaints, 1);
    assert_int_equal(after, TOLD);
}

static void test_damaged_file(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes text = {0};
    open_rig(&rig, 4);
    assert_int_equal(tide_io_replace_file(rig.io, PATH, TIDE_VIEW("what\n"), NULL), TIDE_OK);
    assert_int_equal(start(&rig), TIDE_OK);
    fill(&rig);
    turn(&rig, 1);
    turn(&rig, 2);
    const int complaints = lines_with(&rig, "damaged; alerts begin anew") +
                           lines_with(&rig, "the hash is another; alerts begin anew");
    const enum tide_status status = tide_io_read_file(rig.io, PATH ".damaged", &text, 100, NULL);
    const int lines = lines_with(&rig, " alert: a ");
    close_rig(&rig);
    assert_int_equal(complaints, 1);
    assert_int_equal(status, TIDE_OK);
    assert_int_equal(text.size, 5);
    assert_int_equal(lines, 1);
    tide_bytes_release(&text);
}

/* An engine that cannot answer now is asked again. */
static void test_broken_source(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 5);
    assert_int_equal(start(&rig), TIDE_OK);
    fill(&rig);
    turn(&rig, 1);
    rig.fixture->is_broken = true;
    turn(&rig, 3);
    turn(&rig, 4);
    const int before = lines_with(&rig, " alert: a ");
    const int complaints = lines_with(&rig, "not judged for now: broken");
    rig.fixture->is_broken = false;
    turn(&rig, MINUTES);
    const int after = lines_with(&rig, " alert: a ");
    close_rig(&rig);
    assert_int_equal(before, 0);
    assert_int_equal(complaints, 1);
    assert_int_equal(after, TOLD);
}

static void test_what_others_see(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes json_text = {0};
    struct tide_bytes metrics = {0};
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    open_rig(&rig, 6);
    assert_int_equal(start(&rig), TIDE_OK);
    fill(&rig);
    for (int minute = 1; minute <= 3; minute++) {
        turn(&rig, minute);
    }
    tide_alerts_write(rig.alerts, &json_text);
    tide_alerts_exposition(rig.alerts, &metrics);
    close_rig(&rig);
    assert_int_equal(tide_json_parse(&arena, tide_bytes_view(&json_text), &json, NULL), TIDE_OK);
    const struct tide_json *alerts = tide_json_get(json, "alerts");
    assert_int_equal(alerts->count, 2);
    struct tide_view word;
    const struct tide_json *instance = tide_json_get(alerts->first, "instances")->first;
    assert_true(tide_json_get_text(instance, "state", &word));
    assert_true(tide_view_equal(word, TIDE_VIEW("firing")));
    assert_true(tide_json_get_text(instance, "since", &word));
    assert_true(tide_view_equal(word, TIDE_VIEW("2026-03-08T10:03:00Z")));
    const char *text = tide_bytes_terminated(&metrics);
    assert_non_null(strstr(text, "\ntidemark_alerts{alert=\"a\",state=\"firing\"} 1\n"));
    assert_non_null(strstr(text, "\ntidemark_alerts{alert=\"a\",state=\"ok\"} 0\n"));
    assert_non_null(strstr(text, "\ntidemark_alert_transitions_total 2\n"));
    assert_non_null(strstr(text, "\ntidemark_alert_deliveries_total{outcome=\"delivered\"} 0\n"));
    tide_bytes_release(&json_text);
    tide_bytes_release(&metrics);
    tide_arena_release(&arena);
}

/* The thread takes its first turn at once, and ends when it is told to, not an interval later. */
static void test_thread(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, 7);
    fill(&rig);
    rig.fixture->closing = fixture_minute(2);
    assert_int_equal(start(&rig), TIDE_OK);
    assert_int_equal(tide_alerts_start(rig.alerts, NULL), TIDE_OK);
    struct tide_bytes text = {0};
    while (text.data == NULL || strstr(text.data, "\"judged_until\":\"2026") == NULL) {
        tide_bytes_reset(&text);
        tide_alerts_write(rig.alerts, &text);
        (void)tide_bytes_terminated(&text);
    }
    tide_alerts_stop(rig.alerts);
    const int lines = lines_with(&rig, "pending at");
    close_rig(&rig);
    assert_int_equal(lines, 1);
    tide_bytes_release(&text);
}

static void test_bad_url(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_error error = {0};
    open_rig(&rig, 8);
    struct tide_alerts_options options = {.definitions = rig.fixture->definitions,
                                          .source = fixture_source(rig.fixture),
                                          .io = rig.io,
                                          .path = PATH,
                                          .webhook = tide_webhook_options_default()};
    options.webhook.url = TIDE_VIEW("ftp://secret/");
    const enum tide_status status = tide_alerts_create(&options, &rig.alerts, &error);
    rig.alerts = NULL;
    close_rig(&rig);
    assert_int_equal(status, TIDE_REJECT);
    assert_string_equal(error.text, "notify.webhook.url is not a URL of http or https");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_killed_anywhere),
        cmocka_unit_test(test_closing_falls_back),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_damaged_file),
        cmocka_unit_test(test_broken_source),
        cmocka_unit_test(test_what_others_see),
        cmocka_unit_test(test_thread),
        cmocka_unit_test(test_bad_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
