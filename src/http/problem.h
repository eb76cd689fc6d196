/* RFC 9457 problem documents and the reason phrases of HTTP statuses. */
#ifndef TIDE_HTTP_PROBLEM_H
#define TIDE_HTTP_PROBLEM_H

#include "base/bytes.h"

const char *tide_http_status_title(unsigned status); /* "Not Found"; "Unknown" for others */
void tide_http_problem_write(unsigned status, struct tide_view detail, struct tide_bytes *json);

#endif
