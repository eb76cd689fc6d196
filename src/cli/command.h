/* Commands as data: one table makes parser, help and documentation.
 *
 * stdout is data, stderr is progress and log. Exit codes are design section 14's. */
#ifndef TIDE_CLI_COMMAND_H
#define TIDE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

enum tide_exit {
    TIDE_EXIT_OK = 0,
    TIDE_EXIT_FAILURE = 1,
    TIDE_EXIT_USAGE = 2,
    TIDE_EXIT_CONFIGURATION = 3,
    TIDE_EXIT_CONNECT = 4,
    TIDE_EXIT_NOT_FOUND = 5,
    TIDE_EXIT_PARTLY_REJECTED = 6,
    TIDE_EXIT_CHECK_FAILED = 7,
    /* Within the program only: stdout cannot be written, so a command stops. main knows whether its
     * reader has had enough (`| head`), which is no failure, or else says what is wrong. */
    TIDE_EXIT_OUTPUT = 74,
    TIDE_EXIT_TEMPORARY = 75,
};

enum {
    TIDE_OPTIONS_MAX = 24,
    TIDE_OPTION_VALUES_MAX = 1000, /* --metric and --set may come often */
    TIDE_OPERANDS_MAX = 10000,
};

struct tide_option {
    const char *name;     /* "--metric" */
    const char *letter;   /* "-c" or NULL */
    const char *argument; /* "NAME"; NULL: a flag */
    const char *help;
};

struct tide_invocation;

struct tide_command {
    const char *name;
    const char *summary;
    const char *operands; /* "FILE|- ..." */
    const char *examples; /* lines, first in the help */
    const struct tide_option *options;
    uint32_t option_count;
    uint32_t operand_min;
    uint32_t operand_max;
    enum tide_exit (*run)(const struct tide_invocation *invocation);
};

/* Values point into argv. */
struct tide_invocation {
    const struct tide_command *command;
    const char **values[TIDE_OPTIONS_MAX]; /* by option, in order; owned */
    uint32_t value_counts[TIDE_OPTIONS_MAX];
    const char **operands; /* owned */
    uint32_t operand_count;
};

extern const struct tide_command tide_command_demo;
extern const struct tide_command tide_command_run;
extern const struct tide_command tide_command_replay;
extern const struct tide_command tide_command_generate;
extern const struct tide_command tide_command_query;
extern const struct tide_command tide_command_batch;
extern const struct tide_command tide_command_compact;
extern const struct tide_command tide_command_lake;
extern const struct tide_command tide_command_verify;
extern const struct tide_command tide_command_backtest;
extern const struct tide_command tide_command_explain;
extern const struct tide_command tide_command_health;
extern const struct tide_command tide_command_sql;
extern const struct tide_command tide_command_hive;
extern const struct tide_command tide_command_validate;
extern const struct tide_command tide_command_kafka;
extern const struct tide_command tide_command_version;

/* Parses argv after the command's name and runs it; prints help or a usage error itself. */
enum tide_exit tide_command_invoke(const struct tide_command *command,
                                   int argument_count,
                                   char **arguments);

/* The help of one command on stdout. */
void tide_command_print_help(const struct tide_command *command);

/* The command has that option; only then may the calls below name it. */
bool tide_invocation_knows(const struct tide_invocation *invocation, const char *option);
bool tide_invocation_has(const struct tide_invocation *invocation, const char *option);
/* The last value, or fallback. */
const char *tide_invocation_text(const struct tide_invocation *invocation,
                                 const char *option,
                                 const char *fallback);
uint32_t tide_invocation_count(const struct tide_invocation *invocation, const char *option);
const char *tide_invocation_at(const struct tide_invocation *invocation,
                               const char *option,
                               uint32_t index);
/* A whole number within bounds; false after saying what is wrong on stderr. */
bool tide_invocation_number(const struct tide_invocation *invocation,
                            const char *option,
                            uint64_t min,
                            uint64_t max,
                            uint64_t fallback,
                            uint64_t *value);
/* An option's time, or its date's midnight in UTC; fallback if it is not given. false after saying
 * what is wrong on stderr. */
bool tide_invocation_time(const struct tide_invocation *invocation,
                          const char *option,
                          struct tide_instant fallback,
                          struct tide_instant *t);
/* "tidemark: text" on stderr; returns exit, so that a failure is one line. */
__attribute__((format(printf, 2, 3))) enum tide_exit tide_fail(enum tide_exit exit,
                                                               const char *format,
                                                               ...);
/* The usual exit for a status. */
enum tide_exit tide_exit_of(enum tide_status status);

extern const char tide_version[]; /* "0.1.0" */

#endif
