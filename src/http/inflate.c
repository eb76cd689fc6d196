/* One state machine around two libraries:
 *
 *     BETWEEN -- a byte of input --> INSIDE -- the library says the end --> BETWEEN
 *
 * BETWEEN members the body may end, once there was one; a further byte starts the next one, which
 * only gzip and zstd have. */
#include "http/inflate.h"

#include "base/assert.h"

#define ZLIB_CONST /* it reads its input */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    WINDOW_BITS = 15, /* of deflate: all that the format has */
    GZIP_ONLY = 16,   /* added to them */
    ZLIB_METHOD = 8,
    AT_ONCE_MAX = 1 << 30, /* zlib counts by unsigned int */
    ZSTD_KEPT_MAX = 1 << 20,
    ZSTD_HEAD_MAX = 18, /* of a frame, RFC 8878, 3.1.1.1 and the magic number */
};

static const char is_corrupt[] = "the compressed body is corrupt, or something stands behind it";
static const char wants_dictionary[] = "the compressed body wants a dictionary";

struct tide_inflate {
    z_stream zlib;
    bool has_zlib;   /* initialised */
    ZSTD_DCtx *zstd; /* NULL until the first body of that coding */
    enum tide_coding coding;
    struct tide_inflate_limits limits;
    uint64_t taken;
    uint64_t made;
    uint32_t members;
    bool is_inside;
    bool is_full;             /* the last output was filled: the library may hold more */
    char head[ZSTD_HEAD_MAX]; /* how the frame of zstd starts */
    size_t head_size;
    uint64_t frame_start; /* made before it */
};

/* One call of a library. */
struct turn {
    struct tide_view *input;
    char *output;
    size_t room;
    size_t made;
    bool is_end; /* of a member or frame */
};

struct tide_inflate_limits tide_inflate_limits_default(size_t bytes_max)
{
    return (struct tide_inflate_limits){
        .bytes_max = bytes_max,
        .ratio_max = 200,
        .ratio_from = 1 << 20,
        .members_max = 1000,
    };
}

enum tide_status tide_inflate_create(struct tide_inflate **state, struct tide_error *error)
{
    struct tide_inflate *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for inflating");
    }
    *state = made;
    return TIDE_OK;
}

void tide_inflate_destroy(struct tide_inflate *state)
{
    if (state == NULL) {
        return;
    }
    if (state->has_zlib) {
        (void)inflateEnd(&state->zlib);
    }
    (void)ZSTD_freeDCtx(state->zstd);
    free(state);
}

void tide_inflate_begin(struct tide_inflate *state,
                        enum tide_coding coding,
                        struct tide_inflate_limits limits)
{
    tide_assert(coding == TIDE_CODING_GZIP || coding == TIDE_CODING_DEFLATE ||
                coding == TIDE_CODING_ZSTD);
    tide_assert(limits.ratio_max > 0 && limits.members_max > 0);
    state->coding = coding;
    state->limits = limits;
    state->taken = 0;
    state->made = 0;
    state->members = 0;
    state->is_inside = false;
    state->is_full = false;
}

void tide_inflate_rest(struct tide_inflate *state)
{
    if (state->zstd != NULL && ZSTD_sizeof_DCtx(state->zstd) > ZSTD_KEPT_MAX) {
        (void)ZSTD_freeDCtx(state->zstd);
        state->zstd = NULL;
    }
}

static unsigned refuse(unsigned status, const char *text, const char **why)
{
    *why = text;
    return status;
}

/* ---- the libraries ---- */

/* By the first byte. Of zlib its low half is the method, which is 8. A raw stream with that half
 * would start with a stored block whose padding is not zero, which no encoder writes. */
static int window_bits(const struct tide_inflate *state, char first)
{
    if (state->coding == TIDE_CODING_GZIP) {
        return WINDOW_BITS + GZIP_ONLY;
    }
    return ((unsigned char)first & 15) == ZLIB_METHOD ? WINDOW_BITS : -WINDOW_BITS;
}

static unsigned start_zlib(struct tide_inflate *state, char first, const char **why)
{
    const int bits = window_bits(state, first);
    if (state->has_zlib) {
        const int reset = inflateReset2(&state->zlib, bits);
        tide_assert(reset == Z_OK);
        return 0;
    }
    state->zlib = (z_stream){0};
    state->has_zlib = inflateInit2(&state->zlib, bits) == Z_OK;
    return state->has_zlib ? 0 : refuse(503, "no memory to inflate the body", why);
}

static unsigned start_zstd(struct tide_inflate *state, const char **why)
{
    state->head_size = 0;
    state->frame_start = state->made;
    if (state->members > 1) {
        return 0; /* it goes on to the next frame by itself */
    }
    if (state->zstd == NULL) {
        state->zstd = ZSTD_createDCtx();
        if (state->zstd == NULL) {
            return refuse(503, "no memory to inflate the body", why);
        }
    }
    size_t code = ZSTD_DCtx_reset(state->zstd, ZSTD_reset_session_only);
    tide_assert(!ZSTD_isError(code));
    code = ZSTD_DCtx_setParameter(state->zstd, ZSTD_d_windowLogMax, TIDE_INFLATE_WINDOW_LOG_MAX);
    tide_assert(!ZSTD_isError(code));
    return 0;
}

static unsigned turn_zlib(struct tide_inflate *state, struct turn *turn, const char **why)
{
    z_stream *zlib = &state->zlib;
    const size_t given = turn->input->size < AT_ONCE_MAX ? turn->input->size : AT_ONCE_MAX;
    const size_t room = turn->room < AT_ONCE_MAX ? turn->room : AT_ONCE_MAX;
    zlib->next_in = (const Bytef *)turn->input->data;
    zlib->avail_in = (uInt)given;
    zlib->next_out = (Bytef *)turn->output;
    zlib->avail_out = (uInt)room;
    const int code = inflate(zlib, Z_NO_FLUSH);
    const size_t taken = given - zlib->avail_in;
    *turn->input = tide_view_slice(*turn->input, taken, turn->input->size - taken);
    turn->made = room - zlib->avail_out;
    turn->is_end = code == Z_STREAM_END;
    zlib->next_in = NULL; /* they are the caller's, and not kept */
    zlib->next_out = NULL;
    if (code == Z_MEM_ERROR) {
        return refuse(503, "no memory to inflate the body", why);
    }
    if (code == Z_NEED_DICT) {
        return refuse(400, wants_dictionary, why);
    }
    /* BUF_ERROR is no error: it cannot go on without more of one of the two. */
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR
               ? 0
               : refuse(400, is_corrupt, why);
}

static unsigned zstd_fault(size_t code, const char **why)
{
    const ZSTD_ErrorCode fault = ZSTD_getErrorCode(code);
    if (fault == ZSTD_error_memory_allocation) {
        return refuse(503, "no memory to inflate the body", why);
    }
    if (fault == ZSTD_error_frameParameter_windowTooLarge) {
        return refuse(413, "the window of a zstd frame is larger than 8 MiB", why);
    }
    return fault == ZSTD_error_dictionary_wrong ? refuse(400, wants_dictionary, why)
                                                : refuse(400, is_corrupt, why);
}

/* Whether the next bytes of input go on with the magic number of a frame, or of a skippable one.
 * The library would also take frames of before RFC 8878, by decoders that nobody looks after. */
static bool has_magic(const struct tide_inflate *state, struct tide_view input)
{
    static const char frame[] = {'\x28', '\xb5', '\x2f', '\xfd'};
    static const char skippable[] = {'\x50', '\x2a', '\x4d', '\x18'}; /* to 5f */
    const char first = state->head_size > 0 ? state->head[0] : input.data[0];
    const char *magic = first == frame[0] ? frame : skippable;
    for (size_t at = state->head_size; at < sizeof(frame); at++) {
        const size_t offset = at - state->head_size;
        if (offset == input.size) {
            break;
        }
        const unsigned mask = at == 0 && magic == skippable ? 0xf0 : 0xff;
        if (((unsigned char)input.data[offset] & mask) != (unsigned char)magic[at]) {
            return false;
        }
    }
    return true;
}

static void note_head(struct tide_inflate *state, const char *data, size_t size)
{
    const size_t left = sizeof(state->head) - state->head_size;
    const size_t taken = size < left ? size : left;
    memcpy(state->head + state->head_size, data, taken);
    state->head_size += taken;
}

/* Whether a frame that has ended is as large as it said. The library does not look at it where the
 * last block is empty. made: in this turn. */
static bool is_frame_whole(const struct tide_inflate *state, size_t made)
{
    const unsigned long long said = ZSTD_getFrameContentSize(state->head, state->head_size);
    return said == ZSTD_CONTENTSIZE_UNKNOWN || said == state->made + made - state->frame_start;
}

static unsigned turn_zstd(struct tide_inflate *state, struct turn *turn, const char **why)
{
    if (turn->input->size > 0 && !has_magic(state, *turn->input)) {
        return refuse(400, is_corrupt, why);
    }
    ZSTD_inBuffer in = {turn->input->data, turn->input->size, 0};
    ZSTD_outBuffer out = {turn->output, turn->room, 0};
    const size_t code = ZSTD_decompressStream(state->zstd, &out, &in);
    if (in.pos > 0) {
        note_head(state, turn->input->data, in.pos);
    }
    *turn->input = tide_view_slice(*turn->input, in.pos, in.size - in.pos);
    turn->made = out.pos;
    turn->is_end = code == 0;
    if (ZSTD_isError(code)) {
        return zstd_fault(code, why);
    }
    return turn->is_end && !is_frame_whole(state, out.pos) ? refuse(400, is_corrupt, why) : 0;
}

/* ---- the machine ---- */

/* The first byte of a member is there. */
static unsigned enter(struct tide_inflate *state, struct tide_view input, const char **why)
{
    if (state->members > 0 && state->coding == TIDE_CODING_DEFLATE) {
        return refuse(400, "something stands behind the compressed body", why);
    }
    if (state->members == state->limits.members_max) {
        return refuse(413, "the compressed body has too many parts", why);
    }
    state->members++;
    state->is_inside = true;
    return state->coding == TIDE_CODING_ZSTD ? start_zstd(state, why)
                                             : start_zlib(state, input.data[0], why);
}

static bool is_too_dense(const struct tide_inflate *state)
{
    return state->made > state->limits.ratio_from &&
           state->made / state->limits.ratio_max >= state->taken;
}

/* One call of the library, with the caps. *made and the caller's output move on by what it made. */
static unsigned take_turn(struct tide_inflate *state, struct turn *turn, const char **why)
{
    char beyond; /* where the first byte above the cap goes */
    const size_t left = (size_t)(state->limits.bytes_max - state->made);
    const bool is_at_cap = left == 0;
    if (is_at_cap) {
        turn->output = &beyond;
        turn->room = 1;
    } else if (turn->room > left) {
        turn->room = left;
    }
    const size_t before = turn->input->size;
    const unsigned status = state->coding == TIDE_CODING_ZSTD ? turn_zstd(state, turn, why)
                                                              : turn_zlib(state, turn, why);
    state->taken += before - turn->input->size;
    state->is_full = turn->made == turn->room;
    if (status != 0) {
        return status;
    }
    if (is_at_cap && turn->made > 0) {
        return refuse(413, "the body is too large once it is inflated", why);
    }
    state->made += turn->made;
    if (turn->is_end) {
        state->is_inside = false;
        state->is_full = false;
    }
    return is_too_dense(state) ? refuse(413, "the body is compressed too much", why) : 0;
}

unsigned tide_inflate_step(struct tide_inflate *state,
                           struct tide_view *input,
                           char *output,
                           size_t room,
                           size_t *made,
                           const char **why)
{
    tide_assert(room > 0);
    *made = 0;
    while (*made < room && (input->size > 0 || state->is_full)) {
        unsigned status = state->is_inside ? 0 : enter(state, *input, why);
        if (status != 0) {
            return status;
        }
        struct turn turn = {.input = input, .output = output + *made, .room = room - *made};
        const size_t before = input->size;
        status = take_turn(state, &turn, why);
        if (status != 0) {
            return status;
        }
        *made += turn.made;
        if (turn.made == 0 && input->size == before && !turn.is_end) {
            /* What the library holds is not yet enough; it does not leave input. */
            state->is_full = false;
            if (input->size > 0) {
                return refuse(400, is_corrupt, why);
            }
        }
    }
    return 0;
}

unsigned tide_inflate_end(const struct tide_inflate *state, const char **why)
{
    return !state->is_inside && state->members > 0
               ? 0
               : refuse(400, "the compressed body is cut off", why);
}
