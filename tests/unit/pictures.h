/*
 * pictures.h - what the tests of charts as pictures share: counting pixels, random contents.
 */
#ifndef TESTS_UNIT_PICTURES_H
#define TESTS_UNIT_PICTURES_H

#include "support.h"

#include "../../common/plot/plot.h"

static const char *const tokens[] = {"The",  "·server", "·crashed", "·because", "·it", "·ran",
                                     "·out", "·of",     "·memory",  ".",        "↵",   "·👋"};

static inline bool same_color(struct color a, struct color b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

static inline int count_color(const struct canvas *canvas, struct color color) {
    int count = 0;
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++)
            count += same_color(canvas_get(canvas, x, y), color);
    }
    return count;
}

/* The picture, or the test fails with the message. */
static inline struct canvas *drawn(struct canvas *canvas, const struct error *err) {
    if (canvas == NULL)
        fail_msg("%s", err->message);
    return canvas;
}

/* Nothing is cut off at the edges: a few pixels all around are white. */
static inline void assert_margin(const struct canvas *canvas) {
    enum { MARGIN = 6 };
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            bool edge = x < MARGIN || y < MARGIN || x >= canvas->width - MARGIN ||
                        y >= canvas->height - MARGIN;
            if (edge && !same_color(canvas_get(canvas, x, y), color_white()))
                fail_msg("something is drawn at (%d, %d) of %d x %d", x, y, canvas->width,
                         canvas->height);
        }
    }
}

/* n values; one may be minus infinity. The caller frees them. */
static inline float *random_values(struct random_source *random, size_t n) {
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    random_floats(random, values, n);
    if (random_below(random, 3) == 0)
        values[random_below(random, n)] = -INFINITY;
    return values;
}

/* n labels of random kinds, which point into static texts. */
static inline void random_labels(struct random_source *random, const char **labels, size_t n) {
    static const char *const kinds[] = {
        "a", "·server", "·electroencephalographically", "日本語のとても長い単語です", "👋👋", "",
        "\xff\xfe", "e\xcc\x81", "12", "a\nb"};
    for (size_t i = 0; i < n; i++)
        labels[i] = kinds[random_below(random, LENGTH(kinds))];
}

/* The 12 heads of GPT-2's attention to 12 tokens. values: [12, 12, 12], filled; maps: [12] */
static inline void make_heads(float *values, struct heatmap *maps) {
    static const char *const names[] = {"head 0", "head 1", "head 2", "head 3", "head 4",  "head 5",
                                        "head 6", "head 7", "head 8", "head 9", "head 10", "head 11"};
    struct random_source random = {4};
    for (size_t h = 0; h < 12; h++) {
        float *weights = values + h * 144;
        for (size_t r = 0; r < 12; r++) {
            float sum = 0;
            for (size_t c = 0; c < 12; c++) {
                weights[r * 12 + c] = c <= r ? (float)exp(4 * random_uniform(&random)) : 0;
                sum += weights[r * 12 + c];
            }
            for (size_t c = 0; c < 12; c++)
                weights[r * 12 + c] /= sum;
        }
        maps[h] = (struct heatmap){.title = names[h],
                                   .row_title = "the token that looks",
                                   .column_title = "the token looked at",
                                   .value_title = "weight",
                                   .values = weights,
                                   .n_rows = 12,
                                   .n_columns = 12,
                                   .row_labels = tokens,
                                   .column_labels = tokens,
                                   .high = 1};
    }
}

#endif
