#include "base/thread.h"

#include <stdio.h>

bool tide_thread_start(pthread_t *thread,
                       const char *name,
                       void *(*body)(void *context),
                       void *context)
{
    char text[TIDE_THREAD_NAME_SIZE];
    if (pthread_create(thread, NULL, body, context) != 0) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%s", name);
    (void)pthread_setname_np(*thread, text); /* without it everything works */
    return true;
}
