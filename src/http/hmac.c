#include "http/hmac.h"

#include "base/assert.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>

#include "base/banned.h"

bool tide_hmac_sha256(struct tide_view key,
                      struct tide_view message,
                      unsigned char digest[TIDE_HMAC_SHA256_SIZE])
{
    unsigned size = 0;
    tide_assert(key.size <= INT_MAX);
    /* A NULL key would mean that of a call before. */
    const unsigned char *made = HMAC(EVP_sha256(),
                                     key.data == NULL ? "" : key.data,
                                     (int)key.size,
                                     (const unsigned char *)message.data,
                                     message.size,
                                     digest,
                                     &size);
    tide_assert(made == NULL || size == TIDE_HMAC_SHA256_SIZE);
    return made != NULL;
}
