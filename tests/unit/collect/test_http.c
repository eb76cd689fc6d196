/* Goal: the three routes take what they should and answer by form. Method: the collector behind a
 * real server, a memory log synced by a thread as in production, requests by our client. */
#include "collect/collector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "http/client.h"
#include "log/memory.h"
#include "support/preset_schema.h"

static struct {
    struct preset_schema preset;
    struct tide_log log;
    struct tide_collector *collector;
    struct tide_collector_door door;
    struct tide_cors cors;
    struct tide_http_route routes[TIDE_COLLECTOR_ROUTES];
    struct tide_http_server *server;
    struct tide_http_client *client;
    struct tide_http_response response;
    pthread_t syncer;
    pthread_mutex_t mutex;
    pthread_cond_t appended;
    unsigned waiting;
    bool is_stopping;
} rig = {.mutex = PTHREAD_MUTEX_INITIALIZER, .appended = PTHREAD_COND_INITIALIZER};

static enum tide_status append(void *context,
                               struct tide_log_append *item,
                               struct tide_error *error)
{
    (void)context;
    const enum tide_status status = rig.log.operations->append(rig.log.self, item, error);
    (void)pthread_mutex_lock(&rig.mutex);
    rig.waiting++;
    (void)pthread_cond_signal(&rig.appended);
    (void)pthread_mutex_unlock(&rig.mutex);
    return status;
}

static void *run_syncer(void *context)
{
    (void)context;
    for (bool is_last = false; !is_last;) {
        (void)pthread_mutex_lock(&rig.mutex);
        while (rig.waiting == 0 && !rig.is_stopping) {
            (void)pthread_cond_wait(&rig.appended, &rig.mutex);
        }
        is_last = rig.waiting == 0;
        rig.waiting = 0;
        (void)pthread_mutex_unlock(&rig.mutex);
        assert_int_equal(rig.log.operations->sync(rig.log.self, NULL), TIDE_OK);
    }
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(preset_schema_load(&rig.preset, "sunbird"));
    assert_int_equal(tide_memory_log_create(3, &rig.log, NULL), TIDE_OK);
    const struct tide_collector_options options = {
        .schema = rig.preset.schema,
        .partition_count = 3,
        .arrival = TIDE_ARRIVAL_LIVE,
        .clock = tide_clock_os(),
        .parallel_max = 4,
        .receipts_max = 10,
        .receipts_keep = {60000000},
        .append = append,
    };
    assert_int_equal(tide_collector_create(&options, &rig.collector, NULL), TIDE_OK);
    rig.door = (struct tide_collector_door){.collector = rig.collector, .cors = &rig.cors};
    tide_collector_routes(&rig.door, rig.routes);
    struct tide_http_server_options server_options = tide_http_server_options_default();
    server_options.port = 0;
    server_options.routes = rig.routes;
    server_options.route_count = TIDE_COLLECTOR_ROUTES;
    assert_int_equal(tide_http_server_start(&server_options, &rig.server, NULL), TIDE_OK);
    assert_int_equal(tide_http_client_create(&rig.client, NULL), TIDE_OK);
    assert_int_equal(pthread_create(&rig.syncer, NULL, run_syncer, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_http_server_drain(rig.server);
    tide_collector_drain(rig.collector);
    (void)pthread_mutex_lock(&rig.mutex);
    rig.is_stopping = true;
    (void)pthread_cond_signal(&rig.appended);
    (void)pthread_mutex_unlock(&rig.mutex);
    assert_int_equal(pthread_join(rig.syncer, NULL), 0);
    tide_http_server_stop(rig.server);
    tide_collector_destroy(rig.collector);
    rig.log.operations->close(rig.log.self);
    tide_http_client_destroy(rig.client);
    tide_bytes_release(&rig.response.body);
    preset_schema_release(&rig.preset);
    return 0;
}

static const char *post(struct tide_http_client *client,
                        const char *path,
                        const char *type,
                        struct tide_view body)
{
    struct tide_bytes url = {0};
    tide_bytes_append_format(
        &url, "http://127.0.0.1:%u%s", tide_http_server_port(rig.server), path);
    const struct tide_http_request request = {.method = "POST",
                                              .url = tide_bytes_terminated(&url),
                                              .content_type = type,
                                              .body = body,
                                              .reply_bytes_max = 1 << 20,
                                              .timeout = {20000000}};
    assert_int_equal(tide_http_client_send(client, &request, &rig.response, NULL), TIDE_OK);
    tide_bytes_release(&url);
    return tide_bytes_terminated(&rig.response.body);
}

/* Rejected for its age whenever the test runs, but an event all the same. */
#define OLD "{\"eid\":\"LOG\",\"ets\":1000,\"actor\":{\"id\":\"a\"}}"
#define V(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void test_routes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *type;
        struct tide_view body;
        unsigned status;
        const char *answer;
    } rows[] = {
        {"/v1/events", "application/x-ndjson", V(OLD "\n" OLD), 200, "\"rejected\":2"},
        {"/v1/events", "application/ndjson", V(OLD "\n" OLD), 200, "\"too_old\""},
        {"/v1/events", "application/jsonl;charset=utf-8", V("[" OLD "]"), 200, "not_an_object"},
        {"/v1/events", "application/json; charset=utf-8", V("[" OLD "]"), 200, "\"too_old\""},
        {"/v1/events", "Application/JSON", V(OLD), 200, "\"too_old\""},
        {"/v1/events", "application/json", V(OLD "\n" OLD), 400, "json_invalid"},
        {"/v1/events", "text/plain", V(OLD), 415, "about:blank"},
        {"/v1/telemetry",
         "application/json",
         V("{\"events\":[" OLD "]}"),
         200,
         "\"result\":{\"accepted\":0,\"rejected\":1,"},
        {"/data/v3/telemetry", "application/json", V("{\"events\":[]}"), 200, "\"receipt\":[]}}"},
        {"/v1/telemetry", "application/json", V("{\"events\":["), 400, "\"reason\":"},
        {"/v1/telemetry", "application/x-ndjson", V(OLD), 415, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = post(rig.client, rows[i].path, rows[i].type, rows[i].body);
        if (rig.response.status != rows[i].status ||
            (rows[i].answer != NULL && strstr(text, rows[i].answer) == NULL)) {
            fail_msg("row %zu: %u %s", i, rig.response.status, text);
        }
    }
}

static void test_largest(void **state)
{
    (void)state;
    struct tide_bytes body = {0};
    const size_t size = (8U << 20) + 1;
    assert_true(tide_bytes_reserve(&body, size));
    memset(body.data, '\n', size);
    body.size = size - 1;
    (void)post(rig.client, "/v1/events", "application/x-ndjson", tide_bytes_view(&body));
    assert_int_equal(rig.response.status, 200);
    tide_bytes_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
