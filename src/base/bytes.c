/* Views and the growable buffer.
 *
 * One byte more than `capacity` is allocated, so that tide_bytes_terminated always has a place for
 * its '\0' and cannot fail. Invariant: size <= capacity, and size <= size_max where one is set. */
#include "base/bytes.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    CAPACITY_MIN = 64
};

struct tide_view tide_view_of(const char *text)
{
    return (struct tide_view){text, text == NULL ? 0 : strlen(text)};
}

bool tide_view_equal(struct tide_view a, struct tide_view b)
{
    return a.size == b.size && tide_bytes_equal(a.data, b.data, a.size);
}

int tide_view_compare(struct tide_view a, struct tide_view b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool tide_view_starts_with(struct tide_view view, struct tide_view prefix)
{
    return view.size >= prefix.size &&
           tide_view_equal((struct tide_view){view.data, prefix.size}, prefix);
}

struct tide_view tide_view_slice(struct tide_view view, size_t start, size_t size)
{
    tide_assert(start <= view.size);
    tide_assert(size <= view.size - start);
    if (view.data == NULL) {
        return (struct tide_view){0};
    }
    return (struct tide_view){view.data + start, size};
}

/* The last byte of the address space is kept for the '\0'. */
static size_t size_limit(const struct tide_bytes *bytes)
{
    return bytes->size_max == 0 || bytes->size_max == SIZE_MAX ? SIZE_MAX - 1 : bytes->size_max;
}

void tide_bytes_init(struct tide_bytes *bytes, size_t size_max)
{
    *bytes = (struct tide_bytes){.size_max = size_max};
}

void tide_bytes_release(struct tide_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct tide_bytes){0};
}

void tide_bytes_reset(struct tide_bytes *bytes)
{
    bytes->size = 0;
    bytes->failed = false;
}

static bool grow(struct tide_bytes *bytes, size_t needed)
{
    const size_t limit = size_limit(bytes);
    size_t capacity = bytes->capacity < CAPACITY_MIN ? CAPACITY_MIN : bytes->capacity;
    while (capacity < needed) {
        capacity = capacity > limit / 2 ? limit : capacity * 2;
    }
    if (capacity > limit) {
        capacity = limit;
    }
    tide_assert(capacity >= needed);
    char *data = realloc(bytes->data, capacity + 1);
    if (data == NULL) {
        return false;
    }
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

bool tide_bytes_reserve(struct tide_bytes *bytes, size_t more)
{
    tide_assert(bytes->size <= bytes->capacity);
    if (bytes->failed) {
        return false;
    }
    if (bytes->data != NULL && more <= bytes->capacity - bytes->size) {
        return true;
    }
    const size_t limit = size_limit(bytes);
    if (bytes->size > limit || more > limit - bytes->size || !grow(bytes, bytes->size + more)) {
        bytes->failed = true;
        return false;
    }
    return true;
}

void tide_bytes_append(struct tide_bytes *bytes, const void *data, size_t size)
{
    tide_assert(data != NULL || size == 0);
    if (size == 0 || !tide_bytes_reserve(bytes, size)) {
        return;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void tide_bytes_append_view(struct tide_bytes *bytes, struct tide_view view)
{
    tide_bytes_append(bytes, view.data, view.size);
}

void tide_bytes_append_text(struct tide_bytes *bytes, const char *text)
{
    tide_assert(text != NULL);
    tide_bytes_append(bytes, text, strlen(text));
}

void tide_bytes_append_byte(struct tide_bytes *bytes, char byte)
{
    if (tide_bytes_reserve(bytes, 1)) {
        bytes->data[bytes->size++] = byte;
    }
}

/* The first try prints into what room there is; only a text that did not fit is printed twice. */
void tide_bytes_append_format(struct tide_bytes *bytes, const char *format, ...)
{
    if (!tide_bytes_reserve(bytes, 0)) {
        return;
    }
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const size_t room = bytes->capacity - bytes->size + 1; /* the '\0' has its own byte */
    const int printed = vsnprintf(bytes->data + bytes->size, room, format, arguments);
    if (printed < 0) {
        bytes->failed = true;
    } else if ((size_t)printed < room) {
        bytes->size += (size_t)printed;
    } else if (tide_bytes_reserve(bytes, (size_t)printed)) {
        (void)vsnprintf(bytes->data + bytes->size, (size_t)printed + 1, format, again);
        bytes->size += (size_t)printed;
    }
    va_end(again);
    va_end(arguments);
}

void tide_bytes_append_u16(struct tide_bytes *bytes, uint16_t value)
{
    unsigned char raw[sizeof(value)];
    tide_store_u16(raw, value);
    tide_bytes_append(bytes, raw, sizeof(raw));
}

void tide_bytes_append_u32(struct tide_bytes *bytes, uint32_t value)
{
    unsigned char raw[sizeof(value)];
    tide_store_u32(raw, value);
    tide_bytes_append(bytes, raw, sizeof(raw));
}

void tide_bytes_append_u64(struct tide_bytes *bytes, uint64_t value)
{
    unsigned char raw[sizeof(value)];
    tide_store_u64(raw, value);
    tide_bytes_append(bytes, raw, sizeof(raw));
}

struct tide_view tide_bytes_view(const struct tide_bytes *bytes)
{
    return (struct tide_view){bytes->data, bytes->size};
}

const char *tide_bytes_terminated(struct tide_bytes *bytes)
{
    if (bytes->failed || bytes->size == 0) {
        return "";
    }
    tide_assert(bytes->size <= bytes->capacity);
    bytes->data[bytes->size] = '\0';
    return bytes->data;
}
