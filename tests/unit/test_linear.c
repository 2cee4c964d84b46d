/* common/kernels/linear.h: the fast linear layer against the readable one, for every kind of
 * processor whose instructions work here, every format of weights, and odd shapes. */
#include "support.h"

#include "../../common/kernels/linear.h"
#include "../../common/kernels/pack.h"
#include "../../common/ops.h"
#include "../../common/tensor.h"

/* Sizes around the kernels' tiles, vectors and blocks, and some that fit nothing. */
static const size_t sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 97, 129, 200};

static const enum matrix_format formats[] = {MATRIX_F32_IN_OUT, MATRIX_F32_OUT_IN, MATRIX_BF16,
                                             MATRIX_INT8};

struct operands {
    struct matrix matrix; // in the format that is being tested
    float *weight;        // [n_in, n_out]: what the matrix holds, exactly
    float *bias;          // [n_out]
    float *x;             // [n_rows, n_in]
    float *found;         // [n_rows * n_out + 1]
    float *expected;      // [n_rows, n_out]
    void *data;           // what the matrix points to, beginning at an odd address
    uint16_t *scales;
    size_t n_in, n_out, n_rows;
};

/* Floats, in either layout, at an address that is odd as in the real file. */
static void store_floats(struct operands *o, enum matrix_format format) {
    o->data = malloc(o->n_in * o->n_out * sizeof(float) + 3);
    char *at = (char *)o->data + 3;
    for (size_t i = 0; i < o->n_in; i++) {
        for (size_t j = 0; j < o->n_out; j++) {
            size_t index = format == MATRIX_F32_IN_OUT ? i * o->n_out + j : j * o->n_in + i;
            memcpy(at + index * sizeof(float), &o->weight[i * o->n_out + j], sizeof(float));
        }
    }
    o->matrix = (struct matrix){format, at, NULL, o->n_in, o->n_out};
}

/* Panels; o->weight becomes what they hold. */
static void store_panels(struct operands *o, enum matrix_format format) {
    size_t data_bytes, scale_bytes;
    struct matrix source = {MATRIX_F32_IN_OUT, o->weight, NULL, o->n_in, o->n_out};
    assert_true(packed_sizes(format, o->n_in, o->n_out, &data_bytes, &scale_bytes));
    o->data = malloc(data_bytes);
    o->scales = malloc(scale_bytes + 1);
    matrix_pack(&source, format, o->data, o->scales, kernels_for_this_processor(), NULL,
                &o->matrix);
    for (size_t i = 0; i < o->n_in; i++) {
        for (size_t j = 0; j < o->n_out; j++)
            o->weight[i * o->n_out + j] = matrix_number(&o->matrix, i, j);
    }
}

static struct operands make_operands(enum matrix_format format, size_t n_in, size_t n_out,
                                     size_t n_rows) {
    struct random_source random = {n_in * 1000003 + n_out * 1009 + n_rows};
    struct operands o = {
        .weight = tensor_new(n_in * n_out),
        .bias = tensor_new(n_out),
        .x = tensor_new(n_rows * n_in),
        .found = tensor_new(n_rows * n_out + 1),
        .expected = tensor_new(n_rows * n_out),
        .n_in = n_in,
        .n_out = n_out,
        .n_rows = n_rows,
    };
    random_floats(&random, o.weight, n_in * n_out);
    random_floats(&random, o.bias, n_out);
    random_floats(&random, o.x, n_rows * n_in);
    if (format == MATRIX_F32_IN_OUT || format == MATRIX_F32_OUT_IN)
        store_floats(&o, format);
    else
        store_panels(&o, format);
    return o;
}

static void free_operands(struct operands *o) {
    tensor_free(o->weight);
    tensor_free(o->bias);
    tensor_free(o->x);
    tensor_free(o->found);
    tensor_free(o->expected);
    free(o->data);
    free(o->scales);
}

static struct compute new_compute(const struct kernels *kernels, size_t n_threads) {
    struct compute compute = {0};
    struct error err;
    assert_true(compute_new(&compute, n_threads, 64, 600, &err));
    if (kernels != NULL)
        compute.kernels = kernels;
    return compute;
}

/* Runs a check for each kind of kernels that works here. */
static void for_all_kernels(void (*check)(struct compute *compute)) {
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (!kernels_work_here(all[i]))
            continue;
        struct compute compute = new_compute(all[i], 1);
        check(&compute);
        compute_free(&compute);
    }
}

/* How far apart sums of n_in products below 1 may be. Where the activations are rounded too, to 8
 * bits with a scale or to BF16, each product is off by up to 1/256. */
static double tolerance(const struct compute *compute, const struct operands *o) {
    const struct kernels *k = compute->kernels;
    bool one = o->n_rows == 1;
    bool rounded = (o->matrix.format == MATRIX_BF16 && k->pack_bf16 != NULL && !one) ||
                   (o->matrix.format == MATRIX_INT8 &&
                    (one ? k->multiply_int8_row != NULL : k->pack_int8 != NULL));
    double n_in = (double)o->n_in;
    return rounded ? 6e-3 * (2 + sqrt(n_in)) : 1e-6 * (1 + n_in / 4);
}

/* The kernel and ops.h agree, and nothing is written behind the output. */
static void check_shape(struct compute *compute, enum matrix_format format, size_t n_in,
                        size_t n_out, size_t n_rows, bool with_bias) {
    struct operands o = make_operands(format, n_in, n_out, n_rows);
    struct linear_layer layer = {o.matrix, with_bias ? o.bias : NULL, THEN_NOTHING, false};
    size_t n = n_rows * n_out;
    for (size_t i = 0; i <= n; i++)
        o.found[i] = 12345;
    linear(o.expected, o.x, o.weight, layer.bias, n_rows, n_in, n_out);
    linear_forward(compute, &layer, o.found, o.x, n_rows);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)o.found[i] - (double)o.expected[i]) <= tolerance(compute, &o)))
            fail_msg("%s, format %d, [%zu, %zu], %zu rows: number %zu is %g, expected %g",
                     compute->kernels->name, (int)format, n_in, n_out, n_rows, i,
                     (double)o.found[i], (double)o.expected[i]);
    }
    assert_close(o.found[n], 12345, 0);
    free_operands(&o);
}

static void check_all_shapes(struct compute *compute) {
    for (size_t f = 0; f < LENGTH(formats); f++) {
        for (size_t i = 0; i < LENGTH(sizes); i++) {
            for (size_t j = 0; j < LENGTH(sizes); j++)
                check_shape(compute, formats[f], sizes[i], sizes[j], 1 + (i + 2 * j) % 9,
                            (i + j) % 3 != 0);
        }
    }
}

TEST(all_formats_and_shapes_equal_the_readable_layer) {
    for_all_kernels(check_all_shapes);
}

static void check_rows(struct compute *compute) {
    for (size_t f = 0; f < LENGTH(formats); f++) {
        for (size_t n_rows = 1; n_rows <= 40; n_rows++)
            check_shape(compute, formats[f], 33, 71, n_rows, true);
    }
}

TEST(every_number_of_rows_works) {
    for_all_kernels(check_rows);
}

TEST(no_rows_write_nothing) {
    struct compute compute = new_compute(NULL, 1);
    struct operands o = make_operands(MATRIX_F32_IN_OUT, 5, 7, 1);
    struct linear_layer layer = {o.matrix, o.bias, THEN_NOTHING, false};
    o.found[0] = 12345;
    linear_forward(&compute, &layer, o.found, o.x, 0);
    assert_close(o.found[0], 12345, 0);
    free_operands(&o);
    compute_free(&compute);
}

/* What stands in the output is kept and added to; then GELU bends the sum. */
static void check_add_and_gelu(struct compute *compute) {
    for (size_t n_rows = 1; n_rows <= 3; n_rows++) {
        struct operands o = make_operands(MATRIX_F32_IN_OUT, 20, 70, n_rows);
        size_t n = n_rows * 70;
        struct linear_layer layer = {o.matrix, o.bias, THEN_GELU, true};
        linear(o.expected, o.x, o.weight, o.bias, n_rows, 20, 70);
        for (size_t i = 0; i < n; i++) {
            o.found[i] = (float)(i % 5) - 2;
            o.expected[i] += o.found[i];
        }
        gelu(o.expected, n);
        linear_forward(compute, &layer, o.found, o.x, n_rows);
        for (size_t i = 0; i < n; i++)
            assert_close(o.found[i], o.expected[i], 2e-5);
        layer = (struct linear_layer){o.matrix, NULL, THEN_GELU_EXACT, false};
        linear(o.expected, o.x, o.weight, NULL, n_rows, 20, 70);
        gelu_exact(o.expected, n);
        linear_forward(compute, &layer, o.found, o.x, n_rows);
        for (size_t i = 0; i < n; i++)
            assert_close(o.found[i], o.expected[i], 2e-5);
        free_operands(&o);
    }
}

TEST(a_layer_adds_to_its_output_and_bends_it) {
    for_all_kernels(check_add_and_gelu);
}

/* Any number of threads gives the same bits as one. */
TEST(any_number_of_threads_gives_the_same_bits) {
    struct compute one = new_compute(NULL, 1);
    for (size_t n_threads = 2; n_threads <= 9; n_threads++) {
        struct compute many = new_compute(NULL, n_threads);
        for (size_t i = 0; i < LENGTH(sizes); i++) {
            enum matrix_format format = formats[(i + n_threads) % LENGTH(formats)];
            struct operands o = make_operands(format, sizes[i], 7 + 67 * i % 500, 1 + i % 9);
            struct linear_layer layer = {o.matrix, o.bias, THEN_GELU, false};
            linear_forward(&one, &layer, o.expected, o.x, o.n_rows);
            linear_forward(&many, &layer, o.found, o.x, o.n_rows);
            assert_same_floats(o.found, o.expected, o.n_rows * o.n_out);
            free_operands(&o);
        }
        compute_free(&many);
    }
    compute_free(&one);
}

TEST(rows_come_out_the_same_alone_and_together) {
    // True for files of floats as they are: what the cache holds does not depend on how it came.
    struct compute compute = new_compute(NULL, 1);
    struct operands o = make_operands(MATRIX_F32_IN_OUT, 200, 129, 9);
    struct linear_layer layer = {o.matrix, o.bias, THEN_NOTHING, false};
    linear_forward(&compute, &layer, o.expected, o.x, 9);
    for (size_t r = 0; r < 9; r++)
        linear_forward(&compute, &layer, o.found + r * 129, o.x + r * 200, 1);
    for (size_t i = 0; i < 9 * 129; i++)
        assert_close(o.found[i], o.expected[i], 1e-5);
    free_operands(&o);
    compute_free(&compute);
}

TEST(a_layer_by_hand) {
    const float weight[] = {1, 10, 100, 2, 20, 200}; // [2, 3]
    const float bias[] = {0.5f, 0, -1}, x[] = {1, 2, 3, 4};
    const float expected[] = {5.5f, 50, 499, 11.5f, 110, 1099};
    const struct linear_layer layer = {
        {MATRIX_F32_IN_OUT, weight, NULL, 2, 3}, bias, THEN_NOTHING, false};
    struct compute compute = new_compute(NULL, 1);
    float out[6];
    linear_forward(&compute, &layer, out, x, 2);
    assert_same_floats(out, expected, 6);
    compute_free(&compute);
}

TEST(not_a_number_comes_out_as_it_went_in) {
    const float weight[] = {1, 2, NAN, 4}; // [2, 2]: the first output meets it, the second does not
    const float x[] = {1, 1, 1, 1};
    const struct linear_layer layer = {
        {MATRIX_F32_IN_OUT, weight, NULL, 2, 2}, NULL, THEN_GELU, false};
    struct compute compute = new_compute(NULL, 1);
    float out[4];
    linear_forward(&compute, &layer, out, x, 2);
    assert_true(isnan(out[0]) && isnan(out[2]));
    assert_false(isnan(out[1]) || isnan(out[3]));
    compute_free(&compute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_formats_and_shapes_equal_the_readable_layer),
        cmocka_unit_test(every_number_of_rows_works),
        cmocka_unit_test(no_rows_write_nothing),
        cmocka_unit_test(a_layer_adds_to_its_output_and_bends_it),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(rows_come_out_the_same_alone_and_together),
        cmocka_unit_test(a_layer_by_hand),
        cmocka_unit_test(not_a_number_comes_out_as_it_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
