#include "cli/daily_schedule.h"

#include "base/assert.h"
#include "base/civil.h"

#include "base/banned.h"

#define MINUTE_US (60 * TIDE_US_PER_SECOND)
#define RETRY_US (15 * MINUTE_US)

static bool read_two_digits(const char *text, int64_t limit, int64_t *number)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *number = (text[0] - '0') * 10 + (text[1] - '0');
    return *number < limit;
}

bool tide_daily_parse_time(struct tide_view text, int64_t *at_us)
{
    enum {
        SIZE = 5 /* "02:30" */
    };
    int64_t hours = 0;
    int64_t minutes = 0;
    if (text.size != SIZE || text.data[2] != ':' || !read_two_digits(text.data, 24, &hours) ||
        !read_two_digits(text.data + 3, 60, &minutes)) {
        return false;
    }
    *at_us = (hours * 60 + minutes) * MINUTE_US;
    return true;
}

/* When clocks show the time on that day; a time that they leave out comes an hour later, one that
 * they show twice is either. */
static int64_t at_of(const struct tide_daily_schedule *schedule, int64_t day)
{
    const int64_t shown_us = day * TIDE_US_PER_DAY + schedule->at_us;
    const struct tide_instant midnight = tide_timezone_midnight(schedule->zone, day);
    const int32_t before = tide_timezone_offset(schedule->zone, midnight);
    const struct tide_instant guess = {shown_us - before * TIDE_US_PER_SECOND};
    return shown_us - tide_timezone_offset(schedule->zone, guess) * TIDE_US_PER_SECOND;
}

int64_t tide_daily_due_day(const struct tide_daily_schedule *schedule, struct tide_instant now)
{
    const int64_t today = tide_timezone_day_of(schedule->zone, now);
    return now.us >= at_of(schedule, today) ? today - 1 : today - 2;
}

static struct tide_window span_of(const struct tide_daily_schedule *schedule,
                                  const struct tide_daily_state *state,
                                  int64_t due)
{
    int64_t first = due - schedule->days + 1;
    if (state->done_day + 1 < first) {
        first = state->done_day + 1;
    }
    const int64_t longest = schedule->days > TIDE_DAILY_CATCH_UP_DAYS
                                ? schedule->days
                                : (int64_t)TIDE_DAILY_CATCH_UP_DAYS;
    if (first < due - longest + 1) {
        first = due - longest + 1;
    }
    return (struct tide_window){tide_timezone_midnight(schedule->zone, first),
                                tide_timezone_midnight(schedule->zone, due + 1)};
}

struct tide_daily_turn tide_daily_plan(const struct tide_daily_schedule *schedule,
                                       const struct tide_daily_state *state,
                                       struct tide_instant now)
{
    const int64_t due = tide_daily_due_day(schedule, now);
    struct tide_daily_turn turn = {.day = due, .again = {at_of(schedule, due + 2)}};
    tide_assert(state->is_known && schedule->days > 0);
    if (due <= state->done_day) {
        return turn;
    }
    if (state->tried_day == due && state->attempts > 0) {
        if (state->attempts >= TIDE_DAILY_ATTEMPTS_MAX) {
            return turn;
        }
        const int64_t retry_us = state->tried.us + RETRY_US;
        if (now.us >= state->tried.us && now.us < retry_us) {
            turn.again.us = retry_us < turn.again.us ? retry_us : turn.again.us;
            return turn;
        }
    }
    turn.is_due = true;
    turn.span = span_of(schedule, state, due);
    return turn;
}

void tide_daily_note(struct tide_daily_state *state,
                     const struct tide_daily_turn *turn,
                     struct tide_instant began,
                     bool is_done)
{
    tide_assert(turn->is_due);
    if (is_done) {
        *state = (struct tide_daily_state){.is_known = true, .done_day = turn->day};
        return;
    }
    state->attempts = state->tried_day == turn->day ? state->attempts + 1 : 1;
    state->tried_day = turn->day;
    state->tried = began;
}
