/* Goal: memory is aligned, zeroed and separate; the budget and failing malloc give NULL and leave
 * the arena usable; a steady load needs no malloc. Method: patterns in every piece, checked at
 * the end; the source is included, so that its malloc can be counted and fail. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static size_t malloc_count;
static bool malloc_fails;

static void *counted_malloc(size_t size)
{
    malloc_count++;
    return malloc_fails ? NULL : malloc(size);
}

#define malloc counted_malloc
#include "base/arena.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc

enum {
    PIECE_COUNT = 400
};

/* Sizes from one byte to several chunks, with texts between that upset the alignment. */
static void test_pieces_are_aligned_zeroed_and_separate(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    for (int round = 0; round < 2; round++) { /* the second round meets used memory */
        unsigned char *pieces[PIECE_COUNT] = {0};
        size_t sizes[PIECE_COUNT] = {0};
        for (size_t i = 0; i < PIECE_COUNT; i++) {
            sizes[i] = i % 50 == 49 ? i * 1000 : 1 + i * 7 % 300;
            pieces[i] = tide_arena_allocate(&arena, sizes[i]);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t j = 0; j < sizes[i]; j++) {
                assert_int_equal(pieces[i][j], 0);
            }
            memset(pieces[i], (int)(i % 255) + 1, sizes[i]);
            char *text = tide_arena_allocate_text(&arena, i % 5);
            assert_non_null(text);
            memset(text, 'x', i % 5);
        }
        for (size_t i = 0; i < PIECE_COUNT; i++) {
            for (size_t j = 0; j < sizes[i]; j++) {
                assert_int_equal(pieces[i][j], i % 255 + 1);
            }
        }
        assert_true(arena.used <= arena.held);
        tide_arena_reset(&arena);
        assert_int_equal(arena.used, 0);
    }
    tide_arena_release(&arena);
    assert_null(arena.chunk);
    assert_int_equal(arena.held, 0);
}

static void test_copy_and_array(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    const struct tide_view copy = tide_arena_copy(&arena, TIDE_VIEW("a\0b"));
    assert_true(tide_view_equal(copy, TIDE_VIEW("a\0b")));
    assert_int_equal(copy.data[3], '\0');
    const struct tide_view empty = tide_arena_copy(&arena, (struct tide_view){0});
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    assert_string_equal(empty.data, "");
    uint64_t *array = TIDE_ARENA_ARRAY(&arena, uint64_t, 10);
    assert_non_null(array);
    assert_int_equal(array[9], 0);
    assert_non_null(TIDE_ARENA_NEW(&arena, struct tide_bytes));
    assert_null(tide_arena_allocate_array(&arena, SIZE_MAX / 4, 8));
    assert_null(tide_arena_copy(&arena, (struct tide_view){"", SIZE_MAX}).data);
    tide_arena_release(&arena);
}

static void test_budget(void **state)
{
    (void)state;
    static const size_t budgets[] = {1, 31, 32, 33, 64, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        struct tide_arena arena = {0};
        tide_arena_init(&arena, budgets[i]);
        size_t count = 0;
        while (tide_arena_allocate(&arena, 16) != NULL) {
            count++;
        }
        assert_true(arena.held <= budgets[i]);
        assert_true(count * 16 <= budgets[i]);
        assert_true(budgets[i] < 4096 || count * 16 >= budgets[i] * 9 / 10);
        assert_null(tide_arena_allocate(&arena, SIZE_MAX - 8));
        assert_null(tide_arena_copy(&arena, (struct tide_view){"", SIZE_MAX - 1}).data);
        tide_arena_reset(&arena); /* what was spent is back */
        assert_int_equal(tide_arena_allocate(&arena, 16) != NULL, count > 0);
        tide_arena_release(&arena);
    }
}

/* A chunk that a budget cut to an odd size: the padding alone may not fit any more. */
static void test_padding_at_the_end_of_a_chunk(void **state)
{
    (void)state;
    const size_t room = 41;
    for (size_t text_size = 1; text_size <= room; text_size++) {
        struct tide_arena arena = {0};
        tide_arena_init(&arena, sizeof(struct tide_arena_chunk) + room);
        char *text = tide_arena_allocate_text(&arena, text_size);
        assert_non_null(text);
        memset(text, 'x', text_size);
        const size_t aligned = (text_size + 15) / 16 * 16;
        const char *piece = tide_arena_allocate(&arena, 1);
        assert_int_equal(piece != NULL, aligned < room);
        assert_true(piece == NULL || piece == text + aligned);
        tide_arena_release(&arena);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    malloc_fails = true;
    assert_null(tide_arena_allocate(&arena, 1));
    assert_null(tide_arena_allocate_text(&arena, 1));
    assert_null(tide_arena_copy(&arena, TIDE_VIEW("x")).data);
    malloc_fails = false;
    assert_int_equal(arena.held, 0);
    char *piece = tide_arena_allocate(&arena, 1);
    assert_non_null(piece);
    malloc_fails = true;
    assert_null(tide_arena_allocate(&arena, 1 << 20));
    assert_non_null(tide_arena_allocate(&arena, 1)); /* the chunk still has room */
    malloc_fails = false;
    tide_arena_release(&arena);
}

static void test_steady_load_needs_no_malloc(void **state)
{
    (void)state;
    struct tide_arena arena = {0};
    for (int round = 0; round < 20; round++) {
        tide_arena_reset(&arena);
        if (round == 10) {
            malloc_count = 0;
        }
        for (int i = 0; i < 1000; i++) {
            assert_non_null(tide_arena_allocate(&arena, 100));
        }
    }
    assert_int_equal(malloc_count, 0);
    assert_true(arena.held <= 4 * arena.used);
    tide_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_aligned_zeroed_and_separate),
        cmocka_unit_test(test_copy_and_array),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_padding_at_the_end_of_a_chunk),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_steady_load_needs_no_malloc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
