/* Exact numbers from text and back.
 *
 * A number's text is read in one pass into 0.ddd... x 10^point: the first 19 significant digits as
 * an integer (they fit 64 bits), whether anything but zeros follows them, and the place of the
 * point. Every kind then asks for "that many digits before the point, and what remains", which is
 * one multiplication or division by a power of ten. Nothing depends on how long the text is. */
#include "base/decimal.h"

#include "base/assert.h"
#include "base/digits.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

__extension__ typedef unsigned __int128 magnitude128;

enum {
    DIGITS_MAX = 19,
    SCALE_DIGITS = 6,
    PLAIN_DIGITS_MAX = 18,
    FORMAT_SCALE_MAX = 38
};

/* No text is so long that an exponent beyond this could be made good by its digits. */
#define EXPONENT_MAX INT64_C(1000000000000000000)
#define DECIMAL_LIMIT UINT64_C(1000000000000000000)
#define DECIMAL_ONE UINT64_C(1000000) /* SCALE_DIGITS */
#define TIME_MS_MAX UINT64_C(1000000000000000)

static const uint64_t powers_of_ten[DIGITS_MAX + 1] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

struct number {
    uint64_t digits; /* the first DIGITS_MAX significant ones; 0: the number is zero */
    int64_t digit_count;
    bool has_more; /* a digit other than 0 after them */
    bool is_negative;
    int64_t point; /* the value is 0.digits... x 10^point */
};

enum remainder {
    REMAINDER_ZERO,
    REMAINDER_LESS,
    REMAINDER_HALF,
    REMAINDER_MORE
};

/* Digits as they are, leading zeros or not; clamped. */
static int64_t read_exponent(const char *at, const char *end)
{
    const bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    int64_t exponent = 0;
    for (; at < end && tide_is_digit(*at); at++) {
        exponent = exponent * 10 + (*at - '0');
        if (exponent > EXPONENT_MAX / 10) {
            exponent = EXPONENT_MAX / 10;
        }
    }
    return is_negative ? -exponent : exponent;
}

static struct number read_number(struct tide_view text)
{
    struct number number = {0};
    const char *at = text.data;
    const char *const end = at + text.size;
    if (at < end && *at == '-') {
        number.is_negative = true;
        at++;
    }
    bool after_point = false;
    for (; at < end; at++) {
        if (*at == '.') {
            after_point = true;
            continue;
        }
        if (!tide_is_digit(*at)) {
            break;
        }
        const bool is_significant = number.digits != 0 || *at != '0';
        if (is_significant && number.digit_count < DIGITS_MAX) {
            number.digits = number.digits * 10 + (uint64_t)(*at - '0');
            number.digit_count++;
        } else if (*at != '0') {
            number.has_more = true;
        }
        /* A significant digit before the point moves it right, a zero after it that leads, left. */
        number.point += (is_significant && !after_point) - (!is_significant && after_point);
    }
    if (at < end) {
        number.point += read_exponent(at + 1, end);
    }
    return number;
}

/* Eight digits, the first in the lowest byte; false: one of them is none. */
static inline bool read_eight(uint64_t text, uint64_t *value)
{
    const uint64_t digits = text - UINT64_C(0x3030303030303030);
    const uint64_t beyond_nine = digits + UINT64_C(0x7676767676767676);
    /* Neighbours become two digits, those four, those eight. */
    const uint64_t twos = (digits * 10 + (digits >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
    const uint64_t fours = (twos * 100 + (twos >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
    *value = (fours * 10000 + (fours >> 32)) & UINT64_C(0xFFFFFFFF);
    return ((digits | beyond_nine) & UINT64_C(0x8080808080808080)) == 0;
}

/* Most numbers are a few digits and nothing else: these, read eight at a time. The last eight
 * overlap those before, which are then taken for zeros. */
static bool read_plain(struct tide_view text, uint64_t *value)
{
    enum {
        EIGHT = 8
    };
    static const uint64_t powers[EIGHT] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    if (text.size == 0 || text.size > PLAIN_DIGITS_MAX) {
        return false;
    }
    const char *at = text.data;
    const char *const end = at + text.size;
    uint64_t whole = 0;
    uint64_t part = 0;
    for (; end - at >= EIGHT; at += EIGHT) {
        if (!read_eight(tide_load_u64(at), &part)) {
            return false;
        }
        whole = whole * 100000000 + part;
    }
    const size_t left = (size_t)(end - at);
    if (left > 0 && text.size > EIGHT) {
        const unsigned before = (unsigned)(EIGHT * (EIGHT - left));
        const uint64_t last = tide_load_u64(end - EIGHT) >> before << before;
        if (!read_eight(last | zeros >> (64 - before), &part)) {
            return false;
        }
        *value = whole * powers[left] + part;
        return true;
    }
    for (; at < end; at++) {
        if (!tide_is_digit(*at)) {
            return false;
        }
        whole = whole * 10 + (uint64_t)(*at - '0');
    }
    *value = whole;
    return true;
}

/* The whole part of |number| x 10^shift, and what is left of it. false: 20 digits or more. A half
 * is told from more and less only where the whole part has fewer than DIGITS_MAX digits. */
static bool split(const struct number *number,
                  int64_t shift,
                  uint64_t *whole,
                  enum remainder *remainder)
{
    *whole = 0;
    *remainder = REMAINDER_ZERO;
    if (number->digits == 0) {
        return true;
    }
    const int64_t kept = number->point + shift;
    if (kept > DIGITS_MAX) {
        return false;
    }
    if (kept < 0) {
        *remainder = REMAINDER_LESS;
        return true;
    }
    if (kept >= number->digit_count) {
        *whole = number->digits * powers_of_ten[kept - number->digit_count];
        *remainder = number->has_more ? REMAINDER_LESS : REMAINDER_ZERO;
        return true;
    }
    const uint64_t divisor = powers_of_ten[number->digit_count - kept];
    const uint64_t rest = number->digits % divisor;
    *whole = number->digits / divisor;
    if (rest > divisor / 2 || (rest == divisor / 2 && number->has_more)) {
        *remainder = REMAINDER_MORE;
    } else if (rest == divisor / 2) {
        *remainder = REMAINDER_HALF;
    } else if (rest > 0 || number->has_more) {
        *remainder = REMAINDER_LESS;
    }
    return true;
}

/* Also for 2^63, whose negative is the only one that fits. */
static int64_t signed_of(uint64_t magnitude, bool is_negative)
{
    tide_assert(magnitude <= (uint64_t)INT64_MAX + is_negative);
    if (!is_negative) {
        return (int64_t)magnitude;
    }
    return magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
}

bool tide_decimal_parse_int(struct tide_view text, int64_t *value)
{
    uint64_t whole = 0;
    if (read_plain(text, &whole)) {
        *value = (int64_t)whole;
        return true;
    }
    const struct number number = read_number(text);
    enum remainder remainder = REMAINDER_ZERO;
    if (!split(&number, 0, &whole, &remainder) || remainder != REMAINDER_ZERO ||
        whole > (uint64_t)INT64_MAX + number.is_negative) {
        return false;
    }
    *value = signed_of(whole, number.is_negative);
    return true;
}

bool tide_decimal_parse_decimal(struct tide_view text, int64_t *scaled)
{
    uint64_t whole = 0;
    if (read_plain(text, &whole) && whole < DECIMAL_LIMIT / DECIMAL_ONE) {
        *scaled = (int64_t)(whole * DECIMAL_ONE);
        return true;
    }
    const struct number number = read_number(text);
    enum remainder remainder = REMAINDER_ZERO;
    if (!split(&number, SCALE_DIGITS, &whole, &remainder)) {
        return false;
    }
    switch (remainder) {
    case REMAINDER_ZERO:
    case REMAINDER_LESS:
        break;
    case REMAINDER_HALF:
        whole += whole % 2;
        break;
    case REMAINDER_MORE:
        whole++;
        break;
    }
    if (whole >= DECIMAL_LIMIT) {
        return false;
    }
    *scaled = signed_of(whole, number.is_negative);
    return true;
}

bool tide_decimal_parse_time_ms(struct tide_view text, int64_t *us)
{
    uint64_t whole = 0;
    if (read_plain(text, &whole) && whole <= TIME_MS_MAX) {
        *us = (int64_t)whole * 1000;
        return true;
    }
    const struct number number = read_number(text);
    enum remainder remainder = REMAINDER_ZERO;
    if (!split(&number, 0, &whole, &remainder) || remainder != REMAINDER_ZERO ||
        whole > TIME_MS_MAX) {
        return false;
    }
    *us = signed_of(whole, number.is_negative) * 1000;
    return true;
}

static magnitude128 magnitude_of(tide_i128 value)
{
    return value < 0 ? -(magnitude128)value : (magnitude128)value;
}

size_t tide_decimal_format(tide_i128 value, unsigned scale, char *buffer)
{
    tide_assert(scale <= FORMAT_SCALE_MAX);
    magnitude128 magnitude = magnitude_of(value);
    while (scale > 0 && magnitude % 10 == 0) {
        magnitude /= 10;
        scale--;
    }
    char reversed[TIDE_DECIMAL_TEXT_MAX];
    size_t digit_count = 0;
    do {
        reversed[digit_count++] = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
    } while (magnitude != 0 || digit_count <= scale);

    size_t size = 0;
    if (value < 0) {
        buffer[size++] = '-';
    }
    for (size_t i = digit_count; i-- > 0;) {
        buffer[size++] = reversed[i];
        if (i == scale && i > 0) {
            buffer[size++] = '.';
        }
    }
    tide_assert(size < TIDE_DECIMAL_TEXT_MAX);
    buffer[size] = '\0';
    return size;
}

/* Where both sides of the division are exact doubles it is rounded once, as it should be; elsewhere
 * the library reads the digits. There is no point in that text: the locale has no say. */
double tide_decimal_to_double(tide_i128 value, unsigned scale)
{
    tide_assert(scale <= FORMAT_SCALE_MAX);
    const tide_i128 exact_max = (tide_i128)1 << DBL_MANT_DIG;
    if (scale <= DBL_DIG && value >= -exact_max && value <= exact_max) {
        return (double)value / (double)powers_of_ten[scale];
    }
    char text[TIDE_DECIMAL_TEXT_MAX];
    const size_t size = tide_decimal_format(value, 0, text);
    const int printed = snprintf(text + size, sizeof(text) - size, "e-%u", scale);
    tide_assert(printed > 0 && (size_t)printed < sizeof(text) - size);
    return strtod(text, NULL);
}

static bool append_digit(magnitude128 *magnitude, unsigned digit)
{
    return !__builtin_mul_overflow(*magnitude, 10, magnitude) &&
           !__builtin_add_overflow(*magnitude, digit, magnitude);
}

enum tide_status tide_decimal_parse_i128(struct tide_view text, unsigned scale, tide_i128 *value)
{
    tide_assert(scale <= FORMAT_SCALE_MAX);
    const char *at = text.data;
    const char *const end = at + text.size;
    const bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    const magnitude128 limit = ((magnitude128)1 << 127) - !is_negative;
    magnitude128 magnitude = 0;
    const char *const whole = at;
    for (; at < end && tide_is_digit(*at); at++) {
        if (!append_digit(&magnitude, (unsigned)(*at - '0'))) {
            return TIDE_REJECT;
        }
    }
    unsigned missing = scale; /* digits after the point */
    bool is_complete = at > whole;
    if (is_complete && at < end && *at == '.') {
        at++;
        is_complete = at < end; /* a point wants a digit */
        for (; at < end && tide_is_digit(*at) && missing > 0; at++, missing--) {
            if (!append_digit(&magnitude, (unsigned)(*at - '0'))) {
                return TIDE_REJECT;
            }
        }
    }
    for (; missing > 0; missing--) {
        if (!append_digit(&magnitude, 0)) {
            return TIDE_REJECT;
        }
    }
    if (!is_complete || at != end || magnitude > limit) {
        return TIDE_REJECT;
    }
    *value = is_negative ? (tide_i128)(0 - magnitude) : (tide_i128)magnitude;
    return TIDE_OK;
}

/* 15 digits are exact for any text that has no more; 17 always suffice. Subnormal numbers have
 * fewer bits, so fewer digits may do. A few powers of two have a 16-digit text that is not the
 * nearest to them; they get 17 digits. */
size_t tide_double_format(double value, char *buffer)
{
    tide_assert(isfinite(value));
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    int size = 0;
    for (; digits <= DBL_DECIMAL_DIG; digits++) {
        size = snprintf(buffer, TIDE_DECIMAL_TEXT_MAX, "%.*g", digits, value);
        const double back = strtod(buffer, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    tide_assert(digits <= DBL_DECIMAL_DIG);
    tide_assert(size > 0 && size < TIDE_DECIMAL_TEXT_MAX);
    return (size_t)size;
}
