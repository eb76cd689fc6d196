/* A decoded event without its text: where its columns stand in the text, or which numbers they are.
 *
 * Who has an event's image and the same text restores its row without decoding
 * (tide_decoder_restore). Eight bytes for each column that has a path; what is made from those
 * columns, derived ones and the identity, is not in it and is made again.
 *
 * Some images only say that the event must be decoded: it was rejected, a string has escapes, so
 * that its value does not stand in the text, or a value was of a wrong type. */
#ifndef TIDE_DECODE_ROW_IMAGE_H
#define TIDE_DECODE_ROW_IMAGE_H

#include "event/batch.h"

enum {
    TIDE_ROW_IMAGE_WORD = 64, /* columns */
    TIDE_ROW_IMAGE_WORDS =
        (TIDE_SCHEMA_COLUMNS_MAX + TIDE_ROW_IMAGE_WORD - 1) / TIDE_ROW_IMAGE_WORD,
};

struct tide_row_image {
    uint32_t text_size; /* 0: it must be decoded, and nothing else counts */
    bool has_payload;   /* without it the next three do not count */
    bool payload_is_spaced;
    uint32_t payload_at;
    uint32_t payload_size;
    uint64_t present[TIDE_ROW_IMAGE_WORDS]; /* a bit for each column; of unused words: anything */
    union tide_row_image_cell {
        struct {
            uint32_t at; /* in the text */
            uint32_t size;
        } string;
        int64_t number;
    } cells[]; /* of columns with a path; of one that is null: zeros */
};

/* Bytes of one image of that schema; a multiple of 16. */
size_t tide_row_image_size(const struct tide_schema *schema);
/* Of any row of a batch; image has as many bytes as above, aligned for 8. */
void tide_row_image_take(const struct tide_batch *batch,
                         uint32_t row,
                         struct tide_row_image *image);
/* Columns with a path, and the payload, of a row that has been appended for text. Asserts that the
 * image is of a text of that size, lies in it, and need not be decoded. */
void tide_row_image_restore(const struct tide_row_image *image,
                            struct tide_view text,
                            struct tide_batch *batch,
                            uint32_t row);

#endif
