/* The DataNodes of a cluster as its NameNode lists them, and which of them are left alone for now.
 *
 * WebHDFS redirects to a DataNode's HTTP address; `excludedatanodes` wants its data address. Only
 * the NameNode's list (/jmx, NameNodeInfo, LiveNodes) has both, and it is also what a redirect is
 * held against: an address that it lacks is not a DataNode.
 * https://hadoop.apache.org/docs/r3.4.2/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
 * Inner header of webhdfs.c. One thread at a time. */
#ifndef TIDE_LAKE_WEBHDFS_NODES_H
#define TIDE_LAKE_WEBHDFS_NODES_H

#include "base/bytes.h"
#include "base/clock.h"

enum {
    TIDE_WEBHDFS_NODES_MAX = 16384,
    TIDE_WEBHDFS_EXCLUDED_MAX = 16,
    TIDE_WEBHDFS_ADDRESS_MAX = 272 /* host:port */
};

/* "scheme://host:port/rest" without user, "[::1]:port" included. */
struct tide_webhdfs_url {
    bool is_secure;
    struct tide_view address; /* host:port, as written */
    struct tide_view host;    /* without brackets */
    struct tide_view port;    /* digits */
    struct tide_view rest;    /* from the '/' on */
};

/* false: not an http or https URL with host and port, or it holds what a URL must not. */
bool tide_webhdfs_url_parse(struct tide_view text, struct tide_webhdfs_url *url);
/* The same of "host:port"; only host, port and address are set. */
bool tide_webhdfs_address_parse(struct tide_view text, struct tide_webhdfs_url *url);

struct tide_webhdfs_node;

struct tide_webhdfs_excluded {
    char address[TIDE_WEBHDFS_ADDRESS_MAX]; /* the data address, or a host */
    struct tide_monotonic until;
};

/* All zero is valid and knows nobody. */
struct tide_webhdfs_nodes {
    struct tide_webhdfs_node *nodes;
    uint32_t node_count;
    struct tide_webhdfs_excluded excluded[TIDE_WEBHDFS_EXCLUDED_MAX];
    uint32_t excluded_count;
};

void tide_webhdfs_nodes_release(struct tide_webhdfs_nodes *nodes);
/* Replaces what was known by the NameNode's reply to NameNodeInfo::LiveNodes. REJECT: the reply is
 * not what it should be (what was known stays); RETRY: no memory. */
enum tide_status tide_webhdfs_nodes_learn(struct tide_webhdfs_nodes *nodes,
                                          struct tide_view reply,
                                          struct tide_error *error);
bool tide_webhdfs_nodes_know(const struct tide_webhdfs_nodes *nodes,
                             const struct tide_webhdfs_url *url);
/* Leaves the DataNode with that HTTP address alone for a while: by its data address where that is
 * known, else its whole host. The oldest is forgotten where there is no more room. */
void tide_webhdfs_nodes_exclude(struct tide_webhdfs_nodes *nodes,
                                const struct tide_webhdfs_url *url,
                                struct tide_monotonic now);
void tide_webhdfs_nodes_forgive(struct tide_webhdfs_nodes *nodes); /* all of them */
/* Appends "&excludedatanodes=..", escaped, if there are any now. */
void tide_webhdfs_nodes_write_excluded(struct tide_webhdfs_nodes *nodes,
                                       struct tide_monotonic now,
                                       struct tide_bytes *query);

/* Whether list ("a:9864, b, *.example.org", commas and spaces between) names the host, with its
 * port where the list's entry has one. Case does not matter. */
bool tide_webhdfs_list_allows(struct tide_view list, const struct tide_webhdfs_url *url);

#endif
