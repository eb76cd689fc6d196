/* What we use of DuckDB's C interface (version 1.5), declared here: the library is loaded at run
 * time, and no header of it is needed to build. Only duckdb*.c and their tests include this.
 *
 * Handles are pointers to things that are never looked into. The few structs are passed by value or
 * filled by the library, so their fields must stay exactly as DuckDB lays them out. */
#ifndef TIDE_LAKE_DUCKDB_API_H
#define TIDE_LAKE_DUCKDB_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct duckdb_database;
struct duckdb_connection;
struct duckdb_config;
struct duckdb_chunk;
struct duckdb_vector;
struct duckdb_logical;
struct duckdb_appender;
struct duckdb_error;
struct duckdb_extracted; /* statements of a text */
struct duckdb_prepared;
struct duckdb_pending;
struct duckdb_table_function;
struct duckdb_bind;
struct duckdb_init;
struct duckdb_call;

enum {
    DUCKDB_SUCCESS = 0
}; /* of the calls that answer int */

/* Types of columns, by their numbers in the library's interface. */
enum duckdb_type {
    DUCKDB_BOOLEAN = 1,
    DUCKDB_TINYINT = 2,
    DUCKDB_SMALLINT = 3,
    DUCKDB_INTEGER = 4,
    DUCKDB_BIGINT = 5,
    DUCKDB_UTINYINT = 6,
    DUCKDB_USMALLINT = 7,
    DUCKDB_UINTEGER = 8,
    DUCKDB_UBIGINT = 9,
    DUCKDB_FLOAT = 10,
    DUCKDB_DOUBLE = 11,
    DUCKDB_TIMESTAMP = 12,
    DUCKDB_DATE = 13,
    DUCKDB_TIME = 14,
    DUCKDB_INTERVAL = 15,
    DUCKDB_HUGEINT = 16,
    DUCKDB_VARCHAR = 17,
    DUCKDB_BLOB = 18,
    DUCKDB_DECIMAL = 19,
    DUCKDB_TIMESTAMP_S = 20,
    DUCKDB_TIMESTAMP_MS = 21,
    DUCKDB_TIMESTAMP_NS = 22,
    DUCKDB_ENUM = 23,
    DUCKDB_LIST = 24,
    DUCKDB_STRUCT = 25,
    DUCKDB_MAP = 26,
    DUCKDB_UUID = 27,
    DUCKDB_TIMESTAMP_TZ = 31,
    DUCKDB_UHUGEINT = 32,
    DUCKDB_ARRAY = 33,
    DUCKDB_NULL = 36,
};

/* Kinds of statements, and of what comes back. */
enum duckdb_statement {
    DUCKDB_STATEMENT_SELECT = 1, /* also WITH, FROM, VALUES, SHOW, DESCRIBE, SUMMARIZE */
    DUCKDB_STATEMENT_INSERT = 2,
    DUCKDB_STATEMENT_EXPLAIN = 4,
    DUCKDB_STATEMENT_CREATE = 7,
    DUCKDB_STATEMENT_CREATE_FUNCTION = 14,
    DUCKDB_STATEMENT_DROP = 15,
};
enum {
    DUCKDB_RETURNS_ROWS = 3
};

enum duckdb_error_kind {
    DUCKDB_ERROR_IO = 28,
    DUCKDB_ERROR_OUT_OF_MEMORY = 33,
};

struct duckdb_result {
    uint64_t unused_counts[3];
    void *unused_columns;
    char *unused_message;
    void *internal;
};

/* Up to 12 bytes of text are in place; of a longer one the first 4, and where it is. */
union duckdb_text {
    struct {
        uint32_t size;
        char bytes[12];
    } inlined;
    struct {
        uint32_t size;
        char prefix[4];
        const char *bytes;
    } pointer;
};

struct duckdb_list { /* of the child's vector */
    uint64_t offset;
    uint64_t size;
};

struct duckdb_interval {
    int32_t months;
    int32_t days;
    int64_t us;
};

struct duckdb_huge {
    uint64_t low;
    uint64_t high; /* its sign bit is that of a HUGEINT */
};

_Static_assert(sizeof(struct duckdb_result) == 48, "as the library has it");
_Static_assert(sizeof(union duckdb_text) == 16, "as the library has it");

struct duckdb_api {
    const char *(*library_version)(void);
    int (*create_config)(struct duckdb_config **config);
    int (*set_config)(struct duckdb_config *config, const char *name, const char *value);
    void (*destroy_config)(struct duckdb_config **config);
    int (*open_ext)(const char *path,
                    struct duckdb_database **database,
                    struct duckdb_config *config,
                    char **message);
    void (*close)(struct duckdb_database **database);
    void (*free)(void *memory);
    int (*connect)(struct duckdb_database *database, struct duckdb_connection **connection);
    void (*disconnect)(struct duckdb_connection **connection);

    int (*query)(struct duckdb_connection *connection,
                 const char *sql,
                 struct duckdb_result *result);
    void (*destroy_result)(struct duckdb_result *result);
    const char *(*result_error)(struct duckdb_result *result);
    int (*result_error_type)(struct duckdb_result *result);
    uint64_t (*column_count)(struct duckdb_result *result);
    int (*column_type)(struct duckdb_result *result, uint64_t column);
    const char *(*column_name)(struct duckdb_result *result, uint64_t column);
    struct duckdb_logical *(*column_logical_type)(struct duckdb_result *result, uint64_t column);
    struct duckdb_chunk *(*fetch_chunk)(struct duckdb_result result);
    int (*result_return_type)(struct duckdb_result result);
    void (*interrupt)(struct duckdb_connection *connection);

    uint64_t (*extract_statements)(struct duckdb_connection *connection,
                                   const char *sql,
                                   struct duckdb_extracted **extracted);
    const char *(*extract_statements_error)(struct duckdb_extracted *extracted);
    void (*destroy_extracted)(struct duckdb_extracted **extracted);
    int (*prepare_extracted_statement)(struct duckdb_connection *connection,
                                       struct duckdb_extracted *extracted,
                                       uint64_t index,
                                       struct duckdb_prepared **prepared);
    const char *(*prepare_error)(struct duckdb_prepared *prepared);
    int (*prepared_statement_type)(struct duckdb_prepared *prepared);
    void (*destroy_prepare)(struct duckdb_prepared **prepared);
    int (*pending_prepared_streaming)(struct duckdb_prepared *prepared,
                                      struct duckdb_pending **pending);
    const char *(*pending_error)(struct duckdb_pending *pending);
    int (*execute_pending)(struct duckdb_pending *pending, struct duckdb_result *result);
    void (*destroy_pending)(struct duckdb_pending **pending);

    struct duckdb_logical *(*create_logical_type)(int type);
    struct duckdb_logical *(*create_decimal_type)(uint8_t width, uint8_t scale);
    int (*decimal_internal_type)(struct duckdb_logical *type);
    uint8_t (*decimal_scale)(struct duckdb_logical *type);
    int (*get_type_id)(struct duckdb_logical *type);
    char *(*logical_type_get_alias)(struct duckdb_logical *type); /* to free; or NULL */
    int (*enum_internal_type)(struct duckdb_logical *type);
    char *(*enum_dictionary_value)(struct duckdb_logical *type, uint64_t index); /* to free */
    struct duckdb_logical *(*list_type_child_type)(struct duckdb_logical *type);
    struct duckdb_logical *(*array_type_child_type)(struct duckdb_logical *type);
    uint64_t (*array_type_array_size)(struct duckdb_logical *type);
    struct duckdb_logical *(*map_type_key_type)(struct duckdb_logical *type);
    struct duckdb_logical *(*map_type_value_type)(struct duckdb_logical *type);
    uint64_t (*struct_type_child_count)(struct duckdb_logical *type);
    char *(*struct_type_child_name)(struct duckdb_logical *type, uint64_t index); /* to free */
    struct duckdb_logical *(*struct_type_child_type)(struct duckdb_logical *type, uint64_t index);
    void (*destroy_logical_type)(struct duckdb_logical **type);

    struct duckdb_chunk *(*create_data_chunk)(struct duckdb_logical **types, uint64_t count);
    void (*destroy_data_chunk)(struct duckdb_chunk **chunk);
    void (*data_chunk_reset)(struct duckdb_chunk *chunk);
    struct duckdb_vector *(*data_chunk_get_vector)(struct duckdb_chunk *chunk, uint64_t column);
    uint64_t (*data_chunk_get_size)(struct duckdb_chunk *chunk);
    void (*data_chunk_set_size)(struct duckdb_chunk *chunk, uint64_t size);
    uint64_t (*vector_size)(void);
    void *(*vector_get_data)(struct duckdb_vector *vector);
    uint64_t *(*vector_get_validity)(struct duckdb_vector *vector);
    void (*vector_ensure_validity_writable)(struct duckdb_vector *vector);
    struct duckdb_vector *(*list_vector_get_child)(struct duckdb_vector *vector);
    struct duckdb_vector *(*array_vector_get_child)(struct duckdb_vector *vector);
    struct duckdb_vector *(*struct_vector_get_child)(struct duckdb_vector *vector, uint64_t index);

    int (*appender_create_ext)(struct duckdb_connection *connection,
                               const char *catalog,
                               const char *schema,
                               const char *table,
                               struct duckdb_appender **appender);
    int (*append_data_chunk)(struct duckdb_appender *appender, struct duckdb_chunk *chunk);
    int (*appender_close)(struct duckdb_appender *appender);
    int (*appender_destroy)(struct duckdb_appender **appender);
    struct duckdb_error *(*appender_error_data)(struct duckdb_appender *appender);
    const char *(*error_data_message)(struct duckdb_error *error);
    int (*error_data_error_type)(struct duckdb_error *error);
    void (*destroy_error_data)(struct duckdb_error **error);

    struct duckdb_table_function *(*create_table_function)(void);
    void (*destroy_table_function)(struct duckdb_table_function **function);
    void (*table_function_set_name)(struct duckdb_table_function *function, const char *name);
    void (*table_function_set_extra_info)(struct duckdb_table_function *function,
                                          void *info,
                                          void (*destroy)(void *info));
    void (*table_function_set_bind)(struct duckdb_table_function *function,
                                    void (*bind)(struct duckdb_bind *bind));
    void (*table_function_set_init)(struct duckdb_table_function *function,
                                    void (*init)(struct duckdb_init *init));
    void (*table_function_set_function)(struct duckdb_table_function *function,
                                        void (*call)(struct duckdb_call *call,
                                                     struct duckdb_chunk *chunk));
    int (*register_table_function)(struct duckdb_connection *connection,
                                   struct duckdb_table_function *function);
    void *(*bind_get_extra_info)(struct duckdb_bind *bind);
    void (*bind_add_result_column)(struct duckdb_bind *bind,
                                   const char *name,
                                   struct duckdb_logical *type);
    void (*bind_set_cardinality)(struct duckdb_bind *bind, uint64_t count, bool is_exact);
    void (*init_set_max_threads)(struct duckdb_init *init, uint64_t count);
    void *(*function_get_extra_info)(struct duckdb_call *call);
};

#endif
