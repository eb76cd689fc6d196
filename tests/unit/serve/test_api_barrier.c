/* Goal: the answer to a barrier is the state at the point that the lake has: its partitions, every
 * cell, and a last line; without the lake it is a 503 that may be asked again.
 * Method: events whose cells are worked out by hand, asked over HTTP, with a gate before the store
 * that the test shuts. */
#include "fixture.h"

#include "process/ledger.h"

struct gate {
    struct tide_store inner;
    _Atomic bool is_shut;
};

static struct gate gate;
static struct fixture *fixture;

/* ---- the gate */

static enum tide_status gate_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    struct gate *g = self;
    return g->inner.operations->get(g->inner.self, key, into, size_max, error);
}

static enum tide_status gate_put_if_absent(void *self,
                                           const char *key,
                                           struct tide_view content,
                                           struct tide_error *error)
{
    struct gate *g = self;
    return atomic_load(&g->is_shut)
               ? tide_error_set(error, TIDE_RETRY, "the gate is shut")
               : g->inner.operations->put_if_absent(g->inner.self, key, content, error);
}

static enum tide_status gate_put_file(void *self,
                                      const char *key,
                                      const char *scratch_path,
                                      struct tide_error *error)
{
    struct gate *g = self;
    return atomic_load(&g->is_shut)
               ? tide_error_set(error, TIDE_RETRY, "the gate is shut")
               : g->inner.operations->put_file(g->inner.self, key, scratch_path, error);
}

static enum tide_status gate_list(void *self,
                                  const char *prefix,
                                  void (*visit)(void *context,
                                                const struct tide_store_entry *entry),
                                  void *context,
                                  struct tide_error *error)
{
    struct gate *g = self;
    return g->inner.operations->list(g->inner.self, prefix, visit, context, error);
}

static enum tide_status gate_fetch(void *self,
                                   const char *key,
                                   struct tide_bytes *path,
                                   struct tide_error *error)
{
    struct gate *g = self;
    return g->inner.operations->fetch(g->inner.self, key, path, error);
}

static void gate_unpin(void *self, const char *key)
{
    struct gate *g = self;
    g->inner.operations->unpin(g->inner.self, key);
}

static enum tide_status gate_remove(void *self, const char *key, struct tide_error *error)
{
    struct gate *g = self;
    return g->inner.operations->remove(g->inner.self, key, error);
}

static void gate_close(void *self)
{
    struct gate *g = self;
    g->inner.operations->close(g->inner.self);
}

/* Puts the gate before the store of a fixture whose engine has not started. */
static void build_gate(void)
{
    static const struct tide_store_operations operations = {.get = gate_get,
                                                            .put_if_absent = gate_put_if_absent,
                                                            .put_file = gate_put_file,
                                                            .list = gate_list,
                                                            .fetch = gate_fetch,
                                                            .unpin = gate_unpin,
                                                            .remove = gate_remove,
                                                            .close = gate_close};
    struct tide_error error = {0};
    gate.inner = fixture->store;
    atomic_store(&gate.is_shut, false);
    fixture->store = (struct tide_store){&operations, &gate};
    tide_checkpointer_close(fixture->checkpointer);
    struct tide_checkpointer_options options = {.io = tide_io_os(),
                                                .clock = tide_clock_os(),
                                                .store = fixture->store,
                                                .writer = fixture->writer,
                                                .scratch_directory = fixture->scratch,
                                                .identity = fixture->identity,
                                                .engine = TIDE_VIEW("tidemark/test")};
    memcpy(options.layouts, fixture->layouts, sizeof(options.layouts));
    fixture_check(tide_checkpointer_open(&options, &fixture->checkpointer, &error), &error);
}

static int open_world(void **state)
{
    (void)state;
    fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->partition_count = 3;
    fixture_load(fixture, fixture_text, NULL);
    fixture_open_lake(fixture);
    build_gate();
    fixture_start_engine(fixture);
    fixture_start_server(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

/* ---- the answer */

struct answer {
    int64_t epochs[3];
    uint64_t next_offsets[3];
    struct tide_ledger ledger; /* of all partitions */
    const char *cells;         /* lines, without the first and the last */
};

static void read_partitions(const struct tide_json *partitions, struct answer *answer)
{
    assert_int_equal(partitions->count, 3);
    uint64_t expected = 0;
    for (const struct tide_json *p = partitions->first; p != NULL; p = p->next) {
        uint64_t index = 0;
        struct tide_ledger ledger;
        assert_true(tide_json_get_u64(p, "partition", &index));
        assert_int_equal(index, expected++);
        assert_true(tide_json_get_i64(p, "epoch", &answer->epochs[index]));
        assert_true(tide_json_get_u64(p, "next_offset", &answer->next_offsets[index]));
        assert_true(tide_ledger_read_json(tide_json_get(p, "ledger"), &ledger));
        assert_int_equal(ledger.verdicts, answer->next_offsets[index]);
        tide_ledger_add(&answer->ledger, &ledger);
    }
}

/* The body's first line, its cells, and the last line, which must count them. */
static struct answer must_pass(void)
{
    static char body[1 << 16];
    static char last[64];
    struct answer answer = {0};
    struct tide_view lake;
    unsigned cell_count = 0;
    if (fixture_ask(fixture, "POST", "/api/v1/barrier") != 200) {
        fail_msg("%u %s", fixture->response.status, fixture_body(fixture));
    }
    assert_true(fixture->response.body.size < sizeof(body));
    memcpy(body, fixture_body(fixture), fixture->response.body.size + 1);
    char *const head_end = strchr(body, '\n');
    assert_non_null(head_end);
    const struct tide_json *head =
        fixture_json(fixture, (struct tide_view){body, (size_t)(head_end - body)});
    const struct tide_json *barrier = tide_json_get(head, "barrier");
    assert_true(tide_json_get_text(barrier, "lake", &lake));
    assert_true(tide_view_equal(lake, TIDE_VIEW("file:./the \"lake\"")));
    read_partitions(tide_json_get(barrier, "partitions"), &answer);
    answer.cells = head_end + 1;
    char *const tail = strstr(answer.cells, "{\"end\"");
    assert_non_null(tail);
    for (const char *at = answer.cells; at < tail; at++) {
        cell_count += *at == '\n';
    }
    (void)snprintf(last, sizeof(last), "{\"end\":true,\"cells\":%u}\n", cell_count);
    assert_string_equal(tail, last); /* and nothing behind it */
    *tail = '\0';
    return answer;
}

static void begins_empty(void **state)
{
    (void)state;
    const struct answer answer = must_pass();
    const struct tide_ledger empty = {0};
    for (unsigned p = 0; p < 3; p++) {
        assert_int_equal(answer.epochs[p], -1); /* the lake has none */
        assert_int_equal(answer.next_offsets[p], 0);
    }
    assert_true(tide_ledger_equal(&answer.ledger, &empty));
    assert_string_equal(answer.cells, "");
}

#define DAY "\"start\": \"2026-03-08T00:00:00Z\", \"end\": \"2026-03-09T00:00:00Z\", "
#define HOUR "\"start\": \"2026-03-08T10:00:00Z\", \"end\": \"2026-03-08T11:00:00Z\", "

/* Metrics in the order of the file; of each its cells by window and group, merged and cut. */
static const char expected_cells[] =
    "{\"metric\": \"by_region\", " HOUR "\"group\": {\"region\": \"north\"}, \"value\": 2}\n"
    "{\"metric\": \"by_region\", " HOUR "\"group\": {\"region\": \"south\"}, \"value\": 1}\n"
    "{\"metric\": \"users\", " DAY "\"group\": {}, \"value\": 2}\n"
    "{\"metric\": \"spent\", " DAY
    "\"group\": {\"region\": \"north\", \"ok\": null}, \"value\": 3.5}\n"
    "{\"metric\": \"spent\", " DAY
    "\"group\": {\"region\": \"south\", \"ok\": null}, \"value\": null}\n"
    "{\"metric\": \"best\", " DAY "\"group\": {\"region\": \"north\"}, \"value\": 2}\n"
    "{\"metric\": \"paid\", " DAY "\"group\": {}, \"value\": 1.75, \"count\": 2, \"sum\": 3.5}\n";

static void append_sample(void)
{
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\",\"amount\":1.5");
    fixture_event(fixture, "bob", 60, ",\"region\":\"north\",\"amount\":2");
    fixture_event(fixture, "ann", 120, ",\"region\":\"south\"");
    fixture_settle(fixture);
}

static void answers_503_while_the_lake_is_away(void **state)
{
    (void)state;
    append_sample();
    atomic_store(&gate.is_shut, true);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier"), 503);
        assert_non_null(strstr(fixture_body(fixture), "no barrier now: the gate is shut"));
        assert_null(strstr(fixture_body(fixture), "\"end\""));
        assert_int_equal(fixture->response.retry_after_s, 1);
    }
    fixture_expect(fixture, "/api/v1/metrics/users", 200, "\"value\": 2"); /* the rest goes on */
    atomic_store(&gate.is_shut, false);
    while (fixture_ask(fixture, "POST", "/api/v1/barrier") == 503) {
        continue; /* an attempt that met the gate was still under way */
    }
    const struct answer answer = must_pass();
    assert_int_equal(answer.ledger.processed, 3);
    assert_string_equal(answer.cells, expected_cells);
}

static void tells_the_state_that_the_lake_has(void **state)
{
    (void)state;
    const uint32_t home = tide_partition_of(TIDE_VIEW("ann"), 3);
    const struct answer first = must_pass();
    const struct answer again = must_pass(); /* nothing came: the same point */
    assert_string_equal(again.cells, expected_cells);
    assert_memory_equal(first.epochs, again.epochs, sizeof(first.epochs));
    for (uint32_t p = 0; p < 3; p++) {
        const uint32_t other = tide_partition_of(TIDE_VIEW("bob"), 3);
        const uint64_t records = (p == home ? 2U : 0U) + (p == other ? 1U : 0U);
        assert_int_equal(first.next_offsets[p], records);
        assert_int_equal(first.epochs[p], records > 0 ? 0 : -1);
    }
    fixture_append(
        fixture, home, (struct tide_instant){FIXTURE_START_US}, TIDE_VIEW("{]\n{\"id\":\n"));
    fixture_settle(fixture);
    const struct answer last = must_pass();
    for (uint32_t p = 0; p < 3; p++) {
        assert_int_equal(last.epochs[p], first.epochs[p] + (p == home));
        assert_int_equal(last.next_offsets[p], first.next_offsets[p] + (p == home ? 2 : 0));
    }
    assert_int_equal(last.ledger.rejected[TIDE_REASON_JSON_INVALID], 2);
    assert_string_equal(last.cells, expected_cells);
}

static void takes_no_parameters(void **state)
{
    (void)state;
    assert_int_equal(fixture_ask(fixture, "POST", "/api/v1/barrier?metric=users"), 400);
    assert_non_null(strstr(fixture_body(fixture), "unknown parameter 'metric'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_empty),
        cmocka_unit_test(answers_503_while_the_lake_is_away),
        cmocka_unit_test(tells_the_state_that_the_lake_has),
        cmocka_unit_test(takes_no_parameters),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
