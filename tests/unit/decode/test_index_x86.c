/* Goal: a kernel marks a block exactly where bytes are not UTF-8. Method: every sequence of two
 * bytes, and of three and four with every lead and the continuations that matter, in plain text at
 * and across a block's border, against the byte by byte judgement of utf8.h. */
#include "decode/index_x86.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/banned.h"

#if TIDE_INDEX_HAS_X86

enum {
    TEXT_SIZE = 160
};

static struct tide_index index_of_all;

static void check_at(const struct tide_index_kernel *kernel,
                     const unsigned char *bytes,
                     size_t size,
                     size_t place)
{
    char text[TEXT_SIZE];
    memset(text, 'a', sizeof text);
    memcpy(text + place, bytes, size);
    const bool is_valid =
        tide_utf8_valid_size((struct tide_view){text, sizeof text}) == sizeof text;
    kernel->run(&index_of_all, text, sizeof text, false);
    if (index_of_all.has_special == is_valid) {
        fail_msg("%s: %02x %02x %02x %02x at %zu",
                 kernel->name,
                 bytes[0],
                 bytes[1],
                 size > 2 ? bytes[2] : 0,
                 size > 3 ? bytes[3] : 0,
                 place);
    }
}

static void check(const unsigned char *bytes, size_t size)
{
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_x86_kernels(&count);
    const size_t places[] = {10, TIDE_INDEX_BLOCK_SIZE - 1, TIDE_INDEX_BLOCK_SIZE - 2};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; kernels[i].is_supported() && k < sizeof places / sizeof *places; k++) {
            check_at(&kernels[i], bytes, size, places[k]);
        }
        if (kernels[i].is_supported()) {
            check_at(&kernels[i], bytes, size, TEXT_SIZE - size); /* cut off */
        }
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const unsigned char thirds[] = {
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    assert_int_equal(tide_index_init(&index_of_all, NULL), TIDE_OK);
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            unsigned char bytes[4] = {(unsigned char)first, (unsigned char)second};
            if (second == '"' || second == '\\' || second < ' ') {
                continue; /* marked for another reason */
            }
            check(bytes, 2);
            for (size_t i = 0; first >= 0xE0 && i < sizeof thirds; i++) {
                bytes[2] = thirds[i];
                check(bytes, 3);
                for (size_t k = 2; first >= 0xF0 && k < sizeof thirds; k++) {
                    bytes[3] = thirds[k];
                    check(bytes, 4);
                }
            }
        }
    }
    tide_index_release(&index_of_all);
}

/* A line feed in a string ends the run, wherever it is in a block, and marks nothing before. */
static void test_broken_lines(void **state)
{
    (void)state;
    size_t count;
    const struct tide_index_kernel *kernels = tide_index_x86_kernels(&count);
    assert_int_equal(tide_index_init(&index_of_all, NULL), TIDE_OK);
    for (size_t i = 0; i < count; i++) {
        for (size_t place = 3; kernels[i].is_supported() && place < TEXT_SIZE; place++) {
            char text[TEXT_SIZE];
            memset(text, 'a', sizeof text);
            memcpy(text, "1\n\"", 3);
            text[place] = '\n';
            assert_int_equal(kernels[i].run(&index_of_all, text, sizeof text, true), place);
            assert_int_equal(index_of_all.line_count, 1);
            assert_int_equal(index_of_all.tokens[index_of_all.lines[0]], 1);
        }
    }
    tide_index_release(&index_of_all);
}

#else

static void test_utf8(void **state)
{
    (void)state;
    skip();
}

static void test_broken_lines(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8),
                                       cmocka_unit_test(test_broken_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
