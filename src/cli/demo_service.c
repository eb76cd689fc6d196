#include "cli/demo_service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    LINE_BYTES_MAX = 4096
};
static const char usual_address[] = "127.0.0.1:8080";
static const char any_address[] = "127.0.0.1:0";
static const char listening[] = "listening on http";
static const char alert[] = " warning alert: ";
static const struct tide_duration start_patience = {60 * 1000000};
static const struct tide_duration stop_patience = {60 * 1000000};
static const struct tide_duration end_patience = {2 * 1000000}; /* it has closed its output */

/* The text behind (or with) a mark, or nothing. */
static struct tide_view after(struct tide_view line, const char *mark)
{
    const char *found = line.size == 0 ? NULL : memmem(line.data, line.size, mark, strlen(mark));
    if (found == NULL) {
        return (struct tide_view){0};
    }
    const size_t at = (size_t)(found - line.data) + strlen(mark);
    return tide_view_slice(line, at, line.size - at);
}

/* What the program says before a complaint, so that it is not said twice. */
static const char complaint[] = "tidemark: ";

static void remember(struct tide_demo_service *service, struct tide_view line)
{
    if (tide_view_starts_with(line, tide_view_of(complaint))) {
        line = after(line, complaint);
    }
    tide_bytes_reset(&service->last);
    tide_bytes_append(
        &service->last, line.data, line.size < LINE_BYTES_MAX ? line.size : LINE_BYTES_MAX);
    (void)tide_bytes_terminated(&service->last);
}

/* true: it listens, and url says where. */
static bool read_address(struct tide_demo_service *service, struct tide_view line)
{
    const struct tide_view rest = after(line, listening);
    if (rest.size == 0) {
        return false;
    }
    tide_bytes_reset(&service->url);
    tide_bytes_append_text(&service->url, "http");
    tide_bytes_append_view(&service->url, rest);
    (void)tide_bytes_terminated(&service->url);
    return true;
}

static enum tide_status wait_until_listening(struct tide_demo_service *service,
                                             struct tide_error *error)
{
    struct tide_view line;
    for (;;) {
        switch (tide_child_next(&service->child, start_patience, &line)) {
        case TIDE_CHILD_LINE:
            if (read_address(service, line)) {
                return TIDE_OK;
            }
            remember(service, line);
            break;
        case TIDE_CHILD_QUIET:
            return tide_error_set(error, TIDE_RETRY, "the service does not listen in time");
        case TIDE_CHILD_SIGNAL:
            return tide_error_set(error, TIDE_RETRY, "stopped before the service was there");
        case TIDE_CHILD_END:
            return tide_error_set(error,
                                  TIDE_REJECT,
                                  "the service did not start: %s",
                                  tide_bytes_terminated(&service->last));
        }
    }
}

static enum tide_status start_at(const struct tide_demo_service_options *options,
                                 const char *address,
                                 struct tide_demo_service *service,
                                 struct tide_error *error)
{
    const char *const arguments[] = {"tidemark",
                                     "run",
                                     "--data",
                                     options->folder,
                                     "--listen",
                                     address,
                                     "--",
                                     options->definitions,
                                     NULL};
    char parent[64];
    (void)snprintf(parent, sizeof(parent), TIDE_CHILD_PARENT "=%ld", (long)getpid());
    const char *const environment[] = {parent, NULL};
    const struct tide_child_options child = {.program = options->program == NULL ? TIDE_CHILD_ITSELF
                                                                                 : options->program,
                                             .arguments = arguments,
                                             .environment = environment,
                                             .hears_signals = true};
    enum tide_status status = tide_child_start(&child, &service->child, error);
    return status == TIDE_OK ? wait_until_listening(service, error) : status;
}

enum tide_status tide_demo_service_start(const struct tide_demo_service_options *options,
                                         struct tide_demo_service *service,
                                         struct tide_error *error)
{
    if (options->listen != NULL) {
        return start_at(options, options->listen, service, error);
    }
    const enum tide_status status = start_at(options, usual_address, service, error);
    if (status != TIDE_REJECT) {
        return status;
    }
    (void)tide_child_close(&service->child, end_patience);
    return start_at(options, any_address, service, error);
}

enum tide_demo_service_event tide_demo_service_wait(struct tide_demo_service *service,
                                                    struct tide_duration patience)
{
    struct tide_view line;
    switch (tide_child_next(&service->child, patience, &line)) {
    case TIDE_CHILD_LINE:
        if (after(line, alert).size > 0) {
            remember(service, after(line, alert));
            return TIDE_DEMO_SERVICE_ALERT;
        }
        remember(service, line);
        return TIDE_DEMO_SERVICE_QUIET;
    case TIDE_CHILD_QUIET:
        return TIDE_DEMO_SERVICE_QUIET;
    case TIDE_CHILD_SIGNAL:
        return TIDE_DEMO_SERVICE_SIGNAL;
    case TIDE_CHILD_END:
        return TIDE_DEMO_SERVICE_ENDED;
    }
    return TIDE_DEMO_SERVICE_ENDED;
}

int tide_demo_service_stop(struct tide_demo_service *service)
{
    struct tide_view line;
    int code = 0;
    if (service->child.process != 0) {
        enum tide_child_event event = TIDE_CHILD_LINE;
        tide_child_end(&service->child);
        while (event == TIDE_CHILD_LINE) { /* what it says must be read, or it waits */
            event = tide_child_next(&service->child, stop_patience, &line);
            if (event == TIDE_CHILD_LINE) {
                remember(service, line);
            }
        }
        code = tide_child_close(&service->child,
                                event == TIDE_CHILD_END ? end_patience : (struct tide_duration){0});
    }
    tide_bytes_release(&service->url);
    tide_bytes_release(&service->last);
    return code;
}
