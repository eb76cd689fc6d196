/* Where the frames of one partition are: an array in order of offsets, one entry per frame.
 *
 * 24 bytes an entry, doubling, at most TIDE_SEGMENT_INDEX_ENTRIES_MAX. Which segment file a
 * position is in follows from the segments' base positions and is not repeated here. Not locked:
 * the log's mutex guards it. All zero is a valid empty index. */
#ifndef TIDE_LOG_SEGMENT_INDEX_H
#define TIDE_LOG_SEGMENT_INDEX_H

#include "base/bytes.h"

enum {
    TIDE_SEGMENT_INDEX_ENTRIES_MAX = 1 << 26
};

struct tide_segment_entry {
    uint64_t first_offset;
    uint64_t position; /* in the stream */
    uint32_t size;     /* of the frame, padding included */
    uint32_t record_count;
};

struct tide_segment_index {
    struct tide_segment_entry *entries;
    size_t count;
    size_t capacity;
    uint64_t end; /* the offset after the last record */
};

void tide_segment_index_release(struct tide_segment_index *index); /* back to all zero */
/* Room for more entries. RETRY: out of memory or the maximum is reached; nothing changed. */
enum tide_status tide_segment_index_reserve(struct tide_segment_index *index,
                                            size_t more,
                                            struct tide_error *error);
/* Room was reserved; entry continues at index->end (asserted). */
void tide_segment_index_add(struct tide_segment_index *index, struct tide_segment_entry entry);
/* The index of the entry that holds offset, or count if there is none. O(log count). */
size_t tide_segment_index_find(const struct tide_segment_index *index, uint64_t offset);

#endif
