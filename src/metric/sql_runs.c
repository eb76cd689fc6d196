/* Sessions and funnels: the events of a key, in a total order, are cut into runs by gaps.
 *
 * The order ends with the uid, so that every window function over it sees the same one. Equal
 * instants and steps are told apart by the group first, as the meaning of a run's group wants. */
#include "metric/sql_writer.h"

#include "base/assert.h"

#include <inttypes.h>

#include "base/banned.h"

static const struct tide_view duration = {"_time", 5};
static const struct tide_quantile median = {{"0.5", 3}, 1, 2};

struct key { /* whose events are cut */
    const uint32_t *columns;
    uint32_t count;
};

/* Sessions: "", funnels: "_step, " */
static const char *step_of(const struct sql_writer *writer)
{
    return writer->metric->kind == TIDE_METRIC_FUNNEL ? "_step, " : "";
}

static void write_key(const struct sql_writer *writer, struct key key)
{
    for (uint32_t i = 0; i < key.count; i++) {
        SQL(writer, i == 0 ? "" : ", ");
        sql_write_name(writer, key.columns[i]);
    }
}

static void write_order(const struct sql_writer *writer)
{
    SQL_FORMAT(writer, "event_time, %s", step_of(writer));
    for (uint32_t i = 0; i < writer->metric->by_count; i++) {
        sql_write_name(writer, writer->metric->by[i]);
        SQL(writer, " ASC NULLS FIRST, ");
    }
    SQL(writer, "uid_high, uid_low");
}

/* The columns of the key and the group, and those of the order. */
static void write_columns(const struct sql_writer *writer, struct key key)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    sql_use_group(writer, used);
    for (uint32_t i = 0; i < key.count; i++) {
        used[key.columns[i]] = true;
    }
    sql_write_used(writer, used);
    SQL(writer, "event_time, uid_high, uid_low");
}

/* From _input to _parts, where _cut is 1 on the first event of each run and _run is its number. A
 * gap cuts, and so does what comes after the last step of a funnel. */
static void write_cuts(const struct sql_writer *writer, struct key key, struct tide_duration gap)
{
    SQL_FORMAT(writer,
               "_cuts AS (SELECT *, CASE WHEN event_time - (LAG(event_time) OVER _o) < %" PRId64,
               gap.us);
    if (writer->metric->kind == TIDE_METRIC_FUNNEL) {
        SQL_FORMAT(writer, " AND (LAG(_step) OVER _o) < %u", writer->metric->funnel->step_count);
    }
    SQL(writer, " THEN 0 ELSE 1 END AS _cut FROM _input AS _e\nWINDOW _o AS (PARTITION BY ");
    write_key(writer, key);
    SQL(writer, " ORDER BY ");
    write_order(writer);
    SQL(writer, ")),\n_parts AS (SELECT *, SUM(_cut) OVER (PARTITION BY ");
    write_key(writer, key);
    SQL(writer, " ORDER BY ");
    write_order(writer);
    SQL(writer, " ROWS UNBOUNDED PRECEDING) AS _run FROM _cuts AS _e),\n");
}

/* From _runs, a row each with the time and group of its head and a duration, to _ranks. */
static void write_ranks(const struct sql_writer *writer)
{
    SQL(writer, "_cells AS (SELECT *, ");
    sql_write_window(writer);
    sql_write_from(writer, "_runs");
    SQL(writer, "),\n_ranks AS (");
    sql_write_ranked(writer, duration, "_cells");
    SQL(writer, ")\n");
}

static void write_durations(const struct sql_writer *writer)
{
    SQL(writer, ",\n");
    sql_write_sum(writer, duration, 0);
    SQL(writer, " AS _sum, ");
    sql_write_rank(writer, duration, &median);
    SQL(writer, " AS _median\nFROM _ranks AS _r\nGROUP BY ");
    sql_write_cell(writer);
}

void sql_write_sessions(const struct sql_writer *writer)
{
    const struct key key = {&writer->schema->entity, 1};
    SQL(writer, "WITH _input AS (SELECT ");
    write_columns(writer, key);
    SQL(writer, " FROM events AS _e");
    sql_write_where(writer, key.columns, key.count);
    SQL(writer, "),\n");
    write_cuts(writer, key, writer->metric->sessions.timeout);
    SQL(writer,
        "_facts AS (SELECT *, COUNT(*) OVER _s AS _size, "
        "(MAX(event_time) OVER _s) - event_time AS _time FROM _parts AS _e\n"
        "WINDOW _s AS (PARTITION BY ");
    write_key(writer, key);
    SQL(writer, ", _run)),\n_runs AS (SELECT * FROM _facts AS _f WHERE _cut = 1),\n");
    write_ranks(writer);
    SQL(writer, "SELECT ");
    sql_write_cell(writer);
    SQL(writer,
        ", COUNT(*) AS _sessions, CAST(SUM(_size) AS BIGINT) AS _events, "
        "COUNT(CASE WHEN _size = 1 THEN 1 END) AS _bounced");
    write_durations(writer);
}

/* ------- funnel */

/* The events of any step, with the earliest that each matches. */
static void write_steps(const struct sql_writer *writer, struct key key)
{
    const struct tide_funnel_plan *plan = writer->metric->funnel;
    SQL(writer, "WITH _steps AS (SELECT ");
    write_columns(writer, key);
    SQL(writer, ", CASE");
    for (uint32_t k = 0; k < plan->step_count; k++) {
        SQL(writer, " WHEN ");
        tide_expression_sql(plan->steps[k], writer->sql);
        SQL_FORMAT(writer, " THEN %u", k + 1);
    }
    SQL(writer, " END AS _step FROM events AS _e");
    sql_write_where(writer, key.columns, key.count);
    SQL(writer, "),\n_input AS (SELECT * FROM _steps AS _s WHERE _step IS NOT NULL),\n");
}

/* _t1 .. _tn are the step times of a run. As the order is by time and then step, the first event of
 * step k after that of step k - 1 is the first one not before it. The head of a run is its _t1
 * event, or else its first. */
static void write_matches(const struct sql_writer *writer, struct key key)
{
    const uint32_t count = writer->metric->funnel->step_count;
    SQL(writer,
        "_matched1 AS (SELECT *, MIN(CASE WHEN _step = 1 THEN event_time END) "
        "OVER (PARTITION BY ");
    write_key(writer, key);
    SQL(writer, ", _run) AS _t1,\nROW_NUMBER() OVER (PARTITION BY ");
    write_key(writer, key);
    SQL(writer, ", _run ORDER BY CASE WHEN _step = 1 THEN 0 ELSE 1 END, ");
    write_order(writer);
    SQL(writer, ") AS _place FROM _parts AS _e),\n");
    for (uint32_t k = 2; k <= count; k++) {
        SQL_FORMAT(writer,
                   "_matched%u AS (SELECT *, MIN(CASE WHEN _step = %u AND event_time >= _t%u "
                   "THEN event_time END) OVER (PARTITION BY ",
                   k,
                   k,
                   k - 1);
        write_key(writer, key);
        SQL_FORMAT(writer, ", _run) AS _t%u FROM _matched%u AS _e),\n", k, k - 1);
    }
    SQL_FORMAT(writer,
               "_runs AS (SELECT *, _t%u - _t1 AS _time FROM _matched%u AS _e WHERE _place = 1),\n",
               count,
               count);
}

void sql_write_funnel(const struct sql_writer *writer)
{
    const struct tide_funnel_plan *plan = writer->metric->funnel;
    const struct key key = {plan->per, plan->per_count};
    const struct tide_view entity = writer->schema->columns[writer->schema->entity].name;
    tide_assert(plan->step_count > 0);
    write_steps(writer, key);
    write_cuts(writer, key, plan->timeout);
    write_matches(writer, key);
    write_ranks(writer);
    SQL(writer, "SELECT ");
    sql_write_cell(writer);
    for (uint32_t k = 1; k <= plan->step_count; k++) {
        SQL_FORMAT(writer,
                   ",\nCOUNT(_t%u) AS _reached%u, "
                   "COUNT(DISTINCT CASE WHEN _t%u IS NOT NULL THEN %.*s END) AS _entities%u",
                   k,
                   k,
                   k,
                   TIDE_VIEW_ARGUMENTS(entity),
                   k);
    }
    SQL(writer, ",\nCOUNT(*) - COUNT(_t1) AS _unmatched");
    write_durations(writer);
}
