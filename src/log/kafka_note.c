#include "log/kafka_note.h"

#include "base/digits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    RUNS_MIN = 16,
    RUNS_MAX = 1 << 26
};

bool tide_kafka_runs_add(struct tide_kafka_runs *runs, uint32_t topic, uint64_t count)
{
    if (count == 0) {
        return true;
    }
    if (runs->count > 0 && runs->items[runs->count - 1].topic == topic) {
        runs->items[runs->count - 1].count += count;
        return true;
    }
    if (runs->count == runs->capacity) {
        size_t capacity = runs->capacity == 0 ? RUNS_MIN : runs->capacity * 2;
        struct tide_kafka_run *items =
            capacity > RUNS_MAX ? NULL : realloc(runs->items, capacity * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        runs->items = items;
        runs->capacity = capacity;
    }
    runs->items[runs->count++] = (struct tide_kafka_run){topic, count};
    return true;
}

void tide_kafka_runs_release(struct tide_kafka_runs *runs)
{
    free(runs->items);
    *runs = (struct tide_kafka_runs){0};
}

void tide_kafka_note_write(const char *const *topics,
                           const struct tide_kafka_place *places,
                           uint32_t topic_count,
                           const struct tide_kafka_runs *runs,
                           struct tide_bytes *text)
{
    for (uint32_t t = 0; t < topic_count; t++) {
        tide_bytes_append_format(text,
                                 "%s%s %" PRId64 " %" PRId64 " %016" PRIx64,
                                 t == 0 ? "" : "; ",
                                 topics[t],
                                 places[t].first,
                                 places[t].next,
                                 places[t].last_hash);
    }
    if (topic_count > 1) {
        tide_bytes_append_text(text, " |");
        for (size_t i = 0; i < runs->count; i++) {
            tide_bytes_append_format(
                text, " %" PRIu32 ":%" PRIu64, runs->items[i].topic, runs->items[i].count);
        }
    }
}

/* Cuts the bytes up to end off *rest; false: end is not there. */
static bool cut(struct tide_view *rest, const char *end, struct tide_view *piece)
{
    size_t size = strlen(end);
    for (size_t at = 0; at + size <= rest->size; at++) {
        if (memcmp(rest->data + at, end, size) == 0) {
            *piece = tide_view_slice(*rest, 0, at);
            *rest = tide_view_slice(*rest, at + size, rest->size - at - size);
            return true;
        }
    }
    return false;
}

static bool offset(struct tide_view text, int64_t *value)
{
    uint64_t parsed = 0;
    if (tide_view_equal(text, TIDE_VIEW("-1"))) {
        *value = -1;
        return true;
    }
    bool valid = tide_digits_parse(text, &parsed) && parsed <= INT64_MAX;
    *value = valid ? (int64_t)parsed : -1;
    return valid;
}

static bool read_place(struct tide_view text,
                       struct tide_view *topic,
                       struct tide_kafka_place *place)
{
    struct tide_view first;
    struct tide_view next;
    return cut(&text, " ", topic) && topic->size > 0 && cut(&text, " ", &first) &&
           cut(&text, " ", &next) && offset(first, &place->first) && offset(next, &place->next) &&
           text.size == 16 && tide_digits_parse_hex(text, &place->last_hash) &&
           place->next >= place->first;
}

/* Behind the bar: each run after a blank. *valid false: they are damaged. RETRY: no memory. */
static enum tide_status read_runs(struct tide_view text,
                                  uint32_t topic_count,
                                  struct tide_kafka_runs *runs,
                                  bool *valid)
{
    struct tide_view before;
    *valid = text.size == 0 || (cut(&text, " ", &before) && before.size == 0 && text.size > 0);
    while (*valid && text.size > 0) {
        struct tide_view item = text;
        struct tide_view topic;
        uint64_t index = 0;
        uint64_t count = 0;
        bool is_last = !cut(&text, " ", &item);
        *valid = (is_last || text.size > 0) && cut(&item, ":", &topic) &&
                 tide_digits_parse(topic, &index) && index < topic_count &&
                 tide_digits_parse(item, &count) && count > 0;
        if (*valid && !tide_kafka_runs_add(runs, (uint32_t)index, count)) {
            return TIDE_RETRY;
        }
        if (is_last) {
            break;
        }
    }
    return TIDE_OK;
}

static enum tide_status damaged(struct tide_error *error)
{
    return tide_error_set(error, TIDE_FATAL, "a manifest's note of the log is damaged");
}

/* The places, which must be those of these topics. */
static enum tide_status read_places(struct tide_view text,
                                    const char *const *topics,
                                    uint32_t topic_count,
                                    struct tide_kafka_place *places,
                                    uint32_t *found,
                                    struct tide_error *error)
{
    struct tide_view other = {0}; /* the first that is not ours */
    uint32_t other_index = 0;
    bool is_last = false;
    for (*found = 0; !is_last; ++*found) {
        struct tide_view item = text;
        struct tide_view topic;
        struct tide_kafka_place place;
        is_last = !cut(&text, "; ", &item);
        if (!read_place(item, &topic, &place)) {
            return damaged(error);
        }
        if (*found < topic_count) {
            places[*found] = place;
            if (other.size == 0 && !tide_view_equal(topic, tide_view_of(topics[*found]))) {
                other = topic;
                other_index = *found;
            }
        }
    }
    if (other.size > 0) {
        return tide_error_set(error,
                              TIDE_REJECT,
                              "the pipeline was fed by other topics: its manifests say '%.*s' "
                              "where the configuration says '%s'",
                              TIDE_VIEW_ARGUMENTS(other),
                              topics[other_index]);
    }
    return *found == topic_count
               ? TIDE_OK
               : tide_error_set(error,
                                TIDE_REJECT,
                                "the pipeline was fed by other topics: its manifests say %" PRIu32
                                " of them, the configuration %" PRIu32,
                                *found,
                                topic_count);
}

enum tide_status tide_kafka_note_read(struct tide_view text,
                                      const char *const *topics,
                                      uint32_t topic_count,
                                      struct tide_kafka_place *places,
                                      struct tide_kafka_runs *runs,
                                      struct tide_error *error)
{
    struct tide_view head = text;
    uint32_t found = 0;
    bool valid = true;
    bool has_bar = cut(&text, " |", &head);
    enum tide_status status = read_places(head, topics, topic_count, places, &found, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (has_bar != (topic_count > 1)) {
        return damaged(error);
    }
    status = has_bar ? read_runs(text, topic_count, runs, &valid) : TIDE_OK;
    if (status != TIDE_OK) {
        return tide_error_set(error, status, "no memory for the order of topics");
    }
    return valid ? TIDE_OK : damaged(error);
}
