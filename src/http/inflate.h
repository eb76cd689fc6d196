/* A compressed body, made plain piece by piece, within caps that hold at every step.
 *
 * gzip: members in a row are one body. deflate: a zlib stream, or a raw one, by its first byte.
 * zstd: frames in a row, skippable ones too; no dictionary; a window of at most 8 MiB (RFC 9659).
 * Checksums are checked, and nothing may stand behind the last member or frame.
 *
 * A bomb costs what stands before the cap: output is made only into memory that the caller has, and
 * is weighed against the input that it took, after each step (so of all caps the ratio alone may
 * depend on how a body is cut). A workspace holds 50 KiB for gzip and deflate, and for
 * zstd 170 KiB and the frame's window. It is used for one body after another, by one thread at a
 * time. This is a door to zlib and libzstd; the other is http/compress.h. */
#ifndef TIDE_HTTP_INFLATE_H
#define TIDE_HTTP_INFLATE_H

#include "http/coding.h"

enum {
    TIDE_INFLATE_WINDOW_LOG_MAX = 23, /* of zstd: 8 MiB */
};

struct tide_inflate;

struct tide_inflate_limits {
    size_t bytes_max;     /* of the plain body */
    uint32_t ratio_max;   /* plain bytes for each compressed one .. */
    size_t ratio_from;    /* .. once there are more plain ones than this */
    uint32_t members_max; /* gzip members or zstd frames */
};
/* 200 to 1 from 1 MiB on, 1000 members. Telemetry is seldom above 50 to 1; deflate ends at 1032. */
struct tide_inflate_limits tide_inflate_limits_default(size_t bytes_max);

/* RETRY: out of memory. */
enum tide_status tide_inflate_create(struct tide_inflate **inflate, struct tide_error *error);
void tide_inflate_destroy(struct tide_inflate *inflate);
/* A new body. coding: GZIP, DEFLATE or ZSTD. */
void tide_inflate_begin(struct tide_inflate *inflate,
                        enum tide_coding coding,
                        struct tide_inflate_limits limits);
/* Takes from *input, which moves on, and makes up to room (> 0) bytes at output. To be called again
 * for as long as input is left or *made was room. 0; or the status to refuse the body with, and
 * *why (static): 400 it is broken, 413 a cap, 503 out of memory. After a refusal: begin again. */
unsigned tide_inflate_step(struct tide_inflate *inflate,
                           struct tide_view *input,
                           char *output,
                           size_t room,
                           size_t *made,
                           const char **why);
/* No more input will come: 0, or 400: the body is cut off. */
unsigned tide_inflate_end(const struct tide_inflate *inflate, const char **why);
/* Gives back what a large window took. Between bodies. */
void tide_inflate_rest(struct tide_inflate *inflate);

#endif
