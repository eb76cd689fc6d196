/* Why a whole text is no record: the slow path, taken once for each broken one.
 *
 * The scanner stops at the first thing it does not like; which reason a person is told follows the
 * order of decode.h, so the text is looked at again: bytes that are not UTF-8, too large, too deep
 * (brackets outside strings, wherever the grammar broke), and else not JSON.
 *
 * The detail says at which byte of the text, counted from 0: of json_invalid the first one with
 * which no JSON text goes on (in `01` the 1, in `tru,` the comma, in `"\x` the x), or that the text
 * ends too early; of utf8_invalid the first of the sequence that is none, or the backslash of the
 * unpaired escape. */
#ifndef TIDE_DECODE_DIAGNOSE_H
#define TIDE_DECODE_DIAGNOSE_H

#include "base/arena.h"
#include "event/verdict.h"

struct tide_diagnose_limits {
    size_t size_max;
    int64_t depth_max;
};

/* fault: the scanner's place of refusal; NULL if the text was not scanned for its size. The detail
 * lives in arena. */
struct tide_verdict tide_diagnose(struct tide_view text,
                                  struct tide_diagnose_limits limits,
                                  const char *fault,
                                  struct tide_arena *arena);

/* Of an event that is valid JSON, but has an unpaired surrogate escape. */
struct tide_verdict tide_diagnose_surrogate(struct tide_view text, struct tide_arena *arena);

/* A rejection with a formatted detail in arena. */
__attribute__((format(printf, 4, 5))) struct tide_verdict tide_verdict_format(
    struct tide_arena *arena,
    enum tide_reason reason,
    struct tide_view pointer,
    const char *format,
    ...);

#endif
