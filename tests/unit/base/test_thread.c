/* Goal: a thread runs its body and is known by its name. Method: it is asked for the name. */
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static pthread_mutex_t is_named = PTHREAD_MUTEX_INITIALIZER;

/* Its name is set by who started it: it waits until that is done. */
static void *ask(void *context)
{
    (void)pthread_mutex_lock(&is_named);
    (void)pthread_mutex_unlock(&is_named);
    (void)pthread_getname_np(pthread_self(), context, TIDE_THREAD_NAME_SIZE);
    return context;
}

static void expect_name(const char *given, const char *expected)
{
    char name[TIDE_THREAD_NAME_SIZE] = "";
    pthread_t thread;
    void *result = NULL;
    (void)pthread_mutex_lock(&is_named);
    assert_true(tide_thread_start(&thread, given, ask, name));
    (void)pthread_mutex_unlock(&is_named);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, name);
    assert_string_equal(name, expected);
}

static void test_names(void **state)
{
    (void)state;
    expect_name("worker-1", "worker-1");
    expect_name("a name that is too long for the kernel", "a name that is ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
