/*
 * preload.c - makes the system fail on purpose. LD_PRELOAD puts it between a program and the C
 * library (Linux only); the environment says what fails:
 *
 *     FAULT_ALLOC=N      the N-th allocation since main began, counted from 1
 *     FAULT_ALLOC_ON=1   and all after it
 *     FAULT_COUNT=FILE   writes the number of allocations to FILE at the end
 *     FAULT_READ=short   read() gives 1 to 7 bytes      =eintr  every other one fails with EINTR
 *     FAULT_WRITE=short  write() takes 1 to 7 bytes     =eintr  every other one fails with EINTR
 *     FAULT_WRITE=N      after N bytes, write() finds the disk full
 *     FAULT_MOST=N       read() and write() refuse more than N bytes, as macOS does beyond INT_MAX
 *     FAULT_KILL=N       after N bytes of write(), the process is killed (SIGKILL)
 *     FAULT_SIGNAL=S     or gets this signal, by its number, and writes on if that does not end it
 *     FAULT_MMAP=1       no file can be mapped
 *     FAULT_CUT=FILE     FILE loses half its bytes as soon as a file is mapped
 *     FAULT_THREADS=1    no thread can be started
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_bool ready; // since main began
static bool failing_on;
static unsigned long fail_at; // 0: no allocation
static atomic_ulong n_allocations, n_reads, n_writes, n_written;

/* The C library's own function. memcpy, because C has no cast from data to functions. */
#define FIND(pointer, name)                                                                        \
    do {                                                                                           \
        if ((pointer) == NULL) {                                                                   \
            void *found_ = dlsym(RTLD_NEXT, name);                                                 \
            memcpy(&(pointer), &found_, sizeof found_);                                            \
        }                                                                                          \
    } while (0)

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

__attribute__((constructor)) static void begin(void) {
    fail_at = strtoul(setting("FAULT_ALLOC"), NULL, 10);
    failing_on = setting("FAULT_ALLOC_ON")[0] == '1';
    ready = true;
}

__attribute__((destructor)) static void end(void) {
    const char *path = setting("FAULT_COUNT");
    ready = false;
    int fd = path[0] != '\0' ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd >= 0) {
        dprintf(fd, "%lu\n", n_allocations);
        close(fd);
    }
}

/* --- memory ----------------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool no_memory(void) {
    if (!ready)
        return false;
    unsigned long n = ++n_allocations;
    bool fails = fail_at != 0 && (failing_on ? n >= fail_at : n == fail_at);
    if (fails)
        errno = ENOMEM;
    return fails;
}

void *malloc(size_t size) {
    return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return no_memory() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
    return no_memory() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return no_memory() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = no_memory() ? NULL : __libc_memalign(alignment, size);
    return *memory != NULL ? 0 : ENOMEM;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Cuts a size to 1 to 7 bytes or interrupts, as `how` says. false: interrupted. */
static bool disturb(const char *how, atomic_ulong *n, size_t *size) {
    unsigned long call = ++*n;
    if (strcmp(how, "eintr") == 0 && call % 2 == 1) {
        errno = EINTR;
        return false;
    }
    if (strcmp(how, "short") == 0 && *size > 1 + call % 7)
        *size = 1 + call % 7;
    return true;
}

/* Whether a call asks for more bytes than there may be. */
static bool too_many(size_t size) {
    const char *most = setting("FAULT_MOST");
    bool refused = most[0] != '\0' && size > strtoul(most, NULL, 10);
    if (refused)
        errno = EINVAL;
    return refused;
}

ssize_t read(int fd, void *bytes, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    FIND(real, "read");
    if (too_many(size))
        return -1;
    return disturb(setting("FAULT_READ"), &n_reads, &size) ? real(fd, bytes, size) : -1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    const char *how = setting("FAULT_WRITE"), *kill_at = setting("FAULT_KILL");
    bool kills = kill_at[0] != '\0', fills = how[0] >= '0' && how[0] <= '9';
    FIND(real, "write");
    if (too_many(size))
        return -1;
    if ((kills || fills) && fd > STDERR_FILENO) {
        unsigned long most = strtoul(kills ? kill_at : how, NULL, 10), done = n_written;
        if (done >= most && kills) {
            int number = atoi(setting("FAULT_SIGNAL"));
            kill(getpid(), number != 0 ? number : SIGKILL);
        } else if (done >= most) {
            errno = ENOSPC;
            return -1;
        } else if (size > most - done) {
            size = most - done;
        }
        n_written += size;
    }
    return disturb(how, &n_writes, &size) ? real(fd, bytes, size) : -1;
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off64_t);
    if (fd >= 0 && setting("FAULT_MMAP")[0] == '1') {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    FIND(real, "mmap64");
    void *mapped = real(address, length, protection, flags, fd, offset);
    const char *cut = setting("FAULT_CUT");
    struct stat status;
    if (fd >= 0 && cut[0] != '\0' && stat(cut, &status) == 0)
        (void)!truncate(cut, status.st_size / 2);
    return mapped;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    return mmap64(address, length, protection, flags, fd, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (setting("FAULT_THREADS")[0] == '1')
        return EAGAIN;
    FIND(real, "pthread_create");
    return real(thread, attributes, start, argument);
}
