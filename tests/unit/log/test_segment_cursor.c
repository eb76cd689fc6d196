/* Goal: a cursor follows the log over segments and restarts, and never hands out damaged records.
 * Method: one cursor beside the writer on the simulated disk; then a bit flipped under an open log,
 * a file taken away, and faults in its own operations. */
#include "log/segment.h"

#include "base/io_sim.h"
#include "support/log_model.h"

static struct model model;
static struct tide_io_sim *sim;

static struct tide_log open_log(void)
{
    struct tide_segment_log_options options = tide_segment_log_options_default();
    struct tide_log log = {0};
    options.io = tide_io_sim_io(sim);
    options.directory = "log";
    options.partition_count = 1;
    options.segment_bytes = 600;
    assert_int_equal(tide_segment_log_open(&options, &log, NULL), TIDE_OK);
    return log;
}

static struct tide_log begin(void)
{
    model = (struct model){.partition_count = 1};
    sim = tide_io_sim_create(3);
    assert_non_null(sim);
    return open_log();
}

static void end(struct tide_log log)
{
    log.operations->close(log.self);
    tide_io_sim_destroy(sim);
}

static struct tide_log_cursor *cursor_at(struct tide_log log, uint64_t offset)
{
    struct tide_log_cursor *cursor = NULL;
    assert_int_equal(log.operations->cursor_open(log.self, 0, offset, &cursor, NULL), TIDE_OK);
    return cursor;
}

static void test_follows_the_writer(void **state)
{
    (void)state;
    struct tide_log log = begin();
    struct tide_log_cursor *cursor = cursor_at(log, 0);
    struct tide_log_frame frame;
    uint64_t offset = 0;
    uint64_t order = 0;
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_AGAIN);
        assert_int_equal(model_append(&model, log), TIDE_OK);
        assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_AGAIN);
        assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
        while (log.operations->read(cursor, &frame, NULL) == TIDE_OK) {
            assert_int_equal(frame.first_offset, offset);
            model_expect_frame(&model, &frame, &order);
            offset += frame.record_count;
        }
        assert_int_equal(offset, log.operations->end(log.self, 0));
    }
    assert_true(tide_segment_log_facts(&log).segment_count > 5);
    log.operations->cursor_close(cursor);
    end(log);
}

/* fault_S8 fault_S9: the disk changes its mind after recovery. */
static void test_damage_after_open_is_fatal(void **state)
{
    (void)state;
    struct tide_log log = begin();
    struct tide_log_frame frame;
    assert_int_equal(model_append(&model, log), TIDE_OK);
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
    size_t frame_end = (size_t)tide_segment_log_facts(&log).stream_bytes;
    for (uint64_t bit = 80 * 8; bit < (80 + frame_end) * 8; bit++) {
        struct tide_error error = {0};
        struct tide_log_cursor *cursor = cursor_at(log, 0);
        enum tide_status status = TIDE_OK;
        assert_true(tide_io_sim_flip(sim, "log/00000000000000000001.segment", bit));
        while (status == TIDE_OK) {
            status = log.operations->read(cursor, &frame, &error);
        }
        assert_int_equal(status, TIDE_FATAL);
        assert_non_null(strstr(error.text, "partition 0, offsets "));
        assert_true(tide_io_sim_flip(sim, "log/00000000000000000001.segment", bit));
        log.operations->cursor_close(cursor);
    }
    model_check(&model, log, UINT32_MAX);
    end(log);
}

static void test_missing_file_is_fatal(void **state)
{
    (void)state;
    struct tide_log log = begin();
    struct tide_log_frame frame;
    struct tide_io io = tide_io_sim_io(sim);
    assert_int_equal(model_append(&model, log), TIDE_OK);
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
    const char *path = "log/00000000000000000001.segment";
    assert_int_equal(io.operations->remove(io.self, path, NULL), TIDE_OK);
    struct tide_log_cursor *cursor = cursor_at(log, 0);
    assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_FATAL);
    log.operations->cursor_close(cursor);
    end(log);
}

/* A failed read consumes nothing: the cursor stands where it stood. */
static void test_failed_read_keeps_the_place(void **state)
{
    (void)state;
    struct tide_log log = begin();
    struct tide_log_frame frame;
    assert_int_equal(model_append(&model, log), TIDE_OK);
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
    const char *path = "log/00000000000000000001.segment";
    struct tide_log_cursor *cursor = cursor_at(log, 0);
    assert_true(tide_io_sim_flip(sim, path, 81 * 8));
    assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_FATAL);
    assert_true(tide_io_sim_flip(sim, path, 81 * 8));
    assert_int_equal(log.operations->read(cursor, &frame, NULL), TIDE_OK);
    assert_int_equal(frame.first_offset, 0);
    log.operations->cursor_close(cursor);
    log.operations->cursor_close(NULL);
    end(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_writer),
        cmocka_unit_test(test_damage_after_open_is_fatal),
        cmocka_unit_test(test_missing_file_is_fatal),
        cmocka_unit_test(test_failed_read_keeps_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
