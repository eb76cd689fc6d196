/* Goal: what was fetched is there to be read until it is unpinned, each once; what is missing is
 * told with its name. Method: a store that counts pins. */
#include "unit/lake/house_fixture.h"

#include "lake/object_paths.h"

static int pins;
static enum tide_status (*inner_fetch)(void *self,
                                       const char *key,
                                       struct tide_bytes *path,
                                       struct tide_error *error);

static enum tide_status count_fetch(void *self,
                                    const char *key,
                                    struct tide_bytes *path,
                                    struct tide_error *error)
{
    const enum tide_status status = inner_fetch(self, key, path, error);
    pins += status == TIDE_OK;
    return status;
}

static void count_unpin(void *self, const char *key)
{
    (void)self;
    (void)key;
    pins--;
}

static void test_paths(void **state)
{
    (void)state;
    struct house house;
    struct tide_object_paths objects = {0};
    struct tide_error error = {0};
    house_open(&house, 1);
    house_put(&house, "raw/a=1/x.rows", "x");
    house_put(&house, "raw/a=1/y.rows", "y");
    struct tide_store_operations operations = *house.store.operations;
    inner_fetch = operations.fetch;
    operations.fetch = count_fetch;
    operations.unpin = count_unpin;
    const struct tide_store store = {&operations, house.store.self};
    assert_int_equal(tide_object_paths_reserve(&objects, &house.arena, 3, &error), TIDE_OK);
    assert_int_equal(tide_object_paths_add(
                         &objects, &house.arena, store, "raw", TIDE_VIEW("a=1/x.rows"), &error),
                     TIDE_OK);
    assert_int_equal(tide_object_paths_add(
                         &objects, &house.arena, store, "raw", TIDE_VIEW("a=1/y.rows"), &error),
                     TIDE_OK);
    assert_int_equal(tide_object_paths_add(
                         &objects, &house.arena, store, "raw", TIDE_VIEW("a=1/z.rows"), &error),
                     TIDE_FATAL);
    assert_non_null(strstr(error.text, "raw/a=1/z.rows, which is not there"));
    assert_int_equal(objects.count, 2);
    assert_string_equal(objects.paths[0], "lake/raw/a=1/x.rows");
    assert_string_equal(objects.paths[1], "lake/raw/a=1/y.rows");
    assert_int_equal(pins, 2);
    tide_object_paths_unpin(&objects, store);
    assert_int_equal(pins, 0);
    assert_int_equal(objects.count, 0);
    tide_object_paths_unpin(&objects, store);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
