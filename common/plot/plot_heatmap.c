#include <math.h>

#include "font.h"
#include "heatmap_layout.h"
#include "label.h"
#include "plot.h"
#include "plot_legend.h"

enum {
    AXIS_TITLE = FONT_HEIGHT + 8, // room for what the rows or columns are
    LEGEND_GAP = 24,              // between the cells and the legend
    MAP_TITLE = FONT_HEIGHT + 4,  // above each of several maps
    MAP_GAP = 18,                 // between several maps
};

static bool check_map(const struct heatmap *map, struct error *err) {
    if (map->n_rows >= 1 && map->n_rows <= CHART_LARGEST_MAP && map->n_columns >= 1 &&
        map->n_columns <= CHART_LARGEST_MAP)
        return true;
    return error_set(err,
                     "heatmap \"%s\" has %zu rows and %zu columns, expected 1 to %d each: "
                     "show a part of it",
                     map->title != NULL ? map->title : "", map->n_rows, map->n_columns,
                     CHART_LARGEST_MAP);
}

/* What rows and columns are, left of and below an area; short enough for it. */
static void draw_axis_titles(struct canvas *canvas, const struct heatmap *map, int left, int top,
                             int width, int height) {
    char text[LABEL_SIZE];
    if (map->row_title != NULL) {
        int lowest = canvas->height - PLOT_MARGIN - (map->column_title != NULL ? AXIS_TITLE : 0);
        label_shorten(map->row_title, (size_t)(lowest - top) / FONT_WIDTH, text);
        int middle = top + height / 2, half = canvas_text_width(text) / 2;
        if (middle - half < top)
            middle = top + half;
        if (middle + half > lowest)
            middle = lowest - half;
        canvas_text_up(canvas, PLOT_MARGIN, middle, ALIGN_CENTER, text, color_faint());
    }
    if (map->column_title != NULL) {
        int room = canvas->width - 2 * PLOT_MARGIN;
        label_shorten(map->column_title, (size_t)room / FONT_WIDTH, text);
        int middle = left + width / 2, half = canvas_text_width(text) / 2;
        if (middle + half > canvas->width - PLOT_MARGIN)
            middle = canvas->width - PLOT_MARGIN - half;
        if (middle - half < PLOT_MARGIN)
            middle = PLOT_MARGIN + half;
        canvas_text(canvas, middle, canvas->height - PLOT_MARGIN - FONT_HEIGHT, ALIGN_CENTER, text,
                    color_faint());
    }
}

struct canvas *plot_heatmap(const struct heatmap *map, struct error *err) {
    if (!check_map(map, err))
        return NULL;
    double low, high;
    heatmap_range(map, &low, &high);
    struct heatmap_layout layout = heatmap_layout(map, 560, 440, true);

    int left = PLOT_MARGIN + (map->row_title != NULL ? AXIS_TITLE : 0) + layout.row_labels;
    int top = PLOT_MARGIN + (map->title != NULL ? PLOT_TITLE_HEIGHT : 0);
    int legend = left + layout.width + LEGEND_GAP;
    int below = layout.column_labels + (map->column_title != NULL ? AXIS_TITLE : 0);
    int tallest = layout.height + below;
    if (tallest < HEATMAP_LEGEND_LOWEST)
        tallest = HEATMAP_LEGEND_LOWEST;
    int legend_height =
        layout.height > HEATMAP_LEGEND_LOWEST ? layout.height - layout.gap : HEATMAP_LEGEND_LOWEST;
    if (legend_height > 260)
        legend_height = 260;

    int width = legend + heatmap_legend_width(map, 1, low, high) + PLOT_MARGIN;
    width = plot_width_for_title(width, map->title);
    struct canvas *canvas = canvas_new(width, top + tallest + PLOT_MARGIN, err);
    if (canvas == NULL)
        return NULL;
    plot_title(canvas, map->title);
    heatmap_draw_cells(canvas, map, &layout, left, top, low, high);
    heatmap_draw_row_labels(canvas, map, &layout, left, top);
    heatmap_draw_column_labels(canvas, map, &layout, left, top);
    draw_axis_titles(canvas, map, left, top, layout.width, layout.height);
    heatmap_draw_legend(canvas, map, 1, legend, top, legend_height, low, high);
    return canvas;
}

/* --- several maps ----------------------------------------------------------------------------- */

static bool check_maps(const struct heatmap *maps, size_t n, struct error *err) {
    if (n < 1 || n > PLOT_MOST_MAPS)
        return error_set(err, "%zu heatmaps to draw side by side, expected 1 to %d", n,
                         PLOT_MOST_MAPS);
    for (size_t i = 0; i < n; i++) {
        if (!check_map(&maps[i], err))
            return false;
        if (maps[i].n_rows != maps[0].n_rows || maps[i].n_columns != maps[0].n_columns)
            return error_set(err,
                             "heatmap %zu of those side by side has shape [%zu, %zu], expected "
                             "[%zu, %zu] like the first",
                             i, maps[i].n_rows, maps[i].n_columns, maps[0].n_rows,
                             maps[0].n_columns);
    }
    return true;
}

/* How many maps stand in a row: such that the fewest places stay free, and not many in a column. */
static size_t maps_per_row(size_t n) {
    enum { MOST = 6 };
    size_t square = 1;
    while (square < MOST && square * square < n)
        square++;
    size_t best = square;
    for (size_t per_row = square + 1; per_row <= MOST && per_row <= n; per_row++) {
        if ((per_row - n % per_row) % per_row < (best - n % best) % best)
            best = per_row;
    }
    return best;
}

/* A map among several: its title, its cells, and the labels that no neighbour shows for it. */
static void draw_small_map(struct canvas *canvas, const struct heatmap *map,
                           const struct heatmap *first, const struct heatmap_layout *layout, int x,
                           int y, double low, double high) {
    char text[LABEL_SIZE];
    struct heatmap plain = *map;
    plain.show_values = false;
    plain.scale = first->scale;
    if (map->title != NULL) {
        int most = (layout->width + MAP_GAP) / FONT_WIDTH - 1;
        label_shorten(map->title, (size_t)most, text);
        canvas_text(canvas, x, y - MAP_TITLE, ALIGN_LEFT, text, color_ink());
    }
    heatmap_draw_cells(canvas, &plain, layout, x, y, low, high);
    canvas_frame(canvas, x - 1, y - 1, layout->width + 2 - layout->gap,
                 layout->height + 2 - layout->gap, color_grid());
}

/* The sizes of one of several maps; those without labels leave no room for them. */
static struct heatmap_layout small_layout(const struct heatmap *first, int per_row) {
    int target = per_row <= 2 ? 240 : per_row == 3 ? 200 : 160; // pixels

    struct heatmap plain = *first;
    plain.show_values = false;
    struct heatmap_layout layout = heatmap_layout(&plain, target, target, true);
    if (first->row_labels == NULL)
        layout.row_labels = 0;
    if (first->column_labels == NULL)
        layout.column_labels = 0;
    return layout;
}

struct canvas *plot_heatmaps(const char *title, const struct heatmap *maps, size_t n,
                             struct error *err) {
    if (!check_maps(maps, n, err))
        return NULL;
    double low, high;
    heatmaps_range(maps, n, &low, &high);
    int per_row = (int)maps_per_row(n), rows = ((int)n + per_row - 1) / per_row;
    struct heatmap_layout layout = small_layout(maps, per_row);
    int pitch_x = layout.width + MAP_GAP, pitch_y = layout.height + MAP_TITLE + MAP_GAP;

    int left = PLOT_MARGIN + (maps[0].row_title != NULL ? AXIS_TITLE : 0) + layout.row_labels;
    int top = PLOT_MARGIN + (title != NULL ? PLOT_TITLE_HEIGHT : 0) + MAP_TITLE;
    int legend = left + per_row * pitch_x - MAP_GAP + LEGEND_GAP;
    int bottom = top + rows * pitch_y - MAP_TITLE - MAP_GAP;
    int below = layout.column_labels + (maps[0].column_title != NULL ? AXIS_TITLE : 0);
    int legend_height = bottom - top > 260 ? 260 : bottom - top;
    if (legend_height < HEATMAP_LEGEND_LOWEST)
        legend_height = HEATMAP_LEGEND_LOWEST;
    int lowest = bottom + below > top + legend_height ? bottom + below : top + legend_height;

    int width = legend + heatmap_legend_width(maps, n, low, high) + PLOT_MARGIN;
    width = plot_width_for_title(width, title);
    struct canvas *canvas = canvas_new(width, lowest + PLOT_MARGIN, err);
    if (canvas == NULL)
        return NULL;
    plot_title(canvas, title);
    for (int i = 0; i < (int)n; i++) {
        int x = left + i % per_row * pitch_x, y = top + i / per_row * pitch_y;
        draw_small_map(canvas, &maps[i], &maps[0], &layout, x, y, low, high);
        if (i % per_row == 0 && maps[0].row_labels != NULL)
            heatmap_draw_row_labels(canvas, &maps[0], &layout, x, y);
        if (i / per_row == rows - 1 && maps[0].column_labels != NULL)
            heatmap_draw_column_labels(canvas, &maps[0], &layout, x, y);
    }
    draw_axis_titles(canvas, &maps[0], left, top, per_row * pitch_x - MAP_GAP, bottom - top);
    heatmap_draw_legend(canvas, maps, n, legend, top, legend_height, low, high);
    return canvas;
}
