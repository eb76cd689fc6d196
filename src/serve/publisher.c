#include "serve/publisher.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/logline.h"
#include "base/thread.h"
#include "serve/api_cells.h"
#include "serve/cell_memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct tide_duration look = {50 * 1000}; /* how fast a stop is seen */

struct tide_publisher {
    struct tide_publisher_options options;
    pthread_t thread;
    _Atomic bool is_stopping;
    struct tide_cell_memory *memory;
    struct tide_bytes key;
    struct tide_bytes extra;
    struct tide_bytes line;
    _Atomic uint64_t rounds;
    _Atomic uint64_t cells;
    _Atomic uint64_t failures;
    _Atomic uint64_t left_out;
};

/* ---- what was told */

/* Whether the cell is to be told, which is then remembered. */
static bool note(struct tide_publisher *p, struct tide_view key, struct tide_view line)
{
    bool is_new = false;
    struct tide_cell_told *told =
        tide_cell_memory_note(p->memory, tide_cell_memory_key(key), &is_new);
    if (told == NULL) {
        atomic_fetch_add(&p->left_out, 1);
        return false;
    }
    const uint64_t content = tide_hash64(line, 0);
    const bool is_changed = is_new || told->content != content;
    told->content = content;
    return is_changed;
}

/* ---- a round */

static enum tide_status send(struct tide_publisher *p, struct tide_error *error)
{
    const struct tide_publisher_options *options = &p->options;
    const enum tide_status status =
        options->send(options->context, tide_bytes_view(&p->key), tide_bytes_view(&p->line), error);
    if (status == TIDE_REJECT) { /* the next time, too */
        atomic_fetch_add(&p->left_out, 1);
        return TIDE_OK;
    }
    atomic_fetch_add(&p->cells, status == TIDE_OK);
    return status;
}

static enum tide_status tell_cells(struct tide_publisher *p,
                                   const struct api_cells *cells,
                                   struct tide_error *error)
{
    const uint64_t count = tide_result_count(cells->result);
    enum tide_status status = TIDE_OK;
    for (uint64_t i = 0; i < count && status == TIDE_OK; i++) {
        const struct tide_result_row row = tide_result_at(cells->result, i);
        tide_bytes_reset(&p->key);
        tide_bytes_reset(&p->line);
        tide_result_write_key(cells->result, &row, &p->key);
        api_cells_write_row(cells, &row, &p->extra, &p->line);
        if (p->key.failed || p->line.failed) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a cell");
        }
        if (note(p, tide_bytes_view(&p->key), tide_bytes_view(&p->line))) {
            status = send(p, error);
        }
    }
    return status;
}

static enum tide_status tell_metric(struct tide_publisher *p,
                                    uint32_t metric_index,
                                    struct tide_error *error)
{
    const struct api_cells_question question = {
        .metric_index = metric_index, .from = TIDE_INSTANT_UNKNOWN, .to = TIDE_INSTANT_UNKNOWN};
    struct api_cells cells = {0};
    enum tide_status status = api_cells_ask(p->options.api, &question, &cells, error);
    if (status == TIDE_OK) {
        status = tell_cells(p, &cells, error);
    }
    api_cells_release(&cells);
    return status;
}

static void tell_all(struct tide_publisher *p)
{
    const struct tide_api_options *api = &p->options.api->options;
    struct tide_error error = {0};
    enum tide_status status = TIDE_OK;
    if (!tide_engine_facts(api->engine).caught_up) {
        return; /* the numbers of a replay are the past's */
    }
    uint64_t left_out = atomic_load(&p->left_out);
    for (uint32_t i = 0; i < api->definitions->metric_count && status == TIDE_OK; i++) {
        status = tell_metric(p, i, &error);
    }
    struct tide_error ignored;
    /* After a failure too: it may be what mends it. */
    enum tide_status flushed =
        p->options.flush(p->options.context, status == TIDE_OK ? &error : &ignored);
    status = status == TIDE_OK ? flushed : status;
    if (status != TIDE_OK) {
        tide_logline(
            TIDE_LOGLINE_WARNING, "publish", "all cells will be told again: %s", error.text);
        tide_cell_memory_forget(p->memory);
        atomic_fetch_add(&p->failures, 1);
    }
    if (left_out == 0 && atomic_load(&p->left_out) > 0) {
        tide_logline(TIDE_LOGLINE_WARNING,
                     "publish",
                     "cells are left out: there are more than %" PRIu32
                     ", or one is too large for a message",
                     p->options.cells_max);
    }
    atomic_fetch_add(&p->rounds, 1);
}

static void *run(void *context)
{
    struct tide_publisher *p = context;
    struct tide_clock clock = p->options.clock;
    bool is_last = false;
    while (!is_last) {
        struct tide_monotonic start = tide_clock_monotonic(clock);
        while (!atomic_load(&p->is_stopping) &&
               tide_monotonic_since(tide_clock_monotonic(clock), start).us <
                   p->options.interval.us) {
            tide_clock_sleep(clock, p->options.interval.us < look.us ? p->options.interval : look);
        }
        is_last = atomic_load(&p->is_stopping);
        tell_all(p);
    }
    return NULL;
}

static void destroy(struct tide_publisher *p)
{
    tide_bytes_release(&p->key);
    tide_bytes_release(&p->extra);
    tide_bytes_release(&p->line);
    tide_cell_memory_destroy(p->memory);
    free(p);
}

enum tide_status tide_publisher_start(const struct tide_publisher_options *options,
                                      struct tide_publisher **publisher,
                                      struct tide_error *error)
{
    tide_assert(options->interval.us > 0 && options->cells_max > 0);
    struct tide_publisher *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a publisher");
    }
    p->options = *options;
    p->memory = tide_cell_memory_create(options->cells_max);
    if (p->memory == NULL || !tide_thread_start(&p->thread, "publisher", run, p)) {
        destroy(p);
        return tide_error_set(error, TIDE_RETRY, "cannot start the publisher");
    }
    *publisher = p;
    return TIDE_OK;
}

void tide_publisher_stop(struct tide_publisher *p)
{
    if (p == NULL) {
        return;
    }
    atomic_store(&p->is_stopping, true);
    (void)pthread_join(p->thread, NULL);
    destroy(p);
}

struct tide_publisher_facts tide_publisher_facts(const struct tide_publisher *p)
{
    if (p == NULL) {
        return (struct tide_publisher_facts){0};
    }
    return (struct tide_publisher_facts){.rounds = atomic_load(&p->rounds),
                                         .cells = atomic_load(&p->cells),
                                         .failures = atomic_load(&p->failures),
                                         .left_out = atomic_load(&p->left_out)};
}
