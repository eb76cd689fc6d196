#include "support/process_stack.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    LINES_MAX = 256,
};

/* ---- the gate */

static enum tide_status gate_write(struct process_gate *gate,
                                   const char *key,
                                   struct tide_error *error)
{
    enum tide_status status = (enum tide_status)atomic_load(&gate->status);
    if (status != TIDE_OK) {
        atomic_fetch_add(&gate->refused, 1);
        return tide_error_set(error, status, "the gate is closed");
    }
    if (gate->is_recording) {
        tide_assert(gate->write_count < PROCESS_WRITES_MAX);
        size_t size = strlen(key) + 1;
        char *copy = malloc(size);
        tide_assert(copy != NULL);
        memcpy(copy, key, size);
        gate->writes[gate->write_count++] = copy;
    }
    return TIDE_OK;
}

static enum tide_status gate_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    struct process_gate *gate = self;
    return gate->inner.operations->get(gate->inner.self, key, into, size_max, error);
}

static enum tide_status gate_put_if_absent(void *self,
                                           const char *key,
                                           struct tide_view content,
                                           struct tide_error *error)
{
    struct process_gate *gate = self;
    enum tide_status status = gate_write(gate, key, error);
    return status != TIDE_OK
               ? status
               : gate->inner.operations->put_if_absent(gate->inner.self, key, content, error);
}

static enum tide_status gate_put_file(void *self,
                                      const char *key,
                                      const char *scratch_path,
                                      struct tide_error *error)
{
    struct process_gate *gate = self;
    enum tide_status status = gate_write(gate, key, error);
    return status != TIDE_OK
               ? status
               : gate->inner.operations->put_file(gate->inner.self, key, scratch_path, error);
}

static enum tide_status gate_list(void *self,
                                  const char *prefix,
                                  void (*visit)(void *context,
                                                const struct tide_store_entry *entry),
                                  void *context,
                                  struct tide_error *error)
{
    struct process_gate *gate = self;
    return gate->inner.operations->list(gate->inner.self, prefix, visit, context, error);
}

static enum tide_status gate_fetch(void *self,
                                   const char *key,
                                   struct tide_bytes *path,
                                   struct tide_error *error)
{
    struct process_gate *gate = self;
    return gate->inner.operations->fetch(gate->inner.self, key, path, error);
}

static void gate_unpin(void *self, const char *key)
{
    struct process_gate *gate = self;
    gate->inner.operations->unpin(gate->inner.self, key);
}

static enum tide_status gate_remove(void *self, const char *key, struct tide_error *error)
{
    struct process_gate *gate = self;
    return gate->inner.operations->remove(gate->inner.self, key, error);
}

static void gate_close(void *self)
{
    struct process_gate *gate = self;
    gate->inner.operations->close(gate->inner.self);
}

static const struct tide_store_operations gate_operations = {
    .get = gate_get,
    .put_if_absent = gate_put_if_absent,
    .put_file = gate_put_file,
    .list = gate_list,
    .fetch = gate_fetch,
    .unpin = gate_unpin,
    .remove = gate_remove,
    .close = gate_close,
};

/* ---- the stack */

void process_stack_init(struct process_stack *stack, uint64_t seed, uint32_t partition_count)
{
    memset(stack, 0, sizeof(*stack));
    stack->definitions = sim_definitions(&stack->arena);
    for (int t = 0; t < TIDE_TABLE_COUNT; t++) {
        stack->layouts[t] =
            tide_layout_create(&stack->arena, stack->definitions->schema, (enum tide_table)t);
        tide_assert(stack->layouts[t] != NULL);
    }
    stack->sim = tide_io_sim_create(seed);
    tide_assert(stack->sim != NULL);
    stack->io = tide_io_sim_io(stack->sim);
    stack->writer = sim_table_writer(&stack->io);
    stack->clock.now = PROCESS_START;
    stack->partition_count = partition_count;
}

void process_stack_release(struct process_stack *stack)
{
    process_stack_close(stack);
    for (uint32_t i = 0; i < stack->gate.write_count; i++) {
        free(stack->gate.writes[i]);
    }
    tide_io_sim_destroy(stack->sim);
    tide_arena_release(&stack->arena);
    memset(stack, 0, sizeof(*stack));
}

enum tide_status process_stack_open(struct process_stack *stack, struct tide_error *error)
{
    struct tide_io io = stack->io;
    struct tide_identity wanted = {.configuration = {3, 4},
                                   .partition_count = stack->partition_count};
    enum tide_status status = io.operations->make_directory(io.self, "data", error);
    if (status == TIDE_OK) {
        status = tide_store_local_open(io, "lake", &stack->gate.inner, error);
    }
    if (status == TIDE_OK) {
        stack->store = (struct tide_store){&gate_operations, &stack->gate};
        status = tide_identity_open(io, "data", stack->store, &wanted, &stack->identity, error);
    }
    if (status == TIDE_OK) {
        struct tide_checkpointer_options options = {
            .io = io,
            .clock = tide_clock_simulated(&stack->clock),
            .store = stack->store,
            .writer = stack->writer,
            .codec = sim_checkpoint_codec(&stack->io),
            .checkpoint_commits = 1,
            .scratch_directory = "lake/_tidemark/scratch",
            .identity = stack->identity,
            .engine = TIDE_VIEW("tidemark/test"),
        };
        memcpy(options.layouts, stack->layouts, sizeof(options.layouts));
        status = tide_checkpointer_open(&options, &stack->checkpointer, error);
    }
    if (status != TIDE_OK) {
        process_stack_close(stack);
    }
    return status;
}

void process_stack_close(struct process_stack *stack)
{
    tide_checkpointer_close(stack->checkpointer);
    stack->checkpointer = NULL;
    if (stack->store.operations != NULL) {
        stack->store.operations->close(stack->store.self);
    }
    stack->store = (struct tide_store){0};
}

struct tide_partition *process_stack_partition(struct process_stack *stack, uint32_t index)
{
    struct tide_recovered recovered = tide_checkpointer_recovered(stack->checkpointer, index);
    struct tide_partition_options options = {.definitions = stack->definitions,
                                             .index = index,
                                             .arrival = TIDE_ARRIVAL_LIVE,
                                             .limits = tide_operator_limits_default(),
                                             .rows_from = recovered.next_offset,
                                             .first_epoch = recovered.next_epoch,
                                             .expected = recovered.ledger,
                                             .closing = recovered.closing};
    memcpy(options.layouts, stack->layouts, sizeof(options.layouts));
    struct tide_partition *partition = NULL;
    enum tide_status status = tide_partition_create(&options, &partition, NULL);
    tide_assert(status == TIDE_OK);
    return partition;
}

/* ---- events and the log */

void process_event(struct tide_bytes *text, uint32_t number, const char *who, int64_t t_ms)
{
    tide_bytes_append_format(text,
                             "{\"id\":\"e%u\",\"kind\":\"k\",\"t\":%" PRId64
                             ",\"who\":{\"name\":\"%s\"},\"amount\":1}\n",
                             number,
                             t_ms,
                             who);
    tide_assert(!text->failed);
}

static void expect_durable(void *context, enum tide_status status, const struct tide_error *error)
{
    (void)error;
    tide_assert(status == TIDE_OK);
    *(bool *)context = true;
}

void process_append(struct tide_log log,
                    uint32_t partition,
                    struct tide_instant received,
                    const char *lines)
{
    struct tide_log_record records[LINES_MAX];
    uint32_t count = 0;
    bool is_durable = false;
    while (*lines != '\0') {
        const char *end = strchr(lines, '\n');
        tide_assert(end != NULL && count < LINES_MAX);
        records[count++] = (struct tide_log_record){.text = {lines, (size_t)(end - lines)}};
        lines = end + 1;
    }
    struct tide_log_batch batch = {.partition = partition,
                                   .received = received,
                                   .sent = TIDE_INSTANT_UNKNOWN,
                                   .source = TIDE_VIEW("test"),
                                   .records = records,
                                   .record_count = count};
    struct tide_log_receipt receipt;
    struct tide_log_append append = {.batches = &batch,
                                     .batch_count = 1,
                                     .receipts = &receipt,
                                     .done = expect_durable,
                                     .context = &is_durable};
    enum tide_status status = log.operations->append(log.self, &append, NULL);
    tide_assert(status == TIDE_OK);
    status = log.operations->sync(log.self, NULL);
    tide_assert(status == TIDE_OK && is_durable);
}
