/* common/ops.h: the arithmetic of a transformer, against numbers worked out by hand. */
#include "support.h"

#include "../../common/ops.h"

/* --- dot ------------------------------------------------------------------------------------ */

TEST(dot_sums_the_products) {
    const float a[] = {1, 2, 3}, b[] = {4, -5, 6};
    assert_close(dot(a, b, 3), 12, 0);
}

TEST(dot_of_nothing_is_0) {
    const float a[] = {1};
    assert_close(dot(a, a, 0), 0, 0);
}

/* --- softmax -------------------------------------------------------------------------------- */

TEST(softmax_of_3_2_1_0) {
    float x[] = {3, 2, 1, 0};
    softmax(x, 4);
    assert_close(x[0], 0.6439142599, 1e-7);
    assert_close(x[1], 0.2368828181, 1e-7);
    assert_close(x[2], 0.0871443187, 1e-7);
    assert_close(x[3], 0.0320586033, 1e-7);
}

TEST(softmax_shares_sum_to_1) {
    struct random_source random = {1};
    for (size_t n = 1; n <= 300; n += 13) {
        float x[300];
        random_floats(&random, x, n);
        softmax(x, n);
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(x[i] > 0 && x[i] <= 1);
            sum += (double)x[i];
        }
        assert_close(sum, 1, 1e-5);
    }
}

TEST(softmax_looks_only_at_differences) {
    float a[] = {3, 2, 1, 0}, b[] = {1003, 1002, 1001, 1000};
    softmax(a, 4);
    softmax(b, 4);
    assert_same_floats(a, b, 4); // these sums are exact in float
}

TEST(softmax_of_one_score_is_1) {
    float x[] = {-123};
    softmax(x, 1);
    assert_close(x[0], 1, 0);
}

TEST(softmax_of_equal_scores_shares_evenly) {
    float x[] = {7, 7, 7, 7, 7};
    softmax(x, 5);
    for (size_t i = 0; i < 5; i++)
        assert_close(x[i], 0.2, 1e-7);
}

TEST(softmax_survives_scores_whose_exp_overflows) {
    float x[] = {3e38f, 1000, -3e38f};
    softmax(x, 3);
    assert_close(x[0], 1, 0);
    assert_close(x[1], 0, 0);
    assert_close(x[2], 0, 0);
}

TEST(softmax_survives_scores_whose_exp_underflows) {
    float x[] = {-1000, -1001};
    softmax(x, 2);
    assert_close(x[0], 0.7310585786, 1e-6);
    assert_close(x[1], 0.2689414214, 1e-6);
}

TEST(softmax_gives_minus_infinity_nothing) {
    float x[] = {-INFINITY, 0, -INFINITY, 0};
    softmax(x, 4);
    assert_close(x[0], 0, 0);
    assert_close(x[1], 0.5, 1e-7);
    assert_close(x[2], 0, 0);
    assert_close(x[3], 0.5, 1e-7);
}

/* --- surprise ------------------------------------------------------------------------------- */

TEST(surprise_is_minus_the_logarithm_of_the_share) {
    const float scores[] = {3, 2, 1, 0};
    assert_close(surprise(scores, 4, 0), -log(0.6439142599), 1e-9);
    assert_close(surprise(scores, 4, 3), -log(0.0320586033), 1e-8);
}

TEST(surprise_of_20_equal_scores_is_that_of_perplexity_20) {
    float scores[20];
    for (size_t i = 0; i < 20; i++)
        scores[i] = 123;
    assert_close(exp(surprise(scores, 20, 7)), 20, 1e-9);
}

TEST(surprise_stays_finite_where_the_share_rounds_to_0) {
    const float scores[] = {1000, -1000};
    assert_close(surprise(scores, 2, 0), 0, 0);
    assert_close(surprise(scores, 2, 1), 2000, 0);
}

/* --- layer norm ----------------------------------------------------------------------------- */

enum { WIDTH = 77 };

static void fill(float *out, float value) {
    for (size_t i = 0; i < WIDTH; i++)
        out[i] = value;
}

TEST(layer_norm_brings_mean_0_and_variance_1) {
    struct random_source random = {2};
    float x[WIDTH], ones[WIDTH], zeros[WIDTH], out[WIDTH];
    random_floats(&random, x, WIDTH);
    fill(ones, 1), fill(zeros, 0);
    for (size_t i = 0; i < WIDTH; i++)
        x[i] = 30 * x[i] + 5;
    layer_norm(out, x, ones, zeros, WIDTH, 1e-5f);
    double mean = 0, square = 0;
    for (size_t i = 0; i < WIDTH; i++) {
        mean += (double)out[i] / WIDTH;
        square += (double)out[i] * (double)out[i] / WIDTH;
    }
    assert_close(mean, 0, 1e-6);
    assert_close(square, 1, 1e-5);
}

TEST(layer_norm_of_a_small_vector_by_hand) {
    // mean 2, variance (1 + 0 + 1) / 3, with the division by n and not by n - 1
    const float x[] = {1, 2, 3}, weight[] = {1, 1, 2}, bias[] = {0, 10, 0};
    float out[3];
    layer_norm(out, x, weight, bias, 3, 0);
    assert_close(out[0], -1.2247449, 1e-6);
    assert_close(out[1], 10, 1e-6);
    assert_close(out[2], 2.4494897, 1e-6);
}

TEST(layer_norm_adds_epsilon_to_the_variance) {
    // variance 1, epsilon 3: the scale is 1 / sqrt(4)
    const float x[] = {-1, 1}, weight[] = {1, 1}, bias[] = {0, 0};
    float out[2];
    layer_norm(out, x, weight, bias, 2, 3);
    assert_close(out[0], -0.5, 1e-7);
    assert_close(out[1], 0.5, 1e-7);
}

TEST(layer_norm_of_equal_numbers_is_the_bias) {
    float x[WIDTH], weight[WIDTH], bias[WIDTH], out[WIDTH];
    fill(x, 4), fill(weight, 3), fill(bias, 0.25f);
    layer_norm(out, x, weight, bias, WIDTH, 1e-5f);
    assert_same_floats(out, bias, WIDTH);
}

TEST(layer_norm_may_write_over_its_input) {
    struct random_source random = {3};
    float x[WIDTH], weight[WIDTH], bias[WIDTH], out[WIDTH];
    random_floats(&random, x, WIDTH);
    random_floats(&random, weight, WIDTH);
    random_floats(&random, bias, WIDTH);
    layer_norm(out, x, weight, bias, WIDTH, 1e-5f);
    layer_norm(x, x, weight, bias, WIDTH, 1e-5f);
    assert_same_floats(x, out, WIDTH);
}

/* --- linear --------------------------------------------------------------------------------- */

TEST(linear_by_hand) {
    const float x[] = {1, 2, 3, 4};                  // [2, 2]
    const float weight[] = {1, 10, 100, 2, 20, 200}; // [2, 3]
    const float bias[] = {0.5f, 0, -1};
    const float expected[] = {5.5f, 50, 499, 11.5f, 110, 1099};
    float out[6];
    linear(out, x, weight, bias, 2, 2, 3);
    assert_same_floats(out, expected, 6);
}

TEST(linear_without_bias) {
    const float x[] = {1, 2}, weight[] = {3, 4}; // [1, 2] and [2, 1]
    float out[1];
    linear(out, x, weight, NULL, 1, 2, 1);
    assert_close(out[0], 11, 0);
}

TEST(linear_by_rows_reads_the_weights_the_other_way) {
    const float x[] = {1, 2, 3, 4};                  // [2, 2]
    const float weight[] = {1, 2, 10, 20, 100, 200}; // [3, 2]
    const float expected[] = {5, 50, 500, 11, 110, 1100};
    float out[6];
    linear_by_rows(out, x, weight, 2, 2, 3);
    assert_same_floats(out, expected, 6);
}

TEST(linear_of_no_rows_writes_nothing) {
    const float x[] = {1}, weight[] = {1};
    float out[] = {42};
    linear(out, x, weight, NULL, 0, 1, 1);
    linear_by_rows(out, x, weight, 0, 1, 1);
    assert_close(out[0], 42, 0);
}

/* --- GELU ----------------------------------------------------------------------------------- */

/* What the header promises, in double. */
static double gelu_tanh_of(double x) {
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

TEST(gelu_of_1_is_that_of_the_tanh_form) {
    float x[] = {1, -1, 0};
    gelu(x, 3);
    assert_close(x[0], 0.8411920, 5e-7); // the exact form has 0.8413447
    assert_close(x[1], -0.1588080, 5e-7);
    assert_close(x[2], 0, 0);
}

TEST(gelu_exact_of_1_is_that_of_the_erf_form) {
    float x[] = {1, -1, 0};
    gelu_exact(x, 3);
    assert_close(x[0], 0.8413447, 5e-7); // the tanh form has 0.8411920
    assert_close(x[1], -0.1586553, 5e-7);
    assert_close(x[2], 0, 0);
}

TEST(gelu_follows_its_formula) {
    for (int i = -600; i <= 600; i++) {
        float x = (float)i / 100, found = x;
        gelu(&found, 1);
        assert_close(found, gelu_tanh_of((double)x), 2e-6);
    }
}

TEST(gelu_exact_follows_its_formula) {
    for (int i = -600; i <= 600; i++) {
        float x = (float)i / 100, found = x;
        gelu_exact(&found, 1);
        assert_close(found, 0.5 * (double)x * (1 + erf((double)x / sqrt(2))), 2e-6);
    }
}

TEST(both_forms_of_gelu_keep_large_numbers_and_drop_large_negatives) {
    float a[] = {50, -50}, b[] = {50, -50};
    gelu(a, 2);
    gelu_exact(b, 2);
    assert_close(a[0], 50, 0);
    assert_close(a[1], 0, 0);
    assert_close(b[0], 50, 0);
    assert_close(b[1], 0, 0);
}

/* --- argmax --------------------------------------------------------------------------------- */

TEST(argmax_finds_the_largest) {
    const float x[] = {-3, 7, 2};
    assert_int_equal(argmax(x, 3), 1);
    assert_int_equal(argmax(x, 1), 0);
}

TEST(argmax_takes_the_first_of_equals) {
    const float x[] = {1, 5, 5, 5};
    assert_int_equal(argmax(x, 4), 1);
}

TEST(argmax_never_prefers_nan_to_a_number) {
    const float first[] = {NAN, -1, -2}, last[] = {-2, -1, NAN}, middle[] = {1, NAN, 2};
    assert_int_equal(argmax(first, 3), 1);
    assert_int_equal(argmax(last, 3), 1);
    assert_int_equal(argmax(middle, 3), 2);
}

TEST(argmax_prefers_minus_infinity_to_nan) {
    const float x[] = {NAN, -INFINITY, NAN};
    assert_int_equal(argmax(x, 3), 1);
}

TEST(argmax_knows_infinity) {
    const float x[] = {1, INFINITY, 3e38f};
    assert_int_equal(argmax(x, 3), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_sums_the_products),
        cmocka_unit_test(dot_of_nothing_is_0),
        cmocka_unit_test(softmax_of_3_2_1_0),
        cmocka_unit_test(softmax_shares_sum_to_1),
        cmocka_unit_test(softmax_looks_only_at_differences),
        cmocka_unit_test(softmax_of_one_score_is_1),
        cmocka_unit_test(softmax_of_equal_scores_shares_evenly),
        cmocka_unit_test(softmax_survives_scores_whose_exp_overflows),
        cmocka_unit_test(softmax_survives_scores_whose_exp_underflows),
        cmocka_unit_test(softmax_gives_minus_infinity_nothing),
        cmocka_unit_test(surprise_is_minus_the_logarithm_of_the_share),
        cmocka_unit_test(surprise_of_20_equal_scores_is_that_of_perplexity_20),
        cmocka_unit_test(surprise_stays_finite_where_the_share_rounds_to_0),
        cmocka_unit_test(layer_norm_brings_mean_0_and_variance_1),
        cmocka_unit_test(layer_norm_of_a_small_vector_by_hand),
        cmocka_unit_test(layer_norm_adds_epsilon_to_the_variance),
        cmocka_unit_test(layer_norm_of_equal_numbers_is_the_bias),
        cmocka_unit_test(layer_norm_may_write_over_its_input),
        cmocka_unit_test(linear_by_hand),
        cmocka_unit_test(linear_without_bias),
        cmocka_unit_test(linear_by_rows_reads_the_weights_the_other_way),
        cmocka_unit_test(linear_of_no_rows_writes_nothing),
        cmocka_unit_test(gelu_of_1_is_that_of_the_tanh_form),
        cmocka_unit_test(gelu_exact_of_1_is_that_of_the_erf_form),
        cmocka_unit_test(gelu_follows_its_formula),
        cmocka_unit_test(gelu_exact_follows_its_formula),
        cmocka_unit_test(both_forms_of_gelu_keep_large_numbers_and_drop_large_negatives),
        cmocka_unit_test(argmax_finds_the_largest),
        cmocka_unit_test(argmax_takes_the_first_of_equals),
        cmocka_unit_test(argmax_never_prefers_nan_to_a_number),
        cmocka_unit_test(argmax_prefers_minus_infinity_to_nan),
        cmocka_unit_test(argmax_knows_infinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
