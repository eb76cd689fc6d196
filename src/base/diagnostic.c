/* Collecting what is wrong in a text, and showing it the way compilers do.
 *
 * The text may be anything at all (it is what somebody got wrong), so rendering trusts nothing:
 * control bytes are blanked, a line is cut to a window around the column, and the caret is placed
 * by characters, not bytes. */
#include "base/diagnostic.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    WINDOW_SIZE = 160,
    WORD_SIZE_MAX = 64,
    PREFIX_SIZE_MIN = 3
};

void tide_diagnostics_init(struct tide_diagnostics *diagnostics, struct tide_arena *arena)
{
    tide_assert(arena != NULL);
    memset(diagnostics, 0, sizeof(*diagnostics));
    diagnostics->arena = arena;
}

/* A place for one more; an error may take that of the last warning, NULL: none is left. */
static struct tide_diagnostic *claim(struct tide_diagnostics *diagnostics, bool is_error)
{
    if (diagnostics->count < TIDE_DIAGNOSTICS_MAX) {
        return &diagnostics->items[diagnostics->count++];
    }
    for (uint32_t i = TIDE_DIAGNOSTICS_MAX; is_error && i > 0; i--) {
        if (!diagnostics->items[i - 1].is_error) {
            return &diagnostics->items[i - 1];
        }
    }
    return NULL;
}

__attribute__((format(printf, 2, 0))) static struct tide_view format_message(
    struct tide_arena *arena, const char *format, va_list list)
{
    char text[1024];
    int length = vsnprintf(text, sizeof(text), format, list);
    if (length < 0) {
        return TIDE_VIEW("a message that cannot be shown");
    }
    size_t size = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    struct tide_view copy = tide_arena_copy(arena, (struct tide_view){text, size});
    return copy.data != NULL ? copy : TIDE_VIEW("out of memory for this message");
}

void tide_diagnostics_error(struct tide_diagnostics *diagnostics,
                            struct tide_position position,
                            const char *format,
                            ...)
{
    diagnostics->error_count++;
    struct tide_diagnostic *item = claim(diagnostics, true);
    if (item != NULL) {
        va_list list;
        va_start(list, format);
        *item = (struct tide_diagnostic){
            position, true, format_message(diagnostics->arena, format, list)};
        va_end(list);
    }
}

void tide_diagnostics_warning(struct tide_diagnostics *diagnostics,
                              struct tide_position position,
                              const char *format,
                              ...)
{
    diagnostics->warning_count++;
    struct tide_diagnostic *item = claim(diagnostics, false);
    if (item != NULL) {
        va_list list;
        va_start(list, format);
        *item = (struct tide_diagnostic){
            position, false, format_message(diagnostics->arena, format, list)};
        va_end(list);
    }
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edit distance with insertion, deletion, replacement and the swap of two neighbours (optimal
 * string alignment). Both words have 1..WORD_SIZE_MAX bytes. */
static size_t edit_distance(struct tide_view a, struct tide_view b)
{
    size_t rows[3][WORD_SIZE_MAX + 1];
    tide_assert(a.size <= WORD_SIZE_MAX && b.size <= WORD_SIZE_MAX);
    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t cost = a.data[i - 1] == b.data[j - 1] ? 0 : 1;
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1]) {
                size_t swapped = rows[(i + 1) % 3][j - 2] + 1;
                row[j] = swapped < row[j] ? swapped : row[j];
            }
        }
    }
    return rows[a.size % 3][b.size];
}

struct tide_view tide_nearest(struct tide_view word,
                              const struct tide_view *candidates,
                              size_t candidate_count)
{
    struct tide_view nearest = {0};
    struct tide_view longer = {0}; /* the shortest that starts with word */
    if (word.size == 0 || word.size > WORD_SIZE_MAX) {
        return nearest;
    }
    size_t limit = word.size / 3 + 1; /* distances below it are near */
    for (size_t i = 0; i < candidate_count; i++) {
        struct tide_view candidate = candidates[i];
        if (candidate.size == 0 || candidate.size > WORD_SIZE_MAX) {
            continue;
        }
        size_t distance = edit_distance(word, candidate);
        if (distance < limit) {
            limit = distance;
            nearest = candidate;
        }
        if (word.size >= PREFIX_SIZE_MIN && tide_view_starts_with(candidate, word) &&
            (longer.size == 0 || candidate.size < longer.size)) {
            longer = candidate;
        }
    }
    return nearest.size > 0 ? nearest : longer;
}

static int compare_positions(struct tide_position a, struct tide_position b)
{
    if (a.source != b.source) {
        struct tide_view empty = {0};
        int order = tide_view_compare(a.source == NULL ? empty : a.source->name,
                                      b.source == NULL ? empty : b.source->name);
        if (order != 0) {
            return order;
        }
    }
    if (a.line != b.line) {
        return a.line < b.line ? -1 : 1;
    }
    return (a.column > b.column) - (a.column < b.column);
}

/* Line number `line` of text, without its end; empty beyond the last. */
static struct tide_view line_of(struct tide_view text, uint32_t line)
{
    size_t start = 0;
    for (uint32_t i = 1; i < line && start < text.size; i++) {
        const char *end = memchr(text.data + start, '\n', text.size - start);
        start = end == NULL ? text.size : (size_t)(end - text.data) + 1;
    }
    if (start >= text.size) {
        return (struct tide_view){0};
    }
    const char *end = memchr(text.data + start, '\n', text.size - start);
    size_t size = end == NULL ? text.size - start : (size_t)(end - text.data) - start;
    if (size > 0 && text.data[start + size - 1] == '\r') {
        size--;
    }
    return (struct tide_view){text.data + start, size};
}

/* The line and the caret under it; nothing when the column is not on the line. */
static void render_excerpt(struct tide_position position, struct tide_bytes *text)
{
    struct tide_view line = line_of(position.source->text, position.line);
    size_t column = position.column - 1;
    if (line.size == 0 || position.column == 0 || column > line.size) {
        return;
    }
    size_t start =
        column > WINDOW_SIZE / 2 && line.size > WINDOW_SIZE ? column - WINDOW_SIZE / 2 : 0;
    while (start > 0 && tide_utf8_is_continuation(line.data[start])) {
        start--;
    }
    size_t end = line.size - start > WINDOW_SIZE ? start + WINDOW_SIZE : line.size;
    while (end < line.size && tide_utf8_is_continuation(line.data[end])) {
        end++;
    }
    for (size_t i = start; i < end; i++) {
        bool is_control = (unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7f;
        tide_bytes_append_byte(text, is_control && line.data[i] != '\t' ? ' ' : line.data[i]);
    }
    tide_bytes_append_byte(text, '\n');
    for (size_t i = start; i < column; i++) {
        if (!tide_utf8_is_continuation(line.data[i])) {
            tide_bytes_append_byte(text, line.data[i] == '\t' ? '\t' : ' ');
        }
    }
    tide_bytes_append_byte(text, '^');
    for (size_t i = column + 1; i < end && i - column < position.size; i++) {
        if (!tide_utf8_is_continuation(line.data[i])) {
            tide_bytes_append_byte(text, '~');
        }
    }
    tide_bytes_append_byte(text, '\n');
}

/* A message may carry what was in the file: it must not reach a terminal raw. */
static void append_printable(struct tide_bytes *text, struct tide_view view)
{
    for (size_t i = 0; i < view.size; i++) {
        unsigned char byte = (unsigned char)view.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            tide_bytes_append_format(text, "\\x%02x", (unsigned)byte);
        } else {
            tide_bytes_append_byte(text, view.data[i]);
        }
    }
}

static void render_item(const struct tide_diagnostic *item, struct tide_bytes *text)
{
    struct tide_position position = item->position;
    if (position.source != NULL) {
        append_printable(text, position.source->name);
        tide_bytes_append_byte(text, ':');
        if (position.line > 0) {
            tide_bytes_append_format(text, "%u:%u:", position.line, position.column);
        }
        tide_bytes_append_byte(text, ' ');
    }
    tide_bytes_append_text(text, item->is_error ? "error: " : "warning: ");
    append_printable(text, item->message);
    tide_bytes_append_byte(text, '\n');
    if (position.source != NULL && position.line > 0) {
        render_excerpt(position, text);
    }
}

uint32_t tide_diagnostics_sort(const struct tide_diagnostics *diagnostics,
                               const struct tide_diagnostic **sorted)
{
    tide_assert(diagnostics->count <= TIDE_DIAGNOSTICS_MAX);
    for (uint32_t i = 0; i < diagnostics->count; i++) { /* by insertion: stable, and never many */
        const struct tide_diagnostic *item = &diagnostics->items[i];
        uint32_t place = i;
        while (place > 0 && compare_positions(item->position, sorted[place - 1]->position) < 0) {
            sorted[place] = sorted[place - 1];
            place--;
        }
        sorted[place] = item;
    }
    return diagnostics->count;
}

void tide_diagnostics_render(const struct tide_diagnostics *diagnostics, struct tide_bytes *text)
{
    const struct tide_diagnostic *sorted[TIDE_DIAGNOSTICS_MAX];
    const uint32_t count = tide_diagnostics_sort(diagnostics, sorted);
    for (uint32_t i = 0; i < count; i++) {
        render_item(sorted[i], text);
    }
    uint32_t total = diagnostics->error_count + diagnostics->warning_count;
    if (total > count) {
        tide_bytes_append_format(text, "... and %u more\n", total - count);
    }
}
