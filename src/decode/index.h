/* Stage one: where the tokens of a text stand, found 64 bytes at a time with vector instructions.
 *
 * A token is the opening quote of a string, a bracket, the first byte of anything else that stands
 * outside strings, and, by lines, a line feed outside strings. Commas, colons and closing quotes
 * are not in the index: they stand right before the next token, where the walk looks for them.
 * Blocks of 64 bytes that hold a backslash, a control byte inside a string or bytes that are not
 * UTF-8 are marked; strings there must be read by the scanner (scan.h). All other strings need
 * not be looked at again.
 *
 *     {"eid":"START","ets":12}\n
 *     ^^     ^       ^     ^  ^^
 *
 * There is a kernel for each instruction set worth having; they agree byte for byte. Without any,
 * the decoder walks the text in one pass of eight-byte words (scan.h), which is faster than an
 * index made without vectors.
 *
 * Sources: the classification by masks, the carry-less multiplication that turns quotes into
 * insides, and UTF-8 by three table lookups are of Langdale and Lemire, "Parsing Gigabytes of JSON
 * per Second" (2019), and Keiser and Lemire, "Validating UTF-8 in Less Than One Instruction Per
 * Byte" (2021). */
#ifndef TIDE_DECODE_INDEX_H
#define TIDE_DECODE_INDEX_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TIDE_INDEX_BLOCK_SIZE = 64,
    TIDE_INDEX_BYTES_MAX = 1 << 20, /* of a text */
    /* A kernel writes tokens in groups: up to a block's more than there are, and two ends. */
    TIDE_INDEX_TOKENS_MAX = TIDE_INDEX_BYTES_MAX + TIDE_INDEX_BLOCK_SIZE + 2,
};

#define TIDE_INDEX_SCALAR '0'

struct tide_index {
    const char *text;
    uint32_t *tokens; /* places in text, ascending; TIDE_INDEX_TOKENS_MAX of them */
    char *kinds;      /* what stands there: " { } [ ] or a line feed; SCALAR: anything else */
    uint32_t count;
    uint32_t *lines; /* by lines: which tokens are line feeds; TIDE_INDEX_BYTES_MAX of them */
    uint32_t line_count;
    bool ends_in_string;
    bool has_special; /* some block is marked */
    uint64_t special[TIDE_INDEX_BYTES_MAX / TIDE_INDEX_BLOCK_SIZE / 64 + 1]; /* a bit each */
};

/* Indexes text; size: at most TIDE_INDEX_BYTES_MAX. Returns size; by lines less if a line feed
 * stands inside a string: its place. Tokens and lines before it are right but for the line that is
 * broken there. Nothing at or behind text + size is read. */
typedef size_t tide_index_run(struct tide_index *index,
                              const char *text,
                              size_t size,
                              bool by_lines);

struct tide_index_kernel {
    const char *name;
    bool (*is_supported)(void); /* by this machine */
    tide_index_run *run;
};

/* Best first; *count may be 0. */
const struct tide_index_kernel *tide_index_kernels(size_t *count);
/* The best that this machine can run, or NULL; or what the environment variable TIDEMARK_SCANNER
 * names: a kernel, or "portable" for none. REJECT: there is no such kernel, or not here. */
enum tide_status tide_index_choose(const struct tide_index_kernel **kernel,
                                   struct tide_error *error);

/* Memory for tokens, kinds and lines, which is touched only as far as it is used. RETRY: there is none. */
enum tide_status tide_index_init(struct tide_index *index, struct tide_error *error);
void tide_index_release(struct tide_index *index);

/* Whether a block between two places of the text is marked. */
static inline bool tide_index_is_special(const struct tide_index *index, size_t from, size_t to)
{
    for (size_t block = from / TIDE_INDEX_BLOCK_SIZE; block <= to / TIDE_INDEX_BLOCK_SIZE;
         block++) {
        if ((index->special[block / 64] >> (block % 64) & 1) != 0) {
            return true;
        }
    }
    return false;
}

#endif
