#include "http/client.h"

#include "base/assert.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    CURL *curl;
    const struct tide_http_request *request;
    struct tide_http_response *response;
    size_t header_bytes;
    uint64_t source_offset;
    bool is_too_large;
    enum tide_status status; /* of the source or sink */
    struct tide_error error; /* theirs */
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
    const struct tide_http_sink *sink = transfer->request->sink;
    struct tide_bytes *body = &transfer->response->body;
    const size_t bytes = size * count;
    long code = 0;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &code);
    if (sink != NULL && code >= 200 && code < 300) {
        transfer->status = sink->write(sink->context, data, bytes, &transfer->error);
        return transfer->status == TIDE_OK ? bytes : 0;
    }
    if (bytes > transfer->request->reply_bytes_max - body->size) {
        transfer->is_too_large = true;
        return 0;
    }
    tide_bytes_append(body, data, bytes);
    return body->failed ? 0 : bytes;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct tide_http_source *source = transfer->request->source;
    const uint64_t left = source->size - transfer->source_offset;
    const size_t wanted = size * count < left ? size * count : (size_t)left;
    size_t got = 0;
    if (wanted == 0) {
        return 0;
    }
    transfer->status = source->read(
        source->context, transfer->source_offset, buffer, wanted, &got, &transfer->error);
    if (transfer->status == TIDE_OK && got == 0) {
        transfer->status = tide_error_set(&transfer->error,
                                          TIDE_RETRY,
                                          "what is sent ends at %llu of %llu bytes",
                                          (unsigned long long)transfer->source_offset,
                                          (unsigned long long)source->size);
    }
    transfer->source_offset += got;
    return transfer->status == TIDE_OK ? got : CURL_READFUNC_ABORT;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->request->source->size) {
        return CURL_SEEKFUNC_FAIL;
    }
    transfer->source_offset = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static struct tide_view trim(struct tide_view text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = tide_view_slice(text, 1, text.size - 1);
    }
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return text;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    static const char location[] = "location:";
    struct transfer *transfer = context;
    const struct tide_view line = {data, size * count};
    transfer->header_bytes += line.size;
    transfer->is_too_large = transfer->header_bytes > REPLY_HEADER_BYTES_MAX;
    if (line.size >= sizeof(location) - 1 &&
        strncasecmp(line.data, location, sizeof(location) - 1) == 0) {
        const size_t start = sizeof(location) - 1;
        tide_bytes_reset(&transfer->response->location);
        tide_bytes_append_view(&transfer->response->location,
                               trim(tide_view_slice(line, start, line.size - start)));
    }
    return transfer->is_too_large || transfer->response->location.failed ? 0 : line.size;
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

/* curl's 0 is "no limit", ours of less than a millisecond is not. */
static long milliseconds(struct tide_duration duration)
{
    return duration.us > 0 && duration.us < 1000 ? 1L : (long)(duration.us / 1000);
}

static CURLcode set_source(CURL *curl, struct transfer *transfer)
{
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    bad |= curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    bad |= curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    bad |= curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
    bad |= curl_easy_setopt(
        curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->request->source->size);
    return bad;
}

static CURLcode set_limits(CURL *curl, const struct tide_http_request *request)
{
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
    if (request->connect_timeout.us > 0) {
        bad |= curl_easy_setopt(
            curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request->connect_timeout));
    }
    if (request->stall_timeout.us > 0) {
        const long seconds = (long)((request->stall_timeout.us + 999999) / 1000000);
        bad |= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        bad |= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds);
    }
    return bad;
}

static bool set_all_ok(CURL *curl,
                       const struct tide_http_request *request,
                       struct curl_slist *headers,
                       struct transfer *transfer)
{
    CURLcode bad = CURLE_OK;
    bad |= curl_easy_setopt(curl, CURLOPT_URL, request->url);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* what the URL says, not the environment */
    bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= set_limits(curl, request);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    if (request->source != NULL) {
        bad |= set_source(curl, transfer);
    } else if (request->content_type != NULL) {
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
    if (transfer->status != TIDE_OK) {
        return transfer->status;
    }
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

static void describe(CURL *curl, struct tide_http_response *response)
{
    long code = 0;
    curl_off_t retry_after = 0;
    curl_off_t length = -1;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    response->status = (unsigned)code;
    response->retry_after_s = retry_after > UINT32_MAX ? UINT32_MAX : (uint32_t)retry_after;
    response->content_length = length;
}

enum tide_status tide_http_client_send(struct tide_http_client *client,
                                       const struct tide_http_request *request,
                                       struct tide_http_response *response,
                                       struct tide_error *error)
{
    tide_assert(request->method != NULL && request->url != NULL);
    tide_assert(request->content_type != NULL ||
                (request->body.size == 0 && request->source == NULL));
    tide_assert(request->source == NULL || request->body.size == 0);
    tide_assert(request->timeout.us > 0 || request->stall_timeout.us > 0);
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* connections are kept */
    tide_bytes_reset(&response->body);
    tide_bytes_reset(&response->location);
    client->curl_error[0] = '\0';
    struct transfer transfer = {.curl = curl, .request = request, .response = response};
    struct curl_slist *headers = make_headers(request);
    enum tide_status status = TIDE_RETRY;
    if (headers == NULL || !set_all_ok(curl, request, headers, &transfer) ||
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error) != CURLE_OK) {
        (void)tide_error_set(error, status, "no memory for a request to %s", request->url);
        goto done;
    }
    const CURLcode code = curl_easy_perform(curl);
    status = status_of(code, &transfer);
    describe(curl, response);
    if (transfer.is_too_large) {
        (void)tide_error_set(error,
                             status,
                             "%s: the reply is larger than %zu bytes",
                             request->url,
                             request->reply_bytes_max);
    } else if (transfer.status != TIDE_OK) {
        (void)tide_error_set(error, status, "%s: %s", request->url, transfer.error.text);
    } else if (status != TIDE_OK) {
        const char *text =
            client->curl_error[0] != '\0' ? client->curl_error : curl_easy_strerror(code);
        (void)tide_error_set(error, status, "%s: %s", request->url, text);
    }
done:
    curl_slist_free_all(headers);
    return status;
}

enum tide_status tide_http_client_reach(struct tide_http_client *client,
                                        const char *url,
                                        struct tide_duration timeout,
                                        struct tide_error *error)
{
    CURL *curl = client->curl;
    CURLcode bad = CURLE_OK;
    tide_assert(timeout.us > 0);
    curl_easy_reset(curl);
    client->curl_error[0] = '\0';
    bad |= curl_easy_setopt(curl, CURLOPT_URL, url);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(timeout));
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
    if (bad != CURLE_OK) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a connection to %s", url);
    }
    const struct transfer nothing = {.curl = curl};
    const CURLcode code = curl_easy_perform(curl);
    const enum tide_status status = status_of(code, &nothing);
    if (status != TIDE_OK) {
        const char *text =
            client->curl_error[0] != '\0' ? client->curl_error : curl_easy_strerror(code);
        (void)tide_error_set(error, status, "%s: %s", url, text);
    }
    return status;
}

void tide_http_response_release(struct tide_http_response *response)
{
    tide_bytes_release(&response->body);
    tide_bytes_release(&response->location);
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
