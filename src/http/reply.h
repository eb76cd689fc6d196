/* What a reply says besides its body: one list of headers, whoever sends them. The library sends
 * most replies; one that must go out in the middle of a body is written by hand. */
#ifndef TIDE_HTTP_REPLY_H
#define TIDE_HTTP_REPLY_H

#include "http/exchange.h"

/* The reply becomes an RFC 9457 problem. */
void tide_reply_set_problem(struct tide_http_exchange *exchange, unsigned status, const char *why);
/* value must live as long as the exchange. A header for which there is no room is left out. */
void tide_reply_add(struct tide_http_exchange *exchange, const char *name, const char *value);
/* Adds what every reply says, and what its status, route and origin ask for; once, before it is
 * sent. Not Content-Length, nor Date. */
void tide_reply_finish(struct tide_http_exchange *exchange, bool is_draining);
/* The whole finished reply as HTTP/1.1 has it; the connection is to be closed behind it. */
void tide_reply_write(const struct tide_http_exchange *exchange, struct tide_bytes *text);

#endif
