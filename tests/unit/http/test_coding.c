/* Goal: one coding is known by its name, anything more is another matter. Method: a table of header
 * values, alone and one behind the other. */
#include "http/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum tide_coding coding;
    } rows[] = {
        {"", TIDE_CODING_IDENTITY},
        {" ", TIDE_CODING_IDENTITY},
        {"identity", TIDE_CODING_IDENTITY},
        {"Identity , ,", TIDE_CODING_IDENTITY},
        {"gzip", TIDE_CODING_GZIP},
        {"GZip", TIDE_CODING_GZIP},
        {"x-gzip", TIDE_CODING_GZIP},
        {"deflate", TIDE_CODING_DEFLATE},
        {"zstd", TIDE_CODING_ZSTD},
        {", zstd\t,identity", TIDE_CODING_ZSTD},
        {"br", TIDE_CODING_OTHER},
        {"gzi", TIDE_CODING_OTHER},
        {"gzip2", TIDE_CODING_OTHER},
        {"gzip;q=1", TIDE_CODING_OTHER},
        {"gzip gzip", TIDE_CODING_OTHER},
        {"gzip,gzip", TIDE_CODING_OTHER},
        {"gzip, zstd", TIDE_CODING_OTHER},
        {"*", TIDE_CODING_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tide_coding_add(TIDE_CODING_IDENTITY, tide_view_of(rows[i].value)) != rows[i].coding) {
            fail_msg("row %zu: '%s'", i, rows[i].value);
        }
    }
}

static void test_several_headers(void **state)
{
    (void)state;
    const struct tide_view gzip = TIDE_VIEW("gzip");
    const struct tide_view identity = TIDE_VIEW("identity");
    assert_int_equal(tide_coding_add(TIDE_CODING_GZIP, identity), TIDE_CODING_GZIP);
    assert_int_equal(tide_coding_add(TIDE_CODING_GZIP, gzip), TIDE_CODING_OTHER);
    assert_int_equal(tide_coding_add(TIDE_CODING_OTHER, identity), TIDE_CODING_OTHER);
    assert_int_equal(tide_coding_add(TIDE_CODING_OTHER, gzip), TIDE_CODING_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_several_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
