#include "collect/admission.h"

#include "base/assert.h"
#include "http/gate.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDRESSES_MAX = 1 << 16, /* 1 MiB */
    KEYS_TABLE = 8 * TIDE_KEYS_MAX,
    SITE_BYTES = 8, /* of an IPv6 address */
};

struct tide_admission {
    struct tide_admission_options options;
    struct tide_limiter *addresses; /* NULL: no limit */
    struct tide_limiter *keys;      /* likewise */
    atomic_uint_fast64_t unauthorized;
    atomic_uint_fast64_t limited_by_address;
    atomic_uint_fast64_t limited_by_key;
};

static enum tide_status create_limiter(const struct tide_admission *admission,
                                       struct tide_limit limit,
                                       uint32_t senders_max,
                                       struct tide_limiter **limiter,
                                       struct tide_error *error)
{
    const struct tide_io *io = &admission->options.io;
    uint64_t seed = 0;
    if (limit.rate == 0) {
        return TIDE_OK;
    }
    io->operations->random(io->self, &seed, sizeof(seed));
    return tide_limiter_create(limit, senders_max, seed, limiter, error);
}

enum tide_status tide_admission_create(const struct tide_admission_options *options,
                                       struct tide_admission **admission,
                                       struct tide_error *error)
{
    tide_assert(options->key.rate == 0 || options->keys != NULL);
    struct tide_admission *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for admission");
    }
    made->options = *options;
    enum tide_status status =
        create_limiter(made, options->address, ADDRESSES_MAX, &made->addresses, error);
    if (status == TIDE_OK) {
        status = create_limiter(made, options->key, KEYS_TABLE, &made->keys, error);
    }
    if (status != TIDE_OK) {
        tide_admission_destroy(made);
        return status;
    }
    *admission = made;
    return TIDE_OK;
}

void tide_admission_destroy(struct tide_admission *admission)
{
    if (admission != NULL) {
        tide_limiter_destroy(admission->addresses);
        tide_limiter_destroy(admission->keys);
        free(admission);
    }
}

/* The whole of an IPv4 address, the site of an IPv6 one. */
static struct tide_view sender_of(const struct tide_http_address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const bool is_v4 = memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
    return (struct tide_view){(const char *)address->bytes,
                              is_v4 ? sizeof(address->bytes) : (size_t)SITE_BYTES};
}

static struct tide_view token_of(const struct tide_credentials *credentials)
{
    const struct tide_view text = credentials->authorization;
    const struct tide_view scheme = TIDE_VIEW("Bearer ");
    if (text.size == 0) {
        return credentials->api_key;
    }
    const size_t size = text.size < scheme.size ? text.size : scheme.size;
    return size == scheme.size && tide_gate_name_equal(tide_view_slice(text, 0, size), "bearer ")
               ? tide_gate_trim(tide_view_slice(text, size, text.size - size))
               : (struct tide_view){0};
}

static struct tide_admission_verdict limited(const char *policy,
                                             struct tide_limit limit,
                                             struct tide_duration wait,
                                             const char *why)
{
    return (struct tide_admission_verdict){
        .status = 429, .why = why, .policy = policy, .limit = limit, .wait = wait};
}

static struct tide_admission_verdict unauthorized(struct tide_admission *admission, bool has_token)
{
    (void)atomic_fetch_add(&admission->unauthorized, 1);
    return (struct tide_admission_verdict){
        .status = 401,
        .why = has_token ? "this API key is not known"
                         : "an API key is needed: Authorization: Bearer KEY, or X-Api-Key: KEY",
        .challenge = has_token ? "Bearer realm=\"tidemark\", error=\"invalid_token\""
                               : "Bearer realm=\"tidemark\"",
    };
}

struct tide_admission_verdict tide_admission_judge(struct tide_admission *admission,
                                                   const struct tide_credentials *credentials)
{
    const struct tide_admission_options *options = &admission->options;
    const struct tide_monotonic now = tide_clock_monotonic(options->clock);
    struct tide_admission_verdict verdict = {0};
    struct tide_duration wait = {0};
    if (admission->addresses != NULL) {
        wait = tide_limiter_take(admission->addresses, sender_of(&credentials->address), now);
        if (wait.us > 0) {
            (void)atomic_fetch_add(&admission->limited_by_address, 1);
            return limited("address", options->address, wait, "too many events from this address");
        }
    }
    if (options->keys == NULL) {
        return verdict;
    }
    const struct tide_view token = token_of(credentials);
    verdict.key = tide_keys_find(options->keys, token);
    if (verdict.key == NULL) {
        return unauthorized(admission, token.size > 0);
    }
    if (admission->keys != NULL) {
        wait = tide_limiter_take(admission->keys, verdict.key->name, now);
        if (wait.us > 0) {
            (void)atomic_fetch_add(&admission->limited_by_key, 1);
            return limited("key", options->key, wait, "too many events with this API key");
        }
    }
    return verdict;
}

void tide_admission_charge(struct tide_admission *admission,
                           struct tide_http_address address,
                           const struct tide_key *key,
                           uint64_t events)
{
    const struct tide_monotonic now = tide_clock_monotonic(admission->options.clock);
    if (events <= 1) {
        return;
    }
    if (admission->addresses != NULL) {
        tide_limiter_charge(admission->addresses, sender_of(&address), events - 1, now);
    }
    if (admission->keys != NULL && key != NULL) {
        tide_limiter_charge(admission->keys, key->name, events - 1, now);
    }
}

struct tide_admission_facts tide_admission_facts(const struct tide_admission *admission)
{
    return (struct tide_admission_facts){
        .unauthorized = atomic_load(&admission->unauthorized),
        .limited_by_address = atomic_load(&admission->limited_by_address),
        .limited_by_key = atomic_load(&admission->limited_by_key),
    };
}
