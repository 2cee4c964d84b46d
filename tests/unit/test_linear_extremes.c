/* common/kernels/linear.h with what should not be there: weights and activations that are infinite or
 * no numbers, and some so small that their scale is no float. They must spoil what is made of them,
 * so that it is noticed, and nothing else, in every format and for every table of kernels. */
#include "support.h"

#include "../../common/kernels/linear.h"
#include "../../common/kernels/pack.h"
#include "../../common/tensor.h"

enum { N_IN = 70, N_OUT = 70, MOST_ROWS = 8 };

typedef void check_outputs(const float *out, size_t n_rows);

/* Runs rows of activations against a matrix, with each table of kernels that works here. */
static void for_all_kernels(const struct matrix *m, const float *x, size_t n_rows,
                            check_outputs *check) {
    size_t n;
    struct error err;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        float out[MOST_ROWS * N_OUT];
        struct compute compute = {0};
        struct linear_layer layer = {*m, NULL, THEN_NOTHING, false};
        if (!kernels_work_here(all[i]))
            continue;
        assert_true(compute_new(&compute, 1, n_rows, N_IN, &err));
        compute.kernels = all[i];
        linear_forward(&compute, &layer, out, x, n_rows);
        check(out, n_rows);
        compute_free(&compute);
    }
}

/* The same for every format. floats: [N_IN, N_OUT] */
static void for_all_formats(const float *floats, const float *x, size_t n_rows,
                            check_outputs *check) {
    struct matrix source = {MATRIX_F32_IN_OUT, floats, NULL, N_IN, N_OUT}, packed;
    for_all_kernels(&source, x, n_rows, check);
    for (int format = MATRIX_BF16; format <= MATRIX_INT8; format++) {
        size_t data_bytes, scale_bytes;
        assert_true(
            packed_sizes((enum matrix_format)format, N_IN, N_OUT, &data_bytes, &scale_bytes));
        void *data = malloc(data_bytes);
        uint16_t *scales = malloc(scale_bytes + 1);
        matrix_pack(&source, (enum matrix_format)format, data, scales, kernels_for_this_processor(),
                    NULL, &packed);
        for_all_kernels(&packed, x, n_rows, check);
        free(data);
        free(scales);
    }
}

/* Weights from 0.1 to 1.1: none is 0, for 0 times infinity is no number, either. */
static void make_weights(float floats[N_IN * N_OUT]) {
    struct random_source random = {1};
    for (size_t i = 0; i < N_IN * N_OUT; i++)
        floats[i] = (float)random_uniform(&random) + 0.1f;
}

static void make_rows(float x[MOST_ROWS * N_IN]) {
    for (size_t i = 0; i < MOST_ROWS * N_IN; i++)
        x[i] = 1.0f + (float)(i % 5);
}

/* --- weights -------------------------------------------------------------------------------- */

static void check_output_66(const float *out, size_t n_rows) {
    for (size_t i = 0; i < n_rows * N_OUT; i++)
        assert_true(isfinite(out[i]) == (i % N_OUT != 66));
}

TEST(a_weight_that_is_no_number_spoils_its_output_and_no_other) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float floats[N_IN * N_OUT], x[MOST_ROWS * N_IN];
    make_rows(x);
    for (size_t b = 0; b < LENGTH(bad); b++) {
        for (size_t at = 0; at < N_IN; at += 23) {
            make_weights(floats);
            floats[at * N_OUT + 66] = bad[b];
            for (size_t n_rows = 1; n_rows <= MOST_ROWS; n_rows++)
                for_all_formats(floats, x, n_rows, check_output_66);
        }
    }
}

/* --- activations ---------------------------------------------------------------------------- */

static void check_last_row(const float *out, size_t n_rows) {
    for (size_t i = 0; i < n_rows * N_OUT; i++)
        assert_true(isfinite(out[i]) == (i / N_OUT != n_rows - 1));
}

TEST(an_activation_that_is_no_number_spoils_its_row_and_no_other) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float floats[N_IN * N_OUT], x[MOST_ROWS * N_IN];
    make_weights(floats);
    for (size_t b = 0; b < LENGTH(bad); b++) {
        for (size_t n_rows = 1; n_rows <= MOST_ROWS; n_rows++) {
            for (size_t at = 0; at < N_IN; at += 23) {
                make_rows(x);
                x[(n_rows - 1) * N_IN + at] = bad[b];
                for_all_formats(floats, x, n_rows, check_last_row);
            }
        }
    }
}

static void check_nothing(const float *out, size_t n_rows) {
    for (size_t i = 0; i < n_rows * N_OUT; i++)
        assert_close(out[i], 0, N_IN * 1.1 * 1e-30);
}

TEST(activations_of_next_to_nothing_give_next_to_nothing) {
    static const float nothing[] = {0, 1e-45f, -1e-40f, 3e-37f, -9e-31f};
    float floats[N_IN * N_OUT], x[MOST_ROWS * N_IN];
    make_weights(floats);
    for (size_t n = 0; n < LENGTH(nothing); n++) {
        for (size_t i = 0; i < MOST_ROWS * N_IN; i++)
            x[i] = nothing[n];
        for (size_t n_rows = 1; n_rows <= MOST_ROWS; n_rows += 7)
            for_all_formats(floats, x, n_rows, check_nothing);
    }
}

/* Activations of 1e-28 times 1e28: the scales of a block may be anything a float can be. */
static void check_one(const float *out, size_t n_rows) {
    for (size_t i = 0; i < n_rows * N_OUT; i++)
        assert_close(out[i], N_IN, N_IN / 64.0);
}

TEST(tiny_activations_and_huge_weights_give_what_they_should) {
    static const float magnitudes[] = {1e-28f, 1e-10f, 1e10f, 1e28f};
    float floats[N_IN * N_OUT], x[MOST_ROWS * N_IN];
    for (size_t m = 0; m < LENGTH(magnitudes); m++) {
        for (size_t i = 0; i < MOST_ROWS * N_IN; i++)
            x[i] = magnitudes[m];
        for (size_t i = 0; i < N_IN * N_OUT; i++)
            floats[i] = 1 / magnitudes[m];
        for (size_t n_rows = 1; n_rows <= MOST_ROWS; n_rows += 7)
            for_all_formats(floats, x, n_rows, check_one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_is_no_number_spoils_its_output_and_no_other),
        cmocka_unit_test(an_activation_that_is_no_number_spoils_its_row_and_no_other),
        cmocka_unit_test(activations_of_next_to_nothing_give_next_to_nothing),
        cmocka_unit_test(tiny_activations_and_huge_weights_give_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
