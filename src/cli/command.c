#include "cli/command.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "base/diagnostic.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tide_exit tide_fail(enum tide_exit exit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tidemark: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return exit;
}

enum tide_exit tide_exit_of(enum tide_status status)
{
    switch (status) {
    case TIDE_OK:
        return TIDE_EXIT_OK;
    case TIDE_AGAIN:
    case TIDE_RETRY:
        return TIDE_EXIT_TEMPORARY;
    case TIDE_REJECT:
        return TIDE_EXIT_CONFIGURATION;
    case TIDE_FATAL:
        return TIDE_EXIT_FAILURE;
    }
    return TIDE_EXIT_FAILURE;
}

void tide_command_print_help(const struct tide_command *command)
{
    printf("%s", command->examples);
    printf("\nUsage: tidemark %s%s%s%s\n\n%s\n",
           command->name,
           command->option_count > 0 ? " [OPTIONS]" : "",
           command->operands[0] != '\0' ? " " : "",
           command->operands,
           command->summary);
    if (command->option_count > 0) {
        printf("\nOptions:\n");
    }
    for (uint32_t i = 0; i < command->option_count; i++) {
        const struct tide_option *option = &command->options[i];
        char left[64];
        snprintf(left,
                 sizeof(left),
                 "%s%s%s%s%s",
                 option->letter != NULL ? option->letter : "",
                 option->letter != NULL ? ", " : "",
                 option->name,
                 option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        printf("  %-28s %s\n", left, option->help);
    }
    printf("  %-28s %s\n", "-h, --help", "this text");
}

static uint32_t find_option(const struct tide_command *command, const char *word, size_t size)
{
    for (uint32_t i = 0; i < command->option_count; i++) {
        const struct tide_option *option = &command->options[i];
        if ((strlen(option->name) == size && memcmp(option->name, word, size) == 0) ||
            (option->letter != NULL && strlen(option->letter) == size &&
             memcmp(option->letter, word, size) == 0)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static enum tide_exit unknown_option(const struct tide_command *command, const char *word)
{
    struct tide_view names[TIDE_OPTIONS_MAX];
    for (uint32_t i = 0; i < command->option_count; i++) {
        names[i] = tide_view_of(command->options[i].name);
    }
    struct tide_view nearest = tide_nearest(tide_view_of(word), names, command->option_count);
    if (nearest.size > 0) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "unknown option '%s'; did you mean '%.*s'?",
                         word,
                         TIDE_VIEW_ARGUMENTS(nearest));
    }
    return tide_fail(
        TIDE_EXIT_USAGE, "unknown option '%s'; try 'tidemark %s --help'", word, command->name);
}

/* One option at arguments[*at]; moves *at past its value. */
static enum tide_exit parse_option(struct tide_invocation *invocation,
                                   int argument_count,
                                   char **arguments,
                                   int *at)
{
    const struct tide_command *command = invocation->command;
    const char *word = arguments[*at];
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t size = equals == NULL ? strlen(word) : (size_t)(equals - word);
    uint32_t option = find_option(command, word, size);
    const char *value = "";
    if (option == UINT32_MAX) {
        return unknown_option(command, word);
    }
    if (command->options[option].argument == NULL && equals != NULL) {
        return tide_fail(TIDE_EXIT_USAGE, "%s takes no value", command->options[option].name);
    }
    if (command->options[option].argument != NULL && equals != NULL) {
        value = equals + 1;
    } else if (command->options[option].argument != NULL) {
        if (++*at >= argument_count) {
            return tide_fail(
                TIDE_EXIT_USAGE, "%s needs a value: %s", word, command->options[option].argument);
        }
        value = arguments[*at];
    }
    if (invocation->value_counts[option] == TIDE_OPTION_VALUES_MAX) {
        return tide_fail(
            TIDE_EXIT_USAGE, "%s stands more than %d times", word, TIDE_OPTION_VALUES_MAX);
    }
    invocation->values[option][invocation->value_counts[option]++] = value;
    return TIDE_EXIT_OK;
}

static enum tide_exit parse(struct tide_invocation *invocation,
                            int argument_count,
                            char **arguments)
{
    bool options_ended = false;
    for (int at = 0; at < argument_count; at++) {
        const char *word = arguments[at];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
            enum tide_exit exit = parse_option(invocation, argument_count, arguments, &at);
            if (exit != TIDE_EXIT_OK) {
                return exit;
            }
        } else if (invocation->operand_count == TIDE_OPERANDS_MAX) {
            return tide_fail(TIDE_EXIT_USAGE, "more than %d operands", TIDE_OPERANDS_MAX);
        } else {
            invocation->operands[invocation->operand_count++] = word;
        }
    }
    const struct tide_command *command = invocation->command;
    if (invocation->operand_count < command->operand_min) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "%s needs %s; try 'tidemark %s --help'",
                         command->name,
                         command->operands,
                         command->name);
    }
    if (invocation->operand_count > command->operand_max) {
        return tide_fail(
            TIDE_EXIT_USAGE, "unexpected operand '%s'", invocation->operands[command->operand_max]);
    }
    return TIDE_EXIT_OK;
}

static bool wants_help(int argument_count, char **arguments)
{
    for (int i = 0; i < argument_count && strcmp(arguments[i], "--") != 0; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

enum tide_exit tide_command_invoke(const struct tide_command *command,
                                   int argument_count,
                                   char **arguments)
{
    struct tide_invocation invocation = {.command = command};
    size_t slots = (size_t)argument_count + 1;
    bool allocated = true;
    tide_assert(command->option_count <= TIDE_OPTIONS_MAX);
    if (wants_help(argument_count, arguments)) {
        tide_command_print_help(command);
        return TIDE_EXIT_OK;
    }
    invocation.operands = calloc(slots, sizeof(char *));
    for (uint32_t i = 0; i < command->option_count; i++) {
        invocation.values[i] = calloc(slots, sizeof(char *));
        allocated &= invocation.values[i] != NULL;
    }
    enum tide_exit exit = allocated && invocation.operands != NULL
                              ? parse(&invocation, argument_count, arguments)
                              : tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    if (exit == TIDE_EXIT_OK) {
        exit = command->run(&invocation);
    }
    for (uint32_t i = 0; i < command->option_count; i++) {
        free(invocation.values[i]);
    }
    free(invocation.operands);
    return exit;
}

static uint32_t index_of(const struct tide_invocation *invocation, const char *option)
{
    uint32_t index = find_option(invocation->command, option, strlen(option));
    tide_assert(index != UINT32_MAX); /* the command asks for an option of its own table */
    return index;
}

bool tide_invocation_knows(const struct tide_invocation *invocation, const char *option)
{
    return find_option(invocation->command, option, strlen(option)) != UINT32_MAX;
}

bool tide_invocation_has(const struct tide_invocation *invocation, const char *option)
{
    return tide_invocation_count(invocation, option) > 0;
}

uint32_t tide_invocation_count(const struct tide_invocation *invocation, const char *option)
{
    return invocation->value_counts[index_of(invocation, option)];
}

const char *tide_invocation_at(const struct tide_invocation *invocation,
                               const char *option,
                               uint32_t index)
{
    tide_assert(index < tide_invocation_count(invocation, option));
    return invocation->values[index_of(invocation, option)][index];
}

const char *tide_invocation_text(const struct tide_invocation *invocation,
                                 const char *option,
                                 const char *fallback)
{
    uint32_t count = tide_invocation_count(invocation, option);
    return count == 0 ? fallback : tide_invocation_at(invocation, option, count - 1);
}

bool tide_invocation_number(const struct tide_invocation *invocation,
                            const char *option,
                            uint64_t min,
                            uint64_t max,
                            uint64_t fallback,
                            uint64_t *value)
{
    const char *text = tide_invocation_text(invocation, option, NULL);
    tide_i128 number;
    *value = fallback;
    if (text == NULL) {
        return true;
    }
    if (tide_decimal_parse_i128(tide_view_of(text), 0, &number) != TIDE_OK || number < min ||
        number > max) {
        tide_fail(TIDE_EXIT_USAGE,
                  "%s %s is not a number in %" PRIu64 "..%" PRIu64,
                  option,
                  text,
                  min,
                  max);
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

bool tide_invocation_time(const struct tide_invocation *invocation,
                          const char *option,
                          struct tide_instant fallback,
                          struct tide_instant *t)
{
    enum {
        DATE_SIZE = 10 /* "2026-03-08" */
    };
    const char *text = tide_invocation_text(invocation, option, NULL);
    struct tide_bytes whole = {0};
    *t = fallback;
    if (text == NULL) {
        return true;
    }
    tide_bytes_append_text(&whole, text);
    if (whole.size == DATE_SIZE) {
        tide_bytes_append_text(&whole, "T00:00:00Z");
    }
    const bool is_time = tide_civil_parse(tide_bytes_view(&whole), t);
    tide_bytes_release(&whole);
    if (!is_time) {
        tide_fail(
            TIDE_EXIT_USAGE, "%s '%s' is not a time such as 2026-03-08T10:00:00Z", option, text);
    }
    return is_time;
}
