/* libyaml's events into a tree, with what a definition must not contain refused on the way.
 *
 * libyaml counts in characters; people, editors and the rest of the house count lines by '\n' and
 * columns in bytes. So a mark is taken only by its character index and turned into a place in the
 * source by walking it (a cursor makes that linear over the document).
 *
 * A syntax error ends the reading; an anchor, an alias, a tag or a key twice is reported and the
 * reading goes on, so that one run shows them all. Depth is bounded by the frames below, the number
 * of nodes by the arena's budget. */
#include "base/yaml.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <yaml.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    DEPTH_MAX = 64,
    SOURCE_SIZE_MAX = 16 * 1024 * 1024
};

struct frame {
    struct tide_yaml *node;
    struct tide_yaml *last;
    bool has_key; /* of a mapping: the next node is that key's value */
    struct tide_view key;
    struct tide_position key_position;
};

struct cursor { /* a place in the source */
    size_t characters;
    size_t offset;
    uint32_t line;
    size_t line_start;
};

struct builder {
    yaml_parser_t parser;
    struct tide_arena *arena;
    const struct tide_source *source;
    struct tide_diagnostics *diagnostics;
    struct tide_yaml *root;
    struct cursor cursor;
    struct frame frames[DEPTH_MAX];
    uint32_t depth;
    bool has_document;
    bool has_failed; /* something was reported */
};

static const struct cursor source_start = {.line = 1};

static void cursor_forward(struct cursor *cursor, struct tide_view text, size_t characters)
{
    while (cursor->characters < characters && cursor->offset < text.size) {
        bool is_end = text.data[cursor->offset++] == '\n';
        while (cursor->offset < text.size && tide_utf8_is_continuation(text.data[cursor->offset])) {
            cursor->offset++;
        }
        cursor->characters++;
        if (is_end) {
            cursor->line++;
            cursor->line_start = cursor->offset;
        }
    }
}

static struct tide_position position_of(struct builder *builder, yaml_mark_t start, yaml_mark_t end)
{
    struct tide_view text = builder->source->text;
    if (start.index < builder->cursor.characters) {
        builder->cursor = source_start;
    }
    cursor_forward(&builder->cursor, text, start.index);
    struct cursor place = builder->cursor;
    struct cursor behind = place;
    cursor_forward(&behind, text, end.index);
    size_t size = behind.offset > place.offset ? behind.offset - place.offset : 1;
    return (struct tide_position){
        .source = builder->source,
        .line = place.line,
        .column = (uint32_t)(place.offset - place.line_start + 1),
        .size = (uint32_t)size,
    };
}

static struct tide_position position_at(struct builder *builder, yaml_mark_t mark)
{
    return position_of(builder, mark, mark);
}

#define REPORT(builder, position, ...)                                                             \
    do {                                                                                           \
        (builder)->has_failed = true;                                                              \
        tide_diagnostics_error((builder)->diagnostics, (position), __VA_ARGS__);                   \
    } while (false)

static bool no_memory(struct builder *builder)
{
    REPORT(builder, ((struct tide_position){.source = builder->source}), "out of memory");
    return false;
}

static void report_problem(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR) {
        (void)no_memory(builder);
        return;
    }
    if (parser->error == YAML_READER_ERROR) { /* has a byte offset and no mark */
        struct cursor place = source_start;
        while (place.offset < parser->problem_offset && place.offset < builder->source->text.size) {
            cursor_forward(&place, builder->source->text, place.characters + 1);
        }
        struct tide_position position = {
            .source = builder->source,
            .line = place.line,
            .column = (uint32_t)(place.offset - place.line_start + 1),
            .size = 1,
        };
        REPORT(builder, position, "not YAML: %s", problem);
        return;
    }
    if (parser->context != NULL) {
        REPORT(builder,
               position_at(builder, parser->problem_mark),
               "not YAML: %s, %s",
               parser->context,
               problem);
    } else {
        REPORT(builder, position_at(builder, parser->problem_mark), "not YAML: %s", problem);
    }
}

/* Anchors and tags on any node. */
static void check_plain(struct builder *builder,
                        const yaml_event_t *event,
                        const yaml_char_t *anchor,
                        const yaml_char_t *tag)
{
    if (anchor != NULL) {
        REPORT(builder,
               position_at(builder, event->start_mark),
               "anchors are not wanted here: '&%s'",
               (const char *)anchor);
    }
    if (tag != NULL) {
        REPORT(builder,
               position_at(builder, event->start_mark),
               "tags are not wanted here: '%s'",
               (const char *)tag);
    }
}

/* Puts a new node where the document is: as root, element, or value of the key before it. */
static struct tide_yaml *add_node(struct builder *builder,
                                  enum tide_yaml_kind kind,
                                  struct tide_position position)
{
    struct tide_yaml *node = TIDE_ARENA_NEW(builder->arena, struct tide_yaml);
    if (node == NULL) {
        (void)no_memory(builder);
        return NULL;
    }
    node->kind = kind;
    node->position = position;
    if (builder->depth == 0) {
        tide_assert(builder->root == NULL);
        builder->root = node;
        return node;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    if (frame->node->kind == TIDE_YAML_MAPPING) {
        tide_assert(frame->has_key);
        node->key = frame->key;
        node->key_position = frame->key_position;
        frame->has_key = false;
    }
    if (frame->last != NULL) {
        frame->last->next = node;
    } else {
        frame->node->first = node;
    }
    frame->last = node;
    frame->node->count++;
    return node;
}

static bool is_key_next(const struct builder *builder)
{
    if (builder->depth == 0) {
        return false;
    }
    const struct frame *frame = &builder->frames[builder->depth - 1];
    return frame->node->kind == TIDE_YAML_MAPPING && !frame->has_key;
}

static bool add_text(struct builder *builder,
                     struct tide_view text,
                     bool is_plain,
                     struct tide_position position)
{
    struct tide_view copy = tide_arena_copy(builder->arena, text);
    if (copy.data == NULL) {
        return no_memory(builder);
    }
    if (is_key_next(builder)) {
        struct frame *frame = &builder->frames[builder->depth - 1];
        frame->has_key = true;
        frame->key = copy;
        frame->key_position = position;
        return true;
    }
    struct tide_yaml *node = add_node(builder, TIDE_YAML_SCALAR, position);
    if (node == NULL) {
        return false;
    }
    node->text = copy;
    node->is_plain = is_plain;
    return true;
}

static bool add_scalar(struct builder *builder, const yaml_event_t *event)
{
    check_plain(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    struct tide_view text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    return add_text(builder,
                    text,
                    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
                    position_of(builder, event->start_mark, event->end_mark));
}

/* Reported, then taken for an empty scalar, so that what follows is still read. */
static bool add_alias(struct builder *builder, const yaml_event_t *event)
{
    struct tide_position position = position_of(builder, event->start_mark, event->end_mark);
    REPORT(builder,
           position,
           "aliases are not wanted here: '*%s'",
           (const char *)event->data.alias.anchor);
    return add_text(builder, TIDE_VIEW(""), true, position);
}

static bool open_node(struct builder *builder, const yaml_event_t *event, enum tide_yaml_kind kind)
{
    struct tide_position position = position_at(builder, event->start_mark);
    if (is_key_next(builder)) {
        REPORT(builder, position, "a key must be a scalar");
        return false;
    }
    if (builder->depth == DEPTH_MAX) {
        REPORT(builder, position, "more than %d levels", DEPTH_MAX);
        return false;
    }
    struct tide_yaml *node = add_node(builder, kind, position);
    if (node == NULL) {
        return false;
    }
    builder->frames[builder->depth++] = (struct frame){.node = node};
    return true;
}

static int compare_members(const void *a, const void *b)
{
    const struct tide_yaml *left = *(const struct tide_yaml *const *)a;
    const struct tide_yaml *right = *(const struct tide_yaml *const *)b;
    int order = tide_view_compare(left->key, right->key);
    if (order != 0) {
        return order;
    }
    if (left->key_position.line != right->key_position.line) {
        return left->key_position.line < right->key_position.line ? -1 : 1;
    }
    return (left->key_position.column > right->key_position.column) -
           (left->key_position.column < right->key_position.column);
}

/* Sorted by key and place, equal keys are neighbours and the first of them is the legal one. */
static bool check_duplicates(struct builder *builder, const struct tide_yaml *mapping)
{
    if (mapping->count < 2) {
        return true;
    }
    const struct tide_yaml **members =
        TIDE_ARENA_ARRAY(builder->arena, const struct tide_yaml *, mapping->count);
    if (members == NULL) {
        return no_memory(builder);
    }
    size_t count = 0;
    for (const struct tide_yaml *member = mapping->first; member != NULL; member = member->next) {
        members[count++] = member;
    }
    tide_assert(count == mapping->count);
    qsort(members, count, sizeof(*members), compare_members);
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        if (!tide_view_equal(members[i]->key, members[first]->key)) {
            first = i;
            continue;
        }
        REPORT(builder,
               members[i]->key_position,
               "key '%.*s' is there already, in line %u",
               TIDE_VIEW_ARGUMENTS(members[i]->key),
               members[first]->key_position.line);
    }
    return true;
}

static bool close_node(struct builder *builder)
{
    tide_assert(builder->depth > 0);
    const struct frame *frame = &builder->frames[--builder->depth];
    tide_assert(!frame->has_key);
    return frame->node->kind != TIDE_YAML_MAPPING || check_duplicates(builder, frame->node);
}

static bool start_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->has_document) {
        REPORT(builder, position_at(builder, event->start_mark), "more than one document");
        return false;
    }
    builder->has_document = true;
    return true;
}

/* false: reading ends here. */
static bool handle_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_ALIAS_EVENT:
        return add_alias(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        check_plain(
            builder, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        return open_node(builder, event, TIDE_YAML_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        check_plain(
            builder, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return open_node(builder, event, TIDE_YAML_MAPPING);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(builder);
    case YAML_DOCUMENT_START_EVENT:
        return start_document(builder, event);
    case YAML_STREAM_END_EVENT:
        return false;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

static void read_events(struct builder *builder)
{
    bool is_open = true;
    while (is_open) {
        yaml_event_t event = {0};
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            report_problem(builder);
            return;
        }
        is_open = handle_event(builder, &event);
        yaml_event_delete(&event);
    }
}

bool tide_yaml_parse(struct tide_arena *arena,
                     const struct tide_source *source,
                     struct tide_diagnostics *diagnostics,
                     struct tide_yaml **root)
{
    tide_assert(arena != NULL && source != NULL && diagnostics != NULL && root != NULL);
    struct builder builder = {
        .arena = arena,
        .source = source,
        .diagnostics = diagnostics,
        .cursor = source_start,
    };
    *root = NULL;
    if (source->text.size > SOURCE_SIZE_MAX) {
        REPORT(&builder,
               (struct tide_position){.source = source},
               "%zu bytes are more than %d",
               source->text.size,
               SOURCE_SIZE_MAX);
        return false;
    }
    if (yaml_parser_initialize(&builder.parser) == 0) {
        return no_memory(&builder);
    }
    const char *text = source->text.size == 0 ? "" : source->text.data;
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, source->text.size);
    read_events(&builder);
    yaml_parser_delete(&builder.parser);
    if (!builder.has_failed && builder.root == NULL) {
        struct tide_position start = {source, 1, 1, 1};
        (void)add_node(&builder, TIDE_YAML_MAPPING, start);
    }
    if (builder.has_failed) {
        return false;
    }
    tide_assert(builder.depth == 0 && builder.root != NULL);
    *root = builder.root;
    return true;
}

struct tide_yaml *tide_yaml_get(const struct tide_yaml *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != TIDE_YAML_MAPPING) {
        return NULL;
    }
    struct tide_view wanted = tide_view_of(key);
    for (struct tide_yaml *member = mapping->first; member != NULL; member = member->next) {
        if (tide_view_equal(member->key, wanted)) {
            return member;
        }
    }
    return NULL;
}

void tide_yaml_check_keys(const struct tide_yaml *mapping,
                          const struct tide_view *known,
                          size_t known_count,
                          const char *what,
                          struct tide_diagnostics *diagnostics)
{
    if (mapping == NULL || mapping->kind != TIDE_YAML_MAPPING) {
        return;
    }
    for (const struct tide_yaml *member = mapping->first; member != NULL; member = member->next) {
        bool is_known = false;
        for (size_t i = 0; i < known_count && !is_known; i++) {
            is_known = tide_view_equal(member->key, known[i]);
        }
        if (is_known) {
            continue;
        }
        struct tide_view nearest = tide_nearest(member->key, known, known_count);
        if (nearest.size > 0) {
            tide_diagnostics_error(diagnostics,
                                   member->key_position,
                                   "unknown key '%.*s' in %s; did you mean '%.*s'?",
                                   TIDE_VIEW_ARGUMENTS(member->key),
                                   what,
                                   TIDE_VIEW_ARGUMENTS(nearest));
        } else {
            tide_diagnostics_error(diagnostics,
                                   member->key_position,
                                   "unknown key '%.*s' in %s",
                                   TIDE_VIEW_ARGUMENTS(member->key),
                                   what);
        }
    }
}

bool tide_yaml_bool(const struct tide_yaml *node, bool *value, struct tide_diagnostics *diagnostics)
{
    bool is_plain = node->kind == TIDE_YAML_SCALAR && node->is_plain;
    if (is_plain && tide_view_equal(node->text, TIDE_VIEW("true"))) {
        *value = true;
        return true;
    }
    if (is_plain && tide_view_equal(node->text, TIDE_VIEW("false"))) {
        *value = false;
        return true;
    }
    tide_diagnostics_error(diagnostics, node->position, "this must be true or false");
    return false;
}
