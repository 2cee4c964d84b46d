/* common/plot/term_plot.h: charts and tables of all kinds and sizes fit a terminal of 80 columns. */
#include "support.h"

#include "../../common/plot/term_plot.h"
#include "capture.h"

static void random_labels(struct random_source *random, const char **labels, size_t n) {
    static const char *const kinds[] = {
        "a", "·server", "·electroencephalographically", "日本語のとても長い単語です", "👋👋",
        "", "\xff\xfe", "e\xcc\x81", "12", "a\nb", "\033[31m", "👨‍👩‍👧", "\xe2\x80\xae",
        ("a label that is so long that it alone would fill more than a line of a terminal, and "
         "that goes on and on so that not even its bytes fit into the buffers of a label")};
    for (size_t i = 0; i < n; i++)
        labels[i] = kinds[random_below(random, LENGTH(kinds))];
}

TEST(heatmaps_of_all_kinds_fit) {
    struct random_source random = {17};
    static float values[1100 * 300];
    for (size_t i = 0; i < 200; i++) {
        const char *rows[1100], *columns[300], *titles[4];
        size_t n_rows = 1 + random_below(&random, i % 2 ? 20 : 1100);
        size_t n_columns = 1 + random_below(&random, i % 3 ? 20 : 300);
        random_floats(&random, values, n_rows * n_columns);
        float scale = (float)pow(10, (double)random_below(&random, 24) - 12);
        for (size_t k = 0; k < n_rows * n_columns; k++)
            values[k] *= scale;
        values[random_below(&random, n_rows * n_columns)] = random_below(&random, 2) ? NAN : 0;
        random_labels(&random, rows, n_rows);
        random_labels(&random, columns, n_columns);
        random_labels(&random, titles, 4);
        struct heatmap map = {.title = titles[0],       .row_title = titles[1],
                              .column_title = titles[2], .value_title = titles[3],
                              .values = values,         .n_rows = n_rows,
                              .n_columns = n_columns,   .row_labels = i % 5 ? rows : NULL,
                              .column_labels = i % 7 ? columns : NULL,
                              .scale = i % 4 < 2 ? CHART_AMOUNT : CHART_SIGNED,
                              .show_values = i % 3 == 0};
        if (n_rows == n_columns || (n_rows > n_columns && i % 2))
            map.column_labels = map.row_labels;
        struct heatmap maps[3] = {map, map, map};
        struct capture capture;
        capture_begin(&capture, (enum term_colors)(i % 3), i % 11 == 0);
        term_heatmap(&capture.term, &map);
        term_heatmaps(&capture.term, maps, 1 + i % 3);
        assert_lines_fit(&capture);
    }
}

TEST(bars_of_all_kinds_fit) {
    struct random_source random = {18};
    for (size_t i = 0; i < 200; i++) {
        const char *labels[100], *texts[100], *titles[2];
        float values[100];
        bool muted[100];
        size_t n = 1 + random_below(&random, 100);
        random_floats(&random, values, n);
        for (size_t k = 0; k < n; k++) {
            values[k] = i % 4 == 0 ? fabsf(values[k]) : values[k];
            muted[k] = random_below(&random, 3) == 0;
        }
        if (i % 5 == 0)
            values[random_below(&random, n)] = -INFINITY;
        random_labels(&random, labels, n);
        random_labels(&random, texts, n);
        random_labels(&random, titles, 2);
        struct bar_chart chart = {.title = titles[0],
                                  .values = values,
                                  .labels = labels,
                                  .value_texts = i % 3 ? NULL : texts,
                                  .n = n,
                                  .muted = i % 2 ? muted : NULL,
                                  .muted_title = titles[1],
                                  .percent = i % 4 == 0,
                                  .low = i % 7 ? 0 : -0.1f,
                                  .high = i % 7 ? 0 : 0.2f};
        struct capture capture;
        capture_begin(&capture, (enum term_colors)(i % 3), i % 11 == 0);
        term_bars(&capture.term, &chart);
        assert_lines_fit(&capture);
    }
}

TEST(tables_of_all_kinds_fit) {
    struct random_source random = {19};
    for (size_t i = 0; i < 200; i++) {
        const char *headers[40], *cells[40 * 40], *title;
        bool right[40];
        size_t n_rows = random_below(&random, 40), n_columns = 1 + random_below(&random, 40);
        random_labels(&random, headers, n_columns);
        random_labels(&random, cells, n_rows * n_columns);
        random_labels(&random, &title, 1);
        for (size_t c = 0; c < n_columns; c++)
            right[c] = random_below(&random, 2);
        struct table table = {.title = title,         .headers = i % 2 ? headers : NULL,
                              .cells = cells,         .n_rows = n_rows,
                              .n_columns = n_columns, .right = i % 3 ? right : NULL,
                              .most_rows = i % 5 ? 0 : SIZE_MAX};
        struct capture capture;
        capture_begin(&capture, TERM_PLAIN, false);
        term_table(&capture.term, &table);
        assert_lines_fit(&capture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heatmaps_of_all_kinds_fit),
        cmocka_unit_test(bars_of_all_kinds_fit),
        cmocka_unit_test(tables_of_all_kinds_fit),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
