/* A file of generate.py in memory, the definitions of job.yaml, and blocks of whole lines. */
#ifndef TIDE_BENCH_JOB_INPUT_H
#define TIDE_BENCH_JOB_INPUT_H

#include "base/assert.h"
#include "base/io.h"
#include "metric/definition.h"

#include <stdio.h>
#include <string.h>

enum {
    JOB_PADDING = 64 /* zeros behind the events, for who reads past the end */
};

struct job_input {
    struct tide_arena arena;
    struct tide_bytes text; /* of job.yaml */
    struct tide_source source;
    struct tide_diagnostics diagnostics;
    const struct tide_definitions *definitions;
    struct tide_bytes memory;
    struct tide_view events;
};

static inline bool job_read(const char *path, struct tide_bytes *into)
{
    const uint64_t size_max = UINT64_C(16) << 30;
    struct tide_error error = {0};
    if (tide_io_read_file(tide_io_os(), path, into, size_max, &error) != TIDE_OK) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    return true;
}

/* Without events. false: said on stderr why. */
static inline bool job_definitions_load(struct job_input *job)
{
    memset(job, 0, sizeof *job);
    if (!job_read(TIDE_TEST_SOURCE_ROOT "/tests/bench/job.yaml", &job->text)) {
        return false;
    }
    job->source = (struct tide_source){TIDE_VIEW("job.yaml"), tide_bytes_view(&job->text)};
    tide_diagnostics_init(&job->diagnostics, &job->arena);
    const struct tide_definitions_input input = {.file = &job->source};
    job->definitions = tide_definitions_load(&job->arena, &input, &job->diagnostics);
    tide_assert(job->definitions != NULL);
    return true;
}

/* Likewise. */
static inline bool job_input_load(struct job_input *job, const char *path)
{
    if (!job_definitions_load(job) || !job_read(path, &job->memory)) {
        return false;
    }
    const bool reserved = tide_bytes_reserve(&job->memory, JOB_PADDING);
    tide_assert(reserved);
    job->events = tide_bytes_view(&job->memory);
    memset(job->memory.data + job->memory.size, 0, JOB_PADDING);
    return true;
}

static inline void job_input_release(struct job_input *job)
{
    tide_bytes_release(&job->memory);
    tide_bytes_release(&job->text);
    tide_arena_release(&job->arena);
}

/* The next whole lines, about block_size bytes; empty at the end. *at moves past them. */
static inline struct tide_view job_block(struct tide_view events, size_t block_size, size_t *at)
{
    const size_t left = events.size - *at;
    struct tide_view block = {events.data + *at, left < block_size ? left : block_size};
    if (block.size < left) {
        const char *end = memrchr(block.data, '\n', block.size);
        tide_assert(end != NULL);
        block.size = (size_t)(end + 1 - block.data);
    }
    *at += block.size;
    return block;
}

#endif
