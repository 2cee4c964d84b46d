#if defined(__linux__)
#define _DEFAULT_SOURCE // madvise
#endif
#define _XOPEN_SOURCE 700    // realpath
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE // madvise
#endif

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one call reads or writes at most: macOS and FreeBSD refuse more than INT_MAX bytes. */
enum { MOST_AT_ONCE = 1 << 24 };

static const char COPY_AGAIN[] = "copy it again, to another disk";

/*
 * Opens a regular file and finds its size. Returns the descriptor, or -1.
 * O_NONBLOCK keeps open() from waiting for the other end of a pipe; it does nothing to files.
 */
static int open_regular(const char *path, uintmax_t *size, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        error_set(err, "%s: cannot open: %s%s", path, strerror(errno),
                  errno == EACCES ? "; make it and its folder readable" : "");
        return -1;
    }
    struct stat status;
    if (fstat(fd, &status) != 0) {
        error_set(err, "%s: cannot read: %s; %s", path, strerror(errno), COPY_AGAIN);
    } else if (!S_ISREG(status.st_mode)) {
        error_set(err, "%s: is a %s, expected a file", path,
                  S_ISDIR(status.st_mode) ? "folder" : "pipe or device");
    } else {
        *size = (uintmax_t)status.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

/* The beginning of what is left to read or write. */
static size_t at_once(size_t left) {
    return left < MOST_AT_ONCE ? left : MOST_AT_ONCE;
}

/* Reads until `size` bytes are there or the file ends; returns how many, or -1 with errno set. */
static ssize_t read_fully(int fd, char *bytes, size_t size) {
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, bytes + have, at_once(size - have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

char *file_read(const char *path, size_t limit, size_t *length, struct error *err) {
    uintmax_t size;
    int fd = open_regular(path, &size, err);
    if (fd < 0)
        return NULL;
    char *bytes = NULL;
    if (size > limit) {
        error_set(err, "%s: has %ju bytes, expected at most %zu: check that it is the right file",
                  path, size, limit);
    } else if ((bytes = malloc((size_t)size + 1)) == NULL) {
        error_no_memory(err, path);
    } else {
        ssize_t n = read_fully(fd, bytes, (size_t)size);
        if (n < 0) {
            error_set(err, "%s: cannot read: %s; %s", path, strerror(errno), COPY_AGAIN);
            free(bytes);
            bytes = NULL;
        } else {
            bytes[n] = '\0';
            *length = (size_t)n;
        }
    }
    close(fd);
    return bytes;
}

bool file_map(const char *path, struct mapped_file *file, struct error *err) {
    uintmax_t size;
    int fd = open_regular(path, &size, err);
    if (fd < 0)
        return false;
    *file = (struct mapped_file){.data = NULL, .length = (size_t)size};
    bool mapped = true;
    if (size != file->length) {
        mapped = error_set(err,
                           "%s: has %ju bytes, more than this 32-bit program can address: build "
                           "it on a 64-bit system",
                           path, size);
    } else if (size > 0) { // an empty mapping is an error to mmap, and no problem to us
        void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        mapped = data != MAP_FAILED;
        if (mapped)
            file->data = data;
        else
            error_set(err,
                      "%s: cannot map %zu bytes into memory: %s; close other programs, or use a "
                      "smaller model",
                      path, (size_t)size, strerror(errno));
    }
    close(fd);
    return mapped;
}

void file_unmap(struct mapped_file *file) {
    if (file->data != NULL)
        munmap((void *)(uintptr_t)file->data, file->length);
    *file = (struct mapped_file){NULL, 0};
}

void file_release(const struct mapped_file *file, size_t offset, size_t length) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t begin = (offset + page - 1) / page * page; // whole pages only: neighbours share the rest
    size_t end = (offset + length) / page * page;
    if (begin < end)
        (void)madvise((void *)(uintptr_t)(file->data + begin), end - begin, MADV_DONTNEED);
}

/* --- writing: signals ------------------------------------------------------------------------- */

/* What ends a program from outside: Ctrl-C, kill, a terminal that is closed. */
static const int endings[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_ENDINGS = sizeof endings / sizeof endings[0] };

/*
 * Lets these signals wait, so that none of them ends the program while a temporary file is there.
 * Those that the program ignores are left alone: they must not end the writing either.
 *   held    written: those that wait
 *   before  written: the thread's mask of signals, to be set again
 */
static void hold_endings(sigset_t *held, sigset_t *before) {
    sigemptyset(held);
    for (size_t i = 0; i < N_ENDINGS; i++) {
        struct sigaction action;
        if (sigaction(endings[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(held, endings[i]);
    }
    pthread_sigmask(SIG_BLOCK, held, before);
}

/* Whether one of those that wait has come. held: NULL when none do */
static bool ending_has_come(const sigset_t *held) {
    sigset_t pending;
    if (held == NULL || sigpending(&pending) != 0)
        return false;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        if (sigismember(held, endings[i]) == 1 && sigismember(&pending, endings[i]) == 1)
            return true;
    }
    return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* false with errno set: EINTR when a signal that is held has come. */
static bool write_fully(int fd, const char *bytes, size_t length, const sigset_t *held) {
    size_t written = 0;
    while (written < length) {
        if (ending_has_come(held)) {
            errno = EINTR;
            return false;
        }
        ssize_t n = write(fd, bytes + written, at_once(length - written));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        written += (size_t)n;
    }
    return true;
}

static bool write_parts(int fd, const struct file_part *parts, size_t n, const sigset_t *held) {
    for (size_t i = 0; i < n; i++) {
        if (!write_fully(fd, parts[i].data, parts[i].length, held))
            return false;
    }
    return true;
}

static size_t total_length(const struct file_part *parts, size_t n) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += parts[i].length;
    return length;
}

/* Writes to a path that is no regular file: a pipe or a device can't be replaced by a rename. */
static bool write_directly(const char *path, const struct file_part *parts, size_t n,
                           struct error *err) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "%s: cannot open for writing: %s; %s", path, strerror(errno),
                         file_mend(errno));
    bool written = write_parts(fd, parts, n, NULL);
    int reason = errno;
    close(fd);
    return written || error_set(err, "%s: cannot write %zu bytes: %s; %s", path,
                                total_length(parts, n), strerror(reason), file_mend(reason));
}

enum { NUMBER_MOST = 9999, ENDING_SIZE = sizeof ".part9999" };

/*
 * Creates a file beside `path`: path.part1, or the next number that is free. O_EXCL takes no file
 * that is there, be it another program's or left by one that was killed.
 *   mode  of the new file, from which the system takes what the umask forbids
 *   name  [strlen(path) + ENDING_SIZE]  written
 * Returns the descriptor, or -1 with errno set.
 */
static int create_beside(const char *path, mode_t mode, char *name) {
    int fd = -1;
    for (int number = 1; number <= NUMBER_MOST; number++) {
        snprintf(name, strlen(path) + ENDING_SIZE, "%s.part%d", path, number);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

/* Writes to a new file and closes it. false with errno set. */
static bool fill_and_close(int fd, const struct file_part *parts, size_t n, const sigset_t *held) {
    bool written = write_parts(fd, parts, n, held);
    int reason = errno;
    bool closed = close(fd) == 0; // some systems write only now
    if (!written)
        errno = reason;
    return written && closed;
}

/*
 * Writes a temporary file in the same folder (a rename does not cross file systems), renames it.
 * old: the file that it replaces, and whose mode it takes; NULL when there is none
 */
static bool write_and_rename(const char *path, const struct stat *old,
                             const struct file_part *parts, size_t n, struct error *err) {
    char *temporary = malloc(strlen(path) + ENDING_SIZE);
    if (temporary == NULL)
        return error_no_memory(err, path);
    sigset_t held, before;
    hold_endings(&held, &before);
    mode_t mode = old != NULL ? old->st_mode & 0777 : 0666;
    int fd = create_beside(path, mode, temporary);
    if (fd >= 0 && old != NULL)
        (void)fchmod(fd, mode); // without it, fewer may use the file than before, never more
    bool written = fd >= 0 && fill_and_close(fd, parts, n, &held) && rename(temporary, path) == 0;
    int reason = errno;
    if (fd < 0) {
        error_set(err, "%s: cannot create: %s; %s", path, strerror(reason), file_mend(reason));
    } else if (!written) {
        unlink(temporary);
        error_set(err, "%s: cannot write %zu bytes: %s; %s", path, total_length(parts, n),
                  strerror(reason), file_mend(reason));
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL); // a signal that has come arrives here
    free(temporary);
    return written;
}

/* Behind a symbolic link the file itself is what gets replaced, not the link. */
static bool replace(const char *path, const struct stat *old, const struct file_part *parts,
                    size_t n, struct error *err) {
    // A rename asks only whether the folder may be written.
    if (access(path, W_OK) != 0)
        return error_set(err,
                         "%s: is there, and cannot be written: %s; make it writable, or name "
                         "another file",
                         path, strerror(errno));
    char *target = realpath(path, NULL);
    if (target == NULL)
        return error_set(err, "%s: cannot follow its links: %s; %s", path, strerror(errno),
                         file_mend(errno));
    bool written = write_and_rename(target, old, parts, n, err);
    free(target);
    return written;
}

bool file_write_parts(const char *path, const struct file_part *parts, size_t n,
                      struct error *err) {
    struct stat status;
    if (lstat(path, &status) != 0)
        return write_and_rename(path, NULL, parts, n, err);
    if (stat(path, &status) != 0)
        return error_set(err,
                         "%s: is a link that leads to no file: %s; remove it, or name the file "
                         "itself",
                         path, strerror(errno));
    return S_ISREG(status.st_mode) ? replace(path, &status, parts, n, err)
                                   : write_directly(path, parts, n, err);
}

bool file_write(const char *path, const void *data, size_t length, struct error *err) {
    struct file_part part = {data, length};
    return file_write_parts(path, &part, 1, err);
}

bool folder_make(const char *path, struct error *err) {
    if (path[0] == '\0')
        return error_set(err, "found \"\", expected the name of a folder");
    char *folder = path_join(path, "");
    if (folder == NULL)
        return error_no_memory(err, path);
    bool made = true;
    int reason = 0;
    for (char *slash = strchr(folder + 1, '/'); slash != NULL && made;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        struct stat status;
        made = mkdir(folder, 0777) == 0;
        reason = errno;
        if (!made && reason == EEXIST)
            made = stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
        *slash = '/';
    }
    free(folder);
    return made || error_set(err, "%s: cannot make the folder: %s; %s", path, strerror(reason),
                             file_mend(reason));
}

const char *file_mend(int reason) {
    switch (reason) {
    case ENOSPC:
    case EDQUOT:
        return "make room on the disk";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a folder where you may write";
    case ENOENT:
    case ENOTDIR:
        return "check the name of its folder";
    case EISDIR:
        return "name a file, not a folder";
    case EINTR:
        return "start again";
    case ENOMEM:
        return "close other programs";
    case EBADF:
        return "it is closed: start the program with it open";
    default:
        return "choose another place";
    }
}

bool file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

char *path_join(const char *folder, const char *name) {
    size_t folder_length = strlen(folder);
    bool slash = folder_length > 0 && folder[folder_length - 1] != '/';
    char *path = malloc(folder_length + strlen(name) + 2);
    if (path != NULL) {
        strcpy(path, folder);
        if (slash)
            strcat(path, "/");
        strcat(path, name);
    }
    return path;
}
