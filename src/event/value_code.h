/* The canonical bytes of a value, for code that runs once for each column of each event: one
 * layout, written by tide_value_encode and by the identity alike.
 *
 *     null     0
 *     string   1, size as u32, the bytes
 *     others   1 + type, the number as u64                          all little-endian */
#ifndef TIDE_EVENT_VALUE_CODE_H
#define TIDE_EVENT_VALUE_CODE_H

#include <string.h>

#include "event/batch.h"

enum {
    TIDE_VALUE_TAG_NULL = 0,
    TIDE_VALUE_TAG_FIRST_TYPE = 1,
    TIDE_VALUE_STRING_HEAD = 5,
    TIDE_VALUE_NUMBER_SIZE = 9,
};

/* memcpy for texts as short as most values are: two moves of a fixed size, which overlap. */
static inline __attribute__((always_inline)) void tide_value_copy(char *to,
                                                                  const char *from,
                                                                  size_t size)
{
    if (size > 64) {
        memcpy(to, from, size);
    } else if (size > 32) {
        memcpy(to, from, 32);
        memcpy(to + size - 32, from + size - 32, 32);
    } else if (size > 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

/* Both return the place behind what they wrote. */
static inline __attribute__((always_inline)) char *tide_value_put_string(char *to,
                                                                         struct tide_view string)
{
    to[0] = (char)(TIDE_VALUE_TAG_FIRST_TYPE + (int)TIDE_TYPE_STRING);
    tide_store_u32(to + 1, (uint32_t)string.size);
    tide_value_copy(to + TIDE_VALUE_STRING_HEAD, string.data, string.size);
    return to + TIDE_VALUE_STRING_HEAD + string.size;
}

static inline char *tide_value_put_number(char *to, enum tide_type type, int64_t number)
{
    to[0] = (char)(TIDE_VALUE_TAG_FIRST_TYPE + (int)type);
    tide_store_u64(to + 1, (uint64_t)number);
    return to + TIDE_VALUE_NUMBER_SIZE;
}

#endif
