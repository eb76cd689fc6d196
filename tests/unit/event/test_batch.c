/* Goal: cells, and the canonical bytes of values: equal values equal bytes, back and forth; the
 * order of groups; JSON. Method: a sorted list of values compared pair by pair. */
#include "event/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/schema_text.h"

#include "base/banned.h"

#define STRING(text)                                                                               \
    {                                                                                              \
        .present = true, .type = TIDE_TYPE_STRING, .string = { text, sizeof(text) - 1 }            \
    }
#define NUMBER(kind, value)                                                                        \
    {                                                                                              \
        .present = true, .type = (kind), .number = (value)                                         \
    }

static void check_order(const struct tide_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            int order = tide_value_compare(values[i], values[k]);
            assert_true((order < 0) == (i < k) && (order > 0) == (i > k));
            struct tide_bytes a = {0};
            struct tide_bytes b = {0};
            tide_value_encode(values[i], &a);
            tide_value_encode(values[k], &b);
            assert_true(tide_view_equal(tide_bytes_view(&a), tide_bytes_view(&b)) == (i == k));
            tide_bytes_release(&a);
            tide_bytes_release(&b);
        }
    }
}

static void test_order(void **state)
{
    (void)state;
    static const struct tide_value strings[] = {{.present = false},
                                                STRING(""),
                                                STRING("A"),
                                                STRING("a"),
                                                STRING("a\0"),
                                                STRING("ab"),
                                                STRING("\xc3\xa9"),
                                                STRING("\xff")};
    static const struct tide_value numbers[] = {{.present = false, .type = TIDE_TYPE_INT},
                                                NUMBER(TIDE_TYPE_INT, INT64_MIN),
                                                NUMBER(TIDE_TYPE_INT, -1),
                                                NUMBER(TIDE_TYPE_INT, 0),
                                                NUMBER(TIDE_TYPE_INT, 255),
                                                NUMBER(TIDE_TYPE_INT, INT64_MAX)};
    check_order(strings, sizeof strings / sizeof *strings);
    check_order(numbers, sizeof numbers / sizeof *numbers);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const struct tide_value values[] = {STRING("x"),
                                               {.present = false},
                                               NUMBER(TIDE_TYPE_DECIMAL, -1250000),
                                               NUMBER(TIDE_TYPE_BOOL, 1),
                                               STRING(""),
                                               NUMBER(TIDE_TYPE_TIME_ISO, INT64_MIN)};
    const size_t count = sizeof values / sizeof *values;
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < count; i++) {
        tide_value_encode(values[i], &bytes);
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct tide_value value = tide_value_decode(tide_bytes_view(&bytes), &at);
        assert_int_equal(value.present, values[i].present);
        if (value.present) {
            assert_int_equal(value.type, values[i].type);
            assert_int_equal(tide_value_compare(value, values[i]), 0);
        }
    }
    assert_int_equal(at, bytes.size);
    tide_bytes_release(&bytes);
}

/* These bytes are in identities: they may never change. */
static void test_bytes_are_fixed(void **state)
{
    (void)state;
    static const struct tide_value text = STRING("hi");
    static const struct tide_value number = NUMBER(TIDE_TYPE_DECIMAL, -2);
    static const struct tide_value null = {.present = false};
    struct tide_bytes bytes = {0};
    tide_value_encode(text, &bytes);
    tide_value_encode(number, &bytes);
    tide_value_encode(null, &bytes);
    static const char expected[] = "\1\2\0\0\0hi\3\xfe\xff\xff\xff\xff\xff\xff\xff";
    assert_int_equal(bytes.size, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    tide_bytes_release(&bytes);
}

static void test_json(void **state)
{
    (void)state;
    static const struct tide_value values[] = {{.present = false},
                                               STRING("a\"b"),
                                               NUMBER(TIDE_TYPE_INT, -7),
                                               NUMBER(TIDE_TYPE_DECIMAL, 1250000),
                                               NUMBER(TIDE_TYPE_BOOL, 0),
                                               NUMBER(TIDE_TYPE_TIME_MS, 5)};
    struct tide_bytes bytes = {0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        tide_value_write_json(values[i], &bytes);
        tide_bytes_append_byte(&bytes, ' ');
    }
    assert_string_equal(tide_bytes_terminated(&bytes), "null \"a\\\"b\" -7 1.25 false 5 ");
    tide_bytes_release(&bytes);
}

static void test_cells(void **state)
{
    (void)state;
    struct schema_text it;
    const struct tide_schema *schema =
        schema_text_load(&it,
                         "{name: t, entity: u, id: u, time: at_, columns: {u: {path: u}, "
                         "at_: {path: at, type: time_ms, required: true}}}");
    assert_non_null(schema);
    struct tide_batch *batch = NULL;
    assert_int_equal(tide_batch_create(schema, 2, &batch, NULL), TIDE_OK);
    batch->row_count = 2;
    batch->columns[0].present[1] = 1;
    batch->columns[0].strings[1] = TIDE_VIEW("x");
    batch->columns[1].present[0] = 1;
    batch->columns[1].numbers[0] = 9;
    assert_false(tide_batch_value(batch, 0, 0).present);
    assert_true(tide_view_equal(tide_batch_value(batch, 0, 1).string, TIDE_VIEW("x")));
    assert_int_equal(tide_batch_value(batch, 1, 0).number, 9);
    assert_non_null(tide_arena_allocate_text(&batch->arena, 100));
    tide_batch_reset(batch);
    assert_int_equal(batch->row_count, 0);
    assert_int_equal(batch->arena.used, 0);
    tide_batch_destroy(batch);
    tide_batch_destroy(NULL);
    schema_text_release(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bytes_are_fixed),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
