#include "cli/health_report.h"

#include "base/assert.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

enum column {
    COLUMN_PART,
    COLUMN_STATE,
    COLUMN_LAG,
    COLUMN_DISK,
    COLUMN_WHERE,
    COLUMN_FACTS,
    COLUMN_COUNT
};

static const char *const titles[COLUMN_COUNT] = {
    "part", "state", "lag", "disk", "where", "what it says"};
static const int64_t second = 1;
static const int64_t minute = 60;
static const int64_t hour = 3600;
static const int64_t day = 86400;

struct tide_health_row *tide_health_add_row(struct tide_health_report *report, const char *part)
{
    if (report->row_count < TIDE_HEALTH_ROWS_MAX) {
        report->row_count++;
    }
    struct tide_health_row *row = &report->rows[report->row_count - 1];
    *row = (struct tide_health_row){.part = tide_view_of(part)};
    return row;
}

static void add_fact(struct tide_health_row *row, struct tide_health_fact fact)
{
    if (row->fact_count < TIDE_HEALTH_FACTS_MAX) {
        row->facts[row->fact_count++] = fact;
    }
}

void tide_health_add_number(struct tide_health_row *row, const char *name, int64_t number)
{
    add_fact(row, (struct tide_health_fact){.name = name, .number = number});
}

void tide_health_add_text(struct tide_health_row *row, const char *name, struct tide_view text)
{
    if (text.size > 0) {
        add_fact(row, (struct tide_health_fact){.name = name, .text = text});
    }
}

void tide_health_worsen(struct tide_health_row *row,
                        enum tide_health_state state,
                        struct tide_view why)
{
    tide_assert(state == TIDE_HEALTH_DEGRADED || state == TIDE_HEALTH_DOWN);
    if (row->state == TIDE_HEALTH_DOWN || (row->state == state && row->why.size > 0)) {
        return;
    }
    row->state = state;
    row->why = why;
}

static void join(struct tide_health_row *row, const struct tide_health_row *from)
{
    if (row->state == TIDE_HEALTH_IDLE) {
        row->state = from->state;
        row->why = from->why;
    } else if (from->state == TIDE_HEALTH_DEGRADED || from->state == TIDE_HEALTH_DOWN) {
        tide_health_worsen(row, from->state, from->why);
    }
    row->where = from->where.size > 0 ? from->where : row->where;
    if (row->lag_unit == NULL) {
        row->lag_unit = from->lag_unit;
        row->lag = from->lag;
    }
    if (row->size_bytes == 0) {
        row->free_bytes = from->free_bytes;
        row->size_bytes = from->size_bytes;
    }
    for (uint32_t i = 0; i < from->fact_count; i++) {
        add_fact(row, from->facts[i]);
    }
}

void tide_health_merge(struct tide_health_report *report, const struct tide_health_report *from)
{
    for (uint32_t i = 0; i < from->row_count; i++) {
        const struct tide_health_row *row = &from->rows[i];
        uint32_t behind = report->row_count;
        uint32_t same = UINT32_MAX;
        for (uint32_t k = 0; k < report->row_count; k++) {
            if (tide_view_equal(report->rows[k].part, row->part)) {
                behind = k + 1;
                same = tide_view_equal(report->rows[k].name, row->name) ? k : same;
            }
        }
        if (same != UINT32_MAX) {
            join(&report->rows[same], row);
        } else if (report->row_count < TIDE_HEALTH_ROWS_MAX) {
            memmove(&report->rows[behind + 1],
                    &report->rows[behind],
                    (report->row_count - behind) * sizeof(*row));
            report->rows[behind] = *row;
            report->row_count++;
        }
    }
}

const char *tide_health_state_name(enum tide_health_state state)
{
    switch (state) {
    case TIDE_HEALTH_UP:
        return "up";
    case TIDE_HEALTH_DEGRADED:
        return "degraded";
    case TIDE_HEALTH_DOWN:
        return "down";
    case TIDE_HEALTH_IDLE:
        return "-";
    }
    return "";
}

enum tide_exit tide_health_exit(const struct tide_health_report *report)
{
    uint32_t up_count = 0;
    uint32_t degraded_count = 0;
    uint32_t down_count = 0;
    for (uint32_t i = 0; i < report->row_count; i++) {
        up_count += report->rows[i].state == TIDE_HEALTH_UP;
        degraded_count += report->rows[i].state == TIDE_HEALTH_DEGRADED;
        down_count += report->rows[i].state == TIDE_HEALTH_DOWN;
    }
    if (down_count > 0 && up_count + degraded_count == 0) {
        return TIDE_EXIT_CONNECT;
    }
    return down_count + degraded_count > 0 ? TIDE_EXIT_CHECK_FAILED : TIDE_EXIT_OK;
}

/* ---- for people */

/* The two largest units: "3h 2m", "12s". */
static void write_duration(int64_t seconds, struct tide_bytes *text)
{
    const struct {
        int64_t size;
        char letter;
    } units[] = {{day, 'd'}, {hour, 'h'}, {minute, 'm'}, {second, 's'}};
    bool is_second_unit = false;
    seconds = seconds < 0 ? 0 : seconds;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const int64_t count = seconds / units[i].size;
        if (count == 0 && !is_second_unit && units[i].size > second) {
            continue;
        }
        if (count > 0 || !is_second_unit) {
            tide_bytes_append_format(
                text, "%s%" PRId64 "%c", is_second_unit ? " " : "", count, units[i].letter);
        }
        if (is_second_unit) {
            return;
        }
        seconds %= units[i].size;
        is_second_unit = true;
    }
}

static void write_size(uint64_t bytes, struct tide_bytes *text)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    uint64_t tenths = bytes > UINT64_MAX / 10 ? UINT64_MAX : bytes * 10;
    while (tenths >= UINT64_C(10240) && unit + 1 < sizeof(units) / sizeof(units[0])) {
        tenths /= 1024;
        unit++;
    }
    if (unit == 0 || tenths >= 1000) {
        tide_bytes_append_format(text, "%" PRIu64 " %s", tenths / 10, units[unit]);
    } else {
        tide_bytes_append_format(
            text, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
    }
}

static bool ends_with(const char *name, const char *ending)
{
    const size_t size = strlen(name);
    const size_t ending_size = strlen(ending);
    return size > ending_size && memcmp(name + size - ending_size, ending, ending_size) == 0;
}

static void write_fact(const struct tide_health_fact *fact, struct tide_bytes *text)
{
    const bool is_duration = ends_with(fact->name, "_s");
    const bool is_size = ends_with(fact->name, "_bytes");
    const size_t size =
        strlen(fact->name) - (is_duration ? strlen("_s") : 0) - (is_size ? strlen("_bytes") : 0);
    for (size_t i = 0; i < size; i++) {
        tide_bytes_append_byte(text, fact->name[i] == '_' ? ' ' : fact->name[i]);
    }
    tide_bytes_append_byte(text, ' ');
    if (fact->text.data != NULL) {
        tide_bytes_append_view(text, fact->text);
    } else if (is_duration) {
        write_duration(fact->number, text);
    } else if (is_size) {
        write_size((uint64_t)fact->number, text);
    } else {
        tide_bytes_append_format(text, "%" PRId64, fact->number);
    }
}

static void write_column(const struct tide_health_row *row,
                         enum column column,
                         struct tide_bytes *text)
{
    switch (column) {
    case COLUMN_PART:
        tide_bytes_append_view(text, row->part);
        if (row->name.size > 0) {
            tide_bytes_append_byte(text, ' ');
            tide_bytes_append_view(text, row->name);
        }
        break;
    case COLUMN_STATE:
        tide_bytes_append_text(text, tide_health_state_name(row->state));
        break;
    case COLUMN_LAG:
        if (row->lag_unit != NULL) {
            tide_bytes_append_format(text, "%" PRId64 " %s", row->lag, row->lag_unit);
        }
        break;
    case COLUMN_DISK:
        if (row->size_bytes > 0) {
            write_size(row->free_bytes, text);
            tide_bytes_append_text(text, " free of ");
            write_size(row->size_bytes, text);
        }
        break;
    case COLUMN_WHERE:
        tide_bytes_append_view(text, row->where);
        break;
    case COLUMN_FACTS:
        tide_bytes_append_view(text, row->why);
        for (uint32_t i = 0; i < row->fact_count; i++) {
            tide_bytes_append_text(text, i > 0 || row->why.size > 0 ? ", " : "");
            write_fact(&row->facts[i], text);
        }
        break;
    case COLUMN_COUNT:
        break;
    }
}

static void measure(const struct tide_health_report *report, size_t widths[COLUMN_COUNT])
{
    struct tide_bytes text = {0};
    for (int c = 0; c < COLUMN_COUNT; c++) {
        widths[c] = strlen(titles[c]);
        for (uint32_t i = 0; i < report->row_count; i++) {
            tide_bytes_reset(&text);
            write_column(&report->rows[i], (enum column)c, &text);
            widths[c] = text.size > widths[c] ? text.size : widths[c];
        }
    }
    tide_bytes_release(&text);
}

/* The last column is not padded. */
static void pad(struct tide_bytes *text, size_t begin, size_t width, int column)
{
    while (column + 1 < COLUMN_COUNT && text->size < begin + width + 2 && !text->failed) {
        tide_bytes_append_byte(text, ' ');
    }
}

static void end_line(struct tide_bytes *text)
{
    while (text->size > 0 && text->data[text->size - 1] == ' ') {
        text->size--;
    }
    tide_bytes_append_byte(text, '\n');
}

void tide_health_write_table(const struct tide_health_report *report, struct tide_bytes *text)
{
    size_t widths[COLUMN_COUNT];
    measure(report, widths);
    for (int c = 0; c < COLUMN_COUNT; c++) {
        const size_t begin = text->size;
        tide_bytes_append_text(text, titles[c]);
        pad(text, begin, widths[c], c);
    }
    end_line(text);
    for (uint32_t i = 0; i < report->row_count; i++) {
        for (int c = 0; c < COLUMN_COUNT; c++) {
            const size_t begin = text->size;
            write_column(&report->rows[i], (enum column)c, text);
            pad(text, begin, widths[c], c);
        }
        end_line(text);
    }
}

/* ---- for programs */

static void write_text_member(struct tide_bytes *text, const char *key, struct tide_view value)
{
    if (value.size > 0) {
        tide_json_write_text_member(text, key, value);
    }
}

void tide_health_write_ndjson(const struct tide_health_report *report, struct tide_bytes *text)
{
    for (uint32_t i = 0; i < report->row_count; i++) {
        const struct tide_health_row *row = &report->rows[i];
        const char *state =
            row->state == TIDE_HEALTH_IDLE ? "idle" : tide_health_state_name(row->state);
        tide_bytes_append_byte(text, '{');
        tide_json_write_text_member(text, "part", row->part);
        write_text_member(text, "name", row->name);
        tide_json_write_text_member(text, "state", tide_view_of(state));
        write_text_member(text, "where", row->where);
        write_text_member(text, "why", row->why);
        if (row->lag_unit != NULL) {
            tide_json_write_i64_member(text, "lag", row->lag);
        }
        if (row->size_bytes > 0) {
            tide_json_write_u64_member(text, "free_bytes", row->free_bytes);
            tide_json_write_u64_member(text, "size_bytes", row->size_bytes);
        }
        for (uint32_t f = 0; f < row->fact_count; f++) {
            const struct tide_health_fact *fact = &row->facts[f];
            if (fact->text.data != NULL) {
                tide_json_write_text_member(text, fact->name, fact->text);
            } else {
                tide_json_write_i64_member(text, fact->name, fact->number);
            }
        }
        tide_bytes_append_text(text, "}\n");
    }
}
