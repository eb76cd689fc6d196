/* What the writer of records found out about them, for their reader in the same process: an image
 * of a fixed size for each record, beside the log.
 *
 * The log is the truth, and every record can be read from it alone; an image only spares its reader
 * what its writer has done already. So none is ever waited for: where there is no room it is
 * dropped, after a restart there are none, and who takes finds NULL.
 *
 * A bounded ring of bytes for each partition. It is filled by the thread that syncs the log, before
 * readers can see the records (log.h, placed), and emptied by the partition's owner. Nobody locks.
 * Images that wait for the sync are their makers', who ask before they make them. */
#ifndef TIDE_LOG_HANDOVER_H
#define TIDE_LOG_HANDOVER_H

#include "log/log.h"

struct tide_handover;

struct tide_handover_options {
    uint32_t partition_count;
    size_t image_size; /* a multiple of 16 */
    /* Half of it for the rings, of which each is a power of two, half for images on their way. */
    size_t bytes_max;
};

/* RETRY: out of memory. REJECT: bytes_max is too little for a few images of each partition. */
enum tide_status tide_handover_create(const struct tide_handover_options *options,
                                      struct tide_handover **handover,
                                      struct tide_error *error);
/* NULL is fine. */
void tide_handover_destroy(struct tide_handover *handover);
size_t tide_handover_image_size(const struct tide_handover *handover);
/* What rings and images on their way take at most. */
size_t tide_handover_bytes(const struct tide_handover *handover);

/* Any thread, once before images of a body are taken: whether it is worth it. Not while as many as
 * may be are on their way, and not for some bodies after one was dropped. */
bool tide_handover_is_wanted(struct tide_handover *handover);
/* Any thread: images of so many records shall wait for the log. false: there are too many. */
bool tide_handover_hold(struct tide_handover *handover, uint32_t count);
/* They were given, or will not be. */
void tide_handover_release(struct tide_handover *handover, uint32_t count);

/* The thread that syncs the log: images of all records of these receipts, one behind the other.
 * Offsets of a partition ascend. */
void tide_handover_give(struct tide_handover *handover,
                        const struct tide_log_receipt *receipts,
                        uint32_t receipt_count,
                        const char *images);

/* The partition's owner: images of the record at offset and of those behind it, at most *count;
 * *count becomes how many. NULL: there is none of that record. Aligned for 8 bytes, valid until the
 * next call for the partition. Offsets ascend: images below are gone after it. */
const char *tide_handover_take(struct tide_handover *handover,
                               uint32_t partition,
                               uint64_t offset,
                               uint32_t *count);

/* Images since the start; any thread, a glimpse. */
struct tide_handover_facts {
    uint64_t taken;
    uint64_t dropped; /* given, but there was no room */
};
struct tide_handover_facts tide_handover_facts(const struct tide_handover *handover);

#endif
