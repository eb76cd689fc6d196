/* Goal: the embedded presets are there by name and are definitions that load.
 * Method: list them, load each, and compare what is in them. */
#include "metric/definition.h"

#include "unit/metric/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_presets_load(void **state)
{
    static const struct {
        const char *name;
        uint32_t metric_count;
        const char *entity;
    } cases[] = {{"sunbird", 16, "user_id"}, {"device", 26, "device_id"}};
    (void)state;
    assert_int_equal(tide_preset_count(), 2);
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        const struct tide_definitions_input input = {.preset = tide_view_of(cases[i].name)};
        const struct tide_definitions *definitions =
            tide_definitions_load(&fixture.arena, &input, &fixture.diagnostics);
        assert_string_equal(fixture_errors(&fixture), "");
        assert_non_null(definitions);
        assert_int_equal(definitions->metric_count, cases[i].metric_count);
        for (uint32_t k = 0; k < definitions->metric_count; k++) {
            assert_false(definitions->metrics[k].is_hidden);
        }
        assert_true(tide_view_equal(definitions->schema->columns[definitions->schema->entity].name,
                                    tide_view_of(cases[i].entity)));
        fixture_release(&fixture);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_null(tide_preset_find(TIDE_VIEW("sun")));
    assert_null(tide_preset_find(TIDE_VIEW("")));
    for (size_t i = 0; i < tide_preset_count(); i++) {
        const struct tide_source *preset = tide_preset_at(i);
        assert_ptr_equal(tide_preset_find(preset->name), preset);
        assert_true(preset->text.size > 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_presets_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
