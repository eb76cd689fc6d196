/* GET / and its three files: the dashboard, as `make web` built it from web/. It draws what
 * /api/v1 answers and asks no other host. The server's threads answer: nothing is waited for. A
 * reply is not stored by the browser (http/server.c), so a new release shows its own page. */
#include "base/assert.h"
#include "serve/api_internal.h"
#include "serve/assets.h"

#include <string.h>

#include "base/banned.h"

static const struct {
    const char *path;
    const char *file;
    const char *content_type;
} pages[] = {
    {"/", "index.html", "text/html; charset=utf-8"},
    {"/app.js", "app.js", "text/javascript; charset=utf-8"},
    {"/app.css", "app.css", "text/css; charset=utf-8"},
    {"/icon.svg", "icon.svg", "image/svg+xml"},
};

static struct tide_view file_text(const char *name)
{
    const struct tide_embedded_file *file = tide_dashboard_files;
    while (file->name != NULL && strcmp(file->name, name) != 0) {
        file++;
    }
    tide_assert(file->name != NULL);
    return (struct tide_view){file->text, file->size};
}

void api_reply_dashboard(void *context, struct tide_http_exchange *exchange)
{
    (void)context;
    const struct tide_view path = tide_http_path(exchange);
    size_t i = 0;
    while (i < sizeof(pages) / sizeof(pages[0]) &&
           !tide_view_equal(path, tide_view_of(pages[i].path))) {
        i++;
    }
    tide_assert(i < sizeof(pages) / sizeof(pages[0])); /* one for each of its routes */
    struct tide_bytes body = {0};
    tide_bytes_append_view(&body, file_text(pages[i].file));
    tide_http_reply(exchange, 200, pages[i].content_type, &body, 0);
}
