/* Goal: in every form the set holds what was added, tells what is new, unites, takes the memory
 * that its header says, and foreign bytes do no harm.
 * Method: 1,000 random sets against an array of bools, over ranges at both ends of the numbers;
 * unions of all forms; damage; allocations that fail when told (the source is included). */
#include "operator/entity_set.h"

#include "support/failing_allocation.h"
#include "unit/operator/partial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>

static uint64_t last_seed;

#define malloc failing_malloc
#define calloc failing_calloc
#define realloc failing_realloc
#include "operator/entity_set.c" /* NOLINT(bugprone-suspicious-include) */
#undef malloc
#undef calloc
#undef realloc

enum {
    UNIVERSE = 3 << 16
};

static int print_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %u\n", (unsigned)last_seed);
    return 0;
}

/* A set and its plain twin. The twin's numbers begin at 0, the set's at base. */
struct pair {
    struct tide_entity_set set;
    uint32_t base;
    uint32_t count;
    bool is_in[UNIVERSE];
};

static void pair_reset(struct pair *pair, uint32_t base)
{
    tide_entity_set_release(&pair->set);
    memset(pair, 0, sizeof(*pair));
    pair->base = base;
}

static void pair_add(struct pair *pair, uint32_t number)
{
    bool is_new = false;
    assert_int_equal(tide_entity_set_add(&pair->set, pair->base + number, &is_new), TIDE_OK);
    assert_int_equal(is_new, !pair->is_in[number]);
    pair->count += !pair->is_in[number];
    pair->is_in[number] = true;
}

struct visited {
    const struct pair *pair;
    uint64_t next;
    uint32_t count;
};

static void visit_number(void *context, uint32_t entity)
{
    struct visited *visited = context;
    assert_true(entity >= visited->next); /* ascending, none twice */
    visited->next = (uint64_t)entity + 1;
    assert_true(entity - visited->pair->base < UNIVERSE);
    assert_true(visited->pair->is_in[entity - visited->pair->base]);
    visited->count++;
}

static void pair_check(const struct pair *pair, uint64_t *seed)
{
    assert_int_equal(tide_entity_set_count(&pair->set), pair->count);
    struct visited visited = {.pair = pair};
    tide_entity_set_visit(&pair->set, visit_number, &visited);
    assert_int_equal(visited.count, pair->count);
    for (uint32_t i = 0; i < 500; i++) {
        const uint32_t number = partial_below(seed, UNIVERSE);
        assert_int_equal(tide_entity_set_contains(&pair->set, pair->base + number),
                         pair->is_in[number]);
    }
}

static bool decode(struct tide_view encoded)
{
    struct tide_entity_set set = {0};
    struct tide_error error = {{0}};
    const enum tide_status status = tide_entity_set_decode(&set, encoded, &error);
    if (status == TIDE_OK) {
        struct tide_bytes again = {0};
        tide_entity_set_encode(&set, &again);
        assert_true(tide_view_equal(tide_bytes_view(&again), encoded));
        tide_bytes_release(&again);
    } else {
        assert_int_equal(status, TIDE_REJECT);
        assert_true(strlen(error.text) > 0);
        assert_int_equal(tide_entity_set_count(&set), 0);
    }
    tide_entity_set_release(&set);
    return status == TIDE_OK;
}

static void pair_check_bytes(const struct pair *pair, uint64_t *seed)
{
    struct tide_bytes bytes = {0};
    static struct pair decoded;
    tide_entity_set_encode(&pair->set, &bytes);
    assert_true(decode(tide_bytes_view(&bytes)));
    pair_reset(&decoded, pair->base);
    memcpy(decoded.is_in, pair->is_in, sizeof(decoded.is_in));
    decoded.count = pair->count;
    assert_int_equal(tide_entity_set_decode(&decoded.set, tide_bytes_view(&bytes), NULL), TIDE_OK);
    pair_check(&decoded, seed);
    pair_reset(&decoded, 0);
    tide_bytes_release(&bytes);
}

/* Runs of neighbours and single numbers, inside a part of the universe. */
static void pair_fill(struct pair *pair, uint32_t count, uint64_t *seed)
{
    const uint32_t width = partial_size(seed, UNIVERSE);
    const uint32_t start = partial_below(seed, UNIVERSE - width + 1);
    while (count > 0) {
        const uint32_t first = partial_below(seed, width);
        uint32_t run = partial_below(seed, 3) == 0 ? 1 + partial_below(seed, count) : 1;
        run = run > width - first ? width - first : run;
        for (uint32_t i = 0; i < run; i++) {
            pair_add(pair, start + first + i);
        }
        count -= run;
    }
}

static uint32_t random_base(uint64_t *seed)
{
    static const uint32_t bases[] = {0, 7, 65530, UINT32_MAX - UNIVERSE + 1};
    return bases[partial_below(seed, 4)];
}

static void test_random_sets(void **state)
{
    (void)state;
    static struct pair pair;
    for (uint64_t set = 0; set < 1000; set++) {
        uint64_t seed = last_seed = set;
        pair_reset(&pair, random_base(&seed));
        pair_fill(&pair, partial_size(&seed, 20000), &seed);
        pair_check(&pair, &seed);
        pair_check_bytes(&pair, &seed);
        pair_fill(&pair, partial_size(&seed, 300), &seed);
        pair_check(&pair, &seed);
        pair_check_bytes(&pair, &seed);
    }
    pair_reset(&pair, 0);
}

static void pair_unite(struct pair *into, const struct pair *from)
{
    assert_int_equal(tide_entity_set_merge(&into->set, &from->set), TIDE_OK);
    for (uint32_t i = 0; i < UNIVERSE; i++) {
        into->count += !into->is_in[i] && from->is_in[i];
        into->is_in[i] |= from->is_in[i];
    }
}

/* Sets of all forms, as the panes of a window are. */
static void test_unions(void **state)
{
    enum {
        PANES = 5
    };
    (void)state;
    static struct pair panes[PANES];
    static struct pair all;
    for (uint64_t round = 0; round < 200; round++) {
        uint64_t seed = last_seed = round;
        const uint32_t base = random_base(&seed);
        const struct tide_entity_set *sets[PANES] = {NULL};
        pair_reset(&all, base);
        for (uint32_t i = 0; i < PANES; i++) {
            pair_reset(&panes[i], base);
            if (partial_below(&seed, 8) != 0) {
                pair_fill(&panes[i], partial_size(&seed, 20000), &seed);
            }
            sets[i] = &panes[i].set;
        }
        for (uint32_t i = 0; i < PANES; i++) {
            pair_unite(&all, &panes[i]);
            uint64_t count = 0;
            assert_int_equal(tide_entity_set_count_union(sets, i + 1, &count), TIDE_OK);
            assert_int_equal(count, all.count);
        }
        pair_check(&all, &seed);
        for (uint32_t i = 0; i < PANES; i++) {
            pair_check(&panes[i], &seed); /* untouched */
        }
    }
    uint64_t count = 1;
    assert_int_equal(tide_entity_set_count_union(NULL, 0, &count), TIDE_OK);
    assert_int_equal(count, 0);
    for (uint32_t i = 0; i < PANES; i++) {
        pair_reset(&panes[i], 0);
    }
    pair_reset(&all, 0);
}

/* Few entities cost nothing, more cost an array, and each bound is where the header says. */
static void test_forms(void **state)
{
    (void)state;
    struct tide_entity_set set = {0};
    assert_true(sizeof(set) <= 24);
    for (uint32_t count = 1; count <= 200; count++) {
        bool is_new = false;
        assert_int_equal(tide_entity_set_add(&set, (200 - count) * 1000, &is_new), TIDE_OK);
        assert_true(is_new);
        const size_t bytes = tide_entity_set_bytes(&set);
        if (count <= TIDE_ENTITY_SET_INLINE) {
            assert_int_equal(bytes, 0);
        } else if (count <= TIDE_ENTITY_SET_SORTED) {
            assert_true(bytes >= count * 4 && bytes < count * 8);
        } else {
            assert_true(bytes > count * 2);
        }
        assert_int_equal(set.is_ranged, count > TIDE_ENTITY_SET_SORTED);
    }
    tide_entity_set_release(&set);
    assert_int_equal(tide_entity_set_count(&set), 0);
}

/* Ranges with gaps between them, and each with the number whose low half is 0. */
static void test_gaps(void **state)
{
    enum {
        COUNT = 700,
        STEP = 70000
    };
    (void)state;
    for (uint32_t order = 0; order < 3; order++) {
        struct tide_entity_set set = {0};
        for (uint32_t i = 0; i < COUNT; i++) {
            const uint32_t orders[] = {i, COUNT - 1 - i, i * 333 % COUNT};
            const uint32_t number = orders[order] * STEP;
            bool is_new = false;
            assert_false(tide_entity_set_contains(&set, number));
            assert_false(tide_entity_set_contains(&set, number & 0xffff0000U));
            assert_int_equal(tide_entity_set_add(&set, number, &is_new), TIDE_OK);
            assert_true(is_new);
            assert_true(tide_entity_set_contains(&set, number));
            assert_int_equal(tide_entity_set_add(&set, number, &is_new), TIDE_OK);
            assert_false(is_new);
            assert_int_equal(tide_entity_set_add(&set, number & 0xffff0000U, &is_new), TIDE_OK);
            assert_true(is_new == ((number & 0xffff) != 0));
            assert_true(tide_entity_set_contains(&set, number & 0xffff0000U));
        }
        assert_false(tide_entity_set_contains(&set, UINT32_MAX));
        assert_int_equal(tide_entity_set_count(&set), 2 * COUNT - 1);
        tide_entity_set_release(&set);
    }
}

/* Numbers of one range, in any order: a table and then bits, and no number takes more than 5.4
 * bytes but where there are few. */
static void test_memory(void **state)
{
    (void)state;
    struct tide_entity_set set = {0};
    const size_t range_bytes = sizeof(struct tide_entity_range);
    for (uint32_t count = 1; count <= RANGE_NUMBERS; count++) {
        bool is_new = false;
        const uint32_t number = count * 40503 % RANGE_NUMBERS; /* an odd factor: each once */
        tide_entity_set_prefetch(&set, number); /* changes nothing, whatever it looks at */
        assert_int_equal(tide_entity_set_add(&set, number, &is_new), TIDE_OK);
        assert_true(is_new);
        const size_t bytes = tide_entity_set_bytes(&set);
        if (count > TIDE_ENTITY_SET_SORTED) {
            assert_true(bytes <= range_bytes + RANGE_BITS_SIZE);
            assert_true((double)(bytes - range_bytes) <= 5.4 * count);
        }
    }
    assert_int_equal(tide_entity_set_count(&set), RANGE_NUMBERS);
    assert_int_equal(tide_entity_set_bytes(&set), range_bytes + RANGE_BITS_SIZE);
    tide_entity_set_prefetch(&set, UINT32_MAX);
    tide_entity_set_release(&set);
}

static void test_bytes(void **state)
{
    (void)state;
    struct tide_entity_set set = {0};
    static const uint32_t entities[] = {UINT32_MAX, 0x10002, 1, 0x10000};
    for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
        bool is_new = false;
        assert_int_equal(tide_entity_set_add(&set, entities[i], &is_new), TIDE_OK);
    }
    struct tide_bytes bytes = {0};
    tide_entity_set_encode(&set, &bytes);
    const struct tide_view expected =
        TIDE_VIEW("E\1\0\0\0\0\1\0\1\0\1\0\0\0\2\0\xff\xff\0\0\xff\xff");
    assert_true(tide_view_equal(tide_bytes_view(&bytes), expected));
    assert_true(decode(expected));
    assert_true(decode(TIDE_VIEW("E\1")));
    const struct tide_view wrong[] = {
        TIDE_VIEW(""),
        TIDE_VIEW("E"),
        TIDE_VIEW("E\2"),
        TIDE_VIEW("V\1"),
        TIDE_VIEW("E\1\0"),
        TIDE_VIEW("E\1\0\0\0\0"),
        TIDE_VIEW("E\1\0\0\0\0\1"),
        TIDE_VIEW("E\1\0\0\0\0\1\0\0"),
        TIDE_VIEW("E\1\0\0\1\0\1\0\1\0"),         /* twice */
        TIDE_VIEW("E\1\0\0\1\0\2\0\1\0"),         /* out of order */
        TIDE_VIEW("E\1\1\0\0\0\1\0\1\0\0\0\2\0"), /* a range twice */
        TIDE_VIEW("E\1\1\0\0\0\1\0\0\0\0\0\2\0"), /* ranges out of order */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_false(decode(wrong[i]));
    }
    tide_bytes_release(&bytes);
    tide_entity_set_release(&set);
}

/* Around the bound between a list and bits, and a whole range. */
static void test_range_forms(void **state)
{
    static const uint32_t counts[] = {4095, 4096, 4097, 65535, 65536, 65537, 131072};
    (void)state;
    static struct pair pair;
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        pair_reset(&pair, 65536);
        for (uint32_t number = 0; number < counts[i]; number++) {
            pair_add(&pair, number);
        }
        pair_check(&pair, &seed);
        pair_check_bytes(&pair, &seed);
        struct tide_bytes bytes = {0};
        tide_entity_set_encode(&pair.set, &bytes);
        assert_true(bytes.size <= 2 + 3 * (4 + 8192));
        assert_true(partial_damage(tide_bytes_view(&bytes), decode, i) > 0);
        tide_bytes_release(&bytes);
    }
    pair_reset(&pair, 0);
}

static void test_damage(void **state)
{
    (void)state;
    static struct pair pair;
    for (uint64_t set = 0; set < 20; set++) {
        uint64_t seed = set;
        pair_reset(&pair, random_base(&seed));
        pair_fill(&pair, partial_size(&seed, 3000), &seed);
        struct tide_bytes bytes = {0};
        tide_entity_set_encode(&pair.set, &bytes);
        assert_true(partial_damage(tide_bytes_view(&bytes), decode, set) > 0);
        tide_bytes_release(&bytes);
    }
    pair_reset(&pair, 0);
}

/* Adds with more and more memory until it is enough; how often it was not. */
static uint32_t add_at_last(struct tide_entity_set *set, uint32_t entity)
{
    const uint64_t count = tide_entity_set_count(set);
    for (int left = 0;; left++) {
        bool is_new = false;
        allocations_left = left;
        const enum tide_status status = tide_entity_set_add(set, entity, &is_new);
        allocations_left = -1;
        if (status == TIDE_OK) {
            assert_true(is_new);
            assert_int_equal(tide_entity_set_count(set), count + 1);
            assert_true(tide_entity_set_contains(set, entity));
            return (uint32_t)left;
        }
        assert_int_equal(status, TIDE_FATAL);
        assert_int_equal(tide_entity_set_count(set), count);
        assert_false(tide_entity_set_contains(set, entity));
    }
}

static void test_out_of_memory(void **state)
{
    enum {
        ENTITIES = 10000,
        STEP = 26 /* four ranges, and each becomes bits */
    };
    (void)state;
    struct tide_entity_set set = {0};
    uint32_t failed = 0;
    for (uint32_t i = 0; i < ENTITIES; i++) {
        failed += add_at_last(&set, i * STEP);
        if (i == TIDE_ENTITY_SET_SORTED - 1) {
            assert_int_equal(failed, 5); /* 8, 16, ..., 128 */
        }
    }
    /* At least two for each of the ranges that came after the first, and eight times that one
     * grew. */
    assert_true(failed > 5 + 3 * (2 + 8));
    for (uint32_t i = 0; i < ENTITIES; i++) {
        assert_true(tide_entity_set_contains(&set, i * STEP));
    }
    struct tide_bytes bytes = {0};
    tide_entity_set_encode(&set, &bytes);
    struct tide_entity_set other = {0};
    enum tide_status status = TIDE_FATAL;
    int left = 0;
    for (; status != TIDE_OK; left++) {
        struct tide_error error = {{0}};
        allocations_left = left;
        status = tide_entity_set_decode(&other, tide_bytes_view(&bytes), &error);
        allocations_left = -1;
        if (status != TIDE_OK) {
            assert_int_equal(status, TIDE_FATAL);
            assert_string_equal(error.text, "out of memory for an entity set");
            assert_int_equal(tide_entity_set_count(&other), 0);
        }
    }
    assert_true(left > 30);
    assert_int_equal(tide_entity_set_count(&other), ENTITIES);
    tide_entity_set_release(&other);
    allocations_left = 0;
    assert_int_equal(tide_entity_set_merge(&other, &set), TIDE_FATAL);
    allocations_left = -1;
    assert_int_equal(tide_entity_set_merge(&other, &set), TIDE_OK);
    assert_int_equal(tide_entity_set_count(&other), ENTITIES);
    tide_bytes_release(&bytes);
    tide_entity_set_release(&set);
    tide_entity_set_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_random_sets, print_seed),
        cmocka_unit_test_teardown(test_unions, print_seed),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_range_forms),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
