/* What the tests of a kind's invariants share: whether the process ends when a cell is harmed. */
#ifndef TIDE_UNIT_OPERATOR_HARM_H
#define TIDE_UNIT_OPERATOR_HARM_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "operator/cell_value.h"

typedef void (*harm_cell)(struct tide_cell_value *value);

static inline void harm_nothing(struct tide_cell_value *value)
{
    (void)value;
}

/* The signal that ended a child which visits its cells after the harm, or 0. */
static inline int harm_signal(void (*visit_after)(harm_cell harm), harm_cell harm)
{
    int status = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        const bool is_quiet = freopen("/dev/null", "w", stderr) != NULL;
        visit_after(harm);
        _exit(is_quiet ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#endif
