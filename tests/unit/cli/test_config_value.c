/* Goal: lists and maps come apart as they were put together, a secret is told from other members,
 * and no message shows a member's value.
 * Method: tables of texts, stored as the loader stores them. */
#include "cli/config_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tide_arena arena;
static struct tide_diagnostics diagnostics;
static struct tide_config config;

static int open_world(void **state)
{
    (void)state;
    arena = (struct tide_arena){0};
    tide_diagnostics_init(&diagnostics, &arena);
    config = (struct tide_config){0};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    tide_arena_release(&arena);
    return 0;
}

static const struct tide_config_key *key_of(const char *name)
{
    for (size_t i = 0; i < tide_config_key_count; i++) {
        if (strcmp(tide_config_keys[i].name, name) == 0) {
            return &tide_config_keys[i];
        }
    }
    fail_msg("no key %s", name);
    return NULL;
}

/* The value's members, "name>value|" each; NULL: it was refused. */
static const char *members_of(const char *text)
{
    static struct tide_bytes seen;
    struct tide_view name;
    struct tide_view value;
    tide_bytes_reset(&seen);
    if (!tide_config_value_set(&config,
                               key_of("log.kafka.properties"),
                               tide_view_of(text),
                               (struct tide_position){0},
                               &diagnostics)) {
        return NULL;
    }
    struct tide_view rest = config.kafka.log_properties;
    while (tide_config_map_next(&rest, &name, &value)) {
        tide_bytes_append_format(
            &seen, "%.*s>%.*s|", TIDE_VIEW_ARGUMENTS(name), TIDE_VIEW_ARGUMENTS(value));
    }
    const char *kept = tide_arena_copy(&arena, tide_bytes_view(&seen)).data;
    tide_bytes_release(&seen);
    return kept;
}

static void maps_come_apart(void **state)
{
    static const struct {
        const char *text;
        const char *members;
    } rows[] = {
        {"", ""},
        {" ; \n;", ""},
        {"a=1", "a>1|"},
        {"a=1;b=2", "a>1|b>2|"},
        {" a = 1 ;\n b = x y \n", "a>1|b>x y|"},
        {"a=", "a>|"},
        {"a=b=c", "a>b=c|"},
        {"a", NULL},
        {"a=1;b", NULL},
        {"=1", NULL},
        /* as the loader writes a mapping: what is in a value stays there */
        {"a=x;y\x1e"
         "b=l1\nl2\n\x1e",
         "a>x;y|b>l1\nl2\n|"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *members = members_of(rows[i].text);
        if (members == NULL || rows[i].members == NULL) {
            assert_true(members == rows[i].members);
        } else {
            assert_string_equal(members, rows[i].members);
        }
    }
}

/* Whatever is in a secret, it is the value of one member. */
static void references_are_not_taken_apart(void **state)
{
    static const char *const secrets[] = {
        "plain", "semi;colon=x", "-----BEGIN KEY-----\nMIIE=\n-----END KEY-----", "${HOME}", "a=b"};
    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct tide_bytes expected = {0};
        assert_int_equal(setenv("TIDE_TEST_SECRET", secrets[i], 1), 0);
        tide_bytes_append_format(&expected, "p>%s|q>1|", secrets[i]);
        const char *members = members_of("p=${TIDE_TEST_SECRET};q=1");
        assert_non_null(members);
        assert_string_equal(members, tide_bytes_terminated(&expected));
        tide_bytes_release(&expected);
    }
    (void)unsetenv("TIDE_TEST_SECRET");
}

static void lists_come_apart(void **state)
{
    static const struct {
        const char *text;
        const char *items; /* a '|' behind each */
    } rows[] = {{"", ""}, {"a", "a|"}, {" a , b,,c ,", "a|b|c|"}, {",", ""}, {"a b;c", "a b;c|"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tide_bytes seen = {0};
        struct tide_view item;
        struct tide_view rest = tide_view_of(rows[i].text);
        while (tide_config_list_next(&rest, &item)) {
            tide_bytes_append_view(&seen, item);
            tide_bytes_append_byte(&seen, '|');
        }
        assert_string_equal(tide_bytes_terminated(&seen), rows[i].items);
        tide_bytes_release(&seen);
    }
}

static void names_of_secrets(void **state)
{
    static const struct {
        const char *name;
        bool is_secret;
    } rows[] = {
        {"sasl.password", true},
        {"ssl.key.password", true},
        {"ssl.keystore.password", true},
        {"ssl.key.pem", true},
        {"sasl.oauthbearer.client.secret", true},
        {"password", true},
        {"sasl.username", false},
        {"ssl.key.location", false},
        {"ssl.ca.pem", false},
        {"sasl.oauthbearer.token.endpoint.url", false}, /* where, not what */
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(tide_config_is_secret_name(tide_view_of(rows[i].name)), rows[i].is_secret);
    }
}

static void no_message_shows_a_members_value(void **state)
{
    static const char *const texts[] = {
        "sasl.password=hunter2;oops", "=hunter2", "sasl.password=hunter2;x=${TIDE_TEST_NOT_SET}"};
    struct tide_source source = {TIDE_VIEW("--set"), TIDE_VIEW("log.kafka.properties=hunter2")};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct tide_bytes rendered = {0};
        tide_diagnostics_init(&diagnostics, &arena);
        assert_false(tide_config_value_set(&config,
                                           key_of("log.kafka.properties"),
                                           tide_view_of(texts[i]),
                                           (struct tide_position){&source, 1, 1, 5},
                                           &diagnostics));
        tide_diagnostics_render(&diagnostics, &rendered);
        assert_true(rendered.size > 0);
        assert_null(strstr(tide_bytes_terminated(&rendered), "hunter2"));
        tide_bytes_release(&rendered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(maps_come_apart, open_world, close_world),
        cmocka_unit_test_setup_teardown(references_are_not_taken_apart, open_world, close_world),
        cmocka_unit_test_setup_teardown(lists_come_apart, open_world, close_world),
        cmocka_unit_test_setup_teardown(names_of_secrets, open_world, close_world),
        cmocka_unit_test_setup_teardown(no_message_shows_a_members_value, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
