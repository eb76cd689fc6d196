/* What is wrong in a file that a person wrote: all of it at once, each with file:line:column, the
 * line, a caret and a suggestion.
 *
 *     metrics.yaml:7:14: error: unknown column 'user'; did you mean 'user_id'?
 *       daily: {distinct: user, every: 1d}
 *                         ^~~~
 */
#ifndef TIDE_BASE_DIAGNOSTIC_H
#define TIDE_BASE_DIAGNOSTIC_H

#include "base/arena.h"

enum {
    TIDE_DIAGNOSTICS_MAX = 100
};

struct tide_source { /* a text with a name; owned by whoever loaded it */
    struct tide_view name;
    struct tide_view text;
};

struct tide_position {
    const struct tide_source *source; /* NULL: no position */
    uint32_t line;                    /* from 1 */
    uint32_t column;                  /* from 1, in bytes */
    uint32_t size;                    /* bytes to underline, at least 1 */
};

struct tide_diagnostic {
    struct tide_position position;
    bool is_error; /* else a note or warning */
    struct tide_view message;
};

/* All zero is empty; texts live in the arena given. */
struct tide_diagnostics {
    struct tide_arena *arena;
    struct tide_diagnostic items[TIDE_DIAGNOSTICS_MAX];
    uint32_t count;
    uint32_t error_count;   /* also those beyond the maximum */
    uint32_t warning_count; /* likewise */
};

void tide_diagnostics_init(struct tide_diagnostics *diagnostics, struct tide_arena *arena);
__attribute__((format(printf, 3, 4))) void tide_diagnostics_error(
    struct tide_diagnostics *diagnostics, struct tide_position position, const char *format, ...);
__attribute__((format(printf, 3, 4))) void tide_diagnostics_warning(
    struct tide_diagnostics *diagnostics, struct tide_position position, const char *format, ...);
/* The candidate nearest to word (edit distance at most a third of it), else the shortest that
 * starts with word (of 3 bytes or more), or the empty view. */
struct tide_view tide_nearest(struct tide_view word,
                              const struct tide_view *candidates,
                              size_t candidate_count);
/* Those that were kept, in the order of files and lines; sorted has room for DIAGNOSTICS_MAX.
 * Returns how many. */
uint32_t tide_diagnostics_sort(const struct tide_diagnostics *diagnostics,
                               const struct tide_diagnostic **sorted);
/* Sorted by file and line, as text. */
void tide_diagnostics_render(const struct tide_diagnostics *diagnostics, struct tide_bytes *text);

#endif
