/* The commit loop: what is not in the table yet goes into the next version, if that is still free.
 *
 *     classify each transaction by the txn that the table holds -> write the text -> put if absent
 *          ^                                                                           |
 *          +------ fold the commit that is there instead  <--- exists, or unclear -----+
 *
 * So every lost race and every lost answer ends in reading what is there, and the txn actions found
 * decide. Nothing else is remembered between attempts. */
#include "lake/delta_internal.h"
#include "base/assert.h"
#include "base/logline.h"

#include <stdlib.h>

#include "base/banned.h"

enum {
    ATTEMPTS_MAX = 1000, /* commits of others that one commit may find in its way */
    TEXTS_BYTES_MAX = 64 << 10,
    ENTRY_BYTES_MAX = 64 << 20
};
/* After so long a sleep the commits behind the last one read may have been cleaned away. */
static const int64_t asleep_us = INT64_C(60) * 1000 * 1000;

static bool keep_texts(struct tide_delta *delta)
{
    struct tide_arena *arena = &delta->texts;
    tide_arena_init(arena, TEXTS_BYTES_MAX);
    delta->options.table_id = tide_arena_copy(arena, delta->options.table_id);
    delta->options.engine = tide_arena_copy(arena, delta->options.engine);
    return delta->options.table_id.data != NULL && delta->options.engine.data != NULL;
}

static void note_time(struct tide_delta *delta)
{
    if (delta->options.clock.operations != NULL) {
        delta->read_at = tide_clock_monotonic(delta->options.clock);
        delta->read_time = tide_clock_now(delta->options.clock);
    }
}

enum tide_status tide_delta_open(const struct tide_delta_options *options,
                                 struct tide_delta **delta,
                                 struct tide_error *error)
{
    tide_assert(options->table_id.size > 0 && options->layout != NULL);
    struct tide_delta *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a table");
    }
    made->options = *options;
    tide_delta_snapshot_init(
        &made->snapshot, options->store, options->layout, options->codec, options->keeps_files);
    enum tide_status status = keep_texts(made)
                                  ? tide_delta_snapshot_read(&made->snapshot, error)
                                  : tide_error_set(error, TIDE_RETRY, "no memory for a table");
    if (status != TIDE_OK) {
        tide_delta_close(made);
        return status;
    }
    note_time(made);
    *delta = made;
    return TIDE_OK;
}

void tide_delta_close(struct tide_delta *delta)
{
    if (delta != NULL) {
        tide_delta_snapshot_release(&delta->snapshot);
        tide_arena_release(&delta->texts);
        free(delta);
    }
}

int64_t tide_delta_version(const struct tide_delta *delta)
{
    return delta->snapshot.version;
}

/* A log is cleaned from its beginning, so while the commit that was read last is there, the next
 * missing one is the first that was never made. Who slept long may find neither, and must not take
 * his place in the middle of the log for its end. A suspended machine's monotonic clock sleeps too,
 * hence both. */
static bool may_be_behind(const struct tide_delta *delta)
{
    const struct tide_clock clock = delta->options.clock;
    if (clock.operations == NULL || delta->snapshot.version < 0) {
        return false;
    }
    const int64_t asleep = tide_monotonic_since(tide_clock_monotonic(clock), delta->read_at).us;
    const int64_t passed = tide_clock_now(clock).us - delta->read_time.us;
    return asleep > asleep_us || passed > asleep_us || passed < -asleep_us;
}

static enum tide_status read_again(struct tide_delta *delta, struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    struct tide_bytes text = {0};
    struct tide_delta_snapshot fresh;
    const struct tide_store store = delta->options.store;
    const struct tide_delta_snapshot *old = &delta->snapshot;
    tide_delta_log_key(old->layout, old->version, key);
    enum tide_status status =
        store.operations->get(store.self, key, &text, TIDE_STORE_OBJECT_BYTES_MAX, error);
    tide_bytes_release(&text);
    if (status != TIDE_REJECT) {
        return status;
    }
    tide_delta_snapshot_init(&fresh, store, old->layout, old->codec, old->keeps_files);
    status = tide_delta_snapshot_read(&fresh, error);
    if (status == TIDE_OK &&
        (fresh.version < old->version || !tide_view_equal(fresh.table_id, old->table_id))) {
        status = tide_error_set(error,
                                TIDE_FATAL,
                                "the log of %s was replaced: it ends at %lld, %lld was there",
                                old->layout->name,
                                (long long)fresh.version,
                                (long long)old->version);
    }
    if (status != TIDE_OK) {
        tide_delta_snapshot_release(&fresh);
        return status;
    }
    tide_delta_snapshot_release(&delta->snapshot);
    delta->snapshot = fresh;
    return TIDE_OK;
}

enum tide_status tide_delta_refresh(struct tide_delta *delta, struct tide_error *error)
{
    bool is_there = true;
    enum tide_status status = may_be_behind(delta) ? read_again(delta, error) : TIDE_OK;
    while (status == TIDE_OK && is_there) {
        status = tide_delta_snapshot_step(&delta->snapshot, &is_there, error);
    }
    if (status == TIDE_OK) {
        note_time(delta);
    }
    return status;
}

int64_t tide_delta_transaction_version(const struct tide_delta *delta, struct tide_view app_id)
{
    return tide_delta_snapshot_txn(&delta->snapshot, app_id);
}

/* Those of the transactions that the table does not hold. */
static enum tide_status find_pending(const struct tide_delta *delta,
                                     const struct tide_delta_transaction *transactions,
                                     uint32_t transaction_count,
                                     const struct tide_delta_transaction **pending,
                                     uint32_t *pending_count,
                                     struct tide_error *error)
{
    *pending_count = 0;
    for (uint32_t i = 0; i < transaction_count; i++) {
        const struct tide_delta_transaction *transaction = &transactions[i];
        int64_t found = tide_delta_snapshot_txn(&delta->snapshot, transaction->app_id);
        tide_assert(transaction->expected < transaction->version);
        if (found == transaction->version) {
            continue;
        }
        if (found != transaction->expected) {
            return tide_error_set(error,
                                  TIDE_FATAL,
                                  "table %s holds epoch %lld of %.*s (-1: none), but epoch %lld "
                                  "must follow %lld: the table and the data directory are not of "
                                  "one history",
                                  delta->options.layout->name,
                                  (long long)found,
                                  TIDE_VIEW_ARGUMENTS(transaction->app_id),
                                  (long long)transaction->version,
                                  (long long)transaction->expected);
        }
        pending[(*pending_count)++] = transaction;
    }
    return TIDE_OK;
}

/* Puts the text as the next version. *is_settled false: something else is there and was folded. */
enum tide_status tide_delta_try_version(struct tide_delta *delta,
                                        struct tide_view text,
                                        bool *is_settled,
                                        struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    struct tide_store store = delta->options.store;
    struct tide_error why = {0};
    bool is_there = false;
    *is_settled = true;
    tide_delta_log_key(delta->options.layout, delta->snapshot.version + 1, key);
    enum tide_status put = store.operations->put_if_absent(store.self, key, text, &why);
    switch (put) {
    case TIDE_OK:
        return tide_delta_snapshot_fold(&delta->snapshot, text, error);
    case TIDE_FATAL:
        return tide_error_set(error, TIDE_FATAL, "%s", why.text);
    case TIDE_AGAIN:
    case TIDE_RETRY:
        /* It may have happened all the same. */
        if (tide_delta_snapshot_step(&delta->snapshot, &is_there, NULL) == TIDE_OK && is_there) {
            *is_settled = false;
            return TIDE_OK;
        }
        return tide_error_set(error, TIDE_RETRY, "%s", why.text);
    case TIDE_REJECT: {
        enum tide_status status = tide_delta_snapshot_step(&delta->snapshot, &is_there, error);
        if (status == TIDE_OK && !is_there) {
            return tide_error_set(error, TIDE_RETRY, "%s is there and is not", key);
        }
        *is_settled = false;
        return status;
    }
    }
    return TIDE_FATAL;
}

enum tide_status tide_delta_commit(struct tide_delta *delta,
                                   const struct tide_delta_transaction *transactions,
                                   uint32_t transaction_count,
                                   struct tide_error *error)
{
    struct tide_bytes text = {0};
    enum tide_status status = TIDE_OK;
    bool is_settled = false;
    uint32_t pending_count = 0;
    const struct tide_delta_transaction **pending =
        calloc(transaction_count + 1U, sizeof(const struct tide_delta_transaction *));
    if (pending == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a commit");
    }
    tide_bytes_init(&text, TIDE_STORE_OBJECT_BYTES_MAX);
    if (may_be_behind(delta)) {
        status = tide_delta_refresh(delta, error);
    }
    for (int attempt = 0; status == TIDE_OK && !is_settled && attempt < ATTEMPTS_MAX; attempt++) {
        status =
            find_pending(delta, transactions, transaction_count, pending, &pending_count, error);
        if (status != TIDE_OK || pending_count == 0) {
            is_settled = true;
            break;
        }
        tide_bytes_reset(&text);
        bool is_first = delta->snapshot.version < 0;
        tide_delta_commit_write(&delta->options, pending, pending_count, is_first, &text);
        status = text.failed
                     ? tide_error_set(error, TIDE_RETRY, "no memory for a commit")
                     : tide_delta_try_version(delta, tide_bytes_view(&text), &is_settled, error);
    }
    if (status == TIDE_OK && !is_settled) {
        status =
            tide_error_set(error, TIDE_RETRY, "other writers were faster %d times", ATTEMPTS_MAX);
    }
    free(pending);
    tide_bytes_release(&text);
    if (status == TIDE_OK) {
        note_time(delta);
        tide_delta_checkpoint_if_due(delta);
    }
    return status;
}

enum tide_status tide_delta_files(struct tide_delta *delta,
                                  void (*visit)(void *context,
                                                struct tide_view path,
                                                uint64_t size),
                                  void *context,
                                  struct tide_error *error)
{
    struct tide_delta_snapshot snapshot;
    tide_delta_snapshot_init(
        &snapshot, delta->options.store, delta->options.layout, delta->options.codec, true);
    enum tide_status status = tide_delta_snapshot_read(&snapshot, error);
    if (status == TIDE_OK && snapshot.version < delta->snapshot.version) {
        status = tide_error_set(error,
                                TIDE_FATAL,
                                "the log of %s ends at %lld, but commit %lld was there",
                                delta->options.layout->name,
                                (long long)snapshot.version,
                                (long long)delta->snapshot.version);
    }
    for (uint32_t i = 0; status == TIDE_OK && i < snapshot.file_count; i++) {
        if (snapshot.files[i].is_live) {
            visit(context, snapshot.files[i].path, snapshot.files[i].size);
        }
    }
    tide_delta_snapshot_release(&snapshot);
    return status;
}

enum tide_status tide_delta_entries(const struct tide_delta *delta,
                                    struct tide_delta_visitor visitor,
                                    struct tide_error *error)
{
    const struct tide_delta_snapshot *snapshot = &delta->snapshot;
    struct tide_arena scratch = {0};
    enum tide_status status = TIDE_OK;
    tide_assert(snapshot->keeps_files);
    tide_arena_init(&scratch, ENTRY_BYTES_MAX);
    for (uint32_t i = 0; status == TIDE_OK && i < snapshot->file_count; i++) {
        struct tide_delta_entry entry;
        if (!snapshot->files[i].is_live) {
            continue;
        }
        status =
            tide_delta_entry_read(snapshot->layout, &snapshot->files[i], &scratch, &entry, error);
        if (status == TIDE_OK) {
            status = visitor.visit(visitor.context, &entry);
        }
    }
    tide_arena_release(&scratch);
    return status;
}

bool tide_delta_is_live(const struct tide_delta *delta, struct tide_view path)
{
    const struct tide_delta_live *live = tide_delta_snapshot_file(&delta->snapshot, path);
    return live != NULL && live->is_live;
}

struct tide_instant tide_delta_removed(const struct tide_delta *delta, struct tide_view path)
{
    const struct tide_delta_live *file = tide_delta_snapshot_file(&delta->snapshot, path);
    struct tide_instant removed = TIDE_INSTANT_UNKNOWN;
    struct tide_arena scratch = {0};
    struct tide_json *remove = NULL;
    int64_t time_ms = 0;
    tide_arena_init(&scratch, ENTRY_BYTES_MAX);
    if (file != NULL && !file->is_live &&
        tide_json_parse(&scratch, file->source, &remove, NULL) == TIDE_OK &&
        tide_json_get_i64(remove, "deletionTimestamp", &time_ms)) {
        removed.us = time_ms * 1000;
    }
    tide_arena_release(&scratch);
    return removed;
}
