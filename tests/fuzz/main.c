/*
 * main.c - feeds files to a fuzz target, one test each, where there is no libFuzzer.
 *
 *     fuzz_config FILE...
 */
#include "fuzz.h"

/* The address sanitizer ends a program that asks for too much memory, unless it is told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static uint8_t *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    check(file != NULL, "cannot open %s", path);
    check(fseek(file, 0, SEEK_END) == 0, "%s", path);
    long length = ftell(file);
    check(length >= 0, "%s", path);
    rewind(file);
    // Exactly as long as the file: a sanitizer sees a read beyond it.
    uint8_t *bytes = malloc(length > 0 ? (size_t)length : 1);
    check(bytes != NULL, "no memory for %s", path);
    *size = fread(bytes, 1, (size_t)length, file);
    check(*size == (size_t)length, "cannot read %s", path);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc < 2)
        printf("not ok 1 - no file was given\n");
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *bytes = read_whole(argv[i], &size);
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        printf("ok %d - %s\n", i, argv[i]);
        fflush(stdout);
    }
    printf("1..%d\n", argc - 1);
    return argc < 2;
}
