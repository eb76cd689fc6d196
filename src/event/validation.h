/* `validate: {json_schema: NAME_OR_FOLDER, by: KEY}`: which JSON Schema an event must satisfy.
 *
 * The schemas' texts are read here, once, and are part of the schema from then on: what judges an
 * event is what was hashed. decode/json_schema.h compiles them. */
#ifndef TIDE_EVENT_VALIDATION_H
#define TIDE_EVENT_VALIDATION_H

#include "base/yaml.h"

enum {
    TIDE_SCHEMA_FILES_MAX = 1000,
    TIDE_SCHEMA_FILE_BYTES_MAX = 1 << 20,
    TIDE_SCHEMA_FILES_BYTES_MAX = 8 << 20, /* of all of them */
};

struct tide_schema_file {
    struct tide_view name; /* "start.json", without folder */
    struct tide_view text;
};

struct tide_schema_files {
    struct tide_schema_file *items; /* sorted by name, each name once */
    uint32_t count;
};

struct tide_validation {
    struct tide_view by; /* the event's own member with its type; empty: nothing is validated */
    struct tide_view by_pointer;
    struct tide_schema_files files;
    struct tide_position position; /* of the name or folder */
};

/* A name is one that is built in, or else a folder with *.json files; a relative one is beside the
 * file that the node was read from. What is wrong is reported; validation is then not to be used.
 * Everything lives in arena. Blocks for reading the folder. */
void tide_validation_load(struct tide_arena *arena,
                          const struct tide_yaml *node,
                          struct tide_diagnostics *diagnostics,
                          struct tide_validation *validation);
/* Appends all that decides a verdict. */
void tide_validation_encode(const struct tide_validation *validation, struct tide_bytes *bytes);

#endif
