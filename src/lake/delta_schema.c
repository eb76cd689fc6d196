/* The schema of a table as Delta's JSON, and whether somebody else's metaData is still ours.
 *
 * Delta's protocol, "Schema Serialization Format". All columns are nullable and without metadata;
 * the date that partitions the table comes last. A table that another writer altered in a way that
 * our rows would not fit (columns, types, order, partitioning, invariants), or that would forget
 * our txn actions, is refused; a new description, comment or other property is not our business. */
#include "lake/delta_internal.h"

#include "base/assert.h"

static const char *type_name(enum tide_lake_type type)
{
    switch (type) {
    case TIDE_LAKE_STRING:
        return "string";
    case TIDE_LAKE_LONG:
        return "long";
    case TIDE_LAKE_DECIMAL:
        return "decimal(18,6)";
    case TIDE_LAKE_BOOLEAN:
        return "boolean";
    case TIDE_LAKE_TIMESTAMP:
        return "timestamp";
    case TIDE_LAKE_BINARY:
        return "binary";
    case TIDE_LAKE_DOUBLE:
        return "double";
    }
    return NULL;
}

struct field {
    struct tide_view name;
    const char *type;
};

/* index up to and including column_count: the last is the date. */
static struct field field_at(const struct tide_layout *layout, uint32_t index)
{
    if (index == layout->column_count) {
        return (struct field){tide_view_of(layout->date_column), "date"};
    }
    return (struct field){layout->columns[index].name, type_name(layout->columns[index].type)};
}

void tide_delta_schema_write(const struct tide_layout *layout, struct tide_bytes *json)
{
    tide_bytes_append_text(json, "{\"type\":\"struct\",\"fields\":[");
    for (uint32_t i = 0; i <= layout->column_count; i++) {
        struct field field = field_at(layout, i);
        tide_bytes_append_text(json, i == 0 ? "{\"name\":" : ",{\"name\":");
        tide_json_write_string(json, field.name);
        tide_bytes_append_format(
            json, ",\"type\":\"%s\",\"nullable\":true,\"metadata\":{}}", field.type);
    }
    tide_bytes_append_text(json, "]}");
}

/* Metadata that says how to write a column; a comment does not. */
static bool has_rule(const struct tide_json *field)
{
    const struct tide_json *metadata = tide_json_get(field, "metadata");
    const struct tide_json *member = metadata == NULL ? NULL : metadata->first;
    for (; member != NULL; member = member->next) {
        if (tide_view_starts_with(member->key, TIDE_VIEW("delta."))) {
            return true;
        }
    }
    return false;
}

static enum tide_status check_field(const struct tide_json *found,
                                    struct field wanted,
                                    struct tide_error *error)
{
    struct tide_view name = {0};
    struct tide_view type = {0};
    const struct tide_json *nullable = tide_json_get(found, "nullable");
    if (!tide_json_get_text(found, "name", &name) || !tide_view_equal(name, wanted.name)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the table has a column '%.*s' where '%.*s' belongs",
                              TIDE_VIEW_ARGUMENTS(name),
                              TIDE_VIEW_ARGUMENTS(wanted.name));
    }
    if (!tide_json_get_text(found, "type", &type) ||
        !tide_view_equal(type, tide_view_of(wanted.type))) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "column '%.*s' of the table has type %.*s, not %s",
                              TIDE_VIEW_ARGUMENTS(name),
                              TIDE_VIEW_ARGUMENTS(type),
                              wanted.type);
    }
    if (nullable == NULL || nullable->kind != TIDE_JSON_TRUE || has_rule(found)) {
        return tide_error_set(
            error,
            TIDE_REJECT,
            "column '%.*s' of the table has a rule (not null, invariant, mapping)",
            TIDE_VIEW_ARGUMENTS(name));
    }
    return TIDE_OK;
}

static enum tide_status check_fields(const struct tide_layout *layout,
                                     const struct tide_json *schema,
                                     struct tide_error *error)
{
    const struct tide_json *fields = tide_json_get(schema, "fields");
    if (fields == NULL || fields->kind != TIDE_JSON_ARRAY) {
        return tide_error_set(error, TIDE_REJECT, "the table's schema has no fields");
    }
    const struct tide_json *field = fields->first;
    for (uint32_t i = 0; i <= layout->column_count; i++, field = field->next) {
        struct field wanted = field_at(layout, i);
        if (field == NULL) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the table has no column '%.*s'",
                                  TIDE_VIEW_ARGUMENTS(wanted.name));
        }
        enum tide_status status = check_field(field, wanted, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    return field == NULL ? TIDE_OK
                         : tide_error_set(error,
                                          TIDE_REJECT,
                                          "the table has %u columns, we know %u",
                                          fields->count,
                                          layout->column_count + 1);
}

static enum tide_status check_partitioning(const struct tide_layout *layout,
                                           const struct tide_json *metadata,
                                           struct tide_error *error)
{
    const struct tide_json *columns = tide_json_get(metadata, "partitionColumns");
    bool is_ours = columns != NULL && columns->kind == TIDE_JSON_ARRAY && columns->count == 1 &&
                   columns->first->kind == TIDE_JSON_STRING &&
                   tide_view_equal(columns->first->text, tide_view_of(layout->date_column));
    return is_ours ? TIDE_OK
                   : tide_error_set(error,
                                    TIDE_REJECT,
                                    "the table is not partitioned by %s alone",
                                    layout->date_column);
}

enum tide_status tide_delta_schema_check(const struct tide_layout *layout,
                                         const struct tide_json *metadata,
                                         struct tide_arena *scratch,
                                         struct tide_error *error)
{
    static const char retention[] = "delta.setTransactionRetentionDuration";
    struct tide_view text = {0};
    struct tide_json *schema = NULL;
    if (!tide_json_get_text(metadata, "schemaString", &text)) {
        return tide_error_set(error, TIDE_REJECT, "the table's metaData has no schemaString");
    }
    enum tide_status status = tide_json_parse(scratch, text, &schema, error);
    if (status == TIDE_OK) {
        status = check_fields(layout, schema, error);
    }
    if (status == TIDE_OK) {
        status = check_partitioning(layout, metadata, error);
    }
    if (status == TIDE_OK &&
        tide_json_get(tide_json_get(metadata, "configuration"), retention) != NULL) {
        status = tide_error_set(
            error, TIDE_REJECT, "the table's property %s would forget what is in it", retention);
    }
    return status;
}
