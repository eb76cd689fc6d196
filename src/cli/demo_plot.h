/* What the demo shows of a preset: its definitions, the rate that the story is about, and where to
 * look when something happens. */
#ifndef TIDE_CLI_DEMO_PLOT_H
#define TIDE_CLI_DEMO_PLOT_H

#include "base/bytes.h"
#include "collect/generator_story.h"

struct tide_demo_plot {
    enum tide_generator_preset preset;
    const char *name;        /* of the preset */
    const char *definitions; /* YAML: the preset and a few metrics more */
    const char *rate;        /* the ratio of those who had trouble, by app_version */
    const char *rate_words;  /* "crash rate" */
    const char *actors;      /* "devices" */
    const char *query;       /* a metric of the preset for a first query */
    const char *sql;         /* a statement for `tidemark sql` */
};

/* NULL: there is no such preset, or it has no story. */
const struct tide_demo_plot *tide_demo_plot_find(const char *preset);
/* Where on the dashboard the beat shows, and in which metrics. */
const char *tide_demo_plot_where(const struct tide_demo_plot *plot, enum tide_story_beat beat);

#endif
