/* The mutex guards watches, outbox and counters; it is never held while an engine, a disk or a
 * receiver is waited for. */
#include "serve/alerts.h"

#include "base/assert.h"
#include "base/json.h"
#include "base/logline.h"
#include "base/thread.h"
#include "serve/alert_file.h"
#include "serve/alert_text.h"
#include "serve/prometheus.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

enum {
    SHOWN_INSTANCES_MAX = 1000, /* of one alert, by the API */
    PATH_BYTES_MAX = 4096,
};

struct tide_alerts {
    struct tide_alerts_options options;
    struct tide_alert_file file; /* under mutex, like what follows */
    uint64_t saved_sequence;     /* notes up to it are in the file */
    uint64_t transitions;
    uint64_t steps;    /* all, told or not */
    uint64_t *stepped; /* by watch: the last of its steps */
    bool is_changed;   /* the file is behind */
    bool is_stopping;
    bool is_woken; /* the next turn is wanted now */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct tide_webhook *webhook; /* or NULL; set once */
    bool save_failed;             /* the judging thread's: told once */
    bool ask_failed;              /* likewise */
    pthread_t thread;
    bool is_running;
};

/* ------- transitions */

static void tell(void *context,
                 const struct tide_alert_watch *watch,
                 const struct tide_alert_instance *instance,
                 const struct tide_alert_step *step)
{
    struct tide_alerts *alerts = context;
    struct tide_alert_message message = {
        .watch = watch, .instance = instance, .step = step, .pipeline = alerts->options.pipeline};
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    unsigned sinks = watch->alert->sinks;
    alerts->is_changed = true;
    alerts->stepped[watch - alerts->file.watches] = ++alerts->steps;
    if (alerts->webhook == NULL) {
        sinks &= ~(unsigned)TIDE_ALERT_SINK_WEBHOOK;
    }
    if (!tide_alert_step_is_told(step)) {
        return;
    }
    alerts->transitions++;
    if (sinks == 0) {
        return;
    }
    line.failed = !tide_alert_id(watch, instance, step, &message.id);
    tide_alert_write_line(&message, &line);
    tide_alert_write_body(&message, &body);
    (void)tide_alert_outbox_add(alerts->file.outbox, message.id, sinks, &line, &body);
}

/* ------- the file */

/* false: not all is in the file; it is told once, and tried again. */
static bool save(struct tide_alerts *alerts)
{
    const struct tide_alerts_options *options = &alerts->options;
    struct tide_bytes text = {0};
    struct tide_error error = {0};
    tide_bytes_init(&text, TIDE_ALERT_FILE_BYTES_MAX);
    pthread_mutex_lock(&alerts->mutex);
    const bool is_needed = alerts->is_changed;
    const uint64_t sequence = tide_alert_outbox_sequence(alerts->file.outbox);
    if (is_needed) {
        tide_alert_file_write(&alerts->file, &text);
        alerts->is_changed = false;
    }
    pthread_mutex_unlock(&alerts->mutex);
    enum tide_status status = TIDE_OK;
    if (text.failed) {
        status = tide_error_set(&error, TIDE_RETRY, "the states of alerts do not fit in memory");
    } else if (is_needed) {
        status = tide_io_replace_file(options->io, options->path, tide_bytes_view(&text), &error);
    }
    tide_bytes_release(&text);
    pthread_mutex_lock(&alerts->mutex);
    if (status == TIDE_OK) {
        alerts->saved_sequence = sequence;
    } else {
        alerts->is_changed = true;
    }
    pthread_mutex_unlock(&alerts->mutex);
    if (status != TIDE_OK && !alerts->save_failed) {
        tide_logline(TIDE_LOGLINE_ERROR, "alert", "nothing is told for now: %s", error.text);
    }
    alerts->save_failed = status != TIDE_OK;
    return status == TIDE_OK;
}

static bool init_watches(struct tide_alerts *alerts)
{
    const struct tide_definitions *definitions = alerts->options.definitions;
    bool has_memory = true;
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        has_memory =
            tide_alert_watch_init(&alerts->file.watches[i], definitions, &definitions->alerts[i]) &&
            has_memory;
    }
    alerts->file.outbox = tide_alert_outbox_create();
    alerts->file.closing = TIDE_INSTANT_UNKNOWN;
    return has_memory && alerts->file.outbox != NULL;
}

static void release_watches(struct tide_alerts *alerts)
{
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        tide_alert_watch_release(&alerts->file.watches[i]);
    }
    tide_alert_outbox_destroy(alerts->file.outbox);
    alerts->file.outbox = NULL;
}

/* Its name is free afterwards; the bytes stay for whoever wants to look. */
static enum tide_status put_aside(struct tide_alerts *alerts, struct tide_error *error)
{
    const struct tide_alerts_options *options = &alerts->options;
    char aside[PATH_BYTES_MAX];
    const int size = snprintf(aside, sizeof(aside), "%s.damaged", options->path);
    tide_logline(TIDE_LOGLINE_ERROR,
                 "alert",
                 "%s; alerts begin anew, the file is %s now",
                 error->text,
                 aside);
    if (size < 0 || (size_t)size >= sizeof(aside)) {
        return tide_error_set(error, TIDE_REJECT, "the path of the alerts' file is too long");
    }
    return options->io.operations->rename(options->io.self, options->path, aside, error);
}

/* What was told before, and is not over. */
static void tell_restored(struct tide_alerts *alerts)
{
    struct tide_bytes line = {0};
    tide_assert(alerts->file.watches != NULL);
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        const struct tide_alert_watch *watch = &alerts->file.watches[i];
        for (uint32_t k = 0; k < tide_alert_book_count(watch->book); k++) {
            tide_bytes_reset(&line);
            tide_alert_write_restored(watch, tide_alert_book_at(watch->book, k), &line);
            const struct tide_view text = tide_bytes_view(&line);
            tide_logline(TIDE_LOGLINE_INFO, "alert", "%.*s", TIDE_VIEW_ARGUMENTS(text));
        }
    }
    tide_bytes_release(&line);
}

static enum tide_status load(struct tide_alerts *alerts, struct tide_error *error)
{
    const struct tide_alerts_options *options = &alerts->options;
    struct tide_bytes text = {0};
    struct tide_alert_file_facts facts = {0};
    tide_bytes_init(&text, TIDE_ALERT_FILE_BYTES_MAX);
    enum tide_status status =
        tide_io_read_file(options->io, options->path, &text, TIDE_ALERT_FILE_BYTES_MAX, error);
    if (status == TIDE_OK) {
        status = tide_alert_file_read(tide_bytes_view(&text), &alerts->file, &facts, error);
        if (status == TIDE_REJECT) {
            status = put_aside(alerts, error);
            release_watches(alerts);
            if (status == TIDE_OK && !init_watches(alerts)) {
                status = tide_error_set(error, TIDE_RETRY, "no memory for alerts");
            }
        }
    } else if (status == TIDE_REJECT) {
        status = TIDE_OK; /* the first start */
    }
    tide_bytes_release(&text);
    alerts->saved_sequence = tide_alert_outbox_sequence(alerts->file.outbox);
    if (status == TIDE_OK && facts.forgotten > 0) {
        tide_logline(TIDE_LOGLINE_WARNING,
                     "alert",
                     "%" PRIu32 " states forgotten: their alerts are gone or defined otherwise",
                     facts.forgotten);
    }
    if (status == TIDE_OK) {
        tell_restored(alerts);
    }
    return status;
}

/* ------- a turn */

/* As many windows as one turn of the alert takes. false: there is no more, or not now. */
static bool judge(struct tide_alerts *alerts,
                  struct tide_alert_watch *watch,
                  struct tide_instant closing)
{
    const struct tide_alert_source *source = &alerts->options.source;
    const struct tide_alert *alert = watch->alert;
    const struct tide_alert_teller teller = {tell, alerts};
    struct tide_alert_turn turn;
    struct tide_result *results[2] = {NULL, NULL};
    struct tide_error error = {0};
    if (!tide_alert_plan(watch, closing, &turn)) {
        pthread_mutex_lock(&alerts->mutex);
        tide_alert_pass(watch, closing, teller);
        pthread_mutex_unlock(&alerts->mutex);
        return false;
    }
    enum tide_status status =
        source->ask(source->context, alert->metric, turn.span, alert->where, results, &error);
    if (status == TIDE_OK) {
        pthread_mutex_lock(&alerts->mutex);
        const struct tide_instant before = watch->judged_until;
        status = tide_alert_judge(watch, &turn, results[0], results[1], teller);
        if (status == TIDE_OK && turn.is_whole) {
            tide_alert_pass(watch, closing, teller);
        }
        alerts->is_changed = alerts->is_changed || before.us != watch->judged_until.us;
        pthread_mutex_unlock(&alerts->mutex);
    }
    tide_alert_results_destroy(results);
    if (status != TIDE_OK && !alerts->ask_failed) {
        tide_logline(TIDE_LOGLINE_WARNING, "alert", "not judged for now: %s", error.text);
    }
    alerts->ask_failed = status != TIDE_OK;
    return status == TIDE_OK && !turn.is_whole;
}

static bool is_stopping(struct tide_alerts *alerts)
{
    pthread_mutex_lock(&alerts->mutex);
    const bool is_stopping = alerts->is_stopping;
    pthread_mutex_unlock(&alerts->mutex);
    return is_stopping;
}

/* The oldest that is saved and still to be logged; false: none. */
static bool log_next(struct tide_alerts *alerts)
{
    pthread_mutex_lock(&alerts->mutex);
    const struct tide_alert_note *note =
        tide_alert_outbox_next(alerts->file.outbox, TIDE_ALERT_SINK_LOG, alerts->saved_sequence);
    const bool has_note = note != NULL;
    if (has_note) {
        const struct tide_view line = tide_bytes_view(&note->line);
        tide_logline(TIDE_LOGLINE_WARNING, "alert", "%.*s", TIDE_VIEW_ARGUMENTS(line));
        (void)tide_alert_outbox_done(alerts->file.outbox, note->id, TIDE_ALERT_SINK_LOG);
    }
    pthread_mutex_unlock(&alerts->mutex);
    return has_note;
}

/* The closing clock, which after a restart may be behind what was judged by: an idle partition's
 * follows the wall clock, and no manifest says so. */
static struct tide_instant advance_closing(struct tide_alerts *alerts)
{
    const struct tide_alert_source *source = &alerts->options.source;
    const struct tide_instant closing = source->closing(source->context);
    if (!tide_instant_known(closing)) {
        return closing;
    }
    pthread_mutex_lock(&alerts->mutex);
    if (closing.us > alerts->file.closing.us) {
        alerts->file.closing = closing;
    }
    const struct tide_instant highest = alerts->file.closing;
    pthread_mutex_unlock(&alerts->mutex);
    return highest;
}

void tide_alerts_turn(struct tide_alerts *alerts)
{
    const struct tide_instant closing = advance_closing(alerts);
    for (uint32_t i = 0; i < alerts->file.watch_count && tide_instant_known(closing); i++) {
        while (judge(alerts, &alerts->file.watches[i], closing) && !is_stopping(alerts)) {
        }
    }
    if (!save(alerts)) {
        return;
    }
    while (log_next(alerts)) {
    }
    if (alerts->webhook != NULL) {
        tide_webhook_wake(alerts->webhook);
    }
}

/* ------- threads */

static bool wait_turn(struct tide_alerts *alerts)
{
    /* The thread library wants a date on the monotonic clock. */
    const int64_t until =
        tide_clock_monotonic(tide_clock_os()).ns + alerts->options.interval.us * 1000;
    const struct timespec date = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    int outcome = 0;
    pthread_mutex_lock(&alerts->mutex);
    while (outcome == 0 && !alerts->is_stopping && !alerts->is_woken) {
        outcome = pthread_cond_timedwait(&alerts->wake, &alerts->mutex, &date);
    }
    alerts->is_woken = false;
    const bool goes_on = !alerts->is_stopping;
    pthread_mutex_unlock(&alerts->mutex);
    return goes_on;
}

static void *take_turns(void *context)
{
    struct tide_alerts *alerts = context;
    do {
        tide_alerts_turn(alerts);
    } while (wait_turn(alerts));
    return NULL;
}

static bool next_letter(void *context, struct tide_webhook_letter *letter)
{
    struct tide_alerts *alerts = context;
    pthread_mutex_lock(&alerts->mutex);
    const struct tide_alert_note *note = tide_alert_outbox_next(
        alerts->file.outbox, TIDE_ALERT_SINK_WEBHOOK, alerts->saved_sequence);
    if (note != NULL) {
        letter->id = note->id;
        tide_bytes_append_view(&letter->body, tide_bytes_view(&note->body));
    }
    const bool has_letter = note != NULL && !letter->body.failed;
    pthread_mutex_unlock(&alerts->mutex);
    return has_letter;
}

static void letter_done(void *context, struct tide_u128 id, bool is_delivered)
{
    struct tide_alerts *alerts = context;
    (void)is_delivered; /* the webhook counts and tells */
    pthread_mutex_lock(&alerts->mutex);
    (void)tide_alert_outbox_done(alerts->file.outbox, id, TIDE_ALERT_SINK_WEBHOOK);
    alerts->is_changed = true;
    alerts->is_woken = true; /* its mark belongs in the file soon: a crash before would repeat it */
    pthread_cond_signal(&alerts->wake);
    pthread_mutex_unlock(&alerts->mutex);
}

/* ------- life */

static enum tide_status start_webhook(struct tide_alerts *alerts, struct tide_error *error)
{
    struct tide_webhook_options options = alerts->options.webhook;
    if (options.url.size == 0) {
        return TIDE_OK;
    }
    options.next = next_letter;
    options.done = letter_done;
    options.context = alerts;
    return tide_webhook_start(&options, &alerts->webhook, error);
}

enum tide_status tide_alerts_create(const struct tide_alerts_options *options,
                                    struct tide_alerts **out,
                                    struct tide_error *error)
{
    struct tide_alerts *alerts = calloc(1, sizeof(*alerts));
    if (alerts == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for alerts");
    }
    alerts->options = *options;
    pthread_mutex_init(&alerts->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&alerts->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    const uint32_t count = options->definitions->alert_count;
    alerts->file.watches = calloc((size_t)count + 1, sizeof(*alerts->file.watches));
    enum tide_status status = TIDE_OK;
    alerts->stepped = calloc((size_t)count + 1, sizeof(*alerts->stepped));
    if (alerts->file.watches != NULL) {
        alerts->file.watch_count = count;
    }
    if (alerts->file.watches == NULL || alerts->stepped == NULL || !init_watches(alerts)) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for alerts");
    }
    if (status == TIDE_OK) {
        status = load(alerts, error);
    }
    if (status == TIDE_OK) {
        status = start_webhook(alerts, error);
    }
    if (status != TIDE_OK) {
        tide_alerts_destroy(alerts);
        return status;
    }
    *out = alerts;
    return TIDE_OK;
}

enum tide_status tide_alerts_start(struct tide_alerts *alerts, struct tide_error *error)
{
    tide_assert(!alerts->is_running && alerts->options.interval.us > 0);
    if (!tide_thread_start(&alerts->thread, "alerts", take_turns, alerts)) {
        return tide_error_set(error, TIDE_RETRY, "cannot start a thread for alerts");
    }
    alerts->is_running = true;
    return TIDE_OK;
}

void tide_alerts_stop(struct tide_alerts *alerts)
{
    pthread_mutex_lock(&alerts->mutex);
    alerts->is_stopping = true;
    pthread_cond_signal(&alerts->wake);
    pthread_mutex_unlock(&alerts->mutex);
    if (alerts->is_running) {
        pthread_join(alerts->thread, NULL);
        alerts->is_running = false;
    }
    tide_webhook_stop(alerts->webhook);
    alerts->webhook = NULL;
    if (alerts->file.outbox != NULL) {
        (void)save(alerts);
    }
}

void tide_alerts_destroy(struct tide_alerts *alerts)
{
    if (alerts == NULL) {
        return;
    }
    if (!alerts->is_stopping) {
        tide_alerts_stop(alerts);
    }
    release_watches(alerts);
    free(alerts->file.watches);
    free(alerts->stepped);
    pthread_cond_destroy(&alerts->wake);
    pthread_mutex_destroy(&alerts->mutex);
    free(alerts);
}

/* ------- what others see */

static void write_webhook(const struct tide_alerts *alerts, struct tide_bytes *json)
{
    struct tide_webhook_facts facts = {0};
    if (alerts->webhook != NULL) {
        facts = tide_webhook_facts(alerts->webhook);
    }
    tide_bytes_append_byte(json, '{');
    tide_json_write_bool_member(json, "configured", alerts->options.webhook.url.size > 0);
    tide_json_write_bool_member(json, "signed", alerts->options.webhook.secret.size > 0);
    tide_json_write_u64_member(json, "delivered", facts.delivered);
    tide_json_write_u64_member(json, "failed_attempts", facts.failed_attempts);
    tide_json_write_u64_member(json, "given_up", facts.given_up);
    tide_bytes_append_byte(json, '}');
}

void tide_alerts_write(struct tide_alerts *alerts, struct tide_bytes *json)
{
    pthread_mutex_lock(&alerts->mutex);
    tide_bytes_append_text(json, "{\"alerts\":[");
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ",");
        tide_alert_write_watch(&alerts->file.watches[i], SHOWN_INSTANCES_MAX, json);
    }
    tide_bytes_append_byte(json, ']');
    tide_json_write_u64_member(json, "untold", tide_alert_outbox_count(alerts->file.outbox));
    tide_json_write_u64_member(json, "dropped", tide_alert_outbox_dropped(alerts->file.outbox));
    tide_json_write_key(json, "webhook");
    write_webhook(alerts, json);
    tide_bytes_append_byte(json, '}');
    pthread_mutex_unlock(&alerts->mutex);
}

uint64_t tide_alerts_changed(struct tide_alerts *alerts,
                             uint64_t since,
                             uint32_t instances_max,
                             void (*visit)(void *context, struct tide_view json),
                             void *context)
{
    struct tide_bytes json = {0};
    pthread_mutex_lock(&alerts->mutex);
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        if (since == 0 || alerts->stepped[i] >= since) {
            tide_bytes_reset(&json);
            tide_alert_write_watch(&alerts->file.watches[i], instances_max, &json);
            if (!json.failed) {
                visit(context, tide_bytes_view(&json));
            }
        }
    }
    const uint64_t next = alerts->steps + 1;
    pthread_mutex_unlock(&alerts->mutex);
    tide_bytes_release(&json);
    return next;
}

static void write_phases(struct tide_alert_watch *watch, struct tide_bytes *text)
{
    uint32_t counts[TIDE_ALERT_RESOLVED + 1] = {0};
    for (uint32_t i = 0; i < tide_alert_book_count(watch->book); i++) {
        counts[tide_alert_book_at(watch->book, i)->state.phase]++;
    }
    for (int phase = TIDE_ALERT_OK; phase <= TIDE_ALERT_RESOLVED; phase++) {
        const char *state = tide_alert_phase_name((enum tide_alert_phase)phase);
        tide_prometheus_sample(text,
                               TIDE_INSTRUMENT_ALERTS,
                               TIDE_LABELS(watch->alert->name, tide_view_of(state)),
                               counts[phase]);
    }
}

static void write_deliveries(const struct tide_alerts *alerts, struct tide_bytes *text)
{
    const enum tide_instrument deliveries = TIDE_INSTRUMENT_ALERT_DELIVERIES;
    struct tide_webhook_facts facts = {0};
    if (alerts->webhook != NULL) {
        facts = tide_webhook_facts(alerts->webhook);
    }
    tide_prometheus_family(text, deliveries);
    tide_prometheus_sample(text, deliveries, TIDE_LABELS(TIDE_VIEW("delivered")), facts.delivered);
    tide_prometheus_sample(
        text, deliveries, TIDE_LABELS(TIDE_VIEW("failed")), facts.failed_attempts);
    tide_prometheus_single(text, TIDE_INSTRUMENT_ALERT_GIVEN_UP, facts.given_up);
    tide_prometheus_single(
        text, TIDE_INSTRUMENT_ALERT_DROPPED, tide_alert_outbox_dropped(alerts->file.outbox));
    tide_prometheus_single(
        text, TIDE_INSTRUMENT_ALERT_UNTOLD, tide_alert_outbox_count(alerts->file.outbox));
}

void tide_alerts_exposition(struct tide_alerts *alerts, struct tide_bytes *text)
{
    uint64_t skipped = 0;
    uint64_t beyond = 0;
    pthread_mutex_lock(&alerts->mutex);
    tide_prometheus_family(text, TIDE_INSTRUMENT_ALERTS);
    for (uint32_t i = 0; i < alerts->file.watch_count; i++) {
        write_phases(&alerts->file.watches[i], text);
        skipped += alerts->file.watches[i].windows_skipped;
        beyond += alerts->file.watches[i].groups_beyond;
    }
    tide_prometheus_single(text, TIDE_INSTRUMENT_ALERT_TRANSITIONS, alerts->transitions);
    tide_prometheus_single(text, TIDE_INSTRUMENT_ALERT_WINDOWS_SKIPPED, skipped);
    tide_prometheus_single(text, TIDE_INSTRUMENT_ALERT_GROUPS_BEYOND, beyond);
    write_deliveries(alerts, text);
    pthread_mutex_unlock(&alerts->mutex);
}
