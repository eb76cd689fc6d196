/* Whether a lake is whole: what an operator asks after an accident, and CI after each test.
 *
 *     manifests   from epoch 0 without a gap, each with the hash of the one before, offsets that
 *                 only grow, ledgers that hold, and for each table the chain of transactions
 *     tables      a log that can be read, each file that it names there with its size, each row
 *                 that it promises in it
 *     both        each table holds the transactions that the manifests say, and of each partition
 *                 as many rows as they say, less what expired
 *
 * Reads everything, changes nothing, and may run beside a service: what is committed meanwhile is
 * not looked at. One thread; blocking I/O. */
#ifndef TIDE_PROCESS_LAKE_AUDIT_H
#define TIDE_PROCESS_LAKE_AUDIT_H

#include "lake/delta.h"
#include "lake/rewriter.h"
#include "process/identity.h"

struct tide_lake_audit_options {
    struct tide_delta_options tables[TIDE_TABLE_ALL_COUNT];
    struct tide_rewriter rewriter;
    struct tide_identity identity;
    bool skips_rows; /* do not open data files */
    /* Something is wrong. A text is valid during the call. */
    void (*problem)(void *context, const char *text);
    /* For people who wait; NULL: nobody does. */
    void (*progress)(void *context, const char *text);
    void *context;
};

struct tide_lake_audit_table {
    uint64_t files;
    uint64_t bytes;
    uint64_t rows;     /* in the files; 0 where they were not opened */
    uint64_t expired;  /* rows that left */
    uint64_t unnamed;  /* files that the log does not name: vacuum's */
    uint64_t problems; /* of the table, its manifests' chain included */
};

struct tide_lake_audit_report {
    struct tide_lake_audit_table tables[TIDE_TABLE_ALL_COUNT];
    uint64_t manifests;
    uint64_t pending;  /* newest manifests whose commits a service is about to make */
    uint64_t problems; /* all */
};

/* OK: all was looked at, whatever was found. RETRY: the store, memory. */
enum tide_status tide_lake_audit(const struct tide_lake_audit_options *options,
                                 struct tide_lake_audit_report *report,
                                 struct tide_error *error);

#endif
