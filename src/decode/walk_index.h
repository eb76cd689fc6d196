/* Stage two: the walk over an object by its index (index.h) instead of by its bytes.
 *
 * It does what tide_walk_event does, and leaves the same captures, but it never complains: it
 * returns NULL as soon as something is not as it should be, and the text is then walked byte by
 * byte, which knows what is wrong and where. What it accepts is valid JSON:
 *
 *   - Between two tokens stands what the grammar wants there and nothing else. A gap without white
 *     space is checked by looking at one or two bytes; any other by reading it.
 *   - The byte before the separator is the string's closing quote: there is one between its opening
 *     quote and the next token, and behind it only separators can stand.
 *   - Numbers and literals are read. Strings are, if they reach into a marked block.
 *
 * scan->token is the token that is looked at. Behind the last one of a text the index has two more,
 * which point at the last closing bracket again: where a bracket is missing, that is no place where
 * anything could continue. By lines, the line feed does the same. */
#ifndef TIDE_DECODE_WALK_INDEX_H
#define TIDE_DECODE_WALK_INDEX_H

#include "decode/walk.h"

/* at: the '{' of the token that is looked at. Returns the place behind its '}', and the token
 * behind that is looked at; or NULL. Where walk->elements has given up the index (scan->token is
 * NULL), the rest of the object was walked without. */
const char *tide_walk_index_event(struct tide_walk *walk, struct tide_scan *scan, const char *at);

#endif
