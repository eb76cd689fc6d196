/* Goal: what is shown is whole, on a terminal and in a pipe, and commands can be pasted. Method:
 * texts, compared with what people should see. */
#include "cli/demo_screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct tide_demo_facts facts; /* large */
static const struct tide_duration then = {75 * 1000000};

static const struct tide_demo_plot *device(void)
{
    const struct tide_demo_plot *plot = tide_demo_plot_find("device");
    assert_non_null(plot);
    return plot;
}

static void set_facts(void)
{
    facts = (struct tide_demo_facts){
        .ledger = {.verdicts = 1234567,
                   .processed = 1234000,
                   .duplicate = 500,
                   .on_time = 1230000,
                   .late_hot = 3000,
                   .late_cold = 1000},
        .holds = true,
        .events_per_second = 203,
        .events_per_second_max = 2004,
        .versions = {{"2.4.1", 1, 200}, {"2.5.0", 25, 100}, {"2.5.1", 0, 0}},
        .version_count = 3,
    };
    facts.ledger.rejected[TIDE_REASON_CLOCK_AHEAD] = 60;
    facts.ledger.rejected[TIDE_REASON_JSON_INVALID] = 7;
}

static void check(struct tide_demo_screen *screen, const char *wanted)
{
    assert_string_equal(tide_bytes_terminated(&screen->text), wanted);
    tide_bytes_reset(&screen->text);
}

static void lines_in_a_pipe(void **state)
{
    (void)state;
    struct tide_demo_screen screen = {0};
    set_facts();
    tide_demo_screen_beat(&screen, then, TIDE_STORY_FIX, "It is mended.", "crash_rate");
    check(&screen,
          "  1:15   fix       It is mended.\n"
          "                   -> crash_rate\n");
    tide_demo_screen_status(&screen, then, device(), &facts);
    check(&screen,
          "  1:15   1,234,567 events, 203/s; 4,000 late, 500 twice, 67 rejected; "
          "highest crash rate, of 2.5.0: 25.0 %\n");
    facts.version_count = 0;
    tide_demo_screen_status(&screen, then, device(), &facts);
    check(&screen, "  1:15   1,234,567 events, 203/s; 4,000 late, 500 twice, 67 rejected\n");
    tide_demo_screen_address(&screen, "http://127.0.0.1:8080", "/tmp/x", false);
    const char *text = tide_bytes_terminated(&screen.text);
    assert_non_null(strstr(text, "   Open     http://127.0.0.1:8080/\n"));
    assert_non_null(strstr(text, "Data is in /tmp/x, which is removed at the end"));
    assert_null(strchr(text, '\033'));
    tide_bytes_release(&screen.text);
}

static void a_line_that_changes_on_a_terminal(void **state)
{
    (void)state;
    struct tide_demo_screen screen = {.is_terminal = true};
    set_facts();
    facts.version_count = 0;
    tide_demo_screen_status(&screen, then, device(), &facts);
    tide_demo_screen_status(&screen, then, device(), &facts);
    check(&screen,
          "  1:15   1,234,567 events, 203/s; 4,000 late, 500 twice, 67 rejected"
          "\r\033[K  1:15   1,234,567 events, 203/s; 4,000 late, 500 twice, 67 rejected");
    screen.width = 20; /* a line that wraps cannot be taken away */
    tide_demo_screen_status(&screen, then, device(), &facts);
    check(&screen, "\r\033[K  1:15   1,234,567 ");
    tide_demo_screen_remark(&screen, "so it is");
    tide_demo_screen_clear(&screen);
    check(&screen, "\r\033[K                   so it is\n");
    screen.has_colors = true;
    tide_demo_screen_remark(&screen, "so it is");
    check(&screen, "                   \033[2mso it is\033[0m\n");
    tide_bytes_release(&screen.text);
}

static void a_summary(void **state)
{
    (void)state;
    struct tide_demo_screen screen = {0};
    set_facts();
    screen.is_told[TIDE_STORY_LIVE] = true;
    screen.is_told[TIDE_STORY_RELEASE] = true;
    screen.is_told[TIDE_STORY_BURST] = true;
    tide_demo_screen_summary(&screen, then, device(), &facts, "9 cells, 0 differences");
    check(&screen,
          "\nWhat happened in 1:15\n\n"
          "  story       release, burst; not yet: clock, quiet, back, fix, retry, broken\n"
          "  processed   1,234,000 = 1,230,000 on time + 4,000 late, none dropped\n"
          "  duplicates  500, each counted once\n"
          "  rejected    67: json_invalid 7, clock_ahead 60\n"
          "  ledger      1,234,567 verdicts = processed + duplicates + rejected: holds\n"
          "  peak        2,004 events/s\n"
          "  crash rate  2.4.1     0.5 % of 200 devices\n"
          "              2.5.0    25.0 % of 100 devices\n"
          "              2.5.1     0.0 % of 0 devices\n"
          "  proof       9 cells, 0 differences\n");
    memset(screen.is_told, 0, sizeof(screen.is_told));
    tide_demo_screen_summary(&screen, then, device(), &facts, "");
    assert_non_null(strstr(tide_bytes_terminated(&screen.text),
                           "  story       not yet: release, burst, clock, quiet, back, fix, retry, "
                           "broken\n"));
    tide_bytes_reset(&screen.text);
    memset(screen.is_told, true, sizeof(screen.is_told));
    facts.holds = false;
    facts.version_count = 40;
    for (uint32_t i = 0; i < facts.version_count; i++) {
        facts.versions[i] = (struct tide_demo_version){"many", 0, i};
    }
    tide_demo_screen_summary(&screen, then, device(), &facts, "");
    const char *text = tide_bytes_terminated(&screen.text);
    assert_non_null(
        strstr(text, "  story       release, burst, clock, quiet, back, fix, retry, broken\n"));
    assert_non_null(strstr(text, "DOES NOT HOLD"));
    assert_null(strstr(text, "of 27 devices")); /* twelve are enough */
    assert_non_null(strstr(text, "of 28 devices"));
    assert_non_null(strstr(text, "of 39 devices"));
    tide_bytes_release(&screen.text);
}

static void commands_to_paste(void **state)
{
    (void)state;
    struct tide_demo_screen screen = {0};
    struct tide_demo_commands commands = {"tidemark", "http://127.0.0.1:8080", NULL};
    tide_demo_screen_commands(&screen, device(), &commands);
    const char *text = tide_bytes_terminated(&screen.text);
    assert_non_null(
        strstr(text, "  tidemark run --preset device --data ./tidemark-demo &   # the service\n"));
    assert_non_null(strstr(text, "  tidemark verify   #"));
    tide_bytes_reset(&screen.text);
    commands = (struct tide_demo_commands){"a b/tidemark", "http://127.0.0.1:81", "/it's here"};
    tide_demo_screen_commands(&screen, device(), &commands);
    text = tide_bytes_terminated(&screen.text);
    assert_non_null(strstr(text,
                           "  'a b/tidemark' run '/it'\\''s here/demo.yaml' --data "
                           "'/it'\\''s here' --listen 127.0.0.1:81 &   #"));
    assert_non_null(strstr(text, "' verify --server http://127.0.0.1:81   #"));
    assert_non_null(strstr(text, "  curl -s http://127.0.0.1:81/api/v1/ledger   #"));
    tide_bytes_release(&screen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_a_pipe),
        cmocka_unit_test(a_line_that_changes_on_a_terminal),
        cmocka_unit_test(a_summary),
        cmocka_unit_test(commands_to_paste),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
