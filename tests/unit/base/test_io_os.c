/* Goal: the POSIX side keeps io.h's word: whole transfers, names, statuses by what to do next.
 * Method: an own temporary directory; real errors from /dev/full, resource limits, wrong modes. */
#include "base/io.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PATH_SIZE_MAX = 256
};

static char root[PATH_SIZE_MAX];

static const char *at(char *buffer, const char *name)
{
    (void)snprintf(buffer, 2 * PATH_SIZE_MAX, "%s/%s", root, name);
    return buffer;
}

#define AT(name) at((char[2 *PATH_SIZE_MAX]){0}, (name))

static int setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    (void)snprintf(root, sizeof(root), "%s/tide-io-XXXXXX", base == NULL ? "/tmp" : base);
    return mkdtemp(root) == NULL ? -1 : 0;
}

static void remove_tree(const char *path);

static void remove_child(void *context, const char *name, bool is_directory)
{
    char path[4 * PATH_SIZE_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    if (is_directory) {
        remove_tree(path);
    } else {
        (void)unlink(path);
    }
}

static void remove_tree(const char *path) /* as deep as the tests make it */
{
    char copy[4 * PATH_SIZE_MAX];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    (void)tide_io_os().operations->list(NULL, copy, remove_child, copy, NULL);
    (void)rmdir(copy);
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static const struct tide_io_operations *os(void)
{
    return tide_io_os().operations;
}

static void files_keep_bytes(void **state)
{
    (void)state;
    struct tide_file file = {0};
    struct tide_error error = {0};
    char buffer[32] = {0};
    size_t read_size = 0;
    uint64_t size = 0;
    assert_int_equal(os()->open(NULL, AT("a"), TIDE_IO_CREATE, &file, &error), TIDE_OK);
    assert_true(file.handle > 0);
    assert_int_equal(os()->write(NULL, file, 4, "tide", 4, &error), TIDE_OK);
    assert_int_equal(os()->write(NULL, file, 0, "mark", 4, &error), TIDE_OK);
    assert_int_equal(os()->sync(NULL, file, &error), TIDE_OK);
    assert_int_equal(os()->size(NULL, file, &size, &error), TIDE_OK);
    assert_int_equal(size, 8);
    assert_int_equal(os()->read(NULL, file, 2, buffer, sizeof(buffer), &read_size, &error),
                     TIDE_OK);
    assert_int_equal(read_size, 6);
    assert_memory_equal(buffer, "rktide", 6);
    assert_int_equal(os()->read(NULL, file, 100, buffer, 1, &read_size, &error), TIDE_OK);
    assert_int_equal(read_size, 0);
    assert_int_equal(os()->truncate(NULL, file, 3, &error), TIDE_OK);
    assert_int_equal(os()->size(NULL, file, &size, &error), TIDE_OK);
    assert_int_equal(size, 3);
    os()->close(NULL, &file);
    assert_int_equal(file.handle, 0);
    os()->close(NULL, &file); /* a zero file is fine */
    assert_string_equal(error.text, "");
}

static void names_follow_the_contract(void **state)
{
    (void)state;
    struct tide_file file = {0};
    struct tide_error error = {0};
    assert_int_equal(os()->open(NULL, AT("n"), TIDE_IO_CREATE, &file, &error), TIDE_OK);
    os()->close(NULL, &file);
    assert_int_equal(os()->open(NULL, AT("n"), TIDE_IO_CREATE, &file, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "/n: File exists"));
    assert_int_equal(os()->open(NULL, AT("none"), TIDE_IO_READ, &file, &error), TIDE_REJECT);
    assert_int_equal(os()->open(NULL, AT("none"), TIDE_IO_WRITE, &file, &error), TIDE_REJECT);
    assert_int_equal(file.handle, 0);
    assert_int_equal(os()->link(NULL, AT("n"), AT("m"), &error), TIDE_OK);
    assert_int_equal(os()->link(NULL, AT("n"), AT("m"), &error), TIDE_REJECT);
    assert_int_equal(os()->link(NULL, AT("none"), AT("x"), &error), TIDE_REJECT);
    assert_int_equal(os()->rename(NULL, AT("n"), AT("o"), &error), TIDE_OK);
    assert_int_equal(os()->rename(NULL, AT("n"), AT("o"), &error), TIDE_REJECT);
    assert_int_equal(os()->sync_directory(NULL, root, &error), TIDE_OK);
    assert_int_equal(os()->sync_directory(NULL, AT("none"), &error), TIDE_REJECT);
    assert_int_equal(os()->remove(NULL, AT("o"), &error), TIDE_OK);
    assert_int_equal(os()->remove(NULL, AT("m"), &error), TIDE_OK);
    assert_int_equal(os()->remove(NULL, AT("m"), &error), TIDE_REJECT);
    assert_int_equal(os()->list(NULL, AT("none"), remove_child, NULL, &error), TIDE_REJECT);
}

struct seen {
    int files;
    int directories;
};

static void see(void *context, const char *name, bool is_directory)
{
    struct seen *seen = context;
    assert_true(strcmp(name, is_directory ? "d" : "f") == 0);
    seen->files += is_directory ? 0 : 1;
    seen->directories += is_directory ? 1 : 0;
}

static void directories_are_made_with_parents(void **state)
{
    (void)state;
    struct tide_file file = {0};
    struct tide_error error = {0};
    assert_int_equal(os()->make_directory(NULL, AT("x/y//d/"), &error), TIDE_OK);
    assert_int_equal(os()->make_directory(NULL, AT("x/y/d"), &error), TIDE_OK);
    assert_int_equal(os()->open(NULL, AT("x/y/f"), TIDE_IO_CREATE, &file, &error), TIDE_OK);
    os()->close(NULL, &file);
    struct tide_io_facts facts = {0};
    assert_int_equal(os()->stat(NULL, AT("x/none"), &facts, &error), TIDE_REJECT);
    assert_int_equal(os()->stat(NULL, AT("x/y/f"), &facts, &error), TIDE_OK);
    assert_true(!facts.is_directory && facts.size == 0);
    struct tide_duration age = {tide_clock_now(tide_clock_os()).us - facts.modified.us};
    assert_in_range(age.us + 1000000, 0, 60 * 1000000);
    assert_int_equal(os()->stat(NULL, AT("x/y"), &facts, &error), TIDE_OK);
    assert_true(facts.is_directory);
    struct seen seen = {0};
    assert_int_equal(os()->list(NULL, AT("x/y"), see, &seen, &error), TIDE_OK);
    assert_int_equal(seen.files, 1);
    assert_int_equal(seen.directories, 1);
    assert_int_equal(os()->make_directory(NULL, AT("x/y/f"), &error), TIDE_FATAL);
    assert_int_equal(os()->make_directory(NULL, AT("x/y/f/g"), &error), TIDE_FATAL);
    assert_int_equal(os()->make_directory(NULL, "", &error), TIDE_FATAL);
    assert_int_equal(os()->remove(NULL, AT("x/y/d"), &error), TIDE_OK);
    assert_int_equal(os()->remove(NULL, AT("x/y"), &error), TIDE_FATAL); /* not empty */
}

static void errors_say_what_to_do(void **state)
{
    (void)state;
    struct tide_file file = {0};
    struct tide_error error = {0};
    assert_int_equal(os()->open(NULL, "/dev/full", TIDE_IO_WRITE, &file, &error), TIDE_OK);
    assert_int_equal(os()->write(NULL, file, 0, "x", 1, &error), TIDE_RETRY);
    assert_string_equal(error.text, "cannot write /dev/full: No space left on device");
    assert_int_equal(os()->sync(NULL, file, &error), TIDE_FATAL); /* whatever the reason */
    os()->close(NULL, &file);

    assert_int_equal(os()->open(NULL, AT("r"), TIDE_IO_CREATE, &file, &error), TIDE_OK);
    os()->close(NULL, &file);
    assert_int_equal(os()->open(NULL, AT("r"), TIDE_IO_READ, &file, &error), TIDE_OK);
    assert_int_equal(os()->write(NULL, file, 0, "x", 1, &error), TIDE_FATAL);
    assert_non_null(strstr(error.text, "/r: "));
    assert_int_equal(os()->truncate(NULL, file, 0, &error), TIDE_FATAL);
    os()->close(NULL, &file);

    struct rlimit before = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum tide_status status = os()->open(NULL, AT("r"), TIDE_IO_READ, &file, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, TIDE_RETRY);
}

/* The limit cuts the first transfer short; only a loop meets the error behind it. */
static void short_writes_go_on(void **state)
{
    (void)state;
    struct tide_file file = {0};
    struct tide_error error = {0};
    uint64_t size = 0;
    struct rlimit before = {0};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(os()->open(NULL, AT("short"), TIDE_IO_CREATE, &file, &error), TIDE_OK);
    struct rlimit five = {.rlim_cur = 5, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &five), 0);
    enum tide_status status = os()->write(NULL, file, 0, "0123456789", 10, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, TIDE_FATAL);
    assert_non_null(strstr(error.text, "/short: File too large"));
    assert_int_equal(os()->size(NULL, file, &size, &error), TIDE_OK);
    assert_int_equal(size, 5);
    os()->close(NULL, &file);
}

static void lock_keeps_others_out(void **state)
{
    (void)state;
    struct tide_file first = {0};
    struct tide_file second = {0};
    struct tide_error error = {0};
    assert_int_equal(tide_io_os_lock(AT("lock"), &first, &error), TIDE_OK);
    assert_int_equal(tide_io_os_lock(AT("lock"), &second, &error), TIDE_REJECT);
    assert_int_equal(second.handle, 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct tide_file file = {0};
        /* The inherited descriptor shares the lock, a new open does not. */
        _exit(tide_io_os_lock(AT("lock"), &file, NULL) == TIDE_REJECT ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    os()->close(NULL, &first);
    assert_int_equal(tide_io_os_lock(AT("lock"), &second, &error), TIDE_OK);
    os()->close(NULL, &second);
    assert_int_equal(tide_io_os_lock(AT("none/lock"), &second, &error), TIDE_REJECT);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[600] = {0}; /* more than one call gives at once */
    unsigned char b[600] = {0};
    os()->random(NULL, a, sizeof(a));
    os()->random(NULL, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 568, (unsigned char[32]){0}, 32);
}

static void whole_files_work_here_too(void **state)
{
    (void)state;
    struct tide_bytes bytes = {0};
    struct tide_error error = {0};
    struct tide_view text = TIDE_VIEW("content");
    assert_int_equal(tide_io_create_file(tide_io_os(), AT("whole"), text, &error), TIDE_OK);
    assert_int_equal(tide_io_create_file(tide_io_os(), AT("whole"), text, &error), TIDE_REJECT);
    assert_int_equal(tide_io_read_file(tide_io_os(), AT("whole"), &bytes, 100, &error), TIDE_OK);
    assert_true(tide_view_equal(tide_bytes_view(&bytes), text));
    tide_bytes_release(&bytes);
}

static void absolute_paths_have_no_links(void **state)
{
    (void)state;
    struct tide_bytes path = {0};
    struct tide_error error = {0};
    assert_int_equal(tide_io_os_absolute(AT("nothing"), &path, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "nothing"));
    assert_int_equal(tide_io_os_absolute("/usr/../tmp/.", &path, &error), TIDE_OK);
    assert_string_equal(tide_bytes_terminated(&path), "/tmp");
    tide_bytes_release(&path);
}

static void tells_space_and_usage(void **state)
{
    (void)state;
    struct tide_io_space space = {0};
    struct tide_error error = {0};
    assert_int_equal(tide_io_os_space(AT("nothing"), &space, &error), TIDE_REJECT);
    assert_non_null(strstr(error.text, "nothing"));
    assert_int_equal(tide_io_os_space("/", &space, &error), TIDE_OK);
    assert_true(space.size_bytes > 0 && space.free_bytes <= space.size_bytes);
    struct tide_io_usage first = tide_io_os_usage();
    struct tide_io_usage later = first;
    while (later.processor_us == first.processor_us) { /* its clock moves with what is done */
        later = tide_io_os_usage();
    }
    assert_true(later.processor_us > first.processor_us);
    assert_in_range(first.resident_bytes, 64 << 10, UINT64_C(1) << 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_keep_bytes),
        cmocka_unit_test(names_follow_the_contract),
        cmocka_unit_test(directories_are_made_with_parents),
        cmocka_unit_test(errors_say_what_to_do),
        cmocka_unit_test(short_writes_go_on),
        cmocka_unit_test(lock_keeps_others_out),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(whole_files_work_here_too),
        cmocka_unit_test(absolute_paths_have_no_links),
        cmocka_unit_test(tells_space_and_usage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
