/* Deletes files of a table that nobody needs: no version of its log names them, or the newest one
 * removed them long ago, and they are older than a time in which who writes or reads them is done.
 *
 * A file that a process has written and not yet named is as unknown as one that a crash left: only
 * age tells them apart, and the promises of manifests, which may wait for their commit as long as a
 * service is down. One thread; blocking I/O. */
#ifndef TIDE_LAKE_VACUUM_H
#define TIDE_LAKE_VACUUM_H

#include "lake/delta.h"

enum {
    TIDE_VACUUM_HOURS_MIN = 1 /* no write and no query takes longer */
};

struct tide_vacuum_options {
    struct tide_delta_options table;
    struct tide_duration older; /* than this; at least HOURS_MIN */
    bool is_dry;                /* only count */
    uint64_t files_max;         /* that are deleted in one call; 0: no limit */
    /* Whether a manifest names the file (path in the table); NULL: there are no manifests. */
    bool (*is_promised)(void *context, struct tide_view path);
    void *context;
};

struct tide_vacuum_report {
    uint64_t files; /* deleted, or that would be */
    uint64_t bytes;
    uint64_t kept_young; /* unnamed, too young */
    bool is_more;        /* files_max was reached */
};

/* A file without a known age stays. Statuses as tide_delta_open's; what is deleted stays so. */
enum tide_status tide_vacuum(const struct tide_vacuum_options *options,
                             struct tide_vacuum_report *report,
                             struct tide_error *error);

#endif
