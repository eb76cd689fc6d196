/* Goal: a request copies from every partition what it was asked for and no more; merged, narrowed
 * and cut to the top in that order. A partition that is missing is told, not passed over.
 * Method: a few events in three partitions whose cells are worked out by hand; requests without
 * HTTP, with the cells printed as lines. */
#include "fixture.h"

#include "serve/cell_query.h"

enum {
    BY_REGION, /* metrics in the order of fixture_text */
    USERS,
    SPENT,
    BEST,
    PAID,
    BEST_SHARE,
    ENTIRE,
    METRICS,
    MANY = 2 * TIDE_BATCH_ROWS_DEFAULT + 100,
};

#define ALWAYS TIDE_INSTANT_UNKNOWN

/* Those of fixture_text, and a ratio. */
static const char metrics_text[] =
    FIXTURE_SCHEMA "  by_region: {count: events, by: [region], every: 1h}\n"
                   "  users: {distinct: user_id, every: 1d}\n"
                   "  spent: {sum: amount, by: [region, ok], every: 1d}\n"
                   "  best: {count: events, by: [region], every: 1d, top: 1}\n"
                   "  paid: {mean: amount, where: 'kind == \"pay\"', every: 1d}\n"
                   "  best_share: {ratio: [best, entire]}\n"
                   "  entire: {count: events, every: 1d, over: 2d}\n";

static struct fixture *fixture;

static int open_world(void **state)
{
    (void)state;
    fixture = fixture_open_definitions(metrics_text, NULL, 3);
    assert_int_equal(fixture->definitions->metric_count, METRICS);
    fixture_event(fixture, "ann", 0, ",\"region\":\"north\",\"amount\":1.5,\"ok\":true");
    fixture_event(fixture, "bob", 60, ",\"region\":\"north\",\"amount\":2,\"ok\":true");
    fixture_event(fixture, "cid", 120, ",\"region\":\"south\",\"amount\":4,\"ok\":false");
    fixture_event(fixture, "ann", 3600, ",\"region\":\"south\"");
    fixture_event(fixture, "bob", 7200, "");
    fixture_settle(fixture);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

static void init(struct tide_cell_request *request, const struct tide_cell_scope *scope)
{
    struct tide_error error = {0};
    fixture_check(tide_cell_request_init(
                      request, fixture->definitions, fixture->partition_count, scope, &error),
                  &error);
}

static void ask(struct tide_cell_request *request, const struct tide_cell_scope *scope)
{
    init(request, scope);
    assert_true(tide_engine_visit(fixture->engine, tide_cell_request_visit, request));
}

static const struct tide_expression *parse(const char *filter)
{
    static struct tide_source source;
    static struct tide_diagnostics diagnostics;
    if (filter == NULL) {
        return NULL;
    }
    source = (struct tide_source){TIDE_VIEW("filter"), tide_view_of(filter)};
    tide_diagnostics_init(&diagnostics, &fixture->arena);
    const struct tide_expression *parsed =
        tide_expression_parse(&fixture->arena,
                              fixture->definitions->schema,
                              source.text,
                              (struct tide_position){&source, 1, 1, 1},
                              &diagnostics);
    assert_non_null(parsed);
    return parsed;
}

static struct tide_result *must_answer(const struct tide_cell_request *request,
                                       uint32_t metric,
                                       const char *filter)
{
    struct tide_result *result = NULL;
    struct tide_error error = {0};
    fixture_check(tide_cell_request_result(request, metric, parse(filter), &result, &error),
                  &error);
    return result;
}

/* "10:00 north 2; ", ..: the window's start, the groups, the number. */
static void print(const struct tide_result *result, struct tide_bytes *text)
{
    for (uint64_t i = 0; i < tide_result_count(result); i++) {
        const struct tide_result_row row = tide_result_at(result, i);
        const int64_t minutes = row.window.start.us / 60000000 % 1440;
        double number = 0;
        tide_bytes_append_format(text, "%02d:%02d ", (int)minutes / 60, (int)minutes % 60);
        for (size_t at = 0; at < row.group.size;) {
            tide_value_write_json(tide_value_decode(row.group, &at), text);
            tide_bytes_append_byte(text, ' ');
        }
        if (tide_result_number(result, &row, &number)) {
            tide_bytes_append_format(text, "%g; ", number);
        } else {
            tide_bytes_append_text(text, "null; ");
        }
    }
}

static struct tide_instant at(int64_t seconds)
{
    return (struct tide_instant){FIXTURE_START_US + seconds * 1000000};
}

static void merges_narrows_and_cuts(void **state)
{
    static const struct {
        uint32_t metric;
        int64_t from; /* seconds after the start; -1: unbounded */
        int64_t to;
        const char *filter;
        const char *cells;
    } cases[] = {
        {BY_REGION,
         -1,
         -1,
         NULL,
         "10:00 \"north\" 2; 10:00 \"south\" 1; 11:00 \"south\" 1; 12:00 null 1; "},
        {BY_REGION, 3600, -1, NULL, "11:00 \"south\" 1; 12:00 null 1; "},
        {BY_REGION, 1, -1, NULL, "11:00 \"south\" 1; 12:00 null 1; "}, /* windows' starts count */
        {BY_REGION, -1, 3600, NULL, "10:00 \"north\" 2; 10:00 \"south\" 1; "},
        {BY_REGION, -1, 3601, NULL, "10:00 \"north\" 2; 10:00 \"south\" 1; 11:00 \"south\" 1; "},
        {BY_REGION, 3600, 7200, NULL, "11:00 \"south\" 1; "},
        {BY_REGION, 3600, 3600, NULL, ""},
        {BY_REGION, -1, -1, "region == \"south\"", "10:00 \"south\" 1; 11:00 \"south\" 1; "},
        {BY_REGION, -1, -1, "region is null", "12:00 null 1; "},
        {BY_REGION, -1, -1, "region in [\"east\", \"west\"]", ""},
        {BY_REGION, 3600, 7200, "not region == \"north\"", "11:00 \"south\" 1; "},
        {USERS, -1, -1, NULL, "00:00 3; "},
        {SPENT,
         -1,
         -1,
         NULL,
         "00:00 null null null; 00:00 \"north\" true 3.5; 00:00 \"south\" null null; "
         "00:00 \"south\" false 4; "},
        {SPENT, -1, -1, "ok", "00:00 \"north\" true 3.5; "},
        {SPENT, -1, -1, "ok is null and region == \"south\"", "00:00 \"south\" null null; "},
        /* Of two regions with two events each, the first; but what is filtered out is no rival. */
        {BEST, -1, -1, NULL, "00:00 \"north\" 2; "},
        {BEST, -1, -1, "not region == \"north\"", "00:00 \"south\" 2; "},
        {BEST, -1, -1, "region is null", "00:00 null 1; "},
        {PAID, -1, -1, NULL, "00:00 2.5; "},
        /* Two of five. What is below the line has no regions to be narrowed by. */
        {BEST_SHARE, -1, -1, NULL, "00:00 \"north\" 0.4; "},
        {BEST_SHARE, -1, -1, "region is null", "00:00 null 0.2; "},
        {BEST_SHARE, 86400, 86401, NULL, "00:00 \"north\" 0.4; "}, /* not bounded here */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_cell_request request = {0};
        struct tide_bytes text = {0};
        const struct tide_cell_scope scope = {
            cases[i].metric,
            {cases[i].from < 0 ? ALWAYS : at(cases[i].from),
             cases[i].to < 0 ? ALWAYS : at(cases[i].to),
             ALWAYS},
        };
        ask(&request, &scope);
        struct tide_result *result = must_answer(&request, cases[i].metric, cases[i].filter);
        print(result, &text);
        if (strcmp(tide_bytes_terminated(&text), cases[i].cells) != 0) {
            fail_msg("case %zu: %s\nwanted %s", i, tide_bytes_terminated(&text), cases[i].cells);
        }
        tide_result_destroy(result);
        tide_cell_request_release(&request);
        tide_bytes_release(&text);
    }
}

/* All metrics at once, in any order, a part of a ratio before and after it: an answer leaves the
 * slots alone. */
static void answers_from_one_request(void **state)
{
    (void)state;
    static const struct {
        uint32_t metric;
        const char *filter;
        const char *cells;
    } cases[] = {
        {SPENT, "ok", "00:00 \"north\" true 3.5; "},
        {BEST, NULL, "00:00 \"north\" 2; "},
        {BEST_SHARE, NULL, "00:00 \"north\" 0.4; "},
        {BEST, "region is null", "00:00 null 1; "},
        {ENTIRE, NULL, "00:00 5; 00:00 5; "},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    const struct tide_cell_scope scope = {TIDE_METRICS_ALL, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    ask(&request, &scope);
    for (size_t i = 0; i < 2 * count; i++) {
        struct tide_bytes text = {0};
        struct tide_result *result =
            must_answer(&request, cases[i % count].metric, cases[i % count].filter);
        print(result, &text);
        assert_string_equal(tide_bytes_terminated(&text), cases[i % count].cells);
        tide_result_destroy(result);
        tide_bytes_release(&text);
    }
    tide_cell_request_release(&request);
}

/* Nobody copies what was not asked for: of a ratio its two parts, and no cells for facts. */
static void copies_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        uint32_t metric;
        bool wanted[METRICS];
    } cases[] = {
        {SPENT, {[SPENT] = true}},
        {BEST_SHARE, {[BEST] = true, [ENTIRE] = true}},
        {TIDE_METRICS_NONE, {false}},
        {TIDE_METRICS_ALL, {true, true, true, true, true, false, true}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tide_cell_scope scope = {cases[i].metric, TIDE_CELL_SPAN_ALL};
        struct tide_cell_request request = {0};
        ask(&request, &scope);
        for (uint32_t p = 0; p < 3; p++) {
            for (uint32_t m = 0; m < METRICS; m++) {
                assert_int_equal(request.slots[p].tables[m] != NULL, cases[i].wanted[m]);
            }
        }
        tide_cell_request_release(&request);
    }
}

static void tells_facts_of_each_partition(void **state)
{
    (void)state;
    const struct tide_cell_scope nothing = {TIDE_METRICS_NONE, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    struct tide_ledger sum = {0};
    ask(&request, &nothing);
    for (uint32_t p = 0; p < 3; p++) {
        const struct tide_cell_slot *slot = &request.slots[p];
        assert_true(slot->visited);
        assert_int_equal(slot->status, TIDE_OK);
        assert_int_equal(slot->ledger.verdicts, slot->next_offset);
        assert_int_equal(slot->next_epoch, 0);
        tide_ledger_add(&sum, &slot->ledger);
    }
    assert_int_equal(sum.processed, 5);
    /* bob's last event was the latest of its partition; out_of_orderness is 10 s. */
    const struct tide_cell_slot *bobs = &request.slots[tide_partition_of(TIDE_VIEW("bob"), 3)];
    assert_int_equal(bobs->watermark.us, at(7190).us);
    tide_cell_request_release(&request);
    assert_null(request.slots);
    tide_cell_request_release(&request); /* all zero is empty */
}

static void refuses_half_an_answer(void **state)
{
    (void)state;
    const struct tide_cell_scope scope = {BY_REGION, TIDE_CELL_SPAN_ALL};
    static const char *const filters[] = {NULL, "region is null"};
    struct tide_cell_request request = {0};
    for (uint32_t i = 0; i < 4; i++) {
        struct tide_error error = {0};
        struct tide_result *result = NULL;
        const bool is_visited = i % 2 == 0;
        if (is_visited) { /* but one had no memory for its copy */
            ask(&request, &scope);
            request.slots[1].status = TIDE_FATAL;
        } else {
            init(&request, &scope);
        }
        assert_int_equal(
            tide_cell_request_result(&request, BY_REGION, parse(filters[i / 2]), &result, &error),
            TIDE_RETRY);
        assert_null(result);
        assert_string_equal(error.text, "no memory to merge the cells");
        tide_cell_request_release(&request);
    }
}

/* More cells than the filter looks at in one go: none is lost or taken twice at the seams. */
static void filters_many_cells(void **state)
{
    (void)state;
    const struct tide_cell_scope scope = {BY_REGION, TIDE_CELL_SPAN_ALL};
    struct tide_cell_request request = {0};
    struct fixture *usual = fixture;
    char rest[64];
    fixture = fixture_open(2);
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(rest, sizeof(rest), ",\"region\":\"r%04u\"", i);
        fixture_event(fixture, i % 3 == 0 ? "ann" : "bob", 0, rest);
    }
    fixture_settle(fixture);
    ask(&request, &scope);
    static const struct {
        const char *filter;
        uint64_t count;
    } cases[] = {
        {NULL, MANY},
        {"region is not null", MANY},
        {"region is null", 0},
        {"region >= \"r1000\" and region < \"r1100\"", 100},
        {"not region == \"r0007\"", MANY - 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tide_result *result = must_answer(&request, BY_REGION, cases[i].filter);
        assert_int_equal(tide_result_count(result), cases[i].count);
        for (uint64_t k = 0; k < cases[i].count; k++) {
            assert_int_equal(tide_result_at(result, k).value->count, 1);
        }
        tide_result_destroy(result);
    }
    tide_cell_request_release(&request);
    fixture_close(fixture);
    fixture = usual;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_narrows_and_cuts),
        cmocka_unit_test(answers_from_one_request),
        cmocka_unit_test(copies_what_was_asked_for),
        cmocka_unit_test(tells_facts_of_each_partition),
        cmocka_unit_test(refuses_half_an_answer),
        cmocka_unit_test(filters_many_cells),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
