/* A random stream of events in one batch, small values and many ties, for the tests of operator. */
#ifndef TIDE_UNIT_OPERATOR_STREAM_H
#define TIDE_UNIT_OPERATOR_STREAM_H

#include "operator/cell_table.h"
#include "operator/dictionary.h"
#include "unit/metric/fixture.h"

enum {
    STREAM_ENTITIES = 9
};

struct stream {
    struct tide_batch *batch;
    struct tide_instant *times;
    uint32_t *entities; /* numbers; NONE: nobody */
};

static inline void stream_create(struct stream *stream,
                                 const struct tide_schema *schema,
                                 uint32_t row_count,
                                 uint64_t *seed)
{
    static const char *const texts[] = {"x", "xy", "y", "", "\xc3\xa9"};
    stream->batch = fixture_batch(schema, row_count);
    stream->times = calloc(row_count, sizeof(*stream->times));
    stream->entities = calloc(row_count, sizeof(*stream->entities));
    tide_assert(stream->times != NULL && stream->entities != NULL);
    for (uint32_t row = 0; row < row_count; row++) {
        const int64_t hour_us = INT64_C(3600000000);
        const int64_t near = (int64_t)fixture_below(seed, 3) - 1; /* around the boundary */
        stream->times[row].us = (int64_t)(400 + fixture_below(seed, 6)) * hour_us + near;
        const uint32_t entity = fixture_below(seed, STREAM_ENTITIES + 1);
        stream->entities[row] = entity == STREAM_ENTITIES ? TIDE_DICTIONARY_NONE : entity;
        if (fixture_below(seed, 5) != 0) {
            fixture_set_text(stream->batch, row, "a", tide_view_of(texts[fixture_below(seed, 5)]));
        }
        if (fixture_below(seed, 5) != 0) {
            fixture_set_number(stream->batch, row, "b", fixture_below(seed, 2));
        }
        if (fixture_below(seed, 3) != 0) {
            fixture_set_number(stream->batch, row, "n", (int64_t)fixture_below(seed, 7) - 3);
        }
        if (fixture_below(seed, 3) != 0) {
            fixture_set_number(
                stream->batch, row, "x", (int64_t)fixture_below(seed, 9) * 250000 - 1000000);
        }
        fixture_set_number(stream->batch, row, "at_", stream->times[row].us);
    }
}

static inline void stream_destroy(struct stream *stream)
{
    tide_batch_destroy(stream->batch);
    free(stream->times);
    free(stream->entities);
}

/* Those rows of the stream into the cells, in pieces of random size. */
static inline void stream_feed(const struct stream *stream,
                               const uint32_t *rows,
                               uint32_t row_count,
                               struct tide_cells *cells,
                               uint64_t *seed)
{
    for (uint32_t done = 0; done < row_count;) {
        const uint32_t left = row_count - done;
        const uint32_t piece = fixture_below(seed, left < 700 ? left + 1 : 700);
        const struct tide_cells_input input = {
            .batch = stream->batch,
            .rows = rows + done,
            .row_count = piece,
            .event_times = stream->times,
            .entities = stream->entities,
        };
        const enum tide_status status = tide_cells_update(cells, &input, NULL);
        tide_assert(status == TIDE_OK);
        done += piece;
    }
}

#endif
