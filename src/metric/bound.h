/* A decimal literal of any length against 64-bit column values: its floor, exact or not.
 *
 * A literal in a condition may have any number of digits, a column value has 64 bits. Once the
 * floor is known, every comparison with the literal is one with an integer, or is decided
 * already. */
#ifndef TIDE_METRIC_BOUND_H
#define TIDE_METRIC_BOUND_H

#include "base/bytes.h"

enum tide_bound_place {
    TIDE_BOUND_BELOW,  /* less than every 64-bit value */
    TIDE_BOUND_WITHIN, /* floor holds */
    TIDE_BOUND_ABOVE,  /* its floor is greater than every 64-bit value */
};

struct tide_bound {
    enum tide_bound_place place;
    int64_t floor; /* of literal * 10^scale */
    bool exact;    /* it is that */
};

/* literal: -?digits(.digits)? (asserted). scale: digits after the point that a column value
 * carries, 0 or 6. Linear in the literal. */
struct tide_bound tide_bound_of(struct tide_view literal, unsigned scale);

#endif
