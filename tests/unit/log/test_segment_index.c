/* Goal: the index finds the entry of every offset and refuses to grow past its maximum.
 * Method: entries of changing sizes beside a plain search; one reserve beyond the maximum. */
#include "log/segment_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_find_every_offset(void **state)
{
    (void)state;
    struct tide_segment_index index = {0};
    assert_int_equal(tide_segment_index_find(&index, 0), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        struct tide_segment_entry entry = {
            .first_offset = index.end, .position = i * 96, .size = 96, .record_count = 1 + i % 5};
        assert_int_equal(tide_segment_index_reserve(&index, 1, NULL), TIDE_OK);
        tide_segment_index_add(&index, entry);
    }
    size_t expected = 0;
    for (uint64_t offset = 0; offset < index.end; offset++) {
        const struct tide_segment_entry *entry = &index.entries[expected];
        if (offset == entry->first_offset + entry->record_count) {
            expected++;
        }
        assert_int_equal(tide_segment_index_find(&index, offset), expected);
    }
    assert_int_equal(expected, 999);
    assert_int_equal(tide_segment_index_find(&index, index.end), 1000);
    assert_int_equal(tide_segment_index_find(&index, UINT64_MAX), 1000);
    tide_segment_index_release(&index);
    assert_null(index.entries);
}

static void test_maximum(void **state)
{
    (void)state;
    struct tide_segment_index index = {0};
    struct tide_error error = {0};
    size_t too_many = (size_t)TIDE_SEGMENT_INDEX_ENTRIES_MAX + 1;
    assert_int_equal(tide_segment_index_reserve(&index, too_many, &error), TIDE_RETRY);
    assert_string_equal(error.text, "a partition has 0 frames, the maximum is 67108864");
    assert_int_equal(index.capacity, 0);
    assert_int_equal(tide_segment_index_reserve(&index, 65, NULL), TIDE_OK);
    assert_int_equal(index.capacity, 128);
    tide_segment_index_release(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_every_offset),
        cmocka_unit_test(test_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
