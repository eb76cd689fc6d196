/* What each of the API's routes promises; api.c's table points here. The schemas that outcomes name
 * are in assets/schemas.json. */
#ifndef TIDE_SERVE_API_CONTRACT_H
#define TIDE_SERVE_API_CONTRACT_H

#include "http/contract.h"

extern const struct tide_http_contract api_contract_metrics;
extern const struct tide_http_contract api_contract_metric;
extern const struct tide_http_contract api_contract_state;
extern const struct tide_http_contract api_contract_live;
extern const struct tide_http_contract api_contract_status;
extern const struct tide_http_contract api_contract_quality;
extern const struct tide_http_contract api_contract_alerts;
extern const struct tide_http_contract api_contract_ledger;
extern const struct tide_http_contract api_contract_definitions;
extern const struct tide_http_contract api_contract_barrier;
extern const struct tide_http_contract api_contract_usage;
extern const struct tide_http_contract api_contract_crashes;
extern const struct tide_http_contract api_contract_adoption;
extern const struct tide_http_contract api_contract_performance;
extern const struct tide_http_contract api_contract_realtime;
extern const struct tide_http_contract api_contract_health;
extern const struct tide_http_contract api_contract_ready;
extern const struct tide_http_contract api_contract_exposition;
extern const struct tide_http_contract api_contract_openapi;
extern const struct tide_http_contract api_contract_dashboard;
extern const struct tide_http_contract api_contract_dashboard_script;
extern const struct tide_http_contract api_contract_dashboard_style;
extern const struct tide_http_contract api_contract_dashboard_icon;
extern const struct tide_http_contract api_contract_docs;
extern const struct tide_http_contract api_contract_docs_script;
extern const struct tide_http_contract api_contract_docs_style;

#endif
