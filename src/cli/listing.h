/* Rows of a few columns in the house's formats: aligned for people, ndjson, json or csv for
 * programs. Rows wait until finish. All zero is valid to release; one thread. */
#ifndef TIDE_CLI_LISTING_H
#define TIDE_CLI_LISTING_H

#include "cli/command.h"
#include "cli/print.h"

struct tide_listing_column {
    const char *name;
    bool is_bytes; /* in a table 1.5 MiB */
};

struct tide_listing {
    enum tide_format format;
    const struct tide_listing_column *columns;
    uint32_t column_count;
    uint32_t row_count;
    struct tide_bytes rows; /* JSON arrays, a line each */
};

void tide_listing_init(struct tide_listing *listing,
                       enum tide_format format,
                       const struct tide_listing_column *columns,
                       uint32_t column_count);
void tide_listing_release(struct tide_listing *listing);
/* A row: begin, a cell for each column in their order, end. */
void tide_listing_begin(struct tide_listing *listing);
void tide_listing_text(struct tide_listing *listing, struct tide_view text);
void tide_listing_number(struct tide_listing *listing, uint64_t number);
void tide_listing_null(struct tide_listing *listing);
void tide_listing_end(struct tide_listing *listing);
/* Prints. OUTPUT: stdout cannot be written; TEMPORARY: out of memory, said on stderr. */
enum tide_exit tide_listing_finish(struct tide_listing *listing);

/* "1.5 MiB", "12 B". */
void tide_size_format(uint64_t bytes, char text[24]);

#endif
