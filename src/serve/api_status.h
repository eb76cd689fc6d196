/* How the service does, in one document: GET /api/v1/status, and the live feed's heartbeat. */
#ifndef TIDE_SERVE_API_STATUS_H
#define TIDE_SERVE_API_STATUS_H

#include "serve/api_internal.h"

/* NULL: no memory. Before anybody asks; the API's options are set. */
struct tide_api_status *api_status_create(const struct tide_api_options *options);
void api_status_destroy(struct tide_api_status *status); /* NULL is fine */
/* "instance" as 16 hex digits, "pipeline", "preset" and "version". */
void api_status_write_identity(const struct tide_api *api, struct tide_bytes *json);
/* The document. Visits all partitions and waits for them. Any thread. RETRY: no memory, or the
 * engine has stopped. */
enum tide_status api_status_write(const struct tide_api *api,
                                  struct tide_bytes *json,
                                  struct tide_error *error);

#endif
