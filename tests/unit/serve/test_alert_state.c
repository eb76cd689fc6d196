/* Goal: every way through the states of an alert is as the drawing in the header says, each step
 * once, at the right instant, whenever somebody looks. Method: a table of scripts: at each second
 * '+' holds, '-' does not, '.' time passes without a judgement; the steps come out as text. Then
 * random scripts: looking more often between judgements changes nothing, and a state that is copied
 * at any point (a restart) goes on as the original. */
#include "serve/alert_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/civil.h"

enum {
    RANDOM_SCRIPTS = 2000,
    SCRIPT_SIZE = 40
};

static struct tide_instant second(int64_t s)
{
    return (struct tide_instant){s * TIDE_US_PER_SECOND};
}

/* "pending@3 " for each step; "(..)" if nobody is told. */
static void print_steps(const struct tide_alert_steps *steps, struct tide_bytes *text)
{
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct tide_alert_step *step = &steps->items[i];
        const bool is_told = tide_alert_step_is_told(step);
        assert_int_equal(step->at.us % TIDE_US_PER_SECOND, 0);
        assert_int_not_equal(step->from, step->to);
        tide_bytes_append_format(text,
                                 is_told ? "%s@%d " : "(%s@%d) ",
                                 tide_alert_phase_name(step->to),
                                 (int)(step->at.us / TIDE_US_PER_SECOND));
    }
}

static void play(const char *script,
                 size_t from,
                 size_t to,
                 int hold_s,
                 struct tide_alert_state *state,
                 struct tide_bytes *text)
{
    const struct tide_duration hold = {hold_s * TIDE_US_PER_SECOND};
    for (size_t i = from; i < to; i++) {
        const struct tide_instant at = second((int64_t)i + 1);
        struct tide_alert_steps steps = {.count = 0};
        if (script[i] == '.') {
            steps = tide_alert_state_pass(state, hold, at);
        } else if (script[i] != ' ') {
            steps = tide_alert_state_judge(state, hold, at, script[i] == '+');
        }
        print_steps(&steps, text);
    }
}

static void test_scripts(void **state)
{
    (void)state;
    static const struct {
        int hold_s;
        const char *script; /* ' ': nobody looks */
        const char *steps;
    } cases[] = {
        {0, "----", ""},
        {0, "....", ""},
        {0, "-+++", "firing@2 "},
        {0, "-++-", "firing@2 resolved@4 "},
        {0, "+---", "firing@1 resolved@2 (ok@3) "},
        /* flapping: each time is told, there and back */
        {0, "+-+-+-", "firing@1 resolved@2 firing@3 resolved@4 firing@5 resolved@6 "},
        {0, "+-.+-.", "firing@1 resolved@2 firing@4 resolved@5 "},
        /* for: shorter than the windows, as long, longer */
        {1, "+-", "pending@1 ok@2 "},
        {1, "++-", "pending@1 firing@2 resolved@3 "},
        {3, "++++-", "pending@1 firing@4 resolved@5 "},
        {3, "+++-", "pending@1 ok@4 "},
        {3, "++-+++-", "pending@1 ok@3 pending@4 ok@7 "},
        {3, "++-++++-", "pending@1 ok@3 pending@4 firing@7 resolved@8 "},
        {3, "++++--++++", "pending@1 firing@4 resolved@5 (ok@6) pending@7 firing@10 "},
        {3, "++++-++++", "pending@1 firing@4 resolved@5 pending@6 firing@9 "},
        /* time passes: it fires at its instant, not when it is looked at */
        {3, "+...", "pending@1 firing@4 "},
        {3, "+  .", "pending@1 firing@4 "},
        {3, "+     .", "pending@1 firing@4 "},
        {3, "+     -", "pending@1 firing@4 resolved@7 "},
        {3, "+     +", "pending@1 firing@4 "},
        /* at that very instant the judgement goes first */
        {3, "+  -", "pending@1 ok@4 "},
        {3, "+  +", "pending@1 firing@4 "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_alert_state instance = {.phase = TIDE_ALERT_OK};
        struct tide_bytes text = {0};
        play(cases[i].script, 0, strlen(cases[i].script), cases[i].hold_s, &instance, &text);
        if (strcmp(tide_bytes_terminated(&text), cases[i].steps) != 0) {
            print_error("case %zu: '%s'\n", i, cases[i].script);
        }
        assert_string_equal(tide_bytes_terminated(&text), cases[i].steps);
        tide_bytes_release(&text);
    }
}

static void test_held_since(void **state)
{
    (void)state;
    const struct tide_duration hold = {2 * TIDE_US_PER_SECOND};
    struct tide_alert_state instance = {.phase = TIDE_ALERT_OK};
    (void)tide_alert_state_judge(&instance, hold, second(5), true);
    struct tide_alert_steps steps = tide_alert_state_judge(&instance, hold, second(9), false);
    assert_int_equal(steps.count, 2);
    assert_int_equal(steps.items[0].held.us, second(5).us);
    assert_int_equal(steps.items[0].at.us, second(7).us);
    assert_int_equal(steps.items[1].held.us, second(5).us);
    assert_int_equal(instance.phase, TIDE_ALERT_RESOLVED);
    assert_int_equal(instance.since.us, second(9).us);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* The same judgements with somebody looking at other moments give the same steps, and so do two
 * machines of which the second goes on from a copy. */
static void test_looking_and_restarting_change_nothing(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int n = 0; n < RANDOM_SCRIPTS; n++) {
        char often[SCRIPT_SIZE + 1];
        char rarely[SCRIPT_SIZE + 1];
        const int hold_s = (int)(next_random(&seed) % 6);
        for (size_t i = 0; i < SCRIPT_SIZE; i++) {
            const char judged = "+-++"[next_random(&seed) % 4];
            const bool is_judged = next_random(&seed) % 3 == 0;
            often[i] = is_judged ? judged : '.';
            rarely[i] = is_judged ? judged : ' ';
        }
        often[SCRIPT_SIZE] = rarely[SCRIPT_SIZE] = '\0';
        often[SCRIPT_SIZE - 1] = rarely[SCRIPT_SIZE - 1] = '.'; /* all catch up */
        struct tide_alert_state a = {.phase = TIDE_ALERT_OK};
        struct tide_alert_state b = {.phase = TIDE_ALERT_OK};
        struct tide_bytes expected = {0};
        struct tide_bytes got = {0};
        play(often, 0, SCRIPT_SIZE, hold_s, &a, &expected);
        play(rarely, 0, SCRIPT_SIZE, hold_s, &b, &got);
        assert_string_equal(tide_bytes_terminated(&got), tide_bytes_terminated(&expected));
        const size_t cut = next_random(&seed) % SCRIPT_SIZE;
        struct tide_alert_state c = {.phase = TIDE_ALERT_OK};
        tide_bytes_reset(&got);
        play(often, 0, cut, hold_s, &c, &got);
        struct tide_alert_state restarted = {c.phase, c.since, c.held};
        play(often, cut, SCRIPT_SIZE, hold_s, &restarted, &got);
        assert_string_equal(tide_bytes_terminated(&got), tide_bytes_terminated(&expected));
        tide_bytes_release(&expected);
        tide_bytes_release(&got);
    }
}

static void test_names(void **state)
{
    (void)state;
    enum tide_alert_phase phase;
    for (int i = TIDE_ALERT_OK; i <= TIDE_ALERT_RESOLVED; i++) {
        const char *name = tide_alert_phase_name((enum tide_alert_phase)i);
        assert_true(tide_alert_phase_parse(tide_view_of(name), &phase));
        assert_int_equal(phase, i);
    }
    assert_false(tide_alert_phase_parse(TIDE_VIEW("fire"), &phase));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_held_since),
        cmocka_unit_test(test_looking_and_restarting_change_nothing),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
