/*
 * canvas.h - a picture in memory: pixels, rectangles, lines, text.
 *
 * (0, 0) is the pixel at the top left; x grows to the right, y downwards. Whatever lies outside of
 * the picture is left out, so nothing that is drawn can fail. A new canvas is white.
 */
#ifndef COMMON_CANVAS_H
#define COMMON_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "color.h"
#include "../error.h"

enum { CANVAS_LARGEST = 4096 }; // pixels each way

struct canvas {
    int width, height;  // pixels, 1 to CANVAS_LARGEST
    unsigned char *rgb; // [height, width, 3]
};

/* How text stands to its x: begins there, has its middle there, ends there. */
enum canvas_align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };

/* NULL with *err filled in when the size is out of range or memory runs out. */
struct canvas *canvas_new(int width, int height, struct error *err);
void canvas_free(struct canvas *canvas);

void canvas_pixel(struct canvas *canvas, int x, int y, struct color color);
struct color canvas_get(const struct canvas *canvas, int x, int y); // inside of the picture only

/* A filled rectangle. A width or height of 0 or less draws nothing. */
void canvas_rectangle(struct canvas *canvas, int x, int y, int width, int height,
                      struct color color);

/* The outline of a rectangle, one pixel thick, inside of it. */
void canvas_frame(struct canvas *canvas, int x, int y, int width, int height, struct color color);

/* Pixels that a text takes: FONT_WIDTH per column (label.h), FONT_HEIGHT high. */
int canvas_text_width(const char *text);

/* Text, NUL-terminated UTF-8, on one line; (x, y) is its top left, top middle or top right. */
void canvas_text(struct canvas *canvas, int x, int y, enum canvas_align align, const char *text,
                 struct color color);

/* The same with strokes twice as thick, for titles. */
void canvas_text_bold(struct canvas *canvas, int x, int y, enum canvas_align align,
                      const char *text, struct color color);

/*
 * Text that reads upwards, as the title of a y axis does. (x, y) is the left edge of the column of
 * pixels that it takes (FONT_HEIGHT wide) and the bottom (ALIGN_LEFT: where the text begins),
 * the middle or the top (ALIGN_RIGHT: where it ends).
 */
void canvas_text_up(struct canvas *canvas, int x, int y, enum canvas_align align, const char *text,
                    struct color color);

/* Copies a whole picture to (x, y) of another one. */
void canvas_paste(struct canvas *canvas, int x, int y, const struct canvas *picture);

/* Writes a PNG file, under its name only when complete. false with *err filled in. */
bool canvas_write_png(const struct canvas *canvas, const char *path, struct error *err);

#endif
