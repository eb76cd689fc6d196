/* Runs a program over an event's bytes.
 *
 * An object is read once for its frame: that fills a slot for each member that is spoken of with
 * the place of its value (of equal keys the last one holds), and the checks then look at slots.
 * Values that have checks of their own are read again for them, so each byte is looked at about as
 * often as it is deep. Recursion is over the event's depth.
 *
 * The first fault ends the check. Alternatives of oneOf are tried quietly. */
#include "base/assert.h"
#include "base/utf8.h"
#include "decode/json_schema_program.h"
#include "decode/json_value.h"
#include "decode/escape.h"
#include "event/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    NAME_SHOWN_MAX = 64,
    TYPES_SHOWN_MAX = 80,
    DEPTH_MAX = TIDE_RECORD_DEPTH_MAX + 1, /* of values, the innermost a scalar */
};

#define SLOT_NONE UINT32_MAX

struct step { /* from a value into a child */
    struct tide_view key;
    bool is_element;
    bool is_escaped; /* the key is as written */
    uint64_t index;
};

struct tide_json_checker {
    const struct tide_json_schema *schema;
    struct tide_json_text text;
    const char **slots; /* of all objects around the value, the outermost first */
    size_t slot_count;
    char *key;  /* escaped keys are resolved here */
    char *type; /* lower-cased */
    struct tide_bytes scratch;
    struct tide_bytes replaced; /* a key that may stand again */
    struct tide_bytes pointer;  /* of the fault */
    struct step path[DEPTH_MAX];
    uint32_t depth;
    uint32_t quiet;
    uint64_t work;
    size_t detail_size;
    char detail[TIDE_JSON_DETAIL_MAX];
};

struct value {
    const struct tide_frame *frame;
    const char *at;
    enum tide_json_kind kind;
    const char **slots;     /* of an object */
    bool has_extra;         /* members without a slot */
    struct tide_view extra; /* the key of one, as written */
};

/* ---- faults ---- */

/* Cut between characters. */
static struct tide_view shown(struct tide_view text)
{
    if (text.size > NAME_SHOWN_MAX) {
        text.size = NAME_SHOWN_MAX;
        while (text.size > 0 && tide_utf8_is_continuation(text.data[text.size])) {
            text.size--;
        }
    }
    return text;
}

static struct tide_view unescape(struct tide_view raw, struct tide_bytes *into)
{
    tide_bytes_reset(into);
    bool reserved = tide_bytes_reserve(into, raw.size);
    tide_assert(reserved); /* a record's size at most */
    into->size = tide_escape_resolve(raw, into->data);
    return tide_bytes_view(into);
}

/* false: it does not fit. */
static bool append_step(struct tide_bytes *pointer, const struct step *step, struct tide_view key)
{
    tide_bytes_append_byte(pointer, '/');
    if (step->is_element) {
        tide_bytes_append_format(pointer, "%llu", (unsigned long long)step->index);
    }
    for (size_t i = 0; i < key.size; i++) { /* RFC 6901 */
        if (key.data[i] == '~' || key.data[i] == '/') {
            tide_bytes_append_text(pointer, key.data[i] == '~' ? "~0" : "~1");
        } else {
            tide_bytes_append_byte(pointer, key.data[i]);
        }
    }
    return !pointer->failed;
}

static void write_pointer(struct tide_json_checker *c)
{
    bool fits = true;
    tide_bytes_reset(&c->pointer);
    for (uint32_t i = 0; i < c->depth && fits; i++) {
        const struct step *step = &c->path[i];
        const size_t size = c->pointer.size;
        struct tide_view key = step->key;
        if (step->is_escaped) {
            key = unescape(key, &c->scratch);
        }
        fits = append_step(&c->pointer, step, key);
        c->pointer.size = fits ? c->pointer.size : size;
    }
}

/* Always false. */
__attribute__((format(printf, 2, 3))) static bool fault(struct tide_json_checker *c,
                                                        const char *format,
                                                        ...)
{
    if (c->quiet > 0) {
        return false;
    }
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(c->detail, sizeof c->detail, format, arguments);
    va_end(arguments);
    tide_assert(size > 0 && (size_t)size < sizeof c->detail);
    c->detail_size = (size_t)size;
    write_pointer(c);
    return false;
}

static bool is_exhausted(const struct tide_json_checker *c)
{
    return c->work > TIDE_JSON_SCHEMA_WORK_MAX;
}

/* ---- checks ---- */

static bool check_value(struct tide_json_checker *c,
                        const struct tide_frame *frame,
                        const char *at);
static bool check_list(struct tide_json_checker *c,
                       const struct value *value,
                       const struct tide_check *list);

static bool check_child(struct tide_json_checker *c,
                        const struct tide_frame *frame,
                        struct step step,
                        const char *at)
{
    if (frame->checks == NULL) {
        return true;
    }
    tide_assert(c->depth < DEPTH_MAX);
    c->path[c->depth++] = step;
    bool is_valid = check_value(c, frame, at);
    c->depth--;
    return is_valid;
}

static uint32_t type_bits(const struct tide_json_checker *c, const struct value *value)
{
    switch (value->kind) {
    case TIDE_JSON_NULL:
        return TIDE_TYPE_BIT_NULL;
    case TIDE_JSON_FALSE:
    case TIDE_JSON_TRUE:
        return TIDE_TYPE_BIT_BOOLEAN;
    case TIDE_JSON_NUMBER:
        return tide_json_number_is_integer(tide_json_value_scalar(&c->text, value->at))
                   ? TIDE_TYPE_BIT_NUMBER | TIDE_TYPE_BIT_INTEGER
                   : TIDE_TYPE_BIT_NUMBER;
    case TIDE_JSON_STRING:
        return TIDE_TYPE_BIT_STRING;
    case TIDE_JSON_ARRAY:
        return TIDE_TYPE_BIT_ARRAY;
    case TIDE_JSON_OBJECT:
        return TIDE_TYPE_BIT_OBJECT;
    }
    tide_assert(false);
    return 0;
}

static bool check_type(struct tide_json_checker *c,
                       const struct value *value,
                       const struct tide_check *check)
{
    static const char *const names[] = {
        "null", "boolean", "number", "integer", "string", "array", "object"};
    const uint32_t bits = type_bits(c, value);
    if ((bits & check->bound) != 0) {
        return true;
    }
    char wanted[TYPES_SHOWN_MAX] = "";
    size_t size = 0;
    const char *found = "";
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((check->bound >> i & 1) != 0) {
            int more = snprintf(
                wanted + size, sizeof wanted - size, "%s%s", size > 0 ? " or " : "", names[i]);
            tide_assert(more > 0 && (size_t)more < sizeof wanted - size);
            size += (size_t)more;
        }
        found = (bits >> i & 1) != 0 ? names[i] : found;
    }
    return fault(c, "type: expected %s, not %s", wanted, found);
}

static bool check_required(struct tide_json_checker *c,
                           const struct value *value,
                           const struct tide_check *check)
{
    for (uint32_t i = 0; i < check->count; i++) {
        if (value->slots[check->slots[i]] == NULL) {
            struct tide_view name = shown(tide_frame_name(value->frame, check->slots[i]));
            return fault(c, "required: \"%.*s\" is missing", TIDE_VIEW_ARGUMENTS(name));
        }
    }
    return true;
}

static bool check_properties(struct tide_json_checker *c,
                             const struct value *value,
                             const struct tide_check *check)
{
    for (uint32_t i = 0; i < check->count; i++) {
        const char *at = value->slots[check->slots[i]];
        struct step step = {.key = tide_frame_name(value->frame, check->slots[i])};
        if (at != NULL && !check_child(c, check->frames[i], step, at)) {
            return false;
        }
    }
    return true;
}

static bool check_closed(struct tide_json_checker *c,
                         const struct value *value,
                         const struct tide_check *check)
{
    struct tide_view extra = value->extra;
    bool has_extra = value->has_extra;
    for (uint32_t slot = 0; slot < value->frame->slot_count && !has_extra; slot++) {
        if (value->slots[slot] != NULL && !tide_check_is_own(check, slot)) {
            extra = tide_frame_name(value->frame, slot);
            has_extra = true;
        }
    }
    extra = shown(extra);
    return !has_extra ||
           fault(c, "additionalProperties: \"%.*s\" is not allowed", TIDE_VIEW_ARGUMENTS(extra));
}

static uint32_t find_slot(struct tide_json_checker *c,
                          const struct tide_frame *frame,
                          const struct tide_children *members)
{
    uint32_t node = members->is_escaped
                        ? tide_trie_find_escaped(&frame->names, 0, members->key, c->key)
                        : tide_trie_find_raw(&frame->names, 0, members->key, c->text.end);
    return node == 0 ? SLOT_NONE : node - 1;
}

/* Whether a later member of the object has the same key, which then holds. */
static bool is_replaced(struct tide_json_checker *c, struct tide_children member)
{
    struct tide_children later = member;
    struct tide_view key = unescape(member.key, &c->replaced);
    bool is_found = false;
    while (!is_found && !is_exhausted(c) && tide_children_next(&later)) {
        c->work += later.key.size;
        is_found = tide_json_text_equal(later.key, later.is_escaped, key, &c->scratch);
    }
    return is_found;
}

static bool check_additional(struct tide_json_checker *c,
                             const struct value *value,
                             const struct tide_check *check)
{
    struct tide_children members = tide_children_of(&c->text, value->at);
    while (tide_children_next(&members)) {
        const uint32_t slot = find_slot(c, value->frame, &members);
        const bool is_extra = slot == SLOT_NONE || (!tide_check_is_own(check, slot) &&
                                                    value->slots[slot] == members.value);
        struct step step = {.key = members.key, .is_escaped = members.is_escaped};
        c->work += members.key.size;
        if (is_extra && !check_child(c, check->frames[0], step, members.value) &&
            !is_replaced(c, members)) {
            return false;
        }
    }
    return true;
}

static bool check_items(struct tide_json_checker *c,
                        const struct value *value,
                        const struct tide_check *check)
{
    struct tide_children elements = tide_children_of(&c->text, value->at);
    struct step step = {.is_element = true};
    while (tide_children_next(&elements)) {
        if (!check_child(c, check->frames[0], step, elements.value)) {
            return false;
        }
        step.index++;
    }
    c->work += (size_t)(elements.at - value->at);
    return true;
}

static bool check_enum(struct tide_json_checker *c,
                       const struct value *value,
                       const struct tide_check *check)
{
    for (const struct tide_json *wanted = check->value->first; wanted != NULL;
         wanted = wanted->next) {
        if (tide_json_value_equal(&c->text, value->at, wanted, &c->scratch)) {
            return true;
        }
    }
    struct tide_view all = shown(check->value->source);
    return fault(c, "enum: not one of %.*s", TIDE_VIEW_ARGUMENTS(all));
}

static bool check_min_length(struct tide_json_checker *c,
                             const struct value *value,
                             const struct tide_check *check)
{
    bool is_escaped;
    return value->kind != TIDE_JSON_STRING ||
           tide_json_text_reaches(tide_json_value_string(&c->text, value->at, &is_escaped),
                                  check->bound) ||
           fault(c, "minLength: shorter than %llu", (unsigned long long)check->bound);
}

static bool check_minimum(struct tide_json_checker *c,
                          const struct value *value,
                          const struct tide_check *check)
{
    if (value->kind != TIDE_JSON_NUMBER) {
        return true;
    }
    struct tide_view number = tide_json_value_scalar(&c->text, value->at);
    struct tide_view least = shown(check->value->text);
    return tide_json_number_compare(number, check->value->text, &c->scratch) >= 0 ||
           fault(c, "minimum: less than %.*s", TIDE_VIEW_ARGUMENTS(least));
}

static bool check_one_of(struct tide_json_checker *c,
                         const struct value *value,
                         const struct tide_check *check)
{
    uint32_t valid_count = 0;
    c->quiet++;
    for (uint32_t i = 0; i < check->count && valid_count < 2; i++) {
        valid_count += check_list(c, value, check->lists[i]);
    }
    c->quiet--;
    return valid_count == 1 ||
           fault(c, "oneOf: %s of %u hold", valid_count == 0 ? "none" : "several", check->count);
}

static bool check_one(struct tide_json_checker *c,
                      const struct value *value,
                      const struct tide_check *check)
{
    const bool is_object = value->kind == TIDE_JSON_OBJECT;
    switch (check->kind) {
    case TIDE_CHECK_TYPE:
        return check_type(c, value, check);
    case TIDE_CHECK_REQUIRED:
        return !is_object || check_required(c, value, check);
    case TIDE_CHECK_PROPERTIES:
        return !is_object || check_properties(c, value, check);
    case TIDE_CHECK_CLOSED:
        return !is_object || check_closed(c, value, check);
    case TIDE_CHECK_ADDITIONAL:
        return !is_object || check_additional(c, value, check);
    case TIDE_CHECK_ITEMS:
        return value->kind != TIDE_JSON_ARRAY || check_items(c, value, check);
    case TIDE_CHECK_ENUM:
        return check_enum(c, value, check);
    case TIDE_CHECK_MIN_LENGTH:
        return check_min_length(c, value, check);
    case TIDE_CHECK_MINIMUM:
        return check_minimum(c, value, check);
    case TIDE_CHECK_ONE_OF:
        return check_one_of(c, value, check);
    }
    tide_assert(false);
    return false;
}

static bool check_list(struct tide_json_checker *c,
                       const struct value *value,
                       const struct tide_check *list)
{
    for (const struct tide_check *check = list; check != NULL; check = check->next) {
        c->work++;
        if (is_exhausted(c) || !check_one(c, value, check)) {
            return false;
        }
    }
    return true;
}

/* ---- values ---- */

static void read_members(struct tide_json_checker *c, struct value *value)
{
    const uint32_t slot_count = value->frame->slot_count;
    value->slots = c->slots + c->slot_count;
    memset(value->slots, 0, slot_count * sizeof *value->slots);
    struct tide_children members = tide_children_of(&c->text, value->at);
    while (tide_children_next(&members)) {
        const uint32_t slot = find_slot(c, value->frame, &members);
        if (slot != SLOT_NONE) {
            value->slots[slot] = members.value;
        } else if (!value->has_extra) {
            value->has_extra = true;
            value->extra = members.key;
        }
    }
    c->work += (size_t)(members.at - value->at);
}

static bool check_value(struct tide_json_checker *c, const struct tide_frame *frame, const char *at)
{
    struct value value = {.frame = frame, .at = at, .kind = tide_json_value_kind(at)};
    if (value.kind != TIDE_JSON_OBJECT || !frame->sees_members) {
        return check_list(c, &value, frame->checks);
    }
    read_members(c, &value);
    c->slot_count += frame->slot_count;
    bool is_valid = check_list(c, &value, frame->checks);
    c->slot_count -= frame->slot_count;
    return is_valid;
}

/* ---- the public face ---- */

enum tide_status tide_json_checker_create(const struct tide_json_schema *schema,
                                          struct tide_json_checker **checker,
                                          struct tide_error *error)
{
    struct tide_json_checker *made = calloc(1, sizeof *made);
    const size_t slot_room = (size_t)schema->slot_max * TIDE_RECORD_DEPTH_MAX + 1;
    if (made != NULL) {
        made->schema = schema;
        tide_bytes_init(&made->pointer, TIDE_JSON_POINTER_MAX);
        made->slots = calloc(slot_room, sizeof *made->slots);
        made->key = calloc(schema->key_room + 1, 1);
        made->type = calloc(schema->type_size_max + 1, 1);
    }
    if (made == NULL || made->slots == NULL || made->key == NULL || made->type == NULL) {
        tide_json_checker_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for a checker of JSON schemas");
    }
    *checker = made;
    return TIDE_OK;
}

void tide_json_checker_destroy(struct tide_json_checker *checker)
{
    if (checker == NULL) {
        return;
    }
    tide_bytes_release(&checker->scratch);
    tide_bytes_release(&checker->replaced);
    tide_bytes_release(&checker->pointer);
    free(checker->slots);
    free(checker->key);
    free(checker->type);
    free(checker);
}

/* NULL if there is none. */
static const struct tide_frame *find_frame(struct tide_json_checker *c, struct tide_view type)
{
    if (type.size > c->schema->type_size_max) {
        return NULL;
    }
    for (size_t i = 0; i < type.size; i++) {
        char byte = type.data[i];
        c->type[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    struct tide_view name = {c->type, type.size};
    uint32_t node = tide_trie_find_raw(&c->schema->files, 0, name, c->type + type.size);
    return node == 0 ? NULL : c->schema->frames[node - 1];
}

enum tide_json_outcome tide_json_checker_check(struct tide_json_checker *c,
                                               struct tide_view type,
                                               struct tide_view text,
                                               struct tide_json_fault *fault_found)
{
    const struct tide_frame *frame = find_frame(c, type);
    if (frame == NULL) {
        return TIDE_JSON_UNKNOWN;
    }
    c->text.end = text.data + text.size;
    c->work = 0;
    bool is_valid = check_value(c, frame, tide_json_skip_space(text.data));
    tide_assert(c->depth == 0 && c->quiet == 0 && c->slot_count == 0);
    if (!is_valid && is_exhausted(c)) {
        (void)fault(c, "too much to check: more than %d bytes", TIDE_JSON_SCHEMA_WORK_MAX);
    }
    *fault_found = (struct tide_json_fault){
        .pointer = is_valid || c->pointer.size == 0 ? TIDE_VIEW("") : tide_bytes_view(&c->pointer),
        .detail = {c->detail, is_valid ? 0 : c->detail_size},
    };
    return is_valid ? TIDE_JSON_VALID : TIDE_JSON_FAULTY;
}
