/*
 * common/kernels/: NaN, infinities and numbers near the ends of a float's range, as weights and as
 * activations, in every format and with every processor's kernels that work here. Damage has to
 * stay visible: an output that depends on NaN is NaN, so that the sampler refuses it.
 */
#include "support.h"

#include "../../common/kernels/linear.h"
#include "../../common/kernels/pack.h"

enum { N_IN = 70, N_OUT = 67, N_ROWS = 8, INTACT_OUTPUT = 3, BAD_OUTPUT = 65, BAD_INPUT = 37 };

static const enum matrix_format formats[] = {MATRIX_F32_IN_OUT, MATRIX_BF16, MATRIX_INT8};

/* A layer whose weights are all `usual` but for one, between BAD_INPUT and BAD_OUTPUT. */
struct layer {
    float weight[N_IN * N_OUT]; // [N_IN, N_OUT]
    _Alignas(64) unsigned char data[65536];
    uint16_t scales[1024];
    struct matrix matrix;
};

static void make_layer(struct layer *layer, enum matrix_format format, float usual, float bad) {
    for (size_t i = 0; i < N_IN * N_OUT; i++)
        layer->weight[i] = usual;
    layer->weight[BAD_INPUT * N_OUT + BAD_OUTPUT] = bad;
    layer->matrix = (struct matrix){MATRIX_F32_IN_OUT, layer->weight, NULL, N_IN, N_OUT};
    size_t data_bytes, scale_bytes;
    if (format == MATRIX_F32_IN_OUT)
        return;
    struct matrix source = layer->matrix;
    assert_true(packed_sizes(format, N_IN, N_OUT, &data_bytes, &scale_bytes));
    assert_true(data_bytes <= sizeof layer->data && scale_bytes <= sizeof layer->scales);
    matrix_pack(&source, format, layer->data, layer->scales, kernels_for_this_processor(), NULL,
                &layer->matrix);
}

/* Runs n_rows rows of ones, with `bad` at BAD_INPUT of row 1 (of row 0 when it is alone). */
static void run_layer(const struct kernels *kernels, const struct layer *layer, size_t n_rows,
                      float bad, float out[N_ROWS * N_OUT]) {
    struct error err;
    struct compute compute = {0};
    static float x[N_ROWS * N_IN];
    for (size_t i = 0; i < N_ROWS * N_IN; i++)
        x[i] = 1.0f;
    x[(n_rows > 1 ? N_IN : 0) + BAD_INPUT] = bad;
    assert_done(compute_new(&compute, 1, N_ROWS, N_IN, &err), &err);
    compute.kernels = kernels;
    const struct linear_layer linear = {layer->matrix, NULL, THEN_NOTHING, false};
    linear_forward(&compute, &linear, out, x, n_rows);
    compute_free(&compute);
}

typedef void check_case(const struct kernels *kernels, enum matrix_format format, size_t n_rows);

static void for_all(check_case *check) {
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        for (size_t f = 0; f < LENGTH(formats) && kernels_work_here(all[i]); f++) {
            check(all[i], formats[f], 1);
            check(all[i], formats[f], N_ROWS);
        }
    }
}

/* Fails with everything that tells the case. */
#define check_number(condition, number)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s, format %d, %zu rows: %s: found %g", kernels->name, (int)format, n_rows,  \
                     #condition, (double)(number));                                                \
    } while (0)

static void check_bad_weight(const struct kernels *kernels, enum matrix_format format,
                             size_t n_rows, float bad) {
    static struct layer layer;
    static float out[N_ROWS * N_OUT];
    make_layer(&layer, format, 0.5f, bad);
    run_layer(kernels, &layer, n_rows, 1.0f, out);
    for (size_t r = 0; r < n_rows; r++) {
        float hit = out[r * N_OUT + BAD_OUTPUT], intact = out[r * N_OUT + INTACT_OUTPUT];
        check_number(!isfinite(hit), hit);
        check_number(fabsf(intact - 0.5f * N_IN) < 0.5f, intact);
    }
}

static void check_nan_weight(const struct kernels *kernels, enum matrix_format format,
                             size_t n_rows) {
    const uint32_t all_ones = 0x7fffffff; // also a NaN, the one with the largest bits
    float other_nan;
    memcpy(&other_nan, &all_ones, sizeof other_nan);
    check_bad_weight(kernels, format, n_rows, NAN);
    check_bad_weight(kernels, format, n_rows, other_nan);
}

TEST(a_weight_that_is_no_number_makes_its_output_none) {
    for_all(check_nan_weight);
}

static void check_infinite_weight(const struct kernels *kernels, enum matrix_format format,
                                  size_t n_rows) {
    check_bad_weight(kernels, format, n_rows, INFINITY);
    check_bad_weight(kernels, format, n_rows, -INFINITY);
}

TEST(an_infinite_weight_makes_its_output_no_finite_number) {
    for_all(check_infinite_weight);
}

static void check_bad_activation(const struct kernels *kernels, enum matrix_format format,
                                 size_t n_rows, float bad) {
    static struct layer layer;
    static float out[N_ROWS * N_OUT];
    make_layer(&layer, format, 0.5f, 0.5f);
    run_layer(kernels, &layer, n_rows, bad, out);
    size_t hit_row = n_rows > 1 ? 1 : 0;
    for (size_t i = 0; i < n_rows * N_OUT; i++) {
        if (i / N_OUT == hit_row)
            check_number(!isfinite(out[i]), out[i]);
        else
            check_number(fabsf(out[i] - 0.5f * N_IN) < 0.5f, out[i]);
    }
}

static void check_activations(const struct kernels *kernels, enum matrix_format format,
                              size_t n_rows) {
    check_bad_activation(kernels, format, n_rows, NAN);
    check_bad_activation(kernels, format, n_rows, INFINITY);
    check_bad_activation(kernels, format, n_rows, -INFINITY);
}

TEST(an_activation_that_is_no_number_spoils_its_row_and_no_other) {
    for_all(check_activations);
}

/* Weights of one magnitude: the sum of N_IN of them, wherever a float can tell it from 0. */
static void check_magnitude(const struct kernels *kernels, enum matrix_format format, size_t n_rows,
                            float magnitude) {
    static struct layer layer;
    static float out[N_ROWS * N_OUT];
    make_layer(&layer, format, magnitude, magnitude);
    run_layer(kernels, &layer, n_rows, 1.0f, out);
    for (size_t i = 0; i < n_rows * N_OUT; i++) {
        // What is near the smallest normal number may become 0 (in int8 it is the scale that has to
        // be one, and it is worth 127 times less), but never changes its sign.
        double expected = (double)magnitude * N_IN;
        double smallest = 1.2e-38 * N_IN * (format == MATRIX_INT8 ? 127 : 1);
        check_number(magnitude < 0 ? out[i] <= 0 : out[i] >= 0, out[i]);
        check_number(fabs((double)out[i] - expected) <= 0.02 * fabs(expected) + smallest, out[i]);
    }
}

static void check_magnitudes(const struct kernels *kernels, enum matrix_format format,
                             size_t n_rows) {
    static const float magnitudes[] = {1e-45f, 1e-42f, 1e-40f, 1e-38f,  3e-38f, 1e-37f,
                                       1e-30f, 1e30f,  1e36f,  -1e-40f, -1e36f, 0.0f};
    for (size_t i = 0; i < LENGTH(magnitudes); i++)
        check_magnitude(kernels, format, n_rows, magnitudes[i]);
}

TEST(weights_near_both_ends_of_the_range_keep_their_sign_and_size) {
    for_all(check_magnitudes);
}

/* Activations near both ends, with weights of 0.5. */
static void check_activation_sizes(const struct kernels *kernels, enum matrix_format format,
                                   size_t n_rows) {
    static const float values[] = {1e-45f, 1e-40f, 1e-38f, 1e30f, 1e36f, -1e36f};
    static struct layer layer;
    static float out[N_ROWS * N_OUT];
    make_layer(&layer, format, 0.5f, 0.5f);
    for (size_t i = 0; i < LENGTH(values); i++) {
        run_layer(kernels, &layer, n_rows, values[i], out);
        double expected = 0.5 * ((double)values[i] + N_IN - 1);
        float found = out[n_rows > 1 ? N_OUT : 0];
        check_number(fabs((double)found - expected) <= 0.02 * fabs(expected), found);
    }
}

TEST(activations_near_both_ends_of_the_range_keep_their_sign_and_size) {
    for_all(check_activation_sizes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_is_no_number_makes_its_output_none),
        cmocka_unit_test(an_infinite_weight_makes_its_output_no_finite_number),
        cmocka_unit_test(an_activation_that_is_no_number_spoils_its_row_and_no_other),
        cmocka_unit_test(weights_near_both_ends_of_the_range_keep_their_sign_and_size),
        cmocka_unit_test(activations_near_both_ends_of_the_range_keep_their_sign_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
