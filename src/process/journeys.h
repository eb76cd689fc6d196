/* Journeys of a funnel as rows of the lake's table `journeys`; and such a row as a line of JSON, as
 * it is published. */
#ifndef TIDE_PROCESS_JOURNEYS_H
#define TIDE_PROCESS_JOURNEYS_H

#include "lake/rows.h"
#include "operator/dictionary.h"
#include "operator/journey.h"

struct tide_journey_source { /* whose they are */
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    const struct tide_dictionary
        *entities; /* their texts; of a column of numbers eight bytes each */
    uint32_t partition;
    uint64_t epoch; /* that the rows will be of; the revision is the next number */
};

/* Tells the operator's journeys into *rows, which is created when the first one comes. FATAL: out
 * of memory. */
enum tide_status tide_journey_rows(const struct tide_journey_source *source,
                                   struct tide_operator *
                                   operator,
                                   struct tide_instant closing,
                                   const struct tide_layout *layout,
                                   struct tide_rows **rows);
/* {"journey": {"metric": .., "key": {..}, "group": {..}, "outcome": .., ..}} without '\n'. */
void tide_journey_write_json(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text);

/* Which run it is, equal for all its revisions: {"metric": .., "key": {..}, "ordinal": ..}. */
void tide_journey_write_key(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text);

#endif
