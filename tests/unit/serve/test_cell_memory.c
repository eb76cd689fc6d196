/* Goal: what was noted is found again, and only that, up to the maximum. Method: many keys through
 * several growths beside a plain array; a full memory; forgetting. */
#include "serve/cell_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum {
    CELLS = 5000
};

static uint64_t key_of(uint32_t i)
{
    char text[16];
    const int size = snprintf(text, sizeof(text), "cell %u", i);
    return tide_cell_memory_key((struct tide_view){text, (size_t)size});
}

static void test_note(void **state)
{
    (void)state;
    struct tide_cell_memory *memory = tide_cell_memory_create(CELLS);
    assert_non_null(memory);
    for (uint32_t i = 0; i < CELLS; i++) {
        bool is_new = false;
        struct tide_cell_told *told = tide_cell_memory_note(memory, key_of(i), &is_new);
        assert_non_null(told);
        assert_true(is_new && told->content == 0 && told->mark == 0);
        told->content = i * UINT64_C(3);
        told->mark = i + UINT64_C(1);
        assert_int_equal(tide_cell_memory_count(memory), i + 1);
    }
    for (uint32_t i = 0; i < CELLS; i++) {
        bool is_new = true;
        const struct tide_cell_told *told = tide_cell_memory_note(memory, key_of(i), &is_new);
        assert_non_null(told);
        assert_false(is_new);
        assert_int_equal(told->content, i * UINT64_C(3));
        assert_int_equal(told->mark, i + UINT64_C(1));
    }
    bool is_new = false;
    assert_null(tide_cell_memory_note(memory, key_of(CELLS), &is_new)); /* full */
    assert_true(is_new);
    assert_int_equal(tide_cell_memory_count(memory), CELLS);

    tide_cell_memory_forget(memory);
    assert_int_equal(tide_cell_memory_count(memory), 0);
    const struct tide_cell_told *told = tide_cell_memory_note(memory, key_of(7), &is_new);
    assert_non_null(told);
    assert_true(is_new && told->content == 0 && told->mark == 0);
    tide_cell_memory_destroy(memory);
    tide_cell_memory_destroy(NULL);
}

static void test_key(void **state)
{
    (void)state;
    assert_true(tide_cell_memory_key(TIDE_VIEW("")) != 0);
    assert_true(tide_cell_memory_key(TIDE_VIEW("a")) != tide_cell_memory_key(TIDE_VIEW("b")));
    assert_true(tide_cell_memory_key(TIDE_VIEW("a")) == tide_cell_memory_key(TIDE_VIEW("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
