/* The decoder beside simdjson, and every scanner beside the first. The first byte says how many
 * blanks stand before the block (so that a byte comes to lie anywhere in a vector) and how it is
 * framed; the rest is the block.
 *
 * Checked, of each record: what the decoder calls JSON is JSON to simdjson, and nothing else is;
 * strings, numbers and booleans of declared columns are those that simdjson reads; white space
 * outside strings does not change the identity; a row that is restored from its image is the row. A
 * text that is too deep for us is not asked about, but its brackets are counted. All scanners give
 * the same rows. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "simdjson_reference.h"
#include "support/scanner_variants.h"
#include "support/schema_text.h"
#include "tame.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "columns: {mid: {path: mid}, who: {path: who.id}, deep: {path: a.b.c.d},\n"
    "  n: {path: p.n, type: int}, x: {path: x, type: decimal}, b: {path: p.b, type: bool},\n"
    "  at_: {path: at, type: time_ms, required: true}}\n";

enum {
    ROWS = 16,
    BLANKS_MAX = 128,
    SIZE_MAX_INPUT = 1 << 16
};

static struct schema_text text;
static struct tide_decoder
    *decoders[SCANNER_VARIANTS_MAX]; /* made once: a fuzz target is called for ever */
static struct tide_batch *batches[SCANNER_VARIANTS_MAX];
static size_t variant_count;
static struct tide_decoder *event_decoder;
static struct tide_batch *event_batch;

static void setup(void)
{
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    const char *names[SCANNER_VARIANTS_MAX];
    variant_count = scanner_variants_wanted(names);
    for (size_t i = 0; i < variant_count; i++) {
        tide_assert(setenv(SCANNER_VARIABLE, names[i], 1) == 0);
        tide_assert(tide_decoder_create(text.schema, 1, &decoders[i], NULL) == TIDE_OK);
        tide_assert(tide_batch_create(text.schema, ROWS, &batches[i], NULL) == TIDE_OK);
    }
    tide_assert(tide_decoder_create(text.schema, 1, &event_decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &event_batch, NULL) == TIDE_OK);
}

/* ---- beside simdjson ---- */

/* By the rule for texts that may not be JSON: a string ends at a backslash before a line feed. */
static int64_t deepest(struct tide_view record)
{
    int64_t depth = 0;
    int64_t found = 0;
    bool in_string = false;
    for (size_t i = 0; i < record.size; i++) {
        const char c = record.data[i];
        if (in_string && c == '\\') {
            in_string = i + 1 < record.size && record.data[i + 1] != '\n';
            i += in_string;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string) {
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            found = depth > found ? depth : found;
        }
    }
    return found;
}

static struct reference_value find(const struct tide_path *path)
{
    struct reference_key keys[TIDE_SCHEMA_PATH_DEPTH_MAX];
    for (uint32_t i = 0; i < path->depth; i++) {
        keys[i] = (struct reference_key){path->keys[i].data, path->keys[i].size};
    }
    return reference_find(keys, path->depth);
}

/* What a decimal's millionths may be off by: it was rounded to them, and the double to 53 bits. */
static bool is_near(int64_t millionths, double real)
{
    const double mine = (double)millionths / 1e6;
    const double off = mine > real ? mine - real : real - mine;
    const double size = real < 0 ? -real : real;
    return off <= 0.5000001e-6 + size * 0x1p-51;
}

/* numbers: as simdjson has them; false: some were tamed. */
static void check_number(enum tide_type type,
                         const struct tide_vector *vector,
                         uint32_t row,
                         const struct reference_value *value)
{
    const bool is_present = vector->present[row];
    const int64_t number = is_present ? vector->numbers[row] : 0;
    const bool is_int = value->kind == REFERENCE_INT;
    const double real = is_int ? (double)value->integer : value->real;
    if (value->kind == REFERENCE_UINT) { /* beyond all that a column holds */
        tide_assert(!is_present);
    } else if (type == TIDE_TYPE_INT) {
        tide_assert(is_int ? is_present && number == value->integer
                           : !is_present || (double)number == real);
    } else if (type == TIDE_TYPE_DECIMAL) {
        tide_assert(is_present ? is_near(number, real)
                               : real >= 999999999999 || real <= -999999999999);
    } else if (type == TIDE_TYPE_TIME_MS) {
        tide_assert(!is_present || (double)(number / 1000) == real);
        tide_assert(!is_int || value->integer > 1000000000000000 ||
                    value->integer < -1000000000000000 || is_present);
    } else {
        tide_assert(!is_present && vector->mistyped[row]);
    }
}

static void check_column(const struct tide_batch *batch,
                         uint32_t row,
                         uint32_t column,
                         bool is_tamed)
{
    const struct tide_schema *schema = batch->schema;
    const struct tide_column *it = &schema->columns[column];
    const struct tide_vector *vector = &batch->columns[column];
    const struct reference_value value = find(&it->path);
    const bool is_present = vector->present[row];
    tide_assert(!value.is_twice); /* it would have been rejected */
    switch (value.kind) {
    case REFERENCE_ABSENT:
    case REFERENCE_NULL:
        tide_assert(!is_present && !vector->mistyped[row]);
        break;
    case REFERENCE_BOOL:
        tide_assert(is_present == (it->type == TIDE_TYPE_BOOL));
        tide_assert(!is_present || vector->numbers[row] == value.integer);
        break;
    case REFERENCE_INT:
    case REFERENCE_UINT:
    case REFERENCE_DOUBLE:
        if (!is_tamed) {
            check_number(it->type, vector, row, &value);
        }
        break;
    case REFERENCE_STRING: {
        const bool is_empty = value.size == 0 && (column == schema->id || column == schema->entity);
        tide_assert(is_present == (it->type == TIDE_TYPE_STRING && !is_empty));
        tide_assert(!is_present || tide_view_equal(vector->strings[row],
                                                   (struct tide_view){value.text, value.size}));
        break;
    }
    case REFERENCE_ARRAY:
    case REFERENCE_OBJECT:
        tide_assert(!is_present && vector->mistyped[row]);
        break;
    }
}

/* Without white space outside strings it is the same event. */
static void check_identity(struct tide_view record, struct tide_u128 uid)
{
    char *compact = malloc(record.size);
    tide_assert(compact != NULL);
    const size_t size = reference_compact(record.data, record.size, compact);
    tide_assert(size > 0);
    tide_batch_reset(event_batch);
    tide_decoder_begin(event_decoder, (struct tide_view){compact, size}, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(event_decoder, event_batch) == TIDE_OK);
    tide_assert(event_batch->row_count == 1);
    tide_assert(event_batch->verdicts[0].reason == TIDE_REASON_ACCEPTED);
    tide_assert(tide_u128_equal(event_batch->uids[0], uid));
    free(compact);
}

static bool is_surrogate(const struct tide_verdict *verdict)
{
    return verdict->reason == TIDE_REASON_UTF8_INVALID &&
           tide_view_equal(tide_view_slice(verdict->detail, 0, 11), TIDE_VIEW("an unpaired"));
}

static void check_duplicate(const struct tide_batch *batch, uint32_t row)
{
    bool is_twice = false;
    for (uint32_t i = 0; i < batch->schema->path_column_count; i++) {
        const struct tide_column *column = &batch->schema->columns[i];
        is_twice = is_twice || (tide_view_equal(column->pointer, batch->verdicts[row].pointer) &&
                                find(&column->path).is_twice);
    }
    tide_assert(is_twice);
}

static void check_row(const struct tide_batch *batch, uint32_t row)
{
    const struct tide_view record = batch->texts[row];
    const struct tide_verdict *verdict = &batch->verdicts[row];
    if (verdict->reason == TIDE_REASON_TOO_DEEP) {
        tide_assert(deepest(record) > TIDE_RECORD_DEPTH_MAX);
        return;
    }
    const bool is_json = verdict->reason != TIDE_REASON_JSON_INVALID &&
                         (verdict->reason != TIDE_REASON_UTF8_INVALID || is_surrogate(verdict));
    bool is_tamed = false;
    if (!reference_parse(record.data, record.size)) {
        char *tamed = malloc(record.size);
        tide_assert(tamed != NULL);
        memcpy(tamed, record.data, record.size);
        tame_numbers(tamed, record.size);
        if (is_surrogate(verdict)) {
            tame_surrogates(tamed, record.size);
        }
        is_tamed = true;
        tide_assert(reference_parse(tamed, record.size) == is_json);
        free(tamed);
    } else {
        tide_assert(is_json);
    }
    for (uint32_t i = 0;
         verdict->reason == TIDE_REASON_ACCEPTED && i < batch->schema->path_column_count;
         i++) {
        check_column(batch, row, i, is_tamed);
    }
    if (verdict->reason == TIDE_REASON_ACCEPTED) {
        check_identity(record, batch->uids[row]);
    } else if (verdict->reason == TIDE_REASON_DUPLICATE_KEY) {
        check_duplicate(batch, row);
    }
}

/* ---- beside each other ---- */

static void check_same_row(const struct tide_batch *a,
                           uint32_t row,
                           const struct tide_batch *b,
                           uint32_t b_row)
{
    tide_assert(a->texts[row].data == b->texts[b_row].data);
    tide_assert(a->texts[row].size == b->texts[b_row].size);
    tide_assert(a->verdicts[row].reason == b->verdicts[b_row].reason);
    if (a->verdicts[row].reason != TIDE_REASON_ACCEPTED) {
        tide_assert(tide_view_equal(a->verdicts[row].pointer, b->verdicts[b_row].pointer));
        tide_assert(tide_view_equal(a->verdicts[row].detail, b->verdicts[b_row].detail));
        return;
    }
    tide_assert(tide_u128_equal(a->uids[row], b->uids[b_row]));
    tide_assert(tide_view_equal(a->payloads[row], b->payloads[b_row]));
    for (uint32_t i = 0; i < a->schema->column_count; i++) {
        const struct tide_vector *left = &a->columns[i];
        const struct tide_vector *right = &b->columns[i];
        tide_assert(left->present[row] == right->present[b_row]);
        tide_assert(left->mistyped[row] == right->mistyped[b_row]);
        tide_assert(!left->present[row] ||
                    (left->strings != NULL
                         ? tide_view_equal(left->strings[row], right->strings[b_row])
                         : left->numbers[row] == right->numbers[b_row]));
    }
}

/* A row from its image is the row; an image that says to decode has a reason. */
static void check_image(const struct tide_batch *batch, uint32_t row)
{
    static union {
        struct tide_row_image image;
        char bytes[1024];
    } made;
    tide_assert(tide_row_image_size(batch->schema) <= sizeof made);
    const struct tide_view record = batch->texts[row];
    bool has_reason = batch->verdicts[row].reason != TIDE_REASON_ACCEPTED ||
                      memchr(record.data, '\\', record.size) != NULL;
    for (uint32_t i = 0; !has_reason && i < batch->schema->path_column_count; i++) {
        has_reason = batch->columns[i].mistyped[row];
    }
    tide_row_image_take(batch, row, &made.image);
    tide_batch_reset(event_batch);
    if (tide_decoder_restore(event_decoder, record, &made.image, event_batch)) {
        check_same_row(batch, row, event_batch, 0);
    } else {
        tide_assert(has_reason);
    }
}

static void run(struct tide_view block, enum tide_framing framing)
{
    enum tide_status status = TIDE_AGAIN;
    for (size_t i = 0; i < variant_count; i++) {
        tide_decoder_begin(decoders[i], block, framing);
    }
    while (status == TIDE_AGAIN) {
        for (size_t i = 0; i < variant_count; i++) {
            tide_batch_reset(batches[i]);
            const enum tide_status mine = tide_decoder_next(decoders[i], batches[i]);
            tide_assert(mine == TIDE_OK || mine == TIDE_AGAIN);
            tide_assert(i == 0 ||
                        (mine == status && batches[i]->row_count == batches[0]->row_count));
            status = mine;
        }
        for (uint32_t row = 0; row < batches[0]->row_count; row++) {
            check_row(batches[0], row);
            check_image(batches[0], row);
            for (size_t i = 1; i < variant_count; i++) {
                check_same_row(batches[0], row, batches[i], row);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (event_decoder == NULL) {
        setup();
    }
    if (size == 0 || size > SIZE_MAX_INPUT) {
        return 0;
    }
    const size_t blanks = data[0] % BLANKS_MAX;
    const enum tide_framing framing =
        data[0] < BLANKS_MAX ? TIDE_FRAMING_NDJSON : TIDE_FRAMING_EVENT;
    char *copy = malloc(blanks + size); /* exact: the sanitizer sees the block's end */
    tide_assert(copy != NULL);
    memset(copy, ' ', blanks);
    memcpy(copy + blanks, data + 1, size - 1);
    run((struct tide_view){copy, blanks + size - 1}, framing);
    free(copy);
    return 0;
}
