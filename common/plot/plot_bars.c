#include <math.h>

#include "font.h"
#include "label.h"
#include "plot.h"
#include "plot_legend.h"

enum {
    ROW = 26,   // from one bar to the next
    BAR = 18,   // thickness of a bar
    AREA = 340, // pixels that the scale takes from its low to its high end
    PAD = 8,    // between labels, bars and values
};

/* Where things stand, in pixels. */
struct bars_layout {
    int labels;        // where labels end
    int left, right;   // the ends of the scale
    int top;           // of the first bar
    int zero;          // x of the value 0
    int width, height; // of the picture
    double low, high;  // the scale
};

static int x_of(const struct bars_layout *layout, double value) {
    double share = (value - layout->low) / (layout->high - layout->low);
    share = fmin(fmax(share, 0.0), 1.0);
    return layout->left + (int)(share * (layout->right - layout->left) + 0.5);
}

/* Room for labels at the left and for values at both sides of the bars. */
static struct bars_layout lay_out(const struct bar_chart *chart) {
    struct bars_layout layout = {.low = 0.0};
    int labels = 0, behind = 0, before = 0; // widest label, value of a positive, a negative bar
    bar_chart_range(chart, &layout.low, &layout.high);
    for (size_t i = 0; i < chart->n; i++) {
        char text[LABEL_SIZE];
        int width = canvas_text_width(label_shorten(chart->labels[i], PLOT_LABEL_COLUMNS, text));
        labels = width > labels ? width : labels;
        width = canvas_text_width(bar_chart_value(chart, i, text)) + PAD;
        if (chart->values[i] < 0.0f && width > before)
            before = width;
        if (!(chart->values[i] < 0.0f) && width > behind)
            behind = width;
    }
    layout.labels = PLOT_MARGIN + labels;
    layout.left = layout.labels + PAD + before;
    layout.right = layout.left + AREA;
    layout.zero = x_of(&layout, 0.0);
    layout.top = PLOT_MARGIN + (chart->title != NULL ? PLOT_TITLE_HEIGHT + 4 : 0);
    layout.width = plot_width_for_title(layout.right + behind + PLOT_MARGIN, chart->title);
    layout.height = layout.top + (int)chart->n * ROW + PLOT_MARGIN - (ROW - BAR) / 2;
    return layout;
}

static void draw_bar(struct canvas *canvas, const struct bar_chart *chart,
                     const struct bars_layout *layout, size_t i) {
    char text[LABEL_SIZE];
    int top = layout->top + (int)i * ROW, text_top = top + (BAR - FONT_HEIGHT) / 2;
    double value = chart->values[i];
    bool muted = chart->muted != NULL && chart->muted[i];
    int end = isfinite(value) ? x_of(layout, value) : layout->zero;
    int left = end < layout->zero ? end : layout->zero;
    int width = end < layout->zero ? layout->zero - end : end - layout->zero;
    struct color color = muted ? color_none() : color_series(value < 0.0 ? 1 : 0);
    if (width == 0 && isfinite(value) && value != 0.0)
        width = 1; // a little is not nothing
    canvas_rectangle(canvas, left, top, width, BAR, color);
    if (muted)
        canvas_frame(canvas, left, top, width, BAR, color_faint());

    label_shorten(chart->labels[i], PLOT_LABEL_COLUMNS, text);
    canvas_text(canvas, layout->labels, text_top, ALIGN_RIGHT, text,
                muted ? color_faint() : color_ink());
    bar_chart_value(chart, i, text);
    if (value < 0.0)
        canvas_text(canvas, left - PAD, text_top, ALIGN_RIGHT, text, color_ink());
    else
        canvas_text(canvas, layout->zero + width + PAD, text_top, ALIGN_LEFT, text,
                    muted ? color_faint() : color_ink());
}

static bool has_muted(const struct bar_chart *chart) {
    for (size_t i = 0; chart->muted != NULL && chart->muted_title != NULL && i < chart->n; i++) {
        if (chart->muted[i])
            return true;
    }
    return false;
}

struct canvas *plot_bars(const struct bar_chart *chart, struct error *err) {
    if (chart->n < 1 || chart->n > CHART_MOST_BARS) {
        error_set(err, "chart \"%s\" has %zu bars, expected 1 to %d",
                  chart->title != NULL ? chart->title : "", chart->n, CHART_MOST_BARS);
        return NULL;
    }
    struct bars_layout layout = lay_out(chart);
    struct legend_entry legend = {.name = chart->muted_title, .color = color_none()};
    int below = layout.top + (int)chart->n * ROW + 4;
    if (chart->value_title != NULL)
        layout.height += FONT_HEIGHT + 10;
    if (has_muted(chart))
        layout.height += plot_legend(NULL, &legend, 1, 0, 0, layout.width) + 4;
    struct canvas *canvas = canvas_new(layout.width, layout.height, err);
    if (canvas == NULL)
        return NULL;
    plot_title(canvas, chart->title);
    for (size_t i = 0; i < chart->n; i++)
        draw_bar(canvas, chart, &layout, i);
    canvas_rectangle(canvas, layout.zero - 1, layout.top - 4, 1, (int)chart->n * ROW,
                     color_faint());
    if (chart->value_title != NULL) {
        char text[LABEL_SIZE];
        label_shorten(chart->value_title, AREA / FONT_WIDTH, text);
        canvas_text(canvas, layout.left, below, ALIGN_LEFT, text, color_faint());
        below += FONT_HEIGHT + 10;
    }
    if (has_muted(chart))
        plot_legend(canvas, &legend, 1, layout.left, below, AREA);
    return canvas;
}
