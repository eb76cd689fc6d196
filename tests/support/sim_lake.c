#include "support/sim_lake.h"

#include "base/assert.h"
#include "base/json.h"
#include "support/rows_column.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    PATH_SIZE = 1024,
    FILE_BYTES_MAX = 16 << 20,
    COMMITS_MAX = 4096,
};

/* ---- writing */

static void write_journey(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text)
{
    static const char *const numbers[] = {"_partition",
                                          "_epoch",
                                          "revision",
                                          "start_time",
                                          "end_time",
                                          "ordinal",
                                          "reached",
                                          "step_count",
                                          "conversion_us"};
    static const char *const texts[] = {
        "outcome", "metric", "journey_key", "journey_group", "step_times"};
    const struct tide_layout *layout = tide_rows_layout(rows);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const uint32_t column = layout_column(layout, numbers[i]);
        const bool is_null = tide_rows_is_null(rows, column, row);
        tide_bytes_append_format(
            text, "%" PRId64 " ", is_null ? -1 : tide_rows_number(rows, column, row));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tide_bytes_append_byte(text, '\t');
        tide_bytes_append_view(text, tide_rows_text(rows, layout_column(layout, texts[i]), row));
    }
    tide_bytes_append_byte(text, '\n');
}

static void write_row(const struct tide_rows *rows, uint32_t row, struct tide_bytes *text)
{
    const struct tide_layout *layout = tide_rows_layout(rows);
    bool is_events = layout->table == TIDE_TABLE_EVENTS;
    const char *partition = is_events ? "_partition" : "partition";
    const char *offset = is_events ? "_offset" : "offset";
    struct tide_u128 uid = {0};
    struct tide_view reason = TIDE_VIEW("-");
    if (is_events) {
        uid.high = (uint64_t)tide_rows_number(rows, layout_column(layout, "uid_high"), row);
        uid.low = (uint64_t)tide_rows_number(rows, layout_column(layout, "uid_low"), row);
    } else if (layout->table == TIDE_TABLE_RAW) {
        uid = tide_hash128(tide_rows_text(rows, layout_column(layout, "bytes"), row), 0);
    } else {
        reason = tide_rows_text(rows, layout_column(layout, "reason"), row);
    }
    tide_bytes_append_format(text,
                             "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIx64 " %" PRIx64 " %.*s\n",
                             tide_rows_number(rows, layout_column(layout, partition), row),
                             tide_rows_number(rows, layout_column(layout, offset), row),
                             tide_rows_number(rows, layout_column(layout, "_epoch"), row),
                             uid.high,
                             uid.low,
                             TIDE_VIEW_ARGUMENTS(reason));
}

static enum tide_status write_text(struct tide_io io,
                                   const char *path,
                                   struct tide_view text,
                                   struct tide_error *error)
{
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, error);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 0, text.data, text.size, error);
    }
    io.operations->close(io.self, &file);
    /* A library tells a file that is in its way, or a directory that is gone, as a failure. */
    return status == TIDE_REJECT ? TIDE_FATAL : status;
}

static enum tide_status write_rows(void *self,
                                   const struct tide_rows *rows,
                                   const uint32_t *row_indices,
                                   uint32_t row_count,
                                   const char *scratch_path,
                                   uint64_t *size,
                                   struct tide_error *error)
{
    struct tide_io io = *(struct tide_io *)self;
    struct tide_bytes text = {0};
    const bool is_journeys = tide_rows_layout(rows)->table == TIDE_TABLE_JOURNEYS;
    for (uint32_t i = 0; i < row_count; i++) {
        (is_journeys ? write_journey : write_row)(rows, row_indices[i], &text);
    }
    tide_assert(!text.failed);
    const enum tide_status status = write_text(io, scratch_path, tide_bytes_view(&text), error);
    *size = text.size;
    tide_bytes_release(&text);
    return status;
}

static enum tide_status write_actions(void *self,
                                      struct tide_view lines,
                                      const char *scratch_path,
                                      uint64_t *size,
                                      struct tide_error *error)
{
    *size = lines.size;
    return write_text(*(struct tide_io *)self, scratch_path, lines, error);
}

static enum tide_status read_actions(void *self,
                                     const char *path,
                                     bool without_files,
                                     enum tide_status (*visit)(void *context,
                                                               struct tide_view action),
                                     void *context,
                                     struct tide_error *error)
{
    struct tide_bytes text = {0};
    enum tide_status status =
        tide_io_read_file(*(struct tide_io *)self, path, &text, FILE_BYTES_MAX, error);
    const char *at = status == TIDE_OK ? tide_bytes_terminated(&text) : "";
    while (status == TIDE_OK && *at != '\0') {
        const struct tide_view line = {at, strcspn(at, "\n")};
        const bool is_file = tide_view_starts_with(line, TIDE_VIEW("{\"add\"")) ||
                             tide_view_starts_with(line, TIDE_VIEW("{\"remove\""));
        status = is_file && without_files ? TIDE_OK : visit(context, line);
        at += line.size + (at[line.size] == '\n');
    }
    tide_bytes_release(&text);
    return status;
}

static void close_writer(void *self)
{
    (void)self;
}

struct tide_table_writer sim_table_writer(struct tide_io *io)
{
    static const struct tide_table_writer_operations operations = {write_rows, close_writer};
    return (struct tide_table_writer){&operations, io, "rows"};
}

struct tide_checkpoint_codec sim_checkpoint_codec(struct tide_io *io)
{
    static const struct tide_checkpoint_codec_operations operations = {
        write_actions, read_actions, close_writer};
    return (struct tide_checkpoint_codec){&operations, io};
}

/* ---- reading */

struct reading { /* of one table */
    struct sim_lake *lake;
    struct tide_io io;
    const char *directory;
    enum tide_table table;
    const char *name;
    struct tide_arena arena;
    struct {
        struct tide_view app_id;
        int64_t version;
    } apps[SIM_LAKE_APPS_MAX];
    uint32_t app_count;
    struct {
        char path[PATH_SIZE]; /* decoded */
        uint64_t size;
        bool is_live;
    } files[SIM_LAKE_FILES_MAX];
    uint32_t file_count;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reading *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = snprintf(r->lake->wrong, sizeof(r->lake->wrong), "table %s: ", r->name);
    vsnprintf(r->lake->wrong + size, sizeof(r->lake->wrong) - (size_t)size, format, arguments);
    va_end(arguments);
    return false;
}

/* Moves *at behind a number and the space after it. */
static bool read_number(const char **at, int base, uint64_t *number)
{
    char *end = NULL;
    *number = strtoull(*at, &end, base);
    if (end == *at || *end != ' ') {
        return false;
    }
    *at = end + 1;
    return true;
}

/* A line as write_row writes it. */
static bool read_row(const char **at, struct sim_lake_row *row)
{
    uint64_t partition = 0;
    const char *end = strchr(*at, '\n');
    if (end == NULL || !read_number(at, 10, &partition) || !read_number(at, 10, &row->offset) ||
        !read_number(at, 10, &row->epoch) || !read_number(at, 16, &row->uid.high) ||
        !read_number(at, 16, &row->uid.low) || *at >= end) {
        return false;
    }
    struct tide_view reason = {*at, (size_t)(end - *at)};
    row->partition = (uint32_t)partition;
    row->reason = reason.data[0] == '-' ? TIDE_REASON_ACCEPTED : tide_reason_parse(reason);
    *at = end + 1;
    return row->reason != TIDE_REASON_COUNT;
}

static bool read_signed(const char **at, int64_t *number)
{
    char *end = NULL;
    *number = strtoll(*at, &end, 10);
    if (end == *at || *end != ' ') {
        return false;
    }
    *at = end + 1;
    return true;
}

/* Behind a tab, up to the next one or the end of the line. */
static bool read_text(const char **at, char text[SIM_LAKE_TEXT_SIZE])
{
    if (**at != '\t') {
        return false;
    }
    const size_t size = strcspn(*at + 1, "\t\n");
    tide_assert(size < SIM_LAKE_TEXT_SIZE);
    memcpy(text, *at + 1, size);
    text[size] = '\0';
    *at += 1 + size;
    return true;
}

/* A line as write_journey writes it. */
static bool read_journey(struct sim_lake *lake, const char **at)
{
    tide_assert(lake->journey_count < SIM_LAKE_JOURNEYS_MAX);
    struct sim_lake_journey *journey = &lake->journeys[lake->journey_count++];
    uint64_t partition = 0;
    const bool is_good =
        read_number(at, 10, &partition) && read_number(at, 10, &journey->epoch) &&
        read_number(at, 10, &journey->revision) && read_signed(at, &journey->start_us) &&
        read_signed(at, &journey->end_us) && read_number(at, 10, &journey->ordinal) &&
        read_number(at, 10, &journey->reached) && read_number(at, 10, &journey->step_count) &&
        read_signed(at, &journey->conversion_us) && read_text(at, journey->outcome) &&
        read_text(at, journey->metric) && read_text(at, journey->key) &&
        read_text(at, journey->group) && read_text(at, journey->step_times) && **at == '\n';
    journey->partition = (uint32_t)partition;
    *at += is_good;
    return is_good;
}

static bool read_line(struct reading *r, const char **at)
{
    if (r->table == TIDE_TABLE_JOURNEYS) {
        return read_journey(r->lake, at);
    }
    const bool is_raw = r->table == TIDE_TABLE_RAW;
    uint32_t *count = is_raw ? &r->lake->raw_count : &r->lake->row_count;
    tide_assert(*count < SIM_LAKE_ROWS_MAX);
    struct sim_lake_row *row = &(is_raw ? r->lake->raw : r->lake->rows)[(*count)++];
    row->table = r->table;
    return read_row(at, row) &&
           (row->reason == TIDE_REASON_ACCEPTED) == (r->table != TIDE_TABLE_REJECTED);
}

static bool read_rows(struct reading *r, const char *path, uint64_t expected_size)
{
    struct tide_bytes text = {0};
    bool is_good = tide_io_read_file(r->io, path, &text, FILE_BYTES_MAX, NULL) == TIDE_OK;
    if (!is_good) {
        (void)wrong(r, "%s is named but not there", path);
    } else if (text.size != expected_size) {
        is_good = wrong(r, "%s has another size than its action says", path);
    }
    const char *at = is_good ? tide_bytes_terminated(&text) : "";
    while (is_good && *at != '\0') {
        is_good = read_line(r, &at) || wrong(r, "%s is torn", path);
    }
    tide_bytes_release(&text);
    return is_good;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Paths in the log are URI-encoded. */
static void decode_path(struct tide_view path, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < path.size && used + 1 < size; i++) {
        char c = path.data[i];
        if (c == '%' && i + 2 < path.size) {
            c = (char)(hex_digit(path.data[i + 1]) * 16 + hex_digit(path.data[i + 2]));
            i += 2;
        }
        to[used++] = c;
    }
    to[used] = '\0';
}

static bool read_add(struct reading *r, const struct tide_json *add)
{
    struct tide_view path;
    uint64_t size = 0;
    if (!tide_json_get_text(add, "path", &path) || !tide_json_get_u64(add, "size", &size)) {
        return wrong(r, "an add without path and size");
    }
    tide_assert(r->file_count < SIM_LAKE_FILES_MAX);
    decode_path(path, r->files[r->file_count].path, PATH_SIZE);
    r->files[r->file_count].size = size;
    r->files[r->file_count++].is_live = true;
    return true;
}

/* Only what is there may be removed. */
static bool read_remove(struct reading *r, const struct tide_json *remove)
{
    struct tide_view path;
    char decoded[PATH_SIZE];
    if (!tide_json_get_text(remove, "path", &path)) {
        return wrong(r, "a remove without path");
    }
    decode_path(path, decoded, sizeof(decoded));
    for (uint32_t i = r->file_count; i-- > 0;) {
        if (strcmp(r->files[i].path, decoded) == 0) {
            const bool was_live = r->files[i].is_live;
            r->files[i].is_live = false;
            return was_live || wrong(r, "%s was removed twice", decoded);
        }
    }
    return wrong(r, "%s was removed and had not been added", decoded);
}

static bool read_live(struct reading *r)
{
    bool is_good = true;
    for (uint32_t i = 0; is_good && i < r->file_count; i++) {
        char full[2 * PATH_SIZE];
        if (r->files[i].is_live) {
            snprintf(full, sizeof(full), "%s/%s/%s", r->directory, r->name, r->files[i].path);
            is_good = read_rows(r, full, r->files[i].size);
            r->lake->live_counts[r->table]++;
        }
    }
    return is_good;
}

/* A transaction's version only grows, and stands once in a commit. */
static bool read_txn(struct reading *r, const struct tide_json *txn)
{
    struct tide_view app_id;
    int64_t version;
    if (!tide_json_get_text(txn, "appId", &app_id) ||
        !tide_json_get_i64(txn, "version", &version)) {
        return wrong(r, "a txn without appId and version");
    }
    for (uint32_t i = 0; i < r->app_count; i++) {
        if (tide_view_equal(r->apps[i].app_id, app_id)) {
            if (version <= r->apps[i].version) {
                return wrong(r, "epoch %" PRId64 " was committed twice", version);
            }
            r->apps[i].version = version;
            return true;
        }
    }
    tide_assert(r->app_count < SIM_LAKE_APPS_MAX);
    r->apps[r->app_count].app_id = app_id;
    r->apps[r->app_count++].version = version;
    return true;
}

static bool read_commit(struct reading *r, struct tide_view text)
{
    bool is_good = true;
    while (is_good && text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        struct tide_json *action = NULL;
        if (tide_json_parse(&r->arena, tide_view_slice(text, 0, size), &action, NULL) != TIDE_OK) {
            return wrong(r, "a commit holds a line that is not JSON");
        }
        const struct tide_json *add = tide_json_get(action, "add");
        const struct tide_json *txn = tide_json_get(action, "txn");
        const struct tide_json *remove = tide_json_get(action, "remove");
        if (add != NULL) {
            is_good = read_add(r, add);
        } else if (txn != NULL) {
            is_good = read_txn(r, txn);
        } else if (remove != NULL) {
            is_good = read_remove(r, remove);
        }
        size_t used = end == NULL ? size : size + 1;
        text = tide_view_slice(text, used, text.size - used);
    }
    return is_good;
}

static bool read_table(struct reading *r)
{
    for (uint32_t version = 0; version < COMMITS_MAX; version++) {
        char path[PATH_SIZE];
        struct tide_bytes text = {0};
        snprintf(path, sizeof(path), "%s/%s/_delta_log/%020u.json", r->directory, r->name, version);
        enum tide_status status = tide_io_read_file(r->io, path, &text, FILE_BYTES_MAX, NULL);
        if (status != TIDE_OK) {
            tide_bytes_release(&text);
            r->lake->commit_counts[r->table] = version;
            return status == TIDE_REJECT ? read_live(r)
                                         : wrong(r, "version %u cannot be read", version);
        }
        struct tide_view kept = tide_arena_copy(&r->arena, tide_bytes_view(&text));
        tide_bytes_release(&text);
        tide_assert(kept.data != NULL);
        if (!read_commit(r, kept)) {
            return false;
        }
    }
    return wrong(r, "more than %d commits", COMMITS_MAX);
}

/* A revision is the epoch plus one. Stable: an insertion sort of what is nearly in order. */
static void order_journeys(struct sim_lake *lake)
{
    for (uint32_t i = 1; i < lake->journey_count; i++) {
        const struct sim_lake_journey moved = lake->journeys[i];
        uint32_t at = i;
        while (at > 0 && lake->journeys[at - 1].revision > moved.revision) {
            lake->journeys[at] = lake->journeys[at - 1];
            at--;
        }
        lake->journeys[at] = moved;
    }
}

bool sim_lake_read(struct sim_lake *lake, struct tide_io io, const char *directory)
{
    static const char *const names[TIDE_TABLE_COUNT] = {
        [TIDE_TABLE_EVENTS] = "events",
        [TIDE_TABLE_REJECTED] = "rejected",
        [TIDE_TABLE_JOURNEYS] = "journeys",
        [TIDE_TABLE_RAW] = "raw",
    };
    bool is_good = true;
    lake->row_count = 0;
    lake->raw_count = 0;
    lake->journey_count = 0;
    lake->wrong[0] = '\0';
    for (int t = 0; is_good && t < TIDE_TABLE_COUNT; t++) {
        /* Nine megabytes, and read after each crash of a sweep: only the counts begin anew. What
         * they count is written whole before it is read. */
        static struct reading reading;
        reading.lake = lake;
        reading.io = io;
        reading.directory = directory;
        reading.table = (enum tide_table)t;
        reading.name = names[t];
        reading.app_count = 0;
        reading.file_count = 0;
        lake->live_counts[t] = 0;
        is_good = read_table(&reading);
        tide_arena_release(&reading.arena);
    }
    order_journeys(lake);
    return is_good;
}
