/* What the running service says of itself, as far as the demo tells it. All zero: nothing yet. */
#ifndef TIDE_CLI_DEMO_FACTS_H
#define TIDE_CLI_DEMO_FACTS_H

#include "base/clock.h"
#include "process/ledger.h"

enum {
    TIDE_DEMO_VERSIONS_MAX = 256
};

/* One of the app, over the days that were asked for. */
struct tide_demo_version {
    char name[24];
    uint64_t troubled; /* devices or users with a crash or an error */
    uint64_t seen;
};

struct tide_demo_facts {
    struct tide_ledger ledger;
    bool holds;                     /* the ledger does */
    struct tide_instant watermark;  /* the newest one of the partitions, or UNKNOWN */
    uint64_t events_per_second;     /* over about a second, or since the reading before */
    uint64_t events_per_second_max; /* of all such */
    struct tide_monotonic rated;    /* when that was measured; zero: not yet */
    uint64_t rated_verdicts;        /* that there were then */
    struct tide_demo_version versions[TIDE_DEMO_VERSIONS_MAX];
    uint32_t version_count;
};

/* The body of GET /api/v1/ledger. false: it is something else, and facts are as they were. */
bool tide_demo_facts_read_ledger(struct tide_view body,
                                 struct tide_monotonic now,
                                 struct tide_demo_facts *facts);
/* Forgets the rates: what was until now is not what they are about. */
void tide_demo_facts_forget_rates(struct tide_demo_facts *facts);
/* Lines of a ratio by app_version; windows are added up. Versions beyond the maximum are left out.
 * false: a line is no such cell. */
bool tide_demo_facts_read_rates(struct tide_view body, struct tide_demo_facts *facts);
/* The one with the highest rate of those that were seen often enough to say; NULL: none. */
const struct tide_demo_version *tide_demo_facts_worst(const struct tide_demo_facts *facts);
/* In tenths of a percent; 0 of none. */
uint64_t tide_demo_rate_permille(const struct tide_demo_version *version);

#endif
