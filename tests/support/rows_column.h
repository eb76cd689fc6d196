/* A column of a table by its name, which must be there. */
#ifndef TIDE_SUPPORT_ROWS_COLUMN_H
#define TIDE_SUPPORT_ROWS_COLUMN_H

#include "base/assert.h"
#include "lake/rows.h"

#include <stdio.h>

static inline uint32_t layout_column(const struct tide_layout *layout, const char *name)
{
    for (uint32_t c = 0; c < layout->column_count; c++) {
        if (tide_view_equal(layout->columns[c].name, tide_view_of(name))) {
            return c;
        }
    }
    (void)fprintf(stderr, "no column %s\n", name);
    tide_assert(false);
    return 0;
}

static inline uint32_t rows_column(const struct tide_rows *rows, const char *name)
{
    return layout_column(tide_rows_layout(rows), name);
}

static inline int64_t rows_number(const struct tide_rows *rows, const char *name, uint32_t row)
{
    return tide_rows_number(rows, rows_column(rows, name), row);
}

static inline struct tide_view rows_text(const struct tide_rows *rows,
                                         const char *name,
                                         uint32_t row)
{
    return tide_rows_text(rows, rows_column(rows, name), row);
}

#endif
