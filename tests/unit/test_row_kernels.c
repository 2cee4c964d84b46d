/* common/kernels/row_kernels.h: softmax, GELU and layer norm of every table of kernels that works
 * here, against ops.h, and the exponential function in them against the C library's. */
#include "support.h"

#include <float.h>

#include "../../common/kernels/kernels.h"
#include "../../common/ops.h"

enum { LONGEST = 1100, SENTINEL = 12345 };

/* Lengths around vectors of 16, and pieces of several of them. */
static const size_t lengths[] = {1,  2,  3,  7,  15, 16, 17,  18,  31,  32,  33,
                                 47, 48, 49, 63, 64, 65, 127, 129, 768, 1000};

static const double HALF_STEP = 0x1p-24; // what one rounding of a float is off by, relatively

/* Runs a check for each table that works here. */
static void for_all_kernels(void (*check)(const struct kernels *kernels)) {
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (kernels_work_here(all[i]))
            check(all[i]);
    }
}

static void check_numbers(const char *name, const char *function, const float *found,
                          const float *expected, size_t n, double relative, double absolute) {
    for (size_t i = 0; i < n; i++) {
        double tolerance = relative * fabs((double)expected[i]) + absolute;
        if (!(fabs((double)found[i] - (double)expected[i]) <= tolerance))
            fail_msg("%s, %s of %zu numbers: number %zu is %.9g, expected %.9g", name, function, n,
                     i, (double)found[i], (double)expected[i]);
    }
    assert_close(found[n], SENTINEL, 0); // nothing is written behind them
}

/* n random numbers between -spread and spread twice, with a sentinel behind each. */
static void make_numbers(float *a, float *b, size_t n, float spread, uint64_t seed) {
    struct random_source random = {seed};
    random_floats(&random, a, n);
    for (size_t i = 0; i < n; i++)
        a[i] *= spread;
    a[n] = SENTINEL;
    memcpy(b, a, (n + 1) * sizeof *b);
}

/* --- softmax -------------------------------------------------------------------------------- */

static void check_softmax(const struct kernels *kernels) {
    static const float spreads[] = {0.1f, 1, 20, 500};
    static float found[LONGEST], expected[LONGEST];
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        for (size_t s = 0; s < LENGTH(spreads); s++) {
            size_t n = lengths[i];
            // At no multiple of a vector's size, as the scores of a query are.
            make_numbers(found + 1, expected + 1, n, spreads[s], i + 1);
            kernels->softmax(found + 1, n);
            softmax(expected + 1, n);
            // A sum of n positive numbers is off by at most n roundings, in both.
            check_numbers(kernels->name, "softmax", found + 1, expected + 1, n,
                          (2 * (double)n + 16) * HALF_STEP, (double)FLT_MIN);
        }
    }
}

TEST(softmax_equals_the_readable_one) {
    for_all_kernels(check_softmax);
}

/* Next to a score of 0, scores below -22 add nothing to a sum that is 1: their shares are e^x. */
static void check_exponential(const struct kernels *kernels) {
    enum { N = 64, STEPS = 40000 };
    for (size_t step = 0; step < STEPS; step++) {
        float x[N], shares[N];
        for (size_t i = 0; i < N; i++)
            x[i] = (float)(-87.0 + 65.0 * (double)(step * N + i) / (STEPS * N));
        x[step % (N - 4)] = 0;
        memcpy(shares, x, sizeof x);
        kernels->softmax(shares, N - step % 5);
        for (size_t i = 0; i < N - step % 5; i++) {
            double expected = exp((double)x[i]);
            if (!(fabs((double)shares[i] - expected) <= 1.2e-7 * expected))
                fail_msg("%s: e^%.9g is %.9g, expected %.9g", kernels->name, (double)x[i],
                         (double)shares[i], expected);
        }
    }
}

TEST(the_exponential_is_as_exact_as_stated) {
    for_all_kernels(check_exponential);
}

static void check_no_share(const struct kernels *kernels) {
    for (size_t n = 2; n <= 40; n++) {
        for (size_t masked = 0; masked < n; masked++) {
            float found[41], expected[41];
            make_numbers(found, expected, n, 3, n);
            found[masked] = expected[masked] = -INFINITY;
            found[(masked + 1) % n] = expected[(masked + 1) % n] = 1;
            kernels->softmax(found, n);
            softmax(expected, n);
            assert_true(found[masked] == 0);
            check_numbers(kernels->name, "softmax", found, expected, n,
                          (2 * (double)n + 16) * HALF_STEP, 0);
        }
    }
}

TEST(a_score_of_minus_infinity_gets_no_share) {
    for_all_kernels(check_no_share);
}

static void check_huge_scores(const struct kernels *kernels) {
    static const float huge[] = {3e38f, -3e38f, 1e30f, -1e30f, 100, -100, 3e38f};
    for (size_t n = 1; n <= 40; n++) {
        float found[41], expected[41];
        for (size_t i = 0; i < n; i++)
            found[i] = expected[i] = huge[i % LENGTH(huge)];
        found[n] = SENTINEL;
        kernels->softmax(found, n);
        softmax(expected, n);
        check_numbers(kernels->name, "softmax", found, expected, n, 16 * HALF_STEP, 0);
    }
}

TEST(huge_scores_do_not_overflow) {
    for_all_kernels(check_huge_scores);
}

static void check_nan_share(const struct kernels *kernels) {
    for (size_t n = 1; n <= 40; n++) {
        for (size_t bad = 0; bad < n; bad++) {
            float x[41];
            make_numbers(x, x, n, 3, n);
            x[bad] = NAN;
            kernels->softmax(x, n);
            for (size_t i = 0; i < n; i++) // as in ops.h: the sum of all is not a number
                assert_true(isnan(x[i]));
        }
    }
}

TEST(one_score_that_is_no_number_leaves_no_share_one) {
    for_all_kernels(check_nan_share);
}

/* --- GELU ----------------------------------------------------------------------------------- */

static void check_gelu(const struct kernels *kernels) {
    static const float spreads[] = {0.01f, 1, 6, 60};
    static float found[LONGEST], expected[LONGEST];
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        for (size_t s = 0; s < LENGTH(spreads); s++) {
            size_t n = lengths[i];
            make_numbers(found + 1, expected + 1, n, spreads[s], i + 100);
            kernels->gelu(found + 1, n);
            gelu(expected + 1, n);
            // ops.h loses what 1 + tanh(...) cancels: up to two roundings of 1, times x.
            check_numbers(kernels->name, "gelu", found + 1, expected + 1, n, 8 * HALF_STEP,
                          (double)spreads[s] * 2 * HALF_STEP);
        }
    }
}

TEST(gelu_equals_the_readable_one) {
    for_all_kernels(check_gelu);
}

/* In doubles, with no cancellation: what of a negative x is left is small, and still right. */
static double exact_gelu(double x) {
    double u = sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x);
    return x / (1.0 + exp(-2.0 * u));
}

/* e^(-2u) takes all values between e^-88 and e^88 here. It is off by what u is off by. */
static void check_gelu_of_one(const struct kernels *kernels) {
    for (int step = -100000; step <= 100000; step += 16) {
        float x[16], found[16];
        for (int i = 0; i < 16; i++)
            x[i] = found[i] = 10.2f * (float)(step + i) / 1e5f;
        kernels->gelu(found, 16);
        for (size_t i = 0; i < 16; i++) {
            double expected = exact_gelu((double)x[i]);
            double u = 0.8 * fabs((double)x[i] + 0.045 * pow((double)x[i], 3));
            double tolerance = (8 + 8 * u) * HALF_STEP * fabs(expected) + 5e-38;
            if (!(fabs((double)found[i] - expected) <= tolerance))
                fail_msg("%s: the GELU of %.9g is %.9g, expected %.9g", kernels->name, (double)x[i],
                         (double)found[i], expected);
        }
    }
}

TEST(gelu_is_right_where_little_is_left) {
    for_all_kernels(check_gelu_of_one);
}

static void check_extreme_gelu(const struct kernels *kernels) {
    static const float x[] = {3e38f, -3e38f, 1e30f,    -1e30f, 1e13f, -1e13f, 100,
                              -100,  0,      INFINITY, -20,    20,    1e-40f, -1e-40f};
    enum { N = LENGTH(x) };
    for (size_t n = 1; n <= 40; n++) {
        float found[40];
        for (size_t i = 0; i < n; i++)
            found[i] = x[(i + n) % N];
        kernels->gelu(found, n);
        for (size_t i = 0; i < n; i++) {
            float in = x[(i + n) % N];
            if (in == INFINITY)
                assert_true(found[i] == INFINITY);
            else
                assert_close(found[i], in >= 1 ? in : 0, 1e-37);
        }
    }
}

TEST(gelu_of_huge_and_tiny_numbers_is_the_number_or_nothing) {
    for_all_kernels(check_extreme_gelu);
}

static void check_nan_gelu(const struct kernels *kernels) {
    for (size_t n = 1; n <= 40; n++) {
        for (size_t bad = 0; bad < n; bad++) {
            float x[41];
            make_numbers(x, x, n, 3, n);
            x[bad] = NAN;
            kernels->gelu(x, n);
            for (size_t i = 0; i < n; i++)
                assert_true(!isnan(x[i]) == (i != bad));
        }
    }
}

TEST(gelu_of_no_number_is_none_and_leaves_its_neighbours) {
    for_all_kernels(check_nan_gelu);
}

/* --- layer norm ----------------------------------------------------------------------------- */

/* Random x around `center`, and weights and biases; found, expected: by both, in place or not. */
static void check_norm(const struct kernels *kernels, size_t n, float center, float spread,
                       bool in_place) {
    static float x[LONGEST], found[LONGEST], expected[LONGEST], weight[LONGEST], bias[LONGEST];
    struct random_source random = {n};
    random_floats(&random, x, n);
    random_floats(&random, weight, n);
    random_floats(&random, bias, n);
    for (size_t i = 0; i < n; i++)
        x[i] = center + spread * x[i];
    memcpy(found, x, n * sizeof *x);
    found[n] = SENTINEL;
    layer_norm(expected, x, weight, bias, n, 1e-5f);
    kernels->layer_norm(found, in_place ? found : x, weight, bias, n, 1e-5f);
    // The mean is off by up to n roundings of the largest number, next to a deviation of about
    // spread / 2; a normed number is at most sqrt(n).
    double largest = fabs((double)center) / (double)spread + 1, steps = (double)n + 16;
    check_numbers(kernels->name, "layer norm", found, expected, n, 0,
                  4 * steps * largest * HALF_STEP);
}

static void check_layer_norm(const struct kernels *kernels) {
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        check_norm(kernels, lengths[i], 0, 1, false);
        check_norm(kernels, lengths[i], 0, 1, true);
        check_norm(kernels, lengths[i], 5, 1, false);
        check_norm(kernels, lengths[i], -3, 100, true);
    }
}

TEST(layer_norm_equals_the_readable_one) {
    for_all_kernels(check_layer_norm);
}

/* No deviation at all, or one whose square is no float: what is left is the bias. */
static void check_flat(const struct kernels *kernels) {
    for (size_t n = 1; n <= 40; n++) {
        float x[40], weight[40], bias[40], out[40];
        for (size_t i = 0; i < n; i++) {
            x[i] = 7;
            weight[i] = 2;
            bias[i] = (float)i;
        }
        kernels->layer_norm(out, x, weight, bias, n, 1e-5f);
        assert_same_floats(out, bias, n);
        for (size_t i = 0; i < n; i++)
            x[i] = i % 2 == 0 ? 1e30f : -2e30f;
        if (n > 1) {
            kernels->layer_norm(out, x, weight, bias, n, 1e-5f);
            assert_same_floats(out, bias, n);
        }
        x[n / 2] = NAN;
        kernels->layer_norm(out, x, weight, bias, n, 1e-5f);
        for (size_t i = 0; i < n; i++)
            assert_true(isnan(out[i]));
    }
}

TEST(layer_norm_of_a_flat_or_a_huge_vector_is_the_bias_and_nan_stays) {
    for_all_kernels(check_flat);
}

/* --- reading -------------------------------------------------------------------------------- */

static void check_read(const struct kernels *kernels) {
    char bytes[1024 * sizeof(float) + 3];
    for (size_t i = 0; i < 1024; i++) {
        float number = (float)(i % 7);
        memcpy(bytes + 3 + i * sizeof number, &number, sizeof number);
    }
    double sum = 0, expected = 0;
    for (size_t n = 0; n <= 1024; n++) {
        if (n % 128 == 0) // only whole groups of 128 count
            expected = sum;
        assert_close(kernels->read(bytes + 3, n), expected, 0);
        sum += (double)(n % 7);
    }
}

TEST(reading_adds_up_floats_at_an_odd_address) {
    for_all_kernels(check_read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_equals_the_readable_one),
        cmocka_unit_test(the_exponential_is_as_exact_as_stated),
        cmocka_unit_test(a_score_of_minus_infinity_gets_no_share),
        cmocka_unit_test(huge_scores_do_not_overflow),
        cmocka_unit_test(one_score_that_is_no_number_leaves_no_share_one),
        cmocka_unit_test(gelu_equals_the_readable_one),
        cmocka_unit_test(gelu_is_right_where_little_is_left),
        cmocka_unit_test(gelu_of_huge_and_tiny_numbers_is_the_number_or_nothing),
        cmocka_unit_test(gelu_of_no_number_is_none_and_leaves_its_neighbours),
        cmocka_unit_test(layer_norm_equals_the_readable_one),
        cmocka_unit_test(layer_norm_of_a_flat_or_a_huge_vector_is_the_bias_and_nan_stays),
        cmocka_unit_test(reading_adds_up_floats_at_an_odd_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
