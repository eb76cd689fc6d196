/* Values to try become the rows of a batch, every combination of those of the columns that are
 * looked at, and the conditions run over it as they run over events. */
#include "metric/expression_truth.h"

#include "base/assert.h"
#include "metric/expression_program.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    ROWS_MAX = 4096,
    WORK_MAX = 1 << 20, /* rows times operations */
    ARENA_BYTES_MAX = 8 << 20
};
#define DECIMAL_MAX INT64_C(999999999999999999)

struct domain { /* of a column: what is tried */
    bool is_used;
    bool has_null;
    int64_t *numbers;
    struct tide_view *texts;
    uint32_t count; /* of numbers or texts */
};

struct trial {
    struct tide_arena arena;
    const struct tide_schema *schema;
    const struct tide_having *having; /* NULL: columns are those of events */
    const struct tide_expression *const *expressions;
    uint32_t expression_count;
    struct domain *domains; /* by column */
    struct tide_batch batch;
    uint32_t *rows;
    uint32_t operation_count;
};

/* ---- what is tried of a column */

static bool is_leaf_of(const struct tide_operation *operation, uint32_t column)
{
    return operation->kind != TIDE_OPERATION_AND && operation->kind != TIDE_OPERATION_OR &&
           operation->kind != TIDE_OPERATION_NOT && operation->column == column;
}

/* An empty id or entity is null, whatever is required. */
static bool is_nameless(const struct tide_schema *schema, uint32_t column)
{
    return column == schema->id || column == schema->entity;
}

static bool may_be_null(const struct trial *trial, uint32_t column)
{
    const struct tide_schema *schema = trial->schema;
    const struct tide_column *c = &schema->columns[column];
    if (trial->having != NULL) {
        return false;
    }
    if (c->derived) {
        return !c->has_default || may_be_null(trial, c->from);
    }
    return !c->required || is_nameless(schema, column);
}

static void add_number(struct domain *domain, int64_t number, int64_t low, int64_t high)
{
    if (number >= low && number <= high) {
        domain->numbers[domain->count++] = number;
    }
}

/* The constant and its neighbours. */
static void add_around(struct domain *domain, int64_t number, int64_t low, int64_t high)
{
    add_number(domain, number, low, high);
    if (number > INT64_MIN) {
        add_number(domain, number - 1, low, high);
    }
    if (number < INT64_MAX) {
        add_number(domain, number + 1, low, high);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int compare_texts(const void *a, const void *b)
{
    return tide_view_compare(*(const struct tide_view *)a, *(const struct tide_view *)b);
}

static void find_range(const struct trial *trial, uint32_t column, int64_t *low, int64_t *high)
{
    const enum tide_type type = trial->schema->columns[column].type;
    *low = INT64_MIN;
    *high = INT64_MAX;
    if (type == TIDE_TYPE_BOOL) {
        *low = 0;
        *high = 1;
    } else if (type == TIDE_TYPE_DECIMAL) {
        *low = -DECIMAL_MAX;
        *high = DECIMAL_MAX;
    }
    if (trial->having != NULL) { /* count() is of events, of which there is one */
        *low = trial->having->columns[column] == TIDE_COLUMN_NONE ? 1 : 0;
    }
}

/* constant_count: of all leaves on the column. false: out of memory. */
static bool try_numbers(struct trial *trial, uint32_t column, size_t constant_count)
{
    struct domain *domain = &trial->domains[column];
    int64_t low;
    int64_t high;
    find_range(trial, column, &low, &high);
    domain->numbers = TIDE_ARENA_ARRAY(&trial->arena, int64_t, 3 * constant_count + 2);
    if (domain->numbers == NULL) {
        return false;
    }
    add_number(domain, low, low, high);
    add_number(domain, high, low, high);
    for (uint32_t e = 0; e < trial->expression_count; e++) {
        const struct tide_expression *expression = trial->expressions[e];
        for (uint32_t i = 0; i < expression->operation_count; i++) {
            const struct tide_operation *operation = &expression->operations[i];
            if (!is_leaf_of(operation, column)) {
                continue;
            }
            if (operation->kind == TIDE_OPERATION_IN) {
                for (uint32_t k = 0; k < operation->list_count; k++) {
                    add_around(domain, operation->numbers[k], low, high);
                }
            } else {
                add_around(domain, operation->number, low, high);
            }
        }
    }
    qsort(domain->numbers, domain->count, sizeof(*domain->numbers), compare_numbers);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < domain->count; i++) {
        if (kept == 0 || domain->numbers[kept - 1] != domain->numbers[i]) {
            domain->numbers[kept++] = domain->numbers[i];
        }
    }
    domain->count = kept;
    return true;
}

/* The text, and the least one that is greater. */
static bool add_text(struct trial *trial, struct domain *domain, struct tide_view text)
{
    char *next = tide_arena_allocate_text(&trial->arena, text.size + 1);
    if (next == NULL) {
        return false;
    }
    if (text.size > 0) {
        memcpy(next, text.data, text.size);
    }
    next[text.size] = '\0';
    domain->texts[domain->count++] = text;
    domain->texts[domain->count++] = (struct tide_view){next, text.size + 1};
    return true;
}

static void keep_different(struct domain *domain, bool is_empty_null)
{
    uint32_t kept = 0;
    qsort(domain->texts, domain->count, sizeof(*domain->texts), compare_texts);
    for (uint32_t i = 0; i < domain->count; i++) {
        const struct tide_view text = domain->texts[i];
        if ((text.size > 0 || !is_empty_null) &&
            (kept == 0 || !tide_view_equal(domain->texts[kept - 1], text))) {
            domain->texts[kept++] = text;
        }
    }
    domain->count = kept;
}

static bool try_texts(struct trial *trial, uint32_t column, size_t constant_count)
{
    struct domain *domain = &trial->domains[column];
    bool has_memory = true;
    domain->texts = TIDE_ARENA_ARRAY(&trial->arena, struct tide_view, 2 * constant_count + 2);
    if (domain->texts == NULL) {
        return false;
    }
    has_memory = add_text(trial, domain, TIDE_VIEW(""));
    for (uint32_t e = 0; e < trial->expression_count; e++) {
        const struct tide_expression *expression = trial->expressions[e];
        for (uint32_t i = 0; i < expression->operation_count; i++) {
            const struct tide_operation *operation = &expression->operations[i];
            if (!is_leaf_of(operation, column)) {
                continue;
            }
            if (operation->kind != TIDE_OPERATION_TEXT_IN) {
                has_memory = has_memory && add_text(trial, domain, operation->text);
                continue;
            }
            for (uint32_t k = 0; has_memory && k < operation->list_count; k++) {
                has_memory = add_text(trial, domain, operation->texts[k]);
            }
        }
    }
    keep_different(domain, is_nameless(trial->schema, column));
    return has_memory;
}

/* What it is derived to, and nothing else. */
static bool try_derived(struct trial *trial, uint32_t column)
{
    const struct tide_column *c = &trial->schema->columns[column];
    struct domain *domain = &trial->domains[column];
    domain->texts = TIDE_ARENA_ARRAY(&trial->arena, struct tide_view, c->glob_count + 1);
    if (domain->texts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < c->glob_count; i++) {
        domain->texts[domain->count++] = c->globs[i].value;
    }
    if (c->has_default) {
        domain->texts[domain->count++] = c->fallback;
    }
    keep_different(domain, false);
    return true;
}

static bool fill_domain(struct trial *trial, uint32_t column)
{
    const struct tide_column *c = &trial->schema->columns[column];
    struct domain *domain = &trial->domains[column];
    size_t constant_count = 0;
    for (uint32_t e = 0; e < trial->expression_count; e++) {
        const struct tide_expression *expression = trial->expressions[e];
        for (uint32_t i = 0; i < expression->operation_count; i++) {
            if (is_leaf_of(&expression->operations[i], column)) {
                domain->is_used = true;
                constant_count += 1 + expression->operations[i].list_count;
            }
        }
    }
    if (!domain->is_used) {
        return true;
    }
    domain->has_null = may_be_null(trial, column);
    if (c->derived) {
        return try_derived(trial, column);
    }
    return c->type == TIDE_TYPE_STRING ? try_texts(trial, column, constant_count)
                                       : try_numbers(trial, column, constant_count);
}

/* ---- every combination as a row */

/* 0: there are too many. */
static uint32_t count_rows(const struct trial *trial)
{
    uint64_t count = 1;
    for (uint32_t column = 0; column < trial->schema->column_count; column++) {
        const struct domain *domain = &trial->domains[column];
        if (domain->is_used) {
            count *= domain->count + (domain->has_null ? 1 : 0);
        }
        if (count > ROWS_MAX) {
            return 0;
        }
    }
    return count * trial->operation_count > WORK_MAX ? 0 : (uint32_t)count;
}

/* Runs of `stride` rows have the same value. */
static bool fill_column(struct trial *trial, uint32_t column, uint32_t stride)
{
    const struct domain *domain = &trial->domains[column];
    const uint32_t count = trial->batch.row_count;
    const uint32_t choices = domain->count + (domain->has_null ? 1 : 0);
    struct tide_vector *vector = &trial->batch.columns[column];
    vector->present = TIDE_ARENA_ARRAY(&trial->arena, uint8_t, count);
    if (domain->texts != NULL) {
        vector->strings = TIDE_ARENA_ARRAY(&trial->arena, struct tide_view, count);
    } else {
        vector->numbers = TIDE_ARENA_ARRAY(&trial->arena, int64_t, count);
    }
    if (vector->present == NULL || (vector->strings == NULL && vector->numbers == NULL)) {
        return false;
    }
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t choice = row / stride % choices;
        vector->present[row] = choice < domain->count;
        if (vector->present[row] && vector->strings != NULL) {
            vector->strings[row] = domain->texts[choice];
        } else if (vector->present[row]) {
            vector->numbers[row] = domain->numbers[choice];
        }
    }
    return true;
}

static bool make_batch(struct trial *trial)
{
    const uint32_t column_count = trial->schema->column_count;
    const uint32_t row_count = count_rows(trial);
    uint32_t stride = 1;
    if (row_count == 0) {
        return false;
    }
    trial->batch = (struct tide_batch){
        .schema = trial->schema,
        .row_count = row_count,
        .row_capacity = row_count,
        .columns = TIDE_ARENA_ARRAY(&trial->arena, struct tide_vector, column_count),
    };
    trial->rows = TIDE_ARENA_ARRAY(&trial->arena, uint32_t, row_count);
    if (trial->batch.columns == NULL || trial->rows == NULL) {
        return false;
    }
    for (uint32_t column = 0; column < column_count; column++) {
        const struct domain *domain = &trial->domains[column];
        if (domain->is_used) {
            if (!fill_column(trial, column, stride)) {
                return false;
            }
            stride *= domain->count + (domain->has_null ? 1 : 0);
        }
    }
    for (uint32_t row = 0; row < row_count; row++) {
        trial->rows[row] = row;
    }
    return true;
}

/* false: too much, or no memory. Release the arena in any case. */
static bool prepare(struct trial *trial)
{
    tide_arena_init(&trial->arena, ARENA_BYTES_MAX);
    trial->schema = trial->expressions[0]->schema;
    trial->domains = TIDE_ARENA_ARRAY(&trial->arena, struct domain, trial->schema->column_count);
    bool is_ready = trial->domains != NULL;
    for (uint32_t e = 0; e < trial->expression_count; e++) {
        tide_assert(trial->expressions[e]->schema == trial->schema);
        trial->operation_count += trial->expressions[e]->operation_count;
    }
    for (uint32_t column = 0; is_ready && column < trial->schema->column_count; column++) {
        is_ready = fill_domain(trial, column);
    }
    return is_ready && make_batch(trial);
}

/* ---- public */

static enum tide_truth find_truth(const struct tide_expression *expression,
                                  const struct tide_having *having)
{
    struct trial trial = {.having = having, .expressions = &expression, .expression_count = 1};
    enum tide_truth truth = TIDE_TRUTH_SOMETIMES;
    if (prepare(&trial)) {
        const uint32_t count = trial.batch.row_count;
        const uint32_t kept = tide_expression_select(expression, &trial.batch, trial.rows, count);
        truth = kept == 0       ? TIDE_TRUTH_NEVER
                : kept == count ? TIDE_TRUTH_ALWAYS
                                : TIDE_TRUTH_SOMETIMES;
    }
    tide_arena_release(&trial.arena);
    return truth;
}

enum tide_truth tide_expression_truth(const struct tide_expression *expression)
{
    return find_truth(expression, NULL);
}

enum tide_truth tide_having_truth(const struct tide_having *having)
{
    return find_truth(having->expression, having);
}

/* Takes the rows for which expression holds out of rows[0..count), which ascend. Returns how many
 * are left. */
static uint32_t remove_rows(const struct trial *trial,
                            const struct tide_expression *expression,
                            uint32_t *rows,
                            uint32_t count,
                            uint32_t *scratch)
{
    memcpy(scratch, rows, count * sizeof(*rows));
    const uint32_t taken_count = tide_expression_select(expression, &trial->batch, scratch, count);
    uint32_t left = 0;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (taken < taken_count && scratch[taken] == rows[i]) {
            taken++;
        } else {
            rows[left++] = rows[i];
        }
    }
    return left;
}

bool tide_expression_is_covered(const struct tide_expression *expression,
                                const struct tide_expression *const *others,
                                uint32_t count)
{
    enum {
        EXPRESSIONS_MAX = 64
    };
    const struct tide_expression *all[EXPRESSIONS_MAX];
    tide_assert(count < EXPRESSIONS_MAX);
    all[0] = expression;
    for (uint32_t i = 0; i < count; i++) {
        all[i + 1] = others[i];
    }
    struct trial trial = {.expressions = all, .expression_count = count + 1};
    bool is_covered = false;
    if (prepare(&trial)) {
        uint32_t *scratch = TIDE_ARENA_ARRAY(&trial.arena, uint32_t, trial.batch.row_count);
        uint32_t left =
            tide_expression_select(expression, &trial.batch, trial.rows, trial.batch.row_count);
        for (uint32_t i = 0; scratch != NULL && left > 0 && i < count; i++) {
            left = remove_rows(&trial, others[i], trial.rows, left, scratch);
        }
        is_covered = scratch != NULL && left == 0;
    }
    tide_arena_release(&trial.arena);
    return is_covered;
}
