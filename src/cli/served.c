#include "cli/served.h"

#include "base/json.h"

struct served {
    struct tide_arena *arena;
    struct tide_http_client *client;
    const char *server;
    struct tide_definitions_input input;
};

/* The answer as JSON, with its text in the arena. */
static enum tide_exit ask_json(const struct served *served,
                               struct tide_view path,
                               const struct tide_json **json)
{
    struct tide_bytes body = {0};
    struct tide_json *parsed = NULL;
    enum tide_exit exit = tide_ask(served->client, served->server, "GET", path, &body);
    if (exit == TIDE_EXIT_OK) {
        const struct tide_view text = tide_arena_copy(served->arena, tide_bytes_view(&body));
        if (text.data == NULL) {
            exit = tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
        } else if (tide_json_parse(served->arena, text, &parsed, NULL) != TIDE_OK) {
            exit = tide_fail(TIDE_EXIT_FAILURE, "%s did not answer with JSON", served->server);
        }
    }
    tide_bytes_release(&body);
    *json = parsed;
    return exit;
}

/* A preset's text is this program's own, if it is of the same version. */
static enum tide_exit read_source(struct served *served, const struct tide_json *json)
{
    struct tide_source *source = TIDE_ARENA_NEW(served->arena, struct tide_source);
    if (source == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    (void)tide_json_get_text(json, "name", &source->name);
    (void)tide_json_get_text(json, "text", &source->text);
    const struct tide_source *preset = tide_preset_find(source->name);
    if (preset == NULL) {
        served->input.file = source;
    } else if (tide_view_equal(preset->text, source->text)) {
        served->input.preset = source->name;
    } else {
        return tide_fail(TIDE_EXIT_FAILURE,
                         "the service's preset %.*s is of another version than this program's",
                         TIDE_VIEW_ARGUMENTS(source->name));
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit read_sources(struct served *served)
{
    const struct tide_json *json = NULL;
    enum tide_exit exit = ask_json(served, TIDE_VIEW("/api/v1/definitions"), &json);
    const struct tide_json *sources = tide_json_get(json, "sources");
    for (const struct tide_json *s = sources == NULL ? NULL : sources->first;
         exit == TIDE_EXIT_OK && s != NULL;
         s = s->next) {
        exit = read_source(served, s);
    }
    return exit;
}

/* The names in {"metrics":[{"name":..}]}. */
static enum tide_exit read_names(struct served *served)
{
    const struct tide_json *json = NULL;
    const enum tide_exit exit = ask_json(served, TIDE_VIEW("/api/v1/metrics"), &json);
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    const struct tide_json *metrics = tide_json_get(json, "metrics");
    const size_t room = metrics == NULL ? 1 : (size_t)metrics->count + 1;
    struct tide_view *names = TIDE_ARENA_ARRAY(served->arena, struct tide_view, room);
    if (names == NULL) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    served->input.only = names;
    for (const struct tide_json *m = metrics == NULL ? NULL : metrics->first; m != NULL;
         m = m->next) {
        served->input.only_count += tide_json_get_text(m, "name", &names[served->input.only_count]);
    }
    return TIDE_EXIT_OK;
}

enum tide_exit tide_served_definitions(struct tide_arena *arena,
                                       struct tide_http_client *client,
                                       const char *server,
                                       const struct tide_definitions **definitions)
{
    struct tide_diagnostics diagnostics;
    struct served served = {
        .arena = arena, .client = client, .server = server, .input = {.is_judged = true}};
    enum tide_exit exit = read_sources(&served);
    if (exit == TIDE_EXIT_OK) {
        exit = read_names(&served);
    }
    if (exit != TIDE_EXIT_OK) {
        return exit;
    }
    tide_diagnostics_init(&diagnostics, arena);
    *definitions = tide_definitions_load(arena, &served.input, &diagnostics);
    return *definitions != NULL
               ? TIDE_EXIT_OK
               : tide_fail(TIDE_EXIT_FAILURE, "cannot compile the service's definitions");
}
