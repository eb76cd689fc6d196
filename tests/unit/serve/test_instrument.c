/* Goal: the table keeps Prometheus' conventions and describes everything once.
 * Method: what can be checked of every row. promtool has its say in test_api_exposition.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serve/instrument.h"

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text);
    return size > strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static void names_say_what_is_counted(void **state)
{
    (void)state;
    for (int i = 0; i < TIDE_INSTRUMENT_COUNT; i++) {
        const struct tide_instrument_row *row = tide_instrument_row((enum tide_instrument)i);
        assert_non_null(row->name);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name));
        assert_true(strncmp(row->name, "tidemark_", 9) == 0 ||
                    strncmp(row->name, "process_", 8) == 0);
        assert_int_equal(row->type == TIDE_INSTRUMENT_COUNTER, ends_with(row->name, "_total"));
        assert_int_equal(strcmp(row->unit, "seconds") == 0, strstr(row->name, "_seconds") != NULL);
        assert_int_equal(strcmp(row->unit, "bytes") == 0, strstr(row->name, "_bytes") != NULL);
        assert_true(row->type != TIDE_INSTRUMENT_HISTOGRAM || ends_with(row->name, "_seconds"));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(row->name, tide_instrument_row((enum tide_instrument)k)->name);
        }
    }
}

static void each_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < TIDE_INSTRUMENT_COUNT; i++) {
        const enum tide_instrument instrument = (enum tide_instrument)i;
        const struct tide_instrument_row *row = tide_instrument_row(instrument);
        assert_true(ends_with(row->help, "."));
        assert_null(strchr(row->help, '|')); /* the help is a cell of a table, too */
        assert_true(strlen(row->room) > 0 && strlen(row->unit) > 0);
        for (uint32_t k = 0; k < tide_instrument_label_count(instrument); k++) {
            assert_string_not_equal(row->labels[k], "le");
        }
    }
    assert_int_equal(tide_instrument_label_count(TIDE_INSTRUMENT_HTTP_REQUESTS), 2);
    assert_int_equal(tide_instrument_label_count(TIDE_INSTRUMENT_LOG_BYTES), 0);
    assert_string_equal(tide_instrument_type_name(TIDE_INSTRUMENT_COUNTER), "counter");
    assert_string_equal(tide_instrument_type_name(TIDE_INSTRUMENT_GAUGE), "gauge");
    assert_string_equal(tide_instrument_type_name(TIDE_INSTRUMENT_HISTOGRAM), "histogram");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_is_counted),
        cmocka_unit_test(each_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
