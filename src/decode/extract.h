/* From captured values to a row: verdict, columns, payload, identity.
 *
 * A JSON Schema, where there is one, judges before the columns do.
 * A plan says which node of a walk's trie each column is. Columns are converted in declared order,
 * because the first one that is wrong gives the verdict. */
#ifndef TIDE_DECODE_EXTRACT_H
#define TIDE_DECODE_EXTRACT_H

#include "decode/derive.h"
#include "decode/json_schema.h"
#include "decode/row_image.h"
#include "decode/shape.h"
#include "decode/walk.h"
#include "event/uid.h"

struct tide_plan {
    struct tide_walk walk;
    struct tide_shapes shapes;                                 /* of records that were walked */
    struct tide_shape_column columns[TIDE_SCHEMA_COLUMNS_MAX]; /* those with a path */
    uint32_t payload_node;
    uint32_t validate_node; /* the member that names the event's JSON Schema */
    uint32_t events_node;   /* of an envelope; 0: none, and so below */
    uint32_t sent_time_node;
    uint32_t envelope_id_node;
};

/* envelope: the plan is for whole documents, which may be envelopes. RETRY: out of memory. */
enum tide_status tide_plan_init(struct tide_plan *plan,
                                const struct tide_schema *schema,
                                bool envelope,
                                struct tide_arena *arena);

struct tide_extractor {
    const struct tide_schema *schema;
    struct tide_hash_key key; /* of the uid */
    bool is_for_routing;      /* no identity for an event that is routed by its entity */
    struct tide_deriver deriver;
    struct tide_json_checker *checker; /* NULL: the schema validates nothing */
    struct tide_bytes compact;         /* payload without white space */
    struct tide_bytes canonical;       /* scratch of the uid */
};

/* One event that was walked and is valid JSON. */
struct tide_found {
    struct tide_view text;
    bool is_object;
    bool too_deep;
    bool broken_surrogate;
    /* Where it was not walked, but has a shape: */
    const struct tide_shape *shape; /* NULL: it was walked */
    const uint32_t *tokens;
    const char *index_text;
};

/* Appends a row; the batch has room. */
void tide_extract_event(struct tide_extractor *extractor,
                        const struct tide_plan *plan,
                        const struct tide_found *found,
                        struct tide_batch *batch);
/* Appends the row of an accepted event from its image, which need not be decoded. */
void tide_extract_restored(struct tide_extractor *extractor,
                           struct tide_view text,
                           const struct tide_row_image *image,
                           struct tide_batch *batch);
/* Appends a rejected row. */
void tide_extract_rejected(struct tide_batch *batch,
                           struct tide_view text,
                           struct tide_verdict verdict);
/* Of a string with escapes: its text (resolved once; into the batch's arena). */
struct tide_view tide_capture_unescaped(struct tide_capture *capture, struct tide_arena *arena);
/* A string's text. */
static inline struct tide_view tide_capture_text(struct tide_capture *capture,
                                                 struct tide_arena *arena)
{
    if (capture->escaped) {
        return tide_capture_unescaped(capture, arena);
    }
    return (struct tide_view){capture->start + 1, (size_t)(capture->end - capture->start) - 2};
}

#endif
