/* Goal: the conservation law is checked as written, and a ledger comes back from JSON as it went.
 * Method: ledgers that keep or break each line of the law; round trips; every field taken out. */
#include "process/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tide_ledger sample(void)
{
    return (struct tide_ledger){.verdicts = 10,
                                .processed = 6,
                                .duplicate = 1,
                                .rejected = {[TIDE_REASON_TYPE] = 2, [TIDE_REASON_TOO_OLD] = 1},
                                .on_time = 3,
                                .late_hot = 2,
                                .late_cold = 1,
                                .uids = {UINT64_MAX, 7}};
}

static void test_the_law(void **state)
{
    (void)state;
    struct tide_ledger empty = {0};
    assert_true(tide_ledger_holds(&empty));
    struct tide_ledger good = sample();
    assert_true(tide_ledger_holds(&good));
    assert_int_equal(tide_ledger_rejected(&good), 3);
    uint64_t *const fields[] = {&good.verdicts,
                                &good.processed,
                                &good.duplicate,
                                &good.rejected[TIDE_REASON_TYPE],
                                &good.rejected[TIDE_REASON_ACCEPTED],
                                &good.on_time,
                                &good.late_hot,
                                &good.late_cold};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        (*fields[i])++;
        assert_false(tide_ledger_holds(&good));
        (*fields[i])--;
    }
    /* Nothing may be booked as rejected for being accepted, even if the sums are right. */
    good.rejected[TIDE_REASON_ACCEPTED] = 1;
    good.verdicts++;
    assert_false(tide_ledger_holds(&good));
}

static void test_add_and_equal(void **state)
{
    (void)state;
    struct tide_ledger sum = sample();
    const struct tide_ledger one = sample();
    tide_ledger_add(&sum, &one);
    assert_int_equal(sum.verdicts, 20);
    assert_int_equal(sum.processed, 12);
    assert_int_equal(sum.duplicate, 2);
    assert_int_equal(sum.rejected[TIDE_REASON_TYPE], 4);
    assert_int_equal(sum.on_time, 6);
    assert_int_equal(sum.late_hot, 4);
    assert_int_equal(sum.late_cold, 2);
    assert_true(sum.uids.high == UINT64_MAX - 1); /* modulo 2^64, no carry between the halves */
    assert_int_equal(sum.uids.low, 14);
    assert_true(tide_ledger_holds(&sum));
    assert_false(tide_ledger_equal(&sum, &one));
    struct tide_ledger same = one;
    assert_true(tide_ledger_equal(&same, &one));
    same.uids.low++;
    assert_false(tide_ledger_equal(&same, &one));
}

static bool read_text(const char *text, struct tide_ledger *ledger)
{
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    assert_int_equal(tide_json_parse(&arena, tide_view_of(text), &json, NULL), TIDE_OK);
    bool is_read = tide_ledger_read_json(json, ledger);
    tide_arena_release(&arena);
    return is_read;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct tide_ledger ledgers[3] = {{0}, sample(), {0}};
    for (int i = 0; i < TIDE_REASON_COUNT; i++) {
        ledgers[2].rejected[i] = i == TIDE_REASON_ACCEPTED ? 0 : UINT64_MAX - (uint64_t)i;
    }
    for (size_t i = 0; i < 3; i++) {
        struct tide_bytes text = {0};
        struct tide_ledger back;
        tide_ledger_write_json(&ledgers[i], &text);
        assert_true(read_text(tide_bytes_terminated(&text), &back));
        assert_true(tide_ledger_equal(&back, &ledgers[i]));
        tide_bytes_release(&text);
    }
}

/* Renames one member at a time; the reader must miss it. */
static void test_every_member_is_needed(void **state)
{
    (void)state;
    static const char *const members[] = {"verdicts",
                                          "processed",
                                          "duplicate",
                                          "on_time",
                                          "late_hot",
                                          "late_cold",
                                          "uids_high",
                                          "uids_low",
                                          "rejected"};
    struct tide_ledger ledger = sample();
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct tide_bytes text = {0};
        struct tide_ledger back;
        tide_ledger_write_json(&ledger, &text);
        assert_non_null(tide_bytes_terminated(&text));
        char *at = strstr(text.data, members[i]);
        assert_non_null(at);
        *at = 'X';
        assert_false(read_text(text.data, &back));
        tide_bytes_release(&text);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char rest[] = "\"verdicts\":0,\"processed\":0,\"duplicate\":0,\"on_time\":0,"
                               "\"late_hot\":0,\"late_cold\":0,\"uids_high\":0,\"uids_low\":0";
    static const char *const rejected[] = {
        "[]",
        "5",
        "{\"no_such_reason\":1}",
        "{\"type\":-1}",
        "{\"type\":1.5}",
        "{\"type\":\"1\"}",
        "{\"a_word_that_is_much_longer_than_any_reason_can_be\":1}"};
    struct tide_ledger back;
    char text[512];
    for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
        snprintf(text, sizeof(text), "{%s,\"rejected\":%s}", rest, rejected[i]);
        assert_false(read_text(text, &back));
    }
    snprintf(text, sizeof(text), "{%s,\"rejected\":{\"type\":0}}", rest);
    assert_true(read_text(text, &back));
    assert_false(read_text("[]", &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_law),
        cmocka_unit_test(test_add_and_equal),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_member_is_needed),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
