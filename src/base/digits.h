/* Numbers that are digits and nothing else: no sign, blank or point. decimal.h reads the others. */
#ifndef TIDE_BASE_DIGITS_H
#define TIDE_BASE_DIGITS_H

#include "base/bytes.h"

static inline bool tide_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Both: false, and *value as it was, if text is empty, has another byte, or is over 2^64 - 1. */
bool tide_digits_parse(struct tide_view text, uint64_t *value);
/* As programs write them: letters are small. */
bool tide_digits_parse_hex(struct tide_view text, uint64_t *value);
/* The value of so many hexadecimal digits of an escape, at most 7 and in either case; -1: they are
 * not. at has that many bytes. */
int32_t tide_digits_escaped(const char *at, unsigned count);

#endif
