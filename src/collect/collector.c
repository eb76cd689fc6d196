/* Two pools, both bounded and made at the start. An intake decodes one body; it is needed only
 * until the log has copied the records. A ticket stands for one submission until it is answered; it
 * holds what the answer says.
 *
 *     submit:  ticket -> intake -> decode -> order -> append --(taken)--> intake back, wait
 *                 |         |         |                  |
 *            503, repeat   503   413, repeat            503
 *     done (commit thread): durable -> answer 200 or 400, remember; else 503 -> ticket back
 *
 * A batch that comes again while the first is under way is appended like any other, and so is
 * another body under a known key: dedupe tells their events apart, and no sender is made to wait.
 *
 * `done` may come before append returns: after a successful append the ticket is no longer ours. */
#include "collect/collector.h"

#include "base/assert.h"
#include "collect/intake.h"
#include "collect/receipts.h"
#include "http/problem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    TICKETS_MAX = 1024, /* submissions that wait for the log */
    TICKET_ARENA_MAX = 16 << 20,
    TICKET_BYTES_KEPT_MAX = 64 << 10,
    RECEIPTS_BYTES_EACH = 4 << 10,
    RETRY_BUSY_S = 1,
    RETRY_LOG_S = 10,
    RETRY_STOPPING_S = 5,
};

struct ticket {
    struct tide_collector *collector;
    struct tide_submission submission;
    struct tide_answer answer;
    struct tide_arena arena; /* receipts, images, message id, key, why a body cannot be split */
    struct tide_log_append append;
    const char *images;  /* of its records, in the arena; NULL: none */
    uint32_t held_count; /* of images, by the handover */
    bool is_unsplit;
    struct tide_verdict verdict;
    struct tide_view message_id;
    struct tide_view key; /* of the receipt memory; empty: do not remember */
    struct tide_u128 body_hash;
    struct tide_u128 reply_message_id;
    struct ticket *next;
};

struct tide_collector {
    struct tide_collector_options options;
    struct tide_receipts *receipts; /* NULL: none are remembered */
    pthread_mutex_t mutex;          /* guards the two pools */
    struct ticket *free_tickets;
    struct tide_intake *free_intakes;
    struct ticket *tickets;
    struct tide_intake *intakes;
    atomic_bool is_draining;
    atomic_uint_fast64_t sequence;
    atomic_uint_fast64_t bodies;
    atomic_uint_fast64_t bodies_refused;
    atomic_uint_fast64_t bodies_repeated;
    atomic_uint_fast64_t events_accepted;
    atomic_uint_fast64_t events_rejected;
};

/* ---- the pools ---- */

static struct ticket *take_ticket(struct tide_collector *collector)
{
    (void)pthread_mutex_lock(&collector->mutex);
    struct ticket *ticket = collector->free_tickets;
    if (ticket != NULL) {
        collector->free_tickets = ticket->next;
    }
    (void)pthread_mutex_unlock(&collector->mutex);
    return ticket;
}

static void put_ticket(struct ticket *ticket)
{
    struct tide_collector *collector = ticket->collector;
    if (ticket->held_count > 0) {
        tide_handover_release(collector->options.handover, ticket->held_count);
    }
    struct tide_answer answer = ticket->answer;
    struct tide_arena arena = ticket->arena;
    tide_answer_reset(&answer);
    if (answer.errors.capacity > TICKET_BYTES_KEPT_MAX) {
        tide_answer_release(&answer);
    }
    if (arena.held > TICKET_BYTES_KEPT_MAX) {
        tide_arena_release(&arena);
        tide_arena_init(&arena, TICKET_ARENA_MAX);
    } else {
        tide_arena_reset(&arena);
    }
    *ticket = (struct ticket){.collector = collector, .answer = answer, .arena = arena};
    (void)pthread_mutex_lock(&collector->mutex);
    ticket->next = collector->free_tickets;
    collector->free_tickets = ticket;
    (void)pthread_mutex_unlock(&collector->mutex);
}

static struct tide_intake *take_intake(struct tide_collector *collector)
{
    (void)pthread_mutex_lock(&collector->mutex);
    struct tide_intake *intake = collector->free_intakes;
    if (intake != NULL) {
        collector->free_intakes = intake->next;
    }
    (void)pthread_mutex_unlock(&collector->mutex);
    return intake;
}

static void put_intake(struct tide_collector *collector, struct tide_intake *intake)
{
    tide_intake_reset(intake);
    (void)pthread_mutex_lock(&collector->mutex);
    intake->next = collector->free_intakes;
    collector->free_intakes = intake;
    (void)pthread_mutex_unlock(&collector->mutex);
}

/* ---- answers ---- */

static void answer_problem(const struct tide_submission *submission,
                           unsigned status,
                           const char *detail,
                           uint32_t retry_after_s)
{
    struct tide_bytes body = {0};
    tide_http_problem_write(status, tide_view_of(detail), &body);
    submission->answered(
        submission->context, status, "application/problem+json", &body, retry_after_s);
    tide_bytes_release(&body);
}

static void refuse(struct tide_collector *collector,
                   const struct tide_submission *submission,
                   const char *detail,
                   uint32_t retry_after_s)
{
    (void)atomic_fetch_add(&collector->bodies_refused, 1);
    answer_problem(submission, 503, detail, retry_after_s);
}

static void refuse_append(struct tide_collector *collector,
                          const struct tide_submission *submission,
                          enum tide_status status)
{
    switch (status) {
    case TIDE_AGAIN:
        refuse(collector, submission, "too much is waiting for the log", RETRY_BUSY_S);
        return;
    case TIDE_RETRY:
        refuse(collector, submission, "the log takes nothing just now", RETRY_LOG_S);
        return;
    case TIDE_FATAL:
        refuse(collector, submission, "the log is closed", RETRY_STOPPING_S);
        return;
    case TIDE_REJECT:
        answer_problem(submission, 413, "an event does not fit a frame of the log", 0);
        return;
    case TIDE_OK:
        break;
    }
    tide_assert(false);
}

static void remember(const struct ticket *ticket, unsigned status, const struct tide_bytes *body)
{
    if (ticket->key.size > 0 && !body->failed) {
        tide_receipts_remember(ticket->collector->receipts,
                               ticket->key,
                               ticket->body_hash,
                               status,
                               tide_bytes_view(body));
    }
}

static const char *content_type_of(unsigned status)
{
    return status == 200 ? "application/json" : "application/problem+json";
}

/* The events are durable, or there are none. */
static void answer_durable(struct ticket *ticket)
{
    struct tide_collector *collector = ticket->collector;
    const struct tide_submission *submission = &ticket->submission;
    const bool is_sunbird = submission->form == TIDE_COLLECT_SUNBIRD;
    struct tide_bytes body = {0};
    (void)atomic_fetch_add(&collector->events_accepted, ticket->answer.accepted);
    (void)atomic_fetch_add(&collector->events_rejected, ticket->answer.rejected);
    if (ticket->is_unsplit) {
        tide_answer_write_unsplit(ticket->verdict, &body);
        remember(ticket, 400, &body);
        submission->answered(submission->context, 400, content_type_of(400), &body, 0);
        tide_bytes_release(&body);
        return;
    }
    if (is_sunbird) {
        const struct tide_answer_sunbird sunbird = {
            .api_id = submission->api_id,
            .now = tide_clock_now(collector->options.clock),
            .message_id = ticket->message_id,
            .reply_message_id = ticket->reply_message_id,
        };
        tide_answer_write_sunbird_head(&sunbird, &body);
    }
    tide_answer_write(&ticket->answer, ticket->append.receipts, ticket->append.batch_count, &body);
    if (is_sunbird) {
        tide_answer_write_sunbird_tail(&body);
    }
    remember(ticket, 200, &body);
    submission->answered(submission->context, 200, content_type_of(200), &body, 0);
    tide_bytes_release(&body);
}

/* By the thread that syncs the log, before done. */
static void on_placed(void *context)
{
    const struct ticket *ticket = context;
    tide_handover_give(ticket->collector->options.handover,
                       ticket->append.receipts,
                       ticket->append.batch_count,
                       ticket->images);
}

/* By the thread that syncs the log. */
static void on_done(void *context, enum tide_status status, const struct tide_error *error)
{
    (void)error; /* whoever syncs says it once, for all */
    struct ticket *ticket = context;
    if (status == TIDE_OK) {
        answer_durable(ticket);
    } else {
        refuse_append(ticket->collector, &ticket->submission, status);
    }
    put_ticket(ticket);
}

/* ---- a submission ---- */

/* The form and where the key came from are part of it: answers differ by form. Without memory the
 * batch is not remembered. */
static void set_key(struct ticket *ticket, char origin, struct tide_view key)
{
    if (ticket->collector->receipts == NULL || key.size == 0) {
        return;
    }
    char *text = tide_arena_allocate_text(&ticket->arena, key.size + 2);
    if (text == NULL) {
        return;
    }
    text[0] = origin;
    text[1] = (char)('0' + (int)ticket->submission.form);
    memcpy(text + 2, key.data, key.size);
    ticket->key = (struct tide_view){text, key.size + 2};
}

/* true: answered as before. */
static bool answer_repeated(struct ticket *ticket)
{
    struct tide_collector *collector = ticket->collector;
    struct tide_bytes body = {0};
    unsigned status = 0;
    if (ticket->key.size == 0 ||
        !tide_receipts_find(collector->receipts, ticket->key, ticket->body_hash, &status, &body)) {
        return false;
    }
    (void)atomic_fetch_add(&collector->bodies_repeated, 1);
    const struct tide_submission *submission = &ticket->submission;
    submission->answered(submission->context, status, content_type_of(status), &body, 0);
    tide_bytes_release(&body);
    return true;
}

/* What the answer needs is copied from the intake, which goes back to the pool before. */
static enum tide_status copy_for_answer(struct ticket *ticket, const struct tide_intake *intake)
{
    struct tide_arena *arena = &ticket->arena;
    ticket->is_unsplit = intake->is_unsplit;
    ticket->verdict = intake->verdict;
    ticket->verdict.detail = tide_arena_copy(arena, intake->verdict.detail);
    ticket->message_id = tide_arena_copy(arena, intake->envelope_id);
    if (ticket->verdict.detail.data == NULL || ticket->message_id.data == NULL) {
        return TIDE_RETRY;
    }
    if (intake->batch_count > 0) {
        ticket->append.receipts =
            TIDE_ARENA_ARRAY(arena, struct tide_log_receipt, intake->batch_count);
        if (ticket->append.receipts == NULL) {
            return TIDE_RETRY;
        }
    }
    return ticket->answer.errors.failed ? TIDE_RETRY : TIDE_OK;
}

static void make_reply_message_id(struct ticket *ticket, struct tide_instant received)
{
    const uint64_t parts[4] = {
        (uint64_t)received.us,
        atomic_fetch_add(&ticket->collector->sequence, 1),
        ticket->body_hash.low,
        ticket->body_hash.high,
    };
    const struct tide_view bytes = {(const char *)parts, sizeof(parts)};
    ticket->reply_message_id = tide_hash128(bytes, ticket->collector->options.seed);
}

static enum tide_framing framing_of(enum tide_collect_form form)
{
    switch (form) {
    case TIDE_COLLECT_NDJSON:
        return TIDE_FRAMING_NDJSON;
    case TIDE_COLLECT_JSON:
        return TIDE_FRAMING_ARRAY;
    case TIDE_COLLECT_SUNBIRD:
        break;
    }
    return TIDE_FRAMING_DOCUMENT;
}

/* Where there are any, and there is room for them until the log has synced. */
static void hold_images(struct ticket *ticket, const struct tide_intake *intake)
{
    struct tide_handover *handover = ticket->collector->options.handover;
    if (intake->images == NULL || !tide_handover_hold(handover, intake->event_count)) {
        return;
    }
    ticket->held_count = intake->event_count;
    ticket->images = tide_intake_copy_images(intake, &ticket->arena);
    if (ticket->images != NULL) {
        ticket->append.placed = on_placed;
        ticket->append.placed_context = ticket;
    }
}

/* true: the ticket now belongs to the log, and will be answered by done. */
static bool append(struct ticket *ticket, const struct tide_intake *intake)
{
    struct tide_collector *collector = ticket->collector;
    const struct tide_submission submission = ticket->submission;
    ticket->append.batches = intake->batches;
    ticket->append.batch_count = intake->batch_count;
    ticket->append.done = on_done;
    ticket->append.context = ticket;
    hold_images(ticket, intake);
    struct tide_error error = {0};
    const enum tide_status status =
        collector->options.append(collector->options.append_context, &ticket->append, &error);
    if (status != TIDE_OK) {
        refuse_append(collector, &submission, status);
    }
    return status == TIDE_OK;
}

/* true: as append. false: it was answered. */
static bool process(struct ticket *ticket, struct tide_intake *intake)
{
    struct tide_collector *collector = ticket->collector;
    const struct tide_submission *submission = &ticket->submission;
    const struct tide_instant received = tide_clock_now(collector->options.clock);
    const struct tide_intake_origin origin = {received, submission->source};
    enum tide_status status = tide_intake_decode(
        intake, submission->body, framing_of(submission->form), &origin, &ticket->answer);
    if (submission->counted != NULL) {
        submission->counted(submission->context, ticket->answer.accepted + ticket->answer.rejected);
    }
    if (status == TIDE_REJECT) {
        answer_problem(submission, 413, "more than 262144 events in one body", 0);
        return false;
    }
    if (status == TIDE_OK && ticket->key.size == 0) {
        set_key(ticket, 'm', intake->envelope_id);
        if (answer_repeated(ticket)) {
            return false;
        }
    }
    if (status == TIDE_OK) {
        status = tide_intake_order(intake);
    }
    if (status == TIDE_OK) {
        status = copy_for_answer(ticket, intake);
    }
    if (status != TIDE_OK) {
        refuse(collector, submission, "no memory for this body", RETRY_BUSY_S);
        return false;
    }
    make_reply_message_id(ticket, received);
    if (intake->batch_count == 0) {
        answer_durable(ticket);
        return false;
    }
    return append(ticket, intake);
}

static void run_ticket(struct ticket *ticket, struct tide_submission submission)
{
    struct tide_collector *collector = ticket->collector;
    ticket->submission = submission;
    ticket->body_hash = tide_hash128(submission.body, 0);
    bool is_waiting = false;
    set_key(ticket, 'k', submission.idempotency_key);
    if (!answer_repeated(ticket)) {
        struct tide_intake *intake = take_intake(collector);
        if (intake == NULL) {
            refuse(collector, &submission, "too many bodies at the same time", RETRY_BUSY_S);
        } else {
            is_waiting = process(ticket, intake);
            put_intake(collector, intake);
        }
    }
    if (!is_waiting) {
        put_ticket(ticket);
    }
}

void tide_collector_submit(struct tide_collector *collector,
                           const struct tide_submission *submission)
{
    tide_assert(submission->answered != NULL);
    tide_assert(submission->form != TIDE_COLLECT_SUNBIRD || submission->api_id != NULL);
    tide_assert(submission->source.size <= TIDE_LOG_SOURCE_BYTES_MAX);
    (void)atomic_fetch_add(&collector->bodies, 1);
    if (atomic_load(&collector->is_draining)) {
        refuse(collector, submission, "the service is stopping", RETRY_STOPPING_S);
        return;
    }
    struct ticket *ticket = take_ticket(collector);
    if (ticket == NULL) {
        refuse(collector, submission, "too many bodies are waiting for the log", RETRY_BUSY_S);
        return;
    }
    run_ticket(ticket, *submission);
}

/* ---- life ---- */

static enum tide_status make_pools(struct tide_collector *collector, struct tide_error *error)
{
    const struct tide_collector_options *options = &collector->options;
    collector->tickets = calloc(TICKETS_MAX, sizeof(*collector->tickets));
    collector->intakes = calloc(options->parallel_max, sizeof(*collector->intakes));
    if (collector->tickets == NULL || collector->intakes == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the collector");
    }
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *ticket = &collector->tickets[i];
        ticket->collector = collector;
        tide_arena_init(&ticket->arena, TICKET_ARENA_MAX);
        ticket->next = collector->free_tickets;
        collector->free_tickets = ticket;
    }
    const struct tide_intake_options intake_options = {
        .schema = options->schema,
        .seed = options->seed,
        .partition_count = options->partition_count,
        .arrival = options->arrival,
        .topics = options->topics,
        .handover = options->handover,
    };
    for (size_t i = 0; i < options->parallel_max; i++) {
        struct tide_intake *intake = &collector->intakes[i];
        const enum tide_status status = tide_intake_init(intake, &intake_options, error);
        if (status != TIDE_OK) {
            return status;
        }
        intake->next = collector->free_intakes;
        collector->free_intakes = intake;
    }
    return TIDE_OK;
}

enum tide_status tide_collector_create(const struct tide_collector_options *options,
                                       struct tide_collector **collector,
                                       struct tide_error *error)
{
    tide_assert(options->schema != NULL && options->append != NULL);
    tide_assert(options->parallel_max > 0);
    tide_assert(options->partition_count > 0 &&
                options->partition_count <= TIDE_LOG_PARTITIONS_MAX);
    tide_assert(options->arrival != TIDE_ARRIVAL_FILE);
    tide_assert(options->handover == NULL || tide_handover_image_size(options->handover) ==
                                                 tide_row_image_size(options->schema));
    struct tide_collector *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory for the collector");
    }
    made->options = *options;
    (void)pthread_mutex_init(&made->mutex, NULL);
    enum tide_status status = make_pools(made, error);
    if (status == TIDE_OK && options->receipts_max > 0) {
        const size_t wanted = (size_t)options->receipts_max * RECEIPTS_BYTES_EACH;
        const struct tide_receipts_options receipts = {
            .receipts_max = options->receipts_max,
            .bytes_max = wanted < TIDE_COLLECTOR_RECEIPTS_BYTES_MAX
                             ? wanted
                             : TIDE_COLLECTOR_RECEIPTS_BYTES_MAX,
            .keep = options->receipts_keep,
            .clock = options->clock,
        };
        status = tide_receipts_create(&receipts, &made->receipts, error);
    }
    if (status != TIDE_OK) {
        tide_collector_destroy(made);
        return status;
    }
    *collector = made;
    return TIDE_OK;
}

void tide_collector_destroy(struct tide_collector *collector)
{
    if (collector == NULL) {
        return;
    }
    for (size_t i = 0; collector->tickets != NULL && i < TICKETS_MAX; i++) {
        tide_assert(collector->tickets[i].append.done == NULL); /* none is under way */
        tide_answer_release(&collector->tickets[i].answer);
        tide_arena_release(&collector->tickets[i].arena);
    }
    for (size_t i = 0; collector->intakes != NULL && i < collector->options.parallel_max; i++) {
        tide_intake_release(&collector->intakes[i]);
    }
    free(collector->tickets);
    free(collector->intakes);
    tide_receipts_destroy(collector->receipts);
    (void)pthread_mutex_destroy(&collector->mutex);
    free(collector);
}

void tide_collector_drain(struct tide_collector *collector)
{
    atomic_store(&collector->is_draining, true);
}

struct tide_collector_facts tide_collector_facts(const struct tide_collector *collector)
{
    return (struct tide_collector_facts){
        .bodies = atomic_load(&collector->bodies),
        .bodies_refused = atomic_load(&collector->bodies_refused),
        .bodies_repeated = atomic_load(&collector->bodies_repeated),
        .events_accepted = atomic_load(&collector->events_accepted),
        .events_rejected = atomic_load(&collector->events_rejected),
    };
}
