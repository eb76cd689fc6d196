/* One place for the message about an unknown column. */
#include "metric/column.h"

#include "base/assert.h"

#include "base/banned.h"

enum {
    NAME_MAX_BYTES = 100
};

uint32_t tide_column_find(const struct tide_schema *schema,
                          struct tide_view name,
                          struct tide_position position,
                          struct tide_diagnostics *diagnostics)
{
    tide_assert(schema->column_count <= TIDE_SCHEMA_COLUMNS_MAX);
    const uint32_t column = tide_schema_find(schema, name);
    if (column != TIDE_COLUMN_NONE) {
        return column;
    }
    struct tide_view names[TIDE_SCHEMA_COLUMNS_MAX];
    for (uint32_t i = 0; i < schema->column_count; i++) {
        names[i] = schema->columns[i].name;
    }
    const struct tide_view near = tide_nearest(name, names, schema->column_count);
    if (near.size > 0) {
        tide_diagnostics_error(diagnostics,
                               position,
                               "unknown column '%.*s'; did you mean '%.*s'?",
                               TIDE_VIEW_ARGUMENTS(name),
                               TIDE_VIEW_ARGUMENTS(near));
    } else {
        tide_diagnostics_error(
            diagnostics, position, "unknown column '%.*s'", TIDE_VIEW_ARGUMENTS(name));
    }
    return TIDE_COLUMN_NONE;
}

void tide_name_check(const struct tide_yaml *node,
                     const char *what,
                     struct tide_diagnostics *diagnostics)
{
    const struct tide_view name = node->key;
    bool is_good = name.size > 0 && (name.data[0] < '0' || name.data[0] > '9');
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.data[i];
        is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    if (!is_good) {
        tide_diagnostics_error(diagnostics,
                               node->key_position,
                               "the name of %s has only a-z, 0-9 and _, and no digit first",
                               what);
    } else if (name.size > NAME_MAX_BYTES) {
        tide_diagnostics_error(diagnostics,
                               node->key_position,
                               "the name of %s has at most %d characters",
                               what,
                               NAME_MAX_BYTES);
    }
}
