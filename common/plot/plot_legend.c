#include "plot_legend.h"

#include <stdlib.h>

#include "font.h"
#include "label.h"
#include "plot.h"

enum {
    LONGEST_TITLE = 90, // columns for which a picture is made wider
    LINE = 22,          // height of a line of entries
    BOX = 14,           // width of an entry's box
    STROKE = 30,        // width of an entry's piece of line
    PAD = 8,            // between the mark and the name
    BETWEEN = 24,       // between two entries
};

int plot_legend(struct canvas *canvas, const struct legend_entry *entries, size_t n, int x, int y,
                int width) {
    int at = 0, height = n > 0 ? LINE : 0;
    for (size_t i = 0; i < n; i++) {
        char name[LABEL_SIZE];
        int mark = entries[i].is_line ? STROKE : BOX;
        label_shorten(entries[i].name, (size_t)(width - mark - PAD) / FONT_WIDTH, name);
        int needed = mark + PAD + canvas_text_width(name);
        if (at > 0 && at + needed > width) {
            at = 0;
            height += LINE;
        }
        int left = x + at, top = y + height - LINE;
        at += needed + BETWEEN;
        if (canvas == NULL)
            continue;
        int walked = 0;
        if (entries[i].is_line)
            plot_stroke(canvas, left, top + FONT_HEIGHT / 2, left + STROKE - 1,
                        top + FONT_HEIGHT / 2, entries[i].dash, &walked, entries[i].color);
        else
            canvas_rectangle(canvas, left, top, BOX, BOX, entries[i].color);
        canvas_text(canvas, left + mark + PAD, top, ALIGN_LEFT, name, color_ink());
    }
    return height;
}

/* Whether a line is interrupted after so many pixels. */
static bool in_gap(size_t dash, int walked) {
    static const int patterns[][4] = {
        // pixels: on, off, on, off
        {1, 0, 1, 0}, {10, 5, 10, 5}, {3, 4, 3, 4}, {12, 4, 3, 4}, {6, 3, 6, 3}, {18, 4, 18, 4},
    };
    const int *pattern = patterns[dash % (sizeof patterns / sizeof patterns[0])]; // [4]
    int at = walked % (pattern[0] + pattern[1] + pattern[2] + pattern[3]);
    if (at >= pattern[0] + pattern[1])
        return at >= pattern[0] + pattern[1] + pattern[2];
    return at >= pattern[0];
}

void plot_stroke(struct canvas *canvas, int x0, int y0, int x1, int y1, size_t dash, int *walked,
                 struct color color) {
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        double share = steps > 0 ? (double)i / steps : 0.0;
        int x = x0 + (int)((x1 - x0) * share + (x1 >= x0 ? 0.5 : -0.5));
        int y = y0 + (int)((y1 - y0) * share + (y1 >= y0 ? 0.5 : -0.5));
        if (!in_gap(dash, *walked + i))
            canvas_rectangle(canvas, x, y, 2, 2, color);
    }
    *walked += steps;
}

void plot_title(struct canvas *canvas, const char *title) {
    char text[LABEL_SIZE];
    if (title == NULL)
        return;
    label_shorten(title, (size_t)(canvas->width - 2 * PLOT_MARGIN) / FONT_WIDTH, text);
    canvas_text_bold(canvas, PLOT_MARGIN, PLOT_MARGIN, ALIGN_LEFT, text, color_ink());
}

int plot_width_for_title(int width, const char *title) {
    int wanted = title != NULL ? canvas_text_width(title) : 0;
    if (wanted > LONGEST_TITLE * FONT_WIDTH)
        wanted = LONGEST_TITLE * FONT_WIDTH;
    wanted += 2 * PLOT_MARGIN + 1;
    return width > wanted ? width : wanted;
}
