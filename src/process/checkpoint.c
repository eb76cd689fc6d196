/* See checkpoint.h.
 *
 * A round goes through its steps; each is idempotent, and a round that RETRY interrupted goes on
 * at the step it reached:
 *
 *     IDLE -> FILES -> MANIFESTS -> TABLES -> IDLE
 *
 * FILES      nothing is promised; data files of earlier attempts are overwritten by the same bytes
 * MANIFESTS  each published manifest is a promise; its files are durable
 * TABLES     all manifests are published; the Delta log has or lacks each partition's txn */
#include "process/checkpoint.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/logline.h"
#include "process/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEY_BYTES_MAX = 512,
    APP_ID_BYTES_MAX = 64,
    FILES_PER_TABLE_MAX = 4096, /* event days in one epoch of one partition */
    ARENA_BYTES_MAX = 256 << 20,
};

enum step {
    STEP_IDLE,
    STEP_FILES,
    STEP_MANIFESTS,
    STEP_TABLES,
};

struct slot {                        /* of a partition */
    struct tide_recovered recovered; /* moves on with each commit */
    int64_t last_txn[TIDE_TABLE_COUNT];
    struct tide_u128 last_hash;
    struct tide_manifest manifest; /* of the round under way */
    bool published;
};

struct tide_checkpointer {
    struct tide_checkpointer_options options;
    struct tide_u128 writer_id;
    struct tide_delta *deltas[TIDE_TABLE_COUNT];
    struct slot *slots; /* by partition */
    enum step step;
    uint32_t round_count;    /* epochs in the round, to check that a retry brings the same */
    struct tide_arena arena; /* of the round */
    struct tide_lake_meter meter;
    char (*app_ids)[APP_ID_BYTES_MAX];
    char table_ids[TIDE_TABLE_COUNT][TIDE_IDENTITY_TEXT_SIZE];
};

/* ---- data files */

struct files_job { /* one table of one epoch */
    struct tide_checkpointer *checkpointer;
    const struct tide_epoch *epoch;
    const struct tide_rows *rows;
    struct tide_manifest_table *table;
    struct tide_error *error;
};

static struct tide_view file_path(struct tide_checkpointer *c,
                                  const struct tide_epoch *epoch,
                                  const struct tide_layout *layout,
                                  int32_t date_days)
{
    char date[TIDE_CIVIL_TEXT_MAX] = "__HIVE_DEFAULT_PARTITION__";
    char writer[TIDE_IDENTITY_TEXT_SIZE];
    char path[KEY_BYTES_MAX];
    if (date_days != TIDE_DATE_UNKNOWN) {
        tide_civil_format_date(date_days, date);
    }
    tide_identity_format(c->writer_id, writer);
    int size = snprintf(path,
                        sizeof(path),
                        "%s=%s/%s-%" PRIu32 "-%" PRIu64 ".%s",
                        layout->date_column,
                        date,
                        writer,
                        epoch->partition,
                        epoch->number,
                        c->options.writer.extension);
    tide_assert(size > 0 && (size_t)size < sizeof(path));
    return tide_arena_copy(&c->arena, (struct tide_view){path, (size_t)size});
}

static enum tide_status write_file(void *context,
                                   int32_t date_days,
                                   const uint32_t *row_indices,
                                   uint32_t row_count)
{
    struct files_job *job = context;
    struct tide_checkpointer *c = job->checkpointer;
    const struct tide_layout *layout = tide_rows_layout(job->rows);
    struct tide_bytes stats = {0};
    char scratch[KEY_BYTES_MAX];
    char key[KEY_BYTES_MAX];
    if (job->table->file_count == FILES_PER_TABLE_MAX) {
        return tide_error_set(
            job->error, TIDE_FATAL, "an epoch has more than %d days", FILES_PER_TABLE_MAX);
    }
    struct tide_delta_file *file = &job->table->files[job->table->file_count];
    *file = (struct tide_delta_file){.date_days = date_days, .row_count = row_count};
    file->path = file_path(c, job->epoch, layout, date_days);
    tide_rows_stats(job->rows, row_indices, row_count, &stats);
    file->stats = tide_arena_copy(&c->arena, tide_bytes_view(&stats));
    tide_bytes_release(&stats);
    if (file->path.data == NULL || file->stats.data == NULL) {
        return tide_error_set(job->error, TIDE_RETRY, "no memory for the files of an epoch");
    }
    snprintf(scratch,
             sizeof(scratch),
             "%s/%s-%" PRIu32 ".%s",
             c->options.scratch_directory,
             layout->name,
             job->epoch->partition,
             c->options.writer.extension);
    snprintf(key, sizeof(key), "%s/%.*s", layout->name, TIDE_VIEW_ARGUMENTS(file->path));
    /* A scratch file of an interrupted attempt may be in the way. */
    (void)c->options.io.operations->remove(c->options.io.self, scratch, NULL);
    enum tide_status status = c->options.writer.operations->write(c->options.writer.self,
                                                                  job->rows,
                                                                  row_indices,
                                                                  row_count,
                                                                  scratch,
                                                                  &file->size,
                                                                  job->error);
    if (status == TIDE_OK) {
        status =
            c->options.store.operations->put_file(c->options.store.self, key, scratch, job->error);
    }
    if (status == TIDE_OK) {
        job->table->file_count++;
    }
    return status;
}

static enum tide_status write_table_files(struct tide_checkpointer *c,
                                          const struct tide_epoch *epoch,
                                          enum tide_table table,
                                          struct tide_error *error)
{
    struct slot *slot = &c->slots[epoch->partition];
    struct tide_manifest_table *out = &slot->manifest.tables[table];
    const struct tide_rows *rows = epoch->rows[table];
    *out = (struct tide_manifest_table){.expected = slot->last_txn[table]};
    if (rows == NULL || tide_rows_count(rows) == 0) {
        return TIDE_OK;
    }
    uint32_t row_count = tide_rows_count(rows);
    uint32_t file_count_max = row_count < FILES_PER_TABLE_MAX ? row_count : FILES_PER_TABLE_MAX;
    out->files = TIDE_ARENA_ARRAY(&c->arena, struct tide_delta_file, file_count_max);
    if (out->files == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the files of an epoch");
    }
    struct files_job job = {c, epoch, rows, out, error};
    return tide_rows_by_date(rows, write_file, &job, error);
}

static enum tide_status write_files(struct tide_checkpointer *c,
                                    const struct tide_epoch *epochs,
                                    uint32_t epoch_count,
                                    struct tide_error *error)
{
    tide_arena_reset(&c->arena); /* whatever an interrupted attempt had prepared */
    for (uint32_t i = 0; i < epoch_count; i++) {
        const struct tide_epoch *epoch = &epochs[i];
        struct slot *slot = &c->slots[epoch->partition];
        tide_assert(epoch->number == slot->recovered.next_epoch);
        /* Journeys may end without another record. */
        tide_assert(epoch->next_offset > slot->recovered.next_offset ||
                    (epoch->next_offset == slot->recovered.next_offset &&
                     epoch->rows[TIDE_TABLE_JOURNEYS] != NULL));
        slot->published = false;
        slot->manifest = (struct tide_manifest){.pipeline = c->options.identity.pipeline,
                                                .configuration = c->options.identity.configuration,
                                                .writer = c->writer_id,
                                                .previous = slot->last_hash,
                                                .partition = epoch->partition,
                                                .epoch = epoch->number,
                                                .next_offset = epoch->next_offset,
                                                .ledger = epoch->ledger,
                                                .watermark = epoch->watermark,
                                                .closing = epoch->closing,
                                                .note = tide_bytes_view(&epoch->note)};
        for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
            enum tide_status status = write_table_files(c, epoch, (enum tide_table)t, error);
            if (status != TIDE_OK) {
                return status;
            }
        }
    }
    return TIDE_OK;
}

/* ---- manifests and tables */

static enum tide_status publish(struct tide_checkpointer *c,
                                const struct tide_epoch *epochs,
                                uint32_t epoch_count,
                                struct tide_error *error)
{
    for (uint32_t i = 0; i < epoch_count; i++) {
        struct slot *slot = &c->slots[epochs[i].partition];
        if (slot->published) {
            continue;
        }
        enum tide_status status =
            tide_manifest_publish(c->options.store, &slot->manifest, &slot->last_hash, error);
        if (status != TIDE_OK) {
            return status;
        }
        slot->published = true;
    }
    return TIDE_OK;
}

/* One commit of one table for those of the partitions whose manifest has files for it. */
static enum tide_status commit_table(struct tide_checkpointer *c,
                                     enum tide_table table,
                                     const uint32_t *partitions,
                                     uint32_t partition_count,
                                     struct tide_error *error)
{
    struct tide_delta_transaction *transactions =
        TIDE_ARENA_ARRAY(&c->arena, struct tide_delta_transaction, partition_count);
    uint32_t count = 0;
    if (transactions == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a commit");
    }
    for (uint32_t i = 0; i < partition_count; i++) {
        const struct tide_manifest *manifest = &c->slots[partitions[i]].manifest;
        const struct tide_manifest_table *files = &manifest->tables[table];
        if (files->file_count > 0) {
            transactions[count++] =
                (struct tide_delta_transaction){.app_id = tide_view_of(c->app_ids[partitions[i]]),
                                                .version = (int64_t)manifest->epoch,
                                                .expected = files->expected,
                                                .files = files->files,
                                                .file_count = files->file_count};
        }
    }
    return count == 0 ? TIDE_OK : tide_delta_commit(c->deltas[table], transactions, count, error);
}

static void advance(struct tide_checkpointer *c, uint32_t partition)
{
    struct slot *slot = &c->slots[partition];
    const struct tide_manifest *manifest = &slot->manifest;
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        slot->last_txn[t] = manifest->tables[t].file_count > 0 ? (int64_t)manifest->epoch
                                                               : manifest->tables[t].expected;
    }
    slot->recovered = (struct tide_recovered){.next_epoch = manifest->epoch + 1,
                                              .next_offset = manifest->next_offset,
                                              .ledger = manifest->ledger,
                                              .watermark = manifest->watermark,
                                              .closing = manifest->closing};
}

static enum tide_status commit_tables(struct tide_checkpointer *c,
                                      const uint32_t *partitions,
                                      uint32_t partition_count,
                                      struct tide_error *error)
{
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        enum tide_status status =
            commit_table(c, (enum tide_table)t, partitions, partition_count, error);
        if (status != TIDE_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < partition_count; i++) {
        advance(c, partitions[i]);
    }
    return TIDE_OK;
}

static void meter_round(struct tide_checkpointer *c,
                        const struct tide_epoch *epochs,
                        uint32_t epoch_count)
{
    for (uint32_t i = 0; i < epoch_count; i++) {
        for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
            const struct tide_manifest_table *table =
                &c->slots[epochs[i].partition].manifest.tables[t];
            atomic_fetch_add(&c->meter.files[t], table->file_count);
            for (uint32_t f = 0; f < table->file_count; f++) {
                atomic_fetch_add(&c->meter.bytes[t], table->files[f].size);
            }
        }
    }
}

enum tide_status tide_checkpointer_commit(struct tide_checkpointer *c,
                                          const struct tide_epoch *epochs,
                                          uint32_t epoch_count,
                                          struct tide_error *error)
{
    tide_assert(epoch_count <= c->options.identity.partition_count);
    tide_assert(c->step == STEP_IDLE || c->round_count == epoch_count);
    enum tide_status status = TIDE_OK;
    if (epoch_count == 0) {
        return TIDE_OK;
    }
    c->round_count = epoch_count;
    if (c->step == STEP_IDLE || c->step == STEP_FILES) {
        c->step = STEP_FILES;
        status = write_files(c, epochs, epoch_count, error);
    }
    if (status == TIDE_OK && c->step <= STEP_MANIFESTS) {
        c->step = STEP_MANIFESTS;
        status = publish(c, epochs, epoch_count, error);
    }
    if (status == TIDE_OK) {
        c->step = STEP_TABLES;
        uint32_t *partitions = TIDE_ARENA_ARRAY(&c->arena, uint32_t, epoch_count);
        if (partitions == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a commit");
        }
        for (uint32_t i = 0; i < epoch_count; i++) {
            partitions[i] = epochs[i].partition;
        }
        status = commit_tables(c, partitions, epoch_count, error);
    }
    if (status == TIDE_OK) {
        c->step = STEP_IDLE;
        meter_round(c, epochs, epoch_count);
    }
    return status;
}

/* ---- open: load and redo */

static enum tide_status load_manifest(struct tide_checkpointer *c,
                                      uint32_t partition,
                                      bool *found,
                                      struct tide_error *error)
{
    struct slot *slot = &c->slots[partition];
    *found = false;
    enum tide_status status = tide_manifest_newest(
        c->options.store, partition, &c->arena, &slot->manifest, &slot->last_hash, error);
    if (status == TIDE_REJECT) { /* none yet */
        return TIDE_OK;
    }
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_identity *identity = &c->options.identity;
    if (!tide_u128_equal(slot->manifest.pipeline, identity->pipeline) ||
        !tide_u128_equal(slot->manifest.configuration, identity->configuration) ||
        slot->manifest.partition != partition) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the newest manifest of partition %" PRIu32
                              " belongs to another pipeline or configuration",
                              partition);
    }
    if (!tide_ledger_holds(&slot->manifest.ledger) ||
        slot->manifest.ledger.verdicts != slot->manifest.next_offset) {
        return tide_error_set(
            error, TIDE_FATAL, "the ledger of partition %" PRIu32 " is broken", partition);
    }
    *found = true;
    return TIDE_OK;
}

/* Without a manifest the tables must not know the partition either. */
static enum tide_status check_unknown(const struct tide_checkpointer *c,
                                      uint32_t partition,
                                      struct tide_error *error)
{
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        struct tide_view app_id = tide_view_of(c->app_ids[partition]);
        if (tide_delta_transaction_version(c->deltas[t], app_id) != TIDE_DELTA_NEVER) {
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "table %s holds epochs of partition %" PRIu32
                                  " but its manifests are gone",
                                  c->options.layouts[t]->name,
                                  partition);
        }
    }
    return TIDE_OK;
}

static enum tide_status recover(struct tide_checkpointer *c, struct tide_error *error)
{
    uint32_t partition_count = c->options.identity.partition_count;
    uint32_t *found = TIDE_ARENA_ARRAY(&c->arena, uint32_t, partition_count);
    uint32_t found_count = 0;
    if (found == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for recovery");
    }
    for (uint32_t p = 0; p < partition_count; p++) {
        bool exists;
        enum tide_status status = load_manifest(c, p, &exists, error);
        if (status == TIDE_OK && exists) {
            found[found_count++] = p;
        } else if (status == TIDE_OK) {
            c->slots[p].recovered.watermark = TIDE_INSTANT_UNKNOWN;
            c->slots[p].recovered.closing = TIDE_INSTANT_UNKNOWN;
            for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
                c->slots[p].last_txn[t] = TIDE_DELTA_NEVER;
            }
            status = check_unknown(c, p, error);
        }
        if (status != TIDE_OK) {
            return status;
        }
    }
    return found_count == 0 ? TIDE_OK : commit_tables(c, found, found_count, error);
}

static enum tide_status open_tables(struct tide_checkpointer *c, struct tide_error *error)
{
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        struct tide_u128 id = c->options.identity.pipeline;
        id.low += c->options.layouts[t]->number; /* a table each, the same at every start */
        tide_identity_format(id, c->table_ids[t]);
        struct tide_delta_options options = {.store = c->options.store,
                                             .clock = c->options.clock,
                                             .layout = c->options.layouts[t],
                                             .table_id = tide_view_of(c->table_ids[t]),
                                             .engine = c->options.engine,
                                             .codec = c->options.codec,
                                             .scratch_directory = c->options.scratch_directory,
                                             .io = c->options.io,
                                             .checkpoint_commits = c->options.checkpoint_commits};
        enum tide_status status = tide_delta_open(&options, &c->deltas[t], error);
        if (status != TIDE_OK) {
            tide_error_prefix(error, "table %s", c->options.layouts[t]->name);
            return status;
        }
    }
    return TIDE_OK;
}

static enum tide_status allocate(struct tide_checkpointer *c, struct tide_error *error)
{
    uint32_t count = c->options.identity.partition_count;
    char pipeline[TIDE_IDENTITY_TEXT_SIZE];
    c->slots = calloc(count, sizeof(*c->slots));
    c->app_ids = calloc(count, sizeof(*c->app_ids));
    if (c->slots == NULL || c->app_ids == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for %" PRIu32 " partitions", count);
    }
    tide_identity_format(c->options.identity.pipeline, pipeline);
    for (uint32_t p = 0; p < count; p++) {
        snprintf(c->app_ids[p], sizeof(c->app_ids[p]), "%s/%" PRIu32, pipeline, p);
    }
    return c->options.io.operations->make_directory(
        c->options.io.self, c->options.scratch_directory, error);
}

enum tide_status tide_checkpointer_open(const struct tide_checkpointer_options *options,
                                        struct tide_checkpointer **checkpointer,
                                        struct tide_error *error)
{
    struct tide_checkpointer *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the checkpointer");
    }
    c->options = *options;
    tide_arena_init(&c->arena, ARENA_BYTES_MAX);
    options->io.operations->random(options->io.self, &c->writer_id, sizeof(c->writer_id));
    enum tide_status status = allocate(c, error);
    if (status == TIDE_OK) {
        status = open_tables(c, error);
    }
    if (status == TIDE_OK) {
        status = recover(c, error);
    }
    if (status != TIDE_OK) {
        tide_checkpointer_close(c);
        return status;
    }
    *checkpointer = c;
    return TIDE_OK;
}

void tide_checkpointer_close(struct tide_checkpointer *c)
{
    if (c == NULL) {
        return;
    }
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        tide_delta_close(c->deltas[t]);
    }
    tide_arena_release(&c->arena);
    free(c->slots);
    free(c->app_ids);
    free(c);
}

enum tide_status tide_checkpointer_notes(struct tide_checkpointer *c,
                                         uint32_t partition,
                                         bool only_newest,
                                         enum tide_status (*visit)(void *context,
                                                                   uint32_t partition,
                                                                   struct tide_view note,
                                                                   struct tide_error *error),
                                         void *context,
                                         struct tide_error *error)
{
    tide_assert(c->step == STEP_IDLE); /* the arena is free */
    uint64_t end = c->slots[partition].recovered.next_epoch;
    enum tide_status status = TIDE_OK;
    for (uint64_t epoch = only_newest && end > 0 ? end - 1 : 0; status == TIDE_OK && epoch < end;
         epoch++) {
        struct tide_manifest manifest;
        struct tide_u128 hash;
        tide_arena_reset(&c->arena);
        const struct tide_manifest_place place = {partition, epoch};
        status = tide_manifest_get(c->options.store, place, &c->arena, &manifest, &hash, error);
        if (status == TIDE_OK && manifest.note.size > 0) {
            status = visit(context, partition, manifest.note, error);
        }
    }
    return status;
}

struct tide_recovered tide_checkpointer_recovered(const struct tide_checkpointer *c,
                                                  uint32_t partition)
{
    tide_assert(partition < c->options.identity.partition_count);
    return c->slots[partition].recovered;
}

const struct tide_lake_meter *tide_checkpointer_meter(const struct tide_checkpointer *c)
{
    return &c->meter;
}
