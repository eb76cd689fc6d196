/* Goal: a condition that no event satisfies, or every one does, is known for it, and no other is.
 * Method: a table of conditions of every shape; conditions drawn at random, of which what is
 * claimed is tried on events drawn at random. */
#include "metric/expression_truth.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = {"sometimes", "never", "always"};

static const struct tide_expression *parse_with(struct fixture *fixture,
                                                const struct tide_schema *schema,
                                                const char *text)
{
    fixture->source = (struct tide_source){TIDE_VIEW("c"), tide_view_of(text)};
    const struct tide_position position = {&fixture->source, 1, 1, (uint32_t)strlen(text)};
    const struct tide_expression *expression = tide_expression_parse(
        &fixture->arena, schema, fixture->source.text, position, &fixture->diagnostics);
    assert_string_equal(fixture_errors(fixture), "");
    return expression;
}

static const struct tide_expression *parse(struct fixture *fixture, const char *text)
{
    fixture_init(fixture);
    return parse_with(fixture, fixture_schema(fixture), text);
}

static const struct {
    const char *text;
    enum tide_truth truth;
} conditions[] = {
    {"a == \"x\"", TIDE_TRUTH_SOMETIMES},
    {"a == \"x\" and a == \"y\"", TIDE_TRUTH_NEVER},
    {"a == \"x\" and b", TIDE_TRUTH_SOMETIMES},
    {"a in [\"x\", \"y\"] and a == \"z\"", TIDE_TRUTH_NEVER},
    {"a in [\"x\", \"y\"] and a == \"y\"", TIDE_TRUTH_SOMETIMES},
    /* A comparison with null is false, so neither of these holds always. */
    {"a == \"x\" or a != \"x\"", TIDE_TRUTH_SOMETIMES},
    {"a == \"x\" or not (a == \"x\")", TIDE_TRUTH_ALWAYS},
    {"a is null or a is not null", TIDE_TRUTH_ALWAYS},
    {"a is null and a == \"x\"", TIDE_TRUTH_NEVER},
    /* Between texts, below the least and above the greatest. */
    {"a > \"x\" and a < \"y\"", TIDE_TRUTH_SOMETIMES},
    {"a > \"x\" and a < \"x\"", TIDE_TRUTH_NEVER},
    {"a < \"\"", TIDE_TRUTH_NEVER},
    {"a < \"b\" and a != \"\"", TIDE_TRUTH_SOMETIMES},
    {"a > \"x\" and a < \"x\\u0000\"", TIDE_TRUTH_NEVER},
    {"a > \"\\u007f\"", TIDE_TRUTH_SOMETIMES},
    /* Numbers. */
    {"n > 5 and n < 3", TIDE_TRUTH_NEVER},
    {"n > 5 and n < 6", TIDE_TRUTH_NEVER},
    {"x > 5 and x < 6", TIDE_TRUTH_SOMETIMES},
    {"x > 5 and x < 5.000001", TIDE_TRUTH_NEVER},
    {"n == 1.5", TIDE_TRUTH_NEVER},
    {"n in [1.5, 2.5]", TIDE_TRUTH_NEVER},
    {"n >= -9223372036854775808", TIDE_TRUTH_SOMETIMES},
    {"n >= -9223372036854775808 or n is null", TIDE_TRUTH_ALWAYS},
    {"n < 99999999999999999999 or n is null", TIDE_TRUTH_ALWAYS},
    {"x < 1000000000000 or x is null", TIDE_TRUTH_ALWAYS},
    {"x >= 1000000000000", TIDE_TRUTH_NEVER},
    {"n in [1, 2, 3] and n > 3", TIDE_TRUTH_NEVER},
    {"not n in [1] and n == 1", TIDE_TRUTH_NEVER},
    {"b and not b", TIDE_TRUTH_NEVER},
    {"b == true or b == false", TIDE_TRUTH_SOMETIMES},
    {"b == true or b == false or b is null", TIDE_TRUTH_ALWAYS},
    /* What is required is not null; an id and an entity may be, when they are empty. */
    {"kind is null", TIDE_TRUTH_NEVER},
    {"kind is not null", TIDE_TRUTH_ALWAYS},
    {"kind == \"x\" or kind != \"x\"", TIDE_TRUTH_ALWAYS},
    {"kind == \"\"", TIDE_TRUTH_SOMETIMES},
    {"at_ is null", TIDE_TRUTH_NEVER},
    {"user_id is null", TIDE_TRUTH_SOMETIMES},
    {"user_id == \"\"", TIDE_TRUTH_NEVER},
    {"id == \"\"", TIDE_TRUTH_NEVER},
    /* Of a derived column its values are known. */
    {"g == \"X\"", TIDE_TRUTH_SOMETIMES},
    {"g == \"x\"", TIDE_TRUTH_NEVER},
    {"g in [\"X\", \"Z\"]", TIDE_TRUTH_SOMETIMES},
    {"g in [\"X\", \"Z\"] or g is null", TIDE_TRUTH_ALWAYS},
    {"g > \"X\" and g < \"Z\"", TIDE_TRUTH_NEVER},
};

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conditions); i++) {
        struct fixture fixture;
        const enum tide_truth truth = tide_expression_truth(parse(&fixture, conditions[i].text));
        if (truth != conditions[i].truth) {
            fail_msg(
                "%s: %s, not %s", conditions[i].text, names[truth], names[conditions[i].truth]);
        }
        fixture_release(&fixture);
    }
}

static void test_facts(void **state)
{
    static const struct {
        const char *text;
        enum tide_truth truth;
    } facts[] = {
        {"count() > 2", TIDE_TRUTH_SOMETIMES},
        {"count() > 0", TIDE_TRUTH_ALWAYS},
        {"count() >= 1.5 or count() == 1", TIDE_TRUTH_ALWAYS},
        {"count() < 1", TIDE_TRUTH_NEVER},
        {"distinct(a) < 1", TIDE_TRUTH_SOMETIMES},
        {"distinct(a) >= 0", TIDE_TRUTH_ALWAYS},
        {"distinct(a) < 0", TIDE_TRUTH_NEVER},
        {"distinct(a) > 3 and not distinct(a) > 2", TIDE_TRUTH_NEVER},
        {"distinct(a) > 3 and not distinct(n) > 2", TIDE_TRUTH_SOMETIMES},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_schema *schema = fixture_schema(&fixture);
        fixture.source = (struct tide_source){TIDE_VIEW("c"), tide_view_of(facts[i].text)};
        const struct tide_position position = {&fixture.source, 1, 1, 1};
        const struct tide_having *having = tide_having_parse(
            &fixture.arena, schema, fixture.source.text, position, &fixture.diagnostics);
        assert_non_null(having);
        if (tide_having_truth(having) != facts[i].truth) {
            fail_msg("%s: not %s", facts[i].text, names[facts[i].truth]);
        }
        fixture_release(&fixture);
    }
}

/* More combinations than are tried: nothing is claimed. */
static void test_what_is_too_much_is_not_claimed(void **state)
{
    struct tide_bytes text = {0};
    struct fixture fixture;
    (void)state;
    tide_bytes_append_text(&text, "n > 1 and n < 1 and a in [");
    for (int i = 0; i < 999; i++) {
        tide_bytes_append_format(&text, "%s\"t%d\"", i == 0 ? "" : ", ", i);
    }
    tide_bytes_append_text(&text, "]");
    const struct tide_expression *expression = parse(&fixture, tide_bytes_terminated(&text));
    assert_int_equal(tide_expression_truth(expression), TIDE_TRUTH_SOMETIMES);
    fixture_release(&fixture);
    tide_bytes_release(&text);
}

static void test_cover(void **state)
{
    static const struct {
        const char *text;
        const char *others[2];
        bool is_covered;
    } cases[] = {
        {"a == \"x\"", {"a == \"x\"", NULL}, true},
        {"a == \"x\"", {"a in [\"y\", \"x\"]", NULL}, true},
        {"a in [\"y\", \"x\"]", {"a == \"x\"", NULL}, false},
        {"a in [\"y\", \"x\"]", {"a == \"x\"", "a == \"y\""}, true},
        {"a == \"x\"", {"b", NULL}, false},
        {"a == \"x\" and b", {"b", NULL}, true},
        {"a is null", {"kind is not null", NULL}, true},
        {"n > 5", {"n > 4", NULL}, true},
        {"n > 4", {"n > 5", NULL}, false},
        {"n > 4", {"n > 5", "n == 5"}, true},
        {"x > 4", {"x > 5", "x == 5"}, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        const struct tide_expression *all[3] = {NULL};
        const char *const texts[3] = {cases[i].text, cases[i].others[0], cases[i].others[1]};
        uint32_t count = 0;
        fixture_init(&fixture);
        const struct tide_schema *schema = fixture_schema(&fixture);
        for (; count < 3 && texts[count] != NULL; count++) {
            all[count] = parse_with(&fixture, schema, texts[count]);
        }
        if (tide_expression_is_covered(all[0], all + 1, count - 1) != cases[i].is_covered) {
            fail_msg("%s: not as expected", cases[i].text);
        }
        fixture_release(&fixture);
    }
}

/* ---- at random */

static void append_leaf(uint64_t *random, struct tide_bytes *text)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
    const char *operator= operators[fixture_below(random, COUNT(operators))];
    const uint32_t number = fixture_below(random, 3);
    switch (fixture_below(random, 6)) {
    case 0:
        tide_bytes_append_format(text, "a %s \"%c\"", operator, (int)('p' + number));
        break;
    case 1:
        tide_bytes_append_format(text, "n %s %u", operator, number);
        break;
    case 2:
        tide_bytes_append_text(text, "b");
        break;
    case 3:
        tide_bytes_append_text(text, number == 0 ? "a is null" : "n is not null");
        break;
    case 4:
        tide_bytes_append_format(text, "n in [%u, %u]", number, number + 1);
        break;
    default:
        tide_bytes_append_format(text, "kind %s \"k\"", operator);
        break;
    }
}

static void append_condition(uint64_t *random, uint32_t depth, struct tide_bytes *text)
{
    if (depth == 0 || fixture_below(random, 4) == 0) {
        append_leaf(random, text);
        return;
    }
    tide_bytes_append_text(text, fixture_below(random, 4) == 0 ? "not (" : "(");
    append_condition(random, depth - 1, text);
    tide_bytes_append_text(text, fixture_below(random, 2) == 0 ? " and " : " or ");
    append_condition(random, depth - 1, text);
    tide_bytes_append_byte(text, ')');
}

/* Small values, so that every combination occurs. */
static struct tide_batch *random_events(const struct tide_schema *schema, uint64_t *random)
{
    static const char *const texts[] = {"", "p", "pp", "q", "r", "s"};
    static const char *const kinds[] = {"", "k", "z"};
    enum {
        ROW_COUNT = 3000
    };
    struct tide_batch *batch = fixture_batch(schema, ROW_COUNT);
    for (uint32_t row = 0; row < ROW_COUNT; row++) {
        const uint32_t a = fixture_below(random, COUNT(texts) + 1);
        const uint32_t n = fixture_below(random, 7);
        const uint32_t b = fixture_below(random, 3);
        if (a < COUNT(texts)) {
            fixture_set_text(batch, row, "a", tide_view_of(texts[a]));
        }
        if (n < 6) {
            fixture_set_number(batch, row, "n", (int64_t)n - 1);
        }
        if (b < 2) {
            fixture_set_number(batch, row, "b", b);
        }
        fixture_set_text(
            batch, row, "kind", tide_view_of(kinds[fixture_below(random, COUNT(kinds))]));
    }
    return batch;
}

/* Of so many events of few values all kinds occur: what is said must be what happens. */
static void test_what_is_said_is_what_happens(void **state)
{
    uint64_t random = 7;
    uint32_t counts[3] = {0};
    (void)state;
    for (int round = 0; round < 400; round++) {
        struct fixture fixture;
        struct tide_bytes text = {0};
        uint32_t rows[3000];
        append_condition(&random, 3, &text);
        fixture_init(&fixture);
        const struct tide_schema *schema = fixture_schema(&fixture);
        const struct tide_expression *expression =
            parse_with(&fixture, schema, tide_bytes_terminated(&text));
        struct tide_batch *batch = random_events(schema, &random);
        for (uint32_t i = 0; i < batch->row_count; i++) {
            rows[i] = i;
        }
        const uint32_t kept = tide_expression_select(expression, batch, rows, batch->row_count);
        const enum tide_truth happened = kept == 0                  ? TIDE_TRUTH_NEVER
                                         : kept == batch->row_count ? TIDE_TRUTH_ALWAYS
                                                                    : TIDE_TRUTH_SOMETIMES;
        if (tide_expression_truth(expression) != happened) {
            fail_msg("%s: %s", tide_bytes_terminated(&text), names[happened]);
        }
        counts[happened]++;
        tide_batch_destroy(batch);
        tide_bytes_release(&text);
        fixture_release(&fixture);
    }
    assert_true(counts[0] > 20 && counts[1] > 5 && counts[2] > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_what_is_too_much_is_not_claimed),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_what_is_said_is_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
