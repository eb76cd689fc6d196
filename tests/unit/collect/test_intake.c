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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
