/* The service of the demo: `tidemark run` as a child, on the port that people expect if it is free.
 * One thread. */
#ifndef TIDE_CLI_DEMO_SERVICE_H
#define TIDE_CLI_DEMO_SERVICE_H

#include "cli/child.h"

struct tide_demo_service_options {
    const char *program;     /* NULL: this one */
    const char *definitions; /* a file */
    const char *folder;      /* for log and lake */
    const char *listen;      /* address:port; NULL: 127.0.0.1:8080, or any port if that is taken */
};

/* All zero: none. */
struct tide_demo_service {
    struct tide_child child;
    struct tide_bytes url;  /* http://address:port, terminated */
    struct tide_bytes last; /* that it said, terminated */
};

enum tide_demo_service_event {
    TIDE_DEMO_SERVICE_QUIET,
    TIDE_DEMO_SERVICE_ALERT,  /* of its definitions: last has it, without the time */
    TIDE_DEMO_SERVICE_SIGNAL, /* somebody wants us to end */
    TIDE_DEMO_SERVICE_ENDED,
};

/* Waits until it listens. The caller has blocked SIGINT, SIGTERM and SIGHUP. RETRY, REJECT: it
 * cannot be started, or has ended, and said why; or a signal came. Stop it in any case. */
enum tide_status tide_demo_service_start(const struct tide_demo_service_options *options,
                                         struct tide_demo_service *service,
                                         struct tide_error *error);
/* Until something happens, at most so long. */
enum tide_demo_service_event tide_demo_service_wait(struct tide_demo_service *service,
                                                    struct tide_duration patience);
/* Lets it drain; after some time, or a signal, it is killed. Returns its exit code. */
int tide_demo_service_stop(struct tide_demo_service *service);

#endif
