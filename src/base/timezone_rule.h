/* The rule by which a time zone goes on after its last recorded transition: the TZ string of POSIX
 * (XBD chapter 8) with the extension of RFC 8536, section 3.3.1: a change is at -167..167 hours.
 *
 *     EST5EDT,M3.2.0,M11.1.0        <+1030>-10:30<+11>-11,M10.1.0,M4.1.0        IST-5:30
 *
 * Offsets here are seconds east of UTC; the text's sign is the other way round. */
#ifndef TIDE_BASE_TIMEZONE_RULE_H
#define TIDE_BASE_TIMEZONE_RULE_H

#include "base/bytes.h"

enum tide_timezone_day_kind {
    TIDE_TIMEZONE_DAY_OF_YEAR,     /* n: 0..365, the leap day counts */
    TIDE_TIMEZONE_DAY_BUT_LEAP,    /* Jn: 1..365, there is no February 29 */
    TIDE_TIMEZONE_WEEKDAY_OF_MONTH /* Mm.w.d: the w-th d-day of month m, w = 5 the last */
};

/* When clocks change, by the clock as it is before the change. */
struct tide_timezone_change {
    enum tide_timezone_day_kind kind;
    int32_t month;   /* 1..12 */
    int32_t week;    /* 1..5 */
    int32_t day;     /* 0..6 from Sunday, or the day of the year */
    int32_t seconds; /* after the midnight of that day; may be negative or over a day */
};

struct tide_timezone_rule {
    int32_t standard_offset;
    int32_t daylight_offset; /* less than the standard one where "daylight" is winter's */
    bool has_daylight;       /* else start and end mean nothing */
    struct tide_timezone_change start;
    struct tide_timezone_change end;
};

/* false: not such a text, or one without rules for its daylight time. */
bool tide_timezone_rule_parse(struct tide_view text, struct tide_timezone_rule *rule);
/* The instants, in seconds since 1970, at which daylight time starts and ends by the rule of that
 * year; has_daylight is asserted. Either may come first. year -9999..9999 */
int64_t tide_timezone_rule_start(const struct tide_timezone_rule *rule, int32_t year);
int64_t tide_timezone_rule_end(const struct tide_timezone_rule *rule, int32_t year);

#endif
