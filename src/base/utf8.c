#include "base/utf8.h"

#include "base/assert.h"

#include "base/banned.h"

/* Table 3-7 of the Unicode standard: what the second byte may be depends on the first. */
size_t tide_utf8_long_sequence(const char *at, const char *end)
{
    const size_t left = (size_t)(end - at);
    const unsigned char lead = (unsigned char)at[0];
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    if (left < 2 || !tide_utf8_is_continuation(at[1])) {
        return 0;
    }
    if (lead < 0xE0) {
        return 2;
    }
    if (left < 3 || !tide_utf8_is_continuation(at[2])) {
        return 0;
    }
    const unsigned char second = (unsigned char)at[1];
    if (lead < 0xF0) {
        const bool is_overlong = lead == 0xE0 && second < 0xA0;
        const bool is_surrogate = lead == 0xED && second >= 0xA0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    const bool is_overlong = lead == 0xF0 && second < 0x90;
    const bool is_beyond = lead == 0xF4 && second >= 0x90;
    return left >= 4 && tide_utf8_is_continuation(at[3]) && !is_overlong && !is_beyond ? 4 : 0;
}

size_t tide_utf8_valid_size(struct tide_view text)
{
    static const uint64_t ascii_mask = UINT64_C(0x8080808080808080);
    size_t at = 0;
    while (at < text.size) {
        if (text.size - at >= sizeof ascii_mask &&
            (tide_load_u64(text.data + at) & ascii_mask) == 0) {
            at += sizeof ascii_mask; /* most texts are ASCII */
            continue;
        }
        const size_t size = tide_utf8_sequence(text.data + at, text.data + text.size);
        if (size == 0) {
            return at;
        }
        at += size;
    }
    return at;
}

size_t tide_utf8_character_count(struct tide_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += tide_utf8_is_continuation(text.data[i]) ? 0 : 1;
    }
    return count;
}

size_t tide_utf8_encode(uint32_t point, char *to)
{
    tide_assert(point <= 0x10FFFF);
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
