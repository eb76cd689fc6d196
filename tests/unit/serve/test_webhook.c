/* Goal: letters arrive in order, signed, each until it is answered with 2xx or given up, and the
 * thread ends when it is told to. Method: our own server on a free port whose answers follow a
 * script; pauses of a millisecond; pauses as numbers without waiting for them. */
#include "serve/webhook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/civil.h"
#include "http/hmac.h"
#include "http/server.h"
#include "process/identity.h"

enum {
    LETTERS_MAX = 8,
    ARRIVALS_MAX = 64
};

static const struct tide_view secret = {"a secret of some length", 23};
#define NOW_S INT64_C(1772964000)

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct tide_http_server *server;
    char url[64];
    /* under mutex */
    uint32_t letter_count; /* that wait: numbered from next_number */
    uint32_t next_number;
    uint32_t failures_left; /* of the server, before it answers 200 */
    unsigned failure_status;
    uint32_t arrivals[ARRIVALS_MAX]; /* numbers of letters, in order */
    uint32_t arrival_count;
    uint32_t bad_arrivals; /* of which something was wrong */
    uint32_t done_count;
    uint32_t given_up;
    bool is_signed;
} rig = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ------- the receiver */

/* t=<seconds>,v1=<hex of the HMAC of "<seconds>.<body>">, worked out here anew. */
static bool signature_is_right(struct tide_view header, struct tide_view body)
{
    unsigned char digest[TIDE_HMAC_SHA256_SIZE];
    struct tide_bytes message = {0};
    struct tide_bytes expected = {0};
    tide_bytes_append_format(&message, "%" PRId64 ".", NOW_S);
    tide_bytes_append_view(&message, body);
    assert_true(tide_hmac_sha256(secret, tide_bytes_view(&message), digest));
    tide_bytes_append_format(&expected, "t=%" PRId64 ",v1=", NOW_S);
    for (size_t i = 0; i < sizeof(digest); i++) {
        tide_bytes_append_format(&expected, "%02x", (unsigned)digest[i]);
    }
    const bool is_right = tide_view_equal(header, tide_bytes_view(&expected));
    tide_bytes_release(&message);
    tide_bytes_release(&expected);
    return is_right;
}

static void receive(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    struct tide_bytes answer = {0};
    const struct tide_view body = tide_http_body(exchange);
    const struct tide_view signature = tide_http_header(exchange, "x-tidemark-signature");
    const struct tide_view type = tide_http_header(exchange, "content-type");
    struct tide_u128 id = {0, 0};
    char expected[32];
    const bool has_id = tide_identity_parse(tide_http_header(exchange, "x-tidemark-delivery"), &id);
    (void)snprintf(expected, sizeof(expected), "{\"letter\":%u}", (unsigned)id.low);
    pthread_mutex_lock(&rig.mutex);
    const bool is_good =
        has_id && tide_view_equal(body, tide_view_of(expected)) &&
        tide_view_equal(type, TIDE_VIEW("application/json")) &&
        (rig.is_signed ? signature_is_right(signature, body) : signature.size == 0);
    rig.bad_arrivals += !is_good;
    assert_true(rig.arrival_count < ARRIVALS_MAX);
    rig.arrivals[rig.arrival_count++] = (uint32_t)id.low;
    unsigned status = 200;
    if (rig.failures_left > 0) {
        rig.failures_left--;
        status = rig.failure_status;
    }
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.mutex);
    tide_http_reply(exchange, status, "text/plain", &answer, 0);
}

static const struct tide_http_route routes[] = {
    {.method = "POST", .path = "/hook", .handle = receive, .body_bytes_max = 1 << 20},
};

/* ------- the sender's side */

static bool next(void *context, struct tide_webhook_letter *letter)
{
    (void)context;
    pthread_mutex_lock(&rig.mutex);
    const bool has_letter = rig.letter_count > 0;
    if (has_letter) {
        letter->id = (struct tide_u128){0, rig.next_number};
        tide_bytes_append_format(&letter->body, "{\"letter\":%u}", rig.next_number);
    }
    pthread_mutex_unlock(&rig.mutex);
    return has_letter;
}

static void done(void *context, struct tide_u128 id, bool is_delivered)
{
    (void)context;
    pthread_mutex_lock(&rig.mutex);
    assert_int_equal(id.low, rig.next_number);
    rig.next_number++;
    rig.letter_count--;
    rig.done_count++;
    rig.given_up += !is_delivered;
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.mutex);
}

static struct tide_clock_simulated clock_state = {.now = {NOW_S * TIDE_US_PER_SECOND + 999999}};

static struct tide_webhook_options options_of(const char *url, bool is_signed)
{
    struct tide_webhook_options options = tide_webhook_options_default();
    options.url = tide_view_of(url);
    options.secret = is_signed ? secret : (struct tide_view){0};
    options.clock = tide_clock_simulated(&clock_state);
    options.io = tide_io_os();
    options.pause_first.us = 1000;
    options.pause_max.us = 2000;
    options.attempts_max = 3;
    options.next = next;
    options.done = done;
    return options;
}

static struct tide_webhook *start(const struct tide_webhook_options *options)
{
    struct tide_webhook *webhook = NULL;
    struct tide_error error = {0};
    rig.letter_count = rig.arrival_count = rig.bad_arrivals = rig.done_count = rig.given_up = 0;
    rig.next_number = 1;
    rig.failures_left = 0;
    rig.failure_status = 500;
    rig.is_signed = options->secret.size > 0;
    assert_int_equal(tide_webhook_start(options, &webhook, &error), TIDE_OK);
    return webhook;
}

static void send_letters(struct tide_webhook *webhook, uint32_t count, uint32_t failures)
{
    pthread_mutex_lock(&rig.mutex);
    rig.letter_count += count;
    rig.failures_left = failures;
    pthread_mutex_unlock(&rig.mutex);
    tide_webhook_wake(webhook);
}

static void wait_done(uint32_t count)
{
    pthread_mutex_lock(&rig.mutex);
    while (rig.done_count < count) {
        pthread_cond_wait(&rig.changed, &rig.mutex);
    }
    pthread_mutex_unlock(&rig.mutex);
}

static void expect_arrivals(const uint32_t *numbers, uint32_t count)
{
    assert_int_equal(rig.arrival_count, count);
    assert_memory_equal(rig.arrivals, numbers, count * sizeof(*numbers));
    assert_int_equal(rig.bad_arrivals, 0);
}

static void test_in_order(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1, 2, 3, 4};
    const struct tide_webhook_options options = options_of(rig.url, true);
    struct tide_webhook *webhook = start(&options);
    send_letters(webhook, 3, 0);
    wait_done(3);
    send_letters(webhook, 1, 0);
    wait_done(4);
    const struct tide_webhook_facts facts = tide_webhook_facts(webhook);
    tide_webhook_stop(webhook);
    expect_arrivals(expected, 4);
    assert_int_equal(rig.given_up, 0);
    assert_int_equal(facts.delivered, 4);
    assert_int_equal(facts.failed_attempts, 0);
}

static void test_unsigned(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1};
    const struct tide_webhook_options options = options_of(rig.url, false);
    struct tide_webhook *webhook = start(&options);
    send_letters(webhook, 1, 0);
    wait_done(1);
    tide_webhook_stop(webhook);
    expect_arrivals(expected, 1);
}

/* The same letter, with the same id, before the one behind it. */
static void test_retries(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1, 1, 1, 2};
    static const unsigned statuses[] = {500, 503, 404, 302, 429};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        const struct tide_webhook_options options = options_of(rig.url, true);
        struct tide_webhook *webhook = start(&options);
        rig.failure_status = statuses[i];
        send_letters(webhook, 2, 2);
        wait_done(2);
        const struct tide_webhook_facts facts = tide_webhook_facts(webhook);
        tide_webhook_stop(webhook);
        expect_arrivals(expected, 4);
        assert_int_equal(facts.failed_attempts, 2);
        assert_int_equal(facts.delivered, 2);
        assert_int_equal(facts.given_up, 0);
    }
}

static void test_given_up(void **state)
{
    (void)state;
    static const uint32_t expected[] = {1, 1, 1, 2};
    const struct tide_webhook_options options = options_of(rig.url, true);
    struct tide_webhook *webhook = start(&options);
    send_letters(webhook, 2, 3);
    wait_done(2);
    const struct tide_webhook_facts facts = tide_webhook_facts(webhook);
    tide_webhook_stop(webhook);
    expect_arrivals(expected, 4);
    assert_int_equal(rig.given_up, 1);
    assert_int_equal(facts.given_up, 1);
    assert_int_equal(facts.delivered, 1);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    const struct tide_webhook_options options = options_of("http://127.0.0.1:1/hook", true);
    struct tide_webhook *webhook = start(&options);
    send_letters(webhook, 1, 0);
    wait_done(1);
    tide_webhook_stop(webhook);
    assert_int_equal(rig.given_up, 1);
}

/* In the middle of a pause of a minute; the letter stays where it is. */
static void test_stop_while_it_waits(void **state)
{
    (void)state;
    struct tide_webhook_options options = options_of(rig.url, true);
    options.pause_first.us = options.pause_max.us = 60 * TIDE_US_PER_SECOND;
    struct tide_webhook *webhook = start(&options);
    send_letters(webhook, 1, 1);
    pthread_mutex_lock(&rig.mutex);
    while (rig.arrival_count == 0) {
        pthread_cond_wait(&rig.changed, &rig.mutex);
    }
    pthread_mutex_unlock(&rig.mutex);
    tide_webhook_stop(webhook);
    assert_int_equal(rig.done_count, 0);
    assert_int_equal(rig.letter_count, 1);
    tide_webhook_stop(NULL);
}

static void test_bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {"", "ftp://a/", "example.com/hook", "HTTP"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct tide_error error = {0};
        struct tide_webhook *webhook = NULL;
        const struct tide_webhook_options options = options_of(urls[i], true);
        assert_int_equal(tide_webhook_start(&options, &webhook, &error), TIDE_REJECT);
        assert_null(strstr(error.text, "example")); /* it may be a secret */
    }
}

static void test_pauses(void **state)
{
    (void)state;
    static const int64_t whole_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    const struct tide_webhook_options options = tide_webhook_options_default();
    for (uint32_t attempt = 1; attempt <= 9; attempt++) {
        const int64_t whole = whole_s[attempt - 1] * TIDE_US_PER_SECOND;
        int64_t least = whole;
        int64_t most = 0;
        for (uint64_t i = 0; i < 1000; i++) {
            const uint64_t drawn = i * UINT64_C(0x9e3779b97f4a7c15);
            const int64_t pause = tide_webhook_pause(&options, attempt, 0, drawn).us;
            assert_in_range(pause, whole / 2, whole);
            least = pause < least ? pause : least;
            most = pause > most ? pause : most;
        }
        assert_true(least < whole * 6 / 10 && most > whole * 9 / 10); /* jitter */
    }
    assert_int_equal(tide_webhook_pause(&options, 1, 30, 7).us, 30 * TIDE_US_PER_SECOND);
    assert_int_equal(tide_webhook_pause(&options, 1, 100000, 7).us, 60 * TIDE_US_PER_SECOND);
    assert_int_equal(tide_webhook_pause(&options, UINT32_MAX, 0, 0).us, 60 * TIDE_US_PER_SECOND);
}

static int set_up(void **state)
{
    (void)state;
    struct tide_http_server_options options = tide_http_server_options_default();
    options.port = 0;
    options.routes = routes;
    options.route_count = sizeof(routes) / sizeof(routes[0]);
    assert_int_equal(tide_http_server_start(&options, &rig.server, NULL), TIDE_OK);
    (void)snprintf(
        rig.url, sizeof(rig.url), "http://127.0.0.1:%u/hook", tide_http_server_port(rig.server));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_http_server_stop(rig.server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_stop_while_it_waits),
        cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_pauses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
