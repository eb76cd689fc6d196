/* Goal: numbers are dense, stable and the same for the same text, through every growth; the maximum
 * holds.
 * Method: many texts, of which some are prefixes of others, empty, or hold zero bytes; asked again
 * after all of them are in. */
#include "operator/dictionary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    TEXT_COUNT = 20000
};

static struct tide_view text_of(uint32_t number, char *buffer)
{
    /* Number 1 is empty, the others hold a zero byte. */
    const int size = number == 1 ? 0 : snprintf(buffer, 32, "%u%c%u", number % 100, 0, number);
    return (struct tide_view){buffer, (size_t)size};
}

static void test_numbers(void **state)
{
    (void)state;
    struct tide_dictionary *dictionary = NULL;
    char buffer[32];
    assert_int_equal(tide_dictionary_create(TEXT_COUNT, &dictionary, NULL), TIDE_OK);
    const size_t empty_bytes = tide_dictionary_bytes(dictionary);
    for (uint32_t i = 0; i < TEXT_COUNT; i++) {
        assert_int_equal(tide_dictionary_find(dictionary, text_of(i, buffer)),
                         TIDE_DICTIONARY_NONE);
        assert_int_equal(tide_dictionary_intern(dictionary, text_of(i, buffer)), i);
        assert_int_equal(tide_dictionary_intern(dictionary, text_of(i, buffer)), i);
        assert_int_equal(tide_dictionary_count(dictionary), i + 1);
    }
    for (uint32_t i = 0; i < TEXT_COUNT; i++) {
        assert_int_equal(tide_dictionary_find(dictionary, text_of(i, buffer)), i);
        assert_true(tide_view_equal(tide_dictionary_text(dictionary, i), text_of(i, buffer)));
    }
    assert_true(tide_dictionary_bytes(dictionary) > empty_bytes + TEXT_COUNT * 10);
    /* Full: what is there is still found, nothing new comes in. */
    assert_int_equal(tide_dictionary_intern(dictionary, TIDE_VIEW("one more")),
                     TIDE_DICTIONARY_NONE);
    assert_int_equal(tide_dictionary_count(dictionary), TEXT_COUNT);
    assert_int_equal(tide_dictionary_intern(dictionary, text_of(7, buffer)), 7);
    tide_dictionary_destroy(dictionary);
}

/* As one by one: new and known ones, equal ones in one call, and the maximum in the middle. */
static void test_many(void **state)
{
    (void)state;
    enum {
        COUNT = 500,
        MAX = 301,
    };
    static char buffers[COUNT][32];
    struct tide_view texts[COUNT];
    uint32_t numbers[COUNT];
    struct tide_dictionary *dictionary = NULL;
    struct tide_dictionary *one_by_one = NULL;
    assert_int_equal(tide_dictionary_create(MAX, &dictionary, NULL), TIDE_OK);
    assert_int_equal(tide_dictionary_create(MAX, &one_by_one, NULL), TIDE_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        texts[i] = text_of(i % 7 == 0 ? i / 2 : i, buffers[i]);
    }
    for (uint32_t size = 0; size < COUNT; size += size / 2 + 1) {
        tide_dictionary_intern_many(dictionary, texts, size, numbers);
        for (uint32_t i = 0; i < size; i++) {
            assert_int_equal(numbers[i], tide_dictionary_intern(one_by_one, texts[i]));
        }
    }
    assert_int_equal(tide_dictionary_count(dictionary), MAX);
    assert_int_equal(numbers[341], TIDE_DICTIONARY_NONE);
    assert_int_equal(tide_dictionary_bytes(dictionary), tide_dictionary_bytes(one_by_one));
    tide_dictionary_destroy(dictionary);
    tide_dictionary_destroy(one_by_one);
}

/* Every size up to where words are compared no more; other texts of the same size differ from it in
 * one byte, at each place. */
static void test_each_byte_counts(void **state)
{
    (void)state;
    struct tide_dictionary *dictionary = NULL;
    char text[80] = {0};
    uint32_t next = 0;
    assert_int_equal(tide_dictionary_create(TEXT_COUNT, &dictionary, NULL), TIDE_OK);
    for (size_t size = 0; size < sizeof(text); size++) {
        const struct tide_view view = {text, size};
        const uint32_t number = next++;
        assert_int_equal(tide_dictionary_intern(dictionary, view), number);
        for (size_t i = 0; i < size; i++) {
            text[i] = 1;
            assert_int_equal(tide_dictionary_intern(dictionary, view), next++);
            text[i] = 0;
        }
        assert_int_equal(tide_dictionary_find(dictionary, view), number);
    }
    tide_dictionary_destroy(dictionary);
}

static void test_long_texts(void **state)
{
    static char text[1 << 20];
    (void)state;
    struct tide_dictionary *dictionary = NULL;
    assert_int_equal(tide_dictionary_create(10, &dictionary, NULL), TIDE_OK);
    for (uint32_t i = 0; i < 4; i++) {
        text[sizeof(text) - 1] = (char)i; /* they differ in the last byte alone */
        assert_int_equal(tide_dictionary_intern(dictionary, (struct tide_view){text, sizeof(text)}),
                         i);
    }
    assert_int_equal(tide_dictionary_text(dictionary, 2).size, sizeof(text));
    assert_int_equal(tide_dictionary_text(dictionary, 2).data[sizeof(text) - 1], 2);
    tide_dictionary_destroy(dictionary);
    tide_dictionary_destroy(NULL);
}

struct hashed {
    uint32_t hash; /* what a slot keeps of it */
    uint32_t number;
};

static int compare_hashed(const void *left, const void *right)
{
    const struct hashed *a = left;
    const struct hashed *b = right;
    return (a->hash > b->hash) - (a->hash < b->hash);
}

/* Texts of one hash are told apart, asked for in one call and again. */
static void test_equal_hashes(void **state)
{
    (void)state;
    enum {
        COUNT = 300000 /* of which some ten pairs have the same 32 bits */
    };
    static struct hashed hashed[COUNT];
    char buffers[2][32];
    for (uint32_t i = 0; i < COUNT; i++) {
        hashed[i] = (struct hashed){(uint32_t)tide_hash64(text_of(i + 2, buffers[0]), 0), i + 2};
    }
    qsort(hashed, COUNT, sizeof(*hashed), compare_hashed);
    struct tide_dictionary *dictionary = NULL;
    uint32_t pairs = 0;
    assert_int_equal(tide_dictionary_create(COUNT, &dictionary, NULL), TIDE_OK);
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        if (hashed[i].hash != hashed[i + 1].hash) {
            continue;
        }
        const struct tide_view a = text_of(hashed[i].number, buffers[0]);
        const struct tide_view b = text_of(hashed[i + 1].number, buffers[1]);
        const struct tide_view texts[] = {a, b, b, a};
        for (int again = 0; again < 2; again++) {
            uint32_t numbers[4];
            tide_dictionary_intern_many(dictionary, texts, 4, numbers);
            assert_int_equal(numbers[0], 2 * pairs);
            assert_int_equal(numbers[1], 2 * pairs + 1);
            assert_int_equal(numbers[2], numbers[1]);
            assert_int_equal(numbers[3], numbers[0]);
        }
        pairs++;
    }
    assert_true(pairs > 0);
    tide_dictionary_destroy(dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_each_byte_counts),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
