/* What the columns are is known when the last line has come: until then lines are held as they are,
 * and read a second time when they are printed. A block is a run of lines that shares columns: in a
 * table the lines of one metric, in CSV all there are. */
#include "cli/sheet.h"

#include "base/assert.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_ARENA_BYTES = 64 << 20,
    WIDTH_MAX = 60,      /* wider fields stick out */
    HASH_TEXT_SHOWN = 8, /* of a definition, in a table */
    ROWS_MAX = 1000      /* of one cell: elements of a list */
};

enum section {
    SECTION_HEAD,
    SECTION_GROUP,
    SECTION_VALUE,
    SECTION_COUNT
};

/* In this order, whoever comes first. */
static const char *const head_names[] = {"metric", "start", "end", "cohort"};
enum {
    HEAD_COUNT = sizeof(head_names) / sizeof(head_names[0])
};

struct column {
    enum section section;
    char *name;         /* owned */
    size_t shown_from;  /* of the name, in a table */
    bool has_namesake;  /* of a group: a column of another section has the name */
    bool is_text;       /* a value is no number */
    size_t width;       /* characters */
    uint32_t head_rank; /* of the section HEAD */
};

struct block {
    struct column *columns;
    uint32_t column_count;
    uint32_t column_capacity;
    struct tide_bytes metric; /* of a table: whose lines these are */
    struct tide_bytes lines;  /* each ends with '\n' */
};

struct tide_sheet {
    enum tide_sheet_form form;
    struct block *blocks;
    uint32_t block_count;
    uint32_t block_capacity;
    struct tide_arena arena; /* of the line that is read */
    struct tide_bytes name;  /* of the field that is read */
};

/* ---- from a line to its fields */

struct field {
    enum section section;
    struct tide_view name;
    size_t shown_from;
    uint32_t row; /* of the cell, from 0 */
    const struct tide_json *value;
};

typedef bool (*field_visitor)(void *context, const struct field *field);

struct reader {
    struct tide_sheet *sheet;
    field_visitor visit;
    void *context;
};

static struct tide_view join_name(struct tide_sheet *sheet,
                                  struct tide_view first,
                                  struct tide_view second)
{
    tide_bytes_reset(&sheet->name);
    tide_bytes_append_view(&sheet->name, first);
    tide_bytes_append_byte(&sheet->name, '.');
    tide_bytes_append_view(&sheet->name, second);
    return tide_bytes_view(&sheet->name);
}

/* An element that has a name: a step. */
static bool read_named(const struct reader *reader,
                       const struct tide_json *element,
                       struct tide_view name,
                       uint32_t index)
{
    const bool is_table = reader->sheet->form == TIDE_SHEET_TABLE;
    bool going = true;
    for (const struct tide_json *m = element->first; going && m != NULL; m = m->next) {
        const bool is_name = tide_view_equal(m->key, TIDE_VIEW("name"));
        struct field field = {.section = SECTION_VALUE, .value = m};
        if (is_table) {
            field.name = is_name ? TIDE_VIEW("step") : m->key;
            field.row = index;
        } else if (!is_name) {
            field.name = join_name(reader->sheet, name, m->key);
        } else {
            continue;
        }
        going = reader->visit(reader->context, &field);
    }
    return going;
}

static bool read_list(const struct reader *reader, const struct tide_json *list)
{
    char number[16];
    bool going = true;
    uint32_t index = 0;
    for (const struct tide_json *e = list->first; going && e != NULL && index < ROWS_MAX;
         e = e->next) {
        struct tide_view name = {0};
        if (tide_json_get_text(e, "name", &name)) {
            going = read_named(reader, e, name, index);
        } else {
            snprintf(number, sizeof(number), "%u", index);
            const struct field field = {
                .section = SECTION_VALUE,
                .name = join_name(reader->sheet, list->key, tide_view_of(number)),
                .shown_from = index == 0 ? 0 : list->key.size,
                .value = e};
            going = reader->visit(reader->context, &field);
        }
        index++;
    }
    return going;
}

static bool read_member(const struct reader *reader, const struct tide_json *member)
{
    const bool is_group = tide_view_equal(member->key, TIDE_VIEW("group"));
    struct field field = {.section = SECTION_VALUE, .name = member->key, .value = member};
    bool going = true;
    if (member->kind == TIDE_JSON_ARRAY) {
        return read_list(reader, member);
    }
    if (member->kind != TIDE_JSON_OBJECT) {
        for (int i = 0; i < HEAD_COUNT; i++) {
            if (tide_view_equal(member->key, tide_view_of(head_names[i]))) {
                field.section = SECTION_HEAD;
            }
        }
        return reader->visit(reader->context, &field);
    }
    for (const struct tide_json *m = member->first; going && m != NULL; m = m->next) {
        field.section = is_group ? SECTION_GROUP : SECTION_VALUE;
        field.name = is_group ? m->key : join_name(reader->sheet, member->key, m->key);
        field.value = m;
        going = reader->visit(reader->context, &field);
    }
    return going;
}

/* NULL: it is no cell. Lives until the next one is parsed. */
static const struct tide_json *parse_cell(struct tide_sheet *sheet, struct tide_view line)
{
    struct tide_json *json = NULL;
    tide_arena_reset(&sheet->arena);
    if (tide_json_parse(&sheet->arena, line, &json, NULL) != TIDE_OK ||
        tide_json_get(json, "metric") == NULL) {
        return NULL;
    }
    return json;
}

static bool read_cell(const struct reader *reader, const struct tide_json *cell)
{
    bool going = true;
    for (const struct tide_json *m = cell->first; going && m != NULL; m = m->next) {
        going = read_member(reader, m);
    }
    return going && !reader->sheet->name.failed;
}

/* ---- the text of a field */

/* Control characters, C1 too, become spaces: they could end a field early or steer a terminal. */
static void append_plain(struct tide_bytes *text, struct tide_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        const unsigned char byte = (unsigned char)value.data[i];
        const unsigned char next = i + 1 < value.size ? (unsigned char)value.data[i + 1] : 0;
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            tide_bytes_append_byte(text, ' ');
            i++;
        } else {
            tide_bytes_append_byte(text, byte < 0x20 || byte == 0x7f ? ' ' : value.data[i]);
        }
    }
}

static void append_quoted(struct tide_bytes *text, struct tide_view plain)
{
    tide_bytes_append_byte(text, '"');
    for (size_t i = 0; i < plain.size; i++) {
        if (plain.data[i] == '"') {
            tide_bytes_append_byte(text, '"');
        }
        tide_bytes_append_byte(text, plain.data[i]);
    }
    tide_bytes_append_byte(text, '"');
}

static bool needs_quotes(struct tide_view plain)
{
    return memchr(plain.data, '"', plain.size) != NULL ||
           memchr(plain.data, ',', plain.size) != NULL;
}

static void append_csv(struct tide_bytes *text, struct tide_view value, bool is_null)
{
    struct tide_bytes plain = {0};
    append_plain(&plain, value);
    if (!is_null && (plain.size == 0 || needs_quotes(tide_bytes_view(&plain)))) {
        append_quoted(text, tide_bytes_view(&plain));
    } else if (!is_null) {
        tide_bytes_append_view(text, tide_bytes_view(&plain));
    }
    text->failed = text->failed || plain.failed;
    tide_bytes_release(&plain);
}

static void append_value(enum tide_sheet_form form,
                         const struct column *column,
                         const struct tide_json *value,
                         struct tide_bytes *text)
{
    const bool is_null = value->kind == TIDE_JSON_NULL;
    const bool is_string = value->kind == TIDE_JSON_STRING;
    struct tide_view view = is_string ? value->text : value->source;
    if (form == TIDE_SHEET_CSV) {
        append_csv(text, view, is_null);
    } else if (is_string && view.size == 0) {
        tide_bytes_append_text(text, "\"\"");
    } else {
        if (strcmp(column->name, "definition") == 0 && view.size > HASH_TEXT_SHOWN) {
            view.size = HASH_TEXT_SHOWN;
        }
        append_plain(text, view);
    }
}

static void append_header(enum tide_sheet_form form,
                          const struct column *column,
                          struct tide_bytes *text)
{
    const struct tide_view name = tide_view_of(column->name);
    struct tide_bytes whole = {0};
    tide_bytes_append_text(&whole, column->has_namesake ? "group." : "");
    tide_bytes_append_view(&whole, name);
    if (form == TIDE_SHEET_CSV) {
        append_csv(text, tide_bytes_view(&whole), false);
    } else {
        const struct tide_view shown = tide_bytes_view(&whole);
        append_plain(text,
                     tide_view_slice(shown, column->shown_from, shown.size - column->shown_from));
    }
    text->failed = text->failed || whole.failed;
    tide_bytes_release(&whole);
}

/* ---- columns */

static uint32_t find_column(const struct block *block, const struct field *field, uint32_t hint)
{
    for (uint32_t i = 0; i < block->column_count; i++) { /* fields come in the order of columns */
        const uint32_t at = (hint + i) % block->column_count;
        const struct column *column = &block->columns[at];
        if (column->section == field->section &&
            tide_view_equal(tide_view_of(column->name), field->name)) {
            return at;
        }
    }
    return UINT32_MAX;
}

/* false: out of memory. */
static bool add_column(struct block *block, const struct field *field)
{
    if (block->column_count == block->column_capacity) {
        const uint32_t capacity = block->column_capacity == 0 ? 16 : block->column_capacity * 2;
        struct column *columns = realloc(block->columns, capacity * sizeof(*columns));
        if (columns == NULL) {
            return false;
        }
        block->columns = columns;
        block->column_capacity = capacity;
    }
    char *name = strndup(field->name.data, field->name.size);
    if (name == NULL) {
        return false;
    }
    struct column column = {
        .section = field->section, .name = name, .shown_from = field->shown_from};
    for (uint32_t i = 0; i < HEAD_COUNT; i++) {
        column.head_rank = strcmp(name, head_names[i]) == 0 ? i : column.head_rank;
    }
    block->columns[block->column_count++] = column;
    return true;
}

struct learning {
    struct tide_sheet *sheet;
    struct block *block;
    uint32_t hint;
    struct tide_bytes text;
};

static bool learn_field(void *context, const struct field *field)
{
    struct learning *learning = context;
    struct block *block = learning->block;
    uint32_t at = find_column(block, field, learning->hint);
    if (at == UINT32_MAX) {
        if (!add_column(block, field)) {
            return false;
        }
        at = block->column_count - 1;
    }
    struct column *column = &block->columns[at];
    learning->hint = at + 1;
    column->is_text = column->is_text || (field->value->kind != TIDE_JSON_NUMBER &&
                                          field->value->kind != TIDE_JSON_NULL);
    if (learning->sheet->form == TIDE_SHEET_TABLE) {
        tide_bytes_reset(&learning->text);
        append_value(TIDE_SHEET_TABLE, column, field->value, &learning->text);
        const size_t width = tide_utf8_character_count(tide_bytes_view(&learning->text));
        column->width = width > column->width ? width : column->width;
    }
    return !learning->text.failed;
}

/* ---- adding */

static struct block *add_block(struct tide_sheet *sheet)
{
    if (sheet->block_count == sheet->block_capacity) {
        const uint32_t capacity = sheet->block_capacity == 0 ? 4 : sheet->block_capacity * 2;
        struct block *blocks = realloc(sheet->blocks, capacity * sizeof(*blocks));
        if (blocks == NULL) {
            return NULL;
        }
        sheet->blocks = blocks;
        sheet->block_capacity = capacity;
    }
    struct block *block = &sheet->blocks[sheet->block_count++];
    *block = (struct block){0};
    return block;
}

/* The one for a line of that metric; NULL: out of memory. */
static struct block *block_for(struct tide_sheet *sheet, struct tide_view metric)
{
    struct block *last = sheet->block_count == 0 ? NULL : &sheet->blocks[sheet->block_count - 1];
    if (last != NULL && (sheet->form == TIDE_SHEET_CSV ||
                         tide_view_equal(tide_bytes_view(&last->metric), metric))) {
        return last;
    }
    struct block *block = add_block(sheet);
    if (block != NULL) {
        tide_bytes_append_view(&block->metric, metric);
    }
    return block;
}

struct tide_sheet *tide_sheet_create(enum tide_sheet_form form)
{
    struct tide_sheet *sheet = calloc(1, sizeof(*sheet));
    if (sheet != NULL) {
        sheet->form = form;
        tide_arena_init(&sheet->arena, LINE_ARENA_BYTES);
    }
    return sheet;
}

bool tide_sheet_add(struct tide_sheet *sheet, struct tide_view line)
{
    const struct tide_json *cell = parse_cell(sheet, line);
    struct tide_view metric = {0};
    if (cell == NULL) {
        return true;
    }
    (void)tide_json_get_text(cell, "metric", &metric);
    struct learning learning = {.sheet = sheet, .block = block_for(sheet, metric)};
    if (learning.block == NULL) {
        return false;
    }
    const struct reader reader = {sheet, learn_field, &learning};
    const bool learned = read_cell(&reader, cell);
    tide_bytes_append_view(&learning.block->lines, line);
    tide_bytes_append_byte(&learning.block->lines, '\n');
    tide_bytes_release(&learning.text);
    return learned && !learning.block->lines.failed && !learning.block->metric.failed;
}

void tide_sheet_destroy(struct tide_sheet *sheet)
{
    if (sheet == NULL) {
        return;
    }
    for (uint32_t b = 0; b < sheet->block_count; b++) {
        struct block *block = &sheet->blocks[b];
        for (uint32_t i = 0; i < block->column_count; i++) {
            free(block->columns[i].name);
        }
        free(block->columns);
        tide_bytes_release(&block->metric);
        tide_bytes_release(&block->lines);
    }
    free(sheet->blocks);
    tide_arena_release(&sheet->arena);
    tide_bytes_release(&sheet->name);
    free(sheet);
}

/* ---- printing */

static int compare_columns(const struct block *block, uint32_t a, uint32_t b)
{
    const struct column *left = &block->columns[a];
    const struct column *right = &block->columns[b];
    if (left->section != right->section) {
        return left->section < right->section ? -1 : 1;
    }
    if (left->head_rank != right->head_rank) {
        return left->head_rank < right->head_rank ? -1 : 1;
    }
    return (a > b) - (a < b);
}

/* The columns in the order in which they stand; by insertion, as they nearly are. */
static void order_columns(const struct block *block, uint32_t *order)
{
    for (uint32_t i = 0; i < block->column_count; i++) {
        uint32_t place = i;
        while (place > 0 && compare_columns(block, i, order[place - 1]) < 0) {
            order[place] = order[place - 1];
            place--;
        }
        order[place] = i;
    }
}

static void find_namesakes(struct block *block)
{
    for (uint32_t i = 0; i < block->column_count; i++) {
        struct column *group = &block->columns[i];
        for (uint32_t k = 0; group->section == SECTION_GROUP && k < block->column_count; k++) {
            group->has_namesake =
                group->has_namesake || (block->columns[k].section != SECTION_GROUP &&
                                        strcmp(block->columns[k].name, group->name) == 0);
        }
    }
}

struct printing {
    struct tide_sheet *sheet;
    const struct block *block;
    const uint32_t *order;
    const struct tide_json **values; /* ROWS_MAX rows of a value for each column, or NULL */
    uint32_t row_count;              /* that the cell has so far */
    uint32_t hint;
    struct tide_bytes text; /* of a field */
    struct tide_bytes line;
};

static bool place_field(void *context, const struct field *field)
{
    struct printing *printing = context;
    const uint32_t columns = printing->block->column_count;
    const uint32_t at = find_column(printing->block, field, printing->hint);
    tide_assert(at != UINT32_MAX && field->row < ROWS_MAX); /* it was learned from this line */
    printing->hint = at + 1;
    while (printing->row_count <= field->row) {
        memset(printing->values + (size_t)printing->row_count * columns,
               0,
               columns * sizeof(*printing->values));
        printing->row_count++;
    }
    printing->values[(size_t)field->row * columns + at] = field->value;
    return true;
}

static void pad(struct tide_bytes *line, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tide_bytes_append_byte(line, ' ');
    }
}

/* The field in printing->text at its place. */
static void append_field(struct printing *printing, uint32_t place)
{
    const struct column *column = &printing->block->columns[printing->order[place]];
    const struct tide_view text = tide_bytes_view(&printing->text);
    const size_t size = tide_utf8_character_count(text);
    const size_t width = column->width < WIDTH_MAX ? column->width : WIDTH_MAX;
    const size_t padding = size < width ? width - size : 0;
    const bool is_last = place + 1 == printing->block->column_count;
    struct tide_bytes *line = &printing->line;
    if (printing->sheet->form == TIDE_SHEET_CSV) {
        tide_bytes_append_text(line, place == 0 ? "" : ",");
        tide_bytes_append_view(line, text);
        return;
    }
    tide_bytes_append_text(line, place == 0 ? "" : "  ");
    pad(line, column->is_text ? 0 : padding);
    tide_bytes_append_view(line, text);
    pad(line, column->is_text && !is_last ? padding : 0);
}

static void end_line(struct printing *printing)
{
    struct tide_bytes *line = &printing->line;
    if (printing->sheet->form == TIDE_SHEET_TABLE) {
        while (line->size > 0 && line->data[line->size - 1] == ' ') {
            line->size--;
        }
    }
    tide_bytes_append_byte(line, '\n');
    fwrite(line->data, 1, line->size, stdout);
    tide_bytes_reset(line);
}

static void print_header(struct printing *printing)
{
    for (uint32_t place = 0; place < printing->block->column_count; place++) {
        tide_bytes_reset(&printing->text);
        append_header(printing->sheet->form,
                      &printing->block->columns[printing->order[place]],
                      &printing->text);
        append_field(printing, place);
    }
    end_line(printing);
}

static void print_cell(struct printing *printing, const struct tide_json *cell)
{
    const struct reader reader = {printing->sheet, place_field, printing};
    const uint32_t columns = printing->block->column_count;
    printing->row_count = 0;
    (void)read_cell(&reader, cell);
    for (uint32_t row = 0; row < printing->row_count; row++) {
        for (uint32_t place = 0; place < columns; place++) {
            const uint32_t at = printing->order[place];
            const struct tide_json *value = printing->values[(size_t)row * columns + at];
            tide_bytes_reset(&printing->text);
            if (value != NULL) {
                append_value(
                    printing->sheet->form, &printing->block->columns[at], value, &printing->text);
            }
            append_field(printing, place);
        }
        end_line(printing);
    }
}

static void print_lines(struct printing *printing, const struct block *block)
{
    const struct tide_view lines = tide_bytes_view(&block->lines);
    size_t at = 0;
    while (at < lines.size && !ferror(stdout)) {
        const char *end = memchr(lines.data + at, '\n', lines.size - at);
        const size_t size = (size_t)(end - lines.data) - at;
        const struct tide_json *cell =
            parse_cell(printing->sheet, tide_view_slice(lines, at, size));
        if (cell == NULL) {
            printing->line.failed = true; /* it was one when it came */
            return;
        }
        print_cell(printing, cell);
        at += size + 1;
    }
}

static bool has_columns_of(const struct block *a, const struct block *b)
{
    bool same = a->column_count == b->column_count;
    for (uint32_t i = 0; same && i < a->column_count; i++) {
        same = a->columns[i].section == b->columns[i].section &&
               strcmp(a->columns[i].name, b->columns[i].name) == 0;
    }
    return same;
}

/* Those with the columns of the first stand under one header, which is as wide as they need. */
static bool print_blocks(struct tide_sheet *sheet, uint32_t first, uint32_t end)
{
    struct block *head = &sheet->blocks[first];
    const uint32_t count = head->column_count;
    uint32_t *order = calloc(count, sizeof(*order));
    struct printing printing = {.sheet = sheet, .block = head, .order = order};
    printing.values = calloc((size_t)count * ROWS_MAX, sizeof(*printing.values));
    bool has_memory = order != NULL && printing.values != NULL;
    if (has_memory) {
        find_namesakes(head);
        order_columns(head, order);
        for (uint32_t i = 0; i < count; i++) {
            struct column *column = &head->columns[i];
            tide_bytes_reset(&printing.text);
            append_header(sheet->form, column, &printing.text);
            const size_t width = tide_utf8_character_count(tide_bytes_view(&printing.text));
            column->width = width > column->width ? width : column->width;
            for (uint32_t b = first; b < end; b++) {
                const struct column *other = &sheet->blocks[b].columns[i];
                column->width = other->width > column->width ? other->width : column->width;
                column->is_text = column->is_text || other->is_text;
            }
        }
        print_header(&printing);
        for (uint32_t b = first; b < end; b++) {
            print_lines(&printing, &sheet->blocks[b]);
        }
        has_memory = !printing.text.failed && !printing.line.failed;
    }
    tide_bytes_release(&printing.text);
    tide_bytes_release(&printing.line);
    free(printing.values);
    free(order);
    return has_memory;
}

bool tide_sheet_print(struct tide_sheet *sheet)
{
    bool has_memory = true;
    if (sheet->block_count == 0) { /* a header all the same: somebody reads it */
        puts(sheet->form == TIDE_SHEET_CSV ? "metric,start,end" : "metric  start  end");
    }
    for (uint32_t first = 0; has_memory && first < sheet->block_count;) {
        uint32_t end = first + 1;
        while (end < sheet->block_count &&
               has_columns_of(&sheet->blocks[first], &sheet->blocks[end])) {
            end++;
        }
        if (first > 0) {
            putchar('\n');
        }
        has_memory = print_blocks(sheet, first, end);
        first = end;
    }
    return has_memory;
}
