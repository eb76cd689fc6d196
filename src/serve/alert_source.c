#include "serve/alert_source.h"

#include "base/banned.h"

static struct tide_instant closing(void *context)
{
    const struct tide_alert_engine *engine = context;
    return tide_engine_closing(engine->engine);
}

static enum tide_status ask(void *context,
                            uint32_t metric,
                            struct tide_cell_span span,
                            const struct tide_expression *filter,
                            struct tide_result *results[2],
                            struct tide_error *error)
{
    const struct tide_alert_engine *engine = context;
    const struct tide_cell_scope scope = {metric, span};
    struct tide_cell_request request = {0};
    results[0] = results[1] = NULL;
    enum tide_status status = tide_cell_request_init(
        &request, engine->definitions, engine->partition_count, &scope, error);
    if (status == TIDE_OK &&
        !tide_engine_visit(engine->engine, tide_cell_request_visit, &request)) {
        status = tide_error_set(error, TIDE_RETRY, "the engine has stopped");
    }
    if (status == TIDE_OK) {
        status = tide_cell_request_result(&request, metric, NULL, &results[0], error);
    }
    results[1] = results[0];
    if (status == TIDE_OK && filter != NULL) {
        results[1] = NULL;
        status = tide_cell_request_result(&request, metric, filter, &results[1], error);
    }
    tide_cell_request_release(&request);
    if (status != TIDE_OK) {
        tide_alert_results_destroy(results);
    }
    return status;
}

struct tide_alert_source tide_alert_source_of(struct tide_alert_engine *engine)
{
    return (struct tide_alert_source){closing, ask, engine};
}

void tide_alert_results_destroy(struct tide_result *results[2])
{
    if (results[1] != results[0]) {
        tide_result_destroy(results[1]);
    }
    tide_result_destroy(results[0]);
    results[0] = results[1] = NULL;
}
