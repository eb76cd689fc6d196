/* The simulator's side of tide_io: operations, handles and faults over a disk that forgets.
 *
 * What the disk remembers and how a power cut is drawn: io_sim_disk.c. Here every operation is
 * counted, so that a test can first run a workload in peace, read the count, and then run it again
 * once for each operation with a fault at it. The operation at which the world stops may or may not
 * have taken effect (a write: any part of it), but its answer is FATAL either way: that is what a
 * process sees of its own end. Closing and random bytes cannot fail and are not counted.
 *
 * A handle is a slot and the slot's generation, so one from before a crash, a kill or a close is
 * known as dead: operations on it are FATAL, closing it is fine. */
#include "base/io_sim.h"

#include "base/assert.h"
#include "base/io_sim_disk.h"

#include <stdlib.h>
#include <string.h>

enum {
    HANDLES_MAX = 4096
};
static const uint64_t file_bytes_max = UINT64_C(1) << 30;

struct handle {
    struct tide_sim_file *node; /* NULL: free */
    uint32_t generation;
    bool is_writable;
};

struct tide_io_sim {
    struct tide_sim_disk disk;
    uint64_t program_state; /* of the random bytes the program asks for */
    uint64_t operation_count;
    uint64_t capacity;
    enum tide_io_sim_fault fault;
    uint64_t fault_at; /* operation count */
    bool is_crashed;
    struct handle handles[HANDLES_MAX];
};

static enum tide_status stopped(struct tide_error *error)
{
    return tide_error_set(error, TIDE_FATAL, "the simulated machine has stopped");
}

static bool fault_is_due(const struct tide_io_sim *sim, enum tide_io_sim_fault fault)
{
    return sim->fault == fault && sim->operation_count >= sim->fault_at;
}

/* Counts an operation. false: it must answer FATAL now. When the world stops in this operation,
 * its effect may still come about; finish() then hides its answer. */
static bool begin(struct tide_io_sim *sim)
{
    if (sim->is_crashed) {
        return false;
    }
    sim->operation_count++;
    if (fault_is_due(sim, TIDE_IO_SIM_FAULT_CRASH)) {
        sim->is_crashed = true;
        sim->fault = TIDE_IO_SIM_FAULT_NONE;
        return tide_sim_disk_below(&sim->disk, 2) == 0;
    }
    return true;
}

static enum tide_status finish(const struct tide_io_sim *sim,
                               enum tide_status status,
                               struct tide_error *error)
{
    return sim->is_crashed ? stopped(error) : status;
}

static bool take_fault(struct tide_io_sim *sim, enum tide_io_sim_fault fault)
{
    bool is_due = fault_is_due(sim, fault);
    if (is_due) {
        sim->fault = TIDE_IO_SIM_FAULT_NONE;
    }
    return is_due;
}

static enum tide_status no_space(struct tide_error *error, const char *what)
{
    return tide_error_set(error, TIDE_RETRY, "cannot %s: no space left (simulated)", what);
}

static enum tide_status device_failed(struct tide_error *error)
{
    return tide_error_set(error, TIDE_FATAL, "cannot sync: input/output error (simulated)");
}

/* NULL: a handle from before a crash or kill, or one that was closed. */
static struct handle *handle_of(struct tide_io_sim *sim, struct tide_file file)
{
    tide_assert(file.handle != 0);
    size_t slot = (size_t)(file.handle & (HANDLES_MAX - 1));
    struct handle *handle = &sim->handles[slot];
    bool is_alive =
        handle->node != NULL && (uint64_t)file.handle / HANDLES_MAX == (uint64_t)handle->generation;
    return is_alive ? handle : NULL;
}

static enum tide_status dead_handle(struct tide_error *error)
{
    return tide_error_set(error, TIDE_FATAL, "the file was opened before the restart");
}

static enum tide_status handle_open(struct tide_io_sim *sim,
                                    struct tide_sim_file *node,
                                    bool is_writable,
                                    struct tide_file *file,
                                    struct tide_error *error)
{
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        struct handle *handle = &sim->handles[i];
        if (handle->node == NULL) {
            node->open_count++;
            handle->node = node;
            handle->is_writable = is_writable;
            handle->generation++; /* from 1, so a handle is never 0 */
            file->handle = (int64_t)((uint64_t)handle->generation * HANDLES_MAX + i);
            return TIDE_OK;
        }
    }
    return tide_error_set(error, TIDE_RETRY, "more than %d files are open", HANDLES_MAX);
}

static void handle_close(struct tide_io_sim *sim, struct handle *handle)
{
    struct tide_sim_file *node = handle->node;
    handle->node = NULL;
    node->open_count--;
    tide_sim_disk_collect(&sim->disk, node);
}

static enum tide_status missing(struct tide_error *error, const char *verb, const char *path)
{
    return tide_error_set(error, TIDE_REJECT, "cannot %s %s: it does not exist", verb, path);
}

static enum tide_status sim_create(struct tide_io_sim *sim,
                                   const struct tide_sim_place *place,
                                   struct tide_file *file,
                                   struct tide_error *error)
{
    if (place->parent == NULL) {
        return missing(error, "create", place->path);
    }
    if (place->file != NULL || place->self != NULL) {
        return tide_error_set(error, TIDE_REJECT, "cannot create %s: it exists", place->path);
    }
    if (take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE)) {
        return no_space(error, "create");
    }
    struct tide_sim_file *node = tide_sim_disk_create_file(&sim->disk);
    enum tide_status status = handle_open(sim, node, true, file, error);
    if (status != TIDE_OK) {
        tide_sim_disk_collect(&sim->disk, node);
        return status;
    }
    tide_sim_disk_change(&sim->disk, NULL, place, node);
    return TIDE_OK;
}

static enum tide_status sim_open(void *self,
                                 const char *path,
                                 enum tide_io_mode mode,
                                 struct tide_file *file,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    tide_assert(file->handle == 0);
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    enum tide_status status = TIDE_OK;
    if (mode == TIDE_IO_CREATE) {
        status = sim_create(sim, &place, file, error);
    } else if (place.file != NULL) {
        status = handle_open(sim, place.file, mode == TIDE_IO_WRITE, file, error);
    } else if (place.self != NULL) {
        status = tide_error_set(error, TIDE_FATAL, "cannot open %s: it is a directory", path);
    } else {
        status = missing(error, "open", path);
    }
    if (sim->is_crashed && file->handle != 0) { /* nobody will hear of this handle */
        struct handle *handle = handle_of(sim, *file);
        tide_assert(handle != NULL);
        handle_close(sim, handle);
        file->handle = 0;
    }
    return finish(sim, status, error);
}

static enum tide_status sim_read(void *self,
                                 struct tide_file file,
                                 uint64_t offset,
                                 void *buffer,
                                 size_t size,
                                 size_t *read_size,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    *read_size = 0;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct handle *handle = handle_of(sim, file);
    if (handle == NULL) {
        return dead_handle(error);
    }
    const struct tide_sim_content *content = &handle->node->current;
    if (offset < content->size) {
        size_t left = content->size - (size_t)offset;
        *read_size = size < left ? size : left;
        if (*read_size > 0) {
            memcpy(buffer, content->data + offset, *read_size);
        }
    }
    return finish(sim, TIDE_OK, error);
}

static uint64_t used_bytes(const struct tide_io_sim *sim)
{
    uint64_t used = 0;
    for (const struct tide_sim_file *node = sim->disk.files; node != NULL; node = node->next) {
        used += node->name_count + node->open_count > 0 ? node->current.size : 0;
    }
    return used;
}

/* May this file grow to that size? */
static bool has_room(const struct tide_io_sim *sim, const struct tide_sim_file *node, uint64_t size)
{
    if (size <= node->current.size) {
        return true;
    }
    uint64_t growth = size - node->current.size;
    return size <= file_bytes_max &&
           (sim->capacity == 0 || used_bytes(sim) + growth <= sim->capacity);
}

static enum tide_status sim_write(void *self,
                                  struct tide_file file,
                                  uint64_t offset,
                                  const void *data,
                                  size_t size,
                                  struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    tide_assert(offset <= INT64_MAX && size <= INT64_MAX - offset);
    if (!begin(sim)) {
        return stopped(error);
    }
    struct handle *handle = handle_of(sim, file);
    if (handle == NULL) {
        return dead_handle(error);
    }
    tide_assert(handle->is_writable);
    size_t written = size;
    bool is_full =
        take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE) || !has_room(sim, handle->node, offset + size);
    if (is_full || sim->is_crashed) {
        written = (size_t)tide_sim_disk_below(&sim->disk, (uint64_t)size + 1);
        while (written > 0 && !has_room(sim, handle->node, offset + written)) {
            written /= 2;
        }
    }
    if (written > 0) {
        tide_sim_disk_write(&sim->disk, handle->node, (size_t)offset, data, written);
    }
    return finish(sim, is_full ? no_space(error, "write") : TIDE_OK, error);
}

static enum tide_status sim_sync(void *self, struct tide_file file, struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct handle *handle = handle_of(sim, file);
    if (handle == NULL) {
        return dead_handle(error);
    }
    bool is_durable = !take_fault(sim, TIDE_IO_SIM_FAULT_SYNC_FAILS);
    tide_sim_disk_sync(handle->node, is_durable);
    return finish(sim, is_durable ? TIDE_OK : device_failed(error), error);
}

static enum tide_status sim_truncate(void *self,
                                     struct tide_file file,
                                     uint64_t size,
                                     struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    tide_assert(size <= INT64_MAX);
    if (!begin(sim)) {
        return stopped(error);
    }
    struct handle *handle = handle_of(sim, file);
    if (handle == NULL) {
        return dead_handle(error);
    }
    tide_assert(handle->is_writable);
    if (take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE) || !has_room(sim, handle->node, size)) {
        return finish(sim, no_space(error, "truncate"), error);
    }
    tide_sim_disk_truncate(&sim->disk, handle->node, (size_t)size);
    return finish(sim, TIDE_OK, error);
}

static enum tide_status sim_size(void *self,
                                 struct tide_file file,
                                 uint64_t *size,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct handle *handle = handle_of(sim, file);
    if (handle == NULL) {
        return dead_handle(error);
    }
    *size = handle->node->current.size;
    return finish(sim, TIDE_OK, error);
}

static void sim_close(void *self, struct tide_file *file)
{
    struct tide_io_sim *sim = self;
    if (file->handle != 0) {
        struct handle *handle = handle_of(sim, *file);
        if (handle != NULL) {
            handle_close(sim, handle);
        }
        file->handle = 0;
    }
}

static enum tide_status sim_link(void *self,
                                 const char *from,
                                 const char *to,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place source;
    struct tide_sim_place target;
    tide_sim_disk_find(&sim->disk, from, &source);
    tide_sim_disk_find(&sim->disk, to, &target);
    enum tide_status status = TIDE_OK;
    if (source.file == NULL) {
        status = missing(error, "link", from);
    } else if (target.parent == NULL) {
        status = missing(error, "link to", to);
    } else if (target.file != NULL || target.self != NULL) {
        status = tide_error_set(error, TIDE_REJECT, "cannot link %s: it exists", to);
    } else if (take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE)) {
        status = no_space(error, "link");
    } else {
        tide_sim_disk_change(&sim->disk, NULL, &target, source.file);
    }
    return finish(sim, status, error);
}

/* Files only: nothing in the house renames a directory. */
static enum tide_status sim_rename(void *self,
                                   const char *from,
                                   const char *to,
                                   struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place source;
    struct tide_sim_place target;
    tide_sim_disk_find(&sim->disk, from, &source);
    tide_sim_disk_find(&sim->disk, to, &target);
    enum tide_status status = TIDE_OK;
    if (source.self != NULL || target.self != NULL) {
        status = tide_error_set(error, TIDE_FATAL, "cannot rename %s: a directory", from);
    } else if (source.file == NULL) {
        status = missing(error, "rename", from);
    } else if (target.parent == NULL) {
        status = missing(error, "rename to", to);
    } else if (take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE)) {
        status = no_space(error, "rename");
    } else if (source.file != target.file) { /* two names of one file: POSIX does nothing */
        tide_sim_disk_change(&sim->disk, &source, &target, source.file);
    }
    return finish(sim, status, error);
}

static bool is_empty(const struct tide_io_sim *sim, const struct tide_sim_directory *directory)
{
    for (const struct tide_sim_directory *d = sim->disk.directories; d != NULL; d = d->next) {
        if (tide_sim_child_name(directory, d) != NULL) {
            return false;
        }
    }
    return directory->current.count == 0;
}

static enum tide_status sim_remove(void *self, const char *path, struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    enum tide_status status = TIDE_OK;
    if (place.file != NULL) {
        tide_sim_disk_change(&sim->disk, &place, NULL, place.file);
    } else if (place.self == NULL) {
        status = missing(error, "remove", path);
    } else if (place.path[0] == '\0' || !is_empty(sim, place.self)) {
        status = tide_error_set(error, TIDE_FATAL, "cannot remove %s: not empty", path);
    } else {
        tide_sim_disk_remove_directory(&sim->disk, place.self);
    }
    return finish(sim, status, error);
}

/* The first component of a normal path that is a file, as a size of path; 0: none. */
static size_t blocking_size(struct tide_io_sim *sim, char *path)
{
    size_t size = strlen(path);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            struct tide_sim_place place;
            char kept = path[i];
            path[i] = '\0';
            tide_sim_disk_find(&sim->disk, path, &place);
            path[i] = kept;
            if (place.file != NULL) {
                return i;
            }
        }
    }
    return 0;
}

static enum tide_status sim_make_directory(void *self, const char *path, struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    enum tide_status status = TIDE_OK;
    if (blocking_size(sim, place.path) > 0) {
        status = tide_error_set(error, TIDE_FATAL, "cannot make directory %s: a file", path);
    } else if (place.self == NULL && take_fault(sim, TIDE_IO_SIM_FAULT_NO_SPACE)) {
        status = no_space(error, "make directory");
    } else {
        tide_sim_disk_make_directory(&sim->disk, place.path);
    }
    return finish(sim, status, error);
}

static enum tide_status sim_sync_directory(void *self, const char *path, struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    if (place.self == NULL) {
        enum tide_status status =
            place.file != NULL
                ? tide_error_set(error, TIDE_FATAL, "cannot sync directory %s: a file", path)
                : missing(error, "sync directory", path);
        return finish(sim, status, error);
    }
    bool is_durable = !take_fault(sim, TIDE_IO_SIM_FAULT_SYNC_FAILS);
    tide_sim_disk_settle(&sim->disk, place.self, is_durable);
    return finish(sim, is_durable ? TIDE_OK : device_failed(error), error);
}

struct listing { /* a copy, since visit may change the directory */
    char *name;
    bool is_directory;
};

static void add_listing(struct listing *listing, const char *name, bool is_directory)
{
    size_t size = strlen(name) + 1;
    listing->name = malloc(size);
    tide_assert(listing->name != NULL);
    memcpy(listing->name, name, size);
    listing->is_directory = is_directory;
}

static size_t fill_listings(const struct tide_io_sim *sim,
                            const struct tide_sim_directory *parent,
                            struct listing *listings)
{
    size_t count = 0;
    for (size_t i = 0; i < parent->current.count; i++) {
        add_listing(&listings[count++], parent->current.items[i].text, false);
    }
    for (const struct tide_sim_directory *d = sim->disk.directories; d != NULL; d = d->next) {
        const char *name = tide_sim_child_name(parent, d);
        if (name != NULL) {
            add_listing(&listings[count++], name, true);
        }
    }
    return count;
}

static size_t listing_count_max(const struct tide_io_sim *sim,
                                const struct tide_sim_directory *parent)
{
    size_t count = parent->current.count;
    for (const struct tide_sim_directory *d = sim->disk.directories; d != NULL; d = d->next) {
        count++;
    }
    return count;
}

/* In an order drawn from the seed: nothing may depend on it. */
static enum tide_status sim_list(void *self,
                                 const char *path,
                                 void (*visit)(void *context, const char *name, bool is_directory),
                                 void *context,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    if (place.self == NULL) {
        enum tide_status status =
            place.file != NULL ? tide_error_set(error, TIDE_FATAL, "cannot list %s: a file", path)
                               : missing(error, "list", path);
        return finish(sim, status, error);
    }
    if (sim->is_crashed) {
        return stopped(error);
    }
    struct listing *listings = calloc(listing_count_max(sim, place.self), sizeof(*listings));
    tide_assert(listings != NULL);
    size_t count = fill_listings(sim, place.self, listings);
    for (size_t left = count; left > 0; left--) {
        size_t index = (size_t)tide_sim_disk_below(&sim->disk, left);
        struct listing chosen = listings[index];
        listings[index] = listings[left - 1];
        visit(context, chosen.name, chosen.is_directory);
        free(chosen.name);
    }
    free(listings);
    return TIDE_OK;
}

static enum tide_status sim_stat(void *self,
                                 const char *path,
                                 struct tide_io_facts *facts,
                                 struct tide_error *error)
{
    struct tide_io_sim *sim = self;
    if (!begin(sim)) {
        return stopped(error);
    }
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    if (place.self == NULL && place.file == NULL) {
        return finish(sim, missing(error, "look at", path), error);
    }
    *facts = (struct tide_io_facts){
        .is_directory = place.self != NULL,
        .size = place.file != NULL ? place.file->current.size : 0,
        .modified = TIDE_INSTANT_UNKNOWN,
    };
    return finish(sim, TIDE_OK, error);
}

static void sim_random(void *self, void *buffer, size_t size)
{
    struct tide_io_sim *sim = self;
    uint8_t *bytes = buffer;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(tide_sim_random(&sim->program_state) >> 56);
    }
}

static const struct tide_io_operations sim_operations = {
    .open = sim_open,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .truncate = sim_truncate,
    .size = sim_size,
    .close = sim_close,
    .link = sim_link,
    .rename = sim_rename,
    .remove = sim_remove,
    .make_directory = sim_make_directory,
    .sync_directory = sim_sync_directory,
    .list = sim_list,
    .stat = sim_stat,
    .random = sim_random,
};

struct tide_io_sim *tide_io_sim_create(uint64_t seed)
{
    struct tide_io_sim *sim = calloc(1, sizeof(*sim));
    if (sim != NULL) {
        tide_sim_disk_init(&sim->disk, seed);
        sim->program_state = ~seed;
    }
    return sim;
}

/* Handles die and the fault is disarmed: what a kill and a power cut have in common. */
static void stop(struct tide_io_sim *sim)
{
    for (size_t i = 0; i < HANDLES_MAX; i++) {
        if (sim->handles[i].node != NULL) {
            handle_close(sim, &sim->handles[i]);
        }
    }
    sim->fault = TIDE_IO_SIM_FAULT_NONE;
    sim->is_crashed = false;
}

void tide_io_sim_destroy(struct tide_io_sim *sim)
{
    if (sim != NULL) {
        stop(sim);
        tide_sim_disk_release(&sim->disk);
        free(sim);
    }
}

struct tide_io tide_io_sim_io(struct tide_io_sim *sim)
{
    return (struct tide_io){&sim_operations, sim};
}

void tide_io_sim_arm(struct tide_io_sim *sim,
                     enum tide_io_sim_fault fault,
                     uint64_t operation_count)
{
    tide_assert(operation_count > 0 && operation_count < UINT64_MAX - sim->operation_count);
    sim->fault = fault;
    sim->fault_at = sim->operation_count + operation_count;
}

bool tide_io_sim_crashed(const struct tide_io_sim *sim)
{
    return sim->is_crashed;
}

void tide_io_sim_restart(struct tide_io_sim *sim)
{
    stop(sim);
    tide_sim_disk_crash(&sim->disk);
}

void tide_io_sim_set_capacity(struct tide_io_sim *sim, uint64_t bytes)
{
    sim->capacity = bytes;
}

uint64_t tide_io_sim_operation_count(const struct tide_io_sim *sim)
{
    return sim->operation_count;
}

void tide_io_sim_kill(struct tide_io_sim *sim)
{
    stop(sim);
}

bool tide_io_sim_flip(struct tide_io_sim *sim, const char *path, uint64_t bit)
{
    struct tide_sim_place place;
    tide_sim_disk_find(&sim->disk, path, &place);
    size_t byte = (size_t)(bit / 8);
    uint8_t mask = (uint8_t)(1U << (bit % 8));
    if (place.file == NULL || byte >= place.file->current.size) {
        return false;
    }
    place.file->current.data[byte] ^= mask;
    if (byte < place.file->durable.size) {
        place.file->durable.data[byte] ^= mask;
    }
    return true;
}
