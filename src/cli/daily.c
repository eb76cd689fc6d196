#include "cli/daily.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/json.h"
#include "base/logline.h"
#include "base/thread.h"
#include "cli/child.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum {
    STATE_BYTES_MAX = 4096,
    LAST_BYTES_MAX = 512
};
static const struct tide_duration look_again_after = {30 * 1000000}; /* the wall clock may jump */
static const struct tide_duration listen_for = {200000};
static const struct tide_duration grace = {15 * 1000000}; /* a batch ends Spark first */

struct tide_daily {
    struct tide_daily_options options;
    struct tide_arena arena; /* zone, path, arguments */
    struct tide_daily_schedule schedule;
    struct tide_daily_state state;
    const char *path;       /* of the state */
    struct tide_bytes last; /* that the child said */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_stopping; /* under mutex */
    _Atomic bool is_running;
    _Atomic uint64_t successes;
    _Atomic uint64_t failures;
    _Atomic int64_t last_success_us;
    _Atomic int64_t last_duration_us;
};

/* ---- the state */

static enum tide_status save(struct tide_daily *daily, struct tide_error *error)
{
    struct tide_bytes text = {0};
    char date[TIDE_CIVIL_TEXT_MAX];
    tide_civil_format_date(daily->state.done_day, date);
    tide_bytes_append_byte(&text, '{');
    tide_json_write_text_member(&text, "done", tide_view_of(date));
    tide_json_write_i64_member(&text, "day", daily->state.done_day);
    tide_bytes_append_text(&text, "}\n");
    const enum tide_status status =
        text.failed
            ? tide_error_set(error, TIDE_RETRY, "no memory for daily.json")
            : tide_io_replace_file(daily->options.io, daily->path, tide_bytes_view(&text), error);
    tide_bytes_release(&text);
    return status;
}

static enum tide_status load(struct tide_daily *daily, struct tide_error *error)
{
    struct tide_bytes text = {0};
    struct tide_arena scratch = {0};
    struct tide_json *json = NULL;
    struct tide_daily_state *state = &daily->state;
    enum tide_status status =
        tide_io_read_file(daily->options.io, daily->path, &text, STATE_BYTES_MAX, error);
    if (status == TIDE_OK) {
        state->is_known =
            tide_json_parse(&scratch, tide_bytes_view(&text), &json, NULL) == TIDE_OK &&
            tide_json_get_i64(json, "day", &state->done_day);
        if (!state->is_known) {
            status = tide_error_set(
                error, TIDE_REJECT, "%s is not ours: remove it to begin anew", daily->path);
        }
    } else if (status == TIDE_REJECT) { /* it never ran: from now on */
        state->is_known = true;
        state->done_day =
            tide_daily_due_day(&daily->schedule, tide_clock_now(daily->options.clock));
        status = save(daily, error);
    }
    tide_bytes_release(&text);
    tide_arena_release(&scratch);
    return status;
}

/* ---- a run */

struct words {
    struct tide_arena *arena;
    const char **words;
    size_t count;
    size_t size;
};

static void add(struct words *words, const char *word)
{
    tide_assert(words->count + 1 < words->size);
    words->words[words->count++] = word;
}

static void add_option(struct words *words,
                       const struct tide_invocation *invocation,
                       const char *option)
{
    for (uint32_t i = 0; i < tide_invocation_count(invocation, option); i++) {
        add(words, option);
        add(words, tide_invocation_at(invocation, option, i));
    }
}

/* NULL: no memory. */
static const char **make_arguments(const struct tide_daily *daily,
                                   const struct tide_daily_turn *turn,
                                   struct tide_arena *arena)
{
    enum {
        OWN_WORDS = 16
    };
    static const char *const passed[] = {"--preset", "--data", "--metric", "--set"};
    const struct tide_invocation *invocation = daily->options.invocation;
    const struct tide_view engine = daily->options.config->daily.engine;
    char from[TIDE_CIVIL_TEXT_MAX];
    char to[TIDE_CIVIL_TEXT_MAX];
    struct words words = {.arena = arena, .size = OWN_WORDS};
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        words.size += 2 * (size_t)tide_invocation_count(invocation, passed[i]);
    }
    words.words = TIDE_ARENA_ARRAY(arena, const char *, words.size);
    const struct tide_view texts[] = {
        tide_arena_copy(arena, (struct tide_view){from, tide_civil_format(turn->span.start, from)}),
        tide_arena_copy(arena, (struct tide_view){to, tide_civil_format(turn->span.end, to)}),
        tide_arena_copy(arena, engine),
    };
    if (words.words == NULL || texts[0].data == NULL || texts[1].data == NULL ||
        texts[2].data == NULL) {
        return NULL;
    }
    add(&words, "tidemark");
    add(&words, "batch");
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        add_option(&words, invocation, passed[i]);
    }
    add(&words, "--from");
    add(&words, texts[0].data);
    add(&words, "--to");
    add(&words, texts[1].data);
    add(&words, "--engine");
    add(&words, texts[2].data);
    if (invocation->operand_count > 0) {
        add(&words, "--");
        add(&words, invocation->operands[0]);
    }
    return words.words;
}

static bool is_stopping(struct tide_daily *daily)
{
    pthread_mutex_lock(&daily->mutex);
    const bool is_stopping = daily->is_stopping;
    pthread_mutex_unlock(&daily->mutex);
    return is_stopping;
}

static void hear(struct tide_daily *daily, struct tide_view line)
{
    tide_logline(TIDE_LOGLINE_DEBUG, "batch", "%.*s", TIDE_VIEW_ARGUMENTS(line));
    tide_bytes_reset(&daily->last);
    tide_bytes_append(
        &daily->last, line.data, line.size < LAST_BYTES_MAX ? line.size : LAST_BYTES_MAX);
}

/* To the end of the child, or ours. */
static int follow(struct tide_daily *daily, struct tide_child *child)
{
    struct tide_view line;
    enum tide_child_event event = TIDE_CHILD_QUIET;
    while (event != TIDE_CHILD_END && !is_stopping(daily)) {
        event = tide_child_next(child, listen_for, &line);
        if (event == TIDE_CHILD_LINE) {
            hear(daily, line);
        }
    }
    if (event != TIDE_CHILD_END) {
        tide_child_end(child);
    }
    return tide_child_close(child, grace);
}

static bool run_child(struct tide_daily *daily, const struct tide_daily_turn *turn)
{
    struct tide_arena arena = {0};
    struct tide_child child = {0};
    struct tide_error error = {0};
    const char *program = daily->options.program;
    const struct tide_child_options options = {.program =
                                                   program == NULL ? TIDE_CHILD_ITSELF : program,
                                               .arguments = make_arguments(daily, turn, &arena)};
    tide_bytes_reset(&daily->last);
    if (options.arguments == NULL) {
        tide_logline(TIDE_LOGLINE_ERROR, "batch", "not run: out of memory");
    } else if (tide_child_start(&options, &child, &error) != TIDE_OK) {
        tide_logline(TIDE_LOGLINE_ERROR, "batch", "not run: %s", error.text);
    }
    const bool is_started = child.process != 0;
    const int code = is_started ? follow(daily, &child) : -1;
    const struct tide_view last = tide_bytes_view(&daily->last);
    if (is_started && code != 0) {
        tide_logline(TIDE_LOGLINE_ERROR,
                     "batch",
                     "the daily run failed (exit %d): %.*s",
                     code,
                     TIDE_VIEW_ARGUMENTS(last));
    } else if (is_started) {
        tide_logline(TIDE_LOGLINE_INFO, "batch", "daily: %.*s", TIDE_VIEW_ARGUMENTS(last));
    }
    tide_arena_release(&arena);
    return code == 0;
}

static void take_turn(struct tide_daily *daily, const struct tide_daily_turn *turn)
{
    const struct tide_clock clock = daily->options.clock;
    const struct tide_instant began = tide_clock_now(clock);
    const struct tide_monotonic start = tide_clock_monotonic(clock);
    struct tide_error error = {0};
    char from[TIDE_CIVIL_TEXT_MAX];
    char to[TIDE_CIVIL_TEXT_MAX];
    (void)tide_civil_format(turn->span.start, from);
    (void)tide_civil_format(turn->span.end, to);
    tide_logline(TIDE_LOGLINE_INFO,
                 "batch",
                 "daily: from %s to %s by %.*s",
                 from,
                 to,
                 TIDE_VIEW_ARGUMENTS(daily->options.config->daily.engine));
    atomic_store(&daily->is_running, true);
    const bool is_done = run_child(daily, turn);
    atomic_store(&daily->is_running, false);
    atomic_store(&daily->last_duration_us,
                 tide_monotonic_since(tide_clock_monotonic(clock), start).us);
    if (!is_done && is_stopping(daily)) {
        return; /* the next start does it again */
    }
    tide_daily_note(&daily->state, turn, began, is_done);
    if (is_done) {
        atomic_store(&daily->last_success_us, tide_clock_now(clock).us);
        if (save(daily, &error) != TIDE_OK) {
            tide_logline(TIDE_LOGLINE_WARNING, "batch", "%s", error.text);
        }
    }
    atomic_fetch_add(is_done ? &daily->successes : &daily->failures, 1);
}

/* ---- the thread */

static bool wait(struct tide_daily *daily, struct tide_duration at_most)
{
    /* The thread library wants a date on the monotonic clock. */
    const int64_t until = tide_clock_monotonic(tide_clock_os()).ns + at_most.us * 1000;
    const struct timespec date = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    int outcome = 0;
    pthread_mutex_lock(&daily->mutex);
    while (outcome == 0 && !daily->is_stopping) {
        outcome = pthread_cond_timedwait(&daily->wake, &daily->mutex, &date);
    }
    const bool goes_on = !daily->is_stopping;
    pthread_mutex_unlock(&daily->mutex);
    return goes_on;
}

static void *take_turns(void *context)
{
    struct tide_daily *daily = context;
    struct tide_duration pause = {0};
    while (wait(daily, pause)) {
        const struct tide_instant now = tide_clock_now(daily->options.clock);
        const struct tide_daily_turn turn = tide_daily_plan(&daily->schedule, &daily->state, now);
        pause.us = 0;
        if (turn.is_due) {
            take_turn(daily, &turn);
        } else if (turn.again.us > now.us) {
            pause.us = turn.again.us - now.us;
            pause.us = pause.us < look_again_after.us ? pause.us : look_again_after.us;
        }
    }
    return NULL;
}

/* ---- public */

static enum tide_status configure(struct tide_daily *daily, struct tide_error *error)
{
    const struct tide_daily_config *config = &daily->options.config->daily;
    struct tide_daily_schedule *schedule = &daily->schedule;
    struct tide_bytes path = {0};
    if (!tide_daily_parse_time(config->at, &schedule->at_us)) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "batch.daily.at: '%.*s' is not a time such as 02:30",
                              TIDE_VIEW_ARGUMENTS(config->at));
    }
    if (!tide_view_equal(config->engine, TIDE_VIEW("duckdb")) &&
        !tide_view_equal(config->engine, TIDE_VIEW("spark"))) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "batch.daily.engine: '%.*s' is neither duckdb nor spark",
                              TIDE_VIEW_ARGUMENTS(config->engine));
    }
    schedule->days = (uint32_t)config->days;
    tide_bytes_append_view(&path, daily->options.config->data);
    tide_bytes_append_text(&path, "/daily.json");
    daily->path = tide_arena_copy(&daily->arena, tide_bytes_view(&path)).data;
    tide_bytes_release(&path);
    if (daily->path == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the daily batch");
    }
    const enum tide_status status =
        tide_timezone_open(&daily->arena, config->timezone, &schedule->zone, error);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "batch.daily.timezone");
    }
    return status;
}

static enum tide_status start_thread(struct tide_daily *daily, struct tide_error *error)
{
    pthread_condattr_t attributes;
    int code = pthread_condattr_init(&attributes);
    tide_assert(code == 0);
    code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    tide_assert(code == 0);
    code = pthread_cond_init(&daily->wake, &attributes);
    tide_assert(code == 0);
    (void)pthread_condattr_destroy(&attributes);
    code = pthread_mutex_init(&daily->mutex, NULL);
    tide_assert(code == 0);
    return tide_thread_start(&daily->thread, "daily", take_turns, daily)
               ? TIDE_OK
               : tide_error_set(error, TIDE_RETRY, "no thread for the daily batch");
}

static void release(struct tide_daily *daily)
{
    tide_bytes_release(&daily->last);
    tide_arena_release(&daily->arena);
    free(daily);
}

enum tide_status tide_daily_start(const struct tide_daily_options *options,
                                  struct tide_daily **daily,
                                  struct tide_error *error)
{
    struct tide_daily *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the daily batch");
    }
    made->options = *options;
    made->last_success_us = INT64_MIN;
    enum tide_status status = configure(made, error);
    if (status == TIDE_OK) {
        status = load(made, error);
    }
    if (status == TIDE_OK) {
        status = start_thread(made, error);
    }
    if (status != TIDE_OK) {
        release(made);
        return status;
    }
    *daily = made;
    return TIDE_OK;
}

void tide_daily_stop(struct tide_daily *daily)
{
    if (daily == NULL) {
        return;
    }
    pthread_mutex_lock(&daily->mutex);
    daily->is_stopping = true;
    (void)pthread_cond_signal(&daily->wake);
    pthread_mutex_unlock(&daily->mutex);
    (void)pthread_join(daily->thread, NULL);
    (void)pthread_cond_destroy(&daily->wake);
    (void)pthread_mutex_destroy(&daily->mutex);
    release(daily);
}

struct tide_daily_facts tide_daily_facts(const struct tide_daily *daily)
{
    return (struct tide_daily_facts){
        .is_running = atomic_load(&daily->is_running),
        .successes = atomic_load(&daily->successes),
        .failures = atomic_load(&daily->failures),
        .last_success = {atomic_load(&daily->last_success_us)},
        .last_duration = {atomic_load(&daily->last_duration_us)},
    };
}
