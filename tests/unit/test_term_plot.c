/* common/term.h and term_plot.h: charts and tables in a terminal of 80 columns. */
#define _XOPEN_SOURCE 700 // posix_openpt
#include "support.h"

#include <fcntl.h>
#include <utf8proc.h>

#include "../../common/plot/term_plot.h"

static const char *const tokens[] = {"The", "·server", "·crashed", "·because", "·it", "·ran"};

/* --- catching what is printed ------------------------------------------------------------------- */

struct capture {
    char *text;
    size_t length;
    struct term term;
};

static void capture_begin(struct capture *capture, enum term_colors colors, bool ascii) {
    FILE *out = open_memstream(&capture->text, &capture->length);
    assert_non_null(out);
    capture->term = (struct term){.out = out, .colors = colors, .ascii = ascii};
}

static void capture_end(struct capture *capture) {
    assert_int_equal(fclose(capture->term.out), 0);
}

/* Ends the capture and compares what was printed. */
static void assert_printed(struct capture *capture, const char *expected) {
    capture_end(capture);
    assert_string_equal(capture->text, expected);
    free(capture->text);
}

/*
 * Ends the capture and checks every line: at most 80 columns, valid UTF-8, no control characters
 * but the escape codes of colours, which end before the line does; in a plain terminal none.
 */
static void assert_lines_fit(struct capture *capture) {
    bool colored = false;
    int columns = 0;
    capture_end(capture);
    const char *end = capture->text + capture->length;
    for (const char *c = capture->text; c < end;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)c, end - c, &codepoint);
        if (used <= 0)
            fail_msg("this is not UTF-8:\n%s", capture->text);
        if (codepoint == '\033') {
            assert_int_not_equal(capture->term.colors, TERM_PLAIN);
            const char *m = strchr(c, 'm');
            assert_non_null(m);
            assert_int_equal(strspn(c + 1, "[0123456789;"), m - c - 1);
            colored = strncmp(c, "\033[0m", 4) != 0;
            c = m + 1;
            continue;
        }
        if (codepoint == '\n') {
            assert_false(colored);
            columns = 0;
        } else {
            assert_true(codepoint >= 0x20 && codepoint != 0x7f);
            columns += utf8proc_charwidth(codepoint);
        }
        if (columns > TERM_COLUMNS)
            fail_msg("a line is longer than 80 columns:\n%s", capture->text);
        c += used;
    }
    assert_int_equal(columns, 0); // the last line is ended
    free(capture->text);
}

/* --- what a terminal can show ------------------------------------------------------------------- */

TEST(a_file_gets_no_colours) {
    FILE *file = fopen(path_of("out"), "w");
    assert_non_null(file);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    struct term term = term_for(file);
    assert_int_equal(term.colors, TERM_PLAIN);
    assert_false(term.ascii);
    fclose(file);
}

TEST(a_terminal_gets_the_colours_that_it_has) {
    static const struct {
        const char *term, *colorterm, *no_color;
        enum term_colors colors;
        bool ascii;
    } cases[] = {
        {"xterm-256color", "", "", TERM_256_COLORS, false},
        {"xterm", "truecolor", "", TERM_TRUE_COLORS, false},
        {"xterm", "24bit", "", TERM_TRUE_COLORS, false},
        {"xterm", "truecolor", "1", TERM_PLAIN, false},
        {"dumb", "truecolor", "", TERM_PLAIN, true},
        {"", "", "", TERM_PLAIN, true},
    };
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0)
        skip(); // a chroot without /dev/pts
    assert_int_equal(unlockpt(master), 0);
    int fd = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        setenv("TERM", cases[i].term, 1);
        setenv("COLORTERM", cases[i].colorterm, 1);
        setenv("NO_COLOR", cases[i].no_color, 1);
        struct term term = term_for(out);
        assert_int_equal(term.colors, cases[i].colors);
        assert_int_equal(term.ascii, cases[i].ascii);
    }
    fclose(out);
    close(master);
}

TEST(colours_are_escape_codes_or_nothing) {
    static const char *const expected[] = {
        "xy", "\033[48;5;196m\033[38;5;231mx\033[38;5;16my\033[0m",
        "\033[48;2;255;0;0m\033[38;2;255;255;255mx\033[38;2;0;0;0my\033[0m"};
    for (int colors = TERM_PLAIN; colors <= TERM_TRUE_COLORS; colors++) {
        struct capture capture;
        capture_begin(&capture, (enum term_colors)colors, false);
        term_background(&capture.term, (struct color){255, 0, 0});
        fputc('x', capture.term.out);
        term_foreground(&capture.term, (struct color){0, 0, 0});
        fputc('y', capture.term.out);
        term_reset(&capture.term);
        assert_printed(&capture, expected[colors]);
    }
}

TEST(labels_take_exactly_their_columns) {
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_left(&capture.term, "ab", 4);
    term_right(&capture.term, "ab", 4);
    term_left(&capture.term, "日本語", 4); // 日 and the ellipsis leave a column
    fputc('|', capture.term.out);
    term_right(&capture.term, "abcdef", 4);
    term_left(&capture.term, "ab", 0);
    assert_printed(&capture, "ab    ab日… |abc…");
}

TEST(the_middle_is_cut_out) {
    struct term_cut cut = term_cut(12, 12);
    assert_int_equal(cut.shown, 12);
    assert_int_equal(term_cut_index(&cut, 11), 11);
    for (size_t i = 0; i < 12; i++)
        assert_false(term_cut_gap(&cut, i));
    cut = term_cut(200, 5);
    static const size_t expected[] = {0, 1, 2, 198, 199};
    assert_int_equal(cut.shown, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(term_cut_index(&cut, i), expected[i]);
        assert_int_equal(term_cut_gap(&cut, i), i == 3);
    }
}

/* --- heatmaps ----------------------------------------------------------------------------------- */

TEST(a_plain_heatmap_is_made_of_shades) {
    const float values[] = {1, 0, 0, 0.3f, 0.7f, 0, 0.01f, 0.2f, 0.79f};
    struct heatmap map = {.title = "head 0",        .row_title = "who looks",
                          .column_title = "at whom", .value_title = "weight",
                          .values = values,         .n_rows = 3,
                          .n_columns = 3,           .row_labels = tokens,
                          .column_labels = tokens,  .high = 1};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmap(&capture.term, &map);
    assert_printed(&capture, "head 0\n"
                             "rows: who looks\n"
                             "columns: at whom\n"
                             "               The  ·server ·crashed\n"
                             "     The  ████████        ·        ·\n"
                             " ·server  ▒▒▒▒▒▒▒▒ ▓▓▓▓▓▓▓▓        ·\n"
                             "·crashed         · ░░░░░░░░ ████████\n"
                             "weight: · less, ░░ from 0.02, ▒▒ from 0.25, ▓▓ from 0.50, "
                             "██ from 0.75\n");
}

TEST(a_plain_signed_heatmap_is_made_of_digits) {
    const float values[] = {-2, 1, 0, -INFINITY};
    struct heatmap map = {.values = values, .n_rows = 2, .n_columns = 2, .scale = CHART_SIGNED};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmap(&capture.term, &map);
    assert_printed(&capture, "   0 1\n"
                             "0 -9+5\n"
                             "1  0~~\n"
                             "-9 is -2.00, 9 is 2.00\n"
                             "~~ no number, or infinite\n");
}

TEST(a_heatmap_of_numbers_is_a_table) {
    const float values[] = {0.5f, -1.25f, -INFINITY, 0};
    struct heatmap map = {.values = values, .n_rows = 2, .n_columns = 2, .row_labels = tokens,
                          .show_values = true, .scale = CHART_SIGNED};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmap(&capture.term, &map);
    assert_printed(&capture, "             0     1\n"
                             "    The   0.50 -1.25\n"
                             "·server     -∞     0\n");
}

TEST(an_ascii_terminal_gets_digits) {
    const float values[] = {0, 0.5f, 1};
    struct heatmap map = {.values = values, .n_rows = 1, .n_columns = 3};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, true);
    term_heatmap(&capture.term, &map);
    assert_printed(&capture, "   0 1 2\n"
                             "0  0 5 9\n"
                             "0 is 0, 9 is 1.00\n");
}

TEST(cells_have_the_colours_of_their_values) {
    const float values[] = {0, 1};
    struct heatmap map = {.values = values, .n_rows = 1, .n_columns = 2};
    struct capture capture;
    capture_begin(&capture, TERM_TRUE_COLORS, false);
    term_heatmap(&capture.term, &map);
    capture_end(&capture);
    struct color low = color_sequential(0), high = color_sequential(1);
    char expected[200];
    snprintf(expected, sizeof expected,
             "0 \033[48;2;%d;%d;%dm\033[38;2;32;38;46m  \033[0m"
             "\033[48;2;%d;%d;%dm\033[38;2;255;255;255m  \033[0m\n",
             low.red, low.green, low.blue, high.red, high.green, high.blue);
    assert_non_null(strstr(capture.text, expected));
    free(capture.text);
}

TEST(many_tokens_are_numbered_and_the_middle_left_out) {
    static float values[200 * 200];
    const char *labels[200];
    for (size_t i = 0; i < 200; i++)
        labels[i] = tokens[i % 6];
    struct heatmap map = {.values = values, .n_rows = 200, .n_columns = 200,
                          .row_labels = labels, .column_labels = labels};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmap(&capture.term, &map);
    capture_end(&capture);
    assert_non_null(strstr(capture.text, "   0   1   2   3   4   5   6   7 ... 193 194"));
    assert_non_null(strstr(capture.text, "\n  7 ·server "));
    assert_non_null(strstr(capture.text, "\n...\n192 The "));
    assert_null(strstr(capture.text, "\n  8 "));
    free(capture.text);
}

TEST(columns_without_room_for_labels_are_listed) {
    static float values[2 * 12];
    static const char *const rows[] = {"layer 0", "layer 1"};
    const char *columns[12];
    for (size_t i = 0; i < 12; i++)
        columns[i] = tokens[i % 6];
    struct heatmap map = {.values = values, .n_rows = 2, .n_columns = 12, .row_labels = rows,
                          .column_labels = columns};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmap(&capture.term, &map);
    capture_end(&capture);
    assert_non_null(strstr(capture.text, "0 The  1 ·server  2 ·crashed"));
    assert_non_null(strstr(capture.text, "11 ·ran"));
    free(capture.text);
}

TEST(heatmaps_stand_side_by_side) {
    const float first[] = {1, 0, 0.5f, 0.5f}, second[] = {0, 0, 0, 2};
    struct heatmap maps[] = {
        {.title = "head 0", .values = first, .n_rows = 2, .n_columns = 2, .value_title = "weight"},
        {.title = "head 1", .values = second, .n_rows = 2, .n_columns = 2}};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_heatmaps(&capture.term, maps, 2);
    assert_printed(&capture, "head 0  head 1\n"
                             "▓▓ ·     · ·\n"
                             "▒▒▒▒     ·██\n"
                             "\n"
                             "weight: · less, ░░ from 0.04, ▒▒ from 0.50, ▓▓ from 1.00, "
                             "██ from 1.50\n");
}

/* --- bars --------------------------------------------------------------------------------------- */

TEST(bars_are_as_long_as_their_values) {
    const float values[] = {0.5f, 0.25f, 0.0001f, 0};
    static const char *const texts[] = {"half", "4th", "tiny", "0"};
    struct bar_chart chart = {.title = "what comes next", .values = values, .labels = tokens,
                              .value_texts = texts, .n = 4, .high = 1};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_bars(&capture.term, &chart);
    // 80 - 8 for labels - 4 for values - 4 between them: 1 would be 64 columns.
    assert_printed(&capture, "what comes next\n"
                             "The       half  ████████████████████████████████\n"
                             "·server    4th  ████████████████\n"
                             "·crashed  tiny  ▏\n"
                             "·because     0\n");
}

TEST(negative_bars_end_where_positive_ones_begin) {
    const float values[] = {-1, 1, NAN};
    static const char *const labels[] = {"a", "b", "c"};
    static const char *const texts[] = {"one below zero, in long words", "", "none"};
    struct bar_chart chart = {.values = values, .labels = labels, .value_texts = texts, .n = 3};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, true);
    term_bars(&capture.term, &chart);
    // 80 - 1 - 29 - 4 = 46 columns: 23 to each side.
    assert_printed(&capture,
                   "a  one below zero, in long words  #######################\n"
                   "b                                                        "
                   "#######################\n"
                   "c                           none\n");
}

TEST(muted_bars_look_different) {
    const float values[] = {1, 1};
    const bool muted[] = {false, true};
    struct bar_chart chart = {.values = values, .labels = tokens, .n = 2, .high = 4,
                              .muted = muted, .muted_title = "cut off"};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_bars(&capture.term, &chart);
    assert_printed(&capture, "The      1.00  ████████████████▎\n"
                             "·server  1.00  ░░░░░░░░░░░░░░░░\n"
                             "░░  cut off\n");
}

/* --- tables ------------------------------------------------------------------------------------- */

TEST(a_table_has_columns_as_wide_as_its_texts) {
    static const char *const headers[] = {"tensor", "shape", "bytes"};
    static const char *const cells[] = {"wte", "[256, 64]", "65536", "wpe", "[128, 64]", "8"};
    const bool right[] = {false, false, true};
    struct table table = {.title = "Tensors", .headers = headers, .cells = cells,
                          .n_rows = 2,        .n_columns = 3,     .right = right};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_table(&capture.term, &table);
    assert_printed(&capture, "Tensors\n"
                             "tensor  shape      bytes\n"
                             "wte     [256, 64]  65536\n"
                             "wpe     [128, 64]      8\n");
}

TEST(a_long_table_loses_its_middle) {
    const char *cells[30];
    for (size_t i = 0; i < 30; i++)
        cells[i] = i == 5 ? "sixth" : i == 24 ? "sixth from the end" : "row";
    struct table table = {.cells = cells, .n_rows = 30, .n_columns = 1};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_table(&capture.term, &table);
    table.most_rows = 2;
    term_table(&capture.term, &table);
    assert_printed(&capture, "row\nrow\nrow\nrow\nrow\nsixth\n...\n"
                             "sixth from the end\nrow\nrow\nrow\nrow\nrow\n"
                             "row\n...\nrow\n");
}

TEST(a_table_can_be_shown_whole) {
    const char *cells[30];
    for (size_t i = 0; i < 30; i++)
        cells[i] = "x";
    struct table table = {.cells = cells, .n_rows = 30, .n_columns = 1, .most_rows = SIZE_MAX};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_table(&capture.term, &table);
    capture_end(&capture);
    assert_int_equal(capture.length, 60);
    free(capture.text);
}

TEST(a_wide_table_is_narrowed_and_then_cut) {
    const char *cells[40];
    for (size_t i = 0; i < 40; i++)
        cells[i] = "0123456789";
    struct table table = {.cells = cells, .n_rows = 1, .n_columns = 8};
    struct capture capture;
    capture_begin(&capture, TERM_PLAIN, false);
    term_table(&capture.term, &table);
    table.n_columns = 40;
    term_table(&capture.term, &table);
    capture_end(&capture);
    char *second = strchr(capture.text, '\n') + 1;
    assert_int_equal(second - capture.text - 1, 80 + 8 * 2); // 8 columns that end in '…', 3 bytes
    assert_int_equal(strncmp(capture.text, "0123456…  0123456…", 22), 0);
    assert_non_null(strstr(second, "  ...  ")); // 40: cut as well
    assert_int_equal(strncmp(second, "012…  01", 10), 0);
    free(capture.text);
}

/* --- everything fits ---------------------------------------------------------------------------- */

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
        cmocka_unit_test(a_file_gets_no_colours),
        cmocka_unit_test(a_terminal_gets_the_colours_that_it_has),
        cmocka_unit_test(colours_are_escape_codes_or_nothing),
        cmocka_unit_test(labels_take_exactly_their_columns),
        cmocka_unit_test(the_middle_is_cut_out),
        cmocka_unit_test(a_plain_heatmap_is_made_of_shades),
        cmocka_unit_test(a_plain_signed_heatmap_is_made_of_digits),
        cmocka_unit_test(a_heatmap_of_numbers_is_a_table),
        cmocka_unit_test(an_ascii_terminal_gets_digits),
        cmocka_unit_test(cells_have_the_colours_of_their_values),
        cmocka_unit_test(many_tokens_are_numbered_and_the_middle_left_out),
        cmocka_unit_test(columns_without_room_for_labels_are_listed),
        cmocka_unit_test(heatmaps_stand_side_by_side),
        cmocka_unit_test(bars_are_as_long_as_their_values),
        cmocka_unit_test(negative_bars_end_where_positive_ones_begin),
        cmocka_unit_test(muted_bars_look_different),
        cmocka_unit_test(a_table_has_columns_as_wide_as_its_texts),
        cmocka_unit_test(a_long_table_loses_its_middle),
        cmocka_unit_test(a_table_can_be_shown_whole),
        cmocka_unit_test(a_wide_table_is_narrowed_and_then_cut),
        cmocka_unit_test(heatmaps_of_all_kinds_fit),
        cmocka_unit_test(bars_of_all_kinds_fit),
        cmocka_unit_test(tables_of_all_kinds_fit),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
