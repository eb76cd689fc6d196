/* A column batch: what the decoder makes of a block, row by row in the order of the records.
 *
 * A row is a record with its verdict; only accepted rows have column values. Strings are slices of
 * the decoded block unless they had escapes; then they live in the batch's arena. So a batch is
 * valid until the block goes or the batch is reset, whichever is first.
 * Ownership: create/destroy; one thread at a time. */
#ifndef TIDE_EVENT_BATCH_H
#define TIDE_EVENT_BATCH_H

#include "base/arena.h"
#include "event/event_time.h"

enum {
    TIDE_BATCH_ROWS_DEFAULT = 1024,
    /* Who fills a batch starts no further record once its arena has handed out this much ... */
    TIDE_BATCH_ARENA_FULL = 4 << 20,
    /* ... so that one more record of the largest size always fits into the budget. */
    TIDE_BATCH_ARENA_MAX = 32 << 20,
};

struct tide_vector {
    uint8_t *present;          /* 1 for each row with a value; 0: null */
    uint8_t *mistyped;         /* 1: null because the value was of a wrong type */
    int64_t *numbers;          /* int, decimal (scaled), bool (0, 1), time (us); NULL for strings */
    struct tide_view *strings; /* string columns; NULL for others */
};

struct tide_batch {
    const struct tide_schema *schema;
    uint32_t row_count;
    uint32_t row_capacity;
    bool has_mistyped;           /* some row since the reset; else nobody needs to look */
    struct tide_vector *columns; /* one for each column of the schema, derived ones too */
    struct tide_view *texts;     /* the record's bytes: for lake, rejected table, log */
    struct tide_view *payloads;  /* the payload's bytes as received; data NULL: absent */
    bool *payload_is_spaced;     /* where there is one: it has white space outside strings */
    struct tide_verdict *verdicts;
    struct tide_u128 *uids; /* of accepted rows */
    struct tide_instant
        *sents;                /* of the envelope; unknown elsewhere. Who reads frames fills them */
    struct tide_arena arena;   /* decoded strings, details */
    struct tide_arena storage; /* of the arrays above */
};

/* RETRY: out of memory. */
enum tide_status tide_batch_create(const struct tide_schema *schema,
                                   uint32_t row_capacity,
                                   struct tide_batch **batch,
                                   struct tide_error *error);
void tide_batch_destroy(struct tide_batch *batch);
void tide_batch_reset(struct tide_batch *batch);

/* The times of an accepted row: its own columns and envelope, and the stamp of what brought it. */
enum tide_reason tide_batch_event_times(const struct tide_batch *batch,
                                        uint32_t row,
                                        enum tide_arrival arrival,
                                        struct tide_instant stamp,
                                        struct tide_event_times *times);

/* A group or key value: kept small and passed by value. */
struct tide_value {
    bool present;
    enum tide_type type;
    int64_t number;
    struct tide_view string;
};
struct tide_value tide_batch_value(const struct tide_batch *batch, uint32_t column, uint32_t row);

/* Appends the canonical bytes of a value: type tag, then length-prefixed text or 8 bytes; equal
 * values give equal bytes, and null has its own tag. */
void tide_value_encode(struct tide_value value, struct tide_bytes *bytes);
/* Reads one value back; *at moves past it. Asserts that the bytes are of our making. */
struct tide_value tide_value_decode(struct tide_view bytes, size_t *at);
/* Null first, then bytes or numbers ascending: the order of groups. */
int tide_value_compare(struct tide_value a, struct tide_value b);
/* As JSON: null, "text", true, 12, 1.25; times are microseconds. */
void tide_value_write_json(struct tide_value value, struct tide_bytes *bytes);

#endif
