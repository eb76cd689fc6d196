/* A step: read the table and what left it before -> the oldest days -> count what is in their files
 * -> record (create if absent) -> commit that removes the files and names the record.
 *
 * A crash before the commit leaves a record that nobody names; the next attempt writes the same
 * one, or, if it finds other files, the next number. Two at once base their totals on one txn,
 * which only one of them finds when it commits. */
#include "lake/expiry.h"

#include "base/assert.h"
#include "base/json.h"
#include "lake/archive.h"
#include "lake/object_paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FORMAT = 1,
    FILES_MAX_DEFAULT = 1000,
    PARTITIONS_MAX = 1 << 16,
    KEY_BYTES_MAX = 128,
    RECORD_BYTES_MAX = 64 << 20,
    ARENA_BYTES_MAX = 512 << 20,
    RECORDS_TRIED_MAX = 1000, /* of attempts that were never committed */
    HASH_SIZE = 32
};
static const char app_id[] = "tidemark/expired";

/* ---- the record */

static void key_of(const struct tide_layout *layout, int64_t number, char key[KEY_BYTES_MAX])
{
    const int size = snprintf(
        key, KEY_BYTES_MAX, "_tidemark/expired/%s/%020" PRId64 ".json", layout->name, number);
    tide_assert(size > 0 && size < KEY_BYTES_MAX);
}

static void write_tally(const struct tide_tally *tally, struct tide_bytes *text)
{
    tide_bytes_append_text(text, text->data[text->size - 1] == '[' ? "{" : ",{");
    tide_json_write_u64_member(text, "partition", tally->partition);
    tide_json_write_u64_member(text, "rows", tally->rows);
    tide_json_write_i64_member(text, "uids_high", (int64_t)tally->uids.high);
    tide_json_write_i64_member(text, "uids_low", (int64_t)tally->uids.low);
    tide_json_write_key(text, "rejected");
    tide_bytes_append_byte(text, '{');
    for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
        if (tally->rejected[reason] > 0) {
            tide_json_write_u64_member(
                text, tide_reason_name((enum tide_reason)reason), tally->rejected[reason]);
        }
    }
    tide_bytes_append_text(text, "}}");
}

static void write_hash(struct tide_view line, struct tide_bytes *text)
{
    const struct tide_u128 hash = tide_hash128(line, 0);
    tide_bytes_append_format(text, "\n%016" PRIx64 "%016" PRIx64 "\n", hash.high, hash.low);
}

static void write_record(const struct tide_layout *layout,
                         const struct tide_expired *expired,
                         struct tide_bytes *text)
{
    tide_bytes_append_byte(text, '{');
    tide_json_write_u64_member(text, "format", FORMAT);
    tide_json_write_text_member(text, "table", tide_view_of(layout->name));
    tide_json_write_i64_member(text, "before", expired->before_days);
    tide_json_write_key(text, "partitions");
    tide_bytes_append_byte(text, '[');
    for (uint32_t i = 0; i < expired->partition_count; i++) {
        write_tally(&expired->partitions[i], text);
    }
    tide_bytes_append_text(text, "]}");
    write_hash(tide_bytes_view(text), text);
}

static bool read_tally(const struct tide_json *json, struct tide_tally *tally)
{
    uint64_t partition = 0;
    int64_t high = 0;
    int64_t low = 0;
    const struct tide_json *rejected = tide_json_get(json, "rejected");
    *tally = (struct tide_tally){0};
    if (!tide_json_get_u64(json, "partition", &partition) || partition > UINT32_MAX ||
        !tide_json_get_u64(json, "rows", &tally->rows) ||
        !tide_json_get_i64(json, "uids_high", &high) ||
        !tide_json_get_i64(json, "uids_low", &low) || rejected == NULL) {
        return false;
    }
    tally->partition = (uint32_t)partition;
    tally->uids = (struct tide_u128){(uint64_t)high, (uint64_t)low};
    for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
        (void)tide_json_get_u64(
            rejected, tide_reason_name((enum tide_reason)reason), &tally->rejected[reason]);
    }
    return true;
}

/* The first line, if the second is its hash. */
static bool check_lines(struct tide_view text, struct tide_view *line)
{
    struct tide_bytes expected = {0};
    const size_t tail = HASH_SIZE + 2;
    if (text.size <= tail) {
        return false;
    }
    *line = tide_view_slice(text, 0, text.size - tail);
    write_hash(*line, &expected);
    const bool is_whole =
        tide_view_equal(tide_bytes_view(&expected), tide_view_slice(text, line->size, tail));
    tide_bytes_release(&expected);
    return is_whole;
}

static bool read_record(struct tide_view text,
                        const struct tide_layout *layout,
                        struct tide_arena *arena,
                        struct tide_expired *expired)
{
    struct tide_json *json = NULL;
    struct tide_view line = {0};
    struct tide_view table = {0};
    uint64_t format = 0;
    int64_t before = 0;
    if (!check_lines(text, &line) ||
        tide_json_parse(arena, tide_arena_copy(arena, line), &json, NULL) != TIDE_OK) {
        return false;
    }
    const struct tide_json *partitions = tide_json_get(json, "partitions");
    if (!tide_json_get_u64(json, "format", &format) || format != FORMAT ||
        !tide_json_get_text(json, "table", &table) ||
        !tide_view_equal(table, tide_view_of(layout->name)) ||
        !tide_json_get_i64(json, "before", &before) || partitions == NULL ||
        partitions->kind != TIDE_JSON_ARRAY || partitions->count > PARTITIONS_MAX) {
        return false;
    }
    struct tide_tally *tallies = TIDE_ARENA_ARRAY(arena, struct tide_tally, partitions->count + 1U);
    bool is_good = tallies != NULL;
    uint32_t count = 0;
    for (const struct tide_json *item = partitions->first; is_good && item != NULL;
         item = item->next) {
        is_good = read_tally(item, &tallies[count++]);
    }
    *expired = (struct tide_expired){(int32_t)before, tallies, count};
    return is_good;
}

enum tide_status tide_expired_read(struct tide_store store,
                                   const struct tide_layout *layout,
                                   const struct tide_delta *delta,
                                   struct tide_arena *arena,
                                   struct tide_expired *expired,
                                   struct tide_error *error)
{
    char key[KEY_BYTES_MAX];
    struct tide_bytes text = {0};
    const int64_t number = tide_delta_transaction_version(delta, tide_view_of(app_id));
    *expired = (struct tide_expired){.before_days = TIDE_DATE_UNKNOWN};
    if (number == TIDE_DELTA_NEVER) {
        return TIDE_OK;
    }
    key_of(layout, number, key);
    enum tide_status status =
        store.operations->get(store.self, key, &text, RECORD_BYTES_MAX, error);
    if (status == TIDE_REJECT) {
        status = tide_error_set(
            error, TIDE_FATAL, "table %s names %s, which is not there", layout->name, key);
    }
    if (status == TIDE_OK && !read_record(tide_bytes_view(&text), layout, arena, expired)) {
        status = tide_error_set(error, TIDE_FATAL, "%s is damaged", key);
    }
    tide_bytes_release(&text);
    return status;
}

struct tide_tally tide_expired_of(const struct tide_expired *expired, uint32_t partition)
{
    for (uint32_t i = 0; i < expired->partition_count; i++) {
        if (expired->partitions[i].partition == partition) {
            return expired->partitions[i];
        }
    }
    return (struct tide_tally){.partition = partition};
}

/* ---- a step */

struct totals { /* by partition */
    struct tide_tally *items;
    uint32_t count;
    uint64_t rows;
    bool is_out_of_memory;
};

struct expiry {
    const struct tide_expiry_options *options;
    struct tide_delta *delta;
    struct tide_arena arena;
    struct tide_delta_file *files;
    uint32_t count;
    uint32_t capacity;
    struct tide_expired before; /* this step */
    struct totals now;          /* of this step */
    struct totals after;
};

static enum tide_status no_memory(struct tide_error *error)
{
    return tide_error_set(error, TIDE_RETRY, "no memory to expire days");
}

static enum tide_status see_file(void *context, const struct tide_delta_entry *entry)
{
    struct expiry *expiry = context;
    if (entry->date_days == TIDE_DATE_UNKNOWN || entry->date_days >= expiry->options->before_days) {
        return TIDE_OK;
    }
    if (expiry->count == expiry->capacity) {
        const uint32_t capacity = expiry->capacity == 0 ? 256 : expiry->capacity * 2;
        struct tide_delta_file *files = reallocarray(expiry->files, capacity, sizeof(*files));
        if (files == NULL) {
            return TIDE_RETRY;
        }
        expiry->files = files;
        expiry->capacity = capacity;
    }
    const struct tide_view path = tide_arena_copy(&expiry->arena, entry->path);
    const struct tide_view stats = entry->stats.size == 0
                                       ? (struct tide_view){"", 0}
                                       : tide_arena_copy(&expiry->arena, entry->stats);
    expiry->files[expiry->count++] =
        (struct tide_delta_file){path, entry->date_days, entry->size, entry->row_count, stats};
    return path.data == NULL || stats.data == NULL ? TIDE_RETRY : TIDE_OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct tide_delta_file *left = a;
    const struct tide_delta_file *right = b;
    if (left->date_days != right->date_days) {
        return left->date_days < right->date_days ? -1 : 1;
    }
    return tide_view_compare(left->path, right->path);
}

/* The oldest days, as many as the step takes, each whole. */
static enum tide_status choose(struct expiry *expiry, struct tide_error *error)
{
    const uint32_t most =
        expiry->options->files_max == 0 ? FILES_MAX_DEFAULT : expiry->options->files_max;
    const struct tide_delta_visitor visitor = {see_file, expiry};
    enum tide_status status = tide_delta_entries(expiry->delta, visitor, error);
    if (status != TIDE_OK) {
        return status == TIDE_RETRY ? no_memory(error) : status;
    }
    if (expiry->count > 0) {
        qsort(expiry->files, expiry->count, sizeof(expiry->files[0]), compare_files);
    }
    uint32_t end = 0;
    while (end < expiry->count &&
           (end < most || expiry->files[end].date_days == expiry->files[end - 1].date_days)) {
        end++;
    }
    expiry->count = end;
    return TIDE_OK;
}

static void add_tally(void *context, const struct tide_tally *tally)
{
    struct totals *totals = context;
    uint32_t at = 0;
    while (at < totals->count && totals->items[at].partition < tally->partition) {
        at++;
    }
    if (at == totals->count || totals->items[at].partition != tally->partition) {
        if (totals->count == PARTITIONS_MAX) {
            totals->is_out_of_memory = true;
            return;
        }
        memmove(&totals->items[at + 1],
                &totals->items[at],
                (totals->count - at) * sizeof(totals->items[0]));
        totals->items[at] = (struct tide_tally){.partition = tally->partition};
        totals->count++;
    }
    struct tide_tally *total = &totals->items[at];
    total->rows += tally->rows;
    total->uids.high += tally->uids.high;
    total->uids.low += tally->uids.low;
    for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
        total->rejected[reason] += tally->rejected[reason];
    }
    totals->rows += tally->rows;
}

/* Of this step's files. */
static enum tide_status tally_files(struct expiry *expiry, struct tide_error *error)
{
    const struct tide_delta_options *table = &expiry->options->table;
    struct tide_object_paths objects = {0};
    enum tide_status status =
        tide_object_paths_reserve(&objects, &expiry->arena, expiry->count, error);
    for (uint32_t i = 0; status == TIDE_OK && i < expiry->count; i++) {
        status = tide_object_paths_add(&objects,
                                       &expiry->arena,
                                       table->store,
                                       table->layout->name,
                                       expiry->files[i].path,
                                       error);
    }
    if (status == TIDE_OK) {
        const struct tide_merge merge = {
            .layout = table->layout, .paths = objects.paths, .path_count = objects.count};
        status = expiry->options->rewriter.operations->tally(
            expiry->options->rewriter.self, &merge, add_tally, &expiry->now, error);
    }
    tide_object_paths_unpin(&objects, table->store);
    return status;
}

/* What leaves now, and with what left before. */
static enum tide_status count_rows(struct expiry *expiry, struct tide_error *error)
{
    expiry->now.items = calloc(PARTITIONS_MAX, sizeof(*expiry->now.items));
    expiry->after.items = calloc(PARTITIONS_MAX, sizeof(*expiry->after.items));
    if (expiry->now.items == NULL || expiry->after.items == NULL) {
        return no_memory(error);
    }
    const enum tide_status status = tally_files(expiry, error);
    for (uint32_t i = 0; i < expiry->before.partition_count; i++) {
        add_tally(&expiry->after, &expiry->before.partitions[i]);
    }
    for (uint32_t i = 0; i < expiry->now.count; i++) {
        add_tally(&expiry->after, &expiry->now.items[i]);
    }
    const bool is_whole = !expiry->now.is_out_of_memory && !expiry->after.is_out_of_memory;
    return status == TIDE_OK && !is_whole ? no_memory(error) : status;
}

static enum tide_status copy_files(const struct expiry *expiry, struct tide_error *error)
{
    const struct tide_archive archive = {.source = &expiry->options->table,
                                         .target = expiry->options->archive,
                                         .rewriter = expiry->options->rewriter,
                                         .files = expiry->files,
                                         .file_count = expiry->count,
                                         .tallies = expiry->now.items,
                                         .tally_count = expiry->now.count};
    return expiry->options->archive == NULL ? TIDE_OK : tide_archive_copy(&archive, error);
}

/* The first number beyond the table's that is free, or has this very record. */
static enum tide_status put_record(const struct expiry *expiry,
                                   struct tide_view text,
                                   int64_t *number,
                                   struct tide_error *error)
{
    const struct tide_delta_options *table = &expiry->options->table;
    const struct tide_store store = table->store;
    char key[KEY_BYTES_MAX];
    for (int tried = 0; tried < RECORDS_TRIED_MAX; tried++, (*number)++) {
        struct tide_bytes found = {0};
        key_of(table->layout, *number, key);
        enum tide_status status = store.operations->put_if_absent(store.self, key, text, error);
        if (status != TIDE_REJECT) {
            return status;
        }
        status = store.operations->get(store.self, key, &found, RECORD_BYTES_MAX, error);
        const bool is_ours = status == TIDE_OK && tide_view_equal(tide_bytes_view(&found), text);
        tide_bytes_release(&found);
        if (status != TIDE_OK || is_ours) {
            return status == TIDE_REJECT ? TIDE_RETRY : status;
        }
    }
    return tide_error_set(error,
                          TIDE_FATAL,
                          "%d attempts to expire days of %s were never committed",
                          RECORDS_TRIED_MAX,
                          table->layout->name);
}

static enum tide_status exchange(struct expiry *expiry,
                                 int64_t expected,
                                 int64_t number,
                                 struct tide_expiry_step *step,
                                 struct tide_error *error)
{
    bool is_done = false;
    struct tide_view *removes = TIDE_ARENA_ARRAY(&expiry->arena, struct tide_view, expiry->count);
    if (removes == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < expiry->count; i++) {
        removes[i] = expiry->files[i].path;
    }
    const struct tide_delta_change change = {.operation = "DELETE",
                                             .is_data_change = true,
                                             .removes = removes,
                                             .remove_count = expiry->count,
                                             .app_id = tide_view_of(app_id),
                                             .expected = expected,
                                             .version = number};
    const enum tide_status status = tide_delta_change(expiry->delta, &change, &is_done, error);
    step->is_lost = status == TIDE_OK && !is_done;
    return status;
}

static enum tide_status remove_days(struct expiry *expiry,
                                    struct tide_expiry_step *step,
                                    struct tide_error *error)
{
    const struct tide_delta_options *table = &expiry->options->table;
    struct tide_bytes text = {0};
    enum tide_status status = tide_expired_read(
        table->store, table->layout, expiry->delta, &expiry->arena, &expiry->before, error);
    if (status == TIDE_OK) {
        status = count_rows(expiry, error);
    }
    if (status == TIDE_OK) {
        status = copy_files(expiry, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    step->first_days = expiry->files[0].date_days;
    step->end_days = expiry->files[expiry->count - 1].date_days + 1;
    step->files = expiry->count;
    step->rows = expiry->now.rows;
    for (uint32_t i = 0; i < expiry->count; i++) {
        step->bytes += expiry->files[i].size;
    }
    const int32_t before = expiry->before.before_days;
    const struct tide_expired after = {
        before == TIDE_DATE_UNKNOWN || before < step->end_days ? step->end_days : before,
        expiry->after.items,
        expiry->after.count};
    const int64_t expected = tide_delta_transaction_version(expiry->delta, tide_view_of(app_id));
    int64_t number = expected == TIDE_DELTA_NEVER ? 0 : expected + 1;
    tide_bytes_init(&text, RECORD_BYTES_MAX);
    write_record(table->layout, &after, &text);
    status =
        text.failed ? no_memory(error) : put_record(expiry, tide_bytes_view(&text), &number, error);
    tide_bytes_release(&text);
    return status == TIDE_OK ? exchange(expiry, expected, number, step, error) : status;
}

enum tide_status tide_expire(const struct tide_expiry_options *options,
                             struct tide_expiry_step *step,
                             struct tide_error *error)
{
    struct expiry expiry = {.options = options};
    struct tide_delta_options table = options->table;
    *step = (struct tide_expiry_step){0};
    tide_arena_init(&expiry.arena, ARENA_BYTES_MAX);
    table.keeps_files = true;
    enum tide_status status = tide_delta_open(&table, &expiry.delta, error);
    if (status == TIDE_OK) {
        status = choose(&expiry, error);
        step->is_idle = status == TIDE_OK && expiry.count == 0;
    }
    if (status == TIDE_OK && !step->is_idle) {
        status = remove_days(&expiry, step, error);
    }
    if (status != TIDE_OK) {
        tide_error_prefix(error, "expiry of %s", options->table.layout->name);
    }
    tide_delta_close(expiry.delta);
    free(expiry.files);
    free(expiry.now.items);
    free(expiry.after.items);
    tide_arena_release(&expiry.arena);
    return status;
}
