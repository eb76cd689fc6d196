/* The door to OpenSSL's libcrypto: HMAC-SHA256 (RFC 2104, FIPS 180-4), for signatures of what we
 * send. */
#ifndef TIDE_HTTP_HMAC_H
#define TIDE_HTTP_HMAC_H

#include "base/bytes.h"

enum {
    TIDE_HMAC_SHA256_SIZE = 32
};

/* Any key, also an empty one. false: out of memory. Linear in message. */
bool tide_hmac_sha256(struct tide_view key,
                      struct tide_view message,
                      unsigned char digest[TIDE_HMAC_SHA256_SIZE]);

#endif
