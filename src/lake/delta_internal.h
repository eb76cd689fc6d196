/* The parts of the Delta writer, for delta*.c and their tests: the table's state as the log tells
 * it, its schema, and the text of a commit. */
#ifndef TIDE_LAKE_DELTA_INTERNAL_H
#define TIDE_LAKE_DELTA_INTERNAL_H

#include "base/json.h"
#include "lake/delta.h"

enum {
    TIDE_DELTA_READER_VERSION = 1, /* of the protocol */
    TIDE_DELTA_WRITER_VERSION = 2,
    TIDE_DELTA_TRANSACTIONS_MAX = 1 << 16, /* appIds of all writers */
    TIDE_DELTA_FILES_MAX = 1 << 23,
    TIDE_DELTA_KEY_MAX = 128,
};
#define TIDE_DELTA_VERSION_MAX INT64_C(999999999999999999)

struct tide_delta_txn {
    struct tide_view app_id;
    int64_t version;
};

struct tide_delta_live {   /* a file that was added and not removed since */
    struct tide_view path; /* decoded */
    uint64_t size;
    bool is_live;
};

/* The table as of a version. Folding the next commit brings it to the next version; folding one
 * twice changes nothing. Files are kept only where somebody asks for them. */
struct tide_delta_snapshot {
    struct tide_store store;
    const struct tide_layout *layout;
    bool keeps_files;
    int64_t version; /* -1: no commit yet */
    bool has_protocol;
    struct tide_view table_id; /* data NULL: no metaData yet */
    struct tide_delta_txn *txns;
    uint32_t txn_count;
    uint32_t txn_capacity;
    struct tide_delta_live *files;
    uint32_t file_count;
    uint32_t file_capacity;
    uint32_t *slots; /* by hash of the path: index into files, plus one */
    uint32_t slot_count;
    struct tide_arena arena;   /* texts that stay */
    struct tide_arena scratch; /* one action's JSON */
};

void tide_delta_snapshot_init(struct tide_delta_snapshot *snapshot,
                              struct tide_store store,
                              const struct tide_layout *layout,
                              bool keeps_files);
void tide_delta_snapshot_release(struct tide_delta_snapshot *snapshot);
/* "<table>/_delta_log/<20 digits>.json" */
void tide_delta_log_key(const struct tide_layout *layout,
                        int64_t version,
                        char key[TIDE_DELTA_KEY_MAX]);
/* Folds the text of the next commit. REJECT: the table is not (any more) one that we may write;
 * FATAL: not a Delta commit, or more than the maxima; RETRY: no memory. */
enum tide_status tide_delta_snapshot_fold(struct tide_delta_snapshot *snapshot,
                                          struct tide_view text,
                                          struct tide_error *error);
/* Reads and folds the next commit. *is_there false: there is none. */
enum tide_status tide_delta_snapshot_step(struct tide_delta_snapshot *snapshot,
                                          bool *is_there,
                                          struct tide_error *error);
/* Reads the whole log, and refuses one of which we cannot read the whole. */
enum tide_status tide_delta_snapshot_read(struct tide_delta_snapshot *snapshot,
                                          struct tide_error *error);
int64_t tide_delta_snapshot_txn(const struct tide_delta_snapshot *snapshot,
                                struct tide_view app_id);

/* {"type":"struct","fields":[...]}: the layout's columns, then the date. */
void tide_delta_schema_write(const struct tide_layout *layout, struct tide_bytes *json);
/* REJECT: another schema, other partition columns, or a property that we cannot keep. metadata is
 * the value of a metaData action; scratch holds what is parsed from it. */
enum tide_status tide_delta_schema_check(const struct tide_layout *layout,
                                         const struct tide_json *metadata,
                                         struct tide_arena *scratch,
                                         struct tide_error *error);

/* The text of a commit of those transactions; with protocol and metaData if it is the first. */
void tide_delta_commit_write(const struct tide_delta_options *options,
                             const struct tide_delta_transaction *const *transactions,
                             uint32_t transaction_count,
                             bool is_first,
                             struct tide_bytes *text);

#endif
