/* Eight bytes at a time: the portable stand-in for a vector register. */
#ifndef TIDE_DECODE_WORD_H
#define TIDE_DECODE_WORD_H

#include <stdint.h>
#include <string.h>

enum {
    TIDE_WORD_SIZE = 8
};

#define TIDE_WORD_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The first byte in the lowest bits, on every machine. */
static inline uint64_t tide_word_load(const char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The high bit of each byte that ends a run of plain string bytes: quote, backslash, control,
 * non-ASCII. Subtraction borrows into bytes above a hit, so only the lowest mark is exact; that is
 * the one that is used. */
static inline uint64_t tide_word_string_marks(uint64_t word)
{
    uint64_t quote = (word ^ TIDE_WORD_EACH('"')) - TIDE_WORD_EACH(1);
    uint64_t backslash = (word ^ TIDE_WORD_EACH('\\')) - TIDE_WORD_EACH(1);
    uint64_t control = word - TIDE_WORD_EACH(0x20);
    return (quote | backslash | control | word) & TIDE_WORD_EACH(0x80);
}

/* How many bytes stand before the lowest mark; marks is not 0. */
static inline unsigned tide_word_first(uint64_t marks)
{
    return (unsigned)__builtin_ctzll(marks) / 8;
}

/* The first size bytes of a word, the others 0. */
static inline uint64_t tide_word_keep(uint64_t word, size_t size)
{
    return size >= TIDE_WORD_SIZE ? word : word & ((UINT64_C(1) << (8 * size)) - 1);
}

#endif
