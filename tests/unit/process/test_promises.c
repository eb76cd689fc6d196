/* Goal: the files of the newest manifest of each partition are promised, those of older ones and of
 * other tables are not. Method: epochs of a checkpointer on a simulated disk. */
#include "process/promises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "process/manifest.h"
#include "support/process_stack.h"

static void publish(struct process_stack *stack,
                    uint32_t partition,
                    uint64_t epoch,
                    struct tide_u128 *hash,
                    const char *path)
{
    struct tide_delta_file file = {
        .path = tide_view_of(path), .size = 1, .row_count = 1, .stats = TIDE_VIEW("{}")};
    struct tide_manifest manifest = {.pipeline = stack->identity.pipeline,
                                     .previous = *hash,
                                     .partition = partition,
                                     .epoch = epoch,
                                     .watermark = TIDE_INSTANT_UNKNOWN,
                                     .closing = TIDE_INSTANT_UNKNOWN};
    manifest.tables[TIDE_TABLE_REJECTED] =
        (struct tide_manifest_table){(int64_t)epoch - 1, &file, 1};
    assert_int_equal(tide_manifest_publish(stack->store, &manifest, hash, NULL), TIDE_OK);
}

static void test_newest_manifests(void **state)
{
    (void)state;
    static struct process_stack stack;
    struct tide_promises *promises = NULL;
    struct tide_u128 hashes[2] = {{0}};
    process_stack_init(&stack, 1, 3);
    assert_int_equal(process_stack_open(&stack, NULL), TIDE_OK);
    assert_int_equal(tide_promises_read(stack.store, 3, &promises, NULL), TIDE_OK);
    assert_false(tide_promises_has(promises, TIDE_TABLE_REJECTED, TIDE_VIEW("a")));
    tide_promises_destroy(promises);
    publish(&stack, 0, 0, &hashes[0], "old");
    publish(&stack, 0, 1, &hashes[0], "a");
    publish(&stack, 2, 0, &hashes[1], "b");
    assert_int_equal(tide_promises_read(stack.store, 3, &promises, NULL), TIDE_OK);
    assert_true(tide_promises_has(promises, TIDE_TABLE_REJECTED, TIDE_VIEW("a")));
    assert_true(tide_promises_has(promises, TIDE_TABLE_REJECTED, TIDE_VIEW("b")));
    assert_false(tide_promises_has(promises, TIDE_TABLE_REJECTED, TIDE_VIEW("old")));
    assert_false(tide_promises_has(promises, TIDE_TABLE_EVENTS, TIDE_VIEW("a")));
    assert_false(tide_promises_has(promises, TIDE_TABLE_METRICS, TIDE_VIEW("a")));
    struct tide_promised rejected = {promises, TIDE_TABLE_REJECTED};
    struct tide_promised events = {promises, TIDE_TABLE_EVENTS};
    assert_true(tide_promised_has(&rejected, TIDE_VIEW("a")));
    assert_false(tide_promised_has(&rejected, TIDE_VIEW("old")));
    assert_false(tide_promised_has(&events, TIDE_VIEW("a")));
    tide_promises_destroy(promises);
    tide_promises_destroy(NULL);
    assert_true(
        tide_io_sim_flip(stack.sim, "lake/_tidemark/manifests/2/00000000000000000000.json", 40));
    assert_int_equal(tide_promises_read(stack.store, 3, &promises, NULL), TIDE_FATAL);
    process_stack_release(&stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_newest_manifests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
