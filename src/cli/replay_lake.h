/* replay --lake: the rows of a bounded run as Delta tables in a fresh place. */
#ifndef TIDE_CLI_REPLAY_LAKE_H
#define TIDE_CLI_REPLAY_LAKE_H

#include "cli/lake_place.h"
#include "process/checkpoint.h"
#include "process/feeder.h"

struct tide_replay_lake;

/* place must not hold a lake yet (REJECT). Sets the feeder's layouts and seed. */
enum tide_status tide_replay_lake_open(const struct tide_lake_place_options *place,
                                       const struct tide_schema *schema,
                                       uint32_t partition_count,
                                       struct tide_feeder_options *options,
                                       struct tide_replay_lake **lake,
                                       struct tide_error *error);
void tide_replay_lake_close(struct tide_replay_lake *lake);
/* Between runs of the feeder: writes an epoch if the rows that wait have become many. */
enum tide_status tide_replay_lake_relieve(struct tide_replay_lake *lake,
                                          struct tide_feeder *feeder,
                                          struct tide_error *error);
/* Writes the last epoch. */
enum tide_status tide_replay_lake_finish(struct tide_replay_lake *lake,
                                         struct tide_feeder *feeder,
                                         struct tide_error *error);

#endif
