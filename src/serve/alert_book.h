/* The instances of one alert: a state for each group, found by the group's canonical bytes.
 * Bounded: beyond the maximum a new group takes the place of one that is ok, or has none.
 * One thread. */
#ifndef TIDE_SERVE_ALERT_BOOK_H
#define TIDE_SERVE_ALERT_BOOK_H

#include "base/bytes.h"
#include "metric/alert_condition.h"
#include "metric/window.h"
#include "serve/alert_state.h"

enum {
    TIDE_ALERT_INSTANCES_MAX = 10000, /* of one alert */
    TIDE_ALERT_GROUP_BYTES_MAX = 1024,
};

struct tide_alert_instance {
    struct tide_alert_state state;
    struct tide_view group;    /* the book's */
    struct tide_instant seen;  /* the end of the newest window with events; or unknown */
    struct tide_window window; /* what was judged last; and what it was found to be: */
    struct tide_alert_number value;
    struct tide_alert_number baseline;
    uint64_t events;
    bool is_forgotten; /* silent for too long */
};

struct tide_alert_book;

/* instances_max: at most INSTANCES_MAX. NULL: out of memory. */
struct tide_alert_book *tide_alert_book_create(uint32_t instances_max);
void tide_alert_book_destroy(struct tide_alert_book *book);
uint32_t tide_alert_book_count(const struct tide_alert_book *book);
/* index < count, in no order. Valid until the next add or sweep. */
struct tide_alert_instance *tide_alert_book_at(struct tide_alert_book *book, uint32_t index);
/* NULL: it has none. */
struct tide_alert_instance *tide_alert_book_find(struct tide_alert_book *book,
                                                 struct tide_view group);
/* A new one, all zero but seen (unknown) and its copy of group. One that is ok may go for it if
 * is_urgent. NULL: the book is full, the group too long, or out of memory. */
struct tide_alert_instance *tide_alert_book_add(struct tide_alert_book *book,
                                                struct tide_view group,
                                                bool is_urgent);
/* Removes those that are forgotten and ok. */
void tide_alert_book_sweep(struct tide_alert_book *book);

#endif
