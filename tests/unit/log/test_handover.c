/* Goal: images reach the reader of their records and no other, whatever was dropped on the way, and
 * a ring is never read where it is not written.
 * Method: cases by hand, then a giver and a taker that draw their moves, then two threads. Every
 * image holds the offset it belongs to. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "log/handover.h"

#include "base/banned.h"

enum {
    IMAGE = 80,
    RECORDS_MAX = 64,
    PARTITIONS = 3,
};

static uint32_t below(uint64_t *dice, uint32_t limit)
{
    *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*dice >> 33) % limit);
}

static struct tide_handover *create(size_t bytes)
{
    const struct tide_handover_options options = {
        .partition_count = PARTITIONS, .image_size = IMAGE, .bytes_max = bytes};
    struct tide_handover *handover = NULL;
    assert_int_equal(tide_handover_create(&options, &handover, NULL), TIDE_OK);
    assert_true(tide_handover_bytes(handover) <= bytes);
    assert_int_equal(tide_handover_image_size(handover), IMAGE);
    return handover;
}

static void fill(char *image, uint32_t partition, uint64_t offset)
{
    for (size_t i = 0; i < IMAGE; i += 16) {
        memcpy(image + i, &offset, sizeof(offset));
        memcpy(image + i + 8, &partition, sizeof(partition));
    }
}

static void give(struct tide_handover *handover, uint32_t partition, uint64_t first, uint32_t count)
{
    static _Thread_local char images[RECORDS_MAX * IMAGE];
    const struct tide_log_receipt receipt = {partition, count, first};
    tide_assert(count <= RECORDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        fill(images + (size_t)i * IMAGE, partition, first + i);
    }
    tide_handover_give(handover, &receipt, 1, images);
}

/* Takes what is there of [offset, offset + count); how many, all of which are the right ones. */
static uint32_t take(struct tide_handover *handover,
                     uint32_t partition,
                     uint64_t offset,
                     uint32_t count)
{
    const char *images = tide_handover_take(handover, partition, offset, &count);
    if (images == NULL) {
        return 0;
    }
    assert_int_equal((uintptr_t)images % sizeof(uint64_t), 0);
    for (uint32_t i = 0; i < count; i++) {
        char wanted[IMAGE] = {0};
        char found[IMAGE];
        fill(wanted, partition, offset + i);
        memcpy(found, images + (size_t)i * IMAGE, IMAGE);
        for (size_t k = 0; k < IMAGE; k += 16) {
            assert_memory_equal(found + k, wanted + k, 12);
        }
    }
    return count;
}

static void test_by_hand(void **state)
{
    (void)state;
    struct tide_handover *handover = create(PARTITIONS * 8192);
    assert_int_equal(take(handover, 0, 0, 5), 0); /* nothing was given */
    give(handover, 0, 10, 4);
    give(handover, 1, 3, 2);
    give(handover, 0, 14, 3);
    give(handover, 0, 30, 1);
    assert_int_equal(take(handover, 0, 8, 2), 0); /* of older records: later ones stay */
    assert_int_equal(take(handover, 0, 10, 2), 2);
    assert_int_equal(take(handover, 0, 12, 9), 2); /* as many as came together */
    assert_int_equal(take(handover, 0, 16, 1), 1); /* some were passed over */
    assert_int_equal(take(handover, 0, 17, 20), 0);
    assert_int_equal(take(handover, 0, 30, 1), 1);
    assert_int_equal(take(handover, 0, 31, 1), 0);
    assert_int_equal(take(handover, 1, 3, 2), 2);
    assert_int_equal(take(handover, 2, 0, 1), 0);
    const struct tide_handover_facts facts = tide_handover_facts(handover);
    assert_int_equal(facts.dropped, 0);
    assert_int_equal(facts.taken, 8);
    tide_handover_destroy(handover);
}

/* Several receipts are one row of images. */
static void test_receipts(void **state)
{
    (void)state;
    struct tide_handover *handover = create(PARTITIONS * 8192);
    const struct tide_log_receipt receipts[] = {{0, 2, 7}, {2, 1, 0}, {0, 1, 9}};
    char images[4 * IMAGE];
    fill(images, 0, 7);
    fill(images + IMAGE, 0, 8);
    fill(images + 2 * IMAGE, 2, 0);
    fill(images + 3 * IMAGE, 0, 9);
    tide_handover_give(handover, receipts, 3, images);
    assert_int_equal(take(handover, 2, 0, 1), 1);
    assert_int_equal(take(handover, 0, 7, 3), 2);
    assert_int_equal(take(handover, 0, 9, 1), 1);
    tide_handover_destroy(handover);
}

/* Room for a few images of each partition is the least. */
static void test_too_little(void **state)
{
    (void)state;
    struct tide_handover_options options = {
        .partition_count = 100, .image_size = IMAGE, .bytes_max = 2 * 100 * 512 - 1};
    struct tide_handover *handover = NULL;
    struct tide_error error = {0};
    assert_int_equal(tide_handover_create(&options, &handover, &error), TIDE_REJECT);
    assert_null(handover);
    assert_string_equal(error.text,
                        "102399 bytes are too little to hand events over in 100 partitions: it "
                        "takes 102400");
    options.bytes_max++;
    assert_int_equal(tide_handover_create(&options, &handover, &error), TIDE_OK);
    assert_int_equal(tide_handover_bytes(handover), 102400);
    give(handover, 99, 0, 1);
    assert_int_equal(take(handover, 99, 0, 1), 1);
    tide_handover_destroy(handover);
    tide_handover_destroy(NULL);
}

/* As many images as the rings hold may be on their way. */
static void test_hold(void **state)
{
    (void)state;
    struct tide_handover *handover = create(PARTITIONS * 2048);
    const uint32_t most = PARTITIONS * 1024 / IMAGE;
    assert_false(tide_handover_hold(handover, most + 1));
    assert_false(tide_handover_hold(handover, UINT32_MAX));
    assert_true(tide_handover_hold(handover, most - 1));
    assert_true(tide_handover_is_wanted(handover));
    assert_false(tide_handover_hold(handover, 2));
    assert_true(tide_handover_hold(handover, 1));
    tide_handover_release(handover, most - 1);
    assert_true(tide_handover_hold(handover, 2));
    tide_handover_release(handover, 3);
    tide_handover_destroy(handover);
}

/* What does not fit is dropped; what was there before stays whole. */
static void test_full(void **state)
{
    (void)state;
    struct tide_handover *handover = create(PARTITIONS * 2048);
    int pause = 0;
    assert_true(tide_handover_is_wanted(handover));
    for (uint64_t offset = 0; offset < 100; offset += 2) {
        give(handover, 0, offset, 2);
    }
    while (!tide_handover_is_wanted(handover)) { /* what would be dropped need not be made */
        pause++;
    }
    assert_in_range(pause, 1, 100);
    const uint64_t given = 100 - tide_handover_facts(handover).dropped;
    assert_in_range(given, 8, 1024 / IMAGE);
    uint64_t offset = 0;
    for (uint32_t some = 1; some > 0; offset += some) {
        some = take(handover, 0, offset, 100);
    }
    assert_int_equal(offset, given);
    give(handover, 0, 100, 3); /* there is room again, behind a gap */
    assert_int_equal(take(handover, 0, offset, 1), 0);
    assert_int_equal(take(handover, 0, 100, 3), 3);
    assert_int_equal(tide_handover_facts(handover).taken, given + 3);
    tide_handover_destroy(handover);
}

/* One partition's side of a drawn course. */
struct course {
    uint64_t next_given;
    uint64_t next_taken;
};

static void test_drawn(void **state)
{
    (void)state;
    uint64_t dice = 7;
    uint64_t taken = 0;
    uint64_t asked = 0;
    for (int round = 0; round < 60; round++) {
        struct tide_handover *handover = create(PARTITIONS * ((size_t)1024 << below(&dice, 5)));
        struct course courses[PARTITIONS] = {0};
        for (int step = 0; step < 2000; step++) {
            const uint32_t p = below(&dice, PARTITIONS);
            struct course *course = &courses[p];
            const uint32_t count = 1 + below(&dice, RECORDS_MAX);
            if (below(&dice, 2) == 0) {
                give(handover, p, course->next_given, count);
                course->next_given += count;
            } else if (course->next_taken < course->next_given) {
                const uint64_t left = course->next_given - course->next_taken;
                const uint32_t wanted = count < left ? count : (uint32_t)left;
                const uint32_t some = take(handover, p, course->next_taken, wanted);
                taken += some;
                asked++;
                course->next_taken += some > 0 ? some : 1;
            }
        }
        tide_handover_destroy(handover);
    }
    assert_true(taken > asked / 10);
}

/* ---- two threads ---- */

enum {
    GIVEN = 200000,
    WAITS = 1000,   /* records, in every other stretch of so many */
    BEHIND_MAX = 40 /* records that the taker may be behind then */
};

struct pair {
    struct tide_handover *handover;
    _Atomic uint64_t end;  /* what the log would show */
    _Atomic uint64_t next; /* the taker's */
};

/* Now and then it waits for the taker, so that both go round the ring together. */
static void *giver(void *context)
{
    struct pair *pair = context;
    uint64_t dice = 11;
    uint64_t next = 0;
    while (next < GIVEN) {
        const uint32_t count = 1 + below(&dice, 20);
        give(pair->handover, 1, next, count);
        next += count;
        atomic_store(&pair->end, next);
        while (next / WAITS % 2 == 0 && atomic_load(&pair->next) + BEHIND_MAX < next) {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct pair pair = {.handover = create(PARTITIONS * 16384)};
    pthread_t thread;
    uint64_t taken = 0;
    uint64_t next = 0;
    assert_int_equal(pthread_create(&thread, NULL, giver, &pair), 0);
    while (next < GIVEN) {
        const uint64_t end = atomic_load(&pair.end);
        while (next < end) {
            const uint64_t left = end - next;
            const uint32_t some = take(pair.handover, 1, next, left < 7 ? (uint32_t)left : 7);
            taken += some;
            next += some > 0 ? some : 1;
            atomic_store(&pair.next, next);
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    const struct tide_handover_facts facts = tide_handover_facts(pair.handover);
    assert_int_equal(facts.taken, taken);
    assert_true(facts.taken + facts.dropped <= atomic_load(&pair.end));
    assert_true(taken > GIVEN / 4); /* hundreds of times round */
    tide_handover_destroy(pair.handover);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
