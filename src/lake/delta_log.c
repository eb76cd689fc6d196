/* Reading a Delta log: commits in order, one action a line, folded into what a writer must know.
 *
 * Delta's protocol, "Action Reconciliation". Actions that we do not know are passed over: where
 * they would matter to a writer, the protocol has a higher version, and is refused. The log
 * is found by asking for the next version until there is none; the listing only serves to notice a
 * log of which the beginning was cleaned away (checkpoints are not read yet), or with a hole. */
#include "lake/delta_internal.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION_DIGITS = 20,
    FIRST_CAPACITY = 16
};
static const size_t arena_bytes_max = (size_t)4 << 30;
static const size_t scratch_bytes_max = (size_t)256 << 20;

void tide_delta_snapshot_init(struct tide_delta_snapshot *snapshot,
                              struct tide_store store,
                              const struct tide_layout *layout,
                              bool keeps_files)
{
    *snapshot = (struct tide_delta_snapshot){
        .store = store,
        .layout = layout,
        .keeps_files = keeps_files,
        .version = -1,
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
    *snapshot = (struct tide_delta_snapshot){.version = -1};
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
    if (!tide_json_get_text(action, "appId", &app_id) ||
        !tide_json_get_i64(action, "version", &version)) {
        return tide_error_set(error, TIDE_FATAL, "a txn action without appId or version");
    }
    struct tide_delta_txn *txn = find_txn(snapshot, app_id);
    if (txn != NULL) {
        txn->version = version;
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
    snapshot->txns[snapshot->txn_count++] = (struct tide_delta_txn){kept, version};
    return TIDE_OK;
}

/* ---- add and remove */

static uint32_t *slot_of(const struct tide_delta_snapshot *snapshot, struct tide_view path)
{
    uint64_t at = tide_hash64(path, 0);
    for (;; at++) {
        uint32_t *slot = &snapshot->slots[at & (snapshot->slot_count - 1)];
        if (*slot == 0 || tide_view_equal(snapshot->files[*slot - 1].path, path)) {
            return slot;
        }
    }
}

/* Twice as many slots as files, so a search ends soon. */
static bool grow_files(struct tide_delta_snapshot *snapshot)
{
    uint32_t capacity = snapshot->file_capacity == 0 ? FIRST_CAPACITY : snapshot->file_capacity * 2;
    struct tide_delta_live *files = reallocarray(snapshot->files, capacity, sizeof(*files));
    if (files == NULL) {
        return false;
    }
    snapshot->files = files;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    free(snapshot->slots);
    snapshot->slots = slots;
    snapshot->slot_count = capacity * 2;
    snapshot->file_capacity = capacity;
    for (uint32_t i = 0; i < snapshot->file_count; i++) {
        *slot_of(snapshot, files[i].path) = i + 1;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Percent-decoded into the scratch arena; data NULL: no memory. A lone '%' stays. */
static struct tide_view decode_path(struct tide_delta_snapshot *snapshot, struct tide_view path)
{
    char *text = tide_arena_allocate_text(&snapshot->scratch, path.size);
    size_t size = 0;
    for (size_t i = 0; text != NULL && i < path.size; i++) {
        bool may_be = path.data[i] == '%' && path.size - i > 2;
        int high = may_be ? hex_digit(path.data[i + 1]) : -1;
        int low = may_be ? hex_digit(path.data[i + 2]) : -1;
        bool is_escape = high >= 0 && low >= 0;
        text[size++] = is_escape ? (char)(high * 16 + low) : path.data[i];
        i += is_escape ? 2 : 0;
    }
    return (struct tide_view){text, size};
}

static enum tide_status fold_file(struct tide_delta_snapshot *snapshot,
                                  const struct tide_json *action,
                                  bool is_add,
                                  struct tide_error *error)
{
    struct tide_view path = {0};
    uint64_t size = 0;
    if (!tide_json_get_text(action, "path", &path) || path.size == 0) {
        return tide_error_set(error, TIDE_FATAL, "an add or remove action without path");
    }
    if (!snapshot->keeps_files) {
        return TIDE_OK;
    }
    (void)tide_json_get_u64(action, "size", &size);
    if (snapshot->file_count == TIDE_DELTA_FILES_MAX) {
        return tide_error_set(
            error, TIDE_FATAL, "the table's log has over %d files", TIDE_DELTA_FILES_MAX);
    }
    path = decode_path(snapshot, path);
    if (path.data == NULL ||
        (snapshot->file_count == snapshot->file_capacity && !grow_files(snapshot))) {
        return no_memory(error);
    }
    uint32_t *slot = slot_of(snapshot, path);
    if (*slot == 0) {
        struct tide_view kept = tide_arena_copy(&snapshot->arena, path);
        if (kept.data == NULL) {
            return no_memory(error);
        }
        snapshot->files[snapshot->file_count++].path = kept;
        *slot = snapshot->file_count;
    }
    snapshot->files[*slot - 1].size = size;
    snapshot->files[*slot - 1].is_live = is_add;
    return TIDE_OK;
}

/* ---- protocol and metaData */

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
    snapshot->has_protocol = true;
    return TIDE_OK;
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
    if (snapshot->table_id.data != NULL) {
        return tide_view_equal(snapshot->table_id, id)
                   ? TIDE_OK
                   : tide_error_set(error,
                                    TIDE_REJECT,
                                    "the table was replaced by another one (%.*s)",
                                    TIDE_VIEW_ARGUMENTS(id));
    }
    snapshot->table_id = tide_arena_copy(&snapshot->arena, id);
    return snapshot->table_id.data == NULL ? no_memory(error) : TIDE_OK;
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
        return fold_file(snapshot, body, true, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("remove"))) {
        return fold_file(snapshot, body, false, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("protocol"))) {
        return fold_protocol(snapshot, body, error);
    }
    if (tide_view_equal(body->key, TIDE_VIEW("metaData"))) {
        return fold_metadata(snapshot, body, error);
    }
    return TIDE_OK;
}

static enum tide_status fold_line(struct tide_delta_snapshot *snapshot,
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
            status = fold_line(snapshot, line, error);
        }
        start += size + 1;
    }
    if (status == TIDE_OK && (!snapshot->has_protocol || snapshot->table_id.data == NULL)) {
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

struct listing {
    int64_t newest;
    bool has_checkpoint;
};

static void visit_log(void *context, const struct tide_store_entry *entry)
{
    const char *name = entry->name;
    struct listing *listing = context;
    size_t digits = strspn(name, "0123456789");
    if (digits != VERSION_DIGITS) {
        return;
    }
    if (strcmp(name + digits, ".json") == 0) {
        long long version = strtoll(name, NULL, 10); /* out of range: the largest, and refused */
        listing->newest = version > listing->newest ? version : listing->newest;
    } else if (strncmp(name + digits, ".checkpoint", 11) == 0) {
        listing->has_checkpoint = true;
    }
}

enum tide_status tide_delta_snapshot_read(struct tide_delta_snapshot *snapshot,
                                          struct tide_error *error)
{
    char prefix[TIDE_DELTA_KEY_MAX];
    struct listing listing = {.newest = -1};
    int size = snprintf(prefix, sizeof(prefix), "%s/_delta_log/", snapshot->layout->name);
    tide_assert(size > 0 && (size_t)size < sizeof(prefix));
    enum tide_status status =
        snapshot->store.operations->list(snapshot->store.self, prefix, visit_log, &listing, error);
    bool is_there = true;
    while (status == TIDE_OK && is_there) {
        status = tide_delta_snapshot_step(snapshot, &is_there, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    if (snapshot->version < 0 && (listing.newest >= 0 || listing.has_checkpoint)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the beginning of the log of %s was cleaned away, and checkpoints "
                              "are not read yet",
                              snapshot->layout->name);
    }
    if (snapshot->version < listing.newest) {
        return tide_error_set(error,
                              TIDE_FATAL,
                              "the log of %s has no commit %lld, but one %lld",
                              snapshot->layout->name,
                              (long long)snapshot->version + 1,
                              (long long)listing.newest);
    }
    return TIDE_OK;
}
