/* Goal: a manifest comes back as it was written or not at all; an epoch is published once; the
 * newest is found whatever their number.
 * Method: round trips; every byte damaged and every prefix cut; publishing twice and against
 * another writer; a crash at every operation of a publication. */
#include "process/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/io_sim.h"
#include "process/identity.h"

static struct tide_io_sim *sim;
static struct tide_io io;
static struct tide_store store;

static struct tide_delta_file files[2] = {
    {.path = {"event_date=2026-03-08/a-0-5.rows", 32},
     .date_days = 20520,
     .size = 1234,
     .row_count = 7,
     .stats = {"{\"numRecords\":7}", 16}},
    {.path = {"event_date=__HIVE_DEFAULT_PARTITION__/\"quoted\"", 45},
     .date_days = TIDE_DATE_UNKNOWN,
     .size = 1,
     .row_count = 1,
     .stats = {"", 0}},
};

static struct tide_manifest sample(uint32_t partition, uint64_t epoch)
{
    struct tide_manifest manifest = {.pipeline = {1, 2},
                                     .configuration = {3, 4},
                                     .writer = {5, 6},
                                     .previous = {7, UINT64_MAX},
                                     .partition = partition,
                                     .epoch = epoch,
                                     .next_offset = 10 + epoch,
                                     .ledger = {.verdicts = 10 + epoch,
                                                .processed = 9 + epoch,
                                                .on_time = 9 + epoch,
                                                .rejected = {[TIDE_REASON_TYPE] = 1}},
                                     .watermark = {-5},
                                     .closing = TIDE_INSTANT_UNKNOWN};
    manifest.tables[TIDE_TABLE_EVENTS] = (struct tide_manifest_table){41, files, 2};
    manifest.tables[TIDE_TABLE_REJECTED] = (struct tide_manifest_table){TIDE_DELTA_NEVER, NULL, 0};
    manifest.tables[TIDE_TABLE_RAW] = (struct tide_manifest_table){TIDE_DELTA_NEVER, NULL, 0};
    return manifest;
}

static int setup(void **state)
{
    (void)state;
    sim = tide_io_sim_create(1);
    io = tide_io_sim_io(sim);
    return tide_store_local_open(io, "lake", &store, NULL) == TIDE_OK ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    store.operations->close(store.self);
    tide_io_sim_destroy(sim);
    return 0;
}

static void expect_equal(const struct tide_manifest *a, const struct tide_manifest *b)
{
    struct tide_bytes texts[2] = {{0}, {0}};
    struct tide_u128 hashes[2];
    tide_manifest_write(a, &texts[0], &hashes[0]);
    tide_manifest_write(b, &texts[1], &hashes[1]);
    assert_true(tide_u128_equal(hashes[0], hashes[1]));
    assert_true(tide_view_equal(tide_bytes_view(&texts[0]), tide_bytes_view(&texts[1])));
    tide_bytes_release(&texts[0]);
    tide_bytes_release(&texts[1]);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_bytes text = {0};
    struct tide_u128 written;
    struct tide_u128 read;
    struct tide_manifest back;
    struct tide_manifest manifest = sample(3, UINT64_MAX - 20);
    tide_bytes_append_text(&text, "before"); /* it appends, and hashes only its own */
    tide_manifest_write(&manifest, &text, &written);
    struct tide_view own = tide_view_slice(tide_bytes_view(&text), 6, text.size - 6);
    assert_int_equal(tide_manifest_read(&arena, own, &back, &read, NULL), TIDE_OK);
    tide_bytes_release(&text); /* the result must not point into it */
    assert_true(tide_u128_equal(written, read));
    expect_equal(&manifest, &back);
    assert_true(tide_u128_equal(back.previous, manifest.previous));
    assert_int_equal(back.partition, 3);
    assert_true(back.epoch == manifest.epoch);
    assert_true(back.watermark.us == -5);
    assert_false(tide_instant_known(back.closing));
    assert_true(tide_ledger_equal(&back.ledger, &manifest.ledger));
    const struct tide_manifest_table *events = &back.tables[TIDE_TABLE_EVENTS];
    assert_int_equal(events->file_count, 2);
    assert_true(events->expected == 41);
    assert_true(tide_view_equal(events->files[1].path, files[1].path));
    assert_int_equal(events->files[0].date_days, 20520);
    assert_int_equal(events->files[1].date_days, TIDE_DATE_UNKNOWN);
    assert_int_equal(events->files[0].size, 1234);
    assert_int_equal(events->files[0].row_count, 7);
    assert_true(tide_view_equal(events->files[0].stats, files[0].stats));
    assert_true(back.tables[TIDE_TABLE_REJECTED].expected == TIDE_DELTA_NEVER);
    assert_int_equal(back.tables[TIDE_TABLE_REJECTED].file_count, 0);
    tide_arena_release(&arena);
}

/* A pipeline without raw records writes what older versions read; one that has had them says so
 * for ever, that none of those goes on without. */
static void test_format_of_raw(void **state)
{
    (void)state;
    static const struct {
        int64_t expected;
        uint32_t file_count;
        const char *format;
    } cases[] = {{TIDE_DELTA_NEVER, 0, "{\"format\":1,"},
                 {TIDE_DELTA_NEVER, 1, "{\"format\":2,"},
                 {7, 0, "{\"format\":2,"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_bytes text = {0};
        struct tide_u128 hash;
        struct tide_manifest back;
        struct tide_manifest manifest = sample(1, 9);
        manifest.tables[TIDE_TABLE_RAW] =
            (struct tide_manifest_table){cases[i].expected, files, cases[i].file_count};
        tide_manifest_write(&manifest, &text, &hash);
        assert_true(tide_view_starts_with(tide_bytes_view(&text), tide_view_of(cases[i].format)));
        assert_int_equal(strstr(tide_bytes_terminated(&text), "\"raw\"") != NULL, i > 0);
        assert_int_equal(tide_manifest_read(&arena, tide_bytes_view(&text), &back, &hash, NULL),
                         TIDE_OK);
        assert_true(back.tables[TIDE_TABLE_RAW].expected == cases[i].expected);
        assert_int_equal(back.tables[TIDE_TABLE_RAW].file_count, cases[i].file_count);
        tide_bytes_release(&text);
        tide_arena_release(&arena);
    }
}

/* Without a note nothing of one is written, as before there were any. */
static void test_notes(void **state)
{
    static char long_note[4 << 20];
    const struct tide_view notes[] = {{0},
                                      TIDE_VIEW("events 0 2 00000000000000aa"),
                                      TIDE_VIEW("\"quoted\\\" | 0:1"),
                                      {long_note, sizeof(long_note)}};
    (void)state;
    memset(long_note, '7', sizeof(long_note));
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        struct tide_arena arena = {0};
        struct tide_bytes text = {0};
        struct tide_u128 hash;
        struct tide_manifest back;
        struct tide_manifest manifest = sample(1, 9);
        manifest.note = notes[i];
        tide_manifest_write(&manifest, &text, &hash);
        assert_int_equal(strstr(tide_bytes_terminated(&text), "\"note\"") != NULL, i > 0);
        assert_int_equal(tide_manifest_read(&arena, tide_bytes_view(&text), &back, &hash, NULL),
                         TIDE_OK);
        tide_bytes_release(&text);
        assert_true(tide_view_equal(back.note, notes[i]));
        tide_arena_release(&arena);
    }
}

static enum tide_status read_bytes(struct tide_view text)
{
    struct tide_arena arena = {0};
    struct tide_manifest back;
    struct tide_u128 hash;
    struct tide_error error = {0};
    enum tide_status status = tide_manifest_read(&arena, text, &back, &hash, &error);
    assert_true(status == TIDE_OK || error.text[0] != '\0');
    tide_arena_release(&arena);
    return status;
}

static void test_every_damaged_byte_is_noticed(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    struct tide_u128 hash;
    struct tide_manifest manifest = sample(0, 0);
    tide_manifest_write(&manifest, &text, &hash);
    assert_int_equal(read_bytes(tide_bytes_view(&text)), TIDE_OK);
    for (size_t i = 0; i < text.size; i++) {
        static const uint8_t masks[] = {0x01, 0x20, 0x80, 0xff};
        for (size_t m = 0; m < sizeof(masks); m++) {
            text.data[i] = (char)(text.data[i] ^ masks[m]);
            assert_int_equal(read_bytes(tide_bytes_view(&text)), TIDE_FATAL);
            text.data[i] = (char)(text.data[i] ^ masks[m]);
        }
        assert_int_equal(read_bytes((struct tide_view){text.data, i}), TIDE_FATAL);
    }
    tide_bytes_append_byte(&text, '\n');
    assert_int_equal(read_bytes(tide_bytes_view(&text)), TIDE_FATAL);
    tide_bytes_release(&text);
}

/* A right checksum over something else: another version's manifest, or no manifest at all. */
static void test_unknown_formats(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{}", "[]", "not json", "{\"format\":2}", ""};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct tide_bytes text = {0};
        char digits[TIDE_IDENTITY_TEXT_SIZE];
        tide_identity_format(tide_hash128(tide_view_of(bodies[i]), 0), digits);
        tide_bytes_append_format(&text, "%s\n%s\n", bodies[i], digits);
        assert_int_equal(read_bytes(tide_bytes_view(&text)), TIDE_FATAL);
        tide_bytes_release(&text);
    }
}

static void test_publish_once(void **state)
{
    (void)state;
    struct tide_manifest manifest = sample(2, 0);
    struct tide_error error = {0};
    struct tide_u128 first;
    struct tide_u128 again;
    assert_int_equal(tide_manifest_publish(store, &manifest, &first, &error), TIDE_OK);
    assert_int_equal(tide_manifest_publish(store, &manifest, &again, &error), TIDE_OK);
    assert_true(tide_u128_equal(first, again));
    manifest.writer.low++;
    assert_int_equal(tide_manifest_publish(store, &manifest, &again, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "another process"));
    struct tide_arena arena = {0};
    struct tide_manifest newest;
    struct tide_u128 hash;
    assert_int_equal(tide_manifest_newest(store, 2, &arena, &newest, &hash, &error), TIDE_OK);
    assert_true(tide_u128_equal(hash, first)); /* the loser changed nothing */
    tide_arena_release(&arena);
}

static void test_newest(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 17, 64};
    for (uint32_t p = 0; p < sizeof(counts) / sizeof(counts[0]); p++) {
        struct tide_arena arena = {0};
        struct tide_manifest newest;
        struct tide_u128 hash;
        struct tide_u128 last = {0};
        for (uint64_t epoch = 0; epoch < counts[p]; epoch++) {
            struct tide_manifest manifest = sample(p, epoch);
            assert_int_equal(tide_manifest_publish(store, &manifest, &last, NULL), TIDE_OK);
        }
        enum tide_status status = tide_manifest_newest(store, p, &arena, &newest, &hash, NULL);
        assert_int_equal(status, counts[p] == 0 ? TIDE_REJECT : TIDE_OK);
        if (counts[p] > 0) {
            assert_true(newest.epoch == counts[p] - 1);
            assert_int_equal(newest.partition, p);
            assert_true(tide_u128_equal(hash, last));
        }
        tide_arena_release(&arena);
    }
}

static void test_of_an_epoch(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_manifest found;
    struct tide_u128 hash;
    struct tide_u128 hashes[3];
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        struct tide_manifest manifest = sample(1, epoch);
        assert_int_equal(tide_manifest_publish(store, &manifest, &hashes[epoch], NULL), TIDE_OK);
    }
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        struct tide_manifest_place key = {1, epoch};
        assert_int_equal(tide_manifest_get(store, key, &arena, &found, &hash, NULL), TIDE_OK);
        assert_int_equal(found.epoch, epoch);
        assert_true(tide_u128_equal(hash, hashes[epoch]));
    }
    assert_int_equal(
        tide_manifest_get(store, (struct tide_manifest_place){1, 3}, &arena, &found, &hash, NULL),
        TIDE_REJECT);
    tide_arena_release(&arena);
}

static void test_newest_is_damaged(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    struct tide_manifest newest;
    struct tide_u128 hash;
    struct tide_error error = {0};
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        struct tide_manifest manifest = sample(0, epoch);
        assert_int_equal(tide_manifest_publish(store, &manifest, &hash, NULL), TIDE_OK);
    }
    assert_true(tide_io_sim_flip(sim, "lake/_tidemark/manifests/0/00000000000000000002.json", 100));
    assert_int_equal(tide_manifest_newest(store, 0, &arena, &newest, &hash, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "epoch 2 of partition 0"));
    tide_arena_release(&arena);
}

/* The answer is lost at operation n; the same process, or the next one, publishes again. */
static void test_lost_answers(void **state)
{
    (void)state;
    static const enum tide_io_sim_fault faults[] = {TIDE_IO_SIM_FAULT_NO_SPACE,
                                                    TIDE_IO_SIM_FAULT_CRASH};
    for (size_t f = 0; f < 2; f++) {
        for (uint64_t n = 1; n < 20; n++) {
            struct tide_manifest manifest = sample(0, f * 100 + n);
            struct tide_u128 hash;
            tide_io_sim_arm(sim, faults[f], n);
            enum tide_status status = tide_manifest_publish(store, &manifest, &hash, NULL);
            assert_true(status == TIDE_OK || status == TIDE_RETRY || tide_io_sim_crashed(sim));
            tide_io_sim_kill(sim);
            assert_int_equal(tide_manifest_publish(store, &manifest, &hash, NULL), TIDE_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_format_of_raw),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_every_damaged_byte_is_noticed),
        cmocka_unit_test(test_unknown_formats),
        cmocka_unit_test_setup_teardown(test_publish_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newest_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_answers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
