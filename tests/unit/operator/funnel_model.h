/* A plain model of funnels: each key's events are sorted and cut, each run is walked through, and a
 * cell is compared with the runs that belong to it. */
#ifndef TIDE_UNIT_OPERATOR_FUNNEL_MODEL_H
#define TIDE_UNIT_OPERATOR_FUNNEL_MODEL_H

#include "unit/operator/model.h"

enum {
    FUNNEL_NO_STEP = 99,
    FUNNEL_RUNS_MAX = STREAM_ROWS_MAX
};

struct model_run {
    struct tide_window window;
    uint32_t row; /* the event that gives window and group */
    uint32_t reached;
    uint64_t events;
    int64_t conversion_us;
    int64_t end_us;
    bool is_last; /* of its key */
};

struct funnel_model {
    const struct stream *stream;
    const struct tide_metric *metric;
    /* The earliest step that the row matches, or NO_STEP. */
    uint32_t (*step_of)(const struct stream *stream, uint32_t row);
    struct model_run runs[FUNNEL_RUNS_MAX];
    uint32_t run_count;
};

/* Of kinds I, S, E. */
static inline uint32_t funnel_step_of_kind(const struct stream *stream, uint32_t row)
{
    const char kind = fixture_column(stream->batch, "kind")->strings[row].data[0];
    return kind == 'I' ? 0 : kind == 'S' ? 1 : kind == 'E' ? 2 : FUNNEL_NO_STEP;
}

static inline bool funnel_model_is_of_key(const struct funnel_model *model, uint32_t a, uint32_t b)
{
    const struct tide_funnel_plan *plan = model->metric->funnel;
    for (uint32_t i = 0; i < plan->per_count; i++) {
        const struct tide_value left = tide_batch_value(model->stream->batch, plan->per[i], a);
        const struct tide_value right = tide_batch_value(model->stream->batch, plan->per[i], b);
        if (!left.present || !right.present || tide_value_compare(left, right) != 0) {
            return false;
        }
    }
    return true;
}

static inline int funnel_model_compare(const struct funnel_model *model, uint32_t a, uint32_t b)
{
    const struct stream *stream = model->stream;
    if (stream->times[a].us != stream->times[b].us) {
        return stream->times[a].us < stream->times[b].us ? -1 : 1;
    }
    const uint32_t a_step = model->step_of(stream, a);
    const uint32_t b_step = model->step_of(stream, b);
    if (a_step != b_step) {
        return a_step < b_step ? -1 : 1;
    }
    return model_compare_groups(stream, model->metric, a, b);
}

/* The rows of one key, sorted. */
static inline void funnel_model_cut(struct funnel_model *model,
                                    const uint32_t *rows,
                                    uint32_t count)
{
    const struct tide_funnel_plan *plan = model->metric->funnel;
    struct model_run *run = NULL;
    int64_t first_us = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t t = model->stream->times[rows[i]].us;
        const uint32_t step = model->step_of(model->stream, rows[i]);
        if (i == 0 || t - model->stream->times[rows[i - 1]].us >= plan->timeout.us ||
            model->step_of(model->stream, rows[i - 1]) == plan->step_count - 1) {
            tide_assert(model->run_count < FUNNEL_RUNS_MAX);
            run = &model->runs[model->run_count++];
            *run = (struct model_run){.row = rows[i]};
        }
        run->events++;
        run->end_us = t;
        run->is_last = i + 1 == count;
        if (step == run->reached) {
            run->row = run->reached == 0 ? rows[i] : run->row;
            first_us = run->reached == 0 ? t : first_us;
            run->reached++;
            run->conversion_us = t - first_us;
        }
        run->window = tide_window_of(model->metric->every, model->stream->times[run->row]);
    }
}

/* Finds all runs of rows[0..row_count). */
static inline void funnel_model_make(struct funnel_model *model,
                                     const uint32_t *rows,
                                     uint32_t row_count)
{
    static bool is_done[STREAM_ROWS_MAX];
    static uint32_t key[STREAM_ROWS_MAX];
    model->run_count = 0;
    memset(is_done, 0, sizeof(is_done));
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t count = 0;
        if (is_done[rows[i]] || model->step_of(model->stream, rows[i]) == FUNNEL_NO_STEP) {
            continue;
        }
        for (uint32_t k = i; k < row_count; k++) {
            if (funnel_model_is_of_key(model, rows[i], rows[k]) &&
                model->step_of(model->stream, rows[k]) != FUNNEL_NO_STEP) {
                uint32_t at = count++;
                for (; at > 0 && funnel_model_compare(model, rows[k], key[at - 1]) < 0; at--) {
                    key[at] = key[at - 1];
                }
                key[at] = rows[k];
            }
        }
        for (uint32_t k = 0; k < count; k++) {
            is_done[key[k]] = true;
        }
        funnel_model_cut(model, key, count);
    }
}

/* What the cell of that window and group must be. */
static inline void funnel_model_gather(const struct funnel_model *model,
                                       struct tide_window window,
                                       struct tide_view group,
                                       struct tide_instant closing,
                                       struct tide_cell_value *value)
{
    const struct tide_funnel_plan *plan = model->metric->funnel;
    bool seen[TIDE_FUNNEL_STEPS_MAX][STREAM_ENTITIES] = {{false}};
    for (uint32_t i = 0; i < model->run_count; i++) {
        const struct model_run *run = &model->runs[i];
        const uint32_t entity = model->stream->entities[run->row];
        if (run->window.start.us != window.start.us ||
            !model_is_of_group(model->stream, model->metric, run->row, group)) {
            continue;
        }
        value->events += run->events;
        value->count += run->reached > 0;
        value->distinct += run->reached == 0;
        for (uint32_t k = 0; k < run->reached; k++) {
            value->parts->steps[k].reached++;
            value->parts->steps[k].entities += !seen[k][entity];
            seen[k][entity] = true;
        }
        if (run->reached == plan->step_count) {
            value->sum += run->conversion_us;
        } else if (run->reached > 0 && run->is_last && tide_instant_known(closing) &&
                   run->end_us + plan->timeout.us > closing.us) {
            value->parts->steps[run->reached - 1].open++;
        }
    }
}

/* Each cell of the finished table, and that all runs are in one. */
static inline void funnel_model_check(const struct funnel_model *model,
                                      const struct tide_cell_table *table,
                                      struct tide_instant closing)
{
    const uint32_t step_count = model->metric->funnel->step_count;
    uint64_t booked = 0;
    for (uint64_t i = 0; i < tide_cell_table_count(table); i++) {
        const struct tide_cell cell = tide_cell_table_at(table, i);
        struct tide_step_count steps[TIDE_FUNNEL_STEPS_MAX] = {{0, 0, 0}};
        struct tide_cell_parts parts = {.steps = steps};
        struct tide_cell_value value = {.parts = &parts};
        funnel_model_gather(model, cell.window, cell.group, closing, &value);
        tide_assert(cell.value->events == value.events && value.events > 0);
        tide_assert(cell.value->count == value.count);
        tide_assert(cell.value->distinct == value.distinct);
        tide_assert(cell.value->sum == value.sum);
        for (uint32_t k = 0; k < step_count; k++) {
            const struct tide_step_count *is = &cell.value->parts->steps[k];
            tide_assert(is->reached == steps[k].reached);
            tide_assert(is->entities == steps[k].entities);
            tide_assert(is->open == steps[k].open);
        }
        tide_assert(tide_quantile_sketch_count(&cell.value->parts->sketch) ==
                    steps[step_count - 1].reached);
        booked += value.count + value.distinct;
    }
    tide_assert(booked == model->run_count);
}

#endif
