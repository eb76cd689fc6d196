/* Goal: the device preset's events tell the stories that its metrics are about. Method: counts over
 * some thousand lines, with plain searches in their text. */
#include "collect/generator_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES = 20000,
    DEVICES = 50
};

static struct tide_bytes lines[LINES];

static void generate(uint64_t seed)
{
    const struct tide_generator_options options = {
        .preset = TIDE_GENERATOR_DEVICE, .device_count = DEVICES, .region_count = 2};
    struct tide_generator_device *device = NULL;
    struct tide_generator_random dice = {seed};
    assert_int_equal(tide_generator_device_create(&options, &device, NULL), TIDE_OK);
    for (int i = 0; i < LINES; i++) {
        const struct tide_instant time = {INT64_C(1774000000000000) + i * INT64_C(100000)};
        tide_bytes_reset(&lines[i]);
        tide_generator_device_write(device, &dice, time, TIDE_GENERATOR_SOUND, &lines[i]);
        (void)tide_bytes_terminated(&lines[i]);
    }
    tide_generator_device_destroy(device);
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < LINES; i++) {
        tide_bytes_release(&lines[i]);
    }
    return 0;
}

/* What a device is does not depend on the seed: the same text from its id to its payload. */
static void test_traits(void **state)
{
    (void)state;
    static char known[DEVICES + 1][200];
    int regions = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        generate(seed);
        for (int i = 0; i < LINES; i++) {
            const char *id = strstr(lines[i].data, "\"device_id\":\"device-");
            const char *end = strstr(lines[i].data, ",\"payload\"");
            assert_true(id != NULL && end != NULL && end - id < 200);
            const unsigned long number = strtoul(id + 20, NULL, 10);
            assert_in_range(number, 1, DEVICES);
            char traits[200] = {0};
            memcpy(traits, id, (size_t)(end - id));
            if (known[number][0] == '\0') {
                memcpy(known[number], traits, sizeof(traits));
                regions |= strstr(traits, "us-east") != NULL ? 1 : 2;
            }
            assert_string_equal(known[number], traits);
        }
    }
    assert_int_equal(regions, 3);
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *column; /* that only it has */
    } rows[] = {
        {"app_open", "\"launch_time_ms\":"},
        {"feature_used", "\"feature_name\":"},
        {"crash_event", "\"is_fatal\":"},
        {"performance_metric", "\"metric_name\":"},
    };
    generate(3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int count = 0;
        for (int j = 0; j < LINES; j++) {
            const bool is_type = strstr(lines[j].data, rows[i].type) != NULL;
            assert_int_equal(is_type, strstr(lines[j].data, rows[i].column) != NULL);
            count += is_type;
        }
        assert_true(count > LINES / 50);
    }
}

static const char *one(struct tide_generator_device *device,
                       struct tide_generator_random *dice,
                       const struct tide_generator_role *role,
                       struct tide_bytes *line)
{
    const struct tide_instant time = {INT64_C(1774000000000000)};
    tide_bytes_reset(line);
    tide_generator_device_write_as(device, dice, role, time, TIDE_GENERATOR_SOUND, line);
    return tide_bytes_terminated(line);
}

/* Who acts, with which version, and what goes wrong, is as it was said. */
static void test_roles(void **state)
{
    (void)state;
    const struct tide_generator_options options = {
        .preset = TIDE_GENERATOR_DEVICE, .device_count = DEVICES, .region_count = 6};
    struct tide_generator_device *device = NULL;
    struct tide_generator_random dice = {1};
    struct tide_bytes line = {0};
    char region[64];
    assert_int_equal(tide_generator_device_create(&options, &device, NULL), TIDE_OK);
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct tide_generator_role role = {i, "9.9.9", TIDE_GENERATOR_REGRESSION, true};
        (void)snprintf(region,
                       sizeof(region),
                       "\"region\":\"%s\"",
                       tide_generator_regions[tide_generator_device_region(i, 6)]);
        const char *text = one(device, &dice, &role, &line);
        assert_non_null(strstr(text, "\"app_open\""));
        assert_non_null(strstr(text, "\"app_version\":\"9.9.9\""));
        assert_non_null(strstr(text, region));
        assert_int_equal(strstr(text, "\"Android 14\"") != NULL,
                         tide_generator_device_is_fragile(i));
        role.opens = false;
        role.version = NULL;
        text = one(device, &dice, &role, &line);
        assert_non_null(strstr(text, "\"crash_type\":\"null_pointer\""));
        assert_non_null(strstr(text, "at step_40()"));
        assert_null(strstr(text, "9.9.9"));
        role.mishap = TIDE_GENERATOR_ACCIDENT;
        text = one(device, &dice, &role, &line);
        assert_true(strstr(text, "\"crash_event\"") != NULL && strstr(text, "step_40") == NULL);
        role.mishap = TIDE_GENERATOR_NO_MISHAP;
        for (int k = 0; k < 20; k++) {
            assert_null(strstr(one(device, &dice, &role, &line), "\"crash_event\""));
        }
    }
    tide_bytes_release(&line);
    tide_generator_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traits),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
