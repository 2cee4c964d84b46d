#include "png.h"

#if defined(HAVE_STB)

#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * stb_image_write ends the program when it gets no memory. So it gets its memory here: where there
 * is none, we jump out of it, and everything it had is freed at once, as when a request's arena is
 * dropped. (One for each thread, because the macros below hand nothing over.)
 */
struct piece {
    struct piece *next;
    max_align_t bytes[]; // what stb uses
};

static _Thread_local struct piece *pieces;
static _Thread_local jmp_buf no_memory;

static void *stb_malloc(size_t size) {
    struct piece *piece = malloc(sizeof *piece + size);
    if (piece == NULL)
        longjmp(no_memory, 1);
    piece->next = pieces;
    pieces = piece;
    return piece->bytes;
}

static void *stb_realloc(void *old, size_t old_size, size_t size) {
    void *memory = stb_malloc(size);
    if (old != NULL)
        memcpy(memory, old, old_size);
    return memory;
}

static void free_pieces(void) {
    while (pieces != NULL) {
        struct piece *next = pieces->next;
        free(pieces);
        pieces = next;
    }
}

#define STBIW_MALLOC(size) stb_malloc(size)
#define STBIW_REALLOC(old, size) NULL // stb has no use for it beside the next one
#define STBIW_REALLOC_SIZED(old, old_size, size) stb_realloc(old, old_size, size)
#define STBIW_FREE(memory) ((void)(memory))

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" // noticed at the end of the file only: no pop
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_WRITE_STATIC // its names stay inside of this file
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO // we write files ourselves
#if defined(__has_include)
#if __has_include(<stb/stb_image_write.h>)
#include <stb/stb_image_write.h>
#else
#include <stb_image_write.h>
#endif
#else
#include <stb/stb_image_write.h>
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* The PNG in memory of its own, *length bytes; NULL without memory. */
static unsigned char *encode(const unsigned char *rgb, int width, int height, int n_channels,
                             size_t *length) {
    if (setjmp(no_memory) != 0)
        return NULL;
    int size = 0;
    unsigned char *png =
        stbi_write_png_to_mem(rgb, width * n_channels, width, height, n_channels, &size);
    unsigned char *bytes = png != NULL ? malloc((size_t)size) : NULL;
    if (bytes != NULL) {
        memcpy(bytes, png, (size_t)size);
        *length = (size_t)size;
    }
    return bytes;
}

unsigned char *png_encode(const unsigned char *rgb, size_t width, size_t height, size_t *length,
                          struct error *err) {
    enum { CHANNELS = 3, MOST = 10000 };
    if (width < 1 || width > MOST || height < 1 || height > MOST) {
        error_set(err, "a PNG of %zu x %zu pixels was asked for, expected 1 to %d each way", width,
                  height, MOST);
        return NULL;
    }
    unsigned char *bytes = encode(rgb, (int)width, (int)height, CHANNELS, length);
    free_pieces();
    if (bytes == NULL)
        error_no_memory(err, "a PNG");
    return bytes;
}

#else

unsigned char *png_encode(const unsigned char *rgb, size_t width, size_t height, size_t *length,
                          struct error *err) {
    (void)rgb, (void)width, (void)height, (void)length;
    error_set(err, "this program was built without stb_image_write, which writes PNG files: "
                   "scripts/setup.sh installs it where the system has a package, then build again");
    return NULL;
}

#endif
