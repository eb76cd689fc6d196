/* Cells for people and programs: lines of JSON in, one of four formats out. */
#ifndef TIDE_CLI_PRINT_H
#define TIDE_CLI_PRINT_H

#include "cli/command.h"
#include "base/bytes.h"

enum tide_format {
    TIDE_FORMAT_NDJSON, /* as they come */
    TIDE_FORMAT_JSON,   /* one array */
    TIDE_FORMAT_CSV,    /* metric,start,end,group,value; of several numbers key=value pairs */
    TIDE_FORMAT_TABLE,  /* the same, aligned, for a terminal */
};

struct tide_printer {
    enum tide_format format;
    uint64_t line_count;
    struct tide_bytes held; /* of a table: rows wait until widths are known */
};

/* "ndjson" ...; false after a usage error was printed. */
bool tide_format_parse(const char *text, enum tide_format *format);
void tide_printer_init(struct tide_printer *printer, enum tide_format format);
/* line: a cell or the ledger, without '\n'. */
void tide_printer_line(struct tide_printer *printer, struct tide_view line);
void tide_printer_finish(struct tide_printer *printer); /* and releases */

#endif
