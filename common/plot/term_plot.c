#include "term_plot.h"

#include <math.h>
#include <string.h>

#include "label.h"

static void put_title(const struct term *term, const char *title) {
    char text[LABEL_SIZE];
    if (title != NULL)
        fprintf(term->out, "%s\n", label_shorten(title, TERM_COLUMNS, text));
}

/* --- bars ------------------------------------------------------------------------------------- */

struct bar_widths {
    size_t labels, values, bars; // columns
    size_t before_zero;          // columns of the bars' area that belong to negative values
    double low, high;
};

static struct bar_widths measure_bars(const struct bar_chart *chart, const struct term_cut *cut) {
    enum { GAPS = 4 }; // columns between labels, values and bars
    struct bar_widths widths = {.labels = 0};
    for (size_t k = 0; k < cut->shown; k++) {
        char text[LABEL_SIZE];
        size_t i = term_cut_index(cut, k);
        size_t label = label_columns(chart->labels[i]);
        size_t value = label_columns(bar_chart_value(chart, i, text));
        widths.labels = label > widths.labels ? label : widths.labels;
        widths.values = value > widths.values ? value : widths.values;
    }
    if (widths.labels > TERM_LABEL_COLUMNS)
        widths.labels = TERM_LABEL_COLUMNS;
    widths.bars = TERM_COLUMNS - GAPS - widths.labels - widths.values;
    bar_chart_range(chart, &widths.low, &widths.high);
    double share = -widths.low / (widths.high - widths.low);
    widths.before_zero = (size_t)(share * (double)widths.bars + 0.5);
    return widths;
}

/* A bar from 0 to the right, `length` columns long, down to an eighth of a column. */
static void put_bar(const struct term *term, double length, bool muted) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const char *full = term->ascii ? (muted ? "-" : "#") : muted ? "░" : "█";
    size_t parts = (size_t)(length * 8.0 + 0.5);
    if (parts == 0 && length > 0.0)
        parts = 1; // a little is not nothing
    if (term->ascii || muted)
        parts = (parts + 4) / 8 > 0 ? (parts + 4) / 8 * 8 : parts > 0 ? 8 : 0;
    for (size_t i = 0; i < parts / 8; i++)
        fputs(full, term->out);
    fputs(eighths[parts % 8], term->out);
}

static void put_bar_row(const struct term *term, const struct bar_chart *chart, size_t i,
                        const struct bar_widths *widths) {
    char text[LABEL_SIZE];
    double value = chart->values[i];
    bool muted = chart->muted != NULL && chart->muted[i];
    term_left(term, chart->labels[i], widths->labels);
    term_spaces(term, 2);
    term_right(term, bar_chart_value(chart, i, text), widths->values);
    if (isfinite(value) && value != 0.0) {
        double per_unit = (double)widths->bars / (widths->high - widths->low);
        double most = value < 0.0 ? -widths->low : widths->high;
        double length = fmin(fabs(value), most) * per_unit;
        size_t after_zero = widths->bars - widths->before_zero;
        length = fmin(length, (double)(value < 0.0 ? widths->before_zero : after_zero));
        size_t whole = (size_t)(length + 0.5); // negative bars end on whole columns
        if (value < 0.0 && whole == 0 && widths->before_zero > 0)
            whole = 1;
        term_spaces(term, 2 + widths->before_zero - (value < 0.0 ? whole : 0));
        if (!muted)
            term_foreground(term, color_series(value < 0.0 ? 1 : 0));
        put_bar(term, value < 0.0 ? (double)whole : length, muted);
        term_reset(term);
    }
    fputc('\n', term->out);
}

void term_bars(const struct term *term, const struct bar_chart *chart) {
    struct term_cut cut = term_cut(chart->n, TERM_MOST_BARS);
    struct bar_widths widths = measure_bars(chart, &cut);
    bool any_muted = false;
    put_title(term, chart->title);
    for (size_t k = 0; k < cut.shown; k++) {
        size_t i = term_cut_index(&cut, k);
        if (term_cut_gap(&cut, k))
            fputs("...\n", term->out);
        put_bar_row(term, chart, i, &widths);
        any_muted = any_muted || (chart->muted != NULL && chart->muted[i]);
    }
    if (any_muted && chart->muted_title != NULL) {
        char text[LABEL_SIZE];
        fprintf(term->out, "%s  %s\n", term->ascii ? "--" : "░░",
                label_shorten(chart->muted_title, TERM_COLUMNS - 4, text));
    }
}

/* --- tables ----------------------------------------------------------------------------------- */

enum {
    BETWEEN = 2,      // columns between two columns of a table
    GAP = 3,          // columns that "..." takes
    LEAST_COLUMN = 4, // columns to which one of a table may be narrowed
};

struct table_widths {
    struct term_cut columns;
    size_t widths[TERM_MOST_COLUMNS]; // [columns.shown]
};

static size_t table_width(const struct table_widths *layout) {
    const struct term_cut *columns = &layout->columns;
    size_t sum = columns->shown > columns->head ? GAP + BETWEEN : 0;
    for (size_t i = 0; i < columns->shown; i++)
        sum += layout->widths[i] + (i > 0 ? BETWEEN : 0);
    return sum;
}

static void measure_columns(const struct table *table, const struct term_cut *rows,
                            struct table_widths *layout) {
    for (size_t i = 0; i < layout->columns.shown; i++) {
        size_t c = term_cut_index(&layout->columns, i);
        size_t widest = table->headers != NULL ? label_columns(table->headers[c]) : 0;
        for (size_t k = 0; k < rows->shown; k++) {
            size_t r = term_cut_index(rows, k);
            size_t width = label_columns(table->cells[r * table->n_columns + c]);
            widest = width > widest ? width : widest;
        }
        layout->widths[i] = widest < TERM_COLUMNS ? widest : TERM_COLUMNS;
    }
}

/* Narrows the widest columns until the table fits; false when they would get too narrow. */
static bool narrow_columns(struct table_widths *layout) {
    while (table_width(layout) > TERM_COLUMNS) {
        size_t widest = 0;
        for (size_t i = 1; i < layout->columns.shown; i++) {
            if (layout->widths[i] > layout->widths[widest])
                widest = i;
        }
        if (layout->widths[widest] <= LEAST_COLUMN)
            return false;
        layout->widths[widest]--;
    }
    return true;
}

/* cells: [n_columns], one row of the table */
static void put_table_row(const struct term *term, const struct table *table,
                          const struct table_widths *layout, const char *const *cells) {
    for (size_t i = 0; i < layout->columns.shown; i++) {
        size_t c = term_cut_index(&layout->columns, i);
        bool last = i + 1 == layout->columns.shown;
        if (term_cut_gap(&layout->columns, i))
            fputs("...  ", term->out);
        if (table->right != NULL && table->right[c]) {
            term_right(term, cells[c], layout->widths[i]);
        } else if (last) { // no spaces at the end of a line
            char text[LABEL_SIZE];
            fputs(label_shorten(cells[c], layout->widths[i], text), term->out);
        } else {
            term_left(term, cells[c], layout->widths[i]);
        }
        term_spaces(term, last ? 0 : BETWEEN);
    }
    fputc('\n', term->out);
}

void term_table(const struct term *term, const struct table *table) {
    struct term_cut rows =
        term_cut(table->n_rows, table->most_rows > 1 ? table->most_rows : TERM_MOST_ROWS);
    struct table_widths layout;
    size_t most = TERM_MOST_COLUMNS;
    do {
        layout.columns = term_cut(table->n_columns, most);
        measure_columns(table, &rows, &layout);
    } while (!narrow_columns(&layout) && --most >= 2);

    put_title(term, table->title);
    if (table->headers != NULL)
        put_table_row(term, table, &layout, table->headers);
    for (size_t k = 0; k < rows.shown; k++) {
        if (term_cut_gap(&rows, k))
            fputs("...\n", term->out);
        put_table_row(term, table, &layout,
                      table->cells + term_cut_index(&rows, k) * table->n_columns);
    }
}
