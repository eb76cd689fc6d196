/* Values of given rank, exactly: the rows of a cell are numbered by their value. A rank r is at
 * least q n where r * denominator >= n * numerator, in integers. */
#include "metric/sql_writer.h"

#include <inttypes.h>

#include "base/banned.h"

void sql_write_ranked(const struct sql_writer *writer, struct tide_view column, const char *table)
{
    SQL(writer, "SELECT *, ROW_NUMBER() OVER (PARTITION BY ");
    sql_write_cell(writer);
    SQL_FORMAT(writer,
               " ORDER BY %.*s ASC NULLS LAST) AS _rank,\nCOUNT(%.*s) OVER (PARTITION BY ",
               TIDE_VIEW_ARGUMENTS(column),
               TIDE_VIEW_ARGUMENTS(column));
    sql_write_cell(writer);
    SQL_FORMAT(writer, ") AS _ranked FROM %s AS _c", table);
}

void sql_write_rank(const struct sql_writer *writer,
                    struct tide_view column,
                    const struct tide_quantile *quantile)
{
    SQL_FORMAT(writer,
               "MIN(CASE WHEN _rank * %" PRIu64 " >= _ranked * %" PRIu64 " THEN %.*s END)",
               quantile->denominator,
               quantile->numerator,
               TIDE_VIEW_ARGUMENTS(column));
}

/* The rows of each window, with their values. */
static void write_rows(const struct sql_writer *writer)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    const bool is_sliding = writer->metric->pane_count > 1;
    sql_use_group(writer, used);
    used[writer->metric->column] = true;
    if (is_sliding) {
        sql_begin_slide(writer);
    }
    SQL(writer, "SELECT ");
    sql_write_used(writer, used);
    if (is_sliding) {
        sql_write_pane(writer);
    } else {
        sql_write_window(writer);
    }
    sql_write_from(writer, "events");
    sql_write_where(writer, NULL, 0);
    if (is_sliding) {
        sql_end_slide(writer);
    }
}

void sql_write_quantiles(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    const struct tide_view column = writer->schema->columns[metric->column].name;
    SQL(writer, "WITH _rows AS (");
    write_rows(writer);
    SQL(writer, "),\n_ranks AS (");
    sql_write_ranked(writer, column, "_rows");
    SQL(writer, ")\nSELECT ");
    sql_write_cell(writer);
    SQL_FORMAT(writer, ", COUNT(%.*s) AS _count", TIDE_VIEW_ARGUMENTS(column));
    for (uint32_t i = 0; i < metric->quantile_count; i++) {
        SQL(writer, ",\nCAST(");
        sql_write_rank(writer, column, &metric->quantiles[i]);
        SQL_FORMAT(writer, " AS STRING) AS _quantile%u", i);
    }
    SQL(writer, "\nFROM _ranks AS _r\nGROUP BY ");
    sql_write_cell(writer);
}
