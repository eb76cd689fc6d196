/* Objects of a table that are wanted as files on this machine for a while. */
#ifndef TIDE_LAKE_OBJECT_PATHS_H
#define TIDE_LAKE_OBJECT_PATHS_H

#include "lake/store.h"

#include "base/arena.h"

/* All zero is empty. What it holds lives in the arena it was given. */
struct tide_object_paths {
    const char **keys;
    const char **paths; /* on this machine, in the order in which they were added */
    uint32_t count;
    uint32_t capacity;
};

/* Room for so many. RETRY: no memory. */
enum tide_status tide_object_paths_reserve(struct tide_object_paths *objects,
                                           struct tide_arena *arena,
                                           uint32_t capacity,
                                           struct tide_error *error);
/* Fetches <table>/<path>. FATAL: it is not there; RETRY: the store, memory. */
enum tide_status tide_object_paths_add(struct tide_object_paths *objects,
                                       struct tide_arena *arena,
                                       struct tide_store store,
                                       const char *table_name,
                                       struct tide_view path,
                                       struct tide_error *error);
/* The files may go; the paths are not valid any more. */
void tide_object_paths_unpin(struct tide_object_paths *objects, struct tide_store store);

#endif
