/* Lines of cells as one rectangle, for spreadsheets and terminals: members become columns.
 *
 * Metric, window and cohort come first, then the columns of groups, then values, each in the order
 * in which they are first seen. What a column is called:
 *
 *     "group": {"os": "x"}              os          (group.os, if a value is called os as well)
 *     "value": 3                        value
 *     "quantiles": {"0.5": 1}           quantiles.0.5
 *     "retained": [3, 1]                retained.0, retained.1   (in a table retained.0, .1)
 *     "steps": [{"name": "buy", ..}]    buy.reached, buy.entities, ..
 *                                       (in a table a row for each step: step, reached, entities)
 *
 * One thread. */
#ifndef TIDE_CLI_SHEET_H
#define TIDE_CLI_SHEET_H

#include <stdbool.h>

#include "base/bytes.h"

enum tide_sheet_form {
    TIDE_SHEET_CSV,  /* null is an empty field, an empty text "" */
    TIDE_SHEET_TABLE /* aligned; metrics that have other columns stand apart */
};

struct tide_sheet;

/* NULL: out of memory. */
struct tide_sheet *tide_sheet_create(enum tide_sheet_form form);
/* line is copied; one that is no cell (the ledger) is left out. false: out of memory. */
bool tide_sheet_add(struct tide_sheet *sheet, struct tide_view line);
/* On stdout, until that fails. false: out of memory. */
bool tide_sheet_print(struct tide_sheet *sheet);
void tide_sheet_destroy(struct tide_sheet *sheet);

#endif
