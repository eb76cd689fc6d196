/* Whole small files over any tide_io: manifests, definitions, snapshots' descriptors.
 *
 * Creating a file is the house's one commit step. Its order is what makes it safe against a power
 * cut, and every step leaves a consistent disk:
 *
 *     temporary name -> write -> sync -> link to the final name -> sync the directory -> unlink
 *
 * A file is seen whole or not at all, and of two creators exactly one wins (link refuses an
 * existing name). What a crash may leave behind is a temporary name; its owner's next start may
 * remove every "*.tmp-*". Nothing here knows which side of the door it talks to. */
#include "base/io.h"

#include "base/assert.h"
#include "base/logline.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_SIZE_MAX = 4096
};

/* "a/b" -> "a", "/b" -> "/", "b" -> ".". */
static void parent_of(const char *path, char *parent)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        memcpy(parent, ".", 2);
        return;
    }
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    tide_assert(size < PATH_SIZE_MAX);
    memcpy(parent, path, size);
    parent[size] = '\0';
}

enum tide_status tide_io_read_file(struct tide_io io,
                                   const char *path,
                                   struct tide_bytes *into,
                                   size_t size_max,
                                   struct tide_error *error)
{
    tide_assert(path != NULL && into != NULL);
    struct tide_file file = {0};
    uint64_t size = 0;
    size_t read_size = 0;
    tide_bytes_reset(into);
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_READ, &file, error);
    if (status != TIDE_OK) {
        goto done;
    }
    status = io.operations->size(io.self, file, &size, error);
    if (status != TIDE_OK) {
        goto done;
    }
    size_t limit = into->size_max != 0 && into->size_max < size_max ? into->size_max : size_max;
    if (size > limit) {
        status = tide_error_set(error,
                                TIDE_REJECT,
                                "%s has %llu bytes, more than %zu",
                                path,
                                (unsigned long long)size,
                                limit);
        goto done;
    }
    if (size == 0) {
        goto done;
    }
    if (!tide_bytes_reserve(into, (size_t)size)) {
        status = tide_error_set(
            error, TIDE_RETRY, "no memory for %s (%llu bytes)", path, (unsigned long long)size);
        goto done;
    }
    status = io.operations->read(io.self, file, 0, into->data, (size_t)size, &read_size, error);
    if (status == TIDE_OK) {
        tide_assert(read_size <= size);
        into->size = read_size;
    }

done:
    io.operations->close(io.self, &file);
    return status;
}

/* A durable file under a name that nobody else has. */
static enum tide_status write_temporary(struct tide_io io,
                                        const char *path,
                                        struct tide_view content,
                                        struct tide_error *error)
{
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, error);
    if (status == TIDE_REJECT) {
        /* The name is random, so it is the directory that is missing. The caller must not take
         * this for "path exists". */
        return tide_error_set(error, TIDE_FATAL, "cannot create %s: no such directory", path);
    }
    if (status == TIDE_OK && content.size > 0) {
        status = io.operations->write(io.self, file, 0, content.data, content.size, error);
    }
    if (status == TIDE_OK) {
        status = io.operations->sync(io.self, file, error);
    }
    io.operations->close(io.self, &file);
    return status;
}

/* link answers REJECT for an existing target and for a source that is gone; only the first means
 * that somebody else won. */
static enum tide_status explain_refusal(struct tide_io io,
                                        const char *path,
                                        struct tide_error *error)
{
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_READ, &file, NULL);
    io.operations->close(io.self, &file);
    if (status == TIDE_OK) {
        return tide_error_set(error, TIDE_REJECT, "%s exists already", path);
    }
    if (status == TIDE_REJECT) {
        return tide_error_set(error, TIDE_RETRY, "the temporary file of %s has vanished", path);
    }
    return tide_error_set(error, status, "cannot tell whether %s exists", path);
}

/* A random name beside path. */
static enum tide_status name_temporary(struct tide_io io,
                                       const char *path,
                                       char temporary[PATH_SIZE_MAX],
                                       struct tide_error *error)
{
    uint64_t random = 0;
    io.operations->random(io.self, &random, sizeof(random));
    int length =
        snprintf(temporary, PATH_SIZE_MAX, "%s.tmp-%016llx", path, (unsigned long long)random);
    if (length < 0 || length >= PATH_SIZE_MAX) {
        return tide_error_set(error, TIDE_FATAL, "a path of %zu bytes is too long", strlen(path));
    }
    return TIDE_OK;
}

/* The outcome is decided; a temporary name that stays costs space, not truth. */
static void remove_temporary(struct tide_io io, const char *temporary, enum tide_status status)
{
    struct tide_error leftover = {0};
    if (io.operations->remove(io.self, temporary, &leftover) != TIDE_OK && status == TIDE_OK) {
        tide_logline(TIDE_LOGLINE_DEBUG, "base", "a temporary file stays: %s", leftover.text);
    }
}

enum tide_status tide_io_create_file(struct tide_io io,
                                     const char *path,
                                     struct tide_view content,
                                     struct tide_error *error)
{
    char temporary[PATH_SIZE_MAX];
    char parent[PATH_SIZE_MAX];
    enum tide_status status = name_temporary(io, path, temporary, error);
    if (status != TIDE_OK) {
        return status;
    }
    parent_of(path, parent);

    status = write_temporary(io, temporary, content, error);
    if (status == TIDE_OK) {
        status = io.operations->link(io.self, temporary, path, error);
        if (status == TIDE_REJECT) {
            status = explain_refusal(io, path, error);
        }
    }
    if (status == TIDE_OK) {
        status = io.operations->sync_directory(io.self, parent, error);
    }
    remove_temporary(io, temporary, status);
    return status;
}

enum tide_status tide_io_replace_file(struct tide_io io,
                                      const char *path,
                                      struct tide_view content,
                                      struct tide_error *error)
{
    char temporary[PATH_SIZE_MAX];
    char parent[PATH_SIZE_MAX];
    enum tide_status status = name_temporary(io, path, temporary, error);
    if (status != TIDE_OK) {
        return status;
    }
    parent_of(path, parent);

    status = write_temporary(io, temporary, content, error);
    if (status == TIDE_OK) {
        status = io.operations->rename(io.self, temporary, path, error);
    }
    if (status != TIDE_OK) {
        remove_temporary(io, temporary, status);
        return status;
    }
    return io.operations->sync_directory(io.self, parent, error);
}
