/* Goal: positions are found in the right segment; options outside their limits are refused.
 * Method: a few segments of different lengths, every position; a table of bad options. */
#include "log/segment_stream.h"

#include "base/io_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_find_segment(void **state)
{
    (void)state;
    static const struct tide_segment segments[] = {{1, 0, 7}, {2, 96, 8}, {5, 104, 9}};
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_segment_stream stream;
    assert_int_equal(tide_segment_stream_init(&stream, tide_io_sim_io(sim), "log", 2, NULL),
                     TIDE_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tide_segment_stream_reserve(&stream, NULL), TIDE_OK);
        tide_segment_stream_add(&stream, segments[i]);
    }
    for (uint64_t position = 0; position < 300; position++) {
        uint64_t expected = position < 96 ? 1 : position < 104 ? 2 : 5;
        struct tide_segment found = tide_segment_stream_find(&stream, position);
        assert_int_equal(found.number, expected);
        assert_int_equal(tide_segment_file_offset(&found, position),
                         80 + position - found.base_position);
    }
    stream.last_crc = 3;
    struct tide_segment_header next = tide_segment_stream_next(&stream, 6, 200);
    assert_int_equal(next.number, 6);
    assert_int_equal(next.base_position, 200);
    assert_int_equal(next.previous_crc, 3);
    assert_int_not_equal(next.salt, tide_segment_stream_next(&stream, 6, 200).salt);
    tide_segment_stream_release(&stream);
    tide_io_sim_destroy(sim);
}

static void test_options_outside_limits(void **state)
{
    (void)state;
    static char long_path[TIDE_SEGMENT_LOG_ID_SIZE + 5000];
    memset(long_path, 'x', sizeof(long_path) - 1);
    const struct {
        const char *directory;
        uint32_t partition_count;
    } cases[] = {{"log", 0}, {"log", TIDE_LOG_PARTITIONS_MAX + 1}, {"", 1}, {long_path, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_segment_stream stream;
        struct tide_error error = {0};
        assert_int_equal(
            tide_segment_stream_init(
                &stream, (struct tide_io){0}, cases[i].directory, cases[i].partition_count, &error),
            TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        tide_segment_stream_release(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_segment),
        cmocka_unit_test(test_options_outside_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
