/* What the tests of metric and operator share: a schema with a column of every type, definitions
 * from a text, and batches written cell by cell. */
#ifndef TIDE_UNIT_METRIC_FIXTURE_H
#define TIDE_UNIT_METRIC_FIXTURE_H

#include "base/assert.h"
#include "metric/definition.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE_SCHEMA                                                                             \
    "schema:\n"                                                                                    \
    "  name: t\n"                                                                                  \
    "  entity: user_id\n"                                                                          \
    "  id: id\n"                                                                                   \
    "  type: kind\n"                                                                               \
    "  time: at_\n"                                                                                \
    "  columns:\n"                                                                                 \
    "    id: {path: id}\n"                                                                         \
    "    kind: {path: kind, required: true}\n"                                                     \
    "    at_: {path: at, type: time_ms, required: true}\n"                                         \
    "    user_id: {path: user}\n"                                                                  \
    "    a: {path: p.a}\n"                                                                         \
    "    b: {path: p.b, type: bool}\n"                                                             \
    "    n: {path: p.n, type: int}\n"                                                              \
    "    x: {path: p.x, type: decimal}\n"                                                          \
    "    g: {from: a, map: [{'x*': X}], default: Z}\n"

struct fixture {
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_source source;
    struct tide_bytes rendered;
};

static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    tide_diagnostics_init(&fixture->diagnostics, &fixture->arena);
}

static inline void fixture_release(struct fixture *fixture)
{
    tide_bytes_release(&fixture->rendered);
    tide_arena_release(&fixture->arena);
}

/* text must outlive the fixture. */
static inline struct tide_definitions *fixture_load(struct fixture *fixture, const char *text)
{
    fixture->source = (struct tide_source){TIDE_VIEW("m.yaml"), tide_view_of(text)};
    const struct tide_definitions_input input = {.file = &fixture->source};
    return tide_definitions_load(&fixture->arena, &input, &fixture->diagnostics);
}

/* A file with the fixture's schema and one metric, in line 18 and whatever follows. */
static inline struct tide_definitions *fixture_load_metric(struct fixture *fixture,
                                                           const char *name,
                                                           const char *metric)
{
    struct tide_bytes text = {0};
    tide_bytes_append_format(&text, "%smetrics:\n  %s: %s\n", FIXTURE_SCHEMA, name, metric);
    const struct tide_view kept = tide_arena_copy(&fixture->arena, tide_bytes_view(&text));
    tide_bytes_release(&text);
    tide_assert(kept.data != NULL);
    return fixture_load(fixture, kept.data);
}

static inline const struct tide_schema *fixture_schema(struct fixture *fixture)
{
    const struct tide_definitions *definitions = fixture_load(fixture, FIXTURE_SCHEMA);
    tide_assert(definitions != NULL);
    return definitions->schema;
}

static inline const char *fixture_errors_and_warnings(struct fixture *fixture)
{
    tide_bytes_reset(&fixture->rendered);
    tide_diagnostics_render(&fixture->diagnostics, &fixture->rendered);
    return tide_bytes_terminated(&fixture->rendered);
}

/* Without warnings: few tests use every derived column. */
static inline const char *fixture_errors(struct fixture *fixture)
{
    struct tide_diagnostics errors = fixture->diagnostics;
    errors.count = 0;
    errors.warning_count = 0;
    for (uint32_t i = 0; i < fixture->diagnostics.count; i++) {
        if (fixture->diagnostics.items[i].is_error) {
            errors.items[errors.count++] = fixture->diagnostics.items[i];
        }
    }
    tide_bytes_reset(&fixture->rendered);
    tide_diagnostics_render(&errors, &fixture->rendered);
    return tide_bytes_terminated(&fixture->rendered);
}

static inline struct tide_batch *fixture_batch(const struct tide_schema *schema, uint32_t row_count)
{
    struct tide_batch *batch = NULL;
    const enum tide_status status = tide_batch_create(schema, row_count, &batch, NULL);
    tide_assert(status == TIDE_OK);
    batch->row_count = row_count;
    return batch;
}

static inline struct tide_vector *fixture_column(struct tide_batch *batch, const char *name)
{
    const uint32_t column = tide_schema_find(batch->schema, tide_view_of(name));
    tide_assert(column != TIDE_COLUMN_NONE);
    return &batch->columns[column];
}

static inline void fixture_set_number(struct tide_batch *batch,
                                      uint32_t row,
                                      const char *name,
                                      int64_t number)
{
    struct tide_vector *vector = fixture_column(batch, name);
    vector->present[row] = 1;
    vector->numbers[row] = number;
}

static inline void fixture_set_text(struct tide_batch *batch,
                                    uint32_t row,
                                    const char *name,
                                    struct tide_view text)
{
    struct tide_vector *vector = fixture_column(batch, name);
    vector->present[row] = 1;
    vector->strings[row] = text;
}

/* A small generator of its own: the same numbers on every machine. */
static inline uint64_t fixture_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint32_t fixture_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(fixture_random(state) % limit);
}

#endif
