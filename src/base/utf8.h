/* UTF-8 as RFC 3629 has it. Texts of our own making are valid; of the world's, nobody knows. */
#ifndef TIDE_BASE_UTF8_H
#define TIDE_BASE_UTF8_H

#include "base/bytes.h"

enum {
    TIDE_UTF8_SIZE_MAX = 4 /* bytes of one code point */
};

/* Whether a character that started before goes on with this byte. */
static inline bool tide_utf8_is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* The size (2..4) of the well-formed sequence that starts with at's byte, which is not ASCII; 0:
 * none does (overlong, surrogate, beyond U+10FFFF, cut off). at < end. */
size_t tide_utf8_long_sequence(const char *at, const char *end);
/* The same of any byte: 1 for ASCII. */
static inline size_t tide_utf8_sequence(const char *at, const char *end)
{
    return (unsigned char)*at < 0x80 ? 1 : tide_utf8_long_sequence(at, end);
}

/* How many bytes from the start are well-formed: text.size if all are. */
size_t tide_utf8_valid_size(struct tide_view text);
/* How many characters a valid text has; of any other, how many bytes are no continuation. */
size_t tide_utf8_character_count(struct tide_view text);
/* Writes a code point up to U+10FFFF and returns its size; to has room for TIDE_UTF8_SIZE_MAX
 * bytes. A surrogate becomes the three bytes that UTF-8 forbids. */
size_t tide_utf8_encode(uint32_t point, char *to);

#endif
