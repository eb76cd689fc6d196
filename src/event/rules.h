/* Rules: our notation for JSON Schemas, for those that are built in. A text of rules becomes a
 * folder of schemas, and from there on nothing knows the difference.
 *
 *     rules  = { name "=" expr }         a file name.json each; "_name" is none, and is only used
 *     expr   = term { "&" term }         all of them hold
 *     term   = "@" name                  another rule
 *            | "string" [ "(" n ")" ]    of at least n characters
 *            | "number" [ "(" n ")" ]    of at least n
 *            | "object"                  whatever is in it
 *            | "[" expr "]"              an array
 *            | "{" members "}"           an object with these members, and others if "..." stands
 *            | "enum" "(" text {text} ")"        behind them
 *            | "oneof" "(" term {term} ")"       exactly one of them holds
 *     member = name [ "!" ] [ ":" expr ]         "!": required
 *
 * A text stands in double quotes, without escapes; # starts a comment. */
#ifndef TIDE_EVENT_RULES_H
#define TIDE_EVENT_RULES_H

#include "base/arena.h"
#include "base/embedded.h"
#include "event/validation.h"

/* The files presets/<name>.rules. */
extern const struct tide_embedded_file tide_rule_texts[];

/* Everything lives in arena, but not the text. REJECT: the text is not in this notation. RETRY: out
 * of memory. */
enum tide_status tide_rules_translate(struct tide_arena *arena,
                                      struct tide_view text,
                                      struct tide_schema_files *files,
                                      struct tide_error *error);

#endif
