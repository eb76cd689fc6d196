/* The child's lines are of two kinds: those of our program begin with a mark and are JSON; the rest
 * is Spark's log, which goes to a file and is searched for what explains a failure. */
#include "cli/spark_run.h"

#include "base/io.h"
#include "base/json.h"
#include "cli/child.h"
#include "cli/config_value.h"
#include "cli/spark_fault.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    ARGUMENTS_MAX = 256,
    PATH_BYTES_MAX = 4096,
    LOG_BYTES_MAX = 64 << 20,
    EVENT_BYTES_MAX = 1 << 20,
    SIGNALLED = 128, /* and the signal, as a shell says it */
    COMPLAINT_BYTES_MAX = 300
};
static const struct tide_view mark = {"@tidemark ", 10};
static const struct tide_duration patience = {1000000};
static const struct tide_duration grace = {5000000}; /* for the JVM to end by itself */

struct monitor {
    struct tide_spark_run *run;
    struct tide_io io;
    struct tide_file log;
    uint64_t log_size;
    bool is_terminal;
    bool has_tasks_line; /* on the terminal, to be written over */
    bool is_finished;
    const char *notice;
    const struct tide_spark_fault *fault; /* the first that the log shows */
    struct tide_bytes complaint;          /* the line that shows it, or else that looks like one */
    bool has_complaint;                   /* else it is the last line */
    struct tide_bytes told;               /* by our program: the error */
    struct tide_bytes current;
};

/* ---- arguments */

struct arguments {
    struct tide_arena arena;
    const char *words[ARGUMENTS_MAX + 1];
    uint32_t count;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments,
                                                      const char *format,
                                                      ...)
{
    char text[PATH_BYTES_MAX];
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (size < 0 || (size_t)size >= sizeof(text) || arguments->count == ARGUMENTS_MAX) {
        arguments->failed = true;
        return;
    }
    const struct tide_view copy =
        tide_arena_copy(&arguments->arena, (struct tide_view){text, (size_t)size});
    arguments->failed = arguments->failed || copy.data == NULL;
    arguments->words[arguments->count++] = copy.data;
}

/* The child works elsewhere than we; a program without '/' is looked for in PATH. */
static void write_program(struct tide_view path, struct tide_bytes *text)
{
    const bool is_relative =
        path.size > 0 && path.data[0] != '/' && memchr(path.data, '/', path.size) != NULL;
    if (is_relative && tide_io_os_absolute(".", text, NULL) == TIDE_OK) {
        tide_bytes_append_byte(text, '/');
    }
    tide_bytes_append_view(text, path);
}

static void add_program(struct arguments *arguments, const struct tide_spark_config *config)
{
    const char *home = getenv("SPARK_HOME");
    struct tide_bytes text = {0};
    if (config->submit.size > 0) {
        write_program(config->submit, &text);
    } else if (home != NULL && home[0] != '\0') {
        tide_bytes_append_format(&text, "%s/bin/spark-submit", home);
    } else {
        tide_bytes_append_text(&text, "spark-submit");
    }
    add(arguments, "%s", tide_bytes_terminated(&text));
    tide_bytes_release(&text);
}

static void add_conf(struct arguments *arguments, struct tide_view name, struct tide_view value)
{
    add(arguments, "--conf");
    add(arguments, "%.*s=%.*s", TIDE_VIEW_ARGUMENTS(name), TIDE_VIEW_ARGUMENTS(value));
}

/* What is given later holds. */
static void fill(struct arguments *arguments, const struct tide_spark_run *run)
{
    const struct tide_spark_config *config = run->config;
    struct tide_view rest = config->properties;
    struct tide_view name;
    struct tide_view value;
    add_program(arguments, config);
    add(arguments, "--master");
    add(arguments, "%.*s", TIDE_VIEW_ARGUMENTS(config->master));
    add(arguments, "--deploy-mode");
    add(arguments, "client");
    add(arguments, "--name");
    add(arguments, "%s", run->application);
    add_conf(arguments, TIDE_VIEW("spark.ui.enabled"), TIDE_VIEW("false"));
    add_conf(arguments, TIDE_VIEW("spark.ui.showConsoleProgress"), TIDE_VIEW("false"));
    while (tide_config_map_next(&rest, &name, &value)) {
        add_conf(arguments, name, value);
    }
    add(arguments, "%s/program.py", run->directory);
    add(arguments, "%s/job.json", run->directory);
}

/* ---- what is shown */

static void clear_tasks(struct monitor *monitor)
{
    if (monitor->has_tasks_line) {
        fputs("\r\033[K", stderr);
        monitor->has_tasks_line = false;
    }
}

static void show_tasks(struct monitor *monitor, const struct tide_json *tasks)
{
    if (!monitor->is_terminal || tasks->kind != TIDE_JSON_ARRAY || tasks->count != 2) {
        return;
    }
    fprintf(stderr,
            "\r\033[K[%" PRIu32 "/%" PRIu32 "] %.*s: %.*s of %.*s tasks",
            monitor->run->done_count + 1,
            monitor->run->unit_count,
            TIDE_VIEW_ARGUMENTS(tide_bytes_view(&monitor->current)),
            TIDE_VIEW_ARGUMENTS(tasks->first->text),
            TIDE_VIEW_ARGUMENTS(tasks->first->next->text));
    monitor->has_tasks_line = true;
}

static void show_end(struct monitor *monitor, struct tide_view name, uint64_t rows)
{
    monitor->run->done_count++;
    clear_tasks(monitor);
    fprintf(stderr,
            "[%" PRIu32 "/%" PRIu32 "] %.*s: %" PRIu64 " rows\n",
            monitor->run->done_count,
            monitor->run->unit_count,
            TIDE_VIEW_ARGUMENTS(name),
            rows);
}

static void show_notice(struct monitor *monitor, const char *notice)
{
    if (notice != NULL && notice != monitor->notice) {
        clear_tasks(monitor);
        fprintf(stderr, "spark: %s\n", notice);
        monitor->notice = notice;
    }
}

/* ---- lines */

static void read_event(struct monitor *monitor, struct tide_view text)
{
    struct tide_arena arena;
    struct tide_json *json = NULL;
    struct tide_view name;
    uint64_t rows = 0;
    tide_arena_init(&arena, EVENT_BYTES_MAX);
    if (tide_json_parse(&arena, text, &json, NULL) != TIDE_OK) {
        tide_arena_release(&arena);
        return;
    }
    if (tide_json_get_text(json, "begins", &name)) {
        tide_bytes_reset(&monitor->current);
        tide_bytes_append_view(&monitor->current, name);
    } else if (tide_json_get_text(json, "ends", &name) && tide_json_get_u64(json, "rows", &rows)) {
        show_end(monitor, name, rows);
    } else if (tide_json_get_text(json, "engine", &name)) {
        tide_bytes_reset(&monitor->run->engine);
        tide_bytes_append_view(&monitor->run->engine, name);
    } else if (tide_json_get_text(json, "error", &name)) {
        tide_bytes_reset(&monitor->told);
        tide_bytes_append_view(&monitor->told, name);
    } else if (tide_json_get(json, "tasks") != NULL) {
        show_tasks(monitor, tide_json_get(json, "tasks"));
    } else if (tide_json_get(json, "finished") != NULL) {
        monitor->is_finished = true;
    }
    tide_arena_release(&arena);
}

/* A log that cannot be written is no failure of the run. */
static void keep_line(struct monitor *monitor, struct tide_view line)
{
    const struct tide_io io = monitor->io;
    if (monitor->log.handle == 0 || monitor->log_size + line.size + 1 > LOG_BYTES_MAX) {
        return;
    }
    if (io.operations->write(
            io.self, monitor->log, monitor->log_size, line.data, line.size, NULL) == TIDE_OK &&
        io.operations->write(io.self, monitor->log, monitor->log_size + line.size, "\n", 1, NULL) ==
            TIDE_OK) {
        monitor->log_size += line.size + 1;
    }
}

static void keep_complaint(struct monitor *monitor, struct tide_view line)
{
    tide_bytes_reset(&monitor->complaint);
    tide_bytes_append(&monitor->complaint,
                      line.data,
                      line.size < COMPLAINT_BYTES_MAX ? line.size : COMPLAINT_BYTES_MAX);
}

static void read_line(struct monitor *monitor, struct tide_view line)
{
    keep_line(monitor, line);
    if (tide_view_starts_with(line, mark)) {
        read_event(monitor, tide_view_slice(line, mark.size, line.size - mark.size));
        return;
    }
    show_notice(monitor, tide_spark_notice_find(line));
    const struct tide_spark_fault *fault =
        monitor->fault == NULL ? tide_spark_fault_find(line) : NULL;
    if (fault != NULL || !monitor->has_complaint) {
        keep_complaint(monitor, line);
        monitor->has_complaint = fault != NULL || tide_spark_complains(line);
    }
    if (fault != NULL) {
        monitor->fault = fault;
    }
}

/* ---- the end */

static enum tide_exit explain(struct monitor *monitor, int code)
{
    struct tide_spark_run *run = monitor->run;
    const struct tide_view told = tide_bytes_view(&monitor->told);
    const struct tide_spark_fault *fault = told.size > 0 ? tide_spark_fault_find(told) : NULL;
    if (fault == NULL) {
        fault = monitor->fault;
    }
    if (fault == NULL && told.size == 0 && code > SIGNALLED) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "spark was ended by signal %d", code - SIGNALLED);
    }
    struct tide_view text = told.size > 0 ? told : tide_bytes_view(&monitor->complaint);
    if (text.size == 0) {
        text = TIDE_VIEW("it did not say why");
    }
    run->is_snapshot_lost = fault != NULL && fault->is_of_snapshot;
    const enum tide_exit exit = fault != NULL ? fault->exit : TIDE_EXIT_FAILURE;
    return tide_fail(exit,
                     "spark%s%s: %.*s (exit %d; all it said: %s/spark.log)",
                     fault != NULL ? ": " : "",
                     fault != NULL ? fault->sentence : "",
                     TIDE_VIEW_ARGUMENTS(text),
                     code,
                     run->directory);
}

static enum tide_exit follow(struct monitor *monitor, struct tide_child *child)
{
    struct tide_view line;
    enum tide_child_event event = TIDE_CHILD_QUIET;
    while (event == TIDE_CHILD_QUIET || event == TIDE_CHILD_LINE) {
        event = tide_child_next(child, patience, &line);
        if (event == TIDE_CHILD_LINE) {
            read_line(monitor, line);
        }
    }
    clear_tasks(monitor);
    if (event == TIDE_CHILD_SIGNAL) {
        tide_child_end(child);
        (void)tide_child_close(child, grace);
        return tide_fail(TIDE_EXIT_TEMPORARY,
                         "interrupted; %" PRIu32 " of %" PRIu32 " pieces are finished",
                         monitor->run->done_count,
                         monitor->run->unit_count);
    }
    const int code = tide_child_close(child, grace);
    return code == 0 && monitor->is_finished ? TIDE_EXIT_OK : explain(monitor, code);
}

static enum tide_exit start(const struct tide_spark_run *run,
                            const struct arguments *arguments,
                            struct tide_child *child)
{
    const char *environment[] = {"PYTHONUNBUFFERED=1", NULL, NULL};
    struct tide_error error = {0};
    struct tide_bytes python = {0};
    if (arguments->failed) {
        return tide_fail(TIDE_EXIT_CONFIGURATION, "batch.spark has too much in it");
    }
    if (run->config->python.size > 0) {
        tide_bytes_append_text(&python, "PYSPARK_PYTHON=");
        write_program(run->config->python, &python);
        environment[1] = tide_bytes_terminated(&python);
    }
    const struct tide_child_options options = {.arguments = arguments->words,
                                               .environment = environment,
                                               .directory = run->directory,
                                               .hears_signals = true};
    const enum tide_status status = tide_child_start(&options, child, &error);
    tide_bytes_release(&python);
    return status == TIDE_OK
               ? TIDE_EXIT_OK
               : tide_fail(tide_exit_of(status),
                           "%s%s",
                           error.text,
                           status == TIDE_REJECT ? "; set batch.spark.submit or SPARK_HOME" : "");
}

enum tide_exit tide_spark_run(struct tide_spark_run *run)
{
    static const int heard[] = {SIGINT, SIGTERM, SIGHUP};
    char path[PATH_BYTES_MAX];
    sigset_t wanted;
    sigset_t before;
    struct tide_child child = {0};
    struct arguments arguments = {0};
    struct monitor monitor = {
        .run = run, .io = tide_io_os(), .is_terminal = isatty(STDERR_FILENO) == 1};
    fill(&arguments, run);
    (void)snprintf(path, sizeof(path), "%s/spark.log", run->directory);
    (void)monitor.io.operations->remove(monitor.io.self, path, NULL);
    (void)monitor.io.operations->open(monitor.io.self, path, TIDE_IO_CREATE, &monitor.log, NULL);
    sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
        sigaddset(&wanted, heard[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &wanted, &before);
    enum tide_exit exit = start(run, &arguments, &child);
    if (exit == TIDE_EXIT_OK) {
        exit = follow(&monitor, &child);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    monitor.io.operations->close(monitor.io.self, &monitor.log);
    tide_bytes_release(&monitor.complaint);
    tide_bytes_release(&monitor.told);
    tide_bytes_release(&monitor.current);
    tide_arena_release(&arguments.arena);
    return exit;
}
