/* Goal: one record is one line and one write, whatever is in it; levels hold. Method: stderr is a
 * pipe in packet mode during a call, so that each read gives back exactly one write. */
#include "base/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 16384
};

struct capture {
    int stderr_before;
    int reader;
};

static struct capture capture_begin(void)
{
    int ends[2] = {-1, -1};
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
    const struct capture capture = {.stderr_before = dup(STDERR_FILENO), .reader = ends[0]};
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    return capture;
}

/* The number of writes; the text of all of them together. */
static int capture_end(struct capture capture, char *text)
{
    (void)dup2(capture.stderr_before, STDERR_FILENO);
    close(capture.stderr_before);
    int write_count = 0;
    size_t size = 0;
    ssize_t got = 0;
    while ((got = read(capture.reader, text + size, TEXT_MAX - 1 - size)) > 0) {
        size += (size_t)got;
        write_count++;
    }
    close(capture.reader);
    text[size] = '\0';
    return write_count;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    const bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static void test_shape(void **state)
{
    (void)state;
    static const struct {
        enum tide_logline_level level;
        const char *name;
    } rows[] = {
        {TIDE_LOGLINE_INFO, "info"},
        {TIDE_LOGLINE_WARNING, "warning"},
        {TIDE_LOGLINE_ERROR, "error"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TEXT_MAX];
        char pattern[256];
        const struct capture capture = capture_begin();
        errno = EDOM;
        tide_logline(rows[i].level, "collect", "listening on %s:%d", "127.0.0.1", 8080);
        const int error_number = errno;
        assert_int_equal(capture_end(capture, text), 1);
        assert_int_equal(error_number, EDOM);
        snprintf(pattern,
                 sizeof(pattern),
                 "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z %s collect: "
                 "listening on 127\\.0\\.0\\.1:8080\n$",
                 rows[i].name);
        assert_true(matches(text, pattern));
    }
}

static void test_levels(void **state)
{
    (void)state;
    const enum tide_logline_level levels[] = {
        TIDE_LOGLINE_DEBUG, TIDE_LOGLINE_INFO, TIDE_LOGLINE_WARNING, TIDE_LOGLINE_ERROR};
    for (size_t min = 0; min < 4; min++) {
        for (size_t level = 0; level < 4; level++) {
            char text[TEXT_MAX];
            tide_logline_set_level(levels[min]);
            const struct capture capture = capture_begin();
            tide_logline(levels[level], "log", "x");
            assert_int_equal(capture_end(capture, text), level >= min);
        }
    }
    tide_logline_set_level(TIDE_LOGLINE_INFO);
}

static void test_debug_is_off_at_start(void **state)
{
    (void)state;
    char text[TEXT_MAX];
    const struct capture capture = capture_begin();
    tide_logline(TIDE_LOGLINE_DEBUG, "log", "x");
    assert_int_equal(capture_end(capture, text), 0);
}

static void test_control_bytes_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *expected;
    } rows[] = {
        {"a\nforged", "a\\nforged"},
        {"tab\tbell\a", "tab\\x09bell\\x07"},
        {"\r\x1b[2J", "\\x0d\\x1b[2J"},
        {"del\x7f", "del\\x7f"},
        {"C1 \xc2\x9b"
         "2J",
         "C1 \xc2\\x9b2J"},
        {"\xc3\xa9 \xc2\xa0 \xe2\x82\xac", "\xc3\xa9 \xc2\xa0 \xe2\x82\xac"},
        {"100% \"quoted\"", "100% \"quoted\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TEXT_MAX];
        char expected[128];
        const struct capture capture = capture_begin();
        tide_logline(TIDE_LOGLINE_INFO, "decode", "%s", rows[i].value);
        assert_int_equal(capture_end(capture, text), 1);
        snprintf(expected, sizeof(expected), " info decode: %s\n", rows[i].expected);
        assert_non_null(strstr(text, " info"));
        assert_string_equal(strstr(text, " info"), expected);
    }
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    static const char fillers[] = {'x', '\x01'}; /* the second grows fourfold when escaped */
    for (size_t i = 0; i < sizeof(fillers); i++) {
        char value[5000];
        memset(value, fillers[i], sizeof(value));
        char text[TEXT_MAX];
        const struct capture capture = capture_begin();
        tide_logline(TIDE_LOGLINE_INFO, "decode", "%.*s", (int)sizeof(value), value);
        assert_true(capture_end(capture, text) >= 1); /* a packet holds one page at most */
        const size_t size = strlen(text);
        assert_true(size > 2000 && size < 10000);
        assert_string_equal(text + size - 4, "...\n");
        assert_ptr_equal(strchr(text, '\n'), text + size - 1);
    }
}

/* A daemon may run with stderr closed: nothing is written, and errno is still the caller's. */
static void test_closed_stderr(void **state)
{
    (void)state;
    const int stderr_before = dup(STDERR_FILENO);
    assert_true(stderr_before >= 0);
    close(STDERR_FILENO);
    errno = EDOM;
    tide_logline(TIDE_LOGLINE_ERROR, "collect", "nobody hears this");
    const int error_number = errno;
    (void)dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    assert_int_equal(error_number, EDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_debug_is_off_at_start),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_control_bytes_are_escaped),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_closed_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
