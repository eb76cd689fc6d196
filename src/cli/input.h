/* Files that a person names on the command line: read once, from front to back, pipes too. */
#ifndef TIDE_CLI_INPUT_H
#define TIDE_CLI_INPUT_H

#include <stddef.h>

#include "base/bytes.h"

struct tide_input; /* one thread */

/* "-" is stdin. REJECT: cannot be opened. */
enum tide_status tide_input_open(const char *name,
                                 struct tide_input **input,
                                 struct tide_error *error);
/* At most size bytes; *read_size 0 at the end. FATAL: it cannot be read. Blocks. */
enum tide_status tide_input_read(
    struct tide_input *input, char *into, size_t size, size_t *read_size, struct tide_error *error);
/* Instead of read: true, and *text is all of the file, in its place in the page cache, until close.
 * false: that cannot be had of it (a pipe, an empty file), or something was read already. What is
 * appended to the file later is not seen; what is in it must not be changed. Should a page be gone
 * when somebody looks at it, since others made the file shorter or its disk failed, nobody can go
 * on: the process says so and ends as after a FATAL read. One input at a time may be mapped; any
 * thread may look at it. */
bool tide_input_map(struct tide_input *input, struct tide_view *text);
/* Of a mapped one: what is well before that place need not be held in memory for this process. */
void tide_input_passed(struct tide_input *input, const char *place);
/* Of a mapped one, when all of it was looked at. FATAL: it is shorter now, so its end may have been
 * zeros. */
enum tide_status tide_input_check(const struct tide_input *input, struct tide_error *error);
void tide_input_close(struct tide_input *input);

#endif
