#include "cli/demo_plot.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

/* The shares count events of ten seconds, so that a regression shows while it spreads; the rates
 * count devices or users of the day. */
static const char device_definitions[] =
    "# tidemark demo: the preset, and what its story is about. Add a metric and start it again:\n"
    "# history is counted anew.\n"
    "preset: device\n"
    "log: {embedded: {partitions: 2}}   # few files, quickly verified\n"
    "# Its baseline is the mean of a day's windows; nobody is awake in half of those here.\n"
    "alerts: {slow_launch: off}\n"
    "metrics:\n"
    "  region_events:\n"
    "    {count: events, by: [region], every: 10s}\n"
    "  version_events:\n"
    "    {count: events, by: [app_version], every: 10s}\n"
    "  version_crashes:\n"
    "    {count: events, where: 'event_type == \"crash_event\"', by: [app_version], every: 10s}\n"
    "  crash_share:\n"
    "    {ratio: [version_crashes, version_events]}\n";

static const char sunbird_definitions[] =
    "# tidemark demo: the preset, and what its story is about. Add a metric and start it again:\n"
    "# history is counted anew.\n"
    "preset: sunbird\n"
    "log: {embedded: {partitions: 2}}   # few files, quickly verified\n"
    "metrics:\n"
    "  channel_events:\n"
    "    {count: events, by: [channel], every: 10s}\n"
    "  version_events:\n"
    "    {count: events, by: [app_version], every: 10s}\n"
    "  version_errors:\n"
    "    {count: events, where: 'event_type == \"ERROR\"', by: [app_version], every: 10s}\n"
    "  error_share:\n"
    "    {ratio: [version_errors, version_events]}\n"
    "  release_users:\n"
    "    {distinct: user_id, by: [app_version], every: 1d}\n"
    "  error_users:\n"
    "    {distinct: user_id, where: 'event_type == \"ERROR\"', by: [app_version], every: 1d}\n"
    "  error_rate:\n"
    "    {ratio: [error_users, release_users]}\n";

static const struct tide_demo_plot plots[] = {
    {
        .preset = TIDE_GENERATOR_DEVICE,
        .name = "device",
        .definitions = device_definitions,
        .rate = "crash_rate",
        .rate_words = "crash rate",
        .actors = "devices",
        .query = "crash_rate",
        .sql = "SELECT app_version, os, count(crash_type) AS crashes FROM events GROUP BY ALL "
               "ORDER BY crashes DESC LIMIT 5",
    },
    {
        .preset = TIDE_GENERATOR_SUNBIRD,
        .name = "sunbird",
        .definitions = sunbird_definitions,
        .rate = "error_rate",
        .rate_words = "error rate",
        .actors = "users",
        .query = "learning_funnel",
        .sql = "SELECT channel, event_type, count(*) AS events FROM events GROUP BY ALL "
               "ORDER BY events DESC LIMIT 5",
    },
};

enum {
    PLOT_COUNT = sizeof(plots) / sizeof(plots[0])
};

/* In the order of the plots. */
static const char *const places[TIDE_STORY_BEATS][PLOT_COUNT] = {
    [TIDE_STORY_HISTORY] = {"daily_active_devices, weekly_retention, sessions",
                            "daily_active_users, daily_retention, learning_funnel"},
    [TIDE_STORY_LIVE] = {"events per second and freshness, at the top",
                         "events per second and freshness, at the top"},
    [TIDE_STORY_RELEASE] = {"crash_rate and crash_share by app_version; crashes by os",
                            "error_rate and error_share by app_version; learning_funnel"},
    [TIDE_STORY_BURST] = {"events per second, at the top", "events per second, at the top"},
    [TIDE_STORY_CLOCK] = {"data quality: rejected, clock_ahead; freshness does not move",
                          "data quality: clock skew; freshness does not move"},
    [TIDE_STORY_QUIET] = {"region_events: one line falls to nothing",
                          "channel_events: one line falls to nothing"},
    [TIDE_STORY_BACK] = {"region_events: the gap fills; data quality: late",
                         "channel_events: the gap fills; data quality: late"},
    [TIDE_STORY_FIX] = {"crash_share by app_version; usage_trends",
                        "error_share by app_version; version_users"},
    [TIDE_STORY_RETRY] = {"data quality: duplicates", "data quality: duplicates"},
    [TIDE_STORY_BROKEN] = {"data quality: rejected by reason, with samples",
                           "data quality: rejected by reason, with samples"},
};

const struct tide_demo_plot *tide_demo_plot_find(const char *preset)
{
    for (size_t i = 0; i < PLOT_COUNT; i++) {
        if (strcmp(plots[i].name, preset) == 0) {
            return &plots[i];
        }
    }
    return NULL;
}

const char *tide_demo_plot_where(const struct tide_demo_plot *plot, enum tide_story_beat beat)
{
    tide_assert(plot >= plots && plot < plots + PLOT_COUNT && beat < TIDE_STORY_BEATS);
    return places[beat][plot - plots];
}
