/* Goal: a body costs a few allocations, and its events none. Method: every allocation is counted
 * while bodies of few and of many events go through a collector whose log keeps nothing. */
#include "collect/collector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/counted_allocation.h"
#include "support/preset_schema.h"

enum {
    PARTITIONS = 4,
};

static void on_answered(void *context,
                        unsigned status,
                        const char *content_type,
                        struct tide_bytes *body,
                        uint32_t retry_after_s)
{
    (void)content_type;
    (void)body;
    (void)retry_after_s;
    *(unsigned *)context = status;
}

/* A log that keeps nothing. */
static enum tide_status drop(void *context, struct tide_log_append *item, struct tide_error *error)
{
    (void)context;
    (void)error;
    for (uint32_t b = 0; b < item->batch_count; b++) {
        item->receipts[b] =
            (struct tide_log_receipt){item->batches[b].partition, item->batches[b].record_count, 0};
    }
    item->done(item->context, TIDE_OK, &(struct tide_error){0});
    return TIDE_OK;
}

/* How often memory is asked for while a body of so many events is decoded, judged, ordered, given
 * to a log and answered. */
static uint64_t allocations_of(struct tide_collector *collector, uint32_t event_count)
{
    struct tide_bytes body = {0};
    for (uint32_t i = 0; i < event_count; i++) {
        tide_bytes_append_format(&body,
                                 "{\"eid\":\"LOG\",\"ets\":1774000000000,\"mid\":\"%u\","
                                 "\"actor\":{\"id\":\"a%u\"}}\n",
                                 i,
                                 i % 50);
    }
    unsigned status = 0;
    const struct tide_submission submission = {.form = TIDE_COLLECT_NDJSON,
                                               .body = tide_bytes_view(&body),
                                               .source = TIDE_VIEW("http"),
                                               .answered = on_answered,
                                               .context = &status};
    const uint64_t before = allocation_count;
    tide_collector_submit(collector, &submission);
    const uint64_t count = allocation_count - before;
    assert_int_equal(status, 200);
    tide_bytes_release(&body);
    return count;
}

/* A body costs some, whatever is in it: what grows doubles. */
static void test_allocates_for_no_event(void **state)
{
    (void)state;
    struct preset_schema preset;
    struct tide_clock_simulated clock = {{INT64_C(1774000000000000)}, {0}};
    struct tide_handover *handover = NULL;
    struct tide_collector *collector = NULL;
    assert_non_null(preset_schema_load(&preset, "sunbird"));
    const struct tide_handover_options images = {
        .partition_count = PARTITIONS,
        .image_size = tide_row_image_size(preset.schema),
        .bytes_max = 8 << 20,
    };
    assert_int_equal(tide_handover_create(&images, &handover, NULL), TIDE_OK);
    const struct tide_collector_options options = {
        .schema = preset.schema,
        .partition_count = PARTITIONS,
        .arrival = TIDE_ARRIVAL_LIVE,
        .clock = tide_clock_simulated(&clock),
        .parallel_max = 1,
        .append = drop,
        .handover = handover,
    };
    assert_int_equal(tide_collector_create(&options, &collector, NULL), TIDE_OK);
    (void)allocations_of(collector, 8000);
    const uint64_t few = allocations_of(collector, 10);
    const uint64_t many = allocations_of(collector, 8000);
    assert_in_range(few, 1, 40);
    assert_in_range(many, 1, few + 40);
    tide_collector_destroy(collector);
    tide_handover_destroy(handover);
    preset_schema_release(&preset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocates_for_no_event)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
