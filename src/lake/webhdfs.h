/* An HDFS cluster through WebHDFS: questions to its NameNode, file contents to and from DataNodes.
 *
 * What passes by itself is waited out, up to `patience` for each call: no connection to a NameNode,
 * one that is standby, starting or in safe mode (with several, the next is asked first), a DataNode
 * that refuses or breaks off (left alone for a while, see webhdfs_nodes.h). Pauses grow and have
 * jitter. Then the answer is RETRY, with the first line of what the server said.
 * A redirect is followed once, to a DataNode only, and never from https to http.
 * https://hadoop.apache.org/docs/r3.4.2/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
 * Any thread; blocks. Inner header of the WebHDFS store. */
#ifndef TIDE_LAKE_WEBHDFS_H
#define TIDE_LAKE_WEBHDFS_H

#include "base/io.h"
#include "http/client.h"

struct tide_webhdfs;

struct tide_webhdfs_options {      /* texts are copied */
    struct tide_io io;             /* random bytes */
    struct tide_clock clock;       /* pauses */
    struct tide_view namenodes;    /* "a:9870,b:9870" */
    bool is_secure;                /* https */
    struct tide_view user;         /* of simple authentication; empty: none is named */
    struct tide_view hosts;        /* where redirects may go; empty: to registered DataNodes */
    struct tide_duration patience; /* of one call, for what passes by itself */
    struct tide_duration connect_timeout;
    struct tide_duration stall_timeout;
};

/* All but who and where. */
struct tide_webhdfs_options tide_webhdfs_options_default(void);

/* No connection is made yet. REJECT: namenodes is not a list of host:port. RETRY: no memory. */
enum tide_status tide_webhdfs_open(const struct tide_webhdfs_options *options,
                                   struct tide_webhdfs **webhdfs,
                                   struct tide_error *error);
void tide_webhdfs_close(struct tide_webhdfs *webhdfs);

struct tide_webhdfs_question {
    const char *method;          /* "PUT" */
    const char *operation;       /* "RENAME" */
    struct tide_view path;       /* absolute, not escaped */
    struct tide_view parameters; /* "&destination=%2Flake", escaped; or empty */
    bool is_impatient;           /* one try, no pause: for what may be left undone */
};

struct tide_webhdfs_answer {
    struct tide_bytes body;     /* JSON; zero at first, the caller releases it */
    struct tide_bytes location; /* of a redirect; likewise */
    bool is_repeated;           /* an earlier try may have been done though no answer came */
    bool has_no_node;           /* RETRY because of that: nobody is left alone any more */
};

void tide_webhdfs_answer_release(struct tide_webhdfs_answer *answer);
/* Asks the NameNode. OK: done, or redirected. REJECT: there is no such file. RETRY: all else. */
enum tide_status tide_webhdfs_ask(struct tide_webhdfs *webhdfs,
                                  const struct tide_webhdfs_question *question,
                                  struct tide_webhdfs_answer *answer,
                                  struct tide_error *error);

/* Writes a new file of source's size beside path, with missing folders, and checks its length. Its
 * name, in *temporary, begins with '.' and has ".tmp-" in it, so that no reader of a folder takes
 * it for data. What failed attempts left is removed if the NameNode answers. RETRY, or the source's
 * status: nothing is there. */
enum tide_status tide_webhdfs_write(struct tide_webhdfs *webhdfs,
                                    struct tide_view path,
                                    const struct tide_http_source *source,
                                    struct tide_bytes *temporary,
                                    struct tide_error *error);
/* The whole file into sink, in order; a transfer that broke goes on where it was. REJECT: no such
 * file, or it is larger than size_max. */
enum tide_status tide_webhdfs_read(struct tide_webhdfs *webhdfs,
                                   struct tide_view path,
                                   const struct tide_http_sink *sink,
                                   uint64_t size_max,
                                   struct tide_error *error);

struct tide_webhdfs_facts {
    bool is_folder;
    uint64_t size;
    struct tide_instant modified;
};

/* REJECT: there is nothing. */
enum tide_status tide_webhdfs_look(struct tide_webhdfs *webhdfs,
                                   struct tide_view path,
                                   struct tide_webhdfs_facts *facts,
                                   struct tide_error *error);

#endif
