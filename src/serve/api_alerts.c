/* GET /api/v1/alerts:
 *     {"alerts": [{"name", "metric", "of", "when" (or "absent_seconds"), "where", "baseline",
 *                  "for_seconds", "at_least", "notify", "definition", "judged_until", "seen_since",
 *                  "windows_skipped", "groups_beyond", "instance_count",
 *                  "instances": [{"group", "state", "since", "window": {"start", "end"}, "value",
 *                                 "baseline", "events"} (or "last_seen"), ..]}, ..],
 *      "untold": 0, "dropped": 0,
 *      "webhook": {"configured", "signed", "delivered", "failed_attempts", "given_up"}}
 * Instances that are ok stand behind the others. */
#include "serve/alerts.h"
#include "serve/api_internal.h"

#include "base/banned.h"

void api_answer_alerts(void *context, struct tide_http_exchange *exchange)
{
    const struct tide_api *api = context;
    struct tide_bytes json = {0};
    tide_bytes_init(&json, TIDE_API_REPLY_BYTES_MAX);
    if (api->options.alerts == NULL) {
        tide_bytes_append_text(&json, "{\"alerts\":[]}");
    } else {
        tide_alerts_write(api->options.alerts, &json);
    }
    api_reply(exchange, "application/json", &json);
    tide_bytes_release(&json);
}
