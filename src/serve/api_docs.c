/* GET /openapi.json, and /docs with its script and style: the reader, which asks this host only.
 * The server's threads answer: nothing is waited for. */
#include "base/assert.h"
#include "serve/api_internal.h"
#include "serve/assets.h"
#include "serve/openapi.h"

#include <string.h>

#include "base/banned.h"

static struct tide_view asset(const char *name)
{
    const struct tide_embedded_file *file = tide_serve_assets;
    while (file->name != NULL && strcmp(file->name, name) != 0) {
        file++;
    }
    tide_assert(file->name != NULL);
    return (struct tide_view){file->text, file->size};
}

static void reply_text(struct tide_http_exchange *exchange,
                       const char *content_type,
                       struct tide_view text)
{
    struct tide_bytes body = {0};
    tide_bytes_append_view(&body, text);
    tide_http_reply(exchange, 200, content_type, &body, 0);
}

void tide_api_publish(struct tide_api *api,
                      const struct tide_http_route *published,
                      size_t route_count)
{
    const struct tide_openapi_options options = {.routes = published,
                                                 .route_count = route_count,
                                                 .version = api->options.version,
                                                 .schemas = asset("schemas")};
    tide_bytes_reset(&api->openapi);
    tide_openapi_write(&options, &api->openapi);
}

void api_reply_openapi(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    if (api->openapi.failed || api->openapi.size == 0) {
        tide_http_reply_problem(exchange, 500, 0, "there was no memory for the document");
        return;
    }
    reply_text(exchange, "application/json", tide_bytes_view(&api->openapi));
}

void api_reply_docs(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    reply_text(exchange, "text/html; charset=utf-8", asset("reader"));
}

void api_reply_docs_script(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    reply_text(exchange, "text/javascript; charset=utf-8", asset("reader_script"));
}

void api_reply_docs_style(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    reply_text(exchange, "text/css; charset=utf-8", asset("reader_style"));
}
