/* A command that works on a lake by itself: finds it, opens its store and its tables. */
#ifndef TIDE_CLI_LAKE_SESSION_H
#define TIDE_CLI_LAKE_SESSION_H

#include "cli/lake_place.h"
#include "cli/lake_tools.h"
#include "cli/print.h"

/* All zero is valid to close. */
struct tide_lake_session {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_config config;
    struct tide_bytes url;
    struct tide_lake_place place;
    struct tide_lake_tools tools;
    enum tide_format format;
    bool tables[TIDE_TABLE_ALL_COUNT]; /* that --table names; all without it */
};

/* The options that the session reads; a command's table begins with them. */
#define TIDE_LAKE_SESSION_OPTIONS                                                                  \
    {"--preset", NULL, "NAME", "sunbird or device; needs no file"},                                \
        {"--data", NULL, "DIR", "the lake in DIR/lake, as run has it"},                            \
        {"--lake", NULL, "URL", "a lake by itself"},                                               \
        {"--table", NULL, "NAME", "only raw, events, rejected, journeys or metrics (repeatable)"}, \
        {"--format", NULL, "FORMAT", "table on a terminal, else ndjson; json, csv"},               \
        {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},                          \
    {                                                                                              \
        "--metric", NULL, "NAME", "as for run"                                                     \
    }

/* file: of the configuration, or NULL. What went wrong was said. */
enum tide_exit tide_lake_session_open(const struct tide_invocation *invocation,
                                      const char *file,
                                      struct tide_lake_session *session);
void tide_lake_session_close(struct tide_lake_session *session);

/* --before DATE, or --older 400d from now; *is_given false: neither. false: said what is wrong. */
bool tide_lake_session_before(const struct tide_invocation *invocation,
                              int32_t *before_days,
                              bool *is_given);
/* On stderr: "table events: " and the text. */
__attribute__((format(printf, 2, 3))) void tide_lake_progress(const char *table,
                                                              const char *format,
                                                              ...);

#endif
