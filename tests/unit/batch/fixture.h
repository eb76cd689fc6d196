/* What the tests of batch share: a lake written by hand, row by row, with known numbers in it. */
#ifndef TIDE_UNIT_BATCH_FIXTURE_H
#define TIDE_UNIT_BATCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "batch/lake_view.h"
#include "lake/delta.h"
#include "lake/table_writer.h"
#include "metric/definition.h"
#include "support/remove_tree.h"

static const char fixture_text[] = "schema:\n"
                                   "  name: t\n"
                                   "  entity: who\n"
                                   "  id: id\n"
                                   "  type: kind\n"
                                   "  time: device_time\n"
                                   "  columns:\n"
                                   "    id: {path: id}\n"
                                   "    kind: {path: kind, required: true}\n"
                                   "    device_time: {path: t, type: time_ms, required: true}\n"
                                   "    who: {path: who}\n"
                                   "    ok: {path: ok, type: bool}\n"
                                   "    n: {path: n, type: int}\n"
                                   "    amount: {path: amount, type: decimal}\n"
                                   "    sort: {from: kind, map: [{'a*': A}], default: other}\n"
                                   "metrics:\n"
                                   "  events_: {count: events, by: [kind, ok], every: 1h}\n"
                                   "  people: {distinct: who, every: 1mo}\n"
                                   "  total: {sum: amount, every: 1d}\n"
                                   "  ints: {sum: n, every: 1w}\n"
                                   "  average: {mean: amount, where: 'kind == \"a\"', every: 1d}\n"
                                   "  least: {min: amount, by: [kind], every: 1d}\n"
                                   "  most: {max: n, by: [device_time], every: 1d}\n"
                                   "  sorts: {count: events, by: [sort], every: 1d}\n"
                                   "  kinds: {approx_distinct: kind, every: 1d}\n"
                                   "  loud: {distinct: who, having: count() > 1, every: 1d}\n"
                                   "  slide: {count: events, every: 1h, over: 2h, where: ok}\n"
                                   "  top_kind: {count: events, by: [kind], every: 1d, top: 1}\n"
                                   "  ranks: {quantiles: [0, 0.5, 1], of: amount, by: [kind],\n"
                                   "          every: 1d}\n"
                                   "  visits: {sessions: {per: who, timeout: 30m}, every: 1d}\n"
                                   "  way: {funnel: {per: [who], timeout: 2h, steps: \n"
                                   "        [{one: 'kind == \"a\"'}, {two: 'kind == \"b\"'}]},\n"
                                   "        every: 1d}\n"
                                   "  back: {retention: {per: who, period: 1d, periods: 2}}\n"
                                   "  share: {ratio: [top_kind, sorted]}\n"
                                   "  sorted: {count: events, by: [kind], every: 1d}\n";

/* Columns of the layout of events, and of rejected. */
enum {
    EVENT_ID,
    EVENT_KIND,
    EVENT_DEVICE_TIME,
    EVENT_WHO,
    EVENT_OK,
    EVENT_N,
    EVENT_AMOUNT,
    EVENT_TIME,
    EVENT_RECEIVED,
    EVENT_SENT,
    EVENT_UID_HIGH,
    EVENT_UID_LOW,
    EVENT_PAYLOAD,
    EVENT_PARTITION,
    EVENT_OFFSET,
    EVENT_INDEX,
    EVENT_EPOCH,
};
enum {
    REJECTED_REASON,
    REJECTED_POINTER,
    REJECTED_DETAIL,
    REJECTED_BYTES,
    REJECTED_RECEIVED,
    REJECTED_SOURCE,
    REJECTED_PARTITION,
    REJECTED_OFFSET,
    REJECTED_INDEX,
    REJECTED_EPOCH,
};

/* 2026-03-08T10:00:00Z, a Sunday */
#define FIXTURE_START_US INT64_C(1772964000000000)
#define FIXTURE_DAY 20520

struct fixture {
    char directory[64]; /* the lake */
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_source source;
    const struct tide_definitions *definitions;
    const struct tide_layout *layouts[TIDE_TABLE_COUNT];
    struct tide_rows *rows[TIDE_TABLE_COUNT]; /* of the next commit */
    struct tide_store store;
    struct tide_duckdb *duckdb;
    struct tide_table_writer writer;
    int64_t commits;
};

static inline void fixture_check(enum tide_status status, const struct tide_error *error)
{
    if (status != TIDE_OK) {
        print_error("%s: %s\n", tide_status_name(status), error->text);
    }
    assert_int_equal(status, TIDE_OK);
}

static inline struct fixture *fixture_open(void)
{
    struct tide_error error = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->source = (struct tide_source){TIDE_VIEW("t.yaml"), tide_view_of(fixture_text)};
    const struct tide_definitions_input input = {.file = &fixture->source};
    tide_diagnostics_init(&fixture->diagnostics, &fixture->arena);
    fixture->definitions = tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
    assert_non_null(fixture->definitions);
    (void)snprintf(
        fixture->directory, sizeof(fixture->directory), "/tmp/tidemark-it's-[a]*-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture_check(tide_store_local_open(tide_io_os(), fixture->directory, &fixture->store, &error),
                  &error);
    fixture_check(tide_duckdb_open(1, 0, &fixture->duckdb, &error), &error);
    fixture_check(tide_parquet_writer_open(fixture->duckdb, &fixture->writer, &error), &error);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        fixture->layouts[t] =
            tide_layout_create(&fixture->arena, fixture->definitions->schema, (enum tide_table)t);
        assert_non_null(fixture->layouts[t]);
        fixture_check(tide_rows_create(fixture->layouts[t], &fixture->rows[t], &error), &error);
    }
    assert_int_equal(fixture->layouts[TIDE_TABLE_EVENTS]->column_count, EVENT_EPOCH + 1);
    assert_int_equal(fixture->layouts[TIDE_TABLE_REJECTED]->column_count, REJECTED_EPOCH + 1);
    return fixture;
}

static inline void fixture_close(struct fixture *fixture)
{
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        tide_rows_destroy(fixture->rows[t]);
    }
    fixture->writer.operations->close(fixture->writer.self);
    tide_duckdb_close(fixture->duckdb);
    fixture->store.operations->close(fixture->store.self);
    tide_arena_release(&fixture->arena);
    assert_int_equal(remove_tree(fixture->directory), 0);
    free(fixture);
}

/* ---- rows */

struct fixture_event { /* what a test wants to say about an event; text NULL: null */
    int64_t seconds;   /* since the start */
    const char *kind;
    const char *who;
    const char *amount_us; /* scaled by 10^6, as text; NULL: null */
    int ok;                /* -1: null */
    int64_t n;
    bool has_n;
    int64_t uid_high;
    int64_t uid_low;
    int64_t partition;
    int64_t offset;
    int64_t epoch;
};

static inline void fixture_set_text(struct tide_rows *rows, uint32_t column, const char *text)
{
    if (text != NULL) {
        assert_int_equal(tide_rows_set_text(rows, column, tide_view_of(text)), TIDE_OK);
    }
}

static inline void fixture_add_event(struct fixture *fixture, const struct fixture_event *event)
{
    struct tide_rows *rows = fixture->rows[TIDE_TABLE_EVENTS];
    const int64_t us = FIXTURE_START_US + event->seconds * TIDE_US_PER_SECOND;
    assert_int_equal(tide_rows_begin(rows, (int32_t)tide_days_of((struct tide_instant){us})),
                     TIDE_OK);
    fixture_set_text(rows, EVENT_KIND, event->kind);
    fixture_set_text(rows, EVENT_WHO, event->who);
    tide_rows_set_number(rows, EVENT_DEVICE_TIME, FIXTURE_START_US);
    tide_rows_set_number(rows, EVENT_TIME, us);
    tide_rows_set_number(rows, EVENT_UID_HIGH, event->uid_high);
    tide_rows_set_number(rows, EVENT_UID_LOW, event->uid_low);
    tide_rows_set_number(rows, EVENT_PARTITION, event->partition);
    tide_rows_set_number(rows, EVENT_OFFSET, event->offset);
    tide_rows_set_number(rows, EVENT_INDEX, 0);
    tide_rows_set_number(rows, EVENT_EPOCH, event->epoch);
    if (event->ok >= 0) {
        tide_rows_set_number(rows, EVENT_OK, event->ok);
    }
    if (event->has_n) {
        tide_rows_set_number(rows, EVENT_N, event->n);
    }
    if (event->amount_us != NULL) {
        tide_rows_set_number(rows, EVENT_AMOUNT, strtoll(event->amount_us, NULL, 10));
    }
}

static inline void fixture_add_rejected(
    struct fixture *fixture, const char *reason, int64_t partition, int64_t offset, int64_t epoch)
{
    struct tide_rows *rows = fixture->rows[TIDE_TABLE_REJECTED];
    assert_int_equal(tide_rows_begin(rows, TIDE_DATE_UNKNOWN), TIDE_OK);
    fixture_set_text(rows, REJECTED_REASON, reason);
    fixture_set_text(rows, REJECTED_POINTER, "/a");
    fixture_set_text(rows, REJECTED_BYTES, "\xff{]");
    tide_rows_set_number(rows, REJECTED_PARTITION, partition);
    tide_rows_set_number(rows, REJECTED_OFFSET, offset);
    tide_rows_set_number(rows, REJECTED_INDEX, 0);
    tide_rows_set_number(rows, REJECTED_EPOCH, epoch);
}

struct fixture_write {
    struct fixture *fixture;
    struct tide_delta *delta;
    enum tide_table table;
    int64_t commit;
};

static inline enum tide_status fixture_write_date(void *context,
                                                  int32_t date_days,
                                                  const uint32_t *row_indices,
                                                  uint32_t row_count)
{
    struct fixture_write *write = context;
    struct fixture *fixture = write->fixture;
    const struct tide_rows *rows = fixture->rows[write->table];
    struct tide_error error = {0};
    struct tide_bytes stats = {0};
    char path[128];
    char key[192];
    char scratch[128];
    uint64_t size = 0;
    char date[TIDE_CIVIL_TEXT_MAX] = "__HIVE_DEFAULT_PARTITION__";
    if (date_days != TIDE_DATE_UNKNOWN) {
        (void)tide_civil_format_date(date_days, date);
    }
    (void)snprintf(path,
                   sizeof(path),
                   "%s=%s/%lld.parquet",
                   fixture->layouts[write->table]->date_column,
                   date,
                   (long long)fixture->commits);
    (void)snprintf(key, sizeof(key), "%s/%s", fixture->layouts[write->table]->name, path);
    (void)snprintf(scratch, sizeof(scratch), "%s/scratch.parquet", fixture->directory);
    fixture_check(fixture->writer.operations->write(
                      fixture->writer.self, rows, row_indices, row_count, scratch, &size, &error),
                  &error);
    fixture_check(fixture->store.operations->put_file(fixture->store.self, key, scratch, &error),
                  &error);
    tide_rows_stats(rows, row_indices, row_count, &stats);
    const struct tide_delta_file file = {
        tide_view_of(path), date_days, size, row_count, tide_bytes_view(&stats)};
    const struct tide_delta_transaction transaction = {
        TIDE_VIEW("test"), fixture->commits, write->commit, &file, 1};
    fixture_check(tide_delta_commit(write->delta, &transaction, 1, &error), &error);
    write->commit = fixture->commits++;
    tide_bytes_release(&stats);
    return TIDE_OK;
}

/* Writes the rows that wait: a file for each date and table, each in a commit of its own. */
static inline void fixture_commit(struct fixture *fixture)
{
    struct tide_error error = {0};
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        struct fixture_write write = {fixture, NULL, (enum tide_table)t, 0};
        const struct tide_delta_options options = {.store = fixture->store,
                                                   .clock = tide_clock_os(),
                                                   .layout = fixture->layouts[t],
                                                   .table_id = TIDE_VIEW("test"),
                                                   .engine = TIDE_VIEW("test")};
        fixture_check(tide_delta_open(&options, &write.delta, &error), &error);
        write.commit = tide_delta_transaction_version(write.delta, TIDE_VIEW("test"));
        if (tide_rows_count(fixture->rows[t]) > 0) {
            fixture_check(tide_rows_by_date(fixture->rows[t], fixture_write_date, &write, &error),
                          &error);
        }
        tide_delta_close(write.delta);
        tide_rows_destroy(fixture->rows[t]);
        fixture_check(tide_rows_create(fixture->layouts[t], &fixture->rows[t], &error), &error);
    }
}

/* epochs may be NULL. */
static inline struct tide_lake_view *fixture_view(const struct fixture *fixture,
                                                  const int64_t *epochs,
                                                  uint32_t partition_count)
{
    struct tide_lake_view *view = NULL;
    struct tide_error error = {0};
    const struct tide_lake_view_options options = {.clock = tide_clock_os(),
                                                   .store = fixture->store,
                                                   .schema = fixture->definitions->schema,
                                                   .thread_count = 1,
                                                   .epochs = epochs,
                                                   .partition_count = partition_count};
    fixture_check(tide_lake_view_open(&options, &view, &error), &error);
    return view;
}

#endif
