/* tidemark sql: DuckDB over the lake, for people. Local and read-only: no service is asked, and
 * DuckDB touches the lake's files alone. There is no such thing over HTTP. */
#include "base/bytes.h"
#include "batch/lake_tables.h"
#include "cli/input.h"
#include "cli/lake_choice.h"
#include "cli/row_printer.h"
#include "lake/sql_text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SQL_BYTES_MAX = 16 << 20,
    READ_BYTES = 64 << 10,
    MEBIBYTES_MAX = 1 << 24
};

static const char list_sql[] =
    "SELECT c.table_name AS \"view\", c.column_name AS \"column\", c.data_type AS type "
    "FROM duckdb_columns() c JOIN duckdb_views() v ON v.view_oid = c.table_oid "
    "WHERE NOT v.internal ORDER BY c.table_oid, c.column_index";

struct asking {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_lake_choice choice;
    struct tide_lake_tables *tables;
    struct tide_bytes sql;
    struct tide_bytes message;
    struct tide_row_printer *printer;
    const char *parquet; /* a file to write, or NULL */
    enum tide_format format;
    uint64_t row_max;
    uint64_t memory_mib;
    bool is_unlocked;
};

/* ---- Ctrl-C */

static struct tide_duckdb_connection *volatile interrupted_connection;
static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    was_interrupted = 1;
    if (interrupted_connection != NULL) {
        tide_duckdb_interrupt(interrupted_connection);
    }
}

/* The second one ends the process, whatever DuckDB does. */
static void watch_interrupts(struct tide_duckdb_connection *connection)
{
    struct sigaction action = {0};
    interrupted_connection = connection;
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

/* Whoever started us sees that it was Ctrl-C. */
static enum tide_exit die_interrupted(void)
{
    fflush(stdout);
    fputs("tidemark: interrupted\n", stderr);
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
    return TIDE_EXIT_FAILURE;
}

/* ---- what is asked */

static enum tide_exit read_file(const char *name, struct tide_bytes *text)
{
    struct tide_input *input = NULL;
    struct tide_error error = {0};
    size_t size = 1;
    enum tide_status status = tide_input_open(name, &input, &error);
    if (status != TIDE_OK) {
        return tide_fail(TIDE_EXIT_NOT_FOUND, "%s", error.text);
    }
    while (status == TIDE_OK && size > 0 && !text->failed) {
        if (!tide_bytes_reserve(text, READ_BYTES)) {
            break;
        }
        status = tide_input_read(input, text->data + text->size, READ_BYTES, &size, &error);
        text->size += status == TIDE_OK ? size : 0;
    }
    tide_input_close(input);
    if (status != TIDE_OK) {
        return tide_fail(TIDE_EXIT_FAILURE, "%s", error.text);
    }
    return text->failed ? tide_fail(TIDE_EXIT_USAGE, "the SQL text is over %d bytes", SQL_BYTES_MAX)
                        : TIDE_EXIT_OK;
}

static enum tide_exit read_sql(struct asking *asking)
{
    const struct tide_invocation *invocation = asking->invocation;
    const char *file = tide_invocation_text(invocation, "--file", NULL);
    const bool is_list = tide_invocation_has(invocation, "--list");
    const uint32_t source_count = invocation->operand_count + (file != NULL) + is_list;
    if (source_count != 1) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "say what is asked once: 'SELECT ..', - for stdin, --file FILE or --list");
    }
    if (is_list) {
        tide_bytes_append_text(&asking->sql, list_sql);
        return TIDE_EXIT_OK;
    }
    if (file != NULL) {
        return read_file(file, &asking->sql);
    }
    if (strcmp(invocation->operands[0], "-") == 0) {
        return read_file("-", &asking->sql);
    }
    tide_bytes_append_text(&asking->sql, invocation->operands[0]);
    return asking->sql.failed ? tide_fail(TIDE_EXIT_TEMPORARY, "out of memory") : TIDE_EXIT_OK;
}

static enum tide_exit read_options(struct asking *asking)
{
    const struct tide_invocation *invocation = asking->invocation;
    const char *fallback = isatty(STDOUT_FILENO) ? "table" : "ndjson";
    asking->parquet = tide_invocation_text(invocation, "--parquet", NULL);
    asking->is_unlocked = tide_invocation_has(invocation, "--unsafe");
    if (!tide_format_parse(tide_invocation_text(invocation, "--format", fallback),
                           &asking->format) ||
        !tide_invocation_number(invocation, "--limit", 0, INT64_MAX, 0, &asking->row_max) ||
        !tide_invocation_number(invocation, "--memory", 0, MEBIBYTES_MAX, 0, &asking->memory_mib)) {
        return TIDE_EXIT_USAGE;
    }
    if (asking->parquet != NULL && tide_invocation_has(invocation, "--list")) {
        return tide_fail(TIDE_EXIT_USAGE, "--list is for reading, not for --parquet");
    }
    return read_sql(asking);
}

/* ---- answers */

/* DuckDB's lines as they are: a caret points into the second one. */
static enum tide_exit refused(const struct asking *asking,
                              enum tide_status status,
                              const struct tide_error *error)
{
    const struct tide_view message = tide_bytes_view(&asking->message);
    const enum tide_exit exit = status == TIDE_REJECT ? TIDE_EXIT_FAILURE : tide_exit_of(status);
    if (message.size > 0) {
        return tide_fail(exit, "%.*s", TIDE_VIEW_ARGUMENTS(message));
    }
    return tide_fail(exit,
                     "%s%s",
                     error->text,
                     asking->is_unlocked || strstr(error->text, "ANALYZE") == NULL
                         ? ""
                         : "; --unsafe allows that");
}

static enum tide_exit print_rows(struct asking *asking)
{
    struct tide_error error = {0};
    struct tide_duckdb_stream_options options = {.is_any_allowed = asking->is_unlocked,
                                                 .message = &asking->message};
    asking->printer = tide_row_printer_create(asking->format, asking->row_max);
    if (asking->printer == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    options.sink = tide_row_printer_sink(asking->printer, &options.is_json);
    const enum tide_status status = tide_duckdb_stream(tide_lake_tables_connection(asking->tables),
                                                       tide_bytes_view(&asking->sql),
                                                       &options,
                                                       &error);
    if (was_interrupted) {
        return die_interrupted();
    }
    if (tide_row_printer_has_ended(asking->printer)) {
        return tide_row_printer_exit(asking->printer);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : refused(asking, status, &error);
}

/* Up to the last ';': inside of COPY it may not stand. */
static struct tide_view without_end(struct tide_view sql)
{
    while (sql.size > 0 && strchr("; \t\r\n", sql.data[sql.size - 1]) != NULL) {
        sql.size--;
    }
    return sql;
}

static enum tide_exit write_parquet(struct asking *asking)
{
    struct tide_error error = {0};
    struct tide_bytes copy = {0};
    struct tide_duckdb_connection *connection = tide_lake_tables_connection(asking->tables);
    const struct tide_duckdb_stream_options options = {.message = &asking->message};
    const struct tide_view sql = without_end(tide_bytes_view(&asking->sql));
    enum tide_status status = tide_duckdb_check_select(connection, sql, &options, &error);
    if (status == TIDE_OK) {
        tide_bytes_append_format(&copy, "COPY (\n%.*s\n) TO ", TIDE_VIEW_ARGUMENTS(sql));
        tide_sql_append_text(&copy, tide_view_of(asking->parquet));
        tide_bytes_append_text(&copy, " (FORMAT parquet, COMPRESSION zstd)");
        status = copy.failed
                     ? tide_error_set(&error, TIDE_RETRY, "out of memory")
                     : tide_duckdb_query(connection, tide_bytes_view(&copy), NULL, NULL, &error);
    }
    tide_bytes_release(&copy);
    if (was_interrupted) {
        return die_interrupted();
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : refused(asking, status, &error);
}

static enum tide_exit ask(struct asking *asking)
{
    struct tide_error error = {0};
    enum tide_exit exit = read_options(asking);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_lake_choice_open(&asking->arena, asking->invocation, &asking->choice);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    const struct tide_lake_tables_options options = {.clock = tide_clock_os(),
                                                     .store = asking->choice.place.store,
                                                     .definitions =
                                                         asking->choice.config.definitions,
                                                     .memory_max = asking->memory_mib << 20,
                                                     .output_path = asking->parquet,
                                                     .is_unlocked = asking->is_unlocked};
    const enum tide_status status = tide_lake_tables_open(&options, &asking->tables, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    watch_interrupts(tide_lake_tables_connection(asking->tables));
    exit = asking->parquet == NULL ? print_rows(asking) : write_parquet(asking);
    interrupted_connection = NULL;
    return exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct asking asking = {.invocation = invocation};
    tide_arena_init(&asking.arena, ARENA_BYTES_MAX);
    tide_bytes_init(&asking.sql, SQL_BYTES_MAX);
    const enum tide_exit exit = ask(&asking);
    tide_row_printer_destroy(asking.printer);
    tide_lake_tables_close(asking.tables);
    tide_lake_choice_close(&asking.choice);
    tide_bytes_release(&asking.sql);
    tide_bytes_release(&asking.message);
    tide_arena_release(&asking.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device: schema and metrics"},
    {"--config", "-c", "FILE", "a configuration, for its lake and its definitions"},
    {"--data", NULL, "DIR", "the lake in DIR/lake, as run has it"},
    {"--lake", NULL, "URL", "a lake by itself"},
    {"--file", NULL, "FILE", "the SQL is in FILE"},
    {"--list", NULL, NULL, "the views, their columns and types"},
    {"--format", NULL, "FORMAT", "table on a terminal, else ndjson; json, csv"},
    {"--parquet", NULL, "FILE", "write the rows to FILE instead; of one SELECT"},
    {"--limit", NULL, "N", "print the first N rows (0: all)"},
    {"--memory", NULL, "MIB", "what DuckDB may use (0: 80 % of the machine's)"},
    {"--unsafe", NULL, NULL, "any statement, any file: DuckDB without the lock"},
    {"--metric", NULL, "NAME", "views of this metric only (repeatable)"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_sql = {
    .name = "sql",
    .summary = "ask DuckDB over the lake: tables, and a typed view for each metric",
    .operands = "[SQL|-]",
    .examples = "  tidemark sql --preset device --list\n"
                "  tidemark sql --preset device 'SELECT region, COUNT(*) FROM events GROUP BY 1'\n"
                "  tidemark sql --preset device --file docs/queries/device_crash_rates.sql\n"
                "  tidemark sql -c tidemark.yaml --parquet days.parquet "
                "'FROM daily_active_users'\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_max = 1,
    .run = run,
};
