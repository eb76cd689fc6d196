/* The operating system's side of tide_io: POSIX files, looped over interruptions and short
 * transfers, with errors sorted by what the caller can do about them.
 *
 * A handle is the file descriptor plus one. Errors name the path (asked back from the kernel for a
 * handle) and the system's word for what happened. A failed sync is FATAL whatever its errno:
 * the kernel may have dropped the pages, and a second sync would then lie. Nothing is cached. */
#include "base/io.h"

#include "base/assert.h"
#include "base/logline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

enum {
    WORD_SIZE_MAX = 128,
    DESCRIPTOR_PATH_MAX = 48,
    FILE_MODE = 0666,
    DIRECTORY_MODE = 0777
};

static enum tide_status status_of(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EROFS:
    case EACCES:
        return TIDE_RETRY;
    case ENOENT:
    case EEXIST:
        return TIDE_REJECT;
    default:
        return TIDE_FATAL;
    }
}

static enum tide_status fail_as(
    struct tide_error *error, enum tide_status status, int code, const char *verb, const char *path)
{
    char buffer[WORD_SIZE_MAX];
    return tide_error_set(
        error, status, "cannot %s %s: %s", verb, path, strerror_r(code, buffer, sizeof(buffer)));
}

static enum tide_status fail(struct tide_error *error, int code, const char *verb, const char *path)
{
    return fail_as(error, status_of(code), code, verb, path);
}

static int descriptor_of(struct tide_file file)
{
    tide_assert(file.handle > 0 && file.handle <= (int64_t)INT_MAX + 1);
    return (int)(file.handle - 1);
}

/* Only on the way to an error: what the kernel calls this file now. */
static void name_of(int fd, char *path, size_t path_size)
{
    char link[DESCRIPTOR_PATH_MAX];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, path_size - 1);
    if (size < 0) {
        (void)snprintf(path, path_size, "file %d", fd);
        return;
    }
    path[size] = '\0';
}

static enum tide_status fail_file(struct tide_error *error, int code, const char *verb, int fd)
{
    char path[PATH_MAX];
    name_of(fd, path, sizeof(path));
    return fail(error, code, verb, path);
}

static int open_looped(const char *path, int flags)
{
    int fd = -1;
    do {
        fd = open(path, flags | O_CLOEXEC, FILE_MODE);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* On Linux a descriptor is gone even when close fails; what failed is an earlier write. */
static void close_logged(int fd)
{
    char path[PATH_MAX];
    char buffer[WORD_SIZE_MAX];
    name_of(fd, path, sizeof(path));
    if (close(fd) != 0 && errno != EINTR) {
        tide_logline(TIDE_LOGLINE_ERROR,
                     "base",
                     "cannot close %s: %s",
                     path,
                     strerror_r(errno, buffer, sizeof(buffer)));
    }
}

static enum tide_status os_open(void *self,
                                const char *path,
                                enum tide_io_mode mode,
                                struct tide_file *file,
                                struct tide_error *error)
{
    (void)self;
    tide_assert(path != NULL && file != NULL && file->handle == 0);
    int flags = 0;
    switch (mode) {
    case TIDE_IO_READ:
        flags = O_RDONLY;
        break;
    case TIDE_IO_WRITE:
        flags = O_RDWR;
        break;
    case TIDE_IO_CREATE:
        flags = O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    int fd = open_looped(path, flags);
    if (fd < 0) {
        return fail(error, errno, mode == TIDE_IO_CREATE ? "create" : "open", path);
    }
    file->handle = (int64_t)fd + 1;
    return TIDE_OK;
}

static enum tide_status os_read(void *self,
                                struct tide_file file,
                                uint64_t offset,
                                void *buffer,
                                size_t size,
                                size_t *read_size,
                                struct tide_error *error)
{
    (void)self;
    tide_assert(offset <= INT64_MAX && size <= INT64_MAX - offset);
    int fd = descriptor_of(file);
    size_t done = 0;
    *read_size = 0;
    while (done < size) {
        ssize_t part = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (part < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_file(error, errno, "read", fd);
        }
        if (part == 0) {
            break;
        }
        done += (size_t)part;
    }
    tide_assert(done <= size);
    *read_size = done;
    return TIDE_OK;
}

static enum tide_status os_write(void *self,
                                 struct tide_file file,
                                 uint64_t offset,
                                 const void *data,
                                 size_t size,
                                 struct tide_error *error)
{
    (void)self;
    tide_assert(offset <= INT64_MAX && size <= INT64_MAX - offset);
    int fd = descriptor_of(file);
    size_t done = 0;
    while (done < size) {
        ssize_t part = pwrite(fd, (const char *)data + done, size - done, (off_t)(offset + done));
        if (part < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_file(error, errno, "write", fd);
        }
        if (part == 0) { /* not an answer POSIX knows for a size above zero; never spin on it */
            return fail_file(error, EIO, "write", fd);
        }
        done += (size_t)part;
    }
    return TIDE_OK;
}

static enum tide_status os_sync(void *self, struct tide_file file, struct tide_error *error)
{
    (void)self;
    int fd = descriptor_of(file);
    while (fdatasync(fd) != 0) {
        if (errno != EINTR) {
            char path[PATH_MAX];
            int code = errno;
            name_of(fd, path, sizeof(path));
            return fail_as(error, TIDE_FATAL, code, "sync", path);
        }
    }
    return TIDE_OK;
}

static enum tide_status os_truncate(void *self,
                                    struct tide_file file,
                                    uint64_t size,
                                    struct tide_error *error)
{
    (void)self;
    tide_assert(size <= INT64_MAX);
    int fd = descriptor_of(file);
    while (ftruncate(fd, (off_t)size) != 0) {
        if (errno != EINTR) {
            return fail_file(error, errno, "truncate", fd);
        }
    }
    return TIDE_OK;
}

static enum tide_status os_size(void *self,
                                struct tide_file file,
                                uint64_t *size,
                                struct tide_error *error)
{
    (void)self;
    int fd = descriptor_of(file);
    struct stat facts = {0};
    if (fstat(fd, &facts) != 0) {
        return fail_file(error, errno, "measure", fd);
    }
    tide_assert(facts.st_size >= 0);
    *size = (uint64_t)facts.st_size;
    return TIDE_OK;
}

static void os_close(void *self, struct tide_file *file)
{
    (void)self;
    if (file->handle != 0) {
        close_logged(descriptor_of(*file));
        file->handle = 0;
    }
}

static enum tide_status os_link(void *self,
                                const char *from,
                                const char *to,
                                struct tide_error *error)
{
    (void)self;
    return link(from, to) == 0 ? TIDE_OK : fail(error, errno, "link", to);
}

static enum tide_status os_rename(void *self,
                                  const char *from,
                                  const char *to,
                                  struct tide_error *error)
{
    (void)self;
    return rename(from, to) == 0 ? TIDE_OK : fail(error, errno, "rename", from);
}

static enum tide_status os_remove(void *self, const char *path, struct tide_error *error)
{
    (void)self;
    if (unlink(path) == 0 || (errno == EISDIR && rmdir(path) == 0)) {
        return TIDE_OK;
    }
    return fail(error, errno, "remove", path);
}

static enum tide_status os_sync_directory(void *self, const char *path, struct tide_error *error)
{
    (void)self;
    int fd = open_looped(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        return fail(error, errno, "open directory", path);
    }
    enum tide_status status = TIDE_OK;
    while (fsync(fd) != 0) {
        if (errno != EINTR) {
            status = fail_as(error, TIDE_FATAL, errno, "sync directory", path);
            break;
        }
    }
    close_logged(fd);
    return status;
}

/* Cuts path at its last '/' and syncs what is before it. */
static enum tide_status sync_parent(const char *path, struct tide_error *error)
{
    char parent[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t size = slash == path ? 1 : (size_t)(slash - path);
        memcpy(parent, path, size);
        parent[size] = '\0';
    }
    return os_sync_directory(NULL, parent, error);
}

/* One component; *is_made tells whether it was missing. */
static enum tide_status make_one(const char *path, bool *is_made, struct tide_error *error)
{
    *is_made = mkdir(path, DIRECTORY_MODE) == 0;
    if (*is_made) {
        return sync_parent(path, error);
    }
    int code = errno;
    struct stat facts = {0};
    if (stat(path, &facts) == 0) {
        return S_ISDIR(facts.st_mode) ? TIDE_OK
                                      : fail_as(error, TIDE_FATAL, ENOTDIR, "make directory", path);
    }
    return fail(error, code, "make directory", path);
}

/* A killed process may have left the deepest existing directory made but not synced (each level is
 * synced before the next is made, so only that one): its name is synced again here. */
static enum tide_status os_make_directory(void *self, const char *path, struct tide_error *error)
{
    (void)self;
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(part)) {
        return fail_as(error, TIDE_FATAL, ENAMETOOLONG, "make directory", path);
    }
    memcpy(part, path, size + 1);
    while (size > 1 && part[size - 1] == '/') {
        part[--size] = '\0';
    }
    size_t deepest_existing = 0;
    for (size_t i = 1; i <= size; i++) {
        bool is_end = part[i] == '/' || part[i] == '\0';
        if (!is_end || part[i - 1] == '/') {
            continue;
        }
        char kept = part[i];
        bool is_made = false;
        part[i] = '\0';
        enum tide_status status = make_one(part, &is_made, error);
        part[i] = kept;
        if (status != TIDE_OK) {
            return status;
        }
        deepest_existing = is_made ? deepest_existing : i;
    }
    if (deepest_existing > 0) {
        part[deepest_existing] = '\0';
        struct tide_error ignored = {0};
        /* A parent that may not be read was not made by us. */
        if (sync_parent(part, &ignored) == TIDE_FATAL) {
            return tide_error_set(error, TIDE_FATAL, "%s", ignored.text);
        }
    }
    return TIDE_OK;
}

static bool entry_is_directory(DIR *directory, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    struct stat facts = {0};
    return fstatat(dirfd(directory), entry->d_name, &facts, 0) == 0 && S_ISDIR(facts.st_mode);
}

static enum tide_status os_list(void *self,
                                const char *path,
                                void (*visit)(void *context, const char *name, bool is_directory),
                                void *context,
                                struct tide_error *error)
{
    (void)self;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return fail(error, errno, "list", path);
    }
    enum tide_status status = TIDE_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            status = errno == 0 ? TIDE_OK : fail(error, errno, "list", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            visit(context, entry->d_name, entry_is_directory(directory, entry));
        }
    }
    (void)closedir(directory);
    return status;
}

static enum tide_status os_stat(void *self,
                                const char *path,
                                struct tide_io_facts *facts,
                                struct tide_error *error)
{
    (void)self;
    struct stat found = {0};
    if (stat(path, &found) != 0) {
        return fail(error, errno, "look at", path);
    }
    tide_assert(found.st_size >= 0);
    facts->is_directory = S_ISDIR(found.st_mode);
    facts->size = (uint64_t)found.st_size;
    facts->modified.us =
        (int64_t)found.st_mtim.tv_sec * 1000000 + (int64_t)found.st_mtim.tv_nsec / 1000;
    return TIDE_OK;
}

static void os_random(void *self, void *buffer, size_t size)
{
    (void)self;
    size_t done = 0;
    while (done < size) {
        ssize_t part = getrandom((char *)buffer + done, size - done, 0);
        /* With a valid buffer and no flags, only a signal can stop it. */
        tide_assert(part > 0 || (part < 0 && errno == EINTR));
        done += part > 0 ? (size_t)part : 0;
    }
}

static const struct tide_io_operations os_operations = {
    .open = os_open,
    .read = os_read,
    .write = os_write,
    .sync = os_sync,
    .truncate = os_truncate,
    .size = os_size,
    .close = os_close,
    .link = os_link,
    .rename = os_rename,
    .remove = os_remove,
    .make_directory = os_make_directory,
    .sync_directory = os_sync_directory,
    .list = os_list,
    .stat = os_stat,
    .random = os_random,
};

struct tide_io tide_io_os(void)
{
    return (struct tide_io){&os_operations, NULL};
}

/* An open-file-description lock: it belongs to this open, so a second open in the same process is
 * refused too, and no other close in the process can drop it. */
enum tide_status tide_io_os_lock(const char *path, struct tide_file *file, struct tide_error *error)
{
    tide_assert(path != NULL && file != NULL && file->handle == 0);
    int fd = open_looped(path, O_RDWR | O_CREAT);
    if (fd < 0) {
        return fail(error, errno, "open", path);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result = 0;
    do {
        result = fcntl(fd, F_OFD_SETLK, &lock);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        int code = errno;
        close_logged(fd);
        if (code == EAGAIN || code == EACCES) {
            return tide_error_set(error, TIDE_REJECT, "%s is locked by another process", path);
        }
        return fail(error, code, "lock", path);
    }
    file->handle = (int64_t)fd + 1;
    return TIDE_OK;
}

enum tide_status tide_io_os_absolute(const char *path,
                                     struct tide_bytes *absolute,
                                     struct tide_error *error)
{
    char *found = realpath(path, NULL);
    if (found == NULL) {
        return tide_error_set(error, TIDE_REJECT, "%s: %s", path, strerror(errno));
    }
    tide_bytes_append_text(absolute, found);
    free(found);
    return TIDE_OK;
}

enum tide_status tide_io_os_space(const char *path,
                                  struct tide_io_space *space,
                                  struct tide_error *error)
{
    struct statvfs told;
    if (statvfs(path, &told) != 0) {
        return fail(error, errno, "ask for the space of", path);
    }
    space->free_bytes = (uint64_t)told.f_bavail * told.f_frsize;
    space->size_bytes = (uint64_t)told.f_blocks * told.f_frsize;
    return TIDE_OK;
}

/* The second number of /proc/self/statm, in pages. */
static uint64_t resident_bytes(void)
{
    char text[128] = "";
    const int fd = open_looped("/proc/self/statm", O_RDONLY);
    if (fd < 0) {
        return 0;
    }
    const ssize_t size = read(fd, text, sizeof(text) - 1);
    close_logged(fd);
    const char *space = size > 0 ? strchr(text, ' ') : NULL;
    const long page_bytes = sysconf(_SC_PAGESIZE);
    return space == NULL || page_bytes < 0
               ? 0
               : (uint64_t)strtoull(space, NULL, 10) * (uint64_t)page_bytes;
}

static uint64_t us_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

struct tide_io_usage tide_io_os_usage(void)
{
    struct rusage told = {0};
    (void)getrusage(RUSAGE_SELF, &told); /* it cannot fail with these arguments */
    return (struct tide_io_usage){us_of(told.ru_utime) + us_of(told.ru_stime), resident_bytes()};
}
