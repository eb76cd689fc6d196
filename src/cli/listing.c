#include "cli/listing.h"

#include "base/assert.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ROWS_BYTES_MAX = 256 << 20,
    ARENA_BYTES_MAX = 1 << 30,
    COLUMNS_MAX = 16,
    CELL_SIZE = 256
};

void tide_size_format(uint64_t bytes, char text[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double size = (double)bytes;
    while (size >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        size /= 1024;
        unit++;
    }
    (void)snprintf(text, 24, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

void tide_listing_init(struct tide_listing *listing,
                       enum tide_format format,
                       const struct tide_listing_column *columns,
                       uint32_t column_count)
{
    tide_assert(column_count > 0 && column_count <= COLUMNS_MAX);
    *listing =
        (struct tide_listing){.format = format, .columns = columns, .column_count = column_count};
    tide_bytes_init(&listing->rows, ROWS_BYTES_MAX);
}

void tide_listing_release(struct tide_listing *listing)
{
    tide_bytes_release(&listing->rows);
}

void tide_listing_begin(struct tide_listing *listing)
{
    tide_bytes_append_byte(&listing->rows, '[');
}

static void separate(struct tide_listing *listing)
{
    if (!listing->rows.failed && listing->rows.data[listing->rows.size - 1] != '[') {
        tide_bytes_append_byte(&listing->rows, ',');
    }
}

void tide_listing_text(struct tide_listing *listing, struct tide_view text)
{
    separate(listing);
    tide_json_write_string(&listing->rows, text);
}

void tide_listing_number(struct tide_listing *listing, uint64_t number)
{
    separate(listing);
    tide_bytes_append_format(&listing->rows, "%" PRIu64, number);
}

void tide_listing_null(struct tide_listing *listing)
{
    separate(listing);
    tide_bytes_append_text(&listing->rows, "null");
}

void tide_listing_end(struct tide_listing *listing)
{
    tide_bytes_append_text(&listing->rows, "]\n");
    listing->row_count++;
}

/* ---- printing */

static void write_object(const struct tide_listing *listing,
                         const struct tide_json *row,
                         struct tide_bytes *out)
{
    const struct tide_json *cell = row->first;
    tide_bytes_append_byte(out, '{');
    for (uint32_t i = 0; i < listing->column_count; i++, cell = cell->next) {
        tide_json_write_key(out, listing->columns[i].name);
        tide_bytes_append_view(out, cell->source);
    }
    tide_bytes_append_byte(out, '}');
}

static void write_csv_cell(const struct tide_json *cell, struct tide_bytes *out)
{
    if (cell->kind == TIDE_JSON_NULL) {
        return;
    }
    if (cell->kind != TIDE_JSON_STRING) {
        tide_bytes_append_view(out, cell->source);
        return;
    }
    tide_bytes_append_byte(out, '"');
    for (size_t i = 0; i < cell->text.size; i++) {
        tide_bytes_append_text(out, cell->text.data[i] == '"' ? "\"" : "");
        tide_bytes_append_byte(out, cell->text.data[i]);
    }
    tide_bytes_append_byte(out, '"');
}

/* As people see it; *is_number: it stands at the right. */
static void show_cell(const struct tide_listing_column *column,
                      const struct tide_json *cell,
                      char text[CELL_SIZE],
                      bool *is_number)
{
    *is_number = cell->kind == TIDE_JSON_NUMBER;
    if (cell->kind == TIDE_JSON_NULL) {
        (void)snprintf(text, CELL_SIZE, "-");
    } else if (*is_number && column->is_bytes) {
        char size[24];
        char number[32];
        (void)snprintf(number, sizeof(number), "%.*s", TIDE_VIEW_ARGUMENTS(cell->text));
        tide_size_format(strtoull(number, NULL, 10), size);
        (void)snprintf(text, CELL_SIZE, "%s", size);
    } else {
        (void)snprintf(text, CELL_SIZE, "%.*s", TIDE_VIEW_ARGUMENTS(cell->text));
    }
}

static void write_table(const struct tide_listing *listing,
                        struct tide_json *const *rows,
                        struct tide_bytes *out)
{
    int widths[COLUMNS_MAX];
    bool is_right[COLUMNS_MAX] = {false}; /* columns of numbers */
    bool is_number = false;
    char text[CELL_SIZE];
    for (uint32_t c = 0; c < listing->column_count; c++) {
        widths[c] = (int)strlen(listing->columns[c].name);
    }
    for (uint32_t r = 0; r < listing->row_count; r++) {
        const struct tide_json *cell = rows[r]->first;
        for (uint32_t c = 0; c < listing->column_count; c++, cell = cell->next) {
            show_cell(&listing->columns[c], cell, text, &is_number);
            const int width = (int)strlen(text);
            widths[c] = width > widths[c] ? width : widths[c];
            is_right[c] = is_right[c] || is_number;
        }
    }
    for (uint32_t r = 0; r <= listing->row_count; r++) {
        const struct tide_json *cell = r == 0 ? NULL : rows[r - 1]->first;
        for (uint32_t c = 0; c < listing->column_count; c++) {
            if (r == 0) {
                (void)snprintf(text, sizeof(text), "%s", listing->columns[c].name);
            } else {
                show_cell(&listing->columns[c], cell, text, &is_number);
                cell = cell->next;
            }
            const bool is_last = c + 1 == listing->column_count;
            const int width = is_last && !is_right[c] ? 0 : widths[c];
            tide_bytes_append_format(
                out, is_right[c] ? "%*s%s" : "%-*s%s", width, text, is_last ? "\n" : "  ");
        }
    }
}

static void write_rows(const struct tide_listing *listing,
                       struct tide_json *const *rows,
                       struct tide_bytes *out)
{
    const bool is_json = listing->format == TIDE_FORMAT_JSON;
    tide_bytes_append_text(out, is_json ? "[" : "");
    for (uint32_t r = 0; r < listing->row_count; r++) {
        tide_bytes_append_text(out, is_json && r > 0 ? ",\n " : "");
        write_object(listing, rows[r], out);
        tide_bytes_append_text(out, is_json ? "" : "\n");
    }
    tide_bytes_append_text(out, is_json ? "]\n" : "");
}

static void write_csv(const struct tide_listing *listing,
                      struct tide_json *const *rows,
                      struct tide_bytes *out)
{
    for (uint32_t c = 0; c < listing->column_count; c++) {
        tide_bytes_append_format(out, "%s%s", c == 0 ? "" : ",", listing->columns[c].name);
    }
    tide_bytes_append_byte(out, '\n');
    for (uint32_t r = 0; r < listing->row_count; r++) {
        const struct tide_json *cell = rows[r]->first;
        for (uint32_t c = 0; c < listing->column_count; c++, cell = cell->next) {
            tide_bytes_append_text(out, c == 0 ? "" : ",");
            write_csv_cell(cell, out);
        }
        tide_bytes_append_byte(out, '\n');
    }
}

static bool parse_rows(const struct tide_listing *listing,
                       struct tide_arena *arena,
                       struct tide_json **rows)
{
    struct tide_view rest = tide_bytes_view(&listing->rows);
    for (uint32_t r = 0; r < listing->row_count; r++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        tide_assert(end != NULL);
        const size_t size = (size_t)(end - rest.data);
        if (tide_json_parse(arena, tide_view_slice(rest, 0, size), &rows[r], NULL) != TIDE_OK) {
            return false;
        }
        tide_assert(rows[r]->count == listing->column_count);
        rest = tide_view_slice(rest, size + 1, rest.size - size - 1);
    }
    return true;
}

enum tide_exit tide_listing_finish(struct tide_listing *listing)
{
    struct tide_arena arena = {0};
    struct tide_bytes out = {0};
    tide_arena_init(&arena, ARENA_BYTES_MAX);
    struct tide_json **rows = TIDE_ARENA_ARRAY(&arena, struct tide_json *, listing->row_count + 1U);
    bool is_whole = !listing->rows.failed && rows != NULL && parse_rows(listing, &arena, rows);
    if (is_whole) {
        switch (listing->format) {
        case TIDE_FORMAT_NDJSON:
        case TIDE_FORMAT_JSON:
            write_rows(listing, rows, &out);
            break;
        case TIDE_FORMAT_CSV:
            write_csv(listing, rows, &out);
            break;
        case TIDE_FORMAT_TABLE:
            write_table(listing, rows, &out);
            break;
        }
        is_whole = !out.failed;
    }
    const bool is_written = is_whole && fwrite(out.data, 1, out.size, stdout) == out.size;
    tide_bytes_release(&out);
    tide_arena_release(&arena);
    if (!is_whole) {
        return tide_fail(TIDE_EXIT_TEMPORARY, "out of memory");
    }
    return is_written ? TIDE_EXIT_OK : TIDE_EXIT_OUTPUT;
}
