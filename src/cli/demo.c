/* tidemark demo: everything at once and nothing to configure. The service runs as a child, in a
 * folder of its own; this process plays the story to it, tells what happens and what the service
 * says of it, and sums up at the end. One loop, one thread: what is due is sent, then the child and
 * signals are heard. */
#include "base/civil.h"
#include "cli/ask.h"
#include "cli/demo_screen.h"
#include "cli/demo_service.h"
#include "cli/event_sender.h"
#include "cli/work_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    BODY_LINES = 500,
    CYCLE_S = 150, /* the story's own */
    SPEED_MAX = 30,
    MINUTES_MAX = 60,
    SCREEN_BYTES_MAX = 1 << 20,
    PROOF_BYTES_MAX = 512,
    SETTLE_S = 20,
    USUAL_COLUMNS = 80
};
static const struct tide_duration tick = {40000};
static const struct tide_duration second = {1000000};
static const struct tide_duration rates_every = {2 * 1000000};
static const struct tide_duration line_every = {5 * 1000000}; /* where there is no terminal */
static const struct tide_duration verify_patience = {120 * 1000000};
static const struct tide_duration end_patience = {2 * 1000000};

struct demo {
    const struct tide_invocation *invocation;
    const struct tide_demo_plot *plot;
    struct tide_story_options options;
    struct tide_duration run_for; /* 0: until a signal */
    struct tide_clock clock;
    struct tide_bytes folder;
    struct tide_bytes definitions; /* the file's path */
    struct tide_demo_service service;
    struct tide_event_sender sender;
    struct tide_http_client *client;
    struct tide_story *story;
    struct tide_bytes line;        /* the next one to be sent, */
    struct tide_story_event event; /* and when */
    struct tide_demo_screen screen;
    struct tide_demo_facts facts;
    struct tide_monotonic start; /* of the live flow */
    bool is_live;                /* history has been sent */
    bool is_caught_up;           /* and counted */
    bool is_over;
    bool is_different;             /* verify said so */
    struct tide_duration facts_at; /* after start: when they are looked at next */
    struct tide_duration rates_at;
    struct tide_duration line_at;
    char proof[PROOF_BYTES_MAX];
};

/* ---- the screen */

static enum tide_exit show(struct demo *demo)
{
    struct tide_bytes *text = &demo->screen.text;
    const bool is_written =
        !text->failed && fwrite(text->data, 1, text->size, stdout) == text->size;
    tide_bytes_reset(text);
    return is_written && fflush(stdout) == 0 ? TIDE_EXIT_OK : TIDE_EXIT_OUTPUT;
}

static struct tide_duration elapsed(const struct demo *demo)
{
    return tide_monotonic_since(tide_clock_monotonic(demo->clock), demo->start);
}

/* It may change at any time. */
static void measure_screen(struct demo *demo)
{
    struct winsize size = {0};
    const bool is_told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    demo->screen.width = is_told ? size.ws_col : USUAL_COLUMNS;
}

static void open_screen(struct demo *demo)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: any text but the empty one */
    const char *terminal = getenv("TERM");
    const bool is_dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    tide_bytes_init(&demo->screen.text, SCREEN_BYTES_MAX);
    demo->screen.is_terminal = isatty(STDOUT_FILENO) == 1 && !is_dumb;
    demo->screen.has_colors = demo->screen.is_terminal && (no_color == NULL || no_color[0] == '\0');
}

/* ---- what the service says */

static enum tide_exit look_at_ledger(struct demo *demo)
{
    struct tide_bytes body = {0};
    const char *url = tide_bytes_terminated(&demo->service.url);
    enum tide_exit exit = tide_ask(demo->client, url, "GET", TIDE_VIEW("/api/v1/ledger"), &body);
    if (exit == TIDE_EXIT_OK && !tide_demo_facts_read_ledger(tide_bytes_view(&body),
                                                             tide_clock_monotonic(demo->clock),
                                                             &demo->facts)) {
        exit = tide_fail(TIDE_EXIT_FAILURE, "%s told a ledger that cannot be read", url);
    }
    tide_bytes_release(&body);
    return exit;
}

/* Of the days that the live flow is in. */
static enum tide_exit look_at_rates(struct demo *demo)
{
    struct tide_bytes body = {0};
    struct tide_bytes path = {0};
    char from[TIDE_CIVIL_TEXT_MAX];
    const char *url = tide_bytes_terminated(&demo->service.url);
    (void)tide_civil_format_date(tide_days_of(demo->options.start), from);
    tide_bytes_append_format(
        &path, "/api/v1/metrics/%s?format=ndjson&from=%s", demo->plot->rate, from);
    enum tide_exit exit = tide_ask(demo->client, url, "GET", tide_bytes_view(&path), &body);
    if (exit == TIDE_EXIT_OK && !tide_demo_facts_read_rates(tide_bytes_view(&body), &demo->facts)) {
        exit =
            tide_fail(TIDE_EXIT_FAILURE, "%s told a %s that cannot be read", url, demo->plot->rate);
    }
    tide_bytes_release(&body);
    tide_bytes_release(&path);
    return exit;
}

/* What history brought is no peak: rates are of what comes after it has been counted. */
static void judge_catching_up(struct demo *demo)
{
    if (!demo->is_caught_up) {
        const uint64_t counted = demo->facts.ledger.verdicts;
        tide_demo_facts_forget_rates(&demo->facts);
        demo->is_caught_up = counted + demo->options.rate / 2 >= demo->sender.sent_count;
    }
}

/* Looks again when it is time to. */
static enum tide_exit look(struct demo *demo)
{
    const struct tide_duration now = elapsed(demo);
    enum tide_exit exit = TIDE_EXIT_OK;
    if (now.us < demo->facts_at.us || !demo->is_live) {
        return TIDE_EXIT_OK;
    }
    demo->facts_at.us = now.us + second.us;
    exit = look_at_ledger(demo);
    judge_catching_up(demo);
    if (exit == TIDE_EXIT_OK && now.us >= demo->rates_at.us) {
        demo->rates_at.us = now.us + rates_every.us;
        exit = look_at_rates(demo);
    }
    if (exit == TIDE_EXIT_OK && (demo->screen.is_terminal || now.us >= demo->line_at.us)) {
        demo->line_at.us = now.us + line_every.us;
        measure_screen(demo);
        tide_demo_screen_status(&demo->screen, now, demo->plot, &demo->facts);
    }
    return exit;
}

/* ---- the story */

static void make_next(struct demo *demo)
{
    tide_bytes_reset(&demo->line);
    tide_story_next(demo->story, &demo->line, &demo->event);
}

static void tell_history_sent(struct demo *demo)
{
    char text[128];
    const int64_t ms = elapsed(demo).us / 1000;
    (void)snprintf(text,
                   sizeof(text),
                   "%" PRIu64 " events in %" PRId64 ".%" PRId64 " s",
                   demo->sender.sent_count,
                   ms / 1000,
                   ms % 1000 / 100);
    tide_demo_screen_remark(&demo->screen, text);
}

static enum tide_exit tell_beat(struct demo *demo)
{
    struct tide_bytes sentence = {0};
    const enum tide_story_beat beat = demo->event.beat;
    enum tide_exit exit = TIDE_EXIT_OK;
    if (beat == TIDE_STORY_LIVE && !demo->is_live) {
        exit = tide_event_sender_flush(&demo->sender);
        tell_history_sent(demo);
        demo->is_live = true;
    }
    tide_story_tell(demo->story, beat, &sentence);
    tide_demo_screen_beat(&demo->screen,
                          elapsed(demo),
                          beat,
                          tide_bytes_terminated(&sentence),
                          tide_demo_plot_where(demo->plot, beat));
    tide_bytes_release(&sentence);
    return exit == TIDE_EXIT_OK ? show(demo) : exit;
}

/* What is due, but not more than a body of it: then it is time to listen. */
static enum tide_exit send_due(struct demo *demo)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    const int64_t now_us = elapsed(demo).us;
    uint32_t count = 0;
    while (exit == TIDE_EXIT_OK && count < BODY_LINES && demo->event.due.us <= now_us) {
        if (demo->event.begins) {
            exit = tell_beat(demo);
        }
        if (exit == TIDE_EXIT_OK) {
            exit = tide_event_sender_add(&demo->sender,
                                         tide_bytes_view(&demo->line),
                                         demo->event.is_json,
                                         demo->event.clock_ahead);
            make_next(demo);
            count++;
        }
    }
    return exit == TIDE_EXIT_OK ? tide_event_sender_flush(&demo->sender) : exit;
}

/* Without its id, which is for machines. */
static void tell_alert(struct demo *demo)
{
    struct tide_bytes remark = {0};
    const char *said = tide_bytes_terminated(&demo->service.last);
    const char *id = strstr(said, " (id ");
    tide_bytes_append_text(&remark, "alert: ");
    tide_bytes_append(&remark, said, id == NULL ? strlen(said) : (size_t)(id - said));
    tide_demo_screen_remark(&demo->screen, tide_bytes_terminated(&remark));
    tide_bytes_release(&remark);
}

/* Until the next turn. */
static enum tide_exit listen_to_service(struct demo *demo)
{
    const int64_t ahead_us = demo->event.due.us - elapsed(demo).us;
    const struct tide_duration patience = {ahead_us > 0 ? tick.us : 0};
    switch (tide_demo_service_wait(&demo->service, patience)) {
    case TIDE_DEMO_SERVICE_QUIET:
        return TIDE_EXIT_OK;
    case TIDE_DEMO_SERVICE_ALERT:
        tell_alert(demo);
        return TIDE_EXIT_OK;
    case TIDE_DEMO_SERVICE_SIGNAL:
        demo->is_over = true;
        return TIDE_EXIT_OK;
    case TIDE_DEMO_SERVICE_ENDED:
        return tide_fail(TIDE_EXIT_FAILURE,
                         "the service has ended: %s",
                         tide_bytes_terminated(&demo->service.last));
    }
    return TIDE_EXIT_FAILURE;
}

static enum tide_exit play(struct demo *demo)
{
    enum tide_exit exit = TIDE_EXIT_OK;
    make_next(demo);
    while (exit == TIDE_EXIT_OK && !demo->is_over) {
        exit = send_due(demo);
        exit = exit == TIDE_EXIT_OK ? look(demo) : exit;
        exit = exit == TIDE_EXIT_OK ? listen_to_service(demo) : exit;
        exit = exit == TIDE_EXIT_OK ? show(demo) : exit;
        demo->is_over =
            demo->is_over || (demo->run_for.us > 0 && elapsed(demo).us >= demo->run_for.us);
    }
    return exit;
}

/* ---- the end */

/* Every line that was answered gives one verdict: until the service has given them all. */
static enum tide_exit settle(struct demo *demo)
{
    const struct tide_monotonic start = tide_clock_monotonic(demo->clock);
    enum tide_exit exit = look_at_ledger(demo);
    while (exit == TIDE_EXIT_OK && demo->facts.ledger.verdicts < demo->sender.sent_count &&
           tide_monotonic_since(tide_clock_monotonic(demo->clock), start).us <
               SETTLE_S * second.us) {
        tide_clock_sleep(demo->clock, tick);
        exit = look_at_ledger(demo);
    }
    return exit == TIDE_EXIT_OK ? look_at_rates(demo) : exit;
}

/* Its last line, by a child: what it says is its own. A second signal ends it. */
static void verify(struct demo *demo)
{
    const char *url = tide_bytes_terminated(&demo->service.url);
    const char *const arguments[] = {"tidemark", "verify", "--server", url, NULL};
    const struct tide_child_options options = {
        .program = TIDE_CHILD_ITSELF, .arguments = arguments, .hears_signals = true};
    struct tide_child child = {0};
    struct tide_error error = {0};
    struct tide_view line;
    enum tide_child_event event = TIDE_CHILD_LINE;
    char last[PROOF_BYTES_MAX / 2] = "it said nothing";
    if (tide_child_start(&options, &child, &error) != TIDE_OK) {
        (void)snprintf(demo->proof, sizeof(demo->proof), "not made: %.200s", error.text);
        return;
    }
    while (event == TIDE_CHILD_LINE) {
        event = tide_child_next(&child, verify_patience, &line);
        if (event == TIDE_CHILD_LINE) {
            (void)snprintf(last,
                           sizeof(last),
                           "%.*s",
                           (int)(line.size < sizeof(last) ? line.size : sizeof(last) - 1),
                           line.data);
        }
    }
    if (event != TIDE_CHILD_END) {
        tide_child_end(&child);
    }
    const int code = tide_child_close(&child, end_patience);
    const bool is_made = event == TIDE_CHILD_END && (code == 0 || code == TIDE_EXIT_CHECK_FAILED);
    demo->is_different = is_made && code != 0;
    (void)snprintf(demo->proof,
                   sizeof(demo->proof),
                   "%s%s",
                   is_made                      ? ""
                   : event == TIDE_CHILD_SIGNAL ? "interrupted; so far: "
                                                : "not made: ",
                   last);
}

static enum tide_exit sum_up(struct demo *demo)
{
    const struct tide_duration told = elapsed(demo);
    tide_demo_screen_clear(&demo->screen);
    tide_demo_screen_remark(&demo->screen, "Every number is computed again from the lake ..");
    enum tide_exit exit = show(demo);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_event_sender_flush(&demo->sender);
    }
    if (exit == TIDE_EXIT_OK) {
        exit = settle(demo);
    }
    if (exit == TIDE_EXIT_OK) {
        verify(demo);
        tide_demo_screen_summary(&demo->screen, told, demo->plot, &demo->facts, demo->proof);
        exit = show(demo);
    }
    return exit;
}

/* ---- the beginning */

static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static enum tide_status make_folder(struct demo *demo, struct tide_error *error)
{
    const struct tide_io io = tide_io_os();
    const char *parent = getenv("TMPDIR");
    enum tide_status status =
        tide_work_folder_create(io,
                                parent == NULL || parent[0] == '\0' ? "/tmp" : parent,
                                "tidemark-demo",
                                &demo->folder,
                                error);
    tide_bytes_append_format(
        &demo->definitions, "%s/demo.yaml", tide_bytes_terminated(&demo->folder));
    return status == TIDE_OK ? tide_io_replace_file(io,
                                                    tide_bytes_terminated(&demo->definitions),
                                                    tide_view_of(demo->plot->definitions),
                                                    error)
                             : status;
}

/* In a session of its own: it outlives the demo, and says nothing here but where it is. That line
 * is waited for: before it there is no session yet, and to close a child is to kill its group. */
static void open_browser(struct demo *demo)
{
    static const char script[] = "command -v xdg-open && exec xdg-open \"$0\" > /dev/null 2>&1";
    struct tide_child child = {0};
    struct tide_error error = {0};
    struct tide_view line;
    const char *url = tide_bytes_terminated(&demo->service.url);
    const char *const arguments[] = {"setsid", "-f", "sh", "-c", script, url, NULL};
    const struct tide_child_options options = {.arguments = arguments};
    const bool is_opened = tide_child_start(&options, &child, &error) == TIDE_OK &&
                           tide_child_next(&child, end_patience, &line) == TIDE_CHILD_LINE;
    if (tide_child_close(&child, end_patience) != 0 || !is_opened) {
        tide_demo_screen_remark(&demo->screen, "(there is no xdg-open to open the browser with)");
    }
}

static enum tide_status open_parts(struct demo *demo, struct tide_error *error)
{
    const struct tide_demo_service_options service = {
        .definitions = tide_bytes_terminated(&demo->definitions),
        .folder = tide_bytes_terminated(&demo->folder),
        .listen = tide_invocation_text(demo->invocation, "--listen", NULL)};
    enum tide_status status = tide_demo_service_start(&service, &demo->service, error);
    if (status == TIDE_OK) {
        const struct tide_event_sender_options sender = {
            .server = tide_bytes_terminated(&demo->service.url),
            .is_sunbird = demo->plot->preset == TIDE_GENERATOR_SUNBIRD,
            .line_count = BODY_LINES,
            .seed = demo->options.seed,
            .clock = demo->clock};
        status = tide_event_sender_open(&sender, &demo->sender, error);
    }
    if (status == TIDE_OK) {
        status = tide_http_client_create(&demo->client, error);
    }
    demo->options.start = tide_clock_now(demo->clock);
    demo->start = tide_clock_monotonic(demo->clock);
    return status == TIDE_OK ? tide_story_create(&demo->options, &demo->story, error) : status;
}

static enum tide_exit run_demo(struct demo *demo)
{
    struct tide_error error = {0};
    const bool is_kept = tide_invocation_has(demo->invocation, "--keep");
    enum tide_status status = open_parts(demo, &error);
    if (status != TIDE_OK) {
        return tide_fail(tide_exit_of(status), "%s", error.text);
    }
    tide_demo_screen_address(&demo->screen,
                             tide_bytes_terminated(&demo->service.url),
                             tide_bytes_terminated(&demo->folder),
                             is_kept);
    if (tide_invocation_has(demo->invocation, "--open") &&
        !tide_invocation_has(demo->invocation, "--no-open")) {
        open_browser(demo);
    }
    enum tide_exit exit = show(demo);
    if (exit == TIDE_EXIT_OK) {
        exit = play(demo);
    }
    return exit == TIDE_EXIT_OK ? sum_up(demo) : exit;
}

/* Commands are for a folder that stays, and need the port that the service had. */
static enum tide_exit close_demo(struct demo *demo, enum tide_exit exit)
{
    struct tide_error error = {0};
    const bool is_kept = tide_invocation_has(demo->invocation, "--keep");
    struct tide_bytes url = {0};
    tide_bytes_append_view(&url, tide_bytes_view(&demo->service.url));
    const int code = tide_demo_service_stop(&demo->service);
    if (exit == TIDE_EXIT_OK) {
        const struct tide_demo_commands commands = {
            .program = program_invocation_name,
            .url = tide_bytes_terminated(&url),
            .folder = is_kept ? tide_bytes_terminated(&demo->folder) : NULL};
        tide_demo_screen_commands(&demo->screen, demo->plot, &commands);
        exit = show(demo);
    }
    if (exit == TIDE_EXIT_OK && code != 0) {
        exit = tide_fail(TIDE_EXIT_FAILURE, "the service ended with exit code %d", code);
    }
    if (!is_kept && demo->folder.size > 0 &&
        tide_work_folder_remove(tide_io_os(), tide_bytes_terminated(&demo->folder), &error) !=
            TIDE_OK) {
        (void)tide_fail(TIDE_EXIT_FAILURE, "%s", error.text);
    }
    tide_bytes_release(&url);
    tide_event_sender_close(&demo->sender);
    if (demo->client != NULL) {
        tide_http_client_destroy(demo->client);
    }
    tide_story_destroy(demo->story);
    tide_bytes_release(&demo->line);
    tide_bytes_release(&demo->screen.text);
    tide_bytes_release(&demo->folder);
    tide_bytes_release(&demo->definitions);
    return exit == TIDE_EXIT_OK && demo->is_different ? TIDE_EXIT_CHECK_FAILED : exit;
}

/* ---- the command */

static bool read_cycle(const struct tide_invocation *i, struct tide_duration *cycle)
{
    uint64_t speed;
    uint64_t minutes;
    if (!tide_invocation_number(i, "--speed", 1, SPEED_MAX, 1, &speed) ||
        !tide_invocation_number(i, "--minutes", 1, MINUTES_MAX, 1, &minutes)) {
        return false;
    }
    if (tide_invocation_has(i, "--speed") && tide_invocation_has(i, "--minutes")) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--speed and --minutes say the same: give one");
        return false;
    }
    cycle->us = tide_invocation_has(i, "--minutes") ? (int64_t)minutes * 60 * second.us
                                                    : CYCLE_S * second.us / (int64_t)speed;
    return true;
}

static bool read_options(struct demo *demo)
{
    const struct tide_invocation *i = demo->invocation;
    const char *preset = tide_invocation_text(i, "--preset", "device");
    const char *run_for = tide_invocation_text(i, "--for", NULL);
    uint64_t rate;
    demo->plot = tide_demo_plot_find(preset);
    if (demo->plot == NULL) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--preset %s has no story: device or sunbird", preset);
        return false;
    }
    demo->options = tide_story_options_default(demo->plot->preset);
    if (!tide_invocation_number(i, "--seed", 0, UINT64_MAX, 1, &demo->options.seed) ||
        !tide_invocation_number(i, "--rate", 1, 10000, demo->options.rate, &rate) ||
        !read_cycle(i, &demo->options.cycle)) {
        return false;
    }
    demo->options.rate = (uint32_t)rate;
    if (run_for != NULL &&
        (!tide_duration_parse(tide_view_of(run_for), &demo->run_for) || demo->run_for.us <= 0)) {
        (void)tide_fail(TIDE_EXIT_USAGE, "--for %s is not a duration such as 30s", run_for);
        return false;
    }
    return true;
}

static enum tide_exit run(const struct tide_invocation *invocation)
{
    static struct demo demo; /* large, and there is one */
    struct tide_error error = {0};
    demo.invocation = invocation;
    demo.clock = tide_clock_os();
    if (!read_options(&demo)) {
        return TIDE_EXIT_USAGE;
    }
    open_screen(&demo);
    block_signals();
    const enum tide_status status = make_folder(&demo, &error);
    const enum tide_exit exit =
        status == TIDE_OK ? run_demo(&demo) : tide_fail(tide_exit_of(status), "%s", error.text);
    return close_demo(&demo, exit);
}

static const struct tide_option options[] = {
    {"--preset", NULL, "NAME", "device (default) or sunbird"},
    {"--seed", NULL, "S", "the same seed tells the same story (1)"},
    {"--rate", NULL, "N", "events a second of the live flow (200)"},
    {"--speed", NULL, "N", "so many times as fast: all happens in 150 s / N (1)"},
    {"--minutes", NULL, "M", "instead: all happens in so many minutes"},
    {"--for", NULL, "TIME", "stop by itself: 30s, 5m"},
    {"--keep", NULL, NULL, "the folder with log and lake stays"},
    {"--listen", NULL, "ADDRESS", "address:port (127.0.0.1:8080, or a free port)"},
    {"--open", NULL, NULL, "open the browser"},
    {"--no-open", NULL, NULL, "do not, whatever was said before (default)"},
};

const struct tide_command tide_command_demo = {
    .name = "demo",
    .summary = "all of it at once: a service, a story of events, and what became of them",
    .operands = "",
    .examples = "  tidemark demo\n"
                "  tidemark demo --preset sunbird --open\n"
                "  tidemark demo --speed 5 --for 1m --keep\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
