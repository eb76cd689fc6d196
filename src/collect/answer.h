/* What a sender is told: the texts of answers, as values that need neither decoder nor batch.
 *
 *     plain     {"accepted":3,"rejected":1,"errors":[{"index":2,"reason":"missing",
 *               "pointer":"/eid","detail":".."}],"receipt":[{"partition":1,"offset":7,"count":4}]}
 *     Sunbird   {"id":"api.sunbird.telemetry","ver":"3.0","ets":..,"params":{..},
 *               "responseCode":"SUCCESS","result":{the plain one}}
 *     problem   RFC 9457, with reason and pointer when a body cannot be split
 *
 * At most 1,000 errors are listed; "errors_omitted" counts the others. */
#ifndef TIDE_COLLECT_ANSWER_H
#define TIDE_COLLECT_ANSWER_H

#include "event/verdict.h"
#include "log/log.h"

enum {
    TIDE_ANSWER_ERRORS_MAX = 1000
};

/* Collected while a body is decoded; all zero is empty. */
struct tide_answer {
    uint64_t accepted;
    uint64_t rejected;
    uint64_t errors_listed;
    struct tide_bytes errors; /* members of the list, comma-separated */
};

void tide_answer_reset(struct tide_answer *answer);
void tide_answer_release(struct tide_answer *answer);
/* The verdict of the next event of the body. */
void tide_answer_note(struct tide_answer *answer, struct tide_verdict verdict);

/* Neighbouring receipts of one partition are told as one. */
void tide_answer_write(const struct tide_answer *answer,
                       const struct tide_log_receipt *receipts,
                       uint32_t receipt_count,
                       struct tide_bytes *json);

struct tide_answer_sunbird {
    const char *api_id;
    struct tide_instant now;
    struct tide_view message_id; /* the envelope's; empty: none */
    struct tide_u128 reply_message_id;
};
/* Head and tail stand around what tide_answer_write writes. */
void tide_answer_write_sunbird_head(const struct tide_answer_sunbird *sunbird,
                                    struct tide_bytes *json);
void tide_answer_write_sunbird_tail(struct tide_bytes *json);

/* 400: the body cannot be split. */
void tide_answer_write_unsplit(struct tide_verdict verdict, struct tide_bytes *json);

#endif
