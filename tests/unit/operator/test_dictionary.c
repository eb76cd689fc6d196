/* Goal: numbers are dense, stable and the same for the same text, through every growth; the maximum
 * holds.
 * Method: many texts, of which some are prefixes of others, empty, or hold zero bytes; asked again
 * after all of them are in. */
#include "operator/dictionary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
