/* The service's own batch of yesterday, at a time of the day, as a child process: whatever a batch
 * needs or does, the service goes on.
 *
 * The child is this program's `batch`, with the configuration that this process was given. What day
 * was done last is in <data>/daily.json. One run at a time; one thread. */
#ifndef TIDE_CLI_DAILY_H
#define TIDE_CLI_DAILY_H

#include "base/io.h"
#include "cli/config.h"
#include "cli/daily_schedule.h"

struct tide_daily;

struct tide_daily_options {
    const struct tide_invocation *invocation; /* of run: what batch is told too */
    const struct tide_config *config;         /* data, batch.daily */
    struct tide_io io;
    struct tide_clock clock;
    const char *program; /* NULL: this one */
};

/* Options outlive it. REJECT: batch.daily.* is wrong; RETRY: no memory or threads, or daily.json
 * cannot be written. Starts its thread. */
enum tide_status tide_daily_start(const struct tide_daily_options *options,
                                  struct tide_daily **daily,
                                  struct tide_error *error);
/* Ends a batch that runs (it is not done then). NULL is fine. */
void tide_daily_stop(struct tide_daily *daily);

struct tide_daily_facts {
    bool is_running;
    uint64_t successes; /* of this process */
    uint64_t failures;
    struct tide_instant last_success;   /* its end; UNKNOWN: none */
    struct tide_duration last_duration; /* of the last run, whatever became of it */
};
/* Any thread. */
struct tide_daily_facts tide_daily_facts(const struct tide_daily *daily);

#endif
