#include "decode/extract.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "decode/diagnose.h"
#include "decode/escape.h"

#include "base/banned.h"

enum {
    OTHER_PATHS = 5 /* payload, validate, and an envelope's three */
};

/* What became of one column of one event. */
enum conversion {
    CONVERSION_VALUE,
    CONVERSION_NULL,       /* absent, or null */
    CONVERSION_EMPTY,      /* an empty id or entity: null, but not missing */
    CONVERSION_WRONG_TYPE, /* of another JSON type, or a number that does not fit */
    CONVERSION_WRONG_TIME, /* of the right JSON type, but no time */
};

enum tide_status tide_plan_init(struct tide_plan *plan,
                                const struct tide_schema *schema,
                                bool envelope,
                                struct tide_arena *arena)
{
    const struct tide_path *paths[TIDE_SCHEMA_COLUMNS_MAX + OTHER_PATHS];
    uint32_t ends[TIDE_SCHEMA_COLUMNS_MAX + OTHER_PATHS] = {0};
    const uint32_t column_count = schema->path_column_count;
    tide_assert(column_count <= TIDE_SCHEMA_COLUMNS_MAX);
    uint32_t count = 0;
    for (; count < column_count; count++) {
        paths[count] = &schema->columns[count].path;
    }
    const struct tide_path by = {.keys = {schema->validation.by},
                                 .depth = schema->validation.by.size > 0 ? 1 : 0};
    paths[count++] = &schema->payload;
    paths[count++] = &by;
    if (envelope) {
        paths[count++] = &schema->envelope_events;
        paths[count++] = &schema->envelope_sent_time;
        paths[count++] = &schema->envelope_id;
    }
    *plan = (struct tide_plan){0};
    if (tide_walk_init(&plan->walk, arena, paths, count, ends) != TIDE_OK ||
        tide_shapes_init(&plan->shapes, plan->columns, column_count) != TIDE_OK) {
        return TIDE_RETRY;
    }
    for (uint32_t i = 0; i < column_count; i++) {
        plan->columns[i] =
            (struct tide_shape_column){.node = ends[i],
                                       .type = schema->columns[i].type,
                                       .is_required = schema->columns[i].required,
                                       .is_key = i == schema->id || i == schema->entity};
    }
    plan->payload_node = ends[column_count];
    plan->validate_node = ends[column_count + 1];
    plan->events_node = ends[column_count + 2];
    plan->sent_time_node = ends[column_count + 3];
    plan->envelope_id_node = ends[column_count + 4];
    plan->walk.elements_node = plan->events_node;
    return TIDE_OK;
}

struct tide_view tide_capture_unescaped(struct tide_capture *capture, struct tide_arena *arena)
{
    tide_assert(capture->kind == TIDE_JSON_STRING);
    if (capture->decoded.data == NULL) {
        const size_t size = (size_t)(capture->end - capture->start) - 2;
        char *to = tide_arena_allocate_text(arena, size);
        tide_assert(to != NULL); /* who fills a batch keeps room for one record */
        const struct tide_view raw = {capture->start + 1, size};
        capture->decoded = (struct tide_view){to, tide_escape_resolve(raw, to)};
    }
    return capture->decoded;
}

static inline struct tide_view raw_text(const struct tide_capture *capture)
{
    return (struct tide_view){capture->start, (size_t)(capture->end - capture->start)};
}

static enum conversion convert_number(enum tide_type type, struct tide_view text, int64_t *value)
{
    switch (type) {
    case TIDE_TYPE_INT:
        return tide_decimal_parse_int(text, value) ? CONVERSION_VALUE : CONVERSION_WRONG_TYPE;
    case TIDE_TYPE_DECIMAL:
        return tide_decimal_parse_decimal(text, value) ? CONVERSION_VALUE : CONVERSION_WRONG_TYPE;
    case TIDE_TYPE_TIME_MS:
        return tide_decimal_parse_time_ms(text, value) ? CONVERSION_VALUE : CONVERSION_WRONG_TIME;
    case TIDE_TYPE_STRING:
    case TIDE_TYPE_BOOL:
    case TIDE_TYPE_TIME_ISO:
        break;
    }
    return CONVERSION_WRONG_TYPE;
}

/* Of a value that is there, is not null, and is no string for a column of strings. */
static enum conversion convert_value(struct tide_capture *capture,
                                     enum tide_type type,
                                     struct tide_arena *arena,
                                     int64_t *number)
{
    switch (capture->kind) {
    case TIDE_JSON_STRING:
        if (type == TIDE_TYPE_TIME_ISO) {
            struct tide_instant t;
            bool is_time = tide_civil_parse(tide_capture_text(capture, arena), &t);
            *number = is_time ? t.us : 0;
            return is_time ? CONVERSION_VALUE : CONVERSION_WRONG_TIME;
        }
        return CONVERSION_WRONG_TYPE;
    case TIDE_JSON_NUMBER:
        return convert_number(type, raw_text(capture), number);
    case TIDE_JSON_FALSE:
    case TIDE_JSON_TRUE:
        *number = capture->kind == TIDE_JSON_TRUE;
        return type == TIDE_TYPE_BOOL ? CONVERSION_VALUE : CONVERSION_WRONG_TYPE;
    case TIDE_JSON_NULL:
    case TIDE_JSON_ARRAY:
    case TIDE_JSON_OBJECT:
        break;
    }
    return CONVERSION_WRONG_TYPE;
}

/* The captured value at a node, NULL if there is none. Of a record with a shape it is made in own,
 * because most of them are never asked for. */
static inline struct tide_capture *capture_at(const struct tide_plan *plan,
                                              const struct tide_found *found,
                                              uint32_t node,
                                              struct tide_capture *own)
{
    if (found->shape == NULL) {
        return tide_walk_capture(&plan->walk, node);
    }
    const struct tide_shape_value *value = tide_shape_find(found->shape, node);
    if (value == NULL) {
        return NULL;
    }
    const struct tide_view raw = tide_shape_text(value, found->index_text, found->tokens);
    own->start = raw.data;
    own->end = raw.data + raw.size;
    own->kind = value->is_scalar ? tide_walk_scalar_kind(*raw.data) : value->kind;
    own->spaced = value->spaced;
    own->escaped = false;
    return own;
}

/* Fills one cell of the batch, which is null so far. */
static inline enum conversion extract_column(const struct tide_plan *plan,
                                             const struct tide_found *found,
                                             struct tide_batch *batch,
                                             uint32_t column,
                                             uint32_t row)
{
    const struct tide_schema *schema = batch->schema;
    struct tide_vector *vector = &batch->columns[column];
    struct tide_capture own;
    struct tide_capture *capture = capture_at(plan, found, plan->columns[column].node, &own);
    vector->present[row] = 0;
    if (capture == NULL || capture->kind == TIDE_JSON_NULL) {
        return CONVERSION_NULL;
    }
    if ((column == schema->id || column == schema->entity) && capture->kind == TIDE_JSON_STRING &&
        capture->end - capture->start == 2) {
        return CONVERSION_EMPTY;
    }
    if (vector->strings != NULL && capture->kind == TIDE_JSON_STRING) {
        vector->present[row] = 1;
        vector->strings[row] = tide_capture_text(capture, &batch->arena);
        return CONVERSION_VALUE;
    }
    int64_t number = 0;
    enum conversion conversion =
        convert_value(capture, schema->columns[column].type, &batch->arena, &number);
    if (conversion == CONVERSION_VALUE) {
        vector->present[row] = 1;
        vector->numbers[row] = number;
    } else {
        vector->mistyped[row] = 1;
        batch->has_mistyped = true;
    }
    return conversion;
}

/* What people read; static, so that a flood of bad events costs no memory. */
static struct tide_view expected(enum tide_type type)
{
    switch (type) {
    case TIDE_TYPE_STRING:
        return TIDE_VIEW("expected a string");
    case TIDE_TYPE_INT:
        return TIDE_VIEW("expected a whole number of at most 64 bits");
    case TIDE_TYPE_DECIMAL:
        return TIDE_VIEW("expected a number below 10^12");
    case TIDE_TYPE_BOOL:
        return TIDE_VIEW("expected true or false");
    case TIDE_TYPE_TIME_MS:
        return TIDE_VIEW("expected whole milliseconds since 1970");
    case TIDE_TYPE_TIME_ISO:
        return TIDE_VIEW("expected an ISO 8601 time with seconds");
    }
    tide_assert(false);
    return TIDE_VIEW("");
}

static struct tide_verdict reject(enum tide_reason reason,
                                  const struct tide_column *column,
                                  struct tide_view detail)
{
    return (struct tide_verdict){.reason = reason, .pointer = column->pointer, .detail = detail};
}

/* Columns with a path, in declared order, up to the first that is wrong. */
static struct tide_verdict extract_columns(const struct tide_plan *plan,
                                           const struct tide_found *found,
                                           struct tide_batch *batch,
                                           uint32_t row)
{
    const struct tide_schema *schema = batch->schema;
    for (uint32_t i = 0; i < schema->path_column_count; i++) {
        const struct tide_column *column = &schema->columns[i];
        if (plan->walk.any_twice && tide_walk_is_twice(&plan->walk, plan->columns[i].node)) {
            return reject(TIDE_REASON_DUPLICATE_KEY,
                          column,
                          TIDE_VIEW("a key of this path stands twice in its object"));
        }
        const bool is_strict = column->required || schema->strict;
        switch (extract_column(plan, found, batch, i, row)) {
        case CONVERSION_VALUE:
        case CONVERSION_EMPTY:
            break;
        case CONVERSION_NULL:
            if (column->required) {
                return reject(
                    TIDE_REASON_MISSING, column, TIDE_VIEW("required, but absent or null"));
            }
            break;
        case CONVERSION_WRONG_TYPE:
            if (is_strict) {
                return reject(TIDE_REASON_TYPE, column, expected(column->type));
            }
            break;
        case CONVERSION_WRONG_TIME:
            if (is_strict) {
                return reject(TIDE_REASON_TIME_INVALID, column, expected(column->type));
            }
            break;
        }
    }
    return (struct tide_verdict){.reason = TIDE_REASON_ACCEPTED};
}

/* Of a record with a shape. false: not as it should be, or not of that type. */
static __attribute__((noinline)) bool extract_number(const struct tide_shape_column *column,
                                                     const struct tide_vector *vector,
                                                     struct tide_view raw,
                                                     uint32_t row)
{
    const bool is_number = *raw.data <= '9'; /* no literal, and no quote with numbers */
    return vector->numbers != NULL && is_number &&
           convert_number(column->type, raw, &vector->numbers[row]) == CONVERSION_VALUE;
}

/* The same for a record with a shape, as long as nothing is wrong with it; false: extract_columns
 * must judge it. */
static bool extract_shaped(const struct tide_plan *plan,
                           const struct tide_found *found,
                           struct tide_batch *batch,
                           uint32_t row)
{
    const struct tide_shape *shape = found->shape;
    const char *text = found->index_text;
    const uint32_t *tokens = found->tokens;
    const struct tide_vector *vectors = batch->columns;
    if (shape->lacks_required) {
        return false;
    }
    for (uint32_t i = 0; i < shape->string_count; i++) {
        const struct tide_vector *vector = &vectors[shape->strings[i].column];
        vector->strings[row] = tide_shape_string_text(&shape->strings[i], text, tokens);
        vector->present[row] = 1;
    }
    for (uint32_t i = 0; i < shape->key_count; i++) {
        const struct tide_vector *vector = &vectors[shape->keys[i].column];
        const struct tide_view key = tide_shape_string_text(&shape->keys[i], text, tokens);
        vector->strings[row] = key;
        vector->present[row] = key.size > 0;
    }
    for (uint32_t i = 0; i < shape->null_count; i++) {
        vectors[shape->nulls[i]].present[row] = 0;
    }
    for (uint32_t i = 0; i < shape->other_count; i++) {
        const uint32_t column = shape->others[i].column;
        const struct tide_shape_value *value = &shape->values[shape->others[i].value];
        const struct tide_view raw = tide_shape_text(value, text, tokens);
        if (!value->is_scalar ||
            !extract_number(&plan->columns[column], &vectors[column], raw, row)) {
            return false;
        }
        vectors[column].present[row] = 1;
    }
    return true;
}

/* A copy without white space outside strings. */
static struct tide_view compact(struct tide_view text, struct tide_bytes *into)
{
    tide_bytes_reset(into);
    bool reserved = tide_bytes_reserve(into, text.size);
    tide_assert(reserved);
    char *out = into->data;
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (in_string) {
            if (c == '\\') {
                *out++ = c;
                c = text.data[++i]; /* valid JSON: there is one */
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            continue;
        } else if (c == '"') {
            in_string = true;
        }
        *out++ = c;
    }
    into->size = (size_t)(out - into->data);
    tide_assert(into->size <= text.size);
    return tide_bytes_view(into);
}

/* As received. */
static void take_payload(const struct tide_plan *plan,
                         const struct tide_found *found,
                         struct tide_batch *batch,
                         uint32_t row)
{
    struct tide_capture own;
    const struct tide_capture *capture =
        plan->payload_node == 0 ? NULL : capture_at(plan, found, plan->payload_node, &own);
    if (capture != NULL) {
        batch->payloads[row] = raw_text(capture);
        batch->payload_is_spaced[row] = capture->spaced;
    }
}

/* What is made from the columns with a path and the payload: derived columns, and the identity
 * where it is wanted. */
static void complete_row(struct tide_extractor *extractor, struct tide_batch *batch, uint32_t row)
{
    tide_derive(&extractor->deriver, batch, row);
    if (extractor->is_for_routing && batch->columns[extractor->schema->entity].present[row]) {
        return;
    }
    struct tide_view payload = batch->payloads[row];
    if (payload.data != NULL && batch->payload_is_spaced[row]) {
        payload = compact(payload, &extractor->compact);
    }
    batch->uids[row] =
        tide_uid_compute(batch, row, payload, &extractor->key, &extractor->canonical);
}

static uint32_t append_row(struct tide_batch *batch, struct tide_view text)
{
    tide_assert(batch->row_count < batch->row_capacity);
    uint32_t row = batch->row_count++;
    batch->texts[row] = text;
    batch->payloads[row] = (struct tide_view){NULL, 0};
    batch->sents[row] = TIDE_INSTANT_UNKNOWN;
    batch->uids[row] = (struct tide_u128){0, 0};
    return row;
}

void tide_extract_rejected(struct tide_batch *batch,
                           struct tide_view text,
                           struct tide_verdict verdict)
{
    tide_assert(verdict.reason != TIDE_REASON_ACCEPTED);
    uint32_t row = append_row(batch, text);
    batch->verdicts[row] = verdict;
}

/* By the JSON Schema of the event's type. */
static struct tide_verdict validate(struct tide_extractor *extractor,
                                    const struct tide_plan *plan,
                                    const struct tide_found *found,
                                    struct tide_batch *batch)
{
    const struct tide_view by_pointer = extractor->schema->validation.by_pointer;
    struct tide_capture own;
    struct tide_capture *by = capture_at(plan, found, plan->validate_node, &own);
    if (by == NULL || by->kind != TIDE_JSON_STRING) {
        return (struct tide_verdict){
            .reason = TIDE_REASON_MISSING,
            .pointer = by_pointer,
            .detail = TIDE_VIEW("names the JSON Schema, but is absent or no string")};
    }
    struct tide_view type = tide_capture_text(by, &batch->arena);
    struct tide_json_fault fault;
    switch (tide_json_checker_check(extractor->checker, type, found->text, &fault)) {
    case TIDE_JSON_VALID:
        break;
    case TIDE_JSON_UNKNOWN:
        return (struct tide_verdict){.reason = TIDE_REASON_SCHEMA_UNKNOWN,
                                     .pointer = by_pointer,
                                     .detail = TIDE_VIEW("no JSON Schema is named like that")};
    case TIDE_JSON_FAULTY: {
        struct tide_verdict verdict = {.reason = TIDE_REASON_SCHEMA,
                                       .pointer = tide_arena_copy(&batch->arena, fault.pointer),
                                       .detail = tide_arena_copy(&batch->arena, fault.detail)};
        tide_assert(verdict.pointer.data != NULL && verdict.detail.data != NULL);
        return verdict;
    }
    }
    return (struct tide_verdict){.reason = TIDE_REASON_ACCEPTED};
}

void tide_extract_event(struct tide_extractor *extractor,
                        const struct tide_plan *plan,
                        const struct tide_found *found,
                        struct tide_batch *batch)
{
    const struct tide_view whole = TIDE_VIEW("");
    uint32_t row = append_row(batch, found->text);
    struct tide_verdict *verdict = &batch->verdicts[row];
    if (found->text.size > TIDE_RECORD_BYTES_MAX) {
        *verdict = tide_verdict_format(&batch->arena,
                                       TIDE_REASON_TOO_LARGE,
                                       whole,
                                       "event is %zu bytes, limit %d",
                                       found->text.size,
                                       TIDE_RECORD_BYTES_MAX);
    } else if (found->too_deep) {
        *verdict = tide_verdict_format(&batch->arena,
                                       TIDE_REASON_TOO_DEEP,
                                       whole,
                                       "more than %d levels of nesting",
                                       TIDE_RECORD_DEPTH_MAX);
    } else if (found->broken_surrogate) {
        *verdict = tide_diagnose_surrogate(found->text, &batch->arena);
    } else if (!found->is_object) {
        *verdict = (struct tide_verdict){.reason = TIDE_REASON_NOT_AN_OBJECT,
                                         .pointer = whole,
                                         .detail = TIDE_VIEW("expected a JSON object")};
    } else {
        *verdict = (struct tide_verdict){.reason = TIDE_REASON_ACCEPTED};
        if (extractor->checker != NULL) {
            *verdict = validate(extractor, plan, found, batch);
        }
        if (verdict->reason == TIDE_REASON_ACCEPTED &&
            (found->shape == NULL || !extract_shaped(plan, found, batch, row))) {
            *verdict = extract_columns(plan, found, batch, row);
        }
    }
    if (verdict->reason == TIDE_REASON_ACCEPTED) {
        take_payload(plan, found, batch, row);
        complete_row(extractor, batch, row);
    }
}

void tide_extract_restored(struct tide_extractor *extractor,
                           struct tide_view text,
                           const struct tide_row_image *image,
                           struct tide_batch *batch)
{
    const uint32_t row = append_row(batch, text);
    batch->verdicts[row] = (struct tide_verdict){.reason = TIDE_REASON_ACCEPTED};
    tide_row_image_restore(image, text, batch, row);
    complete_row(extractor, batch, row);
}
