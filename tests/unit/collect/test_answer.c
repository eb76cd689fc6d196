/* Goal: answers have exactly the documented form. Method: whole texts. */
#include "collect/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void assert_text(struct tide_bytes *json, const char *expected)
{
    assert_string_equal(tide_bytes_terminated(json), expected);
    tide_bytes_release(json);
}

static void test_plain(void **state)
{
    (void)state;
    struct tide_answer answer = {0};
    struct tide_bytes json = {0};
    tide_answer_write(&answer, NULL, 0, &json);
    assert_text(&json, "{\"accepted\":0,\"rejected\":0,\"errors\":[],\"receipt\":[]}");
    const struct tide_verdict good = {0};
    const struct tide_verdict bad = {
        TIDE_REASON_TYPE, TIDE_VIEW("/a~1b"), TIDE_VIEW("not a \"string\"")};
    tide_answer_note(&answer, good);
    tide_answer_note(&answer, bad);
    tide_answer_note(&answer, good);
    tide_answer_note(&answer, bad);
    const struct tide_log_receipt receipts[] = {{1, 2, 7}, {1, 1, 9}, {1, 1, 11}, {2, 3, 0}};
    tide_answer_write(&answer, receipts, 4, &json);
    assert_text(&json,
                "{\"accepted\":2,\"rejected\":2,\"errors\":["
                "{\"index\":1,\"reason\":\"type\",\"pointer\":\"/a~1b\",\"detail\":\"not a "
                "\\\"string\\\"\"},"
                "{\"index\":3,\"reason\":\"type\",\"pointer\":\"/a~1b\",\"detail\":\"not a "
                "\\\"string\\\"\"}],\"receipt\":[{\"partition\":1,\"offset\":7,\"count\":3},"
                "{\"partition\":1,\"offset\":11,\"count\":1},"
                "{\"partition\":2,\"offset\":0,\"count\":3}]}");
    tide_answer_reset(&answer);
    assert_int_equal(answer.accepted + answer.rejected + answer.errors.size, 0);
    tide_answer_release(&answer);
}

static void test_errors_omitted(void **state)
{
    (void)state;
    struct tide_answer answer = {0};
    const struct tide_verdict bad = {.reason = TIDE_REASON_MISSING};
    for (int i = 0; i < TIDE_ANSWER_ERRORS_MAX; i++) {
        tide_answer_note(&answer, bad);
    }
    struct tide_bytes json = {0};
    tide_answer_write(&answer, NULL, 0, &json);
    assert_null(strstr(tide_bytes_terminated(&json), "errors_omitted"));
    tide_bytes_reset(&json);
    tide_answer_note(&answer, bad);
    tide_answer_write(&answer, NULL, 0, &json);
    const char *text = tide_bytes_terminated(&json);
    assert_non_null(strstr(text, "],\"errors_omitted\":1,\"receipt\":[]}"));
    assert_non_null(strstr(text, "\"index\":999,"));
    assert_null(strstr(text, "\"index\":1000,"));
    tide_bytes_release(&json);
    tide_answer_release(&answer);
}

static void test_sunbird(void **state)
{
    (void)state;
    struct tide_bytes json = {0};
    struct tide_answer_sunbird sunbird = {
        .api_id = "api.x",
        .now = {1774000000123999},
        .message_id = TIDE_VIEW("a\"b"),
        .reply_message_id = {0x1234, 0xabcdef},
    };
    tide_answer_write_sunbird_head(&sunbird, &json);
    tide_bytes_append_text(&json, "{}");
    tide_answer_write_sunbird_tail(&json);
    assert_text(&json,
                "{\"id\":\"api.x\",\"ver\":\"3.0\",\"ets\":1774000000123,\"params\":{\"status\":"
                "\"successful\",\"msgid\":\"a\\\"b\",\"resmsgid\":"
                "\"00000000000012340000000000abcdef\",\"err\":null,\"errmsg\":null},"
                "\"responseCode\":\"SUCCESS\",\"result\":{}}");
    sunbird.message_id = (struct tide_view){0};
    tide_answer_write_sunbird_head(&sunbird, &json);
    assert_non_null(strstr(tide_bytes_terminated(&json), "\"msgid\":null,"));
    tide_bytes_release(&json);
}

static void test_unsplit(void **state)
{
    (void)state;
    struct tide_bytes json = {0};
    const struct tide_verdict verdict = {
        TIDE_REASON_JSON_INVALID, TIDE_VIEW(""), TIDE_VIEW("at byte 7")};
    tide_answer_write_unsplit(verdict, &json);
    assert_text(&json,
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                "\"detail\":\"at byte 7\",\"reason\":\"json_invalid\",\"pointer\":\"\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_errors_omitted),
        cmocka_unit_test(test_sunbird),
        cmocka_unit_test(test_unsplit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
