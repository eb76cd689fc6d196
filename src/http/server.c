/* The door to libmicrohttpd. What it calls, in the order of a request's life:
 *
 *     on_connection STARTED    the socket is watched: header deadline
 *     on_target                the request line is complete: the exchange is made
 *     on_access, first call    headers are complete: gate, route, limits; or refused. Body deadline
 *     on_access, with data     a piece of the body
 *     on_access, without data  the body is complete: contract, handler. Reply deadline
 *     on_access, again         after a resumption: the reply is queued
 *     on_completed             sent or given up: observed, the exchange is released
 *     on_connection CLOSED     no longer watched; lingers if its body was refused unread
 *
 * All of them run on the library's threads, each connection on one. States: http/exchange.h. */
#include "http/server.h"

#include "base/assert.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/streams.h"
#include "http/watch.h"

#include <microhttpd.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    CONNECTION_MEMORY_BYTES = 32 << 10, /* of the library, for headers and reading */
    CONNECTION_GROWTH_BYTES = 8 << 10,
    REFUSAL_RETRY_AFTER_S = 1,
    DETAIL_BYTES_MAX = 512, /* of a problem */
};
#define KEEP_ALIVE_US INT64_C(60000000) /* how long a connection may wait for its next request */
#define LINGER_US INT64_C(1000000)
/* The release whose parser is known to leave header lines where they were received. */
#define LIBRARY_VERSION_KNOWN "0.9.75"

struct tide_http_server {
    struct tide_http_server_options options;
    struct tide_clock clock;
    struct MHD_Daemon *daemon;
    struct tide_watch *watch;
    int listen_fd; /* -1: the library has it, from the start until the drain */
    uint16_t port;
    bool can_check_layout;
    atomic_bool is_draining;
    struct tide_body_budget *bodies;
    atomic_size_t exchange_count;
    atomic_size_t kept_count; /* handed to a handler that has not replied yet */
    struct tide_streams streams;
};

struct connection {
    struct tide_watched watched;
    bool had_request;
    int linger_fd; /* -1: none */
};

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void set_deadline(struct tide_http_exchange *exchange, struct tide_duration after)
{
    struct connection *connection = exchange->peer;
    tide_watch_set(exchange->server->watch, &connection->watched, after);
}

/* ---- connections ---- */

static void connection_started(struct tide_http_server *server,
                               struct MHD_Connection *mhd,
                               void **socket_context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection = calloc(1, sizeof(*connection));
    *socket_context = connection;
    if (connection == NULL) {
        (void)shutdown(info->connect_fd, SHUT_RDWR);
        return;
    }
    connection->linger_fd = -1;
    connection->watched.fd = info->connect_fd;
    tide_watch_set(server->watch, &connection->watched, server->options.header_deadline);
    tide_watch_add(server->watch, &connection->watched);
}

static void on_connection(void *context,
                          struct MHD_Connection *mhd,
                          void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct tide_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_started(server, mhd, socket_context);
        return;
    }
    struct connection *connection = *socket_context;
    *socket_context = NULL;
    if (connection == NULL) {
        return;
    }
    tide_watch_remove(server->watch, &connection->watched);
    if (connection->linger_fd >= 0) {
        tide_watch_linger(server->watch, connection->linger_fd, (struct tide_duration){LINGER_US});
    }
    free(connection);
}

/* ---- replies ---- */

/* Of a streamed reply when it begins. */
static void tell_observer(const struct tide_http_exchange *exchange)
{
    const struct tide_http_server *server = exchange->server;
    if (server->options.observe != NULL) {
        const size_t route_index =
            exchange->route == NULL ? SIZE_MAX : (size_t)(exchange->route - server->options.routes);
        server->options.observe(
            server->options.observe_context,
            route_index,
            exchange->reply.status,
            tide_monotonic_since(tide_clock_monotonic(server->clock), exchange->start));
    }
}

/* What the body is sent from, which is moved into it. NULL: no memory. */
static struct MHD_Response *make_response(struct tide_http_exchange *exchange)
{
    struct tide_exchange_reply *reply = &exchange->reply;
    struct connection *connection = exchange->peer;
    if (reply->stream != NULL) {
        const struct tide_stream_place place = {
            exchange->connection, exchange->server->watch, &connection->watched};
        tell_observer(exchange);
        return tide_stream_attach(reply->stream, &exchange->server->streams, &place);
    }
    const bool is_empty = reply->body.size == 0;
    static char nothing[1];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.size,
                                        is_empty ? nothing : reply->body.data,
                                        is_empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (response != NULL && !is_empty) {
        reply->body = (struct tide_bytes){0};
    }
    return response;
}

/* MHD_NO closes the connection without a reply: only without memory. */
static enum MHD_Result queue_reply(struct tide_http_exchange *exchange)
{
    const struct tide_exchange_reply *reply = &exchange->reply;
    tide_assert(reply->status != 0);
    struct MHD_Response *response = make_response(exchange);
    if (response == NULL) {
        return MHD_NO;
    }
    tide_reply_finish(exchange, atomic_load(&exchange->server->is_draining));
    for (size_t i = 0; i < reply->header_count; i++) {
        (void)MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    }
    const enum MHD_Result result =
        MHD_queue_response(exchange->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Keeps the socket open for a while after the library has closed it, so that the refusal arrives.
 * */
static void linger(struct tide_http_exchange *exchange)
{
    struct connection *connection = exchange->peer;
    if (connection->linger_fd < 0) {
        connection->linger_fd = fcntl(connection->watched.fd, F_DUPFD_CLOEXEC, 0);
    }
}

/* In the first call: the library reads no further, sends the reply and closes. */
static enum MHD_Result refuse(struct tide_http_exchange *exchange, unsigned status, const char *why)
{
    tide_reply_set_problem(exchange, status, why);
    exchange->reply.must_close = true;
    if (status == 503) {
        exchange->reply.retry_after_s = REFUSAL_RETRY_AFTER_S;
    }
    atomic_store(&exchange->state, TIDE_EXCHANGE_REPLIED);
    linger(exchange);
    return queue_reply(exchange);
}

/* OPTIONS: what the path takes is in the reply's Allow. After a reply in the first call the library
 * reads no further; without a body there is a second call, and the connection can go on. */
static enum MHD_Result tell_options(struct tide_http_exchange *exchange)
{
    exchange->reply.status = 204;
    exchange->reply.must_close = exchange->facts.is_chunked || exchange->facts.length > 0;
    atomic_store(&exchange->state, TIDE_EXCHANGE_REPLIED);
    return exchange->reply.must_close ? queue_reply(exchange) : MHD_YES;
}

/* In the middle of a body the library takes no reply, so the refusal goes to the socket by hand:
 * nothing else is under way on it. Returning MHD_NO closes the connection. */
static enum MHD_Result refuse_in_body(struct tide_http_exchange *exchange,
                                      unsigned status,
                                      const char *why)
{
    struct tide_bytes text = {0};
    tide_reply_set_problem(exchange, status, why);
    exchange->reply.must_close = true;
    exchange->reply.retry_after_s = status == 503 ? REFUSAL_RETRY_AFTER_S : 0;
    atomic_store(&exchange->state, TIDE_EXCHANGE_REPLIED);
    tide_reply_finish(exchange, true);
    tide_reply_write(exchange, &text);
    linger(exchange);
    const struct connection *connection = exchange->peer;
    if (!text.failed) {
        (void)send(connection->watched.fd, text.data, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    tide_bytes_release(&text);
    return MHD_NO;
}

/* ---- the first call ---- */

/* The library's parser puts a NUL over each byte that ends a name, a value or a line, in place. So
 * right behind a value there are two of them (for CR and LF) and then the next name, unless the
 * line ended with a bare LF, the value held a NUL, or a line was folded or left out; and between a
 * name and its value there is nothing but white space, unless the name held a NUL. */
static bool is_in_place(struct tide_view name, struct tide_view value)
{
    const uintptr_t name_end = (uintptr_t)name.data + name.size;
    const uintptr_t value_start = (uintptr_t)value.data;
    if (value_start <= name_end || value_start - name_end > TIDE_GATE_HEADER_BYTES_MAX) {
        return false;
    }
    const size_t gap = value_start - name_end;
    for (size_t i = 1; i < gap; i++) {
        const char byte = name.data[name.size + i];
        if (byte != ' ' && byte != '\t') {
            return false;
        }
    }
    return value.data[value.size] == '\0' && value.data[value.size + 1] == '\0';
}

struct header_walk {
    struct tide_http_exchange *exchange;
    size_t capacity;
    const char *expected; /* where the next name must start */
    bool is_in_place;
};

static enum MHD_Result on_header(void *context,
                                 enum MHD_ValueKind kind,
                                 const char *name,
                                 size_t name_size,
                                 const char *value,
                                 size_t value_size)
{
    (void)kind;
    struct header_walk *walk = context;
    struct tide_gate_request *request = &walk->exchange->request;
    if (request->header_count == walk->capacity) {
        return MHD_NO; /* one more than the gate lets through is enough */
    }
    struct tide_gate_header *header = &walk->exchange->headers[request->header_count++];
    header->name = (struct tide_view){name, name_size};
    header->value = value == NULL ? (struct tide_view){0} : (struct tide_view){value, value_size};
    walk->is_in_place = walk->is_in_place && value != NULL && name == walk->expected &&
                        is_in_place(header->name, header->value);
    walk->expected = value == NULL ? NULL : value + value_size + 2;
    return MHD_YES;
}

/* false: the headers are not where an honest request has them. */
static bool collect_headers(struct tide_http_exchange *exchange, const char *version)
{
    const char *line_end = version + strlen(version);
    struct header_walk walk = {
        .exchange = exchange,
        .capacity = TIDE_GATE_HEADERS_MAX + 1,
        .expected = line_end + 2,
        .is_in_place = line_end[1] == '\0',
    };
    exchange->headers = TIDE_ARENA_ARRAY(&exchange->arena, struct tide_gate_header, walk.capacity);
    if (exchange->headers == NULL) {
        return false;
    }
    exchange->request.headers = exchange->headers;
    (void)MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, on_header, &walk);
    if (!exchange->server->can_check_layout || exchange->request.header_count == 0) {
        return true;
    }
    /* Behind the last line stands the empty one. */
    return walk.is_in_place && walk.expected[0] == '\0' && walk.expected[1] == '\0';
}

/* 0, or the status to refuse the request with, or 204 of OPTIONS. Route and facts are known
 * afterwards. */
static unsigned judge(struct tide_http_exchange *exchange, const char *version, const char **why)
{
    struct tide_http_server *server = exchange->server;
    const bool is_in_order = collect_headers(exchange, version);
    unsigned status = tide_gate_check(&exchange->request, &exchange->facts, why);
    if (status == 0 && !is_in_order) {
        *why = "a line ends without CR, is folded, has no name, or holds a NUL";
        status = 400;
    }
    if (status == 0) {
        status = tide_exchange_split_target(exchange, why);
    }
    if (status == 0) {
        status = tide_exchange_find_route(
            exchange, server->options.routes, server->options.route_count, why);
    }
    const struct tide_http_route *route = exchange->route;
    if (status == 0 && route->admit != NULL) {
        status = route->admit(route->context, exchange, why);
    }
    if (status == 0) {
        const struct tide_gate_body wanted = {
            route->body_bytes_max, route->content_types, route->takes_codings};
        status = tide_gate_check_body(&exchange->request, &exchange->facts, wanted, why);
        if (status == 415 && !tide_gate_coding_accepted(&exchange->facts, wanted)) {
            exchange->reply.accept_encoding =
                route->takes_codings ? TIDE_CODINGS_ACCEPTED : "identity";
        }
    }
    if (status == 0 && !tide_body_budget_fits(server->bodies, exchange->facts.length)) {
        *why = "too many bodies are under way";
        status = 503;
    }
    return status;
}

static enum MHD_Result first_call(struct tide_http_exchange *exchange,
                                  const char *method,
                                  const char *version)
{
    exchange->request.method = tide_view_of(method);
    exchange->request.version = tide_view_of(version);
    const char *why = "";
    const unsigned status = judge(exchange, version, &why);
    if (status != 0) {
        set_deadline(exchange, exchange->server->options.reply_deadline);
        return status == 204 ? tell_options(exchange) : refuse(exchange, status, why);
    }
    set_deadline(exchange, exchange->server->options.body_deadline);
    atomic_store(&exchange->state, TIDE_EXCHANGE_BODY);
    return MHD_YES;
}

/* ---- the body and the handler ---- */

static enum MHD_Result take_body(struct tide_http_exchange *exchange,
                                 const char *data,
                                 size_t *size)
{
    const struct tide_view piece = {data, *size};
    const char *why = "";
    *size = 0;
    const unsigned status = tide_body_take(
        exchange->server->bodies, &exchange->body, piece, exchange->route->body_bytes_max, &why);
    return status == 0 ? MHD_YES : refuse_in_body(exchange, status, why);
}

/* false: the problem is the reply. All of the body was read, so the connection can go on. */
static bool inflate_body(struct tide_http_exchange *exchange)
{
    const char *why = "";
    if (exchange->facts.coding == TIDE_CODING_IDENTITY) {
        return true;
    }
    const unsigned status = tide_body_inflate(exchange->server->bodies,
                                              &exchange->body,
                                              exchange->facts.coding,
                                              exchange->route->body_bytes_max,
                                              &why);
    if (status != 0) {
        tide_reply_set_problem(exchange, status, why);
        exchange->reply.retry_after_s = status == 503 ? REFUSAL_RETRY_AFTER_S : 0;
        atomic_store(&exchange->state, TIDE_EXCHANGE_REPLIED);
    }
    return status == 0;
}

/* false: the problem is the reply. */
static bool keeps_contract(struct tide_http_exchange *exchange)
{
    const struct tide_http_contract *contract = exchange->route->contract;
    char why[DETAIL_BYTES_MAX];
    if (contract == NULL || tide_http_contract_check(contract, exchange, why, sizeof(why))) {
        return true;
    }
    tide_reply_set_problem(exchange, 400, why);
    atomic_store(&exchange->state, TIDE_EXCHANGE_REPLIED);
    return false;
}

static enum MHD_Result handle(struct tide_http_exchange *exchange)
{
    struct tide_http_server *server = exchange->server;
    set_deadline(exchange, server->options.reply_deadline);
    if (!keeps_contract(exchange) || !inflate_body(exchange)) {
        return queue_reply(exchange);
    }
    (void)atomic_fetch_add(&server->kept_count, 1);
    atomic_store(&exchange->state, TIDE_EXCHANGE_HANDLED);
    exchange->route->handle(exchange->route->context, exchange);
    if (atomic_load(&exchange->state) == TIDE_EXCHANGE_REPLIED) {
        return queue_reply(exchange);
    }
    MHD_suspend_connection(exchange->connection);
    int expected = TIDE_EXCHANGE_HANDLED;
    if (!atomic_compare_exchange_strong(&exchange->state, &expected, TIDE_EXCHANGE_PARKED)) {
        tide_assert(expected == TIDE_EXCHANGE_REPLIED);
        MHD_resume_connection(exchange->connection);
    }
    return MHD_YES;
}

static enum MHD_Result on_access(void *context,
                                 struct MHD_Connection *mhd,
                                 const char *target,
                                 const char *method,
                                 const char *version,
                                 const char *data,
                                 size_t *data_size,
                                 void **request_context)
{
    (void)target; /* on_target has it as received */
    struct tide_http_exchange *exchange = *request_context;
    if (exchange == NULL) {
        return MHD_NO; /* no memory when it began */
    }
    tide_assert(exchange->server == context && exchange->connection == mhd);
    switch ((enum tide_exchange_state)atomic_load(&exchange->state)) {
    case TIDE_EXCHANGE_HEADERS:
        return first_call(exchange, method, version);
    case TIDE_EXCHANGE_BODY:
        return *data_size > 0 ? take_body(exchange, data, data_size) : handle(exchange);
    case TIDE_EXCHANGE_REPLIED:
        return queue_reply(exchange);
    case TIDE_EXCHANGE_HANDLED:
    case TIDE_EXCHANGE_PARKED:
        break;
    }
    tide_assert(false); /* a suspended connection is left alone */
    return MHD_NO;
}

static void *on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct tide_http_server *server = context;
    struct connection *connection = connection_of(mhd);
    struct tide_http_exchange *exchange = tide_exchange_create(server, tide_view_of(target));
    if (exchange == NULL || connection == NULL) {
        tide_exchange_destroy(exchange);
        return NULL;
    }
    exchange->connection = mhd;
    exchange->peer = connection;
    exchange->start = tide_clock_monotonic(server->clock);
    (void)atomic_fetch_add(&server->exchange_count, 1);
    if (connection->had_request) { /* else the deadline counts from the connection's start */
        set_deadline(exchange, server->options.header_deadline);
    }
    connection->had_request = true;
    return exchange;
}

static void on_completed(void *context,
                         struct MHD_Connection *mhd,
                         void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)mhd;
    (void)code;
    struct tide_http_server *server = context;
    struct tide_http_exchange *exchange = *request_context;
    *request_context = NULL;
    if (exchange == NULL) {
        return;
    }
    set_deadline(exchange, (struct tide_duration){KEEP_ALIVE_US});
    if (exchange->reply.stream != NULL) {
        tide_stream_leave(exchange->reply.stream);
        exchange->reply.stream = NULL;
    } else if (exchange->reply.status != 0) {
        tell_observer(exchange);
    }
    tide_body_release(server->bodies, &exchange->body);
    tide_exchange_destroy(exchange);
    (void)atomic_fetch_sub(&server->exchange_count, 1);
}

/* The library would decode in place; the exchange does it, strictly. */
static size_t leave_escapes(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

/* ---- life of the server ---- */

struct tide_http_server_options tide_http_server_options_default(void)
{
    return (struct tide_http_server_options){
        .address = "127.0.0.1",
        .port = 8080,
        .thread_count = 4,
        .connections_max = 1024,
        .connections_per_address_max = 512,
        .body_bytes_held_max = 256 << 20,
        .header_deadline = {5 * INT64_C(1000000)},
        .body_deadline = {30 * INT64_C(1000000)},
        .reply_deadline = {30 * INT64_C(1000000)},
    };
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A tenth of the shortest deadline, within 2 to 200 ms. */
static struct tide_duration tick_of(const struct tide_http_server_options *options)
{
    const int64_t shortest =
        smaller(options->header_deadline.us,
                smaller(options->body_deadline.us, options->reply_deadline.us));
    const int64_t tenth = smaller(shortest / 10, 200000);
    return (struct tide_duration){tenth < 2000 ? 2000 : tenth};
}

static enum tide_status start_daemon(struct tide_http_server *server, struct tide_error *error)
{
    const struct tide_http_server_options *options = &server->options;
    /* One thread is not a pool; the option ends the list then. */
    const struct MHD_OptionItem pool[] = {
        {options->thread_count > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         options->thread_count,
         NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC,
                         0,
                         NULL,
                         NULL,
                         on_access,
                         server,
                         MHD_OPTION_LISTEN_SOCKET,
                         server->listen_fd,
                         MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)options->connections_max,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                         (unsigned)options->connections_per_address_max,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_MEMORY_BYTES,
                         MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
                         (size_t)CONNECTION_GROWTH_BYTES,
                         MHD_OPTION_STRICT_FOR_CLIENT,
                         1,
                         MHD_OPTION_NOTIFY_CONNECTION,
                         on_connection,
                         server,
                         MHD_OPTION_NOTIFY_COMPLETED,
                         on_completed,
                         server,
                         MHD_OPTION_URI_LOG_CALLBACK,
                         on_target,
                         server,
                         MHD_OPTION_UNESCAPE_CALLBACK,
                         leave_escapes,
                         server,
                         MHD_OPTION_ARRAY,
                         pool,
                         MHD_OPTION_END);
    if (server->daemon == NULL) {
        return tide_error_set(error, TIDE_RETRY, "the http server's threads cannot start");
    }
    server->listen_fd = -1; /* moved */
    return TIDE_OK;
}

enum tide_status tide_http_server_start(const struct tide_http_server_options *options,
                                        struct tide_http_server **server,
                                        struct tide_error *error)
{
    tide_assert(options->thread_count > 0 && options->connections_max >= options->thread_count);
    tide_assert(options->connections_per_address_max > 0);
    struct tide_http_server *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the http server");
    }
    made->options = *options;
    made->clock = tide_clock_os();
    made->listen_fd = -1;
    tide_streams_init(&made->streams);
    made->can_check_layout = strcmp(MHD_get_version(), LIBRARY_VERSION_KNOWN) == 0;
    enum tide_status status =
        tide_listen(options->address, options->port, &made->listen_fd, &made->port, error);
    if (status == TIDE_OK) {
        status = tide_body_budget_create(
            options->body_bytes_held_max, options->thread_count, &made->bodies, error);
    }
    if (status == TIDE_OK) {
        status = tide_watch_start(tick_of(options), &made->watch, error);
    }
    if (status == TIDE_OK) {
        status = start_daemon(made, error);
    }
    if (status != TIDE_OK) {
        tide_watch_stop(made->watch);
        tide_body_budget_destroy(made->bodies);
        if (made->listen_fd >= 0) {
            (void)close(made->listen_fd);
        }
        tide_streams_release(&made->streams);
        free(made);
        return status;
    }
    *server = made;
    return TIDE_OK;
}

uint16_t tide_http_server_port(const struct tide_http_server *server)
{
    return server->port;
}

void tide_http_server_drain(struct tide_http_server *server)
{
    if (atomic_exchange(&server->is_draining, true)) {
        return;
    }
    server->listen_fd = MHD_quiesce_daemon(server->daemon);
    if (server->listen_fd >= 0) {
        /* Its threads may be about to take it out of their epoll sets: were it closed here, its
         * number could be another file's by then. */
        (void)shutdown(server->listen_fd, SHUT_RDWR);
    }
    tide_streams_drain(&server->streams);
}

void tide_http_server_stop(struct tide_http_server *server)
{
    if (server == NULL) {
        return;
    }
    tide_http_server_drain(server);
    /* A request that is still being read is cut off by the stop, as are replies that nobody reads.
     * */
    const struct tide_monotonic start = tide_clock_monotonic(server->clock);
    while (atomic_load(&server->exchange_count) > 0 &&
           tide_monotonic_since(tide_clock_monotonic(server->clock), start).us <
               server->options.reply_deadline.us) {
        tide_clock_sleep(server->clock, (struct tide_duration){2000});
    }
    tide_assert(atomic_load(&server->kept_count) == 0);
    MHD_stop_daemon(server->daemon);
    if (server->listen_fd >= 0) {
        (void)close(server->listen_fd);
    }
    tide_assert(atomic_load(&server->exchange_count) == 0);
    tide_watch_stop(server->watch);
    tide_streams_release(&server->streams);
    tide_body_budget_destroy(server->bodies);
    free(server);
}

struct tide_http_address tide_http_client_address(const struct tide_http_exchange *exchange)
{
    struct tide_http_address address = {0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL) {
        return address;
    }
    if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 from;
        memcpy(&from, info->client_addr, sizeof(from));
        memcpy(address.bytes, &from.sin6_addr, sizeof(address.bytes));
    } else if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in from;
        memcpy(&from, info->client_addr, sizeof(from));
        address.bytes[10] = 0xff;
        address.bytes[11] = 0xff;
        memcpy(&address.bytes[12], &from.sin_addr, 4);
    }
    return address;
}

/* ---- replying ---- */

void tide_http_add_header(struct tide_http_exchange *exchange, const char *name, const char *value)
{
    tide_reply_add(exchange, name, tide_arena_copy(&exchange->arena, tide_view_of(value)).data);
}

static void finish(struct tide_http_exchange *exchange)
{
    (void)atomic_fetch_sub(&exchange->server->kept_count, 1);
    /* Once the state is REPLIED, the exchange is the other thread's, unless it is parked. */
    struct MHD_Connection *mhd = exchange->connection;
    const int before = atomic_exchange(&exchange->state, TIDE_EXCHANGE_REPLIED);
    tide_assert(before == TIDE_EXCHANGE_HANDLED || before == TIDE_EXCHANGE_PARKED);
    if (before == TIDE_EXCHANGE_PARKED) {
        MHD_resume_connection(mhd);
    }
}

void tide_http_reply(struct tide_http_exchange *exchange,
                     unsigned status,
                     const char *content_type,
                     struct tide_bytes *body,
                     uint32_t retry_after_s)
{
    tide_assert(status >= 200 && status <= 599);
    if (body->failed) {
        tide_bytes_release(body);
        tide_reply_set_problem(exchange, 500, "no memory for the reply");
    } else {
        tide_assert(exchange->reply.status == 0);
        exchange->reply.status = status;
        exchange->reply.content_type = content_type;
        exchange->reply.body = *body;
        exchange->reply.retry_after_s = retry_after_s;
        *body = (struct tide_bytes){0};
    }
    finish(exchange);
}

enum tide_status tide_http_reply_stream(struct tide_http_exchange *exchange,
                                        const struct tide_http_stream_options *options,
                                        struct tide_http_stream **stream,
                                        struct tide_error *error)
{
    struct tide_http_stream *made = tide_stream_create(options);
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a stream");
    }
    tide_assert(exchange->reply.status == 0);
    exchange->reply.status = 200;
    exchange->reply.content_type = options->content_type;
    exchange->reply.stream = made;
    *stream = made;
    finish(exchange);
    return TIDE_OK;
}

void tide_http_reply_problem(struct tide_http_exchange *exchange,
                             unsigned status,
                             uint32_t retry_after_s,
                             const char *format,
                             ...)
{
    char detail[DETAIL_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct tide_bytes body = {0};
    tide_http_problem_write(status, tide_view_of(detail), &body);
    tide_http_reply(exchange, status, "application/problem+json", &body, retry_after_s);
}
