/* The embedded segment log: one stream of frames in segment files, an index per partition in
 * memory.
 *
 * Format: docs/formats/log.md. A frame carries its checksums, the checksum of the frame before it
 * and how far the stream was synced when it was built, so that recovery can tell a torn tail
 * (dropped) from corruption of what was acknowledged (refused, with the range). On open the tail
 * that was read is written again into a new segment and synced before anything is acknowledged:
 * what the page cache showed may not be on the disk. A failed sync closes the log (fail-stop).
 * Nothing is trimmed yet. */
#ifndef TIDE_LOG_SEGMENT_H
#define TIDE_LOG_SEGMENT_H

#include "base/io.h"
#include "log/log.h"

struct tide_segment_log_options {
    struct tide_io io;
    const char *directory;    /* made if need be */
    uint32_t partition_count; /* fixed for the life of the log; another one at open is REJECT */
    uint64_t segment_bytes;   /* a new file after this much; exceeded by one sync at most */
    size_t pending_bytes_max; /* beyond it append says AGAIN */
};
struct tide_segment_log_options tide_segment_log_options_default(void);

struct tide_segment_log_facts {
    uint64_t segment_count;
    uint64_t stream_bytes;
    uint64_t torn_bytes; /* dropped from the tail at open */
    uint64_t sync_count;
};

/* REJECT: another partition count; FATAL: corruption or device; RETRY: space or memory. */
enum tide_status tide_segment_log_open(const struct tide_segment_log_options *options,
                                       struct tide_log *log,
                                       struct tide_error *error);
struct tide_segment_log_facts tide_segment_log_facts(const struct tide_log *log);

#endif
