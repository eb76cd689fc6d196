#include "http/sha256.h"

#include "base/assert.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/banned.h"

bool tide_sha256(struct tide_view message, unsigned char digest[TIDE_SHA256_SIZE])
{
    unsigned size = 0;
    const char *data = message.data == NULL ? "" : message.data;
    const bool is_made = EVP_Digest(data, message.size, digest, &size, EVP_sha256(), NULL) == 1;
    tide_assert(!is_made || size == TIDE_SHA256_SIZE);
    return is_made;
}

bool tide_sha256_equal(const unsigned char a[TIDE_SHA256_SIZE],
                       const unsigned char b[TIDE_SHA256_SIZE])
{
    return CRYPTO_memcmp(a, b, TIDE_SHA256_SIZE) == 0;
}
