#include "cli/work_folder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 16,
    NAMES_BYTES_MAX = 16 << 20
};

enum tide_status tide_work_folder_create(struct tide_io io,
                                         const char *parent,
                                         const char *name,
                                         struct tide_bytes *path,
                                         struct tide_error *error)
{
    uint64_t letters = 0;
    tide_bytes_reset(path);
    enum tide_status status = io.operations->make_directory(io.self, parent, error);
    if (status == TIDE_OK) {
        status = tide_io_os_absolute(parent, path, error);
    }
    if (status != TIDE_OK) {
        return status;
    }
    io.operations->random(io.self, &letters, sizeof(letters)); /* 64 bits meet nobody else's */
    tide_bytes_append_format(path, "/%s-%016" PRIx64, name, letters);
    return path->failed
               ? tide_error_set(error, TIDE_RETRY, "out of memory")
               : io.operations->make_directory(io.self, tide_bytes_terminated(path), error);
}

/* Names, each behind an 'd' or 'f' and before a '\0': what is listed is removed afterwards. */
static void add_name(void *context, const char *name, bool is_directory)
{
    struct tide_bytes *names = context;
    tide_bytes_append_byte(names, is_directory ? 'd' : 'f');
    tide_bytes_append_text(names, name);
    tide_bytes_append_byte(names, '\0');
}

/* The next name; NULL: no more. */
static const char *next_name(struct tide_view *rest, bool *is_directory)
{
    if (rest->size == 0) {
        return NULL;
    }
    const char *name = rest->data + 1;
    const size_t size = strlen(name) + 2;
    *is_directory = rest->data[0] == 'd';
    *rest = tide_view_slice(*rest, size, rest->size - size);
    return name;
}

static enum tide_status list(struct tide_io io,
                             const char *path,
                             struct tide_bytes *names,
                             struct tide_error *error)
{
    tide_bytes_init(names, NAMES_BYTES_MAX);
    const enum tide_status status = io.operations->list(io.self, path, add_name, names, error);
    return status == TIDE_OK && names->failed
               ? tide_error_set(error, TIDE_RETRY, "%s has too many names", path)
               : status;
}

static enum tide_status remove_below(struct tide_io io,
                                     const char *path,
                                     int depth,
                                     struct tide_error *error)
{
    struct tide_bytes names = {0};
    struct tide_bytes below = {0};
    bool is_directory = false;
    if (depth == DEPTH_MAX) {
        return tide_error_set(error, TIDE_REJECT, "%s is too deep", path);
    }
    enum tide_status status = list(io, path, &names, error);
    struct tide_view rest = tide_bytes_view(&names);
    const char *name = NULL;
    while (status == TIDE_OK && (name = next_name(&rest, &is_directory)) != NULL) {
        tide_bytes_reset(&below);
        tide_bytes_append_format(&below, "%s/%s", path, name);
        const char *full = tide_bytes_terminated(&below);
        status = is_directory ? remove_below(io, full, depth + 1, error)
                              : io.operations->remove(io.self, full, error);
    }
    tide_bytes_release(&names);
    tide_bytes_release(&below);
    return status == TIDE_OK ? io.operations->remove(io.self, path, error) : status;
}

enum tide_status tide_work_folder_remove(struct tide_io io,
                                         const char *path,
                                         struct tide_error *error)
{
    struct tide_bytes names = {0};
    const enum tide_status status = list(io, path, &names, error);
    tide_bytes_release(&names);
    if (status == TIDE_REJECT) {
        return TIDE_OK; /* it is not there */
    }
    return status == TIDE_OK ? remove_below(io, path, 0, error) : status;
}

enum tide_status tide_work_folder_sweep(struct tide_io io,
                                        const char *path,
                                        bool (*is_old)(void *context, const char *folder_path),
                                        void *context,
                                        struct tide_error *error)
{
    struct tide_bytes names = {0};
    struct tide_bytes folder = {0};
    bool is_directory = false;
    enum tide_status status = list(io, path, &names, error);
    struct tide_view rest = tide_bytes_view(&names);
    const char *name = NULL;
    while (status == TIDE_OK && (name = next_name(&rest, &is_directory)) != NULL) {
        tide_bytes_reset(&folder);
        tide_bytes_append_format(&folder, "%s/%s", path, name);
        if (is_directory && is_old(context, tide_bytes_terminated(&folder))) {
            status = tide_work_folder_remove(io, tide_bytes_terminated(&folder), error);
        }
    }
    tide_bytes_release(&names);
    tide_bytes_release(&folder);
    return status == TIDE_REJECT ? TIDE_OK : status;
}
