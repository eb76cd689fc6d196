/* simdjson's DOM parser as a second opinion: it reads and checks all of a document, as the decoder
 * does (its On-Demand parser does not look at values that nobody asks for). C on this side.
 *
 * What it does otherwise, and callers allow for: numbers beyond 64 bits or a double are refused,
 * and unpaired surrogate escapes partly; of equal keys all are kept. */
#ifndef TIDE_FUZZ_SIMDJSON_REFERENCE_H
#define TIDE_FUZZ_SIMDJSON_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum reference_kind {
    REFERENCE_ABSENT,
    REFERENCE_NULL,
    REFERENCE_BOOL,
    REFERENCE_INT,    /* fits int64_t */
    REFERENCE_UINT,   /* fits uint64_t only */
    REFERENCE_DOUBLE, /* written with a point or an exponent */
    REFERENCE_STRING,
    REFERENCE_ARRAY,
    REFERENCE_OBJECT,
};

struct reference_value {
    enum reference_kind kind;
    bool is_twice;   /* some key on the way stood twice in its object */
    int64_t integer; /* or 0, 1 of a bool */
    double real;
    const char *text; /* decoded; valid until the next parse */
    size_t size;
    size_t count; /* of an array */
};

struct reference_key {
    const char *text;
    size_t size;
};

/* false: not JSON to simdjson. The document is the one that the calls below look at. */
bool reference_parse(const char *text, size_t size);
/* The value at a path of keys; of equal keys the last. */
struct reference_value reference_find(const struct reference_key *keys, size_t key_count);
/* The index-th element of the array at a path, written anew without white space: equal values give
 * equal texts. Valid until the next call. */
struct reference_key reference_element(const struct reference_key *keys,
                                       size_t key_count,
                                       size_t index);
/* The document, likewise. */
struct reference_key reference_document(void);
/* Without white space outside strings; to has room for size bytes. Gives the size. */
size_t reference_compact(const char *text, size_t size, char *to);

#ifdef __cplusplus
}
#endif

#endif
