/* The escapes of JSON strings. */
#ifndef TIDE_DECODE_ESCAPE_H
#define TIDE_DECODE_ESCAPE_H

#include "base/bytes.h"

/* Resolves the escapes of a string's content that the scanner accepted. to has room for text.size
 * bytes; returns how many were written. An unpaired surrogate becomes the three bytes that UTF-8
 * forbids, which therefore equal no declared key. */
size_t tide_escape_resolve(struct tide_view text, char *to);
/* Where the first unpaired surrogate escape of a valid JSON text starts (its backslash): text.size
 * if there is none. Only strings have backslashes, so the text need not be parsed. */
size_t tide_escape_unpaired_surrogate(struct tide_view text);

#endif
