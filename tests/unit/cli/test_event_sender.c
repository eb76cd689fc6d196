/* Goal: bodies are what each endpoint wants, packed and with a key if that is asked for; nothing is
 * lost while a service is busy, and failures end it. Method: a server of our own that writes down
 * what comes; a simulated clock. */
#include "cli/event_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <inttypes.h>
#include <pthread.h>

#include "http/server.h"

/* Requests come one after the other; the mutex is for the sanitizer's sake. */
static struct {
    struct tide_http_server *server;
    char url[64];
    pthread_mutex_t mutex;
    struct tide_bytes heard; /* "path body|" */
    struct tide_bytes how;   /* "coding authorization|" */
    unsigned statuses[4];    /* of the next answers; 0: 200 */
    uint32_t answered;
    struct tide_clock_simulated clock;
} rig = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void handle(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes body = {0};
    pthread_mutex_lock(&rig.mutex);
    const unsigned status = rig.answered < 4 ? rig.statuses[rig.answered] : 0;
    rig.answered++;
    if (status == 0) {
        tide_bytes_append_view(&rig.heard, tide_http_path(exchange));
        tide_bytes_append_byte(&rig.heard, ' ');
        tide_bytes_append_view(&rig.heard, tide_http_body(exchange));
        tide_bytes_append_byte(&rig.heard, '|');
        tide_bytes_append_view(&rig.how, tide_http_header(exchange, "content-encoding"));
        tide_bytes_append_byte(&rig.how, ' ');
        tide_bytes_append_view(&rig.how, tide_http_header(exchange, "authorization"));
        tide_bytes_append_byte(&rig.how, '|');
    }
    pthread_mutex_unlock(&rig.mutex);
    if (status == 0) {
        tide_http_reply(exchange, 200, "application/json", &body, 0);
    } else {
        tide_http_reply_problem(exchange, status, status == 503 ? 7 : 0, "no");
    }
}

static const struct tide_http_route routes[] = {
    {.method = "POST",
     .path = "/v1/events",
     .handle = handle,
     .body_bytes_max = 1 << 20,
     .takes_codings = true},
    {.method = "POST",
     .path = "/v1/telemetry",
     .handle = handle,
     .body_bytes_max = 1 << 20,
     .takes_codings = true},
};

static int set_up(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.port = 0;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    assert_int_equal(tide_http_server_start(&options, &rig.server, NULL), TIDE_OK);
    (void)snprintf(
        rig.url, sizeof(rig.url), "http://127.0.0.1:%u", tide_http_server_port(rig.server));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_http_server_stop(rig.server);
    tide_bytes_release(&rig.heard);
    tide_bytes_release(&rig.how);
    return 0;
}

static struct tide_event_sender open_as(struct tide_event_sender_options options)
{
    struct tide_event_sender sender = {0};
    rig.clock = (struct tide_clock_simulated){.now = {INT64_C(1774000000000000)}};
    options.server = rig.url;
    options.line_count = 2;
    options.seed = 255;
    options.clock = tide_clock_simulated(&rig.clock);
    assert_int_equal(tide_event_sender_open(&options, &sender, NULL), TIDE_OK);
    tide_bytes_reset(&rig.heard);
    tide_bytes_reset(&rig.how);
    memset(rig.statuses, 0, sizeof(rig.statuses));
    rig.answered = 0;
    return sender;
}

static struct tide_event_sender open_sender(bool is_sunbird)
{
    return open_as((struct tide_event_sender_options){.is_sunbird = is_sunbird});
}

static void add(struct tide_event_sender *sender, const char *line, bool is_json, int64_t ahead_us)
{
    assert_int_equal(tide_event_sender_add(
                         sender, tide_view_of(line), is_json, (struct tide_duration){ahead_us}),
                     TIDE_EXIT_OK);
}

static void sends_lines(void **state)
{
    (void)state;
    struct tide_event_sender sender = open_sender(false);
    add(&sender, "{\"a\":1}", true, 0);
    assert_int_equal(rig.heard.size, 0);
    add(&sender, "{\"a\":", false, 0);
    add(&sender, "3", true, 86400000000);
    assert_int_equal(sender.sent_count, 2);
    assert_int_equal(tide_event_sender_flush(&sender), TIDE_EXIT_OK);
    assert_int_equal(tide_event_sender_flush(&sender), TIDE_EXIT_OK); /* of nothing */
    assert_int_equal(sender.sent_count, 3);
    assert_string_equal(tide_bytes_terminated(&rig.heard),
                        "/v1/events {\"a\":1}\n{\"a\":\n|/v1/events 3\n|");
    tide_event_sender_close(&sender);
    tide_event_sender_close(&sender);
}

static void sends_envelopes(void **state)
{
    (void)state;
    struct tide_event_sender sender = open_sender(true);
    add(&sender, "{\"e\":1}", true, 0);
    add(&sender, "{\"e\":2}", true, 0);
    add(&sender, "{\"e\":3}", true, 0);
    add(&sender, "{\"e\":4}", true, 1000000); /* the one before it does not wait in its envelope */
    assert_int_equal(sender.sent_count, 4);
    add(&sender, "{\"e\":", false, 0);
    add(&sender, "{\"e\":5}", true, 0);
    assert_string_equal(
        tide_bytes_terminated(&rig.heard),
        "/v1/telemetry {\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":1774000000000,"
        "\"params\":{\"msgid\":\"00000000000000ff-0-1774000000000\"},"
        "\"events\":[{\"e\":1},{\"e\":2}]}|"
        "/v1/telemetry {\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":1774000000000,"
        "\"params\":{\"msgid\":\"00000000000000ff-1-1774000000000\"},\"events\":[{\"e\":3}]}|"
        "/v1/telemetry {\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":1774000001000,"
        "\"params\":{\"msgid\":\"00000000000000ff-2-1774000001000\"},\"events\":[{\"e\":4}]}|"
        "/v1/telemetry {\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":1774000000000,"
        "\"params\":{\"msgid\":\"00000000000000ff-3-1774000000000\"},\"events\":[{\"e\":5}]}|"
        "/v1/events {\"e\":\n|");
    tide_event_sender_close(&sender);
}

static void packs_and_shows_a_key(void **state)
{
    (void)state;
    static const struct {
        enum tide_coding coding;
        const char *key;
        const char *how; /* of two bodies */
    } rows[] = {
        {TIDE_CODING_IDENTITY, NULL, " | |"},
        {TIDE_CODING_GZIP, NULL, "gzip |gzip |"},
        {TIDE_CODING_ZSTD, "k1", "zstd Bearer k1|zstd Bearer k1|"},
        {TIDE_CODING_IDENTITY, "k2", " Bearer k2| Bearer k2|"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_event_sender sender = open_as(
            (struct tide_event_sender_options){.coding = rows[i].coding, .key = rows[i].key});
        rig.statuses[0] = 503; /* the same body goes again */
        add(&sender, "{\"a\":1}", true, 0);
        add(&sender, "{\"a\":2}", true, 0);
        add(&sender, "{\"a\":3}", true, 0);
        assert_int_equal(tide_event_sender_flush(&sender), TIDE_EXIT_OK);
        assert_string_equal(tide_bytes_terminated(&rig.heard),
                            "/v1/events {\"a\":1}\n{\"a\":2}\n|/v1/events {\"a\":3}\n|");
        assert_string_equal(tide_bytes_terminated(&rig.how), rows[i].how);
        tide_event_sender_close(&sender);
    }
}

static void reads_its_options(void **state)
{
    (void)state;
    static const struct tide_option flags[] = {
        {"--compress", NULL, "CODING", ""},
        {"--key", NULL, "KEY", ""},
    };
    static const struct tide_command command = {.options = flags, .option_count = 2};
    static char long_key[1026];
    memset(long_key, 'k', sizeof(long_key) - 1);
    const struct {
        const char *server;
        const char *compress;
        const char *key;
        const char *variable; /* NULL: unset */
        bool is_good;
        enum tide_coding coding;
        const char *read;
    } rows[] = {
        {"http://a", NULL, NULL, NULL, true, TIDE_CODING_IDENTITY, NULL},
        {"http://a", "gzip", NULL, "", true, TIDE_CODING_GZIP, NULL},
        {"http://a", "zstd", "k", "v", true, TIDE_CODING_ZSTD, "k"},
        {"http://a", NULL, NULL, "v", true, TIDE_CODING_IDENTITY, "v"},
        {"http://a", NULL, long_key + 1, NULL, true, TIDE_CODING_IDENTITY, long_key + 1},
        {"http://a", NULL, long_key, NULL, false, 0, NULL},
        {"http://a", NULL, "a b", NULL, false, 0, NULL},
        {"http://a", NULL, "a\r\nX: y", NULL, false, 0, NULL},
        {"http://a", NULL, "", "v", false, 0, NULL},
        {"http://a", NULL, NULL, "\xc3\xa9", false, 0, NULL},
        {"http://a", "deflate", NULL, NULL, false, 0, NULL},
        {NULL, NULL, NULL, "a b", true, TIDE_CODING_IDENTITY, NULL},
        {NULL, "gzip", NULL, NULL, false, 0, NULL},
        {NULL, NULL, "k", NULL, false, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *compress = rows[i].compress;
        const char *key = rows[i].key;
        const struct tide_invocation invocation = {
            .command = &command,
            .values = {&compress, &key},
            .value_counts = {compress != NULL, key != NULL},
        };
        struct tide_event_sender_options options = {.server = rows[i].server};
        if (rows[i].variable != NULL) {
            assert_int_equal(setenv("TIDEMARK_KEY", rows[i].variable, 1), 0);
        } else {
            assert_int_equal(unsetenv("TIDEMARK_KEY"), 0);
        }
        assert_int_equal(tide_event_sender_read(&invocation, &options), rows[i].is_good);
        if (rows[i].is_good) {
            assert_int_equal(options.coding, rows[i].coding);
            assert_string_equal(options.key == NULL ? "none" : options.key,
                                rows[i].read == NULL ? "none" : rows[i].read);
        }
    }
    assert_int_equal(unsetenv("TIDEMARK_KEY"), 0);
}

static void waits_while_it_is_busy(void **state)
{
    (void)state;
    struct tide_event_sender sender = open_sender(false);
    rig.statuses[0] = 503;
    rig.statuses[1] = 429;
    add(&sender, "1", true, 0);
    add(&sender, "2", true, 0);
    assert_string_equal(tide_bytes_terminated(&rig.heard), "/v1/events 1\n2\n|");
    assert_int_equal(rig.answered, 3);
    assert_int_equal(rig.clock.monotonic.ns / 1000000000, 7 + 1); /* as it was told; a second */
    tide_event_sender_close(&sender);
}

static void tells_what_fails(void **state)
{
    (void)state;
    const struct tide_duration none = {0};
    struct tide_event_sender sender = open_sender(false);
    rig.statuses[0] = 500;
    add(&sender, "1", true, 0);
    assert_int_equal(tide_event_sender_add(&sender, TIDE_VIEW("2"), true, none), TIDE_EXIT_FAILURE);
    assert_int_equal(sender.sent_count, 0);
    tide_event_sender_close(&sender);
    for (unsigned status = 401; status <= 403;
         status++) { /* a key is missing; 402 is about events */
        sender = open_sender(false);
        rig.statuses[0] = status;
        add(&sender, "1", true, 0);
        assert_int_equal(tide_event_sender_flush(&sender),
                         status == 402 ? TIDE_EXIT_OK : TIDE_EXIT_FAILURE);
        tide_event_sender_close(&sender);
    }
    sender = open_sender(false);
    sender.options.server = "http://127.0.0.1:1";
    add(&sender, "1", true, 0);
    assert_int_equal(tide_event_sender_flush(&sender), TIDE_EXIT_CONNECT);
    tide_event_sender_close(&sender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_lines),
        cmocka_unit_test(sends_envelopes),
        cmocka_unit_test(packs_and_shows_a_key),
        cmocka_unit_test(reads_its_options),
        cmocka_unit_test(waits_while_it_is_busy),
        cmocka_unit_test(tells_what_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
