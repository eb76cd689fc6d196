/* Civil time by Howard Hinnant's algorithms (chrono-Compatible Low-Level Date Algorithms): years
 * begin in March, so that the leap day is the last, and 400 of them are always 146,097 days. */
#include "base/civil.h"

#include "base/assert.h"
#include "base/digits.h"

#include <string.h>

#include "base/banned.h"

enum {
    DAYS_PER_ERA = 146097,        /* 400 years */
    DAYS_BEFORE_EPOCH = 719468,   /* from 0000-03-01 to 1970-01-01 */
    DAYS_MAX = 200 * 1000 * 1000, /* what 64 bits of microseconds can hold, and more */
    YEAR_MAX = 999999,
};

int64_t tide_floor_divide(int64_t value, int64_t by)
{
    tide_assert(by > 0);
    return value / by - (value % by < 0);
}

int64_t tide_days_from_date(struct tide_date date)
{
    tide_assert(date.year >= -YEAR_MAX && date.year <= YEAR_MAX);
    tide_assert(date.month >= 1 && date.month <= 12);
    tide_assert(date.day >= 1 && date.day <= 31);
    const int64_t year = (int64_t)date.year - (date.month <= 2);
    const int64_t era = tide_floor_divide(year, 400);
    const int64_t year_of_era = year - era * 400;
    const int64_t month_from_march = (date.month + 9) % 12;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_EPOCH;
}

struct tide_date tide_date_from_days(int64_t days)
{
    tide_assert(days >= -DAYS_MAX && days <= DAYS_MAX);
    days += DAYS_BEFORE_EPOCH;
    const int64_t era = tide_floor_divide(days, DAYS_PER_ERA);
    const int64_t day_of_era = days - era * DAYS_PER_ERA;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2);
    tide_assert(day >= 1 && day <= 31 && month >= 1 && month <= 12);
    return (struct tide_date){
        .year = (int32_t)year,
        .month = (uint8_t)month,
        .day = (uint8_t)day,
    };
}

int64_t tide_days_of(struct tide_instant t)
{
    tide_assert(tide_instant_known(t));
    return tide_floor_divide(t.us, TIDE_US_PER_DAY);
}

/* The takers remove what they recognise from the front of rest; on false nothing may be assumed. */

static bool take_byte(struct tide_view *rest, const char *choices, char *taken)
{
    if (rest->size == 0 || memchr(choices, rest->data[0], strlen(choices)) == NULL) {
        return false;
    }
    *taken = rest->data[0];
    *rest = tide_view_slice(*rest, 1, rest->size - 1);
    return true;
}

static bool take_separator(struct tide_view *rest, const char *choices)
{
    char taken = 0;
    return take_byte(rest, choices, &taken);
}

static bool take_number(struct tide_view *rest, size_t digits, int32_t *number)
{
    if (rest->size < digits) {
        return false;
    }
    int32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!tide_is_digit(rest->data[i])) {
            return false;
        }
        value = value * 10 + (rest->data[i] - '0');
    }
    *rest = tide_view_slice(*rest, digits, rest->size - digits);
    *number = value;
    return true;
}

static int32_t days_of_month(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_date(struct tide_view *rest, int64_t *days)
{
    int32_t year = 0;
    int32_t month = 0;
    int32_t day = 0;
    if (!take_number(rest, 4, &year) || !take_separator(rest, "-") ||
        !take_number(rest, 2, &month) || !take_separator(rest, "-") ||
        !take_number(rest, 2, &day)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    *days = tide_days_from_date((struct tide_date){
        .year = year,
        .month = (uint8_t)month,
        .day = (uint8_t)day,
    });
    return true;
}

static bool take_time(struct tide_view *rest, int64_t *seconds)
{
    int32_t hour = 0;
    int32_t minute = 0;
    int32_t second = 0;
    if (!take_number(rest, 2, &hour) || !take_separator(rest, ":") ||
        !take_number(rest, 2, &minute) || !take_separator(rest, ":") ||
        !take_number(rest, 2, &second)) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59;
}

static bool take_fraction(struct tide_view *rest, int64_t *us)
{
    *us = 0;
    if (!take_separator(rest, ".")) {
        return true;
    }
    int64_t digit_value = TIDE_US_PER_SECOND / 10;
    size_t size = 0;
    for (; size < rest->size && tide_is_digit(rest->data[size]); size++) {
        *us += (rest->data[size] - '0') * digit_value;
        digit_value /= 10; /* 0 after six digits: the others are cut */
    }
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return size > 0;
}

static bool take_offset(struct tide_view *rest, int64_t *seconds)
{
    *seconds = 0;
    if (rest->size == 0 || take_separator(rest, "Zz")) {
        return true;
    }
    char sign = 0;
    int32_t hour = 0;
    int32_t minute = 0;
    if (!take_byte(rest, "+-", &sign) || !take_number(rest, 2, &hour)) {
        return false;
    }
    (void)take_separator(rest, ":"); /* may be left out */
    if (!take_number(rest, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *seconds = (hour * 3600 + minute * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool tide_civil_parse(struct tide_view text, struct tide_instant *t)
{
    int64_t days = 0;
    int64_t seconds = 0;
    int64_t us = 0;
    int64_t offset = 0;
    struct tide_view rest = text;
    if (!take_date(&rest, &days) || !take_separator(&rest, "Tt ") || !take_time(&rest, &seconds) ||
        !take_fraction(&rest, &us) || !take_offset(&rest, &offset) || rest.size != 0) {
        return false;
    }
    t->us = days * TIDE_US_PER_DAY + (seconds - offset) * TIDE_US_PER_SECOND + us;
    return true;
}

static char *put_number(char *at, int64_t number, int digits)
{
    for (int i = digits; i-- > 0; number /= 10) {
        at[i] = (char)('0' + number % 10);
    }
    tide_assert(number == 0);
    return at + digits;
}

/* Years that a record's time can reach beyond 0..9999 are written with a sign and six digits, as
 * ISO 8601 has it, so that no instant is without a text. */
static char *put_date(char *at, int64_t days)
{
    const struct tide_date date = tide_date_from_days(days);
    if (date.year >= 0 && date.year <= 9999) {
        at = put_number(at, date.year, 4);
    } else {
        *at++ = date.year < 0 ? '-' : '+';
        at = put_number(at, date.year < 0 ? -date.year : date.year, 6);
    }
    *at++ = '-';
    at = put_number(at, date.month, 2);
    *at++ = '-';
    return put_number(at, date.day, 2);
}

size_t tide_civil_format(struct tide_instant t, char *buffer)
{
    const int64_t days = tide_days_of(t);
    const int64_t us_after = t.us % TIDE_US_PER_DAY; /* before 1970 it is negative */
    const int64_t us_of_day = us_after < 0 ? us_after + TIDE_US_PER_DAY : us_after;
    const int64_t second = us_of_day / TIDE_US_PER_SECOND;
    const int64_t us = us_of_day % TIDE_US_PER_SECOND;
    char *at = put_date(buffer, days);
    *at++ = 'T';
    at = put_number(at, second / 3600, 2);
    *at++ = ':';
    at = put_number(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, second % 60, 2);
    if (us != 0) {
        *at++ = '.';
        at = put_number(at, us, 6);
        while (at[-1] == '0') {
            at--;
        }
    }
    *at++ = 'Z';
    *at = '\0';
    tide_assert(at - buffer < TIDE_CIVIL_TEXT_MAX);
    return (size_t)(at - buffer);
}

size_t tide_civil_format_date(int64_t days, char *buffer)
{
    char *at = put_date(buffer, days);
    *at = '\0';
    return (size_t)(at - buffer);
}

bool tide_duration_parse(struct tide_view text, struct tide_duration *duration)
{
    static const struct {
        struct tide_view name;
        int64_t us;
    } units[] = {
        {{"ms", 2}, INT64_C(1000)},
        {{"s", 1}, TIDE_US_PER_SECOND},
        {{"m", 1}, 60 * TIDE_US_PER_SECOND},
        {{"h", 1}, 3600 * TIDE_US_PER_SECOND},
        {{"d", 1}, TIDE_US_PER_DAY},
        {{"w", 1}, 7 * TIDE_US_PER_DAY},
    };
    int64_t number = 0;
    size_t size = 0;
    for (; size < text.size && tide_is_digit(text.data[size]); size++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[size] - '0', &number)) {
            return false;
        }
    }
    const struct tide_view unit = tide_view_slice(text, size, text.size - size);
    for (size_t i = 0; size > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t us = 0;
        if (tide_view_equal(unit, units[i].name) &&
            !__builtin_mul_overflow(number, units[i].us, &us)) {
            duration->us = us;
            return true;
        }
    }
    return false;
}
