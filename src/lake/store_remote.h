/* What the stores behind a URL share. Inner header of lake: store_open.c opens, each store_<kind>.c
 * is one. */
#ifndef TIDE_LAKE_STORE_REMOTE_H
#define TIDE_LAKE_STORE_REMOTE_H

#include "lake/store.h"

struct tide_store_url { /* scheme://authority/path */
    struct tide_view scheme;
    struct tide_view authority; /* as written */
    struct tide_bytes path;     /* decoded, "" or from its '/' on; the caller releases it */
};

/* REJECT: not of that form. */
enum tide_status tide_store_url_parse(struct tide_view url,
                                      struct tide_store_url *parts,
                                      struct tide_error *error);

/* "hdfs" and "webhdfs" over http, "swebhdfs" over https; the authority names one or more NameNodes
 * with their WebHDFS ports. Statuses as tide_store_open's. */
enum tide_status tide_store_webhdfs_open(const struct tide_store_url *url,
                                         const struct tide_store_options *options,
                                         struct tide_store *store,
                                         struct tide_error *error);

#endif
