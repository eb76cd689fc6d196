/* A schema from YAML text, for tests of every room downstream of event/. */
#ifndef TIDE_SUPPORT_SCHEMA_TEXT_H
#define TIDE_SUPPORT_SCHEMA_TEXT_H

#include <string.h>

#include "event/schema.h"

struct schema_text {
    struct tide_arena arena;
    struct tide_source source;
    struct tide_diagnostics diagnostics;
    struct tide_bytes messages; /* terminated: what was wrong */
    const struct tide_schema *schema;
};

/* text: the mapping that stands under `schema:`. NULL: see messages. */
static inline const struct tide_schema *schema_text_load(struct schema_text *it, const char *text)
{
    struct tide_yaml *root = NULL;
    memset(it, 0, sizeof *it);
    it->source = (struct tide_source){TIDE_VIEW("schema.yaml"), tide_view_of(text)};
    tide_diagnostics_init(&it->diagnostics, &it->arena);
    if (tide_yaml_parse(&it->arena, &it->source, &it->diagnostics, &root)) {
        it->schema = tide_schema_load(&it->arena, root, &it->diagnostics);
    }
    tide_diagnostics_render(&it->diagnostics, &it->messages);
    (void)tide_bytes_terminated(&it->messages);
    return it->schema;
}

static inline void schema_text_release(struct schema_text *it)
{
    tide_bytes_release(&it->messages);
    tide_arena_release(&it->arena);
}

#endif
