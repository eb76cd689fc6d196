#include "cli/print.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMN_COUNT = 5,
    LINE_ARENA_BYTES = 16 << 20
};
static const char *const columns[COLUMN_COUNT] = {"metric", "start", "end", "group", "value"};

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

/* Control bytes become spaces: they could end a field early or steer a terminal. */
static void append_scalar(struct tide_bytes *text, const struct tide_json *json)
{
    if (json == NULL || json->kind == TIDE_JSON_NULL) {
        return;
    }
    struct tide_view value = json->kind == TIDE_JSON_STRING ? json->text : json->source;
    for (size_t i = 0; i < value.size; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        tide_bytes_append_byte(text, byte < 0x20 || byte == 0x7f ? ' ' : value.data[i]);
    }
}

/* A pair of a key and a value, after a space if it is not the first. */
static void append_pair(struct tide_bytes *text,
                        bool *is_first,
                        struct tide_view key,
                        const struct tide_json *value)
{
    if (!*is_first) {
        tide_bytes_append_byte(text, ' ');
    }
    *is_first = false;
    tide_bytes_append_view(text, key);
    tide_bytes_append_byte(text, '=');
    if (value->kind == TIDE_JSON_NULL) {
        tide_bytes_append_text(text, "null");
    } else {
        append_scalar(text, value);
    }
}

/* The members of an object; NULL: none. */
static void append_pairs(struct tide_bytes *text, bool *is_first, const struct tide_json *object)
{
    for (const struct tide_json *item = object == NULL ? NULL : object->first; item != NULL;
         item = item->next) {
        append_pair(text, is_first, item->key, item);
    }
}

/* What a cell of a kind with several numbers says, as pairs: of quantiles each one, of a funnel's
 * steps how many reached them. */
static void append_numbers(struct tide_bytes *text, const struct tide_json *cell)
{
    static const char *const keys[] = {"count",
                                       "sessions",
                                       "events",
                                       "bounced",
                                       "mean_duration",
                                       "median_duration",
                                       "entered",
                                       "completed",
                                       "open",
                                       "unmatched",
                                       "mean_time",
                                       "median_time",
                                       "size",
                                       "retained"};
    const struct tide_json *steps = tide_json_get(cell, "steps");
    bool is_first = true;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct tide_json *member = tide_json_get(cell, keys[i]);
        if (member != NULL) {
            append_pair(text, &is_first, tide_view_of(keys[i]), member);
        }
    }
    append_pairs(text, &is_first, tide_json_get(cell, "quantiles"));
    for (const struct tide_json *step = steps == NULL ? NULL : steps->first; step != NULL;
         step = step->next) {
        struct tide_view name = {0};
        const struct tide_json *reached = tide_json_get(step, "reached");
        if (tide_json_get_text(step, "name", &name) && reached != NULL) {
            append_pair(text, &is_first, name, reached);
        }
    }
}

/* One field of a cell. A cohort has the name of its first day in place of a start. */
static void append_field(struct tide_bytes *text, const struct tide_json *cell, const char *column)
{
    const struct tide_json *member = tide_json_get(cell, column);
    bool is_first = true;
    if (strcmp(column, "group") == 0) {
        append_pairs(text, &is_first, member);
    } else if (member == NULL && strcmp(column, "value") == 0) {
        append_numbers(text, cell);
    } else if (member == NULL && strcmp(column, "start") == 0) {
        append_scalar(text, tide_json_get(cell, "cohort"));
    } else {
        append_scalar(text, member);
    }
}

/* The fields of a cell's line, each ended by '\0'; false: it is not a cell (the ledger). */
static bool append_fields(struct tide_view line, struct tide_bytes *fields)
{
    struct tide_arena arena;
    struct tide_json *json = NULL;
    tide_arena_init(&arena, LINE_ARENA_BYTES);
    bool is_cell = tide_json_parse(&arena, line, &json, NULL) == TIDE_OK &&
                   tide_json_get(json, "metric") != NULL;
    for (int i = 0; is_cell && i < COLUMN_COUNT; i++) {
        append_field(fields, json, columns[i]);
        tide_bytes_append_byte(fields, '\0');
    }
    tide_arena_release(&arena);
    return is_cell;
}

static void print_csv_field(const char *text)
{
    if (strpbrk(text, "\",\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_csv(struct tide_printer *printer, struct tide_view line)
{
    struct tide_bytes fields = {0};
    if (append_fields(line, &fields)) {
        if (printer->line_count == 0) {
            puts("metric,start,end,group,value");
        }
        const char *field = fields.data;
        for (int i = 0; i < COLUMN_COUNT; i++) {
            print_csv_field(field);
            field += strlen(field) + 1;
            putchar(i + 1 < COLUMN_COUNT ? ',' : '\n');
        }
        printer->line_count++;
    }
    tide_bytes_release(&fields);
}

void tide_printer_line(struct tide_printer *printer, struct tide_view line)
{
    switch (printer->format) {
    case TIDE_FORMAT_NDJSON:
        fwrite(line.data, 1, line.size, stdout);
        putchar('\n');
        printer->line_count++;
        return;
    case TIDE_FORMAT_JSON:
        fputs(printer->line_count == 0 ? "[\n" : ",\n", stdout);
        fwrite(line.data, 1, line.size, stdout);
        printer->line_count++;
        return;
    case TIDE_FORMAT_CSV:
        print_csv(printer, line);
        return;
    case TIDE_FORMAT_TABLE:
        printer->line_count += append_fields(line, &printer->held);
        return;
    }
}

static void measure(const char *rows, uint64_t row_count, int widths[COLUMN_COUNT])
{
    for (uint64_t row = 0; row < row_count; row++) {
        for (int i = 0; i < COLUMN_COUNT; i++) {
            size_t size = strlen(rows);
            int width = size > 60 ? 60 : (int)size;
            widths[i] = width > widths[i] ? width : widths[i];
            rows += size + 1;
        }
    }
}

static void print_table(const struct tide_printer *printer)
{
    int widths[COLUMN_COUNT];
    for (int i = 0; i < COLUMN_COUNT; i++) {
        widths[i] = (int)strlen(columns[i]);
    }
    const char *rows = printer->held.data;
    measure(rows, printer->line_count, widths);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        printf("%-*s%s", widths[i], columns[i], i + 1 < COLUMN_COUNT ? "  " : "\n");
    }
    for (uint64_t row = 0; row < printer->line_count; row++) {
        for (int i = 0; i < COLUMN_COUNT; i++) {
            printf("%-*s%s", widths[i], rows, i + 1 < COLUMN_COUNT ? "  " : "\n");
            rows += strlen(rows) + 1;
        }
    }
}

void tide_printer_finish(struct tide_printer *printer)
{
    if (printer->format == TIDE_FORMAT_JSON) {
        fputs(printer->line_count == 0 ? "[]\n" : "\n]\n", stdout);
    } else if (printer->format == TIDE_FORMAT_TABLE) {
        print_table(printer);
    }
    tide_bytes_release(&printer->held);
}
