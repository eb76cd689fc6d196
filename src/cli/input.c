#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tide_input {
    FILE *stream;
    const char *name;
};

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

void tide_input_close(struct tide_input *input)
{
    if (input != NULL && input->stream != stdin) {
        fclose(input->stream);
    }
    free(input);
}
