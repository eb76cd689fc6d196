/* What every store must do, as cmocka tests over a table of checks: the same for local files (a
 * unit test), HDFS and whatever comes (tests/stack/store_suite_main.c, by URL). The faults of a
 * kind of store are its own tests' business. */
#ifndef TIDE_SUPPORT_STORE_SUITE_H
#define TIDE_SUPPORT_STORE_SUITE_H

#include "lake/store.h"

struct store_suite {
    struct tide_store store;       /* empty at first; checks use keys of their own */
    const char *scratch_directory; /* on this machine's disk, exists */
};

/* The number of checks that failed. */
int store_suite_run(const char *name, const struct store_suite *suite);

#endif
