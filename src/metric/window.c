/* Windows by arithmetic alone: days are counted from 1970-01-01, weeks from the Monday before it,
 * months by the civil calendar. */
#include "metric/window.h"

#include "base/assert.h"
#include "base/civil.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    MONDAY_BEFORE_EPOCH = -3,
    DAYS_PER_WEEK = 7
};

/* No window is longer: its end stays a time that can be printed. */
enum {
    DAYS_MAX = 36600
};

static const struct {
    struct tide_view name;
    enum tide_window_unit unit;
    int64_t scale; /* of size */
    int64_t count_max;
} units[] = {
    {{"s", 1}, TIDE_WINDOW_FIXED, TIDE_US_PER_SECOND, DAYS_MAX *INT64_C(86400)},
    {{"m", 1}, TIDE_WINDOW_FIXED, 60 * TIDE_US_PER_SECOND, DAYS_MAX *INT64_C(1440)},
    {{"h", 1}, TIDE_WINDOW_FIXED, 3600 * TIDE_US_PER_SECOND, DAYS_MAX *INT64_C(24)},
    {{"d", 1}, TIDE_WINDOW_DAYS, 1, DAYS_MAX},
    {{"w", 1}, TIDE_WINDOW_WEEKS, 1, DAYS_MAX / DAYS_PER_WEEK},
    {{"mo", 2}, TIDE_WINDOW_MONTHS, 1, 1},
};

enum {
    UNIT_COUNT = sizeof(units) / sizeof(units[0]),
    DIGITS_MAX = 12
};

bool tide_window_parse(struct tide_view text, struct tide_window_spec *spec)
{
    int64_t count = 0;
    size_t size = 0;
    for (; size < text.size && text.data[size] >= '0' && text.data[size] <= '9'; size++) {
        if (size == DIGITS_MAX) {
            return false;
        }
        count = count * 10 + (text.data[size] - '0');
    }
    if (size == 0 || count == 0) {
        return false;
    }
    const struct tide_view unit = tide_view_slice(text, size, text.size - size);
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (tide_view_equal(unit, units[i].name)) {
            *spec = (struct tide_window_spec){units[i].unit, count * units[i].scale};
            return count <= units[i].count_max;
        }
    }
    return false;
}

static struct tide_window days_window(int64_t day, int64_t origin, int64_t days)
{
    const int64_t first = origin + tide_floor_divide(day - origin, days) * days;
    return (struct tide_window){
        .start = {first * TIDE_US_PER_DAY},
        .end = {(first + days) * TIDE_US_PER_DAY},
    };
}

static struct tide_window month_window(int64_t day)
{
    struct tide_date first = tide_date_from_days(day);
    first.day = 1;
    struct tide_date after = first;
    after.year += first.month == 12;
    after.month = (uint8_t)(first.month % 12 + 1);
    return (struct tide_window){
        .start = {tide_days_from_date(first) * TIDE_US_PER_DAY},
        .end = {tide_days_from_date(after) * TIDE_US_PER_DAY},
    };
}

struct tide_window tide_window_of(struct tide_window_spec spec, struct tide_instant t)
{
    tide_assert(spec.size > 0);
    tide_assert(t.us > INT64_MIN / 2 && t.us < INT64_MAX / 2);
    struct tide_window window = {{0}, {0}};
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        window.start.us = tide_floor_divide(t.us, spec.size) * spec.size;
        window.end.us = window.start.us + spec.size;
        break;
    case TIDE_WINDOW_DAYS:
        window = days_window(tide_days_of(t), 0, spec.size);
        break;
    case TIDE_WINDOW_WEEKS:
        window = days_window(tide_days_of(t), MONDAY_BEFORE_EPOCH, spec.size * DAYS_PER_WEEK);
        break;
    case TIDE_WINDOW_MONTHS:
        window = month_window(tide_days_of(t));
        break;
    }
    tide_assert(window.start.us <= t.us && t.us < window.end.us);
    return window;
}

size_t tide_window_format(struct tide_window_spec spec, char *buffer)
{
    enum {
        BUFFER_SIZE = 32
    };
    size_t best = UNIT_COUNT;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].unit == spec.unit && spec.size % units[i].scale == 0) {
            best = i;
        }
    }
    tide_assert(best < UNIT_COUNT);
    const int length = snprintf(buffer,
                                BUFFER_SIZE,
                                "%lld%s",
                                (long long)(spec.size / units[best].scale),
                                units[best].name.data);
    tide_assert(length > 0 && length < BUFFER_SIZE);
    return (size_t)length;
}
