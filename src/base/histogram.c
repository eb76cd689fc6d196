#include "base/histogram.h"

#include "base/banned.h"

const struct tide_histogram_bound tide_histogram_bounds[TIDE_HISTOGRAM_BOUNDS] = {
    {100, "0.0001"},
    {250, "0.00025"},
    {500, "0.0005"},
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {2500000, "2.5"},
    {5000000, "5"},
    {10000000, "10"},
    {30000000, "30"},
    {60000000, "60"},
};

void tide_histogram_add(struct tide_histogram *histogram,
                        struct tide_duration elapsed,
                        uint64_t count)
{
    const int64_t us = elapsed.us < 0 ? 0 : elapsed.us;
    int bucket = 0;
    while (bucket < TIDE_HISTOGRAM_BOUNDS && us > tide_histogram_bounds[bucket].us) {
        bucket++;
    }
    /* Relaxed: each number is right by itself, and no other memory hangs on them. */
    atomic_fetch_add_explicit(&histogram->counts[bucket], count, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, (uint64_t)us * count, memory_order_relaxed);
}

void tide_histogram_read(const struct tide_histogram *histogram,
                         struct tide_histogram_reading *reading)
{
    for (int i = 0; i <= TIDE_HISTOGRAM_BOUNDS; i++) {
        reading->counts[i] += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
    }
    reading->sum_us += atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}

uint64_t tide_histogram_count(const struct tide_histogram_reading *reading)
{
    uint64_t count = 0;
    for (int i = 0; i <= TIDE_HISTOGRAM_BOUNDS; i++) {
        count += reading->counts[i];
    }
    return count;
}
