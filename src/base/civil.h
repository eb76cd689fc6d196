/* Civil time in UTC: days and dates (Howard Hinnant's algorithms), ISO 8601 text. */
#ifndef TIDE_BASE_CIVIL_H
#define TIDE_BASE_CIVIL_H

#include "base/bytes.h"
#include "base/clock.h"

enum {
    TIDE_CIVIL_TEXT_MAX = 40
};
#define TIDE_US_PER_SECOND INT64_C(1000000)
#define TIDE_US_PER_DAY (INT64_C(86400) * TIDE_US_PER_SECOND)

struct tide_date {
    int32_t year;
    uint8_t month; /* 1..12 */
    uint8_t day;   /* 1..31 */
};

int64_t tide_floor_divide(int64_t value, int64_t by); /* by > 0 */
int64_t tide_days_from_date(struct tide_date date);   /* days since 1970-01-01 */
struct tide_date tide_date_from_days(int64_t days);
int64_t tide_days_of(struct tide_instant t); /* floor */

/* YYYY-MM-DD[Tt ]hh:mm:ss[.f...][Z|z|+hh:mm|+hhmm|-...]; seconds required, more than six fraction
 * digits are cut, no offset means UTC; year 1..9999, second 0..59, a real date. false: not that. */
bool tide_civil_parse(struct tide_view text, struct tide_instant *t);
/* 2026-03-08T00:00:00Z, up to six fraction digits, no trailing zeros. Returns the length. */
size_t tide_civil_format(struct tide_instant t, char *buffer);
size_t tide_civil_format_date(int64_t days, char *buffer); /* YYYY-MM-DD */
/* "30s" "5m" "26h" "400d" "250ms": number and unit (ms s m h d w); false: not that or too large. */
bool tide_duration_parse(struct tide_view text, struct tide_duration *duration);

#endif
