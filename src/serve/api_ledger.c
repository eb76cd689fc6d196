/* GET /api/v1/ledger:
 *     {"ledger": {..of all partitions..}, "holds": true, "closing": "..Z" or null,
 *      "partitions": [{"partition": 0, "next_offset": 12, "watermark": .., "closing": ..,
 *                      "ledger": {..}}, ..]}
 * Each partition is at one point of its log, not all at the same moment: a barrier is for that.
 *
 * GET /api/v1/definitions:
 *     {"sources": [{"name": "preset sunbird", "text": ".."}, ..]} */
#include "base/json.h"
#include "serve/api_internal.h"

#include "base/banned.h"

static void write_ledgers(const struct tide_api *api,
                          const struct tide_cell_request *request,
                          struct tide_instant closing,
                          struct tide_bytes *json)
{
    struct tide_ledger sum = {0};
    bool holds = true;
    for (uint32_t p = 0; p < api->options.partition_count; p++) {
        tide_ledger_add(&sum, &request->slots[p].ledger);
        holds = holds && tide_ledger_holds(&request->slots[p].ledger);
    }
    tide_bytes_append_byte(json, '{');
    tide_json_write_key(json, "ledger");
    tide_ledger_write_json(&sum, json);
    tide_json_write_bool_member(json, "holds", holds && tide_ledger_holds(&sum));
    api_write_instant(json, "closing", closing);
    tide_json_write_key(json, "partitions");
    tide_bytes_append_byte(json, '[');
    for (uint32_t p = 0; p < api->options.partition_count; p++) {
        const struct tide_cell_slot *slot = &request->slots[p];
        tide_bytes_append_text(json, p == 0 ? "{" : ",{");
        tide_json_write_u64_member(json, "partition", p);
        tide_json_write_u64_member(json, "next_offset", slot->next_offset);
        api_write_instant(json, "watermark", slot->watermark);
        api_write_instant(json, "closing", slot->closing);
        tide_json_write_key(json, "ledger");
        tide_ledger_write_json(&slot->ledger, json);
        tide_bytes_append_byte(json, '}');
    }
    tide_bytes_append_text(json, "]}");
}

void api_answer_ledger(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    const struct tide_cell_scope facts_only = {TIDE_METRICS_NONE, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    struct tide_error error = {0};
    struct tide_bytes json = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    const struct tide_instant closing = tide_engine_closing(options->engine);
    if (tide_cell_request_init(
            &request, options->definitions, options->partition_count, &facts_only, &error) !=
        TIDE_OK) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "%s", error.text);
    } else if (!tide_engine_visit(options->engine, tide_cell_request_visit, &request)) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "the engine has stopped");
    } else {
        (void)api_note_processed(api, &request);
        write_ledgers(api, &request, closing, &json);
        api_reply(exchange, "application/json", &json);
    }
    tide_cell_request_release(&request);
    tide_bytes_release(&json);
}

void api_answer_definitions(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_definitions *definitions = api->options.definitions;
    struct tide_bytes json = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    tide_bytes_append_text(&json, "{\"sources\":[");
    for (uint32_t i = 0; i < definitions->source_count; i++) {
        tide_bytes_append_text(&json, i == 0 ? "{" : ",{");
        tide_json_write_text_member(&json, "name", definitions->sources[i].name);
        tide_json_write_text_member(&json, "text", definitions->sources[i].text);
        tide_bytes_append_byte(&json, '}');
    }
    tide_bytes_append_text(&json, "]}");
    api_reply(exchange, "application/json", &json);
    tide_bytes_release(&json);
}
