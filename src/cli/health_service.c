/* The service, by what it tells at /ready and /metrics. */
#include "base/json.h"
#include "cli/exposition.h"
#include "cli/health_probe.h"

#include "base/banned.h"

static const int64_t millionth = 1000000;
/* As deploy/prometheus/alerts.yml has them. */
static const int64_t lake_age_max_s = 600;
static const int64_t daily_age_max_s = 129600;

struct page {
    struct tide_view text;
    int64_t now_s;
};

static bool number(const struct page *page, const char *name, const char *label, int64_t *value)
{
    int64_t millionths = 0;
    const bool is_there = tide_exposition_sum(page->text, name, label, &millionths);
    *value = millionths / millionth;
    return is_there;
}

/* Seconds since a time that the service told. */
static bool age(const struct page *page, const char *name, int64_t *seconds)
{
    int64_t then_s = 0;
    const bool is_there = number(page, name, NULL, &then_s);
    *seconds = page->now_s > then_s ? page->now_s - then_s : 0;
    return is_there;
}

static void add(struct tide_health_row *row,
                const char *fact,
                const struct page *page,
                const char *name,
                const char *label)
{
    int64_t value = 0;
    if (number(page, name, label, &value)) {
        tide_health_add_number(row, fact, value);
    }
}

static void add_disk(const struct tide_health_probe *probe,
                     struct tide_health_row *row,
                     const struct page *page,
                     const char *place)
{
    int64_t free_bytes = 0;
    int64_t size_bytes = 0;
    if (number(page, "tidemark_disk_free_bytes", place, &free_bytes) &&
        number(page, "tidemark_disk_size_bytes", place, &size_bytes)) {
        row->free_bytes = (uint64_t)free_bytes;
        row->size_bytes = (uint64_t)size_bytes;
        tide_health_judge_disk(probe, row);
    }
}

static void add_log(struct tide_health_probe *probe, const struct page *page)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, "log");
    int64_t bytes = 0;
    if (number(page, "tidemark_log_bytes", NULL, &bytes)) {
        row->where = TIDE_VIEW("embedded");
        tide_health_add_number(row, "log_bytes", bytes);
        add_disk(probe, row, page, "place=\"data\"");
    } else {
        row->where = TIDE_VIEW("Kafka");
        add(row, "consumed", page, "tidemark_kafka_consumed_total", NULL);
        add(row, "fetch_errors", page, "tidemark_kafka_fetch_errors_total", NULL);
    }
    add(row, "pending_bytes", page, "tidemark_log_pending_bytes", NULL);
    add(row, "produce_failures", page, "tidemark_produce_failures_total", NULL);
}

static void add_lake(struct tide_health_probe *probe, const struct page *page)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, "lake");
    int64_t seconds = 0;
    add_disk(probe, row, page, "place=\"lake\"");
    if (age(page, "tidemark_checkpoint_last_success_timestamp_seconds", &seconds)) {
        tide_health_add_number(row, "newest_epoch_age_s", seconds);
        if (seconds > lake_age_max_s) {
            tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("it has not been written"));
        }
    }
    add(row, "write_failures", page, "tidemark_checkpoint_failures_total", NULL);
}

static void add_batch(struct tide_health_probe *probe, const struct page *page)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, "batch");
    int64_t seconds = 0;
    if (age(page, "tidemark_batch_last_run_timestamp_seconds", &seconds)) {
        tide_health_add_number(row, "last_run_age_s", seconds);
        if (probe->config->daily.at.size > 0 && seconds > daily_age_max_s) {
            tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("the daily run is overdue"));
        }
    } else {
        row->state = TIDE_HEALTH_IDLE;
        row->why = TIDE_VIEW("no batch has run");
    }
}

static void add_service(struct tide_health_probe *probe,
                        struct tide_health_row *row,
                        const struct page *page)
{
    struct tide_view version;
    int64_t seconds = 0;
    if (tide_exposition_label(page->text, "tidemark_build_info", "version", &version)) {
        tide_health_add_text(row, "version", version);
    }
    if (age(page, "process_start_time_seconds", &seconds)) {
        tide_health_add_number(row, "uptime_s", seconds);
    }
    if (number(page, "tidemark_records_behind", NULL, &row->lag)) {
        row->lag_unit = "records";
    }
    if (age(page, "tidemark_checkpoint_last_success_timestamp_seconds", &seconds)) {
        tide_health_add_number(row, "checkpoint_age_s", seconds);
    }
    add(row, "alerts_firing", page, "tidemark_alerts", "state=\"firing\"");
    add(row, "resident_bytes", page, "process_resident_memory_bytes", NULL);
    add_log(probe, page);
    add_lake(probe, page);
    add_batch(probe, page);
}

static void judge_ready(struct tide_health_probe *probe,
                        struct tide_health_row *row,
                        unsigned status,
                        const struct tide_bytes *body)
{
    struct tide_json *json = NULL;
    struct tide_view state = {0};
    const struct tide_view text = tide_arena_copy(&probe->arena, tide_bytes_view(body));
    if (text.data != NULL) {
        (void)tide_json_parse(&probe->arena, text, &json, NULL);
    }
    if (!tide_json_get_text(json, "status", &state)) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DOWN,
                           tide_health_text(probe, "what answers %u there is no Tidemark", status));
    } else if (status != 200) {
        tide_health_worsen(row,
                           TIDE_HEALTH_DEGRADED,
                           tide_health_text(probe, "not ready: %.*s", TIDE_VIEW_ARGUMENTS(state)));
    }
}

void tide_health_ask_service(struct tide_health_probe *probe)
{
    struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
    const struct tide_view server = tide_view_of(probe->url);
    struct tide_bytes body = {0};
    struct tide_error error = {0};
    unsigned status = 0;
    row->where = server;
    if (tide_health_get(probe, server, "/ready", &status, &body, &error) != TIDE_OK) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    } else {
        judge_ready(probe, row, status, &body);
    }
    if (row->state != TIDE_HEALTH_DOWN &&
        (tide_health_get(probe, server, "/metrics", &status, &body, &error) != TIDE_OK ||
         status != 200)) {
        /* Its threads answer /ready without waiting for the engine; these wait for it. */
        tide_health_worsen(
            row, TIDE_HEALTH_DOWN, TIDE_VIEW("the engine does not answer: no /metrics"));
    } else if (row->state != TIDE_HEALTH_DOWN) {
        const struct page page = {.text = tide_arena_copy(&probe->arena, tide_bytes_view(&body)),
                                  .now_s = tide_clock_now(tide_clock_os()).us / millionth};
        add_service(probe, row, &page);
    }
    tide_bytes_release(&body);
}
