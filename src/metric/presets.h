/*
 * The preset files, embedded in the binary by tools/embed at build time.
 *
 * Each is the exact text of presets/<name>.yaml. The table is constant, may be read from any
 * thread, and ends with an entry whose name is NULL.
 */
#ifndef TIDE_METRIC_PRESETS_H
#define TIDE_METRIC_PRESETS_H

#include <stddef.h>

struct tide_embedded_file {
    const char *name; /* without directory and ending: "sunbird" */
    const char *text; /* size bytes, then a NUL that is not counted */
    size_t size;
};

extern const struct tide_embedded_file tide_presets[];

#endif
