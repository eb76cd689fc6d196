/* The schema of a preset file of the checkout, for rooms that cannot see the embedded copies. */
#ifndef TIDE_SUPPORT_PRESET_SCHEMA_H
#define TIDE_SUPPORT_PRESET_SCHEMA_H

#include "base/io.h"
#include "support/schema_text.h"

struct preset_schema {
    struct tide_arena arena;
    struct tide_bytes text;
    struct tide_source source;
    struct tide_diagnostics diagnostics;
    const struct tide_schema *schema;
};

/* name: "sunbird" or "device". NULL: it cannot be read. */
static inline const struct tide_schema *preset_schema_load(struct preset_schema *it,
                                                           const char *name)
{
    struct tide_yaml *root = NULL;
    struct tide_bytes path = {0};
    memset(it, 0, sizeof *it);
    tide_bytes_append_format(&path, "%s/presets/%s.yaml", TIDE_TEST_SOURCE_ROOT, name);
    const char *file = tide_bytes_terminated(&path);
    if (tide_io_read_file(tide_io_os(), file, &it->text, 1 << 20, NULL) == TIDE_OK) {
        it->source = (struct tide_source){TIDE_VIEW("preset"), tide_bytes_view(&it->text)};
        tide_diagnostics_init(&it->diagnostics, &it->arena);
        if (tide_yaml_parse(&it->arena, &it->source, &it->diagnostics, &root)) {
            it->schema =
                tide_schema_load(&it->arena, tide_yaml_get(root, "schema"), &it->diagnostics);
        }
    }
    tide_bytes_release(&path);
    return it->schema;
}

static inline void preset_schema_release(struct preset_schema *it)
{
    tide_bytes_release(&it->text);
    tide_arena_release(&it->arena);
}

#endif
