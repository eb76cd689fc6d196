/* The schema: where a JSON event's columns are, what type they have, which is the entity, id and
 * time. Loaded once from YAML, then read-only and shared by every thread.
 *
 * Columns with a path come first, in declared order, then derived ones (from another column). */
#ifndef TIDE_EVENT_SCHEMA_H
#define TIDE_EVENT_SCHEMA_H

#include "base/clock.h"
#include "base/hash.h"
#include "event/validation.h"

enum {
    TIDE_SCHEMA_COLUMNS_MAX = 200,
    TIDE_SCHEMA_PATH_DEPTH_MAX = 16,
    TIDE_SCHEMA_PATH_BYTES_MAX = 1024,
    TIDE_SCHEMA_MAP_MAX = 64,
};

enum tide_type {
    TIDE_TYPE_STRING,
    TIDE_TYPE_INT,      /* 64 bits */
    TIDE_TYPE_DECIMAL,  /* scaled by 10^6, |scaled| < 10^18 */
    TIDE_TYPE_BOOL,     /* 0 or 1 */
    TIDE_TYPE_TIME_MS,  /* microseconds, from whole milliseconds */
    TIDE_TYPE_TIME_ISO, /* microseconds, from ISO 8601 text */
};

/* A path through objects, by keys. */
struct tide_path {
    struct tide_view keys[TIDE_SCHEMA_PATH_DEPTH_MAX];
    uint32_t depth;           /* 0: none */
    struct tide_view pointer; /* "/context/pdata/id" */
};

struct tide_glob { /* one line of a derived column's map */
    struct tide_view pattern;
    struct tide_view value;
};

struct tide_column {
    struct tide_view name;
    enum tide_type type;
    bool required;
    bool derived;
    struct tide_path path;    /* not derived */
    struct tide_view pointer; /* path.pointer */
    uint32_t from;            /* derived: index of the source column */
    struct tide_glob *globs;
    uint32_t glob_count;
    bool has_default;
    struct tide_view fallback; /* the default */
    struct tide_position position;
};

/* Device clocks, semantics sections 1 and 2. */
struct tide_schema_clock {
    struct tide_duration tolerance;        /* 60 s */
    struct tide_duration max_ahead;        /* 5 min */
    struct tide_duration max_age;          /* 400 d */
    struct tide_duration out_of_orderness; /* 10 s */
};

#define TIDE_COLUMN_NONE UINT32_MAX

struct tide_schema {
    struct tide_view name;
    struct tide_column *columns;
    uint32_t column_count;
    uint32_t path_column_count; /* the first ones; the rest are derived */
    uint32_t entity;            /* column indices; NONE where optional and absent */
    uint32_t id;
    uint32_t event_type; /* NONE if the schema names none */
    uint32_t time;
    uint32_t received;
    struct tide_path payload;         /* depth 0: no payload */
    struct tide_path envelope_events; /* depth 0: no envelopes */
    struct tide_path envelope_sent_time;
    struct tide_path envelope_id;
    struct tide_schema_clock clock;
    struct tide_validation validation; /* by empty: none */
    bool strict;
    bool dedupe_by_id;
    struct tide_u128 hash; /* of all that decides verdict, uid, event_time or partition */
};

/* Reads the mapping under `schema:`. Everything lives in arena. NULL when the diagnostics got an
 * error. Column names: [a-z_][a-z0-9_]* and neither a reserved word of DuckDB or Spark nor a name
 * of the lake's own columns, nor starting with an underscore. The folder of JSON Schemas that
 * `validate:` may name is read. */
struct tide_schema *tide_schema_load(struct tide_arena *arena,
                                     const struct tide_yaml *node,
                                     struct tide_diagnostics *diagnostics);
/* The same for who reads events that were judged already, maybe on another machine: `validate:` is
 * not looked at, and the hash is without it. */
struct tide_schema *tide_schema_load_judged(struct tide_arena *arena,
                                            const struct tide_yaml *node,
                                            struct tide_diagnostics *diagnostics);
/* NONE if there is none. */
uint32_t tide_schema_find(const struct tide_schema *schema, struct tide_view name);
const char *tide_type_name(enum tide_type type);
static inline bool tide_type_is_time(enum tide_type type)
{
    return type == TIDE_TYPE_TIME_MS || type == TIDE_TYPE_TIME_ISO;
}
/* Python's fnmatchcase: * ? [seq] [!seq], over code points. */
bool tide_glob_match(struct tide_view pattern, struct tide_view text);

#endif
