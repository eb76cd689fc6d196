/* The reader of zoneinfo files on any bytes: it refuses them, or gives a table in which instants
 * and wall clock ascend and no change is more than a day. */
#include "base/timezone_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct tide_timezone_table table)
{
    const struct tide_timezone_span *spans = table.spans;
    tide_assert(table.count > 0 && spans[0].from == INT64_MIN && spans[0].wall == INT64_MIN);
    for (uint32_t i = 1; i < table.count; i++) {
        const int32_t by = spans[i].offset - spans[i - 1].offset;
        const int32_t larger = by > 0 ? spans[i].offset : spans[i - 1].offset;
        tide_assert(by != 0 && by >= -86400 && by <= 86400);
        tide_assert(spans[i].from > spans[i - 1].from && spans[i].wall > spans[i - 1].wall);
        tide_assert(spans[i].wall == spans[i].from + larger);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tide_arena arena = {0};
    struct tide_timezone_table table = {0};
    char *copy = malloc(size == 0 ? 1 : size); /* exact: the sanitizer sees the end */
    tide_assert(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    const struct tide_view bytes = {copy, size};
    const enum tide_status status = tide_timezone_file_read(&arena, bytes, &table, NULL);
    tide_assert(status == TIDE_OK || status == TIDE_REJECT);
    if (status == TIDE_OK) {
        check(table);
    }
    free(copy);
    tide_arena_release(&arena);
    return 0;
}
