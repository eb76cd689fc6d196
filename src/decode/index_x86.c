/* Each kernel is a way to load 64 bytes as masks, one bit for each byte, and a way to write the
 * places of set bits; what is done with the masks is the same for all (index_template.h). */
#include "decode/index_x86.h"

#include "base/assert.h"

#include <string.h>

#if TIDE_INDEX_HAS_X86

#include <immintrin.h>

enum {
    PREFETCH_AHEAD = 48 * TIDE_INDEX_BLOCK_SIZE
};

/* One bit for each byte of a block, the first lowest. */
struct masks {
    uint64_t quote;
    uint64_t backslash;
    uint64_t bracket; /* [ ] { } */
    uint64_t apart;   /* brackets, quotes, comma, colon and white space: no part of a scalar */
    uint64_t line_feed;
    uint64_t odd;    /* below a space, or not ASCII */
    uint64_t tokens; /* not of one byte alone: made of the others */
};

/* What one block hands to the next. */
struct state {
    uint64_t escapes_next; /* 1: the next block's first byte stands behind a backslash */
    uint64_t inside;       /* all ones: inside a string */
    uint64_t in_scalar;    /* 1: the last byte was part of a number or literal */
    uint64_t by_lines;     /* all ones: line feeds are tokens */
    uint32_t count;        /* of tokens so far */
};

/* Likewise, but seldom used, and apart so that the others stay in registers. */
struct utf8 {
    uint64_t is_open; /* 1: the last block ends within a sequence */
    __m128i before;   /* then: its last 16 bytes */
};

static void mark(struct tide_index *index, size_t block)
{
    index->special[block / 64] |= UINT64_C(1) << (block % 64);
    index->has_special = true;
}

/* ---- of masks ---- */

/* Bytes that a backslash escapes. Backslashes are rare, so they are taken one by one. */
static inline uint64_t escaped_bytes(uint64_t backslashes, uint64_t *escapes_next)
{
    uint64_t escaped = *escapes_next;
    *escapes_next = 0;
    backslashes &= ~escaped; /* one that is escaped escapes nothing */
    while (backslashes != 0) {
        const uint64_t first = backslashes & -backslashes;
        escaped |= first << 1;
        *escapes_next = first >> 63;
        backslashes &= ~(first | first << 1);
    }
    return escaped;
}

/* Tokens of a block; quotes: without escaped ones; inside: from each opening quote up to the byte
 * before its closing one. */
static inline uint64_t token_starts(struct state *state,
                                    const struct masks *masks,
                                    uint64_t quotes,
                                    uint64_t inside,
                                    uint64_t line_feeds)
{
    const uint64_t scalar = ~(masks->apart | inside);
    const uint64_t scalar_starts = scalar & ~(scalar << 1 | state->in_scalar);
    state->in_scalar = scalar >> 63;
    return (quotes & inside) | scalar_starts | ((masks->bracket | line_feeds) & ~inside);
}

/* ---- UTF-8, sixteen bytes at a time ---- */

/* What a byte and the one before it may have against each other; one bit for each fault. A fault
 * is real where all three lookups have its bit: high half of the first byte, low half of the first
 * byte, high half of the second. */
enum {
    TOO_SHORT = 1 << 0,     /* a lead byte, and no continuation behind it */
    TOO_LONG = 1 << 1,      /* ASCII, and a continuation behind it */
    OVERLONG_3 = 1 << 2,    /* E0 80..9F */
    TOO_LARGE = 1 << 3,     /* F4 90..BF, F5.. */
    SURROGATE = 1 << 4,     /* ED A0..BF */
    OVERLONG_2 = 1 << 5,    /* C0, C1 */
    OVERLONG_4 = 1 << 6,    /* F0 80..8F; and F5.. 80..8F, which is too large */
    CONTINUATIONS = 1 << 7, /* two in a row: right only behind a long lead */
    CARRY = TOO_SHORT | TOO_LONG | CONTINUATIONS,
};

#define SSE42 __attribute__((target("sse4.2,pclmul,popcnt")))
#define AVX2 __attribute__((target("avx2,bmi,bmi2,pclmul,popcnt,lzcnt")))
#define AVX512                                                                                     \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,pclmul,popcnt,lzcnt")))

#define HALVES(...) _mm_setr_epi8(__VA_ARGS__)

SSE42 static inline __m128i utf8_faults_of_pairs(__m128i bytes, __m128i before1)
{
    const char lead = (char)(TOO_SHORT | OVERLONG_2);
    const __m128i first_high = HALVES(TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      TOO_LONG,
                                      (char)CONTINUATIONS,
                                      (char)CONTINUATIONS,
                                      (char)CONTINUATIONS,
                                      (char)CONTINUATIONS,
                                      lead,
                                      TOO_SHORT,
                                      TOO_SHORT | OVERLONG_3 | SURROGATE,
                                      TOO_SHORT | TOO_LARGE | OVERLONG_4);
    const char any = (char)CARRY;
    const char large = (char)(CARRY | TOO_LARGE | OVERLONG_4);
    const __m128i first_low = HALVES((char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4),
                                     (char)(CARRY | OVERLONG_2),
                                     any,
                                     any,
                                     (char)(CARRY | TOO_LARGE),
                                     large,
                                     large,
                                     large,
                                     large,
                                     large,
                                     large,
                                     large,
                                     large,
                                     (char)(CARRY | TOO_LARGE | OVERLONG_4 | SURROGATE),
                                     large,
                                     large);
    const char second = (char)(TOO_LONG | OVERLONG_2 | CONTINUATIONS);
    const __m128i second_high = HALVES(TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       (char)(second | OVERLONG_3 | OVERLONG_4),
                                       (char)(second | OVERLONG_3 | TOO_LARGE),
                                       (char)(second | SURROGATE | TOO_LARGE),
                                       (char)(second | SURROGATE | TOO_LARGE),
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT,
                                       TOO_SHORT);
    const __m128i half = _mm_set1_epi8(0x0F);
    const __m128i a = _mm_shuffle_epi8(first_high, _mm_and_si128(_mm_srli_epi16(before1, 4), half));
    const __m128i b = _mm_shuffle_epi8(first_low, _mm_and_si128(before1, half));
    const __m128i c = _mm_shuffle_epi8(second_high, _mm_and_si128(_mm_srli_epi16(bytes, 4), half));
    return _mm_and_si128(_mm_and_si128(a, b), c);
}

/* Bytes that must be the third or fourth of a sequence are continuations, and nothing else that
 * follows a continuation is one. */
SSE42 static inline __m128i utf8_faults(__m128i bytes, __m128i before)
{
    const __m128i before1 = _mm_alignr_epi8(bytes, before, 15);
    const __m128i before2 = _mm_alignr_epi8(bytes, before, 14);
    const __m128i before3 = _mm_alignr_epi8(bytes, before, 13);
    const __m128i third = _mm_subs_epu8(before2, _mm_set1_epi8((char)(0xE0 - 0x80)));
    const __m128i fourth = _mm_subs_epu8(before3, _mm_set1_epi8((char)(0xF0 - 0x80)));
    const __m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
    return _mm_xor_si128(must, utf8_faults_of_pairs(bytes, before1));
}

/* Whether a sequence is under way behind the last byte. */
SSE42 static inline bool utf8_is_open(__m128i bytes)
{
    const __m128i least = HALVES(
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, (char)0xEF, (char)0xDF, (char)0xBF);
    return _mm_testz_si128(_mm_subs_epu8(bytes, least), _mm_set1_epi8(-1)) == 0;
}

/* Whether the block is well-formed as far as it and the one before tell. */
SSE42 static bool utf8_block_is_valid(struct utf8 *utf8, const char *block)
{
    __m128i before = utf8->is_open != 0 ? utf8->before : _mm_setzero_si128();
    __m128i faults = _mm_setzero_si128();
    for (int i = 0; i < TIDE_INDEX_BLOCK_SIZE; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
        faults = _mm_or_si128(faults, utf8_faults(bytes, before));
        before = bytes;
    }
    utf8->before = before;
    utf8->is_open = utf8_is_open(before);
    return _mm_testz_si128(faults, faults) != 0;
}

/* Marks a block that holds a backslash, a control byte inside a string, or what is not UTF-8. Other
 * odd bytes are white space outside strings: a carriage return, a tab. */
SSE42 static __attribute__((noinline)) void judge_odd(struct tide_index *index,
                                                      struct utf8 *utf8,
                                                      const char *bytes,
                                                      size_t place,
                                                      uint64_t backslashes,
                                                      uint64_t inside)
{
    const __m128i last_control = _mm_set1_epi8(0x1F);
    const size_t block = place / TIDE_INDEX_BLOCK_SIZE;
    uint64_t control = 0;
    uint64_t high = 0;
    for (int i = 3; i >= 0; i--) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        const __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(part, last_control), last_control);
        control = control << 16 | (uint16_t)_mm_movemask_epi8(low);
        high = high << 16 | (uint16_t)_mm_movemask_epi8(part);
    }
    if ((backslashes | (control & inside)) != 0) {
        mark(index, block);
    }
    if ((high | utf8->is_open) != 0 && !utf8_block_is_valid(utf8, bytes)) {
        mark(index, block);
        mark(index, block == 0 ? 0 : block - 1); /* it may have begun there */
    }
}

/* ---- SSE4.2 ---- */

SSE42 static inline uint64_t sse42_equal(const __m128i *bytes, char wanted)
{
    const __m128i all = _mm_set1_epi8(wanted);
    uint64_t mask = 0;
    for (int i = 3; i >= 0; i--) {
        mask = mask << 16 | (uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes[i], all));
    }
    return mask;
}

/* Bytes of one class, by a table of the low half of a byte: a byte belongs to the class if the
 * table has the byte itself there. */
SSE42 static inline uint64_t sse42_in(const __m128i *bytes, __m128i table)
{
    uint64_t mask = 0;
    for (int i = 3; i >= 0; i--) {
        const __m128i found = _mm_cmpeq_epi8(_mm_shuffle_epi8(table, bytes[i]), bytes[i]);
        mask = mask << 16 | (uint16_t)_mm_movemask_epi8(found);
    }
    return mask;
}

#define NONE 0 /* no byte but 0 itself has it, and that looks at a space */

#define SEPARATOR_TABLE                                                                            \
    ' ', NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, '\t', '\n', NONE, ',', '\r', NONE, NONE

struct sse42_constants {
    char none; /* the compiler knows how to keep them */
};

SSE42 static inline struct sse42_constants sse42_constants(void)
{
    return (struct sse42_constants){0};
}

SSE42 static inline void sse42_load(const char *block,
                                    const struct sse42_constants *constants,
                                    struct masks *masks)
{
    (void)constants;
    __m128i bytes[4];
    __m128i folded[4]; /* [ and ] become { and } */
    uint64_t odd = 0;
    for (int i = 3; i >= 0; i--) {
        bytes[i] = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        folded[i] = _mm_or_si128(bytes[i], _mm_set1_epi8(0x20));
        const __m128i low = _mm_cmplt_epi8(bytes[i], _mm_set1_epi8(' ')); /* signed */
        odd = odd << 16 | (uint16_t)_mm_movemask_epi8(low);
    }
    masks->quote = sse42_equal(bytes, '"');
    masks->backslash = sse42_equal(bytes, '\\');
    masks->bracket = sse42_equal(folded, '{') | sse42_equal(folded, '}');
    masks->apart = masks->bracket | masks->quote | sse42_equal(bytes, ':') |
                   sse42_in(bytes, _mm_setr_epi8(SEPARATOR_TABLE));
    masks->line_feed = sse42_equal(bytes, '\n');
    masks->odd = odd;
}

/* Bit i of the result: the parity of bits 0 to i. */
SSE42 static inline uint64_t sse42_parities(uint64_t bits)
{
    const __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits), _mm_set1_epi8(-1), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Eight at a time: what is written too much is written over. Of whoever includes it, whose
 * instructions it takes. */
static inline __attribute__((always_inline)) void write_tokens(struct tide_index *index,
                                                               uint32_t at,
                                                               const char *bytes,
                                                               const struct masks *masks,
                                                               uint32_t base)
{
    uint32_t *token = index->tokens + at;
    char *kind = index->kinds + at;
    uint64_t tokens = masks->tokens;
    const int count = __builtin_popcountll(tokens);
    for (int written = 0; written < count; written += 8, token += 8, kind += 8) {
        for (int i = 0; i < 8; i++) {
            const unsigned place = (unsigned)__builtin_ctzll(tokens | UINT64_C(1) << 63);
            token[i] = base + place;
            kind[i] = (masks->apart >> place & 1) != 0 ? bytes[place] : TIDE_INDEX_SCALAR;
            tokens &= tokens - 1;
        }
    }
}

SSE42 static inline void sse42_write(struct tide_index *index,
                                     uint32_t at,
                                     const struct sse42_constants *constants,
                                     const char *bytes,
                                     const struct masks *masks,
                                     uint32_t base)
{
    (void)constants;
    write_tokens(index, at, bytes, masks, base);
}

#define KERNEL(part) sse42_##part
#define TARGET SSE42
#include "decode/index_template.h"
#undef KERNEL
#undef TARGET

/* ---- AVX2 ---- */

AVX2 static inline uint64_t avx2_mask(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

AVX2 static inline uint64_t avx2_equal(const __m256i *bytes, char wanted)
{
    const __m256i all = _mm256_set1_epi8(wanted);
    return avx2_mask(_mm256_cmpeq_epi8(bytes[0], all), _mm256_cmpeq_epi8(bytes[1], all));
}

struct avx2_constants {
    char none;
};

AVX2 static inline struct avx2_constants avx2_constants(void)
{
    return (struct avx2_constants){0};
}

AVX2 static inline void avx2_load(const char *block,
                                  const struct avx2_constants *constants,
                                  struct masks *masks)
{
    (void)constants;
    const __m256i table = _mm256_setr_epi8(SEPARATOR_TABLE, SEPARATOR_TABLE);
    __m256i bytes[2];
    __m256i folded[2];
    __m256i separator[2];
    __m256i odd[2];
    for (int i = 0; i < 2; i++) {
        bytes[i] = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32 * i));
        folded[i] = _mm256_or_si256(bytes[i], _mm256_set1_epi8(0x20));
        separator[i] = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, bytes[i]), bytes[i]);
        odd[i] = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes[i]); /* signed */
    }
    masks->quote = avx2_equal(bytes, '"');
    masks->backslash = avx2_equal(bytes, '\\');
    masks->bracket = avx2_equal(folded, '{') | avx2_equal(folded, '}');
    masks->apart = masks->bracket | masks->quote | avx2_equal(bytes, ':') |
                   avx2_mask(separator[0], separator[1]);
    masks->line_feed = avx2_equal(bytes, '\n');
    masks->odd = avx2_mask(odd[0], odd[1]);
}

AVX2 static inline uint64_t avx2_parities(uint64_t bits)
{
    return sse42_parities(bits);
}

AVX2 static inline void avx2_write(struct tide_index *index,
                                   uint32_t at,
                                   const struct avx2_constants *constants,
                                   const char *bytes,
                                   const struct masks *masks,
                                   uint32_t base)
{
    (void)constants;
    write_tokens(index, at, bytes, masks, base);
}

#define KERNEL(part) avx2_##part
#define TARGET AVX2
#include "decode/index_template.h"
#undef KERNEL
#undef TARGET

/* ---- AVX-512 ---- */

/* Every byte that is no part of a scalar, at the place of its low six bits, which no two of them
 * share. */
static const unsigned char avx512_table[TIDE_INDEX_BLOCK_SIZE] = {
    [0] = 1, /* any byte whose place is another */
    ['\t'] = '\t',
    ['\n'] = '\n',
    ['\r'] = '\r',
    [' '] = ' ',
    [','] = ',',
    [':'] = ':',
    ['"'] = '"',
    ['[' % 64] = '[',
    [']' % 64] = ']',
    ['{' % 64] = '{',
    ['}' % 64] = '}',
};

static const unsigned char avx512_places[TIDE_INDEX_BLOCK_SIZE] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

struct avx512_constants {
    __m512i table;
    __m512i places;
    __m512i letter;
    __m512i quote;
    __m512i backslash;
    __m512i line_feed;
    __m512i space;
    __m512i scalar;
};

/* The port that makes vectors of bytes is the one that everything here waits for. A vector that
 * the compiler cannot look into it keeps instead of making it anew for each block. */
AVX512 static inline __m512i avx512_kept(__m512i vector)
{
    __asm__("" : "+v"(vector));
    return vector;
}

AVX512 static inline struct avx512_constants avx512_constants(void)
{
    return (struct avx512_constants){
        .table = avx512_kept(_mm512_loadu_si512(avx512_table)),
        .places = avx512_kept(_mm512_loadu_si512(avx512_places)),
        .letter = avx512_kept(_mm512_set1_epi8(0x40)), /* a bit of @ to DEL */
        .quote = avx512_kept(_mm512_set1_epi8('"')),
        .backslash = avx512_kept(_mm512_set1_epi8('\\')),
        .line_feed = avx512_kept(_mm512_set1_epi8('\n')),
        .space = avx512_kept(_mm512_set1_epi8(' ')),
        .scalar = avx512_kept(_mm512_set1_epi8(TIDE_INDEX_SCALAR)),
    };
}

AVX512 static inline void avx512_load(const char *block,
                                      const struct avx512_constants *constants,
                                      struct masks *masks)
{
    const __m512i bytes = _mm512_loadu_si512(block);
    masks->apart = _mm512_cmpeq_epi8_mask(_mm512_permutexvar_epi8(bytes, constants->table), bytes);
    masks->bracket = masks->apart & _mm512_test_epi8_mask(bytes, constants->letter);
    masks->quote = _mm512_cmpeq_epi8_mask(bytes, constants->quote);
    masks->backslash = _mm512_cmpeq_epi8_mask(bytes, constants->backslash);
    masks->line_feed = _mm512_cmpeq_epi8_mask(bytes, constants->line_feed);
    masks->odd = _mm512_cmplt_epi8_mask(bytes, constants->space); /* signed */
}

AVX512 static inline uint64_t avx512_parities(uint64_t bits)
{
    return sse42_parities(bits);
}

AVX512 static inline void avx512_widen(uint32_t *token, __m512i closed, uint32_t base)
{
    const __m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(closed));
    _mm512_storeu_si512(token, _mm512_add_epi32(wide, _mm512_set1_epi32((int)base)));
}

/* The places of set bits as bytes, closed up, then widened sixteen at a time; their bytes likewise,
 * all at once. */
AVX512 static inline void avx512_write(struct tide_index *index,
                                       uint32_t at,
                                       const struct avx512_constants *constants,
                                       const char *bytes,
                                       const struct masks *masks,
                                       uint32_t base)
{
    const __m512i kinds =
        _mm512_mask_mov_epi8(constants->scalar, masks->apart, _mm512_loadu_si512(bytes));
    _mm512_storeu_si512(index->kinds + at, _mm512_maskz_compress_epi8(masks->tokens, kinds));

    const int count = __builtin_popcountll(masks->tokens);
    uint32_t *token = index->tokens + at;
    __m512i closed = _mm512_maskz_compress_epi8(masks->tokens, constants->places);
    avx512_widen(token, closed, base);
    for (int written = 16; __builtin_expect(written < count, 0); written += 16) {
        closed = _mm512_shuffle_i32x4(closed, closed, 0x39); /* the next sixteen come first */
        avx512_widen(token + written, closed, base);
    }
}

#define KERNEL(part) avx512_##part
#define TARGET AVX512
#include "decode/index_template.h"
#undef KERNEL
#undef TARGET

/* ---- what this machine has ---- */

static bool has_sse42(void)
{
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("popcnt");
}

static bool has_avx2(void)
{
    return has_sse42() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2");
}

const struct tide_index_kernel *tide_index_x86_kernels(size_t *count)
{
    static const struct tide_index_kernel kernels[] = {
        {"avx512", has_avx512, avx512_run},
        {"avx2", has_avx2, avx2_run},
        {"sse42", has_sse42, sse42_run},
    };
    *count = sizeof kernels / sizeof kernels[0];
    return kernels;
}

#endif

#include "base/banned.h"
