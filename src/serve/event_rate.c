#include "serve/event_rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct reading {
    struct tide_instant at;
    uint64_t events;
};

struct tide_event_rate {
    struct tide_duration spacing;
    pthread_mutex_t mutex;
    struct reading readings[TIDE_EVENT_RATE_READINGS]; /* a ring, in the order of time */
    uint32_t first;
    uint32_t count;
};

static struct reading *at(struct tide_event_rate *rate, uint32_t i)
{
    return &rate->readings[(rate->first + i) % TIDE_EVENT_RATE_READINGS];
}

struct tide_event_rate *tide_event_rate_create(struct tide_duration spacing)
{
    struct tide_event_rate *rate = calloc(1, sizeof(*rate));
    if (rate != NULL) {
        rate->spacing = spacing;
        pthread_mutex_init(&rate->mutex, NULL);
    }
    return rate;
}

void tide_event_rate_destroy(struct tide_event_rate *rate)
{
    if (rate != NULL) {
        pthread_mutex_destroy(&rate->mutex);
        free(rate);
    }
}

void tide_event_rate_note(struct tide_event_rate *rate, struct tide_instant now, uint64_t events)
{
    pthread_mutex_lock(&rate->mutex);
    const struct reading *last = rate->count == 0 ? NULL : at(rate, rate->count - 1);
    if (last != NULL && (now.us < last->at.us || events < last->events)) {
        rate->count = 0;
        last = NULL;
    }
    if (last == NULL || now.us - last->at.us >= rate->spacing.us) {
        if (rate->count == TIDE_EVENT_RATE_READINGS) {
            rate->first = (rate->first + 1) % TIDE_EVENT_RATE_READINGS;
            rate->count--;
        }
        *at(rate, rate->count++) = (struct reading){now, events};
    }
    pthread_mutex_unlock(&rate->mutex);
}

bool tide_event_rate_since(struct tide_event_rate *rate,
                           struct tide_instant from,
                           struct tide_instant *since,
                           uint64_t *events)
{
    bool is_found = false;
    pthread_mutex_lock(&rate->mutex);
    for (uint32_t i = 0; !is_found && i < rate->count; i++) {
        const struct reading *reading = at(rate, i);
        if (reading->at.us >= from.us) {
            *since = reading->at;
            *events = reading->events;
            is_found = true;
        }
    }
    pthread_mutex_unlock(&rate->mutex);
    return is_found;
}
