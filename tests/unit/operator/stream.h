/* What the tests of metrics' state share: a metric from a text, a random stream of events full of
 * ties in one batch, and its way into an operator in any order and any pieces. */
#ifndef TIDE_UNIT_OPERATOR_STREAM_H
#define TIDE_UNIT_OPERATOR_STREAM_H

#include "operator/dictionary.h"
#include "operator/result.h"
#include "unit/metric/fixture.h"

#include <stdio.h>

enum {
    STREAM_ENTITIES = 9,
    STREAM_ROWS_MAX = 4000,
    STREAM_PIECE_MAX = 700,
};

/* ------- a metric */

struct room {
    struct fixture fixture;
    struct tide_bytes file;
    const struct tide_definitions *definitions;
    const struct tide_metric *metric; /* named m, or the first one */
};

/* metrics: lines of YAML below `metrics:`, or one metric in braces, which is named m. */
static inline void room_open(struct room *room, const char *metrics)
{
    *room = (struct room){0};
    fixture_init(&room->fixture);
    tide_bytes_append_format(
        &room->file, FIXTURE_SCHEMA "metrics:\n%s%s\n", metrics[0] == '{' ? "  m: " : "", metrics);
    room->definitions = fixture_load(&room->fixture, tide_bytes_terminated(&room->file));
    if (room->definitions == NULL) {
        (void)fputs(fixture_errors(&room->fixture), stderr);
    }
    tide_assert(room->definitions != NULL);
    room->metric = tide_definitions_find(room->definitions, TIDE_VIEW("m"));
    room->metric = room->metric == NULL ? room->definitions->metrics : room->metric;
}

static inline void room_close(struct room *room)
{
    tide_bytes_release(&room->file);
    fixture_release(&room->fixture);
}

static inline struct tide_operator *room_operator(const struct room *room,
                                                  const struct tide_metric *metric,
                                                  struct tide_operator_limits limits)
{
    struct tide_operator *operator= NULL;
    const enum tide_status status =
        tide_operator_create(room->definitions->schema, metric, limits, &operator, NULL);
    tide_assert(status == TIDE_OK);
    return operator;
}

static inline struct tide_cell_table *room_empty_table(const struct room *room,
                                                       const struct tide_metric *metric)
{
    struct tide_cell_table *table = NULL;
    const enum tide_status status =
        tide_cell_table_create(room->definitions->schema, metric, &table, NULL);
    tide_assert(status == TIDE_OK);
    return table;
}

/* The operator's cells, merged; not finished. */
static inline struct tide_cell_table *room_table(const struct room *room,
                                                 const struct tide_metric *metric,
                                                 struct tide_operator *
                                                 operator,
                                                 struct tide_instant closing)
{
    struct tide_cell_table *table = room_empty_table(room, metric);
    struct tide_cell_span span = TIDE_CELL_SPAN_ALL;
    span.closing = closing;
    const enum tide_status status = tide_cell_table_add_operator(table, operator, span);
    tide_assert(status == TIDE_OK);
    return table;
}

/* All lines of a result of that table, which goes. */
static inline const char *room_print(const struct room *room,
                                     const struct tide_metric *metric,
                                     struct tide_cell_table *table,
                                     struct tide_bytes *text)
{
    struct tide_result *result = NULL;
    const enum tide_status status =
        tide_result_create(room->definitions, metric, table, NULL, &result);
    tide_assert(status == TIDE_OK);
    tide_bytes_reset(text);
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        tide_result_write_json(result, &row, (struct tide_view){0}, text);
        tide_bytes_append_byte(text, '\n');
    }
    tide_result_destroy(result);
    return tide_bytes_terminated(text);
}

/* The same of an operator, by no closing clock. */
static inline const char *room_lines(
    const struct room *room, struct tide_operator *operator, struct tide_bytes * text)
{
    const struct tide_instant unknown = TIDE_INSTANT_UNKNOWN;
    return room_print(room, room->metric, room_table(room, room->metric, operator, unknown), text);
}

/* ------- a stream */

struct stream {
    struct tide_batch *batch;
    struct tide_instant *times;
    uint32_t *entities; /* numbers; NONE: nobody */
    uint32_t row_count;
};

/* Around the boundaries of six hours, which are also the beginning of a day. */
static inline int64_t stream_time_hours(uint64_t *seed)
{
    const int64_t hour_us = INT64_C(3600000000);
    const int64_t near = (int64_t)fixture_below(seed, 3) - 1;
    return (int64_t)(405 + fixture_below(seed, 6)) * hour_us + near;
}

/* Steps of ten minutes around midnight, so that gaps are often exactly a timeout; some are a
 * microsecond off. */
static inline int64_t stream_time_gaps(uint64_t *seed)
{
    const int64_t step_us = INT64_C(600000000);
    const int64_t near = fixture_below(seed, 4) == 0 ? (int64_t)fixture_below(seed, 3) - 1 : 0;
    return (int64_t)(17 * 144 - 40 + (int64_t)fixture_below(seed, 90)) * step_us + near;
}

/* A week around the day in New York that has 23 hours, from 2026-03-05, by hours. */
static inline int64_t stream_time_days(uint64_t *seed)
{
    const int64_t hour_us = INT64_C(3600000000);
    const int64_t near = (int64_t)fixture_below(seed, 3) - 1;
    return INT64_C(1772668800000000) + (int64_t)fixture_below(seed, 168) * hour_us + near;
}

static inline void stream_set_values(struct stream *stream, uint32_t row, uint64_t *seed)
{
    static const char *const texts[] = {"x", "xy", "y", "", "\xc3\xa9"};
    static const char *const kinds[] = {"I", "S", "E", "L"};
    static const char *const entities[] = {"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"};
    const uint32_t entity = fixture_below(seed, STREAM_ENTITIES + 1);
    stream->entities[row] = TIDE_DICTIONARY_NONE;
    if (entity < STREAM_ENTITIES) {
        stream->entities[row] = entity;
        fixture_set_text(stream->batch, row, "user_id", tide_view_of(entities[entity]));
    }
    fixture_set_text(stream->batch, row, "kind", tide_view_of(kinds[fixture_below(seed, 4)]));
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

static inline void stream_create(struct stream *stream,
                                 const struct tide_schema *schema,
                                 uint32_t row_count,
                                 int64_t (*time)(uint64_t *seed),
                                 uint64_t *seed)
{
    tide_assert(row_count <= STREAM_ROWS_MAX);
    stream->row_count = row_count;
    stream->batch = fixture_batch(schema, row_count);
    stream->times = calloc(row_count, sizeof(*stream->times));
    stream->entities = calloc(row_count, sizeof(*stream->entities));
    tide_assert(stream->times != NULL && stream->entities != NULL);
    for (uint32_t row = 0; row < row_count; row++) {
        stream->times[row].us = time(seed);
        stream_set_values(stream, row, seed);
    }
}

static inline void stream_destroy(struct stream *stream)
{
    tide_batch_destroy(stream->batch);
    free(stream->times);
    free(stream->entities);
}

/* Every row once; shuffled, unless is_plain. */
static inline void stream_order(uint32_t *rows, uint32_t row_count, bool is_plain, uint64_t *seed)
{
    for (uint32_t i = 0; i < row_count; i++) {
        rows[i] = i;
    }
    for (uint32_t i = is_plain ? 0 : row_count; i > 1; i--) {
        const uint32_t k = fixture_below(seed, i);
        const uint32_t row = rows[i - 1];
        rows[i - 1] = rows[k];
        rows[k] = row;
    }
}

/* Those rows of the stream into the operator, in pieces of random size up to that. */
static inline void stream_feed(const struct stream *stream,
                               const uint32_t *rows,
                               uint32_t row_count,
                               struct tide_operator *
                               operator,
                               uint32_t piece_max,
                               uint64_t *seed)
{
    for (uint32_t done = 0; done < row_count;) {
        const uint32_t left = row_count - done;
        const uint32_t piece = fixture_below(seed, left < piece_max ? left + 1 : piece_max + 1);
        const struct tide_operator_input input = {
            .batch = stream->batch,
            .rows = rows + done,
            .row_count = piece,
            .event_times = stream->times,
            .entities = stream->entities,
        };
        const enum tide_status status = tide_operator_update(operator, & input, NULL);
        tide_assert(status == TIDE_OK);
        done += piece;
    }
}

#endif
