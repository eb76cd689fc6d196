/* The validating scanner: it knows RFC 8259 and nothing else.
 *
 * Functions take a place in the text and return the place behind what they read, or NULL when the
 * text is not JSON there (scan->fault then says where). What a caller may want to know besides is
 * left in the struct. There is no DOM: what is not declared is read once and left behind.
 *
 * Text may be read up to `readable` in words of eight bytes, but nothing at or beyond `end` is ever
 * part of a value: either end is readable's end, or a '\n' stands there, which ends any string.
 *
 * The hot parts are here so that the walk over declared keys inlines them. */
#ifndef TIDE_DECODE_SCAN_H
#define TIDE_DECODE_SCAN_H

#include "base/bytes.h"
#include "decode/index.h"
#include "decode/word.h"
#include "event/verdict.h"

/* An envelope adds its object and its array to the depth of an event. */
enum {
    TIDE_SCAN_DEPTH_MAX = TIDE_RECORD_DEPTH_MAX + 2
};

struct tide_scan {
    const char *end;      /* of the text */
    const char *readable; /* end of the memory around it */
    const char *fault;    /* the first byte with which no JSON text goes on; end: cut short */
    uint32_t depth;       /* of open brackets */
    uint32_t depth_max;   /* beyond it the text is refused */
    uint32_t depth_event; /* beyond it the event is: sets too_deep; at most depth_max */
    bool too_deep;
    bool escaped;          /* set by a string with a backslash; whoever cares clears it before */
    bool broken_surrogate; /* set by an unpaired \uD800 escape, likewise */
    size_t space_count;    /* bytes of white space outside strings */
    char open[TIDE_SCAN_DEPTH_MAX + 1]; /* the bracket that opened each depth */
    /* For walk_index.h alone: */
    const struct tide_index *index;
    const uint32_t *token; /* the one that is looked at; NULL: there is no index (any more) */
};

/* Cold parts. */
const char *tide_scan_string_special(struct tide_scan *scan, const char *at);
const char *tide_scan_string_tail(struct tide_scan *scan, const char *at);
const char *tide_scan_space_slow(struct tide_scan *scan, const char *at);
bool tide_scan_enter_deep(struct tide_scan *scan, const char *at);
/* A number or literal. */
const char *tide_scan_scalar(struct tide_scan *scan, const char *at);
/* An object or array, whatever is in it. */
const char *tide_scan_container(struct tide_scan *scan, const char *at);

static inline const char *tide_scan_fault(struct tide_scan *scan, const char *at)
{
    scan->fault = at;
    return NULL;
}

/* The byte at a place; 0 at the end, which is no byte of JSON outside a string. */
static inline char tide_scan_peek(const struct tide_scan *scan, const char *at)
{
    return at < scan->end ? *at : '\0';
}

static inline const char *tide_scan_space(struct tide_scan *scan, const char *at)
{
    return at < scan->end && (unsigned char)*at <= ' ' ? tide_scan_space_slow(scan, at) : at;
}

/* Counts a bracket that is about to be entered. */
static inline bool tide_scan_enter(struct tide_scan *scan, const char *at)
{
    return ++scan->depth <= scan->depth_event || tide_scan_enter_deep(scan, at);
}

/* at: behind the opening quote. Returns the closing quote. */
static inline const char *tide_scan_string(struct tide_scan *scan, const char *at)
{
    while (scan->readable - at >= TIDE_WORD_SIZE) {
        uint64_t marks = tide_word_string_marks(tide_word_load(at));
        if (marks == 0) {
            at += TIDE_WORD_SIZE;
            continue;
        }
        at += tide_word_first(marks);
        if (*at == '"') {
            return at;
        }
        at = tide_scan_string_special(scan, at);
        if (at == NULL) {
            return NULL;
        }
    }
    return tide_scan_string_tail(scan, at);
}

/* at: behind a key's closing quote. Returns where its value starts. */
static inline const char *tide_scan_colon(struct tide_scan *scan, const char *at)
{
    at = tide_scan_space(scan, at);
    if (tide_scan_peek(scan, at) != ':') {
        return tide_scan_fault(scan, at);
    }
    return tide_scan_space(scan, at + 1);
}

/* Any value. */
static inline const char *tide_scan_value(struct tide_scan *scan, const char *at)
{
    char first = tide_scan_peek(scan, at);
    if (first == '"') {
        at = tide_scan_string(scan, at + 1);
        return at == NULL ? NULL : at + 1;
    }
    if (first == '{' || first == '[') {
        return tide_scan_container(scan, at);
    }
    return tide_scan_scalar(scan, at);
}

#endif
