/* Reading a Delta log that anybody may have written, and writing on. The input is a text of objects
 * of _delta_log: a line "@0" starts commit 0, "@c2" the checkpoint of version 2, "@c2.1.3" part 1
 * of 3, "@h" the hint _last_checkpoint; what follows is its content, in which $SCHEMA stands for
 * the table's schemaString. Checkpoints are lines of actions, as the codec gives them: Parquet
 * itself is DuckDB's.
 *
 * Checked: reading answers, twice the same; what it accepts can be opened, its files visited,
 * committed to, and read again with that commit in it; and from a checkpoint of it, with and
 * without the commits before, come the same files and transactions. */
#include "lake/delta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/io_sim.h"
#include "base/json.h"
#include "base/logline.h"
#include "lake/delta_internal.h"
#include "support/sim_lake.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OBJECTS_MAX = 16,
    SIZE_MAX_INPUT = 1 << 15
};

static struct tide_lake_column columns[] = {
    {{"text", 4}, TIDE_LAKE_STRING},
    {{"number", 6}, TIDE_LAKE_LONG},
};

static const struct tide_layout layout = {
    .table = TIDE_TABLE_EVENTS,
    .name = "events",
    .date_column = "event_date",
    .columns = columns,
    .column_count = sizeof columns / sizeof *columns,
};

struct lake {
    struct tide_io_sim *sim;
    struct tide_io io;
    struct tide_store store;
};

/* ---- the input ---- */

/* false: no name of an object. */
static bool make_key(struct tide_view name, char key[TIDE_DELTA_KEY_MAX])
{
    char text[40];
    long version = 0;
    long part = 0;
    long count = 0;
    char *end = text;
    if (name.size == 0 || name.size >= sizeof text) {
        return false;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (strcmp(text, "h") == 0) {
        tide_delta_hint_key(&layout, key);
        return true;
    }
    const bool is_checkpoint = text[0] == 'c';
    version = strtol(text + is_checkpoint, &end, 10);
    if (is_checkpoint && *end == '.') {
        part = strtol(end + 1, &end, 10);
        count = *end == '.' ? strtol(end + 1, &end, 10) : 0;
    }
    if (*end != '\0' || version < 0 || version > 99 || part < 0 || part > 9 || count < 0 ||
        count > 9) {
        return false;
    }
    if (is_checkpoint) {
        tide_delta_checkpoint_key(&layout, version, (uint32_t)part, (uint32_t)count, key);
    } else {
        tide_delta_log_key(&layout, version, key);
    }
    return true;
}

/* The schema as the content of a JSON string, without quotes. */
static void append_schema(struct tide_bytes *bytes)
{
    struct tide_bytes schema = {0};
    struct tide_bytes string = {0};
    tide_delta_schema_write(&layout, &schema);
    tide_json_write_string(&string, tide_bytes_view(&schema));
    tide_assert(!string.failed && string.size > 2);
    tide_bytes_append(bytes, string.data + 1, string.size - 2);
    tide_bytes_release(&schema);
    tide_bytes_release(&string);
}

static void put_object(const struct lake *lake, const char *key, struct tide_view content)
{
    static const struct tide_view schema = {"$SCHEMA", 7};
    struct tide_bytes bytes = {0};
    while (content.size > 0) {
        const char *at = memmem(content.data, content.size, schema.data, schema.size);
        const size_t plain = at != NULL ? (size_t)(at - content.data) : content.size;
        tide_bytes_append(&bytes, content.data, plain);
        if (at != NULL) {
            append_schema(&bytes);
        }
        const size_t taken = plain + (at != NULL ? schema.size : 0);
        content = tide_view_slice(content, taken, content.size - taken);
    }
    tide_assert(!bytes.failed);
    const enum tide_status status =
        lake->store.operations->put_if_absent(lake->store.self, key, tide_bytes_view(&bytes), NULL);
    tide_assert(status == TIDE_OK || status == TIDE_REJECT);
    tide_bytes_release(&bytes);
}

/* The start of the next object's line, or the end. */
static size_t next_object(struct tide_view text, size_t from)
{
    const char *at = from < text.size ? memmem(text.data + from, text.size - from, "\n@", 2) : NULL;
    return at != NULL ? (size_t)(at - text.data) + 1 : text.size;
}

static void put_objects(const struct lake *lake, struct tide_view text)
{
    uint32_t count = 0;
    size_t at = text.size > 0 && text.data[0] == '@' ? 0 : next_object(text, 0);
    while (at < text.size && count++ < OBJECTS_MAX) {
        const size_t end = next_object(text, at);
        const struct tide_view object = tide_view_slice(text, at + 1, end - at - 1);
        const char *newline = object.size > 0 ? memchr(object.data, '\n', object.size) : NULL;
        const size_t size = newline != NULL ? (size_t)(newline - object.data) : object.size;
        char key[TIDE_DELTA_KEY_MAX];
        if (make_key(tide_view_slice(object, 0, size), key)) {
            const size_t skipped = size + (newline != NULL);
            put_object(lake, key, tide_view_slice(object, skipped, object.size - skipped));
        }
        at = end;
    }
}

/* ---- reading and writing on ---- */

/* What a table holds, without the order of it. */
struct table {
    int64_t version;
    int64_t checkpoint; /* the newest; not compared */
    uint64_t live_count;
    uint64_t live_sum; /* of hashes */
    uint32_t txn_count;
    uint64_t txn_sum;
};

static struct table sum_up(const struct tide_delta_snapshot *snapshot)
{
    struct table table = {.version = snapshot->version,
                          .checkpoint = snapshot->checkpoint,
                          .txn_count = snapshot->txn_count};
    for (uint32_t i = 0; i < snapshot->file_count; i++) {
        const struct tide_delta_live *file = &snapshot->files[i];
        if (file->is_live) {
            table.live_count++;
            table.live_sum += tide_hash64(file->path, file->size);
        }
    }
    for (uint32_t i = 0; i < snapshot->txn_count; i++) {
        table.txn_sum += tide_hash64(snapshot->txns[i].app_id, (uint64_t)snapshot->txns[i].version);
    }
    return table;
}

static bool is_same(struct table a, struct table b)
{
    return a.version == b.version && a.live_count == b.live_count && a.live_sum == b.live_sum &&
           a.txn_count == b.txn_count && a.txn_sum == b.txn_sum;
}

static enum tide_status read_table(struct lake *lake, struct table *table)
{
    struct tide_delta_snapshot snapshot;
    struct tide_error error = {0};
    tide_delta_snapshot_init(
        &snapshot, lake->store, &layout, sim_checkpoint_codec(&lake->io), true);
    const enum tide_status status = tide_delta_snapshot_read(&snapshot, &error);
    tide_assert(status == TIDE_OK || status == TIDE_REJECT || status == TIDE_FATAL);
    tide_assert(status == TIDE_OK || error.text[0] != '\0');
    *table = status == TIDE_OK ? sum_up(&snapshot) : (struct table){0};
    tide_delta_snapshot_release(&snapshot);
    return status;
}

static enum tide_status open_table(struct lake *lake, struct tide_delta **delta)
{
    static struct tide_clock_simulated now = {.now = {INT64_C(1772962800000000)}};
    const struct tide_delta_options options = {
        .store = lake->store,
        .clock = tide_clock_simulated(&now),
        .layout = &layout,
        .table_id = TIDE_VIEW("0123456789abcdef0123456789abcdef"),
        .engine = TIDE_VIEW("tidemark/test"),
        .codec = sim_checkpoint_codec(&lake->io),
        .scratch_directory = "scratch",
        .io = lake->io,
        .checkpoint_commits = 1000, /* only when asked for */
        .keeps_files = true,
    };
    return tide_delta_open(&options, delta, NULL);
}

static enum tide_status visit_entry(void *context, const struct tide_delta_entry *entry)
{
    uint64_t *count = context;
    tide_assert(entry->path.size == 0 || entry->path.data != NULL);
    (*count)++;
    return TIDE_OK;
}

/* One more epoch. false: the table does not take it, and says so. */
static bool commit(struct tide_delta *delta)
{
    const struct tide_view app_id = TIDE_VIEW("p/0");
    const int64_t expected = tide_delta_transaction_version(delta, app_id);
    const struct tide_delta_file file = {
        .path = TIDE_VIEW("event_date=2026-03-08/fuzz.parquet"),
        .date_days = 20520,
        .size = 7,
        .row_count = 1,
        .stats = TIDE_VIEW("{\"numRecords\":1}"),
    };
    const struct tide_delta_transaction transaction = {
        .app_id = app_id,
        .version = expected + 1,
        .expected = expected,
        .files = &file,
        .file_count = 1,
    };
    if (expected < TIDE_DELTA_NEVER || expected >= TIDE_DELTA_VERSION_MAX) {
        return false; /* no epoch of ours */
    }
    const int64_t before = tide_delta_version(delta);
    struct tide_error error = {0};
    const enum tide_status status = tide_delta_commit(delta, &transaction, 1, &error);
    tide_assert(status == TIDE_OK || error.text[0] != '\0');
    if (status != TIDE_OK) {
        return false;
    }
    tide_assert(tide_delta_version(delta) == before + 1);
    tide_assert(tide_delta_transaction_version(delta, app_id) == expected + 1);
    tide_assert(tide_delta_is_live(delta, file.path));
    return true;
}

/* All that a checkpoint stands for. */
static void remove_commits(struct lake *lake, int64_t last)
{
    char key[TIDE_DELTA_KEY_MAX];
    for (int64_t version = 0; version <= last; version++) {
        tide_delta_log_key(&layout, version, key);
        (void)lake->store.operations->remove(lake->store.self, key, NULL);
    }
}

static void write_on(struct lake *lake, const struct table *read)
{
    struct tide_delta *delta = NULL;
    uint64_t count = 0;
    if (open_table(lake, &delta) != TIDE_OK) {
        return; /* the protocol or the schema is not ours */
    }
    const struct tide_delta_visitor visitor = {visit_entry, &count};
    tide_assert(tide_delta_version(delta) == read->version);
    const enum tide_status visited = tide_delta_entries(delta, visitor, NULL);
    tide_assert(visited != TIDE_OK || count == read->live_count);
    if (commit(delta)) {
        struct table before;
        struct table after;
        tide_assert(read_table(lake, &before) == TIDE_OK);
        tide_assert(before.version == read->version + 1 && before.live_count > 0);
        const bool has_one = before.checkpoint == before.version; /* maybe one that is broken */
        if (!has_one && tide_delta_checkpoint(delta, NULL) == TIDE_OK) {
            tide_assert(read_table(lake, &after) == TIDE_OK && is_same(before, after));
            remove_commits(lake, before.version);
            tide_assert(read_table(lake, &after) == TIDE_OK && is_same(before, after));
        }
    }
    tide_delta_close(delta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_INPUT) {
        return 0;
    }
    tide_logline_set_level(TIDE_LOGLINE_ERROR); /* not of each checkpoint that is passed over */
    struct lake lake = {.sim = tide_io_sim_create(1)};
    tide_assert(lake.sim != NULL);
    lake.io = tide_io_sim_io(lake.sim);
    tide_assert(tide_store_local_open(lake.io, "lake", &lake.store, NULL) == TIDE_OK);
    tide_assert(lake.io.operations->make_directory(lake.io.self, "scratch", NULL) == TIDE_OK);
    put_objects(&lake, (struct tide_view){(const char *)data, size});
    struct table first;
    struct table second;
    const enum tide_status status = read_table(&lake, &first);
    tide_assert(read_table(&lake, &second) == status && is_same(first, second));
    if (status == TIDE_OK) {
        write_on(&lake, &first);
    }
    lake.store.operations->close(lake.store.self);
    tide_io_sim_destroy(lake.sim);
    return 0;
}
