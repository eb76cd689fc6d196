/* The operations as SQL: each comparison in COALESCE(..., FALSE), so that no null comes out. */
#include "metric/expression_program.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "metric/sql.h"

#include "base/banned.h"

enum {
    DECIMAL_PLACES = 6
};

struct writer {
    const struct tide_expression *expression;
    struct tide_bytes *sql;
};

static void write_name(const struct writer *writer, uint32_t column)
{
    tide_bytes_append_view(writer->sql, writer->expression->schema->columns[column].name);
}

static void write_number(const struct writer *writer, uint32_t column, int64_t number)
{
    const enum tide_type type = writer->expression->schema->columns[column].type;
    if (type == TIDE_TYPE_BOOL) {
        tide_bytes_append_text(writer->sql, number != 0 ? "TRUE" : "FALSE");
        return;
    }
    char text[TIDE_DECIMAL_TEXT_MAX];
    const unsigned places = type == TIDE_TYPE_DECIMAL ? DECIMAL_PLACES : 0;
    tide_bytes_append(writer->sql, text, tide_decimal_format(number, places, text));
}

static void write_list(const struct writer *writer, const struct tide_operation *operation)
{
    tide_bytes_append_text(writer->sql, " IN (");
    for (uint32_t i = 0; i < operation->list_count; i++) {
        if (i > 0) {
            tide_bytes_append_text(writer->sql, ", ");
        }
        if (operation->kind == TIDE_OPERATION_IN) {
            write_number(writer, operation->column, operation->numbers[i]);
        } else {
            tide_sql_literal(operation->texts[i], writer->sql);
        }
    }
    tide_bytes_append_byte(writer->sql, ')');
}

/* " >= " and its kin; "" for what is not a comparison with one value. */
static const char *sign_of(enum tide_operation_kind kind)
{
    switch (kind) {
    case TIDE_OPERATION_AT_MOST:
    case TIDE_OPERATION_TEXT_AT_MOST:
        return " <= ";
    case TIDE_OPERATION_AT_LEAST:
    case TIDE_OPERATION_TEXT_AT_LEAST:
        return " >= ";
    case TIDE_OPERATION_TEXT_LESS:
        return " < ";
    case TIDE_OPERATION_TEXT_GREATER:
        return " > ";
    case TIDE_OPERATION_EQUAL:
    case TIDE_OPERATION_TEXT_EQUAL:
        return " = ";
    case TIDE_OPERATION_NOT_EQUAL:
    case TIDE_OPERATION_TEXT_NOT_EQUAL:
        return " <> ";
    case TIDE_OPERATION_AND:
    case TIDE_OPERATION_OR:
    case TIDE_OPERATION_NOT:
    case TIDE_OPERATION_IS_NULL:
    case TIDE_OPERATION_ANY:
    case TIDE_OPERATION_NEVER:
    case TIDE_OPERATION_IN:
    case TIDE_OPERATION_TEXT_IN:
        break;
    }
    return "";
}

static void write_comparison(const struct writer *writer, const struct tide_operation *operation)
{
    const enum tide_type type = writer->expression->schema->columns[operation->column].type;
    tide_bytes_append_text(writer->sql, "COALESCE(");
    write_name(writer, operation->column);
    if (operation->kind == TIDE_OPERATION_IN || operation->kind == TIDE_OPERATION_TEXT_IN) {
        write_list(writer, operation);
    } else if (type == TIDE_TYPE_BOOL && operation->number != 0) {
        tide_assert(operation->kind == TIDE_OPERATION_EQUAL); /* the name alone says it */
    } else {
        tide_bytes_append_text(writer->sql, sign_of(operation->kind));
        if (type == TIDE_TYPE_STRING) {
            tide_sql_literal(operation->text, writer->sql);
        } else {
            write_number(writer, operation->column, operation->number);
        }
    }
    tide_bytes_append_text(writer->sql, ", FALSE)");
}

static void write_leaf(const struct writer *writer, const struct tide_operation *operation)
{
    if (operation->kind == TIDE_OPERATION_NEVER) {
        tide_bytes_append_text(writer->sql, "FALSE");
    } else if (operation->kind == TIDE_OPERATION_IS_NULL || operation->kind == TIDE_OPERATION_ANY) {
        write_name(writer, operation->column);
        tide_bytes_append_text(writer->sql,
                               operation->kind == TIDE_OPERATION_ANY ? " IS NOT NULL" : " IS NULL");
    } else {
        write_comparison(writer, operation);
    }
}

/* A chain of one connective is written without inner parentheses. The depth of the recursion is
 * bounded by TIDE_EXPRESSION_NODES_MAX. */
static void write_node(const struct writer *writer, uint32_t index, enum tide_operation_kind around)
{
    const struct tide_operation *operation = &writer->expression->operations[index];
    if (operation->kind == TIDE_OPERATION_NOT) {
        tide_bytes_append_text(writer->sql, "(NOT ");
        write_node(writer, index - 1, TIDE_OPERATION_NOT);
        tide_bytes_append_byte(writer->sql, ')');
        return;
    }
    if (operation->kind != TIDE_OPERATION_AND && operation->kind != TIDE_OPERATION_OR) {
        write_leaf(writer, operation);
        return;
    }
    const uint32_t right_size = writer->expression->operations[index - 1].size;
    tide_assert(operation->size > right_size + 1);
    const bool is_and = operation->kind == TIDE_OPERATION_AND;
    const bool is_inner = around == operation->kind;
    tide_bytes_append_text(writer->sql, is_inner ? "" : "(");
    write_node(writer, index - 1 - right_size, operation->kind);
    tide_bytes_append_text(writer->sql, is_and ? " AND " : " OR ");
    write_node(writer, index - 1, operation->kind);
    tide_bytes_append_text(writer->sql, is_inner ? "" : ")");
}

void tide_expression_sql(const struct tide_expression *expression, struct tide_bytes *sql)
{
    tide_assert(expression->operation_count > 0);
    const struct writer writer = {expression, sql};
    write_node(&writer, expression->operation_count - 1, TIDE_OPERATION_NOT);
}
