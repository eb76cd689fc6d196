/* Files of a table in another store, under the same names: a Delta table of its own there, that
 * whoever reads this one reads as well.
 *
 * A copy counts only when what can be read of it is what was read of the original: rows, and of
 * events the sum of their identities, of rejected ones each reason, for each partition. What is
 * there already is not copied again, so an archive that was interrupted goes on. One thread. */
#ifndef TIDE_LAKE_ARCHIVE_H
#define TIDE_LAKE_ARCHIVE_H

#include "lake/delta.h"
#include "lake/rewriter.h"

struct tide_archive {
    const struct tide_delta_options *source; /* with io and scratch_directory */
    const struct tide_delta_options *target; /* the same layout in another store */
    struct tide_rewriter rewriter;
    const struct tide_delta_file *files; /* live ones of the source */
    uint32_t file_count;
    const struct tide_tally *tallies; /* of them together, by partition */
    uint32_t tally_count;
};

/* OK: they are in the target's table. FATAL: a copy differs, nothing was committed; RETRY: the
 * stores, space, memory; REJECT: the target's table is not ours. */
enum tide_status tide_archive_copy(const struct tide_archive *archive, struct tide_error *error);

#endif
