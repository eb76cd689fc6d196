/* Goal: every coding in every cut comes out as it went in; caps hold at the byte, bombs are refused
 * early, and no broken, cut or continued stream passes for a whole one. Method: streams from our
 * own encoder and by hand; all cuts into two pieces, single bytes, outputs of one byte; each byte
 * changed, each end cut off; counts of what was taken and made at the refusal. */
#include "http/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/compress.h"

enum {
    OUTPUT_MAX = 4 << 20,
    OUTPUT_ROOM = OUTPUT_MAX + (1 << 16)
};

static struct tide_inflate *inflate;
static char *output;

struct outcome {
    unsigned status;
    const char *why;
    size_t made;
    size_t taken;
};

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(tide_inflate_create(&inflate, NULL), TIDE_OK);
    output = malloc(OUTPUT_ROOM);
    return output == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    tide_inflate_destroy(inflate);
    tide_inflate_destroy(NULL);
    free(output);
    return 0;
}

/* Feeds pieces of piece bytes, the first of first, into outputs of room bytes. */
static struct outcome run(enum tide_coding coding,
                          struct tide_inflate_limits limits,
                          struct tide_view text,
                          const size_t sizes[3])
{
    struct outcome outcome = {0};
    size_t piece = sizes[0];
    tide_inflate_begin(inflate, coding, limits);
    while (outcome.taken < text.size) {
        const size_t left = text.size - outcome.taken;
        struct tide_view input = tide_view_slice(text, outcome.taken, piece < left ? piece : left);
        const size_t given = input.size;
        size_t made = 0;
        do {
            assert_true(outcome.made + sizes[2] <= OUTPUT_ROOM);
            outcome.status = tide_inflate_step(
                inflate, &input, output + outcome.made, sizes[2], &made, &outcome.why);
            assert_true(made <= sizes[2]);
            outcome.made += made;
        } while (outcome.status == 0 && (input.size > 0 || made == sizes[2]));
        outcome.taken += given - input.size;
        if (outcome.status != 0) {
            return outcome;
        }
        piece = sizes[1];
    }
    outcome.status = tide_inflate_end(inflate, &outcome.why);
    return outcome;
}

static struct outcome run_whole(enum tide_coding coding,
                                struct tide_inflate_limits limits,
                                struct tide_view text)
{
    const size_t sizes[3] = {SIZE_MAX, SIZE_MAX, 64 << 10};
    return run(coding, limits, text, sizes);
}

static struct tide_inflate_limits loose(void)
{
    struct tide_inflate_limits limits = tide_inflate_limits_default(OUTPUT_MAX / 2);
    limits.ratio_from = OUTPUT_MAX;
    return limits;
}

/* ---- streams ---- */

struct stream {
    const char *name;
    enum tide_coding coding;
    struct tide_bytes bytes;
};

static void pack(enum tide_coding coding, struct tide_view plain, struct tide_bytes *into)
{
    assert_int_equal(tide_compress(coding, plain, into, NULL), TIDE_OK);
}

/* A zlib stream without its head and checksum is a raw one. */
static void pack_raw(struct tide_view plain, struct tide_bytes *into)
{
    struct tide_bytes zlib = {0};
    pack(TIDE_CODING_DEFLATE, plain, &zlib);
    tide_bytes_append(into, zlib.data + 2, zlib.size - 6);
    tide_bytes_release(&zlib);
}

#define SKIPPABLE                                                                                  \
    "\x50\x2a\x4d\x18\x03\x00\x00\x00"                                                             \
    "abc"
enum {
    STREAMS = 7
};

/* Each says plain, which is cut in the middle where it is two members. */
static void make_streams(struct tide_view plain, struct stream streams[STREAMS])
{
    const struct tide_view head = tide_view_slice(plain, 0, plain.size / 2);
    const struct tide_view tail = tide_view_slice(plain, head.size, plain.size - head.size);
    memset(streams, 0, STREAMS * sizeof(streams[0]));
    streams[0] = (struct stream){.name = "gzip", .coding = TIDE_CODING_GZIP};
    pack(TIDE_CODING_GZIP, plain, &streams[0].bytes);
    streams[1] = (struct stream){.name = "gzip, members", .coding = TIDE_CODING_GZIP};
    pack(TIDE_CODING_GZIP, head, &streams[1].bytes);
    pack(TIDE_CODING_GZIP, (struct tide_view){0}, &streams[1].bytes);
    pack(TIDE_CODING_GZIP, tail, &streams[1].bytes);
    streams[2] = (struct stream){.name = "deflate", .coding = TIDE_CODING_DEFLATE};
    pack(TIDE_CODING_DEFLATE, plain, &streams[2].bytes);
    streams[3] = (struct stream){.name = "deflate, raw", .coding = TIDE_CODING_DEFLATE};
    pack_raw(plain, &streams[3].bytes);
    streams[4] = (struct stream){.name = "zstd", .coding = TIDE_CODING_ZSTD};
    pack(TIDE_CODING_ZSTD, plain, &streams[4].bytes);
    streams[5] = (struct stream){.name = "zstd, frames", .coding = TIDE_CODING_ZSTD};
    tide_bytes_append_view(&streams[5].bytes, TIDE_VIEW(SKIPPABLE));
    pack(TIDE_CODING_ZSTD, head, &streams[5].bytes);
    tide_bytes_append_view(&streams[5].bytes, TIDE_VIEW(SKIPPABLE));
    pack(TIDE_CODING_ZSTD, tail, &streams[5].bytes);
    streams[6] =
        (struct stream){.name = "gzip, a header with all fields", .coding = TIDE_CODING_GZIP};
    pack(TIDE_CODING_GZIP, plain, &streams[6].bytes);
    struct tide_bytes full = {0};
    tide_bytes_append_view(&full,
                           TIDE_VIEW("\x1f\x8b\x08\x1c\0\0\0\0\0\x03"
                                     "\x02\0xy" /* extra */
                                     "name\0comment\0"));
    tide_bytes_append(&full, streams[6].bytes.data + 10, streams[6].bytes.size - 10);
    tide_bytes_release(&streams[6].bytes);
    streams[6].bytes = full;
}

static void release_streams(struct stream streams[STREAMS])
{
    for (size_t i = 0; i < STREAMS; i++) {
        tide_bytes_release(&streams[i].bytes);
    }
}

static void check_same(const struct stream *stream, const size_t sizes[3], struct tide_view plain)
{
    const struct outcome outcome =
        run(stream->coding, loose(), tide_bytes_view(&stream->bytes), sizes);
    if (outcome.status != 0 || !tide_view_equal(plain, (struct tide_view){output, outcome.made})) {
        fail_msg("%s, cut at %zu, then %zu into %zu: %u %s, %zu bytes",
                 stream->name,
                 sizes[0],
                 sizes[1],
                 sizes[2],
                 outcome.status,
                 outcome.status == 0 ? "" : outcome.why,
                 outcome.made);
    }
}

/* Compressible, with stretches that are not. */
static char *make_plain(size_t size)
{
    char *text = malloc(size + 1);
    uint32_t noise = 7;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        text[i] = i % 300 < 40 ? (char)(noise >> 24) : "{\"eid\":\"LOG\"}\n"[i % 14];
    }
    return text;
}

static void test_cuts(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    char *text = make_plain(700);
    const struct tide_view plain = {text, 700};
    make_streams(plain, streams);
    for (size_t i = 0; i < STREAMS; i++) {
        for (size_t cut = 1; cut <= streams[i].bytes.size; cut++) {
            const size_t sizes[3] = {cut, SIZE_MAX, 1000};
            check_same(&streams[i], sizes, plain);
        }
        static const size_t others[][3] = {{1, 1, 1},
                                           {1, 1, 1000},
                                           {3, 7, 11},
                                           {SIZE_MAX, SIZE_MAX, 1},
                                           {SIZE_MAX, SIZE_MAX, 700}};
        for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
            check_same(&streams[i], others[k], plain);
        }
    }
    release_streams(streams);
    free(text);
}

static void test_larger(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    enum {
        SIZE = 1000000
    };
    char *text = make_plain(SIZE);
    const struct tide_view plain = {text, SIZE};
    make_streams(plain, streams);
    for (size_t i = 0; i < STREAMS; i++) {
        static const size_t all[][3] = {
            {SIZE_MAX, SIZE_MAX, 1 << 16}, {1000, 32768, 4096}, {5, 777, SIZE + 1}};
        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
            check_same(&streams[i], all[k], plain);
        }
    }
    release_streams(streams);
    free(text);
}

static void test_nothing_inside(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    const size_t sizes[3] = {1, 1, 1};
    make_streams(TIDE_VIEW(""), streams);
    for (size_t i = 0; i < STREAMS; i++) {
        check_same(&streams[i], sizes, (struct tide_view){0});
    }
    release_streams(streams);
}

/* ---- caps ---- */

static void test_bytes_max(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    char *text = make_plain(5000);
    make_streams((struct tide_view){text, 5000}, streams);
    for (size_t i = 0; i < STREAMS; i++) {
        static const size_t rooms[] = {1, 64, 4999, 5000, 5001, 1 << 16};
        for (size_t k = 0; k < sizeof(rooms) / sizeof(rooms[0]); k++) {
            const size_t sizes[3] = {SIZE_MAX, SIZE_MAX, rooms[k]};
            struct tide_inflate_limits limits = loose();
            const struct tide_view packed = tide_bytes_view(&streams[i].bytes);
            limits.bytes_max = 5000;
            assert_int_equal(run(streams[i].coding, limits, packed, sizes).status, 0);
            for (limits.bytes_max = 0; limits.bytes_max < 5000; limits.bytes_max += 1249) {
                const struct outcome outcome = run(streams[i].coding, limits, packed, sizes);
                assert_int_equal(outcome.status, 413);
                assert_string_equal(outcome.why, "the body is too large once it is inflated");
                assert_true(outcome.made <= limits.bytes_max);
            }
        }
    }
    release_streams(streams);
    free(text);
}

static void test_ratio(void **state)
{
    (void)state;
    static const enum tide_coding codings[] = {
        TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD};
    char *zeros = calloc(1, OUTPUT_MAX);
    assert_non_null(zeros);
    for (size_t i = 0; i < 3; i++) {
        struct tide_bytes packed = {0};
        pack(codings[i], (struct tide_view){zeros, OUTPUT_MAX}, &packed);
        struct tide_inflate_limits limits = tide_inflate_limits_default(OUTPUT_MAX);
        const struct outcome outcome = run_whole(codings[i], limits, tide_bytes_view(&packed));
        assert_int_equal(outcome.status, 413);
        assert_string_equal(outcome.why, "the body is compressed too much");
        /* Refused in the step that crosses the line, not at the end. */
        assert_true(outcome.made <= limits.ratio_from + (64 << 10));
        limits.ratio_max = 1000000;
        assert_int_equal(run_whole(codings[i], limits, tide_bytes_view(&packed)).status, 0);
        /* Below the line density does not matter. */
        tide_bytes_reset(&packed);
        limits = tide_inflate_limits_default(OUTPUT_MAX);
        pack(codings[i], (struct tide_view){zeros, limits.ratio_from}, &packed);
        assert_int_equal(run_whole(codings[i], limits, tide_bytes_view(&packed)).status, 0);
        tide_bytes_release(&packed);
    }
    free(zeros);
}

/* A bomb of many small frames: what they make together is what counts. */
static void test_ratio_of_frames(void **state)
{
    (void)state;
    static const enum tide_coding codings[] = {TIDE_CODING_GZIP, TIDE_CODING_ZSTD};
    char *zeros = calloc(1, 128 << 10);
    assert_non_null(zeros);
    for (size_t i = 0; i < 2; i++) {
        struct tide_bytes packed = {0};
        for (int k = 0; k < 20; k++) {
            pack(codings[i], (struct tide_view){zeros, 128 << 10}, &packed);
        }
        const struct outcome outcome = run_whole(
            codings[i], tide_inflate_limits_default(OUTPUT_MAX), tide_bytes_view(&packed));
        assert_int_equal(outcome.status, 413);
        assert_string_equal(outcome.why, "the body is compressed too much");
        tide_bytes_release(&packed);
    }
    free(zeros);
}

static void test_members_max(void **state)
{
    (void)state;
    static const enum tide_coding codings[] = {TIDE_CODING_GZIP, TIDE_CODING_ZSTD};
    for (size_t i = 0; i < 2; i++) {
        struct tide_bytes packed = {0};
        for (int k = 0; k < 1000; k++) {
            pack(codings[i], TIDE_VIEW("a"), &packed);
        }
        const struct tide_inflate_limits limits = tide_inflate_limits_default(OUTPUT_MAX);
        struct outcome outcome = run_whole(codings[i], limits, tide_bytes_view(&packed));
        assert_int_equal(outcome.status, 0);
        assert_int_equal(outcome.made, 1000);
        pack(codings[i], TIDE_VIEW("a"), &packed);
        outcome = run_whole(codings[i], limits, tide_bytes_view(&packed));
        assert_int_equal(outcome.status, 413);
        assert_string_equal(outcome.why, "the compressed body has too many parts");
        tide_bytes_release(&packed);
    }
}

/* A frame by hand: descriptor, window, one raw block that is the last. */
static void test_window(void **state)
{
    (void)state;
    static const struct {
        struct tide_view head;
        unsigned status;
    } rows[] = {
        {{"\x28\xb5\x2f\xfd\x00\x68", 6}, 0},               /* 8 MiB */
        {{"\x28\xb5\x2f\xfd\x00\x69", 6}, 413},             /* 9 MiB */
        {{"\x28\xb5\x2f\xfd\x00\xff", 6}, 413},             /* the largest there is */
        {{"\x28\xb5\x2f\xfd\xa0\x01\x00\x00\x00", 9}, 0},   /* one segment of a byte */
        {{"\x28\xb5\x2f\xfd\xa0\x01\x00\x80\x00", 9}, 413}, /* of 8 MiB and one */
        {{"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\xff", 13}, 413},
        {{"\x28\xb5\x2f\xfd\x08\x00", 6}, 400},     /* a reserved bit */
        {{"\x28\xb5\x2f\xfd\x01\x00\x07", 7}, 400}, /* a dictionary */
        {{"\x27\xb5\x2f\xfd\x00\x00", 6}, 400},     /* another magic: an old version */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tide_bytes frame = {0};
        tide_bytes_append_view(&frame, rows[i].head);
        tide_bytes_append_view(&frame, TIDE_VIEW("\x09\x00\x00z"));
        const struct outcome outcome =
            run_whole(TIDE_CODING_ZSTD, loose(), tide_bytes_view(&frame));
        if (outcome.status != rows[i].status) {
            fail_msg("row %zu: %u %s", i, outcome.status, outcome.why);
        }
        tide_inflate_rest(inflate);
        tide_bytes_release(&frame);
    }
}

/* ---- broken streams ---- */

/* A frame that says three bytes and holds none, in every cut: found by the fuzzer. */
static void test_frame_size(void **state)
{
    (void)state;
    const struct tide_view frame = {"\x28\xb5\x2f\xfd\x20\x03\x01\x00\x00", 9};
    const struct tide_view empty = {"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", 9};
    for (size_t cut = 1; cut <= frame.size; cut++) {
        const size_t sizes[3] = {cut, cut, 100};
        assert_int_equal(run(TIDE_CODING_ZSTD, loose(), frame, sizes).status, 400);
        assert_int_equal(run(TIDE_CODING_ZSTD, loose(), empty, sizes).status, 0);
    }
}

/* Only what RFC 8878 calls a frame; the library knows older ones, and would take this one. */
static void test_magic(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        char old[] = "?\xb5\x2f\xfd\x00\x00\x01\x00\x00";
        char skippable[] = "?\x2a\x4d\x18\x01\x00\x00\x00x";
        old[0] = (char)first;
        skippable[0] = (char)first;
        for (size_t cut = 1; cut <= 9; cut += 4) {
            const size_t sizes[3] = {cut, cut, 100};
            const struct outcome frame =
                run(TIDE_CODING_ZSTD, loose(), (struct tide_view){old, 9}, sizes);
            assert_int_equal(frame.status, first == 0x28 ? 0 : 400);
            const struct outcome skipped =
                run(TIDE_CODING_ZSTD, loose(), (struct tide_view){skippable, 9}, sizes);
            assert_int_equal(skipped.status, first >= 0x50 && first <= 0x5f ? 0 : 400);
        }
    }
}

static void test_cut_off(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    char *text = make_plain(400);
    make_streams((struct tide_view){text, 400}, streams);
    for (size_t i = 0; i < STREAMS; i++) {
        const struct tide_view packed = tide_bytes_view(&streams[i].bytes);
        unsigned whole = 0;
        for (size_t size = 0; size < packed.size; size++) {
            const struct outcome outcome =
                run_whole(streams[i].coding, loose(), tide_view_slice(packed, 0, size));
            if (outcome.status == 0) {
                whole++; /* the members before the cut */
                continue;
            }
            assert_int_equal(outcome.status, 400);
            assert_string_equal(outcome.why, "the compressed body is cut off");
        }
        assert_int_equal(whole, i == 1 ? 2 : i == 5 ? 3 : 0);
    }
    release_streams(streams);
    free(text);
}

/* Every byte, every bit: refused, or the same text (a time stamp, an unused flag), unless nothing
 * guards it: a raw stream has no checksum, and our zstd frames have none either. */
static void test_corrupt(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    char *text = make_plain(400);
    const struct tide_view plain = {text, 400};
    make_streams(plain, streams);
    for (size_t i = 0; i < STREAMS; i++) {
        struct tide_bytes *bytes = &streams[i].bytes;
        const bool is_guarded = streams[i].coding == TIDE_CODING_GZIP || i == 2;
        unsigned refused = 0;
        for (size_t bit = 0; bit < bytes->size * 8; bit++) {
            const char mask = (char)(1U << (bit % 8));
            bytes->data[bit / 8] ^= mask;
            const struct outcome outcome =
                run_whole(streams[i].coding, loose(), tide_bytes_view(bytes));
            bytes->data[bit / 8] ^= mask;
            if (outcome.status != 0) {
                assert_true(outcome.status == 400 || outcome.status == 413);
                refused++;
            } else if (is_guarded) {
                assert_true(tide_view_equal(plain, (struct tide_view){output, outcome.made}));
            }
        }
        assert_true(refused > bytes->size); /* an eighth of the bits, at the very least */
    }
    release_streams(streams);
    free(text);
}

static void test_trailing(void **state)
{
    (void)state;
    static const struct tide_view tails[] = {
        {"\0", 1}, {"\n", 1}, {"x", 1}, {"\x1f", 1}, {"\x1f\x8b", 2}, {"\x28\xb5\x2f\xfe", 4}};
    struct stream streams[STREAMS];
    make_streams(TIDE_VIEW("some text of an event"), streams);
    for (size_t i = 0; i < STREAMS; i++) {
        for (size_t k = 0; k < sizeof(tails) / sizeof(tails[0]); k++) {
            struct tide_bytes packed = {0};
            tide_bytes_append_view(&packed, tide_bytes_view(&streams[i].bytes));
            tide_bytes_append_view(&packed, tails[k]);
            const struct outcome outcome =
                run_whole(streams[i].coding, loose(), tide_bytes_view(&packed));
            assert_int_equal(outcome.status, 400);
            tide_bytes_release(&packed);
        }
    }
    /* Two zlib streams in a row are no body: the coding has one. */
    struct tide_bytes twice = {0};
    pack(TIDE_CODING_DEFLATE, TIDE_VIEW("a"), &twice);
    pack(TIDE_CODING_DEFLATE, TIDE_VIEW("b"), &twice);
    const struct outcome outcome = run_whole(TIDE_CODING_DEFLATE, loose(), tide_bytes_view(&twice));
    assert_int_equal(outcome.status, 400);
    assert_string_equal(outcome.why, "something stands behind the compressed body");
    tide_bytes_release(&twice);
    release_streams(streams);
}

static void test_wrong_coding(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    static const enum tide_coding codings[] = {
        TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD};
    make_streams(TIDE_VIEW("{\"eid\":\"LOG\"}"), streams);
    for (size_t i = 0; i < STREAMS; i++) {
        for (size_t c = 0; c < 3; c++) {
            const struct outcome outcome =
                run_whole(codings[c], loose(), tide_bytes_view(&streams[i].bytes));
            assert_int_equal(outcome.status, codings[c] == streams[i].coding ? 0 : 400);
        }
    }
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(run_whole(codings[c], loose(), TIDE_VIEW("{\"eid\":\"LOG\"}")).status,
                         400);
    }
    /* A zlib stream that names a dictionary. */
    const struct outcome outcome = run_whole(
        TIDE_CODING_DEFLATE, loose(), TIDE_VIEW("\x78\xbb\x12\x34\x56\x78\x03\0\0\0\0\x01"));
    assert_int_equal(outcome.status, 400);
    assert_string_equal(outcome.why, "the compressed body wants a dictionary");
    release_streams(streams);
}

/* One body after the other in one workspace, whole or not, in any coding. */
static void test_reuse(void **state)
{
    (void)state;
    struct stream streams[STREAMS];
    char *text = make_plain(900);
    const struct tide_view plain = {text, 900};
    make_streams(plain, streams);
    for (size_t i = 0; i < 200; i++) {
        const struct stream *stream = &streams[i * 5 % STREAMS];
        const size_t sizes[3] = {SIZE_MAX, SIZE_MAX, 1000};
        const struct tide_view packed = tide_bytes_view(&stream->bytes);
        struct tide_inflate_limits limits = loose();
        limits.bytes_max = i % 3 == 0 ? 10 : 900;
        const size_t size = i % 3 == 1 ? packed.size / 3 : packed.size;
        const unsigned status =
            run_whole(stream->coding, limits, tide_view_slice(packed, 0, size)).status;
        assert_true(i % 3 == 2 ? status == 0 : status == 400 || status == 413);
        check_same(stream, sizes, plain);
        if (i % 10 == 0) {
            tide_inflate_rest(inflate);
        }
    }
    release_streams(streams);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_larger),
        cmocka_unit_test(test_nothing_inside),
        cmocka_unit_test(test_bytes_max),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_ratio_of_frames),
        cmocka_unit_test(test_members_max),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_frame_size),
        cmocka_unit_test(test_magic),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_wrong_coding),
        cmocka_unit_test(test_reuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
