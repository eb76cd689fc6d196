/* tidemark replay: the service's pipeline over files, bounded; every cell and, last, the ledger. */
#include "base/logline.h"
#include "cli/config.h"
#include "cli/input.h"
#include "cli/print.h"
#include "cli/replay_lake.h"
#include "process/feeder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    READ_BYTES = 256 << 10,               /* a worker decodes what it has read, or looked at */
    BLOCK_BYTES = READ_BYTES + (8 << 10), /* with the line that the read before has begun */
    READ_BYTES_MAX = 1 << 20,
    LAKE_BLOCKS = 16,
    PARTITIONS_MAX = 1024,
    WORKERS_MAX = 64,
    REPLAY_SEED = 0, /* of uids: nothing is kept that must agree with another run */
};

struct replay {
    const struct tide_invocation *invocation;
    const struct tide_definitions *definitions;
    struct tide_config config; /* its keys */
    struct tide_feeder *feeder;
    struct tide_replay_lake *lake; /* NULL without --lake */
    uint32_t partition_count;
    uint64_t records;
    uint64_t chunk; /* bytes of one step through an input */
    struct tide_printer printer;
};

/* ---- in */

/* A file on its way into the feeder. */
struct reading {
    struct tide_input *input;
    struct tide_lines *lines;
    size_t chunk; /* bytes of one step, at most */
    bool is_mapped;
    struct tide_view rest; /* of a mapped one: what `lines` was not told of yet */
    uint32_t blocks_left;  /* of this run */
    bool has_ended;
};

static enum tide_status look_further(struct reading *reading, struct tide_error *error)
{
    struct tide_view *rest = &reading->rest;
    const size_t size = rest->size < reading->chunk ? rest->size : reading->chunk;
    if (size == 0) {
        tide_lines_finish(reading->lines);
        return tide_input_check(reading->input, error);
    }
    tide_input_passed(reading->input, rest->data);
    tide_lines_filled(reading->lines, size);
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return TIDE_OK;
}

static enum tide_status read_more(struct reading *reading, struct tide_error *error)
{
    char *space;
    size_t space_size;
    size_t size;
    tide_lines_space(reading->lines, &space, &space_size);
    const size_t wanted = space_size < reading->chunk ? space_size : reading->chunk;
    enum tide_status status = tide_input_read(reading->input, space, wanted, &size, error);
    if (status == TIDE_OK && size > 0) {
        tide_lines_filled(reading->lines, size);
    } else if (status == TIDE_OK) {
        tide_lines_finish(reading->lines);
    }
    return status;
}

static enum tide_status next_item(void *context,
                                  struct tide_lines_item *item,
                                  struct tide_error *error)
{
    struct reading *reading = context;
    enum tide_status status = TIDE_OK;
    if (reading->blocks_left == 0) {
        *item = (struct tide_lines_item){.kind = TIDE_LINES_END};
        return TIDE_OK;
    }
    *item = tide_lines_next(reading->lines);
    while (status == TIDE_OK && item->kind == TIDE_LINES_NEED) {
        status = reading->is_mapped ? look_further(reading, error) : read_more(reading, error);
        *item = tide_lines_next(reading->lines);
    }
    reading->blocks_left--;
    reading->has_ended = item->kind == TIDE_LINES_END;
    return status;
}

static enum tide_status feed(struct replay *replay,
                             struct reading *reading,
                             struct tide_error *error)
{
    const struct tide_feeder_input input = {next_item, reading, reading->is_mapped};
    enum tide_status status = TIDE_OK;
    while (status == TIDE_OK && !reading->has_ended) {
        /* Now and then a lake wants to see how much there is to write. */
        reading->blocks_left = replay->lake == NULL ? UINT32_MAX : LAKE_BLOCKS;
        status = tide_feeder_run(replay->feeder, &input, &replay->records, error);
        if (status == TIDE_OK && replay->lake != NULL) {
            status = tide_replay_lake_relieve(replay->lake, replay->feeder, error);
        }
    }
    return status;
}

/* A file is taken as it lies in memory, unless somebody wants it to be read. */
static enum tide_status open_lines(const struct replay *replay,
                                   struct reading *reading,
                                   struct tide_error *error)
{
    const bool shall_read = tide_invocation_has(replay->invocation, "--chunk");
    reading->chunk = replay->chunk;
    reading->is_mapped = !shall_read && tide_input_map(reading->input, &reading->rest);
    return reading->is_mapped
               ? tide_lines_of_text(reading->rest, BLOCK_BYTES, &reading->lines, error)
               : tide_lines_create(BLOCK_BYTES, &reading->lines, error);
}

static enum tide_exit read_input(struct replay *replay, const char *name)
{
    struct tide_error error = {0};
    struct reading reading = {0};
    enum tide_status status = tide_input_open(name, &reading.input, &error);
    if (status == TIDE_REJECT) {
        return tide_fail(TIDE_EXIT_NOT_FOUND, "%s", error.text);
    }
    if (status == TIDE_OK) {
        status = open_lines(replay, &reading, &error);
    }
    if (status == TIDE_OK) {
        status = feed(replay, &reading, &error);
    }
    tide_lines_destroy(reading.lines);
    tide_input_close(reading.input);
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

/* ---- out */

/* A metric's cells of all partitions. */
static enum tide_status merge(const struct replay *replay,
                              uint32_t index,
                              struct tide_cell_table **table)
{
    enum tide_status status = tide_cell_table_create(
        replay->definitions->schema, &replay->definitions->metrics[index], table, NULL);
    for (uint32_t p = 0; status == TIDE_OK && p < replay->partition_count; p++) {
        const struct tide_partition *partition = tide_feeder_partition(replay->feeder, p);
        status = tide_cell_table_add_operator(
            *table, tide_partition_operator(partition, index), TIDE_CELL_SPAN_ALL);
    }
    return status;
}

static enum tide_status compute(const struct replay *replay,
                                uint32_t index,
                                struct tide_result **result)
{
    const struct tide_metric *metric = &replay->definitions->metrics[index];
    const bool is_ratio = metric->kind == TIDE_METRIC_RATIO;
    struct tide_cell_table *tables[2] = {NULL, NULL};
    enum tide_status status = merge(replay, is_ratio ? metric->parts[0] : index, &tables[0]);
    if (status == TIDE_OK && is_ratio) {
        status = merge(replay, metric->parts[1], &tables[1]);
    }
    if (status == TIDE_OK) {
        return tide_result_create(replay->definitions, metric, tables[0], tables[1], result);
    }
    tide_cell_table_destroy(tables[0]);
    tide_cell_table_destroy(tables[1]);
    return status;
}

static enum tide_exit print_metric(struct replay *replay, uint32_t index)
{
    struct tide_result *result = NULL;
    const enum tide_status status = compute(replay, index, &result);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status),
                         "no memory for the cells of %.*s",
                         TIDE_VIEW_ARGUMENTS(replay->definitions->metrics[index].name));
    }
    const enum tide_exit exit =
        tide_printer_result(&replay->printer, result, TIDE_STARTS_ALL, (struct tide_view){0});
    tide_result_destroy(result);
    return exit;
}

static struct tide_ledger sum_ledgers(struct replay *replay)
{
    struct tide_ledger sum = {0};
    for (uint32_t p = 0; p < replay->partition_count; p++) {
        tide_ledger_add(&sum, tide_partition_ledger(tide_feeder_partition(replay->feeder, p)));
    }
    return sum;
}

static enum tide_exit print_ledger(struct replay *replay, const struct tide_ledger *ledger)
{
    struct tide_bytes line = {0};
    tide_bytes_append_format(&line, "{\"ledger\": {\"records\": %" PRIu64 ", ", replay->records);
    size_t start = line.size;
    tide_ledger_write_json(ledger, &line);
    memmove(line.data + start, line.data + start + 1, line.size - start - 1); /* its brace */
    line.size--;
    tide_bytes_append_byte(&line, '}');
    const enum tide_exit exit = tide_printer_line(&replay->printer, tide_bytes_view(&line));
    tide_bytes_release(&line);
    return exit;
}

static enum tide_exit print_results(struct replay *replay)
{
    struct tide_error error = {0};
    enum tide_status status = replay->lake == NULL
                                  ? TIDE_OK
                                  : tide_replay_lake_finish(replay->lake, replay->feeder, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < replay->definitions->metric_count; i++) {
        if (!replay->definitions->metrics[i].is_hidden) {
            exit = print_metric(replay, i);
        }
    }
    struct tide_ledger ledger = sum_ledgers(replay);
    if (exit == TIDE_EXIT_OK) {
        exit = print_ledger(replay, &ledger);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = tide_printer_finish(&replay->printer);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    bool rejected = tide_ledger_rejected(&ledger) > 0;
    return rejected && tide_invocation_has(replay->invocation, "--strict")
               ? TIDE_EXIT_PARTLY_REJECTED
               : TIDE_EXIT_OK;
}

/* ---- the command */

static enum tide_exit replay_files(struct replay *replay, uint64_t workers)
{
    struct tide_error error = {0};
    struct tide_feeder_options options = {.definitions = replay->definitions,
                                          .seed = REPLAY_SEED,
                                          .partition_count = replay->partition_count,
                                          .worker_count = (uint32_t)workers,
                                          .limits = tide_operator_limits_none(),
                                          .source = TIDE_VIEW("replay")};
    const char *lake = tide_invocation_text(replay->invocation, "--lake", NULL);
    const struct tide_lake_place_options place = {.config = &replay->config,
                                                  .url = tide_view_of(lake)};
    enum tide_status status = TIDE_OK;
    if (lake != NULL) {
        status = tide_replay_lake_open(&place,
                                       replay->definitions->schema,
                                       replay->partition_count,
                                       &options,
                                       &replay->lake,
                                       &error);
    }
    if (status == TIDE_OK) {
        status = tide_feeder_create(&options, &replay->feeder, &error);
    }
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint32_t i = 0; exit == TIDE_EXIT_OK && i < replay->invocation->operand_count; i++) {
        exit = read_input(replay, replay->invocation->operands[i]);
    }
    return exit == TIDE_EXIT_OK ? print_results(replay) : exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct replay replay = {.invocation = invocation};
    struct tide_arena arena;
    enum tide_format format;
    uint64_t partitions;
    uint64_t workers;
    if (!tide_invocation_number(invocation, "--partitions", 1, PARTITIONS_MAX, 1, &partitions) ||
        !tide_invocation_number(invocation, "--workers", 1, WORKERS_MAX, 1, &workers) ||
        !tide_invocation_number(
            invocation, "--chunk", 1, READ_BYTES_MAX, READ_BYTES, &replay.chunk) ||
        !tide_format_parse(tide_invocation_text(invocation, "--format", "ndjson"), &format)) {
        return TIDE_EXIT_USAGE;
    }
    if (workers > partitions && !tide_invocation_has(invocation, "--partitions")) {
        partitions = workers; /* a worker owns whole partitions */
    }
    replay.partition_count = (uint32_t)partitions;
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_exit exit =
        tide_config_definitions(&arena,
                                invocation,
                                tide_invocation_text(invocation, "-c", NULL),
                                tide_invocation_text(invocation, "--preset", NULL),
                                &replay.definitions);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_config_keys_only(&arena, invocation, NULL, &replay.config);
    }
    if (exit == TIDE_EXIT_OK) {
        tide_printer_init(&replay.printer, format);
        exit = replay_files(&replay, workers);
    }
    tide_feeder_destroy(replay.feeder);
    tide_replay_lake_close(replay.lake);
    tide_printer_release(&replay.printer);
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device: schema and metrics"},
    {"--config", "-c", "FILE", "definitions of your own"},
    {"--metric", NULL, "NAME", "only this metric (repeatable)"},
    {"--format", NULL, "FORMAT", "ndjson (default), json, csv or table"},
    {"--partitions", NULL, "N", "partitions; the result does not depend on it (1)"},
    {"--workers", NULL, "N", "worker threads; neither on it (1)"},
    {"--chunk", NULL, "BYTES", "read files in such pieces, as pipes are; neither on it (262144)"},
    {"--lake", NULL, "URL", "also write events, rejected and journeys as Delta tables there"},
    {"--set", NULL, "KEY=VALUE", "a configuration key of lake (repeatable)"},
    {"--strict", NULL, NULL, "exit 6 if any record was rejected"},
};

const struct tide_command tide_command_replay = {
    .name = "replay",
    .summary = "every number of files of events, and the ledger",
    .operands = "FILE|- ...",
    .examples = "  tidemark replay --preset sunbird events.ndjson\n"
                "  tidemark replay --preset device --metric crashes --format table day.ndjson\n"
                "  zcat *.gz | tidemark replay -c my.yaml -\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_min = 1,
    .operand_max = TIDE_OPERANDS_MAX,
    .run = run,
};
