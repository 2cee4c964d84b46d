/*
 * support.h - what the unit tests share.
 *
 * A unit test program is one .c file: some TESTs, whose names are sentences that say what holds,
 * and a main that lists them. cmocka runs them and prints a line each. Include this file first.
 */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#define _GNU_SOURCE          // mkdtemp, nftw
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB
#define _DARWIN_C_SOURCE     // the same on macOS

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../common/error.h"
#include "../../common/random.h"

/* Begins a test, as in TEST(a_folder_is_no_file) { ... } */
#define TEST(name) static void name(void **state __attribute__((unused)))

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- assertions that cmocka lacks ----------------------------------------------------------- */

/* |found - expected| <= tolerance; NaN is close to nothing. */
#define assert_close(found, expected, tolerance)                                                   \
    do {                                                                                           \
        double found_ = (double)(found), expected_ = (double)(expected);                           \
        if (!(fabs(found_ - expected_) <= (double)(tolerance)))                                    \
            fail_msg("%s is %.9g, expected %.9g", #found, found_, expected_);                      \
    } while (0)

/* Bit for bit, so that NaN and the two zeros count as well. */
#define assert_same_floats(found, expected, n)                                                     \
    assert_memory_equal((found), (expected), (n) * sizeof(float))

/* The first of the texts (the last is NULL) that the message lacks, or NULL. */
static inline const char *first_missing(const char *message, const char *const *texts) {
    for (; *texts != NULL; texts++) {
        if (strstr(message, *texts) == NULL)
            return *texts;
    }
    return NULL;
}

/* The error's message contains all these texts. */
#define assert_message(err, ...)                                                                   \
    do {                                                                                           \
        const char *missing_ =                                                                     \
            first_missing((err)->message, (const char *const[]){__VA_ARGS__, NULL});               \
        if (missing_ != NULL)                                                                      \
            fail_msg("the message \"%s\" lacks \"%s\"", (err)->message, missing_);                 \
    } while (0)

/* The call succeeds; otherwise its message is shown. */
#define assert_done(call, err)                                                                     \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, (err)->message);                                             \
    } while (0)

/* --- a folder of its own for each program --------------------------------------------------- */

static inline char *test_folder(void) {
    static char folder[300];
    return folder;
}

/* The group's set-up: makes the folder. */
static inline int open_test_folder(void **state) {
    (void)state;
    const char *place = getenv("TMPDIR");
    snprintf(test_folder(), 300, "%.200s/gpt2_unit_XXXXXX", place != NULL ? place : "/tmp");
    return mkdtemp(test_folder()) == NULL;
}

static inline int remove_one(const char *path, const struct stat *status, int type,
                             struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

/* The group's tear-down: removes the folder and all in it. */
static inline int close_test_folder(void **state) {
    (void)state;
    return nftw(test_folder(), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in the folder; good until the eighth call after this one. */
static inline const char *path_of(const char *name) {
    static char paths[8][600];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, 600, "%s/%s", test_folder(), name);
    return path;
}

/* --- files ---------------------------------------------------------------------------------- */

static inline void write_bytes(const char *path, const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text) {
    write_bytes(path, text, strlen(text));
}

/* The file's bytes and a NUL after them; the caller frees them. */
static inline char *read_bytes(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    *length = fread(bytes, 1, (size_t)size, file);
    assert_int_equal(*length, size);
    bytes[*length] = '\0';
    fclose(file);
    return bytes;
}

/* A safetensors file: the header's length, the header, the data. */
static inline void write_safetensors_with_length(const char *path, uint64_t header_length,
                                                 const char *header, size_t header_bytes,
                                                 const void *data, size_t data_length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(header_length >> (8 * i) & 0xff), file);
    fwrite(header, 1, header_bytes, file);
    fwrite(data, 1, data_length, file);
    assert_int_equal(fclose(file), 0);
}

static inline void write_safetensors(const char *path, const char *header, const void *data,
                                     size_t data_length) {
    size_t length = strlen(header);
    write_safetensors_with_length(path, length, header, length, data, data_length);
}

/* --- random models -------------------------------------------------------------------------- */

/* Where the test program stands; set it in main with argv[0] before using random models. */
static inline const char *program_path(const char *set) {
    static const char *path;
    if (set != NULL)
        path = set;
    return path;
}

/* The program random_model, which is built into the same folder as the test programs. */
static inline void random_model_path(char path[600]) {
    const char *program = program_path(NULL);
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;
    const char *build = getenv("BUILD");
    if (slash != NULL)
        snprintf(path, 600, "%.*s/random_model", (int)(slash - program), program);
    else
        snprintf(path, 600, "%.500s/tests/random_model", build != NULL ? build : "build");
}

/*
 * Makes a model with seeded random weights in the test folder. arguments: those of random_model,
 * with single spaces between. Returns the model's folder, as path_of does.
 */
static inline const char *make_model(const char *name, const char *arguments) {
    char program[600], text[400];
    char *words[40] = {program, NULL};
    size_t n = 1;
    const char *folder = path_of(name);
    random_model_path(program);
    words[n++] = (char *)(uintptr_t)folder;
    snprintf(text, sizeof text, "%s", arguments);
    for (char *word = strtok(text, " "); word != NULL && n < 39; word = strtok(NULL, " "))
        words[n++] = word;
    words[n] = NULL;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execv(program, words);
        _exit(127);
    }
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s %s ended with status %d", program, arguments, status);
    return folder;
}

/* --- random input --------------------------------------------------------------------------- */

/* A whole number from 0 to n - 1. */
static inline size_t random_below(struct random_source *random, size_t n) {
    return (size_t)(random_bits(random) % n);
}

/* Numbers from -1 to 1. out: [n] */
static inline void random_floats(struct random_source *random, float *out, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(2.0 * random_uniform(random) - 1.0);
}

#endif
