/* Content codings (RFC 9110, 8.4) that a body may have. Plain functions; any thread. */
#ifndef TIDE_HTTP_CODING_H
#define TIDE_HTTP_CODING_H

#include "base/bytes.h"

enum tide_coding {
    TIDE_CODING_IDENTITY,
    TIDE_CODING_GZIP,    /* RFC 1952; also x-gzip */
    TIDE_CODING_DEFLATE, /* RFC 1950, and the raw RFC 1951 that some call by this name */
    TIDE_CODING_ZSTD,    /* RFC 8878, with the window of RFC 9659 */
    TIDE_CODING_OTHER,   /* one that we do not know, or more than one */
};

/* What Accept-Encoding says in a 415 (RFC 7694). */
#define TIDE_CODINGS_ACCEPTED "gzip, deflate, zstd"

/* A Content-Encoding header may stand more than once, and each may list codings: before is what the
 * ones before said. Empty items and "identity" say nothing. */
enum tide_coding tide_coding_add(enum tide_coding before, struct tide_view value);

#endif
