#include "collect/answer.h"

#include "base/assert.h"
#include "base/json.h"
#include "http/problem.h"

#include <inttypes.h>

#include "base/banned.h"

void tide_answer_reset(struct tide_answer *answer)
{
    struct tide_bytes errors = answer->errors;
    tide_bytes_reset(&errors);
    *answer = (struct tide_answer){.errors = errors};
}

void tide_answer_release(struct tide_answer *answer)
{
    tide_bytes_release(&answer->errors);
    *answer = (struct tide_answer){0};
}

void tide_answer_note(struct tide_answer *answer, struct tide_verdict verdict)
{
    const uint64_t index = answer->accepted + answer->rejected;
    if (verdict.reason == TIDE_REASON_ACCEPTED) {
        answer->accepted++;
        return;
    }
    answer->rejected++;
    if (answer->errors_listed == TIDE_ANSWER_ERRORS_MAX) {
        return;
    }
    struct tide_bytes *errors = &answer->errors;
    if (answer->errors_listed++ > 0) {
        tide_bytes_append_byte(errors, ',');
    }
    tide_bytes_append_byte(errors, '{');
    tide_json_write_u64_member(errors, "index", index);
    tide_json_write_text_member(errors, "reason", tide_view_of(tide_reason_name(verdict.reason)));
    tide_json_write_text_member(errors, "pointer", verdict.pointer);
    tide_json_write_text_member(errors, "detail", verdict.detail);
    tide_bytes_append_byte(errors, '}');
}

static void write_receipt(const struct tide_log_receipt *receipt,
                          uint64_t count,
                          struct tide_bytes *json)
{
    if (json->size > 0 && json->data[json->size - 1] == '}') {
        tide_bytes_append_byte(json, ',');
    }
    tide_bytes_append_format(json,
                             "{\"partition\":%" PRIu32 ",\"offset\":%" PRIu64 ",\"count\":%" PRIu64
                             "}",
                             receipt->partition,
                             receipt->first_offset,
                             count);
}

static void write_receipts(const struct tide_log_receipt *receipts,
                           uint32_t receipt_count,
                           struct tide_bytes *json)
{
    for (uint32_t i = 0; i < receipt_count;) {
        const struct tide_log_receipt *first = &receipts[i];
        uint64_t count = 0;
        while (i < receipt_count && receipts[i].partition == first->partition &&
               receipts[i].first_offset == first->first_offset + count) {
            count += receipts[i].record_count;
            i++;
        }
        tide_assert(count > 0);
        write_receipt(first, count, json);
    }
}

void tide_answer_write(const struct tide_answer *answer,
                       const struct tide_log_receipt *receipts,
                       uint32_t receipt_count,
                       struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    tide_json_write_u64_member(json, "accepted", answer->accepted);
    tide_json_write_u64_member(json, "rejected", answer->rejected);
    tide_json_write_key(json, "errors");
    tide_bytes_append_byte(json, '[');
    tide_bytes_append_view(json, tide_bytes_view(&answer->errors));
    tide_bytes_append_byte(json, ']');
    if (answer->rejected > answer->errors_listed) {
        tide_json_write_u64_member(
            json, "errors_omitted", answer->rejected - answer->errors_listed);
    }
    tide_json_write_key(json, "receipt");
    tide_bytes_append_byte(json, '[');
    write_receipts(receipts, receipt_count, json);
    tide_bytes_append_text(json, "]}");
    json->failed = json->failed || answer->errors.failed;
}

void tide_answer_write_sunbird_head(const struct tide_answer_sunbird *sunbird,
                                    struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '{');
    tide_json_write_text_member(json, "id", tide_view_of(sunbird->api_id));
    tide_json_write_text_member(json, "ver", TIDE_VIEW("3.0"));
    tide_json_write_i64_member(json, "ets", sunbird->now.us / 1000);
    tide_bytes_append_text(json, ",\"params\":{\"status\":\"successful\",\"msgid\":");
    if (sunbird->message_id.size > 0) {
        tide_json_write_string(json, sunbird->message_id);
    } else {
        tide_bytes_append_text(json, "null");
    }
    tide_bytes_append_format(json,
                             ",\"resmsgid\":\"%016" PRIx64 "%016" PRIx64
                             "\",\"err\":null,\"errmsg\":null},"
                             "\"responseCode\":\"SUCCESS\",\"result\":",
                             sunbird->reply_message_id.high,
                             sunbird->reply_message_id.low);
}

void tide_answer_write_sunbird_tail(struct tide_bytes *json)
{
    tide_bytes_append_byte(json, '}');
}

void tide_answer_write_unsplit(struct tide_verdict verdict, struct tide_bytes *json)
{
    tide_http_problem_write(400, verdict.detail, json);
    if (json->failed) {
        return;
    }
    tide_assert(json->size > 0 && json->data[json->size - 1] == '}');
    json->size--;
    tide_json_write_text_member(json, "reason", tide_view_of(tide_reason_name(verdict.reason)));
    tide_json_write_text_member(json, "pointer", verdict.pointer);
    tide_bytes_append_byte(json, '}');
}
