/* Who a pipeline is: 128 random bits, made once, in the data directory and in the lake, which must
 * agree; with the partition count and the configuration hash that are fixed for its life.
 *
 * A data directory without identity but with a log, a lake of another pipeline, another
 * partition count or configuration: REJECT with an explanation, never a silent start. */
#ifndef TIDE_PROCESS_IDENTITY_H
#define TIDE_PROCESS_IDENTITY_H

#include "base/hash.h"
#include "lake/store.h"

enum {
    TIDE_IDENTITY_TEXT_SIZE = 33
};

struct tide_identity {
    struct tide_u128 pipeline;
    struct tide_u128 configuration; /* hash: schema, arrival, partition count */
    uint32_t partition_count;
};

/* wanted.pipeline is ignored: it is read, or drawn from io's randomness the first time. */
enum tide_status tide_identity_open(struct tide_io io,
                                    const char *data_directory,
                                    struct tide_store store,
                                    const struct tide_identity *wanted,
                                    struct tide_identity *identity,
                                    struct tide_error *error);
/* The lake's half alone, for who only reads it. REJECT: there is no pipeline's lake. */
enum tide_status tide_identity_read(struct tide_store store,
                                    struct tide_identity *identity,
                                    struct tide_error *error);
/* 32 hex digits and '\0'. */
void tide_identity_format(struct tide_u128 id, char text[TIDE_IDENTITY_TEXT_SIZE]);
bool tide_identity_parse(struct tide_view text, struct tide_u128 *id);
/* The seed of uids. */
uint64_t tide_identity_seed(const struct tide_identity *identity);

#endif
