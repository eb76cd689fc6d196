/* Goal: a child gets what it is given and nothing else, all that it says is heard, and nothing of
 * it is left. Method: small shell scripts as children. */
#include "cli/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct tide_duration long_time = {60 * 1000000};

static struct tide_child start(const char *script, const struct tide_child_options *more)
{
    struct tide_child child = {0};
    struct tide_error error = {0};
    const char *const arguments[] = {"sh", "-c", script, "sh", "a b", NULL};
    struct tide_child_options options = *more;
    options.arguments = arguments;
    assert_int_equal(tide_child_start(&options, &child, &error), TIDE_OK);
    return child;
}

/* All lines, each with a '|' after it. */
static char *hear(struct tide_child *child, int *code)
{
    struct tide_bytes text = {0};
    struct tide_view line;
    while (tide_child_next(child, long_time, &line) == TIDE_CHILD_LINE) {
        tide_bytes_append_view(&text, line);
        tide_bytes_append_byte(&text, '|');
    }
    *code = tide_child_close(child, long_time);
    char *copy = strdup(tide_bytes_terminated(&text));
    tide_bytes_release(&text);
    return copy;
}

static void check(const char *script,
                  const struct tide_child_options *options,
                  const char *said,
                  int code)
{
    int found = -1;
    struct tide_child child = start(script, options);
    char *text = hear(&child, &found);
    assert_string_equal(text, said);
    assert_int_equal(found, code);
    assert_int_equal(child.process, 0);
    free(text);
}

static void hears_all_that_is_said(void **state)
{
    (void)state;
    static const char *const variables[] = {"TIDE_A=x y", "TIDE_B=", NULL};
    const struct tide_child_options plain = {0};
    const struct tide_child_options more = {.environment = variables, .directory = "/"};
    const struct tide_child_options other = {.program = "bash"};
    (void)setenv("TIDE_A", "before", 1);
    (void)setenv("TIDE_C", "kept", 1);
    check("echo \"$1\"; echo b >&2; printf c", &plain, "a b|b|c|", 0);
    check("exit 7", &plain, "", 7);
    check("printf '\\n\\n'", &plain, "||", 0);
    check("kill -9 $$", &plain, "", 128 + SIGKILL);
    check("echo ${BASH_VERSION:+bash}; head -c 2 /proc/$$/cmdline; :", &other, "bash|sh|", 0);
    check("cat; echo \"$TIDE_A,$TIDE_B,$TIDE_C\"; pwd", &more, "x y,,kept|/|", 0);
}

static void has_nothing_of_ours_open(void **state)
{
    (void)state;
    const struct tide_child_options plain = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* inherited, if nobody cares */
    char script[64];
    (void)snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ] || echo closed", ends[1]);
    check(script, &plain, "closed|", 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void cuts_a_line_without_end(void **state)
{
    (void)state;
    const struct tide_child_options plain = {0};
    struct tide_view line;
    struct tide_child child = start("head -c 3000000 /dev/zero", &plain);
    size_t size = 0;
    while (tide_child_next(&child, long_time, &line) == TIDE_CHILD_LINE) {
        assert_true(line.size <= TIDE_CHILD_LINE_BYTES_MAX);
        size += line.size;
    }
    assert_int_equal(size, 3000000);
    assert_int_equal(tide_child_close(&child, long_time), 0);
}

static void says_what_cannot_be_run(void **state)
{
    (void)state;
    static const char *const names[] = {
        "/nowhere/at-all", "tidemark-there-is-no-such", "/etc/passwd"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tide_child child = {0};
        struct tide_error error = {0};
        const char *const arguments[] = {names[i], NULL};
        const struct tide_child_options options = {.arguments = arguments, .hears_signals = true};
        assert_int_equal(tide_child_start(&options, &child, &error), TIDE_REJECT);
        assert_non_null(strstr(error.text, names[i]));
        assert_int_equal(tide_child_close(&child, long_time), 0);
    }
}

/* The child's own child is of its group, and goes with it. It becomes ours when its parent ends, so
 * that its end is seen here, whatever the first process of the machine does with orphans. */
static void nothing_is_left(void **state)
{
    (void)state;
    const struct tide_child_options plain = {0};
    struct tide_view line;
    int status = 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    struct tide_child child = start("trap '' TERM; sleep 1000 & echo $!; wait; wait", &plain);
    assert_int_equal(tide_child_next(&child, long_time, &line), TIDE_CHILD_LINE);
    char digits[24] = "";
    assert_true(line.size < sizeof(digits));
    memcpy(digits, line.data, line.size); /* which has no end of its own behind it */
    const pid_t grandchild = (pid_t)strtol(digits, NULL, 10);
    assert_int_equal(tide_child_next(&child, (struct tide_duration){1000}, &line),
                     TIDE_CHILD_QUIET);
    tide_child_end(&child);
    assert_int_equal(tide_child_close(&child, (struct tide_duration){1000}), 128 + SIGKILL);
    assert_int_equal(waitpid(grandchild, &status, 0), grandchild);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void hears_signals(void **state)
{
    (void)state;
    const struct tide_child_options hearing = {.hears_signals = true};
    struct tide_view line;
    sigset_t wanted;
    sigset_t before;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &wanted, &before), 0);
    struct tide_child child = start("exec sleep 1000", &hearing);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(tide_child_next(&child, long_time, &line), TIDE_CHILD_SIGNAL);
    tide_child_end(&child);
    assert_int_equal(tide_child_close(&child, long_time), 128 + SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_all_that_is_said),
        cmocka_unit_test(has_nothing_of_ours_open),
        cmocka_unit_test(cuts_a_line_without_end),
        cmocka_unit_test(says_what_cannot_be_run),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(hears_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
