/* Evaluation over chunks of rows: each operation makes, or combines, a mask with a byte for each
 * row of the chunk. There is no branch per row but in comparisons of text, and no memory but the
 * stack of masks. */
#include "metric/expression_program.h"

#include "base/assert.h"

#include <string.h>

#include "base/banned.h"

enum {
    CHUNK = 256
};

struct machine {
    const struct tide_batch *batch;
    const uint32_t *rows;
    uint32_t count; /* of rows, at most CHUNK */
    uint32_t depth;
    uint32_t holds[TIDE_EXPRESSION_STACK_MAX]; /* how many bytes of the mask are 1 */
    uint8_t masks[TIDE_EXPRESSION_STACK_MAX][CHUNK];
};

static uint32_t count_of(const uint8_t *mask, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += mask[i];
    }
    return sum;
}

static bool in_numbers(const struct tide_operation *operation, int64_t number)
{
    uint32_t low = 0;
    uint32_t high = operation->list_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (operation->numbers[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < operation->list_count && operation->numbers[low] == number;
}

static bool in_texts(const struct tide_operation *operation, struct tide_view text)
{
    for (uint32_t i = 0; i < operation->list_count; i++) {
        if (tide_view_equal(operation->texts[i], text)) {
            return true;
        }
    }
    return false;
}

/* Of a value that is not null. */
static bool test_text(const struct tide_operation *operation, struct tide_view value)
{
    switch (operation->kind) {
    case TIDE_OPERATION_TEXT_LESS:
        return tide_view_compare(value, operation->text) < 0;
    case TIDE_OPERATION_TEXT_AT_MOST:
        return tide_view_compare(value, operation->text) <= 0;
    case TIDE_OPERATION_TEXT_GREATER:
        return tide_view_compare(value, operation->text) > 0;
    case TIDE_OPERATION_TEXT_AT_LEAST:
        return tide_view_compare(value, operation->text) >= 0;
    case TIDE_OPERATION_TEXT_NOT_EQUAL:
        return !tide_view_equal(value, operation->text);
    case TIDE_OPERATION_TEXT_EQUAL:
        return tide_view_equal(value, operation->text);
    case TIDE_OPERATION_TEXT_IN:
        return in_texts(operation, value);
    case TIDE_OPERATION_AND:
    case TIDE_OPERATION_OR:
    case TIDE_OPERATION_NOT:
    case TIDE_OPERATION_IS_NULL:
    case TIDE_OPERATION_ANY:
    case TIDE_OPERATION_NEVER:
    case TIDE_OPERATION_AT_MOST:
    case TIDE_OPERATION_AT_LEAST:
    case TIDE_OPERATION_EQUAL:
    case TIDE_OPERATION_NOT_EQUAL:
    case TIDE_OPERATION_IN:
        break;
    }
    tide_assert(false);
    return false;
}

static void run_text(const struct machine *machine,
                     const struct tide_operation *operation,
                     uint8_t *mask)
{
    const struct tide_vector *vector = &machine->batch->columns[operation->column];
    tide_assert(vector->strings != NULL);
    for (uint32_t i = 0; i < machine->count; i++) {
        const uint32_t row = machine->rows[i];
        /* What stands where there is no value is not even readable. */
        mask[i] = vector->present[row] != 0 && test_text(operation, vector->strings[row]);
    }
}

static void run_present(const struct machine *machine, uint32_t column, bool wanted, uint8_t *mask)
{
    const uint8_t *present = machine->batch->columns[column].present;
    for (uint32_t i = 0; i < machine->count; i++) {
        mask[i] = (present[machine->rows[i]] != 0) == wanted;
    }
}

/* One loop for low <= value <= high. */
static void run_range(
    const struct machine *machine, uint32_t column, int64_t low, int64_t high, uint8_t *mask)
{
    const struct tide_vector *vector = &machine->batch->columns[column];
    tide_assert(vector->numbers != NULL);
    for (uint32_t i = 0; i < machine->count; i++) {
        const uint32_t row = machine->rows[i];
        const int64_t number = vector->numbers[row];
        mask[i] = (uint8_t)((vector->present[row] != 0) & (number >= low) & (number <= high));
    }
}

static void run_not_equal(const struct machine *machine,
                          const struct tide_operation *operation,
                          uint8_t *mask)
{
    const struct tide_vector *vector = &machine->batch->columns[operation->column];
    tide_assert(vector->numbers != NULL);
    for (uint32_t i = 0; i < machine->count; i++) {
        const uint32_t row = machine->rows[i];
        mask[i] =
            (uint8_t)((vector->present[row] != 0) & (vector->numbers[row] != operation->number));
    }
}

static void run_in(const struct machine *machine,
                   const struct tide_operation *operation,
                   uint8_t *mask)
{
    const struct tide_vector *vector = &machine->batch->columns[operation->column];
    tide_assert(vector->numbers != NULL);
    for (uint32_t i = 0; i < machine->count; i++) {
        const uint32_t row = machine->rows[i];
        mask[i] = vector->present[row] != 0 && in_numbers(operation, vector->numbers[row]);
    }
}

static void run_leaf(const struct machine *machine,
                     const struct tide_operation *operation,
                     uint8_t *mask)
{
    const uint32_t column = operation->column;
    switch (operation->kind) {
    case TIDE_OPERATION_IS_NULL:
        run_present(machine, column, false, mask);
        break;
    case TIDE_OPERATION_ANY:
        run_present(machine, column, true, mask);
        break;
    case TIDE_OPERATION_NEVER:
        memset(mask, 0, machine->count);
        break;
    case TIDE_OPERATION_AT_MOST:
        run_range(machine, column, INT64_MIN, operation->number, mask);
        break;
    case TIDE_OPERATION_AT_LEAST:
        run_range(machine, column, operation->number, INT64_MAX, mask);
        break;
    case TIDE_OPERATION_EQUAL:
        run_range(machine, column, operation->number, operation->number, mask);
        break;
    case TIDE_OPERATION_NOT_EQUAL:
        run_not_equal(machine, operation, mask);
        break;
    case TIDE_OPERATION_IN:
        run_in(machine, operation, mask);
        break;
    case TIDE_OPERATION_TEXT_LESS:
    case TIDE_OPERATION_TEXT_AT_MOST:
    case TIDE_OPERATION_TEXT_GREATER:
    case TIDE_OPERATION_TEXT_AT_LEAST:
    case TIDE_OPERATION_TEXT_EQUAL:
    case TIDE_OPERATION_TEXT_NOT_EQUAL:
    case TIDE_OPERATION_TEXT_IN:
        run_text(machine, operation, mask);
        break;
    case TIDE_OPERATION_AND:
    case TIDE_OPERATION_OR:
    case TIDE_OPERATION_NOT:
        tide_assert(false);
        break;
    }
}

/* Pops the right mask and combines it into the left one. */
static void run_pair(struct machine *machine, bool is_and)
{
    tide_assert(machine->depth >= 2);
    machine->depth--;
    uint8_t *left = machine->masks[machine->depth - 1];
    const uint8_t *right = machine->masks[machine->depth];
    for (uint32_t i = 0; i < machine->count; i++) {
        left[i] = is_and ? left[i] & right[i] : left[i] | right[i];
    }
}

static void run(struct machine *machine, const struct tide_operation *operation)
{
    if (operation->kind == TIDE_OPERATION_AND || operation->kind == TIDE_OPERATION_OR) {
        run_pair(machine, operation->kind == TIDE_OPERATION_AND);
    } else if (operation->kind == TIDE_OPERATION_NOT) {
        tide_assert(machine->depth >= 1);
        uint8_t *mask = machine->masks[machine->depth - 1];
        for (uint32_t i = 0; i < machine->count; i++) {
            mask[i] ^= 1;
        }
    } else {
        tide_assert(machine->depth < TIDE_EXPRESSION_STACK_MAX);
        run_leaf(machine, operation, machine->masks[machine->depth++]);
    }
    const uint32_t top = machine->depth - 1;
    machine->holds[top] = count_of(machine->masks[top], machine->count);
}

/* Leaves the mask of the whole expression at the bottom of the stack. */
static void run_chunk(struct machine *machine, const struct tide_expression *expression)
{
    machine->depth = 0;
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        run(machine, &expression->operations[i]);
        const struct tide_operation *done = &expression->operations[i];
        while (done->skip_to != 0 &&
               machine->holds[machine->depth - 1] == (done->skip_if_all ? machine->count : 0)) {
            i = done->skip_to; /* the left mask is the result already */
            done = &expression->operations[i];
        }
    }
    tide_assert(machine->depth == 1);
}

uint32_t tide_expression_select(const struct tide_expression *expression,
                                const struct tide_batch *batch,
                                uint32_t *rows,
                                uint32_t row_count)
{
    tide_assert(batch->schema == expression->schema);
    struct machine machine = {.batch = batch};
    uint32_t kept = 0;
    for (uint32_t first = 0; first < row_count; first += CHUNK) {
        machine.rows = rows + first;
        machine.count = row_count - first < CHUNK ? row_count - first : CHUNK;
        run_chunk(&machine, expression);
        for (uint32_t i = 0; i < machine.count; i++) { /* kept <= first + i: in place is safe */
            rows[kept] = machine.rows[i];
            kept += machine.masks[0][i];
        }
    }
    return kept;
}

static bool is_leaf(const struct tide_operation *operation)
{
    return operation->kind != TIDE_OPERATION_AND && operation->kind != TIDE_OPERATION_OR &&
           operation->kind != TIDE_OPERATION_NOT;
}

void tide_expression_columns(const struct tide_expression *expression, bool *used)
{
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        if (is_leaf(&expression->operations[i])) {
            used[expression->operations[i].column] = true;
        }
    }
}

static void encode_view(struct tide_view view, struct tide_bytes *bytes)
{
    tide_assert(view.size <= UINT32_MAX);
    tide_bytes_append_u32(bytes, (uint32_t)view.size);
    tide_bytes_append_view(bytes, view);
}

/* Columns by name: their index is an accident of the schema file. */
void tide_expression_encode(const struct tide_expression *expression, struct tide_bytes *bytes)
{
    tide_bytes_append_u32(bytes, expression->operation_count);
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        const struct tide_operation *operation = &expression->operations[i];
        tide_bytes_append_byte(bytes, (char)operation->kind);
        if (!is_leaf(operation)) {
            continue;
        }
        encode_view(expression->schema->columns[operation->column].name, bytes);
        tide_bytes_append_u64(bytes, (uint64_t)operation->number);
        encode_view(operation->text, bytes);
        tide_bytes_append_u32(bytes, operation->list_count);
        for (uint32_t k = 0; k < operation->list_count; k++) {
            if (operation->kind == TIDE_OPERATION_IN) {
                tide_bytes_append_u64(bytes, (uint64_t)operation->numbers[k]);
            } else {
                encode_view(operation->texts[k], bytes);
            }
        }
    }
}
