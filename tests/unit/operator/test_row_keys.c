/* Goal: rows get the numbers that their canonical bytes have, whatever was looked up before.
 * Method: random streams full of nulls and of texts that are prefixes of others, by each list of
 * columns, in pieces; beside it a dictionary that is asked key by key. Then more keys than are
 * remembered, and a dictionary that is full. */
#include "operator/row_keys.h"

#include "unit/operator/stream.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    ROWS = 1000
};

static uint32_t one_by_one(struct tide_dictionary *dictionary,
                           const struct row_keys_source *source,
                           uint32_t row)
{
    struct tide_bytes bytes = {0};
    for (uint32_t i = 0; i < source->column_count; i++) {
        tide_value_encode(tide_batch_value(source->batch, source->columns[i], row), &bytes);
    }
    const uint32_t number = tide_dictionary_intern(dictionary, tide_bytes_view(&bytes));
    tide_bytes_release(&bytes);
    return number;
}

static void check(const struct row_keys_source *source, uint32_t piece_max, uint32_t entries_max)
{
    static uint32_t rows[ROWS];
    uint32_t numbers[ROWS];
    struct row_keys keys = {0};
    struct tide_dictionary *dictionary = NULL;
    struct tide_dictionary *expected = NULL;
    assert_int_equal(tide_dictionary_create(entries_max, &dictionary, NULL), TIDE_OK);
    assert_int_equal(tide_dictionary_create(entries_max, &expected, NULL), TIDE_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = (i * 7) % ROWS;
    }
    for (uint32_t round = 0; round < 2; round++) { /* the second one finds them all */
        for (uint32_t first = 0; first < ROWS; first += piece_max) {
            const uint32_t count = ROWS - first < piece_max ? ROWS - first : piece_max;
            assert_true(row_keys_find(&keys, dictionary, source, rows + first, count, numbers));
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(numbers[i], one_by_one(expected, source, rows[first + i]));
            }
        }
    }
    assert_int_equal(tide_dictionary_count(dictionary), tide_dictionary_count(expected));
    row_keys_release(&keys);
    tide_dictionary_destroy(dictionary);
    tide_dictionary_destroy(expected);
}

static void test_as_canonical_bytes(void **state)
{
    static const char *const metrics[] = {
        "{count: events, every: 1h, by: [a]}",
        "{count: events, every: 1h, by: [b]}",
        "{count: events, every: 1h, by: [n]}",
        "{count: events, every: 1h, by: [a, n]}",
        "{count: events, every: 1h, by: [n, kind, a]}",
        "{count: events, every: 1h, by: [a, user_id, b, x]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
        uint64_t seed = i + 1;
        struct room room;
        struct stream stream = {0};
        room_open(&room, metrics[i]);
        stream_create(&stream, room.definitions->schema, ROWS, stream_time_hours, &seed);
        const struct row_keys_source source = {
            stream.batch, room.metric->by, room.metric->by_count};
        check(&source, ROWS, 100000);
        check(&source, 1, 100000);
        check(&source, 77, 2); /* others are NONE, and those two are still found */
        stream_destroy(&stream);
        room_close(&room);
    }
}

/* Every size of text, with texts between that differ in the middle alone: the cheap hash takes them
 * for one. And more of them than `recent` ever has places. */
static void test_many_texts(void **state)
{
    (void)state;
    enum {
        TEXT_SIZE = 40,
        ROUNDS = 40,
    };
    static char texts[ROWS][TEXT_SIZE];
    static uint32_t rows[ROWS];
    uint32_t numbers[ROWS];
    uint64_t seed = 1;
    struct room room;
    struct stream stream = {0};
    struct row_keys keys = {0};
    struct tide_dictionary *dictionary = NULL;
    struct tide_dictionary *expected = NULL;
    room_open(&room, "{count: events, every: 1h, by: [a]}");
    stream_create(&stream, room.definitions->schema, ROWS, stream_time_hours, &seed);
    assert_int_equal(tide_dictionary_create(UINT32_MAX - 1, &dictionary, NULL), TIDE_OK);
    assert_int_equal(tide_dictionary_create(UINT32_MAX - 1, &expected, NULL), TIDE_OK);
    const struct row_keys_source source = {stream.batch, room.metric->by, 1};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            const size_t size = i % TEXT_SIZE;
            memset(texts[i], 'a', TEXT_SIZE);
            memcpy(texts[i] + size / 2, &(uint32_t){i / 3 + round * ROWS}, size < 8 ? 0 : 4);
            fixture_set_text(stream.batch, i, "a", (struct tide_view){texts[i], size});
            rows[i] = i;
        }
        assert_true(row_keys_find(&keys, dictionary, &source, rows, ROWS, numbers));
        for (uint32_t i = 0; i < ROWS; i++) {
            assert_int_equal(numbers[i], one_by_one(expected, &source, i));
        }
    }
    assert_in_range(tide_dictionary_count(dictionary), 1 << 14, UINT32_MAX);
    assert_in_range(row_keys_bytes(&keys), 1, 100000); /* bounded, whatever comes */
    row_keys_release(&keys);
    tide_dictionary_destroy(dictionary);
    tide_dictionary_destroy(expected);
    stream_destroy(&stream);
    room_close(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_canonical_bytes),
        cmocka_unit_test(test_many_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
