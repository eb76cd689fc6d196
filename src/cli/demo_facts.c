#include "cli/demo_facts.h"

#include "base/civil.h"

#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES = 4 << 20,
    RATE_US_MIN = 500000,
    SEEN_MIN = 20 /* a rate of fewer says nothing */
};

static struct tide_instant newest_watermark(const struct tide_json *partitions)
{
    struct tide_instant newest = TIDE_INSTANT_UNKNOWN;
    const struct tide_json *item = partitions == NULL ? NULL : partitions->first;
    for (; item != NULL; item = item->next) {
        struct tide_view text;
        struct tide_instant t;
        if (tide_json_get_text(item, "watermark", &text) && tide_civil_parse(text, &t) &&
            t.us > newest.us) {
            newest = t;
        }
    }
    return newest;
}

/* Over a time that is too short a rate says more of the clock than of the events. */
static void measure_rate(struct tide_demo_facts *facts, struct tide_monotonic now)
{
    const int64_t us = tide_monotonic_since(now, facts->rated).us;
    const uint64_t verdicts = facts->ledger.verdicts;
    if (facts->rated.ns != 0 && us < RATE_US_MIN) {
        return;
    }
    if (facts->rated.ns != 0 && verdicts >= facts->rated_verdicts) {
        facts->events_per_second = (verdicts - facts->rated_verdicts) * 1000000 / (uint64_t)us;
        if (facts->events_per_second > facts->events_per_second_max) {
            facts->events_per_second_max = facts->events_per_second;
        }
    }
    facts->rated = now;
    facts->rated_verdicts = verdicts;
}

void tide_demo_facts_forget_rates(struct tide_demo_facts *facts)
{
    facts->events_per_second = 0;
    facts->events_per_second_max = 0;
    facts->rated.ns = 0;
}

bool tide_demo_facts_read_ledger(struct tide_view body,
                                 struct tide_monotonic now,
                                 struct tide_demo_facts *facts)
{
    struct tide_arena arena;
    struct tide_json *json = NULL;
    struct tide_ledger ledger = {0};
    tide_arena_init(&arena, ARENA_BYTES);
    const bool is_read = tide_json_parse(&arena, body, &json, NULL) == TIDE_OK &&
                         tide_ledger_read_json(tide_json_get(json, "ledger"), &ledger);
    if (is_read) {
        const struct tide_json *holds = tide_json_get(json, "holds");
        facts->ledger = ledger;
        measure_rate(facts, now);
        facts->holds = holds != NULL && holds->kind == TIDE_JSON_TRUE;
        facts->watermark = newest_watermark(tide_json_get(json, "partitions"));
    }
    tide_arena_release(&arena);
    return is_read;
}

/* ---- rates */

static struct tide_demo_version *version_of(struct tide_demo_facts *facts, struct tide_view name)
{
    for (uint32_t i = 0; i < facts->version_count; i++) {
        if (tide_view_equal(tide_view_of(facts->versions[i].name), name)) {
            return &facts->versions[i];
        }
    }
    if (facts->version_count == TIDE_DEMO_VERSIONS_MAX ||
        name.size >= sizeof(facts->versions[0].name)) {
        return NULL;
    }
    struct tide_demo_version *added = &facts->versions[facts->version_count++];
    memcpy(added->name, name.data, name.size);
    added->name[name.size] = '\0';
    return added;
}

static bool read_rate(struct tide_arena *arena,
                      struct tide_view line,
                      struct tide_demo_facts *facts)
{
    struct tide_json *json = NULL;
    struct tide_view name;
    uint64_t troubled = 0;
    uint64_t seen = 0;
    tide_arena_reset(arena);
    if (tide_json_parse(arena, line, &json, NULL) != TIDE_OK ||
        !tide_json_get_u64(json, "numerator", &troubled) ||
        !tide_json_get_u64(json, "denominator", &seen)) {
        return false;
    }
    if (tide_json_get_text(tide_json_get(json, "group"), "app_version", &name)) {
        struct tide_demo_version *version = version_of(facts, name);
        if (version != NULL) {
            version->troubled += troubled;
            version->seen += seen;
        }
    }
    return true;
}

bool tide_demo_facts_read_rates(struct tide_view body, struct tide_demo_facts *facts)
{
    struct tide_arena arena;
    bool is_read = true;
    size_t at = 0;
    tide_arena_init(&arena, ARENA_BYTES);
    memset(facts->versions, 0, sizeof(facts->versions));
    facts->version_count = 0;
    while (is_read && at < body.size) {
        const char *end = memchr(body.data + at, '\n', body.size - at);
        const size_t size = end == NULL ? body.size - at : (size_t)(end - body.data) - at;
        is_read = size == 0 || read_rate(&arena, tide_view_slice(body, at, size), facts);
        at += size + 1;
    }
    tide_arena_release(&arena);
    return is_read;
}

uint64_t tide_demo_rate_permille(const struct tide_demo_version *version)
{
    return version->seen == 0 ? 0 : (version->troubled * 1000 + version->seen / 2) / version->seen;
}

const struct tide_demo_version *tide_demo_facts_worst(const struct tide_demo_facts *facts)
{
    const struct tide_demo_version *worst = NULL;
    for (uint32_t i = 0; i < facts->version_count; i++) {
        const struct tide_demo_version *version = &facts->versions[i];
        if (version->seen >= SEEN_MIN &&
            (worst == NULL || version->troubled * worst->seen > worst->troubled * version->seen)) {
            worst = version;
        }
    }
    return worst;
}
