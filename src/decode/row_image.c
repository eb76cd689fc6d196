#include "decode/row_image.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

enum {
    SIZE_UNIT = 16
};

size_t tide_row_image_size(const struct tide_schema *schema)
{
    const size_t size = sizeof(struct tide_row_image) +
                        schema->path_column_count * sizeof(union tide_row_image_cell);
    return (size + SIZE_UNIT - 1) / SIZE_UNIT * SIZE_UNIT;
}

/* Where part begins in text; false: it is not a part of it. */
static inline bool find_part(struct tide_view text, struct tide_view part, uint32_t *at)
{
    /* As numbers: what is elsewhere may not be compared as a pointer. */
    const uintptr_t distance = (uintptr_t)part.data - (uintptr_t)text.data;
    if (distance > text.size || part.size > text.size - distance) {
        return false;
    }
    *at = (uint32_t)distance;
    return true;
}

/* Columns [first, end), a word of them. false: the event must be decoded. */
static bool take_columns(const struct tide_batch *batch,
                         uint32_t row,
                         uint32_t first,
                         uint32_t end,
                         struct tide_row_image *image)
{
    const struct tide_view text = batch->texts[row];
    uint64_t present = 0;
    for (uint32_t i = first; i < end; i++) {
        const struct tide_vector *vector = &batch->columns[i];
        union tide_row_image_cell *cell = &image->cells[i];
        cell->number = 0;
        if (!vector->present[row]) {
            if (batch->has_mistyped && vector->mistyped[row]) {
                return false;
            }
            continue;
        }
        present |= UINT64_C(1) << (i - first);
        if (vector->strings == NULL) {
            cell->number = vector->numbers[row];
            continue;
        }
        const struct tide_view string = vector->strings[row];
        cell->string.size = (uint32_t)string.size;
        if (!find_part(text, string, &cell->string.at)) {
            return false;
        }
    }
    image->present[first / TIDE_ROW_IMAGE_WORD] = present;
    return true;
}

static bool take_payload(struct tide_row_image *image,
                         const struct tide_batch *batch,
                         struct tide_view text,
                         uint32_t row)
{
    const struct tide_view payload = batch->payloads[row];
    if (payload.data == NULL) {
        return true;
    }
    image->has_payload = true;
    image->payload_is_spaced = batch->payload_is_spaced[row];
    image->payload_size = (uint32_t)payload.size;
    return find_part(text, payload, &image->payload_at);
}

/* Where the word of columns ends that begins at first. */
static uint32_t end_of_word(const struct tide_schema *schema, uint32_t first)
{
    const uint32_t left = schema->path_column_count - first;
    return first + (left < TIDE_ROW_IMAGE_WORD ? left : TIDE_ROW_IMAGE_WORD);
}

/* false: the event must be decoded. */
static bool take(const struct tide_batch *batch, uint32_t row, struct tide_row_image *image)
{
    const struct tide_schema *schema = batch->schema;
    bool is_taken = batch->verdicts[row].reason == TIDE_REASON_ACCEPTED;
    for (uint32_t i = 0; is_taken && i < schema->path_column_count; i += TIDE_ROW_IMAGE_WORD) {
        is_taken = take_columns(batch, row, i, end_of_word(schema, i), image);
    }
    return is_taken && take_payload(image, batch, batch->texts[row], row);
}

void tide_row_image_take(const struct tide_batch *batch, uint32_t row, struct tide_row_image *image)
{
    tide_assert(row < batch->row_count);
    tide_assert(batch->texts[row].size <= UINT32_MAX);
    image->has_payload = false;
    image->text_size = take(batch, row, image) ? (uint32_t)batch->texts[row].size : 0;
}

/* false: a string would not stand in the text. */
static bool restore_columns(const struct tide_row_image *image,
                            struct tide_view text,
                            const struct tide_batch *batch,
                            uint32_t row,
                            uint32_t first,
                            uint32_t end)
{
    uint64_t present = image->present[first / TIDE_ROW_IMAGE_WORD];
    bool is_outside = false;
    for (uint32_t i = first; i < end; i++, present >>= 1) {
        const struct tide_vector *vector = &batch->columns[i];
        const union tide_row_image_cell cell = image->cells[i];
        vector->present[row] = present & 1;
        if (vector->strings != NULL) {
            is_outside |= (uint64_t)cell.string.at + cell.string.size > text.size;
            vector->strings[row] = (struct tide_view){text.data + cell.string.at, cell.string.size};
        } else {
            vector->numbers[row] = cell.number;
        }
    }
    return !is_outside;
}

void tide_row_image_restore(const struct tide_row_image *image,
                            struct tide_view text,
                            struct tide_batch *batch,
                            uint32_t row)
{
    tide_assert(text.size > 0 && image->text_size == text.size);
    const struct tide_schema *schema = batch->schema;
    for (uint32_t i = 0; i < schema->path_column_count; i += TIDE_ROW_IMAGE_WORD) {
        const bool is_inside = restore_columns(image, text, batch, row, i, end_of_word(schema, i));
        tide_assert(is_inside);
    }
    if (image->has_payload) {
        tide_assert((uint64_t)image->payload_at + image->payload_size <= text.size);
        batch->payloads[row] =
            (struct tide_view){text.data + image->payload_at, image->payload_size};
        batch->payload_is_spaced[row] = image->payload_is_spaced;
    }
}
