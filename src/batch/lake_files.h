/* The live files of a table of the lake, as its Delta log names them now: the others in its folder
 * (rests of interrupted writes, files that were compacted away) have no meaning. */
#ifndef TIDE_BATCH_LAKE_FILES_H
#define TIDE_BATCH_LAKE_FILES_H

#include "base/arena.h"
#include "base/clock.h"
#include "lake/delta.h"

enum {
    TIDE_LAKE_FILES_MAX = 1 << 18 /* of one table */
};

struct tide_lake_file {
    struct tide_view path; /* relative to the table's folder, "event_date=2026-03-08/.." */
    struct tide_view date; /* of it, "2026-03-08"; empty: unknown */
};

struct tide_lake_files { /* in arena; by path */
    struct tide_lake_file *files;
    uint32_t count;
    bool is_table; /* it has a log */
};

/* To open a table with for reading alone: what these make must not be committed to. */
struct tide_delta_options tide_lake_files_reading(struct tide_store store,
                                                  struct tide_clock clock,
                                                  const struct tide_layout *layout,
                                                  struct tide_checkpoint_codec codec);

/* RETRY: out of memory, or the store is not there; REJECT: the table is not ours, has more than
 * FILES_MAX files, or one that is not in the folder of a date; FATAL: damage. */
enum tide_status tide_lake_files_list(struct tide_store store,
                                      struct tide_clock clock,
                                      const struct tide_layout *layout,
                                      struct tide_arena *arena,
                                      struct tide_lake_files *files,
                                      struct tide_error *error);

/* Data files that are read: each has a path on this machine until all are released. All zero but
 * the store is valid to release. One thread. */
struct tide_lake_pins {
    struct tide_store store; /* not owned */
    struct tide_bytes keys;  /* of what was fetched, each with its '\0' */
    struct tide_bytes key;   /* "events/event_date=../..", of the last one */
    struct tide_bytes path;  /* where that one can be read */
};

/* path: relative to the table's folder. RETRY: out of memory, or as the store's fetch; FATAL: the
 * table names a file that is not there. */
enum tide_status tide_lake_pins_fetch(struct tide_lake_pins *pins,
                                      const char *table,
                                      struct tide_view path,
                                      struct tide_error *error);
void tide_lake_pins_release(struct tide_lake_pins *pins);

#endif
