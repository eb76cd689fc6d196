#include "log/kafka_message.h"

#include "base/assert.h"
#include "base/digits.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

enum {
    NUMBER_DIGITS_MAX = 18 /* fit 64 bits */
};
static const struct tide_view unknown = {"-", 1};

/* Cuts the next word, ended by a blank, off *rest. false: there is none. */
static bool next_word(struct tide_view *rest, struct tide_view *word)
{
    const char *blank = rest->size == 0 ? NULL : memchr(rest->data, ' ', rest->size);
    if (blank == NULL) {
        return false;
    }
    size_t size = (size_t)(blank - rest->data);
    *word = tide_view_slice(*rest, 0, size);
    *rest = tide_view_slice(*rest, size + 1, rest->size - size - 1);
    return size > 0;
}

/* At most 18 digits, maybe after a '-'. */
static bool read_number(struct tide_view word, int64_t *number)
{
    const bool is_negative = word.size > 0 && word.data[0] == '-';
    const size_t at = is_negative ? 1 : 0;
    const struct tide_view digits = tide_view_slice(word, at, word.size - at);
    uint64_t value = 0;
    if (digits.size > NUMBER_DIGITS_MAX || !tide_digits_parse(digits, &value)) {
        return false;
    }
    *number = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

void tide_kafka_stamp_write(const struct tide_kafka_stamp *stamp, struct tide_bytes *text)
{
    tide_bytes_append_format(text, "%" PRId64 " ", stamp->received.us);
    if (tide_instant_known(stamp->sent)) {
        tide_bytes_append_format(text, "%" PRId64 " ", stamp->sent.us);
    } else {
        tide_bytes_append_text(text, "- ");
    }
    tide_bytes_append_view(text, stamp->source);
}

bool tide_kafka_stamp_read(struct tide_view text, struct tide_kafka_stamp *stamp)
{
    struct tide_view received;
    struct tide_view sent;
    if (!next_word(&text, &received) || !next_word(&text, &sent) ||
        text.size > TIDE_LOG_SOURCE_BYTES_MAX || !read_number(received, &stamp->received.us)) {
        return false;
    }
    stamp->source = text;
    stamp->sent = TIDE_INSTANT_UNKNOWN;
    return tide_view_equal(sent, unknown) || read_number(sent, &stamp->sent.us);
}

void tide_kafka_verdict_write(const struct tide_log_record *record, struct tide_bytes *text)
{
    tide_assert(record->reason != TIDE_REASON_ACCEPTED);
    tide_bytes_append_format(text,
                             "%s %" PRIu64 " %016" PRIx64 "%016" PRIx64 " %zu ",
                             tide_reason_name(record->reason),
                             record->original_size,
                             record->original_hash.high,
                             record->original_hash.low,
                             record->pointer.size);
    tide_bytes_append_view(text, record->pointer);
    tide_bytes_append_view(text, record->detail);
}

bool tide_kafka_verdict_read(struct tide_view text, struct tide_log_record *record)
{
    struct tide_view reason;
    struct tide_view size;
    struct tide_view hash;
    struct tide_view pointer_size;
    int64_t original_size;
    int64_t pointer;
    if (!next_word(&text, &reason) || !next_word(&text, &size) || !next_word(&text, &hash) ||
        !next_word(&text, &pointer_size) || hash.size != 32) {
        return false;
    }
    record->reason = tide_reason_parse(reason);
    if (record->reason == TIDE_REASON_ACCEPTED || record->reason == TIDE_REASON_COUNT ||
        !read_number(size, &original_size) || original_size < 0 ||
        !tide_digits_parse_hex(tide_view_slice(hash, 0, 16), &record->original_hash.high) ||
        !tide_digits_parse_hex(tide_view_slice(hash, 16, 16), &record->original_hash.low) ||
        !read_number(pointer_size, &pointer) || pointer < 0 || (uint64_t)pointer > text.size) {
        return false;
    }
    record->original_size = (uint64_t)original_size;
    record->pointer = tide_view_slice(text, 0, (size_t)pointer);
    record->detail = tide_view_slice(text, (size_t)pointer, text.size - (size_t)pointer);
    return true;
}
