/* Segment files on the disk: their names, and how a new one comes into being.
 *
 * A segment is written under a temporary name and renamed when all of it is synced, so a file with
 * a segment's name is complete or damaged, never half-written. There is one temporary name because
 * there is one writer; what a crash leaves under it is worthless by definition. */
#ifndef TIDE_LOG_SEGMENT_FILE_H
#define TIDE_LOG_SEGMENT_FILE_H

#include "base/io.h"
#include "log/frame.h"

enum {
    TIDE_SEGMENT_PATH_SIZE = 4096,
    TIDE_SEGMENT_DIRECTORY_SIZE_MAX = TIDE_SEGMENT_PATH_SIZE - 64,
    TIDE_SEGMENTS_MAX = 1 << 20,
};

struct tide_segment_numbers {
    uint64_t *items; /* ascending */
    size_t count;
    size_t capacity;
};

/* path has TIDE_SEGMENT_PATH_SIZE bytes; the directory's length was checked when the log opened. */
void tide_segment_file_path(const char *directory, uint64_t number, char *path);

/* The numbers of all segments in directory; the caller frees with numbers_release, also after a
 * failure. Other names are left alone. RETRY: memory, or more than TIDE_SEGMENTS_MAX. */
enum tide_status tide_segment_file_list(struct tide_io io,
                                        const char *directory,
                                        struct tide_segment_numbers *numbers,
                                        struct tide_error *error);
void tide_segment_numbers_release(struct tide_segment_numbers *numbers);

/* Removes what a crash left under the temporary name, if anything. */
enum tide_status tide_segment_file_clear(struct tide_io io,
                                         const char *directory,
                                         struct tide_error *error);
/* Creates the temporary file and writes its header. The caller writes frames behind it, if any, and
 * then calls commit or abandon. RETRY: no space; nothing is left. */
enum tide_status tide_segment_file_begin(struct tide_io io,
                                         const char *directory,
                                         const struct tide_segment_header *header,
                                         struct tide_file *file,
                                         struct tide_error *error);
/* Syncs the file, gives it its name, syncs the directory: the segment is true from then on. On any
 * failure it closes the file and takes the name away again, because a name that is seen but not
 * durable would be trusted by the next open. */
enum tide_status tide_segment_file_commit(struct tide_io io,
                                          const char *directory,
                                          uint64_t number,
                                          struct tide_file *file,
                                          struct tide_error *error);
/* Closes and removes the temporary file, as far as that works. */
void tide_segment_file_abandon(struct tide_io io, const char *directory, struct tide_file *file);

/* Reads exactly size bytes. FATAL: the file is shorter. */
enum tide_status tide_segment_file_read(struct tide_io io,
                                        struct tide_file file,
                                        uint64_t offset,
                                        struct tide_bytes *into,
                                        size_t size,
                                        struct tide_error *error);

#endif
