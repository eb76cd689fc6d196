/* Goal: messages as a reader of event streams wants them, and only a listener's rows in them.
 * Method: texts byte for byte. */
#include "serve/live_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(struct tide_bytes *text, const char *wanted)
{
    assert_string_equal(tide_bytes_terminated(text), wanted);
    tide_bytes_reset(text);
}

static void test_messages(void **state)
{
    (void)state;
    struct tide_bytes text = {0};
    live_message_retry(1000, &text);
    expect(&text, "retry: 1000\n\n");
    live_message_write("status", TIDE_VIEW("a-1-b"), TIDE_VIEW("{\"a\":1}"), &text);
    expect(&text, "event: status\nid: a-1-b\ndata: {\"a\":1}\n\n");
    /* Lines of one document, also behind the last of them. */
    live_message_write("x", TIDE_VIEW("1"), TIDE_VIEW("{\n\"a\":1}\n"), &text);
    expect(&text, "event: x\nid: 1\ndata: {\ndata: \"a\":1}\n\n");
    tide_bytes_release(&text);
}

static void test_rows_of_a_listener(void **state)
{
    (void)state;
    const struct live_row rows[] = {
        {.window = 1, .rank = 0, .look = 5, .text = TIDE_VIEW("{1}")},
        {.window = 0, .rank = 0, .look = 7, .text = TIDE_VIEW("{2}")},
        {.window = 0, .rank = 1, .look = 6, .text = TIDE_VIEW("{3}")},
        {.window = 2, .rank = 0, .look = 9, .text = TIDE_VIEW("{4}")},
        {.window = 0, .rank = 2, .look = 9, .text = TIDE_VIEW("{5}")},
    };
    static const struct {
        struct live_cut cut;
        const char *wanted; /* "" : no message */
    } cases[] = {
        {{3, 3, 0},
         "event: cells\nid: i\ndata: {\"metric\":\"m\",\"cells\":[{1},{2},{3},{4},{5}]}\n\n"},
        {{2, 2, 0}, "event: cells\nid: i\ndata: {\"metric\":\"m\",\"cells\":[{1},{2},{3}]}\n\n"},
        {{3, 3, 6}, "event: cells\nid: i\ndata: {\"metric\":\"m\",\"cells\":[{2},{4},{5}]}\n\n"},
        {{1, 1, 7}, ""},
        {{3, 3, 9}, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        const bool has_rows =
            live_message_cells(TIDE_VIEW("i"), TIDE_VIEW("m"), rows, 5, cases[i].cut, &text);
        assert_int_equal(has_rows, cases[i].wanted[0] != '\0');
        expect(&text, cases[i].wanted);
        tide_bytes_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_rows_of_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
