#include "batch/spark_results.h"

#include "base/assert.h"
#include "base/json.h"
#include "batch/compute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    PATH_BYTES_MAX = 4096,
    BLOCK_BYTES = 1 << 20,
    LINE_BYTES_MAX = 16 << 20,
    LINE_JSON_BYTES_MAX = 64 << 20
};

struct answer {
    const struct tide_batch_question *question;
    struct tide_batch_visitor visitor;
    const char *path;
    struct tide_arena scratch; /* of a line */
    struct tide_bytes rest;    /* of a line that goes on in the next block */
    uint64_t row_count;
    bool is_whole; /* the last line was read */
    struct tide_error *error;
};

static enum tide_status refuse(const struct answer *answer)
{
    return tide_error_set(answer->error, TIDE_REJECT, "%s is not an answer of ours", answer->path);
}

/* ---- a line */

static bool read_value(const struct tide_json *json, struct tide_duckdb_value *value)
{
    char text[24];
    char *end = NULL;
    *value = (struct tide_duckdb_value){.present = json->kind != TIDE_JSON_NULL};
    switch (json->kind) {
    case TIDE_JSON_NULL:
        return true;
    case TIDE_JSON_STRING:
        value->is_text = true;
        value->text = json->text;
        return true;
    case TIDE_JSON_NUMBER:
        if (json->text.size >= sizeof(text)) {
            return false;
        }
        memcpy(text, json->text.data, json->text.size);
        text[json->text.size] = '\0';
        value->number = strtoll(text, &end, 10);
        return *end == '\0';
    case TIDE_JSON_FALSE:
    case TIDE_JSON_TRUE:
    case TIDE_JSON_ARRAY:
    case TIDE_JSON_OBJECT:
        break;
    }
    return false;
}

static enum tide_status read_row(struct answer *answer, const struct tide_json *json)
{
    if (json->count != tide_batch_column_count(answer->question)) {
        return refuse(answer);
    }
    struct tide_duckdb_value *row =
        TIDE_ARENA_ARRAY(&answer->scratch, struct tide_duckdb_value, json->count);
    if (row == NULL) {
        return tide_error_set(answer->error, TIDE_RETRY, "no memory for a row of an answer");
    }
    uint32_t count = 0;
    for (const struct tide_json *value = json->first; value != NULL; value = value->next) {
        if (!read_value(value, &row[count++])) {
            return refuse(answer);
        }
    }
    answer->row_count++;
    return answer->visitor.visit(answer->visitor.context, row, count);
}

static enum tide_status read_line(struct answer *answer, struct tide_view line)
{
    struct tide_json *json = NULL;
    uint64_t row_count = 0;
    tide_arena_reset(&answer->scratch);
    if (answer->is_whole || tide_json_parse(&answer->scratch, line, &json, NULL) != TIDE_OK) {
        return refuse(answer);
    }
    if (json->kind == TIDE_JSON_ARRAY) {
        return read_row(answer, json);
    }
    if (!tide_json_get_u64(json, "rows", &row_count) || row_count != answer->row_count) {
        return refuse(answer);
    }
    answer->is_whole = true;
    return TIDE_OK;
}

/* ---- a file */

static enum tide_status read_lines(struct answer *answer, struct tide_view block)
{
    enum tide_status status = TIDE_OK;
    const char *end = NULL;
    while (status == TIDE_OK && block.size > 0 &&
           (end = memchr(block.data, '\n', block.size)) != NULL) {
        const size_t size = (size_t)(end - block.data);
        struct tide_view line = tide_view_slice(block, 0, size);
        if (answer->rest.size > 0) {
            tide_bytes_append_view(&answer->rest, line);
            line = tide_bytes_view(&answer->rest);
        }
        status = answer->rest.failed ? refuse(answer) : read_line(answer, line);
        tide_bytes_reset(&answer->rest);
        block = tide_view_slice(block, size + 1, block.size - size - 1);
    }
    tide_bytes_append_view(&answer->rest, block);
    return status == TIDE_OK && answer->rest.failed ? refuse(answer) : status;
}

static enum tide_status read_blocks(struct answer *answer, struct tide_io io, struct tide_file file)
{
    enum tide_status status = TIDE_OK;
    char *block = malloc(BLOCK_BYTES);
    if (block == NULL) {
        return tide_error_set(answer->error, TIDE_RETRY, "no memory to read an answer");
    }
    size_t size = BLOCK_BYTES;
    for (uint64_t offset = 0; status == TIDE_OK && size == BLOCK_BYTES; offset += size) {
        status =
            io.operations->read(io.self, file, offset, block, BLOCK_BYTES, &size, answer->error);
        if (status == TIDE_OK) {
            status = read_lines(answer, (struct tide_view){block, size});
        }
    }
    free(block);
    return status;
}

static enum tide_status read_answer(const struct tide_spark_results *results,
                                    uint32_t unit_index,
                                    struct answer *answer)
{
    char path[PATH_BYTES_MAX];
    char name[TIDE_SPARK_RESULT_SIZE];
    struct tide_file file = {0};
    tide_spark_result_name(unit_index, name);
    (void)snprintf(path, sizeof(path), "%s/%s", results->directory, name);
    answer->path = path;
    answer->row_count = 0;
    answer->is_whole = false;
    enum tide_status status =
        results->io.operations->open(results->io.self, path, TIDE_IO_READ, &file, answer->error);
    if (status == TIDE_OK) {
        status = read_blocks(answer, results->io, file);
    }
    if (status == TIDE_OK && (!answer->is_whole || answer->rest.size > 0)) {
        status = refuse(answer);
    }
    results->io.operations->close(results->io.self, &file);
    tide_bytes_reset(&answer->rest);
    return status;
}

/* ---- public */

static bool is_about(const struct tide_spark_unit *unit, const struct tide_batch_question *question)
{
    return unit->question.kind == question->kind && unit->question.metric == question->metric;
}

static enum tide_status ask(void *self,
                            const struct tide_batch_question *question,
                            struct tide_batch_visitor visitor,
                            struct tide_error *error)
{
    const struct tide_spark_results *results = self;
    const struct tide_spark_plan *plan = results->plan;
    struct answer answer = {.question = question, .visitor = visitor, .error = error};
    enum tide_status status = TIDE_OK;
    tide_arena_init(&answer.scratch, LINE_JSON_BYTES_MAX);
    tide_bytes_init(&answer.rest, LINE_BYTES_MAX);
    for (uint32_t i = 0; status == TIDE_OK && i < plan->unit_count; i++) {
        if (is_about(&plan->units[i], question)) {
            status = read_answer(results, i, &answer);
        }
    }
    tide_bytes_release(&answer.rest);
    tide_arena_release(&answer.scratch);
    return status;
}

struct tide_batch_engine tide_spark_engine(struct tide_spark_results *results)
{
    const struct tide_snapshot *snapshot = results->plan->snapshot;
    return (struct tide_batch_engine){
        ask, results, &snapshot->events.expired, &snapshot->rejected.expired};
}

struct search {
    const struct tide_spark_plan *plan;
    bool *is_done;
};

static void see_entry(void *context, const char *name, bool is_directory)
{
    const struct search *search = context;
    char expected[TIDE_SPARK_RESULT_SIZE];
    const unsigned long index = strtoul(name, NULL, 10);
    if (is_directory || index >= search->plan->unit_count) {
        return;
    }
    tide_spark_result_name((uint32_t)index, expected);
    if (strcmp(name, expected) == 0) {
        search->is_done[index] = true;
    }
}

enum tide_status tide_spark_results_find(const struct tide_spark_results *results,
                                         bool *is_done,
                                         struct tide_error *error)
{
    struct search search = {results->plan, is_done};
    for (uint32_t i = 0; i < results->plan->unit_count; i++) {
        is_done[i] = false;
    }
    const enum tide_status status = results->io.operations->list(
        results->io.self, results->directory, see_entry, &search, error);
    return status == TIDE_REJECT ? TIDE_OK : status;
}
