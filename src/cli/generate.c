/* tidemark generate: seeded events, to stdout, to a running service, or to a topic of Kafka, at a
 * stated rate. */
#include "base/civil.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/generate_kafka.h"
#include "collect/generator.h"
#include "http/client.h"
#include "http/compress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH_LINES = 20, /* events of one envelope or body */
    ATTEMPTS_MAX = 600,
    REPLY_BYTES_MAX = 16 << 20,
    TIMEOUT_S = 30,
    ARENA_BYTES_MAX = 64 << 20,
    KEY_BYTES_MAX = 1024, /* of whatever stands before the service */
};

static const char key_variable[] = "TIDEMARK_KEY";

struct sender {
    const char *server; /* NULL: stdout, or kafka */
    struct tide_generate_kafka *kafka;
    bool is_sunbird;
    struct tide_clock clock;
    struct tide_http_client *client;
    struct tide_bytes url;
    struct tide_bytes authorization; /* a header; empty: no key */
    enum tide_coding coding;         /* of bodies */
    struct tide_bytes packed;        /* one of them, if it has one */
    struct tide_bytes body;          /* good lines, joined as the endpoint wants them */
    struct tide_bytes strays;        /* lines that cannot stand in an envelope: NDJSON */
    uint32_t line_count;
    uint64_t batch_count;
    uint64_t seed;
    uint64_t sent;
};

/* ---- one request */

/* The header that says what *body is now. NULL: it is as it was. */
static enum tide_status pack(struct sender *sender,
                             struct tide_view *body,
                             const char **header,
                             struct tide_error *error)
{
    if (sender->coding == TIDE_CODING_IDENTITY) {
        return TIDE_OK;
    }
    *header =
        sender->coding == TIDE_CODING_GZIP ? "Content-Encoding: gzip" : "Content-Encoding: zstd";
    tide_bytes_reset(&sender->packed);
    const enum tide_status status = tide_compress(sender->coding, *body, &sender->packed, error);
    *body = tide_bytes_view(&sender->packed);
    return status;
}

static bool is_busy(unsigned status)
{
    return status == 503 || status == 429;
}

/* Other refusals are what --defective is for. */
static enum tide_exit exit_of(unsigned status)
{
    if (status == 401 || status == 403) {
        return tide_fail(TIDE_EXIT_FAILURE,
                         "the service answered %u: it wants an API key that it knows, by --key or "
                         "in %s",
                         status,
                         key_variable);
    }
    return status < 500 ? TIDE_EXIT_OK
                        : tide_fail(TIDE_EXIT_FAILURE, "the service answered %u", status);
}

static enum tide_exit post(struct sender *sender,
                           const char *path,
                           const char *content_type,
                           struct tide_view body)
{
    struct tide_error error = {0};
    const char *headers[2] = {NULL, NULL};
    uint32_t header_count = 0;
    tide_bytes_reset(&sender->url);
    tide_bytes_append_format(&sender->url, "%s%s", sender->server, path);
    if (pack(sender, &body, &headers[0], &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    header_count = headers[0] == NULL ? 0 : 1;
    if (sender->authorization.size > 0) {
        headers[header_count++] = tide_bytes_terminated(&sender->authorization);
    }
    struct tide_http_request request = {.method = "POST",
                                        .url = tide_bytes_terminated(&sender->url),
                                        .content_type = content_type,
                                        .body = body,
                                        .headers = headers,
                                        .header_count = header_count,
                                        .reply_bytes_max = REPLY_BYTES_MAX,
                                        .timeout = {TIMEOUT_S * INT64_C(1000000)}};
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        struct tide_http_response response = {0};
        enum tide_status status =
            tide_http_client_send(sender->client, &request, &response, &error);
        tide_http_response_release(&response);
        if (status == TIDE_OK && !is_busy(response.status)) {
            return exit_of(response.status);
        }
        if (status != TIDE_OK && attempt >= 3) {
            return tide_fail(TIDE_EXIT_CONNECT, "%s", error.text);
        }
        int64_t pause = response.retry_after_s > 0 ? response.retry_after_s : 1;
        tide_clock_sleep(sender->clock, (struct tide_duration){pause * 1000000});
    }
    return tide_fail(TIDE_EXIT_TEMPORARY, "the service is busy for too long");
}

static enum tide_exit flush_http(struct sender *sender)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    if (sender->body.size > 0 && sender->is_sunbird) {
        tide_bytes_append_text(&sender->body, "]}");
        exit = post(sender, "/v1/telemetry", "application/json", tide_bytes_view(&sender->body));
    } else if (sender->body.size > 0) {
        exit = post(sender, "/v1/events", "application/x-ndjson", tide_bytes_view(&sender->body));
    }
    if (exit == TIDE_EXIT_OK && sender->strays.size > 0) {
        exit = post(sender, "/v1/events", "application/x-ndjson", tide_bytes_view(&sender->strays));
    }
    return exit;
}

static enum tide_exit flush(struct sender *sender)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    if (sender->server != NULL) {
        exit = flush_http(sender);
    } else if (sender->kafka == NULL &&
               fwrite(sender->body.data, 1, sender->body.size, stdout) < sender->body.size) {
        exit = TIDE_EXIT_OUTPUT;
    }
    sender->sent += sender->line_count;
    sender->line_count = 0;
    tide_bytes_reset(&sender->body);
    tide_bytes_reset(&sender->strays);
    return exit;
}

static void add_to_envelope(struct sender *sender, struct tide_view line)
{
    if (sender->body.size == 0) {
        int64_t now_ms = tide_clock_now(sender->clock).us / 1000;
        tide_bytes_append_format(
            &sender->body,
            "{\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":%" PRId64
            ",\"params\":{\"msgid\":\"%016" PRIx64 "-%" PRIu64 "-%" PRId64 "\"},\"events\":[",
            now_ms,
            sender->seed,
            sender->batch_count++,
            now_ms);
    } else {
        tide_bytes_append_byte(&sender->body, ',');
    }
    tide_bytes_append_view(&sender->body, line);
}

static enum tide_exit add(struct sender *sender, struct tide_view line, bool is_json)
{
    struct tide_error error = {0};
    if (sender->kafka != NULL) {
        enum tide_status status = tide_generate_kafka_add(sender->kafka, line, &error);
        if (status != TIDE_OK) {
            return tide_fail(tide_exit_of(status), "%s", error.text);
        }
    } else if (sender->server == NULL || !sender->is_sunbird) {
        tide_bytes_append_view(&sender->body, line);
        tide_bytes_append_byte(&sender->body, '\n');
    } else if (is_json) {
        add_to_envelope(sender, line);
    } else {
        tide_bytes_append_view(&sender->strays, line);
        tide_bytes_append_byte(&sender->strays, '\n');
    }
    sender->line_count++;
    return sender->line_count >= BATCH_LINES ? flush(sender) : TIDE_EXIT_OK;
}

/* ---- the command */

struct job {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_generator_options generator;
    uint64_t count;    /* 0: for ever */
    uint64_t rate;     /* events a second; 0: as fast as it goes */
    const char *kafka; /* the URL of a topic, or NULL */
};

static void show_progress(const struct sender *sender, uint64_t made)
{
    if (isatty(STDERR_FILENO) && (sender->server != NULL || sender->kafka != NULL)) {
        fprintf(stderr, "\r%" PRIu64 " events", made);
    }
}

static enum tide_exit generate(const struct job *job,
                               struct sender *sender,
                               struct tide_generator *generator)
{
    struct tide_bytes line = {0};
    struct tide_monotonic start = tide_clock_monotonic(sender->clock);
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint64_t made = 0; exit == TIDE_EXIT_OK && (job->count == 0 || made < job->count);) {
        tide_bytes_reset(&line);
        tide_generator_next(generator, &line);
        exit = add(sender, tide_bytes_view(&line), tide_generator_last_is_json(generator));
        made++;
        if (exit == TIDE_EXIT_OK && job->rate > 0) {
            int64_t due = (int64_t)(made * 1000000 / job->rate);
            int64_t ahead =
                due - tide_monotonic_since(tide_clock_monotonic(sender->clock), start).us;
            if (ahead > 1000 || sender->line_count == 0) {
                exit = ahead > 1000000 / 5 ? flush(sender) : exit; /* slow: do not hold events */
                tide_clock_sleep(sender->clock, (struct tide_duration){ahead > 0 ? ahead : 0});
                show_progress(sender, made);
            }
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
    tide_bytes_release(&line);
    return exit;
}

static bool read_options(struct job *job, bool live)
{
    const struct tide_invocation *i = job->invocation;
    struct tide_generator_options *g = &job->generator;
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

static enum tide_exit run_job(struct job *job, struct sender *sender)
{
    struct tide_error error = {0};
    struct tide_generator *generator = NULL;
    enum tide_status status = tide_generator_create(&job->generator, &generator, &error);
    if (status == TIDE_OK && sender->server != NULL) {
        status = tide_http_client_create(&sender->client, &error);
    }
    if (status == TIDE_OK && job->kafka != NULL) {
        status = open_kafka(job, sender, &error);
    }
    enum tide_exit exit = status == TIDE_OK ? generate(job, sender, generator)
                                            : tide_fail(tide_exit_of(status), "%s", error.text);
    tide_generator_destroy(generator);
    if (sender->client != NULL) {
        tide_http_client_destroy(sender->client);
    }
    tide_generate_kafka_close(sender->kafka);
    tide_arena_release(&job->arena);
    tide_bytes_release(&sender->url);
    tide_bytes_release(&sender->authorization);
    tide_bytes_release(&sender->packed);
    tide_bytes_release(&sender->body);
    tide_bytes_release(&sender->strays);
    return exit;
}

static bool read_coding(const struct tide_invocation *invocation, struct sender *sender)
{
    const char *name = tide_invocation_text(invocation, "--compress", NULL);
    if (name == NULL) {
        return true;
    }
    if (sender->server == NULL) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--compress is about bodies: --to http://host:port");
        return false;
    }
    sender->coding = strcmp(name, "gzip") == 0   ? TIDE_CODING_GZIP
                     : strcmp(name, "zstd") == 0 ? TIDE_CODING_ZSTD
                                                 : TIDE_CODING_OTHER;
    if (sender->coding == TIDE_CODING_OTHER) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--compress %s: write gzip or zstd", name);
        return false;
    }
    return true;
}

/* What stands in a header as it is, so nobody can write another one with it. */
static bool is_key(const char *text)
{
    size_t size = 0;
    while (text[size] > ' ' && text[size] <= '~') {
        size++;
    }
    return text[size] == '\0' && size > 0 && size <= KEY_BYTES_MAX;
}

/* The variable is for all that a shell starts, so other places for events do not mind it. */
static bool read_key(const struct tide_invocation *invocation, struct sender *sender)
{
    const char *key = tide_invocation_text(invocation, "--key", NULL);
    if (key != NULL && sender->server == NULL) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--key is for a service: --to http://host:port");
        return false;
    }
    const bool is_said = key != NULL;
    key = is_said ? key : getenv(key_variable);
    if (sender->server == NULL || key == NULL || (!is_said && key[0] == '\0')) {
        return true;
    }
    if (!is_key(key)) {
        (void)tide_fail(TIDE_EXIT_USAGE,
                        "%s: a key is at most %d visible ASCII characters, none of them a space",
                        is_said ? "--key" : key_variable,
                        KEY_BYTES_MAX);
        return false;
    }
    tide_bytes_append_format(&sender->authorization, "Authorization: Bearer %s", key);
    return true;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct job job = {.invocation = invocation};
    struct sender sender = {.clock = tide_clock_os()};
    const char *preset = tide_invocation_text(invocation, "--preset", "");
    const char *to = tide_invocation_text(invocation, "--to", "-");
    sender.is_sunbird = strcmp(preset, "sunbird") == 0;
    if (!sender.is_sunbird && strcmp(preset, "device") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "say which events: --preset sunbird or device");
    }
    if (strncmp(to, "http://", 7) == 0 || strncmp(to, "https://", 8) == 0) {
        sender.server = to;
    } else if (strncmp(to, "kafka://", 8) == 0) {
        job.kafka = to;
    } else if (strcmp(to, "-") != 0) {
        return tide_fail(
            TIDE_EXIT_USAGE, "--to %s: write -, http://host:port or kafka://host:port/topic", to);
    }
    if (!read_coding(invocation, &sender)) {
        return TIDE_EXIT_USAGE;
    }
    bool live = sender.server != NULL || job.kafka != NULL;
    job.generator = tide_generator_options_default(sender.is_sunbird ? TIDE_GENERATOR_SUNBIRD
                                                                     : TIDE_GENERATOR_DEVICE);
    if (live) {
        job.generator.start = tide_clock_now(sender.clock);
    }
    if (!read_options(&job, live) || !read_key(invocation, &sender)) {
        return TIDE_EXIT_USAGE;
    }
    sender.seed = job.generator.seed;
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
};

const struct tide_command tide_command_generate = {
    .name = "generate",
    .summary = "seeded events with stated rates of trouble",
    .operands = "",
    .examples = "  tidemark generate --preset sunbird --count 100000 --seed 7 > events.ndjson\n"
                "  tidemark generate --preset device --rate 200 --to http://127.0.0.1:8080\n"
                "  tidemark generate --preset sunbird --rate 0 --count 1000000 \\\n"
                "    --to kafka://127.0.0.1:9092/telemetry-events\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
