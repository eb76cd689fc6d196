/* What a message's headers say about the record in its value.
 *
 * Header `tidemark`: "received_us sent_us source" (sent "-": unknown), of every record that a
 * collector wrote. Header `tidemark-verdict`, of a record that was judged when it came:
 * "reason original_size original_hash pointer_size " and then pointer and detail, byte for byte.
 * Numbers are decimal, the hash 32 hex digits. */
#ifndef TIDE_LOG_KAFKA_MESSAGE_H
#define TIDE_LOG_KAFKA_MESSAGE_H

#include "log/log.h"

#define TIDE_KAFKA_HEADER "tidemark"
#define TIDE_KAFKA_HEADER_VERDICT "tidemark-verdict"

struct tide_kafka_stamp {
    struct tide_instant received;
    struct tide_instant sent; /* or unknown */
    struct tide_view source;
};

void tide_kafka_stamp_write(const struct tide_kafka_stamp *stamp, struct tide_bytes *text);
/* The source points into text. false: not a stamp. */
bool tide_kafka_stamp_read(struct tide_view text, struct tide_kafka_stamp *stamp);
void tide_kafka_verdict_write(const struct tide_log_record *record, struct tide_bytes *text);
/* Sets reason, pointer, detail (into text), original size and hash. false: not a verdict. */
bool tide_kafka_verdict_read(struct tide_view text, struct tide_log_record *record);

#endif
