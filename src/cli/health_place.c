/* What is known by an address alone: Spark, and the places of health.urls. */
#include "base/json.h"
#include "cli/config_value.h"
#include "cli/health_probe.h"
#include "http/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    REPLY_BYTES_MAX = 16 << 20,
    TEXT_BYTES_MAX = 1024,
};

struct tide_view tide_health_text(struct tide_health_probe *probe, const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return size < 0 ? (struct tide_view){0} : tide_arena_copy(&probe->arena, tide_view_of(text));
}

enum tide_status tide_health_get(const struct tide_health_probe *probe,
                                 struct tide_view base,
                                 const char *path,
                                 unsigned *status,
                                 struct tide_bytes *body,
                                 struct tide_error *error)
{
    struct tide_http_client *client = NULL;
    struct tide_http_response response = {0};
    struct tide_bytes url = {0};
    while (base.size > 0 && base.data[base.size - 1] == '/') {
        base.size--;
    }
    tide_bytes_append_view(&url, base);
    tide_bytes_append_text(&url, path);
    enum tide_status result = tide_http_client_create(&client, error);
    if (result == TIDE_OK) {
        const struct tide_http_request request = {.method = "GET",
                                                  .url = tide_bytes_terminated(&url),
                                                  .reply_bytes_max = REPLY_BYTES_MAX,
                                                  .timeout = probe->timeout};
        result = tide_http_client_send(client, &request, &response, error);
    }
    if (result == TIDE_OK) {
        *status = response.status;
        tide_bytes_release(body);
        *body = response.body;
        response.body = (struct tide_bytes){0};
    }
    tide_http_response_release(&response);
    tide_bytes_release(&url);
    tide_http_client_destroy(client);
    return result;
}

void tide_health_judge_disk(const struct tide_health_probe *probe, struct tide_health_row *row)
{
    if (row->free_bytes < row->size_bytes / 100 * probe->disk_free_percent) {
        tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("the disk is nearly full"));
    }
}

/* Whether a connection is accepted at one of the addresses: host:port, commas between. */
static void reach(struct tide_health_probe *probe,
                  struct tide_health_row *row,
                  struct tide_view addresses)
{
    struct tide_http_client *client = NULL;
    struct tide_error error = {0};
    struct tide_bytes url = {0};
    struct tide_view address;
    enum tide_status status = tide_http_client_create(&client, &error);
    bool is_reached = false;
    while (status == TIDE_OK && !is_reached && tide_config_list_next(&addresses, &address)) {
        tide_bytes_reset(&url);
        tide_bytes_append_format(&url, "http://%.*s", TIDE_VIEW_ARGUMENTS(address));
        is_reached = tide_http_client_reach(
                         client, tide_bytes_terminated(&url), probe->timeout, &error) == TIDE_OK;
    }
    if (!is_reached) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    }
    tide_bytes_release(&url);
    tide_http_client_destroy(client);
}

static struct tide_view behind(struct tide_view text, const char *prefix)
{
    const size_t size = strlen(prefix);
    return tide_view_slice(text, size, text.size - size);
}

void tide_health_ask_spark(struct tide_health_probe *probe)
{
    const struct tide_view master = tide_view_of(probe->url);
    struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
    row->where = master;
    reach(probe, row, behind(master, "spark://"));
}

/* https://spark.apache.org/docs/latest/spark-standalone.html: the master's page as JSON. */
static void read_spark(struct tide_health_row *row, const struct tide_json *json)
{
    uint64_t workers = 0;
    struct tide_view state;
    if (!tide_json_get_text(json, "status", &state) ||
        !tide_json_get_u64(json, "aliveworkers", &workers)) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, TIDE_VIEW("it is no page of a Spark master"));
        return;
    }
    const struct tide_json *applications = tide_json_get(json, "activeapps");
    uint64_t cores = 0;
    uint64_t cores_used = 0;
    (void)tide_json_get_u64(json, "cores", &cores);
    (void)tide_json_get_u64(json, "coresused", &cores_used);
    if (!tide_view_equal(state, TIDE_VIEW("ALIVE"))) {
        tide_health_worsen(
            row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("the master is not the active one"));
    } else if (workers == 0) {
        tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("no worker is alive"));
    }
    tide_health_add_number(row, "workers", (int64_t)workers);
    tide_health_add_number(row, "cores", (int64_t)cores);
    tide_health_add_number(row, "cores_used", (int64_t)cores_used);
    tide_health_add_number(
        row, "applications", applications == NULL ? 0 : (int64_t)applications->count);
}

/* {"database": "ok", "version": ..} */
static void read_grafana(struct tide_health_row *row, const struct tide_json *json)
{
    struct tide_view text = {0};
    if (tide_json_get_text(json, "version", &text)) {
        tide_health_add_text(row, "version", text);
    }
    if (tide_json_get_text(json, "database", &text) && !tide_view_equal(text, TIDE_VIEW("ok"))) {
        tide_health_worsen(row, TIDE_HEALTH_DEGRADED, TIDE_VIEW("its database fails"));
    }
}

static const struct {
    const char *part;
    const char *path;
    void (*read)(struct tide_health_row *row, const struct tide_json *json); /* NULL: not JSON */
} known_places[] = {
    {"grafana", "/api/health", read_grafana},
    {"prometheus", "/-/ready", NULL},
    {"spark", "/json/", read_spark},
};
enum {
    KNOWN_PLACES = sizeof(known_places) / sizeof(known_places[0])
};

static void read_reply(struct tide_health_probe *probe,
                       struct tide_health_row *row,
                       size_t known,
                       struct tide_bytes *body)
{
    struct tide_json *json = NULL;
    const struct tide_view text = tide_arena_copy(&probe->arena, tide_bytes_view(body));
    if (known < KNOWN_PLACES && known_places[known].read != NULL && text.data != NULL) {
        /* What is not JSON reads as an empty answer. */
        (void)tide_json_parse(&probe->arena, text, &json, NULL);
        known_places[known].read(row, json);
    }
}

void tide_health_ask_url(struct tide_health_probe *probe)
{
    const struct tide_view url = tide_view_of(probe->url);
    struct tide_health_row *row = tide_health_add_row(&probe->report, probe->part);
    struct tide_bytes body = {0};
    struct tide_error error = {0};
    unsigned status = 0;
    size_t known = 0;
    while (known < KNOWN_PLACES && strcmp(known_places[known].part, probe->part) != 0) {
        known++;
    }
    row->where = url;
    if (tide_view_starts_with(url, TIDE_VIEW("tcp://"))) {
        reach(probe, row, behind(url, "tcp://"));
        return;
    }
    const char *path = known < KNOWN_PLACES ? known_places[known].path : "";
    if (tide_health_get(probe, url, path, &status, &body, &error) != TIDE_OK) {
        tide_health_worsen(row, TIDE_HEALTH_DOWN, tide_health_text(probe, "%s", error.text));
    } else if (status < 200 || status > 299) {
        tide_health_worsen(
            row,
            TIDE_HEALTH_DOWN,
            tide_health_text(
                probe, "it answers %u%s%s", status, path[0] == '\0' ? "" : " at ", path));
    } else {
        read_reply(probe, row, known, &body);
    }
    tide_bytes_release(&body);
}
