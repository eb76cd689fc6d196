#include "cli/config_value.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/decimal.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct tide_config, member)
#define SECOND UINT64_C(1000000)
#define LONGEST (UINT64_C(36500) * 86400 * SECOND)

/* The one table of keys: parser, environment, help and docs/reference/configuration.md. */
const struct tide_config_key tide_config_keys[] = {
    {"pipeline", TIDE_CONFIG_TEXT, AT(pipeline), "default", 0, 0, "a name for people"},
    {"data", TIDE_CONFIG_TEXT, AT(data), "./tidemark-data", 0, 0, "log and identity live here"},
    {"collect.http.listen",
     TIDE_CONFIG_LISTEN,
     AT(listen),
     "127.0.0.1:8080",
     0,
     0,
     "address and port; port 0: any free one"},
    {"collect.http.keys",
     TIDE_CONFIG_OPTIONAL,
     AT(http.keys),
     "",
     0,
     0,
     "a YAML file, `name: SHA-256 of an API key`; with it a request needs a key; empty: none does"},
    {"collect.http.cors",
     TIDE_CONFIG_LIST,
     AT(http.cors),
     "",
     0,
     0,
     "origins whose pages may send events, such as https://app.example.org; *: any"},
    {"collect.http.limit.address.rate",
     TIDE_CONFIG_NUMBER,
     AT(http.address_rate),
     "0",
     0,
     1000000000,
     "events a second from one address (IPv6: one /64); 0: no limit"},
    {"collect.http.limit.address.burst",
     TIDE_CONFIG_NUMBER,
     AT(http.address_burst),
     "auto",
     0,
     1000000000,
     "events at once; auto: ten seconds of the rate"},
    {"collect.http.limit.key.rate",
     TIDE_CONFIG_NUMBER,
     AT(http.key_rate),
     "0",
     0,
     1000000000,
     "events a second with one API key; 0: no limit"},
    {"collect.http.limit.key.burst",
     TIDE_CONFIG_NUMBER,
     AT(http.key_burst),
     "auto",
     0,
     1000000000,
     "events at once; auto: ten seconds of the rate"},
    {"collect.trust_received",
     TIDE_CONFIG_BOOL,
     AT(trust_received),
     "false",
     0,
     0,
     "the schema's received column holds, for a stream from a trusted collector"},
    {"log.embedded.partitions",
     TIDE_CONFIG_NUMBER,
     AT(partitions),
     "8",
     1,
     1024,
     "fixed for the life of the pipeline"},
    {"log.embedded.commit",
     TIDE_CONFIG_DURATION,
     AT(commit),
     "0ms",
     0,
     SECOND,
     "how long a sync waits for other requests to join it"},
    {"log.embedded.segment_bytes",
     TIDE_CONFIG_BYTES,
     AT(segment_bytes),
     "256MiB",
     1 << 20,
     UINT64_C(1) << 40,
     "size of a segment file"},
    {"log.kafka.brokers",
     TIDE_CONFIG_OPTIONAL,
     AT(kafka.log_brokers),
     "",
     0,
     0,
     "host:port,..; with it the log is Kafka instead of embedded"},
    {"log.kafka.topics",
     TIDE_CONFIG_LIST,
     AT(kafka.log_topics),
     "telemetry-events",
     0,
     0,
     "co-partitioned; the first takes what the route does not name"},
    {"log.kafka.partitions",
     TIDE_CONFIG_NUMBER,
     AT(kafka.log_partitions),
     "6",
     1,
     1024,
     "of each topic; fixed for the life of the pipeline"},
    {"log.kafka.route_by",
     TIDE_CONFIG_OPTIONAL,
     AT(kafka.log_route_by),
     "",
     0,
     0,
     "the column that chooses a record's topic"},
    {"log.kafka.route",
     TIDE_CONFIG_MAP,
     AT(kafka.log_route),
     "",
     0,
     0,
     "value of that column: topic"},
    {"log.kafka.group",
     TIDE_CONFIG_OPTIONAL,
     AT(kafka.log_group),
     "tidemark",
     0,
     0,
     "consumer group whose offsets lag tools see; they decide nothing"},
    {"log.kafka.properties",
     TIDE_CONFIG_MAP,
     AT(kafka.log_properties),
     "",
     0,
     0,
     "librdkafka properties, from an allow-list"},
    {"collect.kafka.brokers",
     TIDE_CONFIG_OPTIONAL,
     AT(kafka.collect_brokers),
     "",
     0,
     0,
     "of foreign topics, which are collected and keyed anew"},
    {"collect.kafka.topics",
     TIDE_CONFIG_LIST,
     AT(kafka.collect_topics),
     "",
     0,
     0,
     "foreign topics: one event or envelope a message, any key"},
    {"collect.kafka.group",
     TIDE_CONFIG_TEXT,
     AT(kafka.collect_group),
     "tidemark-collect",
     0,
     0,
     "consumer group"},
    {"collect.kafka.properties",
     TIDE_CONFIG_MAP,
     AT(kafka.collect_properties),
     "",
     0,
     0,
     "librdkafka properties, from an allow-list"},
    {"publish.kafka.brokers",
     TIDE_CONFIG_OPTIONAL,
     AT(kafka.publish_brokers),
     "",
     0,
     0,
     "where numbers are published as they change; empty: nowhere"},
    {"publish.kafka.topic",
     TIDE_CONFIG_TEXT,
     AT(kafka.publish_topic),
     "processed_metrics",
     0,
     0,
     "cells, keyed by metric, window and group"},
    {"publish.kafka.journeys",
     TIDE_CONFIG_TEXT,
     AT(kafka.publish_journeys),
     "journeys",
     0,
     0,
     "runs of funnels, keyed by metric, key and run"},
    {"publish.kafka.interval",
     TIDE_CONFIG_DURATION,
     AT(kafka.publish_interval),
     "5s",
     SECOND / 100,
     86400 * SECOND,
     "how often changed cells are looked for"},
    {"publish.kafka.properties",
     TIDE_CONFIG_MAP,
     AT(kafka.publish_properties),
     "",
     0,
     0,
     "librdkafka properties, from an allow-list"},
    {"lake.url",
     TIDE_CONFIG_TEXT,
     AT(lake_url),
     "file:./tidemark-lake",
     0,
     0,
     "file:PATH, or hdfs://NAMENODE:9870/PATH (WebHDFS; several NameNodes: "
     "hdfs://A:9870,B:9870/..)"},
    {"lake.cache_bytes",
     TIDE_CONFIG_BYTES,
     AT(cache_bytes),
     "4GiB",
     1 << 20,
     UINT64_C(1) << 50,
     "copies of a remote lake's files, in data/remote; what one query reads must fit"},
    {"lake.hdfs.user",
     TIDE_CONFIG_OPTIONAL,
     AT(hdfs_user),
     "tidemark",
     0,
     0,
     "who is named to HDFS (simple authentication); empty: nobody"},
    {"lake.hdfs.hosts",
     TIDE_CONFIG_OPTIONAL,
     AT(hdfs_hosts),
     "",
     0,
     0,
     "where redirects may go: `HOST`, `HOST:PORT`, `*.DOMAIN`, commas between; empty: the "
     "DataNodes "
     "that the NameNode lists"},
    {"lake.hdfs.patience",
     TIDE_CONFIG_DURATION,
     AT(hdfs_patience),
     "10s",
     0,
     3600 * SECOND,
     "how long one access waits for a NameNode that is down, starting or in safe mode; the service "
     "waits 2s at most and tries again by itself"},
    {"lake.hdfs.spark_url",
     TIDE_CONFIG_OPTIONAL,
     AT(hdfs_spark_url),
     "",
     0,
     0,
     "what Spark and Hive call the same lake: hdfs://NAMENODE:8020, or with a path; empty: "
     "lake.url "
     "with port 9000"},
    {"lake.raw",
     TIDE_CONFIG_BOOL,
     AT(lake_raw),
     "true",
     0,
     0,
     "keep every record as it came in the table raw"},
    {"lake.keep.raw",
     TIDE_CONFIG_DURATION,
     AT(keep_raw),
     "7d",
     0,
     LONGEST,
     "how long records are kept in raw, in whole days; 0s, here and below: for ever"},
    {"lake.keep.events",
     TIDE_CONFIG_DURATION,
     AT(keep_events),
     "400d",
     0,
     LONGEST,
     "likewise events, by their own day"},
    {"lake.keep.rejected",
     TIDE_CONFIG_DURATION,
     AT(keep_rejected),
     "30d",
     0,
     LONGEST,
     "likewise what was rejected"},
    {"lake.keep.journeys",
     TIDE_CONFIG_DURATION,
     AT(keep_journeys),
     "400d",
     0,
     LONGEST,
     "likewise journeys, by the day they started"},
    {"lake.keep.log",
     TIDE_CONFIG_DURATION,
     AT(keep_log),
     "30d",
     0,
     LONGEST,
     "how long the tables' commits are kept once a checkpoint has them"},
    {"lake.vacuum_after",
     TIDE_CONFIG_DURATION,
     AT(vacuum_after),
     "7d",
     3600 * SECOND,
     LONGEST,
     "how old a file that no table names must be to be deleted"},
    {"lake.compact.every",
     TIDE_CONFIG_DURATION,
     AT(compact_every),
     "1m",
     0,
     86400 * SECOND,
     "how often the service merges small files, when it is quiet, and every hour removes what is "
     "old; 0s: never"},
    {"lake.compact.files",
     TIDE_CONFIG_NUMBER,
     AT(compact_files),
     "8",
     2,
     100000,
     "so many small files of a day are merged"},
    {"lake.compact.target",
     TIDE_CONFIG_BYTES,
     AT(compact_target),
     "128MiB",
     1 << 20,
     UINT64_C(1) << 34,
     "size of a merged file; one of half that size is not small"},
    {"process.workers",
     TIDE_CONFIG_NUMBER,
     AT(workers),
     "auto",
     0,
     256,
     "worker threads; auto: one for each core"},
    {"process.checkpoint",
     TIDE_CONFIG_DURATION,
     AT(checkpoint),
     "30s",
     SECOND / 100,
     86400 * SECOND,
     "longest time between two epochs"},
    {"process.memory",
     TIDE_CONFIG_BYTES,
     AT(memory),
     "256MiB",
     1 << 20,
     UINT64_C(1) << 40,
     "rows that may wait for the lake"},
    {"process.handover",
     TIDE_CONFIG_BYTES,
     AT(handover),
     "16MiB",
     0,
     UINT64_C(1) << 34,
     "columns that the collector hands to workers, which then need not decode an event again "
     "(embedded log only); 0: they decode all"},
    {"process.cells_max",
     TIDE_CONFIG_NUMBER,
     AT(cells_max),
     "1000000",
     1,
     100000000,
     "cells of one metric in one partition; beyond it groups fold into (other)"},
    {"serve.live.listeners_max",
     TIDE_CONFIG_NUMBER,
     AT(listeners_max),
     "64",
     1,
     4096,
     "who may listen to /api/v1/live at once"},
    {"serve.prometheus.series_max",
     TIDE_CONFIG_NUMBER,
     AT(series_max),
     "2000",
     0,
     20000,
     "series that /metrics may have of the metrics' values; 0: none"},
    {"serve.cors",
     TIDE_CONFIG_LIST,
     AT(serve_cors),
     "",
     0,
     0,
     "origins whose pages may read the API; *: any"},
    {"batch.spark.submit",
     TIDE_CONFIG_OPTIONAL,
     AT(spark.submit),
     "",
     0,
     0,
     "the spark-submit to run; empty: that of SPARK_HOME, else of PATH"},
    {"batch.spark.python",
     TIDE_CONFIG_OPTIONAL,
     AT(spark.python),
     "",
     0,
     0,
     "the Python of the driver (PYSPARK_PYTHON); empty: as the environment says"},
    {"batch.spark.master",
     TIDE_CONFIG_TEXT,
     AT(spark.master),
     "local[*]",
     0,
     0,
     "local[N] or spark://host:port"},
    {"batch.spark.properties",
     TIDE_CONFIG_MAP,
     AT(spark.properties),
     "",
     0,
     0,
     "Spark's properties"},
    {"batch.daily.at",
     TIDE_CONFIG_OPTIONAL,
     AT(daily.at),
     "",
     0,
     0,
     "when the service runs a batch of yesterday, such as 02:30; empty: never"},
    {"batch.daily.timezone",
     TIDE_CONFIG_TEXT,
     AT(daily.timezone),
     "UTC",
     0,
     0,
     "of that time and of yesterday"},
    {"batch.daily.engine", TIDE_CONFIG_TEXT, AT(daily.engine), "duckdb", 0, 0, "duckdb or spark"},
    {"batch.daily.days",
     TIDE_CONFIG_NUMBER,
     AT(daily.days),
     "1",
     1,
     366,
     "that it computes: yesterday and so many less one before"},
    {"notify.interval",
     TIDE_CONFIG_DURATION,
     AT(notify_interval),
     "5s",
     SECOND / 100,
     3600 * SECOND,
     "how often alerts are looked at"},
    {"notify.webhook.url",
     TIDE_CONFIG_OPTIONAL,
     AT(webhook_url),
     "",
     0,
     0,
     "where alerts that notify [webhook] are posted; empty: nowhere"},
    {"notify.webhook.secret",
     TIDE_CONFIG_SECRET,
     AT(webhook_secret),
     "",
     0,
     0,
     "signs what is posted (HMAC-SHA256); empty: no signature"},
    {"health.urls",
     TIDE_CONFIG_MAP,
     AT(health_urls),
     "",
     0,
     0,
     "what else `tidemark health` asks: prometheus, grafana, spark (front pages), or any name; "
     "http, https, tcp"},
    {"publish.console",
     TIDE_CONFIG_BOOL,
     AT(publish_console),
     "false",
     0,
     0,
     "print journeys on stdout, a line of JSON each, as they end or change"},
};
const size_t tide_config_key_count = sizeof(tide_config_keys) / sizeof(tide_config_keys[0]);

enum {
    VALUE_BYTES_MAX = 64 << 10,
    NAME_BYTES_MAX = 256
};

/* ---- ${VAR}, ${VAR:-fallback}, ${file:/path} */

static bool append_file(struct tide_view path, struct tide_bytes *out)
{
    struct tide_bytes name = {0};
    tide_bytes_append_view(&name, path);
    size_t start = out->size;
    bool read =
        tide_io_read_file(tide_io_os(), tide_bytes_terminated(&name), out, VALUE_BYTES_MAX, NULL) ==
        TIDE_OK;
    while (read && out->size > start && out->data[out->size - 1] == '\n') {
        out->size--; /* as a shell's $(cat file) */
    }
    tide_bytes_release(&name);
    return read;
}

static bool append_reference(struct tide_view inside, struct tide_bytes *out)
{
    if (tide_view_starts_with(inside, TIDE_VIEW("file:"))) {
        return append_file(tide_view_slice(inside, 5, inside.size - 5), out);
    }
    const char *colon = memchr(inside.data, ':', inside.size);
    size_t name_size = colon == NULL ? inside.size : (size_t)(colon - inside.data);
    char name[NAME_BYTES_MAX];
    if (name_size == 0 || name_size >= sizeof(name)) {
        return false;
    }
    memcpy(name, inside.data, name_size);
    name[name_size] = '\0';
    const char *value = getenv(name);
    if (value != NULL && value[0] != '\0') {
        tide_bytes_append_text(out, value);
        return true;
    }
    struct tide_view rest = tide_view_slice(inside, name_size, inside.size - name_size);
    if (tide_view_starts_with(rest, TIDE_VIEW(":-"))) {
        tide_bytes_append_view(out, tide_view_slice(rest, 2, rest.size - 2));
        return true;
    }
    return false;
}

static bool substitute(struct tide_view text,
                       struct tide_bytes *out,
                       struct tide_position position,
                       struct tide_diagnostics *diagnostics)
{
    size_t at = 0;
    while (at < text.size) {
        const char *close = NULL;
        if (text.data[at] == '$' && at + 1 < text.size && text.data[at + 1] == '{') {
            close = memchr(text.data + at, '}', text.size - at);
        }
        if (close == NULL) {
            tide_bytes_append_byte(out, text.data[at++]);
            continue;
        }
        size_t size = (size_t)(close - text.data) - at - 2;
        struct tide_view inside = tide_view_slice(text, at + 2, size);
        if (!append_reference(inside, out)) {
            tide_diagnostics_error(diagnostics,
                                   position,
                                   "${%.*s} is not set or cannot be read",
                                   TIDE_VIEW_ARGUMENTS(inside));
            return false;
        }
        at += size + 3;
    }
    return !out->failed;
}

/* ---- types */

static bool parse_bytes(struct tide_view text, uint64_t *bytes)
{
    static const struct {
        struct tide_view suffix;
        unsigned shift;
    } units[] = {{{"KiB", 3}, 10}, {{"MiB", 3}, 20}, {{"GiB", 3}, 30}, {{"TiB", 3}, 40}};
    unsigned shift = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t size = units[i].suffix.size;
        if (text.size > size &&
            tide_view_equal(tide_view_slice(text, text.size - size, size), units[i].suffix)) {
            shift = units[i].shift;
            text.size -= size;
            break;
        }
    }
    tide_i128 number;
    if (tide_decimal_parse_i128(text, 0, &number) != TIDE_OK || number < 0 ||
        number > (tide_i128)(UINT64_MAX >> shift)) {
        return false;
    }
    *bytes = (uint64_t)number << shift;
    return true;
}

static bool parse_listen(struct tide_view text, struct tide_listen *listen)
{
    tide_i128 port;
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || colon - 1 >= sizeof(listen->address) ||
        tide_decimal_parse_i128(tide_view_slice(text, colon, text.size - colon), 0, &port) !=
            TIDE_OK ||
        port < 0 || port > 65535) {
        return false;
    }
    memcpy(listen->address, text.data, colon - 1);
    listen->address[colon - 1] = '\0';
    listen->port = (uint16_t)port;
    return true;
}

/* A number into *number by the key's type; false: not one. */
static bool parse_number(const struct tide_config_key *key, struct tide_view text, uint64_t *number)
{
    struct tide_duration duration;
    tide_i128 parsed;
    if (key->type == TIDE_CONFIG_BYTES) {
        return parse_bytes(text, number);
    }
    if (key->type == TIDE_CONFIG_DURATION) {
        bool valid = tide_duration_parse(text, &duration) && duration.us >= 0;
        *number = valid ? (uint64_t)duration.us : 0;
        return valid;
    }
    if (key->min == 0 && tide_view_equal(text, TIDE_VIEW("auto"))) {
        *number = 0;
        return true;
    }
    bool valid =
        tide_decimal_parse_i128(text, 0, &parsed) == TIDE_OK && parsed >= 0 && parsed <= UINT64_MAX;
    *number = valid ? (uint64_t)parsed : 0;
    return valid;
}

static const char *wanted(enum tide_config_type type)
{
    switch (type) {
    case TIDE_CONFIG_TEXT:
        return "text";
    case TIDE_CONFIG_OPTIONAL:
        return "text, or nothing";
    case TIDE_CONFIG_SECRET:
        return "a secret; in a file only as `${VAR}` or `${file:/path}`";
    case TIDE_CONFIG_NUMBER:
        return "a whole number";
    case TIDE_CONFIG_BYTES:
        return "a size such as 64MiB";
    case TIDE_CONFIG_DURATION:
        return "a duration such as 5ms or 30s";
    case TIDE_CONFIG_BOOL:
        return "true or false";
    case TIDE_CONFIG_LISTEN:
        return "address:port";
    case TIDE_CONFIG_LIST:
        return "a list of names, or nothing";
    case TIDE_CONFIG_MAP:
        return "a mapping, or nothing";
    }
    return "";
}

/* Takes a MAP's text apart, before references in it are. false: a member without a name or a
 * '='. */
static bool separate(struct tide_view text, struct tide_bytes *members)
{
    struct tide_view name;
    struct tide_view value;
    while (tide_config_map_next(&text, &name, &value)) {
        if (name.size == 0 || value.data == NULL) {
            return false;
        }
        tide_bytes_append_format(members,
                                 "%.*s=%.*s%c",
                                 TIDE_VIEW_ARGUMENTS(name),
                                 TIDE_VIEW_ARGUMENTS(value),
                                 TIDE_CONFIG_SEPARATOR);
    }
    return true;
}

static bool store(struct tide_config *config,
                  const struct tide_config_key *key,
                  struct tide_view text)
{
    char *place = (char *)config + key->offset;
    uint64_t number = 0;
    switch (key->type) {
    case TIDE_CONFIG_TEXT:
        memcpy(place, &text, sizeof(text));
        return text.size > 0;
    case TIDE_CONFIG_OPTIONAL:
    case TIDE_CONFIG_SECRET:
    case TIDE_CONFIG_LIST:
    case TIDE_CONFIG_MAP:
        memcpy(place, &text, sizeof(text));
        return true;
    case TIDE_CONFIG_BOOL: {
        bool value = tide_view_equal(text, TIDE_VIEW("true"));
        memcpy(place, &value, sizeof(value));
        return value || tide_view_equal(text, TIDE_VIEW("false"));
    }
    case TIDE_CONFIG_LISTEN: {
        struct tide_listen listen = {0};
        bool valid = parse_listen(text, &listen);
        memcpy(place, &listen, sizeof(listen));
        return valid;
    }
    case TIDE_CONFIG_NUMBER:
    case TIDE_CONFIG_BYTES:
    case TIDE_CONFIG_DURATION: {
        /* A duration is one int64_t, a number one uint64_t: the same eight bytes. */
        bool valid = parse_number(key, text, &number) && number >= key->min && number <= key->max;
        memcpy(place, &number, sizeof(number));
        return valid;
    }
    }
    return false;
}

bool tide_config_value_is_reference(struct tide_view text)
{
    const bool is_wrapped = text.size > 3 && tide_view_starts_with(text, TIDE_VIEW("${")) &&
                            memchr(text.data, '}', text.size) == text.data + text.size - 1;
    const struct tide_view inside =
        is_wrapped ? tide_view_slice(text, 2, text.size - 3) : (struct tide_view){0};
    return is_wrapped && (tide_view_starts_with(inside, TIDE_VIEW("file:")) ||
                          memchr(inside.data, ':', inside.size) == NULL);
}

bool tide_config_value_set(struct tide_config *config,
                           const struct tide_config_key *key,
                           struct tide_view text,
                           struct tide_position position,
                           struct tide_diagnostics *diagnostics)
{
    struct tide_bytes value = {0};
    tide_bytes_init(&value, VALUE_BYTES_MAX);
    if (key->type == TIDE_CONFIG_SECRET || key->type == TIDE_CONFIG_MAP) {
        position = (struct tide_position){0}; /* with one, its line would be printed */
    }
    struct tide_bytes members = {0};
    bool is_whole = key->type != TIDE_CONFIG_MAP || separate(text, &members);
    if (key->type == TIDE_CONFIG_MAP) {
        text = tide_bytes_view(&members);
    }
    bool valid = substitute(text, &value, position, diagnostics);
    tide_bytes_release(&members);
    struct tide_view copy = {0};
    if (valid) {
        copy = tide_arena_copy(diagnostics->arena, tide_bytes_view(&value));
        valid = copy.data != NULL && is_whole && store(config, key, copy);
        if (!valid) {
            struct tide_view shown = key->type == TIDE_CONFIG_MAP ? TIDE_VIEW("...") : copy;
            tide_diagnostics_error(diagnostics,
                                   position,
                                   "%s: '%.*s' is not %s",
                                   key->name,
                                   TIDE_VIEW_ARGUMENTS(shown),
                                   wanted(key->type));
            if (key->type != TIDE_CONFIG_TEXT && key->max > 0) {
                tide_diagnostics_error(diagnostics,
                                       position,
                                       "%s must be in %" PRIu64 "..%" PRIu64 "%s",
                                       key->name,
                                       key->min,
                                       key->max,
                                       key->type == TIDE_CONFIG_DURATION ? " microseconds" : "");
            }
        }
    }
    tide_bytes_release(&value);
    return valid;
}

void tide_config_print_reference(void)
{
    puts("# Configuration\n\n"
         "Generated by `tidemark help configuration`. A key is written as nested YAML in the file, "
         "as\n"
         "`TIDEMARK_SECTION__KEY` in the environment, or as `--set section.key=value`; the later "
         "one\n"
         "wins. Values may hold `${VAR}`, `${VAR:-fallback}` and `${file:/path}`. The same file "
         "may\n"
         "hold `preset`, `schema`, `metrics` and `alerts` (definitions.md).\n\n"
         "| key | default | value | what |\n|---|---|---|---|");
    for (size_t i = 0; i < tide_config_key_count; i++) {
        const struct tide_config_key *key = &tide_config_keys[i];
        printf(
            "| `%s` | `%s` | %s | %s |\n", key->name, key->fallback, wanted(key->type), key->help);
    }
}
