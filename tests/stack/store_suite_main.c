/* Goal: a store on a real server does what every store must. Method: the suite of
 * tests/support/store_suite.c against TIDEMARK_STORE_URL, a place that is empty;
 * TIDEMARK_STORE_SCRATCH is a directory of this machine's. Started by tests/stack/test_*.py. */
#include "support/store_suite.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *url = getenv("TIDEMARK_STORE_URL");
    const char *scratch = getenv("TIDEMARK_STORE_SCRATCH");
    char cache[4096];
    struct tide_error error = {0};
    struct store_suite suite = {.scratch_directory = scratch};
    if (url == NULL || scratch == NULL) {
        fputs("TIDEMARK_STORE_URL and TIDEMARK_STORE_SCRATCH are not set\n", stderr);
        return 2;
    }
    (void)snprintf(cache, sizeof(cache), "%s/cache", scratch);
    struct tide_store_options options = tide_store_options_default();
    options.cache_directory = cache;
    options.hdfs.user = TIDE_VIEW("tidemark");
    if (tide_store_open(tide_view_of(url), &options, &suite.store, &error) != TIDE_OK) {
        fprintf(stderr, "%s: %s\n", url, error.text);
        return 2;
    }
    const int failed = store_suite_run(url, &suite);
    suite.store.operations->close(suite.store.self);
    return failed == 0 ? 0 : 1;
}
