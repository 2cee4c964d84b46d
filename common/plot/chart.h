/*
 * chart.h - what a chart shows, apart from how it is drawn.
 *
 * A chart is described once, by one of the structs below, and drawn twice: into a picture (plot.h)
 * and into a terminal (term_plot.h). Fields that are left out are 0, and 0 is the usual choice:
 *
 *     struct heatmap map = {.title = "head 0", .values = attention_weights, .n_rows = n,
 *                           .n_columns = n, .row_labels = tokens, .column_labels = tokens};
 *
 * All texts are NUL-terminated UTF-8 on one line; label_of_token (label.h) makes them from tokens.
 * Charts copy nothing: what the fields point to must live until the chart is drawn.
 */
#ifndef COMMON_CHART_H
#define COMMON_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "label.h"

enum chart_scale {
    CHART_AMOUNT, // light to dark: 0 is nothing
    CHART_SIGNED, // orange is negative, white is 0, blue is positive; always as far to both sides
};

/* A table of numbers as coloured cells. Infinite values and NaN get a grey of their own. */
struct heatmap {
    const char *title;
    const char *row_title;            // what a row is; NULL: nothing is written
    const char *column_title;         // what a column is
    const char *value_title;          // what a cell is, above the legend
    const float *values;              // [n_rows, n_columns]
    size_t n_rows, n_columns;         // 1 to CHART_LARGEST_MAP
    const char *const *row_labels;    // [n_rows]; NULL: numbers from 0
    const char *const *column_labels; // [n_columns]; NULL: numbers from 0
    enum chart_scale scale;
    float low, high;  // what the ends of the scale stand for; both 0: as the values need it
    bool show_values; // write the numbers into the cells as well
};

/* Horizontal bars. */
struct bar_chart {
    const char *title;
    const char *value_title;        // what a bar's length is; NULL: nothing is written
    const float *values;            // [n]; a bar of an infinite value or NaN is left out
    const char *const *labels;      // [n]
    const char *const *value_texts; // [n], what stands at a bar's end; NULL: the value in short
    bool percent;                   // the values are shares of 1: write 0.64 as 64%
    size_t n;                       // 1 to CHART_MOST_BARS
    const bool *muted;              // [n], bars in grey; NULL: none
    const char *muted_title;        // what the grey ones are, for the legend
    float low, high; // the values at the ends of the scale; both 0: as the values need it.
                     // 0 is always on the scale. Give them when several charts are to be compared.
};

struct line_series {
    const char *name; // for the legend
    const float *x;   // [n], ascending; NULL: 0, 1, 2, ...
    const float *y;   // [n]; an infinite value or NaN interrupts the line
    size_t n;
};

/* Lines over a common x axis. */
struct line_chart {
    const char *title;
    const char *x_title, *y_title;    // what the axes are; NULL: nothing is written
    const struct line_series *series; // [n_series]
    size_t n_series;                  // 1 to COLOR_SERIES
    bool from_zero;                   // the y axis includes 0
    bool whole_x;                     // x counts something: only whole numbers at its axis
    bool powers_y;   // y is a power of ten: 3 stands for 1000, and is written as 10^3
    float low, high; // the ends of the y axis, beyond which lines are cut off; both 0: as the
                     // values need it
};

/* Parts of a whole, as tiles whose areas are the values. Tiles belong to groups, like files to
 * folders; each group has a colour, and the legend tells its share. */
struct treemap {
    const char *title;
    const float *values;            // [n], finite, 0 or more, not all 0
    const char *const *labels;      // [n]
    const char *const *value_texts; // [n], the second line of a tile; NULL: the share in percent
    const size_t *groups;           // [n], each less than n_groups
    size_t n;                       // 1 to CHART_MOST_TILES
    const char *const *group_names; // [n_groups]
    size_t n_groups;                // 1 to COLOR_SERIES
};

enum {
    CHART_LARGEST_MAP = 1024,
    CHART_MOST_BARS = 60,
    CHART_MOST_TILES = 256,
    CHART_NUMBER_SIZE = 32,
};

/*
 * Writes a number in short, as fits to a set of numbers whose largest magnitude is `largest`:
 * "0.85", "12.5", "1234", "38.6M"; "0" only for 0 itself; "-∞" and "nan" too. Returns text.
 */
const char *chart_number(double value, double largest, char text[CHART_NUMBER_SIZE]);

/* A share of 0 to 1 as "64%", "4.2%", "0.03%", "<0.01%". Returns text. */
const char *chart_percent(double share, char text[CHART_NUMBER_SIZE]);

/* The smallest and largest of the finite values; false, and 0 to 1, when there are none. */
bool chart_range(const float *values, size_t n, double *low, double *high);

/* The ends of a heatmap's scale: its own low and high, or those that the values need. low < high. */
void heatmap_range(const struct heatmap *map, double *low, double *high);

/* One range for n >= 1 maps side by side: the first one's if it gives one, else what all need. */
void heatmaps_range(const struct heatmap *maps, size_t n, double *low, double *high);

/* The same for a bar chart: low <= 0 <= high, low < high. */
void bar_chart_range(const struct bar_chart *chart, double *low, double *high);

/* What stands at the end of bar i: its own text, or the value. Returns text. */
const char *bar_chart_value(const struct bar_chart *chart, size_t i, char text[LABEL_SIZE]);

/* Where a value stands on a scale: 0 to 1 for amounts, -1 to 1 for signed ones; NaN for no number. */
double chart_level(enum chart_scale scale, double value, double low, double high);

/* Round numbers along an axis: first, first + step, ... */
struct ticks {
    double first, step;
    size_t count;
};

/* At most `most` (2 or more) ticks between low and high, low < high, in steps of 1, 2 or 5. */
struct ticks chart_ticks(double low, double high, size_t most);

/* The same in whole numbers: steps of 1 or more, and no tick where no whole number lies between. */
struct ticks chart_whole_ticks(double low, double high, size_t most);

/* The text of the i-th tick, with as many digits as the step asks for. Returns text. */
const char *tick_text(const struct ticks *ticks, size_t i, char text[CHART_NUMBER_SIZE]);

#endif
