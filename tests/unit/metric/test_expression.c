/* Goal: conditions hold for exactly the rows they should, with nulls, on any number of rows.
 * Method: a truth table over five rows, each condition with the rows it keeps; then random rows,
 * where `not` must give the complement, and `and`, `or` the intersection and union of their
 * parts. */
#include "metric/expression.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

/* row   kind  a      b      n     x         at_
 *  0    I     x      true   1     0.5       10
 *  1    S     xy     false  2     -0.5      20
 *  2    I     é      null   -3    1.25      30
 *  3    E     null   true   null  null      40
 *  4    I     ""     null   MAX   12 digits 50    */
static struct tide_batch *make_batch(const struct tide_schema *schema)
{
    static const char *const kinds[] = {"I", "S", "I", "E", "I"};
    static const char *const as[] = {"x", "xy", "\xc3\xa9", NULL, ""};
    static const int bs[] = {1, 0, -1, 1, -1};
    static const int64_t ns[] = {1, 2, -3, 0, INT64_MAX};
    static const int64_t xs[] = {500000, -500000, 1250000, 0, 999999999999123456};
    struct tide_batch *batch = fixture_batch(schema, 5);
    for (uint32_t row = 0; row < 5; row++) {
        fixture_set_text(batch, row, "kind", tide_view_of(kinds[row]));
        fixture_set_number(batch, row, "at_", 10 * (row + 1));
        if (as[row] != NULL) {
            fixture_set_text(batch, row, "a", tide_view_of(as[row]));
        }
        if (bs[row] >= 0) {
            fixture_set_number(batch, row, "b", bs[row]);
        }
        if (row != 3) {
            fixture_set_number(batch, row, "n", ns[row]);
            fixture_set_number(batch, row, "x", xs[row]);
        }
    }
    return batch;
}

static struct tide_expression *parse(struct fixture *fixture,
                                     const struct tide_schema *schema,
                                     const char *text)
{
    const struct tide_position nowhere = {0};
    struct tide_expression *expression = tide_expression_parse(
        &fixture->arena, schema, tide_view_of(text), nowhere, &fixture->diagnostics);
    if (expression == NULL) {
        fail_msg("%s: %s", text, fixture_errors(fixture));
    }
    return expression;
}

static const struct {
    const char *text;
    const char *rows;
} truths[] = {
    {"kind == \"I\"", "024"},
    {"kind != \"I\"", "13"},
    {"not kind == \"I\"", "13"},
    {"a == \"x\"", "0"},
    {"a != \"x\"", "124"},
    {"not a == \"x\"", "1234"},
    {"not a != \"x\"", "03"},
    {"a < \"xy\"", "04"},
    {"a <= \"xy\"", "014"},
    {"a > \"x\"", "12"},
    {"a >= \"x\"", "012"},
    {"a == \"\"", "4"},
    {"a == \"\\u00e9\"", "2"},
    {"a in [\"x\", \"\", \"nothing\"]", "04"},
    {"not a in [\"x\"]", "1234"},
    {"a is null", "3"},
    {"a is not null", "0124"},
    {"not a is null", "0124"},
    {"b", "03"},
    {"not b", "124"},
    {"b == true", "03"},
    {"b == false", "1"},
    {"b != true", "1"},
    {"b != false", "03"},
    {"not b == true", "124"},
    {"b in [true, false]", "013"},
    {"b is null", "24"},
    {"n == 2", "1"},
    {"n == 2.0", "1"},
    {"n == 1.5", ""},
    {"n != 1.5", "0124"},
    {"not n == 1.5", "01234"},
    {"n >= 1.5", "14"},
    {"n > 1", "14"},
    {"n >= 1", "014"},
    {"n < 2", "02"},
    {"n <= 1.99", "02"},
    {"n <= -2.5", "2"},
    {"n < -3", ""},
    {"n == 9223372036854775807", "4"},
    {"n > 9223372036854775807", ""},
    {"n >= 9223372036854775807", "4"},
    {"n < 9223372036854775807", "012"},
    {"n < 9223372036854775807.5", "0124"},
    {"n >= 9223372036854775807.5", ""},
    {"n < -9223372036854775808", ""},
    {"n >= -9223372036854775808", "0124"},
    {"n < 99999999999999999999999999999999999999", "0124"},
    {"n > 99999999999999999999999999999999999999", ""},
    {"n != 99999999999999999999999999999999999999", "0124"},
    {"n > -99999999999999999999999999999999999999", "0124"},
    {"n <= -99999999999999999999999999999999999999", ""},
    {"n in [1, 1.5, 2, 2, 99999999999999999999]", "01"},
    {"n in [1.5]", ""},
    {"not n in [1.5]", "01234"},
    {"x >= -0.5", "0124"},
    {"x > -0.5", "024"},
    {"x > -0.5000000000001", "0124"},
    {"x == 0.50000000", "0"},
    {"x == 0.5000000001", ""},
    {"x <= 999999999999.123456", "0124"},
    {"x < 999999999999.123456", "012"},
    {"x in [0.5, 1.25, 3]", "02"},
    {"at_ > 25", "234"},
    {"at_ == 30", "2"},
    {"b or n == 2", "013"},
    {"b and n == 1", "0"},
    {"kind == \"S\" or kind == \"I\" and b", "01"},
    {"(kind == \"S\" or kind == \"I\") and b", "0"},
    {"not (b or a is null)", "124"},
    {"not not b", "03"},
    {"not b and not a is null", "124"},
    {"n in [1] or n in [2] or n in [-3]", "012"},
    {"a is null or x > 1 and (b or not (n < 0))", "34"},
};

static void test_truth_table(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_schema *schema = fixture_schema(&fixture);
    struct tide_batch *batch = make_batch(schema);
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        uint32_t rows[] = {0, 1, 2, 3, 4};
        char kept[6] = "";
        const uint32_t count =
            tide_expression_select(parse(&fixture, schema, truths[i].text), batch, rows, 5);
        for (uint32_t k = 0; k < count; k++) {
            kept[k] = (char)('0' + rows[k]);
        }
        if (strcmp(kept, truths[i].rows) != 0) {
            fail_msg("%s: expected '%s', got '%s'", truths[i].text, truths[i].rows, kept);
        }
    }
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

enum {
    RANDOM_ROWS = 1500
};

static struct tide_batch *random_batch(const struct tide_schema *schema, uint64_t *seed)
{
    static const char *const texts[] = {"x", "xy", "y", ""};
    struct tide_batch *batch = fixture_batch(schema, RANDOM_ROWS);
    for (uint32_t row = 0; row < RANDOM_ROWS; row++) {
        if (fixture_below(seed, 4) != 0) {
            fixture_set_text(batch, row, "a", tide_view_of(texts[fixture_below(seed, 4)]));
        }
        if (fixture_below(seed, 4) != 0) {
            fixture_set_number(batch, row, "b", fixture_below(seed, 2));
        }
        if (fixture_below(seed, 4) != 0) {
            fixture_set_number(batch, row, "n", (int64_t)fixture_below(seed, 7) - 3);
        }
    }
    return batch;
}

/* One byte for each row. */
static void mask_of(const struct tide_expression *expression,
                    const struct tide_batch *batch,
                    uint8_t *mask)
{
    static uint32_t rows[RANDOM_ROWS];
    for (uint32_t i = 0; i < RANDOM_ROWS; i++) {
        rows[i] = i;
    }
    memset(mask, 0, RANDOM_ROWS);
    const uint32_t count = tide_expression_select(expression, batch, rows, RANDOM_ROWS);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i - 1] < rows[i]);
        mask[rows[i]] = 1;
    }
}

static void test_connectives(void **state)
{
    static const char *const parts[] = {"a == \"x\"",
                                        "not b",
                                        "n > 0",
                                        "a is null",
                                        "n == 1.5",
                                        "n != 1.5",
                                        "b or n < -1",
                                        "a > \"x\" and b",
                                        "not (b)",
                                        "n in [0, 2]"};
    enum {
        PART_COUNT = sizeof(parts) / sizeof(parts[0])
    };
    (void)state;
    uint64_t seed = 7;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_schema *schema = fixture_schema(&fixture);
    struct tide_batch *batch = random_batch(schema, &seed);
    for (size_t i = 0; i < PART_COUNT * PART_COUNT; i++) {
        static uint8_t masks[5][RANDOM_ROWS];
        const char *left = parts[i / PART_COUNT];
        const char *right = parts[i % PART_COUNT];
        char texts[5][100];
        (void)snprintf(texts[0], sizeof(texts[0]), "%s", left);
        (void)snprintf(texts[1], sizeof(texts[1]), "%s", right);
        (void)snprintf(texts[2], sizeof(texts[2]), "(%s) and (%s)", left, right);
        (void)snprintf(texts[3], sizeof(texts[3]), "(%s) or (%s)", left, right);
        (void)snprintf(texts[4], sizeof(texts[4]), "not (%s)", left);
        for (size_t k = 0; k < 5; k++) {
            mask_of(parse(&fixture, schema, texts[k]), batch, masks[k]);
        }
        for (uint32_t row = 0; row < RANDOM_ROWS; row++) {
            assert_int_equal(masks[2][row], masks[0][row] & masks[1][row]);
            assert_int_equal(masks[3][row], masks[0][row] | masks[1][row]);
            assert_int_equal(masks[4][row], !masks[0][row]);
        }
    }
    tide_batch_destroy(batch);
    fixture_release(&fixture);
}

static void test_columns_and_encoding(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct tide_schema *schema = fixture_schema(&fixture);
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    tide_expression_columns(parse(&fixture, schema, "not b or n in [1] and a is null"), used);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const char name = schema->columns[i].name.data[0];
        const bool is_short = schema->columns[i].name.size == 1;
        assert_int_equal(used[i], is_short && (name == 'a' || name == 'b' || name == 'n'));
    }
    /* Pairs that mean the same encode the same, all others differ. */
    static const char *const texts[] = {"n > 1",
                                        "n >= 2.0",
                                        "n >= 3",
                                        "x >= 2",
                                        "a == \"n\"",
                                        "a == \"m\"",
                                        "a != \"n\"",
                                        "b",
                                        "b == true",
                                        "not b",
                                        "n in [1, 2]",
                                        "n in [2, 1]",
                                        "a in [\"n\"]",
                                        "b or n > 1",
                                        "b and n > 1"};
    static const int same[] = {0, 0, 2, 3, 4, 5, 6, 7, 7, 9, 10, 10, 12, 13, 14};
    enum {
        TEXT_COUNT = sizeof(texts) / sizeof(texts[0])
    };
    struct tide_bytes encoded[TEXT_COUNT] = {{0}};
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        tide_expression_encode(parse(&fixture, schema, texts[i]), &encoded[i]);
        for (size_t k = 0; k <= i; k++) {
            assert_int_equal(
                tide_view_equal(tide_bytes_view(&encoded[i]), tide_bytes_view(&encoded[k])),
                same[i] == same[k]);
        }
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        tide_bytes_release(&encoded[i]);
    }
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth_table),
        cmocka_unit_test(test_connectives),
        cmocka_unit_test(test_columns_and_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
