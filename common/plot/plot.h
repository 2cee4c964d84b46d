/*
 * plot.h - charts (chart.h) as pictures.
 *
 * Each function returns a new picture, which the caller frees with canvas_free, or hands to
 * plot_save, which writes it to a PNG file and frees it:
 *
 *     plot_save(plot_heatmap(&map, err), "out/step4/head_0.png", err)
 *
 * They return NULL with *err filled in when the chart is empty or too large to draw, or when memory
 * runs out. The same chart always gives the same picture. Long labels are shortened with '…', and
 * where there are too many of them, every second, fifth, ... is written. A heatmap's file grows with
 * the number of cells that differ: 12 heads of 12 x 12 take about 40 KB, 128 x 128 noisy cells 50 KB.
 */
#ifndef COMMON_PLOT_H
#define COMMON_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "canvas.h"
#include "chart.h"
#include "../error.h"

/* A heatmap with labels at the left and below, and a legend with numbers at the right. */
struct canvas *plot_heatmap(const struct heatmap *map, struct error *err);

/*
 * Several heatmaps of the same size side by side, on one scale, with one legend: the heads of a
 * layer. maps: [n], 1 to PLOT_MOST_MAPS. Each map's title stands above it. The scale, the titles of
 * the axes and of the legend, and the labels are those of the first map; labels that are NULL are
 * left out, and numbers never written into cells.
 */
struct canvas *plot_heatmaps(const char *title, const struct heatmap *maps, size_t n,
                             struct error *err);

/* Horizontal bars with a label before and a value behind each. */
struct canvas *plot_bars(const struct bar_chart *chart, struct error *err);

/* Lines with axes, numbers at them, and a legend when there are several. Lines of few points show
 * the points; longer ones differ in their dashes too. */
struct canvas *plot_lines(const struct line_chart *chart, struct error *err);

/* Where a whole goes: tiles in proportion, and a legend with the share of each group. */
struct canvas *plot_treemap(const struct treemap *map, struct error *err);

/*
 * Several pictures on one, `per_row` in each row. pictures: [n], n and per_row 1 or more. Takes the
 * pictures over: they are freed, also when this fails. When one of them is NULL because making it
 * has failed, the result is NULL and *err stays as it is.
 */
struct canvas *plot_together(const char *title, struct canvas **pictures, size_t n, size_t per_row,
                             struct error *err);

/*
 * Writes a picture to a PNG file and frees it. The folder must be there. A NULL picture, because
 * making it has failed, is not written: false, and *err stays as it is.
 */
bool plot_save(struct canvas *picture, const char *path, struct error *err);

enum {
    PLOT_MARGIN = 16,        // pixels around a chart
    PLOT_LABEL_COLUMNS = 18, // longer labels are shortened to this
    PLOT_MOST_MAPS = 48,
};

#endif
