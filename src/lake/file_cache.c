/* Entries hang in buckets by the hash of their name and in one list by use, the longest unused
 * first. An entry that is being loaded is counted with its whole size already, so that what is
 * under way stays within the bound too. Waiting for another's load is by one condition for all:
 * loads are long and few. The names of files are <hash of the name>-<size>-<modified><extension>,
 * numbers in hex. */
#include "lake/file_cache.h"

#include "base/assert.h"
#include "base/hash.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 4096,
    FILE_NAME_MAX = 160,
    EXTENSION_MAX = 16,
    BUCKETS = 8192, /* a power of two */
    ENTRIES_MAX = 1 << 20
};

struct entry {
    struct entry *next_in_bucket;
    struct entry *older; /* by use */
    struct entry *newer;
    struct tide_u128 hash;
    struct tide_file_cache_version version;
    uint32_t pins;
    bool is_current; /* this process has asked what the version is */
    bool is_loading;
    char extension[EXTENSION_MAX];
};

struct tide_file_cache {
    struct tide_io io;
    char directory[PATH_BYTES_MAX];
    uint64_t bytes_max;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t loaded;
    struct entry *buckets[BUCKETS];
    struct entry *oldest;
    struct entry *newest;
    uint32_t entry_count;
    uint64_t bytes;
};

/* ---- names */

static void write_name(const struct entry *entry, char name[FILE_NAME_MAX])
{
    const int size = snprintf(name,
                              FILE_NAME_MAX,
                              "%016" PRIx64 "%016" PRIx64 "-%" PRIx64 "-%" PRIx64 "%s",
                              entry->hash.high,
                              entry->hash.low,
                              entry->version.size,
                              (uint64_t)entry->version.modified.us,
                              entry->extension);
    tide_assert(size > 0 && size < FILE_NAME_MAX);
}

static bool read_hex(const char **text, uint64_t *value, char end)
{
    char *behind = NULL;
    *value = strtoull(*text, &behind, 16);
    const bool is_read = behind != *text && (*behind == end || end == '\0');
    *text = *behind == end && end != '\0' ? behind + 1 : behind;
    return is_read;
}

/* false: not the name of a copy. */
static bool read_name(const char *name, struct entry *entry)
{
    char high[17] = {0};
    char again[FILE_NAME_MAX];
    uint64_t modified = 0;
    const char *rest = name;
    if (strlen(name) < 34 || strlen(name) >= FILE_NAME_MAX) {
        return false;
    }
    memcpy(high, name, 16);
    rest += 16;
    const char *first = high;
    if (!read_hex(&first, &entry->hash.high, '\0') || !read_hex(&rest, &entry->hash.low, '-') ||
        !read_hex(&rest, &entry->version.size, '-') || !read_hex(&rest, &modified, '\0') ||
        strlen(rest) >= EXTENSION_MAX) {
        return false;
    }
    entry->version.modified.us = (int64_t)modified;
    memcpy(entry->extension, rest, strlen(rest) + 1);
    if (entry->version.size > INT64_MAX) {
        return false;
    }
    write_name(entry, again);
    return strcmp(name, again) == 0;
}

static bool write_path(const struct tide_file_cache *cache,
                       const struct entry *entry,
                       const char *end,
                       char path[PATH_BYTES_MAX])
{
    char name[FILE_NAME_MAX];
    write_name(entry, name);
    const int size = snprintf(path, PATH_BYTES_MAX, "%s/%s%s", cache->directory, name, end);
    return size > 0 && size < PATH_BYTES_MAX;
}

/* DuckDB goes by the content, people by the extension. */
static void keep_extension(struct tide_view name, char extension[EXTENSION_MAX])
{
    size_t dot = name.size;
    while (dot > 0 && name.data[dot - 1] != '.' && name.data[dot - 1] != '/') {
        dot--;
    }
    const bool has_one = dot > 0 && name.data[dot - 1] == '.';
    const size_t size = has_one ? name.size - dot + 1 : 0;
    extension[0] = '\0';
    if (size > 0 && size < EXTENSION_MAX) {
        memcpy(extension, name.data + dot - 1, size);
        extension[size] = '\0';
    }
}

/* ---- the table and the list of use */

static struct entry **bucket_of(struct tide_file_cache *cache, struct tide_u128 hash)
{
    return &cache->buckets[hash.low & (BUCKETS - 1)];
}

static struct entry *find(struct tide_file_cache *cache, struct tide_u128 hash)
{
    struct entry *entry = *bucket_of(cache, hash);
    while (entry != NULL && !tide_u128_equal(entry->hash, hash)) {
        entry = entry->next_in_bucket;
    }
    return entry;
}

static void append_newest(struct tide_file_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest != NULL) {
        cache->newest->newer = entry;
    } else {
        cache->oldest = entry;
    }
    cache->newest = entry;
}

static void unlink_used(struct tide_file_cache *cache, struct entry *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
}

static void add(struct tide_file_cache *cache, struct entry *entry)
{
    struct entry **bucket = bucket_of(cache, entry->hash);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    append_newest(cache, entry);
    cache->entry_count++;
    cache->bytes += entry->version.size;
}

/* Takes it out and frees it; its file is the caller's business. */
static void forget(struct tide_file_cache *cache, struct entry *entry)
{
    struct entry **place = bucket_of(cache, entry->hash);
    while (*place != entry) {
        place = &(*place)->next_in_bucket;
    }
    *place = entry->next_in_bucket;
    unlink_used(cache, entry);
    tide_assert(cache->bytes >= entry->version.size && cache->entry_count > 0);
    cache->bytes -= entry->version.size;
    cache->entry_count--;
    free(entry);
}

static void evict(struct tide_file_cache *cache, struct entry *entry)
{
    char path[PATH_BYTES_MAX];
    tide_assert(entry->pins == 0 && !entry->is_loading);
    if (write_path(cache, entry, "", path)) {
        (void)cache->io.operations->remove(cache->io.self, path, NULL);
    }
    forget(cache, entry);
}

/* false: what is pinned leaves no room. */
static bool make_room(struct tide_file_cache *cache, uint64_t size)
{
    struct entry *entry = cache->oldest;
    if (size > cache->bytes_max) {
        return false;
    }
    while (entry != NULL &&
           (cache->bytes > cache->bytes_max - size || cache->entry_count >= ENTRIES_MAX)) {
        struct entry *newer = entry->newer;
        if (entry->pins == 0 && !entry->is_loading) {
            evict(cache, entry);
        }
        entry = newer;
    }
    return cache->bytes <= cache->bytes_max - size && cache->entry_count < ENTRIES_MAX;
}

/* ---- life */

static void see_file(void *context, const char *name, bool is_directory)
{
    struct tide_file_cache *cache = context;
    const struct tide_io io = cache->io;
    struct entry found = {0};
    char path[PATH_BYTES_MAX];
    struct tide_io_facts facts = {0};
    const int size = snprintf(path, sizeof(path), "%s/%s", cache->directory, name);
    if (is_directory || size < 0 || size >= PATH_BYTES_MAX) {
        return;
    }
    struct entry *entry = NULL;
    if (read_name(name, &found) && io.operations->stat(io.self, path, &facts, NULL) == TIDE_OK &&
        facts.size == found.version.size && cache->entry_count < ENTRIES_MAX &&
        find(cache, found.hash) == NULL) {
        entry = calloc(1, sizeof(*entry));
    }
    if (entry == NULL) { /* interrupted, another version, or no memory to know it */
        (void)io.operations->remove(io.self, path, NULL);
        return;
    }
    *entry = found;
    add(cache, entry);
}

enum tide_status tide_file_cache_open(struct tide_io io,
                                      const char *directory,
                                      uint64_t bytes_max,
                                      struct tide_file_cache **cache,
                                      struct tide_error *error)
{
    const size_t size = strlen(directory);
    if (size == 0 || size > PATH_BYTES_MAX - FILE_NAME_MAX - 16) {
        return tide_error_set(error, TIDE_REJECT, "the cache's path has %zu bytes", size);
    }
    struct tide_file_cache *made = calloc(1, sizeof(*made));
    if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return tide_error_set(error, TIDE_RETRY, "no memory for a cache");
    }
    (void)pthread_cond_init(&made->loaded, NULL); /* cannot fail without attributes */
    made->io = io;
    made->bytes_max = bytes_max;
    memcpy(made->directory, directory, size + 1);
    enum tide_status status = io.operations->make_directory(io.self, directory, error);
    if (status == TIDE_OK) {
        status = io.operations->list(io.self, directory, see_file, made, error);
    }
    if (status != TIDE_OK) {
        tide_file_cache_close(made);
        return status == TIDE_REJECT ? TIDE_RETRY : status;
    }
    (void)make_room(made, 0);
    *cache = made;
    return TIDE_OK;
}

void tide_file_cache_close(struct tide_file_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->oldest != NULL) {
        tide_assert(!cache->oldest->is_loading);
        forget(cache, cache->oldest);
    }
    (void)pthread_cond_destroy(&cache->loaded);
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

/* ---- pins */

static void use(struct tide_file_cache *cache, struct entry *entry)
{
    entry->pins++;
    unlink_used(cache, entry);
    append_newest(cache, entry);
}

static bool tell_path(const struct tide_file_cache *cache,
                      const struct entry *entry,
                      struct tide_bytes *path)
{
    char text[PATH_BYTES_MAX];
    tide_bytes_reset(path);
    if (!write_path(cache, entry, "", text)) {
        return false;
    }
    tide_bytes_append_text(path, text);
    return !path->failed;
}

bool tide_file_cache_pin(struct tide_file_cache *cache,
                         struct tide_view name,
                         struct tide_bytes *path)
{
    (void)pthread_mutex_lock(&cache->mutex);
    struct entry *entry = find(cache, tide_hash128(name, 0));
    const bool is_there =
        entry != NULL && entry->is_current && !entry->is_loading && tell_path(cache, entry, path);
    if (is_there) {
        use(cache, entry);
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return is_there;
}

void tide_file_cache_unpin(struct tide_file_cache *cache, struct tide_view name)
{
    (void)pthread_mutex_lock(&cache->mutex);
    struct entry *entry = find(cache, tide_hash128(name, 0));
    tide_assert(entry != NULL && entry->pins > 0);
    entry->pins--;
    (void)pthread_mutex_unlock(&cache->mutex);
}

uint64_t tide_file_cache_bytes(struct tide_file_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    const uint64_t bytes = cache->bytes;
    (void)pthread_mutex_unlock(&cache->mutex);
    return bytes;
}

/* ---- loading */

static bool same_version(const struct entry *entry, struct tide_file_cache_version version)
{
    return entry->version.size == version.size && entry->version.modified.us == version.modified.us;
}

/* The entry of that version, pinned; or a new one, pinned and to be loaded by the caller. */
static enum tide_status claim(struct tide_file_cache *cache,
                              struct tide_view name,
                              struct tide_file_cache_version version,
                              struct entry **claimed,
                              struct tide_error *error)
{
    const struct tide_u128 hash = tide_hash128(name, 0);
    struct entry *entry = find(cache, hash);
    while (entry != NULL && entry->is_loading) {
        (void)pthread_cond_wait(&cache->loaded, &cache->mutex);
        entry = find(cache, hash);
    }
    if (entry != NULL && !same_version(entry, version)) {
        if (entry->pins > 0) {
            return tide_error_set(error,
                                  TIDE_RETRY,
                                  "%.*s has changed while an older copy is in use",
                                  TIDE_VIEW_ARGUMENTS(name));
        }
        evict(cache, entry);
        entry = NULL;
    }
    if (entry == NULL) {
        if (!make_room(cache, version.size)) {
            return tide_error_set(error,
                                  TIDE_RETRY,
                                  "no room for a copy of %" PRIu64 " bytes: %" PRIu64
                                  " of lake.cache_bytes = %" PRIu64 " are in use",
                                  version.size,
                                  cache->bytes,
                                  cache->bytes_max);
        }
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL) {
            return tide_error_set(error, TIDE_RETRY, "no memory for a copy's entry");
        }
        entry->hash = hash;
        entry->version = version;
        entry->is_loading = true;
        keep_extension(name, entry->extension);
        add(cache, entry);
    }
    entry->is_current = true;
    use(cache, entry);
    *claimed = entry;
    return TIDE_OK;
}

/* Outside the lock: entry is pinned, and only its loader touches its file. */
static enum tide_status make_copy(const struct tide_file_cache *cache,
                                  const struct entry *entry,
                                  const struct tide_file_cache_source *source,
                                  struct tide_error *error)
{
    const struct tide_io io = cache->io;
    char path[PATH_BYTES_MAX];
    char temporary[PATH_BYTES_MAX];
    struct tide_file file = {0};
    uint64_t size = 0;
    if (!write_path(cache, entry, "", path) || !write_path(cache, entry, ".tmp-", temporary)) {
        return tide_error_set(error, TIDE_FATAL, "the path of a copy is too long");
    }
    (void)io.operations->remove(io.self, temporary, NULL); /* of a load that failed */
    enum tide_status status = io.operations->open(io.self, temporary, TIDE_IO_CREATE, &file, error);
    if (status != TIDE_OK) {
        return status == TIDE_REJECT ? TIDE_RETRY : status;
    }
    status = source->copy(source->context, file, error);
    if (status == TIDE_OK) {
        status = io.operations->size(io.self, file, &size, error);
    }
    if (status == TIDE_OK && size != entry->version.size) {
        status = tide_error_set(error,
                                TIDE_RETRY,
                                "a copy has %" PRIu64 " of %" PRIu64 " bytes",
                                size,
                                entry->version.size);
    }
    if (status == TIDE_OK) { /* or a power cut might leave the name without the bytes */
        status = io.operations->sync(io.self, file, error);
    }
    io.operations->close(io.self, &file);
    if (status == TIDE_OK) {
        status = io.operations->rename(io.self, temporary, path, error);
    }
    if (status != TIDE_OK) {
        (void)io.operations->remove(io.self, temporary, NULL);
    }
    return status;
}

enum tide_status tide_file_cache_load(struct tide_file_cache *cache,
                                      struct tide_view name,
                                      struct tide_file_cache_version version,
                                      const struct tide_file_cache_source *source,
                                      struct tide_bytes *path,
                                      struct tide_error *error)
{
    struct entry *entry = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    enum tide_status status = claim(cache, name, version, &entry, error);
    tide_assert((status == TIDE_OK) == (entry != NULL));
    if (entry != NULL && entry->is_loading) {
        (void)pthread_mutex_unlock(&cache->mutex);
        status = make_copy(cache, entry, source, error);
        (void)pthread_mutex_lock(&cache->mutex);
        entry->is_loading = false;
        (void)pthread_cond_broadcast(&cache->loaded);
        if (status != TIDE_OK) {
            forget(cache, entry);
        }
    }
    if (entry != NULL && status == TIDE_OK && !tell_path(cache, entry, path)) {
        entry->pins--;
        status = tide_error_set(error, TIDE_RETRY, "no memory for a path");
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return status;
}
