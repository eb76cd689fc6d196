/* Goal: a true condition costs nothing and is evaluated once; a false one writes one line with its
 * text and place and aborts. Method: the failing one runs in a child whose stderr is a pipe. */
#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_true_is_evaluated_once(void **state)
{
    (void)state;
    int count = 0;
    tide_assert(++count == 1); /* a side effect, to count with */
    assert_int_equal(count, 1);
}

static void test_false_writes_one_line_and_aborts(void **state)
{
    (void)state;
    int ends[2] = {-1, -1};
    assert_int_equal(pipe(ends), 0);
    const int line = __LINE__ + 7;
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka would report it as a failed test */
        (void)dup2(ends[1], STDERR_FILENO);
        tide_assert(child > 1);
        _exit(0);
    }
    assert_true(child > 0);
    close(ends[1]);
    char expected[512];
    snprintf(expected, sizeof(expected), "%s:%d: assertion failed: child > 1\n", __FILE__, line);
    char text[1024] = {0};
    size_t size = 0;
    ssize_t got = 0;
    while (size < sizeof(text) - 1 &&
           (got = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)got;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_string_equal(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_is_evaluated_once),
        cmocka_unit_test(test_false_writes_one_line_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
