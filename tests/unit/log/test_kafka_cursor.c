/* Goal: what is in the topics comes back byte for byte, each record once; several topics are read
 * again in the order in which they were counted, whatever comes first now; a topic with another
 * history than the notes say is never read on.
 * Method: logs on a mock cluster, closed and opened again with the notes that were taken. What only
 * a real broker has (markers of transactions, messages that come twice) is not here. */
#include "log/kafka_log.h"

#include "base/logline.h"
#include "kafka_fixture.h"
#include "log/kafka_message.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct world world;

static void expect_view(struct tide_view is, struct tide_view expected)
{
    assert_int_equal(is.size, expected.size);
    if (is.size > 0) {
        assert_memory_equal(is.data, expected.data, is.size);
    }
}

/* ---- one topic */

static void expect_record(const struct tide_log_record *is, const struct tide_log_record *expected)
{
    expect_view(is->text, expected->text);
    expect_view(is->pointer, expected->pointer);
    expect_view(is->detail, expected->detail);
    assert_int_equal(is->reason, expected->reason);
    assert_int_equal(is->original_size, expected->original_size);
    assert_true(tide_u128_equal(is->original_hash, expected->original_hash));
}

/* Two sources are fetched together: a frame is of one, and every record keeps its own times. */
static void what_was_appended_comes_back(void **state)
{
    const struct tide_log_record records[] = {
        {.text = TIDE_VIEW("{\"a\":1}"), .key = TIDE_VIEW("anna")},
        {.text = TIDE_VIEW("")},
        {.text = TIDE_VIEW("\x00\xff\n")},
        {.text = TIDE_VIEW("kept"),
         .reason = TIDE_REASON_TOO_LARGE,
         .pointer = TIDE_VIEW(""),
         .detail = TIDE_VIEW("more than 1048576 bytes"),
         .original_size = 5000000,
         .original_hash = {1, UINT64_MAX}},
    };
    const struct tide_log_batch batches[] = {
        {0, {10}, {9}, TIDE_VIEW("http"), &records[0], 2},
        {0, {20}, TIDE_INSTANT_UNKNOWN, TIDE_VIEW("http"), &records[2], 1},
        {0, {30}, {29}, TIDE_VIEW("a topic"), &records[3], 1},
    };
    struct world_append one;
    struct tide_log_frame frame;
    (void)state;
    world_begin(&world, 1, 1);
    world_open_log(&world);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    assert_int_equal(world.log.operations->read(cursor, &frame, NULL), TIDE_AGAIN);
    assert_int_equal(world_append(&world, &one, batches, 3, NULL), TIDE_OK);
    assert_int_equal(world_sync(&world), TIDE_OK);
    uint64_t offset = 0;
    while (offset < 4) {
        assert_int_equal(world_wait(&world, cursor, &frame, NULL), TIDE_OK);
        assert_int_equal(frame.partition, 0);
        assert_int_equal(frame.first_offset, offset);
        assert_int_equal(world_log_end(&world, 0), 4); /* also what is fetched, or is not yet */
        expect_view(frame.source, offset < 3 ? TIDE_VIEW("http") : TIDE_VIEW("a topic"));
        for (uint32_t i = 0; i < frame.record_count; i++, offset++) {
            const struct tide_log_batch *batch = &batches[offset < 2 ? 0 : offset - 1];
            expect_record(&frame.records[i], &records[offset]);
            assert_int_equal(frame.receiveds[i].us, batch->received.us);
            assert_int_equal(frame.sents[i].us, batch->sent.us);
        }
    }
    assert_int_equal(world.log.operations->read(cursor, &frame, NULL), TIDE_AGAIN);
    assert_true(world.readable_count > 0);
    assert_int_equal(tide_kafka_log_facts(&world.log).consumed, 4);
    world_close_cursor(&world, cursor);
    world_end(&world);
}

static void messages_of_other_producers(void **state)
{
    const struct tide_view none = {NULL, 0};
    struct tide_log_frame frame;
    (void)state;
    world_begin(&world, 1, 1);
    mock_kafka_send(&world.mock, "events", 0, TIDE_VIEW("k"), TIDE_VIEW("{}"), 1772962800123);
    mock_kafka_send(&world.mock, "events", 0, TIDE_VIEW("k"), none, 1772962800124); /* tombstone */
    mock_kafka_send(&world.mock, "events", 0, none, TIDE_VIEW(""), INT64_MAX);
    mock_kafka_flush(&world.mock);
    world_open_log(&world);
    assert_int_equal(world_log_end(&world, 0), 3);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    static const int64_t times[] = {1772962800123000, 1772962800124000, INT64_MIN};
    for (uint64_t offset = 0; offset < 3;) {
        assert_int_equal(world_wait(&world, cursor, &frame, NULL), TIDE_OK);
        expect_view(frame.source, TIDE_VIEW("events"));
        for (uint32_t i = 0; i < frame.record_count; i++, offset++) {
            expect_view(frame.records[i].text, offset == 0 ? TIDE_VIEW("{}") : TIDE_VIEW(""));
            assert_non_null(frame.records[i].text.data);
            assert_int_equal(frame.records[i].reason, TIDE_REASON_ACCEPTED);
            assert_int_equal(frame.receiveds[i].us, times[offset]);
            assert_false(tide_instant_known(frame.sents[i]));
        }
    }
    world_close_cursor(&world, cursor);
    world_end(&world);
}

/* Who writes such a header by himself gets no further than with none. */
static void headers_that_are_garbage(void **state)
{
    static const char *const values[] = {"", "1", "x y http", "999999999999999999999 - http"};
    struct tide_log_frame frame;
    (void)state;
    world_begin(&world, 1, 1);
    for (size_t i = 0; i < COUNT(values); i++) {
        const ssize_t size = (ssize_t)strlen(values[i]);
        rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
        (void)rd_kafka_header_add(headers, TIDE_KAFKA_HEADER, -1, values[i], size);
        (void)rd_kafka_header_add(headers, TIDE_KAFKA_HEADER_VERDICT, -1, values[i], size);
        mock_kafka_send_message(
            &world.mock,
            &(struct mock_kafka_message){
                .topic = "events", .value = TIDE_VIEW("{}"), .time_ms = 5, .headers = headers});
    }
    mock_kafka_flush(&world.mock);
    world_open_log(&world);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    for (uint32_t read = 0; read < COUNT(values);) {
        assert_int_equal(world_wait(&world, cursor, &frame, NULL), TIDE_OK);
        expect_view(frame.source, TIDE_VIEW("events"));
        for (uint32_t i = 0; i < frame.record_count; i++, read++) {
            assert_int_equal(frame.records[i].reason, TIDE_REASON_ACCEPTED);
            assert_int_equal(frame.receiveds[i].us, 5000);
        }
    }
    world_close_cursor(&world, cursor);
    world_end(&world);
}

static void a_cursor_is_opened_again(void **state)
{
    struct tide_bytes texts = {0};
    struct tide_log_cursor *cursor = NULL;
    struct tide_error error = {0};
    (void)state;
    world_begin(&world, 1, 2);
    world_open_log(&world);
    assert_int_equal(world.log.operations->cursor_open(world.log.self, 1, 7, &cursor, &error),
                     TIDE_REJECT);
    assert_non_null(strstr(error.text, "not from 7"));
    for (uint32_t i = 0; i < 3; i++) {
        char text[2] = {(char)('a' + i), '\0'};
        world_put(&world, 1, 0, text);
        cursor = world_cursor(&world, 1);
        world_read(&world, cursor, i + 1, &texts);
        assert_memory_equal(texts.data, "a b c ", texts.size);
        assert_int_equal(world_log_end(&world, 1), i + 1);
        assert_int_equal(world_log_end(&world, 0), 0);
        world_close_cursor(&world, cursor);
    }
    tide_bytes_release(&texts);
    world_end(&world);
}

/* ---- several topics */

enum {
    LIVES = 4
};

/* In each life records (digits: of which topic) come in an order of their own and are counted,
 * and then a note is taken. In the next all of them are there at the same time; the replay must
 * give the same. */
static void a_replay_keeps_the_order(void **state)
{
    static const char *const arrivals[LIVES] = {"0120012", "2210", "", "11102"};
    static char notes[LIVES][256];
    struct tide_bytes expected = {0};
    struct tide_bytes texts = {0};
    struct tide_bytes note = {0};
    uint32_t count = 0;
    (void)state;
    world_begin(&world, 3, 1);
    for (uint32_t life = 0; life < LIVES; life++) {
        struct tide_error error = {0};
        world_open_log(&world);
        for (uint32_t i = 0; i < life; i++) {
            world_check(world_recall(&world, 0, notes[i], &error), &error);
        }
        assert_int_equal(world_log_end(&world, 0), count);
        struct tide_log_cursor *cursor = world_cursor(&world, 0);
        world_read(&world, cursor, count, &texts);
        assert_string_equal(tide_bytes_terminated(&texts), tide_bytes_terminated(&expected));
        for (const char *topic = arrivals[life]; *topic != '\0'; topic++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%c/%u", *topic, count++);
            world_put(&world, 0, (uint32_t)(*topic - '0'), text);
            world_read(&world, cursor, 1, &texts);
            tide_bytes_append_view(&expected, tide_bytes_view(&texts));
        }
        world_note(&world, cursor, &note);
        assert_true(note.size < sizeof(notes[life]));
        (void)snprintf(notes[life], sizeof(notes[life]), "%s", tide_bytes_terminated(&note));
        world_close_cursor(&world, cursor);
        world_close_log(&world);
    }
    assert_non_null(strstr(notes[0], " | 0:1 1:1 2:1 0:2 1:1 2:1"));
    assert_non_null(strstr(notes[1], " | 2:2 1:1 0:1"));
    assert_int_equal(notes[2][strlen(notes[2]) - 1], '|');
    tide_bytes_release(&expected);
    tide_bytes_release(&texts);
    tide_bytes_release(&note);
    world_end(&world);
}

/* Behind what the notes recall, topics that have much do not keep others waiting. */
static void topics_take_turns(void **state)
{
    struct tide_log_frame frame;
    bool is_seen[2] = {false, false};
    const uint32_t much = 20000;
    uint32_t records = 0;
    (void)state;
    world_begin(&world, 2, 1);
    for (uint32_t i = 0; i < much; i++) {
        mock_kafka_send(&world.mock, "events", 0, TIDE_VIEW(""), TIDE_VIEW("0"), 1);
    }
    mock_kafka_send(&world.mock, "crashes", 0, TIDE_VIEW(""), TIDE_VIEW("1"), 1);
    mock_kafka_flush(&world.mock);
    world_open_log(&world);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    /* Until both queues have something; what was read before does not count. */
    while (!is_seen[1]) {
        assert_int_equal(world_wait(&world, cursor, &frame, NULL), TIDE_OK);
        is_seen[frame.records[0].text.data[0] - '0'] = true;
        records += frame.record_count;
    }
    assert_in_range(records, 1, much); /* the one came before all of the others */
    world_close_cursor(&world, cursor);
    world_end(&world);
}

/* A note that is full keeps to the topic it ends with; after the next note all have their turn. */
static void a_note_has_a_bound(void **state)
{
    struct tide_bytes texts = {0};
    struct tide_bytes note = {0};
    (void)state;
    world_begin(&world, 2, 1);
    world_open_log(&world);
    ((struct kafka_log *)world.log.self)->note_runs_max = 2;
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    world_put(&world, 0, 0, "a");
    world_read(&world, cursor, 1, &texts);
    world_put(&world, 0, 1, "b");
    world_read(&world, cursor, 1, &texts);
    world_put(&world, 0, 0, "c");
    world_put(&world, 0, 1, "d");
    world_read(&world, cursor, 1, &texts);
    assert_string_equal(tide_bytes_terminated(&texts), "d ");
    assert_int_equal(world_log_end(&world, 0), 4);
    world_note(&world, cursor, &note);
    assert_non_null(strstr(tide_bytes_terminated(&note), " | 0:1 1:2"));
    world_read(&world, cursor, 1, &texts);
    assert_string_equal(tide_bytes_terminated(&texts), "c ");
    world_note(&world, cursor, &note);
    assert_non_null(strstr(tide_bytes_terminated(&note), " | 0:1"));
    world_close_cursor(&world, cursor);
    tide_bytes_release(&texts);
    tide_bytes_release(&note);
    world_end(&world);
}

/* ---- notes of one topic */

/* Two sources, fetched together, and a note between their frames: it says what was handed out. */
static void a_note_between_two_frames(void **state)
{
    const struct tide_log_record records[] = {{.text = TIDE_VIEW("a")}, {.text = TIDE_VIEW("b")}};
    const struct tide_log_batch batches[] = {{0, {1}, {1}, TIDE_VIEW("s"), &records[0], 1},
                                             {0, {1}, {1}, TIDE_VIEW("t"), &records[1], 1}};
    static const char *const topic = "events";
    struct kafka_log *log;
    struct world_append one;
    struct tide_log_frame frame;
    struct tide_bytes note = {0};
    (void)state;
    world_begin(&world, 1, 1);
    world_open_log(&world);
    log = world.log.self;
    assert_int_equal(world_append(&world, &one, batches, 2, NULL), TIDE_OK);
    assert_int_equal(world_sync(&world), TIDE_OK);
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    for (int64_t read = 1; read <= 2; read++) {
        struct tide_kafka_place place;
        struct tide_kafka_runs none = {0};
        assert_int_equal(world_wait(&world, cursor, &frame, NULL), TIDE_OK);
        assert_int_equal(frame.record_count, 1);
        world_note(&world, cursor, &note);
        assert_int_equal(
            tide_kafka_note_read(tide_bytes_view(&note), &topic, 1, &place, &none, NULL), TIDE_OK);
        assert_int_equal(place.first, 0);
        assert_int_equal(place.next, read);
        assert_int_equal(place.last_hash, tide_hash64(records[read - 1].text, 0));
        assert_int_equal(log->partitions[0].streams[0].noted, read);
        assert_int_equal(world_log_end(&world, 0), 2);
    }
    world_close_cursor(&world, cursor);
    tide_bytes_release(&note);
    world_end(&world);
}

/* ---- another history */

static void the_last_message_is_another(void **state)
{
    static const struct {
        const char *note_of; /* the text that the note says was last, at offset 1 */
        enum tide_status status;
    } rows[] = {{"b", TIDE_OK}, {"B", TIDE_FATAL}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char note[128];
        struct tide_error error = {0};
        struct tide_log_frame frame;
        uint32_t read = 0;
        (void)snprintf(note,
                       sizeof(note),
                       "events 0 2 %016llx",
                       (unsigned long long)tide_hash64(tide_view_of(rows[i].note_of), 0));
        world_begin(&world, 1, 1);
        world_open_log(&world);
        world_put(&world, 0, 0, "a");
        world_put(&world, 0, 0, "b");
        world_put(&world, 0, 0, "c");
        world_check(world_recall(&world, 0, note, &error), &error);
        struct tide_log_cursor *cursor = world_cursor(&world, 0);
        enum tide_status status = TIDE_OK;
        while (status == TIDE_OK && read < 3) {
            status = world_wait(&world, cursor, &frame, &error);
            read += status == TIDE_OK ? frame.record_count : 0;
        }
        assert_int_equal(status, rows[i].status);
        if (status == TIDE_FATAL) {
            assert_non_null(strstr(error.text,
                                   "topic events, partition 0: the message at offset 1 is not the "
                                   "one that was counted"));
        }
        world_close_cursor(&world, cursor);
        world_end(&world);
    }
}

/* The mock keeps the newest 5 MiB of a partition. */
static void cut_the_beginning(void)
{
    static char text[900000];
    memset(text, 't', sizeof(text));
    for (int i = 0; i < 8; i++) {
        mock_kafka_send(
            &world.mock, "events", 0, TIDE_VIEW(""), (struct tide_view){text, sizeof(text)}, 1);
        mock_kafka_flush(&world.mock);
    }
}

static void the_beginning_is_gone(void **state)
{
    struct tide_error error = {0};
    struct tide_log_frame frame;
    (void)state;
    world_begin(&world, 1, 1);
    world_open_log(&world);
    world_put(&world, 0, 0, "a");
    cut_the_beginning(); /* while the log is open */
    struct tide_log_cursor *cursor = world_cursor(&world, 0);
    assert_int_equal(world_wait(&world, cursor, &frame, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "topic events, partition 0: offset 0 is gone"));
    world_close_cursor(&world, cursor);
    world_close_log(&world);
    world_open_log(&world); /* before it */
    assert_int_equal(world_recall(&world, 0, "events 0 1 0000000000000000", &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "the pipeline began at 0"));
    assert_non_null(strstr(error.text, "retention.ms=-1"));
    world_end(&world);
}

/* ---- fetches that fail */

static void a_fetch_fails_for_a_while(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                                 RD_KAFKA_RESP_ERR__TRANSPORT,
                                                 RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                                                 RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR};
    struct tide_bytes texts = {0};
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        world_begin(&world, 1, 1);
        world_open_log(&world);
        world_put(&world, 0, 0, "a");
        struct tide_log_cursor *cursor = world_cursor(&world, 0);
        world_read(&world, cursor, 1, &texts);
        mock_kafka_fail(&world.mock, MOCK_KAFKA_FETCH, errors[i], 2);
        world_put(&world, 0, 0, "b");
        world_read(&world, cursor, 1, &texts);
        assert_string_equal(tide_bytes_terminated(&texts), "b ");
        world_close_cursor(&world, cursor);
        world_end(&world);
    }
    tide_bytes_release(&texts);
}

int main(void)
{
    tide_logline_set_level(TIDE_LOGLINE_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_comes_back),
        cmocka_unit_test(messages_of_other_producers),
        cmocka_unit_test(headers_that_are_garbage),
        cmocka_unit_test(a_cursor_is_opened_again),
        cmocka_unit_test(a_replay_keeps_the_order),
        cmocka_unit_test(topics_take_turns),
        cmocka_unit_test(a_note_has_a_bound),
        cmocka_unit_test(a_note_between_two_frames),
        cmocka_unit_test(the_last_message_is_another),
        cmocka_unit_test(the_beginning_is_gone),
        cmocka_unit_test(a_fetch_fails_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
