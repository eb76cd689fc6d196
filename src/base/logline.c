/* A line is put together on the stack and handed over in one call: stderr has no buffer, so that is
 * one write, and lines of several threads do not mix. What is too long is cut and ends in "...". */
#include "base/logline.h"

#include "base/assert.h"
#include "base/civil.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    MESSAGE_MAX = 2048,
    HEAD_MAX = 128,
    ESCAPE_SIZE = 4, /* \x1b */
    LINE_SIZE_MAX = HEAD_MAX + MESSAGE_MAX * ESCAPE_SIZE + 1,
};

static const char *const level_names[] = {
    [TIDE_LOGLINE_DEBUG] = "debug",
    [TIDE_LOGLINE_INFO] = "info",
    [TIDE_LOGLINE_WARNING] = "warning",
    [TIDE_LOGLINE_ERROR] = "error",
};

static _Atomic int level_min = TIDE_LOGLINE_INFO;

void tide_logline_set_level(enum tide_logline_level level)
{
    tide_assert((size_t)level < sizeof(level_names) / sizeof(level_names[0]));
    atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

/* "2026-11-24T04:01:00.123Z info collect: ", always three digits: columns stay aligned. */
static size_t write_head(char *line, enum tide_logline_level level, const char *room)
{
    const struct tide_instant now = tide_clock_now(tide_clock_os());
    const int64_t second = tide_floor_divide(now.us, TIDE_US_PER_SECOND);
    const int64_t ms = (now.us - second * TIDE_US_PER_SECOND) / 1000;
    char date[TIDE_CIVIL_TEXT_MAX];
    const size_t size = tide_civil_format((struct tide_instant){second * TIDE_US_PER_SECOND}, date);
    tide_assert(size > 0 && date[size - 1] == 'Z');
    const int printed = snprintf(line,
                                 HEAD_MAX,
                                 "%.*s.%03dZ %s %s: ",
                                 (int)(size - 1),
                                 date,
                                 (int)ms,
                                 level_names[level],
                                 room);
    tide_assert(printed > 0 && printed < HEAD_MAX); /* a room's name is ours and short */
    return (size_t)printed;
}

/* C0 and DEL; and C1, which terminals obey too: in UTF-8 it is 0xc2 and a byte 0x80..0x9f. */
static bool is_control(unsigned char before, unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte >= 0x80 && byte <= 0x9f);
}

static size_t write_escaped(char *line, const char *message)
{
    static const char hex[] = "0123456789abcdef";
    size_t size = 0;
    unsigned char before = 0;
    for (const char *c = message; *c != '\0'; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte == '\n') {
            line[size++] = '\\';
            line[size++] = 'n';
        } else if (is_control(before, byte)) {
            line[size++] = '\\';
            line[size++] = 'x';
            line[size++] = hex[byte >> 4];
            line[size++] = hex[byte & 0xf];
        } else {
            line[size++] = *c;
        }
        before = byte;
    }
    return size;
}

void tide_logline(enum tide_logline_level level, const char *room, const char *format, ...)
{
    tide_assert((size_t)level < sizeof(level_names) / sizeof(level_names[0]));
    if ((int)level < atomic_load_explicit(&level_min, memory_order_relaxed)) {
        return;
    }
    const int error_number = errno; /* whoever logs an error may want it afterwards */
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int printed = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (printed < 0) {
        message[0] = '\0';
    } else if ((size_t)printed >= sizeof(message)) {
        memcpy(message + sizeof(message) - sizeof("..."), "...", sizeof("..."));
    }

    char line[LINE_SIZE_MAX];
    size_t size = write_head(line, level, room);
    size += write_escaped(line + size, message);
    tide_assert(size < sizeof(line));
    line[size++] = '\n';
    (void)fwrite(line, 1, size, stderr); /* there is nowhere to tell that this failed */
    errno = error_number;
}
