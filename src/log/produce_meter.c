#include "log/produce_meter.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

uint32_t tide_produce_meter_topic(struct tide_produce_meter *meter, const char *name)
{
    for (uint32_t i = 0; i < meter->topic_count; i++) {
        if (strcmp(meter->topics[i].name, name) == 0) {
            return i;
        }
    }
    tide_assert(meter->topic_count < TIDE_PRODUCE_TOPICS_MAX);
    meter->topics[meter->topic_count].name = name;
    return meter->topic_count++;
}

void tide_produce_meter_add(struct tide_produce_meter *meter,
                            uint32_t topic,
                            struct tide_produced produced)
{
    tide_assert(topic < meter->topic_count);
    struct tide_produce_topic *of = &meter->topics[topic];
    if (produced.status != TIDE_OK) {
        atomic_fetch_add_explicit(&of->failures, produced.records, memory_order_relaxed);
        return;
    }
    atomic_fetch_add_explicit(&of->records, produced.records, memory_order_relaxed);
    atomic_fetch_add_explicit(&of->bytes, produced.bytes, memory_order_relaxed);
    tide_histogram_add(&of->elapsed, produced.elapsed, produced.records);
}
