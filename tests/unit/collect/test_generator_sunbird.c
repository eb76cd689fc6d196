/* Goal: the sunbird preset's events tell the stories that its metrics are about. Method: counts
 * over some thousand lines, with plain searches in their text. */
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
    LINES = 20000
};

static struct tide_bytes lines[LINES];

static int set_up(void **state)
{
    (void)state;
    const struct tide_generator_options options = {
        .preset = TIDE_GENERATOR_SUNBIRD, .device_count = 500, .region_count = 6};
    struct tide_generator_sunbird *sunbird = NULL;
    struct tide_generator_random dice = {5};
    assert_int_equal(tide_generator_sunbird_create(&options, &sunbird, NULL), TIDE_OK);
    for (int i = 0; i < LINES; i++) {
        const struct tide_instant time = {INT64_C(1774000000000000) + i * INT64_C(100000)};
        tide_generator_sunbird_write(sunbird, &dice, time, TIDE_GENERATOR_SOUND, &lines[i]);
        (void)tide_bytes_terminated(&lines[i]);
    }
    tide_generator_sunbird_destroy(sunbird);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < LINES; i++) {
        tide_bytes_release(&lines[i]);
    }
    return 0;
}

static bool has(int line, const char *part)
{
    return strstr(lines[line].data, part) != NULL;
}

static void test_types(void **state)
{
    (void)state;
    static const char *const types[] = {"IMPRESSION", "START", "END", "INTERACT", "LOG", "SEARCH"};
    int total = 0;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char part[40];
        (void)snprintf(part, sizeof(part), "{\"eid\":\"%s\",", types[i]);
        int count = 0;
        for (int j = 0; j < LINES; j++) {
            count += has(j, part);
        }
        assert_true(count > LINES / 100);
        total += count;
    }
    assert_int_equal(total, LINES);
}

/* "user-00001" of a line, and what stands behind its object's id; empty: it has no object. */
static void key_of(int line, char key[64])
{
    const char *user = strstr(lines[line].data, "\"user-");
    const char *content = strstr(lines[line].data, "\"do_");
    assert_non_null(user);
    (void)snprintf(key, 64, "%.11s%.10s", user + 1, content == NULL ? "          " : content + 1);
}

/* Every END has its START of the same user and content before it, every START its IMPRESSION. */
static void test_funnels(void **state)
{
    (void)state;
    int completed = 0;
    for (int i = 0; i < LINES && completed < 300; i++) {
        if (!has(i, "{\"eid\":\"END\"")) {
            continue;
        }
        char key[64];
        char other[64];
        key_of(i, key);
        bool has_start = false;
        bool has_impression = false;
        for (int j = i - 1; j >= 0 && !has_impression; j--) {
            key_of(j, other);
            if (strcmp(key, other) == 0) {
                has_impression = has_start && has(j, "{\"eid\":\"IMPRESSION\"");
                has_start = has_start || has(j, "{\"eid\":\"START\"");
            }
        }
        assert_true(has_start && has_impression);
        assert_true(has(i, "\"duration\":"));
        completed++;
    }
    assert_int_equal(completed, 300);
}

static void test_devices(void **state)
{
    (void)state;
    int second = 0;
    for (int i = 0; i < LINES; i++) {
        second += has(i, "-b\",\"cdata\"");
    }
    assert_true(second > LINES / 50 && second < LINES / 4);
}

/* A seat is its user's until the session is over; version and mishaps are as it was said. */
static void test_roles(void **state)
{
    (void)state;
    const struct tide_generator_options options = {
        .preset = TIDE_GENERATOR_SUNBIRD, .device_count = 500, .region_count = 6};
    const struct tide_instant time = {INT64_C(1774000000000000)};
    struct tide_generator_sunbird *sunbird = NULL;
    struct tide_generator_random dice = {1};
    struct tide_bytes line = {0};
    char part[64];
    uint32_t user = 0;
    unsigned errors = 0;
    assert_int_equal(tide_generator_sunbird_create(&options, &sunbird, NULL), TIDE_OK);
    for (uint32_t i = 0; i < 400; i++) {
        const struct tide_generator_role role = {.actor = 7,
                                                 .version = i % 2 == 0 ? "9.9.9" : NULL,
                                                 .mishap = i % 40 == 1 ? TIDE_GENERATOR_REGRESSION
                                                                       : TIDE_GENERATOR_NO_MISHAP};
        if (!tide_generator_sunbird_seated(sunbird, 7, &user)) {
            tide_generator_sunbird_take_seat(sunbird, &dice, 7, i);
            assert_true(tide_generator_sunbird_seated(sunbird, 7, &user) && user == i);
        }
        tide_bytes_reset(&line);
        tide_generator_sunbird_write_as(sunbird, &dice, &role, time, TIDE_GENERATOR_SOUND, &line);
        const char *text = tide_bytes_terminated(&line);
        (void)snprintf(part, sizeof(part), "{\"id\":\"user-%05u\",", user + 1);
        assert_non_null(strstr(text, part));
        (void)snprintf(part,
                       sizeof(part),
                       "\"channel\":\"%s\"",
                       tide_generator_regions[tide_generator_sunbird_region(user, 6)]);
        assert_non_null(strstr(text, part));
        assert_int_equal(strstr(text, "\"ver\":\"9.9.9\"") != NULL, role.version != NULL);
        errors += strstr(text, "{\"eid\":\"ERROR\"") != NULL && strstr(text, "PLAYER_NULL") != NULL;
        if (strstr(text, "device-") != NULL && strstr(text, "-b\"") == NULL) {
            assert_int_equal(strstr(text, "prod.tide.app") != NULL,
                             tide_generator_sunbird_is_fragile(user));
        }
    }
    assert_int_equal(errors, 10);
    assert_true(user > 20);
    tide_bytes_release(&line);
    tide_generator_sunbird_destroy(sunbird);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_funnels),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
