/* Goal: a log of topics opens on the topics it was made for and on no others, and tells where it
 * stands: to the engine, and to lag tools.
 * Method: a mock cluster with topics that are missing, of another size, shorter or longer than the
 * notes say. Writing and reading are in test_kafka_writer.c and test_kafka_cursor.c. */
#include "log/kafka.h"

#include "base/logline.h"
#include "kafka_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;
static struct tide_error error;

/* ---- opening */

static void what_is_not_opened(void **state)
{
    static const struct {
        struct tide_kafka_property property;
        const char *error;
    } rows[] = {
        {{"plugin.library.paths", "x.so"}, "not on the allow-list"},
        {{"max.in.flight.requests.per.connection", "99"}, "max.in.flight"},
        {{"message.max.bytes", "100000"}, "message.max.bytes is 100000, and a record may need"},
        {{"fetch.wait.max.ms", "-5"}, "refuses the value of 'fetch.wait.max.ms'"},
    };
    (void)state;
    world_begin(&world, 2, 3);
    for (size_t i = 0; i < COUNT(rows); i++) {
        world.options.cluster.properties = &rows[i].property;
        world.options.cluster.property_count = 1;
        if (world_try_open_log(&world, &error) != TIDE_REJECT ||
            strstr(error.text, rows[i].error) == NULL) {
            fail_msg("%s", error.text);
        }
        assert_null(world.log.operations);
    }
    world.options.cluster.property_count = 0;
    world.options.partition_count = 4;
    assert_int_equal(world_try_open_log(&world, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "topic 'events' has 3 partitions where"));
    world.options.partition_count = 3;
    rd_kafka_mock_topic_set_error(
        world.mock.cluster, "crashes", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(world_try_open_log(&world, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "topic 'crashes'"));
    rd_kafka_mock_topic_set_error(world.mock.cluster, "crashes", RD_KAFKA_RESP_ERR_NO_ERROR);
    world_check(world_try_open_log(&world, &error), &error);
    assert_int_equal(world.log.partition_count, 3);
    world_end(&world);
}

/* What the partitions hold is asked when the log is opened; a broker that cannot tell is asked
 * again by who opens. */
static void the_ends_cannot_be_told(void **state)
{
    (void)state;
    world_begin(&world, 1, 1);
    mock_kafka_fail(
        &world.mock, MOCK_KAFKA_LIST_OFFSETS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 2);
    assert_int_equal(world_try_open_log(&world, &error), TIDE_RETRY);
    assert_non_null(strstr(error.text, "topic events, partition 0: "));
    rd_kafka_mock_clear_request_errors(world.mock.cluster, MOCK_KAFKA_LIST_OFFSETS);
    world_check(world_try_open_log(&world, &error), &error);
    world_end(&world);
}

static void the_end_is_that_of_all_topics(void **state)
{
    (void)state;
    world_begin(&world, 3, 2);
    world_open_log(&world);
    world_put(&world, 0, 0, "a");
    world_put(&world, 0, 1, "b");
    world_put(&world, 0, 1, "c");
    world_put(&world, 1, 2, "d");
    assert_int_equal(world_log_end(&world, 0), 3);
    assert_int_equal(world_log_end(&world, 1), 1);
    world_close_log(&world);
    world_open_log(&world);
    assert_int_equal(world_log_end(&world, 0), 3);
    assert_int_equal(world_log_end(&world, 1), 1);
    world_end(&world);
}

/* Another producer's messages are seen while nothing of ours is read. */
static void the_end_moves_with_others(void **state)
{
    struct tide_log_frame frame;
    (void)state;
    world_begin(&world, 1, 1);
    world_open_log(&world);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    for (uint64_t count = 1; count <= 3; count++) {
        mock_kafka_send(&world.mock, "events", 0, TIDE_VIEW("k"), TIDE_VIEW("x"), 0);
        mock_kafka_flush(&world.mock);
        assert_int_equal(world_wait(&world, cursor, &frame, &error), TIDE_OK);
        assert_int_equal(frame.first_offset, count - 1);
        assert_int_equal(world_log_end(&world, 0), count);
    }
    world_close_cursor(&world, cursor);
    world_end(&world);
}

/* ---- recalling: "a" is at offset 0 of events, "b" and "c" at 0 and 1 of crashes */

static const struct {
    const char *note;
    enum tide_status status;
    const char *error;
} notes[] = {
    {"events 0 1 %s; crashes 0 2 %s | 0:1 1:2", TIDE_OK, ""},
    {"events 0 0 0000000000000000; crashes 0 0 0000000000000000 |", TIDE_OK, ""},
    {"events 0 2 %s; crashes 0 2 %s | 0:1 1:2",
     TIDE_REJECT,
     "topic events, partition 0 ends at offset 1 but the lake has it up to 2: it was made anew"},
    {"events 0 1 %s; crashes 0 9 %s | 0:1 1:2",
     TIDE_REJECT,
     "topic crashes, partition 0 ends at offset 2 but the lake has it up to 9"},
    {"events 0 1 %s; crashes 0 2 %s | 0:1 2:2", TIDE_FATAL, "damaged"},
    {"events 0 1 %s", TIDE_REJECT, "fed by other topics"},
    {"pages 0 1 %s; crashes 0 2 %s | 0:1 1:2", TIDE_REJECT, "'pages'"},
    {"", TIDE_FATAL, "damaged"},
};

static void what_notes_say_is_checked(void **state)
{
    char hashes[2][17];
    struct tide_bytes texts = {0};
    (void)state;
    world_begin(&world, 2, 1);
    world_open_log(&world);
    world_put(&world, 0, 0, "a");
    world_put(&world, 0, 1, "b");
    world_put(&world, 0, 1, "c");
    for (int i = 0; i < 2; i++) {
        struct tide_view last = i == 0 ? TIDE_VIEW("a") : TIDE_VIEW("c");
        (void)snprintf(
            hashes[i], sizeof(hashes[i]), "%016llx", (unsigned long long)tide_hash64(last, 0));
    }
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct tide_bytes note = {0};
        int next = 0;
        for (const char *c = notes[i].note; *c != '\0'; c++) {
            if (c[0] == '%') {
                tide_bytes_append_text(&note, hashes[next++]);
                c++;
            } else {
                tide_bytes_append_byte(&note, *c);
            }
        }
        world_close_log(&world);
        world_open_log(&world);
        error = (struct tide_error){0};
        enum tide_status status = world_recall(&world, 0, tide_bytes_terminated(&note), &error);
        if (status != notes[i].status || strstr(error.text, notes[i].error) == NULL) {
            fail_msg("'%s': %s, %s", notes[i].note, tide_status_name(status), error.text);
        }
        if (status == TIDE_OK) { /* and it is read on */
            struct tide_log_cursor *cursor = world_cursor(&world, 0);
            world_read(&world, cursor, 3, &texts);
            assert_int_equal(texts.size, 6);
            assert_true(i > 0 || memcmp(texts.data, "a b c ", 6) == 0);
            world_close_cursor(&world, cursor);
        }
        tide_bytes_release(&note);
    }
    tide_bytes_release(&texts);
    world_end(&world);
}

/* ---- what lag tools see */

static void committed_positions_are_told(void **state)
{
    struct tide_bytes texts = {0};
    struct tide_bytes note = {0};
    (void)state;
    world_begin(&world, 2, 2);
    world.options.group = "lag";
    world_open_log(&world);
    tide_kafka_log_committed(&world.log); /* no epoch yet */
    for (uint32_t i = 0; i < 3; i++) {
        world_put(&world, 1, 0, "x");
    }
    struct tide_log_cursor *cursor = world_cursor(&world, 1);
    world_read(&world, cursor, 3, &texts);
    tide_kafka_log_committed(&world.log); /* what was read is in no epoch yet */
    assert_int_equal(mock_kafka_committed(&world.mock, "lag", "events", 1),
                     RD_KAFKA_OFFSET_INVALID);
    world_note(&world, cursor, &note);
    tide_kafka_log_committed(&world.log);
    while (mock_kafka_committed(&world.mock, "lag", "events", 1) != 3) { /* nobody waits for it */
        sched_yield();
    }
    assert_int_equal(mock_kafka_committed(&world.mock, "lag", "events", 0),
                     RD_KAFKA_OFFSET_INVALID);
    assert_int_equal(mock_kafka_committed(&world.mock, "lag", "crashes", 1),
                     RD_KAFKA_OFFSET_INVALID);
    world_close_cursor(&world, cursor);
    tide_bytes_release(&texts);
    tide_bytes_release(&note);
    world_end(&world);
}

/* A broker that is away does not hold up who stops: with an epoch's positions that nobody takes. */
static void closed_while_the_brokers_are_away(void **state)
{
    struct tide_bytes texts = {0};
    struct tide_bytes note = {0};
    (void)state;
    world_begin(&world, 1, 1);
    world.options.group = "lag";
    world_open_log(&world);
    world_put(&world, 0, 0, "x");
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    world_read(&world, cursor, 1, &texts);
    world_note(&world, cursor, &note);
    mock_kafka_set_up(&world.mock, false);
    tide_kafka_log_committed(&world.log);
    struct tide_monotonic start = tide_clock_monotonic(tide_clock_os());
    world_close_cursor(&world, cursor);
    world_close_log(&world);
    struct tide_duration took = tide_monotonic_since(tide_clock_monotonic(tide_clock_os()), start);
    assert_true(took.us < INT64_C(20) * 1000000);
    tide_bytes_release(&texts);
    tide_bytes_release(&note);
    world_end(&world);
}

static void without_a_group_nothing_is_told(void **state)
{
    (void)state;
    world_begin(&world, 1, 1);
    world_open_log(&world);
    tide_kafka_log_committed(&world.log);
    assert_true(tide_kafka_version()[0] >= '2');
    world_end(&world);
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_opened),
        cmocka_unit_test(the_ends_cannot_be_told),
        cmocka_unit_test(the_end_is_that_of_all_topics),
        cmocka_unit_test(the_end_moves_with_others),
        cmocka_unit_test(what_notes_say_is_checked),
        cmocka_unit_test(committed_positions_are_told),
        cmocka_unit_test(closed_while_the_brokers_are_away),
        cmocka_unit_test(without_a_group_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
