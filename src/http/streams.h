/* What the server does with streams; other rooms use http/stream.h.
 *
 *     CREATED -- attach, connection's thread --> OPEN <-> SUSPENDED      in the callback, nothing
 *        |                                        |           |          waits: suspended; a write,
 *        |                                      leave <-- resumed        or the end, resumes
 *        +------------- leave --------------> OVER
 *
 * A stream's mutex guards its state. The library's connection may be touched between attach and
 * leave only, under that mutex; a suspended connection cannot go away, so it is resumed before. The
 * writer, the exchange and the library's response hold a reference each. */
#ifndef TIDE_HTTP_STREAMS_H
#define TIDE_HTTP_STREAMS_H

#include <pthread.h>

#include "http/stream.h"
#include "http/watch.h"

struct MHD_Connection;
struct MHD_Response;

struct tide_streams { /* those of a server that are open */
    pthread_mutex_t mutex;
    struct tide_http_stream *first;
    bool is_draining;
};

void tide_streams_init(struct tide_streams *streams);
void tide_streams_release(struct tide_streams *streams); /* all have left */
/* Ends each, and those that come still. */
void tide_streams_drain(struct tide_streams *streams);

struct tide_stream_place { /* outlives the stream's time between attach and leave */
    struct MHD_Connection *connection;
    struct tide_watch *watch;
    struct tide_watched *watched;
};

/* With two references: the writer's and the exchange's. NULL: no memory. */
struct tide_http_stream *tide_stream_create(const struct tide_http_stream_options *options);
/* The response that sends it, to be queued by the connection's thread. NULL: no memory. */
struct MHD_Response *tide_stream_attach(struct tide_http_stream *stream,
                                        struct tide_streams *streams,
                                        const struct tide_stream_place *place);
/* The connection is done with it: by its thread, also if it was never attached. Drops the
 * exchange's reference. */
void tide_stream_leave(struct tide_http_stream *stream);

#endif
