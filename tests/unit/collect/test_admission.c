/* Goal: with keys only their owners come in, limits count events by address and by key, and what
 * keeps somebody out is told. Method: requests as values; a clock that the test moves. */
#include "collect/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/io_sim.h"

/* sha256 of KEY and OTHER. */
#define KEY "0123456789abcdef"
#define OTHER "correct horse battery"
static const char file_text[] =
    "digits: 9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\n"
    "horse: 9028ea0d15decaa35b2da21c0290af3b1a5ba0a30a591906f89b5074e209ea72\n";

static struct tide_clock_simulated clock;
static struct tide_io_sim *sim;
static struct tide_keys *keys;

static int set_up(void **state)
{
    (void)state;
    clock = (struct tide_clock_simulated){0};
    sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_file file = {0};
    assert_int_equal(io.operations->open(io.self, "k", TIDE_IO_CREATE, &file, NULL), TIDE_OK);
    assert_int_equal(io.operations->write(io.self, file, 0, file_text, sizeof(file_text) - 1, NULL),
                     TIDE_OK);
    io.operations->close(io.self, &file);
    assert_int_equal(tide_keys_load(io, "k", &keys, NULL), TIDE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tide_keys_destroy(keys);
    tide_io_sim_destroy(sim);
    return 0;
}

static struct tide_admission *make(bool has_keys, struct tide_limit address, struct tide_limit key)
{
    struct tide_admission *admission = NULL;
    const struct tide_admission_options options = {.keys = has_keys ? keys : NULL,
                                                   .address = address,
                                                   .key = key,
                                                   .clock = tide_clock_simulated(&clock),
                                                   .io = tide_io_sim_io(sim)};
    assert_int_equal(tide_admission_create(&options, &admission, NULL), TIDE_OK);
    return admission;
}

static struct tide_http_address v4(uint8_t last)
{
    return (struct tide_http_address){{[10] = 0xff, [11] = 0xff, 10, 0, 0, last}};
}

static struct tide_admission_verdict ask(struct tide_admission *admission,
                                         struct tide_http_address address,
                                         const char *authorization,
                                         const char *api_key)
{
    const struct tide_credentials credentials = {
        address, tide_view_of(authorization), tide_view_of(api_key)};
    return tide_admission_judge(admission, &credentials);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        const char *api_key;
        const char *name; /* NULL: 401 */
        bool is_told_invalid;
    } rows[] = {
        {"Bearer " KEY, NULL, "digits", false},
        {"bearer " OTHER, NULL, "horse", false},
        {"BEARER   " KEY " ", NULL, "digits", false},
        {NULL, KEY, "digits", false},
        {"Bearer " KEY, "wrong", "digits", false},
        {NULL, NULL, NULL, false},
        {"Bearer", NULL, NULL, false},
        {"Bearer ", NULL, NULL, false},
        {"Basic " KEY, NULL, NULL, false},
        {KEY, NULL, NULL, false},
        {"Bearer " KEY "x", NULL, NULL, true},
        {"Bearer wrong", KEY, NULL, true},
        {NULL, "wrong", NULL, true},
        {NULL, "Bearer " KEY, NULL, true},
    };
    struct tide_admission *admission = make(true, (struct tide_limit){0}, (struct tide_limit){0});
    uint64_t refused = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tide_admission_verdict verdict =
            ask(admission, v4(1), rows[i].authorization, rows[i].api_key);
        if (rows[i].name != NULL) {
            assert_int_equal(verdict.status, 0);
            assert_true(tide_view_equal(verdict.key->name, tide_view_of(rows[i].name)));
            continue;
        }
        refused++;
        assert_int_equal(verdict.status, 401);
        assert_null(verdict.key);
        assert_true(strncmp(verdict.challenge, "Bearer realm=\"tidemark\"", 23) == 0);
        assert_int_equal(strstr(verdict.challenge, "invalid_token") != NULL,
                         rows[i].is_told_invalid);
    }
    assert_int_equal(tide_admission_facts(admission).unauthorized, refused);
    tide_admission_destroy(admission);
    tide_admission_destroy(NULL);
}

static void test_without_keys(void **state)
{
    (void)state;
    struct tide_admission *admission =
        make(false, (struct tide_limit){1, 1}, (struct tide_limit){0});
    const struct tide_admission_verdict verdict = ask(admission, v4(1), "Bearer nobody", NULL);
    assert_int_equal(verdict.status, 0);
    assert_null(verdict.key);
    tide_admission_destroy(admission);
}

static void test_address(void **state)
{
    (void)state;
    const struct tide_limit limit = {10, 20};
    struct tide_admission *admission = make(true, limit, (struct tide_limit){0});
    const struct tide_admission_verdict first = ask(admission, v4(1), NULL, KEY);
    assert_int_equal(first.status, 0);
    tide_admission_charge(admission, v4(1), first.key, 40);
    struct tide_admission_verdict verdict = ask(admission, v4(1), NULL, KEY);
    assert_int_equal(verdict.status, 429);
    assert_string_equal(verdict.policy, "address");
    assert_int_equal(verdict.limit.burst, 20);
    /* 41 tokens of 20: 2.1 s. */
    assert_true(verdict.wait.us >= 2100000 && verdict.wait.us < 2101000);
    /* Also without a key: guessing is limited. Others are not. */
    assert_int_equal(ask(admission, v4(1), NULL, NULL).status, 429);
    assert_int_equal(ask(admission, v4(2), NULL, NULL).status, 401);
    assert_int_equal(ask(admission, v4(2), NULL, KEY).status, 0);
    tide_clock_simulated_advance(&clock, verdict.wait);
    assert_int_equal(ask(admission, v4(1), NULL, KEY).status, 0);
    assert_int_equal(tide_admission_facts(admission).limited_by_address, 2);
    tide_admission_destroy(admission);
}

static void test_key_limit(void **state)
{
    (void)state;
    struct tide_admission *admission =
        make(true, (struct tide_limit){0}, (struct tide_limit){5, 5});
    const struct tide_admission_verdict first = ask(admission, v4(1), NULL, KEY);
    tide_admission_charge(admission, v4(1), first.key, 5);
    const struct tide_admission_verdict verdict = ask(admission, v4(2), NULL, KEY);
    assert_int_equal(verdict.status, 429);
    assert_string_equal(verdict.policy, "key");
    assert_int_equal(ask(admission, v4(1), NULL, OTHER).status, 0);
    assert_int_equal(tide_admission_facts(admission).limited_by_key, 1);
    tide_admission_destroy(admission);
}

/* No events, or one: the token at the door is all. */
static void test_small_charges(void **state)
{
    (void)state;
    struct tide_admission *admission =
        make(false, (struct tide_limit){1, 3}, (struct tide_limit){0});
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(ask(admission, v4(1), NULL, NULL).status, 0);
        tide_admission_charge(admission, v4(1), NULL, i % 2);
    }
    assert_int_equal(ask(admission, v4(1), NULL, NULL).status, 429);
    tide_admission_destroy(admission);
}

static void test_sites(void **state)
{
    (void)state;
    struct tide_admission *admission =
        make(false, (struct tide_limit){1, 1}, (struct tide_limit){0});
    struct tide_http_address address = {{0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5}};
    assert_int_equal(ask(admission, address, NULL, NULL).status, 0);
    address.bytes[15] = 9; /* another machine of the same site */
    assert_int_equal(ask(admission, address, NULL, NULL).status, 429);
    address.bytes[7] = 5; /* another site */
    assert_int_equal(ask(admission, address, NULL, NULL).status, 0);
    tide_admission_destroy(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_charges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sites, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
