/*
 * term_plot.h - charts (chart.h) and tables in a terminal of 80 columns.
 *
 * Unlike the rest of common/ these functions print: to the FILE of the terminal that they are
 * given. Where there is not enough room, rows and columns in the middle are left out and "..."
 * stands for them, and long labels are shortened with '…'.
 *
 *     struct term term = term_for(stdout);
 *     term_heatmap(&term, &map);
 */
#ifndef COMMON_TERM_PLOT_H
#define COMMON_TERM_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "chart.h"
#include "term.h"

/*
 * A heatmap. Cells are colours, or in a plain terminal shades (amounts) and digits (signed values),
 * with a legend; when the map wants its values to be shown they are numbers, so that in a plain
 * terminal it is a table of numbers. Columns have their labels above them when there is room;
 * otherwise they have numbers, which stand before the labels of the rows too when both are the same
 * labels, or else in a list below.
 */
void term_heatmap(const struct term *term, const struct heatmap *map);

/* Several heatmaps of the same size side by side on one scale, that of them all, without labels;
 * only their titles stand above them. maps: [n]; the scale and its title are the first one's. */
void term_heatmaps(const struct term *term, const struct heatmap *maps, size_t n);

/* Horizontal bars, each with its label and value. */
void term_bars(const struct term *term, const struct bar_chart *chart);

/* A table of texts. */
struct table {
    const char *title;
    const char *const *headers; // [n_columns]; NULL: none
    const char *const *cells;   // [n_rows, n_columns]
    size_t n_rows, n_columns;
    const bool *right; // [n_columns], columns that stand at the right; NULL: none
    size_t most_rows;  // rows to show; 0: TERM_MOST_ROWS
};

void term_table(const struct term *term, const struct table *table);

enum {
    TERM_MOST_ROWS = 12,    // of a table
    TERM_MOST_COLUMNS = 12, // of a table, if 80 columns allow for so many
    TERM_MOST_CELLS = 16,   // rows, and columns, of a heatmap
    TERM_MOST_BARS = 24,
    TERM_LABEL_COLUMNS = 18, // longer labels are shortened to this
};

#endif
