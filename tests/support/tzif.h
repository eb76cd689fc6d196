/* Writes TZif files (RFC 8536, version 2): an empty 32-bit block, then what is asked for. */
#ifndef TIDE_SUPPORT_TZIF_H
#define TIDE_SUPPORT_TZIF_H

#include <string.h>

#include "base/bytes.h"

enum {
    TZIF_BLOCK_AT = 88 /* behind both headers; the 32-bit block is empty */
};

struct tzif {
    const int64_t *times;
    const uint8_t *time_types;
    uint32_t time_count;
    const int32_t *offsets; /* of the types */
    uint32_t type_count;
    const char *footer;
};

static inline void tzif_append_big(struct tide_bytes *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = size; i-- > 0;) {
        tide_bytes_append_byte(bytes, (char)(value >> (8 * i) & 0xff));
    }
}

static inline void tzif_append_header(struct tide_bytes *bytes,
                                      uint32_t indicator_count,
                                      uint32_t time_count,
                                      uint32_t type_count,
                                      uint32_t name_size)
{
    static const char reserved[15];
    tide_bytes_append_text(bytes, "TZif2");
    tide_bytes_append(bytes, reserved, sizeof(reserved));
    tzif_append_big(bytes, indicator_count, 4);
    tzif_append_big(bytes, indicator_count, 4);
    tzif_append_big(bytes, 0, 4);
    tzif_append_big(bytes, time_count, 4);
    tzif_append_big(bytes, type_count, 4);
    tzif_append_big(bytes, name_size, 4);
}

/* Type i is daylight time if i is odd; all are called "AAA". The caller releases the bytes. */
static inline struct tide_bytes tzif_write(struct tzif file)
{
    struct tide_bytes bytes = {0};
    static const char name[] = "AAA";
    tzif_append_header(&bytes, 0, 0, 0, 0);
    tzif_append_header(
        &bytes, file.type_count, file.time_count, file.type_count, (uint32_t)sizeof(name));
    for (uint32_t i = 0; i < file.time_count; i++) {
        tzif_append_big(&bytes, (uint64_t)file.times[i], 8);
    }
    tide_bytes_append(&bytes, file.time_types, file.time_count);
    for (uint32_t i = 0; i < file.type_count; i++) {
        tzif_append_big(&bytes, (uint32_t)file.offsets[i], 4);
        tzif_append_big(&bytes, i % 2, 1);
        tzif_append_big(&bytes, 0, 1);
    }
    tide_bytes_append(&bytes, name, sizeof(name));
    for (uint32_t i = 0; i < 2 * file.type_count; i++) {
        tide_bytes_append_byte(&bytes, '\0');
    }
    tide_bytes_append_text(&bytes, "\n");
    tide_bytes_append_text(&bytes, file.footer);
    tide_bytes_append_text(&bytes, "\n");
    return bytes;
}

#endif
