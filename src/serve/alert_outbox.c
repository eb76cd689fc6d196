#include "serve/alert_outbox.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct tide_alert_outbox {
    struct tide_alert_note notes[TIDE_ALERT_NOTES_MAX];
    uint32_t count;
    uint64_t sequence;
    uint64_t dropped;
};

struct tide_alert_outbox *tide_alert_outbox_create(void)
{
    return calloc(1, sizeof(struct tide_alert_outbox));
}

static void remove_at(struct tide_alert_outbox *outbox, uint32_t index)
{
    tide_assert(index < outbox->count);
    tide_bytes_release(&outbox->notes[index].line);
    tide_bytes_release(&outbox->notes[index].body);
    outbox->count--;
    memmove(&outbox->notes[index],
            &outbox->notes[index + 1],
            (outbox->count - index) * sizeof(outbox->notes[0]));
}

void tide_alert_outbox_destroy(struct tide_alert_outbox *outbox)
{
    while (outbox != NULL && outbox->count > 0) {
        remove_at(outbox, outbox->count - 1);
    }
    free(outbox);
}

bool tide_alert_outbox_add(struct tide_alert_outbox *outbox,
                           struct tide_u128 id,
                           unsigned sinks,
                           struct tide_bytes *line,
                           struct tide_bytes *body)
{
    tide_assert(sinks != 0);
    const bool is_whole = !line->failed && !body->failed;
    if (!is_whole) {
        outbox->dropped++;
        tide_bytes_release(line);
        tide_bytes_release(body);
        return false;
    }
    if (outbox->count == TIDE_ALERT_NOTES_MAX) {
        outbox->dropped++;
        remove_at(outbox, 0);
    }
    outbox->notes[outbox->count++] = (struct tide_alert_note){
        .sequence = ++outbox->sequence, .id = id, .sinks = sinks, .line = *line, .body = *body};
    *line = (struct tide_bytes){0};
    *body = (struct tide_bytes){0};
    return true;
}

uint32_t tide_alert_outbox_count(const struct tide_alert_outbox *outbox)
{
    return outbox->count;
}

const struct tide_alert_note *tide_alert_outbox_at(const struct tide_alert_outbox *outbox,
                                                   uint32_t index)
{
    tide_assert(index < outbox->count);
    return &outbox->notes[index];
}

const struct tide_alert_note *tide_alert_outbox_next(const struct tide_alert_outbox *outbox,
                                                     unsigned sink,
                                                     uint64_t sequence_max)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        const struct tide_alert_note *note = &outbox->notes[i];
        if ((note->sinks & sink) != 0 && note->sequence <= sequence_max) {
            return note;
        }
    }
    return NULL;
}

bool tide_alert_outbox_done(struct tide_alert_outbox *outbox, struct tide_u128 id, unsigned sink)
{
    for (uint32_t i = 0; i < outbox->count; i++) {
        struct tide_alert_note *note = &outbox->notes[i];
        if (tide_u128_equal(note->id, id) && (note->sinks & sink) != 0) {
            note->sinks &= ~sink;
            if (note->sinks == 0) {
                remove_at(outbox, i);
            }
            return true;
        }
    }
    return false;
}

uint64_t tide_alert_outbox_sequence(const struct tide_alert_outbox *outbox)
{
    return outbox->sequence;
}

uint64_t tide_alert_outbox_dropped(const struct tide_alert_outbox *outbox)
{
    return outbox->dropped;
}
