/* A request as text, through the gate, the collector's routes, what makes a compressed body plain,
 * and the collector: everything but the socket. The input is a request line, header lines, an empty
 * line and the body; line ends are LF or CR LF, and HTTP/1.1's Host and Content-Length are added
 * where they are not there.
 *
 * Checked: it is answered exactly once; what is accepted has its events in the log, each with the
 * verdict that the answer counts, and the receipts count them too; a body that cannot be split is
 * one record; every answer is JSON; the same request with an Idempotency-Key is answered as before
 * and adds nothing. */
#include "collect/collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/json.h"
#include "http/exchange.h"
#include "support/schema_text.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_tide_http_reply(struct tide_http_exchange *exchange,
                            unsigned status,
                            const char *content_type,
                            struct tide_bytes *body,
                            uint32_t retry_after_s);

static const char schema_yaml[] =
    "name: t\nentity: who\nid: mid\ntime: at_\npayload: p\n"
    "envelope: {events: events, sent_time: sent, id: params.msgid}\n"
    "columns: {mid: {path: mid}, who: {path: who}, n: {path: p.n, type: int},\n"
    "  at_: {path: at, type: time_ms, required: true}}\n";

enum {
    PARTITIONS = 3,
    SEED = 1,
    HEADERS_MAX = 8,
    KEY_BYTES_MAX = 255,
    ANSWER_BYTES_KEPT = 1024, /* so short ones are always remembered */
    SIZE_MAX_INPUT = 1 << 16,
    BODIES_BYTES_MAX = 32 << 20
};

/* What the log was given, and what was answered. */
static struct {
    struct schema_text text;
    struct tide_collector *collector;
    struct tide_collector_door door;
    struct tide_body_budget *bodies;
    struct tide_http_route routes[TIDE_COLLECTOR_ROUTES];
    struct tide_decoder *decoder;
    struct tide_batch *batch;
    struct tide_clock_simulated clock;
    uint64_t record_count;
    uint64_t accepted_count; /* of them, by the reader's own decoding */
    uint64_t append_count;
    uint64_t offsets[PARTITIONS];
    unsigned answer_count;
    unsigned status;
    struct tide_bytes answer;
} it;

/* ---- the log ---- */

static void see_record(const struct tide_log_batch *batch, const struct tide_log_record *record)
{
    it.record_count++;
    if (record->reason != TIDE_REASON_ACCEPTED) {
        tide_assert(record->detail.size > 0);
        return;
    }
    tide_batch_reset(it.batch);
    tide_decoder_begin(it.decoder, record->text, TIDE_FRAMING_EVENT);
    tide_assert(tide_decoder_next(it.decoder, it.batch) == TIDE_OK);
    tide_assert(it.batch->row_count == 1);
    if (it.batch->verdicts[0].reason != TIDE_REASON_ACCEPTED) {
        return;
    }
    struct tide_event_times times;
    it.batch->sents[0] = batch->sent;
    it.accepted_count +=
        tide_batch_event_times(it.batch, 0, TIDE_ARRIVAL_LIVE, batch->received, &times) ==
        TIDE_REASON_ACCEPTED;
}

static enum tide_status append(void *context,
                               struct tide_log_append *item,
                               struct tide_error *error)
{
    (void)context;
    (void)error;
    it.append_count++;
    for (uint32_t i = 0; i < item->batch_count; i++) {
        const struct tide_log_batch *batch = &item->batches[i];
        tide_assert(batch->partition < PARTITIONS && batch->record_count > 0);
        for (uint32_t j = 0; j < batch->record_count; j++) {
            see_record(batch, &batch->records[j]);
        }
        item->receipts[i] = (struct tide_log_receipt){
            batch->partition, batch->record_count, it.offsets[batch->partition]};
        it.offsets[batch->partition] += batch->record_count;
    }
    item->done(item->context, TIDE_OK, NULL);
    return TIDE_OK;
}

static void setup(void)
{
    tide_assert(schema_text_load(&it.text, schema_yaml) != NULL);
    tide_assert(tide_decoder_create(it.text.schema, SEED, &it.decoder, NULL) == TIDE_OK);
    tide_assert(tide_batch_create(it.text.schema, 1, &it.batch, NULL) == TIDE_OK);
    it.clock.now.us = INT64_C(1774000000000000);
    const struct tide_collector_options options = {
        .schema = it.text.schema,
        .seed = SEED,
        .partition_count = PARTITIONS,
        .arrival = TIDE_ARRIVAL_LIVE,
        .clock = tide_clock_simulated(&it.clock),
        .parallel_max = 1,
        .receipts_max = 16,
        .receipts_keep = {INT64_C(3600000000)},
        .append = append,
    };
    tide_assert(tide_collector_create(&options, &it.collector, NULL) == TIDE_OK);
    it.door.collector = it.collector;
    tide_collector_routes(&it.door, it.routes);
    tide_assert(tide_body_budget_create(BODIES_BYTES_MAX, 1, &it.bodies, NULL) == TIDE_OK);
}

/* ---- the exchange, without the server's library ---- */

/* Takes the place of the server's (see meson.build). */
void __wrap_tide_http_reply(struct tide_http_exchange *exchange,
                            unsigned status,
                            const char *content_type,
                            struct tide_bytes *body,
                            uint32_t retry_after_s)
{
    (void)exchange;
    tide_assert(!body->failed && (status == 200 || status == 400 || status == 503));
    tide_assert(content_type != NULL && (retry_after_s > 0) == (status == 503));
    it.answer_count++;
    it.status = status;
    tide_bytes_reset(&it.answer);
    tide_bytes_append_view(&it.answer, tide_bytes_view(body));
    tide_bytes_release(body);
}

struct request {
    struct tide_view method, target, body;
    struct tide_gate_header headers[HEADERS_MAX + 2];
    size_t header_count;
    char length[24];
};

static struct tide_view take_line(struct tide_view *text)
{
    const char *newline = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
    size_t size = newline != NULL ? (size_t)(newline - text->data) : text->size;
    struct tide_view line = tide_view_slice(*text, 0, size);
    size += newline != NULL;
    *text = tide_view_slice(*text, size, text->size - size);
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r';
    return line;
}

static struct tide_view take_until(struct tide_view *line, char end)
{
    const char *at = line->size > 0 ? memchr(line->data, end, line->size) : NULL;
    size_t size = at != NULL ? (size_t)(at - line->data) : line->size;
    struct tide_view word = tide_view_slice(*line, 0, size);
    size += at != NULL;
    *line = tide_view_slice(*line, size, line->size - size);
    return word;
}

static void add_missing(struct request *request, const char *name, struct tide_view value)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (tide_gate_name_equal(request->headers[i].name, name)) {
            return;
        }
    }
    request->headers[request->header_count++] =
        (struct tide_gate_header){tide_view_of(name), value};
}

static void read_request(struct tide_view text, struct request *request)
{
    *request = (struct request){0};
    struct tide_view line = take_line(&text);
    request->method = take_until(&line, ' ');
    request->target = take_until(&line, ' ');
    while (text.size > 0 && request->header_count < HEADERS_MAX) {
        line = take_line(&text);
        if (line.size == 0) {
            break;
        }
        const struct tide_view name = take_until(&line, ':');
        request->headers[request->header_count++] =
            (struct tide_gate_header){name, tide_gate_trim(line)};
    }
    request->body = text;
    (void)snprintf(request->length, sizeof request->length, "%zu", text.size);
    add_missing(request, "host", TIDE_VIEW("localhost"));
    add_missing(request, "content-length", tide_view_of(request->length));
}

/* What the server does between the library's calls. The status of a refusal, or 0. */
static unsigned admit(struct tide_http_exchange *exchange, const struct request *request)
{
    const char *why = NULL;
    exchange->request = (struct tide_gate_request){
        .method = request->method,
        .target = request->target,
        .version = TIDE_VIEW("HTTP/1.1"),
        .headers = request->headers,
        .header_count = request->header_count,
    };
    unsigned status = tide_gate_check(&exchange->request, &exchange->facts, &why);
    if (status == 0) {
        status = tide_exchange_split_target(exchange, &why);
    }
    if (status == 0) {
        status = tide_exchange_find_route(exchange, it.routes, TIDE_COLLECTOR_ROUTES, &why);
    }
    if (status == 0) {
        const struct tide_gate_body wanted = {exchange->route->body_bytes_max,
                                              exchange->route->content_types,
                                              exchange->route->takes_codings};
        status = tide_gate_check_body(&exchange->request, &exchange->facts, wanted, &why);
    }
    tide_assert(status == 0 || why != NULL || status == 204);
    return status;
}

/* Likewise, once the body is there. */
static unsigned take_body(struct tide_http_exchange *exchange, const struct request *request)
{
    const char *why = NULL;
    const size_t bytes_max = exchange->route->body_bytes_max;
    unsigned status = tide_body_take(it.bodies, &exchange->body, request->body, bytes_max, &why);
    if (status == 0 && exchange->facts.coding != TIDE_CODING_IDENTITY) {
        status =
            tide_body_inflate(it.bodies, &exchange->body, exchange->facts.coding, bytes_max, &why);
    }
    tide_assert(exchange->body.bytes.size <= bytes_max);
    tide_assert(status == 0 || (why != NULL && (status == 400 || status == 413)));
    return status;
}

/* false: it was refused before the collector saw it. */
static bool ask(struct request *request)
{
    struct tide_http_exchange *exchange = tide_exchange_create(NULL, request->target);
    tide_assert(exchange != NULL);
    exchange->headers = request->headers;
    unsigned status = admit(exchange, request);
    if (status == 0) {
        status = take_body(exchange, request);
    }
    if (status == 0) {
        it.answer_count = 0;
        it.append_count = it.record_count = it.accepted_count = 0;
        exchange->route->handle(exchange->route->context, exchange);
        tide_assert(it.answer_count == 1);
    }
    tide_body_release(it.bodies, &exchange->body);
    tide_exchange_destroy(exchange);
    return status == 0;
}

/* ---- what was answered ---- */

static uint64_t receipt_sum(const struct tide_json *result)
{
    const struct tide_json *list = tide_json_get(result, "receipt");
    uint64_t sum = 0;
    tide_assert(list != NULL);
    for (const struct tide_json *one = list->first; one != NULL; one = one->next) {
        uint64_t count = 0;
        tide_assert(tide_json_get_u64(one, "count", &count));
        sum += count;
    }
    return sum;
}

static void check_answer(void)
{
    struct tide_arena arena = {0};
    struct tide_json *json = NULL;
    const struct tide_view text = tide_bytes_view(&it.answer);
    tide_assert(tide_json_parse(&arena, text, &json, NULL) == TIDE_OK);
    if (it.status == 200) {
        const struct tide_json *result = tide_json_get(json, "result");
        result = result != NULL ? result : json;
        uint64_t accepted = 0;
        uint64_t rejected = 0;
        tide_assert(tide_json_get_u64(result, "accepted", &accepted));
        tide_assert(tide_json_get_u64(result, "rejected", &rejected));
        tide_assert(accepted == it.accepted_count && accepted + rejected == it.record_count);
        tide_assert(receipt_sum(result) == it.record_count);
    } else if (it.status == 400) {
        tide_assert(it.record_count == 1 && it.accepted_count == 0);
    }
    tide_arena_release(&arena);
}

/* Asks, and tells whether the answer is one that was remembered. */
static bool ask_again(struct request *request)
{
    const uint64_t before = tide_collector_facts(it.collector).bodies_repeated;
    tide_assert(ask(request));
    return tide_collector_facts(it.collector).bodies_repeated > before;
}

/* Of several headers the first is the one. */
static bool has_key(const struct request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct tide_gate_header *header = &request->headers[i];
        if (tide_gate_name_equal(header->name, "idempotency-key")) {
            return header->value.size > 0 && header->value.size <= KEY_BYTES_MAX;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (it.collector == NULL) {
        setup();
    }
    if (size == 0 || size > SIZE_MAX_INPUT) {
        return 0;
    }
    struct request request;
    read_request((struct tide_view){(const char *)data, size}, &request);
    const uint64_t repeated = tide_collector_facts(it.collector).bodies_repeated;
    if (!ask(&request)) {
        return 0;
    }
    if (tide_collector_facts(it.collector).bodies_repeated == repeated) {
        check_answer();
    } else { /* of an input before; one that cannot be split is remembered with its 400 */
        tide_assert(it.status == 200 || it.status == 400);
        tide_assert(it.append_count == 0);
    }
    const unsigned status = it.status;
    struct tide_bytes answer = it.answer;
    it.answer = (struct tide_bytes){0};
    const bool is_repeated = ask_again(&request);
    tide_assert(it.status == status);
    if (is_repeated) {
        tide_assert(it.append_count == 0);
        tide_assert(tide_view_equal(tide_bytes_view(&answer), tide_bytes_view(&it.answer)));
    } else {
        tide_assert(status != 200 || !has_key(&request) || answer.size > ANSWER_BYTES_KEPT);
        check_answer();
    }
    tide_bytes_release(&answer);
    return 0;
}
