/* Goal: a key is found again by its name through every growth, whatever was asked for before.
 * Method: many names, of which entity or rest are equal; prefetching in between, which must change
 * nothing. */
#include "operator/funnel_keys.c" /* NOLINT(bugprone-suspicious-include) */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    KEY_COUNT = 5000,
    ENTITIES = 70,
};

static struct funnel_key_name nth_name(uint32_t index)
{
    return (struct funnel_key_name){index % ENTITIES, index / ENTITIES};
}

static void test_found_again(void **state)
{
    (void)state;
    struct funnel funnel = {.events = {.item_size = sizeof(struct funnel_event)}};
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        struct funnel_key_name names[3] = {nth_name(i), nth_name(i / 2), nth_name(KEY_COUNT)};
        funnel_prefetch_keys(&funnel, names, 3);
        struct funnel_key *key = funnel_find_key(&funnel, names[0]);
        assert_non_null(key);
        assert_int_equal(funnel.key_count, i + 1);
        assert_int_equal(key->count, 0);
        key->count = FUNNEL_KEY_OVERFULL; /* it has no block to ask for */
        assert_ptr_equal(funnel_find_key(&funnel, names[1]), &funnel.keys[i / 2]);
    }
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        assert_ptr_equal(funnel_find_key(&funnel, nth_name(i)), &funnel.keys[i]);
    }
    assert_int_equal(funnel.key_count, KEY_COUNT);
    free(funnel.keys);
    free(funnel.slots);
}

/* Keys whose hashes are equal are told apart; prefetching sees the one for the other. */
static void test_equal_hashes(void **state)
{
    (void)state;
    enum {
        ENTITY_COUNT = 1 << 10
    };
    struct funnel funnel = {.events = {.item_size = sizeof(struct funnel_event)}};
    const struct funnel_key_name first = {1, 1};
    struct funnel_key_name second = {0, 0};
    for (uint32_t entity = 2; second.entity == 0 && entity < ENTITY_COUNT; entity++) {
        for (uint32_t rest = 0; second.entity == 0 && rest < UINT32_C(1) << 24; rest++) {
            if (hash_of((struct funnel_key_name){entity, rest}) == hash_of(first)) {
                second = (struct funnel_key_name){entity, rest};
            }
        }
    }
    assert_true(second.entity > 0);
    funnel_find_key(&funnel, first)->count = FUNNEL_KEY_OVERFULL;
    funnel_prefetch_keys(&funnel, &second, 1);
    funnel_find_key(&funnel, second)->count = FUNNEL_KEY_OVERFULL;
    assert_int_equal(funnel.key_count, 2);
    assert_ptr_equal(funnel_find_key(&funnel, first), &funnel.keys[0]);
    assert_ptr_equal(funnel_find_key(&funnel, second), &funnel.keys[1]);
    free(funnel.keys);
    free(funnel.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_again),
        cmocka_unit_test(test_equal_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
