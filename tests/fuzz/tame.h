/* A text as simdjson takes it, where simdjson is stricter than RFC 8259: its verdict on the tamed
 * text must be the decoder's on the text itself. Size and places stay. */
#ifndef TIDE_FUZZ_TAME_H
#define TIDE_FUZZ_TAME_H

#include <string.h>

#include "base/bytes.h"
#include "base/digits.h"

enum {
    TAME_WHOLE_DIGITS_MAX = 18,  /* always fit 64 bits */
    TAME_EXPONENT_DIGITS_MAX = 2 /* and a double, with one digit before the point */
};

static inline size_t tame_digits(const char *text, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && text[end] >= '0' && text[end] <= '9') {
        end++;
    }
    return end - at;
}

/* text[at] is a digit. A number that is one stays one, and what is none stays none: a point moves
 * behind the first digit, a large exponent becomes 0. Returns what follows. */
static inline size_t tame_number(char *text, size_t size, size_t at)
{
    const size_t whole = tame_digits(text, size, at);
    const bool is_long = whole > TAME_WHOLE_DIGITS_MAX && text[at] != '0';
    size_t end = at + whole;
    bool is_number = true;
    if (end < size && text[end] == '.') {
        const size_t point = end;
        const size_t fraction = tame_digits(text, size, point + 1);
        end += 1 + fraction;
        is_number = fraction > 0;
        if (is_long && is_number) {
            text[point] = '0';
        }
    }
    if (end < size && (text[end] == 'e' || text[end] == 'E')) {
        end++;
        end += end < size && (text[end] == '+' || text[end] == '-');
        const size_t digits = tame_digits(text, size, end);
        is_number = is_number && digits > 0;
        if (digits > TAME_EXPONENT_DIGITS_MAX) {
            memset(text + end, '0', digits);
        }
        end += digits;
    }
    if (is_long && is_number) {
        text[at + 1] = '.';
    }
    return end;
}

static inline void tame_numbers(char *text, size_t size)
{
    bool in_string = false;
    for (size_t at = 0; at < size;) {
        if (in_string && text[at] == '\\') {
            at += 2;
        } else if (text[at] == '"') {
            in_string = !in_string;
            at++;
        } else if (!in_string && tame_digits(text, size, at) > 0) {
            at = tame_number(text, size, at);
        } else {
            at++;
        }
    }
}

/* The value of the four digits of an escape at a place; -1: there is none. */
static inline int32_t tame_escape(const char *text, size_t size, size_t at)
{
    const bool is_escape = at < size && size - at >= 6 && text[at] == '\\' && text[at + 1] == 'u';
    return is_escape ? tide_digits_escaped(text + at + 2, 4) : -1;
}

/* Unpaired surrogate escapes become letters. */
static inline void tame_surrogates(char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const int32_t first = tame_escape(text, size, at);
        const int32_t second = tame_escape(text, size, at + 6);
        if (first >= 0xD800 && first < 0xDC00 && second >= 0xDC00 && second < 0xE000) {
            at += 12;
        } else if (first >= 0xD800 && first < 0xE000) {
            memcpy(text + at + 2, "0041", 4);
            at += 6;
        } else {
            at += text[at] == '\\' ? 2 : 1;
        }
    }
}

#endif
