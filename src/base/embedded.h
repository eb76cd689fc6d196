/* Files embedded in the binary by tools/embed at build time.
 *
 * A table of them is constant, may be read from any thread, and ends with an entry whose name is
 * NULL. */
#ifndef TIDE_BASE_EMBEDDED_H
#define TIDE_BASE_EMBEDDED_H

#include <stddef.h>

struct tide_embedded_file {
    const char *name; /* without directory and ending: "sunbird" */
    const char *text; /* size bytes, then a NUL that is not counted */
    size_t size;
};

#endif
