/* Texts of errors. Each is put together beside its target first: an argument may be the very text
 * that is about to be overwritten, as in tide_error_set(error, status, "...: %s", error->text). */
#include "base/status.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static const char *const status_names[] = {
    [TIDE_OK] = "ok",
    [TIDE_AGAIN] = "again",
    [TIDE_RETRY] = "retry",
    [TIDE_REJECT] = "reject",
    [TIDE_FATAL] = "fatal",
};

enum tide_status tide_error_set(struct tide_error *error,
                                enum tide_status status,
                                const char *format,
                                ...)
{
    tide_assert(status != TIDE_OK);
    tide_assert(format != NULL);
    if (error == NULL) {
        return status;
    }
    char text[TIDE_ERROR_TEXT_MAX] = {0};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments); /* too long is cut */
    va_end(arguments);
    memcpy(error->text, text, sizeof(text));
    return status;
}

void tide_error_prefix(struct tide_error *error, const char *format, ...)
{
    tide_assert(format != NULL);
    if (error == NULL) {
        return;
    }
    char text[TIDE_ERROR_TEXT_MAX] = {0};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    const char *const parts[] = {": ", error->text};
    size_t size = strnlen(text, sizeof(text) - 1);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const size_t room = sizeof(text) - 1 - size;
        const size_t part_size = strnlen(parts[i], room);
        memcpy(text + size, parts[i], part_size);
        size += part_size;
    }
    tide_assert(size < sizeof(text));
    text[size] = '\0';
    memcpy(error->text, text, sizeof(text));
}

enum tide_status tide_error_pass(struct tide_error *error,
                                 enum tide_status status,
                                 const struct tide_error *why)
{
    if (status != TIDE_OK && error != NULL) {
        *error = *why;
    }
    return status;
}

const char *tide_status_name(enum tide_status status)
{
    tide_assert((size_t)status < sizeof(status_names) / sizeof(status_names[0]));
    return status_names[status];
}
