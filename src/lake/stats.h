/* Delta's statistics of a data file, from the bounds of its columns (rows_stats.c, which also finds
 * them in rows; a file that DuckDB made has them from SQL). */
#ifndef TIDE_LAKE_STATS_H
#define TIDE_LAKE_STATS_H

#include "lake/rows.h"

struct tide_column_bounds {
    uint64_t null_count;
    bool has_value; /* and hence bounds, of the column's type: */
    int64_t low;    /* numbers, decimals scaled, microseconds */
    int64_t high;
    double least; /* doubles */
    double greatest;
    struct tide_view first; /* texts, or their first 33 code points */
    struct tide_view last;
};

/* Appends the JSON of tide_rows_stats. bounds: one for each column of the layout. */
void tide_stats_write(const struct tide_layout *layout,
                      const struct tide_column_bounds *bounds,
                      uint64_t row_count,
                      struct tide_bytes *json);

#endif
