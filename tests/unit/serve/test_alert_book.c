/* Goal: an instance is found by its group, what is forgotten goes, and a full book keeps whatever
 * is not ok. Method: a book of few places against what must be in it; many groups for the table. */
#include "serve/alert_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum {
    MANY = 3000
};

static struct tide_view name_of(int number, char buffer[16])
{
    (void)snprintf(buffer, 16, "g%d", number);
    return tide_view_of(buffer);
}

static void test_many(void **state)
{
    (void)state;
    char buffer[16];
    struct tide_alert_book *book = tide_alert_book_create(MANY);
    assert_non_null(book);
    for (int i = 0; i < MANY; i++) {
        struct tide_alert_instance *instance = tide_alert_book_add(book, name_of(i, buffer), false);
        assert_non_null(instance);
        assert_false(tide_instant_known(instance->seen));
        assert_int_equal(instance->state.phase, TIDE_ALERT_OK);
        instance->events = (uint64_t)i;
        instance->is_forgotten = i % 3 == 0;
    }
    assert_int_equal(tide_alert_book_count(book), MANY);
    tide_alert_book_sweep(book);
    assert_int_equal(tide_alert_book_count(book), MANY - MANY / 3);
    for (int i = 0; i < MANY; i++) {
        const struct tide_alert_instance *instance = tide_alert_book_find(book, name_of(i, buffer));
        assert_int_equal(instance == NULL, i % 3 == 0);
        assert_true(instance == NULL || instance->events == (uint64_t)i);
    }
    assert_null(tide_alert_book_find(book, TIDE_VIEW("")));
    assert_non_null(tide_alert_book_add(book, TIDE_VIEW(""), false));
    assert_non_null(tide_alert_book_find(book, TIDE_VIEW("")));
    tide_alert_book_destroy(book);
}

/* What is forgotten and not ok stays until it is. */
static void test_forgotten_but_firing(void **state)
{
    (void)state;
    struct tide_alert_book *book = tide_alert_book_create(2);
    struct tide_alert_instance *instance = tide_alert_book_add(book, TIDE_VIEW("a"), false);
    instance->is_forgotten = true;
    instance->state.phase = TIDE_ALERT_RESOLVED;
    tide_alert_book_sweep(book);
    assert_int_equal(tide_alert_book_count(book), 1);
    tide_alert_book_at(book, 0)->state.phase = TIDE_ALERT_OK;
    tide_alert_book_sweep(book);
    assert_int_equal(tide_alert_book_count(book), 0);
    tide_alert_book_destroy(book);
}

static void test_full(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    struct tide_alert_book *book = tide_alert_book_create(3);
    for (int i = 0; i < 3; i++) {
        tide_alert_book_add(book, tide_view_of(names[i]), false)->seen.us = 100 - i;
    }
    assert_null(tide_alert_book_add(book, TIDE_VIEW("d"), false));
    tide_alert_book_find(book, TIDE_VIEW("c"))->state.phase = TIDE_ALERT_FIRING;
    /* c was seen longest ago, but it fires: b goes */
    assert_non_null(tide_alert_book_add(book, TIDE_VIEW("d"), true));
    assert_null(tide_alert_book_find(book, TIDE_VIEW("b")));
    assert_non_null(tide_alert_book_find(book, TIDE_VIEW("a")));
    assert_non_null(tide_alert_book_find(book, TIDE_VIEW("c")));
    for (uint32_t i = 0; i < tide_alert_book_count(book); i++) {
        tide_alert_book_at(book, i)->state.phase = TIDE_ALERT_PENDING;
    }
    assert_null(tide_alert_book_add(book, TIDE_VIEW("e"), true));
    assert_int_equal(tide_alert_book_count(book), 3);
    tide_alert_book_destroy(book);
}

static void test_long_group(void **state)
{
    (void)state;
    static char group[TIDE_ALERT_GROUP_BYTES_MAX + 1];
    struct tide_alert_book *book = tide_alert_book_create(3);
    memset(group, 'x', sizeof(group));
    assert_null(tide_alert_book_add(book, (struct tide_view){group, sizeof(group)}, true));
    assert_non_null(tide_alert_book_add(book, (struct tide_view){group, sizeof(group) - 1}, true));
    tide_alert_book_destroy(book);
    tide_alert_book_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_forgotten_but_firing),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_long_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
