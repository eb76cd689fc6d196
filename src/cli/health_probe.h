/* Questions of `tidemark health` to one place each, so that they can be asked side by side. Inner
 * header of the command: health.c asks them, health_<who>.c are they. */
#ifndef TIDE_CLI_HEALTH_PROBE_H
#define TIDE_CLI_HEALTH_PROBE_H

#include "cli/config.h"
#include "cli/health_report.h"

/* One thread each. Whatever goes wrong is a row. */
struct tide_health_probe {
    void (*ask)(struct tide_health_probe *probe);
    const char *part;                 /* of its main row; static or of the configuration */
    const char *url;                  /* the service's, or of health.urls */
    const struct tide_config *config; /* zeros: none is known, and the service alone is asked */
    struct tide_duration timeout;     /* of one question */
    uint64_t disk_free_percent;       /* with less a disk is nearly full */
    struct tide_arena arena;          /* of the report's texts */
    struct tide_health_report report;
};

/* Also about its log, lake and batch, as far as it knows. */
void tide_health_ask_service(struct tide_health_probe *probe);
/* The topics of the part: "log", "collect" or "publish". */
void tide_health_ask_kafka(struct tide_health_probe *probe);
void tide_health_ask_lake(struct tide_health_probe *probe);
/* spark://host:port,..: whether a master accepts connections. */
void tide_health_ask_spark(struct tide_health_probe *probe);
/* Anything at a URL: http, https, or tcp for one that only has to accept connections. Of what is
 * known by its part (prometheus, grafana, spark) the URL is the front page's. */
void tide_health_ask_url(struct tide_health_probe *probe);

/* ---- for those who ask */

/* In the probe's arena; empty without memory. */
__attribute__((format(printf, 2, 3))) struct tide_view tide_health_text(
    struct tide_health_probe *probe, const char *format, ...);
/* GET of base (without slashes at its end) and path. OK: there is an answer, of whatever status. */
enum tide_status tide_health_get(const struct tide_health_probe *probe,
                                 struct tide_view base,
                                 const char *path,
                                 unsigned *status,
                                 struct tide_bytes *body,
                                 struct tide_error *error);
/* Degrades a row whose disk is nearly full. */
void tide_health_judge_disk(const struct tide_health_probe *probe, struct tide_health_row *row);

#endif
