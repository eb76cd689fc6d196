/* Asking a running service: one request, with errors for people and exits for scripts. */
#ifndef TIDE_CLI_ASK_H
#define TIDE_CLI_ASK_H

#include "cli/command.h"
#include "http/client.h"

#define TIDE_DEFAULT_SERVER "http://127.0.0.1:8080"

/* method and path (with its query) at server. *body is the answer of a 2xx (caller releases). Other
 * answers and no answer are printed to stderr: NOT_FOUND for 404, TEMPORARY for 503, CONNECT
 * without a connection, FAILURE otherwise. */
enum tide_exit tide_ask(struct tide_http_client *client,
                        const char *server,
                        const char *method,
                        struct tide_view path,
                        struct tide_bytes *body);
/* Calls visit for each line that is not empty; stops at an exit that is not OK. */
enum tide_exit tide_each_line(struct tide_view text,
                              enum tide_exit (*visit)(void *context, struct tide_view line),
                              void *context);

#endif
