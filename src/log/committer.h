/* The log-commit thread: one write and one fdatasync serve every append that came in meanwhile.
 *
 * It also tells readers that there is more to read. commit_delay waits that long after the first
 * append for others to join (0: as soon as the disk is free). */
#ifndef TIDE_LOG_COMMITTER_H
#define TIDE_LOG_COMMITTER_H

#include "log/log.h"
#include "log/produce_meter.h"

struct tide_committer;

struct tide_committer_options {
    struct tide_log log;
    struct tide_clock clock;
    struct tide_duration commit_delay;
    /* Called by the committer's thread after each successful sync that had something, and once when
     * the log has failed (status FATAL); must not block. */
    void (*synced)(void *context, enum tide_status status, const struct tide_error *error);
    void *context;
    /* Told of every append and sync, as its topic; NULL: the log meters itself, or nobody asks. It
     * wants the clock. */
    struct tide_produce_meter *meter;
    uint32_t meter_topic;
};

/* Starts the thread. */
enum tide_status tide_committer_start(const struct tide_committer_options *options,
                                      struct tide_committer **committer,
                                      struct tide_error *error);
/* Any thread: appends to the log and wakes the commit thread. Statuses as log append. */
enum tide_status tide_committer_append(struct tide_committer *committer,
                                       struct tide_log_append *append,
                                       struct tide_error *error);
/* Syncs what is pending, calls its dones, ends the thread. */
void tide_committer_stop(struct tide_committer *committer);

#endif
