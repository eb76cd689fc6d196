#include "http/watch.h"

#include "base/assert.h"
#include "base/thread.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

struct lingering {
    int fd;
    struct tide_monotonic deadline;
};

struct tide_watch {
    struct tide_clock clock;
    int tick_ms;
    int wake_fd;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below; held while a socket is shut down */
    bool is_stopping;
    struct tide_watched *first;
    struct lingering lingering[TIDE_WATCH_LINGERING_MAX];
    size_t lingering_count;
};

static struct tide_monotonic deadline_after(struct tide_watch *watch, struct tide_duration after)
{
    return (struct tide_monotonic){tide_clock_monotonic(watch->clock).ns + after.us * 1000};
}

static void wake(struct tide_watch *watch)
{
    const uint64_t one = 1;
    /* Fails only if the counter is full, and then the thread is awake anyway. */
    const ssize_t written = write(watch->wake_fd, &one, sizeof(one));
    (void)written;
}

/* A connection is shut down once: its next deadline is never. */
static void shut_overdue(struct tide_watch *watch, struct tide_monotonic now)
{
    for (struct tide_watched *it = watch->first; it != NULL; it = it->next) {
        if (it->deadline.ns <= now.ns) {
            (void)shutdown(it->fd, SHUT_RDWR);
            it->deadline.ns = INT64_MAX;
        }
    }
}

/* Reads what has come. false: the end, or a failure. */
static bool discard(int fd)
{
    enum {
        READS_MAX = 16
    }; /* of one turn, so that nobody holds up the others */
    char scrap[4096];
    for (int i = 0; i < READS_MAX; i++) {
        const ssize_t size = recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT);
        if (size <= 0) {
            return size < 0;
        }
    }
    return true;
}

static void read_lingering(struct tide_watch *watch, struct tide_monotonic now)
{
    for (size_t i = 0; i < watch->lingering_count;) {
        struct lingering *it = &watch->lingering[i];
        struct pollfd poll_fd = {.fd = it->fd, .events = POLLIN};
        const bool has_more = poll(&poll_fd, 1, 0) <= 0 || discard(it->fd);
        if (has_more && it->deadline.ns > now.ns) {
            i++;
            continue;
        }
        (void)close(it->fd);
        *it = watch->lingering[--watch->lingering_count];
    }
}

static void *run(void *context)
{
    struct tide_watch *watch = context;
    struct pollfd polled[TIDE_WATCH_LINGERING_MAX + 1];
    for (;;) {
        (void)pthread_mutex_lock(&watch->mutex);
        const struct tide_monotonic now = tide_clock_monotonic(watch->clock);
        shut_overdue(watch, now);
        read_lingering(watch, now);
        const bool is_stopping = watch->is_stopping;
        const bool is_idle = watch->first == NULL && watch->lingering_count == 0;
        nfds_t count = 0;
        polled[count++] = (struct pollfd){.fd = watch->wake_fd, .events = POLLIN};
        for (size_t i = 0; i < watch->lingering_count; i++) {
            polled[count++] = (struct pollfd){.fd = watch->lingering[i].fd, .events = POLLIN};
        }
        (void)pthread_mutex_unlock(&watch->mutex);
        if (is_stopping) {
            return NULL;
        }
        if (poll(polled, count, is_idle ? -1 : watch->tick_ms) > 0 && polled[0].revents != 0) {
            uint64_t ignored;
            const ssize_t size = read(watch->wake_fd, &ignored, sizeof(ignored));
            (void)size;
        }
    }
}

enum tide_status tide_watch_start(struct tide_duration tick,
                                  struct tide_watch **watch,
                                  struct tide_error *error)
{
    tide_assert(tick.us >= 1000);
    struct tide_watch *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the deadlines of connections");
    }
    made->clock = tide_clock_os();
    made->tick_ms = (int)(tick.us / 1000);
    (void)pthread_mutex_init(&made->mutex, NULL);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->wake_fd >= 0 && tide_thread_start(&made->thread, "http-watch", run, made)) {
        *watch = made;
        return TIDE_OK;
    }
    if (made->wake_fd >= 0) {
        (void)close(made->wake_fd);
    }
    (void)pthread_mutex_destroy(&made->mutex);
    free(made);
    return tide_error_set(error, TIDE_RETRY, "no thread for the deadlines of connections");
}

void tide_watch_stop(struct tide_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    (void)pthread_mutex_unlock(&watch->mutex);
    wake(watch);
    (void)pthread_join(watch->thread, NULL);
    tide_assert(watch->first == NULL);
    for (size_t i = 0; i < watch->lingering_count; i++) {
        (void)close(watch->lingering[i].fd);
    }
    (void)close(watch->wake_fd);
    (void)pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

void tide_watch_add(struct tide_watch *watch, struct tide_watched *watched)
{
    (void)pthread_mutex_lock(&watch->mutex);
    const bool was_idle = watch->first == NULL;
    watched->previous = NULL;
    watched->next = watch->first;
    if (watch->first != NULL) {
        watch->first->previous = watched;
    }
    watch->first = watched;
    (void)pthread_mutex_unlock(&watch->mutex);
    if (was_idle) {
        wake(watch);
    }
}

void tide_watch_remove(struct tide_watch *watch, struct tide_watched *watched)
{
    (void)pthread_mutex_lock(&watch->mutex);
    if (watched->previous != NULL) {
        watched->previous->next = watched->next;
    } else {
        tide_assert(watch->first == watched);
        watch->first = watched->next;
    }
    if (watched->next != NULL) {
        watched->next->previous = watched->previous;
    }
    (void)pthread_mutex_unlock(&watch->mutex);
}

void tide_watch_set(struct tide_watch *watch,
                    struct tide_watched *watched,
                    struct tide_duration after)
{
    const struct tide_monotonic deadline = deadline_after(watch, after);
    (void)pthread_mutex_lock(&watch->mutex);
    watched->deadline = deadline;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void tide_watch_linger(struct tide_watch *watch, int fd, struct tide_duration after)
{
    (void)shutdown(fd, SHUT_WR);
    const struct tide_monotonic deadline = deadline_after(watch, after);
    (void)pthread_mutex_lock(&watch->mutex);
    const bool has_room = watch->lingering_count < TIDE_WATCH_LINGERING_MAX;
    if (has_room) {
        watch->lingering[watch->lingering_count++] = (struct lingering){fd, deadline};
    }
    (void)pthread_mutex_unlock(&watch->mutex);
    if (!has_room) {
        (void)close(fd);
    }
    wake(watch);
}
