/* Goal: the ledger is the sum of its partitions, law included; definitions come back as they were
 * written. Method: events with known outcomes in three partitions, read back over HTTP. */
#include "fixture.h"

#include "process/ledger.h"

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open(3);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static const struct tide_json *ask_ledger(void)
{
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/ledger"), 200);
    return fixture_json(fixture, tide_bytes_view(&fixture->response.body));
}

static void begins_empty(void **state)
{
    (void)state;
    struct tide_ledger ledger;
    const struct tide_ledger empty = {0};
    const struct tide_json *json = ask_ledger();
    assert_true(tide_ledger_read_json(tide_json_get(json, "ledger"), &ledger));
    assert_true(tide_ledger_equal(&ledger, &empty));
    assert_int_equal(tide_json_get(json, "closing")->kind, TIDE_JSON_NULL);
    assert_int_equal(tide_json_get(json, "partitions")->count, 3);
    assert_int_equal(tide_json_get(tide_json_get(json, "partitions")->first, "watermark")->kind,
                     TIDE_JSON_NULL);
}

static void books_outcomes(void **state)
{
    (void)state;
    static const char twice[] =
        "{\"id\":\"x\",\"kind\":\"k\",\"at\":1772964000000,\"user\":\"u\"}\n"
        "{\"id\":\"x\",\"kind\":\"k\",\"at\":1772964000000,\"user\":\"u\"}\n"
        "{\"id\":\"x\",\"at\":1772964000000}\n"
        "{]\n";
    const struct tide_instant received = {FIXTURE_START_US};
    fixture_append(fixture, 0, received, TIDE_VIEW(twice));
    fixture_event(fixture, "ann", 0, "");
    fixture_settle(fixture);
    struct tide_ledger sum;
    struct tide_ledger parts = {0};
    uint64_t offsets = 0;
    const struct tide_json *json = ask_ledger();
    assert_true(tide_ledger_read_json(tide_json_get(json, "ledger"), &sum));
    assert_int_equal(sum.verdicts, 5);
    assert_int_equal(sum.processed, 2);
    assert_int_equal(sum.duplicate, 1);
    assert_int_equal(sum.rejected[TIDE_REASON_MISSING], 1);
    assert_int_equal(sum.rejected[TIDE_REASON_JSON_INVALID], 1);
    assert_int_equal(tide_json_get(json, "holds")->kind, TIDE_JSON_TRUE);
    for (const struct tide_json *p = tide_json_get(json, "partitions")->first; p != NULL;
         p = p->next) {
        struct tide_ledger part;
        uint64_t offset = 0;
        assert_true(tide_ledger_read_json(tide_json_get(p, "ledger"), &part));
        assert_true(tide_json_get_u64(p, "next_offset", &offset));
        tide_ledger_add(&parts, &part);
        offsets += offset;
    }
    assert_true(tide_ledger_equal(&sum, &parts));
    assert_int_equal(offsets, 5);
}

static void tells_definitions(void **state)
{
    (void)state;
    struct tide_view name;
    struct tide_view text;
    assert_int_equal(fixture_ask(fixture, "GET", "/api/v1/definitions"), 200);
    const struct tide_json *json = fixture_json(fixture, tide_bytes_view(&fixture->response.body));
    const struct tide_json *sources = tide_json_get(json, "sources");
    assert_int_equal(sources->count, 1);
    assert_true(tide_json_get_text(sources->first, "name", &name));
    assert_true(tide_json_get_text(sources->first, "text", &text));
    assert_true(tide_view_equal(name, TIDE_VIEW("test.yaml")));
    assert_true(tide_view_equal(text, tide_view_of(fixture_text)));
}

static void takes_no_parameters(void **state)
{
    (void)state;
    fixture_expect(fixture, "/api/v1/ledger?partition=1", 400, "unknown parameter 'partition'");
    fixture_expect(fixture, "/api/v1/definitions?x", 400, "unknown parameter 'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(books_outcomes),
        cmocka_unit_test(tells_definitions),
        cmocka_unit_test(takes_no_parameters),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
