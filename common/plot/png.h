/*
 * png.h - pixels to the bytes of a PNG file, by stb_image_write.
 *
 * stb_image_write is a header that holds its own implementation. It is compiled in png.c alone, so
 * that its warnings stay out of our own files. Without the header (HAVE_STB is then not defined)
 * everything else in the project works, and png_encode says what is missing.
 */
#ifndef COMMON_PNG_H
#define COMMON_PNG_H

#include <stddef.h>

#include "../error.h"

/*
 * rgb: [height, width, 3], width and height from 1 to 10000. Returns the file's bytes, *length of
 * them, which the caller frees; NULL with *err filled in.
 */
unsigned char *png_encode(const unsigned char *rgb, size_t width, size_t height, size_t *length,
                          struct error *err);

#endif
