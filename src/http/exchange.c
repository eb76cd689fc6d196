#include "http/exchange.h"

#include "base/assert.h"
#include "base/digits.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct tide_http_exchange *tide_exchange_create(struct tide_http_server *server,
                                                struct tide_view target)
{
    struct tide_http_exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL) {
        return NULL;
    }
    exchange->server = server;
    tide_arena_init(&exchange->arena, TIDE_EXCHANGE_ARENA_MAX);
    /* A longer one is refused by its size; its bytes do not matter then. */
    const size_t kept =
        target.size < TIDE_GATE_TARGET_BYTES_MAX ? target.size : TIDE_GATE_TARGET_BYTES_MAX + 1;
    const struct tide_view part = {target.data, target.size < kept ? target.size : kept};
    exchange->request.target = tide_arena_copy(&exchange->arena, part);
    if (exchange->request.target.data == NULL) {
        tide_exchange_destroy(exchange);
        return NULL;
    }
    return exchange;
}

void tide_exchange_destroy(struct tide_http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    tide_bytes_release(&exchange->body.bytes);
    tide_bytes_release(&exchange->reply.body);
    tide_arena_release(&exchange->arena);
    free(exchange);
}

bool tide_exchange_decode(struct tide_arena *arena,
                          struct tide_view text,
                          bool plus_is_space,
                          struct tide_view *decoded)
{
    char *to = tide_arena_allocate_text(arena, text.size + 1);
    if (to == NULL) {
        return false;
    }
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '+' && plus_is_space) {
            byte = ' ';
        } else if (byte == '%') {
            const int32_t value =
                i + 2 < text.size ? tide_digits_escaped(text.data + i + 1, 2) : -1;
            if (value <= 0) {
                return false;
            }
            byte = (char)(unsigned char)value;
            i += 2;
        }
        to[size++] = byte;
    }
    *decoded = (struct tide_view){to, size};
    return true;
}

static struct tide_view until(struct tide_view text, char separator)
{
    const char *end = text.size == 0 ? NULL : memchr(text.data, separator, text.size);
    return (struct tide_view){text.data, end == NULL ? text.size : (size_t)(end - text.data)};
}

/* What stands behind head and one separator. */
static struct tide_view behind(struct tide_view text, struct tide_view head)
{
    const size_t skipped = head.size < text.size ? head.size + 1 : text.size;
    return tide_view_slice(text, skipped, text.size - skipped);
}

static unsigned split_query(struct tide_http_exchange *exchange,
                            struct tide_view query,
                            const char **why)
{
    size_t count_max = 1;
    for (size_t i = 0; i < query.size; i++) {
        count_max += query.data[i] == '&';
    }
    if (count_max > TIDE_EXCHANGE_PARAMETERS_MAX) {
        *why = "more than 64 query parameters";
        return 414;
    }
    exchange->parameters =
        TIDE_ARENA_ARRAY(&exchange->arena, struct tide_exchange_parameter, count_max);
    if (exchange->parameters == NULL) {
        *why = "the query is too large";
        return 414;
    }
    while (query.size > 0) {
        const struct tide_view pair = until(query, '&');
        query = behind(query, pair);
        if (pair.size == 0) {
            continue;
        }
        const struct tide_view name = until(pair, '=');
        struct tide_exchange_parameter *parameter =
            &exchange->parameters[exchange->parameter_count];
        if (!tide_exchange_decode(&exchange->arena, name, true, &parameter->name) ||
            !tide_exchange_decode(&exchange->arena, behind(pair, name), true, &parameter->value)) {
            *why = "the query holds a malformed percent-escape";
            return 400;
        }
        exchange->parameter_count++;
    }
    return 0;
}

unsigned tide_exchange_split_target(struct tide_http_exchange *exchange, const char **why)
{
    exchange->path = until(exchange->request.target, '?');
    const struct tide_view query = behind(exchange->request.target, exchange->path);
    return query.size == 0 ? 0 : split_query(exchange, query, why);
}

/* Whether path is the route's; a segment in braces takes any one segment that is not empty. */
static bool path_matches(const char *pattern, struct tide_view path, struct tide_view *parameter)
{
    const size_t fixed = strcspn(pattern, "{");
    if (pattern[fixed] == '\0') {
        *parameter = (struct tide_view){0};
        return tide_view_equal(path, tide_view_of(pattern));
    }
    if (!tide_view_starts_with(path, (struct tide_view){pattern, fixed})) {
        return false;
    }
    const char *close = strchr(pattern + fixed, '}');
    tide_assert(close != NULL);
    const struct tide_view end = tide_view_of(close + 1);
    const struct tide_view rest = tide_view_slice(path, fixed, path.size - fixed);
    if (rest.size <= end.size ||
        !tide_view_equal(tide_view_slice(rest, rest.size - end.size, end.size), end)) {
        return false;
    }
    *parameter = tide_view_slice(rest, 0, rest.size - end.size);
    return memchr(parameter->data, '/', parameter->size) == NULL;
}

static bool method_matches(const char *method, struct tide_view wanted)
{
    return tide_view_equal(tide_view_of(method), wanted) ||
           (strcmp(method, "GET") == 0 && tide_view_equal(wanted, TIDE_VIEW("HEAD")));
}

/* "GET, HEAD, POST, OPTIONS": the methods of every route that has this path; or only of those that
 * pages of other origins may ask. */
static const char *allowed_methods(struct tide_http_exchange *exchange,
                                   const struct tide_http_route *routes,
                                   size_t route_count,
                                   bool only_shared)
{
    enum {
        ALLOW_MAX = 200
    };
    char *text = TIDE_ARENA_ARRAY(&exchange->arena, char, ALLOW_MAX);
    size_t size = 0;
    for (size_t i = 0; text != NULL && i < route_count; i++) {
        struct tide_view ignored;
        if (!path_matches(routes[i].path, exchange->path, &ignored) ||
            (only_shared && routes[i].cors == NULL)) {
            continue;
        }
        const char *names[] = {routes[i].method,
                               strcmp(routes[i].method, "GET") == 0 ? "HEAD" : NULL};
        for (size_t j = 0; j < 2 && names[j] != NULL; j++) {
            const size_t name_size = strlen(names[j]);
            if (size + name_size + sizeof(", , OPTIONS") > ALLOW_MAX) {
                continue;
            }
            if (size > 0) {
                memcpy(text + size, ", ", 2);
                size += 2;
            }
            memcpy(text + size, names[j], name_size);
            size += name_size;
        }
    }
    if (text != NULL) {
        memcpy(text + size, ", OPTIONS", sizeof(", OPTIONS"));
    }
    return text;
}

unsigned tide_exchange_find_route(struct tide_http_exchange *exchange,
                                  const struct tide_http_route *routes,
                                  size_t route_count,
                                  const char **why)
{
    bool path_is_known = false;
    for (size_t i = 0; i < route_count; i++) {
        struct tide_view parameter = {0};
        if (!path_matches(routes[i].path, exchange->path, &parameter)) {
            continue;
        }
        path_is_known = true;
        exchange->cors = exchange->cors == NULL ? routes[i].cors : exchange->cors;
        if (!method_matches(routes[i].method, exchange->request.method)) {
            continue;
        }
        exchange->route = &routes[i];
        exchange->cors = routes[i].cors;
        *why = "the path holds a malformed percent-escape";
        return tide_exchange_decode(&exchange->arena, parameter, false, &exchange->path_parameter)
                   ? 0
                   : 400;
    }
    if (!path_is_known) {
        *why = "there is nothing at this path";
        return 404;
    }
    exchange->reply.allow = allowed_methods(exchange, routes, route_count, false);
    *why = "this method is not for this path";
    if (!tide_view_equal(exchange->request.method, TIDE_VIEW("OPTIONS"))) {
        return 405;
    }
    if (tide_http_header(exchange, "access-control-request-method").size > 0) {
        exchange->shared_methods = allowed_methods(exchange, routes, route_count, true);
    }
    return 204;
}

struct tide_view tide_http_method(const struct tide_http_exchange *exchange)
{
    return exchange->request.method;
}

struct tide_view tide_http_path(const struct tide_http_exchange *exchange)
{
    return exchange->path;
}

struct tide_view tide_http_path_parameter(const struct tide_http_exchange *exchange)
{
    return exchange->path_parameter;
}

struct tide_view tide_http_header(const struct tide_http_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->request.header_count; i++) {
        if (tide_gate_name_equal(exchange->headers[i].name, name)) {
            return tide_gate_trim(exchange->headers[i].value);
        }
    }
    return (struct tide_view){0};
}

void *tide_http_route_context(const struct tide_http_exchange *exchange)
{
    return exchange->route->context;
}

void tide_http_set_caller(struct tide_http_exchange *exchange, const void *caller)
{
    exchange->caller = caller;
}

const void *tide_http_caller(const struct tide_http_exchange *exchange)
{
    return exchange->caller;
}

struct tide_view tide_http_query(const struct tide_http_exchange *exchange,
                                 const char *name,
                                 bool *present)
{
    for (size_t i = 0; i < exchange->parameter_count; i++) {
        if (tide_view_equal(exchange->parameters[i].name, tide_view_of(name))) {
            if (present != NULL) {
                *present = true;
            }
            return exchange->parameters[i].value;
        }
    }
    if (present != NULL) {
        *present = false;
    }
    return (struct tide_view){0};
}

void tide_http_query_visit(const struct tide_http_exchange *exchange,
                           void (*visit)(void *context,
                                         struct tide_view name,
                                         struct tide_view value),
                           void *context)
{
    for (size_t i = 0; i < exchange->parameter_count; i++) {
        visit(context, exchange->parameters[i].name, exchange->parameters[i].value);
    }
}

struct tide_view tide_http_body(const struct tide_http_exchange *exchange)
{
    return tide_bytes_view(&exchange->body.bytes);
}
