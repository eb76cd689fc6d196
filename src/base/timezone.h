/* Local days of IANA time zones, from the system's zoneinfo files.
 *
 * A local day begins at the first instant of its date and ends where the next one begins, so days
 * have 23, 24 or 25 hours, or none at all: Samoa's 2011-12-30 begins and ends at one instant. Where
 * clocks skip midnight, it is placed by the offset before the change, at the change or after it;
 * where they go back over midnight, the day that has begun goes on. What the files of the machine
 * say is what holds, recorded changes and then the rule, until the year 2202.
 *
 * A zone is read once, at start, and never changes afterwards: any number of threads may use it. */
#ifndef TIDE_BASE_TIMEZONE_H
#define TIDE_BASE_TIMEZONE_H

#include "base/arena.h"
#include "base/clock.h"

enum {
    TIDE_TIMEZONE_NAME_SIZE_MAX = 64
};

struct tide_timezone;

/* Reads <folder>/<name>; the folder is $TZDIR, or /usr/share/zoneinfo. "UTC" is known without a
 * file. The zone lives in the arena. Blocks.
 * REJECT: no such zone, no name of one (nothing is opened then), or a bad file; the text names the
 * zone. RETRY: no memory, too many open files, no right to read it. */
enum tide_status tide_timezone_open(struct tide_arena *arena,
                                    struct tide_view name,
                                    const struct tide_timezone **zone,
                                    struct tide_error *error);
struct tide_view tide_timezone_name(const struct tide_timezone *zone);
/* Seconds east of UTC at an instant (what a local clock shows is instant + offset). The calls from
 * here on are a binary search over the transitions. */
int32_t tide_timezone_offset(const struct tide_timezone *zone, struct tide_instant t);
/* Where the local date begins; day counts from 1970-01-01 and is within 100 million. Ascends with
 * day, not always strictly. */
struct tide_instant tide_timezone_midnight(const struct tide_timezone *zone, int64_t day);
/* The day with midnight(day) <= t < midnight(day + 1). t is known. */
int64_t tide_timezone_day_of(const struct tide_timezone *zone, struct tide_instant t);

#endif
