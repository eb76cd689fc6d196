/* Merging and counting of the simulator's data files: lines, see sim_lake.h. */
#include "base/assert.h"
#include "base/json.h"
#include "support/sim_lake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    FILE_BYTES_MAX = 16 << 20,
    LINES_MAX = 65536
};

struct line {
    uint64_t partition;
    uint64_t place; /* the offset; of journeys the epoch */
    uint32_t number;
    struct tide_view text;
};

struct lines {
    struct line items[LINES_MAX];
    uint32_t count;
    struct tide_bytes text;
};

static enum tide_status read_lines(struct tide_io io,
                                   const struct tide_merge *merge,
                                   struct lines *lines,
                                   struct tide_error *error)
{
    lines->count = 0;
    tide_bytes_reset(&lines->text);
    for (uint32_t i = 0; i < merge->path_count; i++) {
        struct tide_bytes text = {0};
        enum tide_status status =
            tide_io_read_file(io, merge->paths[i], &text, FILE_BYTES_MAX, error);
        tide_bytes_append_view(&lines->text, tide_bytes_view(&text));
        tide_bytes_release(&text);
        if (status != TIDE_OK) {
            return status == TIDE_REJECT ? TIDE_FATAL : status;
        }
    }
    for (const char *at = tide_bytes_terminated(&lines->text); *at != '\0';) {
        char *end = NULL;
        const size_t size = strcspn(at, "\n") + 1;
        tide_assert(lines->count < LINES_MAX);
        struct line *line = &lines->items[lines->count];
        line->partition = strtoull(at, &end, 10);
        line->place = strtoull(end, &end, 10);
        line->number = lines->count++;
        line->text = (struct tide_view){at, size};
        at += size;
    }
    return TIDE_OK;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = a;
    const struct line *right = b;
    if (left->partition != right->partition) {
        return left->partition < right->partition ? -1 : 1;
    }
    if (left->place != right->place) {
        return left->place < right->place ? -1 : 1;
    }
    return left->number < right->number ? -1 : 1;
}

static enum tide_status merge_lines(void *self,
                                    const struct tide_merge *merge,
                                    struct tide_merged *merged,
                                    struct tide_bytes *stats,
                                    struct tide_error *error)
{
    static struct lines lines;
    const struct tide_io io = *(struct tide_io *)self;
    struct tide_file file = {0};
    struct tide_bytes text = {0};
    enum tide_status status = read_lines(io, merge, &lines, error);
    if (status != TIDE_OK) {
        return status;
    }
    qsort(lines.items, lines.count, sizeof(lines.items[0]), compare_lines);
    for (uint32_t i = 0; i < lines.count; i++) {
        tide_bytes_append_view(&text, lines.items[i].text);
    }
    tide_assert(!text.failed);
    (void)io.operations->remove(io.self, merge->scratch_path, NULL);
    status = io.operations->open(io.self, merge->scratch_path, TIDE_IO_CREATE, &file, error);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 0, text.data, text.size, error);
    }
    io.operations->close(io.self, &file);
    *merged = (struct tide_merged){lines.count, lines.count, text.size};
    tide_bytes_append_format(stats, "{\"numRecords\":%u}", lines.count);
    tide_bytes_release(&text);
    return status == TIDE_REJECT ? TIDE_FATAL : status;
}

/* Behind two numbers an epoch, and then the uid's halves and a reason. */
static void add_line(const struct line *line, enum tide_table table, struct tide_tally *tally)
{
    char *at = NULL;
    tally->rows++;
    (void)strtoull(line->text.data, &at, 10);
    (void)strtoull(at, &at, 10);
    (void)strtoull(at, &at, 10);
    const uint64_t high = strtoull(at, &at, 16);
    const uint64_t low = strtoull(at, &at, 16);
    if (table == TIDE_TABLE_EVENTS) {
        tally->uids.high += high;
        tally->uids.low += low;
    } else if (table == TIDE_TABLE_REJECTED) {
        const enum tide_reason reason =
            tide_reason_parse((struct tide_view){at + 1, strcspn(at + 1, "\n")});
        tide_assert(reason != TIDE_REASON_COUNT);
        tally->rejected[reason]++;
    }
}

static enum tide_status tally_lines(void *self,
                                    const struct tide_merge *merge,
                                    void (*visit)(void *context, const struct tide_tally *tally),
                                    void *context,
                                    struct tide_error *error)
{
    static struct lines lines;
    enum tide_status status = read_lines(*(struct tide_io *)self, merge, &lines, error);
    if (status != TIDE_OK) {
        return status;
    }
    qsort(lines.items, lines.count, sizeof(lines.items[0]), compare_lines);
    for (uint32_t i = 0; i < lines.count;) {
        struct tide_tally tally = {.partition = (uint32_t)lines.items[i].partition};
        for (; i < lines.count && lines.items[i].partition == tally.partition; i++) {
            add_line(&lines.items[i], merge->layout->table, &tally);
        }
        visit(context, &tally);
    }
    return TIDE_OK;
}

static void close_rewriter(void *self)
{
    (void)self;
}

struct tide_rewriter sim_rewriter(struct tide_io *io)
{
    static const struct tide_rewriter_operations operations = {
        merge_lines, tally_lines, close_rewriter};
    return (struct tide_rewriter){&operations, io, "rows"};
}
