/* Goal: every kernel finds the tokens, kinds, lines and marked blocks that reading byte by byte
 * finds. Method: texts made of the bytes that matter, of every size around the blocks' borders,
 * against a reader that knows no masks; and what the environment may ask for. */
#include "decode/index.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    SIZE_MAX_TESTED = 400,
    ROUNDS = 20000,
};

static uint64_t random_state = 88172645463325252U;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % below;
}

struct expected {
    uint32_t tokens[SIZE_MAX_TESTED];
    char kinds[SIZE_MAX_TESTED];
    uint32_t count;
    uint32_t lines[SIZE_MAX_TESTED];
    uint32_t line_count;
    bool special[SIZE_MAX_TESTED / TIDE_INDEX_BLOCK_SIZE + 1]; /* must be marked */
    bool ends_in_string;
    size_t size;
};

static void mark(struct expected *it, size_t place)
{
    it->special[place / TIDE_INDEX_BLOCK_SIZE] = true;
}

static void add_token(struct expected *it, const char *text, size_t place)
{
    it->tokens[it->count] = (uint32_t)place;
    it->kinds[it->count++] = strchr("\"{}[]\n", text[place]) != NULL && text[place] != '\0'
                                 ? text[place]
                                 : TIDE_INDEX_SCALAR;
}

/* Byte by byte. */
static void read_text(struct expected *it, const char *text, size_t size, bool by_lines)
{
    bool inside = false;
    bool in_scalar = false;
    bool is_escaped = false;
    memset(it, 0, sizeof *it);
    it->size = size;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        const bool was_escaped = is_escaped;
        is_escaped = c == '\\' && !was_escaped;
        if (c == '\\') {
            mark(it, i);
        }
        if (inside) {
            if ((unsigned char)c < ' ') {
                mark(it, i);
            }
            if (c == '\n' && by_lines) {
                it->size = i;
                return;
            }
            inside = c != '"' || was_escaped;
            in_scalar = false;
            continue;
        }
        if (c == '"' && !was_escaped) {
            add_token(it, text, i);
            inside = true;
            in_scalar = false;
        } else if (c == '{' || c == '}' || c == '[' || c == ']') {
            add_token(it, text, i);
            in_scalar = false;
        } else if (c == '\n' && by_lines) {
            it->lines[it->line_count++] = it->count;
            add_token(it, text, i);
            in_scalar = false;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':' ||
                   c == '"') { /* an escaped quote, here where no JSON has one */
            in_scalar = false;
        } else {
            if (!in_scalar) {
                it->tokens[it->count] = (uint32_t)i;
                it->kinds[it->count++] = TIDE_INDEX_SCALAR;
            }
            in_scalar = true;
        }
    }
    it->ends_in_string = inside;
}

static void check(const struct tide_index_kernel *kernel,
                  struct tide_index *index,
                  const char *text,
                  size_t size,
                  bool by_lines)
{
    struct expected expected;
    read_text(&expected, text, size, by_lines);
    assert_int_equal(kernel->run(index, text, size, by_lines), expected.size);
    /* Behind a line that is broken, tokens of the same block may follow. */
    assert_true(expected.size == size ? index->count == expected.count
                                      : index->count >= expected.count);
    assert_memory_equal(index->tokens, expected.tokens, expected.count * sizeof(uint32_t));
    assert_memory_equal(index->kinds, expected.kinds, expected.count);
    assert_int_equal(index->line_count, expected.line_count);
    assert_memory_equal(index->lines, expected.lines, expected.line_count * sizeof(uint32_t));
    if (expected.size == size) {
        assert_int_equal(index->ends_in_string, expected.ends_in_string);
    }
    const size_t valid = tide_utf8_valid_size((struct tide_view){text, expected.size});
    if (valid < expected.size) {
        assert_true(tide_index_is_special(index, valid > 3 ? valid - 3 : 0, expected.size - 1));
    }
    for (size_t place = 0; place < expected.size; place += TIDE_INDEX_BLOCK_SIZE) {
        if (expected.special[place / TIDE_INDEX_BLOCK_SIZE]) {
            assert_true(index->has_special && tide_index_is_special(index, place, place));
        }
    }
}

/* Exactly as large as it is, so that a sanitizer sees who reads behind it. */
static void check_all(const char *text, size_t size)
{
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    static struct tide_index index; /* for all texts: it is large */
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    char *exact = realloc(copy, size == 0 ? 1 : size);
    assert_non_null(exact);
    if (index.tokens == NULL) {
        assert_int_equal(tide_index_init(&index, NULL), TIDE_OK);
    }
    for (size_t i = 0; i < count; i++) {
        if (kernels[i].is_supported()) {
            check(&kernels[i], &index, exact, size, true);
            check(&kernels[i], &index, exact, size, false);
        }
    }
    free(exact);
}

static void test_random_texts(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\"",
                                         "\\",
                                         "\\\\",
                                         "\\\"",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         " ",
                                         "\n",
                                         "\t",
                                         "\r",
                                         "\x01",
                                         "\x7f",
                                         "a",
                                         "0",
                                         "-1.5",
                                         "true",
                                         "\"abc\"",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xff",
                                         "\xc3",
                                         "\xed\xa0\x80",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                         "\"\":"};
    const uint32_t piece_count = sizeof pieces / sizeof *pieces;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        char text[SIZE_MAX_TESTED];
        size_t size = 0;
        const size_t wanted = next_random(SIZE_MAX_TESTED - 64);
        const uint32_t kinds = 2 + next_random(piece_count - 1); /* some texts are dull */
        const uint32_t first = next_random(piece_count);
        while (size < wanted) {
            const char *piece = pieces[(first + next_random(kinds)) % piece_count];
            memcpy(text + size, piece, strlen(piece));
            size += strlen(piece);
        }
        check_all(text, size);
    }
}

static void test_borders(void **state)
{
    (void)state;
    char text[SIZE_MAX_TESTED];
    for (size_t size = 0; size <= 200; size++) {
        memset(text, ' ', sizeof text);
        check_all(text, size);
        memset(text, '[', sizeof text);
        check_all(text, size);
        memset(text, '\\', sizeof text);
        text[0] = '"';
        check_all(text, size);
        memset(text, 'x', sizeof text);
        text[0] = '"';
        text[size] = '"';
        check_all(text, size + 1);
        memset(text, '\n', sizeof text);
        check_all(text, size);
    }
}

static void test_choice(void **state)
{
    (void)state;
    const struct tide_index_kernel *best;
    const struct tide_index_kernel *chosen;
    struct tide_error error = {0};
    assert_int_equal(unsetenv("TIDEMARK_SCANNER"), 0);
    assert_int_equal(tide_index_choose(&best, &error), TIDE_OK);
    assert_int_equal(setenv("TIDEMARK_SCANNER", "", 1), 0);
    assert_int_equal(tide_index_choose(&chosen, &error), TIDE_OK);
    assert_ptr_equal(chosen, best);
    assert_int_equal(setenv("TIDEMARK_SCANNER", "portable", 1), 0);
    assert_int_equal(tide_index_choose(&chosen, &error), TIDE_OK);
    assert_null(chosen);
    assert_int_equal(setenv("TIDEMARK_SCANNER", "mmx", 1), 0);
    assert_int_equal(tide_index_choose(&chosen, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "TIDEMARK_SCANNER=mmx"));
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_kernels(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(setenv("TIDEMARK_SCANNER", kernels[i].name, 1), 0);
        const enum tide_status status = tide_index_choose(&chosen, &error);
        assert_int_equal(status, kernels[i].is_supported() ? TIDE_OK : TIDE_REJECT);
        assert_ptr_equal(chosen, kernels[i].is_supported() ? &kernels[i] : NULL);
    }
    assert_int_equal(unsetenv("TIDEMARK_SCANNER"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_texts),
                                       cmocka_unit_test(test_borders),
                                       cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
