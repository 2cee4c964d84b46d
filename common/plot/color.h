/*
 * color.h - which colour stands for which number.
 *
 * Two maps: from light to dark blue for amounts (0 is nothing, 1 is all), and for numbers with a
 * sign from orange (negative) over white to blue (positive). Both get steadily darker away from
 * nothing, so that they survive a black-and-white printer, and orange and blue stay apart for
 * colour-blind readers.
 */
#ifndef COMMON_COLOR_H
#define COMMON_COLOR_H

#include <stddef.h>

struct color {
    unsigned char red, green, blue; // 0 is dark, 255 is bright
};

enum {
    COLOR_STEPS = 64, // the maps are rounded to this many colours: small files, no visible bands
    COLOR_SERIES = 6, // colours that are easy to tell apart
};

/* The colours of everything but the data. */
struct color color_white(void);
struct color color_ink(void);   // text
struct color color_faint(void); // text and lines that should stay in the background
struct color color_grid(void);  // lines behind the data
struct color color_none(void);  // "no number here": masked, infinite, not a number

/* Light to dark blue. t from 0 to 1; what lies outside is moved to the nearer end; NaN: no colour. */
struct color color_sequential(double t);

/* Orange, white, blue. t from -1 to 1, treated in the same way. */
struct color color_diverging(double t);

/* The colour of the i-th line, bar or group; they begin anew after COLOR_SERIES. */
struct color color_series(size_t i);

/* A mix: share 0 gives a, share 1 gives b. */
struct color color_mix(struct color a, struct color b, double share);

/* Black or white text, whichever can be read on this background. */
struct color color_text_on(struct color background);

#endif
