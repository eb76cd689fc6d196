/* The lake as SQL views over exactly the files that its Delta tables name now.
 *
 *     events     the schema's columns with a path, event_time, received_time, sent_time, uid_high,
 *                uid_low, payload, _partition, _offset, _index, _epoch, then the schema's derived
 *                columns: all that metric/sql.h wants
 *     rejected   reason, pointer, detail, bytes, received_time, source, partition, offset, index,
 *                _epoch
 *
 *     raw        bytes, received_time, sent_time, source, partition, offset, index, _epoch
 *
 * Times are BIGINT microseconds. The files are listed once, when the view is opened: what is
 * committed later is not in it. A lake without tables gives empty views of the right types. With a
 * bound for each partition the views end at those epochs: the state of the lake at a barrier.
 * Of a remote lake all those files are fetched when the view is opened, and may be dropped from the
 * store's cache when it is closed.
 * One thread owns a view; blocking I/O; nothing is written to the lake. */
#ifndef TIDE_BATCH_LAKE_VIEW_H
#define TIDE_BATCH_LAKE_VIEW_H

#include "base/clock.h"
#include "lake/duckdb.h"
#include "lake/expiry.h"
#include "lake/store.h"

enum {
    TIDE_LAKE_VIEW_FILES_MAX = 1 << 18 /* of one table */
};

struct tide_lake_view;

struct tide_lake_view_options {
    struct tide_clock clock;
    struct tide_store store; /* outlives the view, whose files it keeps fetched */
    const struct tide_schema *schema;
    uint32_t thread_count; /* of DuckDB, 0: its default */
    uint64_t memory_max;   /* of DuckDB in bytes, 0: its default */
    /* The last epoch of each partition that is in the views, -1: none; NULL: all there are. Needed
     * during open only. */
    const int64_t *epochs;
    uint32_t partition_count; /* of epochs */
    /* The one view `metrics` instead: what batches have written (docs/formats/lake.md). */
    bool is_of_metrics;
};

/* The last epoch of each of partition_count partitions whose events are in the lake now, -1: none.
 * pipeline: the identity's 32 digits. Statuses as open's. */
enum tide_status tide_lake_epochs(const struct tide_lake_view_options *options,
                                  const char *pipeline,
                                  int64_t *epochs,
                                  struct tide_error *error);

/* RETRY: DuckDB is not there, or the store is not; REJECT: a table is not ours, or has more than
 * FILES_MAX files; FATAL: damage. */
enum tide_status tide_lake_view_open(const struct tide_lake_view_options *options,
                                     struct tide_lake_view **view,
                                     struct tide_error *error);
void tide_lake_view_close(struct tide_lake_view *view);
/* Has both views; for queries of your own. Goes with the view. */
struct tide_duckdb_connection *tide_lake_view_connection(struct tide_lake_view *view);
/* What had left a table when it was opened; of events and rejected, and of nothing else. Goes with
 * the view. */
const struct tide_expired *tide_lake_view_expired(const struct tide_lake_view *view,
                                                  enum tide_table table);
/* Live files of a table when it was opened. */
uint64_t tide_lake_view_file_count(const struct tide_lake_view *view, enum tide_table table);

#endif
