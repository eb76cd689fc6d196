/* tidemark hive: the lake in a Hive metastore. */
#include "base/json.h"
#include "batch/hive_ddl.h"
#include "batch/hive_program.h"
#include "batch/spark_path.h"
#include "cli/lake_choice.h"
#include "cli/spark_run.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    JOB_BYTES_MAX = 256 << 20
};

struct hive {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_lake_choice choice;
    struct tide_bytes location;
    struct tide_bytes folder; /* of --apply: absolute */
    struct tide_bytes job;    /* of --apply */
    enum tide_dialect dialect;
    const char *database;
    bool is_applied;
    uint32_t statement_count;
};

/* ---- what to do */

static enum tide_exit read_options(struct hive *hive)
{
    const struct tide_invocation *invocation = hive->invocation;
    const char *engine = tide_invocation_text(invocation, "--engine", "spark");
    if (strcmp(invocation->operands[0], "ddl") != 0) {
        return tide_fail(
            TIDE_EXIT_USAGE, "there is no 'hive %s'; there is 'hive ddl'", invocation->operands[0]);
    }
    if (strcmp(engine, "spark") != 0 && strcmp(engine, "hive") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--engine '%s' is neither spark nor hive", engine);
    }
    hive->dialect = engine[0] == 's' ? TIDE_DIALECT_SPARK : TIDE_DIALECT_HIVE;
    hive->database = tide_invocation_text(invocation, "--database", "tidemark");
    hive->is_applied = tide_invocation_has(invocation, "--apply");
    if (hive->is_applied && hive->dialect == TIDE_DIALECT_HIVE) {
        return tide_fail(TIDE_EXIT_USAGE,
                         "--apply runs Spark's statements; give Hive's to beeline: tidemark hive "
                         "ddl --engine hive > lake.hql && beeline -u URL -f lake.hql");
    }
    return TIDE_EXIT_OK;
}

static enum tide_status find_location(struct hive *hive, struct tide_error *error)
{
    const char *given = tide_invocation_text(hive->invocation, "--location", NULL);
    const struct tide_view url = tide_bytes_view(&hive->choice.place.url);
    if (given == NULL && tide_view_starts_with(url, TIDE_VIEW("hdfs:"))) {
        return tide_spark_hdfs_url(url, hive->choice.config.hdfs_spark_url, &hive->location, error);
    }
    struct tide_view location = given != NULL ? tide_view_of(given) : url;
    while (location.size > 0 && location.data[location.size - 1] == '/') {
        location.size--;
    }
    tide_bytes_append_view(&hive->location, location);
    return TIDE_OK;
}

/* ---- statements */

static void take_statement(void *context, struct tide_view sql)
{
    struct hive *hive = context;
    hive->statement_count++;
    if (!hive->is_applied) {
        printf("%.*s;\n\n", TIDE_VIEW_ARGUMENTS(sql));
        return;
    }
    tide_bytes_append_text(&hive->job, hive->statement_count == 1 ? "\n" : ",\n");
    tide_json_write_string(&hive->job, sql);
}

static void say_missing(void *context, const char *name, const char *why)
{
    const struct hive *hive = context;
    const bool is_view = strcmp(name, "events_derived") == 0;
    const bool is_left_out = is_view || hive->dialect == TIDE_DIALECT_SPARK;
    fprintf(stderr,
            "tidemark: %s %s: %s\n",
            name,
            is_left_out ? "and what is made of it are left out" : "is empty",
            why);
}

static enum tide_status write_ddl(struct hive *hive, struct tide_error *error)
{
    const struct tide_hive_ddl_options options = {
        .store = hive->choice.place.store,
        .clock = tide_clock_os(),
        .definitions = hive->choice.config.definitions,
        .dialect = hive->dialect,
        .database = tide_view_of(hive->database),
        .location = tide_bytes_view(&hive->location),
        .statement = take_statement,
        .missing = say_missing,
        .context = hive,
    };
    return tide_hive_ddl_write(&options, error);
}

/* ---- Spark */

static enum tide_status replace_file(struct hive *hive,
                                     const char *name,
                                     struct tide_view text,
                                     struct tide_error *error)
{
    struct tide_bytes path = {0};
    tide_bytes_append_format(&path, "%s/%s", tide_bytes_terminated(&hive->folder), name);
    const enum tide_status status =
        tide_io_replace_file(tide_io_os(), tide_bytes_terminated(&path), text, error);
    tide_bytes_release(&path);
    return status;
}

/* <data>/hive has the program, its job, its log, and a metastore where Spark has none. */
static enum tide_status begin_job(struct hive *hive, struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    struct tide_bytes path = {0};
    tide_bytes_append_format(&path, "%.*s/hive", TIDE_VIEW_ARGUMENTS(hive->choice.config.data));
    enum tide_status status =
        io.operations->make_directory(io.self, tide_bytes_terminated(&path), error);
    if (status == TIDE_OK) {
        status = tide_io_os_absolute(tide_bytes_terminated(&path), &hive->folder, error);
    }
    tide_bytes_release(&path);
    tide_bytes_append_byte(&hive->job, '{');
    tide_json_write_text_member(&hive->job, "application", TIDE_VIEW("tidemark hive"));
    tide_json_write_text_member(&hive->job, "place", tide_bytes_view(&hive->folder));
    tide_json_write_key(&hive->job, "statements");
    tide_bytes_append_byte(&hive->job, '[');
    return status;
}

static enum tide_status end_job(struct hive *hive, struct tide_error *error)
{
    const struct tide_view program = {tide_hive_programs[0].text, tide_hive_programs[0].size};
    tide_bytes_append_text(&hive->job, "]}\n");
    if (hive->job.failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a job");
    }
    const enum tide_status status =
        replace_file(hive, "job.json", tide_bytes_view(&hive->job), error);
    return status == TIDE_OK ? replace_file(hive, "program.py", program, error) : status;
}

static enum tide_exit apply(struct hive *hive)
{
    struct tide_spark_run run = {.config = &hive->choice.config.spark,
                                 .application = "tidemark hive",
                                 .directory = tide_bytes_terminated(&hive->folder),
                                 .unit_count = hive->statement_count};
    const enum tide_exit exit = tide_spark_run(&run);
    if (exit == TIDE_EXIT_OK) {
        fprintf(stderr,
                "hive: %u statements in database %s, by %s\n",
                hive->statement_count,
                hive->database,
                tide_bytes_terminated(&run.engine));
    }
    tide_bytes_release(&run.engine);
    return exit;
}

/* ---- the command */

static enum tide_status work(struct hive *hive, struct tide_error *error)
{
    enum tide_status status = find_location(hive, error);
    if (status == TIDE_OK && hive->is_applied) {
        status = begin_job(hive, error);
    }
    if (status == TIDE_OK) {
        status = write_ddl(hive, error);
    }
    return status == TIDE_OK && hive->is_applied ? end_job(hive, error) : status;
}

static enum tide_exit run_ddl(struct hive *hive)
{
    struct tide_error error = {0};
    enum tide_exit exit = read_options(hive);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_lake_choice_open(&hive->arena, hive->invocation, &hive->choice);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    const enum tide_status status = work(hive, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    return hive->is_applied ? apply(hive) : TIDE_EXIT_OK;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct hive hive = {.invocation = invocation};
    tide_arena_init(&hive.arena, ARENA_BYTES_MAX);
    tide_bytes_init(&hive.job, JOB_BYTES_MAX);
    const enum tide_exit exit = run_ddl(&hive);
    tide_lake_choice_close(&hive.choice);
    tide_bytes_release(&hive.location);
    tide_bytes_release(&hive.folder);
    tide_bytes_release(&hive.job);
    tide_arena_release(&hive.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device: schema and metrics"},
    {"--config", "-c", "FILE", "a configuration: lake, definitions, batch.spark"},
    {"--data", NULL, "DIR", "the lake in DIR/lake, as run has it"},
    {"--lake", NULL, "URL", "a lake by itself"},
    {"--engine", NULL, "ENGINE", "whose statements: spark (default), hive"},
    {"--database", NULL, "NAME", "the tables' database (tidemark)"},
    {"--location", NULL, "URL", "the lake as the engine names it"},
    {"--apply", NULL, NULL, "run them by spark-submit, in the metastore that Spark has"},
    {"--metric", NULL, "NAME", "views of this metric only (repeatable)"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_hive = {
    .name = "hive",
    .summary = "the lake as tables and views of a Hive metastore",
    .operands = "ddl",
    .examples = "  tidemark hive ddl --preset device --data ./place\n"
                "  tidemark hive ddl -c tidemark.yaml --apply\n"
                "  tidemark hive ddl -c tidemark.yaml --engine hive "
                "--location hdfs://namenode:9000/lake\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
