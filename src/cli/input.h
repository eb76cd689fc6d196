/* Files that a person names on the command line: read once, from front to back, pipes too. */
#ifndef TIDE_CLI_INPUT_H
#define TIDE_CLI_INPUT_H

#include <stddef.h>

#include "base/status.h"

struct tide_input; /* one thread */

/* "-" is stdin. REJECT: cannot be opened. */
enum tide_status tide_input_open(const char *name,
                                 struct tide_input **input,
                                 struct tide_error *error);
/* At most size bytes; *read_size 0 at the end. FATAL: it cannot be read. Blocks. */
enum tide_status tide_input_read(
    struct tide_input *input, char *into, size_t size, size_t *read_size, struct tide_error *error);
void tide_input_close(struct tide_input *input);

#endif
