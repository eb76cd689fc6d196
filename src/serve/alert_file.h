/* The states of alerts, and the letters that still have to go out, as the file that survives a
 * restart (docs/formats/alerts.md). Lines of the log are not in it: they are written when the file
 * is, and once. */
#ifndef TIDE_SERVE_ALERT_FILE_H
#define TIDE_SERVE_ALERT_FILE_H

#include "base/io.h"
#include "serve/alert_judge.h"
#include "serve/alert_outbox.h"

enum {
    TIDE_ALERT_FILE_BYTES_MAX = 256 << 20
};

struct tide_alert_file { /* what it is of; owned by the caller */
    struct tide_alert_watch *watches;
    uint32_t watch_count;
    struct tide_alert_outbox *outbox;
    struct tide_instant closing; /* the highest closing clock that was judged by; or unknown */
};

/* Appends the whole file's text. text->failed: out of memory, or too large. */
void tide_alert_file_write(const struct tide_alert_file *file, struct tide_bytes *text);

struct tide_alert_file_facts {
    uint32_t instances; /* that were restored */
    uint32_t forgotten; /* of alerts that are gone, or are defined otherwise now */
};
/* Into watches as tide_alert_watch_init left them, and an empty outbox; sets closing. REJECT: the
 * text is damaged or of another format. RETRY: out of memory. After both, watches and outbox hold a
 * part: throw them away. */
enum tide_status tide_alert_file_read(struct tide_view text,
                                      struct tide_alert_file *file,
                                      struct tide_alert_file_facts *facts,
                                      struct tide_error *error);

#endif
