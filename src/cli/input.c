/* A mapped file spares copying all of it once, which is a tenth of what counting its events costs.
 *
 * Its pages are the page cache's own, but count as this process's memory while they are mapped; so
 * what was passed is given back in steps. Whoever looks there once more has it mapped again. */
#include "cli/input.h"

#include "base/assert.h"
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PASSED_KEPT = 8 << 20, /* behind the place that was passed: others may be there still */
    PASSED_STEP = 4 << 20, /* whole pages */
};

struct tide_input {
    FILE *stream;
    const char *name;
    char *map; /* NULL: it is read */
    size_t map_size;
    size_t unmapped; /* from its start */
    struct sigaction before;
};

/* What a page that is gone means; a handler has no other way to know. */
static struct {
    const char *map;
    size_t size;
    char message[512];
    size_t message_size;
} mapped;

enum tide_status tide_input_open(const char *name,
                                 struct tide_input **input,
                                 struct tide_error *error)
{
    struct tide_input *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "out of memory");
    }
    made->name = name;
    made->stream = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (made->stream == NULL) {
        (void)tide_error_set(error, TIDE_REJECT, "cannot open %s: %s", name, strerror(errno));
        free(made);
        return TIDE_REJECT;
    }
    setvbuf(made->stream, NULL, _IONBF, 0); /* reads go straight to the caller's memory */
    *input = made;
    return TIDE_OK;
}

enum tide_status tide_input_read(
    struct tide_input *input, char *into, size_t size, size_t *read_size, struct tide_error *error)
{
    *read_size = fread(into, 1, size, input->stream);
    if (*read_size == 0 && ferror(input->stream)) {
        return tide_error_set(
            error, TIDE_FATAL, "cannot read %s: %s", input->name, strerror(errno));
    }
    return TIDE_OK;
}

#define CUT "cannot read %.400s: it was cut while it was read, or its disk failed"

/* Of SIGBUS: the file has no such page any more, or the disk does not give it. */
static void end_without_page(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    const char *at = info->si_addr;
    const bool is_fault = info->si_code > 0; /* else somebody has sent it */
    if (!is_fault || at < mapped.map || at >= mapped.map + mapped.size) {
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number); /* it ends us when this returns */
        return;
    }
    (void)!write(STDERR_FILENO, mapped.message, mapped.message_size);
    _exit((int)tide_exit_of(TIDE_FATAL));
}

static void watch_map(struct tide_input *input)
{
    tide_assert(mapped.map == NULL);
    const int size =
        snprintf(mapped.message, sizeof(mapped.message), "tidemark: " CUT "\n", input->name);
    mapped.message_size = size < 0 ? 0 : (size_t)size;
    mapped.map = input->map;
    mapped.size = input->map_size;
    struct sigaction action = {.sa_sigaction = end_without_page, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &input->before);
}

bool tide_input_map(struct tide_input *input, struct tide_view *text)
{
    struct stat facts;
    const int file = fileno(input->stream);
    tide_assert(input->map == NULL);
    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0 ||
        lseek(file, 0, SEEK_CUR) != 0) {
        return false;
    }
    const size_t size = (size_t)facts.st_size;
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    (void)lseek(file, (off_t)size, SEEK_SET); /* as if it had been read */
    (void)madvise(map, size, MADV_SEQUENTIAL);
    input->map = map;
    input->map_size = size;
    watch_map(input);
    *text = (struct tide_view){map, size};
    return true;
}

void tide_input_passed(struct tide_input *input, const char *place)
{
    tide_assert(input->map != NULL && place >= input->map);
    const size_t passed = (size_t)(place - input->map);
    tide_assert(passed <= input->map_size);
    while (passed >= input->unmapped + PASSED_STEP + PASSED_KEPT) {
        (void)madvise(input->map + input->unmapped, PASSED_STEP, MADV_DONTNEED);
        input->unmapped += PASSED_STEP;
    }
}

enum tide_status tide_input_check(const struct tide_input *input, struct tide_error *error)
{
    struct stat facts;
    tide_assert(input->map != NULL);
    if (fstat(fileno(input->stream), &facts) != 0 || facts.st_size < (off_t)input->map_size) {
        return tide_error_set(error, TIDE_FATAL, CUT, input->name);
    }
    return TIDE_OK;
}

void tide_input_close(struct tide_input *input)
{
    if (input != NULL && input->map != NULL) {
        sigaction(SIGBUS, &input->before, NULL);
        mapped.map = NULL;
        munmap(input->map, input->map_size);
    }
    if (input != NULL && input->stream != stdin) {
        fclose(input->stream);
    }
    free(input);
}
