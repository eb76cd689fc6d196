/* What is sent, made smaller: the counterpart of http/inflate.h. */
#ifndef TIDE_HTTP_COMPRESS_H
#define TIDE_HTTP_COMPRESS_H

#include "http/coding.h"

/* Appends plain in one gzip member, zlib stream or zstd frame, at the library's usual level.
 * coding: GZIP, DEFLATE or ZSTD; plain of at most 1 GiB. RETRY: out of memory, or into's maximum;
 * into is as it was, but for `failed`. */
enum tide_status tide_compress(enum tide_coding coding,
                               struct tide_view plain,
                               struct tide_bytes *into,
                               struct tide_error *error);

#endif
