/* UTF-8 as RFC 3629 has it, and the escapes of JSON strings. */
#ifndef TIDE_DECODE_UTF8_H
#define TIDE_DECODE_UTF8_H

#include "base/bytes.h"

/* The size (2..4) of the well-formed sequence of more than one byte that starts at `at`; 0: none
 * does (overlong, surrogate, beyond U+10FFFF, cut off, ASCII). at < end. */
size_t tide_utf8_sequence(const char *at, const char *end);
/* How many bytes from the start are well-formed: text.size if all are. */
size_t tide_utf8_valid_size(struct tide_view text);
/* The value of four hexadecimal digits; -1: they are not. at has four bytes. */
int32_t tide_utf8_hex4(const char *at);
/* Resolves the escapes of a string's content that the scanner accepted. to has room for text.size
 * bytes; returns how many were written. An unpaired surrogate becomes the three bytes that UTF-8
 * forbids, which therefore equal no declared key. */
size_t tide_utf8_unescape(struct tide_view text, char *to);
/* Where the first unpaired surrogate escape of a valid JSON text starts (its backslash): text.size
 * if there is none. Only strings have backslashes, so the text need not be parsed. */
size_t tide_utf8_unpaired_surrogate(struct tide_view text);

#endif
