/* An entity is seen in periods, numbered by the local day they begin with; its age in a period is
 * the distance to its first one. */
#include "metric/sql_writer.h"

#include "base/assert.h"

#include <inttypes.h>

#include "base/banned.h"

enum {
    DAYS_PER_WEEK = 7
};

static int64_t days_of_period(struct tide_window_spec spec)
{
    tide_assert(spec.unit == TIDE_WINDOW_DAYS || spec.unit == TIDE_WINDOW_WEEKS);
    return spec.unit == TIDE_WINDOW_WEEKS ? spec.size * DAYS_PER_WEEK : spec.size;
}

/* Unbounded: one row for each entity, with the greatest age. Else one for each that it had. */
static void write_ages(const struct sql_writer *writer)
{
    if (writer->metric->retention.is_unbounded) {
        SQL(writer,
            "SELECT MIN(_start) AS _born, MIN(_end) AS _grown, "
            "MAX(_number) - MIN(_number) AS _age FROM _seen AS _s GROUP BY ");
        sql_write_name(writer, writer->schema->entity);
        return;
    }
    static const char *const firsts[][2] = {
        {"MIN(_start)", " AS _born, "},
        {"MIN(_end)", " AS _grown, "},
        {"_number - MIN(_number)", " AS _age"},
    };
    SQL(writer, "SELECT ");
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        SQL_FORMAT(writer, "%s OVER (PARTITION BY ", firsts[i][0]);
        sql_write_name(writer, writer->schema->entity);
        SQL_FORMAT(writer, ")%s", firsts[i][1]);
    }
    SQL(writer, " FROM _seen AS _s");
}

void sql_write_retention(const struct sql_writer *writer)
{
    const struct tide_metric *metric = writer->metric;
    const int64_t days = days_of_period(metric->every);
    SQL(writer, "WITH _seen AS (SELECT DISTINCT ");
    sql_write_name(writer, writer->schema->entity);
    SQL(writer, ", ");
    sql_write_window(writer);
    SQL(writer, ", _number");
    sql_write_from(writer, "events");
    sql_write_where(writer, &writer->schema->entity, 1);
    SQL(writer, "),\n_ages AS (");
    write_ages(writer);
    SQL(writer, ")\nSELECT _born AS _start, _grown AS _end");
    for (uint32_t k = 0; k <= metric->retention.period_count; k++) {
        SQL_FORMAT(writer,
                   ",\nCOUNT(CASE WHEN _age %s %" PRId64 " THEN 1 END) AS _retained%u",
                   metric->retention.is_unbounded ? ">=" : "=",
                   days * k,
                   k);
    }
    SQL(writer, "\nFROM _ages AS _a\nGROUP BY _born, _grown");
}
