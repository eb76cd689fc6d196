/* From reads of any size, or a whole text, to blocks of whole lines.
 *
 * A line longer than the largest envelope is not kept: it becomes one too_large record with its
 * first 64 KiB, its length and its hash, and reading goes on after it. Memory is bounded by twice
 * the largest envelope. One thread. */
#ifndef TIDE_DECODE_LINES_H
#define TIDE_DECODE_LINES_H

#include "base/hash.h"
#include "event/verdict.h"

struct tide_lines;

enum tide_lines_kind {
    TIDE_LINES_NEED,      /* give more input, or finish */
    TIDE_LINES_BLOCK,     /* block: whole lines, valid until the next call */
    TIDE_LINES_TOO_LARGE, /* block: the first bytes of one line; size and hash of all of it */
    TIDE_LINES_END,       /* after finish: nothing is left */
};

struct tide_lines_item {
    enum tide_lines_kind kind;
    struct tide_view block;
    uint64_t size;         /* TOO_LARGE: of the whole line */
    struct tide_u128 hash; /* likewise: over pieces of 64 KiB, each with the hash before it */
    bool is_utf8;          /* likewise: if not, utf8_invalid is the reason that comes first */
};

/* RETRY: out of memory. block_size: about how much one block holds (at least one line). */
enum tide_status tide_lines_create(size_t block_size,
                                   struct tide_lines **lines,
                                   struct tide_error *error);
/* Of a text that is there already, and stays: blocks are parts of it. After NEED it is told how
 * much more of it there is to look at (filled), or finish; there is no space. RETRY: out of
 * memory. */
enum tide_status tide_lines_of_text(struct tide_view text,
                                    size_t block_size,
                                    struct tide_lines **lines,
                                    struct tide_error *error);
void tide_lines_destroy(struct tide_lines *lines);
/* Where the next read goes; at least 1 byte after NEED. Views given out before are void now. */
void tide_lines_space(struct tide_lines *lines, char **space, size_t *space_size);
void tide_lines_filled(struct tide_lines *lines, size_t size);
void tide_lines_finish(struct tide_lines *lines); /* no more input: a last line may lack its '\n' */
struct tide_lines_item tide_lines_next(struct tide_lines *lines);

#endif
