#include "png.h"

#if defined(HAVE_STB)

#include <stdlib.h>

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

unsigned char *png_encode(const unsigned char *rgb, size_t width, size_t height, size_t *length,
                          struct error *err) {
    enum { CHANNELS = 3, MOST = 10000 };
    if (width < 1 || width > MOST || height < 1 || height > MOST) {
        error_set(err, "a PNG of %zu x %zu pixels was asked for, expected 1 to %d each way", width,
                  height, MOST);
        return NULL;
    }
    int stride = (int)width * CHANNELS, size = 0;
    unsigned char *bytes =
        stbi_write_png_to_mem(rgb, stride, (int)width, (int)height, CHANNELS, &size);
    if (bytes == NULL) {
        error_no_memory(err, "a PNG");
        return NULL;
    }
    *length = (size_t)size;
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
