/* GET /api/v1/quality: how good the records are that came, since the log's beginning:
 *     {"rejected": [{"reason": .., "count": 3,
 *                    "samples": [{"at": .., "pointer": .., "detail": .., "bytes": ..}, ..]}, ..],
 *      "duplicates": {"count": 1}, "late": {"count": 2},
 *      "lateness": {"unit": "s", "of": .., "buckets": [{"le": 0, "count": 7}, ..]},
 *      "skew": likewise}
 * A bucket counts what is at most le, and more than the le before. lateness is of each processed
 * event: how far it is behind the newest that came before it in its partition. skew is of each
 * event that was processed or rejected for its time: the sender's clock minus ours. Samples are the
 * newest of a reason, at most TIDE_SAMPLES_MAX, with the first bytes of each; they and the counts
 * come back when the log is read again. */
#include "base/json.h"
#include "serve/api_internal.h"

#include <stdlib.h>

#include "base/banned.h"

/* What one partition contributed: its own slot, so that no lock is needed. */
struct slot {
    enum tide_status status;
    struct tide_ledger ledger;
    struct tide_quality quality;
};

struct look {
    uint32_t partition_count;
    struct slot *slots;
};

static void visit(void *context, struct tide_partition *partition)
{
    const struct look *look = context;
    struct slot *slot = &look->slots[tide_partition_index(partition)];
    slot->ledger = *tide_partition_ledger(partition);
    slot->status = tide_quality_copy(tide_partition_quality(partition), &slot->quality);
}

/* ---- samples of all partitions, the newest first */

struct found {
    const struct tide_sample *samples[TIDE_SAMPLES_MAX];
    uint32_t count;
};

static void insert(struct found *found, const struct tide_sample *sample)
{
    uint32_t at = found->count;
    while (at > 0 && found->samples[at - 1]->received.us < sample->received.us) {
        at--;
    }
    if (at == TIDE_SAMPLES_MAX) {
        return;
    }
    if (found->count < TIDE_SAMPLES_MAX) {
        found->count++;
    }
    for (uint32_t i = found->count - 1; i > at; i--) {
        found->samples[i] = found->samples[i - 1];
    }
    found->samples[at] = sample;
}

/* Each partition's from the newest on, so that of one instant the later stands first. */
static void find_samples(const struct look *look, int reason, struct found *found)
{
    for (uint32_t p = 0; p < look->partition_count; p++) {
        const struct tide_samples *samples = look->slots[p].quality.samples[reason];
        const uint64_t count = samples == NULL ? 0 : samples->count;
        for (uint64_t i = 0; i < count && i < TIDE_SAMPLES_MAX; i++) {
            insert(found, &samples->items[(count - 1 - i) % TIDE_SAMPLES_MAX]);
        }
    }
}

static void write_sample(const struct tide_sample *sample, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    api_write_instant(json, "at", sample->received);
    tide_json_write_text_member(
        json, "pointer", (struct tide_view){sample->pointer, sample->pointer_size});
    tide_json_write_text_member(
        json, "detail", (struct tide_view){sample->detail, sample->detail_size});
    tide_json_write_text_member(
        json, "bytes", (struct tide_view){sample->bytes, sample->bytes_size});
    tide_bytes_append_byte(json, '}');
}

static void write_rejected(const struct look *look,
                           const struct tide_ledger *ledger,
                           struct tide_bytes *json)
{
    const char *separator = "{";
    tide_json_write_key(json, "rejected");
    tide_bytes_append_byte(json, '[');
    for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
        if (ledger->rejected[reason] == 0) {
            continue;
        }
        struct found found = {.count = 0};
        find_samples(look, reason, &found);
        tide_bytes_append_text(json, separator);
        tide_json_write_text_member(
            json, "reason", tide_view_of(tide_reason_name((enum tide_reason)reason)));
        tide_json_write_u64_member(json, "count", ledger->rejected[reason]);
        tide_json_write_key(json, "samples");
        tide_bytes_append_byte(json, '[');
        for (uint32_t i = 0; i < found.count; i++) {
            tide_bytes_append_text(json, i == 0 ? "" : ",");
            write_sample(found.samples[i], json);
        }
        tide_bytes_append_text(json, "]}");
        separator = ",{";
    }
    tide_bytes_append_byte(json, ']');
}

/* ---- histograms */

struct histogram {
    const char *key;
    const char *of;
    const int32_t *bounds;
    uint32_t bound_count;
};

static void write_histogram(const struct histogram *histogram,
                            const uint64_t *counts,
                            struct tide_bytes *json)
{
    tide_json_write_key(json, histogram->key);
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "unit", TIDE_VIEW("s"));
    tide_json_write_text_member(json, "of", tide_view_of(histogram->of));
    tide_json_write_key(json, "buckets");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i <= histogram->bound_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "{" : ",{");
        if (i < histogram->bound_count) {
            tide_json_write_i64_member(json, "le", histogram->bounds[i]);
        } else {
            tide_json_write_key(json, "le");
            tide_bytes_append_text(json, "null");
        }
        tide_json_write_u64_member(json, "count", counts[i]);
        tide_bytes_append_byte(json, '}');
    }
    tide_bytes_append_text(json, "]}");
}

static void write_count(const char *key, uint64_t count, struct tide_bytes *json)
{
    tide_json_write_key(json, key);
    tide_bytes_append_byte(json, '{');
    tide_json_write_u64_member(json, "count", count);
    tide_bytes_append_byte(json, '}');
}

static void write_document(const struct look *look, struct tide_bytes *json)
{
    static const struct histogram lateness = {
        "lateness",
        "processed events, behind the newest before them in their partition",
        tide_lateness_bounds,
        TIDE_LATENESS_BOUNDS};
    static const struct histogram skew = {
        "skew",
        "events processed or rejected for their time: the sender's clock minus the received time",
        tide_skew_bounds,
        TIDE_SKEW_BOUNDS};
    struct tide_ledger ledger = {0};
    struct tide_quality sum = {0};
    for (uint32_t p = 0; p < look->partition_count; p++) {
        const struct tide_quality *quality = &look->slots[p].quality;
        tide_ledger_add(&ledger, &look->slots[p].ledger);
        for (int i = 0; i <= TIDE_LATENESS_BOUNDS; i++) {
            sum.lateness[i] += quality->lateness[i];
        }
        for (int i = 0; i <= TIDE_SKEW_BOUNDS; i++) {
            sum.skew[i] += quality->skew[i];
        }
    }
    tide_bytes_append_byte(json, '{');
    write_rejected(look, &ledger, json);
    write_count("duplicates", ledger.duplicate, json);
    write_count("late", ledger.late_hot + ledger.late_cold, json);
    write_histogram(&lateness, sum.lateness, json);
    write_histogram(&skew, sum.skew, json);
    tide_bytes_append_byte(json, '}');
}

static bool is_whole(const struct look *look)
{
    bool is_whole = true;
    for (uint32_t p = 0; p < look->partition_count; p++) {
        is_whole = is_whole && look->slots[p].status == TIDE_OK;
    }
    return is_whole;
}

void api_answer_quality(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct look look = {.partition_count = api->options.partition_count};
    struct tide_bytes json = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    look.slots = calloc(look.partition_count, sizeof(*look.slots));
    if (look.slots == NULL) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for a question");
    } else if (!tide_engine_visit(api->options.engine, visit, &look)) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "the engine has stopped");
    } else if (!is_whole(&look)) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory for the samples");
    } else {
        write_document(&look, &json);
        api_reply(exchange, "application/json", &json);
    }
    for (uint32_t p = 0; look.slots != NULL && p < look.partition_count; p++) {
        tide_quality_release(&look.slots[p].quality);
    }
    free(look.slots);
    tide_bytes_release(&json);
}
