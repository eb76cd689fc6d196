/* Threads with names: `top -H`, a debugger and a profile show who does what. */
#ifndef TIDE_BASE_THREAD_H
#define TIDE_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

enum {
    TIDE_THREAD_NAME_SIZE = 16 /* the kernel's, with its end; longer names are cut */
};

/* false: the system has no more threads. */
bool tide_thread_start(pthread_t *thread,
                       const char *name,
                       void *(*body)(void *context),
                       void *context);

#endif
