/* Senders of the simulated pipeline: bodies in every form, retries, and what they were promised. */
#include "support/sim_world.h"

#include "base/assert.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static const int64_t hour_us = INT64_C(3600) * 1000 * 1000;

/* ---- bodies */

static void append_events(struct sim_world *world,
                          struct sim_body *body,
                          struct tide_instant device_now,
                          const char *separator)
{
    bool wants_json = body->form != TIDE_COLLECT_NDJSON;
    uint32_t count = 1 + (uint32_t)sim_below(&world->dice, SIM_BODY_EVENTS_MAX);
    for (uint32_t i = 0; i < count && world->events.count + 2 < SIM_EVENTS_MAX; i++) {
        uint32_t index = sim_events_next(&world->events, &world->dice, device_now);
        const struct sim_event *event = &world->events.items[index];
        if (wants_json && !event->is_json) {
            continue;
        }
        if (body->event_count > 0) {
            tide_bytes_append_text(&body->text, separator);
        }
        tide_bytes_append_view(&body->text, event->text);
        body->event_count++;
    }
}

static void make_envelope(struct sim_world *world, struct sim_body *body)
{
    struct tide_instant device_now = world->clock.now;
    if (sim_chance(world, 25)) { /* a device whose clock is hours off, in both its times */
        device_now.us += (int64_t)sim_below(&world->dice, 8) * hour_us - 4 * hour_us;
    }
    tide_bytes_append_format(&body->text,
                             "{\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":%" PRId64
                             ",\"params\":{\"msgid\":\"%s\"},\"events\":[",
                             device_now.us / 1000,
                             body->key);
    append_events(world, body, device_now, ",");
    tide_bytes_append_text(&body->text, "]}");
}

static void make_body(struct sim_world *world, struct sim_body *body)
{
    static const enum tide_collect_form forms[] = {
        TIDE_COLLECT_NDJSON, TIDE_COLLECT_NDJSON, TIDE_COLLECT_JSON, TIDE_COLLECT_SUNBIRD};
    tide_bytes_reset(&body->text);
    body->event_count = 0;
    body->form = forms[sim_below(&world->dice, 4)];
    snprintf(body->key, sizeof(body->key), "key-%u", world->key_count++);
    switch (body->form) {
    case TIDE_COLLECT_NDJSON:
        append_events(world, body, world->clock.now, "\n");
        break;
    case TIDE_COLLECT_JSON:
        tide_bytes_append_byte(&body->text, '[');
        append_events(world, body, world->clock.now, ",");
        tide_bytes_append_byte(&body->text, ']');
        break;
    case TIDE_COLLECT_SUNBIRD:
        make_envelope(world, body);
        break;
    }
    if (sim_chance(world, 40)) {
        body->key[0] = '\0'; /* an envelope's own id counts all the same */
    }
    body->is_broken = body->form != TIDE_COLLECT_NDJSON && sim_chance(world, 4);
    if (body->is_broken) {
        body->text.size--;
        (void)sim_events_add_broken(&world->events, tide_bytes_view(&body->text));
    }
    tide_assert(!body->text.failed);
}

static void copy_body(const struct sim_body *from, struct sim_body *to)
{
    struct tide_bytes text = to->text;
    tide_bytes_reset(&text);
    tide_bytes_append_view(&text, tide_bytes_view(&from->text));
    tide_assert(!text.failed);
    *to = *from;
    to->text = text;
}

/* ---- the collector's append, and the log's answer */

static void placed(void *context)
{
    const struct sim_submission *s = context;
    struct tide_log_append *outer = s->outer;
    memcpy(outer->receipts, s->receipts, outer->batch_count * sizeof(s->receipts[0]));
    outer->placed(outer->placed_context);
}

static void appended(void *context, enum tide_status status, const struct tide_error *error)
{
    struct sim_submission *s = context;
    struct tide_log_append *outer = s->outer;
    s->is_durable = status == TIDE_OK;
    sim_trace(s->world, 1, (uint64_t)status);
    memcpy(outer->receipts, s->receipts, outer->batch_count * sizeof(s->receipts[0]));
    outer->done(outer->context, status, error);
}

enum tide_status sim_append(void *context, struct tide_log_append *append, struct tide_error *error)
{
    struct sim_world *world = context;
    struct sim_submission *s = world->submitting;
    tide_assert(s != NULL && append->batch_count <= SIM_APPEND_BATCHES_MAX);
    s->outer = append;
    s->inner = *append;
    s->inner.receipts = s->receipts;
    s->inner.done = appended;
    s->inner.context = s;
    s->inner.placed = append->placed != NULL ? placed : NULL;
    s->inner.placed_context = s;
    for (uint32_t b = 0; b < append->batch_count; b++) {
        const struct tide_log_batch *batch = &append->batches[b];
        tide_assert(batch->record_count <= SIM_BODY_EVENTS_MAX);
        for (uint32_t i = 0; i < batch->record_count; i++) {
            s->events[b][i] = sim_events_find(&world->events, batch->records[i].text);
            if (s->events[b][i] == SIM_EVENT_NONE) {
                sim_wrong(world,
                          "the collector logs a text that was never sent: %.*s",
                          TIDE_VIEW_ARGUMENTS(batch->records[i].text));
            }
        }
    }
    struct tide_log log = world->life.log;
    enum tide_status status = log.operations->append(log.self, &s->inner, error);
    s->was_appended = status == TIDE_OK;
    return status;
}

/* ---- answers */

/* Is what the log gave in the receipt that the sender got? */
static bool is_told(const struct tide_json *receipt, const struct tide_log_receipt *given)
{
    for (const struct tide_json *item = receipt->first; item != NULL; item = item->next) {
        uint64_t partition = 0;
        uint64_t offset = 0;
        uint64_t count = 0;
        if (tide_json_get_u64(item, "partition", &partition) &&
            tide_json_get_u64(item, "offset", &offset) &&
            tide_json_get_u64(item, "count", &count) && partition == given->partition &&
            offset <= given->first_offset &&
            given->first_offset + given->record_count <= offset + count) {
            return true;
        }
    }
    return false;
}

static void check_answer(struct sim_world *world,
                         const struct sim_submission *s,
                         struct tide_view text)
{
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    uint64_t accepted = 0;
    uint64_t rejected = 0;
    enum tide_status status = tide_json_parse(&arena, text, &json, NULL);
    const struct tide_json *plain =
        s->body.form == TIDE_COLLECT_SUNBIRD ? tide_json_get(json, "result") : json;
    const struct tide_json *receipt = tide_json_get(plain, "receipt");
    if (status != TIDE_OK || receipt == NULL || !tide_json_get_u64(plain, "accepted", &accepted) ||
        !tide_json_get_u64(plain, "rejected", &rejected) ||
        accepted + rejected != s->body.event_count) {
        sim_wrong(world, "an answer does not say what became of each event");
    }
    for (uint32_t b = 0; !sim_is_wrong(world) && b < s->inner.batch_count; b++) {
        if (!is_told(receipt, &s->receipts[b])) {
            sim_wrong(world, "the receipt leaves out partition %u", s->receipts[b].partition);
        }
    }
    tide_arena_release(&arena);
}

static void remember_acks(struct sim_world *world, const struct sim_submission *s)
{
    uint32_t record_count = 0;
    for (uint32_t b = 0; b < s->inner.batch_count; b++) {
        const struct tide_log_receipt *receipt = &s->receipts[b];
        for (uint32_t i = 0; i < receipt->record_count; i++) {
            tide_assert(world->ack_count < SIM_ACKS_MAX);
            world->acks[world->ack_count++] =
                (struct sim_ack){receipt->partition, s->events[b][i], receipt->first_offset + i};
        }
        record_count += receipt->record_count;
    }
    tide_assert(world->durable_count < SIM_BODIES_MAX);
    world->durable_bodies[world->durable_count++] = tide_hash64(tide_bytes_view(&s->body.text), 0);
    world->report->acknowledged += record_count;
    if (record_count != (s->body.is_broken ? 1 : s->body.event_count)) {
        sim_wrong(world,
                  "a body of %u events was acknowledged as %u records",
                  s->body.event_count,
                  record_count);
    }
}

/* Without an append there was nothing to append, or the same body is durable already. */
static void check_unappended(struct sim_world *world, const struct sim_submission *s)
{
    uint64_t hash = tide_hash64(tide_bytes_view(&s->body.text), 0);
    bool is_known = s->body.event_count == 0 && !s->body.is_broken;
    for (uint32_t i = 0; !is_known && i < world->durable_count; i++) {
        is_known = world->durable_bodies[i] == hash;
    }
    if (!is_known) {
        sim_wrong(world, "a body was acknowledged and never logged");
    }
}

static void answered(void *context,
                     unsigned status,
                     const char *content_type,
                     struct tide_bytes *body,
                     uint32_t retry_after_s)
{
    struct sim_submission *s = context;
    struct sim_world *world = s->world;
    (void)content_type;
    sim_trace(world, 2, status);
    if (!s->is_open) {
        sim_wrong(world, "a body was answered twice");
        return;
    }
    s->is_open = false;
    if (status == 200 || status == 400) {
        if ((status == 400) != s->body.is_broken) {
            sim_wrong(world, "a body was answered %u: %.200s", status, s->body.text.data);
        } else if (s->was_appended && !s->is_durable) {
            sim_wrong(world, "a body was acknowledged before the log said durable");
        } else if (s->is_durable) {
            remember_acks(world, s);
            if (status == 200) {
                check_answer(world, s, tide_bytes_view(body));
            }
        } else {
            check_unappended(world, s);
        }
    } else if (status != 503 && status != 500) {
        sim_wrong(world, "a body was answered %u", status);
    } else {
        world->report->refused++;
        if (status == 503 && retry_after_s == 0) {
            sim_wrong(world, "503 without Retry-After");
        }
    }
    if (s->body.event_count > 0 && (status >= 500 || sim_chance(world, 20))) {
        copy_body(&s->body, &world->again);
    }
}

/* ---- moves */

void sim_send(struct sim_world *world)
{
    struct sim_submission *s = NULL;
    for (uint32_t i = 0; s == NULL && i < SIM_SUBMISSIONS_MAX; i++) {
        s = world->submissions[i].is_open ? NULL : &world->submissions[i];
    }
    if (s == NULL || world->events.count + SIM_BODY_EVENTS_MAX + 2 >= SIM_EVENTS_MAX) {
        return;
    }
    if (world->again.event_count > 0 && sim_chance(world, 30)) {
        copy_body(&world->again, &s->body);
    } else {
        make_body(world, &s->body);
    }
    s->world = world;
    s->is_open = true;
    s->was_appended = false;
    s->is_durable = false;
    struct tide_submission submission = {.form = s->body.form,
                                         .body = tide_bytes_view(&s->body.text),
                                         .source = TIDE_VIEW("http"),
                                         .idempotency_key = tide_view_of(s->body.key),
                                         .api_id = "api.sunbird.telemetry",
                                         .answered = answered,
                                         .context = s};
    world->submitting = s;
    sim_trace(world, 3, tide_hash64(submission.body, 0));
    tide_collector_submit(world->life.collector, &submission);
    world->submitting = NULL;
}

void sim_senders_forget(struct sim_world *world)
{
    for (uint32_t i = 0; i < SIM_SUBMISSIONS_MAX; i++) {
        struct sim_submission *s = &world->submissions[i];
        if (s->is_open && s->body.event_count > 0) {
            copy_body(&s->body, &world->again); /* no answer: the sender will try again */
        }
        s->is_open = false;
    }
}

void sim_senders_release(struct sim_world *world)
{
    for (uint32_t i = 0; i < SIM_SUBMISSIONS_MAX; i++) {
        tide_bytes_release(&world->submissions[i].body.text);
    }
    tide_bytes_release(&world->again.text);
}
