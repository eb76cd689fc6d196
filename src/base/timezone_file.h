/* A TZif file (RFC 8536, version 2 and later; RFC 9636) as one sorted table.
 *
 * The 64-bit data block gives the transitions that were recorded, the TZ string behind it those
 * after them, which are written out until TIDE_TIMEZONE_YEAR_END. The 32-bit block of version 1 is
 * only stepped over. */
#ifndef TIDE_BASE_TIMEZONE_FILE_H
#define TIDE_BASE_TIMEZONE_FILE_H

#include "base/arena.h"

enum {
    /* Events lie before 2100, and no window is longer than 101 years; from here on the offset does
     * not change any more. */
    TIDE_TIMEZONE_YEAR_END = 2202,
    TIDE_TIMEZONE_FILE_SIZE_MAX = 64 * 1024
};

/* A time during which the offset is the same, until the next span begins. */
struct tide_timezone_span {
    int64_t from;   /* seconds since 1970, UTC; INT64_MIN in the first span */
    int64_t wall;   /* likewise, on the clock on the wall: from + the larger of the two offsets */
    int32_t offset; /* seconds east of UTC */
};

/* At least one span; from and wall ascend strictly, and neighbours differ in their offset, by a day
 * at most: so local days are in order, and a wall clock is never behind by more than one of them.
 * All zero is a table that was not read. */
struct tide_timezone_table {
    const struct tide_timezone_span *spans;
    uint32_t count;
};

/* The table lives in the arena; bytes are not kept. REJECT: bytes are not such a file, or one that
 * counts leap seconds, or has no 64-bit data; RETRY: the arena is full. */
enum tide_status tide_timezone_file_read(struct tide_arena *arena,
                                         struct tide_view bytes,
                                         struct tide_timezone_table *table,
                                         struct tide_error *error);

#endif
