/* Answers questions about local time, for test_timezone.py: each line of stdin is
 * `zone function argument`, each line of stdout the answer.
 *
 *     offset SECONDS      seconds east of UTC at that instant
 *     midnight DAY        the second at which the local date begins
 *     day_of SECONDS      the local day of that instant
 *     1d, 2w, 1mo, ...    (SECONDS) start and end of the window, and the end of the next one
 *     slide-N             (SECONDS) starts and ends of the sliding windows of N local days
 *
 * The arguments are whole numbers, instants are asked for in the last microsecond of their second.
 * Of a zone that cannot be opened the answer is the error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/civil.h"
#include "base/timezone.h"
#include "metric/window.h"

#include "base/banned.h"

enum {
    LINE_SIZE_MAX = 512
};

struct probe {
    struct tide_arena arena;
    char name[LINE_SIZE_MAX];
    const struct tide_timezone *zone; /* NULL: it cannot be opened */
    struct tide_error error;
};

static void open_zone(struct probe *probe, const char *name)
{
    if (strcmp(probe->name, name) != 0) {
        tide_arena_reset(&probe->arena);
        probe->zone = NULL;
        (void)snprintf(probe->name, sizeof(probe->name), "%s", name);
        (void)tide_timezone_open(&probe->arena, tide_view_of(name), &probe->zone, &probe->error);
    }
}

static long long second_of(struct tide_instant t)
{
    tide_assert(t.us % TIDE_US_PER_SECOND == 0);
    return t.us / TIDE_US_PER_SECOND;
}

static void print_slide(struct tide_window_spec day, struct tide_instant t, uint32_t pane_count)
{
    const struct tide_instant start = tide_window_of(day, t).start;
    for (uint32_t k = 0; k < pane_count; k++) {
        const struct tide_window window = tide_window_slide(day, pane_count, start, k);
        (void)printf(
            "%s%lld %lld", k == 0 ? "" : " ", second_of(window.start), second_of(window.end));
    }
    (void)printf("\n");
}

static void answer(const struct tide_timezone *zone, const char *function, const char *argument)
{
    static const char slide[] = "slide-";
    char *end = NULL;
    const int64_t number = strtoll(argument, &end, 10);
    tide_assert(end != argument && *end == '\0');
    const struct tide_instant t = {number * TIDE_US_PER_SECOND + TIDE_US_PER_SECOND - 1};
    struct tide_window_spec spec = {.unit = TIDE_WINDOW_DAYS, .size = 1};
    if (strcmp(function, "offset") == 0) {
        (void)printf("%d\n", tide_timezone_offset(zone, t));
    } else if (strcmp(function, "midnight") == 0) {
        (void)printf("%lld\n", second_of(tide_timezone_midnight(zone, number)));
    } else if (strcmp(function, "day_of") == 0) {
        (void)printf("%lld\n", (long long)tide_timezone_day_of(zone, t));
    } else if (strncmp(function, slide, sizeof(slide) - 1) == 0) {
        spec.zone = zone;
        print_slide(spec, t, (uint32_t)strtoul(function + sizeof(slide) - 1, NULL, 10));
    } else {
        tide_assert(tide_window_parse(tide_view_of(function), &spec));
        spec.zone = zone;
        const struct tide_window window = tide_window_of(spec, t);
        (void)printf("%lld %lld %lld\n",
                     second_of(window.start),
                     second_of(window.end),
                     second_of(tide_window_next(spec, window).end));
    }
}

/* Ends the word and gives what follows it. */
static char *cut(char *word, char at)
{
    char *place = strchr(word, at);
    tide_assert(place != NULL);
    *place = '\0';
    return place + 1;
}

int main(void)
{
    static struct probe probe;
    char line[LINE_SIZE_MAX];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *function = cut(line, ' ');
        char *argument = cut(function, ' ');
        (void)cut(argument, '\n');
        open_zone(&probe, line);
        if (probe.zone == NULL) {
            (void)printf("%s\n", probe.error.text);
        } else {
            answer(probe.zone, function, argument);
        }
    }
    tide_arena_release(&probe.arena);
    return 0;
}
