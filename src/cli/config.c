#include "cli/config.h"

#include "base/assert.h"
#include "base/io.h"
#include "cli/config_value.h"
#include "decode/json_schema.h"
#include "lake/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_BYTES_MAX = 4 << 20,
    KEY_BYTES_MAX = 256
};

/* Read by metric/, not by the table of keys. */
static const char *const definition_keys[] = {"preset", "schema", "metrics", "alerts"};

struct loader {
    struct tide_arena *arena;
    struct tide_diagnostics *diagnostics;
    struct tide_config *config;
};

void tide_config_print_diagnostics(const struct tide_diagnostics *diagnostics)
{
    struct tide_bytes text = {0};
    tide_diagnostics_render(diagnostics, &text);
    fwrite(text.data, 1, text.size, stderr);
    tide_bytes_release(&text);
}

static enum tide_exit finish(const struct loader *loader)
{
    tide_config_print_diagnostics(loader->diagnostics);
    return loader->diagnostics->error_count > 0 ? TIDE_EXIT_CONFIGURATION : TIDE_EXIT_OK;
}

static const struct tide_config_key *find_key(struct tide_view name)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        if (tide_view_equal(tide_view_of(tide_config_keys[i].name), name)) {
            return &tide_config_keys[i];
        }
    }
    return NULL;
}

static void unknown_key(struct loader *loader, struct tide_view name, struct tide_position position)
{
    struct tide_view names[128];
    size_t count = 0;
    for (size_t i = 0; i < tide_config_key_count; i++) {
        names[count++] = tide_view_of(tide_config_keys[i].name);
    }
    for (size_t i = 0; i < sizeof(definition_keys) / sizeof(definition_keys[0]); i++) {
        names[count++] = tide_view_of(definition_keys[i]);
    }
    struct tide_view nearest = tide_nearest(name, names, count);
    if (nearest.size > 0) {
        tide_diagnostics_error(loader->diagnostics,
                               position,
                               "unknown key '%.*s'; did you mean '%.*s'?",
                               TIDE_VIEW_ARGUMENTS(name),
                               TIDE_VIEW_ARGUMENTS(nearest));
    } else {
        tide_diagnostics_error(
            loader->diagnostics, position, "unknown key '%.*s'", TIDE_VIEW_ARGUMENTS(name));
    }
}

static bool is_definition(struct tide_view name)
{
    for (size_t i = 0; i < sizeof(definition_keys) / sizeof(definition_keys[0]); i++) {
        if (tide_view_equal(tide_view_of(definition_keys[i]), name)) {
            return true;
        }
    }
    return false;
}

/* Whether any key of the table starts with "name.". */
static bool is_section(const char *name, size_t size)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        const char *key = tide_config_keys[i].name;
        if (strlen(key) > size && memcmp(key, name, size) == 0 && key[size] == '.') {
            return true;
        }
    }
    return false;
}

/* A secret stands in no file, and its line is not shown. */
static void refuse_secret(struct loader *loader, const char *name)
{
    tide_diagnostics_error(loader->diagnostics,
                           (struct tide_position){0},
                           "%s is a secret, and the file is not: write ${VAR} or ${file:/path}",
                           name);
}

static bool is_bare_secret(struct tide_view name, struct tide_view value)
{
    return tide_config_is_secret_name(name) && value.size > 0 &&
           !tide_config_value_is_reference(value);
}

/* A mapping that is written as one text. */
static bool has_bare_secret(struct tide_view text)
{
    struct tide_view name;
    struct tide_view value;
    bool has = false;
    while (tide_config_map_next(&text, &name, &value)) {
        has |= is_bare_secret(name, value);
    }
    return has;
}

/* The items of a sequence, or the members of a mapping, as the one text that a value is. */
static void apply_collection(struct loader *loader,
                             const struct tide_config_key *key,
                             const struct tide_yaml *node)
{
    struct tide_bytes text = {0};
    bool is_valid = true;
    for (const struct tide_yaml *it = node->first; it != NULL; it = it->next) {
        bool is_map = key->type == TIDE_CONFIG_MAP;
        if (it->kind != TIDE_YAML_SCALAR) {
            tide_diagnostics_error(
                loader->diagnostics, it->position, "%s: write a plain value here", key->name);
            is_valid = false;
        } else if (is_map && is_bare_secret(it->key, it->text)) {
            refuse_secret(loader, key->name);
            is_valid = false;
        } else if (is_map) {
            tide_bytes_append_format(&text,
                                     "%.*s=%.*s%c",
                                     TIDE_VIEW_ARGUMENTS(it->key),
                                     TIDE_VIEW_ARGUMENTS(it->text),
                                     TIDE_CONFIG_SEPARATOR);
        } else {
            tide_bytes_append_format(&text, "%.*s,", TIDE_VIEW_ARGUMENTS(it->text));
        }
    }
    if (is_valid) {
        (void)tide_config_value_set(
            loader->config, key, tide_bytes_view(&text), node->position, loader->diagnostics);
    }
    tide_bytes_release(&text);
}

static bool is_collection(const struct tide_config_key *key, const struct tide_yaml *node)
{
    return (key->type == TIDE_CONFIG_LIST && node->kind == TIDE_YAML_SEQUENCE) ||
           (key->type == TIDE_CONFIG_MAP && node->kind == TIDE_YAML_MAPPING);
}

/* Sections nest at most as deep as the longest key of the table has points. */
static void apply_mapping(struct loader *loader,
                          const struct tide_yaml *mapping,
                          char *prefix,
                          size_t prefix_size)
{
    for (const struct tide_yaml *node = mapping->first; node != NULL; node = node->next) {
        size_t size = prefix_size + node->key.size;
        if (size + 2 > KEY_BYTES_MAX) {
            unknown_key(loader, node->key, node->key_position);
            continue;
        }
        memcpy(prefix + prefix_size, node->key.data, node->key.size);
        struct tide_view name = {prefix, size};
        const struct tide_config_key *key = find_key(name);
        if (prefix_size == 0 && is_definition(name)) {
            continue;
        }
        const bool is_bare = key != NULL && key->type == TIDE_CONFIG_SECRET &&
                             node->text.size > 0 && !tide_config_value_is_reference(node->text);
        if (is_bare || (key != NULL && key->type == TIDE_CONFIG_MAP &&
                        node->kind == TIDE_YAML_SCALAR && has_bare_secret(node->text))) {
            refuse_secret(loader, key->name);
        } else if (key != NULL && is_collection(key, node)) {
            apply_collection(loader, key, node);
        } else if (key != NULL && node->kind == TIDE_YAML_SCALAR) {
            (void)tide_config_value_set(
                loader->config, key, node->text, node->position, loader->diagnostics);
        } else if (key == NULL && node->kind == TIDE_YAML_MAPPING && is_section(prefix, size)) {
            prefix[size] = '.';
            apply_mapping(loader, node, prefix, size + 1);
        } else {
            unknown_key(loader, name, node->key_position);
        }
    }
}

static void apply_defaults(struct loader *loader)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        const struct tide_config_key *key = &tide_config_keys[i];
        bool valid = tide_config_value_set(loader->config,
                                           key,
                                           tide_view_of(key->fallback),
                                           (struct tide_position){0},
                                           loader->diagnostics);
        tide_assert(valid);
    }
}

/* A position inside a text that has no file: a flag or a variable. */
static struct tide_position position_of(struct loader *loader, const char *origin, const char *text)
{
    struct tide_source *source = TIDE_ARENA_NEW(loader->arena, struct tide_source);
    if (source == NULL) {
        return (struct tide_position){0};
    }
    source->name = tide_view_of(origin);
    source->text = tide_view_of(text);
    return (struct tide_position){source, 1, 1, (uint32_t)strlen(text)};
}

static void apply_environment(struct loader *loader)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        char name[KEY_BYTES_MAX] = "TIDEMARK_";
        size_t size = strlen(name);
        for (const char *c = tide_config_keys[i].name; *c != '\0'; c++) {
            if (*c == '.') {
                name[size++] = '_';
                name[size++] = '_';
            } else {
                name[size++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
            }
        }
        name[size] = '\0';
        const char *value = getenv(name);
        if (value != NULL) {
            struct tide_view origin =
                tide_arena_copy(loader->arena, (struct tide_view){name, size});
            (void)tide_config_value_set(
                loader->config,
                &tide_config_keys[i],
                tide_view_of(value),
                position_of(loader, origin.data == NULL ? "environment" : origin.data, value),
                loader->diagnostics);
        }
    }
}

/* section.map.member=value adds to, or changes, a MAP; false: name is of none. */
static bool apply_member(struct loader *loader,
                         struct tide_view name,
                         struct tide_view value,
                         struct tide_position position)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        const struct tide_config_key *key = &tide_config_keys[i];
        size_t size = strlen(key->name);
        if (key->type != TIDE_CONFIG_MAP || name.size <= size + 1 || name.data[size] != '.' ||
            memcmp(name.data, key->name, size) != 0) {
            continue;
        }
        struct tide_bytes text = {0};
        char *place = (char *)loader->config + key->offset;
        struct tide_view before;
        struct tide_view added;
        struct tide_view member = tide_view_slice(name, size + 1, name.size - size - 1);
        memcpy(&before, place, sizeof(before));
        tide_bytes_append_format(&text,
                                 "%.*s=%.*s%c",
                                 TIDE_VIEW_ARGUMENTS(member),
                                 TIDE_VIEW_ARGUMENTS(value),
                                 TIDE_CONFIG_SEPARATOR);
        if (tide_config_value_set(
                loader->config, key, tide_bytes_view(&text), position, loader->diagnostics)) {
            /* What was there is behind its references already, and stays as it is. */
            memcpy(&added, place, sizeof(added));
            tide_bytes_reset(&text);
            tide_bytes_append_view(&text, before);
            tide_bytes_append_view(&text, added);
            before = tide_arena_copy(loader->arena, tide_bytes_view(&text));
        }
        memcpy(place, &before, sizeof(before));
        tide_bytes_release(&text);
        return true;
    }
    return false;
}

static void apply_flags(struct loader *loader, const struct tide_invocation *invocation)
{
    for (uint32_t i = 0; i < tide_invocation_count(invocation, "--set"); i++) {
        const char *text = tide_invocation_at(invocation, "--set", i);
        const char *equals = strchr(text, '=');
        struct tide_position position = position_of(loader, "--set", text);
        if (equals == NULL) {
            tide_diagnostics_error(loader->diagnostics, position, "write --set key=value");
            continue;
        }
        struct tide_view name = {text, (size_t)(equals - text)};
        const struct tide_config_key *key = find_key(name);
        if (key == NULL && apply_member(loader, name, tide_view_of(equals + 1), position)) {
            continue;
        }
        if (key == NULL) { /* the value may be a secret's, whose key has a letter too few */
            struct tide_view shown = tide_arena_copy(loader->arena, name);
            unknown_key(loader,
                        name,
                        shown.data == NULL ? position : position_of(loader, "--set", shown.data));
        } else {
            (void)tide_config_value_set(
                loader->config, key, tide_view_of(equals + 1), position, loader->diagnostics);
        }
    }
}

static enum tide_exit read_source(struct tide_arena *arena,
                                  const char *file,
                                  struct tide_source **source)
{
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    enum tide_status status = tide_io_read_file(tide_io_os(), file, &text, FILE_BYTES_MAX, &error);
    *source = TIDE_ARENA_NEW(arena, struct tide_source);
    if (status == TIDE_OK && *source != NULL) {
        (*source)->name = tide_view_of(file);
        (*source)->text = tide_arena_copy(arena, tide_bytes_view(&text));
    }
    tide_bytes_release(&text);
    if (status != TIDE_OK) {
        return tide_fail(
            status == TIDE_REJECT ? TIDE_EXIT_NOT_FOUND : TIDE_EXIT_FAILURE, "%s", error.text);
    }
    return *source == NULL || (*source)->text.data == NULL
               ? tide_fail(TIDE_EXIT_TEMPORARY, "out of memory")
               : TIDE_EXIT_OK;
}

/* Compiles the JSON Schemas once, so that their mistakes are told with the others. */
static void check_json_schemas(struct loader *loader, const struct tide_definitions *definitions)
{
    struct tide_arena arena = {0};
    struct tide_error error = {0};
    const struct tide_json_schema *compiled = NULL;
    const struct tide_validation *validation = &definitions->schema->validation;
    if (tide_json_schema_compile(&arena, &validation->files, &compiled, &error) != TIDE_OK) {
        tide_diagnostics_error(
            loader->diagnostics, validation->position, "JSON Schema %s", error.text);
    }
    tide_arena_release(&arena);
}

static enum tide_exit load_definitions(struct loader *loader,
                                       const struct tide_invocation *invocation,
                                       const struct tide_source *source,
                                       const char *preset,
                                       const struct tide_definitions **out)
{
    uint32_t only_count = tide_invocation_knows(invocation, "--metric")
                              ? tide_invocation_count(invocation, "--metric")
                              : 0;
    struct tide_view *only = TIDE_ARENA_ARRAY(loader->arena, struct tide_view, only_count + 1);
    if (only == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    for (uint32_t i = 0; i < only_count; i++) {
        only[i] = tide_view_of(tide_invocation_at(invocation, "--metric", i));
    }
    struct tide_definitions_input input = {
        .file = source, .preset = tide_view_of(preset), .only = only, .only_count = only_count};
    *out = tide_definitions_load(loader->arena, &input, loader->diagnostics);
    if (*out != NULL && (*out)->schema->validation.by.size > 0) {
        check_json_schemas(loader, *out);
    }
    return TIDE_EXIT_OK;
}

enum tide_exit tide_config_definitions(struct tide_arena *arena,
                                       const struct tide_invocation *invocation,
                                       const char *file,
                                       const char *preset,
                                       const struct tide_definitions **out)
{
    struct tide_diagnostics diagnostics;
    struct loader loader = {.arena = arena, .diagnostics = &diagnostics};
    struct tide_source *source = NULL;
    tide_diagnostics_init(&diagnostics, arena);
    if (file == NULL && preset == NULL) {
        return tide_fail(TIDE_EXIT_USAGE, "say what the events are: --preset NAME or -c FILE");
    }
    enum tide_exit exit = file == NULL ? TIDE_EXIT_OK : read_source(arena, file, &source);
    if (exit == TIDE_EXIT_OK) {
        exit = load_definitions(&loader, invocation, source, preset, out);
    }
    return exit == TIDE_EXIT_OK ? finish(&loader) : exit;
}

/* All keys of the table; *source is the file's text, or NULL. false: the file is not YAML. */
static enum tide_exit apply_all(struct loader *loader,
                                const struct tide_invocation *invocation,
                                const char *file,
                                struct tide_source **source,
                                bool *is_yaml)
{
    struct tide_yaml *root = NULL;
    char prefix[KEY_BYTES_MAX];
    *loader->config = (struct tide_config){0};
    *source = NULL;
    *is_yaml = true;
    apply_defaults(loader);
    if (file != NULL) {
        const enum tide_exit exit = read_source(loader->arena, file, source);
        if (exit != TIDE_EXIT_OK) {
            return exit;
        }
        *is_yaml = tide_yaml_parse(loader->arena, *source, loader->diagnostics, &root);
        if (*is_yaml) {
            apply_mapping(loader, root, prefix, 0);
        }
    }
    apply_environment(loader);
    apply_flags(loader, invocation);
    return TIDE_EXIT_OK;
}

enum tide_exit tide_config_keys_only(struct tide_arena *arena,
                                     const struct tide_invocation *invocation,
                                     const char *file,
                                     struct tide_config *config)
{
    struct tide_diagnostics diagnostics;
    struct loader loader = {.arena = arena, .config = config, .diagnostics = &diagnostics};
    struct tide_source *source = NULL;
    bool is_yaml = false;
    tide_diagnostics_init(&diagnostics, arena);
    const enum tide_exit exit = apply_all(&loader, invocation, file, &source, &is_yaml);
    return exit == TIDE_EXIT_OK ? finish(&loader) : exit;
}

enum tide_exit tide_config_check(struct tide_arena *arena,
                                 const struct tide_invocation *invocation,
                                 const char *file,
                                 const char *preset,
                                 struct tide_config *config,
                                 struct tide_diagnostics *diagnostics)
{
    struct loader loader = {.arena = arena, .config = config, .diagnostics = diagnostics};
    struct tide_source *source = NULL;
    bool is_yaml = false;
    tide_diagnostics_init(diagnostics, arena);
    if (file == NULL && preset == NULL) {
        *config = (struct tide_config){0};
        return tide_fail(TIDE_EXIT_USAGE,
                         "say what the events are: a configuration file or --preset NAME");
    }
    enum tide_exit exit = apply_all(&loader, invocation, file, &source, &is_yaml);
    if (exit == TIDE_EXIT_OK && is_yaml) {
        exit = load_definitions(&loader, invocation, source, preset, &config->definitions);
    }
    return exit;
}

enum tide_exit tide_config_load(struct tide_arena *arena,
                                const struct tide_invocation *invocation,
                                const char *file,
                                const char *preset,
                                struct tide_config *config)
{
    struct tide_diagnostics diagnostics;
    const struct loader loader = {.diagnostics = &diagnostics};
    const enum tide_exit exit =
        tide_config_check(arena, invocation, file, preset, config, &diagnostics);
    return exit == TIDE_EXIT_OK ? finish(&loader) : exit;
}

uint32_t tide_config_partitions(const struct tide_config *config)
{
    return (uint32_t)(config->kafka.log_brokers.size > 0 ? config->kafka.log_partitions
                                                         : config->partitions);
}

static struct tide_view join(struct tide_arena *arena, const char *format, const char *directory)
{
    struct tide_bytes text = {0};
    for (const char *c = format; *c != '\0'; c++) {
        if (*c == '*') {
            tide_bytes_append_text(&text, directory);
        } else {
            tide_bytes_append_byte(&text, *c);
        }
    }
    struct tide_view view = tide_arena_copy(arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    return view;
}

enum tide_exit tide_config_flags(struct tide_arena *arena,
                                 const char *data,
                                 const char *listen,
                                 struct tide_config *config)
{
    struct tide_diagnostics diagnostics;
    struct loader loader = {.arena = arena, .config = config, .diagnostics = &diagnostics};
    tide_diagnostics_init(&diagnostics, arena);
    if (data != NULL) {
        config->data = join(arena, "*/data", data);
        if (!tide_store_is_remote(config->lake_url)) {
            config->lake_url = join(arena, "file:*/lake", data);
        }
        if (config->data.data == NULL || config->lake_url.data == NULL) {
            return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
        }
    }
    if (listen != NULL) {
        const struct tide_config_key *key = find_key(TIDE_VIEW("collect.http.listen"));
        (void)tide_config_value_set(config,
                                    key,
                                    tide_view_of(listen),
                                    position_of(&loader, "--listen", listen),
                                    &diagnostics);
    }
    return finish(&loader);
}
