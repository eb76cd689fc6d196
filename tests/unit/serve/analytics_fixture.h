/* A pipeline with some of the device preset's metrics, over the columns that the fixture's events
 * may have. */
#ifndef TIDE_UNIT_SERVE_ANALYTICS_FIXTURE_H
#define TIDE_UNIT_SERVE_ANALYTICS_FIXTURE_H

#include "fixture.h"

static const char analytics_text[] =
    "schema:\n"
    "  name: t\n"
    "  entity: user_id\n"
    "  id: id\n"
    "  type: kind\n"
    "  time: at_\n"
    "  columns:\n"
    "    id: {path: id}\n"
    "    kind: {path: kind, required: true}\n"
    "    at_: {path: at, type: time_ms, required: true}\n"
    "    user_id: {path: user}\n"
    "    region: {path: region}\n"
    "    app_version: {path: version}\n"
    "    os: {path: os, type: int}\n"
    "    feature_name: {path: feature}\n"
    "metrics:\n"
    "  regional_trends: {distinct: user_id, by: [region], every: 1d}\n"
    "  daily_active_devices: {distinct: user_id, every: 1d}\n"
    "  monthly_active_devices: {distinct: user_id, every: 1d, over: 3d}\n"
    "  stickiness: {ratio: [daily_active_devices, monthly_active_devices]}\n"
    "  active_devices: {distinct: user_id, by: [region, app_version], every: 1m}\n"
    "  error_spikes: {count: events, where: 'kind == \"crash\"', by: [app_version], every: 30s}\n"
    "  feature_usage: {count: events, by: [feature_name], every: 1m}\n"
    "  memory_at_crash: {count: events, by: [os], every: 1d}\n"
    "  mine: {count: events, by: [region, app_version], every: 1d}\n";

/* 10:00:00 to 10:01:10 on 2026-03-08, and the day after. */
static const struct fixture_event analytics_events[] = {
    {"pay", "ann", 0, ",\"region\":\"eu\",\"version\":\"1\",\"feature\":\"map\""},
    {"pay", "bob", 10, ",\"region\":\"us \\\"x\\\"\",\"version\":\"2\",\"os\":7"},
    {"crash", "ann", 20, ",\"region\":\"eu\",\"version\":\"1\",\"os\":7"},
    {"crash", "ann", 50, ",\"region\":\"eu\",\"version\":\"1\""},
    {"pay", "cem", 70, ",\"version\":\"2\",\"feature\":\"map\""},
    {"pay", "ann", 86400, ",\"region\":\"eu\",\"version\":\"2\""},
};

static inline struct fixture *analytics_open(void)
{
    struct fixture *fixture = fixture_open_definitions(analytics_text, NULL, 2);
    fixture_send(fixture, analytics_events, sizeof(analytics_events) / sizeof(analytics_events[0]));
    return fixture;
}

/* How often a text stands in the last answer. */
static inline unsigned analytics_count(struct fixture *fixture, const char *text)
{
    unsigned count = 0;
    for (const char *at = fixture_body(fixture); (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

#endif
