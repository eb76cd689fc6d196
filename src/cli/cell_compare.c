/* Both sides are sorted as text. A line begins with what names its cell, so that lines of the same
 * cell stand at the same place, and only those that are not byte for byte the same are parsed. */
#include "cli/cell_compare.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 64 << 20, /* of two lines */
    LINES_MIN = 1024
};

/* A quantile is within 1 % of the exact one; a HyperLogLog of 2^14 registers has a standard error
 * of 0.81 %, and 3 % are 3.7 of those. The rest is for the last digit of a double. */
#define QUANTILE_ERROR 0.01
#define COUNT_ERROR 0.03
#define ROUNDING 1e-9

struct lines {
    struct tide_view *views; /* owned */
    uint64_t count;
    uint64_t capacity;
};

struct comparer {
    struct tide_cell_comparison *comparison;
    struct tide_arena arena; /* of the lines that are parsed */
    struct lines live;
    struct lines lake;
    struct lines folded; /* of the windows with folded cells: what their lines begin with */
    struct tide_error *error;
};

/* ------- lines */

static bool add_line(struct lines *lines, struct tide_view line)
{
    if (lines->count == lines->capacity) {
        const uint64_t capacity = lines->capacity == 0 ? LINES_MIN : lines->capacity * 2;
        struct tide_view *views = realloc(lines->views, capacity * sizeof(*views));
        if (views == NULL) {
            return false;
        }
        lines->views = views;
        lines->capacity = capacity;
    }
    lines->views[lines->count++] = line;
    return true;
}

static int compare_views(const void *a, const void *b)
{
    return tide_view_compare(*(const struct tide_view *)a, *(const struct tide_view *)b);
}

static enum tide_status no_memory(const struct comparer *comparer)
{
    return tide_error_set(comparer->error, TIDE_RETRY, "out of memory");
}

/* Lines begin with the metric and the window's start, or its cohort; of one length, years of four
 * digits: text is in the order of time. */
static bool is_before(struct tide_view rest, const char *from)
{
    static const struct tide_view starts[] = {{" \"start\": \"", 11}, {" \"cohort\": \"", 12}};
    for (size_t i = 0; from[0] != '\0' && i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (tide_view_starts_with(rest, starts[i])) {
            rest = tide_view_slice(rest, starts[i].size, rest.size - starts[i].size);
            const size_t size = strcspn(from, i == 0 ? "" : "T");
            return rest.size >= size && memcmp(rest.data, from, size) < 0;
        }
    }
    return false;
}

/* The lines of the metric, sorted. */
static enum tide_status gather(const struct comparer *comparer,
                               struct tide_view text,
                               struct lines *lines)
{
    struct tide_bytes prefix = {0};
    enum tide_status status = TIDE_OK;
    char from[TIDE_CIVIL_TEXT_MAX] = "";
    if (comparer->comparison->from.us > 0) { /* before 1970 there are no events */
        (void)tide_civil_format(comparer->comparison->from, from);
    }
    tide_bytes_append_format(
        &prefix, "{\"metric\": \"%.*s\",", TIDE_VIEW_ARGUMENTS(comparer->comparison->metric->name));
    for (size_t at = 0; status == TIDE_OK && at < text.size;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        const size_t size = end == NULL ? text.size - at : (size_t)(end - text.data) - at;
        const struct tide_view line = tide_view_slice(text, at, size);
        if (tide_view_starts_with(line, tide_bytes_view(&prefix)) &&
            !is_before(tide_view_slice(line, prefix.size, line.size - prefix.size), from) &&
            !add_line(lines, line)) {
            status = no_memory(comparer);
        }
        at += size + 1;
    }
    if (prefix.failed) {
        status = no_memory(comparer);
    }
    tide_bytes_release(&prefix);
    if (status == TIDE_OK && lines->count > 1) {
        qsort(lines->views, lines->count, sizeof(*lines->views), compare_views);
    }
    return status;
}

/* ------- one line */

struct cell {
    struct tide_view line;
    struct tide_view window; /* what the lines of its window begin with */
    struct tide_view key;    /* and those of the cell */
    const struct tide_json *json;
};

static struct tide_view up_to(struct tide_view line, const struct tide_json *last)
{
    const size_t size = (size_t)(last->source.data - line.data) + last->source.size;
    tide_assert(size <= line.size);
    return tide_view_slice(line, 0, size);
}

static enum tide_status read_cell(struct comparer *comparer,
                                  struct tide_view line,
                                  struct cell *cell)
{
    struct tide_json *json = NULL;
    const enum tide_status status = tide_json_parse(&comparer->arena, line, &json, comparer->error);
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_json *cohort = tide_json_get(json, "cohort");
    const struct tide_json *end = cohort != NULL ? cohort : tide_json_get(json, "end");
    const struct tide_json *group = cohort != NULL ? cohort : tide_json_get(json, "group");
    if (end == NULL || group == NULL) {
        return tide_error_set(
            comparer->error, TIDE_REJECT, "no cell: %.*s", TIDE_VIEW_ARGUMENTS(line));
    }
    *cell = (struct cell){line, up_to(line, end), up_to(line, group), json};
    return TIDE_OK;
}

static bool says(const struct cell *cell, const char *key, enum tide_json_kind kind)
{
    const struct tide_json *member = tide_json_get(cell->json, key);
    return member != NULL && member->kind == kind;
}

static bool is_flag(struct tide_view key)
{
    return tide_view_equal(key, TIDE_VIEW("exact")) || tide_view_equal(key, TIDE_VIEW("folded")) ||
           tide_view_equal(key, TIDE_VIEW("pending_batch"));
}

/* ------- values */

/* How far apart two values are, in the end: 0, an error that is allowed, or more than that. */
static double distance_of_numbers(struct tide_view a, struct tide_view b)
{
    if (tide_view_equal(a, b)) {
        return 0;
    }
    const double left = strtod(a.data, NULL); /* what follows in the line ends the number */
    const double right = strtod(b.data, NULL);
    const double size = fmax(fabs(left), fabs(right));
    return size == 0 ? 0 : fabs(left - right) / size;
}

/* Recursion is bounded by TIDE_JSON_DEPTH_MAX. */
static bool is_close(const struct tide_json *live, const struct tide_json *lake, double tolerance)
{
    if (live->kind != lake->kind) {
        return false;
    }
    if (live->kind == TIDE_JSON_NUMBER && tolerance > 0) {
        return distance_of_numbers(live->text, lake->text) <= tolerance + ROUNDING;
    }
    if (live->kind != TIDE_JSON_OBJECT && live->kind != TIDE_JSON_ARRAY) {
        return tide_view_equal(live->source, lake->source);
    }
    const struct tide_json *a = live->first;
    const struct tide_json *b = lake->first;
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (!tide_view_equal(a->key, b->key) || !is_close(a, b, tolerance)) {
            return false;
        }
    }
    return a == NULL && b == NULL;
}

static double error_of_count(const struct tide_metric *metric)
{
    const bool is_counted =
        metric->kind == TIDE_METRIC_DISTINCT || metric->kind == TIDE_METRIC_APPROX_DISTINCT;
    return is_counted ? COUNT_ERROR : 0;
}

/* What a member of a cell that is not exact may be wrong by. Other kinds' are exact always, and so
 * are a cell's counts. */
static double error_of(const struct tide_cell_comparison *comparison, struct tide_view key)
{
    const struct tide_metric *metric = comparison->metric;
    if (metric->kind == TIDE_METRIC_RATIO) {
        const struct tide_metric *metrics = comparison->definitions->metrics;
        const double above = error_of_count(&metrics[metric->parts[0]]);
        const double below = error_of_count(&metrics[metric->parts[1]]);
        return tide_view_equal(key, TIDE_VIEW("numerator"))     ? above
               : tide_view_equal(key, TIDE_VIEW("denominator")) ? below
               : tide_view_equal(key, TIDE_VIEW("value"))       ? above + below
                                                                : 0;
    }
    if (tide_view_equal(key, TIDE_VIEW("quantiles")) ||
        tide_view_starts_with(key, TIDE_VIEW("median_"))) {
        return QUANTILE_ERROR;
    }
    return tide_view_equal(key, TIDE_VIEW("value")) ? error_of_count(metric) : 0;
}

/* The members behind the key, of which only the service's may have flags, at the end. */
static bool is_equal(struct tide_cell_comparison *comparison,
                     const struct cell *live,
                     const struct cell *lake)
{
    const bool is_estimate = says(live, "exact", TIDE_JSON_FALSE);
    const struct tide_json *a = live->json->first;
    const struct tide_json *b = lake->json->first;
    double within = 0;
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        const double tolerance = is_estimate ? error_of(comparison, a->key) : 0;
        if (!tide_view_equal(a->key, b->key) || !is_close(a, b, tolerance)) {
            return false;
        }
        if (!is_close(a, b, 0)) {
            within = fmax(within, tolerance);
        }
    }
    for (; a != NULL && is_flag(a->key); a = a->next) {
    }
    if (a != NULL || b != NULL) {
        return false;
    }
    comparison->within = fmax(comparison->within, within);
    return true;
}

/* ------- two sides */

static enum tide_status find_folded(struct comparer *comparer)
{
    enum tide_status status = TIDE_OK;
    for (uint64_t i = 0; status == TIDE_OK && i < comparer->live.count; i++) {
        const struct tide_view line = comparer->live.views[i];
        struct cell cell;
        if (memmem(line.data, line.size, "\"folded\": true", 14) == NULL) {
            continue; /* most lines; a text in a group may say so too, which parsing tells apart */
        }
        tide_arena_reset(&comparer->arena);
        status = read_cell(comparer, line, &cell);
        if (status == TIDE_OK && says(&cell, "folded", TIDE_JSON_TRUE) &&
            !add_line(&comparer->folded, cell.window)) {
            status = no_memory(comparer);
        }
    }
    return status;
}

/* Groups beyond the budget are in one cell of their window, and missing from the rest of it. */
static bool is_in_folded_window(const struct comparer *comparer, const struct cell *cell)
{
    return comparer->folded.count > 0 && bsearch(&cell->window,
                                                 comparer->folded.views,
                                                 comparer->folded.count,
                                                 sizeof(*comparer->folded.views),
                                                 compare_views) != NULL;
}

/* live or lake may be NULL: the other side has no such cell. */
static void report(struct comparer *comparer, const struct cell *live, const struct cell *lake)
{
    struct tide_cell_comparison *comparison = comparer->comparison;
    const struct cell *either = live != NULL ? live : lake;
    if ((live != NULL && says(live, "pending_batch", TIDE_JSON_TRUE)) ||
        is_in_folded_window(comparer, either)) {
        comparison->left_count++;
        return;
    }
    comparison->differences++;
    if (live != NULL) {
        comparison->differ(comparison->context, lake == NULL ? "live only" : "live", live->line);
    }
    if (lake != NULL) {
        comparison->differ(comparison->context, live == NULL ? "lake only" : "lake", lake->line);
    }
}

static enum tide_status compare_lines(struct comparer *comparer)
{
    const struct lines *live = &comparer->live;
    const struct lines *lake = &comparer->lake;
    enum tide_status status = TIDE_OK;
    uint64_t i = 0;
    uint64_t j = 0;
    while (status == TIDE_OK && (i < live->count || j < lake->count)) {
        if (i < live->count && j < lake->count && tide_view_equal(live->views[i], lake->views[j])) {
            i++;
            j++;
            continue;
        }
        struct cell a = {0};
        struct cell b = {0};
        tide_arena_reset(&comparer->arena);
        if (i < live->count) {
            status = read_cell(comparer, live->views[i], &a);
        }
        if (status == TIDE_OK && j < lake->count) {
            status = read_cell(comparer, lake->views[j], &b);
        }
        if (status != TIDE_OK) {
            break;
        }
        const int order = i == live->count   ? 1
                          : j == lake->count ? -1
                                             : tide_view_compare(a.key, b.key);
        if (order != 0 || !is_equal(comparer->comparison, &a, &b)) {
            report(comparer, order <= 0 ? &a : NULL, order >= 0 ? &b : NULL);
        }
        i += order <= 0;
        j += order >= 0;
    }
    return status;
}

enum tide_status tide_cells_compare(struct tide_cell_comparison *comparison,
                                    struct tide_error *error)
{
    struct comparer comparer = {.comparison = comparison, .error = error};
    tide_arena_init(&comparer.arena, ARENA_BYTES_MAX);
    enum tide_status status = gather(&comparer, comparison->live, &comparer.live);
    if (status == TIDE_OK) {
        status = gather(&comparer, comparison->lake, &comparer.lake);
    }
    if (status == TIDE_OK) {
        comparison->cell_count = comparer.live.count;
        status = find_folded(&comparer);
    }
    if (status == TIDE_OK) {
        status = compare_lines(&comparer);
    }
    free(comparer.live.views);
    free(comparer.lake.views);
    free(comparer.folded.views);
    tide_arena_release(&comparer.arena);
    return status;
}
