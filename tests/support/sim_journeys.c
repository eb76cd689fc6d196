#include "support/sim_journeys.h"

#include "base/assert.h"
#include "base/civil.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* As sim_definitions says. */
static const struct funnel {
    const char *name;
    int64_t timeout_us;
    uint32_t step_count;
    bool is_by_kind;
} funnels[] = {
    {"way", INT64_C(3600) * 1000 * 1000, 1, false}, /* every event is its only step */
    {"trip", INT64_C(1200) * 1000 * 1000, 3, true}, /* step k is of kind k */
};

struct step_event {
    int64_t time_us;
    uint32_t step;
    uint32_t kind;
};

struct check {
    const struct sim_model *model;
    const struct sim_events *events;
    uint64_t record_count;
    uint32_t partition;
    int64_t closing_us; /* INT64_MIN: unknown */
    struct sim_lake_journey expected[SIM_LAKE_JOURNEYS_MAX];
    uint32_t expected_count;
    const struct sim_lake_journey *told[SIM_LAKE_JOURNEYS_MAX]; /* rows of the partition */
    uint32_t told_count;
    char wrong[512];
};

static int compare_identity(const struct sim_lake_journey *a, const struct sim_lake_journey *b)
{
    int order = strcmp(a->metric, b->metric);
    order = order != 0 ? order : strcmp(a->key, b->key);
    order = order != 0 ? order : (a->start_us > b->start_us) - (a->start_us < b->start_us);
    return order != 0 ? order : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

static int compare_expected(const void *left, const void *right)
{
    return compare_identity(left, right);
}

/* ---- what must be there */

static int compare_events(const void *left, const void *right)
{
    const struct step_event *a = left;
    const struct step_event *b = right;
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    if (a->step != b->step) {
        return a->step < b->step ? -1 : 1;
    }
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* The run of all the events given. */
static void describe_run(const struct funnel *funnel,
                         const struct step_event *events,
                         uint32_t count,
                         struct sim_lake_journey *journey)
{
    const struct step_event *head = &events[0];
    int64_t last_us = 0;
    size_t size = 1;
    journey->reached = 0;
    journey->conversion_us = -1;
    journey->step_times[0] = '[';
    for (uint32_t i = 0; i < count; i++) {
        char time[TIDE_CIVIL_TEXT_MAX];
        if (events[i].step != journey->reached) {
            continue;
        }
        head = journey->reached == 0 ? &events[i] : head;
        last_us = events[i].time_us;
        const size_t time_size = tide_civil_format((struct tide_instant){last_us}, time);
        size += (size_t)snprintf(journey->step_times + size,
                                 SIM_LAKE_TEXT_SIZE - size,
                                 "%s\"%.*s\"",
                                 journey->reached == 0 ? "" : ", ",
                                 (int)time_size,
                                 time);
        journey->reached++;
    }
    snprintf(journey->step_times + size, SIM_LAKE_TEXT_SIZE - size, "]");
    journey->start_us = head->time_us;
    journey->end_us = events[count - 1].time_us;
    if (funnel->is_by_kind) {
        snprintf(journey->group, SIM_LAKE_TEXT_SIZE, "{\"kind\": \"k%u\"}", head->kind);
    } else {
        snprintf(journey->group, SIM_LAKE_TEXT_SIZE, "{}");
    }
    const char *outcome = journey->reached == 0 ? "unmatched" : "abandoned";
    if (journey->reached == funnel->step_count) {
        outcome = "completed";
        journey->conversion_us = last_us - head->time_us;
    }
    snprintf(journey->outcome, SIM_LAKE_TEXT_SIZE, "%s", outcome);
}

/* Runs of one person; events are in order. */
static void expect_runs(struct check *check,
                        const struct funnel *funnel,
                        uint32_t person,
                        const struct step_event *events,
                        uint32_t count)
{
    const struct sim_lake_journey *before = NULL;
    for (uint32_t first = 0; first < count;) {
        uint32_t end = first + 1;
        while (end < count && events[end - 1].step != funnel->step_count - 1 &&
               events[end].time_us - events[end - 1].time_us < funnel->timeout_us) {
            end++;
        }
        const struct step_event *last = &events[end - 1];
        const bool is_over = check->closing_us != INT64_MIN &&
                             last->time_us + funnel->timeout_us <= check->closing_us;
        if (end == count && last->step != funnel->step_count - 1 && !is_over) {
            return; /* it is open */
        }
        tide_assert(check->expected_count < SIM_LAKE_JOURNEYS_MAX);
        struct sim_lake_journey *journey = &check->expected[check->expected_count++];
        describe_run(funnel, events + first, end - first, journey);
        journey->partition = check->partition;
        journey->step_count = funnel->step_count;
        journey->ordinal =
            before != NULL && before->start_us == journey->start_us ? before->ordinal + 1 : 0;
        snprintf(journey->metric, SIM_LAKE_TEXT_SIZE, "%s", funnel->name);
        snprintf(journey->key, SIM_LAKE_TEXT_SIZE, "{\"who\": \"p%u\"}", person);
        before = journey;
        first = end;
    }
}

static uint32_t find_steps(const struct check *check,
                           const struct funnel *funnel,
                           uint32_t person,
                           struct step_event steps[SIM_RECORDS_MAX])
{
    uint32_t count = 0;
    for (uint64_t i = 0; i < check->record_count; i++) {
        const struct sim_record *record = &check->model->records[check->partition][i];
        const struct sim_event *event = &check->events->items[record->event];
        if ((record->fate == SIM_FATE_ON_TIME || record->fate == SIM_FATE_LATE) &&
            event->person == person) {
            steps[count++] = (struct step_event){.time_us = record->time_us,
                                                 .step = funnel->step_count == 1 ? 0 : event->kind,
                                                 .kind = event->kind};
        }
    }
    return count;
}

static void expect_all(struct check *check)
{
    static struct step_event steps[SIM_RECORDS_MAX];
    check->expected_count = 0;
    for (size_t f = 0; f < sizeof(funnels) / sizeof(funnels[0]); f++) {
        for (uint32_t person = 0; person < SIM_PEOPLE; person++) {
            const uint32_t count = find_steps(check, &funnels[f], person, steps);
            qsort(steps, count, sizeof(steps[0]), compare_events);
            expect_runs(check, &funnels[f], person, steps, count);
        }
    }
    qsort(check->expected, check->expected_count, sizeof(check->expected[0]), compare_expected);
}

/* ---- what is there */

/* Of one identity in the order of the commits. */
static int compare_told(const void *left, const void *right)
{
    const struct sim_lake_journey *a = *(const struct sim_lake_journey *const *)left;
    const struct sim_lake_journey *b = *(const struct sim_lake_journey *const *)right;
    const int order = compare_identity(a, b);
    return order != 0 ? order : (a > b) - (a < b);
}

static bool is_same_content(const struct sim_lake_journey *a, const struct sim_lake_journey *b)
{
    return strcmp(a->outcome, b->outcome) == 0 && a->reached == b->reached &&
           a->step_count == b->step_count && a->end_us == b->end_us &&
           a->conversion_us == b->conversion_us && strcmp(a->group, b->group) == 0 &&
           strcmp(a->step_times, b->step_times) == 0;
}

static const char *wrong(struct check *check, const struct sim_lake_journey *at, const char *what)
{
    snprintf(check->wrong,
             sizeof(check->wrong),
             "journey of %s in partition %" PRIu32 ", %.60s, start %" PRId64 " ordinal %" PRIu64
             ", %s, revision %" PRIu64 ": %s",
             at->metric,
             check->partition,
             at->key,
             at->start_us,
             at->ordinal,
             at->outcome,
             at->revision,
             what);
    return check->wrong;
}

static bool is_withdrawn(const struct sim_lake_journey *journey)
{
    return strcmp(journey->outcome, "withdrawn") == 0;
}

/* Keeps the newest revision of each identity. */
static const char *fold_revisions(struct check *check)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < check->told_count; i++) {
        const struct sim_lake_journey *row = check->told[i];
        const struct sim_lake_journey *before = kept == 0 ? NULL : check->told[kept - 1];
        if (row->revision != row->epoch + 1) {
            return wrong(check, row, "its revision is not its epoch's");
        }
        if (before == NULL || compare_identity(before, row) != 0) {
            if (is_withdrawn(row)) {
                return wrong(check, row, "it was withdrawn and never told");
            }
            check->told[kept++] = row;
            continue;
        }
        if (row->revision <= before->revision) {
            return wrong(check, row, "a revision that is not newer came later");
        }
        if (is_same_content(before, row)) {
            return wrong(check, row, "it was told again and had not changed");
        }
        check->told[kept - 1] = row;
    }
    check->told_count = kept;
    return NULL;
}

static const char *compare(struct check *check)
{
    uint32_t i = 0;
    for (uint32_t k = 0; k < check->told_count; k++) {
        const struct sim_lake_journey *told = check->told[k];
        const struct sim_lake_journey *expected =
            i < check->expected_count ? &check->expected[i] : NULL;
        const int order = expected == NULL ? -1 : compare_identity(told, expected);
        if (order > 0) {
            return wrong(check, expected, "it was not told");
        }
        if (is_withdrawn(told)) {
            if (order == 0) {
                return wrong(check, told, "it was withdrawn and is there");
            }
            continue;
        }
        if (order < 0) {
            return wrong(check, told, "there is no such journey");
        }
        if (!is_same_content(told, expected)) {
            return wrong(check, told, "it is another one by now");
        }
        i++;
    }
    return i == check->expected_count ? NULL : wrong(check, &check->expected[i], "it was not told");
}

const char *sim_journeys_check(const struct sim_lake *lake,
                               const struct sim_model *model,
                               const struct sim_events *events,
                               uint32_t partition,
                               uint64_t record_count,
                               struct tide_instant closing)
{
    static struct check check;
    check.partition = partition;
    check.closing_us = tide_instant_known(closing) ? closing.us : INT64_MIN;
    check.model = model;
    check.events = events;
    check.record_count = record_count;
    check.told_count = 0;
    expect_all(&check);
    for (uint32_t i = 0; i < lake->journey_count; i++) {
        if (lake->journeys[i].partition == partition) {
            check.told[check.told_count++] = &lake->journeys[i];
        }
    }
    qsort(check.told, check.told_count, sizeof(struct sim_lake_journey *), compare_told);
    const char *said = fold_revisions(&check);
    return said != NULL ? said : compare(&check);
}
