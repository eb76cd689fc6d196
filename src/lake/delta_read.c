/* Reading a table from what its log's folder holds: the newest checkpoint that can be read, then
 * commit after commit until there is none.
 *
 * Which checkpoints there are is known from the listing and from _last_checkpoint, both of which
 * are hints: a checkpoint is derived from commits, and one that is damaged, or of a form that we do
 * not know, is passed over for an older one, and at last for the commits from 0. What may not
 * happen is a hole: whoever took a version behind which the log goes on for the newest would write
 * into the middle of it. So the listing's newest commit must be reached. */
#include "lake/delta_internal.h"

#include "base/assert.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    VERSION_DIGITS = 20,
    CANDIDATES_MAX = 8, /* of checkpoints: the newest */
    PARTS_MAX = 1000,   /* of a checkpoint */
    HINT_BYTES_MAX = 1 << 20
};

struct candidate {
    int64_t version;
    uint32_t part_count; /* 0: one file, without a number in its name */
};

struct listing {
    int64_t newest;                              /* commit; -1: none */
    struct candidate candidates[CANDIDATES_MAX]; /* newest first */
    uint32_t count;
};

/* ---- which checkpoints there may be */

static bool is_before(struct candidate a, struct candidate b)
{
    return a.version > b.version || (a.version == b.version && a.part_count < b.part_count);
}

static void add_candidate(struct listing *listing, struct candidate candidate)
{
    uint32_t at = 0;
    while (at < listing->count && is_before(listing->candidates[at], candidate)) {
        at++;
    }
    const bool is_there = at < listing->count && !is_before(candidate, listing->candidates[at]);
    if (is_there || at == CANDIDATES_MAX) {
        return;
    }
    const uint32_t moved =
        listing->count < CANDIDATES_MAX ? listing->count - at : CANDIDATES_MAX - 1 - at;
    memmove(&listing->candidates[at + 1],
            &listing->candidates[at],
            moved * sizeof(listing->candidates[0]));
    listing->candidates[at] = candidate;
    listing->count += listing->count < CANDIDATES_MAX;
}

/* "<20 digits>" with this ending behind it; out of range it is the largest, and never there. */
static bool read_version(const char *name, int64_t *version, const char **ending)
{
    if (strspn(name, "0123456789") != VERSION_DIGITS) {
        return false;
    }
    *version = strtoll(name, NULL, 10);
    *ending = name + VERSION_DIGITS;
    return *version <= TIDE_DELTA_VERSION_MAX;
}

static void visit_log(void *context, const struct tide_store_entry *entry)
{
    static const char checkpoint[] = ".checkpoint.";
    struct listing *listing = context;
    struct candidate candidate = {0};
    const char *ending = NULL;
    if (entry->is_folder || !read_version(entry->name, &candidate.version, &ending)) {
        return;
    }
    if (strcmp(ending, ".json") == 0) {
        listing->newest = candidate.version > listing->newest ? candidate.version : listing->newest;
    } else if (strcmp(ending, ".checkpoint.parquet") == 0) {
        add_candidate(listing, candidate);
    } else if (strncmp(ending, checkpoint, sizeof(checkpoint) - 1) == 0) {
        /* ".checkpoint.0000000001.0000000003.parquet": part 1 of 3 */
        char *end = NULL;
        ending += sizeof(checkpoint) - 1;
        const unsigned long part = strtoul(ending, &end, 10);
        const unsigned long count = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
        if (part == 1 && count > 0 && count <= PARTS_MAX && strcmp(end, ".parquet") == 0) {
            candidate.part_count = (uint32_t)count;
            add_candidate(listing, candidate);
        }
    }
}

/* A checkpoint that a listing does not show yet. */
static void read_hint(const struct tide_delta_snapshot *snapshot, struct listing *listing)
{
    char key[TIDE_DELTA_KEY_MAX];
    struct tide_bytes text = {0};
    struct tide_arena arena = {0};
    struct tide_json *hint = NULL;
    struct candidate candidate = {0};
    int64_t parts = 0;
    tide_arena_init(&arena, HINT_BYTES_MAX * 4);
    tide_delta_hint_key(snapshot->layout, key);
    if (snapshot->store.operations->get(snapshot->store.self, key, &text, HINT_BYTES_MAX, NULL) ==
            TIDE_OK &&
        tide_json_parse(&arena, tide_bytes_view(&text), &hint, NULL) == TIDE_OK &&
        tide_json_get_i64(hint, "version", &candidate.version) && candidate.version >= 0 &&
        candidate.version <= TIDE_DELTA_VERSION_MAX) {
        if (tide_json_get_i64(hint, "parts", &parts) && parts > 0 && parts <= PARTS_MAX) {
            candidate.part_count = (uint32_t)parts;
        }
        add_candidate(listing, candidate);
    }
    tide_arena_release(&arena);
    tide_bytes_release(&text);
}

static enum tide_status list_log(const struct tide_delta_snapshot *snapshot,
                                 struct listing *listing,
                                 struct tide_error *error)
{
    char prefix[TIDE_DELTA_KEY_MAX];
    const int size = snprintf(prefix, sizeof(prefix), "%s/_delta_log/", snapshot->layout->name);
    tide_assert(size > 0 && (size_t)size < sizeof(prefix));
    *listing = (struct listing){.newest = -1};
    const enum tide_status status =
        snapshot->store.operations->list(snapshot->store.self, prefix, visit_log, listing, error);
    const bool is_table = listing->newest >= 0 || listing->count > 0;
    if (status == TIDE_OK && is_table && snapshot->codec.operations != NULL) {
        read_hint(snapshot, listing);
    }
    return status;
}

/* ---- one checkpoint */

struct folding {
    struct tide_delta_snapshot *snapshot;
    struct tide_error *error;
};

static enum tide_status fold_action(void *context, struct tide_view action)
{
    struct folding *folding = context;
    return tide_delta_snapshot_fold_line(folding->snapshot, action, folding->error);
}

static enum tide_status read_part(struct tide_delta_snapshot *snapshot,
                                  struct candidate candidate,
                                  uint32_t part,
                                  struct tide_error *error)
{
    char key[TIDE_DELTA_KEY_MAX];
    struct tide_bytes path = {0};
    struct folding folding = {snapshot, error};
    const struct tide_store store = snapshot->store;
    tide_delta_checkpoint_key(snapshot->layout, candidate.version, part, candidate.part_count, key);
    enum tide_status status = store.operations->fetch(store.self, key, &path, error);
    if (status != TIDE_OK) {
        tide_bytes_release(&path);
        return status;
    }
    status = snapshot->codec.operations->read(snapshot->codec.self,
                                              tide_bytes_terminated(&path),
                                              !snapshot->keeps_files,
                                              fold_action,
                                              &folding,
                                              error);
    store.operations->unpin(store.self, key);
    tide_bytes_release(&path);
    /* The object is here: if it cannot be read, an older one may be. */
    return status == TIDE_RETRY ? TIDE_FATAL : status;
}

/* OK: the snapshot is that version. Otherwise it is empty again. */
static enum tide_status read_checkpoint(struct tide_delta_snapshot *snapshot,
                                        struct candidate candidate,
                                        struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    const uint32_t last = candidate.part_count;
    for (uint32_t part = last == 0 ? 0 : 1; status == TIDE_OK && part <= last; part++) {
        status = read_part(snapshot, candidate, part, error);
    }
    if (status == TIDE_OK && (snapshot->protocol.data == NULL || snapshot->table_id.data == NULL)) {
        status = tide_error_set(error, TIDE_FATAL, "it has neither protocol nor metaData");
    }
    if (status == TIDE_OK) {
        snapshot->version = candidate.version;
        return TIDE_OK;
    }
    tide_delta_snapshot_reset(snapshot);
    tide_error_prefix(error,
                      "checkpoint %lld of %s cannot be read",
                      (long long)candidate.version,
                      snapshot->layout->name);
    return status;
}

enum tide_status tide_delta_snapshot_read_at(struct tide_delta_snapshot *snapshot,
                                             int64_t version,
                                             struct tide_error *error)
{
    return read_checkpoint(snapshot, (struct candidate){.version = version}, error);
}

/* ---- the whole */

static enum tide_status fold_tail(struct tide_delta_snapshot *snapshot, struct tide_error *error)
{
    enum tide_status status = TIDE_OK;
    bool is_there = true;
    while (status == TIDE_OK && is_there) {
        status = tide_delta_snapshot_step(snapshot, &is_there, error);
    }
    return status;
}

/* From that checkpoint, or (NULL) from commit 0. RETRY: the same may succeed later; any other
 * failure: look for an older one. *is_whole: the listing's newest commit was reached. */
static enum tide_status read_from(struct tide_delta_snapshot *snapshot,
                                  const struct candidate *candidate,
                                  int64_t newest,
                                  bool *is_whole,
                                  struct tide_error *error)
{
    enum tide_status status =
        candidate == NULL ? TIDE_OK : read_checkpoint(snapshot, *candidate, error);
    *is_whole = false;
    if (status == TIDE_OK) {
        status = fold_tail(snapshot, error);
    }
    *is_whole = status == TIDE_OK && snapshot->version >= newest;
    return status;
}

static enum tide_status refuse(const struct tide_delta_snapshot *snapshot,
                               const struct listing *listing,
                               const struct tide_error *why,
                               struct tide_error *error)
{
    if (snapshot->version >= 0) {
        return tide_error_set(error,
                              TIDE_FATAL,
                              "the log of %s has no commit %lld, but one %lld%s%s",
                              snapshot->layout->name,
                              (long long)snapshot->version + 1,
                              (long long)listing->newest,
                              why->text[0] == '\0' ? "" : "; ",
                              why->text);
    }
    const char *reason = why->text[0] != '\0'  ? why->text
                         : listing->count == 0 ? "there is no checkpoint"
                                               : "checkpoints are not read here";
    return tide_error_set(error,
                          TIDE_REJECT,
                          "the beginning of the log of %s was cleaned away, and %s",
                          snapshot->layout->name,
                          reason);
}

/* The newest that was seen, good or not. One beyond the log's end is a hint gone wrong: if it
 * counted, no other would be written until the log came there. */
static int64_t newest_checkpoint(const struct tide_delta_snapshot *snapshot,
                                 const struct listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++) {
        if (listing->candidates[i].version <= snapshot->version) {
            return listing->candidates[i].version;
        }
    }
    return -1;
}

enum tide_status tide_delta_snapshot_read(struct tide_delta_snapshot *snapshot,
                                          struct tide_error *error)
{
    struct listing listing;
    struct tide_error why = {0}; /* of the newest checkpoint that could not be read */
    bool is_whole = false;
    tide_delta_snapshot_reset(snapshot);
    enum tide_status status = list_log(snapshot, &listing, error);
    if (status != TIDE_OK) {
        return status;
    }
    const uint32_t count = snapshot->codec.operations == NULL ? 0 : listing.count;
    for (uint32_t i = 0; i < count; i++) {
        struct tide_error one = {0};
        status = read_from(snapshot, &listing.candidates[i], listing.newest, &is_whole, &one);
        if (status == TIDE_OK && is_whole) {
            snapshot->checkpoint = newest_checkpoint(snapshot, &listing);
            return TIDE_OK;
        }
        /* A good checkpoint with a bad commit behind it is the log's fault, as is memory. */
        if (status == TIDE_RETRY || (status != TIDE_OK && snapshot->version >= 0)) {
            return tide_error_set(error, status, "%s", one.text);
        }
        if (status != TIDE_OK) {
            tide_logline(TIDE_LOGLINE_WARNING, "lake", "%s", one.text);
        } else {
            (void)tide_error_set(&one,
                                 TIDE_FATAL,
                                 "behind checkpoint %lld commit %lld is missing",
                                 (long long)listing.candidates[i].version,
                                 (long long)snapshot->version + 1);
        }
        why = why.text[0] == '\0' ? one : why;
        tide_delta_snapshot_reset(snapshot);
    }
    status = read_from(snapshot, NULL, listing.newest, &is_whole, error);
    if (status != TIDE_OK) {
        return status;
    }
    snapshot->checkpoint = newest_checkpoint(snapshot, &listing);
    const bool is_cut = snapshot->version < 0 && listing.count > 0;
    return is_whole && !is_cut ? TIDE_OK : refuse(snapshot, &listing, &why, error);
}
