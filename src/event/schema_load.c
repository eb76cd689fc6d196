/* The schema of a definitions file: every mistake is reported, each at its place, and a schema
 * comes out only if there was none.
 *
 * Columns with a path are numbered first, in declared order, because identity and verdicts follow
 * that order; derived ones come after. Roles (entity, id, time, ...) are resolved when all columns
 * are known. */
#include "event/schema.h"

#include "base/assert.h"
#include "base/civil.h"
#include "event/reserved.h"

#include <string.h>

#include "base/banned.h"

struct loader {
    struct tide_arena *arena;
    struct tide_diagnostics *diagnostics;
    struct tide_schema *schema;
    struct tide_view *names; /* of all columns so far, for suggestions */
    bool is_judged;
};

/* A member of the mapping that names a column. */
struct role {
    const char *key;
    bool required;
    uint32_t *column;
};

/* TIDE_VIEW is an expression; a table of constants wants an initializer. */
#define WORD(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct tide_view schema_keys[] = {
    WORD("name"),
    WORD("entity"),
    WORD("id"),
    WORD("type"),
    WORD("time"),
    WORD("received"),
    WORD("payload"),
    WORD("envelope"),
    WORD("clock"),
    WORD("columns"),
    WORD("dedupe"),
    WORD("strict"),
    WORD("validate"),
};
static const struct tide_view path_keys[] = {WORD("path"), WORD("type"), WORD("required")};
static const struct tide_view derived_keys[] = {WORD("from"), WORD("map"), WORD("default")};
static const struct tide_view envelope_keys[] = {WORD("events"), WORD("sent_time"), WORD("id")};
static const struct tide_view clock_keys[] = {
    WORD("tolerance"), WORD("max_ahead"), WORD("max_age"), WORD("out_of_orderness")};
static const struct tide_view dedupe_keys[] = {WORD("key")};
static const struct tide_view type_names[] = {
    WORD("string"), WORD("int"), WORD("decimal"), WORD("bool"), WORD("time_ms"), WORD("time_iso")};

#define CHECK_KEYS(loader, node, known, what)                                                      \
    tide_yaml_check_keys(                                                                          \
        (node), (known), sizeof(known) / sizeof *(known), (what), (loader)->diagnostics)

static void *allocate(struct loader *loader, size_t count, size_t size)
{
    void *memory = tide_arena_allocate_array(loader->arena, count, size);
    if (memory == NULL) {
        tide_diagnostics_error(
            loader->diagnostics, (struct tide_position){0}, "the schema does not fit into memory");
    }
    return memory;
}

static bool is_mapping(struct loader *loader, const struct tide_yaml *node, const char *what)
{
    if (node->kind == TIDE_YAML_MAPPING) {
        return true;
    }
    tide_diagnostics_error(loader->diagnostics, node->position, "%s must be a mapping", what);
    return false;
}

static bool is_text(struct loader *loader, const struct tide_yaml *node, const char *what)
{
    if (node->kind == TIDE_YAML_SCALAR && node->text.size > 0) {
        return true;
    }
    tide_diagnostics_error(loader->diagnostics, node->position, "%s must be a text", what);
    return false;
}

static bool is_null(const struct tide_yaml *node)
{
    return node->kind == TIDE_YAML_SCALAR && node->is_plain &&
           (node->text.size == 0 || tide_view_equal(node->text, TIDE_VIEW("null")) ||
            tide_view_equal(node->text, TIDE_VIEW("~")));
}

/* "; did you mean 'x'?" or nothing. */
static const char *suggestion(struct loader *loader,
                              struct tide_view word,
                              const struct tide_view *candidates,
                              size_t candidate_count)
{
    struct tide_view nearest = tide_nearest(word, candidates, candidate_count);
    if (nearest.size == 0) {
        return "";
    }
    struct tide_bytes text = {0};
    tide_bytes_append_text(&text, "; did you mean '");
    tide_bytes_append_view(&text, nearest);
    tide_bytes_append_text(&text, "'?");
    struct tide_view kept = tide_arena_copy(loader->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    return kept.data != NULL ? kept.data : "";
}

/* ---- paths ---- */

static bool path_split(struct loader *loader, const struct tide_yaml *node, struct tide_path *path)
{
    struct tide_view text = tide_arena_copy(loader->arena, node->text);
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '.') {
            continue;
        }
        if (i == start) {
            tide_diagnostics_error(
                loader->diagnostics, node->position, "a path has a key without a name");
            return false;
        }
        if (path->depth == TIDE_SCHEMA_PATH_DEPTH_MAX) {
            tide_diagnostics_error(loader->diagnostics,
                                   node->position,
                                   "a path has more than %d keys",
                                   TIDE_SCHEMA_PATH_DEPTH_MAX);
            return false;
        }
        path->keys[path->depth++] = tide_view_slice(text, start, i - start);
        start = i + 1;
    }
    return true;
}

static void load_path(struct loader *loader, const struct tide_yaml *node, struct tide_path *path)
{
    if (!is_text(loader, node, "a path")) {
        return;
    }
    if (node->text.size > TIDE_SCHEMA_PATH_BYTES_MAX) {
        tide_diagnostics_error(loader->diagnostics,
                               node->position,
                               "a path has %zu bytes, limit %d",
                               node->text.size,
                               TIDE_SCHEMA_PATH_BYTES_MAX);
        return;
    }
    char *pointer = allocate(loader, node->text.size + 1, 1);
    if (pointer == NULL || !path_split(loader, node, path)) {
        path->depth = 0;
        return;
    }
    pointer[0] = '/';
    for (size_t i = 0; i < node->text.size; i++) {
        pointer[i + 1] = node->text.data[i] == '.' ? '/' : node->text.data[i];
    }
    path->pointer = (struct tide_view){pointer, node->text.size + 1};
}

/* ---- columns ---- */

static bool name_is_word(struct tide_view name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.size > 0;
}

static void check_name(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_view name = node->key;
    const char *why = NULL;
    if (!name_is_word(name)) {
        why = "must be lower-case letters, digits and underscores, and not start with a digit";
    } else if (name.data[0] == '_') {
        why = "starts with an underscore, as the lake's own columns do";
    } else if (tide_reserved_word(name)) {
        why = "is a reserved word of DuckDB or Spark";
    } else if (tide_reserved_lake_name(name)) {
        why = "is the name of a column of the lake's own";
    }
    if (why != NULL) {
        tide_diagnostics_error(loader->diagnostics,
                               node->key_position,
                               "column name '%.*s' %s",
                               TIDE_VIEW_ARGUMENTS(name),
                               why);
    }
}

static enum tide_type load_type(struct loader *loader, const struct tide_yaml *node)
{
    size_t count = sizeof type_names / sizeof *type_names;
    if (!is_text(loader, node, "a type")) {
        return TIDE_TYPE_STRING;
    }
    for (size_t i = 0; i < count; i++) {
        if (tide_view_equal(type_names[i], node->text)) {
            return (enum tide_type)i;
        }
    }
    tide_diagnostics_error(loader->diagnostics,
                           node->position,
                           "unknown type '%.*s'%s",
                           TIDE_VIEW_ARGUMENTS(node->text),
                           suggestion(loader, node->text, type_names, count));
    return TIDE_TYPE_STRING;
}

static void load_path_column(struct loader *loader,
                             const struct tide_yaml *node,
                             struct tide_column *column)
{
    CHECK_KEYS(loader, node, path_keys, "column");
    const struct tide_yaml *type = tide_yaml_get(node, "type");
    const struct tide_yaml *required = tide_yaml_get(node, "required");
    load_path(loader, tide_yaml_get(node, "path"), &column->path);
    column->pointer = column->path.pointer;
    if (type != NULL) {
        column->type = load_type(loader, type);
    }
    if (required != NULL) {
        tide_yaml_bool(required, &column->required, loader->diagnostics);
    }
}

static void load_map(struct loader *loader,
                     const struct tide_yaml *node,
                     struct tide_column *column)
{
    if (node->kind != TIDE_YAML_SEQUENCE || node->count > TIDE_SCHEMA_MAP_MAX) {
        tide_diagnostics_error(loader->diagnostics,
                               node->position,
                               "map must be a list of at most %d entries like {'*.app': Mobile}",
                               TIDE_SCHEMA_MAP_MAX);
        return;
    }
    if (node->count == 0) {
        return;
    }
    column->globs = allocate(loader, node->count, sizeof *column->globs);
    for (const struct tide_yaml *entry = node->first; entry != NULL && column->globs != NULL;
         entry = entry->next) {
        if (entry->kind != TIDE_YAML_MAPPING || entry->count != 1 ||
            entry->first->kind != TIDE_YAML_SCALAR) {
            tide_diagnostics_error(loader->diagnostics,
                                   entry->position,
                                   "an entry of map must be one pair like {'*.app': Mobile}");
            continue;
        }
        column->globs[column->glob_count++] = (struct tide_glob){
            .pattern = tide_arena_copy(loader->arena, entry->first->key),
            .value = tide_arena_copy(loader->arena, entry->first->text),
        };
    }
}

static void load_derived_column(struct loader *loader,
                                const struct tide_yaml *node,
                                struct tide_column *column)
{
    CHECK_KEYS(loader, node, derived_keys, "derived column");
    const struct tide_schema *schema = loader->schema;
    const struct tide_yaml *from = tide_yaml_get(node, "from");
    const struct tide_yaml *map = tide_yaml_get(node, "map");
    const struct tide_yaml *fallback = tide_yaml_get(node, "default");
    column->derived = true;
    if (is_text(loader, from, "from")) {
        column->from = tide_schema_find(schema, from->text);
        if (column->from == TIDE_COLUMN_NONE) {
            tide_diagnostics_error(
                loader->diagnostics,
                from->position,
                "unknown column '%.*s'%s",
                TIDE_VIEW_ARGUMENTS(from->text),
                suggestion(loader, from->text, loader->names, schema->column_count));
        } else if (schema->columns[column->from].type != TIDE_TYPE_STRING) {
            tide_diagnostics_error(loader->diagnostics,
                                   from->position,
                                   "a derived column needs a string column, '%.*s' is %s",
                                   TIDE_VIEW_ARGUMENTS(from->text),
                                   tide_type_name(schema->columns[column->from].type));
        }
    }
    if (map == NULL) {
        tide_diagnostics_error(loader->diagnostics, node->position, "a derived column needs a map");
    } else {
        load_map(loader, map, column);
    }
    if (fallback != NULL && !is_null(fallback) && fallback->kind == TIDE_YAML_SCALAR) {
        column->has_default = true;
        column->fallback = tide_arena_copy(loader->arena, fallback->text);
    }
}

/* One pass for columns with a path, one for derived ones. */
static void load_columns_of_kind(struct loader *loader,
                                 const struct tide_yaml *columns,
                                 bool derived)
{
    struct tide_schema *schema = loader->schema;
    for (const struct tide_yaml *node = columns->first; node != NULL; node = node->next) {
        bool has_from = tide_yaml_get(node, "from") != NULL;
        bool has_path = tide_yaml_get(node, "path") != NULL;
        if (!derived) {
            check_name(loader, node);
            if (is_mapping(loader, node, "a column") && has_from == has_path) {
                tide_diagnostics_error(loader->diagnostics,
                                       node->position,
                                       "column '%.*s' needs either 'path' or 'from'",
                                       TIDE_VIEW_ARGUMENTS(node->key));
            }
        }
        if (has_from == has_path || has_from != derived) {
            continue;
        }
        struct tide_column column = {.name = tide_arena_copy(loader->arena, node->key),
                                     .from = TIDE_COLUMN_NONE,
                                     .position = node->key_position};
        if (derived) {
            load_derived_column(loader, node, &column);
        } else {
            load_path_column(loader, node, &column);
        }
        loader->names[schema->column_count] = column.name;
        schema->columns[schema->column_count++] = column;
    }
}

static bool load_columns(struct loader *loader,
                         const struct tide_yaml *node,
                         const struct tide_yaml *columns)
{
    struct tide_schema *schema = loader->schema;
    if (columns == NULL) {
        tide_diagnostics_error(loader->diagnostics, node->position, "the schema has no columns");
        return false;
    }
    if (!is_mapping(loader, columns, "columns")) {
        return false;
    }
    if (columns->count == 0 || columns->count > TIDE_SCHEMA_COLUMNS_MAX) {
        tide_diagnostics_error(loader->diagnostics,
                               columns->position,
                               "a schema has 1 to %d columns, this one has %u",
                               TIDE_SCHEMA_COLUMNS_MAX,
                               columns->count);
        return false;
    }
    schema->columns = allocate(loader, columns->count, sizeof *schema->columns);
    loader->names = allocate(loader, columns->count, sizeof *loader->names);
    if (schema->columns == NULL || loader->names == NULL) {
        return false;
    }
    load_columns_of_kind(loader, columns, false);
    schema->path_column_count = schema->column_count;
    load_columns_of_kind(loader, columns, true);
    return true;
}

/* ---- roles ---- */

/* Roles but the event's type are read while a record is decoded, so they need a path. */
static void load_role(struct loader *loader, const struct tide_yaml *node, struct role role)
{
    const struct tide_schema *schema = loader->schema;
    const struct tide_yaml *value = tide_yaml_get(node, role.key);
    *role.column = TIDE_COLUMN_NONE;
    if (value == NULL) {
        if (role.required) {
            tide_diagnostics_error(
                loader->diagnostics, node->position, "the schema has no '%s'", role.key);
        }
        return;
    }
    if (!is_text(loader, value, role.key)) {
        return;
    }
    uint32_t column = tide_schema_find(schema, value->text);
    if (column == TIDE_COLUMN_NONE) {
        tide_diagnostics_error(
            loader->diagnostics,
            value->position,
            "unknown column '%.*s'%s",
            TIDE_VIEW_ARGUMENTS(value->text),
            suggestion(loader, value->text, loader->names, schema->column_count));
        return;
    }
    if (column >= schema->path_column_count && role.column != &loader->schema->event_type) {
        tide_diagnostics_error(loader->diagnostics,
                               value->position,
                               "'%s' must be a column with a path, '%.*s' is derived",
                               role.key,
                               TIDE_VIEW_ARGUMENTS(value->text));
        return;
    }
    *role.column = column;
}

static void check_time_role(struct loader *loader,
                            const struct tide_yaml *node,
                            const char *key,
                            uint32_t column)
{
    if (column != TIDE_COLUMN_NONE && !tide_type_is_time(loader->schema->columns[column].type)) {
        tide_diagnostics_error(loader->diagnostics,
                               tide_yaml_get(node, key)->position,
                               "'%s' must be a column of type time_ms or time_iso, not %s",
                               key,
                               tide_type_name(loader->schema->columns[column].type));
    }
}

static void load_roles(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_schema *schema = loader->schema;
    const struct role roles[] = {
        {"entity", true, &schema->entity},
        {"id", true, &schema->id},
        {"type", false, &schema->event_type},
        {"time", true, &schema->time},
        {"received", false, &schema->received},
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        load_role(loader, node, roles[i]);
    }
    check_time_role(loader, node, "time", schema->time);
    check_time_role(loader, node, "received", schema->received);
    if (schema->time != TIDE_COLUMN_NONE && !schema->columns[schema->time].required) {
        tide_diagnostics_error(loader->diagnostics,
                               schema->columns[schema->time].position,
                               "the time column must be required: an event without a time has no "
                               "place in any window");
    }
}

/* ---- the rest ---- */

static void load_envelope(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_schema *schema = loader->schema;
    if (!is_mapping(loader, node, "envelope")) {
        return;
    }
    CHECK_KEYS(loader, node, envelope_keys, "envelope");
    const struct tide_yaml *events = tide_yaml_get(node, "events");
    const struct tide_yaml *sent_time = tide_yaml_get(node, "sent_time");
    const struct tide_yaml *id = tide_yaml_get(node, "id");
    if (events == NULL) {
        tide_diagnostics_error(loader->diagnostics,
                               node->position,
                               "an envelope needs 'events': where its list of events is");
    } else {
        load_path(loader, events, &schema->envelope_events);
    }
    if (sent_time != NULL) {
        load_path(loader, sent_time, &schema->envelope_sent_time);
    }
    if (id != NULL) {
        load_path(loader, id, &schema->envelope_id);
    }
}

static void load_duration(struct loader *loader,
                          const struct tide_yaml *mapping,
                          const char *key,
                          struct tide_duration *duration)
{
    const struct tide_yaml *node = tide_yaml_get(mapping, key);
    if (node == NULL) {
        return;
    }
    if (node->kind != TIDE_YAML_SCALAR || !tide_duration_parse(node->text, duration)) {
        tide_diagnostics_error(loader->diagnostics,
                               node->position,
                               "%s must be a duration like 30s, 5m, 26h or 400d",
                               key);
    }
}

static void load_clock(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_schema_clock *clock = &loader->schema->clock;
    *clock = (struct tide_schema_clock){
        .tolerance = {60 * TIDE_US_PER_SECOND},
        .max_ahead = {300 * TIDE_US_PER_SECOND},
        .max_age = {400 * TIDE_US_PER_DAY},
        .out_of_orderness = {10 * TIDE_US_PER_SECOND},
    };
    if (node == NULL || !is_mapping(loader, node, "clock")) {
        return;
    }
    CHECK_KEYS(loader, node, clock_keys, "clock");
    load_duration(loader, node, "tolerance", &clock->tolerance);
    load_duration(loader, node, "max_ahead", &clock->max_ahead);
    load_duration(loader, node, "max_age", &clock->max_age);
    load_duration(loader, node, "out_of_orderness", &clock->out_of_orderness);
}

static void load_dedupe(struct loader *loader, const struct tide_yaml *node)
{
    if (!is_mapping(loader, node, "dedupe")) {
        return;
    }
    CHECK_KEYS(loader, node, dedupe_keys, "dedupe");
    const struct tide_yaml *key = tide_yaml_get(node, "key");
    if (key == NULL) {
        return;
    }
    if (key->kind != TIDE_YAML_SCALAR || !tide_view_equal(key->text, TIDE_VIEW("id"))) {
        tide_diagnostics_error(loader->diagnostics,
                               key->position,
                               "dedupe key must be 'id'; without it the whole event is the key");
        return;
    }
    loader->schema->dedupe_by_id = true;
}

static void load_options(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_schema *schema = loader->schema;
    const struct tide_yaml *name = tide_yaml_get(node, "name");
    const struct tide_yaml *payload = tide_yaml_get(node, "payload");
    const struct tide_yaml *envelope = tide_yaml_get(node, "envelope");
    const struct tide_yaml *dedupe = tide_yaml_get(node, "dedupe");
    const struct tide_yaml *strict = tide_yaml_get(node, "strict");
    const struct tide_yaml *validate = tide_yaml_get(node, "validate");
    if (name == NULL) {
        tide_diagnostics_error(loader->diagnostics, node->position, "the schema has no 'name'");
    } else if (is_text(loader, name, "name")) {
        schema->name = tide_arena_copy(loader->arena, name->text);
    }
    if (payload != NULL) {
        load_path(loader, payload, &schema->payload);
    }
    if (envelope != NULL) {
        load_envelope(loader, envelope);
    }
    if (dedupe != NULL) {
        load_dedupe(loader, dedupe);
    }
    if (strict != NULL) {
        tide_yaml_bool(strict, &schema->strict, loader->diagnostics);
    }
    if (validate != NULL && !loader->is_judged) {
        tide_validation_load(loader->arena, validate, loader->diagnostics, &schema->validation);
    }
    load_clock(loader, tide_yaml_get(node, "clock"));
}

/* ---- hash ---- */

static void hash_path(struct tide_bytes *bytes, const struct tide_path *path)
{
    tide_bytes_append_u32(bytes, path->depth);
    for (uint32_t i = 0; i < path->depth; i++) {
        tide_bytes_append_u32(bytes, (uint32_t)path->keys[i].size);
        tide_bytes_append_view(bytes, path->keys[i]);
    }
}

/* Left out, because no verdict, uid, event time or partition depends on them: names, derived
 * columns, the event type's column, the envelope's id, out_of_orderness. */
static bool hash_schema(struct tide_schema *schema)
{
    struct tide_bytes bytes = {0};
    tide_bytes_append_text(&bytes, "tidemark schema 1");
    tide_bytes_append_u32(&bytes, schema->path_column_count);
    for (uint32_t i = 0; i < schema->path_column_count; i++) {
        const struct tide_column *column = &schema->columns[i];
        hash_path(&bytes, &column->path);
        tide_bytes_append_byte(&bytes, (char)column->type);
        tide_bytes_append_byte(&bytes, (char)column->required);
    }
    tide_bytes_append_u32(&bytes, schema->entity);
    tide_bytes_append_u32(&bytes, schema->id);
    tide_bytes_append_u32(&bytes, schema->time);
    tide_bytes_append_u32(&bytes, schema->received);
    hash_path(&bytes, &schema->payload);
    hash_path(&bytes, &schema->envelope_events);
    hash_path(&bytes, &schema->envelope_sent_time);
    tide_bytes_append_u64(&bytes, (uint64_t)schema->clock.tolerance.us);
    tide_bytes_append_u64(&bytes, (uint64_t)schema->clock.max_ahead.us);
    tide_bytes_append_u64(&bytes, (uint64_t)schema->clock.max_age.us);
    tide_bytes_append_byte(&bytes, (char)schema->strict);
    tide_bytes_append_byte(&bytes, (char)schema->dedupe_by_id);
    if (schema->validation.by.size > 0) {
        tide_validation_encode(&schema->validation, &bytes);
    }
    bool complete = !bytes.failed;
    if (complete) {
        schema->hash = tide_hash128(tide_bytes_view(&bytes), 0);
    }
    tide_bytes_release(&bytes);
    return complete;
}

static struct tide_schema *load(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_diagnostics *diagnostics = loader->diagnostics;
    uint32_t errors_before = diagnostics->error_count;
    tide_assert(node != NULL);
    if (!is_mapping(loader, node, "schema")) {
        return NULL;
    }
    loader->schema = allocate(loader, 1, sizeof *loader->schema);
    if (loader->schema == NULL) {
        return NULL;
    }
    CHECK_KEYS(loader, node, schema_keys, "schema");
    load_options(loader, node);
    if (load_columns(loader, node, tide_yaml_get(node, "columns"))) {
        load_roles(loader, node);
    }
    if (diagnostics->error_count == errors_before && !hash_schema(loader->schema)) {
        tide_diagnostics_error(diagnostics, node->position, "the schema does not fit into memory");
    }
    return diagnostics->error_count == errors_before ? loader->schema : NULL;
}

struct tide_schema *tide_schema_load(struct tide_arena *arena,
                                     const struct tide_yaml *node,
                                     struct tide_diagnostics *diagnostics)
{
    struct loader loader = {.arena = arena, .diagnostics = diagnostics};
    return load(&loader, node);
}

struct tide_schema *tide_schema_load_judged(struct tide_arena *arena,
                                            const struct tide_yaml *node,
                                            struct tide_diagnostics *diagnostics)
{
    struct loader loader = {.arena = arena, .diagnostics = diagnostics, .is_judged = true};
    return load(&loader, node);
}
