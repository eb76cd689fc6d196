/* The digits before the scaled point are gathered as an unsigned integer that stops at a limit
 * above every 64-bit value; of those behind it only matters whether one is not zero. */
#include "metric/bound.h"

#include "base/assert.h"
#include "base/decimal.h"

#include "base/banned.h"

/* Greater than any 64-bit magnitude, and ten times it plus nine fits 128 bits. */
#define MAGNITUDE_LIMIT ((tide_i128)1 << 70)

struct gathered {
    tide_i128 magnitude;
    bool has_rest;
};

static void gather(struct gathered *number, char digit, bool counts)
{
    tide_assert(digit >= '0' && digit <= '9');
    if (!counts) {
        number->has_rest = number->has_rest || digit != '0';
        return;
    }
    number->magnitude = number->magnitude * 10 + (digit - '0');
    if (number->magnitude > MAGNITUDE_LIMIT) {
        number->magnitude = MAGNITUDE_LIMIT;
    }
}

struct tide_bound tide_bound_of(struct tide_view literal, unsigned scale)
{
    tide_assert(literal.size > 0);
    const bool is_negative = literal.data[0] == '-';
    size_t at = is_negative;
    tide_assert(at < literal.size);
    struct gathered number = {0, false};
    for (; at < literal.size && literal.data[at] != '.'; at++) {
        gather(&number, literal.data[at], true);
    }
    unsigned places = 0;
    for (at++; at < literal.size; at++) {
        gather(&number, literal.data[at], places < scale);
        places += places < scale;
    }
    for (; places < scale; places++) {
        gather(&number, '0', true);
    }
    const tide_i128 floor = is_negative ? -number.magnitude - number.has_rest : number.magnitude;
    if (floor < INT64_MIN) {
        return (struct tide_bound){.place = TIDE_BOUND_BELOW};
    }
    if (floor > INT64_MAX) {
        return (struct tide_bound){.place = TIDE_BOUND_ABOVE};
    }
    return (struct tide_bound){TIDE_BOUND_WITHIN, (int64_t)floor, !number.has_rest};
}
