#include "serve/alert_text.h"

#include "base/civil.h"
#include "base/decimal.h"
#include "base/json.h"
#include "process/identity.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

enum {
    THOUSAND = 1000,
    DECIMALS_MAX = 12,       /* as cells have */
    ROUNDED_BELOW = 1 << 30, /* above it nobody sees what is behind the point */
    ROUNDED_TEXT_MAX = 32
};

bool tide_alert_id(const struct tide_alert_watch *watch,
                   const struct tide_alert_instance *instance,
                   const struct tide_alert_step *step,
                   struct tide_u128 *id)
{
    const struct tide_alert *alert = watch->alert;
    struct tide_bytes bytes = {0};
    tide_bytes_append_u32(&bytes, (uint32_t)alert->name.size);
    tide_bytes_append_view(&bytes, alert->name);
    tide_bytes_append_u64(&bytes, alert->hash.high);
    tide_bytes_append_u64(&bytes, alert->hash.low);
    tide_bytes_append_u32(&bytes, (uint32_t)instance->group.size);
    tide_bytes_append_view(&bytes, instance->group);
    tide_bytes_append_byte(&bytes, (char)step->to);
    tide_bytes_append_u64(&bytes, (uint64_t)step->at.us);
    const bool is_whole = !bytes.failed;
    *id = tide_hash128(tide_bytes_view(&bytes), 0);
    tide_bytes_release(&bytes);
    return is_whole;
}

/* ------- parts */

static void write_group(const struct tide_alert_watch *watch,
                        struct tide_view group,
                        struct tide_bytes *json)
{
    const struct tide_metric *metric = watch->metric;
    const bool is_other = tide_group_is_other(group);
    const uint32_t count = watch->alert->when == NULL ? 0 : metric->by_count; /* absent: no group */
    size_t at = 0;
    tide_bytes_append_byte(json, '{');
    for (uint32_t i = 0; i < count; i++) {
        tide_bytes_append_text(json, i == 0 ? "" : ", ");
        tide_json_write_string(json, watch->definitions->schema->columns[metric->by[i]].name);
        tide_bytes_append_text(json, ": ");
        if (is_other) {
            tide_bytes_append_text(json, "\"(other)\"");
        } else {
            tide_value_write_json(tide_value_decode(group, &at), json);
        }
    }
    tide_bytes_append_byte(json, '}');
}

static void append_instant(struct tide_instant instant, struct tide_bytes *text)
{
    char buffer[TIDE_CIVIL_TEXT_MAX];
    tide_bytes_append(text, buffer, tide_civil_format(instant, buffer));
}

static void write_instant(const char *key, struct tide_instant instant, struct tide_bytes *json)
{
    tide_json_write_key(json, key);
    if (tide_instant_known(instant)) {
        tide_bytes_append_byte(json, '"');
        append_instant(instant, json);
        tide_bytes_append_byte(json, '"');
    } else {
        tide_bytes_append_text(json, "null");
    }
}

static void append_number(struct tide_alert_number number, struct tide_bytes *text)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    if (number.known && isfinite(number.number)) {
        tide_bytes_append(text, buffer, tide_double_format(number.number, buffer));
    } else {
        tide_bytes_append_text(text, "null");
    }
}

static void write_number(const char *key, struct tide_alert_number number, struct tide_bytes *json)
{
    tide_json_write_key(json, key);
    append_number(number, json);
}

static void write_hash(const char *key, struct tide_u128 hash, struct tide_bytes *json)
{
    char text[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(hash, text);
    tide_json_write_text_member(json, key, tide_view_of(text));
}

/* What was found, as members. */
static void write_finding(const struct tide_alert_watch *watch,
                          const struct tide_alert_instance *instance,
                          struct tide_bytes *json)
{
    if (watch->alert->when == NULL) {
        write_instant("last_seen", instance->seen, json);
        return;
    }
    tide_json_write_key(json, "window");
    tide_bytes_append_byte(json, '{');
    write_instant("start", instance->window.start, json);
    write_instant("end", instance->window.end, json);
    tide_bytes_append_byte(json, '}');
    write_number("value", instance->value, json);
    if (watch->alert->baseline_windows > 0) {
        write_number("baseline", instance->baseline, json);
    }
    tide_json_write_u64_member(json, "events", instance->events);
}

static void write_duration(const char *key, struct tide_duration duration, struct tide_bytes *json)
{
    tide_json_write_key(json, key);
    append_number(
        (struct tide_alert_number){true, (double)duration.us / (double)TIDE_US_PER_SECOND}, json);
}

/* Of the definition, what a receiver wants to see beside the numbers. */
static void write_condition(const struct tide_alert *alert, struct tide_bytes *json)
{
    if (alert->when == NULL) {
        write_duration("absent_seconds", alert->absent, json);
    } else {
        tide_json_write_text_member(json, "of", alert->on_text);
        tide_json_write_text_member(json, "when", alert->when_text);
    }
    if (alert->where != NULL) {
        tide_json_write_text_member(json, "where", alert->where_text);
    }
}

/* ------- messages */

/* For people: four digits that mean something, or all of a whole number. */
static void append_rounded(struct tide_alert_number number, struct tide_bytes *text)
{
    double rest = fabs(number.number);
    char buffer[ROUNDED_TEXT_MAX];
    int decimals = 0;
    if (!number.known || !isfinite(rest) || rest >= ROUNDED_BELOW || rest == trunc(rest)) {
        append_number(number, text);
        return;
    }
    for (; rest < THOUSAND && decimals < DECIMALS_MAX; decimals++) {
        rest *= 10;
    }
    int size = snprintf(buffer, sizeof(buffer), "%.*f", decimals, number.number);
    while (decimals > 0 && buffer[size - 1] == '0') {
        size--;
        decimals--;
    }
    size -= buffer[size - 1] == '.';
    tide_bytes_append(text, buffer, (size_t)size);
}

/* crash_spike {"os": "ios"} */
static void write_subject(const struct tide_alert_watch *watch,
                          const struct tide_alert_instance *instance,
                          struct tide_bytes *line)
{
    tide_bytes_append_view(line, watch->alert->name);
    if (watch->alert->when != NULL && watch->metric->by_count > 0) {
        tide_bytes_append_byte(line, ' ');
        write_group(watch, instance->group, line);
    }
}

void tide_alert_write_restored(const struct tide_alert_watch *watch,
                               const struct tide_alert_instance *instance,
                               struct tide_bytes *line)
{
    write_subject(watch, instance, line);
    tide_bytes_append_format(
        line, " is still %s, since ", tide_alert_phase_name(instance->state.phase));
    append_instant(instance->state.since, line);
}

void tide_alert_write_line(const struct tide_alert_message *message, struct tide_bytes *line)
{
    const struct tide_alert_instance *instance = message->instance;
    const struct tide_alert *alert = message->watch->alert;
    char id[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(message->id, id);
    write_subject(message->watch, instance, line);
    tide_bytes_append_format(line, " %s at ", tide_alert_phase_name(message->step->to));
    append_instant(message->step->at, line);
    if (alert->when == NULL) {
        tide_bytes_append_format(
            line, ": %.*s last seen ", TIDE_VIEW_ARGUMENTS(message->watch->metric->name));
        append_instant(instance->seen, line);
    } else {
        tide_bytes_append_format(line,
                                 ": %.*s %.*s ",
                                 TIDE_VIEW_ARGUMENTS(message->watch->metric->name),
                                 TIDE_VIEW_ARGUMENTS(alert->on_text));
        append_rounded(instance->value, line);
        if (alert->baseline_windows > 0) {
            tide_bytes_append_text(line, ", baseline ");
            append_rounded(instance->baseline, line);
        }
        tide_bytes_append_format(line, ", %" PRIu64 " events", instance->events);
    }
    tide_bytes_append_format(line, " (id %s)", id);
}

void tide_alert_write_body(const struct tide_alert_message *message, struct tide_bytes *json)
{
    const struct tide_alert_watch *watch = message->watch;
    const struct tide_alert_step *step = message->step;
    tide_bytes_append_byte(json, '{');
    write_hash("id", message->id, json);
    tide_json_write_text_member(json, "pipeline", message->pipeline);
    tide_json_write_text_member(json, "alert", watch->alert->name);
    tide_json_write_text_member(json, "metric", watch->metric->name);
    tide_json_write_key(json, "group");
    write_group(watch, message->instance->group, json);
    tide_json_write_text_member(json, "state", tide_view_of(tide_alert_phase_name(step->to)));
    tide_json_write_text_member(json, "from", tide_view_of(tide_alert_phase_name(step->from)));
    write_instant("at", step->at, json);
    write_instant("held_since", step->held, json);
    write_finding(watch, message->instance, json);
    write_condition(watch->alert, json);
    write_hash("definition", watch->alert->hash, json);
    tide_bytes_append_byte(json, '}');
}

/* ------- what the API shows */

static void write_instances(const struct tide_alert_watch *watch,
                            bool is_ok,
                            uint32_t *left,
                            struct tide_bytes *json)
{
    for (uint32_t i = 0; *left > 0 && i < tide_alert_book_count(watch->book); i++) {
        const struct tide_alert_instance *instance = tide_alert_book_at(watch->book, i);
        const struct tide_alert_state *state = &instance->state;
        if ((state->phase == TIDE_ALERT_OK) != is_ok) {
            continue;
        }
        (*left)--;
        tide_bytes_append_text(json, json->data[json->size - 1] == '[' ? "{" : ",{");
        tide_json_write_key(json, "group");
        write_group(watch, instance->group, json);
        tide_json_write_text_member(
            json, "state", tide_view_of(tide_alert_phase_name(state->phase)));
        write_instant("since", state->since.us == 0 ? TIDE_INSTANT_UNKNOWN : state->since, json);
        write_finding(watch, instance, json);
        tide_bytes_append_byte(json, '}');
    }
}

static void write_sinks(const struct tide_alert *alert, struct tide_bytes *json)
{
    const bool has_log = (alert->sinks & TIDE_ALERT_SINK_LOG) != 0;
    const bool has_webhook = (alert->sinks & TIDE_ALERT_SINK_WEBHOOK) != 0;
    tide_json_write_key(json, "notify");
    tide_bytes_append_format(json,
                             "[%s%s%s]",
                             has_log ? "\"log\"" : "",
                             has_log && has_webhook ? "," : "",
                             has_webhook ? "\"webhook\"" : "");
}

void tide_alert_write_watch(const struct tide_alert_watch *watch,
                            uint32_t instances_max,
                            struct tide_bytes *json)
{
    const struct tide_alert *alert = watch->alert;
    uint32_t left = instances_max;
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "name", alert->name);
    tide_json_write_text_member(json, "metric", watch->metric->name);
    write_condition(alert, json);
    if (alert->baseline_windows > 0) {
        tide_json_write_text_member(json, "baseline", alert->baseline_text);
    }
    write_duration("for_seconds", alert->hold_for, json);
    tide_json_write_u64_member(json, "at_least", alert->events_min);
    write_sinks(alert, json);
    write_hash("definition", alert->hash, json);
    write_instant("judged_until", watch->judged_until, json);
    write_instant("seen_since", watch->seen_since, json);
    tide_json_write_u64_member(json, "windows_skipped", watch->windows_skipped);
    tide_json_write_u64_member(json, "groups_beyond", watch->groups_beyond);
    tide_json_write_u64_member(json, "instance_count", tide_alert_book_count(watch->book));
    tide_json_write_key(json, "instances");
    tide_bytes_append_byte(json, '[');
    if (!json->failed) {
        write_instances(watch, false, &left, json);
        write_instances(watch, true, &left, json);
    }
    tide_bytes_append_text(json, "]}");
}
