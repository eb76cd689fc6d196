/* Globs of derived columns: what Python's fnmatchcase accepts, without a regular expression.
 *
 * A pattern is pieces between stars. Each piece matches a fixed number of code points, so taking
 * the leftmost place for each piece never loses a match: one point to come back to is enough, and
 * the work is at most |pattern| * |text|. A pattern ends most often in a plain piece ("*.app"),
 * which is compared once, at the end of the text. */
#include "event/glob.h"

#include <string.h>

#include "base/banned.h"

/* Reads one code point; both texts are valid UTF-8 (the decoder's and YAML's business). */
static uint32_t read_point(struct tide_view text, size_t *at)
{
    unsigned char lead = (unsigned char)text.data[*at];
    size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);
    (*at)++;
    for (; more > 0 && *at < text.size; more--, (*at)++) {
        point = point << 6 | ((unsigned char)text.data[*at] & 0x3FU);
    }
    return point;
}

/* The index of the ']' that closes the set whose content starts at `at`; size if none does. */
static size_t set_end(struct tide_view pattern, size_t at)
{
    if (at < pattern.size && pattern.data[at] == '!') {
        at++;
    }
    if (at < pattern.size && pattern.data[at] == ']') { /* first: an ordinary member */
        at++;
    }
    while (at < pattern.size && pattern.data[at] != ']') {
        at++;
    }
    return at;
}

bool tide_glob_range(struct tide_view set, size_t *at, uint32_t *low, uint32_t *high)
{
    if (*at >= set.size) {
        return false;
    }
    *low = read_point(set, at);
    *high = *low;
    if (*at + 1 < set.size && set.data[*at] == '-') {
        (*at)++;
        *high = read_point(set, at);
    }
    return true;
}

/* set: what stands between the brackets. */
static bool set_matches(struct tide_view set, uint32_t point)
{
    bool negated = set.size > 0 && set.data[0] == '!';
    bool found = false;
    size_t at = negated ? 1 : 0;
    uint32_t low = 0;
    uint32_t high = 0;
    while (!found && tide_glob_range(set, &at, &low, &high)) {
        found = low <= point && point <= high;
    }
    return found != negated;
}

bool tide_glob_next(struct tide_view pattern, size_t *at, struct tide_glob_unit *unit)
{
    if (*at >= pattern.size) {
        return false;
    }
    const size_t start = *at;
    const char first = pattern.data[start];
    const size_t end = first == '[' ? set_end(pattern, start + 1) : pattern.size;
    *unit = (struct tide_glob_unit){.kind = TIDE_GLOB_POINT};
    if (end < pattern.size) {
        const bool is_negated = pattern.data[start + 1] == '!';
        const size_t content = start + 1 + is_negated;
        unit->kind = is_negated ? TIDE_GLOB_NOT_IN : TIDE_GLOB_IN;
        unit->text = tide_view_slice(pattern, content, end - content);
        *at = end + 1;
        return true;
    }
    (void)read_point(pattern, at);
    unit->text = tide_view_slice(pattern, start, *at - start);
    if (first == '*' || first == '?') {
        unit->kind = first == '*' ? TIDE_GLOB_STAR : TIDE_GLOB_ANY;
    }
    return true;
}

/* Matches one unit of the pattern (a code point, '?' or a set) with one code point. */
static bool unit_matches(struct tide_view pattern,
                         size_t *pattern_at,
                         struct tide_view text,
                         size_t *text_at)
{
    uint32_t point = read_point(text, text_at);
    char first = pattern.data[*pattern_at];
    if (first == '?') {
        (*pattern_at)++;
        return true;
    }
    if (first == '[') {
        size_t start = *pattern_at + 1;
        size_t end = set_end(pattern, start);
        if (end < pattern.size) {
            *pattern_at = end + 1;
            return set_matches(tide_view_slice(pattern, start, end - start), point);
        }
    }
    return read_point(pattern, pattern_at) == point;
}

static bool is_plain(struct tide_view pattern, size_t at)
{
    for (; at < pattern.size; at++) {
        char c = pattern.data[at];
        if (c == '*' || c == '?' || c == '[') {
            return false;
        }
    }
    return true;
}

bool tide_glob_match(struct tide_view pattern, struct tide_view text)
{
    size_t pattern_at = 0;
    size_t text_at = 0;
    size_t star_pattern = SIZE_MAX; /* after the last star seen; SIZE_MAX: none */
    size_t star_text = 0;           /* where its piece is tried */
    for (;;) {
        if (pattern_at < pattern.size && pattern.data[pattern_at] == '*') {
            star_pattern = ++pattern_at;
            star_text = text_at;
            if (is_plain(pattern, pattern_at)) {
                size_t rest = pattern.size - pattern_at;
                return rest == 0 ||
                       (rest <= text.size - text_at &&
                        memcmp(pattern.data + pattern_at, text.data + text.size - rest, rest) == 0);
            }
            continue;
        }
        if (pattern_at == pattern.size && text_at == text.size) {
            return true;
        }
        if (pattern_at < pattern.size && text_at < text.size &&
            unit_matches(pattern, &pattern_at, text, &text_at)) {
            continue;
        }
        if (star_pattern == SIZE_MAX || star_text == text.size) {
            return false;
        }
        read_point(text, &star_text);
        pattern_at = star_pattern;
        text_at = star_text;
    }
}
