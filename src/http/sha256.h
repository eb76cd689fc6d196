/* SHA-256 (FIPS 180-4), and a comparison that takes the same time wherever two digests differ. */
#ifndef TIDE_HTTP_SHA256_H
#define TIDE_HTTP_SHA256_H

#include "base/bytes.h"

enum {
    TIDE_SHA256_SIZE = 32
};

/* false: out of memory. Linear in message. */
bool tide_sha256(struct tide_view message, unsigned char digest[TIDE_SHA256_SIZE]);
bool tide_sha256_equal(const unsigned char a[TIDE_SHA256_SIZE],
                       const unsigned char b[TIDE_SHA256_SIZE]);

#endif
