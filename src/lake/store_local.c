/* The store on a local disk: a key is a path below one directory.
 *
 * put_if_absent is tide_io_create_file (link refuses an existing name). put_file syncs the scratch
 * file, renames it into place and syncs both directories; where the scratch file is on another
 * device it is copied to a temporary name beside the target first. Each step leaves either the old
 * world or the new one, and each may be done again.
 *
 * A name that is seen need not be durable: a process may have been killed between its link and the
 * sync of the directory. Recovery builds on what it reads, so get syncs the directory of what it
 * found, once: `clean` remembers the directory in which no name can be pending, and any write
 * forgets it. Temporary names ("*.tmp-*") are never listed. */
#include "lake/store.h"
#include "base/assert.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 4096,
    COPY_BYTES = 1 << 20
};
static const char temporary_mark[] = ".tmp-";

struct local_store {
    struct tide_io io;
    char directory[PATH_BYTES_MAX];
    pthread_mutex_t mutex; /* of what follows */
    struct tide_u128 clean;
    uint64_t write_count; /* begun */
    uint64_t open_writes; /* begun and not ended */
};

static enum tide_status path_of(const struct local_store *store,
                                const char *key,
                                char *path,
                                struct tide_error *error)
{
    enum tide_status status = tide_store_check_key(key, error);
    if (status != TIDE_OK) {
        return status;
    }
    int size = snprintf(path, PATH_BYTES_MAX, "%s/%s", store->directory, key);
    if (size < 0 || size >= PATH_BYTES_MAX - 64) { /* room for a temporary name's end */
        return tide_error_set(error, TIDE_FATAL, "the path of key '%s' is too long", key);
    }
    return TIDE_OK;
}

static void parent_of(const char *path, char *parent)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    memcpy(parent, slash == NULL ? "." : path, size);
    parent[size] = '\0';
}

/* ---- which directory has no pending names */

static void write_begin(struct local_store *store)
{
    (void)pthread_mutex_lock(&store->mutex);
    store->clean = (struct tide_u128){0};
    store->write_count++;
    store->open_writes++;
    (void)pthread_mutex_unlock(&store->mutex);
}

static void write_end(struct local_store *store)
{
    (void)pthread_mutex_lock(&store->mutex);
    tide_assert(store->open_writes > 0);
    store->open_writes--;
    (void)pthread_mutex_unlock(&store->mutex);
}

static enum tide_status make_clean(struct local_store *store,
                                   const char *path,
                                   struct tide_error *error)
{
    char parent[PATH_BYTES_MAX];
    parent_of(path, parent);
    struct tide_u128 name = tide_hash128(tide_view_of(parent), 0);
    (void)pthread_mutex_lock(&store->mutex);
    bool is_clean = tide_u128_equal(store->clean, name);
    uint64_t write_count = store->write_count;
    (void)pthread_mutex_unlock(&store->mutex);
    if (is_clean) {
        return TIDE_OK;
    }
    enum tide_status status = store->io.operations->sync_directory(store->io.self, parent, error);
    if (status == TIDE_OK) {
        (void)pthread_mutex_lock(&store->mutex);
        if (store->open_writes == 0 && store->write_count == write_count) {
            store->clean = name;
        }
        (void)pthread_mutex_unlock(&store->mutex);
    }
    return status;
}

/* ---- operations */

static enum tide_status local_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    struct local_store *store = self;
    char path[PATH_BYTES_MAX];
    enum tide_status status = path_of(store, key, path, error);
    if (status == TIDE_OK) {
        status = tide_io_read_file(store->io, path, into, size_max, error);
    }
    return status == TIDE_OK ? make_clean(store, path, error) : status;
}

static enum tide_status local_put_if_absent(void *self,
                                            const char *key,
                                            struct tide_view content,
                                            struct tide_error *error)
{
    struct local_store *store = self;
    char path[PATH_BYTES_MAX];
    char parent[PATH_BYTES_MAX];
    tide_assert(content.size <= TIDE_STORE_OBJECT_BYTES_MAX);
    enum tide_status status = path_of(store, key, path, error);
    if (status != TIDE_OK) {
        return status;
    }
    parent_of(path, parent);
    status = store->io.operations->make_directory(store->io.self, parent, error);
    if (status != TIDE_OK) {
        /* Answers REJECT only where something is gone that was there: not "the key exists". */
        return status == TIDE_REJECT ? TIDE_RETRY : status;
    }
    write_begin(store);
    status = tide_io_create_file(store->io, path, content, error);
    write_end(store);
    return status;
}

static enum tide_status copy_content(struct tide_io io,
                                     struct tide_file from,
                                     struct tide_file to,
                                     char *buffer,
                                     struct tide_error *error)
{
    uint64_t offset = 0;
    size_t size = 0;
    do {
        enum tide_status status =
            io.operations->read(io.self, from, offset, buffer, COPY_BYTES, &size, error);
        if (status == TIDE_OK && size > 0) {
            status = io.operations->write(io.self, to, offset, buffer, size, error);
        }
        if (status != TIDE_OK) {
            return status;
        }
        offset += size;
    } while (size == COPY_BYTES);
    return io.operations->sync(io.self, to, error);
}

/* For a scratch file on another device: a durable copy beside the target, then renamed. */
static enum tide_status put_copy(struct tide_io io,
                                 const char *scratch,
                                 const char *path,
                                 struct tide_error *error)
{
    char temporary[PATH_BYTES_MAX];
    struct tide_file from = {0};
    struct tide_file to = {0};
    uint64_t random = 0;
    io.operations->random(io.self, &random, sizeof(random));
    int length = snprintf(temporary,
                          sizeof(temporary),
                          "%s%s%016llx",
                          path,
                          temporary_mark,
                          (unsigned long long)random);
    tide_assert(length > 0 && (size_t)length < sizeof(temporary));
    char *buffer = malloc(COPY_BYTES);
    if (buffer == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory to copy %s", scratch);
    }
    enum tide_status status = io.operations->open(io.self, scratch, TIDE_IO_READ, &from, error);
    if (status == TIDE_OK) {
        status = io.operations->open(io.self, temporary, TIDE_IO_CREATE, &to, error);
    }
    if (status == TIDE_OK) {
        status = copy_content(io, from, to, buffer, error);
    }
    io.operations->close(io.self, &from);
    io.operations->close(io.self, &to);
    if (status == TIDE_OK) {
        status = io.operations->rename(io.self, temporary, path, error);
    }
    if (status != TIDE_OK) {
        (void)io.operations->remove(io.self, temporary, NULL);
    }
    free(buffer);
    return status;
}

static enum tide_status move_into_place(struct tide_io io,
                                        const char *scratch,
                                        const char *path,
                                        struct tide_error *error)
{
    char parent[PATH_BYTES_MAX];
    parent_of(path, parent);
    enum tide_status status = io.operations->make_directory(io.self, parent, error);
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_error why = {0};
    status = io.operations->rename(io.self, scratch, path, &why);
    bool is_copied = status == TIDE_FATAL;
    if (is_copied) {
        status = put_copy(io, scratch, path, error);
    } else if (status != TIDE_OK) {
        (void)tide_error_set(error, status, "%s", why.text);
    }
    if (status == TIDE_OK) {
        status = io.operations->sync_directory(io.self, parent, error);
    }
    if (status == TIDE_OK && is_copied) {
        status = io.operations->remove(io.self, scratch, error);
    }
    if (status == TIDE_OK) {
        parent_of(scratch, parent);
        status = io.operations->sync_directory(io.self, parent, error);
    }
    return status;
}

/* The scratch file is gone: fine if an earlier attempt had brought it into place. */
static enum tide_status put_again(struct local_store *store,
                                  const char *scratch,
                                  const char *path,
                                  struct tide_error *error)
{
    struct tide_file file = {0};
    enum tide_status status =
        store->io.operations->open(store->io.self, path, TIDE_IO_READ, &file, NULL);
    store->io.operations->close(store->io.self, &file);
    if (status != TIDE_OK) {
        return tide_error_set(
            error, TIDE_FATAL, "neither %s nor the scratch file %s is there", path, scratch);
    }
    return make_clean(store, path, error);
}

static enum tide_status local_put_file(void *self,
                                       const char *key,
                                       const char *scratch_path,
                                       struct tide_error *error)
{
    struct local_store *store = self;
    struct tide_io io = store->io;
    struct tide_file file = {0};
    char path[PATH_BYTES_MAX];
    enum tide_status status = path_of(store, key, path, error);
    if (status != TIDE_OK) {
        return status;
    }
    struct tide_error why = {0};
    status = io.operations->open(io.self, scratch_path, TIDE_IO_WRITE, &file, &why);
    if (status == TIDE_REJECT) {
        return put_again(store, scratch_path, path, error);
    }
    if (status != TIDE_OK) {
        (void)tide_error_set(error, status, "%s", why.text);
    } else {
        status = io.operations->sync(io.self, file, error);
        io.operations->close(io.self, &file);
    }
    if (status == TIDE_OK) {
        write_begin(store);
        status = move_into_place(io, scratch_path, path, error);
        write_end(store);
    }
    /* Something vanished under our hands: the next attempt will see what is there. */
    return status == TIDE_REJECT ? TIDE_RETRY : status;
}

struct listing {
    const struct local_store *store;
    const char *directory; /* its path */
    void (*visit)(void *context, const struct tide_store_entry *entry);
    void *context;
    enum tide_status status; /* not OK: nothing more is visited */
    struct tide_error *error;
};

static void visit_entry(void *context, const char *name, bool is_directory)
{
    struct listing *listing = context;
    struct tide_io io = listing->store->io;
    char path[PATH_BYTES_MAX];
    if (listing->status != TIDE_OK || strstr(name, temporary_mark) != NULL) {
        return;
    }
    int size = snprintf(path, sizeof(path), "%s/%s", listing->directory, name);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        return; /* no key leads there */
    }
    struct tide_io_facts facts = {0};
    struct tide_error why = {0};
    enum tide_status status = io.operations->stat(io.self, path, &facts, &why);
    if (status == TIDE_OK) {
        struct tide_store_entry entry = {
            .name = name,
            .is_folder = is_directory,
            .size = is_directory ? 0 : facts.size,
            .modified = facts.modified,
        };
        listing->visit(listing->context, &entry);
    } else if (status != TIDE_REJECT) { /* removed meanwhile: not an entry */
        listing->status = tide_error_set(listing->error, status, "%s", why.text);
    }
}

static enum tide_status local_list(void *self,
                                   const char *prefix,
                                   void (*visit)(void *context,
                                                 const struct tide_store_entry *entry),
                                   void *context,
                                   struct tide_error *error)
{
    struct local_store *store = self;
    char key[TIDE_STORE_KEY_BYTES_MAX + 2];
    char path[PATH_BYTES_MAX];
    size_t size = strlen(prefix);
    enum tide_status status = TIDE_OK;
    if (size == 0) {
        memcpy(path, store->directory, strlen(store->directory) + 1);
    } else {
        tide_assert(size < sizeof(key) && prefix[size - 1] == '/');
        memcpy(key, prefix, size - 1);
        key[size - 1] = '\0';
        status = path_of(store, key, path, error);
    }
    if (status == TIDE_OK) {
        struct listing listing = {store, path, visit, context, TIDE_OK, error};
        struct tide_error why = {0};
        status = store->io.operations->list(store->io.self, path, visit_entry, &listing, &why);
        if (status == TIDE_REJECT) {
            return TIDE_OK;
        }
        if (status != TIDE_OK) {
            return tide_error_set(error, status, "%s", why.text);
        }
        status = listing.status;
    }
    return status;
}

static enum tide_status local_fetch(void *self,
                                    const char *key,
                                    struct tide_bytes *path,
                                    struct tide_error *error)
{
    struct local_store *store = self;
    char text[PATH_BYTES_MAX];
    struct tide_io_facts facts = {0};
    enum tide_status status = path_of(store, key, text, error);
    if (status == TIDE_OK) {
        status = store->io.operations->stat(store->io.self, text, &facts, error);
    }
    if (status == TIDE_OK && facts.is_directory) {
        status = tide_error_set(error, TIDE_REJECT, "%s is a directory", text);
    }
    tide_bytes_reset(path);
    tide_bytes_append_text(path, text);
    if (status == TIDE_OK && path->failed) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for a path");
    }
    return status;
}

static void local_unpin(void *self, const char *key)
{
    (void)self; /* the object itself was given: it is there until somebody removes it */
    (void)key;
}

static enum tide_status local_remove(void *self, const char *key, struct tide_error *error)
{
    struct local_store *store = self;
    char path[PATH_BYTES_MAX];
    char parent[PATH_BYTES_MAX];
    enum tide_status status = path_of(store, key, path, error);
    if (status != TIDE_OK) {
        return status;
    }
    write_begin(store);
    status = store->io.operations->remove(store->io.self, path, error);
    if (status == TIDE_OK) {
        parent_of(path, parent);
        status = store->io.operations->sync_directory(store->io.self, parent, error);
    }
    write_end(store);
    return status;
}

static void local_close(void *self)
{
    struct local_store *store = self;
    tide_assert(store->open_writes == 0);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store);
}

static const struct tide_store_operations local_operations = {
    .get = local_get,
    .put_if_absent = local_put_if_absent,
    .put_file = local_put_file,
    .list = local_list,
    .fetch = local_fetch,
    .unpin = local_unpin,
    .remove = local_remove,
    .close = local_close,
};

enum tide_status tide_store_local_open(struct tide_io io,
                                       const char *directory,
                                       struct tide_store *store,
                                       struct tide_error *error)
{
    tide_assert(directory != NULL && directory[0] != '\0' && store != NULL);
    size_t size = strlen(directory);
    while (size > 1 && directory[size - 1] == '/') {
        size--;
    }
    if (size > PATH_BYTES_MAX - TIDE_STORE_KEY_BYTES_MAX - 128) {
        return tide_error_set(
            error, TIDE_REJECT, "the lake's directory has a path of %zu bytes", size);
    }
    struct local_store *local = calloc(1, sizeof(*local));
    if (local == NULL || pthread_mutex_init(&local->mutex, NULL) != 0) {
        free(local);
        return tide_error_set(error, TIDE_RETRY, "no memory for a store");
    }
    local->io = io;
    memcpy(local->directory, directory, size);
    enum tide_status status = io.operations->make_directory(io.self, local->directory, error);
    if (status != TIDE_OK) {
        local_close(local);
        return status;
    }
    *store = (struct tide_store){&local_operations, local};
    return TIDE_OK;
}
