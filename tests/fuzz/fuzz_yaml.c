/* A configuration file with its definitions, as `tidemark validate` reads it, and what a service
 * then makes of it.
 *
 * Checked: what is wrong is told with a place inside the text; nothing wrong means definitions that
 * are usable: each metric has SQL, the schema a decoder, and all of it is the same when it is read
 * again. References to files and variables are left out: they would name this machine's. */
#include "cli/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "decode/decode.h"
#include "metric/sql.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SIZE_MAX_INPUT = 1 << 14
};

/* One reading of the file. */
struct reading {
    struct tide_arena arena;
    struct tide_config config;
    struct tide_diagnostics diagnostics;
    struct tide_bytes messages;
};

static void read_file(struct reading *reading, const char *path, size_t size)
{
    const struct tide_invocation invocation = {.command = &tide_command_validate};
    *reading = (struct reading){0};
    tide_arena_init(&reading->arena, ARENA_BYTES_MAX);
    tide_diagnostics_init(&reading->diagnostics, &reading->arena);
    const enum tide_exit exit = tide_config_check(
        &reading->arena, &invocation, path, NULL, &reading->config, &reading->diagnostics);
    tide_assert(exit == TIDE_EXIT_OK);
    tide_diagnostics_render(&reading->diagnostics, &reading->messages);
    tide_assert(!reading->messages.failed);
    for (uint32_t i = 0; i < reading->diagnostics.count; i++) {
        const struct tide_diagnostic *item = &reading->diagnostics.items[i];
        tide_assert(item->message.size > 0);
        tide_assert(item->position.source == NULL || item->position.line <= size + 1 ||
                    item->position.source->text.size != size);
    }
}

static void release(struct reading *reading)
{
    tide_bytes_release(&reading->messages);
    tide_arena_release(&reading->arena);
}

static void use(const struct tide_definitions *definitions)
{
    /* A year, with its changes of clocks. */
    const struct tide_window span = {{INT64_C(1767225600000000)}, {INT64_C(1798761600000000)}};
    struct tide_decoder *decoder = NULL;
    for (uint32_t i = 0; i < definitions->metric_count; i++) {
        struct tide_bytes sql = {0};
        tide_metric_sql(definitions, &definitions->metrics[i], span, &sql);
        tide_assert(!sql.failed && sql.size > 0);
        tide_bytes_release(&sql);
    }
    tide_assert(tide_decoder_create(definitions->schema, 1, &decoder, NULL) == TIDE_OK);
    tide_decoder_destroy(decoder);
}

static void compare(const struct reading *a, const struct reading *b)
{
    const struct tide_definitions *left = a->config.definitions;
    const struct tide_definitions *right = b->config.definitions;
    tide_assert(a->diagnostics.error_count == b->diagnostics.error_count);
    tide_assert(tide_view_equal(tide_bytes_view(&a->messages), tide_bytes_view(&b->messages)));
    tide_assert((left == NULL) == (right == NULL));
    if (left == NULL) {
        return;
    }
    tide_assert(left->metric_count == right->metric_count);
    for (uint32_t i = 0; i < left->metric_count; i++) {
        tide_assert(tide_u128_equal(left->metrics[i].hash, right->metrics[i].hash));
    }
}

/* What stands in ${...} is asked of the machine. */
static bool has_reference(const uint8_t *data, size_t size)
{
    return memmem(data, size, "${", 2) != NULL || memmem(data, size, "json_schema", 11) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1; /* made once: a fuzz target is called for ever */
    static struct reading readings[2];
    char path[64];
    if (file < 0) {
        file = memfd_create("configuration", 0);
        tide_assert(file >= 0);
    }
    if (size > SIZE_MAX_INPUT || has_reference(data, size)) {
        return 0;
    }
    tide_assert(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (size_t i = 0; i < 2; i++) {
        read_file(&readings[i], path, size);
    }
    compare(&readings[0], &readings[1]);
    const bool is_good = readings[0].diagnostics.error_count == 0;
    tide_assert(!is_good || readings[0].config.definitions != NULL);
    if (is_good) {
        use(readings[0].config.definitions);
    }
    release(&readings[0]);
    release(&readings[1]);
    return 0;
}
