#include "serve/alert_file.h"

#include "base/decimal.h"
#include "base/json.h"
#include "process/identity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FORMAT = 1,
    HASH_DIGITS = 32,
    NUMBER_BYTES_MAX = 64,
};

/* ------- writing */

static void write_id(const char *key, struct tide_u128 id, struct tide_bytes *json)
{
    char text[TIDE_IDENTITY_TEXT_SIZE];
    tide_identity_format(id, text);
    tide_json_write_text_member(json, key, tide_view_of(text));
}

static void write_instant(const char *key, struct tide_instant instant, struct tide_bytes *json)
{
    if (tide_instant_known(instant)) {
        tide_json_write_i64_member(json, key, instant.us);
    }
}

static void write_number(const char *key, struct tide_alert_number number, struct tide_bytes *json)
{
    char buffer[TIDE_DECIMAL_TEXT_MAX];
    if (number.known && isfinite(number.number)) {
        tide_json_write_key(json, key);
        tide_bytes_append(json, buffer, tide_double_format(number.number, buffer));
    }
}

/* Canonical bytes are no text: in hex. */
static void write_group(struct tide_view group, struct tide_bytes *json)
{
    tide_json_write_key(json, "group");
    tide_bytes_append_byte(json, '"');
    for (size_t i = 0; i < group.size; i++) {
        tide_bytes_append_format(json, "%02x", (unsigned)(unsigned char)group.data[i]);
    }
    tide_bytes_append_byte(json, '"');
}

static void open_item(struct tide_bytes *json)
{
    const bool is_first = json->size > 0 && json->data[json->size - 1] == '[';
    tide_bytes_append_text(json, is_first ? "{" : ",{");
}

static void write_instance(const struct tide_alert_instance *instance, struct tide_bytes *json)
{
    const struct tide_view phase = tide_view_of(tide_alert_phase_name(instance->state.phase));
    open_item(json);
    write_group(instance->group, json);
    tide_json_write_text_member(json, "state", phase);
    tide_json_write_i64_member(json, "since", instance->state.since.us);
    tide_json_write_i64_member(json, "held", instance->state.held.us);
    write_instant("seen", instance->seen, json);
    tide_json_write_i64_member(json, "start", instance->window.start.us);
    tide_json_write_i64_member(json, "end", instance->window.end.us);
    write_number("value", instance->value, json);
    write_number("baseline", instance->baseline, json);
    tide_json_write_u64_member(json, "events", instance->events);
    tide_bytes_append_byte(json, '}');
}

static void write_watch(const struct tide_alert_watch *watch, struct tide_bytes *json)
{
    open_item(json);
    tide_json_write_text_member(json, "name", watch->alert->name);
    write_id("definition", watch->alert->hash, json);
    write_instant("judged_until", watch->judged_until, json);
    write_instant("seen_since", watch->seen_since, json);
    tide_json_write_key(json, "instances");
    tide_bytes_append_byte(json, '[');
    for (uint32_t i = 0; i < tide_alert_book_count(watch->book); i++) {
        const struct tide_alert_instance *instance = tide_alert_book_at(watch->book, i);
        if (instance->state.phase != TIDE_ALERT_OK) { /* the cells know the others */
            write_instance(instance, json);
        }
    }
    tide_bytes_append_text(json, "]}");
}

static void write_note(const struct tide_alert_note *note, struct tide_bytes *json)
{
    open_item(json);
    write_id("id", note->id, json);
    tide_json_write_text_member(json, "body", tide_bytes_view(&note->body));
    tide_bytes_append_byte(json, '}');
}

void tide_alert_file_write(const struct tide_alert_file *file, struct tide_bytes *text)
{
    char hash[TIDE_IDENTITY_TEXT_SIZE];
    tide_bytes_append_byte(text, '{');
    tide_json_write_u64_member(text, "format", FORMAT);
    write_instant("closing", file->closing, text);
    tide_json_write_key(text, "alerts");
    tide_bytes_append_byte(text, '[');
    for (uint32_t i = 0; i < file->watch_count && !text->failed; i++) {
        write_watch(&file->watches[i], text);
    }
    tide_bytes_append_byte(text, ']');
    tide_json_write_key(text, "outbox");
    tide_bytes_append_byte(text, '[');
    for (uint32_t i = 0; i < tide_alert_outbox_count(file->outbox) && !text->failed; i++) {
        const struct tide_alert_note *note = tide_alert_outbox_at(file->outbox, i);
        if ((note->sinks & TIDE_ALERT_SINK_WEBHOOK) != 0) {
            write_note(note, text);
        }
    }
    tide_bytes_append_text(text, "]}");
    tide_identity_format(tide_hash128(tide_bytes_view(text), 0), hash);
    tide_bytes_append_format(text, "\n%s\n", hash);
}

/* ------- reading */

struct reader {
    struct tide_alert_file *file;
    struct tide_alert_file_facts *facts;
    struct tide_error *error;
};

static enum tide_status damaged(struct reader *reader, const char *what)
{
    return tide_error_set(reader->error, TIDE_REJECT, "the states of alerts are damaged: %s", what);
}

static bool read_id(const struct tide_json *json, const char *key, struct tide_u128 *id)
{
    struct tide_view text;
    return tide_json_get_text(json, key, &text) && tide_identity_parse(text, id);
}

static struct tide_instant read_instant(const struct tide_json *json, const char *key)
{
    struct tide_instant instant = TIDE_INSTANT_UNKNOWN;
    (void)tide_json_get_i64(json, key, &instant.us);
    return instant;
}

static struct tide_alert_number read_number(const struct tide_json *json, const char *key)
{
    const struct tide_json *member = tide_json_get(json, key);
    char text[NUMBER_BYTES_MAX];
    if (member == NULL || member->kind != TIDE_JSON_NUMBER || member->text.size >= sizeof(text)) {
        return (struct tide_alert_number){0};
    }
    memcpy(text, member->text.data, member->text.size);
    text[member->text.size] = '\0';
    return (struct tide_alert_number){true, strtod(text, NULL)};
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

static bool read_group(const struct tide_json *json, struct tide_bytes *group)
{
    struct tide_view text;
    if (!tide_json_get_text(json, "group", &text) || text.size % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.size; i += 2) {
        const int high = digit_of(text.data[i]);
        const int low = digit_of(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        tide_bytes_append_byte(group, (char)(high * 16 + low));
    }
    return !group->failed;
}

static enum tide_status read_instance(struct reader *reader,
                                      struct tide_alert_watch *watch,
                                      const struct tide_json *json)
{
    struct tide_bytes group = {0};
    struct tide_view name;
    enum tide_alert_phase phase = TIDE_ALERT_OK;
    const bool is_good = read_group(json, &group) && tide_json_get_text(json, "state", &name) &&
                         tide_alert_phase_parse(name, &phase);
    struct tide_alert_instance *instance = NULL;
    if (is_good && tide_alert_book_find(watch->book, tide_bytes_view(&group)) == NULL) {
        instance = tide_alert_book_add(watch->book, tide_bytes_view(&group), true);
    }
    tide_bytes_release(&group);
    if (!is_good || instance == NULL) {
        return damaged(reader, "an instance");
    }
    instance->state =
        (struct tide_alert_state){phase, read_instant(json, "since"), read_instant(json, "held")};
    instance->seen = read_instant(json, "seen");
    instance->window = (struct tide_window){read_instant(json, "start"), read_instant(json, "end")};
    instance->value = read_number(json, "value");
    instance->baseline = read_number(json, "baseline");
    (void)tide_json_get_u64(json, "events", &instance->events);
    reader->facts->instances++;
    return TIDE_OK;
}

static struct tide_alert_watch *find_watch(const struct reader *reader,
                                           struct tide_view name,
                                           struct tide_u128 definition)
{
    for (uint32_t i = 0; i < reader->file->watch_count; i++) {
        const struct tide_alert *alert = reader->file->watches[i].alert;
        if (tide_view_equal(alert->name, name)) {
            return tide_u128_equal(alert->hash, definition) ? &reader->file->watches[i] : NULL;
        }
    }
    return NULL;
}

static enum tide_status read_watch(struct reader *reader, const struct tide_json *json)
{
    struct tide_view name;
    struct tide_u128 definition;
    const struct tide_json *instances = tide_json_get(json, "instances");
    if (!tide_json_get_text(json, "name", &name) || !read_id(json, "definition", &definition) ||
        instances == NULL || instances->kind != TIDE_JSON_ARRAY) {
        return damaged(reader, "an alert");
    }
    struct tide_alert_watch *watch = find_watch(reader, name, definition);
    if (watch == NULL) {
        reader->facts->forgotten += instances->count;
        return TIDE_OK;
    }
    watch->judged_until = read_instant(json, "judged_until");
    watch->seen_since = read_instant(json, "seen_since");
    enum tide_status status = TIDE_OK;
    for (const struct tide_json *item = instances->first; status == TIDE_OK && item != NULL;
         item = item->next) {
        status = read_instance(reader, watch, item);
    }
    return status;
}

static enum tide_status read_note(struct reader *reader, const struct tide_json *json)
{
    struct tide_u128 id;
    struct tide_view text;
    struct tide_bytes line = {0};
    struct tide_bytes body = {0};
    if (!read_id(json, "id", &id) || !tide_json_get_text(json, "body", &text)) {
        return damaged(reader, "a letter");
    }
    tide_bytes_append_view(&body, text);
    return tide_alert_outbox_add(reader->file->outbox, id, TIDE_ALERT_SINK_WEBHOOK, &line, &body)
               ? TIDE_OK
               : tide_error_set(reader->error, TIDE_RETRY, "no memory for alerts");
}

static enum tide_status read_all(struct reader *reader, const struct tide_json *json)
{
    uint64_t format = 0;
    const struct tide_json *alerts = tide_json_get(json, "alerts");
    const struct tide_json *outbox = tide_json_get(json, "outbox");
    if (!tide_json_get_u64(json, "format", &format) || format != FORMAT) {
        return tide_error_set(
            reader->error, TIDE_REJECT, "the states of alerts are not of format %d", FORMAT);
    }
    if (alerts == NULL || outbox == NULL) {
        return damaged(reader, "a section is missing");
    }
    reader->file->closing = read_instant(json, "closing");
    enum tide_status status = TIDE_OK;
    for (const struct tide_json *item = alerts->first; status == TIDE_OK && item != NULL;
         item = item->next) {
        status = read_watch(reader, item);
    }
    for (const struct tide_json *item = outbox->first; status == TIDE_OK && item != NULL;
         item = item->next) {
        status = read_note(reader, item);
    }
    return status;
}

/* The first line, if the second is its hash. */
static bool check_hash(struct tide_view text, struct tide_view *line)
{
    struct tide_u128 kept;
    if (text.size < HASH_DIGITS + 2 || text.data[text.size - 1] != '\n' ||
        text.data[text.size - HASH_DIGITS - 2] != '\n') {
        return false;
    }
    *line = tide_view_slice(text, 0, text.size - HASH_DIGITS - 2);
    return tide_identity_parse(tide_view_slice(text, line->size + 1, HASH_DIGITS), &kept) &&
           tide_u128_equal(kept, tide_hash128(*line, 0));
}

enum tide_status tide_alert_file_read(struct tide_view text,
                                      struct tide_alert_file *file,
                                      struct tide_alert_file_facts *facts,
                                      struct tide_error *error)
{
    struct reader reader = {file, facts, error};
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    struct tide_view line;
    *facts = (struct tide_alert_file_facts){0};
    if (!check_hash(text, &line)) {
        return damaged(&reader, "the hash is another");
    }
    enum tide_status status = tide_json_parse(&arena, line, &json, error);
    if (status == TIDE_OK) {
        status = read_all(&reader, json);
    }
    tide_arena_release(&arena);
    return status;
}
