/* The definitions of a running service: its own texts, compiled again here. */
#ifndef TIDE_CLI_SERVED_H
#define TIDE_CLI_SERVED_H

#include "cli/ask.h"
#include "metric/definition.h"

/* Asks for the texts, and for the metrics that are served; others are left out, or hidden as parts
 * of a ratio. Everything lives in arena. Exits as tide_ask; FAILURE, said on stderr: what it answers
 * cannot be compiled, or its preset is of another version than this program's. */
enum tide_exit tide_served_definitions(struct tide_arena *arena,
                                       struct tide_http_client *client,
                                       const char *server,
                                       const struct tide_definitions **definitions);

#endif
