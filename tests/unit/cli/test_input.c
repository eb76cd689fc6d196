/* Goal: a file read and a file mapped give the same bytes; what cannot be mapped is read; a file
 * that is cut while it is mapped ends the process with a message, and nothing else does.
 * Method: files of our own; a child for each end. */
#include "cli/input.h"

#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LARGE = 20 << 20, /* more than is kept mapped behind what was passed */
    PAGE = 4096
};

static char name[] = "/tmp/tidemark-input-XXXXXX";

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / PAGE);
}

static void write_file(size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(fputc(byte_at(i), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    const int file = mkstemp(name);
    return file < 0 ? -1 : close(file);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(name);
}

static void test_reads(void **state)
{
    (void)state;
    struct tide_input *input = NULL;
    char bytes[1000];
    size_t total = 0;
    size_t size = 1;
    write_file(5000);
    assert_int_equal(tide_input_open(name, &input, NULL), TIDE_OK);
    while (size > 0) {
        assert_int_equal(tide_input_read(input, bytes, sizeof(bytes), &size, NULL), TIDE_OK);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(bytes[i], byte_at(total + i));
        }
        total += size;
    }
    assert_int_equal(total, 5000);
    tide_input_close(input);
    struct tide_error error = {0};
    assert_int_equal(tide_input_open("/no/such/file", &input, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "cannot open /no/such/file: No such file"));
}

/* KiB of the mapping at that place that count as this process's memory. */
static long resident_kib(const char *at)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    bool is_it = false;
    long kib = -1;
    assert_non_null(file);
    while (kib < 0 && fgets(line, sizeof(line), file) != NULL) {
        char *end = NULL;
        const unsigned long start = strtoul(line, &end, 16);
        if (*end == '-') {
            is_it = start == (unsigned long)(uintptr_t)at;
        } else if (is_it && strncmp(line, "Rss:", 4) == 0) {
            kib = strtol(line + 4, NULL, 10);
        }
    }
    (void)fclose(file);
    assert_true(kib >= 0);
    return kib;
}

static void test_maps(void **state)
{
    (void)state;
    struct tide_input *input = NULL;
    struct tide_view text = {0};
    struct sigaction before;
    struct sigaction after;
    char byte;
    size_t size;
    write_file(LARGE);
    (void)sigaction(SIGBUS, NULL, &before);
    assert_int_equal(tide_input_open(name, &input, NULL), TIDE_OK);
    assert_true(tide_input_map(input, &text));
    assert_int_equal(text.size, LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        assert_int_equal(text.data[i], byte_at(i));
        if (i % (1 << 20) == 0) {
            tide_input_passed(input, text.data + i);
            assert_true(resident_kib(text.data) <= 14 << 10); /* 8 are kept, steps are of 4 */
        }
    }
    tide_input_passed(input, text.data + LARGE);
    assert_int_equal(text.data[0], byte_at(0)); /* it comes back when somebody looks */
    assert_int_equal(tide_input_check(input, NULL), TIDE_OK);
    assert_int_equal(tide_input_read(input, &byte, 1, &size, NULL), TIDE_OK);
    assert_int_equal(size, 0); /* as if it had been read */
    tide_input_close(input);
    (void)sigaction(SIGBUS, NULL, &after);
    assert_ptr_equal(after.sa_sigaction, before.sa_sigaction);
    assert_int_equal(tide_input_open(name, &input, NULL), TIDE_OK); /* and once more */
    assert_true(tide_input_map(input, &text));
    assert_int_equal(text.data[LARGE - 1], byte_at(LARGE - 1));
    tide_input_close(input);
}

/* Within its last page: no signal comes of that. */
static void test_a_file_that_is_cut_a_little(void **state)
{
    (void)state;
    struct tide_input *input = NULL;
    struct tide_view text = {0};
    struct tide_error error = {0};
    char expected[1024];
    write_file(PAGE + 100);
    assert_int_equal(tide_input_open(name, &input, NULL), TIDE_OK);
    assert_true(tide_input_map(input, &text));
    assert_int_equal(truncate(name, PAGE + 99), 0);
    assert_int_equal(text.data[PAGE + 99], 0);
    assert_int_equal(tide_input_check(input, &error), TIDE_FATAL);
    (void)snprintf(expected,
                   sizeof(expected),
                   "cannot read %s: it was cut while it was read, or its disk failed",
                   name);
    assert_string_equal(error.text, expected);
    tide_input_close(input);
}

static void expect_unmapped(const char *path)
{
    struct tide_input *input = NULL;
    struct tide_view text = {0};
    assert_int_equal(tide_input_open(path, &input, NULL), TIDE_OK);
    assert_false(tide_input_map(input, &text));
    tide_input_close(input);
}

static void test_what_cannot_be_mapped(void **state)
{
    (void)state;
    write_file(0);
    expect_unmapped(name);
    expect_unmapped("/dev/null");
    expect_unmapped("/proc/self/status"); /* has no size before it is read */
    struct tide_input *input = NULL;
    struct tide_view text = {0};
    char byte;
    size_t size;
    write_file(10);
    assert_int_equal(tide_input_open(name, &input, NULL), TIDE_OK);
    assert_int_equal(tide_input_read(input, &byte, 1, &size, NULL), TIDE_OK);
    assert_false(tide_input_map(input, &text)); /* a part was taken already */
    tide_input_close(input);
}

enum end {
    OUR_PAGE,
    THEIR_PAGE, /* of a mapping that is not the input's */
    SENT,       /* by kill */
};

static void look_at_what_is_gone(enum end end)
{
    struct tide_input *input = NULL;
    struct tide_view text = {0};
    const bool is_ready = tide_input_open(name, &input, NULL) == TIDE_OK &&
                          tide_input_map(input, &text) && truncate(name, PAGE) == 0;
    if (!is_ready) {
        _exit(90);
    }
    if (end == THEIR_PAGE) {
        const int file = open(name, O_RDONLY);
        text.data = mmap(NULL, 2 * (size_t)PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    } else if (end == SENT) {
        (void)kill(getpid(), SIGBUS);
    }
    const volatile char *gone = text.data + PAGE;
    _exit(*gone == 0 ? 91 : 92);
}

/* How a child ended that looks at a page that is gone, and what it said. */
static int end_of_child(enum end end, char *said, size_t said_size)
{
    int ends[2];
    int status = 0;
    write_file(3 * (size_t)PAGE);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGBUS, SIG_DFL); /* a sanitizer has one of its own */
        (void)dup2(ends[1], STDERR_FILENO);
        look_at_what_is_gone(end);
    }
    (void)close(ends[1]);
    const ssize_t size = read(ends[0], said, said_size - 1);
    said[size < 0 ? 0 : size] = 0;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_a_file_that_is_cut(void **state)
{
    (void)state;
    char said[1024];
    char expected[1024];
    const int ours = end_of_child(OUR_PAGE, said, sizeof(said));
    (void)snprintf(expected,
                   sizeof(expected),
                   "tidemark: cannot read %s: it was cut while it was read, or its disk failed\n",
                   name);
    assert_true(WIFEXITED(ours));
    assert_int_equal(WEXITSTATUS(ours), tide_exit_of(TIDE_FATAL));
    assert_string_equal(said, expected);
    for (enum end end = THEIR_PAGE; end <= SENT; end++) {
        const int status = end_of_child(end, said, sizeof(said));
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGBUS);
        assert_string_equal(said, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_what_cannot_be_mapped),
        cmocka_unit_test(test_a_file_that_is_cut),
        cmocka_unit_test(test_a_file_that_is_cut_a_little),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
