/* GET /health: 200 as long as every partition answers; 503: the engine failed or stopped, restart.
 * GET /ready:  200 once the process may be asked and every partition has read its log to the end;
 *     before that its numbers are too small. Collecting works earlier: events may be sent as soon
 *     as /health answers.
 *     {"status": "ready" or "starting", "caught_up": true, "records_behind": 0} */
#include "base/json.h"
#include "serve/api_internal.h"

#include "base/banned.h"

static void visit_nothing(void *context, struct tide_partition *partition)
{
    (void)context;
    (void)partition;
}

static void reply_status(struct tide_http_exchange *exchange,
                         unsigned code,
                         struct tide_bytes *json)
{
    if (json->failed) {
        tide_http_reply_problem(exchange, 503, API_RETRY_AFTER_S, "no memory");
    } else {
        tide_http_reply(
            exchange, code, "application/json", json, code == 503 ? API_RETRY_AFTER_S : 0);
    }
    tide_bytes_release(json);
}

void api_answer_health(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct tide_bytes json = {0};
    const bool is_alive = tide_engine_visit(api->options.engine, visit_nothing, NULL);
    tide_bytes_append_byte(&json, '{');
    tide_json_write_text_member(&json, "status", is_alive ? TIDE_VIEW("ok") : TIDE_VIEW("failed"));
    tide_bytes_append_byte(&json, '}');
    reply_status(exchange, is_alive ? 200 : 503, &json);
}

void api_reply_ready(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    const struct tide_api_options *options = &api->options;
    struct tide_bytes json = {0};
    const struct tide_engine_facts facts = tide_engine_facts(options->engine);
    const bool is_ready =
        facts.caught_up && (options->ready == NULL || options->ready(options->ready_context));
    tide_bytes_append_byte(&json, '{');
    tide_json_write_text_member(
        &json, "status", is_ready ? TIDE_VIEW("ready") : TIDE_VIEW("starting"));
    tide_json_write_bool_member(&json, "caught_up", facts.caught_up);
    tide_json_write_u64_member(&json, "records_behind", facts.records_behind);
    tide_bytes_append_byte(&json, '}');
    reply_status(exchange, is_ready ? 200 : 503, &json);
}
