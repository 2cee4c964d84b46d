/*
 * plot_legend.h - what the charts of plot.h share: a title, a row of named colours, dashed lines.
 */
#ifndef COMMON_PLOT_LEGEND_H
#define COMMON_PLOT_LEGEND_H

#include <stddef.h>

#include "canvas.h"

enum { PLOT_TITLE_HEIGHT = 26 }; // pixels that the title's line takes

/* One entry: a box of a colour, or a piece of the line in that colour, and its name. */
struct legend_entry {
    const char *name;
    struct color color;
    bool is_line;
    size_t dash; // the pattern of the line: 0 is solid
};

/*
 * Draws the entries side by side, in as many lines as they need. entries: [n]. Returns the height
 * that they take. With a NULL canvas nothing is drawn and the height is told.
 */
int plot_legend(struct canvas *canvas, const struct legend_entry *entries, size_t n, int x, int y,
                int width);

/*
 * Draws a part of a line, two pixels thick, in a dash pattern (0 is solid; they begin anew after a
 * few). *walked is how far the line has come before; it begins with 0 and is kept up.
 */
void plot_stroke(struct canvas *canvas, int x0, int y0, int x1, int y1, size_t dash, int *walked,
                 struct color color);

/* The chart's title at the top left, shortened to the picture; NULL draws nothing. */
void plot_title(struct canvas *canvas, const char *title);

/* A width at which the title fits as well, unless it is very long. */
int plot_width_for_title(int width, const char *title);

#endif
