/* JSON Schemas on any documents, and any schemas: the input is a schema, a line feed, and an event.
 *
 * Checked: what compiles judges every event that the decoder calls valid, in memory that ends where
 * the event does; a verdict does not depend on what was judged before; a fault says what and where.
 * An input without a schema is judged by the built-in rules. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_yaml[] = "name: t\nentity: who\nid: who\ntime: at_\n"
                                  "validate: {json_schema: sunbird-3.0, by: eid}\n"
                                  "columns: {who: {path: who},\n"
                                  "  at_: {path: ets, type: time_ms, required: true}}\n";

static struct schema_text text; /* made once, and so is what follows */
static struct tide_decoder *built_in;
static struct tide_batch *batches[2];

static void setup(void)
{
    tide_assert(schema_text_load(&text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(text.schema, 1, &built_in, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &batches[0], NULL) == TIDE_OK);
    tide_assert(tide_batch_create(text.schema, 1, &batches[1], NULL) == TIDE_OK);
}

static void judge(struct tide_decoder *decoder, struct tide_view event, struct tide_batch *batch)
{
    tide_batch_reset(batch);
    tide_decoder_begin(decoder, event, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(decoder, batch) == TIDE_OK);
    tide_assert(batch->row_count == 1);
    const struct tide_verdict *verdict = &batch->verdicts[0];
    tide_assert(verdict->reason == TIDE_REASON_ACCEPTED || verdict->detail.size > 0);
    tide_assert(verdict->pointer.size == 0 || verdict->pointer.data[0] == '/');
}

static void judge_twice(struct tide_decoder *decoder, struct tide_view event)
{
    judge(decoder, event, batches[0]);
    judge(decoder, TIDE_VIEW("{\"eid\":\"x\",\"ets\":1,\"a\":{\"b\":[1,\"2\"]}}"), batches[1]);
    judge(decoder, event, batches[1]);
    const struct tide_verdict *first = &batches[0]->verdicts[0];
    const struct tide_verdict *second = &batches[1]->verdicts[0];
    tide_assert(first->reason == second->reason);
    tide_assert(first->reason == TIDE_REASON_ACCEPTED ||
                (tide_view_equal(first->pointer, second->pointer) &&
                 tide_view_equal(first->detail, second->detail)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (built_in == NULL) {
        setup();
    }
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    const size_t schema_size = newline != NULL ? (size_t)(newline - data) : 0;
    const size_t start = newline != NULL ? schema_size + 1 : 0;
    char *copy = malloc(size - start + 1);
    tide_assert(copy != NULL);
    memcpy(copy + 1, data + start, size - start);
    const struct tide_view event = {copy + 1, size - start};
    struct tide_schema_file files[] = {
        {TIDE_VIEW("x.json"), {(const char *)data, schema_size}},
    };
    struct tide_schema schema = *text.schema;
    struct tide_decoder *decoder = NULL;
    schema.validation.files = (struct tide_schema_files){.items = files, .count = 1};
    if (schema_size == 0) {
        judge_twice(built_in, event);
    } else if (tide_decoder_create(&schema, 1, &decoder, NULL) == TIDE_OK) {
        batches[0]->schema = batches[1]->schema = &schema;
        judge_twice(decoder, event);
        batches[0]->schema = batches[1]->schema = text.schema;
        tide_decoder_destroy(decoder);
    }
    free(copy);
    return 0;
}
