/* When an alert holds: a condition over numbers, `value >= 10 and value > 3 * baseline`.
 *
 *     either = both { "or" both }             sum    = term { ("+" | "-") term }
 *     both   = unary { "and" unary }          term   = factor { ("*" | "/") factor }
 *     unary  = "not" unary | comparison       factor = "-" factor | number | name | "(" either ")"
 *     comparison = sum [ op sum ]             op     = "==" "!=" "<" "<=" ">" ">="
 *
 * What is a number and what a condition is checked here. Whatever looks at a number that is not
 * known does not hold as a whole, also under `not`: nobody is woken by what is not known. The same
 * goes for a division by zero. Read-only after parsing. */
#ifndef TIDE_METRIC_ALERT_CONDITION_H
#define TIDE_METRIC_ALERT_CONDITION_H

#include "base/diagnostic.h"

enum {
    TIDE_ALERT_CONDITION_DEPTH_MAX = 32,
    TIDE_ALERT_CONDITION_PARTS_MAX = 128
};

struct tide_alert_condition;

struct tide_alert_number { /* all zero: not known */
    bool known;
    double number;
};

/* text: the YAML scalar's value at position. NULL when the diagnostics got an error. Lives in
 * arena. */
const struct tide_alert_condition *tide_alert_condition_parse(struct tide_arena *arena,
                                                              struct tide_view text,
                                                              struct tide_position position,
                                                              struct tide_diagnostics *diagnostics);
/* Where it looks at the baseline first; false: it does not. */
bool tide_alert_condition_baseline(const struct tide_alert_condition *condition,
                                   struct tide_position *position);
bool tide_alert_condition_holds(const struct tide_alert_condition *condition,
                                struct tide_alert_number value,
                                struct tide_alert_number baseline);
/* Canonical bytes for the alert's hash. */
void tide_alert_condition_encode(const struct tide_alert_condition *condition,
                                 struct tide_bytes *bytes);

#endif
