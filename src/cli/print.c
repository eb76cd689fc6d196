#include "cli/print.h"

#include <stdio.h>
#include <string.h>

bool tide_format_parse(const char *text, enum tide_format *format)
{
    static const char *const names[] = {"ndjson", "json", "csv", "table"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *format = (enum tide_format)i;
            return true;
        }
    }
    (void)tide_fail(TIDE_EXIT_USAGE, "unknown format '%s': ndjson, json, csv or table", text);
    return false;
}

void tide_printer_init(struct tide_printer *printer, enum tide_format format)
{
    *printer = (struct tide_printer){.format = format};
}

static enum tide_exit no_memory(void)
{
    return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory for what is printed");
}

static enum tide_exit output_exit(void)
{
    return ferror(stdout) ? TIDE_EXIT_OUTPUT : TIDE_EXIT_OK;
}

/* false: out of memory. */
static bool open_sheet(struct tide_printer *printer)
{
    if (printer->sheet == NULL) {
        printer->sheet = tide_sheet_create(printer->format == TIDE_FORMAT_CSV ? TIDE_SHEET_CSV
                                                                              : TIDE_SHEET_TABLE);
    }
    return printer->sheet != NULL;
}

enum tide_exit tide_printer_line(struct tide_printer *printer, struct tide_view line)
{
    switch (printer->format) {
    case TIDE_FORMAT_JSON:
        fputs(printer->line_count == 0 ? "[\n" : ",\n", stdout);
        fwrite(line.data, 1, line.size, stdout);
        break;
    case TIDE_FORMAT_NDJSON:
        fwrite(line.data, 1, line.size, stdout);
        putchar('\n');
        break;
    case TIDE_FORMAT_CSV:
    case TIDE_FORMAT_TABLE:
        if (!open_sheet(printer) || !tide_sheet_add(printer->sheet, line)) {
            return no_memory();
        }
        break;
    }
    printer->line_count++;
    return output_exit();
}

static bool is_within(struct tide_window starts, struct tide_instant start)
{
    return !(tide_instant_known(starts.start) && start.us < starts.start.us) &&
           !(tide_instant_known(starts.end) && start.us >= starts.end.us);
}

enum tide_exit tide_printer_result(struct tide_printer *printer,
                                   const struct tide_result *result,
                                   struct tide_window starts,
                                   struct tide_view extra)
{
    const uint64_t count = tide_result_count(result);
    struct tide_bytes line = {0};
    enum tide_exit exit = TIDE_EXIT_OK;
    for (uint64_t i = 0; exit == TIDE_EXIT_OK && i < count; i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        if (is_within(starts, row.window.start)) {
            tide_bytes_reset(&line);
            tide_result_write_json(result, &row, extra, &line);
            exit = line.failed ? no_memory() : tide_printer_line(printer, tide_bytes_view(&line));
        }
    }
    tide_bytes_release(&line);
    return exit;
}

enum tide_exit tide_printer_finish(struct tide_printer *printer)
{
    switch (printer->format) {
    case TIDE_FORMAT_JSON:
        fputs(printer->line_count == 0 ? "[]\n" : "\n]\n", stdout);
        break;
    case TIDE_FORMAT_NDJSON:
        break;
    case TIDE_FORMAT_CSV:
    case TIDE_FORMAT_TABLE:
        if (!open_sheet(printer) || !tide_sheet_print(printer->sheet)) {
            return no_memory();
        }
        break;
    }
    return output_exit();
}

void tide_printer_release(struct tide_printer *printer)
{
    tide_sheet_destroy(printer->sheet);
    *printer = (struct tide_printer){0};
}
