#include "decode/escape.h"

#include "base/assert.h"
#include "base/digits.h"
#include "base/utf8.h"

#include <string.h>

#include "base/banned.h"

/* *at is after "\u"; moves past the digits, and past a second escape if the two are a pair. */
static uint32_t read_unicode_escape(const char **at, const char *end)
{
    uint32_t high = (uint32_t)tide_digits_escaped(*at, 4);
    *at += 4;
    if ((high & 0xFC00) != 0xD800 || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        return high;
    }
    uint32_t low = (uint32_t)tide_digits_escaped(*at + 2, 4);
    if ((low & 0xFFFFFC00) != 0xDC00) {
        return high;
    }
    *at += 6;
    return 0x10000 + ((high & 0x3FF) << 10 | (low & 0x3FF));
}

static char short_escape(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter; /* quote, backslash, slash: the scanner let nothing else through */
    }
}

size_t tide_escape_resolve(struct tide_view text, char *to)
{
    const char *at = text.data;
    const char *end = at + text.size;
    char *out = to;
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash != NULL ? backslash : end) - at);
        memcpy(out, at, plain);
        out += plain;
        if (backslash == NULL) {
            break;
        }
        tide_assert(end - backslash >= 2);
        at = backslash + 2;
        if (backslash[1] == 'u') {
            tide_assert(end - at >= 4);
            out += tide_utf8_encode(read_unicode_escape(&at, end), out);
        } else {
            *out++ = short_escape(backslash[1]);
        }
    }
    tide_assert((size_t)(out - to) <= text.size);
    return (size_t)(out - to);
}

size_t tide_escape_unpaired_surrogate(struct tide_view text)
{
    const char *const end = text.data + text.size;
    const char *at = text.data;
    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        const char *const backslash = at;
        tide_assert(end - backslash >= 2);
        at += 2;
        if (backslash[1] == 'u') {
            tide_assert(end - at >= 4);
            if ((read_unicode_escape(&at, end) & 0xFFFFF800) == 0xD800) {
                return (size_t)(backslash - text.data);
            }
        }
    }
    return text.size;
}
