/*
 * font.h - a small bitmap font: which dots make a character.
 *
 * Every character is drawn in a cell of 8 x 14 dots: capitals stand on row 10 and are 10 rows high,
 * the last three rows are for the tails of g, p and y, and the last column is free, so that
 * neighbours don't touch. font.c holds the drawings themselves, as pictures that can be read and
 * changed in any editor.
 */
#ifndef COMMON_FONT_H
#define COMMON_FONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FONT_WIDTH = 8,     // dots, the free column included
    FONT_HEIGHT = 14,   // dots
    FONT_BASELINE = 10, // the row on which letters stand
};

/*
 * Where the drawing of a character is found: a number for font_dot. All of ASCII from ' ' to '~' is
 * there, and some signs that labels need; typographic quotes and dashes get the plain ones.
 * Whatever else is asked for gets font_box().
 */
size_t font_glyph(int32_t codepoint);

/* The glyph of an empty box, which stands for every character that the font lacks. */
size_t font_box(void);

/* Whether a glyph has a dot there. false outside of the cell. */
bool font_dot(size_t glyph, size_t row, size_t column);

#endif
