/* Goal: records come out by partition and in the body's order, one sent time each frame, whatever
 * the number of partitions; and the hash of what is not kept is the one that files get. Method:
 * batches compared with a plain walk over the body; the decoder's line splitter as the model. */
#include "collect/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "decode/lines.h"
#include "event/uid.h"
#include "support/preset_schema.h"

static struct preset_schema preset;

static int set_up(void **state)
{
    (void)state;
    assert_non_null(preset_schema_load(&preset, "device"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    preset_schema_release(&preset);
    return 0;
}

static const struct tide_instant received = {INT64_C(1774000000000000)};

static const struct tide_intake_origin origin = {{INT64_C(1774000000000000)}, {"x", 1}};

static void init(struct tide_intake *intake, uint32_t partition_count)
{
    const struct tide_intake_options options = {.schema = preset.schema,
                                                .seed = 1,
                                                .partition_count = partition_count,
                                                .arrival = TIDE_ARRIVAL_LIVE};
    assert_int_equal(tide_intake_init(intake, &options, NULL), TIDE_OK);
}

static void append_event(struct tide_bytes *body, int device, int number)
{
    tide_bytes_append_format(body,
                             "{\"event_id\":\"%08d\",\"event_type\":\"app_open\",\"timestamp\":"
                             "\"2026-03-20T09:00:00Z\",\"device_id\":\"d-%d\"}\n",
                             number,
                             device);
}

static void test_order(void **state)
{
    (void)state;
    enum {
        EVENTS = 3000,
        DEVICES = 40
    };
    struct tide_bytes body = {0};
    for (int i = 0; i < EVENTS; i++) {
        append_event(&body, (i * 7) % DEVICES, i);
    }
    static const uint32_t counts[] = {1, 3, 8, 1000};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        struct tide_intake intake;
        struct tide_answer answer = {0};
        init(&intake, counts[c]);
        for (int round = 0; round < 2; round++) { /* an intake is used again */
            tide_answer_reset(&answer);
            assert_int_equal(
                tide_intake_decode(
                    &intake, tide_bytes_view(&body), TIDE_FRAMING_NDJSON, &origin, &answer),
                TIDE_OK);
            assert_int_equal(tide_intake_order(&intake), TIDE_OK);
            assert_int_equal(answer.accepted, EVENTS);
            uint32_t total = 0;
            for (uint32_t i = 0; i < intake.batch_count; i++) {
                const struct tide_log_batch *batch = &intake.batches[i];
                assert_true(i == 0 || batch->partition > intake.batches[i - 1].partition);
                assert_int_equal(batch->received.us, received.us);
                assert_false(tide_instant_known(batch->sent));
                for (uint32_t j = 1; j < batch->record_count; j++) {
                    assert_true(batch->records[j].text.data > batch->records[j - 1].text.data);
                    assert_int_equal(batch->records[j].reason, TIDE_REASON_ACCEPTED);
                }
                total += batch->record_count;
            }
            assert_int_equal(total, EVENTS);
            assert_true(intake.batch_count <= DEVICES);
            assert_int_equal(intake.batch_count == 1, counts[c] == 1);
            tide_intake_reset(&intake);
        }
        tide_answer_release(&answer);
        tide_intake_release(&intake);
    }
    tide_bytes_release(&body);
}

static void test_nothing(void **state)
{
    (void)state;
    struct tide_intake intake;
    struct tide_answer answer = {0};
    init(&intake, 2);
    assert_int_equal(
        tide_intake_decode(&intake, TIDE_VIEW("\n"), TIDE_FRAMING_NDJSON, &origin, &answer),
        TIDE_OK);
    assert_int_equal(tide_intake_order(&intake), TIDE_OK);
    assert_int_equal(intake.batch_count, 0);
    assert_false(intake.is_unsplit);
    tide_intake_release(&intake);
    tide_answer_release(&answer);
}

/* A line that is too large for any envelope goes to files by lines.c; its hash is our model. */
static void test_hash(void **state)
{
    (void)state;
    struct tide_bytes body = {0};
    const size_t size = TIDE_ENVELOPE_BYTES_MAX + 12345;
    assert_true(tide_bytes_reserve(&body, size));
    for (size_t i = 0; i < size; i++) {
        body.data[i] = (char)('a' + i % 23);
    }
    body.size = size;
    struct tide_lines *lines = NULL;
    assert_int_equal(tide_lines_create(1 << 20, &lines, NULL), TIDE_OK);
    struct tide_lines_item item = {0};
    for (size_t at = 0; item.kind != TIDE_LINES_TOO_LARGE;) {
        char *space = NULL;
        size_t space_size = 0;
        tide_lines_space(lines, &space, &space_size);
        const size_t taken = size - at < space_size ? size - at : space_size;
        memcpy(space, body.data + at, taken);
        tide_lines_filled(lines, taken);
        at += taken;
        if (at == size) {
            tide_lines_finish(lines);
        }
        item = tide_lines_next(lines);
    }
    struct tide_intake intake;
    struct tide_answer answer = {0};
    init(&intake, 2);
    assert_int_equal(
        tide_intake_decode(&intake, tide_bytes_view(&body), TIDE_FRAMING_NDJSON, &origin, &answer),
        TIDE_OK);
    assert_int_equal(tide_intake_order(&intake), TIDE_OK);
    assert_int_equal(intake.batch_count, 1);
    const struct tide_log_record *record = &intake.batches[0].records[0];
    assert_int_equal(record->reason, TIDE_REASON_TOO_LARGE);
    assert_int_equal(record->original_size, size);
    assert_true(tide_u128_equal(record->original_hash, item.hash));
    assert_int_equal(record->text.size, TIDE_REJECTED_BYTES_KEPT);
    tide_intake_release(&intake);
    tide_answer_release(&answer);
    tide_lines_destroy(lines);
    tide_bytes_release(&body);
}

/* Bodies of several origins, decoded behind each other: records keep whose they are, in batches of
 * one origin each; partitions stay together, and bodies in their order. */
static void test_two_origins(void **state)
{
    (void)state;
    static const struct tide_intake_origin origins[] = {
        {{INT64_C(1774000000000000)}, {"first", 5}},
        {{INT64_C(1774000000000000)}, {"second", 6}},
        {{INT64_C(1774000005000000)}, {"second", 6}},
    };
    enum {
        BODIES = 3,
        EVENTS = 20
    };
    struct tide_intake intake;
    struct tide_answer answer = {0};
    struct tide_bytes bodies[BODIES] = {{0}};
    uint32_t seen[BODIES] = {0};
    init(&intake, 4);
    for (int b = 0; b < BODIES; b++) {
        for (int i = 0; i < EVENTS; i++) {
            append_event(&bodies[b], i, b * 100 + i);
        }
        assert_int_equal(
            tide_intake_decode(
                &intake, tide_bytes_view(&bodies[b]), TIDE_FRAMING_NDJSON, &origins[b], &answer),
            TIDE_OK);
    }
    assert_int_equal(tide_intake_order(&intake), TIDE_OK);
    assert_int_equal(answer.accepted, BODIES * EVENTS);
    assert_int_equal(intake.batch_count, 4 * BODIES); /* each partition has some of each */
    for (uint32_t i = 0; i < intake.batch_count; i++) {
        const struct tide_log_batch *batch = &intake.batches[i];
        const uint32_t b = i % BODIES;
        assert_int_equal(batch->partition, i / BODIES);
        assert_int_equal(batch->received.us, origins[b].received.us);
        assert_true(tide_view_equal(batch->source, origins[b].source));
        for (uint32_t j = 0; j < batch->record_count; j++) {
            const char *text = batch->records[j].text.data;
            assert_true(text >= bodies[b].data && text < bodies[b].data + bodies[b].size);
            assert_int_equal(batch->records[j].key.size, 0); /* nobody wants it */
        }
        seen[b] += batch->record_count;
    }
    for (int b = 0; b < BODIES; b++) {
        assert_int_equal(seen[b], EVENTS);
        tide_bytes_release(&bodies[b]);
    }
    tide_intake_release(&intake);
    tide_answer_release(&answer);
}

static uint32_t column_of(const char *name)
{
    for (uint32_t c = 0; c < preset.schema->column_count; c++) {
        if (tide_view_equal(preset.schema->columns[c].name, tide_view_of(name))) {
            return c;
        }
    }
    fail_msg("no column %s", name);
    return 0;
}

/* Valid events get their entity as key, and the topic of their column's value; what is rejected has
 * neither, and goes to the first topic. */
static void test_keys_and_topics(void **state)
{
    static const struct tide_intake_topic items[] = {
        {{"crash_event", 11}, 2}, {{"app_open", 8}, 1}, {{"crash_event", 11}, 3}};
    static const struct {
        const char *line;
        const char *key;
        uint32_t topic;
        uint32_t topic_without_column;
    } rows[] = {
        {"{\"event_id\":\"1\",\"event_type\":\"app_open\",\"timestamp\":\"2026-03-20T09:00:00Z\","
         "\"device_id\":\"d-1\"}\n",
         "d-1",
         1,
         0},
        {"{\"event_id\":\"2\",\"event_type\":\"crash_event\",\"timestamp\":"
         "\"2026-03-20T09:00:00Z\",\"device_id\":\"d-2\"}\n",
         "d-2",
         2, /* the first that fits */
         0},
        {"{\"event_id\":\"3\",\"event_type\":\"feature_usage\",\"timestamp\":"
         "\"2026-03-20T09:00:00Z\",\"device_id\":\"d\\u0031\"}\n",
         "d1", /* as it reads, not as it was written */
         0,
         0},
        {"{\"event_id\":\"4\",\"event_type\":\"crash_event\"}\n", "", 0, 0},
        {"garbage\n", "", 0, 0},
    };
    (void)state;
    for (int is_by_column = 0; is_by_column < 2; is_by_column++) {
        const struct tide_intake_topics topics = {.is_by_column = is_by_column == 1,
                                                  .column = column_of("event_type"),
                                                  .items = items,
                                                  .count = 3};
        const struct tide_intake_options options = {.schema = preset.schema,
                                                    .seed = 1,
                                                    .partition_count = 1,
                                                    .arrival = TIDE_ARRIVAL_LIVE,
                                                    .topics = &topics};
        struct tide_intake intake;
        struct tide_answer answer = {0};
        struct tide_bytes body = {0};
        assert_int_equal(tide_intake_init(&intake, &options, NULL), TIDE_OK);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            tide_bytes_append_text(&body, rows[i].line);
        }
        assert_int_equal(
            tide_intake_decode(
                &intake, tide_bytes_view(&body), TIDE_FRAMING_NDJSON, &origin, &answer),
            TIDE_OK);
        assert_int_equal(tide_intake_order(&intake), TIDE_OK);
        assert_int_equal(answer.accepted, 3);
        assert_int_equal(intake.batch_count, 1);
        assert_int_equal(intake.batches[0].record_count, sizeof(rows) / sizeof(rows[0]));
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const struct tide_log_record *record = &intake.batches[0].records[i];
            assert_true(tide_view_equal(record->key, tide_view_of(rows[i].key)));
            assert_int_equal(record->topic,
                             is_by_column == 1 ? rows[i].topic : rows[i].topic_without_column);
        }
        tide_bytes_release(&body);
        tide_intake_release(&intake);
        tide_answer_release(&answer);
    }
}

/* A body that has too many events is one record, beside what was decoded before it. */
static void test_refuse(void **state)
{
    (void)state;
    struct tide_intake intake;
    struct tide_answer answer = {0};
    struct tide_bytes body = {0};
    struct tide_bytes many = {0};
    append_event(&body, 1, 1);
    while (many.size <= TIDE_REJECTED_BYTES_KEPT) {
        tide_bytes_append_text(&many, "{},");
    }
    init(&intake, 1);
    assert_int_equal(
        tide_intake_decode(&intake, tide_bytes_view(&body), TIDE_FRAMING_NDJSON, &origin, &answer),
        TIDE_OK);
    assert_int_equal(tide_intake_refuse(&intake, tide_bytes_view(&many), &origin, &answer),
                     TIDE_OK);
    assert_int_equal(tide_intake_order(&intake), TIDE_OK);
    assert_int_equal(answer.accepted, 1);
    assert_int_equal(answer.rejected, 1);
    assert_int_equal(intake.event_count, 2);
    const struct tide_log_record *record = &intake.batches[0].records[1];
    assert_int_equal(record->reason, TIDE_REASON_TOO_LARGE);
    assert_int_equal(record->original_size, many.size);
    assert_int_equal(record->text.size, TIDE_REJECTED_BYTES_KEPT);
    assert_true(tide_view_equal(record->detail, TIDE_VIEW("more than 262144 events")));
    assert_false(tide_instant_known(intake.batches[0].sent));
    tide_intake_reset(&intake); /* and it is used again */
    tide_answer_reset(&answer);
    assert_int_equal(
        tide_intake_decode(&intake, tide_bytes_view(&body), TIDE_FRAMING_NDJSON, &origin, &answer),
        TIDE_OK);
    assert_int_equal(tide_intake_order(&intake), TIDE_OK);
    assert_int_equal(intake.event_count, 1);
    tide_bytes_release(&body);
    tide_bytes_release(&many);
    tide_intake_release(&intake);
    tide_answer_release(&answer);
}

/* How many images give, with their record's text, an event of the batch's partition: all but those
 * that say to decode. */
static uint32_t count_restored(const struct tide_intake *intake)
{
    const size_t size = intake->image_size;
    struct tide_arena arena = {0};
    const char *image = tide_intake_copy_images(intake, &arena);
    struct tide_decoder *decoder = NULL;
    struct tide_batch *row = NULL;
    uint32_t restored = 0;
    assert_int_equal(tide_decoder_create(preset.schema, 1, &decoder, NULL), TIDE_OK);
    assert_int_equal(tide_batch_create(preset.schema, 1, &row, NULL), TIDE_OK);
    for (uint32_t b = 0; b < intake->batch_count; b++) {
        const struct tide_log_batch *batch = &intake->batches[b];
        for (uint32_t r = 0; r < batch->record_count; r++, image += size) {
            tide_batch_reset(row);
            if (tide_decoder_restore(decoder, batch->records[r].text, (const void *)image, row)) {
                assert_int_equal(tide_route(row, 0, intake->options.partition_count),
                                 batch->partition);
                restored++;
            }
        }
    }
    tide_batch_destroy(row);
    tide_decoder_destroy(decoder);
    tide_arena_release(&arena);
    return restored;
}

static void decode_body(struct tide_intake *intake, const struct tide_bytes *body)
{
    struct tide_answer answer = {0};
    tide_intake_reset(intake);
    assert_int_equal(
        tide_intake_decode(intake, tide_bytes_view(body), TIDE_FRAMING_NDJSON, &origin, &answer),
        TIDE_OK);
    assert_int_equal(tide_intake_order(intake), TIDE_OK);
    assert_true(intake->batch_count > 0);
    tide_answer_release(&answer);
}

/* Images stand in the order of the records; there are none where nobody takes them, of a body of
 * too many events, or while they would be dropped. */
static void test_images(void **state)
{
    (void)state;
    enum {
        PARTITIONS = 5,
        EVENTS = 3000,
        RING_IMAGES = 64
    };
    const size_t size = tide_row_image_size(preset.schema);
    const struct tide_handover_options options = {.partition_count = PARTITIONS,
                                                  .image_size = size,
                                                  .bytes_max = 2 * PARTITIONS * RING_IMAGES * size};
    struct tide_handover *handover = NULL;
    struct tide_intake intake;
    struct tide_bytes body = {0};
    assert_int_equal(tide_handover_create(&options, &handover, NULL), TIDE_OK);
    init(&intake, PARTITIONS);
    for (int i = 0; i < EVENTS; i++) {
        append_event(&body, i % 97, i);
        if (i % 10 == 0) {
            tide_bytes_append_text(&body, "{\"event_id\":7}\n"); /* rejected */
        }
    }
    decode_body(&intake, &body);
    assert_null(intake.images); /* nobody takes them */
    intake.options.handover = handover;
    decode_body(&intake, &body);
    assert_int_equal(count_restored(&intake), EVENTS);
    struct tide_arena little = {.budget = 64 << 10};
    assert_null(tide_intake_copy_images(&intake, &little)); /* no memory: none */
    tide_arena_release(&little);
    const size_t few = body.size;
    for (size_t i = 0; i < TIDE_INTAKE_IMAGE_BYTES_MAX / size; i++) {
        append_event(&body, (int)i % 97, (int)i);
    }
    decode_body(&intake, &body);
    assert_null(intake.images); /* too many */
    assert_null(tide_intake_copy_images(&intake, &intake.arena));
    body.size = few;
    const struct tide_log_receipt receipt = {.record_count = 2 * RING_IMAGES};
    char *images = calloc(receipt.record_count, size);
    tide_handover_give(handover, &receipt, 1, images);
    decode_body(&intake, &body);
    assert_null(intake.images); /* some have just been dropped */
    free(images);
    tide_bytes_release(&body);
    tide_intake_release(&intake);
    tide_handover_destroy(handover);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_two_origins),
        cmocka_unit_test(test_keys_and_topics),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_images),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
