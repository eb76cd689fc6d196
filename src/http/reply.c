#include "http/reply.h"

#include "base/assert.h"
#include "http/problem.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    PROBLEM_BYTES_MAX = 1 << 10,
};

void tide_reply_set_problem(struct tide_http_exchange *exchange, unsigned status, const char *why)
{
    tide_assert(exchange->reply.status == 0);
    tide_bytes_init(&exchange->reply.body, PROBLEM_BYTES_MAX);
    tide_http_problem_write(status, tide_view_of(why), &exchange->reply.body);
    exchange->reply.status = status;
    exchange->reply.content_type = "application/problem+json";
}

void tide_reply_add(struct tide_http_exchange *exchange, const char *name, const char *value)
{
    struct tide_exchange_reply *reply = &exchange->reply;
    if (name != NULL && value != NULL && reply->header_count < TIDE_EXCHANGE_REPLY_HEADERS_MAX) {
        reply->headers[reply->header_count++] = (struct tide_exchange_header){name, value};
    }
}

static void add_retry_after(struct tide_http_exchange *exchange)
{
    char text[16];
    if (exchange->reply.retry_after_s == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%u", exchange->reply.retry_after_s);
    tide_reply_add(
        exchange, "Retry-After", tide_arena_copy(&exchange->arena, tide_view_of(text)).data);
}

/* Also of refusals: the page is to see why. */
static void add_cors(struct tide_http_exchange *exchange)
{
    if (exchange->cors == NULL) {
        return;
    }
    tide_reply_add(exchange, "Vary", "Origin");
    const struct tide_view answer =
        tide_cors_answer(exchange->cors, tide_http_header(exchange, "origin"));
    if (answer.size == 0) {
        return;
    }
    tide_reply_add(
        exchange, "Access-Control-Allow-Origin", tide_arena_copy(&exchange->arena, answer).data);
    if (exchange->shared_methods == NULL) {
        tide_reply_add(exchange, "Access-Control-Expose-Headers", TIDE_CORS_EXPOSED);
        return;
    }
    tide_reply_add(exchange, "Access-Control-Allow-Methods", exchange->shared_methods);
    tide_reply_add(exchange, "Access-Control-Allow-Headers", TIDE_CORS_HEADERS);
    tide_reply_add(exchange, "Access-Control-Max-Age", TIDE_CORS_MAX_AGE_S);
}

void tide_reply_finish(struct tide_http_exchange *exchange, bool is_draining)
{
    const struct tide_exchange_reply *reply = &exchange->reply;
    tide_assert(reply->status != 0);
    tide_reply_add(exchange, "X-Content-Type-Options", "nosniff");
    tide_reply_add(exchange, "Cache-Control", "no-store");
    tide_reply_add(exchange, "Content-Type", reply->content_type);
    add_retry_after(exchange);
    tide_reply_add(exchange, "Allow", reply->allow);
    tide_reply_add(exchange, "Accept-Encoding", reply->accept_encoding);
    if (exchange->route != NULL) {
        tide_reply_add(
            exchange, "Content-Security-Policy", exchange->route->content_security_policy);
    }
    add_cors(exchange);
    if (reply->must_close || is_draining) {
        tide_reply_add(exchange, "Connection", "close");
    }
}

void tide_reply_write(const struct tide_http_exchange *exchange, struct tide_bytes *text)
{
    const struct tide_exchange_reply *reply = &exchange->reply;
    tide_assert(reply->must_close);
    tide_bytes_append_format(
        text, "HTTP/1.1 %u %s\r\n", reply->status, tide_http_status_title(reply->status));
    for (size_t i = 0; i < reply->header_count; i++) {
        tide_bytes_append_format(
            text, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    }
    tide_bytes_append_format(text, "Content-Length: %zu\r\n\r\n", reply->body.size);
    tide_bytes_append_view(text, tide_bytes_view(&reply->body));
}
