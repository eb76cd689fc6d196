/* Goal: every line comes out once and whole, whatever the reads were; a line that is too long gives
 * its head, size and hash. Method: one text, read in pieces of many sizes; what comes out is put
 * together again. */
#include "decode/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/banned.h"

struct result {
    struct tide_bytes text; /* of all blocks */
    uint64_t block_count;
    uint64_t too_large_count;
    struct tide_lines_item too_large; /* the last */
    char head[8];
};

static void take(struct tide_lines *lines, struct result *result, enum tide_lines_kind until)
{
    for (;;) {
        struct tide_lines_item item = tide_lines_next(lines);
        if (item.kind == TIDE_LINES_BLOCK) {
            assert_true(item.block.size > 0);
            tide_bytes_append_view(&result->text, item.block);
            result->block_count++;
        } else if (item.kind == TIDE_LINES_TOO_LARGE) {
            assert_int_equal(item.block.size, TIDE_REJECTED_BYTES_KEPT);
            memcpy(result->head, item.block.data, sizeof result->head);
            result->too_large = item;
            result->too_large_count++;
        } else {
            assert_int_equal(item.kind, until);
            return;
        }
    }
}

static struct result run(struct tide_view text, size_t block_size, size_t read_size)
{
    struct result result = {0};
    struct tide_lines *lines = NULL;
    assert_int_equal(tide_lines_create(block_size, &lines, NULL), TIDE_OK);
    size_t at = 0;
    while (at < text.size) {
        char *space;
        size_t space_size;
        tide_lines_space(lines, &space, &space_size);
        size_t size = text.size - at < read_size ? text.size - at : read_size;
        size = size < space_size ? size : space_size;
        assert_true(size > 0);
        memcpy(space, text.data + at, size);
        at += size;
        tide_lines_filled(lines, size);
        take(lines, &result, TIDE_LINES_NEED);
        /* only whole lines so far */
        assert_true(result.text.size == 0 || result.text.data[result.text.size - 1] == '\n');
    }
    tide_lines_finish(lines);
    take(lines, &result, TIDE_LINES_END);
    assert_int_equal(tide_lines_next(lines).kind, TIDE_LINES_END);
    tide_lines_destroy(lines);
    return result;
}

/* The same of a text that is there as a whole; its blocks are its own parts. */
static struct result run_whole(struct tide_view text, size_t block_size, size_t step)
{
    struct result result = {0};
    struct tide_lines *lines = NULL;
    const char *next = text.data; /* no byte is copied, and none is left out */
    size_t at = 0;
    assert_int_equal(tide_lines_of_text(text, block_size, &lines, NULL), TIDE_OK);
    for (bool is_finished = false; !is_finished;) {
        struct tide_lines_item item = tide_lines_next(lines);
        for (; item.kind == TIDE_LINES_BLOCK; item = tide_lines_next(lines)) {
            assert_true(result.too_large_count > 0 || item.block.data == next);
            next = item.block.data + item.block.size;
            tide_bytes_append_view(&result.text, item.block);
            result.block_count++;
        }
        if (item.kind == TIDE_LINES_TOO_LARGE) {
            memcpy(result.head, item.block.data, sizeof result.head);
            result.too_large = item;
            result.too_large_count++;
            continue;
        }
        is_finished = item.kind == TIDE_LINES_END;
        const size_t size = text.size - at < step ? text.size - at : step;
        if (item.kind == TIDE_LINES_NEED && size > 0) {
            tide_lines_filled(lines, size);
        } else if (item.kind == TIDE_LINES_NEED) {
            tide_lines_finish(lines);
        }
        at += size;
    }
    assert_int_equal(at, text.size);
    tide_lines_destroy(lines);
    return result;
}

static void expect_equal(const struct result *a, const struct result *b)
{
    assert_true(tide_view_equal(tide_bytes_view(&a->text), tide_bytes_view(&b->text)));
    assert_int_equal(a->too_large_count, b->too_large_count);
    assert_int_equal(a->too_large.size, b->too_large.size);
    assert_int_equal(a->too_large.is_utf8, b->too_large.is_utf8);
    assert_true(tide_u128_equal(a->too_large.hash, b->too_large.hash));
    assert_memory_equal(a->head, b->head, sizeof a->head);
}

static void test_small_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "a",
                                        "a\n",
                                        "a\nbb\n\nccc\ndddd",
                                        "\n\n\n",
                                        "a line that is longer than a block\nb\nc\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t read_size = 1; read_size < 12; read_size++) {
            for (size_t block_size = 1; block_size < 20; block_size += 3) {
                struct result result = run(tide_view_of(texts[i]), block_size, read_size);
                assert_true(tide_view_equal(tide_bytes_view(&result.text), tide_view_of(texts[i])));
                assert_int_equal(result.too_large_count, 0);
                struct result whole = run_whole(tide_view_of(texts[i]), block_size, read_size);
                expect_equal(&whole, &result);
                tide_bytes_release(&whole.text);
                tide_bytes_release(&result.text);
            }
        }
    }
}

static void append_line(struct tide_bytes *bytes, size_t size, char with)
{
    assert_true(tide_bytes_reserve(bytes, size + 1));
    memset(bytes->data + bytes->size, with, size);
    bytes->size += size;
    tide_bytes_append_byte(bytes, '\n');
}

/* The longest line that is kept, one byte more, and small ones around. */
static void test_long_lines(void **state)
{
    (void)state;
    static const size_t read_sizes[] = {SIZE_MAX, 1000003, 65536};
    struct tide_bytes bytes = {0};
    struct tide_u128 hash = {0, 0};
    append_line(&bytes, 3, 'a');
    append_line(&bytes, TIDE_ENVELOPE_BYTES_MAX, 'b');
    append_line(&bytes, TIDE_ENVELOPE_BYTES_MAX + 1, 'c');
    append_line(&bytes, 5, 'd');
    for (size_t i = 0; i < sizeof read_sizes / sizeof *read_sizes; i++) {
        for (size_t block_size = 1 << 16; block_size <= 1 << 24; block_size <<= 4) {
            struct result result = run(tide_bytes_view(&bytes), block_size, read_sizes[i]);
            assert_int_equal(result.text.size, 4 + TIDE_ENVELOPE_BYTES_MAX + 1 + 6);
            assert_memory_equal(result.text.data + result.text.size - 6, "ddddd\n", 6);
            assert_int_equal(result.too_large_count, 1);
            assert_int_equal(result.too_large.size, TIDE_ENVELOPE_BYTES_MAX + 1);
            assert_true(result.too_large.is_utf8);
            assert_memory_equal(result.head, "cccccccc", 8);
            if (hash.high == 0) {
                hash = result.too_large.hash;
            }
            assert_true(tide_u128_equal(hash, result.too_large.hash));
            struct result whole = run_whole(tide_bytes_view(&bytes), block_size, read_sizes[i]);
            expect_equal(&whole, &result);
            tide_bytes_release(&whole.text);
            tide_bytes_release(&result.text);
        }
    }
    tide_bytes_release(&bytes);
}

/* Of the last line, without its '\n'; one byte decides hash and UTF-8. */
static void test_long_last_line(void **state)
{
    (void)state;
    static const struct {
        const char *end;
        bool is_utf8;
    } ends[] = {{"\xc3\xa9", true},
                {"\xc3", false},
                {"\xed\xa0\x80", false},
                {"\xf0\x9f\x98\x80", true},
                {"\xc0\x80", false},
                {"\x80", false}};
    struct tide_u128 seen = {0, 0};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct tide_bytes bytes = {0};
        append_line(&bytes, 3 * (size_t)TIDE_ENVELOPE_BYTES_MAX, 'x');
        bytes.size--;
        tide_bytes_append_text(&bytes, ends[i].end);
        struct result result = run(tide_bytes_view(&bytes), 1 << 20, 1 << 20);
        assert_int_equal(result.text.size, 0);
        assert_int_equal(result.too_large_count, 1);
        assert_int_equal(result.too_large.size, bytes.size);
        assert_int_equal(result.too_large.is_utf8, ends[i].is_utf8);
        assert_false(tide_u128_equal(seen, result.too_large.hash));
        seen = result.too_large.hash;
        tide_bytes_release(&bytes);
        tide_bytes_release(&result.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_lines),
                                       cmocka_unit_test(test_long_lines),
                                       cmocka_unit_test(test_long_last_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
