#include "http/cors.h"

#include "base/digits.h"

#include <string.h>

#include "base/banned.h"

static bool is_letter(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

/* The size of a scheme before "://"; 0: there is none. */
static size_t scheme_size(struct tide_view text)
{
    size_t size = 0;
    while (size < text.size &&
           (is_letter(text.data[size]) || (size > 0 && (tide_is_digit(text.data[size]) ||
                                                        strchr("+-.", text.data[size]) != NULL)))) {
        size++;
    }
    return size > 0 && tide_view_starts_with(tide_view_slice(text, size, text.size - size),
                                             TIDE_VIEW("://"))
               ? size
               : 0;
}

/* The size of a host; of an IPv6 address with its brackets. */
static size_t host_size(struct tide_view text)
{
    const bool is_address = text.size > 0 && text.data[0] == '[';
    size_t size = is_address ? 1 : 0;
    while (size < text.size &&
           (is_letter(text.data[size]) || tide_is_digit(text.data[size]) ||
            (is_address ? strchr(":.", text.data[size]) : strchr("-.", text.data[size])) != NULL)) {
        size++;
    }
    if (!is_address) {
        return size;
    }
    return size > 1 && size < text.size && text.data[size] == ']' ? size + 1 : 0;
}

/* ":" and 1 to 65535 without zeros in front. */
static bool is_port(struct tide_view text)
{
    uint64_t port = 0;
    if (text.size < 2 || text.size > 6 || text.data[0] != ':' || text.data[1] == '0') {
        return false;
    }
    return tide_digits_parse(tide_view_slice(text, 1, text.size - 1), &port) && port <= 65535;
}

static bool is_default_port(struct tide_view scheme, struct tide_view port)
{
    return (tide_view_equal(scheme, TIDE_VIEW("http")) &&
            tide_view_equal(port, TIDE_VIEW(":80"))) ||
           (tide_view_equal(scheme, TIDE_VIEW("https")) &&
            tide_view_equal(port, TIDE_VIEW(":443")));
}

static bool is_origin(struct tide_view text)
{
    const size_t scheme = scheme_size(text);
    if (scheme == 0) {
        return false;
    }
    const size_t start = scheme + 3;
    const size_t host = host_size(tide_view_slice(text, start, text.size - start));
    const struct tide_view port = tide_view_slice(text, start + host, text.size - start - host);
    return host > 0 && (port.size == 0 || is_port(port)) &&
           !is_default_port(tide_view_slice(text, 0, scheme), port);
}

enum tide_status tide_cors_add(struct tide_cors *cors,
                               struct tide_view origin,
                               struct tide_error *error)
{
    if (tide_view_equal(origin, TIDE_VIEW("*"))) {
        cors->allows_any = true;
        return TIDE_OK;
    }
    if (!is_origin(origin)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "'%.*s' is no origin as browsers write them: scheme://host[:port] in "
                              "lower case, without default port, path or slash; or *",
                              TIDE_VIEW_ARGUMENTS(origin));
    }
    if (cors->origin_count == TIDE_CORS_ORIGINS_MAX) {
        return tide_error_set(
            error, TIDE_REJECT, "more than %d origins are listed", TIDE_CORS_ORIGINS_MAX);
    }
    cors->origins[cors->origin_count++] = origin;
    return TIDE_OK;
}

struct tide_view tide_cors_answer(const struct tide_cors *cors, struct tide_view origin)
{
    if (origin.size == 0) {
        return (struct tide_view){0}; /* it crosses no origin */
    }
    if (cors->allows_any) {
        return TIDE_VIEW("*");
    }
    for (size_t i = 0; i < cors->origin_count; i++) {
        if (tide_view_equal(cors->origins[i], origin)) {
            return cors->origins[i];
        }
    }
    return (struct tide_view){0};
}
