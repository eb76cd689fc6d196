#include "cli/exposition.h"

#include "base/decimal.h"

#include <string.h>

#include "base/banned.h"

enum {
    PLACES = 6
};

struct sample {
    struct tide_view labels; /* between the braces */
    struct tide_view value;
};

static struct tide_view cut_line(struct tide_view *text)
{
    const char *end = memchr(text->data, '\n', text->size);
    const size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    const struct tide_view line = tide_view_slice(*text, 0, size);
    const size_t used = size < text->size ? size + 1 : size;
    *text = tide_view_slice(*text, used, text->size - used);
    return line;
}

/* Where the braces that begin at 0 end, or the size: a quoted value may hold one. */
static size_t find_brace(struct tide_view text)
{
    bool is_quoted = false;
    for (size_t i = 1; i < text.size; i++) {
        if (is_quoted && text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == '"') {
            is_quoted = !is_quoted;
        } else if (text.data[i] == '}' && !is_quoted) {
            return i;
        }
    }
    return text.size;
}

/* The next sample of that name; *text moves on. */
static bool next_sample(struct tide_view *text, struct tide_view name, struct sample *sample)
{
    while (text->size > 0) {
        const struct tide_view line = cut_line(text);
        struct tide_view rest;
        if (!tide_view_starts_with(line, name) || line.size == name.size) {
            continue;
        }
        rest = tide_view_slice(line, name.size, line.size - name.size);
        sample->labels = (struct tide_view){0};
        if (rest.data[0] == '{') {
            const size_t end = find_brace(rest);
            if (end == rest.size) {
                continue;
            }
            sample->labels = tide_view_slice(rest, 1, end - 1);
            rest = tide_view_slice(rest, end + 1, rest.size - end - 1);
        }
        if (rest.size > 1 && rest.data[0] == ' ') {
            sample->value = tide_view_slice(rest, 1, rest.size - 1);
            return true;
        }
    }
    return false;
}

/* Where text is in labels as whole words of them, or NULL. */
static const char *find_label(struct tide_view labels, struct tide_view text)
{
    for (size_t i = 0; i + text.size <= labels.size; i++) {
        if ((i == 0 || labels.data[i - 1] == ',') &&
            memcmp(labels.data + i, text.data, text.size) == 0) {
            return labels.data + i;
        }
    }
    return NULL;
}

bool tide_exposition_sum(struct tide_view text,
                         const char *name,
                         const char *label,
                         int64_t *millionths)
{
    struct sample sample;
    tide_i128 sum = 0;
    bool is_there = false;
    while (next_sample(&text, tide_view_of(name), &sample)) {
        tide_i128 number;
        if (label != NULL && find_label(sample.labels, tide_view_of(label)) == NULL) {
            continue;
        }
        if (tide_decimal_parse_i128(sample.value, PLACES, &number) != TIDE_OK) {
            return false;
        }
        sum += number;
        is_there = true;
    }
    if (!is_there || sum > INT64_MAX || sum < INT64_MIN) {
        return false;
    }
    *millionths = (int64_t)sum;
    return true;
}

bool tide_exposition_label(struct tide_view text,
                           const char *name,
                           const char *label,
                           struct tide_view *value)
{
    struct sample sample;
    struct tide_bytes wanted = {0};
    const char *found = NULL;
    tide_bytes_append_format(&wanted, "%s=\"", label);
    if (!wanted.failed && next_sample(&text, tide_view_of(name), &sample)) {
        found = find_label(sample.labels, tide_bytes_view(&wanted));
    }
    if (found != NULL) {
        const char *from = found + wanted.size;
        const size_t left = (size_t)(sample.labels.data + sample.labels.size - from);
        const char *end = memchr(from, '"', left);
        found = end;
        *value = (struct tide_view){from, end == NULL ? 0 : (size_t)(end - from)};
    }
    tide_bytes_release(&wanted);
    return found != NULL;
}
