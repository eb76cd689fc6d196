/* Rows of any query on stdout, as they come, in one of four formats.
 *
 *     ndjson   a line for each row, an object of its columns
 *     json     one array of them
 *     csv      a header, then rows; null is an empty field, an empty text ""
 *     table    aligned; null is NULL, control characters are \x0A. Widths are those of the first
 *              rows, so that a long answer is not held: what is wider later sticks out
 *
 * Columns of one name get _2, _3, .. in objects. One thread. */
#ifndef TIDE_CLI_ROW_PRINTER_H
#define TIDE_CLI_ROW_PRINTER_H

#include "cli/print.h"
#include "lake/duckdb_stream.h"

struct tide_row_printer;

/* row_max: after so many rows of an answer the rest is left out, which a table and stderr say; 0:
 * all. NULL: out of memory. */
struct tide_row_printer *tide_row_printer_create(enum tide_format format, uint64_t row_max);
void tide_row_printer_destroy(struct tide_row_printer *printer);
/* What a stream hands its rows to; is_json as the stream needs it. The sink answers AGAIN when
 * stdout cannot be written, or when the rows are enough; why tells which. */
struct tide_duckdb_sink tide_row_printer_sink(struct tide_row_printer *printer, bool *is_json);
/* Why the sink ended the stream: OUTPUT, OK if the rows were enough (and the answer was finished),
 * TEMPORARY if memory was not. */
enum tide_exit tide_row_printer_exit(const struct tide_row_printer *printer);
bool tide_row_printer_has_ended(const struct tide_row_printer *printer);

#endif
