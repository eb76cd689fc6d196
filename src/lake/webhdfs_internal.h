/* What webhdfs.c and webhdfs_transfer.c share. */
#ifndef TIDE_LAKE_WEBHDFS_INTERNAL_H
#define TIDE_LAKE_WEBHDFS_INTERNAL_H

#include "lake/webhdfs.h"
#include "lake/webhdfs_nodes.h"

#include <pthread.h>

enum {
    WEBHDFS_NAMENODES_MAX = 8,
    WEBHDFS_IDLE_CLIENTS_MAX = 8
};

struct tide_webhdfs {
    struct tide_webhdfs_options options; /* its texts are in `texts` */
    struct tide_bytes texts;
    struct tide_view namenodes[WEBHDFS_NAMENODES_MAX];
    uint32_t namenode_count;
    pthread_mutex_t mutex; /* of what follows */
    uint32_t active;       /* who answered last */
    struct tide_webhdfs_nodes nodes;
    struct tide_http_client *idle[WEBHDFS_IDLE_CLIENTS_MAX];
    uint32_t idle_count;
};

struct webhdfs_patience { /* of one call from outside */
    struct tide_monotonic start;
    uint32_t pause_count;
    bool is_short; /* no pause at all */
};

/* What an answer that is no success means, as far as its words tell. */
enum webhdfs_fault {
    WEBHDFS_FINE,
    WEBHDFS_MISSING,
    WEBHDFS_PASSING, /* safe mode, standby, starting */
    WEBHDFS_REFUSED, /* permission, quota */
    WEBHDFS_NO_NODE, /* no DataNode for it, of those that are not left alone */
    WEBHDFS_OTHER,
};

struct webhdfs_patience webhdfs_patience_start(const struct tide_webhdfs *w);
/* Sleeps a while; false: patience is over. */
bool webhdfs_pause(const struct tide_webhdfs *w, struct webhdfs_patience *patience);
/* tide_webhdfs_ask with what is left of the patience. */
enum tide_status webhdfs_ask(struct tide_webhdfs *w,
                             struct webhdfs_patience *patience,
                             const struct tide_webhdfs_question *question,
                             struct tide_webhdfs_answer *answer,
                             struct tide_error *error);
/* With a client that was idle, or a new one. Statuses as tide_http_client_send's. */
enum tide_status webhdfs_send(struct tide_webhdfs *w,
                              struct tide_http_request *request,
                              struct tide_http_response *response,
                              struct tide_error *error);
/* Of a response that is no success; sets error to what it says, after where. */
enum webhdfs_fault webhdfs_explain(const struct tide_http_response *response,
                                   const char *where,
                                   struct tide_error *error);
/* The DataNode that location leads to. RETRY: nobody that may be followed. */
enum tide_status webhdfs_check_redirect(struct tide_webhdfs *w,
                                        struct tide_view location,
                                        struct tide_webhdfs_url *url,
                                        struct tide_error *error);
void webhdfs_exclude(struct tide_webhdfs *w, const struct tide_webhdfs_url *url);

#endif
