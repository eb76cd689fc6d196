/* A store of whole objects by key: local files, HDFS; S3 and Azure are to come.
 *
 * Keys are '/'-separated, relative, without "." or "..". An object is there whole or not at all;
 * what put, put_if_absent and put_file answered OK is durable. Any thread. */
#ifndef TIDE_LAKE_STORE_H
#define TIDE_LAKE_STORE_H

#include "base/io.h"

enum {
    TIDE_STORE_OBJECT_BYTES_MAX = 256 << 20,
    TIDE_STORE_KEY_BYTES_MAX = 1024
};

struct tide_store_entry {
    const char *name; /* behind the prefix, without '/'; valid during the visit */
    bool is_folder;
    uint64_t size;                /* of an object */
    struct tide_instant modified; /* by the store's clock; UNKNOWN where it has none */
};

struct tide_store_operations {
    /* REJECT: no such object, or larger than size_max. */
    enum tide_status (*get)(void *self,
                            const char *key,
                            struct tide_bytes *into,
                            size_t size_max,
                            struct tide_error *error);
    /* REJECT: the key exists already (nothing changed). RETRY: no space, no connection: whether it
     * happened is then unknown; get and compare. */
    enum tide_status (*put_if_absent)(void *self,
                                      const char *key,
                                      struct tide_view content,
                                      struct tide_error *error);
    /* Takes a scratch file (path on the store's local io) under key; the scratch name is removed.
     * An existing object under key is replaced (data files have unique keys). */
    enum tide_status (*put_file)(void *self,
                                 const char *key,
                                 const char *scratch_path,
                                 struct tide_error *error);
    /* Objects and folders directly under prefix (a "directory" with a trailing '/', or ""), no
     * order; temporary names never. A prefix that does not exist has none. visit may call the
     * store. */
    enum tide_status (*list)(void *self,
                             const char *prefix,
                             void (*visit)(void *context, const struct tide_store_entry *entry),
                             void *context,
                             struct tide_error *error);
    /* A path on this machine at which the object can be read (by DuckDB, say): the object itself,
     * or a copy in a bounded cache. Objects that are fetched must not change. It stays readable
     * until unpin, which each fetch that answered OK needs (they are counted by key); when nobody
     * pins a copy, the cache may drop it. REJECT: no such object. RETRY: no connection, or the
     * cache is full of pinned copies (the error names its limit). */
    enum tide_status (*fetch)(void *self,
                              const char *key,
                              struct tide_bytes *path,
                              struct tide_error *error);
    void (*unpin)(void *self, const char *key);
    /* REJECT: no such object. */
    enum tide_status (*remove)(void *self, const char *key, struct tide_error *error);
    void (*close)(void *self);
};

struct tide_store {
    const struct tide_store_operations *operations;
    void *self;
};

/* FATAL: not a key (above). For those who implement a store. */
enum tide_status tide_store_check_key(const char *key, struct tide_error *error);

struct tide_store_options {
    struct tide_io io; /* local files: the store's own, scratch, copies */
    struct tide_clock clock;
    bool must_exist; /* a place that is not there is REJECT, instead of made when first written */
    const char *cache_directory; /* of copies of remote objects, for this store alone; NULL: none */
    uint64_t cache_bytes_max;
    struct {
        struct tide_view user;
        struct tide_view hosts;
        struct tide_duration patience;
    } hdfs; /* docs/hdfs.md */
};

struct tide_store_options tide_store_options_default(void);
bool tide_store_is_remote(struct tide_view url);
/* "hdfs://namenode:9870/lake", "file:./lake" or a bare path. REJECT: a URL of no known kind, or
 * nothing is there and must_exist; RETRY: it cannot be reached. Texts are copied. */
enum tide_status tide_store_open(struct tide_view url,
                                 const struct tide_store_options *options,
                                 struct tide_store *store,
                                 struct tide_error *error);

/* directory is made if need be. Scratch files may be on another device than it. */
enum tide_status tide_store_local_open(struct tide_io io,
                                       const char *directory,
                                       struct tide_store *store,
                                       struct tide_error *error);
/* "file:./lake", "file:///var/lake" or a bare path gives the directory. REJECT: another scheme. */
enum tide_status tide_store_local_path(struct tide_view url,
                                       struct tide_bytes *path,
                                       struct tide_error *error);

#endif
