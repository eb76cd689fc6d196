/* The files that the newest manifests name: their commits may still have to be made, however long
 * ago that was, so nothing may delete them. One thread reads; then any may ask. */
#ifndef TIDE_PROCESS_PROMISES_H
#define TIDE_PROCESS_PROMISES_H

#include "lake/rows.h"
#include "lake/store.h"

struct tide_promises;

/* RETRY: the store, memory; FATAL: a damaged manifest. */
enum tide_status tide_promises_read(struct tide_store store,
                                    uint32_t partition_count,
                                    struct tide_promises **promises,
                                    struct tide_error *error);
void tide_promises_destroy(struct tide_promises *promises);
/* path: in the table. */
bool tide_promises_has(const struct tide_promises *promises,
                       enum tide_table table,
                       struct tide_view path);

/* The same of one table, for whoever deletes its files (lake/vacuum.h). */
struct tide_promised {
    const struct tide_promises *promises;
    enum tide_table table;
};
bool tide_promised_has(void *promised, struct tide_view path);

#endif
