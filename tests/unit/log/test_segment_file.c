/* Goal: a segment has its name only when all of it is durable, whatever fails on the way.
 * Method: create one segment on the simulated disk with each fault at each operation, in many
 * seeds; then cut the power and look at what has the name. */
#include "log/segment_file.h"

#include "base/io_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct tide_segment_header example = {
    .partition_count = 4, .salt = 99, .number = 12, .base_position = 8, .synced_upto = 16};
static const char path[] = "log/00000000000000000012.segment";

static void *prepare(struct tide_io io)
{
    assert_int_equal(io.operations->make_directory(io.self, "log", NULL), TIDE_OK);
    return io.self;
}

static enum tide_status create(struct tide_io io)
{
    struct tide_file file = {0};
    enum tide_status status = tide_segment_file_begin(io, "log", &example, &file, NULL);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 80, "12345678", 8, NULL);
        if (status != TIDE_OK) {
            tide_segment_file_abandon(io, "log", &file);
            return status;
        }
        status = tide_segment_file_commit(io, "log", example.number, &file, NULL);
    }
    if (status == TIDE_OK) {
        io.operations->close(io.self, &file);
    }
    assert_int_equal(file.handle, 0);
    return status;
}

/* Whether the segment has its name; if so, that it is whole. */
static bool is_there(struct tide_io io)
{
    struct tide_bytes bytes = {0};
    struct tide_segment_header header;
    enum tide_status status = tide_io_read_file(io, path, &bytes, 4096, NULL);
    if (status == TIDE_OK) {
        assert_int_equal(bytes.size, 88);
        assert_int_equal(tide_segment_header_load((const uint8_t *)bytes.data, &header, NULL),
                         TIDE_OK);
        assert_int_equal(header.number, example.number);
        assert_memory_equal(bytes.data + 80, "12345678", 8);
    }
    tide_bytes_release(&bytes);
    return status == TIDE_OK;
}

static void test_every_fault_at_every_operation(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {
        TIDE_IO_SIM_FAULT_CRASH, TIDE_IO_SIM_FAULT_NO_SPACE, TIDE_IO_SIM_FAULT_SYNC_FAILS};
    uint32_t failed_count = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
            for (uint64_t at = 1; at < 10; at++) {
                struct tide_io_sim *sim = tide_io_sim_create(seed * 100 + at);
                struct tide_io io = tide_io_sim_io(sim);
                prepare(io);
                tide_io_sim_arm(sim, faults[i], at);
                enum tide_status status = create(io);
                bool is_crashed = tide_io_sim_crashed(sim);
                failed_count += status != TIDE_OK;
                if (status != TIDE_OK && !is_crashed) {
                    assert_false(is_there(io)); /* nobody may trust it */
                }
                if (status == TIDE_RETRY) {
                    assert_int_equal(create(io), TIDE_OK); /* nothing was left in the way */
                    status = TIDE_OK;
                }
                tide_io_sim_restart(sim);
                assert_true(is_there(io) || status != TIDE_OK);
                tide_io_sim_destroy(sim);
            }
        }
    }
    assert_true(failed_count > 40 * 10);
}

static void test_list_sorts_and_ignores(void **state)
{
    (void)state;
    static const char *const names[] = {"log/00000000000000000100.segment",
                                        "log/00000000000000000009.segment",
                                        "log/00000000000000000000.segment",
                                        "log/18446744073709551615.segment",
                                        "log/18446744073709551616.segment",
                                        "log/0000000000000000001.segment",
                                        "log/000000000000000000001.segment",
                                        "log/00000000000000000007.segments",
                                        "log/+0000000000000000007.segment",
                                        "log/segment.tmp",
                                        "log/00000000000000000010.segment"};
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_segment_numbers numbers = {0};
    prepare(io);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(tide_io_create_file(io, names[i], TIDE_VIEW("x"), NULL), TIDE_OK);
    }
    assert_int_equal(tide_segment_file_list(io, "log", &numbers, NULL), TIDE_OK);
    assert_int_equal(numbers.count, 3);
    assert_int_equal(numbers.items[0], 9);
    assert_int_equal(numbers.items[1], 10);
    assert_int_equal(numbers.items[2], 100);
    tide_segment_numbers_release(&numbers);
    tide_io_sim_destroy(sim);
}

static void test_read_is_exact(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_file file = {0};
    struct tide_bytes bytes = {0};
    struct tide_error error = {0};
    prepare(io);
    assert_int_equal(tide_io_create_file(io, "log/x", TIDE_VIEW("0123456789"), NULL), TIDE_OK);
    assert_int_equal(io.operations->open(io.self, "log/x", TIDE_IO_READ, &file, NULL), TIDE_OK);
    assert_int_equal(tide_segment_file_read(io, file, 3, &bytes, 7, &error), TIDE_OK);
    assert_memory_equal(bytes.data, "3456789", 7);
    assert_int_equal(tide_segment_file_read(io, file, 3, &bytes, 8, &error), TIDE_FATAL);
    assert_string_equal(error.text, "the file ends at byte 10, before 11");
    io.operations->close(io.self, &file);
    tide_bytes_release(&bytes);
    tide_io_sim_destroy(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_at_every_operation),
        cmocka_unit_test(test_list_sorts_and_ignores),
        cmocka_unit_test(test_read_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
