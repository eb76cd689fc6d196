/* The mutex guards who joins and the end; listeners that have joined are the thread's alone. */
#include "serve/live.h"

#include "base/assert.h"
#include "base/json.h"
#include "base/logline.h"
#include "base/thread.h"
#include "http/stream.h"
#include "serve/alerts.h"
#include "serve/api_status.h"
#include "serve/live_message.h"
#include "serve/live_query.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum {
    QUEUE_BYTES = 256 << 10, /* of a listener; one larger message goes into an empty queue */
    ROOM_BYTES = 64 << 10,   /* with more waiting a listener is told nothing new */
    CELLS_REMEMBERED = 1 << 20,
    ALERT_INSTANCES_MAX = 100, /* that a message shows */
    RETRY_MS = 1000,
    FULL_RETRY_AFTER_S = 5,
};

struct listener {
    struct tide_http_stream *stream;
    struct live_query query;
    uint64_t *told;  /* by metric: up to this look */
    uint64_t alerts; /* what to ask tide_alerts_changed with */
    bool is_greeted;
    bool is_full;  /* the last message did not go in: until its queue is empty */
    bool is_ready; /* may be told of this look */
    bool is_gone;
    struct listener *next; /* while joining */
};

struct tide_live {
    const struct tide_api *api;
    struct live_cells *cells;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct listener *joining; /* under mutex, as the next */
    bool is_stopping;
    _Atomic uint32_t count;      /* joining ones too */
    struct listener **listeners; /* the thread's, as what follows; listeners_max */
    uint32_t listener_count;
    struct live_want *wants; /* by metric */
    uint32_t *groups;        /* what listeners want, each once */
    uint32_t groups_count;
    size_t waiting; /* bytes of all, about */
    struct tide_monotonic beaten;
    bool has_failed; /* told once */
    struct tide_bytes message;
    struct tide_bytes document;
    struct tide_bytes id;
};

/* ---- a listener */

static void destroy_listener(struct tide_live *live, struct listener *listener)
{
    tide_http_stream_close(listener->stream);
    live_query_release(&listener->query);
    free(listener->told);
    free(listener);
    (void)atomic_fetch_sub(&live->count, 1);
}

static uint32_t metric_count_of(const struct tide_live *live)
{
    return live->api->options.definitions->metric_count;
}

/* It has been told everything up to this look. */
static uint64_t position_of(const struct tide_live *live, const struct listener *listener)
{
    uint64_t position = UINT64_MAX;
    for (uint32_t i = 0; i < metric_count_of(live); i++) {
        if (listener->query.follows[i] && listener->told[i] < position) {
            position = listener->told[i];
        }
    }
    return position == UINT64_MAX ? 0 : position;
}

static struct tide_view id_of(struct tide_live *live, const struct listener *listener)
{
    tide_bytes_reset(&live->id);
    live_query_write_id(
        live->api->options.instance, &listener->query, position_of(live, listener), &live->id);
    return tide_bytes_view(&live->id);
}

/* What is in message. false: it did not go in. */
static bool send(struct tide_live *live, struct listener *listener)
{
    if (live->message.failed || listener->is_gone) {
        return false;
    }
    switch (tide_http_stream_write(listener->stream, tide_bytes_view(&live->message))) {
    case TIDE_OK:
        live->waiting += live->message.size;
        return true;
    case TIDE_AGAIN:
    case TIDE_RETRY:
        listener->is_full = true;
        break;
    case TIDE_REJECT:
    case TIDE_FATAL:
        listener->is_gone = true;
        break;
    }
    return false;
}

static bool tell(struct tide_live *live,
                 struct listener *listener,
                 const char *event,
                 struct tide_view json)
{
    tide_bytes_reset(&live->message);
    live_message_write(event, id_of(live, listener), json, &live->message);
    return send(live, listener);
}

/* ---- joining, on a server's thread */

/* false: they are too many. */
static bool reserve_place(struct tide_live *live)
{
    uint32_t count = atomic_load(&live->count);
    while (count < live->api->options.listeners_max) {
        if (atomic_compare_exchange_weak(&live->count, &count, count + 1)) {
            return true;
        }
    }
    return false;
}

/* NULL after a problem was replied. */
static struct listener *create_listener(struct tide_live *live, struct tide_http_exchange *exchange)
{
    static const struct tide_http_stream_options options = {
        "text/event-stream", QUEUE_BYTES, {TIDE_LIVE_STALL_MS * 1000}};
    struct listener *listener = calloc(1, sizeof(*listener));
    uint64_t *told = calloc((size_t)metric_count_of(live) + 1, sizeof(*told));
    if (listener == NULL || told == NULL) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for a listener");
        free(listener);
        free(told);
        (void)atomic_fetch_sub(&live->count, 1);
        return NULL;
    }
    listener->told = told;
    bool is_replied = !live_query_read(
        live->api->options.definitions, live->api->options.instance, exchange, &listener->query);
    for (uint32_t i = 0; !is_replied && i < metric_count_of(live); i++) {
        told[i] = listener->query.position;
    }
    struct tide_error error = {0};
    if (!is_replied &&
        tide_http_reply_stream(exchange, &options, &listener->stream, &error) == TIDE_OK) {
        return listener;
    }
    if (!is_replied) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    destroy_listener(live, listener);
    return NULL;
}

void tide_live_join(struct tide_live *live, struct tide_http_exchange *exchange)
{
    pthread_mutex_lock(&live->mutex);
    const bool is_stopping = live->is_stopping;
    pthread_mutex_unlock(&live->mutex);
    if (is_stopping) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "the service is stopping");
        return;
    }
    if (!reserve_place(live)) {
        tide_http_reply_problem(
            exchange, 503, FULL_RETRY_AFTER_S, "too many listen to the live feed");
        return;
    }
    struct listener *listener = create_listener(live, exchange);
    if (listener == NULL) {
        return;
    }
    pthread_mutex_lock(&live->mutex);
    const bool is_late = live->is_stopping; /* the thread may have ended by now */
    if (!is_late) {
        listener->next = live->joining;
        live->joining = listener;
        pthread_cond_signal(&live->wake);
    }
    pthread_mutex_unlock(&live->mutex);
    if (is_late) {
        destroy_listener(live, listener);
    }
}

void api_reply_live(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    tide_live_join(api->live, exchange);
}

/* ---- what all are told */

static void fail_softly(struct tide_live *live, const struct tide_error *error)
{
    if (!live->has_failed) {
        tide_logline(TIDE_LOGLINE_WARNING, "live", "nothing is told for now: %s", error->text);
    }
    live->has_failed = true;
}

/* Into document. */
static bool write_status(struct tide_live *live)
{
    struct tide_error error = {0};
    tide_bytes_reset(&live->document);
    if (api_status_write(live->api, &live->document, &error) != TIDE_OK) {
        fail_softly(live, &error);
        return false;
    }
    return !live->document.failed;
}

struct alert_telling {
    struct tide_live *live;
    struct listener *listener;
    bool is_whole;
};

static void tell_alert(void *context, struct tide_view json)
{
    struct alert_telling *telling = context;
    telling->is_whole = telling->is_whole && tell(telling->live, telling->listener, "alert", json);
}

static void tell_alerts(struct tide_live *live, struct listener *listener)
{
    struct tide_alerts *alerts = live->api->options.alerts;
    struct alert_telling telling = {live, listener, true};
    if (alerts != NULL) {
        const uint64_t next = tide_alerts_changed(
            alerts, listener->alerts, ALERT_INSTANCES_MAX, tell_alert, &telling);
        listener->alerts = telling.is_whole ? next : listener->alerts;
    }
}

static void greet(struct tide_live *live, struct listener *listener)
{
    tide_bytes_reset(&live->message);
    live_message_retry(RETRY_MS, &live->message);
    (void)send(live, listener);
    struct tide_bytes hello = {0};
    tide_bytes_append_byte(&hello, '{');
    api_status_write_identity(live->api, &hello);
    tide_json_write_bool_member(&hello, "resumed", listener->query.position > 0);
    tide_bytes_append_byte(&hello, '}');
    (void)tell(live, listener, "hello", tide_bytes_view(&hello));
    tide_bytes_release(&hello);
    listener->is_greeted = true;
}

/* Those that are new, unless the beat tells all of them now. */
static void greet_all(struct tide_live *live, bool is_beat)
{
    bool has_status = false;
    bool has_asked = is_beat;
    for (uint32_t i = 0; i < live->listener_count; i++) {
        struct listener *listener = live->listeners[i];
        if (listener->is_greeted) {
            continue;
        }
        greet(live, listener);
        if (!has_asked) {
            has_status = write_status(live);
            has_asked = true;
        }
        if (has_status) {
            (void)tell(live, listener, "status", tide_bytes_view(&live->document));
            tell_alerts(live, listener);
        }
    }
}

static void beat(struct tide_live *live)
{
    live_cells_beat(live->cells);
    const bool has_status = write_status(live);
    for (uint32_t i = 0; i < live->listener_count; i++) {
        struct listener *listener = live->listeners[i];
        if (has_status) {
            (void)tell(live, listener, "status", tide_bytes_view(&live->document));
        }
        tell_alerts(live, listener);
    }
}

/* ---- a look */

static void see(void *context,
                uint32_t metric_index,
                const struct live_row *rows,
                uint32_t row_count)
{
    struct tide_live *live = context;
    const struct tide_view name = live->api->options.definitions->metrics[metric_index].name;
    const uint64_t number = live_cells_number(live->cells);
    for (uint32_t i = 0; i < live->listener_count; i++) {
        struct listener *listener = live->listeners[i];
        if (!listener->is_ready || !listener->query.follows[metric_index]) {
            continue;
        }
        const uint64_t before = listener->told[metric_index];
        const struct live_cut cut = {listener->query.windows, listener->query.groups, before};
        listener->told[metric_index] = number; /* the id tells of the state behind the message */
        tide_bytes_reset(&live->message);
        const bool has_rows =
            live_message_cells(id_of(live, listener), name, rows, row_count, cut, &live->message);
        if (has_rows && (live->waiting + live->message.size > TIDE_LIVE_WAITING_BYTES_MAX ||
                         !send(live, listener))) {
            listener->told[metric_index] = before;
            listener->is_full = true;
            listener->is_ready = false; /* the next metric waits, too: in order */
        }
    }
}

static bool has_room(struct listener *listener)
{
    const size_t waiting = tide_http_stream_waiting(listener->stream);
    listener->is_full = listener->is_full && waiting > 0;
    return !listener->is_full && waiting < ROOM_BYTES;
}

static void note_groups(struct tide_live *live, uint32_t groups)
{
    for (uint32_t i = 0; i < live->groups_count; i++) {
        if (live->groups[i] == groups) {
            return;
        }
    }
    live->groups[live->groups_count++] = groups;
}

static void add_wants(struct tide_live *live, const struct listener *listener)
{
    const struct live_query *query = &listener->query;
    note_groups(live, query->groups);
    for (uint32_t i = 0; i < metric_count_of(live); i++) {
        struct live_want *want = &live->wants[i];
        if (!query->follows[i]) {
            continue;
        }
        want->windows = query->windows > want->windows ? query->windows : want->windows;
        want->groups = query->groups > want->groups ? query->groups : want->groups;
        const bool is_behind =
            listener->told[i] == 0 || listener->told[i] < live_cells_looked(live->cells, i);
        want->all = want->all || (listener->is_ready && is_behind);
    }
}

static void look(struct tide_live *live)
{
    struct tide_error error = {0};
    const struct live_look look = {.wants = live->wants,
                                   .groups = live->groups,
                                   .groups_count = live->groups_count,
                                   .see = see,
                                   .context = live};
    if (live_cells_look(live->cells, &look, &error) == TIDE_OK) {
        live->has_failed = false;
    } else {
        fail_softly(live, &error);
    }
}

static void look_if_needed(struct tide_live *live)
{
    live->groups_count = 0;
    live->waiting = 0;
    for (uint32_t i = 0; i < metric_count_of(live); i++) {
        live->wants[i] = (struct live_want){0};
    }
    for (uint32_t i = 0; i < live->listener_count; i++) {
        struct listener *listener = live->listeners[i];
        listener->is_ready = has_room(listener);
        live->waiting += tide_http_stream_waiting(listener->stream);
        add_wants(live, listener);
    }
    if (live_cells_is_behind(live->cells, live->wants)) {
        look(live);
    }
}

/* ---- the thread */

static void sweep(struct tide_live *live)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live->listener_count; i++) {
        if (live->listeners[i]->is_gone) {
            destroy_listener(live, live->listeners[i]);
        } else {
            live->listeners[kept++] = live->listeners[i];
        }
    }
    live->listener_count = kept;
}

static void wait_until(struct tide_live *live, struct tide_monotonic then)
{
    /* The thread library wants a date on the monotonic clock. */
    const struct timespec date = {.tv_sec = then.ns / 1000000000, .tv_nsec = then.ns % 1000000000};
    (void)pthread_cond_timedwait(&live->wake, &live->mutex, &date);
}

/* Waits for the next tick, without listeners for one; takes who joined. false: the end. */
static bool next_tick(struct tide_live *live, struct tide_monotonic tick)
{
    pthread_mutex_lock(&live->mutex);
    while (!live->is_stopping && live->joining == NULL && live->listener_count == 0) {
        (void)pthread_cond_wait(&live->wake, &live->mutex);
    }
    while (!live->is_stopping && tide_clock_monotonic(tide_clock_os()).ns < tick.ns) {
        wait_until(live, tick);
    }
    while (live->joining != NULL) {
        struct listener *listener = live->joining;
        live->joining = listener->next;
        tide_assert(live->listener_count < live->api->options.listeners_max);
        live->listeners[live->listener_count++] = listener;
    }
    const bool goes_on = !live->is_stopping;
    pthread_mutex_unlock(&live->mutex);
    return goes_on;
}

static void say_goodbye(struct tide_live *live)
{
    for (uint32_t i = 0; i < live->listener_count; i++) {
        (void)tell(live, live->listeners[i], "bye", TIDE_VIEW("{}"));
        destroy_listener(live, live->listeners[i]);
    }
    live->listener_count = 0;
}

static void *run(void *context)
{
    struct tide_live *live = context;
    struct tide_monotonic tick = {0};
    while (next_tick(live, tick)) {
        const struct tide_monotonic now = tide_clock_monotonic(tide_clock_os());
        tick.ns = now.ns + TIDE_LIVE_TICK_MS * INT64_C(1000000);
        const bool is_beat = tide_monotonic_since(now, live->beaten).us >= TIDE_LIVE_BEAT_MS * 1000;
        greet_all(live, is_beat);
        if (is_beat) {
            beat(live);
            live->beaten = now;
        }
        look_if_needed(live);
        sweep(live);
    }
    say_goodbye(live);
    return NULL;
}

/* ---- life */

static void release(struct tide_live *live)
{
    live_cells_destroy(live->cells);
    pthread_cond_destroy(&live->wake);
    pthread_mutex_destroy(&live->mutex);
    tide_bytes_release(&live->message);
    tide_bytes_release(&live->document);
    tide_bytes_release(&live->id);
    free(live->listeners);
    free(live->wants);
    free(live->groups);
    free(live);
}

enum tide_status tide_live_start(const struct tide_api *api,
                                 struct tide_live **out,
                                 struct tide_error *error)
{
    const uint32_t listeners_max = api->options.listeners_max;
    tide_assert(listeners_max > 0 && listeners_max <= TIDE_LIVE_LISTENERS_MAX);
    struct tide_live *live = calloc(1, sizeof(*live));
    if (live == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the live feed");
    }
    live->api = api;
    tide_bytes_init(&live->message, TIDE_LIVE_MESSAGE_BYTES_MAX);
    pthread_mutex_init(&live->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&live->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    live->listeners = calloc(listeners_max, sizeof(struct listener *));
    live->wants = calloc((size_t)metric_count_of(live) + 1, sizeof(*live->wants));
    live->groups = calloc(listeners_max, sizeof(*live->groups));
    enum tide_status status = TIDE_OK;
    if (live->listeners == NULL || live->wants == NULL || live->groups == NULL) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the live feed");
    }
    if (status == TIDE_OK) {
        status = live_cells_create(api, CELLS_REMEMBERED, &live->cells, error);
    }
    if (status == TIDE_OK && !tide_thread_start(&live->thread, "live", run, live)) {
        status = tide_error_set(error, TIDE_RETRY, "cannot start a thread for the live feed");
    }
    if (status != TIDE_OK) {
        release(live);
        return status;
    }
    live->is_running = true;
    *out = live;
    return TIDE_OK;
}

void tide_live_hang_up(struct tide_live *live)
{
    if (live == NULL || !live->is_running) {
        return;
    }
    pthread_mutex_lock(&live->mutex);
    live->is_stopping = true;
    pthread_cond_signal(&live->wake);
    pthread_mutex_unlock(&live->mutex);
    pthread_join(live->thread, NULL);
    live->is_running = false;
}

void tide_live_destroy(struct tide_live *live)
{
    if (live != NULL) {
        tide_live_hang_up(live);
        release(live);
    }
}

uint32_t tide_live_listeners(const struct tide_live *live)
{
    return atomic_load(&live->count);
}
