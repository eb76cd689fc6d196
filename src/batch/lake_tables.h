/* The lake in DuckDB for people: a view of each table, over exactly the files that its Delta log
 * names now, with the types that it has (times are TIMESTAMPTZ) and its date; and the views of
 * batch/typed_view.h. Of a remote lake all those files are fetched when they are opened.
 *
 * Whoever asks may only read: the files of the lake are the only ones that DuckDB touches, settings
 * are locked, nothing spills to disk. One thread; blocking I/O. */
#ifndef TIDE_BATCH_LAKE_TABLES_H
#define TIDE_BATCH_LAKE_TABLES_H

#include "base/clock.h"
#include "lake/duckdb.h"
#include "lake/store.h"
#include "metric/definition.h"

struct tide_lake_tables;

struct tide_lake_tables_options { /* needed during open only */
    struct tide_clock clock;
    struct tide_store store; /* outlives the tables, whose files it keeps fetched */
    const struct tide_definitions *definitions;
    uint64_t memory_max;     /* of DuckDB in bytes, 0: its default */
    const char *output_path; /* one file that may be written, or NULL */
    bool is_unlocked;        /* DuckDB may do whatever it can, but fetch extensions by itself */
};

/* RETRY: DuckDB is not there, or the store is not; REJECT: a table is not ours, or DuckDB refuses;
 * FATAL: damage. */
enum tide_status tide_lake_tables_open(const struct tide_lake_tables_options *options,
                                       struct tide_lake_tables **tables,
                                       struct tide_error *error);
void tide_lake_tables_close(struct tide_lake_tables *tables);
/* Goes with the tables. */
struct tide_duckdb_connection *tide_lake_tables_connection(struct tide_lake_tables *tables);

#endif
