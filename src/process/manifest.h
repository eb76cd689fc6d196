/* A manifest makes an epoch of a partition true: offset, ledger, watermarks, files of each table
 * and the txn that the table must hold before. Format: docs/formats/manifest.md.
 *
 * Key: _tidemark/manifests/<partition>/<epoch, 20 digits>.json, published by put-if-absent. Epochs
 * count from 0 without a gap. The second line of the file is the hash of the first. */
#ifndef TIDE_PROCESS_MANIFEST_H
#define TIDE_PROCESS_MANIFEST_H

#include "lake/delta.h"
#include "process/ledger.h"

struct tide_manifest_table {
    int64_t expected; /* the txn the table holds before this epoch's commit, or TIDE_DELTA_NEVER */
    struct tide_delta_file *files;
    uint32_t file_count; /* 0: this epoch has no rows for the table, and makes no commit there */
};

struct tide_manifest {
    struct tide_u128 pipeline;
    struct tide_u128 configuration;
    struct tide_u128 writer;   /* the process that wrote it */
    struct tide_u128 previous; /* hash of the manifest before; zero for epoch 0 */
    uint32_t partition;
    uint64_t epoch;
    uint64_t next_offset;
    struct tide_ledger ledger;
    struct tide_instant watermark; /* or unknown */
    struct tide_instant closing;   /* or unknown */
    struct tide_view note;         /* the log's (log.h), or empty */
    struct tide_manifest_table tables[TIDE_TABLE_COUNT];
};

/* Appends both lines; *hash is that of the first. Equal manifests give equal bytes. */
void tide_manifest_write(const struct tide_manifest *manifest,
                         struct tide_bytes *text,
                         struct tide_u128 *hash);
/* Everything lives in arena. FATAL: damaged, or of a format this version does not know. */
enum tide_status tide_manifest_read(struct tide_arena *arena,
                                    struct tide_view text,
                                    struct tide_manifest *manifest,
                                    struct tide_u128 *hash,
                                    struct tide_error *error);

/* Publishes. OK: it is ours (now, or from an attempt whose answer was lost). REJECT: somebody else
 * published this epoch: this process no longer owns the partition. RETRY, FATAL: the store. */
enum tide_status tide_manifest_publish(struct tide_store store,
                                       const struct tide_manifest *manifest,
                                       struct tide_u128 *hash,
                                       struct tide_error *error);
struct tide_manifest_place {
    uint32_t partition;
    uint64_t epoch;
};
/* That of an epoch. REJECT: it is not there. */
enum tide_status tide_manifest_get(struct tide_store store,
                                   struct tide_manifest_place place,
                                   struct tide_arena *arena,
                                   struct tide_manifest *manifest,
                                   struct tide_u128 *hash,
                                   struct tide_error *error);
/* The newest one of a partition; finds it by probing, not by listing. REJECT: there is none. */
enum tide_status tide_manifest_newest(struct tide_store store,
                                      uint32_t partition,
                                      struct tide_arena *arena,
                                      struct tide_manifest *manifest,
                                      struct tide_u128 *hash,
                                      struct tide_error *error);

#endif
