/* tidemark kafka init | check: the topics that the configuration names, as they should be. */
#include "cli/command.h"
#include "cli/config.h"
#include "cli/kafka_setup.h"
#include "log/kafka_topics.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    METRICS_PARTITIONS = 3,
    TOPICS_MAX = TIDE_KAFKA_TOPICS_MAX + 2,
};

/* A log is kept whole: without snapshots the state is computed from its beginning. The broker's
 * time is the received time of messages that other producers write. */
static const struct tide_kafka_property log_settings[] = {
    {"cleanup.policy", "delete"},
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
    {"message.timestamp.type", "LogAppendTime"},
    {"max.message.bytes", "2097152"},
    {"unclean.leader.election.enable", "false"},
};
/* What is published is the present: an older revision of a key may go. */
static const struct tide_kafka_property published_settings[] = {
    {"cleanup.policy", "compact"},
    {"max.message.bytes", "2097152"},
    {"unclean.leader.election.enable", "false"},
};

struct report {
    uint32_t missing;
    uint32_t created;
    uint32_t wrong;
    uint32_t fine;
};

static void show(void *context, const struct tide_kafka_finding *finding)
{
    struct report *report = context;
    switch (finding->kind) {
    case TIDE_KAFKA_TOPIC_FINE:
        report->fine++;
        printf("%-24s fine\n", finding->topic);
        return;
    case TIDE_KAFKA_TOPIC_CREATED:
        report->created++;
        printf("%-24s created\n", finding->topic);
        return;
    case TIDE_KAFKA_TOPIC_MISSING:
        report->missing++;
        printf("%-24s missing\n", finding->topic);
        return;
    case TIDE_KAFKA_TOPIC_WRONG:
        report->wrong++;
        printf("%-24s %s is %s, should be %s\n",
               finding->topic,
               finding->setting,
               finding->found,
               finding->wanted);
        return;
    }
}

struct plan {
    struct tide_view brokers;
    struct tide_view properties;
    struct tide_kafka_topic topics[TOPICS_MAX];
    uint32_t count;
};

static void add(struct plan *plan, struct tide_kafka_topic topic)
{
    plan->topics[plan->count++] = topic;
}

static enum tide_status run_plan(struct tide_arena *arena,
                                 const struct tide_invocation *invocation,
                                 const struct plan *plan,
                                 struct report *report,
                                 struct tide_error *error)
{
    struct tide_kafka_topics_options options = {.topics = plan->topics,
                                                .topic_count = plan->count,
                                                .creates =
                                                    strcmp(invocation->operands[0], "init") == 0,
                                                .visit = show,
                                                .context = report};
    enum tide_status status =
        tide_kafka_setup_cluster(arena, plan->brokers, plan->properties, &options.cluster, error);
    return status == TIDE_OK ? tide_kafka_topics_run(&options, error) : status;
}

static enum tide_status run_log(struct tide_arena *arena,
                                const struct tide_invocation *invocation,
                                const struct tide_config *config,
                                uint32_t replication,
                                struct report *report,
                                struct tide_error *error)
{
    const char *names[TIDE_KAFKA_TOPICS_MAX];
    uint32_t count = 0;
    struct plan plan = {.brokers = config->kafka.log_brokers,
                        .properties = config->kafka.log_properties};
    if (config->kafka.log_brokers.size == 0) {
        return TIDE_OK;
    }
    enum tide_status status =
        tide_kafka_setup_topics(arena, config->kafka.log_topics, names, &count, error);
    for (uint32_t i = 0; i < count && status == TIDE_OK; i++) {
        add(&plan,
            (struct tide_kafka_topic){names[i],
                                      (uint32_t)config->kafka.log_partitions,
                                      replication,
                                      log_settings,
                                      sizeof(log_settings) / sizeof(log_settings[0])});
    }
    return status == TIDE_OK ? run_plan(arena, invocation, &plan, report, error) : status;
}

static enum tide_status run_published(struct tide_arena *arena,
                                      const struct tide_invocation *invocation,
                                      const struct tide_config *config,
                                      uint32_t replication,
                                      struct report *report,
                                      struct tide_error *error)
{
    const struct tide_view names[] = {config->kafka.publish_topic, config->kafka.publish_journeys};
    struct plan plan = {.brokers = config->kafka.publish_brokers,
                        .properties = config->kafka.publish_properties};
    if (config->kafka.publish_brokers.size == 0) {
        return TIDE_OK;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct tide_view kept = tide_arena_copy(arena, names[i]);
        if (kept.data == NULL) {
            return tide_error_set(error, TIDE_RETRY, "out of memory");
        }
        add(&plan,
            (struct tide_kafka_topic){kept.data,
                                      METRICS_PARTITIONS,
                                      replication,
                                      published_settings,
                                      sizeof(published_settings) / sizeof(published_settings[0])});
    }
    return run_plan(arena, invocation, &plan, report, error);
}

static enum tide_exit finish(const struct report *report,
                             enum tide_status status,
                             const struct tide_error *error,
                             uint64_t replication)
{
    if (status != TIDE_OK) {
        return tide_fail(
            status == TIDE_RETRY ? TIDE_EXIT_CONNECT : TIDE_EXIT_FAILURE, "%s", error->text);
    }
    if (replication == 2) {
        fprintf(stderr,
                "tidemark: with two replicas and min.insync.replicas 1 writing goes on when a "
                "broker dies, and what only that broker had acknowledged is lost if its disk is "
                "lost too; three replicas promise more\n");
    }
    if (report->missing + report->created + report->wrong + report->fine == 0) {
        return tide_fail(TIDE_EXIT_CONFIGURATION,
                         "no topic is named: set log.kafka.brokers or publish.kafka.brokers");
    }
    return report->missing + report->wrong > 0 ? TIDE_EXIT_CHECK_FAILED : TIDE_EXIT_OK;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    struct tide_arena arena;
    struct tide_config config;
    struct report report = {0};
    struct tide_error error = {0};
    uint64_t replication = 0;
    const char *verb = invocation->operands[0];
    const char *file = invocation->operand_count > 1 ? invocation->operands[1] : NULL;
    if (strcmp(verb, "init") != 0 && strcmp(verb, "check") != 0) {
        return tide_fail(TIDE_EXIT_USAGE, "unknown verb '%s': init or check", verb);
    }
    if (!tide_invocation_number(invocation, "--replication", 0, 32, 0, &replication)) {
        return TIDE_EXIT_USAGE;
    }
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    enum tide_exit exit = tide_config_load(
        &arena, invocation, file, tide_invocation_text(invocation, "--preset", NULL), &config);
    if (exit == TIDE_EXIT_OK) {
        enum tide_status status =
            run_log(&arena, invocation, &config, (uint32_t)replication, &report, &error);
        if (status == TIDE_OK) {
            status =
                run_published(&arena, invocation, &config, (uint32_t)replication, &report, &error);
        }
        exit = finish(&report, status, &error, replication);
    }
    tide_arena_release(&arena);
    return exit;
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "sunbird or device; needs no file"},
    {"--replication", NULL, "N", "replicas of each topic (as many as brokers, at most 3)"},
    {"--set", NULL, "KEY=VALUE", "a configuration key (repeatable)"},
};

const struct tide_command tide_command_kafka = {
    .name = "kafka",
    .summary = "make the topics that are missing (init), or only look (check)",
    .operands = "init|check [FILE]",
    .examples = "  tidemark kafka init tidemark.yaml\n"
                "  tidemark kafka check --preset sunbird --set log.kafka.brokers=127.0.0.1:9092\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operand_min = 1,
    .operand_max = 2,
    .run = run,
};
