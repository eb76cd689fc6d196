/* The disk behind io_sim.h: files, names, what of them is durable, and what a power cut leaves.
 *
 * Inner header of the simulator: only io_sim.c (handles, faults, statuses) and the tests include
 * it. Everything belongs to the disk; what a find returns is valid until the next crash or the
 * last close. Allocation failure is asserted: this is a test instrument. One thread. */
#ifndef TIDE_BASE_IO_SIM_DISK_H
#define TIDE_BASE_IO_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TIDE_SIM_SECTOR_SIZE = 512,
    TIDE_SIM_PATH_SIZE_MAX = 4096
};

struct tide_sim_unsynced;
struct tide_sim_change;

struct tide_sim_content {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

struct tide_sim_file {
    struct tide_sim_file *next;
    struct tide_sim_file *previous;
    struct tide_sim_content current; /* what a reader sees */
    struct tide_sim_content durable; /* what a power cut leaves for sure */
    struct tide_sim_unsynced *first; /* from durable to current, in order */
    struct tide_sim_unsynced *last;
    size_t name_count; /* current names */
    size_t open_count;
    size_t hold_count; /* durable names and pending name changes */
};

struct tide_sim_name {
    char *text;
    struct tide_sim_file *file;
};

struct tide_sim_names {
    struct tide_sim_name *items;
    size_t count;
    size_t capacity;
    bool is_current; /* else durable */
};

struct tide_sim_directory {
    struct tide_sim_directory *next;
    char *path; /* normal: no leading or trailing '/', the root is "" */
    struct tide_sim_names current;
    struct tide_sim_names durable;
    bool is_marked; /* while changes are settled */
};

struct tide_sim_disk {
    uint64_t random_state;
    uint64_t sequence; /* of the last write or name change */
    struct tide_sim_file *files;
    struct tide_sim_directory *directories;
    struct tide_sim_change *first_change; /* pending, in order */
    struct tide_sim_change *last_change;
};

struct tide_sim_place {                /* where a path leads */
    struct tide_sim_directory *parent; /* NULL: no such directory */
    struct tide_sim_directory *self;   /* if the path is a directory */
    struct tide_sim_file *file;        /* if it is a file */
    char path[TIDE_SIM_PATH_SIZE_MAX]; /* normal */
    size_t name_start;                 /* of its last component, in path */
};

void tide_sim_disk_init(struct tide_sim_disk *disk, uint64_t seed);
void tide_sim_disk_release(struct tide_sim_disk *disk);
uint64_t tide_sim_random(uint64_t *state); /* splitmix64 */
uint64_t tide_sim_disk_below(struct tide_sim_disk *disk, uint64_t limit);
void tide_sim_disk_find(struct tide_sim_disk *disk, const char *path, struct tide_sim_place *place);

/* Without a name and not open: open it, or name it, or collect it. */
struct tide_sim_file *tide_sim_disk_create_file(struct tide_sim_disk *disk);
/* Frees a file that no name, pending change or opener leads to; else does nothing. */
void tide_sim_disk_collect(struct tide_sim_disk *disk, struct tide_sim_file *file);
void tide_sim_disk_write(struct tide_sim_disk *disk,
                         struct tide_sim_file *file,
                         size_t offset,
                         const void *data,
                         size_t size);
void tide_sim_disk_truncate(struct tide_sim_disk *disk, struct tide_sim_file *file, size_t size);
/* What is unsynced becomes durable, or (is_durable false: the sync failed) is undone. */
void tide_sim_disk_sync(struct tide_sim_file *file, bool is_durable);

/* A pending name change: `from` stops to be a name, `to` becomes one of file. Either may be NULL,
 * but not both. */
void tide_sim_disk_change(struct tide_sim_disk *disk,
                          const struct tide_sim_place *from,
                          const struct tide_sim_place *to,
                          struct tide_sim_file *file);
/* Ends the pending state of directory's changes: they become durable, or (after a failed sync) are
 * lost for good at the next crash though the living system still shows them. */
void tide_sim_disk_settle(struct tide_sim_disk *disk,
                          struct tide_sim_directory *directory,
                          bool is_durable);
void tide_sim_disk_make_directory(struct tide_sim_disk *disk, const char *normal);
void tide_sim_disk_remove_directory(struct tide_sim_disk *disk,
                                    struct tide_sim_directory *directory); /* asserted empty */
/* The name of child if it lies directly in parent, else NULL. */
const char *tide_sim_child_name(const struct tide_sim_directory *parent,
                                const struct tide_sim_directory *child);
/* The power cut. Nothing may be open. */
void tide_sim_disk_crash(struct tide_sim_disk *disk);

#endif
