#include "serve/live_cells.h"

#include "base/assert.h"
#include "base/hash.h"
#include "serve/api_cells.h"
#include "serve/cell_memory.h"
#include "serve/live_windows.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    RANK_BITS = 16, /* of a mark in the memory; the rest is the look */
    COST_SHARE = 10,
};

struct follow { /* of a metric */
    struct live_windows windows;
    uint64_t *marks; /* by partition: the offset behind the last look */
    uint64_t looked;
    struct tide_monotonic due; /* not looked at before */
    bool is_left_out;          /* it was not due, or the look failed */
};

/* Of a metric that is looked at now. */
struct sight {
    uint32_t metric_index;
    struct follow *follow;
    struct live_want want;
    bool is_listing; /* all windows are to be listed, not only those of partitions that moved */
    struct tide_cell_request touched;
    struct api_cells_question question;
    struct api_cells cells;
    bool has_cells;
    _Atomic int64_t cost_ns;
};

struct ranked { /* a row of one window */
    uint64_t row;
    double number;
    bool is_known;
};

struct live_cells {
    const struct tide_api *api;
    const struct tide_definitions *definitions;
    uint32_t partition_count;
    struct follow *follows; /* by metric */
    struct sight *sights;
    uint32_t sight_count;
    struct tide_cell_memory *memory;
    uint64_t number;
    uint32_t cells_max;
    uint64_t records_read; /* when it was looked last */
    struct tide_instant closing;
    struct tide_instant newest_run;
    bool is_beaten;
    /* Of the metric at hand: */
    struct ranked *ranked;
    uint64_t ranked_capacity;
    struct live_row *rows;
    uint32_t row_count;
    uint32_t row_capacity;
    struct tide_bytes lines;
    struct tide_bytes key;
    struct tide_bytes extra;
};

enum tide_status live_cells_create(const struct tide_api *api,
                                   uint32_t cells_max,
                                   struct live_cells **cells,
                                   struct tide_error *error)
{
    struct live_cells *made = calloc(1, sizeof(*made));
    const uint32_t metric_count = api->options.definitions->metric_count;
    bool has_memory = made != NULL;
    if (has_memory) {
        made->api = api;
        made->definitions = api->options.definitions;
        made->partition_count = api->options.partition_count;
        made->closing = TIDE_INSTANT_UNKNOWN;
        made->newest_run = TIDE_INSTANT_UNKNOWN;
        made->follows = calloc(metric_count + 1, sizeof(*made->follows));
        made->sights = calloc(metric_count + 1, sizeof(*made->sights));
        made->cells_max = cells_max;
        made->memory = tide_cell_memory_create(cells_max);
        has_memory = made->follows != NULL && made->sights != NULL && made->memory != NULL;
    }
    for (uint32_t i = 0; has_memory && i < metric_count; i++) {
        made->follows[i].marks = calloc(made->partition_count, sizeof(*made->follows[i].marks));
        has_memory = made->follows[i].marks != NULL;
    }
    if (!has_memory) {
        live_cells_destroy(made);
        return tide_error_set(error, TIDE_RETRY, "no memory to follow the cells");
    }
    *cells = made;
    return TIDE_OK;
}

void live_cells_destroy(struct live_cells *cells)
{
    if (cells == NULL) {
        return;
    }
    for (uint32_t i = 0; cells->follows != NULL && i < cells->definitions->metric_count; i++) {
        live_windows_release(&cells->follows[i].windows);
        free(cells->follows[i].marks);
    }
    tide_cell_memory_destroy(cells->memory);
    tide_bytes_release(&cells->lines);
    tide_bytes_release(&cells->key);
    tide_bytes_release(&cells->extra);
    free(cells->follows);
    free(cells->sights);
    free(cells->ranked);
    free(cells->rows);
    free(cells);
}

/* ---- which windows were touched */

static struct tide_clock clock_of(const struct live_cells *cells)
{
    return cells->api->options.clock;
}

static enum tide_status add_sight(struct live_cells *cells,
                                  uint32_t metric_index,
                                  const struct live_want *want,
                                  struct tide_error *error)
{
    struct follow *follow = &cells->follows[metric_index];
    struct sight *sight = &cells->sights[cells->sight_count++];
    *sight = (struct sight){.metric_index = metric_index, .follow = follow, .want = *want};
    live_windows_keep(&follow->windows, want->windows);
    sight->is_listing = !follow->windows.is_whole || follow->looked == 0;
    const struct tide_cell_scope scope = {
        metric_index,
        {live_windows_from(&follow->windows), TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN}};
    const enum tide_status status = tide_cell_request_init(
        &sight->touched, cells->definitions, cells->partition_count, &scope, error);
    sight->touched.span = scope.span; /* of a ratio, too */
    sight->touched.wants_changes = true;
    sight->touched.leaves_cells = true;
    return status;
}

/* Those that are wanted and due. */
static enum tide_status choose_sights(struct live_cells *cells,
                                      const struct live_want *wants,
                                      struct tide_error *error)
{
    const struct tide_monotonic now = tide_clock_monotonic(clock_of(cells));
    enum tide_status status = TIDE_OK;
    cells->sight_count = 0;
    for (uint32_t i = 0; status == TIDE_OK && i < cells->definitions->metric_count; i++) {
        struct follow *follow = &cells->follows[i];
        if (wants[i].windows == 0) {
            continue;
        }
        follow->is_left_out = true; /* until it is seen */
        if (now.ns >= follow->due.ns) {
            status = add_sight(cells, i, &wants[i], error);
        }
    }
    return status;
}

static void measure(struct live_cells *cells, struct sight *sight, struct tide_monotonic since)
{
    (void)atomic_fetch_add(&sight->cost_ns, tide_clock_monotonic(clock_of(cells)).ns - since.ns);
}

static void visit_touched(void *context, struct tide_partition *partition)
{
    struct live_cells *cells = context;
    const uint32_t p = tide_partition_index(partition);
    for (uint32_t i = 0; i < cells->sight_count; i++) {
        struct sight *sight = &cells->sights[i];
        const struct tide_monotonic since = tide_clock_monotonic(clock_of(cells));
        if (sight->is_listing || tide_partition_next_offset(partition) != sight->follow->marks[p]) {
            tide_cell_request_visit(&sight->touched, partition);
            measure(cells, sight, since);
        }
    }
}

/* Of a ratio whose parts have other windows those of the part above are followed. */
static bool is_own_part(const struct live_cells *cells, const struct sight *sight, uint32_t part)
{
    const struct tide_metric *metrics = cells->definitions->metrics;
    const struct tide_metric *metric = &metrics[sight->metric_index];
    return metric->kind != TIDE_METRIC_RATIO || part == metric->parts[0] ||
           tide_metric_same_windows(&metrics[metric->parts[0]], &metrics[part]);
}

/* What a partition says of a metric, or of one of a ratio's parts. */
static bool add_windows(const struct live_cells *cells,
                        struct sight *sight,
                        uint32_t part,
                        uint32_t p)
{
    const bool is_own = is_own_part(cells, sight, part);
    const struct tide_window_changes *changes = sight->touched.slots[p].changes[part];
    for (uint32_t i = 0; i < tide_window_changes_count(changes); i++) {
        const struct tide_window window = tide_window_changes_window(changes, i);
        const bool is_touched = tide_window_changes_at(changes, window) > sight->follow->marks[p];
        if (!live_windows_add(&sight->follow->windows, window, is_touched, is_own)) {
            return false;
        }
    }
    return true;
}

static enum tide_status list_windows(struct live_cells *cells,
                                     struct sight *sight,
                                     struct tide_error *error)
{
    bool has_memory = true;
    for (uint32_t p = 0; has_memory && p < cells->partition_count; p++) {
        const struct tide_cell_slot *slot = &sight->touched.slots[p];
        has_memory = slot->status == TIDE_OK;
        for (uint32_t i = 0; has_memory && slot->visited && i < cells->definitions->metric_count;
             i++) {
            has_memory = !sight->touched.is_wanted[i] || add_windows(cells, sight, i, p);
        }
    }
    if (!has_memory) {
        return tide_error_set(error, TIDE_RETRY, "no memory to list the windows");
    }
    for (uint32_t p = 0; p < cells->partition_count; p++) {
        const struct tide_cell_slot *slot = &sight->touched.slots[p];
        if (slot->visited) {
            sight->follow->marks[p] = slot->next_offset;
        }
    }
    live_windows_settle(&sight->follow->windows);
    return TIDE_OK;
}

/* ---- their cells */

static enum tide_status want_cells(struct live_cells *cells,
                                   struct sight *sight,
                                   struct tide_error *error)
{
    const struct live_windows *windows = &sight->follow->windows;
    struct live_span span = {live_windows_from(windows), TIDE_INSTANT_UNKNOWN};
    struct live_span touched;
    const bool is_touched = live_windows_touched(windows, &touched);
    if (!sight->want.all && !is_touched) {
        return TIDE_OK;
    }
    span = sight->want.all ? span : touched;
    sight->question = (struct api_cells_question){
        .metric_index = sight->metric_index, .from = span.from, .to = span.to};
    sight->has_cells = true;
    const enum tide_status status =
        api_cells_begin(cells->api, &sight->question, &sight->cells, error);
    sight->cells.request.span = /* of a ratio, too: it has both sides' windows in it */
        (struct tide_cell_span){span.from, span.to, sight->cells.closing};
    return status;
}

static void visit_cells(void *context, struct tide_partition *partition)
{
    struct live_cells *cells = context;
    for (uint32_t i = 0; i < cells->sight_count; i++) {
        struct sight *sight = &cells->sights[i];
        if (sight->has_cells) {
            const struct tide_monotonic since = tide_clock_monotonic(clock_of(cells));
            tide_cell_request_visit(&sight->cells.request, partition);
            measure(cells, sight, since);
        }
    }
}

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->is_known != b->is_known) {
        return a->is_known ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number > b->number ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

/* The rows [first, end) of one window, the largest first. false: no memory. */
static bool rank(struct live_cells *cells,
                 const struct tide_result *result,
                 uint64_t first,
                 uint64_t end)
{
    const uint64_t count = end - first;
    if (count > cells->ranked_capacity) {
        struct ranked *ranked = realloc(cells->ranked, 2 * count * sizeof(*ranked));
        if (ranked == NULL) {
            return false;
        }
        cells->ranked = ranked;
        cells->ranked_capacity = 2 * count;
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct tide_result_row row = tide_result_at(result, first + i);
        struct ranked *item = &cells->ranked[i];
        *item = (struct ranked){.row = first + i};
        item->is_known = tide_result_number(result, &row, &item->number);
    }
    if (count > 1) {
        qsort(cells->ranked, count, sizeof(*cells->ranked), compare_ranked);
    }
    return true;
}

static bool comes_in(const struct live_look *look, uint64_t rank_before, uint32_t rank)
{
    for (uint32_t i = 0; i < look->groups_count; i++) {
        if (rank < look->groups[i] && rank_before >= look->groups[i]) {
            return true;
        }
    }
    return false;
}

/* The look in which a cell with that text became what it is. */
static uint64_t remember(struct live_cells *cells,
                         const struct live_look *look,
                         uint32_t rank,
                         struct tide_view line)
{
    bool is_new = false;
    struct tide_cell_told *told = tide_cell_memory_note(
        cells->memory, tide_cell_memory_key(tide_bytes_view(&cells->key)), &is_new);
    if (told == NULL) {
        return cells->number;
    }
    const uint64_t content = tide_hash64(line, 0);
    const uint64_t rank_before = told->mark & ((1U << RANK_BITS) - 1);
    const bool is_changed = is_new || told->content != content || comes_in(look, rank_before, rank);
    const uint64_t number = is_changed ? cells->number : told->mark >> RANK_BITS;
    told->content = content;
    told->mark = number << RANK_BITS | rank;
    return number;
}

static bool add_row(struct live_cells *cells, const struct live_row *row)
{
    if (cells->row_count == cells->row_capacity) {
        const uint32_t wanted = cells->row_capacity == 0 ? 1024 : cells->row_capacity * 2;
        struct live_row *rows = realloc(cells->rows, wanted * sizeof(*rows));
        if (rows == NULL) {
            return false;
        }
        cells->rows = rows;
        cells->row_capacity = wanted;
    }
    cells->rows[cells->row_count++] = *row;
    return true;
}

/* The largest groups of one window as rows. Their text is a place in lines until all are there. */
static bool see_window(struct live_cells *cells,
                       const struct live_look *look,
                       const struct sight *sight,
                       uint32_t window,
                       uint64_t count)
{
    const struct tide_result *result = sight->cells.result;
    for (uint32_t k = 0; k < sight->want.groups && k < count; k++) {
        const struct tide_result_row row = tide_result_at(result, cells->ranked[k].row);
        const size_t at = cells->lines.size;
        tide_bytes_reset(&cells->key);
        tide_result_write_key(result, &row, &cells->key);
        api_cells_write_row(&sight->cells, &row, &cells->extra, &cells->lines);
        if (cells->lines.failed || cells->key.failed) {
            return false;
        }
        const struct tide_view text = {cells->lines.data + at, cells->lines.size - at};
        const struct live_row seen = {.window = window,
                                      .rank = k,
                                      .look = remember(cells, look, k, text),
                                      .text = {NULL, text.size}};
        if (!add_row(cells, &seen)) {
            return false;
        }
    }
    return true;
}

static bool is_same_window(const struct tide_result_row *a, const struct tide_result_row *b)
{
    return a->window.start.us == b->window.start.us && a->window.end.us == b->window.end.us;
}

static bool see_rows(struct live_cells *cells,
                     const struct live_look *look,
                     const struct sight *sight)
{
    const struct tide_result *result = sight->cells.result;
    const struct live_windows *windows = &sight->follow->windows;
    const uint64_t count = tide_result_count(result);
    uint64_t end = 0;
    for (uint64_t first = 0; first < count; first = end) {
        const struct tide_result_row row = tide_result_at(result, first);
        end = first + 1;
        while (end < count) {
            const struct tide_result_row next = tide_result_at(result, end);
            if (!is_same_window(&row, &next)) {
                break;
            }
            end++;
        }
        const uint32_t window = live_windows_find(windows, row.window.end);
        if (window == UINT32_MAX || (!sight->want.all && !windows->items[window].is_touched)) {
            continue;
        }
        if (!rank(cells, result, first, end) ||
            !see_window(cells, look, sight, window, end - first)) {
            return false;
        }
    }
    size_t at = 0;
    for (uint32_t i = 0; i < cells->row_count; i++) {
        cells->rows[i].text.data = cells->lines.data + at;
        at += cells->rows[i].text.size;
    }
    return true;
}

static enum tide_status see(struct live_cells *cells,
                            const struct live_look *look,
                            struct sight *sight,
                            struct tide_error *error)
{
    const struct tide_monotonic since = tide_clock_monotonic(clock_of(cells));
    enum tide_status status = TIDE_OK;
    tide_bytes_reset(&cells->lines);
    cells->row_count = 0;
    if (sight->has_cells) {
        status = api_cells_finish(&sight->question, &sight->cells, error);
        if (status == TIDE_OK && !see_rows(cells, look, sight)) {
            status = tide_error_set(error, TIDE_RETRY, "no memory for the cells");
        }
    }
    measure(cells, sight, since);
    if (status == TIDE_OK) {
        struct follow *follow = sight->follow;
        live_windows_seen(&follow->windows);
        follow->looked = cells->number;
        follow->is_left_out = false;
        follow->due.ns = since.ns + atomic_load(&sight->cost_ns) * COST_SHARE;
        look->see(look->context, sight->metric_index, cells->rows, cells->row_count);
    }
    return status;
}

/* ---- a look */

static enum tide_status look_at_sights(struct live_cells *cells,
                                       const struct live_look *look,
                                       struct tide_error *error)
{
    struct tide_engine *engine = cells->api->options.engine;
    enum tide_status status = TIDE_OK;
    bool wants_cells = false;
    if (!tide_engine_visit(engine, visit_touched, cells)) {
        return tide_error_set(error, TIDE_RETRY, "the engine has stopped");
    }
    for (uint32_t i = 0; status == TIDE_OK && i < cells->sight_count; i++) {
        status = list_windows(cells, &cells->sights[i], error);
        if (status == TIDE_OK) {
            status = want_cells(cells, &cells->sights[i], error);
        }
        wants_cells = wants_cells || cells->sights[i].has_cells;
    }
    if (status == TIDE_OK && wants_cells && !tide_engine_visit(engine, visit_cells, cells)) {
        status = tide_error_set(error, TIDE_RETRY, "the engine has stopped");
    }
    for (uint32_t i = 0; status == TIDE_OK && i < cells->sight_count; i++) {
        status = see(cells, look, &cells->sights[i], error);
    }
    return status;
}

enum tide_status live_cells_look(struct live_cells *cells,
                                 const struct live_look *look,
                                 struct tide_error *error)
{
    /* Before the visits: what is processed in between is found again. */
    cells->records_read = tide_engine_facts(cells->api->options.engine).records_read;
    enum tide_status status = choose_sights(cells, look->wants, error);
    if (tide_cell_memory_count(cells->memory) > cells->cells_max / 4 * 3) {
        tide_cell_memory_forget(cells->memory); /* what is seen again is told again, once */
    }
    if (status == TIDE_OK && cells->sight_count > 0) {
        cells->number++;
        status = look_at_sights(cells, look, error);
    }
    for (uint32_t i = 0; i < cells->sight_count; i++) {
        tide_cell_request_release(&cells->sights[i].touched);
        api_cells_release(&cells->sights[i].cells);
    }
    return status;
}

/* ---- what time changes */

static void touch_completed(struct live_cells *cells,
                            const struct tide_metric *metric,
                            struct live_windows *windows,
                            struct tide_instant closing)
{
    const struct tide_instant before = cells->closing;
    const bool is_retention = metric->kind == TIDE_METRIC_RETENTION;
    if (!tide_instant_known(before) ||
        (is_retention && tide_window_of(metric->every, before).end.us !=
                             tide_window_of(metric->every, closing).end.us)) {
        live_windows_touch_all(windows);
        return;
    }
    for (uint32_t i = 0; i < windows->count; i++) {
        struct live_window *item = &windows->items[i];
        const struct tide_window window = {item->first_start, item->end};
        const struct tide_instant settled = tide_metric_settled_at(metric, window);
        /* Until a funnel's window is settled, any moment may end a run in it. */
        if (before.us < settled.us &&
            (settled.us <= closing.us || metric->kind == TIDE_METRIC_FUNNEL)) {
            item->is_touched = true;
        }
    }
}

void live_cells_beat(struct live_cells *cells)
{
    const struct tide_api_options *options = &cells->api->options;
    const struct tide_instant closing = tide_engine_closing(options->engine);
    const struct tide_instant newest = options->generations == NULL
                                           ? TIDE_INSTANT_UNKNOWN
                                           : tide_generations_newest(options->generations);
    for (uint32_t i = 0; i < cells->definitions->metric_count; i++) {
        struct live_windows *windows = &cells->follows[i].windows;
        if (tide_instant_known(newest) && newest.us != cells->newest_run.us && cells->is_beaten) {
            live_windows_touch_all(windows);
        }
        if (tide_instant_known(closing) && closing.us != cells->closing.us) {
            touch_completed(cells, &cells->definitions->metrics[i], windows, closing);
        }
    }
    cells->closing = tide_instant_known(closing) ? closing : cells->closing;
    cells->newest_run = tide_instant_known(newest) ? newest : cells->newest_run;
    cells->is_beaten = true;
}

bool live_cells_is_behind(const struct live_cells *cells, const struct live_want *wants)
{
    const struct tide_engine_facts facts = tide_engine_facts(cells->api->options.engine);
    bool is_behind = facts.records_read != cells->records_read;
    for (uint32_t i = 0; !is_behind && i < cells->definitions->metric_count; i++) {
        const struct follow *follow = &cells->follows[i];
        struct live_span ignored;
        is_behind = wants[i].windows > 0 && (wants[i].all || follow->is_left_out ||
                                             live_windows_touched(&follow->windows, &ignored));
    }
    return is_behind;
}

uint64_t live_cells_number(const struct live_cells *cells)
{
    return cells->number;
}

uint64_t live_cells_looked(const struct live_cells *cells, uint32_t metric_index)
{
    return cells->follows[metric_index].looked;
}
