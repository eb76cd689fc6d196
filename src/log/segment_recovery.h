/* From a directory to a durable stream: what open does before anything is acknowledged.
 *
 * The rules and the drawing are in docs/formats/log.md, "Recovery". */
#ifndef TIDE_LOG_SEGMENT_RECOVERY_H
#define TIDE_LOG_SEGMENT_RECOVERY_H

#include "log/segment_stream.h"

/* stream was initialised and is empty. After OK it ends in a new segment of this process, and all
 * that it indexes is durable. REJECT: another partition count or format; FATAL: corruption or
 * device; RETRY: space or memory. After a failure the directory is as good as before: call again
 * (RETRY) or not at all. Blocks; O(bytes of the log). One thread. */
enum tide_status tide_segment_recover(struct tide_segment_stream *stream, struct tide_error *error);

#endif
