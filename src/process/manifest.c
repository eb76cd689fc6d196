#include "process/manifest.h"

#include "base/assert.h"
#include "process/identity.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    FORMAT = 1,     /* of a pipeline that never kept raw records */
    FORMAT_RAW = 2, /* the same with the table raw, which an older version would forget */
    MANIFEST_BYTES_MAX = 16 << 20,
    KEY_BYTES_MAX = 128
};

static const char *const table_names[TIDE_TABLE_COUNT] = {
    [TIDE_TABLE_EVENTS] = "events",
    [TIDE_TABLE_REJECTED] = "rejected",
    [TIDE_TABLE_JOURNEYS] = "journeys",
    [TIDE_TABLE_RAW] = "raw",
};

static void write_id(struct tide_bytes *text, const char *key, struct tide_u128 id)
{
    char digits[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(id, digits);
    tide_json_write_text_member(text, key, tide_view_of(digits));
}

/* Unknown instants are left out. */
static void write_instant(struct tide_bytes *text, const char *key, struct tide_instant t)
{
    if (tide_instant_known(t)) {
        tide_json_write_i64_member(text, key, t.us);
    }
}

static void write_file(struct tide_bytes *text, const struct tide_delta_file *file)
{
    if (text->data[text->size - 1] != '[') {
        tide_bytes_append_byte(text, ',');
    }
    tide_bytes_append_byte(text, '{');
    tide_json_write_text_member(text, "path", file->path);
    if (file->date_days != TIDE_DATE_UNKNOWN) {
        tide_json_write_i64_member(text, "date", file->date_days);
    }
    tide_json_write_u64_member(text, "size", file->size);
    tide_json_write_u64_member(text, "rows", file->row_count);
    tide_json_write_text_member(text, "stats", file->stats);
    tide_bytes_append_byte(text, '}');
}

static void write_table(struct tide_bytes *text,
                        const char *name,
                        const struct tide_manifest_table *table)
{
    tide_json_write_key(text, name);
    tide_bytes_append_byte(text, '{');
    tide_json_write_i64_member(text, "expected", table->expected);
    tide_json_write_key(text, "files");
    tide_bytes_append_byte(text, '[');
    for (uint32_t i = 0; i < table->file_count; i++) {
        write_file(text, &table->files[i]);
    }
    tide_bytes_append_text(text, "]}");
}

static bool knows_raw(const struct tide_manifest *manifest)
{
    const struct tide_manifest_table *raw = &manifest->tables[TIDE_TABLE_RAW];
    return raw->file_count > 0 || raw->expected != TIDE_DELTA_NEVER;
}

void tide_manifest_write(const struct tide_manifest *manifest,
                         struct tide_bytes *text,
                         struct tide_u128 *hash)
{
    size_t start = text->size;
    tide_bytes_append_byte(text, '{');
    tide_json_write_u64_member(text, "format", knows_raw(manifest) ? FORMAT_RAW : FORMAT);
    write_id(text, "pipeline", manifest->pipeline);
    write_id(text, "configuration", manifest->configuration);
    write_id(text, "writer", manifest->writer);
    write_id(text, "previous", manifest->previous);
    tide_json_write_u64_member(text, "partition", manifest->partition);
    tide_json_write_u64_member(text, "epoch", manifest->epoch);
    tide_json_write_u64_member(text, "next_offset", manifest->next_offset);
    write_instant(text, "watermark", manifest->watermark);
    write_instant(text, "closing", manifest->closing);
    if (manifest->note.size > 0) {
        tide_json_write_text_member(text, "note", manifest->note);
    }
    tide_json_write_key(text, "ledger");
    tide_ledger_write_json(&manifest->ledger, text);
    tide_json_write_key(text, "tables");
    tide_bytes_append_byte(text, '{');
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        if (i != TIDE_TABLE_RAW || knows_raw(manifest)) {
            write_table(text, table_names[i], &manifest->tables[i]);
        }
    }
    tide_bytes_append_text(text, "}}");
    tide_assert(!text->failed);
    *hash = tide_hash128((struct tide_view){text->data + start, text->size - start}, 0);
    char digits[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(*hash, digits);
    tide_bytes_append_format(text, "\n%s\n", digits);
}

static bool read_id(const struct tide_json *json, const char *key, struct tide_u128 *id)
{
    struct tide_view text;
    return tide_json_get_text(json, key, &text) && tide_identity_parse(text, id);
}

static struct tide_instant read_instant(const struct tide_json *json, const char *key)
{
    struct tide_instant t;
    return tide_json_get_i64(json, key, &t.us) ? t : TIDE_INSTANT_UNKNOWN;
}

static bool read_file(const struct tide_json *json, struct tide_delta_file *file)
{
    int64_t date;
    file->date_days = TIDE_DATE_UNKNOWN;
    if (tide_json_get_i64(json, "date", &date)) {
        file->date_days = (int32_t)date;
    }
    return tide_json_get_text(json, "path", &file->path) &&
           tide_json_get_u64(json, "size", &file->size) &&
           tide_json_get_u64(json, "rows", &file->row_count) &&
           tide_json_get_text(json, "stats", &file->stats);
}

static bool read_table(struct tide_arena *arena,
                       const struct tide_json *json,
                       struct tide_manifest_table *table)
{
    const struct tide_json *files = tide_json_get(json, "files");
    if (files == NULL || files->kind != TIDE_JSON_ARRAY ||
        !tide_json_get_i64(json, "expected", &table->expected)) {
        return false;
    }
    table->file_count = files->count;
    if (files->count == 0) {
        return true;
    }
    table->files = TIDE_ARENA_ARRAY(arena, struct tide_delta_file, files->count);
    if (table->files == NULL) {
        return false;
    }
    uint32_t i = 0;
    for (const struct tide_json *item = files->first; item != NULL; item = item->next) {
        if (!read_file(item, &table->files[i++])) {
            return false;
        }
    }
    return true;
}

static bool read_members(struct tide_arena *arena,
                         const struct tide_json *json,
                         struct tide_manifest *manifest)
{
    uint64_t format = 0;
    uint64_t partition = 0;
    if (!tide_json_get_u64(json, "format", &format) || (format != FORMAT && format != FORMAT_RAW) ||
        !read_id(json, "pipeline", &manifest->pipeline) ||
        !read_id(json, "configuration", &manifest->configuration) ||
        !read_id(json, "writer", &manifest->writer) ||
        !read_id(json, "previous", &manifest->previous) ||
        !tide_json_get_u64(json, "partition", &partition) || partition > UINT32_MAX ||
        !tide_json_get_u64(json, "epoch", &manifest->epoch) ||
        !tide_json_get_u64(json, "next_offset", &manifest->next_offset) ||
        !tide_ledger_read_json(tide_json_get(json, "ledger"), &manifest->ledger)) {
        return false;
    }
    manifest->partition = (uint32_t)partition;
    manifest->watermark = read_instant(json, "watermark");
    manifest->closing = read_instant(json, "closing");
    (void)tide_json_get_text(json, "note", &manifest->note);
    const struct tide_json *tables = tide_json_get(json, "tables");
    for (int i = 0; i < TIDE_TABLE_COUNT; i++) {
        if (i == TIDE_TABLE_RAW && format == FORMAT) {
            manifest->tables[i].expected = TIDE_DELTA_NEVER;
        } else if (!read_table(
                       arena, tide_json_get(tables, table_names[i]), &manifest->tables[i])) {
            return false;
        }
    }
    return true;
}

enum tide_status tide_manifest_read(struct tide_arena *arena,
                                    struct tide_view text,
                                    struct tide_manifest *manifest,
                                    struct tide_u128 *hash,
                                    struct tide_error *error)
{
    enum {
        TAIL = 34
    }; /* '\n', 32 digits, '\n' */
    struct tide_u128 stored;
    struct tide_json *json = NULL;
    *manifest = (struct tide_manifest){0};
    if (text.size <= TAIL || text.data[text.size - TAIL] != '\n' ||
        text.data[text.size - 1] != '\n' ||
        !tide_identity_parse(tide_view_slice(text, text.size - TAIL + 1, 32), &stored)) {
        return tide_error_set(error, TIDE_FATAL, "the manifest has no checksum line");
    }
    /* The arena keeps what the views of the result point into. */
    struct tide_view body = tide_arena_copy(arena, tide_view_slice(text, 0, text.size - TAIL));
    if (body.data == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a manifest");
    }
    *hash = tide_hash128(body, 0);
    if (!tide_u128_equal(*hash, stored)) {
        return tide_error_set(error, TIDE_FATAL, "the manifest's checksum does not match");
    }
    enum tide_status status = tide_json_parse(arena, body, &json, error);
    if (status == TIDE_RETRY) {
        return status;
    }
    if (status != TIDE_OK || !read_members(arena, json, manifest)) {
        return tide_error_set(
            error, TIDE_FATAL, "the manifest is not of a format that this version knows");
    }
    return TIDE_OK;
}

static void key_of(uint32_t partition, uint64_t epoch, char key[KEY_BYTES_MAX])
{
    snprintf(key,
             KEY_BYTES_MAX,
             "_tidemark/manifests/%" PRIu32 "/%020" PRIu64 ".json",
             partition,
             epoch);
}

enum tide_status tide_manifest_publish(struct tide_store store,
                                       const struct tide_manifest *manifest,
                                       struct tide_u128 *hash,
                                       struct tide_error *error)
{
    tide_assert(tide_ledger_holds(&manifest->ledger));
    tide_assert(manifest->ledger.verdicts == manifest->next_offset);
    char key[KEY_BYTES_MAX];
    struct tide_bytes text = {0};
    struct tide_bytes found = {0};
    key_of(manifest->partition, manifest->epoch, key);
    tide_manifest_write(manifest, &text, hash);
    enum tide_status status =
        store.operations->put_if_absent(store.self, key, tide_bytes_view(&text), error);
    if (status == TIDE_REJECT) {
        status = store.operations->get(store.self, key, &found, MANIFEST_BYTES_MAX, error);
        if (status == TIDE_OK &&
            !tide_view_equal(tide_bytes_view(&text), tide_bytes_view(&found))) {
            status = tide_error_set(error,
                                    TIDE_REJECT,
                                    "epoch %" PRIu64 " of partition %u was published by another "
                                    "process: this one does not own it any more",
                                    manifest->epoch,
                                    manifest->partition);
        }
    }
    tide_bytes_release(&text);
    tide_bytes_release(&found);
    return status;
}

static enum tide_status fetch(struct tide_store store,
                              uint32_t partition,
                              uint64_t epoch,
                              struct tide_bytes *text,
                              struct tide_error *error)
{
    char key[KEY_BYTES_MAX];
    key_of(partition, epoch, key);
    tide_bytes_reset(text);
    return store.operations->get(store.self, key, text, MANIFEST_BYTES_MAX, error);
}

enum tide_status tide_manifest_get(struct tide_store store,
                                   struct tide_manifest_place place,
                                   struct tide_arena *arena,
                                   struct tide_manifest *manifest,
                                   struct tide_u128 *hash,
                                   struct tide_error *error)
{
    struct tide_bytes text = {0};
    enum tide_status status = fetch(store, place.partition, place.epoch, &text, error);
    if (status == TIDE_OK) {
        status = tide_manifest_read(arena, tide_bytes_view(&text), manifest, hash, error);
        if (status != TIDE_OK) {
            tide_error_prefix(
                error, "epoch %" PRIu64 " of partition %u", place.epoch, place.partition);
        }
    }
    tide_bytes_release(&text);
    return status;
}

/* Epochs have no gap, so the first missing one is found by doubling and then halving. */
static enum tide_status first_missing(struct tide_store store,
                                      uint32_t partition,
                                      struct tide_bytes *text,
                                      uint64_t *epoch,
                                      struct tide_error *error)
{
    uint64_t there = 0; /* all below are there */
    uint64_t missing = 1;
    enum tide_status status = fetch(store, partition, 0, text, error);
    if (status == TIDE_REJECT) {
        *epoch = 0;
        return TIDE_OK;
    }
    while (status == TIDE_OK) {
        there = missing;
        missing = missing * 2;
        status = fetch(store, partition, missing - 1, text, error);
    }
    while (status == TIDE_REJECT && missing - there > 1) {
        uint64_t middle = there + (missing - there) / 2;
        status = fetch(store, partition, middle - 1, text, error);
        if (status == TIDE_OK) {
            there = middle;
            status = TIDE_REJECT;
        } else if (status == TIDE_REJECT) {
            missing = middle;
        }
    }
    *epoch = there;
    return status == TIDE_REJECT ? TIDE_OK : status;
}

enum tide_status tide_manifest_newest(struct tide_store store,
                                      uint32_t partition,
                                      struct tide_arena *arena,
                                      struct tide_manifest *manifest,
                                      struct tide_u128 *hash,
                                      struct tide_error *error)
{
    struct tide_bytes text = {0};
    uint64_t missing = 0;
    enum tide_status status = first_missing(store, partition, &text, &missing, error);
    tide_bytes_release(&text);
    if (status != TIDE_OK) {
        return status;
    }
    const struct tide_manifest_place place = {partition, missing - 1};
    return missing == 0 ? TIDE_REJECT
                        : tide_manifest_get(store, place, arena, manifest, hash, error);
}
