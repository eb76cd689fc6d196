/* What a glob is made of, for those who write it in another language. Matching is
 * tide_glob_match (event/schema.h). */
#ifndef TIDE_EVENT_GLOB_H
#define TIDE_EVENT_GLOB_H

#include "event/schema.h"

enum tide_glob_kind {
    TIDE_GLOB_POINT,  /* the code point in text */
    TIDE_GLOB_STAR,   /* any text */
    TIDE_GLOB_ANY,    /* any code point */
    TIDE_GLOB_IN,     /* a code point of the set in text */
    TIDE_GLOB_NOT_IN, /* any other code point */
};

struct tide_glob_unit {
    enum tide_glob_kind kind;
    struct tide_view text; /* into the pattern; of a set without its brackets and '!' */
};

/* The unit at *at, which moves behind it; false: the pattern ends there. */
bool tide_glob_next(struct tide_view pattern, size_t *at, struct tide_glob_unit *unit);
/* The same for the ranges of a set, as code points, both inclusive. A range whose ends are reversed
 * is empty; a '-' that stands first, last or right after a range is itself. */
bool tide_glob_range(struct tide_view set, size_t *at, uint32_t *low, uint32_t *high);

#endif
