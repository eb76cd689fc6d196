/* The layouts of the lake's tables, and rows as typed columns.
 *
 * A cell is 8 bytes (a number, or where its text begins), 4 bytes (the text's size) and a byte (is
 * it there); columns grow together, by doubling. The text of a column is in one buffer, row after
 * row: who goes through a column reads memory in order. Text of a STRING column is made valid UTF-8
 * on its way in, since a file format that promises UTF-8 must not be handed anything else; a BINARY
 * column keeps its bytes. */
#include "lake/rows.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_FIRST = 64,
    ROWS_MAX = 1 << 26
};
static const size_t text_bytes_max = (size_t)1 << 34;

#define NAME(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
static const struct tide_lake_column events_columns[] = {
    {NAME("event_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("received_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("sent_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("uid_high"), TIDE_LAKE_LONG},
    {NAME("uid_low"), TIDE_LAKE_LONG},
    {NAME("payload"), TIDE_LAKE_STRING},
    {NAME("_partition"), TIDE_LAKE_LONG},
    {NAME("_offset"), TIDE_LAKE_LONG},
    {NAME("_index"), TIDE_LAKE_LONG},
    {NAME("_epoch"), TIDE_LAKE_LONG},
};

static const struct tide_lake_column rejected_columns[] = {
    {NAME("reason"), TIDE_LAKE_STRING},
    {NAME("pointer"), TIDE_LAKE_STRING},
    {NAME("detail"), TIDE_LAKE_STRING},
    {NAME("bytes"), TIDE_LAKE_BINARY},
    {NAME("received_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("source"), TIDE_LAKE_STRING},
    {NAME("partition"), TIDE_LAKE_LONG},
    {NAME("offset"), TIDE_LAKE_LONG},
    {NAME("index"), TIDE_LAKE_LONG},
    {NAME("_epoch"), TIDE_LAKE_LONG},
};

static const struct tide_lake_column journeys_columns[] = {
    {NAME("metric"), TIDE_LAKE_STRING},
    {NAME("definition"), TIDE_LAKE_STRING},
    {NAME("journey_key"), TIDE_LAKE_STRING},
    {NAME("journey_group"), TIDE_LAKE_STRING},
    {NAME("outcome"), TIDE_LAKE_STRING},
    {NAME("reached"), TIDE_LAKE_LONG},
    {NAME("step_count"), TIDE_LAKE_LONG},
    {NAME("start_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("end_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("step_times"), TIDE_LAKE_STRING},
    {NAME("conversion_us"), TIDE_LAKE_LONG},
    {NAME("ordinal"), TIDE_LAKE_LONG},
    {NAME("revision"), TIDE_LAKE_LONG},
    {NAME("_partition"), TIDE_LAKE_LONG},
    {NAME("_epoch"), TIDE_LAKE_LONG},
};

static const struct tide_lake_column raw_columns[] = {
    {NAME("bytes"), TIDE_LAKE_BINARY},
    {NAME("received_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("sent_time"), TIDE_LAKE_TIMESTAMP},
    {NAME("source"), TIDE_LAKE_STRING},
    {NAME("partition"), TIDE_LAKE_LONG},
    {NAME("offset"), TIDE_LAKE_LONG},
    {NAME("index"), TIDE_LAKE_LONG},
    {NAME("_epoch"), TIDE_LAKE_LONG},
};

static const struct tide_lake_column metrics_columns[] = {
    {NAME("metric"), TIDE_LAKE_STRING},
    {NAME("definition"), TIDE_LAKE_STRING},
    {NAME("generation"), TIDE_LAKE_STRING},
    {NAME("window_start"), TIDE_LAKE_TIMESTAMP},
    {NAME("window_end"), TIDE_LAKE_TIMESTAMP},
    {NAME("dimensions"), TIDE_LAKE_STRING},
    {NAME("value"), TIDE_LAKE_DOUBLE},
    {NAME("result"), TIDE_LAKE_STRING},
    {NAME("state"), TIDE_LAKE_STRING},
    {NAME("epochs"), TIDE_LAKE_STRING},
    {NAME("offsets"), TIDE_LAKE_STRING},
    {NAME("run"), TIDE_LAKE_LONG},
    {NAME("computed_time"), TIDE_LAKE_TIMESTAMP},
};

#undef NAME

#define TABLE(name, date_column, number, columns)                                                  \
    {                                                                                              \
        name, date_column, number, columns, sizeof(columns) / sizeof(columns[0])                   \
    }
static const struct {
    const char *name;
    const char *date_column;
    uint32_t number;                        /* not that of the enum, which may shift */
    const struct tide_lake_column *columns; /* after the schema's, in events */
    uint32_t count;
} tables[TIDE_TABLE_ALL_COUNT] = {
    [TIDE_TABLE_EVENTS] = TABLE("events", "event_date", 0, events_columns),
    [TIDE_TABLE_REJECTED] = TABLE("rejected", "received_date", 1, rejected_columns),
    [TIDE_TABLE_JOURNEYS] = TABLE("journeys", "start_date", 2, journeys_columns),
    [TIDE_TABLE_RAW] = TABLE("raw", "received_date", 4, raw_columns),
    [TIDE_TABLE_METRICS] = TABLE("metrics", "window_date", 3, metrics_columns),
};
#undef TABLE

enum tide_lake_type tide_lake_type_of(enum tide_type type)
{
    switch (type) {
    case TIDE_TYPE_STRING:
        return TIDE_LAKE_STRING;
    case TIDE_TYPE_INT:
        return TIDE_LAKE_LONG;
    case TIDE_TYPE_DECIMAL:
        return TIDE_LAKE_DECIMAL;
    case TIDE_TYPE_BOOL:
        return TIDE_LAKE_BOOLEAN;
    case TIDE_TYPE_TIME_MS:
    case TIDE_TYPE_TIME_ISO:
        return TIDE_LAKE_TIMESTAMP;
    }
    tide_assert(false);
    return TIDE_LAKE_STRING;
}

struct tide_layout *tide_layout_create(struct tide_arena *arena,
                                       const struct tide_schema *schema,
                                       enum tide_table table)
{
    tide_assert(schema != NULL && table < TIDE_TABLE_ALL_COUNT);
    bool is_events = table == TIDE_TABLE_EVENTS;
    uint32_t schema_count = is_events ? schema->path_column_count : 0;
    const struct tide_lake_column *own = tables[table].columns;
    uint32_t own_count = tables[table].count;
    struct tide_layout *layout = TIDE_ARENA_NEW(arena, struct tide_layout);
    struct tide_lake_column *columns =
        TIDE_ARENA_ARRAY(arena, struct tide_lake_column, schema_count + own_count);
    if (layout == NULL || columns == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct tide_column *column = &schema->columns[i];
        tide_assert(!column->derived && column->name.size > 0);
        columns[i] = (struct tide_lake_column){column->name, tide_lake_type_of(column->type)};
    }
    memcpy(columns + schema_count, own, own_count * sizeof(*own));
    *layout = (struct tide_layout){
        .table = table,
        .name = tables[table].name,
        .date_column = tables[table].date_column,
        .number = tables[table].number,
        .columns = columns,
        .column_count = schema_count + own_count,
    };
    return layout;
}

struct cells {              /* of one column */
    int64_t *values;        /* the number, or where in the text it begins */
    uint32_t *sizes;        /* of texts; NULL in a column of numbers */
    uint8_t *presence;      /* 1: there is a value */
    struct tide_bytes text; /* empty in a column of numbers */
};

struct tide_rows {
    const struct tide_layout *layout;
    struct cells *cells; /* by column */
    int32_t *dates;
    uint32_t count;
    uint32_t capacity;
};

static bool is_text(enum tide_lake_type type)
{
    return type == TIDE_LAKE_STRING || type == TIDE_LAKE_BINARY;
}

enum tide_status tide_rows_create(const struct tide_layout *layout,
                                  struct tide_rows **rows,
                                  struct tide_error *error)
{
    tide_assert(layout != NULL && layout->column_count > 0);
    struct tide_rows *made = calloc(1, sizeof(*made));
    struct cells *cells = calloc(layout->column_count, sizeof(*cells));
    if (made == NULL || cells == NULL) {
        free(made);
        free(cells);
        return tide_error_set(error, TIDE_RETRY, "no memory for rows of %s", layout->name);
    }
    made->layout = layout;
    made->cells = cells;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        tide_bytes_init(&cells[i].text, text_bytes_max);
    }
    *rows = made;
    return TIDE_OK;
}

void tide_rows_destroy(struct tide_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    for (uint32_t i = 0; i < rows->layout->column_count; i++) {
        free(rows->cells[i].values);
        free(rows->cells[i].sizes);
        free(rows->cells[i].presence);
        tide_bytes_release(&rows->cells[i].text);
    }
    free(rows->cells);
    free(rows->dates);
    free(rows);
}

uint32_t tide_rows_count(const struct tide_rows *rows)
{
    return rows->count;
}

size_t tide_rows_bytes(const struct tide_rows *rows)
{
    size_t row_bytes = sizeof(int32_t);
    size_t text_bytes = 0;
    for (uint32_t i = 0; i < rows->layout->column_count; i++) {
        row_bytes += sizeof(int64_t) + sizeof(uint8_t);
        row_bytes += is_text(rows->layout->columns[i].type) ? sizeof(uint32_t) : 0;
        text_bytes += rows->cells[i].text.capacity;
    }
    return row_bytes * rows->capacity + text_bytes;
}

static bool grow_array(void **array, size_t count, size_t size)
{
    void *grown = reallocarray(*array, count, size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    return true;
}

/* A column that grew while another could not is only larger than need be. */
static bool grow_cells(struct cells *cells, bool has_sizes, uint32_t capacity)
{
    void *values = cells->values;
    void *sizes = cells->sizes;
    void *presence = cells->presence;
    bool is_grown = grow_array(&values, capacity, sizeof(*cells->values)) &&
                    grow_array(&presence, capacity, sizeof(*cells->presence)) &&
                    (!has_sizes || grow_array(&sizes, capacity, sizeof(*cells->sizes)));
    cells->values = values;
    cells->sizes = sizes;
    cells->presence = presence;
    return is_grown;
}

static bool grow(struct tide_rows *rows)
{
    if (rows->capacity >= ROWS_MAX) {
        return false;
    }
    uint32_t capacity = rows->capacity == 0 ? ROWS_FIRST : rows->capacity * 2;
    void *dates = rows->dates;
    bool is_grown = grow_array(&dates, capacity, sizeof(*rows->dates));
    rows->dates = dates;
    for (uint32_t i = 0; is_grown && i < rows->layout->column_count; i++) {
        is_grown = grow_cells(&rows->cells[i], is_text(rows->layout->columns[i].type), capacity);
    }
    rows->capacity = is_grown ? capacity : rows->capacity;
    return is_grown;
}

enum tide_status tide_rows_begin(struct tide_rows *rows, int32_t date_days)
{
    if (rows->count == rows->capacity && !grow(rows)) {
        return TIDE_FATAL;
    }
    uint32_t row = rows->count++;
    rows->dates[row] = date_days;
    for (uint32_t i = 0; i < rows->layout->column_count; i++) {
        rows->cells[i].values[row] = 0;
        rows->cells[i].presence[row] = 0;
    }
    return TIDE_OK;
}

void tide_rows_set_number(struct tide_rows *rows, uint32_t column, int64_t number)
{
    tide_assert(rows->count > 0 && column < rows->layout->column_count);
    enum tide_lake_type type = rows->layout->columns[column].type;
    tide_assert(!is_text(type) && type != TIDE_LAKE_DOUBLE);
    tide_assert(type != TIDE_LAKE_BOOLEAN || number == 0 || number == 1);
    tide_assert(type != TIDE_LAKE_DECIMAL ||
                (number > -INT64_C(1000000000000000000) && number < INT64_C(1000000000000000000)));
    tide_assert(type != TIDE_LAKE_TIMESTAMP || number != INT64_MIN);
    rows->cells[column].values[rows->count - 1] = number;
    rows->cells[column].presence[rows->count - 1] = 1;
}

/* A double is kept as its bits. */
void tide_rows_set_double(struct tide_rows *rows, uint32_t column, double number)
{
    tide_assert(rows->count > 0 && column < rows->layout->column_count);
    tide_assert(rows->layout->columns[column].type == TIDE_LAKE_DOUBLE && isfinite(number));
    memcpy(&rows->cells[column].values[rows->count - 1], &number, sizeof(number));
    rows->cells[column].presence[rows->count - 1] = 1;
}

/* Runs of valid UTF-8 as they are, each other byte as U+FFFD. */
static void append_utf8(struct tide_bytes *bytes, struct tide_view text)
{
    size_t valid = tide_utf8_valid_size(text);
    while (valid < text.size) {
        tide_bytes_append_view(bytes, tide_view_slice(text, 0, valid));
        tide_bytes_append_text(bytes, "\xef\xbf\xbd");
        text = tide_view_slice(text, valid + 1, text.size - valid - 1);
        valid = tide_utf8_valid_size(text);
    }
    tide_bytes_append_view(bytes, text);
}

enum tide_status tide_rows_set_text(struct tide_rows *rows, uint32_t column, struct tide_view text)
{
    tide_assert(rows->count > 0 && column < rows->layout->column_count);
    enum tide_lake_type type = rows->layout->columns[column].type;
    tide_assert(is_text(type));
    struct cells *cells = &rows->cells[column];
    size_t start = cells->text.size;
    if (text.size == 0) {
        /* A value, too. */
    } else if (type == TIDE_LAKE_STRING) {
        append_utf8(&cells->text, text);
    } else {
        tide_bytes_append_view(&cells->text, text);
    }
    if (cells->text.failed || cells->text.size - start > UINT32_MAX) {
        return TIDE_FATAL;
    }
    cells->values[rows->count - 1] = (int64_t)start;
    cells->sizes[rows->count - 1] = (uint32_t)(cells->text.size - start);
    cells->presence[rows->count - 1] = 1;
    return TIDE_OK;
}

const struct tide_layout *tide_rows_layout(const struct tide_rows *rows)
{
    return rows->layout;
}

int32_t tide_rows_date(const struct tide_rows *rows, uint32_t row)
{
    tide_assert(row < rows->count);
    return rows->dates[row];
}

bool tide_rows_is_null(const struct tide_rows *rows, uint32_t column, uint32_t row)
{
    tide_assert(row < rows->count && column < rows->layout->column_count);
    return rows->cells[column].presence[row] == 0;
}

int64_t tide_rows_number(const struct tide_rows *rows, uint32_t column, uint32_t row)
{
    tide_assert(!tide_rows_is_null(rows, column, row));
    tide_assert(!is_text(rows->layout->columns[column].type));
    return rows->cells[column].values[row];
}

double tide_rows_double(const struct tide_rows *rows, uint32_t column, uint32_t row)
{
    double number;
    tide_assert(!tide_rows_is_null(rows, column, row));
    tide_assert(rows->layout->columns[column].type == TIDE_LAKE_DOUBLE);
    memcpy(&number, &rows->cells[column].values[row], sizeof(number));
    return number;
}

struct tide_view tide_rows_text(const struct tide_rows *rows, uint32_t column, uint32_t row)
{
    tide_assert(!tide_rows_is_null(rows, column, row));
    tide_assert(is_text(rows->layout->columns[column].type));
    const struct cells *cells = &rows->cells[column];
    size_t start = (size_t)cells->values[row];
    size_t size = cells->sizes[row];
    return size == 0 ? (struct tide_view){"", 0}
                     : tide_view_slice(tide_bytes_view(&cells->text), start, size);
}

struct tide_rows_column tide_rows_column(const struct tide_rows *rows, uint32_t column)
{
    tide_assert(column < rows->layout->column_count);
    const struct cells *cells = &rows->cells[column];
    return (struct tide_rows_column){
        cells->presence, cells->values, cells->sizes, cells->text.data};
}

enum {
    DIGIT_BITS = 8,
    DIGITS = 1 << DIGIT_BITS
};

/* Orders the rows' dates as numbers do. */
static uint32_t date_key(int32_t date)
{
    return (uint32_t)date ^ UINT32_C(0x80000000);
}

/* One turn of a radix sort, by the digit at shift; rows with the same stay in their order. false:
 * all have the same, and nothing was moved. */
static bool sort_by_digit(const struct tide_rows *rows,
                          unsigned shift,
                          const uint32_t *from,
                          uint32_t *to)
{
    uint32_t next[DIGITS] = {0};
    for (uint32_t i = 0; i < rows->count; i++) {
        next[date_key(rows->dates[i]) >> shift & (DIGITS - 1)]++;
    }
    if (next[date_key(rows->dates[0]) >> shift & (DIGITS - 1)] == rows->count) {
        return false;
    }
    for (uint32_t digit = 0, start = 0; digit < DIGITS; digit++) {
        const uint32_t count = next[digit];
        next[digit] = start;
        start += count;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        to[next[date_key(rows->dates[from[i]]) >> shift & (DIGITS - 1)]++] = from[i];
    }
    return true;
}

/* The row numbers, dates ascending; in memory, which has room for two of each. Most rows are of a
 * few days: one digit differs, seldom two. */
static const uint32_t *sort_by_date(const struct tide_rows *rows, uint32_t *memory)
{
    uint32_t *indices = memory;
    uint32_t *others = memory + rows->count;
    for (uint32_t i = 0; i < rows->count; i++) {
        indices[i] = i;
    }
    for (unsigned shift = 0; shift < 32; shift += DIGIT_BITS) {
        if (sort_by_digit(rows, shift, indices, others)) {
            uint32_t *sorted = others;
            others = indices;
            indices = sorted;
        }
    }
    return indices;
}

enum tide_status tide_rows_by_date(const struct tide_rows *rows,
                                   enum tide_status (*visit)(void *context,
                                                             int32_t date_days,
                                                             const uint32_t *row_indices,
                                                             uint32_t row_count),
                                   void *context,
                                   struct tide_error *error)
{
    if (rows->count == 0) {
        return TIDE_OK;
    }
    uint32_t *memory = calloc(rows->count, 2 * sizeof(*memory));
    if (memory == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory to sort %u rows", rows->count);
    }
    const uint32_t *indices = sort_by_date(rows, memory);
    enum tide_status status = TIDE_OK;
    uint32_t end = 0;
    for (uint32_t start = 0; status == TIDE_OK && start < rows->count; start = end) {
        const int32_t date = rows->dates[indices[start]];
        for (end = start + 1; end < rows->count && rows->dates[indices[end]] == date;) {
            end++;
        }
        status = visit(context, date, indices + start, end - start);
    }
    free(memory);
    return status;
}
