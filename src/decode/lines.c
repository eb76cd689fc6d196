/* One buffer, read from the front and filled at the back. What is not a whole line yet moves to the
 * front when the space behind it gets short, or when it is little: then the next read goes into
 * memory that the processor's caches still hold.
 *
 *     |  given out  |  whole lines  |  part of a line  |  space  |
 *     0           start         (last '\n')           end     capacity
 *
 * All of it is asked for at the start, twice the longest line at most (pages that are never touched
 * cost nothing), so nothing can fail later. A line that grows too long is not kept: its first bytes
 * move to a side buffer, the rest is hashed and dropped until its end ("skipping"). */
#include "decode/lines.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    LINE_SIZE_MAX = TIDE_ENVELOPE_BYTES_MAX,
    SPACE_SIZE_MIN = 64 << 10,
    REST_SIZE_MAX = 8 << 10,
    HASH_SIZE = 16,
    PIECE_SIZE = 64 << 10,
};

/* What the next byte of a sequence may be; valid across reads. */
struct utf8 {
    unsigned char needed; /* continuation bytes to come */
    unsigned char low;    /* bounds of the next one */
    unsigned char high;
    bool is_broken;
};

/* The line that is being skipped. */
struct skipped {
    char head[TIDE_REJECTED_BYTES_KEPT];
    uint64_t size;
    struct tide_u128 hash;
    /* Hashed when it is full or the line ends: the sizes of the reads leave no trace. */
    char piece[HASH_SIZE + PIECE_SIZE];
    size_t piece_size;
    struct utf8 utf8;
};

struct tide_lines {
    const char *buffer; /* what is written goes through `owned` */
    char *owned;        /* the same, or NULL: it is a text of somebody else */
    size_t capacity;
    size_t block_size;
    size_t start; /* of what was not given out */
    size_t end;   /* of what was read */
    size_t seen;  /* from start to here there is no '\n' */
    bool is_finished;
    bool is_skipping;
    struct skipped skipped;
};

enum tide_status tide_lines_create(size_t block_size,
                                   struct tide_lines **lines,
                                   struct tide_error *error)
{
    tide_assert(block_size > 0);
    struct tide_lines *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->block_size = block_size < LINE_SIZE_MAX ? block_size : LINE_SIZE_MAX;
        made->capacity =
            LINE_SIZE_MAX + SPACE_SIZE_MIN +
            (block_size < LINE_SIZE_MAX - SPACE_SIZE_MIN ? block_size
                                                         : LINE_SIZE_MAX - SPACE_SIZE_MIN);
        made->owned = malloc(made->capacity);
        made->buffer = made->owned;
    }
    if (made == NULL || made->buffer == NULL) {
        tide_lines_destroy(made);
        return tide_error_set(
            error, TIDE_RETRY, "out of memory for a line of %d bytes", LINE_SIZE_MAX);
    }
    *lines = made;
    return TIDE_OK;
}

enum tide_status tide_lines_of_text(struct tide_view text,
                                    size_t block_size,
                                    struct tide_lines **lines,
                                    struct tide_error *error)
{
    tide_assert(block_size > 0);
    struct tide_lines *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the lines of a text");
    }
    made->buffer = text.data;
    made->capacity = text.size;
    made->block_size = block_size < LINE_SIZE_MAX ? block_size : LINE_SIZE_MAX;
    *lines = made;
    return TIDE_OK;
}

void tide_lines_destroy(struct tide_lines *lines)
{
    if (lines != NULL) {
        free(lines->owned);
        free(lines);
    }
}

void tide_lines_space(struct tide_lines *lines, char **space, size_t *space_size)
{
    size_t left = lines->end - lines->start;
    tide_assert(lines->owned != NULL);
    if (lines->capacity - lines->end < SPACE_SIZE_MIN || left < REST_SIZE_MAX) {
        memmove(lines->owned, lines->owned + lines->start, left);
        lines->seen = lines->seen > lines->start ? lines->seen - lines->start : 0;
        lines->start = 0;
        lines->end = left;
    }
    *space = lines->owned + lines->end;
    *space_size = lines->capacity - lines->end;
}

void tide_lines_filled(struct tide_lines *lines, size_t size)
{
    tide_assert(!lines->is_finished);
    tide_assert(size <= lines->capacity - lines->end);
    lines->end += size;
}

void tide_lines_finish(struct tide_lines *lines)
{
    lines->is_finished = true;
}

/* ---- lines that are too long ---- */

static void utf8_start(struct utf8 *utf8, unsigned char lead)
{
    utf8->low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    utf8->high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    utf8->needed = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    utf8->is_broken = utf8->is_broken || (lead >= 0x80 && (lead < 0xC2 || lead > 0xF4));
}

static void utf8_add(struct utf8 *utf8, struct tide_view bytes)
{
    for (size_t i = 0; i < bytes.size && !utf8->is_broken; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (utf8->needed == 0) {
            utf8_start(utf8, byte);
            continue;
        }
        utf8->is_broken = byte < utf8->low || byte > utf8->high;
        utf8->low = 0x80;
        utf8->high = 0xBF;
        utf8->needed--;
    }
}

static void hash_piece(struct skipped *skipped)
{
    tide_store_u64(skipped->piece, skipped->hash.low);
    tide_store_u64(skipped->piece + HASH_SIZE / 2, skipped->hash.high);
    skipped->hash =
        tide_hash128((struct tide_view){skipped->piece, HASH_SIZE + skipped->piece_size}, 0);
    skipped->piece_size = 0;
}

static void skip_bytes(struct skipped *skipped, struct tide_view bytes)
{
    if (skipped->size < sizeof skipped->head) {
        size_t missing = sizeof skipped->head - (size_t)skipped->size;
        memcpy(
            skipped->head + skipped->size, bytes.data, bytes.size < missing ? bytes.size : missing);
    }
    skipped->size += bytes.size;
    utf8_add(&skipped->utf8, bytes);
    while (bytes.size > 0) {
        size_t free_size = PIECE_SIZE - skipped->piece_size;
        size_t taken = bytes.size < free_size ? bytes.size : free_size;
        memcpy(skipped->piece + HASH_SIZE + skipped->piece_size, bytes.data, taken);
        skipped->piece_size += taken;
        bytes = tide_view_slice(bytes, taken, bytes.size - taken);
        if (skipped->piece_size == PIECE_SIZE) {
            hash_piece(skipped);
        }
    }
}

/* Drops what was read of the line; gives the record when its end is there. */
static struct tide_lines_item skip_line(struct tide_lines *lines)
{
    const char *at = lines->buffer + lines->start;
    size_t left = lines->end - lines->start;
    const char *newline = memchr(at, '\n', left);
    size_t size = newline != NULL ? (size_t)(newline - at) : left;
    struct skipped *skipped = &lines->skipped;
    skip_bytes(skipped, (struct tide_view){at, size});
    lines->start += size + (newline != NULL);
    lines->seen = lines->start;
    if (newline == NULL && !lines->is_finished) {
        return (struct tide_lines_item){.kind = TIDE_LINES_NEED};
    }
    if (skipped->piece_size > 0) {
        hash_piece(skipped);
    }
    tide_assert(skipped->size > LINE_SIZE_MAX);
    lines->is_skipping = false;
    return (struct tide_lines_item){
        .kind = TIDE_LINES_TOO_LARGE,
        .block = {skipped->head, sizeof skipped->head},
        .size = skipped->size,
        .hash = skipped->hash,
        .is_utf8 = !skipped->utf8.is_broken && skipped->utf8.needed == 0,
    };
}

static struct tide_lines_item start_skipping(struct tide_lines *lines)
{
    lines->is_skipping = true;
    lines->skipped.size = 0;
    lines->skipped.hash = (struct tide_u128){0, 0};
    lines->skipped.piece_size = 0;
    lines->skipped.utf8 = (struct utf8){0};
    return skip_line(lines);
}

/* ---- whole lines ---- */

/* The place behind the last '\n' of the first block_size bytes, or else behind the first '\n';
 * start: there is none. */
static size_t find_block_end(struct tide_lines *lines)
{
    size_t from = lines->seen > lines->start ? lines->seen : lines->start;
    size_t left = lines->end - lines->start;
    size_t window = lines->start + (left < lines->block_size ? left : lines->block_size);
    const char *newline = NULL;
    if (from < window) {
        newline = memrchr(lines->buffer + from, '\n', window - from);
        from = window;
    }
    if (newline == NULL && from < lines->end) {
        newline = memchr(lines->buffer + from, '\n', lines->end - from);
    }
    lines->seen = lines->end;
    return newline != NULL ? (size_t)(newline - lines->buffer) + 1 : lines->start;
}

struct tide_lines_item tide_lines_next(struct tide_lines *lines)
{
    if (lines->is_skipping) {
        return skip_line(lines);
    }
    if (lines->start == lines->end) {
        return (struct tide_lines_item){.kind =
                                            lines->is_finished ? TIDE_LINES_END : TIDE_LINES_NEED};
    }
    size_t block_end = find_block_end(lines);
    if (block_end == lines->start) { /* no line ends here */
        if (lines->end - lines->start > LINE_SIZE_MAX) {
            return start_skipping(lines);
        }
        if (!lines->is_finished) {
            return (struct tide_lines_item){.kind = TIDE_LINES_NEED};
        }
        block_end = lines->end;
    } else if (block_end - lines->start > lines->block_size &&
               block_end - lines->start - 1 > LINE_SIZE_MAX) { /* it is a single line */
        return start_skipping(lines);
    }
    struct tide_view block = {lines->buffer + lines->start, block_end - lines->start};
    lines->start = block_end;
    lines->seen = block_end;
    return (struct tide_lines_item){.kind = TIDE_LINES_BLOCK, .block = block};
}
