#define _POSIX_C_SOURCE 200809L // fileno, isatty

#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "label.h"

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static bool is_value(const char *name, const char *expected) {
    const char *value = getenv(name);
    return value != NULL && strcmp(value, expected) == 0;
}

struct term term_for(FILE *out) {
    struct term term = {.out = out, .colors = TERM_PLAIN, .ascii = false};
    if (!isatty(fileno(out)))
        return term;
    term.ascii = !is_set("TERM") || is_value("TERM", "dumb");
    if (term.ascii || is_set("NO_COLOR"))
        return term;
    bool true_colors = is_value("COLORTERM", "truecolor") || is_value("COLORTERM", "24bit");
    term.colors = true_colors ? TERM_TRUE_COLORS : TERM_256_COLORS;
    return term;
}

static int squared_distance(struct color a, struct color b) {
    int red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
    return red * red + green * green + blue * blue;
}

/* The nearest of a terminal's 256 colours: a cube of 6 x 6 x 6 from number 16, greys from 232. */
static int nearest_of_256(struct color color) {
    static const unsigned char levels[] = {0, 95, 135, 175, 215, 255};
    int best = 16, best_distance = 1 << 30;
    for (int i = 16; i < 256; i++) {
        int cube = i - 16;
        unsigned char grey = (unsigned char)(i >= 232 ? 8 + 10 * (i - 232) : 0);
        struct color candidate = {grey, grey, grey};
        if (i < 232)
            candidate = (struct color){levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6]};
        int distance = squared_distance(color, candidate);
        if (distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    return best;
}

/* layer: 38 sets the colour of text, 48 the colour behind it. */
static void set_color(const struct term *term, int layer, struct color color) {
    if (term->colors == TERM_TRUE_COLORS)
        fprintf(term->out, "\033[%d;2;%d;%d;%dm", layer, color.red, color.green, color.blue);
    else if (term->colors == TERM_256_COLORS)
        fprintf(term->out, "\033[%d;5;%dm", layer, nearest_of_256(color));
}

void term_background(const struct term *term, struct color color) {
    set_color(term, 48, color);
    set_color(term, 38, color_text_on(color));
}

void term_foreground(const struct term *term, struct color color) {
    set_color(term, 38, color);
}

void term_reset(const struct term *term) {
    if (term->colors != TERM_PLAIN)
        fputs("\033[0m", term->out);
}

void term_spaces(const struct term *term, size_t n) {
    for (size_t i = 0; i < n; i++)
        fputc(' ', term->out);
}

void term_left(const struct term *term, const char *label, size_t columns) {
    char text[LABEL_SIZE];
    fputs(label_shorten(label, columns, text), term->out);
    term_spaces(term, columns - label_columns(text));
}

void term_right(const struct term *term, const char *label, size_t columns) {
    char text[LABEL_SIZE];
    label_shorten(label, columns, text);
    term_spaces(term, columns - label_columns(text));
    fputs(text, term->out);
}

struct term_cut term_cut(size_t n, size_t most) {
    if (n <= most)
        return (struct term_cut){.n = n, .shown = n, .head = n};
    return (struct term_cut){.n = n, .shown = most, .head = (most + 1) / 2};
}

size_t term_cut_index(const struct term_cut *cut, size_t i) {
    return i < cut->head ? i : cut->n - (cut->shown - i);
}

bool term_cut_gap(const struct term_cut *cut, size_t i) {
    return i == cut->head && cut->shown > cut->head;
}
