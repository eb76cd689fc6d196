/* What a loaded schema answers: names, lookups, its hash. schema_load.c makes it. */
#include "event/schema.h"

#include "base/assert.h"

#include "base/banned.h"

const char *tide_type_name(enum tide_type type)
{
    switch (type) {
    case TIDE_TYPE_STRING:
        return "string";
    case TIDE_TYPE_INT:
        return "int";
    case TIDE_TYPE_DECIMAL:
        return "decimal";
    case TIDE_TYPE_BOOL:
        return "bool";
    case TIDE_TYPE_TIME_MS:
        return "time_ms";
    case TIDE_TYPE_TIME_ISO:
        return "time_iso";
    }
    tide_assert(false);
    return "";
}

uint32_t tide_schema_find(const struct tide_schema *schema, struct tide_view name)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (tide_view_equal(schema->columns[i].name, name)) {
            return i;
        }
    }
    return TIDE_COLUMN_NONE;
}
