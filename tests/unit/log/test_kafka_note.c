/* Goal: a note says after a restart what it said before, and one that is damaged or of other topics
 * is never taken for one.
 * Method: round trips; a table of texts; every prefix of a right note, and every byte of it
 * changed. */
#include "log/kafka_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char *const topics[] = {"app_events", "crashes", "pages"};
static const struct tide_kafka_place places[] = {
    {0, 1234, UINT64_C(0x9f86d081884c7d65)},
    {5, 5, 0},
    {INT64_MAX - 1, INT64_MAX, UINT64_MAX},
};

/* ---- runs */

static void neighbours_of_a_topic_are_one_run(void **state)
{
    struct tide_kafka_runs runs = {0};
    (void)state;
    assert_true(tide_kafka_runs_add(&runs, 1, 0)); /* none at all */
    assert_int_equal(runs.count, 0);
    assert_true(tide_kafka_runs_add(&runs, 1, 5));
    assert_true(tide_kafka_runs_add(&runs, 1, 7));
    assert_true(tide_kafka_runs_add(&runs, 0, 0));
    assert_true(tide_kafka_runs_add(&runs, 1, 1));
    assert_true(tide_kafka_runs_add(&runs, 0, 2));
    assert_int_equal(runs.count, 2);
    assert_int_equal(runs.items[0].topic, 1);
    assert_int_equal(runs.items[0].count, 13);
    assert_int_equal(runs.items[1].topic, 0);
    assert_int_equal(runs.items[1].count, 2);
    tide_kafka_runs_release(&runs);
    assert_null(runs.items);
    assert_int_equal(runs.capacity, 0);
}

/* ---- round trips */

static void write_note(uint32_t topic_count,
                       const struct tide_kafka_runs *runs,
                       struct tide_bytes *text)
{
    tide_bytes_reset(text);
    tide_kafka_note_write(topics, places, topic_count, runs, text);
    assert_false(text->failed);
}

static void one_topic_needs_no_runs(void **state)
{
    struct tide_kafka_place read[1];
    struct tide_kafka_runs none = {0};
    struct tide_bytes text = {0};
    (void)state;
    write_note(1, &none, &text);
    assert_string_equal(tide_bytes_terminated(&text), "app_events 0 1234 9f86d081884c7d65");
    assert_int_equal(tide_kafka_note_read(tide_bytes_view(&text), topics, 1, read, &none, NULL),
                     TIDE_OK);
    assert_memory_equal(read, places, sizeof(read));
    assert_int_equal(none.count, 0);
    tide_bytes_release(&text);
}

static void several_topics_tell_their_order(void **state)
{
    struct tide_kafka_place read[3];
    struct tide_kafka_runs runs = {0};
    struct tide_kafka_runs back = {0};
    struct tide_bytes text = {0};
    (void)state;
    assert_true(tide_kafka_runs_add(&runs, 0, 512));
    assert_true(tide_kafka_runs_add(&runs, 2, 1));
    write_note(3, &runs, &text);
    assert_string_equal(tide_bytes_terminated(&text),
                        "app_events 0 1234 9f86d081884c7d65; crashes 5 5 0000000000000000; pages "
                        "9223372036854775806 9223372036854775807 ffffffffffffffff | 0:512 2:1");
    /* Two notes behind each other: the second goes on where the first ended. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tide_kafka_note_read(tide_bytes_view(&text), topics, 3, read, &back, NULL),
                         TIDE_OK);
        assert_memory_equal(read, places, sizeof(read));
    }
    assert_int_equal(back.count, 4);
    assert_int_equal(back.items[2].count, 512);
    assert_int_equal(back.items[3].topic, 2);
    /* An epoch in which only the clock moved on. */
    runs.count = 0;
    write_note(3, &runs, &text);
    assert_int_equal(tide_kafka_note_read(tide_bytes_view(&text), topics, 3, read, &back, NULL),
                     TIDE_OK);
    assert_int_equal(back.count, 4);
    tide_kafka_runs_release(&runs);
    tide_kafka_runs_release(&back);
    tide_bytes_release(&text);
}

/* As many runs as a note may have, of the longest kind: the note keeps its promised size. */
static void many_runs(void **state)
{
    struct tide_kafka_place read[TIDE_KAFKA_TOPICS_MAX];
    struct tide_kafka_place most[TIDE_KAFKA_TOPICS_MAX];
    static char names[TIDE_KAFKA_TOPICS_MAX][250]; /* as long as Kafka has them */
    const char *list[TIDE_KAFKA_TOPICS_MAX];
    struct tide_kafka_runs runs = {0};
    struct tide_kafka_runs back = {0};
    struct tide_bytes text = {0};
    (void)state;
    for (uint32_t t = 0; t < TIDE_KAFKA_TOPICS_MAX; t++) {
        memset(names[t], 'a' + (int)t, sizeof(names[t]) - 1);
        list[t] = names[t];
        most[t] = places[2];
    }
    for (uint32_t i = 0; i < TIDE_KAFKA_NOTE_RUNS_MAX; i++) {
        assert_true(tide_kafka_runs_add(&runs, 14 + i % 2, UINT64_MAX));
    }
    assert_int_equal(runs.count, TIDE_KAFKA_NOTE_RUNS_MAX);
    tide_kafka_note_write(list, most, TIDE_KAFKA_TOPICS_MAX, &runs, &text);
    assert_false(text.failed);
    assert_true(text.size <= TIDE_KAFKA_NOTE_BYTES_MAX);
    assert_int_equal(tide_kafka_note_read(
                         tide_bytes_view(&text), list, TIDE_KAFKA_TOPICS_MAX, read, &back, NULL),
                     TIDE_OK);
    assert_int_equal(back.count, runs.count);
    for (size_t i = 0; i < back.count; i++) {
        assert_int_equal(back.items[i].topic, runs.items[i].topic);
        assert_true(back.items[i].count == runs.items[i].count);
    }
    tide_kafka_runs_release(&runs);
    tide_kafka_runs_release(&back);
    tide_bytes_release(&text);
}

/* ---- what is not a note of ours */

#define A "app_events 0 10 00000000000000aa"
#define B "crashes 5 17 00000000000000bb"

static const struct {
    const char *text;
    uint32_t topic_count;
    enum tide_status status;
    const char *error;
} notes[] = {
    {A, 1, TIDE_OK, ""},
    {A "; " B " | 0:1", 2, TIDE_OK, ""},
    {A "; " B " |", 2, TIDE_OK, ""},
    {"app_events -1 -1 0000000000000000", 1, TIDE_OK, ""}, /* not known yet */
    /* other topics */
    {A, 2, TIDE_REJECT, "its manifests say 1 of them, the configuration 2"},
    {A "; " B " |", 1, TIDE_REJECT, "its manifests say 2 of them"},
    {B, 1, TIDE_REJECT, "'crashes' where the configuration says 'app_events'"},
    {B "; " A " |", 2, TIDE_REJECT, "'crashes' where the configuration says 'app_events'"},
    {"App_events 0 10 00000000000000aa", 1, TIDE_REJECT, "'App_events'"},
    /* damage of places */
    {"", 1, TIDE_FATAL, "damaged"},
    {"app_events", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 10", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 10 aa", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 10 00000000000000AA", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 10 00000000000000aag", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 10 00000000000000aa ", 1, TIDE_FATAL, "damaged"},
    {" app_events 0 10 00000000000000aa", 1, TIDE_FATAL, "damaged"},
    {"app_events 11 10 00000000000000aa", 1, TIDE_FATAL, "damaged"}, /* ends before it begins */
    {"app_events -2 10 00000000000000aa", 1, TIDE_FATAL, "damaged"},
    {"app_events 0x1 10 00000000000000aa", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 9223372036854775808 00000000000000aa", 1, TIDE_FATAL, "damaged"},
    {"app_events 0 99999999999999999999999 00000000000000aa", 1, TIDE_FATAL, "damaged"},
    {A ";" B " |", 2, TIDE_FATAL, "damaged"},
    {A "; ", 2, TIDE_FATAL, "damaged"},
    /* damage of runs */
    {A "; " B, 2, TIDE_FATAL, "damaged"}, /* cut: where are they? */
    {A " |", 1, TIDE_FATAL, "damaged"},   /* one topic has none */
    {A " | 0:1", 1, TIDE_FATAL, "damaged"},
    {A "; " B " | ", 2, TIDE_FATAL, "damaged"},
    {A "; " B " |x0:1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " |0:1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 2:1", 2, TIDE_FATAL, "damaged"}, /* there is no third topic */
    {A "; " B " | 0:0", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:1 ", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:1  1:1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | :1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:-1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:1:1", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:a", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:18446744073709551616", 2, TIDE_FATAL, "damaged"},
    {A "; " B " | 0:1 | 1:1", 2, TIDE_FATAL, "damaged"},
};

static void each_kind_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        struct tide_kafka_place read[2];
        struct tide_kafka_runs runs = {0};
        struct tide_error error = {0};
        enum tide_status status = tide_kafka_note_read(
            tide_view_of(notes[i].text), topics, notes[i].topic_count, read, &runs, &error);
        if (status != notes[i].status || strstr(error.text, notes[i].error) == NULL) {
            fail_msg("'%s': %s, %s", notes[i].text, tide_status_name(status), error.text);
        }
        tide_kafka_runs_release(&runs);
    }
}

/* A manifest has a checksum, so this is a second line: no cut and no strange byte goes unseen where
 * it could change what is read. */
static void cuts_and_strange_bytes(void **state)
{
    const char right[] = A "; " B " | 0:7 1:3";
    struct tide_kafka_place read[2];
    struct tide_kafka_runs runs = {0};
    (void)state;
    for (size_t size = 0; size < sizeof(right) - 1; size++) {
        struct tide_view cut = {right, size};
        enum tide_status status = tide_kafka_note_read(cut, topics, 2, read, &runs, NULL);
        bool ends_with_run = size >= strlen(A "; " B " |") && right[size] == ' ';
        assert_int_equal(status == TIDE_OK, ends_with_run);
    }
    for (size_t at = 0; at < sizeof(right) - 1; at++) {
        char text[sizeof(right)];
        memcpy(text, right, sizeof(right));
        text[at] = '\0';
        struct tide_view changed = {text, sizeof(right) - 1};
        assert_int_not_equal(tide_kafka_note_read(changed, topics, 2, read, &runs, NULL), TIDE_OK);
    }
    tide_kafka_runs_release(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_of_a_topic_are_one_run),
        cmocka_unit_test(one_topic_needs_no_runs),
        cmocka_unit_test(several_topics_tell_their_order),
        cmocka_unit_test(many_runs),
        cmocka_unit_test(each_kind_has_its_answer),
        cmocka_unit_test(cuts_and_strange_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
