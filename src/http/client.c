#include "http/client.h"

#include "base/assert.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    REPLY_HEADER_BYTES_MAX = 64 << 10
};

struct tide_http_client {
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
};

/* What curl's callbacks may see of a request under way. */
struct transfer {
    struct tide_bytes *body;
    size_t body_bytes_max;
    size_t header_bytes;
    bool is_too_large;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_is_ready;

static void prepare_curl(void)
{
    curl_is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const size_t bytes = size * count;
    if (bytes > transfer->body_bytes_max - transfer->body->size) {
        transfer->is_too_large = true;
        return 0;
    }
    tide_bytes_append(transfer->body, data, bytes);
    return transfer->body->failed ? 0 : bytes;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    struct transfer *transfer = context;
    transfer->header_bytes += size * count;
    transfer->is_too_large = transfer->header_bytes > REPLY_HEADER_BYTES_MAX;
    return transfer->is_too_large ? 0 : size * count;
}

enum tide_status tide_http_client_create(struct tide_http_client **client, struct tide_error *error)
{
    (void)pthread_once(&curl_once, prepare_curl);
    struct tide_http_client *made = calloc(1, sizeof(*made));
    if (made != NULL && curl_is_ready) {
        made->curl = curl_easy_init();
    }
    if (made == NULL || made->curl == NULL) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "no memory for an http client");
    }
    *client = made;
    return TIDE_OK;
}

void tide_http_client_destroy(struct tide_http_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->curl);
    free(client);
}

static bool set_all_ok(CURL *curl,
                       const struct tide_http_request *request,
                       struct curl_slist *headers)
{
    const long timeout_ms = (long)(request->timeout.us / 1000);
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_URL, request->url);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* what the URL says, not the environment */
    bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    if (request->content_type != NULL) {
        bad |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
        bad |= curl_easy_setopt(
            curl, CURLOPT_POSTFIELDS, request->body.size > 0 ? request->body.data : "");
        bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
    if (strcmp(request->method, "HEAD") == 0) {
        bad |= curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    bad |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    return bad == CURLE_OK;
}

static enum tide_status status_of(CURLcode code, const struct transfer *transfer)
{
    if (code == CURLE_OK) {
        return TIDE_OK;
    }
    const bool is_bad_url = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    return transfer->is_too_large || is_bad_url ? TIDE_REJECT : TIDE_RETRY;
}

/* false: out of memory; the list stays as it was. */
static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer != NULL) {
        *headers = longer;
    }
    return longer != NULL;
}

/* A list of headers that lives as long as the request. NULL: out of memory. */
static struct curl_slist *make_headers(const struct tide_http_request *request)
{
    struct curl_slist *headers = NULL;
    struct tide_bytes line = {0};
    /* Without "Expect:" curl waits a second for a 100 before a large body. */
    bool is_whole = add_header(&headers, "Expect:");
    if (request->content_type != NULL) {
        tide_bytes_append_format(&line, "Content-Type: %s", request->content_type);
        is_whole = is_whole && !line.failed && add_header(&headers, tide_bytes_terminated(&line));
        tide_bytes_release(&line);
    }
    for (uint32_t i = 0; is_whole && i < request->header_count; i++) {
        is_whole = add_header(&headers, request->headers[i]);
    }
    if (!is_whole) {
        curl_slist_free_all(headers);
        return NULL;
    }
    return headers;
}

enum tide_status tide_http_client_send(struct tide_http_client *client,
                                       const struct tide_http_request *request,
                                       struct tide_http_response *response,
                                       struct tide_error *error)
{
    tide_assert(request->method != NULL && request->url != NULL);
    tide_assert(request->content_type != NULL || request->body.size == 0);
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* connections are kept */
    tide_bytes_reset(&response->body);
    client->curl_error[0] = '\0';
    struct transfer transfer = {.body = &response->body,
                                .body_bytes_max = request->reply_bytes_max};
    struct curl_slist *headers = make_headers(request);
    enum tide_status status = TIDE_RETRY;
    if (headers == NULL || !set_all_ok(curl, request, headers) ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error) != CURLE_OK) {
        (void)tide_error_set(error, status, "no memory for a request to %s", request->url);
        goto done;
    }
    const CURLcode code = curl_easy_perform(curl);
    status = status_of(code, &transfer);
    if (transfer.is_too_large) {
        (void)tide_error_set(error,
                             status,
                             "%s: the reply is larger than %zu bytes",
                             request->url,
                             request->reply_bytes_max);
    } else if (status != TIDE_OK) {
        const char *text =
            client->curl_error[0] != '\0' ? client->curl_error : curl_easy_strerror(code);
        (void)tide_error_set(error, status, "%s: %s", request->url, text);
    } else {
        long code_of_reply = 0;
        curl_off_t retry_after = 0;
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code_of_reply);
        (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
        response->status = (unsigned)code_of_reply;
        response->retry_after_s = retry_after > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_after;
    }
done:
    curl_slist_free_all(headers);
    return status;
}

void tide_http_encode(struct tide_view text, struct tide_bytes *into)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                              byte == '_' || byte == '~';
        if (is_plain) {
            tide_bytes_append_byte(into, (char)byte);
        } else {
            const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            tide_bytes_append(into, escape, sizeof(escape));
        }
    }
}
