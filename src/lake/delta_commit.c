/* The text of a commit: commitInfo, (protocol, metaData,) a txn of each partition, an add of each
 * file. One action a line.
 *
 * The bytes depend on the transactions alone, so that an attempt whose answer was lost can be made
 * again and two processes that redo the same epoch write the same. Readers want times; they get the
 * newest received_time of the rows, taken from the files' statistics (0 where none is known). */
#include "lake/delta_internal.h"

#include "base/assert.h"
#include "base/civil.h"

enum {
    SCRATCH_BYTES_MAX = 64 << 20
};

/* RFC 3986: everything but unreserved characters, '/' and '=' (which Hive's folders have). */
void tide_delta_path_write(struct tide_view path, struct tide_bytes *bytes)
{
    for (size_t i = 0; i < path.size; i++) {
        char c = path.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
                        c == '/' || c == '=';
        if (is_plain) {
            tide_bytes_append_byte(bytes, c);
        } else {
            tide_bytes_append_format(bytes, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

/* Milliseconds; 0: the statistics do not say. Journeys have no received time, but an end; metrics
 * the time of their computation. */
int64_t tide_delta_stats_time(struct tide_view stats, struct tide_arena *scratch)
{
    struct tide_json *json = NULL;
    struct tide_view text = {0};
    struct tide_instant time = {0};
    tide_arena_reset(scratch);
    if (stats.size == 0 || tide_json_parse(scratch, stats, &json, NULL) != TIDE_OK) {
        return 0;
    }
    const struct tide_json *most = tide_json_get(json, "maxValues");
    if (!(tide_json_get_text(most, "received_time", &text) ||
          tide_json_get_text(most, "end_time", &text) ||
          tide_json_get_text(most, "computed_time", &text)) ||
        !tide_civil_parse(text, &time)) {
        return 0;
    }
    return tide_floor_divide(time.us, 1000);
}

void tide_delta_add_write(const struct tide_layout *layout,
                          const struct tide_delta_file *file,
                          int64_t time_ms,
                          bool is_data_change,
                          struct tide_bytes *text)
{
    char date[TIDE_CIVIL_TEXT_MAX];
    tide_assert(file->path.size > 0 && file->path.data[0] != '/');
    tide_bytes_append_text(text, "{\"add\":{\"path\":\"");
    tide_delta_path_write(file->path, text);
    tide_bytes_append_text(text, "\",\"partitionValues\":{");
    tide_json_write_key(text, layout->date_column);
    if (file->date_days == TIDE_DATE_UNKNOWN) {
        tide_bytes_append_text(text, "null}");
    } else {
        size_t size = tide_civil_format_date(file->date_days, date);
        tide_json_write_string(text, (struct tide_view){date, size});
        tide_bytes_append_byte(text, '}');
    }
    tide_json_write_u64_member(text, "size", file->size);
    tide_json_write_i64_member(text, "modificationTime", time_ms);
    tide_json_write_bool_member(text, "dataChange", is_data_change);
    if (file->stats.size > 0) {
        tide_json_write_text_member(text, "stats", file->stats);
    } else {
        tide_bytes_append_format(
            text, ",\"stats\":\"{\\\"numRecords\\\":%llu}\"", (unsigned long long)file->row_count);
    }
    tide_bytes_append_text(text, "}}\n");
}

/* Appends the txn and its adds; the newest time of the files. */
static int64_t write_transaction(const struct tide_layout *layout,
                                 const struct tide_delta_transaction *transaction,
                                 struct tide_arena *scratch,
                                 struct tide_bytes *text)
{
    int64_t newest = 0;
    tide_assert(transaction->file_count > 0 && transaction->version >= 0);
    tide_bytes_append_text(text, "{\"txn\":{");
    tide_json_write_text_member(text, "appId", transaction->app_id);
    tide_json_write_i64_member(text, "version", transaction->version);
    tide_bytes_append_text(text, "}}\n");
    for (uint32_t i = 0; i < transaction->file_count; i++) {
        const struct tide_delta_file *file = &transaction->files[i];
        int64_t time_ms = tide_delta_stats_time(file->stats, scratch);
        tide_delta_add_write(layout, file, time_ms, true, text);
        newest = time_ms > newest ? time_ms : newest;
    }
    return newest;
}

static void write_commit_info(const struct tide_delta_options *options,
                              struct tide_view actions,
                              int64_t time_ms,
                              struct tide_bytes *text)
{
    struct tide_u128 id = tide_hash128(actions, 0);
    tide_bytes_append_text(text, "{\"commitInfo\":{");
    tide_json_write_i64_member(text, "timestamp", time_ms);
    tide_json_write_text_member(text, "operation", TIDE_VIEW("WRITE"));
    tide_bytes_append_format(text,
                             ",\"operationParameters\":{\"mode\":\"Append\","
                             "\"partitionBy\":\"[\\\"%s\\\"]\"}",
                             options->layout->date_column);
    tide_json_write_bool_member(text, "isBlindAppend", true);
    tide_json_write_text_member(text, "engineInfo", options->engine);
    tide_bytes_append_format(text,
                             ",\"txnId\":\"%016llx%016llx\"}}\n",
                             (unsigned long long)id.high,
                             (unsigned long long)id.low);
}

/* 32 hexadecimal digits as 8-4-4-4-12, anything else as it is. */
static void append_id(struct tide_bytes *text, struct tide_view id)
{
    for (size_t i = 0; i < id.size; i++) {
        bool is_border = id.size == 32 && (i == 8 || i == 12 || i == 16 || i == 20);
        if (is_border) {
            tide_bytes_append_byte(text, '-');
        }
        tide_bytes_append_byte(text, id.data[i]);
    }
}

void tide_delta_table_write(const struct tide_delta_options *options, struct tide_bytes *text)
{
    struct tide_bytes value = {0};
    tide_bytes_append_format(
        text,
        "{\"protocol\":{\"minReaderVersion\":%d,\"minWriterVersion\":%d}}\n{\"metaData\":{",
        TIDE_DELTA_READER_VERSION,
        TIDE_DELTA_WRITER_VERSION);
    append_id(&value, options->table_id);
    tide_json_write_text_member(text, "id", tide_bytes_view(&value));
    tide_json_write_text_member(text, "name", tide_view_of(options->layout->name));
    tide_bytes_append_text(text, ",\"format\":{\"provider\":\"parquet\",\"options\":{}}");
    tide_bytes_reset(&value);
    tide_delta_schema_write(options->layout, &value);
    tide_json_write_text_member(text, "schemaString", tide_bytes_view(&value));
    tide_bytes_append_format(text,
                             ",\"partitionColumns\":[\"%s\"],\"configuration\":{}}}\n",
                             options->layout->date_column);
    text->failed = text->failed || value.failed;
    tide_bytes_release(&value);
}

void tide_delta_commit_write(const struct tide_delta_options *options,
                             const struct tide_delta_transaction *const *transactions,
                             uint32_t transaction_count,
                             bool is_first,
                             struct tide_bytes *text)
{
    struct tide_bytes actions = {0};
    struct tide_arena scratch = {0};
    int64_t newest = 0;
    tide_assert(transaction_count > 0);
    tide_bytes_init(&actions, TIDE_STORE_OBJECT_BYTES_MAX);
    tide_arena_init(&scratch, SCRATCH_BYTES_MAX);
    for (uint32_t i = 0; i < transaction_count; i++) {
        int64_t time_ms = write_transaction(options->layout, transactions[i], &scratch, &actions);
        newest = time_ms > newest ? time_ms : newest;
    }
    write_commit_info(options, tide_bytes_view(&actions), newest, text);
    if (is_first) {
        tide_delta_table_write(options, text);
    }
    tide_bytes_append_view(text, tide_bytes_view(&actions));
    text->failed = text->failed || actions.failed;
    tide_bytes_release(&actions);
    tide_arena_release(&scratch);
}
