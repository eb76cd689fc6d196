/* The order in commit() is the point of this file: content, sync, name, directory sync. */
#include "log/segment_file.h"

#include "base/assert.h"
#include "base/digits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_DIGITS = 20
}; /* of 2^64, so that names sort as numbers do */

static const char segment_suffix[] = ".segment";

static void temporary_path(const char *directory, char *path)
{
    int size = snprintf(path, TIDE_SEGMENT_PATH_SIZE, "%s/segment.tmp", directory);
    tide_assert(size > 0 && size < TIDE_SEGMENT_PATH_SIZE);
}

void tide_segment_file_path(const char *directory, uint64_t number, char *path)
{
    int size = snprintf(path,
                        TIDE_SEGMENT_PATH_SIZE,
                        "%s/%0*" PRIu64 "%s",
                        directory,
                        NUMBER_DIGITS,
                        number,
                        segment_suffix);
    tide_assert(size > 0 && size < TIDE_SEGMENT_PATH_SIZE);
}

/* ---- listing ---- */

struct listing {
    struct tide_segment_numbers *numbers;
    bool failed;
};

static bool parse_name(const char *name, uint64_t *number)
{
    if (strlen(name) != NUMBER_DIGITS + sizeof(segment_suffix) - 1 ||
        strcmp(name + NUMBER_DIGITS, segment_suffix) != 0) {
        return false;
    }
    return tide_digits_parse((struct tide_view){name, NUMBER_DIGITS}, number) && *number > 0 &&
           *number < UINT64_MAX;
}

static bool add_number(struct tide_segment_numbers *numbers, uint64_t number)
{
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity == 0 ? 64 : numbers->capacity * 2;
        uint64_t *items = NULL;
        if (capacity <= TIDE_SEGMENTS_MAX) {
            items = realloc(numbers->items, capacity * sizeof(*items));
        }
        if (items == NULL) {
            return false;
        }
        numbers->items = items;
        numbers->capacity = capacity;
    }
    numbers->items[numbers->count++] = number;
    return true;
}

static void visit_name(void *context, const char *name, bool is_directory)
{
    struct listing *listing = context;
    uint64_t number = 0;
    if (!is_directory && !listing->failed && parse_name(name, &number)) {
        listing->failed = !add_number(listing->numbers, number);
    }
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

enum tide_status tide_segment_file_list(struct tide_io io,
                                        const char *directory,
                                        struct tide_segment_numbers *numbers,
                                        struct tide_error *error)
{
    struct listing listing = {.numbers = numbers};
    enum tide_status status = io.operations->list(io.self, directory, visit_name, &listing, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (listing.failed) {
        return tide_error_set(error,
                              TIDE_RETRY,
                              "no memory for %zu segments, or more than %d",
                              numbers->count,
                              TIDE_SEGMENTS_MAX);
    }
    if (numbers->count > 0) {
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), compare_numbers);
    }
    return TIDE_OK;
}

void tide_segment_numbers_release(struct tide_segment_numbers *numbers)
{
    free(numbers->items);
    *numbers = (struct tide_segment_numbers){0};
}

/* ---- creating ---- */

enum tide_status tide_segment_file_clear(struct tide_io io,
                                         const char *directory,
                                         struct tide_error *error)
{
    char path[TIDE_SEGMENT_PATH_SIZE];
    temporary_path(directory, path);
    enum tide_status status = io.operations->remove(io.self, path, error);
    return status == TIDE_REJECT ? TIDE_OK : status; /* there is none: the usual case */
}

void tide_segment_file_abandon(struct tide_io io, const char *directory, struct tide_file *file)
{
    io.operations->close(io.self, file);
    /* Where this fails, the next begin() removes it or says why it cannot. */
    (void)tide_segment_file_clear(io, directory, NULL);
}

enum tide_status tide_segment_file_begin(struct tide_io io,
                                         const char *directory,
                                         const struct tide_segment_header *header,
                                         struct tide_file *file,
                                         struct tide_error *error)
{
    char path[TIDE_SEGMENT_PATH_SIZE];
    uint8_t bytes[TIDE_SEGMENT_HEADER_SIZE];
    temporary_path(directory, path);
    tide_segment_header_store(header, bytes);
    enum tide_status status = tide_segment_file_clear(io, directory, error);
    if (status != TIDE_OK) {
        return status;
    }
    status = io.operations->open(io.self, path, TIDE_IO_CREATE, file, error);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, *file, 0, bytes, sizeof(bytes), error);
        if (status != TIDE_OK) {
            tide_segment_file_abandon(io, directory, file);
        }
    }
    /* "It exists already", right after it was removed: somebody else writes here. */
    return status == TIDE_REJECT ? TIDE_FATAL : status;
}

enum tide_status tide_segment_file_commit(struct tide_io io,
                                          const char *directory,
                                          uint64_t number,
                                          struct tide_file *file,
                                          struct tide_error *error)
{
    char from[TIDE_SEGMENT_PATH_SIZE];
    char to[TIDE_SEGMENT_PATH_SIZE];
    temporary_path(directory, from);
    tide_segment_file_path(directory, number, to);
    enum tide_status status = io.operations->sync(io.self, *file, error);
    if (status == TIDE_OK) {
        status = io.operations->rename(io.self, from, to, error);
    }
    if (status != TIDE_OK) {
        tide_segment_file_abandon(io, directory, file);
        return status == TIDE_RETRY ? TIDE_RETRY : TIDE_FATAL;
    }
    status = io.operations->sync_directory(io.self, directory, error);
    if (status != TIDE_OK) {
        io.operations->close(io.self, file);
        (void)io.operations->remove(io.self, to, NULL);
        return TIDE_FATAL; /* whatever it was: nobody knows what the disk holds */
    }
    return TIDE_OK;
}

/* ---- reading ---- */

enum tide_status tide_segment_file_read(struct tide_io io,
                                        struct tide_file file,
                                        uint64_t offset,
                                        struct tide_bytes *into,
                                        size_t size,
                                        struct tide_error *error)
{
    tide_bytes_reset(into);
    if (!tide_bytes_reserve(into, size)) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a read of %zu bytes", size);
    }
    size_t read_size = 0;
    enum tide_status status =
        io.operations->read(io.self, file, offset, into->data, size, &read_size, error);
    if (status != TIDE_OK) {
        return status;
    }
    into->size = read_size;
    if (read_size < size) {
        return tide_error_set(error,
                              TIDE_FATAL,
                              "the file ends at byte %" PRIu64 ", before %" PRIu64,
                              offset + read_size,
                              offset + size);
    }
    return TIDE_OK;
}
