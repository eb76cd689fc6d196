/* What `tidemark health` prints: a row for each part, and the exit that follows from them.
 *
 * In a table a fact is `name value`, with the unit of its name in the value: checkpoint_age_s 75
 * becomes "checkpoint age 1m 15s". NDJSON has the names and numbers as they are. */
#ifndef TIDE_CLI_HEALTH_REPORT_H
#define TIDE_CLI_HEALTH_REPORT_H

#include "base/bytes.h"
#include "cli/command.h"

enum tide_health_state {
    TIDE_HEALTH_UP,
    TIDE_HEALTH_DEGRADED, /* works, and somebody should look */
    TIDE_HEALTH_DOWN,
    TIDE_HEALTH_IDLE, /* nothing to judge: not asked, or nothing has been done yet */
};

enum {
    TIDE_HEALTH_FACTS_MAX = 12,
    TIDE_HEALTH_ROWS_MAX = 96
};

struct tide_health_fact {
    const char *name;      /* "uptime_s", "log_bytes", "partitions"; static */
    struct tide_view text; /* data NULL: the number */
    int64_t number;
};

/* Texts live as long as the report. */
struct tide_health_row {
    struct tide_view part; /* "log" */
    struct tide_view name; /* of one of several: a topic; or empty */
    struct tide_view where;
    enum tide_health_state state;
    const char *lag_unit; /* "records"; NULL: no lag is known */
    int64_t lag;
    uint64_t free_bytes; /* of size_bytes; 0: no disk is known */
    uint64_t size_bytes;
    struct tide_view why; /* it is not up; or empty */
    struct tide_health_fact facts[TIDE_HEALTH_FACTS_MAX];
    uint32_t fact_count;
};

/* All zero is empty. */
struct tide_health_report {
    struct tide_health_row rows[TIDE_HEALTH_ROWS_MAX];
    uint32_t row_count;
};

/* A row of zeros and that part, to be filled. Rows beyond the maximum overwrite the last. */
struct tide_health_row *tide_health_add_row(struct tide_health_report *report, const char *part);
/* Facts beyond the maximum are left out, and texts that are empty. */
void tide_health_add_number(struct tide_health_row *row, const char *name, int64_t number);
void tide_health_add_text(struct tide_health_row *row, const char *name, struct tide_view text);
/* The worse of the state that is there and this one, and its reason unless there is a worse one. */
void tide_health_worsen(struct tide_health_row *row,
                        enum tide_health_state state,
                        struct tide_view why);
/* Adds from's rows. One with the part and name of a row that is there joins it: the worse state,
 * and what that row does not say itself. Others come behind the rows of their part. */
void tide_health_merge(struct tide_health_report *report, const struct tide_health_report *from);
const char *tide_health_state_name(enum tide_health_state state);

void tide_health_write_table(const struct tide_health_report *report, struct tide_bytes *text);
void tide_health_write_ndjson(const struct tide_health_report *report, struct tide_bytes *text);
/* OK: all are up; CONNECT: all are down; CHECK_FAILED: some are down or degraded. Idle ones count
 * for nothing. */
enum tide_exit tide_health_exit(const struct tide_health_report *report);

#endif
