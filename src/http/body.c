#include "http/body.h"

#include "base/assert.h"
#include "http/inflate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
    PIECE_BYTES_MIN = 4 << 10, /* made at a time; four times what came, between these */
    PIECE_BYTES_MAX = 64 << 10,
};

struct tide_body_budget {
    size_t bytes_max;
    atomic_size_t held;
    pthread_mutex_t mutex;         /* guards the next two */
    struct tide_inflate **resting; /* a stack */
    uint32_t resting_count;
    uint32_t inflates_max;
};

enum tide_status tide_body_budget_create(size_t bytes_max,
                                         uint32_t inflates_max,
                                         struct tide_body_budget **budget,
                                         struct tide_error *error)
{
    tide_assert(inflates_max > 0);
    struct tide_body_budget *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->resting = calloc(inflates_max, sizeof(struct tide_inflate *));
    }
    if (made == NULL || made->resting == NULL) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "out of memory for the budget of bodies");
    }
    made->bytes_max = bytes_max;
    made->inflates_max = inflates_max;
    (void)pthread_mutex_init(&made->mutex, NULL);
    *budget = made;
    return TIDE_OK;
}

void tide_body_budget_destroy(struct tide_body_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    tide_assert(atomic_load(&budget->held) == 0);
    for (uint32_t i = 0; i < budget->resting_count; i++) {
        tide_inflate_destroy(budget->resting[i]);
    }
    (void)pthread_mutex_destroy(&budget->mutex);
    free(budget->resting);
    free(budget);
}

bool tide_body_budget_fits(const struct tide_body_budget *budget, uint64_t bytes)
{
    const size_t held = atomic_load(&budget->held);
    return held <= budget->bytes_max && bytes <= budget->bytes_max - held;
}

/* false: nothing was booked. */
static bool book(struct tide_body_budget *budget, struct tide_body *body, size_t bytes)
{
    const size_t before = atomic_fetch_add(&budget->held, bytes);
    if (before > budget->bytes_max || bytes > budget->bytes_max - before) {
        (void)atomic_fetch_sub(&budget->held, bytes);
        return false;
    }
    body->held += bytes;
    return true;
}

static void unbook(struct tide_body_budget *budget, struct tide_body *body, size_t bytes)
{
    tide_assert(bytes <= body->held);
    body->held -= bytes;
    (void)atomic_fetch_sub(&budget->held, bytes);
}

static unsigned refuse(unsigned status, const char *text, const char **why)
{
    *why = text;
    return status;
}

unsigned tide_body_take(struct tide_body_budget *budget,
                        struct tide_body *body,
                        struct tide_view piece,
                        size_t bytes_max,
                        const char **why)
{
    if (body->bytes.size > bytes_max || piece.size > bytes_max - body->bytes.size) {
        return refuse(413, "the body is too large", why);
    }
    if (!book(budget, body, piece.size)) {
        return refuse(503, "too many bodies are under way", why);
    }
    body->bytes.size_max = bytes_max;
    tide_bytes_append_view(&body->bytes, piece);
    return body->bytes.failed ? refuse(503, "no memory for the body", why) : 0;
}

/* ---- inflating ---- */

/* NULL: out of memory. */
static struct tide_inflate *wake(struct tide_body_budget *budget)
{
    struct tide_inflate *inflate = NULL;
    (void)pthread_mutex_lock(&budget->mutex);
    if (budget->resting_count > 0) {
        inflate = budget->resting[--budget->resting_count];
    }
    (void)pthread_mutex_unlock(&budget->mutex);
    if (inflate == NULL) {
        (void)tide_inflate_create(&inflate, NULL);
    }
    return inflate;
}

static void lay_down(struct tide_body_budget *budget, struct tide_inflate *inflate)
{
    tide_inflate_rest(inflate);
    (void)pthread_mutex_lock(&budget->mutex);
    if (budget->resting_count < budget->inflates_max) {
        budget->resting[budget->resting_count++] = inflate;
        inflate = NULL;
    }
    (void)pthread_mutex_unlock(&budget->mutex);
    tide_inflate_destroy(inflate);
}

static size_t piece_size(size_t came)
{
    if (came < PIECE_BYTES_MIN / 4) {
        return PIECE_BYTES_MIN;
    }
    return came < PIECE_BYTES_MAX / 4 ? came * 4 : PIECE_BYTES_MAX;
}

struct making {
    struct tide_inflate *inflate;
    struct tide_view input; /* what is left of it */
    struct tide_body plain;
    size_t piece;
    bool is_full; /* there may be more without more input */
};

/* One step into plain, booked before. */
static unsigned make_piece(struct tide_body_budget *budget, struct making *making, const char **why)
{
    char beyond; /* at the cap there is no room, and inflate says so if more would come */
    struct tide_bytes *bytes = &making->plain.bytes;
    const size_t left = bytes->size_max - bytes->size;
    const size_t room = making->piece < left ? making->piece : left;
    size_t made = 0;
    if (!book(budget, &making->plain, room)) {
        return refuse(503, "too many bodies are under way", why);
    }
    if (room > 0 && !tide_bytes_reserve(bytes, room)) {
        return refuse(503, "no memory for the body", why);
    }
    const unsigned status = tide_inflate_step(making->inflate,
                                              &making->input,
                                              room > 0 ? bytes->data + bytes->size : &beyond,
                                              room > 0 ? room : 1,
                                              &made,
                                              why);
    tide_assert(made <= room);
    bytes->size += made;
    unbook(budget, &making->plain, room - made);
    making->is_full = room > 0 && made == room;
    return status;
}

unsigned tide_body_inflate(struct tide_body_budget *budget,
                           struct tide_body *body,
                           enum tide_coding coding,
                           size_t bytes_max,
                           const char **why)
{
    struct making making = {
        .inflate = wake(budget),
        .input = tide_bytes_view(&body->bytes),
        .piece = piece_size(body->bytes.size),
    };
    if (making.inflate == NULL) {
        return refuse(503, "no memory to inflate the body", why);
    }
    unsigned status = 0;
    tide_bytes_init(&making.plain.bytes, bytes_max);
    tide_inflate_begin(making.inflate, coding, tide_inflate_limits_default(bytes_max));
    while (status == 0 && (making.input.size > 0 || making.is_full)) {
        status = make_piece(budget, &making, why);
    }
    if (status == 0) {
        status = tide_inflate_end(making.inflate, why);
    }
    lay_down(budget, making.inflate);
    tide_body_release(budget, status == 0 ? body : &making.plain);
    if (status == 0) {
        *body = making.plain;
    }
    return status;
}

void tide_body_release(struct tide_body_budget *budget, struct tide_body *body)
{
    unbook(budget, body, body->held);
    tide_bytes_release(&body->bytes);
}
