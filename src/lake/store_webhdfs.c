/* The store on HDFS, through WebHDFS: a key is a path below the URL's.
 *
 * Whatever is written goes to a hidden temporary name first and is renamed into place when its
 * length is right, so that a key is there whole or not at all. RENAME without options answers false
 * where the target exists, and creates nothing: that is put-if-absent. Its answer may get lost; a
 * false after that is told apart by the temporary name, which is ours alone: if it is gone, it was
 * we who renamed it. A file is durable when every DataNode of its pipeline has it; whether those
 * sync it to disk is the cluster's choice (dfs.datanode.synconclose).
 *
 * Data files are read through a cache of copies (file_cache.h). Appending, leases and truncation
 * are never used. Kerberos and delegation tokens are not spoken. */
#include "lake/store.h"

#include "base/assert.h"
#include "base/json.h"
#include "lake/file_cache.h"
#include "lake/store_remote.h"
#include "lake/webhdfs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    PAGES_MAX = 1 << 16, /* of a listing; a page has 1,000 names by default */
    PAGE_ARENA_BYTES_MAX = 64 << 20,
    COMPARE_BYTES = 16 << 10
};

struct webhdfs_store {
    struct tide_io io;
    struct tide_webhdfs *webhdfs;
    struct tide_file_cache *cache; /* NULL: nothing can be fetched */
    struct tide_bytes root;        /* absolute, without '/' at its end; "" for the root itself */
    struct tide_bytes name;        /* of the lake, in the names of copies */
};

/* ---- paths */

static enum tide_status write_path(const struct webhdfs_store *store,
                                   const char *key,
                                   struct tide_bytes *path,
                                   struct tide_error *error)
{
    const enum tide_status status = tide_store_check_key(key, error);
    tide_bytes_reset(path);
    tide_bytes_append_view(path, tide_bytes_view(&store->root));
    tide_bytes_append_byte(path, '/');
    tide_bytes_append_text(path, key);
    if (status == TIDE_OK && path->failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a path");
    }
    return status;
}

/* ---- get */

static enum tide_status append_bytes(void *context,
                                     const void *data,
                                     size_t size,
                                     struct tide_error *error)
{
    struct tide_bytes *into = context;
    tide_bytes_append(into, data, size);
    return into->failed ? tide_error_set(error, TIDE_REJECT, "larger than its buffer may be")
                        : TIDE_OK;
}

static enum tide_status webhdfs_get(
    void *self, const char *key, struct tide_bytes *into, size_t size_max, struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_bytes path = {0};
    const struct tide_http_sink sink = {append_bytes, into};
    tide_bytes_reset(into);
    enum tide_status status = write_path(store, key, &path, error);
    if (status == TIDE_OK) {
        status = tide_webhdfs_read(store->webhdfs, tide_bytes_view(&path), &sink, size_max, error);
    }
    tide_bytes_release(&path);
    return status;
}

/* ---- put */

static enum tide_status rename_to(struct webhdfs_store *store,
                                  struct tide_view from,
                                  struct tide_view to,
                                  const char *options,
                                  struct tide_webhdfs_answer *answer,
                                  struct tide_error *error)
{
    struct tide_bytes parameters = {0};
    tide_bytes_append_text(&parameters, "&destination=");
    tide_http_encode(to, &parameters);
    tide_bytes_append_text(&parameters, options);
    const struct tide_webhdfs_question question = {.method = "PUT",
                                                   .operation = "RENAME",
                                                   .path = from,
                                                   .parameters = tide_bytes_view(&parameters)};
    const enum tide_status status =
        parameters.failed ? tide_error_set(error, TIDE_RETRY, "no memory to rename")
                          : tide_webhdfs_ask(store->webhdfs, &question, answer, error);
    tide_bytes_release(&parameters);
    return status;
}

/* {"boolean": true} */
static bool says_true(const struct tide_webhdfs_answer *answer)
{
    struct tide_arena arena;
    struct tide_json *json = NULL;
    tide_arena_init(&arena, 1 << 16);
    const bool is_json =
        tide_json_parse(&arena, tide_bytes_view(&answer->body), &json, NULL) == TIDE_OK;
    const struct tide_json *value = is_json ? tide_json_get(json, "boolean") : NULL;
    const bool is_true = value != NULL && value->kind == TIDE_JSON_TRUE;
    tide_arena_release(&arena);
    return is_true;
}

static void drop(struct webhdfs_store *store, struct tide_view path)
{
    const struct tide_webhdfs_question question = {
        .method = "DELETE", .operation = "DELETE", .path = path, .is_impatient = true};
    struct tide_webhdfs_answer answer = {0};
    (void)tide_webhdfs_ask(store->webhdfs, &question, &answer, NULL);
    tide_webhdfs_answer_release(&answer);
}

struct comparing {
    const struct tide_http_source *source;
    uint64_t offset;
    bool is_different;
};

static enum tide_status compare_bytes(void *context,
                                      const void *data,
                                      size_t size,
                                      struct tide_error *error)
{
    struct comparing *comparing = context;
    const struct tide_http_source *source = comparing->source;
    char wanted[COMPARE_BYTES];
    for (size_t done = 0; done < size && !comparing->is_different;) {
        size_t part = size - done < sizeof(wanted) ? size - done : sizeof(wanted);
        const enum tide_status status =
            source->read(source->context, comparing->offset, wanted, part, &part, error);
        if (status != TIDE_OK) {
            return status;
        }
        comparing->is_different = part == 0 || memcmp(wanted, (const char *)data + done, part) != 0;
        comparing->offset += part;
        done += part;
    }
    return TIDE_OK;
}

/* *is_ours: path holds what source has. */
static enum tide_status compare(struct webhdfs_store *store,
                                struct tide_view path,
                                const struct tide_http_source *source,
                                bool *is_ours,
                                struct tide_error *error)
{
    struct comparing comparing = {.source = source};
    const struct tide_http_sink sink = {compare_bytes, &comparing};
    struct tide_webhdfs_facts facts = {0};
    *is_ours = false;
    enum tide_status status = tide_webhdfs_look(store->webhdfs, path, &facts, error);
    if (status == TIDE_OK && !facts.is_folder && facts.size == source->size) {
        status = tide_webhdfs_read(store->webhdfs, path, &sink, source->size, error);
        *is_ours = status == TIDE_OK && !comparing.is_different;
    }
    return status;
}

/* A rename that answered no: was it done before, by a try whose answer was lost? */
static enum tide_status judge_rename(struct webhdfs_store *store,
                                     struct tide_view temporary,
                                     struct tide_view path,
                                     const struct tide_http_source *source,
                                     struct tide_error *error)
{
    struct tide_webhdfs_facts facts = {0};
    bool is_ours = false;
    enum tide_status status = tide_webhdfs_look(store->webhdfs, temporary, &facts, error);
    if (status == TIDE_OK) { /* it was not renamed: the target is another's */
        return tide_error_set(error, TIDE_REJECT, "%.*s exists already", TIDE_VIEW_ARGUMENTS(path));
    }
    if (status == TIDE_REJECT) {
        status = compare(store, path, source, &is_ours, error);
    }
    if (status != TIDE_REJECT && (is_ours || status != TIDE_OK)) {
        return status;
    }
    return tide_error_set(
        error, TIDE_RETRY, "%.*s was to be renamed and is gone", TIDE_VIEW_ARGUMENTS(temporary));
}

static enum tide_status put_new(struct webhdfs_store *store,
                                struct tide_view path,
                                const struct tide_http_source *source,
                                struct tide_error *error)
{
    struct tide_bytes temporary = {0};
    struct tide_webhdfs_answer answer = {0};
    enum tide_status status = tide_webhdfs_write(store->webhdfs, path, source, &temporary, error);
    const struct tide_view from = tide_bytes_view(&temporary);
    if (status == TIDE_OK) {
        status = rename_to(store, from, path, "", &answer, error);
        if (status == TIDE_REJECT || (status == TIDE_OK && !says_true(&answer))) {
            status = judge_rename(store, from, path, source, error);
        }
        if (status != TIDE_OK) {
            drop(store, from);
        }
    }
    tide_webhdfs_answer_release(&answer);
    tide_bytes_release(&temporary);
    return status;
}

static enum tide_status read_view(void *context,
                                  uint64_t offset,
                                  void *buffer,
                                  size_t size,
                                  size_t *read_size,
                                  struct tide_error *error)
{
    const struct tide_view *view = context;
    (void)error;
    tide_assert(offset <= view->size && size <= view->size - offset);
    memcpy(buffer, view->data + offset, size);
    *read_size = size;
    return TIDE_OK;
}

static enum tide_status webhdfs_put_if_absent(void *self,
                                              const char *key,
                                              struct tide_view content,
                                              struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_error why = {0};
    struct tide_bytes path = {0};
    struct tide_webhdfs_facts facts;
    const struct tide_http_source source = {read_view, &content, content.size};
    tide_assert(content.size <= TIDE_STORE_OBJECT_BYTES_MAX);
    enum tide_status status = write_path(store, key, &path, &why);
    if (status == TIDE_OK) { /* RENAME would move it into a folder of that name */
        status = tide_webhdfs_look(store->webhdfs, tide_bytes_view(&path), &facts, &why);
        if (status == TIDE_OK) {
            status = tide_error_set(&why, TIDE_REJECT, "%s exists already", key);
        } else if (status == TIDE_REJECT) {
            status = put_new(store, tide_bytes_view(&path), &source, &why);
        }
    }
    tide_bytes_release(&path);
    return tide_error_pass(error, status, &why);
}

struct scratch {
    struct tide_io io;
    struct tide_file file;
};

static enum tide_status read_scratch(void *context,
                                     uint64_t offset,
                                     void *buffer,
                                     size_t size,
                                     size_t *read_size,
                                     struct tide_error *error)
{
    const struct scratch *scratch = context;
    return scratch->io.operations->read(
        scratch->io.self, scratch->file, offset, buffer, size, read_size, error);
}

static enum tide_status put_over(struct webhdfs_store *store,
                                 struct tide_view path,
                                 const struct tide_http_source *source,
                                 struct tide_error *error)
{
    struct tide_bytes temporary = {0};
    struct tide_webhdfs_answer answer = {0};
    enum tide_status status = tide_webhdfs_write(store->webhdfs, path, source, &temporary, error);
    const struct tide_view from = tide_bytes_view(&temporary);
    if (status == TIDE_OK) {
        status = rename_to(store, from, path, "&renameoptions=OVERWRITE", &answer, error);
        if (status == TIDE_REJECT) { /* the temporary file is missing: it was renamed before */
            status = judge_rename(store, from, path, source, error);
        }
        if (status != TIDE_OK) {
            drop(store, from);
        }
    }
    tide_webhdfs_answer_release(&answer);
    tide_bytes_release(&temporary);
    return status == TIDE_REJECT ? TIDE_RETRY : status;
}

/* The scratch file is gone: fine if an earlier attempt had brought it into place. */
static enum tide_status put_again(struct webhdfs_store *store,
                                  const char *scratch,
                                  struct tide_view path,
                                  struct tide_error *error)
{
    struct tide_webhdfs_facts facts;
    const enum tide_status status = tide_webhdfs_look(store->webhdfs, path, &facts, error);
    return status == TIDE_REJECT ? tide_error_set(error,
                                                  TIDE_FATAL,
                                                  "neither %.*s nor the scratch file %s is there",
                                                  TIDE_VIEW_ARGUMENTS(path),
                                                  scratch)
                                 : status;
}

static enum tide_status webhdfs_put_file(void *self,
                                         const char *key,
                                         const char *scratch_path,
                                         struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_error why = {0};
    const struct tide_io io = store->io;
    struct scratch scratch = {.io = io};
    struct tide_bytes path = {0};
    enum tide_status status = write_path(store, key, &path, &why);
    if (status != TIDE_OK) {
        goto done;
    }
    status = io.operations->open(io.self, scratch_path, TIDE_IO_READ, &scratch.file, &why);
    if (status == TIDE_REJECT) {
        status = put_again(store, scratch_path, tide_bytes_view(&path), &why);
        goto done;
    }
    struct tide_http_source source = {.read = read_scratch, .context = &scratch};
    if (status == TIDE_OK) {
        status = io.operations->size(io.self, scratch.file, &source.size, &why);
    }
    if (status == TIDE_OK) {
        status = put_over(store, tide_bytes_view(&path), &source, &why);
    }
    io.operations->close(io.self, &scratch.file);
    if (status == TIDE_OK) {
        status = io.operations->remove(io.self, scratch_path, &why);
        status = status == TIDE_REJECT ? TIDE_OK : status;
    }
done:
    tide_bytes_release(&path);
    return tide_error_pass(error, status, &why);
}

/* ---- list */

struct page {
    struct tide_arena arena;
    struct tide_json *json;
    const struct tide_json *first; /* entry */
    uint64_t left;                 /* behind this page */
};

static enum tide_status read_page(struct webhdfs_store *store,
                                  struct tide_view folder,
                                  struct tide_view marker,
                                  struct page *page,
                                  struct tide_error *error)
{
    struct tide_bytes parameters = {0};
    struct tide_webhdfs_answer answer = {0};
    tide_bytes_append_text(&parameters, marker.size > 0 ? "&startAfter=" : "");
    tide_http_encode(marker, &parameters);
    const struct tide_webhdfs_question question = {.method = "GET",
                                                   .operation = "LISTSTATUS_BATCH",
                                                   .path = folder,
                                                   .parameters = tide_bytes_view(&parameters)};
    enum tide_status status = parameters.failed
                                  ? tide_error_set(error, TIDE_RETRY, "no memory for a listing")
                                  : tide_webhdfs_ask(store->webhdfs, &question, &answer, error);
    if (status == TIDE_OK) { /* the text must outlive the answer */
        const struct tide_view text = tide_arena_copy(&page->arena, tide_bytes_view(&answer.body));
        const bool is_json =
            text.data != NULL && tide_json_parse(&page->arena, text, &page->json, NULL) == TIDE_OK;
        const struct tide_json *listing =
            is_json ? tide_json_get(page->json, "DirectoryListing") : NULL;
        const struct tide_json *part = tide_json_get(listing, "partialListing");
        const struct tide_json *statuses = tide_json_get(part, "FileStatuses");
        const struct tide_json *entries = tide_json_get(statuses, "FileStatus");
        if (entries == NULL || !tide_json_get_u64(listing, "remainingEntries", &page->left)) {
            status = tide_error_set(error,
                                    TIDE_RETRY,
                                    "the NameNode's listing of %.*s is none, or too long",
                                    TIDE_VIEW_ARGUMENTS(folder));
        } else {
            page->first = entries->first;
        }
    }
    tide_webhdfs_answer_release(&answer);
    tide_bytes_release(&parameters);
    return status;
}

/* The last name of a page goes to *marker. false: it is a file itself, or its names are none. */
static bool visit_page(const struct page *page,
                       void (*visit)(void *context, const struct tide_store_entry *entry),
                       void *context,
                       struct tide_bytes *marker)
{
    struct tide_bytes name = {0};
    bool is_fine = true;
    for (const struct tide_json *json = page->first; is_fine && json != NULL; json = json->next) {
        struct tide_view suffix = {0};
        struct tide_view type = {0};
        struct tide_store_entry entry = {0};
        int64_t modified_ms = 0;
        is_fine = tide_json_get_text(json, "pathSuffix", &suffix) && suffix.size > 0 &&
                  tide_json_get_text(json, "type", &type) &&
                  tide_json_get_u64(json, "length", &entry.size) &&
                  tide_json_get_i64(json, "modificationTime", &modified_ms) &&
                  modified_ms < INT64_MAX / 1000;
        tide_bytes_reset(&name);
        tide_bytes_append_view(&name, suffix);
        tide_bytes_reset(marker);
        tide_bytes_append_view(marker, suffix);
        is_fine = is_fine && !name.failed && !marker->failed;
        entry.name = tide_bytes_terminated(&name);
        entry.is_folder = tide_view_equal(type, TIDE_VIEW("DIRECTORY"));
        entry.modified.us = modified_ms * 1000;
        if (is_fine && strstr(entry.name, ".tmp-") == NULL) {
            visit(context, &entry);
        }
    }
    tide_bytes_release(&name);
    return is_fine;
}

static enum tide_status list_pages(struct webhdfs_store *store,
                                   struct tide_view folder,
                                   void (*visit)(void *context,
                                                 const struct tide_store_entry *entry),
                                   void *context,
                                   struct tide_error *error)
{
    struct tide_bytes marker = {0};
    enum tide_status status = TIDE_OK;
    bool is_more = true;
    for (uint32_t i = 0; i < PAGES_MAX && status == TIDE_OK && is_more; i++) {
        struct page page = {0};
        tide_arena_init(&page.arena, PAGE_ARENA_BYTES_MAX);
        status = read_page(store, folder, tide_bytes_view(&marker), &page, error);
        is_more = status == TIDE_OK && visit_page(&page, visit, context, &marker) &&
                  page.left > 0 && page.first != NULL;
        tide_arena_release(&page.arena);
    }
    tide_bytes_release(&marker);
    return status;
}

static enum tide_status webhdfs_list(void *self,
                                     const char *prefix,
                                     void (*visit)(void *context,
                                                   const struct tide_store_entry *entry),
                                     void *context,
                                     struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_error why = {0};
    struct tide_bytes key = {0};
    struct tide_bytes path = {0};
    const size_t size = strlen(prefix);
    enum tide_status status = TIDE_OK;
    if (size == 0) {
        tide_bytes_append_view(&path, tide_bytes_view(&store->root));
        tide_bytes_append_text(&path, store->root.size == 0 ? "/" : "");
    } else {
        tide_assert(prefix[size - 1] == '/');
        tide_bytes_append(&key, prefix, size - 1);
        status = write_path(store, tide_bytes_terminated(&key), &path, &why);
    }
    if (status == TIDE_OK) {
        status = list_pages(store, tide_bytes_view(&path), visit, context, &why);
        status = status == TIDE_REJECT ? TIDE_OK : status; /* no such folder */
    }
    tide_bytes_release(&path);
    tide_bytes_release(&key);
    return tide_error_pass(error, status, &why);
}

/* ---- fetch */

struct copying {
    struct webhdfs_store *store;
    struct tide_view path;
    uint64_t size;
    struct tide_file file;
    uint64_t offset;
};

static enum tide_status write_copy(void *context,
                                   const void *data,
                                   size_t size,
                                   struct tide_error *error)
{
    struct copying *copying = context;
    const struct tide_io io = copying->store->io;
    const enum tide_status status =
        io.operations->write(io.self, copying->file, copying->offset, data, size, error);
    copying->offset += size;
    return status;
}

static enum tide_status copy_object(void *context, struct tide_file file, struct tide_error *error)
{
    struct copying *copying = context;
    const struct tide_http_sink sink = {write_copy, copying};
    copying->file = file;
    return tide_webhdfs_read(copying->store->webhdfs, copying->path, &sink, copying->size, error);
}

static bool write_name(const struct webhdfs_store *store, const char *key, struct tide_bytes *name)
{
    tide_bytes_append_view(name, tide_bytes_view(&store->name));
    tide_bytes_append_byte(name, '/');
    tide_bytes_append_text(name, key);
    return !name->failed;
}

static enum tide_status fetch_copy(struct webhdfs_store *store,
                                   struct tide_view object,
                                   struct tide_view name,
                                   struct tide_bytes *path,
                                   struct tide_error *error)
{
    struct tide_webhdfs_facts facts = {0};
    enum tide_status status = tide_webhdfs_look(store->webhdfs, object, &facts, error);
    if (status != TIDE_OK) {
        return status;
    }
    if (facts.is_folder) {
        return tide_error_set(
            error, TIDE_REJECT, "%.*s is a directory", TIDE_VIEW_ARGUMENTS(object));
    }
    struct copying copying = {.store = store, .path = object, .size = facts.size};
    const struct tide_file_cache_source source = {copy_object, &copying};
    const struct tide_file_cache_version version = {facts.size, facts.modified};
    return tide_file_cache_load(store->cache, name, version, &source, path, error);
}

static enum tide_status webhdfs_fetch(void *self,
                                      const char *key,
                                      struct tide_bytes *path,
                                      struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_bytes object = {0};
    struct tide_bytes name = {0};
    enum tide_status status = write_path(store, key, &object, error);
    if (status == TIDE_OK && !write_name(store, key, &name)) {
        status = tide_error_set(error, TIDE_RETRY, "no memory for a name");
    }
    if (status == TIDE_OK && store->cache == NULL) {
        status = tide_error_set(error, TIDE_FATAL, "this store was opened without a cache");
    }
    if (status == TIDE_OK && !tide_file_cache_pin(store->cache, tide_bytes_view(&name), path)) {
        status = fetch_copy(store, tide_bytes_view(&object), tide_bytes_view(&name), path, error);
    }
    tide_bytes_release(&name);
    tide_bytes_release(&object);
    return status;
}

static void webhdfs_unpin(void *self, const char *key)
{
    struct webhdfs_store *store = self;
    struct tide_bytes name = {0};
    if (write_name(store, key, &name)) { /* else it stays: memory is out */
        tide_file_cache_unpin(store->cache, tide_bytes_view(&name));
    }
    tide_bytes_release(&name);
}

/* ---- remove, close */

static enum tide_status webhdfs_remove(void *self, const char *key, struct tide_error *error)
{
    struct webhdfs_store *store = self;
    struct tide_bytes path = {0};
    struct tide_webhdfs_answer answer = {0};
    enum tide_status status = write_path(store, key, &path, error);
    if (status == TIDE_OK) {
        const struct tide_webhdfs_question question = {
            .method = "DELETE", .operation = "DELETE", .path = tide_bytes_view(&path)};
        status = tide_webhdfs_ask(store->webhdfs, &question, &answer, error);
        /* Asked twice, the first time may have been the one. */
        if (status == TIDE_OK && !says_true(&answer) && !answer.is_repeated) {
            status = tide_error_set(error, TIDE_REJECT, "there is no object %s", key);
        }
    }
    tide_webhdfs_answer_release(&answer);
    tide_bytes_release(&path);
    return status;
}

static void webhdfs_close(void *self)
{
    struct webhdfs_store *store = self;
    tide_webhdfs_close(store->webhdfs);
    tide_file_cache_close(store->cache);
    tide_bytes_release(&store->root);
    tide_bytes_release(&store->name);
    free(store);
}

static const struct tide_store_operations webhdfs_operations = {
    .get = webhdfs_get,
    .put_if_absent = webhdfs_put_if_absent,
    .put_file = webhdfs_put_file,
    .list = webhdfs_list,
    .fetch = webhdfs_fetch,
    .unpin = webhdfs_unpin,
    .remove = webhdfs_remove,
    .close = webhdfs_close,
};

/* ---- opening */

static enum tide_status open_parts(struct webhdfs_store *store,
                                   const struct tide_store_url *url,
                                   const struct tide_store_options *options,
                                   struct tide_error *error)
{
    struct tide_webhdfs_options webhdfs = tide_webhdfs_options_default();
    webhdfs.io = options->io;
    webhdfs.clock = options->clock;
    webhdfs.namenodes = url->authority;
    webhdfs.is_secure = tide_view_equal(url->scheme, TIDE_VIEW("swebhdfs"));
    webhdfs.user = options->hdfs.user;
    webhdfs.hosts = options->hdfs.hosts;
    webhdfs.patience = options->hdfs.patience;
    store->io = options->io;
    const struct tide_view path = tide_bytes_view(&url->path);
    tide_bytes_append_view(&store->root, path);
    while (store->root.size > 0 && store->root.data[store->root.size - 1] == '/') {
        store->root.size--;
    }
    tide_bytes_append_format(&store->name, "%.*s", TIDE_VIEW_ARGUMENTS(url->authority));
    tide_bytes_append_view(&store->name, tide_bytes_view(&store->root));
    if (store->root.failed || store->name.failed) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a store");
    }
    if (store->root.size > 0) {
        const enum tide_status status =
            tide_store_check_key(tide_bytes_terminated(&store->root) + 1, error);
        if (status != TIDE_OK) {
            return TIDE_REJECT;
        }
    }
    enum tide_status status = tide_webhdfs_open(&webhdfs, &store->webhdfs, error);
    if (status == TIDE_OK && options->cache_directory != NULL) {
        status = tide_file_cache_open(
            options->io, options->cache_directory, options->cache_bytes_max, &store->cache, error);
    }
    return status;
}

/* Whether there is a cluster that answers, and a folder or nothing where the lake is to be. */
static enum tide_status probe(struct webhdfs_store *store,
                              bool must_exist,
                              struct tide_error *error)
{
    struct tide_webhdfs_facts facts = {0};
    struct tide_error why = {0};
    const struct tide_view root =
        store->root.size > 0 ? tide_bytes_view(&store->root) : TIDE_VIEW("/");
    const enum tide_status status = tide_webhdfs_look(store->webhdfs, root, &facts, &why);
    if (status == TIDE_REJECT && !must_exist) {
        return TIDE_OK;
    }
    if (status == TIDE_OK && !facts.is_folder) {
        return tide_error_set(error, TIDE_REJECT, "%.*s is a file", TIDE_VIEW_ARGUMENTS(root));
    }
    return tide_error_pass(error, status, &why);
}

enum tide_status tide_store_webhdfs_open(const struct tide_store_url *url,
                                         const struct tide_store_options *options,
                                         struct tide_store *store,
                                         struct tide_error *error)
{
    struct webhdfs_store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return tide_error_set(error, TIDE_RETRY, "no memory for a store");
    }
    enum tide_status status = open_parts(made, url, options, error);
    if (status == TIDE_OK) {
        status = probe(made, options->must_exist, error);
    }
    if (status != TIDE_OK) {
        webhdfs_close(made);
        return status;
    }
    *store = (struct tide_store){&webhdfs_operations, made};
    return TIDE_OK;
}
