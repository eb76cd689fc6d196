/* Goal: what is and what is not part of an identity, and where a record goes. Method: two rows that
 * differ in one thing, for each thing. */
#include "event/uid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/schema_text.h"

#include "base/banned.h"

static const char columns_text[] =
    "name: t\nentity: who\nid: mid\ntime: at_\nreceived: seen\npayload: p\n"
    "columns: {who: {path: who}, mid: {path: mid}, kind: {path: kind},\n"
    "  at_: {path: at, type: time_ms, required: true}, seen: {path: seen, type: time_ms}}\n";

struct fixture {
    struct schema_text text;
    struct tide_batch *batch;
    struct tide_bytes scratch;
};

/* Two equal accepted rows. */
static void setup(struct fixture *it, const char *extra)
{
    char text[1024];
    memcpy(text, columns_text, sizeof columns_text);
    memcpy(text + sizeof columns_text - 1, extra, strlen(extra) + 1);
    it->scratch = (struct tide_bytes){0};
    assert_non_null(schema_text_load(&it->text, text));
    assert_int_equal(tide_batch_create(it->text.schema, 2, &it->batch, NULL), TIDE_OK);
    it->batch->row_count = 2;
    for (uint32_t row = 0; row < 2; row++) {
        for (uint32_t column = 0; column < 5; column++) {
            it->batch->columns[column].present[row] = 1;
        }
        for (uint32_t column = 0; column < 3; column++) {
            it->batch->columns[column].strings[row] = TIDE_VIEW("same");
        }
        it->batch->columns[3].numbers[row] = 1000;
        it->batch->columns[4].numbers[row] = 2000;
    }
}

static void teardown(struct fixture *it)
{
    tide_batch_destroy(it->batch);
    tide_bytes_release(&it->scratch);
    schema_text_release(&it->text);
}

static struct tide_u128 uid_of(struct fixture *it,
                               uint32_t row,
                               struct tide_view payload,
                               uint64_t seed)
{
    struct tide_hash_key key;
    tide_hash_key_init(&key, seed);
    return tide_uid_compute(it->batch, row, payload, &key, &it->scratch);
}

static bool is_same(struct fixture *it, struct tide_view payload)
{
    return tide_u128_equal(uid_of(it, 0, TIDE_VIEW("{}"), 1), uid_of(it, 1, payload, 1));
}

static void test_full_identity(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, "");
    assert_true(is_same(&it, TIDE_VIEW("{}")));
    assert_false(is_same(&it, TIDE_VIEW("{ }")));
    assert_false(is_same(&it, (struct tide_view){NULL, 0}));
    it.batch->columns[4].numbers[1] = 3; /* received: not part of it */
    assert_true(is_same(&it, TIDE_VIEW("{}")));
    it.batch->columns[3].numbers[1] = 1001;
    assert_false(is_same(&it, TIDE_VIEW("{}")));
    it.batch->columns[3].numbers[1] = 1000;
    it.batch->columns[2].present[1] = 0;
    assert_false(is_same(&it, TIDE_VIEW("{}")));
    it.batch->columns[2].present[0] = 0;
    assert_true(is_same(&it, TIDE_VIEW("{}")));
    /* the border between two strings is part of it */
    it.batch->columns[0].strings[0] = TIDE_VIEW("ab");
    it.batch->columns[1].strings[0] = TIDE_VIEW("c");
    it.batch->columns[0].strings[1] = TIDE_VIEW("a");
    it.batch->columns[1].strings[1] = TIDE_VIEW("bc");
    assert_false(is_same(&it, TIDE_VIEW("{}")));
    struct tide_u128 one = uid_of(&it, 0, TIDE_VIEW("{}"), 1);
    struct tide_u128 two = uid_of(&it, 0, TIDE_VIEW("{}"), 2);
    assert_false(tide_u128_equal(one, two));
    teardown(&it);
}

static void test_identity_by_id(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, "dedupe: {key: id}\n");
    it.batch->columns[2].strings[1] = TIDE_VIEW("other"); /* kind: not part of it */
    assert_true(is_same(&it, TIDE_VIEW("{1}")));
    it.batch->columns[0].present[1] = 0;
    assert_false(is_same(&it, TIDE_VIEW("{}")));
    it.batch->columns[0].present[1] = 1;
    it.batch->columns[1].present[0] = 0; /* without an id: everything */
    it.batch->columns[1].present[1] = 0;
    assert_false(is_same(&it, TIDE_VIEW("{}")));
    it.batch->columns[2].strings[1] = TIDE_VIEW("same");
    assert_true(is_same(&it, TIDE_VIEW("{}")));
    teardown(&it);
}

static void test_route(void **state)
{
    (void)state;
    struct fixture it;
    setup(&it, "");
    it.batch->texts[0] = TIDE_VIEW("{\"record\":1}");
    it.batch->uids[0] = (struct tide_u128){.high = 2, .low = 1};
    const uint32_t count = 1000003; /* large: no accidental agreement */
    assert_int_equal(tide_route(it.batch, 0, count), tide_partition_of(TIDE_VIEW("same"), count));
    it.batch->columns[0].present[0] = 0;
    static const char uid[16] = {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(tide_route(it.batch, 0, count),
                     tide_partition_of((struct tide_view){uid, sizeof uid}, count));
    it.batch->verdicts[0].reason = TIDE_REASON_TYPE;
    assert_int_equal(tide_route(it.batch, 0, count),
                     tide_partition_of(TIDE_VIEW("{\"record\":1}"), count));
    it.batch->verdicts[0].reason = TIDE_REASON_ACCEPTED;
    teardown(&it);
}

/* As a producer in another language writes the entity. */
static void test_route_key(void **state)
{
    static const struct {
        const char *type; /* of the entity's column */
        int64_t number;
        const char *key; /* NULL: it has none */
    } rows[] = {
        {"string", 0, "anna"},
        {"string", 1, NULL}, /* not present */
        {"int", 0, "0"},
        {"int", -42, "-42"},
        {"int", INT64_MIN, "-9223372036854775808"},
        {"decimal", 1500000, "1.5"},
        {"decimal", -1, "-0.000001"},
        {"decimal", 7000000, "7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct schema_text loaded;
        struct tide_batch *batch = NULL;
        char text[256];
        char key_text[TIDE_ROUTE_KEY_MAX];
        (void)snprintf(
            text,
            sizeof(text),
            "name: t\nentity: who\nid: mid\ntime: at_\ncolumns: {who: {path: who, type: %s},\n"
            "  mid: {path: mid},\n"
            "  at_: {path: at, type: time_ms, required: true}}\n",
            rows[i].type);
        assert_non_null(schema_text_load(&loaded, text));
        assert_int_equal(tide_batch_create(loaded.schema, 1, &batch, NULL), TIDE_OK);
        batch->row_count = 1;
        struct tide_vector *entity = &batch->columns[0];
        entity->present[0] = rows[i].key != NULL;
        if (entity->strings != NULL) {
            entity->strings[0] = TIDE_VIEW("anna");
        } else {
            entity->numbers[0] = rows[i].number;
        }
        struct tide_view key = tide_route_key(batch, 0, key_text);
        assert_int_equal(key.data != NULL, rows[i].key != NULL);
        if (rows[i].key != NULL) {
            assert_true(tide_view_equal(key, tide_view_of(rows[i].key)));
            assert_int_equal(tide_route(batch, 0, 1000), tide_partition_of(key, 1000));
        }
        tide_batch_destroy(batch);
        schema_text_release(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_identity),
        cmocka_unit_test(test_identity_by_id),
        cmocka_unit_test(test_route),
        cmocka_unit_test(test_route_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
