#include "cli/lake_session.h"

#include "base/civil.h"
#include "base/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 64 << 20
};

static const char *const names[TIDE_TABLE_ALL_COUNT] = {
    [TIDE_TABLE_EVENTS] = "events",
    [TIDE_TABLE_REJECTED] = "rejected",
    [TIDE_TABLE_JOURNEYS] = "journeys",
    [TIDE_TABLE_RAW] = "raw",
    [TIDE_TABLE_METRICS] = "metrics",
};

static enum tide_exit choose_table(struct tide_lake_session *session, const char *name)
{
    struct tide_view words[TIDE_TABLE_ALL_COUNT];
    for (int t = 0; t < TIDE_TABLE_ALL_COUNT; t++) {
        words[t] = tide_view_of(names[t]);
        if (strcmp(name, names[t]) == 0) {
            session->tables[t] = true;
            return TIDE_EXIT_OK;
        }
    }
    const struct tide_view nearest = tide_nearest(tide_view_of(name), words, TIDE_TABLE_ALL_COUNT);
    if (nearest.size == 0) {
        return tide_fail(TIDE_EXIT_USAGE, "the lake has no table '%s'", name);
    }
    return tide_fail(TIDE_EXIT_USAGE,
                     "the lake has no table '%s'; did you mean '%.*s'?",
                     name,
                     TIDE_VIEW_ARGUMENTS(nearest));
}

static enum tide_exit read_options(struct tide_lake_session *session)
{
    const struct tide_invocation *invocation = session->invocation;
    const char *fallback = isatty(STDOUT_FILENO) ? "table" : "ndjson";
    const uint32_t count = tide_invocation_count(invocation, "--table");
    if (!tide_format_parse(tide_invocation_text(invocation, "--format", fallback),
                           &session->format)) {
        return TIDE_EXIT_USAGE;
    }
    if (tide_invocation_has(invocation, "--data") && tide_invocation_has(invocation, "--lake")) {
        return tide_fail(TIDE_EXIT_USAGE, "--data DIR is --lake DIR/lake: give one of them");
    }
    for (uint32_t i = 0; i < count; i++) {
        const enum tide_exit exit =
            choose_table(session, tide_invocation_at(invocation, "--table", i));
        if (exit != TIDE_EXIT_OK) {
            return exit;
        }
    }
    for (int t = 0; count == 0 && t < TIDE_TABLE_ALL_COUNT; t++) {
        session->tables[t] = true;
    }
    return TIDE_EXIT_OK;
}

static enum tide_exit load(struct tide_lake_session *session, const char *file)
{
    const struct tide_invocation *invocation = session->invocation;
    enum tide_exit exit = tide_config_load(&session->arena,
                                           invocation,
                                           file,
                                           tide_invocation_text(invocation, "--preset", NULL),
                                           &session->config);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_config_flags(&session->arena,
                                 tide_invocation_text(invocation, "--data", NULL),
                                 NULL,
                                 &session->config);
    }
    const char *lake = tide_invocation_text(invocation, "--lake", NULL);
    if (lake != NULL) {
        tide_bytes_append_text(&session->url, lake);
    } else {
        tide_bytes_append_view(&session->url, session->config.lake_url);
    }
    return exit;
}

static enum tide_exit open_lake(struct tide_lake_session *session)
{
    const struct tide_lake_place_options options = {
        .config = &session->config, .url = tide_bytes_view(&session->url), .must_exist = true};
    struct tide_identity identity = {0};
    struct tide_error error = {0};
    enum tide_status status = tide_lake_place_open(&options, &session->place, &error);
    if (status == TIDE_OK) {
        status = tide_identity_read(session->place.store, &identity, &error);
    }
    if (status == TIDE_REJECT) {
        return tide_fail(TIDE_EXIT_NOT_FOUND,
                         "there is no lake in %s: %s",
                         tide_bytes_terminated(&session->url),
                         error.text);
    }
    if (status == TIDE_OK) {
        status = tide_lake_tools_open(session->place.store,
                                      &identity,
                                      session->config.definitions->schema,
                                      tide_bytes_terminated(&session->place.scratch),
                                      &session->tools,
                                      &error);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

enum tide_exit tide_lake_session_open(const struct tide_invocation *invocation,
                                      const char *file,
                                      struct tide_lake_session *session)
{
    *session = (struct tide_lake_session){.invocation = invocation};
    tide_arena_init(&session->arena, ARENA_BYTES_MAX);
    enum tide_exit exit = read_options(session);
    if (exit == TIDE_EXIT_OK) {
        exit = load(session, file);
    }
    return exit == TIDE_EXIT_OK ? open_lake(session) : exit;
}

void tide_lake_session_close(struct tide_lake_session *session)
{
    tide_lake_tools_close(&session->tools);
    tide_lake_place_close(&session->place);
    tide_bytes_release(&session->url);
    tide_arena_release(&session->arena);
    *session = (struct tide_lake_session){0};
}

bool tide_lake_session_before(const struct tide_invocation *invocation,
                              int32_t *before_days,
                              bool *is_given)
{
    struct tide_instant before = TIDE_INSTANT_UNKNOWN;
    struct tide_duration older = {0};
    const char *text = tide_invocation_text(invocation, "--older", NULL);
    if (!tide_invocation_time(invocation, "--before", TIDE_INSTANT_UNKNOWN, &before)) {
        return false;
    }
    if (text != NULL && tide_instant_known(before)) {
        tide_fail(TIDE_EXIT_USAGE, "--before and --older say the same: give one of them");
        return false;
    }
    if (text != NULL && !tide_duration_parse(tide_view_of(text), &older)) {
        tide_fail(TIDE_EXIT_USAGE, "--older %s is not a duration such as 400d", text);
        return false;
    }
    if (text != NULL) {
        before.us = tide_clock_now(tide_clock_os()).us - older.us;
    }
    *is_given = tide_instant_known(before);
    *before_days = *is_given ? (int32_t)tide_days_of(before) : TIDE_DATE_UNKNOWN;
    return true;
}

void tide_lake_progress(const char *table, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "table %s: ", table);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
