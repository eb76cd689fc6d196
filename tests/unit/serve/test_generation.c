/* Goal: the rule says batch, speed or stale exactly as the semantics do.
 * Method: a table of what two partitions know against what a batch has read; then every small
 * combination against the rule in other words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/generation.h"

enum {
    PARTITIONS = 2,
    VALUES = 3
};

#define SPEED TIDE_GENERATION_SPEED
#define BATCH TIDE_GENERATION_BATCH

static void follows_the_rule(void **state)
{
    static const struct {
        struct tide_generation_facts facts[PARTITIONS];
        bool has_batch;
        uint64_t reads[PARTITIONS];
        enum tide_generation generation;
        bool is_stale;
    } cases[] = {
        /* Nothing has touched the window: whatever batch says is right. */
        {{{0, 0, 0, false}, {0, 0, 0, false}}, true, {0, 0}, BATCH, false},
        {{{0, 0, 0, false}, {0, 0, 0, false}}, false, {0, 0}, SPEED, false},
        /* 1. */
        {{{5, 0, 0, false}, {7, 0, 0, false}}, true, {5, 7}, BATCH, false},
        {{{5, 0, 0, false}, {7, 0, 0, false}}, true, {9, 9}, BATCH, false},
        {{{5, 0, 0, false}, {0, 0, 0, false}}, true, {5, 0}, BATCH, false},
        {{{5, 5, 2, false}, {7, 0, 0, false}}, true, {5, 7}, BATCH, false},
        /* 2. */
        {{{5, 0, 0, false}, {7, 0, 0, false}}, false, {0, 0}, SPEED, false},
        {{{5, 0, 0, false}, {7, 0, 0, false}}, true, {4, 7}, SPEED, false},
        {{{5, 0, 0, false}, {7, 0, 0, false}}, true, {5, 6}, SPEED, false},
        {{{5, 0, 0, true}, {7, 0, 0, false}}, true, {5, 7}, SPEED, false},
        {{{5, 0, 0, false}, {7, 0, 0, true}}, true, {5, 7}, SPEED, false},
        {{{9, 4, 4, false}, {7, 0, 0, false}}, true, {5, 7}, SPEED, false},
        /* 3. */
        {{{9, 6, 4, false}, {7, 0, 0, false}}, true, {5, 7}, BATCH, true},
        {{{5, 0, 0, false}, {7, 7, 6, false}}, true, {5, 6}, BATCH, true},
        {{{9, 6, 4, true}, {7, 0, 0, false}}, true, {9, 7}, BATCH, true},
        {{{9, 6, 4, false}, {7, 0, 0, false}}, false, {0, 0}, SPEED, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_generation_choice choice = tide_generation_choose(
            cases[i].facts, cases[i].has_batch ? cases[i].reads : NULL, PARTITIONS);
        if (choice.generation != cases[i].generation || choice.is_stale != cases[i].is_stale) {
            fail_msg("case %zu: %d %d", i, (int)choice.generation, choice.is_stale);
        }
    }
}

/* One partition, all facts up to VALUES. */
static void holds_for_every_combination(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < VALUES * VALUES * VALUES * VALUES * 4; n++) {
        uint64_t left = n;
        struct tide_generation_facts facts = {0};
        facts.cold = left % VALUES;
        left /= VALUES;
        facts.changed = left % VALUES; /* beyond cold, which touches too */
        facts.changed = facts.changed < facts.cold ? facts.cold : facts.changed;
        left /= VALUES;
        facts.held = left % VALUES;
        left /= VALUES;
        const uint64_t read = left % VALUES;
        left /= VALUES;
        facts.is_open = left % 2 == 1;
        const bool has_batch = left / 2 == 1;
        const struct tide_generation_choice choice =
            tide_generation_choose(&facts, has_batch ? &read : NULL, 1);
        const bool misses_in_batch = facts.changed > read;
        const bool misses_in_speed = facts.cold > facts.held;
        if (choice.generation == BATCH) {
            assert_true(has_batch);
            assert_true(choice.is_stale ? misses_in_batch || facts.is_open
                                        : !misses_in_batch && !facts.is_open);
            assert_true(!choice.is_stale || misses_in_speed);
        } else {
            assert_int_equal(choice.is_stale, misses_in_speed);
            assert_true(!has_batch || misses_in_batch || facts.is_open);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_rule),
        cmocka_unit_test(holds_for_every_combination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
