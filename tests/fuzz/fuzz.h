/*
 * fuzz.h - what the fuzz targets share.
 *
 * A fuzz target is one .c file with a function LLVMFuzzerTestOneInput, which gets any bytes and may
 * do anything but crash or break what its checks say. `make fuzz SECONDS=n` links each with clang's
 * libFuzzer, which invents bytes until something breaks; everywhere else main.c feeds it the files
 * of corpus/ and found/, so that what was found once is tested for ever.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#define _GNU_SOURCE      // mkdtemp
#define _DARWIN_C_SOURCE // the same on macOS

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program when something does not hold. */
#define check(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold: ", __FILE__, __LINE__, #condition);          \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* --- a folder for the target's files ---------------------------------------------------------- */

static inline char *fuzz_folder_name(void) {
    static char name[300];
    return name;
}

/* The path of a file in the folder; good until the fourth call after this one. */
static inline const char *fuzz_path(const char *name) {
    static char paths[4][400];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, 400, "%s/%s", fuzz_folder_name(), name);
    return path;
}

static inline void remove_fuzz_folder(void) {
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.json",
                                        "merges.txt"};
    for (size_t i = 0; i < 4; i++)
        unlink(fuzz_path(names[i]));
    rmdir(fuzz_folder_name());
}

/* The folder, which is made with the first call and goes away with the program. */
static inline const char *fuzz_folder(void) {
    if (fuzz_folder_name()[0] == '\0') {
        const char *place = getenv("TMPDIR");
        snprintf(fuzz_folder_name(), 300, "%.200s/gpt2_fuzz_XXXXXX",
                 place != NULL ? place : "/tmp");
        check(mkdtemp(fuzz_folder_name()) != NULL, "no folder in %s", fuzz_folder_name());
        atexit(remove_fuzz_folder);
    }
    return fuzz_folder_name();
}

/* Writes a file in the folder and returns its path. */
static inline const char *fuzz_write(const char *name, const uint8_t *bytes, size_t length) {
    fuzz_folder();
    const char *path = fuzz_path(name);
    FILE *file = fopen(path, "wb");
    check(file != NULL, "cannot create %s", path);
    check(fwrite(bytes, 1, length, file) == length, "cannot write %s", path);
    check(fclose(file) == 0, "cannot write %s", path);
    return path;
}

/* --- what every refusal keeps to --------------------------------------------------------------- */

/* A message is one line that says something, ends in it, and can't move a terminal's cursor. */
static inline void check_message(const struct error *err) {
    size_t length = strlen(err->message);
    check(length > 0 && length < ERROR_SIZE, "%zu bytes", length);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)err->message[i];
        check(byte >= 0x20 && byte != 0x7f, "byte 0x%02x at %zu of a message", byte, i);
    }
}

/* --- taking numbers from the front of an input -------------------------------------------------- */

struct bytes {
    const uint8_t *data;
    size_t size;
};

/* The next n bytes to out; zeros where the input has ended. */
static inline void take(struct bytes *from, void *out, size_t n) {
    size_t have = from->size < n ? from->size : n;
    memset(out, 0, n);
    if (have > 0)
        memcpy(out, from->data, have);
    from->data += have;
    from->size -= have;
}

#endif
