#include "canvas.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../files.h"
#include "font.h"
#include "label.h"
#include "png.h"

enum { CHANNELS = 3 };

struct canvas *canvas_new(int width, int height, struct error *err) {
    if (width < 1 || width > CANVAS_LARGEST || height < 1 || height > CANVAS_LARGEST) {
        error_set(err, "a picture of %d x %d pixels was asked for, expected 1 to %d each way",
                  width, height, CANVAS_LARGEST);
        return NULL;
    }
    size_t size = (size_t)width * (size_t)height * CHANNELS;
    struct canvas *canvas = malloc(sizeof *canvas);
    unsigned char *rgb = malloc(size);
    if (canvas == NULL || rgb == NULL) {
        error_no_memory(err, "a picture");
        free(canvas);
        free(rgb);
        return NULL;
    }
    memset(rgb, 255, size);
    *canvas = (struct canvas){.width = width, .height = height, .rgb = rgb};
    return canvas;
}

void canvas_free(struct canvas *canvas) {
    if (canvas == NULL)
        return;
    free(canvas->rgb);
    free(canvas);
}

static unsigned char *pixel_at(const struct canvas *canvas, int x, int y) {
    return canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)x) * CHANNELS;
}

void canvas_pixel(struct canvas *canvas, int x, int y, struct color color) {
    if (x < 0 || x >= canvas->width || y < 0 || y >= canvas->height)
        return;
    unsigned char *pixel = pixel_at(canvas, x, y); // [3]
    pixel[0] = color.red;
    pixel[1] = color.green;
    pixel[2] = color.blue;
}

struct color canvas_get(const struct canvas *canvas, int x, int y) {
    const unsigned char *pixel = pixel_at(canvas, x, y); // [3]
    return (struct color){pixel[0], pixel[1], pixel[2]};
}

/* Coordinates of which we take no notice, so that sums of them stay in an int's range. */
static bool is_far_away(const struct canvas *canvas, int x, int y) {
    return x < -CANVAS_LARGEST || x > canvas->width + CANVAS_LARGEST || y < -CANVAS_LARGEST ||
           y > canvas->height + CANVAS_LARGEST;
}

/* Cuts the stretch from *begin to *end down to 0 ... limit. */
static void clip(int64_t *begin, int64_t *end, int limit) {
    if (*begin < 0)
        *begin = 0;
    if (*end > limit)
        *end = limit;
}

void canvas_rectangle(struct canvas *canvas, int x, int y, int width, int height,
                      struct color color) {
    int64_t left = x, right = left + width, top = y, bottom = top + height;
    clip(&left, &right, canvas->width);
    clip(&top, &bottom, canvas->height);
    for (int64_t row = top; row < bottom; row++) {
        for (int64_t column = left; column < right; column++)
            canvas_pixel(canvas, (int)column, (int)row, color);
    }
}

void canvas_frame(struct canvas *canvas, int x, int y, int width, int height, struct color color) {
    if (width <= 0 || height <= 0 || is_far_away(canvas, x, y))
        return;
    canvas_rectangle(canvas, x, y, width, 1, color);
    canvas_rectangle(canvas, x, y + height - 1, width, 1, color);
    canvas_rectangle(canvas, x, y, 1, height, color);
    canvas_rectangle(canvas, x + width - 1, y, 1, height, color);
}

int canvas_text_width(const char *text) {
    size_t columns = label_columns(text);
    return columns > CANVAS_LARGEST ? CANVAS_LARGEST * FONT_WIDTH : (int)columns * FONT_WIDTH;
}

/* Where text begins that is aligned to a place. */
static int text_begin(int place, enum canvas_align align, int width) {
    if (place > 4 * CANVAS_LARGEST || place < -4 * CANVAS_LARGEST)
        return place; // far outside, however it is aligned
    return align == ALIGN_LEFT ? place : align == ALIGN_CENTER ? place - width / 2 : place - width;
}

/*
 * Draws text `direction` by `direction`: along x to the right, or (upwards) along y to the top.
 * Each dot of a glyph is drawn `weight` pixels wide.
 */
static void draw_text(struct canvas *canvas, int x, int y, bool upwards, int weight,
                      const char *text, struct color color) {
    int along = 0; // pixels written so far
    if (is_far_away(canvas, x, y))
        return;
    for (int32_t codepoint; (codepoint = label_next(&text)) != 0;) {
        int columns = (int)label_character_columns(codepoint);
        if (columns == 0)
            continue; // an accent or joiner: the font has none
        size_t glyph = font_glyph(codepoint);
        int stretch = glyph == font_box() ? columns : 1; // a wide character gets a wide box
        for (int row = 0; row < FONT_HEIGHT; row++) {
            for (int dot = 0; dot < FONT_WIDTH * columns; dot++) {
                if (!font_dot(glyph, (size_t)row, (size_t)(dot / stretch)))
                    continue;
                for (int i = 0; i < weight; i++) {
                    int a = along + dot + i;
                    if (upwards)
                        canvas_pixel(canvas, x + row, y - a, color);
                    else
                        canvas_pixel(canvas, x + a, y + row, color);
                }
            }
        }
        along += columns * FONT_WIDTH;
    }
}

void canvas_text(struct canvas *canvas, int x, int y, enum canvas_align align, const char *text,
                 struct color color) {
    draw_text(canvas, text_begin(x, align, canvas_text_width(text)), y, false, 1, text, color);
}

void canvas_text_bold(struct canvas *canvas, int x, int y, enum canvas_align align,
                      const char *text, struct color color) {
    draw_text(canvas, text_begin(x, align, canvas_text_width(text)), y, false, 2, text, color);
}

void canvas_text_up(struct canvas *canvas, int x, int y, enum canvas_align align, const char *text,
                    struct color color) {
    int begin = -text_begin(-y, align, canvas_text_width(text)); // upwards is towards smaller y
    draw_text(canvas, x, begin, true, 1, text, color);
}

void canvas_paste(struct canvas *canvas, int x, int y, const struct canvas *picture) {
    for (int row = 0; row < picture->height; row++) {
        for (int column = 0; column < picture->width; column++)
            canvas_pixel(canvas, x + column, y + row, canvas_get(picture, column, row));
    }
}

bool canvas_write_png(const struct canvas *canvas, const char *path, struct error *err) {
    size_t length;
    unsigned char *bytes =
        png_encode(canvas->rgb, (size_t)canvas->width, (size_t)canvas->height, &length, err);
    if (bytes == NULL)
        return false;
    bool written = file_write(path, bytes, length, err);
    free(bytes);
    return written;
}
