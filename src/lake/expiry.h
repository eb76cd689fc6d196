/* Whole days leave a table: by a Delta commit that removes their files, after what is in them was
 * counted. Vacuum deletes the files later.
 *
 * A table forgets rows, but the ledger does not; so what left is kept as totals, cumulative, in
 * _tidemark/expired/<table>/<number, 20 digits>.json, created if absent. The commit has a txn
 * {appId: "tidemark/expired", version: number}: which record is true is decided by the table, in
 * the same commit in which the files go. A record that no txn names has no meaning.
 * One thread; blocking I/O. */
#ifndef TIDE_LAKE_EXPIRY_H
#define TIDE_LAKE_EXPIRY_H

#include "lake/delta.h"
#include "lake/rewriter.h"

struct tide_expired {    /* all that has ever left a table */
    int32_t before_days; /* the first day that is whole; TIDE_DATE_UNKNOWN: nothing has left */
    const struct tide_tally *partitions; /* those of which something left, by their number */
    uint32_t partition_count;
};

/* As the version says that delta read last. Lives in arena. FATAL: the record is damaged or gone;
 * RETRY: the store. */
enum tide_status tide_expired_read(struct tide_store store,
                                   const struct tide_layout *layout,
                                   const struct tide_delta *delta,
                                   struct tide_arena *arena,
                                   struct tide_expired *expired,
                                   struct tide_error *error);
/* Of one partition; all zero if nothing left. */
struct tide_tally tide_expired_of(const struct tide_expired *expired, uint32_t partition);

struct tide_expiry_options {
    struct tide_delta_options table; /* with io and scratch_directory */
    struct tide_rewriter rewriter;
    int32_t before_days; /* days since 1970: earlier ones go; not those without a date */
    uint32_t files_max;  /* of one step, but a day goes whole; 0: 1,000 */
    /* Where the files are copied first, with proof (lake/archive.h); NULL: nowhere. */
    const struct tide_delta_options *archive;
};

struct tide_expiry_step {
    bool is_idle; /* there was nothing to do */
    bool is_lost; /* another writer changed the files meanwhile: nothing was committed */
    int32_t first_days;
    int32_t end_days; /* one beyond the last day that left */
    uint64_t files;
    uint64_t bytes;
    uint64_t rows;
};

/* One commit, of the oldest days. REJECT: the table is not ours; RETRY: the store, space, memory;
 * FATAL: a file cannot be read, or was not copied right: nothing was removed. */
enum tide_status tide_expire(const struct tide_expiry_options *options,
                             struct tide_expiry_step *step,
                             struct tide_error *error);

#endif
