/* Cells for people and programs: lines of JSON in, one of four formats out. */
#ifndef TIDE_CLI_PRINT_H
#define TIDE_CLI_PRINT_H

#include "cli/command.h"
#include "cli/sheet.h"
#include "operator/result.h"

enum tide_format {
    TIDE_FORMAT_NDJSON, /* as they come */
    TIDE_FORMAT_JSON,   /* one array */
    TIDE_FORMAT_CSV,    /* a column for each member, see cli/sheet.h */
    TIDE_FORMAT_TABLE,  /* the same, aligned, for a terminal */
};

/* All zero is valid to release. */
struct tide_printer {
    enum tide_format format;
    uint64_t line_count;
    struct tide_sheet *sheet; /* CSV and tables: lines wait until the columns are known */
};

/* "ndjson" ...; false after a usage error was printed. */
bool tide_format_parse(const char *text, enum tide_format *format);
void tide_printer_init(struct tide_printer *printer, enum tide_format format);
/* line: a cell or the ledger, without '\n'. OUTPUT: stdout cannot be written, so stop (main says
 * why); TEMPORARY: out of memory, said on stderr. */
enum tide_exit tide_printer_line(struct tide_printer *printer, struct tide_view line);
/* The cells whose windows start within starts; an unknown instant bounds nothing. extra: members
 * for each line, or empty. Exits as those of a line. */
enum tide_exit tide_printer_result(struct tide_printer *printer,
                                   const struct tide_result *result,
                                   struct tide_window starts,
                                   struct tide_view extra);
#define TIDE_STARTS_ALL ((struct tide_window){TIDE_INSTANT_UNKNOWN, TIDE_INSTANT_UNKNOWN})
/* Prints what waits. Exits as those of a line. */
enum tide_exit tide_printer_finish(struct tide_printer *printer);
void tide_printer_release(struct tide_printer *printer);

#endif
