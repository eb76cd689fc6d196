/* A recursive descent that writes JSON Schemas while it reads.
 *
 * Rules are found first, so that they may stand in any order. A private rule is read again wherever
 * it is named, which costs a few bytes of schema and saves a second kind of reference. */
#include "event/rules.h"

#include "base/assert.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    RULES_MAX = 256,
    NESTING_MAX = 32, /* of terms, private rules included */
};

struct rule {
    struct tide_view name;
    const char *body;
};

struct translator {
    struct tide_arena *arena;
    const char *start;
    const char *at; /* never in the middle of a token */
    const char *end;
    struct rule rules[RULES_MAX];
    uint32_t rule_count;
    struct tide_bytes out; /* of the rule that is being translated */
    uint32_t nesting;
    struct tide_error *error;
    enum tide_status status; /* of the failure */
};

static bool refuse(struct translator *t, const char *wanted)
{
    uint32_t line = 1;
    for (const char *p = t->start; p < t->at; p++) {
        line += *p == '\n';
    }
    t->status = tide_error_set(t->error, TIDE_REJECT, "rules, line %u: %s expected", line, wanted);
    return false;
}

/* ---- tokens ---- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char peek(struct translator *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '#')) {
        if (*t->at != '#') {
            t->at++;
            continue;
        }
        const char *newline = memchr(t->at, '\n', (size_t)(t->end - t->at));
        t->at = newline != NULL ? newline : t->end;
    }
    return t->at < t->end ? *t->at : '\0';
}

static bool try_take(struct translator *t, char c)
{
    bool is_there = peek(t) == c && c != '\0';
    t->at += is_there;
    return is_there;
}

static bool take(struct translator *t, char c)
{
    const char wanted[] = {'\'', c, '\'', '\0'};
    return try_take(t, c) || refuse(t, wanted);
}

/* Empty if none is there. */
static struct tide_view try_word(struct translator *t)
{
    (void)peek(t);
    const char *start = t->at;
    while (t->at < t->end && is_word_byte(*t->at)) {
        t->at++;
    }
    return (struct tide_view){start, (size_t)(t->at - start)};
}

static bool take_word(struct translator *t, struct tide_view *word)
{
    *word = try_word(t);
    return word->size > 0 || refuse(t, "a name");
}

static bool take_text(struct translator *t, struct tide_view *text)
{
    if (!take(t, '"')) {
        return false;
    }
    const char *quote = memchr(t->at, '"', (size_t)(t->end - t->at));
    if (quote == NULL) {
        return refuse(t, "'\"'");
    }
    *text = (struct tide_view){t->at, (size_t)(quote - t->at)};
    t->at = quote + 1;
    return true;
}

/* ---- what is written ---- */

static void write(struct translator *t, const char *text)
{
    tide_bytes_append_text(&t->out, text);
}

static bool expression(struct translator *t);

static const struct rule *find(const struct translator *t, struct tide_view name)
{
    for (uint32_t i = 0; i < t->rule_count; i++) {
        if (tide_view_equal(t->rules[i].name, name)) {
            return &t->rules[i];
        }
    }
    return NULL;
}

static bool reference(struct translator *t)
{
    struct tide_view name;
    if (!take_word(t, &name)) {
        return false;
    }
    const struct rule *rule = find(t, name);
    if (rule == NULL) {
        return refuse(t, "a rule of that name");
    }
    if (name.data[0] != '_') {
        write(t, "{\"$ref\":\"");
        tide_bytes_append_view(&t->out, name);
        write(t, ".json\"}");
        return true;
    }
    const char *behind = t->at;
    t->at = rule->body;
    bool is_read = expression(t);
    t->at = is_read ? behind : t->at;
    return is_read;
}

/* [ "(" n ")" ] */
static bool bound(struct translator *t, const char *keyword)
{
    if (!try_take(t, '(')) {
        return true;
    }
    struct tide_view number;
    write(t, keyword);
    write(t, try_take(t, '-') ? "-" : "");
    if (!take_word(t, &number)) {
        return false;
    }
    tide_bytes_append_view(&t->out, number);
    return take(t, ')');
}

static bool enumeration(struct translator *t)
{
    write(t, "{\"enum\":[");
    if (!take(t, '(')) {
        return false;
    }
    do {
        struct tide_view text;
        if (!take_text(t, &text)) {
            return false;
        }
        write(t, "\"");
        tide_bytes_append_view(&t->out, text);
        write(t, peek(t) == '"' ? "\"," : "\"");
    } while (peek(t) == '"');
    write(t, "]}");
    return take(t, ')');
}

static bool member(struct translator *t, struct tide_bytes *required)
{
    struct tide_view name;
    if (!take_word(t, &name)) {
        return false;
    }
    if (try_take(t, '!')) {
        tide_bytes_append_text(required, required->size > 0 ? ",\"" : "\"");
        tide_bytes_append_view(required, name);
        tide_bytes_append_byte(required, '"');
    }
    write(t, "\"");
    tide_bytes_append_view(&t->out, name);
    write(t, "\":");
    if (!try_take(t, ':')) {
        write(t, "{}");
        return true;
    }
    return expression(t);
}

/* Members up to the closing bracket, into t->out. */
static bool members(struct translator *t, struct tide_bytes *required, bool *is_open)
{
    while (!*is_open && peek(t) != '}') {
        if (try_take(t, '.')) {
            *is_open = true;
            return take(t, '.') && take(t, '.') && take(t, '}');
        }
        write(t, t->out.size > 0 ? "," : "");
        if (!member(t, required) || (peek(t) != '}' && !take(t, ','))) {
            return false;
        }
    }
    return take(t, '}');
}

/* Behind the '{'. The order of the keywords decides which of several faults is told: of a closed
 * object first what is too much and what is missing. */
static bool object(struct translator *t)
{
    struct tide_bytes required = {0};
    struct tide_bytes outer = t->out;
    bool is_open = false;
    t->out = (struct tide_bytes){0};
    bool is_read = members(t, &required, &is_open);
    struct tide_bytes properties = t->out;
    t->out = outer;
    write(t, "{\"type\":\"object\",");
    write(t, is_open ? "\"properties\":{" : "\"additionalProperties\":false,\"required\":[");
    tide_bytes_append_view(&t->out, tide_bytes_view(is_open ? &properties : &required));
    write(t, is_open ? "},\"required\":[" : "],\"properties\":{");
    tide_bytes_append_view(&t->out, tide_bytes_view(is_open ? &required : &properties));
    write(t, is_open ? "]}" : "}}");
    t->out.failed |= required.failed || properties.failed;
    tide_bytes_release(&required);
    tide_bytes_release(&properties);
    return is_read;
}

static bool term(struct translator *t);

static bool alternatives(struct translator *t)
{
    write(t, "{\"oneOf\":[");
    bool is_read = take(t, '(') && term(t);
    while (is_read && peek(t) != ')') {
        write(t, ",");
        is_read = term(t);
    }
    write(t, "]}");
    return is_read && take(t, ')');
}

static bool named(struct translator *t)
{
    struct tide_view word;
    bool is_read = take_word(t, &word);
    if (is_read && tide_view_equal(word, TIDE_VIEW("string"))) {
        write(t, "{\"type\":\"string\"");
        is_read = bound(t, ",\"minLength\":");
        write(t, "}");
    } else if (is_read && tide_view_equal(word, TIDE_VIEW("number"))) {
        write(t, "{\"type\":\"number\"");
        is_read = bound(t, ",\"minimum\":");
        write(t, "}");
    } else if (is_read && tide_view_equal(word, TIDE_VIEW("object"))) {
        write(t, "{\"type\":\"object\"}");
    } else if (is_read && tide_view_equal(word, TIDE_VIEW("enum"))) {
        is_read = enumeration(t);
    } else if (is_read && tide_view_equal(word, TIDE_VIEW("oneof"))) {
        is_read = alternatives(t);
    } else if (is_read) {
        is_read = refuse(t, "string, number, object, enum or oneof");
    }
    return is_read;
}

static bool term(struct translator *t)
{
    if (t->nesting == NESTING_MAX) {
        return refuse(t, "less nesting");
    }
    t->nesting++;
    bool is_read;
    if (try_take(t, '@')) {
        is_read = reference(t);
    } else if (try_take(t, '{')) {
        is_read = object(t);
    } else if (try_take(t, '[')) {
        write(t, "{\"type\":\"array\",\"items\":");
        is_read = expression(t) && take(t, ']');
        write(t, "}");
    } else {
        is_read = named(t);
    }
    t->nesting--;
    return is_read;
}

static bool expression(struct translator *t)
{
    size_t start = t->out.size;
    if (!term(t)) {
        return false;
    }
    if (peek(t) != '&') {
        return true;
    }
    static const char opening[] = "{\"allOf\":[";
    tide_bytes_append_text(&t->out, opening);
    if (t->out.failed) {
        return true; /* told at the end */
    }
    char *first = t->out.data + start;
    memmove(first + sizeof opening - 1, first, t->out.size - start - (sizeof opening - 1));
    memcpy(first, opening, sizeof opening - 1);
    while (try_take(t, '&')) {
        write(t, ",");
        if (!term(t)) {
            return false;
        }
    }
    write(t, "]}");
    return true;
}

/* ---- rules ---- */

/* To the next rule's name, or the end; whether it is an expression is seen later. */
static bool skip_expression(struct translator *t)
{
    for (char c = peek(t); c != '\0'; c = peek(t)) {
        struct tide_view text = try_word(t);
        if (text.size > 0 && peek(t) == '=') {
            t->at = text.data;
            return true;
        }
        if (text.size == 0 && c == '"') {
            if (!take_text(t, &text)) {
                return false;
            }
        } else if (text.size == 0) {
            t->at++;
        }
    }
    return true;
}

static bool find_rules(struct translator *t)
{
    while (peek(t) != '\0') {
        struct rule rule;
        if (t->rule_count == RULES_MAX) {
            return refuse(t, "no more rules");
        }
        if (!take_word(t, &rule.name) || !take(t, '=')) {
            return false;
        }
        if (find(t, rule.name) != NULL) {
            return refuse(t, "another name");
        }
        rule.body = t->at;
        t->rules[t->rule_count++] = rule;
        if (!skip_expression(t)) {
            return false;
        }
    }
    return true;
}

static bool add_file(struct translator *t, struct tide_view rule, struct tide_schema_files *files)
{
    char *name = tide_arena_allocate_text(t->arena, rule.size + sizeof ".json");
    struct tide_view text = tide_arena_copy(t->arena, tide_bytes_view(&t->out));
    if (name == NULL || text.data == NULL || t->out.failed) {
        t->status = tide_error_set(t->error, TIDE_RETRY, "out of memory for rules");
        return false;
    }
    memcpy(name, rule.data, rule.size);
    memcpy(name + rule.size, ".json", sizeof ".json");
    files->items[files->count++] =
        (struct tide_schema_file){{name, rule.size + sizeof ".json" - 1}, text};
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct tide_schema_file *left = a;
    const struct tide_schema_file *right = b;
    return tide_view_compare(left->name, right->name);
}

static bool translate(struct translator *t, struct tide_schema_files *files)
{
    if (!find_rules(t)) {
        return false;
    }
    for (uint32_t i = 0; i < t->rule_count; i++) {
        const struct rule *rule = &t->rules[i];
        const char *next = i + 1 < t->rule_count ? t->rules[i + 1].name.data : t->end;
        t->at = rule->body;
        tide_bytes_reset(&t->out);
        if (!expression(t)) {
            return false;
        }
        (void)peek(t);
        if (t->at != next) {
            return refuse(t, "a rule");
        }
        if (rule->name.data[0] != '_' && !add_file(t, rule->name, files)) {
            return false;
        }
    }
    qsort(files->items, files->count, sizeof *files->items, compare_files);
    return true;
}

enum tide_status tide_rules_translate(struct tide_arena *arena,
                                      struct tide_view text,
                                      struct tide_schema_files *files,
                                      struct tide_error *error)
{
    struct translator *t = TIDE_ARENA_NEW(arena, struct translator);
    *files = (struct tide_schema_files){
        .items = TIDE_ARENA_ARRAY(arena, struct tide_schema_file, RULES_MAX)};
    if (t == NULL || files->items == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for rules");
    }
    t->arena = arena;
    t->start = t->at = text.data;
    t->end = text.data + text.size;
    t->error = error;
    bool is_translated = translate(t, files);
    tide_assert(is_translated == (t->status == TIDE_OK));
    tide_bytes_release(&t->out);
    return t->status;
}
