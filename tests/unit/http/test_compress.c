/* Goal: what is compressed is what was given, behind what stood there, and a maximum is kept.
 * Method: round trips through http/inflate.h; the first bytes that the formats demand. */
#include "http/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/inflate.h"

enum {
    PLAIN_MAX = 300000
};

static void check_round_trip(enum tide_coding coding, struct tide_view plain)
{
    struct tide_inflate *inflate = NULL;
    struct tide_bytes packed = {0};
    char *output = malloc(PLAIN_MAX + 1);
    size_t made = 0;
    const char *why = NULL;
    assert_non_null(output);
    tide_bytes_append_text(&packed, "head");
    assert_int_equal(tide_compress(coding, plain, &packed, NULL), TIDE_OK);
    assert_memory_equal(packed.data, "head", 4);
    struct tide_view input = tide_view_slice(tide_bytes_view(&packed), 4, packed.size - 4);
    assert_int_equal(tide_inflate_create(&inflate, NULL), TIDE_OK);
    struct tide_inflate_limits limits = tide_inflate_limits_default(PLAIN_MAX);
    limits.ratio_from = PLAIN_MAX;
    tide_inflate_begin(inflate, coding, limits);
    assert_int_equal(tide_inflate_step(inflate, &input, output, PLAIN_MAX + 1, &made, &why), 0);
    assert_int_equal(tide_inflate_end(inflate, &why), 0);
    assert_true(tide_view_equal(plain, (struct tide_view){output, made}));
    tide_inflate_destroy(inflate);
    tide_bytes_release(&packed);
    free(output);
}

static void test_round_trips(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 1000, 65536, PLAIN_MAX};
    static const enum tide_coding codings[] = {
        TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD};
    char *text = malloc(PLAIN_MAX);
    assert_non_null(text);
    uint32_t noise = 1;
    for (size_t i = 0; i < PLAIN_MAX; i++) { /* half of it cannot be compressed */
        noise = noise * 1664525 + 1013904223;
        text[i] = i < PLAIN_MAX / 2 ? (char)(noise >> 24) : 'x';
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t c = 0; c < 3; c++) {
            check_round_trip(codings[c], (struct tide_view){text, sizes[i]});
        }
    }
    free(text);
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        enum tide_coding coding;
        const char *first;
    } rows[] = {{TIDE_CODING_GZIP, "\x1f\x8b"},
                {TIDE_CODING_DEFLATE, "\x78\x9c"},
                {TIDE_CODING_ZSTD, "\x28\xb5"}};
    for (size_t i = 0; i < 3; i++) {
        struct tide_bytes packed = {0};
        assert_int_equal(tide_compress(rows[i].coding, TIDE_VIEW("x"), &packed, NULL), TIDE_OK);
        assert_memory_equal(packed.data, rows[i].first, 2);
        tide_bytes_release(&packed);
    }
}

static void test_maximum(void **state)
{
    (void)state;
    static const enum tide_coding codings[] = {
        TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD};
    for (size_t i = 0; i < 3; i++) {
        struct tide_bytes packed = {0};
        struct tide_error error = {0};
        tide_bytes_init(&packed, 8);
        assert_int_equal(tide_compress(codings[i], TIDE_VIEW("abcdef"), &packed, &error),
                         TIDE_RETRY);
        assert_string_equal(error.text, "no memory to compress a body");
        assert_int_equal(packed.size, 0);
        tide_bytes_release(&packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
