#include "http/stream.h"

#include "base/assert.h"
#include "http/exchange.h"
#include "http/streams.h"

#include <microhttpd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/banned.h"

enum {
    BLOCK_BYTES = 16 << 10,
    KEPT_BYTES = 64 << 10, /* of an empty queue's memory */
    /* What the kernel holds is late for a slow reader, and never taken back. */
    SOCKET_BYTES = 128 << 10,
};
static const struct tide_duration never = {INT64_C(365) * 24 * 3600 * 1000000};
static const struct tide_duration last_moment = {2 * 1000000}; /* to take what waits at the end */

struct tide_http_stream {
    pthread_mutex_t mutex;
    atomic_uint references;
    struct tide_duration stall;
    size_t bytes_max;
    struct tide_bytes queue; /* under mutex, as all that follows; [taken, size) waits */
    size_t taken;
    struct tide_stream_place place;
    bool is_attached;
    bool is_suspended;
    bool is_ended; /* nothing more is written */
    bool is_over;  /* nothing more is read */
    struct tide_streams *streams;
    struct tide_http_stream *previous; /* under the mutex of streams, as next */
    struct tide_http_stream *next;
};

/* ---- life */

struct tide_http_stream *tide_stream_create(const struct tide_http_stream_options *options)
{
    tide_assert(options->bytes_max > 0 && options->stall.us > 0);
    struct tide_http_stream *stream = calloc(1, sizeof(*stream));
    if (stream != NULL) {
        (void)pthread_mutex_init(&stream->mutex, NULL);
        atomic_init(&stream->references, 2);
        stream->stall = options->stall;
        stream->bytes_max = options->bytes_max;
    }
    return stream;
}

static void drop(struct tide_http_stream *stream)
{
    if (atomic_fetch_sub(&stream->references, 1) == 1) {
        tide_bytes_release(&stream->queue);
        (void)pthread_mutex_destroy(&stream->mutex);
        free(stream);
    }
}

static void drop_response(void *context)
{
    drop(context);
}

/* ---- the connection's side */

static void set_deadline(struct tide_http_stream *stream, struct tide_duration after)
{
    tide_watch_set(stream->place.watch, stream->place.watched, after);
}

/* What the connection has taken is to be sent within the stall; while it waits for more, nothing
 * is due. */
static ssize_t take(void *context, uint64_t position, char *into, size_t size_max)
{
    struct tide_http_stream *stream = context;
    (void)position;
    (void)pthread_mutex_lock(&stream->mutex);
    const size_t waiting = stream->queue.size - stream->taken;
    const size_t size = waiting < size_max ? waiting : size_max;
    ssize_t outcome = (ssize_t)size;
    if (size > 0) {
        memcpy(into, stream->queue.data + stream->taken, size);
        stream->taken += size;
        set_deadline(stream, stream->is_ended ? last_moment : stream->stall);
    } else if (stream->is_ended) {
        outcome = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        set_deadline(stream, never);
        stream->is_suspended = true;
        MHD_suspend_connection(stream->place.connection);
    }
    if (stream->taken == stream->queue.size) {
        tide_bytes_reset(&stream->queue);
        stream->taken = 0;
        if (stream->queue.capacity > KEPT_BYTES) {
            tide_bytes_release(&stream->queue);
        }
    }
    (void)pthread_mutex_unlock(&stream->mutex);
    return outcome;
}

static void link_stream(struct tide_streams *streams, struct tide_http_stream *stream)
{
    (void)pthread_mutex_lock(&streams->mutex);
    stream->next = streams->first;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    streams->first = stream;
    const bool is_draining = streams->is_draining;
    (void)pthread_mutex_unlock(&streams->mutex);
    (void)pthread_mutex_lock(&stream->mutex);
    stream->is_ended = stream->is_ended || is_draining;
    (void)pthread_mutex_unlock(&stream->mutex);
}

static void unlink_stream(struct tide_streams *streams, struct tide_http_stream *stream)
{
    (void)pthread_mutex_lock(&streams->mutex);
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        tide_assert(streams->first == stream);
        streams->first = stream->next;
    }
    (void)pthread_mutex_unlock(&streams->mutex);
}

/* A peer whose network is gone is noticed by bytes that nobody acknowledges. */
static void bound_socket(const struct tide_http_stream *stream)
{
    const int fd = stream->place.watched->fd;
    const int bytes = SOCKET_BYTES;
    const unsigned patience_ms = (unsigned)(stream->stall.us / 1000);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
}

struct MHD_Response *tide_stream_attach(struct tide_http_stream *stream,
                                        struct tide_streams *streams,
                                        const struct tide_stream_place *place)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, take, stream, drop_response);
    if (response == NULL) {
        return NULL;
    }
    (void)atomic_fetch_add(&stream->references, 1);
    (void)pthread_mutex_lock(&stream->mutex);
    stream->streams = streams;
    stream->place = *place;
    stream->is_attached = true;
    set_deadline(stream, stream->stall);
    bound_socket(stream);
    (void)pthread_mutex_unlock(&stream->mutex);
    link_stream(streams, stream);
    return response;
}

void tide_stream_leave(struct tide_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->mutex);
    const bool was_attached = stream->is_attached;
    tide_assert(!stream->is_suspended); /* its connection could not have come here */
    stream->is_attached = false;
    stream->is_over = true;
    tide_bytes_release(&stream->queue);
    stream->taken = 0;
    (void)pthread_mutex_unlock(&stream->mutex);
    if (was_attached) {
        unlink_stream(stream->streams, stream);
    }
    drop(stream);
}

/* ---- the writer's side */

/* Under the mutex. */
static void resume(struct tide_http_stream *stream)
{
    if (stream->is_suspended) {
        stream->is_suspended = false;
        set_deadline(stream, stream->is_ended ? last_moment : stream->stall);
        MHD_resume_connection(stream->place.connection);
    }
}

static void end(struct tide_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->mutex);
    stream->is_ended = true;
    if (stream->is_attached && !stream->is_suspended) {
        set_deadline(stream, last_moment);
    }
    resume(stream);
    (void)pthread_mutex_unlock(&stream->mutex);
}

/* Under the mutex. */
static enum tide_status append(struct tide_http_stream *stream, struct tide_view bytes)
{
    const size_t waiting = stream->queue.size - stream->taken;
    if (stream->is_over || stream->is_ended) {
        return TIDE_REJECT;
    }
    if (waiting > 0 && waiting + bytes.size > stream->bytes_max) {
        return TIDE_AGAIN;
    }
    if (stream->taken > 0) {
        memmove(stream->queue.data, stream->queue.data + stream->taken, waiting);
        stream->queue.size = waiting;
        stream->taken = 0;
    }
    tide_bytes_append_view(&stream->queue, bytes);
    if (stream->queue.failed) {
        stream->queue.failed = false;
        stream->queue.size = waiting;
        return TIDE_RETRY;
    }
    return TIDE_OK;
}

enum tide_status tide_http_stream_write(struct tide_http_stream *stream, struct tide_view bytes)
{
    tide_assert(bytes.size > 0);
    (void)pthread_mutex_lock(&stream->mutex);
    const enum tide_status status = append(stream, bytes);
    if (status == TIDE_OK) {
        resume(stream);
    }
    (void)pthread_mutex_unlock(&stream->mutex);
    return status;
}

size_t tide_http_stream_waiting(struct tide_http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->mutex);
    const size_t waiting = stream->queue.size - stream->taken;
    (void)pthread_mutex_unlock(&stream->mutex);
    return waiting;
}

void tide_http_stream_close(struct tide_http_stream *stream)
{
    if (stream != NULL) {
        end(stream);
        drop(stream);
    }
}

/* ---- all of a server */

void tide_streams_init(struct tide_streams *streams)
{
    *streams = (struct tide_streams){0};
    (void)pthread_mutex_init(&streams->mutex, NULL);
}

void tide_streams_release(struct tide_streams *streams)
{
    tide_assert(streams->first == NULL);
    (void)pthread_mutex_destroy(&streams->mutex);
}

void tide_streams_drain(struct tide_streams *streams)
{
    (void)pthread_mutex_lock(&streams->mutex);
    streams->is_draining = true;
    for (struct tide_http_stream *it = streams->first; it != NULL; it = it->next) {
        end(it);
    }
    (void)pthread_mutex_unlock(&streams->mutex);
}
