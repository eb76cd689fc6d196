/* What the table of journeys must say, from the contents of the log and a closing clock alone.
 *
 * A plain reading of semantics section 6 for the two funnels of sim_definitions: sort a person's
 * events, cut, walk. It knows nothing of what changed since when, nor of epochs. One thread. */
#ifndef TIDE_SUPPORT_SIM_JOURNEYS_H
#define TIDE_SUPPORT_SIM_JOURNEYS_H

#include "support/sim_lake.h"
#include "support/sim_model.h"

/* Of one partition, after the first record_count records: its rows of the table must be those, told
 * once each. NULL, or what is wrong, valid until the next call. */
const char *sim_journeys_check(const struct sim_lake *lake,
                               const struct sim_model *model,
                               const struct sim_events *events,
                               uint32_t partition,
                               uint64_t record_count,
                               struct tide_instant closing);

#endif
