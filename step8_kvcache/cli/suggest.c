#include "suggest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 32, LONG_WORD = 8 };

static char plain(char c) {
    return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/*
 * How many letters have to be put in, left out, changed or swapped with their neighbour to make
 * a[n] of b[m]; both have at most LONGEST. Row i of the table has the distances of a's first i
 * letters to each beginning of b. (The "optimal string alignment" distance.)
 */
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m) {
    size_t distance[LONGEST + 1][LONGEST + 1]; // [n + 1, m + 1]
    for (size_t i = 0; i <= n; i++)
        distance[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        distance[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t changed = distance[i - 1][j - 1] + (plain(a[i - 1]) != plain(b[j - 1]));
            size_t longer = smaller(distance[i - 1][j], distance[i][j - 1]) + 1;
            distance[i][j] = smaller(changed, longer);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) &&
                plain(a[i - 2]) == plain(b[j - 1]))
                distance[i][j] = smaller(distance[i][j], distance[i - 2][j - 2] + 1);
        }
    }
    return distance[n][m];
}

const char *suggest_option(const struct option *options, const char *word, size_t length) {
    const char *nearest = NULL;
    size_t least = length / 3 + (length >= LONG_WORD) + 1; // the first distance that is too far
    if (length > LONGEST)
        return NULL;
    for (; options->name != NULL; options++) {
        size_t far = edit_distance(word, length, options->name, strlen(options->name));
        if (far < least) {
            least = far;
            nearest = options->name;
        }
    }
    return nearest;
}
