#include "http/compress.h"

#include "base/assert.h"

#define ZLIB_CONST /* it reads its input */
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum {
    WINDOW_BITS = 15,
    GZIP_ONLY = 16,
    MEMORY_LEVEL = 8, /* zlib's own default */
    PLAIN_BYTES_MAX = 1 << 30,
};

static bool compress_zlib(enum tide_coding coding, struct tide_view plain, struct tide_bytes *into)
{
    z_stream zlib = {0};
    const int bits = WINDOW_BITS + (coding == TIDE_CODING_GZIP ? GZIP_ONLY : 0);
    if (deflateInit2(
            &zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return false;
    }
    const size_t bound = deflateBound(&zlib, (uLong)plain.size);
    const bool has_room = tide_bytes_reserve(into, bound);
    if (has_room) {
        zlib.next_in = (const Bytef *)plain.data;
        zlib.avail_in = (uInt)plain.size;
        zlib.next_out = (Bytef *)(into->data + into->size);
        zlib.avail_out = (uInt)bound;
        const int code = deflate(&zlib, Z_FINISH);
        tide_assert(code == Z_STREAM_END); /* the bound is one */
        into->size += bound - zlib.avail_out;
    }
    (void)deflateEnd(&zlib);
    return has_room;
}

static bool compress_zstd(struct tide_view plain, struct tide_bytes *into)
{
    const size_t bound = ZSTD_compressBound(plain.size);
    if (!tide_bytes_reserve(into, bound)) {
        return false;
    }
    const size_t size =
        ZSTD_compress(into->data + into->size, bound, plain.data, plain.size, ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(size)) {
        return false; /* with room for all, only memory can be short */
    }
    into->size += size;
    return true;
}

enum tide_status tide_compress(enum tide_coding coding,
                               struct tide_view plain,
                               struct tide_bytes *into,
                               struct tide_error *error)
{
    tide_assert(plain.size <= PLAIN_BYTES_MAX);
    tide_assert(coding == TIDE_CODING_GZIP || coding == TIDE_CODING_DEFLATE ||
                coding == TIDE_CODING_ZSTD);
    const bool is_made = coding == TIDE_CODING_ZSTD ? compress_zstd(plain, into)
                                                    : compress_zlib(coding, plain, into);
    return is_made ? TIDE_OK : tide_error_set(error, TIDE_RETRY, "no memory to compress a body");
}
