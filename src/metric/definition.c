/* From the user's file and the preset it names to lists of checked metrics and alerts.
 *
 * First every entry is gathered, the preset's in their order, the user's in the place of those
 * they replace or behind; then each is parsed, ratios find their parts, alerts their metrics, and
 * what was selected is kept. */
#include "metric/definition.h"

#include "base/assert.h"
#include "base/timezone.h"
#include "metric/alert.h"
#include "metric/metric_parse.h"

#include "base/banned.h"

struct entry {
    const struct tide_yaml *node;
    struct tide_metric metric;
    uint32_t index; /* among those that are kept */
    bool is_parsed;
    bool is_selected;
    bool is_wanted; /* selected, or part of a ratio that is */
};

struct loader {
    struct tide_arena *arena;
    const struct tide_definitions_input *input;
    struct tide_diagnostics *diagnostics;
    struct tide_definitions *definitions;
    const struct tide_source *preset;
    struct tide_yaml *file_root; /* NULL: no file */
    struct tide_yaml *preset_root;
    struct entry *entries;
    uint32_t entry_count;
    const struct tide_yaml *alert_nodes[TIDE_ALERTS_MAX];
    uint32_t alert_count;
    uint32_t errors_before;
};

#define REPORT(loader, position, ...)                                                              \
    tide_diagnostics_error((loader)->diagnostics, (position), __VA_ARGS__)

static const struct tide_position nowhere = {0};

static struct tide_position start_of(const struct tide_source *source)
{
    return (struct tide_position){.source = source, .line = 1, .column = 1, .size = 1};
}

static struct tide_yaml *member(const struct tide_yaml *root, const char *key)
{
    return root == NULL ? NULL : tide_yaml_get(root, key);
}

/* ------- what is read */

static bool read_file(struct loader *loader)
{
    if (loader->input->file == NULL) {
        return true;
    }
    if (!tide_yaml_parse(
            loader->arena, loader->input->file, loader->diagnostics, &loader->file_root)) {
        return false;
    }
    if (loader->file_root->kind != TIDE_YAML_MAPPING) {
        REPORT(loader,
               loader->file_root->position,
               "a definitions file is a mapping with 'schema' or 'preset', and 'metrics'");
        return false;
    }
    return true;
}

static void report_unknown(struct loader *loader,
                           struct tide_position position,
                           const char *what,
                           struct tide_view name,
                           struct tide_view near)
{
    if (near.size > 0) {
        REPORT(loader,
               position,
               "unknown %s '%.*s'; did you mean '%.*s'?",
               what,
               TIDE_VIEW_ARGUMENTS(name),
               TIDE_VIEW_ARGUMENTS(near));
    } else {
        REPORT(loader, position, "unknown %s '%.*s'", what, TIDE_VIEW_ARGUMENTS(name));
    }
}

static void report_unknown_preset(struct loader *loader,
                                  struct tide_position position,
                                  struct tide_view name)
{
    enum {
        NAMES_MAX = 16
    };
    struct tide_view names[NAMES_MAX];
    const size_t count = tide_preset_count();
    tide_assert(count <= NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        names[i] = tide_preset_at(i)->name;
    }
    report_unknown(loader, position, "preset", name, tide_nearest(name, names, count));
}

/* The preset of the call goes before the one in the file. */
static bool read_preset(struct loader *loader)
{
    const struct tide_yaml *node = member(loader->file_root, "preset");
    struct tide_view name = loader->input->preset;
    struct tide_position position = nowhere;
    if (name.size == 0 && node != NULL) {
        if (node->kind != TIDE_YAML_SCALAR || node->text.size == 0) {
            REPORT(loader, node->position, "'preset' must be a name");
            return false;
        }
        name = node->text;
        position = node->position;
    }
    if (name.size == 0) {
        return true;
    }
    loader->preset = tide_preset_find(name);
    if (loader->preset == NULL) {
        report_unknown_preset(loader, position, name);
        return false;
    }
    return tide_yaml_parse(
        loader->arena, loader->preset, loader->diagnostics, &loader->preset_root);
}

static bool keep_sources(struct loader *loader)
{
    struct tide_source *sources = TIDE_ARENA_ARRAY(loader->arena, struct tide_source, 2);
    if (sources == NULL) {
        return false;
    }
    uint32_t count = 0;
    if (loader->input->file != NULL) {
        sources[count++] = *loader->input->file;
    }
    if (loader->preset != NULL) {
        sources[count++] = *loader->preset;
    }
    loader->definitions->sources = sources;
    loader->definitions->source_count = count;
    return true;
}

/* ------- schema */

static bool load_schema(struct loader *loader)
{
    const struct tide_yaml *own = member(loader->file_root, "schema");
    const struct tide_yaml *node = own != NULL ? own : member(loader->preset_root, "schema");
    if (own != NULL && loader->preset != NULL) {
        REPORT(loader,
               own->key_position,
               "the preset '%.*s' has a schema already; remove 'schema' or the preset",
               TIDE_VIEW_ARGUMENTS(loader->preset->name));
        return false;
    }
    if (node == NULL) {
        const struct tide_source *file = loader->input->file;
        REPORT(loader,
               file == NULL ? nowhere : start_of(file),
               "there is no schema; write 'schema:' or 'preset:'");
        return false;
    }
    loader->definitions->schema =
        loader->input->is_judged ? tide_schema_load_judged(loader->arena, node, loader->diagnostics)
                                 : tide_schema_load(loader->arena, node, loader->diagnostics);
    return loader->definitions->schema != NULL;
}

/* ------- metrics */

static struct entry *find_entry(struct loader *loader, struct tide_view name)
{
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        if (tide_view_equal(loader->entries[i].node->key, name)) {
            return &loader->entries[i];
        }
    }
    return NULL;
}

/* The members of `metrics`; NULL: there are none, or it is no mapping (reported). */
static const struct tide_yaml *metrics_of(struct loader *loader, const struct tide_yaml *root)
{
    const struct tide_yaml *metrics = member(root, "metrics");
    const bool is_empty =
        metrics == NULL || (metrics->kind == TIDE_YAML_SCALAR && metrics->text.size == 0);
    if (!is_empty && metrics->kind != TIDE_YAML_MAPPING) {
        REPORT(loader, metrics->position, "'metrics' must be a mapping of names to metrics");
        return NULL;
    }
    return is_empty ? NULL : metrics;
}

static void gather_from(struct loader *loader, const struct tide_yaml *metrics)
{
    for (const struct tide_yaml *node = metrics == NULL ? NULL : metrics->first; node != NULL;
         node = node->next) {
        struct entry *entry = find_entry(loader, node->key);
        if (entry == NULL && loader->entry_count == TIDE_METRICS_MAX) {
            REPORT(loader, node->key_position, "there are more than %d metrics", TIDE_METRICS_MAX);
            return;
        }
        if (entry == NULL) {
            entry = &loader->entries[loader->entry_count++];
        }
        *entry = (struct entry){.node = node};
    }
}

/* false: out of memory. */
static bool gather(struct loader *loader)
{
    const struct tide_yaml *sections[] = {metrics_of(loader, loader->preset_root),
                                          metrics_of(loader, loader->file_root)};
    size_t room = 1; /* an arena gives nothing for 0 */
    for (int i = 0; i < 2; i++) {
        room += sections[i] == NULL ? 0 : sections[i]->count;
    }
    loader->entries = TIDE_ARENA_ARRAY(
        loader->arena, struct entry, room < TIDE_METRICS_MAX ? room : TIDE_METRICS_MAX);
    if (loader->entries == NULL) {
        return false;
    }
    gather_from(loader, sections[0]);
    gather_from(loader, sections[1]);
    return true;
}

static bool is_selected(const struct tide_definitions_input *input, struct tide_view name)
{
    for (uint32_t i = 0; i < input->only_count; i++) {
        if (tide_view_equal(input->only[i], name)) {
            return true;
        }
    }
    return input->only_count == 0;
}

static void check_selection(struct loader *loader)
{
    struct tide_view names[TIDE_METRICS_MAX];
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        names[i] = loader->entries[i].node->key;
    }
    for (uint32_t i = 0; i < loader->input->only_count; i++) {
        const struct tide_view name = loader->input->only[i];
        if (find_entry(loader, name) == NULL) {
            report_unknown(
                loader, nowhere, "metric", name, tide_nearest(name, names, loader->entry_count));
        }
    }
}

/* Every metric is parsed, also one that is not wanted: its mistakes are told all the same. */
static void parse_entries(struct loader *loader, const struct tide_metric_parse *parse)
{
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        struct entry *entry = &loader->entries[i];
        entry->is_parsed = tide_metric_parse(parse, entry->node, &entry->metric);
        entry->is_selected = is_selected(loader->input, entry->node->key);
        entry->is_wanted = entry->is_selected;
    }
}

static struct entry *find_part(struct loader *loader, const struct tide_yaml *node)
{
    struct tide_view names[TIDE_METRICS_MAX];
    struct entry *entry = find_entry(loader, node->text);
    if (entry == NULL) {
        for (uint32_t i = 0; i < loader->entry_count; i++) {
            names[i] = loader->entries[i].node->key;
        }
        report_unknown(loader,
                       node->position,
                       "metric",
                       node->text,
                       tide_nearest(node->text, names, loader->entry_count));
    }
    return entry;
}

/* Finds the parts of a ratio; they are computed with it. A part that is broken is not spoken of
 * again. */
static void join_ratio(struct loader *loader,
                       const struct tide_metric_parse *parse,
                       struct entry *ratio)
{
    const struct tide_yaml *nodes[2];
    const struct tide_metric *parts[2] = {NULL, NULL};
    if (!tide_metric_part_nodes(ratio->node, nodes)) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct entry *part = find_part(loader, nodes[i]);
        if (part == NULL || !part->is_parsed) {
            continue;
        }
        part->is_wanted = part->is_wanted || ratio->is_wanted;
        ratio->metric.parts[i] = (uint32_t)(part - loader->entries);
        parts[i] = &part->metric;
    }
    const bool is_joined = tide_metric_join(parse, &ratio->metric, parts, nodes);
    ratio->is_parsed = ratio->is_parsed && is_joined;
}

/* Of what was selected; and of the schema, if it is the user's own and all its metrics are
 * known. */
static void warn(struct loader *loader, const struct tide_metric_parse *parse)
{
    bool used[TIDE_SCHEMA_COLUMNS_MAX] = {false};
    const bool is_whole = loader->diagnostics->error_count == loader->errors_before;
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        const struct entry *entry = &loader->entries[i];
        const struct tide_yaml *nodes[2];
        if (entry->is_parsed && entry->is_wanted) {
            tide_metric_warn(parse, entry->node, &entry->metric);
        }
        if (is_whole && entry->is_wanted && tide_metric_part_nodes(entry->node, nodes)) {
            const struct tide_metric *const parts[2] = {
                &loader->entries[entry->metric.parts[0]].metric,
                &loader->entries[entry->metric.parts[1]].metric};
            tide_metric_warn_ratio(parse, nodes[0], parts);
        }
        tide_metric_mark_columns(&entry->metric, used);
    }
    if (is_whole && loader->preset == NULL && loader->entry_count > 0) {
        tide_metric_warn_columns(parse, used);
    }
}

/* In the order of the files; parts become indices of what is kept. */
static void keep_wanted(struct loader *loader)
{
    struct tide_definitions *definitions = loader->definitions;
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        struct entry *entry = &loader->entries[i];
        tide_assert(entry->is_parsed);
        if (entry->is_wanted) {
            entry->index = definitions->metric_count++;
            definitions->metrics[entry->index] = entry->metric;
            definitions->metrics[entry->index].is_hidden = !entry->is_selected;
        }
    }
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        struct tide_metric *metric = &definitions->metrics[i];
        for (int k = 0; metric->kind == TIDE_METRIC_RATIO && k < 2; k++) {
            metric->parts[k] = loader->entries[metric->parts[k]].index;
        }
    }
}

static bool load_metrics(struct loader *loader)
{
    struct tide_definitions *definitions = loader->definitions;
    const struct tide_metric_parse parse = {
        .arena = loader->arena,
        .schema = definitions->schema,
        .diagnostics = loader->diagnostics,
    };
    const size_t room = loader->entry_count + 1; /* an arena gives nothing for 0 */
    definitions->metrics = TIDE_ARENA_ARRAY(loader->arena, struct tide_metric, room);
    if (definitions->metrics == NULL) {
        return false;
    }
    check_selection(loader);
    parse_entries(loader, &parse);
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        struct entry *entry = &loader->entries[i];
        if (entry->metric.kind == TIDE_METRIC_RATIO) {
            join_ratio(loader, &parse, entry);
        }
    }
    warn(loader, &parse);
    if (loader->diagnostics->error_count == loader->errors_before) {
        keep_wanted(loader);
    }
    return true;
}

/* ------- alerts */

static void gather_alert(struct loader *loader, const struct tide_yaml *node)
{
    uint32_t i = 0;
    while (i < loader->alert_count && !tide_view_equal(loader->alert_nodes[i]->key, node->key)) {
        i++;
    }
    if (i == TIDE_ALERTS_MAX) {
        REPORT(loader, node->key_position, "there are more than %d alerts", TIDE_ALERTS_MAX);
        return;
    }
    loader->alert_nodes[i] = node;
    loader->alert_count = i == loader->alert_count ? i + 1 : loader->alert_count;
}

static void gather_alerts(struct loader *loader, const struct tide_yaml *root)
{
    const struct tide_yaml *alerts = member(root, "alerts");
    const bool is_empty =
        alerts == NULL || (alerts->kind == TIDE_YAML_SCALAR && alerts->text.size == 0);
    if (is_empty) {
        return;
    }
    if (alerts->kind != TIDE_YAML_MAPPING) {
        REPORT(loader, alerts->position, "'alerts' must be a mapping of names to alerts");
        return;
    }
    for (const struct tide_yaml *node = alerts->first; node != NULL; node = node->next) {
        gather_alert(loader, node);
    }
}

/* Every alert is parsed, as metrics are; those of metrics that were not selected are left out. */
static void parse_alerts(struct loader *loader)
{
    struct tide_definitions *definitions = loader->definitions;
    struct tide_view names[TIDE_METRICS_MAX];
    const struct tide_metric *metrics[TIDE_METRICS_MAX];
    for (uint32_t i = 0; i < loader->entry_count; i++) {
        const struct entry *entry = &loader->entries[i];
        names[i] = entry->node->key;
        metrics[i] = entry->is_parsed ? &entry->metric : NULL;
    }
    const struct tide_alert_parse parse = {
        .arena = loader->arena,
        .schema = definitions->schema,
        .diagnostics = loader->diagnostics,
        .names = names,
        .metrics = metrics,
        .metric_count = loader->entry_count,
    };
    for (uint32_t i = 0; i < loader->alert_count; i++) {
        struct tide_alert alert;
        if (!tide_alert_is_off(loader->alert_nodes[i]) &&
            tide_alert_parse(&parse, loader->alert_nodes[i], &alert) &&
            loader->entries[alert.metric].is_selected) {
            alert.metric = loader->entries[alert.metric].index;
            definitions->alerts[definitions->alert_count++] = alert;
        }
    }
}

/* Before metrics are kept: a ratio's parts are entries still. */
static bool load_alerts(struct loader *loader)
{
    struct tide_definitions *definitions = loader->definitions;
    gather_alerts(loader, loader->preset_root);
    gather_alerts(loader, loader->file_root);
    definitions->alerts =
        TIDE_ARENA_ARRAY(loader->arena, struct tide_alert, loader->alert_count + 1);
    if (definitions->alerts != NULL) {
        parse_alerts(loader);
    }
    return definitions->alerts != NULL;
}

struct tide_definitions *tide_definitions_load(struct tide_arena *arena,
                                               const struct tide_definitions_input *input,
                                               struct tide_diagnostics *diagnostics)
{
    struct loader *loader = TIDE_ARENA_NEW(arena, struct loader);
    struct tide_definitions *definitions = TIDE_ARENA_NEW(arena, struct tide_definitions);
    bool has_memory = loader != NULL && definitions != NULL;
    if (has_memory) {
        loader->arena = arena;
        loader->input = input;
        loader->diagnostics = diagnostics;
        loader->definitions = definitions;
        loader->errors_before = diagnostics->error_count;
        if (read_file(loader) && read_preset(loader) && load_schema(loader)) {
            has_memory = keep_sources(loader) && gather(loader) && load_metrics(loader) &&
                         load_alerts(loader);
        }
    }
    if (!has_memory) {
        tide_diagnostics_error(diagnostics, nowhere, "out of memory for the definitions");
    }
    return has_memory && diagnostics->error_count == loader->errors_before ? definitions : NULL;
}

const struct tide_metric *tide_definitions_find(const struct tide_definitions *definitions,
                                                struct tide_view name)
{
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        if (tide_view_equal(definitions->metrics[i].name, name)) {
            return &definitions->metrics[i];
        }
    }
    return NULL;
}

struct tide_instant tide_metric_settled_at(const struct tide_metric *metric,
                                           struct tide_window window)
{
    struct tide_instant end = window.end;
    if (metric->kind == TIDE_METRIC_SESSIONS) {
        end.us += metric->sessions.timeout.us;
    } else if (metric->kind == TIDE_METRIC_FUNNEL) {
        end.us += metric->funnel->timeout.us;
    }
    for (uint32_t k = 0;
         metric->kind == TIDE_METRIC_RETENTION && k < metric->retention.period_count;
         k++) {
        end = tide_window_of(metric->every, end).end;
    }
    return end;
}

bool tide_metric_same_windows(const struct tide_metric *a, const struct tide_metric *b)
{
    const struct tide_timezone *left = a->every.zone;
    const struct tide_timezone *right = b->every.zone;
    const bool is_one_zone =
        left == right || (left != NULL && right != NULL &&
                          tide_view_equal(tide_timezone_name(left), tide_timezone_name(right)));
    return is_one_zone && a->every.unit == b->every.unit && a->every.size == b->every.size &&
           a->pane_count == b->pane_count;
}
