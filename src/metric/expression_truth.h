/* Whether a condition can be true, and can be false, of any event: what is always one of the two is
 * a mistake that somebody should hear of. Private to the room.
 *
 * Found by trying: a condition tells values of a column apart only by its constants, so a value at
 * each of them and one between neighbours stand for all. Columns are taken for independent of each
 * other; what is said to hold never, or always, is so. */
#ifndef TIDE_METRIC_EXPRESSION_TRUTH_H
#define TIDE_METRIC_EXPRESSION_TRUTH_H

#include "metric/having.h"

enum tide_truth {
    TIDE_TRUTH_SOMETIMES, /* also: it would take too long to find out, or there is no memory */
    TIDE_TRUTH_NEVER,
    TIDE_TRUTH_ALWAYS,
};

/* Over columns of events. */
enum tide_truth tide_expression_truth(const struct tide_expression *expression);
/* Over what an entity did, which is at least one event. */
enum tide_truth tide_having_truth(const struct tide_having *having);
/* Whether one of others[0..count) holds whenever expression does; false also if that is not found
 * out. */
bool tide_expression_is_covered(const struct tide_expression *expression,
                                const struct tide_expression *const *others,
                                uint32_t count);

#endif
