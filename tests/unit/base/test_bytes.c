/* Goal: views compare as bytes; a buffer grows, keeps to its maximum, and after a failure stays
 * as it was. Method: tables, each limit at and around its edge, and a realloc that fails when
 * told: the source is included, so that its realloc can be ours. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool realloc_fails;

static void *failing_realloc(void *data, size_t size)
{
    return realloc_fails ? NULL : realloc(data, size);
}

#define realloc failing_realloc
#include "base/bytes.c" /* NOLINT(bugprone-suspicious-include) */
#undef realloc

static void test_view_compare(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int order;
    } rows[] = {
        {NULL, NULL, 0},
        {NULL, "", 0},
        {"", "a", -1},
        {"a", "a", 0},
        {"a", "b", -1},
        {"b", "aa", 1},
        {"ab", "abc", -1},
        {"abd", "abc", 1},
        {"z", "\xc3", -1} /* bytes are unsigned */,
        {"\xff", "a", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_view a = tide_view_of(rows[i].a);
        const struct tide_view b = tide_view_of(rows[i].b);
        const int forth = tide_view_compare(a, b);
        const int back = tide_view_compare(b, a);
        assert_int_equal((forth > 0) - (forth < 0), rows[i].order);
        assert_int_equal((back > 0) - (back < 0), -rows[i].order);
        assert_int_equal(tide_view_equal(a, b), rows[i].order == 0);
    }
    assert_false(tide_view_equal(TIDE_VIEW("a\0b"), TIDE_VIEW("a\0c")));
    assert_int_equal(TIDE_VIEW("a\0b").size, 3);
}

static void test_view_parts(void **state)
{
    (void)state;
    const struct tide_view view = TIDE_VIEW("tidemark");
    assert_true(tide_view_starts_with(view, TIDE_VIEW("tide")));
    assert_true(tide_view_starts_with(view, view));
    assert_true(tide_view_starts_with(view, (struct tide_view){0}));
    assert_true(tide_view_starts_with((struct tide_view){0}, (struct tide_view){0}));
    assert_false(tide_view_starts_with(view, TIDE_VIEW("mark")));
    assert_false(tide_view_starts_with(TIDE_VIEW("tid"), TIDE_VIEW("tide")));

    assert_true(tide_view_equal(tide_view_slice(view, 4, 4), TIDE_VIEW("mark")));
    assert_int_equal(tide_view_slice(view, 8, 0).size, 0);
    assert_int_equal(tide_view_slice((struct tide_view){0}, 0, 0).size, 0);
}

static void test_appends(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    assert_string_equal(tide_bytes_terminated(&bytes), "");
    assert_int_equal(tide_bytes_view(&bytes).size, 0);
    tide_bytes_append(&bytes, NULL, 0);
    tide_bytes_append_text(&bytes, "ab");
    tide_bytes_append_byte(&bytes, 'c');
    tide_bytes_append_view(&bytes, TIDE_VIEW("de"));
    tide_bytes_append_view(&bytes, (struct tide_view){0});
    tide_bytes_append_format(&bytes, "%d-%s", 7, "f");
    assert_string_equal(tide_bytes_terminated(&bytes), "abcde7-f");
    assert_int_equal(tide_bytes_view(&bytes).size, 8);
    tide_bytes_reset(&bytes);
    assert_int_equal(bytes.size, 0);
    assert_true(bytes.capacity >= 8);
    assert_string_equal(tide_bytes_terminated(&bytes), "");
    tide_bytes_release(&bytes);
    assert_null(bytes.data);
    assert_int_equal(bytes.capacity, 0);
}

/* Formatted texts of every size across the first growths, so that each lands once on every edge. */
static void test_format_at_every_size(void **state)
{
    (void)state;
    for (int size = 0; size < 300; size++) {
        struct tide_bytes bytes = {0};
        tide_bytes_append_text(&bytes, "<");
        tide_bytes_append_format(&bytes, "%0*d", size, 0);
        tide_bytes_append_text(&bytes, ">");
        const size_t digits = size == 0 ? 1 : (size_t)size;
        assert_false(bytes.failed);
        assert_int_equal(bytes.size, digits + 2);
        const char *text = strchr(tide_bytes_terminated(&bytes), '<');
        assert_non_null(text);
        assert_int_equal(strspn(text + 1, "0"), digits);
        assert_int_equal(bytes.data[bytes.size - 1], '>');
        tide_bytes_release(&bytes);
    }
}

static void append_by_way(struct tide_bytes *bytes, int way)
{
    switch (way) {
    case 0:
        tide_bytes_append_byte(bytes, 'x');
        break;
    case 1:
        tide_bytes_append_text(bytes, "x");
        break;
    case 2:
        tide_bytes_append_format(bytes, "%c", 'x');
        break;
    default:
        tide_bytes_reserve(bytes, 1);
        break;
    }
}

static void test_maximum_is_sticky(void **state)
{
    (void)state;
    for (size_t size_max = 1; size_max < 200; size_max += 7) {
        for (int way = 0; way < 4; way++) {
            struct tide_bytes bytes;
            tide_bytes_init(&bytes, size_max);
            for (size_t i = 0; i < size_max; i++) {
                tide_bytes_append_byte(&bytes, 'a');
            }
            assert_false(bytes.failed);
            assert_int_equal(strlen(tide_bytes_terminated(&bytes)), size_max);
            append_by_way(&bytes, way);
            assert_true(bytes.failed);
            assert_int_equal(bytes.size, size_max);
            assert_false(tide_bytes_reserve(&bytes, 0));
            assert_string_equal(tide_bytes_terminated(&bytes), "");
            tide_bytes_reset(&bytes);
            tide_bytes_append_byte(&bytes, 'b');
            assert_string_equal(tide_bytes_terminated(&bytes), "b");
            tide_bytes_release(&bytes);
        }
    }
}

static void test_out_of_memory_keeps_the_contents(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct tide_bytes bytes = {0};
        tide_bytes_append_text(&bytes, "kept");
        while (bytes.size < bytes.capacity) {
            tide_bytes_append_byte(&bytes, '.');
        }
        const size_t size = bytes.size;
        realloc_fails = true;
        append_by_way(&bytes, way);
        realloc_fails = false;
        assert_true(bytes.failed);
        assert_int_equal(bytes.size, size);
        assert_memory_equal(bytes.data, "kept....", 8);
        tide_bytes_append_text(&bytes, "later");
        assert_int_equal(bytes.size, size);
        tide_bytes_release(&bytes);
    }
    struct tide_bytes bytes = {0};
    assert_false(tide_bytes_reserve(&bytes, SIZE_MAX));
    assert_true(bytes.failed);
    tide_bytes_release(&bytes);
}

static void test_little_endian(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    tide_bytes_append_byte(&bytes, '!'); /* what follows is not aligned */
    tide_bytes_append_u16(&bytes, 0xfe01);
    tide_bytes_append_u32(&bytes, 0xfd030201);
    tide_bytes_append_u64(&bytes, UINT64_C(0xfc07060504030201));
    static const unsigned char expected[] = {
        '!', 0x01, 0xfe, 0x01, 0x02, 0x03, 0xfd, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xfc};
    assert_int_equal(bytes.size, sizeof(expected));
    assert_memory_equal(bytes.data, expected, sizeof(expected));
    assert_int_equal(tide_load_u16(bytes.data + 1), 0xfe01);
    assert_int_equal(tide_load_u32(bytes.data + 3), 0xfd030201);
    assert_int_equal(tide_load_u64(bytes.data + 7), UINT64_C(0xfc07060504030201));
    tide_bytes_release(&bytes);
}

/* Every size up to more than it compares by words, and every byte that differs. */
static void test_equal(void **state)
{
    enum {
        SIZE_MAX_TRIED = 80
    };
    char a[SIZE_MAX_TRIED];
    char b[SIZE_MAX_TRIED];
    (void)state;
    for (size_t i = 0; i < sizeof(a); i++) {
        a[i] = b[i] = (char)(i * 37);
    }
    for (size_t size = 0; size <= sizeof(a); size++) {
        assert_true(tide_bytes_equal(a, b, size));
        for (size_t i = 0; i < sizeof(a); i++) {
            b[i] ^= 0x10;
            assert_int_equal(tide_bytes_equal(a, b, size), i >= size);
            b[i] ^= 0x10;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_view_compare),
        cmocka_unit_test(test_view_parts),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_format_at_every_size),
        cmocka_unit_test(test_maximum_is_sticky),
        cmocka_unit_test(test_out_of_memory_keeps_the_contents),
        cmocka_unit_test(test_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
