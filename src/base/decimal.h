/* Exact decimal numbers: 18 digits, 6 of them after the point, in 64 bits; sums in 128.
 *
 * A JSON number is read from its text, never through a double. Meaning: semantics of the oracle's
 * Number: half-even rounding to six places, |x| < 10^12 after it; an int is any spelling of a whole
 * number that fits 64 bits (1.5E3 is one). */
#ifndef TIDE_BASE_DECIMAL_H
#define TIDE_BASE_DECIMAL_H

#include "base/bytes.h"

/* The one exception to "no typedefs": C has no other name for it. */
__extension__ typedef __int128 tide_i128;

enum {
    TIDE_DECIMAL_SCALE = 1000000
};
enum {
    TIDE_DECIMAL_TEXT_MAX = 64
};

/* text is a number by RFC 8259's grammar (asserted nowhere: the scanner checked it).
 * false: not representable (not whole, too large). Any length of digits and exponent is exact. */
bool tide_decimal_parse_int(struct tide_view text, int64_t *value);
bool tide_decimal_parse_decimal(struct tide_view text, int64_t *scaled);
/* Whole milliseconds, |ms| <= 10^15, given as microseconds. */
bool tide_decimal_parse_time_ms(struct tide_view text, int64_t *us);

/* Shortest plain notation: no exponent, no trailing zeros after the point, "0" for zero.
 * scale: number of digits after the point that value carries (0 or 6). Returns the length;
 * buffer has TIDE_DECIMAL_TEXT_MAX bytes and is terminated. */
size_t tide_decimal_format(tide_i128 value, unsigned scale, char *buffer);
/* The nearest double (round half even) of value / 10^scale. */
double tide_decimal_to_double(tide_i128 value, unsigned scale);
/* Inverse of format, for what our own SQL returns: optional sign, digits, point, digits.
 * REJECT: not that, or more than scale digits after the point, or more than 128 bits. */
enum tide_status tide_decimal_parse_i128(struct tide_view text, unsigned scale, tide_i128 *value);
/* Shortest text that reads back as the same double; JSON-safe (finite asserted). */
size_t tide_double_format(double value, char *buffer);

#endif
