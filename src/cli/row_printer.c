/* A table's first rows wait until their widths are known; any other row is printed as it comes. */
#include "cli/row_printer.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELD_ROWS_MAX = 1000, /* of a table, until it is printed */
    HELD_BYTES_MAX = 16 << 20,
    WIDTH_MAX = 60 /* wider fields stick out */
};

struct column {
    char *name; /* owned; in objects */
    char *head; /* owned; above it */
    bool is_number;
    size_t width; /* characters */
};

struct tide_row_printer {
    enum tide_format format;
    uint64_t row_max;
    uint64_t answer_count;
    struct column *columns;
    uint32_t column_count;
    uint64_t row_count;     /* of the answer */
    struct tide_bytes held; /* fields of a table's first rows, each ends with '\n' */
    uint64_t held_rows;
    bool is_holding;
    struct tide_bytes line;
    bool has_ended;
    enum tide_exit exit;
};

/* ---- life */

static void forget_columns(struct tide_row_printer *printer)
{
    for (uint32_t i = 0; i < printer->column_count; i++) {
        free(printer->columns[i].name);
        free(printer->columns[i].head);
    }
    free(printer->columns);
    printer->columns = NULL;
    printer->column_count = 0;
}

struct tide_row_printer *tide_row_printer_create(enum tide_format format, uint64_t row_max)
{
    struct tide_row_printer *printer = calloc(1, sizeof(*printer));
    if (printer != NULL) {
        printer->format = format;
        printer->row_max = row_max;
    }
    return printer;
}

void tide_row_printer_destroy(struct tide_row_printer *printer)
{
    if (printer == NULL) {
        return;
    }
    forget_columns(printer);
    tide_bytes_release(&printer->held);
    tide_bytes_release(&printer->line);
    free(printer);
}

enum tide_exit tide_row_printer_exit(const struct tide_row_printer *printer)
{
    return printer->exit;
}

bool tide_row_printer_has_ended(const struct tide_row_printer *printer)
{
    return printer->has_ended;
}

static enum tide_status end_with(struct tide_row_printer *printer, enum tide_exit exit)
{
    printer->has_ended = true;
    printer->exit = exit;
    return TIDE_AGAIN;
}

static enum tide_status no_memory(struct tide_row_printer *printer)
{
    return end_with(printer, tide_fail(TIDE_EXIT_TEMPORARY, "out of memory for what is printed"));
}

/* ---- text */

/* A terminal must not be told anything by data. */
static void append_shown(struct tide_view text, struct tide_bytes *into)
{
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        const bool is_c1 = c == 0xC2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || is_c1) {
            tide_bytes_append_format(into, "\\x%02X", c);
        } else {
            tide_bytes_append_byte(into, (char)c);
        }
    }
}

static void append_csv(struct tide_view text, struct tide_bytes *into)
{
    bool is_quoted = text.size == 0;
    for (size_t i = 0; i < text.size; i++) {
        is_quoted = is_quoted || strchr("\",\r\n", text.data[i]) != NULL;
    }
    tide_bytes_append_text(into, is_quoted ? "\"" : "");
    for (size_t i = 0; i < text.size; i++) {
        tide_bytes_append_text(into, text.data[i] == '"' ? "\"" : "");
        tide_bytes_append_byte(into, text.data[i]);
    }
    tide_bytes_append_text(into, is_quoted ? "\"" : "");
}

static enum tide_status print_line(struct tide_row_printer *printer)
{
    struct tide_bytes *line = &printer->line;
    if (line->failed) {
        return no_memory(printer);
    }
    fwrite(line->data, 1, line->size, stdout);
    tide_bytes_reset(line);
    return ferror(stdout) ? end_with(printer, TIDE_EXIT_OUTPUT) : TIDE_OK;
}

/* ---- tables */

static void append_padded(struct tide_row_printer *printer, uint32_t index, struct tide_view field)
{
    const struct column *column = &printer->columns[index];
    const size_t width = column->width < WIDTH_MAX ? column->width : WIDTH_MAX;
    const size_t size = tide_utf8_character_count(field);
    size_t padding = size < width ? width - size : 0;
    const bool is_last = index + 1 == printer->column_count;
    struct tide_bytes *line = &printer->line;
    tide_bytes_append_text(line, index == 0 ? "" : "  ");
    for (; column->is_number && padding > 0; padding--) {
        tide_bytes_append_byte(line, ' ');
    }
    tide_bytes_append_view(line, field);
    for (; !column->is_number && !is_last && padding > 0; padding--) {
        tide_bytes_append_byte(line, ' ');
    }
}

static enum tide_status end_table_line(struct tide_row_printer *printer)
{
    struct tide_bytes *line = &printer->line;
    while (line->size > 0 && line->data[line->size - 1] == ' ') {
        line->size--;
    }
    tide_bytes_append_byte(line, '\n');
    return print_line(printer);
}

/* The header and what waits below it; from then on rows are printed as they come. */
static enum tide_status print_held(struct tide_row_printer *printer)
{
    size_t at = 0;
    printer->is_holding = false;
    if (printer->held.failed) {
        return no_memory(printer);
    }
    for (uint32_t i = 0; i < printer->column_count; i++) {
        append_padded(printer, i, tide_view_of(printer->columns[i].head));
    }
    enum tide_status status = end_table_line(printer);
    const struct tide_view held = tide_bytes_view(&printer->held);
    for (uint64_t row = 0; status == TIDE_OK && row < printer->held_rows; row++) {
        for (uint32_t i = 0; i < printer->column_count; i++) {
            const char *end = memchr(held.data + at, '\n', held.size - at);
            const size_t size = (size_t)(end - (held.data + at));
            append_padded(printer, i, tide_view_slice(held, at, size));
            at += size + 1;
        }
        status = end_table_line(printer);
    }
    tide_bytes_reset(&printer->held);
    return status;
}

static enum tide_status table_row(struct tide_row_printer *printer,
                                  const struct tide_duckdb_field *fields)
{
    struct tide_bytes shown = {0};
    for (uint32_t i = 0; i < printer->column_count; i++) {
        struct column *column = &printer->columns[i];
        tide_bytes_reset(&shown);
        if (fields[i].present) {
            append_shown(fields[i].text, &shown);
        } else {
            tide_bytes_append_text(&shown, "NULL");
        }
        if (printer->is_holding) {
            const size_t width = tide_utf8_character_count(tide_bytes_view(&shown));
            column->width = width > column->width ? width : column->width;
            tide_bytes_append_view(&printer->held, tide_bytes_view(&shown));
            tide_bytes_append_byte(&printer->held, '\n');
        } else {
            append_padded(printer, i, tide_bytes_view(&shown));
        }
    }
    const bool failed = shown.failed;
    tide_bytes_release(&shown);
    if (failed) {
        return no_memory(printer);
    }
    if (!printer->is_holding) {
        return end_table_line(printer);
    }
    printer->held_rows++;
    return printer->held_rows == HELD_ROWS_MAX || printer->held.size > HELD_BYTES_MAX
               ? print_held(printer)
               : TIDE_OK;
}

/* ---- the other formats */

static enum tide_status object_row(struct tide_row_printer *printer,
                                   const struct tide_duckdb_field *fields)
{
    struct tide_bytes *line = &printer->line;
    const bool is_first = printer->row_count == 0;
    if (printer->format == TIDE_FORMAT_JSON) {
        tide_bytes_append_text(line, is_first ? "[\n" : ",\n");
    }
    tide_bytes_append_byte(line, '{');
    for (uint32_t i = 0; i < printer->column_count; i++) {
        tide_bytes_append_text(line, i == 0 ? "" : ", ");
        tide_json_write_string(line, tide_view_of(printer->columns[i].name));
        tide_bytes_append_text(line, ": ");
        tide_bytes_append_view(line, fields[i].text);
    }
    tide_bytes_append_text(line, printer->format == TIDE_FORMAT_JSON ? "}" : "}\n");
    return print_line(printer);
}

static enum tide_status csv_row(struct tide_row_printer *printer,
                                const struct tide_duckdb_field *fields)
{
    struct tide_bytes *line = &printer->line;
    for (uint32_t i = 0; i < printer->column_count; i++) {
        tide_bytes_append_text(line, i == 0 ? "" : ",");
        if (fields[i].present) {
            append_csv(fields[i].text, line);
        }
    }
    tide_bytes_append_byte(line, '\n');
    return print_line(printer);
}

static enum tide_status csv_header(struct tide_row_printer *printer)
{
    for (uint32_t i = 0; i < printer->column_count; i++) {
        tide_bytes_append_text(&printer->line, i == 0 ? "" : ",");
        append_csv(tide_view_of(printer->columns[i].name), &printer->line);
    }
    tide_bytes_append_byte(&printer->line, '\n');
    return print_line(printer);
}

/* ---- the sink */

static bool has_name(const struct tide_row_printer *printer, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(printer->columns[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static char *copy_text(struct tide_bytes *text)
{
    const char *terminated = tide_bytes_terminated(text);
    return text->failed ? NULL : strdup(terminated);
}

/* false: out of memory. */
static bool name_column(struct tide_row_printer *printer,
                        uint32_t index,
                        const struct tide_duckdb_heading *heading)
{
    struct column *column = &printer->columns[index];
    struct tide_bytes text = {0};
    tide_bytes_append_view(&text, heading->name);
    for (uint32_t n = 2; !text.failed && has_name(printer, index, tide_bytes_terminated(&text));
         n++) {
        text.size = heading->name.size;
        tide_bytes_append_format(&text, "_%u", n);
    }
    column->name = copy_text(&text);
    tide_bytes_reset(&text);
    append_shown(heading->name, &text);
    column->head = copy_text(&text);
    column->width = tide_utf8_character_count(tide_bytes_view(&text));
    column->is_number = heading->is_number;
    tide_bytes_release(&text);
    return column->name != NULL && column->head != NULL;
}

static enum tide_status begin(void *context,
                              const struct tide_duckdb_heading *headings,
                              uint32_t column_count)
{
    struct tide_row_printer *printer = context;
    forget_columns(printer);
    printer->columns = calloc((size_t)column_count + 1, sizeof(*printer->columns));
    if (printer->columns == NULL) {
        return no_memory(printer);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        printer->column_count = i + 1;
        if (!name_column(printer, i, &headings[i])) {
            return no_memory(printer);
        }
    }
    printer->row_count = 0;
    printer->held_rows = 0;
    printer->is_holding = printer->format == TIDE_FORMAT_TABLE;
    const bool is_apart =
        printer->format == TIDE_FORMAT_TABLE || printer->format == TIDE_FORMAT_CSV;
    if (printer->answer_count++ > 0 && is_apart) {
        putchar('\n');
    }
    return printer->format == TIDE_FORMAT_CSV ? csv_header(printer) : TIDE_OK;
}

static enum tide_status finish(struct tide_row_printer *printer, bool is_cut)
{
    switch (printer->format) {
    case TIDE_FORMAT_TABLE: {
        const enum tide_status status = printer->is_holding ? print_held(printer) : TIDE_OK;
        if (status != TIDE_OK) {
            return status;
        }
        tide_bytes_append_format(&printer->line,
                                 "(%s%llu row%s)\n",
                                 is_cut ? "the first " : "",
                                 (unsigned long long)printer->row_count,
                                 printer->row_count == 1 ? "" : "s");
        return print_line(printer);
    }
    case TIDE_FORMAT_JSON:
        tide_bytes_append_text(&printer->line, printer->row_count == 0 ? "[]\n" : "\n]\n");
        return print_line(printer);
    case TIDE_FORMAT_NDJSON:
    case TIDE_FORMAT_CSV:
        break;
    }
    return TIDE_OK;
}

static enum tide_status row(void *context,
                            const struct tide_duckdb_field *fields,
                            uint32_t column_count)
{
    struct tide_row_printer *printer = context;
    enum tide_status status = TIDE_OK;
    (void)column_count;
    if (printer->row_max > 0 && printer->row_count == printer->row_max) {
        status = finish(printer, true);
        fprintf(stderr,
                "tidemark: the rows after the first %llu are left out\n",
                (unsigned long long)printer->row_max);
        return status == TIDE_OK ? end_with(printer, TIDE_EXIT_OK) : status;
    }
    switch (printer->format) {
    case TIDE_FORMAT_NDJSON:
    case TIDE_FORMAT_JSON:
        status = object_row(printer, fields);
        break;
    case TIDE_FORMAT_CSV:
        status = csv_row(printer, fields);
        break;
    case TIDE_FORMAT_TABLE:
        status = table_row(printer, fields);
        break;
    }
    printer->row_count++;
    return status;
}

static enum tide_status end(void *context)
{
    return finish(context, false);
}

struct tide_duckdb_sink tide_row_printer_sink(struct tide_row_printer *printer, bool *is_json)
{
    *is_json = printer->format == TIDE_FORMAT_NDJSON || printer->format == TIDE_FORMAT_JSON;
    return (struct tide_duckdb_sink){begin, row, end, printer};
}
