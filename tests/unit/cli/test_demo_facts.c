/* Goal: what the service says is read as it says it; a rate is of a time that is long enough.
 * Method: answers as the service gives them, and broken ones. */
#include "cli/demo_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

static struct tide_demo_facts facts; /* large */

static bool read_ledger(uint64_t verdicts, int64_t ns)
{
    struct tide_bytes body = {0};
    struct tide_ledger ledger = {.verdicts = verdicts, .processed = verdicts, .on_time = verdicts};
    tide_bytes_append_text(&body, "{\"ledger\":");
    tide_ledger_write_json(&ledger, &body);
    tide_bytes_append_text(&body,
                           ",\"holds\":true,\"closing\":null,\"partitions\":["
                           "{\"partition\":0,\"watermark\":null},"
                           "{\"partition\":1,\"watermark\":\"2026-03-08T00:00:02Z\"},"
                           "{\"partition\":2,\"watermark\":\"2026-03-08T00:00:01Z\"}]}");
    const bool is_read =
        tide_demo_facts_read_ledger(tide_bytes_view(&body), (struct tide_monotonic){ns}, &facts);
    tide_bytes_release(&body);
    return is_read;
}

static void reads_the_ledger(void **state)
{
    (void)state;
    facts = (struct tide_demo_facts){0};
    assert_true(read_ledger(1000, SECOND_NS));
    assert_true(facts.holds && facts.ledger.verdicts == 1000 && facts.ledger.on_time == 1000);
    assert_true(facts.watermark.us == INT64_C(1772928002000000));
    assert_int_equal(facts.events_per_second, 0); /* the first reading is of no time */
    assert_true(read_ledger(1300, 3 * SECOND_NS));
    assert_int_equal(facts.events_per_second, 150);
    assert_true(read_ledger(1400, 3 * SECOND_NS + SECOND_NS / 100)); /* too soon to say */
    assert_int_equal(facts.events_per_second, 150);
    assert_true(read_ledger(1350, 4 * SECOND_NS));
    assert_int_equal(facts.events_per_second, 50);
    assert_int_equal(facts.events_per_second_max, 150);
    tide_demo_facts_forget_rates(&facts);
    assert_true(read_ledger(9000, 5 * SECOND_NS));
    assert_int_equal(facts.events_per_second_max, 0);
    static const char *const broken[] = {"", "{}", "{\"ledger\":{}}", "nonsense"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_false(tide_demo_facts_read_ledger(
            tide_view_of(broken[i]), (struct tide_monotonic){9 * SECOND_NS}, &facts));
    }
    assert_int_equal(facts.ledger.verdicts, 9000);
}

static void adds_up_rates(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"group\":{\"app_version\":\"2.4.1\"},\"value\":0.1,\"numerator\":3,\"denominator\":30}\n"
        "{\"group\":{\"app_version\":\"2.5.0\"},\"value\":1,\"numerator\":5,\"denominator\":5}\n"
        "\n"
        "{\"group\":{\"app_version\":null},\"value\":1,\"numerator\":9,\"denominator\":9}\n"
        "{\"group\":{\"app_version\":\"a name that is by far too long\"},\"numerator\":1,"
        "\"denominator\":1}\n"
        "{\"group\":{\"app_version\":\"2.4.1\"},\"value\":0,\"numerator\":0,\"denominator\":10}";
    facts = (struct tide_demo_facts){0};
    assert_null(tide_demo_facts_worst(&facts));
    for (int i = 0; i < 2; i++) { /* another answer replaces the one before */
        assert_true(tide_demo_facts_read_rates(TIDE_VIEW(lines), &facts));
        assert_int_equal(facts.version_count, 2);
        assert_string_equal(facts.versions[0].name, "2.4.1");
        assert_int_equal(facts.versions[0].troubled, 3);
        assert_int_equal(facts.versions[0].seen, 40);
        assert_int_equal(tide_demo_rate_permille(&facts.versions[0]), 75);
        assert_int_equal(tide_demo_rate_permille(&facts.versions[1]), 1000);
        assert_ptr_equal(tide_demo_facts_worst(&facts), &facts.versions[0]); /* 5 are too few */
    }
    facts.versions[1].seen = 20;
    assert_ptr_equal(tide_demo_facts_worst(&facts), &facts.versions[1]);
    assert_false(tide_demo_facts_read_rates(TIDE_VIEW("{\"numerator\":1}"), &facts));
    assert_false(tide_demo_facts_read_rates(TIDE_VIEW("what?"), &facts));
    const struct tide_demo_version nobody = {0};
    assert_int_equal(tide_demo_rate_permille(&nobody), 0);
}

static void has_room_for_some(void **state)
{
    (void)state;
    struct tide_bytes lines = {0};
    for (int i = 0; i < TIDE_DEMO_VERSIONS_MAX + 9; i++) {
        tide_bytes_append_format(
            &lines, "{\"group\":{\"app_version\":\"%d\"},\"numerator\":1,\"denominator\":2}\n", i);
    }
    assert_true(tide_demo_facts_read_rates(tide_bytes_view(&lines), &facts));
    assert_int_equal(facts.version_count, TIDE_DEMO_VERSIONS_MAX);
    tide_bytes_release(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_ledger),
        cmocka_unit_test(adds_up_rates),
        cmocka_unit_test(has_room_for_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
