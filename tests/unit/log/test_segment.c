/* Goal: the segment log loses nothing it acknowledged and shows nothing it did not take, whatever
 * the disk does at any operation, and its format never changes unnoticed.
 * Method: a workload on the simulated disk beside a model of what each append was told. The crash,
 * the full disk and the failing sync strike at every operation of the workload in turn; after each
 * the log is opened again and read as a whole. Crashes also strike twice during the recoveries that
 * follow. A golden file pins the bytes (`test_log_segment --update` rewrites it). */
#include "log/segment.h"

#include "base/io_sim.h"
#include "support/log_model.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    PARTITIONS = 3,
    ROUNDS = 10,
    SEEDS = 24
};

static struct model model;
static struct tide_io_sim *sim;
static bool is_update;
static uint64_t crash_count;

static struct tide_segment_log_options options(void)
{
    struct tide_segment_log_options made = tide_segment_log_options_default();
    made.io = tide_io_sim_io(sim);
    made.directory = "data/log";
    made.partition_count = PARTITIONS;
    made.segment_bytes = 1500;
    return made;
}

static enum tide_status try_open(struct tide_log *log, struct tide_error *error)
{
    struct tide_segment_log_options made = options();
    return tide_segment_log_open(&made, log, error);
}

static struct tide_log must_open(void)
{
    struct tide_log log = {0};
    struct tide_error error = {0};
    enum tide_status status = try_open(&log, &error);
    if (status != TIDE_OK) {
        fail_msg("open: %s: %s", tide_status_name(status), error.text);
    }
    return log;
}

static void begin(uint64_t seed)
{
    model = (struct model){.partition_count = PARTITIONS};
    sim = tide_io_sim_create(seed);
    assert_non_null(sim);
}

static void end(void)
{
    tide_io_sim_destroy(sim);
    sim = NULL;
}

static enum tide_status sync_log(struct tide_log log)
{
    return log.operations->sync(log.self, NULL);
}

static void close_log(struct tide_log *log)
{
    if (log->self != NULL) {
        log->operations->close(log->self);
    }
    *log = (struct tide_log){0};
}

/* Rounds of one to three appends and a sync, until something fails. */
static enum tide_status work(struct tide_log log, uint32_t rounds)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t round = 0; status == TIDE_OK && round < rounds; round++) {
        for (uint32_t i = 0; status == TIDE_OK && i <= round % 3; i++) {
            status = model_append(&model, log);
        }
        status = status == TIDE_OK ? sync_log(log) : status;
    }
    return status;
}

/* ---- without faults ---- */

static void test_contract(void **state)
{
    (void)state;
    begin(1);
    struct tide_log log = must_open();
    model_contract(&model, log);
    close_log(&log);
    log = must_open();
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    end();
}

static void test_restarts_and_facts(void **state)
{
    (void)state;
    begin(2);
    uint64_t stream_bytes = 0;
    for (uint32_t life = 0; life < 6; life++) {
        struct tide_log log = must_open();
        struct tide_segment_log_facts facts = tide_segment_log_facts(&log);
        assert_int_equal(facts.stream_bytes, stream_bytes);
        assert_int_equal(facts.torn_bytes, 0);
        assert_int_equal(facts.sync_count, 0);
        model_check(&model, log, UINT32_MAX);
        assert_int_equal(work(log, ROUNDS), TIDE_OK);
        model_check(&model, log, UINT32_MAX);
        facts = tide_segment_log_facts(&log);
        assert_int_equal(facts.sync_count, ROUNDS);
        assert_true(facts.stream_bytes > stream_bytes);
        assert_true(facts.segment_count > (life + 1) * 2);
        stream_bytes = facts.stream_bytes;
        close_log(&log);
        tide_io_sim_restart(sim);
    }
    end();
}

static void count_name(void *context, const char *name, bool is_directory)
{
    (void)name;
    (void)is_directory;
    *(uint32_t *)context += 1;
}

/* Restarts alone do not fill the disk: fault_P8. */
static void test_restarts_leave_no_files(void **state)
{
    (void)state;
    begin(3);
    struct tide_log log = must_open();
    assert_int_equal(work(log, 2), TIDE_OK);
    close_log(&log);
    uint32_t first_count = 0;
    for (uint32_t life = 0; life < 30; life++) {
        log = must_open();
        model_check(&model, log, UINT32_MAX);
        if (life % 2 == 0) {
            close_log(&log);
        }
        tide_io_sim_kill(sim);
        close_log(&log);
        uint32_t count = 0;
        struct tide_io io = tide_io_sim_io(sim);
        assert_int_equal(io.operations->list(io.self, "data/log", count_name, &count, NULL),
                         TIDE_OK);
        first_count = life == 2 ? count : first_count;
        assert_true(life <= 2 || count == first_count);
    }
    end();
}

static void test_other_partition_count_is_refused(void **state)
{
    (void)state;
    begin(4);
    struct tide_log log = must_open();
    assert_int_equal(work(log, 2), TIDE_OK);
    close_log(&log);
    struct tide_segment_log_options made = options();
    struct tide_error error = {0};
    made.partition_count = PARTITIONS + 1;
    assert_int_equal(tide_segment_log_open(&made, &log, &error), TIDE_REJECT);
    assert_string_equal(error.text, "the log has 3 partitions, not 4");
    log = must_open();
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    end();
}

static void test_pending_limit_says_again(void **state)
{
    (void)state;
    begin(5);
    struct tide_segment_log_options made = options();
    struct tide_log log = {0};
    made.pending_bytes_max = 1; /* one append at a time, of any size */
    assert_int_equal(tide_segment_log_open(&made, &log, NULL), TIDE_OK);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(model_append(&model, log), TIDE_OK);
        assert_int_equal(model_append(&model, log), TIDE_AGAIN);
        assert_int_equal(sync_log(log), TIDE_OK);
    }
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    end();
}

static void done_flag(void *context, enum tide_status status, const struct tide_error *error)
{
    (void)error;
    *(enum tide_status *)context = status;
}

/* A batch beyond a frame's limits becomes several frames under one receipt. */
static void test_large_batch_is_split(void **state)
{
    (void)state;
    enum {
        COUNT = 70000
    };
    begin(6);
    struct tide_log log = must_open();
    struct tide_log_record *records = calloc(COUNT, sizeof(*records));
    assert_non_null(records);
    for (size_t i = 0; i < COUNT; i++) {
        records[i].text = TIDE_VIEW("{}");
    }
    enum tide_status status = TIDE_AGAIN;
    struct tide_log_receipt receipt = {0};
    struct tide_log_batch batch = {.partition = 1, .records = records, .record_count = COUNT};
    struct tide_log_append append = {.batches = &batch,
                                     .batch_count = 1,
                                     .receipts = &receipt,
                                     .done = done_flag,
                                     .context = &status};
    assert_int_equal(log.operations->append(log.self, &append, NULL), TIDE_OK);
    assert_int_equal(sync_log(log), TIDE_OK);
    assert_int_equal(status, TIDE_OK);
    assert_int_equal(receipt.first_offset, 0);
    assert_int_equal(receipt.record_count, COUNT);
    assert_int_equal(log.operations->end(log.self, 1), COUNT);
    close_log(&log);
    log = must_open();
    assert_int_equal(log.operations->end(log.self, 1), COUNT);
    close_log(&log);
    free(records);
    end();
}

static void test_close_tells_who_waits(void **state)
{
    (void)state;
    begin(7);
    struct tide_log log = must_open();
    assert_int_equal(model_append(&model, log), TIDE_OK);
    close_log(&log);
    assert_int_equal(model.appends[0].status, TIDE_FATAL);
    log = must_open();
    model_check(&model, log, UINT32_MAX);
    assert_int_equal(log.operations->end(log.self, 0), 0);
    close_log(&log);
    end();
}

/* ---- crashes ---- */

/* One life with a crash armed at an operation; at the end the power goes or the process is killed,
 * also where the crash did not strike. Returns whether it did. */
static bool live(uint64_t crash_at, uint32_t rounds, bool is_power_cut)
{
    struct tide_log log = {0};
    struct tide_error error = {0};
    tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_CRASH, crash_at);
    enum tide_status status = try_open(&log, &error);
    if (status == TIDE_OK) {
        if (!tide_io_sim_crashed(sim)) {
            tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_NONE, 1);
            model_check(&model, log, UINT32_MAX); /* reads are not what is to crash */
            tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_CRASH, crash_at);
        }
        status = work(log, rounds);
    }
    bool is_crashed = tide_io_sim_crashed(sim);
    if (status != TIDE_OK && !is_crashed) {
        fail_msg("without a crash: %s", error.text);
    }
    if (is_power_cut) {
        tide_io_sim_restart(sim);
    } else {
        tide_io_sim_kill(sim);
    }
    close_log(&log); /* its handles are dead: frees memory, touches no file */
    model_end_life(&model);
    crash_count += is_crashed;
    return is_crashed;
}

static void final_check(void)
{
    struct tide_log log = must_open();
    model_check(&model, log, UINT32_MAX);
    assert_int_equal(work(log, 3), TIDE_OK);
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
    tide_io_sim_restart(sim);
    log = must_open();
    model_check(&model, log, UINT32_MAX);
    close_log(&log);
}

/* fault_S2 fault_S3 fault_S4 fault_P3: every operation of a workload, then two recoveries. */
static void test_crash_at_every_operation(void **state)
{
    (void)state;
    crash_count = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bool is_reached = true;
        for (uint64_t at = 1; is_reached; at++) {
            uint64_t mix = model_mix(seed, at, 0);
            begin(seed * 1000 + at);
            is_reached = live(at, ROUNDS, true);
            (void)live(1 + mix % 14, 2, mix % 3 != 0);
            (void)live(1 + (mix >> 8) % 14, 2, mix % 5 != 0);
            final_check();
            end();
        }
    }
    print_message("# %" PRIu64 " crashes\n", crash_count);
    assert_true(crash_count >= 2000);
}

/* The page cache outlives a killed process, the power cut does not spare it: what the next life saw
 * and acted upon must be on the disk before it acts. */
static void test_kill_then_power_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        bool is_reached = true;
        for (uint64_t at = 1; is_reached; at++) {
            begin(seed * 1000 + at);
            is_reached = live(at, ROUNDS, false);
            (void)live(1000, 0, true);
            final_check();
            end();
        }
    }
}

/* A recovery is killed at each of its operations; the power goes at each operation of the next. */
static void test_kill_in_recovery_then_power_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        bool is_killed = true;
        for (uint64_t first = 1; is_killed; first++) {
            bool is_cut = true;
            for (uint64_t second = 1; is_cut; second++) {
                begin(seed * 10000 + first * 100 + second);
                (void)live(1000, 3, false);
                is_killed = live(first, 0, false);
                is_cut = live(second, 0, true);
                final_check();
                end();
            }
        }
    }
}

/* Many lives of random length on one disk, killed and cut in any order. */
static void test_crash_many_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        begin(seed + 77);
        for (uint64_t life = 0; life < 12; life++) {
            uint64_t mix = model_mix(seed, life, 5);
            (void)live(1 + mix % 40, 4, (mix >> 8) % 2 == 0);
        }
        final_check();
        end();
    }
}

/* ---- the full disk ---- */

static enum tide_status open_again(struct tide_log *log)
{
    enum tide_status status = try_open(log, NULL);
    return status == TIDE_RETRY ? try_open(log, NULL) : status;
}

/* fault_S7: one operation finds no space; what waited is told RETRY, and the next append works. */
static void test_no_space_at_every_operation(void **state)
{
    (void)state;
    uint32_t refused_count = 0;
    for (uint64_t at = 1; at < 120; at++) {
        begin(at);
        struct tide_log log = {0};
        tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_NO_SPACE, at);
        assert_int_equal(open_again(&log), TIDE_OK);
        for (uint32_t round = 0; round < 4 * ROUNDS; round++) {
            enum tide_status status = work(log, 1);
            assert_true(status == TIDE_OK || status == TIDE_RETRY);
            refused_count += status == TIDE_RETRY;
        }
        for (uint32_t a = 0; a < model.count; a++) {
            assert_int_equal(model.appends[a].done_count, 1);
        }
        model_check(&model, log, UINT32_MAX);
        tide_io_sim_restart(sim);
        close_log(&log);
        final_check();
        end();
    }
    assert_true(refused_count >= 80);
}

/* Told RETRY means not kept, also when the world ends right after it was told. */
static void test_no_space_then_the_end(void **state)
{
    (void)state;
    uint32_t refused_count = 0;
    for (uint64_t seed = 0; seed < 600; seed++) {
        begin(seed);
        struct tide_log log = must_open();
        tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_NO_SPACE, 1 + seed % 30);
        refused_count += work(log, ROUNDS) == TIDE_RETRY;
        if (seed % 4 == 0) {
            tide_io_sim_kill(sim);
        } else {
            tide_io_sim_restart(sim);
        }
        close_log(&log);
        model_end_life(&model);
        final_check();
        end();
    }
    assert_true(refused_count > 300);
}

/* The disk stays full for a while, at every fill level; it also loses power then. */
static void test_no_space_for_long(void **state)
{
    (void)state;
    for (uint64_t capacity = 64; capacity < 6000; capacity += 151) {
        begin(capacity);
        struct tide_log log = {0};
        tide_io_sim_set_capacity(sim, capacity);
        enum tide_status status = try_open(&log, NULL);
        for (uint32_t i = 0; status == TIDE_OK && i < 30; i++) {
            enum tide_status worked = work(log, 1);
            assert_true(worked == TIDE_OK || worked == TIDE_RETRY);
        }
        if (status == TIDE_OK && capacity % 2 == 0) {
            model_check(&model, log, UINT32_MAX);
            tide_io_sim_set_capacity(sim, 0);
            assert_int_equal(work(log, 3), TIDE_OK);
            model_check(&model, log, UINT32_MAX);
        }
        tide_io_sim_restart(sim);
        close_log(&log);
        model_end_life(&model);
        tide_io_sim_set_capacity(sim, 0);
        final_check();
        end();
    }
}

/* ---- the failing sync ---- */

/* fault_S5: whatever sync fails, nothing is acknowledged after it, and nothing before it is lost,
 * though the kernel forgets the error: the process is killed, the pages are as they are, and only
 * later the power goes. */
static void test_sync_failure_at_every_operation(void **state)
{
    (void)state;
    uint32_t failed_count = 0;
    for (uint64_t at = 1; at < 90; at++) {
        begin(at);
        struct tide_log log = {0};
        tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_SYNC_FAILS, at);
        enum tide_status status = try_open(&log, NULL);
        if (status == TIDE_OK) {
            status = work(log, ROUNDS);
        }
        if (status != TIDE_OK) {
            assert_int_equal(status, TIDE_FATAL);
            failed_count++;
        }
        if (status != TIDE_OK && log.self != NULL) {
            assert_int_equal(model_append(&model, log), TIDE_FATAL);
            assert_int_equal(sync_log(log), TIDE_FATAL);
            for (uint32_t a = 0; a + 1 < model.count; a++) {
                assert_int_equal(model.appends[a].done_count, 1);
            }
        }
        tide_io_sim_kill(sim);
        close_log(&log);
        model_end_life(&model);
        log = must_open();
        model_check(&model, log, UINT32_MAX);
        assert_int_equal(work(log, 2), TIDE_OK);
        tide_io_sim_restart(sim);
        close_log(&log);
        final_check();
        end();
    }
    assert_true(failed_count >= 50);
}

/* ---- golden ---- */

/* The simulated io with random bytes that never change, whatever the simulator does. */
static void fixed_random(void *self, void *buffer, size_t size)
{
    (void)self;
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)buffer)[i] = (unsigned char)(0xa0 + i);
    }
}

static void golden_path(char *path, size_t size)
{
    snprintf(path, size, "%s/tests/golden/log-v1.segment", TIDE_TEST_SOURCE_ROOT);
}

static const char golden_name[] = "data/log/00000000000000000001.segment";

static void test_golden_bytes(void **state)
{
    (void)state;
    char path[1024];
    begin(8);
    struct tide_segment_log_options made = options();
    struct tide_io_operations fixed = *made.io.operations;
    struct tide_log log = {0};
    struct tide_bytes is = {0};
    struct tide_bytes golden = {0};
    fixed.random = fixed_random;
    made.io.operations = &fixed;
    made.segment_bytes = 1 << 20;
    assert_int_equal(tide_segment_log_open(&made, &log, NULL), TIDE_OK);
    assert_int_equal(work(log, 6), TIDE_OK);
    close_log(&log);
    assert_int_equal(tide_io_read_file(made.io, golden_name, &is, 1 << 20, NULL), TIDE_OK);
    golden_path(path, sizeof(path));
    if (is_update) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(is.data, 1, is.size, file), is.size);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(tide_io_read_file(tide_io_os(), path, &golden, 1 << 20, NULL), TIDE_OK);
    assert_int_equal(is.size, golden.size);
    assert_memory_equal(is.data, golden.data, golden.size);
    tide_bytes_release(&is);
    tide_bytes_release(&golden);
    end();
}

/* The file alone, as an old release left it, opens and reads. */
static void test_golden_is_readable(void **state)
{
    (void)state;
    char path[1024];
    struct tide_bytes golden = {0};
    struct tide_file file = {0};
    begin(9);
    struct tide_io io = tide_io_sim_io(sim);
    golden_path(path, sizeof(path));
    assert_int_equal(tide_io_read_file(tide_io_os(), path, &golden, 1 << 20, NULL), TIDE_OK);
    assert_int_equal(io.operations->make_directory(io.self, "data/log", NULL), TIDE_OK);
    assert_int_equal(io.operations->open(io.self, golden_name, TIDE_IO_CREATE, &file, NULL),
                     TIDE_OK);
    assert_int_equal(io.operations->write(io.self, file, 0, golden.data, golden.size, NULL),
                     TIDE_OK);
    io.operations->close(io.self, &file);
    struct tide_log log = must_open();
    model.count = 12; /* what six rounds append */
    model_end_life(&model);
    model_check(&model, log, UINT32_MAX);
    for (uint32_t a = 0; a < model.count; a++) {
        assert_int_equal(model.appends[a].states[0], MODEL_KEPT);
    }
    assert_int_equal(tide_segment_log_facts(&log).torn_bytes, 0);
    close_log(&log);
    tide_bytes_release(&golden);
    end();
}

int main(int argc, char **argv)
{
    is_update = argc > 1 && strcmp(argv[1], "--update") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_restarts_and_facts),
        cmocka_unit_test(test_restarts_leave_no_files),
        cmocka_unit_test(test_other_partition_count_is_refused),
        cmocka_unit_test(test_pending_limit_says_again),
        cmocka_unit_test(test_large_batch_is_split),
        cmocka_unit_test(test_close_tells_who_waits),
        cmocka_unit_test(test_crash_at_every_operation),
        cmocka_unit_test(test_kill_then_power_cut),
        cmocka_unit_test(test_kill_in_recovery_then_power_cut),
        cmocka_unit_test(test_crash_many_lives),
        cmocka_unit_test(test_no_space_at_every_operation),
        cmocka_unit_test(test_no_space_then_the_end),
        cmocka_unit_test(test_no_space_for_long),
        cmocka_unit_test(test_sync_failure_at_every_operation),
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_golden_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
