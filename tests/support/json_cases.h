/* The cases of tests/data/json: texts that are not JSON, with the reason and the byte at fault, and
 * values that are, with what a column holds. How they are written stands in invalid_values.txt.
 * A file that cannot be read, or a line that is no case, ends the program. */
#ifndef TIDE_SUPPORT_JSON_CASES_H
#define TIDE_SUPPORT_JSON_CASES_H

#include "base/arena.h"
#include "event/verdict.h"

enum {
    JSON_CASE_NO_FAULT = -1
};

struct json_case {
    struct tide_view name;
    enum tide_reason reason;   /* ACCEPTED: of valid values */
    struct tide_view column;   /* of valid values, and so below */
    struct tide_view expected; /* bytes of a string, or a number in decimal */
    bool is_null;
    struct tide_view bytes;
    ptrdiff_t fault; /* in bytes, or their size: what follows is at fault */
};

struct json_cases {
    struct tide_arena arena;
    struct json_case *items;
    size_t count;
};

void json_cases_load(struct json_cases *cases, const char *name, bool is_valid);
void json_cases_release(struct json_cases *cases);

#endif
