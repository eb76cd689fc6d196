/* Goal: statistics count right, and a bound is never on the wrong side of a value. Method: the
 * exact JSON of small sets; tables of bounds that must be rounded or left out. */
#include "unit/lake/fixture.h"

#include "base/json.h"

static void assert_stats(const struct tide_rows *rows,
                         const uint32_t *indices,
                         uint32_t count,
                         const char *wanted)
{
    struct tide_bytes json = {0};
    tide_rows_stats(rows, indices, count, &json);
    assert_string_equal(tide_bytes_terminated(&json), wanted);
    tide_bytes_release(&json);
}

static void test_exact(void **state)
{
    (void)state;
    static const uint32_t indices[] = {2, 0};
    static const uint32_t last[] = {1};
    struct tide_rows *rows = fixture_rows();
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    fixture_text(rows, FIXTURE_TEXT, "b\"");
    tide_rows_set_number(rows, FIXTURE_LONG, INT64_MIN);
    tide_rows_set_number(rows, FIXTURE_DECIMAL, -1500000);
    tide_rows_set_number(rows, FIXTURE_BOOLEAN, 1);
    tide_rows_set_number(rows, FIXTURE_TIME, 1);
    fixture_text(rows, FIXTURE_BYTES, "x");
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK); /* not in the first set */
    fixture_text(rows, FIXTURE_TEXT, "zzz");
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    fixture_text(rows, FIXTURE_TEXT, "");
    tide_rows_set_number(rows, FIXTURE_LONG, INT64_MAX);
    tide_rows_set_number(rows, FIXTURE_DECIMAL, 999999999999999);
    tide_rows_set_number(rows, FIXTURE_TIME, -1);
    assert_stats(rows,
                 indices,
                 2,
                 "{\"numRecords\":2,\"minValues\":{\"text\":\"\",\"long\":-9223372036854775808,"
                 "\"decimal\":-1.5,\"time\":\"1969-12-31T23:59:59.999Z\"},"
                 "\"maxValues\":{\"text\":\"b\\\"\",\"long\":9223372036854775807,"
                 "\"decimal\":999999999.999999,\"time\":\"1970-01-01T00:00:00.001Z\"},"
                 "\"nullCount\":{\"text\":0,\"long\":0,\"decimal\":0,\"boolean\":1,\"time\":0,"
                 "\"bytes\":1,\"received_time\":2}}");
    assert_stats(rows,
                 last,
                 1,
                 "{\"numRecords\":1,\"minValues\":{\"text\":\"zzz\"},"
                 "\"maxValues\":{\"text\":\"zzz\"},\"nullCount\":{\"text\":0,\"long\":1,"
                 "\"decimal\":1,\"boolean\":1,\"time\":1,\"bytes\":1,\"received_time\":1}}");
    tide_rows_destroy(rows);
}

static void test_doubles(void **state)
{
    (void)state;
    static const double numbers[] = {2.5, -1e-7, 0.1, 1e300};
    static const uint32_t indices[] = {0, 1, 2, 3, 4};
    struct tide_rows *rows = fixture_doubles(numbers, 4);
    assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
    assert_stats(rows,
                 indices,
                 3,
                 "{\"numRecords\":3,\"minValues\":{\"double\":-1e-07},\"maxValues\":{"
                 "\"double\":2.5},\"nullCount\":{\"double\":0}}");
    assert_stats(rows,
                 indices + 2,
                 3,
                 "{\"numRecords\":3,\"minValues\":{\"double\":0.1},\"maxValues\":{"
                 "\"double\":1e+300},\"nullCount\":{\"double\":1}}");
    tide_rows_destroy(rows);
}

/* The bounds of one column with one value; NULL: left out. */
static void assert_bounds(struct tide_rows *rows,
                          enum fixture_column column,
                          const char *minimum,
                          const char *maximum)
{
    struct tide_arena arena = {0};
    struct tide_bytes text = {0};
    struct tide_json *json = NULL;
    uint32_t last = tide_rows_count(rows) - 1;
    tide_rows_stats(rows, &last, 1, &text);
    assert_int_equal(tide_json_parse(&arena, tide_bytes_view(&text), &json, NULL), TIDE_OK);
    const char *const names[] = {"minValues", "maxValues"};
    const char *const wanted[] = {minimum, maximum};
    for (int i = 0; i < 2; i++) {
        char name[32] = {0};
        memcpy(name, fixture_columns[column].name.data, fixture_columns[column].name.size);
        const struct tide_json *found = tide_json_get(tide_json_get(json, names[i]), name);
        assert_int_equal(found == NULL, wanted[i] == NULL);
        if (found != NULL) {
            assert_true(tide_view_equal(found->text, tide_view_of(wanted[i])));
        }
    }
    tide_bytes_release(&text);
    tide_arena_release(&arena);
}

#define TEXT_8 "abcdefgh"
#define TEXT_31 TEXT_8 TEXT_8 TEXT_8 "abcdefg"
#define LAST_8 "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf"
#define LAST_32 LAST_8 LAST_8 LAST_8 LAST_8 LAST_8 LAST_8 LAST_8 LAST_8

static void test_long_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *minimum;
        const char *maximum;
    } cases[] = {
        {TEXT_31 "h", TEXT_31 "h", TEXT_31 "h"},
        {TEXT_31 "hh", TEXT_31 "h", TEXT_31 "i"},
        {TEXT_31 "\x7fz", TEXT_31 "\x7f", TEXT_31 "\xc2\x80"},
        {TEXT_31 "\xdf\xbfz", TEXT_31 "\xdf\xbf", TEXT_31 "\xe0\xa0\x80"},
        {TEXT_31 "\xed\x9f\xbfz", TEXT_31 "\xed\x9f\xbf", TEXT_31 "\xee\x80\x80"},
        {TEXT_31 "\xef\xbf\xbfz", TEXT_31 "\xef\xbf\xbf", TEXT_31 "\xf0\x90\x80\x80"},
        {TEXT_31 "\xf4\x8f\xbf\xbfz", TEXT_31 "\xf4\x8f\xbf\xbf", TEXT_8 TEXT_8 TEXT_8 "abcdefh"},
        {LAST_32, LAST_32, LAST_32},
        {LAST_32 "a", LAST_32, NULL}, /* nothing is above it */
    };
    struct tide_rows *rows = fixture_rows();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        fixture_text(rows, FIXTURE_TEXT, cases[i].text);
        assert_bounds(rows, FIXTURE_TEXT, cases[i].minimum, cases[i].maximum);
        if (cases[i].maximum != NULL) {
            assert_true(strcmp(cases[i].maximum, cases[i].text) >= 0);
            assert_true(strcmp(cases[i].minimum, cases[i].text) <= 0);
        }
    }
    tide_rows_destroy(rows);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        enum fixture_column column;
        int64_t number;
        const char *minimum;
        const char *maximum;
    } cases[] = {
        {FIXTURE_TIME, 1772928000000000, "2026-03-08T00:00:00.000Z", "2026-03-08T00:00:00.000Z"},
        {FIXTURE_TIME, 1772928000123001, "2026-03-08T00:00:00.123Z", "2026-03-08T00:00:00.124Z"},
        {FIXTURE_TIME, 1772927999999999, "2026-03-07T23:59:59.999Z", "2026-03-08T00:00:00.000Z"},
        {FIXTURE_TIME, INT64_C(253402300800000000), NULL, NULL}, /* the year 10000 */
        {FIXTURE_TIME, INT64_C(-62135596800000001), NULL, NULL}, /* before the year 1 */
        {FIXTURE_DECIMAL, 0, "0", "0"},
        {FIXTURE_DECIMAL, -1, "-0.000001", "-0.000001"},
        {FIXTURE_DECIMAL, INT64_C(1000000000000000), NULL, NULL}, /* 16 digits */
        {FIXTURE_DECIMAL, INT64_C(-1000000000000000), NULL, NULL},
        {FIXTURE_BOOLEAN, 1, NULL, NULL},
    };
    struct tide_rows *rows = fixture_rows();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(tide_rows_begin(rows, 0), TIDE_OK);
        tide_rows_set_number(rows, cases[i].column, cases[i].number);
        assert_bounds(rows, cases[i].column, cases[i].minimum, cases[i].maximum);
    }
    tide_rows_destroy(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
