#include "decode/diagnose.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "decode/escape.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

enum {
    DETAIL_SIZE_MAX = 160
};

struct tide_verdict tide_verdict_format(struct tide_arena *arena,
                                        enum tide_reason reason,
                                        struct tide_view pointer,
                                        const char *format,
                                        ...)
{
    char text[DETAIL_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tide_assert(size >= 0 && (size_t)size < sizeof text);
    struct tide_view detail = tide_arena_copy(arena, (struct tide_view){text, (size_t)size});
    tide_assert(detail.data != NULL); /* who fills a batch keeps room for one record */
    return (struct tide_verdict){.reason = reason, .pointer = pointer, .detail = detail};
}

/* Behind the string that starts at text[at] (a quote). What ends it in a text that is not JSON is
 * the oracle's rule: a backslash takes one character with it, but not a line feed. */
static size_t skip_string(struct tide_view text, size_t at)
{
    for (at++; at < text.size; at++) {
        if (text.data[at] == '"') {
            return at + 1;
        }
        if (text.data[at] == '\\') {
            if (at + 1 == text.size || text.data[at + 1] == '\n') {
                return at;
            }
            at++;
        }
    }
    return text.size;
}

static int64_t deepest(struct tide_view text)
{
    int64_t depth = 0;
    int64_t found = 0;
    size_t at = 0;
    while (at < text.size) {
        char c = text.data[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        found = depth > found ? depth : found;
        at++;
    }
    return found;
}

struct tide_verdict tide_diagnose(struct tide_view text,
                                  struct tide_diagnose_limits limits,
                                  const char *fault,
                                  struct tide_arena *arena)
{
    const struct tide_view whole = TIDE_VIEW("");
    size_t valid_size = tide_utf8_valid_size(text);
    if (valid_size < text.size) {
        return tide_verdict_format(
            arena, TIDE_REASON_UTF8_INVALID, whole, "not UTF-8 at byte %zu", valid_size);
    }
    if (text.size > limits.size_max) {
        return tide_verdict_format(arena,
                                   TIDE_REASON_TOO_LARGE,
                                   whole,
                                   "record is %zu bytes, limit %zu",
                                   text.size,
                                   limits.size_max);
    }
    int64_t depth = deepest(text);
    if (depth > limits.depth_max) {
        return tide_verdict_format(arena,
                                   TIDE_REASON_TOO_DEEP,
                                   whole,
                                   "%lld levels of nesting, limit %lld",
                                   (long long)depth,
                                   (long long)limits.depth_max);
    }
    tide_assert(fault != NULL && fault >= text.data && fault <= text.data + text.size);
    if (fault == text.data + text.size) {
        return tide_verdict_format(arena,
                                   TIDE_REASON_JSON_INVALID,
                                   whole,
                                   "not JSON: ends too early, after %zu bytes",
                                   text.size);
    }
    return tide_verdict_format(arena,
                               TIDE_REASON_JSON_INVALID,
                               whole,
                               "not JSON at byte %zu",
                               (size_t)(fault - text.data));
}

struct tide_verdict tide_diagnose_surrogate(struct tide_view text, struct tide_arena *arena)
{
    const size_t at = tide_escape_unpaired_surrogate(text);
    tide_assert(at < text.size);
    return tide_verdict_format(arena,
                               TIDE_REASON_UTF8_INVALID,
                               TIDE_VIEW(""),
                               "an unpaired surrogate escape at byte %zu",
                               at);
}
