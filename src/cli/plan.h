/* What a metric does, in words: for people who read its numbers and have to explain them. */
#ifndef TIDE_CLI_PLAN_H
#define TIDE_CLI_PLAN_H

#include "metric/definition.h"

struct tide_plan {
    const struct tide_definitions *definitions;
    const struct tide_metric *metric;
    struct tide_instant at; /* the windows of then are the example */
};

/* "  key          words, wrapped": a paragraph for each part. */
void tide_plan_write_text(const struct tide_plan *plan, struct tide_bytes *text);
/* One such paragraph. */
void tide_plan_write_paragraph(const char *key, struct tide_view words, struct tide_bytes *text);
/* An object: the same parts, each a text. */
void tide_plan_write_json(const struct tide_plan *plan, struct tide_bytes *json);

#endif
