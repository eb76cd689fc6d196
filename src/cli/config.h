/* The service's configuration: defaults < file < TIDEMARK_SECTION__KEY < --set, one table of keys.
 *
 * Values may hold ${VAR}, ${VAR:-fallback} and ${file:/path}. An unknown key is an error with its
 * place and a suggestion. Metric definitions stand in the same file; metric/ reads those. */
#ifndef TIDE_CLI_CONFIG_H
#define TIDE_CLI_CONFIG_H

#include "cli/command.h"
#include "metric/definition.h"

struct tide_listen {
    char address[64];
    uint16_t port;
};

struct tide_config {
    struct tide_view pipeline;  /* a name for people */
    struct tide_view data;      /* directory */
    struct tide_listen listen;  /* collect.http.listen; serve.listen must be the same for now */
    struct tide_http_config {   /* collect.http */
        struct tide_view keys;  /* a file; empty: everybody may send */
        struct tide_view cors;  /* a list of origins */
        uint64_t address_rate;  /* of limit.address: events a second; 0: no limit */
        uint64_t address_burst; /* 0: ten seconds of the rate */
        uint64_t key_rate;      /* of limit.key, likewise */
        uint64_t key_burst;
    } http;
    struct tide_view serve_cors; /* a list of origins */
    bool trust_received;
    uint64_t partitions;
    struct tide_duration commit; /* how long a sync waits for others to join */
    uint64_t segment_bytes;
    struct tide_kafka_config {            /* log.kafka, collect.kafka, publish.kafka */
        struct tide_view log_brokers;     /* empty: the log is embedded */
        struct tide_view log_topics;      /* a list; the first takes what the route does not name */
        struct tide_view log_route_by;    /* a column, or empty */
        struct tide_view log_route;       /* a map: value of it -> topic */
        uint64_t log_partitions;          /* of each topic; fixed for the life of the pipeline */
        struct tide_view log_group;       /* of the offsets that lag tools see; empty: none */
        struct tide_view log_properties;  /* librdkafka's, a map */
        struct tide_view collect_brokers; /* empty: no foreign topic */
        struct tide_view collect_topics;
        struct tide_view collect_group;
        struct tide_view collect_properties;
        struct tide_view publish_brokers; /* empty: nothing is published */
        struct tide_view publish_topic;
        struct tide_view publish_journeys;
        struct tide_duration publish_interval;
        struct tide_view publish_properties;
    } kafka;
    struct tide_view lake_url;
    bool lake_raw;                 /* keep every record */
    struct tide_duration keep_raw; /* 0, as of the next four: for ever */
    struct tide_duration keep_events;
    struct tide_duration keep_rejected;
    struct tide_duration keep_journeys;
    struct tide_duration keep_log; /* of the tables: commits behind a checkpoint */
    struct tide_duration vacuum_after;
    struct tide_duration compact_every; /* 0: never */
    uint64_t compact_files;
    uint64_t compact_target; /* bytes */
    uint64_t cache_bytes;    /* of copies of a remote lake's files */
    struct tide_view hdfs_user;
    struct tide_view hdfs_hosts;     /* empty: those of the NameNode's DataNodes */
    struct tide_view hdfs_spark_url; /* what Spark calls the lake; empty: not said */
    struct tide_duration hdfs_patience;
    uint64_t workers; /* 0: one for each core */
    struct tide_duration checkpoint;
    uint64_t memory;   /* of rows that wait for the lake */
    uint64_t handover; /* bytes of what collectors hand to workers; 0: nothing */
    uint64_t cells_max;
    uint64_t series_max;    /* of metrics' values at /metrics */
    uint64_t listeners_max; /* of the live feed */
    bool publish_console;
    struct tide_duration notify_interval;
    struct tide_view webhook_url;    /* empty: none */
    struct tide_view webhook_secret; /* empty: none */
    struct tide_view health_urls;    /* a map: part -> URL */
    struct tide_spark_config {       /* batch.spark */
        struct tide_view submit;     /* the program; empty: $SPARK_HOME's, or that in PATH */
        struct tide_view python;     /* PYSPARK_PYTHON; empty: as the environment has it */
        struct tide_view master;     /* local[*], spark://host:port */
        struct tide_view properties; /* a map */
    } spark;
    struct tide_daily_config { /* batch.daily */
        struct tide_view at;   /* hh:mm; empty: never */
        struct tide_view timezone;
        struct tide_view engine; /* duckdb, spark */
        uint64_t days;           /* that end with yesterday */
    } daily;
    struct tide_view preset;
    const struct tide_definitions *definitions;
};

/* Reads everything a service needs. file: path or NULL; preset: name or NULL; the --set and
 * --metric options of the invocation. Everything lives in arena. On failure the diagnostics were
 * printed to stderr and the exit is CONFIGURATION (or NOT_FOUND for a missing file). */
enum tide_exit tide_config_load(struct tide_arena *arena,
                                const struct tide_invocation *invocation,
                                const char *file,
                                const char *preset,
                                struct tide_config *config);
/* The keys alone, for who has the definitions from elsewhere; file may be NULL. */
enum tide_exit tide_config_keys_only(struct tide_arena *arena,
                                     const struct tide_invocation *invocation,
                                     const char *file,
                                     struct tide_config *config);
/* As load, but what is wrong or strange is not printed, and no failure: it is in diagnostics,
 * whose texts live in arena. With an error config is not whole. */
enum tide_exit tide_config_check(struct tide_arena *arena,
                                 const struct tide_invocation *invocation,
                                 const char *file,
                                 const char *preset,
                                 struct tide_config *config,
                                 struct tide_diagnostics *diagnostics);
/* Of the log that is configured. */
uint32_t tide_config_partitions(const struct tide_config *config);
/* On stderr. */
void tide_config_print_diagnostics(const struct tide_diagnostics *diagnostics);
/* --data DIR: the data in DIR/data, and the lake in DIR/lake unless lake.url is a remote one;
 * --listen ADDRESS:PORT. */
enum tide_exit tide_config_flags(struct tide_arena *arena,
                                 const char *data,
                                 const char *listen,
                                 struct tide_config *config);
/* Definitions alone: for replay, validate. */
enum tide_exit tide_config_definitions(struct tide_arena *arena,
                                       const struct tide_invocation *invocation,
                                       const char *file,
                                       const char *preset,
                                       const struct tide_definitions **out);

#endif
