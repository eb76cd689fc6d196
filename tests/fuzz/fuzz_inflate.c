/* Any bytes as a compressed body, cut as the input says: whole and in pieces there is one outcome
 * and one text (but for a tight ratio, which is looked at between steps), and the caps hold.
 *
 * The first byte: two bits of coding, one of limits; the second: how large pieces and outputs are.
 * Half of the inputs are plain text that is compressed first, so that good streams are seen too;
 * then a byte of the stream is changed where the third byte says so. */
#include "base/assert.h"
#include "http/body.h"
#include "http/compress.h"
#include "http/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    HEAD = 3,
    ENCODE = 0x80, /* in the first byte */
    PLAIN_MAX = 1 << 16,
    BUDGET = 1 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    unsigned status;
    struct tide_bytes text;
};

static struct tide_inflate *workspace(void)
{
    static struct tide_inflate *inflate; /* as in the server: one for many bodies */
    if (inflate == NULL) {
        const enum tide_status status = tide_inflate_create(&inflate, NULL);
        tide_assert(status == TIDE_OK);
    }
    return inflate;
}

static struct tide_body_budget *budget(void)
{
    static struct tide_body_budget *made;
    if (made == NULL) {
        const enum tide_status status = tide_body_budget_create(BUDGET, 1, &made, NULL);
        tide_assert(status == TIDE_OK);
    }
    return made;
}

static struct result run(enum tide_coding coding,
                         struct tide_inflate_limits limits,
                         struct tide_view stream,
                         size_t piece,
                         size_t room)
{
    struct tide_inflate *inflate = workspace();
    struct result result = {0};
    const char *why = NULL;
    tide_inflate_begin(inflate, coding, limits);
    while (result.status == 0 && stream.size > 0) {
        struct tide_view input =
            tide_view_slice(stream, 0, piece < stream.size ? piece : stream.size);
        const size_t given = input.size;
        size_t made = 0;
        do {
            char output[512];
            tide_assert(room <= sizeof(output));
            result.status = tide_inflate_step(inflate, &input, output, room, &made, &why);
            tide_assert(made <= room && input.size <= given);
            tide_bytes_append(&result.text, output, made);
            tide_assert(result.text.size <= limits.bytes_max);
        } while (result.status == 0 && (input.size > 0 || made == room));
        stream = tide_view_slice(stream, given - input.size, stream.size - (given - input.size));
    }
    if (result.status == 0) {
        result.status = tide_inflate_end(inflate, &why);
    }
    tide_assert(result.status == 0 || (why != NULL && *why != '\0'));
    return result;
}

/* In the server's way: all at once, into a budget that must be whole afterwards. */
static void check_body(enum tide_coding coding, struct tide_view stream, const struct result *whole)
{
    struct tide_body body = {0};
    const char *why = NULL;
    unsigned status = tide_body_take(budget(), &body, stream, PLAIN_MAX, &why);
    tide_assert(status == 0);
    status = tide_body_inflate(budget(), &body, coding, PLAIN_MAX, &why);
    tide_assert(status == whole->status);
    tide_assert(body.held == body.bytes.size && body.bytes.capacity <= PLAIN_MAX);
    tide_assert(status != 0 ||
                tide_view_equal(tide_bytes_view(&body.bytes), tide_bytes_view(&whole->text)));
    tide_body_release(budget(), &body);
    tide_assert(tide_body_budget_fits(budget(), BUDGET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum tide_coding codings[] = {
        TIDE_CODING_GZIP, TIDE_CODING_DEFLATE, TIDE_CODING_ZSTD, TIDE_CODING_GZIP};
    if (size < HEAD || size > PLAIN_MAX) {
        return 0;
    }
    const enum tide_coding coding = codings[data[0] & 3];
    struct tide_inflate_limits limits = tide_inflate_limits_default(PLAIN_MAX);
    struct tide_bytes stream = {0};
    const struct tide_view rest = {(const char *)data + HEAD, size - HEAD};
    if ((data[0] & ENCODE) != 0) {
        const enum tide_status status = tide_compress(coding, rest, &stream, NULL);
        tide_assert(status == TIDE_OK);
        stream.data[data[2] % stream.size] ^= (char)(data[2] >> 6);
    } else {
        tide_bytes_append_view(&stream, rest);
    }
    if ((data[0] & 4) != 0) {
        limits.ratio_max = 4;
        limits.ratio_from = 64;
    }
    const struct tide_view view = tide_bytes_view(&stream);
    struct result whole = run(coding, limits, view, SIZE_MAX, 512);
    struct result cut = run(coding, limits, view, 1U + (data[1] & 15), 1U + (data[1] >> 4) * 8U);
    const bool is_tight = (data[0] & 4) != 0;
    tide_assert(is_tight || (whole.status == 0) == (cut.status == 0));
    if (whole.status == 0 && cut.status == 0) {
        tide_assert(tide_view_equal(tide_bytes_view(&whole.text), tide_bytes_view(&cut.text)));
    }
    if (!is_tight && view.size <= PLAIN_MAX) {
        check_body(coding, view, &whole);
    }
    tide_bytes_release(&whole.text);
    tide_bytes_release(&cut.text);
    tide_bytes_release(&stream);
    return 0;
}
