/* DuckDB behind a table of function pointers: found, checked, configured, asked and fed.
 *
 * The library is never unloaded: its threads and thread-local objects may outlive a handle, and a
 * process that loaded it once will need it again. A database is in memory, in UTC, keeps the order
 * of rows, and never fetches an extension, whatever a query asks for. Results are read and rows are
 * written a vector (2,048 rows) at a time, straight in DuckDB's own arrays. */
#include "lake/duckdb.h"

#include "base/assert.h"
#include "lake/duckdb_internal.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SQL_BYTES_MAX = 64 << 20,
    RESULT_COLUMNS_MAX = 4096,
    DECIMAL_WIDTH = 18,
    DECIMAL_DIGITS = 6,
    INLINE_BYTES = 12,
    NAME_BYTES_MAX = 256
};
static const char library_variable[] = "TIDEMARK_DUCKDB";
static const char version_wanted[] = "v1.5.";

struct tide_duckdb {
    struct duckdb_api api;
    struct duckdb_database *database;
};

/* ---- the library */

struct symbol {
    const char *name;
    size_t offset; /* of the pointer in struct duckdb_api */
};

#define SYMBOL(field)                                                                              \
    {                                                                                              \
        "duckdb_" #field, offsetof(struct duckdb_api, field)                                       \
    }
static const struct symbol symbols[] = {
    SYMBOL(library_version),
    SYMBOL(create_config),
    SYMBOL(set_config),
    SYMBOL(destroy_config),
    SYMBOL(open_ext),
    SYMBOL(close),
    SYMBOL(free),
    SYMBOL(connect),
    SYMBOL(disconnect),
    SYMBOL(query),
    SYMBOL(destroy_result),
    SYMBOL(result_error),
    SYMBOL(result_error_type),
    SYMBOL(column_count),
    SYMBOL(column_type),
    SYMBOL(column_name),
    SYMBOL(column_logical_type),
    SYMBOL(fetch_chunk),
    SYMBOL(result_return_type),
    SYMBOL(interrupt),
    SYMBOL(extract_statements),
    SYMBOL(extract_statements_error),
    SYMBOL(destroy_extracted),
    SYMBOL(prepare_extracted_statement),
    SYMBOL(prepare_error),
    SYMBOL(prepared_statement_type),
    SYMBOL(destroy_prepare),
    SYMBOL(pending_prepared_streaming),
    SYMBOL(pending_error),
    SYMBOL(execute_pending),
    SYMBOL(destroy_pending),
    SYMBOL(create_logical_type),
    SYMBOL(create_decimal_type),
    SYMBOL(decimal_internal_type),
    SYMBOL(decimal_scale),
    SYMBOL(get_type_id),
    SYMBOL(logical_type_get_alias),
    SYMBOL(enum_internal_type),
    SYMBOL(enum_dictionary_value),
    SYMBOL(list_type_child_type),
    SYMBOL(array_type_child_type),
    SYMBOL(array_type_array_size),
    SYMBOL(map_type_key_type),
    SYMBOL(map_type_value_type),
    SYMBOL(struct_type_child_count),
    SYMBOL(struct_type_child_name),
    SYMBOL(struct_type_child_type),
    SYMBOL(destroy_logical_type),
    SYMBOL(create_data_chunk),
    SYMBOL(destroy_data_chunk),
    SYMBOL(data_chunk_reset),
    SYMBOL(data_chunk_get_vector),
    SYMBOL(data_chunk_get_size),
    SYMBOL(data_chunk_set_size),
    SYMBOL(vector_size),
    SYMBOL(vector_get_data),
    SYMBOL(vector_get_validity),
    SYMBOL(vector_ensure_validity_writable),
    SYMBOL(list_vector_get_child),
    SYMBOL(array_vector_get_child),
    SYMBOL(struct_vector_get_child),
    SYMBOL(appender_create_ext),
    SYMBOL(append_data_chunk),
    SYMBOL(appender_close),
    SYMBOL(appender_destroy),
    SYMBOL(appender_error_data),
    SYMBOL(error_data_message),
    SYMBOL(error_data_error_type),
    SYMBOL(destroy_error_data),
    SYMBOL(create_table_function),
    SYMBOL(destroy_table_function),
    SYMBOL(table_function_set_name),
    SYMBOL(table_function_set_extra_info),
    SYMBOL(table_function_set_bind),
    SYMBOL(table_function_set_init),
    SYMBOL(table_function_set_function),
    SYMBOL(register_table_function),
    SYMBOL(bind_get_extra_info),
    SYMBOL(bind_add_result_column),
    SYMBOL(bind_set_cardinality),
    SYMBOL(init_set_max_threads),
    SYMBOL(function_get_extra_info),
};
#undef SYMBOL

_Static_assert(sizeof(symbols) / sizeof(symbols[0]) * sizeof(void (*)(void)) ==
                   sizeof(struct duckdb_api),
               "every function has its symbol");

/* $ORIGIN is the directory of the program; the loader puts it in. */
static const char *const library_names[] = {
    "$ORIGIN/libduckdb.so",
    "$ORIGIN/../lib/libduckdb.so",
    "libduckdb.so",
};

static enum tide_status load_library(void **library, struct tide_error *error)
{
    const char *chosen = getenv(library_variable);
    if (chosen != NULL && chosen[0] != '\0') {
        *library = dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
        if (*library == NULL) {
            const char *why = dlerror();
            return tide_error_set(error,
                                  TIDE_RETRY,
                                  "cannot load DuckDB as %s says: %s",
                                  library_variable,
                                  why == NULL ? chosen : why);
        }
        return TIDE_OK;
    }
    for (size_t i = 0; i < sizeof(library_names) / sizeof(library_names[0]); i++) {
        *library = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
        if (*library != NULL) {
            return TIDE_OK;
        }
    }
    return tide_error_set(error,
                          TIDE_RETRY,
                          "DuckDB is missing: libduckdb.so is neither beside the program nor in "
                          "../lib nor on the loader's path; %s may name it",
                          library_variable);
}

static enum tide_status find_symbols(void *library,
                                     struct duckdb_api *api,
                                     struct tide_error *error)
{
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *address = dlsym(library, symbols[i].name);
        if (address == NULL) {
            return tide_error_set(
                error, TIDE_RETRY, "the DuckDB library has no %s", symbols[i].name);
        }
        memcpy((char *)api + symbols[i].offset, &address, sizeof(address));
    }
    const char *version = api->library_version();
    if (strncmp(version, version_wanted, sizeof(version_wanted) - 1) != 0) {
        return tide_error_set(
            error, TIDE_RETRY, "DuckDB is %s, but %sx is needed", version, version_wanted);
    }
    return TIDE_OK;
}

/* ---- the database */

/* What does not fit the memory goes to a folder of this process's own, which DuckDB makes when
 * it is first needed and removes; not to one where the program happens to stand. */
static bool set_temporary(const struct duckdb_api *api, struct duckdb_config *config)
{
    static _Atomic uint32_t serial;
    const char *place = getenv("TMPDIR");
    char path[512];
    int size = snprintf(path,
                        sizeof(path),
                        "%s/tidemark-duckdb-%ld-%u",
                        place == NULL || place[0] == '\0' ? "/tmp" : place,
                        (long)getpid(),
                        atomic_fetch_add(&serial, 1));
    return size > 0 && (size_t)size < sizeof(path) &&
           api->set_config(config, "temp_directory", path) == DUCKDB_SUCCESS;
}

static bool configure(const struct duckdb_api *api,
                      struct duckdb_config *config,
                      uint32_t threads,
                      uint64_t memory)
{
    char text[32];
    bool is_set =
        api->set_config(config, "autoinstall_known_extensions", "false") == DUCKDB_SUCCESS &&
        api->set_config(config, "autoload_known_extensions", "false") == DUCKDB_SUCCESS &&
        api->set_config(config, "preserve_insertion_order", "true") == DUCKDB_SUCCESS &&
        set_temporary(api, config);
    if (is_set && threads > 0) {
        (void)snprintf(text, sizeof(text), "%u", threads);
        is_set = api->set_config(config, "threads", text) == DUCKDB_SUCCESS;
    }
    if (is_set && memory > 0) {
        (void)snprintf(text, sizeof(text), "%lluKiB", (unsigned long long)(memory / 1024 + 1));
        is_set = api->set_config(config, "memory_limit", text) == DUCKDB_SUCCESS;
    }
    return is_set;
}

static enum tide_status open_database(struct tide_duckdb *duckdb,
                                      uint32_t thread_count,
                                      uint64_t memory_max,
                                      struct tide_error *error)
{
    const struct duckdb_api *api = &duckdb->api;
    struct duckdb_config *config = NULL;
    char *message = NULL;
    enum tide_status status = TIDE_OK;
    if (api->create_config(&config) != DUCKDB_SUCCESS ||
        !configure(api, config, thread_count, memory_max)) {
        status = tide_error_set(error, TIDE_RETRY, "DuckDB refuses its configuration");
    } else if (api->open_ext(NULL, &duckdb->database, config, &message) != DUCKDB_SUCCESS) {
        status = tide_error_set(error,
                                TIDE_RETRY,
                                "cannot open DuckDB: %s",
                                message == NULL ? "no reason given" : message);
    }
    if (message != NULL) {
        api->free(message);
    }
    api->destroy_config(&config);
    return status;
}

enum tide_status tide_duckdb_open(uint32_t thread_count,
                                  uint64_t memory_max,
                                  struct tide_duckdb **duckdb,
                                  struct tide_error *error)
{
    void *library = NULL;
    struct tide_duckdb *made = calloc(1, sizeof(*made));
    struct tide_duckdb_connection *connection = NULL;
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for DuckDB");
    }
    enum tide_status status = load_library(&library, error);
    if (status == TIDE_OK) {
        status = find_symbols(library, &made->api, error);
    }
    if (status == TIDE_OK) {
        status = open_database(made, thread_count, memory_max, error);
    }
    if (status == TIDE_OK) {
        status = tide_duckdb_connect(made, &connection, error);
    }
    if (status == TIDE_OK) {
        status = tide_duckdb_query(
            connection, TIDE_VIEW("SET GLOBAL TimeZone = 'UTC'"), NULL, NULL, error);
    }
    tide_duckdb_disconnect(connection);
    if (status != TIDE_OK) {
        tide_duckdb_close(made);
        return TIDE_RETRY;
    }
    *duckdb = made;
    return TIDE_OK;
}

void tide_duckdb_close(struct tide_duckdb *duckdb)
{
    if (duckdb != NULL && duckdb->database != NULL) {
        duckdb->api.close(&duckdb->database);
    }
    free(duckdb);
}

const char *tide_duckdb_version(const struct tide_duckdb *duckdb)
{
    return duckdb->api.library_version();
}

enum tide_status tide_duckdb_connect(struct tide_duckdb *duckdb,
                                     struct tide_duckdb_connection **connection,
                                     struct tide_error *error)
{
    struct tide_duckdb_connection *made = calloc(1, sizeof(*made));
    if (made == NULL ||
        duckdb->api.connect(duckdb->database, &made->connection) != DUCKDB_SUCCESS) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "cannot connect to DuckDB");
    }
    made->api = &duckdb->api;
    *connection = made;
    return TIDE_OK;
}

void tide_duckdb_disconnect(struct tide_duckdb_connection *connection)
{
    if (connection != NULL) {
        connection->api->disconnect(&connection->connection);
        free(connection);
    }
}

/* ---- queries */

static enum tide_status status_of(int kind)
{
    return kind == DUCKDB_ERROR_IO || kind == DUCKDB_ERROR_OUT_OF_MEMORY ? TIDE_RETRY : TIDE_REJECT;
}

/* A column of a result while it is read. */
struct reader {
    int type; /* of the numbers as they lie in memory; a decimal's is that of its integers */
    const void *data;
    const uint64_t *validity; /* NULL: all are there */
};

static enum tide_status read_type(const struct duckdb_api *api,
                                  struct duckdb_result *result,
                                  uint32_t column,
                                  struct reader *reader,
                                  struct tide_error *error)
{
    reader->type = api->column_type(result, column);
    if (reader->type == DUCKDB_DECIMAL) {
        struct duckdb_logical *logical = api->column_logical_type(result, column);
        reader->type = api->decimal_internal_type(logical);
        api->destroy_logical_type(&logical);
    }
    bool is_number = reader->type >= DUCKDB_BOOLEAN && reader->type <= DUCKDB_UBIGINT;
    if (!is_number && reader->type != DUCKDB_VARCHAR && reader->type != DUCKDB_BLOB) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "column '%s' of the result has a type (%d) that must be cast in SQL",
                              api->column_name(result, column),
                              reader->type);
    }
    return TIDE_OK;
}

static struct tide_view text_at(const union duckdb_text *text)
{
    uint32_t size = text->inlined.size;
    return (struct tide_view){size <= INLINE_BYTES ? text->inlined.bytes : text->pointer.bytes,
                              size};
}

/* false: a number beyond 63 bits. */
static bool read_value(const struct reader *reader, uint64_t row, struct tide_duckdb_value *value)
{
    const void *data = reader->data;
    *value = (struct tide_duckdb_value){0};
    if (reader->validity != NULL && (reader->validity[row / 64] >> (row % 64) & 1) == 0) {
        return true;
    }
    value->present = true;
    switch (reader->type) {
    case DUCKDB_BOOLEAN:
    case DUCKDB_UTINYINT:
        value->number = ((const uint8_t *)data)[row];
        return true;
    case DUCKDB_TINYINT:
        value->number = ((const int8_t *)data)[row];
        return true;
    case DUCKDB_SMALLINT:
        value->number = ((const int16_t *)data)[row];
        return true;
    case DUCKDB_INTEGER:
        value->number = ((const int32_t *)data)[row];
        return true;
    case DUCKDB_BIGINT:
        value->number = ((const int64_t *)data)[row];
        return true;
    case DUCKDB_USMALLINT:
        value->number = ((const uint16_t *)data)[row];
        return true;
    case DUCKDB_UINTEGER:
        value->number = ((const uint32_t *)data)[row];
        return true;
    case DUCKDB_UBIGINT:
        value->number = (int64_t)((const uint64_t *)data)[row];
        return value->number >= 0;
    default: /* an int, not an enum: read_type let only texts pass besides */
        value->is_text = true;
        value->text = text_at((const union duckdb_text *)data + row);
        return true;
    }
}

/* What one query needs while its rows are visited. */
struct visitor {
    const struct duckdb_api *api;
    struct reader *readers;
    struct tide_duckdb_value *row;
    uint32_t column_count;
    enum tide_status (*visit)(void *context,
                              const struct tide_duckdb_value *row,
                              uint32_t column_count);
    void *context;
};

static enum tide_status visit_chunk(const struct visitor *visitor,
                                    struct duckdb_chunk *chunk,
                                    struct tide_error *error)
{
    const struct duckdb_api *api = visitor->api;
    uint64_t row_count = api->data_chunk_get_size(chunk);
    enum tide_status status = TIDE_OK;
    for (uint32_t i = 0; i < visitor->column_count; i++) {
        struct duckdb_vector *vector = api->data_chunk_get_vector(chunk, i);
        visitor->readers[i].data = api->vector_get_data(vector);
        visitor->readers[i].validity = api->vector_get_validity(vector);
    }
    for (uint64_t row = 0; status == TIDE_OK && row < row_count; row++) {
        for (uint32_t i = 0; i < visitor->column_count; i++) {
            if (!read_value(&visitor->readers[i], row, &visitor->row[i])) {
                return tide_error_set(
                    error, TIDE_REJECT, "column %u of the result holds a number over 2^63", i);
            }
        }
        status = visitor->visit(visitor->context, visitor->row, visitor->column_count);
    }
    return status;
}

static enum tide_status visit_result(struct visitor *visitor,
                                     struct duckdb_result *result,
                                     struct tide_error *error)
{
    const struct duckdb_api *api = visitor->api;
    uint64_t column_count = api->column_count(result);
    enum tide_status status = TIDE_OK;
    if (column_count > RESULT_COLUMNS_MAX) {
        return tide_error_set(
            error, TIDE_REJECT, "a result has over %d columns", RESULT_COLUMNS_MAX);
    }
    visitor->column_count = (uint32_t)column_count;
    visitor->readers = calloc(column_count + 1, sizeof(*visitor->readers));
    visitor->row = calloc(column_count + 1, sizeof(*visitor->row));
    if (visitor->readers == NULL || visitor->row == NULL) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for a result");
    }
    for (uint32_t i = 0; status == TIDE_OK && i < visitor->column_count; i++) {
        status = read_type(api, result, i, &visitor->readers[i], error);
    }
    while (status == TIDE_OK) {
        struct duckdb_chunk *chunk = api->fetch_chunk(*result);
        if (chunk == NULL) {
            break;
        }
        status = visit_chunk(visitor, chunk, error);
        api->destroy_data_chunk(&chunk);
    }
    free(visitor->readers);
    free(visitor->row);
    return status;
}

enum tide_status tide_duckdb_query(struct tide_duckdb_connection *connection,
                                   struct tide_view sql,
                                   enum tide_status (*visit)(void *context,
                                                             const struct tide_duckdb_value *row,
                                                             uint32_t column_count),
                                   void *context,
                                   struct tide_error *error)
{
    const struct duckdb_api *api = connection->api;
    struct duckdb_result result = {0};
    struct tide_bytes text = {0};
    tide_bytes_init(&text, SQL_BYTES_MAX);
    tide_bytes_append_view(&text, sql);
    const char *terminated = tide_bytes_terminated(&text);
    enum tide_status status = TIDE_OK;
    if (text.failed) {
        tide_bytes_release(&text);
        return tide_error_set(error, TIDE_REJECT, "an SQL text of %zu bytes is too long", sql.size);
    }
    if (api->query(connection->connection, terminated, &result) != DUCKDB_SUCCESS) {
        const char *message = api->result_error(&result);
        status = tide_error_set(error,
                                status_of(api->result_error_type(&result)),
                                "%s",
                                message == NULL ? "DuckDB gave no reason" : message);
    } else if (visit != NULL) {
        struct visitor visitor = {.api = api, .visit = visit, .context = context};
        status = visit_result(&visitor, &result, error);
    }
    api->destroy_result(&result);
    tide_bytes_release(&text);
    return status;
}

/* ---- rows */

const char *tide_duckdb_type(enum tide_lake_type type)
{
    switch (type) {
    case TIDE_LAKE_STRING:
        return "VARCHAR";
    case TIDE_LAKE_LONG:
        return "BIGINT";
    case TIDE_LAKE_DECIMAL:
        return "DECIMAL(18, 6)";
    case TIDE_LAKE_BOOLEAN:
        return "BOOLEAN";
    case TIDE_LAKE_TIMESTAMP:
        return "TIMESTAMP WITH TIME ZONE";
    case TIDE_LAKE_BINARY:
        return "BLOB";
    case TIDE_LAKE_DOUBLE:
        return "DOUBLE";
    }
    return NULL;
}

static struct duckdb_logical *logical_type(const struct duckdb_api *api, enum tide_lake_type type)
{
    switch (type) {
    case TIDE_LAKE_STRING:
        return api->create_logical_type(DUCKDB_VARCHAR);
    case TIDE_LAKE_LONG:
        return api->create_logical_type(DUCKDB_BIGINT);
    case TIDE_LAKE_DECIMAL:
        return api->create_decimal_type(DECIMAL_WIDTH, DECIMAL_DIGITS);
    case TIDE_LAKE_BOOLEAN:
        return api->create_logical_type(DUCKDB_BOOLEAN);
    case TIDE_LAKE_TIMESTAMP:
        return api->create_logical_type(DUCKDB_TIMESTAMP_TZ);
    case TIDE_LAKE_BINARY:
        return api->create_logical_type(DUCKDB_BLOB);
    case TIDE_LAKE_DOUBLE:
        return api->create_logical_type(DUCKDB_DOUBLE);
    }
    return NULL;
}

static void clear_validity(const struct duckdb_api *api,
                           struct duckdb_vector *vector,
                           const struct part *part,
                           const struct tide_rows_column *from)
{
    uint64_t *validity = NULL;
    for (uint32_t i = 0; i < part->count; i++) {
        if (from->presence[part->indices[i]] != 0) {
            continue;
        }
        if (validity == NULL) {
            api->vector_ensure_validity_writable(vector);
            validity = api->vector_get_validity(vector);
        }
        validity[i / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

/* A text stays where it is: the rows outlive the query. Nulls are empty, and not looked at. */
static void fill_texts(union duckdb_text *texts,
                       const struct part *part,
                       const struct tide_rows_column *from)
{
    for (uint32_t i = 0; i < part->count; i++) {
        uint32_t row = part->indices[i];
        uint32_t size = from->presence[row] != 0 ? from->sizes[row] : 0;
        const char *text = size == 0 ? NULL : from->texts + from->values[row];
        texts[i] = (union duckdb_text){.inlined = {.size = size}};
        if (size <= INLINE_BYTES) {
            if (size > 0) {
                memcpy(texts[i].inlined.bytes, text, size);
            }
        } else {
            memcpy(texts[i].pointer.prefix, text, sizeof(texts[i].pointer.prefix));
            texts[i].pointer.bytes = text;
        }
    }
}

static void fill_vector(const struct duckdb_api *api,
                        struct duckdb_vector *vector,
                        const struct part *part,
                        uint32_t column)
{
    const struct tide_rows_column from = tide_rows_column(part->rows, column);
    void *data = api->vector_get_data(vector);
    clear_validity(api, vector, part, &from);
    switch (tide_rows_layout(part->rows)->columns[column].type) {
    case TIDE_LAKE_LONG:
    case TIDE_LAKE_DECIMAL:
    case TIDE_LAKE_TIMESTAMP:
    case TIDE_LAKE_DOUBLE: /* whose bits are kept as a number's */
        for (uint32_t i = 0; i < part->count; i++) {
            ((int64_t *)data)[i] = from.values[part->indices[i]];
        }
        break;
    case TIDE_LAKE_BOOLEAN:
        for (uint32_t i = 0; i < part->count; i++) {
            ((uint8_t *)data)[i] = from.values[part->indices[i]] != 0;
        }
        break;
    case TIDE_LAKE_STRING: /* valid UTF-8: tide_rows_set_text saw to it */
    case TIDE_LAKE_BINARY:
        fill_texts(data, part, &from);
        break;
    }
}

/* ---- the table function that reads rows where they are */

static void bind_rows(struct duckdb_bind *bind);
static void init_rows(struct duckdb_init *init);
static void read_rows(struct duckdb_call *call, struct duckdb_chunk *chunk);

/* The library's callbacks get one pointer of ours, but not the library's functions, which are the
 * same for every database. */
static struct duckdb_api callback_api;
static pthread_mutex_t callback_mutex = PTHREAD_MUTEX_INITIALIZER;

static void keep_callback_api(const struct duckdb_api *api)
{
    pthread_mutex_lock(&callback_mutex);
    if (callback_api.library_version == NULL) {
        callback_api = *api;
    }
    pthread_mutex_unlock(&callback_mutex);
}

static void bind_rows(struct duckdb_bind *bind)
{
    const struct duckdb_api *api = &callback_api;
    const struct tide_duckdb_connection *connection = api->bind_get_extra_info(bind);
    const struct tide_layout *layout = tide_rows_layout(connection->given.rows);
    for (uint32_t i = 0; i < layout->column_count; i++) {
        char name[NAME_BYTES_MAX];
        struct tide_view text = layout->columns[i].name;
        struct duckdb_logical *type = logical_type(api, layout->columns[i].type);
        tide_assert(text.size < sizeof(name));
        memcpy(name, text.data, text.size);
        name[text.size] = '\0';
        api->bind_add_result_column(bind, name, type);
        api->destroy_logical_type(&type);
    }
    api->bind_set_cardinality(bind, connection->given.count, true);
}

static void init_rows(struct duckdb_init *init)
{
    callback_api.init_set_max_threads(init, 1); /* rows keep their order */
}

static void read_rows(struct duckdb_call *call, struct duckdb_chunk *chunk)
{
    const struct duckdb_api *api = &callback_api;
    struct tide_duckdb_connection *connection = api->function_get_extra_info(call);
    const struct part *given = &connection->given;
    uint32_t vector_size = (uint32_t)api->vector_size();
    uint32_t left = given->count - connection->given_at;
    struct part part = {given->rows,
                        given->indices + connection->given_at,
                        left < vector_size ? left : vector_size};
    uint32_t column_count = tide_rows_layout(given->rows)->column_count;
    for (uint32_t i = 0; i < column_count; i++) {
        fill_vector(api, api->data_chunk_get_vector(chunk, i), &part, i);
    }
    connection->given_at += part.count;
    api->data_chunk_set_size(chunk, part.count);
}

static enum tide_status register_function(struct tide_duckdb_connection *connection,
                                          struct tide_error *error)
{
    static _Atomic uint64_t serial; /* functions are the database's, not the connection's */
    const struct duckdb_api *api = connection->api;
    struct duckdb_table_function *function = api->create_table_function();
    char name[sizeof(connection->function_name)];
    (void)snprintf(name, sizeof(name), "tidemark_rows_%" PRIu64, atomic_fetch_add(&serial, 1));
    keep_callback_api(api);
    api->table_function_set_name(function, name);
    api->table_function_set_extra_info(function, connection, NULL);
    api->table_function_set_bind(function, bind_rows);
    api->table_function_set_init(function, init_rows);
    api->table_function_set_function(function, read_rows);
    bool is_there =
        api->register_table_function(connection->connection, function) == DUCKDB_SUCCESS;
    api->destroy_table_function(&function);
    if (!is_there) {
        return tide_error_set(error, TIDE_FATAL, "DuckDB refuses a table function");
    }
    memcpy(connection->function_name, name, sizeof(name));
    return TIDE_OK;
}

enum tide_status tide_duckdb_give_rows(struct tide_duckdb_connection *connection,
                                       const struct tide_rows *rows,
                                       const uint32_t *row_indices,
                                       uint32_t row_count,
                                       const char **name,
                                       struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    if (connection->function_name[0] == '\0') {
        status = register_function(connection, error);
    }
    connection->given = (struct part){rows, row_indices, row_count};
    connection->given_at = 0;
    *name = connection->function_name;
    return status;
}
