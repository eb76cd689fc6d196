/* Reading a Delta log: commits in order, one action a line, folded into what a writer must know.
 *
 * Delta's protocol, "Action Reconciliation". Actions that we do not know are passed over: where
 * they would matter to a writer, the protocol has a higher version, and is refused. */
#include "lake/delta_internal.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 16
};
static const size_t arena_bytes_max = (size_t)4 << 30;
static const size_t scratch_bytes_max = (size_t)256 << 20;

void tide_delta_snapshot_init(struct tide_delta_snapshot *snapshot,
                              struct tide_store store,
                              const struct tide_layout *layout,
                              struct tide_checkpoint_codec codec,
                              bool keeps_files)
{
    *snapshot = (struct tide_delta_snapshot){
        .store = store,
        .layout = layout,
        .codec = codec,
        .keeps_files = keeps_files,
        .version = -1,
        .checkpoint = -1,
    };
    tide_arena_init(&snapshot->arena, arena_bytes_max);
    tide_arena_init(&snapshot->scratch, scratch_bytes_max);
}

void tide_delta_snapshot_release(struct tide_delta_snapshot *snapshot)
{
    free(snapshot->txns);
    free(snapshot->files);
    free(snapshot->slots);
    tide_arena_release(&snapshot->arena);
    tide_arena_release(&snapshot->scratch);
    *snapshot = (struct tide_delta_snapshot){.version = -1, .checkpoint = -1};
}

void tide_delta_snapshot_reset(struct tide_delta_snapshot *snapshot)
{
    const struct tide_delta_snapshot old = *snapshot;
    tide_delta_snapshot_release(snapshot);
    tide_delta_snapshot_init(snapshot, old.store, old.layout, old.codec, old.keeps_files);
}

void tide_delta_log_key(const struct tide_layout *layout,
                        int64_t version,
                        char key[TIDE_DELTA_KEY_MAX])
{
    tide_assert(version >= 0 && version <= TIDE_DELTA_VERSION_MAX);
    int size = snprintf(
        key, TIDE_DELTA_KEY_MAX, "%s/_delta_log/%020lld.json", layout->name, (long long)version);
    tide_assert(size > 0 && size < TIDE_DELTA_KEY_MAX);
}

void tide_delta_hint_key(const struct tide_layout *layout, char key[TIDE_DELTA_KEY_MAX])
{
    const int size =
        snprintf(key, TIDE_DELTA_KEY_MAX, "%s/_delta_log/_last_checkpoint", layout->name);
    tide_assert(size > 0 && size < TIDE_DELTA_KEY_MAX);
}

void tide_delta_checkpoint_key(const struct tide_layout *layout,
                               int64_t version,
                               uint32_t part,
                               uint32_t part_count,
                               char key[TIDE_DELTA_KEY_MAX])
{
    char parts[32] = "";
    if (part_count > 0) {
        (void)snprintf(parts, sizeof(parts), ".%010u.%010u", part, part_count);
    }
    const int size = snprintf(key,
                              TIDE_DELTA_KEY_MAX,
                              "%s/_delta_log/%020lld.checkpoint%s.parquet",
                              layout->name,
                              (long long)version,
                              parts);
    tide_assert(size > 0 && size < TIDE_DELTA_KEY_MAX);
}

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory for the table's log");
}

/* ---- txn */

static struct tide_delta_txn *find_txn(const struct tide_delta_snapshot *snapshot,
                                       struct tide_view app_id)
{
    for (uint32_t i = 0; i < snapshot->txn_count; i++) {
        if (tide_view_equal(snapshot->txns[i].app_id, app_id)) {
            return &snapshot->txns[i];
        }
    }
    return NULL;
}

int64_t tide_delta_snapshot_txn(const struct tide_delta_snapshot *snapshot, struct tide_view app_id)
{
    const struct tide_delta_txn *txn = find_txn(snapshot, app_id);
    return txn == NULL ? TIDE_DELTA_NEVER : txn->version;
}

static enum tide_status fold_txn(struct tide_delta_snapshot *snapshot,
                                 const struct tide_json *action,
                                 struct tide_error *error)
{
    struct tide_view app_id = {0};
    int64_t version = 0;
    int64_t last_updated = -1;
    if (!tide_json_get_text(action, "appId", &app_id) ||
        !tide_json_get_i64(action, "version", &version)) {
        return tide_error_set(error, TIDE_FATAL, "a txn action without appId or version");
    }
    (void)tide_json_get_i64(action, "lastUpdated", &last_updated);
    struct tide_delta_txn *txn = find_txn(snapshot, app_id);
    if (txn != NULL) {
        txn->version = version;
        txn->last_updated = last_updated;
        return TIDE_OK;
    }
    if (snapshot->txn_count == TIDE_DELTA_TRANSACTIONS_MAX) {
        return tide_error_set(
            error, TIDE_FATAL, "the table has over %d appIds", TIDE_DELTA_TRANSACTIONS_MAX);
    }
    if (snapshot->txn_count == snapshot->txn_capacity) {
        uint32_t capacity =
            snapshot->txn_capacity == 0 ? FIRST_CAPACITY : snapshot->txn_capacity * 2;
        struct tide_delta_txn *txns = reallocarray(snapshot->txns, capacity, sizeof(*txns));
        if (txns == NULL) {
            return no_memory(error);
        }
        snapshot->txns = txns;
        snapshot->txn_capacity = capacity;
    }
    struct tide_view kept = tide_arena_copy(&snapshot->arena, app_id);
    if (kept.data == NULL) {
        return no_memory(error);
    }
    snapshot->txns[snapshot->txn_count++] = (struct tide_delta_txn){kept, version, last_updated};
    return TIDE_OK;
}

/* ---- protocol and metaData */

static enum tide_status keep(struct tide_delta_snapshot *snapshot,
                             struct tide_view text,
                             struct tide_view *kept,
                             struct tide_error *error)
{
    *kept = tide_arena_copy(&snapshot->arena, text);
    return kept->data == NULL ? no_memory(error) : TIDE_OK;
}

static enum tide_status fold_protocol(struct tide_delta_snapshot *snapshot,
                                      const struct tide_json *action,
                                      struct tide_error *error)
{
    int64_t reader = 0;
    int64_t writer = 0;
    if (!tide_json_get_i64(action, "minReaderVersion", &reader) ||
        !tide_json_get_i64(action, "minWriterVersion", &writer)) {
        return tide_error_set(error, TIDE_FATAL, "a protocol action without versions");
    }
    if (reader > TIDE_DELTA_READER_VERSION || writer > TIDE_DELTA_WRITER_VERSION) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the table's protocol is (%lld,%lld), we write (%d,%d)",
                              (long long)reader,
                              (long long)writer,
                              TIDE_DELTA_READER_VERSION,
                              TIDE_DELTA_WRITER_VERSION);
    }
    return keep(snapshot, action->source, &snapshot->protocol, error);
}

static enum tide_status fold_metadata(struct tide_delta_snapshot *snapshot,
                                      const struct tide_json *action,
                                      struct tide_error *error)
{
    struct tide_view id = {0};
    enum tide_status status =
        tide_delta_schema_check(snapshot->layout, action, &snapshot->scratch, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (!tide_json_get_text(action, "id", &id) || id.size == 0) {
        return tide_error_set(error, TIDE_FATAL, "a metaData action without id");
    }
    status = keep(snapshot, action->source, &snapshot->metadata, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (snapshot->table_id.data != NULL) {
        return tide_view_equal(snapshot->table_id, id)
                   ? TIDE_OK
                   : tide_error_set(error,
                                    TIDE_REJECT,
                                    "the table was replaced by another one (%.*s)",
                                    TIDE_VIEW_ARGUMENTS(id));
    }
    return keep(snapshot, id, &snapshot->table_id, error);
}

/* ---- commits */

static enum tide_status fold_action(struct tide_delta_snapshot *snapshot,
                                    const struct tide_json *action,
                                    struct tide_error *error)
{
    tide_assert(action->kind == TIDE_JSON_OBJECT);
    const struct tide_json *body = action->first;
    if (body == NULL || body->kind != TIDE_JSON_OBJECT) {
        return TIDE_OK;
    }
    if (tide_view_equal(body->key, TIDE_VIEW("txn"))) {
        return fold_txn(snapshot, body, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("add"))) {
        return tide_delta_snapshot_fold_file(snapshot, body, true, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("remove"))) {
        return tide_delta_snapshot_fold_file(snapshot, body, false, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("protocol"))) {
        return fold_protocol(snapshot, body, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("metaData"))) {
        return fold_metadata(snapshot, body, error);
    }
    return TIDE_OK;
}

enum tide_status tide_delta_snapshot_fold_line(struct tide_delta_snapshot *snapshot,
                                               struct tide_view line,
                                               struct tide_error *error)
{
    struct tide_json *action = NULL;
    tide_arena_reset(&snapshot->scratch);
    enum tide_status status = tide_json_parse(&snapshot->scratch, line, &action, error);
    if (status == TIDE_REJECT || (status == TIDE_OK && action->kind != TIDE_JSON_OBJECT)) {
        return tide_error_set(error, TIDE_FATAL, "a line that is not an action");
    }
    return status == TIDE_OK ? fold_action(snapshot, action, error) : status;
}

enum tide_status tide_delta_snapshot_fold(struct tide_delta_snapshot *snapshot,
                                          struct tide_view text,
                                          struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    size_t start = 0;
    while (status == TIDE_OK && start < text.size) {
        const char *end = memchr(text.data + start, '\n', text.size - start);
        size_t size = end == NULL ? text.size - start : (size_t)(end - text.data) - start;
        struct tide_view line = {text.data + start, size};
        if (size > 0 && line.data[size - 1] == '\r') {
            line.size--;
        }
        if (line.size > 0) {
            status = tide_delta_snapshot_fold_line(snapshot, line, error);
        }
        start += size + 1;
    }
    if (status == TIDE_OK && (snapshot->protocol.data == NULL || snapshot->table_id.data == NULL)) {
        status = tide_error_set(error, TIDE_FATAL, "neither protocol nor metaData so far");
    }
    if (status != TIDE_OK) {
        tide_error_prefix(
            error, "%s, commit %lld", snapshot->layout->name, (long long)snapshot->version + 1);
        return status;
    }
    snapshot->version++;
    return TIDE_OK;
}

enum tide_status tide_delta_snapshot_step(struct tide_delta_snapshot *snapshot,
                                          bool *is_there,
                                          struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    struct tide_bytes text = {0};
    struct tide_error missing = {0}; /* no failure of ours if it is only that */
    *is_there = false;
    tide_delta_log_key(snapshot->layout, snapshot->version + 1, key);
    enum tide_status status = snapshot->store.operations->get(
        snapshot->store.self, key, &text, TIDE_STORE_OBJECT_BYTES_MAX, &missing);
    if (status == TIDE_OK) {
        *is_there = true;
        status = tide_delta_snapshot_fold(snapshot, tide_bytes_view(&text), error);
    } else if (status == TIDE_REJECT) {
        status = TIDE_OK;
    } else {
        (void)tide_error_set(error, status, "%s", missing.text);
    }
    tide_bytes_release(&text);
    return status;
}
