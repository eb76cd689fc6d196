/* What the files sql*.c share. Private to the room.
 *
 * What keeps the texts portable: windows are arithmetic on event_time or rows of VALUES, so no
 * engine is asked about time or zones; ranks are compared as products; every comparison stands in
 * COALESCE(.., FALSE); every ORDER BY says where nulls go; a sum is DECIMAL(38, ..) or cast back to
 * BIGINT; every table in FROM has an alias, since Spark takes `FROM t WHERE (x)` for one; a window
 * function stands in parentheses where more follows, since Spark reads `OVER w - x` as a name.
 * Names of ours begin with an underscore, which no column of a schema does; `_partition`,
 * `_offset`, `_index` and `_epoch` are the lake's. */
#ifndef TIDE_METRIC_SQL_WRITER_H
#define TIDE_METRIC_SQL_WRITER_H

#include "metric/sql.h"

struct sql_writer {
    const struct tide_definitions *definitions;
    const struct tide_schema *schema;
    const struct tide_metric *metric;
    struct tide_window span; /* within 1970..2100 */
    struct tide_bytes *sql;
};

/* A text without and with arguments. */
#define SQL(writer, text) tide_bytes_append_text((writer)->sql, (text))
#define SQL_FORMAT(writer, ...) tide_bytes_append_format((writer)->sql, __VA_ARGS__)

/* ------- sql_column.c */

void sql_write_name(const struct sql_writer *writer, uint32_t column);
/* Marks the by-columns. */
void sql_use_group(const struct sql_writer *writer, bool used[TIDE_SCHEMA_COLUMNS_MAX]);
/* Each marked column and ", ". */
void sql_write_used(const struct sql_writer *writer, const bool used[TIDE_SCHEMA_COLUMNS_MAX]);
/* "_start, _end" and the by-columns. */
void sql_write_cell(const struct sql_writer *writer);
/* " WHERE .." of the metric's condition and, unless NULL, "_ IS NOT NULL" of those columns. */
void sql_write_where(const struct sql_writer *writer, const uint32_t *present, uint32_t count);
/* SUM of a column as a number of 38 digits, places of them after the point, as text. */
void sql_write_sum(const struct sql_writer *writer, struct tide_view column, unsigned places);
/* Digits after the point of a column: 6 or 0. */
unsigned sql_places(const struct sql_writer *writer, uint32_t column);

/* ------- sql_window.c: rows that have event_time, in a SELECT that reads them */

/* ".. AS _start, .. AS _end" of the tumbling window of each row; with a number also "_number", the
 * local day that it begins with. */
void sql_write_window(const struct sql_writer *writer);
/* Only ".. AS _pane", its start. */
void sql_write_pane(const struct sql_writer *writer);
/* " FROM <table> AS _e" and what must be joined for that. */
void sql_write_from(const struct sql_writer *writer, const char *table);
/* Rows that have _pane, each once for every sliding window that holds it: "SELECT _p.*, _start,
 * _end FROM (", and the rest after the rows were written. */
void sql_begin_slide(const struct sql_writer *writer);
void sql_end_slide(const struct sql_writer *writer);

/* ------- sql_rank.c */

/* SELECT of the rows of a table with _rank, by a column within the cell (nulls last), and _ranked,
 * how many are not null. */
void sql_write_ranked(const struct sql_writer *writer, struct tide_view column, const char *table);
/* The value of rank ceil(q n) of ranked rows: the least among those of rank >= q n. */
void sql_write_rank(const struct sql_writer *writer,
                    struct tide_view column,
                    const struct tide_quantile *quantile);

/* ------- kinds */

void sql_write_quantiles(const struct sql_writer *writer);
void sql_write_retention(const struct sql_writer *writer);
void sql_write_sessions(const struct sql_writer *writer);
void sql_write_funnel(const struct sql_writer *writer);

#endif
