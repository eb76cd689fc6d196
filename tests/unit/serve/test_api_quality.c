/* Goal: counts and samples of all partitions together, the newest samples first, in a document that
 * is JSON whatever was sent. Method: records that are wrong in each way, over HTTP, beside the
 * ledger. */
#include "fixture.h"

static struct fixture *fixture;

static void reject(uint32_t partition, int64_t seconds, const char *line)
{
    fixture_append(fixture,
                   partition,
                   (struct tide_instant){FIXTURE_START_US + seconds * TIDE_US_PER_SECOND},
                   tide_view_of(line));
}

static uint64_t sum(const struct tide_json *histogram)
{
    uint64_t sum = 0;
    const struct tide_json *buckets = tide_json_get(histogram, "buckets");
    for (const struct tide_json *it = buckets->first; it != NULL; it = it->next) {
        uint64_t count = 0;
        assert_true(tide_json_get_u64(it, "count", &count));
        sum += count;
    }
    return sum;
}

static void expect_text(const struct tide_json *json, const char *key, const char *wanted)
{
    struct tide_view text = {0};
    assert_true(tide_json_get_text(json, key, &text));
    if (!tide_view_equal(text, tide_view_of(wanted))) {
        fail_msg("%s: %.*s, wanted %s", key, TIDE_VIEW_ARGUMENTS(text), wanted);
    }
}

static void test_nothing_came(void **state)
{
    (void)state;
    fixture = fixture_open(2);
    fixture_expect(fixture,
                   "/api/v1/quality",
                   200,
                   "{\"rejected\":[],\"duplicates\":{\"count\":0},\"late\":{\"count\":0},"
                   "\"lateness\":{\"unit\":\"s\",\"of\":\"");
    fixture_close(fixture);
}

static void test_all_is_counted(void **state)
{
    (void)state;
    fixture = fixture_open(3);
    for (int i = 0; i < 8; i++) { /* in two partitions, the newest in the second */
        char line[32];
        (void)snprintf(line, sizeof(line), "wrong %d\n", i);
        reject(i < 6 ? 0 : 2, i, line);
    }
    reject(1, 99, "\"bro\xff\xfeken\"\n");
    fixture_event(fixture, "ann", 0, "");
    fixture_event(fixture, "ann", 60, "");
    fixture_event(fixture, "ann", 0, ""); /* 60 s behind: late */
    const char *twice = "{\"id\":\"x\",\"kind\":\"pay\",\"at\":1772964000000,\"user\":\"ann\"}\n";
    reject(tide_partition_of(TIDE_VIEW("ann"), 3), 0, twice);
    reject(tide_partition_of(TIDE_VIEW("ann"), 3), 0, twice);
    fixture_settle(fixture);
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/quality"), 200);
    const struct tide_json *json = fixture_json(fixture, tide_bytes_view(&fixture->response.body));
    const struct tide_json *rejected = tide_json_get(json, "rejected");
    assert_int_equal(rejected->count, 2);
    const struct tide_json *reason = rejected->first;
    uint64_t count = 0;
    expect_text(reason, "reason", "json_invalid");
    assert_true(tide_json_get_u64(reason, "count", &count) && count == 8);
    const struct tide_json *samples = tide_json_get(reason, "samples");
    assert_int_equal(samples->count, 5);
    int number = 7;
    for (const struct tide_json *it = samples->first; it != NULL; it = it->next) {
        char text[32];
        (void)snprintf(text, sizeof(text), "wrong %d", number);
        expect_text(it, "bytes", text);
        (void)snprintf(text, sizeof(text), "2026-03-08T10:00:0%dZ", number--);
        expect_text(it, "at", text);
    }
    reason = reason->next;
    expect_text(reason, "reason", "utf8_invalid");
    /* What is not UTF-8 is replaced. */
    expect_text(
        tide_json_get(reason, "samples")->first, "bytes", "\"bro\xef\xbf\xbd\xef\xbf\xbdken\"");
    assert_true(tide_json_get_u64(tide_json_get(json, "duplicates"), "count", &count));
    assert_int_equal(count, 1);
    assert_true(tide_json_get_u64(tide_json_get(json, "late"), "count", &count));
    assert_int_equal(count, 2);                                /* the third, and x */
    assert_int_equal(sum(tide_json_get(json, "lateness")), 4); /* processed events */
    assert_int_equal(sum(tide_json_get(json, "skew")), 4);
    assert_non_null(strstr(fixture_body(fixture), "{\"le\":60,\"count\":2}"));
    assert_non_null(strstr(fixture_body(fixture), "{\"le\":null,\"count\":0}"));
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_came),
        cmocka_unit_test(test_all_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
