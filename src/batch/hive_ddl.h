/* The lake as tables of a Hive metastore: the statements that make them, with the views of
 * batch/typed_view.h. They may be run again and again: what is there stays, what is new is added.
 *
 * SPARK: a table is `USING delta`, so it always has exactly the files of its Delta log, and nothing
 * has to be run when files come or go. A table that the lake does not have yet is left out, with
 * the views over it; it is there when they are run again.
 *
 * HIVE: NAME_files is an external table of Parquet over the folder, with a partition for each date.
 * A folder also holds what the log does not name (rests of interrupted writes, files that were
 * compacted away), so the table NAME is a view that lets through the rows of the files that the log
 * names now. It must be made anew when files have come, and before old ones are vacuumed. */
#ifndef TIDE_BATCH_HIVE_DDL_H
#define TIDE_BATCH_HIVE_DDL_H

#include "base/clock.h"
#include "batch/typed_view.h"
#include "lake/store.h"

struct tide_hive_ddl_options {
    struct tide_store store;
    struct tide_clock clock;
    const struct tide_definitions *definitions;
    enum tide_dialect dialect; /* SPARK or HIVE */
    struct tide_view database; /* [A-Za-z0-9_]+ */
    struct tide_view location; /* of the lake as the engine names it, no '/' at the end */
    /* Each statement, without ';'. */
    void (*statement)(void *context, struct tide_view sql);
    /* A table or view that is not made, or has nothing in it, and why. */
    void (*missing)(void *context, const char *name, const char *why);
    void *context;
};

/* REJECT: database or location cannot be written, a table is not ours; RETRY: no memory, or the
 * store is not there; FATAL: damage. */
enum tide_status tide_hive_ddl_write(const struct tide_hive_ddl_options *options,
                                     struct tide_error *error);

#endif
