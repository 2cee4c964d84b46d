#include "heatmap_layout.h"

#include <math.h>
#include <stdio.h>

#include "color.h"
#include "font.h"
#include "label.h"
#include "plot.h"

enum {
    LARGEST_CELL = 40,
    READABLE_CELL = FONT_HEIGHT + 1, // pixels that leave room for every row's label
    READABLE_COUNT = 40,             // up to so many rows or columns, cells are READABLE_CELL
    GAP_FROM = 8,                    // smaller cells have no gap between them
    PAD = 6,                         // between labels and cells
    LEGEND_BAR = 16,                 // width of the legend's bar of colours
    LEGEND_LINE = 24,                // height of a line of text in the legend
    LEGEND_TITLE = 18,               // columns of the legend's title
    LEGEND_TICKS = 6,                // numbers at the legend's bar, at most
};

/* The label of row or column i, shortened, or its number. */
static const char *label_at(const char *const *labels, size_t i, char text[LABEL_SIZE]) {
    if (labels != NULL)
        return label_shorten(labels[i], PLOT_LABEL_COLUMNS, text);
    snprintf(text, LABEL_SIZE, "%zu", i);
    return text;
}

/* The width of the widest of every step-th of n labels, in pixels. */
static int widest_label(const char *const *labels, size_t n, size_t step) {
    int widest = 0;
    for (size_t i = 0; i < n; i += step) {
        char text[LABEL_SIZE];
        int width = canvas_text_width(label_at(labels, i, text));
        if (width > widest)
            widest = width;
    }
    return widest;
}

/* The smallest of 1, 2, 5, 10, 20, ... such that this many cells take `needed` pixels. */
static size_t label_step(int cell, int needed) {
    size_t power = 1;
    for (;; power *= 10) {
        static const size_t factors[] = {1, 2, 5};
        for (size_t i = 0; i < 3; i++) {
            if (cell * (int)(factors[i] * power) >= needed)
                return factors[i] * power;
        }
    }
}

static int cell_size(int target, size_t n) {
    int size = (target + (int)n / 2) / (int)n;
    int least = n <= READABLE_COUNT ? READABLE_CELL : 1;
    return size < least ? least : size > LARGEST_CELL ? LARGEST_CELL : size;
}

static int widest_value(const struct heatmap *map, double largest) {
    int widest = 0;
    for (size_t i = 0; i < map->n_rows * map->n_columns; i++) {
        char text[CHART_NUMBER_SIZE];
        int width = canvas_text_width(chart_number(map->values[i], largest, text));
        if (width > widest)
            widest = width;
    }
    return widest;
}

static bool writes_values(const struct heatmap *map) {
    return map->show_values && map->n_columns <= HEATMAP_MOST_VALUE_COLUMNS &&
           map->n_rows <= READABLE_COUNT;
}

static double largest_value(const struct heatmap *map) {
    double low, high;
    chart_range(map->values, map->n_rows * map->n_columns, &low, &high);
    return fmax(fabs(low), fabs(high));
}

static void lay_out_labels(const struct heatmap *map, struct heatmap_layout *layout) {
    layout->row_step = label_step(layout->cell_height, FONT_HEIGHT);
    layout->row_labels = widest_label(map->row_labels, map->n_rows, layout->row_step) + PAD;
    int widest = widest_label(map->column_labels, map->n_columns, 1);
    // Numbers stand upright and may be left out; words are turned when they are too wide.
    layout->upwards = map->column_labels != NULL && widest + 4 > layout->cell_width;
    int needed = layout->upwards ? FONT_HEIGHT : widest + 4;
    layout->column_step = label_step(layout->cell_width, needed);
    if (map->row_labels == NULL && map->column_labels == NULL && map->n_rows == map->n_columns) {
        // Rows and columns count the same things: both show the same numbers.
        if (layout->row_step < layout->column_step)
            layout->row_step = layout->column_step;
        layout->column_step = layout->row_step;
    }
    widest = widest_label(map->column_labels, map->n_columns, layout->column_step);
    layout->column_labels = (layout->upwards ? widest : FONT_HEIGHT) + PAD;
}

struct heatmap_layout heatmap_layout(const struct heatmap *map, int target_width, int target_height,
                                     bool labels) {
    struct heatmap_layout layout = {.row_step = 1, .column_step = 1};
    layout.cell_width = cell_size(target_width, map->n_columns);
    layout.cell_height = cell_size(target_height, map->n_rows);
    if (map->n_rows == map->n_columns && layout.cell_height < layout.cell_width)
        layout.cell_width = layout.cell_height;
    if (writes_values(map)) {
        int needed = widest_value(map, largest_value(map)) + 8;
        if (layout.cell_width < needed)
            layout.cell_width = needed;
        if (layout.cell_height < FONT_HEIGHT + 6)
            layout.cell_height = FONT_HEIGHT + 6;
    }
    bool small = layout.cell_width < GAP_FROM || layout.cell_height < GAP_FROM;
    layout.gap = small ? 0 : 1;
    layout.width = layout.cell_width * (int)map->n_columns;
    layout.height = layout.cell_height * (int)map->n_rows;
    if (labels)
        lay_out_labels(map, &layout);
    return layout;
}

static struct color cell_color(enum chart_scale scale, double value, double low, double high) {
    double level = chart_level(scale, value, low, high);
    return scale == CHART_SIGNED ? color_diverging(level) : color_sequential(level);
}

void heatmap_draw_cells(struct canvas *canvas, const struct heatmap *map,
                        const struct heatmap_layout *layout, int x, int y, double low,
                        double high) {
    bool values = writes_values(map);
    double largest = values ? largest_value(map) : 0.0;
    for (size_t r = 0; r < map->n_rows; r++) {
        for (size_t c = 0; c < map->n_columns; c++) {
            double value = map->values[r * map->n_columns + c];
            struct color color = cell_color(map->scale, value, low, high);
            int left = x + (int)c * layout->cell_width, top = y + (int)r * layout->cell_height;
            canvas_rectangle(canvas, left, top, layout->cell_width - layout->gap,
                             layout->cell_height - layout->gap, color);
            if (!values)
                continue;
            char text[CHART_NUMBER_SIZE];
            canvas_text(canvas, left + layout->cell_width / 2,
                        top + (layout->cell_height - FONT_HEIGHT) / 2, ALIGN_CENTER,
                        chart_number(value, largest, text), color_text_on(color));
        }
    }
}

void heatmap_draw_row_labels(struct canvas *canvas, const struct heatmap *map,
                             const struct heatmap_layout *layout, int x, int y) {
    for (size_t r = 0; r < map->n_rows; r += layout->row_step) {
        char text[LABEL_SIZE];
        int middle = y + (int)r * layout->cell_height + layout->cell_height / 2;
        canvas_text(canvas, x - PAD, middle - FONT_HEIGHT / 2, ALIGN_RIGHT,
                    label_at(map->row_labels, r, text), color_ink());
    }
}

void heatmap_draw_column_labels(struct canvas *canvas, const struct heatmap *map,
                                const struct heatmap_layout *layout, int x, int y) {
    int below = y + layout->height + PAD - 1;
    for (size_t c = 0; c < map->n_columns; c += layout->column_step) {
        char text[LABEL_SIZE];
        int middle = x + (int)c * layout->cell_width + layout->cell_width / 2;
        label_at(map->column_labels, c, text);
        if (layout->upwards)
            canvas_text_up(canvas, middle - FONT_HEIGHT / 2, below, ALIGN_RIGHT, text, color_ink());
        else
            canvas_text(canvas, middle, below, ALIGN_CENTER, text, color_ink());
    }
}

/* What the grey cells of the maps are; NULL when there are none. */
static const char *name_of_none(const struct heatmap *maps, size_t n) {
    const char *name = NULL;
    for (size_t m = 0; m < n; m++) {
        for (size_t i = 0; i < maps[m].n_rows * maps[m].n_columns; i++) {
            double value = maps[m].values[i];
            if (isfinite(value))
                continue;
            if (!isinf(value) || value > 0)
                return "no number";
            name = "-∞";
        }
    }
    return name;
}

int heatmap_legend_width(const struct heatmap *maps, size_t n, double low, double high) {
    const char *none = name_of_none(maps, n);
    int widest = none != NULL ? canvas_text_width(none) : 0;
    struct ticks ticks = chart_ticks(low, high, LEGEND_TICKS);
    for (size_t i = 0; i < ticks.count; i++) {
        char text[CHART_NUMBER_SIZE];
        int width = canvas_text_width(tick_text(&ticks, i, text));
        if (width > widest)
            widest = width;
    }
    widest += LEGEND_BAR + 8;
    char title[LABEL_SIZE];
    int titled = maps[0].value_title == NULL
                     ? 0
                     : canvas_text_width(label_shorten(maps[0].value_title, LEGEND_TITLE, title));
    return titled > widest ? titled : widest;
}

void heatmap_draw_legend(struct canvas *canvas, const struct heatmap *maps, size_t n, int x, int y,
                         int height, double low, double high) {
    const char *none = name_of_none(maps, n);
    char text[LABEL_SIZE];
    if (maps[0].value_title != NULL) {
        label_shorten(maps[0].value_title, LEGEND_TITLE, text);
        canvas_text(canvas, x, y, ALIGN_LEFT, text, color_faint());
        y += LEGEND_LINE;
        height -= LEGEND_LINE;
    }
    if (none != NULL) {
        height -= LEGEND_LINE + 4;
        canvas_rectangle(canvas, x, y + height + 8, LEGEND_BAR, LEGEND_BAR - 2, color_none());
        canvas_text(canvas, x + LEGEND_BAR + 8, y + height + 8, ALIGN_LEFT, none, color_ink());
    }
    for (int i = 0; i < height; i++) { // the highest value on top
        double value = high - (high - low) * i / (height - 1);
        canvas_rectangle(canvas, x, y + i, LEGEND_BAR, 1,
                         cell_color(maps[0].scale, value, low, high));
    }
    canvas_frame(canvas, x, y, LEGEND_BAR, height, color_faint());
    struct ticks ticks = chart_ticks(low, high, LEGEND_TICKS);
    for (size_t i = 0; i < ticks.count; i++) {
        char number[CHART_NUMBER_SIZE];
        double value = ticks.first + (double)i * ticks.step;
        int at = y + (int)((height - 1) * (high - value) / (high - low) + 0.5);
        canvas_rectangle(canvas, x + LEGEND_BAR, at, 4, 1, color_faint());
        canvas_text(canvas, x + LEGEND_BAR + 8, at - FONT_HEIGHT / 2 + 1, ALIGN_LEFT,
                    tick_text(&ticks, i, number), color_ink());
    }
}
