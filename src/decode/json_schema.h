/* JSON Schema, draft 4: the keywords type, required, properties, additionalProperties, items (one
 * schema), enum, minLength, minimum, allOf, oneOf and $ref; title, description, default, format,
 * definitions, $schema and an id that is a text say nothing; any other is an error. Verdicts are
 * those of Python's jsonschema (Draft4Validator), and so is the order in which faults are found.
 *
 * A $ref is "#/place", "file.json" or "file.json#/place" of the same folder, the file maybe behind
 * TIDE_JSON_SCHEMA_PREFIX. A schema may refer to itself from inside what it describes (a tree), but
 * not on the spot.
 *
 * The program is compiled once and read only; each thread checks with a checker of its own. */
#ifndef TIDE_DECODE_JSON_SCHEMA_H
#define TIDE_DECODE_JSON_SCHEMA_H

#include "base/arena.h"
#include "event/validation.h"

#define TIDE_JSON_SCHEMA_PREFIX "resource:/schemas/telemetry/3.0/"

enum {
    TIDE_JSON_SCHEMA_FRAMES_MAX = 16384,  /* schemas of a value of its own */
    TIDE_JSON_SCHEMA_CHECKS_MAX = 262144, /* of all frames, what is included counted each time */
    TIDE_JSON_SCHEMA_NAMES_MAX = 4096,    /* members that one frame speaks of */
    TIDE_JSON_POINTER_MAX = 1024,         /* a longer one stops at a value around the faulty one */
    TIDE_JSON_DETAIL_MAX = 160,
    /* Bytes and values looked at for one event, beyond which it is refused: a schema that has
     * alternatives in itself could otherwise be made to cost 2^depth. */
    TIDE_JSON_SCHEMA_WORK_MAX = 64 << 20,
};

struct tide_json_schema;

/* Lives in arena and refers to the files' texts. REJECT: a file is no schema, or uses what is not
 * known; the error says the file and the place in it. RETRY: out of memory. */
enum tide_status tide_json_schema_compile(struct tide_arena *arena,
                                          const struct tide_schema_files *files,
                                          const struct tide_json_schema **schema,
                                          struct tide_error *error);

struct tide_json_checker;

/* RETRY: out of memory. */
enum tide_status tide_json_checker_create(const struct tide_json_schema *schema,
                                          struct tide_json_checker **checker,
                                          struct tide_error *error);
void tide_json_checker_destroy(struct tide_json_checker *checker);

enum tide_json_outcome {
    TIDE_JSON_VALID,
    TIDE_JSON_FAULTY,  /* fault says what and where */
    TIDE_JSON_UNKNOWN, /* no file is named like that */
};

struct tide_json_fault { /* of the first fault; valid until the next check */
    struct tide_view pointer;
    struct tide_view detail; /* "required: \"pageid\" is missing" */
};

/* text: a valid JSON document without unpaired surrogates, at most TIDE_RECORD_DEPTH_MAX deep.
 * type: the schema is the file of that name, A..Z taken as a..z. Allocates nothing, but for numbers
 * and texts that are longer than any before. */
enum tide_json_outcome tide_json_checker_check(struct tide_json_checker *checker,
                                               struct tide_view type,
                                               struct tide_view text,
                                               struct tide_json_fault *fault);

#endif
