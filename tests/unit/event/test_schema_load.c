/* Goal: a schema means what its YAML says, every mistake is found, and the hash moves exactly with
 * what decides verdict, uid, event time or partition. Method: one base text; each case replaces one
 * piece of it. */
#include "event/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/schema_text.h"

#include "base/banned.h"

static const char base_text[] =
    "name: shop\n"
    "entity: who\n"
    "id: mid\n"
    "type: kind\n"
    "time: at_\n"
    "received: seen\n"
    "payload: p.body\n"
    "envelope: {events: es, sent_time: ets, id: params.msgid}\n"
    "clock: {tolerance: 30s, max_ahead: 1m, max_age: 10d, out_of_orderness: 15m}\n"
    "dedupe: {key: id}\n"
    "strict: true\n"
    "columns:\n"
    "  who: {path: user.id}\n"
    "  client: {from: kind, map: [{'*.app': Mobile}, {'?': One}], default: Service}\n"
    "  mid: {path: mid}\n"
    "  kind: {path: kind, required: true}\n"
    "  at_: {path: at, type: time_ms, required: true}\n"
    "  seen: {path: syncts, type: time_iso}\n"
    "  price: {path: p.price, type: decimal}\n";

/* base_text with one piece replaced. */
static const struct tide_schema *load(struct schema_text *it, const char *piece, const char *by)
{
    static char text[4096];
    const char *at = strstr(base_text, piece);
    assert_non_null(at);
    int size = snprintf(
        text, sizeof text, "%.*s%s%s", (int)(at - base_text), base_text, by, at + strlen(piece));
    assert_true(size > 0 && (size_t)size < sizeof text);
    return schema_text_load(it, text);
}

static void test_meaning(void **state)
{
    (void)state;
    struct schema_text it;
    const struct tide_schema *schema = load(&it, "shop", "shop");
    assert_string_equal(it.messages.data == NULL ? "" : it.messages.data, "");
    assert_non_null(schema);
    assert_int_equal(schema->column_count, 7);
    assert_int_equal(schema->path_column_count, 6);
    assert_int_equal(schema->entity, 0);
    assert_int_equal(schema->id, 1);
    assert_int_equal(schema->event_type, 2);
    assert_int_equal(schema->time, 3);
    assert_int_equal(schema->received, 4);
    assert_true(schema->strict && schema->dedupe_by_id);
    assert_true(schema->columns[2].required && !schema->columns[0].required);
    assert_int_equal(schema->columns[5].type, TIDE_TYPE_DECIMAL);
    assert_true(tide_view_equal(schema->columns[0].pointer, TIDE_VIEW("/user/id")));
    assert_int_equal(schema->columns[0].path.depth, 2);
    assert_true(tide_view_equal(schema->columns[0].path.keys[1], TIDE_VIEW("id")));
    const struct tide_column *client = &schema->columns[6];
    assert_true(client->derived && client->has_default && client->from == 2);
    assert_int_equal(client->glob_count, 2);
    assert_true(tide_view_equal(client->globs[0].pattern, TIDE_VIEW("*.app")));
    assert_true(tide_view_equal(client->fallback, TIDE_VIEW("Service")));
    assert_true(tide_view_equal(schema->envelope_id.pointer, TIDE_VIEW("/params/msgid")));
    assert_int_equal(schema->payload.depth, 2);
    assert_true(schema->clock.max_age.us == INT64_C(864000000000));
    schema_text_release(&it);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *piece, *by, *message;
    } cases[] = {
        {"name: shop\n", "", "has no 'name'"},
        {"entity: who\n", "", "has no 'entity'"},
        {"id: mid\n", "", "has no 'id'"},
        {"time: at_\n", "", "has no 'time'"},
        {"entity: who", "entity: whom", "unknown column 'whom'; did you mean 'who'?"},
        {"entity: who", "entity: client", "'client' is derived"},
        {"time: at_", "time: price", "type time_ms or time_iso, not decimal"},
        {"type: time_ms, required: true", "type: time_ms", "must be required"},
        {"type: decimal", "type: decimel", "unknown type 'decimel'; did you mean 'decimal'?"},
        {"received: seen", "recieved: seen", "did you mean 'received'?"},
        {"payload: p.body", "payload: p..body", "a key without a name"},
        {"payload: p.body", "payload: a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "more than 16 keys"},
        {"{path: mid}", "{paths: mid}", "needs either 'path' or 'from'"},
        {"{path: mid}", "{path: mid, kind: int}", "unknown key 'kind'"},
        {"strict: true", "strict: maybe", "true or false"},
        {"strict: true", "validate: {json_schema: nowhere}", "validate needs 'by'"},
        {"strict: true", "validate: {json_schema: nowhere, by: k}", "'nowhere' is not built in"},
        {"tolerance: 30s", "tolerance: soon", "must be a duration"},
        {"key: id", "key: mid", "must be 'id'"},
        {"events: es, ", "", "an envelope needs 'events'"},
        {"from: kind", "from: price", "needs a string column, 'price' is decimal"},
        {"from: kind", "from: kinds", "unknown column 'kinds'; did you mean 'kind'?"},
        {"{'?': One}", "{'?': One, 'b': Two}", "one pair"},
        {"  price:", "  Price:", "must be lower-case"},
        {"  price:", "  _price:", "underscore"},
        {"  price:", "  select:", "reserved word"},
        {"  price:", "  event_time:", "the lake's own"},
        {"  price:", "  9a:", "not start with a digit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema_text it;
        assert_null(load(&it, cases[i].piece, cases[i].by));
        if (strstr(it.messages.data, cases[i].message) == NULL) {
            fail_msg("case %zu: '%s' is not in:\n%s", i, cases[i].message, it.messages.data);
        }
        schema_text_release(&it);
    }
}

static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    struct schema_text it;
    assert_null(load(&it, "entity: who\nid: mid\n", "entity: nobody\nid: nothing\nwrong: 1\n"));
    assert_int_equal(it.diagnostics.error_count, 3);
    schema_text_release(&it);
}

/* Who only reads what was judged needs no schemas, and does not ask for them. */
static void test_judged(void **state)
{
    (void)state;
    struct schema_text base;
    struct schema_text it;
    struct tide_yaml *root = NULL;
    assert_non_null(load(&base, "shop", "shop"));
    assert_null(load(&it, "name: shop", "name: shop\nvalidate: {json_schema: gone, by: k}"));
    tide_diagnostics_init(&it.diagnostics, &it.arena);
    assert_true(tide_yaml_parse(&it.arena, &it.source, &it.diagnostics, &root));
    const struct tide_schema *schema = tide_schema_load_judged(&it.arena, root, &it.diagnostics);
    assert_non_null(schema);
    assert_int_equal(schema->validation.by.size, 0);
    assert_true(tide_u128_equal(schema->hash, base.schema->hash));
    schema_text_release(&it);
    schema_text_release(&base);
}

static void test_hash(void **state)
{
    (void)state;
    static const struct {
        const char *piece, *by;
        bool moves;
    } cases[] = {
        {"name: shop", "name: other", false},
        {"out_of_orderness: 15m", "out_of_orderness: 1m", false},
        {"default: Service", "default: Other", false},
        {"type: kind\n", "", false},
        {", id: params.msgid", "", false},
        {"tolerance: 30s", "tolerance: 31s", true},
        {"max_ahead: 1m", "max_ahead: 2m", true},
        {"max_age: 10d", "max_age: 11d", true},
        {"strict: true\n", "", true},
        {"dedupe: {key: id}\n", "", true},
        {"name: shop\n", "name: shop\nvalidate: {json_schema: sunbird-3.0, by: kind}\n", true},
        {"payload: p.body\n", "", true},
        {"entity: who", "entity: mid", true},
        {"id: mid", "id: kind", true},
        {"received: seen\n", "", true},
        {"events: es", "events: e.s", true},
        {"sent_time: ets, ", "", true},
        {"path: user.id", "path: user_id", true},
        {"type: decimal", "type: int", true},
        {"path: kind, required: true", "path: kind", true},
    };
    struct schema_text base;
    assert_non_null(load(&base, "shop", "shop"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema_text it;
        assert_non_null(load(&it, cases[i].piece, cases[i].by));
        if (tide_u128_equal(base.schema->hash, it.schema->hash) == cases[i].moves) {
            fail_msg("case %zu: the hash should %s", i, cases[i].moves ? "move" : "stay");
        }
        schema_text_release(&it);
    }
    schema_text_release(&base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
