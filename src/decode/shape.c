#include "decode/shape.h"

#include "base/assert.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    MISSED_MAX = 64,      /* by a full set, before one of its shapes goes */
    RECORD_SIZE_MIN = 64, /* so that eight bytes may be loaded behind its start */
    ALIGNMENT = 16,
    HEAD_SIZE = (sizeof(struct tide_shape) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT,
    CHECKS_MAX = TIDE_SHAPE_TOKENS_MAX,
    EARLY_MAX = 8,
    PLAIN_DIGITS_MAX = 18,
    NODES_MAX = 1024, /* of a trie with more, records are walked */
};

/* Sixteen bytes, which any compiler knows to handle at once. */
typedef uint64_t pair __attribute__((vector_size(16)));

/* Bytes near a token, and which of them count. */
struct tide_shape_check {
    pair bytes;
    pair mask;
    uint64_t token; /* counted from the record's first */
    int64_t offset; /* from the token's place to the bytes; both as wide as the machine counts */
};

/* Sixteen that count all. */
struct tide_shape_full {
    pair bytes;
    uint64_t token;
    int64_t offset;
};

/* The same with eight. */
struct tide_shape_early {
    uint64_t bytes;
    uint64_t mask;
    uint32_t token;
    int32_t offset;
};

/* A token that must not stand before this place of the text: bytes before it will be read. In a
 * record of this shape none does; but whether it is one is what is asked. Tokens that are far
 * enough from the first value need no guard. */
struct tide_shape_guard {
    uint32_t token;
    uint32_t place;
};

/* A place near a token. */
struct spot {
    uint32_t token;
    int32_t offset;
};

/* A number or literal. */
struct tide_shape_scalar {
    uint32_t token;
    struct spot end;
    bool is_far; /* eight bytes from the record's start, whatever the values before it are */
};

enum tide_status tide_shapes_init(struct tide_shapes *shapes,
                                  const struct tide_shape_column *columns,
                                  uint32_t column_count)
{
    shapes->columns = columns;
    shapes->column_count = column_count;
    shapes->sets = calloc(TIDE_SHAPE_SETS, sizeof *shapes->sets);
    return shapes->sets != NULL ? TIDE_OK : TIDE_RETRY;
}

void tide_shapes_release(struct tide_shapes *shapes)
{
    for (uint32_t i = 0; shapes->sets != NULL && i < TIDE_SHAPE_SETS; i++) {
        for (uint32_t k = 0; k < TIDE_SHAPE_WAYS; k++) {
            free(shapes->sets[i].ways[k]);
        }
    }
    free(shapes->sets);
    shapes->sets = NULL;
}

static inline struct tide_shape_set *set_of(const struct tide_shapes *shapes, uint64_t hash)
{
    return &shapes->sets[hash % TIDE_SHAPE_SETS];
}

/* ---- comparing ---- */

/* Tokens of the object that starts at the first; 0: too many, or its end is not here. */
static uint32_t count_tokens(const char *kinds, const char *end)
{
    const uint32_t max =
        end - kinds < TIDE_SHAPE_TOKENS_MAX ? (uint32_t)(end - kinds) : TIDE_SHAPE_TOKENS_MAX;
    int32_t depth = 0;
    for (uint32_t i = 0; i < max; i++) {
        /* { and } are 0x7B and 0x7D, [ and ] 0x5B and 0x5D: bit 0x20 aside, bits 1 and 2 tell. */
        const char folded = (char)(kinds[i] | 0x20);
        depth += folded == '{';
        depth -= folded == '}';
        if (depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* A sum of products, so that no product waits for another. */
static uint64_t hash_kinds(const char *kinds, uint32_t count)
{
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t factor = odd;
    uint64_t hash = count * odd;
    uint32_t i = 0;
    for (; i + TIDE_WORD_SIZE <= count; i += TIDE_WORD_SIZE) {
        hash += (tide_word_load(kinds + i) ^ factor) * (factor | 1);
        factor += odd << 1;
    }
    hash += (tide_word_keep(tide_word_load(kinds + i), count - i) ^ factor) * (factor | 1);
    return (hash ^ hash >> 29) * odd >> 8;
}

static inline const char *place(const char *text, const uint32_t *tokens, struct spot spot)
{
    return text + ((int64_t)tokens[spot.token] + spot.offset);
}

static inline pair load_pair(const char *at)
{
    pair bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

static inline bool has_same_texts(const struct tide_shape *shape,
                                  const char *text,
                                  const uint32_t *tokens)
{
    pair different = {0, 0};
    for (uint32_t i = 0; i < shape->early_count; i++) {
        const struct tide_shape_early *early = &shape->early[i];
        const char *at = place(text, tokens, (struct spot){early->token, early->offset});
        different[0] |= (tide_word_load(at) ^ early->bytes) & early->mask;
    }
    for (uint32_t i = 0; i < shape->full_count; i++) {
        const struct tide_shape_full *full = &shape->full[i];
        different |= load_pair(text + ((int64_t)tokens[full->token] + full->offset)) ^ full->bytes;
    }
    for (uint32_t i = 0; i < shape->check_count; i++) {
        const struct tide_shape_check *check = &shape->checks[i];
        const char *at = text + ((int64_t)tokens[check->token] + check->offset);
        different |= (load_pair(at) ^ check->bytes) & check->mask;
    }
    return (different[0] | different[1]) == 0;
}

static inline bool is_all_digits(uint64_t word)
{
    const uint64_t halves = TIDE_WORD_EACH(0xF0);
    const uint64_t high = word & halves;
    const uint64_t high_of_six_more = (word + TIDE_WORD_EACH(6)) & halves;
    return (high | high_of_six_more >> 4) == TIDE_WORD_EACH(0x33);
}

/* Whether all of them are digits and the first is not 0: nothing else needs to be asked. Eight
 * bytes may be read that end where the number ends. */
static inline bool is_plain_number(const char *at, const char *end)
{
    const size_t size = (size_t)(end - at);
    if (size == 0 || size > PLAIN_DIGITS_MAX || *at == '0') {
        return false;
    }
    const uint64_t last = tide_word_load(end - TIDE_WORD_SIZE);
    if (size <= TIDE_WORD_SIZE) {
        const unsigned before = (unsigned)(8 * (TIDE_WORD_SIZE - size));
        return is_all_digits((last >> before << before) |
                             tide_word_keep(TIDE_WORD_EACH('0'), TIDE_WORD_SIZE - size));
    }
    const uint64_t first = tide_word_load(at);
    const uint64_t middle = tide_word_load(size > 2 * TIDE_WORD_SIZE ? at + TIDE_WORD_SIZE : at);
    return is_all_digits(first) && is_all_digits(middle) && is_all_digits(last);
}

static inline bool has_same_kinds(const struct tide_shape *shape, const char *kinds)
{
    const uint32_t count = shape->token_count;
    if (count < sizeof(pair)) {
        return memcmp(shape->kinds, kinds, count) == 0;
    }
    const uint32_t last = count - (uint32_t)sizeof(pair); /* sixteen that overlap the others */
    pair different = load_pair(shape->kinds + last) ^ load_pair(kinds + last);
    for (uint32_t i = 0; i < last; i += (uint32_t)sizeof(pair)) {
        different |= load_pair(shape->kinds + i) ^ load_pair(kinds + i);
    }
    return (different[0] | different[1]) == 0;
}

static bool has_good_scalars(const struct tide_shape *shape,
                             struct tide_scan *scan,
                             const char *text,
                             const uint32_t *tokens)
{
    for (uint32_t i = 0; i < shape->scalar_count; i++) {
        const struct tide_shape_scalar *scalar = &shape->scalars[i];
        const char *at = text + tokens[scalar->token];
        const char *end = place(text, tokens, scalar->end);
        const bool is_plain = scalar->is_far && is_plain_number(at, end);
        if (!is_plain && tide_scan_scalar(scan, at) != end) {
            return false;
        }
    }
    return true;
}

static inline bool is_guarded(const struct tide_shape *shape, const uint32_t *tokens)
{
    bool is_good = tokens[shape->first] - tokens[0] == shape->first_size;
    for (uint32_t i = 0; i < shape->guard_count; i++) {
        is_good = is_good && tokens[shape->guards[i].token] >= shape->guards[i].place;
    }
    return is_good;
}

static bool fits(const struct tide_shape *shape,
                 struct tide_scan *scan,
                 const struct tide_shape_key *key,
                 const char *kinds)
{
    const char *text = scan->index->text;
    return shape->hash == key->hash && shape->token_count == key->token_count &&
           has_same_kinds(shape, kinds) && is_guarded(shape, key->tokens) &&
           scan->depth + shape->depth <= scan->depth_event &&
           has_same_texts(shape, text, key->tokens) &&
           has_good_scalars(shape, scan, text, key->tokens);
}

const struct tide_shape *tide_shapes_match(const struct tide_shapes *shapes,
                                           struct tide_scan *scan,
                                           uint32_t token_count,
                                           struct tide_shape_key *key)
{
    const struct tide_index *index = scan->index;
    const uint32_t *tokens = scan->token;
    const char *kinds = index->kinds + (tokens - index->tokens);
    const uint32_t count =
        token_count != 0 ? token_count : count_tokens(kinds, index->kinds + index->count);
    *key = (struct tide_shape_key){.tokens = tokens, .space_count = scan->space_count};
    if (count == 0 || count > TIDE_SHAPE_TOKENS_MAX || kinds[count - 1] != '}' ||
        tokens[count - 1] - tokens[0] < RECORD_SIZE_MIN ||
        (index->has_special && tide_index_is_special(index, tokens[0], tokens[count - 1]))) {
        return NULL;
    }
    key->token_count = count;
    key->hash = hash_kinds(kinds, count);
    const struct tide_shape_set *set = set_of(shapes, key->hash);
    for (uint32_t i = 0; i < TIDE_SHAPE_WAYS && set->ways[i] != NULL; i++) {
        const struct tide_shape *shape = set->ways[i];
        if (fits(shape, scan, key, kinds)) {
            scan->space_count += shape->space_count;
            scan->token = tokens + count;
            return shape;
        }
    }
    return NULL;
}

/* ---- learning ---- */

struct learner {
    const char *text;
    const uint32_t *tokens;
    const char *kinds;
    uint32_t token_count;
    size_t at_min; /* how far from the record's start the text before the next value must be */
    struct tide_shape shape;
    struct tide_shape_check checks[CHECKS_MAX];
    struct tide_shape_full full[CHECKS_MAX];
    struct tide_shape_early early[EARLY_MAX];
    struct tide_shape_guard guards[TIDE_SHAPE_TOKENS_MAX]; /* one for each token at most */
    struct tide_shape_scalar scalars[TIDE_SHAPE_TOKENS_MAX];
    struct tide_shape_value values[TIDE_SHAPE_TOKENS_MAX];
    struct tide_shape_string strings[TIDE_SCHEMA_COLUMNS_MAX];
    struct tide_shape_string keys[TIDE_SCHEMA_COLUMNS_MAX];
    struct tide_shape_fill others[TIDE_SCHEMA_COLUMNS_MAX];
    uint32_t nulls[TIDE_SCHEMA_COLUMNS_MAX];
    uint32_t node_count;
    uint16_t by_node[NODES_MAX];
};

static const char *token_place(const struct learner *learner, uint32_t token)
{
    return learner->text + learner->tokens[token];
}

/* Bytes up to -offset before the token are read. */
static void add_guard(struct learner *learner, uint32_t token, int32_t offset)
{
    struct tide_shape *shape = &learner->shape;
    const uint32_t reach = (uint32_t)-offset;
    if (token >= shape->first && reach <= shape->first_size + (token - shape->first)) {
        return; /* tokens are a byte apart at least */
    }
    if (shape->guard_count > 0 && learner->guards[shape->guard_count - 1].token == token) {
        struct tide_shape_guard *last = &learner->guards[shape->guard_count - 1];
        last->place = reach > last->place ? reach : last->place;
    } else {
        learner->guards[shape->guard_count++] = (struct tide_shape_guard){token, reach};
    }
}

/* All ones but in the first bytes. */
static pair mask_of_last(size_t size)
{
    unsigned char bytes[sizeof(pair)] = {0};
    memset(bytes + sizeof bytes - size, 0xFF, size);
    pair mask;
    memcpy(&mask, bytes, sizeof mask);
    return mask;
}

/* size: of the last bytes that count. */
static bool add_check(struct learner *learner, uint32_t token, int32_t offset, size_t size)
{
    struct tide_shape *shape = &learner->shape;
    if (shape->check_count == CHECKS_MAX || shape->full_count == CHECKS_MAX) {
        return false;
    }
    const pair bytes = load_pair(token_place(learner, token) + offset);
    const pair mask = mask_of_last(size);
    add_guard(learner, token, offset);
    if (size == sizeof(pair)) {
        learner->full[shape->full_count++] =
            (struct tide_shape_full){.bytes = bytes, .token = token, .offset = offset};
    } else {
        learner->checks[shape->check_count++] = (struct tide_shape_check){
            .bytes = bytes & mask, .mask = mask, .token = token, .offset = offset};
    }
    return true;
}

static bool add_early(struct learner *learner, uint32_t token, int32_t offset, uint64_t mask)
{
    if (learner->shape.early_count == EARLY_MAX) {
        return false;
    }
    if (offset < 0) {
        add_guard(learner, token, offset);
    }
    learner->early[learner->shape.early_count++] = (struct tide_shape_early){
        .bytes = tide_word_load(token_place(learner, token) + offset) & mask,
        .mask = mask,
        .token = token,
        .offset = offset};
    return true;
}

/* Checks of the text from `from` up to a token. They end where the text ends, because behind it
 * there may be no more bytes; so the one that is first in the text begins before it, where there
 * must be enough: else there are eight bytes, or it is the record's first text. */
static bool add_text(struct learner *learner, const char *from, uint32_t token)
{
    const size_t size = (size_t)(token_place(learner, token) - from);
    const bool is_first = from == token_place(learner, 0);
    if (is_first) {
        learner->shape.first = token;
        learner->shape.first_size = (uint32_t)size;
    }
    size_t left = size;
    int32_t offset = 0;
    bool is_added = true;
    while (is_added && left > 0) {
        const size_t part = left < sizeof(pair) ? left : sizeof(pair);
        const size_t early_part = left < TIDE_WORD_SIZE ? left : TIDE_WORD_SIZE;
        const size_t before = is_first ? 0 : learner->at_min;
        if (size > sizeof(pair) && part < sizeof(pair)) {
            is_added = add_check(learner, token, -(int32_t)size, sizeof(pair)); /* they overlap */
            left = 0;
        } else if (before + left >= sizeof(pair)) {
            offset -= (int32_t)sizeof(pair);
            is_added = add_check(learner, token, offset, part);
            left -= part;
        } else if (before + left >= TIDE_WORD_SIZE) {
            offset -= TIDE_WORD_SIZE;
            is_added = add_early(learner,
                                 token,
                                 offset,
                                 early_part == TIDE_WORD_SIZE ? UINT64_MAX
                                                              : ~(UINT64_MAX >> (8 * early_part)));
            left -= early_part;
        } else {
            is_added = is_first && add_early(learner, 0, 0, UINT64_MAX >> (64 - 8 * left));
            left = 0;
        }
    }
    learner->at_min += size + 1; /* a value takes a byte at least */
    return is_added;
}

/* The place behind the value of a token, as it is relative to the next token. */
static struct spot spot_behind(const struct learner *learner, uint32_t token, const char *end)
{
    const char *next = token_place(learner, token + 1);
    return (struct spot){token + 1, (int32_t)(end - next)};
}

/* A value that is no container. Where the text behind it starts, or NULL: it is not for shapes. */
static const char *add_value(struct learner *learner,
                             struct tide_scan *scan,
                             const char *from,
                             uint32_t token)
{
    if (!add_text(learner, from, token)) {
        return NULL;
    }
    const char *at = token_place(learner, token);
    if (*at == '"') {
        return tide_scan_string(scan, at + 1);
    }
    const char *end = tide_scan_scalar(scan, at);
    if (end != NULL) {
        learner->scalars[learner->shape.scalar_count++] = (struct tide_shape_scalar){
            token, spot_behind(learner, token, end), learner->at_min >= TIDE_WORD_SIZE};
    }
    return end;
}

/* All texts between values, and all numbers and literals. */
static bool add_texts(struct learner *learner, struct tide_scan *scan)
{
    const char *from = token_place(learner, 0);
    char open[TIDE_SCAN_DEPTH_MAX + 1] = {0};
    uint32_t depth = 0;
    bool wants_key = false;
    for (uint32_t i = 0; i < learner->token_count - 1; i++) {
        const char kind = learner->kinds[i];
        if (kind == '{' || kind == '[') {
            tide_assert(depth < TIDE_SCAN_DEPTH_MAX);
            open[++depth] = kind;
            learner->shape.depth = depth > learner->shape.depth ? depth : learner->shape.depth;
        } else if (kind == '}' || kind == ']') {
            tide_assert(depth > 1);
            depth--;
        } else if (wants_key) {
            wants_key = false;
            continue;
        } else {
            from = add_value(learner, scan, from, i);
            if (from == NULL) {
                return false;
            }
        }
        wants_key = open[depth] == '{';
    }
    return add_text(learner, from, learner->token_count - 1);
}

/* The token at a place. */
static uint32_t find_token(const struct learner *learner, const char *at)
{
    uint32_t low = 0;
    uint32_t high = learner->token_count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (token_place(learner, middle) < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    tide_assert(token_place(learner, low) == at);
    return low;
}

static bool add_values(struct learner *learner, const struct tide_walk *walk)
{
    for (uint32_t node = 1; node < walk->trie.node_count; node++) {
        const struct tide_capture *capture = tide_walk_capture(walk, node);
        if (capture == NULL) {
            continue;
        }
        if (learner->shape.value_count == TIDE_SHAPE_TOKENS_MAX) {
            return false;
        }
        const bool is_container =
            capture->kind == TIDE_JSON_OBJECT || capture->kind == TIDE_JSON_ARRAY;
        const uint32_t start = find_token(learner, capture->start);
        const struct spot end = is_container
                                    ? (struct spot){find_token(learner, capture->end - 1), 1}
                                    : spot_behind(learner, start, capture->end);
        learner->by_node[node] = (uint16_t)(learner->shape.value_count + 1);
        learner->values[learner->shape.value_count++] = (struct tide_shape_value){
            .start = start,
            .end = end.token,
            .end_offset = end.offset,
            .node = node,
            .kind = capture->kind,
            .is_scalar = !is_container && capture->kind != TIDE_JSON_STRING,
            .spaced = capture->spaced};
    }
    return true;
}

/* What each column gets of a record with this shape. */
static void add_columns(struct learner *learner, const struct tide_shapes *shapes)
{
    struct tide_shape *shape = &learner->shape;
    tide_assert(shapes->column_count <= TIDE_SCHEMA_COLUMNS_MAX);
    for (uint32_t i = 0; i < shapes->column_count; i++) {
        const struct tide_shape_column *column = &shapes->columns[i];
        const uint32_t number = learner->by_node[column->node];
        if (number == 0) {
            learner->nulls[shape->null_count++] = i;
            shape->lacks_required = shape->lacks_required || column->is_required;
            continue;
        }
        const struct tide_shape_value *value = &learner->values[number - 1];
        const struct tide_shape_string string = {
            i, value->start, value->end, value->end_offset - 1};
        if (value->kind != TIDE_JSON_STRING || column->type != TIDE_TYPE_STRING) {
            learner->others[shape->other_count++] = (struct tide_shape_fill){i, number - 1};
        } else if (column->is_key) {
            learner->keys[shape->key_count++] = string;
        } else {
            learner->strings[shape->string_count++] = string;
        }
    }
}

/* Copies an array to where *at is, and moves that behind it. */
static const void *put_array(char **at, const void *from, size_t count, size_t size)
{
    char *to = *at;
    memcpy(to, from, count * size);
    *at += (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return to;
}

/* One piece of memory: the shape, and what it points at. NULL: there is none. */
static struct tide_shape *create_shape(const struct learner *learner)
{
    struct tide_shape shape = learner->shape;
    const struct {
        const void **to;
        const void *from;
        size_t count;
        size_t size;
    } arrays[] = {
        {(const void **)&shape.checks, learner->checks, shape.check_count, sizeof *shape.checks},
        {(const void **)&shape.full, learner->full, shape.full_count, sizeof *shape.full},
        {(const void **)&shape.early, learner->early, shape.early_count, sizeof *shape.early},
        {(const void **)&shape.guards, learner->guards, shape.guard_count, sizeof *shape.guards},
        {(const void **)&shape.scalars,
         learner->scalars,
         shape.scalar_count,
         sizeof *shape.scalars},
        {(const void **)&shape.values, learner->values, shape.value_count, sizeof *shape.values},
        {(const void **)&shape.strings,
         learner->strings,
         shape.string_count,
         sizeof *shape.strings},
        {(const void **)&shape.keys, learner->keys, shape.key_count, sizeof *shape.keys},
        {(const void **)&shape.others, learner->others, shape.other_count, sizeof *shape.others},
        {(const void **)&shape.nulls, learner->nulls, shape.null_count, sizeof *shape.nulls},
        {(const void **)&shape.by_node,
         learner->by_node,
         learner->node_count,
         sizeof *shape.by_node},
        {(const void **)&shape.kinds, learner->kinds, shape.token_count, 1},
    };
    const size_t array_count = sizeof arrays / sizeof arrays[0];
    size_t size = HEAD_SIZE;
    for (size_t i = 0; i < array_count; i++) {
        size += arrays[i].count * arrays[i].size + ALIGNMENT;
    }
    char *memory = malloc(size);
    if (memory == NULL) {
        return NULL;
    }
    char *at = memory + HEAD_SIZE;
    for (size_t i = 0; i < array_count; i++) {
        *arrays[i].to = put_array(&at, arrays[i].from, arrays[i].count, arrays[i].size);
    }
    memcpy(memory, &shape, sizeof shape);
    return (struct tide_shape *)(void *)memory;
}

/* The way for a new shape; NULL: not yet. */
static struct tide_shape **take_way(struct tide_shape_set *set, uint64_t hash)
{
    const uint32_t tag = (uint32_t)(hash >> 32);
    if (set->seen != tag) {
        set->seen = tag;
        return NULL;
    }
    for (uint32_t i = 0; i < TIDE_SHAPE_WAYS; i++) {
        if (set->ways[i] == NULL) {
            return &set->ways[i];
        }
    }
    if (++set->missed < MISSED_MAX) {
        return NULL;
    }
    set->missed = 0;
    set->next = (uint16_t)((set->next + 1) % TIDE_SHAPE_WAYS);
    free(set->ways[set->next]);
    set->ways[set->next] = NULL;
    return &set->ways[set->next];
}

void tide_shapes_learn(struct tide_shapes *shapes,
                       const struct tide_walk *walk,
                       struct tide_scan *scan,
                       struct tide_shape_key key)
{
    const bool is_whole = scan->token == key.tokens + key.token_count;
    if (key.token_count == 0 || !is_whole || scan->too_deep || walk->any_twice ||
        walk->trie.node_count > NODES_MAX ||
        (walk->elements_node != 0 && tide_walk_capture(walk, walk->elements_node) != NULL)) {
        return;
    }
    struct tide_shape **way = take_way(set_of(shapes, key.hash), key.hash);
    if (way == NULL) {
        return;
    }
    const struct tide_index *index = scan->index;
    struct learner learner;
    learner.text = index->text;
    learner.tokens = key.tokens;
    learner.kinds = index->kinds + (key.tokens - index->tokens);
    learner.token_count = key.token_count;
    learner.at_min = 0;
    learner.node_count = walk->trie.node_count;
    memset(learner.by_node, 0, sizeof learner.by_node);
    learner.shape = (struct tide_shape){.hash = key.hash,
                                        .token_count = key.token_count,
                                        .space_count = scan->space_count - key.space_count};
    if (add_texts(&learner, scan) && add_values(&learner, walk)) {
        add_columns(&learner, shapes);
        *way = create_shape(&learner);
    }
}
