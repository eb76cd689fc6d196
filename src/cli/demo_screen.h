/* What the demo writes, for people: on a terminal with colours and a line that changes in place, in
 * a pipe as plain lines. Text is gathered; who owns the screen writes it out. One thread. */
#ifndef TIDE_CLI_DEMO_SCREEN_H
#define TIDE_CLI_DEMO_SCREEN_H

#include "cli/demo_facts.h"
#include "cli/demo_plot.h"

struct tide_demo_screen {
    struct tide_bytes text; /* to be written, and reset by who writes it */
    bool is_terminal;
    bool has_colors;
    bool has_status; /* the last line is one that changes */
    uint32_t width;  /* of the terminal: that line must not wrap; 0: not known */
    bool is_told[TIDE_STORY_BEATS];
};

/* The address, large, and where the data is. */
void tide_demo_screen_address(struct tide_demo_screen *screen,
                              const char *url,
                              const char *folder,
                              bool is_kept);
/* elapsed: since the live flow began. */
void tide_demo_screen_beat(struct tide_demo_screen *screen,
                           struct tide_duration elapsed,
                           enum tide_story_beat beat,
                           const char *sentence,
                           const char *where);
/* A line under the beat's, of the same column. */
void tide_demo_screen_remark(struct tide_demo_screen *screen, const char *remark);
void tide_demo_screen_status(struct tide_demo_screen *screen,
                             struct tide_duration elapsed,
                             const struct tide_demo_plot *plot,
                             const struct tide_demo_facts *facts);
/* Takes the changing line away. */
void tide_demo_screen_clear(struct tide_demo_screen *screen);

/* Also of what has not happened yet. proof: what `tidemark verify` said in the end. */
void tide_demo_screen_summary(struct tide_demo_screen *screen,
                              struct tide_duration elapsed,
                              const struct tide_demo_plot *plot,
                              const struct tide_demo_facts *facts,
                              const char *proof);

struct tide_demo_commands {
    const char *program; /* as it was called */
    const char *url;     /* where the demo listened */
    const char *folder;  /* that is kept; NULL: none is */
};
/* The same by hand: lines to paste. */
void tide_demo_screen_commands(struct tide_demo_screen *screen,
                               const struct tide_demo_plot *plot,
                               const struct tide_demo_commands *commands);

#endif
