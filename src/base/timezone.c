/* Questions about a sorted table of spans.
 *
 * From an instant to the clock on the wall: the last span that has begun. From the wall to the
 * instant: a change shifts the wall by the difference of two offsets, and the times on the wall
 * that are skipped or come twice count as before the change (as Python's zoneinfo has it with
 * fold = 0). So the change is over, on the wall, at its instant plus the larger offset, which the
 * table keeps beside each span: the same search, in another column. */
#include "base/timezone.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/io.h"
#include "base/timezone_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    PATH_SIZE_MAX = 4096,
    SECONDS_PER_DAY = 86400
};

static const int64_t day_max = INT64_C(100000000);
static const char folder_default[] = "/usr/share/zoneinfo";
static const char folder_variable[] = "TZDIR";

struct tide_timezone {
    struct tide_view name;
    struct tide_timezone_table table;
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+';
}

/* Words between slashes, so the path stays below the folder: no dot, nothing empty. */
static bool is_name(struct tide_view name)
{
    bool is_after_slash = true;
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        if (!is_name_byte(c) && (c != '/' || is_after_slash)) {
            return false;
        }
        is_after_slash = c == '/';
    }
    return !is_after_slash && name.size <= TIDE_TIMEZONE_NAME_SIZE_MAX;
}

static enum tide_status read_table(struct tide_arena *arena,
                                   struct tide_view name,
                                   struct tide_timezone_table *table,
                                   struct tide_error *error)
{
    const char *folder = getenv(folder_variable);
    if (folder == NULL || folder[0] == '\0') {
        folder = folder_default;
    }
    char path[PATH_SIZE_MAX];
    const int length = snprintf(path, sizeof(path), "%s/%.*s", folder, TIDE_VIEW_ARGUMENTS(name));
    if (length < 0 || (size_t)length >= sizeof(path)) {
        return tide_error_set(
            error, TIDE_REJECT, "the path in %s has %d bytes", folder_variable, length);
    }
    struct tide_bytes bytes = {0};
    enum tide_status status =
        tide_io_read_file(tide_io_os(), path, &bytes, TIDE_TIMEZONE_FILE_SIZE_MAX, error);
    if (status == TIDE_OK) {
        status = tide_timezone_file_read(arena, tide_bytes_view(&bytes), table, error);
    } else if (status == TIDE_FATAL) {
        /* A folder, or a name below a file: a wrong name is not the end of the process. */
        status = TIDE_REJECT;
    }
    tide_bytes_release(&bytes);
    return status;
}

enum tide_status tide_timezone_open(struct tide_arena *arena,
                                    struct tide_view name,
                                    const struct tide_timezone **zone,
                                    struct tide_error *error)
{
    static const struct tide_timezone_span always = {.from = INT64_MIN, .wall = INT64_MIN};
    struct tide_timezone_table table = {&always, 1};
    if (!is_name(name)) {
        const int shown =
            (int)(name.size < TIDE_TIMEZONE_NAME_SIZE_MAX ? name.size
                                                          : TIDE_TIMEZONE_NAME_SIZE_MAX);
        return tide_error_set(error,
                              TIDE_REJECT,
                              "'%.*s' is not the name of a time zone (as Europe/Berlin is one)",
                              shown,
                              name.data);
    }
    if (!tide_view_equal(name, TIDE_VIEW("UTC"))) {
        const enum tide_status status = read_table(arena, name, &table, error);
        if (status != TIDE_OK) {
            tide_error_prefix(error, "time zone %.*s", TIDE_VIEW_ARGUMENTS(name));
            return status;
        }
    }
    struct tide_timezone *made = TIDE_ARENA_NEW(arena, struct tide_timezone);
    const struct tide_view kept_name = tide_arena_copy(arena, name);
    if (made == NULL || kept_name.data == NULL) {
        return tide_error_set(
            error, TIDE_RETRY, "no memory for time zone %.*s", TIDE_VIEW_ARGUMENTS(name));
    }
    *made = (struct tide_timezone){kept_name, table};
    *zone = made;
    return TIDE_OK;
}

struct tide_view tide_timezone_name(const struct tide_timezone *zone)
{
    return zone->name;
}

/* The last span that has begun at an instant; without a branch to guess. */
static uint32_t span_at(const struct tide_timezone_table *table, int64_t instant)
{
    uint32_t first = 0;
    for (uint32_t count = table->count; count > 1; count -= count / 2) {
        first += table->spans[first + count / 2].from <= instant ? count / 2 : 0;
    }
    return first;
}

/* The last span whose change is over when the clock on the wall shows this. */
static uint32_t span_at_wall(const struct tide_timezone_table *table, int64_t wall)
{
    uint32_t first = 0;
    for (uint32_t count = table->count; count > 1; count -= count / 2) {
        first += table->spans[first + count / 2].wall <= wall ? count / 2 : 0;
    }
    return first;
}

/* In seconds. hint: a span that may be the one. */
static int64_t midnight(const struct tide_timezone_table *table, int64_t day, uint32_t hint)
{
    const struct tide_timezone_span *spans = table->spans;
    const int64_t wall = day * SECONDS_PER_DAY;
    const bool is_hint_right =
        spans[hint].wall <= wall && (hint + 1 == table->count || wall < spans[hint + 1].wall);
    return wall - spans[is_hint_right ? hint : span_at_wall(table, wall)].offset;
}

int32_t tide_timezone_offset(const struct tide_timezone *zone, struct tide_instant t)
{
    tide_assert(tide_instant_known(t));
    const int64_t instant = tide_floor_divide(t.us, TIDE_US_PER_SECOND);
    return zone->table.spans[span_at(&zone->table, instant)].offset;
}

struct tide_instant tide_timezone_midnight(const struct tide_timezone *zone, int64_t day)
{
    tide_assert(day >= -day_max && day <= day_max);
    return (struct tide_instant){midnight(&zone->table, day, 0) * TIDE_US_PER_SECOND};
}

/* The date on the wall is right but near a change: where midnight was skipped its day has not begun
 * yet, and where clocks went back over midnight the next one has. A change is a day at most, and
 * over before the next one (see the table), so one step is enough. */
int64_t tide_timezone_day_of(const struct tide_timezone *zone, struct tide_instant t)
{
    tide_assert(tide_instant_known(t));
    const struct tide_timezone_table *table = &zone->table;
    const int64_t instant = tide_floor_divide(t.us, TIDE_US_PER_SECOND);
    const uint32_t span = span_at(table, instant);
    int64_t day = tide_floor_divide(instant + table->spans[span].offset, SECONDS_PER_DAY);
    if (instant < midnight(table, day, span)) {
        day--;
    } else if (instant >= midnight(table, day + 1, span)) {
        day++;
    }
    return day;
}
