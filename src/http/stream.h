/* A reply that goes on: bytes written now and then by one thread, sent as they come.
 *
 * What is written waits in a queue of the stream until the connection takes it; a writer never
 * waits for a reader. A reader that takes nothing of what was handed to it for as long as `stall`
 * is cut off, and so is one whose network is gone; a reader that has left is noticed when something
 * is written to it, so a writer writes now and then in any case. The server's reply deadline is not
 * for streams. The server's drain ends those that are open: what waits is sent, within a moment. */
#ifndef TIDE_HTTP_STREAM_H
#define TIDE_HTTP_STREAM_H

#include "http/server.h"

struct tide_http_stream;

struct tide_http_stream_options {
    const char *content_type; /* static */
    size_t bytes_max;         /* of the queue */
    struct tide_duration stall;
};

/* Replies 200 to the exchange, which is gone afterwards, with a body that is written to *stream and
 * ended by its close. A HEAD gets the headers, and the stream is over. From any thread. RETRY: no
 * memory; the exchange is still the caller's. */
enum tide_status tide_http_reply_stream(struct tide_http_exchange *exchange,
                                        const struct tide_http_stream_options *options,
                                        struct tide_http_stream **stream,
                                        struct tide_error *error);
/* Takes a copy, all or nothing. AGAIN: there is no room now (what is larger than the queue goes
 * into an empty one). REJECT: it is over, the reader has left or the server drains: close it.
 * RETRY: no memory. Does not block. */
enum tide_status tide_http_stream_write(struct tide_http_stream *stream, struct tide_view bytes);
/* Bytes that wait to be taken. */
size_t tide_http_stream_waiting(struct tide_http_stream *stream);
/* Ends the body behind what waits, and frees the writer's handle. NULL is fine. */
void tide_http_stream_close(struct tide_http_stream *stream);

#endif
