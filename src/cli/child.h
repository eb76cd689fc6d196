/* Another program as a child process: an argument list and no shell, a process group of its own,
 * what it says line by line.
 *
 * stdout and stderr of the child are one stream; stdin is empty. Nothing else of ours is open in
 * it. One thread owns a child. */
#ifndef TIDE_CLI_CHILD_H
#define TIDE_CLI_CHILD_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/clock.h"

enum {
    TIDE_CHILD_LINE_BYTES_MAX = 1 << 20 /* a longer line is cut */
};

/* All zero is no child. */
struct tide_child {
    pid_t process;             /* and its group; 0: none */
    int output;                /* plus 1; 0: not open */
    int signals;               /* likewise */
    struct tide_bytes pending; /* read, and not yet a line */
    struct tide_bytes line;    /* that was handed out */
};

/* In the environment of this very program as a child: it is to end when the process of that number
 * does, however that ends. */
#define TIDE_CHILD_PARENT "TIDEMARK_CHILD_OF"
/* This very program, whatever became of its file. */
#define TIDE_CHILD_ITSELF "/proc/self/exe"

struct tide_child_options {
    const char *program;            /* looked for in PATH; NULL: its first argument */
    const char *const *arguments;   /* the program's name first; NULL ends it */
    const char *const *environment; /* NAME=value beside what we have; NULL: nothing */
    const char *directory;          /* it works in; NULL: ours */
    /* SIGINT, SIGTERM and SIGHUP, which the calling thread has blocked, are told by next. Only for
     * a program whose one business the child is. */
    bool hears_signals;
};

/* REJECT: there is no such program, or it is not one (the error names it). RETRY: no memory or
 * processes. */
enum tide_status tide_child_start(const struct tide_child_options *options,
                                  struct tide_child *child,
                                  struct tide_error *error);

enum tide_child_event {
    TIDE_CHILD_LINE,   /* *line, without its end; valid until the next call */
    TIDE_CHILD_QUIET,  /* nothing for that long */
    TIDE_CHILD_SIGNAL, /* somebody wants us to end */
    TIDE_CHILD_END,    /* it has closed its output */
};
enum tide_child_event tide_child_next(struct tide_child *child,
                                      struct tide_duration patience,
                                      struct tide_view *line);

/* Asks the whole group to end (SIGTERM). */
void tide_child_end(const struct tide_child *child);
/* Waits for its end, at most so long; then what is left of the group is killed. Everything of the
 * child is released. Returns its exit code, or 128 + signal; of none 0. */
int tide_child_close(struct tide_child *child, struct tide_duration patience);

#endif
