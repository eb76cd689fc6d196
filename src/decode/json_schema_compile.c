/* From documents to frames.
 *
 * Frames are compiled one after the other from a queue, since a schema may lead back to itself; a
 * schema that several places refer to is one frame. What stands on the spot ($ref, allOf, oneOf) is
 * followed by recursion to a fixed depth, which a schema that refers to itself there runs into. */
#include "decode/json_schema_program.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <stdio.h>

#include "base/banned.h"

enum {
    SPOT_DEPTH_MAX = 64,
    PLACE_SIZE_MAX = 256, /* of a pointer in an error */
    FRAME_TABLE_SIZE = 2 * TIDE_JSON_SCHEMA_FRAMES_MAX,
    INDEX_SIZE_MAX = 16,
    WORD_BITS = 64,
};

struct document {
    struct tide_view name;
    const struct tide_json *root;
};

/* A schema in a document. */
struct place {
    const struct document *document;
    const struct tide_json *node;
};

struct task {
    struct place place;
    struct tide_frame *frame;
    struct task *next;
};

struct compiler {
    struct tide_arena *arena;
    struct tide_arena scratch;
    struct tide_arena names_scratch; /* reset for each frame */
    struct tide_error *error;
    struct document *documents;
    uint32_t document_count;
    struct task **table; /* by the schema's node, open addressing */
    struct task *first;  /* the queue */
    struct task *last;
    uint32_t frame_count;
    uint32_t check_count;
    struct tide_view *names; /* of the frame that is being compiled */
    uint32_t name_count;
    bool sees_members;
    struct tide_json_schema *schema;
    enum tide_status status; /* of the failure */
};

struct list {
    const struct tide_check *first;
    struct tide_check *last;
};

/* ---- failures ---- */

static bool fail_memory(struct compiler *c)
{
    c->status = tide_error_set(c->error, TIDE_RETRY, "out of memory for JSON schemas");
    return false;
}

/* The way from `from` to node as a JSON pointer. */
static bool find_way(const struct tide_json *from,
                     const struct tide_json *node,
                     struct tide_bytes *way)
{
    if (from == node) {
        return true;
    }
    uint32_t index = 0;
    for (const struct tide_json *child = from->first; child != NULL; child = child->next) {
        size_t size = way->size;
        if (from->kind == TIDE_JSON_OBJECT) {
            tide_bytes_append_byte(way, '/');
            tide_bytes_append_view(way, child->key);
        } else {
            tide_bytes_append_format(way, "/%u", index);
        }
        if (find_way(child, node, way)) {
            return true;
        }
        way->size = size;
        index++;
    }
    return false;
}

/* about: any node of the document. */
static bool fail(struct compiler *c,
                 const struct document *document,
                 const struct tide_json *about,
                 const char *what)
{
    struct tide_bytes way = {0};
    (void)find_way(document->root, about, &way);
    struct tide_view shown = tide_bytes_view(&way);
    shown.size = shown.size < PLACE_SIZE_MAX ? shown.size : PLACE_SIZE_MAX;
    c->status = tide_error_set(c->error,
                               TIDE_REJECT,
                               "%.*s#%.*s: %s",
                               TIDE_VIEW_ARGUMENTS(document->name),
                               TIDE_VIEW_ARGUMENTS(shown),
                               what);
    tide_bytes_release(&way);
    return false;
}

/* ---- references ---- */

/* Takes the next token of a JSON pointer into buffer; what does not fit equals no key. */
static struct tide_view take_token(struct tide_view *pointer, char buffer[PLACE_SIZE_MAX])
{
    size_t size = 0;
    size_t i = 1;
    for (; i < pointer->size && pointer->data[i] != '/'; i++) {
        char byte = pointer->data[i];
        if (byte == '~' && i + 1 < pointer->size) {
            byte = pointer->data[++i] == '1' ? '/' : '~';
        }
        if (size < PLACE_SIZE_MAX) {
            buffer[size++] = byte;
        }
    }
    *pointer = tide_view_slice(*pointer, i, pointer->size - i);
    return (struct tide_view){buffer, size};
}

static bool is_index(struct tide_view token, uint32_t index)
{
    char text[INDEX_SIZE_MAX];
    int size = snprintf(text, sizeof text, "%u", index);
    tide_assert(size > 0 && (size_t)size < sizeof text);
    return tide_view_equal(token, (struct tide_view){text, (size_t)size});
}

/* NULL: nothing is there. */
static const struct tide_json *follow(const struct tide_json *from, struct tide_view pointer)
{
    while (from != NULL && pointer.size > 0) {
        char buffer[PLACE_SIZE_MAX];
        if (pointer.data[0] != '/') {
            return NULL;
        }
        struct tide_view token = take_token(&pointer, buffer);
        const struct tide_json *child = from->first;
        uint32_t index = 0;
        while (child != NULL &&
               !(from->kind == TIDE_JSON_OBJECT ? tide_view_equal(child->key, token)
                                                : is_index(token, index))) {
            child = child->next;
            index++;
        }
        from = child;
    }
    return from;
}

static const struct document *find_document(const struct compiler *c, struct tide_view name)
{
    for (uint32_t i = 0; i < c->document_count; i++) {
        if (tide_view_equal(c->documents[i].name, name)) {
            return &c->documents[i];
        }
    }
    return NULL;
}

/* Where a $ref leads. */
static bool resolve(struct compiler *c, struct place *place)
{
    const struct tide_view prefix = TIDE_VIEW(TIDE_JSON_SCHEMA_PREFIX);
    const struct tide_json *reference = tide_json_get(place->node, "$ref");
    const struct document *document = place->document;
    if (reference->kind != TIDE_JSON_STRING) {
        return fail(c, place->document, reference, "a $ref must be a text");
    }
    struct tide_view file = reference->text;
    if (tide_view_starts_with(file, prefix)) {
        file = tide_view_slice(file, prefix.size, file.size - prefix.size);
    }
    struct tide_view pointer = {NULL, 0};
    const char *hash = file.size > 0 ? memchr(file.data, '#', file.size) : NULL;
    if (hash != NULL) {
        size_t size = (size_t)(hash - file.data);
        pointer = tide_view_slice(file, size + 1, file.size - size - 1);
        file.size = size;
    }
    if (file.size > 0) {
        document = find_document(c, file);
    }
    const struct tide_json *node = document == NULL ? NULL : follow(document->root, pointer);
    if (node == NULL) {
        return fail(c, place->document, reference, "there is no such schema in the folder");
    }
    *place = (struct place){document, node};
    return true;
}

/* ---- frames ---- */

static struct task **find_task(const struct compiler *c, const struct tide_json *node)
{
    uint64_t hash = (uint64_t)(uintptr_t)node * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 32) % FRAME_TABLE_SIZE;
    while (c->table[at] != NULL && c->table[at]->place.node != node) {
        at = (at + 1) % FRAME_TABLE_SIZE;
    }
    return &c->table[at];
}

/* The frame of a schema, which is compiled later if it is a new one. */
static const struct tide_frame *frame_of(struct compiler *c, struct place place)
{
    for (uint32_t i = 0; tide_json_get(place.node, "$ref") != NULL; i++) {
        if (i == SPOT_DEPTH_MAX) {
            (void)fail(c, place.document, place.node, "a $ref leads back to itself");
            return NULL;
        }
        if (!resolve(c, &place)) {
            return NULL;
        }
    }
    struct task **entry = find_task(c, place.node);
    if (*entry != NULL) {
        return (*entry)->frame;
    }
    if (c->frame_count++ == TIDE_JSON_SCHEMA_FRAMES_MAX) {
        (void)fail(c, place.document, place.node, "the folder has too many schemas");
        return NULL;
    }
    struct task *task = TIDE_ARENA_NEW(&c->scratch, struct task);
    struct tide_frame *frame = TIDE_ARENA_NEW(c->arena, struct tide_frame);
    if (task == NULL || frame == NULL) {
        (void)fail_memory(c);
        return NULL;
    }
    *task = (struct task){.place = place, .frame = frame};
    *(c->last == NULL ? &c->first : &c->last->next) = task;
    c->last = task;
    *entry = task;
    return frame;
}

static bool slot_of(struct compiler *c, struct place place, struct tide_view name, uint32_t *slot)
{
    for (*slot = 0; *slot < c->name_count; (*slot)++) {
        if (tide_view_equal(c->names[*slot], name)) {
            return true;
        }
    }
    if (c->name_count == TIDE_JSON_SCHEMA_NAMES_MAX) {
        return fail(c, place.document, place.node, "the schema has too many members");
    }
    c->names[c->name_count++] = name;
    return true;
}

/* ---- keywords ---- */

static struct tide_check *add_check(struct compiler *c,
                                    struct list *list,
                                    enum tide_check_kind kind)
{
    struct tide_check *check = TIDE_ARENA_NEW(c->arena, struct tide_check);
    if (check == NULL) {
        (void)fail_memory(c);
        return NULL;
    }
    check->kind = kind;
    if (list->last == NULL) {
        list->first = check;
    } else {
        list->last->next = check;
    }
    list->last = check;
    return check;
}

static bool add_type(struct compiler *c,
                     struct place place,
                     const struct tide_json *name,
                     uint64_t *bits)
{
    static const struct {
        struct tide_view name;
        enum tide_type_bit bit;
    } types[] = {
        {{"null", 4}, TIDE_TYPE_BIT_NULL},
        {{"boolean", 7}, TIDE_TYPE_BIT_BOOLEAN},
        {{"number", 6}, TIDE_TYPE_BIT_NUMBER},
        {{"integer", 7}, TIDE_TYPE_BIT_INTEGER},
        {{"string", 6}, TIDE_TYPE_BIT_STRING},
        {{"array", 5}, TIDE_TYPE_BIT_ARRAY},
        {{"object", 6}, TIDE_TYPE_BIT_OBJECT},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (name->kind == TIDE_JSON_STRING && tide_view_equal(name->text, types[i].name)) {
            *bits |= types[i].bit;
            return true;
        }
    }
    return fail(c, place.document, name, "unknown type");
}

static bool compile_type(struct compiler *c,
                         struct place place,
                         const struct tide_json *value,
                         struct list *list)
{
    struct tide_check *check = add_check(c, list, TIDE_CHECK_TYPE);
    if (check == NULL) {
        return false;
    }
    if (value->kind != TIDE_JSON_ARRAY) {
        return add_type(c, place, value, &check->bound);
    }
    for (const struct tide_json *name = value->first; name != NULL; name = name->next) {
        if (!add_type(c, place, name, &check->bound)) {
            return false;
        }
    }
    return true;
}

static uint32_t *add_slots(struct compiler *c, struct tide_check *check, uint32_t count)
{
    uint32_t *slots = TIDE_ARENA_ARRAY(c->arena, uint32_t, count + 1);
    if (slots == NULL) {
        (void)fail_memory(c);
    }
    check->slots = slots;
    check->count = count;
    c->sees_members = true;
    return slots;
}

static bool compile_required(struct compiler *c,
                             struct place place,
                             const struct tide_json *value,
                             struct list *list)
{
    if (value->kind != TIDE_JSON_ARRAY) {
        return fail(c, place.document, value, "required must be a list of names");
    }
    struct tide_check *check = add_check(c, list, TIDE_CHECK_REQUIRED);
    uint32_t *slots = check == NULL ? NULL : add_slots(c, check, value->count);
    if (slots == NULL) {
        return false;
    }
    for (const struct tide_json *name = value->first; name != NULL; name = name->next) {
        if (name->kind != TIDE_JSON_STRING) {
            return fail(c, place.document, name, "required must be a list of names");
        }
        if (!slot_of(c, place, name->text, slots++)) {
            return false;
        }
    }
    return true;
}

static bool compile_properties(struct compiler *c,
                               struct place place,
                               const struct tide_json *value,
                               struct list *list)
{
    if (value->kind != TIDE_JSON_OBJECT) {
        return fail(c, place.document, value, "properties must be an object");
    }
    struct tide_check *check = add_check(c, list, TIDE_CHECK_PROPERTIES);
    uint32_t *slots = check == NULL ? NULL : add_slots(c, check, value->count);
    const struct tide_frame **frames =
        TIDE_ARENA_ARRAY(c->arena, const struct tide_frame *, value->count + 1);
    if (slots == NULL || frames == NULL) {
        return fail_memory(c);
    }
    check->frames = frames;
    for (const struct tide_json *property = value->first; property != NULL;
         property = property->next) {
        *frames = frame_of(c, (struct place){place.document, property});
        if (*frames++ == NULL || !slot_of(c, place, property->key, slots++)) {
            return false;
        }
    }
    return true;
}

static bool set_frame(struct compiler *c,
                      struct tide_check *check,
                      const struct document *document,
                      const struct tide_json *node)
{
    check->frames = TIDE_ARENA_ARRAY(c->arena, const struct tide_frame *, 1);
    if (check->frames == NULL) {
        return fail_memory(c);
    }
    check->frames[0] = frame_of(c, (struct place){document, node});
    return check->frames[0] != NULL;
}

/* Extra is what `properties` beside it does not name. */
static bool compile_additional(struct compiler *c,
                               struct place place,
                               const struct tide_json *value,
                               struct list *list)
{
    const struct tide_json *properties = tide_json_get(place.node, "properties");
    if (value->kind == TIDE_JSON_TRUE) {
        return true;
    }
    bool is_closed = value->kind == TIDE_JSON_FALSE;
    struct tide_check *check =
        add_check(c, list, is_closed ? TIDE_CHECK_CLOSED : TIDE_CHECK_ADDITIONAL);
    uint64_t *own = TIDE_ARENA_ARRAY(c->arena, uint64_t, TIDE_JSON_SCHEMA_NAMES_MAX / WORD_BITS);
    if (check == NULL || own == NULL) {
        return fail_memory(c);
    }
    c->sees_members = true;
    check->own = own;
    for (const struct tide_json *property = properties == NULL ? NULL : properties->first;
         property != NULL;
         property = property->next) {
        uint32_t slot = 0;
        if (!slot_of(c, place, property->key, &slot)) {
            return false;
        }
        own[slot / WORD_BITS] |= UINT64_C(1) << (slot % WORD_BITS);
        check->count = check->count > slot / WORD_BITS ? check->count : slot / WORD_BITS + 1;
    }
    return is_closed || set_frame(c, check, place.document, value);
}

static bool compile_items(struct compiler *c,
                          struct place place,
                          const struct tide_json *value,
                          struct list *list)
{
    struct tide_check *check = add_check(c, list, TIDE_CHECK_ITEMS);
    return check != NULL && set_frame(c, check, place.document, value);
}

static bool compile_enum(struct compiler *c,
                         struct place place,
                         const struct tide_json *value,
                         struct list *list)
{
    if (value->kind != TIDE_JSON_ARRAY) {
        return fail(c, place.document, value, "enum must be a list");
    }
    struct tide_check *check = add_check(c, list, TIDE_CHECK_ENUM);
    if (check != NULL) {
        check->value = value;
    }
    return check != NULL;
}

static bool compile_min_length(struct compiler *c,
                               struct place place,
                               const struct tide_json *value,
                               struct list *list)
{
    struct tide_check *check = add_check(c, list, TIDE_CHECK_MIN_LENGTH);
    if (check == NULL) {
        return false;
    }
    return tide_json_get_u64(place.node, "minLength", &check->bound) ||
           fail(c, place.document, value, "minLength must be a whole number");
}

static bool compile_minimum(struct compiler *c,
                            struct place place,
                            const struct tide_json *value,
                            struct list *list)
{
    if (value->kind != TIDE_JSON_NUMBER) {
        return fail(c, place.document, value, "minimum must be a number");
    }
    struct tide_check *check = add_check(c, list, TIDE_CHECK_MINIMUM);
    if (check != NULL) {
        check->value = value;
    }
    return check != NULL;
}

static bool compile_on_the_spot(struct compiler *c,
                                struct place place,
                                uint32_t depth,
                                struct list *list);

/* allOf: into the same list. oneOf: a list each. */
static bool compile_schemas(struct compiler *c,
                            struct place place,
                            const struct tide_json *value,
                            uint32_t depth,
                            struct list *list)
{
    bool is_one_of = tide_view_equal(value->key, TIDE_VIEW("oneOf"));
    if (value->kind != TIDE_JSON_ARRAY || value->count == 0) {
        return fail(c, place.document, value, "a list of schemas is expected");
    }
    const struct tide_check **lists = NULL;
    if (is_one_of) {
        struct tide_check *check = add_check(c, list, TIDE_CHECK_ONE_OF);
        lists = TIDE_ARENA_ARRAY(c->arena, const struct tide_check *, value->count);
        if (check == NULL || lists == NULL) {
            return fail_memory(c);
        }
        check->lists = lists;
        check->count = value->count;
    }
    for (const struct tide_json *schema = value->first; schema != NULL; schema = schema->next) {
        struct list alternative = {0};
        struct place there = {place.document, schema};
        if (!compile_on_the_spot(c, there, depth + 1, is_one_of ? &alternative : list)) {
            return false;
        }
        if (is_one_of) {
            *lists++ = alternative.first;
        }
    }
    return true;
}

static bool compile_nothing(struct compiler *c,
                            struct place place,
                            const struct tide_json *value,
                            struct list *list)
{
    (void)c;
    (void)place;
    (void)value;
    (void)list;
    return true;
}

static bool compile_id(struct compiler *c,
                       struct place place,
                       const struct tide_json *value,
                       struct list *list)
{
    (void)list;
    return value->kind == TIDE_JSON_STRING ||
           fail(c, place.document, value, "an id must be a text");
}

static const struct keyword {
    struct tide_view name;
    bool (*compile)(struct compiler *c,
                    struct place place,
                    const struct tide_json *value,
                    struct list *list); /* NULL: compile_schemas */
} keywords[] = {
    {{"type", 4}, compile_type},
    {{"required", 8}, compile_required},
    {{"properties", 10}, compile_properties},
    {{"additionalProperties", 20}, compile_additional},
    {{"items", 5}, compile_items},
    {{"enum", 4}, compile_enum},
    {{"minLength", 9}, compile_min_length},
    {{"minimum", 7}, compile_minimum},
    {{"allOf", 5}, NULL},
    {{"oneOf", 5}, NULL},
    {{"id", 2}, compile_id},
    {{"$schema", 7}, compile_nothing},
    {{"title", 5}, compile_nothing},
    {{"description", 11}, compile_nothing},
    {{"default", 7}, compile_nothing},
    {{"format", 6}, compile_nothing},
    {{"definitions", 11}, compile_nothing},
};

static const struct keyword *find_keyword(struct tide_view name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (tide_view_equal(keywords[i].name, name)) {
            return &keywords[i];
        }
    }
    return NULL;
}

/* Appends all that a schema says about the value that it is given. Beside a $ref nothing counts. */
static bool compile_on_the_spot(struct compiler *c,
                                struct place place,
                                uint32_t depth,
                                struct list *list)
{
    if (place.node->kind != TIDE_JSON_OBJECT) {
        return fail(c, place.document, place.node, "a schema must be an object");
    }
    if (depth == SPOT_DEPTH_MAX) {
        return fail(c, place.document, place.node, "the schema includes itself");
    }
    if (c->check_count++ == TIDE_JSON_SCHEMA_CHECKS_MAX) {
        return fail(c, place.document, place.node, "the schema includes too much");
    }
    if (tide_json_get(place.node, "$ref") != NULL) {
        return resolve(c, &place) && compile_on_the_spot(c, place, depth + 1, list);
    }
    for (const struct tide_json *value = place.node->first; value != NULL; value = value->next) {
        const struct keyword *keyword = find_keyword(value->key);
        if (keyword == NULL) {
            return fail(c, place.document, value, "this keyword is not supported");
        }
        if (!(keyword->compile != NULL ? keyword->compile(c, place, value, list)
                                       : compile_schemas(c, place, value, depth, list))) {
            return false;
        }
    }
    return true;
}

/* ---- the whole ---- */

static bool build_trie(struct compiler *c,
                       const struct tide_view *names,
                       uint32_t name_count,
                       struct tide_trie *trie)
{
    struct tide_arena *scratch = &c->names_scratch;
    tide_arena_reset(scratch);
    const size_t room = name_count + 1;
    struct tide_path *paths = TIDE_ARENA_ARRAY(scratch, struct tide_path, room);
    const struct tide_path **pointers = TIDE_ARENA_ARRAY(scratch, const struct tide_path *, room);
    uint32_t *ends = TIDE_ARENA_ARRAY(scratch, uint32_t, room);
    if (paths == NULL || pointers == NULL || ends == NULL) {
        return fail_memory(c);
    }
    for (uint32_t i = 0; i < name_count; i++) {
        paths[i].keys[0] = names[i];
        paths[i].depth = 1;
        pointers[i] = &paths[i];
    }
    if (tide_trie_build(trie, c->arena, pointers, name_count, ends) != TIDE_OK) {
        return fail_memory(c);
    }
    tide_assert(trie->node_count == name_count + 1); /* names are different ones */
    return true;
}

static bool compile_frame(struct compiler *c, const struct task *task)
{
    struct tide_json_schema *schema = c->schema;
    struct list list = {0};
    c->name_count = 0;
    c->sees_members = false;
    if (!compile_on_the_spot(c, task->place, 0, &list) ||
        !build_trie(c, c->names, c->name_count, &task->frame->names)) {
        return false;
    }
    task->frame->checks = list.first;
    task->frame->slot_count = c->name_count;
    task->frame->sees_members = c->sees_members;
    size_t key_room = tide_trie_key_room(&task->frame->names);
    schema->key_room = key_room > schema->key_room ? key_room : schema->key_room;
    schema->slot_max = c->name_count > schema->slot_max ? c->name_count : schema->slot_max;
    return true;
}

static bool parse_documents(struct compiler *c, const struct tide_schema_files *files)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const struct tide_schema_file *file = &files->items[i];
        struct document *document = &c->documents[i];
        struct tide_json *root = NULL;
        struct tide_error why = {0};
        document->name = file->name;
        enum tide_status status = tide_json_parse(c->arena, file->text, &root, &why);
        if (status == TIDE_OK && tide_utf8_valid_size(file->text) < file->text.size) {
            status = tide_error_set(&why, TIDE_REJECT, "not UTF-8");
        }
        if (status != TIDE_OK) {
            c->status = tide_error_set(
                c->error, status, "%.*s: %s", TIDE_VIEW_ARGUMENTS(file->name), why.text);
            return false;
        }
        document->root = root;
        c->document_count++;
    }
    return true;
}

/* The frames of the files, and the way to them. */
static bool enter_documents(struct compiler *c)
{
    struct tide_json_schema *schema = c->schema;
    struct tide_view *types =
        TIDE_ARENA_ARRAY(&c->scratch, struct tide_view, c->document_count + 1);
    schema->frames = TIDE_ARENA_ARRAY(c->arena, const struct tide_frame *, c->document_count + 1);
    if (types == NULL || schema->frames == NULL) {
        return fail_memory(c);
    }
    for (uint32_t i = 0; i < c->document_count; i++) {
        const struct document *document = &c->documents[i];
        const struct tide_view name = document->name;
        tide_assert(name.size >= sizeof ".json" - 1);
        types[i] = tide_view_slice(name, 0, name.size - (sizeof ".json" - 1));
        schema->type_size_max =
            types[i].size > schema->type_size_max ? types[i].size : schema->type_size_max;
        schema->frames[i] = frame_of(c, (struct place){document, document->root});
        if (schema->frames[i] == NULL) {
            return false;
        }
    }
    return build_trie(c, types, c->document_count, &schema->files);
}

static bool compile(struct compiler *c, const struct tide_schema_files *files)
{
    c->schema = TIDE_ARENA_NEW(c->arena, struct tide_json_schema);
    c->documents = TIDE_ARENA_ARRAY(&c->scratch, struct document, files->count + 1);
    c->table = TIDE_ARENA_ARRAY(&c->scratch, struct task *, FRAME_TABLE_SIZE);
    c->names = TIDE_ARENA_ARRAY(&c->scratch, struct tide_view, TIDE_JSON_SCHEMA_NAMES_MAX);
    if (c->schema == NULL || c->documents == NULL || c->table == NULL || c->names == NULL) {
        return fail_memory(c);
    }
    if (!parse_documents(c, files) || !enter_documents(c)) {
        return false;
    }
    for (const struct task *task = c->first; task != NULL; task = task->next) {
        if (!compile_frame(c, task)) {
            return false;
        }
    }
    return true;
}

enum tide_status tide_json_schema_compile(struct tide_arena *arena,
                                          const struct tide_schema_files *files,
                                          const struct tide_json_schema **schema,
                                          struct tide_error *error)
{
    struct compiler compiler = {.arena = arena, .error = error, .status = TIDE_OK};
    bool is_compiled = compile(&compiler, files);
    tide_assert(is_compiled == (compiler.status == TIDE_OK));
    if (is_compiled) {
        *schema = compiler.schema;
    }
    tide_arena_release(&compiler.scratch);
    tide_arena_release(&compiler.names_scratch);
    return compiler.status;
}
