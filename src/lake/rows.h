/* Rows of one epoch on their way to a table of the lake: typed columns in growing arrays.
 *
 * The layout names the columns; the date that partitions the table is kept beside them. Text is
 * copied. bytes says what is held, so that an epoch can be closed before memory runs away. */
#ifndef TIDE_LAKE_ROWS_H
#define TIDE_LAKE_ROWS_H

#include "event/schema.h"

enum tide_table {
    TIDE_TABLE_EVENTS,
    TIDE_TABLE_REJECTED,
    TIDE_TABLE_JOURNEYS,
    TIDE_TABLE_RAW,
    TIDE_TABLE_COUNT,                      /* of those that epochs write */
    TIDE_TABLE_METRICS = TIDE_TABLE_COUNT, /* batch writes it */
    TIDE_TABLE_ALL_COUNT,
};

enum tide_lake_type {
    TIDE_LAKE_STRING,
    TIDE_LAKE_LONG,
    TIDE_LAKE_DECIMAL, /* (18, 6) */
    TIDE_LAKE_BOOLEAN,
    TIDE_LAKE_TIMESTAMP, /* microseconds UTC */
    TIDE_LAKE_BINARY,
    TIDE_LAKE_DOUBLE, /* finite */
};
enum tide_lake_type tide_lake_type_of(enum tide_type type); /* of a column of a schema */

struct tide_lake_column {
    struct tide_view name;
    enum tide_lake_type type;
};

/* events: the schema's columns with a path, then event_time, received_time, sent_time, uid_high,
 * uid_low, payload, _partition, _offset, _index, _epoch; by event_date.
 * rejected: reason, pointer, detail, bytes, received_time, source, partition, offset, index,
 * _epoch; by received_date (null where unknown).
 * journeys: metric, definition, journey_key, journey_group, outcome, reached, step_count,
 * start_time, end_time, step_times, conversion_us, ordinal, revision, _partition, _epoch; by
 * start_date.
 * raw: bytes, received_time, sent_time, source, partition, offset, index, _epoch; by received_date
 * (null where unknown): every record, whatever became of it.
 * metrics: metric, definition, generation, window_start, window_end, dimensions, value, result,
 * state, epochs, offsets, run, computed_time; by window_date (null where a row is of no window). */
struct tide_layout {
    enum tide_table table;
    const char *name;        /* "events" */
    const char *date_column; /* "event_date" */
    uint32_t number;         /* for the table's id; a table keeps it for ever */
    struct tide_lake_column *columns;
    uint32_t column_count;
};

/* Lives in arena. NULL: out of its budget. */
struct tide_layout *tide_layout_create(struct tide_arena *arena,
                                       const struct tide_schema *schema,
                                       enum tide_table table);

struct tide_rows;

enum {
    TIDE_DATE_UNKNOWN = INT32_MIN
};

enum tide_status tide_rows_create(const struct tide_layout *layout,
                                  struct tide_rows **rows,
                                  struct tide_error *error);
void tide_rows_destroy(struct tide_rows *rows);
uint32_t tide_rows_count(const struct tide_rows *rows);
size_t tide_rows_bytes(const struct tide_rows *rows);
/* Starts a row of all nulls; then set its columns. FATAL: out of memory. */
enum tide_status tide_rows_begin(struct tide_rows *rows, int32_t date_days);
void tide_rows_set_number(struct tide_rows *rows, uint32_t column, int64_t number);
void tide_rows_set_double(struct tide_rows *rows, uint32_t column, double number);
/* FATAL: out of memory. */
enum tide_status tide_rows_set_text(struct tide_rows *rows, uint32_t column, struct tide_view text);

/* Reading: */
const struct tide_layout *tide_rows_layout(const struct tide_rows *rows);
int32_t tide_rows_date(const struct tide_rows *rows, uint32_t row);
bool tide_rows_is_null(const struct tide_rows *rows, uint32_t column, uint32_t row);
int64_t tide_rows_number(const struct tide_rows *rows, uint32_t column, uint32_t row);
double tide_rows_double(const struct tide_rows *rows, uint32_t column, uint32_t row);
struct tide_view tide_rows_text(const struct tide_rows *rows, uint32_t column, uint32_t row);

/* A column as it lies in memory, for who goes through all of it: by row, until the rows change. */
struct tide_rows_column {
    const uint8_t *presence; /* 1: there is a value */
    const int64_t *values;   /* numbers, bits of doubles, or where in texts a text begins */
    const uint32_t *sizes;   /* of texts; NULL in a column of numbers */
    const char *texts;
};
struct tide_rows_column tide_rows_column(const struct tide_rows *rows, uint32_t column);
/* The row numbers of each date, dates ascending (unknown first): visit is called once a date. */
enum tide_status tide_rows_by_date(const struct tide_rows *rows,
                                   enum tide_status (*visit)(void *context,
                                                             int32_t date_days,
                                                             const uint32_t *row_indices,
                                                             uint32_t row_count),
                                   void *context,
                                   struct tide_error *error);

/* Delta's stats of those rows:
 * {"numRecords":..,"minValues":{..},"maxValues":{..},"nullCount":{..}}; long texts are cut as the
 * protocol allows (max rounded up, or left out). */
void tide_rows_stats(const struct tide_rows *rows,
                     const uint32_t *row_indices,
                     uint32_t row_count,
                     struct tide_bytes *json);

#endif
