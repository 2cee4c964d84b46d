/* common/chart.h: numbers, scales and ticks of charts. */
#include "support.h"

#include "../../common/plot/chart.h"

static void check_number(double value, double largest, const char *expected) {
    char text[CHART_NUMBER_SIZE];
    assert_ptr_equal(chart_number(value, largest, text), text);
    assert_string_equal(text, expected);
}

TEST(numbers_are_short) {
    check_number(0.8512, 1, "0.85");
    check_number(1, 1, "1.00");
    check_number(-2.345, 3, "-2.35");
    check_number(12.34, 50, "12.3");
    check_number(1234, 1234, "1234");
    check_number(38597376, 38597376, "38.6M");
    check_number(786432, 38597376, "0.8M");
    check_number(12345, 12345, "12.3k");
    check_number(0.0123, 0.05, "0.012");
    check_number(0.00004, 0.00005, "4e-05");
    check_number(-0.0001, 1, "0.00"); // not -0.00
    check_number(0, 1, "0");
    check_number(NAN, 1, "nan");
    check_number(-INFINITY, 1, "-∞");
    check_number(INFINITY, 1, "∞");
}

static void check_percent(double share, const char *expected) {
    char text[CHART_NUMBER_SIZE];
    assert_string_equal(chart_percent(share, text), expected);
}

TEST(shares_are_percentages) {
    check_percent(0.64, "64%");
    check_percent(1, "100%");
    check_percent(0, "0%");
    check_percent(0.042, "4.2%");
    check_percent(0.0994, "9.9%");
    check_percent(0.0997, "10%");
    check_percent(0.0003, "0.03%");
    check_percent(0.000001, "<0.01%");
}

TEST(the_range_is_that_of_the_finite_values) {
    const float values[] = {-INFINITY, 3, NAN, -2, 7, INFINITY};
    double low, high;
    assert_true(chart_range(values, 6, &low, &high));
    assert_close(low, -2, 0);
    assert_close(high, 7, 0);
    assert_false(chart_range(values, 1, &low, &high));
    assert_close(low, 0, 0);
    assert_close(high, 1, 0);
}

TEST(a_heatmaps_scale_fits_its_values) {
    const float positive[] = {2, 5}, signed_values[] = {-1, 4}, equal[] = {0, 0};
    double low, high;
    struct heatmap map = {.values = positive, .n_rows = 1, .n_columns = 2};
    heatmap_range(&map, &low, &high); // amounts begin at 0
    assert_close(low, 0, 0);
    assert_close(high, 5, 0);
    map.values = signed_values;
    map.scale = CHART_SIGNED; // as far to both sides
    heatmap_range(&map, &low, &high);
    assert_close(low, -4, 0);
    assert_close(high, 4, 0);
    map = (struct heatmap){.values = positive, .n_rows = 1, .n_columns = 2, .low = 1, .high = 9};
    heatmap_range(&map, &low, &high); // its own
    assert_close(low, 1, 0);
    assert_close(high, 9, 0);
    map = (struct heatmap){.values = equal, .n_rows = 1, .n_columns = 2, .scale = CHART_SIGNED};
    heatmap_range(&map, &low, &high);
    assert_true(low < high);
}

TEST(a_bar_charts_scale_holds_0) {
    const float positive[] = {2, 5}, negative[] = {-3, -1}, none[] = {NAN};
    double low, high;
    struct bar_chart chart = {.values = positive, .n = 2};
    bar_chart_range(&chart, &low, &high);
    assert_close(low, 0, 0);
    assert_close(high, 5, 0);
    chart.values = negative;
    bar_chart_range(&chart, &low, &high);
    assert_close(low, -3, 0);
    assert_close(high, 0, 0);
    chart = (struct bar_chart){.values = none, .n = 1};
    bar_chart_range(&chart, &low, &high);
    assert_true(low <= 0 && high >= 0 && low < high);
}

TEST(bars_say_their_values) {
    const float values[] = {0.64f, 0.0012f, 0};
    static const char *const own[] = {"a", "b", "c"};
    char text[LABEL_SIZE];
    struct bar_chart chart = {.values = values, .n = 3};
    assert_string_equal(bar_chart_value(&chart, 0, text), "0.64");
    assert_string_equal(bar_chart_value(&chart, 1, text), "0.001"); // not 0.00
    assert_string_equal(bar_chart_value(&chart, 2, text), "0");
    chart.percent = true;
    assert_string_equal(bar_chart_value(&chart, 0, text), "64%");
    chart.value_texts = own;
    assert_string_equal(bar_chart_value(&chart, 2, text), "c");
}

TEST(levels_run_along_the_scale) {
    assert_close(chart_level(CHART_AMOUNT, 3, 1, 5), 0.5, 1e-12);
    assert_close(chart_level(CHART_AMOUNT, 9, 1, 5), 1, 0);
    assert_close(chart_level(CHART_AMOUNT, -9, 1, 5), 0, 0);
    assert_close(chart_level(CHART_SIGNED, -1, -4, 4), -0.25, 1e-12);
    assert_true(isnan(chart_level(CHART_AMOUNT, -INFINITY, 0, 1)));
    assert_true(isnan(chart_level(CHART_SIGNED, NAN, 0, 1)));
}

static void check_texts(struct ticks ticks, const char *expected) {
    char all[400] = "";
    for (size_t i = 0; i < ticks.count; i++) {
        char text[CHART_NUMBER_SIZE];
        strcat(strcat(all, i > 0 ? " " : ""), tick_text(&ticks, i, text));
    }
    assert_string_equal(all, expected);
}

static void check_ticks(double low, double high, size_t most, const char *expected) {
    check_texts(chart_ticks(low, high, most), expected);
}

TEST(ticks_of_what_is_counted_are_whole_numbers) {
    check_ticks(0, 4, 9, "0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0");
    check_texts(chart_whole_ticks(0, 4, 9), "0 1 2 3 4");
    check_texts(chart_whole_ticks(0, 1, 9), "0 1");
    check_texts(chart_whole_ticks(-0.5, 0.5, 9), "0"); // a single point
    check_texts(chart_whole_ticks(0, 48, 9), "0 10 20 30 40");
    check_texts(chart_whole_ticks(2.3, 5.1, 9), "3 4 5");
    assert_int_equal(chart_whole_ticks(0.2, 0.8, 9).count, 0);
}

TEST(ticks_are_round_numbers) {
    check_ticks(0, 1, 6, "0.0 0.2 0.4 0.6 0.8 1.0");
    check_ticks(0, 1, 5, "0.0 0.5 1.0");
    check_ticks(-2.96, 2.96, 5, "-2 -1 0 1 2");
    check_ticks(0, 12, 9, "0 2 4 6 8 10 12");
    check_ticks(0, 0.3, 4, "0.0 0.1 0.2 0.3"); // 3 * 0.1 is a little more than 0.3
    check_ticks(0, 0.007, 8, "0.000 0.001 0.002 0.003 0.004 0.005 0.006 0.007");
    check_ticks(0, 40000000, 5, "0 10M 20M 30M 40M");
    check_ticks(0, 50000, 6, "0 10k 20k 30k 40k 50k");
    check_ticks(0.25, 0.75, 3, "0.4 0.6");
}

TEST(ticks_of_any_range_lie_inside_and_are_few) {
    struct random_source random = {21};
    for (size_t i = 0; i < 5000; i++) {
        double size = pow(10, 24 * random_uniform(&random) - 12);
        double low = (2 * random_uniform(&random) - 1) * size;
        double high = low + size * (0.01 + random_uniform(&random));
        size_t most = 2 + random_below(&random, 10);
        struct ticks ticks = chart_ticks(low, high, most);
        double slack = 1e-6 * ticks.step;
        assert_in_range(ticks.count, 0, most);
        if (ticks.count == 0)
            continue;
        assert_true(ticks.first >= low - slack);
        assert_true(ticks.first + (double)(ticks.count - 1) * ticks.step <= high + slack);
        for (size_t k = 0; k < ticks.count; k++) {
            char text[CHART_NUMBER_SIZE];
            assert_in_range(strlen(tick_text(&ticks, k, text)), 1, 18);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(shares_are_percentages),
        cmocka_unit_test(the_range_is_that_of_the_finite_values),
        cmocka_unit_test(a_heatmaps_scale_fits_its_values),
        cmocka_unit_test(a_bar_charts_scale_holds_0),
        cmocka_unit_test(bars_say_their_values),
        cmocka_unit_test(levels_run_along_the_scale),
        cmocka_unit_test(ticks_of_what_is_counted_are_whole_numbers),
        cmocka_unit_test(ticks_are_round_numbers),
        cmocka_unit_test(ticks_of_any_range_lie_inside_and_are_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
