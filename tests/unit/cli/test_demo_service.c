/* Goal: where the service listens is found, a taken port is no obstacle, what it says is heard, and
 * it is stopped. Method: small shell scripts in its place. */
#include "cli/demo_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "support/remove_tree.h"

static char folder[] = "/tmp/tidemark-service-XXXXXX";
static char program[64];
static const struct tide_duration long_time = {60 * 1000000};
static const struct tide_duration no_time = {0};

static int set_up(void **state)
{
    (void)state;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(program, sizeof(program), "%s/program", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return remove_tree(folder);
}

static enum tide_status start(const char *script,
                              const char *listen,
                              struct tide_demo_service *service,
                              struct tide_error *error)
{
    struct tide_bytes text = {0};
    const struct tide_demo_service_options options = {
        .program = program, .definitions = "d.yaml", .folder = "/place", .listen = listen};
    tide_bytes_append_format(&text, "#!/bin/sh\n%s\n", script);
    assert_int_equal(tide_io_replace_file(tide_io_os(), program, tide_bytes_view(&text), NULL),
                     TIDE_OK);
    assert_int_equal(chmod(program, 0700), 0);
    tide_bytes_release(&text);
    return tide_demo_service_start(&options, service, error);
}

static void finds_the_address(void **state)
{
    (void)state;
    struct tide_demo_service service = {0};
    struct tide_error error = {0};
    assert_int_equal(start("echo \"now info run: $*\"; echo x info run: listening on "
                           "http://127.0.0.1:99; echo t warning alert: it burns; cat",
                           "127.0.0.1:5",
                           &service,
                           &error),
                     TIDE_OK);
    assert_string_equal(service.url.data, "http://127.0.0.1:99");
    assert_string_equal(service.last.data,
                        "now info run: run --data /place --listen 127.0.0.1:5 -- d.yaml");
    assert_int_equal(tide_demo_service_wait(&service, long_time), TIDE_DEMO_SERVICE_ALERT);
    assert_string_equal(service.last.data, "it burns");
    assert_int_equal(tide_demo_service_wait(&service, long_time), TIDE_DEMO_SERVICE_ENDED);
    assert_int_equal(tide_demo_service_stop(&service), 0);
    assert_int_equal(service.child.process, 0);
    assert_int_equal(tide_demo_service_stop(&service), 0);
}

static void takes_another_port(void **state)
{
    (void)state;
    struct tide_demo_service service = {0};
    struct tide_error error = {0};
    static const char script[] =
        "if [ \"$5\" = 127.0.0.1:8080 ]; then echo taken; exit 3; fi\n"
        "trap 'echo draining; exit 4' TERM; echo listening on \"http://$5\"\n"
        "while :; do sleep 0.01; done";
    assert_int_equal(start(script, NULL, &service, &error), TIDE_OK);
    assert_string_equal(service.url.data, "http://127.0.0.1:0");
    assert_int_equal(tide_demo_service_wait(&service, no_time), TIDE_DEMO_SERVICE_QUIET);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(tide_demo_service_wait(&service, long_time), TIDE_DEMO_SERVICE_SIGNAL);
    assert_int_equal(tide_demo_service_stop(&service), 4);
}

static void says_why_not(void **state)
{
    (void)state;
    struct tide_demo_service service = {0};
    struct tide_error error = {0};
    assert_int_equal(start("echo tidemark: no room at $5; exit 3", NULL, &service, &error),
                     TIDE_REJECT);
    assert_string_equal(error.text, "the service did not start: no room at 127.0.0.1:0");
    assert_int_equal(tide_demo_service_stop(&service), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_address),
        cmocka_unit_test(takes_another_port),
        cmocka_unit_test(says_why_not),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
