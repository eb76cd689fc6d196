/* Goal: /metrics says what is so, and promtool has nothing to say about the text.
 * Method: events with known outcomes; the exposition is read as lines and piped through promtool
 * (where it is not installed, that part is skipped). */
#include "fixture.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open(1);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\",\"amount\":\"many\"");
    fixture_append(fixture, 0, (struct tide_instant){FIXTURE_START_US}, TIDE_VIEW("{]\n"));
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static void exposes_counters(void **state)
{
    static const char *const lines[] = {
        "tidemark_build_info{version=\"1.2.3\"} 1\n",
        "tidemark_verdicts_total{outcome=\"processed\"} 1\n",
        "tidemark_verdicts_total{outcome=\"duplicate\"} 0\n",
        "tidemark_verdicts_total{outcome=\"rejected\"} 1\n",
        "tidemark_rejected_total{reason=\"json_invalid\"} 1\n",
        "tidemark_rejected_total{reason=\"too_old\"} 0\n",
        "tidemark_processed_total{lateness=\"on_time\"} 1\n",
        "tidemark_mistyped_values_total{column=\"amount\"} 1\n",
        "tidemark_mistyped_values_total{column=\"region\"} 0\n",
        "tidemark_caught_up 1\n",
        "tidemark_records_behind 0\n",
        "tidemark_cells{metric=\"by_region\"} 1\n",
        "tidemark_folded_events_total{metric=\"by_region\"} 0\n",
        "tidemark_pending_keys{metric=\"by_region\"} 0\n",
        "_watermark_timestamp_seconds{partition=\"",
        "} 1772963990.000000\n",
        "tidemark_checkpoint_failures_total 0\n",
        "tidemark_checkpoint_duration_seconds_count 0\n",
        "tidemark_visible_delay_seconds_bucket{le=\"+Inf\"} ",
        "tidemark_lake_written_files_total{table=\"events\"} 0\n",
        "tidemark_questions_waiting{queue=\"questions\"} 0\n",
        "# TYPE tidemark_batch_last_run_timestamp_seconds gauge\n",
        "# TYPE tidemark_metric_value gauge\n",
        "other_room_total 7\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        fixture_expect(fixture, "/metrics", 200, lines[i]);
    }
    assert_null(strstr(fixture_body(fixture), "reason=\"accepted\""));
}

/* Runs promtool over the exposition; what it says goes to `said`. -1: it is not installed. */
static int run_promtool(char *said, size_t size)
{
    char in[128];
    char out[128];
    char *const arguments[] = {(char[]){"promtool"}, (char[]){"check"}, (char[]){"metrics"}, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    (void)snprintf(in, sizeof(in), "%s/exposition", fixture->directory);
    (void)snprintf(out, sizeof(out), "%s/promtool", fixture->directory);
    FILE *file = fopen(in, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(fixture->response.body.data, 1, fixture->response.body.size, file),
                     fixture->response.body.size);
    assert_int_equal(fclose(file), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, O_CREAT | O_WRONLY, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    const int spawned = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) {
        return -1;
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    file = fopen(out, "r");
    assert_non_null(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void pleases_promtool(void **state)
{
    char said[4096];
    (void)state;
    fixture_expect(fixture, "/metrics", 200, "tidemark_build_info");
    const int exit = run_promtool(said, sizeof(said));
    if (exit < 0) {
        skip();
    }
    assert_string_equal(said, "");
    assert_int_equal(exit, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exposes_counters),
        cmocka_unit_test(pleases_promtool),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
