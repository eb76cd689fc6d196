#include "decode/scan.h"

#include "base/assert.h"
#include "base/digits.h"
#include "base/utf8.h"

#include <string.h>

#include "base/banned.h"

/* Behind the hexadecimal digits at a place: in an escape that lacks some, what is wrong. */
static const char *skip_hex(const char *at, const char *end)
{
    while (at < end && ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f') ||
                        (*at >= 'A' && *at <= 'F'))) {
        at++;
    }
    return at;
}

/* at: behind "\u". A low surrogate right after a high one belongs to it; any other surrogate is
 * unpaired, which is not a fault of the grammar but of the event. */
static const char *scan_unicode_escape(struct tide_scan *scan, const char *at)
{
    int32_t value = scan->end - at >= 4 ? tide_digits_escaped(at, 4) : -1;
    if (value < 0) {
        return tide_scan_fault(scan, skip_hex(at, scan->end));
    }
    at += 4;
    if ((value & 0xF800) != 0xD800) {
        return at;
    }
    bool is_high = value < 0xDC00;
    if (is_high && scan->end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
        (tide_digits_escaped(at + 2, 4) & ~0x3FF) == 0xDC00) {
        return at + 6;
    }
    scan->broken_surrogate = true;
    return at;
}

/* at: a byte of a string that is not plain, and not the closing quote. */
const char *tide_scan_string_special(struct tide_scan *scan, const char *at)
{
    if (at >= scan->end) {
        return tide_scan_fault(scan, scan->end);
    }
    if (*at == '\\') {
        scan->escaped = true;
        switch (tide_scan_peek(scan, at + 1)) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            return at + 2;
        case 'u':
            return scan_unicode_escape(scan, at + 2);
        default:
            return tide_scan_fault(scan, at + 1);
        }
    }
    if ((unsigned char)*at < 0x80) {
        return tide_scan_fault(scan, at); /* a control byte */
    }
    while (at < scan->end && (unsigned char)*at >= 0x80) {
        size_t size = tide_utf8_long_sequence(at, scan->end);
        if (size == 0) {
            return tide_scan_fault(scan, at);
        }
        at += size;
    }
    return at;
}

/* The last bytes of the memory, one by one. */
const char *tide_scan_string_tail(struct tide_scan *scan, const char *at)
{
    while (at < scan->end && *at != '"') {
        unsigned char byte = (unsigned char)*at;
        if (byte >= 0x20 && byte < 0x80 && byte != '\\') {
            at++;
            continue;
        }
        at = tide_scan_string_special(scan, at);
        if (at == NULL) {
            return NULL;
        }
    }
    return at < scan->end ? at : tide_scan_fault(scan, scan->end);
}

const char *tide_scan_space_slow(struct tide_scan *scan, const char *at)
{
    const char *start = at;
    while (at < scan->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    scan->space_count += (size_t)(at - start);
    return at;
}

bool tide_scan_enter_deep(struct tide_scan *scan, const char *at)
{
    tide_assert(scan->depth_max <= TIDE_SCAN_DEPTH_MAX);
    if (scan->depth > scan->depth_max) {
        tide_scan_fault(scan, at);
        return false;
    }
    scan->too_deep = true;
    return true;
}

static const char *scan_digits(const struct tide_scan *scan, const char *at)
{
    while (at < scan->end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static const char *scan_number(struct tide_scan *scan, const char *at)
{
    const char *start = *at == '-' ? at + 1 : at;
    /* Nothing follows a leading 0: a digit there is where the caller finds no comma. */
    at = tide_scan_peek(scan, start) == '0' ? start + 1 : scan_digits(scan, start);
    if (at == start) {
        return tide_scan_fault(scan, start);
    }
    if (tide_scan_peek(scan, at) == '.') {
        start = at + 1;
        at = scan_digits(scan, start);
        if (at == start) {
            return tide_scan_fault(scan, at);
        }
    }
    if (tide_scan_peek(scan, at) == 'e' || tide_scan_peek(scan, at) == 'E') {
        char sign = tide_scan_peek(scan, at + 1);
        start = at + (sign == '+' || sign == '-' ? 2 : 1);
        at = scan_digits(scan, start);
        if (at == start) {
            return tide_scan_fault(scan, at);
        }
    }
    return at;
}

static const char *scan_literal(struct tide_scan *scan, const char *at, struct tide_view word)
{
    for (size_t i = 0; i < word.size; i++) {
        if (tide_scan_peek(scan, at + i) != word.data[i]) {
            return tide_scan_fault(scan, at + i);
        }
    }
    return at + word.size;
}

const char *tide_scan_scalar(struct tide_scan *scan, const char *at)
{
    char first = tide_scan_peek(scan, at);
    if (first == '-' || (first >= '0' && first <= '9')) {
        return scan_number(scan, at);
    }
    switch (first) {
    case 't':
        return scan_literal(scan, at, TIDE_VIEW("true"));
    case 'f':
        return scan_literal(scan, at, TIDE_VIEW("false"));
    case 'n':
        return scan_literal(scan, at, TIDE_VIEW("null"));
    default:
        return tide_scan_fault(scan, at);
    }
}

/* A member's key, its colon, and the spaces around; at: the opening quote. */
static const char *scan_key(struct tide_scan *scan, const char *at)
{
    if (tide_scan_peek(scan, at) != '"') {
        return tide_scan_fault(scan, at);
    }
    at = tide_scan_string(scan, at + 1);
    return at == NULL ? NULL : tide_scan_colon(scan, at + 1);
}

/* Iterative, with the open brackets in scan->open: hostile depth costs no stack. */
const char *tide_scan_container(struct tide_scan *scan, const char *at)
{
    const uint32_t outside = scan->depth;
    bool is_object = false;
    for (;;) {
        /* at: a value, or in an object a key; at first the container itself, which has no key. */
        if (is_object && (at = scan_key(scan, at)) == NULL) {
            return NULL;
        }
        char first = tide_scan_peek(scan, at);
        if (first == '{' || first == '[') {
            if (!tide_scan_enter(scan, at)) {
                return NULL;
            }
            scan->open[scan->depth] = first;
            is_object = first == '{';
            at = tide_scan_space(scan, at + 1);
            if (tide_scan_peek(scan, at) != (is_object ? '}' : ']')) {
                continue;
            }
        } else {
            at = tide_scan_value(scan, at);
            if (at == NULL) {
                return NULL;
            }
            at = tide_scan_space(scan, at);
        }
        /* Behind a value, or at the bracket of an empty container: close what ends here. */
        char next = tide_scan_peek(scan, at);
        while (next == (is_object ? '}' : ']')) {
            at++;
            if (--scan->depth == outside) {
                return at;
            }
            is_object = scan->open[scan->depth] == '{';
            at = tide_scan_space(scan, at);
            next = tide_scan_peek(scan, at);
        }
        if (next != ',') {
            return tide_scan_fault(scan, at);
        }
        at = tide_scan_space(scan, at + 1);
    }
}
