#include "decode/utf8.h"

#include "base/assert.h"
#include "decode/word.h"

#include <string.h>

#include "base/banned.h"

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Table 3-7 of the Unicode standard: what the second byte may be depends on the first. */
size_t tide_utf8_sequence(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    unsigned char lead = byte[0];
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    if (lead < 0xE0) {
        return left >= 2 && is_continuation(byte[1]) ? 2 : 0;
    }
    if (left < 3 || !is_continuation(byte[1]) || !is_continuation(byte[2])) {
        return 0;
    }
    if (lead < 0xF0) {
        bool overlong = lead == 0xE0 && byte[1] < 0xA0;
        bool surrogate = lead == 0xED && byte[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    bool overlong = lead == 0xF0 && byte[1] < 0x90;
    bool beyond = lead == 0xF4 && byte[1] >= 0x90;
    return left >= 4 && is_continuation(byte[3]) && !overlong && !beyond ? 4 : 0;
}

size_t tide_utf8_valid_size(struct tide_view text)
{
    size_t at = 0;
    while (at < text.size) {
        if (text.size - at >= TIDE_WORD_SIZE &&
            (tide_word_load(text.data + at) & TIDE_WORD_EACH(0x80)) == 0) {
            at += TIDE_WORD_SIZE;
            continue;
        }
        if ((unsigned char)text.data[at] < 0x80) {
            at++;
            continue;
        }
        size_t size = tide_utf8_sequence(text.data + at, text.data + text.size);
        if (size == 0) {
            return at;
        }
        at += size;
    }
    return at;
}

int32_t tide_utf8_hex4(const char *at)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static size_t encode(uint32_t point, char *to)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

/* *at is after "\u"; moves past the digits, and past a second escape if the two are a pair. */
static uint32_t read_unicode_escape(const char **at, const char *end)
{
    uint32_t high = (uint32_t)tide_utf8_hex4(*at);
    *at += 4;
    if ((high & 0xFC00) != 0xD800 || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        return high;
    }
    uint32_t low = (uint32_t)tide_utf8_hex4(*at + 2);
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

size_t tide_utf8_unescape(struct tide_view text, char *to)
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
            out += encode(read_unicode_escape(&at, end), out);
        } else {
            *out++ = short_escape(backslash[1]);
        }
    }
    tide_assert((size_t)(out - to) <= text.size);
    return (size_t)(out - to);
}

size_t tide_utf8_unpaired_surrogate(struct tide_view text)
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
