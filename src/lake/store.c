/* What every store shares: which keys it may be asked for, and where a URL says that it is.
 *
 * A key becomes a path on a disk or a part of a request, so it is checked once more here, whoever
 * made it: a key from a manifest has been on a disk, and what was on a disk may be anything. */
#include "lake/store.h"

#include "base/assert.h"
#include "base/digits.h"
#include "lake/store_remote.h"

#include <string.h>

static bool is_part_valid(struct tide_view part)
{
    if (part.size == 0 || tide_view_equal(part, TIDE_VIEW(".")) ||
        tide_view_equal(part, TIDE_VIEW(".."))) {
        return false;
    }
    for (size_t i = 0; i < part.size; i++) {
        unsigned char byte = (unsigned char)part.data[i];
        if (byte < 0x20 || byte == 0x7f || byte == '\\') {
            return false;
        }
    }
    return true;
}

enum tide_status tide_store_check_key(const char *key, struct tide_error *error)
{
    tide_assert(key != NULL);
    size_t size = strlen(key);
    if (size > TIDE_STORE_KEY_BYTES_MAX) {
        return tide_error_set(error,
                              TIDE_FATAL,
                              "a key of %zu bytes is longer than %d",
                              size,
                              TIDE_STORE_KEY_BYTES_MAX);
    }
    size_t start = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && key[i] != '/') {
            continue;
        }
        if (!is_part_valid((struct tide_view){key + start, i - start})) {
            return tide_error_set(error, TIDE_FATAL, "not a key: '%s'", key);
        }
        start = i + 1;
    }
    return TIDE_OK;
}

/* The scheme's size without its colon; 0: none. */
static size_t scheme_size(struct tide_view url)
{
    for (size_t i = 0; i < url.size; i++) {
        char c = url.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_more = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (c == ':') {
            return i;
        }
        if (!is_letter && !(is_more && i > 0)) {
            return 0;
        }
    }
    return 0;
}

static bool append_decoded(struct tide_bytes *path, struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '%') {
            tide_bytes_append_byte(path, text.data[i]);
            continue;
        }
        const int32_t byte = text.size - i > 2 ? tide_digits_escaped(text.data + i + 1, 2) : -1;
        if (byte < 0) {
            return false;
        }
        tide_bytes_append_byte(path, (char)byte);
        i += 2;
    }
    return true;
}

enum tide_status tide_store_url_parse(struct tide_view url,
                                      struct tide_store_url *parts,
                                      struct tide_error *error)
{
    const size_t scheme = scheme_size(url);
    const struct tide_view rest = tide_view_slice(url, scheme, url.size - scheme);
    tide_bytes_reset(&parts->path);
    if (scheme == 0 || !tide_view_starts_with(rest, TIDE_VIEW("://"))) {
        return tide_error_set(
            error, TIDE_REJECT, "'%.*s' is no URL of a store", TIDE_VIEW_ARGUMENTS(url));
    }
    size_t end = 3;
    while (end < rest.size && rest.data[end] != '/') {
        end++;
    }
    parts->scheme = tide_view_slice(url, 0, scheme);
    parts->authority = tide_view_slice(rest, 3, end - 3);
    const bool is_decoded =
        append_decoded(&parts->path, tide_view_slice(rest, end, rest.size - end));
    if (parts->path.failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a path");
    }
    if (!is_decoded || parts->authority.size == 0 ||
        (parts->path.size > 0 && memchr(parts->path.data, '\0', parts->path.size) != NULL)) {
        return tide_error_set(
            error, TIDE_REJECT, "'%.*s' has no usable host and path", TIDE_VIEW_ARGUMENTS(url));
    }
    return TIDE_OK;
}

enum tide_status tide_store_local_path(struct tide_view url,
                                       struct tide_bytes *path,
                                       struct tide_error *error)
{
    tide_assert(path != NULL);
    tide_bytes_reset(path);
    size_t scheme = scheme_size(url);
    if (scheme == 0) {
        tide_bytes_append_view(path, url);
    } else if (!tide_view_equal(tide_view_slice(url, 0, scheme), TIDE_VIEW("file"))) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "'%.*s' is no store that is known: file:, hdfs://",
                              TIDE_VIEW_ARGUMENTS(url));
    } else {
        struct tide_view rest = tide_view_slice(url, scheme + 1, url.size - scheme - 1);
        if (tide_view_starts_with(rest, TIDE_VIEW("//localhost/"))) {
            rest = tide_view_slice(rest, 11, rest.size - 11);
        } else if (tide_view_starts_with(rest, TIDE_VIEW("//"))) {
            rest = tide_view_slice(rest, 2, rest.size - 2);
            if (rest.size == 0 || rest.data[0] != '/') {
                return tide_error_set(error,
                                      TIDE_REJECT,
                                      "'%.*s' names a host; a local store is file:///path or "
                                      "file:path",
                                      TIDE_VIEW_ARGUMENTS(url));
            }
        }
        if (!append_decoded(path, rest)) {
            return tide_error_set(
                error, TIDE_REJECT, "'%.*s' has a bad %%-escape", TIDE_VIEW_ARGUMENTS(url));
        }
    }
    if (path->failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a path");
    }
    if (path->size == 0 || memchr(path->data, '\0', path->size) != NULL) {
        return tide_error_set(
            error, TIDE_REJECT, "'%.*s' has no usable path", TIDE_VIEW_ARGUMENTS(url));
    }
    return TIDE_OK;
}
