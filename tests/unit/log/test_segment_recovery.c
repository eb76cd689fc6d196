/* Goal: recovery tells a torn tail from corruption, and never reads damage as data.
 * Method: bits of every file of a log are flipped, one at a time: a log that was closed in order
 * must refuse or not care; one that was killed may also drop its last unit, and must count it.
 * Files are cut at every length and removed, and frames are moved or come from another history.
 * Crashes in recovery itself are in test_segment.c. */
#include "log/segment_recovery.h"

#include "base/io_sim.h"
#include "log/segment.h"
#include "support/log_model.h"

#include <stdlib.h>

enum {
    PARTITIONS = 3,
    FILES_MAX = 32,
    SIZE_MAX_READ = 1 << 20
};

static struct model model;
static struct tide_io_sim *sim;
static uint64_t segment_bytes = 700;
static uint32_t last_unit; /* the first append of the last sync */

static struct tide_io io(void)
{
    return tide_io_sim_io(sim);
}

static enum tide_status try_open(struct tide_log *log, struct tide_error *error)
{
    struct tide_segment_log_options options = tide_segment_log_options_default();
    options.io = io();
    options.directory = "log";
    options.partition_count = PARTITIONS;
    options.segment_bytes = segment_bytes;
    return tide_segment_log_open(&options, log, error);
}

static void close_log(struct tide_log *log)
{
    if (log->self != NULL) {
        log->operations->close(log->self);
    }
    *log = (struct tide_log){0};
}

/* Two lives, three segments or more; the second is closed in order or killed. */
static void build(bool is_closed)
{
    struct tide_log log = {0};
    model = (struct model){.partition_count = PARTITIONS};
    sim = tide_io_sim_create(42);
    assert_non_null(sim);
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(try_open(&log, NULL), TIDE_OK);
        for (uint32_t i = 0; i < 5; i++) {
            last_unit = model.count;
            assert_int_equal(model_append(&model, log), TIDE_OK);
            assert_int_equal(model_append(&model, log), TIDE_OK);
            assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
        }
        if (life == 1 && !is_closed) {
            tide_io_sim_kill(sim);
        }
        close_log(&log);
    }
}

static void destroy(void)
{
    tide_io_sim_destroy(sim);
    sim = NULL;
}

struct names {
    char paths[FILES_MAX][64];
    size_t sizes[FILES_MAX];
    size_t count;
};

static void visit(void *context, const char *name, bool is_directory)
{
    struct names *names = context;
    assert_false(is_directory);
    assert_true(names->count < FILES_MAX);
    snprintf(names->paths[names->count++], sizeof(names->paths[0]), "log/%s", name);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void read_file(const char *path, struct tide_bytes *bytes)
{
    tide_bytes_reset(bytes);
    assert_int_equal(tide_io_read_file(io(), path, bytes, SIZE_MAX_READ, NULL), TIDE_OK);
}

/* All segment files, oldest first, with their sizes. */
static struct names list(void)
{
    struct names names = {0};
    struct tide_bytes bytes = {0};
    assert_int_equal(io().operations->list(io().self, "log", visit, &names, NULL), TIDE_OK);
    qsort(names.paths, names.count, sizeof(names.paths[0]), compare_paths);
    for (size_t i = 0; i < names.count; i++) {
        read_file(names.paths[i], &bytes);
        names.sizes[i] = bytes.size;
    }
    tide_bytes_release(&bytes);
    return names;
}

/* fault_S9: no bit may be silent. step 1: every bit; 9: one of each byte, each time another. */
static void flip_bits(bool is_closed, uint64_t step)
{
    build(is_closed);
    struct names names = list();
    uint32_t refused_count = 0;
    uint32_t dropped_count = 0;
    assert_true(names.count >= 3);
    for (size_t file = 0; file < names.count; file++) {
        for (uint64_t bit = 0; bit < names.sizes[file] * 8; bit += step) {
            struct tide_log log = {0};
            struct tide_error error = {0};
            assert_true(tide_io_sim_flip(sim, names.paths[file], bit));
            enum tide_status status = try_open(&log, &error);
            if (status == TIDE_FATAL) {
                /* Refusing touches nothing, so the bit can be put back. */
                assert_true(strlen(error.text) > 0);
                assert_true(tide_io_sim_flip(sim, names.paths[file], bit));
                refused_count++;
                continue;
            }
            assert_int_equal(status, TIDE_OK);
            uint32_t lost = model_check(&model, log, is_closed ? UINT32_MAX : last_unit);
            if (lost > 0) {
                assert_true(tide_segment_log_facts(&log).torn_bytes > 0);
                dropped_count++;
            }
            close_log(&log);
            destroy();
            build(is_closed);
        }
    }
    assert_true(refused_count > 10000 / step);
    assert_true(is_closed ? dropped_count == 0 : dropped_count > 500 / step);
    destroy();
}

static void test_flip_every_bit_of_a_closed_log(void **state)
{
    (void)state;
    flip_bits(true, 1);
}

static void test_flip_every_byte_of_a_killed_log(void **state)
{
    (void)state;
    flip_bits(false, 9);
}

static void rewrite(const char *path, const void *data, size_t size)
{
    struct tide_file file = {0};
    assert_int_equal(io().operations->open(io().self, path, TIDE_IO_WRITE, &file, NULL), TIDE_OK);
    assert_int_equal(io().operations->truncate(io().self, file, 0, NULL), TIDE_OK);
    assert_int_equal(io().operations->write(io().self, file, 0, data, size, NULL), TIDE_OK);
    assert_int_equal(io().operations->sync(io().self, file, NULL), TIDE_OK);
    io().operations->close(io().self, &file);
}

/* fault_S10: a file that became shorter. */
static void test_cut_at_every_length(void **state)
{
    (void)state;
    build(true);
    struct names names = list();
    for (size_t file = 0; file < names.count; file++) {
        struct tide_bytes bytes = {0};
        read_file(names.paths[file], &bytes);
        for (size_t size = 0; size < bytes.size; size += 8) {
            struct tide_log log = {0};
            rewrite(names.paths[file], bytes.data, size);
            enum tide_status status = try_open(&log, NULL);
            bool is_newest = file + 1 == names.count;
            if (status == TIDE_OK) {
                /* Older segments: only what is dead may go. The newest may lose the seal and then,
                 * with it, what only the seal vouched for: the last unit. */
                model_check(&model, log, is_newest ? last_unit : UINT32_MAX);
                close_log(&log);
                destroy();
                build(true);
            } else {
                assert_int_equal(status, TIDE_FATAL);
                rewrite(names.paths[file], bytes.data, bytes.size);
            }
        }
        tide_bytes_release(&bytes);
    }
    destroy();
}

/* fault_S10: each file but the newest is missed; what the newest held is known to who reads it. */
static void test_missing_file(void **state)
{
    (void)state;
    build(true);
    struct names names = list();
    for (size_t file = 0; file + 1 < names.count; file++) {
        struct tide_bytes bytes = {0};
        struct tide_log log = {0};
        read_file(names.paths[file], &bytes);
        assert_int_equal(io().operations->remove(io().self, names.paths[file], NULL), TIDE_OK);
        assert_int_equal(try_open(&log, NULL), TIDE_FATAL);
        struct tide_view content = {bytes.data, bytes.size};
        assert_int_equal(tide_io_create_file(io(), names.paths[file], content, NULL), TIDE_OK);
        tide_bytes_release(&bytes);
    }
    struct tide_log log = {0};
    assert_int_equal(try_open(&log, NULL), TIDE_OK);
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    destroy();
}

/* Other files, and what a crash leaves, do not disturb. */
static void test_stray_files(void **state)
{
    (void)state;
    static const char *const strays[] = {
        "log/segment.tmp",
        "log/notes.txt",
        "log/1.segment",
        "log/0000000000000000000x.segment",
        "log/00000000000000000000.segment",
        "log/99999999999999999999.segment",
    };
    build(true);
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        struct tide_log log = {0};
        assert_int_equal(tide_io_create_file(io(), strays[i], TIDE_VIEW("TideSegm?"), NULL),
                         TIDE_OK);
        assert_int_equal(try_open(&log, NULL), TIDE_OK);
        model_check(&model, log, UINT32_MAX);
        close_log(&log);
    }
    destroy();
}

/* Whole frames of this segment at wrong places: the first is cut out, the others move up. */
static void test_moved_frames(void **state)
{
    (void)state;
    build(false);
    struct names names = list();
    const char *path = names.paths[names.count - 1];
    struct tide_bytes bytes = {0};
    read_file(path, &bytes);
    size_t first = TIDE_SEGMENT_HEADER_SIZE;
    struct tide_frame_header header;
    assert_true(tide_frame_header_load((uint8_t *)bytes.data + first, &header));
    size_t size = tide_frame_size(header.payload_size);
    assert_true(first + size < bytes.size);
    char *moved = malloc(bytes.size);
    assert_non_null(moved);
    memcpy(moved, bytes.data, first);
    memcpy(moved + first, bytes.data + first + size, bytes.size - first - size);
    rewrite(path, moved, bytes.size - size);
    struct tide_log log = {0};
    enum tide_status status = try_open(&log, NULL);
    if (status == TIDE_OK) {
        assert_true(tide_segment_log_facts(&log).torn_bytes > 0);
        model_check(&model, log, last_unit);
        close_log(&log);
    } else {
        assert_int_equal(status, TIDE_FATAL);
    }
    free(moved);
    tide_bytes_release(&bytes);
    destroy();
}

/* What recovery copied is known to be synced by the header alone, without a frame behind it. */
static void test_flip_every_bit_of_a_copied_tail(void **state)
{
    (void)state;
    struct tide_log log = {0};
    build(false);
    assert_int_equal(try_open(&log, NULL), TIDE_OK);
    tide_io_sim_kill(sim);
    close_log(&log);
    struct names names = list();
    const char *path = names.paths[names.count - 1];
    assert_true(names.sizes[names.count - 1] > 2 * TIDE_SEGMENT_HEADER_SIZE);
    for (uint64_t bit = 0; bit < names.sizes[names.count - 1] * 8; bit++) {
        struct tide_error error = {0};
        assert_true(tide_io_sim_flip(sim, path, bit));
        assert_int_equal(try_open(&log, &error), TIDE_FATAL);
        assert_true(strlen(error.text) > 0);
        assert_true(tide_io_sim_flip(sim, path, bit));
    }
    assert_int_equal(try_open(&log, NULL), TIDE_OK);
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    destroy();
}

/* The copy of a tail is gone and the original is still there, uncut: it looks whole, but what was
 * written later is chained to the copy. */
static void test_copied_tail_taken_away(void **state)
{
    (void)state;
    struct tide_log log = {0};
    struct tide_bytes original = {0};
    segment_bytes = 1 << 20; /* so that only the end of the newest segment is tail */
    build(false);
    struct names before = list();
    const char *original_path = before.paths[before.count - 1];
    read_file(original_path, &original);
    for (uint32_t life = 0; life < 2; life++) {
        assert_int_equal(try_open(&log, NULL), TIDE_OK);
        tide_io_sim_kill(sim);
        close_log(&log);
    }
    struct names after = list();
    assert_int_equal(after.count, before.count + 2);
    rewrite(original_path, original.data, original.size);
    assert_int_equal(try_open(&log, NULL), TIDE_OK); /* dead bytes do not disturb */
    close_log(&log);
    assert_int_equal(io().operations->remove(io().self, after.paths[before.count], NULL), TIDE_OK);
    rewrite(original_path, original.data, original.size);
    assert_int_equal(try_open(&log, NULL), TIDE_FATAL);
    tide_bytes_release(&original);
    segment_bytes = 700;
    destroy();
}

/* Two frames at their right places with right checksums; the second is of another history. */
static void test_frames_of_another_history(void **state)
{
    (void)state;
    static const struct {
        uint64_t salt;
        uint64_t base_offset;
        uint32_t crc_change;
        uint32_t partition;
        uint64_t expected_end;
    } cases[] = {
        {9, 1, 0, 0, 2}, /* none of it: both are read */
        {8, 1, 0, 0, 1}, /* left in the file by an older segment */
        {9, 1, 1, 0, 1}, /* behind another frame than this one */
        {9, 2, 0, 0, 1}, /* a record is missing before it */
        {9, 0, 0, 0, 1}, /* the same record once more */
        {9, 0, 0, PARTITIONS, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[512] = {0};
        struct tide_segment_header segment = {
            .partition_count = PARTITIONS, .salt = 9, .number = 1};
        struct tide_log_record record = {.text = TIDE_VIEW("{}")};
        struct tide_log_batch batch = {.records = &record, .record_count = 1};
        struct tide_frame_stamp stamp = {.salt = 9};
        size_t size = 0;
        sim = tide_io_sim_create(5);
        assert_non_null(sim);
        assert_int_equal(tide_frame_batch_size(&batch, &size, NULL), TIDE_OK);
        assert_true(TIDE_SEGMENT_HEADER_SIZE + 2 * size <= sizeof(bytes));
        uint8_t *first = bytes + TIDE_SEGMENT_HEADER_SIZE;
        tide_segment_header_store(&segment, bytes);
        tide_frame_batch_encode(&batch, first);
        uint32_t crc = tide_frame_stamp(first, &stamp);
        batch.partition = cases[i].partition;
        stamp = (struct tide_frame_stamp){.salt = cases[i].salt,
                                          .position = size,
                                          .base_offset = cases[i].base_offset,
                                          .previous_crc = crc ^ cases[i].crc_change};
        tide_frame_batch_encode(&batch, first + size);
        (void)tide_frame_stamp(first + size, &stamp);
        struct tide_view content = {(const char *)bytes, TIDE_SEGMENT_HEADER_SIZE + 2 * size};
        assert_int_equal(io().operations->make_directory(io().self, "log", NULL), TIDE_OK);
        assert_int_equal(
            tide_io_create_file(io(), "log/00000000000000000001.segment", content, NULL), TIDE_OK);
        struct tide_log log = {0};
        assert_int_equal(try_open(&log, NULL), TIDE_OK);
        assert_int_equal(log.operations->end(log.self, 0), cases[i].expected_end);
        assert_int_equal(tide_segment_log_facts(&log).torn_bytes,
                         (2 - cases[i].expected_end) * size);
        close_log(&log);
        destroy();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flip_every_bit_of_a_closed_log),
        cmocka_unit_test(test_flip_every_byte_of_a_killed_log),
        cmocka_unit_test(test_cut_at_every_length),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_stray_files),
        cmocka_unit_test(test_moved_frames),
        cmocka_unit_test(test_flip_every_bit_of_a_copied_tail),
        cmocka_unit_test(test_copied_tail_taken_away),
        cmocka_unit_test(test_frames_of_another_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
