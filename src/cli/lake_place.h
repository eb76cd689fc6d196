/* The lake of a command: where its URL says, and a directory of this machine's for scratch files
 * and copies. A local lake has it in itself (_tidemark/), so that files need only be renamed; for a
 * remote one it is data/remote/<n>, the first that no other process holds. */
#ifndef TIDE_CLI_LAKE_PLACE_H
#define TIDE_CLI_LAKE_PLACE_H

#include "cli/config.h"
#include "lake/store.h"

struct tide_lake_place {
    struct tide_store store;
    struct tide_bytes url;       /* for whoever stands elsewhere: absolute where it is local */
    struct tide_bytes where;     /* for people: the local path, or the URL */
    struct tide_bytes directory; /* as above; a remote lake's exists and is this process's alone */
    struct tide_bytes scratch;   /* for scratch files; whoever uses it makes it */
    struct tide_file lock;
    bool is_missing; /* the URL is fine, but it must exist and does not */
};

struct tide_lake_place_options {
    const struct tide_config *config; /* data and the keys of lake */
    struct tide_view url;             /* or a bare path */
    bool must_exist;
    bool is_service; /* others wait for it: it is told soon, and tries again by itself */
};

/* Statuses as tide_store_open's. A place that failed to open must be closed too; all zero is valid
 * to close. */
enum tide_status tide_lake_place_open(const struct tide_lake_place_options *options,
                                      struct tide_lake_place *place,
                                      struct tide_error *error);
void tide_lake_place_close(struct tide_lake_place *place);

#endif
