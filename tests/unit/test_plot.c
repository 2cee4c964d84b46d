/* common/plot.h: charts as pictures; heatmaps are in test_plot_heatmap.c. */
#include "support.h"

#include "../../common/plot/font.h"
#include "pictures.h"

/* --- bars --------------------------------------------------------------------------------------- */

TEST(bars_are_as_long_as_their_values) {
    struct error err;
    const float values[] = {4, 2, 1, -2};
    struct bar_chart chart = {.values = values, .labels = tokens, .n = 4};
    struct canvas *canvas = drawn(plot_bars(&chart, &err), &err);
    double positive = count_color(canvas, color_series(0));
    double negative = count_color(canvas, color_series(1));
    assert_close(negative / positive, 2.0 / 7.0, 0.01);
    assert_margin(canvas);
    canvas_free(canvas);
}

TEST(bars_on_a_common_scale_can_be_compared) {
    struct error err;
    const float half = 0.5f, quarter = 0.25f;
    struct bar_chart chart = {.values = &half, .labels = tokens, .n = 1, .high = 1};
    struct canvas *first = drawn(plot_bars(&chart, &err), &err);
    chart.values = &quarter;
    struct canvas *second = drawn(plot_bars(&chart, &err), &err);
    assert_int_equal(count_color(first, color_series(0)), 2 * count_color(second, color_series(0)));
    canvas_free(first);
    canvas_free(second);
}

TEST(muted_bars_are_grey) {
    struct error err;
    const float values[] = {4, 4};
    const bool muted[] = {false, true};
    struct bar_chart chart = {
        .values = values, .labels = tokens, .n = 2, .muted = muted, .muted_title = "cut off"};
    struct canvas *canvas = drawn(plot_bars(&chart, &err), &err);
    assert_true(count_color(canvas, color_none()) > count_color(canvas, color_series(0)) / 2);
    assert_margin(canvas);
    canvas_free(canvas);
}

TEST(bars_of_any_kind_keep_their_margins) {
    struct random_source random = {31};
    for (size_t i = 0; i < 60; i++) {
        struct error err;
        const char *labels[CHART_MOST_BARS], *texts[CHART_MOST_BARS];
        size_t n = 1 + random_below(&random, CHART_MOST_BARS);
        float *values = random_values(&random, n);
        random_labels(&random, labels, n);
        random_labels(&random, texts, n);
        struct bar_chart chart = {.title = i % 2 ? "some bars" : NULL,
                                  .value_title = i % 3 ? "what they are" : NULL,
                                  .values = values,
                                  .labels = labels,
                                  .value_texts = i % 5 ? NULL : texts,
                                  .percent = i % 4 == 0,
                                  .n = n};
        struct canvas *canvas = drawn(plot_bars(&chart, &err), &err);
        assert_margin(canvas);
        canvas_free(canvas);
        free(values);
    }
}

TEST(no_bars_or_too_many_are_refused) {
    struct error err;
    struct bar_chart chart = {.title = "all words", .n = 0};
    assert_null(plot_bars(&chart, &err));
    assert_message(&err, "all words", "0 bars", "expected 1 to 60");
    chart.n = CHART_MOST_BARS + 1;
    assert_null(plot_bars(&chart, &err));
}

/* --- lines -------------------------------------------------------------------------------------- */

/* The lowest and highest y of the picture that have a colour in column x. */
static void span_in_column(const struct canvas *canvas, int x, struct color color, int *top,
                           int *bottom) {
    *top = canvas->height;
    *bottom = -1;
    for (int y = 0; y < canvas->height; y++) {
        if (same_color(canvas_get(canvas, x, y), color)) {
            *top = y < *top ? y : *top;
            *bottom = y;
        }
    }
}

TEST(a_line_rises_evenly_from_corner_to_corner) {
    struct error err;
    float y[100];
    for (size_t i = 0; i < 100; i++)
        y[i] = (float)i;
    struct line_series series = {.name = "straight", .y = y, .n = 100};
    struct line_chart chart = {.series = &series, .n_series = 1};
    struct canvas *canvas = drawn(plot_lines(&chart, &err), &err);
    int first = -1, last = -1, top, bottom, begin, end;
    for (int x = 0; x < canvas->width; x++) {
        span_in_column(canvas, x, color_series(0), &top, &bottom);
        if (bottom >= 0) {
            first = first < 0 ? x : first;
            last = x;
        }
    }
    assert_in_range(last - first, 590, 610);
    span_in_column(canvas, first, color_series(0), &top, &begin);
    span_in_column(canvas, last, color_series(0), &end, &bottom);
    span_in_column(canvas, (first + last) / 2, color_series(0), &top, &bottom);
    assert_in_range(begin - end, 300, 330);
    assert_in_range(bottom, (begin + end) / 2 - 4, (begin + end) / 2 + 4);
    assert_margin(canvas);
    canvas_free(canvas);
}

TEST(a_missing_value_interrupts_a_line) {
    struct error err;
    float whole[50], broken[50];
    for (size_t i = 0; i < 50; i++)
        whole[i] = broken[i] = (float)(i % 7);
    broken[20] = NAN;
    broken[21] = INFINITY;
    struct line_series series = {.name = "", .y = whole, .n = 50};
    struct line_chart chart = {.series = &series, .n_series = 1};
    struct canvas *first = drawn(plot_lines(&chart, &err), &err);
    series.y = broken;
    struct canvas *second = drawn(plot_lines(&chart, &err), &err);
    int whole_pixels = count_color(first, color_series(0));
    int broken_pixels = count_color(second, color_series(0));
    assert_in_range(broken_pixels, whole_pixels * 88 / 100, whole_pixels * 97 / 100);
    canvas_free(first);
    canvas_free(second);
}

/* The ticks below a chart without titles of its axes: the pixels in the lowest faint row. */
static int count_x_ticks(const struct line_chart *chart) {
    struct error err;
    struct canvas *canvas = drawn(plot_lines(chart, &err), &err);
    int count = 0;
    for (int y = canvas->height - 1; y >= 0 && count == 0; y--) {
        for (int x = 0; x < canvas->width; x++)
            count += same_color(canvas_get(canvas, x, y), color_faint());
    }
    canvas_free(canvas);
    return count;
}

TEST(what_is_counted_has_ticks_at_whole_numbers) {
    const float y[] = {3, 1, 4, 1, 5};
    struct line_series series = {.name = "layers", .y = y, .n = 5};
    struct line_chart chart = {.series = &series, .n_series = 1};
    assert_int_equal(count_x_ticks(&chart), 9); // 0, 0.5, 1, ...
    chart.whole_x = true;
    assert_int_equal(count_x_ticks(&chart), 5);
    series.n = 1;
    assert_int_equal(count_x_ticks(&chart), 1);
}

TEST(a_line_is_cut_off_at_the_ends_of_the_axis) {
    struct error err;
    const float rising[] = {-1, 1, 3}, above[] = {1e30f, 1e30f, 1e30f};
    struct line_series series[] = {{"rising", NULL, rising, 3}, {"above", NULL, above, 3}};
    struct line_chart chart = {.series = series, .n_series = 1, .low = 0, .high = 2};
    struct canvas *canvas = drawn(plot_lines(&chart, &err), &err);
    int first = -1, last = -1, top, bottom, highest = canvas->height, lowest = -1;
    for (int x = 0; x < canvas->width; x++) {
        span_in_column(canvas, x, color_series(0), &top, &bottom);
        if (bottom < 0)
            continue;
        first = first < 0 ? x : first;
        last = x;
        highest = top < highest ? top : highest;
        lowest = bottom > lowest ? bottom : lowest;
    }
    // It enters at a quarter of the width, leaves at three quarters, and takes the whole height.
    assert_in_range(last - first, 295, 305);
    assert_in_range(lowest - highest, 318, 323);
    assert_margin(canvas);
    canvas_free(canvas);
    chart.series = series + 1; // all of it above
    canvas = drawn(plot_lines(&chart, &err), &err);
    assert_int_equal(count_color(canvas, color_series(0)), 0);
    canvas_free(canvas);
    const float rounded[] = {2, 2.0000002f, 2}; // on the edge, but for a rounding error
    series[1].y = rounded;
    canvas = drawn(plot_lines(&chart, &err), &err);
    assert_true(count_color(canvas, color_series(0)) > 600);
    canvas_free(canvas);
}

TEST(powers_of_ten_are_written_as_such) {
    struct error err;
    const float y[] = {0, 10, 20};
    struct line_series series = {.name = "", .y = y, .n = 3};
    struct line_chart chart = {.series = &series, .n_series = 1};
    struct canvas *numbers = drawn(plot_lines(&chart, &err), &err);
    chart.powers_y = true;
    struct canvas *powers = drawn(plot_lines(&chart, &err), &err);
    assert_int_equal(powers->width, numbers->width + 3 * FONT_WIDTH); // "20" has become "10^20"
    canvas_free(numbers);
    canvas_free(powers);
}

TEST(lines_of_any_values_keep_their_margins) {
    struct random_source random = {77};
    for (size_t i = 0; i < 60; i++) {
        struct error err;
        struct line_series series[COLOR_SERIES];
        const char *names[COLOR_SERIES];
        size_t n_series = 1 + random_below(&random, COLOR_SERIES);
        float scale = (float)pow(10, (double)random_below(&random, 30) - 15);
        random_labels(&random, names, n_series);
        for (size_t s = 0; s < n_series; s++) {
            size_t n = 1 + random_below(&random, 100);
            float *y = random_values(&random, n);
            for (size_t k = 0; k < n; k++)
                y[k] = i % 7 == 0 ? scale : y[k] * scale; // sometimes a flat line
            series[s] = (struct line_series){.name = names[s], .y = y, .n = n};
        }
        struct line_chart chart = {.title = i % 2 ? "some lines" : NULL,
                                   .x_title = i % 3 ? "x" : NULL,
                                   .y_title = i % 4 ? "y" : NULL,
                                   .series = series,
                                   .n_series = n_series,
                                   .from_zero = i % 5 == 0,
                                   .whole_x = i % 2,
                                   .powers_y = i % 6 == 0,
                                   .high = i % 4 == 0 ? scale / 2 : 0};
        struct canvas *canvas = drawn(plot_lines(&chart, &err), &err);
        assert_margin(canvas);
        canvas_free(canvas);
        for (size_t s = 0; s < n_series; s++)
            free((void *)(uintptr_t)series[s].y);
    }
}

TEST(no_lines_or_too_many_are_refused) {
    struct error err;
    struct line_chart chart = {.title = "time", .n_series = COLOR_SERIES + 1};
    assert_null(plot_lines(&chart, &err));
    assert_message(&err, "time", "7 lines", "expected 1 to 6");
}

/* --- treemaps ----------------------------------------------------------------------------------- */

TEST(tiles_have_the_shares_of_their_groups) {
    struct error err;
    const float values[] = {50, 10, 10, 5, 20, 5};
    const size_t groups[] = {0, 1, 1, 1, 2, 2};
    static const char *const names[] = {"a", "b", "c"};
    static const char *const labels[] = {"", "", "", "", "", ""};
    struct treemap map = {.values = values, .labels = labels, .value_texts = labels,
                          .groups = groups, .n = 6,           .group_names = names,
                          .n_groups = 3};
    struct canvas *canvas = drawn(plot_treemap(&map, &err), &err);
    double all = 0, counts[3];
    for (size_t g = 0; g < 3; g++)
        all += counts[g] = count_color(canvas, color_series(g)) - 14 * 14; // less the legend's
    assert_close(counts[0] / all, 0.50, 0.01);
    assert_close(counts[1] / all, 0.25, 0.01);
    assert_close(counts[2] / all, 0.25, 0.01);
    assert_close(all, 760 * 420, 760 * 420 * 0.02);
    canvas_free(canvas);
}

TEST(treemaps_of_any_values_keep_their_margins) {
    struct random_source random = {13};
    for (size_t i = 0; i < 40; i++) {
        struct error err;
        float values[CHART_MOST_TILES];
        size_t groups[CHART_MOST_TILES];
        const char *labels[CHART_MOST_TILES], *names[COLOR_SERIES];
        size_t n = 1 + random_below(&random, CHART_MOST_TILES);
        size_t n_groups = 1 + random_below(&random, COLOR_SERIES);
        random_labels(&random, labels, n);
        random_labels(&random, names, n_groups);
        for (size_t k = 0; k < n; k++) { // from 0 and nearly 0 to a lot
            values[k] = k % 9 == 8 ? 0 : (float)exp(30 * random_uniform(&random) - 15);
            groups[k] = random_below(&random, n_groups);
        }
        struct treemap map = {.title = "parts",       .values = values, .labels = labels,
                              .groups = groups,       .n = n,           .group_names = names,
                              .n_groups = n_groups};
        struct canvas *canvas = drawn(plot_treemap(&map, &err), &err);
        assert_margin(canvas);
        canvas_free(canvas);
    }
}

TEST(values_that_are_no_parts_are_refused) {
    struct error err;
    static const float bad[][2] = {{1, -1}, {1, NAN}, {INFINITY, 1}, {0, 0}};
    static const char *const labels[] = {"a", "b"};
    size_t groups[] = {0, 0};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct treemap map = {.title = "parts", .values = bad[i], .labels = labels, .n = 2,
                              .groups = groups, .group_names = labels, .n_groups = 1};
        assert_null(plot_treemap(&map, &err));
        assert_message(&err, "treemap \"parts\"");
    }
    const float good[] = {1, 2};
    groups[1] = 1;
    struct treemap map = {.values = good, .labels = labels, .n = 2,
                          .groups = groups, .group_names = labels, .n_groups = 1};
    assert_null(plot_treemap(&map, &err));
    assert_message(&err, "part 1", "group 1");
}

/* --- together, and to files --------------------------------------------------------------------- */

static struct canvas *one_color(int width, int height, struct color color) {
    struct error err;
    struct canvas *canvas = drawn(canvas_new(width, height, &err), &err);
    canvas_rectangle(canvas, 0, 0, width, height, color);
    return canvas;
}

TEST(pictures_are_put_together_row_by_row) {
    struct error err;
    struct color red = {255, 0, 0}, green = {0, 255, 0}, blue = {0, 0, 255};
    struct canvas *pictures[] = {one_color(10, 20, red), one_color(30, 5, green),
                                 one_color(10, 10, blue)};
    struct canvas *whole = drawn(plot_together(NULL, pictures, 3, 2, &err), &err);
    assert_int_equal(whole->width, 60);
    assert_int_equal(whole->height, 40);
    assert_int_equal(count_color(whole, red), 200);
    assert_int_equal(count_color(whole, green), 150);
    assert_true(same_color(canvas_get(whole, 30, 0), green));
    assert_true(same_color(canvas_get(whole, 0, 20), blue));
    assert_null(pictures[0]); // they are freed
    canvas_free(whole);
}

TEST(a_picture_that_failed_fails_the_whole) {
    struct error err;
    struct line_chart empty = {.title = "empty"};
    struct canvas *pictures[] = {one_color(10, 20, color_ink()), plot_lines(&empty, &err)};
    assert_null(plot_together("two", pictures, 2, 2, &err));
    assert_message(&err, "empty", "0 lines"); // the first cause
    assert_false(plot_save(NULL, path_of("never.png"), &err));
    assert_message(&err, "empty", "0 lines");
}

#if defined(HAVE_STB)
TEST(pictures_of_lessons_are_small_files) {
    enum { LIMIT = 60 * 1024 }; // what a page's picture may take
    struct error err;
    float values[12 * 144];
    struct heatmap maps[12];
    size_t length;
    make_heads(values, maps);
    assert_done(plot_save(plot_heatmaps("Heads", maps, 12, &err), path_of("heads.png"), &err),
                &err);
    free(read_bytes(path_of("heads.png"), &length));
    assert_in_range(length, 5000, LIMIT);
    maps[0].show_values = true;
    assert_done(plot_save(plot_heatmap(maps, &err), path_of("head.png"), &err), &err);
    free(read_bytes(path_of("head.png"), &length));
    assert_in_range(length, 5000, LIMIT);
}

TEST(the_same_chart_gives_the_same_file) {
    struct error err;
    float values[12 * 144];
    struct heatmap maps[12];
    size_t lengths[2];
    char *files[2];
    make_heads(values, maps);
    for (size_t i = 0; i < 2; i++) {
        assert_done(plot_save(plot_heatmap(maps, &err), path_of("same.png"), &err), &err);
        files[i] = read_bytes(path_of("same.png"), &lengths[i]);
    }
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(files[0], files[1], lengths[0]);
    free(files[0]);
    free(files[1]);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_are_as_long_as_their_values),
        cmocka_unit_test(bars_on_a_common_scale_can_be_compared),
        cmocka_unit_test(muted_bars_are_grey),
        cmocka_unit_test(bars_of_any_kind_keep_their_margins),
        cmocka_unit_test(no_bars_or_too_many_are_refused),
        cmocka_unit_test(a_line_rises_evenly_from_corner_to_corner),
        cmocka_unit_test(a_missing_value_interrupts_a_line),
        cmocka_unit_test(what_is_counted_has_ticks_at_whole_numbers),
        cmocka_unit_test(a_line_is_cut_off_at_the_ends_of_the_axis),
        cmocka_unit_test(powers_of_ten_are_written_as_such),
        cmocka_unit_test(lines_of_any_values_keep_their_margins),
        cmocka_unit_test(no_lines_or_too_many_are_refused),
        cmocka_unit_test(tiles_have_the_shares_of_their_groups),
        cmocka_unit_test(treemaps_of_any_values_keep_their_margins),
        cmocka_unit_test(values_that_are_no_parts_are_refused),
        cmocka_unit_test(pictures_are_put_together_row_by_row),
        cmocka_unit_test(a_picture_that_failed_fails_the_whole),
#if defined(HAVE_STB)
        cmocka_unit_test(pictures_of_lessons_are_small_files),
        cmocka_unit_test(the_same_chart_gives_the_same_file),
#endif
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
