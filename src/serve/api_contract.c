#include "serve/api_contract.h"

#include "serve/api_analytics.h"
#include "serve/live_cells.h"
#include "serve/live_query.h"
#include "serve/prometheus.h"

#include "base/banned.h"

#define JSON "application/json"
#define NDJSON "application/x-ndjson"
#define NOT_NOW                                                                                    \
    {                                                                                              \
        503, NULL, NULL, NULL, "Not just now: try again after Retry-After seconds."                \
    }
#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

/* ---- parameters */

static const struct tide_http_parameter name = {
    .name = "name",
    .place = TIDE_HTTP_PATH,
    .is_required = true,
    .example = "daily_active_devices",
    .about = "A metric, as /api/v1/metrics lists them.",
};
static const struct tide_http_parameter from = {
    .name = "from",
    .type = TIDE_HTTP_TIME,
    .example = "2026-03-02",
    .about = "Windows that start here or later.",
};
static const struct tide_http_parameter to = {
    .name = "to",
    .type = TIDE_HTTP_TIME,
    .example = "2026-03-09",
    .about = "Windows that start before this.",
};
static const struct tide_http_parameter filter = {
    .name = "filter",
    .example = "region == \"us-east\"",
    .about = "A condition over the metric's groups, in the language of `where`.",
};
static const char *const formats[] = {"json", "ndjson", NULL};
static const struct tide_http_parameter format = {
    .name = "format",
    .type = TIDE_HTTP_CHOICE,
    .choices = formats,
    .fallback = "json",
    .about = "One document, or a cell on each line.",
};
static const struct tide_http_parameter start_date = {
    .name = "start_date",
    .type = TIDE_HTTP_DATE,
    .example = "2026-03-02",
    .about = "The first day, in UTC. With `from` the later one counts.",
};
static const struct tide_http_parameter end_date = {
    .name = "end_date",
    .type = TIDE_HTTP_DATE,
    .example = "2026-03-08",
    .about = "The last day, in UTC. With `to` the earlier one counts.",
};
static const struct tide_http_parameter since = {
    .name = "from",
    .type = TIDE_HTTP_TIME,
    .example = "2026-03-02T12:00:00Z",
    .about = "Windows that start here or later; of a sliding one, its last step.",
};
static const struct tide_http_parameter until = {
    .name = "to",
    .type = TIDE_HTTP_TIME,
    .example = "2026-03-09",
    .about = "Windows that start before this; of a sliding one, its last step.",
};
static const struct tide_http_parameter region = {
    .name = "region", .example = "us-east", .about = "Groups with this `region`."};
static const struct tide_http_parameter device_type = {
    .name = "device_type", .example = "mobile", .about = "Groups with this `device_type`."};
static const struct tide_http_parameter os = {
    .name = "os", .example = "Android 14", .about = "Groups with this `os`."};
static const struct tide_http_parameter app_version = {
    .name = "app_version", .example = "2.4.0", .about = "Groups with this `app_version`."};
static const struct tide_http_parameter feature = {
    .name = "feature", .example = "camera", .about = "Groups with this `feature_name`."};
static const struct tide_http_parameter metric = {
    .name = "metric", .about = "Only this one of the endpoint's metrics."};
static const struct tide_http_parameter limit = {
    .name = "limit",
    .type = TIDE_HTTP_WHOLE,
    .min = 1,
    .max = API_ANALYTICS_LIMIT_MAX,
    .fallback = API_ANALYTICS_LIMIT_DEFAULT,
    .about = "At most so many cells.",
};
static const struct tide_http_parameter offset = {
    .name = "offset",
    .type = TIDE_HTTP_WHOLE,
    .max = API_ANALYTICS_OFFSET_MAX,
    .fallback = "0",
    .about = "So many cells are left out before; `next_offset` of the page before says how many.",
};
static const struct tide_http_parameter minutes = {
    .name = "minutes",
    .type = TIDE_HTTP_WHOLE,
    .min = 1,
    .max = API_REALTIME_MINUTES_MAX,
    .fallback = API_REALTIME_MINUTES_DEFAULT,
    .about = "How far to look back.",
};
static const struct tide_http_parameter at = {
    .name = "at",
    .type = TIDE_HTTP_TIME,
    .example = "2026-03-08T12:00:00Z",
    .about = "The instant that counts as now; without it, the service's clock.",
};

static const struct tide_http_parameter followed = {
    .name = "metrics",
    .example = "daily_active_devices,crash_rate",
    .about = "Names, with commas between them; without it, all.",
};
static const struct tide_http_parameter windows = {
    .name = "windows",
    .type = TIDE_HTTP_WHOLE,
    .min = 1,
    .max = LIVE_WINDOWS_MAX,
    .fallback = LIVE_WINDOWS_DEFAULT,
    .about = "How many of each metric's newest windows are followed.",
};
static const struct tide_http_parameter groups = {
    .name = "groups",
    .type = TIDE_HTTP_WHOLE,
    .min = 1,
    .max = LIVE_GROUPS_MAX,
    .fallback = LIVE_GROUPS_DEFAULT,
    .about = "Of each window the groups with the largest values, at most so many.",
};
static const struct tide_http_parameter last_event_id = {
    .name = "last-event-id",
    .place = TIDE_HTTP_HEADER,
    .about = "The id of the last message that came; what changed since then follows.",
};

static const struct tide_http_parameter *const of_live[] = {
    &followed, &windows, &groups, &last_event_id, NULL};
static const struct tide_http_parameter *const of_name[] = {&name, NULL};
static const struct tide_http_parameter *const of_metric[] = {
    &name, &from, &to, &filter, &format, NULL};
static const struct tide_http_parameter *const of_analytics[] = {&start_date,
                                                                 &end_date,
                                                                 &since,
                                                                 &until,
                                                                 &region,
                                                                 &device_type,
                                                                 &os,
                                                                 &app_version,
                                                                 &feature,
                                                                 &metric,
                                                                 &limit,
                                                                 &offset,
                                                                 NULL};
static const struct tide_http_parameter *const of_realtime[] = {
    &minutes, &at, &region, &device_type, &os, &app_version, &feature, NULL};

/* ---- /api/v1 */

static const struct tide_http_outcome metrics_outcomes[] = {
    {200, JSON, "MetricList", NULL, "What is defined."}, NOT_NOW, END};
const struct tide_http_contract api_contract_metrics = {
    .id = "listMetrics",
    .tag = "metrics",
    .summary = "The metrics that are defined",
    .outcomes = metrics_outcomes,
};

static const struct tide_http_outcome metric_outcomes[] = {
    {200, JSON, "MetricCells", NULL, "Its cells, by window and group."},
    {200, NDJSON, NULL, "Cell", "Its cells, by window and group."},
    {404, NULL, NULL, NULL, "There is no such metric."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_metric = {
    .id = "getMetric",
    .tag = "metrics",
    .summary = "The cells of a metric, now",
    .about = "Live where events are recent, from a batch where one has computed the window; each "
             "cell says which, and how far it can be trusted.",
    .parameters = of_metric,
    .outcomes = metric_outcomes,
};

static const struct tide_http_outcome state_outcomes[] = {
    {200, JSON, "MetricState", NULL, "Cells, keys and bytes, whole and by partition."},
    {404, NULL, NULL, NULL, "There is no such metric."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_state = {
    .id = "getMetricState",
    .tag = "metrics",
    .summary = "What a metric costs",
    .parameters = of_name,
    .outcomes = state_outcomes,
};

static const struct tide_http_outcome live_outcomes[] = {
    {200, "text/event-stream", NULL, NULL, "Messages, for as long as somebody reads."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_live = {
    .id = "listenLive",
    .tag = "metrics",
    .summary = "What changes, as it changes",
    .about = "Server-sent events: `hello` at the start, `status` once a second, `cells` with those "
             "of a metric that have changed, `alert` when the state of one has, `bye` before the "
             "service stops. Their data is JSON: `status` as at /api/v1/status, cells as at "
             "/api/v1/metrics/{name}, an alert as at /api/v1/alerts. A cell takes the place of the "
             "one with the same metric, window and group. With windows times groups beyond 20000, "
             "or a metric that there is not, 400.",
    .parameters = of_live,
    .outcomes = live_outcomes,
};

static const struct tide_http_outcome status_outcomes[] = {
    {200, JSON, "Status", NULL, "Rates, who is active, the ledger in short, and freshness."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_status = {
    .id = "getStatus",
    .tag = "pipeline",
    .summary = "How the service does",
    .outcomes = status_outcomes,
};

static const struct tide_http_outcome quality_outcomes[] = {
    {200, JSON, "Quality", NULL, "Counts, samples and histograms, since the log's beginning."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_quality = {
    .id = "getQuality",
    .tag = "pipeline",
    .summary = "How good the records are that came",
    .about = "A bucket counts what is at most `le`, and more than the `le` before.",
    .outcomes = quality_outcomes,
};

static const struct tide_http_outcome alerts_outcomes[] = {
    {200, JSON, "AlertList", NULL, "Alerts with their instances; those that are ok stand last."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_alerts = {
    .id = "listAlerts",
    .tag = "metrics",
    .summary = "Alerts and their states",
    .outcomes = alerts_outcomes,
};

static const struct tide_http_outcome ledger_outcomes[] = {
    {200, JSON, "Ledgers", NULL, "The ledger of all partitions and of each."}, NOT_NOW, END};
const struct tide_http_contract api_contract_ledger = {
    .id = "getLedger",
    .tag = "pipeline",
    .summary = "What became of every record",
    .about = "verdicts = processed + duplicate + rejected, exactly. Each partition is at one point "
             "of its log, not all at the same moment: a barrier is for that.",
    .outcomes = ledger_outcomes,
};

static const struct tide_http_outcome definitions_outcomes[] = {
    {200, JSON, "Definitions", NULL, "The texts, as they were read."}, NOT_NOW, END};
const struct tide_http_contract api_contract_definitions = {
    .id = "getDefinitions",
    .tag = "pipeline",
    .summary = "The texts that schema and metrics were read from",
    .outcomes = definitions_outcomes,
};

static const struct tide_http_outcome barrier_outcomes[] = {
    {200, NDJSON, NULL, "BarrierLine", "The barrier, every cell, and a last line that says so."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_barrier = {
    .id = "postBarrier",
    .tag = "pipeline",
    .summary = "Close an epoch everywhere and tell every number at exactly that point",
    .about = "For somebody who recomputes the numbers from the lake. Without its last line the "
             "answer was cut. 503 also while the lake cannot be written.",
    .outcomes = barrier_outcomes,
};

/* ---- the reference platform's */

#define ANALYTICS_ABOUT                                                                            \
    "Answered by those of the endpoint's metrics whose groups hold every column that is filtered " \
    "by; 400 where there is none, with the metrics that have the columns. 404 where the pipeline " \
    "defines none of them: they are the device preset's."

static const struct tide_http_outcome analytics_outcomes[] = {
    {200, JSON, "Analytics", NULL, "A page of cells: by metric, window and group."},
    {404, NULL, NULL, NULL, "The pipeline has no such metrics."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_usage = {
    .id = "getUsage",
    .tag = "analytics",
    .summary = "Usage and regional trends",
    .about = ANALYTICS_ABOUT,
    .parameters = of_analytics,
    .outcomes = analytics_outcomes,
};
const struct tide_http_contract api_contract_crashes = {
    .id = "getCrashes",
    .tag = "analytics",
    .summary = "Crash analysis",
    .about = ANALYTICS_ABOUT,
    .parameters = of_analytics,
    .outcomes = analytics_outcomes,
};
const struct tide_http_contract api_contract_adoption = {
    .id = "getAdoption",
    .tag = "analytics",
    .summary = "Feature adoption, ranking and retention",
    .about = ANALYTICS_ABOUT,
    .parameters = of_analytics,
    .outcomes = analytics_outcomes,
};
const struct tide_http_contract api_contract_performance = {
    .id = "getPerformance",
    .tag = "analytics",
    .summary = "Device performance: p50, p95, p99",
    .about = ANALYTICS_ABOUT,
    .parameters = of_analytics,
    .outcomes = analytics_outcomes,
};

static const struct tide_http_outcome realtime_outcomes[] = {
    {200, JSON, "Realtime", NULL, "The last minutes, and how far the service is behind."},
    {404, NULL, NULL, NULL, "The pipeline has no such metrics."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_realtime = {
    .id = "getRealtime",
    .tag = "analytics",
    .summary = "Active devices, events and crashes of the last minutes",
    .about = ANALYTICS_ABOUT,
    .parameters = of_realtime,
    .outcomes = realtime_outcomes,
};

/* ---- the process */

static const struct tide_http_outcome health_outcomes[] = {
    {200, JSON, "Health", NULL, "Every partition answers."},
    {503, JSON, "Health", NULL, "The engine failed or stopped: restart."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_health = {
    .id = "getHealth",
    .tag = "process",
    .summary = "Whether the process lives",
    .outcomes = health_outcomes,
};

static const struct tide_http_outcome ready_outcomes[] = {
    {200, JSON, "Readiness", NULL, "It may be asked."},
    {503, JSON, "Readiness", NULL, "Its log is still being read: numbers are too small."},
    NOT_NOW,
    END,
};
const struct tide_http_contract api_contract_ready = {
    .id = "getReadiness",
    .tag = "process",
    .summary = "Whether the process may be asked",
    .about = "Events may be sent as soon as /health answers.",
    .outcomes = ready_outcomes,
};

static const struct tide_http_outcome exposition_outcomes[] = {
    {200, TIDE_PROMETHEUS_CONTENT_TYPE, NULL, NULL, "Prometheus text."}, NOT_NOW, END};
const struct tide_http_contract api_contract_exposition = {
    .id = "getPrometheus",
    .tag = "process",
    .summary = "Prometheus metrics of the process",
    .outcomes = exposition_outcomes,
};

/* ---- documents */

static const struct tide_http_outcome openapi_outcomes[] = {
    {200, JSON, "OpenApi", NULL, "OpenAPI 3.1, from the table that requests are checked by."}, END};
const struct tide_http_contract api_contract_openapi = {
    .id = "getOpenApi",
    .tag = "documents",
    .summary = "This description",
    .outcomes = openapi_outcomes,
};

static const struct tide_http_outcome docs_outcomes[] = {
    {200, "text/html; charset=utf-8", NULL, NULL, "A page that needs no other host."}, END};
const struct tide_http_contract api_contract_docs = {
    .id = "getDocs",
    .tag = "documents",
    .summary = "A reader of this description",
    .outcomes = docs_outcomes,
};

static const struct tide_http_outcome script_outcomes[] = {
    {200, "text/javascript; charset=utf-8", NULL, NULL, "The reader's script."}, END};
const struct tide_http_contract api_contract_docs_script = {
    .id = "getDocsScript",
    .tag = "documents",
    .summary = "The reader's script",
    .outcomes = script_outcomes,
};

static const struct tide_http_outcome style_outcomes[] = {
    {200, "text/css; charset=utf-8", NULL, NULL, "The reader's style sheet."}, END};
const struct tide_http_contract api_contract_docs_style = {
    .id = "getDocsStyle",
    .tag = "documents",
    .summary = "The reader's style sheet",
    .outcomes = style_outcomes,
};

/* ---- the dashboard */

static const struct tide_http_outcome page_outcomes[] = {
    {200, "text/html; charset=utf-8", NULL, NULL, "A page that needs no other host."}, END};
const struct tide_http_contract api_contract_dashboard = {
    .id = "getDashboard",
    .tag = "documents",
    .summary = "The dashboard",
    .outcomes = page_outcomes,
};

static const struct tide_http_outcome page_script_outcomes[] = {
    {200, "text/javascript; charset=utf-8", NULL, NULL, "The dashboard's script."}, END};
const struct tide_http_contract api_contract_dashboard_script = {
    .id = "getDashboardScript",
    .tag = "documents",
    .summary = "The dashboard's script",
    .outcomes = page_script_outcomes,
};

static const struct tide_http_outcome page_style_outcomes[] = {
    {200, "text/css; charset=utf-8", NULL, NULL, "The dashboard's style sheet."}, END};
const struct tide_http_contract api_contract_dashboard_style = {
    .id = "getDashboardStyle",
    .tag = "documents",
    .summary = "The dashboard's style sheet",
    .outcomes = page_style_outcomes,
};

static const struct tide_http_outcome icon_outcomes[] = {
    {200, "image/svg+xml", NULL, NULL, "Its icon."}, END};
const struct tide_http_contract api_contract_dashboard_icon = {
    .id = "getDashboardIcon",
    .tag = "documents",
    .summary = "The dashboard's icon",
    .outcomes = icon_outcomes,
};
