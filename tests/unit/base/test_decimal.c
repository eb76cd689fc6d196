/* Goal: numbers mean what semantics.md says, to the last digit, however they are spelled. Method:
 * tables of edges for each kind; long texts built around a half; format and parse as inverses. */
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An absent value in the tables: no row expects it as a result. */
#define NONE INT64_C(-4242)

struct number_row {
    const char *text;
    int64_t as_int;
    int64_t as_decimal;
    int64_t as_time_us;
};

static const struct number_row number_rows[] = {
    {"0", 0, 0, 0},
    {"-0", 0, 0, 0},
    {"-0.000e7", 0, 0, 0},
    {"0e999999999999999999999999", 0, 0, 0},
    {"1", 1, 1000000, 1000},
    {"-1", -1, -1000000, -1000},
    {"1.5E3", 1500, 1500000000, 1500000},
    {"1500e-3", NONE, 1500000, NONE},
    {"15000e-1", 1500, 1500000000, 1500000},
    {"1.50", NONE, 1500000, NONE},
    {"2.00", 2, 2000000, 2000},
    {"0.05e2", 5, 5000000, 5000},
    {"0.000001", NONE, 1, NONE},
    {"0.0000005", NONE, 0, NONE}, /* half to even */
    {"0.0000015", NONE, 2, NONE},
    {"0.0000025", NONE, 2, NONE},
    {"-0.0000015", NONE, -2, NONE},
    {"-0.0000025", NONE, -2, NONE},
    {"0.00000250000000000000000000000000000000000001", NONE, 3, NONE},
    {"0.00000249999999999999999999999999999999999999", NONE, 2, NONE},
    {"0.0000004999", NONE, 0, NONE},
    {"1e-6", NONE, 1, NONE},
    {"5e-7", NONE, 0, NONE},
    {"51e-8", NONE, 1, NONE},
    {"1e-7", NONE, 0, NONE},
    {"9e-8", NONE, 0, NONE},
    {"1e-999999999999999999999", NONE, 0, NONE},
    {"1e999999999999999999999", NONE, NONE, NONE},
    {"1e00000000000000000000000002", 100, 100000000, 100000}, /* its digits are what they are */
    {"100e-00000000000000000000000002", 1, 1000000, 1000},
    {"999999999999", 999999999999, 999999999999000000, 999999999999000},
    {"999999999999.999999", NONE, 999999999999999999, NONE},
    {"-999999999999.999999", NONE, -999999999999999999, NONE},
    {"999999999999.9999994", NONE, 999999999999999999, NONE},
    {"999999999999.9999995", NONE, NONE, NONE}, /* 10^12 after rounding */
    {"1000000000000", 1000000000000, NONE, 1000000000000000},
    {"1000000000000000", 1000000000000000, NONE, 1000000000000000000},
    {"-1000000000000000", -1000000000000000, NONE, -1000000000000000000},
    {"1e15", 1000000000000000, NONE, 1000000000000000000},
    {"1000000000000001", 1000000000000001, NONE, NONE},
    {"9223372036854775807", INT64_MAX, NONE, NONE},
    {"9223372036854775808", NONE, NONE, NONE},
    {"-9223372036854775808", INT64_MIN, NONE, NONE},
    {"-9223372036854775809", NONE, NONE, NONE},
    {"9223372036854775807.0", INT64_MAX, NONE, NONE},
    {"9223372036854775807.1", NONE, NONE, NONE},
    {"9223372036854775807.0000000000000000001", NONE, NONE, NONE},
    {"922337203685477580.7e1", INT64_MAX, NONE, NONE},
    {"92233720368547758070e-1", INT64_MAX, NONE, NONE},
    {"9999999999999999999", NONE, NONE, NONE},
    {"10000000000000000000", NONE, NONE, NONE},
    {"18446744073709551616", NONE, NONE, NONE},
    {"18446744073709551617", NONE, NONE, NONE}, /* 1 modulo 2^64 */
    {"10000000000000000000e-19", 1, 1000000, 1000},
    {"12345678901234567890123e-22", NONE, 1234568, NONE},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(number_rows) / sizeof(number_rows[0]); i++) {
        const struct number_row *row = &number_rows[i];
        const struct tide_view text = tide_view_of(row->text);
        int64_t as_int = NONE;
        int64_t as_decimal = NONE;
        int64_t as_time_us = NONE;
        const bool is_int = tide_decimal_parse_int(text, &as_int);
        const bool is_decimal = tide_decimal_parse_decimal(text, &as_decimal);
        const bool is_time = tide_decimal_parse_time_ms(text, &as_time_us);
        if (as_int != row->as_int || is_int != (row->as_int != NONE) ||
            as_decimal != row->as_decimal || is_decimal != (row->as_decimal != NONE) ||
            as_time_us != row->as_time_us || is_time != (row->as_time_us != NONE)) {
            fail_msg("%s: int %jd, decimal %jd, time %jd",
                     row->text,
                     (intmax_t)as_int,
                     (intmax_t)as_decimal,
                     (intmax_t)as_time_us);
        }
    }
}

/* A half that only the last of very many digits decides, and a one far behind an exponent. */
static void test_long_numbers(void **state)
{
    (void)state;
    enum {
        SIZE = 150000
    };
    char *text = malloc(SIZE + 32);
    assert_non_null(text);
    memset(text, '0', SIZE);
    memcpy(text, "0.0000005", 9);
    int64_t value = NONE;
    assert_true(tide_decimal_parse_decimal((struct tide_view){text, SIZE}, &value));
    assert_int_equal(value, 0);
    text[SIZE - 1] = '1';
    assert_true(tide_decimal_parse_decimal((struct tide_view){text, SIZE}, &value));
    assert_int_equal(value, 1);

    memset(text, '0', SIZE);
    text[0] = '7';
    const int printed = snprintf(text + SIZE, 32, "e-%d", SIZE - 1);
    const struct tide_view whole = {text, SIZE + (size_t)printed};
    assert_true(tide_decimal_parse_int(whole, &value));
    assert_int_equal(value, 7);
    text[SIZE - 1] = '1';
    assert_false(tide_decimal_parse_int(whole, &value));
    assert_true(tide_decimal_parse_decimal(whole, &value));
    assert_int_equal(value, 7000000);
    free(text);
}

static tide_i128 i128_of(int64_t high, uint64_t low)
{
    return (tide_i128)high * ((tide_i128)1 << 64) + (tide_i128)low;
}

static void test_format_and_back(void **state)
{
    (void)state;
    const struct {
        tide_i128 value;
        unsigned scale;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {0, 6, "0"},
        {1, 6, "0.000001"},
        {-1, 6, "-0.000001"},
        {1500000, 6, "1.5"},
        {-1500000, 6, "-1.5"},
        {100000000, 6, "100"},
        {100000000, 0, "100000000"},
        {123456, 6, "0.123456"},
        {1234567, 6, "1.234567"},
        {i128_of(INT64_MAX, UINT64_MAX), 0, "170141183460469231731687303715884105727"},
        {i128_of(INT64_MIN, 0), 0, "-170141183460469231731687303715884105728"},
        {i128_of(INT64_MAX, UINT64_MAX), 6, "170141183460469231731687303715884.105727"},
        {i128_of(INT64_MIN, 0), 6, "-170141183460469231731687303715884.105728"},
        {i128_of(INT64_MIN, 0), 38, "-1.70141183460469231731687303715884105728"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TIDE_DECIMAL_TEXT_MAX];
        tide_i128 value = 42;
        assert_int_equal(tide_decimal_format(rows[i].value, rows[i].scale, text),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(tide_decimal_parse_i128(tide_view_of(text), rows[i].scale, &value),
                         TIDE_OK);
        assert_true(value == rows[i].value);
    }
}

static void test_parse_i128(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned scale;
        int64_t value; /* NONE: rejected */
    } rows[] = {
        {"1.500000", 6, 1500000},
        {"+1.5", 6, 1500000},
        {"0001", 0, 1},
        {"-0", 6, 0},
        {"1.0000000", 6, NONE},
        {"1.5", 0, NONE},
        {"1.", 6, NONE},
        {".5", 6, NONE},
        {"", 6, NONE},
        {"-", 6, NONE},
        {"--1", 6, NONE},
        {"1e3", 6, NONE},
        {"1 ", 6, NONE},
        {" 1", 6, NONE},
        {"1.5.5", 6, NONE},
        {"1.-5", 6, NONE},
        {"nan", 6, NONE},
        {"170141183460469231731687303715884105728", 0, NONE},
        {"-170141183460469231731687303715884105729", 0, NONE},
        {"170141183460469231731687303715884.105728", 6, NONE},
        {"340282366920938463463374607431768211457", 0, NONE}, /* 1 modulo 2^128 */
        {"3402823669209384634633746074317682114570", 0, NONE},
        {"340282366920938463463374607431768211456", 6, NONE},
        {"34028236692093846346337460743176821.5", 6, NONE},
        {"3402823669209384634633746074317682.1", 6, NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tide_i128 value = NONE;
        const enum tide_status status =
            tide_decimal_parse_i128(tide_view_of(rows[i].text), rows[i].scale, &value);
        if (status != (rows[i].value == NONE ? TIDE_REJECT : TIDE_OK) || value != rows[i].value) {
            fail_msg("'%s' gave %s", rows[i].text, tide_status_name(status));
        }
    }
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Around 2^53, where a division of doubles would round twice. What is expected, the compiler reads
 * from its literal. */
static void test_to_double(void **state)
{
    (void)state;
    const struct {
        tide_i128 value;
        unsigned scale;
        double expected;
    } rows[] = {
        {0, 6, 0.0},
        {1500000, 6, 1.5},
        {-1, 6, -1e-6},
        {100000, 6, 0.1},
        {9007199254740992, 0, 9007199254740992.0},
        {9007199254740993, 0, 9007199254740992.0},
        {9007199254740995, 0, 9007199254740996.0},
        {9007199254740993, 6, 9007199254.740993},
        {-9007199254740993, 6, -9007199254.740993},
        {999999999999999999, 6, 999999999999.999999},
        {((tide_i128)1 << 100) + 1, 0, 0x1p100},
        {((tide_i128)1 << 100) + ((tide_i128)1 << 47), 0, 0x1p100},
        {((tide_i128)1 << 100) + ((tide_i128)1 << 47) + 1, 0, 0x1.0000000000001p100},
        {i128_of(INT64_MIN, 0), 0, -0x1p127},
        {i128_of(INT64_MAX, UINT64_MAX), 6, 170141183460469231731687303715884.105727},
        {1, 38, 1e-38},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(
            same_bits(tide_decimal_to_double(rows[i].value, rows[i].scale), rows[i].expected));
    }
}

static void test_double_format(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3.0, "0.3333333333333333"},
        {1e20, "1e+20"},
        {1e-7, "1e-07"},
        {123456789012.0, "123456789012"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_TRUE_MIN, "5e-324"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TIDE_DECIMAL_TEXT_MAX];
        assert_int_equal(tide_double_format(rows[i].value, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_true(same_bits(strtod(text, NULL), rows[i].value));
    }
    uint64_t bits = 88172645463325252; /* any pattern of bits that is a number comes back */
    for (int i = 0; i < 2000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value = 0;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            char text[TIDE_DECIMAL_TEXT_MAX];
            tide_double_format(value, text);
            assert_true(same_bits(strtod(text, NULL), value));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_format_and_back),
        cmocka_unit_test(test_parse_i128),
        cmocka_unit_test(test_to_double),
        cmocka_unit_test(test_double_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
