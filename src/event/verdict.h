/* What became of a record: accepted, or rejected with a reason, a JSON pointer and a detail. */
#ifndef TIDE_EVENT_VERDICT_H
#define TIDE_EVENT_VERDICT_H

#include "base/bytes.h"

/* The fixed words of semantics section 7, in this order on disk and on the wire. */
enum tide_reason {
    TIDE_REASON_ACCEPTED,
    TIDE_REASON_JSON_INVALID,
    TIDE_REASON_UTF8_INVALID,
    TIDE_REASON_TOO_DEEP,
    TIDE_REASON_TOO_LARGE,
    TIDE_REASON_DUPLICATE_KEY,
    TIDE_REASON_NOT_AN_OBJECT,
    TIDE_REASON_MISSING,
    TIDE_REASON_TYPE,
    TIDE_REASON_TIME_INVALID,
    TIDE_REASON_CLOCK_AHEAD,
    TIDE_REASON_TOO_OLD,
    TIDE_REASON_SCHEMA,
    TIDE_REASON_SCHEMA_UNKNOWN,
    TIDE_REASON_COUNT,
};

struct tide_verdict {
    enum tide_reason reason;
    struct tide_view pointer; /* JSON pointer, "" is the whole record */
    struct tide_view detail;  /* for people; both live as long as schema and batch's arena */
};

/* "json_invalid" ...; "accepted" for 0. Terminated, static. */
const char *tide_reason_name(enum tide_reason reason);
/* COUNT if the word is none. */
enum tide_reason tide_reason_parse(struct tide_view word);

/* Bounds of semantics section 5. */
enum {
    TIDE_RECORD_BYTES_MAX = 1 << 20,
    TIDE_ENVELOPE_BYTES_MAX = 8 << 20,
    TIDE_RECORD_DEPTH_MAX = 64,
    TIDE_REJECTED_BYTES_KEPT = 64 << 10, /* of a too_large record */
};

#endif
