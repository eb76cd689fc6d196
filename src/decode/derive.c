#include "decode/derive.h"

#include "event/glob.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    MEMOS = 16, /* for each column; a power of two */
    WORD_MAX = 38,
};

struct tide_derive_memo {
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

static struct tide_derive_memo *memo_of(struct tide_derive_memo *memos, struct tide_view word)
{
    const unsigned first = (unsigned char)word.data[0];
    const unsigned middle = (unsigned char)word.data[word.size / 2];
    const unsigned last = (unsigned char)word.data[word.size - 1];
    const uint32_t mixed = (first ^ middle << 8 ^ last << 16 ^ (uint32_t)word.size << 24);
    return &memos[mixed * UINT32_C(0x9E3779B1) >> 28];
}

/* The same, remembered. */
static struct tide_view recall(struct tide_derive_memo *memos,
                               const struct tide_column *column,
                               struct tide_view source,
                               bool *has_value)
{
    if (source.size == 0 || source.size > WORD_MAX) {
        return value_of(column, source, has_value);
    }
    struct tide_derive_memo *memo = memo_of(memos, source);
    if (memo->size != source.size || !tide_bytes_equal(memo->word, source.data, source.size)) {
        memo->value = value_of(column, source, &memo->has_value);
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
