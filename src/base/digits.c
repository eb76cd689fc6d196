#include "base/digits.h"

#include "base/assert.h"

#include "base/banned.h"

enum {
    ESCAPED_MAX = 7 /* digits that fit what is returned */
};

static int hex_value(char c)
{
    if (tide_is_digit(c)) {
        return c - '0';
    }
    const char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool tide_digits_parse(struct tide_view text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!tide_is_digit(text.data[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text.data[i] - '0'), &sum)) {
            return false;
        }
    }
    *value = text.size > 0 ? sum : *value;
    return text.size > 0;
}

bool tide_digits_parse_hex(struct tide_view text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        const int digit = hex_value(text.data[i]);
        const bool is_capital = text.data[i] >= 'A' && text.data[i] <= 'F';
        if (digit < 0 || is_capital || sum >> 60 != 0) {
            return false;
        }
        sum = sum << 4 | (uint64_t)digit;
    }
    *value = text.size > 0 ? sum : *value;
    return text.size > 0;
}

int32_t tide_digits_escaped(const char *at, unsigned count)
{
    tide_assert(count > 0 && count <= ESCAPED_MAX);
    int32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        const int digit = hex_value(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}
