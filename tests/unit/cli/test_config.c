/* Goal: lists and mappings of a file, of the environment and of flags make one configuration, the
 * later one wins; a secret stands in no file in any form, and no message shows one.
 * Method: files in a directory of their own, loaded with flags; what the diagnostics render. */
#include "cli/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "cli/config_value.h"
#include "support/remove_tree.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char directory[64];
static char path[96];
static struct tide_arena arena;
static struct tide_config config;
static struct tide_bytes messages;

static int open_world(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/tidemark-config-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/tidemark.yaml", directory);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_bytes_release(&messages);
    tide_arena_release(&arena);
    return remove_tree(directory);
}

/* Loads a file of that text below the preset; flags end with NULL. What it says is in messages. */
static uint32_t load(const char *text, const char *const *flags)
{
    static const struct tide_option options[] = {{"--set", NULL, "KEY=VALUE", ""}};
    static const struct tide_command command = {.options = options, .option_count = 1};
    struct tide_invocation invocation = {.command = &command};
    struct tide_diagnostics diagnostics;
    struct tide_bytes file = {0};
    const char *values[8] = {NULL};
    while (flags != NULL && flags[invocation.value_counts[0]] != NULL) {
        values[invocation.value_counts[0]] = flags[invocation.value_counts[0]];
        invocation.value_counts[0]++;
    }
    invocation.values[0] = values;
    tide_bytes_append_format(&file, "preset: device\n%s", text);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(file.data, 1, file.size, stream), file.size);
    assert_int_equal(fclose(stream), 0);
    tide_bytes_release(&file);
    tide_arena_release(&arena);
    arena = (struct tide_arena){0};
    assert_int_equal(tide_config_check(&arena, &invocation, path, NULL, &config, &diagnostics),
                     TIDE_EXIT_OK);
    tide_bytes_reset(&messages);
    tide_diagnostics_render(&diagnostics, &messages);
    (void)tide_bytes_terminated(&messages);
    return diagnostics.error_count;
}

static void expect_clean(uint32_t errors)
{
    if (errors > 0) {
        fail_msg("%s", messages.data);
    }
}

static void expect_member(struct tide_view map, const char *name, const char *expected)
{
    struct tide_view found;
    struct tide_view value;
    struct tide_view last = {0};
    while (tide_config_map_next(&map, &found, &value)) {
        if (tide_view_equal(found, tide_view_of(name))) {
            last = value;
        }
    }
    assert_int_equal(last.data != NULL, expected != NULL);
    if (expected != NULL) {
        assert_true(tide_view_equal(last, tide_view_of(expected)));
    }
}

static const char file_text[] = "log:\n"
                                "  kafka:\n"
                                "    brokers: b1:9092,b2:9092\n"
                                "    topics: [events, crashes]\n"
                                "    route_by: event_type\n"
                                "    route: {crash_event: crashes}\n"
                                "    properties:\n"
                                "      sasl.username: me\n"
                                "      sasl.password: ${TIDE_TEST_PASSWORD}\n"
                                "      linger.ms: 20\n"
                                "      sasl.oauthbearer.extensions: \"a=1;b=2\"\n";

static void a_file_with_lists_and_mappings(void **state)
{
    (void)state;
    (void)setenv("TIDE_TEST_PASSWORD", "hun;ter=2", 1);
    expect_clean(load(file_text, NULL));
    assert_true(tide_view_equal(config.kafka.log_brokers, TIDE_VIEW("b1:9092,b2:9092")));
    struct tide_view rest = config.kafka.log_topics;
    struct tide_view item;
    assert_true(tide_config_list_next(&rest, &item));
    assert_true(tide_view_equal(item, TIDE_VIEW("events")));
    assert_true(tide_config_list_next(&rest, &item));
    assert_true(tide_view_equal(item, TIDE_VIEW("crashes")));
    assert_false(tide_config_list_next(&rest, &item));
    expect_member(config.kafka.log_route, "crash_event", "crashes");
    expect_member(config.kafka.log_properties, "sasl.username", "me");
    expect_member(config.kafka.log_properties, "sasl.password", "hun;ter=2");
    expect_member(config.kafka.log_properties, "linger.ms", "20");
    expect_member(config.kafka.log_properties, "sasl.oauthbearer.extensions", "a=1;b=2");
    assert_int_equal(tide_config_partitions(&config), 6); /* of Kafka, not of the embedded log */
    expect_clean(load("", NULL));
    assert_int_equal(tide_config_partitions(&config), 8);
}

/* A flag may name a member; what the file's references gave stays as it is. */
static void flags_add_members(void **state)
{
    static const char *const flags[] = {"log.kafka.properties.linger.ms=30",
                                        "log.kafka.properties.client.id=${TIDE_TEST_ID}",
                                        "log.kafka.topics=a,b",
                                        NULL};
    static const char *const whole[] = {"log.kafka.properties=linger.ms=40;client.id=x", NULL};
    (void)state;
    (void)setenv("TIDE_TEST_PASSWORD", "${HOME};x", 1);
    (void)setenv("TIDE_TEST_ID", "id;1", 1);
    expect_clean(load(file_text, flags));
    expect_member(config.kafka.log_properties, "linger.ms", "30");
    expect_member(config.kafka.log_properties, "client.id", "id;1");
    expect_member(config.kafka.log_properties, "sasl.password", "${HOME};x");
    expect_member(config.kafka.log_properties, "sasl.username", "me");
    assert_true(tide_view_equal(config.kafka.log_topics, TIDE_VIEW("a,b")));
    expect_clean(load(file_text, whole));
    expect_member(config.kafka.log_properties, "linger.ms", "40");
    expect_member(config.kafka.log_properties, "sasl.username", NULL);
    (void)setenv("TIDEMARK_LOG__KAFKA__PROPERTIES", "linger.ms=50\nclient.id=y", 1);
    expect_clean(load(file_text, NULL));
    expect_member(config.kafka.log_properties, "linger.ms", "50");
    expect_member(config.kafka.log_properties, "client.id", "y");
    (void)unsetenv("TIDEMARK_LOG__KAFKA__PROPERTIES");
}

static void secrets_stand_in_no_file(void **state)
{
    static const char *const files[] = {
        "log: {kafka: {properties: {sasl.password: hunter2}}}\n",
        "log:\n  kafka:\n    properties:\n      ssl.key.password: hunter2\n",
        "log: {kafka: {properties: 'sasl.password=hunter2'}}\n",
        "log: {kafka: {properties: 'linger.ms=5; sasl.password = hunter2'}}\n",
        "log: {kafka: {properties: \"linger.ms=5\\nssl.key.pem=hunter2\"}}\n",
        "publish: {kafka: {properties: {sasl.oauthbearer.client.secret: 'x${HOME}hunter2'}}}\n",
        "collect: {kafka: {properties: {sasl.password: '${TIDE_TEST_UNSET:-hunter2}'}}}\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        if (load(files[i], NULL) == 0 || strstr(messages.data, "is a secret") == NULL ||
            strstr(messages.data, "hunter2") != NULL) {
            fail_msg("%s: %s", files[i], messages.data);
        }
    }
    expect_clean(load("log: {kafka: {properties: 'sasl.password=${HOME}'}}\n", NULL));
}

/* A flag is no file: a secret may stand in it, and is not shown when the flag is wrong. */
static void flags_that_are_wrong_are_not_shown(void **state)
{
    static const char *const flags[] = {
        "log.kafka.propertie.sasl.password=hunter2",
        "log.kafka.properties=sasl.password=hunter2;oops",
        "log.kafka.properties.sasl.password=${TIDE_TEST_UNSET}hunter2",
        "notify.webhook.secre=hunter2",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(flags); i++) {
        const char *const list[] = {flags[i], NULL};
        assert_int_equal(load("", list), 1);
        if (strstr(messages.data, "hunter2") != NULL) {
            fail_msg("%s", messages.data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_lists_and_mappings),
        cmocka_unit_test(flags_add_members),
        cmocka_unit_test(secrets_stand_in_no_file),
        cmocka_unit_test(flags_that_are_wrong_are_not_shown),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
