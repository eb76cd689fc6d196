/* Keeps the lake in order while the service has nothing else to do: merges small files, lets old
 * days leave, deletes what nobody names, and cleans logs; a bounded piece at a time.
 *
 * Nothing waits for it and nothing depends on it. Every piece is safe beside epochs, beside another
 * process that does the same, and when it is killed. A turn can be taken by anybody; the thread
 * takes one after the other. */
#ifndef TIDE_PROCESS_HOUSEKEEPER_H
#define TIDE_PROCESS_HOUSEKEEPER_H

#include "lake/delta.h"
#include "lake/rewriter.h"

struct tide_housekeeper;

struct tide_housekeeper_options {
    /* Of each table, METRICS too; with codec, io and scratch_directory. */
    struct tide_delta_options tables[TIDE_TABLE_ALL_COUNT];
    struct tide_rewriter rewriter;
    uint32_t partition_count;
    struct tide_duration every; /* a turn; of the thread */
    struct tide_duration work;  /* after so much of it a turn does not begin another step */
    uint64_t target_bytes;      /* of a file that compaction makes */
    uint32_t files_min;         /* small files of a day that are worth it */
    struct tide_duration keep[TIDE_TABLE_ALL_COUNT]; /* 0: for ever */
    struct tide_duration keep_log;                   /* 0: for ever */
    struct tide_duration vacuum_older;               /* 0: nothing is deleted */
    /* Whether there is nothing else to do; asked before each step. NULL: always. */
    bool (*is_quiet)(void *context);
    void *context;
};

struct tide_housekeeper_facts { /* since it was created */
    uint64_t turns;
    uint64_t compactions;
    uint64_t files_merged;
    uint64_t files_expired;
    uint64_t rows_expired;
    uint64_t files_deleted;
    uint64_t log_objects_deleted;
    uint64_t failures;
};

/* RETRY: no memory. */
enum tide_status tide_housekeeper_create(const struct tide_housekeeper_options *options,
                                         struct tide_housekeeper **keeper,
                                         struct tide_error *error);
/* Ends the thread, if one was started: at once, or when its step is done. */
void tide_housekeeper_destroy(struct tide_housekeeper *keeper);
/* A failure is logged and counted; the next turn tries again. */
void tide_housekeeper_turn(struct tide_housekeeper *keeper);
enum tide_status tide_housekeeper_start(struct tide_housekeeper *keeper, struct tide_error *error);
struct tide_housekeeper_facts tide_housekeeper_facts(struct tide_housekeeper *keeper);

#endif
