#include "process/ledger.h"

#include <inttypes.h>
#include <string.h>

/* One table serves writer and reader, so that they cannot drift. */
static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"verdicts", offsetof(struct tide_ledger, verdicts)},
    {"processed", offsetof(struct tide_ledger, processed)},
    {"duplicate", offsetof(struct tide_ledger, duplicate)},
    {"on_time", offsetof(struct tide_ledger, on_time)},
    {"late_hot", offsetof(struct tide_ledger, late_hot)},
    {"late_cold", offsetof(struct tide_ledger, late_cold)},
    {"uids_high", offsetof(struct tide_ledger, uids) + offsetof(struct tide_u128, high)},
    {"uids_low", offsetof(struct tide_ledger, uids) + offsetof(struct tide_u128, low)},
};
enum {
    FIELD_COUNT = sizeof(fields) / sizeof(fields[0])
};

uint64_t tide_ledger_rejected(const struct tide_ledger *ledger)
{
    uint64_t sum = 0;
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        sum += ledger->rejected[i];
    }
    return sum;
}

bool tide_ledger_holds(const struct tide_ledger *ledger)
{
    uint64_t outcomes = ledger->processed + ledger->duplicate + tide_ledger_rejected(ledger);
    uint64_t lateness = ledger->on_time + ledger->late_hot + ledger->late_cold;
    return ledger->verdicts == outcomes && ledger->processed == lateness &&
           ledger->rejected[TIDE_REASON_ACCEPTED] == 0;
}

bool tide_ledger_equal(const struct tide_ledger *a, const struct tide_ledger *b)
{
    return memcmp(a, b, sizeof(*a)) == 0; /* only uint64_t inside: no padding */
}

void tide_ledger_add(struct tide_ledger *into, const struct tide_ledger *other)
{
    into->verdicts += other->verdicts;
    into->processed += other->processed;
    into->duplicate += other->duplicate;
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        into->rejected[i] += other->rejected[i];
    }
    into->on_time += other->on_time;
    into->late_hot += other->late_hot;
    into->late_cold += other->late_cold;
    into->uids.high += other->uids.high;
    into->uids.low += other->uids.low;
}

void tide_ledger_write_json(const struct tide_ledger *ledger, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    for (int i = 0; i < FIELD_COUNT; i++) {
        uint64_t value;
        memcpy(&value, (const char *)ledger + fields[i].offset, sizeof(value));
        tide_bytes_append_format(
            json, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", fields[i].name, value);
    }
    tide_bytes_append_text(json, ", \"rejected\": {");
    const char *comma = "";
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        if (ledger->rejected[i] > 0) {
            tide_bytes_append_format(json,
                                     "%s\"%s\": %" PRIu64,
                                     comma,
                                     tide_reason_name((enum tide_reason)i),
                                     ledger->rejected[i]);
            comma = ", ";
        }
    }
    tide_bytes_append_text(json, "}}");
}

bool tide_ledger_read_json(const struct tide_json *json, struct tide_ledger *ledger)
{
    *ledger = (struct tide_ledger){0};
    for (int i = 0; i < FIELD_COUNT; i++) {
        uint64_t value;
        if (!tide_json_get_u64(json, fields[i].name, &value)) {
            return false;
        }
        memcpy((char *)ledger + fields[i].offset, &value, sizeof(value));
    }
    const struct tide_json *rejected = tide_json_get(json, "rejected");
    if (rejected == NULL || rejected->kind != TIDE_JSON_OBJECT) {
        return false;
    }
    for (const struct tide_json *item = rejected->first; item != NULL; item = item->next) {
        enum tide_reason reason = tide_reason_parse(item->key);
        char name[32];
        if (reason == TIDE_REASON_COUNT || item->key.size >= sizeof(name)) {
            return false;
        }
        memcpy(name, item->key.data, item->key.size);
        name[item->key.size] = '\0';
        if (!tide_json_get_u64(rejected, name, &ledger->rejected[reason])) {
            return false;
        }
    }
    return true;
}
