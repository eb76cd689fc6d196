#include "decode/derive.h"

#include "decode/word.h"
#include "event/glob.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    MEMOS = 16, /* for each column: four bits of a hash say which */
    WORD_MAX = 38,
};

/* The first and the last eight bytes say all of a word of up to sixteen. */
struct tide_derive_memo {
    uint64_t head;
    uint64_t tail;
    struct tide_view value;
    bool has_value; /* null otherwise */
    uint8_t size;   /* of the word; 0: nothing is remembered */
    char word[WORD_MAX];
};

enum tide_status tide_deriver_init(struct tide_deriver *deriver, const struct tide_schema *schema)
{
    const size_t count = schema->column_count - schema->path_column_count;
    *deriver = (struct tide_deriver){.schema = schema};
    if (count > 0) {
        deriver->memos = calloc(count * MEMOS, sizeof *deriver->memos);
    }
    return count == 0 || deriver->memos != NULL ? TIDE_OK : TIDE_RETRY;
}

void tide_deriver_release(struct tide_deriver *deriver)
{
    free(deriver->memos);
    deriver->memos = NULL;
}

/* The value, with *has_value; static or of the schema. */
static struct tide_view value_of(const struct tide_column *column,
                                 struct tide_view source,
                                 bool *has_value)
{
    for (uint32_t i = 0; i < column->glob_count; i++) {
        if (tide_glob_match(column->globs[i].pattern, source)) {
            *has_value = true;
            return column->globs[i].value;
        }
    }
    *has_value = column->has_default;
    return column->fallback;
}

static inline uint64_t short_word(struct tide_view text)
{
    uint64_t word = 0;
    for (size_t i = 0; i < text.size; i++) {
        word = word << 8 | (unsigned char)text.data[i];
    }
    return word;
}

/* The same, remembered. */
static inline struct tide_view recall(struct tide_derive_memo *memos,
                                      const struct tide_column *column,
                                      struct tide_view source,
                                      bool *has_value)
{
    if (source.size == 0 || source.size > WORD_MAX) {
        return value_of(column, source, has_value);
    }
    const bool is_short = source.size < TIDE_WORD_SIZE;
    const uint64_t head = is_short ? short_word(source) : tide_word_load(source.data);
    const uint64_t tail = is_short ? 0 : tide_word_load(source.data + source.size - TIDE_WORD_SIZE);
    const uint64_t mixed = (head ^ (tail << 32 | tail >> 32)) * UINT64_C(0x9E3779B97F4A7C15);
    struct tide_derive_memo *memo = &memos[mixed >> 60];
    if (memo->size != source.size || memo->head != head || memo->tail != tail ||
        (source.size > 2 * TIDE_WORD_SIZE &&
         !tide_bytes_equal(memo->word, source.data, source.size))) {
        memo->value = value_of(column, source, &memo->has_value);
        memo->head = head;
        memo->tail = tail;
        memo->size = (uint8_t)source.size;
        memcpy(memo->word, source.data, source.size);
    }
    *has_value = memo->has_value;
    return memo->value;
}

void tide_derive(struct tide_deriver *deriver, struct tide_batch *batch, uint32_t row)
{
    const struct tide_schema *schema = deriver->schema;
    struct tide_derive_memo *memos = deriver->memos;
    for (uint32_t i = schema->path_column_count; i < schema->column_count; i++, memos += MEMOS) {
        const struct tide_column *column = &schema->columns[i];
        const struct tide_vector *source = &batch->columns[column->from];
        struct tide_vector *vector = &batch->columns[i];
        bool has_value = false;
        if (source->present[row]) {
            vector->strings[row] = recall(memos, column, source->strings[row], &has_value);
        }
        vector->present[row] = has_value;
    }
}
