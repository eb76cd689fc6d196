#include "serve/webhook.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/logline.h"
#include "base/thread.h"
#include "http/client.h"
#include "http/hmac.h"
#include "process/identity.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    REPLY_BYTES_MAX = 64 << 10,
    URL_BYTES_MAX = 4096,
    HEADERS_MAX = 2,
};

struct tide_webhook {
    struct tide_webhook_options options;
    char url[URL_BYTES_MAX];
    struct tide_http_client *client;
    pthread_t thread;
    bool is_running; /* the thread was started */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_woken; /* under mutex, like what follows */
    bool is_stopping;
    _Atomic uint64_t delivered;
    _Atomic uint64_t failed_attempts;
    _Atomic uint64_t given_up;
};

struct tide_webhook_options tide_webhook_options_default(void)
{
    return (struct tide_webhook_options){
        .timeout = {10 * TIDE_US_PER_SECOND},
        .pause_first = {1 * TIDE_US_PER_SECOND},
        .pause_max = {60 * TIDE_US_PER_SECOND},
        .attempts_max = 10,
    };
}

bool tide_webhook_sign(struct tide_view secret,
                       struct tide_instant now,
                       struct tide_view body,
                       struct tide_bytes *signature)
{
    unsigned char digest[TIDE_HMAC_SHA256_SIZE];
    const int64_t seconds = tide_floor_divide(now.us, TIDE_US_PER_SECOND);
    struct tide_bytes message = {0};
    tide_bytes_append_format(&message, "%" PRId64 ".", seconds);
    tide_bytes_append_view(&message, body);
    const bool is_signed =
        !message.failed && tide_hmac_sha256(secret, tide_bytes_view(&message), digest);
    tide_bytes_release(&message);
    if (is_signed) {
        tide_bytes_append_format(signature, "t=%" PRId64 ",v1=", seconds);
        for (size_t i = 0; i < sizeof(digest); i++) {
            tide_bytes_append_format(signature, "%02x", (unsigned)digest[i]);
        }
    }
    return is_signed && !signature->failed;
}

struct tide_duration tide_webhook_pause(const struct tide_webhook_options *options,
                                        uint32_t attempt,
                                        uint32_t retry_after_s,
                                        uint64_t random)
{
    int64_t pause = options->pause_first.us;
    const int64_t longest = options->pause_max.us;
    const int64_t asked = (int64_t)retry_after_s * TIDE_US_PER_SECOND;
    for (uint32_t i = 1; i < attempt && pause < longest; i++) {
        pause *= 2;
    }
    pause = pause < longest ? pause : longest;
    pause -= (int64_t)(random % (uint64_t)(pause / 2 + 1));
    pause = pause > asked ? pause : asked;
    return (struct tide_duration){pause < longest ? pause : longest};
}

/* ------- the thread */

/* Until something is to be done, or so much time has passed (NULL: any). false: stop. */
static bool wait(struct tide_webhook *webhook, const struct tide_duration *pause)
{
    pthread_mutex_lock(&webhook->mutex);
    if (pause != NULL) {
        /* The thread library wants a date on the monotonic clock. */
        const int64_t until = tide_clock_monotonic(tide_clock_os()).ns + pause->us * 1000;
        const struct timespec date = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
        int outcome = 0;
        while (outcome == 0 && !webhook->is_stopping) {
            outcome = pthread_cond_timedwait(&webhook->wake, &webhook->mutex, &date);
        }
    } else {
        while (!webhook->is_woken && !webhook->is_stopping) {
            pthread_cond_wait(&webhook->wake, &webhook->mutex);
        }
        webhook->is_woken = false;
    }
    const bool goes_on = !webhook->is_stopping;
    pthread_mutex_unlock(&webhook->mutex);
    return goes_on;
}

/* What went wrong without the URL, which may be a secret in itself. */
static const char *without_url(const struct tide_webhook *webhook, const struct tide_error *error)
{
    const size_t size = strlen(webhook->url);
    const bool has_url =
        strncmp(error->text, webhook->url, size) == 0 && strncmp(error->text + size, ": ", 2) == 0;
    return has_url ? error->text + size + 2 : "no connection";
}

/* Sends once. true: it was delivered. */
static bool attempt(struct tide_webhook *webhook,
                    const struct tide_webhook_letter *letter,
                    uint32_t *retry_after_s,
                    struct tide_error *why)
{
    const struct tide_webhook_options *options = &webhook->options;
    char id[TIDE_IDENTITY_TEXT_SIZE];
    struct tide_bytes delivery = {0};
    struct tide_bytes signature = {0};
    struct tide_error error = {0};
    struct tide_http_response response = {0};
    const char *headers[HEADERS_MAX];
    struct tide_http_request request = {.method = "POST",
                                        .url = webhook->url,
                                        .content_type = "application/json",
                                        .body = tide_bytes_view(&letter->body),
                                        .headers = headers,
                                        .reply_bytes_max = REPLY_BYTES_MAX,
                                        .timeout = options->timeout};
    bool is_ready = true;
    tide_identity_format(letter->id, id);
    tide_bytes_append_format(&delivery, "X-Tidemark-Delivery: %s", id);
    headers[request.header_count++] = tide_bytes_terminated(&delivery);
    if (options->secret.size > 0) {
        tide_bytes_append_text(&signature, "X-Tidemark-Signature: ");
        is_ready = tide_webhook_sign(
            options->secret, tide_clock_now(options->clock), request.body, &signature);
        headers[request.header_count++] = tide_bytes_terminated(&signature);
    }
    enum tide_status status = TIDE_RETRY;
    if (is_ready && !delivery.failed && !signature.failed) {
        status = tide_http_client_send(webhook->client, &request, &response, &error);
    }
    const bool is_delivered = status == TIDE_OK && response.status >= 200 && response.status < 300;
    if (status == TIDE_OK && !is_delivered) {
        (void)tide_error_set(why, TIDE_RETRY, "answered %u", response.status);
    } else if (!is_delivered) {
        (void)tide_error_set(why, TIDE_RETRY, "%s", without_url(webhook, &error));
    }
    *retry_after_s = response.retry_after_s;
    tide_http_response_release(&response);
    tide_bytes_release(&delivery);
    tide_bytes_release(&signature);
    return is_delivered;
}

/* false: stop. */
static bool deliver(struct tide_webhook *webhook, const struct tide_webhook_letter *letter)
{
    const struct tide_webhook_options *options = &webhook->options;
    for (uint32_t count = 1;; count++) {
        uint32_t retry_after_s = 0;
        uint64_t random = 0;
        struct tide_error why = {0};
        if (attempt(webhook, letter, &retry_after_s, &why)) {
            atomic_fetch_add(&webhook->delivered, 1);
            options->done(options->context, letter->id, true);
            return true;
        }
        atomic_fetch_add(&webhook->failed_attempts, 1);
        if (count == options->attempts_max) {
            tide_logline(TIDE_LOGLINE_ERROR,
                         "webhook",
                         "given up after %" PRIu32 " attempts: %s",
                         count,
                         why.text);
            atomic_fetch_add(&webhook->given_up, 1);
            options->done(options->context, letter->id, false);
            return true;
        }
        if (count == 1) {
            tide_logline(
                TIDE_LOGLINE_WARNING, "webhook", "not delivered, trying again: %s", why.text);
        }
        options->io.operations->random(options->io.self, &random, sizeof(random));
        const struct tide_duration pause =
            tide_webhook_pause(options, count, retry_after_s, random);
        if (!wait(webhook, &pause)) {
            return false;
        }
    }
}

static void *run(void *context)
{
    struct tide_webhook *webhook = context;
    const struct tide_webhook_options *options = &webhook->options;
    bool goes_on = true;
    while (goes_on) {
        struct tide_webhook_letter letter = {.id = {0, 0}};
        if (options->next(options->context, &letter)) {
            goes_on = deliver(webhook, &letter);
        } else {
            goes_on = wait(webhook, NULL);
        }
        tide_bytes_release(&letter.body);
    }
    return NULL;
}

/* ------- life */

enum tide_status tide_webhook_start(const struct tide_webhook_options *options,
                                    struct tide_webhook **webhook,
                                    struct tide_error *error)
{
    tide_assert(options->attempts_max > 0 && options->pause_max.us >= options->pause_first.us);
    if (options->url.size >= URL_BYTES_MAX ||
        (!tide_view_starts_with(options->url, TIDE_VIEW("http://")) &&
         !tide_view_starts_with(options->url, TIDE_VIEW("https://")))) {
        return tide_error_set(
            error, TIDE_REJECT, "notify.webhook.url is not a URL of http or https");
    }
    struct tide_webhook *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a webhook");
    }
    made->options = *options;
    memcpy(made->url, options->url.data, options->url.size);
    pthread_mutex_init(&made->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&made->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    enum tide_status status = tide_http_client_create(&made->client, error);
    if (status == TIDE_OK && !tide_thread_start(&made->thread, "webhook", run, made)) {
        status = tide_error_set(error, TIDE_RETRY, "cannot start a thread for the webhook");
    }
    made->is_running = status == TIDE_OK;
    if (status != TIDE_OK) {
        tide_webhook_stop(made);
        return status;
    }
    *webhook = made;
    return TIDE_OK;
}

void tide_webhook_wake(struct tide_webhook *webhook)
{
    pthread_mutex_lock(&webhook->mutex);
    webhook->is_woken = true;
    pthread_cond_signal(&webhook->wake);
    pthread_mutex_unlock(&webhook->mutex);
}

void tide_webhook_stop(struct tide_webhook *webhook)
{
    if (webhook == NULL) {
        return;
    }
    pthread_mutex_lock(&webhook->mutex);
    webhook->is_stopping = true;
    pthread_cond_signal(&webhook->wake);
    pthread_mutex_unlock(&webhook->mutex);
    if (webhook->is_running) {
        pthread_join(webhook->thread, NULL);
    }
    tide_http_client_destroy(webhook->client);
    pthread_cond_destroy(&webhook->wake);
    pthread_mutex_destroy(&webhook->mutex);
    free(webhook);
}

struct tide_webhook_facts tide_webhook_facts(const struct tide_webhook *webhook)
{
    return (struct tide_webhook_facts){
        .delivered = atomic_load(&webhook->delivered),
        .failed_attempts = atomic_load(&webhook->failed_attempts),
        .given_up = atomic_load(&webhook->given_up),
    };
}
