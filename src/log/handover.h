/* What the writer of records found out about them, for their reader in the same process: an image
 * of a fixed size for each record, beside the log.
 *
 * The log is the truth, and every record can be read from it alone; an image only spares its reader
 * what its writer has done already. So none is ever waited for: where there is no room it is
 * dropped, after a restart there are none, and who takes finds NULL.
 *
 * A bounded ring of bytes for each partition. It is filled by the thread that syncs the log, before
 * readers can see the records (log.h, placed), and emptied by the partition's owner. Nobody
 * locks. */
#ifndef TIDE_LOG_HANDOVER_H
#define TIDE_LOG_HANDOVER_H

#include "log/log.h"

struct tide_handover;

struct tide_handover_options {
    uint32_t partition_count;
    size_t image_size; /* a multiple of 16 */
    size_t bytes_max;  /* of all partitions together; what is held is a power of two of each */
};

/* RETRY: out of memory. REJECT: bytes_max is too little for one image of each partition. */
enum tide_status tide_handover_create(const struct tide_handover_options *options,
                                      struct tide_handover **handover,
                                      struct tide_error *error);
/* NULL is fine. */
void tide_handover_destroy(struct tide_handover *handover);

/* The thread that syncs the log: images of all records of these receipts, one behind the other.
 * Offsets of a partition ascend. */
void tide_handover_give(struct tide_handover *handover,
                        const struct tide_log_receipt *receipts,
                        uint32_t receipt_count,
                        const char *images);

/* Any thread, once before images of a body are made: whether it is worth it. After one was dropped
 * it is not for the next bodies. */
bool tide_handover_is_wanted(struct tide_handover *handover);

/* The partition's owner: images of the record at offset and of those behind it, at most *count;
 * *count becomes how many. NULL: there is none of that record. Aligned for 8 bytes, valid until the
 * next call for the partition. Offsets ascend: images below are gone after it. */
const char *tide_handover_take(struct tide_handover *handover,
                               uint32_t partition,
                               uint64_t offset,
                               uint32_t *count);

/* Counters since start; any thread, a glimpse. */
struct tide_handover_facts {
    uint64_t given;   /* images that found room */
    uint64_t dropped; /* that did not */
    uint64_t taken;
};
struct tide_handover_facts tide_handover_facts(const struct tide_handover *handover);
size_t tide_handover_bytes(const struct tide_handover *handover);

#endif
