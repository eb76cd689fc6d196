/* The collector of foreign topics: messages of any key, envelopes and garbage, into the log, keyed
 * by the entity.
 *
 * A thread takes a batch of messages, decodes each as the HTTP collector decodes a body (one
 * event or one envelope), appends what came of them in one append, waits until it is durable,
 * and only then lets the group's offsets move. So nothing is lost, and what comes twice is a
 * duplicate by its uid. What cannot be read is kept as rejected. A record's received time is the
 * message's own: how long it waited in the topic is not the device's fault. Back-pressure of the
 * log pauses the topics without leaving the group. */
#ifndef TIDE_COLLECT_TOPICS_H
#define TIDE_COLLECT_TOPICS_H

#include "collect/intake.h"
#include "log/kafka_source.h"

struct tide_topics_collector;

struct tide_topics_collector_options {
    struct tide_kafka_source_options source;
    struct tide_intake_options intake;
    struct tide_clock clock;
    enum tide_status (*append)(void *context,
                               struct tide_log_append *append,
                               struct tide_error *error);
    void *append_context;
    /* Once, by the collector's thread, when it cannot go on. */
    void (*failed)(void *context, const struct tide_error *error);
    void *context;
};

/* Joins the group and starts the thread. Statuses as tide_kafka_source_open's. */
enum tide_status tide_topics_collector_start(const struct tide_topics_collector_options *options,
                                             struct tide_topics_collector **collector,
                                             struct tide_error *error);
/* Ends the thread after the append under way, leaves the group. Before the log stops. NULL is
 * fine. */
void tide_topics_collector_stop(struct tide_topics_collector *collector);

struct tide_topics_collector_facts {
    uint64_t messages;
    uint64_t events_accepted;
    uint64_t events_rejected;
    uint64_t waits; /* times that the log was full */
};
/* A glimpse; any thread; NULL: all zero. */
struct tide_topics_collector_facts tide_topics_collector_facts(
    const struct tide_topics_collector *collector);

#endif
