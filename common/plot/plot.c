#include "plot.h"

#include "font.h"
#include "plot_legend.h"

static void free_all(struct canvas **pictures, size_t n) {
    for (size_t i = 0; i < n; i++) {
        canvas_free(pictures[i]);
        pictures[i] = NULL;
    }
}

/* Pastes the pictures row by row, each into a cell as large as the largest of them. */
static void paste_all(struct canvas *whole, struct canvas **pictures, size_t n, size_t per_row,
                      int top, int cell_width, int cell_height) {
    for (size_t i = 0; i < n; i++) {
        int x = (int)(i % per_row) * cell_width, y = top + (int)(i / per_row) * cell_height;
        canvas_paste(whole, x, y, pictures[i]);
    }
}

struct canvas *plot_together(const char *title, struct canvas **pictures, size_t n, size_t per_row,
                             struct error *err) {
    int cell_width = 0, cell_height = 0;
    bool complete = n > 0 && per_row > 0;
    for (size_t i = 0; i < n; i++) {
        if (pictures[i] == NULL) {
            free_all(pictures, n);
            return NULL;
        }
        if (pictures[i]->width > cell_width)
            cell_width = pictures[i]->width;
        if (pictures[i]->height > cell_height)
            cell_height = pictures[i]->height;
    }
    struct canvas *whole = NULL;
    int top = title != NULL ? PLOT_MARGIN + FONT_HEIGHT : 0;
    if (!complete || n > CANVAS_LARGEST) {
        error_set(err,
                  "%zu pictures were given to be put together, %zu per row, expected 1 or more", n,
                  per_row);
    } else {
        size_t columns = n < per_row ? n : per_row, rows = (n + per_row - 1) / per_row;
        whole = canvas_new(cell_width * (int)columns, top + cell_height * (int)rows, err);
    }
    if (whole != NULL) {
        plot_title(whole, title);
        paste_all(whole, pictures, n, per_row, top, cell_width, cell_height);
    }
    free_all(pictures, n);
    return whole;
}

bool plot_save(struct canvas *picture, const char *path, struct error *err) {
    if (picture == NULL)
        return false;
    bool written = canvas_write_png(picture, path, err);
    canvas_free(picture);
    return written;
}
