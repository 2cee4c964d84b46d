#include <math.h>
#include <stdio.h>

#include "label.h"
#include "term_plot.h"

enum {
    GAP = 4,          // columns that " ..." takes
    AFTER_LABEL = 1,  // columns between the labels of rows and the cells
    BETWEEN_MAPS = 2, // columns between maps side by side
    LEAST_CELL = 2,   // columns of a cell without text
    WIDEST_CELL = 12,
    NARROW_LABELS = 10, // columns to which labels of rows are shortened where room is scarce
    LEGEND_SIZE = 256,  // bytes of a legend in words
    LEGEND_CELLS = 20,  // cells of the colours in the legend
};

/* What stands above the columns. */
enum header { HEADER_LABELS, HEADER_NUMBERS };

struct layout {
    struct term_cut rows, columns;
    double low, high; // the ends of the scale
    double largest;   // magnitude of the largest value, for its digits
    size_t labels;    // columns that the labels of the rows take
    size_t numbers;   // columns that their numbers take before them; 0: they have none
    size_t cell;      // columns of a cell, with what separates it from the next
    enum header header;
};

static size_t digits(size_t number) {
    char text[32];
    return (size_t)snprintf(text, sizeof text, "%zu", number);
}

/* --- colours ---------------------------------------------------------------------------------- */

/*
 * The nearest of a terminal's 256 colours to a pale blue is now a grey, now a green. So where there
 * are no others we take ramps of ten and six that stay blue and orange, by their numbers.
 */
static int number_of_256(enum chart_scale scale, double level) {
    static const int blues[] = {231, 189, 153, 111, 75, 32, 26, 25, 18, 17};
    static const int oranges[] = {231, 223, 215, 208, 166, 130};
    if (scale == CHART_SIGNED && level < 0.0)
        return oranges[lround(-level * 5.0)];
    return blues[lround(level * 9.0)];
}

/* Makes what is written next stand on the colour of a level. */
static void set_level(const struct term *term, enum chart_scale scale, double level) {
    if (isnan(level) || term->colors != TERM_256_COLORS)
        term_background(term,
                        scale == CHART_SIGNED ? color_diverging(level) : color_sequential(level));
    else
        fprintf(term->out, "\033[48;5;%dm\033[38;5;%dm", number_of_256(scale, level),
                fabs(level) < 0.5 ? 16 : 231);
}

/* --- cells ------------------------------------------------------------------------------------ */

/* Which of five shades an amount gets. Little is not nothing: the first begins at 2%. */
static const double shade_from[] = {0.0, 0.02, 0.25, 0.5, 0.75};
static const char *const shades[] = {"·", "░", "▒", "▓", "█"};
enum { N_SHADES = sizeof shade_from / sizeof shade_from[0] };

static size_t shade_of(double level) {
    size_t shade = 0;
    while (shade + 1 < N_SHADES && level >= shade_from[shade + 1])
        shade++;
    return shade;
}

/* Fills so many columns with what stands for a level in a plain terminal. */
static void put_plain_cell(const struct term *term, enum chart_scale scale, double level,
                           size_t columns) {
    char text[8] = "~~"; // no number
    bool none = isnan(level);
    if (!none && scale == CHART_AMOUNT && !term->ascii) {
        size_t shade = shade_of(level);
        term_spaces(term, shade == 0 ? columns - 1 : 0);
        for (size_t i = 0; i < (shade == 0 ? 1 : columns); i++)
            fputs(shades[shade], term->out);
        return;
    }
    int ninths = none ? 0 : (int)lround(level * 9.0);
    if (!none)
        snprintf(text, sizeof text, scale == CHART_SIGNED && ninths != 0 ? "%+d" : "%d", ninths);
    term_right(term, text, columns);
}

static void put_cell(const struct term *term, const struct heatmap *map,
                     const struct layout *layout, double value) {
    double level = chart_level(map->scale, value, layout->low, layout->high);
    bool apart = term->colors == TERM_PLAIN && layout->cell > LEAST_CELL;
    size_t filled = apart ? layout->cell - 1 : layout->cell;
    char text[CHART_NUMBER_SIZE];
    term_spaces(term, layout->cell - filled);
    set_level(term, map->scale, level);
    if (map->show_values)
        term_right(term, chart_number(value, layout->largest, text), filled);
    else if (term->colors != TERM_PLAIN)
        term_spaces(term, filled);
    else
        put_plain_cell(term, map->scale, level, filled);
    term_reset(term);
}

/* --- the legend ------------------------------------------------------------------------------- */

static void put_color_legend(const struct term *term, const struct heatmap *map, double low,
                             double high) {
    char text[CHART_NUMBER_SIZE];
    double largest = fmax(fabs(low), fabs(high));
    fprintf(term->out, "%s ", chart_number(low, largest, text));
    for (int i = 0; i < LEGEND_CELLS; i++) {
        double share = (double)i / (LEGEND_CELLS - 1);
        double level = map->scale == CHART_SIGNED ? 2.0 * share - 1.0 : share;
        set_level(term, map->scale, level);
        term_spaces(term, 1);
    }
    term_reset(term);
    fprintf(term->out, " %s", chart_number(high, largest, text));
}

/* What shades or digits mean; at most 78 columns. */
static void plain_legend(const struct term *term, enum chart_scale scale, double low, double high,
                         char legend[LEGEND_SIZE]) {
    char text[CHART_NUMBER_SIZE], more[CHART_NUMBER_SIZE];
    double largest = fmax(fabs(low), fabs(high));
    if (scale == CHART_SIGNED || term->ascii) {
        snprintf(legend, LEGEND_SIZE, "%s is %s, 9 is %s", scale == CHART_SIGNED ? "-9" : "0",
                 chart_number(low, largest, text), chart_number(high, largest, more));
        return;
    }
    int written = snprintf(legend, LEGEND_SIZE, "%s less", shades[0]);
    for (size_t i = 1; i < N_SHADES; i++) {
        double from = low + shade_from[i] * (high - low);
        double digits_for = fmin(largest, fabs(from) * 10.0);
        written += snprintf(legend + written, LEGEND_SIZE - (size_t)written, ", %s%s from %s",
                            shades[i], shades[i], chart_number(from, digits_for, text));
    }
}

static bool has_none(const struct heatmap *maps, size_t n) {
    for (size_t m = 0; m < n; m++) {
        for (size_t i = 0; i < maps[m].n_rows * maps[m].n_columns; i++) {
            if (!isfinite(maps[m].values[i]))
                return true;
        }
    }
    return false;
}

/* What the colours, shades or digits of these maps mean; maps: [n] */
static void put_legend(const struct term *term, const struct heatmap *maps, size_t n, double low,
                       double high) {
    char title[LABEL_SIZE] = "", legend[LEGEND_SIZE] = "";
    if (term->colors == TERM_PLAIN)
        plain_legend(term, maps[0].scale, low, high, legend);
    if (maps[0].value_title != NULL) {
        label_shorten(maps[0].value_title, TERM_LABEL_COLUMNS, title);
        bool fits = label_columns(title) + 2 + label_columns(legend) <= TERM_COLUMNS;
        fprintf(term->out, "%s:%c", title, fits ? ' ' : '\n');
    }
    if (term->colors == TERM_PLAIN)
        fputs(legend, term->out);
    else
        put_color_legend(term, maps, low, high);
    fputc('\n', term->out);
    if (!has_none(maps, n))
        return;
    term_background(term, color_none());
    fputs(term->colors != TERM_PLAIN ? "  " : "~~", term->out);
    term_reset(term);
    fputs(" no number, or infinite\n", term->out);
}

/* --- one heatmap ------------------------------------------------------------------------------ */

/* The columns of the widest label among those shown, shortened; 0 without labels. */
static size_t widest_label(const char *const *labels, const struct term_cut *cut) {
    size_t widest = 0;
    for (size_t k = 0; labels != NULL && k < cut->shown; k++) {
        size_t columns = label_columns(labels[term_cut_index(cut, k)]);
        widest = columns > widest ? columns : widest;
    }
    return widest < TERM_LABEL_COLUMNS ? widest : TERM_LABEL_COLUMNS;
}

/* The columns that the text of the widest cell takes, 0 when cells have none. */
static size_t widest_value(const struct heatmap *map, const struct layout *layout) {
    size_t widest = 0;
    for (size_t i = 0; map->show_values && i < map->n_rows * map->n_columns; i++) {
        char text[CHART_NUMBER_SIZE];
        size_t columns = label_columns(chart_number(map->values[i], layout->largest, text));
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

/* Finds how wide cells are and how many columns fit, with labels above them or with numbers. */
static void lay_out_columns(const struct heatmap *map, struct layout *layout) {
    size_t value = widest_value(map, layout);
    size_t least = value > 0 ? value + 1 : LEAST_CELL;
    size_t wanted = widest_label(map->column_labels, &layout->columns) + 1;
    size_t number = digits(map->n_columns - 1) + 1;
    for (size_t most = TERM_MOST_CELLS; most >= 2; most--) {
        layout->columns = term_cut(map->n_columns, most);
        bool gap = layout->columns.shown > layout->columns.head;
        size_t others = layout->numbers + AFTER_LABEL + (gap ? GAP : 0);
        layout->header = HEADER_LABELS;
        layout->cell = wanted > least ? wanted : least;
        if (map->column_labels != NULL && layout->cell <= WIDEST_CELL &&
            others + layout->labels + layout->columns.shown * layout->cell <= TERM_COLUMNS)
            return;
        layout->header = HEADER_NUMBERS;
        layout->cell = number > least ? number : least;
        others += layout->columns.shown * layout->cell;
        size_t narrow = layout->labels < NARROW_LABELS ? layout->labels : NARROW_LABELS;
        if (others + narrow <= TERM_COLUMNS) { // rather shorten labels than leave columns out
            if (others + layout->labels > TERM_COLUMNS)
                layout->labels = TERM_COLUMNS - others;
            return;
        }
    }
}

static struct layout lay_out(const struct heatmap *map) {
    struct layout layout = {.header = HEADER_LABELS};
    double low, high;
    heatmap_range(map, &layout.low, &layout.high);
    chart_range(map->values, map->n_rows * map->n_columns, &low, &high);
    layout.largest = fmax(fabs(low), fabs(high));
    layout.rows = term_cut(map->n_rows, TERM_MOST_CELLS);
    layout.columns = term_cut(map->n_columns, TERM_MOST_CELLS);
    layout.labels = widest_label(map->row_labels, &layout.rows);
    if (layout.labels == 0)
        layout.labels = digits(map->n_rows - 1);
    lay_out_columns(map, &layout);
    bool same = map->row_labels != NULL && map->row_labels == map->column_labels;
    if (same && layout.header == HEADER_NUMBERS) {
        layout.numbers = digits(map->n_rows - 1) + 1;
        lay_out_columns(map, &layout);
    }
    return layout;
}

static const char *numbered(const char *const *labels, size_t i, char text[LABEL_SIZE]) {
    if (labels != NULL)
        return labels[i];
    snprintf(text, LABEL_SIZE, "%zu", i);
    return text;
}

static void put_header(const struct term *term, const struct heatmap *map,
                       const struct layout *layout) {
    term_spaces(term, layout->numbers + layout->labels + AFTER_LABEL);
    for (size_t k = 0; k < layout->columns.shown; k++) {
        char text[LABEL_SIZE];
        size_t c = term_cut_index(&layout->columns, k);
        if (term_cut_gap(&layout->columns, k))
            fputs(" ...", term->out);
        const char *const *labels = layout->header == HEADER_LABELS ? map->column_labels : NULL;
        term_spaces(term, 1);
        term_right(term, numbered(labels, c, text), layout->cell - 1);
    }
    fputc('\n', term->out);
}

static void put_row(const struct term *term, const struct heatmap *map, const struct layout *layout,
                    size_t r) {
    char text[LABEL_SIZE], number[32];
    snprintf(number, sizeof number, "%zu", r);
    if (layout->numbers > 0) {
        term_right(term, number, layout->numbers - 1);
        term_spaces(term, 1);
        term_left(term, numbered(map->row_labels, r, text), layout->labels);
    } else {
        term_right(term, numbered(map->row_labels, r, text), layout->labels);
    }
    term_spaces(term, AFTER_LABEL);
    for (size_t k = 0; k < layout->columns.shown; k++) {
        size_t c = term_cut_index(&layout->columns, k);
        if (term_cut_gap(&layout->columns, k))
            fputs(" ...", term->out);
        put_cell(term, map, layout, map->values[r * map->n_columns + c]);
    }
    fputc('\n', term->out);
}

/* The labels of columns that had room for numbers only: "0 The  1 ·server  ..." */
static void put_column_list(const struct term *term, const struct heatmap *map,
                            const struct layout *layout) {
    size_t at = 0;
    for (size_t k = 0; k < layout->columns.shown; k++) {
        char label[LABEL_SIZE], entry[LABEL_SIZE + 32];
        size_t c = term_cut_index(&layout->columns, k);
        label_shorten(map->column_labels[c], TERM_LABEL_COLUMNS, label);
        snprintf(entry, sizeof entry, "%zu %s", c, label);
        size_t columns = label_columns(entry);
        if (at > 0 && at + 2 + columns > TERM_COLUMNS) {
            fputc('\n', term->out);
            at = 0;
        }
        fprintf(term->out, "%s%s", at > 0 ? "  " : "", entry);
        at += columns + (at > 0 ? 2 : 0);
    }
    fputc('\n', term->out);
}

static void put_axis_title(const struct term *term, const char *what, const char *title) {
    char text[LABEL_SIZE];
    if (title != NULL)
        fprintf(term->out, "%s: %s\n", what, label_shorten(title, TERM_COLUMNS - 10, text));
}

void term_heatmap(const struct term *term, const struct heatmap *map) {
    char text[LABEL_SIZE];
    if (map->n_rows < 1 || map->n_columns < 1)
        return;
    struct layout layout = lay_out(map);
    if (map->title != NULL)
        fprintf(term->out, "%s\n", label_shorten(map->title, TERM_COLUMNS, text));
    put_axis_title(term, "rows", map->row_title);
    put_axis_title(term, "columns", map->column_title);
    put_header(term, map, &layout);
    for (size_t k = 0; k < layout.rows.shown; k++) {
        if (term_cut_gap(&layout.rows, k))
            fputs("...\n", term->out);
        put_row(term, map, &layout, term_cut_index(&layout.rows, k));
    }
    bool listed = layout.header == HEADER_NUMBERS && layout.numbers == 0;
    if (listed && map->column_labels != NULL)
        put_column_list(term, map, &layout);
    if (!map->show_values || term->colors != TERM_PLAIN)
        put_legend(term, map, 1, layout.low, layout.high);
}

/* --- several heatmaps ------------------------------------------------------------------------- */

/* One row of one of several maps, without labels. */
static void put_small_row(const struct term *term, const struct heatmap *map,
                          const struct layout *layout, size_t r) {
    struct heatmap plain = *map;
    plain.show_values = false;
    for (size_t i = 0; i < layout->columns.shown; i++) {
        size_t c = term_cut_index(&layout->columns, i);
        if (term_cut_gap(&layout->columns, i))
            fputs(" ...", term->out);
        put_cell(term, &plain, layout, map->values[r * map->n_columns + c]);
    }
}

/* `n` maps side by side, `width` columns each; maps: [n] */
static void put_band(const struct term *term, const struct heatmap *maps, size_t n,
                     const struct layout *layout, size_t cells, size_t width) {
    for (size_t m = 0; m < n; m++) {
        char text[LABEL_SIZE];
        label_shorten(maps[m].title != NULL ? maps[m].title : "", width, text);
        fputs(text, term->out);
        term_spaces(term, m + 1 < n ? width - label_columns(text) + BETWEEN_MAPS : 0);
    }
    fputc('\n', term->out);
    for (size_t k = 0; k < layout->rows.shown; k++) {
        if (term_cut_gap(&layout->rows, k))
            fputs("...\n", term->out);
        for (size_t m = 0; m < n; m++) {
            put_small_row(term, &maps[m], layout, term_cut_index(&layout->rows, k));
            term_spaces(term, m + 1 < n ? width - cells + BETWEEN_MAPS : 0);
        }
        fputc('\n', term->out);
    }
}

/* The columns of the widest title, shortened. */
static size_t widest_title(const struct heatmap *maps, size_t n) {
    size_t widest = 0;
    for (size_t m = 0; m < n; m++) {
        size_t columns = maps[m].title != NULL ? label_columns(maps[m].title) : 0;
        widest = columns > widest ? columns : widest;
    }
    return widest < TERM_LABEL_COLUMNS ? widest : TERM_LABEL_COLUMNS;
}

void term_heatmaps(const struct term *term, const struct heatmap *maps, size_t n) {
    if (n < 1 || maps[0].n_rows < 1 || maps[0].n_columns < 1)
        return;
    struct layout layout = {.cell = LEAST_CELL};
    layout.rows = term_cut(maps[0].n_rows, TERM_MOST_CELLS);
    layout.columns = term_cut(maps[0].n_columns, TERM_MOST_CELLS);
    heatmaps_range(maps, n, &layout.low, &layout.high);
    bool gap = layout.columns.shown > layout.columns.head;
    size_t cells = layout.columns.shown * layout.cell + (gap ? GAP : 0);
    size_t titles = widest_title(maps, n), width = titles > cells ? titles : cells;
    size_t per_line = (TERM_COLUMNS + BETWEEN_MAPS) / (width + BETWEEN_MAPS);
    for (size_t begin = 0; begin < n; begin += per_line) {
        size_t count = n - begin < per_line ? n - begin : per_line;
        put_band(term, maps + begin, count, &layout, cells, width);
        fputc('\n', term->out);
    }
    put_legend(term, maps, n, layout.low, layout.high);
}
