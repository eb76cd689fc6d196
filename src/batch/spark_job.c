#include "batch/spark_job.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/embedded.h"
#include "base/json.h"
#include "batch/spark_program.h"
#include "batch/typed_view.h"
#include "metric/sql.h"

#include "base/banned.h"

enum {
    LAYOUT_BYTES_MAX = 4 << 20,
    SQL_BYTES_MAX = 32 << 20
};

static const char events_table[] = "lake_events";
static const char rejected_table[] = "lake_rejected";

struct tide_view tide_spark_program(void)
{
    return (struct tide_view){tide_spark_programs[0].text, tide_spark_programs[0].size};
}

/* ---- tables */

static void write_files(const struct tide_snapshot_table *table, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < table->file_count; i++) {
        const struct tide_snapshot_file *file = &table->files[i];
        char date[TIDE_CIVIL_TEXT_MAX];
        tide_bytes_append_text(json, i == 0 ? "\n[" : ",\n[");
        tide_json_write_string(json, file->path);
        if (file->date_days == TIDE_DATE_UNKNOWN) {
            tide_bytes_append_text(json, ",null");
        } else {
            tide_civil_format_date(file->date_days, date);
            tide_bytes_append_format(json, ",\"%s\"", date);
        }
        tide_bytes_append_format(json, ",%llu]", (unsigned long long)file->size);
    }
    tide_bytes_append_byte(json, ']');
}

/* A row of a partition without a bound gets null, which is not let through. */
static void write_where(const struct tide_snapshot *snapshot,
                        const char *partition,
                        struct tide_bytes *text)
{
    tide_bytes_append_text(text, "_epoch <= try_element_at(array(");
    for (uint32_t p = 0; p < snapshot->partition_count; p++) {
        tide_bytes_append_format(
            text, "%s%lldL", p == 0 ? "" : ", ", (long long)snapshot->epochs[p]);
    }
    tide_bytes_append_format(text, "), CAST(`%s` + 1 AS INT))", partition);
}

static enum tide_status write_table(const struct tide_spark_job *job,
                                    enum tide_table which,
                                    struct tide_bytes *json,
                                    struct tide_error *error)
{
    const struct tide_snapshot *snapshot = job->plan->snapshot;
    const bool is_events = which == TIDE_TABLE_EVENTS;
    struct tide_bytes text = {0};
    struct tide_arena arena;
    tide_arena_init(&arena, LAYOUT_BYTES_MAX);
    const struct tide_layout *layout = tide_layout_create(&arena, job->schema, which);
    for (uint32_t i = 0; layout != NULL && i < layout->column_count; i++) {
        tide_bytes_append_format(&text,
                                 "%s`%.*s` %s",
                                 i == 0 ? "" : ", ",
                                 TIDE_VIEW_ARGUMENTS(layout->columns[i].name),
                                 tide_dialect_type(TIDE_DIALECT_SPARK, layout->columns[i].type));
    }
    tide_json_write_key(json, is_events ? events_table : rejected_table);
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "schema", tide_bytes_view(&text));
    tide_bytes_reset(&text);
    if (layout != NULL) {
        tide_bytes_append_view(&text, job->lake_url);
        tide_bytes_append_format(&text, "/%s", layout->name);
    }
    tide_json_write_text_member(json, "root", tide_bytes_view(&text));
    tide_bytes_reset(&text);
    write_where(snapshot, is_events ? "_partition" : "partition", &text);
    tide_json_write_text_member(json, "where", tide_bytes_view(&text));
    tide_json_write_key(json, "files");
    write_files(is_events ? &snapshot->events : &snapshot->rejected, json);
    tide_bytes_append_byte(json, '}');
    const bool is_whole = layout != NULL && !text.failed;
    tide_bytes_release(&text);
    tide_arena_release(&arena);
    return is_whole ? TIDE_OK : tide_error_set(error, TIDE_RETRY, "no memory for a job of Spark");
}

/* ---- units */

static void write_question(const struct tide_spark_unit *unit, struct tide_bytes *sql)
{
    switch (unit->question.kind) {
    case TIDE_BATCH_CELLS:
        tide_metric_sql(unit->question.definitions, unit->question.metric, unit->span, sql);
        return;
    case TIDE_BATCH_READS:
        tide_bytes_append_text(
            sql, "SELECT _partition, MAX(_offset) AS _last FROM lake_events GROUP BY _partition");
        return;
    case TIDE_BATCH_EVENTS_AUDIT:
        tide_bytes_append_text(sql,
                               "SELECT _partition, COUNT(*) AS _rows,\n"
                               "COUNT(DISTINCT struct(uid_high, uid_low)) AS _uids,\n"
                               "CAST(SUM(CAST(uid_high AS DECIMAL(38, 0))) AS STRING) AS _high,\n"
                               "CAST(SUM(CAST(uid_low AS DECIMAL(38, 0))) AS STRING) AS _low,\n"
                               "MAX(_offset) AS _last FROM lake_events GROUP BY _partition");
        return;
    case TIDE_BATCH_REJECTED_AUDIT:
        tide_bytes_append_text(sql,
                               "SELECT `partition`, reason, COUNT(*) AS _rows,\n"
                               "MAX(`offset`) AS _last FROM lake_rejected\n"
                               "GROUP BY `partition`, reason");
        return;
    }
    tide_assert(false);
}

static void write_bounds(const char *key, struct tide_window bounds, struct tide_bytes *json)
{
    const int64_t us[2] = {bounds.start.us, bounds.end.us};
    tide_json_write_key(json, key);
    for (int i = 0; i < 2; i++) {
        tide_bytes_append_byte(json, i == 0 ? '[' : ',');
        if (tide_instant_known((struct tide_instant){us[i]})) {
            tide_bytes_append_format(json, "%lld", (long long)us[i]);
        } else {
            tide_bytes_append_text(json, "null");
        }
    }
    tide_bytes_append_byte(json, ']');
}

static void write_unit(const struct tide_spark_unit *unit, uint32_t index, struct tide_bytes *json)
{
    const bool is_rejected = unit->question.kind == TIDE_BATCH_REJECTED_AUDIT;
    char result[TIDE_SPARK_RESULT_SIZE];
    struct tide_bytes text = {0};
    tide_bytes_init(&text, SQL_BYTES_MAX);
    tide_spark_result_name(index, result);
    tide_bytes_append_text(json, json->data[json->size - 1] == '[' ? "\n{" : ",\n{");
    tide_json_write_text_member(json, "result", tide_view_of(result));
    tide_spark_unit_name(unit, &text);
    tide_json_write_text_member(json, "name", tide_bytes_view(&text));
    tide_json_write_text_member(
        json, "table", tide_view_of(is_rejected ? rejected_table : events_table));
    write_bounds("events", unit->events, json);
    write_bounds("starts", unit->starts, json);
    tide_bytes_reset(&text);
    write_question(unit, &text);
    tide_json_write_text_member(json, "sql", tide_bytes_view(&text));
    tide_bytes_append_byte(json, '}');
    json->failed = json->failed || text.failed;
    tide_bytes_release(&text);
}

/* ---- the job */

enum tide_status tide_spark_job_write(const struct tide_spark_job *job,
                                      struct tide_bytes *json,
                                      struct tide_error *error)
{
    const struct tide_spark_plan *plan = job->plan;
    struct tide_bytes view = {0};
    tide_events_sql(job->schema, TIDE_SQL_SPARK, tide_view_of(events_table), &view);
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "application", job->application);
    tide_json_write_text_member(json, "lock", job->lock);
    tide_json_write_text_member(json, "results", job->results);
    tide_json_write_text_member(json, "events", tide_bytes_view(&view));
    const bool is_whole = !view.failed;
    tide_bytes_release(&view);
    tide_json_write_key(json, "tables");
    tide_bytes_append_byte(json, '{');
    enum tide_status status = write_table(job, TIDE_TABLE_EVENTS, json, error);
    if (status == TIDE_OK) {
        status = write_table(job, TIDE_TABLE_REJECTED, json, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    tide_bytes_append_byte(json, '}');
    tide_json_write_key(json, "units");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < plan->unit_count && !json->failed; i++) {
        if (job->is_done == NULL || !job->is_done[i]) {
            write_unit(&plan->units[i], i, json);
        }
    }
    tide_bytes_append_text(json, "]}\n");
    return is_whole && !json->failed
               ? TIDE_OK
               : tide_error_set(error, TIDE_RETRY, "no memory for a job of Spark");
}
