/* The NameNode's side: who is asked, for how long, what an answer means, whom a redirect may name.
 *
 * Every question may be asked twice: what is not idempotent by itself (RENAME, DELETE) is made so
 * by its asker, who is told that it was repeated. */
#include "lake/webhdfs.h"

#include "base/assert.h"
#include "base/json.h"
#include "lake/webhdfs_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_BYTES_MAX = 32 << 20, /* a page of a listing, the list of DataNodes */
    ARENA_BYTES_MAX = 1 << 20,
    LINE_BYTES_MAX = 256,
    QUESTION_S = 30, /* of a NameNode under load */
    PAUSE_FIRST_MS = 50,
    PAUSE_DOUBLINGS = 5 /* 1.6 s */
};

struct tide_webhdfs_options tide_webhdfs_options_default(void)
{
    return (struct tide_webhdfs_options){.io = tide_io_os(),
                                         .clock = tide_clock_os(),
                                         .patience = {10 * 1000000},
                                         .connect_timeout = {5 * 1000000},
                                         .stall_timeout = {60 * 1000000}};
}

void tide_webhdfs_answer_release(struct tide_webhdfs_answer *answer)
{
    tide_bytes_release(&answer->body);
    tide_bytes_release(&answer->location);
}

/* ---- life */

static struct tide_view keep_text(struct tide_bytes *texts, struct tide_view text)
{
    const size_t start = texts->size; /* its capacity was reserved: nothing moves */
    tide_bytes_append_view(texts, text);
    return (struct tide_view){texts->data + start, text.size};
}

static enum tide_status split_namenodes(struct tide_webhdfs *w, struct tide_error *error)
{
    const struct tide_view list = w->options.namenodes;
    size_t start = 0;
    for (size_t i = 0; i <= list.size; i++) {
        if (i < list.size && list.data[i] != ',') {
            continue;
        }
        const struct tide_view one = tide_view_slice(list, start, i - start);
        struct tide_webhdfs_url url;
        if (w->namenode_count == WEBHDFS_NAMENODES_MAX || !tide_webhdfs_address_parse(one, &url)) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "'%.*s' does not name 1 to %d NameNodes as host:port",
                                  TIDE_VIEW_ARGUMENTS(list),
                                  WEBHDFS_NAMENODES_MAX);
        }
        w->namenodes[w->namenode_count++] = one;
        start = i + 1;
    }
    return TIDE_OK;
}

enum tide_status tide_webhdfs_open(const struct tide_webhdfs_options *options,
                                   struct tide_webhdfs **webhdfs,
                                   struct tide_error *error)
{
    struct tide_webhdfs *w = calloc(1, sizeof(*w));
    const size_t size = options->namenodes.size + options->user.size + options->hosts.size;
    if (w == NULL || !tide_bytes_reserve(&w->texts, size + 1) ||
        pthread_mutex_init(&w->mutex, NULL) != 0) {
        if (w != NULL) {
            tide_bytes_release(&w->texts);
        }
        free(w);
        return tide_error_set(error, TIDE_RETRY, "no memory for a WebHDFS client");
    }
    w->options = *options;
    w->options.namenodes = keep_text(&w->texts, options->namenodes);
    w->options.user = keep_text(&w->texts, options->user);
    w->options.hosts = keep_text(&w->texts, options->hosts);
    const enum tide_status status = split_namenodes(w, error);
    if (status != TIDE_OK) {
        tide_webhdfs_close(w);
        return status;
    }
    *webhdfs = w;
    return TIDE_OK;
}

void tide_webhdfs_close(struct tide_webhdfs *w)
{
    if (w == NULL) {
        return;
    }
    for (uint32_t i = 0; i < w->idle_count; i++) {
        tide_http_client_destroy(w->idle[i]);
    }
    tide_webhdfs_nodes_release(&w->nodes);
    (void)pthread_mutex_destroy(&w->mutex);
    tide_bytes_release(&w->texts);
    free(w);
}

/* ---- patience */

struct webhdfs_patience webhdfs_patience_start(const struct tide_webhdfs *w)
{
    return (struct webhdfs_patience){.start = tide_clock_monotonic(w->options.clock)};
}

bool webhdfs_pause(const struct tide_webhdfs *w, struct webhdfs_patience *patience)
{
    const struct tide_io io = w->options.io;
    const struct tide_clock clock = w->options.clock;
    const int64_t spent = tide_monotonic_since(tide_clock_monotonic(clock), patience->start).us;
    const int64_t left = w->options.patience.us - spent;
    if (patience->is_short || left <= 0) {
        return false;
    }
    const uint32_t doublings =
        patience->pause_count < PAUSE_DOUBLINGS ? patience->pause_count : PAUSE_DOUBLINGS;
    const int64_t most = INT64_C(1000) * PAUSE_FIRST_MS << doublings;
    uint32_t random = 0;
    io.operations->random(io.self, &random, sizeof(random));
    const int64_t pause = most / 2 + (int64_t)(random % (uint64_t)(most / 2));
    tide_clock_sleep(clock, (struct tide_duration){pause < left ? pause : left});
    patience->pause_count++;
    return true;
}

/* ---- one exchange */

static struct tide_http_client *take_idle(struct tide_webhdfs *w)
{
    struct tide_http_client *client = NULL;
    (void)pthread_mutex_lock(&w->mutex);
    if (w->idle_count > 0) {
        client = w->idle[--w->idle_count];
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return client;
}

static void give_idle(struct tide_webhdfs *w, struct tide_http_client *client)
{
    (void)pthread_mutex_lock(&w->mutex);
    if (w->idle_count < WEBHDFS_IDLE_CLIENTS_MAX) {
        w->idle[w->idle_count++] = client;
        client = NULL;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    tide_http_client_destroy(client);
}

enum tide_status webhdfs_send(struct tide_webhdfs *w,
                              struct tide_http_request *request,
                              struct tide_http_response *response,
                              struct tide_error *error)
{
    struct tide_http_client *client = take_idle(w);
    request->connect_timeout = w->options.connect_timeout;
    if (client == NULL) {
        const enum tide_status status = tide_http_client_create(&client, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    const enum tide_status status = tide_http_client_send(client, request, response, error);
    give_idle(w, client);
    return status;
}

/* ---- what an answer means */

static const struct {
    struct tide_view exception;
    enum webhdfs_fault fault;
} faults[] = {
    {{"FileNotFoundException", 21}, WEBHDFS_MISSING},
    {{"StandbyException", 16}, WEBHDFS_PASSING},
    {{"SafeModeException", 17}, WEBHDFS_PASSING},
    {{"RetriableException", 18}, WEBHDFS_PASSING},
    {{"ObserverRetryOnActiveException", 30}, WEBHDFS_PASSING},
    {{"AccessControlException", 22}, WEBHDFS_REFUSED},
    {{"SecurityException", 17}, WEBHDFS_REFUSED},
    {{"InvalidToken", 12}, WEBHDFS_REFUSED},
    {{"NSQuotaExceededException", 24}, WEBHDFS_REFUSED},
    {{"DSQuotaExceededException", 24}, WEBHDFS_REFUSED},
    {{"QuotaByStorageTypeExceededException", 35}, WEBHDFS_REFUSED},
};

/* Java puts a whole stack into a message. */
static struct tide_view first_line(struct tide_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (i == LINE_BYTES_MAX || (unsigned char)text.data[i] < 0x20) {
            return tide_view_slice(text, 0, i);
        }
    }
    return text;
}

static enum webhdfs_fault explain_exception(const struct tide_json *exception,
                                            const char *where,
                                            struct tide_error *error)
{
    struct tide_view name = {0};
    struct tide_view message = {0};
    (void)tide_json_get_text(exception, "exception", &name);
    (void)tide_json_get_text(exception, "message", &message);
    name = first_line(name);
    message = first_line(message);
    (void)tide_error_set(error,
                         TIDE_RETRY,
                         "%s: %.*s: %.*s",
                         where,
                         TIDE_VIEW_ARGUMENTS(name),
                         TIDE_VIEW_ARGUMENTS(message));
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (tide_view_equal(name, faults[i].exception)) {
            return faults[i].fault;
        }
    }
    return WEBHDFS_OTHER;
}

enum webhdfs_fault webhdfs_explain(const struct tide_http_response *response,
                                   const char *where,
                                   struct tide_error *error)
{
    struct tide_json *json = NULL;
    struct tide_arena arena;
    enum webhdfs_fault fault = WEBHDFS_PASSING;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    const bool is_json =
        tide_json_parse(&arena, tide_bytes_view(&response->body), &json, NULL) == TIDE_OK;
    const struct tide_json *exception = is_json ? tide_json_get(json, "RemoteException") : NULL;
    if (exception != NULL) {
        fault = explain_exception(exception, where, error);
    } else {
        /* Not WebHDFS's own words: something before it, or it is only starting. */
        (void)tide_error_set(error, TIDE_RETRY, "%s: HTTP status %u", where, response->status);
    }
    if (response->status == 401) {
        fault = WEBHDFS_REFUSED;
    } else if (response->status == 429 || response->status >= 500) {
        fault = fault == WEBHDFS_OTHER ? WEBHDFS_PASSING : fault;
    }
    tide_arena_release(&arena);
    return fault;
}

/* ---- questions */

static void write_url(const struct tide_webhdfs *w,
                      struct tide_view namenode,
                      const struct tide_webhdfs_question *question,
                      struct tide_bytes *url)
{
    const struct tide_view path = question->path;
    tide_assert(path.size > 0 && path.data[0] == '/');
    tide_bytes_append_format(url,
                             "%s://%.*s/webhdfs/v1",
                             w->options.is_secure ? "https" : "http",
                             TIDE_VIEW_ARGUMENTS(namenode));
    size_t start = 0;
    for (size_t i = 0; i <= path.size; i++) {
        if (i == path.size || path.data[i] == '/') {
            tide_http_encode(tide_view_slice(path, start, i - start), url);
            tide_bytes_append_text(url, i == path.size ? "" : "/");
            start = i + 1;
        }
    }
    tide_bytes_append_format(url, "?op=%s", question->operation);
    if (w->options.user.size > 0) {
        tide_bytes_append_text(url, "&user.name=");
        tide_http_encode(w->options.user, url);
    }
    tide_bytes_append_view(url, question->parameters);
}

static void forgive_all(struct tide_webhdfs *w)
{
    (void)pthread_mutex_lock(&w->mutex);
    tide_webhdfs_nodes_forgive(&w->nodes);
    (void)pthread_mutex_unlock(&w->mutex);
}

/* Where the NameNode finds no DataNode, none is left alone any more: then there may be one. */
static enum webhdfs_fault judge(struct tide_webhdfs *w,
                                const struct tide_webhdfs_question *question,
                                struct tide_view namenode,
                                const struct tide_http_response *response,
                                struct tide_error *error)
{
    char where[TIDE_ERROR_TEXT_MAX / 2];
    if ((response->status >= 200 && response->status < 300) || response->status == 307) {
        return WEBHDFS_FINE;
    }
    (void)snprintf(where,
                   sizeof(where),
                   "%s %.*s at %.*s",
                   question->operation,
                   TIDE_VIEW_ARGUMENTS(first_line(question->path)),
                   TIDE_VIEW_ARGUMENTS(namenode));
    const enum webhdfs_fault fault = webhdfs_explain(response, where, error);
    const bool wants_node =
        strcmp(question->operation, "CREATE") == 0 || strcmp(question->operation, "OPEN") == 0;
    if (fault == WEBHDFS_OTHER && wants_node) {
        forgive_all(w);
        return WEBHDFS_NO_NODE;
    }
    return fault;
}

static enum webhdfs_fault ask_one(struct tide_webhdfs *w,
                                  struct tide_view namenode,
                                  const struct tide_webhdfs_question *question,
                                  struct tide_webhdfs_answer *answer,
                                  struct tide_error *error)
{
    struct tide_bytes url = {0};
    struct tide_http_response response = {0};
    write_url(w, namenode, question, &url);
    struct tide_http_request request = {
        .method = question->method,
        .url = tide_bytes_terminated(&url),
        .content_type = strcmp(question->method, "PUT") == 0 ? "application/octet-stream" : NULL,
        .reply_bytes_max = ANSWER_BYTES_MAX,
        .timeout = {QUESTION_S * INT64_C(1000000)}};
    const enum tide_status status = url.failed
                                        ? tide_error_set(error, TIDE_RETRY, "no memory for a URL")
                                        : webhdfs_send(w, &request, &response, error);
    enum webhdfs_fault fault = WEBHDFS_PASSING;
    if (status == TIDE_OK) {
        fault = judge(w, question, namenode, &response, error);
    } else if (status == TIDE_REJECT) { /* more than any answer may have */
        fault = WEBHDFS_REFUSED;
    }
    if (fault == WEBHDFS_FINE) {
        tide_webhdfs_answer_release(answer);
        answer->body = response.body;
        answer->location = response.location;
        response = (struct tide_http_response){0};
    }
    tide_http_response_release(&response);
    tide_bytes_release(&url);
    return fault;
}

/* Each NameNode once, the one that answered last first. */
static enum webhdfs_fault ask_each(struct tide_webhdfs *w,
                                   const struct tide_webhdfs_question *question,
                                   struct tide_webhdfs_answer *answer,
                                   struct tide_error *error)
{
    enum webhdfs_fault fault = WEBHDFS_PASSING;
    (void)pthread_mutex_lock(&w->mutex);
    const uint32_t first = w->active;
    (void)pthread_mutex_unlock(&w->mutex);
    for (uint32_t i = 0; i < w->namenode_count; i++) {
        const uint32_t index = (first + i) % w->namenode_count;
        fault = ask_one(w, w->namenodes[index], question, answer, error);
        if (fault != WEBHDFS_PASSING) {
            (void)pthread_mutex_lock(&w->mutex);
            w->active = index;
            (void)pthread_mutex_unlock(&w->mutex);
            return fault;
        }
        answer->is_repeated = true; /* if it is asked again */
    }
    return fault;
}

enum tide_status webhdfs_ask(struct tide_webhdfs *w,
                             struct webhdfs_patience *patience,
                             const struct tide_webhdfs_question *question,
                             struct tide_webhdfs_answer *answer,
                             struct tide_error *error)
{
    struct tide_error why = {0};
    enum webhdfs_fault fault = WEBHDFS_PASSING;
    answer->is_repeated = false;
    answer->has_no_node = false;
    do {
        fault = ask_each(w, question, answer, &why);
    } while (fault == WEBHDFS_PASSING && !question->is_impatient && webhdfs_pause(w, patience));
    switch (fault) {
    case WEBHDFS_FINE:
        return TIDE_OK;
    case WEBHDFS_MISSING:
        return tide_error_set(error, TIDE_REJECT, "%s", why.text);
    case WEBHDFS_PASSING:
    case WEBHDFS_REFUSED:
    case WEBHDFS_NO_NODE:
    case WEBHDFS_OTHER:
        break;
    }
    answer->has_no_node = fault == WEBHDFS_NO_NODE;
    return tide_error_set(error, TIDE_RETRY, "%s", why.text);
}

enum tide_status tide_webhdfs_ask(struct tide_webhdfs *w,
                                  const struct tide_webhdfs_question *question,
                                  struct tide_webhdfs_answer *answer,
                                  struct tide_error *error)
{
    struct webhdfs_patience patience = webhdfs_patience_start(w);
    return webhdfs_ask(w, &patience, question, answer, error);
}

/* ---- DataNodes */

/* Asks the NameNode that answered last for its DataNodes; what fails is told by what it lacks. */
static void learn_nodes(struct tide_webhdfs *w)
{
    struct tide_bytes url = {0};
    struct tide_http_response response = {0};
    struct tide_error ignored = {0};
    (void)pthread_mutex_lock(&w->mutex);
    const struct tide_view namenode = w->namenodes[w->active];
    (void)pthread_mutex_unlock(&w->mutex);
    tide_bytes_append_format(
        &url,
        "%s://%.*s/jmx?get=Hadoop:service=NameNode,name=NameNodeInfo::LiveNodes",
        w->options.is_secure ? "https" : "http",
        TIDE_VIEW_ARGUMENTS(namenode));
    struct tide_http_request request = {.method = "GET",
                                        .url = tide_bytes_terminated(&url),
                                        .reply_bytes_max = ANSWER_BYTES_MAX,
                                        .timeout = {QUESTION_S * INT64_C(1000000)}};
    if (!url.failed && webhdfs_send(w, &request, &response, &ignored) == TIDE_OK &&
        response.status == 200) {
        (void)pthread_mutex_lock(&w->mutex);
        (void)tide_webhdfs_nodes_learn(&w->nodes, tide_bytes_view(&response.body), &ignored);
        (void)pthread_mutex_unlock(&w->mutex);
    }
    tide_http_response_release(&response);
    tide_bytes_release(&url);
}

static bool knows_node(struct tide_webhdfs *w, const struct tide_webhdfs_url *url)
{
    (void)pthread_mutex_lock(&w->mutex);
    const bool is_known = tide_webhdfs_nodes_know(&w->nodes, url);
    (void)pthread_mutex_unlock(&w->mutex);
    return is_known;
}

enum tide_status webhdfs_check_redirect(struct tide_webhdfs *w,
                                        struct tide_view location,
                                        struct tide_webhdfs_url *url,
                                        struct tide_error *error)
{
    const struct tide_view shown = first_line(location);
    if (!tide_webhdfs_url_parse(location, url) ||
        !tide_view_starts_with(url->rest, TIDE_VIEW("/webhdfs/v1/"))) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "the NameNode redirects to '%.*s', which is no DataNode's URL",
                              TIDE_VIEW_ARGUMENTS(shown));
    }
    if (w->options.is_secure && !url->is_secure) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "the NameNode redirects from https to http: %.*s",
                              TIDE_VIEW_ARGUMENTS(url->address));
    }
    const struct tide_view hosts = w->options.hosts;
    if (hosts.size > 0 && !tide_webhdfs_list_allows(hosts, url)) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "the NameNode redirects to %.*s, which lake.hdfs.hosts does not name",
                              TIDE_VIEW_ARGUMENTS(url->address));
    }
    if (hosts.size == 0 && !knows_node(w, url)) {
        learn_nodes(w);
        if (!knows_node(w, url)) {
            return tide_error_set(error,
                                  TIDE_RETRY,
                                  "the NameNode redirects to %.*s, which is none of its DataNodes; "
                                  "lake.hdfs.hosts can allow it",
                                  TIDE_VIEW_ARGUMENTS(url->address));
        }
    }
    return TIDE_OK;
}

void webhdfs_exclude(struct tide_webhdfs *w, const struct tide_webhdfs_url *url)
{
    if (!knows_node(w, url)) {
        learn_nodes(w);
    }
    (void)pthread_mutex_lock(&w->mutex);
    tide_webhdfs_nodes_exclude(&w->nodes, url, tide_clock_monotonic(w->options.clock));
    (void)pthread_mutex_unlock(&w->mutex);
}
