#include "cli/event_sender.h"

#include "base/assert.h"
#include "http/compress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ATTEMPTS_MAX = 600,
    BROKEN_MAX = 3, /* attempts without an answer */
    REPLY_BYTES_MAX = 16 << 20,
    TIMEOUT_S = 30,
    KEY_BYTES_MAX = 1024, /* of whatever stands before the service */
};

static const char key_variable[] = "TIDEMARK_KEY";

/* ---- options */

static bool read_coding(const struct tide_invocation *invocation,
                        struct tide_event_sender_options *options)
{
    const char *name = tide_invocation_text(invocation, "--compress", NULL);
    if (name == NULL) {
        return true;
    }
    if (options->server == NULL) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--compress is about bodies: --to http://host:port");
        return false;
    }
    if (strcmp(name, "gzip") != 0 && strcmp(name, "zstd") != 0) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--compress %s: write gzip or zstd", name);
        return false;
    }
    options->coding = name[0] == 'g' ? TIDE_CODING_GZIP : TIDE_CODING_ZSTD;
    return true;
}

/* What stands in a header as it is, so nobody can write another one with it. */
static bool is_key(const char *text)
{
    size_t size = 0;
    while (text[size] > ' ' && text[size] <= '~') {
        size++;
    }
    return text[size] == '\0' && size > 0 && size <= KEY_BYTES_MAX;
}

static bool read_key(const struct tide_invocation *invocation,
                     struct tide_event_sender_options *options)
{
    const char *key = tide_invocation_text(invocation, "--key", NULL);
    if (key != NULL && options->server == NULL) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--key is for a service: --to http://host:port");
        return false;
    }
    const bool is_said = key != NULL;
    key = is_said ? key : getenv(key_variable);
    if (options->server == NULL || key == NULL || (!is_said && key[0] == '\0')) {
        return true;
    }
    if (!is_key(key)) {
        (void)tide_fail(TIDE_EXIT_USAGE,
                        "%s: a key is at most %d visible ASCII characters, none of them a space",
                        is_said ? "--key" : key_variable,
                        KEY_BYTES_MAX);
        return false;
    }
    options->key = key;
    return true;
}

bool tide_event_sender_read(const struct tide_invocation *invocation,
                            struct tide_event_sender_options *options)
{
    return read_coding(invocation, options) && read_key(invocation, options);
}

/* ---- life */

enum tide_status tide_event_sender_open(const struct tide_event_sender_options *options,
                                        struct tide_event_sender *sender,
                                        struct tide_error *error)
{
    tide_assert(options->line_count > 0);
    tide_assert(options->coding == TIDE_CODING_IDENTITY || options->coding == TIDE_CODING_GZIP ||
                options->coding == TIDE_CODING_ZSTD);
    *sender = (struct tide_event_sender){.options = *options};
    if (options->key != NULL) {
        tide_bytes_append_format(&sender->authorization, "Authorization: Bearer %s", options->key);
    }
    return tide_http_client_create(&sender->client, error);
}

void tide_event_sender_close(struct tide_event_sender *sender)
{
    if (sender->client != NULL) {
        tide_http_client_destroy(sender->client);
    }
    tide_bytes_release(&sender->url);
    tide_bytes_release(&sender->authorization);
    tide_bytes_release(&sender->packed);
    tide_bytes_release(&sender->body);
    tide_bytes_release(&sender->strays);
    *sender = (struct tide_event_sender){0};
}

/* ---- one request */

/* The header that says what *body is now. NULL: it is as it was. */
static enum tide_status pack(struct tide_event_sender *sender,
                             struct tide_view *body,
                             const char **header,
                             struct tide_error *error)
{
    const enum tide_coding coding = sender->options.coding;
    if (coding == TIDE_CODING_IDENTITY) {
        return TIDE_OK;
    }
    *header = coding == TIDE_CODING_GZIP ? "Content-Encoding: gzip" : "Content-Encoding: zstd";
    tide_bytes_reset(&sender->packed);
    const enum tide_status status = tide_compress(coding, *body, &sender->packed, error);
    *body = tide_bytes_view(&sender->packed);
    return status;
}

static bool is_busy(unsigned status)
{
    return status == 503 || status == 429;
}

/* Other refusals are what defective events are for. */
static enum tide_exit exit_of(unsigned status)
{
    if (status == 401 || status == 403) {
        return tide_fail(TIDE_EXIT_FAILURE,
                         "the service answered %u: it wants an API key that it knows, by --key or "
                         "in %s",
                         status,
                         key_variable);
    }
    return status < 500 ? TIDE_EXIT_OK
                        : tide_fail(TIDE_EXIT_FAILURE, "the service answered %u", status);
}

static enum tide_exit post(struct tide_event_sender *sender,
                           const char *path,
                           const char *content_type,
                           struct tide_view body)
{
    struct tide_error error = {0};
    const char *headers[2] = {NULL, NULL};
    uint32_t header_count = 0;
    tide_bytes_reset(&sender->url);
    tide_bytes_append_format(&sender->url, "%s%s", sender->options.server, path);
    if (pack(sender, &body, &headers[0], &error) != TIDE_OK) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "%s", error.text);
    }
    header_count = headers[0] == NULL ? 0 : 1;
    if (sender->authorization.size > 0) {
        headers[header_count++] = tide_bytes_terminated(&sender->authorization);
    }
    struct tide_http_request request = {.method = "POST",
                                        .url = tide_bytes_terminated(&sender->url),
                                        .content_type = content_type,
                                        .body = body,
                                        .headers = headers,
                                        .header_count = header_count,
                                        .reply_bytes_max = REPLY_BYTES_MAX,
                                        .timeout = {TIMEOUT_S * INT64_C(1000000)}};
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        struct tide_http_response response = {0};
        enum tide_status status =
            tide_http_client_send(sender->client, &request, &response, &error);
        tide_http_response_release(&response);
        if (status == TIDE_OK && !is_busy(response.status)) {
            return exit_of(response.status);
        }
        if (status != TIDE_OK && attempt >= BROKEN_MAX) {
            return tide_fail(TIDE_EXIT_CONNECT, "%s", error.text);
        }
        int64_t pause = response.retry_after_s > 0 ? response.retry_after_s : 1;
        tide_clock_sleep(sender->options.clock, (struct tide_duration){pause * 1000000});
    }
    return tide_fail(TIDE_EXIT_TEMPORARY, "the service is busy for too long");
}

enum tide_exit tide_event_sender_flush(struct tide_event_sender *sender)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    if (sender->body.size > 0 && sender->options.is_sunbird) {
        tide_bytes_append_text(&sender->body, "]}");
        exit = post(sender, "/v1/telemetry", "application/json", tide_bytes_view(&sender->body));
    } else if (sender->body.size > 0) {
        exit = post(sender, "/v1/events", "application/x-ndjson", tide_bytes_view(&sender->body));
    }
    if (exit == TIDE_EXIT_OK && sender->strays.size > 0) {
        exit = post(sender, "/v1/events", "application/x-ndjson", tide_bytes_view(&sender->strays));
    }
    sender->sent_count += exit == TIDE_EXIT_OK ? sender->pending_count : 0;
    sender->pending_count = 0;
    tide_bytes_reset(&sender->body);
    tide_bytes_reset(&sender->strays);
    return exit;
}

static void add_to_envelope(struct tide_event_sender *sender,
                            struct tide_view line,
                            struct tide_duration clock_ahead)
{
    if (sender->body.size == 0) {
        int64_t now_ms = (tide_clock_now(sender->options.clock).us + clock_ahead.us) / 1000;
        tide_bytes_append_format(
            &sender->body,
            "{\"id\":\"api.sunbird.telemetry\",\"ver\":\"3.0\",\"ets\":%" PRId64
            ",\"params\":{\"msgid\":\"%016" PRIx64 "-%" PRIu64 "-%" PRId64 "\"},\"events\":[",
            now_ms,
            sender->options.seed,
            sender->envelope_count++,
            now_ms);
    } else {
        tide_bytes_append_byte(&sender->body, ',');
    }
    tide_bytes_append_view(&sender->body, line);
}

enum tide_exit tide_event_sender_add(struct tide_event_sender *sender,
                                     struct tide_view line,
                                     bool is_json,
                                     struct tide_duration clock_ahead)
{
    const bool is_apart = clock_ahead.us != 0 && sender->options.is_sunbird;
    enum tide_exit exit = is_apart ? tide_event_sender_flush(sender) : TIDE_EXIT_OK;
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    if (sender->options.is_sunbird && is_json) {
        add_to_envelope(sender, line, clock_ahead);
    } else {
        struct tide_bytes *into = sender->options.is_sunbird ? &sender->strays : &sender->body;
        tide_bytes_append_view(into, line);
        tide_bytes_append_byte(into, '\n');
    }
    sender->pending_count++;
    const bool is_full = is_apart || sender->pending_count >= sender->options.line_count;
    return is_full ? tide_event_sender_flush(sender) : TIDE_EXIT_OK;
}
