/* Goal: digits are read up to the last number that fits, and nothing else is a number. Method:
 * tables at the borders; every byte in the place of a digit. */
#include "base/digits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

enum {
    BEFORE = 42 /* what a value keeps when there is no number */
};

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_decimal;
        uint64_t decimal;
        bool is_hex;
        uint64_t hex;
    } cases[] = {
        {"0", true, 0, true, 0},
        {"7", true, 7, true, 7},
        {"007", true, 7, true, 7},
        {"10", true, 10, true, 16},
        {"18446744073709551615", true, UINT64_MAX, false, BEFORE},
        {"18446744073709551616", false, BEFORE, false, BEFORE},
        {"18446744073709551620", false, BEFORE, false, BEFORE},
        {"00018446744073709551615", true, UINT64_MAX, false, BEFORE},
        {"ffffffffffffffff", false, BEFORE, true, UINT64_MAX},
        {"0ffffffffffffffff", false, BEFORE, true, UINT64_MAX},
        {"10000000000000000", true, UINT64_C(10000000000000000), false, BEFORE},
        {"09af", false, BEFORE, true, 0x9af},
        {"09AF", false, BEFORE, false, BEFORE},
        {"", false, BEFORE, false, BEFORE},
        {"-1", false, BEFORE, false, BEFORE},
        {"+1", false, BEFORE, false, BEFORE},
        {" 1", false, BEFORE, false, BEFORE},
        {"1 ", false, BEFORE, false, BEFORE},
        {"1.5", false, BEFORE, false, BEFORE},
        {"0x1", false, BEFORE, false, BEFORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tide_view text = tide_view_of(cases[i].text);
        uint64_t value = BEFORE;
        assert_int_equal(tide_digits_parse(text, &value), cases[i].is_decimal);
        assert_int_equal(value, cases[i].decimal);
        value = BEFORE;
        assert_int_equal(tide_digits_parse_hex(text, &value), cases[i].is_hex);
        assert_int_equal(value, cases[i].hex);
    }
    uint64_t value = BEFORE;
    assert_false(tide_digits_parse((struct tide_view){NULL, 0}, &value));
    assert_false(tide_digits_parse_hex((struct tide_view){NULL, 0}, &value));
    assert_int_equal(value, BEFORE);
}

static void test_every_byte(void **state)
{
    static const char decimal[] = "0123456789";
    static const char small[] = "0123456789abcdef";
    static const char capital[] = "0123456789ABCDEF";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char text[] = {'1', (char)byte};
        int digit = -1; /* of a hexadecimal number, in either case */
        bool is_small = false;
        for (int i = 0; i < 16; i++) {
            is_small = is_small || small[i] == (char)byte;
            digit = small[i] == (char)byte || capital[i] == (char)byte ? i : digit;
        }
        const bool is_decimal = digit >= 0 && digit < (int)sizeof(decimal) - 1;
        uint64_t value = 0;
        assert_int_equal(tide_is_digit((char)byte), is_decimal);
        assert_int_equal(tide_digits_parse((struct tide_view){text, 2}, &value), is_decimal);
        assert_int_equal(value, is_decimal ? 10 + digit : 0);
        value = 0;
        assert_int_equal(tide_digits_parse_hex((struct tide_view){text, 2}, &value), is_small);
        assert_int_equal(value, is_small ? 16 + digit : 0);
        assert_int_equal(tide_digits_escaped(text, 2), digit < 0 ? -1 : 16 + digit);
    }
}

static void test_escaped(void **state)
{
    (void)state;
    assert_int_equal(tide_digits_escaped("0aF9", 4), 0x0AF9);
    assert_int_equal(tide_digits_escaped("0aF9", 2), 0x0A); /* and no byte more */
    assert_int_equal(tide_digits_escaped("00g0", 4), -1);
    assert_int_equal(tide_digits_escaped("\"000", 4), -1);
    assert_int_equal(tide_digits_escaped("fffffff", 7), 0xFFFFFFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
