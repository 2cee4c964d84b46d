/*
 * files.h - whole files in, whole files out.
 *
 * Reading takes regular files only: a folder, a pipe or a device under a model's file name is an
 * error and not a program that hangs. Writing goes to a temporary name that is renamed when all
 * bytes are on it, so that a full disk never leaves half a file or harms the one that was there.
 * Ctrl-C and the like wait until that name is gone, unless another thread takes them. Only kill -9
 * or a crash leaves one, path.part1 or another number; it is in nobody's way.
 */
#ifndef COMMON_FILES_H
#define COMMON_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct mapped_file {
    const unsigned char *data; // [length]; not aligned to anything you can rely on inside
    size_t length;
};

/*
 * Reads a file of at most `limit` bytes (less than SIZE_MAX). Returns its bytes followed by a NUL
 * that *length does not count, or NULL with *err filled in. The caller frees them.
 */
char *file_read(const char *path, size_t limit, size_t *length, struct error *err);

/*
 * Makes a file readable as memory: nothing is read until it is touched, and the pages are shared
 * with the system's file cache. false with *err filled in. file_unmap ends it.
 */
bool file_map(const char *path, struct mapped_file *file, struct error *err);
void file_unmap(struct mapped_file *file);

/* Tells the system that these bytes were used for the last time: it may take their memory back.
 * They stay readable, from the disk. */
void file_release(const struct mapped_file *file, size_t offset, size_t length);

/*
 * Writes a whole file, under its name only when complete. A file that is there must be writable,
 * and its mode is kept; a link to it stays, and must not lead to nothing. A path that is there and
 * is no regular file (a pipe, /dev/stdout) is written to directly. false with *err filled in.
 */
bool file_write(const char *path, const void *data, size_t length, struct error *err);

/* A piece of a file that is to be written. */
struct file_part {
    const void *data; // [length]
    size_t length;
};

/* The same for a file in several pieces, one after the other. parts: [n].
 * false with *err filled in. */
bool file_write_parts(const char *path, const struct file_part *parts, size_t n, struct error *err);

/* Makes each folder of a path in turn, where it is not there: out, then out/step4. false with *err
 * filled in, also for an empty path; folders that were made before stay. */
bool folder_make(const char *path, struct error *err);

/* Whether there is something under this name: a file, a folder or anything else, but no link to
 * nothing. false, too, when the system does not let us look. */
bool file_exists(const char *path);

/* What to do when the system could not write, by the errno of that: "make room on the disk". */
const char *file_mend(int reason);

/* "folder/name" in new memory, which the caller frees; NULL without memory. */
char *path_join(const char *folder, const char *name);

#endif
