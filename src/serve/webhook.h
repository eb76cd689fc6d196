/* Posts letters to one URL: in order, one at a time, on a thread of its own. Whatever is not
 * answered with 2xx is tried again after a growing, jittered pause, and given up in the end.
 *
 * Signature, with a secret: header X-Tidemark-Signature: t=<seconds since 1970>,v1=<hex>, where hex
 * is HMAC-SHA256 of "<t>.<body>" under the secret. X-Tidemark-Delivery is the letter's id: the same
 * for every attempt, also after a restart, so that a receiver can tell a repeat. The URL and the
 * secret are never logged. */
#ifndef TIDE_SERVE_WEBHOOK_H
#define TIDE_SERVE_WEBHOOK_H

#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"

struct tide_webhook;

struct tide_webhook_letter {
    struct tide_u128 id;
    struct tide_bytes body; /* the reader's, who releases it */
};

struct tide_webhook_options {
    struct tide_view url;    /* outlives the webhook */
    struct tide_view secret; /* empty: no signature */
    struct tide_clock clock;
    struct tide_io io;                /* its randomness */
    struct tide_duration timeout;     /* of one attempt */
    struct tide_duration pause_first; /* doubles with each attempt */
    struct tide_duration pause_max;
    uint32_t attempts_max;
    /* Copies the oldest letter that waits; false: none. On the webhook's thread. */
    bool (*next)(void *context, struct tide_webhook_letter *letter);
    /* It was delivered, or given up. On the webhook's thread. */
    void (*done)(void *context, struct tide_u128 id, bool is_delivered);
    void *context;
};
/* 10 s, pauses of 1 s to 60 s, 10 attempts: five minutes. */
struct tide_webhook_options tide_webhook_options_default(void);

/* RETRY: no memory or thread. REJECT: the URL is not one. */
enum tide_status tide_webhook_start(const struct tide_webhook_options *options,
                                    struct tide_webhook **webhook,
                                    struct tide_error *error);
/* There may be letters. Any thread; does not block. */
void tide_webhook_wake(struct tide_webhook *webhook);
/* Ends after the attempt under way. NULL is fine. */
void tide_webhook_stop(struct tide_webhook *webhook);

struct tide_webhook_facts {
    uint64_t delivered;
    uint64_t failed_attempts;
    uint64_t given_up;
};
struct tide_webhook_facts tide_webhook_facts(const struct tide_webhook *webhook); /* any thread */

/* Appends "t=..,v1=..". false: out of memory. */
bool tide_webhook_sign(struct tide_view secret,
                       struct tide_instant now,
                       struct tide_view body,
                       struct tide_bytes *signature);
/* Before attempt + 1: the first pause doubled attempt - 1 times, at most the longest, of which a
 * half to the whole is taken by random; at least what the receiver asked for, within the
 * longest. */
struct tide_duration tide_webhook_pause(const struct tide_webhook_options *options,
                                        uint32_t attempt,
                                        uint32_t retry_after_s,
                                        uint64_t random);

#endif
