/* Each kernel is a way to load 64 bytes as masks, one bit for each byte, and a way to write the
 * places of set bits; what is done with the masks is the same for all (index_loop.h). */
#include "decode/index_x86.h"

#include "base/assert.h"

#include <string.h>

#if TIDE_INDEX_HAS_X86

#include <immintrin.h>

enum {
    PREFETCH_AHEAD = 16 * TIDE_INDEX_BLOCK_SIZE
};

/* One bit for each byte of a block, the first lowest. */
struct masks {
    uint64_t quote;
    uint64_t backslash;
    uint64_t bracket;   /* [ ] { } */
    uint64_t separator; /* , : and white space */
    uint64_t line_feed;
    uint64_t control; /* below a space */
    uint64_t high;    /* not ASCII */
};

/* What one block hands to the next. */
struct state {
    uint64_t escapes_next; /* 1: the next block's first byte stands behind a backslash */
    uint64_t inside;       /* all ones: inside a string */
    uint64_t in_scalar;    /* 1: the last byte was part of a number or literal */
    uint32_t *token;       /* where the next one is written */
    char *kind;
};

/* Likewise, but seldom used, and apart so that the others stay in registers. */
struct utf8 {
    __m128i before; /* the last 16 bytes */
    bool is_open;   /* they end within a sequence */
};

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
    const uint64_t scalar = ~(masks->bracket | masks->separator | quotes | inside);
    const uint64_t scalar_starts = scalar & ~(scalar << 1 | state->in_scalar);
    state->in_scalar = scalar >> 63;
    return (quotes & inside) | scalar_starts | ((masks->bracket | line_feeds) & ~inside);
}

/* scalars: no bytes of kinds of their own. */
static inline void write_kinds(char *kind, const char *bytes, uint64_t tokens, uint64_t scalars)
{
    for (; tokens != 0; tokens &= tokens - 1) {
        const unsigned place = (unsigned)__builtin_ctzll(tokens);
        *kind++ = (scalars >> place & 1) != 0 ? TIDE_INDEX_SCALAR : bytes[place];
    }
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
    __m128i before = utf8->before;
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

SSE42 static inline void sse42_load(const char *block, struct masks *masks)
{
    __m128i bytes[4];
    __m128i folded[4]; /* [ and ] become { and } */
    uint64_t control = 0;
    uint64_t high = 0;
    for (int i = 3; i >= 0; i--) {
        bytes[i] = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        folded[i] = _mm_or_si128(bytes[i], _mm_set1_epi8(0x20));
        const __m128i low =
            _mm_cmpeq_epi8(_mm_max_epu8(bytes[i], _mm_set1_epi8(0x1F)), _mm_set1_epi8(0x1F));
        control = control << 16 | (uint16_t)_mm_movemask_epi8(low);
        high = high << 16 | (uint16_t)_mm_movemask_epi8(bytes[i]);
    }
    masks->quote = sse42_equal(bytes, '"');
    masks->backslash = sse42_equal(bytes, '\\');
    masks->bracket = sse42_equal(folded, '{') | sse42_equal(folded, '}');
    masks->separator = sse42_in(bytes, _mm_setr_epi8(SEPARATOR_TABLE)) | sse42_equal(bytes, ':');
    masks->line_feed = sse42_equal(bytes, '\n');
    masks->control = control;
    masks->high = high;
}

/* Bit i of the result: the parity of bits 0 to i. */
SSE42 static inline uint64_t sse42_parities(uint64_t bits)
{
    const __m128i product =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits), _mm_set1_epi8(-1), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

SSE42 static inline uint32_t *sse42_write(uint32_t *token, uint64_t bits, uint32_t base)
{
    uint32_t *const end = token + __builtin_popcountll(bits);
    while (token < end) { /* four at a time: what is written too much is written over */
        for (int i = 0; i < 4; i++) {
            token[i] = base + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
            bits &= bits - 1;
        }
        token += 4;
    }
    return end;
}

SSE42 static inline void sse42_write_kinds(char *kind,
                                           const char *bytes,
                                           uint64_t tokens,
                                           uint64_t scalars)
{
    write_kinds(kind, bytes, tokens, scalars);
}

#define KERNEL(part) sse42_##part
#define TARGET SSE42
#include "decode/index_loop.h"
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

AVX2 static inline void avx2_load(const char *block, struct masks *masks)
{
    const __m256i table = _mm256_setr_epi8(SEPARATOR_TABLE, SEPARATOR_TABLE);
    const __m256i last_control = _mm256_set1_epi8(0x1F);
    __m256i bytes[2];
    __m256i folded[2];
    __m256i separator[2];
    __m256i control[2];
    for (int i = 0; i < 2; i++) {
        bytes[i] = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32 * i));
        folded[i] = _mm256_or_si256(bytes[i], _mm256_set1_epi8(0x20));
        separator[i] = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, bytes[i]), bytes[i]);
        control[i] = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes[i], last_control), last_control);
    }
    masks->quote = avx2_equal(bytes, '"');
    masks->backslash = avx2_equal(bytes, '\\');
    masks->bracket = avx2_equal(folded, '{') | avx2_equal(folded, '}');
    masks->separator = avx2_mask(separator[0], separator[1]) | avx2_equal(bytes, ':');
    masks->line_feed = avx2_equal(bytes, '\n');
    masks->control = avx2_mask(control[0], control[1]);
    masks->high = avx2_mask(bytes[0], bytes[1]);
}

AVX2 static inline uint64_t avx2_parities(uint64_t bits)
{
    return sse42_parities(bits);
}

AVX2 static inline uint32_t *avx2_write(uint32_t *token, uint64_t bits, uint32_t base)
{
    uint32_t *const end = token + __builtin_popcountll(bits);
    while (token < end) {
        for (int i = 0; i < 8; i++) {
            token[i] = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
        token += 8;
    }
    return end;
}

AVX2 static inline void avx2_write_kinds(char *kind,
                                         const char *bytes,
                                         uint64_t tokens,
                                         uint64_t scalars)
{
    write_kinds(kind, bytes, tokens, scalars);
}

#define KERNEL(part) avx2_##part
#define TARGET AVX2
#include "decode/index_loop.h"
#undef KERNEL
#undef TARGET

/* ---- AVX-512 ---- */

/* Every byte that is not part of a scalar or of a string, a quote or a backslash, at the place of
 * its low six bits, which no two of them share. */
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
    ['\\' % 64] = '\\',
    [']' % 64] = ']',
    ['{' % 64] = '{',
    ['}' % 64] = '}',
};

AVX512 static inline void avx512_load(const char *block, struct masks *masks)
{
    const __m512i bytes = _mm512_loadu_si512(block);
    const __m512i table = _mm512_loadu_si512(avx512_table);
    const uint64_t found = _mm512_cmpeq_epi8_mask(_mm512_permutexvar_epi8(bytes, table), bytes);
    const uint64_t letters = _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(0x40)); /* @ to DEL */
    masks->quote = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
    masks->backslash = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
    masks->bracket = found & letters & ~masks->backslash;
    masks->separator = found & ~letters & ~masks->quote;
    masks->line_feed = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'));
    masks->control = _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(0x20));
    masks->high = _mm512_movepi8_mask(bytes);
}

AVX512 static inline uint64_t avx512_parities(uint64_t bits)
{
    return sse42_parities(bits);
}

/* The places of set bits as bytes, closed up, then widened sixteen at a time. */
AVX512 static inline uint32_t *avx512_write(uint32_t *token, uint64_t bits, uint32_t base)
{
    const __m512i places = _mm512_set_epi8(63,
                                           62,
                                           61,
                                           60,
                                           59,
                                           58,
                                           57,
                                           56,
                                           55,
                                           54,
                                           53,
                                           52,
                                           51,
                                           50,
                                           49,
                                           48,
                                           47,
                                           46,
                                           45,
                                           44,
                                           43,
                                           42,
                                           41,
                                           40,
                                           39,
                                           38,
                                           37,
                                           36,
                                           35,
                                           34,
                                           33,
                                           32,
                                           31,
                                           30,
                                           29,
                                           28,
                                           27,
                                           26,
                                           25,
                                           24,
                                           23,
                                           22,
                                           21,
                                           20,
                                           19,
                                           18,
                                           17,
                                           16,
                                           15,
                                           14,
                                           13,
                                           12,
                                           11,
                                           10,
                                           9,
                                           8,
                                           7,
                                           6,
                                           5,
                                           4,
                                           3,
                                           2,
                                           1,
                                           0);
    const __m512i from = _mm512_set1_epi32((int)base);
    __m512i closed = _mm512_maskz_compress_epi8(bits, places);
    uint32_t *const end = token + __builtin_popcountll(bits);
    for (;;) {
        const __m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(closed));
        _mm512_storeu_si512(token, _mm512_add_epi32(wide, from));
        token += 16;
        if (token >= end) {
            return end;
        }
        closed = _mm512_shuffle_i32x4(closed, closed, 0x39); /* the next sixteen come first */
    }
}

AVX512 static inline void avx512_write_kinds(char *kind,
                                             const char *bytes,
                                             uint64_t tokens,
                                             uint64_t scalars)
{
    const __m512i all = _mm512_loadu_si512(bytes);
    const __m512i kinds = _mm512_mask_mov_epi8(all, scalars, _mm512_set1_epi8(TIDE_INDEX_SCALAR));
    _mm512_storeu_si512(kind, _mm512_maskz_compress_epi8(tokens, kinds));
}

#define KERNEL(part) avx512_##part
#define TARGET AVX512
#include "decode/index_loop.h"
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
