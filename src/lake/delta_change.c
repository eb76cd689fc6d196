/* A commit that removes files and adds others: compaction, retention, archives.
 *
 *     all removes live, txn as expected?    -> write the text -> put if absent
 *          ^                no: not done                             |
 *          +------ fold the commit that is there instead  <--- exists, or unclear
 *
 * A name that is added is nobody else's, and a txn's version is taken once; so finding the first
 * add live, or the txn set, in what was folded is finding our own commit. */
#include "lake/delta_internal.h"

#include "base/assert.h"

#include "base/banned.h"

enum {
    ATTEMPTS_MAX = 1000,
    SCRATCH_BYTES_MAX = 64 << 20
};

/* ---- text */

static void write_info(const struct tide_delta *delta,
                       const struct tide_delta_change *change,
                       int64_t now_ms,
                       struct tide_bytes *text)
{
    tide_bytes_append_text(text, "{\"commitInfo\":{");
    tide_json_write_i64_member(text, "timestamp", now_ms);
    tide_json_write_text_member(text, "operation", tide_view_of(change->operation));
    tide_bytes_append_text(text, ",\"operationParameters\":{}");
    tide_json_write_bool_member(text, "isBlindAppend", change->remove_count == 0);
    tide_json_write_text_member(text, "engineInfo", delta->options.engine);
    tide_bytes_append_format(text,
                             ",\"operationMetrics\":{\"numRemovedFiles\":\"%u\","
                             "\"numAddedFiles\":\"%u\"}}}\n",
                             change->remove_count,
                             change->add_count);
}

/* What the add said of the file, so that a reader of removals needs nothing else. */
static void write_remove(const struct tide_delta_live *live,
                         int64_t now_ms,
                         bool is_data_change,
                         struct tide_arena *scratch,
                         struct tide_bytes *text)
{
    struct tide_json *add = NULL;
    struct tide_view path = {0};
    tide_arena_reset(scratch);
    if (tide_json_parse(scratch, live->source, &add, NULL) != TIDE_OK ||
        !tide_json_get_text(add, "path", &path)) {
        text->failed = true; /* it was parsed when it was folded: only memory can be missing */
        return;
    }
    const struct tide_json *values = tide_json_get(add, "partitionValues");
    tide_bytes_append_text(text, "{\"remove\":{");
    tide_json_write_text_member(text, "path", path);
    tide_json_write_i64_member(text, "deletionTimestamp", now_ms);
    tide_json_write_bool_member(text, "dataChange", is_data_change);
    if (values != NULL && values->kind == TIDE_JSON_OBJECT) {
        tide_json_write_bool_member(text, "extendedFileMetadata", true);
        tide_json_write_key(text, "partitionValues");
        tide_bytes_append_view(text, values->source);
        tide_json_write_u64_member(text, "size", live->size);
    }
    tide_bytes_append_text(text, "}}\n");
}

static void write_change(const struct tide_delta *delta,
                         const struct tide_delta_change *change,
                         struct tide_bytes *text)
{
    struct tide_arena scratch = {0};
    const int64_t now_ms = tide_clock_now(delta->options.clock).us / 1000;
    tide_arena_init(&scratch, SCRATCH_BYTES_MAX);
    write_info(delta, change, now_ms, text);
    if (delta->snapshot.version < 0) {
        tide_delta_table_write(&delta->options, text);
    }
    if (change->app_id.size > 0) {
        tide_bytes_append_text(text, "{\"txn\":{");
        tide_json_write_text_member(text, "appId", change->app_id);
        tide_json_write_i64_member(text, "version", change->version);
        tide_bytes_append_text(text, "}}\n");
    }
    for (uint32_t i = 0; i < change->remove_count; i++) {
        const struct tide_delta_live *live =
            tide_delta_snapshot_file(&delta->snapshot, change->removes[i]);
        write_remove(live, now_ms, change->is_data_change, &scratch, text);
    }
    for (uint32_t i = 0; i < change->add_count; i++) {
        const struct tide_delta_file *file = &change->adds[i];
        tide_delta_add_write(delta->options.layout,
                             file,
                             tide_delta_stats_time(file->stats, &scratch),
                             change->is_data_change,
                             text);
    }
    tide_arena_release(&scratch);
}

/* ---- the loop */

static bool is_ours_there(const struct tide_delta *delta, const struct tide_delta_change *change)
{
    return change->add_count > 0
               ? tide_delta_is_live(delta, change->adds[0].path)
               : tide_delta_snapshot_txn(&delta->snapshot, change->app_id) == change->version;
}

static bool may_be_made(const struct tide_delta *delta, const struct tide_delta_change *change)
{
    bool may = change->app_id.size == 0 ||
               tide_delta_snapshot_txn(&delta->snapshot, change->app_id) == change->expected;
    for (uint32_t i = 0; may && i < change->remove_count; i++) {
        may = tide_delta_is_live(delta, change->removes[i]);
    }
    return may;
}

enum tide_status tide_delta_change(struct tide_delta *delta,
                                   const struct tide_delta_change *change,
                                   bool *is_done,
                                   struct tide_error *error)
{
    struct tide_bytes text = {0};
    tide_assert(delta->snapshot.keeps_files);
    tide_assert(change->add_count > 0 || change->app_id.size > 0);
    tide_assert(change->app_id.size == 0 || change->version > change->expected);
    *is_done = false;
    tide_bytes_init(&text, TIDE_STORE_OBJECT_BYTES_MAX);
    enum tide_status status = tide_delta_refresh(delta, error);
    for (int attempt = 0; status == TIDE_OK && attempt < ATTEMPTS_MAX; attempt++) {
        *is_done = is_ours_there(delta, change);
        if (*is_done || !may_be_made(delta, change)) {
            break;
        }
        bool is_settled = false;
        tide_bytes_reset(&text);
        write_change(delta, change, &text);
        status = text.failed
                     ? tide_error_set(error, TIDE_RETRY, "no memory for a commit")
                     : tide_delta_try_version(delta, tide_bytes_view(&text), &is_settled, error);
    }
    tide_bytes_release(&text);
    if (status == TIDE_OK && *is_done) {
        tide_delta_checkpoint_if_due(delta);
    } else if (status == TIDE_OK && may_be_made(delta, change)) {
        status =
            tide_error_set(error, TIDE_RETRY, "other writers were faster %d times", ATTEMPTS_MAX);
    }
    return status;
}
