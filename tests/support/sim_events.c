#include "support/sim_events.h"

#include "base/assert.h"
#include "base/io_sim_disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    TEXT_SIZE_MAX = 512,
    TOO_DEEP_LEVELS = TIDE_RECORD_DEPTH_MAX,
};

static const struct tide_duration second = {1000 * 1000};
static const struct tide_duration hour = {INT64_C(3600) * 1000 * 1000};

/* What is written when a record of the log is to be rejected. */
struct defect {
    enum tide_reason reason;
    bool is_json;
    const char *format; /* takes the event's number, and device milliseconds where it likes */
};

static const struct defect defects[] = {
    {TIDE_REASON_MISSING, true, "{\"id\":\"e%u\",\"t\":%" PRId64 "}"},
    {TIDE_REASON_TYPE, true, "{\"id\":\"e%u\",\"t\":%" PRId64 ",\"kind\":5}"},
    {TIDE_REASON_TYPE, true, "{\"id\":\"e%u\",\"t\":\"%" PRId64 "\",\"kind\":\"a\"}"},
    {TIDE_REASON_DUPLICATE_KEY,
     true,
     "{\"id\":\"e%u\",\"t\":%" PRId64 ",\"kind\":\"a\",\"kind\":\"b\"}"},
    {TIDE_REASON_NOT_AN_OBJECT, true, "[\"e%u\",%" PRId64 "]"},
    {TIDE_REASON_UTF8_INVALID, true, "{\"id\":\"e%u\",\"t\":%" PRId64 ",\"kind\":\"\\ud800\"}"},
    {TIDE_REASON_TIME_INVALID, true, "{\"id\":\"e%u\",\"t\":9%" PRId64 ",\"kind\":\"a\"}"},
    {TIDE_REASON_JSON_INVALID, false, "{\"id\":\"e%u\",\"t\":%" PRId64 ",\"kind\""},
    {TIDE_REASON_UTF8_INVALID, false, "{\"id\":\"e%u\",\"t\":%" PRId64 ",\"kind\":\"\xff\"}"},
};

static const char definitions_text[] =
    "schema:\n"
    "  name: sim\n"
    "  entity: who\n"
    "  id: event_id\n"
    "  type: kind\n"
    "  time: device_time\n"
    "  payload: data\n"
    "  envelope: {events: events, sent_time: ets, id: params.msgid}\n"
    "  clock: {tolerance: 60s, max_ahead: 5m, max_age: 400d, out_of_orderness: 10s}\n"
    "  columns:\n"
    "    event_id:    {path: id}\n"
    "    kind:        {path: kind, required: true}\n"
    "    device_time: {path: t, type: time_ms, required: true}\n"
    "    who:         {path: who.name}\n"
    "    amount:      {path: amount, type: int}\n"
    "metrics:\n"
    "  events_per_kind: {count: events, by: [kind], every: 1m}\n"
    "  people:          {distinct: who, every: 1h}\n"
    "  amounts:         {sum: amount, by: [who], every: 1d}\n"
    "  sizes:           {quantiles: [0.5, 1], of: amount, every: 1h, over: 3h}\n"
    "  visits:          {sessions: {per: who, timeout: 30m}, by: [kind], every: 1d}\n"
    "  way:             {funnel: {per: [who], timeout: 1h, steps: [{any: amount is not null}]},\n"
    "                    every: 1d}\n"
    "  trip:            {funnel: {per: [who], timeout: 20m, steps: [{first: kind == \"k0\"},\n"
    "                    {second: kind == \"k1\"}, {third: kind == \"k2\"}]}, by: [kind],\n"
    "                    every: 1d}\n"
    "  returning:       {retention: {per: who, period: 1d, periods: 3}}\n"
    "  regulars:        {distinct: who, having: count() > 2, every: 1h}\n"
    "  regular_share:   {ratio: [regulars, people]}\n";

const struct tide_definitions *sim_definitions(struct tide_arena *arena)
{
    static const struct tide_source source = {{"sim.yaml", sizeof("sim.yaml") - 1},
                                              {definitions_text, sizeof(definitions_text) - 1}};
    struct tide_diagnostics *diagnostics = TIDE_ARENA_NEW(arena, struct tide_diagnostics);
    struct tide_definitions_input input = {.file = &source};
    tide_assert(diagnostics != NULL);
    tide_diagnostics_init(diagnostics, arena);
    const struct tide_definitions *definitions = tide_definitions_load(arena, &input, diagnostics);
    if (definitions == NULL) {
        struct tide_bytes text = {0};
        tide_diagnostics_render(diagnostics, &text);
        fprintf(stderr, "%s", tide_bytes_terminated(&text));
    }
    tide_assert(definitions != NULL);
    return definitions;
}

uint64_t sim_below(uint64_t *dice, uint64_t limit)
{
    return tide_sim_random(dice) % limit;
}

void sim_events_release(struct sim_events *events)
{
    tide_arena_release(&events->arena);
    *events = (struct sim_events){0};
}

static uint32_t slot_of(const struct sim_events *events, struct tide_view text)
{
    uint32_t slot = (uint32_t)(tide_hash64(text, 0) % SIM_EVENT_SLOTS);
    while (events->slots[slot] != 0 &&
           !tide_view_equal(events->items[events->slots[slot] - 1].text, text)) {
        slot = (slot + 1) % SIM_EVENT_SLOTS;
    }
    return slot;
}

uint32_t sim_events_find(const struct sim_events *events, struct tide_view text)
{
    return events->slots[slot_of(events, text)] - 1; /* 0 - 1 is NONE */
}

/* event's text is not ours yet; an equal text is not registered again. */
static uint32_t add(struct sim_events *events, struct sim_event event)
{
    uint32_t slot = slot_of(events, event.text);
    if (events->slots[slot] != 0) {
        return events->slots[slot] - 1;
    }
    tide_assert(events->count < SIM_EVENTS_MAX);
    uint32_t index = events->count++;
    event.text = tide_arena_copy(&events->arena, event.text);
    tide_assert(event.text.data != NULL);
    event.identity = event.identity == SIM_EVENT_NONE ? index : event.identity;
    events->items[index] = event;
    events->slots[slot] = index + 1;
    return index;
}

uint32_t sim_events_add_broken(struct sim_events *events, struct tide_view body)
{
    return add(events,
               (struct sim_event){
                   .text = body, .reason = TIDE_REASON_JSON_INVALID, .identity = SIM_EVENT_NONE});
}

static struct tide_instant draw_device_time(uint64_t *dice, struct tide_instant now)
{
    int64_t back = (int64_t)sim_below(dice, 5 * (uint64_t)second.us);
    uint64_t kind = sim_below(dice, 100);
    if (kind < 12) { /* late by minutes or hours */
        back = (int64_t)sim_below(dice, 6 * (uint64_t)hour.us);
    } else if (kind < 15) { /* too far ahead */
        back = -hour.us - (int64_t)sim_below(dice, (uint64_t)hour.us);
    } else if (kind < 18) { /* too old */
        back = 24 * 500 * hour.us;
    }
    return (struct tide_instant){(now.us - back) / 1000 * 1000};
}

static uint32_t add_defective(struct sim_events *events, uint64_t *dice, struct tide_instant now)
{
    char text[TEXT_SIZE_MAX];
    uint32_t number = events->count;
    uint64_t which = sim_below(dice, sizeof(defects) / sizeof(defects[0]) + 1);
    if (which == sizeof(defects) / sizeof(defects[0])) {
        int size = snprintf(text, sizeof(text), "{\"id\":\"e%u\",\"deep\":", number);
        memset(text + size, '[', TOO_DEEP_LEVELS);
        memset(text + size + TOO_DEEP_LEVELS, ']', TOO_DEEP_LEVELS);
        size_t end = (size_t)size + 2 * TOO_DEEP_LEVELS;
        text[end++] = '}';
        return add(events,
                   (struct sim_event){.text = {text, end},
                                      .reason = TIDE_REASON_TOO_DEEP,
                                      .identity = SIM_EVENT_NONE});
    }
    const struct defect *defect = &defects[which];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int size = snprintf(text, sizeof(text), defect->format, number, now.us / 1000);
#pragma GCC diagnostic pop
    tide_assert(size > 0 && (size_t)size < sizeof(text));
    return add(events,
               (struct sim_event){.text = {text, (size_t)size},
                                  .reason = defect->reason,
                                  .identity = SIM_EVENT_NONE,
                                  .is_json = defect->is_json});
}

static uint32_t add_valid(struct sim_events *events, uint64_t *dice, struct tide_instant now)
{
    char text[TEXT_SIZE_MAX];
    struct tide_instant device = draw_device_time(dice, now);
    uint64_t person = sim_below(dice, SIM_PEOPLE + 1);
    uint64_t kind = sim_below(dice, SIM_KINDS);
    char who[32] = "";
    if (person < SIM_PEOPLE) { /* else nobody: routed by its identity */
        snprintf(who, sizeof(who), ",\"who\":{\"name\":\"p%d\"}", (int)person);
    }
    int size = snprintf(text,
                        sizeof(text),
                        "{\"id\":\"e%u\",\"kind\":\"k%d\",\"t\":%" PRId64 "%s,\"amount\":%d,"
                        "\"data\":{\"note\":\"%.*s\"}}",
                        events->count,
                        (int)kind,
                        device.us / 1000,
                        who,
                        (int)sim_below(dice, 100),
                        (int)sim_below(dice, 40),
                        "the quick brown fox jumps over a lazy dog");
    tide_assert(size > 0 && (size_t)size < sizeof(text));
    return add(events,
               (struct sim_event){.text = {text, (size_t)size},
                                  .device = device,
                                  .identity = SIM_EVENT_NONE,
                                  .is_json = true,
                                  .person = (uint32_t)person,
                                  .kind = (uint32_t)kind});
}

/* The same columns and payload with something else in an undeclared place. */
static uint32_t add_variant(struct sim_events *events, uint64_t *dice, uint32_t original)
{
    char text[TEXT_SIZE_MAX + 32];
    struct sim_event event = events->items[original];
    if (event.reason != TIDE_REASON_ACCEPTED) {
        return original;
    }
    tide_assert(event.text.size <= TEXT_SIZE_MAX);
    int size = snprintf(text,
                        sizeof(text),
                        "{\"attempt\":%d,%.*s",
                        (int)sim_below(dice, 5),
                        (int)event.text.size - 1,
                        event.text.data + 1);
    if (size >= TEXT_SIZE_MAX) { /* a variant of a variant of a ... */
        return original;
    }
    if (tide_view_starts_with(event.text, TIDE_VIEW("{\"attempt\""))) {
        return original; /* twice would be another text with a key twice */
    }
    event.text = (struct tide_view){text, (size_t)size};
    return add(events, event);
}

uint32_t sim_events_next(struct sim_events *events, uint64_t *dice, struct tide_instant device_now)
{
    uint64_t kind = sim_below(dice, 100);
    if (kind < 20 && events->count > 0) {
        uint32_t index = (uint32_t)sim_below(dice, events->count);
        return kind < 14 ? index : add_variant(events, dice, index);
    }
    return kind < 30 ? add_defective(events, dice, device_now)
                     : add_valid(events, dice, device_now);
}
