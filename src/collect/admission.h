/* Who may come in, decided from headers and address before a body is read: keys and limits.
 *
 * Limits are in events, because that is what work and storage are made of: a request of one event
 * and one of ten thousand are not the same. How many there are is known only when a body is
 * decoded, so a request takes one token to come in, and what it held is charged afterwards; a
 * sender in debt waits. Nobody can overdraw by more than the bodies it has under way. The address
 * comes first, so that guessing keys is limited too. IPv6 senders count by their /64, which is one
 * site's.
 *
 * Any thread. */
#ifndef TIDE_COLLECT_ADMISSION_H
#define TIDE_COLLECT_ADMISSION_H

#include "collect/keys.h"
#include "collect/limiter.h"
#include "http/server.h"

struct tide_admission;

struct tide_admission_options {
    const struct tide_keys *keys; /* who may send; NULL: anybody */
    struct tide_limit address;    /* rate 0: no limit */
    struct tide_limit key;        /* likewise; keys must be there */
    struct tide_clock clock;
    struct tide_io io; /* for secrets */
};

/* RETRY: out of memory. */
enum tide_status tide_admission_create(const struct tide_admission_options *options,
                                       struct tide_admission **admission,
                                       struct tide_error *error);
void tide_admission_destroy(struct tide_admission *admission);

/* What a request says of its sender. */
struct tide_credentials {
    struct tide_http_address address;
    struct tide_view authorization; /* "Bearer KEY"; it counts where both are there */
    struct tide_view api_key;
};

struct tide_admission_verdict {
    unsigned status; /* 0: come in; 401, 429 */
    const char *why;
    const struct tide_key *key; /* of 0, where keys are asked for */
    const char *challenge;      /* of 401: WWW-Authenticate */
    const char *policy;         /* of 429: "address" or "key" */
    struct tide_limit limit;    /* of 429 */
    struct tide_duration wait;  /* of 429 */
};

struct tide_admission_verdict tide_admission_judge(struct tide_admission *admission,
                                                   const struct tide_credentials *credentials);
/* What came in held so many events (one was taken already). key may be NULL. */
void tide_admission_charge(struct tide_admission *admission,
                           struct tide_http_address address,
                           const struct tide_key *key,
                           uint64_t events);

/* Counters since start. */
struct tide_admission_facts {
    uint64_t unauthorized;
    uint64_t limited_by_address;
    uint64_t limited_by_key;
};
struct tide_admission_facts tide_admission_facts(const struct tide_admission *admission);

#endif
