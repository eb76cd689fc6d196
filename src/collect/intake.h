/* One body on its way to the log: decoded, judged, and ordered into batches of the partitions.
 *
 * An intake is a workspace of the collector's pool: a decoder, a batch and an arena. It is used by
 * one thread for one body at a time, and holds nothing that is needed once the log has taken the
 * records. */
#ifndef TIDE_COLLECT_INTAKE_H
#define TIDE_COLLECT_INTAKE_H

#include "collect/answer.h"
#include "decode/decode.h"
#include "log/handover.h"

enum {
    TIDE_INTAKE_EVENTS_MAX = 1 << 18,      /* of one body */
    TIDE_INTAKE_ARENA_MAX = 96 << 20,      /* rows, records and images of the largest body */
    TIDE_INTAKE_ARENA_KEPT_MAX = 4 << 20,  /* between bodies */
    TIDE_INTAKE_IMAGE_BYTES_MAX = 4 << 20, /* a body that has more of them has none */
};

/* For a log that others read too: records get their entity as key, and a topic. */
struct tide_intake_topics {
    bool is_by_column;
    uint32_t column; /* a string column; a value that is not listed goes to topic 0 */
    const struct tide_intake_topic {
        struct tide_view value;
        uint32_t topic;
    } *items;
    uint32_t count;
};

struct tide_intake_options {
    const struct tide_schema *schema;
    uint64_t seed;
    uint32_t partition_count;
    enum tide_arrival arrival;
    const struct tide_intake_topics *topics; /* NULL: nobody wants keys */
    struct tide_handover *handover;          /* to the log's readers here; NULL: no images */
};

/* Where a body comes from, and when it came. */
struct tide_intake_origin {
    struct tide_instant received;
    struct tide_view source; /* lives as long as the body */
};

struct tide_intake_rows; /* a stretch of judged events */

struct tide_intake {
    struct tide_intake_options options;
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    struct tide_arena arena;
    size_t image_size;
    bool has_images; /* of what was decoded since the reset */
    struct tide_intake_rows *first_rows;
    struct tide_intake_rows *last_rows;
    uint32_t event_count;
    /* What the log is given; valid until reset. */
    struct tide_log_batch *batches;
    uint32_t batch_count;
    const struct tide_row_image **images; /* of its records, in order; NULL: none */
    bool is_unsplit;                      /* the body could not be split */
    struct tide_verdict verdict;          /* then: why; its detail lives in the arena */
    struct tide_view envelope_id;
    struct tide_intake *next; /* the pool's */
};

/* RETRY: out of memory. */
enum tide_status tide_intake_init(struct tide_intake *intake,
                                  const struct tide_intake_options *options,
                                  struct tide_error *error);
void tide_intake_release(struct tide_intake *intake);
void tide_intake_reset(struct tide_intake *intake);
/* Decodes all of body, behind what was decoded since the reset, and notes each verdict in answer.
 * OK; REJECT: more than EVENTS_MAX events in all: reset; RETRY: out of memory. */
enum tide_status tide_intake_decode(struct tide_intake *intake,
                                    struct tide_view body,
                                    enum tide_framing framing,
                                    const struct tide_intake_origin *origin,
                                    struct tide_answer *answer);
/* Adds a body that has more events than EVENTS_MAX as one record, too_large. RETRY: out of memory.
 */
enum tide_status tide_intake_refuse(struct tide_intake *intake,
                                    struct tide_view body,
                                    const struct tide_intake_origin *origin,
                                    struct tide_answer *answer);
/* Orders what was decoded into batches: by partition, in the order it came, each of one origin and
 * one sent time. RETRY: out of memory. */
enum tide_status tide_intake_order(struct tide_intake *intake);
/* Copies the images of the ordered records, one behind the other, for who needs them longer than
 * the intake. NULL: there are none, or no memory. */
const char *tide_intake_copy_images(const struct tide_intake *intake, struct tide_arena *arena);

#endif
