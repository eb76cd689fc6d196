/* Goal: the parts of an event's cost in `tidemark replay` with the six metrics of job.yaml, so that
 * it is seen where time goes. Method: replay's loop in one process and thread, each step of a batch
 * timed on its own (CPU time of the thread); then the same file through the feeder as replay does
 * it, timed as a whole. Repetitions in turn, everything fresh in each; medians. The difference of
 * the two is what stands between the steps. Both must count the same events and duplicates.
 *
 * Scanning and validation is the decoder with a schema of the two columns that none can do without.
 * The identity is timed by computing it again. Arguments: EVENTS-FILE [REPETITIONS]. */
#include "bench/job_input.h"
#include "bench/meter.h"
#include "cli/input.h"
#include "cli/print.h"
#include "decode/lines.h"
#include "event/uid.h"
#include "operator/dedupe.h"
#include "operator/dictionary.h"
#include "process/feeder.h"
#include "support/schema_text.h"

#include <inttypes.h>

enum {
    REPETITIONS = 5,
    REPETITIONS_MAX = 99,
    METRICS_MAX = 32,
    STEP_BYTES = 256 << 10, /* as replay */
    BLOCK_BYTES = 264 << 10,
    SEED = 0,
};

enum part {
    PART_READING,
    PART_SCAN, /* and validation */
    PART_DECODE,
    PART_IDENTITY, /* within DECODE */
    PART_TIMES,
    PART_DEDUPE,
    PART_ENTITIES,
    PART_OUTPUT,
    PART_WHOLE, /* through the feeder, reading and output included */
    PART_METRICS,
    PARTS = PART_METRICS + METRICS_MAX,
};

/* What one thread keeps while it reads a file. */
struct state {
    struct tide_decoder *scanner; /* of the schema of two columns */
    struct tide_batch *scanned;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    struct tide_watermark watermark;
    struct tide_dedupe *dedupe;
    struct tide_dictionary *entities;
    struct tide_operator *operators[METRICS_MAX];
    struct tide_instant event_times[TIDE_BATCH_ROWS_DEFAULT];
    uint32_t accepted[TIDE_BATCH_ROWS_DEFAULT]; /* rows */
    uint32_t unique[TIDE_BATCH_ROWS_DEFAULT];
    uint32_t numbers[TIDE_BATCH_ROWS_DEFAULT]; /* of entities */
    uint64_t record_count;
    uint64_t unique_count;
};

struct bench {
    struct job_input job; /* no events: they are read again each time */
    const char *path;
    struct schema_text least;
    struct meter meter;
    struct tide_bytes scratch;
    FILE *report;             /* stdout is /dev/null, where the cells go */
    struct meter_cost *costs; /* of this repetition, by part */
    uint64_t record_count;
    uint64_t byte_count;
};

static const char *const least_schema =
    "name: least\n"
    "entity: user_id\n"
    "id: event_id\n"
    "time: device_time\n"
    "dedupe: {key: id}\n"
    "columns:\n"
    "  event_id: {path: mid}\n"
    "  device_time: {path: ets, type: time_ms, required: true}\n"
    "  user_id: {path: actor.id, required: true}\n";

static struct meter_cost start(const struct bench *bench)
{
    return meter_read(&bench->meter);
}

static void stop(struct bench *bench, int part, struct meter_cost since)
{
    bench->costs[part] = meter_sum(bench->costs[part], meter_since(&bench->meter, since), 1);
}

static void check(enum tide_status status)
{
    tide_assert(status == TIDE_OK);
}

/* ------- state */

static struct state *create_state(const struct bench *bench)
{
    const struct tide_definitions *definitions = bench->job.definitions;
    struct state *state = calloc(1, sizeof *state);
    tide_assert(state != NULL && definitions->metric_count <= METRICS_MAX);
    check(tide_decoder_create(bench->least.schema, SEED, &state->scanner, NULL));
    check(tide_batch_create(bench->least.schema, TIDE_BATCH_ROWS_DEFAULT, &state->scanned, NULL));
    check(tide_decoder_create(definitions->schema, SEED, &state->decoder, NULL));
    check(tide_batch_create(definitions->schema, TIDE_BATCH_ROWS_DEFAULT, &state->batch, NULL));
    tide_watermark_init(&state->watermark, definitions->schema->clock.out_of_orderness);
    check(tide_dedupe_create(&state->dedupe, NULL));
    check(tide_dictionary_create(UINT32_MAX - 1, &state->entities, NULL));
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        check(tide_operator_create(definitions->schema,
                                   &definitions->metrics[i],
                                   tide_operator_limits_none(),
                                   &state->operators[i],
                                   NULL));
    }
    return state;
}

static void destroy_state(struct state *state)
{
    for (uint32_t i = 0; i < METRICS_MAX; i++) {
        tide_operator_destroy(state->operators[i]);
    }
    tide_dictionary_destroy(state->entities);
    tide_dedupe_destroy(state->dedupe);
    tide_batch_destroy(state->batch);
    tide_decoder_destroy(state->decoder);
    tide_batch_destroy(state->scanned);
    tide_decoder_destroy(state->scanner);
    free(state);
}

/* ------- the steps of a batch */

static void identify(struct bench *bench, const struct tide_batch *batch)
{
    struct tide_hash_key key;
    tide_hash_key_init(&key, SEED);
    const struct meter_cost since = start(bench);
    for (uint32_t row = 0; row < batch->row_count; row++) {
        if (batch->verdicts[row].reason == TIDE_REASON_ACCEPTED) {
            const struct tide_u128 uid =
                tide_uid_compute(batch, row, batch->payloads[row], &key, &bench->scratch);
            tide_assert(uid.low == batch->uids[row].low);
        }
    }
    stop(bench, PART_IDENTITY, since);
}

static uint32_t place_in_time(struct bench *bench, struct state *state)
{
    const struct meter_cost since = start(bench);
    uint32_t count = 0;
    for (uint32_t row = 0; row < state->batch->row_count; row++) {
        struct tide_event_times times = {
            TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN};
        if (state->batch->verdicts[row].reason == TIDE_REASON_ACCEPTED &&
            tide_batch_event_times(
                state->batch, row, TIDE_ARRIVAL_FILE, TIDE_INSTANT_UNKNOWN, &times) ==
                TIDE_REASON_ACCEPTED) {
            (void)tide_watermark_observe(&state->watermark, &times);
            state->event_times[row] = times.event;
            state->accepted[count++] = row;
        }
    }
    stop(bench, PART_TIMES, since);
    return count;
}

static uint32_t drop_duplicates(struct bench *bench, struct state *state, uint32_t accepted)
{
    const struct meter_cost since = start(bench);
    uint32_t count = 0;
    for (uint32_t i = 0; i < accepted; i++) {
        const uint32_t row = state->accepted[i];
        if (tide_dedupe_add(state->dedupe, state->batch->uids[row]) == TIDE_OK) {
            state->unique[count++] = row;
        }
    }
    stop(bench, PART_DEDUPE, since);
    return count;
}

static void number_entities(struct bench *bench, struct state *state, uint32_t count)
{
    const struct meter_cost since = start(bench);
    const struct tide_vector *vector = &state->batch->columns[state->batch->schema->entity];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = state->unique[i];
        state->numbers[row] = vector->present[row]
                                  ? tide_dictionary_intern(state->entities, vector->strings[row])
                                  : TIDE_DICTIONARY_NONE;
    }
    stop(bench, PART_ENTITIES, since);
}

static void apply_batch(struct bench *bench, struct state *state)
{
    identify(bench, state->batch);
    const uint32_t accepted = place_in_time(bench, state);
    const uint32_t count = drop_duplicates(bench, state, accepted);
    number_entities(bench, state, count);
    const struct tide_operator_input input = {.batch = state->batch,
                                              .rows = state->unique,
                                              .row_count = count,
                                              .event_times = state->event_times,
                                              .entities = state->numbers};
    for (uint32_t i = 0; i < bench->job.definitions->metric_count; i++) {
        const struct meter_cost since = start(bench);
        check(tide_operator_update(state->operators[i], &input, NULL));
        stop(bench, (int)(PART_METRICS + i), since);
    }
    state->record_count += state->batch->row_count;
    state->unique_count += count;
}

static void scan_block(struct bench *bench, struct state *state, struct tide_view block)
{
    enum tide_status status;
    const struct meter_cost since = start(bench);
    tide_decoder_begin(state->scanner, block, TIDE_FRAMING_NDJSON);
    do {
        tide_batch_reset(state->scanned);
        status = tide_decoder_next(state->scanner, state->scanned);
    } while (status == TIDE_AGAIN);
    stop(bench, PART_SCAN, since);
}

static void apply_block(struct bench *bench, struct state *state, struct tide_view block)
{
    scan_block(bench, state, block);
    bool is_first = true;
    enum tide_status status;
    do {
        const struct meter_cost since = start(bench);
        if (is_first) {
            tide_decoder_begin(state->decoder, block, TIDE_FRAMING_NDJSON);
        }
        is_first = false;
        tide_batch_reset(state->batch);
        status = tide_decoder_next(state->decoder, state->batch);
        stop(bench, PART_DECODE, since);
        apply_batch(bench, state);
    } while (status == TIDE_AGAIN);
    bench->byte_count += block.size;
}

/* ------- reading and printing */

struct source {
    struct tide_input *input;
    struct tide_view rest; /* what lines was not told of yet */
    struct tide_lines *lines;
};

static void open_source(const struct bench *bench, struct source *source)
{
    check(tide_input_open(bench->path, &source->input, NULL));
    tide_assert(tide_input_map(source->input, &source->rest));
    check(tide_lines_of_text(source->rest, BLOCK_BYTES, &source->lines, NULL));
}

static void close_source(struct source *source)
{
    tide_lines_destroy(source->lines);
    tide_input_close(source->input);
}

/* The feeder's input. */
static enum tide_status next_item(void *context,
                                  struct tide_lines_item *item,
                                  struct tide_error *error)
{
    struct source *source = context;
    (void)error;
    *item = tide_lines_next(source->lines);
    while (item->kind == TIDE_LINES_NEED) {
        const size_t left = source->rest.size;
        const size_t size = left < STEP_BYTES ? left : STEP_BYTES;
        tide_input_passed(source->input, source->rest.data);
        if (size > 0) {
            tide_lines_filled(source->lines, size);
        } else {
            tide_lines_finish(source->lines);
        }
        source->rest = tide_view_slice(source->rest, size, left - size);
        *item = tide_lines_next(source->lines);
    }
    tide_assert(item->kind != TIDE_LINES_TOO_LARGE);
    return TIDE_OK;
}

/* Who looks at a mapped byte first waits for memory: here that is a part of its own. */
static void look_at(struct tide_view block)
{
    enum {
        CACHE_LINE = 64
    };
    for (size_t i = 0; i < block.size; i += CACHE_LINE) {
        (void)*(const volatile char *)(block.data + i);
    }
}

static void read_blocks(struct bench *bench, struct state *state)
{
    struct source source;
    struct tide_lines_item item;
    open_source(bench, &source);
    do {
        const struct meter_cost since = start(bench);
        check(next_item(&source, &item, NULL));
        look_at(item.block);
        stop(bench, PART_READING, since);
        if (item.kind == TIDE_LINES_BLOCK) {
            apply_block(bench, state, item.block);
        }
    } while (item.kind != TIDE_LINES_END);
    close_source(&source);
}

static void print_metric(const struct bench *bench, uint32_t i, struct tide_operator *operator)
{
    const struct tide_definitions *definitions = bench->job.definitions;
    const struct tide_metric *metric = &definitions->metrics[i];
    struct tide_cell_table *table = NULL;
    struct tide_result *result = NULL;
    struct tide_printer printer = {0};
    tide_printer_init(&printer, TIDE_FORMAT_NDJSON);
    check(tide_cell_table_create(definitions->schema, metric, &table, NULL));
    check(tide_cell_table_add_operator(table, operator, TIDE_CELL_SPAN_ALL));
    check(tide_result_create(definitions, metric, table, NULL, &result));
    (void)tide_printer_result(&printer, result, TIDE_STARTS_ALL, (struct tide_view){0});
    (void)tide_printer_finish(&printer);
    (void)fflush(stdout);
    tide_result_destroy(result);
    tide_printer_release(&printer);
}

/* ------- the two ways */

static void run_parts(struct bench *bench, uint64_t *unique_count)
{
    struct state *state = create_state(bench);
    bench->byte_count = 0;
    read_blocks(bench, state);
    const struct meter_cost since = start(bench);
    for (uint32_t i = 0; i < bench->job.definitions->metric_count; i++) {
        print_metric(bench, i, state->operators[i]);
    }
    stop(bench, PART_OUTPUT, since);
    bench->record_count = state->record_count;
    *unique_count = state->unique_count;
    destroy_state(state);
}

static void run_whole(struct bench *bench, uint64_t unique_count)
{
    const struct tide_feeder_options options = {.definitions = bench->job.definitions,
                                                .seed = SEED,
                                                .partition_count = 1,
                                                .worker_count = 1,
                                                .limits = tide_operator_limits_none(),
                                                .source = TIDE_VIEW("bench")};
    struct tide_feeder *feeder = NULL;
    struct source source;
    const struct tide_feeder_input input = {
        .next = next_item, .context = &source, .blocks_stay = true};
    uint64_t records = 0;
    const struct meter_cost since = start(bench);
    open_source(bench, &source);
    check(tide_feeder_create(&options, &feeder, NULL));
    check(tide_feeder_run(feeder, &input, &records, NULL));
    close_source(&source);
    const struct tide_partition *partition = tide_feeder_partition(feeder, 0);
    for (uint32_t i = 0; i < bench->job.definitions->metric_count; i++) {
        print_metric(bench, i, tide_partition_operator(partition, i));
    }
    const struct tide_ledger *ledger = tide_partition_ledger(partition);
    tide_assert(ledger->verdicts == bench->record_count && ledger->processed == unique_count);
    tide_feeder_destroy(feeder);
    stop(bench, PART_WHOLE, since);
}

/* ------- report */

static void print_line(const struct bench *bench,
                       const char *name,
                       struct meter_cost cost,
                       struct meter_cost whole)
{
    fprintf(bench->report,
            "| %-48s | %8.1f | %5.1f %% |\n",
            name,
            cost.seconds * 1e9 / (double)bench->record_count,
            100 * cost.seconds / whole.seconds);
}

static void report(const struct bench *bench, const struct meter_cost *parts)
{
    const struct tide_definitions *definitions = bench->job.definitions;
    const struct meter_cost whole = parts[PART_WHOLE];
    const struct meter_cost extraction =
        meter_sum(parts[PART_DECODE], meter_sum(parts[PART_SCAN], parts[PART_IDENTITY], 1), -1);
    struct meter_cost applied = {0}; /* "operators alone": what comes behind the decoder */
    fprintf(bench->report,
            "%" PRIu64 " events, %.1f MB; one thread, medians of CPU time\n\n"
            "| part | ns per event | of the whole |\n|---|---|---|\n",
            bench->record_count,
            (double)bench->byte_count / 1e6);
    print_line(bench, "first look at the bytes, cutting into blocks", parts[PART_READING], whole);
    print_line(bench, "scan and validation (three columns taken)", parts[PART_SCAN], whole);
    print_line(bench, "extraction of the other columns", extraction, whole);
    print_line(bench, "identity (128 bits)", parts[PART_IDENTITY], whole);
    print_line(bench, "event time and watermark", parts[PART_TIMES], whole);
    print_line(bench, "dedupe", parts[PART_DEDUPE], whole);
    print_line(bench, "entities", parts[PART_ENTITIES], whole);
    for (int part = PART_TIMES; part <= PART_ENTITIES; part++) {
        applied = meter_sum(applied, parts[part], 1);
    }
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        char name[64];
        snprintf(
            name, sizeof name, "metric `%.*s`", TIDE_VIEW_ARGUMENTS(definitions->metrics[i].name));
        print_line(bench, name, parts[PART_METRICS + i], whole);
        applied = meter_sum(applied, parts[PART_METRICS + i], 1);
    }
    print_line(bench, "output of the cells", parts[PART_OUTPUT], whole);
    struct meter_cost rest = meter_sum(whole, parts[PART_READING], -1);
    rest = meter_sum(rest, parts[PART_DECODE], -1);
    rest = meter_sum(rest, applied, -1);
    rest = meter_sum(rest, parts[PART_OUTPUT], -1);
    print_line(bench, "between them: routing, ledger, memory", rest, whole);
    print_line(bench, "**the whole, through the feeder**", whole, whole);
    print_line(bench, "validated decode alone", parts[PART_DECODE], whole);
    print_line(bench, "behind the decoder alone: dedupe to metrics", applied, whole);
}

static void run(struct bench *bench, size_t repetitions)
{
    static struct meter_cost costs[REPETITIONS_MAX][PARTS];
    struct meter_cost medians[PARTS] = {0};
    for (size_t i = 0; i < repetitions; i++) {
        uint64_t unique_count = 0;
        bench->costs = costs[i];
        run_parts(bench, &unique_count);
        run_whole(bench, unique_count);
    }
    for (int part = 0; part < PARTS; part++) {
        struct meter_cost found[REPETITIONS_MAX];
        for (size_t i = 0; i < repetitions; i++) {
            found[i] = costs[i][part];
        }
        medians[part] = meter_median(found, repetitions);
    }
    report(bench, medians);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    const size_t repetitions = argc > 2 ? strtoul(argv[2], NULL, 10) : REPETITIONS;
    if (argc < 2 || repetitions == 0 || repetitions > REPETITIONS_MAX) {
        fprintf(stderr, "usage: bench_parts EVENTS-FILE [REPETITIONS]\n");
        return 2;
    }
    bench.path = argv[1];
    bench.report = fdopen(dup(STDOUT_FILENO), "w");
    if (bench.report == NULL || freopen("/dev/null", "w", stdout) == NULL ||
        !job_definitions_load(&bench.job)) {
        return 1;
    }
    if (schema_text_load(&bench.least, least_schema) == NULL) {
        fprintf(stderr, "%s", bench.least.messages.data);
        return 1;
    }
    meter_open(&bench.meter);
    run(&bench, repetitions);
    meter_close(&bench.meter);
    fclose(bench.report);
    tide_bytes_release(&bench.scratch);
    schema_text_release(&bench.least);
    job_input_release(&bench.job);
    return 0;
}
