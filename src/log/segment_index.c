/* See the header; the only subtlety is that reserve() does everything that can fail, so that a
 * batch that is already on the disk can always be published. */
#include "log/segment_index.h"

#include "base/assert.h"

#include <stdlib.h>

enum {
    CAPACITY_MIN = 64
};

void tide_segment_index_release(struct tide_segment_index *index)
{
    free(index->entries);
    *index = (struct tide_segment_index){0};
}

enum tide_status tide_segment_index_reserve(struct tide_segment_index *index,
                                            size_t more,
                                            struct tide_error *error)
{
    tide_assert(index->count <= index->capacity);
    if (more <= index->capacity - index->count) {
        return TIDE_OK;
    }
    if (more > TIDE_SEGMENT_INDEX_ENTRIES_MAX - index->count) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "a partition has %zu frames, the maximum is %d",
                              index->count,
                              TIDE_SEGMENT_INDEX_ENTRIES_MAX);
    }
    size_t capacity = index->capacity < CAPACITY_MIN ? CAPACITY_MIN : index->capacity;
    while (capacity < index->count + more) {
        capacity *= 2;
    }
    struct tide_segment_entry *entries =
        realloc(index->entries, capacity * sizeof(*index->entries));
    if (entries == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for an index of %zu frames", capacity);
    }
    index->entries = entries;
    index->capacity = capacity;
    return TIDE_OK;
}

void tide_segment_index_add(struct tide_segment_index *index, struct tide_segment_entry entry)
{
    tide_assert(index->count < index->capacity);
    tide_assert(entry.first_offset == index->end);
    tide_assert(entry.record_count > 0);
    index->entries[index->count++] = entry;
    index->end += entry.record_count;
}

size_t tide_segment_index_find(const struct tide_segment_index *index, uint64_t offset)
{
    if (offset >= index->end) {
        return index->count;
    }
    size_t low = 0; /* entries[low].first_offset <= offset < the end of entries[high - 1] */
    size_t high = index->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (index->entries[middle].first_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
