/* Goal: a key is found again by its name through every growth, whatever was asked for before.
 * Method: many names, of which entity or rest are equal; prefetching in between, which must change
 * nothing. */
#include "operator/funnel_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    KEY_COUNT = 5000,
    ENTITIES = 70,
};

static struct funnel_key_name name_of(uint32_t index)
{
    return (struct funnel_key_name){index % ENTITIES, index / ENTITIES};
}

static void test_found_again(void **state)
{
    (void)state;
    struct funnel funnel = {.events = {.item_size = sizeof(struct funnel_event)}};
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        struct funnel_key_name names[3] = {name_of(i), name_of(i / 2), name_of(KEY_COUNT)};
        funnel_prefetch_keys(&funnel, names, 3);
        struct funnel_key *key = funnel_find_key(&funnel, names[0]);
        assert_non_null(key);
        assert_int_equal(funnel.key_count, i + 1);
        assert_int_equal(key->count, 0);
        key->count = FUNNEL_KEY_OVERFULL; /* it has no block to ask for */
        assert_ptr_equal(funnel_find_key(&funnel, names[1]), &funnel.keys[i / 2]);
    }
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        assert_ptr_equal(funnel_find_key(&funnel, name_of(i)), &funnel.keys[i]);
    }
    assert_int_equal(funnel.key_count, KEY_COUNT);
    free(funnel.keys);
    free(funnel.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
