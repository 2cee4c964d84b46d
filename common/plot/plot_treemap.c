#include <math.h>
#include <stdio.h>

#include "font.h"
#include "label.h"
#include "plot.h"
#include "plot_legend.h"

enum {
    AREA_WIDTH = 760, // pixels of all tiles together
    AREA_HEIGHT = 420,
    PAD = 6, // between a tile's edge and its text
};

struct rectangle {
    double x, y, width, height;
};

/* order[] = 0 ... n-1 from the largest value to the smallest; equal ones stay in their order. */
static void sort_down(const double *values, size_t n, size_t *order) {
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && values[order[at - 1]] < values[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/*
 * How ill-shaped a row of tiles is: for each tile how many times it is wider or narrower than the
 * shape that text likes, times its area, so that tiny tiles count for little.
 * areas: [n], in square pixels, all more than 0
 */
static double row_cost(const double *areas, size_t n, double row_width) {
    const double wanted = 1.6; // width / height
    double sum = 0.0, cost = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += areas[i];
    double height = sum / row_width;
    for (size_t i = 0; i < n; i++) {
        double ratio = areas[i] / height / height / wanted;
        cost += areas[i] * fmax(ratio, 1.0 / ratio);
    }
    return cost;
}

/*
 * Decides where rows begin so that all rows together cost least. The cheapest way to lay out the
 * first `end` tiles is a last row from `begin` to `end` after the cheapest way to lay out the first
 * `begin`; so we find it for 1 tile, for 2, ... and remember each time where the last row began.
 * areas: [n]; last_row: [n + 1], written: where the last row of the first `end` tiles begins
 */
static void choose_rows(const double *areas, size_t n, double row_width, size_t *last_row) {
    double best[CHART_MOST_TILES + 1];
    best[0] = 0.0;
    for (size_t end = 1; end <= n; end++) {
        best[end] = INFINITY;
        last_row[end] = end - 1;
        for (size_t begin = 0; begin < end; begin++) {
            double cost = best[begin] + row_cost(areas + begin, end - begin, row_width);
            if (cost < best[end]) {
                best[end] = cost;
                last_row[end] = begin;
            }
        }
    }
}

/* Places tiles as rows of the area, from the last one at the bottom upwards. areas, order: [n] */
static void place_rows(const double *areas, const size_t *order, size_t n,
                       const struct rectangle *whole, struct rectangle *tiles) {
    size_t last_row[CHART_MOST_TILES + 1];
    choose_rows(areas, n, whole->width, last_row);
    double bottom = whole->y + whole->height;
    for (size_t end = n, begin; end > 0; end = begin) {
        double sum = 0.0, along = whole->x;
        begin = last_row[end];
        for (size_t i = begin; i < end; i++)
            sum += areas[i];
        double height = sum / whole->width;
        for (size_t i = begin; i < end; i++) {
            double width = areas[i] / height;
            tiles[order[i]] = (struct rectangle){along, bottom - height, width, height};
            along += width;
        }
        bottom -= height;
    }
}

/*
 * Cuts an area into tiles in proportion to the values: rows that are read like text, from the
 * largest value to the smallest. values, tiles: [n], n <= CHART_MOST_TILES. 0 gets an empty tile.
 */
static void cut_into_tiles(const double *values, size_t n, struct rectangle whole,
                           struct rectangle *tiles) {
    size_t order[CHART_MOST_TILES], visible = 0;
    double areas[CHART_MOST_TILES], total = 0.0;
    sort_down(values, n, order);
    for (size_t i = 0; i < n; i++) {
        total += values[i];
        tiles[i] = (struct rectangle){whole.x, whole.y, 0.0, 0.0};
    }
    double scale = total > 0.0 ? whole.width * whole.height / total : 0.0;
    while (visible < n && values[order[visible]] * scale > 1e-9) {
        areas[visible] = values[order[visible]] * scale;
        visible++;
    }
    if (visible > 0)
        place_rows(areas, order, visible, &whole, tiles);
}

static bool check(const struct treemap *map, struct error *err) {
    const char *title = map->title != NULL ? map->title : "";
    double total = 0.0;
    if (map->n < 1 || map->n > CHART_MOST_TILES || map->n_groups < 1 ||
        map->n_groups > COLOR_SERIES)
        return error_set(err,
                         "treemap \"%s\" has %zu parts in %zu groups, expected 1 to %d in 1 to %d",
                         title, map->n, map->n_groups, CHART_MOST_TILES, COLOR_SERIES);
    for (size_t i = 0; i < map->n; i++) {
        if (!(map->values[i] >= 0.0f) || !isfinite(map->values[i]) ||
            map->groups[i] >= map->n_groups)
            return error_set(err,
                             "treemap \"%s\": part %zu has the value %g and is in group %zu, "
                             "expected 0 or more and a group below %zu",
                             title, i, (double)map->values[i], map->groups[i], map->n_groups);
        total += map->values[i];
    }
    return total > 0.0 || error_set(err, "treemap \"%s\": all its values are 0", title);
}

/* totals: [n_groups]; returns the sum of all. */
static double sum_groups(const struct treemap *map, double *totals) {
    double sum = 0.0;
    for (size_t g = 0; g < map->n_groups; g++)
        totals[g] = 0.0;
    for (size_t i = 0; i < map->n; i++) {
        totals[map->groups[i]] += map->values[i];
        sum += map->values[i];
    }
    return sum;
}

/* A tile with as much of its text as it has room for. */
static void draw_tile(struct canvas *canvas, const struct treemap *map, size_t i,
                      const struct rectangle *tile, double total) {
    int x = (int)(tile->x + 0.5), y = (int)(tile->y + 0.5);
    int width = (int)(tile->x + tile->width + 0.5) - x;
    int height = (int)(tile->y + tile->height + 0.5) - y;
    struct color color = color_series(map->groups[i]), ink = color_text_on(color);
    canvas_rectangle(canvas, x, y, width, height, color);
    if (width > 3 && height > 3) { // a free line at the right and below, between the tiles
        canvas_rectangle(canvas, x + width - 1, y, 1, height, color_white());
        canvas_rectangle(canvas, x, y + height - 1, width, 1, color_white());
    }
    char text[LABEL_SIZE], number[CHART_NUMBER_SIZE];
    int room = (width - 2 * PAD) / FONT_WIDTH;
    if (room < 2 || height < FONT_HEIGHT + PAD)
        return;
    int top = height < FONT_HEIGHT + 2 * PAD ? y + (height - FONT_HEIGHT) / 2 : y + PAD;
    label_shorten(map->labels[i], (size_t)room, text);
    canvas_text(canvas, x + PAD, top, ALIGN_LEFT, text, ink);
    const char *value = map->value_texts != NULL ? map->value_texts[i]
                                                 : chart_percent(map->values[i] / total, number);
    if ((int)label_columns(value) <= room && height >= 2 * FONT_HEIGHT + 2 * PAD + 4)
        canvas_text(canvas, x + PAD, y + PAD + FONT_HEIGHT + 4, ALIGN_LEFT, value, ink);
}

/* Groups are tiles of the whole picture, and parts are tiles of their group. */
static void draw_groups(struct canvas *canvas, const struct treemap *map, const double *totals,
                        double total, struct rectangle area) {
    struct rectangle groups[COLOR_SERIES], tiles[CHART_MOST_TILES];
    cut_into_tiles(totals, map->n_groups, area, groups);
    for (size_t g = 0; g < map->n_groups; g++) {
        double values[CHART_MOST_TILES];
        size_t members[CHART_MOST_TILES], n = 0;
        for (size_t i = 0; i < map->n; i++) {
            if (map->groups[i] == g) {
                values[n] = map->values[i];
                members[n++] = i;
            }
        }
        cut_into_tiles(values, n, groups[g], tiles);
        for (size_t k = 0; k < n; k++)
            draw_tile(canvas, map, members[k], &tiles[k], total);
    }
}

struct canvas *plot_treemap(const struct treemap *map, struct error *err) {
    if (!check(map, err))
        return NULL;
    double totals[COLOR_SERIES];
    struct legend_entry entries[COLOR_SERIES];
    char names[COLOR_SERIES][LABEL_SIZE];
    double total = sum_groups(map, totals);
    for (size_t g = 0; g < map->n_groups; g++) {
        char name[LABEL_SIZE], percent[CHART_NUMBER_SIZE];
        snprintf(names[g], LABEL_SIZE, "%.80s  %s", label_shorten(map->group_names[g], 40, name),
                 chart_percent(totals[g] / total, percent));
        entries[g] = (struct legend_entry){.name = names[g], .color = color_series(g)};
    }
    int top = PLOT_MARGIN + (map->title != NULL ? PLOT_TITLE_HEIGHT : 0);
    int legend = plot_legend(NULL, entries, map->n_groups, 0, 0, AREA_WIDTH);
    struct canvas *canvas =
        canvas_new(plot_width_for_title(AREA_WIDTH + 2 * PLOT_MARGIN, map->title),
                   top + AREA_HEIGHT + 12 + legend + PLOT_MARGIN - 8, err);
    if (canvas == NULL)
        return NULL;
    plot_title(canvas, map->title);
    draw_groups(canvas, map, totals, total,
                (struct rectangle){PLOT_MARGIN, top, AREA_WIDTH, AREA_HEIGHT});
    plot_legend(canvas, entries, map->n_groups, PLOT_MARGIN, top + AREA_HEIGHT + 12, AREA_WIDTH);
    return canvas;
}
