/* Goal: what it costs a worker to restore an event from the collector's image, and the collector to
 * take it, beside decoding the event again (ADR 24). Method: bodies of 100 lines, decoded as a
 * collector does; then each event alone, as a worker reads it from a frame, once by decoding and
 * once by restoring; identities are computed in both and must be the same. One thread, medians of
 * CPU time. Arguments: EVENTS-FILE [REPETITIONS]. */
#include "bench/job_input.h"
#include "bench/meter.h"
#include "decode/decode.h"

#include <inttypes.h>

enum {
    REPETITIONS = 9,
    REPETITIONS_MAX = 99,
    BODY_LINES = 100,
    SEED = 0,
};

enum part {
    PART_COLLECT, /* decoding a body, without identities */
    PART_TAKE,    /* images of its rows */
    PART_COPY,    /* of the images, twice: in order, and into the ring */
    PART_DECODE,  /* events alone, with identities */
    PART_RESTORE, /* likewise */
    PARTS
};

struct bench {
    struct job_input job;
    struct meter meter;
    struct tide_decoder *router;
    struct tide_decoder *reader;
    struct tide_batch *routed;
    struct tide_batch *read;
    size_t image_size;
    char *images;
    char *copies[2];
    struct tide_u128 *uids;
    uint64_t event_count;
    uint64_t restored_count;
};

static struct tide_view next_body(struct tide_view events, size_t *at)
{
    const char *start = events.data + *at;
    const char *end = start;
    for (int i = 0; i < BODY_LINES && end < events.data + events.size; i++) {
        const char *line_end = memchr(end, '\n', (size_t)(events.data + events.size - end));
        tide_assert(line_end != NULL);
        end = line_end + 1;
    }
    *at += (size_t)(end - start);
    return (struct tide_view){start, (size_t)(end - start)};
}

static struct meter_cost add(const struct bench *bench,
                             struct meter_cost *cost,
                             struct meter_cost since)
{
    *cost = meter_sum(*cost, meter_since(&bench->meter, since), 1);
    return meter_read(&bench->meter);
}

static void run_body(struct bench *bench, struct tide_view body, struct meter_cost *costs)
{
    struct tide_batch *routed = bench->routed;
    struct tide_batch *read = bench->read;
    struct meter_cost since = meter_read(&bench->meter);
    tide_batch_reset(routed);
    tide_decoder_begin(bench->router, body, TIDE_FRAMING_NDJSON);
    enum tide_status status = tide_decoder_next(bench->router, routed);
    tide_assert(status == TIDE_OK);
    since = add(bench, &costs[PART_COLLECT], since);

    const size_t size = bench->image_size;
    for (uint32_t row = 0; row < routed->row_count; row++) {
        tide_row_image_take(routed, row, (void *)(bench->images + row * size));
    }
    since = add(bench, &costs[PART_TAKE], since);

    for (int i = 0; i < 2; i++) {
        memcpy(
            bench->copies[i], i == 0 ? bench->images : bench->copies[0], routed->row_count * size);
    }
    since = add(bench, &costs[PART_COPY], since);

    tide_batch_reset(read);
    for (uint32_t row = 0; row < routed->row_count; row++) {
        tide_decoder_begin(bench->reader, routed->texts[row], TIDE_FRAMING_EVENT);
        status = tide_decoder_next(bench->reader, read);
        tide_assert(status == TIDE_OK);
    }
    since = add(bench, &costs[PART_DECODE], since);

    memcpy(bench->uids, read->uids, read->row_count * sizeof(read->uids[0]));
    tide_batch_reset(read);
    since = meter_read(&bench->meter);
    for (uint32_t row = 0; row < routed->row_count; row++) {
        bench->restored_count += tide_decoder_restore(
            bench->reader, routed->texts[row], (void *)(bench->copies[1] + row * size), read);
    }
    (void)add(bench, &costs[PART_RESTORE], since);

    bench->event_count += routed->row_count;
    tide_assert(bench->restored_count == bench->event_count);
    tide_assert(memcmp(bench->uids, read->uids, read->row_count * sizeof(read->uids[0])) == 0);
}

static void report(const struct bench *bench,
                   struct meter_cost costs[PARTS][REPETITIONS_MAX],
                   size_t count)
{
    static const char *const names[PARTS] = {"collector: decode a body of 100",
                                             "collector: take the images",
                                             "collector: copy them twice",
                                             "worker: decode each event",
                                             "worker: restore each event"};
    printf("%" PRIu64 " events, images of %zu bytes; one thread, medians of CPU time\n\n"
           "| part | ns per event |\n|---|---|\n",
           bench->event_count,
           bench->image_size);
    for (int part = 0; part < PARTS; part++) {
        printf("| %s | %.1f |\n",
               names[part],
               meter_median(costs[part], count).seconds * 1e9 / (double)bench->event_count);
    }
}

static void run(struct bench *bench, size_t repetitions)
{
    static struct meter_cost costs[PARTS][REPETITIONS_MAX];
    for (size_t i = 0; i < repetitions; i++) {
        struct meter_cost these[PARTS] = {0};
        bench->event_count = 0;
        bench->restored_count = 0;
        for (size_t at = 0; at < bench->job.events.size;) {
            run_body(bench, next_body(bench->job.events, &at), these);
        }
        for (int part = 0; part < PARTS; part++) {
            costs[part][i] = these[part];
        }
    }
    report(bench, costs, repetitions);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    const size_t repetitions = argc > 2 ? strtoul(argv[2], NULL, 10) : REPETITIONS;
    if (argc < 2 || repetitions == 0 || repetitions > REPETITIONS_MAX) {
        fprintf(stderr, "usage: bench_handover EVENTS-FILE [REPETITIONS]\n");
        return 2;
    }
    if (!job_input_load(&bench.job, argv[1])) {
        return 1;
    }
    const struct tide_schema *schema = bench.job.definitions->schema;
    bench.image_size = tide_row_image_size(schema);
    bench.images = malloc(BODY_LINES * bench.image_size);
    bench.copies[0] = malloc(BODY_LINES * bench.image_size);
    bench.copies[1] = malloc(BODY_LINES * bench.image_size);
    bench.uids = malloc(BODY_LINES * sizeof(*bench.uids));
    if (tide_decoder_create(schema, SEED, &bench.router, NULL) != TIDE_OK ||
        tide_decoder_create(schema, SEED, &bench.reader, NULL) != TIDE_OK ||
        tide_batch_create(schema, TIDE_BATCH_ROWS_DEFAULT, &bench.routed, NULL) != TIDE_OK ||
        tide_batch_create(schema, TIDE_BATCH_ROWS_DEFAULT, &bench.read, NULL) != TIDE_OK) {
        return 1;
    }
    tide_decoder_route_only(bench.router);
    meter_open(&bench.meter);
    run(&bench, repetitions);
    meter_close(&bench.meter);
    tide_batch_destroy(bench.routed);
    tide_batch_destroy(bench.read);
    tide_decoder_destroy(bench.router);
    tide_decoder_destroy(bench.reader);
    free(bench.images);
    free(bench.copies[0]);
    free(bench.copies[1]);
    free(bench.uids);
    job_input_release(&bench.job);
    return 0;
}
