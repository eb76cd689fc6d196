/* A checkpoint as Parquet, by DuckDB: lines of JSON -> structs and maps -> COPY, and back by
 * to_json.
 *
 * Delta's protocol, "Checkpoint Schema": one column for each action, of which a row has one.
 * Columns and members that we do not know are passed over in reading; in writing there are none,
 * since a table that has them is of a higher protocol, and refused before. */
#include "lake/checkpoint_codec.h"

#include "base/assert.h"
#include "base/io.h"
#include "lake/duckdb.h"
#include "lake/sql_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    PATH_BYTES_MAX = 4096,
    COLUMNS_MAX = 16,
    OWN_THREADS = 1,
    OBJECT_BYTES_MIN = 1 << 20
};
static const uint64_t own_memory_max = UINT64_C(512) << 20;

struct parquet_codec {
    struct tide_duckdb *duckdb;
    struct tide_duckdb *own; /* NULL: somebody else's, or not opened yet */
    struct tide_duckdb_connection *connection;
};

static const struct action {
    const char *name;
    const char *type; /* DuckDB's */
    bool is_file;
} actions[] = {
    {"txn", "STRUCT(appId VARCHAR, \"version\" BIGINT, lastUpdated BIGINT)", false},
    {"add",
     "STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "
     "modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR))",
     true},
    {"remove",
     "STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, "
     "extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "
     "tags MAP(VARCHAR, VARCHAR))",
     true},
    {"metaData",
     "STRUCT(id VARCHAR, \"name\" VARCHAR, description VARCHAR, "
     "format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, "
     "partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)",
     false},
    {"protocol", "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)", false},
};
enum {
    ACTION_COUNT = sizeof(actions) / sizeof(actions[0])
};

/* ---- DuckDB */

static enum tide_status open_connection(struct parquet_codec *codec, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    if (codec->connection != NULL) {
        return TIDE_OK;
    }
    if (codec->duckdb == NULL) {
        status = tide_duckdb_open(OWN_THREADS, own_memory_max, &codec->own, error);
        codec->duckdb = codec->own;
    }
    return status == TIDE_OK ? tide_duckdb_connect(codec->duckdb, &codec->connection, error)
                             : status;
}

static enum tide_status query(struct parquet_codec *codec,
                              struct tide_bytes *sql,
                              enum tide_status (*visit)(void *context,
                                                        const struct tide_duckdb_value *row,
                                                        uint32_t column_count),
                              void *context,
                              struct tide_error *error)
{
    enum tide_status status =
        sql->failed
            ? tide_error_set(error, TIDE_RETRY, "no memory for an SQL text")
            : tide_duckdb_query(codec->connection, tide_bytes_view(sql), visit, context, error);
    if (status != TIDE_OK && error != NULL) { /* DuckDB shows the SQL behind the first line */
        error->text[strcspn(error->text, "\n")] = '\0';
    }
    return status;
}

/* ---- writing */

/* A file that is there is an interrupted attempt's. */
static enum tide_status write_lines(const char *path,
                                    struct tide_view lines,
                                    struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    struct tide_file file = {0};
    (void)io.operations->remove(io.self, path, NULL);
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, error);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 0, lines.data, lines.size, error);
    }
    io.operations->close(io.self, &file);
    return status;
}

/* DuckDB takes twice the largest object for its buffer. */
static size_t longest_line(struct tide_view lines)
{
    size_t longest = 0;
    for (size_t start = 0; start < lines.size;) {
        const char *end = memchr(lines.data + start, '\n', lines.size - start);
        const size_t size = end == NULL ? lines.size - start : (size_t)(end - lines.data) - start;
        longest = size > longest ? size : longest;
        start += size + 1;
    }
    return longest;
}

/* In a checkpoint no file is a change of data. */
static void write_copy(const char *lines_path,
                       const char *path,
                       size_t object_bytes_max,
                       struct tide_bytes *sql)
{
    tide_bytes_append_text(
        sql,
        "COPY (SELECT txn, CASE WHEN \"add\" IS NOT NULL THEN struct_pack(path := \"add\".path, "
        "partitionValues := \"add\".partitionValues, size := \"add\".size, "
        "modificationTime := \"add\".modificationTime, dataChange := false, "
        "stats := \"add\".stats, tags := \"add\".tags) END AS \"add\", \"remove\", metaData, "
        "protocol FROM read_json(");
    tide_sql_append_path(sql, tide_view_of(lines_path));
    tide_bytes_append_format(sql,
                             ", format = 'newline_delimited', maximum_object_size = %zu, "
                             "columns = {",
                             object_bytes_max);
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        tide_bytes_append_format(
            sql, "%s'%s': '%s'", i == 0 ? "" : ", ", actions[i].name, actions[i].type);
    }
    tide_bytes_append_text(sql, "})) TO ");
    tide_sql_append_text(sql, tide_view_of(path));
    tide_bytes_append_text(sql, " (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)");
}

static enum tide_status measure(const char *path, uint64_t *size, struct tide_error *error)
{
    struct tide_io_facts facts;
    const struct tide_io io = tide_io_os();
    const enum tide_status status = io.operations->stat(io.self, path, &facts, error);
    *size = status == TIDE_OK ? facts.size : 0;
    return status;
}

static enum tide_status codec_write(void *self,
                                    struct tide_view lines,
                                    const char *scratch_path,
                                    uint64_t *size,
                                    struct tide_error *error)
{
    struct parquet_codec *codec = self;
    const struct tide_io io = tide_io_os();
    char lines_path[PATH_BYTES_MAX];
    struct tide_bytes sql = {0};
    const int length = snprintf(lines_path, sizeof(lines_path), "%s.json", scratch_path);
    if (length < 0 || (size_t)length >= sizeof(lines_path)) {
        return tide_error_set(error, TIDE_FATAL, "the scratch path is too long");
    }
    enum tide_status status = open_connection(codec, error);
    if (status == TIDE_OK) {
        status = write_lines(lines_path, lines, error);
    }
    if (status == TIDE_OK) {
        (void)io.operations->remove(io.self, scratch_path, NULL);
        write_copy(lines_path, scratch_path, longest_line(lines) + OBJECT_BYTES_MIN, &sql);
        status = query(codec, &sql, NULL, NULL, error);
    }
    if (status == TIDE_OK) {
        status = measure(scratch_path, size, error);
    }
    (void)io.operations->remove(io.self, lines_path, NULL);
    if (status != TIDE_OK) {
        (void)io.operations->remove(io.self, scratch_path, NULL);
    }
    tide_bytes_release(&sql);
    return status == TIDE_OK || status == TIDE_RETRY ? status : TIDE_FATAL;
}

/* ---- reading */

struct columns { /* which of the actions the file has */
    bool has[ACTION_COUNT];
};

static enum tide_status see_column(void *context,
                                   const struct tide_duckdb_value *row,
                                   uint32_t column_count)
{
    struct columns *columns = context;
    tide_assert(column_count == 1);
    for (size_t i = 0; row[0].present && i < ACTION_COUNT; i++) {
        columns->has[i] =
            columns->has[i] || tide_view_equal(row[0].text, tide_view_of(actions[i].name));
    }
    return TIDE_OK;
}

struct reading {
    const char *names[ACTION_COUNT]; /* of the columns that are asked for */
    uint32_t count;
    enum tide_status (*visit)(void *context, struct tide_view action);
    void *context;
    struct tide_bytes text; /* of an action */
};

static enum tide_status see_row(void *context,
                                const struct tide_duckdb_value *row,
                                uint32_t column_count)
{
    struct reading *reading = context;
    tide_assert(column_count == reading->count);
    for (uint32_t i = 0; i < column_count; i++) {
        if (!row[i].present) {
            continue;
        }
        tide_bytes_reset(&reading->text);
        tide_bytes_append_format(&reading->text, "{\"%s\":", reading->names[i]);
        tide_bytes_append_view(&reading->text, row[i].text);
        tide_bytes_append_byte(&reading->text, '}');
        if (reading->text.failed) {
            return TIDE_RETRY;
        }
        const enum tide_status status =
            reading->visit(reading->context, tide_bytes_view(&reading->text));
        if (status != TIDE_OK) {
            return status;
        }
    }
    return TIDE_OK;
}

static enum tide_status read_rows(struct parquet_codec *codec,
                                  const char *path,
                                  struct reading *reading,
                                  struct tide_error *error)
{
    struct tide_bytes sql = {0};
    for (uint32_t i = 0; i < reading->count; i++) {
        const char *name = reading->names[i];
        tide_bytes_append_format(&sql,
                                 "%s CASE WHEN \"%s\" IS NOT NULL THEN "
                                 "CAST(to_json(\"%s\") AS VARCHAR) END",
                                 i == 0 ? "SELECT" : ",",
                                 name,
                                 name);
    }
    tide_bytes_append_text(&sql, " FROM read_parquet(");
    tide_sql_append_path(&sql, tide_view_of(path));
    tide_bytes_append_text(&sql, ", hive_partitioning = false)");
    const enum tide_status status = query(codec, &sql, see_row, reading, error);
    tide_bytes_release(&sql);
    tide_bytes_release(&reading->text);
    return status;
}

static enum tide_status codec_read(void *self,
                                   const char *path,
                                   bool without_files,
                                   enum tide_status (*visit)(void *context,
                                                             struct tide_view action),
                                   void *context,
                                   struct tide_error *error)
{
    struct parquet_codec *codec = self;
    struct columns columns = {{false}};
    struct reading reading = {.visit = visit, .context = context};
    struct tide_bytes sql = {0};
    enum tide_status status = open_connection(codec, error);
    if (status != TIDE_OK) {
        return status;
    }
    tide_bytes_append_text(&sql, "SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet(");
    tide_sql_append_path(&sql, tide_view_of(path));
    tide_bytes_append_text(&sql, ", hive_partitioning = false))");
    status = query(codec, &sql, see_column, &columns, error);
    tide_bytes_release(&sql);
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (columns.has[i] && !(without_files && actions[i].is_file)) {
            reading.names[reading.count++] = actions[i].name;
        }
    }
    if (status == TIDE_OK && reading.count == 0) {
        status = tide_error_set(error, TIDE_REJECT, "%s has no actions", path);
    }
    return status == TIDE_OK ? read_rows(codec, path, &reading, error) : status;
}

/* ---- life */

static void codec_close(void *self)
{
    struct parquet_codec *codec = self;
    tide_duckdb_disconnect(codec->connection);
    tide_duckdb_close(codec->own);
    free(codec);
}

static const struct tide_checkpoint_codec_operations parquet_operations = {
    .write = codec_write,
    .read = codec_read,
    .close = codec_close,
};

enum tide_status tide_checkpoint_parquet_open(struct tide_duckdb *duckdb,
                                              struct tide_checkpoint_codec *codec,
                                              struct tide_error *error)
{
    struct parquet_codec *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a checkpoint codec");
    }
    made->duckdb = duckdb;
    *codec = (struct tide_checkpoint_codec){&parquet_operations, made};
    return TIDE_OK;
}

void tide_checkpoint_codec_close(struct tide_checkpoint_codec *codec)
{
    if (codec->operations != NULL) {
        codec->operations->close(codec->self);
    }
    *codec = (struct tide_checkpoint_codec){0};
}
