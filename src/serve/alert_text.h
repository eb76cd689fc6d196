/* Alerts as text: what sinks are told, and what the API shows. */
#ifndef TIDE_SERVE_ALERT_TEXT_H
#define TIDE_SERVE_ALERT_TEXT_H

#include "base/hash.h"
#include "serve/alert_judge.h"

/* The same transition has the same id, in every process: of the alert's name and definition, the
 * group, the new state and its instant. false: out of memory. */
bool tide_alert_id(const struct tide_alert_watch *watch,
                   const struct tide_alert_instance *instance,
                   const struct tide_alert_step *step,
                   struct tide_u128 *id);

struct tide_alert_message {
    const struct tide_alert_watch *watch;
    const struct tide_alert_instance *instance;
    const struct tide_alert_step *step;
    struct tide_u128 id;
    struct tide_view pipeline; /* its name */
};

/* crash_spike {"os": "ios"} firing: value 12, baseline 1.5, 12 events in 10:00..10:30 (id ..) */
void tide_alert_write_line(const struct tide_alert_message *message, struct tide_bytes *line);
/* crash_spike {"os": "ios"} is still firing, since 2026-.. */
void tide_alert_write_restored(const struct tide_alert_watch *watch,
                               const struct tide_alert_instance *instance,
                               struct tide_bytes *line);
/* The webhook's body (docs/reference/definitions.md, Alerts). */
void tide_alert_write_body(const struct tide_alert_message *message, struct tide_bytes *json);

/* {"name": .., "metric": .., .., "instances": [..]} of GET /api/v1/alerts; those that are ok after
 * the others, and at most instances_max. */
void tide_alert_write_watch(const struct tide_alert_watch *watch,
                            uint32_t instances_max,
                            struct tide_bytes *json);

#endif
