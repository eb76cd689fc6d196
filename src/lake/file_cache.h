/* Copies of a remote store's objects in one local directory, bounded in bytes.
 *
 * A copy is of one version of an object: its size and its time of change are part of the file's
 * name, so that a copy which another life of the lake left is never taken for what is there now. A
 * copy that somebody pins stays; of the others those that were used longest ago make room. What a
 * process leaves is found again by the next. One process has the directory to itself.
 * Any thread. */
#ifndef TIDE_LAKE_FILE_CACHE_H
#define TIDE_LAKE_FILE_CACHE_H

#include "base/io.h"

struct tide_file_cache;

/* directory is made if need be. Interrupted copies are removed, and the oldest beyond bytes_max. */
enum tide_status tide_file_cache_open(struct tide_io io,
                                      const char *directory,
                                      uint64_t bytes_max,
                                      struct tide_file_cache **cache,
                                      struct tide_error *error);
/* Nothing is pinned (what still is counts as let go); the files stay. */
void tide_file_cache_close(struct tide_file_cache *cache);

struct tide_file_cache_version {
    uint64_t size;
    struct tide_instant modified;
};

/* Whether a copy of key is there whose version was asked for in this process; then it is pinned,
 * and *path says where it is. name: the key with what tells lakes apart. */
bool tide_file_cache_pin(struct tide_file_cache *cache,
                         struct tide_view name,
                         struct tide_bytes *path);

/* Writes an object's bytes, version.size of them, to an open file from offset 0. */
struct tide_file_cache_source {
    enum tide_status (*copy)(void *context, struct tide_file file, struct tide_error *error);
    void *context;
};

/* The same, and makes the copy where that version is not there yet: one thread does, others that
 * want it wait. RETRY: no room but what is pinned (or no more than bytes_max at all), no disk; else
 * the source's status. */
enum tide_status tide_file_cache_load(struct tide_file_cache *cache,
                                      struct tide_view name,
                                      struct tide_file_cache_version version,
                                      const struct tide_file_cache_source *source,
                                      struct tide_bytes *path,
                                      struct tide_error *error);
void tide_file_cache_unpin(struct tide_file_cache *cache, struct tide_view name);
/* Of all copies. */
uint64_t tide_file_cache_bytes(struct tide_file_cache *cache);

#endif
