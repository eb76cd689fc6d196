/* The service's log: embedded, or Kafka, as the configuration says; opened, recalled, closed. */
#ifndef TIDE_CLI_SERVICE_LOG_H
#define TIDE_CLI_SERVICE_LOG_H

#include "cli/config.h"
#include "collect/intake.h"
#include "log/log.h"
#include "log/produce_meter.h"
#include "process/checkpoint.h"

enum {
    TIDE_SERVICE_LOG_PENDING_BYTES_MAX = 64 << 20 /* that wait for the disk, or for brokers */
};

struct tide_service_log {
    struct tide_log log; /* no operations: it is not open */
    bool is_kafka;
    bool has_one_topic;
    struct tide_duration commit_delay;
    const struct tide_intake_topics *topics; /* for the collector; NULL: keys are not wanted */
    struct tide_intake_topics route;
    struct tide_arena arena;
};

/* readable: there is more to read; any thread. One that failed to open is closed all the same. */
enum tide_status tide_service_log_open(const struct tide_config *config,
                                       struct tide_produce_meter *meter,
                                       void (*readable)(void *context),
                                       void *context,
                                       struct tide_service_log *log,
                                       struct tide_error *error);
/* Tells the log what manifests have kept of it; before the engine starts. */
enum tide_status tide_service_log_recall(struct tide_service_log *log,
                                         struct tide_checkpointer *checkpointer,
                                         struct tide_error *error);
/* The epochs that were closed last are true. The checkpoint thread. */
void tide_service_log_committed(const struct tide_service_log *log);
void tide_service_log_close(struct tide_service_log *log);
/* "embedded" or "kafka", for people. */
struct tide_view tide_service_log_name(const struct tide_config *config);

#endif
