/* The conservation law of a partition (semantics section 7):
 *
 *     verdicts  = processed + duplicate + sum of rejected
 *     processed = on_time + late_hot + late_cold = rows for `events`
 *
 * All zero is a valid empty ledger. A small value; copied freely. */
#ifndef TIDE_PROCESS_LEDGER_H
#define TIDE_PROCESS_LEDGER_H

#include "base/hash.h"
#include "base/json.h"
#include "event/verdict.h"

struct tide_ledger {
    uint64_t verdicts;
    uint64_t processed;
    uint64_t duplicate;
    uint64_t rejected[TIDE_REASON_COUNT]; /* [ACCEPTED] stays 0 */
    uint64_t on_time;
    uint64_t late_hot;
    uint64_t late_cold;
    struct tide_u128 uids; /* sum of the uids that were processed, each half modulo 2^64 */
};

uint64_t tide_ledger_rejected(const struct tide_ledger *ledger);
/* Both lines of the law. */
bool tide_ledger_holds(const struct tide_ledger *ledger);
bool tide_ledger_equal(const struct tide_ledger *a, const struct tide_ledger *b);
void tide_ledger_add(struct tide_ledger *into, const struct tide_ledger *other);
/* {"verdicts": 1, "processed": ..., "rejected": {"type": 1}, ...}: only reasons that occurred. */
void tide_ledger_write_json(const struct tide_ledger *ledger, struct tide_bytes *json);
/* Reads what write_json wrote; false if anything is missing. */
bool tide_ledger_read_json(const struct tide_json *json, struct tide_ledger *ledger);

#endif
