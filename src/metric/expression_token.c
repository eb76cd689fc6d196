/* One token at a time, without state: the parser keeps where it is. */
#include "metric/expression_token.h"

#include "base/assert.h"
#include "base/digits.h"
#include "base/utf8.h"

#include <string.h>

#include "base/banned.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_name_start(c) || tide_is_digit(c) || c == '.';
}

/* The byte at index, or '\0' behind the end. */
static char at(struct tide_view text, size_t index)
{
    if (index < text.size) {
        return text.data[index];
    }
    return '\0';
}

static struct tide_token make(struct tide_view text,
                              enum tide_token_kind kind,
                              size_t start,
                              size_t end)
{
    return (struct tide_token){kind, start, tide_view_slice(text, start, end - start), NULL};
}

static struct tide_token bad(struct tide_view text, size_t start, size_t end, const char *problem)
{
    struct tide_token token = make(text, TIDE_TOKEN_BAD, start, end);
    token.problem = problem;
    return token;
}

static struct tide_token read_name(struct tide_view text, size_t start)
{
    size_t end = start;
    while (is_name(at(text, end))) {
        end++;
    }
    return make(text, TIDE_TOKEN_NAME, start, end);
}

static struct tide_token read_number(struct tide_view text, size_t start)
{
    size_t end = start + (text.data[start] == '-');
    while (tide_is_digit(at(text, end))) {
        end++;
    }
    if (at(text, end) == '.' && tide_is_digit(at(text, end + 1))) {
        for (end++; tide_is_digit(at(text, end));) {
            end++;
        }
    }
    if (!is_name(at(text, end))) {
        return make(text, TIDE_TOKEN_NUMBER, start, end);
    }
    const bool has_exponent = at(text, end) == 'e' || at(text, end) == 'E';
    while (is_name(at(text, end))) {
        end++;
    }
    return bad(text,
               start,
               end,
               has_exponent ? "a number is written without exponent" : "this is not a number");
}

static struct tide_token read_string(struct tide_view text, size_t start)
{
    for (size_t end = start + 1; end < text.size; end++) {
        if (text.data[end] == '"') {
            return make(text, TIDE_TOKEN_STRING, start, end + 1);
        }
        end += text.data[end] == '\\';
    }
    return bad(text, start, text.size, "the string has no closing '\"'");
}

/* What other languages write, and what to write here. */
static const struct {
    struct tide_view text;
    const char *problem;
} foreign[] = {
    {{"&&", 2}, "'&&' is written 'and'"},
    {{"||", 2}, "'||' is written 'or'"},
    {{"<>", 2}, "'<>' is written '!='"},
    {{"=", 1}, "'=' is written '=='"},
    {{"!", 1}, "'!' is written 'not'"},
    {{"'", 1}, "a string is written in double quotes"},
};

static const struct {
    struct tide_view text;
    enum tide_token_kind kind;
} symbols[] = {
    {{"==", 2}, TIDE_TOKEN_COMPARISON},
    {{"!=", 2}, TIDE_TOKEN_COMPARISON},
    {{"<=", 2}, TIDE_TOKEN_COMPARISON},
    {{">=", 2}, TIDE_TOKEN_COMPARISON},
    {{"<", 1}, TIDE_TOKEN_COMPARISON},
    {{">", 1}, TIDE_TOKEN_COMPARISON},
    {{"(", 1}, TIDE_TOKEN_OPEN},
    {{")", 1}, TIDE_TOKEN_CLOSE},
    {{"[", 1}, TIDE_TOKEN_LIST_OPEN},
    {{"]", 1}, TIDE_TOKEN_LIST_CLOSE},
    {{",", 1}, TIDE_TOKEN_COMMA},
};

static bool is_not_equal_of_sql(struct tide_view rest)
{
    return tide_view_starts_with(rest, TIDE_VIEW("<>"));
}

static struct tide_token read_symbol(struct tide_view text, size_t start)
{
    const struct tide_view rest = tide_view_slice(text, start, text.size - start);
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (tide_view_starts_with(rest, symbols[i].text) && !is_not_equal_of_sql(rest)) {
            return make(text, symbols[i].kind, start, start + symbols[i].text.size);
        }
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (tide_view_starts_with(rest, foreign[i].text)) {
            return bad(text, start, start + foreign[i].text.size, foreign[i].problem);
        }
    }
    size_t end = start + 1; /* a whole character of UTF-8 */
    while (end < text.size && tide_utf8_is_continuation(text.data[end])) {
        end++;
    }
    return bad(text, start, end, "this character has no meaning in a condition");
}

struct tide_token tide_token_next(struct tide_view text, size_t start)
{
    tide_assert(start <= text.size);
    while (start < text.size && is_space(text.data[start])) {
        start++;
    }
    if (start == text.size) {
        return (struct tide_token){TIDE_TOKEN_END, start, {"", 0}, NULL};
    }
    const char first = text.data[start];
    if (is_name_start(first)) {
        return read_name(text, start);
    }
    if (tide_is_digit(first) || (first == '-' && tide_is_digit(at(text, start + 1)))) {
        return read_number(text, start);
    }
    return first == '"' ? read_string(text, start) : read_symbol(text, start);
}

/* Walks the file's text in step with the scalar's value. */
struct walk {
    const char *at;
    const char *end;
    uint32_t line;
    uint32_t column;
};

static void step(struct walk *walk)
{
    walk->column = *walk->at == '\n' ? 1 : walk->column + 1;
    walk->line += *walk->at == '\n';
    walk->at++;
}

/* Past what stands for one byte of the value; false: it cannot be followed. */
static bool step_value(struct walk *walk, char quote, char value)
{
    if (walk->at < walk->end && (*walk->at == '\n' || *walk->at == '\r')) {
        while (walk->at < walk->end && is_space(*walk->at)) { /* a fold stands for one space */
            step(walk);
        }
        return value == ' ';
    }
    if (walk->at >= walk->end || *walk->at != value || (quote == '"' && value == '\\')) {
        return false;
    }
    step(walk);
    if (quote == '\'' && value == '\'') { /* '' */
        if (walk->at >= walk->end || *walk->at != '\'') {
            return false;
        }
        step(walk);
    }
    return true;
}

static bool find_start(const struct tide_source *source,
                       struct tide_position scalar,
                       struct walk *walk)
{
    const char *data = source->text.data;
    size_t start = 0;
    for (uint32_t line = 1; line < scalar.line; line++) {
        const char *feed = memchr(data + start, '\n', source->text.size - start);
        if (feed == NULL) {
            return false;
        }
        start = (size_t)(feed - data) + 1;
    }
    if (scalar.column == 0 || scalar.column - 1 > source->text.size - start) {
        return false;
    }
    *walk = (struct walk){
        .at = data + start + scalar.column - 1,
        .end = data + source->text.size,
        .line = scalar.line,
        .column = scalar.column,
    };
    return true;
}

struct tide_position tide_token_position(struct tide_position scalar,
                                         struct tide_view text,
                                         size_t start,
                                         size_t size)
{
    struct walk walk = {0};
    if (scalar.source == NULL || scalar.source->text.size == 0 ||
        !find_start(scalar.source, scalar, &walk) || walk.at >= walk.end) {
        return scalar;
    }
    char quote = '\0';
    if (*walk.at == '\'' || *walk.at == '"') {
        quote = *walk.at;
        step(&walk);
    }
    for (size_t i = 0; i < start; i++) {
        if (!step_value(&walk, quote, text.data[i])) {
            return scalar;
        }
    }
    return (struct tide_position){
        .source = scalar.source,
        .line = walk.line,
        .column = walk.column,
        .size = size == 0 ? 1 : (uint32_t)size,
    };
}
