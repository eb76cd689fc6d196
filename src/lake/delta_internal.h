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
    int64_t last_updated; /* of foreign ones; ours have none: -1 */
};

struct tide_delta_live {     /* a file that the log names */
    struct tide_view path;   /* decoded */
    struct tide_view source; /* the newest add, or remove, of it: the action's JSON object */
    uint64_t size;
    bool is_live;
};

/* The table as of a version. Folding the next commit brings it to the next version; folding one
 * twice changes nothing. Files are kept only where somebody asks for them. */
struct tide_delta_snapshot {
    struct tide_store store;
    const struct tide_layout *layout;
    struct tide_checkpoint_codec codec;
    bool keeps_files;
    int64_t version;           /* -1: no commit yet */
    int64_t checkpoint;        /* the newest up to version, good or not; -1: none */
    struct tide_view protocol; /* the newest action's JSON; data NULL: none yet */
    struct tide_view metadata; /* likewise */
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

struct tide_delta {
    struct tide_delta_options options;
    struct tide_arena texts; /* of the options */
    struct tide_delta_snapshot snapshot;
    struct tide_monotonic read_at; /* when the log's end was seen last */
    struct tide_instant read_time;
    int64_t checkpoint_tried; /* the version at which one could not be written; 0: none */
};

void tide_delta_snapshot_init(struct tide_delta_snapshot *snapshot,
                              struct tide_store store,
                              const struct tide_layout *layout,
                              struct tide_checkpoint_codec codec,
                              bool keeps_files);
void tide_delta_snapshot_release(struct tide_delta_snapshot *snapshot);
/* "<table>/_delta_log/<20 digits>.json" */
void tide_delta_log_key(const struct tide_layout *layout,
                        int64_t version,
                        char key[TIDE_DELTA_KEY_MAX]);
/* "<table>/_delta_log/_last_checkpoint" */
void tide_delta_hint_key(const struct tide_layout *layout, char key[TIDE_DELTA_KEY_MAX]);
/* "<table>/_delta_log/<20 digits>.checkpoint.parquet"; part from 1 of part_count, which is 0 of one
 * that has no parts. */
void tide_delta_checkpoint_key(const struct tide_layout *layout,
                               int64_t version,
                               uint32_t part,
                               uint32_t part_count,
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
/* Folds one action. Statuses as above. */
enum tide_status tide_delta_snapshot_fold_line(struct tide_delta_snapshot *snapshot,
                                               struct tide_view line,
                                               struct tide_error *error);
/* Of add and remove. */
enum tide_status tide_delta_snapshot_fold_file(struct tide_delta_snapshot *snapshot,
                                               const struct tide_json *action,
                                               bool is_add,
                                               struct tide_error *error);
/* NULL: the log does not name it. */
const struct tide_delta_live *tide_delta_snapshot_file(const struct tide_delta_snapshot *snapshot,
                                                       struct tide_view path);
/* What an add says; texts live in scratch or the snapshot. FATAL: it is not one. */
enum tide_status tide_delta_entry_read(const struct tide_layout *layout,
                                       const struct tide_delta_live *live,
                                       struct tide_arena *scratch,
                                       struct tide_delta_entry *entry,
                                       struct tide_error *error);
/* Forgets everything that was folded. */
void tide_delta_snapshot_reset(struct tide_delta_snapshot *snapshot);
/* Reads the whole log, from the newest checkpoint that can be read, and refuses one of which we
 * cannot read the whole. */
enum tide_status tide_delta_snapshot_read(struct tide_delta_snapshot *snapshot,
                                          struct tide_error *error);
/* Reads that checkpoint alone. */
enum tide_status tide_delta_snapshot_read_at(struct tide_delta_snapshot *snapshot,
                                             int64_t version,
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

/* Puts the text as the next version. *is_settled false: something else is there and was folded. */
enum tide_status tide_delta_try_version(struct tide_delta *delta,
                                        struct tide_view text,
                                        bool *is_settled,
                                        struct tide_error *error);
/* After a commit; a failure is logged, and tried again ten commits later. */
void tide_delta_checkpoint_if_due(struct tide_delta *delta);

/* An add of that file as a line. time_ms: its modificationTime. */
void tide_delta_add_write(const struct tide_layout *layout,
                          const struct tide_delta_file *file,
                          int64_t time_ms,
                          bool is_data_change,
                          struct tide_bytes *text);
/* protocol and metaData of a new table, a line each. */
void tide_delta_table_write(const struct tide_delta_options *options, struct tide_bytes *text);
/* Percent-encoded, without quotes. */
void tide_delta_path_write(struct tide_view path, struct tide_bytes *text);
/* Milliseconds; 0: the statistics do not say. */
int64_t tide_delta_stats_time(struct tide_view stats, struct tide_arena *scratch);

/* The text of a commit of those transactions; with protocol and metaData if it is the first. */
void tide_delta_commit_write(const struct tide_delta_options *options,
                             const struct tide_delta_transaction *const *transactions,
                             uint32_t transaction_count,
                             bool is_first,
                             struct tide_bytes *text);

#endif
