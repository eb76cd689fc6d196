#include "lake/object_paths.h"

#include "base/assert.h"

#include <stdio.h>

#include "base/banned.h"

enum tide_status tide_object_paths_reserve(struct tide_object_paths *objects,
                                           struct tide_arena *arena,
                                           uint32_t capacity,
                                           struct tide_error *error)
{
    objects->keys = TIDE_ARENA_ARRAY(arena, const char *, capacity + 1U);
    objects->paths = TIDE_ARENA_ARRAY(arena, const char *, capacity + 1U);
    objects->count = 0;
    objects->capacity = capacity;
    return objects->keys == NULL || objects->paths == NULL
               ? tide_error_set(error, TIDE_RETRY, "no memory for the names of files")
               : TIDE_OK;
}

enum tide_status tide_object_paths_add(struct tide_object_paths *objects,
                                       struct tide_arena *arena,
                                       struct tide_store store,
                                       const char *table_name,
                                       struct tide_view path,
                                       struct tide_error *error)
{
    char key[TIDE_STORE_KEY_BYTES_MAX];
    struct tide_bytes local = {0};
    tide_assert(objects->count < objects->capacity);
    const int size = snprintf(key, sizeof(key), "%s/%.*s", table_name, TIDE_VIEW_ARGUMENTS(path));
    if (size < 0 || (size_t)size >= sizeof(key)) {
        return tide_error_set(error, TIDE_FATAL, "a file's name is too long");
    }
    const struct tide_view kept = tide_arena_copy(arena, (struct tide_view){key, (size_t)size});
    if (kept.data == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for the names of files");
    }
    enum tide_status status = store.operations->fetch(store.self, key, &local, error);
    if (status == TIDE_REJECT) {
        status = tide_error_set(error, TIDE_FATAL, "the log names %s, which is not there", key);
    }
    if (status == TIDE_OK) {
        const struct tide_view found = tide_arena_copy(arena, tide_bytes_view(&local));
        objects->keys[objects->count] = kept.data;
        objects->paths[objects->count++] = found.data;
        status = found.data == NULL
                     ? tide_error_set(error, TIDE_RETRY, "no memory for the names of files")
                     : TIDE_OK;
    }
    tide_bytes_release(&local);
    return status;
}

void tide_object_paths_unpin(struct tide_object_paths *objects, struct tide_store store)
{
    for (uint32_t i = 0; i < objects->count; i++) {
        store.operations->unpin(store.self, objects->keys[i]);
    }
    *objects = (struct tide_object_paths){0};
}
