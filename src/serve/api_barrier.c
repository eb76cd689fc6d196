/* POST /api/v1/barrier: an epoch of every partition is closed and written to the lake; the answer
 * is the state at exactly that point, as NDJSON, for somebody who recomputes it from the lake:
 *
 *     {"barrier": {"lake": "file:./lake", "partitions": [
 *         {"partition": 0, "epoch": 4, "next_offset": 12, "ledger": {..}}, ..]}}
 *     {"metric": .., "start": .., "end": .., "group": {..}, "value": ..}      every cell
 *     {"end": true, "cells": 123}
 *
 * A cell that is not what the events come to says why: "exact": false, where it is an estimate;
 * "folded": true, where it took in groups beyond the budget; "pending_batch": true, where a key was
 * left to batch.
 *
 * epoch is the last one that the lake has, -1: none. Without the last line the answer was cut. 503:
 * the lake could not be written just now. */
#include "base/json.h"
#include "serve/api_internal.h"

#include "base/banned.h"

static void write_head(const struct tide_api *api,
                       const struct tide_cell_request *request,
                       struct tide_bytes *text)
{
    tide_bytes_append_text(text, "{\"barrier\":{");
    tide_json_write_text_member(text, "lake", api->options.lake_url);
    tide_json_write_key(text, "partitions");
    tide_bytes_append_byte(text, '[');
    for (uint32_t p = 0; p < request->partition_count; p++) {
        const struct tide_cell_slot *slot = &request->slots[p];
        tide_bytes_append_text(text, p == 0 ? "{" : ",{");
        tide_json_write_u64_member(text, "partition", p);
        tide_json_write_i64_member(text, "epoch", (int64_t)slot->next_epoch - 1);
        tide_json_write_u64_member(text, "next_offset", slot->next_offset);
        tide_json_write_key(text, "ledger");
        tide_ledger_write_json(&slot->ledger, text);
        tide_bytes_append_byte(text, '}');
    }
    tide_bytes_append_text(text, "]}}\n");
}

/* Members of a cell that is not exactly what the lake will say. */
static void write_flags(const struct tide_result *result,
                        const struct tide_result_row *row,
                        struct tide_bytes *flags)
{
    tide_bytes_reset(flags);
    if (!tide_result_is_exact(result, row)) {
        tide_bytes_append_text(flags, "\"exact\": false");
    }
    if (tide_result_is_folded(row)) {
        tide_bytes_append_text(flags, flags->size > 0 ? ", " : "");
        tide_bytes_append_text(flags, "\"folded\": true");
    }
    if (tide_result_is_pending(row)) {
        tide_bytes_append_text(flags, flags->size > 0 ? ", " : "");
        tide_bytes_append_text(flags, "\"pending_batch\": true");
    }
}

static enum tide_status write_cells(const struct tide_cell_request *request,
                                    uint32_t index,
                                    uint64_t *cell_count,
                                    struct tide_bytes *text,
                                    struct tide_error *error)
{
    struct tide_result *result = NULL;
    enum tide_status status = tide_cell_request_result(request, index, NULL, &result, error);
    if (status != TIDE_OK) {
        return status;
    }
    const uint64_t count = tide_result_count(result);
    struct tide_bytes flags = {0};
    for (uint64_t i = 0; i < count && !text->failed; i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        write_flags(result, &row, &flags);
        tide_result_write_json(result, &row, tide_bytes_view(&flags), text);
        tide_bytes_append_byte(text, '\n');
    }
    text->failed = text->failed || flags.failed;
    tide_bytes_release(&flags);
    *cell_count += count;
    tide_result_destroy(result);
    return TIDE_OK;
}

static enum tide_status write_answer(const struct tide_api *api,
                                     const struct tide_cell_request *request,
                                     struct tide_bytes *text,
                                     struct tide_error *error)
{
    uint64_t cell_count = 0;
    enum tide_status status = TIDE_OK;
    write_head(api, request, text);
    for (uint32_t i = 0; status == TIDE_OK && i < request->definitions->metric_count; i++) {
        if (!request->definitions->metrics[i].is_hidden) {
            status = write_cells(request, i, &cell_count, text, error);
        }
    }
    tide_bytes_append_byte(text, '{');
    tide_json_write_bool_member(text, "end", true);
    tide_json_write_u64_member(text, "cells", cell_count);
    tide_bytes_append_text(text, "}\n");
    return status;
}

void api_answer_barrier(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    const struct tide_cell_scope all = {TIDE_METRICS_ALL, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    struct tide_error error = {0};
    struct tide_bytes text = {0};
    tide_bytes_init(&text, TIDE_API_REPLY_BYTES_MAX);
    enum tide_status status = tide_cell_request_init(
        &request, options->definitions, options->partition_count, &all, &error);
    if (status == TIDE_OK) {
        status = tide_engine_barrier(options->engine, tide_cell_request_visit, &request, &error);
        if (status != TIDE_OK) {
            tide_error_prefix(&error, "no barrier now");
        }
    }
    if (status == TIDE_OK) {
        status = write_answer(api, &request, &text, &error);
    }
    if (status == TIDE_OK) {
        api_reply(exchange, "application/x-ndjson", &text);
    } else {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    }
    tide_cell_request_release(&request);
    tide_bytes_release(&text);
}
