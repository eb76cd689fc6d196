/* What the lake's tests share: a layout with a column of each type, and rows for it. */
#ifndef TIDE_UNIT_LAKE_FIXTURE_H
#define TIDE_UNIT_LAKE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lake/rows.h"

enum fixture_column {
    FIXTURE_TEXT,
    FIXTURE_LONG,
    FIXTURE_DECIMAL,
    FIXTURE_BOOLEAN,
    FIXTURE_TIME,
    FIXTURE_BYTES,
    FIXTURE_RECEIVED,
    FIXTURE_COLUMNS,
};

#define FIXTURE_NAME(text)                                                                         \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
static struct tide_lake_column fixture_columns[FIXTURE_COLUMNS] = {
    {FIXTURE_NAME("text"), TIDE_LAKE_STRING},
    {FIXTURE_NAME("long"), TIDE_LAKE_LONG},
    {FIXTURE_NAME("decimal"), TIDE_LAKE_DECIMAL},
    {FIXTURE_NAME("boolean"), TIDE_LAKE_BOOLEAN},
    {FIXTURE_NAME("time"), TIDE_LAKE_TIMESTAMP},
    {FIXTURE_NAME("bytes"), TIDE_LAKE_BINARY},
    {FIXTURE_NAME("received_time"), TIDE_LAKE_TIMESTAMP},
};

static const struct tide_layout fixture_layout = {
    .table = TIDE_TABLE_EVENTS,
    .name = "events",
    .date_column = "event_date",
    .columns = fixture_columns,
    .column_count = FIXTURE_COLUMNS,
};

/* A column of doubles alone. */
static struct tide_lake_column fixture_double_columns[] = {
    {FIXTURE_NAME("double"), TIDE_LAKE_DOUBLE},
};

static const struct tide_layout fixture_double_layout = {
    .table = TIDE_TABLE_METRICS,
    .name = "metrics",
    .date_column = "window_date",
    .columns = fixture_double_columns,
    .column_count = 1,
};

static inline struct tide_rows *fixture_doubles(const double *numbers, uint32_t count)
{
    struct tide_rows *rows = NULL;
    assert_int_equal(tide_rows_create(&fixture_double_layout, &rows, NULL), TIDE_OK);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        tide_rows_set_double(rows, 0, numbers[i]);
    }
    return rows;
}

static inline struct tide_rows *fixture_rows(void)
{
    struct tide_rows *rows = NULL;
    assert_int_equal(tide_rows_create(&fixture_layout, &rows, NULL), TIDE_OK);
    return rows;
}

static inline void fixture_text(struct tide_rows *rows, uint32_t column, const char *text)
{
    assert_int_equal(tide_rows_set_text(rows, column, tide_view_of(text)), TIDE_OK);
}

#endif
