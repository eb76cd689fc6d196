/* Who may come in over HTTP, as the configuration says: keys, limits, pages of other origins. */
#ifndef TIDE_CLI_SERVICE_DOOR_H
#define TIDE_CLI_SERVICE_DOOR_H

#include "cli/config.h"
#include "collect/collector.h"

struct tide_service_door { /* all zero is a closed one */
    struct tide_keys *keys;
    struct tide_admission *admission; /* NULL: everybody may */
    struct tide_cors collect_cors;
    struct tide_cors serve_cors;
    struct tide_collector_door collector; /* its collector is the caller's to fill in */
};

/* config must outlive door. REJECT: a key's file or an origin is wrong, or a limit wants keys. */
enum tide_status tide_service_door_open(const struct tide_config *config,
                                        struct tide_service_door *door,
                                        struct tide_error *error);
/* After the server has stopped. */
void tide_service_door_close(struct tide_service_door *door);
/* Pages of the origins of serve.cors may read what these routes answer to GET. */
void tide_service_door_share(const struct tide_service_door *door,
                             struct tide_http_route *routes,
                             size_t route_count);

#endif
