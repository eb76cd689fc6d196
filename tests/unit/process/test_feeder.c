/* Goal: lines reach their partitions once and in order, and neither the number of workers nor the
 * cut into blocks changes any result.
 * Method: the same lines with known outcomes through feeders of several shapes; ledgers, printed
 * cells and rows of the lake are compared. */
#include "process/feeder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "operator/result.h"
#include "support/process_stack.h"
#include "support/rows_column.h"

enum {
    PARTITIONS = 5,
    LINES = 3 * TIDE_BATCH_ROWS_DEFAULT + 100, /* one block of them is several batches */
    PEOPLE = 23,
};

static struct process_stack stack;

static int setup(void **state)
{
    (void)state;
    process_stack_init(&stack, 1, PARTITIONS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    process_stack_release(&stack);
    return 0;
}

static struct tide_feeder *create(uint32_t worker_count, bool has_lake)
{
    struct tide_feeder_options options = {.definitions = stack.definitions,
                                          .seed = 7,
                                          .partition_count = PARTITIONS,
                                          .worker_count = worker_count,
                                          .limits = tide_operator_limits_none(),
                                          .source = TIDE_VIEW("a file")};
    struct tide_feeder *feeder = NULL;
    if (has_lake) {
        memcpy(options.layouts, stack.layouts, sizeof(options.layouts));
    }
    assert_int_equal(tide_feeder_create(&options, &feeder, NULL), TIDE_OK);
    return feeder;
}

/* In every ten lines: eight events, one of them twice, and a broken one; and a blank one besides.
 * Their times go up and down by hours: some are late. */
static void write_lines(struct tide_bytes *lines, uint32_t first, uint32_t count)
{
    char who[16];
    for (uint32_t i = first; i < first + count; i++) {
        const uint32_t number = i % 10 == 9 ? i - 1 : i;
        (void)snprintf(who, sizeof(who), "p%u", number % PEOPLE);
        if (i % 10 == 4) {
            tide_bytes_append_format(lines, "{\"id\":\"e%u\"\n \n", i);
        } else {
            process_event(lines,
                          number,
                          number % 7 == 0 ? "" : who,
                          PROCESS_START_MS + (int64_t)(number % 5) * 3600000 + number);
        }
    }
}

/* Items one after the other; each is gone when the next one is asked for. */
struct script {
    struct tide_lines_item (*item)(const struct script *script, struct tide_bytes *bytes);
    uint32_t item_count;
    uint32_t at;
    uint32_t block_lines;
    const char *text;
    enum tide_status end; /* OK: END */
    struct tide_bytes bytes;
    bool stays; /* blocks are parts of `all`, which has room for them */
    struct tide_bytes all;
};

static enum tide_status next_item(void *context,
                                  struct tide_lines_item *item,
                                  struct tide_error *error)
{
    struct script *script = context;
    if (script->bytes.size > 0) {
        memset(script->bytes.data, 'x', script->bytes.size);
    }
    tide_bytes_release(&script->bytes);
    if (script->at == script->item_count) {
        *item = (struct tide_lines_item){.kind = TIDE_LINES_END};
        return script->end == TIDE_OK ? TIDE_OK
                                      : tide_error_set(error, script->end, "the disk is gone");
    }
    *item = script->item(script, &script->bytes);
    assert_false(script->bytes.failed);
    script->at++;
    if (script->stays && item->kind == TIDE_LINES_BLOCK) {
        const size_t at = script->all.size;
        assert_true(script->all.capacity - at >= item->block.size);
        tide_bytes_append_view(&script->all, item->block);
        item->block = tide_view_slice(tide_bytes_view(&script->all), at, item->block.size);
    }
    return TIDE_OK;
}

static uint64_t run(struct tide_feeder *feeder, struct script *script)
{
    const struct tide_feeder_input input = {next_item, script, script->stays};
    struct tide_error error = {0};
    uint64_t records = 100;
    if (tide_feeder_run(feeder, &input, &records, &error) != TIDE_OK) {
        fail_msg("%s", error.text);
    }
    return records - 100;
}

static struct tide_lines_item text_item(const struct script *script, struct tide_bytes *bytes)
{
    tide_bytes_append_text(bytes, script->text);
    return (struct tide_lines_item){.kind = TIDE_LINES_BLOCK, .block = tide_bytes_view(bytes)};
}

static struct tide_lines_item lines_item(const struct script *script, struct tide_bytes *bytes)
{
    const uint32_t at = script->at * script->block_lines;
    write_lines(bytes, at, LINES - at < script->block_lines ? LINES - at : script->block_lines);
    return (struct tide_lines_item){.kind = TIDE_LINES_BLOCK, .block = tide_bytes_view(bytes)};
}

/* All lines, in blocks of so many, in two runs. Blocks stay until their run has ended. */
static void feed_staying(struct tide_feeder *feeder, uint32_t block_lines, bool stays)
{
    const uint32_t block_count = (LINES + block_lines - 1) / block_lines;
    struct script script = {.item = lines_item,
                            .block_lines = block_lines,
                            .item_count = block_count / 2,
                            .stays = stays};
    assert_true(tide_bytes_reserve(&script.all, LINES * (size_t)256));
    uint64_t records = run(feeder, &script);
    memset(script.all.data, 'x', script.all.size);
    tide_bytes_reset(&script.all);
    script.item_count = block_count;
    records += run(feeder, &script);
    assert_int_equal(records, LINES);
    tide_bytes_release(&script.all);
}

static void feed(struct tide_feeder *feeder, uint32_t block_lines)
{
    feed_staying(feeder, block_lines, false);
}

/* The cells of a metric that is no ratio. */
static struct tide_cell_table *merge(struct tide_feeder *feeder, uint32_t metric)
{
    const struct tide_definitions *definitions = stack.definitions;
    struct tide_cell_table *table = NULL;
    assert_int_equal(
        tide_cell_table_create(definitions->schema, &definitions->metrics[metric], &table, NULL),
        TIDE_OK);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        const struct tide_partition *partition = tide_feeder_partition(feeder, p);
        assert_int_equal(tide_cell_table_add_operator(
                             table, tide_partition_operator(partition, metric), TIDE_CELL_SPAN_ALL),
                         TIDE_OK);
    }
    return table;
}

/* Ledgers of all partitions and every cell, as text. */
static void print(struct tide_feeder *feeder, struct tide_bytes *text)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        tide_ledger_write_json(tide_partition_ledger(tide_feeder_partition(feeder, p)), text);
    }
    for (uint32_t m = 0; m < stack.definitions->metric_count; m++) {
        const struct tide_metric *metric = &stack.definitions->metrics[m];
        const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
        struct tide_result *result = NULL;
        assert_int_equal(tide_result_create(stack.definitions,
                                            metric,
                                            merge(feeder, is_ratio ? metric->parts[0] : m),
                                            is_ratio ? merge(feeder, metric->parts[1]) : NULL,
                                            &result),
                         TIDE_OK);
        for (uint64_t i = 0; i < tide_result_count(result); i++) {
            const struct tide_result_row row = tide_result_at(result, i);
            tide_result_write_json(result, &row, (struct tide_view){0}, text);
            tide_bytes_append_byte(text, '\n');
        }
        /* The lines have no event of the trip's kinds. */
        const bool is_trip = tide_view_equal(metric->name, TIDE_VIEW("trip"));
        assert_int_equal(tide_result_count(result) > 0, !is_trip);
        tide_result_destroy(result);
    }
    assert_false(text->failed);
}

static void expect_totals(struct tide_feeder *feeder)
{
    struct tide_ledger sum = {0};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        const struct tide_partition *partition = tide_feeder_partition(feeder, p);
        const struct tide_ledger *ledger = tide_partition_ledger(partition);
        assert_int_equal(tide_partition_index(partition), p);
        assert_int_equal(tide_partition_next_offset(partition), ledger->verdicts);
        assert_true(tide_ledger_holds(ledger));
        assert_true(ledger->processed > 0); /* each has its part */
        tide_ledger_add(&sum, ledger);
    }
    assert_int_equal(sum.verdicts, LINES);
    assert_int_equal(sum.duplicate, LINES / 10);
    assert_int_equal(sum.rejected[TIDE_REASON_JSON_INVALID], (LINES + 5) / 10);
    assert_true(sum.late_hot > 0);
}

static void results_do_not_depend_on_workers_and_blocks(void **state)
{
    static const struct {
        uint32_t workers;
        uint32_t block_lines;
    } cases[] = {
        {1, LINES}, {1, 1000}, {1, 7}, {2, LINES}, {2, 50}, {3, 7}, {PARTITIONS, 333}, {64, LINES}};
    struct tide_bytes expected = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_bytes text = {0};
        struct tide_feeder *feeder = create(cases[i].workers, i % 2 == 0);
        feed_staying(feeder, cases[i].block_lines, i % 3 != 0);
        expect_totals(feeder);
        print(feeder, i == 0 ? &expected : &text);
        if (i > 0) {
            assert_string_equal(tide_bytes_terminated(&text), tide_bytes_terminated(&expected));
        }
        tide_feeder_destroy(feeder);
        tide_bytes_release(&text);
    }
    tide_bytes_release(&expected);
}

/* ---- where a line goes */

/* An entity's events are in its partition, in the order of the lines. */
static void expect_rows_in_order(const struct tide_rows *rows, uint32_t partition)
{
    uint32_t number_before = 0;
    int64_t offset_before = -1;
    for (uint32_t i = 0; i < tide_rows_count(rows); i++) {
        if (!tide_rows_is_null(rows, rows_column(rows, "who"), i)) {
            assert_int_equal(tide_partition_of(rows_text(rows, "who", i), PARTITIONS), partition);
        }
        const struct tide_view id = rows_text(rows, "event_id", i);
        char number[16];
        (void)snprintf(number, sizeof(number), "%.*s", (int)id.size - 1, id.data + 1);
        const uint32_t n = (uint32_t)strtoul(number, NULL, 10);
        const int64_t offset = rows_number(rows, "_offset", i);
        assert_true(i == 0 || n > number_before);
        assert_true(offset > offset_before);
        number_before = n;
        offset_before = offset;
    }
}

static void routes_by_entity_and_keeps_order(void **state)
{
    static const uint32_t worker_counts[] = {1, 3};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tide_feeder *feeder = create(worker_counts[i], true);
        feed(feeder, 400);
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            struct tide_epoch epoch = {0};
            assert_true(tide_partition_take_epoch(tide_feeder_partition(feeder, p), &epoch));
            assert_int_equal(tide_rows_count(epoch.rows[TIDE_TABLE_EVENTS]),
                             epoch.ledger.processed);
            expect_rows_in_order(epoch.rows[TIDE_TABLE_EVENTS], p);
            tide_epoch_release(&epoch);
        }
        tide_feeder_destroy(feeder);
    }
}

/* The partition in which the only record is; it must be the only one. */
static uint32_t partition_of_only(struct tide_feeder *feeder)
{
    uint32_t found = PARTITIONS;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        const uint64_t end = tide_partition_next_offset(tide_feeder_partition(feeder, p));
        assert_true(end <= 1);
        if (end == 1) {
            assert_int_equal(found, PARTITIONS);
            found = p;
        }
    }
    assert_true(found < PARTITIONS);
    return found;
}

static struct tide_lines_item too_large_item(const struct script *script, struct tide_bytes *bytes)
{
    tide_bytes_append_text(bytes, script->text);
    return (struct tide_lines_item){.kind = TIDE_LINES_TOO_LARGE,
                                    .block = tide_bytes_view(bytes),
                                    .size = 9 << 20,
                                    .is_utf8 = script->block_lines == 1};
}

static void takes_a_line_that_is_too_large(void **state)
{
    static const char text[] = "{\"id\":\"e1\",\"kind\":\"k\",\"t\":1772962800000}";
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        const bool is_utf8 = i % 2 == 0;
        struct script script = {.item = too_large_item,
                                .item_count = 1,
                                .text = text,
                                .block_lines = is_utf8,
                                .stays = i / 4 == 1}; /* this one's bytes do not */
        struct tide_epoch epoch = {0};
        struct tide_feeder *feeder = create(1 + i / 2 % 2, true);
        assert_int_equal(run(feeder, &script), 1);
        struct tide_partition *partition = tide_feeder_partition(feeder, partition_of_only(feeder));
        assert_true(tide_partition_take_epoch(partition, &epoch));
        assert_null(epoch.rows[TIDE_TABLE_EVENTS]);
        const struct tide_rows *rows = epoch.rows[TIDE_TABLE_REJECTED];
        assert_int_equal(tide_rows_count(rows), 1);
        assert_true(tide_view_equal(rows_text(rows, "reason", 0),
                                    tide_view_of(is_utf8 ? "too_large" : "utf8_invalid")));
        assert_true(tide_view_equal(
            rows_text(rows, "detail", 0),
            tide_view_of(is_utf8 ? "the line is larger than 8 MiB" : "the line is not UTF-8")));
        assert_true(tide_view_equal(rows_text(rows, "source", 0), TIDE_VIEW("a file")));
        assert_true(tide_view_equal(rows_text(rows, "bytes", 0), tide_view_of(text)));
        tide_epoch_release(&epoch);
        tide_feeder_destroy(feeder);
    }
}

/* ---- blocks */

static void counts_lines_that_are_not_blank(void **state)
{
    static const struct {
        const char *block;
        uint64_t records;
    } cases[] = {
        {"", 0},
        {"\n \n\t\n", 0},
        {"a\n", 1},
        {"a", 1},
        {"\n\na\n\nb", 2},
        {"[]\n{}\n", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t workers = 1; workers <= 2; workers++) {
            uint64_t verdicts = 0;
            struct tide_feeder *feeder = create(workers, false);
            struct script script = {.item = text_item, .item_count = 1, .text = cases[i].block};
            assert_int_equal(run(feeder, &script), cases[i].records);
            for (uint32_t p = 0; p < PARTITIONS; p++) {
                verdicts += tide_partition_next_offset(tide_feeder_partition(feeder, p));
            }
            assert_int_equal(verdicts, cases[i].records);
            tide_feeder_destroy(feeder);
        }
    }
}

/* An envelope is a line with many events: more than a batch holds. */
static void carries_an_envelope_over(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 3; workers += 2) {
        uint64_t processed = 0;
        struct tide_bytes lines = {0};
        struct tide_feeder *feeder = create(workers, false);
        tide_bytes_append_text(&lines, "{\"ets\":1772962800000,\"events\":[");
        for (uint32_t i = 0; i < LINES; i++) {
            process_event(&lines, i, "anna", PROCESS_START_MS);
            lines.data[lines.size - 1] = i + 1 < LINES ? ',' : ']'; /* for the line's end */
        }
        tide_bytes_append_text(&lines, "}\n");
        struct script script = {
            .item = text_item, .item_count = 1, .text = tide_bytes_terminated(&lines)};
        assert_int_equal(run(feeder, &script), 1);
        tide_bytes_release(&lines);
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            processed += tide_partition_ledger(tide_feeder_partition(feeder, p))->processed;
        }
        assert_int_equal(processed, LINES);
        tide_feeder_destroy(feeder);
    }
}

/* The input fails while blocks are under way, or at once; nobody waits for what does not come. */
static void ends_when_the_input_fails(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 3; workers++) {
        for (uint32_t items = 0; items <= 60; items += 12) { /* more than may be under way */
            struct tide_error error = {0};
            uint64_t records = 0;
            struct script script = {
                .item = lines_item, .block_lines = 100, .item_count = items, .end = TIDE_RETRY};
            const struct tide_feeder_input input = {next_item, &script, false};
            struct tide_feeder *feeder = create(workers, true);
            assert_int_equal(tide_feeder_run(feeder, &input, &records, &error), TIDE_RETRY);
            assert_string_equal(error.text, "the disk is gone");
            assert_in_range(records, 0, items * 100);
            tide_feeder_destroy(feeder);
        }
    }
    tide_feeder_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            results_do_not_depend_on_workers_and_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_by_entity_and_keeps_order, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_a_line_that_is_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_lines_that_are_not_blank, setup, teardown),
        cmocka_unit_test_setup_teardown(carries_an_envelope_over, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_when_the_input_fails, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
