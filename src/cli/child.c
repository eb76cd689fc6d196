#include "cli/child.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

extern char **environ;

enum {
    READ_BYTES = 64 << 10,
    VARIABLES_MAX = 16,
    FIRST_OWN_DESCRIPTOR = 3
};
static const struct tide_duration look_again_after = {20000};

/* ---- starting */

/* Those of ours that are not said anew, and what is said; NULL ends it. */
static char **join_environment(const char *const *more)
{
    size_t count = 0;
    size_t more_count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    while (more != NULL && more[more_count] != NULL) {
        more_count++;
    }
    tide_assert(more_count <= VARIABLES_MAX);
    char **joined = calloc(count + more_count + 1, sizeof(char *));
    if (joined == NULL) {
        return NULL;
    }
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_said = false;
        for (size_t k = 0; k < more_count; k++) {
            const size_t name = (size_t)(strchr(more[k], '=') - more[k]) + 1;
            is_said = is_said || strncmp(environ[i], more[k], name) == 0;
        }
        if (!is_said) {
            joined[size++] = environ[i];
        }
    }
    for (size_t k = 0; k < more_count; k++) {
        memcpy(&joined[size++], &more[k], sizeof(char *)); /* spawn takes them without const */
    }
    return joined;
}

/* The child's descriptors and signals. What it is told to do cannot fail but for memory. */
static int prepare(const char *directory,
                   int output,
                   posix_spawn_file_actions_t *actions,
                   posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE); /* we ignore it */
    int code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    code |= posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    code |= posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    code |= posix_spawn_file_actions_addclosefrom_np(actions, FIRST_OWN_DESCRIPTOR);
    if (directory != NULL) {
        code |= posix_spawn_file_actions_addchdir_np(actions, directory);
    }
    code |= posix_spawnattr_setpgroup(attributes, 0);
    code |= posix_spawnattr_setsigmask(attributes, &none);
    code |= posix_spawnattr_setsigdefault(attributes, &usual);
    code |= posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return code == 0 ? 0 : ENOMEM;
}

static const char *program_of(const struct tide_child_options *options)
{
    return options->program == NULL ? options->arguments[0] : options->program;
}

/* 0, or why not. */
static int spawn(const struct tide_child_options *options, int output, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char **environment = join_environment(options->environment);
    char **arguments = NULL;
    if (environment == NULL || posix_spawn_file_actions_init(&actions) != 0) {
        free(environment);
        return ENOMEM;
    }
    int code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = prepare(options->directory, output, &actions, &attributes);
        memcpy(&arguments, &options->arguments, sizeof(arguments)); /* without const, as above */
        if (code == 0) {
            code = posix_spawnp(
                process, program_of(options), &actions, &attributes, arguments, environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return code;
}

static int open_signals(void)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum tide_status tide_child_start(const struct tide_child_options *options,
                                  struct tide_child *child,
                                  struct tide_error *error)
{
    int ends[2];
    const char *program = program_of(options);
    tide_assert(child->process == 0 && options->arguments[0] != NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return tide_error_set(error, TIDE_RETRY, "no pipe for %s: %s", program, strerror(errno));
    }
    const int signals = options->hears_signals ? open_signals() : -1;
    const int code = spawn(options, ends[1], &child->process);
    (void)close(ends[1]);
    if (code != 0) {
        child->process = 0;
        (void)close(ends[0]);
        if (signals >= 0) {
            (void)close(signals);
        }
        return tide_error_set(error,
                              code == ENOMEM || code == EAGAIN ? TIDE_RETRY : TIDE_REJECT,
                              "cannot run %s: %s",
                              program,
                              strerror(code));
    }
    child->output = ends[0] + 1;
    child->signals = signals + 1;
    tide_bytes_init(&child->pending, TIDE_CHILD_LINE_BYTES_MAX + READ_BYTES);
    tide_bytes_init(&child->line, TIDE_CHILD_LINE_BYTES_MAX);
    return TIDE_OK;
}

/* ---- lines */

/* Takes the first size bytes of what is pending as the line, and drops what stands between. */
static void take_line(struct tide_child *child, size_t size, size_t dropped)
{
    struct tide_bytes *pending = &child->pending;
    tide_bytes_reset(&child->line);
    tide_bytes_append(&child->line, pending->data, size);
    pending->size -= size + dropped;
    memmove(pending->data, pending->data + size + dropped, pending->size);
}

static bool find_line(struct tide_child *child)
{
    struct tide_bytes *pending = &child->pending;
    const char *end = pending->size == 0 ? NULL : memchr(pending->data, '\n', pending->size);
    if (end != NULL) {
        take_line(child, (size_t)(end - pending->data), 1);
    } else if (pending->size >= TIDE_CHILD_LINE_BYTES_MAX) {
        take_line(child, TIDE_CHILD_LINE_BYTES_MAX, 0);
    }
    return end != NULL || child->line.size > 0;
}

/* false: there is no more. */
static bool read_output(struct tide_child *child)
{
    struct tide_bytes *pending = &child->pending;
    ssize_t size = -1;
    if (tide_bytes_reserve(pending, READ_BYTES)) {
        do {
            size = read(child->output - 1, pending->data + pending->size, READ_BYTES);
        } while (size < 0 && errno == EINTR);
    }
    if (size > 0) {
        pending->size += (size_t)size;
    }
    return size > 0;
}

enum tide_child_event tide_child_next(struct tide_child *child,
                                      struct tide_duration patience,
                                      struct tide_view *line)
{
    tide_assert(child->process != 0);
    for (;;) {
        struct pollfd wanted[2] = {{.fd = child->output - 1, .events = POLLIN},
                                   {.fd = child->signals - 1, .events = POLLIN}};
        struct signalfd_siginfo told;
        tide_bytes_reset(&child->line);
        if (find_line(child)) {
            *line = tide_bytes_view(&child->line);
            return TIDE_CHILD_LINE;
        }
        const int ready = poll(wanted, 2, (int)(patience.us / 1000));
        if (ready == 0) {
            return TIDE_CHILD_QUIET;
        }
        if (ready > 0 && (wanted[1].revents & POLLIN) != 0 &&
            read(child->signals - 1, &told, sizeof(told)) == (ssize_t)sizeof(told)) {
            return TIDE_CHILD_SIGNAL;
        }
        if (ready > 0 && wanted[0].revents != 0 && !read_output(child)) {
            if (child->pending.size == 0) {
                return TIDE_CHILD_END;
            }
            tide_bytes_append_byte(&child->pending, '\n'); /* the last line has none */
        }
    }
}

/* ---- ending */

void tide_child_end(const struct tide_child *child)
{
    if (child->process != 0) {
        (void)kill(-child->process, SIGTERM);
    }
}

/* Whether it has ended; it stays there to be waited for, so that its group's number is its own. */
static bool has_ended(pid_t process)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == process;
}

int tide_child_close(struct tide_child *child, struct tide_duration patience)
{
    const struct tide_clock clock = tide_clock_os();
    const struct tide_monotonic start = tide_clock_monotonic(clock);
    int status = 0;
    if (child->process == 0) {
        return 0;
    }
    while (!has_ended(child->process) &&
           tide_monotonic_since(tide_clock_monotonic(clock), start).us < patience.us) {
        tide_clock_sleep(clock, look_again_after);
    }
    (void)kill(-child->process, SIGKILL);
    while (waitpid(child->process, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(child->output - 1);
    if (child->signals > 0) {
        (void)close(child->signals - 1);
    }
    tide_bytes_release(&child->pending);
    tide_bytes_release(&child->line);
    *child = (struct tide_child){0};
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
