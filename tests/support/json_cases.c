#include "support/json_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#include "base/banned.h"

enum {
    FILE_BYTES_MAX = 1 << 18,
    CASES_MAX = 2000
};

static void refuse(struct tide_view line)
{
    fprintf(stderr, "no case: %.*s\n", TIDE_VIEW_ARGUMENTS(line));
    abort();
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The '>' of the '<' at text[at]: others may stand between. */
static size_t find_close(struct tide_view text, size_t at)
{
    size_t open = 0;
    for (size_t i = at; i < text.size; i++) {
        open += text.data[i] == '<';
        open -= text.data[i] == '>';
        if (open == 0) {
            return i;
        }
    }
    refuse(text);
    return 0;
}

/* text: as it is written; *fault is set where it has a mark. */
static void expand(struct tide_view text, struct tide_bytes *bytes, ptrdiff_t *fault)
{
    for (size_t at = 0; at < text.size; at++) {
        if (text.data[at] != '<') {
            tide_bytes_append_byte(bytes, text.data[at]);
            continue;
        }
        size_t close = find_close(text, at);
        struct tide_view inner = tide_view_slice(text, at + 1, close - at - 1);
        const char *star = inner.size > 0 ? memchr(inner.data, '*', inner.size) : NULL;
        if (inner.size == 1 && inner.data[0] == '!') {
            *fault = (ptrdiff_t)bytes->size;
        } else if (inner.size == 2 && hex_digit(inner.data[0]) >= 0 &&
                   hex_digit(inner.data[1]) >= 0) {
            tide_bytes_append_byte(
                bytes, (char)(hex_digit(inner.data[0]) * 16 + hex_digit(inner.data[1])));
        } else if (star != NULL) {
            size_t start = (size_t)(star - inner.data) + 1;
            for (long n = strtol(inner.data, NULL, 10); n > 0; n--) {
                expand(tide_view_slice(inner, start, inner.size - start), bytes, fault);
            }
        } else {
            refuse(text);
        }
        at = close;
    }
}

static struct tide_view expanded(struct json_cases *cases, struct tide_view text, ptrdiff_t *fault)
{
    struct tide_bytes bytes = {0};
    expand(text, &bytes, fault);
    tide_assert(!bytes.failed);
    struct tide_view kept = tide_arena_copy(&cases->arena, tide_bytes_view(&bytes));
    tide_bytes_release(&bytes);
    return kept;
}

/* The next word of a line, and the spaces behind it. */
static struct tide_view take_word(struct tide_view *line)
{
    size_t size = 0;
    while (size < line->size && line->data[size] != ' ') {
        size++;
    }
    struct tide_view word = tide_view_slice(*line, 0, size);
    while (size < line->size && line->data[size] == ' ') {
        size++;
    }
    *line = tide_view_slice(*line, size, line->size - size);
    return word;
}

static struct json_case read_case(struct json_cases *cases, struct tide_view line, bool is_valid)
{
    const struct tide_view whole = line;
    struct json_case it = {.name = take_word(&line), .fault = JSON_CASE_NO_FAULT};
    ptrdiff_t unused = 0;
    if (is_valid) {
        it.column = take_word(&line);
        struct tide_view word = take_word(&line);
        it.is_null = tide_view_equal(word, TIDE_VIEW("null"));
        word = tide_view_equal(word, TIDE_VIEW("-")) ? TIDE_VIEW("") : word;
        it.expected = expanded(cases, word, &unused);
    } else {
        it.reason = tide_reason_parse(take_word(&line));
    }
    it.bytes = expanded(cases, line, &it.fault);
    const bool has_fault = it.fault != JSON_CASE_NO_FAULT;
    const bool wants_fault = !is_valid && it.reason != TIDE_REASON_TOO_DEEP;
    if (line.size == 0 || it.reason == TIDE_REASON_COUNT || has_fault != wants_fault) {
        refuse(whole);
    }
    return it;
}

static struct tide_view read_file(struct json_cases *cases, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/data/json/%s", TIDE_TEST_SOURCE_ROOT, name);
    FILE *file = fopen(path, "rb");
    char *text = tide_arena_allocate_text(&cases->arena, FILE_BYTES_MAX);
    tide_assert(file != NULL && text != NULL);
    size_t size = fread(text, 1, FILE_BYTES_MAX, file);
    fclose(file);
    tide_assert(size > 0 && size < FILE_BYTES_MAX);
    return (struct tide_view){text, size};
}

void json_cases_load(struct json_cases *cases, const char *name, bool is_valid)
{
    *cases = (struct json_cases){0};
    struct tide_view text = read_file(cases, name);
    cases->items = TIDE_ARENA_ARRAY(&cases->arena, struct json_case, CASES_MAX);
    tide_assert(cases->items != NULL);
    while (text.size > 0) {
        const char *newline = memchr(text.data, '\n', text.size);
        size_t size = newline != NULL ? (size_t)(newline - text.data) : text.size;
        struct tide_view line = tide_view_slice(text, 0, size);
        if (size > 0 && line.data[0] != '#') {
            tide_assert(cases->count < CASES_MAX);
            cases->items[cases->count++] = read_case(cases, line, is_valid);
        }
        size += newline != NULL;
        text = tide_view_slice(text, size, text.size - size);
    }
}

void json_cases_release(struct json_cases *cases)
{
    tide_arena_release(&cases->arena);
}
