/* Goal: the memory log keeps the contract of log.h, so that tests which use it test something.
 * Method: the shared contract and model; then what is particular: closing with appends waiting. */
#include "log/memory.h"

#include "support/log_model.h"

static struct model model;

static struct tide_log create(uint32_t partition_count)
{
    struct tide_log log = {0};
    model = (struct model){.partition_count = partition_count};
    assert_int_equal(tide_memory_log_create(partition_count, &log, NULL), TIDE_OK);
    assert_int_equal(log.partition_count, partition_count);
    return log;
}

static void test_contract(void **state)
{
    (void)state;
    struct tide_log log = create(3);
    model_contract(&model, log);
    log.operations->close(log.self);
}

static void test_many_rounds_keep_order(void **state)
{
    (void)state;
    struct tide_log log = create(5);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(model_append(&model, log), TIDE_OK);
        if (i % 7 == 0) {
            assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
        }
    }
    assert_int_equal(log.operations->sync(log.self, NULL), TIDE_OK);
    model_check(&model, log, UINT32_MAX);
    log.operations->close(log.self);
}

static void test_close_tells_who_waits(void **state)
{
    (void)state;
    struct tide_log log = create(2);
    assert_int_equal(model_append(&model, log), TIDE_OK);
    assert_int_equal(model_append(&model, log), TIDE_OK);
    log.operations->close(log.self);
    for (uint32_t a = 0; a < model.count; a++) {
        assert_int_equal(model.appends[a].done_count, 1);
        assert_int_equal(model.appends[a].status, TIDE_FATAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_many_rounds_keep_order),
        cmocka_unit_test(test_close_tells_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
