/* Who may send: API keys, of which only the SHA-256 is known here.
 *
 *     # keys.yaml: a name, and what `printf %s KEY | sha256sum` says
 *     web-app:  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *     partner:  60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
 *
 * Two names may stand for one sender, so that a key can be replaced without a gap. Keys are random
 * and long, so the hash needs no salt; it is compared with all of them, each in constant time. Read
 * once; read-only afterwards, any thread. */
#ifndef TIDE_COLLECT_KEYS_H
#define TIDE_COLLECT_KEYS_H

#include "base/io.h"
#include "http/sha256.h"

enum {
    TIDE_KEYS_MAX = 1000,
    TIDE_KEY_NAME_BYTES_MAX = 64,
    TIDE_KEY_BYTES_MIN = 16, /* a shorter one is none */
    TIDE_KEY_BYTES_MAX = 256,
};

struct tide_key {
    struct tide_view name; /* letters, digits, and -_. */
    unsigned char digest[TIDE_SHA256_SIZE];
};

struct tide_keys;

/* REJECT: the file is missing, is not as above, names nobody, or has a hash twice; its text is not
 * told, for it may be a key. RETRY: out of memory. */
enum tide_status tide_keys_load(struct tide_io io,
                                const char *path,
                                struct tide_keys **keys,
                                struct tide_error *error);
void tide_keys_destroy(struct tide_keys *keys);
size_t tide_keys_count(const struct tide_keys *keys);
/* NULL: it is none of them. Linear in the count of keys, whichever it is. */
const struct tide_key *tide_keys_find(const struct tide_keys *keys, struct tide_view key);

#endif
