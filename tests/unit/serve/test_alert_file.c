/* Goal: what is written comes back; states of other definitions do not; any damage is told and no
 * damage does harm. Method: a round trip compared as bytes; every byte changed in turn, every
 * length cut; documents with a right hash and wrong members. */
#include "alert_fixture.h"

#include "process/identity.h"
#include "serve/alert_file.h"

#define ALERTS                                                                                     \
    "  a: {metric: hits, when: 'value > baseline', baseline: 5m}\n"                                \
    "  b: {metric: all, absent: 5m}\n"

enum {
    ALERT_COUNT = 2
};

struct rig {
    struct fixture *fixture;
    struct tide_alert_watch watches[ALERT_COUNT];
    struct tide_alert_outbox *outbox;
    struct tide_alert_file file;
};

static void open_rig(struct rig *rig, const char *alerts)
{
    rig->fixture = fixture_open(alerts);
    assert_int_equal(rig->fixture->definitions->alert_count, ALERT_COUNT);
    for (uint32_t i = 0; i < ALERT_COUNT; i++) {
        assert_true(tide_alert_watch_init(
            &rig->watches[i], rig->fixture->definitions, &rig->fixture->definitions->alerts[i]));
    }
    rig->outbox = tide_alert_outbox_create();
    rig->file =
        (struct tide_alert_file){rig->watches, ALERT_COUNT, rig->outbox, TIDE_INSTANT_UNKNOWN};
}

static void close_rig(struct rig *rig)
{
    for (uint32_t i = 0; i < ALERT_COUNT; i++) {
        tide_alert_watch_release(&rig->watches[i]);
    }
    tide_alert_outbox_destroy(rig->outbox);
    fixture_close(rig->fixture);
}

static void fill(struct rig *rig)
{
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    struct tide_bytes key = {0};
    rig->file.closing = fixture_minute(8);
    rig->watches[0].judged_until = fixture_minute(7);
    rig->watches[0].seen_since = fixture_minute(-7);
    fixture_encode("i\"s", &key);
    struct tide_alert_instance *instance =
        tide_alert_book_add(rig->watches[0].book, tide_bytes_view(&key), true);
    instance->state =
        (struct tide_alert_state){TIDE_ALERT_FIRING, fixture_minute(5), fixture_minute(4)};
    instance->window = (struct tide_window){fixture_minute(6), fixture_minute(7)};
    instance->value = (struct tide_alert_number){true, 0.1};
    instance->events = 3;
    (void)tide_alert_book_add(rig->watches[0].book, TIDE_GROUP_OTHER, true); /* ok: not kept */
    instance = tide_alert_book_add(rig->watches[1].book, TIDE_VIEW(""), true);
    instance->state =
        (struct tide_alert_state){TIDE_ALERT_PENDING, fixture_minute(5), fixture_minute(5)};
    instance->seen = fixture_minute(3);
    tide_bytes_append_text(&line, "a line");
    tide_bytes_append_text(&body, "{\"a\": \"body\"}");
    assert_true(tide_alert_outbox_add(rig->outbox, (struct tide_u128){7, 8}, 3, &line, &body));
    tide_bytes_append_text(&line, "for the log only: not kept");
    assert_true(tide_alert_outbox_add(rig->outbox, (struct tide_u128){7, 9}, 1, &line, &body));
    tide_bytes_release(&key);
}

static enum tide_status read(struct rig *rig,
                             struct tide_view text,
                             struct tide_alert_file_facts *facts)
{
    struct tide_error error = {0};
    const enum tide_status status = tide_alert_file_read(text, &rig->file, facts, &error);
    assert_int_equal(status == TIDE_OK, error.text[0] == '\0');
    return status;
}

static void write(struct rig *rig, struct tide_bytes *text)
{
    tide_alert_file_write(&rig->file, text);
    assert_false(text->failed);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct rig rig;
    struct rig other;
    struct tide_bytes text = {0};
    struct tide_bytes again = {0};
    struct tide_alert_file_facts facts;
    open_rig(&rig, ALERTS);
    fill(&rig);
    write(&rig, &text);
    open_rig(&other, ALERTS);
    assert_int_equal(read(&other, tide_bytes_view(&text), &facts), TIDE_OK);
    assert_int_equal(facts.instances, 2);
    assert_int_equal(facts.forgotten, 0);
    write(&other, &again);
    assert_string_equal(tide_bytes_terminated(&again), tide_bytes_terminated(&text));
    assert_int_equal(tide_alert_book_count(other.watches[0].book), 1);
    const struct tide_alert_instance *instance = tide_alert_book_at(other.watches[0].book, 0);
    assert_int_equal(instance->state.phase, TIDE_ALERT_FIRING);
    assert_int_equal(instance->state.held.us, fixture_minute(4).us);
    assert_int_equal(instance->events, 3);
    assert_false(instance->baseline.known);
    assert_int_equal(other.file.closing.us, fixture_minute(8).us);
    assert_int_equal(tide_alert_outbox_count(other.outbox), 1);
    assert_int_equal(tide_alert_outbox_at(other.outbox, 0)->sinks, TIDE_ALERT_SINK_WEBHOOK);
    assert_false(tide_instant_known(instance->seen));
    assert_false(tide_instant_known(other.watches[1].judged_until));
    tide_bytes_release(&text);
    tide_bytes_release(&again);
    close_rig(&rig);
    close_rig(&other);
}

/* A changed alert, and one that is gone, begin anew; what was to be told is told. */
static void test_other_definitions(void **state)
{
    (void)state;
    struct rig rig;
    struct rig other;
    struct tide_bytes text = {0};
    struct tide_alert_file_facts facts;
    open_rig(&rig, ALERTS);
    fill(&rig);
    write(&rig, &text);
    open_rig(&other,
             "  a: {metric: hits, when: 'value >= baseline', baseline: 5m}\n"
             "  c: {metric: all, absent: 5m}\n");
    assert_int_equal(read(&other, tide_bytes_view(&text), &facts), TIDE_OK);
    assert_int_equal(facts.instances, 0);
    assert_int_equal(facts.forgotten, 2);
    assert_int_equal(tide_alert_book_count(other.watches[0].book), 0);
    assert_false(tide_instant_known(other.watches[0].judged_until));
    assert_int_equal(tide_alert_outbox_count(other.outbox), 1);
    tide_bytes_release(&text);
    close_rig(&rig);
    close_rig(&other);
}

static void test_damage(void **state)
{
    (void)state;
    struct rig rig;
    struct rig other;
    struct tide_bytes text = {0};
    struct tide_alert_file_facts facts;
    open_rig(&rig, ALERTS);
    open_rig(&other, ALERTS);
    fill(&rig);
    write(&rig, &text);
    for (size_t i = 0; i < text.size; i++) {
        text.data[i] ^= 1;
        assert_int_equal(read(&other, tide_bytes_view(&text), &facts), TIDE_REJECT);
        text.data[i] ^= 1;
        assert_int_equal(read(&other, (struct tide_view){text.data, i}, &facts), TIDE_REJECT);
    }
    assert_int_equal(tide_alert_book_count(other.watches[0].book), 0);
    tide_bytes_release(&text);
    close_rig(&rig);
    close_rig(&other);
}

static void test_wrong_members(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "[]",
        "{}",
        "{\"format\":2,\"alerts\":[],\"outbox\":[]}",
        "{\"format\":1,\"alerts\":[]}",
        "{\"format\":1,\"outbox\":[]}",
        "{\"format\":1,\"alerts\":[7],\"outbox\":[]}",
        "{\"format\":1,\"alerts\":[{\"name\":\"a\"}],\"outbox\":[]}",
        "{\"format\":1,\"alerts\":[],\"outbox\":[{}]}",
        "{\"format\":1,\"alerts\":[],\"outbox\":[{\"id\":\"1\",\"body\":\"\"}]}",
    };
    struct rig rig;
    struct tide_alert_file_facts facts;
    open_rig(&rig, ALERTS);
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct tide_bytes text = {0};
        char hash[TIDE_IDENTITY_TEXT_SIZE];
        tide_bytes_append_text(&text, documents[i]);
        tide_identity_format(tide_hash128(tide_bytes_view(&text), 0), hash);
        tide_bytes_append_format(&text, "\n%s\n", hash);
        assert_int_equal(read(&rig, tide_bytes_view(&text), &facts), TIDE_REJECT);
        tide_bytes_release(&text);
    }
    close_rig(&rig);
}

static void test_wrong_instances(void **state)
{
    (void)state;
    static const char *const instances[] = {
        "{\"group\":\"0\",\"state\":\"firing\"}",
        "{\"group\":\"0g\",\"state\":\"firing\"}",
        "{\"group\":\"00\",\"state\":\"burning\"}",
        "{\"state\":\"firing\"}",
        "{\"group\":\"00\",\"state\":\"firing\"},{\"group\":\"00\",\"state\":\"firing\"}",
    };
    for (size_t i = 0; i < sizeof(instances) / sizeof(instances[0]); i++) {
        struct rig rig;
        struct tide_bytes text = {0};
        char hash[TIDE_IDENTITY_TEXT_SIZE];
        struct tide_alert_file_facts facts;
        open_rig(&rig, ALERTS);
        tide_identity_format(rig.watches[0].alert->hash, hash);
        tide_bytes_append_format(&text,
                                 "{\"format\":1,\"alerts\":[{\"name\":\"a\",\"definition\":\"%s\","
                                 "\"instances\":[%s]}],\"outbox\":[]}",
                                 hash,
                                 instances[i]);
        tide_identity_format(tide_hash128(tide_bytes_view(&text), 0), hash);
        tide_bytes_append_format(&text, "\n%s\n", hash);
        assert_int_equal(read(&rig, tide_bytes_view(&text), &facts), TIDE_REJECT);
        tide_bytes_release(&text);
        close_rig(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_other_definitions),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_wrong_members),
        cmocka_unit_test(test_wrong_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
