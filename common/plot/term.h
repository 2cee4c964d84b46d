/*
 * term.h - what a terminal can show: colours, and text of a known width.
 *
 * We count on 80 columns and never write more on a line. On a terminal that shows colours we use
 * them; when NO_COLOR is set (https://no-color.org), when the output goes to a file or a pipe, or
 * on a terminal that says it is dumb, not one escape code is written.
 */
#ifndef COMMON_TERM_H
#define COMMON_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "color.h"

enum { TERM_COLUMNS = 80 };

enum term_colors { TERM_PLAIN, TERM_256_COLORS, TERM_TRUE_COLORS };

struct term {
    FILE *out; // stays the caller's, who checks it for errors
    enum term_colors colors;
    bool ascii; // the charts' own signs are ASCII: no block characters
};

/* What this output can show, from what it is and from the environment: NO_COLOR, TERM, COLORTERM. */
struct term term_for(FILE *out);

/* Text on this background, black or white as is readable; in this colour; no colour any more.
 * In a plain terminal these write nothing. */
void term_background(const struct term *term, struct color color);
void term_foreground(const struct term *term, struct color color);
void term_reset(const struct term *term);

/* A label (label.h) in exactly so many columns: shortened with '…', or padded with spaces behind
 * it (left) or before it (right). */
void term_left(const struct term *term, const char *label, size_t columns);
void term_right(const struct term *term, const char *label, size_t columns);

void term_spaces(const struct term *term, size_t n);

/* Which of n rows or columns are shown where there is no room for all: the first and the last. */
struct term_cut {
    size_t n;     // how many there are
    size_t shown; // how many of them are shown
    size_t head;  // how many of these before the gap; shown == head: there is no gap
};

/* At most `most` (2 or more) of n. */
struct term_cut term_cut(size_t n, size_t most);

/* The number, from 0 to n - 1, of the i-th one shown. */
size_t term_cut_index(const struct term_cut *cut, size_t i);

/* Whether the gap, "...", stands before the i-th one shown. */
bool term_cut_gap(const struct term_cut *cut, size_t i);

#endif
