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

/* Both return the place behind what they wrote. The compiler makes one store of the shifts. */
static inline char *tide_value_put_string(char *to, struct tide_view string)
{
    uint32_t size = (uint32_t)string.size;
    to[0] = (char)(TIDE_VALUE_TAG_FIRST_TYPE + (int)TIDE_TYPE_STRING);
    for (unsigned i = 0; i < 4; i++) {
        to[1 + i] = (char)(size >> (8 * i) & 0xFF);
    }
    if (string.size > 0) {
        memcpy(to + TIDE_VALUE_STRING_HEAD, string.data, string.size);
    }
    return to + TIDE_VALUE_STRING_HEAD + string.size;
}

static inline char *tide_value_put_number(char *to, enum tide_type type, int64_t number)
{
    to[0] = (char)(TIDE_VALUE_TAG_FIRST_TYPE + (int)type);
    for (unsigned i = 0; i < 8; i++) {
        to[1 + i] = (char)((uint64_t)number >> (8 * i) & 0xFF);
    }
    return to + TIDE_VALUE_NUMBER_SIZE;
}

#endif
