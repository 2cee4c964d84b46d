#include <math.h>
#include <stdio.h>

#include "font.h"
#include "label.h"
#include "plot.h"
#include "plot_legend.h"

enum {
    AREA_WIDTH = 600, // pixels between the axes and the far ends
    AREA_HEIGHT = 320,
    FEW_POINTS = 40, // lines of at most this many show them
    PAD = 8,
};

/* The area that the data takes: its place on the picture, and the numbers at its edges. */
struct area {
    int left, top; // pixels
    double x_low, x_high, y_low, y_high;
    struct ticks x_ticks, y_ticks;
    bool powers_y;
};

static double x_value(const struct line_series *series, size_t i) {
    return series->x != NULL ? (double)series->x[i] : (double)i;
}

static int x_of(const struct area *area, double x) {
    double share = (x - area->x_low) / (area->x_high - area->x_low);
    return area->left + (int)(share * AREA_WIDTH + 0.5);
}

static int y_of(const struct area *area, double y) {
    double share = (y - area->y_low) / (area->y_high - area->y_low);
    return area->top + AREA_HEIGHT - (int)(share * AREA_HEIGHT + 0.5);
}

/* Widens low ... high to whole steps of the ticks. */
static void round_outwards(double *low, double *high, struct ticks *ticks) {
    *low = floor(*low / ticks->step + 1e-9) * ticks->step;
    *high = ceil(*high / ticks->step - 1e-9) * ticks->step;
    ticks->first = *low;
    ticks->count = (size_t)((*high - *low) / ticks->step + 1.5);
}

/* Sees to low < high. */
static void widen_empty(double *low, double *high) {
    if (*low < *high)
        return;
    double by = fmax(fabs(*low) * 0.5, 0.5);
    *low -= by;
    *high += by;
}

/* The ranges of all points whose x and y are finite. */
static void find_ranges(const struct line_chart *chart, struct area *area) {
    bool found = false;
    *area = (struct area){.x_high = 1.0, .y_high = 1.0};
    for (size_t s = 0; s < chart->n_series; s++) {
        const struct line_series *series = &chart->series[s];
        for (size_t i = 0; i < series->n; i++) {
            double x = x_value(series, i), y = series->y[i];
            if (!isfinite(x) || !isfinite(y))
                continue;
            area->x_low = found ? fmin(area->x_low, x) : x;
            area->x_high = found ? fmax(area->x_high, x) : x;
            area->y_low = found ? fmin(area->y_low, y) : y;
            area->y_high = found ? fmax(area->y_high, y) : y;
            found = true;
        }
    }
    if (chart->from_zero) {
        area->y_low = fmin(area->y_low, 0.0);
        area->y_high = fmax(area->y_high, 0.0);
    }
    if (chart->low < chart->high) {
        area->y_low = chart->low;
        area->y_high = chart->high;
    }
    widen_empty(&area->x_low, &area->x_high);
    widen_empty(&area->y_low, &area->y_high);
}

static struct ticks ticks_for(double low, double high, size_t most, bool whole) {
    return whole ? chart_whole_ticks(low, high, most) : chart_ticks(low, high, most);
}

static void find_ticks(const struct line_chart *chart, struct area *area) {
    area->powers_y = chart->powers_y;
    area->x_ticks = ticks_for(area->x_low, area->x_high, 9, chart->whole_x);
    area->y_ticks = ticks_for(area->y_low, area->y_high, 7, chart->powers_y);
    if (chart->low >= chart->high)
        round_outwards(&area->y_low, &area->y_high, &area->y_ticks);
}

/* What stands at the i-th tick; power: that power of ten. Returns text. */
static const char *axis_text(const struct ticks *ticks, bool power, size_t i,
                             char text[CHART_NUMBER_SIZE]) {
    if (!power)
        return tick_text(ticks, i, text);
    snprintf(text, CHART_NUMBER_SIZE, "10^%.0f", ticks->first + (double)i * ticks->step);
    return text;
}

static int widest_tick(const struct ticks *ticks, bool power) {
    int widest = 0;
    for (size_t i = 0; i < ticks->count; i++) {
        char text[CHART_NUMBER_SIZE];
        int width = canvas_text_width(axis_text(ticks, power, i, text));
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void draw_axes(struct canvas *canvas, const struct area *area) {
    char text[CHART_NUMBER_SIZE];
    int bottom = area->top + AREA_HEIGHT;
    for (size_t i = 0; i < area->y_ticks.count; i++) {
        double value = area->y_ticks.first + (double)i * area->y_ticks.step;
        int y = y_of(area, value);
        bool zero = fabs(value) < 1e-9 * area->y_ticks.step;
        canvas_rectangle(canvas, area->left, y, AREA_WIDTH, 1, zero ? color_faint() : color_grid());
        canvas_text(canvas, area->left - PAD, y - FONT_HEIGHT / 2 + 1, ALIGN_RIGHT,
                    axis_text(&area->y_ticks, area->powers_y, i, text), color_ink());
    }
    for (size_t i = 0; i < area->x_ticks.count; i++) {
        int x = x_of(area, area->x_ticks.first + (double)i * area->x_ticks.step);
        canvas_rectangle(canvas, x, area->top, 1, AREA_HEIGHT, color_grid());
        canvas_rectangle(canvas, x, bottom, 1, 5, color_faint());
        canvas_text(canvas, x, bottom + PAD, ALIGN_CENTER, tick_text(&area->x_ticks, i, text),
                    color_ink());
    }
    canvas_rectangle(canvas, area->left, area->top, 1, AREA_HEIGHT + 1, color_faint());
    canvas_rectangle(canvas, area->left, bottom, AREA_WIDTH + 1, 1, color_faint());
}

/* A point, in a shape of its series: a square, a diamond, a cross, a ring. */
static void draw_point(struct canvas *canvas, int x, int y, size_t series, struct color color) {
    for (int dy = -4; dy <= 4; dy++) {
        for (int dx = -4; dx <= 4; dx++) {
            int ax = dx < 0 ? -dx : dx, ay = dy < 0 ? -dy : dy, round = dx * dx + dy * dy;
            bool dot = series % 4 == 0   ? ax <= 3 && ay <= 3
                       : series % 4 == 1 ? ax + ay <= 4
                       : series % 4 == 2 ? ax - ay <= 1 && ay - ax <= 1
                                         : round <= 18 && round >= 5;
            if (dot)
                canvas_pixel(canvas, x + dx, y + dy, color);
        }
    }
}

/* Moves a value onto the edge of the area where it is beyond by a rounding error, like a cosine of
 * 1.0000001. */
static double onto_edge(const struct area *area, double y) {
    double edge = fmin(fmax(y, area->y_low), area->y_high);
    return fabs(y - edge) <= 1e-6 * (area->y_high - area->y_low) ? edge : y;
}

/* Pulls the end (x, y) of a line, whose other end is (to_x, to_y), back to the edge of the area if
 * it lies above or below. */
static void pull_in(const struct area *area, double *x, double *y, double to_x, double to_y) {
    double edge = fmin(fmax(*y, area->y_low), area->y_high);
    if (edge != *y && to_y != *y)
        *x += (to_x - *x) * (edge - *y) / (to_y - *y);
    *y = edge;
}

/* The line from (x0, y0) to (x1, y1), as far as it lies inside the area. */
static void draw_segment(struct canvas *canvas, const struct area *area, double x0, double y0,
                         double x1, double y1, size_t dash, int *walked, struct color color) {
    if (fmax(y0, y1) < area->y_low || fmin(y0, y1) > area->y_high)
        return;
    double from_x = x0, from_y = y0;
    pull_in(area, &x0, &y0, x1, y1);
    pull_in(area, &x1, &y1, from_x, from_y);
    plot_stroke(canvas, x_of(area, x0), y_of(area, y0), x_of(area, x1), y_of(area, y1), dash,
                walked, color);
}

static void draw_series(struct canvas *canvas, const struct area *area,
                        const struct line_series *series, size_t s) {
    struct color color = color_series(s);
    bool points = series->n <= FEW_POINTS;
    int walked = 0;
    double last_x = 0.0, last_y = 0.0;
    bool connected = false;
    for (size_t i = 0; i < series->n; i++) {
        double x = x_value(series, i), y = onto_edge(area, series->y[i]);
        if (!isfinite(x) || !isfinite(y)) {
            connected = false;
            continue;
        }
        if (connected)
            draw_segment(canvas, area, last_x, last_y, x, y, points ? 0 : s, &walked, color);
        if (points && y >= area->y_low && y <= area->y_high)
            draw_point(canvas, x_of(area, x), y_of(area, y), s, color);
        last_x = x;
        last_y = y;
        connected = true;
    }
}

static size_t fill_legend(const struct line_chart *chart,
                          struct legend_entry entries[COLOR_SERIES]) {
    for (size_t s = 0; s < chart->n_series; s++)
        entries[s] = (struct legend_entry){.name = chart->series[s].name,
                                           .color = color_series(s),
                                           .is_line = true,
                                           .dash = chart->series[s].n <= FEW_POINTS ? 0 : s};
    return chart->n_series > 1 ? chart->n_series : 0;
}

static void draw_titles(struct canvas *canvas, const struct line_chart *chart,
                        const struct area *area) {
    char text[LABEL_SIZE];
    plot_title(canvas, chart->title);
    if (chart->y_title != NULL)
        canvas_text_up(canvas, PLOT_MARGIN, area->top + AREA_HEIGHT / 2, ALIGN_CENTER,
                       label_shorten(chart->y_title, AREA_HEIGHT / FONT_WIDTH, text),
                       color_faint());
    if (chart->x_title != NULL)
        canvas_text(canvas, area->left + AREA_WIDTH / 2, area->top + AREA_HEIGHT + 32, ALIGN_CENTER,
                    label_shorten(chart->x_title, AREA_WIDTH / FONT_WIDTH, text), color_faint());
}

struct canvas *plot_lines(const struct line_chart *chart, struct error *err) {
    if (chart->n_series < 1 || chart->n_series > COLOR_SERIES) {
        error_set(err, "chart \"%s\" has %zu lines, expected 1 to %d",
                  chart->title != NULL ? chart->title : "", chart->n_series, COLOR_SERIES);
        return NULL;
    }
    struct area area;
    struct legend_entry entries[COLOR_SERIES];
    size_t n_entries = fill_legend(chart, entries);
    find_ranges(chart, &area);
    find_ticks(chart, &area);
    area.left = PLOT_MARGIN + (chart->y_title != NULL ? FONT_HEIGHT + PAD : 0) +
                widest_tick(&area.y_ticks, area.powers_y) + PAD;
    area.top = PLOT_MARGIN + (chart->title != NULL ? PLOT_TITLE_HEIGHT : 0);
    int legend = area.top;
    area.top += plot_legend(NULL, entries, n_entries, area.left, 0, AREA_WIDTH) + PAD;

    int width = area.left + AREA_WIDTH + PLOT_MARGIN + widest_tick(&area.x_ticks, false) / 2;
    int height = area.top + AREA_HEIGHT + 24 + (chart->x_title != NULL ? 24 : 0) + PLOT_MARGIN;
    struct canvas *canvas = canvas_new(plot_width_for_title(width, chart->title), height, err);
    if (canvas == NULL)
        return NULL;
    draw_axes(canvas, &area);
    for (size_t s = 0; s < chart->n_series; s++)
        draw_series(canvas, &area, &chart->series[s], s);
    plot_legend(canvas, entries, n_entries, area.left, legend, AREA_WIDTH);
    draw_titles(canvas, chart, &area);
    return canvas;
}
