/* common/plot/term.h and term_plot.h: charts and tables in a terminal of 80 columns. */
#define _XOPEN_SOURCE 700 // posix_openpt
#include "support.h"

#include <fcntl.h>

#include "../../common/plot/term_plot.h"
#include "capture.h"

static const char *const tokens[] = {"The", "·server", "·crashed", "·because", "·it", "·ran"};

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
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
