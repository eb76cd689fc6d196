/* Events to a running service over HTTP: lines are gathered into bodies as the preset's endpoint
 * wants them, packed, and sent again while the service says that it is busy. One thread. */
#ifndef TIDE_CLI_EVENT_SENDER_H
#define TIDE_CLI_EVENT_SENDER_H

#include "cli/command.h"
#include "http/client.h"
#include "http/coding.h"

struct tide_event_sender_options {
    const char *server;  /* http://host:port; outlives the sender */
    bool is_sunbird;     /* envelopes to /v1/telemetry; else lines to /v1/events */
    uint32_t line_count; /* of one body, at least 1 */
    uint64_t seed;       /* part of the envelopes' ids */
    struct tide_clock clock;
    enum tide_coding coding; /* of bodies: none (IDENTITY), GZIP or ZSTD */
    const char *key;         /* the service's API key; outlives opening; NULL: none */
};

/* --compress and --key of a command that has both, or the variable TIDEMARK_KEY, into coding and
 * key; the server is known, NULL if it is none that events go to. false after saying on stderr what
 * is wrong: the two are for a server only, but the variable, which is for all that a shell starts,
 * is passed over without one. */
bool tide_event_sender_read(const struct tide_invocation *invocation,
                            struct tide_event_sender_options *options);

/* All zero is one that was not opened; closing it is fine. */
struct tide_event_sender {
    struct tide_event_sender_options options;
    struct tide_http_client *client;
    struct tide_bytes url;
    struct tide_bytes authorization; /* a header; empty: no key */
    struct tide_bytes packed;        /* a body in its coding, if it has one */
    struct tide_bytes body;          /* what goes into one request */
    struct tide_bytes strays;        /* lines that cannot stand in an envelope */
    uint32_t pending_count;          /* lines that wait for the others of their body */
    uint64_t envelope_count;
    uint64_t sent_count; /* lines that were answered */
};

enum tide_status tide_event_sender_open(const struct tide_event_sender_options *options,
                                        struct tide_event_sender *sender,
                                        struct tide_error *error);
void tide_event_sender_close(struct tide_event_sender *sender);

/* The line is copied; a body that is full is sent. is_json: it can stand in an envelope.
 * clock_ahead: of the line's device; if it is not 0, an envelope of its own tells that device's
 * time. Blocks for as long as the service is busy, up to ten minutes. Other exits than OK were
 * told on stderr: CONNECT, TEMPORARY (it stays busy, or no memory), FAILURE (5xx, or it wants a
 * key: 401, 403). Other refusals are what defective events are for. */
enum tide_exit tide_event_sender_add(struct tide_event_sender *sender,
                                     struct tide_view line,
                                     bool is_json,
                                     struct tide_duration clock_ahead);
/* Sends what waits. Exits likewise. */
enum tide_exit tide_event_sender_flush(struct tide_event_sender *sender);

#endif
