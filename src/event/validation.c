#include "event/validation.h"

#include "base/assert.h"
#include "base/io.h"
#include "event/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const struct tide_view validate_keys[] = {{"json_schema", 11}, {"by", 2}};

struct loader {
    struct tide_arena *arena;
    struct tide_diagnostics *diagnostics;
    struct tide_validation *validation;
    bool has_failed; /* memory, or too many files */
};

#define REPORT(loader, ...)                                                                        \
    tide_diagnostics_error((loader)->diagnostics, (loader)->validation->position, __VA_ARGS__)

/* NULL, and the mistake was told, unless it is a text. */
static const struct tide_yaml *get_text(struct loader *loader,
                                        const struct tide_yaml *node,
                                        const char *key)
{
    const struct tide_yaml *value = tide_yaml_get(node, key);
    if (value == NULL) {
        tide_diagnostics_error(loader->diagnostics,
                               node->position,
                               "validate needs '%s', like {json_schema: folder, by: type}",
                               key);
    } else if (value->kind != TIDE_YAML_SCALAR || value->text.size == 0) {
        tide_diagnostics_error(loader->diagnostics, value->position, "%s must be a text", key);
        value = NULL;
    }
    return value;
}

/* ---- built in ---- */

static const struct tide_embedded_file *find_rules(struct tide_view name)
{
    const struct tide_embedded_file *file = tide_rule_texts;
    while (file->name != NULL && !tide_view_equal(tide_view_of(file->name), name)) {
        file++;
    }
    return file->name != NULL ? file : NULL;
}

static void load_rules(struct loader *loader, const struct tide_embedded_file *file)
{
    struct tide_error error = {0};
    enum tide_status status = tide_rules_translate(loader->arena,
                                                   (struct tide_view){file->text, file->size},
                                                   &loader->validation->files,
                                                   &error);
    tide_assert(status != TIDE_REJECT); /* the text is ours */
    if (status != TIDE_OK) {
        REPORT(loader, "%s", error.text);
    }
}

/* ---- a folder ---- */

static bool is_schema_name(struct tide_view name)
{
    const struct tide_view ending = TIDE_VIEW(".json");
    return name.size >= ending.size &&
           memcmp(name.data + name.size - ending.size, ending.data, ending.size) == 0;
}

static void visit(void *context, const char *name, bool is_directory)
{
    struct loader *loader = context;
    struct tide_schema_files *files = &loader->validation->files;
    if (is_directory || loader->has_failed || !is_schema_name(tide_view_of(name))) {
        return;
    }
    if (files->count == TIDE_SCHEMA_FILES_MAX) {
        REPORT(loader, "the folder has more than %d schemas", TIDE_SCHEMA_FILES_MAX);
        loader->has_failed = true;
        return;
    }
    struct tide_view kept = tide_arena_copy(loader->arena, tide_view_of(name));
    if (kept.data == NULL) {
        REPORT(loader, "the schemas do not fit into memory");
        loader->has_failed = true;
        return;
    }
    files->items[files->count++].name = kept;
}

static int compare_files(const void *a, const void *b)
{
    const struct tide_schema_file *left = a;
    const struct tide_schema_file *right = b;
    return tide_view_compare(left->name, right->name);
}

static void read_files(struct loader *loader, struct tide_view folder)
{
    struct tide_schema_files *files = &loader->validation->files;
    struct tide_bytes path = {0};
    struct tide_bytes text = {0};
    size_t size = 0;
    for (uint32_t i = 0; i < files->count && !loader->has_failed; i++) {
        struct tide_error error = {0};
        tide_bytes_reset(&path);
        tide_bytes_append_format(&path,
                                 "%.*s/%.*s",
                                 TIDE_VIEW_ARGUMENTS(folder),
                                 TIDE_VIEW_ARGUMENTS(files->items[i].name));
        loader->has_failed = tide_io_read_file(tide_io_os(),
                                               tide_bytes_terminated(&path),
                                               &text,
                                               TIDE_SCHEMA_FILE_BYTES_MAX,
                                               &error) != TIDE_OK;
        if (loader->has_failed) {
            REPORT(loader, "%s", error.text);
            continue;
        }
        size += text.size;
        files->items[i].text = tide_arena_copy(loader->arena, tide_bytes_view(&text));
        loader->has_failed =
            size > TIDE_SCHEMA_FILES_BYTES_MAX || files->items[i].text.data == NULL;
        if (loader->has_failed) {
            REPORT(loader, "the schemas do not fit into %d bytes", TIDE_SCHEMA_FILES_BYTES_MAX);
        }
    }
    tide_bytes_release(&text);
    tide_bytes_release(&path);
}

/* The folder as written, or beside the file that names it. */
static struct tide_view folder_path(const struct loader *loader, struct tide_view folder)
{
    const struct tide_source *source = loader->validation->position.source;
    struct tide_view name = source != NULL ? source->name : TIDE_VIEW("");
    while (name.size > 0 && name.data[name.size - 1] != '/') {
        name.size--;
    }
    if (folder.data[0] == '/') {
        name.size = 0;
    }
    char *path = tide_arena_allocate(loader->arena, name.size + folder.size + 1);
    if (path == NULL) {
        return (struct tide_view){NULL, 0};
    }
    memcpy(path, name.size > 0 ? name.data : "", name.size);
    memcpy(path + name.size, folder.data, folder.size);
    return (struct tide_view){path, name.size + folder.size};
}

static void load_folder(struct loader *loader, struct tide_view name)
{
    struct tide_schema_files *files = &loader->validation->files;
    struct tide_error error = {0};
    struct tide_view folder = folder_path(loader, name);
    files->items = TIDE_ARENA_ARRAY(loader->arena, struct tide_schema_file, TIDE_SCHEMA_FILES_MAX);
    if (folder.data == NULL || files->items == NULL) {
        REPORT(loader, "the schemas do not fit into memory");
        return;
    }
    const struct tide_io io = tide_io_os();
    if (io.operations->list(io.self, folder.data, visit, loader, &error) != TIDE_OK) {
        REPORT(loader,
               "no schemas: '%.*s' is not built in (%s is), and as a folder: %s",
               TIDE_VIEW_ARGUMENTS(name),
               tide_rule_texts[0].name,
               error.text);
        return;
    }
    if (files->count == 0 && !loader->has_failed) {
        REPORT(loader, "folder '%.*s' has no *.json files", TIDE_VIEW_ARGUMENTS(folder));
        return;
    }
    qsort(files->items, files->count, sizeof *files->items, compare_files);
    read_files(loader, folder);
}

/* ---- both ---- */

static void load_by(struct loader *loader, const struct tide_yaml *by)
{
    struct tide_validation *validation = loader->validation;
    char *pointer = tide_arena_allocate_text(loader->arena, by->text.size + 1);
    validation->by = tide_arena_copy(loader->arena, by->text);
    if (pointer == NULL || validation->by.data == NULL) {
        REPORT(loader, "the schemas do not fit into memory");
        return;
    }
    pointer[0] = '/';
    memcpy(pointer + 1, by->text.data, by->text.size);
    validation->by_pointer = (struct tide_view){pointer, by->text.size + 1};
}

void tide_validation_load(struct tide_arena *arena,
                          const struct tide_yaml *node,
                          struct tide_diagnostics *diagnostics,
                          struct tide_validation *validation)
{
    struct loader loader = {.arena = arena, .diagnostics = diagnostics, .validation = validation};
    *validation = (struct tide_validation){0};
    if (node->kind != TIDE_YAML_MAPPING) {
        tide_diagnostics_error(diagnostics, node->position, "validate must be a mapping");
        return;
    }
    tide_yaml_check_keys(
        node, validate_keys, sizeof validate_keys / sizeof *validate_keys, "validate", diagnostics);
    const struct tide_yaml *by = get_text(&loader, node, "by");
    const struct tide_yaml *name = get_text(&loader, node, "json_schema");
    if (by == NULL || name == NULL) {
        return;
    }
    validation->position = name->position;
    load_by(&loader, by);
    const struct tide_embedded_file *rules = find_rules(name->text);
    if (rules != NULL) {
        load_rules(&loader, rules);
    } else {
        load_folder(&loader, name->text);
    }
}

static void encode_view(struct tide_bytes *bytes, struct tide_view view)
{
    tide_bytes_append_u32(bytes, (uint32_t)view.size);
    tide_bytes_append_view(bytes, view);
}

void tide_validation_encode(const struct tide_validation *validation, struct tide_bytes *bytes)
{
    encode_view(bytes, validation->by);
    tide_bytes_append_u32(bytes, validation->files.count);
    for (uint32_t i = 0; i < validation->files.count; i++) {
        encode_view(bytes, validation->files.items[i].name);
        encode_view(bytes, validation->files.items[i].text);
    }
}
