/* Windowed aggregates; see cells.c. Private to the room. */
#ifndef TIDE_OPERATOR_CELLS_H
#define TIDE_OPERATOR_CELLS_H

#include "operator/operator_internal.h"

/* Turns row_groups into indices of cells, which say that they changed. false: out of memory. */
bool operator_place_rows(struct tide_operator *operator,
                         const struct tide_operator_input * input,
                         uint32_t count);

#endif
