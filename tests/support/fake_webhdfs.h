/* A WebHDFS cluster in the test's own process: two NameNodes over one namespace and two DataNodes,
 * real sockets on free ports, files in memory, and the faults that a real one has, by script. One
 * request a connection. The knobs may be set between requests; a count goes down as it is used. */
#ifndef TIDE_SUPPORT_FAKE_WEBHDFS_H
#define TIDE_SUPPORT_FAKE_WEBHDFS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FAKE_NAMENODES = 2,
    FAKE_DATANODES = 2,
    FAKE_PAGE = 3 /* names in a page of a listing */
};

struct fake_webhdfs_script {
    bool is_standby[FAKE_NAMENODES];
    int refuse_count;             /* answers of NameNodes that are an exception instead */
    const char *refuse_operation; /* only to this; NULL: to any */
    const char *exception;        /* "SafeModeException" */
    bool is_mute[FAKE_DATANODES]; /* breaks each connection before a word */
    int cut_uploads;              /* break in the middle; half of the file stays visible */
    int short_uploads;            /* answer 201 with half of the file */
    int cut_downloads;            /* break in the middle */
    int unmeasured_downloads;     /* without a length, ended by the end of the connection */
    int refuse_downloads;         /* a DataNode's exception, with `exception` */
    int lose_renames;             /* done, but the connection breaks before the answer */
    int lose_deletes;
    int ignore_renames;      /* answer false and do nothing, the temporary name is gone */
    const char *redirect_to; /* "host:port" in place of a DataNode's */
    bool has_no_list;        /* of DataNodes */
    bool is_gibberish;       /* NameNodes answer 200 with what is no JSON */
};

struct fake_webhdfs_seen {
    int questions; /* to NameNodes */
    int transfers; /* to DataNodes */
    int lists;     /* of DataNodes */
    int standby_asked;
    char excluded[128]; /* of the last CREATE or OPEN */
    char user[64];      /* of the last question */
};

struct fake_webhdfs;

struct fake_webhdfs *fake_webhdfs_start(void);
void fake_webhdfs_stop(struct fake_webhdfs *fake);
/* "127.0.0.1:port,127.0.0.1:port"; lives as long as the fake. */
const char *fake_webhdfs_namenodes(const struct fake_webhdfs *fake);
const char *fake_webhdfs_node_data_address(const struct fake_webhdfs *fake, int node);
/* Its port refuses connections from now on. */
void fake_webhdfs_kill_node(struct fake_webhdfs *fake, int node);
struct fake_webhdfs_script fake_webhdfs_script(struct fake_webhdfs *fake);
void fake_webhdfs_set_script(struct fake_webhdfs *fake, const struct fake_webhdfs_script *script);
struct fake_webhdfs_seen fake_webhdfs_seen(struct fake_webhdfs *fake);
int fake_webhdfs_file_count(struct fake_webhdfs *fake);
/* Puts a file there, as another client would. */
void fake_webhdfs_put(struct fake_webhdfs *fake, const char *path, const char *text);

#endif
