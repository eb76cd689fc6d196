/* How the simulated disk remembers and forgets.
 *
 * A file has two contents, `current` (what a reader sees) and `durable` (what a power cut leaves
 * for sure), and the ordered unsynced writes that lead from one to the other. A directory has two
 * tables of names in the same way; the name changes between them are in one ordered list for all
 * directories, because a rename belongs to two.
 *
 *     write, truncate -> current + unsynced      sync           -> unsynced replayed onto durable
 *     create, link, rename, remove -> current    sync_directory -> changes replayed onto durable
 *                                   + change
 *
 * A power cut draws one policy from the seed (all lost, all kept, a prefix in time, one dropped,
 * names only, data only, every write torn, most kept, any subset), replays what it keeps onto
 * durable, and makes durable current. A rename is one change: it happens in both directories or in
 * neither. A torn write keeps some of its 512-byte sectors: from the head, from the tail, all but
 * one, or anywhere.
 *
 * What it is gentler about than the worst disk: directories are durable when made or removed, and
 * an operation that touches two directories becomes durable when either is synced. */
#include "base/io_sim_disk.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

struct tide_sim_unsynced { /* one write or truncate */
    struct tide_sim_unsynced *next;
    uint64_t sequence;
    size_t offset; /* of a truncate: the new size */
    size_t size;
    bool is_truncate;
    uint8_t data[];
};

struct tide_sim_change { /* of names: create and link have no `from`, remove has no `to` */
    struct tide_sim_change *next;
    struct tide_sim_change *previous;
    uint64_t sequence;
    struct tide_sim_directory *from;
    struct tide_sim_directory *to;
    char *from_name;
    char *to_name;
    struct tide_sim_file *file;
};

enum policy {
    ALL_LOST,
    ALL_KEPT,
    PREFIX, /* of all writes and name changes, in time; the write at the cut is torn */
    ONE_DROPPED,
    NAMES_ONLY,
    DATA_ONLY,
    ALL_TORN, /* names in any subset */
    MOST_KEPT,
    ANY_SUBSET,
    POLICY_COUNT,
};

enum fate {
    KEPT,
    TORN,
    DROPPED
};

struct crash {
    enum policy policy;
    uint64_t pivot; /* a pending sequence: where the prefix ends, or the one that is dropped */
};

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t tide_sim_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t tide_sim_disk_below(struct tide_sim_disk *disk, uint64_t limit)
{
    tide_assert(limit > 0);
    return tide_sim_random(&disk->random_state) % limit;
}

static void *memory(size_t size)
{
    void *data = calloc(1, size);
    tide_assert(data != NULL);
    return data;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory(size);
    memcpy(copy, text, size);
    return copy;
}

static void content_resize(struct tide_sim_content *content, size_t size)
{
    if (size > content->capacity) {
        size_t capacity = content->capacity == 0 ? TIDE_SIM_SECTOR_SIZE : content->capacity;
        while (capacity < size) {
            capacity *= 2;
        }
        uint8_t *data = realloc(content->data, capacity);
        tide_assert(data != NULL);
        content->data = data;
        content->capacity = capacity;
    }
    if (size > content->size) {
        memset(content->data + content->size, 0, size - content->size);
    }
    content->size = size;
}

static void content_write(struct tide_sim_content *content,
                          size_t offset,
                          const uint8_t *data,
                          size_t size)
{
    if (size == 0) {
        return;
    }
    if (offset + size > content->size) {
        content_resize(content, offset + size);
    }
    memcpy(content->data + offset, data, size);
}

static void content_copy(struct tide_sim_content *to, const struct tide_sim_content *from)
{
    content_resize(to, 0);
    content_write(to, 0, from->data, from->size);
}

static void content_replay(struct tide_sim_content *content, const struct tide_sim_unsynced *item)
{
    if (item->is_truncate) {
        content_resize(content, item->offset);
    } else {
        content_write(content, item->offset, item->data, item->size);
    }
}

struct tide_sim_file *tide_sim_disk_create_file(struct tide_sim_disk *disk)
{
    struct tide_sim_file *file = memory(sizeof(*file));
    file->next = disk->files;
    if (file->next != NULL) {
        file->next->previous = file;
    }
    disk->files = file;
    return file;
}

static void forget_unsynced(struct tide_sim_file *file)
{
    while (file->first != NULL) {
        struct tide_sim_unsynced *item = file->first;
        file->first = item->next;
        free(item);
    }
    file->last = NULL;
}

/* Frees the file that no name, change or handle leads to any more. */
void tide_sim_disk_collect(struct tide_sim_disk *disk, struct tide_sim_file *file)
{
    if (file->name_count + file->open_count + file->hold_count > 0) {
        return;
    }
    forget_unsynced(file);
    if (file->previous != NULL) {
        file->previous->next = file->next;
    } else {
        disk->files = file->next;
    }
    if (file->next != NULL) {
        file->next->previous = file->previous;
    }
    free(file->current.data);
    free(file->durable.data);
    free(file);
}

/* data NULL: a truncate to offset. */
static void record(struct tide_sim_disk *disk,
                   struct tide_sim_file *file,
                   size_t offset,
                   const void *data,
                   size_t size)
{
    struct tide_sim_unsynced *item = memory(sizeof(*item) + size);
    item->sequence = ++disk->sequence;
    item->offset = offset;
    item->size = size;
    item->is_truncate = data == NULL;
    if (data != NULL) {
        memcpy(item->data, data, size);
    }
    if (file->last != NULL) {
        file->last->next = item;
    } else {
        file->first = item;
    }
    file->last = item;
    content_replay(&file->current, item);
}

void tide_sim_disk_write(struct tide_sim_disk *disk,
                         struct tide_sim_file *file,
                         size_t offset,
                         const void *data,
                         size_t size)
{
    tide_assert(data != NULL && size > 0);
    record(disk, file, offset, data, size);
}

void tide_sim_disk_truncate(struct tide_sim_disk *disk, struct tide_sim_file *file, size_t size)
{
    record(disk, file, size, NULL, 0);
}

void tide_sim_disk_sync(struct tide_sim_file *file, bool is_durable)
{
    if (is_durable) {
        for (const struct tide_sim_unsynced *i = file->first; i != NULL; i = i->next) {
            content_replay(&file->durable, i);
        }
    } else {
        content_copy(&file->current, &file->durable);
    }
    tide_assert(file->durable.size == file->current.size);
    forget_unsynced(file);
}

static struct tide_sim_name *names_find(const struct tide_sim_names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].text, text) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static size_t *names_counter(const struct tide_sim_names *names, struct tide_sim_file *file)
{
    return names->is_current ? &file->name_count : &file->hold_count;
}

static void names_unset(struct tide_sim_disk *disk, struct tide_sim_names *names, const char *text)
{
    struct tide_sim_name *name = names_find(names, text);
    if (name == NULL) {
        return;
    }
    struct tide_sim_file *file = name->file;
    free(name->text);
    *name = names->items[--names->count];
    --*names_counter(names, file);
    tide_sim_disk_collect(disk, file);
}

static void names_set(struct tide_sim_disk *disk,
                      struct tide_sim_names *names,
                      const char *text,
                      struct tide_sim_file *file)
{
    ++*names_counter(names, file); /* before unset: it may be the same file's last hold */
    names_unset(disk, names, text);
    if (names->count == names->capacity) {
        names->capacity = names->capacity == 0 ? 8 : names->capacity * 2;
        struct tide_sim_name *items = realloc(names->items, names->capacity * sizeof(*items));
        tide_assert(items != NULL);
        names->items = items;
    }
    names->items[names->count++] = (struct tide_sim_name){copy_text(text), file};
}

static void names_clear(struct tide_sim_disk *disk, struct tide_sim_names *names)
{
    while (names->count > 0) {
        struct tide_sim_name *name = &names->items[--names->count];
        struct tide_sim_file *file = name->file;
        free(name->text);
        --*names_counter(names, file);
        tide_sim_disk_collect(disk, file);
    }
}

/* Drops empty and "." components. ".." has no use in this house. */
static void normalize(const char *path, char *normal)
{
    size_t size = 0;
    while (*path != '\0') {
        size_t part = strcspn(path, "/");
        if (part > 0 && !(part == 1 && path[0] == '.')) {
            tide_assert(!(part == 2 && path[0] == '.' && path[1] == '.'));
            tide_assert(size + 1 + part < TIDE_SIM_PATH_SIZE_MAX);
            if (size > 0) {
                normal[size++] = '/';
            }
            memcpy(normal + size, path, part);
            size += part;
        }
        path += part;
        path += *path == '/' ? 1 : 0;
    }
    normal[size] = '\0';
}

static struct tide_sim_directory *directory_find(struct tide_sim_disk *disk, const char *normal)
{
    for (struct tide_sim_directory *d = disk->directories; d != NULL; d = d->next) {
        if (strcmp(d->path, normal) == 0) {
            return d;
        }
    }
    return NULL;
}

static struct tide_sim_directory *directory_create(struct tide_sim_disk *disk, const char *normal)
{
    struct tide_sim_directory *directory = memory(sizeof(*directory));
    directory->path = copy_text(normal);
    directory->current.is_current = true;
    directory->next = disk->directories;
    disk->directories = directory;
    return directory;
}

/* The name of child if it lies directly in parent, else NULL. */
const char *tide_sim_child_name(const struct tide_sim_directory *parent,
                                const struct tide_sim_directory *child)
{
    size_t size = strlen(parent->path);
    if (child->path[0] == '\0' || strncmp(child->path, parent->path, size) != 0) {
        return NULL;
    }
    const char *rest = child->path + size;
    if (size > 0) {
        if (*rest != '/') {
            return NULL;
        }
        rest++;
    }
    return strchr(rest, '/') == NULL && *rest != '\0' ? rest : NULL;
}

void tide_sim_disk_find(struct tide_sim_disk *disk, const char *path, struct tide_sim_place *place)
{
    *place = (struct tide_sim_place){0};
    normalize(path, place->path);
    place->self = directory_find(disk, place->path);
    char *slash = strrchr(place->path, '/');
    if (slash == NULL) {
        place->name_start = 0;
        place->parent = directory_find(disk, "");
    } else {
        place->name_start = (size_t)(slash + 1 - place->path);
        *slash = '\0';
        place->parent = directory_find(disk, place->path);
        *slash = '/';
    }
    if (place->parent != NULL) {
        const struct tide_sim_name *name =
            names_find(&place->parent->current, place->path + place->name_start);
        place->file = name == NULL ? NULL : name->file;
    }
}

static void change_replay(struct tide_sim_disk *disk,
                          const struct tide_sim_change *change,
                          bool on_current)
{
    if (change->from != NULL) {
        names_unset(
            disk, on_current ? &change->from->current : &change->from->durable, change->from_name);
    }
    if (change->to != NULL) {
        names_set(disk,
                  on_current ? &change->to->current : &change->to->durable,
                  change->to_name,
                  change->file);
    }
}

/* Either place may be NULL. The change shows at once and is pending until a sync. */
void tide_sim_disk_change(struct tide_sim_disk *disk,
                          const struct tide_sim_place *from,
                          const struct tide_sim_place *to,
                          struct tide_sim_file *file)
{
    struct tide_sim_change *change = memory(sizeof(*change));
    change->sequence = ++disk->sequence;
    change->file = file;
    file->hold_count++;
    if (from != NULL) {
        change->from = from->parent;
        change->from_name = copy_text(from->path + from->name_start);
    }
    if (to != NULL) {
        change->to = to->parent;
        change->to_name = copy_text(to->path + to->name_start);
    }
    change->previous = disk->last_change;
    if (disk->last_change != NULL) {
        disk->last_change->next = change;
    } else {
        disk->first_change = change;
    }
    disk->last_change = change;
    change_replay(disk, change, true);
}

static void change_destroy(struct tide_sim_disk *disk, struct tide_sim_change *change)
{
    if (change->previous != NULL) {
        change->previous->next = change->next;
    } else {
        disk->first_change = change->next;
    }
    if (change->next != NULL) {
        change->next->previous = change->previous;
    } else {
        disk->last_change = change->previous;
    }
    change->file->hold_count--;
    tide_sim_disk_collect(disk, change->file);
    free(change->from_name);
    free(change->to_name);
    free(change);
}

/* A rename drags its other directory along, or that one's older changes would be replayed over it
 * later: the marks are closed over all pending changes first. */
static void mark_touched(struct tide_sim_disk *disk, struct tide_sim_directory *directory)
{
    for (struct tide_sim_directory *d = disk->directories; d != NULL; d = d->next) {
        d->is_marked = d == directory;
    }
    bool has_grown = true;
    while (has_grown) {
        has_grown = false;
        for (struct tide_sim_change *c = disk->first_change; c != NULL; c = c->next) {
            if (c->from != NULL && c->to != NULL && c->from->is_marked != c->to->is_marked) {
                c->from->is_marked = true;
                c->to->is_marked = true;
                has_grown = true;
            }
        }
    }
}

void tide_sim_disk_settle(struct tide_sim_disk *disk,
                          struct tide_sim_directory *directory,
                          bool is_durable)
{
    mark_touched(disk, directory);
    struct tide_sim_change *next = NULL;
    for (struct tide_sim_change *c = disk->first_change; c != NULL; c = next) {
        next = c->next;
        if ((c->from != NULL && c->from->is_marked) || (c->to != NULL && c->to->is_marked)) {
            if (is_durable) {
                change_replay(disk, c, false);
            }
            change_destroy(disk, c);
        }
    }
}

/* Also its parents. */
void tide_sim_disk_make_directory(struct tide_sim_disk *disk, const char *normal)
{
    char part[TIDE_SIM_PATH_SIZE_MAX];
    size_t size = strlen(normal);
    tide_assert(size < sizeof(part));
    memcpy(part, normal, size + 1);
    for (size_t i = 0; i <= size; i++) {
        if (part[i] == '/' || part[i] == '\0') {
            char kept = part[i];
            part[i] = '\0';
            if (directory_find(disk, part) == NULL) {
                directory_create(disk, part);
            }
            part[i] = kept;
        }
    }
}

static void directory_destroy(struct tide_sim_disk *disk, struct tide_sim_directory *directory)
{
    struct tide_sim_directory **link = &disk->directories;
    while (*link != directory) {
        tide_assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = directory->next;
    names_clear(disk, &directory->current);
    names_clear(disk, &directory->durable);
    free(directory->current.items);
    free(directory->durable.items);
    free(directory->path);
    free(directory);
}

void tide_sim_disk_remove_directory(struct tide_sim_disk *disk,
                                    struct tide_sim_directory *directory)
{
    tide_assert(directory->current.count == 0 && directory->path[0] != '\0');
    tide_sim_disk_settle(disk, directory, true);
    directory_destroy(disk, directory);
}

static int compare_sequences(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* A pending item's sequence, each with the same chance; 0 when nothing is pending. */
static uint64_t choose_pivot(struct tide_sim_disk *disk)
{
    size_t count = 0;
    for (const struct tide_sim_change *c = disk->first_change; c != NULL; c = c->next) {
        count++;
    }
    for (const struct tide_sim_file *f = disk->files; f != NULL; f = f->next) {
        for (const struct tide_sim_unsynced *u = f->first; u != NULL; u = u->next) {
            count++;
        }
    }
    if (count == 0) {
        return 0;
    }
    uint64_t *sequences = memory(count * sizeof(*sequences));
    size_t filled = 0;
    for (const struct tide_sim_change *c = disk->first_change; c != NULL; c = c->next) {
        sequences[filled++] = c->sequence;
    }
    for (const struct tide_sim_file *f = disk->files; f != NULL; f = f->next) {
        for (const struct tide_sim_unsynced *u = f->first; u != NULL; u = u->next) {
            sequences[filled++] = u->sequence;
        }
    }
    tide_assert(filled == count);
    qsort(sequences, count, sizeof(*sequences), compare_sequences);
    uint64_t pivot = sequences[tide_sim_disk_below(disk, count)];
    free(sequences);
    return pivot;
}

static enum fate choose_fate(struct tide_sim_disk *disk,
                             struct crash crash,
                             uint64_t sequence,
                             bool is_name)
{
    switch (crash.policy) {
    case ALL_LOST:
        return DROPPED;
    case ALL_KEPT:
        return KEPT;
    case PREFIX:
        if (sequence == crash.pivot) {
            return TORN;
        }
        return sequence < crash.pivot ? KEPT : DROPPED;
    case ONE_DROPPED:
        return sequence == crash.pivot ? DROPPED : KEPT;
    case NAMES_ONLY:
        return is_name ? KEPT : DROPPED;
    case DATA_ONLY:
        return is_name ? DROPPED : KEPT;
    case ALL_TORN:
        return TORN;
    case MOST_KEPT:
        return tide_sim_disk_below(disk, 8) > 0 ? KEPT : TORN;
    case ANY_SUBSET:
    case POLICY_COUNT:
        break;
    }
    uint64_t draw = tide_sim_disk_below(disk, 4);
    return draw == 0 ? TORN : draw == 1 ? KEPT : DROPPED;
}

/* Sectors are those of the file, so a small write inside one sector is whole or absent. */
static void replay_torn(struct tide_sim_disk *disk,
                        struct tide_sim_content *content,
                        const struct tide_sim_unsynced *item)
{
    if (item->is_truncate || item->size == 0) {
        if (tide_sim_disk_below(disk, 2) == 0) {
            content_replay(content, item);
        }
        return;
    }
    size_t first = item->offset / TIDE_SIM_SECTOR_SIZE;
    size_t count = (item->offset + item->size - 1) / TIDE_SIM_SECTOR_SIZE - first + 1;
    uint64_t shape = tide_sim_disk_below(disk, 4);
    size_t cut = (size_t)tide_sim_disk_below(disk, count + 1);
    /* The new size may arrive without the data: the gap reads as zeros. */
    if (tide_sim_disk_below(disk, 2) == 0 && item->offset + item->size > content->size) {
        content_resize(content, item->offset + item->size);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_kept = shape == 0   ? i < cut
                       : shape == 1 ? i >= cut
                       : shape == 2 ? i != cut
                                    : tide_sim_disk_below(disk, 2) == 0;
        size_t start = (first + i) * TIDE_SIM_SECTOR_SIZE;
        size_t end = start + TIDE_SIM_SECTOR_SIZE;
        start = start < item->offset ? item->offset : start;
        end = end > item->offset + item->size ? item->offset + item->size : end;
        if (is_kept) {
            content_write(content, start, item->data + (start - item->offset), end - start);
        }
    }
}

static void crash_names(struct tide_sim_disk *disk, struct crash crash)
{
    while (disk->first_change != NULL) {
        struct tide_sim_change *change = disk->first_change;
        enum fate fate = choose_fate(disk, crash, change->sequence, true);
        if (fate == KEPT || (fate == TORN && tide_sim_disk_below(disk, 2) == 0)) {
            change_replay(disk, change, false);
        }
        change_destroy(disk, change);
    }
    for (struct tide_sim_directory *d = disk->directories; d != NULL; d = d->next) {
        names_clear(disk, &d->current);
        for (size_t i = 0; i < d->durable.count; i++) {
            names_set(disk, &d->current, d->durable.items[i].text, d->durable.items[i].file);
        }
    }
}

static void crash_file(struct tide_sim_disk *disk, struct crash crash, struct tide_sim_file *file)
{
    tide_assert(file->open_count == 0);
    for (const struct tide_sim_unsynced *item = file->first; item != NULL; item = item->next) {
        enum fate fate = choose_fate(disk, crash, item->sequence, false);
        if (fate == KEPT) {
            content_replay(&file->durable, item);
        } else if (fate == TORN) {
            replay_torn(disk, &file->durable, item);
        }
    }
    forget_unsynced(file);
    content_copy(&file->current, &file->durable);
}

void tide_sim_disk_crash(struct tide_sim_disk *disk)
{
    struct crash crash = {
        .policy = (enum policy)tide_sim_disk_below(disk, POLICY_COUNT),
        .pivot = choose_pivot(disk),
    };
    crash_names(disk, crash);
    for (struct tide_sim_file *f = disk->files; f != NULL; f = f->next) {
        crash_file(disk, crash, f);
    }
    tide_assert(disk->first_change == NULL && disk->last_change == NULL);
}

void tide_sim_disk_init(struct tide_sim_disk *disk, uint64_t seed)
{
    *disk = (struct tide_sim_disk){.random_state = seed};
    directory_create(disk, "");
}

void tide_sim_disk_release(struct tide_sim_disk *disk)
{
    while (disk->first_change != NULL) {
        change_destroy(disk, disk->first_change);
    }
    while (disk->directories != NULL) {
        directory_destroy(disk, disk->directories);
    }
    tide_assert(disk->files == NULL); /* a file is open, or was never named nor collected */
    *disk = (struct tide_sim_disk){0};
}
