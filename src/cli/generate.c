/* tidemark generate: seeded events, to stdout, to a running service, or to a topic of Kafka, at a
 * stated rate. */
#include "base/civil.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/event_sender.h"
#include "cli/generate_kafka.h"
#include "collect/generator_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH_LINES = 20, /* events of one envelope or body */
    ARENA_BYTES_MAX = 64 << 20,
};

struct sender {
    struct tide_event_sender_options options; /* without a server: stdout, or kafka */
    struct tide_event_sender http;
    struct tide_generate_kafka *kafka;
    struct tide_bytes text; /* lines for stdout */
    uint32_t line_count;    /* that wait */
    uint64_t sent;
};

static enum tide_exit flush(struct sender *sender)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    if (sender->options.server != NULL) {
        exit = tide_event_sender_flush(&sender->http);
    } else if (sender->kafka == NULL &&
               fwrite(sender->text.data, 1, sender->text.size, stdout) < sender->text.size) {
        exit = TIDE_EXIT_OUTPUT;
    }
    sender->sent += sender->line_count;
    sender->line_count = 0;
    tide_bytes_reset(&sender->text);
    return exit;
}

/* A line to be sent, and how. */
struct made {
    struct tide_bytes line;
    bool is_json;
    struct tide_duration clock_ahead;
    struct tide_duration due; /* after the start; of a story */
};

static enum tide_exit add(struct sender *sender, const struct made *made)
{
    struct tide_error error = {0};
    const struct tide_view line = tide_bytes_view(&made->line);
    enum tide_exit exit = TIDE_EXIT_OK;
    if (sender->kafka != NULL) {
        enum tide_status status = tide_generate_kafka_add(sender->kafka, line, &error);
        if (status != TIDE_OK) {
            return tide_fail(tide_exit_of(status), "%s", error.text);
        }
    } else if (sender->options.server != NULL) {
        exit = tide_event_sender_add(&sender->http, line, made->is_json, made->clock_ahead);
    } else {
        tide_bytes_append_view(&sender->text, line);
        tide_bytes_append_byte(&sender->text, '\n');
    }
    sender->line_count++;
    return exit == TIDE_EXIT_OK && sender->line_count >= BATCH_LINES ? flush(sender) : exit;
}

/* ---- the command */

struct job {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_generator_options options;
    struct tide_generator *generator; /* one of the two */
    struct tide_story *story;
    uint64_t count;    /* 0: for ever */
    uint64_t rate;     /* events a second; 0: as fast as it goes */
    const char *kafka; /* the URL of a topic, or NULL */
};

static void show_progress(const struct sender *sender, uint64_t made)
{
    if (isatty(STDERR_FILENO) && (sender->options.server != NULL || sender->kafka != NULL)) {
        fprintf(stderr, "\r%" PRIu64 " events", made);
    }
}

static void make_next(const struct job *job, uint64_t count, struct made *made)
{
    tide_bytes_reset(&made->line);
    if (job->story == NULL) {
        tide_generator_next(job->generator, &made->line);
        made->is_json = tide_generator_last_is_json(job->generator);
        made->due.us = job->rate == 0 ? 0 : (int64_t)(count * 1000000 / job->rate);
        return;
    }
    struct tide_story_event event;
    tide_story_next(job->story, &made->line, &event);
    made->is_json = event.is_json;
    made->clock_ahead = event.clock_ahead;
    made->due = event.due;
}

/* Events that are due later wait for it; those before them do not wait with them. */
static enum tide_exit wait_until(struct sender *sender,
                                 struct tide_monotonic start,
                                 const struct made *made)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    const int64_t ahead =
        made->due.us - tide_monotonic_since(tide_clock_monotonic(sender->options.clock), start).us;
    if (ahead > 1000 || (ahead > 0 && sender->line_count == 0)) {
        exit = ahead > 1000000 / 5 ? flush(sender) : exit; /* slow: do not hold events */
        tide_clock_sleep(sender->options.clock, (struct tide_duration){ahead});
    }
    return exit;
}

static enum tide_exit generate(const struct job *job, struct sender *sender)
{
    struct made made = {0};
    const bool is_live = sender->options.server != NULL || sender->kafka != NULL;
    const bool is_paced = job->story != NULL ? is_live : job->rate > 0;
    struct tide_monotonic start = tide_clock_monotonic(sender->options.clock);
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint64_t count = 0; exit == TIDE_EXIT_OK && (job->count == 0 || count < job->count);) {
        make_next(job, count, &made);
        exit = is_paced ? wait_until(sender, start, &made) : TIDE_EXIT_OK;
        exit = exit == TIDE_EXIT_OK ? add(sender, &made) : exit;
        count++;
        if (sender->line_count == 0) {
            show_progress(sender, count);
        }
    }
    if (exit == TIDE_EXIT_OK) {
        exit = flush(sender);
        show_progress(sender, sender->sent);
    }
    if (exit == TIDE_EXIT_OK && sender->kafka != NULL) {
        struct tide_error error = {0};
        enum tide_status status = tide_generate_kafka_flush(sender->kafka, &error);
        exit = status == TIDE_OK ? exit : tide_fail(tide_exit_of(status), "%s", error.text);
    }
    tide_bytes_release(&made.line);
    return exit;
}

/* A story says itself what goes wrong: an option that would be without effect is refused. */
static bool check_story(const struct tide_invocation *invocation)
{
    static const char *const others[] = {
        "--devices", "--late", "--duplicate", "--defective", "--wrong-clock"};
    const bool is_story = tide_invocation_has(invocation, "--story");
    for (size_t i = 0; is_story && i < sizeof(others) / sizeof(others[0]); i++) {
        if (tide_invocation_has(invocation, others[i])) {
            (void)tide_fail(
                TIDE_EXIT_USAGE, "--story says itself what happens: leave out %s", others[i]);
            return false;
        }
    }
    return true;
}

static bool read_options(struct job *job, bool live)
{
    const struct tide_invocation *i = job->invocation;
    struct tide_generator_options *g = &job->options;
    uint64_t late;
    uint64_t duplicate;
    uint64_t defective;
    uint64_t wrong_clock;
    uint64_t devices;
    if (!tide_invocation_number(i, "--seed", 0, UINT64_MAX, 1, &g->seed) ||
        !tide_invocation_number(i, "--count", 0, UINT64_MAX, live ? 0 : 1000, &job->count) ||
        !tide_invocation_number(i, "--rate", 0, 10000000, live ? 100 : 0, &job->rate) ||
        !tide_invocation_number(i, "--late", 0, 10000, g->late, &late) ||
        !tide_invocation_number(i, "--duplicate", 0, 10000, g->duplicate, &duplicate) ||
        !tide_invocation_number(i, "--defective", 0, 10000, g->defective, &defective) ||
        !tide_invocation_number(i, "--wrong-clock", 0, 10000, g->wrong_clock, &wrong_clock) ||
        !tide_invocation_number(i, "--devices", 1, 10000000, g->device_count, &devices)) {
        return false;
    }
    g->late = (uint32_t)late;
    g->duplicate = (uint32_t)duplicate;
    g->defective = (uint32_t)defective;
    g->wrong_clock = (uint32_t)wrong_clock;
    g->device_count = (uint32_t)devices;
    const char *start = tide_invocation_text(i, "--start", NULL);
    if (start != NULL && !tide_civil_parse(tide_view_of(start), &g->start)) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--start %s is not an ISO 8601 time", start);
        return false;
    }
    if (live) { /* event time goes with the clock, or a little slower if the rate is open */
        g->step.us = job->rate > 0 ? 1000000 / (int64_t)job->rate : 10;
    }
    return true;
}

/* Keys need the entity, and so the preset's schema. */
static enum tide_status open_kafka(struct job *job, struct sender *sender, struct tide_error *error)
{
    const char *preset = tide_invocation_text(job->invocation, "--preset", "");
    const struct tide_definitions *definitions = NULL;
    tide_arena_init(&job->arena, ARENA_BYTES_MAX);
    enum tide_exit exit =
        tide_config_definitions(&job->arena, job->invocation, NULL, preset, &definitions);
    return exit == TIDE_EXIT_OK
               ? tide_generate_kafka_open(job->kafka, definitions->schema, &sender->kafka, error)
               : tide_error_set(error, TIDE_REJECT, "the preset cannot be read");
}

/* A story at its own pace; of the options only the seed, the start and the rate are about it. */
static enum tide_status create_story(struct job *job, struct tide_error *error)
{
    struct tide_story_options options = tide_story_options_default(job->options.preset);
    options.seed = job->options.seed;
    options.start = job->options.start;
    options.rate = job->rate > 0 ? (uint32_t)job->rate : options.rate;
    return tide_story_create(&options, &job->story, error);
}

static enum tide_status open_destination(struct job *job,
                                         struct sender *sender,
                                         struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    if (sender->options.server != NULL) {
        sender->options.line_count = BATCH_LINES;
        sender->options.seed = job->options.seed;
        status = tide_event_sender_open(&sender->options, &sender->http, error);
    }
    return status == TIDE_OK && job->kafka != NULL ? open_kafka(job, sender, error) : status;
}

static enum tide_exit run_job(struct job *job, struct sender *sender)
{
    struct tide_error error = {0};
    enum tide_status status = tide_invocation_has(job->invocation, "--story")
                                  ? create_story(job, &error)
                                  : tide_generator_create(&job->options, &job->generator, &error);
    if (status == TIDE_OK) {
        status = open_destination(job, sender, &error);
    }
    enum tide_exit exit = status == TIDE_OK ? generate(job, sender)
                                            : tide_fail(tide_exit_of(status), "%s", error.text);
    tide_generator_destroy(job->generator);
    tide_story_destroy(job->story);
    tide_event_sender_close(&sender->http);
    tide_generate_kafka_close(sender->kafka);
    tide_arena_release(&job->arena);
    tide_bytes_release(&sender->text);
    return exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct job job = {.invocation = invocation};
    struct sender sender = {.options.clock = tide_clock_os()};
    const char *preset = tide_invocation_text(invocation, "--preset", "");
    const char *to = tide_invocation_text(invocation, "--to", "-");
    sender.options.is_sunbird = strcmp(preset, "sunbird") == 0;
    if (!sender.options.is_sunbird && strcmp(preset, "device") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "say which events: --preset sunbird or device");
    }
    if (strncmp(to, "http://", 7) == 0 || strncmp(to, "https://", 8) == 0) {
        sender.options.server = to;
    } else if (strncmp(to, "kafka://", 8) == 0) {
        job.kafka = to;
    } else if (strcmp(to, "-") != 0) {
        return tide_fail(
            TIDE_EXIT_USAGE, "--to %s: write -, http://host:port or kafka://host:port/topic", to);
    }
    bool live = sender.options.server != NULL || job.kafka != NULL;
    job.options = tide_generator_options_default(sender.options.is_sunbird ? TIDE_GENERATOR_SUNBIRD
                                                                           : TIDE_GENERATOR_DEVICE);
    if (live) {
        job.options.start = tide_clock_now(sender.options.clock);
    }
    if (!check_story(invocation) || !read_options(&job, live) ||
        !tide_event_sender_read(invocation, &sender.options)) {
        return TIDE_EXIT_USAGE;
    }
    return run_job(&job, &sender);
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device"},
    {"--to", NULL, "WHERE", "- (default), the URL of a service, or kafka://host:port/topic"},
    {"--compress", NULL, "CODING", "bodies by gzip or zstd, to a service"},
    {"--key", NULL, "KEY", "API key of a service; or TIDEMARK_KEY, which no process list shows"},
    {"--rate", NULL, "N", "events a second; 0: as fast as it goes (100 but to -)"},
    {"--count", NULL, "N", "how many; 0: for ever (1000 to -, else 0)"},
    {"--seed", NULL, "S", "the same seed gives the same events (1)"},
    {"--start", NULL, "TIME", "event time of the first one (2026-01-01 to -, else now)"},
    {"--devices", NULL, "N", "devices or users (500), in 6 regions"},
    {"--late", NULL, "N", "of 10,000 events come minutes to hours late"},
    {"--duplicate", NULL, "N", "of 10,000 come again, byte for byte"},
    {"--defective", NULL, "N", "of 10,000 are broken in some way"},
    {"--wrong-clock", NULL, "N", "of 10,000 come from a device whose clock is off"},
    {"--story", NULL, NULL, "history, then what goes wrong one after the other, as in 'demo'"},
};

const struct tide_command tide_command_generate = {
    .name = "generate",
    .summary = "seeded events with stated rates of trouble",
    .operands = "",
    .examples = "  tidemark generate --preset sunbird --count 100000 --seed 7 > events.ndjson\n"
                "  tidemark generate --preset device --rate 200 --to http://127.0.0.1:8080\n"
                "  tidemark generate --preset sunbird --rate 0 --count 1000000 \\\n"
                "    --to kafka://127.0.0.1:9092/telemetry-events\n"
                "  tidemark generate --preset device --story --to http://127.0.0.1:8080\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
