/* Views of bytes that somebody else owns, and a growable buffer with a maximum. */
#ifndef TIDE_BASE_BYTES_H
#define TIDE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

/* Never owns. data may be NULL only if size is 0. Not terminated. */
struct tide_view {
    const char *data;
    size_t size;
};

#define TIDE_VIEW(literal) ((struct tide_view){(literal), sizeof(literal) - 1})
/* For printf("%.*s", TIDE_VIEW_ARGUMENTS(view)); at most INT_MAX bytes. */
#define TIDE_VIEW_ARGUMENTS(view) (int)(view).size, (view).data

struct tide_view tide_view_of(
    const char *text); /* of a terminated string; NULL gives the empty view */
bool tide_view_equal(struct tide_view a, struct tide_view b);
/* memcmp order, a prefix first: <0, 0, >0. */
int tide_view_compare(struct tide_view a, struct tide_view b);
bool tide_view_starts_with(struct tide_view view, struct tide_view prefix);
struct tide_view tide_view_slice(struct tide_view view, size_t start, size_t size); /* asserted */

/* A growable buffer; all zero is a valid empty one with no maximum set (size_max 0 = SIZE_MAX).
 * Growth doubles. Running past the maximum or out of memory is sticky: `failed` is set, the
 * contents stay as they were, later appends do nothing. Check once, at the end. */
struct tide_bytes {
    char *data;
    size_t size;
    size_t capacity;
    size_t size_max;
    bool failed;
};

void tide_bytes_init(struct tide_bytes *bytes, size_t size_max);
void tide_bytes_release(struct tide_bytes *bytes); /* back to all zero */
void tide_bytes_reset(struct tide_bytes *bytes);   /* empty, not failed, capacity kept */
bool tide_bytes_reserve(struct tide_bytes *bytes, size_t more);
void tide_bytes_append(struct tide_bytes *bytes, const void *data, size_t size);
void tide_bytes_append_view(struct tide_bytes *bytes, struct tide_view view);
void tide_bytes_append_text(struct tide_bytes *bytes, const char *text);
void tide_bytes_append_byte(struct tide_bytes *bytes, char byte);
__attribute__((format(printf, 2, 3))) void tide_bytes_append_format(struct tide_bytes *bytes,
                                                                    const char *format,
                                                                    ...);
/* Little-endian by hand, for on-disk formats. */
void tide_bytes_append_u16(struct tide_bytes *bytes, uint16_t value);
void tide_bytes_append_u32(struct tide_bytes *bytes, uint32_t value);
void tide_bytes_append_u64(struct tide_bytes *bytes, uint64_t value);
struct tide_view tide_bytes_view(const struct tide_bytes *bytes);
/* Makes data[size] a '\0' (not counted) and returns data; "" when empty or failed. */
const char *tide_bytes_terminated(struct tide_bytes *bytes);

/* Little-endian loads and stores; p needs no alignment. */
static inline uint16_t tide_load_u16(const void *p)
{
    const unsigned char *b = p;
    return (uint16_t)(b[0] | (b[1] << 8));
}

static inline uint32_t tide_load_u32(const void *p)
{
    const unsigned char *b = p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t tide_load_u64(const void *p)
{
    const unsigned char *b = p;
    return (uint64_t)tide_load_u32(b) | (uint64_t)tide_load_u32(b + 4) << 32;
}

/* Short ones by words that overlap at the end: a call of memcmp would cost more than that. */
static inline bool tide_bytes_equal(const char *a, const char *b, size_t size)
{
    enum {
        WORDS_MAX = 64
    };
    uint64_t differs = 0;
    if (size > WORDS_MAX) {
        return memcmp(a, b, size) == 0;
    }
    if (size < sizeof(uint32_t)) {
        for (size_t i = 0; i < size; i++) {
            differs |= (uint64_t)(a[i] ^ b[i]);
        }
        return differs == 0;
    }
    if (size < sizeof(uint64_t)) { /* two words that overlap */
        const size_t last = size - sizeof(uint32_t);
        return ((tide_load_u32(a) ^ tide_load_u32(b)) |
                (tide_load_u32(a + last) ^ tide_load_u32(b + last))) == 0;
    }
    const size_t last = size - sizeof(uint64_t);
    for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
        differs |= tide_load_u64(a + i) ^ tide_load_u64(b + i);
    }
    return (differs | (tide_load_u64(a + last) ^ tide_load_u64(b + last))) == 0;
}

/* Each byte by itself: compilers make one store of it, of a loop they do not. */
static inline void tide_store_u16(void *p, uint16_t value)
{
    unsigned char *b = p;
    b[0] = (unsigned char)(value & 0xff);
    b[1] = (unsigned char)(value >> 8);
}

static inline void tide_store_u32(void *p, uint32_t value)
{
    unsigned char *b = p;
    b[0] = (unsigned char)(value & 0xff);
    b[1] = (unsigned char)(value >> 8 & 0xff);
    b[2] = (unsigned char)(value >> 16 & 0xff);
    b[3] = (unsigned char)(value >> 24);
}

static inline void tide_store_u64(void *p, uint64_t value)
{
    unsigned char *b = p;
    b[0] = (unsigned char)(value & 0xff);
    b[1] = (unsigned char)(value >> 8 & 0xff);
    b[2] = (unsigned char)(value >> 16 & 0xff);
    b[3] = (unsigned char)(value >> 24 & 0xff);
    b[4] = (unsigned char)(value >> 32 & 0xff);
    b[5] = (unsigned char)(value >> 40 & 0xff);
    b[6] = (unsigned char)(value >> 48 & 0xff);
    b[7] = (unsigned char)(value >> 56);
}

#endif
