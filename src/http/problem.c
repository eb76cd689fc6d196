#include "http/problem.h"

#include "base/json.h"

#include "base/banned.h"

static const struct {
    unsigned status;
    const char *title;
} titles[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *tide_http_status_title(unsigned status)
{
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Unknown";
}

void tide_http_problem_write(unsigned status, struct tide_view detail, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "type", TIDE_VIEW("about:blank"));
    tide_json_write_text_member(json, "title", tide_view_of(tide_http_status_title(status)));
    tide_json_write_u64_member(json, "status", status);
    tide_json_write_text_member(json, "detail", detail);
    tide_bytes_append_byte(json, '}');
}
