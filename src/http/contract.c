#include "http/contract.h"

#include "base/assert.h"
#include "base/civil.h"
#include "base/diagnostic.h"
#include "base/digits.h"
#include "http/server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    CLIP_BYTES = 100,
    DATE_SIZE = 10,
    DIGITS_MAX = 18,
    PARAMETERS_MAX = 32, /* of one contract */
};

struct check {
    const struct tide_http_contract *contract;
    bool seen[PARAMETERS_MAX];
    bool is_bad;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct check *check,
                                                         const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(check->why, check->why_size, format, arguments);
    va_end(arguments);
    check->is_bad = true;
}

static struct tide_view clip(struct tide_view text)
{
    return tide_view_slice(text, 0, text.size < CLIP_BYTES ? text.size : CLIP_BYTES);
}

/* ---- types */

bool tide_http_parse_date(struct tide_view text, struct tide_instant *instant)
{
    static const char midnight[] = "T00:00:00Z";
    char whole[DATE_SIZE + sizeof(midnight)];
    if (text.size != DATE_SIZE) {
        return false;
    }
    memcpy(whole, text.data, DATE_SIZE);
    memcpy(whole + DATE_SIZE, midnight, sizeof(midnight));
    return tide_civil_parse(tide_view_of(whole), instant);
}

bool tide_http_parse_time(struct tide_view text, struct tide_instant *instant)
{
    return tide_http_parse_date(text, instant) || tide_civil_parse(text, instant);
}

bool tide_http_parse_whole(struct tide_view text, uint64_t *number)
{
    return text.size <= DIGITS_MAX && tide_digits_parse(text, number);
}

static bool is_choice(const struct tide_http_parameter *parameter, struct tide_view text)
{
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        if (tide_view_equal(text, tide_view_of(*choice))) {
            return true;
        }
    }
    return false;
}

static void refuse_choice(struct check *check,
                          const struct tide_http_parameter *parameter,
                          struct tide_view text)
{
    char list[128] = "";
    size_t size = 0;
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++) {
        const int more =
            snprintf(list + size, sizeof(list) - size, "%s%s", size == 0 ? "" : ", ", *choice);
        tide_assert(more > 0 && size + (size_t)more < sizeof(list));
        size += (size_t)more;
    }
    refuse(check, "%s '%.*s' is none of: %s", parameter->name, TIDE_VIEW_ARGUMENTS(text), list);
}

static void check_value(struct check *check,
                        const struct tide_http_parameter *parameter,
                        struct tide_view value)
{
    const struct tide_view shown = clip(value);
    struct tide_instant instant;
    uint64_t number = 0;
    switch (parameter->type) {
    case TIDE_HTTP_TEXT:
        break;
    case TIDE_HTTP_CHOICE:
        if (!is_choice(parameter, value)) {
            refuse_choice(check, parameter, shown);
        }
        break;
    case TIDE_HTTP_WHOLE:
        if (!tide_http_parse_whole(value, &number) || number < parameter->min ||
            number > parameter->max) {
            refuse(check,
                   "%s '%.*s' is no whole number from %" PRIu64 " to %" PRIu64,
                   parameter->name,
                   TIDE_VIEW_ARGUMENTS(shown),
                   parameter->min,
                   parameter->max);
        }
        break;
    case TIDE_HTTP_DATE:
        if (!tide_http_parse_date(value, &instant)) {
            refuse(check,
                   "%s '%.*s' is not a date (2026-03-08)",
                   parameter->name,
                   TIDE_VIEW_ARGUMENTS(shown));
        }
        break;
    case TIDE_HTTP_TIME:
        if (!tide_http_parse_time(value, &instant)) {
            refuse(check,
                   "%s '%.*s' is neither a date (2026-03-08) nor a time (2026-03-08T12:00:00Z)",
                   parameter->name,
                   TIDE_VIEW_ARGUMENTS(shown));
        }
        break;
    }
}

/* ---- the query */

static const struct tide_http_parameter *parameter_at(const struct check *check, size_t i)
{
    const struct tide_http_parameter *const *parameters = check->contract->parameters;
    return parameters == NULL ? NULL : parameters[i];
}

static void refuse_unknown(struct check *check, struct tide_view name)
{
    struct tide_view names[PARAMETERS_MAX];
    size_t count = 0;
    const struct tide_http_parameter *parameter;
    for (size_t i = 0; (parameter = parameter_at(check, i)) != NULL; i++) {
        if (parameter->place == TIDE_HTTP_QUERY) {
            names[count++] = tide_view_of(parameter->name);
        }
    }
    const struct tide_view near = tide_nearest(name, names, count);
    const struct tide_view shown = clip(name);
    if (near.size > 0) {
        refuse(check,
               "unknown parameter '%.*s'; did you mean '%.*s'?",
               TIDE_VIEW_ARGUMENTS(shown),
               TIDE_VIEW_ARGUMENTS(near));
    } else {
        refuse(check, "unknown parameter '%.*s'", TIDE_VIEW_ARGUMENTS(shown));
    }
}

static void check_one(void *context, struct tide_view name, struct tide_view value)
{
    struct check *check = context;
    const struct tide_http_parameter *parameter;
    size_t i = 0;
    if (check->is_bad) {
        return; /* the first that is bad is told */
    }
    while ((parameter = parameter_at(check, i)) != NULL &&
           !(parameter->place == TIDE_HTTP_QUERY &&
             tide_view_equal(name, tide_view_of(parameter->name)))) {
        i++;
    }
    if (parameter == NULL) {
        refuse_unknown(check, name);
        return;
    }
    tide_assert(i < PARAMETERS_MAX);
    if (check->seen[i]) {
        refuse(check, "parameter '%s' stands twice", parameter->name);
        return;
    }
    check->seen[i] = true;
    check_value(check, parameter, value);
}

bool tide_http_contract_check(const struct tide_http_contract *contract,
                              const struct tide_http_exchange *exchange,
                              char *why,
                              size_t why_size)
{
    struct check check = {.contract = contract, .why = why, .why_size = why_size};
    const struct tide_http_parameter *parameter;
    if (contract->ignores_queries) {
        return true;
    }
    tide_http_query_visit(exchange, check_one, &check);
    for (size_t i = 0; !check.is_bad && (parameter = parameter_at(&check, i)) != NULL; i++) {
        if (parameter->is_required && parameter->place == TIDE_HTTP_QUERY && !check.seen[i]) {
            refuse(&check, "parameter '%s' is missing", parameter->name);
        }
    }
    return !check.is_bad;
}
