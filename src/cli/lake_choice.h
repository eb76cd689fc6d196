/* A command that reads a lake: which one it is, and what is in it. */
#ifndef TIDE_CLI_LAKE_CHOICE_H
#define TIDE_CLI_LAKE_CHOICE_H

#include "cli/lake_place.h"

struct tide_lake_choice {
    struct tide_config config;
    struct tide_lake_place place;
};

/* The invocation has --preset, --config, --data, --lake and --set. --lake URL is the lake, --data
 * DIR has it in DIR/lake, else it is the configuration's; NOT_FOUND: there is none. config lives in
 * arena. What is wrong was said on stderr. Close in any case; all zero is valid to close. */
enum tide_exit tide_lake_choice_open(struct tide_arena *arena,
                                     const struct tide_invocation *invocation,
                                     struct tide_lake_choice *choice);
void tide_lake_choice_close(struct tide_lake_choice *choice);

#endif
