/* tidemark health: one table of everything that the service stands on, up or not.
 *
 * Each place is asked on a thread of its own, each question has a timeout, and nothing is changed
 * anywhere. Without a configuration only the service is asked, and tells of its log, lake and
 * batch; with one the brokers, the lake, Spark and health.urls are asked themselves, so that they
 * are told of while the service is down. */
#include "base/thread.h"
#include "cli/ask.h"
#include "cli/config_value.h"
#include "cli/health_probe.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    URLS_MAX = 16,
    PROBES_MAX = 8 + URLS_MAX,
    TIMEOUT_S = 3,
    TIMEOUT_S_MAX = 60,
    DISK_FREE_PERCENT = 10, /* as deploy/prometheus/alerts.yml has it */
};

/* In the order of the table. */
static const char *const fixed_parts[] = {
    "service", "log", "collect", "publish", "lake", "batch", "spark"};
enum {
    FIXED_PARTS = sizeof(fixed_parts) / sizeof(fixed_parts[0])
};

struct health {
    const struct tide_invocation *invocation;
    struct tide_arena arena;
    struct tide_config config;
    bool is_configured;
    struct tide_duration timeout;
    uint64_t disk_free_percent;
    struct tide_health_probe *probes; /* PROBES_MAX */
    pthread_t threads[PROBES_MAX];
    bool is_started[PROBES_MAX];
    uint32_t probe_count;
};

static bool is_wanted(const struct health *health, struct tide_view part)
{
    const uint32_t count = tide_invocation_count(health->invocation, "--part");
    for (uint32_t i = 0; i < count; i++) {
        const char *wanted = tide_invocation_at(health->invocation, "--part", i);
        if (tide_view_equal(tide_view_of(wanted), part)) {
            return true;
        }
    }
    return count == 0;
}

static void add_probe(struct health *health,
                      const char *part,
                      const char *url,
                      void (*ask)(struct tide_health_probe *probe))
{
    if (health->probe_count == PROBES_MAX) {
        return;
    }
    struct tide_health_probe *probe = &health->probes[health->probe_count++];
    *probe = (struct tide_health_probe){.ask = ask,
                                        .part = part,
                                        .url = url,
                                        .config = &health->config,
                                        .timeout = health->timeout,
                                        .disk_free_percent = health->disk_free_percent};
    tide_arena_init(&probe->arena, ARENA_BYTES_MAX);
}

/* ---- what to ask */

static enum tide_exit load(struct health *health)
{
    const struct tide_invocation *invocation = health->invocation;
    const char *file = tide_invocation_text(invocation, "--config", NULL);
    const char *preset = tide_invocation_text(invocation, "--preset", NULL);
    health->is_configured = file != NULL || preset != NULL;
    if (!health->is_configured) {
        if (tide_invocation_has(invocation, "--set") || tide_invocation_has(invocation, "--data")) {
            return tide_fail(TIDE_EXIT_USAGE,
                             "--set and --data want what they change: -c FILE or --preset NAME");
        }
        return TIDE_EXIT_OK;
    }
    const enum tide_exit exit =
        tide_config_load(&health->arena, invocation, file, preset, &health->config);
    return exit == TIDE_EXIT_OK
               ? tide_config_flags(&health->arena,
                                   tide_invocation_text(invocation, "--data", NULL),
                                   NULL,
                                   &health->config)
               : exit;
}

/* --server, or where the configured service listens, as this machine reaches it. */
static const char *server_of(struct health *health)
{
    const char *server = tide_invocation_text(health->invocation, "--server", NULL);
    const struct tide_listen *listen = &health->config.listen;
    char text[sizeof(listen->address) + sizeof("http://[]:65535")];
    if (server != NULL) {
        return server;
    }
    if (!health->is_configured || listen->port == 0) {
        return TIDE_DEFAULT_SERVER;
    }
    const char *address = listen->address;
    if (strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    } else if (strcmp(address, "::") == 0 || strcmp(address, "[::]") == 0) {
        address = "[::1]";
    }
    (void)snprintf(text, sizeof(text), "http://%s:%u", address, (unsigned)listen->port);
    server = tide_arena_copy(&health->arena, tide_view_of(text)).data;
    return server != NULL ? server : TIDE_DEFAULT_SERVER;
}

/* Spark's master is asked for its page where health.urls has one. */
static bool has_url(const struct health *health, const char *part)
{
    struct tide_view rest = health->config.health_urls;
    struct tide_view name;
    struct tide_view url;
    while (tide_config_map_next(&rest, &name, &url)) {
        if (tide_view_equal(name, tide_view_of(part))) {
            return true;
        }
    }
    return false;
}

static enum tide_exit plan_urls(struct health *health)
{
    struct tide_view rest = health->config.health_urls;
    struct tide_view name;
    struct tide_view url;
    uint32_t count = 0;
    while (tide_config_map_next(&rest, &name, &url)) {
        const struct tide_view part = tide_arena_copy(&health->arena, name);
        const struct tide_view place = tide_arena_copy(&health->arena, url);
        if (part.data == NULL || place.data == NULL) {
            return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
        }
        if (count++ == URLS_MAX) {
            return tide_fail(
                TIDE_EXIT_CONFIGURATION, "health.urls has more than %d places", URLS_MAX);
        }
        if (is_wanted(health, name)) {
            add_probe(health, part.data, place.data, tide_health_ask_url);
        }
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit plan_configured(struct health *health)
{
    const struct tide_config *config = &health->config;
    const struct {
        const char *part;
        bool is_there;
        void (*ask)(struct tide_health_probe *probe);
    } rows[] = {
        {"log", config->kafka.log_brokers.size > 0, tide_health_ask_kafka},
        {"collect", config->kafka.collect_brokers.size > 0, tide_health_ask_kafka},
        {"publish", config->kafka.publish_brokers.size > 0, tide_health_ask_kafka},
        {"lake", true, tide_health_ask_lake},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].is_there && is_wanted(health, tide_view_of(rows[i].part))) {
            add_probe(health, rows[i].part, NULL, rows[i].ask);
        }
    }
    const struct tide_view master = config->spark.master;
    if (tide_view_starts_with(master, TIDE_VIEW("spark://")) && !has_url(health, "spark") &&
        is_wanted(health, TIDE_VIEW("spark"))) {
        const struct tide_view place = tide_arena_copy(&health->arena, master);
        if (place.data == NULL) {
            return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
        }
        add_probe(health, "spark", place.data, tide_health_ask_spark);
    }
    return plan_urls(health);
}

/* false after saying which part there is not. */
static bool check_parts(const struct health *health)
{
    struct tide_view names[FIXED_PARTS + URLS_MAX];
    size_t count = 0;
    struct tide_view rest = health->config.health_urls;
    struct tide_view url;
    while (count < FIXED_PARTS) {
        names[count] = tide_view_of(fixed_parts[count]);
        count++;
    }
    while (count < FIXED_PARTS + URLS_MAX && tide_config_map_next(&rest, &names[count], &url)) {
        count++;
    }
    for (uint32_t i = 0; i < tide_invocation_count(health->invocation, "--part"); i++) {
        const struct tide_view part =
            tide_view_of(tide_invocation_at(health->invocation, "--part", i));
        size_t at = 0;
        while (at < count && !tide_view_equal(names[at], part)) {
            at++;
        }
        if (at == count) {
            const struct tide_view nearest = tide_nearest(part, names, count);
            tide_fail(TIDE_EXIT_USAGE,
                      "there is no part '%.*s'%s%.*s%s",
                      TIDE_VIEW_ARGUMENTS(part),
                      nearest.size > 0 ? "; did you mean '" : "",
                      TIDE_VIEW_ARGUMENTS(nearest),
                      nearest.size > 0 ? "'?" : "");
            return false;
        }
    }
    return true;
}

static enum tide_exit plan(struct health *health)
{
    if (!check_parts(health)) {
        return TIDE_EXIT_USAGE;
    }
    health->probes = calloc(PROBES_MAX, sizeof(*health->probes));
    if (health->probes == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    if (is_wanted(health, TIDE_VIEW("service")) || is_wanted(health, TIDE_VIEW("log")) ||
        is_wanted(health, TIDE_VIEW("lake")) || is_wanted(health, TIDE_VIEW("batch"))) {
        add_probe(health, "service", server_of(health), tide_health_ask_service);
    }
    return health->is_configured ? plan_configured(health) : TIDE_EXIT_OK;
}

/* ---- asking, side by side */

static void *ask(void *context)
{
    struct tide_health_probe *probe = context;
    probe->ask(probe);
    return NULL;
}

static void ask_all(struct health *health)
{
    for (uint32_t i = 0; i < health->probe_count; i++) {
        health->is_started[i] =
            tide_thread_start(&health->threads[i], "probe", ask, &health->probes[i]);
        if (!health->is_started[i]) {
            health->probes[i].ask(&health->probes[i]);
        }
    }
    for (uint32_t i = 0; i < health->probe_count; i++) {
        if (health->is_started[i]) {
            (void)pthread_join(health->threads[i], NULL);
        }
    }
}

static bool has_part(const struct tide_health_report *report, struct tide_view part)
{
    for (uint32_t i = 0; i < report->row_count; i++) {
        if (tide_view_equal(report->rows[i].part, part)) {
            return true;
        }
    }
    return false;
}

/* Rows of parts that nobody asked for go; parts of which nobody tells come. */
static void keep_wanted(const struct health *health, struct tide_health_report *report)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < report->row_count; i++) {
        if (is_wanted(health, report->rows[i].part)) {
            report->rows[kept++] = report->rows[i];
        }
    }
    report->row_count = kept;
    for (uint32_t i = 0; i < tide_invocation_count(health->invocation, "--part"); i++) {
        const char *part = tide_invocation_at(health->invocation, "--part", i);
        if (!has_part(report, tide_view_of(part))) {
            tide_health_worsen(tide_health_add_row(report, part),
                               TIDE_HEALTH_DOWN,
                               TIDE_VIEW("nobody tells of it: it is not configured, or the service "
                                         "that would tell does not answer"));
        }
    }
}

static enum tide_exit print(const struct health *health, bool is_table)
{
    struct tide_health_report *report = calloc(1, sizeof(*report));
    struct tide_bytes text = {0};
    if (report == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    for (uint32_t i = 0; i < health->probe_count; i++) {
        tide_health_merge(report, &health->probes[i].report);
    }
    keep_wanted(health, report);
    if (is_table) {
        tide_health_write_table(report, &text);
    } else {
        tide_health_write_ndjson(report, &text);
    }
    enum tide_exit exit = tide_health_exit(report);
    if (text.failed) {
        exit = tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    } else {
        fwrite(text.data, 1, text.size, stdout);
    }
    tide_bytes_release(&text);
    free(report);
    return exit;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct health health = {.invocation = invocation};
    const char *format =
        tide_invocation_text(invocation, "--format", isatty(STDOUT_FILENO) ? "table" : "ndjson");
    const bool is_table = strcmp(format, "table") == 0;
    uint64_t timeout_s = 0;
    if (!is_table && strcmp(format, "ndjson") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "--format '%s' is neither table nor ndjson", format);
    }
    if (!tide_invocation_number(invocation, "--timeout", 1, TIMEOUT_S_MAX, TIMEOUT_S, &timeout_s) ||
        !tide_invocation_number(
            invocation, "--disk-free", 0, 100, DISK_FREE_PERCENT, &health.disk_free_percent)) {
        return TIDE_EXIT_USAGE;
    }
    health.timeout.us = (int64_t)timeout_s * INT64_C(1000000);
    tide_arena_init(&health.arena, ARENA_BYTES_MAX);
    enum tide_exit exit = load(&health);
    if (exit == TIDE_EXIT_OK) {
        exit = plan(&health);
    }
    if (exit == TIDE_EXIT_OK) {
        ask_all(&health);
        exit = print(&health, is_table);
    }
    for (uint32_t i = 0; i < health.probe_count; i++) {
        tide_arena_release(&health.probes[i].arena);
    }
    free(health.probes);
    tide_arena_release(&health.arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--config", "-c", "FILE", "the configuration of the service: asks its brokers and lake too"},
    {"--preset", NULL, "NAME", "instead of a file: sunbird or device"},
    {"--data", NULL, "DIR", "the lake in DIR/lake, as run has it"},
    {"--server", NULL, "URL", "the service (where it listens, or " TIDE_DEFAULT_SERVER ")"},
    {"--part", NULL, "NAME", "only this part: service, log, lake, batch, .. (repeatable)"},
    {"--timeout", NULL, "SECONDS", "of each question (3)"},
    {"--disk-free", NULL, "PERCENT", "with less a disk is nearly full, and its part degraded (10)"},
    {"--format", NULL, "FORMAT", "table on a terminal, else ndjson"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_health = {
    .name = "health",
    .summary = "every part, up or not: service, log, lake, batch, and what stands around them",
    .operands = "",
    .examples = "  tidemark health\n"
                "  tidemark health -c /etc/tidemark/tidemark.yaml --format table\n"
                "  tidemark health --part service --timeout 2 || echo down\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
