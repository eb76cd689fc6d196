/* Windows by arithmetic alone. The windows of a spec are numbered: window n reaches from boundary n
 * to boundary n + 1, and number 0 holds, or begins with, 1970-01-01 (weeks: is the one from the
 * Monday before it). Everything here is a question about numbers and boundaries; a zone only
 * decides which day an instant falls on and where a day begins. */
#include "metric/window.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    MONDAY_BEFORE_EPOCH = -3,
    DAYS_PER_WEEK = 7,
    MONTHS_PER_YEAR = 12
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
            *spec = (struct tide_window_spec){
                .unit = units[i].unit,
                .size = count * units[i].scale,
            };
            return count <= units[i].count_max;
        }
    }
    return false;
}

static int64_t local_day(const struct tide_timezone *zone, struct tide_instant t)
{
    return zone == NULL ? tide_days_of(t) : tide_timezone_day_of(zone, t);
}

static struct tide_instant local_midnight(const struct tide_timezone *zone, int64_t day)
{
    return zone == NULL ? (struct tide_instant){day * TIDE_US_PER_DAY}
                        : tide_timezone_midnight(zone, day);
}

static int64_t number_of(struct tide_window_spec spec, struct tide_instant t)
{
    struct tide_date date = {0};
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        return tide_floor_divide(t.us, spec.size);
    case TIDE_WINDOW_DAYS:
        return tide_floor_divide(local_day(spec.zone, t), spec.size);
    case TIDE_WINDOW_WEEKS:
        return tide_floor_divide(local_day(spec.zone, t) - MONDAY_BEFORE_EPOCH,
                                 spec.size * DAYS_PER_WEEK);
    case TIDE_WINDOW_MONTHS:
        break;
    }
    date = tide_date_from_days(local_day(spec.zone, t));
    return (int64_t)(date.year - 1970) * MONTHS_PER_YEAR + date.month - 1;
}

static struct tide_instant boundary(struct tide_window_spec spec, int64_t number)
{
    int64_t day = 0;
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        return (struct tide_instant){number * spec.size};
    case TIDE_WINDOW_DAYS:
        day = number * spec.size;
        break;
    case TIDE_WINDOW_WEEKS:
        day = MONDAY_BEFORE_EPOCH + number * spec.size * DAYS_PER_WEEK;
        break;
    case TIDE_WINDOW_MONTHS: {
        const int64_t years = tide_floor_divide(number, MONTHS_PER_YEAR);
        day = tide_days_from_date((struct tide_date){
            .year = (int32_t)(1970 + years),
            .month = (uint8_t)(number - years * MONTHS_PER_YEAR + 1),
            .day = 1,
        });
        break;
    }
    }
    return local_midnight(spec.zone, day);
}

static void check_spec(struct tide_window_spec spec)
{
    tide_assert(spec.size > 0);
    tide_assert(spec.unit != TIDE_WINDOW_MONTHS || spec.size == 1);
    tide_assert(spec.unit != TIDE_WINDOW_FIXED || spec.zone == NULL);
}

struct tide_window tide_window_of(struct tide_window_spec spec, struct tide_instant t)
{
    check_spec(spec);
    tide_assert(t.us > INT64_MIN / 2 && t.us < INT64_MAX / 2);
    const int64_t number = number_of(spec, t);
    const struct tide_window window = {boundary(spec, number), boundary(spec, number + 1)};
    tide_assert(window.start.us <= t.us && t.us < window.end.us);
    return window;
}

struct tide_window tide_window_next(struct tide_window_spec spec, struct tide_window window)
{
    return tide_window_of(spec, window.end);
}

static int64_t nominal_us(struct tide_window_spec spec)
{
    enum {
        DAYS_PER_MONTH_MIN = 28
    };
    switch (spec.unit) {
    case TIDE_WINDOW_FIXED:
        return spec.size;
    case TIDE_WINDOW_DAYS:
        return spec.size * TIDE_US_PER_DAY;
    case TIDE_WINDOW_WEEKS:
        return spec.size * DAYS_PER_WEEK * TIDE_US_PER_DAY;
    case TIDE_WINDOW_MONTHS:
        break;
    }
    return DAYS_PER_MONTH_MIN * TIDE_US_PER_DAY;
}

struct tide_window tide_window_slide(struct tide_window_spec every,
                                     uint32_t pane_count,
                                     struct tide_instant pane_start,
                                     uint32_t k)
{
    check_spec(every);
    tide_assert(k < pane_count);
    tide_assert(nominal_us(every) <= DAYS_MAX * TIDE_US_PER_DAY / pane_count);
    tide_assert(pane_start.us > INT64_MIN / 2 && pane_start.us < INT64_MAX / 2);
    const int64_t pane = number_of(every, pane_start);
    const int64_t end = pane + k + 1;
    const struct tide_window window = {boundary(every, end - pane_count), boundary(every, end)};
    tide_assert(boundary(every, pane).us == pane_start.us);
    tide_assert(window.start.us <= pane_start.us && pane_start.us < window.end.us);
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
