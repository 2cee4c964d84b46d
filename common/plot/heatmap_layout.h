/*
 * heatmap_layout.h - the parts of which plot.h's heatmaps are made: cells, labels, legend.
 *
 * Only plot_heatmap.c includes it: how large the cells are and how much room the labels take is
 * decided here, where they stand on the picture there.
 */
#ifndef COMMON_HEATMAP_LAYOUT_H
#define COMMON_HEATMAP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "canvas.h"
#include "chart.h"

/* Everything in pixels, except the steps: every row_step-th row has a label. */
struct heatmap_layout {
    int cell_width, cell_height;
    int gap;                      // free pixels between cells, part of the cell's size
    int width, height;            // of all cells
    int row_labels;               // width of the column of row labels
    int column_labels;            // height of the row of column labels
    bool upwards;                 // column labels read upwards
    size_t row_step, column_step; // 1 or more
};

/*
 * Finds the sizes for cells that together take about target_width x target_height; maps of as many
 * rows as columns get square cells. labels: whether rows and columns have any.
 */
struct heatmap_layout heatmap_layout(const struct heatmap *map, int target_width, int target_height,
                                     bool labels);

/* The cells, with their numbers when the map asks for them and they fit. (x, y): top left. */
void heatmap_draw_cells(struct canvas *canvas, const struct heatmap *map,
                        const struct heatmap_layout *layout, int x, int y, double low, double high);

/* The labels left of and below cells whose top left is (x, y). */
void heatmap_draw_row_labels(struct canvas *canvas, const struct heatmap *map,
                             const struct heatmap_layout *layout, int x, int y);
void heatmap_draw_column_labels(struct canvas *canvas, const struct heatmap *map,
                                const struct heatmap_layout *layout, int x, int y);

/* The pixels that the legend of these maps, n of them, takes in width. */
int heatmap_legend_width(const struct heatmap *maps, size_t n, double low, double high);

/*
 * The legend: a bar of colours with numbers, and a grey square when some values are no numbers.
 * (x, y) is its top left, height what there is room for.
 */
void heatmap_draw_legend(struct canvas *canvas, const struct heatmap *maps, size_t n, int x, int y,
                         int height, double low, double high);

enum {
    HEATMAP_LEGEND_LOWEST = 150,    // pixels that a legend needs in height
    HEATMAP_MOST_VALUE_COLUMNS = 24 // wider maps don't write numbers into cells
};

#endif
