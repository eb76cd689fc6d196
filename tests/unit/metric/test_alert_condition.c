/* Goal: a condition over numbers means what arithmetic says, and does not hold where a number that
 * it looks at is not known; each mistake is told where it stands. Method: tables of conditions with
 * values and baselines; messages compared whole; depth and size at their limits. */
#include "metric/alert_condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct rig {
    struct tide_arena arena;
    struct tide_diagnostics diagnostics;
    struct tide_source source;
    struct tide_bytes rendered;
};

static const struct tide_alert_condition *parse(struct rig *rig, struct tide_view text)
{
    tide_diagnostics_init(&rig->diagnostics, &rig->arena);
    rig->source = (struct tide_source){TIDE_VIEW("a.yaml"), text};
    const struct tide_position position = {&rig->source, 1, 1, 1};
    return tide_alert_condition_parse(&rig->arena, text, position, &rig->diagnostics);
}

static void release(struct rig *rig)
{
    tide_bytes_release(&rig->rendered);
    tide_arena_release(&rig->arena);
}

static void test_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        double baseline;
        bool holds;
    } cases[] = {
        {"value > 10", 10, 0, false},
        {"value > 10", 10.5, 0, true},
        {"value >= 10", 10, 0, true},
        {"value < 10", 10, 0, false},
        {"value <= 10", 10, 0, true},
        {"value == 10", 10, 0, true},
        {"value != 10", 10, 0, false},
        {"10 < value", 11, 0, true},
        {"value > -1", 0, 0, true},
        {"value > 0.25", 0.5, 0, true},
        {"value >= 10 and value > 3 * baseline", 12, 3, true},
        {"value >= 10 and value > 3 * baseline", 12, 4, false},
        {"value >= 10 and value > 3 * baseline", 9, 1, false},
        {"value < baseline / 2 - 1", 3, 10, true},
        {"value < baseline / 2 - 1", 4, 10, false},
        {"value < baseline - 2 - 1", 6, 10, true}, /* from the left */
        {"value < baseline - (2 - 1)", 8, 10, true},
        {"value > 2 + 3 * baseline", 31, 10, false},
        {"value > (2 + 3) * baseline", 51, 10, true},
        {"value > 8 / 4 / 2", 1.5, 0, true},
        {"-value < -5", 6, 0, true},
        {"not value > 10", 10, 0, true},
        {"not (value > 10 or value < 5)", 7, 0, true},
        {"value > 1 or value > 100 and value < 0", 2, 0, true}, /* and before or */
        {"(value > 1 or value > 100) and value < 0", 2, 0, false},
        {"((value)) > ((1))", 2, 0, true},
        /* a division by zero is no number, whatever is beside it */
        {"value / baseline > 3", 9, 0, false},
        {"value / baseline > 3", 9, 2, true},
        {"not value / baseline > 3", 9, 0, false},
        {"value > 1 or value / baseline > 3", 9, 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig = {0};
        const struct tide_alert_condition *condition = parse(&rig, tide_view_of(cases[i].text));
        assert_non_null(condition);
        const bool holds =
            tide_alert_condition_holds(condition,
                                       (struct tide_alert_number){true, cases[i].value},
                                       (struct tide_alert_number){true, cases[i].baseline});
        if (holds != cases[i].holds) {
            print_error("%s with %g, %g\n", cases[i].text, cases[i].value, cases[i].baseline);
        }
        assert_int_equal(holds, cases[i].holds);
        release(&rig);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct tide_alert_number five = {true, 5};
    static const struct tide_alert_number unknown = {false, 5};
    static const struct {
        const char *text;
        bool has_baseline;
        bool holds_without_baseline;
    } cases[] = {
        {"value > 1", false, true},
        {"value > 1 or value > baseline", true, false},
        {"not value > 2 * baseline", true, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig = {0};
        struct tide_position used = {0};
        const struct tide_alert_condition *condition = parse(&rig, tide_view_of(cases[i].text));
        assert_int_equal(tide_alert_condition_baseline(condition, &used), cases[i].has_baseline);
        assert_true(
            tide_alert_condition_holds(condition, five, (struct tide_alert_number){true, 4}));
        assert_int_equal(tide_alert_condition_holds(condition, five, unknown),
                         cases[i].holds_without_baseline);
        assert_false(tide_alert_condition_holds(condition, unknown, five));
        release(&rig);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message; /* position and message of all */
    } cases[] = {
        {"value", "1: this is a number; compare it: 'value > 10'\n"},
        {"3 > 2", "1: the condition does not look at 'value'\n"},
        {"valu > 10",
         "1: an alert knows 'value' and 'baseline', not 'valu'; did you mean 'value'?\n"},
        {"value > bas and x > 1",
         "9: an alert knows 'value' and 'baseline', not 'bas'; did you mean 'baseline'?\n"
         "17: an alert knows 'value' and 'baseline', not 'x'\n"},
        {"value > ", "9: the condition ends where value, baseline or a number is expected\n"},
        {"value >", "8: the condition ends where value, baseline or a number is expected\n"},
        {"", "1: the condition ends where value, baseline or a number is expected\n"},
        {"value > 1 value", "11: expected 'and', 'or' or the end, not 'value'\n"},
        {"(value > 1", "11: the condition ends where ')' is expected\n"},
        {"value > 1 and", "14: the condition ends where value, baseline or a number is expected\n"},
        {"and value > 1", "1: expected value, baseline or a number, not 'and'\n"},
        {"value > * 2", "9: expected value, baseline or a number, not '*'\n"},
        {"1 < value < 5", "11: expected 'and', 'or' or the end, not '<'\n"},
        {"value and value > 1", "7: 'and' is of conditions, such as 'value > 10'\n"},
        {"value > 1 or 3", "11: 'or' is of conditions, such as 'value > 10'\n"},
        {"not value", "1: 'not' is of conditions, such as 'value > 10'\n"},
        {"(value > 1) + 2 > 3", "13: '+' is between numbers\n"},
        {"2 * (value > 1) > 3", "3: '*' is between numbers\n"},
        {"(value > 1) == (value > 2)",
         "13: '==' is between numbers\n13: '==' is between numbers\n"},
        {"-(value > 1) > 3", "1: '-' is between numbers\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig = {0};
        assert_null(parse(&rig, tide_view_of(cases[i].text)));
        for (uint32_t k = 0; k < rig.diagnostics.count; k++) {
            const struct tide_diagnostic *item = &rig.diagnostics.items[k];
            tide_bytes_append_format(&rig.rendered,
                                     "%u: %.*s\n",
                                     item->position.column,
                                     TIDE_VIEW_ARGUMENTS(item->message));
        }
        assert_string_equal(tide_bytes_terminated(&rig.rendered), cases[i].message);
        release(&rig);
    }
}

static bool is_parsed(const struct tide_bytes *text)
{
    struct rig rig = {0};
    const bool is_good = parse(&rig, tide_bytes_view(text)) != NULL;
    assert_int_equal(is_good, rig.diagnostics.error_count == 0);
    release(&rig);
    return is_good;
}

static bool nested_parses(const char *open, const char *close, int depth)
{
    struct tide_bytes text = {0};
    for (int i = 0; i < depth; i++) {
        tide_bytes_append_text(&text, open);
    }
    tide_bytes_append_text(&text, "value > 1");
    for (int i = 0; i < depth; i++) {
        tide_bytes_append_text(&text, close);
    }
    const bool is_good = is_parsed(&text);
    tide_bytes_release(&text);
    return is_good;
}

static void test_limits(void **state)
{
    (void)state;
    assert_true(nested_parses("(", ")", TIDE_ALERT_CONDITION_DEPTH_MAX - 1));
    assert_false(nested_parses("(", ")", TIDE_ALERT_CONDITION_DEPTH_MAX));
    assert_false(nested_parses("not ", "", TIDE_ALERT_CONDITION_DEPTH_MAX));
    assert_false(nested_parses("-", "", 100000));
    struct tide_bytes text = {0};
    tide_bytes_append_text(&text, "value > 1");
    for (int i = 0; i < 500; i++) {
        tide_bytes_append_text(&text, " + 1");
    }
    assert_false(is_parsed(&text));
    tide_bytes_reset(&text);
    tide_bytes_append_text(&text, "value > 1111111111111111111111111111111111111111111");
    assert_false(is_parsed(&text));
    tide_bytes_release(&text);
}

/* Other conditions have other bytes, and a constant is one of them. */
static void test_encoding(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "value > 1", "value > 2", "value >= 1", "1 > value", "baseline > value", "value > 1 + 0"};
    enum {
        COUNT = sizeof(texts) / sizeof(texts[0])
    };
    struct tide_bytes bytes[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        struct rig rig = {0};
        tide_alert_condition_encode(parse(&rig, tide_view_of(texts[i])), &bytes[i]);
        for (size_t k = 0; k < i; k++) {
            assert_false(tide_view_equal(tide_bytes_view(&bytes[i]), tide_bytes_view(&bytes[k])));
        }
        release(&rig);
    }
    struct rig rig = {0};
    struct tide_bytes again = {0};
    tide_alert_condition_encode(parse(&rig, TIDE_VIEW("(value)  >1")), &again);
    assert_true(tide_view_equal(tide_bytes_view(&again), tide_bytes_view(&bytes[0])));
    release(&rig);
    tide_bytes_release(&again);
    for (size_t i = 0; i < COUNT; i++) {
        tide_bytes_release(&bytes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
