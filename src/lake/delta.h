/* Writing a Delta table (protocol 1,2), exactly once.
 *
 * https://github.com/delta-io/delta/blob/master/PROTOCOL.md. A commit is a file
 * _delta_log/<20 digits>.json made by put-if-absent; for each partition that has rows in it, it has
 * a txn action {appId: "<pipeline>/<partition>", version: epoch} (no lastUpdated, so that it never
 * expires), so whether an epoch is in the table is decided by the log alone. Dedupe is inside the
 * compare-and-swap: after every conflict the txns are looked at again.
 *
 * Every TIDE_DELTA_CHECKPOINT_COMMITS commits whoever commits writes a checkpoint, from which the
 * next one reads. It is derived data: that it could not be written is a line in the log, and one
 * that cannot be read is passed over. One thread owns an open table. */
#ifndef TIDE_LAKE_DELTA_H
#define TIDE_LAKE_DELTA_H

#include "base/arena.h"
#include "base/clock.h"
#include "lake/checkpoint_codec.h"
#include "lake/rows.h"
#include "lake/store.h"

struct tide_delta;

enum {
    TIDE_DELTA_NEVER = -1, /* of a txn: no epoch of that partition is in the table */
    TIDE_DELTA_CHECKPOINT_COMMITS = 10
};

struct tide_delta_options {
    struct tide_store store;
    struct tide_clock clock;          /* times of removals, and how long nothing was read; zero:
                                       * of a table that is only appended to, in tests */
    const struct tide_layout *layout; /* schema and name; also the table's folder; outlives delta */
    struct tide_view table_id;        /* uuid-like, from the pipeline's identity; for a new table */
    struct tide_view engine;          /* "tidemark/0.1.0" in commitInfo */
    /* Needed to read a log whose beginning was cleaned away. Outlives delta. */
    struct tide_checkpoint_codec codec;
    /* On the store's local side, and outlives delta; NULL: no checkpoints are written. */
    const char *scratch_directory;
    struct tide_io io;           /* of the scratch directory, if there is one */
    uint32_t checkpoint_commits; /* 0: TIDE_DELTA_CHECKPOINT_COMMITS */
    bool keeps_files; /* for tide_delta_change; costs memory for each file of the table */
};

struct tide_delta_file {
    struct tide_view path; /* relative to the table, "event_date=2026-03-08/..." (not escaped) */
    int32_t date_days;     /* TIDE_DATE_UNKNOWN: null */
    uint64_t size;
    uint64_t row_count;
    struct tide_view stats; /* JSON */
};

struct tide_delta_transaction {
    struct tide_view app_id;
    int64_t version;  /* the epoch */
    int64_t expected; /* what the table must hold before: the last epoch with rows, or NEVER */
    const struct tide_delta_file *files; /* this partition's, at least 1 */
    uint32_t file_count;
};

/* Reads the whole log (or finds none: the table is made by the first commit). REJECT: the table's
 * protocol or schema is not ours (the error says what differs). */
enum tide_status tide_delta_open(const struct tide_delta_options *options,
                                 struct tide_delta **delta,
                                 struct tide_error *error);
void tide_delta_close(struct tide_delta *delta);
int64_t tide_delta_version(const struct tide_delta *delta); /* -1: no table yet */
/* Reads what other writers committed meanwhile; one failed lookup if that is nothing. Statuses as
 * open's. */
enum tide_status tide_delta_refresh(struct tide_delta *delta, struct tide_error *error);
/* The version of the txn of app_id, or NEVER. */
int64_t tide_delta_transaction_version(const struct tide_delta *delta, struct tide_view app_id);

/* One commit for all those transactions that the table does not hold yet (none: OK, no commit).
 * A transaction whose txn is neither its version nor the expected one is FATAL with a diagnosis:
 * the data directory and the table are not of one history. Conflicts with other writers are
 * resolved by reading their commits and trying the next version, up to a bound (RETRY).
 * The bytes of a commit depend on its transactions alone (the times that readers show are those of
 * the rows: the newest received_time in the stats), so that a late duplicate is harmless. */
enum tide_status tide_delta_commit(struct tide_delta *delta,
                                   const struct tide_delta_transaction *transactions,
                                   uint32_t transaction_count,
                                   struct tide_error *error);

/* What the newest add of a file says. Views are valid during a visit. */
struct tide_delta_entry {
    struct tide_view path; /* decoded */
    int32_t date_days;     /* or TIDE_DATE_UNKNOWN */
    uint64_t size;
    bool has_row_count;
    uint64_t row_count;
    struct tide_view stats; /* JSON; data NULL: none */
    struct tide_instant modified;
};
struct tide_delta_visitor {
    enum tide_status (*visit)(void *context, const struct tide_delta_entry *entry);
    void *context;
};
/* Visits each live file of the version that was read last; of a table that keeps files. An answer
 * other than OK ends it. */
enum tide_status tide_delta_entries(const struct tide_delta *delta,
                                    struct tide_delta_visitor visitor,
                                    struct tide_error *error);
/* Of a table that keeps files. */
bool tide_delta_is_live(const struct tide_delta *delta, struct tide_view path);
/* When a file that is not live was removed; UNKNOWN: the log does not (any more) say so. */
struct tide_instant tide_delta_removed(const struct tide_delta *delta, struct tide_view path);

/* One commit that takes files out of the table and puts others in; of a table that keeps files. */
struct tide_delta_change {
    const char *operation;           /* "OPTIMIZE", "DELETE": for readers of the history */
    bool is_data_change;             /* false: the same rows in other files */
    const struct tide_view *removes; /* paths */
    uint32_t remove_count;
    const struct tide_delta_file *adds;
    uint32_t add_count;
    struct tide_view app_id; /* of a txn that is set too; size 0: none */
    int64_t expected;        /* what the table must hold of it before */
    int64_t version;         /* and then; larger than expected */
};
/* *is_done false: one of the files to remove is not live (any more), or the txn is not expected's:
 * nothing was committed, nor will be. Conflicts are resolved as in tide_delta_commit, and an answer
 * that was lost is found by the first add, or by the txn: give at least one of them. */
enum tide_status tide_delta_change(struct tide_delta *delta,
                                   const struct tide_delta_change *change,
                                   bool *is_done,
                                   struct tide_error *error);

/* Writes a checkpoint of what the log holds now, if there is none yet. REJECT, RETRY, FATAL: as
 * open; no harm is done. */
enum tide_status tide_delta_checkpoint(struct tide_delta *delta, struct tide_error *error);
/* Removes commits and checkpoints that are older than `keep` and behind the newest checkpoint that
 * is so old, as the protocol allows; at most `limit`. *removed: how many objects. */
enum tide_status tide_delta_clean_log(struct tide_delta *delta,
                                      struct tide_duration keep,
                                      uint64_t limit,
                                      uint64_t *removed,
                                      struct tide_error *error);

/* Visits each live file, after reading what other writers committed meanwhile. path is decoded. */
enum tide_status tide_delta_files(struct tide_delta *delta,
                                  void (*visit)(void *context,
                                                struct tide_view path,
                                                uint64_t size),
                                  void *context,
                                  struct tide_error *error);

#endif
