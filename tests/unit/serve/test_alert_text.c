/* Goal: what sinks and the API say of an alert is valid JSON with the members that the reference
 * promises, whatever a group holds; the same transition has the same id, another has another.
 * Method: an instance by hand, texts compared whole or parsed. */
#include "alert_fixture.h"

#include "base/json.h"
#include "process/identity.h"
#include "serve/alert_text.h"

static const struct tide_alert_step firing = {.from = TIDE_ALERT_PENDING,
                                              .to = TIDE_ALERT_FIRING,
                                              .at = {FIXTURE_START_US + 120000000},
                                              .held = {FIXTURE_START_US}};

struct rig {
    struct fixture *fixture;
    struct tide_alert_watch watch;
    struct tide_alert_instance *instance;
};

static void open_rig(struct rig *rig, const char *alert, const char *group)
{
    struct tide_bytes key = {0};
    rig->fixture = fixture_open(alert);
    assert_true(tide_alert_watch_init(
        &rig->watch, rig->fixture->definitions, &rig->fixture->definitions->alerts[0]));
    fixture_encode(group, &key);
    rig->instance = tide_alert_book_add(rig->watch.book, tide_bytes_view(&key), true);
    tide_bytes_release(&key);
    rig->instance->window = (struct tide_window){fixture_minute(1), fixture_minute(2)};
    rig->instance->value = (struct tide_alert_number){true, 12};
    rig->instance->baseline = (struct tide_alert_number){true, 1.5};
    rig->instance->events = 13;
    rig->instance->seen = fixture_minute(2);
}

static void close_rig(struct rig *rig)
{
    tide_alert_watch_release(&rig->watch);
    fixture_close(rig->fixture);
}

static struct tide_alert_message message_of(const struct rig *rig)
{
    struct tide_alert_message message = {.watch = &rig->watch,
                                         .instance = rig->instance,
                                         .step = &firing,
                                         .pipeline = TIDE_VIEW("courses \"x\"")};
    assert_true(tide_alert_id(&rig->watch, rig->instance, &firing, &message.id));
    message.id = (struct tide_u128){1, 2};
    return message;
}

static void check_number(struct rig *rig, double number, const char *shown)
{
    struct tide_bytes line = {0};
    char wanted[64];
    rig->instance->value.number = number;
    const struct tide_alert_message message = message_of(rig);
    tide_alert_write_line(&message, &line);
    (void)snprintf(wanted, sizeof(wanted), ": hits value %s, 13 events (id ", shown);
    assert_non_null(strstr(tide_bytes_terminated(&line), wanted));
    tide_bytes_release(&line);
}

static void test_numbers_for_people(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "  many: {metric: hits, when: 'value > 3'}\n", "a");
    check_number(&rig, 0.087301587302, "0.0873");
    check_number(&rig, -0.000012345678, "-0.00001235");
    check_number(&rig, 0.99999, "1");
    check_number(&rig, 12.3456, "12.35");
    check_number(&rig, 1234.56, "1235");
    check_number(&rig, 1230.4, "1230");
    check_number(&rig, 0.000000000001, "0.000000000001");
    check_number(&rig, 0, "0");
    check_number(&rig, 4503599627370496, "4503599627370496");
    check_number(&rig, 2147483648.5, "2147483648.5");
    rig.instance->value.known = false;
    check_number(&rig, 1, "null");
    close_rig(&rig);
}

static void test_message(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    char expected[1024];
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    open_rig(&rig,
             "  spike: {metric: hits, when: 'value > 3 * baseline', baseline: 4m, for: 2m, "
             "where: 'os == \"i\"'}\n",
             "i\"\n");
    const struct tide_alert_message message = message_of(&rig);
    tide_alert_write_line(&message, &line);
    assert_string_equal(tide_bytes_terminated(&line),
                        "spike {\"os\": \"i\\\"\\n\"} firing at 2026-03-08T10:02:00Z: hits value "
                        "12, baseline 1.5, 13 events (id 00000000000000010000000000000002)");
    tide_identity_format(rig.watch.alert->hash, hash);
    (void)snprintf(
        expected,
        sizeof(expected),
        "{\"id\":\"00000000000000010000000000000002\",\"pipeline\":\"courses \\\"x\\\"\","
        "\"alert\":\"spike\",\"metric\":\"hits\",\"group\":{\"os\": \"i\\\"\\n\"},"
        "\"state\":\"firing\",\"from\":\"pending\",\"at\":\"2026-03-08T10:02:00Z\","
        "\"held_since\":\"2026-03-08T10:00:00Z\",\"window\":{\"start\":\"2026-03-08T10:01:00Z\","
        "\"end\":\"2026-03-08T10:02:00Z\"},\"value\":12,\"baseline\":1.5,\"events\":13,"
        "\"of\":\"value\",\"when\":\"value > 3 * baseline\",\"where\":\"os == \\\"i\\\"\","
        "\"definition\":\"%s\"}",
        hash);
    tide_alert_write_body(&message, &body);
    assert_string_equal(tide_bytes_terminated(&body), expected);
    tide_bytes_release(&line);
    tide_bytes_release(&body);
    close_rig(&rig);
}

static void test_absence_and_unknown(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    open_rig(&rig, "  quiet: {metric: hits, absent: 10m}\n", NULL);
    struct tide_alert_message message = message_of(&rig);
    tide_alert_write_line(&message, &line);
    assert_string_equal(tide_bytes_terminated(&line),
                        "quiet firing at 2026-03-08T10:02:00Z: hits last seen "
                        "2026-03-08T10:02:00Z (id 00000000000000010000000000000002)");
    tide_alert_write_body(&message, &body);
    assert_non_null(strstr(tide_bytes_terminated(&body), "\"group\":{},"));
    assert_non_null(strstr(tide_bytes_terminated(&body),
                           "\"last_seen\":\"2026-03-08T10:02:00Z\",\"absent_seconds\":600,"));
    close_rig(&rig);
    open_rig(&rig, "  mean: {metric: spent, when: 'value > baseline', baseline: 2m}\n", NULL);
    rig.instance->value.known = false;
    rig.instance->baseline.known = false;
    message = message_of(&rig);
    tide_bytes_reset(&body);
    tide_alert_write_body(&message, &body);
    assert_non_null(
        strstr(tide_bytes_terminated(&body), "\"value\":null,\"baseline\":null,\"events\":13,"));
    tide_bytes_release(&line);
    tide_bytes_release(&body);
    close_rig(&rig);
}

static void test_ids(void **state)
{
    (void)state;
    struct tide_u128 ids[6];
    struct rig rig;
    struct tide_alert_step step = firing;
    open_rig(&rig, "  a: {metric: hits, when: 'value > 3'}\n", "ios");
    assert_true(tide_alert_id(&rig.watch, rig.instance, &firing, &ids[0]));
    rig.instance->value.number = 99; /* what was found is no part of it */
    step.from = TIDE_ALERT_OK;
    step.held.us++;
    assert_true(tide_alert_id(&rig.watch, rig.instance, &step, &ids[1]));
    assert_true(tide_u128_equal(ids[0], ids[1]));
    step.at.us++;
    assert_true(tide_alert_id(&rig.watch, rig.instance, &step, &ids[1]));
    step = firing;
    step.to = TIDE_ALERT_RESOLVED;
    assert_true(tide_alert_id(&rig.watch, rig.instance, &step, &ids[2]));
    close_rig(&rig);
    open_rig(&rig, "  a: {metric: hits, when: 'value > 3'}\n", "web");
    assert_true(tide_alert_id(&rig.watch, rig.instance, &firing, &ids[3]));
    close_rig(&rig);
    open_rig(&rig, "  b: {metric: hits, when: 'value > 3'}\n", "ios");
    assert_true(tide_alert_id(&rig.watch, rig.instance, &firing, &ids[4]));
    close_rig(&rig);
    open_rig(&rig, "  a: {metric: hits, when: 'value > 4'}\n", "ios");
    assert_true(tide_alert_id(&rig.watch, rig.instance, &firing, &ids[5]));
    close_rig(&rig);
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < i; k++) {
            assert_false(tide_u128_equal(ids[i], ids[k]));
        }
    }
}

static const struct tide_json *parse(struct tide_arena *arena, struct tide_bytes *text)
{
    struct tide_json *json = NULL;
    struct tide_error error = {0};
    if (tide_json_parse(arena, tide_bytes_view(text), &json, &error) != TIDE_OK) {
        print_error("%s\n%s\n", error.text, tide_bytes_terminated(text));
    }
    assert_non_null(json);
    return json;
}

/* Those that are not ok come first, and only so many. */
static void test_watch(void **state)
{
    (void)state;
    struct rig rig;
    struct tide_bytes text = {0};
    struct tide_bytes key = {0};
    struct tide_arena arena = {0};
    struct tide_view word;
    uint64_t count = 0;
    open_rig(&rig,
             "  a: {metric: hits, when: 'value > 3', at_least: 7, notify: [log, webhook]}\n",
             "ok");
    tide_bytes_append_view(&key, TIDE_GROUP_OTHER);
    struct tide_alert_instance *other =
        tide_alert_book_add(rig.watch.book, tide_bytes_view(&key), true);
    other->state =
        (struct tide_alert_state){TIDE_ALERT_FIRING, fixture_minute(2), fixture_minute(1)};
    tide_alert_write_watch(&rig.watch, 10, &text);
    const struct tide_json *json = parse(&arena, &text);
    assert_true(tide_json_get_text(json, "name", &word));
    assert_true(tide_json_get_u64(json, "instance_count", &count));
    assert_int_equal(count, 2);
    const struct tide_json *instances = tide_json_get(json, "instances");
    assert_int_equal(instances->count, 2);
    assert_true(tide_json_get_text(instances->first, "state", &word));
    assert_true(tide_view_equal(word, TIDE_VIEW("firing")));
    assert_true(tide_json_get_text(tide_json_get(instances->first, "group"), "os", &word));
    assert_true(tide_view_equal(word, TIDE_VIEW("(other)")));
    assert_int_equal(tide_json_get(json, "judged_until")->kind, TIDE_JSON_NULL);
    assert_int_equal(tide_json_get(json, "notify")->count, 2);
    assert_null(tide_json_get(json, "baseline"));
    tide_bytes_reset(&text);
    tide_alert_write_watch(&rig.watch, 1, &text);
    json = parse(&arena, &text);
    assert_int_equal(tide_json_get(json, "instances")->count, 1);
    tide_bytes_release(&text);
    tide_bytes_release(&key);
    tide_arena_release(&arena);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_for_people),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_absence_and_unknown),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
