/* Watches the alerts of the definitions and tells their transitions: log lines and a webhook.
 *
 *     turn:  closing clock -> windows that became complete -> judge (alert_judge.h)
 *            -> states and letters into the file -> log lines, letters go out
 *
 * Nothing is told that is not in the file, so a restart tells nothing again that it knows. The log
 * has each transition once; a kill in the moment between the file and the line loses the line, and
 * the next start says what is still pending or firing. The webhook gets each transition at least
 * once: a kill between a delivery and its mark repeats it, with the same id.
 *
 * One thread judges, another delivers (webhook.h); neither waits for the other. The process that
 * owns partition 0 does it. */
#ifndef TIDE_SERVE_ALERTS_H
#define TIDE_SERVE_ALERTS_H

#include "metric/alert.h"
#include "serve/alert_source.h"
#include "serve/webhook.h"

struct tide_alerts;

struct tide_alerts_options {
    const struct tide_definitions *definitions; /* outlives the alerts, as all that follows */
    struct tide_alert_source source;
    struct tide_io io;
    const char *path; /* of the file */
    struct tide_view pipeline;
    struct tide_duration interval;       /* between turns */
    struct tide_webhook_options webhook; /* url empty: there is none. next, done, context: ours */
};

/* Reads the file. A damaged one is put aside, and told. RETRY: no memory, or the file cannot be
 * read; REJECT: the webhook's URL is not one. Starts the webhook's thread, and no other. */
enum tide_status tide_alerts_create(const struct tide_alerts_options *options,
                                    struct tide_alerts **alerts,
                                    struct tide_error *error);
/* Starts the thread that takes turns. RETRY: no thread. */
enum tide_status tide_alerts_start(struct tide_alerts *alerts, struct tide_error *error);
/* One turn, on the caller's thread; not while the thread runs. */
void tide_alerts_turn(struct tide_alerts *alerts);
/* Ends the threads; before the engine stops. What was not delivered is in the file. */
void tide_alerts_stop(struct tide_alerts *alerts);
/* Stops if need be; NULL is fine. */
void tide_alerts_destroy(struct tide_alerts *alerts);

/* {"alerts": [..], "webhook": {..}} as GET /api/v1/alerts answers. Any thread. */
void tide_alerts_write(struct tide_alerts *alerts, struct tide_bytes *json);
/* Tells each alert in which an instance has changed its state since a call that returned `since`
 * (0: tells all), as an object of that list with at most instances_max instances. Returns what to
 * ask with the next time. Any thread; visit must not block. */
uint64_t tide_alerts_changed(struct tide_alerts *alerts,
                             uint64_t since,
                             uint32_t instances_max,
                             void (*visit)(void *context, struct tide_view json),
                             void *context);
/* Prometheus families. Any thread. */
void tide_alerts_exposition(struct tide_alerts *alerts, struct tide_bytes *text);

#endif
