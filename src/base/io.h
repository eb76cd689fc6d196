/* The one door to files, directories and random bytes; the simulator is the other side of it.
 *
 * Paths are '/'-separated. What survives a power cut: a file's bytes after `sync`, a name (created,
 * linked, renamed, removed) after `sync_directory` of its directory. Nothing else may be assumed.
 * Statuses: REJECT: the name does not exist (open, remove, rename, list, stat) or exists already
 * (link, open CREATE); RETRY: no space, too many files, no memory: the same call may succeed later;
 * FATAL: the device failed; after a failed sync nothing may be retried on that file. */
#ifndef TIDE_BASE_IO_H
#define TIDE_BASE_IO_H

#include "base/bytes.h"
#include "base/clock.h"

enum tide_io_mode {
    TIDE_IO_READ,   /* must exist */
    TIDE_IO_WRITE,  /* must exist; read and write */
    TIDE_IO_CREATE, /* must not exist; read and write */
};

/* A handle; all zero is "no file". */
struct tide_file {
    int64_t handle; /* implementation's own, never 0 when open */
};

struct tide_io_facts {
    bool is_directory;
    uint64_t size;                /* of a file */
    struct tide_instant modified; /* UNKNOWN on a disk without a clock (the simulator's) */
};

struct tide_io_operations {
    enum tide_status (*open)(void *self,
                             const char *path,
                             enum tide_io_mode mode,
                             struct tide_file *file,
                             struct tide_error *error);
    /* Reads up to size bytes; *read_size less than size only at the end of the file. */
    enum tide_status (*read)(void *self,
                             struct tide_file file,
                             uint64_t offset,
                             void *buffer,
                             size_t size,
                             size_t *read_size,
                             struct tide_error *error);
    /* Writes all or fails; after a failure any part may have been written. */
    enum tide_status (*write)(void *self,
                              struct tide_file file,
                              uint64_t offset,
                              const void *data,
                              size_t size,
                              struct tide_error *error);
    enum tide_status (*sync)(void *self, struct tide_file file, struct tide_error *error);
    enum tide_status (*truncate)(void *self,
                                 struct tide_file file,
                                 uint64_t size,
                                 struct tide_error *error);
    enum tide_status (*size)(void *self,
                             struct tide_file file,
                             uint64_t *size,
                             struct tide_error *error);
    void (*close)(void *self, struct tide_file *file); /* zeroes it; a zero file is fine */
    /* A second name for a file, atomic: the create-if-absent of the house. */
    enum tide_status (*link)(void *self,
                             const char *from,
                             const char *to,
                             struct tide_error *error);
    enum tide_status (*rename)(void *self,
                               const char *from,
                               const char *to,
                               struct tide_error *error); /* replaces */
    /* A name of a file, or an empty directory. */
    enum tide_status (*remove)(void *self, const char *path, struct tide_error *error);
    /* With parents; those that were made are durable when it returns. An existing one is fine. */
    enum tide_status (*make_directory)(void *self, const char *path, struct tide_error *error);
    enum tide_status (*sync_directory)(void *self, const char *path, struct tide_error *error);
    /* Calls visit for each entry but "." and "..", in no order. */
    enum tide_status (*list)(void *self,
                             const char *path,
                             void (*visit)(void *context, const char *name, bool is_directory),
                             void *context,
                             struct tide_error *error);
    /* Of the file or directory that path leads to. REJECT: nothing is there. */
    enum tide_status (*stat)(void *self,
                             const char *path,
                             struct tide_io_facts *facts,
                             struct tide_error *error);
    void (*random)(void *self, void *buffer, size_t size);
};

struct tide_io {
    const struct tide_io_operations *operations;
    void *self;
};

/* The operating system's. Any thread. */
struct tide_io tide_io_os(void);

/* Locks path (created if need be) for this process's life: REJECT if another process holds it. */
enum tide_status tide_io_os_lock(const char *path,
                                 struct tide_file *file,
                                 struct tide_error *error);

/* The absolute path of what is at path, without links. REJECT: nothing is there. */
enum tide_status tide_io_os_absolute(const char *path,
                                     struct tide_bytes *absolute,
                                     struct tide_error *error);

/* The file system that path lies on. free_bytes: to this process, without what is kept for root.
 * REJECT: nothing is at path. */
struct tide_io_space {
    uint64_t free_bytes;
    uint64_t size_bytes;
};
enum tide_status tide_io_os_space(const char *path,
                                  struct tide_io_space *space,
                                  struct tide_error *error);

/* What this process has used; 0 where the system does not tell. */
struct tide_io_usage {
    uint64_t processor_us; /* user and system */
    uint64_t resident_bytes;
};
struct tide_io_usage tide_io_os_usage(void);

/* Whole small files, on any io. What was in `into` is replaced; size_max and into's own maximum
 * bound what is read (REJECT beyond, and if there is no such file). */
enum tide_status tide_io_read_file(struct tide_io io,
                                   const char *path,
                                   struct tide_bytes *into,
                                   size_t size_max,
                                   struct tide_error *error);
/* Writes path.tmp-<random>, syncs it, links it to path, syncs the directory, removes the temporary
 * name. REJECT: path exists (then nothing changed), and nothing else: a missing directory is FATAL.
 * Durable when it returns OK. */
enum tide_status tide_io_create_file(struct tide_io io,
                                     const char *path,
                                     struct tide_view content,
                                     struct tide_error *error);
/* The same with rename in place of link: path is there afterwards with the new content, or still
 * with the old. A missing directory is FATAL. Durable when it returns OK. */
enum tide_status tide_io_replace_file(struct tide_io io,
                                      const char *path,
                                      struct tide_view content,
                                      struct tide_error *error);

#endif
