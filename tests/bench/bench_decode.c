/* Goal: events/s of the decoder beside simdjson's, which takes the same columns from the same bytes
 * in the same run. Method: one thread, the bytes in memory, repetitions in turn, medians of the
 * thread's CPU time. Of all ways to use simdjson (simdjson_peer.cpp) the fastest that is right;
 * both sides must have found the same values: the sum of hashes of every column.
 *
 * The decoder does more: it validates all of every record and makes the derived column; and it
 * computes the event's 128-bit identity, but not for the collector, which only judges and routes.
 * It is timed as it works for both. Arguments: EVENTS-FILE [REPETITIONS]. */
#include "base/hash.h"
#include "bench/job_input.h"
#include "bench/meter.h"
#include "bench/simdjson_peer.h"
#include "decode/decode.h"

#include <inttypes.h>
#include <math.h>

enum {
    REPETITIONS = 7,
    REPETITIONS_MAX = 99,
    TRIALS = 5, /* of a way to use simdjson; the best counts */
    LARGE_BLOCK = 1 << 20,
    SMALL_BLOCK = 128 << 10,
    TRIAL_BYTES = 32 << 20,
    SEED = 7,
    WAYS_MAX = 64,
};

static const char *const column_names[PEER_COLUMNS] = {"event_id",
                                                       "event_type",
                                                       "device_time",
                                                       "synced_time",
                                                       "user_id",
                                                       "user_type",
                                                       "device_id",
                                                       "session_id",
                                                       "channel",
                                                       "platform",
                                                       "app_version",
                                                       "environment",
                                                       "content_id",
                                                       "content_type",
                                                       "page",
                                                       "action",
                                                       "target",
                                                       "duration"};

struct sums {
    uint64_t event_count;
    uint64_t columns[PEER_COLUMNS];
};

struct bench {
    struct job_input job;
    struct meter meter;
    struct tide_decoder *decoder;
    struct tide_decoder *router;
    struct tide_batch *batch;
    struct peer *peer;
    uint64_t event_count;
    size_t repetitions;
};

enum side {
    SIDE_DECODER,       /* blocks of 1 MiB */
    SIDE_DECODER_SMALL, /* of 128 KiB */
    SIDE_ROUTER,        /* 1 MiB, as the collector has it */
    SIDE_ROUTER_SMALL,
    SIDE_ON_DEMAND,
    SIDE_DOM,
    SIDES,
};

/* ------- the decoder */

static void add_text(struct sums *sums, int column, const char *data, size_t size)
{
    sums->columns[column] += tide_hash64((struct tide_view){data, size}, sums->event_count);
}

static void add_number(struct sums *sums, int column, int64_t number)
{
    add_text(sums, column, (const char *)&number, sizeof number);
}

static void add_batch(struct sums *sums, const struct tide_batch *batch)
{
    for (uint32_t row = 0; row < batch->row_count; row++, sums->event_count++) {
        tide_assert(batch->verdicts[row].reason == TIDE_REASON_ACCEPTED);
        for (int i = 0; i < PEER_COLUMNS; i++) {
            const struct tide_vector *column = &batch->columns[i];
            if (column->present[row] && column->strings != NULL) {
                add_text(sums, i, column->strings[row].data, column->strings[row].size);
            } else if (column->present[row]) {
                add_number(sums, i, column->numbers[row]);
            }
        }
    }
}

/* sums: NULL while time is measured. */
static uint64_t decode(const struct bench *bench,
                       struct tide_decoder *decoder,
                       size_t block_size,
                       struct sums *sums)
{
    uint64_t count = 0;
    size_t at = 0;
    while (at < bench->job.events.size) {
        tide_decoder_begin(
            decoder, job_block(bench->job.events, block_size, &at), TIDE_FRAMING_NDJSON);
        enum tide_status status;
        do {
            tide_batch_reset(bench->batch);
            status = tide_decoder_next(decoder, bench->batch);
            count += bench->batch->row_count;
            if (sums != NULL) {
                add_batch(sums, bench->batch);
            }
        } while (status == TIDE_AGAIN);
    }
    return count;
}

/* ------- simdjson */

static void add_row(void *context, const struct peer_batch *batch, uint32_t row)
{
    struct sums *sums = context;
    for (int i = 0; i < PEER_COLUMNS; i++) {
        if (!batch->present[i][row]) {
            continue;
        }
        if (i == PEER_DURATION) {
            add_number(sums, i, llround(batch->durations[row] * 1e6));
        } else if (i == PEER_DEVICE_TIME || i == PEER_SYNCED_TIME) {
            add_number(sums, i, batch->times[i][row] * 1000);
        } else {
            add_text(sums, i, batch->texts[i][row].data, batch->texts[i][row].size);
        }
    }
    sums->event_count++;
}

static struct peer_text trial_bytes(const struct bench *bench)
{
    size_t at = 0;
    const struct tide_view some = job_block(bench->job.events, TRIAL_BYTES, &at);
    return (struct peer_text){some.data, some.size};
}

/* Each way a few times in turn; prints them, and gives the fastest of those that is right. */
static unsigned choose(struct bench *bench, bool dom, const struct sums *expected)
{
    static struct meter_cost costs[WAYS_MAX][TRIALS];
    const struct peer_text all = {bench->job.events.data, bench->job.events.size};
    const struct peer_text some = trial_bytes(bench);
    tide_assert(peer_way_count() <= WAYS_MAX);
    for (int trial = 0; trial < TRIALS; trial++) {
        for (unsigned way = 0; way < peer_way_count(); way++) {
            if (peer_way_is_dom(way) == dom) {
                const struct meter_cost start = meter_read(&bench->meter);
                (void)peer_run(bench->peer, way, some, NULL, NULL);
                costs[way][trial] = meter_since(&bench->meter, start);
            }
        }
    }
    unsigned best = peer_way_count();
    double best_seconds = 0;
    for (unsigned way = 0; way < peer_way_count(); way++) {
        if (peer_way_is_dom(way) != dom) {
            continue;
        }
        struct sums sums = {0};
        const uint64_t count = peer_run(bench->peer, way, all, add_row, &sums);
        const bool is_right =
            count == bench->event_count && memcmp(&sums, expected, sizeof sums) == 0;
        const double seconds = meter_least(costs[way], TRIALS).seconds;
        printf("  %6.2f GB/s%s  %s\n",
               (double)some.size / seconds / 1e9,
               is_right ? "" : " WRONG",
               peer_way_name(way));
        if (is_right && (best == peer_way_count() || seconds < best_seconds)) {
            best = way;
            best_seconds = seconds;
        }
    }
    tide_assert(best < peer_way_count());
    return best;
}

/* ------- measuring */

static void measure_side(struct bench *bench, enum side side, const unsigned *ways)
{
    uint64_t count = 0;
    switch (side) {
    case SIDE_DECODER:
        count = decode(bench, bench->decoder, LARGE_BLOCK, NULL);
        break;
    case SIDE_DECODER_SMALL:
        count = decode(bench, bench->decoder, SMALL_BLOCK, NULL);
        break;
    case SIDE_ROUTER:
        count = decode(bench, bench->router, LARGE_BLOCK, NULL);
        break;
    case SIDE_ROUTER_SMALL:
        count = decode(bench, bench->router, SMALL_BLOCK, NULL);
        break;
    case SIDE_ON_DEMAND:
    case SIDE_DOM:
        count = peer_run(bench->peer,
                         ways[side == SIDE_DOM],
                         (struct peer_text){bench->job.events.data, bench->job.events.size},
                         NULL,
                         NULL);
        break;
    case SIDES:
        break;
    }
    tide_assert(count == bench->event_count);
}

static void print_cost(const struct bench *bench, const char *name, struct meter_cost cost)
{
    const double bytes = (double)bench->job.events.size;
    const double events = (double)bench->event_count;
    printf("%-36s %11.0f %7.2f %9.1f",
           name,
           events / cost.seconds,
           bytes / cost.seconds / 1e9,
           cost.seconds * 1e9 / events);
    for (int i = 0; i < METER_COUNTS; i++) {
        if (bench->meter.files[i] < 0) {
            printf(" %11s", "n/a");
        } else {
            printf(" %11.2f", cost.counts[i] / bytes);
        }
    }
    printf("\n");
}

static void report(const struct bench *bench, const struct meter_cost *medians)
{
    static const char *const names[SIDES] = {"decoder, blocks of 1 MiB",
                                             "decoder, blocks of 128 KiB",
                                             "without identity, 1 MiB",
                                             "without identity, 128 KiB",
                                             "simdjson On-Demand",
                                             "simdjson DOM"};
    printf("\n%-36s %11s %7s %9s %11s %11s\n",
           "one thread, medians of CPU time",
           "events/s",
           "GB/s",
           "ns/event",
           "instr/byte",
           "cycles/byte");
    for (int side = 0; side < SIDES; side++) {
        print_cost(bench, names[side], medians[side]);
    }
    for (int peer = SIDE_ON_DEMAND; peer <= SIDE_DOM; peer++) {
        printf("events/s against %s:", names[peer]);
        for (int side = 0; side < SIDE_ON_DEMAND; side++) {
            printf("%s %.2f", side == 0 ? "" : ",", medians[peer].seconds / medians[side].seconds);
        }
        printf("\n");
    }
}

static void run(struct bench *bench)
{
    static struct meter_cost costs[SIDES][REPETITIONS_MAX];
    struct sums expected = {0};
    struct sums routed = {0};
    bench->event_count = decode(bench, bench->decoder, LARGE_BLOCK, &expected);
    (void)decode(bench, bench->router, LARGE_BLOCK, &routed);
    tide_assert(memcmp(&routed, &expected, sizeof routed) == 0);
    printf("%" PRIu64 " events, %.1f MB, %zu repetitions; simdjson's kernel: %s\n",
           bench->event_count,
           (double)bench->job.events.size / 1e6,
           bench->repetitions,
           peer_kernel());
    const unsigned ways[] = {choose(bench, false, &expected), choose(bench, true, &expected)};
    printf("On-Demand: %s\n", peer_way_name(ways[0]));
    printf("DOM: %s\n", peer_way_name(ways[1]));
    for (size_t i = 0; i < bench->repetitions; i++) {
        for (int side = 0; side < SIDES; side++) {
            const struct meter_cost start = meter_read(&bench->meter);
            measure_side(bench, (enum side)side, ways);
            costs[side][i] = meter_since(&bench->meter, start);
        }
    }
    struct meter_cost medians[SIDES];
    for (int side = 0; side < SIDES; side++) {
        medians[side] = meter_median(costs[side], bench->repetitions);
    }
    report(bench, medians);
}

int main(int argc, char **argv)
{
    struct bench bench = {.repetitions = REPETITIONS};
    if (argc > 2) {
        bench.repetitions = strtoul(argv[2], NULL, 10);
    }
    if (argc < 2 || bench.repetitions == 0 || bench.repetitions > REPETITIONS_MAX) {
        fprintf(stderr, "usage: bench_decode EVENTS-FILE [REPETITIONS]\n");
        return 2;
    }
    if (!job_input_load(&bench.job, argv[1])) {
        return 1;
    }
    const struct tide_schema *schema = bench.job.definitions->schema;
    tide_assert(schema->path_column_count == PEER_COLUMNS);
    for (uint32_t i = 0; i < PEER_COLUMNS; i++) {
        tide_assert(tide_view_equal(schema->columns[i].name, tide_view_of(column_names[i])));
    }
    if (tide_decoder_create(schema, SEED, &bench.decoder, NULL) != TIDE_OK ||
        tide_decoder_create(schema, SEED, &bench.router, NULL) != TIDE_OK ||
        tide_batch_create(schema, TIDE_BATCH_ROWS_DEFAULT, &bench.batch, NULL) != TIDE_OK) {
        return 1;
    }
    tide_decoder_route_only(bench.router);
    bench.peer = peer_create();
    meter_open(&bench.meter);
    run(&bench);
    meter_close(&bench.meter);
    peer_destroy(bench.peer);
    tide_batch_destroy(bench.batch);
    tide_decoder_destroy(bench.decoder);
    tide_decoder_destroy(bench.router);
    job_input_release(&bench.job);
    return 0;
}
