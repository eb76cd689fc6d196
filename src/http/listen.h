/* A socket that connections come in by. */
#ifndef TIDE_HTTP_LISTEN_H
#define TIDE_HTTP_LISTEN_H

#include <stdint.h>

#include "base/status.h"

/* Opens it on an IPv4 or IPv6 address; port 0: any free one, and *bound says which. It does not
 * block, and is not inherited by child processes. RETRY: the address is in use or not available;
 * REJECT: it is none. */
enum tide_status tide_listen(
    const char *address, uint16_t port, int *fd, uint16_t *bound, struct tide_error *error);

#endif
