/* A recursive-descent reader of TZ strings, and their days by the civil calendar. */
#include "base/timezone_rule.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/digits.h"

#include "base/banned.h"

enum {
    NAME_SIZE_MIN = 3,
    DIGITS_MAX = 3,
    OFFSET_HOURS_MAX = 24,
    CHANGE_HOURS_MAX = 167,
    DAYS_PER_WEEK = 7,
    SECONDS_PER_MINUTE = 60,
    SECONDS_PER_HOUR = 3600,
    SECONDS_PER_DAY = 86400,
    YEAR_MAX = 9999,
    THURSDAY = 4 /* 1970-01-01 was one; Sunday is 0 */
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The takers remove what they recognise from the front of rest; on false nothing may be assumed. */

static bool take(struct tide_view *rest, char c)
{
    if (rest->size == 0 || rest->data[0] != c) {
        return false;
    }
    *rest = tide_view_slice(*rest, 1, rest->size - 1);
    return true;
}

static bool take_number(struct tide_view *rest, int32_t min, int32_t max, int32_t *number)
{
    size_t size = 0;
    *number = 0;
    for (; size < rest->size && tide_is_digit(rest->data[size]); size++) {
        if (size == DIGITS_MAX) {
            return false;
        }
        *number = *number * 10 + (rest->data[size] - '0');
    }
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return size > 0 && *number >= min && *number <= max;
}

/* Letters alone, or with digits and signs between < and >. */
static bool take_name(struct tide_view *rest)
{
    const bool is_quoted = take(rest, '<');
    size_t size = 0;
    for (; size < rest->size; size++) {
        const char c = rest->data[size];
        if (!is_letter(c) && !(is_quoted && (tide_is_digit(c) || c == '+' || c == '-'))) {
            break;
        }
    }
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return size >= NAME_SIZE_MIN && (!is_quoted || take(rest, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct tide_view *rest, int32_t hours_max, int32_t *seconds)
{
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t more = 0;
    const bool is_negative = take(rest, '-');
    if (!is_negative) {
        (void)take(rest, '+');
    }
    if (!take_number(rest, 0, hours_max, &hours)) {
        return false;
    }
    if (take(rest, ':')) {
        if (!take_number(rest, 0, SECONDS_PER_MINUTE - 1, &minutes)) {
            return false;
        }
        if (take(rest, ':') && !take_number(rest, 0, SECONDS_PER_MINUTE - 1, &more)) {
            return false;
        }
    }
    *seconds = hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE + more;
    *seconds = is_negative ? -*seconds : *seconds;
    return true;
}

static bool take_offset(struct tide_view *rest, int32_t *offset)
{
    int32_t west = 0;
    const bool is_taken = take_time(rest, OFFSET_HOURS_MAX, &west);
    *offset = -west;
    return is_taken;
}

static bool take_day(struct tide_view *rest, struct tide_timezone_change *change)
{
    if (take(rest, 'M')) {
        change->kind = TIDE_TIMEZONE_WEEKDAY_OF_MONTH;
        return take_number(rest, 1, 12, &change->month) && take(rest, '.') &&
               take_number(rest, 1, 5, &change->week) && take(rest, '.') &&
               take_number(rest, 0, DAYS_PER_WEEK - 1, &change->day);
    }
    const bool is_julian = take(rest, 'J');
    change->kind = is_julian ? TIDE_TIMEZONE_DAY_BUT_LEAP : TIDE_TIMEZONE_DAY_OF_YEAR;
    return take_number(rest, is_julian ? 1 : 0, 365, &change->day);
}

static bool take_change(struct tide_view *rest, struct tide_timezone_change *change)
{
    if (!take(rest, ',') || !take_day(rest, change)) {
        return false;
    }
    change->seconds = 2 * SECONDS_PER_HOUR;
    return !take(rest, '/') || take_time(rest, CHANGE_HOURS_MAX, &change->seconds);
}

bool tide_timezone_rule_parse(struct tide_view text, struct tide_timezone_rule *rule)
{
    struct tide_view rest = text;
    *rule = (struct tide_timezone_rule){0};
    if (!take_name(&rest) || !take_offset(&rest, &rule->standard_offset)) {
        return false;
    }
    rule->daylight_offset = rule->standard_offset;
    if (rest.size == 0) {
        return true;
    }
    rule->has_daylight = true;
    rule->daylight_offset += SECONDS_PER_HOUR;
    if (!take_name(&rest)) {
        return false;
    }
    const bool is_offset_given = rest.size > 0 && rest.data[0] != ',';
    if (is_offset_given && !take_offset(&rest, &rule->daylight_offset)) {
        return false;
    }
    return take_change(&rest, &rule->start) && take_change(&rest, &rule->end) && rest.size == 0;
}

static int64_t day_of_change(const struct tide_timezone_change *change, int32_t year)
{
    const int64_t new_year = tide_days_from_date((struct tide_date){year, 1, 1});
    const int64_t march = tide_days_from_date((struct tide_date){year, 3, 1});
    switch (change->kind) {
    case TIDE_TIMEZONE_DAY_OF_YEAR:
        return new_year + change->day;
    case TIDE_TIMEZONE_DAY_BUT_LEAP:
        /* From day 60, March 1, it is counted from there. */
        return change->day < 60 ? new_year + change->day - 1 : march + change->day - 60;
    case TIDE_TIMEZONE_WEEKDAY_OF_MONTH:
        break;
    }
    const int32_t month_after = change->month % 12 + 1;
    const int32_t year_after = year + change->month / 12;
    const int64_t first = tide_days_from_date((struct tide_date){year, (uint8_t)change->month, 1});
    const int64_t after =
        tide_days_from_date((struct tide_date){year_after, (uint8_t)month_after, 1});
    /* The first such weekday at or after day d is d + (wanted - weekday of d) mod 7. */
    const int64_t ahead = change->day - THURSDAY - first;
    const int64_t weeks_down = tide_floor_divide(ahead, DAYS_PER_WEEK) * DAYS_PER_WEEK;
    const int64_t day = first + (ahead - weeks_down) + (int64_t)(change->week - 1) * DAYS_PER_WEEK;
    return day < after ? day : day - DAYS_PER_WEEK;
}

static int64_t instant_of_change(const struct tide_timezone_change *change,
                                 int32_t year,
                                 int32_t offset_before)
{
    tide_assert(year >= -YEAR_MAX && year <= YEAR_MAX);
    return day_of_change(change, year) * SECONDS_PER_DAY + change->seconds - offset_before;
}

int64_t tide_timezone_rule_start(const struct tide_timezone_rule *rule, int32_t year)
{
    tide_assert(rule->has_daylight);
    return instant_of_change(&rule->start, year, rule->standard_offset);
}

int64_t tide_timezone_rule_end(const struct tide_timezone_rule *rule, int32_t year)
{
    tide_assert(rule->has_daylight);
    return instant_of_change(&rule->end, year, rule->daylight_offset);
}
