#include "event/event_time.h"

#include "base/assert.h"
#include "base/decimal.h"

#include "base/banned.h"

/* 2100-01-01T00:00:00Z; event time lies in [1970, 2100). */
static const int64_t year_2100_us = INT64_C(4102444800000000);

/* Columns hold |us| <= 10^18 (10^15 ms) and ISO years 1..9999, so a difference of two fits 64 bits,
 * but a sum of three might not: it is taken in 128. */
static tide_i128 difference(struct tide_instant a, struct tide_instant b)
{
    return (tide_i128)a.us - b.us;
}

static void pick_received(enum tide_arrival arrival,
                          struct tide_instant column,
                          struct tide_instant stamp,
                          struct tide_event_times *times)
{
    switch (arrival) {
    case TIDE_ARRIVAL_FILE:
        times->received = column;
        break;
    case TIDE_ARRIVAL_LIVE:
        times->received = stamp;
        break;
    case TIDE_ARRIVAL_TRUSTED:
        if (tide_instant_known(column)) {
            /* The earlier collector saw another sending: this envelope's sent time is not its. */
            times->received = column;
            times->sent = TIDE_INSTANT_UNKNOWN;
        } else {
            times->received = stamp;
        }
        break;
    }
}

enum tide_reason tide_event_times_resolve(const struct tide_schema_clock *clock,
                                          enum tide_arrival arrival,
                                          const struct tide_event_clocks *clocks,
                                          struct tide_event_times *times)
{
    tide_assert(tide_instant_known(clocks->device));
    *times = (struct tide_event_times){
        .event = TIDE_INSTANT_UNKNOWN, .received = TIDE_INSTANT_UNKNOWN, .sent = clocks->sent};
    pick_received(arrival, clocks->column, clocks->stamp, times);

    bool received_known = tide_instant_known(times->received);
    tide_i128 event = clocks->device.us;
    if (received_known && tide_instant_known(times->sent)) {
        tide_i128 ahead = difference(times->received, times->sent);
        if (ahead > clock->tolerance.us || -ahead > clock->tolerance.us) {
            event += ahead;
        }
    }
    if (event < 0 || event >= year_2100_us) {
        return TIDE_REASON_TIME_INVALID;
    }
    if (received_known && event > (tide_i128)times->received.us + clock->max_ahead.us) {
        return TIDE_REASON_CLOCK_AHEAD;
    }
    if (received_known && event < (tide_i128)times->received.us - clock->max_age.us) {
        return TIDE_REASON_TOO_OLD;
    }
    times->event = (struct tide_instant){(int64_t)event};
    return TIDE_REASON_ACCEPTED;
}
