/* original -> scratch file -> put in the target -> read there and counted -> committed there. */
#include "lake/archive.h"

#include "base/assert.h"
#include "lake/object_paths.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PATH_BYTES_MAX = 4096,
    COPY_BYTES = 1 << 20,
    ARENA_BYTES_MAX = 256 << 20
};

struct job {
    const struct tide_archive *archive;
    struct tide_delta *delta; /* the target's */
    struct tide_arena arena;
    struct tide_delta_file *missing; /* in the target */
    uint32_t missing_count;
    uint32_t compared; /* partitions that were counted in the copies and are equal */
    bool differs;
};

/* ---- copying */

static enum tide_status copy_bytes(struct tide_io io,
                                   struct tide_file from,
                                   struct tide_file to,
                                   uint64_t *total,
                                   struct tide_error *error)
{
    size_t size = 0;
    char *buffer = malloc(COPY_BYTES);
    enum tide_status status =
        buffer == NULL ? tide_error_set(error, TIDE_RETRY, "no memory to copy a file") : TIDE_OK;
    *total = 0;
    do {
        if (status == TIDE_OK) {
            status = io.operations->read(io.self, from, *total, buffer, COPY_BYTES, &size, error);
        }
        if (status == TIDE_OK && size > 0) {
            status = io.operations->write(io.self, to, *total, buffer, size, error);
            *total += size;
        }
    } while (status == TIDE_OK && size == COPY_BYTES);
    free(buffer);
    return status;
}

/* The original may be the store's own file, which nobody may take away. */
static enum tide_status copy_to_scratch(const struct job *job,
                                        const char *path,
                                        const char *scratch,
                                        uint64_t expected_size,
                                        struct tide_error *error)
{
    const struct tide_io io = job->archive->source->io;
    struct tide_file from = {0};
    struct tide_file to = {0};
    uint64_t size = 0;
    (void)io.operations->remove(io.self, scratch, NULL);
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_READ, &from, error);
    if (status == TIDE_OK) {
        status = io.operations->open(io.self, scratch, TIDE_IO_CREATE, &to, error);
    }
    if (status == TIDE_OK) {
        status = copy_bytes(io, from, to, &size, error);
    }
    io.operations->close(io.self, &from);
    io.operations->close(io.self, &to);
    if (status == TIDE_OK && size != expected_size) {
        status = tide_error_set(error,
                                TIDE_FATAL,
                                "%s has %llu bytes, the log says %llu",
                                path,
                                (unsigned long long)size,
                                (unsigned long long)expected_size);
    }
    return status == TIDE_REJECT ? TIDE_FATAL : status;
}

static enum tide_status copy_file(struct job *job,
                                  const struct tide_delta_file *file,
                                  const char *scratch,
                                  struct tide_error *error)
{
    char key[TIDE_STORE_KEY_BYTES_MAX];
    struct tide_object_paths original = {0};
    const struct tide_delta_options *source = job->archive->source;
    const struct tide_delta_options *target = job->archive->target;
    const int size = snprintf(
        key, sizeof(key), "%s/%.*s", target->layout->name, TIDE_VIEW_ARGUMENTS(file->path));
    if (size < 0 || (size_t)size >= sizeof(key)) {
        return tide_error_set(error, TIDE_FATAL, "a file's name is too long");
    }
    enum tide_status status = tide_object_paths_reserve(&original, &job->arena, 1, error);
    if (status == TIDE_OK) {
        status = tide_object_paths_add(
            &original, &job->arena, source->store, source->layout->name, file->path, error);
    }
    if (status == TIDE_OK) {
        status = copy_to_scratch(job, original.paths[0], scratch, file->size, error);
    }
    tide_object_paths_unpin(&original, source->store);
    return status == TIDE_OK
               ? target->store.operations->put_file(target->store.self, key, scratch, error)
               : status;
}

static enum tide_status copy_missing(struct job *job, struct tide_error *error)
{
    char scratch[PATH_BYTES_MAX];
    uint64_t number = 0;
    const struct tide_delta_options *source = job->archive->source;
    source->io.operations->random(source->io.self, &number, sizeof(number));
    const int size = snprintf(scratch,
                              sizeof(scratch),
                              "%s/%s-archive-%016llx",
                              source->scratch_directory,
                              source->layout->name,
                              (unsigned long long)number);
    enum tide_status status =
        size < 0 || (size_t)size >= sizeof(scratch)
            ? tide_error_set(error, TIDE_FATAL, "the scratch directory's path is too long")
            : source->io.operations->make_directory(
                  source->io.self, source->scratch_directory, error);
    for (uint32_t i = 0; status == TIDE_OK && i < job->missing_count; i++) {
        status = copy_file(job, &job->missing[i], scratch, error);
    }
    if (status != TIDE_OK) {
        (void)source->io.operations->remove(source->io.self, scratch, NULL);
    }
    return status;
}

/* ---- proof */

static bool is_equal(const struct tide_tally *a, const struct tide_tally *b)
{
    bool is_same =
        a->partition == b->partition && a->rows == b->rows && tide_u128_equal(a->uids, b->uids);
    for (int reason = 0; reason < TIDE_REASON_COUNT; reason++) {
        is_same = is_same && a->rejected[reason] == b->rejected[reason];
    }
    return is_same;
}

static void compare(void *context, const struct tide_tally *tally)
{
    struct job *job = context;
    const struct tide_archive *archive = job->archive;
    bool is_found = false;
    for (uint32_t i = 0; i < archive->tally_count; i++) {
        is_found = is_found || is_equal(&archive->tallies[i], tally);
    }
    job->differs = job->differs || !is_found;
    job->compared++;
}

static enum tide_status prove(struct job *job, struct tide_error *error)
{
    struct tide_object_paths copies = {0};
    const struct tide_archive *archive = job->archive;
    const struct tide_delta_options *target = archive->target;
    enum tide_status status =
        tide_object_paths_reserve(&copies, &job->arena, archive->file_count, error);
    for (uint32_t i = 0; status == TIDE_OK && i < archive->file_count; i++) {
        status = tide_object_paths_add(&copies,
                                       &job->arena,
                                       target->store,
                                       target->layout->name,
                                       archive->files[i].path,
                                       error);
    }
    if (status == TIDE_OK) {
        const struct tide_merge merge = {
            .layout = target->layout, .paths = copies.paths, .path_count = copies.count};
        status = archive->rewriter.operations->tally(
            archive->rewriter.self, &merge, compare, job, error);
    }
    tide_object_paths_unpin(&copies, target->store);
    if (status == TIDE_OK && (job->differs || job->compared != archive->tally_count)) {
        status = tide_error_set(error,
                                TIDE_FATAL,
                                "the copies of %u files of %s have not the rows of the originals",
                                archive->file_count,
                                target->layout->name);
    }
    return status;
}

/* ---- the whole */

static enum tide_status find_missing(struct job *job, struct tide_error *error)
{
    const struct tide_archive *archive = job->archive;
    job->missing = TIDE_ARENA_ARRAY(&job->arena, struct tide_delta_file, archive->file_count + 1U);
    if (job->missing == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for an archive");
    }
    for (uint32_t i = 0; i < archive->file_count; i++) {
        if (!tide_delta_is_live(job->delta, archive->files[i].path)) {
            job->missing[job->missing_count++] = archive->files[i];
        }
    }
    return TIDE_OK;
}

static enum tide_status commit(struct job *job, struct tide_error *error)
{
    bool is_done = false;
    const struct tide_delta_change change = {.operation = "WRITE",
                                             .is_data_change = true,
                                             .adds = job->missing,
                                             .add_count = job->missing_count};
    if (job->missing_count == 0) {
        return TIDE_OK;
    }
    const enum tide_status status = tide_delta_change(job->delta, &change, &is_done, error);
    tide_assert(status != TIDE_OK || is_done); /* it removes nothing, so nothing can be gone */
    return status;
}

enum tide_status tide_archive_copy(const struct tide_archive *archive, struct tide_error *error)
{
    struct job job = {.archive = archive};
    struct tide_delta_options target = *archive->target;
    tide_assert(archive->source->layout->table == target.layout->table);
    tide_arena_init(&job.arena, ARENA_BYTES_MAX);
    target.keeps_files = true;
    enum tide_status status = tide_delta_open(&target, &job.delta, error);
    if (status == TIDE_OK) {
        status = find_missing(&job, error);
    }
    if (status == TIDE_OK) {
        status = copy_missing(&job, error);
    }
    if (status == TIDE_OK) {
        status = prove(&job, error);
    }
    if (status == TIDE_OK) {
        status = commit(&job, error);
    }
    tide_delta_close(job.delta);
    tide_arena_release(&job.arena);
    if (status != TIDE_OK) {
        tide_error_prefix(error, "archive of %s", target.layout->name);
    }
    return status;
}
