#include "support/sim_model.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

static const int64_t tolerance_us = INT64_C(60) * 1000 * 1000;
static const int64_t max_ahead_us = INT64_C(300) * 1000 * 1000;
static const int64_t max_age_us = INT64_C(400) * 86400 * 1000 * 1000;
static const int64_t out_of_orderness_us = INT64_C(10) * 1000 * 1000;
static const int64_t year_2100_us = INT64_C(4102444800) * 1000 * 1000;

static int64_t event_time(const struct sim_event *event, const struct tide_log_frame *frame)
{
    if (!tide_instant_known(frame->sent)) {
        return event->device.us;
    }
    int64_t delay = frame->received.us - frame->sent.us;
    return delay > tolerance_us || delay < -tolerance_us ? event->device.us + delay
                                                         : event->device.us;
}

static enum tide_reason judge_time(int64_t time, int64_t received)
{
    if (time < 0 || time >= year_2100_us) {
        return TIDE_REASON_TIME_INVALID;
    }
    if (time > received + max_ahead_us) {
        return TIDE_REASON_CLOCK_AHEAD;
    }
    return time < received - max_age_us ? TIDE_REASON_TOO_OLD : TIDE_REASON_ACCEPTED;
}

struct reading { /* of one partition */
    struct sim_model *model;
    const struct sim_events *events;
    uint32_t partition;
    int64_t highest; /* INT64_MIN: none yet */
};

static const char *read_record(struct reading *r,
                               const struct tide_log_frame *frame,
                               const struct tide_log_record *from)
{
    struct sim_model *model = r->model;
    uint32_t index = sim_events_find(r->events, from->text);
    if (index == SIM_EVENT_NONE) {
        return "the log holds a text that was never sent";
    }
    tide_assert(model->record_counts[r->partition] < SIM_RECORDS_MAX);
    struct sim_record *record = &model->records[r->partition][model->record_counts[r->partition]++];
    const struct sim_event *event = &r->events->items[index];
    *record = (struct sim_record){
        .event = index, .reason = event->reason, .bytes = tide_hash128(from->text, 0)};
    if (from->reason != TIDE_REASON_ACCEPTED && from->reason != event->reason) {
        return "a record was judged wrongly when it came";
    }
    int64_t time = event_time(event, frame);
    if (record->reason == TIDE_REASON_ACCEPTED) {
        record->reason = judge_time(time, frame->received.us);
    }
    if (record->reason != TIDE_REASON_ACCEPTED) {
        record->fate = SIM_FATE_REJECTED;
        return NULL;
    }
    uint8_t *home = &model->partition_of[event->identity];
    if (*home != 0) {
        record->fate = SIM_FATE_DUPLICATE;
        return *home == r->partition + 1 ? NULL : "one identity is in two partitions";
    }
    *home = (uint8_t)(r->partition + 1);
    bool is_late = r->highest != INT64_MIN && time < r->highest - out_of_orderness_us;
    record->fate = is_late ? SIM_FATE_LATE : SIM_FATE_ON_TIME;
    record->time_us = time;
    int64_t reached = time < frame->received.us ? time : frame->received.us;
    r->highest = reached > r->highest ? reached : r->highest;
    return NULL;
}

static const char *read_partition(struct reading *r, struct tide_log log)
{
    struct tide_log_cursor *cursor = NULL;
    struct tide_log_frame frame;
    const char *wrong = NULL;
    enum tide_status status = log.operations->cursor_open(log.self, r->partition, 0, &cursor, NULL);
    if (status != TIDE_OK) {
        return "the log has no beginning";
    }
    while (wrong == NULL && (status = log.operations->read(cursor, &frame, NULL)) == TIDE_OK) {
        if (frame.first_offset != r->model->record_counts[r->partition]) {
            wrong = "the log has a gap";
        }
        for (uint32_t i = 0; wrong == NULL && i < frame.record_count; i++) {
            wrong = read_record(r, &frame, &frame.records[i]);
        }
    }
    log.operations->cursor_close(cursor);
    if (wrong == NULL && status != TIDE_AGAIN) {
        wrong = "a durable frame cannot be read";
    }
    if (wrong == NULL &&
        log.operations->end(log.self, r->partition) != r->model->record_counts[r->partition]) {
        wrong = "the log's end is not where its records end";
    }
    return wrong;
}

const char *sim_model_read(struct sim_model *model,
                           const struct sim_events *events,
                           struct tide_log log)
{
    tide_assert(log.partition_count <= SIM_PARTITIONS_MAX);
    model->partition_count = log.partition_count;
    memset(model->record_counts, 0, sizeof(model->record_counts));
    memset(model->partition_of, 0, sizeof(model->partition_of));
    const char *wrong = NULL;
    for (uint32_t p = 0; wrong == NULL && p < log.partition_count; p++) {
        struct reading reading = {model, events, p, INT64_MIN};
        wrong = read_partition(&reading, log);
    }
    return wrong;
}

struct tide_ledger sim_model_ledger(const struct sim_model *model,
                                    uint32_t partition,
                                    uint64_t record_count)
{
    struct tide_ledger ledger = {0};
    tide_assert(record_count <= model->record_counts[partition]);
    for (uint64_t i = 0; i < record_count; i++) {
        const struct sim_record *record = &model->records[partition][i];
        ledger.verdicts++;
        switch (record->fate) {
        case SIM_FATE_ON_TIME:
            ledger.processed++;
            ledger.on_time++;
            break;
        case SIM_FATE_LATE:
            ledger.processed++;
            ledger.late_hot++;
            break;
        case SIM_FATE_DUPLICATE:
            ledger.duplicate++;
            break;
        case SIM_FATE_REJECTED:
            ledger.rejected[record->reason]++;
            break;
        }
    }
    return ledger;
}
