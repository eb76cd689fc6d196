/* Manifests first, up to the newest there is now; then the tables, which are at least as far, but
 * for what a service is just committing. */
#include "process/lake_audit.h"

#include "base/assert.h"
#include "lake/expiry.h"
#include "lake/object_paths.h"
#include "lake/table_objects.h"
#include "process/manifest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    TEXT_SIZE = 512,
    APP_ID_SIZE = TIDE_IDENTITY_TEXT_SIZE + 16,
    FILES_AT_ONCE = 500,
    PROGRESS_MANIFESTS = 10000
};
static const size_t arena_bytes_max = (size_t)1 << 30;

struct chain { /* of a partition, as its manifests say */
    bool is_whole;
    uint64_t count;
    uint64_t next_offset;
    struct tide_u128 hash;
    int64_t txns[TIDE_TABLE_COUNT];
    int64_t before_newest[TIDE_TABLE_COUNT]; /* the txns without the newest manifest */
    uint64_t rows[TIDE_TABLE_COUNT];
    uint64_t newest_rows[TIDE_TABLE_COUNT];
};

struct audit {
    const struct tide_lake_audit_options *options;
    struct tide_lake_audit_report *report;
    enum tide_table table; /* that is looked at */
    struct chain *chains;  /* by partition */
    uint64_t *rows;        /* in the table, by partition */
    struct tide_arena arena;
};

__attribute__((format(printf, 2, 3))) static void problem(struct audit *audit,
                                                          const char *format,
                                                          ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    audit->report->problems++;
    audit->options->problem(audit->options->context, text);
}

__attribute__((format(printf, 2, 3))) static void progress(const struct audit *audit,
                                                           const char *format,
                                                           ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    if (audit->options->progress != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        audit->options->progress(audit->options->context, text);
    }
}

/* ---- manifests */

static void check_manifest(struct audit *audit,
                           uint32_t partition,
                           const struct tide_manifest *manifest)
{
    struct chain *chain = &audit->chains[partition];
    const uint64_t epoch = chain->count;
    if (!tide_u128_equal(manifest->pipeline, audit->options->identity.pipeline) ||
        manifest->partition != partition || manifest->epoch != epoch) {
        problem(audit,
                "manifest %" PRIu64 " of partition %" PRIu32 " is that of another place",
                epoch,
                partition);
    }
    if (!tide_u128_equal(manifest->previous, chain->hash)) {
        problem(audit,
                "manifest %" PRIu64 " of partition %" PRIu32 " does not follow the one before",
                epoch,
                partition);
    }
    if (!tide_ledger_holds(&manifest->ledger) ||
        manifest->ledger.verdicts != manifest->next_offset ||
        manifest->next_offset < chain->next_offset) {
        problem(audit,
                "manifest %" PRIu64 " of partition %" PRIu32 ": the ledger does not hold",
                epoch,
                partition);
    }
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        const struct tide_manifest_table *table = &manifest->tables[t];
        if (table->expected != chain->txns[t]) {
            problem(audit,
                    "manifest %" PRIu64 " of partition %" PRIu32 " expects %" PRId64
                    " in %s, where %" PRId64 " was written",
                    epoch,
                    partition,
                    table->expected,
                    audit->options->tables[t].layout->name,
                    chain->txns[t]);
        }
        chain->before_newest[t] = chain->txns[t];
        chain->newest_rows[t] = 0;
        for (uint32_t i = 0; i < table->file_count; i++) {
            chain->newest_rows[t] += table->files[i].row_count;
        }
        chain->rows[t] += chain->newest_rows[t];
        chain->txns[t] = table->file_count > 0 ? (int64_t)epoch : chain->txns[t];
    }
    chain->next_offset = manifest->next_offset;
}

static enum tide_status read_chain(struct audit *audit,
                                   uint32_t partition,
                                   struct tide_error *error)
{
    struct chain *chain = &audit->chains[partition];
    const struct tide_store store = audit->options->tables[0].store;
    enum tide_status status = TIDE_OK;
    chain->is_whole = true;
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        chain->txns[t] = TIDE_DELTA_NEVER;
        chain->before_newest[t] = TIDE_DELTA_NEVER;
    }
    while (status == TIDE_OK) {
        struct tide_manifest manifest;
        struct tide_u128 hash;
        struct tide_error why = {0};
        tide_arena_reset(&audit->arena);
        const struct tide_manifest_place place = {partition, chain->count};
        status = tide_manifest_get(store, place, &audit->arena, &manifest, &hash, &why);
        if (status == TIDE_OK) {
            check_manifest(audit, partition, &manifest);
            chain->hash = hash;
            chain->count++;
            audit->report->manifests++;
        } else if (status == TIDE_FATAL) {
            problem(audit, "%s", why.text);
            chain->is_whole = false;
        } else if (status == TIDE_RETRY) {
            (void)tide_error_set(error, status, "%s", why.text);
        }
        if (status == TIDE_OK && chain->count % PROGRESS_MANIFESTS == 0) {
            progress(
                audit, "partition %" PRIu32 ": %" PRIu64 " manifests", partition, chain->count);
        }
    }
    return status == TIDE_RETRY ? status : TIDE_OK;
}

/* What lies behind a hole belongs to nobody any more. */
static enum tide_status check_end(struct audit *audit, uint32_t partition, struct tide_error *error)
{
    struct chain *chain = &audit->chains[partition];
    struct tide_manifest manifest;
    struct tide_u128 hash;
    tide_arena_reset(&audit->arena);
    const struct tide_manifest_place place = {partition, chain->count + 1};
    const enum tide_status status = tide_manifest_get(
        audit->options->tables[0].store, place, &audit->arena, &manifest, &hash, error);
    if (status == TIDE_OK && chain->is_whole) {
        problem(audit,
                "partition %" PRIu32 " has no manifest %" PRIu64 ", but a later one",
                partition,
                chain->count);
        chain->is_whole = false;
    }
    return status == TIDE_RETRY ? status : TIDE_OK;
}

/* ---- a table against the manifests */

/* A service may have gone on since the manifests were read; then there is one for it. */
static void check_ahead(struct audit *audit, uint32_t partition, int64_t epoch)
{
    struct tide_manifest manifest;
    struct tide_u128 hash;
    struct tide_error error = {0};
    const struct tide_manifest_place place = {partition, (uint64_t)epoch};
    const struct tide_delta_options *table = &audit->options->tables[audit->table];
    struct tide_arena arena = {0};
    tide_arena_init(&arena, arena_bytes_max);
    if (tide_manifest_get(table->store, place, &arena, &manifest, &hash, &error) == TIDE_REJECT) {
        problem(audit,
                "%s holds epoch %" PRId64 " of partition %" PRIu32 ", which has no such manifest",
                table->layout->name,
                epoch,
                partition);
    }
    tide_arena_release(&arena);
}

static void check_txn(struct audit *audit, const struct tide_delta *delta, uint32_t partition)
{
    char app_id[APP_ID_SIZE];
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    const struct chain *chain = &audit->chains[partition];
    const enum tide_table table = audit->table;
    const char *name = audit->options->tables[table].layout->name;
    tide_identity_format(audit->options->identity.pipeline, pipeline);
    (void)snprintf(app_id, sizeof(app_id), "%s/%" PRIu32, pipeline, partition);
    const int64_t found = tide_delta_transaction_version(delta, tide_view_of(app_id));
    if (found > chain->txns[table]) {
        check_ahead(audit, partition, found);
    }
    if (found >= chain->txns[table]) {
        return;
    }
    if (found == chain->before_newest[table]) {
        audit->report->pending++;
        return;
    }
    problem(audit,
            "%s holds epoch %" PRId64 " of partition %" PRIu32 ", its manifests say %" PRId64,
            name,
            found,
            partition,
            chain->txns[table]);
}

static void check_rows(struct audit *audit,
                       const struct tide_delta *delta,
                       uint32_t partition,
                       const struct tide_expired *expired)
{
    char app_id[APP_ID_SIZE];
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    const struct chain *chain = &audit->chains[partition];
    const enum tide_table table = audit->table;
    tide_identity_format(audit->options->identity.pipeline, pipeline);
    (void)snprintf(app_id, sizeof(app_id), "%s/%" PRIu32, pipeline, partition);
    const int64_t found = tide_delta_transaction_version(delta, tide_view_of(app_id));
    uint64_t expected = chain->rows[table];
    if (found == chain->before_newest[table] && found != chain->txns[table]) {
        expected -= chain->newest_rows[table];
    } else if (found != chain->txns[table]) {
        return; /* it went on, or it is told already */
    }
    const uint64_t gone = tide_expired_of(expired, partition).rows;
    if (chain->is_whole && audit->rows[partition] + gone != expected) {
        problem(audit,
                "%s has %" PRIu64 " rows of partition %" PRIu32 " and %" PRIu64
                " left it; its manifests say %" PRIu64,
                audit->options->tables[table].layout->name,
                audit->rows[partition],
                partition,
                gone,
                expected);
    }
}

/* ---- a table's files */

struct listed { /* a file of the log */
    struct tide_view path;
    bool has_row_count;
    uint64_t row_count;
};

struct files {
    struct audit *audit;
    const struct tide_table_objects *objects;
    struct listed *items;
    uint32_t count;
    uint32_t capacity;
    struct tide_arena arena;
};

static enum tide_status see_entry(void *context, const struct tide_delta_entry *entry)
{
    struct files *files = context;
    struct audit *audit = files->audit;
    const char *name = audit->options->tables[audit->table].layout->name;
    struct tide_lake_audit_table *table = &audit->report->tables[audit->table];
    const struct tide_table_object *object = tide_table_objects_find(files->objects, entry->path);
    table->files++;
    table->bytes += entry->size;
    if (object == NULL) {
        problem(audit, "%s/%.*s is not there", name, TIDE_VIEW_ARGUMENTS(entry->path));
        return TIDE_OK;
    }
    if (object->size != entry->size) {
        problem(audit,
                "%s/%.*s has %" PRIu64 " bytes, the log says %" PRIu64,
                name,
                TIDE_VIEW_ARGUMENTS(entry->path),
                object->size,
                entry->size);
        return TIDE_OK;
    }
    if (files->count == files->capacity) {
        const uint32_t capacity = files->capacity == 0 ? 256 : files->capacity * 2;
        struct listed *items = reallocarray(files->items, capacity, sizeof(*items));
        if (items == NULL) {
            return TIDE_RETRY;
        }
        files->items = items;
        files->capacity = capacity;
    }
    const struct tide_view path = tide_arena_copy(&files->arena, entry->path);
    files->items[files->count++] = (struct listed){path, entry->has_row_count, entry->row_count};
    return path.data == NULL ? TIDE_RETRY : TIDE_OK;
}

static void add_rows(void *context, const struct tide_tally *tally)
{
    struct audit *audit = context;
    audit->report->tables[audit->table].rows += tally->rows;
    if (audit->table < TIDE_TABLE_COUNT) {
        if (tally->partition >= audit->options->identity.partition_count) {
            problem(audit,
                    "%s has rows of partition %" PRIu32,
                    audit->options->tables[audit->table].layout->name,
                    tally->partition);
            return;
        }
        audit->rows[tally->partition] += tally->rows;
    }
}

/* Rows of some files together. FATAL: one of them cannot be read. */
static enum tide_status tally(struct audit *audit,
                              const struct listed *items,
                              uint32_t count,
                              struct tide_error *error)
{
    const struct tide_delta_options *table = &audit->options->tables[audit->table];
    const struct tide_rewriter rewriter = audit->options->rewriter;
    struct tide_object_paths objects = {0};
    tide_arena_reset(&audit->arena);
    enum tide_status status = tide_object_paths_reserve(&objects, &audit->arena, count, error);
    for (uint32_t i = 0; status == TIDE_OK && i < count; i++) {
        status = tide_object_paths_add(
            &objects, &audit->arena, table->store, table->layout->name, items[i].path, error);
    }
    if (status == TIDE_OK) {
        const struct tide_merge merge = {
            .layout = table->layout, .paths = objects.paths, .path_count = objects.count};
        status = rewriter.operations->tally(rewriter.self, &merge, add_rows, audit, error);
    }
    tide_object_paths_unpin(&objects, table->store);
    return status;
}

/* Together, since that is quicker; if the sum is wrong or a file cannot be read, one by one. */
static enum tide_status count_part(struct audit *audit,
                                   const struct listed *items,
                                   uint32_t count,
                                   struct tide_error *error)
{
    struct tide_lake_audit_table *table = &audit->report->tables[audit->table];
    const char *name = audit->options->tables[audit->table].layout->name;
    const uint64_t before = table->rows;
    struct tide_error why = {0};
    uint64_t promised = 0;
    bool is_known = true;
    for (uint32_t i = 0; i < count; i++) {
        promised += items[i].row_count;
        is_known = is_known && items[i].has_row_count;
    }
    enum tide_status status = tally(audit, items, count, &why);
    if (status == TIDE_RETRY) {
        return tide_error_set(error, status, "%s", why.text);
    }
    const bool is_right = status == TIDE_OK && (!is_known || table->rows - before == promised);
    if (is_right) {
        return TIDE_OK;
    }
    if (count == 1) {
        problem(audit,
                "%s/%.*s: %s",
                name,
                TIDE_VIEW_ARGUMENTS(items[0].path),
                status == TIDE_OK ? "it has not as many rows as the log says" : why.text);
        return TIDE_OK;
    }
    if (status == TIDE_OK) { /* each partition's sum would be wrong twice */
        problem(audit,
                "%s: %" PRIu32 " files have %" PRIu64 " rows, the log says %" PRIu64,
                name,
                count,
                table->rows - before,
                promised);
        return TIDE_OK;
    }
    for (uint32_t i = 0; status != TIDE_RETRY && i < count; i++) {
        status = count_part(audit, items + i, 1, error);
    }
    return status == TIDE_RETRY ? status : TIDE_OK;
}

static enum tide_status count_files(struct audit *audit,
                                    const struct files *files,
                                    struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; status == TIDE_OK && i < files->count; i += FILES_AT_ONCE) {
        const uint32_t left = files->count - i;
        status =
            count_part(audit, files->items + i, left < FILES_AT_ONCE ? left : FILES_AT_ONCE, error);
        if (i > 0) {
            progress(audit,
                     "table %s: %" PRIu32 " of %" PRIu32 " files counted",
                     audit->options->tables[audit->table].layout->name,
                     i,
                     files->count);
        }
    }
    return status;
}

static enum tide_status check_files(struct audit *audit,
                                    const struct tide_delta *delta,
                                    const struct tide_table_objects *objects,
                                    struct tide_error *error)
{
    struct files files = {.audit = audit, .objects = objects};
    struct tide_lake_audit_table *table = &audit->report->tables[audit->table];
    tide_arena_init(&files.arena, arena_bytes_max);
    enum tide_status status =
        tide_delta_entries(delta, (struct tide_delta_visitor){see_entry, &files}, error);
    if (status == TIDE_RETRY) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for the files of a table");
    }
    for (uint32_t i = 0; i < objects->count; i++) {
        table->unnamed += !tide_delta_is_live(delta, objects->items[i].path);
    }
    if (status == TIDE_OK && !audit->options->skips_rows) {
        status = count_files(audit, &files, error);
    }
    free(files.items);
    tide_arena_release(&files.arena);
    return status;
}

static enum tide_status compare(struct audit *audit,
                                const struct tide_delta *delta,
                                uint64_t problems_before,
                                struct tide_error *error)
{
    struct tide_expired expired = {0};
    struct tide_error why = {0};
    const struct tide_delta_options *table = &audit->options->tables[audit->table];
    struct tide_lake_audit_table *report = &audit->report->tables[audit->table];
    tide_arena_reset(&audit->arena);
    enum tide_status status =
        tide_expired_read(table->store, table->layout, delta, &audit->arena, &expired, &why);
    if (status == TIDE_RETRY) {
        return tide_error_set(error, status, "%s", why.text);
    }
    if (status != TIDE_OK) {
        problem(audit, "%s", why.text);
    }
    for (uint32_t i = 0; i < expired.partition_count; i++) {
        report->expired += expired.partitions[i].rows;
    }
    const bool has_chain = audit->table < TIDE_TABLE_COUNT;
    const uint32_t partition_count = has_chain ? audit->options->identity.partition_count : 0;
    for (uint32_t p = 0; p < partition_count; p++) {
        check_txn(audit, delta, p);
        /* Where files are wrong, sums say nothing more. */
        if (!audit->options->skips_rows && audit->report->problems == problems_before) {
            check_rows(audit, delta, p, &expired);
        }
    }
    return TIDE_OK;
}

static enum tide_status check_table(struct audit *audit,
                                    enum tide_table table,
                                    struct tide_error *error)
{
    struct tide_table_objects objects = {0};
    struct tide_delta *delta = NULL;
    struct tide_error why = {0};
    struct tide_delta_options options = audit->options->tables[table];
    const uint64_t before = audit->report->problems;
    audit->table = table;
    options.keeps_files = true;
    memset(audit->rows, 0, audit->options->identity.partition_count * sizeof(*audit->rows));
    progress(audit, "table %s", options.layout->name);
    /* The log first: what it names was there before, and what is written later it does not name. */
    enum tide_status status = tide_delta_open(&options, &delta, &why);
    if (status == TIDE_RETRY) {
        return tide_error_set(error, status, "%s", why.text);
    }
    if (status != TIDE_OK) {
        problem(audit, "table %s: %s", options.layout->name, why.text);
        audit->report->tables[table].problems = audit->report->problems - before;
        return TIDE_OK;
    }
    status = tide_table_objects_list(options.store, options.layout->name, &objects, error);
    if (status == TIDE_OK) {
        status = check_files(audit, delta, &objects, error);
    }
    if (status == TIDE_OK) {
        status = compare(audit, delta, before, error);
    }
    audit->report->tables[table].problems = audit->report->problems - before;
    tide_delta_close(delta);
    tide_table_objects_release(&objects);
    return status;
}

enum tide_status tide_lake_audit(const struct tide_lake_audit_options *options,
                                 struct tide_lake_audit_report *report,
                                 struct tide_error *error)
{
    const uint32_t partition_count = options->identity.partition_count;
    struct audit audit = {.options = options, .report = report};
    *report = (struct tide_lake_audit_report){0};
    tide_assert(partition_count > 0 && options->problem != NULL);
    tide_arena_init(&audit.arena, arena_bytes_max);
    audit.chains = calloc(partition_count, sizeof(*audit.chains));
    audit.rows = calloc(partition_count, sizeof(*audit.rows));
    enum tide_status status = audit.chains == NULL || audit.rows == NULL
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for an audit")
                                  : TIDE_OK;
    for (uint32_t p = 0; status == TIDE_OK && p < partition_count; p++) {
        status = read_chain(&audit, p, error);
        if (status == TIDE_OK) {
            status = check_end(&audit, p, error);
        }
    }
    for (int t = 0; status == TIDE_OK && t < TIDE_TABLE_ALL_COUNT; t++) {
        status = check_table(&audit, (enum tide_table)t, error);
    }
    free(audit.chains);
    free(audit.rows);
    tide_arena_release(&audit.arena);
    return status;
}
