/* common/plot.h: heatmaps as pictures. */
#include "support.h"

#include "../../common/plot/heatmap_layout.h"
#include "pictures.h"

TEST(a_heatmaps_cells_have_the_colours_of_their_values) {
    struct error err;
    // Neither 0.25 nor 0.75 of the scale is a number's colour by accident: the legend holds each
    // of the colours in one or a few lines of 14 pixels, a cell has more than a thousand.
    const float values[] = {0.25f, 0.75f, 0.75f, -INFINITY};
    struct heatmap map = {.values = values, .n_rows = 2, .n_columns = 2, .low = 0, .high = 1};
    struct canvas *canvas = drawn(plot_heatmap(&map, &err), &err);
    int quarter = count_color(canvas, color_sequential(0.25));
    int three_quarters = count_color(canvas, color_sequential(0.75));
    int none = count_color(canvas, color_none());
    assert_in_range(quarter, 1000, 1700);
    assert_in_range(three_quarters, 2000, 3300);
    assert_in_range(none, 1000, 1800); // and its square in the legend
    canvas_free(canvas);
}

TEST(rows_are_drawn_from_the_top_and_columns_from_the_left) {
    struct error err;
    const float values[] = {-1, 0, 0, 0, 1, 0}; // the 1 is in row 1, column 1
    struct heatmap map = {.values = values, .n_rows = 2, .n_columns = 3, .scale = CHART_SIGNED};
    struct canvas *canvas = drawn(plot_heatmap(&map, &err), &err);
    int negative_x = -1, negative_y = -1, positive_x = -1, positive_y = -1;
    for (int y = 0; y < canvas->height; y++) { // the first pixels of each from the top left
        for (int x = 0; x < canvas->width; x++) {
            struct color color = canvas_get(canvas, x, y);
            if (negative_x < 0 && same_color(color, color_diverging(-1)))
                negative_x = x, negative_y = y;
            if (positive_x < 0 && same_color(color, color_diverging(1)) && x < negative_x + 110)
                positive_x = x, positive_y = y;
        }
    }
    int cell_width = positive_x - negative_x, cell_height = positive_y - negative_y;
    assert_in_range(cell_width, 30, 50);
    assert_in_range(cell_height, 30, 50);
    canvas_free(canvas);
}

TEST(numbers_in_cells_are_drawn_on_request) {
    struct error err;
    const float values[] = {0.25f, 0.5f};
    struct heatmap map = {.values = values, .n_rows = 1, .n_columns = 2, .high = 1};
    struct canvas *plain = drawn(plot_heatmap(&map, &err), &err);
    map.show_values = true;
    struct canvas *with_values = drawn(plot_heatmap(&map, &err), &err);
    assert_true(count_color(with_values, color_ink()) > count_color(plain, color_ink()) + 40);
    canvas_free(plain);
    canvas_free(with_values);
}

TEST(heatmaps_of_all_sizes_keep_their_margins) {
    struct random_source random = {8};
    static const size_t sizes[] = {1, 2, 5, 12, 39, 41, 200, 700, CHART_LARGEST_MAP};
    static const char *const titles[] = {
        NULL, "head 0", "a title that is much longer than the narrow picture below it is wide",
        "a title so long that no picture is made wide enough for it, which is why it must be "
        "shortened somewhere, with an ellipsis at its end, and not be cut off at the edge"};
    for (size_t i = 0; i < 60; i++) {
        struct error err;
        const char *rows[CHART_LARGEST_MAP], *columns[CHART_LARGEST_MAP];
        size_t n_rows = sizes[random_below(&random, LENGTH(sizes))];
        size_t n_columns = sizes[random_below(&random, LENGTH(sizes))];
        float *values = random_values(&random, n_rows * n_columns);
        random_labels(&random, rows, n_rows);
        random_labels(&random, columns, n_columns);
        struct heatmap map = {.title = titles[i % 4],
                              .row_title = titles[(i + 1) % 4],
                              .column_title = titles[(i + 2) % 4],
                              .value_title = titles[(i + 3) % 4],
                              .values = values,
                              .n_rows = n_rows,
                              .n_columns = n_columns,
                              .row_labels = random_below(&random, 4) ? rows : NULL,
                              .column_labels = random_below(&random, 4) ? columns : NULL,
                              .scale = i % 2 ? CHART_SIGNED : CHART_AMOUNT,
                              .show_values = random_below(&random, 2)};
        struct canvas *canvas = drawn(plot_heatmap(&map, &err), &err);
        assert_margin(canvas);
        canvas_free(canvas);
        free(values);
    }
}

TEST(rows_and_columns_that_count_the_same_are_numbered_alike) {
    for (size_t n = 1; n <= 200; n++) {
        struct heatmap map = {.n_rows = n, .n_columns = n};
        struct heatmap_layout layout = heatmap_layout(&map, 560, 440, true);
        assert_int_equal(layout.row_step, layout.column_step);
    }
}

TEST(an_empty_or_huge_heatmap_is_refused) {
    struct error err;
    const float value = 1;
    struct heatmap map = {.title = "none", .values = &value, .n_rows = 0, .n_columns = 1};
    assert_null(plot_heatmap(&map, &err));
    assert_message(&err, "none", "0 rows", "expected 1 to 1024");
    map.n_rows = 1;
    map.n_columns = CHART_LARGEST_MAP + 1;
    assert_null(plot_heatmap(&map, &err));
    assert_message(&err, "1025 columns");
}

TEST(heatmaps_side_by_side_keep_their_margins) {
    struct error err;
    float values[12 * 144];
    struct heatmap maps[12];
    make_heads(values, maps);
    for (size_t n = 1; n <= 12; n++) {
        maps[0].row_labels = n % 2 ? tokens : NULL;
        maps[0].column_labels = n % 3 ? tokens : NULL;
        struct canvas *canvas = drawn(plot_heatmaps("Heads", maps, n, &err), &err);
        assert_margin(canvas);
        canvas_free(canvas);
    }
}

TEST(heatmaps_side_by_side_share_one_scale) {
    struct error err;
    const float small[] = {1}, large[] = {4};
    struct heatmap maps[] = {{.values = small, .n_rows = 1, .n_columns = 1},
                             {.values = large, .n_rows = 1, .n_columns = 1}};
    struct canvas *canvas = drawn(plot_heatmaps(NULL, maps, 2, &err), &err);
    assert_in_range(count_color(canvas, color_sequential(0.25)), 1000, 2000);
    assert_in_range(count_color(canvas, color_sequential(1)), 1000, 2000);
    canvas_free(canvas);
}

TEST(heatmaps_of_different_shapes_are_refused) {
    struct error err;
    const float values[] = {1, 2, 3, 4};
    struct heatmap maps[] = {{.values = values, .n_rows = 2, .n_columns = 2},
                             {.values = values, .n_rows = 1, .n_columns = 2}};
    assert_null(plot_heatmaps(NULL, maps, 2, &err));
    assert_message(&err, "heatmap 1", "[1, 2]", "[2, 2]");
    assert_null(plot_heatmaps(NULL, maps, 0, &err));
    assert_message(&err, "0 heatmaps", "expected 1 to 48");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heatmaps_cells_have_the_colours_of_their_values),
        cmocka_unit_test(rows_are_drawn_from_the_top_and_columns_from_the_left),
        cmocka_unit_test(numbers_in_cells_are_drawn_on_request),
        cmocka_unit_test(heatmaps_of_all_sizes_keep_their_margins),
        cmocka_unit_test(rows_and_columns_that_count_the_same_are_numbered_alike),
        cmocka_unit_test(an_empty_or_huge_heatmap_is_refused),
        cmocka_unit_test(heatmaps_side_by_side_keep_their_margins),
        cmocka_unit_test(heatmaps_side_by_side_share_one_scale),
        cmocka_unit_test(heatmaps_of_different_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
