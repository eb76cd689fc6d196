/* The loop over blocks, once for each kernel: index_x86.c includes it with KERNEL and TARGET
 * defined, because a function for one instruction set cannot be inlined into one for another. */
#ifdef KERNEL

/* Tokens of one block; bytes: 64 of them. Returns the line feeds that stand inside a string. */
TARGET static inline __attribute__((always_inline)) uint64_t KERNEL(block)(
    struct tide_index *index,
    struct state *state,
    struct utf8 *utf8,
    const struct KERNEL(constants) * constants,
    const char *bytes,
    size_t place)
{
    struct masks masks;
    KERNEL(load)(bytes, constants, &masks);
    const uint64_t escaped = escaped_bytes(masks.backslash, &state->escapes_next);
    const uint64_t quotes = masks.quote & ~escaped;
    const uint64_t inside = KERNEL(parities)(quotes) ^ state->inside;
    state->inside = (uint64_t)((int64_t)inside >> 63);
    const uint64_t line_feeds = masks.line_feed & state->by_lines;
    const uint64_t tokens = token_starts(state, &masks, quotes, inside, line_feeds);
    const uint64_t broken = line_feeds & inside;
    const uint64_t whole =
        line_feeds & ((broken & -broken) - 1); /* those before the first of them */
    for (uint64_t left = whole; left != 0; left &= left - 1) {
        const uint64_t before = tokens & ((left & -left) - 1);
        index->lines[index->line_count++] = state->count + (uint32_t)__builtin_popcountll(before);
    }
    masks.tokens = tokens;
    KERNEL(write)(index, state->count, constants, bytes, &masks, (uint32_t)place);
    state->count += (uint32_t)__builtin_popcountll(tokens);

    const uint64_t odd = masks.odd & (inside | ~masks.line_feed);
    if (__builtin_expect((masks.backslash | odd | utf8->is_open) != 0, 0)) {
        judge_odd(index, utf8, bytes, place, masks.backslash, inside);
    }
    return broken;
}

TARGET static size_t KERNEL(run)(struct tide_index *index,
                                 const char *text,
                                 size_t size,
                                 bool by_lines)
{
    tide_assert(size <= TIDE_INDEX_BYTES_MAX);
    struct state state = {.by_lines = by_lines ? UINT64_MAX : 0};
    struct utf8 utf8 = {0};
    const struct KERNEL(constants) constants = KERNEL(constants)();
    const size_t block_count = size / TIDE_INDEX_BLOCK_SIZE + 1;
    memset(index->special, 0, (block_count / 64 + 1) * sizeof index->special[0]);
    index->text = text;
    index->has_special = false;
    index->line_count = 0;
    uint64_t broken = 0;
    size_t place = 0;
    for (; broken == 0 && size - place >= TIDE_INDEX_BLOCK_SIZE; place += TIDE_INDEX_BLOCK_SIZE) {
        __builtin_prefetch(text + place + PREFETCH_AHEAD);
        broken = KERNEL(block)(index, &state, &utf8, &constants, text + place, place);
    }
    if (broken == 0 && place < size) {
        char last[TIDE_INDEX_BLOCK_SIZE];
        memset(last, ' ', sizeof last); /* no token, and no continuation of a sequence */
        memcpy(last, text + place, size - place);
        broken = KERNEL(block)(index, &state, &utf8, &constants, last, place);
        place += TIDE_INDEX_BLOCK_SIZE;
    }
    if (utf8.is_open != 0 && place > 0) {
        mark(index, place / TIDE_INDEX_BLOCK_SIZE - 1);
    }
    index->count = state.count;
    index->ends_in_string = state.inside != 0;
    return broken == 0 ? size : place - TIDE_INDEX_BLOCK_SIZE + (size_t)__builtin_ctzll(broken);
}

#endif
