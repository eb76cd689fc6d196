/* Goal: every data file below a table is listed once and found by its path; logs and hidden names
 * are not. Method: folders of two levels on a simulated disk. */
#include "unit/lake/house_fixture.h"

#include "lake/table_objects.h"

static const char *const keys[] = {
    "raw/top.rows",
    "raw/received_date=2026-03-08/b.rows",
    "raw/received_date=2026-03-08/a.rows",
    "raw/received_date=2026-03-09/deeper/c.rows",
    "raw/_delta_log/00000000000000000000.json",
    "raw/received_date=2026-03-08/_hidden",
    "raw/.crc",
    "rawer/no.rows",
};
static const char *const expected[] = {
    "received_date=2026-03-08/a.rows",
    "received_date=2026-03-08/b.rows",
    "received_date=2026-03-09/deeper/c.rows",
    "top.rows",
};

static void test_listing(void **state)
{
    (void)state;
    struct house house;
    struct tide_table_objects objects = {0};
    house_open(&house, 1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        house_put(&house, keys[i], "12345");
    }
    assert_int_equal(tide_table_objects_list(house.store, "raw", &objects, NULL), TIDE_OK);
    assert_int_equal(objects.count, sizeof(expected) / sizeof(expected[0]));
    for (uint32_t i = 0; i < objects.count; i++) {
        assert_true(tide_view_equal(objects.items[i].path, tide_view_of(expected[i])));
        assert_int_equal(objects.items[i].size, 5);
        assert_ptr_equal(tide_table_objects_find(&objects, tide_view_of(expected[i])),
                         &objects.items[i]);
    }
    assert_null(tide_table_objects_find(&objects, TIDE_VIEW("received_date=2026-03-08/c.rows")));
    tide_table_objects_release(&objects);
    assert_int_equal(tide_table_objects_list(house.store, "nothing", &objects, NULL), TIDE_OK);
    assert_int_equal(objects.count, 0);
    assert_null(tide_table_objects_find(&objects, TIDE_VIEW("top.rows")));
    tide_table_objects_release(&objects);
    house_close(&house);
}

/* The folder's listing fails half way: nothing is left behind. */
static enum tide_status (*inner_list)(void *self,
                                      const char *prefix,
                                      void (*visit)(void *context,
                                                    const struct tide_store_entry *entry),
                                      void *context,
                                      struct tide_error *error);

static enum tide_status list_less(void *self,
                                  const char *prefix,
                                  void (*visit)(void *context,
                                                const struct tide_store_entry *entry),
                                  void *context,
                                  struct tide_error *error)
{
    if (strstr(prefix, "2026-03-09") != NULL) {
        return tide_error_set(error, TIDE_RETRY, "no connection");
    }
    return inner_list(self, prefix, visit, context, error);
}

static void test_a_folder_cannot_be_listed(void **state)
{
    (void)state;
    struct house house;
    struct tide_table_objects objects = {0};
    house_open(&house, 1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        house_put(&house, keys[i], "12345");
    }
    struct tide_store_operations operations = *house.store.operations;
    inner_list = operations.list;
    operations.list = list_less;
    const struct tide_store store = {&operations, house.store.self};
    assert_int_equal(tide_table_objects_list(store, "raw", &objects, NULL), TIDE_RETRY);
    assert_int_equal(objects.count, 0);
    tide_table_objects_release(&objects);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_a_folder_cannot_be_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
