/* The schema of facts grows while the condition is parsed: each fact that is named first becomes a
 * column. */
#include "metric/having.h"

#include "base/assert.h"
#include "metric/column.h"
#include "metric/expression_program.h"

#include "base/banned.h"

struct parser {
    struct tide_arena *arena;
    const struct tide_schema *events;
    struct tide_schema *facts; /* the one that having->facts is */
    struct tide_having *having;
    struct tide_diagnostics *diagnostics;
};

/* The text that is the fact's name and its SQL; data NULL: out of memory. */
static struct tide_view fact_sql(struct parser *parser, uint32_t column)
{
    struct tide_bytes sql = {0};
    if (column == TIDE_COLUMN_NONE) {
        tide_bytes_append_text(&sql, "COUNT(*)");
    } else {
        tide_bytes_append_format(&sql,
                                 "COUNT(DISTINCT %.*s)",
                                 TIDE_VIEW_ARGUMENTS(parser->events->columns[column].name));
    }
    const struct tide_view copy = tide_arena_copy(parser->arena, tide_bytes_view(&sql));
    tide_bytes_release(&sql);
    return copy;
}

static uint32_t add_fact(struct parser *parser, uint32_t column, struct tide_position position)
{
    struct tide_having *having = parser->having;
    for (uint32_t i = 0; i < having->fact_count; i++) {
        if (having->columns[i] == column) {
            return i;
        }
    }
    const struct tide_view sql = fact_sql(parser, column);
    if (sql.data == NULL) {
        tide_diagnostics_error(parser->diagnostics, position, "out of memory");
        return TIDE_COLUMN_NONE;
    }
    if (having->fact_count == TIDE_FACTS_MAX) {
        tide_diagnostics_error(
            parser->diagnostics, position, "'having' looks at more than %d facts", TIDE_FACTS_MAX);
        return TIDE_COLUMN_NONE;
    }
    const uint32_t fact = having->fact_count++;
    having->columns[fact] = column;
    parser->facts->columns[fact] = (struct tide_column){.name = sql, .type = TIDE_TYPE_INT};
    parser->facts->column_count = having->fact_count;
    parser->facts->path_column_count = having->fact_count;
    return fact;
}

static uint32_t resolve(void *context, const struct tide_fact_name *fact)
{
    struct parser *parser = context;
    const bool is_count = tide_view_equal(fact->name, TIDE_VIEW("count"));
    if (!is_count && !tide_view_equal(fact->name, TIDE_VIEW("distinct"))) {
        tide_diagnostics_error(parser->diagnostics,
                               fact->position,
                               "'having' knows count() and distinct(column) only");
        return TIDE_COLUMN_NONE;
    }
    if (is_count && fact->argument.size > 0) {
        tide_diagnostics_error(parser->diagnostics,
                               fact->argument_position,
                               "count() is of events and takes no column; write count(), or "
                               "distinct(%.*s)",
                               TIDE_VIEW_ARGUMENTS(fact->argument));
        return TIDE_COLUMN_NONE;
    }
    if (is_count) {
        return add_fact(parser, TIDE_COLUMN_NONE, fact->position);
    }
    if (fact->argument.size == 0) {
        tide_diagnostics_error(
            parser->diagnostics, fact->position, "distinct needs a column: distinct(column)");
        return TIDE_COLUMN_NONE;
    }
    const uint32_t column = tide_column_find(
        parser->events, fact->argument, fact->argument_position, parser->diagnostics);
    return column == TIDE_COLUMN_NONE ? column : add_fact(parser, column, fact->position);
}

const struct tide_having *tide_having_parse(struct tide_arena *arena,
                                            const struct tide_schema *schema,
                                            struct tide_view text,
                                            struct tide_position position,
                                            struct tide_diagnostics *diagnostics)
{
    struct tide_having *having = TIDE_ARENA_NEW(arena, struct tide_having);
    struct tide_schema *facts = TIDE_ARENA_NEW(arena, struct tide_schema);
    struct tide_column *columns = TIDE_ARENA_ARRAY(arena, struct tide_column, TIDE_FACTS_MAX);
    if (having == NULL || facts == NULL || columns == NULL) {
        tide_diagnostics_error(diagnostics, position, "out of memory");
        return NULL;
    }
    facts->columns = columns;
    having->facts = facts;
    struct parser parser = {arena, schema, facts, having, diagnostics};
    const struct tide_expression_facts names = {resolve, &parser};
    having->expression =
        tide_expression_parse_facts(arena, facts, &names, text, position, diagnostics);
    return having->expression == NULL ? NULL : having;
}
