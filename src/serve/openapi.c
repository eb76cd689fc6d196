#include "serve/openapi.h"

#include "base/assert.h"
#include "base/json.h"

#include <string.h>

#include "base/banned.h"

enum {
    METHOD_SIZE = 16
};

/* With what the server refuses a request before a handler sees it, and when it has no memory. */
static const struct refusal {
    unsigned status;
    bool is_of_bodies; /* only of routes that take one */
    const char *about;
} refusals[] = {
    {400, false, "The request is malformed, or a parameter is not what is declared here."},
    {411, true, "A body needs Content-Length, or the coding chunked."},
    {413, false, "The body is too large, or none is wanted."},
    {414, false, "The request target is too long."},
    {415,
     true,
     "The body's Content-Type is not accepted here, or its Content-Encoding, which "
     "Accept-Encoding then tells."},
    {417, false, "An expectation other than 100-continue."},
    {431, false, "Too many or too large headers."},
    {500, false, "No memory for the reply."},
    {503, true, "Too many bodies are under way."},
};

static const struct {
    const char *name;
    const char *about;
} tags[] = {
    {"collect", "Events in."},
    {"analytics", "The device platform's questions, by what they are about."},
    {"metrics", "Every metric, whatever the pipeline."},
    {"pipeline", "Records, definitions and proof."},
    {"process", "For whoever runs it."},
    {"documents", "This description."},
};

static void open_object(struct tide_bytes *json, const char *key)
{
    tide_json_write_key(json, key);
    tide_bytes_append_byte(json, '{');
}

static void close_object(struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '}');
}

static void write_text(struct tide_bytes *json, const char *key, const char *text)
{
    if (text != NULL) {
        tide_json_write_text_member(json, key, tide_view_of(text));
    }
}

static void write_reference(struct tide_bytes *json, const char *schema)
{
    tide_json_write_key(json, "$ref");
    tide_bytes_append_format(json, "\"#/components/schemas/%s\"", schema);
}

/* ---- parameters */

static void write_choices(const struct tide_http_parameter *parameter, struct tide_bytes *json)
{
    tide_json_write_key(json, "enum");
    tide_bytes_append_byte(json, '[');
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        tide_bytes_append_text(json, choice == parameter->choices ? "" : ",");
        tide_json_write_string(json, tide_view_of(*choice));
    }
    tide_bytes_append_byte(json, ']');
}

static void write_type(const struct tide_http_parameter *parameter, struct tide_bytes *json)
{
    const bool is_whole = parameter->type == TIDE_HTTP_WHOLE;
    write_text(json, "type", is_whole ? "integer" : "string");
    switch (parameter->type) {
    case TIDE_HTTP_TEXT:
        break;
    case TIDE_HTTP_CHOICE:
        write_choices(parameter, json);
        break;
    case TIDE_HTTP_WHOLE:
        tide_json_write_u64_member(json, "minimum", parameter->min);
        tide_json_write_u64_member(json, "maximum", parameter->max);
        break;
    case TIDE_HTTP_DATE:
        write_text(json, "format", "date");
        break;
    case TIDE_HTTP_TIME:
        tide_json_write_key(json, "anyOf");
        tide_bytes_append_text(json, "[{\"format\":\"date\"},{\"format\":\"date-time\"}]");
        break;
    }
    if (parameter->fallback != NULL && is_whole) {
        tide_json_write_key(json, "default");
        tide_bytes_append_text(json, parameter->fallback);
    } else {
        write_text(json, "default", parameter->fallback);
    }
}

static void write_parameter(const struct tide_http_parameter *parameter, struct tide_bytes *json)
{
    static const char *const places[] = {
        [TIDE_HTTP_QUERY] = "query", [TIDE_HTTP_PATH] = "path", [TIDE_HTTP_HEADER] = "header"};
    tide_bytes_append_byte(json, '{');
    write_text(json, "name", parameter->name);
    write_text(json, "in", places[parameter->place]);
    if (parameter->is_required) {
        tide_json_write_bool_member(json, "required", true);
    }
    write_text(json, "description", parameter->about);
    open_object(json, "schema");
    write_type(parameter, json);
    close_object(json);
    write_text(json, "example", parameter->example);
    close_object(json);
}

static void write_parameters(const struct tide_http_contract *contract, struct tide_bytes *json)
{
    if (contract->parameters == NULL) {
        return;
    }
    tide_json_write_key(json, "parameters");
    tide_bytes_append_byte(json, '[');
    for (size_t i = 0; contract->parameters[i] != NULL; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ",");
        write_parameter(contract->parameters[i], json);
    }
    tide_bytes_append_byte(json, ']');
}

static void write_bodies(const struct tide_http_contract *contract, struct tide_bytes *json)
{
    if (contract->bodies == NULL) {
        return;
    }
    open_object(json, "requestBody");
    write_text(json, "description", contract->body_about);
    tide_json_write_bool_member(json, "required", true);
    open_object(json, "content");
    for (const struct tide_http_body_form *form = contract->bodies; form->content_type != NULL;
         form++) {
        open_object(json, form->content_type);
        open_object(json, "schema");
        write_reference(json, form->schema);
        close_object(json);
        close_object(json);
    }
    close_object(json);
    close_object(json);
}

/* ---- outcomes */

static void write_content(const struct tide_http_outcome *outcome, struct tide_bytes *json)
{
    const bool is_problem = outcome->content_type == NULL;
    open_object(json, is_problem ? "application/problem+json" : outcome->content_type);
    open_object(json, "schema");
    if (is_problem) {
        write_reference(json, "Problem");
    } else if (outcome->schema != NULL) {
        write_reference(json, outcome->schema);
    } else {
        write_text(json, "type", "string");
    }
    close_object(json);
    if (outcome->lines != NULL) { /* OpenAPI 3.1 has no word for the schema of a line */
        open_object(json, "x-line-schema");
        write_reference(json, outcome->lines);
        close_object(json);
    }
    close_object(json);
}

static bool is_first_of_status(const struct tide_http_contract *contract,
                               const struct tide_http_outcome *outcome)
{
    for (const struct tide_http_outcome *other = contract->outcomes; other != outcome; other++) {
        if (other->status == outcome->status) {
            return false;
        }
    }
    return true;
}

static void write_headers(unsigned status, struct tide_bytes *json)
{
    if (status == 401) {
        tide_json_write_key(json, "headers");
        tide_bytes_append_text(json,
                               "{\"WWW-Authenticate\":{\"description\":\"Bearer.\","
                               "\"schema\":{\"type\":\"string\"}}}");
    }
    if (status == 429 || status == 503) {
        tide_json_write_key(json, "headers");
        tide_bytes_append_text(json,
                               "{\"Retry-After\":{\"description\":\"Seconds to wait.\","
                               "\"schema\":{\"type\":\"integer\",\"minimum\":1}}}");
    }
}

/* All outcomes of the status of this one, which is the first. */
static void write_status(const struct tide_http_outcome *outcome, struct tide_bytes *json)
{
    const unsigned status = outcome->status;
    struct tide_bytes about = {0};
    tide_bytes_append_format(
        json, "%s\"%u\":{", json->data[json->size - 1] == '{' ? "" : ",", status);
    for (const struct tide_http_outcome *other = outcome; other->status != 0; other++) {
        if (other->status == status) {
            tide_bytes_append_text(&about, about.size == 0 ? "" : " Or: ");
            tide_bytes_append_text(&about, other->about);
        }
    }
    tide_json_write_text_member(json, "description", tide_bytes_view(&about));
    json->failed = json->failed || about.failed;
    tide_bytes_release(&about);
    write_headers(status, json);
    open_object(json, "content");
    for (const struct tide_http_outcome *other = outcome; other->status != 0; other++) {
        if (other->status == status) {
            write_content(other, json);
        }
    }
    close_object(json);
    close_object(json);
}

static bool has_status(const struct tide_http_contract *contract, unsigned status)
{
    for (const struct tide_http_outcome *outcome = contract->outcomes; outcome->status != 0;
         outcome++) {
        if (outcome->status == status) {
            return true;
        }
    }
    return false;
}

static void write_responses(const struct tide_http_route *route, struct tide_bytes *json)
{
    const struct tide_http_contract *contract = route->contract;
    open_object(json, "responses");
    for (const struct tide_http_outcome *outcome = contract->outcomes; outcome->status != 0;
         outcome++) {
        if (is_first_of_status(contract, outcome)) {
            write_status(outcome, json);
        }
    }
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        if ((route->body_bytes_max > 0 || !refusal->is_of_bodies) &&
            !has_status(contract, refusal->status)) {
            tide_bytes_append_format(json,
                                     ",\"%u\":{\"$ref\":\"#/components/responses/Problem%u\"}",
                                     refusal->status,
                                     refusal->status);
        }
    }
    close_object(json);
}

static void write_refusals(struct tide_bytes *json)
{
    open_object(json, "responses");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct tide_http_outcome problem = {.status = refusals[i].status,
                                                  .about = refusals[i].about};
        tide_bytes_append_format(json, "%s\"Problem%u\":{", i == 0 ? "" : ",", problem.status);
        write_text(json, "description", problem.about);
        write_headers(problem.status, json);
        open_object(json, "content");
        write_content(&problem, json);
        close_object(json);
        close_object(json);
    }
    close_object(json);
}

/* ---- the document */

static void write_operation(const struct tide_http_route *route, struct tide_bytes *json)
{
    const struct tide_http_contract *contract = route->contract;
    char method[METHOD_SIZE] = "";
    for (size_t i = 0; route->method[i] != '\0'; i++) {
        tide_assert(i + 1 < sizeof(method) && route->method[i] >= 'A' && route->method[i] <= 'Z');
        method[i] = (char)(route->method[i] - 'A' + 'a');
    }
    open_object(json, method);
    write_text(json, "operationId", contract->id);
    tide_json_write_key(json, "tags");
    tide_bytes_append_byte(json, '[');
    tide_json_write_string(json, tide_view_of(contract->tag));
    tide_bytes_append_byte(json, ']');
    write_text(json, "summary", contract->summary);
    write_text(json, "description", contract->about);
    write_parameters(contract, json);
    write_bodies(contract, json);
    write_responses(route, json);
    close_object(json);
}

static bool is_path_told(const struct tide_openapi_options *options, size_t until)
{
    for (size_t i = 0; i < until; i++) {
        if (options->routes[i].contract != NULL &&
            strcmp(options->routes[i].path, options->routes[until].path) == 0) {
            return true;
        }
    }
    return false;
}

static void write_paths(const struct tide_openapi_options *options, struct tide_bytes *json)
{
    open_object(json, "paths");
    for (size_t i = 0; i < options->route_count; i++) {
        const char *path = options->routes[i].path;
        if (options->routes[i].contract == NULL || is_path_told(options, i)) {
            continue;
        }
        open_object(json, path);
        for (size_t k = i; k < options->route_count; k++) {
            if (options->routes[k].contract != NULL && strcmp(options->routes[k].path, path) == 0) {
                write_operation(&options->routes[k], json);
            }
        }
        close_object(json);
    }
    close_object(json);
}

static void write_head(const struct tide_openapi_options *options, struct tide_bytes *json)
{
    write_text(json, "openapi", "3.1.0");
    open_object(json, "info");
    write_text(json, "title", "Tidemark");
    write_text(json, "version", options->version);
    write_text(json,
               "description",
               "Events in, exact metrics out. Errors are RFC 9457 problems. HEAD answers wherever "
               "GET does; OPTIONS answers 204, another method 405, both with Allow. A query "
               "parameter that is not declared here, or stands twice, is 400 where it matters.");
    open_object(json, "license");
    write_text(json, "name", "Apache-2.0");
    write_text(json, "identifier", "Apache-2.0");
    close_object(json);
    close_object(json);
    tide_json_write_key(json, "servers");
    tide_bytes_append_text(json, "[{\"url\":\"/\"}]");
    tide_json_write_key(json, "tags");
    tide_bytes_append_byte(json, '[');
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        tide_bytes_append_text(json, i == 0 ? "{" : ",{");
        write_text(json, "name", tags[i].name);
        write_text(json, "description", tags[i].about);
        close_object(json);
    }
    tide_bytes_append_byte(json, ']');
}

void tide_openapi_write(const struct tide_openapi_options *options, struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    write_head(options, json);
    write_paths(options, json);
    open_object(json, "components");
    tide_json_write_key(json, "schemas");
    tide_bytes_append_view(json, options->schemas);
    write_refusals(json);
    close_object(json);
    close_object(json);
}
